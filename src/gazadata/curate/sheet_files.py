"""Sheets as files, beside the JSON Schema that their first line names; and packets for coders."""

from __future__ import annotations

from pathlib import Path

from gazadata import atomic
from gazadata.curate.apply import apply_sheet
from gazadata.curate.codebook import codebook
from gazadata.curate.layout import coded_tables
from gazadata.curate.record import Record
from gazadata.curate.sheet_read import read_sheet
from gazadata.curate.sheet_schema import sheet_schema
from gazadata.curate.sheet_write import SCHEMA, print_sheet
from gazadata.curate.tables import read_bytes
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
        return not apply_sheet(record, read_sheet(path, record.contract)).lines
    except GazadataError:
        return False


def write_packet(record: Record, source: str, folder: Path) -> list[Path]:
    """Write a packet for a blind coder to a new folder; return its files.

    It has the article's text, the manual, the codebook and an empty sheet, but no rows.

    Raises:
        UnknownName: the source does not exist.
        ReadError: its text or the manual cannot be read.
        GazadataError: the folder exists.
    """
    if folder.exists():
        raise GazadataError(f"{folder} already exists; name another folder")
    text = record.text(source)
    manual = read_bytes(record.package.root / "docs" / "manual.md")
    # Without rows, so that no name or key of the tables gets into the comments either.
    emptied = [resource.name for resource in coded_tables(record.contract)]
    blank = record.changed({name: [] for name in (*emptied, "quotes", "evidence")})
    sheet = print_sheet(blank, source)
    contents = {
        f"{source}.txt": text.encode("utf-8"),
        "manual.md": manual,
        "codebook.md": codebook(record.contract, examples=False).encode("utf-8"),
        "sheet.yaml": sheet[: sheet.rindex("\nstate:")].encode("utf-8"),
        SCHEMA: sheet_schema(record.contract).encode("utf-8"),
    }
    folder.mkdir(parents=True)
    for name, content in contents.items():
        atomic.replace(folder / name, content)
    return [folder / name for name in contents]
