"""What changed between two contracts, and the least version step that each change takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from gazadata.contract import Contract, Field, Resource
from gazadata.contract.version import Level


@dataclass(frozen=True)
class ContractChange:
    """One change of the contract, and the least version step that it takes."""

    resource: str
    field: str | None
    what: str
    level: Level

    def __str__(self) -> str:
        return f"{'.'.join(filter(None, (self.resource, self.field)))}: {self.what}"


Told = list[tuple[str, Level]]
Judge = Callable[[Any, Any], Told]
"""What it means that a property had one value and has another, each None where it is missing."""


def compare_contracts(old: Contract, new: Contract) -> list[ContractChange]:
    """What changed in the contract, each change with the least version step that it takes."""
    changes = [
        ContractChange(name, None, "the resource is gone", "major")
        for name in old.resources
        if name not in new.resources
    ]
    for name, resource in new.resources.items():
        if name not in old.resources:
            changes.append(ContractChange(name, None, "the resource is new", "minor"))
        else:
            changes += _compare_resources(old[name], resource)
    ignored = ("version", "created", "resources")
    before, after = (_without(contract.descriptor, ignored) for contract in (old, new))
    told = _judged(before, after, _OF_PACKAGES)
    kept = [name for name in new.resources if name in old.resources]
    if kept != [name for name in old.resources if name in new.resources]:
        told.append(("the resources have another order", "patch"))
    return changes + [ContractChange("package", None, what, level) for what, level in told]


def _compare_resources(old: Resource, new: Resource) -> list[ContractChange]:
    changes: list[ContractChange] = []

    def say(told: Told, field: str | None = None) -> None:
        changes.extend(ContractChange(new.name, field, what, level) for what, level in told)

    kept = [f for f in new.field_names if f in old.field_names]
    for gone in old.field_names:
        if gone not in new.field_names:
            say([("the field is gone", "major")], gone)
    fresh = {f for f in new.field_names if f not in old.field_names}
    for place, name in enumerate(new.field_names):
        if name in fresh:
            at_end = place >= len(kept)
            what = "the field is new" + ("" if at_end else ", before others")
            say([(what, "minor" if at_end else "major")], name)
    if kept != [f for f in old.field_names if f in new.field_names]:
        say([("the fields have another order", "major")])
    for field_name in kept:
        say(_compare_fields(old[field_name], new[field_name]), field_name)
    before, after = _schema(old), _schema(new)
    fields_of = after["foreignKeys"] | after["uniqueKeys"]

    def of_new_fields(key: str) -> bool:
        return bool(fields_of[key] <= fresh)

    of_keys: dict[str, Judge] = {
        "primaryKey": _becomes("primary key"),
        "foreignKeys": _demands("a foreign key", of_new_fields, gone="major"),
        "uniqueKeys": _demands("a unique key", of_new_fields, gone="minor"),
    }
    say(_judged(before, after, of_keys))
    before, after = (_without(r.descriptor, _BY_THE_WRITER) for r in (old, new))
    say(_judged(before, after, {}))
    # What the schema and the descriptor both have, such as a title, is one change.
    return list(dict.fromkeys(changes))


def _compare_fields(old: Field, new: Field) -> Told:
    before, after = (
        _without(f.raw, ("constraints",)) | f.raw.get("constraints", {}) for f in (old, new)
    )
    if old.enum != new.enum:
        # Terms that come, go or move are told once, of the vocabulary; here labels alone count.
        terms = sorted(old.labels.keys() & new.labels.keys())
        for field, properties in ((old, before), (new, after)):
            properties["categories"] = [{"value": t, "label": field.labels[t]} for t in terms]
    # No other constraint is checked here, but each is one.
    others = {**old.raw.get("constraints", {}), **new.raw.get("constraints", {})}
    judges = {name: _limit(name) for name in others} | _OF_FIELDS
    # No row that was there has a term that is new.
    fresh = {*(new.enum or ())} - {*(old.enum or ())}
    judges["gazadata:recipientRequired"] = _demands(
        "the need of a recipient", fresh.__contains__, gone="minor"
    )
    return _judged(before, after, judges)


def _judged(old: dict[str, Any], new: dict[str, Any], judges: dict[str, Judge]) -> Told:
    """What changed from one object to another; nothing that differs goes untold."""
    told: Told = []
    for key in dict.fromkeys([*old, *new]):
        before, after = old.get(key), new.get(key)
        if before != after:
            meant = judges[key](before, after) if key in judges else []
            told += meant or [(f"{key} has another value", "patch")]
    return told


def _without(properties: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {key: value for key, value in properties.items() if key not in names}


def _schema(resource: Resource) -> dict[str, Any]:
    """A schema but its fields, with its keys in the one form that they are compared in.

    Foreign and unique keys are named by that form, each with its fields.
    """
    return _without(resource.schema, ("fields",)) | {
        "primaryKey": resource.key,
        "foreignKeys": {
            f"{key.field} to {key.resource}.{key.target}": {key.field}
            for key in resource.foreign_keys
        },
        "uniqueKeys": {", ".join(sorted(key)): set(key) for key in resource.unique_keys},
    }


def _becomes(what: str) -> Judge:
    """A value that code relies on."""
    return lambda old, new: [(_now(what, old, new), "major")]


def _now(what: str, old: Any, new: Any) -> str:
    shown = ["none" if value is None else value for value in (new, old)]
    return "the {} is {}, was {}".format(what, *shown)


def _flag(what: str) -> Judge:
    """A demand that is made or is not."""

    def judge(old: Any, new: Any) -> Told:
        if bool(old) == bool(new):
            return []
        return [(f"is now {what}", "major") if new else (f"is no longer {what}", "minor")]

    return judge


def _demands(what: str, of_new: Callable[[str], bool], *, gone: Level) -> Judge:
    """Demands: one more is a tighter constraint, unless it is of what is new itself."""

    def judge(old: Any, new: Any) -> Told:
        before, after = set(old or ()), set(new or ())
        more: Told = [
            (f"{what} is new: {one}", "minor" if of_new(one) else "major")
            for one in sorted(after - before)
        ]
        return more + [(f"{what} is gone: {one}", gone) for one in sorted(before - after)]

    return judge


def _offers(what: str, each: Callable[[Any], list[str]]) -> Judge:
    """A list of what a cell may hold: one less is a tighter constraint."""

    def judge(old: Any, new: Any) -> Told:
        before, after = each(old), each(new)
        less: Told = [(f"{what} {one} is gone", "major") for one in before if one not in after]
        return less + [(f"{what} {one} is new", "minor") for one in after if one not in before]

    return judge


def _terms(old: Any, new: Any) -> Told:
    if not old or not new:
        # Either way the column has another type where it is loaded.
        return [("has a vocabulary" if new else "has no vocabulary any more", "major")]
    return _offers("the term", list)(old, new) + _order(old, new)


def _order(old: list[str], new: list[str]) -> Told:
    # Categories of a data frame take their order from the terms, and values sort by it.
    same = [t for t in old if t in new] == [t for t in new if t in old]
    return [] if same else [("the terms have another order", "major")]


def _categories(old: Any, new: Any) -> Told:
    before, after = ({c["value"]: c["label"] for c in side or ()} for side in (old, new))
    return _order(list(before), list(after)) + [
        (f"the term {term} has another label", "patch")
        for term, label in after.items()
        if before.get(term, label) != label
    ]


def _ordered(old: Any, new: Any) -> Told:
    # Ordered and unordered categories neither compare nor concatenate.
    if bool(old) == bool(new):
        return []
    return [("the terms are now ordered" if new else "the terms are no longer ordered", "major")]


def _format(old: Any, new: Any) -> Told:
    before, after = old or "default", new or "default"
    return [] if before == after else [(_now("format", before, after), "major")]


def _limit(what: str) -> Judge:
    """A constraint of which any other value may be tighter."""
    return lambda old, new: [(_now(what, old, new), "minor" if new is None else "major")]


def _minimum(old: Any, new: Any) -> Told:
    tighter = new is not None and (old is None or new > old)
    return [(_now("minimum", old, new), "major" if tighter else "minor")]


def _evidence(old: Any, new: Any) -> Told:
    return _flag("in need of evidence")(old == "required", new == "required")


def _modes(value: Any) -> list[str]:
    return [f"{mode} of {kind}" for kind, modes in (value or {}).items() for mode in modes]


_OF_PACKAGES: dict[str, Judge] = {"name": _becomes("name")}
_OF_FIELDS: dict[str, Judge] = {
    "type": _becomes("type"),
    "format": _format,
    "categories": _categories,
    "categoriesOrdered": _ordered,
    "enum": _terms,
    "required": _flag("required"),
    "unique": _flag("unique"),
    "pattern": _limit("pattern"),
    "minimum": _minimum,
    "gazadata:evidence": _evidence,
    "gazadata:verbatim": _flag("verbatim"),
    "gazadata:reference": _flag("a code that needs a reference"),
    "gazadata:modes": _offers("the mode", _modes),
    "gazadata:quadClass": _offers("the class of", lambda value: list(value or ())),
}
_BY_THE_WRITER = ("path", "bytes", "hash", "format", "mediatype", "encoding", "schema")
"""What the writer of a release sets in a resource's descriptor."""
