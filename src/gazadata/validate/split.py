"""Split a line of CSV into cells, and find where each begins."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from itertools import islice


def split_line(line: str) -> list[str] | None:
    """The cells of a line of CSV; None if it is not a whole row."""
    try:
        (found,) = csv.reader([line], strict=True)
    except (csv.Error, ValueError):
        return None
    return found


def cells(line: str) -> int | None:
    """How many cells a line of CSV has; None if its quotation marks are unbalanced."""
    count = at = 0
    while cell := _CELL.match(line, at):
        count += 1
        if not cell[1]:
            return count
        at = cell.end()
    return None


_CELL = re.compile(r'(?:"(?:[^"]+|"")*+"|[^",]*)(,|\Z)')
"""A cell, and the comma after it."""


def column_of(line: str, position: int) -> int:
    """The column (code points, from 1) at which cell number `position` (from 0) begins."""
    return next(islice(starts(line), position, None), 0) + 1


def starts(line: str) -> Iterator[int]:
    """Where each cell of a line begins (code points, from 0)."""
    at = 0
    while True:
        yield at
        while line.startswith('"', at):
            # A doubled mark ends one quoted part and begins the next.
            close = line.find('"', at + 1)
            at = len(line) if close < 0 else close + 1
        comma = line.find(",", at)
        if comma < 0:
            return
        at = comma + 1
