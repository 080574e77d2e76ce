"""A release as one file for tools that want one: SQLite, DuckDB or an Excel workbook.

Keys, types and constraints are compiled from the contract; nothing is validated beforehand, and
a package that breaks its own contract is refused by the constraints themselves.
"""

from __future__ import annotations

import datetime
import errno
import json
import os
import re
import sqlite3
import tempfile
import zipfile
from collections.abc import Collection, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from gazadata.contract import Contract, Field, Resource
from gazadata.display import PAGE, page_link
from gazadata.errors import GazadataError, MissingExtra, UnknownName
from gazadata.package import Package
from gazadata.release.manifest import check_outside
from gazadata.release.sides import side

if TYPE_CHECKING:
    import pyarrow as pa
    from duckdb import DuckDBPyConnection
    from openpyxl import Workbook
    from openpyxl.cell import Cell

Format = Literal["sqlite", "duckdb", "xlsx"]
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
# The smallest: each key takes its own blocks, and with the default of 256 KiB a few rows would make
# a file of 16 MiB.
DUCKDB_BLOCK = 16_384

# The endings of the files with changes that are not yet in the database file.
LOGS: dict[Format, tuple[str, ...]] = {
    "sqlite": ("-wal", "-journal"),
    "duckdb": (".wal",),
    "xlsx": (),
}

# What a worksheet can hold ("Excel specifications and limits", support.microsoft.com).
SHEET_ROWS, CELL_CHARACTERS, SHEET_NAME = 1_048_576, 32_767, 31
EXACT_INTEGER = 2**53
WIDEST = 60
# What XML 1.0 cannot hold (https://www.w3.org/TR/xml/, 2.2).
NOT_IN_XML = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x{fffe}\x{ffff}]"
# The beginning of an escape, for which Excel would show a character (ECMA-376, part 1, 22.9.2.19).
ESCAPE = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
# Excel's calendar begins in 1900 and has a 29 February in that year.
FIRST_DATE = datetime.date(1900, 3, 1)


def export(
    release: str | Path,
    to: Format,
    file: Path,
    *,
    stores: list[str] | None = None,
    force: bool = False,
) -> list[Path]:
    """Write the tables of a release, or of any package, into one file.

    - sqlite: STRICT tables with primary, foreign and unique keys, NOT NULL, and CHECK for
      vocabularies, minima, booleans and dates; an index on each foreign key; for each table that
      points to others a view `<table>_labelled`, with the labels of those rows as
      `<field>_label`; descriptions in the table `_descriptions` and, for Datasette, in a second
      file: gaza.db gets gaza.metadata.json, for `datasette gaza.db --metadata gaza.metadata.json`.
    - duckdb: the same keys, constraints and views, with real booleans and dates; descriptions as
      comments.
    - xlsx: a sheet that describes the workbook, then a sheet for each table in the package's order,
      with typed cells, filters, and a frozen header with the descriptions as its comments. Text is
      never a formula, and `_x0041_` is not an escape (it is written as `_x005F_x0041_`, which Excel
      shows unescaped; openpyxl does not). Dates before March 1900 and integers beyond 2**53 are
      written as text, since Excel would change them.

    The file is complete or absent. The same release gives the same bytes with the same library,
    except in DuckDB's format.

    Args:
        release: the folder, the archive, or a version in a store; see `sides.side`.
        to: the format.
        file: what is written.
        stores: where versions are; None: as GAZADATA_STORE or gazadata.lock say.
        force: replace what is there.

    Returns:
        The files that were written, `file` first.

    Raises:
        UnknownName: the format is unknown.
        GazadataError: the file exists or cannot be written; the tables break their own keys or
            constraints; or Excel cannot hold them.
        ReadError, ContractError: the package cannot be read.
        StoreError: it is a release that is damaged.
        MissingExtra: the library for the format is not installed.
    """
    if to not in get_args(Format):
        raise UnknownName("export to", to, list(get_args(Format)))
    if not file.name or file.is_dir():
        raise GazadataError(f"{file} is a folder; name the file to write")
    check_outside(file)
    if to == "duckdb" and "?" in str(file.absolute()):
        raise GazadataError(
            f"{file}: DuckDB reads what follows a ? as options, also in a folder's name; name "
            "another place and move the file from there"
        )
    with side(str(release), stores) as package:
        return _export(package, to, file, force=force)


