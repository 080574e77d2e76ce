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
from dataclasses import dataclass, replace
from functools import reduce
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
from gazadata.spark.cut import OWN, PART, WHERE, Part, Plan
from gazadata.spark.lines import Lines
from gazadata.spark.messages import SCHEMA, Message, batches, decoded
from gazadata.spark.mirror import File, Mirror, here, path_of
from gazadata.spark.piece import Beside, Outcome
from gazadata.spark.read import Stretch, moved
from gazadata.validate import files, layers
from gazadata.validate.checks import Unrun
from gazadata.validate.checks import run as run_check_sets
from gazadata.validate.diagnostics import Diagnostic, Report
from gazadata.validate.promised import installed_as, tables_of
from gazadata.validate.semantics import CHAINED, cycles
from gazadata.validate.tables import LINE, Tables, unhyphened
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


@dataclass(frozen=True)
class Corpus:
    """A package whose files have been read.

    Attributes:
        plan: how its tables are cut.
        place: where its files are.
        sent: all messages, which stay on the executors.
        frames: the rows sent to the driver, by kind and table.
        lines: the lines of its tables.
        unlike: the tables in Parquet that lack a column of their schema.
    """

    plan: Plan
    place: Mirror
    sent: DataFrame
    frames: dict[tuple[str, str], pl.DataFrame]
    lines: Lines
    unlike: set[str]

    def retired(self, resource: Resource) -> pl.DataFrame:
        """The rows of a table with an identifier that data/retired.csv names."""
        rows = self.frames.get(("retired", resource.name))
        if rows is not None:
            return self.lines.counted(resource.name, rows).drop(*WHERE)
        empty = pl.DataFrame(schema=dict.fromkeys(resource.field_names, pl.String))
        return empty.with_columns(pl.lit(0, pl.UInt32).alias(LINE))


