"""Filling in what follows from the texts and from other cells: offsets, contexts, identifiers."""

from __future__ import annotations

import calendar
import datetime
import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from gazadata import sniff
from gazadata.contract import Resource, inside
from gazadata.curate.tables import Row, Table, decode, offset, read_bytes
from gazadata.errors import GazadataError
from gazadata.evidence.quotes import (
    Match,
    Passage,
    check_quote,
    context,
    find,
    nearest,
    passage_of,
)
from gazadata.text import FORMULA, HIDDEN, fold, malformed

_UNCHECKED = "the offsets and contexts of its quotes are neither filled in nor checked"


class _RowError(GazadataError):
    """Why a row cannot be completed."""


@dataclass(frozen=True)
class Problem:
    """Something a person has to decide: where (file, line from 1, row), and what is wrong."""

    resource: str | None
    path: Path
    line: int
    row_id: str | None
    message: str

    @classmethod
    def of(cls, table: Table, row: Row, message: str) -> Problem:
        """A problem with a row of a table."""
        row_id = row.cells.get(table.resource.key) or None
        return cls(table.resource.name, table.path, row.line, row_id, message)

    def __str__(self) -> str:
        row = f" {self.row_id}:" if self.row_id else ""
        return f"{self.path}:{self.line}:{row} {self.message}"


def derive(root: Path, tables: Mapping[str, Table]) -> list[Problem]:
    """Fill in, in place, the cells that can be computed.

    - `sources`: `text_length` (code points) and `text_sha256` of held sources, if empty.
    - `quotes`: `char_start`, `char_end`, `passage_id`, `prefix` and `suffix`. Correct offsets are
      kept; others are found from `exact`, within the passage if the row names one. If `exact`
      matches only under folding (a straight apostrophe for a curly one), it is replaced by the
      text's own characters: the only change to what a person wrote.
    - `evidence`: `evidence_id`.
    - derived cells, if empty: the precision of two dates, `held` of a source from its
      `text_path`, and `cited_by` of a cited one from the quotes of its evidence.
    - booleans: `TRUE` and `FALSE`, as spreadsheets write them, become `true` and `false`.

    A row that cannot be completed stays as it is.

    Args:
        root: the package's folder.
        tables: the tables by name; missing ones are skipped.

    Returns:
        What is left for a person to decide, in the order of the tables and their rows.
    """
    problems: list[Problem] = []

    def rows(name: str) -> list[Row]:
        return tables[name].rows if name in tables else []

    def report(name: str, row: Row, message: str) -> None:
        problems.append(Problem.of(tables[name], row, message))

    for table in tables.values():
        _fill_cells(table)

    texts: dict[str, str | None] = {}
    for row in rows("sources"):
        if row.cells.get("held") == "true":
            source = row.cells.get("source_id", "")
            try:
                texts[source] = _read_text(root, row.cells)
            except GazadataError as error:
                texts[source] = None
                report("sources", row, f"{error}; {_UNCHECKED}")

    passages: dict[str, dict[str, Passage]] = {}
    for row in rows("passages"):
        start, end = (
            offset(row.cells.get("char_start", "")),
            offset(row.cells.get("char_end", "")),
        )
        if start is None or end is None:
            report(
                "passages",
                row,
                "char_start and char_end must be whole numbers; its quotes need them",
            )
            start = end = None
        key, source = row.cells.get("passage_id", ""), row.cells.get("source_id", "")
        passages.setdefault(source, {})[key] = Passage(key, source, start, end)

    for name, complete in (
        ("quotes", lambda cells: _complete_quote(cells, texts, passages)),
        ("evidence", _name_evidence),
    ):
        for row in rows(name):
            try:
                complete(row.cells)
            except _RowError as error:
                report(name, row, str(error))
    _fill_cited_by(rows("sources"), rows("evidence"), rows("quotes"))
    return problems


