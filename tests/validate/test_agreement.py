"""Frictionless and pandera reject the same cells, as far as both can express the rule.

Each runs alone: frictionless as its process would, pandera on the frame of typed cells. Known
differences are listed here with their cause; one that no longer occurs fails.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

import pandera.errors
import polars as pl
import pytest
from pandera.polars import Check
from tests.validate.damage import SHIPPED, Files, Place, Row
from tests.validate.mutants import KINDS, mutant

from gazadata import frictionless_worker
from gazadata.contract import Field
from gazadata.tables.pandera_schemas import polars_schema
from gazadata.validate import all_rules
from gazadata.validate.tables import LINE, strings, typed

S = SHIPPED

# The field's type, and the value written into the cell.
TYPES: dict[str, tuple[str, ...]] = {
    "integer": (
        "12", "0", "-1", "-0", "007", "+1", "1.0", "1e3", "1,000", "1_000", " 1", "1 ", "x", "٣",
        "0x1", "9223372036854775807", "9223372036854775808", "--1", "1-", "inf", "nan",
        "01", "١", "99999999999999999999",
    ),
    "boolean": ("true", "false", "True", "TRUE", "FALSE", "1", "0", "yes", "t", " true", "x"),
    "date": (
        "2024-02-29", "2023-02-29", "2024-02-30", "2024-13-01", "2024-00-01", "2024-01-00",
        "2024-1-1", "24-01-01", "01/02/2024", "2024-01-01T00:00:00", "20240101", "2024-W01-1",
        "0001-01-01", "0000-01-01", "9999-12-31", "10000-01-01", "-0001-01-01", " 2024-01-01",
        "2024-01-01 ", "x", "２０２４-01-01",
    ),
}  # fmt: skip

BY_PANDERA = "pandera's side rejects it"
BY_FRICTIONLESS = "frictionless rejects it"

LOOSE_INTEGER = "Python's int() takes it; the tables hold integers in one form alone"
DIFFERENCES: dict[tuple[str, str], tuple[str, str]] = {
    ("integer", "-0"): (BY_PANDERA, LOOSE_INTEGER),
    ("integer", "007"): (BY_PANDERA, LOOSE_INTEGER),
    ("integer", "+1"): (BY_PANDERA, LOOSE_INTEGER),
    ("integer", "1_000"): (BY_PANDERA, LOOSE_INTEGER),
    ("integer", " 1"): (BY_PANDERA, "frictionless strips the cell first"),
    ("integer", "1 "): (BY_PANDERA, "frictionless strips the cell first"),
    ("integer", "٣"): (BY_PANDERA, LOOSE_INTEGER),
    ("integer", "01"): (BY_PANDERA, LOOSE_INTEGER),
    ("integer", "١"): (BY_PANDERA, LOOSE_INTEGER),
    ("integer", "9223372036854775808"): (BY_PANDERA, "it does not fit into 64 bits"),
    ("integer", "99999999999999999999"): (BY_PANDERA, "it does not fit into 64 bits"),
    ("date", "2024-1-1"): (BY_PANDERA, "Python's strptime() takes a month of one digit"),
    ("date", "２０２４-01-01"): (BY_PANDERA, "Python's strptime() takes digits of any script"),
}
"""What only one of the two accepts, with the cause."""


@dataclass(frozen=True)
class Seen:
    """The cells that each of the two rejects, as (resource, line, field)."""

    official: set[tuple[str, int, str]]
    ours: set[tuple[str, int, str]]


def look_twice(place: Place, changed: Files, names: set[str], *, keys: bool = False) -> Seen:
    """Run both on tables of the damaged package, with or without foreign keys."""
    place.damage(changed)
    try:
        return Seen(_official(place.root, names, keys), _ours(place.root, names, keys))
    finally:
        place.mend(changed)


def _official(root: Path, names: set[str], keys: bool) -> set[tuple[str, int, str]]:
    result = frictionless_worker.run(root, 0, sorted(names))
    assert not result["errors"]
    assert result["tables"].keys() == names
    found = set()
    for name, table in result["tables"].items():
        for error in table["errors"]:
            if error["type"] == "foreign-key":
                if keys:
                    (field,) = error["fieldNames"]
                    found.add((name, error["rowNumber"], field))
                continue
            # It reports a repeated primary key a second time, without a field.
            at = error.get("fieldName") or S.resource(name).key
            found.add((name, error["rowNumber"], at))
    return found


def _ours(root: Path, names: set[str], keys: bool) -> set[tuple[str, int, str]]:
    found = set()
    frames = {name: strings(root / S.path(name), S.resource(name)).collect() for name in names}
    for name, frame in frames.items():
        resource = S.resource(name)
        values = frame.with_columns(map(typed, resource.fields))
        for field in resource.fields:
            wrong = frame.filter(frame[field.name].is_not_null() & values[field.name].is_null())
            found |= {(name, line, field.name) for line in wrong[LINE]}
        schema = polars_schema(resource)
        for fk in resource.foreign_keys:
            if not keys or fk.resource not in names:
                continue
            # pandera only knows one table, so the keys of another become terms.
            there = frames[fk.resource][fk.target].drop_nulls().to_list()
            schema.columns[fk.field].checks.append(Check.isin(there))
        for field in filter(attrgetter("unique"), resource.fields):
            # Nulls are not repeated values.
            once = pl.col(field.name).is_null() | ~pl.col(field.name).is_duplicated()
            check = Check(lambda data, once=once: data.lazyframe.select(once))
            schema.columns[field.name].checks.append(check)
        try:
            schema.validate(values.drop(LINE), lazy=True)
        except pandera.errors.SchemaErrors as errors:
            for case in errors.failure_cases.to_dicts():
                line = frame[LINE][case["index"]]
                found.add((name, line, case["column"]))
    return found


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("agreement"))


def test_neither_rejects_a_cell_of_the_shipped_package(place: Place) -> None:
    names = set(S.contract.resources)
    seen = look_twice(place, {}, names)
    assert seen == Seen(set(), set())


# One field of each type; a number from 0 on.
OF_TYPE = {
    "integer": ("quotes", "char_start"),
    "boolean": ("actors", "list_is_open"),
    "date": ("events", "date_earliest"),
}


def _actors(values: tuple[str, ...], name: str, at: str) -> dict[str, bytes]:
    """A table whose rows are copies of its first, each with its own key and value."""
    resource = S.resource(name)
    first = S.rows(name)[0]
    rows: list[Row] = [
        first | {resource.key: f"a{i:04}", at: value} for i, value in enumerate(values)
    ]
    return S.table(name, rows)


@pytest.mark.parametrize("type_", TYPES)
def test_they_agree_on_types(type_: str, place: Place) -> None:
    name, at = OF_TYPE[type_]
    values = TYPES[type_]
    seen = look_twice(place, _actors(values, name, at), {name})
    differing = {}
    for i, value in enumerate(values):
        cell = (name, i + 2, at)
        if (cell in seen.official) != (cell in seen.ours):
            by = BY_PANDERA if cell in seen.ours else BY_FRICTIONLESS
            differing[type_, value] = by
    listed = {key: by for key, (by, _) in DIFFERENCES.items() if key[0] == type_}
    assert differing == listed
    assert seen.ours, "none of the values was rejected"
    assert len(seen.ours) < len(values), "all of the values were rejected"


def _constrained() -> list[tuple[str, Field]]:
    return [
        (name, field)
        for name in S.contract.resources
        for field in S.resource(name).fields
        if field.required or field.enum or field.pattern or field.minimum is not None
    ]


def _breaking(field: Field) -> list[str]:
    """Values that break each constraint of a field, and near misses that break none."""
    values = []
    if field.required:
        values.append("")
    if field.enum:
        term = field.enum[0]
        values += [term.swapcase(), term + "s", term[:-1], f" {term}", term, "None", "null", "NA"]
    if field.pattern:
        values += ["A_B", "-", "ä", "q1", "Q01", "raw/", "raw/../x", "a--b", "a-b", "PAK", "PAKI",
                   "en", "f" * 64, "F" * 64, "a\u200bb", "а", "x.y", "x..y", "_x", "x_"]  # fmt: skip
    if field.minimum is not None:
        values += [str(field.minimum + by) for by in (-1000, -1, 0, 1)]
    return values


def test_they_agree_on_constraints(place: Place) -> None:
    """Every constrained field of every table, in one package: a row for each value tried."""
    changed: dict[str, bytes] = {}
    tried: dict[tuple[str, int, str], str] = {}
    for name in S.contract.resources:
        resource, first = S.resource(name), S.rows(name)[0]
        rows: list[Row] = []
        for owner, field in _constrained():
            if owner != name:
                continue
            for value in _breaking(field):
                key = f"a{len(rows):04}"
                rows.append(first | {resource.key: key, field.name: value})
                tried[name, len(rows) + 1, field.name] = value
        changed |= S.table(name, rows)
    seen = look_twice(place, changed, set(S.contract.resources))
    # The rows only differ in their keys, which is allowed for all other fields.
    assert {cell: tried.get(cell) for cell in seen.official ^ seen.ours} == {}
    kinds = {(bool(f.enum), bool(f.pattern), f.minimum is not None) for _, f in _constrained()}
    assert len(kinds) >= 4
    assert len(seen.ours) > 300
    assert len(tried) - len(seen.ours & tried.keys()) > 100


def test_they_agree_on_uniqueness(place: Place) -> None:
    """Frictionless names the later of two rows, pandera both."""
    changed: dict[str, bytes] = {}
    later: set[tuple[str, int, str]] = set()
    earlier: set[tuple[str, int, str]] = set()
    for name in S.contract.resources:
        rows, key = S.rows(name), S.resource(name).key
        rows[2][key] = rows[0][key]
        changed |= S.table(name, rows)
        later.add((name, 4, key))
        earlier.add((name, 2, key))
    seen = look_twice(place, changed, set(S.contract.resources))
    assert seen.official == later
    assert seen.ours == later | earlier


@pytest.mark.parametrize("at", ["iso3", "cow", "gleditsch_ward", "wikidata_id"])
def test_they_agree_on_optional_unique_values(at: str, place: Place) -> None:
    """Most of these cells are empty, which does not count as a repeated value."""
    rows = S.rows("actors")
    first, second = [i for i, row in enumerate(rows) if row[at]][:2]
    rows[second][at] = rows[first][at]
    seen = look_twice(place, S.table("actors", rows), {"actors"})
    assert seen.official == {("actors", second + 2, at)}
    assert seen.ours == {("actors", first + 2, at), ("actors", second + 2, at)}


def test_both_are_needed(place: Place) -> None:
    """Rules that each of them cannot express, which is why neither is the only layer."""
    twice = S.rows("participants")
    twice[1] |= {at: twice[0][at] for at in ("event_id", "actor_id", "role")}
    seen = look_twice(place, S.table("participants", twice), {"participants"})
    assert seen == Seen(set(), set()), "uniqueKeys is checked after all: say so in the rules"
    url = S.change("sources", S.where("sources", source_id="plover-manual"), url="github")
    seen = look_twice(place, url, {"sources"})
    line = S.where("sources", source_id="plover-manual") + 2
    assert seen == Seen({("sources", line, "url")}, set())


BOTH = ("GD201", "GD202", "GD203", "GD204", "GD205", "GD206", "GD207")
"""Rules that both can express: types, constraints, primary keys and foreign keys."""

ONE_OR_NONE = {
    "GD0": "the descriptor and which files there are, none of which a frame of cells shows",
    "GD10": "bytes and lines: pandera is given what could be read, and would be given nothing",
    "GD11": "white space within cells and formulas, which neither checks",
    "GD208": "uniqueKeys: frictionless passes over them, and pandera's schema states none",
    "GD209": "what a key is like in other rows, which no constraint of the standard says",
    "GD210": "formats: pandera's schema states none",
    "GD211": "a file that is no table of the package",
    "GD3": "texts, quotes and evidence, of which a schema says nothing",
    "GD4": "what cells mean together, of which a schema says nothing",
}
"""Why mutants of other kinds are left out, by the beginning of the rule's code."""

