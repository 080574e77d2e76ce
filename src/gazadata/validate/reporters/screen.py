"""The formats for a person: full (as a compiler's, or plain for a screen reader) and concise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gazadata.validate.diagnostics import Diagnostic, Place, Report
from gazadata.validate.reporters.common import (
    Options,
    amounts,
    idle_line,
    layers,
    one_line,
    owner,
    passed,
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
from gazadata.validate.rules import RULES

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from gazadata.validate.reporters.excerpt import Span

OF_CHARACTERS = ("GD103", "GD104", "GD112")
"""Rules whose findings have the column of a character, not that of a cell."""

NOTHING = "nothing looked at"
"""What is said of a layer that looked at nothing."""

_STYLES = {"error": "bold red", "warning": "bold yellow"}


def concise(report: Report, options: Options) -> str:
    """One line a finding: `path:line:column: CODE message: found ..., expected ...`."""
    chosen, left = selected(report, options)
    lines = [f"{position(d, options)}: {d.code} {one_line(d)}" for d in chosen]
    looked = plural(sum(layer.ran for layer in layers(report)), "rule")
    lines += [*left, *_remarks(report), f"{verdict(report, options)}; {looked} looked at something"]
    return "\n".join(lines) + "\n"


def full(report: Report, options: Options) -> str:
    """Each finding with its line, carets, what was found and expected, help and reason."""
    if options.plain:
        return _plain(report, options)
    import io

    from rich.console import Console
    from rich.text import Text

    console = Console(
        file=io.StringIO(),
        width=max(options.width, 40),
        force_terminal=options.colour,
        color_system="standard" if options.colour else None,
        no_color=not options.colour,
        legacy_windows=False,
        highlight=False,
        emoji=False,
        markup=False,
    )
    chosen, left = selected(report, options)
    for d in chosen:
        _finding(console, d, report, options)
        _put(console, Text(""))
    for line in left:
        _put(console, Text(line))
    if left:
        _put(console, Text(""))
    _put(console, Text(f"checked {_named(report)}", style="bold"))
    for line in _table(report):
        _put(console, Text(line))
    for line in _remarks(report):
        _put(console, Text(line, style="bold red" if line.startswith("failure") else ""))
    style = "bold green" if passed(report, options) else "bold red"
    _put(console, Text(verdict(report, options), style=style))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def _put(console: Console, text: Text) -> None:
    console.print(text, soft_wrap=True)


def _finding(console: Console, d: Diagnostic, report: Report, options: Options) -> None:
    from rich.text import Text

    from gazadata.validate.reporters.excerpt import cell_span, differences, draw, in_cell

    heading = Text()
    heading.append(f"{d.severity}[{d.code}]", style=_STYLES[d.severity])
    heading.append(f": {visible(d.message)}", style="bold")
    _put(console, heading)
    line = report.lines.get(d.path, {}).get(d.line or 0)
    numbers = [str(d.line or "")] + [str(p.line or "") for p in d.related]
    gutter = max(len(number) for number in numbers)
    room = max(console.width - gutter - 4, 20)
    names = owner(d)
    where = position(d, options) + (f" ({', '.join(names)})" if names else "")
    _put(console, _arrow(gutter, where))
    span: Span | None = None
    points: list[Span] = []
    if line is not None:
        if d.column is not None:
            one = (d.column - 1, d.column)
            whole = (d.field or d.at) and d.code not in OF_CHARACTERS
            span = cell_span(line, d.column) if whole else one
        if span and d.field and (place := _compared(d)):
            points, _ = differences(d.found or "", place.text[place.start : place.end])
            points = in_cell(line, span, points)
        _excerpt(console, d, str(d.line), gutter, draw(line, span, points, room))
    for place in d.related:
        at = f":{place.line}:{place.start + 1}" if place.line is not None else ""
        _put(console, _arrow(gutter, f"{shown_path(place.path, options)}{at} ({_role(d, place)})"))
        points = []
        if place == _compared(d):
            _, points = differences(d.found or "", place.text[place.start : place.end])
        points = [(a + place.start, b + place.start) for a, b in points]
        drawn = draw(place.text, (place.start, place.end), points, room)
        _excerpt(console, d, str(place.line or ""), gutter, drawn)
    for label, text in _facts(d):
        _fact(console, gutter, label, text)


def _arrow(gutter: int, where: str) -> Text:
    from rich.text import Text

    text = Text(" " * gutter)
    text.append("--> ", style="blue")
    text.append(where)
    return text


def _excerpt(
    console: Console, d: Diagnostic, number: str, gutter: int, drawn: tuple[str, str]
) -> None:
    from rich.text import Text

    shown, under = drawn
    _put(console, Text(f"{' ' * gutter} |", style="blue"))
    text = Text()
    text.append(f"{number:>{gutter}} |", style="blue")
    text.append(f" {shown}".rstrip())
    _put(console, text)
    if under:
        text = Text()
        text.append(f"{' ' * gutter} |", style="blue")
        text.append(f" {under}", style=_STYLES[d.severity])
        _put(console, text)


def _fact(console: Console, gutter: int, label: str, text: str) -> None:
    """A labelled text, its further lines indented under its first."""
    from rich.text import Text

    indent = " " * (gutter + 3 + 10)
    room = max(console.width - len(indent), 20)
    for n, part in enumerate(Text(text).wrap(console, room)):
        part.rstrip()
        line = Text(f"{' ' * gutter} = " if n == 0 else indent)
        if n == 0:
            line.append(f"{label + ':':<10}", style="bold")
        line.append_text(part)
        _put(console, line)


def _compared(d: Diagnostic) -> Place | None:
    """The place whose words what was found is to be held against, character by character."""
    return d.related[0] if d.code == "GD321" and d.related and d.found else None


def _role(d: Diagnostic, place: Place) -> str:
    if place != _compared(d):
        return "see also"
    same = place.text[place.start : place.end] == d.found
    return "the words stand here" if same else "the nearest words"


def _facts(d: Diagnostic) -> list[tuple[str, str]]:
    """What is said of a finding, labelled, in the full format and in the plain one."""
    facts = []
    if d.found is not None:
        facts.append(("found", value(d.found)))
    if d.expected is not None:
        facts.append(("expected", value(d.expected)))
    if place := _compared(d):
        from gazadata.validate.reporters.excerpt import differing_words

        words = differing_words(d.found or "", place.text[place.start : place.end])
        if words:
            facts.append(("differs", words))
    helps = ([suggested(d.suggestion)] if d.suggestion is not None else []) + [d.help or ""]
    if any(helps):
        said = " ".join(map(short, filter(None, helps)))
        facts.append(("help", said[:1].upper() + said[1:]))
    facts.append(("why", f"{RULES[d.code].reason} More: gazadata rule {d.code}"))
    return facts


def _plain(report: Report, options: Options) -> str:
    chosen, left = selected(report, options)
    lines = []
    for d in chosen:
        lines.append(f"{d.severity.capitalize()} {d.code}: {visible(d.message)}")
        lines.append(
            ", ".join([*_spoken(shown_path(d.path, options), d.line, d.column), *owner(d)])
        )
        lines += [f"{label.capitalize()}: {text}" for label, text in _facts(d)]
        for place in d.related:
            spoken = _spoken(shown_path(place.path, options), place.line, place.start + 1)
            words = short(place.text[place.start : place.end])
            lines.append(f"{_role(d, place).capitalize()}: {', '.join(spoken)}: {words}")
        lines.append("")
    lines += left
    lines.append(f"Checked {_named(report)}")
    lines += [
        f"{layer.name.capitalize()}: {layer.ran} of {plural(layer.rules, 'rule')}, "
        f"{amounts(layer.looked) or NOTHING}, {layer.found:,} found"
        for layer in layers(report)
    ]
    lines += [*_remarks(report), verdict(report, options).capitalize()]
    return "\n".join(lines) + "\n"


def _spoken(path: str, line: int | None, column: int | None) -> list[str]:
    spoken = [path]
    if line is not None:
        spoken.append(f"line {line}")
        if column is not None:
            spoken.append(f"column {column}")
    return spoken


def _named(report: Report) -> str:
    version = f", version {short(report.version)}" if report.version else ""
    return short(report.package) + version


def _table(report: Report) -> list[str]:
    rows = [
        (
            layer.name,
            f"{layer.ran} of {plural(layer.rules, 'rule')}",
            f"{layer.found:,} found",
            amounts(layer.looked) or NOTHING,
        )
        for layer in layers(report)
    ]
    a, b, c = (max(len(row[i]) for row in rows) for i in range(3))
    return [f"  {row[0]:<{a}}  {row[1]:>{b}}  {row[2]:>{c}}  {row[3]}" for row in rows]


def _remarks(report: Report) -> list[str]:
    remarks = [f"note: {short(note)}" for note in report.notes]
    if idle := idle_line(report):
        remarks.append(f"note: {idle}")
    return remarks + [f"failure: {short(failure)}" for failure in report.failures]
