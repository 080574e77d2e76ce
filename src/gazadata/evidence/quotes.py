"""Quotes: check them against a text, find them in it, and find the nearest words if they differ.

Offsets are Unicode code points, from 0, the end excluded.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from gazadata.text import FORMULA_SIGNS, fold

# Part of a word, though not a letter, a digit or a combining mark: the underscore, the soft hyphen
# and the invisible joiners.
_JOINERS = "_\u00ad\u200c\u200d\u2060"
UNSPACED = (
    "\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u1950-\u19df\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uaa60-\uaa7f\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)
"""Scripts that put no space between words, such as Thai, Chinese and Japanese: Unicode ranges."""
ATTACHED = "\u0e33\u0eb3"
"""Vowels that Unicode counts as letters, but that attach to the letter before them like marks."""
_PREFIXES = "anti|counter|ex|non|post|pre|pro|pseudo|quasi|semi|un"
BEFORE = max(map(len, _PREFIXES.split("|"))) + 2
"""Code points before a cut that decide whether it changes the meaning: a prefix and its edges."""
TURNS = "|".join(
    (
        r"\w['’]\x1f\w",
        r"\w\x1f['’](?:[sS]\w|[^\WsS])",
        rf"(?:^|\W)(?i:{_PREFIXES})(?:[-‐‑]\x1f|\x1f[-‐‑])\w",
        r"(?:^|[\s(])[-−–]\x1f\d",
    )
)
"""A cut (U+001F) that changes the meaning by dropping an apostrophe, a hyphen or a sign.

The pattern works in Python's regular expressions and in those of Polars.
"""
_TURNS = re.compile(TURNS)
_UNSPACED = re.compile(f"[{UNSPACED}]")
# How many code points around a first guess are tried as bounds of the nearest span.
_MARGIN = 24
# The least similarity (0 to 1) worth showing; chance alone gives about 0.4.
_ALIKE = 0.5
CONTEXT = 32
"""The maximum length of a quote's prefix and suffix, in code points."""


@dataclass(frozen=True)
class Match:
    """A span of a text: `text[start:end] == exact`."""

    start: int
    end: int
    exact: str


@dataclass(frozen=True)
class Passage:
    """The bounds of a passage; None while they are unknown, as in a draft."""

    passage_id: str
    source_id: str
    start: int | None
    end: int | None

    def holds(self, start: int, end: int) -> bool:
        """Whether the span `start` to `end` of the same text lies in the passage."""
        if self.start is None or self.end is None:
            return False
        return self.start <= start and end <= self.end


def check_quote(text: str, start: int | None, end: int | None, exact: str) -> bool:
    """Whether `text` has `exact` from `start` to `end`; False if an offset is unknown."""
    if start is None or end is None:
        return False
    # A slice stops at the end of the text, so too large an `end` would pass.
    return 0 <= start < end <= len(text) and text[start:end] == exact


def context(text: str, start: int, end: int) -> tuple[str, str]:
    """The prefix and the suffix of the quote from `start` to `end`.

    They stop at line breaks, so that a row of the table is one line of its file. The prefix does
    not begin with the sign of a formula, such as the hyphen of a list item, which a spreadsheet
    would run.
    """
    before, after = text[max(start - CONTEXT, 0) : start], text[end : end + CONTEXT]
    return before.rpartition("\n")[2].lstrip(FORMULA_SIGNS), after.partition("\n")[0]


def passage_of(start: int, end: int, passages: Iterable[Passage]) -> str | None:
    """The key of the first of a source's passages that holds a span, if any."""
    return next((p.passage_id for p in passages if p.holds(start, end)), None)


def cuts_word(text: str, at: int) -> bool:
    """Whether a cut before `text[at]` splits a word or a number.

    A word is a run of letters, digits and their marks. Apostrophes and hyphens end a word if the
    part keeps its meaning: "Pakistan" may be quoted from "Pakistan's", and "US" from "US-backed".
    They do not in "can't", "non-committal" and "-5", and "45" is not a word of "45,000". Scripts
    without spaces do not separate words; there, only a cut between a letter and its marks counts.
    """
    if not 0 < at < len(text):
        return False
    before, after = text[at - 1], text[at]
    if _in_word(before) and _in_word(after):
        attached = unicodedata.category(after).startswith("M") or after in ATTACHED
        return attached or not _UNSPACED.search(before + after)
    if _TURNS.search(f"{text[max(at - BEFORE, 0) : at]}\x1f{text[at : at + 3]}"):
        return True
    if before in ".,":
        return after.isdecimal() and text[max(at - 2, 0)].isdecimal()
    return after in ".," and before.isdecimal() and text[at + 1 : at + 2].isdecimal()


