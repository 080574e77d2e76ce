"""What all formats share: the options, safe text, places, and the sums over a report."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from gazadata.text import HIDDEN
from gazadata.validate.diagnostics import Diagnostic, Report
from gazadata.validate.rules import RULES

LAYERS = {
    "GD0": "package",
    "GD1": "files",
    "GD2": "tables",
    "GD3": "provenance",
    "GD4": "semantics",
}
"""What the rules are grouped by: the first three characters of their codes."""

ON_SCREEN = 20
"""How many findings of a rule are shown to a person who did not ask for all."""

_LONGEST = 600

# Beyond what a table may not hold: line breaks, tabs and halves of pairs.
_UNPRINTABLE = re.compile(f"{HIDDEN.pattern}|[\t\n\r\ud800-\udfff]")


@dataclass(frozen=True)
class Options:
    """How a report is to be rendered.

    Attributes:
        strict: warnings count as failures.
        plain: for screen readers: words in place of colours, arrows and carets.
        every: show every finding, not `ON_SCREEN` of each rule.
        colour: use colours (the full format alone has them).
        width: columns of the terminal.
        prefix: the package's folder as seen from where paths are read, with a slash, or empty;
            as it was given where it lies elsewhere.
    """

    strict: bool = False
    plain: bool = False
    every: bool = False
    colour: bool = False
    width: int = 100
    prefix: str = ""

    @property
    def elsewhere(self) -> bool:
        """Whether the package lies outside of the folder from which paths are read."""
        return self.prefix.startswith("../") or Path(self.prefix).is_absolute()


def visible(text: str) -> str:
    """The text in one line, with each character that cannot be seen as its code: <U+200B>.

    What stands in a table is not to be trusted: an escape sequence would run in the terminal.
    """
    return _UNPRINTABLE.sub(lambda match: f"<U+{ord(match[0]):04X}>", text)


def short(text: str) -> str:
    """The text made visible, without what is too long to be read."""
    if len(text) <= _LONGEST:
        return visible(text)
    return f"{visible(text[:_LONGEST])}… ({len(text) - _LONGEST:,} characters more)"


def shown_path(path: str, options: Options) -> str:
    """The path of a file of the package, made visible, from where paths are read."""
    return visible(options.prefix + path)


def position(d: Diagnostic, options: Options) -> str:
    """`path:line:column`, as far as the finding has them."""
    parts = [shown_path(d.path, options)]
    if d.line is not None:
        parts.append(str(d.line))
        if d.column is not None:
            parts.append(str(d.column))
    return ":".join(parts)


def owner(d: Diagnostic) -> list[str]:
    """Which row and field the finding is about, in words."""
    named = (("row", d.row_id), ("field", d.field))
    words = [f"{label} {short(name)}" for label, name in named if name]
    if not words and d.resource:
        words.append(f"table {short(d.resource)}")
    return words


def value(text: str) -> str:
    """A cell's text for a person; an empty one is named."""
    return short(text) if text else "nothing"


def one_line(d: Diagnostic) -> str:
    """What is wrong, found, expected and probably meant, in one line."""
    line = visible(d.message) or RULES[d.code].title
    said = [
        f"{label} {value(text)}"
        for label, text in (("found", d.found), ("expected", d.expected))
        if text is not None
    ]
    if d.suggestion is not None:
        said.append(suggested(d.suggestion))
    return f"{line}: {', '.join(said)}" if said else line


def suggested(text: str) -> str:
    """What is probably meant, as a question."""
    return f"did you mean “{short(text)}”?"


def passed(report: Report, options: Options) -> bool:
    """Whether the package passed; a report in which nothing was looked at is never a pass."""
    return report.ok(strict=options.strict)


def verdict(report: Report, options: Options) -> str:
    """Whether the package passed, and the numbers of findings, in one line."""
    errors, warnings = report.errors, report.warnings
    said = [plural(errors, "error"), plural(warnings, "warning")]
    if report.failures:
        said.append(f"{plural(len(report.failures), 'check')} could not be made")
    if not report.looked:
        said.append("nothing was looked at")
    line = ", ".join(said)
    if passed(report, options):
        return f"passed: {line}"
    strict = options.strict and warnings and not errors
    return f"failed: {line}" + (" (--strict)" if strict else "")


def plural(number: int, noun: str) -> str:
    """`1 error`, `2 errors`."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


def amount(number: int, unit: str) -> str:
    """`2 packages`, `1 package`, of a unit that a rule counts in."""
    return f"{number:,} {unit.removesuffix('s') if number == 1 else unit}"


def amounts(looked: dict[str, int]) -> str:
    """What a layer looked at, in one line; empty where that is nothing."""
    return ", ".join(amount(number, unit) for unit, number in looked.items())


@dataclass(frozen=True)
class Layer:
    """What the rules of one layer looked at.

    `looked` has for each unit the most that one rule looked at, so nothing is counted twice.
    """

    name: str
    ran: int
    rules: int
    looked: dict[str, int]
    found: int


def layers(report: Report) -> list[Layer]:
    """The sums of each layer, in order."""
    found = report.totals
    sums = []
    for start, name in LAYERS.items():
        codes = [code for code in RULES if code.startswith(start)]
        counts = [report.counts[code] for code in codes if code in report.counts]
        looked: dict[str, int] = {}
        for count in counts:
            if count.checked:
                looked[count.unit] = max(count.checked, looked.get(count.unit, 0))
        ran = sum(count.checked > 0 for count in counts)
        sums.append(Layer(name, ran, len(codes), looked, sum(found.get(code, 0) for code in codes)))
    return sums


def idle(report: Report) -> list[str]:
    """The rules that had nothing to look at."""
    return [code for code in RULES if code not in report.counts or not report.counts[code].checked]


def idle_line(report: Report) -> str:
    """The rules that had nothing to look at, in words; empty where there are none."""
    codes = idle(report)
    if not codes:
        return ""
    more = f" and {len(codes) - 10} more" if len(codes) > 10 else ""
    return f"nothing to look at: {', '.join(codes[:10])}{more}"


def selected(report: Report, options: Options) -> tuple[list[Diagnostic], list[str]]:
    """The findings to be shown to a person, and lines that say how many were left out."""
    seen: Counter[str] = Counter()
    chosen = []
    for d in report.diagnostics:
        seen[d.code] += 1
        if options.every or seen[d.code] <= ON_SCREEN:
            chosen.append(d)
    shown = Counter(d.code for d in chosen)
    left = []
    for code, total in sorted(report.totals.items()):
        if total > seen[code]:
            # Of those that were not kept, some may follow from others.
            left.append(f"up to {total - shown[code]:,} more of {code} left out; --all shows them")
        elif total > shown[code]:
            left.append(
                f"{total - shown[code]:,} more of {code} left out; --all shows all {total:,}"
            )
    return chosen, left


def worst(report: Report) -> list[Diagnostic]:
    """The findings, errors first."""
    return sorted(report.diagnostics, key=lambda d: d.severity != "error")
