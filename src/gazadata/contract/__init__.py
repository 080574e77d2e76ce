"""The contract: datapackage.json and schemas/*.json as plain objects.

Everything else (Arrow, pandera, SQL, the data dictionary, all metadata) is compiled from these
objects. They use only the standard library, so reading the contract costs next to nothing. Reading
rejects what these objects cannot hold; `gazadata validate` checks the rest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from gazadata import sniff
from gazadata.contract.json_schema import as_json, dotted
from gazadata.contract.schema import UNREADABLE, problems
from gazadata.contract.strict_json import At, read_json
from gazadata.errors import ContractError, UnknownName

Type = Literal["string", "integer", "boolean", "date"]

INTEGER = r"^(0|-?[1-9][0-9]*)$"
"""The form of a whole number in a table, for Python and for Polars."""
DATE = r"^([0-9]{3}[1-9]|[0-9]{2}[1-9]0|[0-9][1-9]00|[1-9]000)-[0-9]{2}-[0-9]{2}$"
"""The form of a date; from the year 0001 on, the first that Python and other readers support."""

DESCRIPTOR = "datapackage.json"

CUES = ("gazadata:hedgeCues", "gazadata:attributionCues")
"""Properties of the package that list the cue words of GD351."""


@dataclass(frozen=True)
class _Document:
    """A descriptor or a schema: the file it is in, and where in that file."""

    raw: dict[str, Any]
    file: str
    base: At = ()

    def check(self, kind: str, list_name: str) -> None:
        """Reject what no contract can be read from: a wrong form, or a name that occurs twice."""
        for problem in problems(kind, self.raw):
            if problem.code == UNREADABLE:
                raise self.wrong(problem.at, problem.expected, problem.found)
        names: set[str] = set()
        for number, part in enumerate(self.raw[list_name]):
            if part["name"] in names:
                found = f"the name {part['name']!r} occurs twice"
                raise self.wrong((list_name, number), "each name once", found)
            names.add(part["name"])

    def wrong(self, at: At, expected: str, found: str = "") -> ContractError:
        """The error that the value at `at` is not as expected."""
        if not found:
            value: Any = self.raw
            for step in at:
                value = value[step]
            found = f"{dotted(at)} {as_json(value)}"
        owner = ""
        if at[0] in ("resources", "fields") and len(at) > 2 and at[-1] != "name":
            part = self.raw[str(at[0])][at[1]]
            owner = f"{str(at[0])[:-1]} {part['name']!r}: " if "name" in part else ""
        at = (*self.base, *at)
        return ContractError(f"{owner}{found}", expected=expected, file=self.file, at=at)


@dataclass(frozen=True)
class ForeignKey:
    """A field that holds the primary key of a row of `resource`, which may be its own table."""

    field: str
    resource: str
    target: str


@dataclass(frozen=True)
class Field:
    """A column: its name, type and constraints from the Table Schema."""

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
        """The label of each term of the vocabulary; the term itself if it has none."""
        return {term: self.labels.get(term, term) for term in self.enum}

    @classmethod
    def of(cls, raw: dict[str, Any]) -> Field:
        """The field for a descriptor that contract.schema.json accepts."""
        constraints = raw.get("constraints", {})
        return cls(
            name=raw["name"],
            type=raw["type"],
            title=raw.get("title", ""),
            description=raw.get("description", ""),
            required=constraints.get("required", False),
            unique=constraints.get("unique", False),
            enum=tuple(constraints.get("enum", ())),
            labels={str(one["value"]): str(one["label"]) for one in raw.get("categories", ())},
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
    """A table: its fields in order, its keys, and the path of its rows in the package."""

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

    @cached_property
    def proven_fields(self) -> tuple[str, ...]:
        """The names of the fields whose cells need evidence."""
        return tuple(field.name for field in self.fields if field.evidence_required)

    def __getitem__(self, name: str) -> Field:
        for field in self.fields:
            if field.name == name:
                return field
        raise UnknownName("field", name, list(self.field_names), f" in {self.name}")

    @property
    def schema_path(self) -> str:
        """The path in the package of the file with the schema."""
        schema = self.descriptor.get("schema")
        return schema if isinstance(schema, str) else DESCRIPTOR

    def target(self, field: str) -> str | None:
        """The resource that `field` refers to, or None if it is not a foreign key."""
        return next((fk.resource for fk in self.foreign_keys if fk.field == field), None)

    @classmethod
    def read(cls, descriptor: dict[str, Any], schema: dict[str, Any], where: str) -> Resource:
        """Read a resource from its descriptor and its Table Schema, which is in the file `where`.

        Raises:
            ContractError: a part that every table needs is missing or has a wrong form.
        """
        return cls._of(descriptor, _Document(schema, where))

    @classmethod
    def _of(cls, descriptor: dict[str, Any], document: _Document) -> Resource:
        document.check("schema", "fields")
        schema = document.raw
        fields = tuple(Field.of(raw) for raw in schema["fields"])
        names = {field.name for field in fields}
        (key,) = _names(schema["primaryKey"])
        if key not in names:
            raise document.wrong(("primaryKey",), "the name of exactly one field")
        unique_keys = tuple(tuple(_names(unique)) for unique in schema.get("uniqueKeys", ()))
        for number, unique in enumerate(unique_keys):
            if set(unique) - names or len(set(unique)) != len(unique):
                raise document.wrong(("uniqueKeys", number), "names of fields, each once")
        label = schema.get("gazadata:label")
        if label is not None and label not in names:
            raise document.wrong(("gazadata:label",), "the name of a field")
        foreign_keys: dict[str, ForeignKey] = {}
        for number, raw in enumerate(schema.get("foreignKeys", ())):
            (field,), (target,) = _names(raw["fields"]), _names(raw["reference"]["fields"])
            if field not in names or field in foreign_keys:
                raise document.wrong(("foreignKeys", number), "a field without another foreign key")
            resource = raw["reference"].get("resource") or descriptor["name"]
            foreign_keys[field] = ForeignKey(field, resource, target)
        return cls(
            name=descriptor["name"],
            title=schema.get("title", ""),
            description=schema.get("description", ""),
            path=descriptor.get("path", ""),
            fields=fields,
            key=key,
            foreign_keys=tuple(foreign_keys.values()),
            unique_keys=unique_keys,
            label=label,
            schema=schema,
            descriptor=descriptor,
        )


@dataclass(frozen=True)
class Contract:
    """The contract of a package: its descriptor and its resources, in the descriptor's order."""

    descriptor: dict[str, Any]
    resources: dict[str, Resource]

    @property
    def name(self) -> str:
        """The package's name."""
        return str(self.descriptor.get("name", ""))

    @property
    def title(self) -> str:
        """The package's title, else its name."""
        return str(self.descriptor.get("title") or self.name)

    def objects(self, name: str) -> list[dict[str, Any]]:
        """The objects in a list of the descriptor, such as `licenses`; it may have any form."""
        listed = self.descriptor.get(name)
        return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []

    @property
    def version(self) -> str:
        """The version of the data, which is only in the descriptor."""
        return str(self.descriptor.get("version", ""))

    @property
    def hedge_cues(self) -> tuple[str, ...]:
        """The words that mark a quote as hedged (GD351)."""
        return tuple(self.descriptor.get("gazadata:hedgeCues", ()))

    @property
    def attribution_cues(self) -> tuple[str, ...]:
        """The words that mark a quote as somebody's statement (GD351)."""
        return tuple(self.descriptor.get("gazadata:attributionCues", ()))

    def __getitem__(self, name: str) -> Resource:
        try:
            return self.resources[name]
        except KeyError:
            raise UnknownName("table", name, list(self.resources)) from None

    def referrers(self, name: str) -> list[tuple[Resource, ForeignKey]]:
        """Every foreign key in the package that refers to the resource `name`."""
        return [
            (resource, fk)
            for resource in self.resources.values()
            for fk in resource.foreign_keys
            if fk.resource == name
        ]

    @classmethod
    def read(cls, root: Path, prepare: Callable[[Any], Any] = lambda raw: raw) -> Contract:
        """Read the contract of the package in the folder `root`.

        A schema is in the descriptor itself or in its own file. The content of each file is passed
        through `prepare`.

        Raises:
            ContractError: the descriptor or a schema is missing, is not JSON or lacks a part.
        """
        package = _Document(prepare(read_json(root / DESCRIPTOR)), DESCRIPTOR)
        package.check("package", "resources")
        schemas, resources = {}, {}
        for number, raw in enumerate(package.raw["resources"]):
            at, name = ("resources", number, "schema"), raw["name"]
            if isinstance(raw["schema"], str):
                schema = prepare(_read_schema(root, raw["schema"], package, at))
                schemas[name] = _Document(schema, raw["schema"])
            else:
                schemas[name] = _Document(raw["schema"], DESCRIPTOR, at)
            resources[name] = Resource._of(raw, schemas[name])
        keys = [(name, fk) for name, one in resources.items() for fk in one.foreign_keys]
        needed = Counter(fk.resource for name, fk in keys if fk.resource != name)
        for name, resource in resources.items():
            for number, fk in enumerate(resource.foreign_keys):
                missing = fk.resource not in resources
                if missing and _is_lacking(fk, resource, resources, needed):
                    expected = f"the resource {fk.resource!r}, which a foreign key of {name} needs"
                    raise package.wrong(("resources",), expected, f"no resource {fk.resource!r}")
                if missing or fk.target != resources[fk.resource].key:
                    at = ("foreignKeys", number, "reference")
                    raise schemas[name].wrong(at, "a table of this package, and its primary key")
        return cls(package.raw, resources)


