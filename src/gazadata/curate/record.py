"""A package for the curation tools: cells as text, and the articles that they rest on."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property

from gazadata import retired
from gazadata.contract import Contract, Resource, inside
from gazadata.curate.layout import PARTS, coded_tables, misfit, source_field
from gazadata.curate.tables import Table, decode, offset, read_bytes, read_table
from gazadata.errors import ReadError, UnknownName
from gazadata.evidence.quotes import Match, find
from gazadata.package import Package

_LONG = 60
"""The number of characters up to which words are shown in full."""

Cells = dict[str, str]
"""A row: its cells by field; '' is null."""


@dataclass(frozen=True, order=True)
class Span:
    """A part of an article: its source, and the offsets in its text."""

    source: str
    start: int
    end: int


@dataclass(frozen=True)
class Item:
    """One row of evidence for a cell, without its key: a quote or a reference, and why."""

    field: str
    basis: str
    span: Span | None
    reference: str
    note: str


@dataclass(frozen=True)
class HeldPassage:
    """A passage of a held text: its key, its kind, its number from 0, and its offsets."""

    key: str
    kind: str
    number: int
    start: int
    end: int

    def holds(self, span: Span) -> bool:
        """Whether a span of the same article is in the passage."""
        return self.start <= span.start and span.end <= self.end


@dataclass(frozen=True)
class Record:
    """The tables of a package and its held texts.

    Attributes:
        files: the tables as they are on disk.
        rows: the rows of each table, which may differ from those on disk.
        texts: the articles read so far.
    """

    package: Package
    files: dict[str, Table]
    rows: dict[str, list[Cells]]
    texts: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, package: Package) -> Record:
        """Read every table.

        Raises:
            ReadError: a table is missing or does not match the contract.
        """
        files = {
            name: read_table(package.path(name), resource)
            for name, resource in package.contract.resources.items()
        }
        rows = {name: [row.cells for row in table.rows] for name, table in files.items()}
        return cls(package, files, rows)

    def changed(self, rows: dict[str, list[Cells]]) -> Record:
        """The same package with other rows in some of its tables."""
        return Record(self.package, self.files, self.rows | rows, self.texts)

    @property
    def contract(self) -> Contract:
        """The package's contract."""
        return self.package.contract

    def by_key(self, table: str) -> dict[str, Cells]:
        """The rows of a table by their keys.

        Raises:
            UnknownName: the table does not exist.
        """
        return self._by_key[self.contract[table].name]

    @cached_property
    def _by_key(self) -> dict[str, dict[str, Cells]]:
        return {
            name: {row[self.contract[name].key]: row for row in rows}
            for name, rows in self.rows.items()
        }

    @cached_property
    def retired(self) -> set[tuple[str, str]]:
        """The tables and keys of retired rows.

        Raises:
            ReadError: their file cannot be read.
        """
        return {row.key for row in retired.read(self.package)}

    def unfit_key(self, table: str, key: str) -> str | None:
        """Why no row may have a key; None if one may."""
        resource = self.contract[table]
        if (table, key) in self.retired:
            return f"{key!r} is a retired key of {table}; choose another"
        return misfit(resource[resource.key], key)

    def articles(self) -> list[str]:
        """The sources whose texts are held."""
        return [row["source_id"] for row in self.rows["sources"] if row["text_path"]]

    def text(self, source: str) -> str:
        """The text of an article.

        Raises:
            UnknownName: the source does not exist.
            ReadError: its text is not held, or cannot be read.
        """
        if source not in self.texts:
            row = self.by_key("sources").get(source)
            if row is None:
                raise UnknownName("source", source, self.articles())
            if not row["text_path"]:
                raise ReadError(f"{source} has no text_path, so there is no text to code")
            file = inside(self.package.root, row["text_path"])
            self.texts[source] = decode(file, read_bytes(file))
        return self.texts[source]

    def passages(self, source: str) -> list[HeldPassage]:
        """The passages of an article in their order.

        Raises:
            ReadError: an offset is not a number.
        """
        names = ("sequence", "char_start", "char_end")
        found = []
        for row in self.rows["passages"]:
            if row["source_id"] == source:
                number, start, end = (offset(row[name]) for name in names)
                if number is None or start is None or end is None:
                    raise ReadError(
                        f"{self.package.path('passages')}: {row['passage_id']}: "
                        "sequence, char_start and char_end must be whole numbers"
                    )
                found.append((number, row["passage_id"], row["kind"], start, end))
        return [
            HeldPassage(key, kind, number, start, end)
            for number, (_, key, kind, start, end) in enumerate(sorted(found))
        ]

    def open_passages(self, source: str) -> list[HeldPassage]:
        """The passages of an article that no evidence quotes yet."""
        quoted = [item.span for items in self.evidence.values() for item in items if item.span]
        return [
            passage
            for passage in self.passages(source)
            if not any(span.source == source and passage.holds(span) for span in quoted)
        ]

    @cached_property
    def spans(self) -> dict[str, Span]:
        """The span of each quote, by its key.

        Raises:
            ReadError: a quote has no offsets yet.
        """
        spans = {}
        for row in self.rows["quotes"]:
            start, end = offset(row["char_start"]), offset(row["char_end"])
            if start is None or end is None:
                raise ReadError(
                    f"{self.package.path('quotes')}: {row['quote_id'] or row['exact']!r} has no "
                    "char_start and char_end; run `gazadata fmt`, which finds them"
                )
            spans[row["quote_id"]] = Span(row["source_id"], start, end)
        return spans

    @cached_property
    def evidence(self) -> dict[tuple[str, str], list[Item]]:
        """The evidence of each row, by its table and key."""
        items: dict[tuple[str, str], list[Item]] = defaultdict(list)
        for row in self.rows["evidence"]:
            item = Item(
                row["field"],
                row["basis"],
                self.spans.get(row["quote_id"]),
                row["reference_id"],
                row["note"],
            )
            items[row["resource"], row["row_id"]].append(item)
        return dict(items)

    def owner(self, resource: Resource, row: Cells) -> str | None:
        """The article that a row was coded from, whose sheet has it.

        That is the one it names, or else the one that most of its evidence quotes, or else that
        of the row it is part of. A row that rests on references alone has none.
        """
        if resource.name == "sources":
            return row["source_id"] if row["text_path"] else row["cited_by"] or None
        named = source_field(resource)
        if named and row[named]:
            return row[named]
        quoted = [
            item.span.source
            for item in self.evidence.get((resource.name, row[resource.key]), ())
            if item.span
        ]
        if quoted:
            return max(quoted, key=lambda one: (quoted.count(one), one))
        for name in PARTS.get(resource.name, ()):
            target = resource.target(name)
            if target and (whole := self.by_key(target).get(row[name])):
                return self.owner(self.contract[target], whole)
        return None

    def owned(self, source: str) -> dict[str, list[Cells]]:
        """The rows of each table that were coded from an article."""
        return {
            resource.name: [
                row for row in self.rows[resource.name] if self.owner(resource, row) == source
            ]
            for resource in coded_tables(self.contract)
        }

    def words(self, span: Span) -> str:
        """The words of a span."""
        return self.text(span.source)[span.start : span.end]


