"""How a check is written, and how all checks of a frame are run in one pass over its rows.

Checks are expressions on lazy frames. The same code serves thirteen small tables and ten million
rows, which are streamed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import KW_ONLY, dataclass, replace
from dataclasses import field as attribute
from functools import cached_property

import polars as pl

from gazadata.contract import Resource
from gazadata.validate.diagnostics import LONGEST, Diagnostic, Place, Report
from gazadata.validate.promised import installed
from gazadata.validate.rules import RULES
from gazadata.validate.tables import BATCH, LINE, MASKED, Tables


@dataclass(frozen=True)
class Check:
    """One check of each row of a frame.

    It skips a row if a cell that it reads has a finding already. It reads the columns of `bad` and
    `applies`, the field itself, and those named in `reads`.

    Attributes:
        code: the rule.
        field: the field at fault.
        bad: whether the row breaks the rule (null: it does not).
        found: what is there; None: the cell of the field.
        expected: what should be there.
        applies: whether there is anything to check in the row (null: there is not); None: always.
        reads: further columns that decide, such as a key by which rows were joined.
        blames: the fields whose cells are masked for later checks if the row breaks the rule;
            None: the field.
        blames_target: whether the mistake may be in the cell that the row of evidence is for, which
            is masked, too.
        refers_to: for a cell that must name a row, the table and its key field.
        more: further attributes of the `Diagnostic`, by name.
        counted: whether the rows that it applies to count as checked; False if another check of
            the rule counts them.
    """

    code: str
    field: str
    bad: pl.Expr
    _: KW_ONLY
    found: pl.Expr | None = None
    expected: pl.Expr | str = ""
    applies: pl.Expr | None = None
    reads: Sequence[str] = ()
    blames: Sequence[str] | None = None
    blames_target: bool = False
    refers_to: tuple[str, str] | None = None
    more: Mapping[str, pl.Expr] = attribute(default_factory=dict)
    counted: bool = True

    @property
    def columns(self) -> set[str]:
        """The columns that decide whether a row breaks the rule."""
        applies = [] if self.applies is None else self.applies.meta.root_names()
        return {self.field, *self.reads, *self.bad.meta.root_names(), *applies}

    @property
    def breaks(self) -> pl.Expr:
        """Whether a row breaks the rule, whatever other findings it has."""
        return self.bad if self.applies is None else self.bad & self.applies

    def skips(self, columns: Collection[str]) -> pl.Expr:
        """Whether a cell that decides has a finding, by the masks among a frame's `columns`."""
        masks = sorted(f"{MASKED}{name}" for name in self.columns)
        return pl.any_horizontal(
            pl.lit(False), *(pl.col(mask).fill_null(False) for mask in masks if mask in columns)
        )

    def texts(self) -> dict[str, pl.Expr]:
        """The columns `found` and `expected` of a finding, as strings."""
        found = pl.col(self.field) if self.found is None else self.found
        expected = pl.lit(self.expected) if isinstance(self.expected, str) else self.expected
        return {
            "found": found.cast(pl.String).fill_null("").str.slice(0, LONGEST),
            "expected": expected.cast(pl.String).str.slice(0, LONGEST),
        }


@dataclass(frozen=True)
class CheckSet:
    """Checks, and the frame of rows that they run on, with each row's `LINE` and key.

    `frame` is called again for each broken rule, since findings mask cells.
    """

    resource: Resource
    frame: Callable[[], pl.LazyFrame]
    checks: tuple[Check, ...]
    about: pl.Expr | None = None
    """For rows that are about another cell: `resource/row_id/field` of that cell."""
    shown: Callable[[pl.LazyFrame], pl.LazyFrame] | None = None
    """Joins columns that only findings show to the rows that break a rule."""
    of: str = ""
    """The table that the rows are about, if it is not their own."""
    related: Mapping[tuple[str, str], tuple[Place, ...]] = attribute(default_factory=dict)
    """Second places of findings, by the key of the row and the field."""


TARGET_LINE = "__target_line"
"""In a frame of evidence: the line of the row that it is for, whose cell is masked, too."""


