"""How a corpus is cut into pieces: the piece of each row, and the rows that are lent to it.

A row goes to the piece of its article. If it points to a row in another piece, that row is lent to
its piece, to be looked up. The foreign keys of the contract decide how a table is cut:

- A table with the key of `sources` is cut by that.
- In a table that points to one that is cut, a row goes with the row that it points to; evidence
  goes with the row that it is for.
- All others are shared: a row is validated in one piece, and lent to each piece that names it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import polars as pl
from polars import col

from gazadata.contract import Contract, ForeignKey, Resource
from gazadata.errors import ContractError
from gazadata.spark.messages import Message, message, spread
from gazadata.validate.repeats import uniques
from gazadata.validate.stated import identifier
from gazadata.validate.tables import unhyphened_column

PART, BLOCK, INDEX = "__part", "__block", "__index"
"""Where a row was read: the number of the file, its block, and the row in that block."""

WHERE = (PART, BLOCK, INDEX)
OWN = "__own"
"""Whether a row is validated in the piece, or only lent to it."""

TEXTS = "#texts"
"""The name under which texts of sources are sent; no table has it."""

BESIDE = ("names",)
"""Tables whose rows are also lent if the table is cut: names are looked up by what they name."""

_ADJACENT = ("passages",)
"""Tables whose findings name the rows above and below."""

_ODD_KEY = r"[^a-z0-9.-]|^-|-$"
"""Matches malformed keys, whose rows are lent to every piece: another key may have been meant."""

_PIECES, _PLACES = 1, 2
"""Seeds of the hashes for the piece of an article and for the place where a key is looked up."""


@dataclass(frozen=True)
class Part:
    """A file of a table: its number, its path in findings, its size in bytes, and its URI."""

    number: int
    table: str
    path: str
    size: int
    uri: str


@dataclass(frozen=True)
class Plan:
    """How the tables of a contract are cut into a number of pieces."""

    contract: Contract
    pieces: int
    limit: int
    listed: frozenset[str]
    """The tables that the package has or should have."""
    text_files: bool
    """Whether texts are files that rows of `sources` name, not a table of texts."""
    retired: dict[str, list[str]] = field(default_factory=dict)
    """Identifiers to look for, by table; without hyphens in tables where those do not count."""

    @cached_property
    def cut(self) -> dict[str, str | None]:
        """The tables that are cut; for one that goes with another, the field that points to it."""
        found: dict[str, str | None] = {}
        resources = self.contract.resources
        for name, resource in resources.items():
            own = [k.field for k in resource.foreign_keys if _is_key_of_source(k)]
            if name == "sources" or own:
                found[name] = None
        while True:
            more = {
                name: link
                for name, resource in resources.items()
                if name not in found and name != "evidence" and (link := _link(resource, found))
            }
            if not more:
                return found
            found |= more

    @cached_property
    def levels(self) -> list[list[str]]:
        """The tables that go with others, each after the one it goes with; evidence last."""
        levels: list[list[str]] = []
        known = {name for name, link in self.cut.items() if link is None}
        while len(known) < len(self.cut):
            level = [
                name
                for name, link in self.cut.items()
                if name not in known and link and self.contract[name].target(link) in known
            ]
            levels.append(level)
            known.update(level)
        return [*levels, ["evidence"]] if "evidence" in self.contract.resources else levels

    @cached_property
    def beside(self) -> set[str]:
        """The tables whose rows are lent to every piece that names them."""
        return {n for n in self.contract.resources if n not in self.cut and n != "evidence"} | {
            name for name in BESIDE if name in self.contract.resources
        }

    @cached_property
    def targets(self) -> set[str]:
        """The tables that are cut and that others point to."""
        return {target for name in self.contract.resources for _, target in self.asks(name)}

    def asks(self, name: str) -> list[tuple[str, str]]:
        """The fields of a table that can point into another piece, and the tables they point to."""
        keys = self.contract[name].foreign_keys
        return [(key.field, key.resource) for key in keys if key.resource in self.cut]

    def check(self) -> None:
        """Refuse a contract whose rows cannot be cut by article.

        Raises:
            ContractError: a table lacks a field to cut it by.
        """
        needed = {"sources": ["source_id"], "evidence": ["resource", "row_id"]}
        for name in ("passages", "quotes"):
            needed[name] = ["source_id"]
        for name, fields in needed.items():
            if name not in self.contract.resources:
                continue
            for one in fields:
                if one not in self.contract[name].field_names:
                    raise ContractError(
                        f"the table {name} has no field {one} to cut it by; validate the package "
                        "without --engine spark"
                    )

    def piece(self, home: pl.Expr) -> pl.Expr:
        """The piece of an article, or of a row without one, by its key."""
        return (home.hash(_PIECES) % self.pieces).cast(pl.Int32)

    def place(self, key: pl.Expr) -> pl.Expr:
        """The place where the rows with a key meet those that point to it."""
        return (key.hash(_PLACES) % self.pieces).cast(pl.Int32)

    def read(self, name: str, rows: pl.DataFrame) -> Iterator[Message]:
        """Everything to send for a batch of a table's rows, as they are in its file."""
        resource = self.contract[name]
        yield from self._hashes(resource, rows)
        odd = col(resource.key).str.contains(_ODD_KEY)
        if name == "evidence":
            odd = odd | identifier().ne_missing(col("evidence_id"))
        if (lent := rows.filter(odd)).height:
            yield message("odd", 0, name, lent)
        if name in self.beside:
            yield message("beside", 0, name, rows)
        if named := self.retired.get(name):
            key = unhyphened_column(name, resource.key)
            yield message("retired", 0, name, rows.filter(key.is_in(named)))
        if name == "evidence":
            itself = (col("resource") == "sources") & (col("reference_id") == col("row_id"))
            yield message("beside", 0, name, rows.filter(itself))
            linked = rows.with_columns(__target="resource", __link="row_id")
        elif link := self.cut.get(name):
            target = pl.lit(resource.target(link))
            linked = rows.with_columns(__target=target, __link=link)
        else:
            home = "source_id" if name in self.cut else resource.key
            key = pl.coalesce(home, resource.key)
            yield from self.settled(name, rows.with_columns(__piece=self.piece(key)))
            return
        # A row that points to nothing goes where its target would be.
        key = pl.coalesce("__link", resource.key, pl.lit(""))
        yield from spread("link", name, linked, self.place(key))

    def settled(self, name: str, rows: pl.DataFrame) -> Iterator[Message]:
        """Everything to send for rows whose `__piece` is known."""
        resource = self.contract[name]
        plain = rows.drop("__piece").with_columns(pl.lit(True).alias(OWN))
        yield from spread("row", name, plain, rows["__piece"])
        if name in _ADJACENT:
            for step in (1, -1):
                other = rows["__piece"].shift(step)
                near = (other != rows["__piece"]).fill_null(False)
                lent = plain.filter(near).with_columns(pl.lit(False).alias(OWN))
                yield from spread("row", name, lent, other.filter(near))
        key = col(resource.key)
        keyed = rows.filter(key.is_not_null())
        if name != "evidence" and resource.proven_fields:
            keys = keyed.select("__piece", __target=pl.lit(name), __link=key)
            yield from spread("key", "", keys, self.place(col("__link")))
        if name in self.targets:
            yield from spread("target", name, keyed, self.place(key))
        if name == "sources" and self.text_files:
            path = col("text_path").map_elements(os.path.normpath, return_dtype=pl.String)
            asks = rows.select("__piece", __key=path, __by=pl.lit(name)).drop_nulls().unique()
            yield from spread("ask", TEXTS, asks, self.place(col("__key")))
        for at, target in self.asks(name):
            asks = rows.select("__piece", __key=at, __by=pl.lit(name)).drop_nulls().unique()
            yield from spread("ask", target, asks, self.place(col("__key")))

    def _hashes(self, resource: Resource, rows: pl.DataFrame) -> Iterator[Message]:
        for number, unique in enumerate(uniques(resource)):
            hashes = rows.filter(unique.filled).select(
                __unique=pl.lit(number, pl.UInt8), __hash=unique.hash()
            )
            place = (col("__hash") % self.pieces).cast(pl.Int32)
            yield from spread("hash", resource.name, hashes, place)


def _is_key_of_source(key: ForeignKey) -> bool:
    return key.resource == "sources" and key.field == key.target


def _link(resource: Resource, cut: dict[str, str | None]) -> str | None:
    """The field that points from a table to the one that it goes with."""
    return next(
        (
            key.field
            for key in resource.foreign_keys
            if key.resource in cut and resource[key.field].required
        ),
        None,
    )
