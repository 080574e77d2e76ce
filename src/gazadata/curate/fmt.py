"""Bringing the files of a package into canonical form, with the cells that can be computed."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from gazadata import retired
from gazadata.curate.canonical import canonical_csv, canonical_retired
from gazadata.curate.codebook import BEGIN, codebook
from gazadata.curate.derive import Problem, derive
from gazadata.curate.tables import read_bytes, read_table
from gazadata.package import Package


@dataclass(frozen=True)
class Formatting:
    """What to write, and what a person has to decide.

    `files` holds the canonical bytes of the files that are not in canonical form, and `read` the
    bytes of all files that were read.
    """

    files: dict[Path, bytes]
    problems: list[Problem]
    read: dict[Path, bytes] = field(default_factory=dict, compare=False, repr=False)


def format_package(package: Package) -> Formatting:
    """Bring a package's tables and its generated codebook into canonical form.

    This includes the retired identifiers. Columns are put in the schema's order, and what can be
    derived is filled in (see `gazadata.curate.derive.derive`). Nothing is written.

    Raises:
        ReadError: a file is missing or does not match the contract; the text names the line.
        ContractError: a path is outside the package.
    """
    tables = {
        name: read_table(package.path(name), resource)
        for name, resource in package.contract.resources.items()
    }
    problems = derive(package.root, tables)
    files = {}
    known = {table.path: table.content for table in tables.values()}
    for table in tables.values():
        problems += (
            Problem.of(table, row, f"{name} has a line break; write the cell on one line")
            for row in table.rows
            for name, cell in row.cells.items()
            if "\n" in cell
        )
        names = table.resource.field_names
        rows = [[row.cells[name] for name in names] for row in table.rows]
        content = canonical_csv(names, rows, table.resource.key)
        if content != table.content:
            files[table.path] = content
    if retired_file := package.retired_file():
        known[retired_file] = read_bytes(retired_file)
        content = canonical_retired(retired.read(package))
        if content != known[retired_file]:
            files[retired_file] = content
    path = package.root / "docs" / "codebook.md"
    old = read_bytes(path) if path.exists() else b""
    new = codebook(package.contract).encode("utf-8")
    if old.startswith(BEGIN.encode("utf-8")) and old != new:
        files[path] = new
        known[path] = old
    return Formatting(files, problems, known)