class Unrun:
    """The rules that could not run on a table, by reason.

    A package may have its own schemas, where a field that a rule needs is missing or has another
    type. All other rules still run.
    """

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._why: dict[str, dict[str, dict[str, None]]] = {}

    @cached_property
    def _lacks(self) -> dict[str, str]:
        """How the fields of each table differ from those that the rules need.

        The rules are written for the schemas of the installed package.
        """
        ours = installed()
        asked = ours.resources if ours else {}
        lacks: dict[str, list[str]] = {}
        for table, resource in self._tables.resources.items():
            for one in asked[table].fields if table in asked else ():
                if one.name not in resource.field_names:
                    lacks.setdefault(table, []).append(
                        f"the schema of {table} has no field {one.name}"
                    )
                elif (has := resource[one.name].type) != one.type:
                    lacks.setdefault(table, []).append(
                        f"the field {one.name} of {table} has the type {has}, not {one.type}"
                    )
        return {table: "; ".join(whys) for table, whys in lacks.items()}

    def add(self, codes: Iterable[str], name: str) -> None:
        """Record that these rules could not run on the table `name`."""
        why = self._lacks.get(name) or "; ".join(self._lacks.values())
        rules = self._why.setdefault(why or "the schemas differ from those the rules need", {})
        for code in codes:
            rules.setdefault(code, {})[name] = None

    def lack(self, codes: Iterable[str], names: Iterable[str], what: str) -> None:
        """Record that these rules could not run on these tables, as the package lacks `what`."""
        rules = self._why.setdefault(f"the package has no {what}", {})
        for code in codes:
            rules.setdefault(code, {}).update(dict.fromkeys(names))

    @contextmanager
    def guard(self, codes: Iterable[str], name: str) -> Iterator[None]:
        """Record these rules as not run if the code in this block fails for lack of a field."""
        try:
            yield
        except _CANNOT_RUN:
            self.add(codes, name)

    def failures(self) -> list[str]:
        """What could not run and why, one line for each reason."""
        lines = []
        for why, rules in self._why.items():
            by_tables: dict[str, list[str]] = {}
            for code, names in sorted(rules.items()):
                by_tables.setdefault(", ".join(names), []).append(code)
            said = (f"{', '.join(codes)} on {names}" for names, codes in by_tables.items())
            lines.append(
                f"{why}, so these rules could not run: {'; '.join(said)}. Restore what they need "
                "in the schemas or datapackage.json, or validate with the version of gazadata that "
                "the package was made for"
            )
        return lines


def run(
    check_sets: Iterable[CheckSet], tables: Tables, report: Report, limit: int, unrun: Unrun
) -> None:
    """Run every check, and add to the report its counts and at most `limit` findings of each.

    One streamed pass counts; only if a count is not zero, a second one fetches the rows.
    """
    for check_set in check_sets:
        if not check_set.checks:
            continue
        try:
            _run(check_set, tables, report, limit)
        except _CANNOT_RUN:
            for code in dict.fromkeys(c.code for c in check_set.checks):
                own = replace(
                    check_set, checks=tuple(c for c in check_set.checks if c.code == code)
                )
                with unrun.guard([code], check_set.of or check_set.resource.name):
                    _run(own, tables, report, limit)


_CANNOT_RUN = (pl.exceptions.PolarsError, KeyError)
"""Raised if a field that a rule needs is missing or has another type."""


def _run(check_set: CheckSet, tables: Tables, report: Report, limit: int) -> None:
    frame = check_set.frame()
    counts = frame.select(
        *_applying(check_set, tables),
        *(c.breaks.sum().alias(f"b{i}") for i, c in enumerate(check_set.checks)),
    ).collect()
    (row,) = counts.to_dicts()
    broken = [c for i, c in enumerate(check_set.checks) if row[f"b{i}"]]
    if broken:
        # Fails before anything is reported of a check set that cannot be run to its end.
        shown = check_set.shown(frame) if check_set.shown else frame
        for c in broken:
            shown.select(**c.texts(), **c.more).collect_schema()
    for code in dict.fromkeys(c.code for c in check_set.checks):
        report.count(code, row.get(code) or 0)
    for c in broken:
        number, listed = _findings(check_set, c, tables, limit)
        if number == 0 and _is_lost(check_set, c, tables):
            where = f"{c.code} on {check_set.of or check_set.resource.name}"
            report.failures.append(f"{where}: Polars found rows, but did not return them")
        report.count(c.code, 0, number)
        report.keep(listed)


