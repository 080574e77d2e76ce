"""The version, its date and the number of rows, wherever a package states them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from itertools import zip_longest
from pathlib import Path

from gazadata.atomic import replace
from gazadata.contract import DESCRIPTOR
from gazadata.contract.strict_json import member_value
from gazadata.contract.version import parse
from gazadata.errors import GazadataError, ReleaseError
from gazadata.package import Package

CITATION, CHANGELOG = "CITATION.cff", "CHANGELOG.md"
_HEAD = re.compile(r"^## (.*)$", re.MULTILINE)
_ROWS = re.compile(r"^- Rows: .*$", re.MULTILINE)


def bump(path: str | Path, version: str, on: date | None = None) -> list[Path]:
    """Set a package's version, its date and the row counts in each file that states them.

    That is `version` and `created` in datapackage.json, the same in CITATION.cff, and the first
    section of CHANGELOG.md; a section "Unreleased" is renamed, and a section for another version
    gets a new one before it. CITATION.cff and CHANGELOG.md are optional. If the package has this
    version already, only the date and the counts change.

    Args:
        path: the folder of the package.
        version: the new version, a semantic version.
        on: the date of the version; today, in UTC, if omitted.

    Returns:
        The files that were changed.

    Raises:
        ReleaseError: `version` is not a semantic version, or is lower than the package's.
        ReadError, ContractError: the package cannot be read.
        GazadataError: a file cannot be written.
    """
    package = Package.open(path)
    new, old = parse(version), parse(package.contract.version)
    if new is None:
        raise ReleaseError(
            f"invalid version {version!r}; expected MAJOR.MINOR.PATCH, such as 1.1.0"
        )
    if old is not None and new < old:
        raise ReleaseError(f"version {version} is lower than the package's {old}")
    rows = {name: package.table(name).num_rows for name in package.contract.resources}
    created = f"{on or datetime.now(UTC).date()}T00:00:00Z"
    changed = []
    for file, (before, after) in _stated(package, version, created, rows).items():
        if before != after:
            try:
                replace(file.resolve(), after.encode("utf-8"))
            except OSError as error:
                raise GazadataError(f"{file}: cannot be written: {error.strerror}") from None
            changed.append(file)
    return changed


def check_stated(package: Package, rows: Mapping[str, int], before: Package | None) -> None:
    """Refuse a package whose files state another version, date or number of rows than it has.

    Raises:
        ReleaseError: a file is out of date (the text names its line and the expected text), or
            the package's date is before its parent's.
    """
    contract = package.contract
    version, created = contract.version, str(contract.descriptor.get("created", ""))
    rows = {name: rows[name] for name in contract.resources}
    remedy = f"run `gazadata bump {version}`"
    for file, (found, wanted) in _stated(package, version, created, rows).items():
        lines = zip_longest(found.split("\n"), wanted.split("\n"))
        for number, (here, there) in enumerate(lines, start=1):
            if here != there:
                raise ReleaseError(
                    f"{file}:{number}: out of date: found {here or 'nothing'!r}, expected "
                    f"{there or 'nothing'!r}; {remedy}"
                )
    past = str(before.contract.descriptor.get("created", "")) if before else ""
    if created[:10] < past[:10]:
        raise ReleaseError(
            f"{package.root / DESCRIPTOR}: out of date: created is {created}, before the {past} "
            f"of its parent; {remedy}"
        )


def _stated(
    package: Package, version: str, created: str, rows: Mapping[str, int]
) -> dict[Path, tuple[str, str]]:
    """The text of each file that states a version, as it is and as it should be."""
    root, day = package.root, created[:10]
    made: dict[str, Callable[[str], str]] = {
        DESCRIPTOR: lambda text: _updated_descriptor(text, version, created),
        CITATION: lambda text: _updated_citation(text, version, day),
        CHANGELOG: lambda text: _updated_changelog(text, version, day, rows),
    }
    stated = {}
    for name, wanted in made.items():
        try:
            text = (root / name).read_bytes().decode("utf-8")
        except FileNotFoundError:
            continue
        except (OSError, UnicodeDecodeError) as error:
            raise ReleaseError(f"{root / name}: cannot be read: {error}") from None
        stated[root / name] = text, wanted(text)
    return stated


def _updated_descriptor(text: str, version: str, created: str) -> str:
    for name, value in (("version", version), ("created", created)):
        span = member_value(text, name)
        if not value:
            continue
        if span is None:
            first = text.index("{") + 1
            text = f'{text[:first]}\n  "{name}": "{value}",{text[first:]}'
        else:
            text = f'{text[: span[0]]}"{value}"{text[span[1] :]}'
    return text


def _updated_citation(text: str, version: str, day: str) -> str:
    for name, value in (("version", version), ("date-released", f'"{day}"')):
        line = f"{name}: {value}"
        text, found = re.subn(rf"^{name}:.*$", line, text, count=1, flags=re.MULTILINE)
        if not found:
            text = f"{text.rstrip()}\n{line}\n"
    return text


def _updated_changelog(text: str, version: str, day: str, rows: Mapping[str, int]) -> str:
    """A changelog whose first section is for this version, with its row counts."""
    head = f"## {version} ({day})"
    counts = f"- Rows: {', '.join(f'{name} {number}' for name, number in rows.items())}."
    first = _HEAD.search(text)
    at = first.start() if first else len(text)
    title = first[1].strip("[] ").split(" ")[0] if first else ""
    if first and (title == version or title.casefold() == "unreleased"):
        text = f"{text[:at]}{head}{text[first.end() :]}"
    else:
        text = f"{text[:at]}{head}\n\n### Data\n\n{counts}\n\n{text[at:]}".rstrip("\n") + "\n"
    follows = _HEAD.search(text, at + len(head))
    end = follows.start() if follows else len(text)
    section = text[at:end]
    if _ROWS.search(section):
        section = _ROWS.sub(lambda _: counts, section, count=1)
    elif "### Data\n" in section:
        section = section.replace("### Data\n\n", f"### Data\n\n{counts}\n", 1)
    else:
        section = section.replace(f"{head}\n", f"{head}\n\n### Data\n\n{counts}\n", 1)
    return f"{text[:at]}{section}{text[end:]}"
