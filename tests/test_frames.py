"""The three kinds of frame: the contract's types, and null only for empty cells."""

import csv
import datetime
import io
import json
from math import isnan
from pathlib import Path
from typing import Any, Literal, get_args

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import gazadata
from gazadata.contract import Contract
from gazadata.errors import ReadError, UnknownName
from gazadata.tables.arrow import read_table
from gazadata.tables.frames import As, cast, convert

REPO = Path(__file__).parents[1]
Json = dict[str, Any]
Kind = Literal["pandas", "polars", "arrow"]

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
CONTRACT = DATASET.package.contract
PANDAS = {name: DATASET.load(name) for name in SCHEMAS}
POLARS = {name: DATASET.load(name, as_="polars") for name in SCHEMAS}
ARROW = {name: DATASET.load(name, as_="arrow") for name in SCHEMAS}

each_resource = pytest.mark.parametrize("name", SCHEMAS)
each_field = pytest.mark.parametrize(("name", "raw"), FIELDS.values(), ids=FIELDS)
each_kind = pytest.mark.parametrize("kind", get_args(As))


def terms(raw: Json) -> list[str] | None:
    found: list[str] | None = raw.get("constraints", {}).get("enum")
    return found


def csv_rows(name: str) -> list[list[str]]:
    with (REPO / "data" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file, strict=True))


def as_cell(value: Any) -> str:
    """A value as written in its CSV cell."""
    if value is None or value is pd.NA or value is pd.NaT:
        return ""
    if isinstance(value, float):
        assert isnan(value), "a whole number must not have become a float"
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (datetime.date, pd.Timestamp)):
        return value.isoformat()[:10]
    return str(value)


@each_resource
class TestRoundTrip:
    """Every frame has the CSV's cells, its header and the order of its rows."""

    def test_pandas(self, name: str) -> None:
        frame = PANDAS[name]
        rows = [[as_cell(value) for value in row] for row in frame.astype(object).to_numpy()]
        assert [list(frame.columns), *rows] == csv_rows(name)

    def test_polars(self, name: str) -> None:
        frame = POLARS[name]
        rows = [[as_cell(value) for value in row] for row in frame.iter_rows()]
        assert [frame.columns, *rows] == csv_rows(name)

    def test_arrow(self, name: str) -> None:
        table = ARROW[name]
        rows = [[as_cell(value) for value in row.values()] for row in table.to_pylist()]
        assert [table.column_names, *rows] == csv_rows(name)


class TestTypes:
    @each_field
    def test_pandas(self, name: str, raw: Json) -> None:
        dtype = PANDAS[name][raw["name"]].dtype
        if enum := terms(raw):
            assert dtype == pd.CategoricalDtype(enum, ordered=raw.get("categoriesOrdered", False))
            return
        types = {
            "string": "string",
            "integer": "Int64",
            "boolean": "boolean",
            "date": "datetime64[us]",
        }
        assert dtype == types[raw["type"]]
        if raw["type"] == "string":
            assert isinstance(dtype, pd.StringDtype)
            assert dtype.na_value is pd.NA

    @each_field
    def test_polars(self, name: str, raw: Json) -> None:
        types = {"string": pl.String, "integer": pl.Int64, "boolean": pl.Boolean, "date": pl.Date}
        enum = terms(raw)
        assert POLARS[name].schema[raw["name"]] == (pl.Enum(enum) if enum else types[raw["type"]])

    @each_field
    def test_arrow(self, name: str, raw: Json) -> None:
        types = {
            "string": pa.string(),
            "integer": pa.int64(),
            "boolean": pa.bool_(),
            "date": pa.date32(),
        }
        column = ARROW[name].schema.field(raw["name"])
        assert column.type == types[raw["type"]]
        assert column.metadata[b"description"].decode() == raw["description"]

    @each_field
    def test_null_is_null_in_all_three(self, name: str, raw: Json) -> None:
        at = [field["name"] for field in SCHEMAS[name]["fields"]].index(raw["name"])
        empty = [row[at] == "" for row in csv_rows(name)[1:]]
        assert list(PANDAS[name][raw["name"]].isna()) == empty
        assert POLARS[name][raw["name"]].is_null().to_list() == empty
        assert ARROW[name][raw["name"]].is_null().to_pylist() == empty

    @each_resource
    def test_keys_are_columns(self, name: str) -> None:
        """A key in the index is lost in most joins and exports."""
        frame = PANDAS[name]
        assert frame.columns[0] == SCHEMAS[name]["primaryKey"][0]
        assert list(frame.index) == list(range(len(frame)))


