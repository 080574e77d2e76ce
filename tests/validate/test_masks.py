"""One mistake is one finding, and two are two: what follows from a broken cell is not reported."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.validate.damage import DESCRIPTOR, SHIPPED, Files, Place, Row, json_bytes, report_on

from gazadata.contract import Contract
from gazadata.package import Package
from gazadata.validate import Diagnostic, Report, descriptor, layers, standard
from gazadata.validate.files import check
from gazadata.validate.grouped import group
from gazadata.validate.tables import LINE, MASKED, Tables

pytestmark = pytest.mark.sampled

S = SHIPPED

Edit = tuple[str, int, dict[str, str]]
"""A table, the number of a row, and its new cells."""

Where = tuple[str, str, int | None, str | None]
"""The rule, table, line and field of a finding."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("merged"))


def damaged(place: Place, files: Files, limit: int = 1_000) -> Report:
    place.damage(files)
    try:
        return report_on(place.root, official=False, limit=limit)
    finally:
        place.mend(files)


def found(report: Report) -> list[Where]:
    assert not report.failures
    return sorted((d.code, str(d.resource), d.line, d.field) for d in report.diagnostics)


def edited(*edits: Edit) -> dict[str, bytes]:
    """The files of the tables with other cells in some rows."""
    tables: dict[str, list[Row]] = {}
    for name, number, cells in edits:
        tables.setdefault(name, S.rows(name))[number] |= cells
    files: dict[str, bytes] = {}
    for name, rows in tables.items():
        files |= S.table(name, rows)
    return files


def at(name: str, key: str) -> int:
    return S.where(name, **{S.resource(name).key: key})


def first(name: str, test: Callable[[Row], object]) -> int:
    return next(i for i, row in enumerate(S.rows(name)) if test(row))


def a_condition() -> tuple[int, int]:
    """The numbers of a condition and of its position."""
    position = S.rows("conditions")[0]["position_id"]
    return 0, at("positions", position)


def proof(name: str, number: int, field: str, **cells: str) -> int:
    """The number of a row of evidence for a cell, which has these cells."""
    key = S.rows(name)[number][S.resource(name).key]
    rows = S.rows("evidence")
    return next(i for i in S.evidence_of(name, key, field) if cells.items() <= rows[i].items())


def _article() -> int:
    return S.where("sources", text_path=S.text_path)


def _nth(number: int) -> int:
    """The row number of a passage of the article."""
    return at("passages", "trump-leaning-on-pakistan-headline") + number


def _passage(number: int, **cells: str) -> Edit:
    return "passages", _nth(number), cells


def _bound(number: int, side: str, by: int) -> Edit:
    return _passage(number, **{side: str(int(S.rows("passages")[_nth(number)][side]) + by)})


def _space(number: int) -> int:
    """The offset of the first space in a passage."""
    return S.text.index(" ", int(S.rows("passages")[_nth(number)]["char_start"]))


# --------------------------------------------------------------- one mistake, and what follows
def _key(name: str, key: str) -> Edit:
    return name, at(name, key), {S.resource(name).key: f"{key} "}


ONE: dict[str, tuple[Callable[[], Edit], str]] = {
    "a stance that conditions hang on": (
        lambda: ("positions", a_condition()[1], {"stance": "conditional"}), "GD203"),
    "a stance that goes with silence": (
        lambda: ("positions", first("positions", lambda p: p["stance"] == "not_addressed"),
                 {"stance": "not addressed"}), "GD203"),
    "the kind of a reference": (
        lambda: ("sources", at("sources", "country-codes"), {"kind": "Reference"}), "GD203"),
    "the kind of a report that rows are attributed to": (
        lambda: ("sources", at("sources", "reuters-report"), {"kind": "report"}), "GD203"),
    "the kind of a state with codes": (
        lambda: ("actors", at("actors", "pakistan"), {"kind": "country"}), "GD203"),
    "a type with modes": (
        lambda: ("events", first("events", lambda e: e["event_mode"]), {"event_type": "Consult"}),
        "GD203"),
    "whether the article is held": (
        lambda: ("sources", _article(), {"held": "yes"}), "GD201"),
    "the basis of what needs a reference": (
        lambda: ("evidence", proof("actors", at("actors", "pakistan"), "iso3"),
                 {"basis": "Reference"}), "GD203"),
    "the row of evidence": (
        lambda: ("evidence", proof("actors", at("actors", "pakistan"), "iso3"),
                 {"row_id": "Pakistan"}), "GD204"),
    "the reference of evidence": (
        lambda: ("evidence", proof("actors", at("actors", "pakistan"), "iso3"),
                 {"reference_id": "country-code"}), "GD207"),
    "a name that evidence states": (
        lambda: ("names", at("names", "hamas"), {"text": "Ha\u200bmas"}), "GD104"),
    "the source of a passage in the middle": (
        lambda: _passage(5, source_id="trump-leaning"), "GD207"),
    "the source of the last passage": (
        lambda: ("passages", len(S.rows("passages")) - 1, {"source_id": ""}), "GD202"),
    "the number of a passage": (lambda: _passage(5, sequence="six"), "GD201"),
    "the end of a passage": (lambda: _passage(5, char_end="-5"), "GD205"),
    "the start of a quote": (lambda: ("quotes", 5, {"char_start": "-5"}), "GD205"),
    "the length of the article": (
        lambda: ("sources", _article(), {"text_length": ""}), "GD303"),
    "the path of the article": (
        lambda: ("sources", _article(), {"text_path": f"{S.text_path} "}), "GD109"),
    "a path without a text": (
        lambda: ("sources", _article(), {"text_path": "raw/another.txt"}), "GD301"),
    "no path of the article": (lambda: ("sources", _article(), {"text_path": ""}), "GD303"),
    "that the article is not held": (lambda: ("sources", _article(), {"held": "false"}), "GD303"),
    "that a reference is held": (
        lambda: ("sources", at("sources", "country-codes"), {"held": "true"}), "GD303"),
    "the path of a source that is not held": (
        lambda: ("sources", at("sources", "country-codes"), {"text_path": "raw/a.txt"}), "GD303"),
    "a start in the white space before": (lambda: _bound(5, "char_start", -1), "GD313"),
    "a start in the passage before, in white space": (
        lambda: _passage(5, char_start=str(_space(4))), "GD313"),
    "a start in the passage before": (
        lambda: _passage(5, char_start=str(_space(4) + 1)), "GD311"),
    "a start behind the end": (lambda: _bound(5, "char_start", 122), "GD313"),
    "a start behind the text": (lambda: _bound(5, "char_start", 99_999), "GD313"),
    "a start too late by a letter": (lambda: _bound(5, "char_start", 1), "GD312"),
    "a start too late by a word": (
        lambda: _passage(5, char_start=str(_space(5) + 1)), "GD312"),
    "a start of the headline": (lambda: _bound(0, "char_start", 1), "GD312"),
    "an end in the white space behind": (lambda: _bound(5, "char_end", 1), "GD313"),
    "an end behind the text": (lambda: _bound(5, "char_end", 99_999), "GD313"),
    "an end of the headline behind the text": (lambda: _bound(0, "char_end", 99_999), "GD313"),
    "an end at the start": (
        lambda: _passage(5, char_end=S.rows("passages")[_nth(5)]["char_start"]), "GD313"),
    "an end too early by a letter": (lambda: _bound(5, "char_end", -1), "GD312"),
    "the last end too early by a letter": (
        lambda: _bound(15, "char_end", -1), "GD312"),
    "a passage of a source that is not held": (
        lambda: _passage(5, source_id="plover-manual"), "GD313"),
    "the key of an actor": (lambda: _key("actors", "pakistan"), "GD109"),
    "the key of a source": (lambda: _key("sources", "country-codes"), "GD109"),
    "the key of a quote": (lambda: _key("quotes", S.rows("quotes")[3]["quote_id"]), "GD109"),
    "a key in another case": (
        lambda: ("topics", at("topics", "isf"), {"topic_id": "ISF"}), "GD204"),
    "a key with a hyphen too many": (
        lambda: ("topics", at("topics", "isf"), {"topic_id": "isf-"}), "GD204"),
    "a key with a letter that looks alike": (
        lambda: ("actors", at("actors", "pakistan"), {"actor_id": "p\u0430kistan"}), "GD204"),
}  # fmt: skip


