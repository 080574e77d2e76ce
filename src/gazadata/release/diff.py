"""What changed between two packages: keyed by primary key, cell by cell, and in the contract."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

from gazadata import retired
from gazadata.contract import Resource
from gazadata.contract.version import LEVELS, Level, Version, bumped, parse
from gazadata.curate.tables import read_bytes, records
from gazadata.errors import ReadError, extra
from gazadata.package import RETIRED, Package
from gazadata.release.contract_diff import ContractChange, compare_contracts
from gazadata.release.files import some
from gazadata.retired import Retired
from gazadata.tables.arrow import read_table

with extra("polars", "validate"):
    import polars as pl


Which = Literal["added", "removed"]
WHICH: tuple[Which, ...] = get_args(Which)


@dataclass(frozen=True)
class TableChange:
    """What changed in one table; cells are text, None if empty.

    Attributes:
        resource: its name.
        key: the field that rows are matched by.
        old_key: the name of that field in the old table.
        fields: the fields of the new table, in order; empty if the table was removed.
        old_fields: those of the old table; empty if the table is new.
        added: the new rows, all fields.
        removed: the removed rows, all fields of the old table (its key under the new name).
        changed: one row per changed cell: the key, `field`, `old`, `new`.
        support: the keys of the rows whose evidence changed (in tables other than evidence).
    """

    resource: str
    key: str
    old_key: str
    fields: tuple[str, ...]
    old_fields: tuple[str, ...]
    added: pl.DataFrame
    removed: pl.DataFrame
    changed: pl.DataFrame
    support: tuple[str, ...] = ()

    @property
    def reshaped(self) -> bool:
        """Whether the columns changed, and with them the file, even if no row did."""
        return (self.key, self.fields) != (self.old_key, self.old_fields)

    @property
    def edited(self) -> bool:
        """Whether the table itself changed, and not only the evidence for its rows."""
        rows = self.added.height or self.removed.height or self.changed.height
        return bool(rows or self.reshaped)

    def __bool__(self) -> bool:
        return bool(self.edited or self.support)


@dataclass(frozen=True)
class RetiredChange:
    """What changed about a retired identifier; None on the side that does not list it."""

    old: Retired | None
    new: Retired | None

    def __str__(self) -> str:
        if self.old is None:
            return str(self.new)
        if self.new is None:
            return f"no longer listed: {self.old}"
        return f"{self.new} (was: {self.old})"


@dataclass(frozen=True)
class ReferenceChange:
    """What changed in a file of reference/: the first cells of its rows."""

    path: str
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]

    def __str__(self) -> str:
        parts = (
            f"{which} {some(rows, _SHOWN)}"
            for which, rows in (
                ("added", self.added),
                ("removed", self.removed),
                ("changed", self.changed),
            )
            if rows
        )
        return f"{self.path}: {'; '.join(parts)}"


@dataclass(frozen=True)
class Diff:
    """Everything that changed from one package to another."""

    old: str
    new: str
    contract: list[ContractChange]
    tables: dict[str, TableChange]
    retired: list[RetiredChange]
    reference: list[ReferenceChange]

    def __bool__(self) -> bool:
        return bool(self.contract or self.retired or self.reference) or any(self.tables.values())

    def lowest_version(self) -> Version | None:
        """The lowest version that the new side needs.

        None if it is already high enough, or no bump is needed.
        """
        level, _ = self.bump()
        old, new = parse(self.old), parse(self.new)
        if level == "none" or old is None or new is None:
            return None
        least = bumped(old, level)
        return least if new <= old or new.core < least else None

    def keys_to_list(self, table: TableChange, which: Which) -> tuple[list[str], int]:
        """The keys of added or removed rows, without evidence for rows that are listed themselves.

        Returns:
            Those keys, and how many rows of evidence were left out.
        """
        frame: pl.DataFrame = getattr(table, which)
        kept, target = frame, ["resource", "row_id"]
        if table.resource == "evidence" and set(target) <= {*frame.columns}:
            for name, other in self.tables.items():
                rows = getattr(other, which).select(resource=pl.lit(name), row_id=other.key)
                kept = kept.join(rows, on=target, how="anti", maintain_order="left")
        return kept[table.key].to_list(), frame.height - kept.height

    def bump(self) -> tuple[Level, str]:
        """The version bump that these changes require, and the change that decides it.

        major if a consumer's code or joins can break, minor if something is added, patch if
        values or wording are corrected (docs/design.md, Releases).
        """
        reasons: list[tuple[Level, str]] = [(c.level, str(c)) for c in self.contract]
        for name, table in self.tables.items():
            if table.removed.height:
                reasons.append(("major", f"{name}: row {table.removed[table.key][0]} was removed"))
            if table.added.height:
                reasons.append(("minor", f"{name}: row {table.added[table.key][0]} is new"))
            if table.changed.height:
                row = table.changed.row(0, named=True)
                reasons.append(("patch", f"{name}: {row[table.key]}.{row['field']} changed"))
        reasons += [("patch", f"{RETIRED}: {change}") for change in self.retired[:1]]
        reasons += [("patch", str(change)) for change in self.reference[:1]]
        if not reasons:
            return "none", "nothing changed"
        return max(reasons, key=lambda reason: LEVELS.index(reason[0]))


FIRST = ("events", "positions")
LAST = ("passages", "quotes", "evidence")
"""The tables that people look for first in a diff, and those that follow from others."""

_SHOWN = 10

Table = tuple[Resource, pl.DataFrame]


def diff(old: Package, new: Package) -> Diff:
    """Compare two packages, whatever the order of their rows.

    Raises:
        ReadError: a table or the file of retired identifiers cannot be read, or a primary key is
            missing or occurs twice.
    """
    before, after = old.contract, new.contract
    was, now = ({row.key: row for row in retired.read(side)} for side in (old, new))
    olds, news = _tables(old, "old"), _tables(new, "new")
    changes = {name: _table(olds.get(name), news.get(name)) for name in news | olds}
    _support((olds, news), changes)
    order = sorted(changes, key=lambda name: (name not in FIRST, name in LAST))
    return Diff(
        old=before.version,
        new=after.version,
        contract=compare_contracts(before, after),
        tables={name: changes[name] for name in order if changes[name]},
        retired=[
            RetiredChange(was.get(key), now.get(key))
            for key in sorted(was | now)
            if was.get(key) != now.get(key)
        ],
        reference=list(_references(old.root / "reference", new.root / "reference")),
    )


def _references(old: Path, new: Path) -> Iterator[ReferenceChange]:
    """What changed in the files of reference/, if both sides have it: a release has none."""
    if not (old.is_dir() and new.is_dir()):
        return
    for name in sorted({path.name for side in (old, new) for path in side.glob("*.csv")}):
        was, now = (_first_cells(side / name) for side in (old, new))
        if was != now:
            yield ReferenceChange(
                f"reference/{name}",
                tuple(key for key in now if key not in was),
                tuple(key for key in was if key not in now),
                tuple(key for key in now if key in was and was[key] != now[key]),
            )


def _first_cells(path: Path) -> dict[str, list[list[str]]]:
    """The rows of a file of reference/ by their first cells, the header among them."""
    rows: dict[str, list[list[str]]] = {}
    if path.is_file():
        for _, cells in records(path, read_bytes(path)):
            rows.setdefault(cells[0], []).append(cells)
    return rows


def _tables(package: Package, side: str) -> dict[str, Table]:
    """All tables of one side, their cells as text, each row with its own key."""
    tables = {}
    for name, resource in package.contract.resources.items():
        try:
            path = package.path(name)
            rows = pl.DataFrame(read_table(path, resource, text=True))
            if nulls := rows[resource.key].null_count():
                raise ReadError(f"{path}: {nulls} rows have no {resource.key}, the primary key")
            double = rows[resource.key].filter(rows[resource.key].is_duplicated())
            if len(double):
                raise ReadError(f"{path}: primary key {double.min()!r} occurs twice")
        except ReadError as error:
            raise ReadError(f"the {side} side: {error}") from None
        tables[name] = resource, rows
    return tables


def _table(old: Table | None, new: Table | None) -> TableChange:
    if old is None or new is None:
        table = old or new
        assert table is not None
        resource, cells = table
        rows = cells.sort(resource.key)
        return TableChange(
            resource=resource.name,
            key=resource.key,
            old_key=resource.key,
            fields=() if new is None else resource.field_names,
            old_fields=() if old is None else resource.field_names,
            added=rows.clear() if new is None else rows,
            removed=rows if new is None else rows.clear(),
            changed=_cells([], resource),
        )
    (was, a), (resource, b) = old, new
    key = resource.key
    # Rows are matched by the values of their keys, whatever the key is called on either side.
    left = [f for f in was.field_names if f != key and (f != was.key or f in resource.field_names)]
    a = a.select(pl.col(was.key).alias(key), *left)
    common = [f for f in resource.field_names if f != key and f in was.field_names]
    fresh = [f for f in resource.field_names if f != key and f not in was.field_names]
    both = b.join(a.select(key, *(pl.col(f).alias(f"old:{f}") for f in common)), on=key)
    # Values of a new field in old rows count as changed cells.
    before = {f: pl.col(f"old:{f}") for f in common} | {f: pl.lit(None, pl.String) for f in fresh}
    differs = {f: pl.col(f).ne_missing(past) for f, past in before.items()}
    moved = both.filter(pl.any_horizontal(pl.lit(False), *differs.values()))
    parts = [
        moved.filter(differs[f]).select(key, field=pl.lit(f), old=past, new=pl.col(f))
        for f, past in before.items()
    ]
    return TableChange(
        resource=resource.name,
        key=key,
        old_key=was.key,
        fields=resource.field_names,
        old_fields=was.field_names,
        added=b.join(a.select(key), on=key, how="anti").sort(key),
        removed=a.join(b.select(key), on=key, how="anti").sort(key),
        changed=_cells(parts, resource),
    )


def _cells(parts: list[pl.DataFrame], resource: Resource) -> pl.DataFrame:
    """Changed cells in the order of their row's key and of the schema's fields."""
    names = [resource.key, "field", "old", "new"]
    order = list(resource.field_names)
    place = pl.col("field").replace_strict(order, range(len(order)), return_dtype=pl.Int64)
    return pl.concat([pl.DataFrame(schema=dict.fromkeys(names, pl.String)), *parts]).sort(
        resource.key, place
    )


def _support(sides: tuple[dict[str, Table], ...], changes: dict[str, TableChange]) -> None:
    """Add to each table the rows whose evidence changed, or a quote that it names."""
    pairs = []
    for tables in sides:
        resource, rows = tables.get("evidence", (None, None))
        if resource is None or rows is None or {"resource", "row_id"} - {*resource.field_names}:
            continue
        named = {resource.key: "evidence"} | {
            fk.field: fk.resource for fk in resource.foreign_keys if fk.resource == "quotes"
        }
        touched = [pl.col(f).is_in(_keys(changes[r]).implode()) for f, r in named.items()]
        pairs.append(rows.filter(pl.any_horizontal(touched)).select("resource", "row_id"))
    if not pairs:
        return
    found = pl.concat(pairs).drop_nulls().unique()
    for (name,), rows_of in found.group_by("resource"):
        if name in changes:
            change = changes[name]
            # Added and removed rows are listed themselves.
            own = pl.concat([change.added[change.key], change.removed[change.key]])
            keys = tuple(rows_of["row_id"].filter(~rows_of["row_id"].is_in(own.implode())).sort())
            changes[name] = replace(change, support=keys)


def _keys(change: TableChange) -> pl.Series:
    """The keys of the rows of a table in which anything changed."""
    frames = (change.added, change.removed, change.changed)
    return pl.concat([frame[change.key] for frame in frames]).unique()
