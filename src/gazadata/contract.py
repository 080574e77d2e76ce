"""The contract: what datapackage.json and schemas/*.json promise, as plain objects.

Everything else (Arrow, pandera, SQL, the data dictionary, all metadata) is compiled from these
objects. Standard library only, so that reading the contract costs next to nothing. Reading refuses
what these objects cannot hold; what else a descriptor may say is for `gazadata validate` to check.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from gazadata import sniff
from gazadata.errors import ContractError, UnknownName
from gazadata.strict_json import At, read_json

Type = Literal["string", "integer", "boolean", "date"]
TYPES: tuple[Type, ...] = ("string", "integer", "boolean", "date")

NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_-])?")
"""A name of a package or a resource: releases and their tables are files that are called by it."""

_SHOWN = 80
"""Characters of a value that an error repeats."""


class Part:
    """One object of a descriptor or a schema, and where it is."""

    def __init__(self, raw: dict[str, Any], file: str, at: At = (), owner: str = "") -> None:
        self.raw, self.file, self.at = raw, file, at
        self.owner = owner and f"{owner}: "
        """Whose object it is, to begin an error with."""

    def wrong(self, found: str, expected: str, *key: str | int) -> ContractError:
        """The error that the value of `key` (none: the object itself) is not as expected."""
        at = (*self.at, *key)
        return ContractError(f"{self.owner}{found}", expected=expected, file=self.file, at=at)

    def not_as(self, expected: str, key: str) -> ContractError:
        """The error that the value of `key` is not as expected."""
        shown = json.dumps(self.raw.get(key), ensure_ascii=False)[:_SHOWN]
        return self.wrong(f"{key} {shown}" if key in self.raw else f"no {key}", expected, key)

    def text(self, key: str) -> str:
        """A text, empty where there is none."""
        value = self.raw.get(key, "")
        if not isinstance(value, str):
            raise self.not_as("text in quotation marks", key)
        return value

    def flag(self, key: str) -> bool:
        """Whether a property is true; false where it is missing."""
        value = self.raw.get(key, False)
        if not isinstance(value, bool):
            raise self.not_as("true or false, without quotation marks", key)
        return value

    def items(self, key: str) -> list[Any]:
        """A list, empty where there is none."""
        value = self.raw.get(key, [])
        if not isinstance(value, list):
            raise self.not_as("a list: [ … ]", key)
        return value

    def texts(self, key: str, what: str) -> list[str]:
        """A list of texts, empty where there is none."""
        value: list[str] = self.raw.get(key, [])
        if not _texts(value):
            raise self.not_as(f"a list of {what}", key)
        return value

    def object(self, key: str, owner: str = "") -> Part:
        """An object, empty where there is none."""
        value = self.raw.get(key, {})
        if not isinstance(value, dict):
            raise self.not_as("an object: { … }", key)
        return Part(value, self.file, (*self.at, key), owner or self.owner.removesuffix(": "))

    def named(self, key: str, kind: str) -> list[Part]:
        """A list of objects, at least one, each with a name of its own."""
        listed = self.raw.get(key)
        if not isinstance(listed, list) or not listed:
            raise self.wrong(f"no list of {key}", f"{key}, a list of objects", key)
        parts: dict[str, Part] = {}
        for number, raw in enumerate(listed):
            if not isinstance(raw, dict) or not isinstance(raw.get("name"), str):
                raise self.wrong(f"a {kind} without a name", "a name", key, number)
            at, name = (*self.at, key, number), raw["name"]
            if name in parts:
                found = f"the {kind} {name!r} occurs twice"
                raise self.wrong(found, "each name once", key, number)
            parts[name] = Part(raw, self.file, at, f"{kind} {name!r}")
        return list(parts.values())


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
    def read(cls, part: Part) -> Field:
        """Read one field descriptor.

        Raises:
            ContractError: the type is none of the four in use, or a property has a wrong form.
        """
        name, kind = part.text("name"), part.raw.get("type")
        if name.startswith("__"):
            # Validation adds columns of its own that are called so.
            raise part.wrong("a name may not begin with __", "another name", "name")
        if kind not in TYPES:
            raise part.not_as(f"one of {', '.join(TYPES)}", "type")
        constraints = part.object("constraints")
        _check_our_own(part)
        return cls(
            name=name,
            type=kind,
            title=part.text("title"),
            description=part.text("description"),
            required=constraints.flag("required"),
            unique=constraints.flag("unique"),
            enum=_enum(constraints, kind),
            labels=_labels(part),
            ordered=part.flag("categoriesOrdered"),
            pattern=_pattern(constraints, kind),
            minimum=_minimum(constraints, kind),
            format=part.text("format") if "format" in part.raw else None,
            evidence_required=part.raw.get("gazadata:evidence") == "required",
            verbatim=part.flag("gazadata:verbatim"),
            raw=part.raw,
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
        return cls.of(Part(descriptor, "datapackage.json"), Part(schema, where))

    @classmethod
    def of(cls, described: Part, schema: Part) -> Resource:
        """Read one resource from the parts that it is described in; as `read`."""
        path = described.raw.get("path", "")
        if not isinstance(path, str):
            raise described.not_as("one path, as text", "path")
        fields = tuple(Field.read(part) for part in schema.named("fields", "field"))
        names = [field.name for field in fields]
        key = _names(schema.raw.get("primaryKey"))
        if len(key) != 1 or key[0] not in names:
            raise schema.not_as("the name of exactly one field", "primaryKey")
        unique_keys = tuple(tuple(_names(unique)) for unique in schema.items("uniqueKeys"))
        for number, unique in enumerate(unique_keys):
            if not unique or set(unique) - set(names) or len(set(unique)) != len(unique):
                found = f"uniqueKeys with {list(unique)}"
                raise schema.wrong(found, "names of fields, each once", "uniqueKeys", number)
        label = schema.raw.get("gazadata:label")
        if label is not None and label not in names:
            raise schema.not_as("the name of a field", "gazadata:label")
        return cls(
            name=described.raw["name"],
            title=schema.text("title"),
            description=schema.text("description"),
            path=path,
            fields=fields,
            key=key[0],
            foreign_keys=_foreign_keys(schema, described.raw["name"], names),
            unique_keys=unique_keys,
            label=label,
            schema=schema.raw,
            descriptor=described.raw,
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
        """The version of the data, which is only in the descriptor."""
        return str(self.descriptor.get("version", ""))

    @property
    def hedge_cues(self) -> tuple[str, ...]:
        """The words that make the hedge alarm look at a quote."""
        return tuple(self.descriptor.get("gazadata:hedgeCues", ()))

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

        A schema is in the descriptor itself or in a file of its own.

        Raises:
            ContractError: the descriptor or a schema is missing, is not JSON or lacks a part.
        """
        package = Part(read_json(root / "datapackage.json"), "datapackage.json")
        if "name" in package.raw:
            _check_name(package)
        if not all(package.texts("gazadata:hedgeCues", "words")):
            raise package.not_as("words that are not empty", "gazadata:hedgeCues")
        schemas: dict[str, Part] = {}
        resources: dict[str, Resource] = {}
        for part in package.named("resources", "resource"):
            _check_name(part)
            schema, name = part.raw.get("schema"), part.raw["name"]
            if isinstance(schema, str):
                schemas[name] = Part(read_json(_schema_file(root, part), schema), schema)
            elif isinstance(schema, dict):
                schemas[name] = part.object("schema")
            else:
                raise part.not_as("the path of the table's schema, or the schema", "schema")
            resources[name] = Resource.of(part, schemas[name])
        for name, resource in resources.items():
            for number, fk in enumerate(resource.foreign_keys):
                if fk.resource not in resources or fk.target != resources[fk.resource].key:
                    found = f"a foreign key of {fk.field!r} to {fk.resource!r}, field {fk.target!r}"
                    expected = "a resource of this package, and its primary key"
                    raise schemas[name].wrong(found, expected, "foreignKeys", number, "reference")
        return cls(package.raw, resources)


