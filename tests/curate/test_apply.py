"""Mistakes in a sheet are reported by line and column, and nothing is written."""

import os
import re
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from tests.article.package import SOURCE, make, make_with_shipped
from tests.curate.sheets import applied, opened, save, tables
from tests.validate.damage import report_on

from gazadata.curate.apply import apply_sheet
from gazadata.curate.edit import remove, rename
from gazadata.curate.fmt import format_package
from gazadata.curate.layout import misfit
from gazadata.curate.sheet_read import read_sheet
from gazadata.curate.sheet_write import print_sheet
from gazadata.curate.todo import todo
from gazadata.curate.write import write
from gazadata.errors import GazadataError, ReadError, WrongSheet
from gazadata.package import Package
from gazadata.validate.tables import typed


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The invented article's package. Read only."""
    return make(tmp_path_factory.mktemp("alone") / "package")


@pytest.fixture(scope="module")
def sheet(package: Path) -> str:
    return print_sheet(opened(package), SOURCE)


def place(text: str, words: str) -> str:
    """Line and column where these words first occur."""
    before = text[: text.index(words)]
    return f"{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"


# The old text, the new text, where the mistake is reported, and what the message contains.
ENVOY = "quote: Her envoy, Tam Rusk\n"
WRONG = {
    "indent": ("    stance: open\n", "   stance: open\n", "stance: open", "wrong indent"),
    "two colons": ("label: Mara", "label: so: Mara", ": Mara Oake takes", "second colon"),
    "field": ("stance: open", "stanse: open", "stanse", "expected 'stance'"),
    "term": ("stance: open", "stance: opne", "opne", "expected 'open'"),
    "number": ("occurrences: 1\n", "occurrences: 1x\n", "1x\n", "a whole number"),
    "leading zeros": ("occurrences: 1\n", "occurrences: 001\n", "001\n", "a whole number"),
    "truth": ("is_background: true", "is_background: TRUE", "TRUE", "true or false"),
    "date": ("date_earliest: 2029-10-01", "date_earliest: 2029-10-32", "2029-10-32", "YYYY-MM-DD"),
    "words": (ENVOY, "quote: Her envoi, Tam Rusk\n", "Her envoi", "'Her envoy, Tam Rusk'"),
    "no words": (ENVOY, "quote: zzz\n", "zzz", "and nothing similar"),
    "no passage": (ENVOY, "quote: {words: Rusk, passage: s99}\n", "Rusk, p", "no passage 's99'"),
    "same key": (
        "  - id: telmark-government\n",
        "  - id: mara-oake\n",
        "mara-oake\n    quote: President",
        "have the key 'mara-oake'",
    ),
    "no key": ("  - id: mara-oake\n    quote", "  - quote", "quote: President Mara", "no id"),
    "key to nothing": ("holder_id: kessaly", "holder_id: kesaly", "kesaly", "expected 'kessaly'"),
    "no cell": ("    status: planned\n", "", "id: river-commission-talks", "no status"),
    "of another": (f"source: {SOURCE}\n", "source: nobody\n", "nobody\n", "no source 'nobody'"),
    "other text": ("He insisted, however", "She insisted, however", "She", "letter for letter"),
    "alias": ("stance: open", "stance: *open", "*open", "aliases are not supported"),
    "note that is replaced": (
        "    evidence:\n    - {for: status, note: What has",
        "    notes: {status: Mine}\n    evidence:\n    - {for: status, note: What has",
        "Mine}",
        "the evidence for status on line",
    ),
    "words and reference": (
        "{for: plover_sector, words: farmers}",
        "{for: plover_sector, words: farmers, reference: country-codes, note: Row A}",
        "farmers, reference",
        "`words` together with `reference`",
    ),
    "place without words": (
        "{for: plover_sector, words: farmers}",
        "{for: plover_sector, passage: s05, note: So}",
        "s05, note",
        "`passage` without `words`",
    ),
    "basis without reference": (
        "{for: plover_sector, words: farmers}",
        "{for: plover_sector, basis: reference, note: So}",
        "reference, note",
        "name the source that was looked up",
    ),
    "same evidence twice": (
        "    evidence:\n    - {for: status, note: What would be",
        "    evidence:\n    - {also: kind, words: it would … of 1998, note: Y}\n"
        "    - {for: status, note: What would be",
        "{also: kind",
        "kind rests on 'it would replace the treaty of 1998' twice",
    ),
    "note of two lines": (
        "      status: Named only as what something depends on.",
        "      status: |\n        Named\n        only",
        "|\n        Named",
        "the note has a line break",
    ),
    "line end of YAML alone": (
        "source: ",
        "# one\u2028# two\nsource: ",
        "\u2028",
        "U+2028 ends a line in YAML",
    ),
    "too deep": ("stance: open", "stance: " + "[" * 16 + " [" * 5000, "[ [", "nested too deeply"),
    "source of no article": (
        f"    kind: unnamed_source\n    title: analysts\n    held: false\n    cited_by: {SOURCE}\n",
        "    kind: reference\n    title: analysts\n    held: false\n",
        "id: analysts-on-lisse-dispute\n    quote",
        f"write `cited_by: {SOURCE}`",
    ),
    "not a list": ("  names:\n    - {", "  names:\n      {", "{text", "expected a list of names"),
}


