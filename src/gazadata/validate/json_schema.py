"""The part of JSON Schema that descriptor.schema.json uses, with a place for each mistake.

The package `jsonschema` says the same (tests compare them), and its import alone takes a tenth of
the time in which the shipped package is validated.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gazadata.strict_json import At

Schema = dict[str, Any]

_TYPES: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: type(value) is int,
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}


@dataclass(frozen=True)
class Mismatch:
    """A value that a schema refuses; `name` is a member that is missing or not known."""

    at: At
    keyword: str
    schema: Schema
    value: Any
    name: str = ""


@dataclass(frozen=True)
class Checker:
    """A schema's definitions, and how each `format` in them is checked."""

    definitions: Mapping[str, Schema]
    formats: Mapping[str, Callable[[str], bool]]

    def mismatches(self, schema: Schema, value: Any, at: At = ()) -> Iterator[Mismatch]:
        """Everything that is wrong with a value; of each part of it, the first alone."""
        if "$ref" in schema:
            schema = self.definitions[schema["$ref"].rpartition("/")[2]]
        for keyword, wanted in schema.items():
            if keyword in _REFUSES and _REFUSES[keyword](self, wanted, value):
                yield Mismatch(at, keyword, schema, value)
                return
        if isinstance(value, list) and "items" in schema:
            for number, item in enumerate(value):
                yield from self.mismatches(schema["items"], item, (*at, number))
        if isinstance(value, dict):
            yield from self._of_object(schema, value, at)

    def _of_object(self, schema: Schema, value: dict[str, Any], at: At) -> Iterator[Mismatch]:
        known = schema.get("properties", {})
        for name, inner in value.items():
            if name in known:
                yield from self.mismatches(known[name], inner, (*at, name))
            elif schema.get("additionalProperties") is False:
                yield Mismatch((*at, name), "additionalProperties", schema, inner, name)
        for name in schema.get("required", ()):
            if name not in value:
                yield Mismatch(at, "required", schema, value, name)
        if "if" in schema:
            branch = "else" if any(self.mismatches(schema["if"], value)) else "then"
            yield from self.mismatches(schema[branch], value, at)


def _same(one: Any, other: Any) -> bool:
    """Whether values are the same in JSON, where true is not 1."""
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


_REFUSES: dict[str, Callable[[Checker, Any, Any], bool]] = {
    "type": lambda _, wanted, value: not _TYPES[wanted](value),
    "const": lambda _, wanted, value: not _same(wanted, value),
    "enum": lambda _, wanted, value: not any(_same(one, value) for one in wanted),
    "pattern": lambda _, wanted, value: isinstance(value, str) and not re.search(wanted, value),
    "minLength": lambda _, wanted, value: isinstance(value, str) and len(value) < wanted,
    "minItems": lambda _, wanted, value: isinstance(value, list) and len(value) < wanted,
    "format": lambda of, wanted, value: isinstance(value, str) and not of.formats[wanted](value),
    "not": lambda of, wanted, value: not any(of.mismatches(wanted, value)),
    "anyOf": lambda of, wanted, value: all(any(of.mismatches(one, value)) for one in wanted),
}
"""Whether a keyword refuses a value."""
