"""Filling in what follows from the texts and from other cells: offsets, contexts, identifiers."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gazadata.contract import inside
from gazadata.curate.quotes import Match, find, nearest
from gazadata.curate.tables import Row, Table, decode, read_bytes
from gazadata.errors import GazadataError
from gazadata.text import fold

CONTEXT = 32
"""The most that a quote's prefix and suffix hold, in code points; a line break ends them."""
_UNCHECKED = "the offsets and contexts of its quotes are neither filled in nor checked"


class _RowError(GazadataError):
    """Why a row cannot be completed."""


@dataclass(frozen=True)
class Problem:
    """What a person has to decide: where (file, line from 1, row), and what is the matter."""

    resource: str | None
    path: Path
    line: int
    row_id: str | None
    message: str

    def __str__(self) -> str:
        row = f" {self.row_id}:" if self.row_id else ""
        return f"{self.path}:{self.line}:{row} {self.message}"


@dataclass(frozen=True)
class _Passage:
    source: str
    start: int
    end: int

    def holds(self, start: int, end: int) -> bool:
        return self.start <= start and end <= self.end


def derive(root: Path, tables: Mapping[str, Table]) -> list[Problem]:
    """Fill in, in place, the cells that can be computed.

    - `sources`: `text_length` (code points) and `text_sha256` of held sources, where empty.
    - `quotes`: `start`, `end`, `passage_id`, `prefix` and `suffix`. Offsets that are right are
      kept; others are found from `exact`, within the passage where one is given. Where `exact`
      matches only under folding (a straight apostrophe for a curly one), the text's own
      characters take its place: the one change to what a person wrote.
    - `evidence`: `evidence_id`.

    A row that cannot be completed is left as it is.

    Args:
        root: the package's folder.
        tables: the tables by the resource's name; a table that is not there is passed over.

    Returns:
        What is left for a person to decide, in the order of the tables and of their rows.
    """
    problems: list[Problem] = []

    def rows(name: str) -> list[Row]:
        return tables[name].rows if name in tables else []

    def report(name: str, row: Row, message: str) -> None:
        table = tables[name]
        row_id = row.cells.get(table.resource.key) or None
        problems.append(Problem(name, table.path, row.line, row_id, message))

    texts: dict[str, str | None] = {}
    for row in rows("sources"):
        if row.cells.get("held") == "true":
            source = row.cells.get("source_id", "")
            try:
                texts[source] = _read_text(root, row.cells)
            except GazadataError as error:
                texts[source] = None
                report("sources", row, f"{error}; {_UNCHECKED}")

    passages: dict[str, _Passage] = {}
    for row in rows("passages"):
        start, end = _offset(row.cells.get("start", "")), _offset(row.cells.get("end", ""))
        if start is None or end is None:
            report("passages", row, "start and end must be whole numbers; its quotes need them")
        else:
            source = row.cells.get("source_id", "")
            passages[row.cells.get("passage_id", "")] = _Passage(source, start, end)

    for name, complete in (
        ("quotes", lambda cells: _complete_quote(cells, texts, passages)),
        ("evidence", _name_evidence),
    ):
        for row in rows(name):
            try:
                complete(row.cells)
            except _RowError as error:
                report(name, row, str(error))
    return problems


def _read_text(root: Path, cells: dict[str, str]) -> str:
    """The text of a held source; its length and hash are filled in where they are empty.

    Raises:
        GazadataError: there is no text, or none that can be relied on.
    """
    path = cells.get("text_path", "")
    if not path:
        raise _RowError("the source is held, but text_path is empty")
    file = inside(root, path)
    content = read_bytes(file)
    text = decode(file, content)
    if "\r" in text or not unicodedata.is_normalized("NFC", text):
        raise _RowError(f"{path} must be NFC with LF line ends")
    sha256 = hashlib.sha256(content).hexdigest()
    written_sha256, written_length = cells.get("text_sha256", ""), cells.get("text_length", "")
    # raw/ is frozen: a hash that differs means that the text was touched, and to renew the hash
    # without a word would hide it.
    if written_sha256 not in ("", sha256) or (
        written_length and _offset(written_length) != len(text)
    ):
        raise _RowError(
            f"{path} is not the text that the row describes: it has sha256 {sha256} and "
            f"{len(text)} code points; put the text back as it was, or, if the row is wrong, "
            "empty text_sha256 and text_length"
        )
    cells["text_sha256"] = sha256
    cells["text_length"] = written_length or str(len(text))
    return text


