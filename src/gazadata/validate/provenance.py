"""The provenance layer: texts, passages, quotes, and the evidence of every cell."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from gazadata.contract import CUES, Contract, ForeignKey, Resource, inside
from gazadata.errors import ContractError
from gazadata.validate import evidence, references, spans
from gazadata.validate.checks import Look, Unrun
from gazadata.validate.diagnostics import Report
from gazadata.validate.promised import weakened
from gazadata.validate.say import say
from gazadata.validate.tables import Tables
from gazadata.validate.texts import texts

_OF_TEXTS = ("GD301", "GD302", "GD303", "GD304")

_BY_TEXTS = ("GD311", "GD312", "GD313", "GD321", "GD322", "GD324")
"""Rules of the texts, and those that hold passages and quotes against them."""

_READ = (
    (_OF_TEXTS, ("sources",)),
    (("GD311", "GD312", "GD313"), ("sources", "passages")),
    (("GD321", "GD322", "GD323", "GD324"), ("sources", "passages", "quotes")),
    (("GD331",), ("sources", "passages", "quotes", "evidence")),
    (("GD332", *evidence.CODES, "GD348"), ("sources", "quotes", "evidence")),
)
"""Rules, and the tables without which they look at nothing."""


_BY_PROPERTY = {
    "gazadata:verbatim": ("GD345",),
    "gazadata:reference": ("GD347", "GD348"),
    "gazadata:recipientRequired": ("GD406",),
}
"""Rules that look only at the fields that have a property of our own."""


def looks(
    root: Path, contract: Contract, tables: Tables, report: Report, limit: int, unrun: Unrun
) -> Iterator[Look]:
    """Every look of this layer at the tables that could be read."""
    _lacking(contract, tables, report, unrun)
    if "sources" not in tables:
        return
    with_texts = _folder(root, "raw", report, "quotes and passages were not held against the texts")
    held: pl.LazyFrame | None = None
    rules = (*_OF_TEXTS, *_BY_TEXTS) if with_texts else _OF_TEXTS
    with unrun.guard(rules, "sources"):
        held = texts(root, tables, report, limit, with_texts=with_texts)
    if not with_texts:
        held = None
    if "passages" in tables:
        yield spans.cut_unheld(contract, tables)
        if held is not None:
            yield from spans.passages(contract, tables, held)
    if "quotes" in tables and "passages" in tables:
        yield from spans.quotes(contract, tables, held)
    if "evidence" in tables and "quotes" in tables:
        yield from evidence.used(contract, tables)
        yield from evidence.items(contract, tables, unrun)
        if any(references.coded(contract[name]) for name in tables.rows):
            else_ = "codes and identifiers were not held against it"
            with unrun.guard(["GD348"], "evidence"):
                if _folder(root, "reference", report, else_):
                    yield from references.looks(root, contract, tables, report, limit, unrun)
                elif not (root / "reference").is_symlink():
                    references.missing(contract, tables, report)


def _lacking(contract: Contract, tables: Tables, report: Report, unrun: Unrun) -> None:
    """Take in which rules look at nothing, as what they read is no part of the package.

    A table that is listed and cannot be read is a finding itself, as is a name that is misspelt.
    """
    resources = contract.resources.values()
    proven = [r.name for r in resources if any(field.evidence_required for field in r.fields)]
    hedged = [r.name for r in resources if {"certainty", "hedge"} <= {*r.field_names}]
    for codes, read in _READ:
        if proven and (lacks := [name for name in read if name not in tables.listed]):
            unrun.lack(codes, proven, f"table {' and no table '.join(lacks)}")
    pointing = [r.name for r in resources if any(_is_named(r, key) for key in r.foreign_keys)]
    if pointing and "names" not in tables.listed:
        unrun.lack(["GD341"], pointing, "table names")
    misspelt = {d.suggestion for d in report.diagnostics}
    for cues in CUES:
        if hedged and not contract.descriptor.get(cues) and cues not in misspelt:
            unrun.lack(["GD351"], hedged, cues)
    said = {(d.suggestion, d.resource, d.field) for d in report.diagnostics}
    gone = [one for one in weakened(contract) if one not in said]
    for key, by_it in _BY_PROPERTY.items():
        if fields := [(name, field) for of, name, field in gone if of == key]:
            at = ", ".join(f"{name}.{field}" for name, field in fields)
            unrun.lack(by_it, [name for name, _ in fields], f"{key} at {at}")


def _is_named(resource: Resource, key: ForeignKey) -> bool:
    """Whether evidence may state what a key points to, by one of its names."""
    return key.resource in ("actors", "topics") and resource[key.field].evidence_required


def _folder(root: Path, name: str, report: Report, else_: str) -> bool:
    """Whether the package has a folder, from which texts or references may be read.

    One that is a link to elsewhere is a finding of its own: nothing in it is looked at or named.
    """
    try:
        inside(root, name)
    except ContractError as error:
        report.count("GD005", 1)
        say(report, "GD005", path=name, found=str(error), expected="a folder in the package")
        return False
    if (root / name).is_dir():
        return True
    report.notes.append(f"there is no {name}/, so {else_}")
    return False
