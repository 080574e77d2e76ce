"""What changes in a package's files when its rows change, as bytes and in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gazadata.curate.canonical import canonical_csv
from gazadata.curate.derive import Problem, derive
from gazadata.curate.layout import coded_tables
from gazadata.curate.record import Cells, Record
from gazadata.curate.tables import Row, Table


@dataclass
class Changes:
    """Changes to be written.

    Attributes:
        record: the package as it will be.
        files: the new bytes of each file that changes.
        lines: what changes, one line per row.
        removes: whether rows are removed.
        read: the bytes of the files that were read.
    """

    record: Record
    files: dict[Path, bytes] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    removes: bool = False
    read: dict[Path, bytes] = field(default_factory=dict)


def derived(record: Record) -> tuple[Record, list[Problem]]:
    """The record with the cells that `gazadata fmt` fills in, and the problems it found."""
    tables = {
        name: Table(
            file.resource,
            file.path,
            b"",
            [Row(number, dict(cells)) for number, cells in enumerate(record.rows[name], 2)],
        )
        for name, file in record.files.items()
    }
    problems = derive(record.package.root, tables)
    return record.changed({n: [row.cells for row in t.rows] for n, t in tables.items()}), problems


def still_used(before: Record, quotes: Iterable[Cells], evidence: Iterable[Cells]) -> list[Cells]:
    """The quotes that evidence uses, and those that none used before either."""
    were_used = {row["quote_id"] for row in before.rows["evidence"]}
    used = {row["quote_id"] for row in evidence}
    return [row for row in quotes if row["quote_id"] in used or row["quote_id"] not in were_used]


def changes_of(before: Record, after: Record) -> Changes:
    """The files that differ between two states of a package, and how their rows differ."""
    files = {}
    for name, resource in before.contract.resources.items():
        names = resource.field_names
        rows = [[row[field_name] for field_name in names] for row in after.rows[name]]
        content = canonical_csv(names, rows, resource.key)
        file = before.files[name]
        if content != file.content:
            files[file.path] = content
    read = {file.path: file.content for file in before.files.values()}
    removes = any(
        before.by_key(name).keys() - after.by_key(name).keys()
        for name in before.files.keys() - {"evidence"}
    )
    return Changes(after, files, list(_changes(before, after)), removes, read)


def _changes(before: Record, after: Record) -> Iterator[str]:
    """What differs between two states of a package, in words."""
    for resource in [before.contract["passages"], *coded_tables(before.contract)]:
        old, new = before.by_key(resource.name), after.by_key(resource.name)
        for sign, one, other in (("-", before, after), ("+", after, before)):
            for key in sorted(one.by_key(resource.name).keys() - other.by_key(resource.name)):
                number = len(one.evidence.get((resource.name, key), ()))
                rows = f" ({number} row{'s' * (number != 1)} of evidence)" if number else ""
                yield f"{sign} {resource.name}/{key}{rows}"
        for key in sorted(old.keys() & new.keys()):
            cells = [
                f"{name} {old[key][name] or 'empty'} → {new[key][name] or 'empty'}"
                for name in resource.field_names
                if old[key][name] != new[key][name]
            ]
            was = set(before.evidence.get((resource.name, key), ()))
            now = set(after.evidence.get((resource.name, key), ()))
            if fields := sorted({item.field for item in was ^ now}):
                cells.append(f"evidence of {', '.join(fields)}")
            if cells:
                yield f"~ {resource.name}/{key}: {'; '.join(cells)}"
    old, new = before.by_key("quotes"), after.by_key("quotes")
    for key in sorted(old.keys() - new.keys()):
        yield f"- quotes/{key} (no longer used)"
    if added := len(new.keys() - old.keys()):
        yield f"+ {added} quote{'s' * (added != 1)}"
