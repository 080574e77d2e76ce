"""Our checks of contract.schema.json have the same results as the package jsonschema."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.validate.damage import SHIPPED as S

from gazadata.contract import json_schema
from gazadata.contract.schema import checker

WHOLE = json.loads(Path(json_schema.__file__).with_name("contract.schema.json").read_bytes())
PARTS: dict[str, dict[str, Any]] = {"package": S.descriptor(), "schema": S.schema("events")}
OFFICIAL = jsonschema.FormatChecker(formats=())
for _format, _checks in checker().formats.items():
    OFFICIAL.checks(_format)(
        lambda value, checks=_checks: not isinstance(value, str) or checks(value)
    )


def _refused(kind: str, value: Any) -> tuple[set[Any], set[Any]]:
    """The paths of mismatches in ours and in jsonschema; for an unknown member, that of its parent."""
    definitions = checker().definitions
    ours = {
        one.at[:-1] if one.keyword == "additionalProperties" else one.at
        for one in checker().mismatches(definitions[kind], value)
    }
    schema = {"$defs": WHOLE["$defs"], "$ref": f"#/$defs/{kind}"}
    validator = jsonschema.Draft202012Validator(schema, format_checker=OFFICIAL)
    return ours, {tuple(error.absolute_path) for error in validator.iter_errors(value)}


def _ways(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path to every value within a value."""
    items = list(value.items() if isinstance(value, dict) else enumerate(value))
    deeper = [(key, one) for key, one in items if isinstance(one, (dict, list))]
    own = [(*at, key) for key, _ in items]
    return own + [way for key, one in deeper for way in _ways(one, (*at, key))]


WAYS = [(kind, way) for kind, part in PARTS.items() for way in _ways(part)]
JUNK = st.sampled_from(
    [
        None,
        True,
        1,
        0,
        1.5,
        "",
        "x",
        "x.parquet",
        "^a|b$",
        [],
        [""],
        ["x"],
        {},
        {"name": ""},
        {"x": 1},
    ]
)


def test_the_schema_is_a_json_schema_and_accepts_what_is_shipped() -> None:
    jsonschema.Draft202012Validator.check_schema(WHOLE)
    for kind, part in PARTS.items():
        assert _refused(kind, part) == (set(), set())


@pytest.mark.long
@settings(max_examples=300, deadline=None)
@given(st.sampled_from(WAYS), JUNK, st.sampled_from(["replace", "remove", "add"]))
def test_the_same_is_rejected_as_by_jsonschema(
    place: tuple[str, tuple[Any, ...]], junk: Any, edit: str
) -> None:
    kind, (*above, last) = place
    whole = deepcopy(PARTS[kind])
    node: Any = whole
    for step in above:
        node = node[step]
    if edit == "remove":
        del node[last]
    elif edit == "add" and isinstance(node, dict):
        node["more"] = junk
    else:
        node[last] = junk
    ours, theirs = _refused(kind, whole)
    assert ours <= theirs
    # Only the first mistake of each part is named.
    assert all(any(at[: len(one)] == one for one in ours) for at in theirs)


def test_every_keyword_of_the_schema_is_checked() -> None:
    known = {
        *json_schema._REFUSES,
        *("$ref", "$defs", "$schema", "$comment", "items", "properties", "required"),
        *("additionalProperties", "allOf", "if", "then", "else"),
        *("title", "description", "gazadata:code"),
    }

    def keywords(schema: Any) -> set[str]:
        named = [*schema.get("properties", {}).values(), *schema.get("$defs", {}).values()]
        one = [schema[key] for key in ("items", "if", "then", "else", "not") if key in schema]
        several = [*schema.get("anyOf", ()), *schema.get("allOf", ())]
        inner = [keywords(part) for part in (*named, *one, *several)]
        return set(schema).union(*inner)

    assert keywords(WHOLE) <= known
