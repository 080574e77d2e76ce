"""Links from rows to other rows of the same table, such as `part_of`."""

from __future__ import annotations

from collections.abc import Mapping


def chain(key: str, above: Mapping[str, str]) -> list[str]:
    """A key and all above it, nearest first; a circle, which only a draft has, is gone once."""
    keys: list[str] = []
    at: str | None = key
    while at and at not in keys:
        keys.append(at)
        at = above.get(at)
    return keys