def _check_name(part: Part) -> None:
    """Refuse a name that cannot be one of files: releases and their tables are called by it."""
    name = part.raw["name"]
    if not isinstance(name, str) or not NAME.fullmatch(name):
        expected = "letters, digits, '_', '-' and '.', which neither begins nor ends it"
        raise part.wrong(f"the name {name!r}", expected, "name")


def _schema_file(root: Path, part: Part) -> Path:
    """The file of a resource's schema."""
    try:
        path = inside(root, part.raw["schema"])
        present = path.is_file()
    except ContractError as error:
        expected = "a path in the package, such as schemas/events.json"
        raise part.wrong(error.found, expected, "schema") from None
    if not present:
        # The descriptor is at fault, or the file is missing: the descriptor says where.
        expected = "the file that the descriptor names"
        raise part.wrong(f"no file {part.raw['schema']}", expected, "schema")
    return path


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
            other = sniff.absent(target)
            instead = f": found {other}" if other else ""
            raise ContractError(f"{path!r} leads out of the package{instead}")
        target.is_file()
    except OSError as error:
        raise ContractError(f"{path!r} cannot be resolved: {error.strerror}") from None
    except (RuntimeError, UnicodeError):
        # A circle of links (an OSError from Python 3.13 on), or half of a surrogate pair.
        raise ContractError(f"{path!r} cannot be resolved") from None
    return target


