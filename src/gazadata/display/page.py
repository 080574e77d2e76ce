"""One page of a package: a file that needs no network, no server and no script to be read."""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from gazadata.contract import Contract, Field
from gazadata.display import figures
from gazadata.display.article import Article, Segment, Sentence, articles
from gazadata.display.html import asset, render
from gazadata.display.record import Cell, Entry, Record, grounds

COLUMNS = {
    "positions": ("holder_id", "stance", "topic_id", "strength", "certainty"),
    "conditions": ("text", "kind", "position_id", "scope_is_ambiguous"),
    "events": ("label", "event_type", "status", "date_text", "certainty"),
    "participants": ("actor_id", "role", "event_id"),
    "relations": ("subject_id", "predicate", "object_id", "object_text"),
    "assessments": ("statement", "kind", "valence", "certainty"),
    "actors": ("name", "kind", "part_of", "iso3"),
    "topics": ("label", "kind", "status", "part_of"),
    "names": ("text", "form", "actor_id", "topic_id"),
    "sources": ("title", "kind", "publisher", "cited_by"),
}
"""The columns that each table shows, in the order of the page; a row's details show all."""

MOST_COLUMNS = 5
FACETS = range(2, 13)
"""How many different values a column may have to be offered as a filter."""


@dataclass
class Table:
    """A table of the page."""

    name: str
    title: str
    description: str
    fields: list[str]
    columns: list[Field]
    entries: list[Entry]

    @property
    def names(self) -> list[str]:
        """The names of the columns."""
        return [part.name for part in self.columns]

    @cached_property
    def never(self) -> list[str]:
        """The titles of the fields that are empty in every row."""
        first = self.entries[0].empty if self.entries else ()
        return [one for one in first if all(one in entry.empty for entry in self.entries)]

    @property
    def filled(self) -> list[str]:
        """The titles of the other fields."""
        return [one for one in self.fields if one not in self.never]

    @cached_property
    def constant(self) -> dict[str, tuple[str, str]]:
        """The cells, without evidence of their own, that are the same in every row."""
        if len(self.entries) < 2:
            return {}
        return {
            cell.name: (cell.title, cell.shown)
            for cell in self.entries[0].unproven
            if all(cell in entry.unproven for entry in self.entries)
        }

    def explained(self, entry: Entry) -> list[Cell]:
        """The cells that are explained with the row; others are stated once for the table."""
        return [
            cell
            for cell in entry.cells.values()
            if cell.name not in self.constant
            and not (cell.name in self.names and cell in entry.unproven)
        ]

    @property
    def facets(self) -> list[Field]:
        """Columns with few enough values to filter by."""
        return [
            part
            for part in self.columns
            if (part.enum or part.labels or part.type == "boolean")
            and len({entry.shown(part.name) for entry in self.entries} - {""}) in FACETS
        ]


def page(record: Record, draft: dict[str, Any] | None = None) -> str:
    """The page of a record, which depends on nothing but the record.

    Args:
        record: the package.
        draft: the number of its findings and some of them, to show at the top.
    """
    css, js = asset("page.css"), asset("page.js")
    return render(
        "page.html.j2",
        css=css,
        js=js,
        hashes={"css": csp_hash(css), "js": csp_hash(js)},
        page=_contents(record) | {"draft": draft},
        record=record,
        grounds=grounds,
        sign=figures.sign,
        side=figures.side,
    )


def csp_hash(text: str) -> str:
    """The hash by which a page allows its own style or script."""
    return base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")


