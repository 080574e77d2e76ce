"""A field that a package adds breaks no rule, whatever its name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import polars as pl
import pytest
from tests.validate.damage import (
    DESCRIPTOR,
    SHIPPED,
    Files,
    Place,
    Row,
    csv_bytes,
    json_bytes,
    report_on,
    small_package,
)

from gazadata.contract import Contract
from gazadata.package import Package
from gazadata.validate import Report, layers, sweep
from gazadata.validate.checks import Unrun
from gazadata.validate.tables import Tables

pytestmark = pytest.mark.sampled

S = SHIPPED
REPO = Path(__file__).parents[2]


def helpers() -> list[str]:
    """The names of the rules' own columns in the code, without their prefix."""
    code = "\n".join(p.read_text("utf-8") for p in (REPO / "src/gazadata/validate").glob("*.py"))
    names = {n for n in re.findall(r"(?<![\w.])__([a-z]\w*)", code) if not n.endswith("__")}
    # Some are numbered, and some named after a field.
    return sorted({*names, *(f"{name}0" for name in names), "cell:status", "cell:iso3"})


def test_the_code_has_its_own_columns() -> None:
    asked = {"has", "used", "text", "value", "cited_kind", "stance", "any", "hedges", "says", "filled", "cut",
             "p_start", "part", "misquoted", "there", "exact", "names", "line"}  # fmt: skip
    assert asked <= set(helpers())


def wrong_rows() -> dict[str, list[Row]]:
    """The shipped rows with mistakes for many rules that join tables."""
    rows = {name: S.rows(name) for name in S.contract.resources}

    def change(name: str, number: int, **cells: str) -> None:
        rows[name][number] |= cells

    def where(name: str, **cells: str) -> int:
        return next(i for i, r in enumerate(rows[name]) if all(r[k] == v for k, v in cells.items()))

    carried = {c["position_id"] for c in rows["conditions"]}
    free = (i for i, p in enumerate(rows["positions"]) if p["position_id"] not in carried)
    change("positions", next(free), stance="conditional_oppose")
    change("positions", next(free), attributed_to="plover-manual")
    change("positions", next(free), source_id="reuters-report")
    spoken = next(i for i, p in enumerate(rows["positions"]) if p["spokesperson_id"])
    change("positions", spoken, spokesperson_id="pakistan")
    oppose = rows["positions"][where("positions", stance="oppose")]["position_id"]
    change("conditions", 0, position_id=oppose)
    change("events", where("events", event_id="dar-rejects-disarmament-mandate"),
           event_type="SANCTION")  # fmt: skip
    left_out = rows["participants"][where("participants", role="excluded")]
    rows["participants"].append(left_out | {"participant_id": "zz-part", "role": "participant"})
    change("actors", where("actors", actor_id="turkey"), iso3="ZZZ")
    change("actors", where("actors", actor_id="hamas"), part_of="asim-munir")
    change("sources", where("sources", source_id="reuters-report"), cited_by="plover-manual")
    change("passages", 4, char_start=str(int(rows["passages"][4]["char_start"]) + 1))
    change("quotes", 5, exact=rows["quotes"][5]["exact"].upper())
    change("quotes", 9, passage_id=rows["passages"][0]["passage_id"])
    evidence = rows["evidence"]
    uses = [e["quote_id"] for e in evidence]
    evidence.remove(next(e for e in evidence if e["quote_id"] and uses.count(e["quote_id"]) == 1))
    some = iter(e for e in evidence if e["basis"] == "classified" and e["resource"] == "events")
    next(some)["basis"] = "stated"
    next(some)["field"] += "_x"
    next(some)["evidence_id"] += "0"
    next(some)["row_id"] += "-x"
    next(some)["quote_id"] = "none"
    of_code = next(e for e in evidence if e["field"] == "iso3" and e["row_id"] == "egypt")
    of_code["reference_id"] = "unnamed-report-on-contributors"
    of_code["evidence_id"] = "actors.egypt.iso3.unnamed-report-on-contributors"
    change("events", where("events", event_id="us-asks-pakistan-for-isf-troops"),
           hedge="Reuters", certainty="certain")  # fmt: skip
    change("passages", 9, paragraph="1")
    return rows


