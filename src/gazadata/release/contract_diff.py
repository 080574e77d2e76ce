"""What changed between two contracts, and the version bump that each change requires."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from gazadata.contract import Contract, Field, Resource
from gazadata.contract.version import Level


@dataclass(frozen=True)
class ContractChange:
    """One change of the contract, and the version bump that it requires."""

    resource: str
    field: str | None
    what: str
    level: Level

    def __str__(self) -> str:
        return f"{'.'.join(filter(None, (self.resource, self.field)))}: {self.what}"


Found = list[tuple[str, Level]]
Judge = Callable[[Any, Any], Found]
"""What a change from one value of a property to another means; None is a missing value."""


def compare_contracts(old: Contract, new: Contract) -> list[ContractChange]:
    """What changed in the contract, with the version bump that each change requires."""
    changes = [
        ContractChange(name, None, "table removed", "major")
        for name in old.resources
        if name not in new.resources
    ]
    for name, resource in new.resources.items():
        if name not in old.resources:
            changes.append(ContractChange(name, None, "table added", "minor"))
        else:
            changes += _compare_resources(old[name], resource)
    ignored = ("version", "created", "resources")
    before, after = (_without(contract.descriptor, ignored) for contract in (old, new))
    found = _judged(before, after, _OF_PACKAGES)
    kept = [name for name in new.resources if name in old.resources]
    if kept != [name for name in old.resources if name in new.resources]:
        found.append(("order of the tables changed", "patch"))
    return changes + [ContractChange("package", None, what, level) for what, level in found]


def _compare_resources(old: Resource, new: Resource) -> list[ContractChange]:
    changes: list[ContractChange] = []

    def say(found: Found, field: str | None = None) -> None:
        changes.extend(ContractChange(new.name, field, what, level) for what, level in found)

    kept = [f for f in new.field_names if f in old.field_names]
    for gone in old.field_names:
        if gone not in new.field_names:
            say([("field removed", "major")], gone)
    fresh = {f for f in new.field_names if f not in old.field_names}
    for place, name in enumerate(new.field_names):
        if name in fresh:
            at_end = place >= len(kept)
            what = "field added" + ("" if at_end else " before others")
            say([(what, "minor" if at_end else "major")], name)
    if kept != [f for f in old.field_names if f in new.field_names]:
        say([("order of the fields changed", "major")])
    for field_name in kept:
        say(_compare_fields(old[field_name], new[field_name]), field_name)
    before, after = _schema(old), _schema(new)
    fields_of = after["foreignKeys"] | after["uniqueKeys"]

    def of_new_fields(key: str) -> bool:
        return bool(fields_of[key] <= fresh)

    of_keys: dict[str, Judge] = {
        "primaryKey": _becomes("primary key"),
        "foreignKeys": _demands("foreign key", of_new_fields, gone="major"),
        "uniqueKeys": _demands("unique key", of_new_fields, gone="minor"),
    }
    say(_judged(before, after, of_keys))
    before, after = (_without(r.descriptor, _BY_THE_WRITER) for r in (old, new))
    say(_judged(before, after, {}))
    # The schema and the descriptor have the same title, whose change counts once.
    return list(dict.fromkeys(changes))


def _compare_fields(old: Field, new: Field) -> Found:
    before, after = (
        _without(f.raw, ("constraints",)) | f.raw.get("constraints", {}) for f in (old, new)
    )
    if old.enum != new.enum:
        # `enum` reports new, removed and moved terms; only labels count here.
        terms = sorted(old.labels.keys() & new.labels.keys())
        for field, properties in ((old, before), (new, after)):
            properties["categories"] = [{"value": t, "label": field.labels[t]} for t in terms]
    # Any other constraint, known or not, may be tighter than before.
    others = {**old.raw.get("constraints", {}), **new.raw.get("constraints", {})}
    judges = {name: _limit(name) for name in others} | _OF_FIELDS
    # No old row has a new term.
    fresh = {*(new.enum or ())} - {*(old.enum or ())}
    judges["gazadata:recipientRequired"] = _demands(
        "need for a recipient", fresh.__contains__, gone="minor"
    )
    return _judged(before, after, judges)


def _judged(old: dict[str, Any], new: dict[str, Any], judges: dict[str, Judge]) -> Found:
    """What changed from one object to another, every difference included."""
    found: Found = []
    for key in dict.fromkeys([*old, *new]):
        before, after = old.get(key), new.get(key)
        if before != after:
            meant = judges[key](before, after) if key in judges else []
            found += meant or [(f"{key} changed", "patch")]
    return found


def _without(properties: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {key: value for key, value in properties.items() if key not in names}


def _schema(resource: Resource) -> dict[str, Any]:
    """A schema without its fields, and with its keys in a form that can be compared.

    Foreign and unique keys are described in words, each with its fields.
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
    shown = ["none" if value is None else value for value in (old, new)]
    return "{} changed from {} to {}".format(what, *shown)


