"""Where in a JSON file a property stands, which no parser of Python's says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from gazadata.validate.diagnostics import Diagnostic
from gazadata.validate.say import DESCRIPTOR

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\n\r]*")
_STEP = re.compile(r"[^.\[\]]+")


def place(text: str, d: Diagnostic) -> tuple[int, int]:
    """The line and column, from 1, of the property that a finding is about.

    Where it is missing, those of the name of the field or the resource that is to have it, and
    otherwise of the whole.

    Args:
        text: a descriptor or a schema, which could be read.
        d: a finding about it.
    """
    shown = at = _behind(text, 0)
    owners = [("resources", d.resource)] if d.path == DESCRIPTOR else []
    for list_name, name in (*owners, ("fields", d.field)):
        # A schema may stand in the descriptor itself.
        inside = _member(text, at, "schema") if list_name == "fields" and owners else None
        listed = _member(text, inside[1] if inside else at, list_name)
        own = _named(text, listed[1], name) if listed and name else None
        if own is not None:
            at = own
            named = _member(text, at, "name")
            shown = named[1] if named else at
    for step in _STEP.findall(d.at or ""):
        member = _member(text, at, step)
        if member is None:
            break
        shown, at = member
    return _line_and_column(text, shown)


def _line_and_column(text: str, at: int) -> tuple[int, int]:
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)


def doubled(text: str) -> tuple[int, int] | None:
    """The line and column, from 1, of the first name that an object has already."""
    waiting = [_behind(text, 0)]
    while waiting:
        names: set[str] = set()
        inner = []
        at = waiting.pop(0)
        for name, begins, value in _members(text, at):
            if name in names:
                return _line_and_column(text, begins)
            names.add(name)
            inner.append(value)
        waiting = inner + waiting
    return None


def member_value(text: str, name: str) -> tuple[int, int] | None:
    """Where the value of a member of the outermost object begins and ends."""
    member = _member(text, _behind(text, 0), name)
    return (member[1], _DECODER.raw_decode(text, member[1])[1]) if member else None


def _behind(text: str, at: int) -> int:
    """Where white space ends."""
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _members(text: str, at: int) -> Iterator[tuple[str, int, int]]:
    """The members of the object or list that begins there: key, and where it and its value begin.

    Those of a list have their numbers as keys, and begin where their values do.
    """
    opening, number = text[at], 0
    if opening not in "{[":
        return
    at = _behind(text, at + 1)
    while text[at] not in "}]":
        begins, key = at, str(number)
        if opening == "{":
            key, at = _DECODER.raw_decode(text, at)
            at = _behind(text, _behind(text, at) + 1)
        yield key, begins, at
        _, at = _DECODER.raw_decode(text, at)
        at = _behind(text, at)
        if text[at] == ",":
            at, number = _behind(text, at + 1), number + 1


def _member(text: str, at: int, key: str) -> tuple[int, int] | None:
    """Where a member of an object or a list begins, and its value."""
    members = _members(text, at)
    return next(((begins, value) for name, begins, value in members if name == key), None)


def _named(text: str, at: int, name: str) -> int | None:
    """Where in a list the object of this name begins."""
    for _, _, value in _members(text, at):
        one, _ = _DECODER.raw_decode(text, value)
        if isinstance(one, dict) and one.get("name") == name:
            return value
    return None