def package(rows: dict[str, list[Row]], name: str = "", *more: str) -> Files:
    """A package of another name with these rows, and extra fields in one of its tables."""
    changed: dict[str, bytes | None] = {DESCRIPTOR: json_bytes(S.descriptor() | {"name": "other"})}
    for table, its in rows.items():
        names = list(S.resource(table).field_names)
        added = [n for n in more if n not in names] if table == name else []
        content = ([row[n] for n in names] + ["x"] * len(added) for row in its)
        changed[S.path(table)] = csv_bytes([[*names, *added], *content])
        if added:
            schema = S.schema(table)
            schema["fields"] += [
                {"name": n, "type": "string", "title": n, "description": n,
                 "gazadata:evidence": "exempt"}
                for n in added
            ]  # fmt: skip
            changed[f"schemas/{table}.json"] = json_bytes(schema)
    return changed


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("columns"))


def validated(place: Place, changed: Files) -> Report:
    place.damage(changed)
    try:
        return report_on(place.root, official=False)
    finally:
        place.mend(changed)


@pytest.fixture(scope="module")
def without(place: Place) -> Report:
    return validated(place, package(wrong_rows()))


def test_the_mistakes_are_found_without_it(without: Report) -> None:
    assert not without.failures
    joined = {"GD207", "GD311", "GD312", "GD321", "GD323", "GD332", "GD333", "GD334", "GD335",
              "GD341", "GD344", "GD348", "GD351", "GD406", "GD407", "GD408", "GD417",
              "GD419", "GD421"}  # fmt: skip
    assert joined <= {d.code for d in without.diagnostics}


@pytest.mark.parametrize("name", S.contract.resources)
def test_an_extra_field_changes_nothing(name: str, place: Place, without: Report) -> None:
    report = validated(place, package(wrong_rows(), name, *helpers()))
    assert report.failures == []
    assert report.diagnostics == without.diagnostics
    # Rules of single cells also check those of the extra fields.
    later = {code for code in without.counts if code > "GD300"}
    assert {code: report.counts[code] for code in later} == {
        code: without.counts[code] for code in later
    }


def test_the_columns_of_every_check_set_stay_apart(tmp_path: Path) -> None:
    """Columns that rules add have names that no field can have."""
    root = Place(tmp_path / "package").root
    contract, report = Contract.read(root), Report("", "")
    (tmp_path / "put-by").mkdir()
    paths = {name: root / resource.path for name, resource in contract.resources.items()}
    tables = Tables(root, contract.resources, paths, tmp_path / "put-by")
    for name, resource in contract.resources.items():
        tables.add(name, sweep.sweep(resource, tables, report, 10) or 0)
    check_sets = list(layers.ordered(Package(root, contract), tables, report, 10, Unrun(tables)))
    assert len(check_sets) > 50
    for one in check_sets:
        frame = one.shown(one.frame()) if one.shown else one.frame()
        own = {*one.resource.field_names}
        for column in frame.collect_schema().names():
            assert column in own or column.startswith("__"), [c.code for c in one.checks]


@pytest.mark.parametrize("key", ["value", "first", "row_id", "text"])
def test_an_extra_table_changes_nothing(key: str, place: Place, without: Report) -> None:
    """Nor does a table with a name under which the rules store something, or with its own key."""
    small = small_package([{"name": key, "constraints": {"required": True, "unique": True}}])
    (more,) = small["resources"]
    more |= {"name": "cues", "path": "data/cues.csv"}
    more["schema"]["primaryKey"] = key
    changed = dict(package(wrong_rows()))
    described = S.descriptor() | {"name": "other"}
    described["resources"].append(more)
    changed |= {DESCRIPTOR: json_bytes(described), "data/cues.csv": f"{key}\na\nb\n".encode()}
    report = validated(place, changed)
    assert report.failures == []
    assert report.diagnostics == without.diagnostics
    changed["data/cues.csv"] = f"{key}\na\na\n".encode()
    twice = [d for d in validated(place, changed).diagnostics if d.resource == "cues"]
    assert [(d.code, d.line) for d in twice] == [("GD206", 3)]


@pytest.mark.parametrize("engine", [None, "streaming"])
def test_a_validation_leaves_the_configuration_of_polars(
    engine: Literal["streaming"] | None,
) -> None:
    with pl.Config(set_engine_affinity=engine, tbl_rows=3):
        before = pl.Config.save()
        assert not report_on(REPO, official=False).diagnostics
        assert pl.Config.save() == before
