"""Packages in parts, in Parquet, with a table of texts; and loading as a frame of Spark."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession
from tests.validate.damage import DESCRIPTOR, SHIPPED, Place

from gazadata import open_dataset
from gazadata import spark as gazadata_spark
from gazadata.errors import GazadataError, ReadError
from gazadata.tables.arrow import arrow_schema
from gazadata.validate import validate

pytestmark = [pytest.mark.long, pytest.mark.spark]
S = SHIPPED


def _in_parts(root: Path) -> None:
    """Evidence as a folder of CSV, quotes as a list of CSV, events as a folder of Parquet."""
    descriptor = json.loads((root / DESCRIPTOR).read_bytes())
    by_name: dict[str, dict[str, Any]] = {r["name"]: r for r in descriptor["resources"]}
    for name in ("evidence", "quotes"):
        file = root / S.path(name)
        head, *lines = file.read_bytes().splitlines(keepends=True)
        file.unlink()
        folder = root / "data" / name
        folder.mkdir()
        paths = []
        for nth, part in enumerate((lines[:50], lines[50:60], lines[60:])):
            path = folder / f"part-{nth}.csv"
            path.write_bytes(head + b"".join(part))
            paths.append(path.relative_to(root).as_posix())
        by_name[name]["path"] = f"data/{name}" if name == "evidence" else paths
    rows = pl.read_csv(root / S.path("events"), infer_schema=False, null_values=[""])
    (root / S.path("events")).unlink()
    (root / "data/events.parquet").mkdir()
    schema = pa.schema([(f.name, pa.string()) for f in S.resource("events").fields])
    pq.write_table(rows[:5].to_arrow().cast(schema), root / "data/events.parquet/part-0.parquet")
    pq.write_table(rows[5:].to_arrow().cast(schema), root / "data/events.parquet/part-1.parquet")
    (root / "data/events.parquet/_SUCCESS").write_bytes(b"")
    by_name["events"] |= {"path": "data/events.parquet", "format": "parquet"}
    for key in ("mediatype", "encoding", "dialect"):
        by_name["events"].pop(key, None)
    # With these paths, its contract differs from the released one.
    descriptor["name"] = "parts"
    (root / DESCRIPTOR).write_text(json.dumps(descriptor), encoding="utf-8")


def _texts_in_a_table(root: Path) -> None:
    sources = [row for row in S.rows("sources") if row["text_path"]]
    texts = {
        "source_id": [row["source_id"] for row in sources],
        "text": [S.files[row["text_path"]].decode() for row in sources],
    }
    shutil.rmtree(root / "raw")
    (root / "raw").mkdir()
    pq.write_table(pa.table(texts), root / "raw/texts.parquet")


def test_parts_have_the_same_findings_as_the_whole(session: SparkSession, tmp_path: Path) -> None:
    """The same mistakes, at their lines in the parts."""
    place = Place(tmp_path / "package")
    nth, quote = 70, S.rows("quotes")[70]
    place.damage(S.change("quotes", nth, exact=f"X{quote['exact'][1:]}"))
    place.damage(S.change("events", 6, event_type="NONE"))
    evidence = S.rows("evidence")[56]
    place.damage(S.change("evidence", 56, basis="none"))
    local = validate(place.root)
    assert {"GD321", "GD203"} <= {d.code for d in local.diagnostics}
    _in_parts(place.root)
    _texts_in_a_table(place.root)
    found = gazadata_spark.report(session, place.root, pieces=2)
    assert not found.failures
    assert found.rows == local.rows
    cells = {(d.code, d.resource, d.row_id, d.field) for d in local.diagnostics}
    assert {(d.code, d.resource, d.row_id, d.field) for d in found.diagnostics} == cells
    at = {(d.resource, d.path, d.line) for d in found.diagnostics}
    assert ("quotes", "data/quotes/part-2.csv", nth - 60 + 2) in at
    assert ("evidence", "data/evidence/part-1.csv", 6 + 2) in at, evidence
    assert ("events", "data/events.parquet/part-1.parquet", 2) in at


def test_an_address_is_read_through_spark(session: SparkSession, tmp_path: Path) -> None:
    place = Place(tmp_path / "a#b %41?")
    place.damage(S.change("quotes", 70, exact="none of the words"))
    local = validate(place.root)
    validated = gazadata_spark.validate(session, f"file://{place.root}", pieces=2)
    found = validated.findings.collect()
    assert {(r.code, r.table, r.row_id, r.field, r.path, r.line) for r in found} == {
        (d.code, d.resource, d.row_id, d.field, d.path, d.line) for d in local.diagnostics
    }
    counts = {row.code: (row.checked, row.found) for row in validated.counts.collect()}
    assert counts["GD321"] == (len(S.rows("quotes")), 1)
    assert not validated.failures


def test_a_source_without_its_text_is_reported(session: SparkSession, tmp_path: Path) -> None:
    place = Place(tmp_path / "package")
    _texts_in_a_table(place.root)
    texts = pl.read_parquet(place.root / "raw/texts.parquet")
    key = texts["source_id"][0]
    texts.with_columns(source_id=pl.lit("another")).write_parquet(place.root / "raw/texts.parquet")
    with pytest.raises(ReadError, match=f"no text for 1 .*: {key}"):
        gazadata_spark.report(session, place.root, pieces=2)


def test_a_table_is_loaded_with_the_types_of_the_contract(session: SparkSession) -> None:
    dataset = open_dataset()
    for name, resource in dataset.package.contract.resources.items():
        frame = dataset.load(name, "spark", spark=session)
        types = {"string": "string", "integer": "bigint", "boolean": "boolean", "date": "date"}
        assert frame.dtypes == [(f.name, types[f.type]) for f in resource.fields]
        assert frame.count() == dataset.load(name, "arrow").num_rows
        assert arrow_schema(resource).names == frame.columns
    with pytest.raises(GazadataError, match="spark="):
        dataset.load("events", "spark")  # type: ignore[call-overload]
