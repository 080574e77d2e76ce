"""The schemas are the single source of truth: their content, and the forms compiled from them."""

import copy
import csv
import datetime
import json
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import frictionless
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gazadata.contract import Contract, Field, Resource, inside
from gazadata.contract.strict_json import read_json
from gazadata.curate.codebook import codebook
from gazadata.errors import ContractError, UnknownName
from gazadata.opening import open_dataset
from gazadata.tables.arrow import arrow_schema
from gazadata.tables.pandera_schemas import pandas_schema, polars_schema

REPO = Path(__file__).parents[1]
Json = dict[str, Any]

DESCRIPTOR: Json = json.loads((REPO / "datapackage.json").read_text("utf-8"))
SCHEMAS: dict[str, Json] = {
    raw["name"]: json.loads((REPO / raw["schema"]).read_text("utf-8"))
    for raw in DESCRIPTOR["resources"]
}
FIELDS = {
    f"{name}.{field['name']}": (name, field)
    for name, schema in SCHEMAS.items()
    for field in schema["fields"]
}
CONTRACT = Contract.read(REPO)

WITHOUT_EXAMPLE = {
    "positions.date_earliest",
    "positions.date_latest",
    "sources.author",
    "sources.speaker_id",
}
"""Fields that the first article leaves empty."""

each_resource = pytest.mark.parametrize("name", SCHEMAS)
each_field = pytest.mark.parametrize(("name", "raw"), FIELDS.values(), ids=FIELDS)


def constraint(raw: Json, name: str) -> Any:
    return raw.get("constraints", {}).get(name)


