"""A held source as it is shown: paragraphs and sentences, cut where a quote begins or ends."""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from itertools import pairwise

from gazadata.contract import inside
from gazadata.display.record import Quote, Record, extent
from gazadata.errors import ContractError

OPENING = 64
"""How many characters identify a sentence."""

DEPTHS = 4
"""Shades of a highlight: words in more quotes than this look alike."""


@dataclass(frozen=True)
class Segment:
    """Words covered by the same quotes; `text` is None if the text is not available."""

    start: int
    end: int
    text: str | None
    quotes: tuple[Quote, ...]
    begins: tuple[Quote, ...]

    @property
    def depth(self) -> int:
        """How deep the shade of its highlight is."""
        return min(len(self.quotes), DEPTHS)


@dataclass(frozen=True)
class Sentence:
    """A passage, and the quotes that begin in it; `space` is the text between it and the next."""

    number: int
    key: str
    kind: str
    start: int
    end: int
    segments: tuple[Segment, ...]
    quotes: tuple[Quote, ...]
    space: str

    @property
    def uncoded(self) -> tuple[Segment, ...]:
        """The parts of the sentence that no quote covers."""
        return tuple(
            one
            for one in self.segments
            if not one.quotes and (one.text is None or any(map(str.isalnum, one.text)))
        )

    @property
    def opening(self) -> str:
        """Its first words, with an ellipsis for those not available."""
        shown = "".join("…" if one.text is None else one.text for one in self.segments)
        return shown if len(shown) <= OPENING else f"{shown[:OPENING].rpartition(' ')[0]}…"


@dataclass(frozen=True)
class Article:
    """A held source; `whole` says whether its text is available."""

    key: str
    title: str
    paragraphs: tuple[tuple[Sentence, ...], ...]
    whole: bool
    length: int
    sha256: str

    @property
    def sentences(self) -> tuple[Sentence, ...]:
        """All sentences, the headline included."""
        return tuple(one for paragraph in self.paragraphs for one in paragraph)


def articles(record: Record) -> list[Article]:
    """The held sources of a package, each with its text if it is available and its hash matches."""
    shown = record.held if record.source is None else [record.source]
    return [_article(record, row) for row in record.rows("sources") if row["source_id"] in shown]


def _article(record: Record, row: dict[str, object]) -> Article:
    key = str(row["source_id"])
    text = _text(record, row)
    quotes = [one for one in record.quotes.values() if one.source == key]
    passages = sorted(
        (one for one in record.rows("passages") if one["source_id"] == key), key=extent
    )
    # In a draft, passages may skip or repeat a part of the text.
    starts = [extent(one)[0] for one in passages]
    paragraphs: list[list[Sentence]] = []
    number = last = 0
    for at, passage in enumerate(passages):
        start, end = extent(passage)
        after = starts[at + 1] if at + 1 < len(starts) else end
        between = text[end:after] if text is not None else " " * (after - end)
        if at + 1 < len(passages) and passages[at + 1]["paragraph"] != passage["paragraph"]:
            between = ""
        sentence = Sentence(
            at + 1,
            passage["passage_id"],
            passage["kind"] or "",
            start,
            end,
            segments(quotes, text, start, end),
            tuple(one for one in quotes if start <= one.start < max(end, start + 1)),
            between,
        )
        number = passage["paragraph"] or 0
        if number != last or not paragraphs:
            paragraphs.append([])
        paragraphs[-1].append(sentence)
        last = number
    return Article(
        key,
        str(row.get("title") or row.get("publisher") or key),
        tuple(map(tuple, paragraphs)),
        text is not None,
        int(str(row.get("text_length") or 0)),
        str(row.get("text_sha256") or ""),
    )


def _text(record: Record, row: dict[str, object]) -> str | None:
    if not row.get("text_path"):
        return None
    try:
        content = inside(record.dataset.package.root, str(row["text_path"])).read_bytes()
        text = content.decode("utf-8")
    except (OSError, UnicodeDecodeError, ContractError):
        return None
    return text if hashlib.sha256(content).hexdigest() == row.get("text_sha256") else None


def segments(quotes: list[Quote], text: str | None, start: int, end: int) -> tuple[Segment, ...]:
    """Cut a stretch of text where a quote begins or ends.

    Args:
        quotes: the quotes of the source, sorted by where they begin.
        text: the source's text, or None if only its quotes are known.
        start: where the stretch begins, in code points.
        end: where it ends, excluded.
    """
    within = [one for one in quotes if one.start < end and one.end > start]
    cuts = sorted({start, end, *(one.start for one in within), *(one.end for one in within)})
    cuts = cuts[bisect_left(cuts, start) : bisect_right(cuts, end)]
    found = []
    for left, right in pairwise(cuts):
        over = tuple(one for one in within if one.start <= left and one.end >= right)
        if text is not None:
            words: str | None = text[left:right]
        elif over:
            words = over[0].exact[left - over[0].start : right - over[0].start]
        else:
            words = None
        begins = tuple(one for one in over if one.start == left)
        found.append(Segment(left, right, words, over, begins))
    return tuple(found)