def _enum(constraints: Part, kind: str) -> tuple[str, ...]:
    if "enum" not in constraints.raw:
        return ()
    enum = constraints.raw["enum"]
    if not _texts(enum) or not enum or kind != "string" or len(set(enum)) != len(enum):
        raise constraints.not_as("different texts, on a field of type string", "enum")
    return tuple(enum)


def _pattern(constraints: Part, kind: str) -> str | None:
    pattern = constraints.raw.get("pattern")
    if pattern is None:
        return None
    expected = "a regular expression, on a field of type string"
    if not isinstance(pattern, str) or kind != "string":
        raise constraints.not_as(expected, "pattern")
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        found = f"the pattern {pattern[:_SHOWN]}, which cannot be compiled: {error}"
        raise constraints.wrong(found, expected, "pattern") from None
    return pattern


def _minimum(constraints: Part, kind: str) -> int | None:
    minimum = constraints.raw.get("minimum")
    if minimum is None:
        return None
    if type(minimum) is not int or kind != "integer" or abs(minimum) >= 1 << 63:
        raise constraints.not_as("an integer of 64 bits, on a field of type integer", "minimum")
    return minimum


def _labels(part: Part) -> dict[str, str]:
    """The label of each term."""
    try:
        return {str(one["value"]): str(one["label"]) for one in part.items("categories")}
    except (KeyError, TypeError):
        raise part.not_as("objects, each with a value and a label", "categories") from None


def _check_our_own(part: Part) -> None:
    """Refuse properties of ours in a form that no rule could read."""
    part.flag("gazadata:reference")
    part.texts("gazadata:recipientRequired", "types")
    for key, expected, ok in (
        ("gazadata:modes", "a list of modes for each type", _texts),
        ("gazadata:quadClass", "a class for each type", lambda value: isinstance(value, str)),
    ):
        if key in part.raw and not all(map(ok, part.object(key).raw.values())):
            raise part.not_as(expected, key)


def _foreign_keys(schema: Part, own: str, names: Iterable[str]) -> tuple[ForeignKey, ...]:
    """The foreign keys of a schema; one without a resource points into the table itself."""
    keys: dict[str, ForeignKey] = {}
    for number, raw in enumerate(schema.items("foreignKeys")):
        try:
            (field,) = _names(raw["fields"])
            (target,) = _names(raw["reference"]["fields"])
            resource = raw["reference"].get("resource") or own
            if not isinstance(resource, str):
                raise TypeError
        except (KeyError, TypeError, ValueError, AttributeError):
            found = f"the foreign key {json.dumps(raw, ensure_ascii=False)[:_SHOWN]}"
            expected = "one field, and a reference to one field"
            raise schema.wrong(found, expected, "foreignKeys", number) from None
        if field not in names:
            found = f"a foreign key of {field!r}"
            raise schema.wrong(found, "the name of a field", "foreignKeys", number)
        if field in keys:
            found = f"two foreign keys of the field {field!r}"
            raise schema.wrong(found, "one foreign key of a field", "foreignKeys", number)
        keys[field] = ForeignKey(field, resource, target)
    return tuple(keys.values())


def _texts(value: Any) -> bool:
    """Whether a value is a list of strings."""
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _names(value: Any) -> list[str]:
    """A key in a Table Schema, which may be one name or a list of names."""
    names = [value] if isinstance(value, str) else value
    return names if _texts(names) else []