def rows(name: str) -> list[dict[str, str]]:
    with (REPO / "data" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


TABLES = {name: rows(name) for name in SCHEMAS}


class TestSchemaFiles:
    """The content of schemas/, whatever reads it."""

    def test_every_file_is_a_resource_and_every_resource_has_its_file(self) -> None:
        files = {path.stem for path in (REPO / "schemas").glob("*.json")}
        assert files == set(SCHEMAS)
        for raw in DESCRIPTOR["resources"]:
            assert raw["schema"] == f"schemas/{raw['name']}.json"
            assert raw["path"] == f"data/{raw['name']}.csv"

    @each_resource
    def test_frictionless_accepts_it_as_a_table_schema(self, name: str) -> None:
        schema = frictionless.Schema.from_descriptor(SCHEMAS[name])
        assert schema.field_names == [field["name"] for field in SCHEMAS[name]["fields"]]

    @each_resource
    def test_it_is_described_and_has_its_key(self, name: str) -> None:
        schema = SCHEMAS[name]
        assert schema["name"] == name
        assert schema["$schema"] == "https://datapackage.org/profiles/2.0/tableschema.json"
        assert schema["title"]
        assert schema["description"].endswith(".")
        (listed,) = (one for one in DESCRIPTOR["resources"] if one["name"] == name)
        assert (listed["title"], listed["description"]) == (schema["title"], schema["description"])
        assert schema["missingValues"] == [""]
        assert "fieldsMatch" not in schema, "the published profile refuses it as a string"
        (key,) = schema["primaryKey"]
        assert key == schema["fields"][0]["name"]
        assert key.endswith("_id")
        _, field = FIELDS[f"{name}.{key}"]
        assert constraint(field, "required") is True
        assert constraint(field, "unique") is True

    @each_resource
    def test_the_header_is_the_fields_in_their_order(self, name: str) -> None:
        assert list(TABLES[name][0]) == [field["name"] for field in SCHEMAS[name]["fields"]]

    @each_resource
    def test_foreign_keys_point_to_primary_keys(self, name: str) -> None:
        for key in SCHEMAS[name].get("foreignKeys", []):
            (field,), (target,) = key["fields"], key["reference"]["fields"]
            other = key["reference"].get("resource", name)
            assert f"{name}.{field}" in FIELDS
            assert SCHEMAS[other]["primaryKey"] == [target]
            if other == name:
                assert "resource" not in key["reference"], "the standard leaves its own name out"

    @each_resource
    def test_fields_that_hold_keys_are_foreign_keys(self, name: str) -> None:
        """`row_id` refers to a row of the table in `resource`, which no foreign key can express."""
        keys = {key["fields"][0] for key in SCHEMAS[name].get("foreignKeys", [])}
        own = SCHEMAS[name]["primaryKey"][0]
        named = {
            field["name"]
            for field in SCHEMAS[name]["fields"]
            if field["name"].endswith("_id") and field["name"] not in (own, "row_id", "wikidata_id")
        }
        assert named <= keys
        assert keys - named <= {"part_of", "attributed_to", "cited_by"}

    @each_field
    def test_only_properties_of_the_standard_or_our_own(self, name: str, raw: Json) -> None:
        standard = (
            "name type title description example constraints categories categoriesOrdered format"
        )
        booleans = ["trueValues", "falseValues"] if raw["type"] == "boolean" else []
        for key in raw:
            assert key in [*standard.split(), *booleans] or key.startswith("gazadata:")
        assert set(raw.get("constraints", {})) <= {
            "required",
            "unique",
            "enum",
            "pattern",
            "minimum",
        }

    @each_field
    def test_it_is_described(self, name: str, raw: Json) -> None:
        assert raw["title"].strip() == raw["title"] != ""
        assert raw["description"].endswith(".")
        assert raw["description"][0].isupper() or raw["description"][0] in "“‘"

    @each_field
    def test_the_type_is_one_that_every_form_has(self, name: str, raw: Json) -> None:
        assert raw["type"] in ("string", "integer", "boolean", "date")

    @each_field
    def test_every_field_has_an_example(self, name: str, raw: Json) -> None:
        assert "example" in raw or f"{name}.{raw['name']}" in WITHOUT_EXAMPLE

    @each_field
    def test_the_example_is_a_value_of_the_field(self, name: str, raw: Json) -> None:
        if "example" not in raw:
            return
        value = raw["example"]
        assert isinstance(value, str), "the standard's profile asks for the example as text"
        if raw["type"] == "boolean":
            assert value in raw["trueValues"] + raw["falseValues"]
        if raw["type"] == "date":
            assert datetime.date.fromisoformat(raw["example"]).isoformat() == raw["example"]
        if constraint(raw, "enum"):
            assert raw["example"] in constraint(raw, "enum")
        if constraint(raw, "pattern"):
            assert re.fullmatch(constraint(raw, "pattern"), raw["example"])
        if constraint(raw, "minimum") is not None:
            assert int(value) >= constraint(raw, "minimum")

    @each_field
    def test_an_example_of_a_key_is_a_row(self, name: str, raw: Json) -> None:
        keys = {key["fields"][0]: key["reference"] for key in SCHEMAS[name].get("foreignKeys", [])}
        keys[SCHEMAS[name]["primaryKey"][0]] = {"fields": SCHEMAS[name]["primaryKey"]}
        if raw["name"] in keys and "example" in raw:
            reference = keys[raw["name"]]
            (target,) = reference["fields"]
            assert raw["example"] in {
                row[target] for row in TABLES[reference.get("resource", name)]
            }

    @each_field
    def test_categories_and_enum_are_the_same_terms(self, name: str, raw: Json) -> None:
        """Frictionless accepts both without comparing them."""
        terms = constraint(raw, "enum")
        assert terms == (
            [one["value"] for one in raw["categories"]] if "categories" in raw else None
        )
        if terms is not None:
            assert len(set(terms)) == len(terms) > 1
            assert all(one["label"].strip() == one["label"] != "" for one in raw["categories"])

    @each_field
    def test_booleans_are_true_and_false_only(self, name: str, raw: Json) -> None:
        """By default, the standard also accepts 1, TRUE and True."""
        assert raw.get("trueValues") == (["true"] if raw["type"] == "boolean" else None)
        assert raw.get("falseValues") == (["false"] if raw["type"] == "boolean" else None)

    @each_field
    def test_a_pattern_is_anchored(self, name: str, raw: Json) -> None:
        """Unless a pattern is anchored, pandera matches from the start and Polars anywhere."""
        if pattern := constraint(raw, "pattern"):
            assert pattern.startswith("^")
            assert pattern.endswith("$")
            inner = re.sub(r"\(.*\)|\[[^]]*\]", "", pattern)
            assert "|" not in inner, "alternatives outside a group are anchored on one side only"

    @each_field
    def test_it_says_whether_a_cell_needs_evidence(self, name: str, raw: Json) -> None:
        assert raw["gazadata:evidence"] in ("required", "exempt", "derived")


def exempt(name: str) -> dict[str, set[str]]:
    """The fields of a resource that need no evidence, by the reason."""
    fields = {field["name"] for field in SCHEMAS[name]["fields"]}
    reports = {"source_id", "attributed_to", "certainty", "hedge"} <= fields
    return {
        "its own key": set(SCHEMAS[name]["primaryKey"]),
        "a label made for display": {"label"} & fields,
        "a note": {"note"} & fields,
        "the coder's confidence": {"coder_confidence"} & fields,
        "the source that reports": {"source_id"} if reports or name == "names" else set(),
        "how it was coded": {"manual_version"} & fields
        | {one for one in fields if one.startswith(("coded_", "reviewed_"))},
        "computed from the text": {"text_sha256", "text_length"} & fields,
        "is evidence itself": fields if name in ("passages", "quotes", "evidence") else set(),
    }


@each_resource
def test_only_what_asserts_nothing_is_exempt_from_evidence(name: str) -> None:
    stated = {
        field["name"] for field in SCHEMAS[name]["fields"] if field["gazadata:evidence"] == "exempt"
    }
    assert stated == set().union(*exempt(name).values())


def test_every_reason_for_an_exemption_is_in_use() -> None:
    used = {reason for name in SCHEMAS for reason, fields in exempt(name).items() if fields}
    assert used == set(exempt("events"))


def test_evidence_may_support_every_table_that_asserts() -> None:
    _, field = FIELDS["evidence.resource"]
    assert constraint(field, "enum") == sorted(set(SCHEMAS) - {"passages", "quotes", "evidence"})


class TestContract:
    """The contract compared with the files that it was read from."""

    def test_the_package(self) -> None:
        assert CONTRACT.name == DESCRIPTOR["name"]
        assert CONTRACT.version == DESCRIPTOR["version"]
        assert list(CONTRACT.hedge_cues) == DESCRIPTOR["gazadata:hedgeCues"]
        assert list(CONTRACT.resources) == [raw["name"] for raw in DESCRIPTOR["resources"]]

    @each_resource
    def test_the_resource(self, name: str) -> None:
        resource, schema = CONTRACT[name], SCHEMAS[name]
        assert resource.name == name
        assert (resource.title, resource.description) == (schema["title"], schema["description"])
        assert resource.path == f"data/{name}.csv"
        assert [resource.key] == schema["primaryKey"]
        assert [list(key) for key in resource.unique_keys] == schema.get("uniqueKeys", [])
        assert resource.label == schema.get("gazadata:label")
        assert resource.field_names == tuple(field["name"] for field in schema["fields"])
        assert [(key.field, key.resource, key.target) for key in resource.foreign_keys] == [
            (
                key["fields"][0],
                key["reference"].get("resource", name),
                key["reference"]["fields"][0],
            )
            for key in schema.get("foreignKeys", [])
        ]

    @each_field
    def test_the_field(self, name: str, raw: Json) -> None:
        field = CONTRACT[name][raw["name"]]
        assert field == Field(
            name=raw["name"],
            type=raw["type"],
            title=raw["title"],
            description=raw["description"],
            required=constraint(raw, "required") or False,
            unique=constraint(raw, "unique") or False,
            enum=tuple(constraint(raw, "enum") or ()),
            labels={one["value"]: one["label"] for one in raw.get("categories", [])},
            ordered=raw.get("categoriesOrdered", False),
            pattern=constraint(raw, "pattern"),
            minimum=constraint(raw, "minimum"),
            format=raw.get("format"),
            evidence_required=raw["gazadata:evidence"] == "required",
            verbatim=raw.get("gazadata:verbatim", False),
            raw=raw,
        )

    @each_field
    def test_a_foreign_key_has_its_target(self, name: str, raw: Json) -> None:
        targets = {
            key["fields"][0]: key["reference"].get("resource", name)
            for key in SCHEMAS[name].get("foreignKeys", [])
        }
        assert CONTRACT[name].target(raw["name"]) == targets.get(raw["name"])

    @each_resource
    def test_referrers_are_the_foreign_keys_turned_round(self, name: str) -> None:
        assert {(other.name, key.field) for other, key in CONTRACT.referrers(name)} == {
            (other, key["fields"][0])
            for other, schema in SCHEMAS.items()
            for key in schema.get("foreignKeys", [])
            if key["reference"].get("resource", other) == name
        }

    @each_resource
    def test_a_misspelt_name_gets_a_suggestion(self, name: str) -> None:
        with pytest.raises(UnknownName, match=f"no table .* did you mean '{name}'"):
            CONTRACT[f"{name[:2]}{name[3:]}"]

    @each_field
    def test_a_misspelt_field_gets_a_suggestion(self, name: str, raw: Json) -> None:
        field = raw["name"]
        with pytest.raises(
            UnknownName, match=f"no field '{field}x' in {name}; did you mean '{field}'"
        ):
            CONTRACT[name][f"{field}x"]

    def test_a_name_unlike_all_others_lists_them_all(self) -> None:
        with pytest.raises(UnknownName, match="choose from: sources, passages, quotes"):
            CONTRACT["zzzzzz"]


class TestCompiled:
    """Each compiled form, compared field by field with the JSON."""

    @each_resource
    def test_arrow_describes_the_resource(self, name: str) -> None:
        schema = arrow_schema(CONTRACT[name])
        assert schema.names == [field["name"] for field in SCHEMAS[name]["fields"]]
        assert schema.metadata == {
            key.encode(): SCHEMAS[name][key].encode() for key in ("title", "description")
        }

    @each_field
    def test_arrow(self, name: str, raw: Json) -> None:
        column = arrow_schema(CONTRACT[name]).field(raw["name"])
        types = {"string": "string", "integer": "int64", "boolean": "bool", "date": "date32[day]"}
        assert str(column.type) == types[raw["type"]]
        assert column.nullable is not bool(constraint(raw, "required"))
        assert column.metadata == {
            key.encode(): raw[key].encode() for key in ("title", "description")
        }

    @each_resource
    @pytest.mark.parametrize("compiled", [polars_schema, pandas_schema])
    def test_pandera_describes_the_resource(
        self, name: str, compiled: Callable[[Resource], Any]
    ) -> None:
        schema = compiled(CONTRACT[name])
        assert list(schema.columns) == [field["name"] for field in SCHEMAS[name]["fields"]]
        assert (schema.strict, schema.ordered, schema.coerce) == (True, True, False)
        assert schema.name == name
        assert schema.title == SCHEMAS[name]["title"]
        assert schema.description == SCHEMAS[name]["description"]

    @each_field
    @pytest.mark.parametrize("compiled", [polars_schema, pandas_schema])
    def test_pandera(self, name: str, raw: Json, compiled: Callable[[Resource], Any]) -> None:
        column = compiled(CONTRACT[name]).columns[raw["name"]]
        assert column.nullable is not bool(constraint(raw, "required"))
        # Of a frame of Polars, which is one batch of many, other rules find repeated values.
        unique = bool(constraint(raw, "unique")) and compiled is pandas_schema
        # pandera's own counts two nulls as a repeated value; ours is a check.
        assert column.unique is (unique and not column.nullable)
        assert (column.title, column.description) == (raw["title"], raw["description"])
        assert column.required
        stated: Json = {}
        if constraint(raw, "enum"):
            stated["isin"] = constraint(raw, "enum")
        if constraint(raw, "pattern"):
            stated["str_matches"] = constraint(raw, "pattern")
        if constraint(raw, "minimum") is not None:
            stated["greater_than_or_equal_to"] = constraint(raw, "minimum")
        if unique and column.nullable:
            stated["unique"] = []
        assert {check.name: argument(check) for check in column.checks} == stated

    @each_field
    def test_pandera_for_polars_has_the_type(self, name: str, raw: Json) -> None:
        types = {"string": "String", "integer": "Int64", "boolean": "Boolean", "date": "Date"}
        column = polars_schema(CONTRACT[name]).columns[raw["name"]]
        assert str(column.dtype) == types[raw["type"]]


def argument(check: Any) -> Any:
    """What a pandera check compares with."""
    (value,) = check.statistics.values() or [[]]
    if isinstance(value, re.Pattern):
        return value.pattern
    return list(value) if isinstance(value, (list, tuple, set, frozenset)) else value


# An unreadable contract is an error that says where and why, and nothing else.


def small() -> tuple[Json, Json]:
    """A readable descriptor with one schema in it."""
    kind = {
        "name": "kind",
        "type": "string",
        "title": "Kind",
        "description": "Which of the two it is.",
        "example": "a",
        "constraints": {"enum": ["a", "b"]},
        "categories": [{"value": "a", "label": "A"}, {"value": "b", "label": "B"}],
        "gazadata:evidence": "required",
        "gazadata:verbatim": False,
        "gazadata:quadClass": {"a": "verbal"},
        "gazadata:modes": {"a": ["x", "y"]},
        "gazadata:recipientRequired": ["a"],
    }
    schema: Json = {
        "title": "Things",
        "description": "What there is.",
        "fields": [
            {
                "name": "thing_id",
                "type": "string",
                "constraints": {"required": True, "unique": True},
            },
            {"name": "part_of", "type": "string", "constraints": {"pattern": "^[a-z]+$"}},
            kind,
            {"name": "count", "type": "integer", "constraints": {"minimum": 1}},
            {"name": "url", "type": "string", "format": "uri"},
        ],
        "primaryKey": "thing_id",
        "foreignKeys": [
            {"fields": ["part_of"], "reference": {"resource": "things", "fields": ["thing_id"]}}
        ],
        "uniqueKeys": [["kind", "count"]],
        "gazadata:label": "kind",
    }
    descriptor: Json = {
        "name": "p",
        "title": "P",
        "version": "1.0.0",
        "created": "2026-01-01T00:00:00Z",
        "licenses": [{"name": "MIT"}],
        "contributors": [{"title": "Somebody"}],
        "gazadata:hedgeCues": ["reportedly"],
        "resources": [{"name": "things", "path": "things.csv", "schema": "things.json"}],
    }
    return descriptor, schema


def put(root: Path, descriptor: Any, schema: Any) -> Path:
    (root / "datapackage.json").write_text(json.dumps(descriptor), "utf-8")
    (root / "things.json").write_text(json.dumps(schema), "utf-8")
    return root


def test_the_small_contract_can_be_read(tmp_path: Path) -> None:
    things = Contract.read(put(tmp_path, *small()))["things"]
    assert things.target("part_of") == "things"
    assert things.unique_keys == (("kind", "count"),)


def test_a_schema_may_be_in_the_descriptor(tmp_path: Path) -> None:
    descriptor, schema = small()
    descriptor["resources"][0]["schema"] = schema
    inline = Contract.read(put(tmp_path, descriptor, {}))
    assert inline["things"].schema == schema


SCHEMA_MISTAKES: dict[str, tuple[Callable[[Json], Any], str]] = {
    "no fields": (lambda s: s.pop("fields"), "a schema without fields"),
    "empty fields": (lambda s: s.update(fields=[]), "fields []; expected a list of objects"),
    "fields as an object": (
        lambda s: s.update(fields={"a": 1}),
        'fields {"a": 1}; expected a list',
    ),
    "a field that is a string": (
        lambda s: s["fields"].append("x"),
        'fields[5] "x"; expected an object',
    ),
    "a field without a name": (lambda s: s["fields"][0].pop("name"), "a field without name"),
    "a field twice": (lambda s: s["fields"].append(s["fields"][1]), "'part_of' occurs twice"),
    "no type": (lambda s: s["fields"][0].pop("type"), "'thing_id': a field without type"),
    "another type": (lambda s: s["fields"][0].update(type="number"), 'type "number"; expected'),
    "a list as type": (lambda s: s["fields"][0].update(type=["string"]), "expected one of string"),
    "constraints as a list": (lambda s: s["fields"][0].update(constraints=[]), "'thing_id'"),
    "categories as an object": (
        lambda s: s["fields"][2].update(categories={}),
        "a list",
    ),
    "a category without a label": (
        lambda s: s["fields"][2]["categories"][0].pop("label"),
        "each with a value and a label",
    ),
    "a category that is a string": (
        lambda s: s["fields"][2].update(categories=["a", "b"]),
        "each with a value and a label",
    ),
    "enum as a string": (lambda s: s["fields"][2]["constraints"].update(enum="ab"), "enum"),
    "enum as null": (lambda s: s["fields"][2]["constraints"].update(enum=None), "enum"),
    "enum of numbers": (lambda s: s["fields"][2]["constraints"].update(enum=[1, 2]), "enum"),
    "a term twice": (lambda s: s["fields"][2]["constraints"].update(enum=["a", "a"]), "enum"),
    "required as text": (
        lambda s: s["fields"][0]["constraints"].update(required="false"),
        'required "false"; expected true or false',
    ),
    "unique as a number": (
        lambda s: s["fields"][0]["constraints"].update(unique=1),
        "unique 1; expected true or false",
    ),
    "minimum as text": (lambda s: s["fields"][3]["constraints"].update(minimum="1"), "minimum"),
    "minimum as a boolean": (
        lambda s: s["fields"][3]["constraints"].update(minimum=True),
        "minimum",
    ),
    "minimum of text": (lambda s: s["fields"][1].update(constraints={"minimum": 1}), "minimum"),
    "pattern as a number": (lambda s: s["fields"][1].update(constraints={"pattern": 1}), "pattern"),
    "pattern that is none": (
        lambda s: s["fields"][1].update(constraints={"pattern": "^(a$"}),
        "pattern",
    ),
    "title as null": (lambda s: s["fields"][0].update(title=None), "title"),
    "description as a list": (lambda s: s["fields"][0].update(description=["x"]), "description"),
    "the table's title as a number": (lambda s: s.update(title=1), "title"),
    "no key": (lambda s: s.pop("primaryKey"), "expected the name of exactly one field"),
    "a key of two fields": (
        lambda s: s.update(primaryKey=["thing_id", "kind"]),
        "expected the name of exactly one field",
    ),
    "a key that is no field": (lambda s: s.update(primaryKey="id"), "expected the name of exactly"),
    "foreign keys as an object": (
        lambda s: s.update(foreignKeys={}),
        "foreignKeys {}; expected a list",
    ),
    "a foreign key that is a string": (
        lambda s: s.update(foreignKeys=["part_of"]),
        "expected one field, and a reference to one",
    ),
    "a foreign key of two fields": (
        lambda s: s["foreignKeys"][0].update(fields=["part_of", "kind"]),
        "expected one field, and a reference to one",
    ),
    "a foreign key without a reference": (
        lambda s: s["foreignKeys"][0].pop("reference"),
        "expected one field, and a reference to one",
    ),
    "a foreign key from no field": (
        lambda s: s["foreignKeys"][0].update(fields="whole"),
        "expected a field without another foreign key",
    ),
    "a foreign key to no resource": (
        lambda s: s["foreignKeys"][0]["reference"].update(resource="wholes"),
        "expected a table of this package, and its primary key",
    ),
    "a foreign key to a resource that is a list": (
        lambda s: s["foreignKeys"][0]["reference"].update(resource=["things"]),
        "expected one field, and a reference to one",
    ),
    "a foreign key to another field": (
        lambda s: s["foreignKeys"][0]["reference"].update(fields="kind"),
        "expected a table of this package, and its primary key",
    ),
    "unique keys as an object": (lambda s: s.update(uniqueKeys={"a": 1}), "uniqueKeys"),
    "unique keys of no field": (lambda s: s.update(uniqueKeys=[["x"]]), "expected names of fields"),
    "an empty unique key": (lambda s: s.update(uniqueKeys=[[]]), "expected names of fields"),
    "a label that is no field": (lambda s: s.update({"gazadata:label": "x"}), "gazadata:label"),
    "quad classes as a list": (
        lambda s: s["fields"][2].update({"gazadata:quadClass": ["a"]}),
        "gazadata:quadClass",
    ),
    "modes as a list": (
        lambda s: s["fields"][2].update({"gazadata:modes": ["a"]}),
        "gazadata:modes",
    ),
}


@pytest.mark.parametrize(("damage", "reason"), SCHEMA_MISTAKES.values(), ids=list(SCHEMA_MISTAKES))
def test_a_mistake_in_a_schema_is_named_with_its_file(
    tmp_path: Path, damage: Callable[[Json], Any], reason: str
) -> None:
    descriptor, schema = small()
    damage(schema)
    with pytest.raises(ContractError) as caught:
        Contract.read(put(tmp_path, descriptor, schema))
    assert reason in str(caught.value)
    assert "things" in str(caught.value)


DESCRIPTOR_MISTAKES: dict[str, tuple[Callable[[Json], Any], str]] = {
    "no resources": (lambda d: d.pop("resources"), "a package without resources"),
    "resources as an object": (lambda d: d.update(resources={}), "resources {}; expected a list"),
    "empty resources": (lambda d: d.update(resources=[]), "resources []; expected a list"),
    "a resource that is a string": (lambda d: d["resources"].append("x"), 'resources[1] "x"'),
    "a resource without a name": (lambda d: d["resources"][0].pop("name"), "without name"),
    "a resource twice": (lambda d: d["resources"].append(d["resources"][0]), "occurs twice"),
    "no schema": (lambda d: d["resources"][0].pop("schema"), "'things': a resource without schema"),
    "a schema that is a number": (
        lambda d: d["resources"][0].update(schema=1),
        "'things': schema 1",
    ),
    "a schema that is not there": (
        lambda d: d["resources"][0].update(schema="x.json"),
        "no file x.json",
    ),
    "a schema outside": (
        lambda d: d["resources"][0].update(schema="../x.json"),
        "is outside the package",
    ),
    "a schema at an absolute path": (
        lambda d: d["resources"][0].update(schema="/etc/passwd"),
        "not a relative path",
    ),
    "a name that leads elsewhere": (
        lambda d: d.update(name="../x"),
        'name "../x"; expected letters',
    ),
    "a name with a space": (
        lambda d: d.update(name="Gaza Data"),
        'name "Gaza Data"; expected letters',
    ),
    "a name that is a number": (lambda d: d.update(name=1), "name 1; expected letters"),
    "a resource named as a path": (
        lambda d: d["resources"][0].update(name="x/things"),
        'name "x/things"; expected letters',
    ),
    "several paths": (lambda d: d["resources"][0].update(path=["a.csv", "b.csv"]), "path"),
    "hedge cues as text": (lambda d: d.update({"gazadata:hedgeCues": "reportedly"}), "hedgeCues"),
}


@pytest.mark.parametrize(
    ("damage", "reason"), DESCRIPTOR_MISTAKES.values(), ids=list(DESCRIPTOR_MISTAKES)
)
def test_a_mistake_in_the_descriptor_is_named(
    tmp_path: Path, damage: Callable[[Json], Any], reason: str
) -> None:
    descriptor, schema = small()
    damage(descriptor)
    with pytest.raises(ContractError, match=re.escape(reason)):
        Contract.read(put(tmp_path, descriptor, schema))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "things.json:1:1: invalid JSON"),
        (b'{\n  "fields": [}', r"things.json:2:14: invalid JSON"),
        (b"\xff\xfe", "things.json:1:1: found text in UTF-16; save"),
        (b"\xef\xbb\xbf{}", "things.json:1:1: invalid JSON"),
        (b"[]", "things.json: a JSON array instead of a JSON object"),
        (b"null", "things.json: null instead of a JSON object"),
        (b'{"a": ' + b"[" * 100_000, "things.json:1:70: nested too deeply"),
        (b'{"a": ' + b"9" * 5_000 + b"}", "things.json:1:7: a number that is too long"),
        (b'{"a": 1,\n "b": {"c": 1, "c": 2}}', "things.json:2:16: 'c' occurs twice"),
        (b'{"a": [\n1e999]}', "things.json:2:1: 1e999, which is too large"),
        (b'{"a": "\\ud800"}', "things.json:1:7: half of a surrogate pair"),
    ],
    ids=[
        "empty",
        "cut off",
        "UTF-16",
        "BOM",
        "a list",
        "null",
        "deep",
        "a long number",
        "twice",
        "infinite",
        "half of a pair",
    ],
)
def test_a_file_that_is_not_a_json_object(tmp_path: Path, content: bytes, reason: str) -> None:
    descriptor, schema = small()
    put(tmp_path, descriptor, schema)
    (tmp_path / "things.json").write_bytes(content)
    with pytest.raises(ContractError, match=reason):
        Contract.read(tmp_path)
    (tmp_path / "datapackage.json").write_bytes(content)
    with pytest.raises(ContractError, match=reason.replace("things", "datapackage")):
        Contract.read(tmp_path)


