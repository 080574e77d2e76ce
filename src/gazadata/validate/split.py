"""Split a line of CSV into cells, and find where each begins."""

from __future__ import annotations

import csv
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
    count = 1
    at = 0
    while True:
        if line.startswith('"', at):
            at += 1
            while True:
                close = line.find('"', at)
                if close < 0:
                    return None
                if line.startswith('"', close + 1):
                    at = close + 2
                    continue
                at = close + 1
                break
            if at < len(line) and line[at] != ",":
                return None
        else:
            comma = line.find(",", at)
            end = len(line) if comma < 0 else comma
            if '"' in line[at:end]:
                return None
            at = end
        if at >= len(line):
            return count
        count += 1
        at += 1


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
