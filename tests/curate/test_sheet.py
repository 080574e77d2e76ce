"""A sheet contains everything in the tables about an article, and recreates them."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml
from tests.article.package import REPO, SOURCE, make
from tests.curate.sheets import (
    TEXT,
    add_invented,
    applied,
    invented_sheet,
    opened,
    repository,
    save,
)
from tests.validate.damage import report_on

from _generate import generate
from gazadata.curate.article import Details, add_article
from gazadata.curate.propose import Proposer
from gazadata.curate.record import Record
from gazadata.curate.sheet_files import write_sheet
from gazadata.curate.sheet_schema import sheet_schema
from gazadata.curate.sheet_write import Printer, print_sheet
from gazadata.errors import GazadataError, ReadError

ARTICLES = opened(REPO).articles()


class JsonLike(yaml.SafeLoader):
    """Reads YAML like an editor, which treats a date as text."""


JsonLike.yaml_implicit_resolvers = {
    first: [one for one in those if "timestamp" not in one[0]]
    for first, those in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def evidence_of(record: Record, source: str) -> int:
    return sum(
        len(record.evidence.get((name, row[record.contract[name].key]), ()))
        for name, rows in record.owned(source).items()
        for row in rows
    )


@pytest.mark.parametrize("source", ARTICLES)
def test_a_sheet_of_the_record_changes_no_byte(tmp_path: Path, source: str) -> None:
    root = repository(tmp_path / "package")
    result = applied(root, print_sheet(opened(root), source))
    assert result.lines == []
    assert result.files == {}


def test_a_sheet_of_the_invented_article_changes_no_byte(tmp_path: Path) -> None:
    root = make(tmp_path / "package")
    result = applied(root, print_sheet(opened(root), SOURCE))
    assert result.lines == []
    assert result.files == {}


def test_sheets_of_generated_articles_change_no_byte(tmp_path: Path) -> None:
    root = tmp_path / "package"
    generate(root, 50)
    record = opened(root)
    for source in record.articles()[:3]:
        result = applied(root, print_sheet(record, source))
        assert result.lines == []
        assert set(result.files) == set()


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The record with the invented article, added as an outsider would do it. Read only."""
    folder = tmp_path_factory.mktemp("two")
    root = repository(folder / "package")
    add_invented(root, folder / "text", invented_sheet(folder / "alone"))
    return root


def test_an_article_is_added_by_its_text_and_a_sheet(two: Path) -> None:
    record = opened(REPO)
    of_others = {key for name in record.rows for key in record.by_key(name)}
    found = [d for d in report_on(two, official=False).diagnostics if d.row_id not in of_others]
    assert [(d.code, d.path, d.line, d.found) for d in found] == []


def test_the_rows_are_those_that_were_written_by_hand(two: Path, tmp_path: Path) -> None:
    """Keys of quotes are computed, and another article may have them already."""
    old, new = opened(make(tmp_path / "alone")), opened(two)
    for name, rows in old.rows.items():
        if name in ("quotes", "evidence"):
            continue
        added = {tuple(row.values()) for row in new.rows[name]}
        assert {tuple(row.values()) for row in rows} <= added
        for row in rows:
            key = name, row[old.contract[name].key]
            assert set(old.evidence.get(key, ())) == set(new.evidence.get(key, ()))


def test_applying_twice_changes_nothing(two: Path) -> None:
    text = (two / "sheet.yaml").read_text("utf-8")
    again = applied(two, text)
    assert again.lines == []
    assert again.files == {}
    # Later changes need no new sheet, since its state was renewed.
    renamed = text.replace("label: Mara Oake takes office", "label: Oake takes office")
    assert applied(two, renamed).lines == [
        "~ events/oake-takes-office: label Mara Oake takes office → Oake takes office"
    ]


def test_the_rows_of_the_other_article_stay(two: Path) -> None:
    for source in ARTICLES:
        assert (
            print_sheet(opened(two), source).split("\nstate:")[0].split("\n- ")[1:]
            == (print_sheet(opened(REPO), source).split("\nstate:")[0].split("\n- ")[1:])
        )


def test_the_schema_of_sheets_covers_all_that_is_in_one(tmp_path: Path) -> None:
    root = make(tmp_path / "package")
    schema = json.loads(sheet_schema(opened(root).contract))
    validator = jsonschema.Draft7Validator(schema)
    validator.check_schema(schema)
    text = print_sheet(opened(root), SOURCE)
    members = "subject_id: [brenholt, kessaly]\n"
    assert members in text
    text = text.replace(members, f'{members}    hedge: [among them, ""]\n')
    assert list(validator.iter_errors(yaml.load(text, JsonLike))) == []
    for right, wrong in (
        ("stance: open", "stance: ajar"),
        ("stance: open", "stanze: open"),
        ("occurrences: 1", "occurrences: one"),
        ("is_background: true", "is_background: perhaps"),
        ("    status: planned\n", ""),
        ("words: farmers}", "passage: s05}"),
        ("words: farmers}", "words: farmers, reference: country-codes}"),
    ):
        assert right in text
        broken = yaml.load(text.replace(right, wrong, 1), JsonLike)
        assert not validator.is_valid(broken), wrong


