"""What changed between two packages: keyed by primary key, cell by cell, and in the contract."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from gazadata.contract import Contract, Resource
from gazadata.errors import MissingExtra
from gazadata.package import Package

try:
    import polars as pl

    from gazadata.validate.tables import LINE, strings
except ImportError:
    raise MissingExtra("polars", "validate") from None

Level = Literal["none", "patch", "minor", "major"]
LEVELS: tuple[Level, ...] = ("none", "patch", "minor", "major")


@dataclass(frozen=True)
class ContractChange:
    """One change of the contract, and the least version step that it takes."""

    resource: str
    field: str | None
    what: str
    level: Level

    def __str__(self) -> str:
        return f"{'.'.join(filter(None, (self.resource, self.field)))}: {self.what}"


@dataclass(frozen=True)
class TableChange:
    """What changed in one table; cells are text, None where empty.

    Attributes:
        resource: its name.
        key: the field that rows are matched by.
        old_key: the name of that field in the old table.
        fields: the fields of the new table, in order; none where the table is gone.
        old_fields: those of the old table; none where the table is new.
        added: the rows that are new, all fields.
        removed: the rows that are gone, all fields of the old table (its key by the new name).
        changed: one row a changed cell: the key, `field`, `old`, `new`.
        rows: the rows of which a cell changed, as they are now, all fields.
        support: keys of rows of which the evidence changed (of tables other than evidence).
    """

    resource: str
    key: str
    old_key: str
    fields: tuple[str, ...]
    old_fields: tuple[str, ...]
    added: pl.DataFrame
    removed: pl.DataFrame
    changed: pl.DataFrame
    rows: pl.DataFrame
    support: tuple[str, ...] = ()

    @property
    def reshaped(self) -> bool:
        """Whether the columns are others, so that the file is another even if no row changed."""
        return (self.key, self.fields) != (self.old_key, self.old_fields)

    def __bool__(self) -> bool:
        rows = self.added.height or self.removed.height or self.changed.height
        return bool(rows or self.reshaped)


@dataclass(frozen=True)
class Diff:
    """All that changed from one package to another."""

    old: str
    new: str
    contract: list[ContractChange] = field(default_factory=list)
    tables: dict[str, TableChange] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.contract) or any(self.tables.values())

    def bump(self) -> tuple[Level, str]:
        """The least version step for these changes, and the change that decides it.

        major where a consumer's code or joins can break, minor where something is added, patch
        where values or wording are corrected (docs/design.md, versions).
        """
        reasons: list[tuple[Level, str]] = [(c.level, str(c)) for c in self.contract]
        for name, table in self.tables.items():
            if table.removed.height:
                reasons.append(("major", f"{name}: the row {table.removed[table.key][0]} is gone"))
            if table.added.height:
                reasons.append(("minor", f"{name}: the row {table.added[table.key][0]} is new"))
            if table.changed.height:
                row = table.changed.row(0, named=True)
                reasons.append(
                    ("patch", f"{name}: {row[table.key]}.{row['field']} has another value")
                )
        if not reasons:
            return "none", "nothing changed"
        return max(reasons, key=lambda reason: LEVELS.index(reason[0]))


def diff(old: Package, new: Package) -> Diff:
    """Compare two packages, whatever the order of their rows."""
    before, after = old.contract, new.contract
    result = Diff(before.version, after.version, compare_contracts(before, after))
    for name in dict.fromkeys([*after.resources, *before.resources]):
        change = _table(
            (old.path(name), before[name]) if name in before.resources else None,
            (new.path(name), after[name]) if name in after.resources else None,
        )
        if change:
            result.tables[name] = change
    _support(new, result)
    return result


def _table(
    old: tuple[Path, Resource] | None, new: tuple[Path, Resource] | None
) -> TableChange | None:
    if old is None or new is None:
        path, resource = old or new or (None, None)
        assert path is not None
        assert resource is not None
        rows = strings(path, resource).drop(LINE).sort(resource.key).collect(engine="streaming")
        gone, came = (rows, rows.clear()) if new is None else (rows.clear(), rows)
        return TableChange(
            resource.name,
            resource.key,
            resource.key,
            () if new is None else resource.field_names,
            () if old is None else resource.field_names,
            came,
            gone,
            _cells([], resource),
            rows.clear(),
        )
    resource, was = new[1], old[1]
    key = resource.key
    # Rows are matched by what their keys hold, whatever the key is called on either side.
    left = [f for f in was.field_names if f != key and (f != was.key or f in resource.field_names)]
    a = strings(*old).select(pl.col(was.key).alias(key), *left)
    b = strings(*new).drop(LINE)
    common = [f for f in resource.field_names if f != key and f in was.field_names]
    fresh = [f for f in resource.field_names if f != key and f not in was.field_names]
    both = b.join(a.select(key, *(pl.col(f).alias(f"old:{f}") for f in common)), on=key)
    # A field that is new has values for rows that are not: each counts as a changed cell.
    before = {f: pl.col(f"old:{f}") for f in common} | {f: pl.lit(None, pl.String) for f in fresh}
    differs = {f: pl.col(f).ne_missing(past) for f, past in before.items()}
    moved = both.filter(pl.any_horizontal(pl.lit(False), *differs.values())).collect(
        engine="streaming"
    )
    parts = [
        moved.filter(differs[f]).select(key, field=pl.lit(f), old=past, new=pl.col(f))
        for f, past in before.items()
    ]
    change = TableChange(
        resource.name,
        key,
        was.key,
        resource.field_names,
        was.field_names,
        b.join(a.select(key), on=key, how="anti").sort(key).collect(engine="streaming"),
        a.join(b.select(key), on=key, how="anti").sort(key).collect(engine="streaming"),
        _cells(parts, resource),
        moved.select(resource.field_names).sort(key),
    )
    return change if change else None


def _cells(parts: list[pl.DataFrame], resource: Resource) -> pl.DataFrame:
    """Changed cells in the order of their row's key and of the schema's fields."""
    names = [resource.key, "field", "old", "new"]
    order = list(resource.field_names)
    place = pl.col("field").replace_strict(order, range(len(order)), return_dtype=pl.Int64)
    return pl.concat([pl.DataFrame(schema=dict.fromkeys(names, pl.String)), *parts]).sort(
        resource.key, place
    )


def _support(new: Package, result: Diff) -> None:
    """Note for each table the rows whose evidence changed, itself or the quote it names."""
    evidence = result.tables.get("evidence")
    if evidence is None:
        return
    touched = [evidence.added, evidence.removed]
    if evidence.changed.height and "evidence" in new.contract.resources:
        ids = evidence.changed["evidence_id"].unique()
        rows = strings(new.path("evidence"), new.contract["evidence"])
        touched.append(rows.filter(pl.col("evidence_id").is_in(ids.implode())).collect())
    names = ["resource", "row_id"]
    pairs = pl.concat([t.select(names) for t in touched if set(names) <= set(t.columns)]).unique()
    for name in sorted(pairs["resource"].unique()):
        keys = tuple(sorted(pairs.filter(pl.col("resource") == name)["row_id"]))
        change = result.tables.get(name)
        if change is not None:
            result.tables[name] = TableChange(**{**change.__dict__, "support": keys})


def compare_contracts(old: Contract, new: Contract) -> list[ContractChange]:
    """What changed in the contract, each change with the least version step that it takes."""
    changes = [
        ContractChange(name, None, "the resource is gone", "major")
        for name in old.resources
        if name not in new.resources
    ]
    for name, resource in new.resources.items():
        if name not in old.resources:
            changes.append(ContractChange(name, None, "the resource is new", "minor"))
        else:
            changes += _compare_resources(old[name], resource)
    ignored = {"version", "created", "resources"}
    for key in sorted((old.descriptor.keys() | new.descriptor.keys()) - ignored):
        if old.descriptor.get(key) != new.descriptor.get(key):
            changes.append(ContractChange("package", key, "has another value", "patch"))
    return changes


def _compare_resources(old: Resource, new: Resource) -> list[ContractChange]:
    name, changes = new.name, []

    def say(what: str, level: Level, field: str | None = None) -> None:
        changes.append(ContractChange(name, field, what, level))

    if old.key != new.key:
        say(f"the primary key is {new.key}, was {old.key}", "major")
    kept = [f for f in new.field_names if f in old.field_names]
    for gone in old.field_names:
        if gone not in new.field_names:
            say("the field is gone", "major", gone)
    for fresh in new.field_names:
        if fresh not in old.field_names:
            at_end = new.field_names.index(fresh) >= len(kept)
            say("the field is new" + ("" if at_end else ", before others"),
                "minor" if at_end else "major", fresh)  # fmt: skip
    if kept != [f for f in old.field_names if f in new.field_names]:
        say("the fields have another order", "major")
    for field_name in kept:
        _compare_fields(old[field_name], new[field_name], say)
    for label, a, b in (
        ("foreign key", set(old.foreign_keys), set(new.foreign_keys)),
        ("unique key", set(old.unique_keys), set(new.unique_keys)),
    ):
        for extra in sorted(map(str, b - a)):
            say(f"a {label} is new: {extra}", "major")
        for lost in sorted(map(str, a - b)):
            say(f"a {label} is gone: {lost}", "major" if label == "foreign key" else "minor")
    words = ("title", "description", "gazadata:label")
    if any(old.schema.get(w) != new.schema.get(w) for w in words):
        say("title or description has another wording", "patch")
    return changes


def _compare_fields(old: Any, new: Any, say: Any) -> None:
    name = new.name
    if old.type != new.type or old.format != new.format:
        say(f"the type is {new.type}, was {old.type}", "major", name)
    for term in old.enum:
        if term not in new.enum and new.enum:
            say(f"the term {term} is gone", "major", name)
    if old.enum:
        for term in new.enum:
            if term not in old.enum:
                say(f"the term {term} is new", "minor", name)
    if bool(old.enum) != bool(new.enum):
        say("has a vocabulary" if new.enum else "has no vocabulary any more",
            "major" if new.enum else "minor", name)  # fmt: skip
    for what in ("required", "unique", "verbatim", "evidence_required"):
        if getattr(old, what) != getattr(new, what):
            tighter = getattr(new, what)
            say(f"is {'now' if tighter else 'no longer'} {what.replace('_', ' ')}",
                "major" if tighter else "minor", name)  # fmt: skip
    if old.pattern != new.pattern:
        say(f"the pattern is {new.pattern}, was {old.pattern}",
            "major" if new.pattern else "minor", name)  # fmt: skip
    if old.minimum != new.minimum:
        tighter = new.minimum is not None and (old.minimum is None or new.minimum > old.minimum)
        say(
            f"the minimum is {new.minimum}, was {old.minimum}",
            "major" if tighter else "minor",
            name,
        )
    compared = {"type", "format", "constraints", "gazadata:evidence", "gazadata:verbatim"}
    rest = (old.raw.keys() | new.raw.keys()) - compared
    terms = old.enum != new.enum
    if any(old.raw.get(k) != new.raw.get(k) for k in rest if not (k == "categories" and terms)):
        say("title, description, labels or example have another wording", "patch", name)


def to_json(result: Diff) -> dict[str, Any]:
    """The diff as plain objects: all that `apply` needs to make the new tables of the old."""
    level, reason = result.bump()
    return {
        "format": "gazadata-diff/1",
        "old": result.old,
        "new": result.new,
        "bump": level,
        "bump_reason": reason,
        "contract": [vars(change) for change in result.contract],
        "tables": {
            name: {
                "key": table.key,
                "old_key": table.old_key,
                "fields": list(table.fields),
                "old_fields": list(table.old_fields),
                "added": table.added.to_dicts(),
                "removed": table.removed.to_dicts(),
                "changed": table.changed.to_dicts(),
                "evidence_changed_of": list(table.support),
            }
            for name, table in result.tables.items()
        },
    }


def apply(old: Package, patch: dict[str, Any]) -> dict[str, bytes]:
    """Make the new tables of the old ones and a diff in the form of `to_json`.

    Returns:
        The canonical CSV bytes of every table of the new package, by name.

    Raises:
        GazadataError: the diff is not of this package: a row or a value is not there.
    """
    from gazadata.curate.canonical import canonical_csv
    from gazadata.release.files import ReleaseError

    made: dict[str, bytes] = {}
    names = dict.fromkeys([*old.contract.resources, *patch["tables"]])
    for name in names:
        rows: dict[str, dict[str, str | None]] = {}
        fields: list[str] = []
        key = ""
        if name in old.contract.resources:
            resource = old.contract[name]
            key, fields = resource.key, list(resource.field_names)
            for row in strings(old.path(name), resource).drop(LINE).collect().to_dicts():
                rows[row[key]] = row
        table = patch["tables"].get(name)
        if table is not None:
            if table["old_fields"] != fields or (fields and table["old_key"] != key):
                raise ReleaseError(f"{name}: the diff is of a table with other columns or key")
            if not table["fields"]:
                continue
            key, fields = table["key"], table["fields"]
            for identifier, row in rows.items():
                row[key] = identifier
            for row in table["removed"]:
                if rows.pop(row[key], None) is None:
                    raise ReleaseError(f"{name}: the diff removes {row[key]}, which is not there")
            for cell in table["changed"]:
                there = rows.get(cell[key])
                if there is None or there.get(cell["field"]) != cell["old"]:
                    raise ReleaseError(
                        f"{name}: the diff changes {cell[key]}.{cell['field']} from "
                        f"{cell['old']!r}, which is not there"
                    )
                there[cell["field"]] = cell["new"]
            for row in table["added"]:
                rows[row[key]] = row
        made[name] = canonical_csv(
            fields, [[row.get(f) or "" for f in fields] for row in rows.values()], key
        )
    return made
