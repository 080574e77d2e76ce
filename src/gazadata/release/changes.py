"""CHANGES.md, and the version that the changes require."""

from __future__ import annotations

from gazadata import retired
from gazadata.contract.version import bumped, parse
from gazadata.curate.canonical import canonical_retired
from gazadata.errors import ReleaseError
from gazadata.package import RETIRED, Package
from gazadata.release.diff import WHICH, Diff, diff
from gazadata.release.diff_formats import changes_markdown
from gazadata.release.files import some

_NAMED = 10


def without_parent(package: Package) -> str:
    """CHANGES.md of a release without a parent."""
    contract = package.contract
    lines = [
        f"# Changes in {contract.name} {contract.version}",
        "",
        "Built without a parent release. Its tables:",
        "",
        *(f"- `{r.name}`: {r.description}" for r in contract.resources.values()),
    ]
    return "\n".join(lines) + "\n"


def check_version(package: Package, before: Package) -> str:
    """Check the version against the changes since `before`; return CHANGES.md.

    Args:
        package: a package that validates.
        before: the release that it follows, which verifies.

    Raises:
        ReleaseError: the version is too low for the changes; or an identifier vanished without a
            row in data/retired.csv, was retired and is used again, or has lost or changed its row.
    """
    changes = diff(before, package)
    level, reason = changes.bump()
    old, new = parse(changes.old), parse(changes.new)
    assert old, "a release that verifies has a version"
    assert new, "no release is built of a package without a version"
    # A release without changes in the tables may still have some in the codebook.
    least = bumped(old, "patch" if level == "none" else level)
    if new <= old or new.core < least:
        why = f"the changes since {changes.old} require a {level} bump ({reason})"
        if level == "none":
            why = f"{changes.old} is already released"
        raise ReleaseError(
            f"version {changes.new} is too low: {why}; run `gazadata bump {least}`, or use a later "
            "version or a pre-release of it"
        )
    _check_retired(package, before, changes, str(new.core))
    return changes_markdown(package.contract.name, changes)


def _check_retired(package: Package, before: Package, changes: Diff, version: str) -> None:
    """Check data/retired.csv against the rows that came and went, and against that of `before`.

    Raises:
        ReleaseError: a retired identifier is used again, or its row is missing or was edited; an
            identifier vanished without a row; or a new row names another version than `version`.
    """
    was, now = ({row.key: row for row in retired.read(side)} for side in (before, package))
    path = package.retired_file() or package.root / "data" / RETIRED
    came, went = (
        [
            (name, key)
            for name, table in changes.tables.items()
            for key in getattr(table, which)[table.key].to_list()
        ]
        for which in WHICH
    )
    if again := [key for key in came if key in was]:
        raise ReleaseError(
            f"identifiers that {changes.old} or an earlier release retired are used again: "
            f"{_named(again)}; give those rows other keys"
        )
    if lost := [row for key, row in was.items() if now.get(key) != row]:
        _, *lines = canonical_retired(lost[:_NAMED]).decode("utf-8").splitlines()
        raise ReleaseError(
            f"rows of the {RETIRED} of {changes.old} are missing from {path}, or were edited: "
            f"{_named([row.key for row in lost])}; restore them:\n" + "\n".join(lines)
        )
    if missing := [key for key in went if key not in now]:
        raise ReleaseError(
            f"identifiers have vanished but are not in {path}: {_named(missing)}; "
            f"add a row for each ({','.join(retired.COLUMNS)})"
        )
    for key, row in now.items():
        if key not in was and row.version != version:
            raise ReleaseError(
                f"{path}:{row.line}: version {row.version}, but {changes.old} does not list this "
                f"identifier; write {version}, the first version without it"
            )


def _named(keys: list[tuple[str, str]]) -> str:
    return some(["/".join(key) for key in keys], _NAMED)