@pytest.mark.parametrize(("right", "wrong", "marked", "said"), WRONG.values(), ids=WRONG)
def test_a_mistake_is_reported_by_line_and_column(
    package: Path, sheet: str, right: str, wrong: str, marked: str, said: str
) -> None:
    assert right in sheet
    text = sheet.replace(right, wrong, 1)
    before = tables(package)
    with pytest.raises(WrongSheet) as raised:
        applied(package, text)
    lines = str(raised.value).split("\n")
    assert lines[0].endswith("; nothing was written")
    assert any(said in line and f":{place(text, marked)}: " in line for line in lines), lines
    assert tables(package) == before


@pytest.mark.parametrize("written", ["0", "12", "-3", "007", "-0", "+1", "1.0", "1_0", "٣", "³"])
def test_a_sheet_accepts_the_whole_numbers_that_validation_accepts(
    package: Path, written: str
) -> None:
    field = replace(opened(package).contract["events"]["occurrences"], minimum=None)
    valid = pl.DataFrame({field.name: [written]}).select(typed(field)).item() is not None
    assert (misfit(field, written) is None) == valid


def test_all_mistakes_are_reported_at_once(package: Path, sheet: str) -> None:
    text = sheet.replace("stance: open", "stance: opne").replace("kind: person", "kind: persn")
    with pytest.raises(WrongSheet) as raised:
        applied(package, text)
    assert len(raised.value.mistakes) == 1 + sheet.count("kind: person")


def test_a_missing_note_is_reported_at_its_cell(package: Path, sheet: str) -> None:
    note = "      part_of: “his government” is"
    assert note in sheet
    text = "".join(line for line in sheet.splitlines(keepends=True) if not line.startswith(note))
    with pytest.raises(WrongSheet, match=r":\d+:14: no note on part_of; write under `notes`"):
        applied(package, text)


def test_a_sheet_that_is_not_utf8(package: Path, sheet: str, tmp_path: Path) -> None:
    file = tmp_path / "sheet.yaml"
    file.write_bytes(sheet.encode("utf-8").replace("’".encode(), b"\x92", 1))
    with pytest.raises(ReadError, match=r"sheet\.yaml:\d+:\d+: not UTF-8: the byte 0x92"):
        read_sheet(file, opened(package).contract)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The invented article's package, to be changed."""
    return make(tmp_path / "package")


def test_two_commands_at_once_lose_nothing(root: Path, sheet: str) -> None:
    """The second to write is refused, whichever it is, and leaves what the first wrote."""
    file = root / "sheet.yaml"
    file.write_text(sheet.replace("stance: open", "stance: oppose", 1), "utf-8")
    read = opened(root)
    first = apply_sheet(read, read_sheet(file, read.contract))
    others = [
        rename(read, "actors", "kessaly", "kessaly-state"),
        remove(read, "conditions", "telmark-for-six-months"),
    ]
    table = root / "data" / "quotes.csv"
    table.write_bytes(table.read_bytes().replace(b"\n", b"\r\n"))
    formatting = format_package(Package.open(root))
    table.write_bytes(table.read_bytes().replace(b"\r\n", b"\n"))
    save(first)
    before = tables(root), file.read_bytes()
    for command in (*others, first):
        with pytest.raises(GazadataError, match=r"csv: changed while this command ran"):
            save(command)
    with pytest.raises(GazadataError, match=r"csv: changed while this command ran"):
        write(formatting.files, formatting.read)
    assert (tables(root), file.read_bytes()) == before


