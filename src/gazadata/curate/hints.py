"""Comments in a sheet that help to code: names and cues in a passage, fields and terms."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from typing import NamedTuple

from gazadata.contract import Contract, Resource
from gazadata.curate.layout import COMPUTED, coded_tables, parts_of, source_field
from gazadata.curate.record import HeldPassage, Record
from gazadata.evidence.quotes import find

_HOW = """\
Write rows under the sentence they rest on, as a list under the name of their table:
- id: a-readable-key      # not for names and participants, whose keys are computed
  quote: the words of the article that the row rests on; if long, first words … last words
  field: value            # [a, b] in a field makes two rows
  notes: {field: how it follows}                                # required if it is inferred
  evidence: [{for: field, words: other words, note: why}]       # `also` instead of `for` adds
Evidence is proposed from the words and from reference/. `gazadata apply` checks and writes it."""

_MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
_DAYS = "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday"
_TIME = re.compile(
    rf"(?:\d{{1,2}} )?\b(?:{_MONTHS})\b(?: \d{{1,2}}\b)?(?:,? \d{{4}})?|\b(?:{_DAYS})\b"
    r"|\b(?:19|20)\d\d\b|\b(?:yesterday|today|tomorrow|recent(?:ly)?|earlier|previously|upcoming"
    r"|(?:last|this|next) (?:week|month|year))\b"
)
_AMOUNT = re.compile(
    r"[$€£]?\b\d[\d,.]*(?: (?:thousand|million|billion|per cent))?(?: [a-z]\w+|%)?"
)
_CAPITAL = r"(?:(?:[^\W\d_a-zß-ÿ]\.){2,}|[^\W\d_a-zß-ÿ][\w-]*)"
_CAPITALS = re.compile(rf"\b{_CAPITAL}(?: {_CAPITAL})*")
_COMMON = re.compile(
    "(?:a|after|all|although|an|and|as|at|because|before|both|but|by|despite|during|each|every|few"
    "|for|from|he|her|his|how|however|if|in|instead|it|its|last|later|many|meanwhile|more|most"
    "|neither|no|not|now|of|on|once|one|only|our|several|she|since|so|some|still|such|that|the"
    "|their|then|there|these|they|this|those|though|to|two|under|until|we|what|when|where|whether"
    "|while|who|with|without|yet|you)",
    re.IGNORECASE,
)
"""Words that often begin a sentence, but are not names."""


def hints(record: Record, source: str, passage: HeldPassage, *, is_open: bool) -> Iterator[str]:
    """The comments on a passage; if it has rows already, only the words that no name covers."""
    text = record.text(source)
    words = text[passage.start : passage.end]
    named = _names(record, words)
    if is_open and named:
        yield f"names: {'; '.join(f'{one.form} = {one.key}' for one in named)}"
    unnamed = [
        match.group()
        for match in _CAPITALS.finditer(words)
        if not any(one.start < match.end() and match.start() < one.end for one in named)
        and not _TIME.fullmatch(match.group())
        and not (match.start() == 0 and _TIME.fullmatch(match.group().partition(" ")[2]))
        and not (match.start() == 0 and _is_common(match.group(), text))
    ]
    if unnamed:
        yield f"no name for: {', '.join(dict.fromkeys(unnamed))}"
    if not is_open:
        return
    of = record.contract
    for kind, known in (("hedge", of.hedge_cues), ("attribution", of.attribution_cues)):
        if cues := [cue for cue in known if find(words, cue)]:
            yield f"{kind} cues: {', '.join(cues)}"
    times = [match.group() for match in _TIME.finditer(words)]
    if times:
        yield f"dates: {', '.join(times)}"
    if amounts := [m.group() for m in _AMOUNT.finditer(_TIME.sub("", words))]:
        yield f"amounts: {', '.join(amounts)}"


class _Name(NamedTuple):
    """A known name in a passage."""

    start: int
    end: int
    form: str
    key: str


def _names(record: Record, words: str) -> list[_Name]:
    """The known names in a passage, in order; the longest of those that overlap."""
    found = {
        _Name(match.start, match.end, match.exact, row["actor_id"] or row["topic_id"])
        for row in record.rows.get("names", ())
        for match in find(words, row["text"])
    }
    kept: list[_Name] = []
    for one in sorted(found, key=lambda name: (name.start - name.end, name)):
        same = any(other[:2] == one[:2] for other in kept)
        if same or not any(one.start < other.end and other.start < one.end for other in kept):
            kept.append(one)
    return sorted(kept)


def _is_common(word: str, text: str) -> bool:
    """Whether a sentence's first word is a common one, or also occurs in lower case."""
    small = rf"\b{re.escape(word.lower())}\b"
    return bool(_COMMON.fullmatch(word) or re.search(small, text))


def legend(contract: Contract) -> list[str]:
    """How rows are written, and the fields of each table with their terms, as comments."""
    lines = [f"# {line}" for line in _HOW.split("\n")]
    for table in coded_tables(contract):
        lines.append(f"# {table.name}:")
        parts = "; ".join(
            [*_fields(table), *(f"{p} (rows)" for p in parts_of(contract, table.name))]
        )
        lines += textwrap.wrap(
            parts,
            100,
            initial_indent="#   ",
            subsequent_indent="#   ",
            break_long_words=False,
            break_on_hyphens=False,
        )
    return lines


def _fields(table: Resource) -> Iterator[str]:
    own = source_field(table)
    for field in table.fields:
        if field.name in (table.key, own, *COMPUTED.get(table.name, ())):
            continue
        terms = "true or false" if field.type == "boolean" else ", ".join(field.enum)
        needed = "" if field.required else "?"
        yield f"{field.name}{needed}" + (f" ({terms})" if terms else "")