def test_a_sheet_and_its_schema_are_written_side_by_side(tmp_path: Path) -> None:
    root = make(tmp_path / "package")
    record = opened(root)
    text = print_sheet(record, SOURCE)
    file = tmp_path / "sheets.yaml"
    assert [path.name for path in write_sheet(record, file, text)] == [
        "sheets.yaml",
        "sheet.schema.json",
    ]
    assert text.split("\n")[0].endswith("$schema=sheet.schema.json")
    write_sheet(record, file, text)
    edited = text.replace("stance: open", "stance: unclear")
    file.write_text(edited, "utf-8")
    with pytest.raises(GazadataError, match="apply it first"):
        write_sheet(record, file, text)
    assert file.read_text("utf-8") == edited


def test_a_link_to_a_sheet_stays_a_link(tmp_path: Path) -> None:
    record = opened(make(tmp_path / "package"))
    target, link = tmp_path / "sheets" / "one.yaml", tmp_path / "link.yaml"
    target.parent.mkdir()
    link.symlink_to(target)
    text = print_sheet(record, SOURCE)
    write_sheet(record, link, text)
    assert link.is_symlink()
    assert target.read_text("utf-8") == text


def test_a_row_of_a_reference_may_be_short_but_not_have_an_unclosed_quote(tmp_path: Path) -> None:
    root = repository(tmp_path / "package")
    path = root / "reference/countries.csv"
    content = path.read_bytes()
    path.write_bytes(content + b"\nNowhere\n")
    assert print_sheet(opened(root), ARTICLES[0]) == print_sheet(opened(REPO), ARTICLES[0])
    path.write_bytes(content + b'"Nowhere\n')
    with pytest.raises(ReadError, match=r"countries\.csv:\d+: .*close every double quote"):
        print_sheet(opened(root), ARTICLES[0])


@pytest.mark.parametrize("name", ["codes.csv", "a.b-1_c.csv", "länder.csv", ".codes.csv"])
def test_a_file_is_proposed_as_a_reference_if_validation_accepts_its_name(
    tmp_path: Path, name: str
) -> None:
    root = repository(tmp_path / "package")
    (root / "reference/countries.csv").rename(root / "reference" / name)
    evidence = root / "data" / "evidence.csv"
    notes = evidence.read_text("utf-8")
    evidence.write_text(notes.replace("reference/countries.csv", f"reference/{name}"), "utf-8")
    is_refused = any(finding.code == "GD348" for finding in report_on(root).diagnostics)
    assert any(one.name == name for one in Proposer(opened(root), ()).references) != is_refused


def test_the_help_lists_what_a_sentence_contains(tmp_path: Path) -> None:
    root = repository(tmp_path / "package")
    file = tmp_path / "norvane.txt"
    file.write_bytes(TEXT.read_bytes() + b"\nIn Islamabad, Munir wore a Norvane tie.\n")
    save(add_article(opened(root), file, Details()))
    text = print_sheet(opened(root), "norvane")
    assert "  # names: Islamabad = pakistan-government; Munir = asim-munir\n" in text
    assert "  # no name for: Telmark, Doran Pell, Norvane\n" in text
    assert "  # hedge cues: reportedly\n" in text
    assert "  # dates: January, 3 March 2031\n" in text
    assert "  # amounts: 12 million crowns\n" in text
    assert "stance (support, conditional_support, open," in text


@pytest.mark.parametrize("source", ARTICLES)
def test_how_much_has_to_be_typed(source: str) -> None:
    """Three tenths of the bytes; most of the evidence is proposed."""
    record = opened(REPO)
    mine = record.owned(source)
    used = {
        item.span
        for name, rows in mine.items()
        for row in rows
        for item in record.evidence.get((name, row[record.contract[name].key]), ())
    }
    lines = sum(len(",".join(row.values()).encode()) + 1 for rows in mine.values() for row in rows)
    owners = {(n, r[record.contract[n].key]) for n, rows in mine.items() for r in rows}
    lines += sum(
        len(",".join(row.values()).encode()) + 1
        for row in record.rows["evidence"]
        if (row["resource"], row["row_id"]) in owners
    )
    lines += sum(
        len(",".join(row.values()).encode()) + 1
        for row in record.rows["quotes"]
        if record.spans[row["quote_id"]] in used
    )
    assert len(print_sheet(record, source).encode()) < 0.35 * lines
    printer = Printer(record, source)
    printer.rows()
    printed = [
        printer.printed(name, row[record.contract[name].key])
        for name, rows in mine.items()
        for row in rows
    ]
    typed = sum(len(row.notes) + sum(len(e.fields) for e in row.evidence) for row in printed)
    assert typed < 0.42 * evidence_of(record, source)
