"""Locating the words that a sheet quotes."""

from __future__ import annotations

from collections.abc import Sequence

from gazadata.curate.keys import label
from gazadata.curate.layout import nearest_names
from gazadata.curate.record import HeldPassage, Span, places
from gazadata.curate.sheet_read import Words
from gazadata.evidence.quotes import Match, nearest


def locate(
    words: Words, source: str, text: str, parts: Sequence[HeldPassage], own: HeldPassage | None
) -> Span | str:
    """The place of quoted words in an article, or why it cannot be determined.

    They are looked up in the passage they name, or else in the row's own, or else in any other.

    Args:
        words: the quoted words, and where they are if that is written.
        source: the article's key.
        text: its text.
        parts: its passages.
        own: the passage of the row, if it is of this article.
    """
    known = {label(part.key, source): part for part in parts}
    within = own
    if words.passage:
        within = known.get(label(words.passage, source))
        if within is None:
            near = nearest_names(words.passage, list(known))
            return f"no passage {words.passage!r}; expected {near}"
    matches = places(text, words.exact, within)
    if not matches and not words.passage:
        within = None
        matches = places(text, words.exact)
    if words.occurrence:
        number = words.occurrence
        if number > len(matches):
            return f"{words.exact!r} occurs only {len(matches)} times, not {number}"
        matches = [matches[number - 1]]
    if not matches:
        return _missing(words.exact, text, parts, within or own, source)
    if len(matches) > 1:
        ask = "occurrence" if within else "passage"
        where = ", ".join(dict.fromkeys(_passages(matches, parts, source)))
        return (
            f"{words.exact!r} occurs {len(matches)} times ({where}); quote more words, or choose "
            f"one with `{ask}`"
        )
    span = Span(source, matches[0].start, matches[0].end)
    if not any(part.holds(span) for part in parts):
        return "the quote is not within one passage; quote one sentence"
    return span


def _passages(matches: Sequence[Match], parts: Sequence[HeldPassage], source: str) -> list[str]:
    return [
        label(part.key, source)
        for match in matches
        for part in parts
        if part.start <= match.start < part.end
    ]


def _missing(
    words: str, text: str, parts: Sequence[HeldPassage], own: HeldPassage | None, source: str
) -> str:
    if elsewhere := _passages(places(text, words), parts, source):
        return f"{words!r} is not in this passage but in {', '.join(dict.fromkeys(elsewhere))}"
    near = nearest(text[own.start : own.end], words) if own else None
    near = near or nearest(text, words)
    hint = f"; the nearest words are {near.exact!r}" if near else ", and nothing similar"
    return f"{words!r} is not in this passage{hint}"
