"""The formats for people: full (compiler style, or plain for screen readers) and concise."""

from __future__ import annotations

import textwrap
from collections.abc import Callable

from gazadata.validate import all_rules
from gazadata.validate.diagnostics import Diagnostic, Place, Report
from gazadata.validate.reporters.common import (
    Options,
    layers,
    notes,
    one_line,
    owner,
    plural,
    position,
    selected,
    short,
    shown_path,
    suggested,
    value,
    verdict,
    visible,
)

_STYLES = {
    "error": "1;31",
    "warning": "1;33",
    "failed": "1;31",
    "passed": "1;32",
    "strong": "1",
    "frame": "34",
}
"""Parameters of ANSI's "select graphic rendition"."""


def concise(report: Report, options: Options) -> str:
    """One line per finding: `path:line:column: CODE message: found ..., expected ...`."""
    chosen, hidden = selected(report, options)
    lines = [f"{position(d, options)}: {d.code} {one_line(d)}" for d in chosen]
    ran = plural(sum(layer.ran for layer in layers(report)), "rule")
    lines += [*hidden, *_remarks(report), f"{verdict(report, options)}; {ran} checked"]
    return "\n".join(lines) + "\n"


def full(report: Report, options: Options) -> str:
    """Each finding with its line, carets, found and expected values, help and reason."""
    if options.plain:
        return _plain(report, options)
    paint = _painter(colour=options.colour)
    chosen, hidden = selected(report, options)
    lines = []
    for d in chosen:
        lines += [*_finding(d, report, options), ""]
    lines += [*hidden, ""] if hidden else []
    lines.append(paint(f"checked {_named(report)}", "strong"))
    rows = [
        (
            layer.name,
            f"{layer.ran} of {plural(layer.rules, 'rule')}",
            plural(layer.found, "finding"),
        )
        for layer in layers(report)
    ]
    a, b, c = (max(map(len, column)) for column in zip(*rows, strict=True))
    lines += [
        f"  {name:<{a}}  {ran:>{b}}  {found:>{c}}  {layer.amounts}"
        for (name, ran, found), layer in zip(rows, layers(report), strict=True)
    ]
    lines += _remarks(report, paint)
    style = "passed" if report.ok(strict=options.strict) else "failed"
    return "\n".join([*lines, paint(verdict(report, options), style)]) + "\n"


Paint = Callable[[str, str], str]
"""Applies a style of `_STYLES` to a text."""


def _plainly(text: str, _: str) -> str:
    return text


def _painter(*, colour: bool) -> Paint:
    if not colour:
        return _plainly
    return lambda text, style: f"\x1b[{_STYLES[style]}m{text}\x1b[0m"


def _finding(d: Diagnostic, report: Report, options: Options) -> list[str]:
    from gazadata.validate.reporters.excerpt import differences, draw, in_cell, span_of

    paint = _painter(colour=options.colour)
    gutter = max(len(str(line or "")) for line in (d.line, *(p.line for p in d.related)))
    width = max(options.width, 40)
    room = max(width - gutter - 4, 20)
    blank = paint(f"{' ' * gutter} |", "frame")

    def arrow(where: str) -> str:
        return f"{' ' * gutter}{paint('--> ', 'frame')}{where}"

    def excerpt(number: int | None, drawn: tuple[str, str]) -> list[str]:
        shown, under = drawn
        edge = paint(f"{number or '':>{gutter}} |", "frame")
        marks = [f"{blank} {paint(under, d.severity)}"] if under else []
        return [blank, f"{edge} {shown}".rstrip(), *marks]

    names = f" ({', '.join(owner(d))})" if owner(d) else ""
    heading = f": {visible(d.message)}"
    lines = [
        paint(f"{d.severity}[{d.code}]", d.severity) + paint(heading, "strong"),
        arrow(position(d, options) + names),
    ]
    line = report.lines.get(d.path, {}).get(d.line or 0)
    compared = _compared(d)
    here: list[tuple[int, int]] = []
    there: list[tuple[int, int]] = []
    if compared:
        here, there = differences(d.found or "", compared.text[compared.start : compared.end])
    if line is not None:
        pointed = span_of(d, report)
        span = pointed[1] if pointed else None
        points = in_cell(line, span, here) if span and d.field else []
        lines += excerpt(d.line, draw(line, span, points, room))
    for place in d.related:
        at = f":{place.line}:{place.start + 1}" if place.line is not None else ""
        lines.append(arrow(f"{shown_path(place.path, options)}{at} ({_role(d, place)})"))
        points = [(a + place.start, b + place.start) for a, b in there if place == compared]
        drawn = draw(place.text, (place.start, place.end), points, room)
        lines += excerpt(place.line, drawn)
    indent = " " * (gutter + 3 + 10)
    for label, text in _facts(d):
        wrapped = textwrap.wrap(
            text, max(width - len(indent), 20), break_long_words=False, break_on_hyphens=False
        ) or [""]
        first = f"{' ' * gutter} = {paint(f'{label}:', 'strong')}{' ' * (9 - len(label))}"
        lines += [f"{first}{wrapped[0]}".rstrip(), *(f"{indent}{part}" for part in wrapped[1:])]
    return lines


