"""The part of a line that a finding points at, and the line cut to the width of the terminal.

Positions are code points from 0, ends excluded. Widths are terminal columns: a Chinese character
takes two, a combining accent none.
"""

from __future__ import annotations

import re
from difflib import SequenceMatcher

from rich.cells import cell_len

from gazadata.validate.diagnostics import Diagnostic, Report
from gazadata.validate.reporters.common import visible

Span = tuple[int, int]

OF_CHARACTERS = ("GD103", "GD104", "GD112")
"""Rules whose column is that of a character, not of a cell."""

_COMPARED = 1_000
"""The longest texts compared character by character, which takes quadratic time."""


def span_of(d: Diagnostic, report: Report) -> tuple[str, Span] | None:
    """The line of a finding and the span it points at; None if either is unknown."""
    line = report.lines.get(d.path, {}).get(d.line or 0)
    if line is None or d.column is None:
        return None
    if (d.field or d.at) and d.code not in OF_CHARACTERS:
        return line, cell_span(line, d.column)
    return line, (d.column - 1, d.column)


def cell_span(line: str, column: int) -> Span:
    """The raw cell, with its quotation marks, that begins at `column` (from 1) of a CSV line."""
    start = min(column - 1, len(line))
    if not line.startswith('"', start):
        comma = line.find(",", start)
        return start, len(line) if comma < 0 else comma
    at = start + 1
    while (close := line.find('"', at)) >= 0:
        if not line.startswith('"', close + 1):
            return start, close + 1
        at = close + 2
    return start, len(line)


def in_cell(line: str, cell: Span, spans: list[Span]) -> list[Span]:
    """Spans of a cell's value as spans of its raw line, where quotation marks are doubled."""
    start, end = cell
    if not line.startswith('"', start):
        return [(start + a, start + b) for a, b in spans]
    places, at = [], start + 1
    while at < end:
        places.append(at)
        at += 2 if line.startswith('""', at) else 1
    places.append(end)
    last = len(places) - 1
    raw = [(places[min(a, last)], places[min(b, last)]) for a, b in spans]
    return [(a, max(b, a + 1)) for a, b in raw]


def differences(one: str, other: str) -> tuple[list[Span], list[Span]]:
    """Where two texts differ: the spans in one, and those in the other.

    What only one of them contains is marked in the other at the character before which it is
    missing.
    """
    if max(len(one), len(other)) > _COMPARED:
        return [], []
    here, there = [], []
    for tag, a, b, c, d in SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        if tag != "equal":
            here.append((a, max(b, a + 1)))
            there.append((c, max(d, c + 1)))
    return here, there


def differing_words(found: str, text: str) -> str:
    """The words of `found` that differ from those of `text`, as one line; empty if none do."""
    if max(len(found), len(text)) > _COMPARED:
        return ""
    one, other = (re.findall(r"\w+|\W", part) for part in (found, text))
    pairs = [
        f"{_named(''.join(one[a:b]))} instead of {_named(''.join(other[c:d]))}"
        for tag, a, b, c, d in SequenceMatcher(None, one, other, autojunk=False).get_opcodes()
        if tag != "equal"
    ]
    more = f"; and {len(pairs) - 3} more" if len(pairs) > 3 else ""
    return "; ".join(pairs[:3]) + more


def _named(text: str) -> str:
    if not text:
        return "nothing"
    # A curly apostrophe and a straight one look the same in many typefaces.
    code = f" (U+{ord(text):04X})" if len(text) == 1 and not text.isalnum() else ""
    return f"“{visible(text)}”{code}"


def draw(line: str, span: Span | None, points: list[Span], width: int) -> tuple[str, str]:
    """Cut a line around what matters, and draw the carets below it.

    Args:
        line: the line, of any length; only what is shown is read.
        span: what the finding is about; an empty span is a place between two characters.
        points: what is wrong in the span; all of it, if none are given.
        width: the columns available.

    Returns:
        The cut line, and the line of carets (`^`: wrong, `-`: around it), without trailing
        spaces.
    """
    start, end = span or (0, 0)
    end += span is not None and start == end
    focus = min(points[0][0] if points else start, len(line))
    # Something missing at the end is marked one place after it.
    beyond = max([end, *(b for _, b in points)]) > len(line)
    after, used, fits = _pieces(line, range(focus, len(line) + beyond), width)
    room = max(width // 3, width - used - (not fits))
    before, left, reaches = _pieces(line, range(focus - 1, -1, -1), room - 1)
    room = width - left - (not reaches)
    after, used, fits = _pieces(line, range(focus, len(line) + beyond), room)
    if not fits:
        after, used, _ = _pieces(line, range(focus, len(line) + beyond), room - 1)
    around = "-" if points else "^"
    under: list[str] = []
    pieces = [*reversed(before), *after]
    for at, _, columns in pieces:
        pointed = any(a <= at < b for a, b in points)
        symbol = "^" if pointed else around if start <= at < end else " "
        if columns:
            under.append(symbol * columns)
        elif symbol != " " and under:
            # A mark without a width of its own is shown on the character before it.
            under[-1] = under[-1][:-1] + symbol
    text = "".join(piece for _, piece, _ in pieces)
    shown = f"{'' if reaches else '…'}{text}{'' if fits else '…'}"
    return shown.rstrip(), (" " * (not reaches) + "".join(under)).rstrip()


def _pieces(line: str, places: range, room: int) -> tuple[list[tuple[int, str, int]], int, bool]:
    """The characters of a line, made visible, as far as they fit into `room` columns.

    Returns:
        Place, text and width of each, the sum of the widths, and whether all of them fit.
    """
    pieces: list[tuple[int, str, int]] = []
    used = 0
    for at in places:
        text = visible(line[at]) if at < len(line) else " "
        columns = cell_len(text)
        if used + columns > room or len(pieces) > 4 * max(room, 1):
            return pieces, used, False
        pieces.append((at, text, columns))
        used += columns
    return pieces, used, True
