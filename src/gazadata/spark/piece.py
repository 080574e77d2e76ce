"""One piece of a corpus: some articles, validated as a package of their own."""

from __future__ import annotations

import pickle
import re
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl
import pyarrow as pa
from polars import col

from gazadata.package import Package
from gazadata.spark.cut import OWN, PART, TEXTS, WHERE, Plan
from gazadata.spark.messages import Received, encoded, record_batch
from gazadata.spark.read import moved
from gazadata.validate import layers
from gazadata.validate.diagnostics import Diagnostic, Report
from gazadata.validate.semantics import CHAINED
from gazadata.validate.stated import parts_of_identifier
from gazadata.validate.tables import LINE, Tables

ROW = "__row"
"""The line of a row in its part."""

RESULTS = "kind string, code string, line bigint, content binary"
"""The columns of what `run` returns, as Spark declares them."""

_ARROW = pa.schema(
    [("kind", pa.string()), ("code", pa.string()), ("line", pa.int64()), ("content", pa.binary())]
)

_GLOBAL = ("GD411",)
"""Rules that need all pieces together."""


@dataclass(frozen=True)
class Beside:
    """What every piece gets besides its own rows.

    Attributes:
        shared: the rows of shared tables, by table; a piece takes those that it names.
        always: the rows that every piece takes, by table.
        found: the cells that have findings already, as rows of table, part, line and field.
        references: the files of reference/, by name; None if there is no such folder.
        has_texts: whether there are texts.
        lines: the number of lines in a part before a block, as rows of part, block and `__before`.
        paths: the path of each part, by its number.
    """

    shared: dict[str, pl.DataFrame]
    always: dict[str, pl.DataFrame]
    found: pl.DataFrame
    references: dict[str, bytes] | None
    has_texts: bool
    lines: pl.DataFrame
    paths: dict[int, str]


@dataclass(frozen=True)
class Outcome:
    """What validating a piece returns."""

    report: Report
    textless: set[str]
    chains: dict[str, pl.DataFrame]
    """Rows of `CHAINED` tables that may be part of a cycle: key, link and place."""
    references: dict[str, Report]
    """The findings in each file of reference/."""
    bare: list[str]
    """The sources without a text in the table of texts."""


def validate(plan: Plan, names: list[str], beside: Beside, received: Received) -> Outcome:
    """Validate the rows that came to one place.

    Args:
        plan: how the tables are cut.
        names: the tables that can be read.
        beside: what every piece gets.
        received: the piece's own rows, and what they point to.
    """
    report = Report("", "")
    with tempfile.TemporaryDirectory(prefix="gazadata-") as folder:
        root = Path(folder)
        rows = _rows(plan, names, beside, received)
        bare = _write(root, plan, beside, received, rows)
        tables, places = _tables(root, plan, rows)
        for name, frame in rows.items():
            of_table = beside.found.filter(col("__table") == name)
            for (field,), at in of_table.partition_by("__field", as_dict=True).items():
                there = frame.join(at, on=[PART, ROW], how="semi")
                tables.mask(name, str(field), there[LINE])
        if "evidence" in rows:
            _identify(rows["evidence"].filter(~col(OWN)), tables)
        layers.rules(Package(root, plan.contract), tables, report, plan.limit)
    found = [d for d in report.diagnostics if d.code not in _GLOBAL]
    for code in _GLOBAL:
        if code in report.counts:
            report.counts[code] = replace(report.counts[code], found=0)
    report.diagnostics = [_placed(d, tables, places, beside) for d in found]
    chains = {name: _chained(plan, name, frame) for name, frame in rows.items() if name in CHAINED}
    return Outcome(report, tables.textless, chains, tables.references, bare)


def _rows(
    plan: Plan, names: list[str], beside: Beside, received: Received
) -> dict[str, pl.DataFrame]:
    """The rows of each table in the order of its file, and `LINE`, which counts them."""
    came = {name: _came(plan, name, received.take("row", name)) for name in names}
    named: dict[str, list[pl.Series]] = {name: [] for name in plan.beside}
    for name, frame in came.items():
        resource = plan.contract[name]
        own = frame.filter(OWN)
        if name in named:
            named[name].append(own[resource.key])
        for key in resource.foreign_keys:
            if key.resource in named:
                named[key.resource].append(own[key.field])
    keys = {
        name: pl.concat(every).drop_nulls().unique() if every else pl.Series([], dtype=pl.String)
        for name, every in named.items()
    }
    if "actors" in keys and "actors" in beside.shared:
        keys["actors"] = _with_wholes(keys["actors"], beside.shared["actors"])
    found = {}
    for name, frame in came.items():
        parts = [frame]
        if name in beside.shared:
            resource = plan.contract[name]
            wanted = [
                col(at).is_in(keys[target].implode())
                for at, target in [
                    (resource.key, name),
                    *((k.field, k.resource) for k in resource.foreign_keys),
                ]
                # A row that is part of a wanted row is not itself wanted.
                if target in keys and (at == resource.key or target != name)
            ]
            parts.append(beside.shared[name].filter(pl.any_horizontal(wanted)))
        if name in beside.always:
            parts.append(beside.always[name])
        lent = [p.with_columns(pl.lit(False).alias(OWN)) for p in parts[1:]]
        every = pl.concat([frame, *lent]) if lent else frame
        stubs = every.filter(col(PART).is_null())
        every = every.filter(col(PART).is_not_null())
        every = every.sort(OWN, descending=True).unique(WHERE, keep="first")
        every = (
            every.join(beside.lines, on=[PART, "__block"], how="left")
            .with_columns((col("__before").fill_null(0) + col("__index") + 1).alias(ROW))
            .drop("__before")
            .sort(PART, ROW)
        )
        stubs = stubs.with_columns(pl.lit(None, pl.Int64).alias(ROW))
        found[name] = pl.concat([every, stubs]).with_row_index(LINE, offset=1)
    return found


