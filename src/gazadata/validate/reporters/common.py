"""What all formats share: options, safe text, places, and totals."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from gazadata.text import HIDDEN
from gazadata.validate import all_rules
from gazadata.validate.diagnostics import Diagnostic, Report

LAYERS = {
    "GD0": "package",
    "GD1": "files",
    "GD2": "tables",
    "GD3": "provenance",
    "GD4": "semantics",
}
"""The groups of rules, by the first three characters of their codes."""

ON_SCREEN = 20
"""How many findings of a rule the formats for people show without --all."""

NOTHING = "nothing checked"

_LONGEST = 600

# Includes line breaks, tabs and lone surrogates, which cannot be part of a line in a terminal.
_UNPRINTABLE = re.compile(f"{HIDDEN.pattern}|[\t\n\r\ud800-\udfff]")


@dataclass(frozen=True)
class Options:
    """How a report is rendered.

    Attributes:
        strict: warnings count as errors.
        plain: for screen readers: words instead of colours, arrows and carets.
        every: show every finding, not only `ON_SCREEN` of each rule.
        colour: use colours (only the full format does).
        width: columns of the terminal.
        prefix: the package's folder relative to where paths are read from, with a slash, or empty;
            for a package outside of it, the path as it was given.
    """

    strict: bool = False
    plain: bool = False
    every: bool = False
    colour: bool = False
    width: int = 100
    prefix: str = ""

    @property
    def outside(self) -> bool:
        """Whether the package is outside the folder that paths are read from."""
        return self.prefix.startswith("../") or Path(self.prefix).is_absolute()


def visible(text: str) -> str:
    """The text in one line, with invisible characters as codes such as <U+200B>.

    Cells are not trusted: an escape sequence would run in the terminal.
    """
    return _UNPRINTABLE.sub(lambda match: f"<U+{ord(match[0]):04X}>", text)


def short(text: str) -> str:
    """The text made visible, and cut if it is too long to read."""
    if len(text) <= _LONGEST:
        return visible(text)
    return f"{visible(text[:_LONGEST])}… ({len(text) - _LONGEST:,} characters more)"


def shown_path(path: str, options: Options) -> str:
    """A package file's path relative to where paths are read from, made visible."""
    return visible(options.prefix + path)


def position(d: Diagnostic, options: Options) -> str:
    """`path:line:column`, without what the finding lacks."""
    line = [] if d.line is None else [d.line]
    column = [] if d.column is None or not line else [d.column]
    return ":".join(map(str, [shown_path(d.path, options), *line, *column]))


def owner(d: Diagnostic) -> list[str]:
    """The row and the field of a finding in words, or its table."""
    named = (("row", d.row_id), ("field", d.field))
    words = [f"{label} {short(name)}" for label, name in named if name]
    return words or ([f"table {short(d.resource)}"] if d.resource else [])


def value(text: str) -> str:
    """A cell's text for a person; an empty cell is "nothing"."""
    return short(text) if text else "nothing"


def one_line(d: Diagnostic) -> str:
    """The problem, what was found and expected, and a suggestion, in one line."""
    parts = [
        f"{label} {value(text)}"
        for label, text in (("found", d.found), ("expected", d.expected))
        if text is not None
    ]
    if d.suggestion is not None:
        parts.append(suggested(d.suggestion))
    line = visible(d.message) or all_rules()[d.code].title
    return f"{line}: {', '.join(parts)}" if parts else line


def suggested(text: str) -> str:
    """A suggestion as a question."""
    return f"did you mean “{short(text)}”?"


def faults(report: Report) -> str:
    """Why a package does not pass, in a few words."""
    parts = [f"{plural(report.errors, 'error')} in the package"] if report.errors else []
    if report.failures:
        parts.append("some rules could not run")
    return " and ".join(parts) or "nothing was checked"


def verdict(report: Report, options: Options) -> str:
    """Whether the package passed, with the numbers of findings, in one line."""
    parts = [plural(report.errors, "error"), plural(report.warnings, "warning")]
    if report.failures:
        parts.append("some rules could not run")
    if not report.checked_anything:
        parts.append("nothing was checked")
    line = ", ".join(parts)
    if report.ok(strict=options.strict):
        return f"passed: {line}"
    strict = options.strict and report.warnings and not report.errors
    return f"failed: {line}{' (--strict)' if strict else ''}"


def plural(number: int, noun: str) -> str:
    """`1 error`, `2 errors`."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


def amount(number: int, unit: str) -> str:
    """`1 package`, `2 packages`, for the unit that a rule counts."""
    if unit == "evidence":
        return f"{plural(number, 'row')} of evidence"
    return plural(number, unit.removesuffix("s"))


@dataclass(frozen=True)
class Layer:
    """What the rules of one layer checked.

    `checked` has the maximum over the rules for each unit, so that nothing is counted twice.
    """

    name: str
    ran: int
    rules: int
    checked: dict[str, int]
    found: int

    @property
    def amounts(self) -> str:
        """What was checked, in one line."""
        return ", ".join(amount(number, unit) for unit, number in self.checked.items()) or NOTHING


def layers(report: Report) -> list[Layer]:
    """The totals of each layer, in order."""
    rules, totals = all_rules(), report.totals
    sums = []
    for start, name in LAYERS.items():
        codes = [code for code in rules if code.startswith(start)]
        counts = [report.counts[code] for code in codes if code in report.counts]
        checked: dict[str, int] = {}
        for count in counts:
            if count.checked:
                checked[count.unit] = max(count.checked, checked.get(count.unit, 0))
        ran = sum(count.checked > 0 for count in counts)
        found = sum(totals.get(code, 0) for code in codes)
        sums.append(Layer(name, ran, len(codes), checked, found))
    return sums


def idle(report: Report) -> list[str]:
    """The rules that had nothing to check."""
    checked = {code for code, count in report.counts.items() if count.checked}
    return [code for code in all_rules() if code not in checked]


def notes(report: Report) -> list[str]:
    """The notes of a report, and which rules had nothing to check."""
    skipped = idle(report)
    if not skipped:
        return report.notes
    more = f" and {len(skipped) - 10} more" if len(skipped) > 10 else ""
    why = "not run (nothing to check, or an earlier finding prevents it)"
    return [*report.notes, f"{why}: {', '.join(skipped[:10])}{more}"]


def failures(report: Report) -> list[str]:
    """Why a report is incomplete: checks that could not run, or that nothing was checked."""
    return report.failures if report.checked_anything else [*report.failures, "nothing was checked"]


def selected(report: Report, options: Options) -> tuple[list[Diagnostic], list[str]]:
    """The findings to show to a person, and lines on how many are not shown."""
    kept: Counter[str] = Counter()
    chosen = []
    for d in report.diagnostics:
        kept[d.code] += 1
        if options.every or kept[d.code] <= ON_SCREEN:
            chosen.append(d)
    shown = Counter(d.code for d in chosen)
    hidden = []
    for code, total in sorted(report.totals.items()):
        if total > shown[code]:
            # Findings that were counted but not kept may follow from others.
            most = "up to " if total > kept[code] else ""
            hidden.append(f"{most}{total - shown[code]:,} more of {code} not shown; use --all")
    return chosen, hidden


def errors_first(report: Report) -> list[Diagnostic]:
    """All findings, errors first."""
    return sorted(report.diagnostics, key=lambda d: d.severity != "error")