def _applying(check_set: CheckSet, tables: Tables) -> Iterator[pl.Expr]:
    """How many cells, or else rows, the checks of each rule apply to."""
    own = tables.is_own(check_set.resource.name)
    by_rule: dict[str, list[pl.Expr]] = {}
    for c in check_set.checks:
        if c.counted:
            one = own if c.applies is None else c.applies & own
            by_rule.setdefault(c.code, []).append(one)
    for code, applies in by_rule.items():
        if RULES[code].unit == "cells":
            yield pl.sum_horizontal(one.sum() for one in applies).alias(code)
        else:
            yield pl.any_horizontal(applies).sum().alias(code)


def _findings(
    check_set: CheckSet, c: Check, tables: Tables, limit: int
) -> tuple[int, list[Diagnostic]]:
    """How many rows break a rule, and the first `limit` findings; masks the cells of all."""
    lines: list[pl.DataFrame] = []
    kept: pl.DataFrame | None = None
    for batch in _broken(check_set, c, tables).collect_batches(chunk_size=BATCH):
        lines.append(batch.select(LINE, *_OF_MASKS))
        more = batch.filter("own").drop(_OF_MASKS)
        kept = more if kept is None else pl.concat([kept, more])
        # A row joined to a duplicate row is still one finding.
        kept = kept.sort("found", "expected").unique(LINE, keep="first").bottom_k(limit, by=LINE)
    if kept is None:
        return 0, []
    broken = pl.concat(lines).unique()
    for at in (c.field,) if c.blames is None else c.blames:
        tables.mask(check_set.resource.name, at, broken[LINE].unique())
    targets = broken.drop_nulls().partition_by("target_field", as_dict=True)
    for (at,), part in targets.items():
        tables.mask(check_set.of, str(at), part["target_line"])
    return broken.filter("own")[LINE].n_unique(), _diagnostics(check_set, c, kept, tables)


def _is_lost(check_set: CheckSet, c: Check, tables: Tables) -> bool:
    """Whether rows break a rule although none were returned: a panic ends batches silently."""
    if check_set.resource.name in tables.own:
        return False
    frame = check_set.frame()
    rows = frame.filter(c.breaks & ~c.skips(frame.collect_schema().names()))
    return bool(rows.select(pl.len()).collect().item())


_OF_MASKS = ("own", "target_line", "target_field")


def _broken(check_set: CheckSet, c: Check, tables: Tables) -> pl.LazyFrame:
    """The rows that break a rule, with what their findings show and which cells these mask."""
    name, frame = check_set.resource.name, check_set.frame()
    columns = frame.collect_schema().names()
    rows = frame.filter(c.breaks & ~c.skips(columns))
    if not c.columns <= {*check_set.resource.field_names}:
        # In a piece (Spark), the other rows lack what they are joined to.
        rows = rows.filter(tables.is_own(name))
    blames_target = c.blames_target and TARGET_LINE in columns
    return (check_set.shown(rows) if check_set.shown else rows).select(
        LINE,
        own=tables.is_own(name),
        target_line=TARGET_LINE if blames_target else pl.lit(None, pl.UInt32),
        target_field="field" if blames_target else pl.lit(None, pl.String),
        key=pl.col(check_set.resource.key),
        about=pl.lit(None, pl.String) if check_set.about is None else check_set.about,
        **c.texts(),
        **c.more,
    )


def _diagnostics(
    check_set: CheckSet, c: Check, rows: pl.DataFrame, tables: Tables
) -> list[Diagnostic]:
    return [
        Diagnostic.of(
            c.code,
            tables.shown(check_set.resource.name),
            row[LINE],
            resource=check_set.resource.name,
            row_id=row["key"],
            field=c.field,
            found=row["found"],
            expected=row["expected"] or None,
            about=row["about"],
            refers_to=c.refers_to,
            **{name: row[name] for name in c.more},
            related=check_set.related.get((row["key"], c.field), ()),
        )
        for row in rows.sort(LINE).to_dicts()
    ]
