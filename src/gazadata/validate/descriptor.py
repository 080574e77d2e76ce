"""The package layer: the descriptor, the schemas, and which files belong to the package."""

from __future__ import annotations

import difflib
import json
import os
import re
from dataclasses import replace
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

from gazadata import retired
from gazadata.contract import Contract, Resource, inside
from gazadata.errors import ContractError, ReadError
from gazadata.frictionless_worker import PROFILE
from gazadata.package import Package, bundled
from gazadata.text import fold
from gazadata.validate.characters import cleaned, odd
from gazadata.validate.diagnostics import Diagnostic, Report
from gazadata.validate.rules import RULES
from gazadata.version import parse

_LINE_SHOWN = 100_000
DESCRIPTOR = "datapackage.json"

# The properties of the Data Package standard, version 2.0 (https://datapackage.org/standard/).
_COMMON = "$schema name title description homepage sources licenses"
PROPERTIES = {
    kind: properties.split()
    for kind, properties in {
        "package": f"{_COMMON} id version created keywords contributors image profile resources",
        "resource": f"{_COMMON} path data type profile scheme format mediatype encoding bytes hash "
        "dialect schema",
        "schema": f"{_COMMON} fields fieldsMatch missingValues primaryKey uniqueKeys foreignKeys",
        "field": "name type format title description example constraints categories "
        "categoriesOrdered missingValues rdfType trueValues falseValues decimalChar groupChar "
        "bareNumber",
    }.items()
}
OURS = {
    "package": ["gazadata:hedgeCues"],
    "resource": [],
    "schema": ["gazadata:label"],
    "field": [
        "gazadata:evidence",
        "gazadata:verbatim",
        "gazadata:reference",
        "gazadata:quadClass",
        "gazadata:modes",
        "gazadata:recipientRequired",
    ],
}
"""What is our own in each: a rule that reads another name would look at nothing."""

_PROFILES = {
    "package": PROFILE,
    "resource": "https://datapackage.org/profiles/2.0/dataresource.json",
    "schema": "https://datapackage.org/profiles/2.0/tableschema.json",
}
"""By which other tools take the descriptor for one of version 2.0 of the standard."""

NEEDED = {
    "package": ["name", "title", "description", "version", "licenses", "resources"],
    "resource": ["name", "schema"],
    "schema": ["fields", "primaryKey", "title", "description"],
    "field": ["name", "type", "title", "description"],
}


_MISSING = object()


def check(package: Package, report: Report) -> tuple[Package, dict[str, Path]]:
    """Look at the descriptor and the schemas of a package whose contract could be read.

    Returns:
        The package under the contract that its rows are held against, and the file of each resource
        that is there, by name.
    """
    contract = _characters(package, report)
    told = _properties(contract, report) | _dialects(contract, report)
    told |= _values(contract, report) | _of_ours(contract, report)
    report.count("GD001", 1 + len(contract.resources), RULES["GD001"].unit)
    report.count("GD003", 1, RULES["GD003"].unit)
    if contract.descriptor.get("version") and not parse(contract.version):
        say(report, "GD003", found=contract.version, expected="major.minor.patch")
    told |= _policies(contract, report)
    astray = _known(contract, report, told)
    package = Package(package.root, contract)
    return Package(package.root, _promised(contract)), _files(package, report, astray)


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
            report.count(code, len(content), RULES[code].unit)
        for one in odd(content.decode("utf-8"), 1):
            if one.code == "GD112":
                continue  # Descriptions are prose, in which symbols stand beside letters.
            found = True
            say(report, one.code, path=path, found=one.found, expected=one.expected)
            report.diagnostics[-1] = replace(
                report.diagnostics[-1], line=one.line, column=one.at + 1
            )
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


