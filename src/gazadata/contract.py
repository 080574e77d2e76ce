"""The contract: what datapackage.json and schemas/*.json promise, as plain objects.

Everything else (Arrow, pandera, SQL, the data dictionary, all metadata) is compiled from these
objects. Standard library only, so that reading the contract costs next to nothing.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from gazadata.errors import ContractError, UnknownName

Type = Literal["string", "integer", "boolean", "date"]
TYPES: tuple[Type, ...] = ("string", "integer", "boolean", "date")

NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_-])?")
"""A name of a package or a resource: releases and their tables are files that are called by it."""
CUES = ("gazadata:hedgeCues", "gazadata:attributionCues")
"""Properties of the package that list words at which an alarm looks at a quote."""

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_LARGEST = 1 << 26
_DEEPEST = 64
"""Bytes of a descriptor or a schema, and how deep it is nested: far more than any needs."""


@dataclass(frozen=True)
class ForeignKey:
    """One field that holds the primary key of a row of `resource` (perhaps its own)."""

    field: str
    resource: str
    target: str


@dataclass(frozen=True)
class Field:
    """One column: its name, type and constraints as the Table Schema states them."""

    name: str
    type: Type
    title: str
    description: str
    required: bool
    unique: bool
    enum: tuple[str, ...]
    labels: dict[str, str]
    ordered: bool
    pattern: str | None
    minimum: int | None
    format: str | None
    evidence_required: bool
    verbatim: bool
    raw: dict[str, Any]

    @property
    def terms(self) -> dict[str, str]:
        """The label of each term of the vocabulary: the term itself where it has none."""
        return {term: self.labels.get(term, term) for term in self.enum}

    @classmethod
    def read(cls, raw: dict[str, Any], where: str) -> Field:
        """Read one field descriptor.

        Raises:
            ContractError: the type is none of the four in use, or a key has a wrong type.
        """
        if not isinstance(raw, dict) or not isinstance(raw.get("name"), str):
            raise ContractError(f"{where}: a field without a name")
        if raw["name"].startswith("__"):
            # Columns of our own are called so while tables are validated.
            raise ContractError(f"{where}: field {raw['name']!r}: a name may not begin with __")
        if raw.get("type") not in TYPES:
            raise ContractError(
                f"{where}: field {raw['name']!r} has type {raw.get('type')!r}; "
                f"expected one of {', '.join(TYPES)}"
            )
        constraints = raw.get("constraints", {})
        categories = raw.get("categories", [])
        if not isinstance(constraints, dict) or not isinstance(categories, list):
            raise ContractError(
                f"{where}: field {raw['name']!r}: constraints is to be an object, categories a list"
            )
        wrongs = chain(_wrong_constraints(raw["type"], constraints), _wrong_properties(raw))
        if wrong := next(wrongs, None):
            raise ContractError(f"{where}: field {raw['name']!r}: {wrong}")
        try:
            labels = {str(c["value"]): str(c["label"]) for c in categories}
        except (KeyError, TypeError):
            raise ContractError(
                f"{where}: field {raw['name']!r}: each category needs a value and a label"
            ) from None
        return cls(
            name=raw["name"],
            type=raw["type"],
            title=raw.get("title", ""),
            description=raw.get("description", ""),
            required=constraints.get("required", False),
            unique=constraints.get("unique", False),
            enum=tuple(constraints.get("enum", ())),
            labels=labels,
            ordered=raw.get("categoriesOrdered", False),
            pattern=constraints.get("pattern"),
            minimum=constraints.get("minimum"),
            format=raw.get("format"),
            evidence_required=raw.get("gazadata:evidence") == "required",
            verbatim=raw.get("gazadata:verbatim", False),
            raw=raw,
        )


@dataclass(frozen=True)
class Resource:
    """One table: its fields in order, its keys, and where its rows lie in the package."""

    name: str
    title: str
    description: str
    path: str
    fields: tuple[Field, ...]
    key: str
    foreign_keys: tuple[ForeignKey, ...]
    unique_keys: tuple[tuple[str, ...], ...]
    label: str | None
    schema: dict[str, Any]
    descriptor: dict[str, Any]

    @cached_property
    def field_names(self) -> tuple[str, ...]:
        """The names of the fields, in order."""
        return tuple(field.name for field in self.fields)

    def __getitem__(self, name: str) -> Field:
        for field in self.fields:
            if field.name == name:
                return field
        raise UnknownName(f"field in {self.name}", name, list(self.field_names))

    def target(self, field: str) -> str | None:
        """The resource that `field` points to, or None where it is no foreign key."""
        return next((fk.resource for fk in self.foreign_keys if fk.field == field), None)

    @classmethod
    def read(cls, descriptor: dict[str, Any], schema: dict[str, Any], where: str) -> Resource:
        """Read one resource from its descriptor and its Table Schema.

        Raises:
            ContractError: a part that every table here needs is missing or has a wrong form.
        """
        name = descriptor["name"]
        if not isinstance(descriptor.get("path", ""), str):
            raise ContractError(
                f"datapackage.json: the resource {name!r} must have one path, a string"
            )
        for text in ("title", "description"):
            if not isinstance(schema.get(text, ""), str):
                raise ContractError(f"{where}: {text} must be a string")
        if not isinstance(schema.get("fields"), list) or not schema["fields"]:
            raise ContractError(f"{where}: no list of fields")
        fields = tuple(Field.read(raw, where) for raw in schema["fields"])
        names = [field.name for field in fields]
        if twice := {n for n in names if names.count(n) > 1}:
            raise ContractError(f"{where}: the field {min(twice)!r} stands twice")
        key = _names(schema.get("primaryKey"))
        if len(key) != 1 or key[0] not in names:
            raise ContractError(f"{where}: primaryKey must name exactly one of the fields")
        raw_keys = schema.get("uniqueKeys", [])
        if not isinstance(raw_keys, list):
            raise ContractError(f"{where}: uniqueKeys must be a list")
        unique_keys = tuple(tuple(_names(unique)) for unique in raw_keys)
        for unique in unique_keys:
            if not unique or set(unique) - set(names):
                raise ContractError(f"{where}: uniqueKeys names what is no field: {unique}")
            if len(set(unique)) != len(unique):
                raise ContractError(f"{where}: uniqueKeys names a field twice: {unique}")
        label = schema.get("gazadata:label")
        if label is not None and label not in names:
            raise ContractError(f"{where}: gazadata:label names {label!r}, which is no field")
        return cls(
            name=name,
            title=schema.get("title", ""),
            description=schema.get("description", ""),
            path=descriptor.get("path", ""),
            fields=fields,
            key=key[0],
            foreign_keys=_foreign_keys(schema, name, names, where),
            unique_keys=unique_keys,
            label=label,
            schema=schema,
            descriptor=descriptor,
        )


@dataclass(frozen=True)
class Contract:
    """A whole package's promise: its descriptor and its resources, in the descriptor's order."""

    descriptor: dict[str, Any]
    resources: dict[str, Resource]

    @property
    def name(self) -> str:
        """The package's name."""
        return str(self.descriptor.get("name", ""))

    @property
    def version(self) -> str:
        """The version of the data, which stands nowhere else than in the descriptor."""
        return str(self.descriptor.get("version", ""))

    @property
    def hedge_cues(self) -> tuple[str, ...]:
        """The words that make the hedge alarm look at a quote."""
        return tuple(self.descriptor.get("gazadata:hedgeCues", ()))

    @property
    def attribution_cues(self) -> tuple[str, ...]:
        """The words that make the attribution alarm look at a quote."""
        return tuple(self.descriptor.get("gazadata:attributionCues", ()))

    def __getitem__(self, name: str) -> Resource:
        try:
            return self.resources[name]
        except KeyError:
            raise UnknownName("resource", name, list(self.resources)) from None

    def referrers(self, name: str) -> list[tuple[Resource, ForeignKey]]:
        """Every foreign key in the package that points to the resource `name`."""
        return [
            (resource, fk)
            for resource in self.resources.values()
            for fk in resource.foreign_keys
            if fk.resource == name
        ]

    @classmethod
    def read(cls, root: Path) -> Contract:
        """Read the contract of the package in the folder `root`.

        A schema may stand in the descriptor itself or in a file of its own.

        Raises:
            ContractError: the descriptor or a schema is missing, is not JSON or lacks a part.
        """
        descriptor = read_json(root / "datapackage.json")
        if "name" in descriptor:
            _fit_for_files(descriptor["name"])
        for name in CUES:
            cues = descriptor.get(name, [])
            if not _texts(cues) or not all(cues):
                raise ContractError(f"datapackage.json: {name} must be a list of words")
        listed = descriptor.get("resources")
        if not isinstance(listed, list) or not listed:
            raise ContractError("datapackage.json: no list of resources")
        resources: dict[str, Resource] = {}
        for raw in listed:
            if not isinstance(raw, dict) or not isinstance(raw.get("name"), str):
                raise ContractError("datapackage.json: a resource without a name")
            _fit_for_files(raw["name"])
            if raw["name"] in resources:
                raise ContractError(f"datapackage.json: the resource {raw['name']!r} stands twice")
            schema = raw.get("schema")
            where = "datapackage.json"
            if isinstance(schema, str):
                where = schema
                schema = read_json(inside(root, schema), schema)
            if not isinstance(schema, dict):
                raise ContractError(f"datapackage.json: the resource {raw['name']!r} has no schema")
            resources[raw["name"]] = Resource.read(raw, schema, where)
        for resource in resources.values():
            for fk in resource.foreign_keys:
                if fk.resource not in resources or fk.target != resources[fk.resource].key:
                    raise ContractError(
                        f"resource {resource.name!r}: the foreign key {fk.field!r} must point to "
                        f"the primary key of a resource of this package, "
                        f"not to {fk.resource!r}, field {fk.target!r}"
                    )
        return cls(descriptor, resources)


