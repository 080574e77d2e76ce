"""The layers that read rows, in order."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from gazadata.contract import Contract, Resource
from gazadata.package import Package
from gazadata.validate import (
    actors,
    cells,
    coverage,
    evidence,
    fields,
    provenance,
    retired,
    semantics,
    spans,
    sweep,
)
from gazadata.validate.checks import CheckSet, Unrun
from gazadata.validate.checks import run as run_check_sets
from gazadata.validate.constraints import Constraints
from gazadata.validate.diagnostics import Report
from gazadata.validate.promised import tables_of
from gazadata.validate.repeats import Repeats
from gazadata.validate.tables import Tables


def run(package: Package, paths: dict[str, Path], report: Report, limit: int) -> None:
    """Run the layers tables, pandera, provenance and semantics on the readable files."""
    with tempfile.TemporaryDirectory(prefix="gazadata-") as folder:
        contract = package.contract
        listed = tables_of(contract)
        tables = Tables(package.root, contract.resources, paths, Path(folder), listed)
        _run(package, tables, report, limit)


def _run(package: Package, tables: Tables, report: Report, limit: int) -> None:
    for resource in fitting(package.contract, tables, report):
        if rows := sweep.sweep(resource, tables, report, limit):
            tables.add(resource.name, rows)
    tables.mask_found(report)
    before_rules(package, tables, report, limit)
    rules(package, tables, report, limit)
    for of_file in tables.references.values():
        report.merge(of_file)


def fitting(contract: Contract, tables: Tables, report: Report) -> Iterator[Resource]:
    """The tables that have a file, and a schema that can be applied to its rows."""
    for name, path in tables.paths.items():
        resource = contract[name]
        if not fields.patterns_fit(resource, report):
            continue
        fields.examples(resource, report)
        if path.suffix != ".parquet" or sweep.columns(resource, tables, report):
            yield resource


def before_rules(package: Package, tables: Tables, report: Report, limit: int) -> None:
    """Check the retired identifiers, and note which tables could not be read."""
    retired.check(package, tables, report, limit)
    unread = [name for name in package.contract.resources if name not in tables]
    if unread:
        report.notes.append(
            f"tables that could not be read, skipped by the later layers: {', '.join(unread)}"
        )


def rules(package: Package, tables: Tables, report: Report, limit: int) -> None:
    """Run the rules of cells and rows."""
    unrun = Unrun(tables)
    # Also for the queries of pandera, which asks for no engine.
    with pl.Config(set_engine_affinity=tables.engine):
        run_check_sets(ordered(package, tables, report, limit, unrun), tables, report, limit, unrun)
    report.failures += unrun.failures()
    report.rows = tables.rows


def ordered(
    package: Package, tables: Tables, report: Report, limit: int, unrun: Unrun
) -> Iterator[CheckSet]:
    """All checks, ordered so that a mistake is found before what follows from it.

    Each is made after those before it have run: later checks skip a cell that has a finding.
    """
    contract, there = package.contract, tables.rows.keys()
    is_cut, is_proven = {"sources", "passages"} <= there, {"sources", "quotes", "evidence"} <= there
    provenance.lacking(contract, tables, report, unrun)

    # Cells by themselves: their characters, types and constraints.
    yield from cells.check_sets(contract, tables)
    repeats = {name: Repeats(contract[name]) for name in tables.rows}
    for name, repeated in repeats.items():
        constraints = Constraints(contract[name], tables, limit)
        for batch in tables.batches(name):
            constraints.check(batch, report)
            repeated.add(batch)
    of_rows = list(semantics.check_sets(contract, tables))
    yield from semantics.only(of_rows, semantics.OF_KINDS)

    # Keys.
    for repeated in repeats.values():
        repeated.find(tables, report, limit)
    yield from cells.keys(contract, tables)

    # Texts and their sources.
    if is_cut:
        yield spans.cut_unheld(contract, tables)
    held = provenance.held_texts(package.root, tables, report, limit, unrun)
    yield from semantics.only(of_rows, semantics.OF_SOURCES)
    yield from semantics.cycles(contract, tables, unrun)
    yield from semantics.only(of_rows, semantics.OF_REPORTS)
    if is_proven:
        yield from coverage.moved(contract, tables, unrun)

    # Rules of the record that can tell which cell is wrong.
    yield from semantics.only(of_rows, semantics.OF_CELLS)
    yield from semantics.only(of_rows, semantics.OF_PAIRS)

    # Passages, quotes and evidence.
    if is_cut and held is not None:
        yield from spans.passages(contract, tables, held)
    if is_cut and "quotes" in there:
        yield from spans.quotes(contract, tables, held)
    loose: dict[str, pl.DataFrame] = {}
    if is_proven:
        yield from evidence.items(contract, tables, unrun, loose)
        yield from actors.check_sets(contract, tables, unrun)
        yield from provenance.looked_up(package.root, contract, tables, report, limit, unrun)

    # Mistakes of no single cell: rows that disagree, and whatever is missing or unused.
    for repeated in repeats.values():
        repeated.find_values(tables, report, limit)
    yield from semantics.later(of_rows)
    if is_proven:
        yield from coverage.needed(contract, tables, loose)
        yield from coverage.used(contract, tables)
