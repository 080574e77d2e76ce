"""The evidence proposed for a cell: its basis, its words, and a note if there is a usual one."""

from __future__ import annotations

import datetime
import re
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from gazadata.contract import Contract, Field, Resource
from gazadata.curate.layout import source_field
from gazadata.curate.record import Cells, HeldPassage, Item, Record, Span, places
from gazadata.curate.tables import read_bytes, records
from gazadata.evidence.quotes import find
from gazadata.evidence.references import FILE, FOLDER, column_for, row_note
from gazadata.text import fold

RESTS_WITH = {
    "certainty": "hedge",
    "date_earliest": "date_text",
    "date_latest": "date_text",
}
"""Fields that rest on the words of another field if the main quote lacks these words."""

_CONCLUDED = {("topics", "status", "unspecified")}
"""Terms that follow from what the words do not say."""

_OF_SOURCES = {
    ("kind", "article"): "A headline followed by paragraphs of sentences is an article.",
    ("language", "en"): "The words are English.",
}


@dataclass(frozen=True)
class Reference:
    """A file of reference/: the source that describes it, and its rows."""

    name: str
    source: str
    rows: list[dict[str, str]]


class Proposer:
    """Proposes evidence from the words, the names of actors and topics, and reference/.

    It is made for one state of the tables, whose names state actors and topics, except names that
    were resolved by inference.
    """

    def __init__(self, record: Record, inferred: Collection[str]) -> None:
        """Index the tables.

        Args:
            record: the package.
            inferred: the keys of the names that were resolved by inference.
        """
        self.record = record
        self.inferred = inferred
        self.contract: Contract = record.contract
        self.references = _references(record)
        self._labels = {
            name: {row[resource.key]: row[resource.label] for row in record.rows[name]}
            for name, resource in self.contract.resources.items()
            if resource.label
        }
        self._names: dict[tuple[str, str], list[Cells]] = defaultdict(list)
        if "names" in self.contract.resources:
            for fk in self.contract["names"].foreign_keys:
                for row in record.rows["names"]:
                    if row[fk.field]:
                        self._names[fk.resource, row[fk.field]].append(row)
        self._sources = record.by_key("sources")

    def item(
        self, table: str, row: Cells, name: str, main: Span, passage: HeldPassage | None
    ) -> Item:
        """The evidence proposed for a cell, from the row's main quote and its other cells.

        A note that only a person can write is left empty.
        """
        resource = self.contract[table]
        if reference := self._reference(resource, row, name):
            return reference
        span = self._span(resource, row, name, main, passage)
        basis, note = self.basis(table, row, name, span)
        return Item(name, basis, span, "", note)

    def basis(self, table: str, row: Cells, name: str, span: Span) -> tuple[str, str]:
        """The basis of a cell that rests on these words, and its usual note."""
        resource = self.contract[table]
        field = resource[name]
        if note := self._usual(resource, row, name, span):
            return "inferred", note
        if self._states(resource, row, name, span):
            return "stated", ""
        if (resource.name, name, row[name]) in _CONCLUDED:
            return "inferred", ""
        return ("classified" if self._is_term(resource, row, field) else "inferred"), ""

    def _is_term(self, resource: Resource, row: Cells, field: Field) -> bool:
        """Whether a cell classifies the words by a definition."""
        target = resource.target(field.name)
        if target and resource.name == "names":
            is_description = row["form"] == "description"
            return is_description and self._is_only_form(target, row[field.name], row)
        if target:
            return target not in ("actors", "topics", "sources")
        return bool(field.enum) or field.type in ("boolean", "integer")

    def _states(self, resource: Resource, row: Cells, name: str, span: Span) -> bool:
        """Whether the words contain the cell's text, or a name for the row it points to."""
        target = resource.target(name)
        field = resource[name]
        words = self.record.words(span)
        if target is None and field.type == "date":
            return any(find(words, form) for form in _written(row[name]))
        if target is None:
            return not field.enum and field.type != "boolean" and bool(find(words, row[name]))
        forms = self.forms(target, row[name], resource, row, span.source)
        return any(find(words, form) for form in forms)

    def forms(
        self, target: str, key: str, resource: Resource, row: Cells, source: str
    ) -> list[str]:
        """The words that state what a key points to, in a row of `resource` and in a source."""
        if target == "sources":
            cells = self._sources.get(key, {})
            return [form for name in ("title", "publisher") if (form := cells.get(name, ""))]
        if resource.name == "names":
            # Until all names have evidence, it is unknown which of them can state anything.
            label = self._labels.get(target, {}).get(key, "")
            is_own = row["form"] == "description" and fold(label) == fold(row["text"])
            return [label] if label and not is_own else []
        if "names" not in self.contract.resources:
            return []
        own = source_field(self.contract["names"])
        return [
            one["text"]
            for one in self._names.get((target, key), [])
            if (not own or one[own] == source) and one["name_id"] not in self.inferred
        ]

    def _span(
        self, resource: Resource, row: Cells, name: str, main: Span, passage: HeldPassage | None
    ) -> Span:
        """The words that a cell rests on: the main quote, or else those of a verbatim cell."""
        if passage is None:
            return main
        if resource[name].verbatim:
            return self._own(row[name], main, passage) or main
        with_ = RESTS_WITH.get(name)
        if with_ in resource.field_names and row[with_]:
            return self._own(row[with_], main, passage) or main
        if resource.target(name) and not self._states(resource, row, name, main):
            for field in resource.fields:
                if field.verbatim and row[field.name]:
                    own = self._own(row[field.name], main, passage)
                    if own and self._states(resource, row, name, own):
                        return own
        return main

    def _own(self, words: str, main: Span, passage: HeldPassage) -> Span | None:
        """The only place of a cell's words in the passage, if the main quote lacks them."""
        if find(self.record.words(main), words):
            return None
        matches = places(self.record.text(main.source), words, passage)
        return Span(main.source, matches[0].start, matches[0].end) if len(matches) == 1 else None

    def _usual(self, resource: Resource, row: Cells, name: str, span: Span) -> str:
        """The note of an inference that always follows the same rule."""
        value, target = row[name], resource.target(name)
        if resource.name == "sources":
            return _OF_SOURCES.get((name, value), "")
        is_demonym = resource.name == "names" and row["form"] == "demonym"
        if target and is_demonym and not self._states(resource, row, name, span):
            return f"Demonym of {self._labels[target].get(value, value)}."
        return ""

    def _is_only_form(self, target: str, key: str, row: Cells) -> bool:
        """Whether a source has no other name for what this one names."""
        own = source_field(self.contract["names"])
        return all(
            one is row or (own is not None and one[own] != row[own])
            for one in self._names[target, key]
        )

    def _reference(self, resource: Resource, row: Cells, name: str) -> Item | None:
        """The row of reference/ that has a code or an identifier, if there is one."""
        if not resource[name].raw.get("gazadata:reference"):
            return None
        called = {fold(row[resource.label])} if resource.label else set()
        called |= {
            fold(one["text"]) for one in self._names.get((resource.name, row[resource.key]), ())
        }
        for reference in self.references:
            column = column_for(name, reference.rows[0] if reference.rows else ())
            if column is None:
                continue
            for entry in reference.rows:
                named = next(iter(entry.values()))
                if entry[column] == row[name] and (name != column or fold(named) in called):
                    note = row_note(named, reference.name)
                    return Item(name, "reference", None, reference.source, note)
        return None


