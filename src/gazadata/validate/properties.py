"""The properties of the descriptor and the schemas: which there are, and what they hold."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from datetime import datetime
from itertools import chain
from typing import Any

from gazadata.contract import CUES, Contract
from gazadata.dialect import READ, UNREAD
from gazadata.frictionless_worker import PROFILE
from gazadata.text import fold
from gazadata.validate.diagnostics import Report
from gazadata.validate.say import DESCRIPTOR, MISSING, as_json, say, schema_path

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
    "package": [*CUES],
    "resource": [],
    "schema": ["gazadata:label"],
    "field": [
        "gazadata:evidence",
        "gazadata:verbatim",
        "gazadata:reference",
        "gazadata:definitions",
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

CONSTRAINTS = ("required", "unique", "enum", "pattern", "minimum")

_TEXTS = ("id", "title", "description", "homepage", "image", "rdfType")

_LISTS = {
    "keywords": "a list of words",
    "licenses": "a list of objects, each with a name or a path",
    "sources": "a list of objects, each with a title",
    "contributors": "a list of objects, each with a title",
}

_OF_OBJECTS = (
    *("name", "title", "path", "email", "version"),
    *("organization", "givenName", "familyName", "role"),
)
"""Properties of what is listed in a `_LISTS`, all of them texts."""

_CREATED = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})")

Told = set[tuple[str, str | None, str]]
"""Properties that are reported: the file, the field where it is one of a field, and which."""


def check(contract: Contract, report: Report) -> Told:
    """Look at every property of the descriptor and the schemas; returns those that are reported."""
    told: Told = set()
    for look in (_names, _dialects, _types, _values, _of_ours, _policies):
        told |= look(contract, report)
    return told


def _names(contract: Contract, report: Report) -> Told:
    """Report properties that nobody knows, and those that are missing."""
    told: Told = set()
    for kind, where, resource, raw in _parts(contract):
        report.count("GD002", 1)
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
                    at=name,
                    found=f"the {kind} property {name!r}",
                    expected=f"one of {', '.join(OURS[kind]) or 'none'}"
                    if name.startswith("gazadata:")
                    else f"a property that the standard gives a {kind}",
                    near=near[0] if near else None,
                )
        stated = raw.get("$schema", MISSING)
        wanted = _PROFILES.get(kind, MISSING)
        asked = "$schema" in raw or kind == "package"
        if asked and "$schema" not in meant and wanted not in (stated, MISSING):
            told.add((where, None, "$schema"))
            say(
                report,
                "GD002",
                path=where,
                resource=resource,
                at="$schema",
                found=f"$schema {as_json(stated)}",
                expected=as_json(wanted),
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


def _dialects(contract: Contract, report: Report) -> Told:
    """Report what the standard knows and the readers here do not."""
    told: Told = set()

    def hold(where: str, name: str, kind: str, raw: dict[str, Any], *, whole: bool = False) -> None:
        for key, value in raw.items():
            read = READ[kind].get(key)
            if (read is not None and value != read) or (whole and read is None):
                told.add((where, str(raw["name"]) if kind == "field" else None, key))
                say(
                    report,
                    "GD002",
                    path=where,
                    resource=name,
                    field=str(raw["name"]) if kind == "field" else None,
                    at=f"dialect.{key}" if kind == "dialect" else key,
                    found=f"{kind} {key} {value!r}"[:200],
                    expected=f"{read!r}, or none" if read is not None else "none",
                )

    for owner, raw in ((None, contract.descriptor), *_descriptors(contract)):
        if "profile" in raw:
            say(
                report,
                "GD002",
                resource=owner,
                at="profile",
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
                at="dialect",
                found=f"dialect {dialect!r}"[:200],
                expected="an object",
            )
        hold(DESCRIPTOR, name, "resource", resource.descriptor)
        parquet = resource.path.endswith(".parquet")
        hold(DESCRIPTOR, name, "Parquet file" if parquet else "CSV file", resource.descriptor)
        hold(where, name, "schema", resource.schema)
        for field in resource.fields:
            hold(where, name, "field", field.raw)
            unread = [key for key in field.raw.get("constraints", {}) if key not in CONSTRAINTS]
            known = f"what is checked here: {', '.join(CONSTRAINTS)}"
            wrong = [(f"constraints.{key}", f"the constraint {key}", known) for key in unread]
            for key in unread:
                near = difflib.get_close_matches(key, CONSTRAINTS, n=1)
                told.update((where, field.name, f"constraints.{part}") for part in (key, *near))
            for key in UNREAD:
                if key in field.raw:
                    told.add((where, field.name, key))
                    wrong.append((key, f"{key} {field.raw[key]!r}"[:200], "none"))
            if field.format not in (None, "default", "uri"):
                told.add((where, field.name, "format"))
                wrong.append(("format", f"the format {field.format!r}", "none"))
            if field.name == resource.key and not (field.required and field.unique):
                unfit = "a primary key that is not required and unique"
                told |= {
                    (where, field.name, f"constraints.{key}") for key in ("required", "unique")
                }
                wrong.append(("constraints", unfit, "required and unique, both true"))
            for at, found, expected in wrong:
                say(
                    report,
                    "GD002",
                    path=where,
                    resource=name,
                    field=field.name,
                    at=at,
                    found=found,
                    expected=expected,
                )
    return told


def _descriptors(contract: Contract) -> list[tuple[str, dict[str, Any]]]:
    return [(name, resource.descriptor) for name, resource in contract.resources.items()]


def _types(contract: Contract, report: Report) -> Told:
    """Report properties whose values are not of the type that the standard gives them."""
    told: Told = set()
    for kind, where, resource, raw in _parts(contract):
        field = str(raw["name"]) if kind == "field" else None
        for key, value in raw.items():
            if (not value and key in NEEDED[kind]) or key not in PROPERTIES[kind]:
                continue  # It is missed, or is unknown as a whole.
            for at, one, expected in _ill_typed(key, value):
                told.add((where, field, key))
                say(
                    report,
                    "GD002",
                    path=where,
                    resource=resource,
                    field=field,
                    at=at,
                    found=f"{at} {as_json(one)}",
                    expected=expected,
                )
    return told


def _ill_typed(key: str, value: Any) -> Iterator[tuple[str, Any, str]]:
    """Each part of a property that is of another type: where it is, what it is, what is asked."""
    if key in _TEXTS and not isinstance(value, str):
        yield key, value, "text"
    elif key == "categoriesOrdered" and not isinstance(value, bool):
        yield key, value, "true or false"
    elif key in _LISTS and not isinstance(value, list):
        yield key, value, _LISTS[key]
    for number, one in enumerate(value) if key in _LISTS and isinstance(value, list) else ():
        at = f"{key}[{number}]"
        if key == "keywords":
            if not isinstance(one, str):
                yield at, one, "text"
        elif not isinstance(one, dict):
            yield at, one, "an object" + " with a name or a path" * (key == "licenses")
        elif key == "licenses" and not (one.get("name") or one.get("path")):
            yield at, one, "an object with a name or a path"
        else:
            for name, text in one.items():
                if name in _OF_OBJECTS and not isinstance(text, str):
                    yield f"{at}.{name}", text, "text"
                elif name == "email" and "@" not in text:
                    yield f"{at}.{name}", text, "an address, such as name@example.org"


def _is_time(created: Any) -> bool:
    if not isinstance(created, str) or not _CREATED.fullmatch(created):
        return False
    try:
        datetime.fromisoformat(created)
    except ValueError:
        return False
    return True


def _values(contract: Contract, report: Report) -> Told:
    """Report values that are not of the standard, or that nobody could rely on."""
    created = contract.descriptor.get("created")
    if created is not None and not _is_time(created):
        say(
            report,
            "GD002",
            at="created",
            found=f"created {as_json(created)}",
            expected="a time such as 2026-01-31T12:00:00Z",
        )
    for name, raw in _descriptors(contract):
        size, digest = raw.get("bytes"), raw.get("hash")
        if size is not None and type(size) is not int:
            say(
                report,
                "GD002",
                resource=name,
                at="bytes",
                found=f"bytes {as_json(size)}",
                expected="a number, without quotes",
            )
        if digest is not None and not isinstance(digest, str):
            say(
                report,
                "GD002",
                resource=name,
                at="hash",
                found=f"hash {as_json(digest)}",
                expected="text such as sha256:…",
            )
        if "data" in raw and "path" in raw:
            say(
                report,
                "GD002",
                resource=name,
                at="data",
                found=f"data {as_json(raw['data'])} beside path",
                expected="path alone",
            )
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
                    at="constraints.pattern",
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
    for name in CUES:
        for number, cue in enumerate(contract.descriptor.get(name, ())):
            if cue != fold(cue):
                say(
                    report,
                    "GD002",
                    at=f"{name}[{number}]",
                    found=f"the cue {as_json(cue)}",
                    expected=f"{as_json(fold(cue))}, as words are compared",
                )
    told: Told = set()
    for name, resource in contract.resources.items():
        types = resource["event_type"].enum if "event_type" in resource.field_names else ()
        for field in resource.fields:
            modes = field.raw.get("gazadata:modes", {})
            needing = field.raw.get("gazadata:recipientRequired", [])
            classes = field.raw.get("gazadata:quadClass", {})
            definitions = field.raw.get("gazadata:definitions", {})
            for key, used, known in (
                ("gazadata:modes", modes, types),
                ("gazadata:modes", chain.from_iterable(modes.values()), field.enum),
                ("gazadata:recipientRequired", needing, field.enum),
                ("gazadata:quadClass", classes, field.enum),
                ("gazadata:definitions", definitions, field.enum),
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
                        at=key,
                        found=f"{key} with {as_json(term)}",
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


def _policies(contract: Contract, report: Report) -> Told:
    """Report fields that do not say whether they need evidence, or label their terms otherwise."""
    told: Told = set()
    for name, resource in contract.resources.items():
        where = schema_path(resource.descriptor)
        for field in resource.fields:
            report.count("GD006", 1)
            policy = field.raw.get("gazadata:evidence")
            if policy not in ("required", "exempt"):
                told.add((where, field.name, "gazadata:evidence"))
                say(
                    report,
                    "GD006",
                    path=where,
                    resource=name,
                    field=field.name,
                    at="gazadata:evidence",
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
                    at="categories",
                    found=f"categories {', '.join(field.labels) or 'none'}",
                    expected=f"those of enum: {', '.join(field.enum) or 'none'}",
                )
    return told
