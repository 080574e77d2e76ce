"""The page in a real browser: what is read, clicked, typed, dropped, and measured by axe."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.article.package import REPO
from tests.curate.sheets import applied, opened

from gazadata.curate.sheet_write import print_sheet
from gazadata.display.record import Record

pytestmark = pytest.mark.browser

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
ROW = "#positions.azerbaijan-isf-participation"
WORDS = "potential contributors like Azerbaijan have reportedly reconsidered their participation"
Open = Callable[..., Any]


@pytest.fixture
def tab(browser: Any) -> Iterator[Open]:
    """Open a page in a tab of its own; errors in its script fail the test."""
    contexts: list[Any] = []
    errors: list[str] = []

    def open_tab(path: Path, fragment: str = "", **options: Any) -> Any:
        options = {"viewport": {"width": 1280, "height": 900}, "reduced_motion": "reduce"} | options
        context = browser.new_context(**options)
        contexts.append(context)
        made = context.new_page()
        made.on("pageerror", lambda error: errors.append(str(error)))
        made.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
        made.goto(path.as_uri() + fragment)
        return made

    yield open_tab
    for context in contexts:
        context.close()
    assert errors == []


def lit(tab: Any) -> str:
    return str(
        tab.evaluate("[...document.querySelectorAll('.g.lit')].map(s=>s.textContent).join('')")
    )


def text_of(tab: Any) -> str:
    """The article on the page, joined from its sentences."""
    return str(
        tab.evaluate(
            """[...document.querySelectorAll('article .t')].map(t => [...t.childNodes]
            .filter(n => !n.matches?.('.ref')).map(n => n.textContent).join('')).join('\\n\\n')"""
        )
    )


def test_the_text_is_exactly_that_of_the_article(tab: Open, whole_page: Path, article: str) -> None:
    assert text_of(tab(whole_page)) == article


def test_it_requests_nothing_else(browser: Any, whole_page: Path) -> None:
    asked: list[str] = []
    context = browser.new_context()
    made = context.new_page()
    made.on("request", lambda request: asked.append(request.url))
    made.goto(whole_page.as_uri())
    made.wait_for_load_state("networkidle")
    context.close()
    assert asked == [whole_page.as_uri()]


@pytest.mark.long
@pytest.mark.parametrize(
    ("scheme", "width"), [("light", 1280), ("light", 375), ("dark", 1280), ("dark", 375)]
)
def test_axe_finds_nothing_in_twelve_states(
    tab: Open, whole_page: Path, short_page: Path, scheme: str, width: int
) -> None:
    spec = importlib.util.find_spec("axe_playwright_python")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("axe-playwright-python is not installed: accessibility is NOT tested")
    script = Path(spec.submodule_search_locations[0]) / "axe.min.js"
    shown = tab(
        whole_page if (scheme, width) == ("light", 1280) else short_page,
        bypass_csp=True,
        color_scheme=scheme,
        viewport={"width": width, "height": 900},
    )
    # Also check what the browser renders only when it is scrolled to.
    shown.add_style_tag(content="section { content-visibility: visible !important }")
    shown.evaluate(script.read_text(encoding="utf-8"))
    steps: list[tuple[str, Callable[[], Any]]] = [
        ("start", lambda: None),
        ("row chosen", lambda: shown.evaluate(f"location.hash = '{ROW}'")),
        ("filter on", lambda: shown.fill("#search", "hamas")),
    ]
    for state, step in steps:
        step()
        found = shown.evaluate(
            "rules => axe.run(document, {runOnly: rules, resultTypes: ['violations']})", RULES
        )
        said = [(one["id"], [n["html"] for n in one["nodes"][:3]]) for one in found["violations"]]
        assert said == [], state
        assert shown.evaluate("document.documentElement.scrollWidth") <= width, state


def test_rows_highlight_their_words_and_words_lead_to_rows(tab: Open, whole_page: Path) -> None:
    shown = tab(whole_page, ROW)
    shown.wait_for_function("() => document.querySelector('.g.lit')")
    assert lit(shown) == WORDS
    shown.click("text=coordinated efforts to build consensus")
    rows = shown.evaluate(
        """[...document.querySelectorAll('.chosen a[href^="#r"]')]
        .map(a => document.getElementById(a.hash.slice(1)).closest('tbody').id)"""
    )
    assert "assessments.tour-suggests-consensus-building" in rows
    assert "coordinated efforts" in lit(shown)
    shown.keyboard.press("Escape")
    assert lit(shown) == ""


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_an_address_brings_its_row_and_its_words_into_view(
    tab: Open, whole_page: Path, motion: str
) -> None:
    shown = tab(whole_page, ROW, reduced_motion=motion)
    for what in (f"[id='{ROW[1:]}']", ".g.lit"):
        shown.wait_for_function(
            """query => { const at = document.querySelector(query)?.getBoundingClientRect();
            return at && at.top >= 0 && at.top < innerHeight - 100; }""",
            arg=what,
        )


def test_every_quote_can_be_reached_both_ways(tab: Open, whole_page: Path, record: Record) -> None:
    shown = tab(whole_page)
    for quote in record.quotes.values():
        marked = shown.evaluate(
            "n => [...document.querySelectorAll('.g')].filter(s => s.dataset.q.split(' ')"
            ".includes(n)).map(s => s.textContent).join('')",
            str(quote.number),
        )
        assert marked == quote.exact
    broken = shown.evaluate(
        """[...document.querySelectorAll('a[href^="#"]')].map(a => a.getAttribute('href').slice(1))
        .filter(id => !document.getElementById(decodeURIComponent(id)))"""
    )
    assert broken == []


def test_every_row_has_the_place_that_its_explanation_names(
    tab: Open, whole_page: Path, record: Record
) -> None:
    links = [
        record.dataset.explain(name, row[record.resource(name).key]).link
        for name, rows in record.tables.items()
        for row in rows[:3]
    ]
    broken = tab(whole_page).evaluate(
        "links => links.filter(link => link && !document.getElementById("
        "decodeURIComponent(link.split('#')[1])))",
        links,
    )
    assert broken == []


def test_it_can_be_read_without_javascript(tab: Open, whole_page: Path, record: Record) -> None:
    shown = tab(whole_page, java_script_enabled=False)
    assert shown.locator("#search").is_hidden()
    assert shown.locator("article").is_visible()
    assert shown.locator("tbody[id]").count() == sum(1 for _ in record.all_entries())
    summary = shown.locator("tbody[id] summary").first
    summary.click()
    assert shown.locator("tbody[id] details[open] dt a").first.is_visible()


def test_search_and_facets_count_what_is_left(tab: Open, whole_page: Path) -> None:
    shown = tab(whole_page)
    shown.keyboard.press("/")
    shown.keyboard.type("azerbaijan")
    left, total = shown.inner_text("#count").removesuffix(" rows").split(" of ")
    assert 0 < int(left) < int(total)
    assert shown.locator("tbody[id]:visible").count() == int(left)
    shown.keyboard.press("Escape")
    assert shown.inner_text("#count") == ""
    shown.select_option("#events select >> nth=0", "Consult")
    types = shown.locator("#events tbody:visible > tr:first-child > td:nth-child(2)")
    assert set(types.all_text_contents()) == {"Consult"}


def test_keys_step_through_the_quotes(tab: Open, whole_page: Path, record: Record) -> None:
    shown = tab(whole_page)
    words = [quote.exact for quote in record.quotes.values()]
    for key, at in (("n", 0), ("n", 1), ("n", 2), ("p", 1)):
        shown.keyboard.press(key)
        assert lit(shown) == words[at]
    shown.keyboard.press("?")
    assert shown.locator("footer details").get_attribute("open") is not None
    shown.uncheck("#keys")
    shown.keyboard.press("n")
    assert lit(shown) == words[1]


def test_filters_are_in_the_address(tab: Open, whole_page: Path) -> None:
    shown = tab(whole_page)
    shown.fill("#search", "pakistan & co")
    shown.fill("#search", "pakistan")
    shown.select_option("#events select >> nth=0", "Consult")
    address = shown.evaluate("location.hash")
    left = shown.inner_text("#count")
    again = tab(whole_page, address)
    assert again.inner_text("#count") == left
    assert again.input_value("#search") == "pakistan"
    again.evaluate("location.hash = '#?'")
    again.wait_for_function("() => document.querySelector('#count').textContent === ''")


def test_the_link_to_what_is_chosen_can_be_copied(tab: Open, whole_page: Path) -> None:
    shown = tab(whole_page, permissions=["clipboard-read", "clipboard-write"])
    for summary, anchor in (("#events summary >> nth=3", "events."), (".g >> nth=9", "quotes.")):
        shown.click(summary)
        shown.click(".chosen button")
        shown.wait_for_function(
            "() => document.querySelector('.chosen button').textContent === 'Copied'"
        )
        copied = shown.evaluate("navigator.clipboard.readText()")
        assert copied.partition("#")[2].startswith(anchor)
        again = tab(whole_page, f"#{copied.partition('#')[2]}")
        assert lit(again) == lit(shown)
    shown.click("#copy-citation")
    shown.wait_for_function(
        "() => document.querySelector('#copy-citation').textContent === 'Copied'"
    )
    assert shown.evaluate("navigator.clipboard.readText()") == shown.inner_text("#citation")


def test_choosing_a_row_lays_the_page_out_once(tab: Open, whole_page: Path) -> None:
    shown = tab(whole_page)
    shown.evaluate("document.querySelector('#events summary').scrollIntoView()")
    shown.wait_for_timeout(200)
    session = shown.context.new_cdp_session(shown)
    session.send("Performance.enable")

    def layouts() -> int:
        metrics = session.send("Performance.getMetrics")["metrics"]
        return int(next(one["value"] for one in metrics if one["name"] == "LayoutCount"))

    before = layouts()
    shown.evaluate(
        """() => new Promise(done => { document.querySelector('#events summary').click();
        requestAnimationFrame(() => requestAnimationFrame(done)); })"""
    )
    assert lit(shown)
    assert layouts() - before <= 2


def test_a_drop_is_checked_like_a_chosen_file(tab: Open, released_page: Path, article: str) -> None:
    shown = tab(released_page)
    for content, whole in ((article[:-1] + "!", False), (article, True)):
        shown.evaluate(
            """content => { const data = new DataTransfer();
            data.items.add(new File([content], 'a.txt'));
            dispatchEvent(new DragEvent('drop', {dataTransfer: data, cancelable: true})); }""",
            content,
        )
        shown.wait_for_function("() => document.querySelector('.drop').textContent")
        if whole:
            shown.wait_for_selector("article[data-whole]")
            assert text_of(shown) == article
        else:
            assert shown.locator("article[data-whole]").count() == 0
            assert "its SHA-256 differs" in shown.inner_text(".drop")


def test_few_tab_stops_and_arrows_within_a_table(tab: Open, whole_page: Path) -> None:
    shown = tab(whole_page)
    stops = shown.evaluate(
        """[...document.querySelectorAll('a[href],button,select,input,summary,[tabindex]')]
        .filter(e => e.tabIndex >= 0 && e.checkVisibility()).length"""
    )
    assert stops <= 150
    shown.locator("#events summary").first.focus()
    shown.keyboard.press("ArrowDown")
    assert shown.evaluate("document.activeElement.closest('tbody').previousElementSibling.id")
    shown.keyboard.press("Enter")
    assert lit(shown)


def test_a_selection_becomes_a_quote_on_the_clipboard(tab: Open, whole_page: Path) -> None:
    shown = tab(whole_page, permissions=["clipboard-read", "clipboard-write"])
    shown.evaluate(
        """() => {
          const walker = document.createTreeWalker(
            document.querySelector('article'), NodeFilter.SHOW_TEXT);
          while (!walker.nextNode().data.includes('Azerbaijan'));
          const node = walker.currentNode, at = node.data.indexOf('Azerbaijan');
          getSelection().setBaseAndExtent(node, at, node, at + 10); }"""
    )
    shown.click("#copy-quote")
    shown.wait_for_function("() => document.querySelector('#copy-quote').textContent === 'Copied'")
    copied = shown.evaluate("navigator.clipboard.readText()")
    assert copied == 'quote: {words: "Azerbaijan", passage: trump-leaning-on-pakistan-s06}\n'
    # It can be pasted into a sheet.
    sheet = print_sheet(opened(REPO), "trump-leaning-on-pakistan")
    quote = "quote: potential contributors like Azerbaijan\n    name: Azerbaijan\n"
    assert quote in sheet
    pasted = sheet.replace(quote, f"{copied}    name: Azerbaijan\n")
    assert applied(REPO, pasted).lines[0] == "~ actors/azerbaijan: evidence of kind, name"


def test_gaps_have_their_lengths_and_only_the_right_file_fills_them(
    tab: Open, released_page: Path, article: str
) -> None:
    shown = tab(released_page)
    source = released_page.read_text(encoding="utf-8")
    assert "maintaining no diplomatic relations" in source
    assert article.split("\n\n")[1] not in source
    gaps = shown.locator(".gap").all_inner_texts()
    assert gaps
    for name, content, said in (
        ("near.txt", article.replace("Munir", "Munit", 1).encode(), "its SHA-256 differs"),
        ("other.txt", b"another text", "a different text"),
        ("binary.bin", bytes(range(256)), "not UTF-8 text"),
        ("huge.txt", b"x" * 100_000, "more bytes than the text can have"),
    ):
        shown.set_input_files(
            "input[type=file]", {"name": name, "mimeType": "text/plain", "buffer": content}
        )
        shown.wait_for_function(
            "s => document.querySelector('.drop').textContent.includes(s)", arg=said
        )
        assert shown.locator(".gap").all_inner_texts() == gaps
    shown.set_input_files(
        "input[type=file]",
        {"name": "a.txt", "mimeType": "text/plain", "buffer": article.encode("utf-8")},
    )
    shown.wait_for_selector("article[data-whole]")
    assert text_of(shown) == article


def test_it_prints_on_few_pages(tab: Open, whole_page: Path) -> None:
    shown = tab(whole_page, java_script_enabled=False)
    assert shown.pdf(format="A4").count(b"/Type /Page\n") <= 20
    shown.emulate_media(media="print")
    for link in shown.locator("#sentences li > a[href^='#q']").all()[::20]:
        assert link.is_visible()


def test_hostile_values_are_text(tab: Open, hostile_page: Path) -> None:
    shown = tab(hostile_page)
    assert shown.locator("img").count() == 0
    assert shown.evaluate("window.hurt") is None
    assert "</script><script>hurt=1</script>" in shown.text_content("#actors")
    assert '"><img src=x onerror=hurt=1>' in shown.text_content("#topics")
    assert "\u202edesrever" in shown.text_content("#topics")
    shown.set_viewport_size({"width": 375, "height": 800})
    assert shown.evaluate("document.documentElement.scrollWidth") <= 375