def _compared(d: Diagnostic) -> Place | None:
    """The place whose words are compared with what was found, character by character."""
    return d.related[0] if d.code == "GD321" and d.related and d.found else None


def _role(d: Diagnostic, place: Place) -> str:
    if place != _compared(d):
        return "see also"
    same = place.text[place.start : place.end] == d.found
    return "these words are here" if same else "the nearest words"


def _facts(d: Diagnostic) -> list[tuple[str, str]]:
    """Labelled details of a finding, for the full format and the plain one."""
    facts = [
        (label, value(text))
        for label, text in (("found", d.found), ("expected", d.expected))
        if text is not None
    ]
    if place := _compared(d):
        from gazadata.validate.reporters.excerpt import differing_words

        if words := differing_words(d.found or "", place.text[place.start : place.end]):
            facts.append(("differs", words))
    hints = [suggested(d.suggestion)] if d.suggestion is not None else []
    if d.help:
        hints.append(short(d.help))
    if hints:
        text = " ".join(hints)
        facts.append(("help", text[:1].upper() + text[1:]))
    facts.append(("why", f"{all_rules()[d.code].reason} More: gazadata rule {d.code}"))
    return facts


def _plain(report: Report, options: Options) -> str:
    chosen, hidden = selected(report, options)
    lines = []
    for d in chosen:
        lines.append(f"{d.severity.capitalize()} {d.code}: {visible(d.message)}")
        place = _spoken(shown_path(d.path, options), d.line, d.column)
        lines.append(", ".join([place, *owner(d)]))
        lines += [f"{label.capitalize()}: {text}" for label, text in _facts(d)]
        for related in d.related:
            path = shown_path(related.path, options)
            words = short(related.text[related.start : related.end])
            spoken = _spoken(path, related.line, related.start + 1)
            lines.append(f"{_role(d, related).capitalize()}: {spoken}: {words}")
        lines.append("")
    lines += [*hidden, f"Checked {_named(report)}"]
    lines += [
        f"{layer.name.capitalize()}: {layer.ran} of {plural(layer.rules, 'rule')}, "
        f"{layer.amounts}, {plural(layer.found, 'finding')}"
        for layer in layers(report)
    ]
    return "\n".join([*lines, *_remarks(report), verdict(report, options).capitalize()]) + "\n"


def _spoken(path: str, line: int | None, column: int | None) -> str:
    if line is None:
        return path
    return f"{path}, line {line}" + ("" if column is None else f", column {column}")


def _named(report: Report) -> str:
    version = f", version {short(report.version)}" if report.version else ""
    return short(report.package) + version


def _remarks(report: Report, paint: Paint = _plainly) -> list[str]:
    return [
        *(f"note: {short(note)}" for note in notes(report)),
        *(paint(f"failure: {short(failure)}", "failed") for failure in report.failures),
    ]