def unreadable(root: Path, error: ContractError | ReadError, report: Report) -> None:
    """Report a package whose contract cannot be read."""
    report.count("GD001", 1, RULES["GD001"].unit)
    message = str(error)
    path, _, said = message.partition(": ")
    line = re.match(r"[^:]+:(\d+):(\d+): ", message)
    path = path.split(":", 1)[0]
    is_file = path.endswith(".json") and (root / path).is_file()
    if not is_file:
        # Where the schema is missing, it is the descriptor that names it.
        said = re.sub(r"^(.+\.json): no such file in .*", r"no file \1", message)
    found, meant, expected = said.partition("; expected ")
    if line and is_file:
        number = int(line[1])
        lines = (root / path).read_bytes().decode("utf-8", "replace").split("\n")
        report.lines[path] = {number: lines[number - 1][:_LINE_SHOWN]}
    report.say(
        Diagnostic.of(
            "GD001",
            path if is_file else DESCRIPTOR,
            int(line[1]) if line else None,
            column=int(line[2]) if line else None,
            found=found,
            expected=expected if meant else _asked(found),
        )
    )


Told = set[tuple[str, str | None, str]]
"""Properties that are reported: the file, the field where it is one of a field, and which."""


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


def _asked(found: str) -> str:
    asked = (expected for words, expected in _ASKED.items() if words in found)
    return next(asked, "what the Data Package standard asks for, version 2")


def _properties(contract: Contract, report: Report) -> Told:
    told: Told = set()
    for kind, where, resource, raw in _parts(contract):
        report.count("GD002", 1, RULES["GD002"].unit)
        known, meant = PROPERTIES[kind] + OURS[kind], set()
        field = str(raw["name"]) if kind == "field" else None
        for name in raw:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                meant.update(near)
                told.update((where, field, key) for key in (name, *near))
                say(
                    report,
                    "GD002",
                    path=where,
                    resource=resource,
                    field=field,
                    found=f"the {kind} property {name!r}",
                    expected=f"one of {', '.join(OURS[kind]) or 'none'}"
                    if name.startswith("gazadata:")
                    else f"a property that the standard gives a {kind}",
                    near=near[0] if near else None,
                )
        stated = raw.get("$schema", _MISSING)
        wanted = _PROFILES.get(kind, _MISSING)
        asked = "$schema" in raw or kind == "package"
        if asked and "$schema" not in meant and wanted not in (stated, _MISSING):
            told.add((where, None, "$schema"))
            say(
                report,
                "GD002",
                path=where,
                resource=resource,
                found=f"$schema {_json(stated)}",
                expected=_json(wanted),
            )
        for name in NEEDED[kind]:
            if not raw.get(name) and name not in meant:
                told.add((where, field, name))
                say(
                    report,
                    "GD002",
                    path=where,
                    resource=resource,
                    field=field,
                    found=f"a {kind} without {name}",
                    expected=name,
                )
    return told


# What is read, and nothing else: a value under another dialect would be read wrongly.
_READ: dict[str, dict[str, Any]] = {
    "resource": {"encoding": "utf-8", "scheme": "file", "type": "table"},
    "CSV file": {"format": "csv", "mediatype": "text/csv"},
    "Parquet file": {"format": "parquet", "mediatype": "application/vnd.apache.parquet"},
    "dialect": {
        "delimiter": ",",
        "lineTerminator": "\n",
        "quoteChar": '"',
        "doubleQuote": True,
        "header": True,
    },
    "schema": {"missingValues": [""]},
    "field": {"trueValues": ["true"], "falseValues": ["false"]},
}
_CONSTRAINTS = ("required", "unique", "enum", "pattern", "minimum")