@pytest.mark.parametrize("name", ONE)
def test_what_follows_from_a_broken_cell_is_not_reported(name: str, place: Place) -> None:
    make, code = ONE[name]
    resource, number, cells = edit = make()
    (field,) = cells
    report = damaged(place, edited(edit))
    assert found(report) == [(code, resource, number + 2, field)]
    assert {c: n.found for c, n in report.counts.items() if n.found} == {code: 1}


def test_a_term_in_another_case_gets_a_suggestion(place: Place) -> None:
    event = first("events", lambda e: e["event_type"] == "CONSULT")
    for edit in (
        ("events", event, {"event_type": "Consult"}),
        ("positions", 0, {"stance": "OPEN"}),
    ):
        (said,) = damaged(place, edited(edit)).diagnostics
        assert said.suggestion in ("CONSULT", "open")


AGREE: dict[str, tuple[Callable[[], Edit], str]] = {
    "a type beside another": (
        lambda: ("events", first("events", lambda e: e["event_type"]),
                 {"local_type": "office_entry"}), "GD404"),
    "no type": (
        lambda: ("events", first("events", lambda e: e["event_mode"]), {"event_type": ""}),
        "GD404"),
    "a count without its flag": (
        lambda: ("participants", first(
            "participants", lambda p: not p["member_count"] and p["role"] != "excluded"),
            {"member_count": "2"}), "GD413"),
    "a code on what is no state": (
        lambda: ("actors", at("actors", "asim-munir"), {"iso3": "PAK"}), "GD416"),
    "a circle": (
        lambda: ("actors", at("actors", "united-states"), {"part_of": "us-officials"}), "GD411"),
    "a part of itself": (lambda: ("topics", at("topics", "isf"), {"part_of": "isf"}), "GD411"),
    "a shifted quote": (
        lambda: ("quotes", 5, {"char_start": str(int(S.rows("quotes")[5]["char_start"]) - 1)}), "GD321"),
}  # fmt: skip


@pytest.mark.parametrize("name", AGREE)
def test_cells_that_must_agree_are_one_mistake(name: str, place: Place) -> None:
    """Whichever of them is wrong, and however much evidence there is for it."""
    make, code = AGREE[name]
    resource, number, _ = edit = make()
    said = found(damaged(place, edited(edit)))
    assert [(c, table, line) for c, table, line, _ in said] == [(code, resource, number + 2)]


def test_cells_that_must_agree_hide_no_cell_without_evidence(place: Place) -> None:
    number = first("events", lambda e: e["event_type"])
    proofs = S.evidence_of("events", S.rows("events")[number]["event_id"], "status")
    files = S.drop("evidence", *proofs) | edited(("events", number, {"local_type": "office_entry"}))
    said = found(damaged(place, files))
    assert ("GD404", "events", number + 2, "event_type") in said
    assert ("GD333", "events", number + 2, "status") in said


def test_gd411_a_cycle_hides_no_other_cycle(place: Place) -> None:
    isf, dar = at("topics", "isf"), at("actors", "mohammad-ishaq-dar")
    files = edited(
        ("topics", isf, {"part_of": "isf"}), ("actors", dar, {"part_of": "mohammad-ishaq-dar"})
    )
    assert [code for code, *_ in found(damaged(place, files))] == ["GD411"] * 2


def test_a_source_that_is_cut_into_passages_is_held(place: Place) -> None:
    """Even if its other cells are empty, and its text is left over."""
    number = _article()
    empty = dict.fromkeys(("text_path", "text_sha256", "text_length"), "")
    files = edited(("sources", number, {"held": "false", **empty}))
    said = found(damaged(place, files))
    assert said[0] == ("GD303", "sources", number + 2, "held")
    assert [code for code, *_ in said[1:]] == ["GD304"]
    one = edited(("sources", number, {"held": "false", "text_path": ""}))
    assert [code for code, *_ in found(damaged(place, one))] == ["GD303"]


