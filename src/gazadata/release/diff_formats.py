"""A diff to read: text for a terminal, JSON or Markdown."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from gazadata import retired
from gazadata.release.diff import WHICH, Diff
from gazadata.release.files import json_bytes, plain, some

FORMAT = "gazadata-diff/1"

_SHOWN = 50


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


def to_json(result: Diff) -> dict[str, Any]:
    """The diff as plain objects: enough to make the new tables from the old ones."""
    level, reason = result.bump()
    return {
        "format": FORMAT,
        "old": result.old,
        "new": result.new,
        "bump": level,
        "bump_reason": reason,
        "least_version": str(least) if (least := result.lowest_version()) else None,
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
        "retired": [
            {
                side: row and dict(zip(retired.COLUMNS, row.cells, strict=True))
                for side, row in (("old", change.old), ("new", change.new))
            }
            for change in result.retired
        ],
        "reference": [vars(change) for change in result.reference],
    }


def changes_markdown(name: str, changes: Diff) -> str:
    """CHANGES.md, written from the diff."""
    level, reason = changes.bump()
    lines = [
        f"# Changes in {name} {changes.new}",
        "",
        f"Since {changes.old}. Required version bump: {level} ({_escaped(reason)}).",
        "",
    ]
    if changes.contract:
        lines += [
            "## Contract",
            "",
            *(f"- {_escaped(str(c))} ({c.level})" for c in changes.contract),
            "",
        ]
    for table in changes.tables.values():
        lines += [f"## {table.resource}", ""]
        if table.reshaped:
            columns = (", ".join(map(_code, fs)) for fs in (table.fields, table.old_fields))
            lines.append("- columns: {} (were: {})".format(*(c or "none" for c in columns)))
        for label in WHICH:
            keys, others = changes.keys_to_list(table, label)
            lines += [f"- {label}: {_code(key)}" for key in keys[:_SHOWN]]
            if len(keys) > _SHOWN:
                lines.append(f"- {label}: {len(keys) - _SHOWN} more")
            if others:
                lines.append(f"- {label}: {others} rows of evidence for {label} rows")
        cells = table.changed.head(_SHOWN).to_dicts()
        lines += [
            f"- {_code(c[table.key])}.{c['field']}: {_quoted(c['old'])} is now {_quoted(c['new'])}"
            for c in cells
        ]
        if table.changed.height > _SHOWN:
            lines.append(f"- {table.changed.height - _SHOWN} more cells changed")
        if table.support:
            lines.append(f"- evidence changed for: {_escaped(some(table.support, _SHOWN))}")
        lines.append("")
    if changes.retired:
        lines += ["## Retired identifiers", ""]
        lines += [f"- {_escaped(str(change))}" for change in changes.retired[:_SHOWN]]
        if len(changes.retired) > _SHOWN:
            lines.append(f"- {len(changes.retired) - _SHOWN} more")
        lines.append("")
    if changes.reference:
        lines += ["## Reference", ""]
        lines += [*(f"- {_escaped(str(change))}" for change in changes.reference), ""]
    if not changes:
        lines += ["Nothing changed in the tables and the contract.", ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def _code(name: str) -> str:
    """A name as code; escaped if it would end the code span, as only an invalid name does."""
    return f"`{name}`" if name.isprintable() and "`" not in name else _escaped(name)


def _quoted(value: str | None) -> str:
    return "empty" if value is None else f"“{_escaped(value)}”"


def _escaped(text: str) -> str:
    """Text that Markdown shows unchanged."""
    return re.sub(r"[\\`*\[\]<>&~|\r\n]|(?<!\w)_|_(?!\w)", _reference, text)


def _reference(match: re.Match[str]) -> str:
    return f"\\{match[0]}" if match[0].isprintable() else f"&#{ord(match[0])};"


FORMATS: dict[str, Callable[[Diff], str]] = {
    "full": full,
    "json": lambda diff: json_bytes(to_json(diff)).decode("utf-8"),
    "markdown": lambda diff: changes_markdown("the package", diff),
}