def _is_lacking(
    fk: ForeignKey, resource: Resource, resources: dict[str, Resource], needed: Counter[str]
) -> bool:
    """Whether the descriptor lacks the target of a key; otherwise the key names the wrong one.

    If no table has the key `actor_id` any more, the descriptor lacks `actors`. If one key points to
    `actor` and others to `actors`, which is there, it is that key that is wrong.
    """
    meant = next((one for one in resources.values() if one.key == fk.target), None)
    if meant and needed[meant.name]:
        return False
    return meant is not resource or needed[fk.resource] > 1


def _read_schema(root: Path, path: str, package: _Document, at: At) -> dict[str, Any]:
    """The schema in a file that the descriptor names at `at`."""
    try:
        file = inside(root, path)
        present = file.is_file()
    except ContractError as error:
        expected = "a path in the package, such as schemas/events.json"
        raise package.wrong(at, expected, error.found) from None
    if not present:
        other = sniff.absent(file)
        found = f"no file {path}" + (f": found {other}" if other else "")
        raise package.wrong(at, "the file that the descriptor names", found)
    return read_json(file, path)


def inside(root: Path, path: str) -> Path:
    """`root / path`, unless it would leave `root` by `..`, an absolute path or a link.

    Raises:
        ContractError: the path is outside the package.
    """
    target = root / path
    wrong = not path or not path.isprintable() or "\\" in path or path.endswith(("/", "/."))
    if wrong or Path(path).is_absolute():
        raise ContractError(f"{path!r} is not a relative path with forward slashes")
    try:
        if not target.resolve().is_relative_to(root.resolve()):
            other = sniff.absent(target)
            instead = f": found {other}" if other else ""
            raise ContractError(f"{path!r} is outside the package{instead}")
        target.is_file()
    except OSError as error:
        raise ContractError(f"{path!r} cannot be resolved: {error.strerror}") from None
    except (RuntimeError, UnicodeError):
        # A cycle of links (an OSError from Python 3.13 on), or half of a surrogate pair.
        raise ContractError(f"{path!r} cannot be resolved") from None
    return target


def _names(value: str | Sequence[str]) -> Sequence[str]:
    """The fields of a key in a Table Schema, which may be one name or a list of names."""
    return [value] if isinstance(value, str) else value
