"""What validation reports: findings, and how much each rule checked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from gazadata import frictionless_worker
from gazadata.contract.strict_json import At
from gazadata.validate.rules import RULES, Severity

_PARQUET_HINT = (
    "It only works on CSV: fix the table there, and write the Parquet file from it again."
)

LONGEST = frictionless_worker.LONGEST
"""How many code points of a cell a finding repeats."""

LINE_SHOWN = 100_000
"""How many code points of a line are kept for reports."""


@dataclass(frozen=True, order=True)
class Place:
    """A second place that a finding is about, such as the nearest words in the article."""

    path: str
    line: int | None
    text: str
    start: int = 0
    end: int = 0
    """The span of `text` to mark, in code points, the end excluded."""


@dataclass(frozen=True)
class Diagnostic:
    """A finding: which rule, where, what was found, what is expected, and how to fix it.

    Lines and columns count from 1, columns in code points; None if a finding has none.
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
    at: At = ()
    """In a JSON file, the path from the named field or resource to the value at fault."""
    about: str | None = None
    """For a row that is about another cell (evidence): `resource/row_id/field` of that cell."""
    suggestion: str | None = None
    """What was probably meant, if something is close to what was found."""
    elsewhere: int = 0
    """How many other places show the same mistake."""
    refers_to: tuple[str, str] | None = None
    """For a cell that should name a row, and names none: the table and its key field."""
    mistake: str | None = None
    """What findings of one mistake share, if several pieces (Spark) may report it."""
    rests_on: str | None = None
    """Another cell that may be the wrong one: `resource/row_id/field`."""

    @classmethod
    def of(
        cls, code: str, path: str, line: int | None = None, *, help: str | None = None, **more: Any
    ) -> Diagnostic:
        """A finding by the rule `code`; without `help`, with the rule's remedy."""
        rule = RULES[code]
        fix = rule.remedy
        if path.endswith(".parquet") and "`gazadata fmt`" in fix:
            fix = f"{fix} {_PARQUET_HINT}"
        return cls(
            code, rule.title, path, line, help=help or fix, **({"severity": rule.severity} | more)
        )

    @property
    def place(self) -> tuple[str, int, int]:
        """Path, line and column, for sorting."""
        return self.path, self.line or 0, self.column or 0


@dataclass(frozen=True)
class Count:
    """How much a rule checked, and how many findings it has."""

    checked: int
    unit: str
    found: int = 0


@dataclass
class Report:
    """The findings of a validation, and the proof that it ran.

    `counts` maps every rule's code to how much it checked and found. It counts all findings, while
    `diagnostics` holds at most `limit` per rule. `failures` names rules and layers that could not
    run.
    """

    package: str
    version: str
    diagnostics: list[Diagnostic] = field(default_factory=list)
    counts: dict[str, Count] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)
    lines: dict[str, dict[int, str]] = field(default_factory=dict)
    """The lines that findings are on, by path and number, for reports."""

    @property
    def totals(self) -> dict[str, int]:
        """How many findings each rule has, including those that were not kept."""
        kept = Counter(d.code for d in self.diagnostics)
        found = {code: max(count.found, kept[code]) for code, count in self.counts.items()}
        return dict(kept) | found

    @property
    def errors(self) -> int:
        """How many findings are errors, including those that were not kept."""
        return self._of("error")

    @property
    def warnings(self) -> int:
        """How many findings are warnings, including those that were not kept."""
        return self._of("warning")

    def _of(self, severity: Severity) -> int:
        kept = Counter(d.code for d in self.diagnostics)
        # A text that a release leaves out is a warning, although its rule reports errors. So
        # findings that were not kept have the severity of those that were.
        of = {d.code: d.severity for d in self.diagnostics}
        more = (
            total - kept[code]
            for code, total in self.totals.items()
            if of.get(code, RULES[code].severity) == severity
        )
        return sum(d.severity == severity for d in self.diagnostics) + sum(more)

    @property
    def checked_anything(self) -> bool:
        """Whether any rule checked anything; if not, the package does not pass."""
        return any(count.checked for count in self.counts.values())

    def ok(self, *, strict: bool = False) -> bool:
        """Whether the package passed: everything ran, no error, and (strict) no warning."""
        clean = not self.failures and not self.errors and not (strict and self.warnings)
        return clean and self.checked_anything

    def count(self, code: str, checked: int, found: int = 0) -> None:
        """Add to the numbers of what the rule `code` checked and found."""
        before = self.counts.get(code, Count(0, RULES[code].unit))
        self.counts[code] = replace(
            before, checked=before.checked + checked, found=before.found + found
        )

    def add(self, found: Diagnostic) -> None:
        """Add and count one finding."""
        self.count(found.code, 0, 1)
        self.keep([found])

    def merge(self, other: Report) -> None:
        """Add the counts and findings of another report."""
        for code, count in other.counts.items():
            self.count(code, count.checked, count.found)
        self.failures += other.failures
        self.keep(other.diagnostics)

    def keep(self, found: Iterable[Diagnostic]) -> None:
        """Add findings that are counted already."""
        self.diagnostics.extend(found)
