"""Finding a person's words in a held text, or the place that comes nearest to them.

Offsets are Unicode code points, from 0, the end excluded.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

from gazadata.text import fold

# What stands inside a word though it is neither a letter nor a digit nor a combining mark:
# the underscore, the soft hyphen and the invisible joiners.
_JOINERS = "_\u00ad\u200c\u200d\u2060"
_PREFIXES = "anti|counter|ex|non|post|pre|pro|pseudo|quasi|semi|un"
BEFORE = max(map(len, _PREFIXES.split("|"))) + 2
"""How many code points before a cut show whether it turns the sense: a prefix, and its edges."""
TURNS = "|".join(
    (
        r"\w['’]\x1f\w",
        r"\w\x1f['’](?:[sS]\w|[^\WsS])",
        rf"(?:^|\W)(?i:{_PREFIXES})(?:[-‐‑]\x1f|\x1f[-‐‑])\w",
        r"(?:^|[\s(])[-−–]\x1f\d",
    )
)
"""A cut (U+001F) beside an apostrophe, hyphen or sign without which the words say something else.

It reads the same for Python's regular expressions and those of Polars.
"""
_TURNS = re.compile(TURNS)
# How far, in code points, the borders of the nearest span are looked for around a first guess.
_MARGIN = 24
# The least likeness (0 to 1) at which a span is worth showing: chance alone gives about 0.4.
_ALIKE = 0.5


@dataclass(frozen=True)
class Match:
    """A span of a text: `text[start:end] == exact`."""

    start: int
    end: int
    exact: str


def cuts_word(text: str, at: int) -> bool:
    """Whether a cut before `text[at]` parts a word or a number.

    A word is a run of letters, digits and their marks. Apostrophes and hyphens end it where what
    is left keeps its sense: "Pakistan" may be quoted from "Pakistan's", "US" from "US-backed". It
    does not in "can't", "non-committal" and "-5", nor does "45" in "45,000".
    """
    if not 0 < at < len(text):
        return False
    before, behind = text[at - 1], text[at]
    if _in_word(before) and _in_word(behind):
        return True
    if _TURNS.search(f"{text[max(at - BEFORE, 0) : at]}\x1f{text[at : at + 3]}"):
        return True
    if before in ".,":
        return behind.isdecimal() and text[max(at - 2, 0)].isdecimal()
    return behind in ".," and before.isdecimal() and text[at + 1 : at + 2].isdecimal()


def find(text: str, words: str) -> list[Match]:
    """Find every place where `words` stand in `text` as whole words.

    Words are compared under `gazadata.text.fold`: case, apostrophes, quotation marks, dashes and
    white space (line breaks too) do not count. Nothing is normalised beyond that, so both sides
    are to have the same Unicode form (the texts held here have NFC).

    Returns:
        The matches in order, with the text's own characters; they may overlap. Each begins and
        ends with something other than white space, cuts no word, and folds to `fold(words)`.
        None for words that are white space only.
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
        # Comparing once more refuses a match that begins or ends within a character that folds
        # to several, and a sigma whose form differs.
        if fold(exact) == needle and not cuts_word(text, start) and not cuts_word(text, end):
            matches.append(Match(start, end, exact))
        at = folded.find(sought, at + 1)
    return matches


def nearest(text: str, words: str) -> Match | None:
    """The span of whole words in `text` that is most like `words`, for error messages.

    Likeness is the share of pairs of neighbouring characters that both have (Dice), which takes
    time in proportion to the text's length and bears misspelt, missing and added words.

    Returns:
        The first of the most similar spans, or None where nothing is at least half alike.
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
    # Sigma is the one letter whose lower case depends on its neighbours, so a text that is
    # lowered character by character can only be compared without that difference.
    return folded.replace("ς", "σ")


@lru_cache(maxsize=4)
def _folded(text: str) -> tuple[str, list[int]]:
    """The folded text, and for each of its characters the offset of the one it comes from."""
    pieces = {character: _one_sigma(fold(character)) for character in set(text)}
    folded: list[str] = []
    origin: list[int] = []
    for at, character in enumerate(text):
        # White space alone folds to nothing; inside a text a run of it folds to one space.
        piece = pieces[character] or ("" if not folded or folded[-1] == " " else " ")
        folded.extend(piece)
        origin.extend([at] * len(piece))
    return "".join(folded), origin


def _pairs(folded: str) -> list[str]:
    padded = f" {folded} "
    return [padded[at : at + 2] for at in range(len(padded) - 1)]


def _densest(folded: str, wanted: Counter[str]) -> int:
    """Where the window of as many pairs as are wanted begins that has most of them."""
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