MUTANTS = 3


def _why(code: str) -> str:
    """The beginning of a code in `ONE_OR_NONE`; empty for one that both can express."""
    found = [start for start in ONE_OR_NONE if code.startswith(start)]
    assert len(found) == (code not in BOTH), code
    return "".join(found)


def test_kinds_are_left_out_for_a_known_reason() -> None:
    codes = {code for kind in KINDS.values() for code in kind.codes}
    assert {_why(code) for code in codes} - {""} == ONE_OR_NONE.keys()
    assert {code for code in codes if not _why(code)} == set(BOTH) <= all_rules().keys()


def _concerned(files: Files) -> set[str]:
    """The tables in some files, and those linked to them by a foreign key in either direction."""
    names = {name for name in S.contract.resources if S.path(name) in files}
    names |= {r.name for name in names for r, _ in S.contract.referrers(name)}
    return names | {fk.resource for name in names for fk in S.resource(name).foreign_keys}


@pytest.mark.long
@pytest.mark.parametrize("name", [n for n, kind in KINDS.items() if kind.codes & set(BOTH)])
def test_they_agree_on_mutants(name: str, place: Place) -> None:
    """On each cell; both reject what only their own rule should find."""
    for number in range(MUTANTS):
        one = mutant(name, number)
        seen = look_twice(place, one.files, _concerned(one.files), keys=True)
        place.damage(one.files)
        tables = {n: place.rows(n) for n, _, _ in seen.official | seen.ours}
        place.mend(one.files)
        agreed = set(seen.official & seen.ours)
        for cell in seen.official ^ seen.ours:
            resource, line, at = cell
            value = tables[resource][line - 2][at]
            by = BY_PANDERA if cell in seen.ours else BY_FRICTIONLESS
            again = [i for i, row in enumerate(tables[resource]) if row[at] == value]
            if S.resource(resource)[at].unique and by == BY_PANDERA and again[0] == line - 2:
                # Frictionless names the later of two rows, pandera both.
                assert (resource, again[1] + 2, at) in agreed, one.what
                continue
            if S.resource(resource)[at].format and by == BY_FRICTIONLESS:
                continue  # pandera's schema states no formats.
            listed = DIFFERENCES.get((S.resource(resource)[at].type, value), ("", ""))
            assert listed[0] == by, f"{one.what}: {cell} {value!r}: {by}"
            agreed.add(cell)
        # A file of reference/ is not a table, so neither reads it.
        if KINDS[name].codes <= set(BOTH) and _concerned(one.files):
            lines = {(S.path(resource), line) for resource, line, _ in agreed}
            places = {(path, line) for path, line in one.places}
            assert lines & places, one.what
