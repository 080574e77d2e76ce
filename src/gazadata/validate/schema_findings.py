"""Reporting findings about the descriptor and the schemas, and where they are in the file."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from gazadata.contract import DESCRIPTOR, Contract, Resource
from gazadata.contract.schema import Problem, within
from gazadata.contract.strict_json import At, line_and_column, offsets_in
from gazadata.validate.diagnostics import Diagnostic, Report


def add_finding(
    report: Report,
    code: str,
    *,
    found: str,
    expected: str,
    path: str = DESCRIPTOR,
    resource: str | None = None,
    field: str | None = None,
    at: At = (),
    near: str | None = None,
    **more: Any,
) -> None:
    """Report a finding about the descriptor, or about the schema at `path`.

    `at` is the path to the property, such as `("constraints", "enum", 2)`; `near` is what was
    probably meant; `more` as in `Diagnostic.of`.
    """
    report.add(
        Diagnostic.of(
            code,
            path,
            resource=resource,
            field=field,
            at=at,
            found=found,
            expected=expected,
            suggestion=near,
            **more,
        )
    )


def add_problem(
    report: Report, contract: Contract, resource: Resource | None, problem: Problem
) -> None:
    """Report a problem of a schema, or (`resource` is None) of the descriptor."""
    at, field, name = problem.at, None, resource.name if resource else None
    if resource and at[0] == "fields" and len(at) > 1 and isinstance(at[1], int):
        field = resource.fields[at[1]].name
    elif not resource and at[0] == "resources":
        name = contract.descriptor["resources"][at[1]]["name"]
    inner = within(at)
    if resource and not field and resource.schema_path == DESCRIPTOR:
        inner = ("schema", *inner)
    add_finding(
        report,
        problem.code,
        path=resource.schema_path if resource else DESCRIPTOR,
        resource=name,
        field=field,
        at=inner,
        found=problem.found[:500],
        expected=problem.expected,
        near=problem.near,
    )


class Places:
    """Where the properties of a descriptor or a schema are; all at 1:1 if it is not JSON."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.value: Any = None
        self.offsets: dict[At, int] = {(): 0}
        with suppress(ValueError):
            self.offsets, self.value = offsets_in(text), json.loads(text)

    def of(self, d: Diagnostic) -> tuple[int, int]:
        """The line and column, from 1, of the property that a finding is about."""
        at: At = ()
        if d.path == DESCRIPTOR:
            at = self._named(at, "resources", d.resource)
        if d.field is not None:
            inline = (*at, "schema") if (*at, "schema", "fields") in self.offsets else at
            at = self._named(inline, "fields", d.field)
        return self.nearest((*at, *d.at))

    def nearest(self, at: At) -> tuple[int, int]:
        """The line and column of a value, or of the object that lacks it.

        For a whole field or resource, that is the place of its name.
        """
        there = at
        while there and there not in self.offsets:
            there = there[:-1]
        offset, name = self.offsets[there], (*there, "name")
        is_item = there and (there != at or isinstance(there[-1], int))
        if is_item and isinstance(self._value_at(name), str):
            offset = self.text.index('"', self.offsets[name] + len('"name"'))
        return line_and_column(self.text, offset)

    def _value_at(self, at: At) -> Any:
        """The value at `at`, or None."""
        if at not in self.offsets:
            return None
        value: Any = self.value
        for step in at:
            value = value[step]
        return value

    def _named(self, at: At, key: str, name: str | None) -> At:
        """The path to the object with this name in a list; `at` if there is none."""
        listed = self._value_at((*at, key))
        paths = [(*at, key, number) for number in range(len(listed or ()))]
        return next((path for path in paths if self._value_at((*path, "name")) == name), at)
