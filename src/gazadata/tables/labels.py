"""Labels of rows for people to read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gazadata.contract import Contract

Row = dict[str, Any]

COMPOSED = {
    "evidence": ("resource", "row_id", "field"),
    "participants": ("actor_id", "role", "event_id"),
    "passages": ("source_id", "kind", "sequence"),
    "positions": ("holder_id", "stance", "topic_id"),
    "relations": ("subject_id", "predicate", "object_id", "object_text"),
}
"""Fields that together describe a row, for tables whose schema names no label."""

INSTEAD = {"sources": ("publisher", "kind")}
"""Fields that name a row without a label; the first filled one is used."""


def as_text(value: Any) -> str:
    """A cell's value as it is in a file: `true`, not `True`."""
    return str(value).lower() if isinstance(value, bool) else str(value)


class Labels:
    """Labels of a package's rows. `rows` returns a table's rows and is called once per table."""

    def __init__(self, contract: Contract, rows: Callable[[str], list[Row]]) -> None:
        self._contract = contract
        self._rows = rows
        self._by_key: dict[str, dict[str, str]] = {}

    def __getitem__(self, name: str) -> dict[str, str]:
        """The label of each row of a table, by its key; empty if there is no such table."""
        if name not in self._by_key:
            # Empty until done: tables may refer to each other in a cycle.
            self._by_key[name] = {}
            if name in self._contract.resources:
                key = self._contract[name].key
                self._by_key[name] = {
                    str(row[key]): self.label(name, row) for row in self._rows(name)
                }
        return self._by_key[name]

    def label(self, name: str, row: Row) -> str:
        """The label of a row of the table `name`; its key if there is nothing better."""
        resource = self._contract[name]
        for field in (resource.label, *INSTEAD.get(name, ())):
            if field and row.get(field):
                return self.shown(name, field, row[field])
        parts = [part for part in COMPOSED.get(name, ()) if row.get(part) is not None]
        return " · ".join(self.shown(name, part, row[part]) for part in parts) or str(
            row[resource.key]
        )

    def shown(self, name: str, field: str, value: Any) -> str:
        """A value for people to read: the label of what it refers to or of a term, yes or no."""
        resource = self._contract[name]
        target = resource.target(field)
        pointed_at = self[target].get(str(value)) if target is not None else None
        if pointed_at:
            return pointed_at
        if isinstance(value, bool):
            return "yes" if value else "no"
        return resource[field].labels.get(str(value), str(value))
