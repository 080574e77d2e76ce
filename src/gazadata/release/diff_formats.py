"""A diff to read: text for a terminal, JSON or Markdown."""

from __future__ import annotations

from collections.abc import Callable

from gazadata.release.changes import WHICH, changes_markdown
from gazadata.release.diff import Diff, to_json
from gazadata.release.files import json_bytes, plain


def full(diff: Diff) -> str:
    """The diff for a terminal: the bump it requires, then each change with both values."""
    level, reason = diff.bump()
    lines = [plain(f"{diff.old} -> {diff.new}: {level} ({reason})")]
    if least := diff.lowest_version():
        lines.append(f"the version must be at least {least}: run `gazadata bump {least}`")
    lines += [f"contract  {change} [{change.level}]" for change in diff.contract]
    for name, table in diff.tables.items():
        lines.append(f"{name}")
        if table.reshaped:
            lines.append(f"  columns: {_names(table.old_fields)} -> {_names(table.fields)}")
        for sign, which in zip("+-", WHICH, strict=True):
            keys, others = diff.keys_to_list(table, which)
            lines += [f"  {sign} {plain(key)}" for key in keys]
            if others:
                lines.append(f"  {sign} {others} rows of evidence for {which} rows")
        for cell in table.changed.iter_rows(named=True):
            old, new = (repr(cell[side]) if cell[side] else "empty" for side in ("old", "new"))
            lines.append(f"  ~ {plain(cell[table.key])}.{cell['field']}: {old} -> {new}")
        if table.support:
            lines.append(f"    evidence changed for: {plain(', '.join(table.support))}")
    lines += [plain(f"reference  {change}") for change in diff.reference]
    if diff.retired:
        lines.append("retired identifiers")
    for change in diff.retired:
        sign = "+" if change.old is None else "-" if change.new is None else "~"
        lines.append(plain(f"  {sign} {change}"))
    return "\n".join(lines) + "\n"


def _names(fields: tuple[str, ...]) -> str:
    return ", ".join(fields) or "none"


def as_json(diff: Diff) -> str:
    """The diff as JSON."""
    return json_bytes(to_json(diff)).decode("utf-8")


def markdown(diff: Diff) -> str:
    """The diff as in CHANGES.md."""
    return changes_markdown("the package", diff)


FORMATS: dict[str, Callable[[Diff], str]] = {
    "full": full,
    "json": as_json,
    "markdown": markdown,
}
