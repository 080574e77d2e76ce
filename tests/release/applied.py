"""Apply a diff: if it yields the new tables, it leaves nothing out."""

from __future__ import annotations

import csv
from typing import Any

from gazadata import retired
from gazadata.curate.canonical import canonical_csv
from gazadata.errors import ReleaseError
from gazadata.package import RETIRED, Package
from gazadata.release.diff_formats import FORMAT


def apply(old: Package, patch: dict[str, Any]) -> dict[str, bytes]:
    """Make the new tables from the old ones and a diff in the form of `to_json`.

    Returns:
        The canonical CSV bytes of every table of the new package, by name, and those of the file of
        retired identifiers, by the name of the file, if there is one.

    Raises:
        GazadataError: the diff has another format, or belongs to another package: a row or a value
        is missing, or is there already.
    """
    if patch.get("format") != FORMAT:
        raise ReleaseError(f"the diff is of the format {patch.get('format')!r}, not {FORMAT!r}")
    made: dict[str, bytes] = {}
    for name in dict.fromkeys([*old.contract.resources, *patch["tables"]]):
        rows: dict[str, dict[str, str | None]] = {}
        fields: list[str] = []
        key = ""
        if name in old.contract.resources:
            resource = old.contract[name]
            key, fields = resource.key, list(resource.field_names)
            with old.path(name).open(encoding="utf-8", newline="") as file:
                for cells in csv.DictReader(file):
                    rows[cells[key]] = {f: cell or None for f, cell in cells.items()}
        table = patch["tables"].get(name)
        if table is not None:
            if table["old_fields"] != fields or (fields and table["old_key"] != key):
                raise ReleaseError(f"{name}: the diff is of a table with other columns or key")
            if not table["fields"]:
                continue
            key, fields = table["key"], table["fields"]
            for identifier, row in rows.items():
                row[key] = identifier
            _patch(name, key, rows, table)
        made[name] = canonical_csv(
            fields, [[row.get(f) or "" for f in fields] for row in rows.values()], key
        )
    return made | _retired(old, patch["retired"])


def _patch(
    name: str, key: str, rows: dict[str, dict[str, str | None]], table: dict[str, Any]
) -> None:
    """Remove, change and add rows, by their keys, as the diff of a table says."""
    for row in table["removed"]:
        there = rows.pop(row[key], {})
        if any(there.get(field) != value for field, value in row.items()):
            raise ReleaseError(f"{name}: the diff removes {row[key]}, which is not there as it was")
    for cell in table["changed"]:
        there = rows.get(cell[key], {})
        if not there or there.get(cell["field"]) != cell["old"]:
            raise ReleaseError(
                f"{name}: the diff changes {cell[key]}.{cell['field']} from "
                f"{cell['old']!r}, which is not there"
            )
        there[cell["field"]] = cell["new"]
    for row in table["added"]:
        if row[key] in rows:
            raise ReleaseError(f"{name}: the diff adds {row[key]}, which is there already")
        rows[row[key]] = row


def _retired(old: Package, changes: list[dict[str, Any]]) -> dict[str, bytes]:
    """The retired identifiers after a diff, by the name of their file; empty if none are left."""
    rows = [list(row.cells) for row in retired.read(old)]
    for change in changes:
        was, now = (
            change[side] and [change[side][column] for column in retired.COLUMNS]
            for side in ("old", "new")
        )
        if was:
            if was not in rows:
                raise ReleaseError(f"{RETIRED}: the diff changes {was}, which is not there")
            rows.remove(was)
        if now:
            rows.append(now)
    return {RETIRED: canonical_csv(retired.COLUMNS, rows)} if rows else {}
