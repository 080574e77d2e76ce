"""How a rule is written, and how all rules of one frame are run in one pass over its rows.

A rule takes lazy frames and names the rows that break it. The same code serves thirteen small
tables and ten million rows, which are streamed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import polars as pl

from gazadata.contract import Resource
from gazadata.validate.diagnostics import LONGEST, Diagnostic, Place, Report
from gazadata.validate.promised import installed
from gazadata.validate.rules import RULES
from gazadata.validate.tables import BATCH, LINE, Tables


@dataclass(frozen=True)
class Check:
    """One question to each row of a frame.

    Attributes:
        code: the rule.
        field: the field at fault.
        bad: whether the row breaks the rule (null: it does not).
        found: what stands there, as a string.
        expected: what should stand there, as a string.
        applies: whether the rule has anything to look at in the row.
        relies: names (`cell`) of the cells of other rows that decide whether the row breaks the
            rule; those of the row itself are known from `bad`.
        counted: whether what it applies to counts as looked at; not where other checks of the
            rule look at the same.
    """

    code: str
    field: str
    bad: pl.Expr
    found: pl.Expr
    expected: pl.Expr
    applies: pl.Expr
    relies: tuple[pl.Expr, ...] = ()
    counted: bool = True


def cell(resource: str | pl.Expr, key: str | pl.Expr, field: str | pl.Expr) -> pl.Expr:
    """The name of a cell: `resource/key/field`, of which a string `key` is a column."""
    parts = (resource, pl.col(key) if isinstance(key, str) else key, field)
    return pl.concat_str(
        (pl.lit(part) if isinstance(part, str) else part for part in parts), separator="/"
    )


def check(
    code: str,
    field: str,
    bad: pl.Expr,
    *,
    found: pl.Expr | None = None,
    expected: pl.Expr | str = "",
    applies: pl.Expr | None = None,
    relies: Iterable[pl.Expr] = (),
    counted: bool = True,
) -> Check:
    """A check; what is found is the field's own cell unless said otherwise."""
    return Check(
        code,
        field,
        bad.fill_null(False),
        (pl.col(field) if found is None else found).cast(pl.String).fill_null(""),
        pl.lit(expected) if isinstance(expected, str) else expected.cast(pl.String),
        pl.repeat(True, pl.len()) if applies is None else applies.fill_null(False),
        tuple(relies),
        counted,
    )


@dataclass(frozen=True)
class Look:
    """A frame of rows of one resource, with their `LINE` and key, and what is asked of them."""

    resource: Resource
    frame: pl.LazyFrame
    checks: tuple[Check, ...]
    about: pl.Expr | None = None
    """For rows that are about another cell: `resource/row_id/field` of that cell."""
    shown: Callable[[pl.LazyFrame], pl.LazyFrame] | None = None
    """Joins to rows that break a rule what their findings show, and no rule asks for."""
    of: str = ""
    """The table that the rows are about, where it is another one."""
    related: Mapping[tuple[str, str], tuple[Place, ...]] = field(default_factory=dict)
    """Second places of findings, by the key of the row and the field."""


class Unrun:
    """The rules that could not look at a table, by why.

    A package may have schemas of its own, which lack a field that a rule asks for, or have it in
    another type. The other looks go on.
    """

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._why: dict[str, dict[str, dict[str, None]]] = {}

    def add(self, codes: Iterable[str], name: str, error: Exception) -> None:
        """Take in that these rules could not look at the table `name`."""
        rules = self._why.setdefault(_why(name, error, self._tables), {})
        for code in codes:
            rules.setdefault(code, {})[name] = None

    def lack(self, codes: Iterable[str], names: Iterable[str], what: str) -> None:
        """Take in that these rules could not look at these tables, as the package has no `what`."""
        rules = self._why.setdefault(f"the package has no {what}", {})
        for code in codes:
            rules.setdefault(code, {}).update(dict.fromkeys(names))

    @contextmanager
    def guard(self, codes: Iterable[str], name: str) -> Iterator[None]:
        """Take in that what is done here for these rules cannot be done."""
        try:
            yield
        except _CANNOT_RUN as error:
            self.add(codes, name, error)

    def failures(self) -> list[str]:
        """What could not be looked at and why, in a line for each reason."""
        lines = []
        for why, rules in self._why.items():
            by_tables: dict[str, list[str]] = {}
            for code, names in sorted(rules.items()):
                by_tables.setdefault(", ".join(names), []).append(code)
            said = (f"{', '.join(codes)} at {names}" for names, codes in by_tables.items())
            lines.append(
                f"{why}, so these rules could not look: {'; '.join(said)}. Restore in "
                "the contract what they ask for, or validate with the gazadata that it is of"
            )
        return lines


def run(looks: Iterable[Look], tables: Tables, report: Report, limit: int, unrun: Unrun) -> None:
    """Run every check, adding to the report what was looked at and at most `limit` findings each.

    One streamed pass counts; only where a count is not zero a second one looks up the rows.
    """
    for look in looks:
        if not look.checks:
            continue
        try:
            _run(look, tables, report, limit)
        except _CANNOT_RUN:
            for code in dict.fromkeys(c.code for c in look.checks):
                own = replace(look, checks=tuple(c for c in look.checks if c.code == code))
                with unrun.guard([code], look.of or look.resource.name):
                    _run(own, tables, report, limit)


_CANNOT_RUN = (pl.exceptions.PolarsError, KeyError)
"""What is raised where a field that a rule asks for is not there, or is of another type."""


