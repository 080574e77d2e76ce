"""A release as one file: SQLite, DuckDB or an Excel workbook.

Keys, types and constraints are compiled from the contract. The package is not validated first: if
it breaks its own contract, the constraints refuse it.
"""

from __future__ import annotations

import json
import os
import sqlite3
import tempfile
from pathlib import Path
from typing import Literal, get_args

from gazadata.errors import GazadataError, UnknownName
from gazadata.package import Package
from gazadata.release.manifest import check_outside
from gazadata.release.sides import side
from gazadata.release.sql import datasette_metadata, write_duckdb, write_sqlite

Format = Literal["sqlite", "duckdb", "xlsx"]
# The suffixes of the files that hold changes not yet in the database file.
LOGS: dict[Format, tuple[str, ...]] = {
    "sqlite": ("-wal", "-journal"),
    "duckdb": (".wal",),
    "xlsx": (),
}


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
        file: the file to write.
        stores: the stores to look for versions in; None: those of GAZADATA_STORE or gazadata.lock.
        force: replace the file if it exists.

    Returns:
        The files that were written, `file` first.

    Raises:
        UnknownName: the format is unknown.
        GazadataError: the file exists or cannot be written; the tables break their own keys or
            constraints; or Excel cannot hold them.
        ReadError, ContractError: the package cannot be read.
        StoreError: it is a damaged release.
        MissingExtra: the library for the format is not installed.
    """
    if to not in get_args(Format):
        raise UnknownName("export format", to, list(get_args(Format)))
    if not file.name or file.is_dir():
        raise GazadataError(f"{file} is a folder; name the file to write")
    check_outside(file)
    if to == "duckdb" and "?" in str(file.absolute()):
        raise GazadataError(
            f"{file}: DuckDB reads everything after a ? in a path as options; write to another "
            "path and move the file afterwards"
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
                write_sqlite(package, made)
                document = json.dumps(datasette_metadata(package.contract, file.stem), indent=2)
                (made.with_name(metadata.name)).write_text(f"{document}\n", encoding="utf-8")
            elif to == "duckdb":
                write_duckdb(package, made)
            else:
                from gazadata.release.workbook import write_workbook

                write_workbook(package, made)
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