class TestUse:
    def test_tables_join_by_their_keys(self) -> None:
        joined = PANDAS["participants"].merge(PANDAS["actors"], on="actor_id", validate="m:1")
        assert len(joined) == len(PANDAS["participants"])
        assert joined["name"].notna().all()

    def test_a_category_without_rows_is_counted_as_zero(self) -> None:
        """Vocabularies are complete, so a count shows what the article does not have."""
        counts = PANDAS["positions"]["stance"].value_counts()
        assert counts["conditional_oppose"] == 0
        assert counts.sum() == len(PANDAS["positions"])

    @each_resource
    def test_a_frame_belongs_to_the_caller(self, name: str) -> None:
        frame = DATASET.load(name)
        frame[frame.columns[0]] = "spoilt"
        pd.testing.assert_frame_equal(DATASET.load(name), PANDAS[name])

    @pytest.mark.parametrize("kind", ["numpy", "Pandas", "", "frame", None, 1])
    def test_another_kind_of_frame_is_refused(self, kind: Any) -> None:
        with pytest.raises(UnknownName, match="no kind of frame"):
            DATASET.load("events", as_=kind)

    @pytest.mark.parametrize(("typed", "meant"), [("panda", "pandas"), ("polar", "polars")])
    def test_a_misspelt_kind_gets_a_suggestion(self, typed: Any, meant: str) -> None:
        with pytest.raises(UnknownName, match=f"did you mean '{meant}'"):
            DATASET.load("events", as_=typed)


class TestCategories:
    def test_a_more_certain_term_is_greater(self) -> None:
        certainty = PANDAS["events"]["certainty"]
        assert (certainty > "possible").sum() == certainty.isin(["probable", "certain"]).sum() > 0
        assert certainty.max() == "certain"
        polars = POLARS["events"]
        assert polars.filter(pl.col("certainty") > "possible").height == sum(certainty > "possible")

    @each_resource
    def test_unused_terms_can_be_left_out(self, name: str) -> None:
        pandas = DATASET.load(name, drop_unused=True)
        polars = DATASET.load(name, "polars", drop_unused=True)
        pd.testing.assert_frame_equal(pandas, PANDAS[name], check_categorical=False)
        assert polars.rows() == POLARS[name].rows()
        for field in CONTRACT[name].fields:
            if field.enum:
                used = [term for term in field.enum if term in set(PANDAS[name][field.name])]
                assert pandas[field.name].dtype == pd.CategoricalDtype(used, field.ordered)
                assert polars.schema[field.name] == pl.Enum(used)

    def test_a_foreign_term_is_not_an_unused_one(self, things: Path) -> None:
        (things / "things.csv").write_bytes(written(["a", "", "nay", "", "", ""]))
        resource = Contract.read(things)["things"]
        table = read_table(things / "things.csv", resource)
        for kind in ("pandas", "polars"):
            with pytest.raises(ReadError, match=r"things\.kind .*NA, true, x y"):
                convert(table, resource, kind, drop_unused=True)


@each_resource
def test_a_pandas_frame_describes_its_columns(name: str) -> None:
    attrs = PANDAS[name].attrs
    assert attrs == json.loads(json.dumps(attrs))  # It survives `to_parquet`.
    assert attrs["description"] == SCHEMAS[name]["description"]
    for raw in SCHEMAS[name]["fields"]:
        column = attrs["columns"][raw["name"]]
        assert column["description"] == raw["description"]
        assert column["title"] == raw["title"]
        assert column["terms"] == {c["value"]: c["label"] for c in raw.get("categories", [])}


