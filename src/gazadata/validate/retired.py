"""What data/retired.csv says: identifiers that were given up, and are not given again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from polars import col

from gazadata import retired
from gazadata.errors import ReadError
from gazadata.package import Package
from gazadata.retired import Retired
from gazadata.validate.diagnostics import Diagnostic, Report
from gazadata.validate.rules import RULES
from gazadata.validate.tables import LINE, Tables
from gazadata.version import parse

RULE = RULES["GD211"]


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
    twice = Counter((row.resource, row.row_id) for row in rows)
    there = {
        name: _lines(package, tables, name, [row for row in rows if row.resource == name])
        for name in {row.resource for row in rows} & set(tables.rows)
    }
    for row in rows:
        if row.resource not in package.contract.resources:
            tables_of = ", ".join(package.contract.resources)
            yield row.line, f"resource {row.resource or 'empty'}", f"one of {tables_of}"
            continue
        if not row.row_id or twice[row.resource, row.row_id] > 1:
            yield row.line, f"row_id {row.row_id or 'empty'}", "each identifier once"
        keys = there.get(row.resource, {})
        if row.row_id in keys:
            where = f"{tables.paths[row.resource].relative_to(package.root)}:{keys[row.row_id]}"
            yield row.line, f"row_id {row.row_id}, which stands in {where}", "one that is given up"
        if row.replaced_by and row.resource in there and row.replaced_by not in keys:
            yield row.line, f"replaced_by {row.replaced_by}", f"a key of {row.resource}, or none"
        if not row.reason:
            yield row.line, "reason empty", "why it was given up"
        if not parse(row.version):
            yield row.line, f"version {row.version or 'empty'}", "the first version without it"


def _lines(package: Package, tables: Tables, name: str, rows: list[Retired]) -> dict[str, int]:
    """Those of the keys named in some rows that the table has, and their lines."""
    key = package.contract[name].key
    named = sorted({row.row_id for row in rows} | {row.replaced_by for row in rows})
    found = tables.strings(name).filter(col(key).is_in(named)).select(key, LINE)
    return dict(found.collect(engine=tables.engine).iter_rows())
