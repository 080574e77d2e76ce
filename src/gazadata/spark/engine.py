"""The engine that validates a package on Spark, by article."""

from __future__ import annotations

import os
import pickle
import re
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import reduce
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import polars as pl
from polars import col

from gazadata import retired
from gazadata.contract import Resource
from gazadata.errors import GazadataError, ReadError
from gazadata.package import Package
from gazadata.spark import piece, read, route
from gazadata.spark.cut import BLOCK, INDEX, OWN, PART, WHERE, Part, Plan
from gazadata.spark.messages import SCHEMA, Message, batches, decoded
from gazadata.spark.mirror import Mirror, here, path_of
from gazadata.spark.piece import Beside, Outcome
from gazadata.spark.read import Stretch, moved, shift
from gazadata.validate import files, layers
from gazadata.validate.checks import Unrun
from gazadata.validate.checks import run as run_check_sets
from gazadata.validate.diagnostics import Diagnostic, Report
from gazadata.validate.promised import known, tables_of
from gazadata.validate.semantics import CHAINED, cycles
from gazadata.validate.sweep import no_rows
from gazadata.validate.tables import LINE, Tables, of_cell, unhyphened
from gazadata.validate.texts import unnamed

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

PIECE_BYTES = 64_000_000
"""The average size of a piece, in bytes of the tables."""

_BATCH_ROWS = 100_000
_OPEN_COST = 1 << 16
"""Texts are small files; with the default, Spark would read only some thirty per task."""

Stage = Callable[[Iterable["pa.RecordBatch"]], Iterator["pa.RecordBatch"]]