def test_a_folder_instead_of_a_file(tmp_path: Path) -> None:
    put(tmp_path, *small())
    (tmp_path / "things.json").unlink()
    (tmp_path / "things.json").mkdir()
    with pytest.raises(ContractError, match=r"no file things\.json"):
        Contract.read(tmp_path)


class TestInside:
    @pytest.mark.parametrize("path", ["a.csv", "data/a.csv", "data/../a.csv", "data/ü.csv"])
    def test_a_path_in_the_package(self, tmp_path: Path, path: str) -> None:
        assert inside(tmp_path, path) == tmp_path / path

    @pytest.mark.parametrize(
        "path",
        ["", "..", "../a", "data/../../a", "/a", "a\\b", "..\\a", "a\0b", "a\nb", "../package2/a"],
    )
    def test_a_path_out_of_the_package(self, tmp_path: Path, path: str) -> None:
        """`package2` begins with the name of the package's folder, but is next to it."""
        root = tmp_path / "package"
        root.mkdir()
        with pytest.raises(ContractError):
            inside(root, path)

    def test_a_link_that_leads_out(self, tmp_path: Path) -> None:
        root = tmp_path / "package"
        root.mkdir()
        (root / "link").symlink_to(tmp_path)
        with pytest.raises(ContractError, match="is outside the package"):
            inside(root, "link/a.csv")

    def test_a_link_that_leads_to_itself(self, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to(tmp_path / "link")
        with pytest.raises(ContractError):
            read_json(inside(tmp_path, "link"))


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path to every value in a JSON document, including itself."""
    yield path
    if isinstance(value, (dict, list)):
        for key, one in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(one, (*path, key))


def changed(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    """The document with another value at one place, or without it."""
    if not path:
        return None if value is GONE else value
    document = copy.deepcopy(document)
    at = document
    for key in path[:-1]:
        at = at[key]
    if value is GONE:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return document


GONE = object()
JUNK = st.one_of(
    st.just(GONE),
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.sampled_from([10**30, "", "\0", "../x", "things", "thing_id", "\ud800", "^(", "date"]),
    st.text(max_size=5),
    st.lists(st.one_of(st.none(), st.text(max_size=3), st.integers()), max_size=3),
    st.dictionaries(st.text(max_size=3), st.one_of(st.none(), st.text(max_size=3)), max_size=2),
)
THOROUGH = settings(max_examples=500, deadline=None)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder whose package is rewritten for each example."""
    with tempfile.TemporaryDirectory() as made:
        yield Path(made)


def read_and_compile(root: Path, descriptor: Any, schema: Any) -> None:
    """Read a contract and compile it; it may only raise ContractError."""
    put(root, descriptor, schema)
    try:
        contract = Contract.read(root)
    except ContractError as error:
        refusal = str(error)
    else:
        compile_all(contract)
        assert contract.version in open_dataset(root).cite()
        return
    assert refusal
    assert "\n" not in refusal


def compile_all(contract: Contract) -> None:
    assert codebook(contract)
    for resource in contract.resources.values():
        assert arrow_schema(resource).names == list(resource.field_names)
        assert list(polars_schema(resource).columns) == list(resource.field_names)
        assert list(pandas_schema(resource).columns) == list(resource.field_names)


@THOROUGH
@given(path=st.sampled_from(list(places(small()[1]))), value=JUNK)
@example(path=("description",), value="\ud800")
@example(path=("fields", 1, "description"), value="\ud800")
@example(path=("fields", 1, "name"), value="\ud800")
@example(path=("foreignKeys", 0, "reference", "fields", 0), value="thing\nid")
@example(path=("fields", 2, "constraints", "enum", 0), value="\ud800")
def test_any_schema_is_compiled_or_rejected(
    folder: Path, path: tuple[Any, ...], value: Any
) -> None:
    descriptor, schema = small()
    read_and_compile(folder, descriptor, changed(schema, path, value))


@THOROUGH
@given(path=st.sampled_from(list(places(small()[0]))), value=JUNK)
@example(path=("contributors",), value="nobody")
@example(path=("contributors", 0), value="nobody")
@example(path=("licenses",), value={"name": "MIT"})
@example(path=("resources", 0, "schema"), value="\ud800")
@example(path=("resources", 0, "schema"), value="things\n.json")
@example(path=("resources", 0, "schema"), value=".")
def test_any_descriptor_is_read_or_rejected(
    folder: Path, path: tuple[Any, ...], value: Any
) -> None:
    descriptor, schema = small()
    read_and_compile(folder, changed(descriptor, path, value), schema)
