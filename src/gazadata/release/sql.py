"""The tables of a package as a SQLite or a DuckDB database, with keys, constraints and labels."""

from __future__ import annotations

import datetime
import errno
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa

from gazadata.contract import Contract, Field, Resource
from gazadata.display import PAGE, page_link
from gazadata.errors import GazadataError, extra
from gazadata.package import Package
from gazadata.release.files import free_name
from gazadata.tables.arrow import rows_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Dialect = Literal["sqlite", "duckdb"]

# SQLite has neither booleans nor dates: they are 0 and 1, and ISO 8601 text, as its manual says
# (https://www.sqlite.org/datatype3.html, 2.1 and 2.2); CHECK enforces it.
SQL_TYPES: dict[Dialect, dict[str, str]] = {
    "sqlite": {"string": "TEXT", "integer": "INTEGER", "boolean": "INTEGER", "date": "TEXT"},
    "duckdb": {"string": "VARCHAR", "integer": "BIGINT", "boolean": "BOOLEAN", "date": "DATE"},
}
# The first SQLite with STRICT tables (https://www.sqlite.org/stricttables.html).
STRICT_SINCE = (3, 37, 0)
DESCRIPTIONS = "_descriptions"
# The smallest possible: each key takes its own blocks, and with the default of 256 KiB a few rows
# would make a file of 16 MiB.
DUCKDB_BLOCK = 16_384


def create_table(resource: Resource, dialect: Dialect) -> str:
    """The CREATE TABLE statement of a table.

    Table Schema (https://datapackage.org/standard/table-schema/) models primary, foreign and
    unique keys on SQL's, including nulls in unique keys; only `pattern` has no counterpart here.
    """
    lines = [_column(resource, field, dialect) for field in resource.fields]
    lines.append(f"PRIMARY KEY ({_name(resource.key)})")
    lines += [f"UNIQUE ({', '.join(map(_name, key))})" for key in resource.unique_keys]
    lines += [
        f"FOREIGN KEY ({_name(key.field)}) REFERENCES {_name(key.resource)} ({_name(key.target)})"
        for key in resource.foreign_keys
    ]
    strict = dialect == "sqlite" and sqlite3.sqlite_version_info >= STRICT_SINCE
    body = ",\n  ".join(lines)
    return f"CREATE TABLE {_name(resource.name)} (\n  {body}\n){' STRICT' if strict else ''}"


def create_indexes(resource: Resource, contract: Contract) -> Iterator[str]:
    """The CREATE INDEX statements for the foreign keys of a table."""
    for key in resource.foreign_keys:
        if key.field != resource.key and not resource[key.field].unique:
            name = _name(free_name(f"{resource.name}_{key.field}", contract.resources))
            yield f"CREATE INDEX {name} ON {_name(resource.name)} ({_name(key.field)})"


def create_view(resource: Resource, contract: Contract) -> str:
    """The CREATE VIEW statement of a table.

    The view adds the labels of the rows that a row points to, and in `page` a link to the row on
    the page of a release.
    """
    view = free_name(f"{resource.name}_labelled", contract.resources)
    taken = [*resource.field_names]
    columns, joins = [f"{_name(resource.name)}.*"], []
    for number, key in enumerate(resource.foreign_keys):
        target = contract[key.resource]
        other = _name(free_name(f"_{number}", [resource.name]))
        taken.append(free_name(f"{key.field.removesuffix('_id')}_label", taken))
        label = f"{other}.{_name(key.target)}"
        if target.label:
            label = f"coalesce({other}.{_name(target.label)}, {label})"
        columns.append(f"{label} AS {_name(taken[-1])}")
        joins.append(
            f"LEFT JOIN {_name(target.name)} AS {other} ON {other}.{_name(key.target)} = "
            f"{_name(resource.name)}.{_name(key.field)}"
        )
    link = (
        f"{_literal(page_link(resource.name, ''))} || {_name(resource.name)}.{_name(resource.key)}"
    )
    if resource.name == "evidence":  # The page shows it at its cell.
        link = f"{_literal(PAGE + '#')} || resource || '.' || row_id"
    columns.append(f"{link} AS {_name(free_name('page', taken))}")
    body = f"SELECT {', '.join(columns)} FROM {' '.join([_name(resource.name), *joins])}"
    return f"CREATE VIEW {_name(view)} AS {body}"


