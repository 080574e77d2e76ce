"""A line of a file cut to the width of the terminal, and what to point at in it.

Positions are code points from 0, ends excluded; widths are columns of a terminal, of which a
Chinese character has two and a combining accent none.
"""

from __future__ import annotations

import re
from difflib import SequenceMatcher

from rich.cells import cell_len

from gazadata.validate.reporters.common import visible

Span = tuple[int, int]

_COMPARED = 1_000
"""The longest texts that are compared by character: the time grows with the square."""


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
    """Where two texts differ, in the one and in the other.

    What only one has is marked in the other as the character in front of which it is missing.
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
    """Which words of `found` differ from which of `text`, in words; empty if none do."""
    if max(len(found), len(text)) > _COMPARED:
        return ""
    one, other = (re.findall(r"\w+|\W", part) for part in (found, text))
    said = [
        f"{_named(''.join(one[a:b]))} instead of {_named(''.join(other[c:d]))}"
        for tag, a, b, c, d in SequenceMatcher(None, one, other, autojunk=False).get_opcodes()
        if tag != "equal"
    ]
    more = f"; and {len(said) - 3} more" if len(said) > 3 else ""
    return "; ".join(said[:3]) + more


def _named(text: str) -> str:
    if not text:
        return "nothing"
    # A curly apostrophe and a straight one look the same in many a typeface.
    code = f" (U+{ord(text):04X})" if len(text) == 1 and not text.isalnum() else ""
    return f"“{visible(text)}”{code}"


def draw(line: str, span: Span | None, points: list[Span], width: int) -> tuple[str, str]:
    """Cut a line around what matters, and draw what is to stand under it.

    Args:
        line: the line; only as much of it as is shown is looked at, however long it is.
        span: what the finding is about; an empty one is a place between two characters.
        points: what is wrong in it; without any, all of `span` is.
        width: the columns that both may take.

    Returns:
        The cut line, and the line of carets (`^`: wrong, `-`: around it), without trailing
        blanks.
    """
    start, end = span or (0, 0)
    if span and start == end:
        end += 1
    focus = min(points[0][0] if points else start, len(line))
    # One place behind the end too, where something that is missing is pointed at.
    beyond = max([end, *(b for _, b in points)]) > len(line)
    behind: list[tuple[int, str, int]] = []
    used = 0
    for at in range(focus, len(line) + beyond):
        behind.append(_piece(line, at))
        used += behind[-1][2]
        if used > width:
            break
    room = max(width // 3, width - used)
    before: list[tuple[int, str, int]] = []
    left = 0
    for at in range(focus - 1, max(focus - width, 0) - 1, -1):
        piece = _piece(line, at)
        if left + piece[2] > room - 1:
            break
        before.append(piece)
        left += piece[2]
    left_cut = len(before) < focus
    room = width - left - left_cut
    right_cut = used > room
    after: list[tuple[int, str, int]] = []
    right = 0
    for piece in behind:
        if right + piece[2] > room - right_cut:
            break
        after.append(piece)
        right += piece[2]
    pieces = [*reversed(before), *after]
    around = "-" if points else "^"
    under: list[str] = []
    for at, _, columns in pieces:
        pointed = any(a <= at < b for a, b in points)
        symbol = "^" if pointed else around if start <= at < end else " "
        if columns:
            under.append(symbol * columns)
        elif symbol != " " and under:
            # A mark without a width of its own is pointed at where it stands, on the character
            # before it.
            under[-1] = under[-1][:-1] + symbol
    ellipsis = "…" if left_cut else ""
    shown = ellipsis + "".join(text for _, text, _ in pieces) + ("…" if right_cut else "")
    return shown.rstrip(), (" " * left_cut + "".join(under)).rstrip()


def _piece(line: str, at: int) -> tuple[int, str, int]:
    text = visible(line[at]) if at < len(line) else " "
    return at, text, cell_len(text)