def _export(package: Package, to: Format, file: Path, *, force: bool) -> list[Path]:
    metadata = file.with_name(f"{file.stem}.metadata.json")
    targets = [metadata, file] if to == "sqlite" else [file]
    _check_free(targets, force)
    _check_closed(file, to)
    if not file.parent.is_dir():
        raise GazadataError(f"{file}: cannot be written: no folder {file.parent}")
    try:
        with tempfile.TemporaryDirectory(dir=file.parent, prefix=f".{file.name}.") as folder:
            made = Path(folder).absolute() / file.name
            if to == "sqlite":
                _sqlite(package, made)
                document = json.dumps(datasette_metadata(package.contract, file.stem), indent=2)
                (made.with_name(metadata.name)).write_text(f"{document}\n", encoding="utf-8")
            elif to == "duckdb":
                _duckdb(package, made)
            else:
                _xlsx(package, made)
            _check_free(targets, force)
            _check_closed(file, to)
            for target in targets:
                os.replace(made.with_name(target.name), target)
            return targets[::-1]
    except (OSError, sqlite3.Error) as error:
        # Without the name of the temporary file, which an OSError adds.
        reason = getattr(error, "strerror", None) or error
        raise GazadataError(f"{file}: cannot be written: {reason}") from None


def _check_free(targets: list[Path], force: bool) -> None:
    for target in targets:
        if target.is_dir():
            raise GazadataError(f"{target} is a folder")
        if not force and (target.exists() or target.is_symlink()):
            raise GazadataError(f"{target} exists; --force replaces it")


def _check_closed(file: Path, to: Format) -> None:
    """Refuse to replace a database whose log would be applied to the new one."""
    for suffix in LOGS[to]:
        log = file.with_name(file.name + suffix)
        if os.path.lexists(log):
            raise GazadataError(
                f"{log} belongs to a database {file} that is open or was not closed; close it, or "
                "remove both files"
            )


# --- SQL -------------------------------------------------------------------------------------


