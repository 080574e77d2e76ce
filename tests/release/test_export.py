"""Exports: the contract's types and constraints in each format, every cell, whole files only."""

from __future__ import annotations

import asyncio
import datetime
import json
import re
import sqlite3
import subprocess
import sys
import zipfile
from contextlib import closing
from pathlib import Path
from typing import Any, get_args

import duckdb
import openpyxl
import pytest
from datasette.app import Datasette
from tests.release.packages import copy_package

from gazadata.contract import Contract, Field, Resource
from gazadata.display import page_link
from gazadata.errors import ContractError, GazadataError, MissingExtra, ReadError, ReleaseError
from gazadata.package import Package
from gazadata.release import sql, workbook
from gazadata.release.export import Format, export
from gazadata.release.sql import create_table
from gazadata.release.verify import verify

pytestmark = pytest.mark.sampled

RESOURCES = list(Package.open().contract.resources)
FIELDS = [
    (resource.name, field.name)
    for resource in Package.open().contract.resources.values()
    for field in resource.fields
]
SQLITE = {"string": "TEXT", "integer": "INTEGER", "boolean": "INTEGER", "date": "TEXT"}
DUCKDB = {"string": "VARCHAR", "integer": "BIGINT", "boolean": "BOOLEAN", "date": "DATE"}
ODD_TEXTS = ["=1+1", "+1", "-1", "@x", "#N/A", "NA", "'", '"', "a\nb", "غزة —", "😀", "true", "007"]


def odd_package(root: Path, rows: list[str] | None = None) -> Path:
    """A package with reserved SQL names, a key into its own table, and cells easily misread."""
    group = {
        "title": "The group's",
        "description": 'It\'s a "group"; -- no comment',
        "fields": [
            {"name": "key", "type": "string", "constraints": {"required": True, "unique": True}},
            {"name": "parent", "type": "string", "description": "The 'parent'."},
            {"name": "select", "type": "string"},
            {"name": 'a "b"', "type": "integer", "constraints": {"minimum": -1}},
            {"name": "flag", "type": "boolean"},
            {"name": "day", "type": "date"},
            {"name": "kind", "type": "string", "constraints": {"enum": ["it's", "other"]}},
            {"name": "code", "type": "string", "constraints": {"unique": True}},
        ],
        "primaryKey": ["key"],
        "uniqueKeys": [["select", "flag"]],
        "foreignKeys": [{"fields": ["parent"], "reference": {"fields": ["key"]}}],
    }
    texts = [text.replace('"', '""') for text in ODD_TEXTS]
    given = rows or [
        "a,z,,9007199254740993,true,1899-12-31,it's,1",
        'b,a,"",-1,false,2024-02-29,other,2',
        "z,,,,,,,",
        *(f'row{at},,"{text}",,true,,,' for at, text in enumerate(texts)),
    ]
    descriptor = {
        "name": "odd",
        "title": "Odd",
        "version": "0.1.0",
        "created": "2024-02-29T00:00:00Z",
        "resources": [{"name": "group", "path": "group.csv", "schema": group}],
    }
    root.mkdir()
    (root / "datapackage.json").write_text(json.dumps(descriptor), encoding="utf-8")
    header = 'key,parent,select,"a ""b""",flag,day,kind,code\n'
    (root / "group.csv").write_text(
        header + "".join(f"{row}\n" for row in given), encoding="utf-8", newline=""
    )
    return root


