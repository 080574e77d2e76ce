"""The pandera schemas accept the shipped tables and reject every mistake they define."""

import json
import re
import warnings
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest

import gazadata
from gazadata.tables.pandera_schemas import polars_schema

pytestmark = pytest.mark.sampled

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import pandera.errors as pandera_errors

REPO = Path(__file__).parents[1]
Json = dict[str, Any]
SCHEMAS: dict[str, Json] = {
    raw["name"]: json.loads((REPO / raw["schema"]).read_text("utf-8"))
    for raw in json.loads((REPO / "datapackage.json").read_text("utf-8"))["resources"]
}
FIELDS = {
    f"{name}.{field['name']}": (name, field)
    for name, schema in SCHEMAS.items()
    for field in schema["fields"]
}
DATASET = gazadata.open_dataset(REPO)
each_resource = pytest.mark.parametrize("name", SCHEMAS)


def with_constraint(*names: str) -> pytest.MarkDecorator:
    found = {
        key: (resource, raw["name"], raw["constraints"])
        for key, (resource, raw) in FIELDS.items()
        if set(names) & raw.get("constraints", {}).keys()
    }
    return pytest.mark.parametrize(("name", "field", "stated"), found.values(), ids=found)


PANDAS = {name: DATASET.schema(name) for name in SCHEMAS}
POLARS = {name: polars_schema(DATASET.package.contract[name]) for name in SCHEMAS}
FRAMES = {name: DATASET.load(name) for name in SCHEMAS}
# Vocabularies are text here, as the Polars schema states.
PLAIN = {name: pl.DataFrame(DATASET.load(name, as_="arrow")) for name in SCHEMAS}


def only(schema: Any, field: str) -> Any:
    """The same schema with one of its columns, since most mistakes are within one."""
    return type(schema)({field: schema.columns[field]})


def refused(schema: Any, frame: Any, field: str) -> None:
    """The schema rejects the frame because of this column."""
    with pytest.raises(pandera_errors.SchemaErrors) as caught:
        schema.validate(frame, lazy=True)
    assert field in str(caught.value)


def refused_by_pandas(name: str, frame: pd.DataFrame, field: str) -> None:
    refused(only(PANDAS[name], field), frame[[field]], field)


def refused_by_polars(name: str, frame: pl.DataFrame, field: str) -> None:
    refused(only(POLARS[name], field), frame.select(field), field)


@each_resource
def test_the_shipped_tables_pass(name: str) -> None:
    frame = FRAMES[name].copy()
    pd.testing.assert_frame_equal(PANDAS[name].validate(frame), frame)
    assert POLARS[name].validate(PLAIN[name]).equals(PLAIN[name])


@each_resource
def test_a_table_without_rows_passes(name: str) -> None:
    PANDAS[name].validate(FRAMES[name].iloc[:0])
    POLARS[name].validate(PLAIN[name].clear())


@with_constraint("required")
def test_a_null_where_a_value_is_required(name: str, field: str, stated: Json) -> None:
    frame = FRAMES[name].copy()
    frame.loc[0, field] = None
    refused_by_pandas(name, frame, field)
    missing = (
        PLAIN[name]
        .with_row_index("row")
        .with_columns(pl.when(pl.col("row") > 0).then(pl.col(field)).alias(field))
    )
    refused_by_polars(name, missing.drop("row"), field)


@with_constraint("unique")
def test_a_duplicate_key(name: str, field: str, stated: Json) -> None:
    refused_by_pandas(name, pd.concat([FRAMES[name]] * 2, ignore_index=True), field)


@with_constraint("unique")
def test_empty_cells_are_not_duplicates(name: str, field: str, stated: Json) -> None:
    if stated.get("required"):
        return
    emptied = FRAMES[name].copy()
    emptied[field] = emptied[field].mask(emptied[field].notna())
    only(PANDAS[name], field).validate(emptied[[field]])


def replaced(name: str, field: str, value: Any) -> tuple[pd.DataFrame, pl.DataFrame]:
    """The table with another value in the first row; a vocabulary's column becomes text first."""
    frame, other = FRAMES[name].copy(), PLAIN[name]
    if frame[field].dtype == "category":
        frame[field] = frame[field].astype("string")
    frame.loc[0, field] = value
    values = [value, *other[field].to_list()[1:]]
    return frame, other.with_columns(pl.Series(field, values, dtype=other.schema[field]))


