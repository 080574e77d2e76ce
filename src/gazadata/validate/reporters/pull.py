"""The formats for a pull request: github (workflow commands) and markdown (a comment)."""

from __future__ import annotations

import re

from gazadata.validate.diagnostics import Diagnostic, Report
from gazadata.validate.reporters.common import (
    ON_SCREEN,
    Options,
    amounts,
    idle_line,
    layers,
    one_line,
    owner,
    plural,
    position,
    short,
    suggested,
    value,
    verdict,
    visible,
    worst,
)

WORST = 10
"""GitHub shows at most ten annotations of a kind for a step."""


def github(report: Report, options: Options) -> str:
    """Workflow commands: the ten worst, then a notice with the number of the rest."""
    annotations = [_command("error", {"title": "gazadata"}, text) for text in report.failures]
    annotations += [_annotation(d, options) for d in worst(report)]
    errors, warnings = report.errors, report.warnings
    rest = len(report.failures) + errors + warnings - len(annotations[:WORST])
    lines = annotations[:WORST]
    if rest > 0:
        more = f"{plural(rest, 'more finding')}: see the step's summary, or gazadata validate"
        lines.append(_command("notice", {"title": "gazadata"}, more))
    # Lines that do not begin with two colons are shown in the log as they are.
    lines += [f"note: {short(note)}" for note in report.notes]
    if idle := idle_line(report):
        lines.append(f"note: {idle}")
    text = "\n".join([*lines, verdict(report, options)]) + "\n"
    # The older form of a command, ##[name], is run wherever in a line it stands.
    return text.replace("##[", "## [")


def _annotation(d: Diagnostic, options: Options) -> str:
    properties, place = {}, []
    if options.elsewhere:
        # It would be shown at a file of the checkout that has the same name.
        place.append(position(d, options))
    else:
        # A line break is escaped as GitHub reads it back, since it may be one of the name's.
        path = (options.prefix + d.path).split("\n")
        properties["file"] = "\n".join(map(visible, path))
        if d.line is not None:
            properties["line"] = str(d.line)
            if d.column is not None:
                properties["col"] = str(d.column)
    properties["title"] = ", ".join([d.code, *owner(d)])
    said = [*place, one_line(d)] + ([short(d.help)] if d.help else [])
    return _command(d.severity, properties, "\n".join(said))


def _command(name: str, properties: dict[str, str], message: str) -> str:
    # As in @actions/core: https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts
    said = ",".join(f"{key}={_property(text)}" for key, text in properties.items())
    message = "\n".join(visible(line) for line in message.split("\n"))
    return f"::{name} {said}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def markdown(report: Report, options: Options) -> str:
    """A short comment: the verdict, a table of the worst findings, what was looked at."""
    said = verdict(report, options)
    lines = [f"### gazadata validate: {said}", ""]
    lines += [f"- failure: {_code(failure)}" for failure in report.failures]
    lines += [f"- note: {_code(note)}" for note in report.notes]
    if idle := idle_line(report):
        lines.append(f"- note: {idle}")
    if lines[-1]:
        lines.append("")
    errors, warnings = report.errors, report.warnings
    shown = worst(report) if options.every else worst(report)[:ON_SCREEN]
    if shown:
        lines += ["| | Rule | Place | Found | Expected |", "|---|---|---|---|---|"]
        lines += [_row(d, options) for d in shown]
        lines.append("")
    if errors + warnings > len(shown):
        lines += [f"and {errors + warnings - len(shown):,} more", ""]
    lines += ["| Layer | Rules | Looked at | Found |", "|---|---|---|---|"]
    for layer in layers(report):
        looked = amounts(layer.looked) or "nothing"
        ran = f"{layer.ran} of {layer.rules}"
        lines.append(f"| {layer.name} | {ran} | {looked} | {layer.found:,} |")
    return "\n".join(lines) + "\n"


def _row(d: Diagnostic, options: Options) -> str:
    place = _code(position(d, options))
    if words := owner(d):
        place += f" {_code(', '.join(words))}"
    found, expected = ("" if t is None else _code(value(t)) for t in (d.found, d.expected))
    if d.suggestion is not None:
        expected += f" {_escaped(suggested(d.suggestion))}"
    return f"| {d.severity} | {d.code} {_escaped(d.message)} | {place} | {found} | {expected} |"


def _code(text: str) -> str:
    # An element, as a code span cannot hold every run of backticks in a table; inside it a mention
    # notifies nobody.
    return f"<code>{_escaped(text)}</code>"


def _escaped(text: str) -> str:
    return re.sub(r"[!-'*+.:<-@\[-`{-~]", lambda match: f"&#{ord(match[0])};", short(text))
