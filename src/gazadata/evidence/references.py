"""Notes that name a row of a file in reference/, and the column in which a value is looked up."""

from __future__ import annotations

from collections.abc import Iterable

FOLDER = "reference/"

FORM = f"Row NAME of {FOLDER}FILE.csv"
"""How a note begins, for messages."""

FILE = rf"\b{FOLDER}([A-Za-z0-9_-][A-Za-z0-9._-]*\.csv)\b"
"""A file as it is named in a note, for Python and for Polars."""

NOTE = rf"^Row (.+?) of {FILE}"
"""The beginning of a note, with the name of the row and that of the file."""


def row_note(name: str, file: str) -> str:
    """The note that names a row of a file and nothing else."""
    return f"Row {name} of {FOLDER}{file}."


def column_for(field: str, names: Iterable[str]) -> str | None:
    """The column for a field: the one with its name, or with the longest ending of its name.

    The column iso3 is also for the field location_iso3.
    """
    ends = [name for name in names if field == name or field.endswith(f"_{name}")]
    return max(ends, key=len, default=None)
