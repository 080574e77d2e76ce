"""The package layer: the descriptor, the schemas, and which files belong to the package."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from gazadata.contract import DESCRIPTOR, Contract, inside
from gazadata.contract.strict_json import LARGEST
from gazadata.errors import ContractError
from gazadata.package import Package
from gazadata.validate import listed, promised, properties
from gazadata.validate.characters import cleaned, odd
from gazadata.validate.diagnostics import LINE_SHOWN, Diagnostic, Report
from gazadata.validate.rules import rule
from gazadata.validate.schema_findings import Places

_BY_HAND = "Correct it in the file; `gazadata fmt` only changes tables."


def check(package: Package, report: Report) -> tuple[Package, dict[str, Path]]:
    """Check the descriptor and the schemas of a package whose contract could be read.

    Returns:
        The package with the contract to check its rows by, and the files of its resources, by
        name, except missing ones.
    """
    contract = _characters(package, report)
    reported = properties.check(contract, report)
    report.count("GD001", 1 + len(contract.resources))
    report.count("GD003", 1)
    astray = promised.compare(contract, package.root, report, reported)
    paths = listed.files(Package(package.root, contract), report, astray)
    return Package(package.root, promised.promised(contract)), paths


def _characters(package: Package, report: Report) -> Contract:
    """Check for odd characters in the descriptor and the schemas.

    Returns:
        The contract without them, so that nothing else is reported because of them.
    """
    contract, found = package.contract, False
    for path in sorted({DESCRIPTOR, *(r.schema_path for r in contract.resources.values())}):
        content = inside(package.root, path).read_bytes()
        for code in ("GD103", "GD104"):
            report.count(code, len(content))
        for one in odd(content.decode("utf-8"), 1):
            if one.code == "GD112":
                continue  # Descriptions are prose, which may have symbols next to letters.
            found = True
            report.add(
                Diagnostic.of(
                    one.code,
                    path,
                    one.line,
                    column=one.at + 1,
                    found=one.found,
                    expected=one.expected,
                    help=one.help or (_BY_HAND if one.code == "GD103" else None),
                )
            )
    if not found:
        return contract
    try:
        return Contract.read(package.root, cleaned)
    except ContractError:
        return contract  # Two names differ only in such characters.


rule(
    "GD001",
    title="descriptor or schema cannot be read",
    reason="Without a readable contract nothing else can be checked.",
    example="datapackage.json with a comma missing",
    remedy="Fix the file at the reported place, or restore it.",
    unit="files",
)


def unreadable(root: Path, error: ContractError, report: Report) -> None:
    """Report a package whose contract cannot be read."""
    report.count("GD001", 1)
    path = error.file if (root / error.file).is_file() else DESCRIPTOR
    one = Diagnostic.of(
        "GD001",
        path,
        error.line,
        column=error.column,
        found=error.found,
        expected=error.expected or "what version 2 of the Data Package standard requires",
        help=error.remedy or None,
    )
    text = ""
    # Only what could be read is shown: a device could block forever.
    with suppress(OSError):
        if (root / path).is_file() and (root / path).stat().st_size <= LARGEST:
            text = (root / path).read_bytes().decode("utf-8", "replace")
    if one.line is None:
        line, column = Places(text).nearest(error.at or ())
        one = replace(one, line=line, column=column)
    if one.line and text:
        report.lines[path] = {one.line: text.split("\n")[one.line - 1][:LINE_SHOWN]}
    report.add(one)