def _written(day: str) -> list[str]:
    """The ways to write a date in a text, as in `gazadata.validate.stated`."""
    try:
        date = datetime.date.fromisoformat(day)
    except ValueError:
        return [day]
    month = f"{date:%B}"
    return [day, f"{date.day} {month} {date.year}", f"{month} {date.day}, {date.year}"]


def inferred_names(evidence: dict[tuple[str, str], list[Item]]) -> set[str]:
    """The keys of the names that were resolved by inference."""
    return {
        key
        for (table, key), items in evidence.items()
        if table == "names"
        for item in items
        if item.basis == "inferred"
    }


def _references(record: Record) -> list[Reference]:
    """The files of reference/, each with the source of kind reference that describes it."""
    references: list[Reference] = []
    for row in record.rows["evidence"]:
        of_itself = row["resource"] == "sources" and row["row_id"] == row["reference_id"]
        for name in re.findall(FILE, row["note"]) if of_itself else ():
            path = record.package.root / FOLDER / name
            if path.is_file() and not any(one.name == name for one in references):
                references.append(Reference(name, row["reference_id"], _rows(path)))
    return references


def _rows(path: Path) -> list[dict[str, str]]:
    header, *rows = [cells for _, cells in records(path, read_bytes(path))] or [[]]
    return [dict.fromkeys(header, "") | dict(zip(header, cells, strict=False)) for cells in rows]
