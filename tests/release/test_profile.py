"""The descriptors against the official Data Package profiles, version 2.0.

The profiles are those that dplib, the standard's own Python implementation, carries: byte for
byte the ones published at https://datapackage.org/profiles/2.0/.
"""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, FormatChecker

REPO = Path(__file__).parents[2]
BASE = "https://datapackage.org/profiles/2.0"


def profile(name: str) -> Draft7Validator:
    """The validator of an official profile, found by its `$schema`."""
    text = (files("dplib") / "profiles" / "2.0" / f"{name}.json").read_text(encoding="utf-8")
    schema = json.loads(text)
    Draft7Validator.check_schema(schema)
    return Draft7Validator(schema, format_checker=FormatChecker())


def problems(name: str, descriptor: dict[str, Any]) -> list[str]:
    return [
        f"{'/'.join(map(str, error.absolute_path))}: {error.message}"
        for error in profile(name).iter_errors(descriptor)
    ]


def load(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def test_the_release(built: Path) -> None:
    descriptor = load(built / "datapackage.json")
    assert descriptor["$schema"] == f"{BASE}/datapackage.json"
    assert not problems("datapackage", descriptor)
    assert len(descriptor["resources"]) == 13
    for resource in descriptor["resources"]:
        assert not problems("dataresource", resource)
        assert not problems("tableschema", resource["schema"])
        assert not problems("tabledialect", resource["dialect"])


def test_the_package_in_the_repository() -> None:
    assert not problems("datapackage", load(REPO / "datapackage.json"))


@pytest.mark.parametrize("path", sorted((REPO / "schemas").glob("*.json")), ids=lambda p: p.stem)
def test_each_schema(path: Path) -> None:
    schema = load(path)
    assert schema["$schema"] == f"{BASE}/tableschema.json"
    assert not problems("tableschema", schema)


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("resources",), []),
        (("licenses",), [{"title": "no name and no path"}]),
        (("resources", 0, "path"), "../sources.csv"),
        (("resources", 0, "schema", "fields", 0, "type"), "text"),
        (("resources", 0, "schema", "primaryKey"), 1),
    ],
)
def test_the_profile_refuses(built: Path, where: tuple[str | int, ...], value: Any) -> None:
    """The profile in use does not accept everything."""
    descriptor = load(built / "datapackage.json")
    part: Any = descriptor
    for step in where[:-1]:
        part = part[step]
    part[where[-1]] = value
    assert problems("datapackage", descriptor)
