"""The lines of every table, in the order of its parts: their form, and where each of them is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import polars as pl
from polars import col

from gazadata.contract import Resource
from gazadata.spark.cut import BLOCK, INDEX, PART, Part
from gazadata.spark.read import Stretch, shift
from gazadata.validate import files
from gazadata.validate.diagnostics import Report
from gazadata.validate.sweep import no_rows
from gazadata.validate.tables import LINE, of_cell


@dataclass(frozen=True)
class Lines:
    """The lines of every table.

    Attributes:
        parts: the parts of all tables, by their numbers.
        stretches: what was read of each part, in the order of its lines.
        before: the number of lines in a part before a block, by part and block.
    """

    parts: list[Part]
    stretches: dict[int, list[Stretch]]
    before: dict[tuple[int, int], int]

    @classmethod
    def of(cls, parts: list[Part], found: Iterable[Stretch]) -> Lines:
        """The lines of the parts; findings of stretches are moved to the lines of their part."""
        stretches: dict[int, list[Stretch]] = {part.number: [] for part in parts}
        for one in sorted(found, key=lambda s: (s.block, s.start)):
            stretches[one.part].append(one)
        before: dict[tuple[int, int], int] = {}
        for number, of_part in stretches.items():
            lines = 0
            for one in of_part:
                offset = before.setdefault((number, one.block), lines)
                lines += one.lines
                for report in (one.of_bytes, one.of_lines):
                    shift(report, offset)
        return cls(parts, stretches, before)

    @cached_property
    def blocks(self) -> pl.DataFrame:
        """The number of lines in a part before a block, as rows of part, block and `__before`."""
        rows = [(part, block, lines) for (part, block), lines in self.before.items()]
        schema = {PART: pl.Int64, BLOCK: pl.Int64, "__before": pl.Int64}
        return pl.DataFrame(rows, schema, orient="row")

    def of_table(self, name: str) -> list[Part]:
        """The parts of a table."""
        return [part for part in self.parts if part.table == name]

    def rows(self, name: str) -> int:
        """How many rows a table has."""
        return sum(one.rows for one in self._stretches_of(name))

    def counted(self, name: str, rows: pl.DataFrame) -> pl.DataFrame:
        """Rows with `LINE`, which counts the lines of all parts of a table, in their order."""
        offsets = self._offsets(name)
        of_part = pl.DataFrame({PART: list(offsets), "__offset": list(offsets.values())})
        return (
            rows.join(self.blocks, on=[PART, BLOCK], how="left")
            .join(of_part, on=PART, how="left")
            .with_columns(
                (col("__before") + col("__offset") + col(INDEX) + 1).cast(pl.UInt32).alias(LINE)
            )
            .drop("__before", "__offset")
            .sort(LINE)
        )

    def in_part(self, name: str) -> Callable[[int], tuple[str, int]]:
        """From the lines that `counted` counts to the path of the part and the line in it."""
        offsets = self._offsets(name)

        def where(line: int) -> tuple[str, int]:
            number = max(n for n, before in offsets.items() if before < line)
            return self.parts[number].path, line - offsets[number]

        return where

    def report_form(self, resource: Resource, report: Report, *, headed: bool) -> bool:
        """Report the form of a table's lines; return whether the table can be read.

        If bytes are wrong, only these are reported. If a line is not a row, the order of rows and
        their quoting say nothing, so only the lines are.

        Args:
            resource: the table.
            report: where findings are added.
            headed: whether its parts have the right header.
        """
        parts = self.of_table(resource.name)
        text = [
            _report_bytes(part, resource, self.stretches[part.number], report)
            for part in parts
            if not part.path.endswith(".parquet")
        ]
        if not all(text) or not headed:
            return False
        every = self._stretches_of(resource.name)
        if not all(one.split and one.whole for one in every):
            _report_lines(every, report)
            return False
        for one in every:
            report.merge(one.of_lines)
        filled = [one for one in every if one.rows]
        self._report_order(resource, filled, report)
        report.count("GD106", 1)
        if not filled:
            report.add(no_rows(parts[0].path, resource))
        return bool(filled)

    def _report_order(self, resource: Resource, stretches: list[Stretch], report: Report) -> None:
        """Report rows that are out of order after the last row of the stretch before."""
        for one, other in pairwise(stretches):
            if one.part != other.part or not one.last or not other.first:
                continue
            above, key = one.last[resource.key], other.first[resource.key]
            if above is None or key is None or above <= key:
                continue
            line = self.before[other.part, other.block] + other.first[INDEX] + 1
            row = {LINE: line, resource.key: key}
            path, wanted = self.parts[one.part].path, "rows sorted by key"
            report.add(of_cell("GD108", path, resource, row, resource.key, key, wanted))

    def _stretches_of(self, name: str) -> list[Stretch]:
        return [one for part in self.of_table(name) for one in self.stretches[part.number]]

    def _offsets(self, name: str) -> dict[int, int]:
        """How many lines of a table come before each of its parts."""
        offsets, lines = {}, 0
        for part in self.of_table(name):
            offsets[part.number] = lines
            lines += sum(max(one.lines, one.rows) for one in self.stretches[part.number])
        return offsets


def _report_bytes(part: Part, resource: Resource, stretches: list[Stretch], report: Report) -> bool:
    """Report findings about the bytes of a part; return whether they are lines of text."""
    for code in ("GD101", "GD102", "GD103", "GD104", "GD112"):
        report.count(code, part.size)
    found = [d for one in stretches for d in one.of_bytes.diagnostics]
    # Each stretch was read as lines that end in a line feed, so these are carriage returns.
    returns = [d for d in found if d.code == "GD102"]
    text = all(one.text for one in stretches)
    lines = sum(one.lines for one in stretches)
    # Spark leaves out a byte order mark, and ends a last line that has no line feed.
    differs = part.size - sum(one.size for one in stretches)
    if differs > 0:
        found.append(files.of_line("GD101", part.path, resource, 1, "a byte order mark", "none"))
        text = False
    # A byte that is not UTF-8 has a column; a byte order mark has none.
    if broken := [d.line or 0 for d in found if d.code == "GD101" and d.column]:
        # Nothing after it is reported.
        found = [d for d in found if (d.line or 0) <= min(broken)]
    elif differs in (-1, 2):
        what = "a last line without a line feed"
        last = files.of_line("GD102", part.path, resource, lines, what, "a line feed")
        found.append(replace(last, column=stretches[-1].end))
    for d in found:
        if d not in returns[1:]:
            report.add(d)
    return text


def _report_lines(stretches: list[Stretch], report: Report) -> None:
    """Report the lines of a table of which some are not rows.

    Of a table that cannot be split into cells, only the lines that are not rows are reported, and
    the order of rows only if every line is one.
    """
    split = all(one.split for one in stretches)
    for one in stretches:
        found = one.of_lines
        counts = {code: n for code, n in found.counts.items() if split or code != "GD108"}
        kept = [d for d in found.diagnostics if d.code == "GD107" or (split and not d.field)]
        report.merge(replace(found, counts=counts, diagnostics=kept))