def test_an_unnamed_text_is_a_second_mistake_besides_a_wrong_path(place: Place) -> None:
    files = edited(("sources", _article(), {"text_path": "raw/another.txt"}))
    more: Files = files | {"raw/second.txt": b"Another text.\n"}
    report = damaged(place, more)
    assert sorted((d.code, d.path) for d in report.diagnostics) == [
        ("GD301", "data/sources.csv"), ("GD304", "raw/second.txt"),
    ]  # fmt: skip


def test_an_unknown_role_may_be_that_of_the_recipient(place: Place) -> None:
    number = first("participants", lambda p: p["role"] != "recipient")
    event = at("events", S.rows("participants")[number]["event_id"])
    sanction = {"event_type": "SANCTION", "local_type": "", "event_mode": ""}
    files = edited(("events", event, sanction), ("participants", number, {"role": "reciever"}))
    codes = {code for code, *_ in found(damaged(place, files))}
    assert "GD203" in codes
    assert "GD406" not in codes
    files = edited(("events", event, sanction), ("participants", number, {"role": "visitor"}))
    assert "GD406" in {code for code, *_ in found(damaged(place, files))}


@pytest.mark.long
def test_a_row_that_repeats_another_is_one_mistake(place: Place) -> None:
    for name in ("quotes", "evidence", "participants"):
        (row, *_) = S.rows(name)
        key = S.resource(name).key
        assert [code for code, *_ in found(damaged(place, S.add(name, row)))] == ["GD206"]
        copy = row | {key: f"{row[key]}-x"}
        assert [code for code, *_ in found(damaged(place, S.add(name, copy)))] == ["GD208"]


@pytest.mark.long
def test_gd101_a_byte_of_the_header_that_is_not_utf8_is_one_mistake(place: Place) -> None:
    path = S.path("events")
    content = S.files[path]
    one = [("GD101", "events", 1, None)]
    for old, new in (
        (b"label", b"l\xe9bel"),
        (b"event_id", b"\xffevent_id"),
        (b"outcome", b"\xff"),
    ):
        assert found(damaged(place, {path: content.replace(old, new, 1)})) == one
    assert found(damaged(place, {path: content.decode().encode("utf-16")})) == one
    # Other mistakes in it are reported once it can be read.
    two = content.replace(b"event_type", b"\xffevent_type", 1)
    for old, new in ((b"label,", b""), (b"label", b"labels"), (b"label", b"outcome")):
        assert found(damaged(place, {path: two.replace(old, new, 1)})) == one


def _property(key: str, value: Any = None) -> Callable[[dict[str, Any]], object]:
    return lambda node: node.pop(key) if value is None else node.update({key: value})


PROPERTIES: dict[str, tuple[Callable[[dict[str, Any]], object], Callable[[Any], object], str]] = {
    "gone from a schema": (_property("description"), lambda _: None, "GD002"),
    "put into a schema": (_property("colour", "red"), lambda _: None, "GD002"),
    "of another value in a schema": (_property("missingValues", ["NA"]), lambda _: None, "GD002"),
    "of a type that is none": (_property("rdfType", 5), lambda _: None, "GD002"),
    "gone from a field": (lambda _: None, _property("title"), "GD002"),
    "put into a field": (lambda _: None, _property("colour", "red"), "GD002"),
    "a constraint that is not read": (
        lambda _: None, lambda f: f["constraints"].update(maxLength=9), "GD002"),
    "a constraint renamed": (
        lambda _: None, lambda f: f["constraints"].update(require=f["constraints"].pop("required")),
        "GD002"),
    "a policy": (lambda _: None, _property("gazadata:evidence"), "GD006"),
    "a key that may be empty": (
        lambda s: s["fields"][0]["constraints"].update(required=False), lambda _: None, "GD002"),
    "a constraint taken out": (
        lambda _: None, lambda f: f["constraints"].pop("required"), "GD004"),
}  # fmt: skip


@pytest.mark.parametrize("name", PROPERTIES)
def test_a_property_is_one_mistake(name: str, place: Place) -> None:
    """Although the schema also differs from the installed one."""
    of_schema, of_field, code = PROPERTIES[name]
    for official in (False, True):
        schema = S.schema("topics")
        of_schema(schema if name != "of a type that is none" else schema["fields"][1])
        of_field(schema["fields"][1])
        files = {"schemas/topics.json": json_bytes(schema)}
        place.damage(files)
        try:
            report = report_on(place.root, official=official)
        finally:
            place.mend(files)
        assert [d.code for d in report.diagnostics] == [code], report.diagnostics


def test_a_second_property_is_a_second_mistake(place: Place) -> None:
    schema = S.schema("topics")
    del schema["description"]
    schema["fields"][1]["constraints"].pop("required")
    report = damaged(place, {"schemas/topics.json": json_bytes(schema)})
    assert [(d.code, d.found) for d in report.diagnostics] == [
        ("GD002", "a schema without description"), ("GD004", "constraints.required missing"),
    ]  # fmt: skip


def test_gd102_a_table_with_other_line_endings_has_its_header(place: Place) -> None:
    for name in ("events", "evidence"):
        path = S.path(name)
        files = {path: S.files[path].replace(b"\n", b"\r")}
        assert found(damaged(place, files)) == [("GD102", name, 1, None)]


# ------------------------------------------------------------------------------ two mistakes
def _spoken() -> int:
    return first("positions", lambda p: p["spokesperson_id"] and p["stance"] != "not_addressed")


def _inferred() -> tuple[str, int, str, int]:
    """A cell of a vocabulary by table, number and field, and the number of inferred evidence."""
    for number, e in enumerate(S.rows("evidence")):
        if e["basis"] == "inferred" and S.resource(e["resource"])[e["field"]].enum:
            return e["resource"], at(e["resource"], e["row_id"]), e["field"], number
    raise AssertionError("no cell of a vocabulary is inferred")


def _two_in_a_row() -> list[Edit]:
    return [("positions", _spoken(), {"stance": "suport", "spokesperson_id": "pakistan"})]


