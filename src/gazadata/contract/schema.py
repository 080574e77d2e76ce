"""Check a descriptor and its schemas against contract.schema.json, and word the messages.

What depends on another part, as a term does on its vocabulary, is checked elsewhere.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from gazadata.contract.json_schema import Checker, Mismatch, as_json, dotted
from gazadata.contract.strict_json import At
from gazadata.contract.version import parse
from gazadata.text import fold

UNREADABLE = "GD001"
"""The rule for mistakes that make a contract unreadable."""

NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_-])?")
"""The name of a package or a resource; releases and their tables use it as a file name."""

_CREATED = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})")


@dataclass(frozen=True)
class Problem:
    """A wrong, missing or unknown property: the rule it breaks, and where it is.

    `at` is the path to the property, even if it is missing; `near` is what was probably meant.
    """

    code: str
    at: At
    found: str
    expected: str
    near: str | None = None
    missing: bool = False


def problems(kind: str, raw: Any) -> tuple[Problem, ...]:
    """The problems of a package's descriptor or a Table Schema; `kind` is package or schema."""
    # Asked twice of the same content: when it is read, and to report every problem.
    return _problems(kind, json.dumps(raw))


@lru_cache(maxsize=64)
def _problems(kind: str, text: str) -> tuple[Problem, ...]:
    mismatches = checker().mismatches(checker().definitions[kind], json.loads(text))
    return tuple(map(_worded, mismatches))


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name nearest to an unknown one, ignoring case."""
    folded = {one.casefold(): one for one in known}
    return next((folded[f] for f in difflib.get_close_matches(name.casefold(), folded, n=1)), None)


def within(at: At) -> At:
    """The path within the field or resource that it leads into, if any."""
    return at[2:] if at[:1] in (("fields",), ("resources",)) and len(at) > 1 else at


@cache
def checker() -> Checker:
    """The checker for contract.schema.json."""
    content = Path(__file__).with_name("contract.schema.json").read_bytes()
    return Checker(json.loads(content)["$defs"], FORMATS)


def _worded(mismatch: Mismatch) -> Problem:
    at, name, owner, schema = mismatch.at, mismatch.name, mismatch.owner, mismatch.schema
    code, expected = schema.get("gazadata:code", "GD002"), schema.get("description", name)
    if mismatch.keyword == "required":
        return Problem(code, (*at, name), f"a {owner} without {name}", expected, missing=True)
    if mismatch.keyword != "additionalProperties":
        found = f"{dotted(within(at) or at)} {as_json(mismatch.value)}"
        return Problem(code, at, found.strip(), expected)
    known = schema["properties"]
    if owner == "constraint":
        found, expected = f"the constraint {name}", f"one of {', '.join(known)}"
    elif name.startswith("gazadata:"):
        ours = [one for one in known if one.startswith("gazadata:")]
        found = f"the {owner} property {name!r}"
        expected = f"one of {', '.join(ours) or 'none'}"
    else:
        found = f"the {owner} property {name!r}"
        expected = f"a property that the standard defines for a {owner}"
    return Problem("GD002", at, found, expected, nearest(name, known))


def _is_time(created: str) -> bool:
    if not _CREATED.fullmatch(created):
        return False
    try:
        datetime.fromisoformat(created)
    except ValueError:
        return False
    return True


def _is_regex(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError):
        return False
    return True


def _is_whole(pattern: str) -> bool:
    """Whether a pattern can only match a whole cell: ^…$, with alternatives in a group."""
    bare = re.sub(r"\\.", "", pattern, flags=re.DOTALL)
    bare = re.sub(r"\[\^?\]?[^\]]*\]", "", bare)
    if not (bare.startswith("^") and bare.endswith("$")):
        return False
    depth = 0
    for character in bare:
        depth += (character == "(") - (character == ")")
        if character == "|" and depth == 0:
            return False
    return True


FORMATS = {
    "name": lambda text: NAME.fullmatch(text) is not None,
    "version": lambda text: parse(text) is not None,
    "time": _is_time,
    "folded": lambda text: text == fold(text),
    "regex": _is_regex,
    "whole": _is_whole,
}
"""How the formats that contract.schema.json names are checked."""
