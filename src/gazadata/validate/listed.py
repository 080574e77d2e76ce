"""Check that the listed files are there, and find files that nothing lists."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from gazadata import retired, sniff
from gazadata.contract import DESCRIPTOR, Resource, inside
from gazadata.errors import ContractError
from gazadata.package import RETIRED, Package
from gazadata.validate.diagnostics import Report
from gazadata.validate.rules import rule
from gazadata.validate.schema_findings import add_finding

rule(
    "GD005",
    title="file is missing, unlisted, listed twice or outside the package",
    reason="Unlisted tables are not checked, and a path that leaves the package reads other files.",
    example='"path": "../other/events.csv"; an unlisted data/extra.csv beside the listed tables',
    remedy="List the file in datapackage.json, restore it, or remove it.",
    unit="files",
)


def files(package: Package, report: Report, astray: set[str]) -> dict[str, Path]:
    """Find each resource's file, and the files that no resource lists.

    `astray` names the resources that are reported as missing or extra already. A file with the name
    of one is probably the one that was meant, so it is not reported as unlisted.
    """
    root, resources = package.root, package.contract.resources
    there: dict[str, Path] = {}
    taken: dict[Path, str] = {}
    missing: list[Resource] = []
    astray = {*astray}
    misspelt = {d.resource for d in report.diagnostics if d.suggestion == "path"}
    for name, resource in resources.items():
        report.count("GD005", 1)
        if name in misspelt:
            astray.add(name)  # The property "path" itself is misspelt, which is reported.
            continue
        try:
            path = inside(root, resource.path)
        except ContractError as error:
            _wrong(report, name, str(error), "a path in the package")
            astray.add(name)
            continue
        if not path.is_file():
            missing.append(resource)
            astray.add(name)
        elif not os.access(path, os.R_OK):
            _wrong(report, name, f"{resource.path}, which cannot be read", "a readable file")
        elif (first := taken.setdefault(path.resolve(), name)) == name:
            there[name] = path
        elif name not in astray:
            found = f"{resource.path}, which is also the file of {first}"
            _wrong(report, name, found, "a file of its own")
            astray.add(name)
    schemas = {name: one.descriptor["schema"] for name, one in resources.items()}
    paths = {name: inside(root, path) for name, path in schemas.items() if isinstance(path, str)}
    for name, path in paths.items():
        taken.setdefault(path.resolve(), name)
    folders = {path.parent for path in (*there.values(), *paths.values())}
    _unlisted(package, report, folders, taken, missing, astray)
    for resource in missing:
        _missing(root, resource, report)
    return there


def _unlisted(
    package: Package,
    report: Report,
    folders: set[Path],
    taken: dict[Path, str],
    missing: list[Resource],
    astray: set[str],
) -> None:
    """Report the files that no resource lists; one that was meant is removed from `missing`."""
    root = package.root
    listed = {root / resource.path for resource in package.contract.resources.values()}
    retired_file = _retired_file(package, taken, report)
    # The root may hold other files, but an unlisted table there would not be checked.
    at_root = (path for path in root.iterdir() if path.suffix.lower() in (".csv", ".parquet"))
    for folder, inner in (
        (root, at_root),
        *((folder, folder.rglob("*")) for folder in sorted(folders - {root})),
        *((folder, _tables(folder, package)) for folder in _beside(root, folders)),
    ):
        for path in sorted(inner):
            # Unlike `Path.resolve`, this tolerates a cycle of links.
            real = Path(os.path.realpath(path))
            hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
            if path.is_dir() or hidden or path == retired_file or path in listed or real in taken:
                continue
            if path.suffix == ".dvc" and path.with_suffix("") in listed:
                continue  # DVC's pointer to a file that it keeps elsewhere.
            taken[real] = ""
            shown = path.relative_to(root).as_posix()
            if renamed := next((r for r in missing if _is_of(path, r, root)), None):
                missing.remove(renamed)
                _missing(root, renamed, report, shown)
            elif path.stem not in astray:
                found = "a file that datapackage.json does not list"
                expected = "an entry in datapackage.json with this path"
                add_finding(report, "GD005", path=shown, found=found, expected=expected)


def _wrong(report: Report, name: str, found: str, expected: str) -> None:
    at = ("path",)
    add_finding(report, "GD005", resource=name, at=at, found=found, expected=expected)


def _beside(root: Path, folders: set[Path]) -> list[Path]:
    """The folders in the root, and beside those of listed files.

    Deeper folders may be anything else: builds, environments, other packages.
    """
    listed = folders - {root}
    beside: set[Path] = set()
    above = (parent for folder in listed for parent in folder.parents)
    for folder in {root, *(parent for parent in above if parent.is_relative_to(root))}:
        beside.update(
            path
            for path in folder.iterdir()
            if path.is_dir()
            and not path.is_symlink()
            and not path.name.startswith(".")
            and os.access(path, os.R_OK | os.X_OK)
            and not (path / DESCRIPTOR).exists()
        )
    # A text in raw/ that no source names is reported by another rule.
    beside.discard(root / "raw")
    return sorted(path for path in beside if listed.isdisjoint((path, *path.parents)))


def _tables(folder: Path, package: Package) -> Iterator[Path]:
    """The files in a folder that have the header of a table of the package.

    Other CSV files, such as fixtures or results, do not belong to it.
    """
    resources = package.contract.resources.values()
    for path in folder.iterdir():
        if any(_is_of(path, resource, package.root) for resource in resources):
            yield path


def _missing(root: Path, resource: Resource, report: Report, near: str | None = None) -> None:
    other = sniff.absent(root / resource.path)
    add_finding(
        report,
        "GD005",
        resource=resource.name,
        at=("path",),
        found=f"no file {resource.path}" + (f", but {other.what}" if other else ""),
        expected="the file that the descriptor lists",
        near=near,
        help=other.remedy if other else None,
    )


def _is_of(path: Path, resource: Resource, root: Path) -> bool:
    """Whether an unlisted file is that of a resource under another name."""
    if path.relative_to(root).as_posix().casefold() == resource.path.casefold():
        return True
    if path.suffix.lower() != ".csv" or not path.is_file() or not os.access(path, os.R_OK):
        return False
    header = ",".join(resource.field_names).encode()
    with path.open("rb") as file:
        return file.read(len(header) + 1).rstrip(b"\r\n") == header


def _retired_file(package: Package, taken: dict[Path, str], report: Report) -> Path | None:
    """The file of retired identifiers; a second one, or one that cannot be read, is reported."""
    root, path = package.root, package.retired_file()
    if path is None:
        return None
    if why := retired.refused(root, path):
        shown, expected = path.relative_to(root).as_posix(), "a file in the package"
        add_finding(report, "GD005", path=shown, found=why, expected=expected)
    second = root / RETIRED
    if second != path and os.path.lexists(second):
        taken[Path(os.path.realpath(second))] = ""
        add_finding(
            report,
            "GD005",
            path=RETIRED,
            found=f"a second file of retired identifiers, beside {path.relative_to(root)}",
            expected="all of them in one file",
        )
    return path