def _why(name: str, error: Exception, tables: Tables) -> str:
    """Which fields the rules ask for that the schemas lack or have in another type.

    The rules are written for the schemas of the installed package.
    """
    said = str(error).splitlines()[0]
    words = set(re.findall(r"\w+", said))
    ours = installed()
    asked = ours.resources if ours else {}
    lacks: dict[tuple[str, str], str] = {}
    for table, resource in tables.resources.items():
        for one in asked[table].fields if table in asked else ():
            if one.name not in resource.field_names:
                lacks[table, one.name] = f"the schema of {table} has no field {one.name}"
            elif (has := resource[one.name].type) != one.type:
                lacks[table, one.name] = (
                    f"the field {one.name} of {table} is of the type {has}, not {one.type}"
                )
    named = [why for (_, name_of), why in lacks.items() if name_of in words]
    own = [why for (table, _), why in lacks.items() if table == name]
    if told := named or own or list(lacks.values()):
        return "; ".join(told)
    if isinstance(error, (pl.exceptions.ColumnNotFoundError, KeyError)):
        return f"a schema lacks a field ({said[:200]})"
    return f"a field is not of the type that the rules ask for ({said[:200]})"


def _run(look: Look, tables: Tables, report: Report, limit: int) -> None:
    if look.resource.name in tables.own:
        asked = tables.asked(look.resource.name)
        checks = (replace(c, applies=c.applies & asked) for c in look.checks)
        look = replace(look, checks=tuple(checks))
    counts = look.frame.select(
        *_looked_at(look.checks),
        *((c.bad & c.applies).sum().alias(f"b{i}") for i, c in enumerate(look.checks)),
    ).collect(engine=tables.engine)
    (row,) = counts.to_dicts()
    broken = [(c, found) for i, c in enumerate(look.checks) if (found := row[f"b{i}"] or 0)]
    # Nothing is reported of a look that cannot be run to its end.
    every = list(_findings(look, broken, tables, limit))
    for code in dict.fromkeys(c.code for c in look.checks):
        report.count(code, row.get(code) or 0)
    for c, found, listed in every:
        if not listed:
            report.failures.append(f"{c.code} counted {found:,} rows and could name none")
        # A row that joins to one that stands twice is counted twice, and is one finding.
        exact = found if len(listed) == limit else len(listed)
        report.count(c.code, 0, exact)
        report.add(listed)


def _looked_at(checks: tuple[Check, ...]) -> Iterator[pl.Expr]:
    """For each rule how many cells its checks apply to, or in how many rows one of them does."""
    by_rule: dict[str, list[pl.Expr]] = {}
    for c in checks:
        if c.counted:
            by_rule.setdefault(c.code, []).append(c.applies)
    for code, applies in by_rule.items():
        if RULES[code].unit == "cells":
            yield pl.sum_horizontal(one.sum() for one in applies).alias(code)
        else:
            yield pl.any_horizontal(applies).sum().alias(code)


def _findings(
    look: Look, found: list[tuple[Check, int]], tables: Tables, limit: int
) -> Iterator[tuple[Check, int, list[Diagnostic]]]:
    """The first `limit` findings of each check, all in one pass, however many there are."""
    if not found:
        return
    broken = [c for c, _ in found]
    bad = [c.bad & c.applies for c in broken]
    rows = look.frame.with_columns(one.alias(f"__bad{i}") for i, one in enumerate(bad))
    rows = rows.filter(pl.any_horizontal(f"__bad{i}" for i in range(len(bad))))
    rows = (look.shown(rows) if look.shown else rows).select(
        *(f"__bad{i}" for i in range(len(bad))),
        *(c.found.str.slice(0, LONGEST).alias(f"found{i}") for i, c in enumerate(broken)),
        *(c.expected.str.slice(0, LONGEST).alias(f"expected{i}") for i, c in enumerate(broken)),
        *(_relies(c).alias(f"relies{i}") for i, c in enumerate(broken)),
        line=pl.col(LINE),
        key=pl.col(look.resource.key),
        about=pl.lit(None, pl.String) if look.about is None else look.about,
    )
    kept: dict[int, pl.DataFrame] = {}
    for batch in rows.collect_batches(chunk_size=BATCH):
        for i in range(len(broken)):
            more = batch.filter(f"__bad{i}").select(
                "line", "key", "about",
                found=f"found{i}", expected=f"expected{i}", relies=f"relies{i}",
            )  # fmt: skip
            every = pl.concat([kept[i], more]) if i in kept else more
            kept[i] = every.unique().bottom_k(limit, by=["line", "found", "expected"])
    for i, (c, number) in enumerate(found):
        yield c, number, _diagnostics(look, c, kept[i], tables) if i in kept else []


def _relies(c: Check) -> pl.Expr:
    if not c.relies:
        return pl.lit("")
    return pl.concat_str(c.relies, separator="\n", ignore_nulls=True)


def _diagnostics(look: Look, c: Check, rows: pl.DataFrame, tables: Tables) -> list[Diagnostic]:
    path = tables.shown(look.resource.name)
    own = [name for name in c.bad.meta.root_names() if name in look.resource.field_names]
    return [
        Diagnostic.of(
            c.code,
            path,
            row["line"],
            resource=look.resource.name,
            row_id=row["key"],
            field=c.field,
            found=row["found"],
            expected=row["expected"] or None,
            about=row["about"],
            related=look.related.get((row["key"], c.field), ()),
            relies=(
                *(f"{path}:{row['line']}/{name}" for name in own),
                *filter(None, row["relies"].split("\n")),
            ),
        )
        for row in rows.sort("line", "found", "expected").to_dicts()
    ]
