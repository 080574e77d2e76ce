"""Messages name the actual problem, at its place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gazadata.cli import app
from gazadata.errors import GazadataError, ReadError, UnknownName
from gazadata.opening import open_dataset
from gazadata.validate import Diagnostic, validate
from gazadata.validate.dated import keys_made_dates


def change(root: Path, path: str, old: str, new: str) -> None:
    text = (root / path).read_text("utf-8")
    assert old in text
    (root / path).write_text(text.replace(old, new, 1), "utf-8", newline="\n")


def only(root: Path) -> Diagnostic:
    (one,) = validate(root).diagnostics
    return one


@pytest.mark.parametrize("number", ["99999999999999999999", "9223372036854775808"])
def test_a_number_that_is_too_large_shows_the_limit(number: str, package_copy: Path) -> None:
    change(package_copy, "data/events.csv", ",occurred,,", f",occurred,{number},")
    one = only(package_copy)
    assert (one.code, one.found) == ("GD201", number)
    assert one.expected == (
        "a 64-bit whole number, from -9223372036854775808 to 9223372036854775807"
    )
    assert "digits" not in (one.help or "")


@pytest.mark.parametrize("place", ["datapackage.json", "schemas/topics.json"])
def test_a_duplicate_name_is_reported_at_its_place(place: str, package_copy: Path) -> None:
    lines = (package_copy / place).read_text("utf-8").split("\n")
    at = max(n for n, line in enumerate(lines) if '"title": ' in line)
    lines.insert(at + 1, lines[at].rstrip(",").replace('": "', '": "again ') + ",")
    if not lines[at].endswith(","):
        lines[at], lines[at + 1] = f"{lines[at]},", lines[at + 1].rstrip(",")
    (package_copy / place).write_text("\n".join(lines), "utf-8")
    one = only(package_copy)
    assert (one.code, one.path, one.line) == ("GD001", place, at + 2)
    assert "'title' occurs twice" in (one.found or "")


def test_a_short_row_gets_no_advice_on_commas_in_cells(package_copy: Path) -> None:
    lines = (package_copy / "data/topics.csv").read_text("utf-8").split("\n")
    lines[2] = lines[2].rpartition(",")[0].replace('"', "")
    lines[2] = ",".join(lines[2].split(",")[:4])
    (package_copy / "data/topics.csv").write_text("\n".join(lines), "utf-8", newline="\n")
    one = only(package_copy)
    assert (one.code, one.line, one.found) == ("GD107", 3, "4 cells")
    assert one.help == "Write a comma for each empty cell, too."


@pytest.mark.parametrize(
    ("key", "date"),
    [
        ("oct-7", "7-Oct"),
        ("oct-7", "07-Oct-26"),
        ("7-october", "2026-10-07"),
        ("march-2026", "Mar-26"),
        ("3-4", "04-Mar"),
        ("3-4", "3/4/2026"),
        ("7-10", "07.10.2026"),
        ("2026-10-07", "10/7/2026"),
    ],
)
def test_dates_that_spreadsheets_make_from_keys(key: str, date: str) -> None:
    assert key in keys_made_dates(date)


@pytest.mark.parametrize("text", ["isf", "oct", "7-Okt", "2026-13-40x", "7-October-offensive"])
def test_other_keys_are_not_dates(text: str) -> None:
    assert keys_made_dates(text) == set()


def test_a_key_that_a_spreadsheet_made_a_date_is_one_finding(package_copy: Path) -> None:
    """It is at that key, and not at the cells that still refer to it."""
    for path in (package_copy / "data").glob("*.csv"):
        text = path.read_text("utf-8").replace("regional-conflicts", "oct-7")
        rows = text.rstrip("\n").split("\n")
        path.write_text("\n".join([rows[0], *sorted(rows[1:])]) + "\n", "utf-8", newline="\n")
    assert "oct-7" in (package_copy / "data/evidence.csv").read_text("utf-8")
    before = {(d.code, d.path, d.line) for d in validate(package_copy).diagnostics}
    change(package_copy, "data/topics.csv", "\noct-7,", "\n7-Oct,")
    after = [d for d in validate(package_copy).diagnostics if d.code not in ("GD108", "GD335")]
    new = [d for d in after if (d.code, d.path, d.line) not in before]
    assert [(d.code, d.found) for d in new] == [("GD204", "7-Oct")]
    assert "A spreadsheet turned this key into a date" in (new[0].help or "")


def test_a_date_outside_pythons_range_is_not_a_traceback(package_copy: Path) -> None:
    change(package_copy, "data/events.csv", ",,,,unknown,", ",,0000-01-01,0000-01-01,day,")
    data = open_dataset(package_copy)
    readers: list[Callable[[], object]] = [
        lambda: data.load("events"),
        lambda: data.view("events"),
        lambda: data.explain("events", "dar-rejects-disarmament-mandate"),
    ]
    for read in readers:
        with pytest.raises(
            ReadError, match=r"events\.csv: date_earliest of row 1 is a date outside the years"
        ):
            read()


def test_a_header_that_is_not_utf_8_is_not_a_traceback(package_copy: Path) -> None:
    path = package_copy / "data/topics.csv"
    path.write_bytes(path.read_bytes().replace(b"label", b"l\xe4bel", 1))
    with pytest.raises(ReadError, match=r"topics\.csv:1: the header is not UTF-8"):
        open_dataset(package_copy).load("topics")


@pytest.mark.parametrize("name", ["EVENTS", "events.CSV", "Event"])
def test_a_name_in_another_case_is_suggested(name: str) -> None:
    with pytest.raises(UnknownName, match="did you mean 'events'"):
        open_dataset().load(name)


def test_a_format_in_another_case_is_suggested(package_copy: Path) -> None:
    from typer.testing import CliRunner

    done = CliRunner().invoke(app, ["validate", str(package_copy), "--format", "SARIF"])
    assert isinstance(done.exception, GazadataError)
    assert str(done.exception) == "no format 'SARIF'; did you mean 'sarif'?"


def test_a_file_in_another_case_is_suggested(package_copy: Path) -> None:
    change(package_copy, "datapackage.json", "data/events.csv", "data/events.CSV")
    with pytest.raises(ReadError, match=r"no such file, .*did you mean 'events\.csv'"):
        open_dataset(package_copy).load("events")
    assert only(package_copy).suggestion == "data/events.csv"