def _complete_quote(
    cells: dict[str, str], texts: Mapping[str, str | None], passages: Mapping[str, _Passage]
) -> None:
    """Fill in a quote's cells.

    Raises:
        _RowError: a person has to decide; no cell is changed.
    """
    source, passage_id = cells.get("source_id", ""), cells.get("passage_id", "")
    if source not in texts:
        raise _RowError(f"source_id {source!r} is no held source, so the words have no text")
    here = {name: passage for name, passage in passages.items() if passage.source == source}
    if passage_id and passage_id not in here:
        raise _RowError(f"passage_id {passage_id!r} is no passage of {source}")
    text, exact = texts[source], cells.get("exact", "")
    start, end = _offset(cells.get("start", "")), _offset(cells.get("end", ""))
    if text is None:
        # Reported once, at the source; the passage follows from the offsets alone.
        if start is not None and end is not None and not passage_id:
            cells["passage_id"] = _passage_of(start, end, here) or ""
        return
    if not fold(exact):
        raise _RowError("exact is empty: there are no words to look for")
    found: dict[str, str] = {}
    if start is None or end is None or (end - start, text[start:end]) != (len(exact), exact):
        match = _look_up(text, exact, here, passage_id, (start, end))
        start, end = match.start, match.end
        found = {"start": str(start), "end": str(end), "exact": match.exact}
    holder = _passage_of(start, end, here)
    if passage_id and not here[passage_id].holds(start, end):
        raise _RowError(
            f"the words at {start}..{end} are not in {passage_id} but in {holder or 'no passage'}; "
            "correct passage_id, or empty start and end"
        )
    if holder is None:
        raise _RowError(f"the words at {start}..{end} do not lie within one passage of {source}")
    prefix, suffix = context(text, start, end)
    cells.update(found, passage_id=passage_id or holder, prefix=prefix, suffix=suffix)


def context(text: str, start: int, end: int) -> tuple[str, str]:
    """The prefix and the suffix of the words at an offset.

    Each ends at a line break, so that a row of the table stays one line of its file.
    """
    before, after = text[max(start - CONTEXT, 0) : start], text[end : end + CONTEXT]
    return before.rpartition("\n")[2], after.partition("\n")[0]


def _look_up(
    text: str,
    exact: str,
    passages: Mapping[str, _Passage],
    passage_id: str,
    hint: tuple[int | None, int | None],
) -> Match:
    """The one place that is meant by `exact`.

    Raises:
        _RowError: there is none, or several that `hint` (start, end) does not tell apart.
    """

    def places(matches: list[Match]) -> str:
        return ", ".join(
            f"{m.start}..{m.end} ({_passage_of(m.start, m.end, passages) or 'no passage'})"
            for m in matches
        )

    everywhere = find(text, exact)
    matches = everywhere
    if passage_id:
        passage = passages[passage_id]
        matches = [m for m in everywhere if passage.holds(m.start, m.end)]
    if not matches:
        missing = f"{exact!r} does not stand in {passage_id or 'the text'} as whole words"
        if everywhere:
            raise _RowError(f"{missing}, but at {places(everywhere)}")
        near = nearest(text, exact)
        if near is None:
            raise _RowError(f"{missing}, and nothing in the text is like it")
        raise _RowError(f"{missing}; the nearest is {near.exact!r} at {places([near])}")
    # Someone who wrote the article's own characters means those, not others that fold alike.
    matches = [m for m in matches if m.exact == exact] or matches
    if len(matches) > 1:
        start, end = hint
        matches = [m for m in matches if m.start == start or m.end == end] or matches
    if len(matches) > 1:
        raise _RowError(
            f"{exact!r} stands {len(matches)} times: {places(matches)}; "
            "write the start and end that are meant"
        )
    return matches[0]


def _passage_of(start: int, end: int, passages: Mapping[str, _Passage]) -> str | None:
    return next((name for name, p in passages.items() if p.holds(start, end)), None)


def _name_evidence(cells: dict[str, str]) -> None:
    """Fill in the key of an evidence row.

    Raises:
        _RowError: a cell that is part of the key is empty.
    """
    parts = {name: cells.get(name, "") for name in ("resource", "row_id", "field")}
    parts["quote_id or reference_id"] = cells.get("quote_id") or cells.get("reference_id") or ""
    if empty := [name for name, part in parts.items() if not part]:
        raise _RowError(f"evidence_id cannot be derived: {', '.join(empty)} is empty")
    parts["field"] = parts["field"].replace("_", "-")
    cells["evidence_id"] = ".".join(parts.values())


def _offset(cell: str) -> int | None:
    # Longer than any offset is no offset, and would be refused by int() itself from 4,300 digits.
    if cell.isascii() and cell.isdigit() and len(cell) <= 18:
        return int(cell)
    return None
