"""A diff to read: text, JSON, Markdown, and the tabular format that daff reads and writes."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable

from gazadata.release.changes import changes_markdown
from gazadata.release.diff import Diff, TableChange, to_json
from gazadata.release.files import plain


def full(diff: Diff) -> str:
    """The diff for a terminal: the step it takes, then each change with both values."""
    level, reason = diff.bump()
    lines = [plain(f"{diff.old} -> {diff.new}: {level} ({reason})")]
    lines += [f"contract  {change} [{change.level}]" for change in diff.contract]
    for name, table in diff.tables.items():
        lines.append(f"{name}")
        if table.reshaped:
            lines.append(f"  columns: {_names(table.old_fields)} -> {_names(table.fields)}")
        lines += [f"  + {plain(key)}" for key in table.added[table.key]]
        lines += [f"  - {plain(key)}" for key in table.removed[table.key]]
        for cell in table.changed.iter_rows(named=True):
            old, new = (repr(cell[side]) if cell[side] else "empty" for side in ("old", "new"))
            lines.append(f"  ~ {plain(cell[table.key])}.{cell['field']}: {old} -> {new}")
        if table.support:
            lines.append(f"    evidence changed of: {plain(', '.join(table.support))}")
    if diff.retired:
        lines.append("identifiers given up")
    for given_up in diff.retired:
        sign = "+" if given_up.old is None else "-" if given_up.new is None else "~"
        lines.append(plain(f"  {sign} {given_up}"))
    return "\n".join(lines) + "\n"


def _names(fields: tuple[str, ...]) -> str:
    return ", ".join(fields) or "none"


def as_json(diff: Diff) -> str:
    """The diff as JSON, from which `gazadata.release.diff.apply` makes the new tables."""
    return json.dumps(to_json(diff), ensure_ascii=False, indent=2) + "\n"


def markdown(diff: Diff) -> str:
    """The diff as CHANGES.md has it."""
    return changes_markdown("the package", diff)


def tabular(diff: Diff) -> str:
    """The diff of each table in the highlighter format of daff, below a line with its name.

    The format: https://paulfitz.github.io/daff-doc/spec.html
    """
    return "\n".join(
        f"# {name}\n{tabular_table(table)}" for name, table in diff.tables.items() if table.edited
    )


def tabular_table(table: TableChange) -> str:
    """One table's diff in the highlighter format of daff, as CSV."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    there = table.removed.columns if table.old_fields else []
    gone = [f for f in there if f not in table.fields]
    fields = [*table.fields, *gone]
    fresh = set(table.fields) - set(there)
    if table.reshaped:
        was = [table.key if f == table.old_key else f for f in table.old_fields]
        moved = [f for f in was if f in table.fields] != [f for f in table.fields if f in was]
        marks = dict.fromkeys(fields, ":" if moved else "")
        marks |= dict.fromkeys(fresh, "+++") | dict.fromkeys(gone, "---")
        if table.old_key != table.key:
            marks[table.key] = f"({table.old_key})"
        writer.writerow(["!", *marks.values()])
    writer.writerow(["@@", *fields])
    before: dict[str, dict[str, str | None]] = {}
    for cell in table.changed.iter_rows(named=True):
        before.setdefault(cell[table.key], {})[cell["field"]] = cell["old"]
    rows = [("---", row) for row in table.removed.iter_rows(named=True)]
    rows += [("+++", row) for row in table.added.iter_rows(named=True)]
    rows += [("->", row) for row in table.rows.iter_rows(named=True)]
    for action, row in sorted(rows, key=lambda item: str(item[1][table.key])):
        cells = {f: row.get(f) or "" for f in fields}
        if action == "->":
            past = before[cells[table.key]]
            both = [*cells.values(), *(old or "" for old in past.values())]
            while any(action in value for value in both):
                action = f"-{action}"  # noqa: PLW2901
            for f, old in past.items():
                if f not in fresh:
                    cells[f] = f"{old or ''}{action}{cells[f]}"
            if all(f in fresh for f in past):
                action = "+"  # noqa: PLW2901
        writer.writerow([action, *cells.values()])
    return buffer.getvalue()


FORMATS: dict[str, Callable[[Diff], str]] = {
    "full": full,
    "json": as_json,
    "markdown": markdown,
    "tabular": tabular,
}
