"""The rows of a package as they are shown: with labels, with the words of each cell, and linked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from gazadata.contract import Field, Resource

if TYPE_CHECKING:
    from gazadata.dataset import Dataset, Explanation, Row

EVIDENCE = ("passages", "quotes", "evidence")
"""Tables that are shown as the article and its marks, not as tables of their own."""

LABELS = {
    "positions": ("holder_id", "stance", "topic_id"),
    "participants": ("actor_id", "role", "event_id"),
    "relations": ("subject_id", "predicate", "object_id", "object_text"),
}
"""Fields that together say what a row is about, where no single field does."""


def extent(row: Row) -> tuple[int, int]:
    """Where a quote or a passage lies: offsets in code points, the end excluded."""
    # A draft may lack them.
    return row["char_start"] or 0, row["char_end"] or 0


@dataclass(frozen=True)
class Quote:
    """Words of a held source; `number` counts the quotes of a package in the order of the text."""

    number: int
    key: str
    source: str
    passage: str
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
    repeated: bool = False
    """Whether another cell of the same row shows the words already."""

    @property
    def opening(self) -> str:
        """The first words, to recognise what is shown in full nearby."""
        words = (self.words or "").split()
        return " ".join(words[:4]) + ("…" if len(words) > 4 else "")


@dataclass(frozen=True)
class Cell:
    """One filled cell: what is shown for its value, where that leads, and what it rests on."""

    name: str
    title: str
    value: str
    shown: str
    target: str | None
    proofs: tuple[Proof, ...]
    lacks_evidence: bool
    findings: tuple[str, ...] = ()


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
        """The fragment of the page's address that leads to the row."""
        return f"{self.resource}.{self.key}"

    @property
    def evidence(self) -> int:
        """How many pieces of evidence its cells have."""
        return sum(len(cell.proofs) for cell in self.cells.values())

    def shown(self, name: str) -> str:
        """What is shown for a field; "" where the cell is empty or there is no such field."""
        cell = self.cells.get(name)
        return cell.shown if cell else ""

    def value(self, name: str) -> str:
        """The value of a field; "" where the cell is empty or there is no such field."""
        cell = self.cells.get(name)
        return cell.value if cell else ""


