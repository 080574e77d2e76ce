"""`gazadata find`: words in the held texts, also in those of a draft."""

import csv
from pathlib import Path

import pytest

from gazadata.curate.canonical import canonical_csv
from gazadata.curate.lookup import find_in_package
from gazadata.errors import ReadError
from gazadata.opening import open_dataset
from gazadata.package import Package


def empty_cells(root: Path, table: str, fields: tuple[str, ...]) -> None:
    """Empty some fields of every row, as in a draft."""
    path = root / "data" / f"{table}.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row.update(dict.fromkeys(fields, ""))
    path.write_bytes(canonical_csv(list(rows[0]), [list(row.values()) for row in rows]))


def test_found_words_are_printed_as_a_row_of_quotes(package_copy: Path) -> None:
    found = find_in_package(Package.open(package_copy), "pakistan's MILITARY leadership")
    (place,) = found.matches
    assert place.match.exact == "Pakistan’s military leadership"
    (row,) = csv.reader([str(found).splitlines()[-1]])
    assert row == ["", place.source_id, place.passage_id, str(place.match.start),
                   str(place.match.end), place.match.exact, place.prefix, place.suffix]  # fmt: skip


def test_missing_words_are_reported_with_the_nearest(package_copy: Path) -> None:
    found = find_in_package(Package.open(package_copy), "Pakistans militry leadership")
    assert not found.matches
    assert str(found).startswith("no match for “Pakistans militry leadership”; the nearest words:")
    assert str(find_in_package(Package.open(package_copy), "zzzz")) == (
        "no match for “zzzz”, and nothing similar"
    )


@pytest.mark.parametrize("fields", [("char_start",), ("char_end",), ("char_start", "char_end")])
def test_passages_without_offsets_contain_no_words(
    package_copy: Path, fields: tuple[str, ...]
) -> None:
    empty_cells(package_copy, "passages", fields)
    found = find_in_package(Package.open(package_copy), "tangible benefits")
    assert [place.passage_id for place in found.matches] == [None]


def test_a_draft_can_be_viewed_and_explained(package_copy: Path) -> None:
    empty_cells(package_copy, "passages", ("char_start", "char_end"))
    empty_cells(package_copy, "quotes", ("char_start", "char_end", "passage_id"))
    dataset = open_dataset(package_copy)
    view = dataset.view("events")
    assert view["quotes"].map(len).min() > 0
    for key in view["event_id"]:
        assert "no passage, offsets unknown\n" in f"{dataset.explain('events', key)}\n"


def test_a_source_without_its_text_is_reported(package_copy: Path) -> None:
    (text,) = (p for p in (package_copy / "raw").iterdir() if "6e04a71c739462ee" in p.name)
    text.unlink()
    with pytest.raises(ReadError, match=rf"{text.name}: no such file; releases do not contain"):
        find_in_package(Package.open(package_copy), "troops")
    empty_cells(package_copy, "sources", ("text_path",))
    with pytest.raises(ReadError, match="is held, but text_path is empty"):
        find_in_package(Package.open(package_copy), "troops")