def _fit_for_files(name: Any) -> None:
    """Refuse a name that cannot be one of files: releases and their tables are called by it."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise ContractError(
            f"datapackage.json: the name {name!r} must be of letters, digits, '_', '-' and '.', "
            "which neither begins nor ends it"
        )


def inside(root: Path, path: str) -> Path:
    """`root / path`, refused where it would leave `root` by `..`, an absolute path or a link.

    Raises:
        ContractError: the path leads out of the package.
    """
    target = root / path
    wrong = not path or not path.isprintable() or "\\" in path or path.endswith(("/", "/."))
    if wrong or Path(path).is_absolute():
        raise ContractError(f"{path!r} is not a relative path with forward slashes")
    try:
        if not target.resolve().is_relative_to(root.resolve()):
            raise ContractError(f"{path!r} leads out of the package{_is_instead(target)}")
        target.is_file()
    except OSError as error:
        raise ContractError(f"{path!r} cannot be resolved: {error.strerror}") from None
    except (RuntimeError, UnicodeError):
        # A circle of links (an OSError from Python 3.13 on), or half of a surrogate pair.
        raise ContractError(f"{path!r} cannot be resolved") from None
    return target


def read_json(path: Path, shown: str | None = None) -> dict[str, Any]:
    """Read a JSON object; errors call the file `shown` (None: its name).

    Raises:
        ContractError: there is no such file, or it is not UTF-8, not JSON or not an object, or it
            states something twice.
    """
    shown = shown or path.name
    try:
        # What is no file, such as a pipe, could be read for ever.
        if not path.is_file():
            raise ContractError(f"{shown}: no such file in {path.parent}{_is_instead(path)}")
        if path.stat().st_size > _LARGEST:
            raise ContractError(f"{shown}: larger than {_LARGEST:,} bytes")
        content = path.read_bytes()
    except OSError as error:
        raise ContractError(f"{shown}: cannot be read: {error.strerror}") from None
    return parse_json(content, shown)


def parse_json(content: bytes, shown: str) -> dict[str, Any]:
    """Read a JSON object out of `content`; errors call it `shown`.

    Raises:
        ContractError: it is not UTF-8, not JSON or not an object, or it states something twice.
    """
    try:
        text = content.decode("utf-8")
        value = json.loads(
            text, object_pairs_hook=_once, parse_constant=_no_number, parse_float=_finite
        )
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ContractError(_not_json(content, shown, error)) from None
    except _RefusedError as error:
        raise ContractError(f"{shown}: {error}") from None
    except ValueError:
        raise ContractError(f"{shown}: holds a number that is too long") from None
    except RecursionError:
        raise ContractError(f"{shown}: nested too deeply to be read") from None
    if not isinstance(value, dict):
        raise ContractError(f"{shown}: a JSON object is expected, not {type(value).__name__}")
    if _too_deep(value):
        raise ContractError(f"{shown}: nested too deeply to be read")
    if _SURROGATE.search(text):
        try:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
        except UnicodeEncodeError:
            raise ContractError(f"{shown}: holds half of a surrogate pair") from None
    return value


def _not_json(content: bytes, shown: str, error: UnicodeDecodeError | json.JSONDecodeError) -> str:
    from gazadata import sniff

    if other := sniff.content(content):
        return f"{shown}:{other.line}:1: found {other}"
    if isinstance(error, UnicodeDecodeError):
        return f"{shown}: not UTF-8 at byte {error.start}"
    return f"{shown}:{error.lineno}:{error.colno}: not JSON: {error.msg}"


def _is_instead(path: Path) -> str:
    """What is in the place of a file that cannot be read there, to end a sentence with."""
    from gazadata import sniff

    other = sniff.absent(path)
    return f": found {other}" if other else ""


class _RefusedError(ValueError):
    """What Python reads, and other readers of JSON do not, or otherwise."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _RefusedError(f"{twice!r} stands twice in one object")
    return value


