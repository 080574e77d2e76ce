"""What validation reports: findings, and what was looked at to be able to say so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

Severity = Literal["error", "warning"]

OF_THE_CELL = ("GD334", "GD341", "GD344", "GD351")
"""Rules that hold evidence against the value of its cell, and fail where that is broken."""


@dataclass(frozen=True, order=True)
class Place:
    """A second place that a finding is about, such as the nearest words in the article."""

    path: str
    line: int | None
    text: str
    start: int = 0
    end: int = 0
    """Code points of `text` to be marked, the end excluded."""


@dataclass(frozen=True)
class Diagnostic:
    """One finding: which rule, where, what was found, what is expected, and how to mend it.

    Lines and columns count from 1, columns in code points; None where a finding has none.
    """

    code: str
    message: str
    path: str
    line: int | None = None
    column: int | None = None
    resource: str | None = None
    row_id: str | None = None
    field: str | None = None
    found: str | None = None
    expected: str | None = None
    help: str | None = None
    severity: Severity = "error"
    related: tuple[Place, ...] = ()
    about: str | None = None
    """For a row that is about another cell (evidence): `resource/row_id/field` of that cell."""

    @property
    def place(self) -> tuple[str, int, int]:
        """Path, line and column for sorting."""
        return self.path, self.line or 0, self.column or 0


@dataclass(frozen=True)
class Count:
    """What one rule looked at, and how many of it it found at fault."""

    checked: int
    unit: str
    found: int = 0


@dataclass
class Report:
    """The findings of a validation, and the proof that it ran.

    `counts` maps every rule's code to what it looked at; `found` there counts all findings, of
    which `diagnostics` holds at most `limit` a rule. `failures` names layers that could not run.
    """

    package: str
    version: str
    diagnostics: list[Diagnostic] = field(default_factory=list)
    counts: dict[str, Count] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)
    lines: dict[str, dict[int, str]] = field(default_factory=dict)
    """The lines that findings are on, by path and number, to be shown."""

    @property
    def errors(self) -> int:
        """How many findings are errors."""
        return sum(d.severity == "error" for d in self.diagnostics)

    @property
    def warnings(self) -> int:
        """How many findings are warnings."""
        return sum(d.severity == "warning" for d in self.diagnostics)

    @property
    def looked(self) -> bool:
        """Whether any rule looked at anything: a report of nothing is never a pass."""
        return any(count.checked for count in self.counts.values())

    def ok(self, *, strict: bool = False) -> bool:
        """Whether the package passed: everything ran, no error, and (strict) no warning."""
        clean = not self.failures and not self.errors and not (strict and self.warnings)
        return clean and self.looked

    def count(self, code: str, checked: int, unit: str, found: int = 0) -> None:
        """Add to what the rule `code` looked at."""
        before = self.counts.get(code, Count(0, unit))
        self.counts[code] = Count(before.checked + checked, unit, before.found + found)

    def add(self, found: Iterable[Diagnostic]) -> None:
        """Take in findings, sharing their place with none that says the same of the same cell."""
        self.diagnostics.extend(found)

    def merge(self) -> None:
        """One mistake, one finding: keep per cell what the earliest layer says of it.

        A cell that breaks the schema is not also reported for what follows from its value, there
        or in its evidence; a row that could not be split into cells is reported as that alone;
        that a row is out of order is said only where nothing else is wrong with its key.
        """
        unsplit = {(d.path, d.line) for d in self.diagnostics if d.code == "GD107"}
        kept: dict[tuple[str, int | None, str | None, str], Diagnostic] = {}
        # A cell is known by its place: keys can be empty or stand twice. Evidence knows keys alone.
        broken: set[tuple[str, int | None, str | None]] = set()
        named: set[str] = set()
        for d in sorted(self.diagnostics, key=lambda d: (d.code == "GD108", d.code, d.place)):
            if d.code != "GD107" and d.line and (d.path, d.line) in unsplit:
                continue
            cell = (d.path, d.line, d.field)
            if cell in broken or (d.code in OF_THE_CELL and d.about in named):
                continue
            of_schema = d.code < "GD300" and d.line is not None and d.field is not None
            if of_schema:
                broken.add(cell)
                named.add(f"{d.resource}/{d.row_id}/{d.field}")
            key = (*cell, "" if of_schema else f"{d.code}{d.found}{d.expected}")
            kept.setdefault(key, d)
        before = Counter(d.code for d in self.diagnostics)
        self.diagnostics = sorted(kept.values(), key=lambda d: (d.place, d.code))
        # The counts go with what is reported: what was merged into another finding is not found.
        after = Counter(d.code for d in self.diagnostics)
        for code, count in self.counts.items():
            found = count.found - (before[code] - after[code])
            self.counts[code] = replace(count, found=max(found, after[code]))
