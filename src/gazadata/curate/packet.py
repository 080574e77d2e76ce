"""The packet for a blind coder: text, manual, codebook and an empty sheet, but no rows."""

from __future__ import annotations

from pathlib import Path

from gazadata import atomic
from gazadata.curate.codebook import codebook
from gazadata.curate.layout import coded_tables
from gazadata.curate.record import Record
from gazadata.curate.sheet import SCHEMA, print_sheet
from gazadata.curate.sheet_schema import sheet_schema
from gazadata.curate.tables import read_bytes
from gazadata.errors import GazadataError


def write_packet(record: Record, source: str, folder: Path) -> list[Path]:
    """Write the packet of an article to a new folder; return its files.

    Raises:
        UnknownName: there is no such source.
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