def _fill_cells(table: Table) -> None:
    """Fill in what follows from other cells of the same row, and normalize booleans."""
    flags = [field.name for field in table.resource.fields if field.type == "boolean"]
    for row in table.rows:
        for flag in flags:
            if row.cells.get(flag, "").lower() in ("true", "false"):
                row.cells[flag] = row.cells[flag].lower()
        for stem in ("date", "published"):
            _fill_precision(row.cells, stem, table.resource)
        if row.cells.get("held") == "":
            row.cells["held"] = "true" if row.cells.get("text_path") else "false"


def _fill_precision(cells: dict[str, str], stem: str, resource: Resource) -> None:
    """Fill in the precision of two dates; validation reports dates that cannot be read."""
    field = f"{stem}_precision"
    if cells.get(field) or field not in cells:
        return
    try:
        first, last = (
            datetime.date.fromisoformat(day) if (day := cells[f"{stem}_{end}"]) else None
            for end in ("earliest", "latest")
        )
    except (KeyError, ValueError):
        return
    cells[field] = precision(first, last) if first or last or resource[field].required else ""


def precision(first: datetime.date | None, last: datetime.date | None) -> str:
    """The precision of two dates, a term of `date_precision`."""
    if first is None or last is None:
        return "unknown" if first is last else "open"
    if first == last:
        return "day"
    end_of_month = calendar.monthrange(last.year, last.month)[1]
    if first.day == 1 and last == first.replace(month=last.month, day=end_of_month):
        if first.month == last.month:
            return "month"
        if (first.month, last.month) == (1, 12):
            return "year"
    return "week" if 0 < (last - first).days < 7 else "range"


def _fill_cited_by(sources: list[Row], evidence: list[Row], quotes: list[Row]) -> None:
    """Fill in which article cites a source: the one that all quotes of its row are from."""
    of_quotes = {row.cells.get("quote_id"): row.cells.get("source_id", "") for row in quotes}
    quoted: dict[str, set[str]] = {}
    for row in evidence:
        if row.cells.get("resource") == "sources" and row.cells.get("quote_id"):
            source = of_quotes.get(row.cells["quote_id"], "")
            quoted.setdefault(row.cells.get("row_id", ""), set()).add(source)
    for row in sources:
        citing = quoted.get(row.cells.get("source_id", ""), set())
        is_cited = row.cells.get("kind") not in ("article", "reference")
        if is_cited and row.cells.get("cited_by") == "" and len(citing) == 1:
            row.cells["cited_by"] = citing.pop()


def _read_text(root: Path, cells: dict[str, str]) -> str:
    """The text of a held source; fills in its length and hash if they are empty.

    Raises:
        GazadataError: the text is missing or cannot be relied on.
    """
    path = cells.get("text_path", "")
    if not path:
        raise _RowError("the source is held, but text_path is empty")
    file = inside(root, path)
    content = read_bytes(file)
    if other := sniff.content(content):
        raise _RowError(f"{path}: found {other}")
    text = decode(file, content)
    if flaw := malformed(text):
        raise _RowError(f"{path} has {flaw}")
    sha256 = hashlib.sha256(content).hexdigest()
    written_sha256, written_length = cells.get("text_sha256", ""), cells.get("text_length", "")
    # raw/ is frozen: another hash means that somebody changed the text, and updating the hash
    # silently would hide it.
    if written_sha256 not in ("", sha256) or (
        written_length and offset(written_length) != len(text)
    ):
        raise _RowError(
            f"{path} is not the text that the row describes: it has sha256 {sha256} and "
            f"{len(text)} code points; restore the text, or, if the row is wrong, empty "
            "text_sha256 and text_length"
        )
    cells["text_sha256"] = sha256
    cells["text_length"] = written_length or str(len(text))
    return text


