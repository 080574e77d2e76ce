"""The computed keys of quotes, names, participants and passages."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Collection, Iterable

from gazadata.curate.record import Cells

_WORDS = 9
"""How many words of a quote are in its key."""


def slug(text: str, words: int | None = None) -> str:
    """A text as part of a key: lower-case letters and digits, with hyphens between (first) words.

    It is empty for a text without Latin letters and digits.
    """
    bare = unicodedata.normalize("NFKD", text.lower())
    parts = re.findall("[a-z0-9]+", "".join(c for c in bare if not unicodedata.combining(c)))
    return "-".join(parts[:words])


def passage_keys(source: str, kinds: Iterable[str]) -> list[str]:
    """The computed keys of an article's passages, which have these kinds.

    A key is that of the source, followed by the number of the sentence from 1, or by the kind.
    """
    sentences = itertools.count(1)
    return [
        f"{source}-s{next(sentences):02}" if kind == "sentence" else f"{source}-{kind}"
        for kind in kinds
    ]


def label(passage: str, source: str) -> str:
    """A passage's key without its source's, as it is called in a sheet."""
    return passage.removeprefix(f"{source}-")


def computed_key(table: str, row: Cells) -> str:
    """The computed key of a row of `names` or `participants`."""
    if table == "participants":
        return f"{row['event_id']}-{row['actor_id']}"
    of = row["actor_id"] or row["topic_id"]
    words = slug(row["text"])
    return of if words in ("", of) else f"{words}-{of}"


def free(wanted: str, taken: Collection[str], *, endings: Iterable[str] = ()) -> str:
    """The wanted key; if it is taken, with one of the endings, or else with a number."""
    tried = [wanted, *(f"{wanted}-{ending}" for ending in endings if ending)]
    for one in tried:
        if one not in taken:
            return one
    number = 2
    while f"{wanted}-{number}" in taken:
        number += 1
    return f"{wanted}-{number}"


def quote_key(words: str, passage: str, source: str, taken: Collection[str]) -> str:
    """The key of a quote: its first nine words, and its passage if another quote has those."""
    ending = label(passage, source)
    bare = words.replace("’", "").replace("'", "")
    return free(slug(bare, _WORDS) or ending, taken, endings=(ending,))