def _no_number(constant: str) -> None:
    raise _RefusedError(f"holds {constant}, which is not JSON")


def _finite(number: str) -> float:
    """A number that can be written again: Python would write what is too large as Infinity."""
    value = float(number)
    if math.isinf(value):
        raise _RefusedError(f"holds {number[:40]}, which is too large")
    return value


def _too_deep(value: Any) -> bool:
    """Whether lists and objects stand in each other more than `_DEEPEST` times.

    What can just be read could not be compared or printed without meeting Python's own limit.
    """
    level = [value]
    for _ in range(_DEEPEST):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return False
    return True


def _wrong_constraints(kind: str, constraints: dict[str, Any]) -> Iterator[str]:
    """What is wrong with the form of a field's constraints; only the first can be relied on."""
    for flag in ("required", "unique"):
        if not isinstance(constraints.get(flag, False), bool):
            yield f"{flag} must be true or false"
    if "enum" in constraints:
        enum = constraints["enum"]
        if not _texts(enum) or not enum or kind != "string":
            yield "enum must be a list of strings, on a field of type string"
        if len(set(enum)) != len(enum):
            yield "enum holds a term twice"
    pattern, minimum = constraints.get("pattern"), constraints.get("minimum")
    if pattern is not None:
        if not isinstance(pattern, str) or kind != "string":
            yield "pattern must be a string, on a field of type string"
        try:
            re.compile(pattern)
        except (re.error, RecursionError, OverflowError) as error:
            yield f"pattern is no regular expression: {error}"
    if minimum is not None and (type(minimum) is not int or kind != "integer"):
        yield "minimum must be an integer, on a field of type integer"
    if minimum is not None and abs(minimum) >= 1 << 63:
        yield "minimum must fit into 64 bits"


