"""The invented article: a package of its own, and what the manual quotes."""

import csv
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.article.package import (
    FOLDER,
    REPO,
    SOURCE,
    add_another,
    make,
    make_with_shipped,
)

from gazadata.package import Package
from gazadata.release.bump import bump
from gazadata.validate import validate

pytestmark = pytest.mark.sampled

TEXT = (FOLDER / "raw" / f"{SOURCE}.txt").read_bytes().decode("utf-8")
MANUAL = (REPO / "docs" / "manual.md").read_text("utf-8")


def test_it_is_valid_alone(tmp_path: Path) -> None:
    report = validate(make(tmp_path / "package"))
    assert [(one.code, one.path, one.line) for one in report.diagnostics] == []


def test_it_is_valid_together_with_another(tmp_path: Path) -> None:
    report = validate(make_with_shipped(tmp_path / "package"))
    assert [(one.code, one.path, one.line) for one in report.diagnostics] == []


@pytest.mark.long
def test_adding_an_article_breaks_no_test_of_the_record(tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    shutil.copytree(REPO, clone, ignore=shutil.ignore_patterns(".*", "dist", "__pycache__"))
    add_another(clone)
    assert validate(clone).ok(strict=True)
    major, *_ = Package.open(clone).contract.version.split(".")
    bump(clone, f"{major}.99.0")
    names = "readme", "record", "decisions", "second_article", "contributing", "dataset", "frames"
    files = ["tests/curate", *(f"tests/test_{name}.py" for name in names)]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *files],
        cwd=clone,
        env=os.environ | {"PYTHONPATH": str(clone / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


Rows = list[dict[str, str]]


def _read(path: Path) -> Rows:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _write(path: Path, rows: Rows) -> None:
    rows.sort(key=lambda row: next(iter(row.values())))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture
def two(tmp_path: Path) -> Path:
    return make_with_shipped(tmp_path / "package")


@pytest.mark.parametrize("used_by", [SOURCE, "trump-leaning-on-pakistan"])
def test_a_name_states_nothing_in_another_article(two: Path, used_by: str) -> None:
    """“Islamabad” is the government of Pakistan only where the first article uses it so."""
    names = _read(two / "data/names.csv")
    new = {"name_id": "new", "source_id": used_by, "actor_id": "pakistan-government"}
    _write(
        two / "data/names.csv", [*names, new | {"topic_id": "", "text": "Telmark", "form": "name"}]
    )
    quotes = {row["quote_id"]: row["exact"] for row in _read(two / "data/quotes.csv")}
    stated = next(
        row
        for row in _read(two / "data/evidence.csv")
        if (row["resource"], row["field"], row["basis"])
        == ("positions", "addressed_to_id", "stated")
        and "Telmark" in quotes[row["quote_id"]].split()
    )
    positions = _read(two / "data/positions.csv")
    (one,) = (row for row in positions if row["position_id"] == stated["row_id"])
    one["addressed_to_id"] = "pakistan-government"
    _write(two / "data/positions.csv", positions)
    unstated = [d.row_id for d in validate(two).diagnostics if d.code == "GD341"]
    assert unstated == ([] if used_by == SOURCE else [stated["evidence_id"]])


@pytest.mark.parametrize("basis", ["inferred", "classified"])
def test_a_name_that_is_inferred_states_nothing(two: Path, basis: str) -> None:
    names = _read(two / "data/names.csv")
    (one,) = (row for row in names if row["source_id"] == SOURCE and row["text"] == "Brenholt")
    evidence = _read(two / "data/evidence.csv")
    for row in evidence:
        if (row["row_id"], row["field"]) == (one["name_id"], "actor_id"):
            row |= {"basis": basis, "note": "By what it does."}
    _write(two / "data/evidence.csv", evidence)
    found = {d.code for d in validate(two).diagnostics}
    assert found == ({"GD341"} if basis == "inferred" else set())


@pytest.fixture
def one(tmp_path: Path) -> Path:
    return make(tmp_path / "package")


def _change(package: Path, table: str, key: str, **cells: str) -> None:
    """Change cells of a row, and remove the evidence of those that are emptied."""
    rows = _read(package / f"data/{table}.csv")
    (row,) = (row for row in rows if next(iter(row.values())) == key)
    row |= cells
    _write(package / f"data/{table}.csv", rows)
    empty = {(table, key, field) for field, cell in cells.items() if not cell}
    evidence = _read(package / "data/evidence.csv")
    kept = [e for e in evidence if (e["resource"], e["row_id"], e["field"]) not in empty]
    _write(package / "data/evidence.csv", kept)


def _found(package: Path) -> set[tuple[str, str | None]]:
    return {(d.code, d.severity) for d in validate(package).diagnostics}


@pytest.mark.parametrize(
    ("table", "key", "cells", "found"),
    [
        # “said”, “insisted”, “declined”: not a dropped cue if the row itself records the saying.
        ("positions", "telmark-government-admission", {"expression": ""}, True),
        ("positions", "norvane-lifting-embargo", {"expression": ""}, True),
        ("positions", "norvane-lifting-embargo", {"expression": "indicated"}, False),
        ("events", "pell-rejects-inspections", {"event_type": "PROTEST"}, True),
        ("events", "pell-rejects-inspections", {"event_type": "ACCUSE"}, False),
        # “could” weakens the stance, and is kept in hedge.
        ("positions", "telmark-government-admission", {"hedge": ""}, True),
        # “warn” is kept in attributed_to and in hedge.
        (
            "assessments",
            "dispute-most-dangerous",
            {"attributed_to": "", "hedge": "", "certainty": "certain"},
            True,
        ),
    ],
)
def test_a_cue_that_a_row_drops_is_reported(
    one: Path, table: str, key: str, cells: dict[str, str], found: bool
) -> None:
    _change(one, table, key, **cells)
    assert (("GD351", "warning") in _found(one)) is found


@pytest.mark.parametrize(
    ("key", "cells"),
    [
        ("tam-rusk-on-commission", {"speaker_id": ""}),
        ("tam-rusk-on-commission", {"kind": "unnamed_source"}),
    ],
)
def test_a_named_speaker_is_an_actor_and_no_other_source_is(
    one: Path, key: str, cells: dict[str, str]
) -> None:
    _change(one, "sources", key, **cells)
    assert _found(one) == {("GD420", "error")}


@pytest.mark.parametrize(
    ("day", "found"), [("2031-03-03", set()), ("2031-03-30", {"GD341"}), ("2031-03-13", {"GD341"})]
)
def test_a_written_date_states_the_date(one: Path, day: str, found: set[str]) -> None:
    """The words are “on 3 March 2031”."""
    _change(one, "positions", "norvane-government-admission", date_earliest=day, date_latest=day)
    assert {code for code, _ in _found(one)} == found


def test_a_topic_that_exists_is_not_one_that_the_words_call_proposed(one: Path) -> None:
    _change(one, "topics", "river-commission", status="existing")
    assert _found(one) == {("GD351", "warning")}


def test_an_unknown_field_is_reported_with_the_known_ones(one: Path) -> None:
    evidence = _read(one / "data/evidence.csv")
    row = next(r for r in evidence if (r["resource"], r["field"]) == ("events", "topic_id"))
    row["field"] = "topic"
    _write(one / "data/evidence.csv", evidence)
    (wrong,) = (d for d in validate(one).diagnostics if d.code == "GD334")
    assert wrong.found == "topic"
    assert " topic_id," in (wrong.expected or "")


def test_a_name_is_in_the_quotes_of_its_row(one: Path) -> None:
    """It needs no evidence of its own: its words are checked against the quotes of the others."""
    _change(one, "names", "kessaly", text="Kesaly")
    assert ("GD345", "error") in _found(one)


def test_a_source_is_cited_by_the_article_that_its_quotes_are_from(two: Path) -> None:
    _change(two, "sources", "analysts-on-lisse-dispute", cited_by="trump-leaning-on-pakistan")
    assert ("GD336", "error") in _found(two)


def test_a_changed_text_is_found_where_the_recorded_hash_is_expected(one: Path) -> None:
    with (one / "raw" / f"{SOURCE}.txt").open("a", encoding="utf-8") as text:
        text.write(" More.")
    (row,) = (row for row in _read(one / "data/sources.csv") if row["source_id"] == SOURCE)
    (wrong,) = (d for d in validate(one).diagnostics if d.code == "GD302")
    assert wrong.expected == row["text_sha256"]
    assert row["text_sha256"] not in (wrong.found or "")


@pytest.mark.parametrize(("stance", "found"), [("undecided", set()), ("unclear", {"GD408"})])
def test_an_undecided_position_may_have_a_condition(
    one: Path, stance: str, found: set[str]
) -> None:
    _change(one, "positions", "telmark-government-admission", stance=stance)
    assert {code for code, _ in _found(one)} == found


def test_it_has_what_makes_articles_hard_to_code() -> None:
    for words in ("reportedly", "according to", "provided that", "has not decided", "left out"):
        assert words in TEXT
    assert "’" in TEXT, "offsets in code points and in bytes must differ"


@pytest.mark.parametrize("quoted", sorted(set(re.findall(r"“([^”]*)”", MANUAL))))
def test_the_manual_quotes_the_invented_article(quoted: str) -> None:
    """An ellipsis leaves words out; the parts are in the text in this order."""
    parts = [part for part in re.split(r"\s*…\s*", quoted) if part]
    at = 0
    for part in parts:
        at = TEXT.find(part, at)
        assert at >= 0, f"not in the invented article: {part}"
        at += len(part)


def test_the_manual_reveals_nothing_of_a_real_article() -> None:
    actors = _read(REPO / "data/actors.csv")
    named = " ".join(row["name"] for row in actors if row["kind"] in ("person", "state"))
    names = set(re.findall(r"\b[A-Z][a-z]{4,}\b", named))
    assert len(names) > 10
    assert sorted(name for name in names if re.search(rf"\b{name}\b", MANUAL)) == []


def test_the_manual_is_short() -> None:
    assert len(MANUAL.split()) <= 6000