class TestCast:
    """The frames of the README's other readers, cast to the contract's types."""

    @each_resource
    def test_of_csv(self, name: str) -> None:
        frame = pd.read_csv(
            REPO / "data" / f"{name}.csv",
            dtype_backend="numpy_nullable",
            keep_default_na=False,
            na_values=[""],
        )
        pd.testing.assert_frame_equal(DATASET.cast(name, frame), PANDAS[name])

    @each_resource
    def test_of_csv_without_any_argument(self, name: str) -> None:
        """Integers become floats if a cell is empty, and an empty column becomes all NaN."""
        frame = pd.read_csv(REPO / "data" / f"{name}.csv")
        pd.testing.assert_frame_equal(DATASET.cast(name, frame), PANDAS[name])

    @each_resource
    def test_of_parquet(self, name: str, tmp_path: Path) -> None:
        pq.write_table(ARROW[name], tmp_path / "table.parquet")
        frame = pd.read_parquet(tmp_path / "table.parquet")
        turned = frame[frame.columns[::-1]]
        for one in (frame, turned, PANDAS[name]):
            cast = DATASET.cast(name, one)
            pd.testing.assert_frame_equal(cast, PANDAS[name])
            DATASET.schema(name).validate(cast)

    @pytest.mark.parametrize(
        ("column", "cell"),
        [
            *(("count", 1.5), ("count", "one"), ("count", True)),
            *(("flag", "yes"), ("flag", 2), ("day", "04.02.2024"), ("day", 20240204)),
            *(("kind", "na"), ("text", 10), ("text", b"ten"), ("text", ["a"])),
        ],
    )
    def test_the_error_for_a_value_that_does_not_fit_names_the_column(
        self, things: Path, column: str, cell: object
    ) -> None:
        frame = pd.DataFrame([dict.fromkeys(NAMES) | {"thing_id": "a", column: cell}])
        with pytest.raises(ReadError, match=rf"things\.{column}"):
            cast(frame, Contract.read(things)["things"])

    def test_other_columns(self) -> None:
        events = PANDAS["events"]
        for frame in (events.assign(more=1), events.iloc[:, 1:], events.iloc[:, [0, *range(9)]]):
            with pytest.raises(ReadError, match=r"the columns are .*; expected event_id, "):
                DATASET.cast("events", frame)


# Made-up tables.

FIELD = {"title": "T", "description": "D."}
SCHEMA: Json = {
    "fields": [
        {"name": "thing_id", "type": "string", **FIELD},
        {"name": "text", "type": "string", **FIELD},
        {"name": "kind", "type": "string", "constraints": {"enum": ["NA", "true", "x y"]}, **FIELD},
        {"name": "count", "type": "integer", **FIELD},
        {"name": "flag", "type": "boolean", **FIELD},
        {"name": "day", "type": "date", **FIELD},
    ],
    "primaryKey": "thing_id",
}
NAMES = [field["name"] for field in SCHEMA["fields"]]


