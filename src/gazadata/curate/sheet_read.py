"""The coding sheet of an article as a person wrote it: passages, rows and their evidence."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gazadata.contract import Contract, Field, Resource
from gazadata.curate.layout import (
    COMPUTED,
    COMPUTED_KEYS,
    coded_tables,
    misfit,
    nearest_names,
    parts_of,
)
from gazadata.curate.marked import (
    MappingNode,
    Mark,
    Mistake,
    Node,
    ScalarNode,
    SequenceNode,
    compose,
    span_of,
)
from gazadata.curate.tables import decode, read_bytes
from gazadata.errors import WrongSheet
from gazadata.text import clean

_ROW = ("id", "quote", "notes", "evidence")
_WORDS = ("words", "passage", "occurrence", "source")
_ENTRY = ("for", "also", *_WORDS, "basis", "reference", "note")


@dataclass(frozen=True)
class Written:
    """A value, and where it is written."""

    text: str
    mark: Mark


@dataclass(frozen=True)
class Words:
    """Words of an article, and which ones are meant if they occur more than once.

    Attributes:
        exact: the words.
        passage: the passage they are in, if not the row's own.
        occurrence: which of several occurrences in the passage, from 1.
        source: the article, if not the sheet's own.
        mark: where they are written.
    """

    exact: str
    passage: str | None
    occurrence: int | None
    source: str | None
    mark: Mark


@dataclass(frozen=True)
class OtherEvidence:
    """Evidence that differs from what would be proposed.

    Attributes:
        fields: the cells.
        adds: whether it adds to the proposed evidence instead of replacing it.
        words: None for the row's own quote.
    """

    fields: tuple[Written, ...]
    adds: bool
    words: Words | None
    basis: Written | None
    reference: Written | None
    note: str
    mark: Mark


@dataclass(eq=False)
class Row:
    """A row as it is written.

    Attributes:
        key: None if it is to be computed.
        values: the cells that are not null, by field.
        quote: the main quote; None if it is that of `parent` or the row's own text.
        notes: notes on the evidence that would be proposed, by field.
        parent: the row that it is nested in.
        passage: the number of its passage in the sheet, from 0.
        span: its first line, and the line after its last.
    """

    table: str
    key: Written | None
    values: dict[str, Written]
    quote: Words | None
    notes: dict[str, Written]
    others: tuple[OtherEvidence, ...]
    parent: Row | None
    passage: int
    mark: Mark
    span: tuple[int, int]


@dataclass(frozen=True)
class SheetPassage:
    """A passage as it is written: its kind, its text, and its key unless it is computed."""

    kind: str
    text: str
    key: Written | None
    mark: Mark


@dataclass
class Sheet:
    """A sheet.

    Attributes:
        content: its bytes.
        text: its text, without a byte order mark.
        state: short hashes of the rows that the sheet was printed from; None if it was not printed.
        state_span: where the state is in the text, from its first character to after its last.
    """

    path: Path
    content: bytes
    text: str
    source: Written
    passages: list[SheetPassage] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    state: frozenset[str] | None = None
    state_span: tuple[int, int] | None = None


def read_sheet(path: Path, contract: Contract) -> Sheet:
    """Read a sheet.

    Raises:
        ReadError: it cannot be read, or is not UTF-8.
        WrongSheet: it is not YAML, has unknown parts, or has values that do not fit the contract.
    """
    return parse_sheet(path, decode(path, read_bytes(path)), contract)


def parse_sheet(path: Path, text: str, contract: Contract) -> Sheet:
    """Read a sheet from its text; errors call it `path`.

    Raises:
        WrongSheet: as for `read_sheet`.
    """
    reader = _Reader(path, text, contract)
    sheet = reader.sheet(compose(path, reader.text))
    if reader.mistakes:
        raise WrongSheet(path, reader.mistakes)
    return sheet


class _Reader:
    """Reads the nodes of a sheet, and collects mistakes."""

    def __init__(self, path: Path, text: str, contract: Contract) -> None:
        self.path, self.content, self.contract = path, text.encode("utf-8"), contract
        self.text = text.removeprefix("\ufeff")
        self.tables = {resource.name: resource for resource in coded_tables(contract)}
        self.kinds = contract["passages"]["kind"].enum
        self.mistakes: list[Mistake] = []

    def wrong(self, node: Node | Mark, message: str) -> None:
        mark = node if isinstance(node, Mark) else Mark.of(node)
        self.mistakes.append(Mistake(mark, message))

    def sheet(self, top: Node) -> Sheet:
        known = ("source", "passages", "state")
        parts = self.mapping(top, "a sheet", known)
        source = self.part(parts, "source")
        if source is None:
            self.wrong(top, "no source; write `source:` and the key of the article")
            source = Written("", Mark.of(top))
        sheet = Sheet(self.path, self.content, self.text, source)
        for number, node in enumerate(self.items(parts.get("passages"), "passages")):
            self.passage(sheet, number, node)
        if state := self.part(parts, "state"):
            sheet.state = frozenset(state.text.split())
            sheet.state_span = span_of(parts["state"])
        return sheet

    def passage(self, sheet: Sheet, number: int, node: Node) -> None:
        parts = self.mapping(node, "a passage", (*self.kinds, "id", *self.tables))
        kinds = [kind for kind in self.kinds if kind in parts]
        if len(kinds) != 1:
            expected = " or ".join(f"`{kind}:`" for kind in self.kinds)
            self.wrong(node, f"a passage needs its text once, as {expected}")
            return
        words = self.scalar(parts[kinds[0]])
        if words is None:
            return
        key = self.part(parts, "id")
        sheet.passages.append(SheetPassage(kinds[0], words.text, key, words.mark))
        for name in self.tables:
            if name in parts:
                sheet.rows += self.rows(name, parts[name], number, None, None)

    def rows(
        self, table: str, node: Node, passage: int, parent: Row | None, implied: str | None
    ) -> Iterator[Row]:
        """The rows of a list, each followed by those that are written within it."""
        for item in self.items(node, table):
            yield from self.row(self.tables[table], item, passage, parent, implied)

    def row(
        self, table: Resource, node: Node, passage: int, parent: Row | None, implied: str | None
    ) -> Iterator[Row]:
        inner = parts_of(self.contract, table.name)
        fields = [
            name
            for name in table.field_names
            if name not in (table.key, implied, *COMPUTED.get(table.name, ()))
        ]
        parts = self.mapping(node, f"a row of {table.name}", (*_ROW, *fields, *inner))
        lists: dict[str, list[Written]] = {}
        for name in ("id", *fields):
            if name in parts:
                lists[name] = self.values(parts[name], table[table.key if name == "id" else name])
        longest = max((1, *map(len, lists.values())))
        for name, each in lists.items():
            if len(each) not in (0, 1, longest):
                self.wrong(
                    parts[name],
                    f"{len(each)} values, but another field of the row has {longest}; "
                    "lists in one row must have the same length",
                )
                return
        quote = self.words(parts["quote"]) if "quote" in parts else None
        given = {name for name, each in lists.items() if any(one.text for one in each)}
        given |= {implied} if implied else set()
        notes = self.notes(table, parts.get("notes"), given)
        others = tuple(self.others(table, parts.get("evidence"), given))
        for entry in others:
            for proven in () if entry.adds else entry.fields:
                if proven.text in notes:
                    self.wrong(
                        notes[proven.text].mark,
                        f"the evidence for {proven.text} on line {entry.mark.line} would replace "
                        "this note; write the note there",
                    )
        span = (node.start_mark.line + 1, node.end_mark.line + 1)
        for at in range(longest):
            one = {name: each[at if len(each) > 1 else 0] for name, each in lists.items() if each}
            one = {name: value for name, value in one.items() if value.text}
            key = one.pop("id", None)
            if key is None and table.name not in COMPUTED_KEYS:
                self.wrong(node, f"no id; a row of {table.name} needs a key of its own")
            row = Row(
                table.name, key, one, quote, notes, others, parent, passage, Mark.of(node), span
            )
            yield row
            for name, field_name in inner.items():
                if name in parts:
                    yield from self.rows(name, parts[name], passage, row, field_name)

    def notes(self, table: Resource, node: Node | None, given: set[str]) -> dict[str, Written]:
        if node is None or (isinstance(node, ScalarNode) and not node.value):
            return {}
        needed = table.proven_fields
        notes = {}
        for name, value in self.mapping(node, f"notes on a row of {table.name}", needed).items():
            note = self.note(value)
            if note and note.text:
                notes[name] = note
                self.filled(Written(name, Mark.of(value)), given)
        return notes

    def note(self, node: Node) -> Written | None:
        note = self.scalar(node)
        if note and "\n" in note.text:
            self.wrong(note.mark, "the note has a line break; write it on one line")
        return note

    def filled(self, one: Written, given: set[str]) -> None:
        if one.text not in given:
            self.wrong(
                one.mark, f"{one.text} is empty in this row; fill it in, or remove its evidence"
            )

    def others(
        self, table: Resource, node: Node | None, given: set[str]
    ) -> Iterator[OtherEvidence]:
        needed = table.proven_fields
        for item in self.items(node, "evidence") if node is not None else ():
            parts = self.mapping(item, "evidence", _ENTRY)
            named = [name for name in ("for", "also") if name in parts]
            if len(named) != 1:
                self.wrong(
                    item,
                    "expected either `for` or `also`, with the fields that the evidence supports",
                )
                continue
            fields = [one for one in self.scalars(parts[named[0]]) if one.text]
            for one in fields:
                if one.text not in needed:
                    self.wrong(one.mark, self.unknown(f"field of {table.name}", one.text, needed))
                else:
                    self.filled(one, given)
            basis, reference = self.part(parts, "basis"), self.part(parts, "reference")
            note = self.note(parts["note"]) if "note" in parts else None
            terms = self.contract["evidence"]["basis"].enum
            if basis is not None and basis.text not in terms:
                self.wrong(basis.mark, self.unknown("basis", basis.text, list(terms)))
            self.words_or_reference(parts, basis)
            words = self.words(item, parts) if "words" in parts else None
            yield OtherEvidence(
                tuple(fields),
                named == ["also"],
                words,
                basis,
                reference,
                note.text if note else "",
                Mark.of(item),
            )

    def words_or_reference(self, parts: dict[str, Node], basis: Written | None) -> None:
        """Report parts of an evidence entry that do not go together."""
        where = [name for name in _WORDS if name in parts]
        if where and "reference" in parts:
            self.wrong(
                parts[where[0]],
                f"`{where[0]}` together with `reference`; evidence is either words or a reference, "
                "so write two entries, one of them with `also`",
            )
        elif where and "words" not in parts:
            self.wrong(parts[where[0]], f"`{where[0]}` without `words`; write the quoted words")
        is_reference = basis is not None and basis.text == "reference"
        if basis and "reference" in parts and not is_reference:
            self.wrong(basis.mark, f"the basis {basis.text!r} with `reference`; remove one")
        elif basis and is_reference and "reference" not in parts:
            self.wrong(
                basis.mark,
                "the basis 'reference' without `reference`; name the source that was looked up",
            )

    def words(self, node: Node, parts: dict[str, Node] | None = None) -> Words | None:
        """Quoted words: a text, or a mapping that says where they are."""
        if parts is None and isinstance(node, ScalarNode):
            exact = self.scalar(node)
            return Words(exact.text, None, None, None, exact.mark) if exact else None
        if parts is None:
            parts = self.mapping(node, "a quote", _WORDS)
        if "words" not in parts:
            self.wrong(node, "no `words`; write the quoted words")
            return None
        exact, passage, occurrence, source = (self.part(parts, name) for name in _WORDS)
        if exact is None:
            return None
        if occurrence is not None and not re.fullmatch("[1-9][0-9]{0,5}", occurrence.text):
            self.wrong(occurrence.mark, f"{occurrence.text!r} is not a number from 1")
            occurrence = None
        return Words(
            exact.text,
            passage.text if passage else None,
            int(occurrence.text) if occurrence else None,
            source.text if source else None,
            exact.mark,
        )

    def values(self, node: Node, field_: Field) -> list[Written]:
        """The values of a cell, one for each row that a list makes; '' is null."""
        values = self.scalars(node)
        for value in values:
            if value.text and (problem := misfit(field_, value.text)):
                self.wrong(value.mark, problem)
        return values

    def scalars(self, node: Node) -> list[Written]:
        nodes = node.value if isinstance(node, SequenceNode) else [node]
        return [value for one in nodes if (value := self.scalar(one)) is not None]

    def part(self, parts: dict[str, Node], name: str) -> Written | None:
        """The value of a part of a mapping; None if it is not there or is not a value."""
        return self.scalar(parts[name]) if name in parts else None

    def scalar(self, node: Node) -> Written | None:
        if isinstance(node, ScalarNode):
            return Written(clean(str(node.value)), Mark.of(node))
        self.wrong(node, "expected one value; found a list or a mapping")
        return None

    def items(self, node: Node | None, what: str) -> list[Node]:
        if node is None or (isinstance(node, ScalarNode) and not node.value):
            return []
        if isinstance(node, SequenceNode):
            return list(node.value)
        self.wrong(node, f"expected a list of {what}; begin each with `- `")
        return []

    def mapping(self, node: Node, what: str, known: Sequence[str]) -> dict[str, Node]:
        """The parts of a mapping by name; unknown and repeated ones are reported."""
        if not isinstance(node, MappingNode):
            self.wrong(node, f"expected {what}, written as `field: value`; found {_kind(node)}")
            return {}
        parts: dict[str, Node] = {}
        for name_node, value in node.value:
            name = self.scalar(name_node)
            if name is None:
                continue
            if name.text not in known:
                near = nearest_names(name.text, known)
                self.wrong(name_node, f"unknown field {name.text!r} in {what}; expected {near}")
            elif name.text in parts:
                self.wrong(name_node, f"{name.text} is written twice")
            else:
                parts[name.text] = value
        return parts

    @staticmethod
    def unknown(what: str, name: str, known: Sequence[str]) -> str:
        return f"unknown {what} {name!r}; expected {nearest_names(name, known)}"


def _kind(node: Node) -> str:
    return "a list" if isinstance(node, SequenceNode) else f"{node.value!r}"
