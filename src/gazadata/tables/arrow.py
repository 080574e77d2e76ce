"""The contract as Arrow: schemas compiled from it, and tables read with them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa

from gazadata import sniff
from gazadata.contract import Contract, Resource
from gazadata.errors import ReadError

TYPES = {
    "string": pa.string(),
    "integer": pa.int64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
}


def arrow_schema(resource: Resource) -> pa.Schema:
    """The Arrow schema of a resource: names, types, nullability, and descriptions as metadata."""
    return pa.schema(
        [
            pa.field(
                field.name,
                TYPES[field.type],
                nullable=not field.required,
                metadata={"title": field.title, "description": field.description},
            )
            for field in resource.fields
        ],
        metadata={"title": resource.title, "description": resource.description},
    )


def released_schema(resource: Resource, contract: Contract) -> pa.Schema:
    """The Arrow schema of a table in a release, with the package and its version as metadata."""
    schema = arrow_schema(resource)
    own = {"package": contract.name, "version": contract.version}
    return schema.with_metadata({**(schema.metadata or {}), **own})


EPOCH = date(1970, 1, 1).toordinal()
FIRST_DAY, LAST_DAY = date.min.toordinal() - EPOCH, date.max.toordinal() - EPOCH
"""The range of Python's dates, in Arrow's day numbers."""


def read_table(path: Path, resource: Resource, *, text: bool = False) -> pa.Table:
    """Read a CSV or Parquet file with the contract's types; with `text`, all cells as strings.

    Raises:
        ReadError: the file is missing, its columns are not the contract's, or a cell does not
            have the contract's type.
    """
    schema = arrow_schema(resource)
    if text:
        schema = pa.schema([pa.field(name, pa.string()) for name in schema.names])
    try:
        if path.suffix == ".parquet":
            import pyarrow.parquet as pq

            table = pq.read_table(path.absolute(), partitioning=None)
        else:
            table = _read_csv(path, schema)
        if table.column_names != schema.names:
            raise ReadError(
                f"{path}: the columns are {', '.join(table.column_names)}; "
                f"expected {', '.join(schema.names)}"
            )
        if table.schema.types != schema.types:
            # Only if needed: what pyarrow imports for a cast takes longer than most tables.
            table = table.cast(pa.schema(zip(schema.names, schema.types, strict=True)))
        for name, column in zip(schema.names, table.columns, strict=True):
            _check_years(path, name, column)
        return pa.Table.from_arrays(table.columns, schema=schema)
    except (OSError, ReadError, UnicodeDecodeError, pa.ArrowException) as error:
        raise _unread(path, resource, error) from None


def _unread(path: Path, resource: Resource, error: Exception) -> ReadError:
    """Why a table cannot be read; if something else is in its place, what that is."""
    if other := sniff.table(path, resource.field_names):
        return ReadError(f"{path}:{other.line}: found {other}")
    if isinstance(error, ReadError):
        return error
    if isinstance(error, FileNotFoundError):
        there = [file.name for file in path.parent.iterdir()] if path.parent.is_dir() else []
        same = next((name for name in there if name.casefold() == path.name.casefold()), None)
        hint = f"; did you mean {same!r}?" if same else ""
        return ReadError(f"{path}: no such file, though the descriptor lists it{hint}")
    if isinstance(error, UnicodeDecodeError):
        return ReadError(f"{path}:1: the header is not UTF-8; save the file as UTF-8")
    if isinstance(error, OSError) and not isinstance(error, pa.ArrowException):
        return ReadError(f"{path}: cannot be read: {error}")
    return ReadError(f"{path}: {error}; `gazadata validate` names the cell and the remedy")


def _check_years(path: Path, name: str, column: pa.ChunkedArray) -> None:
    """Refuse dates that Python, pandas and the standard do not support.

    Raises:
        ReadError: the year is not from 1 to 9999.
    """
    if column.type != pa.date32():
        return
    before = 0
    for chunk in column.chunks:
        # Not with pyarrow.compute, whose import takes longer than reading most tables.
        days = memoryview(chunk.buffers()[1]).cast("i")[chunk.offset : chunk.offset + len(chunk)]
        if days and not (min(days) >= FIRST_DAY and max(days) <= LAST_DAY):
            for number, day in enumerate(days):
                # The buffer holds arbitrary values where a cell is empty.
                if not FIRST_DAY <= day <= LAST_DAY and chunk[number].is_valid:
                    raise ReadError(
                        f"{path}: {name} of row {before + number + 1} is a date outside the years "
                        "0001 to 9999; correct it, or empty the cell"
                    )
        before += len(chunk)


def _read_csv(path: Path, schema: pa.Schema) -> pa.Table:
    from pyarrow import csv

    return csv.read_csv(
        path.absolute(),
        # Cells may hold line feeds; without this, a block of the file could end inside a cell.
        parse_options=csv.ParseOptions(newlines_in_values=True),
        convert_options=csv.ConvertOptions(
            column_types=schema,
            null_values=[""],
            true_values=["true"],
            false_values=["false"],
            strings_can_be_null=True,
        ),
    )


def rows_of(table: pa.Table) -> Iterator[list[Any]]:
    """The rows of a table as Python values, a few at a time."""
    for batch in table.to_batches(max_chunksize=10_000):
        for row in batch.to_pylist():
            yield list(row.values())