def find(text: str, words: str) -> list[Match]:
    """Find every occurrence of `words` in `text` as whole words.

    Words are compared under `gazadata.text.fold`, which ignores differences in case, apostrophes,
    quotation marks, dashes and white space (line breaks too). Both must have the same Unicode
    normalization form; held texts are in NFC.

    Returns:
        The matches in order, with the text's own characters; they may overlap. A match neither
        begins nor ends with white space, cuts no word, and folds to `fold(words)`. An empty list
        for words that are only white space.
    """
    needle = fold(words)
    if not needle:
        return []
    folded, origin = _folded(text)
    sought = _one_sigma(needle)
    matches = []
    at = folded.find(sought)
    while at >= 0:
        start, end = origin[at], origin[at + len(sought) - 1] + 1
        exact = text[start:end]
        # Comparing again rejects matches that begin or end within a character that folds to
        # several, and sigmas of another form.
        if fold(exact) == needle and not cuts_word(text, start) and not cuts_word(text, end):
            matches.append(Match(start, end, exact))
        at = folded.find(sought, at + 1)
    return matches


def nearest(text: str, words: str) -> Match | None:
    """The span of whole words in `text` that is most similar to `words`, for error messages.

    Similarity is the Dice coefficient of the character bigrams. It takes time linear in the
    text's length and tolerates misspelt, missing and added words.

    Returns:
        The first of the most similar spans, or None if none is at least half similar.
    """
    needle = _one_sigma(fold(words))
    folded, origin = _folded(text)
    if not needle or not folded:
        return None
    wanted = Counter(_pairs(needle))
    guess = _densest(folded, wanted)
    start = origin[guess]
    end = origin[min(guess + len(needle), len(folded)) - 1] + 1
    while cuts_word(text, start):
        start -= 1
    while cuts_word(text, end):
        end += 1
    starts = [
        at
        for at in range(max(start - _MARGIN, 0), min(start + _MARGIN + 1, len(text)))
        if not text[at].isspace() and not cuts_word(text, at)
    ]
    ends = [
        at
        for at in range(max(end - _MARGIN, 1), min(end + _MARGIN, len(text)) + 1)
        if not text[at - 1].isspace() and not cuts_word(text, at)
    ]
    spans = [(first, last) for first in starts for last in ends if first < last]
    likeness = {
        (first, last): _likeness(_one_sigma(fold(text[first:last])), wanted)
        for first, last in spans
    }
    best = max(spans, key=lambda span: likeness[span], default=None)
    if best is None or likeness[best] < _ALIKE:
        return None
    return Match(*best, text[slice(*best)])


def _in_word(character: str) -> bool:
    return (
        character.isalnum()
        or unicodedata.category(character).startswith("M")
        or character in _JOINERS
    )


def _one_sigma(folded: str) -> str:
    # Sigma is the only letter whose lower case depends on its neighbours, so a text lowered
    # character by character must be compared without that difference.
    return folded.replace("ς", "σ")


@lru_cache(maxsize=4)
def _folded(text: str) -> tuple[str, list[int]]:
    """The folded text, and for each of its characters the offset of its origin in `text`."""
    pieces = {character: _one_sigma(fold(character)) for character in set(text)}
    folded: list[str] = []
    origin: list[int] = []
    for at, character in enumerate(text):
        # A run of white space folds to one space, but white space alone folds to nothing.
        piece = pieces[character] or ("" if not folded or folded[-1] == " " else " ")
        folded.extend(piece)
        origin.extend([at] * len(piece))
    return "".join(folded), origin


def _pairs(folded: str) -> list[str]:
    padded = f" {folded} "
    return [padded[at : at + 2] for at in range(len(padded) - 1)]


def _densest(folded: str, wanted: Counter[str]) -> int:
    """The start of the window with most of the wanted pairs; it is as long as they are."""
    pairs = _pairs(folded)
    size = wanted.total()
    missing = dict(wanted)
    score = best = guess = 0
    for at, pair in enumerate(pairs):
        if pair in missing:
            score += missing[pair] > 0
            missing[pair] -= 1
        if at >= size and (gone := pairs[at - size]) in missing:
            missing[gone] += 1
            score -= missing[gone] > 0
        if score > best:
            best, guess = score, max(at - size + 1, 0)
    return min(guess, len(folded) - 1)


def _likeness(folded: str, wanted: Counter[str]) -> float:
    pairs = Counter(_pairs(folded))
    return 2 * (pairs & wanted).total() / (pairs.total() + wanted.total())
