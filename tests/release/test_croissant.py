"""croissant.json against mlcroissant, and against the specification where mlcroissant is lax."""

from __future__ import annotations

import csv
import datetime
import hashlib
import json
import logging
import re
from pathlib import Path
from typing import Any

import mlcroissant as mlc
import pyarrow.parquet as pq
import pytest
from pyld import jsonld

from gazadata.contract import Contract
from gazadata.errors import GazadataError
from gazadata.package import Package
from gazadata.release.croissant import CONFORMS_TO, croissant
from gazadata.release.manifest import File

EXPECTED_TYPES = {"string": bytes, "integer": int, "boolean": bool}


def write_release(package: Package, root: Path) -> Path:
    """Write a package's Parquet files and its croissant.json; return the latter's path."""
    (root / "parquet").mkdir(parents=True)
    files = {}
    for name in package.contract.resources:
        path = f"parquet/{name}.parquet"
        pq.write_table(package.table(name), root / path)
        files[path] = File.of(root, path)
    document = root / "croissant.json"
    document.write_text(json.dumps(croissant(package.contract, files)), encoding="utf-8")
    return document


def made_up(*tables: str) -> dict[str, File]:
    """The Parquet files of tables, as if they were written."""
    paths = [f"parquet/{name}.parquet" for name in tables]
    return {path: File(path, 1, "0" * 64) for path in paths}