def _column(resource: Resource, field: Field, dialect: Dialect) -> str:
    name = _name(field.name)
    parts = [name, SQL_TYPES[dialect][field.type]]
    if field.required or field.name == resource.key:
        parts.append("NOT NULL")
    if field.unique and field.name != resource.key:
        parts.append("UNIQUE")
    if dialect == "sqlite" and field.type == "boolean":
        parts.append(f"CHECK ({name} IN (0, 1))")
    if dialect == "sqlite" and field.type == "date":
        parts.append(f"CHECK ({name} IS date({name}, '+0 days'))")
    if field.enum:
        terms = ", ".join(map(_literal, field.enum))
        parts.append(f"CHECK ({name} IN ({terms}))")
    if field.minimum is not None:
        parts.append(f"CHECK ({name} >= {field.minimum:d})")
    return " ".join(parts)


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def write_sqlite(package: Package, file: Path) -> None:
    """Write the tables into a new SQLite file.

    Raises:
        GazadataError: the tables break their keys or constraints.
        OSError, sqlite3.Error: the file cannot be written.
    """
    contract = package.contract
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("BEGIN")
        for resource in contract.resources.values():
            connection.execute(create_table(resource, "sqlite"))
            marks = ", ".join("?" * len(resource.fields))
            rows = rows_of(package.table(resource.name))
            insert = f"INSERT INTO {_name(resource.name)} VALUES ({marks})"
            try:
                connection.executemany(insert, ([_sqlite_value(v) for v in row] for row in rows))
            except sqlite3.IntegrityError as error:
                raise _refused(resource.name, error) from None
        for resource in contract.resources.values():
            for statement in (*create_indexes(resource, contract), create_view(resource, contract)):
                connection.execute(statement)
        broken = connection.execute("PRAGMA foreign_key_check").fetchone()
        if broken:
            table, row, target, _ = broken
            raise _refused(table, f"row {row} points to a missing row of {target}")
        connection.execute(
            f"CREATE TABLE {_name(DESCRIPTIONS)} (resource TEXT, field TEXT, title TEXT, "
            "description TEXT, UNIQUE (resource, field))"
        )
        connection.executemany(
            f"INSERT INTO {_name(DESCRIPTIONS)} VALUES (?, ?, ?, ?)", _descriptions(contract)
        )
        connection.execute("COMMIT")


def _sqlite_value(value: Any) -> Any:
    if isinstance(value, datetime.date):
        return value.isoformat()
    return int(value) if isinstance(value, bool) else value


def _descriptions(contract: Contract) -> Iterator[tuple[str | None, str | None, str, str]]:
    """The package, then each table and each of its fields: (table, field, title, description)."""
    title = f"{contract.title} (version {contract.version})"
    yield None, None, title, str(contract.descriptor.get("description", ""))
    for resource in contract.resources.values():
        yield resource.name, None, resource.title, resource.description
        for field in resource.fields:
            yield resource.name, field.name, field.title, field.description


def datasette_metadata(contract: Contract, database: str) -> dict[str, Any]:
    """What Datasette shows about the tables and columns of the database file `database`.db.

    The form is that of https://docs.datasette.io/en/stable/metadata.html.
    """
    descriptor = contract.descriptor
    licence = next(iter(contract.objects("licenses")), {})
    tables = {
        resource.name: {
            "title": resource.title,
            "description": resource.description,
            "columns": {field.name: field.description for field in resource.fields},
            **({"label_column": resource.label} if resource.label else {}),
            "facets": [
                field.name
                for field in resource.fields
                if field.enum or field.labels or field.type == "boolean"
            ],
        }
        for resource in contract.resources.values()
    }
    return {
        "title": f"{contract.title} (version {contract.version})",
        "description": str(descriptor.get("description", "")),
        **({"license": licence["title"]} if "title" in licence else {}),
        **({"license_url": licence["path"]} if "path" in licence else {}),
        "databases": {database: {"tables": tables}},
    }