@with_constraint("enum")
def test_a_term_outside_the_vocabulary(name: str, field: str, stated: Json) -> None:
    frame, other = replaced(name, field, stated["enum"][0].swapcase())
    refused_by_pandas(name, frame, field)
    refused_by_polars(name, other, field)


@with_constraint("enum")
def test_every_term_of_a_vocabulary_passes(name: str, field: str, stated: Json) -> None:
    terms = pl.DataFrame({field: stated["enum"]})
    only(POLARS[name], field).validate(terms, lazy=True)
    same = pd.Series(stated["enum"], dtype=FRAMES[name][field].dtype)
    only(PANDAS[name], field).validate(pd.DataFrame({field: same}), lazy=True)


@with_constraint("pattern")
@pytest.mark.parametrize("around", [" {}", "{}!", "{}\n", ""])
def test_a_text_that_does_not_match_the_pattern(
    name: str, field: str, stated: Json, around: str
) -> None:
    """An unanchored pattern would match inside a text that it should reject."""
    (raw,) = (one for one in SCHEMAS[name]["fields"] if one["name"] == field)
    example = raw.get("example", "a-key")
    value = around.format(example)
    assert re.fullmatch(stated["pattern"], example)
    assert not re.fullmatch(stated["pattern"], value)
    frame, other = replaced(name, field, value)
    refused_by_polars(name, other, field)
    if not value.endswith("\n"):  # Python's $ also matches before a line feed at the end.
        refused_by_pandas(name, frame, field)


@with_constraint("minimum")
def test_the_least_number_passes_and_one_less_does_not(name: str, field: str, stated: Json) -> None:
    frame, other = replaced(name, field, stated["minimum"])
    only(PANDAS[name], field).validate(frame[[field]], lazy=True)
    only(POLARS[name], field).validate(other.select(field), lazy=True)
    frame, other = replaced(name, field, stated["minimum"] - 1)
    refused_by_pandas(name, frame, field)
    refused_by_polars(name, other, field)


OTHER_TYPES: dict[str, list[Any]] = {
    "integer": ["Float64", "float64", "string", "object"],
    "boolean": ["object", "string", "Int64"],
    "date": ["string", "object"],
    "string": ["category"],
}


@pytest.mark.parametrize(
    ("name", "raw", "dtype"),
    [
        pytest.param(name, raw, dtype, id=f"{key}-{dtype}")
        for key, (name, raw) in FIELDS.items()
        for dtype in (
            ["string", "object"]
            if "enum" in raw.get("constraints", {})
            else OTHER_TYPES[raw["type"]]
        )
    ],
)
def test_a_column_of_another_type(name: str, raw: Json, dtype: str) -> None:
    """The types that `read_csv` infers are not the contract's."""
    frame = FRAMES[name].copy()
    frame[raw["name"]] = frame[raw["name"]].astype(pd.api.types.pandas_dtype(dtype))
    refused_by_pandas(name, frame, raw["name"])


@pytest.mark.parametrize(
    ("name", "raw"),
    [pytest.param(n, r, id=key) for key, (n, r) in FIELDS.items() if r["type"] == "string"],
)
def test_numbers_instead_of_text(name: str, raw: Json) -> None:
    frame = FRAMES[name].copy()
    frame[raw["name"]] = range(len(frame))
    refused_by_pandas(name, frame, raw["name"])


@each_resource
def test_another_set_of_columns(name: str) -> None:
    frame, other = FRAMES[name].copy(), PLAIN[name]
    last = frame.columns[-1]
    refused(PANDAS[name], frame.drop(columns=last), last)
    refused(POLARS[name], other.drop(last), last)
    refused(PANDAS[name], frame.assign(more=1), "more")
    refused(POLARS[name], other.with_columns(more=pl.lit(1)), "more")


@each_resource
def test_another_order_of_columns(name: str) -> None:
    turned = list(FRAMES[name].columns[::-1])
    refused(PANDAS[name], FRAMES[name][turned], turned[0])
    refused(POLARS[name], PLAIN[name].select(turned), turned[0])
