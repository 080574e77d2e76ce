"""data/retired.csv: the retired identifiers, and what replaces them.

It is not a resource of the package, because a table without rows is a finding, and most releases
retire nothing. No row ever gets a key from it, and the entries of a release stay in later ones,
word for word. It may name a table that the package no longer has.
"""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass, field
from pathlib import Path

from gazadata import sniff
from gazadata.contract import inside
from gazadata.errors import ContractError, LineError
from gazadata.package import Package
from gazadata.text import clean

# Python's default limit, 131,072 characters, is less than a cell may hold.
csv.field_size_limit((1 << 31) - 1)

COLUMNS = ("resource", "row_id", "replaced_by", "reason", "version")


@dataclass(frozen=True)
class Retired:
    """A retired identifier; `line`, its line in the file (from 2), does not affect equality."""

    line: int = field(compare=False)
    resource: str
    row_id: str
    replaced_by: str
    reason: str
    version: str

    @property
    def key(self) -> tuple[str, str]:
        """The retired identifier: its table and key."""
        return self.resource, self.row_id

    @property
    def cells(self) -> tuple[str, ...]:
        """The row in the order of `COLUMNS`."""
        return self.resource, self.row_id, self.replaced_by, self.reason, self.version

    def __str__(self) -> str:
        after = f"replaced by {self.replaced_by}" if self.replaced_by else "not replaced"
        return f"{self.resource}/{self.row_id}: {after}; {self.reason} ({self.version})"


def refused(root: Path, path: Path) -> str | None:
    """Why a file must not be read, if so: a pipe could block, a link can lead out."""
    try:
        inside(root, path.relative_to(root).as_posix())
    except ContractError as error:
        return str(error)
    if not path.is_file():
        return "not a file"
    return None if os.access(path, os.R_OK) else "a file that cannot be read"


def read(package: Package) -> list[Retired]:
    """Every row of a package's file, its cells in NFC with LF; empty if there is no file.

    Raises:
        StoreError: the package is a release, and the file differs from its manifest.
        LineError: it is not a file of the package, not UTF-8, or not CSV with the columns
            `COLUMNS`.
    """
    path = package.retired_file()
    if path is None:
        return []
    if why := refused(package.root, path):
        raise LineError(path, 1, why)
    line = 1
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            if tuple(next(reader, ())) != COLUMNS:
                raise _not_the_table(path, 1, f"the columns must be {','.join(COLUMNS)}")
            rows = []
            # Cells may contain line breaks, so a row begins where the previous one ends.
            line = reader.line_num + 1
            for row in reader:
                if len(row) != len(COLUMNS):
                    there = f"{len(row)} cell{'s' * (len(row) != 1)}" if row else "a blank line"
                    raise _not_the_table(path, line, there, f"{len(COLUMNS)} cells")
                rows.append(Retired(line, *map(clean, row)))
                line = reader.line_num + 1
            return rows
    except UnicodeDecodeError:
        other = sniff.table(path, COLUMNS)
        why = f"found {other}" if other else "not UTF-8; save it as UTF-8"
        raise LineError(path, 1, why) from None
    except csv.Error as error:
        raise LineError(path, line, f"not CSV: {error}") from None


def _not_the_table(path: Path, line: int, found: str, expected: str = "") -> LineError:
    """What is wrong at a line; if something else is in the file's place, what that is."""
    if other := sniff.table(path, COLUMNS):
        return LineError(path, other.line, f"found {other}")
    return LineError(path, line, found, expected)