def _dialects(contract: Contract, report: Report) -> Told:
    """Report what the standard knows and the readers here do not."""
    told: Told = set()

    def hold(where: str, name: str, kind: str, raw: dict[str, Any], *, whole: bool = False) -> None:
        for key, value in raw.items():
            read = _READ[kind].get(key)
            if (read is not None and value != read) or (whole and read is None):
                told.add((where, str(raw["name"]) if kind == "field" else None, key))
                say(
                    report,
                    "GD002",
                    path=where,
                    resource=name,
                    found=f"{kind} {key} {value!r}"[:200],
                    expected=f"{read!r}, or none" if read is not None else "none",
                )

    for owner, raw in ((None, contract.descriptor), *_descriptors(contract)):
        if "profile" in raw:
            say(
                report,
                "GD002",
                resource=owner,
                found="a profile",
                expected="none: it would have to be fetched",
            )
    for name, resource in contract.resources.items():
        where = schema_path(resource.descriptor)
        dialect = resource.descriptor.get("dialect", {})
        if isinstance(dialect, dict):
            hold(DESCRIPTOR, name, "dialect", dialect, whole=True)
        else:
            say(
                report,
                "GD002",
                resource=name,
                found=f"dialect {dialect!r}"[:200],
                expected="an object",
            )
        hold(DESCRIPTOR, name, "resource", resource.descriptor)
        parquet = resource.path.endswith(".parquet")
        hold(DESCRIPTOR, name, "Parquet file" if parquet else "CSV file", resource.descriptor)
        hold(where, name, "schema", resource.schema)
        for field in resource.fields:
            hold(where, name, "field", field.raw)
            unread = [key for key in field.raw.get("constraints", {}) if key not in _CONSTRAINTS]
            wrong = [f"the constraint {key}" for key in unread]
            for key in unread:
                near = difflib.get_close_matches(key, _CONSTRAINTS, n=1)
                told.update((where, field.name, f"constraints.{part}") for part in (key, *near))
            for key in ("missingValues", "decimalChar", "groupChar", "bareNumber"):
                if key in field.raw:
                    told.add((where, field.name, key))
                    wrong.append(f"{key} {field.raw[key]!r}"[:200])
            if field.format not in (None, "default", "uri"):
                told.add((where, field.name, "format"))
                wrong.append(f"the format {field.format!r}")
            if field.name == resource.key and not (field.required and field.unique):
                wrong.append("a primary key that is not required and unique")
            for found in wrong:
                say(
                    report,
                    "GD002",
                    path=where,
                    resource=name,
                    field=field.name,
                    found=found,
                    expected="what is checked here: " + ", ".join(_CONSTRAINTS)
                    if "constraint" in found
                    else "none",
                )
    return told


def _descriptors(contract: Contract) -> list[tuple[str, dict[str, Any]]]:
    return [(name, resource.descriptor) for name, resource in contract.resources.items()]


_CREATED = re.compile(
    r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})"
)


def _values(contract: Contract, report: Report) -> Told:
    """Report values that are not of the standard, or that nobody could rely on."""
    created = contract.descriptor.get("created")
    if created is not None and not (isinstance(created, str) and _CREATED.fullmatch(created)):
        say(
            report,
            "GD002",
            found=f"created {_json(created)}",
            expected="a time such as 2026-01-31T12:00:00Z",
        )
    licences = contract.descriptor.get("licenses")
    for number, one in enumerate(licences if isinstance(licences, list) else []):
        if not isinstance(one, dict) or not (one.get("name") or one.get("path")):
            say(
                report,
                "GD002",
                found=f"licenses[{number}] {_json(one)}",
                expected="an object with a name or a path",
            )
    for name, raw in _descriptors(contract):
        size, digest = raw.get("bytes"), raw.get("hash")
        if size is not None and type(size) is not int:
            said = f"bytes {_json(size)}"
            say(report, "GD002", resource=name, found=said, expected="a number, without quotes")
        if digest is not None and not isinstance(digest, str):
            said = f"hash {_json(digest)}"
            say(report, "GD002", resource=name, found=said, expected="text such as sha256:…")
    told: Told = set()
    for name, resource in contract.resources.items():
        where = schema_path(resource.descriptor)
        for field in resource.fields:
            if field.pattern is not None and not _whole(field.pattern):
                told.add((where, field.name, "constraints.pattern"))
                say(
                    report,
                    "GD002",
                    path=where,
                    resource=name,
                    field=field.name,
                    found=f"the pattern {field.pattern}",
                    expected="one that begins with ^ and ends with $, its alternatives in a group: "
                    "readers differ in whether the others match a part of a cell",
                )
    return told


def _whole(pattern: str) -> bool:
    """Whether a pattern can match nothing but a whole cell: ^…$, alternatives in a group."""
    bare = re.sub(r"\\.", "", pattern, flags=re.DOTALL)
    bare = re.sub(r"\[\^?\]?[^\]]*\]", "", bare)
    if not (bare.startswith("^") and bare.endswith("$")):
        return False
    depth = 0
    for character in bare:
        depth += (character == "(") - (character == ")")
        if character == "|" and depth == 0:
            return False
    return True