class Engine:
    """Reads the rows of a package and runs the rules on Spark, by article."""

    def __init__(self, spark: SparkSession, pieces: int | None = None) -> None:
        self._spark, self._pieces = spark, pieces
        self.mirror: Mirror | None = None
        self._held: list[DataFrame] = []
        self._rows: DataFrame | None = None

    @property
    def in_pieces(self) -> bool:
        """Whether pieces are being validated."""
        return self._rows is not None

    def articles(self, number: int) -> list[str]:
        """The keys of the articles of a piece: its sources that have a text."""
        assert self._rows is not None
        own = self._rows.where(f"name = 'sources' and to = {number}").select("content")
        frames = [decoded(row.content) for row in own.collect()]
        if not frames:
            return []
        rows = pl.concat(frames).filter(OWN)
        held = rows.filter(col("text_path").is_not_null())
        return sorted((held if held.height else rows)["source_id"].drop_nulls())

    def close(self) -> None:
        """Release what is kept on the executors."""
        for frame in self._held:
            frame.unpersist()

    def check(
        self, package: Package, paths: dict[str, Path], report: Report, limit: int
    ) -> dict[str, Path]:
        """Read every file once: report the form of its lines, and send its rows."""
        contract, headed = package.contract, set()
        place = self.mirror or here(package.root, paths)
        self._texts_as, self._uri = place.texts, place.uri
        self._known = known(contract)
        for name, path in paths.items():
            shown = path.relative_to(package.root).as_posix()
            files.sums(path, shown, contract[name], report)
            if path.suffix == ".parquet" or self._headed(package, name, path, report):
                headed.add(name)
        every = ((name, file) for name in paths for file in place.tables[name])
        parts = [
            Part(n, name, file.shown, file.size, file.uri) for n, (name, file) in enumerate(every)
        ]
        size = sum(part.size for part in parts)
        self._plan = Plan(
            contract,
            self._pieces or max(2, -(-size // PIECE_BYTES)),
            limit,
            frozenset(tables_of(contract)),
            self._texts_as == "files",
            _retired(package),
        )
        self._plan.check()
        self._parts = parts
        self._read(headed)
        return {name: paths[name] for name in paths if self._report_form(name, headed, report)}

    def _headed(self, package: Package, name: str, path: Path, report: Report) -> bool:
        """Whether each part of a table has the header of its schema."""
        resource = package.contract[name]
        known_as = self._known.resources.get(name) if self._known else None
        if self.mirror is None:
            shown = path.relative_to(package.root).as_posix()
            return files.check_header(path, shown, resource, report, known_as)
        right = []
        with tempfile.TemporaryDirectory(prefix="gazadata-") as folder:
            for file in self.mirror.tables[name]:
                head = Path(folder, "header")
                head.write_bytes(file.header)
                right.append(files.check_header(head, file.shown, resource, report, known_as))
        return all(right)

    def _read(self, headed: set[str]) -> None:
        """Read all parts, and keep the messages with their rows."""
        from pyspark.sql import functions

        plan, parts = self._plan, self._parts
        uris = [part.uri for part in parts]
        # A file is identified by the hash of its path in Spark, which is shorter.
        listing = (
            self._spark.read.format("binaryFile")
            .load([_literal(uri) for uri in uris])
            .select("_metadata.file_path", functions.xxhash64("_metadata.file_path"))
        )
        by_path = {path_of(uri): part for uri, part in zip(uris, parts, strict=True)}
        called = {number: by_path[unquote(path_of(path))] for path, number in listing.collect()}
        file = functions.xxhash64("_metadata.file_path")
        sent = []
        if lines := [u for u, p in zip(uris, parts, strict=True) if not u.endswith(".parquet")]:
            text = (
                self._spark.read.option("lineSep", "\n")
                .text([_literal(uri) for uri in lines])
                .select(
                    functions.col("value").cast("binary").alias("line"),
                    file.alias("file"),
                    functions.col("_metadata.file_block_start").alias("block"),
                )
            )
            sent.append(_staged(text, read.read_lines, plan, called, headed))
        self._unlike: set[str] = set()
        for name in {part.table for part in parts if part.uri.endswith(".parquet")}:
            names = plan.contract[name].field_names
            of_table = [_literal(part.uri) for part in parts if part.table == name]
            columns = self._spark.read.parquet(*of_table)
            if not set(names) <= set(columns.columns):
                self._unlike.add(name)
                continue
            columns = columns.select(
                *names,
                file.alias("__file"),
                functions.col("_metadata.row_index").alias("__row"),
            )
            sent.append(_staged(columns, read.read_columns, plan, called, name))
        if texts := self._texts():
            sent.append(texts)
        self._sent = self._keep(reduce(lambda a, b: a.union(b), sent))
        wanted = self._sent.where("kind in ('stretch', 'beside', 'retired', 'odd')")
        self._stretches: defaultdict[int, list[Stretch]] = defaultdict(list)
        frames: defaultdict[tuple[str, str], list[pl.DataFrame]] = defaultdict(list)
        for row in wanted.collect():
            if row.kind == "stretch":
                one = pickle.loads(row.content)
                self._stretches[one.part].append(one)
            else:
                frames[row.kind, row.name].append(decoded(row.content))
        self._frames = {key: pl.concat(every) for key, every in frames.items()}
        self._lines = self._blocks()

    def _texts(self) -> DataFrame | None:
        """The messages with the texts of sources."""
        kind, plan = self._texts_as, self._plan
        folder = f"{self._uri}/raw"
        if kind == "files":
            texts = (
                self._spark.read.format("binaryFile")
                .option("recursiveFileLookup", "true")
                .load(_literal(folder))
                .select("path", "content")
            )
            above = path_of(self._uri)
            return _staged(texts, route.text_files, plan, above)
        if kind == "table":
            rows = self._spark.read.parquet(_literal(folder))
            if not {"source_id", "text"} <= set(rows.columns):
                raise ReadError(
                    f"{folder}: a table of texts needs the columns source_id and text; it "
                    f"has {', '.join(rows.columns)}"
                )
            rows = rows.select("source_id", "text")
            return _staged(rows, route.text_rows, plan)
        return None

    def _keep(self, frame: DataFrame) -> DataFrame:
        from pyspark import StorageLevel

        self._held.append(frame.persist(StorageLevel.DISK_ONLY))
        return frame

    def _blocks(self) -> pl.DataFrame:
        """The number of lines in each part before each of its blocks."""
        rows = []
        for part, stretches in self._stretches.items():
            lines = Counter[int]()
            for one in stretches:
                lines[one.block] += one.lines
            before = 0
            for block in sorted(lines):
                rows.append((part, block, before))
                before += lines[block]
        schema = {PART: pl.Int64, BLOCK: pl.Int64, "__before": pl.Int64}
        return pl.DataFrame(rows, schema, orient="row")

    def _report_form(self, name: str, headed: set[str], report: Report) -> bool:
        """Report the form of a table's lines; return whether the table can be read.

        If bytes are wrong, only these are reported. If a line is not a row, the order of rows and
        their quoting say nothing, so only the lines are.
        """
        if name in self._unlike:
            return True  # It is reported with the columns.
        resource = self._plan.contract[name]
        parts = [part for part in self._parts if part.table == name]
        before = {(part, block): lines for part, block, lines in self._lines.rows()}
        text = True
        every: list[Stretch] = []
        for part in parts:
            stretches = sorted(self._stretches[part.number], key=lambda s: (s.block, s.start))
            for one in stretches:
                for of in (one.of_bytes, one.of_lines):
                    shift(of, before[part.number, one.block])
            every += stretches
            if not part.path.endswith(".parquet"):
                text = _report_bytes(part, resource, stretches, report) and text
        if not text or name not in headed:
            return False
        split, whole = all(s.split for s in every), all(s.whole for s in every)
        if whole and split:
            every_row = [s for s in every if s.rows]
            for one in every:
                report.merge(one.of_lines)
            self._report_order(resource, parts, every_row, before, report)
            report.count("GD106", 1)
            if not every_row:
                report.add(no_rows(parts[0].path, resource))
            return bool(every_row)
        for one in every:
            of_lines = one.of_lines
            if not split:
                of_lines.counts.pop("GD108", None)
            # Of a table that cannot be split into cells, only the lines that are not rows are
            # reported, and the order of rows only if every line is one.
            of_lines.diagnostics = [
                d for d in of_lines.diagnostics if d.code == "GD107" or (split and not d.field)
            ]
            report.merge(of_lines)
        return False

    def _report_order(
        self,
        resource: Resource,
        parts: list[Part],
        stretches: list[Stretch],
        before: dict[tuple[int, int], int],
        report: Report,
    ) -> None:
        """Report rows that are out of order after the last row of the stretch before."""
        paths = {part.number: part.path for part in parts}
        for one, other in pairwise(stretches):
            if one.part != other.part or not one.last or not other.first:
                continue
            above, key = one.last[resource.key], other.first[resource.key]
            if above is None or key is None or above <= key:
                continue
            line = before[other.part, other.block] + other.first[INDEX] + 1
            row = {LINE: line, resource.key: key}
            wanted = "rows sorted by key"
            report.add(of_cell("GD108", paths[one.part], resource, row, resource.key, key, wanted))

    def run(self, package: Package, paths: dict[str, Path], report: Report, limit: int) -> None:
        """Validate each piece, then run the checks that need all of them together."""
        with tempfile.TemporaryDirectory(prefix="gazadata-") as folder:
            resources = package.contract.resources
            tables = Tables(package.root, resources, paths, Path(folder), self._plan.listed)
            for resource in layers.fitting(package.contract, tables, report):
                rows = self._frames.get(("retired", resource.name))
                empty = pl.DataFrame(schema=dict.fromkeys(resource.field_names, pl.String))
                kept = empty.with_columns(pl.lit(0, pl.UInt32).alias(LINE))
                if rows is not None:
                    kept = self._counted(resource.name, rows).drop(*WHERE)
                tables.put(resource.name, kept)
                of = (p.number for p in self._parts if p.table == resource.name)
                total = sum(s.rows for number in of for s in self._stretches[number])
                tables.add(resource.name, total)
            layers.names(package, tables, report, limit)
            report.rows = tables.rows
            names = [name for name in resources if name in tables]
            always = self._repeats(names)
            self._pieces_run(package, names, always, report)

    def _offsets(self, name: str) -> dict[int, int]:
        """How many lines of a table come before each of its parts."""
        offsets, lines = {}, 0
        for part in self._parts:
            if part.table == name:
                offsets[part.number] = lines
                lines += sum(max(s.lines, s.rows) for s in self._stretches[part.number])
        return offsets

    def _counted(self, name: str, rows: pl.DataFrame) -> pl.DataFrame:
        """Rows with `LINE`, which counts the lines of all parts of a table, in their order."""
        offsets = self._offsets(name)
        of_part = pl.DataFrame({PART: list(offsets), "__offset": list(offsets.values())})
        return (
            rows.join(self._lines, on=[PART, BLOCK], how="left")
            .join(of_part, on=PART, how="left")
            .with_columns(
                (col("__before") + col("__offset") + col(INDEX) + 1).cast(pl.UInt32).alias(LINE)
            )
            .drop("__before", "__offset")
            .sort(LINE)
        )

    def _back(self, name: str) -> Callable[[int], tuple[str, int]]:
        """From the lines of `_counted` to the part and the line in it."""
        offsets = self._offsets(name)

        def where(line: int) -> tuple[str, int]:
            number = max(n for n, before in offsets.items() if before < line)
            return self._parts[number].path, line - offsets[number]

        return where

    def _repeats(self, names: list[str]) -> dict[str, pl.DataFrame]:
        """All rows that repeat a value that must be unique, which are lent to every piece."""
        from pyspark.sql import functions

        plan = self._plan
        hashes = self._sent.where("kind = 'hash'").repartitionById(plan.pieces, "to")
        found: defaultdict[str, list[pl.DataFrame]] = defaultdict(list)
        for row in _staged(hashes, route.twice, plan).collect():
            if row.name in names:
                found[row.name].append(decoded(row.content))
        twice = {name: pl.concat(every) for name, every in found.items()}
        again: defaultdict[str, list[pl.DataFrame]] = defaultdict(list)
        if twice:
            own = self._sent.where("kind in ('row', 'link')")
            own = own.where(functions.col("name").isin(list(twice)))
            for row in _staged(own, route.repeated, plan, twice).collect():
                again[row.name].append(decoded(row.content))
        return {name: pl.concat(frames) for name, frames in again.items() if name in names}

    def _pieces_run(
        self, package: Package, names: list[str], always: dict[str, pl.DataFrame], report: Report
    ) -> None:
        from pyspark.sql import Window, functions

        plan = self._plan
        everything = self._sent
        for level in plan.levels:
            linked = everything.where(
                (functions.col("kind") == "key")
                | ((functions.col("kind") == "link") & functions.col("name").isin(level))
            )
            placed = linked.repartitionById(plan.pieces, "to")
            followed = _staged(placed, route.follow, plan)
            everything = everything.union(self._keep(followed))
        asked = everything.where("kind in ('ask', 'target')").repartitionById(plan.pieces, "to")
        answers = self._keep(_staged(asked, route.answer, plan))
        # This forces the work so far, so that only tasks that validate a piece can fail after it.
        answers.count()
        rows = everything.where("kind = 'row'").union(answers)
        beside = self._beside(package, names, always, report)
        shared = self._spark.sparkContext.broadcast(beside)

        def run(got: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            return piece.run(plan, names, shared.value, got)

        placed = rows.repartitionById(plan.pieces, "to")
        self._rows = rows
        results = self._keep(placed.mapInArrow(_limited(run), piece.RESULTS))
        order = Window.partitionBy("code").orderBy("line")
        kept = (
            results.where("kind = 'finding'")
            .withColumn("nth", functions.row_number().over(order))
            .where(functions.col("nth") <= plan.limit)
        )
        outcomes = [
            pickle.loads(row.content) for row in results.where("kind = 'outcome'").collect()
        ]
        found = [pickle.loads(row.content) for row in kept.select("content").collect()]
        left = [decoded(r.content) for r in results.where("kind = 'unnamed'").collect()]
        self._gather(outcomes, found, left, report)

    def _beside(
        self,
        package: Package,
        names: list[str],
        always: dict[str, pl.DataFrame],
        report: Report,
    ) -> Beside:
        plan = self._plan
        shared = {
            name: frame
            for (kind, name), frame in self._frames.items()
            if kind == "beside" and name in names and name in plan.beside
        }
        lent = {name: [frame] for name, frame in always.items()}
        for (kind, name), frame in self._frames.items():
            if name in names and (kind == "odd" or (kind, name) == ("beside", "evidence")):
                lent.setdefault(name, []).append(frame)
        numbers = {part.path: part.number for part in self._parts}
        found = [
            (d.resource, numbers[d.path], d.line, d.field)
            for d in report.diagnostics
            if d.field and d.line and d.resource in names and d.path in numbers
            if d.code != "GD108"
        ]
        folder, references = package.root / "reference", None
        if folder.is_dir():
            references = {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}
        return Beside(
            shared,
            {n: pl.concat(frames, how="diagonal").unique(WHERE) for n, frames in lent.items()},
            pl.DataFrame(
                found,
                {"__table": pl.String, PART: pl.Int64, piece.ROW: pl.Int64, "__field": pl.String},
                orient="row",
            ),
            references,
            self._texts_as is not None,
            self._lines,
            {part.number: part.path for part in self._parts},
        )

    def _gather(
        self,
        outcomes: list[Outcome],
        found: list[Diagnostic],
        left: list[pl.DataFrame],
        report: Report,
    ) -> None:
        """Merge the outcomes of the pieces into the report."""
        if bare := sorted(key for outcome in outcomes for key in outcome.bare):
            raise ReadError(
                f"{self._uri}/raw: no text for {len(bare):,} sources that have a text_path: "
                f"{', '.join(bare[:10])}; add them to the table of texts"
            )
        for outcome in outcomes:
            for code, count in outcome.report.counts.items():
                report.count(code, count.checked, count.found)
            report.notes += [n for n in outcome.report.notes if n not in report.notes]
            report.failures += [f for f in outcome.report.failures if f not in report.failures]
        references = {name: of_file for o in outcomes for name, of_file in o.references.items()}
        for of_file in references.values():
            report.merge(of_file)
        once = _once(found)
        for code, number in Counter(d.code for d in found).items():
            fewer = number - sum(d.code == code for d in once)
            report.count(code, 0, -fewer)
        cyclic, linked = self._cycles(outcomes)
        miscited = {
            f"sources/{d.row_id}/cited_by"
            for d in once
            if d.resource == "sources" and d.field == "cited_by"
        }
        for d in once:
            # Each link of a cycle may be the wrong one, and which source cites another is
            # checked in one piece and read in others.
            cells = {d.about, f"{d.resource}/{d.row_id}/{d.field}", d.rests_on}
            if d.rests_on in miscited or not linked.isdisjoint(cells):
                report.count(d.code, 0, -1)
            else:
                report.keep([d])
        for d in cyclic:
            report.add(d)
        if left and "sources" in report.rows:
            textless = {digest for outcome in outcomes for digest in outcome.textless}
            rows = pl.concat(left).sort("path").rows()
            unnamed(rows, textless, report, self._plan.limit)

    def _cycles(self, outcomes: list[Outcome]) -> tuple[list[Diagnostic], set[str]]:
        """The findings of links that form a cycle, and the names of all cells in one."""
        contract, linked = self._plan.contract, set[str]()
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            tables = Tables(root, contract.resources, {}, root)
            for name in CHAINED:
                rows = [o.chains[name] for o in outcomes if name in o.chains]
                if not rows or not (every := pl.concat(rows)).height:
                    continue
                path = next(p.path for p in self._parts if p.table == name)
                tables.paths[name] = root / path
                counted = self._counted(name, every)
                tables.put(name, counted)
                tables.add(name, counted.height)
            linked_report = Report("", "")
            unrun = Unrun(tables)
            run_check_sets(
                cycles(contract, tables, unrun), tables, linked_report, self._plan.limit, unrun
            )
            for name in tables.masks:
                key, field = contract[name].key, CHAINED[name]
                rows_ = tables.strings(name).filter(tables.masked(name, field)).collect()
                linked.update(f"{name}/{one}/{field}" for one in rows_[key])
        return [moved(d, self._back(d.resource or "")) for d in linked_report.diagnostics], linked


def _limited(stage: Stage) -> Stage:
    """A stage limited to one core, since each core of an executor runs its own stage."""

    def run(got: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        os.environ.setdefault("POLARS_MAX_THREADS", "1")
        # Pandera imports it if it is there, which takes longer than validating a piece.
        sys.modules.setdefault("pyspark.pandas", None)  # type: ignore[arg-type]
        return stage(got)

    return run


def _staged(frame: DataFrame, send: Callable[..., Iterator[Message]], *given: Any) -> DataFrame:
    """The messages that `send` makes of what it is given and of the batches of a frame."""
    return frame.mapInArrow(_limited(lambda got: batches(send(*given, got))), SCHEMA)


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
        more = {"column": stretches[-1].end}
        found.append(
            files.of_line("GD102", part.path, resource, lines, what, "a line feed", **more)
        )
    for d in found:
        if d not in returns[1:]:
            report.add(d)
    return text


def _once(found: list[Diagnostic]) -> list[Diagnostic]:
    """Findings without repeats: several pieces may report the same mistake; the first is kept."""
    kept: dict[Hashable, Diagnostic] = {}
    notes: Counter[Hashable] = Counter()
    for d in sorted(found, key=lambda d: d.place):
        key: Hashable = d
        if d.code == "GD348" and d.field == "note":
            key = d.code, d.severity, d.expected, d.mistake
            notes[key] += 1 + d.elsewhere
        kept.setdefault(key, d)
    return [
        replace(d, elsewhere=notes[key] - 1) if notes[key] > 1 else d for key, d in kept.items()
    ]


def _retired(package: Package) -> dict[str, list[str]]:
    """The identifiers that data/retired.csv names, by table."""
    path = package.retired_file()
    if path is None or retired.refused(package.root, path):
        return {}
    named: defaultdict[str, set[str]] = defaultdict(set)
    try:
        for row in retired.read(package):
            keys = (row.row_id, row.replaced_by)
            named[row.resource].update(unhyphened(row.resource, key) for key in keys)
    except GazadataError:
        return {}  # It is a finding.
    return {name: sorted(keys) for name, keys in named.items()}


def _literal(uri: str) -> str:
    """A path with Spark's pattern characters escaped."""
    return re.sub(r"([\[\]{}*?\\])", r"\\\1", uri)


@contextmanager
def settings(spark: SparkSession) -> Iterator[None]:
    """Apply the session settings that validation needs, then restore the old ones."""
    wanted = {
        "spark.sql.execution.arrow.maxRecordsPerBatch": str(_BATCH_ROWS),
        "spark.sql.files.openCostInBytes": str(_OPEN_COST),
        # There is nothing to adapt: the pieces are cut, and otherwise only findings are shuffled.
        "spark.sql.adaptive.enabled": "false",
        "spark.sql.shuffle.partitions": "4",
    }
    before = {key: str(spark.conf.get(key)) for key in wanted}
    try:
        for key, value in wanted.items():
            spark.conf.set(key, value)
        yield
    finally:
        for key, value in before.items():
            spark.conf.set(key, value)