@pytest.fixture(scope="module")
def things(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a package with one table, which the test must write."""
    root = tmp_path_factory.mktemp("things")
    resource = {"name": "things", "path": "things.csv", "schema": SCHEMA}
    (root / "datapackage.json").write_text(json.dumps({"resources": [resource]}), "utf-8")
    return root


def load(root: Path, content: bytes, kind: Kind) -> Any:
    (root / "things.csv").write_bytes(content)
    resource = Contract.read(root)["things"]
    return convert(read_table(root / "things.csv", resource), resource, kind)


def written(*rows: list[str]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([NAMES, *rows])
    return out.getvalue().encode("utf-8")


def columns(frame: Any) -> dict[str, list[Any]]:
    """A frame as lists, null as None."""
    if isinstance(frame, pd.DataFrame):
        return {n: [None if pd.isna(v) else v for v in frame[n].tolist()] for n in frame.columns}
    if isinstance(frame, pl.DataFrame):
        return frame.to_dict(as_series=False)
    found: dict[str, list[Any]] = frame.to_pydict()
    return found


@each_kind
@pytest.mark.parametrize(
    "text",
    [
        *("NA", "N/A", "n/a", "NaN", "nan", "-nan", "None", "null", "NULL", "#N/A", "<NA>", "NaT"),
        *("true", "1", "1.0", "1e5", "0x1F", "2024-02-04", " ", " a ", "a,b", 'say "so"', "a\nb"),
        *("\t", "’", "—", "é", "e\u0301", "\U0001f54a", "=1+1", "'", "\\N", "#"),
    ],
)
def test_text_stays_text(things: Path, kind: Kind, text: str) -> None:
    """Namibia's code and every word that some reader takes for null stay text."""
    found = columns(load(things, written(["k", text, "", "", "", ""]), kind))
    assert found["text"] == [text]
    assert [found[name] for name in NAMES[2:]] == [[None]] * 4


@each_kind
def test_a_term_that_looks_like_a_null_stays_a_term(things: Path, kind: Kind) -> None:
    rows = [["a", "", "NA", "", "", ""], ["b", "", "true", "", "", ""], ["c", "", "", "", "", ""]]
    found = columns(load(things, written(*rows), kind))
    assert found["kind"] == ["NA", "true", None]
    assert found["text"] == [None, None, None]


@each_kind
def test_the_ends_of_each_type(things: Path, kind: Kind) -> None:
    """As floats, integers above 2**53 would change; dates before 1678 overflow nanoseconds."""
    most, least = 2**63 - 1, -(2**63)
    rows = [
        ["a", "", "", str(most), "true", "9999-12-31"],
        ["b", "", "", str(least), "false", "0001-01-01"],
        ["c", "", "", "", "", ""],
    ]
    frame = load(things, written(*rows), kind)
    found = columns(frame)
    assert found["count"] == [most, least, None]
    assert found["flag"] == [True, False, None]
    days = [None if day is None else day.isoformat()[:10] for day in found["day"]]
    assert days == ["9999-12-31", "0001-01-01", None]


@each_kind
def test_a_table_without_rows_has_its_types(things: Path, kind: Kind) -> None:
    empty, full = (
        load(things, written(*rows), kind)
        for rows in ([], [["a", "b", "NA", "1", "true", "2024-02-04"]])
    )
    assert (len(empty), len(full)) == (0, 1)
    if kind == "pandas":
        assert empty.dtypes.tolist() == full.dtypes.tolist()
    else:
        assert empty.schema == full.schema


@pytest.mark.parametrize("kind", ["pandas", "polars"])
@pytest.mark.parametrize("term", ["na", "NA ", "x  y", "y"])
def test_a_term_outside_the_vocabulary_is_not_null(
    things: Path, kind: Literal["pandas", "polars"], term: str
) -> None:
    """A cast to a category silently turns foreign terms into nulls."""
    rows = [["a", "", "NA", "", "", ""], ["b", "", term, "", "", ""], ["c", "", "", "", "", ""]]
    with pytest.raises(ReadError, match=r"things\.kind .*NA, true, x y.*gazadata validate"):
        load(things, written(*rows), kind)


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        *(("count", cell) for cell in ["1.0", "1e3", "NA", "one", str(2**63), "1,000"]),
        *(("flag", cell) for cell in ["TRUE", "True", "1", "0", "yes", "NA"]),
        *(("day", cell) for cell in ["2024-02-30", "04.02.2024", "2024-02", "NA", "May"]),
    ],
)
def test_a_cell_of_another_type_is_an_error_that_names_it(
    things: Path, column: str, cell: str
) -> None:
    row = dict.fromkeys(NAMES, "") | {"thing_id": "a", column: cell}
    with pytest.raises(ReadError, match="gazadata validate") as caught:
        load(things, written(list(row.values())), "arrow")
    assert str(things / "things.csv") in str(caught.value)


CELL = st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"))


@settings(max_examples=150, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            CELL,
            st.none() | st.sampled_from(["NA", "true", "x y"]),
            st.none() | st.integers(-(2**63), 2**63 - 1),
            st.none() | st.booleans(),
            st.none() | st.dates(),
        ),
        max_size=5,
    )
)
@example(rows=[("\ufeff", None, 0, False, None)])
@example(rows=[('"', "NA", None, None, None), ("", None, None, None, None)])
def test_anything_written_is_read(things: Path, rows: list[tuple[Any, ...]]) -> None:
    content = written(*([f"k{n}", *map(as_cell, row)] for n, row in enumerate(rows)))
    expected = {"thing_id": [f"k{n}" for n in range(len(rows))]}
    expected |= {
        name: [row[at] if row[at] != "" else None for row in rows]
        for at, name in enumerate(NAMES[1:])
    }
    for kind in get_args(As):
        found = columns(load(things, content, kind))
        found["day"] = [
            day.date() if isinstance(day, pd.Timestamp) else day for day in found["day"]
        ]
        assert found == expected, kind