class Engine:
    """Reads the rows of a package and runs the rules on Spark, by article.

    `check` keeps what it read as the corpus, which `run` validates. The rows of the pieces are kept
    from when the first piece is validated, to name the articles of one that fails.

    Attributes:
        mirror: the local copy of a package that is elsewhere or in parts.
    """

    def __init__(self, spark: SparkSession, pieces: int | None = None) -> None:
        self._spark, self._pieces = spark, pieces
        self.mirror: Mirror | None = None
        self._corpus: Corpus | None = None
        self._held: list[DataFrame] = []
        self._rows: DataFrame | None = None

    def check(
        self, package: Package, paths: dict[str, Path], report: Report, limit: int
    ) -> dict[str, Path]:
        """Read every file once: report the form of its lines, and send its rows."""
        contract = package.contract
        headed = self._headed(package, paths, report)
        corpus = self._corpus = self._read(package, paths, headed, limit)
        return {
            name: path
            for name, path in paths.items()
            # A table that is unlike its schema is reported with the columns.
            if name in corpus.unlike
            or corpus.lines.report_form(contract[name], report, headed=name in headed)
        }

    def run(self, package: Package, paths: dict[str, Path], report: Report, limit: int) -> None:
        """Validate each piece, then run the checks that need all of them together."""
        corpus, resources = self._corpus, package.contract.resources
        assert corpus is not None
        with tempfile.TemporaryDirectory(prefix="gazadata-") as folder:
            tables = Tables(package.root, resources, paths, Path(folder), corpus.plan.listed)
            for resource in layers.fitting(package.contract, tables, report):
                tables.put(resource.name, corpus.retired(resource))
                tables.add(resource.name, corpus.lines.rows(resource.name))
            layers.before_rules(package, tables, report, limit)
            report.rows = tables.rows
            names = [name for name in resources if name in tables]
            always = _repeats(corpus, names)
            rows = self._routed(corpus)
            beside = _beside(corpus, package, names, always, report)
            self._validate(corpus, names, rows, beside, report)

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

    def _headed(self, package: Package, paths: dict[str, Path], report: Report) -> set[str]:
        """The tables whose parts have the header of their schema; Parquet files have none."""
        headed, ours = set(), installed_as(package.contract)
        for name, path in paths.items():
            shown = path.relative_to(package.root).as_posix()
            resource = package.contract[name]
            files.sums(path, shown, resource, report)
            installed = ours.resources.get(name) if ours else None
            if path.suffix == ".parquet":
                right = True
            elif self.mirror:
                right = _have_header(self.mirror.tables[name], resource, report, installed)
            else:
                right = files.check_header(path, shown, resource, report, installed)
            if right:
                headed.add(name)
        return headed

    def _read(
        self, package: Package, paths: dict[str, Path], headed: set[str], limit: int
    ) -> Corpus:
        """Read all parts, and keep the messages with their rows."""
        place = self.mirror or here(package.root, paths)
        every = ((name, file) for name in paths for file in place.tables[name])
        parts = [
            Part(n, name, file.shown, file.size, file.uri) for n, (name, file) in enumerate(every)
        ]
        plan = self._plan(package, place, parts, limit)
        called = self._called(parts)
        sent, unlike = [], set()
        if of_lines := [part for part in parts if not part.uri.endswith(".parquet")]:
            sent.append(_staged(self._lines_of(of_lines), read.read_lines, plan, called, headed))
        for name in {part.table for part in parts if part.uri.endswith(".parquet")}:
            columns = self._columns_of(plan.contract[name], parts)
            if columns is None:
                unlike.add(name)
            else:
                sent.append(_staged(columns, read.read_columns, plan, called, name))
        if (texts := self._texts(plan, place)) is not None:
            sent.append(texts)
        kept = self._keep(reduce(lambda a, b: a.union(b), sent))
        frames, stretches = _to_driver(kept)
        return Corpus(plan, place, kept, frames, Lines.of(parts, stretches), unlike)

    def _plan(self, package: Package, place: Mirror, parts: list[Part], limit: int) -> Plan:
        """How to cut the package.

        Raises:
            ContractError: a table lacks a field to cut it by.
        """
        size = sum(part.size for part in parts)
        plan = Plan(
            package.contract,
            self._pieces or max(2, -(-size // PIECE_BYTES)),
            limit,
            frozenset(tables_of(package.contract)),
            place.texts == "files",
            _retired(package),
        )
        plan.check()
        return plan

    def _called(self, parts: list[Part]) -> dict[int, Part]:
        """The parts by the hash of their path in Spark, which is shorter than the path."""
        from pyspark.sql import functions

        listing = (
            self._spark.read.format("binaryFile")
            .load([_literal(part.uri) for part in parts])
            .select("_metadata.file_path", functions.xxhash64("_metadata.file_path"))
        )
        by_path = {path_of(part.uri): part for part in parts}
        return {number: by_path[unquote(path_of(path))] for path, number in listing.collect()}

    def _lines_of(self, parts: list[Part]) -> DataFrame:
        """The lines of CSV files, with the file and the block."""
        from pyspark.sql import functions

        return (
            self._spark.read.option("lineSep", "\n")
            .text([_literal(part.uri) for part in parts])
            .select(
                functions.col("value").cast("binary").alias("line"),
                functions.xxhash64("_metadata.file_path").alias("file"),
                functions.col("_metadata.file_block_start").alias("block"),
            )
        )

    def _columns_of(self, resource: Resource, parts: list[Part]) -> DataFrame | None:
        """The columns of a table in Parquet, with the file and the row; None if one is missing."""
        from pyspark.sql import functions

        uris = [_literal(part.uri) for part in parts if part.table == resource.name]
        columns = self._spark.read.parquet(*uris)
        if not set(resource.field_names) <= set(columns.columns):
            return None
        return columns.select(
            *resource.field_names,
            functions.xxhash64("_metadata.file_path").alias("__file"),
            functions.col("_metadata.row_index").alias("__row"),
        )

    def _texts(self, plan: Plan, place: Mirror) -> DataFrame | None:
        """The messages with the texts of sources."""
        folder = f"{place.uri}/raw"
        if place.texts == "files":
            texts = (
                self._spark.read.format("binaryFile")
                .option("recursiveFileLookup", "true")
                .load(_literal(folder))
                .select("path", "content")
            )
            return _staged(texts, route.text_files, plan, path_of(place.uri))
        if place.texts == "table":
            rows = self._spark.read.parquet(_literal(folder))
            if not {"source_id", "text"} <= set(rows.columns):
                raise ReadError(
                    f"{folder}: a table of texts needs the columns source_id and text; it "
                    f"has {', '.join(rows.columns)}"
                )
            return _staged(rows.select("source_id", "text"), route.text_rows, plan)
        return None

    def _keep(self, frame: DataFrame) -> DataFrame:
        from pyspark import StorageLevel

        self._held.append(frame.persist(StorageLevel.DISK_ONLY))
        return frame

    def _routed(self, corpus: Corpus) -> DataFrame:
        """The rows sent to each piece: its own, and those lent to it."""
        from pyspark.sql import functions

        plan, everything = corpus.plan, corpus.sent
        for level in plan.levels:
            linked = everything.where(
                (functions.col("kind") == "key")
                | ((functions.col("kind") == "link") & functions.col("name").isin(level))
            )
            placed = linked.repartitionById(plan.pieces, "to")
            everything = everything.union(self._keep(_staged(placed, route.follow, plan)))
        asked = everything.where("kind in ('ask', 'target')").repartitionById(plan.pieces, "to")
        answers = self._keep(_staged(asked, route.answer, plan))
        # This forces the work so far, so that only tasks that validate a piece can fail after it.
        answers.count()
        return everything.where("kind = 'row'").union(answers)

    def _validate(
        self, corpus: Corpus, names: list[str], rows: DataFrame, beside: Beside, report: Report
    ) -> None:
        """Validate each piece, and add what is found to the report."""
        plan = corpus.plan
        shared = self._spark.sparkContext.broadcast(beside)

        def run(got: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            return piece.run(plan, names, shared.value, got)

        placed = rows.repartitionById(plan.pieces, "to")
        self._rows = rows
        results = self._keep(placed.mapInArrow(_limited(run), piece.RESULTS))
        outcomes = [
            pickle.loads(row.content) for row in results.where("kind = 'outcome'").collect()
        ]
        found = _first(results, plan.limit)
        left = [decoded(row.content) for row in results.where("kind = 'unnamed'").collect()]
        _gather(corpus, outcomes, found, left, report)


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


def _have_header(
    parts: list[File], resource: Resource, report: Report, installed: Resource | None
) -> bool:
    """Whether each part of a table has the header of its schema."""
    right = []
    with tempfile.TemporaryDirectory(prefix="gazadata-") as folder:
        for file in parts:
            head = Path(folder, "header")
            head.write_bytes(file.header)
            right.append(files.check_header(head, file.shown, resource, report, installed))
    return all(right)


def _to_driver(sent: DataFrame) -> tuple[dict[tuple[str, str], pl.DataFrame], list[Stretch]]:
    """What is sent to the driver: rows, by kind and table, and the form of lines."""
    frames: defaultdict[tuple[str, str], list[pl.DataFrame]] = defaultdict(list)
    stretches: list[Stretch] = []
    for row in sent.where("kind in ('stretch', 'beside', 'retired', 'odd')").collect():
        if row.kind == "stretch":
            stretches.append(pickle.loads(row.content))
        else:
            frames[row.kind, row.name].append(decoded(row.content))
    return {key: pl.concat(every) for key, every in frames.items()}, stretches


def _repeats(corpus: Corpus, names: list[str]) -> dict[str, pl.DataFrame]:
    """All rows that repeat a value that must be unique, which are lent to every piece."""
    from pyspark.sql import functions

    plan = corpus.plan
    hashes = corpus.sent.where("kind = 'hash'").repartitionById(plan.pieces, "to")
    twice = {
        name: frame
        for name, frame in _by_table(_staged(hashes, route.twice, plan)).items()
        if name in names
    }
    if not twice:
        return {}
    own = corpus.sent.where("kind in ('row', 'link')")
    own = own.where(functions.col("name").isin(list(twice)))
    return _by_table(_staged(own, route.repeated, plan, twice))


def _by_table(sent: DataFrame) -> dict[str, pl.DataFrame]:
    """The rows in messages, by table."""
    frames: defaultdict[str, list[pl.DataFrame]] = defaultdict(list)
    for row in sent.collect():
        frames[row.name].append(decoded(row.content))
    return {name: pl.concat(every) for name, every in frames.items()}


def _beside(
    corpus: Corpus,
    package: Package,
    names: list[str],
    always: dict[str, pl.DataFrame],
    report: Report,
) -> Beside:
    """What every piece gets besides its own rows."""
    lines = corpus.lines
    shared = {
        name: frame
        for (kind, name), frame in corpus.frames.items()
        if kind == "beside" and name in names and name in corpus.plan.beside
    }
    lent = {name: [frame] for name, frame in always.items()}
    for (kind, name), frame in corpus.frames.items():
        if name in names and (kind == "odd" or (kind, name) == ("beside", "evidence")):
            lent.setdefault(name, []).append(frame)
    folder, references = package.root / "reference", None
    if folder.is_dir():
        references = {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}
    return Beside(
        shared,
        {n: pl.concat(frames, how="diagonal").unique(WHERE) for n, frames in lent.items()},
        _found(lines.parts, names, report),
        references,
        corpus.place.texts is not None,
        lines.blocks,
        {part.number: part.path for part in lines.parts},
    )


def _found(parts: list[Part], names: list[str], report: Report) -> pl.DataFrame:
    """The cells that have findings already, as rows of table, part, line and field."""
    numbers = {part.path: part.number for part in parts}
    found = [
        (d.resource, numbers[d.path], d.line, d.field)
        for d in report.diagnostics
        if d.field and d.line and d.resource in names and d.path in numbers
        if d.code != "GD108"
    ]
    schema = {"__table": pl.String, PART: pl.Int64, piece.ROW: pl.Int64, "__field": pl.String}
    return pl.DataFrame(found, schema, orient="row")


def _first(results: DataFrame, limit: int) -> list[Diagnostic]:
    """The findings of the pieces, of each rule at most `limit`."""
    from pyspark.sql import Window, functions

    order = Window.partitionBy("code").orderBy("line")
    kept = (
        results.where("kind = 'finding'")
        .withColumn("nth", functions.row_number().over(order))
        .where(functions.col("nth") <= limit)
    )
    return [pickle.loads(row.content) for row in kept.select("content").collect()]


def _gather(
    corpus: Corpus,
    outcomes: list[Outcome],
    found: list[Diagnostic],
    left: list[pl.DataFrame],
    report: Report,
) -> None:
    """Merge the outcomes of the pieces, their findings and the texts left into the report."""
    if bare := sorted(key for outcome in outcomes for key in outcome.bare):
        raise ReadError(
            f"{corpus.place.uri}/raw: no text for {len(bare):,} sources that have a text_path: "
            f"{', '.join(bare[:10])}; add them to the table of texts"
        )
    _merge(outcomes, report)
    once = _once(found)
    for code, number in Counter(d.code for d in found).items():
        fewer = number - sum(d.code == code for d in once)
        report.count(code, 0, -fewer)
    cyclic, linked = _cycles(corpus, outcomes)
    _keep_certain(once, linked, report)
    for d in cyclic:
        report.add(d)
    if left and "sources" in report.rows:
        textless = {digest for outcome in outcomes for digest in outcome.textless}
        rows = pl.concat(left).sort("path").rows()
        unnamed(rows, textless, report, corpus.plan.limit)


def _merge(outcomes: list[Outcome], report: Report) -> None:
    """Add what pieces counted and noted, and what each of them found in the same references."""
    for outcome in outcomes:
        for code, count in outcome.report.counts.items():
            report.count(code, count.checked, count.found)
        report.notes += [n for n in outcome.report.notes if n not in report.notes]
        report.failures += [f for f in outcome.report.failures if f not in report.failures]
    references = {name: of_file for o in outcomes for name, of_file in o.references.items()}
    for of_file in references.values():
        report.merge(of_file)


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


def _keep_certain(found: list[Diagnostic], linked: set[str], report: Report) -> None:
    """Keep the findings that do not rest on a cell that another finding puts in doubt.

    Each link of a cycle, `linked`, may be the wrong one, and which source cites another is checked
    in one piece and read in others.
    """
    miscited = {
        f"sources/{d.row_id}/cited_by"
        for d in found
        if d.resource == "sources" and d.field == "cited_by"
    }
    for d in found:
        cells = {d.about, f"{d.resource}/{d.row_id}/{d.field}", d.rests_on}
        if d.rests_on in miscited or not linked.isdisjoint(cells):
            report.count(d.code, 0, -1)
        else:
            report.keep([d])


def _cycles(corpus: Corpus, outcomes: list[Outcome]) -> tuple[list[Diagnostic], set[str]]:
    """The findings of links that form a cycle, and the names of all cells in one."""
    contract, lines, linked = corpus.plan.contract, corpus.lines, set[str]()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        tables = Tables(root, contract.resources, {}, root)
        for name in CHAINED:
            rows = [o.chains[name] for o in outcomes if name in o.chains]
            if not rows or not (every := pl.concat(rows)).height:
                continue
            tables.paths[name] = root / lines.of_table(name)[0].path
            counted = lines.counted(name, every)
            tables.put(name, counted)
            tables.add(name, counted.height)
        report, unrun = Report("", ""), Unrun(tables)
        run_check_sets(cycles(contract, tables, unrun), tables, report, corpus.plan.limit, unrun)
        for name in tables.masks:
            key, field = contract[name].key, CHAINED[name]
            masked = tables.strings(name).filter(tables.masked(name, field)).collect()
            linked.update(f"{name}/{one}/{field}" for one in masked[key])
    return [moved(d, lines.in_part(d.resource or "")) for d in report.diagnostics], linked


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