@pytest.fixture(scope="module")
def exported(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    for to in get_args(Format):
        export(built, to, folder / f"gaza.{to}")
    return folder


@pytest.fixture
def contract(built: Path) -> Contract:
    return Package.open(built).contract


def rows_of(package: Path, name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = Package.open(package).table(name).to_pylist()
    return rows


def as_sqlite(value: Any) -> Any:
    if isinstance(value, datetime.date):
        return value.isoformat()
    return int(value) if isinstance(value, bool) else value


# --- every cell ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", RESOURCES)
def test_sqlite_has_every_cell(built: Path, exported: Path, name: str) -> None:
    with closing(sqlite3.connect(exported / "gaza.sqlite")) as db:
        found = db.execute(f'SELECT * FROM "{name}"').fetchall()
    expected = [tuple(map(as_sqlite, row.values())) for row in rows_of(built, name)]
    assert expected
    assert found == expected


@pytest.mark.parametrize("name", RESOURCES)
def test_duckdb_has_every_cell(built: Path, exported: Path, name: str) -> None:
    with duckdb.connect(str(exported / "gaza.duckdb"), read_only=True) as db:
        found = db.execute(f'SELECT * FROM "{name}" ORDER BY 1').fetchall()
    assert found == sorted(tuple(row.values()) for row in rows_of(built, name))


@pytest.mark.parametrize("name", RESOURCES)
def test_xlsx_has_every_cell(built: Path, exported: Path, name: str) -> None:
    sheet = openpyxl.load_workbook(exported / "gaza.xlsx")[name]
    header, *found = sheet.iter_rows(values_only=True)
    rows = rows_of(built, name)
    assert header == tuple(rows[0])
    assert [tuple(map(as_day, row)) for row in found] == [tuple(row.values()) for row in rows]


def as_day(value: Any) -> Any:
    return value.date() if isinstance(value, datetime.datetime) else value


@pytest.mark.parametrize("to", get_args(Format))
def test_cells_that_readers_may_misinterpret(tmp_path: Path, to: Format) -> None:
    package = odd_package(tmp_path / "odd")
    file = tmp_path / f"odd.{to}"
    export(package, to, file)
    rows = rows_of(package, "group")
    assert {row["select"] for row in rows} > set(ODD_TEXTS)
    if to == "sqlite":
        with closing(sqlite3.connect(file)) as db:
            found = db.execute('SELECT * FROM "group"').fetchall()
        assert found == [tuple(map(as_sqlite, row.values())) for row in rows]
    elif to == "duckdb":
        with duckdb.connect(str(file), read_only=True) as db:
            found = db.execute('SELECT * FROM "group" ORDER BY key').fetchall()
        assert found == sorted((tuple(row.values()) for row in rows), key=lambda row: row[0])
    else:
        sheet = openpyxl.load_workbook(file)["group"]
        found = [tuple(map(as_day, row)) for row in sheet.iter_rows(min_row=2, values_only=True)]
        # The two values that Excel cannot hold with their types.
        first = {**rows[0], 'a "b"': "9007199254740993", "day": "1899-12-31"}
        assert found == [tuple(row.values()) for row in (first, *rows[1:])]


def test_xlsx_has_no_formula_and_text_stays_text(tmp_path: Path) -> None:
    file = tmp_path / "odd.xlsx"
    export(odd_package(tmp_path / "odd"), "xlsx", file)
    with zipfile.ZipFile(file) as archive:
        content = archive.read("xl/worksheets/sheet2.xml").decode("utf-8")
    assert content.count("<row") == 1 + len(rows_of(tmp_path / "odd", "group"))
    assert "<f>" not in content
    assert "<f " not in content
    sheet = openpyxl.load_workbook(file)["group"]
    texts = {cell.value: cell for cell in sheet["C"][1:] if cell.value is not None}
    assert set(texts) == set(ODD_TEXTS)
    for cell in texts.values():
        assert cell.data_type == "s"
        assert cell.number_format == "@"


# --- types and constraints, field by field ---------------------------------------------------


def unique_keys(resource: Resource) -> list[tuple[str, ...]]:
    """Those of the schema, and the single fields that are unique."""
    alone = [(f.name,) for f in resource.fields if f.unique and f.name != resource.key]
    return [*resource.unique_keys, *alone]


@pytest.mark.parametrize("name", RESOURCES)
def test_sqlite_types_and_keys(exported: Path, contract: Contract, name: str) -> None:
    resource = contract[name]
    with closing(sqlite3.connect(exported / "gaza.sqlite")) as db:
        columns = db.execute(f'PRAGMA table_info("{name}")').fetchall()
        keys = db.execute(f'PRAGMA foreign_key_list("{name}")').fetchall()
        unique = {
            tuple(row[2] for row in db.execute(f'PRAGMA index_info("{index}")'))
            for _, index, _, origin, _ in db.execute(f'PRAGMA index_list("{name}")')
            if origin == "u"
        }
        ((strict,),) = db.execute("SELECT strict FROM pragma_table_list WHERE name = ?", (name,))
    assert [
        (column, kind, bool(required), bool(key)) for _, column, kind, required, _, key in columns
    ] == [
        (field.name, SQLITE[field.type], field.required, field.name == resource.key)
        for field in resource.fields
    ]
    assert {(field, table, target) for _, _, table, field, target, *_ in keys} == {
        (key.field, key.resource, key.target) for key in resource.foreign_keys
    }
    assert unique == set(unique_keys(resource))
    assert strict == 1


@pytest.mark.parametrize("name", RESOURCES)
def test_duckdb_types_and_keys(exported: Path, contract: Contract, name: str) -> None:
    resource = contract[name]
    with duckdb.connect(str(exported / "gaza.duckdb"), read_only=True) as db:
        columns = db.execute(
            "SELECT column_name, data_type, NOT is_nullable, comment FROM duckdb_columns() "
            "WHERE table_name = ? ORDER BY column_index",
            [name],
        ).fetchall()
        constraints = db.execute(
            "SELECT constraint_type, constraint_column_names, constraint_text "
            "FROM duckdb_constraints() WHERE table_name = ?",
            [name],
        ).fetchall()
        ((comment,),) = db.execute(
            "SELECT comment FROM duckdb_tables() WHERE table_name = ?", [name]
        ).fetchall()
    assert columns == [
        (field.name, DUCKDB[field.type], field.required, field.description)
        for field in resource.fields
    ]
    assert comment == resource.description
    of_type = {
        kind: sorted(tuple(names) for found, names, _ in constraints if found == kind)
        for kind in ("PRIMARY KEY", "UNIQUE", "FOREIGN KEY")
    }
    assert of_type["PRIMARY KEY"] == [(resource.key,)]
    assert of_type["UNIQUE"] == sorted(unique_keys(resource))
    assert of_type["FOREIGN KEY"] == sorted((key.field,) for key in resource.foreign_keys)
    checks = [text for kind, _, text in constraints if kind == "CHECK"]
    assert len(checks) == sum(bool(f.enum) + (f.minimum is not None) for f in resource.fields)


def breaking(field: Field, *, foreign: bool) -> list[Any]:
    """Values that the contract forbids in a field, in SQLite's types."""
    values: list[Any] = []
    if field.required:
        values.append(None)
    if field.enum:
        values.append("no such term")
    if field.minimum is not None:
        values.append(field.minimum - 1)
    if foreign:
        values.append("no-such-row")
    if field.type == "boolean":
        values += [2, "true"]
    if field.type == "date":
        values += ["2024-02-30", "2024", "2024-1-1", "2024-01-01T00:00:00"]
    if field.type == "integer":
        values += ["one", 1.5]
    return values


@pytest.mark.parametrize(("name", "field"), FIELDS)
def test_sqlite_refuses_what_the_contract_forbids(
    exported: Path, contract: Contract, name: str, field: str
) -> None:
    declared = contract[name][field]
    foreign = contract[name].target(field) is not None
    with closing(sqlite3.connect(exported / "gaza.sqlite", isolation_level=None)) as db:
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("BEGIN")
        update = f'UPDATE "{name}" SET "{field}" = ? WHERE rowid = 1'
        for value in breaking(declared, foreign=foreign):
            with pytest.raises(sqlite3.IntegrityError):
                db.execute(update, (value,))
        if not declared.required:
            db.execute(update, (None,))
        for term in declared.enum:
            db.execute(update, (term,))
        db.execute("ROLLBACK")


def test_every_constraint_is_tried(contract: Contract) -> None:
    """So that the test above is not vacuous: the package has fields with each constraint."""
    tried = [
        (name, value)
        for name, field in FIELDS
        for value in breaking(contract[name][field], foreign=bool(contract[name].target(field)))
    ]
    assert {value for _, value in tried} >= {
        None,
        "no such term",
        0,
        -1,
        "no-such-row",
        2,
        "2024-02-30",
        "one",
    }


@pytest.mark.parametrize(
    ("row", "part"),
    [
        ("a,,,-2,,,,", "CHECK"),
        ("a,,,,,,its,", "CHECK"),
        ("a,nobody,,,,,,", "a points to a missing row|row 1 points to a missing row of group"),
        ("a,,x,,true,,,\nb,,x,,true,,,", "UNIQUE|Duplicate key"),
        ("a,,,,,,,1\nb,,,,,,,1", "UNIQUE|Duplicate key"),
        ("a,,,,,,,\na,,,,,,,", "UNIQUE|Duplicate key"),
        (",,x,,,,,", "NOT NULL"),
    ],
)
@pytest.mark.parametrize("to", ["sqlite", "duckdb"])
def test_a_package_that_breaks_its_contract_is_refused(
    tmp_path: Path, to: Format, row: str, part: str
) -> None:
    package = odd_package(tmp_path / "odd", row.split("\n"))
    (tmp_path / "out").mkdir()
    with pytest.raises(GazadataError, match=f"(?s)^group: .*({part}).*gazadata validate"):
        export(package, to, tmp_path / "out" / "odd.db")
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize("to", get_args(Format))
@pytest.mark.parametrize("listed", [5, ["ODbL"], None])
def test_a_descriptor_with_malformed_licences(tmp_path: Path, to: Format, listed: Any) -> None:
    """A finding of validation, but the tables can be read and exported."""
    package = copy_package(tmp_path / "package")
    descriptor = json.loads((package / "datapackage.json").read_bytes())
    (package / "datapackage.json").write_text(json.dumps(descriptor | {"licenses": listed}))
    export(package, to, tmp_path / f"out.{to}")


def test_nulls_in_a_unique_key_are_not_duplicates(tmp_path: Path) -> None:
    """As in SQL, and therefore in Table Schema."""
    package = odd_package(tmp_path / "odd", ["a,,x,,,,,", "b,,x,,,,,"])
    for to in ("sqlite", "duckdb"):
        export(package, to, tmp_path / f"odd.{to}")


def test_rows_in_any_order_and_cycles_of_rows(tmp_path: Path) -> None:
    """DuckDB checks keys at once, so parents must come first, and cycles are impossible."""
    chain = [f"r{at},r{at + 1},,,,,," for at in range(50)] + ["r50,,,,,,,"]
    export(odd_package(tmp_path / "chain", chain), "duckdb", tmp_path / "chain.duckdb")
    with duckdb.connect(str(tmp_path / "chain.duckdb"), read_only=True) as db:
        assert db.execute('SELECT count(*) FROM "group"').fetchall() == [(51,)]
    circle = odd_package(tmp_path / "circle", ["a,b,,,,,,", "b,a,,,,,,"])
    with pytest.raises(GazadataError, match="circle"):
        export(circle, "duckdb", tmp_path / "circle.duckdb")
    export(circle, "sqlite", tmp_path / "circle.sqlite")


def test_tables_in_a_cycle(tmp_path: Path) -> None:
    def table(name: str, other: str) -> dict[str, Any]:
        return {
            "name": name,
            "path": f"{name}.csv",
            "schema": {
                "fields": [{"name": "k", "type": "string"}, {"name": "o", "type": "string"}],
                "primaryKey": ["k"],
                "foreignKeys": [
                    {"fields": ["o"], "reference": {"resource": other, "fields": ["k"]}}
                ],
            },
        }

    for name in "ab":
        (tmp_path / f"{name}.csv").write_text("k,o\n1,1\n", encoding="utf-8")
    descriptor = {"name": "circle", "resources": [table("a", "b"), table("b", "a")]}
    (tmp_path / "datapackage.json").write_text(json.dumps(descriptor), encoding="utf-8")
    export(tmp_path, "sqlite", tmp_path / "circle.db")
    with pytest.raises(GazadataError, match="a, b point to each other in a circle"):
        export(tmp_path, "duckdb", tmp_path / "circle.duckdb")


def test_an_older_sqlite_has_no_strict_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = odd_package(tmp_path / "odd")
    assert create_table(Package.open(package).contract["group"], "sqlite").endswith("STRICT")
    monkeypatch.setattr(sql, "STRICT_SINCE", (99, 0, 0))
    export(package, "sqlite", tmp_path / "odd.db")
    with closing(sqlite3.connect(tmp_path / "odd.db")) as db:
        assert "STRICT" not in str(db.execute("SELECT sql FROM sqlite_master").fetchall())
        for value in ("day = '2024-02-30'", "flag = 2"):
            with pytest.raises(sqlite3.IntegrityError):
                db.execute(f'UPDATE "group" SET {value}')


# --- descriptions ----------------------------------------------------------------------------


def test_sqlite_keeps_descriptions_and_is_clean(exported: Path, contract: Contract) -> None:
    with closing(sqlite3.connect(exported / "gaza.sqlite")) as db:
        assert not db.execute("PRAGMA foreign_key_check").fetchall()
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        found = {
            (t, f): (title, text) for t, f, title, text in db.execute("SELECT * FROM _descriptions")
        }
    assert contract.version in found[None, None][0]
    assert found[None, None][1] == contract.descriptor["description"]
    for resource in contract.resources.values():
        assert found[resource.name, None] == (resource.title, resource.description)
        for field in resource.fields:
            assert found[resource.name, field.name] == (field.title, field.description)
    assert len(found) == 1 + len(RESOURCES) + len(FIELDS)


def test_datasette_shows_descriptions_and_labels(
    built: Path, contract: Contract, tmp_path: Path
) -> None:
    file = tmp_path / "gaza.db"
    export(built, "sqlite", file)
    metadata = json.loads((tmp_path / "gaza.metadata.json").read_text(encoding="utf-8"))

    async def pages() -> tuple[str, Any]:
        datasette = Datasette([str(file)], metadata=metadata)
        page = await datasette.client.get("/gaza/positions")
        data = await datasette.client.get("/gaza/positions.json?_labels=on&_shape=objects")
        return page.text, data.json()

    text, data = asyncio.run(pages())
    resource = contract["positions"]
    assert resource.description in text
    for field in resource.fields:
        assert field.description.split("'")[0] in text
    actors = {row["actor_id"]: row["name"] for row in rows_of(built, "actors")}
    for row in data["rows"]:
        assert row["holder_id"]["label"] == actors[row["holder_id"]["value"]]


def test_xlsx_has_descriptions_as_comments_and_a_frozen_header(
    exported: Path, contract: Contract
) -> None:
    book = openpyxl.load_workbook(exported / "gaza.xlsx")
    assert book.sheetnames == ["About", *RESOURCES]
    for resource in contract.resources.values():
        sheet = book[resource.name]
        assert sheet.freeze_panes == "A2"
        assert sheet.auto_filter.ref == sheet.dimensions
        widths = {letter: sheet.column_dimensions[letter].width for letter in "ABC"}
        assert all(len(sheet[f"{letter}1"].value) < width <= 60 for letter, width in widths.items())
        for cell, field in zip(sheet[1], resource.fields, strict=True):
            assert cell.value == field.name
            assert cell.comment is not None
            assert cell.comment.text == field.description


# --- files -----------------------------------------------------------------------------------


@pytest.mark.parametrize("to", get_args(Format))
def test_an_existing_file_is_kept_without_force(tmp_path: Path, to: Format) -> None:
    package = odd_package(tmp_path / "odd")
    file = tmp_path / "out" / "odd.db"
    file.parent.mkdir()
    file.write_text("mine", encoding="utf-8")
    with pytest.raises(GazadataError, match="exists; --force"):
        export(package, to, file)
    assert file.read_text(encoding="utf-8") == "mine"
    assert [path.name for path in file.parent.iterdir()] == ["odd.db"]
    export(package, to, file, force=True)
    assert file.read_bytes() != b"mine"
    names = {"odd.db", "odd.metadata.json"} if to == "sqlite" else {"odd.db"}
    assert {path.name for path in file.parent.iterdir()} == names


UNCLOSED = {
    "sqlite": """
import os, sqlite3, sys
database = sqlite3.connect(sys.argv[1])
database.execute("PRAGMA journal_mode = wal")
database.execute("PRAGMA wal_autocheckpoint = 0")
database.execute("CREATE TABLE events (a)")
database.commit()
os._exit(0)
""",
    "duckdb": """
import duckdb, os, sys
database = duckdb.connect(sys.argv[1])
database.execute("SET wal_autocheckpoint = '1GB'")
database.execute("CREATE TABLE events (a INTEGER)")
os._exit(0)
""",
}


@pytest.mark.parametrize("to", UNCLOSED)
def test_a_database_that_was_not_closed_is_not_replaced(tmp_path: Path, to: Format) -> None:
    """The old database's log used to be applied to the new one, or to make it unreadable."""
    package = odd_package(tmp_path / "odd")
    file = tmp_path / "out.db"
    subprocess.run([sys.executable, "-c", UNCLOSED[to], str(file)], check=True)
    (log,) = (p for p in tmp_path.glob("out.db*wal"))
    with pytest.raises(GazadataError, match=f"{log.name} belongs to a database .*close it"):
        export(package, to, file, force=True)
    assert log.exists()
    file.unlink()
    log.unlink()
    for left in tmp_path.glob("out.db*"):
        left.unlink()
    export(package, to, file)


def test_nothing_is_exported_into_a_release(release: Path) -> None:
    with pytest.raises(ReleaseError, match="is a release, which must not change"):
        export(release, "sqlite", release / "gaza.db")
    assert verify(release)


def test_the_metadata_of_an_earlier_export_is_kept_too(tmp_path: Path) -> None:
    (tmp_path / "odd.metadata.json").write_text("mine", encoding="utf-8")
    with pytest.raises(GazadataError, match=re.escape("odd.metadata.json exists")):
        export(odd_package(tmp_path / "odd"), "sqlite", tmp_path / "odd.db")
    assert not (tmp_path / "odd.db").exists()
    assert (tmp_path / "odd.metadata.json").read_text(encoding="utf-8") == "mine"


def test_a_failure_with_force_keeps_what_was_there(tmp_path: Path) -> None:
    package = odd_package(tmp_path / "odd", ["a,nobody,,,,,,"])
    file = tmp_path / "odd.db"
    file.write_text("mine", encoding="utf-8")
    with pytest.raises(GazadataError):
        export(package, "sqlite", file, force=True)
    assert file.read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("to", get_args(Format))
def test_a_full_disk_leaves_nothing(built: Path, tmp_path: Path, to: Format) -> None:
    """A limit on file sizes simulates a full disk; each library fails in its own way."""
    file = tmp_path / "out" / "gaza.db"
    file.parent.mkdir()
    script = f"""
import resource, signal, sys
from pathlib import Path
import pyarrow.csv
from gazadata.errors import GazadataError
from gazadata.release.export import export
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))
try:
    export(Path({str(built)!r}), {to!r}, Path({str(file)!r}))
except GazadataError as error:
    sys.exit(f"GazadataError: {{error}}")
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 1
    # A single line: openpyxl used to complain about its own unfinished sheets, too.
    said = rf"GazadataError: {re.escape(str(file))}: cannot be written: .+\n"
    assert re.fullmatch(said, done.stderr), done.stderr
    assert not list(file.parent.iterdir())


def test_places_that_cannot_be_written(built: Path, tmp_path: Path) -> None:
    file = tmp_path / "nowhere" / "gaza.db"
    with pytest.raises(GazadataError) as error:
        export(built, "sqlite", file)
    assert str(error.value) == f"{file}: cannot be written: no folder {file.parent}"
    for folder in (tmp_path, Path(), Path("/"), Path("..")):
        for to in get_args(Format):
            with pytest.raises(GazadataError, match="is a folder; name the file"):
                export(built, to, folder, force=True)


@pytest.mark.parametrize("name", ["csv/topics.csv", "datapackage.json", "manifest.json"])
def test_a_damaged_release_is_not_exported(release: Path, tmp_path: Path, name: str) -> None:
    path = release / name
    text = path.read_text("utf-8")
    path.write_text(text.replace("Regional conflicts", "regional conflicts"), "utf-8")
    if name != "csv/topics.csv":
        path.write_text(text.replace('"version": "1.0.0"', '"version": "1.0.1"', 1)[:-3], "utf-8")
    for to in get_args(Format):
        with pytest.raises(GazadataError, match=re.escape(name)) as error:
            export(release, to, tmp_path / f"x.{to}")
        assert str(release) in str(error.value)
    assert list(tmp_path.iterdir()) == [release]
    # A package that is meant to be edited has no manifest, and is not checked.
    if name == "csv/topics.csv":
        (release / "manifest.json").unlink()
        export(release, "sqlite", tmp_path / "x.db")


def test_xlsx_shows_text_that_looks_like_a_code(tmp_path: Path) -> None:
    """Excel shows `_x0041_` as A and `_x005F_` as an underscore; openpyxl does not decode them."""
    texts = ["_x0041_", "_x000a_b", "_x005F_x0041_", "_x41_", "a_x0041_x0042_"]
    rows = [f"{at},,{text},,,,," for at, text in enumerate(texts)]
    file = tmp_path / "odd.xlsx"
    export(odd_package(tmp_path / "odd", rows), "xlsx", file)
    sheet = openpyxl.load_workbook(file)["group"]
    written = [cell.value for cell in sheet["C"][1:]]
    assert written == [
        "_x005F_x0041_",
        "_x005F_x000a_b",
        "_x005F_x005F_x005F_x0041_",
        "_x41_",
        "a_x005F_x0041_x005F_x0042_",
    ]
    decoded = [
        re.sub(r"_x([0-9A-Fa-f]{4})_", lambda code: chr(int(code[1], 16)), text) for text in written
    ]
    assert decoded == texts


def test_an_unknown_package_or_format(built: Path, tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="no data package"):
        export(tmp_path, "sqlite", tmp_path / "x.db")
    (tmp_path / "datapackage.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ContractError):
        export(tmp_path, "sqlite", tmp_path / "x.db")
    with pytest.raises(GazadataError, match="choose from: sqlite, duckdb, xlsx"):
        export(built, "csv", tmp_path / "x.csv")  # type: ignore[arg-type]
    assert [path.name for path in tmp_path.iterdir()] == ["datapackage.json"]


@pytest.mark.parametrize(("to", "library"), [("duckdb", "duckdb"), ("xlsx", "openpyxl")])
def test_a_library_that_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, to: Format, library: str
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    monkeypatch.delitem(sys.modules, "gazadata.release.workbook")
    with pytest.raises(MissingExtra, match=re.escape("pip install 'gazadata[export]'")):
        export(odd_package(tmp_path / "odd"), to, tmp_path / f"odd.{to}")
    assert [path.name for path in tmp_path.iterdir()] == ["odd"]


@pytest.mark.parametrize("to", ["sqlite", "xlsx"])
def test_the_same_bytes_again(built: Path, exported: Path, tmp_path: Path, to: Format) -> None:
    export(built, to, tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (exported / f"gaza.{to}").read_bytes()


def test_xlsx_does_not_contain_the_current_time(exported: Path, contract: Contract) -> None:
    with zipfile.ZipFile(exported / "gaza.xlsx") as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        core = archive.read("docProps/core.xml").decode("utf-8")
    created = contract.descriptor["created"]
    assert re.findall(r"<dcterms:\w+[^>]*>([^<]*)", core) == [created, created]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x" * 32_768, "at most 32767 characters"),
        ("a\x07b", "control character"),
        ("\uffff", "group.select"),
    ],
)
def test_what_excel_cannot_hold(tmp_path: Path, text: str, message: str) -> None:
    package = odd_package(tmp_path / "odd", [f"a,,{text},,,,,"])
    with pytest.raises(GazadataError, match=message):
        export(package, "xlsx", tmp_path / "odd.xlsx")
    assert [path.name for path in tmp_path.iterdir()] == ["odd"]


def test_more_rows_than_a_sheet_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "SHEET_ROWS", 3)
    export(odd_package(tmp_path / "fits", ["a,,,,,,,", "b,,,,,,,"]), "xlsx", tmp_path / "f.xlsx")
    package = odd_package(tmp_path / "odd", ["a,,,,,,,", "b,,,,,,,", "c,,,,,,,"])
    with pytest.raises(GazadataError, match="3 rows"):
        export(package, "xlsx", tmp_path / "odd.xlsx")


def test_the_first_sheet_says_what_the_workbook_is(exported: Path, contract: Contract) -> None:
    sheet = openpyxl.load_workbook(exported / "gaza.xlsx").worksheets[0]
    rows = [row for row in sheet.iter_rows(values_only=True) if row[0]]
    told = {row[0]: row[1] for row in rows}
    assert told["Title"] == contract.descriptor["title"]
    assert told["Version"] == contract.version
    assert page_link("SHEET", "KEY") in str(told["Page"])
    assert [row[0] for row in rows if row[2] is not None] == ["Sheet", *RESOURCES]
    book = openpyxl.load_workbook(exported / "gaza.xlsx")
    for name, _, count in rows[-len(RESOURCES) :]:
        assert count == book[str(name)].max_row - 1


def test_every_foreign_key_has_an_index(exported: Path, contract: Contract) -> None:
    with closing(sqlite3.connect(exported / "gaza.sqlite")) as db:
        for resource in contract.resources.values():
            indexed = {
                db.execute(f'PRAGMA index_info("{index}")').fetchall()[0][2]
                for _, index, *_ in db.execute(f'PRAGMA index_list("{resource.name}")')
            }
            assert {key.field for key in resource.foreign_keys} <= indexed
        plan = db.execute(
            "EXPLAIN QUERY PLAN SELECT * FROM participants WHERE actor_id = 'pakistan'"
        ).fetchall()
        assert "USING INDEX participants_actor_id" in str(plan)


@pytest.mark.parametrize("to", ["sqlite", "duckdb"])
def test_views_have_the_labels_of_keys(built: Path, exported: Path, to: str) -> None:
    actors = {row["actor_id"]: row["name"] for row in rows_of(built, "actors")}
    wanted = {row["position_id"]: actors[row["holder_id"]] for row in rows_of(built, "positions")}
    query = "SELECT position_id, holder_label FROM positions_labelled"
    if to == "sqlite":
        with closing(sqlite3.connect(exported / "gaza.sqlite")) as db:
            found = db.execute(query).fetchall()
    else:
        with duckdb.connect(str(exported / "gaza.duckdb"), read_only=True) as db:
            found = db.execute(query).fetchall()
    assert dict(found) == wanted
    assert len(found) == len(wanted)


@pytest.mark.parametrize("to", ["sqlite", "duckdb"])
def test_every_row_of_a_view_is_on_the_page(built: Path, exported: Path, to: str) -> None:
    page = (built / "index.html").read_text(encoding="utf-8")
    shown = set(re.findall(r'id="?([^\s">]+)', page))
    connect = sqlite3.connect if to == "sqlite" else duckdb.connect
    with closing(connect(str(exported / f"gaza.{to}"))) as db:
        for table in RESOURCES:
            links = [row[0] for row in db.execute(f"SELECT page FROM {table}_labelled").fetchall()]
            assert len(links) == len(rows_of(built, table))
            assert {link.partition("#")[2] for link in links} <= shown, table


def test_all_files_that_are_written_are_named(built: Path, tmp_path: Path) -> None:
    written = export(built, "sqlite", tmp_path / "gaza.db")
    assert written == [tmp_path / "gaza.db", tmp_path / "gaza.metadata.json"]
    assert sorted(tmp_path.iterdir()) == written
    written = export(built, "xlsx", tmp_path / "gaza.xlsx")
    assert written == [tmp_path / "gaza.xlsx"]


def test_a_release_in_its_archive_is_exported(built: Path, tmp_path: Path) -> None:
    export(built.with_name(f"{built.name}.zip"), "sqlite", tmp_path / "a.db")
    export(built, "sqlite", tmp_path / "b.db")
    assert (tmp_path / "a.db").read_bytes() == (tmp_path / "b.db").read_bytes()
