"""Check the properties of the descriptor and the schemas, and their values.

contract.schema.json defines what is valid for each part by itself. What depends on another part,
as a term does on its vocabulary, is checked here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from gazadata.contract import Contract, Field, Resource
from gazadata.contract.json_schema import as_json
from gazadata.contract.schema import Problem, nearest, problems
from gazadata.contract.strict_json import At
from gazadata.validate.diagnostics import Report
from gazadata.validate.rules import rule
from gazadata.validate.schema_findings import add_problem

Reported = set[tuple[str | None, At]]
"""Properties with a finding: the table whose schema has it (None: the descriptor), and the path."""


rule(
    "GD002",
    title="descriptor or schema breaks the Data Package standard",
    reason="Other tools know only the standard.",
    example='"licences" instead of "licenses"; an unknown field type',
    remedy="Check the property against the Data Package standard, version 2.",
    unit="objects",
)
rule(
    "GD003",
    title="version is not a semantic version",
    reason="Downstream projects pin and compare versions.",
    example='"version": "1.0"',
    remedy="Write MAJOR.MINOR.PATCH, such as 1.0.0.",
    unit="packages",
)
rule(
    "GD006",
    title="field has no evidence policy, or its categories differ from its enum",
    reason="A field without a policy needs no proof, and two lists of terms drift apart.",
    example='a field without "gazadata:evidence"; a category that is missing from "enum"',
    remedy=(
        'Set "gazadata:evidence" to required, exempt or derived, and list the same terms in '
        "categories and enum."
    ),
    unit="fields",
)


def check(contract: Contract, report: Report) -> Reported:
    """Check every property of the descriptor and the schemas; returns those with a finding."""
    reported: Reported = set()
    found: list[tuple[Resource | None, Iterable[Problem]]] = [
        (None, problems("package", contract.descriptor)),
        *((resource, _of_schema(resource)) for resource in contract.resources.values()),
    ]
    fields = sum(len(resource.fields) for resource in contract.resources.values())
    report.count("GD002", 1 + 2 * len(contract.resources) + fields)
    report.count("GD006", fields)
    for owner, wrong in found:
        table = owner.name if owner else None
        for problem in wrong:
            # It may be there under a misspelt name, which is reported.
            if (table, problem.at) in reported and problem.missing:
                continue
            reported.add((table, problem.at))
            if problem.near:
                reported.add((table, (*problem.at[:-1], problem.near)))
            add_problem(report, contract, owner, problem)
    return reported


def _of_schema(resource: Resource) -> Iterator[Problem]:
    yield from problems("schema", resource.schema)
    for number, field in enumerate(resource.fields):
        yield from _of_field(resource, field, ("fields", number))


def _of_field(resource: Resource, field: Field, at: At) -> Iterator[Problem]:
    """Problems of a field that depend on other parts of its schema."""
    if field.name == resource.key and not (field.required and field.unique):
        found = "a primary key that is not required and unique"
        yield Problem("GD002", (*at, "constraints"), found, "required and unique, both true")
    if tuple(field.labels) != field.enum:
        found = f"categories {', '.join(field.labels) or 'none'}"
        expected = f"those of enum: {', '.join(field.enum) or 'none'}"
        yield Problem("GD006", (*at, "categories"), found, expected)
    types = resource["event_type"].enum if "event_type" in resource.field_names else ()
    modes: dict[str, list[str]] = field.raw.get("gazadata:modes", {})
    named: tuple[tuple[str, Iterable[str], tuple[str, ...]], ...] = (
        ("gazadata:modes", modes, types),
        ("gazadata:modes", chain.from_iterable(modes.values()), field.enum),
        ("gazadata:recipientRequired", field.raw.get("gazadata:recipientRequired", ()), field.enum),
        ("gazadata:quadClass", field.raw.get("gazadata:quadClass", ()), field.enum),
        ("gazadata:definitions", field.raw.get("gazadata:definitions", ()), field.enum),
    )
    for key, terms, known in named:
        for term in dict.fromkeys(terms):
            if term not in known:
                found = f"{key} with {as_json(term)}"
                expected = f"one of {', '.join(known)}" if known else "none"
                yield Problem("GD002", (*at, key), found, expected, nearest(term, known))
