"""Renaming and removing a row everywhere at once."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from gazadata.contract import ForeignKey, Resource
from gazadata.curate.keys import computed_key, passage_keys
from gazadata.curate.layout import COMPUTED_KEYS, PARTS
from gazadata.curate.record import Cells, Record
from gazadata.curate.rewrite import Changes, changes_of, derived, still_used
from gazadata.curate.tables import offset
from gazadata.errors import GazadataError, UnknownName

Name = tuple[str, str]
"""A row: its table and its key."""


def rename(record: Record, table: str, old: str, new: str) -> Changes:
    """Change a row's key in every cell that has it, and in the keys computed from it.

    Raises:
        UnknownName: the table or row does not exist.
        GazadataError: the new key is taken, retired or malformed; or the row is evidence, whose
            key is computed from its cells.
    """
    _known(record, table, old)
    if table == "evidence":
        raise GazadataError(
            "the key of a row of evidence is computed from its cells; rename the row or the quote "
            "that it names"
        )
    if problem := record.unfit_key(table, new):
        raise GazadataError(problem)
    if new in record.by_key(table):
        raise GazadataError(f"{table} already has a row {new!r}; choose another key")
    rows = {name: [dict(row) for row in those] for name, those in record.rows.items()}
    after = record.changed(rows)
    renamed = [(table, old, new)]
    # The list grows while it is read: a new key changes the keys that are computed from it.
    for name, before, key in renamed:
        made = _made_keys(after, rows)
        _rename(after, rows, name, before, key)
        for one, row in made:
            own = record.contract[one].key
            wanted = _made_key(after, one, row)
            taken = {other[own] for other in rows[one]}
            if wanted not in taken and (one, wanted) not in record.retired:
                renamed.append((one, row[own], wanted))
    return _derived_changes(record, after)


def _rename(record: Record, rows: dict[str, list[Cells]], table: str, old: str, new: str) -> None:
    key = record.contract[table].key
    for row in rows[table]:
        if row[key] == old:
            row[key] = new
    for resource, fk in record.contract.referrers(table):
        for row in rows[resource.name]:
            if row[fk.field] == old:
                row[fk.field] = new
    for row in rows["evidence"]:
        if (row["resource"], row["row_id"]) == (table, old):
            row["row_id"] = new


def _made_keys(record: Record, rows: dict[str, list[Cells]]) -> list[tuple[str, Cells]]:
    """The rows, with their tables, whose keys are the computed ones."""
    return [
        (name, row)
        for name in (*COMPUTED_KEYS, "passages")
        for row in rows.get(name, ())
        if row[record.contract[name].key] == _made_key(record, name, row)
    ]


def _made_key(record: Record, table: str, row: Cells) -> str:
    if table != "passages":
        return computed_key(table, row)
    source = row["source_id"]
    passages = [one for one in record.rows["passages"] if one["source_id"] == source]
    passages.sort(key=lambda one: offset(one["sequence"]) or 0)
    made = passage_keys(source, [one["kind"] for one in passages])
    return next(key for one, key in zip(passages, made, strict=True) if one is row)


def remove(record: Record, table: str, key: str, *, dependants: bool = False) -> Changes:
    """Remove a row with its evidence, its parts, and the quotes that nothing else uses.

    Args:
        record: the package.
        table: the row's table.
        key: the row's key.
        dependants: also remove the rows that require it, and empty optional cells that point to it.

    Raises:
        UnknownName: the table or row does not exist.
        GazadataError: rows point to it, and `dependants` is false.
    """
    _known(record, table, key)
    gone = {(table, key): ""}
    growing = [(table, key)]
    emptied: dict[tuple[str, str, str], str] = {}
    # The list grows while it is read.
    for name, one in growing:
        for resource, fk, row in _pointing(record, name, one):
            pointing = resource.name, row[resource.key]
            needs = resource[fk.field].required or fk.field in PARTS.get(resource.name, ())
            if needs or resource.name == "evidence":
                if pointing not in gone:
                    gone[pointing] = f"{resource.name}/{pointing[1]}, its {fk.field}"
                    growing.append(pointing)
            else:
                emptied[(*pointing, fk.field)] = f"{resource.name}/{pointing[1]}, its {fk.field}"
    emptied = {cell: why for cell, why in emptied.items() if cell[:2] not in gone}
    own = {
        (name, row[record.contract[name].key])
        for name, fields in PARTS.items()
        for row in record.rows.get(name, ())
        if any(
            record.contract[name].target(field) == table and row[field] == key for field in fields
        )
    }
    others = [why for name, why in gone.items() if why and name not in own]
    others += emptied.values()
    if others and not dependants:
        raise GazadataError(
            f"{table}/{key} cannot be removed alone, since these rows point to it; add "
            "--dependants to remove them, or to empty the cell if it is optional:\n  "
            + "\n  ".join(sorted(others))
        )
    return _derived_changes(record, _without(record, gone.keys(), emptied.keys()))


def _without(
    record: Record, gone: Collection[Name], emptied: Collection[tuple[str, str, str]]
) -> Record:
    """The record without some rows and cells, their evidence, and the quotes only they used."""
    rows = {
        name: [dict(row) for row in those if (name, row[record.contract[name].key]) not in gone]
        for name, those in record.rows.items()
    }
    for table, key, field in emptied:
        for row in rows[table]:
            if row[record.contract[table].key] == key:
                row[field] = ""
    rows["evidence"] = [
        row
        for row in rows["evidence"]
        if (row["resource"], row["row_id"]) not in gone
        and (row["resource"], row["row_id"], row["field"]) not in emptied
    ]
    rows["quotes"] = still_used(record, rows["quotes"], rows["evidence"])
    return record.changed(rows)


def _pointing(record: Record, table: str, key: str) -> Iterator[tuple[Resource, ForeignKey, Cells]]:
    for resource, fk in record.contract.referrers(table):
        for row in record.rows[resource.name]:
            if row[fk.field] == key:
                yield resource, fk, row


def _known(record: Record, table: str, key: str) -> None:
    known = record.by_key(table)
    if key not in known:
        raise UnknownName("row", key, sorted(known), f" in {table}")


def _derived_changes(before: Record, after: Record) -> Changes:
    """The changed files.

    Raises:
        GazadataError: a derived cell cannot be filled in.
    """
    after, problems = derived(after)
    if problems:
        raise GazadataError("nothing was written\n" + "\n".join(map(str, problems)))
    return changes_of(before, after)
