"""How findings about the descriptor and the schemas are said."""

from __future__ import annotations

import json
import re
from functools import cached_property
from typing import Any

from gazadata.contract import DESCRIPTOR, Contract, Resource
from gazadata.contract_schema import Problem, within
from gazadata.json_schema import dotted
from gazadata.strict_json import At, line_and_column, offsets_in
from gazadata.validate.diagnostics import Diagnostic, Report

_STEP = re.compile(r"\[(\d+)\]|([^.\[\]]+)")


def say(
    report: Report,
    code: str,
    *,
    found: str,
    expected: str,
    path: str = DESCRIPTOR,
    resource: str | None = None,
    field: str | None = None,
    at: str | None = None,
    near: str | None = None,
) -> None:
    """Report a finding about the descriptor, or about the schema at `path`.

    `at` is the property, such as `constraints.enum[2]`; `near` is what is probably meant.
    """
    report.say(
        Diagnostic.of(
            code,
            path,
            resource=resource,
            field=field,
            at=at,
            found=found,
            expected=expected,
            suggestion=near,
        )
    )


def say_problem(
    report: Report, contract: Contract, resource: Resource | None, problem: Problem
) -> None:
    """Report what is wrong with a schema, or (`resource` is None) with the descriptor."""
    at, field, name = problem.at, None, resource.name if resource else None
    if resource and at[0] == "fields" and len(at) > 1 and isinstance(at[1], int):
        field = resource.fields[at[1]].name
    elif not resource and at[0] == "resources":
        name = contract.descriptor["resources"][at[1]]["name"]
    say(
        report,
        problem.code,
        path=resource.schema_path if resource else DESCRIPTOR,
        resource=name,
        field=field,
        at=dotted(within(at)) or None,
        found=problem.found[:500],
        expected=problem.expected,
        near=problem.near,
    )


class Places:
    """Where the properties of a descriptor or a schema are; all at 1:1 where it is not JSON."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def _offsets(self) -> dict[At, int]:
        try:
            return offsets_in(self.text)
        except ValueError:
            return {(): 0}

    @cached_property
    def _value(self) -> Any:
        return json.loads(self.text) if len(self._offsets) > 1 else None

    def of(self, d: Diagnostic) -> tuple[int, int]:
        """The line and column, from 1, of the property that a finding is about."""
        at: At = ()
        if d.path == DESCRIPTOR:
            at = self._named(at, "resources", d.resource)
        if d.field is not None:
            inline = (*at, "schema") if (*at, "schema", "fields") in self._offsets else at
            at = self._named(inline, "fields", d.field)
        steps = _STEP.findall(d.at or "")
        return self.nearest((*at, *(int(number) if number else key for number, key in steps)))

    def nearest(self, at: At) -> tuple[int, int]:
        """The line and column of a value, or of what is to have it where it is missing.

        A field or a resource as a whole is shown by its name.
        """
        there = at
        while there and there not in self._offsets:
            there = there[:-1]
        name, whole = (*there, "name"), there == at
        if there and not (whole and isinstance(there[-1], str)) and self._is_named(name):
            offset = self.text.index('"', self._offsets[name] + len('"name"'))
        else:
            offset = self._offsets[there]
        return line_and_column(self.text, offset)

    def _is_named(self, at: At) -> bool:
        return at in self._offsets and isinstance(self._get(at), str)

    def _get(self, at: At) -> Any:
        """The value at `at`; None where there is none."""
        value = self._value
        try:
            for step in at:
                value = value[step]
        except (LookupError, TypeError):
            return None
        return value

    def _named(self, at: At, key: str, name: str | None) -> At:
        """The way to the object of this name in a list; `at` where there is none."""
        listed = self._get((*at, key))
        for number, one in enumerate(listed) if isinstance(listed, list) and name else ():
            if isinstance(one, dict) and one.get("name") == name:
                return (*at, key, number)
        return at