def _wrong_properties(raw: dict[str, Any]) -> Iterator[str]:
    """What is wrong with the form of a field's other properties; as above."""
    for text in ("title", "description", "format"):
        if not isinstance(raw.get(text, ""), str):
            yield f"{text} must be a string"
    modes = raw.get("gazadata:modes", {})
    if not isinstance(modes, dict) or not all(map(_texts, modes.values())):
        yield "gazadata:modes must give a list of modes for each type"
    if not _texts(raw.get("gazadata:recipientRequired", [])):
        yield "gazadata:recipientRequired must be a list of types"
    quad = raw.get("gazadata:quadClass", {})
    if not isinstance(quad, dict) or not _texts(list(quad.values())):
        yield "gazadata:quadClass must give a class for each type"
    definitions = raw.get("gazadata:definitions", {})
    if not isinstance(definitions, dict) or not _texts(list(definitions.values())):
        yield "gazadata:definitions must give a text for each term"
    for flag in ("categoriesOrdered", "gazadata:verbatim", "gazadata:reference"):
        if not isinstance(raw.get(flag, False), bool):
            yield f"{flag} must be true or false, without quotation marks"


def _foreign_keys(
    schema: dict[str, Any], own: str, names: list[str], where: str
) -> tuple[ForeignKey, ...]:
    """The foreign keys of a schema; one without a resource points into the table itself."""
    raw_keys = schema.get("foreignKeys", [])
    if not isinstance(raw_keys, list):
        raise ContractError(f"{where}: foreignKeys must be a list")
    keys: list[ForeignKey] = []
    for raw in raw_keys:
        try:
            (field,) = _names(raw["fields"])
            (target,) = _names(raw["reference"]["fields"])
            resource = raw["reference"].get("resource") or own
            if not isinstance(resource, str):
                raise TypeError
        except (KeyError, TypeError, ValueError, AttributeError):
            raise ContractError(
                f"{where}: a foreign key needs one field and a reference with one field"
            ) from None
        if field not in names:
            raise ContractError(f"{where}: a foreign key names {field!r}, which is no field")
        if any(key.field == field for key in keys):
            raise ContractError(f"{where}: two foreign keys of the field {field!r}; one is meant")
        keys.append(ForeignKey(field, resource, target))
    return tuple(keys)


def _texts(value: Any) -> bool:
    """Whether a value is a list of strings."""
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _names(value: Any) -> list[str]:
    """A key in a Table Schema, which may be one name or a list of names."""
    names = [value] if isinstance(value, str) else value
    return names if _texts(names) else []
