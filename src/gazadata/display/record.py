"""The rows of a package as displays show them: with labels, links and the words of each cell."""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from gazadata.contract import Resource
from gazadata.display import page_link
from gazadata.tables.labels import Labels, Row, as_text

if TYPE_CHECKING:
    from gazadata.dataset import Dataset, Explanation

EVIDENCE = ("passages", "quotes", "evidence")
"""Tables that are shown as the article and its marks, not as tables of their own."""


def extent(row: Row) -> tuple[int, int]:
    """The offsets of a quote or a passage in code points, the end excluded."""
    # Drafts may lack them.
    return row["char_start"] or 0, row["char_end"] or 0


@dataclass(frozen=True)
class Quote:
    """Words of a held source; `number` counts the quotes of a package in the order of the text."""

    number: int
    key: str
    source: str
    start: int
    end: int
    exact: str


@dataclass(frozen=True)
class Proof:
    """One piece of evidence of a cell: the words or the reference, the basis and the note."""

    basis: str
    words: str | None
    note: str | None
    quote: int | None = None
    before: str = ""
    after: str = ""
    reference: str | None = None
    target: str | None = None

    @property
    def source(self) -> tuple[object, ...]:
        """What identifies its words or its reference."""
        return self.quote, self.words, self.reference


@dataclass(frozen=True)
class Cell:
    """One filled cell: its value as shown, the row it links to, and its evidence."""

    name: str
    title: str
    value: str
    shown: str
    target: str | None
    proofs: tuple[Proof, ...]
    lacks_evidence: bool
    findings: tuple[str, ...] = ()


@dataclass
class Line:
    """Cells of a row that rest on the same words, with the same basis and the same note."""

    basis: str
    note: str | None
    cells: list[Cell]


@dataclass
class Ground:
    """The words or the reference that cells of a row rest on; `proof` is None if they have none."""

    proof: Proof | None
    lines: list[Line]


def grounds(cells: Iterable[Cell]) -> list[Ground]:
    """Group the cells of a row by what they rest on; a cell may rest on several things."""
    found: dict[tuple[object, ...], Ground] = {}
    lines: dict[tuple[object, ...], Line] = {}
    for cell in cells:
        for proof in cell.proofs or (None,):
            at = proof.source if proof else ()
            basis, note = (proof.basis, proof.note) if proof else ("", None)
            ground = found.setdefault(at, Ground(proof, []))
            line = lines.get((*at, basis, note))
            if line is None:
                line = lines[*at, basis, note] = Line(basis, note, [])
                ground.lines.append(line)
            line.cells.append(cell)
    return sorted(found.values(), key=lambda one: one.proof is None)


@dataclass(frozen=True)
class Entry:
    """One row of a table."""

    resource: str
    key: str
    label: str
    cells: dict[str, Cell]
    empty: tuple[str, ...]
    certainty: str | None
    hedge: str | None
    attributed_to: str | None
    findings: tuple[str, ...] = ()

    @property
    def anchor(self) -> str:
        """The fragment of the page's URL for the row."""
        return f"{self.resource}.{self.key}"

    @property
    def hedged(self) -> bool:
        """Whether the source does not commit to what the row says."""
        return (self.certainty or "certain") != "certain"

    @cached_property
    def unproven(self) -> list[Cell]:
        """The cells that need no evidence, have none, and have no findings."""
        return [
            cell
            for cell in self.cells.values()
            if not (cell.proofs or cell.lacks_evidence or cell.findings)
        ]

    def shown(self, name: str) -> str:
        """What is shown for a field; "" if the cell is empty or there is no such field."""
        cell = self.cells.get(name)
        return cell.shown if cell else ""

    def value(self, name: str) -> str:
        """The value of a field; "" if the cell is empty or there is no such field."""
        cell = self.cells.get(name)
        return cell.value if cell else ""