def write_duckdb(package: Package, file: Path) -> None:
    """Write the tables into a new DuckDB file.

    Raises:
        GazadataError: the tables break their keys or constraints, or point to each other in a
            circle.
        MissingExtra: duckdb is not installed.
        OSError: the file cannot be written.
    """
    with extra("duckdb", "export"):
        import duckdb
    resources = _referenced_first(package.contract)
    try:
        with duckdb.connect(str(file), config={"default_block_size": DUCKDB_BLOCK}) as connection:
            connection.execute("BEGIN")
            for resource in resources:
                try:
                    _duckdb_table(connection, resource, package.table(resource.name))
                except duckdb.ConstraintException as error:
                    raise _refused(resource.name, error) from None
            for resource in resources:
                connection.execute(create_view(resource, package.contract))
            connection.execute("COMMIT")
    except RuntimeError as error:
        # DuckDB raises this when it is interrupted.
        if "interrupted" in str(error).lower():
            raise KeyboardInterrupt from None
        raise
    except duckdb.Error as error:
        raise OSError(errno.EIO, str(error).replace(str(file), file.name)) from None


def _duckdb_table(connection: DuckDBPyConnection, resource: Resource, table: pa.Table) -> None:
    name = _name(resource.name)
    connection.execute(create_table(resource, "duckdb"))
    for part in _parents_first(resource, table):
        connection.register("_part", part)
        connection.execute(f"INSERT INTO {name} FROM _part")
        connection.unregister("_part")
    connection.execute(f"COMMENT ON TABLE {name} IS {_literal(resource.description)}")
    for field in resource.fields:
        column = f"{name}.{_name(field.name)}"
        connection.execute(f"COMMENT ON COLUMN {column} IS {_literal(field.description)}")


def _referenced_first(contract: Contract) -> list[Resource]:
    """The tables, each after those that it points to: DuckDB cannot add foreign keys later."""
    ordered: list[Resource] = []
    waiting = list(contract.resources.values())
    while waiting:
        names = {resource.name for resource in waiting}
        free = [r for r in waiting if not ({k.resource for k in r.foreign_keys} - {r.name}) & names]
        if not free:
            raise GazadataError(
                f"the tables {', '.join(sorted(names))} point to each other in a circle, which "
                "DuckDB does not support; export to sqlite instead"
            )
        ordered += free
        waiting = [resource for resource in waiting if resource not in free]
    return ordered


def _parents_first(resource: Resource, table: pa.Table) -> Iterator[pa.Table]:
    """The rows in parts that point only into earlier parts, since DuckDB checks keys at once."""
    own = [key.field for key in resource.foreign_keys if key.resource == resource.name]
    if not own:
        yield table
        return
    keys = table[resource.key].to_pylist()
    columns = [table[name].to_pylist() for name in own]
    parents = [{column[at] for column in columns} - {None} for at in range(len(keys))]
    placed: set[Any] = set()
    waiting = list(range(len(keys)))
    while waiting:
        part = [at for at in waiting if parents[at] <= placed]
        if not part:
            raise _refused(
                resource.name,
                f"{keys[waiting[0]]} points to a missing row, or to itself in a circle",
            )
        yield table.take(part)
        waiting = [at for at in waiting if not parents[at] <= placed]
        placed.update(keys[at] for at in part)


def _refused(table: str, error: object) -> GazadataError:
    return GazadataError(f"{table}: {error}; `gazadata validate` names the row and the remedy")
