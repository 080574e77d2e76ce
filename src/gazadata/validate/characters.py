"""Characters that deceive a reader: hidden ones, and those not in form C or of other alphabets."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import zip_longest
from typing import Any, NamedTuple

from gazadata.contract import Resource
from gazadata.text import HIDDEN, MARKS, form_c, is_shown, may_hide, odd_part, overlong
from gazadata.validate.rules import rule

_LATIN = "[A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u1e00-\u1eff]"
_OTHER = (
    "[\u0370-\u0373\u0376\u0377\u037b-\u037d\u037f\u0386\u0388-\u0481\u048a-\u052f"
    "\u1c80-\u1c88\u1f00-\u1fbc\u1fc2-\u1fcc\u1fd0-\u1fdb\u1fe0-\u1fec\u1ff2-\u1ffc\ua640-\ua66e"
    # Armenian, Cherokee and Coptic.
    "\u0531-\u0556\u0560-\u0588\u13a0-\u13f5\u13f8-\u13fd\uab70-\uabbf\u2c80-\u2ce4\u2ceb-\u2cee]"
)
_VARIANT = "[\uff10-\uff19\uff21-\uff3a\uff41-\uff5a\U0001d400-\U0001d6a3\U0001d7ce-\U0001d7ff]"
"""Variants of ASCII letters and digits: fullwidth, or mathematical symbols."""

_MARKS = "[\u0300-\u036f\u0483-\u0487]*"
MIXED = re.compile(f"{_LATIN}{_MARKS}{_OTHER}|{_OTHER}{_MARKS}{_LATIN}|{_VARIANT}")
"""A variant, or a Latin letter next to one of an alphabet with many look-alikes."""

_NOT_LATIN = re.compile(f"{_OTHER}|{_VARIANT}")
_KINDS = {"Cc": "control character", "Co": "private use character", "Cn": "unassigned character"}

OF_THE_TEXT = ("exact", "prefix", "suffix")
"""Fields of quotes that are cut out of the text, so they may hold whatever it does."""


_TOO_MANY = (
    f"more than {MARKS} combining marks in a row",
    f"{MARKS} at most",
    "Delete the marks: no letter of any language has so many.",
)


class Odd(NamedTuple):
    """A character at fault: the rule, the line, the position in it (from 0), and the message."""

    code: str
    line: int
    at: int
    found: str
    expected: str
    help: str | None = None
    """The remedy, if it differs from the rule's."""


def plain(lines: bytes) -> bool:
    """Whether these are whole lines of visible ASCII characters, as most are."""
    return lines.isascii() and lines.endswith(b"\n") and b"\r" not in lines and is_shown(lines)


rule(
    "GD103",
    title="text is not in Unicode normalization form C",
    reason="Two encodings of the same letter compare as different.",
    example="é written as e with a combining accent",
    remedy="Run `gazadata fmt`.",
    unit="bytes",
)
rule(
    "GD104",
    title="invisible, bidirectional or control character",
    reason="Reviewers cannot see it, and it breaks comparisons.",
    example="a zero-width space in a name",
    remedy="Delete the character.",
    unit="bytes",
)
rule(
    "GD112",
    title="word mixes alphabets",
    reason="Letters of different alphabets can look the same, but searches and joins miss the row.",
    example="`Pakistan` with a Cyrillic а in a label, or with a fullwidth ａ",
    remedy=(
        "Retype the word in one alphabet. For micro, use µ (U+00B5). Join a symbol to a word with "
        "a hyphen."
    ),
    unit="bytes",
)


def odd(text: str, first: int) -> Iterator[Odd]:
    """Find what is hidden, not in form C or of mixed alphabets in lines numbered from `first`."""
    left = odd_part(text)
    hides, mixes = may_hide(left), _NOT_LATIN.search(left) is not None
    if not hides and not mixes and (not left or unicodedata.is_normalized("NFC", text)):
        return
    for number, line in enumerate(text.split("\n"), start=first):
        if unicodedata.is_normalized("NFC", line):
            pass
        elif (at := overlong(line)) is not None:
            yield Odd("GD103", number, at, *_TOO_MANY)
        else:
            normal = unicodedata.normalize("NFC", line)
            at = next(n for n, pair in enumerate(zip_longest(line, normal)) if len(set(pair)) > 1)
            here, wanted = map(_codes, _uncomposed(line[at : at + 40]))
            yield Odd("GD103", number, at, here, wanted)
        for match in HIDDEN.finditer(line) if hides else ():
            found = named(match.group())
            yield Odd("GD104", number, match.start(), found, "only visible characters")
        for word in re.finditer(r"\w+", line) if mixes else ():
            if mix := MIXED.search(line, *word.span()):
                latin_first = _NOT_LATIN.match(mix.group()) is None
                at = mix.end() - 1 if latin_first else mix.start()
                found = f"{word.group()[:80]} with {named(line[at])}"
                letter = unicodedata.normalize("NFKC", line[at])
                wanted = named(letter) if letter.isascii() else "letters of one alphabet"
                yield Odd("GD112", number, at, found, wanted)


def cleaned(value: Any) -> Any:
    """JSON as it was meant: in form C, without hidden characters."""
    if isinstance(value, str):
        return form_c(HIDDEN.sub("", value))
    if isinstance(value, list):
        return [cleaned(part) for part in value]
    if isinstance(value, dict):
        return {cleaned(key): cleaned(part) for key, part in value.items()}
    return value


def worded(resource: Resource) -> set[str]:
    """The fields with the coder's own words; others are compared with a term or a text."""
    return {
        f.name
        for f in resource.fields
        if f.type == "string" and not (f.pattern or f.enum or f.verbatim or f.name in OF_THE_TEXT)
    }


def named(character: str) -> str:
    """A character's number and name in Unicode."""
    kind = _KINDS.get(unicodedata.category(character), "character without a name")
    return f"U+{ord(character):04X} {unicodedata.name(character, kind)}"


def _uncomposed(text: str) -> tuple[str, str]:
    """The first part of a text that is not in form C, and the same part in form C."""
    for end in range(1, len(text) + 1):
        normal = unicodedata.normalize("NFC", text[:end])
        more = unicodedata.normalize("NFC", text[: end + 1])
        if normal != text[:end] and more == normal + text[end : end + 1]:
            return text[:end], normal
    return text, unicodedata.normalize("NFC", text)


def _codes(text: str) -> str:
    return f"{text} ({' '.join(f'U+{ord(char):04X}' for char in text)})"