def test_a_sheet_that_is_saved_meanwhile_is_not_replaced(root: Path, sheet: str) -> None:
    file = root / "sheet.yaml"
    file.write_text(sheet.replace("stance: open", "stance: oppose", 1), "utf-8")
    record = opened(root)
    result = apply_sheet(record, read_sheet(file, record.contract))
    file.write_text(sheet + "# more to do\n", "utf-8")
    before = tables(root)
    with pytest.raises(GazadataError, match=r"sheet\.yaml: changed while"):
        save(result)
    assert tables(root) == before
    assert file.read_text("utf-8").endswith("# more to do\n")


def test_a_command_waits_for_the_one_that_is_writing(root: Path) -> None:
    """So it compares with everything that the other wrote, not with half of it."""
    fcntl = pytest.importorskip("fcntl")
    removed = remove(opened(root), "conditions", "telmark-for-six-months")
    table = root / "data" / "conditions.csv"
    other = os.open(root / "data", os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(save, removed)
        wait([waiting], timeout=0.5)
        content = table.read_bytes() + b"\n"
        table.write_bytes(content)
        os.close(other)
        with pytest.raises(GazadataError, match=r"conditions\.csv: changed while"):
            waiting.result()
    assert table.read_bytes() == content


def test_changes_to_the_tables_meanwhile_are_not_lost(root: Path, sheet: str) -> None:
    table = root / "data" / "events.csv"
    table.write_text(table.read_text("utf-8").replace("Mara Oake takes office", "Oake in office"))
    with pytest.raises(WrongSheet) as raised:
        applied(root, sheet)
    assert "the tables have changed since this sheet was printed" in str(raised.value)
    assert "    -label: Mara Oake takes office\n    +label: Oake in office" in str(raised.value)
    assert "doran-pell" not in str(raised.value)
    applied(root, print_sheet(opened(root), SOURCE))


@pytest.mark.parametrize("offset", ["", "\u00b2", "-1"])
def test_a_draft_without_offsets_is_reported(root: Path, sheet: str, offset: str) -> None:
    quotes = root / "data" / "quotes.csv"
    before = quotes.read_text("utf-8")
    row = re.search(r"(?m)^(it-would-replace-the-treaty-of-1998,[^,]*,[^,]*,)\d+,", before)
    assert row
    quotes.write_text(before.replace(row.group(), f"{row.group(1)}{offset},"), "utf-8")
    for command in (
        lambda: applied(root, sheet),
        lambda: print_sheet(opened(root), SOURCE),
        lambda: list(todo(opened(root), SOURCE)),
        lambda: rename(opened(root), "actors", "kessaly", "kessaly-state"),
    ):
        with pytest.raises(ReadError, match=r"'it-would-replace.*run `gazadata fmt`"):
            command()
    formatting = format_package(Package.open(root))
    write(formatting.files, formatting.read)
    assert quotes.read_text("utf-8") == before


def test_a_row_does_not_move_to_another_article(tmp_path: Path) -> None:
    root = make_with_shipped(tmp_path / "package")
    sheet = print_sheet(opened(root), SOURCE)
    row = "    plover_sector: OPP\n"
    other = "source: trump-leaning-on-pakistan, passage: headline, note: Invented"
    also = "    evidence:\n"
    for words in ("Pakistan", "Trump"):
        also += f"    - {{also: [kind, part_of, plover_sector], words: {words}, {other}}}\n"
    with pytest.raises(WrongSheet) as raised:
        applied(root, sheet.replace(row, row + also))
    assert "most of its evidence quotes trump-leaning-on-pakistan" in str(raised.value)
    assert len(raised.value.mistakes) == 1


def test_removing_a_row_removes_its_evidence_and_quotes(root: Path, sheet: str) -> None:
    """The rest still validates, so nothing that only this row used is left."""
    start = sheet.index("  - id: pell-rejects-inspections")
    end = sheet.index("  positions:", start)
    text = (sheet[:start] + sheet[end:]).replace("  events:\n  positions", "  positions")
    text = text.replace("    event_id: pell-rejects-inspections\n", "")
    result = applied(root, text)
    assert [change.split(" (")[0] for change in result.lines] == [
        "- events/pell-rejects-inspections",
        "- participants/pell-rejects-inspections-doran-pell",
        "~ positions/telmark-inspections: event_id pell-rejects-inspections → empty; "
        "evidence of event_id",
    ]
    (root / "sheet.yaml").write_text(text, "utf-8")
    save(result)
    assert [d.code for d in report_on(root, official=False).diagnostics] == []


def test_a_quote_that_nothing_else_uses_is_removed(root: Path, sheet: str) -> None:
    start = sheet.index("    - id: telmark-for-six-months")
    end = sheet.index("    - id: ", start + 10)
    text = sheet[:start] + sheet[end:]
    result = applied(root, text)
    assert "- quotes/for-six-months (no longer used)" in result.lines


def test_a_row_that_others_need_is_not_removed(root: Path, sheet: str) -> None:
    start = sheet.index("  - id: kessaly\n")
    end = sheet.index("\n  - ", start) + 1
    with pytest.raises(WrongSheet, match="no row 'kessaly' in actors"):
        applied(root, sheet[:start] + sheet[end:])


def test_a_list_makes_several_rows(root: Path, sheet: str) -> None:
    """The members of the talks: cells that are the same for both are written once."""
    row = """  - id: [kessaly-joins, brenholt-joins]
    quote: those of Kessaly and Brenholt
    subject_id: [kessaly, brenholt]
    predicate: member_of
    object_id: upland-alliance
    certainty: certain
    evidence:
    - {for: object_id, words: the Upland Alliance, note: Of the movement that was left out.}
"""
    at = sheet.index("  relations:\n", sheet.index("- sentence: About 30")) + len("  relations:\n")
    result = applied(root, sheet[:at] + row + sheet[at:])
    assert result.lines == [
        "+ relations/brenholt-joins (4 rows of evidence)",
        "+ relations/kessaly-joins (4 rows of evidence)",
        "+ 2 quotes",
    ]
    after = result.record
    items = after.evidence["relations", "brenholt-joins"]
    assert {item.field: item.basis for item in items} == {
        "subject_id": "stated",
        "predicate": "classified",
        "object_id": "inferred",
        "certainty": "classified",
    }
    text = (
        sheet[:at] + row.replace("[kessaly, brenholt]", "[kessaly, brenholt, norvane]") + sheet[at:]
    )
    with pytest.raises(WrongSheet, match="lists in one row must have the same length"):
        applied(root, text)


def test_an_empty_value_in_a_list_applies_to_that_row_only(root: Path, sheet: str) -> None:
    members = "    subject_id: [brenholt, kessaly]\n"
    assert members in sheet
    hedged = members + '    hedge: [among them, ""]\n'
    after = applied(root, sheet.replace(members, hedged)).record
    rows = after.by_key("relations")
    assert rows["brenholt-member-of-river-talks-delegations"]["hedge"] == "among them"
    assert rows["kessaly-member-of-river-talks-delegations"]["hedge"] == ""
    with pytest.raises(WrongSheet, match="2 values, but another field of the row has 3"):
        applied(root, sheet.replace(members, members + '    hedge: [among them, "", ""]\n'))


def test_a_key_stays_with_its_row(root: Path, sheet: str) -> None:
    """Even if a new row for the same actor and event is written above it."""
    old = "    - {actor_id: telmark, role: recipient}\n"
    assert old in sheet
    new = old.replace("recipient", "participant")
    after = applied(root, sheet.replace(old, new + old)).record.by_key("participants")
    key = "norvane-asks-telmark-to-admit-observers-telmark"
    assert {
        row["participant_id"]: row["role"] for row in after.values() if key in row.values()
    } == {key: "recipient"}
    assert after[f"{key}-participant"]["role"] == "participant"


def test_a_retired_key_is_not_reused(root: Path, sheet: str) -> None:
    made = "norvane-asks-telmark-to-admit-observers-norvane"
    (root / "data" / "retired.csv").write_text(
        "resource,row_id,replaced_by,reason,version\n"
        f"participants,{made},,Gone,1.0.0\nactors,old-kessaly,,Gone,1.0.0\n"
    )
    old = "    - {actor_id: telmark, role: recipient}\n"
    new = old.replace("telmark, role: recipient", "norvane, role: participant")
    after = applied(root, sheet.replace(old, new + old)).record.by_key("participants")
    assert made not in after
    assert after[f"{made}-participant"]["actor_id"] == "norvane"
    with pytest.raises(WrongSheet, match="'old-kessaly' is a retired key of actors"):
        applied(root, sheet.replace("kessaly\n", "old-kessaly\n"))


def test_a_value_is_written_in_form_c(root: Path, sheet: str) -> None:
    """So the sheet's state matches the tables, and its next edit is accepted."""
    file = root / "sheet.yaml"
    label = "Passage of observers"
    for new in ("Cafe\u0301", "Cafe\u0301 passage"):
        sheet = sheet.replace(f"label: {label}\n", f"label: {new}\n")
        file.write_text(sheet, "utf-8")
        save(applied(root, sheet))
        row = opened(root).by_key("topics")["passage-of-observers"]
        assert row["label"] == new.replace("e\u0301", "\u00e9")
        sheet, label = file.read_text("utf-8"), new


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_the_state_is_replaced_in_place(root: Path, sheet: str, mark: str) -> None:
    """At the top, on a line of its own, and with characters outside the BMP before it."""
    rows, state = sheet.rstrip("\n").split("\nstate: ")
    edited = rows.replace("stance: open", "stance: oppose", 1)
    for text in (
        f"{mark}# 😀\nstate:\n  {state}  # of the tables\n{edited}\n",
        f"{mark}# 😀\nstate: |\n  {state}\n{edited}\n",
    ):
        result = applied(root, text)
        written = result.files[root / "sheet.yaml"].decode("utf-8")
        assert written.count("state:") == 1
        assert written.replace(re.findall("(?:[0-9a-f]{5} ?){50,}", written)[0].rstrip(), "") == (
            text.removeprefix(mark).replace(f"|\n  {state}", "").replace(state, "")
        )


def test_a_boundary_of_a_passage_can_be_moved(root: Path, sheet: str) -> None:
    """Quotes and the keys of passages follow."""
    cut = sheet.replace(
        "Brenholt; the Upland Alliance, an armed movement, was left out.\n",
        "Brenholt;\n- sentence: the Upland Alliance, an armed movement, was left out.\n",
        1,
    )
    assert cut != sheet
    (root / "sheet.yaml").write_text(cut, "utf-8")
    result = applied(root, cut)
    assert f"+ passages/{SOURCE}-s16" in result.lines
    save(result)
    assert [d.code for d in report_on(root, official=False).diagnostics] == []
    after = opened(root)
    quotes = after.by_key("quotes")
    assert quotes["up-to-40-observers"]["passage_id"] == f"{SOURCE}-s03"
    assert (
        quotes["the-upland-alliance-an-armed-movement-was-left-out"]["passage_id"]
        == f"{SOURCE}-s07"
    )
    assert quotes["on-which-kessaly-has-yet-to-comment"]["passage_id"] == f"{SOURCE}-s08"


def test_an_ellipsis_includes_the_words_it_leaves_out(root: Path, sheet: str) -> None:
    assert "quote: Norvane has not … foreign ministry said" in sheet
    record = opened(root)
    assert "Norvane has not decided whether to lift the embargo, its foreign ministry said" in (
        row["exact"] for row in record.rows["quotes"]
    )


@pytest.mark.parametrize(
    "key",
    [
        "vorn-holds-rank-commander",
        "dispute-most-dangerous",
        "telmark-government-admission",
        "farmers-lifting-embargo",
        "oake-visits-port-amsel",
    ],
)
def test_a_row_that_is_removed_and_restored_is_unchanged(root: Path, sheet: str, key: str) -> None:
    """So are its parts and its evidence; keys of quotes are computed again."""
    before = opened(root)
    found = re.search(rf"(?m)^  - id: {key}\n(?:    .*\n)+", sheet)
    assert found
    without = sheet.replace(found.group(), "")
    without = re.sub(r"(?m)^  \w+:\n(?=  \w|\n)", "", without)
    (root / "sheet.yaml").write_text(without, "utf-8")
    save(applied(root, without))
    assert key not in opened(root).by_key("positions") | opened(root).by_key("events")
    state = (root / "sheet.yaml").read_text("utf-8").rpartition("\nstate: ")[2]
    again = sheet.rpartition("\nstate: ")[0] + f"\nstate: {state}"
    (root / "sheet.yaml").write_text(again, "utf-8")
    save(applied(root, again))
    after = opened(root)
    for name in before.rows:
        if name not in ("quotes", "evidence"):
            assert before.by_key(name) == after.by_key(name)
    assert {row: set(items) for row, items in before.evidence.items()} == {
        row: set(items) for row, items in after.evidence.items()
    }
