"""What rows are called, where a person reads of them."""

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
"""Fields that together say what a row is about, for tables whose schema names no label."""

INSTEAD = {"sources": ("publisher", "kind")}
"""Fields of which the first that is filled names a row that lacks its label."""


class Labels:
    """The labels of a package's rows. `rows` gives those of a table, and is asked once for each."""

    def __init__(self, contract: Contract, rows: Callable[[str], list[Row]]) -> None:
        self._contract = contract
        self._rows = rows
        self._by_key: dict[str, dict[str, str]] = {}

    def __getitem__(self, name: str) -> dict[str, str]:
        """The label of each row of a table, by its key; none where there is no such table."""
        if name not in self._by_key:
            # Tables may point to each other in a circle: meanwhile there are none.
            self._by_key[name] = {}
            if name in self._contract.resources:
                key = self._contract[name].key
                self._by_key[name] = {
                    str(row[key]): self.label(name, row) for row in self._rows(name)
                }
        return self._by_key[name]

    def label(self, name: str, row: Row) -> str:
        """What a row of the table `name` is called; its key, where it has nothing better."""
        resource = self._contract[name]
        for field in (resource.label, *INSTEAD.get(name, ())):
            if field and row.get(field):
                return self.shown(name, field, row[field])
        parts = [part for part in COMPOSED.get(name, ()) if row.get(part) is not None]
        return " · ".join(self.shown(name, part, row[part]) for part in parts) or str(
            row[resource.key]
        )

    def shown(self, name: str, field: str, value: Any) -> str:
        """A value as it is read: what it points to, the label of a term, yes or no."""
        resource = self._contract[name]
        target = resource.target(field)
        pointed_at = self[target].get(str(value)) if target is not None else None
        if pointed_at:
            return pointed_at
        if isinstance(value, bool):
            return "yes" if value else "no"
        return resource[field].labels.get(str(value), str(value))
