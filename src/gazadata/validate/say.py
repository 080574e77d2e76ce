"""How findings about the descriptor and the schemas are said."""

from __future__ import annotations

import json
from typing import Any

from gazadata.validate.diagnostics import Diagnostic, Report

DESCRIPTOR = "datapackage.json"

MISSING = object()


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


def schema_path(descriptor: dict[str, Any]) -> str:
    """Where a resource's schema stands, from its descriptor."""
    schema = descriptor.get("schema")
    return schema if isinstance(schema, str) else DESCRIPTOR


def as_json(value: Any, missing: str = "missing") -> str:
    """A value as it stands in JSON, shortened; `missing` where there is none (`MISSING`)."""
    return missing if value is MISSING else json.dumps(value, ensure_ascii=False)[:200]