def _with_wholes(keys: pl.Series, actors: pl.DataFrame) -> pl.Series:
    """The keys of actors, and of all that they are part of, directly or not."""
    while True:
        above = actors.filter(col("actor_id").is_in(keys.implode()))["part_of"].drop_nulls()
        more = pl.concat([keys, above]).unique()
        if len(more) == len(keys):
            return keys
        keys = more


def _came(plan: Plan, name: str, rows: pl.DataFrame | None) -> pl.DataFrame:
    if rows is not None:
        return rows
    strings = dict.fromkeys(plan.contract[name].field_names, pl.String)
    return pl.DataFrame(schema={**strings, **dict.fromkeys(WHERE, pl.Int64), OWN: pl.Boolean})


def _tables(
    root: Path, plan: Plan, rows: dict[str, pl.DataFrame]
) -> tuple[Tables, dict[str, pl.DataFrame]]:
    """The tables for the rules, and where each of their lines is in the corpus."""
    resources = plan.contract.resources
    paths = {name: root / resources[name].path for name in rows}
    tables = Tables(root, resources, paths, root, plan.listed)
    places = {}
    for name, frame in rows.items():
        tables.put(name, frame.select(LINE, *resources[name].field_names))
        tables.add(name, frame.height)
        if not frame[OWN].all():
            tables.own[name] = frame.filter(OWN)[LINE]
        places[name] = frame.select(PART, ROW)
        tables.lines[name] = frame[ROW]
    return tables, places


def _write(
    root: Path, plan: Plan, beside: Beside, received: Received, rows: dict[str, pl.DataFrame]
) -> list[str]:
    """Write the texts and the files of reference/ to where the rules look for them.

    Returns:
        The sources without a text in the table of texts.
    """
    if beside.references is not None:
        (root / "reference").mkdir()
        for name, content in beside.references.items():
            (root / "reference" / name).write_bytes(content)
    if not beside.has_texts:
        return []
    (root / "raw").mkdir()
    texts, bare = received.take("row", TEXTS), []
    if not plan.text_files and "sources" in rows:
        paths = rows["sources"].filter(OWN).select("source_id", path="text_path").drop_nulls()
        if texts is None:
            return paths["source_id"].to_list()
        bare = paths.join(texts, on="source_id", how="anti")["source_id"].to_list()
        texts = texts.join(paths, on="source_id")
    if texts is None:
        return []
    for path, content in texts.unique("path").select("path", "content").iter_rows():
        if re.fullmatch(r"raw/[^/].*", path) and ".." not in path.split("/"):
            target = root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    return bare


def _placed(
    d: Diagnostic, tables: Tables, places: dict[str, pl.DataFrame], beside: Beside
) -> Diagnostic:
    """A finding at its place in the corpus."""
    if d.line is None or d.resource not in places or d.path != tables.shown(d.resource):
        return d
    of_table = places[d.resource]

    def where(line: int) -> tuple[str, int]:
        part, row = of_table.row(line - 1)
        return beside.paths[part], row

    return moved(d, where)


def _identify(lent: pl.DataFrame, tables: Tables) -> None:
    """Mask cells of lent evidence that contradict its identifier.

    Only the piece that the evidence belongs to knows whether they point to anything.
    """
    for field, part in parts_of_identifier(col("evidence_id")).items():
        tables.mask("evidence", field, lent.filter(part != col(field))[LINE])


def _chained(plan: Plan, name: str, frame: pl.DataFrame) -> pl.DataFrame:
    """A piece's own rows that link to a row with a link of its own."""
    key, link = plan.contract[name].key, CHAINED[name]
    on = frame.filter(col(link).is_not_null())[key]
    rows = frame.filter(col(OWN) & col(link).is_in(on.drop_nulls().implode()))
    return rows.select(key, link, *WHERE)


def run(
    plan: Plan, names: list[str], beside: Beside, received: Iterable[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    """Validate a piece: a row for each finding, one for the rest, and one for unnamed texts."""
    got = Received(received)
    rows: list[tuple[str, str, int, bytes]] = []
    if (left := got.take("unnamed", TEXTS)) is not None:
        rows.append(("unnamed", "", 0, encoded(left)))
    outcome = validate(plan, names, beside, got)
    found, outcome.report.diagnostics = outcome.report.diagnostics, []
    rows += [("finding", d.code, d.line or 0, pickle.dumps(d)) for d in found]
    rows.append(("outcome", "", 0, pickle.dumps(outcome)))
    yield record_batch(rows, _ARROW)
