"""Sheets as files, beside the JSON Schema that their first line names."""

from __future__ import annotations

from pathlib import Path

from gazadata import atomic
from gazadata.curate.apply import apply_sheet
from gazadata.curate.coding import read_sheet
from gazadata.curate.record import Record
from gazadata.curate.sheet import SCHEMA
from gazadata.curate.sheet_schema import sheet_schema
from gazadata.errors import GazadataError


def write_sheet(record: Record, path: Path, text: str) -> list[Path]:
    """Write a sheet and its schema; return the files.

    Raises:
        GazadataError: the file exists, and not all of it is in the tables.
    """
    if path.exists() and not _is_applied(record, path):
        raise GazadataError(
            f"{path} already exists, and not all of it is in the tables; apply it first, or name "
            "another file"
        )
    schema = path.with_name(SCHEMA)
    atomic.replace(schema, sheet_schema(record.contract).encode("utf-8"))
    # A link stays one; what it points to is replaced.
    atomic.replace(path.resolve(), text.encode("utf-8"))
    return [path, schema]


def _is_applied(record: Record, path: Path) -> bool:
    try:
        return not apply_sheet(record, read_sheet(path, record.contract)).changes
    except GazadataError:
        return False
