"""Reading the parts of a table: the form of their lines, and where each row goes."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from gazadata.contract import Resource
from gazadata.spark.cut import BLOCK, INDEX, PART, Part, Plan
from gazadata.spark.messages import Message
from gazadata.validate.diagnostics import Diagnostic, Report
from gazadata.validate.files import check_bytes
from gazadata.validate.sweep import LineChecks, batches, ragged
from gazadata.validate.tables import LINE


@dataclass
class Stretch:
    """The form of lines of a part that were read together.

    Lines are counted from the beginning of their block, starting at 1.
    """

    part: int
    block: int
    start: int
    lines: int
    size: int
    end: int = 1
    """The column after the end of the last line."""
    rows: int = 0
    text: bool = True
    """Whether the bytes can be split into lines of text."""
    split: bool = True
    """Whether the lines can be split into cells."""
    whole: bool = True
    """Whether each of the lines is a row."""
    of_bytes: Report = field(default_factory=lambda: Report("", ""))
    of_lines: Report = field(default_factory=lambda: Report("", ""))
    first: dict[str, Any] | None = None
    last: dict[str, Any] | None = None
    """The keys and the places of the first and the last row."""

    def note_ends(self, rows: pl.DataFrame, resource: Resource) -> None:
        """Note the first and the last row, to compare with those of other stretches."""
        self.first, self.last = rows.select(resource.key, INDEX)[[0, -1]].to_dicts()


def read_lines(
    plan: Plan, parts: dict[int, Part], headed: set[str], received: Iterable[pa.RecordBatch]
) -> Iterator[Message]:
    """Read lines of CSV files: batches of lines, with the name of the file and of the block.

    Args:
        plan: how the tables are cut.
        parts: the parts, by the hash of their path in Spark.
        headed: the tables whose parts have the right header; of others only the bytes are checked.
        received: batches of the columns line, file and block.
    """
    at: dict[tuple[int, int], int] = {}
    with tempfile.TemporaryDirectory(prefix="gazadata-") as folder:
        for batch in received:
            for file, block, lines in _runs(batch):
                part = parts[file]
                start = at.get((part.number, block), 0)
                at[part.number, block] = start + len(lines)
                resource = plan.contract[part.table]
                stretch = Stretch(part.number, block, start, len(lines), 0)
                content = b"\n".join([*lines, b""])
                stretch.size = len(content)
                stretch.end = len(lines[-1].decode("utf-8", "replace")) + 1
                path = Path(folder, part.path)
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("wb") as out:
                    if headless := block > 0 or start > 0:
                        out.write(",".join(resource.field_names).encode() + b"\n")
                    out.write(content)
                offset = start - 1 if headless else start
                rows = _rows(plan, resource, path, part, headed, stretch)
                for report in (stretch.of_bytes, stretch.of_lines):
                    shift(report, offset)
                if rows is not None:
                    rows = _placed(rows, part.number, block, offset - 1)
                    stretch.note_ends(rows, resource)
                    yield from plan.read(resource.name, rows)
                yield Message("stretch", 0, part.table, pickle.dumps(stretch))


def _rows(
    plan: Plan,
    resource: Resource,
    path: Path,
    part: Part,
    headed: set[str],
    stretch: Stretch,
) -> pl.DataFrame | None:
    """The rows of some lines; None if the lines are not rows."""
    stretch.text = check_bytes(path, part.path, resource, stretch.of_bytes, plan.limit)
    if not stretch.text or resource.name not in headed:
        return None
    form = LineChecks(resource, part.path, plan.limit)
    frames = []
    try:
        for frame, odd in batches(path, resource):
            form.check(frame, odd)
            if frame.height:
                frames.append(frame)
    except (pl.exceptions.PolarsError, ValueError):
        stretch.split = False
        bad = ragged(path, part.path, resource, stretch.of_lines, plan.limit)
        stretch.of_lines.count("GD107", form.rows + bad, bad)
        return None
    form.report(stretch.of_lines)
    if form.ragged:
        stretch.whole = False
        return None
    stretch.rows = form.rows
    return pl.concat(frames) if frames else None


def _runs(batch: pa.RecordBatch) -> Iterator[tuple[int, int, list[bytes]]]:
    """The lines of a batch for each block of each file: the file, the block and the lines."""
    files, blocks = (batch[name].to_numpy() for name in ("file", "block"))
    change = (np.diff(files) != 0) | (np.diff(blocks) != 0)
    edges = [0, *(np.flatnonzero(change) + 1).tolist(), batch.num_rows]
    for begin, end in pairwise(edges):
        lines = batch["line"].slice(begin, end - begin).to_pylist()
        yield int(files[begin]), int(blocks[begin]), lines


def read_columns(
    plan: Plan, parts: dict[int, Part], name: str, received: Iterable[pa.RecordBatch]
) -> Iterator[Message]:
    """Read rows of Parquet files: batches of a table's columns, with the file and the row in it."""
    resource = plan.contract[name]
    for batch in received:
        whole = pl.DataFrame(pa.Table.from_batches([batch]))
        for (file,), frame in whole.partition_by("__file", as_dict=True).items():
            part = parts[int(file)]
            rows = frame.select(
                pl.col(resource.field_names).cast(pl.String),
                pl.lit(part.number, pl.Int64).alias(PART),
                pl.lit(0, pl.Int64).alias(BLOCK),
                pl.col("__row").alias(INDEX),
            )
            numbered = rows.select((pl.col(INDEX) + 1).alias(LINE), *resource.field_names)
            stretch = Stretch(part.number, 0, int(rows[INDEX][0]), 0, 0)
            form = LineChecks(resource, part.path, plan.limit)
            form.check(numbered, [])
            emptied = form.emptied(numbered)
            form.report(stretch.of_lines)
            stretch.rows = form.rows
            rows = rows.with_columns(emptied.select(resource.field_names))
            stretch.note_ends(rows, resource)
            yield from plan.read(resource.name, rows)
            yield Message("stretch", 0, name, pickle.dumps(stretch))


def _placed(rows: pl.DataFrame, part: int, block: int, offset: int) -> pl.DataFrame:
    return rows.select(
        pl.exclude(LINE),
        pl.lit(part, pl.Int64).alias(PART),
        pl.lit(block, pl.Int64).alias(BLOCK),
        (pl.col(LINE).cast(pl.Int64) + offset).alias(INDEX),
    )


def shift(report: Report, by: int) -> None:
    """Shift the line numbers of findings."""
    report.diagnostics = [
        moved(d, partial(lambda path, line: (path, line + by), d.path)) for d in report.diagnostics
    ]


def moved(d: Diagnostic, where: Callable[[int], tuple[str, int]]) -> Diagnostic:
    """The finding, moved to the path and line that `where` gives for its line."""
    if d.line is None:
        return d
    path, line = where(d.line)
    return replace(d, path=path, line=line)
