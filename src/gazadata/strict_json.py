"""The one reader of JSON: strict about what other readers refuse or read otherwise.

Values come from Python's fast parser. Where each of them is takes a slower pass over the text, and
is asked for only to say where something is wrong.
"""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

from gazadata.errors import ContractError

LARGEST = 1 << 26
DEEPEST = 64
"""Bytes of a file, and levels of nesting: far more than any descriptor needs."""

At = tuple[str | int, ...]
"""The way to a value: names of members and numbers of items, from 0."""

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\n\r]*")
_BARE = re.compile(r"[^\s,\]}]+")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def read_json(path: Path, shown: str | None = None) -> dict[str, Any]:
    """Read a JSON object from a file; errors call the file `shown` (None: its name).

    Raises:
        ContractError: the file is missing or cannot be read, or see `parse_json`.
    """
    shown = shown or path.name
    try:
        # A pipe or a device could block forever.
        if not path.is_file():
            raise ContractError(f"no such file in {path.parent}", file=shown)
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
            object; a number is too long or too large; a text has half of a surrogate pair; or it
            is nested more than `DEEPEST` levels deep. It has the line and column, where there is
            one.
    """
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        found = f"not UTF-8 at byte {error.start}"
        raise ContractError(found, expected="UTF-8", file=shown) from None
    try:
        value = json.loads(
            text, object_pairs_hook=_unique, parse_constant=_refuse, parse_float=_finite
        )
        if _too_deep(value) or _SURROGATE.search(text):
            offsets_in(text)
    except json.JSONDecodeError as error:
        raise _refused(shown, text, error.pos, f"not JSON: {error.msg}", "JSON") from None
    except (ValueError, RecursionError):
        raise _located(shown, text) from None
    if not isinstance(value, dict):
        found = f"a JSON object is expected, not {type(value).__name__}"
        raise ContractError(found, expected="an object: { … }", file=shown)
    return value


def offsets_in(text: str) -> dict[At, int]:
    """The offset, in code points, of every member (its name) and every item of a JSON text.

    Raises:
        NotStrictError: something that `parse_json` refuses, with its offset.
    """
    offsets: dict[At, int] = {}
    _walk(text, _skip(text, 0), (), offsets)
    return offsets


def line_and_column(text: str, offset: int) -> tuple[int, int]:
    """The line and column, from 1, of an offset in code points."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


class NotStrictError(ValueError):
    """JSON that is refused here: where, what, and what is expected."""

    def __init__(self, offset: int, found: str, expected: str) -> None:
        super().__init__(found)
        self.offset, self.found, self.expected = offset, found, expected


def _located(shown: str, text: str) -> ContractError:
    """What the fast parser refused, found again with its place."""
    try:
        offsets_in(text)
    except NotStrictError as error:
        return _refused(shown, text, error.offset, error.found, error.expected)
    except json.JSONDecodeError as error:
        return _refused(shown, text, error.pos, f"not JSON: {error.msg}", "JSON")
    return ContractError("not JSON", expected="JSON", file=shown)


def _refused(shown: str, text: str, offset: int, found: str, expected: str) -> ContractError:
    line, column = line_and_column(text, offset)
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
        raise NotStrictError(offset, found, "fewer objects within each other")
    closing, number = "}" if opening == "{" else "]", 0
    offset = _skip(text, offset + 1)
    while text[offset : offset + 1] != closing:
        inner: At = (*at, number)
        if opening == "{":
            name, end = _string(text, offset)
            inner = (*at, name)
            if inner in offsets:
                raise NotStrictError(
                    offset, f"{name!r} occurs twice in one object", "each name once"
                )
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
        found = "half of a surrogate pair"
        raise NotStrictError(offset, found, "a whole character") from None
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
        raise NotStrictError(offset, found, "a number that every reader takes") from None
    return match.end()


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError
    return value


def _refuse(constant: str) -> None:
    raise ValueError


def _finite(number: str) -> float:
    """A number that can be written again: Python would write one that is too large as Infinity."""
    value = float(number)
    if math.isinf(value):
        raise ValueError
    return value


def _too_deep(value: Any) -> bool:
    """Whether lists and objects are nested deeper than `DEEPEST`.

    What can just be read could not be compared or printed without meeting Python's own limit.
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