def _two_in_a_column() -> list[Edit]:
    return [("positions", i, {"stance": "suport"}) for i in (0, 1)]


def _evidence_without_a_note() -> list[Edit]:
    name, number, field, by = _inferred()
    return [(name, number, {field: "none_such"}), ("evidence", by, {"note": ""})]


def _evidence_of_another_name() -> list[Edit]:
    name, number, field, by = _inferred()
    key = S.rows("evidence")[by]["evidence_id"] + "0"
    return [(name, number, {field: "none_such"}), ("evidence", by, {"evidence_id": key})]


def _evidence_of_a_basis_that_is_none() -> list[Edit]:
    name, number, field, by = _inferred()
    return [(name, number, {field: "none_such"}), ("evidence", by, {"basis": "guessed"})]


def _condition_of_another() -> list[Edit]:
    condition, position = a_condition()
    oppose = first("positions", lambda p: p["stance"] == "oppose")
    other = first(
        "conditions", lambda c: c["position_id"] != S.rows("positions")[position]["position_id"]
    )
    taken = S.rows("conditions")[other]["position_id"]
    # The position has another condition, or does not need one.
    stance = S.rows("positions")[at("positions", taken)]["stance"]
    assert condition != other
    more = [c for c in S.rows("conditions") if c["position_id"] == taken]
    assert len(more) > 1 or stance == "open"
    return [
        ("positions", position, {"stance": "conditional"}),
        ("conditions", other, {"position_id": S.rows("positions")[oppose]["position_id"]}),
    ]


def _passages() -> list[Edit]:
    return [("passages", 3, {"sequence": "four"}), ("passages", 9, {"paragraph": "99"})]


def _dates() -> list[Edit]:
    event = first("events", lambda e: e["occurrences"])
    return [("events", event, {"occurrences": "one", "date_precision": "month"})]


def _quotes() -> list[Edit]:
    rows = S.rows("evidence")
    stated = [(i, e) for i, e in enumerate(rows) if e["basis"] == "stated" and e["field"] == "text"]
    (_, one), (other, _) = stated[0], stated[1]
    quoted = at("quotes", one["quote_id"])
    words = S.rows("quotes")[quoted]["exact"]
    free = next(i for i, e in enumerate(rows) if e["field"] == "statement" and i != other)
    return [
        ("quotes", quoted, {"exact": words[:-1] + ("x" if words[-1] != "x" else "y")}),
        ("evidence", free, {"basis": "classified"}),
    ]


def _two_states() -> list[Edit]:
    return [
        ("actors", at("actors", "pakistan"), {"kind": "country"}),
        ("actors", at("actors", "asim-munir"), {"list_is_open": "true"}),
    ]


def _keys() -> list[Edit]:
    number = first("positions", lambda p: p["holder_id"] == "azerbaijan")
    return [_key("actors", "pakistan"), ("positions", number, {"holder_id": "azerbaijann"})]


def _not_held_and_wrong_words() -> list[Edit]:
    changed = S.rows("quotes")[5]["exact"][:-1] + "é"
    return [("sources", _article(), {"held": "false"}), ("quotes", 5, {"exact": changed})]


def _bound_and_quote_elsewhere() -> list[Edit]:
    (name, number, cells), passages = _bound(5, "char_start", 1), S.rows("passages")
    quote = first("quotes", lambda q: q["passage_id"] == passages[9]["passage_id"])
    here = {"passage_id": passages[5]["passage_id"]}
    return [(name, number, cells), ("quotes", quote, here)]


def _bounds_of_two() -> list[Edit]:
    return [_bound(5, "char_start", 1), _bound(6, "char_end", -1)]


def _bound_and_paragraph() -> list[Edit]:
    return [_bound(5, "char_end", 99_999), ("passages", 9, {"paragraph": "99"})]


TWO: dict[str, tuple[Callable[[], list[Edit]], list[str]]] = {
    "another field of the row": (_two_in_a_row, ["GD203 stance", "GD419 spokesperson_id"]),
    "the same field of another row": (_two_in_a_column, ["GD203 stance", "GD203 stance"]),
    "the note of its evidence": (_evidence_without_a_note, ["GD203 kind", "GD342 note"]),
    "the identifier of its evidence": (_evidence_of_another_name, [
        "GD203 kind", "GD335 evidence_id"]),
    "the basis of its evidence": (_evidence_of_a_basis_that_is_none, [
        "GD203 basis", "GD203 kind"]),
    "another condition": (_condition_of_another, ["GD203 stance", "GD408 position_id"]),
    "another passage": (_passages, ["GD201 sequence", "GD311 paragraph"]),
    "a source that is not held, and a quote of it": (_not_held_and_wrong_words, [
        "GD303 held", "GD321 exact"]),
    "a bound, and a quote of another passage": (_bound_and_quote_elsewhere, [
        "GD312 char_start", "GD323 passage_id"]),
    "the bounds of two passages": (_bounds_of_two, ["GD312 char_end", "GD312 char_start"]),
    "a bound, and the paragraph of another passage": (_bound_and_paragraph, [
        "GD311 paragraph", "GD313 char_end"]),
    "a type in the row, and its dates": (_dates, ["GD201 occurrences", "GD402 date_precision"]),
    "a quote, and other evidence": (_quotes, ["GD321 exact", "GD346 basis"]),
    "another actor": (_two_states, ["GD203 kind", "GD416 list_is_open"]),
    "a key, and a key that points nowhere": (_keys, ["GD109 actor_id", "GD207 holder_id"]),
}  # fmt: skip


@pytest.mark.parametrize("name", TWO)
def test_a_second_mistake_is_not_hidden(name: str, place: Place) -> None:
    make, expected = TWO[name]
    edits = make()
    report = damaged(place, edited(*edits))
    assert sorted(f"{code} {field}" for code, _, _, field in found(report)) == expected
    assert sum(count.found for count in report.counts.values()) == len(expected)
    lines = {(name, number + 2) for name, number, _ in edits}
    assert {(resource, line) for _, resource, line, _ in found(report)} == lines


