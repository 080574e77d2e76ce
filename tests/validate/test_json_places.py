"""Findings about a descriptor or a schema have the line and column of what they are about."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.validate.damage import DESCRIPTOR, Place, json_bytes, report_on
from tests.validate.damage import SHIPPED as S

from gazadata.validate.diagnostics import Diagnostic
from gazadata.validate.schema_findings import Places

pytestmark = pytest.mark.sampled

Edit = Callable[[dict[str, Any]], object]


def _marked(text: str, d: Diagnostic) -> str:
    """The text from the place of a finding to the end of its line."""
    line, column = Places(text).of(d)
    return text.split("\n")[line - 1][column - 1 :]


KEYS = st.text(min_size=1).filter(lambda key: key != "name")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(KEYS, VALUES, max_size=4), KEYS, st.sampled_from([None, 0, 2, "\t"]),
    st.booleans(), st.booleans(),
)  # fmt: skip
def test_a_property_is_found_wherever_it_is(
    others: dict[str, Any], key: str, indent: int | str | None, ascii_: bool, of_field: bool
) -> None:
    field = {"name": "one", **others, key: {"deeper": [0, {"wanted": 1}]}}
    if key == "name":
        field["name"] = "one"
    schema = {"title": '"fields": [', "fields": [{"name": "zero", key: 1}, field]}
    whole = schema if of_field else {"resources": [{"name": "zero"}, field]}
    text = json.dumps(whole, indent=indent, ensure_ascii=ascii_)
    path, field_name = ("schemas/x.json", "one") if of_field else (DESCRIPTOR, None)

    def about(*at: str | int) -> Diagnostic:
        return Diagnostic("GD002", "", path, resource="one", field=field_name, at=at)

    assert _marked(text, about(key)).startswith(json.dumps(key, ensure_ascii=ascii_))
    if key != "name":
        assert _marked(text, about(key, "deeper", 1, "wanted")).startswith('"wanted"')
        assert _marked(text, about()).startswith('"one"')


def _field(edit: Edit) -> Edit:
    return lambda schema: edit(schema["fields"][1])


def _resource(edit: Edit) -> Edit:
    return lambda descriptor: edit(descriptor["resources"][1])


PLACES: dict[str, tuple[str, Edit, str, str]] = {
    "a version": (DESCRIPTOR, lambda d: d.update(version="1"), "GD003", '"version"'),
    "a file": (DESCRIPTOR, _resource(lambda r: r.update(path="data/x.csv")), "GD005", '"path"'),
    "a word of a list": (
        DESCRIPTOR, lambda d: d["keywords"].insert(1, 5), "GD002", "5,"),
    "a property of a dialect": (
        DESCRIPTOR, _resource(lambda r: r.update(dialect={"header": False})), "GD002", '"header"'),
    "a constraint": (
        "schemas/topics.json", _field(lambda f: f["constraints"].update(maxLength=9)), "GD002",
        '"maxLength"'),
    "what a field lacks": (
        "schemas/topics.json", _field(lambda f: f.pop("description")), "GD002", '"label"'),
    "what a table lacks": (
        "schemas/topics.json", lambda schema: schema.pop("title"), "GD002", "{"),
    "what a package lacks": (DESCRIPTOR, lambda d: d.pop("title"), "GD002", "{"),
    "a policy": (
        "schemas/topics.json", _field(lambda f: f.update({"gazadata:evidence": "maybe"})), "GD006",
        '"gazadata:evidence"'),
    "a loosened schema": (
        "schemas/topics.json", _field(lambda f: f.update({"constraints": {"required": False}})),
        "GD004", '"required"'),
    "a type that is none": (
        "schemas/topics.json", _field(lambda f: f.update(type="text")), "GD001", '"type"'),
    "a constraint of another form": (
        "schemas/topics.json", _field(lambda f: f.update(constraints={"required": "true"})),
        "GD001", '"required"'),
    "a property of ours of another form": (
        "schemas/topics.json", _field(lambda f: f.update({"gazadata:modes": []})), "GD001",
        '"gazadata:modes"'),
    "a field that occurs twice": (
        "schemas/topics.json", _field(lambda f: f.update(name="topic_id")), "GD001", '"topic_id"'),
    "keys that are no list": (
        "schemas/topics.json", lambda s: s.update(foreignKeys=5), "GD001", '"foreignKeys"'),
    "a key that points to no table": (
        "schemas/topics.json",
        lambda s: s["foreignKeys"][0]["reference"].update(resource="nowhere"), "GD001", '"reference"'),
    "a primary key that is no field": (
        "schemas/topics.json", lambda s: s.update(primaryKey=["nothing"]), "GD001",
        '"primaryKey"'),
    "a path that is a number": (
        DESCRIPTOR, _resource(lambda r: r.update(path=5)), "GD001", '"path"'),
    "a schema that is a number": (
        DESCRIPTOR, _resource(lambda r: r.update(schema=5)), "GD001", '"schema"'),
    "resources that are no list": (
        DESCRIPTOR, lambda d: d.update(resources=5), "GD001", '"resources"'),
    "no list of fields": ("schemas/topics.json", lambda s: s.pop("fields"), "GD001", "{"),
}  # fmt: skip


@pytest.mark.parametrize("name", PLACES)
def test_findings_have_the_line_and_column_of_what_they_are_about(
    name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path, edit, code, wanted = PLACES[name]
    whole = json.loads(S.files[path])
    edit(whole)
    root = Place(tmp_path_factory.mktemp("json"))
    root.damage({path: json_bytes(whole)})
    (said,) = report_on(root.root, official=False).diagnostics
    assert said.code == code
    assert said.path == path
    lines = json_bytes(whole).decode().split("\n")
    assert lines[(said.line or 0) - 1][(said.column or 0) - 1 :].startswith(wanted)
