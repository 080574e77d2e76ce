"""The layers that read rows, one after another."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from gazadata.contract import Contract, Resource
from gazadata.package import Package
from gazadata.validate import cells, fields, provenance, retired, semantics, sweep
from gazadata.validate.checks import Unrun
from gazadata.validate.checks import run as run_looks
from gazadata.validate.diagnostics import Report
from gazadata.validate.promised import tables_of
from gazadata.validate.tables import Tables


def run(package: Package, paths: dict[str, Path], report: Report, limit: int) -> None:
    """Run the layers tables, pandera, provenance and semantics on files that can be read."""
    with tempfile.TemporaryDirectory(prefix="gazadata-") as folder:
        contract = package.contract
        listed = tables_of(contract)
        tables = Tables(package.root, contract.resources, paths, Path(folder), listed)
        _run(package, tables, report, limit)


def _run(package: Package, tables: Tables, report: Report, limit: int) -> None:
    for resource in fitting(package.contract, tables, report):
        if rows := sweep.sweep(resource, tables, report, limit):
            tables.add(resource.name, rows)
    names(package, tables, report, limit)
    rules(package, tables, report, limit)
    for said in tables.references.values():
        report.take(said)


def fitting(contract: Contract, tables: Tables, report: Report) -> Iterator[Resource]:
    """The tables with files whose schemas can be applied to rows."""
    for name, path in tables.paths.items():
        resource = contract[name]
        if not fields.patterns_fit(resource, report):
            continue
        fields.examples(resource, report)
        if path.suffix != ".parquet" or sweep.columns(resource, tables, report):
            yield resource


def names(package: Package, tables: Tables, report: Report, limit: int) -> None:
    """Check the identifiers that were given up, and say which tables could not be read."""
    given_up = retired.check(package, tables, report, limit)
    unread = [name for name in package.contract.resources if name not in tables]
    if unread:
        report.notes.append(
            f"not looked at by the later layers, as they could not be read: {', '.join(unread)}"
        )
    if given_up:
        looks = cells.looks(Contract({}, given_up.resources), given_up)
        run_looks(looks, given_up, report, limit, Unrun(tables))


def rules(package: Package, tables: Tables, report: Report, limit: int) -> None:
    """Run the rules that compare the cells of rows, with each other and with the texts."""
    contract, unrun = package.contract, Unrun(tables)
    for looks in (
        cells.looks(contract, tables),
        provenance.looks(package.root, contract, tables, report, limit, unrun),
        semantics.looks(contract, tables, unrun),
    ):
        run_looks(looks, tables, report, limit, unrun)
    report.failures += unrun.failures()
    report.rows = tables.rows