@dataclass
class Record:
    """A package with everything that its displays need, read once.

    `findings` are sentences about cells, by resource, row and field ("" for the row as a whole).
    A part of a record (see `part`) has a `source` and links to other rows through the `index`.
    """

    dataset: Dataset
    findings: dict[tuple[str, str, str], list[str]] = field(default_factory=dict)
    source: str | None = None
    index: str = ""

    @cached_property
    def tables(self) -> dict[str, list[Row]]:
        """The rows of every table, unchanged."""
        return {
            name: self.dataset.load(name, as_="arrow").to_pylist() for name in self.dataset.tables
        }

    def rows(self, name: str) -> list[Row]:
        """The rows of a table; empty if the package has no such table."""
        return self.tables.get(name, [])

    def resource(self, name: str) -> Resource:
        """The contract of a table."""
        return self.dataset.package.contract[name]

    @cached_property
    def held(self) -> list[str]:
        """The keys of the sources whose text the package was made from."""
        return [str(row["source_id"]) for row in self.rows("sources") if row.get("held")]

    def part(self, source: str, index: str) -> Record:
        """The part of the record that the page of one held source shows.

        It has the rows that rest on words of the source, and those that name it as their source.
        Rows that belong to no held source are on the page of the first.
        """
        part = copy.copy(self)
        part.source, part.index = source, index
        part.entries = {
            name: {key: one for key, one in entries.items() if source in self._sources[one.anchor]}
            for name, entries in self.entries.items()
        }
        for cached in ("resting", "_numbers"):
            part.__dict__.pop(cached, None)
        return part

    def is_home_of(self, entry: Entry) -> bool:
        """Whether the index leads to this part's page for a row, which may be on several."""
        return self._sources[entry.anchor][0] == self.source

    @cached_property
    def _sources(self) -> dict[str, list[str]]:
        """The held sources whose pages show each row."""
        found = {}
        for entry in self.all_entries():
            own = entry.key if entry.resource == "sources" else entry.value("source_id")
            proofs = [proof for cell in entry.cells.values() for proof in cell.proofs]
            sources = {own, *(self._quote_sources[proof.quote] for proof in proofs if proof.quote)}
            found[entry.anchor] = [one for one in self.held if one in sources] or self.held[:1]
        return found

    @cached_property
    def shown_tables(self) -> list[str]:
        """The tables that are shown as tables."""
        return [name for name in self.tables if name not in EVIDENCE]

    @cached_property
    def entries(self) -> dict[str, dict[str, Entry]]:
        """Every row of the shown tables, by table and key."""
        return {
            name: {str(row[self.resource(name).key]): self._entry(name, row) for row in rows}
            for name, rows in self.tables.items()
            if name in self.shown_tables
        }

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {entry.anchor: at for at, entry in enumerate(self.all_entries(), start=1)}

    def number(self, entry: Entry) -> int:
        """The number of a row on the page, for links within the page."""
        return self._numbers[entry.anchor]

    def address(self, anchor: str) -> str:
        """The target of a link to a row: its number on this page, or the index of all rows."""
        number = self._numbers.get(anchor)
        resource, _, row_id = anchor.partition(".")
        return f"#r{number}" if number else page_link(resource, row_id, self.index)

    def quote_address(self, number: int) -> str:
        """The target of a link to a quote: its words, or the index if they are on another page."""
        source = self._quote_sources[number]
        if self.source in (None, source):
            return f"#q{number}"
        return page_link("sources", source, self.index)

    @cached_property
    def _quote_sources(self) -> dict[int, str]:
        return {quote.number: quote.source for quote in self.quotes.values()}

    def all_entries(self) -> Iterator[Entry]:
        """Every row of the shown tables, table by table."""
        for entries in self.entries.values():
            yield from entries.values()

    @cached_property
    def quotes(self) -> dict[str, Quote]:
        """The quotes by key, in the order of the text: the longer first if two begin together."""
        placed = [(row, *extent(row)) for row in self.rows("quotes")]
        placed.sort(
            key=lambda one: (one[0]["source_id"] or "", one[1], -one[2], one[0]["quote_id"])
        )
        return {
            row["quote_id"]: Quote(
                number,
                row["quote_id"],
                row["source_id"] or "",
                start,
                end,
                row["exact"] or "",
            )
            for number, (row, start, end) in enumerate(placed, start=1)
        }

    @cached_property
    def resting(self) -> dict[int, list[tuple[Entry, list[str]]]]:
        """For each quote the rows that rest on it, with the titles of the cells that do.

        No cells are named if all that have evidence rest on it.
        """
        found: dict[int, list[tuple[Entry, list[str]]]] = defaultdict(list)
        for entry in self.all_entries():
            proven = [cell for cell in entry.cells.values() if cell.proofs]
            titles: dict[int, list[str]] = defaultdict(list)
            for cell in proven:
                for number in dict.fromkeys(proof.quote for proof in cell.proofs if proof.quote):
                    titles[number].append(cell.title)
            for number, named in titles.items():
                found[number].append((entry, named if len(named) < len(proven) else []))
        return found

    @cached_property
    def _evidence(self) -> dict[tuple[str, str], dict[str, list[Row]]]:
        found: dict[tuple[str, str], dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
        for item in self.rows("evidence"):
            found[item["resource"], item["row_id"]][item["field"]].append(item)
        return found

    @cached_property
    def _labels(self) -> Labels:
        return Labels(self.dataset.package.contract, self.rows)

    def label(self, anchor: str) -> str:
        """The label of a row; its key if there is no such row."""
        resource, _, row_id = anchor.partition(".")
        return self._labels[resource].get(row_id, row_id)

    def _entry(self, name: str, row: Row) -> Entry:
        resource = self.resource(name)
        key = str(row[resource.key])
        evidence = self._evidence.get((name, key), {})
        cells: dict[str, Cell] = {}
        for part in resource.fields:
            if row[part.name] is None or part.name == resource.key:
                continue
            value = as_text(row[part.name])
            target = resource.target(part.name)
            known = target is not None and value in self._labels[target]
            proofs = tuple(self._proof(item) for item in evidence.get(part.name, ()))
            cells[part.name] = Cell(
                part.name,
                part.title or part.name,
                value,
                self._labels.shown(name, part.name, row[part.name]),
                f"{target}.{value}" if known else None,
                proofs,
                part.evidence_required and not proofs,
                tuple(self.findings.get((name, key, part.name), ())),
            )
        said_by = row.get("attributed_to")
        empty = [part for part in resource.fields if row[part.name] is None]
        return Entry(
            name,
            key,
            self.label(f"{name}.{key}"),
            cells,
            tuple(part.title or part.name for part in empty),
            row.get("certainty"),
            row.get("hedge"),
            self._labels.shown(name, "attributed_to", said_by) if said_by else None,
            tuple(
                sentence
                for part in ("", *(one.name for one in empty), resource.key)
                for sentence in self.findings.get((name, key, part), ())
            ),
        )

    def _proof(self, item: Row) -> Proof:
        quote = self.quotes.get(item["quote_id"])
        reference = item["reference_id"]
        return Proof(
            item["basis"] or "",
            quote.exact if quote else None,
            item["note"],
            quote.number if quote else None,
            reference=self.label(f"sources.{reference}") if reference else None,
            target=f"sources.{reference}" if reference else None,
        )


def explained(explanation: Explanation) -> Iterable[Cell]:
    """The cells of an explanation, as displays show cells."""
    for cell in explanation.cells:
        proofs = []
        for item in cell.support:
            quote = item.quote or {}
            proofs.append(
                Proof(
                    item.basis,
                    quote.get("exact"),
                    item.note,
                    before=quote.get("prefix") or "",
                    after=quote.get("suffix") or "",
                    reference=(item.reference or {}).get("title"),
                )
            )
        yield Cell(
            cell.field,
            cell.field,
            cell.value,
            cell.label or cell.value,
            None,
            tuple(proofs),
            cell.needs_evidence and not proofs,
        )
