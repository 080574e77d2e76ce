"""The part of JSON Schema that contract.schema.json uses, with the place of each mistake.

The package `jsonschema` has the same results (a test compares them), but importing it takes longer
than reading the contract, which every command does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gazadata.contract.strict_json import At

Schema = dict[str, Any]

_SHOWN = 200
"""How many characters of a value a message repeats."""

_TYPES: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: type(value) is int,
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}


@dataclass(frozen=True)
class Mismatch:
    """A value that `schema` rejects, or a member `name` of it that is missing or unknown."""

    at: At
    keyword: str
    schema: Schema
    value: Any
    name: str = ""
    owner: str = ""
    """The title of the schema that requires `name`, or does not define it."""


@dataclass(frozen=True)
class Checker:
    """A schema's definitions, and a function for each `format` in them."""

    definitions: Mapping[str, Schema]
    formats: Mapping[str, Callable[[str], bool]]

    def mismatches(self, schema: Schema, value: Any, at: At = ()) -> Iterator[Mismatch]:
        """All mismatches of a value, but only the first for each of its parts."""
        schema = self._resolved(schema)
        for keyword, wanted in schema.items():
            if keyword in _REFUSES and _REFUSES[keyword](self, wanted, value):
                yield Mismatch(at, keyword, schema, value)
                return
        if isinstance(value, list) and "items" in schema:
            for number, item in enumerate(value):
                yield from self.mismatches(schema["items"], item, (*at, number))
        if isinstance(value, dict):
            yield from self._of_object(schema, value, at)
        for part in schema.get("allOf", ()):
            yield from self.mismatches(part, value, at)
        if "if" in schema:
            # A value without mismatches meets the condition.
            branch = "else" if any(self.mismatches(schema["if"], value)) else "then"
            yield from self.mismatches(schema.get(branch, {}), value, at)

    def _of_object(self, schema: Schema, value: dict[str, Any], at: At) -> Iterator[Mismatch]:
        known, others = schema.get("properties", {}), schema.get("additionalProperties", {})
        title = schema.get("title", "")
        for name, inner in value.items():
            if name in known or others:
                yield from self.mismatches(known.get(name, others), inner, (*at, name))
            elif others is False:
                yield Mismatch((*at, name), "additionalProperties", schema, inner, name, title)
        for name in schema.get("required", ()):
            if name not in value:
                missing = self._resolved(known.get(name, {}))
                yield Mismatch(at, "required", missing, value, name, title)

    def _resolved(self, schema: Schema) -> Schema:
        while "$ref" in schema:
            schema = self.definitions[schema["$ref"].rpartition("/")[2]]
        return schema


def dotted(at: At) -> str:
    """A path to a value as shown in messages, such as constraints.enum[2]."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in at)
    return "".join(steps).removeprefix(".")


def as_json(value: Any) -> str:
    """A value as JSON, shortened."""
    return json.dumps(value, ensure_ascii=False)[:_SHOWN]


def _same(one: Any, other: Any) -> bool:
    """Whether two values are equal in JSON, where true is not 1."""
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _repeats(value: Any) -> bool:
    """Whether a list has two equal items."""
    return isinstance(value, list) and any(
        _same(one, other) for number, one in enumerate(value) for other in value[:number]
    )


_REFUSES: dict[str, Callable[[Checker, Any, Any], bool]] = {
    "type": lambda _, wanted, value: not _TYPES[wanted](value),
    "const": lambda _, wanted, value: not _same(wanted, value),
    "enum": lambda _, wanted, value: not any(_same(one, value) for one in wanted),
    "pattern": lambda _, wanted, value: isinstance(value, str) and not re.search(wanted, value),
    "minimum": lambda _, wanted, value: type(value) is int and value < wanted,
    "maximum": lambda _, wanted, value: type(value) is int and value > wanted,
    "minLength": lambda _, wanted, value: isinstance(value, str) and len(value) < wanted,
    "minItems": lambda _, wanted, value: isinstance(value, list) and len(value) < wanted,
    "maxItems": lambda _, wanted, value: isinstance(value, list) and len(value) > wanted,
    "uniqueItems": lambda _, wanted, value: wanted and _repeats(value),
    "format": lambda of, wanted, value: isinstance(value, str) and not of.formats[wanted](value),
    "not": lambda of, wanted, value: not any(of.mismatches(wanted, value)),
    "anyOf": lambda of, wanted, value: all(any(of.mismatches(one, value)) for one in wanted),
}
"""For each keyword, whether it rejects a value."""
