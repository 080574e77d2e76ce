"""The contract as Arrow: schemas compiled from it, and tables read with them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from gazadata import sniff
from gazadata.contract import Contract, Resource
from gazadata.errors import ReadError

if TYPE_CHECKING:
    from pyarrow import csv

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
    """The Arrow schema of a table of a release, which also says of which."""
    schema = arrow_schema(resource)
    own = {"package": contract.name, "version": contract.version}
    return schema.with_metadata({**(schema.metadata or {}), **own})


EPOCH = date(1970, 1, 1).toordinal()
FIRST_DAY, LAST_DAY = date.min.toordinal() - EPOCH, date.max.toordinal() - EPOCH
"""The days that Python knows, counted as Arrow counts them."""


def read_table(path: Path, resource: Resource, *, text: bool = False) -> pa.Table:
    """Read a CSV or Parquet file as the contract types it; with `text` all cells as strings.

    Raises:
        ReadError: the file is missing, its columns are not the contract's, or a cell does not
            have the type that the contract states.
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
            # Only then: for a cast pyarrow imports what takes longer than reading most tables.
            table = table.cast(pa.schema(zip(schema.names, schema.types, strict=True)))
        for name, column in zip(schema.names, table.columns, strict=True):
            _check_years(path, name, column)
        return pa.Table.from_arrays(table.columns, schema=schema)
    except (OSError, ReadError, UnicodeDecodeError, pa.ArrowException) as error:
        raise _unread(path, resource, error) from None


def _unread(path: Path, resource: Resource, error: Exception) -> ReadError:
    """Why a table cannot be read, by what is in its place where that can be told."""
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
    """Refuse dates that Python, pandas and the standard do not have.

    Raises:
        ReadError: the year is not from 1 to 9999.
    """
    if column.type != pa.date32():
        return
    before = 0
    for chunk in column.chunks:
        # Not by pyarrow.compute, which takes longer to import than most tables to read.
        days = memoryview(chunk.buffers()[1]).cast("i")[chunk.offset : chunk.offset + len(chunk)]
        if days and not (min(days) >= FIRST_DAY and max(days) <= LAST_DAY):
            for number, day in enumerate(days):
                # What lies where a cell is empty means nothing.
                if not FIRST_DAY <= day <= LAST_DAY and chunk[number].is_valid:
                    raise ReadError(
                        f"{path}: {name} of row {before + number + 1} is a date outside of the "
                        "years 0001 to 9999; correct it, or empty the cell"
                    )
        before += len(chunk)


def batches(path: Path, resource: Resource) -> Iterator[pa.RecordBatch]:
    """A CSV file as the contract types it, a batch of rows at a time.

    Raises:
        ReadError: a cell does not have the type that the contract states.
    """
    from pyarrow import csv

    try:
        yield from csv.open_csv(
            path.absolute(),
            parse_options=_parsing(),
            convert_options=_options(arrow_schema(resource)),
        )
    except (pa.ArrowInvalid, OSError) as error:
        raise ReadError(f"{path}: {error}") from None


def _read_csv(path: Path, schema: pa.Schema) -> pa.Table:
    from pyarrow import csv

    return csv.read_csv(path.absolute(), parse_options=_parsing(), convert_options=_options(schema))


def _parsing() -> csv.ParseOptions:
    from pyarrow import csv

    # A cell may hold line feeds, and without this a block of the file could end within it.
    return csv.ParseOptions(newlines_in_values=True)


def _options(schema: pa.Schema) -> csv.ConvertOptions:
    from pyarrow import csv

    return csv.ConvertOptions(
        column_types=schema,
        null_values=[""],
        true_values=["true"],
        false_values=["false"],
        strings_can_be_null=True,
    )
