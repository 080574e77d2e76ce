"""Read every row of a table once, and check the form and the order of its lines."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import polars as pl
from polars import col

from gazadata.contract import Resource
from gazadata.sniff import CONFLICT, MARKERS
from gazadata.validate.diagnostics import LONGEST, Diagnostic, Report
from gazadata.validate.files import of_line
from gazadata.validate.rules import rule
from gazadata.validate.split import cells
from gazadata.validate.tables import BATCH, LINE, Tables, of_cell, strings

_SHOWN = 10_000
_ROW_LINES = 100
_ROW_BYTES = 1 << 16
"""How much of an odd line is kept, and how far to look for the end of a row with line breaks."""


rule(
    "GD106",
    title="table has no rows",
    reason="Checks of an empty table prove nothing.",
    example="a table that has only a header",
    remedy="Restore the rows, or remove the table from the package.",
    unit="tables",
)


def sweep(resource: Resource, tables: Tables, report: Report, limit: int) -> int | None:
    """Read every row of a table once, and store it.

    Returns:
        How many rows it has; None if it has none or cannot be split into rows.
    """
    path, shown = tables.paths[resource.name], tables.shown(resource.name)
    width, form = len(resource.fields), LineChecks(resource, shown, limit)
    try:
        for frame, odd in batches(path, resource):
            form.check(frame, odd)
            if path.suffix == ".parquet":
                frame = form.emptied(frame)  # noqa: PLW2901
            if frame.height:
                tables.put(resource.name, frame)
    except (pl.exceptions.PolarsError, ValueError) as error:
        bad = ragged(path, shown, resource, report, limit) if path.suffix != ".parquet" else 0
        if not bad:
            what = f"a file that cannot be read: {str(error).splitlines()[0][:200]}"
            if path.suffix == ".parquet":
                report.add(_damaged(shown, resource, what))
            else:
                report.add(of_line("GD107", shown, resource, 1, what, f"{width} cells per row"))
        report.count("GD107", form.rows + bad, bad)
        return None
    form.report(report)
    if form.ragged:
        return None
    report.count("GD106", 1)
    if not form.rows:
        report.add(no_rows(shown, resource))
    return form.rows or None


def no_rows(shown: str, resource: Resource) -> Diagnostic:
    """The finding of a table that has no rows."""
    return of_line("GD106", shown, resource, 1, "no rows", "at least one")


def ragged(path: Path, shown: str, resource: Resource, report: Report, limit: int) -> int:
    """Report the lines of a CSV file that are not rows; returns how many there are."""
    bad = 0
    again = lines(path, len(resource.fields))
    for bad, line in enumerate(_Conflicts().first(again), start=1):
        if bad <= limit:
            report.keep([_line(resource, shown, line)])
    return bad


rule(
    "GD108",
    title="table is not in canonical form",
    reason="With rows sorted by key and minimal quoting, a diff shows only what changed.",
    example='"pakistan" in quotation marks; a row appended at the end',
    remedy="Run `gazadata fmt`.",
    severity="warning",
)


class LineChecks:
    """Checks, batch by batch, that the lines of a file are rows in canonical form."""

    def __init__(self, resource: Resource, shown: str, limit: int) -> None:
        self.rows, self.ragged = 0, 0
        self._odd, self._unsorted = 0, 0
        self._resource, self._shown, self._limit = resource, shown, limit
        self._conflicts = _Conflicts()
        self._before: str | None = None
        self._lines: list[Diagnostic] = []
        self._order: list[Diagnostic] = []

    def check(self, frame: pl.DataFrame, odd: list[Line]) -> None:
        """Check the next batch of rows, and the lines that differ from them."""
        resource, shown, limit = self._resource, self._shown, self._limit
        self.rows += frame.height
        for line in self._conflicts.first(odd):
            whole = line.cells == len(resource.fields)
            self.ragged, self._odd = self.ragged + (not whole), self._odd + whole
            if max(self.ragged, self._odd) <= limit:
                self._lines.append(_line(resource, shown, line))
        if frame.height == 0:
            return
        for rows, found, remedy in _not_rows(frame, resource, [line.number for line in odd]):
            self.ragged += rows.height
            for number in rows.head(limit)[LINE]:
                self._lines.append(
                    of_line("GD107", shown, resource, number, found, _cells(resource), help=remedy)
                )
        keys = frame[resource.key]
        before = self._before
        above = keys.shift(1, fill_value=before) if before is not None else keys.shift(1)
        disorder = frame.filter((keys < above).fill_null(False))
        self._unsorted += disorder.height
        for row in disorder.head(limit).iter_rows(named=True):
            key = row[resource.key]
            self._order.append(
                of_cell("GD108", shown, resource, row, resource.key, key, "rows sorted by key")
            )
        self._before = keys[-1]

    def emptied(self, frame: pl.DataFrame) -> pl.DataFrame:
        """A batch of a Parquet file with its empty strings, which are reported, replaced by null.

        In a required field, another rule reports them as missing values.
        """
        for field in (one for one in self._resource.fields if not one.required):
            empty = frame.filter(col(field.name) == "")
            self._odd += empty.height
            for row in empty.head(self._limit).iter_rows(named=True):
                one = of_cell(
                    "GD108", self._shown, self._resource, row, field.name, "",
                    "null for an empty cell", help="Write null instead of an empty string.",
                )  # fmt: skip
                self._lines.append(one)
        return frame.with_columns(
            pl.when(col(f.name) != "").then(col(f.name)) for f in self._resource.fields
        )

    def report(self, report: Report) -> None:
        """Report what was found; the order of rows only if every line is a row."""
        report.count("GD107", self.rows, self.ragged)
        report.count("GD108", self.rows, self._odd + (0 if self.ragged else self._unsorted))
        report.keep(self._lines if self.ragged else self._lines + self._order)


class _Conflicts:
    """Merge conflicts among the lines of a file; each counts as one mistake."""

    def __init__(self) -> None:
        self.within = False

    def first(self, found: Iterable[Line]) -> Iterator[Line]:
        """Lines, except the markers after the first one of a conflict."""
        for line in found:
            marker = line.text[:7]
            follows = self.within and marker in MARKERS
            self.within = marker != MARKERS[-1] and (self.within or marker == MARKERS[0])
            if not follows:
                yield line


def _not_rows(
    frame: pl.DataFrame, resource: Resource, odd: list[int]
) -> Iterator[tuple[pl.DataFrame, str, str]]:
    """Lines with enough cells that are still not rows: which, what they are, and the remedy.

    Lines in `odd` are reported already.
    """
    key, names = frame[resource.key], resource.field_names
    if key.null_count():
        empty = frame.filter(
            ~col(LINE).is_in(odd), pl.all_horizontal(col(n).is_null() for n in names)
        )
        yield empty, "a row without a value", "Delete the line, or fill in its cells."
    if (key == resource.key).any():
        header = frame.filter(~col(LINE).is_in(odd), pl.all_horizontal(col(n) == n for n in names))
        yield header, "the header again", "Delete the line."


_COLUMNS = {
    "string": (pl.String, pl.Categorical, pl.Enum),
    "integer": (
        pl.String,
        pl.Int8,
        pl.Int16,
        pl.Int32,
        pl.Int64,
        pl.UInt8,
        pl.UInt16,
        pl.UInt32,
        pl.UInt64,
    ),
    "boolean": (pl.String, pl.Boolean),
    "date": (pl.String, pl.Date),
}
"""The Parquet types whose values have the form of the schema's type as strings."""


