"""annotations.jsonld, held against the quotes and the evidence that it repeats."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import groupby
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from gazadata.contract import Contract, Resource
from gazadata.package import Package
from gazadata.release.described import otherwise

LONGEST_LINE = 1 << 26
"""Bytes of a line that are read at most."""

_QUOTED = (
    "quote_id",
    "source_id",
    "passage_id",
    "exact",
    "prefix",
    "suffix",
)
"""The fields of a quote that its annotation repeats, but for its offsets."""

_PROVEN = ("evidence_id", "resource", "row_id", "field", "basis", "note")
"""The fields of evidence that a body repeats."""

ROWS = 20_000
"""Rows that are made objects together, as which they take most memory."""


def annotations_file(package: Package) -> list[str]:
    """Hold each line of annotations.jsonld against its quote and the evidence that has it.

    The file may be larger than memory.
    `build` writes a line for each annotation, in the order of the text; what stands around them is
    a document without them.
    """
    name = "annotations.jsonld"
    for table, fields in (("quotes", _QUOTED), ("evidence", (*_PROVEN, "quote_id"))):
        resource = package.contract.resources.get(table)
        needed = {*fields, *(offsets(resource) if resource and table == "quotes" else ())}
        if resource is None or (lacking := needed - set(resource.field_names)):
            what = f"{table} without {', '.join(sorted(lacking))}" if resource else f"no {table}"
            return [f"datapackage.json: {what}, which {name} is made of"]
    expected = _quoted(package)
    around, number, items, open_list = b"", 0, 0, False
    follows = True
    with (package.root / name).open("rb") as file:
        while line := file.readline(LONGEST_LINE + 1):
            number += 1
            if open_list and line.strip() != b"]":
                annotation = line.rstrip(b"\n")
                wrong = "" if follows else "no comma after the annotation before"
                follows = annotation.endswith(b",")
                wrong = wrong or _unquoted(annotation.removesuffix(b","), next(expected, None))
                items += 1
            else:
                open_list = line.endswith(b'"items": [\n')
                around += line
                wrong = "longer than any is" if len(around) > LONGEST_LINE else ""
            if wrong:
                return [f"{name}:{number}: {wrong}"]
    if items and follows:
        return [f"{name}: ends after a comma, where another annotation is to be"]
    if left := next(expected, None):
        return [f"{name}: ends before the annotation of the quote {left['quote_id']}"]
    return _around(around, items, package.contract)


def _around(content: bytes, total: int, contract: Contract) -> list[str]:
    """What is wrong with what annotations.jsonld has around its annotations."""
    name = "annotations.jsonld"
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        return [f"{name}, without its annotations: not JSON: {error}"]
    if not isinstance(document, dict):
        return [f"{name}: a JSON object is expected, not {type(document).__name__}"]
    release = str(document.get("id")).rpartition("#annotations/")[2]
    return otherwise(
        name,
        {
            "total": document.get("total"),
            "created": document.get("created"),
            "the version in its id": release,
        },
        {
            "total": total,
            "created": contract.descriptor.get("created"),
            "the version in its id": contract.version,
        },
    )


def offsets(resource: Resource) -> tuple[str, str]:
    """Where a quote or a passage begins and ends: two fields, of other names before 2.0.0."""
    now = "char_start", "char_end"
    return now if {*now} <= {*resource.field_names} else ("start", "end")


def _quoted(package: Package) -> Iterator[dict[str, Any]]:
    """The quotes in the order of the text, each with the bodies of its annotation."""
    # In one piece, out of which rows are taken six times as fast as out of many.
    columns = [*_QUOTED, *offsets(package.contract["quotes"])]
    quotes = package.table("quotes").select(columns).combine_chunks()
    quotes = quotes.rename_columns([*_QUOTED, "start", "end"])
    quotes = quotes.sort_by([(f, "ascending") for f in ("source_id", "start", "end", "quote_id")])
    proving = _proving(package, quotes["quote_id"])
    place, bodies = next(proving, (-1, []))
    for at, quote in enumerate(_objects(quotes)):
        yield quote | _bodies(bodies if place == at else [])
        if place == at:
            place, bodies = next(proving, (-1, []))


def _proving(
    package: Package, quotes: pa.ChunkedArray
) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """The evidence of each quote that has some, by the place of the quote, with its cells."""
    evidence = package.table("evidence").select([*_PROVEN, "quote_id"]).combine_chunks()
    place = pc.index_in(evidence["quote_id"], value_set=quotes)
    evidence = evidence.drop_columns(["quote_id"]).append_column("place", place)
    tables: dict[str, pa.Table] = {}
    # Which row of its table each row of evidence is for; looked for once, as keys are many.
    at = pa.nulls(evidence.num_rows, pa.int32())
    for name, resource in package.contract.resources.items():
        ours = pc.equal(evidence["resource"], name).combine_chunks()
        if pc.any(ours).as_py():
            tables[name] = package.table(name).combine_chunks()
            keys = tables[name][resource.key]
            rows = pc.index_in(evidence["row_id"].filter(ours), value_set=keys)
            at = pc.replace_with_mask(at, ours, rows.combine_chunks())
    evidence = evidence.append_column("at", at)
    # In the order of the quotes; what has none rests on a reference.
    order = pc.sort_indices(place).slice(0, len(place) - place.null_count)
    chunks = (evidence.take(order.slice(n, ROWS)) for n in range(0, len(order), ROWS))
    rows_of = (row for chunk in chunks for row in _with_values(chunk, tables))
    for number, group in groupby(rows_of, lambda row: row.pop("place")):
        yield number, list(group)


def _with_values(evidence: pa.Table, tables: dict[str, pa.Table]) -> Iterator[dict[str, Any]]:
    """Evidence, each with the cell that it is for as it stands in the CSV file."""
    rows = evidence.to_pylist()
    places = pa.array([row.pop("at") for row in rows], pa.int32())
    cells: dict[tuple[str, str], list[int]] = {}
    for number, row in enumerate(rows):
        cells.setdefault((row["resource"], row["field"]), []).append(number)
    for (name, field), numbers in cells.items():
        values = [None] * len(numbers)
        if name in tables and field in tables[name].column_names:
            column = tables[name][field].take(places.take(numbers))
            values = column.cast(pa.string()).to_pylist()
        for number, value in zip(numbers, values, strict=True):
            rows[number]["value"] = value
    yield from rows


def _objects(table: pa.Table) -> Iterator[dict[str, Any]]:
    for batch in table.to_batches(max_chunksize=ROWS):
        yield from batch.to_pylist()


def _unquoted(line: bytes, quote: dict[str, Any] | None) -> str:
    """What is wrong with an annotation, where `quote` is the row that it is to be of."""
    try:
        annotation = json.loads(line)
    except (ValueError, RecursionError) as error:
        return f"not JSON: {error}"
    if quote is None:
        return "one annotation more than there are quotes"
    try:
        target = annotation["target"]
        words, place = target["selector"]
        said = {
            "quote_id": annotation["quote_id"],
            "source_id": target["source"]["source_id"],
            "passage_id": target["passage_id"],
            "exact": words["exact"],
            "prefix": words.get("prefix"),
            "suffix": words.get("suffix"),
            "start": place["start"],
            "end": place["end"],
            **_bodies(annotation.get("body", [])),
        }
    except (KeyError, TypeError, ValueError, AttributeError):
        return f"not of the form of an annotation; expected that of the quote {quote['quote_id']}"
    return "" if said == quote else otherwise(f"quote {quote['quote_id']}", said, quote)[0]


def _bodies(bodies: list[dict[str, Any]]) -> dict[str, Any]:
    """What bodies say, by names for it, whatever their order."""
    said: dict[str, Any] = {"bodies": sorted(body["evidence_id"] for body in bodies)}
    for body in bodies:
        for field in (*_PROVEN[1:], "value"):
            said[f"{field} of {body['evidence_id']}"] = body.get(field)
    return said
