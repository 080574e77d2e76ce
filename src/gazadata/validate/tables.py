"""The tables as Polars frames, and what is found while every row of a file is read once."""

from __future__ import annotations

import io
from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Literal

import polars as pl

from gazadata.contract import Field, Resource
from gazadata.validate.diagnostics import LONGEST, Diagnostic, Report
from gazadata.validate.split import cells

LINE = "__line"
"""The column that holds each row's line in its file (a Parquet file's rows count from 1)."""

ILL = "__ill"
"""Before a field's name: whether its cell is null since it holds what is not of its type."""

BATCH = 500_000
"""Rows held at a time: measured as the fastest that keeps 10 million rows under 1 GiB."""

ROW_GROUP = 100_000
"""Rows of a row group of a table that is kept in a file."""

UNHYPHENED = ("evidence", "passages")
"""Resources whose keys are made from other keys, which are compared already."""

_SHOWN = 10_000
_ROW_LINES = 100
_ROW_BYTES = 1 << 16
"""How much of an odd line is kept, and how far the end of a row with line breaks is looked for."""

INTEGER = r"^(0|-?[1-9][0-9]*)$"
DATE = r"^([0-9]{3}[1-9]|[0-9]{2}[1-9]0|[0-9][1-9]00|[1-9]000)-[0-9]{2}-[0-9]{2}$"
"""With a year from 0001 on, as Python's dates and the standard's other readers have."""


@dataclass
class Tables:
    """The frames that the rules look at: only tables whose every line is a row are in it."""

    root: Path
    resources: dict[str, Resource]
    paths: dict[str, Path]
    folder: Path
    """For what is put by while the rules run."""
    listed: Set[str] = frozenset()
    """The tables that the package has or is to have, whether they can be read or not."""
    rows: dict[str, int] = field(default_factory=dict)
    own: dict[str, pl.Series] = field(default_factory=dict)
    """The lines that the rules look at, of tables of which other rows are there to be looked up."""
    textless: dict[str, str] = field(default_factory=dict)
    """The sources whose text could not be read, by the hash that they give."""
    references: dict[str, Report] = field(default_factory=dict)
    """What was found in each file of reference/ itself."""
    _strings: dict[str, pl.LazyFrame] = field(default_factory=dict)
    _held: dict[str, pl.DataFrame] = field(default_factory=dict)
    _files: dict[str, list[Path]] = field(default_factory=dict)

    def add(self, name: str, rows: int) -> None:
        """Take in a table of which all batches, with `rows` rows in all, were put by."""
        self._strings[name] = self.kept(name)
        self.rows[name] = rows

    def put(self, name: str, frame: pl.DataFrame) -> None:
        """Put by the next batch of a table: in memory if it is the only one, else in a file.

        Every query reads a larger table anew, streamed: 8 million rows of evidence from Parquet
        in 0.4 s, or in 0.1 s those for one resource, as row groups without it are passed over;
        from CSV in 1.9 s.
        """
        first = self._held.pop(name, None)
        files = self._files.get(name, [])
        if first is None and not files:
            self._held[name] = frame
            return
        for part in (frame,) if first is None else (first, frame):
            files.append(self.folder / f"{name}.{len(files)}.parquet")
            part.write_parquet(files[-1], compression="lz4", row_group_size=ROW_GROUP)
        self._files[name] = files

    def kept(self, name: str) -> pl.LazyFrame:
        """All that was put by under a name, in its order."""
        if name in self._held:
            return self._held[name].lazy()
        return pl.scan_parquet(self._files[name], glob=False)

    def shown(self, name: str) -> str:
        """The file of a table as findings name it."""
        return self.paths[name].relative_to(self.root).as_posix()

    def finding(
        self,
        code: str,
        resource: Resource,
        row: dict[str, Any],
        field: str,
        found: str | None,
        expected: str,
    ) -> Diagnostic:
        """A finding about a cell of a row, which has at least its key and its `LINE`."""
        return Diagnostic.of(
            code,
            self.shown(resource.name),
            row[LINE],
            resource=resource.name,
            row_id=row[resource.key],
            field=field,
            found=found and found[:LONGEST],
            expected=expected,
        )

    @property
    def engine(self) -> Literal["streaming", "in-memory"]:
        """How to collect: for tables that are held in memory streaming takes twice the time."""
        return "streaming" if self._files else "in-memory"

    def __contains__(self, name: str) -> bool:
        return name in self._strings

    def asked(self, name: str) -> pl.Expr:
        """Whether the rules look at a row of a table."""
        if name in self.own:
            return pl.col(LINE).is_in(self.own[name].implode())
        return pl.repeat(True, pl.len())

    def unread(self, name: str) -> bool:
        """Whether a table is listed and not here: of what has no row in it nothing can be said."""
        return name in self.listed and name not in self

    def strings(self, name: str) -> pl.LazyFrame:
        """Every cell as it is written, null where it is empty, and the column `LINE`."""
        return self._strings[name]

    def typed(self, name: str) -> pl.LazyFrame:
        """The cells in the contract's types, null where one is not of its field, and `LINE`."""
        fields = [field for field in self.resources[name].fields if field.type != "string"]
        values = [
            typed(field)
            if field.minimum is None
            else pl.when(typed(field) >= field.minimum).then(typed(field)).alias(field.name)
            for field in fields
        ]
        ill = [
            (pl.col(field.name).is_not_null() & value.is_null()).alias(f"{ILL}{field.name}")
            for field, value in zip(fields, values, strict=True)
        ]
        return self._strings[name].with_columns(*values, *ill)


