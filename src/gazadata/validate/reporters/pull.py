"""The formats for a pull request: github (workflow commands) and markdown (a comment)."""

from __future__ import annotations

import re

from gazadata.validate import all_rules
from gazadata.validate.diagnostics import Diagnostic, Report
from gazadata.validate.reporters.common import (
    ON_SCREEN,
    Options,
    errors_first,
    layers,
    notes,
    one_line,
    owner,
    plural,
    position,
    short,
    suggested,
    value,
    verdict,
    visible,
)
from gazadata.validate.reporters.excerpt import span_of

WORST = 10
"""GitHub shows at most ten annotations of a kind per step."""


def github(report: Report, options: Options) -> str:
    """Workflow commands: the ten worst findings, then a notice of how many more there are."""
    annotations = [_command("error", {"title": "gazadata"}, text) for text in report.failures]
    annotations += [_annotation(d, report, options) for d in errors_first(report)]
    lines = annotations[:WORST]
    rest = len(report.failures) + report.errors + report.warnings - len(lines)
    if rest > 0:
        more = f"{plural(rest, 'more finding')}: see the step's summary, or gazadata validate"
        lines.append(_command("notice", {"title": "gazadata"}, more))
    # Lines that do not begin with two colons appear in the log as they are.
    lines += [f"note: {short(note)}" for note in notes(report)]
    text = "\n".join([*lines, verdict(report, options)]) + "\n"
    # The older form of a command, ##[name], takes effect anywhere in a line.
    return text.replace("##[", "## [")


def _annotation(d: Diagnostic, report: Report, options: Options) -> str:
    properties, place = {}, []
    if options.outside:
        # GitHub would attach it to a file of the checkout with the same name.
        place.append(position(d, options))
    else:
        # A line break may be part of the name: it is escaped, and GitHub restores it.
        path = (options.prefix + d.path).split("\n")
        properties["file"] = "\n".join(map(visible, path))
        if d.line is not None:
            properties["line"] = str(d.line)
            if d.column is not None:
                properties["col"] = str(d.column)
            if pointed := span_of(d, report):
                properties["endColumn"] = str(pointed[1][1] + 1)
    properties["title"] = f"{d.code}: {all_rules()[d.code].title}"
    where = f" ({', '.join(owner(d))})" if owner(d) else ""
    message = [*place, one_line(d) + where, *([short(d.help)] if d.help else [])]
    return _command(d.severity, properties, "\n".join(message))


def _command(name: str, properties: dict[str, str], message: str) -> str:
    # As in @actions/core: https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts
    settings = ",".join(f"{key}={_property(text)}" for key, text in properties.items())
    message = "\n".join(visible(line) for line in message.split("\n"))
    return f"::{name} {settings}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def markdown(report: Report, options: Options) -> str:
    """A short comment: the verdict, a table of the worst findings, and what was checked."""
    lines = [f"### gazadata validate: {verdict(report, options)}", ""]
    remarks = [f"- failure: {_code(failure)}" for failure in report.failures]
    remarks += [f"- note: {_code(note)}" for note in notes(report)]
    lines += [*remarks, ""] if remarks else []
    shown = errors_first(report) if options.every else errors_first(report)[:ON_SCREEN]
    if shown:
        lines += ["| | Rule | Place | Found | Expected |", "|---|---|---|---|---|"]
        lines += [*(_row(d, options) for d in shown), ""]
    if (rest := report.errors + report.warnings - len(shown)) > 0:
        lines += [f"and {rest:,} more", ""]
    lines += ["| Layer | Rules | Checked | Found |", "|---|---|---|---|"]
    for layer in layers(report):
        ran = f"{layer.ran} of {layer.rules}"
        lines.append(f"| {layer.name} | {ran} | {layer.amounts} | {layer.found:,} |")
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
    # An element, since a code span in a table cannot hold every run of backticks; and a mention
    # inside it notifies nobody.
    return f"<code>{_escaped(text)}</code>"


def _escaped(text: str) -> str:
    return re.sub(r"[!-'*+.:<-@\[-`{-~]", lambda match: f"&#{ord(match[0])};", short(text))