def _complete_quote(
    cells: dict[str, str],
    texts: Mapping[str, str | None],
    passages: Mapping[str, Mapping[str, Passage]],
) -> None:
    """Fill in a quote's cells.

    Raises:
        _RowError: a person has to decide; no cell is changed.
    """
    source, passage_id = cells.get("source_id", ""), cells.get("passage_id", "")
    if source not in texts:
        raise _RowError(f"source_id {source!r} is not a held source, so there is no text to search")
    here = passages.get(source, {})
    if passage_id and passage_id not in here:
        raise _RowError(f"passage_id {passage_id!r} is not a passage of {source}")
    # A passage without bounds, as in a draft, has its own problem.
    passage = here.get(passage_id)
    bounded = passage if passage and passage.start is not None else None
    text, exact = texts[source], cells.get("exact", "")
    start, end = offset(cells.get("char_start", "")), offset(cells.get("char_end", ""))
    if text is None:
        # Reported once, at the source; the passage follows from the offsets alone.
        if start is not None and end is not None and not passage_id:
            cells["passage_id"] = passage_of(start, end, here.values()) or ""
        return
    if not fold(exact):
        raise _RowError("exact is empty, so there are no words to search for")
    if (
        start is None
        or end is None
        or exact != exact.strip()
        or not check_quote(text, start, end, exact)
    ):
        match = _look_up(text, exact, here.values(), bounded, (start, end))
        start, end, exact = match.start, match.end, match.exact
    there = f"the words at {start}..{end}"
    holder = passage_of(start, end, here.values())
    if bounded and not bounded.holds(start, end):
        raise _RowError(
            f"{there} are in {holder or 'no passage'}, not in {passage_id}; correct "
            "passage_id, or empty char_start and char_end"
        )
    if holder is None and (bounded or not passage):
        raise _RowError(f"{there} are not within one passage of {source}")
    if "\n" in exact:
        raise _RowError(f"{there} contain a line break; quote the words before or after it")
    prefix, suffix = context(text, start, end)
    derived = {"exact": exact, "prefix": prefix, "suffix": suffix}
    for name, cell in derived.items():
        if re.match(FORMULA, cell):
            raise _RowError(
                f"{name} would begin with {cell[0]!r}, as a spreadsheet formula does; "
                + (
                    "start the quote after it, or a word earlier"
                    if name == "exact"
                    else "end the quote a word later"
                )
            )
        if HIDDEN.search(cell):
            raise _RowError(
                f"{name} would begin or end within a word, at an invisible joiner; start or end "
                "the quote a word earlier or later"
            )
    offsets = {"char_start": str(start), "char_end": str(end)}
    cells.update(derived, **offsets, passage_id=passage_id or holder or "")


def _look_up(
    text: str,
    exact: str,
    passages: Collection[Passage],
    passage: Passage | None,
    hint: tuple[int | None, int | None],
) -> Match:
    """The place of `exact` in the text.

    Raises:
        _RowError: there is none, or `hint` (start, end) does not single out one of several.
    """

    def places(matches: list[Match]) -> str:
        return ", ".join(
            f"{m.start}..{m.end} ({passage_of(m.start, m.end, passages) or 'no passage'})"
            for m in matches
        )

    everywhere = find(text, exact)
    matches = [m for m in everywhere if passage is None or passage.holds(m.start, m.end)]
    if not matches:
        missing = f"no match for {exact!r} in {passage.passage_id if passage else 'the text'}"
        if everywhere:
            raise _RowError(f"{missing}, but at {places(everywhere)}")
        near = nearest(text, exact)
        if near is None:
            raise _RowError(f"{missing}, and nothing similar")
        raise _RowError(
            f"{missing} as whole words; the nearest is {near.exact!r} at {places([near])}"
        )
    # Exact matches take precedence over those that only fold alike.
    matches = [m for m in matches if m.exact == exact] or matches
    if len(matches) > 1:
        start, end = hint
        matches = [m for m in matches if m.start == start or m.end == end] or matches
    if len(matches) > 1:
        raise _RowError(
            f"{exact!r} occurs {len(matches)} times: {places(matches)}; fill in char_start "
            "and char_end of the right one"
        )
    return matches[0]


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