def test_a_row_that_repeats_another_and_has_a_mistake(place: Place) -> None:
    row = S.rows("topics")[at("topics", "isf")] | {"status": "Proposed"}
    number = at("topics", "isf") + 3
    files = S.add("topics", row)
    assert found(damaged(place, files)) == [
        ("GD203", "topics", number, "status"), ("GD206", "topics", number, "topic_id"),
    ]  # fmt: skip
    quoted = S.rows("quotes")[0]
    other = next(p for p in S.rows("passages") if p["passage_id"] != quoted["passage_id"])
    copy = quoted | {"quote_id": "zz-again", "passage_id": other["passage_id"]}
    assert [code for code, *_ in found(damaged(place, S.add("quotes", copy)))] == [
        "GD208", "GD323",
    ]  # fmt: skip


def test_a_row_out_of_order_that_has_a_mistake(place: Place) -> None:
    rows = S.rows("topics")
    rows[0], rows[1] = rows[1], rows[0] | {"status": "Proposed"}
    assert found(damaged(place, S.table("topics", rows))) == [
        ("GD108", "topics", 3, "topic_id"), ("GD203", "topics", 3, "status"),
    ]  # fmt: skip


def test_a_line_that_is_not_a_row_hides_no_other_table(place: Place) -> None:
    path = S.path("topics")
    files = {path: S.files[path].replace(b"\n", b",\n", 2)}
    files[path] = files[path].replace(b",\n", b"\n", 1)
    files |= edited(("actors", at("actors", "asim-munir"), {"kind": "man"}))
    codes = {(code, resource) for code, resource, *_ in found(damaged(place, files))}
    assert codes == {("GD107", "topics"), ("GD203", "actors")}


# ---------------------------------------------------------------- how many there are of a rule
def test_all_are_counted_however_few_are_kept(place: Place) -> None:
    edits: list[Edit] = [
        ("positions", i, {"certainty": "sure", "expression": "uttered"}) for i in range(9)
    ]
    edits += [("quotes", i, {"exact": "other words"}) for i in range(9)]
    report = damaged(place, edited(*edits), limit=4)
    assert report.counts["GD203"].found == 18
    assert report.counts["GD321"].found == 9
    kept = [d.code for d in report.diagnostics]
    assert (kept.count("GD203"), kept.count("GD321")) == (4, 4)


def test_what_joins_a_duplicate_row_is_counted_once(place: Place) -> None:
    condition, position = a_condition()
    oppose = next(p for p in S.rows("positions") if p["stance"] == "oppose")
    files = S.add("positions", oppose)
    files |= edited(("conditions", condition, {"position_id": oppose["position_id"]}))
    report = damaged(place, files)
    assert report.counts["GD408"].found == 1
    assert sum(d.code == "GD408" for d in report.diagnostics) == 1
    assert position >= 0


def test_no_more_than_the_limit_are_kept_across_layers(place: Place) -> None:
    """Frictionless also finds those that were counted and not kept."""
    edits: list[Edit] = [
        ("positions", i, {"certainty": "sure", "expression": "uttered"})
        for i, row in enumerate(S.rows("positions"))
        if row["expression"]
    ]
    place.damage(files := edited(*edits))
    try:
        report = report_on(place.root, official=True, limit=4)
    finally:
        place.mend(files)
    assert report.counts["GD203"].found == 2 * len(edits) > 10
    assert sum(d.code == "GD203" for d in report.diagnostics) == 4


def seen_by_frictionless(place: Place, files: Files, *errors: dict[str, Any]) -> list[Where]:
    """The report if only frictionless finds these mistakes in sources."""
    place.damage(files)
    try:
        report = Report(str(place.root), "")
        package = Package(place.root, Contract.read(place.root))
        package, there = descriptor.check(package, report)
        paths = check(package, there, report, 100)
        layers.run(package, paths, report, 100)
        result = {
            "errors": [],
            "tables": {
                name: {"rows": rows, "errors": list(errors) * (name == "sources")}
                for name, rows in report.rows.items()
            },
        }
        standard.add_findings(package, result, report, list(paths), sampled=False)
        group(report, package.contract, 100)
    finally:
        place.mend(files)
    return found(report)


def test_what_only_frictionless_rejects_is_reported_where_nothing_else_is(place: Place) -> None:
    number = at("sources", "plover-manual")
    line = number + 2
    url = {
        "type": "type-error", "rowNumber": line, "fieldName": "url", "cell": "x:", "note": "type",
    }  # fmt: skip
    alone = ("GD008", "sources", line, "url")
    assert seen_by_frictionless(place, {}, url) == [alone]
    # Findings in another table, and of provenance and semantics in this one, do not matter.
    assert alone in seen_by_frictionless(place, edited(("topics", 0, {"kind": "x"})), url)
    proven = S.evidence_of("sources", S.rows("sources")[number]["source_id"], "url")
    assert proven
    assert alone in seen_by_frictionless(place, S.drop("evidence", *proven), url)
    # For a table with a finding, our rules report the same with a place and a remedy.
    other = edited(("sources", number, {"language": "eng"}))
    assert [code for code, *_ in seen_by_frictionless(place, other, url)] == ["GD204"]
    # A key that refers to a row whose own key is wrong.
    key = url | {"type": "foreign-key", "fieldNames": ["cited_by"], "fieldCells": ["x"]}
    assert seen_by_frictionless(place, {}, key) == [("GD008", "sources", line, "cited_by")]


GD001: dict[str, tuple[Files, tuple[str, str, str]]] = {
    "a resource without a name": (
        {DESCRIPTOR: json_bytes(S.descriptor() | {"resources": [{"path": "data/events.csv"}]})},
        (DESCRIPTOR, "a resource without name", "letters, digits, '_', '-' and '.', but no '.' at the beginning or end")),
    "no object": (
        {DESCRIPTOR: b"[]"},
        (DESCRIPTOR, "a JSON array instead of a JSON object", "an object: { … }")),
    "no schema": (
        {"schemas/topics.json": None},
        (DESCRIPTOR, "resource 'topics': no file schemas/topics.json", "the file that the descriptor names")),
    "no fields": (
        {"schemas/topics.json": b"{}"},
        ("schemas/topics.json", "a schema without fields", "a list of objects, one for each column")),
    "a type that is none": (
        {"schemas/topics.json": S.files["schemas/topics.json"].replace(b'"string"', b'"text"', 1)},
        ("schemas/topics.json", "field 'topic_id': type \"text\"",
         "one of string, integer, boolean, date")),
}  # fmt: skip