def create_table(resource: Resource, dialect: Dialect) -> str:
    """The CREATE TABLE statement of a resource.

    Table Schema (https://datapackage.org/standard/table-schema/) models primary, foreign and
    unique keys on SQL's, nulls in unique keys included; `pattern` alone has no counterpart here.
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
    """The CREATE INDEX statements for the foreign keys of a resource."""
    for key in resource.foreign_keys:
        if key.field != resource.key and not resource[key.field].unique:
            name = _name(_free(f"{resource.name}_{key.field}", contract.resources))
            yield f"CREATE INDEX {name} ON {_name(resource.name)} ({_name(key.field)})"


def create_view(resource: Resource, contract: Contract) -> str:
    """The CREATE VIEW statement of a resource, with labels and the place on the page.

    It has the labels of the rows that a row points to, and in `page` where the row is on the page
    of a release.
    """
    view = _free(f"{resource.name}_labelled", contract.resources)
    taken = [*resource.field_names]
    columns, joins = [f"{_name(resource.name)}.*"], []
    for number, key in enumerate(resource.foreign_keys):
        target = contract[key.resource]
        other = _name(_free(f"_{number}", [resource.name]))
        taken.append(_free(f"{key.field.removesuffix('_id')}_label", taken))
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
    columns.append(f"{link} AS {_name(_free('page', taken))}")
    body = f"SELECT {', '.join(columns)} FROM {' '.join([_name(resource.name), *joins])}"
    return f"CREATE VIEW {_name(view)} AS {body}"


def _free(name: str, taken: Collection[str]) -> str:
    """The name, with underscores if `taken` has it, without regard to case."""
    while name.casefold() in {other.casefold() for other in taken}:
        name += "_"
    return name


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


def _rows(table: pa.Table) -> Iterator[list[Any]]:
    for batch in table.to_batches(max_chunksize=10_000):
        for row in batch.to_pylist():
            yield list(row.values())


# --- SQLite ----------------------------------------------------------------------------------


def _sqlite(package: Package, file: Path) -> None:
    contract = package.contract
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("BEGIN")
        for resource in contract.resources.values():
            connection.execute(create_table(resource, "sqlite"))
            marks = ", ".join("?" * len(resource.fields))
            rows = _rows(package.table(resource.name))
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
    descriptor = contract.descriptor
    title = f"{descriptor.get('title', contract.name)} (version {contract.version})"
    yield None, None, title, str(descriptor.get("description", ""))
    for resource in contract.resources.values():
        yield resource.name, None, resource.title, resource.description
        for field in resource.fields:
            yield resource.name, field.name, field.title, field.description


def datasette_metadata(contract: Contract, database: str) -> dict[str, Any]:
    """What Datasette shows about the tables and columns of the database file `database`.db.

    The form is that of https://docs.datasette.io/en/stable/metadata.html.
    """
    descriptor = contract.descriptor
    licence: dict[str, Any] = next(iter(descriptor.get("licenses", [])), {})
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
        "title": f"{descriptor.get('title', contract.name)} (version {contract.version})",
        "description": str(descriptor.get("description", "")),
        **({"license": licence["title"]} if "title" in licence else {}),
        **({"license_url": licence["path"]} if "path" in licence else {}),
        "databases": {database: {"tables": tables}},
    }


# --- DuckDB ----------------------------------------------------------------------------------


def _duckdb(package: Package, file: Path) -> None:
    try:
        import duckdb
    except ImportError:
        raise MissingExtra("duckdb", "export") from None
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
        # An interrupt arrives as this.
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
    """The resources, each after those that it points to: DuckDB cannot add foreign keys later."""
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
    """The rows in parts that point into earlier parts only, since DuckDB checks keys at once."""
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


# --- Excel -----------------------------------------------------------------------------------


def _xlsx(package: Package, file: Path) -> None:
    try:
        import openpyxl
    except ImportError:
        raise MissingExtra("openpyxl", "export") from None
    contract = package.contract
    lxml_errors: tuple[type[Exception], ...] = ()
    if openpyxl.LXML:
        # openpyxl then writes with lxml, whose errors for a full disk are its own.
        from lxml.etree import LxmlError

        lxml_errors = (LxmlError,)
    for resource in contract.resources.values():
        _check_sheet(resource, package.table(resource.name))
    plain = file.with_name("plain.xlsx")
    book = openpyxl.Workbook(write_only=True)
    try:
        _about(book, package)
        for resource in contract.resources.values():
            _sheet(book, resource, package.table(resource.name))
        book.properties.creator = contract.name
        book.properties.title = str(contract.descriptor.get("title", contract.name))
        book.properties.version = contract.version
        book.save(plain)
    except BaseException as error:
        _let_go(book)
        if not isinstance(error, lxml_errors):
            raise
        code = getattr(errno, str(error).removeprefix("IO_"), None)
        raise OSError(code or errno.EIO, os.strerror(code) if code else str(error)) from None
    _without_times(plain, file, str(contract.descriptor.get("created", "1980-01-01T00:00:00Z")))


def _let_go(book: Workbook) -> None:
    """Close unfinished sheets, for which the garbage collector would print errors."""
    sheet: Any
    for sheet in book.worksheets:
        for generator in (sheet._rows, sheet._writer and sheet._writer.xf):
            with suppress(Exception):
                generator.close()


def _check_sheet(resource: Resource, table: pa.Table) -> None:
    """Refuse what Excel cannot hold: openpyxl would cut off long text."""
    import pyarrow.compute as pc

    instead = "export to sqlite or duckdb instead"
    if len(resource.name) > SHEET_NAME or table.num_rows >= SHEET_ROWS:
        raise GazadataError(
            f"{resource.name}: a sheet of Excel has a name of at most {SHEET_NAME} characters "
            f"and {SHEET_ROWS} rows; {instead}"
        )
    for field in resource.fields:
        column, where = table[field.name], f"{resource.name}.{field.name}"
        if field.type != "string":
            continue
        if (pc.max(pc.utf8_length(column)).as_py() or 0) > CELL_CHARACTERS:
            raise GazadataError(
                f"{where}: a cell of Excel has at most {CELL_CHARACTERS} characters; {instead}"
            )
        wrong = column.filter(pc.match_substring_regex(column, NOT_IN_XML))
        if len(wrong):
            raise GazadataError(
                f"{where}: Excel cannot hold the control character in {wrong[0].as_py()!r}; "
                f"{instead}"
            )


def _about(book: Workbook, package: Package) -> None:
    """The first sheet, which describes the workbook and its other sheets."""
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Alignment, Font

    contract = package.contract
    descriptor = contract.descriptor
    licences = [part for part in descriptor.get("licenses", []) if isinstance(part, dict)]
    sheet = book.create_sheet(_free("About", contract.resources))
    for letter, width in (("A", 18), ("B", 100), ("C", 10)):
        sheet.column_dimensions[letter].width = width
    lines: list[tuple[Any, ...]] = [
        ("Title", str(descriptor.get("title", contract.name))),
        ("Version", contract.version),
        ("Date", str(descriptor.get("created", ""))[:10]),
        ("About", str(descriptor.get("description", ""))),
        ("Licence", "; ".join(str(part.get("title", part.get("name"))) for part in licences)),
        ("Read only", "A copy for reading: changes are made in the package that it was made from."),
        ("Page", f"A row of a sheet is at {page_link('SHEET', 'KEY')} on the page of the release."),
        (),
        ("Sheet", "Holds", "Rows"),
    ]
    lines += [
        (resource.name, resource.description, package.table(resource.name).num_rows)
        for resource in contract.resources.values()
    ]
    for line in lines:
        cells = [WriteOnlyCell(sheet, _escaped(v) if isinstance(v, str) else v) for v in line]
        for number, cell in enumerate(cells):
            cell.alignment = Alignment(wrap_text=True, vertical="top")
            cell.font = Font(bold=line[0] == "Sheet" or (len(line) == 2 and number == 0))
            if cell.data_type != "n":
                cell.data_type = "s"
        sheet.append(cells)


def _widths(resource: Resource, table: pa.Table) -> Iterator[float]:
    """The width of each column in characters, enough for most of its cells."""
    import pyarrow.compute as pc

    for field in resource.fields:
        lengths = pc.utf8_length(table[field.name].cast("string")).drop_null()
        usual = pc.quantile(lengths, 0.9)[0].as_py() if len(lengths) else 0
        # The arrow of the filter covers the end of the name.
        yield min(max(len(field.name) + 4, usual + 2), WIDEST)


def _sheet(book: Workbook, resource: Resource, table: pa.Table) -> None:
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.comments import Comment
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    sheet = book.create_sheet(resource.name)
    sheet.freeze_panes = "A2"
    last = get_column_letter(len(resource.fields))
    sheet.auto_filter.ref = f"A1:{last}{table.num_rows + 1}"
    for number, width in enumerate(_widths(resource, table), start=1):
        sheet.column_dimensions[get_column_letter(number)].width = width
    header = []
    for field in resource.fields:
        cell = WriteOnlyCell(sheet, _escaped(field.name))
        cell.font = Font(bold=True)
        cell.comment = Comment(_escaped(field.description), "gazadata", height=120, width=300)
        header.append(cell)
    sheet.append(header)
    for row in _rows(table):
        sheet.append([_cell(sheet, value) for value in row])


def _cell(sheet: Any, value: Any) -> Cell | None:
    from openpyxl.cell import WriteOnlyCell

    if value is None:
        return None
    if isinstance(value, datetime.date) and value < FIRST_DATE:
        value = value.isoformat()
    if isinstance(value, int) and abs(value) > EXACT_INTEGER:
        value = str(value)
    if isinstance(value, str):
        value = _escaped(value)
    cell = WriteOnlyCell(sheet, value)
    if isinstance(value, str):
        # Text even if it looks like a formula or an error, and even after an edit.
        cell.data_type = "s"
        cell.number_format = "@"
    return cell


def _escaped(text: str) -> str:
    """Text that Excel shows as `text`."""
    return ESCAPE.sub("_x005F_", text)


def _without_times(plain: Path, file: Path, created: str) -> None:
    """Copy a workbook with the package's time for the time at which it was saved."""
    times = re.compile(rb"(<dcterms:(?:created|modified)[^>]*>)[^<]*")
    with zipfile.ZipFile(plain) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "docProps/core.xml":
                content = times.sub(rb"\g<1>" + created.encode("ascii"), content)
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o100644 << 16
            new.writestr(entry, content)
