"""Printing an article, with its rows and their evidence, as one sheet to read and edit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from gazadata.contract import Contract, Resource
from gazadata.curate.hints import hints, legend
from gazadata.curate.keys import label, passage_keys
from gazadata.curate.layout import COMPUTED, COMPUTED_KEYS, coded_tables, parts_of, source_field
from gazadata.curate.marked import plain
from gazadata.curate.propose import Proposer, inferred_names
from gazadata.curate.record import Cells, HeldPassage, Item, Record, Span, places, shortened
from gazadata.errors import ReadError
from gazadata.evidence.quotes import Match, find

SCHEMA = "sheet.schema.json"
"""The file that the first line of a sheet names."""

_WIDTH = 100

Value = str | list[str]


@dataclass(frozen=True)
class PrintedWords:
    """Words, and their place as far as a sheet has to state it."""

    exact: str
    passage: str = ""
    occurrence: str = ""
    source: str = ""

    @property
    def where(self) -> dict[str, str]:
        """The stated parts of their place."""
        parts = {"passage": self.passage, "occurrence": self.occurrence, "source": self.source}
        return {name: value for name, value in parts.items() if value}


@dataclass(frozen=True)
class PrintedEvidence:
    """Evidence that differs from what would be proposed.

    Attributes:
        fields: the cells that it is for.
        adds: whether it adds to the proposed evidence instead of replacing it.
        words: None for the row's main quote, or if there is a reference.
        details: the basis, the reference and the note, as far as they are written.
    """

    fields: tuple[str, ...]
    adds: bool
    words: PrintedWords | None
    details: tuple[tuple[str, str], ...]


Exceptions = dict[tuple[bool, Span | None, tuple[tuple[str, str], ...]], list[str]]
"""The cells with evidence that differs: whether it adds, its words, and its details."""


class Whole(NamedTuple):
    """The row that another one is a part of, and the field by which that one refers to it."""

    table: str
    key: str
    link: str


@dataclass
class PrintedRow:
    """A row as a sheet prints it."""

    table: Resource
    passage: int
    key: Value = ""
    quote: PrintedWords | None = None
    values: dict[str, Value] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    evidence: list[PrintedEvidence] = field(default_factory=list)
    parts: dict[str, list[PrintedRow]] = field(default_factory=dict)


def state(record: Record, source: str) -> list[str]:
    """A short hash of each row of an article with its evidence, and of its passages."""
    hashes = [
        row_state(record, name, row) for name, rows in record.owned(source).items() for row in rows
    ]
    return [_hash([list(map(str, record.passages(source)))]), *sorted(hashes)]


def row_state(record: Record, table: str, row: Cells) -> str:
    """A short hash of a row and its evidence."""
    items = record.evidence.get((table, row[record.contract[table].key]), ())
    return _hash([table, row, sorted(map(str, items))])


def _hash(value: object) -> str:
    content = json.dumps(value, ensure_ascii=False, sort_keys=True).encode("utf-8", "replace")
    return hashlib.sha256(content).hexdigest()[:5]


def print_sheet(record: Record, source: str) -> str:
    """The sheet of an article: its rows, passage by passage, and comments that help to code it.

    Raises:
        UnknownName: the source does not exist.
        ReadError: its text is not held or has no passages, or a row cannot be written in a sheet.
    """
    text = record.text(source)
    passages = record.passages(source)
    if not passages:
        raise ReadError(f"{source} has no passages; `gazadata add-article` creates them")
    printer = Printer(record, source)
    rows = printer.rows()
    coded = {row.passage for row in rows if (row.table.name, row.key) != ("sources", source)}
    lines = [
        f"# yaml-language-server: $schema={SCHEMA}",
        *(legend(record.contract) if record.open_passages(source) else []),
        f"source: {source}",
        "passages:",
    ]
    made = passage_keys(source, [passage.kind for passage in passages])
    for passage, key in zip(passages, made, strict=True):
        words = text[passage.start : passage.end]
        lines += ["", f"- {passage.kind}: {plain(words, is_text=True)}"]
        if passage.key != key:
            lines.append(f"  id: {passage.key}")
        is_open = passage.number not in coded
        lines += (f"  # {hint}" for hint in hints(record, source, passage, is_open=is_open))
        for table in coded_tables(record.contract):
            here = [r for r in rows if r.table is table and r.passage == passage.number]
            if here:
                lines.append(f"  {table.name}:")
                lines += (f"  {line}" for row in here for line in row_lines(row))
    lines += ["", f"state: {' '.join(state(record, source))}"]
    return "\n".join(lines) + "\n"


class Printer:
    """Makes the rows of a sheet, with the evidence that differs from what would be proposed."""

    def __init__(self, record: Record, source: str) -> None:
        self.record, self.source = record, source
        self.contract: Contract = record.contract
        self.proposer = Proposer(record, inferred_names(record.evidence))
        self.passages = record.passages(source)
        self.owned = record.owned(source)
        self._mains: dict[tuple[str, str], Span] = {}
        self._printed: dict[tuple[str, str], PrintedRow] = {}

    def rows(self) -> list[PrintedRow]:
        """The rows that are written under a passage, with their parts nested in them."""
        top: list[tuple[str, Span, str, PrintedRow]] = []
        # Wholes come before their parts, which may rest on their quotes.
        wholes = {name for name in self.owned if parts_of(self.contract, name)}
        for name in sorted(self.owned, key=lambda one: one not in wholes):
            resource = self.contract[name]
            for row in self.owned[name]:
                key = row[resource.key]
                printed, parent = self.row(resource, row)
                self._printed[name, key] = printed
                if parent:
                    parent.parts.setdefault(name, []).append(printed)
                else:
                    top.append((name, self._mains[name, key], key, printed))
        for printed in self._printed.values():
            printed.parts = {name: _joined(rows) for name, rows in printed.parts.items()}
        return _joined([printed for *_, printed in sorted(top, key=lambda one: one[:3])])

    def printed(self, table: str, key: str) -> PrintedRow:
        """A row that `rows` has made."""
        return self._printed[table, key]

    def row(self, resource: Resource, row: Cells) -> tuple[PrintedRow, PrintedRow | None]:
        """A row as it is printed, and the one that it is nested in.

        Raises:
            ReadError: it has no quote of this article.
        """
        key = row[resource.key]
        items = self.record.evidence.get((resource.name, key), [])
        whole = self.whole(resource, row)
        of_whole = self._mains[whole.table, whole.key] if whole else None
        main = self.main_quote(resource, row, items, of_whole)
        self._mains[resource.name, key] = main
        passage = self.passage(main)
        is_nested = of_whole is not None and passage == self.passage(of_whole)
        implied = {whole.link} if whole and is_nested else set()
        own = source_field(resource)
        if own and row[own] == self.source:
            implied.add(own)
        left_out = {resource.key, *COMPUTED.get(resource.name, ()), *implied}
        notes, others = self.exceptions(resource, row, items, main)
        is_default = main == self.default_quote(resource, row, passage, of_whole)
        printed = PrintedRow(
            resource,
            passage.number,
            "" if resource.name in COMPUTED_KEYS else key,
            None if is_default else self.words(main, passage),
            {n: row[n] for n in resource.field_names if row[n] and n not in left_out},
            notes,
            [
                PrintedEvidence(
                    tuple(fields), adds, self.words(span, passage) if span else None, details
                )
                for (adds, span, details), fields in others.items()
            ],
        )
        return printed, self._printed[whole.table, whole.key] if whole and is_nested else None

    def whole(self, resource: Resource, row: Cells) -> Whole | None:
        """The printed row that this one is a part of."""
        for table in self.contract.resources:
            link = parts_of(self.contract, table).get(resource.name)
            if link and (table, row[link]) in self._mains:
                return Whole(table, row[link], link)
        return None

    def main_quote(
        self, resource: Resource, row: Cells, items: list[Item], of_whole: Span | None
    ) -> Span:
        """The quote with which the least has to be written; the default or longest of equal ones.

        Raises:
            ReadError: the row has no quote of this article.
        """
        spans = {item.span for item in items if item.span and item.span.source == self.source}
        if of_whole:
            default = self.default_quote(resource, row, self.passage(of_whole), of_whole)
            spans |= {default} if default else set()
        if not spans:
            raise ReadError(
                f"{resource.name}/{row[resource.key]} has no evidence that quotes {self.source}, "
                "so it has no place in a sheet; give it a quote in data/evidence.csv, or remove it "
                f"with `gazadata remove {resource.name} {row[resource.key]}`"
            )

        def cost(main: Span) -> tuple[int, bool, int, Span]:
            notes, others = self.exceptions(resource, row, items, main)
            default = self.default_quote(resource, row, self.passage(main), of_whole)
            return len(notes) + 2 * len(others), main != default, main.start - main.end, main

        return min(spans, key=cost)

    def default_quote(
        self, resource: Resource, row: Cells, passage: HeldPassage, of_whole: Span | None
    ) -> Span | None:
        """The main quote of a row that states none under a passage, if there is one."""
        if of_whole and not passage.holds(of_whole):
            of_whole = None
        return default_quote(self.record, self.source, resource, row, of_whole, passage)

    def exceptions(
        self, resource: Resource, row: Cells, items: Iterable[Item], main: Span
    ) -> tuple[dict[str, str], Exceptions]:
        """Where the evidence differs from what would be proposed.

        Returns:
            The notes on proposed evidence, by field; and the other evidence.
        """
        passage = self.passage(main)
        by_field: dict[str, list[Item]] = {}
        for item in items:
            by_field.setdefault(item.field, []).append(item)
        notes: dict[str, str] = {}
        grouped: Exceptions = {}
        for name in resource.field_names:
            its = by_field.get(name, [])
            if not its:
                continue
            proposed = self.proposer.item(resource.name, row, name, main, passage)
            usual = [one for one in its if replace(one, note=proposed.note) == proposed]
            others = [one for one in its if one not in usual]
            if usual and usual[0].note != proposed.note:
                if not usual[0].note:
                    usual, others = [], its
                else:
                    notes[name] = usual[0].note
            for item in sorted(others, key=lambda one: (one.span or main, one.reference)):
                details = tuple(self.details(resource.name, row, item).items())
                span = None if item.span == main else item.span
                grouped.setdefault((bool(usual), span, details), []).append(name)
        return notes, grouped

    def details(self, table: str, row: Cells, item: Item) -> dict[str, str]:
        """The basis, reference and note of evidence, as far as a sheet has to state them."""
        if item.span is None:
            return {"reference": item.reference, "note": item.note}
        basis, note = self.proposer.basis(table, row, item.field, item.span)
        if (item.basis, item.note) == (basis, note):
            return {}
        # Evidence with a note and no basis is inferred.
        stated = {} if item.note and item.basis == "inferred" else {"basis": item.basis}
        return stated | ({"note": item.note} if item.note else {})

    def passage(self, span: Span) -> HeldPassage:
        """The passage of this article that holds a span.

        Raises:
            ReadError: none does.
        """
        for passage in self.passages:
            if passage.holds(span):
                return passage
        raise ReadError(
            f"the quote of {self.source} from {span.start} to {span.end} is not in a passage; "
            "`gazadata validate` names it"
        )

    def words(self, span: Span, own: HeldPassage) -> PrintedWords:
        """Words, with their place if they also occur elsewhere."""
        exact = self.record.words(span)
        text = self.record.text(span.source)
        if span.source != self.source:
            there = next(p for p in self.record.passages(span.source) if p.holds(span))
            passage = label(there.key, span.source)
        else:
            there = self.passage(span)
            everywhere = places(text, exact)
            plainly = there == own or (len(everywhere) == 1 and not places(text, exact, own))
            passage = "" if plainly else label(there.key, self.source)
        starts = [match.start for match in places(text, exact, there)]
        occurrence = str(starts.index(span.start) + 1) if len(starts) > 1 else ""
        source = "" if span.source == self.source else span.source
        if there == own and not occurrence:
            exact = shortened(text, Match(span.start, span.end, exact), there)
        return PrintedWords(exact, passage, occurrence, source)


def default_quote(
    record: Record,
    source: str,
    resource: Resource,
    row: Cells,
    of_whole: Span | None,
    passage: HeldPassage,
) -> Span | None:
    """The main quote of a row that states none.

    That is the quote of the row it is nested in, unless this lacks the text that the row copies;
    or else that text, if it occurs once in the passage.

    Args:
        record: the package.
        source: the article of the passage.
        resource: the row's table.
        row: its cells.
        of_whole: the quote of the row it is nested in, if any.
        passage: the passage it is written under.
    """
    own = next((f.name for f in resource.fields if f.verbatim and f.required), None)
    if own is None:
        return of_whole
    words = row.get(own, "")
    if of_whole and find(record.words(of_whole), words):
        return of_whole
    matches = places(record.text(source), words, passage)
    return Span(source, matches[0].start, matches[0].end) if len(matches) == 1 else None


def _joined(rows: list[PrintedRow]) -> list[PrintedRow]:
    """Rows that differ in one value (and their keys) as one row with lists."""
    joined: list[PrintedRow] = []
    for row in rows:
        last = joined[-1] if joined else None
        name = _only_difference(last, row) if last else None
        if last and name is not None:
            last.values[name] = [*_listed(last.values[name]), *_listed(row.values[name])]
            if row.key:
                last.key = [*_listed(last.key), *_listed(row.key)]
        else:
            joined.append(row)
    return joined


def _listed(value: Value) -> list[str]:
    return value if isinstance(value, list) else [value]


def _only_difference(last: PrintedRow, row: PrintedRow) -> str | None:
    """The one field that two rows differ in, if nothing else but their keys does."""
    same = (
        last.table is row.table
        and last.passage == row.passage
        and bool(last.key) == bool(row.key)
        and last.quote == row.quote
        and last.notes == row.notes
        and last.evidence == row.evidence
        and not last.parts
        and not row.parts
        and last.values.keys() == row.values.keys()
    )
    differing = (
        [name for name in row.values if last.values[name] != row.values[name]] if same else []
    )
    return differing[0] if len(differing) == 1 else None


def row_lines(row: PrintedRow) -> list[str]:
    """The lines of a row, the first of which begins with a hyphen."""
    scalars = [*([("id", row.key, True)] if row.key else [])]
    if row.quote and not row.quote.where:
        scalars.append(("quote", row.quote.exact, True))
    values = [(name, value, row.table[name].type == "string") for name, value in row.values.items()]
    if not (row.notes or row.evidence or row.parts or (row.quote and row.quote.where)):
        inner = ", ".join(f"{name}: {_flow(value, text)}" for name, value, text in scalars + values)
        if len(inner) <= _WIDTH - 8:
            return [f"- {{{inner}}}"]
    lines = [f"{name}: {_block(value, text)}" for name, value, text in scalars]
    if row.quote and row.quote.where:
        lines.append("quote: " + _mapping({"words": row.quote.exact, **row.quote.where}))
    lines += (f"{name}: {_block(value, text)}" for name, value, text in values)
    if row.notes:
        lines.append("notes:")
        lines += (f"  {name}: {plain(note, is_text=True)}" for name, note in row.notes.items())
    if row.evidence:
        lines.append("evidence:")
        lines += (line for one in row.evidence for line in _evidence_lines(one))
    for name, rows in row.parts.items():
        lines.append(f"{name}:")
        lines += (line for part in rows for line in row_lines(part))
    return [f"{'  ' if at else '- '}{line}" for at, line in enumerate(lines)]


def _evidence_lines(evidence: PrintedEvidence) -> list[str]:
    fields: Value = list(evidence.fields) if len(evidence.fields) > 1 else evidence.fields[0]
    words = evidence.words
    parts = {"words": words.exact, **words.where} if words else {}
    first = f"{'also' if evidence.adds else 'for'}: {_flow(fields, True)}"
    rest = [*parts.items(), *evidence.details]
    inner = ", ".join([first, *(f"{n}: {_flow(v, n != 'occurrence')}" for n, v in rest)])
    if len(inner) <= _WIDTH - 12:
        return [f"- {{{inner}}}"]
    lines = [first, *(f"{n}: {plain(v, is_text=n != 'occurrence')}" for n, v in rest)]
    return [f"{'  ' if at else '- '}{line}" for at, line in enumerate(lines)]


def _block(value: Value, is_text: bool) -> str:
    return _flow(value, is_text) if isinstance(value, list) else plain(value, is_text=is_text)


def _flow(value: Value, is_text: bool) -> str:
    if isinstance(value, list):
        return f"[{', '.join(plain(one, is_text=is_text, flow=True) for one in value)}]"
    return plain(value, is_text=is_text, flow=True)


def _mapping(parts: dict[str, str]) -> str:
    inner = (f"{n}: {plain(v, is_text=n != 'occurrence', flow=True)}" for n, v in parts.items())
    return f"{{{', '.join(inner)}}}"