@pytest.mark.parametrize("name", GD001)
def test_gd001_an_unreadable_file_is_reported_once_with_what_is_expected(
    name: str, place: Place
) -> None:
    files, said = GD001[name]
    (d,) = damaged(place, files).diagnostics
    assert (d.code, d.path, d.found, d.expected) == ("GD001", *said)


def test_gd109_the_marks_around_a_cell_do_not_occur_in_it(place: Place) -> None:
    for label, shown in ((" ISF", "“ ISF”"), ('"ISF ', '["ISF ]'), ("“ISF” ", "[“ISF” ]")):
        (d,) = damaged(place, edited(("topics", at("topics", "isf"), {"label": label}))).diagnostics
        assert (d.code, d.found, d.expected) == ("GD109", shown, label.strip())


def test_gd002_a_property_of_a_schema_that_frictionless_rejects_is_named(place: Place) -> None:
    schema = S.schema("topics")
    schema["fields"][0]["rdfType"] = 5
    unlicensed, another = S.descriptor() | {"licenses": [{}]}, {"version": "9.0.0"}
    for files, words in (
        (
            {
                "schemas/topics.json": json_bytes(schema),
                DESCRIPTOR: json_bytes(S.descriptor() | another),
            },
            "rdfType 5",
        ),
        ({DESCRIPTOR: json_bytes(unlicensed | another)}, "licenses[0] {}"),
    ):
        place.damage(files)
        try:
            said = [
                d.found or ""
                for d in report_on(place.root, official=False).diagnostics
                if d.code == "GD002"
            ]
        finally:
            place.mend(files)
        assert len(said) == 1
        assert said[0].startswith(words)


def test_findings_are_sorted_by_place(place: Place) -> None:
    edits: list[Edit] = [("topics", i, {"status": "x", "kind": "y"}) for i in (4, 2)]
    report = damaged(place, edited(*edits, ("actors", 1, {"kind": "z"})))
    places: list[Diagnostic] = report.diagnostics
    assert [(Path(d.path).name, d.line, d.field) for d in places] == [
        ("actors.csv", 3, "kind"), ("topics.csv", 4, "kind"), ("topics.csv", 4, "status"),
        ("topics.csv", 6, "kind"), ("topics.csv", 6, "status"),
    ]  # fmt: skip


def test_a_key_that_was_renamed_in_its_row_is_one_finding(place: Place) -> None:
    """It used to be one for each cell that refers to it, and one for the missing evidence."""
    number = first("events", lambda e: e["event_id"] == "doha-negotiations")
    report = damaged(place, edited(("events", number, {"event_id": "doha-negotiation"})))
    (said,) = report.diagnostics
    assert (said.code, said.path, said.line) == ("GD333", "data/events.csv", number + 2)
    assert (said.found, said.suggestion) == ("doha-negotiation", "doha-negotiations")
    pointing = (
        sum("doha-negotiations" in r.values() for n in S.contract.resources for r in S.rows(n)) - 1
    )
    assert f" and {pointing - 1} more." in (said.help or "")
    assert report.counts["GD333"].found == 1
    assert report.counts["GD207"].found == report.counts["GD334"].found == 0


@pytest.mark.parametrize(
    ("name", "code"), [("passages", "GD331"), ("quotes", "GD332"), ("sources", "GD333")]
)
def test_a_renamed_text_or_passage_is_one_finding(name: str, code: str, place: Place) -> None:
    resource = S.resource(name)
    number = first("sources", lambda s: s["held"] == "true") if name == "sources" else 0
    key = S.rows(name)[number][resource.key]
    report = damaged(place, edited((name, number, {resource.key: key + "-x"})))
    said = [(d.code, d.row_id, d.suggestion) for d in report.diagnostics]
    assert said == [(code, key + "-x", key)]


@pytest.mark.parametrize("name", [name for name in S.contract.resources if name != "evidence"])
def test_a_key_that_was_emptied_is_one_finding(name: str, place: Place) -> None:
    """A name used to have another for each cell that it states."""
    key, number = S.resource(name).key, len(S.rows(name)) // 2
    report = damaged(place, edited((name, number, {key: ""})))
    (said,) = report.diagnostics
    assert (said.code, said.path, said.line) == ("GD202", S.path(name), number + 2)
    assert said.suggestion == S.rows(name)[number][key]
    assert (said.help or "").startswith(f"Restore the row's key {said.suggestion}, or")


def test_a_name_without_its_key_states_nothing_else(place: Place) -> None:
    """“Turkey” only states the actor that its row names."""
    number, egypt = at("names", "turkey"), {"actor_id": "egypt"}
    report = damaged(place, edited(("names", number, {"name_id": ""}), ("participants", at(
        "participants", "doha-negotiations-turkey"), egypt)))  # fmt: skip
    assert {"GD202", "GD341"} <= {d.code for d in report.diagnostics}


def test_a_missing_key_unlike_a_row_without_evidence_is_another_finding(place: Place) -> None:
    number = at("actors", "pakistan")
    lines = S.files["data/actors.csv"].split(b"\n")
    lines[number + 1] = lines[number + 1].replace(b"pakistan,", b"a-new-one,", 1)
    codes = [d.code for d in damaged(place, {"data/actors.csv": b"\n".join(lines)}).diagnostics]
    assert {"GD207", "GD333"} <= set(codes)


def test_a_removed_row_is_not_taken_for_another_one(place: Place) -> None:
    """A similar key, such as “pakistani-public”, would be a misleading suggestion."""
    number = at("actors", "pakistan")
    lines = S.files["data/actors.csv"].split(b"\n")
    del lines[number + 1]
    report = damaged(place, {"data/actors.csv": b"\n".join(lines)})
    (said,) = [d for d in report.diagnostics if d.found == "pakistan"]
    assert said.suggestion is None
    assert "other cells refer to this key" in (said.help or "")