@dataclass
class Record:
    """A package with everything that its displays need, read once.

    `findings` are sentences about cells, by resource, row and field ("" for the row as a whole).
    """

    dataset: Dataset
    findings: dict[tuple[str, str, str], list[str]] = field(default_factory=dict)

    @cached_property
    def tables(self) -> dict[str, list[Row]]:
        """The rows of every table, as they are."""
        return {
            name: self.dataset.load(name, as_="arrow").to_pylist() for name in self.dataset.tables
        }

    def rows(self, name: str) -> list[Row]:
        """The rows of a table; none where the package has no such table."""
        return self.tables.get(name, [])

    def resource(self, name: str) -> Resource:
        """The contract of a table."""
        return self.dataset.package.contract[name]

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

    def all_entries(self) -> Iterator[Entry]:
        """Every row of the shown tables, table by table."""
        for entries in self.entries.values():
            yield from entries.values()

    @cached_property
    def quotes(self) -> dict[str, Quote]:
        """The quotes by key, in the order of the text: the longer first where two begin alike."""
        placed = [(row, *extent(row)) for row in self.rows("quotes")]
        placed.sort(
            key=lambda one: (one[0]["source_id"] or "", one[1], -one[2], one[0]["quote_id"])
        )
        return {
            row["quote_id"]: Quote(
                number,
                row["quote_id"],
                row["source_id"] or "",
                row["passage_id"] or "",
                start,
                end,
                row["exact"] or "",
            )
            for number, (row, start, end) in enumerate(placed, start=1)
        }

    @cached_property
    def resting(self) -> dict[str, list[tuple[Entry, list[str]]]]:
        """For each quote the rows that rest on it, with the titles of the fields that do."""
        found: dict[str, dict[str, tuple[Entry, list[str]]]] = defaultdict(dict)
        numbers = {quote.number: quote.key for quote in self.quotes.values()}
        for entry in self.all_entries():
            for cell in entry.cells.values():
                for proof in cell.proofs:
                    if proof.quote is not None:
                        rows = found[numbers[proof.quote]]
                        fields = rows.setdefault(entry.anchor, (entry, []))[1]
                        if cell.title not in fields:
                            fields.append(cell.title)
        return {key: list(rows.values()) for key, rows in found.items()}

    @cached_property
    def _evidence(self) -> dict[tuple[str, str], dict[str, list[Row]]]:
        found: dict[tuple[str, str], dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
        for item in self.rows("evidence"):
            found[item["resource"], item["row_id"]][item["field"]].append(item)
        return found

    @cached_property
    def _labels(self) -> dict[str, dict[str, str]]:
        """What a row is called where another row points to it."""
        found: dict[str, dict[str, str]] = {}
        for name, rows in self.tables.items():
            resource = self.resource(name)
            found[name] = {
                str(row[resource.key]): str(
                    (resource.label and row[resource.label])
                    or row.get("publisher")
                    or row[resource.key]
                )
                for row in rows
            }
        for name, parts in LABELS.items():
            for row in self.rows(name):
                key = str(row[self.resource(name).key])
                shown = [self._shown(name, part, row[part])[0] for part in parts if row.get(part)]
                found[name][key] = " · ".join(shown)
        return found

    def _shown(self, name: str, part: str, value: Any) -> tuple[str, str | None]:
        resource = self.resource(name)
        target = resource.target(part)
        if target is not None:
            known = self._labels_of(target)
            if str(value) in known:
                return known[str(value)], f"{target}.{value}"
        return shown(resource[part], value), None

    def _labels_of(self, name: str) -> dict[str, str]:
        # While the composed labels are made, those of single fields are all that they need.
        if "_labels" in self.__dict__:
            return self._labels.get(name, {})
        resource = self.resource(name)
        return self._simple.setdefault(
            name,
            {
                str(row[resource.key]): str(
                    (resource.label and row[resource.label])
                    or row.get("publisher")
                    or row[resource.key]
                )
                for row in self.rows(name)
            },
        )

    @cached_property
    def _simple(self) -> dict[str, dict[str, str]]:
        return {}

    def _entry(self, name: str, row: Row) -> Entry:
        resource = self.resource(name)
        key = str(row[resource.key])
        evidence = self._evidence.get((name, key), {})
        seen: set[int] = set()
        cells: dict[str, Cell] = {}
        for part in resource.fields:
            if row[part.name] is None or part.name == resource.key:
                continue
            text, target = self._shown(name, part.name, row[part.name])
            proofs = tuple(self._proof(item, seen) for item in evidence.get(part.name, ()))
            cells[part.name] = Cell(
                part.name,
                part.title or part.name,
                str(row[part.name]),
                text,
                target,
                proofs,
                part.evidence_required and not proofs,
                tuple(self.findings.get((name, key, part.name), ())),
            )
        said_by = row.get("attributed_to")
        empty = [part for part in resource.fields if row[part.name] is None]
        return Entry(
            name,
            key,
            self._labels.get(name, {}).get(key, key),
            cells,
            tuple(part.title or part.name for part in empty),
            row.get("certainty"),
            row.get("hedge"),
            self._shown(name, "attributed_to", said_by)[0] if said_by else None,
            tuple(
                sentence
                for part in ("", *(one.name for one in empty), resource.key)
                for sentence in self.findings.get((name, key, part), ())
            ),
        )

    def _proof(self, item: Row, seen: set[int]) -> Proof:
        quote = self.quotes.get(item["quote_id"])
        reference = item["reference_id"]
        repeated = quote is not None and quote.number in seen
        if quote is not None:
            seen.add(quote.number)
        return Proof(
            item["basis"] or "",
            quote.exact if quote else None,
            item["note"],
            quote.number if quote else None,
            reference=self._labels.get("sources", {}).get(reference, reference)
            if reference
            else None,
            target=f"sources.{reference}" if reference else None,
            repeated=repeated,
        )


def shown(part: Field, value: Any) -> str:
    """A value as it is read: the label of a term, yes or no for a boolean."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return part.labels.get(str(value), str(value))


def explained(explanation: Explanation) -> Iterable[Cell]:
    """The cells of an explanation in the form in which cells are shown."""
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
