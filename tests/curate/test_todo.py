"""What is left to code is listed by passage; `validate` reports it once."""

import csv
import io
from pathlib import Path

import pytest
from tests.article.package import SOURCE, make
from tests.curate.sheets import TEXT, opened, repository, save
from tests.validate.damage import report_on

from gazadata.curate.article import Details, add_article
from gazadata.curate.lookup import find_in_package
from gazadata.curate.todo import todo
from gazadata.errors import ReadError
from gazadata.package import Package


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make(tmp_path / "package")


def coded_by(root: Path, **cells: str) -> None:
    path = root / "data" / "sources.csv"
    rows = list(csv.DictReader(io.StringIO(path.read_text("utf-8"))))
    for row in rows:
        row.update(cells if row["source_id"] == SOURCE else {})
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(out.getvalue(), "utf-8")


def drop(root: Path, table: str, column: str, value: str) -> None:
    path = root / "data" / f"{table}.csv"
    rows = list(csv.DictReader(io.StringIO(path.read_text("utf-8"))))
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(row for row in rows if row[column] != value)
    path.write_text(out.getvalue(), "utf-8")


CODED = {"coded_by": "Ada", "coded_on": "2031-04-01", "manual_version": "2", "reviewed_by": "Bo"}


@pytest.mark.parametrize("empty", [[], ["coded_by"], ["manual_version", "reviewed_by"], [*CODED]])
def test_only_the_coder_can_be_missing_from_a_coded_article(root: Path, empty: list[str]) -> None:
    coded_by(root, **CODED | dict.fromkeys(empty, ""))
    said = [f"sources/{SOURCE}: no {', '.join(empty)}"] if empty else []
    assert list(todo(opened(root), SOURCE)) == said


def test_a_cell_without_evidence_is_listed_with_its_passage(root: Path) -> None:
    coded_by(root, **CODED)
    quote = "on-sunday-hundreds-of-farmers-blocked-the-border-bridge"
    drop(root, "evidence", "evidence_id", f"events.farmers-block-bridge.status.{quote}")
    assert list(todo(opened(root), SOURCE)) == [
        "s11 On Sunday, hundreds of farmers blocked the border bridge at…",
        "  events/farmers-block-bridge: no evidence for status",
    ]


def test_a_new_article_is_one_finding_and_a_list(tmp_path: Path) -> None:
    root = repository(tmp_path / "package")
    file = tmp_path / f"{SOURCE}.txt"
    file.write_bytes(TEXT.read_bytes())
    save(add_article(opened(root), file, Details()))
    found = [d for d in report_on(root, official=False).diagnostics if SOURCE in (d.row_id or "")]
    assert [(d.code, d.row_id, d.found) for d in found] == [
        ("GD331", f"{SOURCE}-s01", f"{SOURCE}-s01 and 14 more of {SOURCE}")
    ]
    lines = list(todo(opened(root), SOURCE))
    assert lines[:2] == [
        "s01 The government of Norvane has asked Telmark to admit foreign…",
        "  no row rests on it",
    ]
    assert lines[-1] == f"sources/{SOURCE}: no {', '.join(CODED)}"
    assert len(lines) == 31


def test_only_the_passage_that_was_left_out_is_named(root: Path) -> None:
    drop(root, "evidence", "quote_id", "the-dispute-is-now-the-most-dangerous-in-the")
    drop(root, "evidence", "quote_id", "the-dispute-is-now-the-most-dangerous-in-the-s10")
    drop(root, "evidence", "quote_id", "analysts-warn")
    found = [d for d in report_on(root, official=False).diagnostics if d.code == "GD331"]
    assert [d.found for d in found] == [f"{SOURCE}-s10"]


def test_find_reports_files_that_no_source_names(root: Path) -> None:
    (root / "raw" / "stray.txt").write_text("A text that nobody added.\n", "utf-8")
    found = find_in_package(Package.open(root), "nobody added")
    assert not found.matches
    assert "raw/stray.txt is not searched, since no row of sources names it" in str(found)
    assert "gazadata add-article" in str(found)
    (root / "raw" / "stray.txt").unlink()
    assert "not searched" not in str(find_in_package(Package.open(root), "nobody added"))


def test_find_without_any_held_source(root: Path) -> None:
    path = root / "data" / "sources.csv"
    path.write_text(path.read_text("utf-8").replace(",true,raw/", ",false,raw/"), "utf-8")
    with pytest.raises(ReadError, match=r"no source is held.*raw/norvane-urges-telmark\.txt"):
        find_in_package(Package.open(root), "Norvane")