def test_a_row_without_evidence_beside_two_missing_keys_is_reported(place: Place) -> None:
    """It could be either of them."""
    number = at("actors", "pakistan")
    edits = [("actors", number, {"actor_id": "pakistann"}), ("actors", 0, {"part_of": "nobody"})]
    report = damaged(place, edited(*edits))
    assert sorted(d.code for d in report.diagnostics if d.code != "GD108") == [
        "GD207", "GD207", "GD333",
    ]  # fmt: skip


def test_gd207_two_missing_keys_are_two_findings(place: Place) -> None:
    held = [i for i, p in enumerate(S.rows("positions")) if p["holder_id"]][:3]
    other = [("positions", i, {"holder_id": key}) for i, key in zip(held, "aab", strict=True)]
    said = [d for d in damaged(place, edited(*other)).diagnostics if d.code == "GD207"]
    assert sorted(d.found or "" for d in said) == ["a", "b"]


def test_gd334_evidence_for_a_table_that_needs_none_is_found(place: Place) -> None:
    """It used to be skipped with its table. The version differs, since the contract does."""
    schema = json.loads(S.files["schemas/conditions.json"] or b"")
    for field in schema["fields"]:
        field["gazadata:evidence"] = "exempt"
    files = {"schemas/conditions.json": json_bytes(schema)}
    files |= {DESCRIPTOR: json_bytes(S.descriptor() | {"version": "9.0.0"})}
    said = found(damaged(place, files))
    proofs = [i for i, e in enumerate(S.rows("evidence")) if e["resource"] == "conditions"]
    assert {("GD334", "evidence", i + 2, "resource") for i in proofs} == {
        one for one in said if one[0] == "GD334"
    }


@pytest.mark.parametrize(
    ("change", "found", "expected"),
    [
        (lambda f: f["categories"][0].update(label="Backing"), '"Backing"', '"Support"'),
        (
            lambda f: (
                f["constraints"]["enum"].append("vetoed"),
                f["categories"].append({"value": "vetoed", "label": "Vetoed"}),
            ),
            "categories[9] {",
            "none",
        ),
    ],
)
def test_gd004_a_list_that_differs_is_reported_where_it_differs(
    place: Place, change: Callable[[Any], object], found: str, expected: str
) -> None:
    schema = json.loads(S.files["schemas/positions.json"] or b"")
    change(next(field for field in schema["fields"] if field["name"] == "stance"))
    report = damaged(place, {"schemas/positions.json": json_bytes(schema)})
    (said,) = [d for d in report.diagnostics if d.code == "GD004"]
    assert found in (said.found or "")
    assert (said.expected or "").startswith(expected)


def test_gd341_a_name_does_not_state_whose_it_is(place: Place) -> None:
    """Otherwise any actor would be found stated in the name's own quote."""
    number = at("names", "azerbaijan")
    report = damaged(place, edited(("names", number, {"actor_id": "egypt"})))
    assert ("GD341", "names/azerbaijan/actor_id") in [(d.code, d.about) for d in report.diagnostics]


def test_gd206_a_duplicate_source_is_one_finding(place: Place) -> None:
    """Each of its passages and quotes used to be compared with two texts."""
    lines = S.files["data/sources.csv"].split(b"\n")
    article = at("sources", "trump-leaning-on-pakistan") + 1
    lines.insert(article + 1, lines[article])
    report = damaged(place, {"data/sources.csv": b"\n".join(lines)})
    assert [d.code for d in report.diagnostics] == ["GD206"]


def test_gd206_a_duplicate_actor_with_parts_is_one_finding(place: Place) -> None:
    """Following the links of its parts used to take all memory."""
    (row,) = (one for one in S.rows("actors") if one["actor_id"] == "pakistan")
    assert any(one["part_of"] == "pakistan" for one in S.rows("actors"))
    report = damaged(place, S.add("actors", row))
    assert [d.code for d in report.diagnostics] == ["GD206"]


def test_a_title_that_other_evidence_states_is_one_finding(place: Place) -> None:
    cut = edited(
        ("sources", at("sources", "parallel-diplomatic-channels"), {"title": "Parallel channels"})
    )
    assert len(damaged(place, cut).diagnostics) == 1


def test_an_emptied_cell_is_one_finding_whatever_reads_it(place: Place) -> None:
    hedged = at("relations", "azerbaijan-member-of-potential-contributors")
    dated = at("sources", "plover-manual")
    for edit in (
        ("relations", hedged, {"hedge": ""}),
        ("sources", dated, {"published_earliest": ""}),
    ):
        report = damaged(place, edited(edit))
        assert [d.code for d in report.diagnostics] == ["GD334"], edit


@pytest.mark.parametrize(
    ("name", "field"),
    [("evidence", "evidence_id"), ("quotes", "passage_id"), ("quotes", "char_start")],
)
def test_gd202_the_remedy_for_a_computed_cell_is_not_removal(
    name: str, field: str, place: Place
) -> None:
    report = damaged(place, edited((name, 3, {field: ""})))
    (said,) = (d for d in report.diagnostics if d.code == "GD202")
    assert (said.line, said.field) == (5, field)
    assert "`gazadata fmt`" in (said.help or "")


def hidden_in_text(character: str) -> dict[str, bytes]:
    """A package made from a text with an invisible character, which is in many quotes."""
    (at_text,) = (path for path in S.files if path.startswith("raw/"))
    here = int(S.rows("quotes")[0]["char_start"]) + 1
    text = S.text[:here] + character + S.text[here:]
    tables = {name: S.rows(name) for name in ("sources", "passages", "quotes")}
    source = tables["sources"][at("sources", "trump-leaning-on-pakistan")]
    digest = hashlib.sha256(text.encode()).hexdigest()
    source |= {"text_sha256": digest, "text_length": str(len(text))}
    for row in (*tables["passages"], *tables["quotes"]):
        start, end = (int(row[f]) + (int(row[f]) > here) for f in ("char_start", "char_end"))
        row |= {"char_start": str(start), "char_end": str(end)}
        if "exact" in row:
            row["exact"] = text[start:end]
            row["prefix"] = text[max(start - 32, 0) : start].rpartition("\n")[2]
            row["suffix"] = text[end : end + 32].partition("\n")[0]
    files = {at_text: text.encode()}
    for name, rows in tables.items():
        files |= S.table(name, rows)
    assert files["data/quotes.csv"].decode().count(character) > 1
    return files