def places(text: str, words: str, within: HeldPassage | None = None) -> list[Match]:
    """The places of words in an article, as whole words.

    Case and typography are ignored unless there is an exact match. `First words … last words`
    matches everything from the first words to the next occurrence of the last.
    """
    first, gap, last = words.partition("…")
    matches = _plain_places(text, words, within)
    if matches or not (gap and first.strip() and last.strip()):
        return matches
    ends = [match.end for match in _plain_places(text, last.strip(), within)]
    return [
        Match(begin.start, end, text[begin.start : end])
        for begin in _plain_places(text, first.strip(), within)
        if (end := next((end for end in ends if end > begin.end), 0))
    ]


def _plain_places(text: str, words: str, within: HeldPassage | None) -> list[Match]:
    matches = [
        match
        for match in find(text, words)
        if within is None or (within.start <= match.start and match.end <= within.end)
    ]
    return [match for match in matches if match.exact == words] or matches


def cut(text: str) -> str:
    """The beginning of a long text, for messages."""
    return text if len(text) <= _LONG else f"{text[:_LONG].rstrip()}…"


def shortened(text: str, match: Match, within: HeldPassage) -> str:
    """Long words as `first … last`, if that matches only the same place in the passage."""
    words = match.exact.split(" ")
    for kept in (3, 4, 5):
        if len(match.exact) > _LONG and len(words) > 2 * kept + 1:
            short = f"{' '.join(words[:kept])} … {' '.join(words[-kept:])}"
            if "…" not in match.exact and places(text, short, within) == [match]:
                return short
    return match.exact