def columns(resource: Resource, tables: Tables, report: Report) -> bool:
    """Compare the columns of a Parquet file with the schema; returns whether rows can be read."""
    path, shown = tables.paths[resource.name], tables.shown(resource.name)
    wanted = list(resource.field_names)
    report.count("GD105", len(wanted))
    try:
        columns = pl.scan_parquet(path.absolute(), glob=False).collect_schema()
    except (pl.exceptions.PolarsError, OSError) as error:
        what = f"not a Parquet file: {str(error).splitlines()[0][:200]}"
        report.add(_damaged(shown, resource, what))
        return False
    if list(columns) != wanted:
        there = ", ".join(map(str, columns))[:LONGEST]
        fix = "Write the file with the schema's columns, in their order."
        report.add(of_line("GD105", shown, resource, 1, there, ", ".join(wanted), help=fix))
        return False
    wrong = [f for f in resource.fields if columns[f.name].base_type() not in _COLUMNS[f.type]]
    for field in wrong:
        there, asked = f"a column of type {columns[field.name]}", f"a column of type {field.type}"
        more = {"field": field.name, "help": f"Write the column {field.name} in the schema's type."}
        report.add(of_line("GD201", shown, resource, None, there, asked, **more))
    for code in ("GD103", "GD104", "GD112"):
        report.count(code, path.stat().st_size)
    return not wrong


def _cells(resource: Resource) -> str:
    return f"{len(resource.fields)} cells"


def _line(resource: Resource, shown: str, line: Line) -> Diagnostic:
    width = len(resource.fields)
    if line.cells == width:
        wanted = "the same row with minimal quoting"
        return of_line("GD108", shown, resource, line.number, line.text[:200], wanted)
    help_ = None
    if line.text[:7] in MARKERS:
        found, help_ = CONFLICT.what, CONFLICT.remedy
    elif line.breaks:
        found = f"a row with {line.breaks} line break{'s' * (line.breaks != 1)} in a cell"
    elif line.cells is None:
        found = "unbalanced quotation marks"
    elif not line.text:
        found, help_ = "a blank line", "Delete the line."
    else:
        found = f"{line.cells} cell{'s' * (line.cells != 1)}"
        if line.cells < width:
            help_ = "Write a comma for each empty cell, too."
    return of_line("GD107", shown, resource, line.number, found, _cells(resource), help=help_)


def _damaged(shown: str, resource: Resource, what: str) -> Diagnostic:
    """A finding about a Parquet file that cannot be read."""
    fix = "The file is damaged: write it again, or restore it."
    return of_line("GD107", shown, resource, 1, what, "a Parquet file", help=fix)


@dataclass(frozen=True)
class Line:
    """A line of a file that is not a row, or not a canonical one."""

    number: int
    text: str
    cells: int | None
    """How many cells it has; None if it cannot be split."""
    breaks: int = 0
    """How many line breaks are in the cells of the row that begins here."""


def batches(path: Path, resource: Resource) -> Iterator[tuple[pl.DataFrame, list[Line]]]:
    """Read a file to its end: each batch of rows, and the lines that differ from them.

    A file can hold rows that readers disagree on (missing cells, needless quotes, blank lines);
    writing each batch again and comparing bytes finds them all.

    Raises:
        pl.exceptions.PolarsError: the file cannot be split into rows; use `lines` then.
        ValueError: a cell holds a line break, so lines are not rows; use `lines` then.
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
    """Every line of a CSV file that does not split into `width` cells; slow, line by line."""
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
    """How many more lines belong to a row with line breaks in its cells; 0 if it is not a row.

    Leaves `file` after them.
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