def _of_ours(contract: Contract, report: Report) -> Told:
    """Report what our own properties hold and no rule could find anything by."""
    for cue in contract.hedge_cues:
        if cue != fold(cue):
            say(
                report,
                "GD002",
                found=f"the hedge cue {_json(cue)}",
                expected=f"{_json(fold(cue))}, as words are compared",
            )
    told: Told = set()
    for name, resource in contract.resources.items():
        types = resource["event_type"].enum if "event_type" in resource.field_names else ()
        for field in resource.fields:
            modes = field.raw.get("gazadata:modes", {})
            needing = field.raw.get("gazadata:recipientRequired", [])
            classes = field.raw.get("gazadata:quadClass", {})
            for key, used, known in (
                ("gazadata:modes", modes, types),
                ("gazadata:modes", chain.from_iterable(modes.values()), field.enum),
                ("gazadata:recipientRequired", needing, field.enum),
                ("gazadata:quadClass", classes, field.enum),
            ):
                for term in dict.fromkeys(term for term in used if term not in known):
                    near = difflib.get_close_matches(term, known, n=1)
                    told.add((schema_path(resource.descriptor), field.name, key))
                    say(
                        report,
                        "GD002",
                        path=schema_path(resource.descriptor),
                        resource=name,
                        field=field.name,
                        found=f"{key} with {_json(term)}",
                        expected=f"one of {', '.join(known)}" if known else "none",
                        near=near[0] if near else None,
                    )
    return told


def _parts(contract: Contract) -> list[tuple[str, str, str | None, dict[str, Any]]]:
    parts: list[tuple[str, str, str | None, dict[str, Any]]] = [
        ("package", DESCRIPTOR, None, contract.descriptor)
    ]
    for name, resource in contract.resources.items():
        where = schema_path(resource.descriptor)
        parts.append(("resource", DESCRIPTOR, name, resource.descriptor))
        parts.append(("schema", where, name, resource.schema))
        parts += [("field", where, name, field.raw) for field in resource.fields]
    return parts


def schema_path(descriptor: dict[str, Any]) -> str:
    """Where a resource's schema stands, from its descriptor."""
    schema = descriptor.get("schema")
    return schema if isinstance(schema, str) else DESCRIPTOR


def _policies(contract: Contract, report: Report) -> Told:
    told: Told = set()
    for name, resource in contract.resources.items():
        where = schema_path(resource.descriptor)
        for field in resource.fields:
            report.count("GD006", 1, RULES["GD006"].unit)
            policy = field.raw.get("gazadata:evidence")
            if policy not in ("required", "exempt"):
                told.add((where, field.name, "gazadata:evidence"))
                say(
                    report,
                    "GD006",
                    path=where,
                    resource=name,
                    field=field.name,
                    found=f"gazadata:evidence {policy!r}" if policy else "no gazadata:evidence",
                    expected="required or exempt",
                )
            if tuple(field.labels) != field.enum:
                told |= {(where, field.name, key) for key in ("categories", "constraints.enum")}
                say(
                    report,
                    "GD006",
                    path=where,
                    resource=name,
                    field=field.name,
                    found=f"categories {', '.join(field.labels) or 'none'}",
                    expected=f"those of enum: {', '.join(field.enum) or 'none'}",
                )
    return told


def known(contract: Contract) -> Contract | None:
    """The contract of the installed package, where it has the same name and version."""
    try:
        installed = Contract.read(bundled())
    except ContractError:
        return None  # The installed package is a repository at work; it is validated as itself.
    same = (contract.name, contract.version) == (installed.name, installed.version)
    return installed if same else None


def _promised(contract: Contract) -> Contract:
    """The contract that rows are held against: what a package of this name and version promises.

    That is the installed one where the tables have the same columns. A schema that differs there is
    a finding, and what rows would be by that schema follows from it.
    """
    installed = known(contract)
    if installed is None or _columns(contract) != _columns(installed):
        return contract
    resources = {
        name: replace(installed[name], path=resource.path, descriptor=resource.descriptor)
        for name, resource in contract.resources.items()
    }
    cues = {"gazadata:hedgeCues": list(installed.hedge_cues)}
    return Contract(contract.descriptor | cues, resources)


