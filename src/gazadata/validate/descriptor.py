"""The package layer: the descriptor, the schemas, and which files belong to the package."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from gazadata import sniff
from gazadata.contract import Contract, Resource, inside
from gazadata.errors import ContractError
from gazadata.package import Package
from gazadata.validate import json_places, listed, promised, properties
from gazadata.validate.characters import cleaned, odd
from gazadata.validate.diagnostics import LINE_SHOWN, Diagnostic, Report
from gazadata.validate.say import DESCRIPTOR, say, schema_path
from gazadata.version import parse

_OF_JSON = "Write it so in the file; `gazadata fmt` mends tables alone."

_ASKED = {
    "not JSON": "JSON",
    "JSON object": "an object: { … }",
    "not UTF-8": "UTF-8",
    "no file": "the file that the descriptor names",
    "without a name": "a name",
    "has no schema": "schema, with the path of the table's schema",
    "list of fields": "fields, with an object for each column",
    "list of resources": "resources, with an object for each table",
    "stands twice": "each name once",
    "a field twice": "each field once in a key",
    "two foreign keys": "one foreign key of a field",
    "true or false": "true or false, as JSON has them",
    "which is no field": "the name of a field of that schema",
    "what is no field": "the names of fields of that schema",
    "a relative path": "a path in the package, such as schemas/events.json",
    "leads out": "a path in the package, such as schemas/events.json",
    "larger than": "a smaller file",
    "nested too deeply": "fewer objects within each other",
}
"""What is expected where a contract cannot be read, by words of what is said of it."""


_ABOUT = {
    "has type": "type",
    "one path": "path",
    "list of fields": "fields",
    "list of resources": "resources",
    "category": "categories",
    "foreign key": "foreignKeys",
}
"""Which property is at fault, by words of what is said, where these do not begin with it."""


def check(package: Package, report: Report) -> tuple[Package, dict[str, Path]]:
    """Look at the descriptor and the schemas of a package whose contract could be read.

    Returns:
        The package under the contract that its rows are held against, and the file of each resource
        that is there, by name.
    """
    contract = _characters(package, report)
    told = properties.check(contract, report)
    report.count("GD001", 1 + len(contract.resources))
    report.count("GD003", 1)
    if contract.descriptor.get("version") and not parse(contract.version):
        say(report, "GD003", at="version", found=contract.version, expected="major.minor.patch")
    astray = promised.compare(contract, package.root, report, told)
    paths = listed.files(Package(package.root, contract), report, astray)
    return Package(package.root, promised.promised(contract)), paths


def _characters(package: Package, report: Report) -> Contract:
    """Look for odd characters in the descriptor and the schemas.

    Returns:
        The contract as it is meant without them, so that nothing else is said of them.
    """
    contract, found = package.contract, False
    for path in sorted(
        {DESCRIPTOR, *(schema_path(r.descriptor) for r in contract.resources.values())}
    ):
        content = inside(package.root, path).read_bytes()
        for code in ("GD103", "GD104"):
            report.count(code, len(content))
        for one in odd(content.decode("utf-8"), 1):
            if one.code == "GD112":
                continue  # Descriptions are prose, in which symbols stand beside letters.
            found = True
            say(report, one.code, path=path, found=one.found, expected=one.expected)
            last = report.diagnostics[-1]
            mend = one.help or (_OF_JSON if one.code == "GD103" else last.help)
            report.diagnostics[-1] = replace(last, line=one.line, column=one.at + 1, help=mend)
    if not found:
        return contract
    try:
        return Contract(
            cleaned(contract.descriptor),
            {
                name: Resource.read(
                    cleaned(resource.descriptor),
                    cleaned(resource.schema),
                    schema_path(resource.descriptor),
                )
                for name, resource in contract.resources.items()
            },
        )
    except ContractError:
        return contract  # Two names that differ in them alone.


def unreadable(root: Path, error: ContractError, report: Report) -> None:
    """Report a package whose contract cannot be read."""
    report.count("GD001", 1)
    message = str(error)
    path, _, said = message.partition(": ")
    line = re.match(r"[^:]+:(\d+):(\d+): ", message)
    path = path.split(":", 1)[0]
    is_file = path.endswith(".json") and (root / path).is_file()
    if not is_file:
        # Where the schema is missing, it is the descriptor that names it.
        said = re.sub(r"^(.+\.json): no such file in .*", r"no file \1", message)
    found, meant, expected = said.partition("; expected ")
    one = Diagnostic.of(
        "GD001",
        path if is_file else DESCRIPTOR,
        int(line[1]) if line else None,
        column=int(line[2]) if line else None,
        found=found,
        expected=expected if meant else _asked(found),
    )
    text = ""
    with suppress(OSError):
        # What is no file could be read for ever, and what is too large is not shown either.
        if (root / one.path).is_file() and "larger than" not in message:
            content = (root / one.path).read_bytes()
            text = content.decode("utf-8", "replace")
            if other := sniff.content(content):
                one = replace(one, found=other.what, expected="JSON", help=other.remedy)
    if line is None:
        one = _placed(one, message, text)
    if one.line and text:
        report.lines[one.path] = {one.line: text.split("\n")[one.line - 1][:LINE_SHOWN]}
    report.say(one)


def _placed(one: Diagnostic, message: str, text: str) -> Diagnostic:
    """A finding about JSON that could be parsed, at the property that is said to be at fault."""
    field, resource = (re.search(rf"\b{kind} '([^']+)'", message) for kind in ("field", "resource"))
    said = re.sub(r"^.*?'(?:: | )", "", one.found or "") if field or resource else one.found or ""
    word = next((p for words, p in _ABOUT.items() if words in said), said.split(" ")[0])
    about = replace(
        one,
        field=field[1] if field else None,
        resource=resource[1] if resource else None,
        at=f"constraints.{word}" if word in properties.CONSTRAINTS else word,
    )
    with suppress(ValueError, IndexError, RecursionError):  # It is no object of JSON.
        twice = json_places.doubled(text) if "in one object" in message else None
        line, column = twice or json_places.place(text, about)
        return replace(one, line=line, column=column)
    return one


def _asked(found: str) -> str:
    asked = (expected for words, expected in _ASKED.items() if words in found)
    return next(asked, "what the Data Package standard asks for, version 2")
