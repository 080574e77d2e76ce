"""Checks of data/retired.csv, which lists the identifiers that no row may use again."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

from polars import DataFrame, String, UInt32

from gazadata import retired
from gazadata.contract import Contract, Resource
from gazadata.contract.schema import NAME
from gazadata.contract.version import parse
from gazadata.errors import LineError
from gazadata.package import RETIRED, Package
from gazadata.retired import Retired
from gazadata.validate import cells
from gazadata.validate.checks import Unrun, run
from gazadata.validate.diagnostics import Diagnostic, Report
from gazadata.validate.files import check_bytes, check_header, is_other
from gazadata.validate.promised import tables_of
from gazadata.validate.rules import rule
from gazadata.validate.tables import LINE, Tables, unhyphened, unhyphened_column

FORM = Resource.read(
    {"name": RETIRED},
    {
        "fields": [{"name": name, "type": "string"} for name in retired.COLUMNS],
        "primaryKey": "row_id",
    },
    RETIRED,
)
"""A schema for the file, which is not a table, so that the checks of tables can run on it."""

_NEAR = 0.8
"""The minimum similarity of a misspelt name: no two tables of this package are so alike."""


class Found(NamedTuple):
    """A mistake in a line of the file; `refers_to` as in `Diagnostic`."""

    line: int
    field: str
    found: str
    expected: str
    refers_to: tuple[str, str] | None = None


rule(
    "GD211",
    title="invalid entry in the list of retired identifiers",
    reason="Older work cites these identifiers, so each stays listed and is never reused.",
    example="`azerbaijan` in data/retired.csv while it is still a key of `actors`",
    remedy=(
        "Give the new row another key, or correct the line in data/retired.csv. Do not change a "
        "line that has been released."
    ),
)


def check(package: Package, tables: Tables, report: Report, limit: int) -> None:
    """Check the file, and that no key of a table is retired."""
    report.count("GD211", sum(tables.rows.values()))
    path = package.retired_file()
    if path is None or retired.refused(package.root, path):
        return  # The package layer reports it.
    shown = path.relative_to(package.root).as_posix()
    if not _is_table(path, shown, report, limit):
        return
    try:
        rows = retired.read(package)
    except LineError as error:
        wanted = error.expected or f"{len(FORM.fields)} cells"
        _report(report, "GD107", shown, [Found(error.line, "", error.found, wanted)], limit)
        return
    broken = [row.line for row in rows if any("\n" in cell for cell in row.cells)]
    if broken:
        rows_ = [
            Found(line, "", "a row with a line break in a cell", "a row in one line")
            for line in broken
        ]
        _report(report, "GD107", shown, rows_, limit)
        return
    if not any(d.path == shown for d in report.diagnostics):
        # Mistakes in characters are not in canonical form either.
        _report(report, "GD108", shown, _uncanonical(path, rows), limit)
    if rows:
        _cells(tables, path, rows, report, limit)
    reported = {(d.line, d.field) for d in report.diagnostics if d.path == shown}
    wrong = [one for one in _wrong(package, tables, rows) if (one.line, one.field) not in reported]
    _report(report, "GD211", shown, wrong, limit)


def _cells(tables: Tables, path: Path, rows: list[Retired], report: Report, limit: int) -> None:
    """Run the checks of cells that every table gets."""
    form = Tables(tables.root, {FORM.name: FORM}, {FORM.name: path}, tables.folder)
    frame = DataFrame(
        [(row.line, *(cell or None for cell in row.cells)) for row in rows],
        {LINE: UInt32, **dict.fromkeys(retired.COLUMNS, String)},
        orient="row",
    )
    form.put(FORM.name, frame)
    form.add(FORM.name, len(rows))
    form.mask_found(report)
    of_cells = cells.check_sets(Contract({}, form.resources), form)
    run(of_cells, form, report, limit, Unrun(tables))


def _is_table(path: Path, shown: str, report: Report, limit: int) -> bool:
    """Whether the file can be read as a table; if not, the reason is reported."""
    if is_other(path, shown, FORM.name, report):
        return False
    whole = check_bytes(path, shown, FORM, report, limit)
    return check_header(path, shown, FORM, report) and whole


def _report(report: Report, code: str, shown: str, found: list[Found], limit: int) -> None:
    report.count(code, 0, len(found))
    report.keep(
        Diagnostic.of(
            code,
            shown,
            one.line,
            resource=FORM.name,
            field=one.field or None,
            found=one.found,
            expected=one.expected,
            refers_to=one.refers_to,
        )
        for one in found[:limit]
    )


def _uncanonical(path: Path, rows: list[Retired]) -> list[Found]:
    """The first line that `gazadata fmt` would change."""
    from gazadata.curate.canonical import canonical_retired

    pairs = zip_longest(
        *(c.decode("utf-8").split("\n") for c in (path.read_bytes(), canonical_retired(rows)))
    )
    for line, (there, canonical) in enumerate(pairs, start=1):
        if there != canonical:
            return [Found(line, "", there or "", canonical or "no line")]
    return []


def _wrong(package: Package, tables: Tables, rows: list[Retired]) -> Iterator[Found]:
    """Each mistake in what the rows state about the tables."""
    known = list(package.contract.resources)
    promised = tables_of(package.contract)
    now = parse(package.contract.version)
    twice = Counter(row.key for row in rows)
    replacements = {row.key: row.replaced_by for row in rows}
    there = {
        name: _lines(package, tables, name, [row for row in rows if row.resource == name])
        for name in {row.resource for row in rows} & set(tables.rows)
    }
    for row in rows:
        # A removed table may have had any name, but hardly one that is a letter off.
        lost = row.resource not in known
        near = get_close_matches(row.resource, known, n=1, cutoff=_NEAR) if lost else []
        if near or (lost and not NAME.fullmatch(row.resource)):
            meant = f"did you mean {near[0]}?" if near else f"its tables are {', '.join(known)}"
            expected = f"a table that the package has or once had; {meant}"
            yield Found(row.line, "resource", f"resource {row.resource or 'empty'}", expected)
            continue
        if not row.row_id or twice[row.key] > 1:
            found = f"row_id {row.row_id or 'empty'}"
            yield Found(row.line, "row_id", found, "each identifier once")
        elif row.resource in known and (form := _ill_formed(package.contract[row.resource], row)):
            expected = f"a key that {row.resource} could have had, which matches {form}"
            yield Found(row.line, "row_id", f"row_id {row.row_id}", expected)
        keys = there.get(row.resource, {})
        at = {unhyphened(row.resource, key): key for key in keys}
        key = row.row_id if row.row_id in keys else at.get(unhyphened(row.resource, row.row_id))
        # A key may be replaced by one that differs only in hyphens.
        if key is not None and (key == row.row_id or key != row.replaced_by):
            where = f"{tables.paths[row.resource].relative_to(package.root)}:{keys[key]}"
            # The place is in `expected`, since `found` identifies the finding after rows move.
            it = "it" if key == row.row_id else key
            expected = f"a retired identifier, but {it} is still a key in {where}"
            yield Found(row.line, "row_id", f"row_id {row.row_id}", expected)
        is_read = row.resource in there or row.resource not in promised
        if is_read and not _leads_on(row, keys, replacements):
            table, refers_to = row.resource, None
            if table in known:
                refers_to = table, package.contract[table].key
                table += f" ({refers_to[1]})"
            expected = f"a key of {table}, an identifier that was itself replaced, or none"
            found = f"replaced_by {row.replaced_by}"
            yield Found(row.line, "replaced_by", found, expected, refers_to)
        if not any(map(str.isalpha, row.reason)):
            found = f"reason {row.reason or 'empty'}"
            yield Found(row.line, "reason", found, "why it was retired, in words")
        version = parse(row.version)
        if not version:
            found = f"version {row.version or 'empty'}"
            yield Found(row.line, "version", found, "the first version without it")
        elif not version.is_final:
            expected = f"the final version, {version.core}"
            yield Found(row.line, "version", f"version {row.version}", expected)
        elif now and version > now.core:
            expected = f"the first version without it: {now.core} or an earlier one"
            yield Found(row.line, "version", f"version {row.version}", expected)


def _leads_on(
    row: Retired, keys: Mapping[str, int], replacements: dict[tuple[str, str], str]
) -> bool:
    """Whether the replacement of an identifier is a key, or was itself retired and replaced.

    When a replacement is retired, too, the released entry that names it does not change.
    """
    seen, key = {row.row_id}, row.replaced_by
    while key and key not in keys:
        if key in seen or (row.resource, key) not in replacements:
            return False
        seen.add(key)
        key = replacements[row.resource, key]
    return True


def _ill_formed(resource: Resource, row: Retired) -> str | None:
    """The pattern of a table's keys, if the identifier does not match it."""
    pattern = resource[resource.key].pattern
    return pattern if pattern and not re.fullmatch(pattern, row.row_id) else None


def _lines(package: Package, tables: Tables, name: str, rows: list[Retired]) -> dict[str, int]:
    """The keys of the table that these rows name, ignoring hyphens, and their lines."""
    key = package.contract[name].key
    named = {unhyphened(name, one) for row in rows for one in (row.row_id, row.replaced_by)}
    here = unhyphened_column(name, key).is_in(sorted(named))
    found = tables.strings(name).filter(here).select(key, LINE)
    return dict(found.collect().iter_rows())