def _flag(what: str) -> Judge:
    """A requirement that applies or does not."""

    def judge(old: Any, new: Any) -> Found:
        if bool(old) == bool(new):
            return []
        return [(f"now {what}", "major") if new else (f"no longer {what}", "minor")]

    return judge


def _demands(what: str, of_new: Callable[[str], bool], *, gone: Level) -> Judge:
    """Requirements: one more is a tighter constraint, unless it is for a new field or term."""

    def judge(old: Any, new: Any) -> Found:
        before, after = set(old or ()), set(new or ())
        more: Found = [
            (f"{what} added: {one}", "minor" if of_new(one) else "major")
            for one in sorted(after - before)
        ]
        return more + [(f"{what} removed: {one}", gone) for one in sorted(before - after)]

    return judge


def _offers(what: str, each: Callable[[Any], list[str]]) -> Judge:
    """A list of what a cell may be: one less is a tighter constraint."""

    def judge(old: Any, new: Any) -> Found:
        before, after = each(old), each(new)
        less: Found = [(f"{what} {one} removed", "major") for one in before if one not in after]
        return less + [(f"{what} {one} added", "minor") for one in after if one not in before]

    return judge


def _terms(old: Any, new: Any) -> Found:
    if not old or not new:
        # Either way, the loaded column has another type.
        return [("vocabulary added" if new else "vocabulary removed", "major")]
    return _offers("term", list)(old, new) + _order(old, new)


def _order(old: list[str], new: list[str]) -> Found:
    # Categories of a data frame take their order from the terms, and values sort by it.
    same = [t for t in old if t in new] == [t for t in new if t in old]
    return [] if same else [("order of the terms changed", "major")]


def _categories(old: Any, new: Any) -> Found:
    before, after = ({c["value"]: c["label"] for c in side or ()} for side in (old, new))
    return _order(list(before), list(after)) + [
        (f"label of the term {term} changed", "patch")
        for term, label in after.items()
        if before.get(term, label) != label
    ]


def _ordered(old: Any, new: Any) -> Found:
    # Ordered and unordered categories neither compare nor concatenate.
    if bool(old) == bool(new):
        return []
    return [("terms now ordered" if new else "terms no longer ordered", "major")]


def _format(old: Any, new: Any) -> Found:
    before, after = old or "default", new or "default"
    return [] if before == after else [(_now("format", before, after), "major")]


def _limit(what: str) -> Judge:
    """A constraint whose new value may be tighter, whatever it is."""
    return lambda old, new: [(_now(what, old, new), "minor" if new is None else "major")]


def _minimum(old: Any, new: Any) -> Found:
    tighter = new is not None and (old is None or new > old)
    return [(_now("minimum", old, new), "major" if tighter else "minor")]


def _evidence(old: Any, new: Any) -> Found:
    return _flag("required to have evidence")(old == "required", new == "required")


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
    "gazadata:modes": _offers("mode", _modes),
    "gazadata:quadClass": _offers("class of", lambda value: list(value or ())),
}
_BY_THE_WRITER = ("path", "bytes", "hash", "format", "mediatype", "encoding", "schema")
"""What the writer of a release sets in a resource's descriptor."""
