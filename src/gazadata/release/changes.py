"""What a release says of its changes, and the version that these changes take."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gazadata import retired
from gazadata.curate.canonical import canonical_retired
from gazadata.errors import ReleaseError
from gazadata.package import Package
from gazadata.version import bumped, parse

if TYPE_CHECKING:
    from gazadata.release.diff import Diff, Which

WHICH: tuple[Which, ...] = ("added", "removed")
_SHOWN = 50
_NAMED = 10


def without_parent(package: Package) -> str:
    """CHANGES.md of a release that was built without one to follow."""
    contract = package.contract
    lines = [
        f"# Changes in {contract.name} {contract.version}",
        "",
        "This release names no earlier one. Its tables:",
        "",
        *(f"- `{r.name}`: {r.description}" for r in contract.resources.values()),
    ]
    return "\n".join(lines) + "\n"


def check_version(package: Package, before: Package) -> str:
    """Hold the declared version against the changes since `before`; return CHANGES.md.

    Args:
        package: a package that validates.
        before: the release that it follows, which verifies.

    Raises:
        ReleaseError: the version is not later than the one before, or declares less than the
            changes take; or an identifier vanished that data/retired.csv does not name, was given
            up before and is given again, or is not told of as it was.
    """
    from gazadata.release.diff import diff

    changes = diff(before, package)
    level, reason = changes.bump()
    old, new = parse(changes.old), parse(changes.new)
    assert old, "a release that verifies has a version"
    assert new, "no release is built of a package without a version"
    # A release that is built anew is a change, be it of the codebook alone.
    least = bumped(old, "patch" if level == "none" else level)
    if new <= old or new.core < least:
        too_little = "declares too little" if new > old else f"is not later than {changes.old}"
        raise ReleaseError(
            f"version {changes.new} {too_little}: since {changes.old} the step is {level} "
            f"({reason}), so the version must be at least {least}, or a later pre-release "
            f"of it; write it into datapackage.json"
        )
    _check_retired(package, before, changes, str(new.core))
    return changes_markdown(package.contract.name, changes)


def _check_retired(package: Package, before: Package, changes: Diff, version: str) -> None:
    """Hold data/retired.csv against the rows that came and went, and against that of `before`.

    Raises:
        ReleaseError: an identifier that was given up before is given again, or what was said of it
            is not said any more; an identifier vanished that no row names; or a row that is new
            names another version than `version`.
    """
    was, now = ({row.key: row for row in retired.read(side)} for side in (before, package))
    path = package.given_up() or package.root / "data" / retired.FILE
    came, went = (
        [
            (name, key)
            for name, table in changes.tables.items()
            for key in getattr(table, which)[table.key].to_list()
        ]
        for which in ("added", "removed")
    )
    if again := [key for key in came if key in was]:
        raise ReleaseError(
            f"{len(again)} identifiers are given again that {changes.old} or a release before it "
            f"gave up: {_named(again)}; give those rows other keys"
        )
    if lost := [row for key, row in was.items() if now.get(key) != row]:
        _, *lines = canonical_retired(lost[:_NAMED]).decode("utf-8").splitlines()
        raise ReleaseError(
            f"{len(lost)} rows that {changes.old} has in its {retired.FILE} are not in {path}, or "
            f"not as they were: {_named([row.key for row in lost])}; put them back:\n"
            + "\n".join(lines)
        )
    if missing := [key for key in went if key not in now]:
        raise ReleaseError(
            f"{len(missing)} identifiers vanished that {path} does not name: {_named(missing)}; "
            f"add a row each ({','.join(retired.COLUMNS)})"
        )
    for key, row in now.items():
        if key not in was and row.version != version:
            raise ReleaseError(
                f"{path}:{row.line}: version {row.version}, but {changes.old} does not tell of "
                f"this identifier yet; write {version}, the first version without it"
            )


def _named(keys: list[tuple[str, str]]) -> str:
    shown = ", ".join("/".join(key) for key in keys[:_NAMED])
    return shown + (f" and {len(keys) - _NAMED} more" if len(keys) > _NAMED else "")


def changes_markdown(name: str, changes: Diff) -> str:
    """CHANGES.md, written from the diff."""
    level, reason = changes.bump()
    lines = [
        f"# Changes in {name} {changes.new}",
        "",
        f"Since {changes.old}. Least version step: {level} ({_escaped(reason)}).",
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
            lines.append("- columns: {}; before: {}".format(*(c or "none" for c in columns)))
        for label in WHICH:
            keys, others = changes.apart(table, label)
            lines += [f"- {label}: {_code(key)}" for key in keys[:_SHOWN]]
            if len(keys) > _SHOWN:
                lines.append(f"- {label}: {len(keys) - _SHOWN} more")
            if others:
                lines.append(f"- {label}: {others} for rows that were {label}")
        cells = table.changed.head(_SHOWN).to_dicts()
        lines += [
            f"- {_code(c[table.key])}.{c['field']}: {_quoted(c['old'])} is now {_quoted(c['new'])}"
            for c in cells
        ]
        if table.changed.height > _SHOWN:
            lines.append(f"- {table.changed.height - _SHOWN} more cells changed")
        if table.support:
            more = len(table.support) - _SHOWN
            shown = _escaped(", ".join(table.support[:_SHOWN]))
            shown += f" and {more} more" if more > 0 else ""
            lines.append(f"- evidence changed of: {shown}")
        lines.append("")
    if changes.retired:
        lines += ["## Identifiers given up", ""]
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
    """A name as code, or escaped where it could end that: only one that breaks the rules does."""
    return f"`{name}`" if name.isprintable() and "`" not in name else _escaped(name)


def _quoted(value: str | None) -> str:
    return "empty" if value is None else f"“{_escaped(value)}”"


def _escaped(text: str) -> str:
    """Text that Markdown shows as it is: in a list, and read by itself as well."""
    return re.sub(r"[\\`*\[\]<>&~|\r\n]|(?<!\w)_|_(?!\w)", _reference, text)


def _reference(match: re.Match[str]) -> str:
    return f"\\{match[0]}" if match[0].isprintable() else f"&#{ord(match[0])};"