def odd_package(root: Path) -> Package:
    """A package that is hard to load: nulls of each type, quotes, non-Latin text, two keys."""
    types = {"n": "integer", "b": "boolean", "d": "date", "t": "string"}
    thing = {
        "name": "thing",
        "description": "Things.",
        "fields": [
            {"name": "thing_id", "type": "string", "constraints": {"required": True}},
            {"name": "part_of", "type": "string"},
            {"name": "kind_id", "type": "string"},
            {"name": "other_kind_id", "type": "string"},
            *({"name": name, "type": kind} for name, kind in types.items()),
        ],
        "primaryKey": ["thing_id"],
        "foreignKeys": [
            {"fields": ["part_of"], "reference": {"fields": ["thing_id"]}},
            *(
                {"fields": [f], "reference": {"resource": "kind", "fields": ["kind_id"]}}
                for f in ("kind_id", "other_kind_id")
            ),
        ],
    }
    kind = {
        "name": "kind",
        "fields": [{"name": "kind_id", "type": "string"}, {"name": "t", "type": "string"}],
        "primaryKey": ["kind_id"],
    }
    rows = [
        ["thing_id", "part_of", "kind_id", "other_kind_id", "n", "b", "d", "t"],
        ["a", "", "x", "y", "-7", "true", "2024-02-29", 'He said "no", twice'],
        ["b", "a", "", "x", "", "", "", "غزة\n— NA"],
        ["c", "a", "y", "", "9007199254740993", "false", "1969-12-31", "NaN"],
        ["d", "", "", "", "", "", "", ""],
    ]
    descriptor = {
        "name": "odd",
        "title": "Odd & 100% {strange}",
        "version": "0.1.0",
        "created": "2024-02-29T00:00:00Z",
        "contributors": [{"title": "A Person", "givenName": "A", "familyName": "Person"}],
        "resources": [
            {"name": "thing", "path": "thing.csv", "schema": thing},
            {"name": "kind", "path": "kind.csv", "schema": kind},
        ],
    }
    root.mkdir()
    (root / "datapackage.json").write_text(json.dumps(descriptor), encoding="utf-8")
    (root / "kind.csv").write_text("kind_id,t\nx,ß\ny,\n", encoding="utf-8")
    with (root / "thing.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
    return Package.open(root)


def plain(value: Any) -> Any:
    """A value from mlcroissant as Arrow has it: it loads text as bytes, dates as timestamps."""
    if isinstance(value, bytes):
        return value.decode("utf-8")
    return value.date() if isinstance(value, datetime.datetime) else value


@pytest.fixture
def bundled(built: Path) -> tuple[Package, Path, dict[str, Any]]:
    path = built / "croissant.json"
    return Package.open(built), path, json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture(params=["bundled", "odd"])
def both(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Package, Path]:
    if request.param == "odd":
        package = odd_package(tmp_path / "package")
        return package, write_release(package, tmp_path / "release")
    package, path, _ = request.getfixturevalue("bundled")
    return package, path


def test_mlcroissant_has_no_error_and_no_warning(
    bundled: tuple[Package, Path, dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        dataset = mlc.Dataset(str(bundled[1]))
    issues = dataset.metadata.ctx.issues
    assert not issues.errors
    assert not issues.warnings
    # It only logs a warning about a context that lacks one of its own terms.
    assert not caplog.records
    assert str(dataset.metadata.ctx.conforms_to.value) == CONFORMS_TO


def test_mlcroissant_would_warn(
    bundled: tuple[Package, Path, dict[str, Any]], caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    """The test above can fail: a context without a term, a dataset without a licence."""
    document = json.loads(json.dumps(bundled[2]))
    del document["license"], document["@context"]["regex"]
    (tmp_path / "croissant.json").write_text(json.dumps(document), encoding="utf-8")
    with caplog.at_level(logging.WARNING):
        dataset = mlc.Dataset(str(tmp_path / "croissant.json"))
    assert dataset.metadata.ctx.issues.warnings
    assert "@context" in caplog.text


@pytest.mark.parametrize("backwards", [False, True])
def test_one_dataset_of_mlcroissant_loads_every_row_as_arrow_has_it(
    both: tuple[Package, Path], *, backwards: bool
) -> None:
    package, path = both
    dataset = mlc.Dataset(str(path))
    resources = list(package.contract.resources.items())
    for name, resource in reversed(resources) if backwards else resources:
        records = list(dataset.records(name))
        assert records
        loaded = [{key.split("/")[1]: plain(cell) for key, cell in r.items()} for r in records]
        expected = package.table(name).to_pylist()
        # Integers in a column with nulls pass through float64 in mlcroissant's pandas.
        for row in expected:
            if isinstance(row.get("n"), int):
                row["n"] = int(float(row["n"]))
        assert loaded == expected
        for record in records:
            for field in resource.fields:
                value = record[f"{name}/{field.name}"]
                if value is not None and field.type != "date":
                    assert type(value) is EXPECTED_TYPES[field.type]


def test_mlcroissant_would_fail_with_one_more_reference(
    bundled: tuple[Package, Path, dict[str, Any]], release: Path
) -> None:
    """The test above can fail, and references still have to be left out."""
    document = json.loads(json.dumps(bundled[2]))
    (evidence,) = [r for r in document["recordSet"] if r["@id"] == "evidence"]
    (field,) = [f for f in evidence["field"] if f["@id"] == "evidence/quote_id"]
    field["references"] = {"field": {"@id": "quotes/quote_id"}}
    (release / "croissant.json").write_text(json.dumps(document), encoding="utf-8")
    dataset = mlc.Dataset(str(release / "croissant.json"))
    assert list(dataset.records("quotes"))
    with pytest.raises(mlc.GenerationError):
        list(dataset.records("evidence"))
    dataset = mlc.Dataset(str(release / "croissant.json"))
    assert list(dataset.records("evidence"))
    assert len(list(dataset.records("quotes"))) != bundled[0].table("quotes").num_rows


def test_a_record_set_that_is_joined_needs_a_new_dataset_to_be_read_again(
    bundled: tuple[Package, Path, dict[str, Any]],
) -> None:
    dataset = mlc.Dataset(str(bundled[1]))
    assert list(dataset.records("events"))
    assert not list(dataset.records("events"))
    assert list(mlc.Dataset(str(bundled[1])).records("events"))


def test_required_properties(bundled: tuple[Package, Path, dict[str, Any]]) -> None:
    """Properties that the specification requires; mlcroissant does not check the last four."""
    package, _, document = bundled
    assert document["@type"] == "sc:Dataset"
    assert document["conformsTo"] == "http://mlcommons.org/croissant/1.1"
    assert document["name"] == package.contract.name
    assert document["version"] == package.contract.version
    assert document["description"] == package.contract.descriptor["description"]
    assert document["url"] == "./"
    assert document["creator"] == [{"@type": "sc:Organization", "name": "The gazadata developers"}]
    assert document["datePublished"] == package.contract.descriptor["created"][:10]
    assert datetime.date.fromisoformat(document["datePublished"])
    assert [part["url"] for part in document["license"]] == [
        part["path"] for part in package.contract.descriptor["licenses"]
    ]
    assert document["keywords"] == package.contract.descriptor["keywords"]


def test_schema_org_is_https(bundled: tuple[Package, Path, dict[str, Any]]) -> None:
    assert "http://schema.org" not in json.dumps(bundled[2])
    assert bundled[2]["@context"]["@vocab"] == "https://schema.org/"
    assert bundled[2]["@context"]["sc"] == "https://schema.org/"


def test_every_file_has_its_hash_and_size(bundled: tuple[Package, Path, dict[str, Any]]) -> None:
    package, path, document = bundled
    listed = {file["contentUrl"]: file for file in document["distribution"]}
    assert list(listed) == [f"parquet/{name}.parquet" for name in package.contract.resources]
    for url, file in listed.items():
        content = (path.parent / url).read_bytes()
        assert file["@type"] == "cr:FileObject"
        assert file["sha256"] == hashlib.sha256(content).hexdigest()
        assert file["contentSize"] == f"{len(content)} B"
        assert "application/vnd.apache.parquet" in file["encodingFormat"]


def test_record_sets_are_the_contract(bundled: tuple[Package, Path, dict[str, Any]]) -> None:
    package, _, document = bundled
    types = {"string": "sc:Text", "integer": "sc:Integer", "boolean": "sc:Boolean"}
    assert [r["@id"] for r in document["recordSet"]] == list(package.contract.resources)
    for record_set in document["recordSet"]:
        resource = package.contract[record_set["@id"]]
        assert record_set["key"] == {"@id": f"{resource.name}/{resource.key}"}
        assert record_set["description"] == resource.description
        assert [f["name"] for f in record_set["field"]] == list(resource.field_names)
        for field in record_set["field"]:
            declared = resource[field["name"]]
            assert field["@id"] == f"{resource.name}/{field['name']}"
            assert field["dataType"] == types.get(declared.type, "sc:Date")
            assert field["description"].startswith(declared.description)
            assert all(term in field["description"] for term in declared.enum)
            assert field["source"] == {
                "fileObject": {"@id": f"parquet/{resource.name}.parquet"},
                "extract": {"column": field["name"]},
            }


def test_references_are_the_foreign_keys_to_tables_without_any(
    bundled: tuple[Package, Path, dict[str, Any]],
) -> None:
    package, _, document = bundled
    found = {
        field["@id"]: field["references"]
        for record_set in document["recordSet"]
        for field in record_set["field"]
        if "references" in field
    }
    expected = {
        f"{resource.name}/{key.field}": {"field": {"@id": f"{key.resource}/{key.target}"}}
        for resource in package.contract.resources.values()
        for key in resource.foreign_keys
        if key.resource in ("sources", "actors", "topics")
        and resource.name not in ("sources", "actors", "topics")
    }
    assert found == expected
    assert len(found) == 25
    assert "actors/part_of" not in found


def test_ids_are_unique(bundled: tuple[Package, Path, dict[str, Any]]) -> None:
    document = bundled[2]
    ids = [file["@id"] for file in document["distribution"]]
    for record_set in document["recordSet"]:
        ids += [record_set["@id"], *(field["@id"] for field in record_set["field"])]
    assert len(set(ids)) == len(ids)


def test_provenance_in_prov_o(bundled: tuple[Package, Path, dict[str, Any]]) -> None:
    """Expanded as JSON-LD without a network, as a reader of linked data sees it."""

    def refuse(url: str, _options: object) -> None:
        raise AssertionError(f"fetches {url}")

    prov = "http://www.w3.org/ns/prov#"
    (graph,) = jsonld.expand(bundled[2], {"documentLoader": refuse, "base": "https://a.test/r/"})
    sets = {r["@id"]: r for r in graph["http://mlcommons.org/croissant/recordSet"]}
    fields = {
        f["@id"].removeprefix("https://a.test/r/"): f
        for r in sets.values()
        for f in r["http://mlcommons.org/croissant/field"]
    }
    types = {
        key.removeprefix("https://a.test/r/"): value["http://mlcommons.org/croissant/dataType"]
        for key, value in sets.items()
        if "http://mlcommons.org/croissant/dataType" in value
    }
    assert types["evidence"] == [{"@id": f"{prov}Derivation"}]
    assert types["quotes"] == types["sources"] == types["events"] == [{"@id": f"{prov}Entity"}]
    terms = {
        key: field["http://mlcommons.org/croissant/equivalentProperty"][0]["@value"]
        for key, field in fields.items()
        if "http://mlcommons.org/croissant/equivalentProperty" in field
    }
    assert terms["quotes/source_id"] == "prov:wasQuotedFrom"
    assert terms["quotes/exact"] == "prov:value"
    assert terms["evidence/quote_id"] == terms["evidence/reference_id"] == "prov:entity"
    assert terms["events/source_id"] == "prov:wasDerivedFrom"
    origins = graph[f"{prov}wasDerivedFrom"]
    assert all(origin["@type"] == [f"{prov}Entity"] for origin in origins)
    assert len(origins) == len(bundled[0].contract.descriptor["sources"])


def test_the_order_of_the_files_changes_nothing() -> None:
    contract = Contract.read(Package.open().root)
    files = made_up(*contract.resources)
    backwards = dict(reversed(files.items()))
    assert json.dumps(croissant(contract, files)) == json.dumps(croissant(contract, backwards))


def test_a_file_that_is_missing_is_named() -> None:
    with pytest.raises(GazadataError, match=re.escape("parquet/sources.parquet")):
        croissant(Package.open().contract, {})


def test_homepage_person_and_citation(tmp_path: Path) -> None:
    package = odd_package(tmp_path / "package")
    package.contract.descriptor["homepage"] = "https://a.test/"
    document = croissant(package.contract, made_up("thing", "kind"))
    assert document["url"] == "https://a.test/"
    assert document["creator"] == [{"@type": "sc:Person", "name": "A Person"}]
    assert document["citeAs"] == (
        "@misc{odd_0_1_0, author = {{A Person}}, title = {{Odd \\& 100\\% \\{strange\\}}}, "
        "year = {2024}, version = {0.1.0}}"
    )