@pytest.mark.parametrize("character", ["\u200b", "\u202e"])
def test_gd301_a_hidden_character_in_a_text_is_not_reported_in_each_quote(
    character: str, place: Place
) -> None:
    number = at("sources", "trump-leaning-on-pakistan") + 2
    report = damaged(place, hidden_in_text(character))
    assert found(report) == [("GD301", "sources", number, "text_path")]
    assert report.errors == 1


def test_gd104_a_hidden_character_only_in_a_quote_is_reported_there(place: Place) -> None:
    quote = S.rows("quotes")[0]
    exact = quote["exact"][:1] + "\u200b" + quote["exact"][1:]
    report = damaged(place, edited(("quotes", 0, {"exact": exact})))
    assert found(report) == [("GD104", "quotes", 2, "exact")]


def renamed_quotes(number: int) -> tuple[dict[str, bytes], list[list[int]]]:
    """The most-used quotes, renamed both in quotes and in evidence.

    Also the rows of evidence that use each of them.
    """
    used = Counter(e["quote_id"] for e in S.rows("evidence") if e["quote_id"])
    edits: list[Edit] = []
    rows = []
    for key, _ in used.most_common(number):
        new = {"quote_id": key + "0"}
        rows.append([n for n, e in enumerate(S.rows("evidence")) if e["quote_id"] == key])
        edits.append(("quotes", at("quotes", key), new))
        edits += [("evidence", n, new) for n in rows[-1]]
    return edited(*edits), rows


def test_gd335_identifiers_that_a_renamed_quote_leaves_behind_are_one_finding(place: Place) -> None:
    files, (rows,) = renamed_quotes(1)
    assert len(rows) > 7
    report = damaged(place, files)
    (one,) = report.diagnostics
    assert (one.code, one.line, one.elsewhere) == ("GD335", rows[0] + 2, len(rows) - 1)
    assert report.errors == report.counts["GD335"].found == 1
    more = (
        f"It renames {len(rows) - 1} other cells in the same way: data/evidence.csv:{rows[1] + 2}"
    )
    assert (one.help or "").startswith(f"Run `gazadata fmt`. {more}")


def test_gd335_identifiers_of_two_quotes_that_were_renamed_are_two_findings(place: Place) -> None:
    files, rows = renamed_quotes(2)
    said = [d for d in damaged(place, files).diagnostics if d.code == "GD335"]
    assert sorted(d.elsewhere + 1 for d in said) == sorted(map(len, rows))


def test_gd335_identifiers_with_different_mistakes_are_as_many_findings(
    place: Place,
) -> None:
    rows = S.rows("evidence")
    keys = [(n, {"evidence_id": rows[n]["evidence_id"] + "0"}) for n in (3, 40)]
    report = damaged(place, edited(*(("evidence", n, cells) for n, cells in keys)))
    assert [(d.code, d.line) for d in report.diagnostics] == [("GD335", 5), ("GD335", 42)]


# ---------------------------------------------------------------------------------- the masks
def tables_of(name: str, *rows: Row) -> Tables:
    """One table that is held in memory, its rows in lines from 2 on."""
    tables = Tables(Path(), dict(S.contract.resources), {name: Path(S.path(name))}, Path())
    cells = [{field: cell or None for field, cell in row.items()} for row in rows]
    lines = pl.Series(LINE, range(2, len(rows) + 2), dtype=pl.UInt32)
    schema = dict.fromkeys(S.resource(name).field_names, pl.String)
    tables.put(name, pl.DataFrame(cells, schema).insert_column(0, lines))
    tables.add(name, len(rows))
    return tables


def masked(tables: Tables, name: str, field: str, *lines: int) -> None:
    tables.mask(name, field, pl.Series(lines, dtype=pl.UInt32))


def test_a_table_without_findings_has_no_masks() -> None:
    tables = tables_of("positions", *S.rows("positions")[:2])
    columns = tables.cells("positions", position_id="position_id", __stance="stance")
    assert columns.collect_schema().names() == ["position_id", "__stance"]
    assert not [c for c in tables.typed("positions").collect().columns if c.startswith(MASKED)]


def test_a_mask_moves_with_its_cell() -> None:
    tables = tables_of("positions", *S.rows("positions")[:3])
    masked(tables, "positions", "stance", 3)
    masked(tables, "positions", "stance", 4)
    joined = tables.cells("positions", position_id="position_id", __stance="stance").collect()
    assert joined[f"{MASKED}__stance"].to_list() == [False, True, True]
    assert None not in joined["__stance"]


def test_a_masked_cell_has_no_typed_value() -> None:
    rows = S.rows("passages")[:2]
    tables = tables_of("passages", *rows)
    masked(tables, "passages", "char_end", 2)
    masked(tables, "passages", "passage_id", 2)
    typed = tables.typed("passages").collect()
    assert typed["char_end"].to_list() == [None, int(rows[1]["char_end"])]
    assert None not in typed["passage_id"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [("ISF", "isf"), ("isf ", "isf"), ("\u0456sf", "isf"), ("7-Oct", "oct-7"), ("isf_a", "isf-a")],
)
def test_a_row_is_found_by_the_key_that_was_meant(written: str, meant: str) -> None:
    (row, other, *_) = S.rows("topics")
    tables = tables_of("topics", row | {"topic_id": written}, other)
    assert meant not in tables.meant("topics").collect()["topic_id"]
    masked(tables, "topics", "topic_id", 2)
    keys = tables.meant("topics").filter(pl.col(LINE) == 2).collect()["topic_id"]
    assert {written, meant} <= set(keys)
    assert tables.meant("topics").filter(pl.col(LINE) == 3).collect().height == 1
