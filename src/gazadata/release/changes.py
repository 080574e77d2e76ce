"""What a release says of its changes, and the version that these changes take."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gazadata import retired
from gazadata.package import Package
from gazadata.release.files import ReleaseError
from gazadata.version import Version, parse

if TYPE_CHECKING:
    from gazadata.release.diff import Diff

_SHOWN = 50


def first_release(package: Package) -> str:
    """CHANGES.md of a release that follows none."""
    contract = package.contract
    lines = [
        f"# Changes in {contract.name} {contract.version}",
        "",
        "The first release. Its tables:",
        "",
        *(f"- `{r.name}`: {r.description}" for r in contract.resources.values()),
    ]
    return "\n".join(lines) + "\n"


def check_version(package: Package, parent: Path) -> str:
    """Hold the declared version against the changes since `parent`; return CHANGES.md.

    Raises:
        ReleaseError: the version declares less than the changes take, or an identifier vanished
            that data/retired.csv does not name.
    """
    from gazadata.release.diff import diff

    before = Package.open(parent)
    changes = diff(before, package)
    level, reason = changes.bump()
    old, new = before.contract.version, package.contract.version
    least = bumped(old, level)
    if _order(new) < _order(least) or (level != "none" and _order(new) <= _order(old)):
        raise ReleaseError(
            f"version {new} declares too little: since {old} the step is {level} ({reason}), so "
            f"the version must be at least {least}; write it into datapackage.json"
        )
    _check_retired(package, changes)
    return changes_markdown(package.contract.name, changes)


def bumped(version: str, level: str) -> str:
    """The least version after `version` for a step of `level` (semver.org).

    A pre-release comes before the version that it is of, so that version may already be enough.
    """
    major, minor, patch, is_final, _ = _order(version)
    core = f"{major}.{minor}.{patch}"
    if level == "none":
        return version
    if level == "major":
        enough = not is_final and minor == patch == 0
        return core if enough else f"{major + 1}.0.0"
    if level == "minor":
        enough = not is_final and patch == 0
        return core if enough else f"{major}.{minor + 1}.0"
    return f"{major}.{minor}.{patch + is_final}"


def _order(version: str) -> Version:
    parsed = parse(version)
    if parsed is None:
        raise ReleaseError(f"version {version!r} is not major.minor.patch")
    return parsed


def _check_retired(package: Package, changes: Diff) -> None:
    gone = [
        (name, key)
        for name, table in changes.tables.items()
        for key in table.removed[table.key].to_list()
    ]
    if not gone:
        return
    named = {(row.resource, row.row_id) for row in retired.read(package.root)}
    path = retired.find(package.root) or package.root / "data" / retired.FILE
    missing = [f"{resource}/{key}" for resource, key in gone if (resource, key) not in named]
    if missing:
        raise ReleaseError(
            f"{len(missing)} identifiers vanished that {path} does not name: "
            f"{', '.join(missing[:10])}; add a row each ({','.join(retired.COLUMNS)})"
        )


def changes_markdown(name: str, changes: Diff) -> str:
    """CHANGES.md, written from the diff."""
    level, reason = changes.bump()
    lines = [
        f"# Changes in {name} {changes.new}",
        "",
        f"Since {changes.old}. Least version step: {level} ({reason}).",
        "",
    ]
    if changes.contract:
        lines += ["## Contract", "", *(f"- {c} ({c.level})" for c in changes.contract), ""]
    for table in changes.tables.values():
        lines += [f"## {table.resource}", ""]
        if table.reshaped:
            columns = (", ".join(f"`{f}`" for f in fs) for fs in (table.fields, table.old_fields))
            lines.append("- columns: {}; before: {}".format(*(c or "none" for c in columns)))
        for label, frame in (("added", table.added), ("removed", table.removed)):
            keys = frame[table.key].to_list()
            lines += [f"- {label}: `{key}`" for key in keys[:_SHOWN]]
            if len(keys) > _SHOWN:
                lines.append(f"- {label}: {len(keys) - _SHOWN} more")
        cells = table.changed.head(_SHOWN).to_dicts()
        lines += [
            f"- `{c[table.key]}`.{c['field']}: {_quoted(c['old'])} is now {_quoted(c['new'])}"
            for c in cells
        ]
        if table.changed.height > _SHOWN:
            lines.append(f"- {table.changed.height - _SHOWN} more cells changed")
        if table.support:
            lines.append(f"- evidence changed of: {', '.join(table.support[:_SHOWN])}")
        lines.append("")
    if not changes:
        lines += ["Nothing changed.", ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def _quoted(value: str | None) -> str:
    return "empty" if value is None else f"“{value}”"
