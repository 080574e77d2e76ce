"""The provenance layer: texts, passages, quotes, and the evidence of every cell."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from gazadata.contract import CUES, Contract, ForeignKey, Resource, inside
from gazadata.errors import ContractError
from gazadata.validate import actors, evidence, references
from gazadata.validate.checks import CheckSet, Unrun
from gazadata.validate.diagnostics import Report
from gazadata.validate.promised import weakened
from gazadata.validate.schema_findings import add_finding
from gazadata.validate.tables import Tables
from gazadata.validate.texts import read_texts

_OF_TEXTS = ("GD301", "GD302", "GD303", "GD304")

_BY_TEXTS = ("GD311", "GD312", "GD313", "GD321", "GD322", "GD324")
"""Rules that compare passages and quotes with the texts."""

_READ = (
    (_OF_TEXTS, ("sources",)),
    (("GD311", "GD312", "GD313"), ("sources", "passages")),
    (("GD321", "GD322", "GD323", "GD324"), ("sources", "passages", "quotes")),
    (("GD331",), ("sources", "passages", "quotes", "evidence")),
    (("GD332", "GD336", *evidence.CODES, "GD348"), ("sources", "quotes", "evidence")),
    (("GD352",), actors.READ),
)
"""Rules, and the tables without which they cannot run."""


_BY_PROPERTY = {
    "gazadata:verbatim": ("GD345",),
    "gazadata:reference": ("GD347", "GD348"),
    "gazadata:recipientRequired": ("GD406",),
}
"""Rules that check only fields with a certain property of our own."""


def held_texts(
    root: Path, tables: Tables, report: Report, limit: int, unrun: Unrun
) -> pl.LazyFrame | None:
    """Check the held texts; returns `source_id` and `__text` of those read, None without raw/."""
    if "sources" not in tables:
        return None
    there = _folder(root, "raw", report, "quotes and passages were not compared with the texts")
    held: pl.LazyFrame | None = None
    with unrun.guard((*_OF_TEXTS, *_BY_TEXTS) if there else _OF_TEXTS, "sources"):
        held = read_texts(root, tables, report, limit, with_texts=there)
    return held if there else None


def looked_up(
    root: Path, contract: Contract, tables: Tables, report: Report, limit: int, unrun: Unrun
) -> Iterator[CheckSet]:
    """Check that cells agree with the references that their evidence names."""
    if any(references.coded(contract[name]) for name in tables.rows):
        else_ = "codes and identifiers were not compared with it"
        with unrun.guard(["GD348"], "evidence"):
            if _folder(root, "reference", report, else_):
                yield from references.check_sets(root, contract, tables, limit, unrun)
            elif not (root / "reference").is_symlink():
                references.missing(contract, tables, report)


def lacking(contract: Contract, tables: Tables, report: Report, unrun: Unrun) -> None:
    """Record which rules cannot run because the package lacks something that they read.

    Listed tables that cannot be read, and misspelt names, are findings instead.
    """
    resources = contract.resources.values()
    proven = [r.name for r in resources if r.proven_fields]
    hedged = [r.name for r in resources if {"certainty", "hedge"} <= {*r.field_names}]
    for codes, read in _READ:
        if proven and (lacks := [name for name in read if name not in tables.listed]):
            unrun.lack(
                codes, proven, f"table {' and no table '.join(f'`{name}`' for name in lacks)}"
            )
    pointing = [r.name for r in resources if any(_is_named(r, key) for key in r.foreign_keys)]
    if pointing and "names" not in tables.listed:
        unrun.lack(["GD341"], pointing, "table `names`")
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
    """Whether evidence may state what a key refers to by one of its names."""
    return key.resource in ("actors", "topics") and resource[key.field].evidence_required


def _folder(root: Path, name: str, report: Report, else_: str) -> bool:
    """Whether the package has a folder from which texts or references may be read.

    A link out of the package is reported, and nothing in it is read or named.
    """
    try:
        inside(root, name)
    except ContractError as error:
        report.count("GD005", 1)
        add_finding(
            report, "GD005", path=name, found=str(error), expected="a folder in the package"
        )
        return False
    if (root / name).is_dir():
        return True
    report.notes.append(f"there is no {name}/, so {else_}")
    return False
