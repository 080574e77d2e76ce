"""Read JSON, and reject whatever other readers reject or read differently.

Values come from Python's fast parser. Finding their places takes a slower pass over the text, which
is only made to report where something is wrong.
"""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

from gazadata import sniff
from gazadata.errors import ContractError

LARGEST = 1 << 26
DEEPEST = 64
"""The most bytes of a file and levels of nesting, far more than any descriptor needs."""

At = tuple[str | int, ...]
"""The path to a value: member names and item numbers, from 0."""

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\n\r]*")
_BARE = re.compile(r"[^\s,\]}]+")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class NotStrictError(json.JSONDecodeError):
    """JSON that other readers reject or read differently, with its place."""

    def __init__(self, found: str, expected: str, text: str, offset: int) -> None:
        super().__init__(found, text, offset)
        self.expected = expected


def read_json(path: Path, shown: str | None = None) -> dict[str, Any]:
    """Read a JSON object from a file; errors call the file `shown` (None: its name).

    Raises:
        ContractError: the file is missing or cannot be read, or see `parse_json`.
    """
    shown = shown or path.name
    try:
        # A pipe or a device could block forever.
        if not path.is_file():
            other = sniff.absent(path)
            instead = f": found {other}" if other else ""
            raise ContractError(f"no such file in {path.parent}{instead}", file=shown)
        if path.stat().st_size > LARGEST:
            size = f"larger than {LARGEST >> 20} MB"
            raise ContractError(size, expected="a smaller file", file=shown)
        content = path.read_bytes()
    except OSError as error:
        raise ContractError(f"cannot be read: {error.strerror}", file=shown) from None
    return parse_json(content, shown)


def parse_json(content: bytes, shown: str) -> dict[str, Any]:
    """Read a JSON object from `content`; errors call it `shown`.

    Raises:
        ContractError: it is not UTF-8, not JSON or not an object; a name occurs twice in one
            object; a number is too long or too large; a string has half of a surrogate pair; or
            it is nested more than `DEEPEST` levels deep. The error has the line and column, if
            there is one.
    """
    try:
        value = _parse(content.decode("utf-8"))
    except ValueError as error:
        raise _refused(content, shown, error) from None
    if not isinstance(value, dict):
        found = f"{_kind(value)} instead of a JSON object"
        raise ContractError(found, expected="an object: { … }", file=shown)
    return value


def offsets_in(text: str) -> dict[At, int]:
    """The offset, in code points, of every member (its name) and every item of a JSON text.

    Raises:
        NotStrictError: something that `parse_json` rejects, with its offset.
    """
    offsets: dict[At, int] = {}
    _walk(text, _skip(text, 0), (), offsets)
    return offsets


def member_value(text: str, name: str) -> tuple[int, int] | None:
    """Where the value of a member of the outermost object begins and ends, or None."""
    offset = offsets_in(text).get((name,))
    if offset is None:
        return None
    begin = _skip(text, _skip(text, _string(text, offset)[1]) + 1)
    return begin, _DECODER.raw_decode(text, begin)[1]


def line_and_column(text: str, offset: int) -> tuple[int, int]:
    """The line and column, from 1, of an offset in code points."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def _parse(text: str) -> Any:
    try:
        value = json.loads(
            text, object_pairs_hook=_unique, parse_constant=_refuse, parse_float=_finite
        )
    except json.JSONDecodeError:
        raise
    except (ValueError, RecursionError):
        offsets_in(text)  # Raises the same error with its place.
        raise json.JSONDecodeError("Cannot be read", text, 0) from None
    if _too_deep(value) or _SURROGATE.search(text):
        offsets_in(text)
    return value


def _kind(value: Any) -> str:
    """What a JSON value that is not an object is."""
    kinds = {list: "a JSON array", str: "a JSON string", bool: "a JSON boolean"}
    return "null" if value is None else kinds.get(type(value), "a JSON number")


def _refused(content: bytes, shown: str, error: ValueError) -> ContractError:
    if other := sniff.content(content):
        return ContractError(
            other.what, expected="JSON", remedy=other.remedy, file=shown, line=other.line, column=1
        )
    if isinstance(error, UnicodeDecodeError):
        return ContractError(f"not UTF-8 at byte {error.start}", expected="UTF-8", file=shown)
    found, expected, line, column = f"invalid JSON: {error}", "JSON", None, None
    if isinstance(error, json.JSONDecodeError):
        found, line, column = f"invalid JSON: {error.msg}", error.lineno, error.colno
    if isinstance(error, NotStrictError):
        found, expected = error.msg, error.expected
    return ContractError(found, expected=expected, file=shown, line=line, column=column)


def _walk(text: str, offset: int, at: At, offsets: dict[At, int]) -> int:
    """Note where the members and items of a value begin; returns where the value ends."""
    offsets.setdefault(at, offset)
    opening = text[offset : offset + 1]
    if opening == '"':
        return _string(text, offset)[1]
    if opening not in ("{", "["):
        return _bare(text, offset)
    if len(at) >= DEEPEST:
        found = f"nested too deeply, more than {DEEPEST} levels"
        raise NotStrictError(found, "fewer nested objects", text, offset)
    closing, number = "}" if opening == "{" else "]", 0
    offset = _skip(text, offset + 1)
    while text[offset : offset + 1] != closing:
        inner: At = (*at, number)
        if opening == "{":
            name, end = _string(text, offset)
            inner = (*at, name)
            if inner in offsets:
                found = f"{name!r} occurs twice in one object"
                raise NotStrictError(found, "each name once", text, offset)
            offsets[inner] = offset
            offset = _skip(text, _skip(text, end) + 1)
        offset = _skip(text, _walk(text, offset, inner, offsets))
        if text[offset : offset + 1] == ",":
            offset, number = _skip(text, offset + 1), number + 1
    return offset + 1


def _skip(text: str, offset: int) -> int:
    """Where white space ends."""
    match = _SPACE.match(text, offset)
    return match.end() if match else offset


def _string(text: str, offset: int) -> tuple[str, int]:
    value, end = _DECODER.raw_decode(text, offset)
    if not isinstance(value, str):
        raise json.JSONDecodeError("Expecting a name in quotation marks", text, offset)
    try:
        value.encode()
    except UnicodeEncodeError:
        raise NotStrictError(
            "half of a surrogate pair", "a whole character", text, offset
        ) from None
    return value, end


def _bare(text: str, offset: int) -> int:
    """Where a number, true, false or null ends."""
    match = _BARE.match(text, offset)
    if match is None:
        raise json.JSONDecodeError("Expecting value", text, offset)
    word = match.group()
    try:
        json.loads(word, parse_constant=_refuse, parse_float=_finite)
    except json.JSONDecodeError as error:
        raise json.JSONDecodeError(error.msg, text, offset) from None
    except ValueError:
        if word.lstrip("-").isdigit():
            found = "a number that is too long"
        elif word.lstrip("-").isalpha():
            found = f"{word}, which is not JSON"
        else:
            found = f"{word[:40]}, which is too large"
        raise NotStrictError(found, "a number that every reader accepts", text, offset) from None
    return match.end()


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError
    return value


def _refuse(constant: str) -> None:
    raise ValueError


def _finite(number: str) -> float:
    """A finite number: Python would write one that is too large as Infinity."""
    value = float(number)
    if math.isinf(value):
        raise ValueError
    return value


def _too_deep(value: Any) -> bool:
    """Whether lists and objects are nested deeper than `DEEPEST`.

    A value that can only just be read would hit Python's recursion limit when compared or printed.
    """
    level: list[Any] = [[value]]
    for _ in range(DEEPEST + 1):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return False
    return True
