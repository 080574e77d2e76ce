"""Reading a table as a person left it: cells as text, and the line each row begins on."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gazadata import sniff
from gazadata.contract import Resource
from gazadata.errors import ReadError
from gazadata.text import clean


@dataclass(frozen=True)
class Row:
    """A row: its cells by field name ('' is null), and its first line in the file, from 1."""

    line: int
    cells: dict[str, str]


@dataclass(frozen=True)
class Table:
    """A table's file: its bytes on disk, and its rows in the file's order."""

    resource: Resource
    path: Path
    content: bytes
    rows: list[Row]


def read_table(path: Path, resource: Resource) -> Table:
    """Read a CSV file whose columns are the schema's, in any order.

    A byte order mark, any line ends, blank lines between rows and any quoting are accepted. Cells
    are returned in NFC with LF and otherwise unchanged, as text.

    Raises:
        ReadError: the file is missing or unreadable, is Parquet, is not UTF-8, has a NUL
            character, an unclosed quote, a ragged row, or other columns than the schema's; the
            text names the line.
    """
    if path.suffix == ".parquet":
        raise ReadError(
            f"{path}: expected CSV; this command is for tables that people edit, and Parquet files "
            "can only be validated, with `gazadata validate`"
        )
    content = read_bytes(path)
    found = records(path, content)
    expected = list(resource.field_names)
    line, header = next(found, (1, []))
    if sorted(header) != sorted(expected):
        _refuse_other(path, sniff.table(path, expected))
        raise ReadError(
            f"{path}:{line}: the columns differ from the schema's{_difference(header, expected)}; "
            f"found {', '.join(header) or 'none'}; expected {', '.join(expected)}"
        )
    rows = []
    for line, cells in found:
        if len(cells) != len(header):
            _refuse_other(path, sniff.conflict(content.splitlines()))
            hint = (
                "put double quotes around cells that contain a comma"
                if len(cells) > len(header)
                else "write a comma for each empty cell, too"
            )
            raise ReadError(
                f"{path}:{line}: the row has {_count(len(cells), 'cell')}, but the header has "
                f"{len(header)}; {hint}"
            )
        rows.append(Row(line, {name: clean(c) for name, c in zip(header, cells, strict=True)}))
    return Table(resource, path, content, rows)


def offset(cell: str) -> int | None:
    """The offset in a cell; None if it is empty, or not a whole number from 0."""
    # No text is that long, and int() refuses numbers of 4,300 digits.
    if cell.isascii() and cell.isdigit() and len(cell) <= 18:
        return int(cell)
    return None


def read_bytes(path: Path) -> bytes:
    """Read a whole file.

    Raises:
        ReadError: it is missing or cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        _refuse_other(path, sniff.absent(path))
        raise ReadError(f"{path}: no such file") from None
    except OSError as error:
        raise ReadError(f"{path}: cannot be read: {error.strerror}") from None


def _refuse_other(path: Path, other: sniff.Other | None) -> None:
    if other:
        raise ReadError(f"{path}:{other.line}: found {other}")


# Python's default limit, 131,072 characters, is less than a cell may hold.
csv.field_size_limit((1 << 31) - 1)


def decode(path: Path, content: bytes) -> str:
    """Decode `content`, the bytes of `path`.

    Raises:
        ReadError: it is not UTF-8 or has a NUL character; the text names line and column.
    """
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        _refuse_other(path, sniff.content(content))
        found = f"not UTF-8: the byte 0x{content[error.start]:02x}; save the file as UTF-8"
        before = content[: error.start].decode("utf-8")
        raise refusal(path, before, found) from None
    if (at := text.find("\0")) >= 0:
        raise refusal(path, text[:at], "a NUL character; remove it")
    return text


def place_after(text: str) -> tuple[int, int]:
    """The line and the column, both from 1, of what follows a text."""
    return text.count("\n") + 1, len(text) - text.rfind("\n")


def refusal(path: Path, before: str, why: str) -> ReadError:
    """Why a file cannot be read, with the place after the text `before`."""
    line, column = place_after(before)
    return ReadError(f"{path}:{line}:{column}: {why}")


def records(path: Path, content: bytes) -> Iterator[tuple[int, list[str]]]:
    """The records of a CSV file that are not blank, each with the line it begins on.

    Raises:
        ReadError: `content`, the bytes of `path`, is not UTF-8, has a NUL character or an unclosed
            quote; the text names the line.
    """
    text = decode(path, content).removeprefix("\ufeff")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise ReadError(
                f"{path}:{line}: cannot read the row that begins here: {error}; close every "
                "double quote, and double those inside a cell"
            ) from None
        if cells:
            yield line, cells


def _difference(header: list[str], expected: list[str]) -> str:
    parts = [
        ("missing", [name for name in expected if name not in header]),
        ("unknown", [name for name in dict.fromkeys(header) if name not in expected]),
        ("repeated", [name for name in dict.fromkeys(header) if header.count(name) > 1]),
    ]
    return "".join(f"; {kind}: {', '.join(map(repr, names))}" for kind, names in parts if names)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
