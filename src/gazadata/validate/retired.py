"""What data/retired.csv says: identifiers that were given up, and are not given again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from polars import col

from gazadata import retired
from gazadata.contract import NAME
from gazadata.errors import ReadError
from gazadata.package import Package
from gazadata.retired import Retired
from gazadata.validate.diagnostics import Diagnostic, Report
from gazadata.validate.rules import RULES
from gazadata.validate.tables import LINE, Tables
from gazadata.version import parse

RULE = RULES["GD211"]

_NEAR = 0.8
"""How alike two names are that are one and a slip of the pen: no two tables of this package are."""


def check(package: Package, tables: Tables, report: Report, limit: int) -> None:
    """Hold each row against the tables, none of whose keys may have been given up."""
    report.count(RULE.code, sum(tables.rows.values()), RULE.unit)
    path = retired.find(package.root)
    if path is None:
        return
    try:
        found = list(_wrong(package, tables, retired.read(package.root)))
    except ReadError as error:
        line, _, what = str(error).removeprefix(f"{path}:").partition(": ")
        found = [(int(line), what, f"CSV in UTF-8 with the columns {', '.join(retired.COLUMNS)}")]
    report.count(RULE.code, 0, RULE.unit, len(found))
    report.add(
        Diagnostic(
            RULE.code,
            RULE.title,
            path.relative_to(package.root).as_posix(),
            line,
            found=what,
            expected=expected,
            help=RULE.remedy,
        )
        for line, what, expected in found[:limit]
    )


def _wrong(package: Package, tables: Tables, rows: list[Retired]) -> Iterator[tuple[int, str, str]]:
    """The line of each mistake, what stands there, and what should."""
    known = list(package.contract.resources)
    now = parse(package.contract.version)
    twice = Counter(row.key for row in rows)
    given_up = {row.key: row.replaced_by for row in rows}
    there = {
        name: _lines(package, tables, name, [row for row in rows if row.resource == name])
        for name in {row.resource for row in rows} & set(tables.rows)
    }
    for row in rows:
        # A table that is gone may have had any name, but hardly one that is a letter off.
        near = get_close_matches(row.resource, known, n=1, cutoff=_NEAR)
        if row.resource not in known and (near or not NAME.fullmatch(row.resource)):
            meant = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
            expected = f"a table of the package, or the name of one that it no longer has; {meant}"
            yield row.line, f"resource {row.resource or 'empty'}", expected
            continue
        if not row.row_id or twice[row.key] > 1:
            yield row.line, f"row_id {row.row_id or 'empty'}", "each identifier once"
        keys = there.get(row.resource, {})
        if row.row_id in keys:
            where = f"{tables.paths[row.resource].relative_to(package.root)}:{keys[row.row_id]}"
            yield row.line, f"row_id {row.row_id}, which stands in {where}", "one that is given up"
        is_read = row.resource in there or row.resource not in known
        if is_read and not _leads_on(row, keys, given_up):
            expected = f"a key of {row.resource}, one that was given up for another later, or none"
            yield row.line, f"replaced_by {row.replaced_by}", expected
        if not row.reason:
            yield row.line, "reason empty", "why it was given up"
        version = parse(row.version)
        if not version:
            yield row.line, f"version {row.version or 'empty'}", "the first version without it"
        elif now and version.core > now.core:
            expected = f"the first version without it: {now.core}, or an earlier one"
            yield row.line, f"version {row.version}", expected


def _leads_on(row: Retired, keys: Mapping[str, int], given_up: dict[tuple[str, str], str]) -> bool:
    """Whether what replaces an identifier is a key, or was given up in its turn.

    What a release says of it stays as it was when the replacement is given up too.
    """
    seen, key = {row.row_id}, row.replaced_by
    while key and key not in keys:
        if key in seen or (row.resource, key) not in given_up:
            return False
        seen.add(key)
        key = given_up[row.resource, key]
    return True


def _lines(package: Package, tables: Tables, name: str, rows: list[Retired]) -> dict[str, int]:
    """Those of the keys named in some rows that the table has, and their lines."""
    key = package.contract[name].key
    named = sorted({row.row_id for row in rows} | {row.replaced_by for row in rows})
    found = tables.strings(name).filter(col(key).is_in(named)).select(key, LINE)
    return dict(found.collect(engine=tables.engine).iter_rows())