def _columns(contract: Contract) -> dict[str, tuple[str, ...]]:
    return {name: resource.field_names for name, resource in contract.resources.items()}


def _known(contract: Contract, report: Report, told: Told) -> set[str]:
    """Hold the contract against that of the installed package of the same name and version.

    Properties that are `told` already are left out.

    Returns:
        The resources that are reported as missing, or as one more.
    """
    installed = known(contract)
    if installed is None:
        return set()
    report.count("GD004", len(contract.resources), RULES["GD004"].unit)
    if contract.hedge_cues != installed.hedge_cues:
        say(
            report,
            "GD004",
            found="other gazadata:hedgeCues",
            expected=f"those of {installed.name} {installed.version}",
        )
    for name in installed.resources.keys() - contract.resources.keys():
        say(report, "GD004", found=f"no resource {name}", expected=f"the resource {name}")
    for name, resource in contract.resources.items():
        where = schema_path(resource.descriptor)
        if name not in installed.resources:
            say(
                report,
                "GD004",
                resource=name,
                found=f"a resource {name}",
                expected=f"none of that name in {installed.name} {installed.version}",
            )
            continue
        here, there = (
            _without(schema, {(field, key) for path, field, key in told if path == where})
            for schema in (resource.schema, installed.resources[name].schema)
        )
        if here != there:
            as_in = f"as in {installed.name} {installed.version}"
            say(report, "GD004", path=where, resource=name, **_difference(here, there, as_in))
    return installed.resources.keys() ^ contract.resources.keys()


def _without(schema: dict[str, Any], told: set[tuple[str | None, str]]) -> dict[str, Any]:
    """A schema without some properties, each by its field (None: of the schema itself)."""

    def left(raw: dict[str, Any], field: str | None, above: str = "") -> dict[str, Any]:
        return {
            key: left(value, field, f"{key}.") if key == "constraints" else value
            for key, value in raw.items()
            if key == "name" or (field, above + key) not in told
        }

    if not told:
        return schema
    return left(schema, None) | {"fields": [left(f, f["name"]) for f in schema["fields"]]}


def _difference(here: dict[str, Any], there: dict[str, Any], as_in: str) -> dict[str, str]:
    """The first part in which two schemas differ: what is found, what is expected, the field."""
    fields = {f["name"]: f for f in there["fields"]}
    for field in here["fields"]:
        name = field["name"]
        if name not in fields:
            return {"field": name, "found": "a field more", "expected": f"none, {as_in}"}
        if field != fields[name]:
            key, mine, other = _differing(field, fields[name])
            return {
                "field": name,
                "found": f"{key} {_json(mine)}",
                "expected": f"{_json(other, 'none')}, {as_in}",
            }
    gone = fields.keys() - {f["name"] for f in here["fields"]}
    if gone:
        return {"found": f"no field {min(gone)}", "expected": f"the field, {as_in}"}
    if [f["name"] for f in here["fields"]] != list(fields):
        return {"found": "another order of fields", "expected": f"{', '.join(fields)}, {as_in}"}
    key, mine, other = _differing(here, there)
    return {"found": f"{key} {_json(mine)}", "expected": f"{_json(other, 'none')}, {as_in}"}


def _differing(here: Any, there: Any) -> tuple[str, Any, Any]:
    """Where in two objects that differ the first difference is, and what stands in each."""
    keys = sorted(here.keys() | there.keys())
    # A property that is null, and not missing, is a difference too.
    key = next(k for k in keys if (k in here, here.get(k)) != (k in there, there.get(k)))
    mine, other = here.get(key, _MISSING), there.get(key, _MISSING)
    if isinstance(mine, list) and isinstance(other, list):
        pairs = enumerate(zip_longest(mine, other, fillvalue=_MISSING))
        number, (mine, other) = next(pair for pair in pairs if pair[1][0] != pair[1][1])
        key = f"{key}[{number}]"
    if isinstance(mine, dict) and isinstance(other, dict):
        rest, mine, other = _differing(mine, other)
        key = f"{key}.{rest}"
    return key, mine, other