def _contents(record: Record) -> dict[str, Any]:
    dataset = record.dataset
    contract = dataset.package.contract
    held = articles(record)
    tables = _tables(record)
    table = figures.matrix(record)
    known = figures.moments(record)
    counts = {
        "sentences": sum(len(one.sentences) for one in held),
        "quotes": sum(len(sentence.quotes) for one in held for sentence in one.sentences),
        "pieces of evidence": sum(
            len(cell.proofs) for entry in record.all_entries() for cell in entry.cells.values()
        ),
    } | {name: len(record.entries.get(name, ())) for name in ("events", "positions", "actors")}
    has_events = bool(record.entries.get("events"))
    network = has_events or bool(table.cells)
    sections = [
        *([("positions-matrix", "Who wants what")] if table.cells else []),
        *([("timeline", "Timeline")] if has_events else []),
        *([("network", "Network")] if network else []),
        *((one.name, one.title) for one in tables),
        ("sentences", "Sentences"),
        ("uncertain", "Uncertain"),
        ("cite", "Cite"),
    ]
    title, rest = title_of(contract)
    return {
        "name": contract.name,
        "version": dataset.version,
        "title": title,
        "description": rest,
        "index": record.index,
        "figures": [(number, what) for what, number in counts.items() if number],
        "private": any(one.whole for one in held),
        "articles": held,
        "sections": sections,
        "matrix": table if table.cells else None,
        "timeline": figures.draw_timeline(record).figure(linked=True).svg if has_events else "",
        "dated": any(one.given == "date" and one.entry.resource == "events" for one in known),
        "moments": known,
        "network": figures.draw_network(record).figure(linked=True).svg if network else "",
        "acts": _acts(record),
        "tables": tables,
        "resting": record.resting,
        "uncertain": [entry for entry in record.all_entries() if entry.hedged],
        "doubtful": list(_doubtful(record)),
        "uncoded": _uncoded(held),
        "caveat": "The package says nothing about what other sources report, what happened later, "
        "or whether the article is right. A verified quote proves that the words are there, "
        "not that they support the cell: that is a coder’s judgement, which you can check.",
        "citation": dataset.cite(),
        "licences": _licences(contract),
        "files": list(_files(record)),
    }


def title_of(contract: Contract) -> tuple[str, str]:
    """The title and the description of a package for the head of a page."""
    title = contract.title.removeprefix(f"{contract.name}: ")
    return title[:1].upper() + title[1:], str(contract.descriptor.get("description") or "")


def _tables(record: Record) -> list[Table]:
    order = {name: at for at, name in enumerate(COLUMNS)}
    found = []
    for name in sorted(record.shown_tables, key=lambda one: order.get(one, len(order))):
        resource = record.resource(name)
        entries = list(record.entries[name].values())
        if not entries:
            continue
        filled = Counter(part for entry in entries for part in entry.cells)
        wanted = COLUMNS.get(name, resource.field_names)
        columns = [one for one in resource.fields if one.name in wanted and filled[one.name]]
        columns.sort(key=lambda one: wanted.index(one.name))
        columns = columns[:MOST_COLUMNS] or [resource[resource.key]]
        fields = [one.title or one.name for one in resource.fields if one.name != resource.key]
        found.append(
            Table(name, resource.title or name, resource.description, fields, columns, entries)
        )
    return found


def _acts(record: Record) -> list[tuple[Entry, list[tuple[str, str]]]]:
    """What the network shows, in words: each act with its actors and their roles."""
    return [
        (
            act.entry,
            [(record.label(actor), "" if role == "actor" else role) for actor, role in act.actors],
        )
        for act in figures.acts_of(record)
    ]


def _doubtful(record: Record) -> list[tuple[Entry, str]]:
    found = []
    for entry in record.all_entries():
        if entry.value("coder_confidence") == "low":
            found.append((entry, "low confidence in the coding"))
        if entry.value("scope_is_ambiguous") == "true":
            found.append((entry, "the wording leaves open what it governs"))
    return found


def _uncoded(held: list[Article]) -> dict[str, Any]:
    parts: list[tuple[Sentence, Segment]] = [
        (sentence, part)
        for article in held
        for sentence in article.sentences
        for part in sentence.uncoded
    ]
    bare = sum(
        part.end - part.start
        for article in held
        for sentence in article.sentences
        for part in sentence.segments
        if not part.quotes
    )
    return {"parts": parts, "characters": bare, "length": sum(one.length for one in held)}


def _licences(contract: Contract) -> list[tuple[str, str | None]]:
    found = []
    for one in contract.objects("licenses"):
        if one.get("title") or one.get("name"):
            path = str(one.get("path") or "")
            # Anything else, such as javascript:, is shown without a link.
            safe = path if re.match(r"https?://", path) else None
            found.append((str(one.get("title") or one["name"]), safe))
    return found


def _files(record: Record) -> Iterator[dict[str, Any]]:
    package = record.dataset.package
    for name, resource in package.contract.resources.items():
        # A release has each table in this form, too.
        parquet = f"parquet/{name}.parquet"
        yield {
            "title": resource.title or name,
            "rows": len(record.rows(name)),
            "paths": [resource.path, *([parquet] if (package.root / parquet).is_file() else [])],
            "sha256": hashlib.sha256(package.path(name).read_bytes()).hexdigest(),
        }
