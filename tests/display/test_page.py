"""The page as a file: its bytes, its colours, what it refuses, and what a draft shows."""

from __future__ import annotations

import gzip
import itertools
import re
import shutil
from pathlib import Path

import pytest
from tests.release.packages import copy_package
from typer.testing import CliRunner

from gazadata.cli import app
from gazadata.display import figures
from gazadata.display.article import articles, segments
from gazadata.display.html import asset
from gazadata.display.page import page
from gazadata.display.pages import release_pages, write_page
from gazadata.display.record import Quote, Record
from gazadata.errors import PageError
from gazadata.opening import open_dataset

ARTICLE = "trump-leaning-on-pakistan"
TEXT = 4.5
MARK = 3.0


def _luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """The contrast of two colours by WCAG, from 1 to 21."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


PALETTE = {
    name: (light, dark)
    for name, light, dark in re.findall(
        r"--(\w+):light-dark\((#\w{6}),(#\w{6})\)", asset("page.css")
    )
}
GROUNDS = ("page", "panel", "mark1", "mark2", "mark3", "mark4", "lit", "for", "against")


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_the_palette_has_contrast(scheme: int) -> None:
    shade = {name: pair[scheme] for name, pair in PALETTE.items()}
    pairs = [("ink", ground, TEXT) for ground in (*GROUNDS, "bar")]
    pairs += [
        (name, ground, TEXT)
        for name in ("soft", "link", "navy", "warn")
        for ground in ("page", "panel")
    ]
    pairs += [("navy", f"mark{depth}", TEXT) for depth in range(1, 5)]
    pairs += [
        (name, ground, MARK)
        for name in ("under", "litline", "barline", "forline", "againstline")
        for ground in ("page", "panel")
    ]
    pairs += [
        ("soft", "line", TEXT),
        ("litline", "lit", MARK),
        ("forline", "for", MARK),
        ("againstline", "against", MARK),
    ]
    low = {
        (one, ground): round(contrast(shade[one], shade[ground]), 2)
        for one, ground, least in pairs
        if contrast(shade[one], shade[ground]) < least
    }
    assert low == {}


def test_no_colour_is_outside_the_palette() -> None:
    rules = asset("page.css").partition("--serif")[2]
    assert re.findall(r"#[0-9a-f]{3,8}\b(?=[;} ,)])", rules) == ["#0003"]


def test_the_same_record_gives_the_same_bytes(record: Record) -> None:
    assert page(Record(open_dataset(record.dataset.package.root))) == page(record)


def test_it_keeps_within_its_budgets(record: Record) -> None:
    for source in record.held:
        content = page(record.part(source, "index.html")).encode("utf-8")
        assert len(content) <= 250_000
        assert len(gzip.compress(content)) <= 60_000
    assert len(asset("page.css").encode()) <= 12 * 1024
    assert len(asset("page.js").encode()) <= 12 * 1024


def test_nothing_is_loaded_and_nothing_inline_is_allowed(record: Record) -> None:
    content = page(record)
    policy = re.search(r'Security-Policy" content="([^"]+)"', content)
    assert policy
    assert "default-src 'none'" in policy[1]
    assert "unsafe" not in policy[1]
    assert not re.search(r"<(link|img|iframe|object)\b|\ssrc=|\sstyle=|\son\w+=", content)


def test_hostile_values_are_escaped(hostile: Path) -> None:
    content = page(Record(open_dataset(hostile)))
    assert content.count("<script") == 1
    assert "<img" not in content
    assert "<svg onload" not in content
    assert 'href="javascript:' not in content
    assert "&lt;/script&gt;&lt;script&gt;hurt=1&lt;/script&gt;" in content


def test_a_release_shows_no_words_that_it_does_not_quote(
    record: Record, tmp_path: Path, article: str
) -> None:
    root = copy_package(tmp_path / "package")
    shutil.rmtree(root / "raw")
    [shown] = articles(Record(open_dataset(root)).part(ARTICLE, ""))
    assert not shown.whole
    quotes = [quote for quote in record.quotes.values() if quote.source == ARTICLE]
    held = set(itertools.chain.from_iterable(range(q.start, q.end) for q in quotes))
    for sentence in shown.sentences:
        for part in sentence.segments:
            if set(range(part.start, part.end)) <= held:
                assert part.text == article[part.start : part.end]
            else:
                assert part.text is None


def test_a_different_text_is_not_shown(tmp_path: Path, article: str) -> None:
    root = copy_package(tmp_path / "package")
    path = root / "raw/000_6e04a71c739462ee.txt"
    path.write_bytes(article.replace("Munir", "Munit", 1).encode())
    [shown] = articles(Record(open_dataset(root)).part(ARTICLE, ""))
    assert not shown.whole


def test_crossing_quotes_are_cut_where_they_cross() -> None:
    text = "abcdefgh"
    quotes = [Quote(1, "x", "s", 1, 5, "bcde"), Quote(2, "y", "s", 3, 7, "defg")]
    found = [(one.text, [q.number for q in one.quotes]) for one in segments(quotes, text, 0, 8)]
    assert found == [("a", []), ("bc", [1]), ("de", [1, 2]), ("fg", [2]), ("h", [])]
    bare = [one.text for one in segments(quotes, None, 0, 8)]
    assert bare == [None, "bc", "de", "fg", None]


def test_a_package_with_findings_is_refused_and_a_draft_shows_them(tmp_path: Path) -> None:
    root = copy_package(tmp_path / "package")
    path = root / "data/positions.csv"
    path.write_text(
        path.read_text(encoding="utf-8").replace(",reconsidering,", ",wavering,", 1),
        encoding="utf-8",
        newline="\n",
    )
    out = tmp_path / "page.html"
    with pytest.raises(PageError, match="positions"):
        write_page(open_dataset(root), out)
    assert not out.exists()
    content = write_page(open_dataset(root), out, draft=True).read_text(encoding="utf-8")
    row = content.partition('<tbody id="positions.azerbaijan-isf-participation">')[2]
    assert "<em>GD" in row.partition("<tbody")[0]


def test_the_command_writes_a_private_page(repo: Path, tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    result = CliRunner().invoke(app, ["page", str(repo), "--out", str(out)])
    assert result.exit_code == 0
    assert "Do not redistribute." in out.read_text(encoding="utf-8")


def test_labels_of_the_figures_do_not_overlap(record: Record) -> None:
    for drawing in (figures.draw_timeline(record), figures.draw_network(record)):
        boxes = []
        for part in drawing.parts:
            if part["is"] == "link":
                for y, line in part["lines"]:
                    width = 7.0 * len(line)
                    left = float(part["x"]) - (width if part["anchor"] == "end" else 0)
                    boxes.append((left, float(y) - 11, left + width, float(y) + 3, line))
        for one, other in itertools.combinations(boxes, 2):
            apart = (
                one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
            )
            assert apart, (one[4], other[4])
            assert one[0] >= 0


def test_a_package_too_large_for_pages_gets_a_list_of_its_tables(
    repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gazadata.display.pages.LARGEST", 1000)
    [content] = release_pages(open_dataset(repo)).values()
    for name in open_dataset(repo).tables:
        assert f'href="data/{name}.csv"'.encode() in content
    assert b"<article" not in content


def test_a_draft_is_made_from_an_incomplete_package(tmp_path: Path) -> None:
    root = copy_package(tmp_path / "package")
    quotes = root / "data/quotes.csv"
    rows = quotes.read_text(encoding="utf-8")
    rows = rows.replace(",866,872,Recent,", ",,,,").replace(",62,68,", ",99999,5,")
    quotes.write_text(rows, encoding="utf-8", newline="\n")
    for name in ("actors", "topics", "positions", "passages"):
        path = root / f"data/{name}.csv"
        header = path.read_text(encoding="utf-8").splitlines()[0]
        path.write_text(f"{header}\n", encoding="utf-8", newline="\n")
    content = write_page(open_dataset(root), tmp_path / "page.html", draft=True).read_text(
        encoding="utf-8"
    )
    assert "findings" in content
    assert 'id="events.doha-negotiations"' in content
