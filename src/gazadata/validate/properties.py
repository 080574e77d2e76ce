"""The properties of the descriptor and the schemas: which there are, and what they hold.

descriptor.schema.json says what each part may hold by itself. What depends on another part, as a
term does on its vocabulary, is checked here.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

from gazadata.contract import Contract, Field, Resource
from gazadata.strict_json import At
from gazadata.text import fold
from gazadata.validate.diagnostics import Report
from gazadata.validate.json_schema import Checker, Mismatch
from gazadata.validate.say import DESCRIPTOR, as_json, say, schema_path
from gazadata.version import parse

_CREATED = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})")

Told = set[tuple[str | None, At]]
"""Properties that are reported: the table whose schema has it (None: the descriptor), and the way.

A field has its name in the way there, and not its number.
"""


def check(contract: Contract, report: Report) -> Told:
    """Check every property of the descriptor and the schemas; returns those that are reported."""
    parts = [_Part(report, DESCRIPTOR, "package", contract.descriptor)]
    for name, resource in contract.resources.items():
        where = schema_path(resource.descriptor)
        parts.append(_Part(report, DESCRIPTOR, "resource", resource.descriptor, name))
        parts.append(_Part(report, where, "schema", resource.schema, name))
    told: Told = set()
    for part in parts:
        report.count("GD002", 1)
        for mismatch in checker().mismatches(checker().definitions[part.kind], part.raw):
            part.refuse(mismatch)
        if part.resource and part.kind == "schema":
            resource = contract[part.resource]
            report.count("GD002", len(resource.fields))
            report.count("GD006", len(resource.fields))
            for field in resource.fields:
                _of_field(part, resource, field)
        told |= {(part.resource if part.kind == "schema" else None, at) for at in part.told}
    return told


@cache
def checker() -> Checker:
    """What descriptor.schema.json says."""
    content = Path(__file__).with_name("descriptor.schema.json").read_bytes()
    return Checker(json.loads(content)["$defs"], FORMATS)


@dataclass
class _Part:
    """A descriptor, a resource's descriptor or a schema, and what is reported of it."""

    report: Report
    file: str
    kind: str
    raw: dict[str, Any]
    resource: str | None = None

    def __post_init__(self) -> None:
        self.told: set[At] = set()

    def refuse(self, mismatch: Mismatch) -> None:
        """Report what the JSON Schema refuses."""
        at, name, schema = mismatch.at, mismatch.name, mismatch.schema
        title = schema.get("title", "")
        if mismatch.keyword == "additionalProperties":
            known = schema["properties"]
            expected = schema.get("description") or f"a property that the standard gives a {title}"
            if name.startswith("gazadata:"):
                ours = [one for one in known if one.startswith("gazadata:")]
                expected = f"one of {', '.join(ours) or 'none'}"
            found = (
                f"the {title} {name}" if title == "constraint" else f"the {title} property {name!r}"
            )
            self.say(at, found, expected, near=_near(name, known))
        elif mismatch.keyword != "required":
            found = f"{dotted(self._in_field(at))} {as_json(mismatch.value)}"
            self.say(at, found, schema["description"], schema.get("gazadata:code", "GD002"))
        elif self._named((*at, name)) not in self.told:
            wanted = schema["properties"][name]
            found, code = f"a {title} without {name}", wanted.get("gazadata:code", "GD002")
            self.say((*at, name), found, wanted.get("description", name), code)

    def say(
        self, at: At, found: str, expected: str, code: str = "GD002", near: str | None = None
    ) -> None:
        """Report a property, and remember it with the one that is probably meant."""
        self.told.add(self._named(at))
        if near:
            self.told.add(self._named((*at[:-1], near)))
        say(
            self.report,
            code,
            path=self.file,
            resource=self.resource,
            field=self._field(at),
            at=dotted(self._in_field(at)) or None,
            found=found[:500],
            expected=expected,
            near=near,
        )

    def _named(self, at: At) -> At:
        """The way with the name of a field in place of its number."""
        field = self._field(at)
        return at if field is None else ("fields", field, *at[2:])

    def _field(self, at: At) -> str | None:
        """The name of the field that a way leads into."""
        if at[:1] == ("fields",) and len(at) > 1 and isinstance(at[1], int):
            return str(self.raw["fields"][at[1]]["name"])
        return None

    @staticmethod
    def _in_field(at: At) -> At:
        """The way from the field on, if it leads into one."""
        return at[2:] if at[:1] == ("fields",) and len(at) > 1 else at


def _of_field(part: _Part, resource: Resource, field: Field) -> None:
    """Report what a field says that does not fit the other parts of its schema."""
    at: At = ("fields", resource.field_names.index(field.name))
    if field.name == resource.key and not (field.required and field.unique):
        found = "a primary key that is not required and unique"
        part.say((*at, "constraints"), found, "required and unique, both true")
    if tuple(field.labels) != field.enum:
        part.told.add(("fields", field.name, "constraints", "enum"))
        found = f"categories {', '.join(field.labels) or 'none'}"
        expected = f"those of enum: {', '.join(field.enum) or 'none'}"
        part.say((*at, "categories"), found, expected, "GD006")
    for key, term, known in _terms(resource, field):
        expected = f"one of {', '.join(known)}" if known else "none"
        found = f"{key} with {as_json(term)}"
        part.say((*at, key), found, expected, near=_near(term, known))


def _terms(resource: Resource, field: Field) -> Iterator[tuple[str, str, Collection[str]]]:
    """Terms that our own properties name and no vocabulary has: the property, the term, those."""
    types = resource["event_type"].enum if "event_type" in resource.field_names else ()
    modes: dict[str, list[str]] = field.raw.get("gazadata:modes", {})
    named: tuple[tuple[str, Iterable[str], tuple[str, ...]], ...] = (
        ("gazadata:modes", modes, types),
        ("gazadata:modes", chain.from_iterable(modes.values()), field.enum),
        ("gazadata:recipientRequired", field.raw.get("gazadata:recipientRequired", ()), field.enum),
        ("gazadata:quadClass", field.raw.get("gazadata:quadClass", ()), field.enum),
    )
    for key, terms, known in named:
        for term in dict.fromkeys(terms):
            if term not in known:
                yield key, term, known


def _near(name: str, known: Iterable[str]) -> str | None:
    return next(iter(difflib.get_close_matches(name, list(known), n=1)), None)


def dotted(at: At) -> str:
    """A way as findings show it, such as constraints.enum[2]."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in at)
    return "".join(steps).removeprefix(".")


def _is_time(created: str) -> bool:
    if not _CREATED.fullmatch(created):
        return False
    try:
        datetime.fromisoformat(created)
    except ValueError:
        return False
    return True


def _is_whole(pattern: str) -> bool:
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


FORMATS = {
    "version": lambda text: parse(text) is not None,
    "time": _is_time,
    "folded": lambda text: text == fold(text),
    "whole": _is_whole,
}
"""How the formats that descriptor.schema.json names are checked."""