def strings(path: Path, resource: Resource) -> pl.LazyFrame:
    """A file's cells as strings, null where empty, with the column `LINE`."""
    names = list(resource.field_names)
    if path.suffix == ".parquet":
        return (
            pl.scan_parquet(path.absolute(), glob=False)
            .select(pl.col(names).cast(pl.String))
            .with_row_index(LINE, offset=1)
        )
    return pl.scan_csv(
        path.absolute(),
        glob=False,
        schema=dict.fromkeys(names, pl.String),
        null_values=[""],
        row_index_name=LINE,
        row_index_offset=2,
    )


def typed(field: Field) -> pl.Expr:
    """A column of strings in the field's type; null where the text is not one of that type.

    Polars' own casts take more than the standard does (`+1`, `2025-1-1`), so the text's form is
    held against the standard's first.
    """
    column = pl.col(field.name)
    if field.type == "integer":
        value = pl.when(column.str.contains(INTEGER)).then(column).cast(pl.Int64, strict=False)
    elif field.type == "boolean":
        value = pl.when(column == "true").then(True).when(column == "false").then(False)
    elif field.type == "date":
        dated = pl.when(column.str.contains(DATE)).then(column)
        value = dated.str.to_date("%Y-%m-%d", strict=False)
    else:
        value = column
    return value.alias(field.name)


@dataclass(frozen=True)
class Line:
    """A line of a file that is not, or not canonically, a row."""

    number: int
    text: str
    cells: int | None
    """How many cells it has; None where it cannot be split."""
    breaks: int = 0
    """How many line breaks stand within cells of the row that begins here."""


def batches(path: Path, resource: Resource) -> Iterator[tuple[pl.DataFrame, list[Line]]]:
    """Read a file to its end: each batch of rows, and its lines that differ from its rows.

    A file can hold rows that no reader agrees on (cells too few, needless quotes, blank lines);
    writing each batch again and comparing bytes finds them all.

    Raises:
        pl.exceptions.PolarsError: the file cannot be split into rows; use `lines` then.
        ValueError: a cell holds a line break, so that lines are not rows; use `lines` then.
    """
    frames = strings(path, resource).collect_batches(chunk_size=BATCH, maintain_order=True)
    if path.suffix == ".parquet":
        for frame in frames:
            yield frame, []
        return
    with path.open("rb") as file:
        file.readline()
        number = 2
        for frame in frames:
            number += frame.height
            buffer = io.BytesIO()
            frame.drop(LINE).write_csv(buffer, include_header=False)
            again = buffer.getvalue()
            at = file.tell()
            odd = []
            if again.count(b"\n") != frame.height:
                raise ValueError("a cell holds a line break")
            if file.read(len(again)) != again:
                file.seek(at)
                there = b"".join(islice(file, frame.height))
                first = frame[LINE][0]
                for n, (a, b) in enumerate(
                    zip(there.split(b"\n"), again.split(b"\n"), strict=False)
                ):
                    if a != b:
                        text = a.decode("utf-8", "replace")
                        odd.append(Line(first + n, text, cells(text)))
            yield frame, odd
        for at, extra in enumerate(file, start=number):
            text = extra.decode("utf-8", "replace").rstrip("\n")
            none = pl.DataFrame(schema=dict.fromkeys((LINE, *resource.field_names), pl.String))
            yield none, [Line(at, text, cells(text))]


def lines(path: Path, width: int) -> Iterator[Line]:
    """Every line of a CSV file that does not split into `width` cells (slow, by line)."""
    with path.open("rb") as file:
        file.readline()
        number = 1
        while raw := file.readline():
            number += 1
            if raw.count(b",") == width - 1 and b'"' not in raw:
                continue
            text = raw.decode("utf-8", "replace").rstrip("\r\n")
            count = cells(text)
            if count is None and (more := _broken(file, raw, width)):
                yield Line(number, text[:_SHOWN], None, breaks=more)
                number += more
            elif count != width:
                yield Line(number, text[:_SHOWN], count)


def _broken(file: BinaryIO, first: bytes, width: int) -> int:
    """How many more lines belong to a row that has line breaks in its cells; 0 where it is none.

    They are passed over; otherwise the file is left where it was.
    """
    at = file.tell()
    row, quotes = [first], first.count(b'"')
    while quotes % 2 and len(row) <= _ROW_LINES and (raw := file.readline(_ROW_BYTES)):
        row.append(raw)
        quotes += raw.count(b'"')
    if cells(b"".join(row).decode("utf-8", "replace").rstrip("\r\n")) == width:
        return len(row) - 1
    file.seek(at)
    return 0