def _json(value: Any, missing: str = "missing") -> str:
    return missing if value is _MISSING else json.dumps(value, ensure_ascii=False)[:200]


def _files(  # noqa: PLR0912
    package: Package, report: Report, astray: set[str]
) -> dict[str, Path]:
    """Find each resource's file, and the files that no resource lists.

    A file by the name of a resource that is `astray`, as it is not listed or its path is wrong, is
    the one that was meant; that is reported already.
    """
    root, there = package.root, {}
    taken: dict[Path, str] = {}
    folders: set[Path] = set()
    for name, resource in package.contract.resources.items():
        report.count("GD005", 1, RULES["GD005"].unit)
        if any(d.resource == name and d.suggestion == "path" for d in report.diagnostics):
            astray = astray | {name}
            continue  # Its path stands under a misspelt name, which is reported.
        try:
            path = inside(root, resource.path)
        except ContractError as error:
            say(report, "GD005", resource=name, found=str(error), expected="a path in the package")
            astray = astray | {name}
            continue
        if not path.is_file():
            say(
                report,
                "GD005",
                resource=name,
                found=f"no file {resource.path}",
                expected="the file that the descriptor lists",
            )
            astray = astray | {name}
            continue
        if not os.access(path, os.R_OK):
            say(
                report,
                "GD005",
                resource=name,
                found=f"{resource.path}, which may not be read",
                expected="a file that can be read",
            )
            continue
        real = path.resolve()
        if real in taken:
            if name not in astray:
                say(
                    report,
                    "GD005",
                    resource=name,
                    found=f"{resource.path}, which is also the file of {taken[real]}",
                    expected="a file of its own",
                )
                astray = astray | {name}
            continue
        taken[real] = name
        folders.add(path.parent)
        there[name] = path
    for name in package.contract.resources:
        schema = package.contract[name].descriptor["schema"]
        if isinstance(schema, str):
            path = inside(root, schema)
            taken.setdefault(path.resolve(), name)
            folders.add(path.parent)
    listed = {root / resource.path for resource in package.contract.resources.values()}
    given_up = _given_up(root, taken, report)
    # At the root other files may lie, but a table that is not listed would not be checked.
    at_root = (path for path in root.iterdir() if path.suffix.lower() in (".csv", ".parquet"))
    for folder, inner in (
        (root, at_root),
        *((folder, folder.rglob("*")) for folder in sorted(folders - {root})),
    ):
        for path in sorted(inner):
            # Unlike `Path.resolve`, this bears a circle of links.
            real = Path(os.path.realpath(path))
            hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
            if path.is_dir() or hidden or path == given_up or path in listed or real in taken:
                continue
            taken[real] = ""
            if path.stem in astray:
                continue
            say(
                report,
                "GD005",
                path=path.relative_to(root).as_posix(),
                found="a file that datapackage.json does not list",
                expected="a resource with this path, or no such file",
            )
    return there


def _given_up(root: Path, taken: dict[Path, str], report: Report) -> Path | None:
    """The file of identifiers given up; one that is not to be read, and a second, are reported."""
    path = retired.find(root)
    if path is None:
        return None
    if why := retired.refused(root, path):
        shown, expected = path.relative_to(root).as_posix(), "a file in the package"
        say(report, "GD005", path=shown, found=why, expected=expected)
    second = root / retired.FILE
    if second != path and os.path.lexists(second):
        taken[Path(os.path.realpath(second))] = ""
        say(
            report,
            "GD005",
            path=retired.FILE,
            found=f"a second file of identifiers given up, beside {path.relative_to(root)}",
            expected="all of them in one file",
        )
    return path


def say(
    report: Report,
    code: str,
    *,
    found: str,
    expected: str,
    path: str = DESCRIPTOR,
    resource: str | None = None,
    field: str | None = None,
    near: str | None = None,
) -> None:
    """Report a finding about the descriptor, or about the schema at `path`.

    `near` is what is probably meant.
    """
    report.say(
        Diagnostic.of(
            code,
            path,
            resource=resource,
            field=field,
            found=found,
            expected=expected,
            suggestion=near,
        )
    )
