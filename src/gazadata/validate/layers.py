"""The layers that read rows, one after another."""

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
    evidence,
    fields,
    provenance,
    retired,
    semantics,
    spans,
    sweep,
)
from gazadata.validate.checks import Look, Unrun
from gazadata.validate.checks import run as run_looks
from gazadata.validate.constraints import Constraints
from gazadata.validate.diagnostics import Report
from gazadata.validate.promised import tables_of
from gazadata.validate.repeats import Repeats
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
    tables.mask_found(report)
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
    """Check the retired identifiers, and note which tables could not be read."""
    retired.check(package, tables, report, limit)
    unread = [name for name in package.contract.resources if name not in tables]
    if unread:
        report.notes.append(
            f"skipped by the later layers, as they could not be read: {', '.join(unread)}"
        )


def rules(package: Package, tables: Tables, report: Report, limit: int) -> None:
    """Run the rules of cells and rows."""
    unrun = Unrun(tables)
    run_looks(ordered(package, tables, report, limit, unrun), tables, report, limit, unrun)
    report.failures += unrun.failures()
    report.rows = tables.rows


def ordered(
    package: Package, tables: Tables, report: Report, limit: int, unrun: Unrun
) -> Iterator[Look]:
    """All looks, in the order in which one mistake leads to the next.

    Each is made when those before it have run: a cell with a finding is passed over from then on.
    """
    contract, there = package.contract, tables.rows.keys()
    is_cut, is_proven = {"sources", "passages"} <= there, {"sources", "quotes", "evidence"} <= there
    provenance.lacking(contract, tables, report, unrun)

    # Cells by themselves: their characters, types and constraints.
    yield from cells.looks(contract, tables)
    repeats = {name: Repeats(contract[name]) for name in tables.rows}
    for name, repeated in repeats.items():
        constraints = Constraints(contract[name], tables, limit)
        for batch in tables.batches(name):
            constraints.look(batch, report)
            repeated.add(batch)
    record = list(semantics.looks(contract, tables))
    yield from semantics.only(record, semantics.OF_KINDS)

    # Keys.
    for repeated in repeats.values():
        repeated.find(tables, report, limit)
    yield from cells.keys(contract, tables)

    # Texts, and the sources that they are of.
    if is_cut:
        yield spans.cut_unheld(contract, tables)
    held = provenance.texts(package.root, tables, report, limit, unrun)
    yield from semantics.only(record, semantics.OF_SOURCES)
    yield from semantics.cycles(contract, tables, unrun)
    yield from semantics.only(record, semantics.OF_REPORTS)
    if is_proven:
        yield from evidence.moved(contract, tables, unrun)

    # The record, where a rule can tell which of its cells are wrong.
    yield from semantics.only(record, semantics.OF_CELLS)
    yield from semantics.only(record, semantics.OF_PAIRS)

    # Passages, quotes and evidence.
    if is_cut and held is not None:
        yield from spans.passages(contract, tables, held)
    if is_cut and "quotes" in there:
        yield from spans.quotes(contract, tables, held)
    loose: dict[str, pl.DataFrame] = {}
    if is_proven:
        yield from evidence.items(contract, tables, unrun, loose)
        yield from actors.looks(contract, tables, unrun)
        yield from provenance.looked_up(package.root, contract, tables, report, limit, unrun)

    # What is wrong by no cell alone: rows that do not agree, and what is missing or not used.
    for repeated in repeats.values():
        repeated.find_values(tables, report, limit)
    yield from semantics.later(record)
    if is_proven:
        yield from evidence.needed(contract, tables, loose)
        yield from evidence.used(contract, tables)
