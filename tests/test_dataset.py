"""Loading tables, viewing them with labels and quotes, and explaining cells."""

import copy
import csv
import json
import pickle
import re
import shutil
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from IPython.core.completer import IPCompleter, provisionalcompleter

import gazadata
from gazadata.contract import Contract
from gazadata.dataset import Dataset
from gazadata.errors import GazadataError, MissingExtra, ReadError, UnknownName
from gazadata.tables.labels import Labels

REPO = Path(__file__).parents[1]
Json = dict[str, Any]
DESCRIPTOR: Json = json.loads((REPO / "datapackage.json").read_text("utf-8"))
SCHEMAS: dict[str, Json] = {
    raw["name"]: json.loads((REPO / raw["schema"]).read_text("utf-8"))
    for raw in DESCRIPTOR["resources"]
}
KEYS = {name: schema["primaryKey"][0] for name, schema in SCHEMAS.items()}
DATASET = gazadata.open_dataset(REPO)
CONTRACT = DATASET.package.contract


def test_a_part_does_not_claim_the_certainty_of_its_whole() -> None:
    said = DATASET.explain("conditions", "pakistan-no-hamas-disarmament")
    position = ROWS["conditions"]["pakistan-no-hamas-disarmament"]["position_id"]
    assert said.reported_in == f"positions/{position}"
    commitment = f"the article's commitment to positions/{position}, of which this is a part: "
    assert commitment in str(said)
    assert commitment[1:] in said._repr_html_().replace("&#39;", "'")
    assert DATASET.explain("positions", position).reported_in is None


def test_changes_by_a_caller_do_not_affect_others() -> None:
    data = gazadata.open_dataset(REPO)
    key = TABLES["events"][0]["event_id"]
    before = str(data.explain("events", key))
    for cell in data.explain("events", key).cells:
        for support in cell.support:
            for row in (support.quote, support.reference):
                if row:
                    row.clear()
    assert str(data.explain("events", key)) == before


def test_a_file_that_is_edited_while_it_is_open_is_read_again(package_copy: Path) -> None:
    data = gazadata.open_dataset(package_copy)
    key = TABLES["positions"][0]["holder_id"]
    name = ROWS["actors"][key]["name"]
    assert name in set(data.view("positions")["holder_label"])
    path = package_copy / "data/actors.csv"
    path.write_text(path.read_text("utf-8").replace(f",{name},", ",Renamed,"), "utf-8")
    assert "Renamed" in set(data.view("positions")["holder_label"])
    assert "(Renamed)" in str(data.explain("positions", TABLES["positions"][0]["position_id"]))


each_resource = pytest.mark.parametrize("name", SCHEMAS)


def csv_rows(name: str, root: Path = REPO) -> list[dict[str, str]]:
    with (root / "data" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


TABLES = {name: csv_rows(name) for name in SCHEMAS}
ROWS = {name: {row[KEYS[name]]: row for row in TABLES[name]} for name in SCHEMAS}
TEXTS = {
    key: (REPO / row["text_path"]).read_bytes().decode("utf-8")
    for key, row in ROWS["sources"].items()
    if row["text_path"]
}
EVIDENCE: dict[tuple[str, str], list[dict[str, str]]] = {}
for _row in TABLES["evidence"]:
    EVIDENCE.setdefault((_row["resource"], _row["row_id"]), []).append(_row)


def label(name: str, key: str) -> str:
    """The label of a row: the field that the schema names, or its most telling fields."""
    row = ROWS[name][key]
    own = row.get(SCHEMAS[name].get("gazadata:label", ""), "") or row.get("publisher", "")
    return own or " · ".join(
        shown(name, field, row[field]) for field in TELLING[name] if row[field]
    )


def shown(name: str, field: str, value: str) -> str:
    target = foreign_keys(name).get(field)
    if target:
        return label(target, value)
    (raw,) = (one for one in SCHEMAS[name]["fields"] if one["name"] == field)
    labels: dict[str, str] = {c["value"]: c["label"] for c in raw.get("categories", [])}
    return labels.get(value, value)


TELLING = {
    "evidence": ["resource", "row_id", "field"],
    "participants": ["actor_id", "role", "event_id"],
    "passages": ["source_id", "kind", "sequence"],
    "positions": ["holder_id", "stance", "topic_id"],
    "relations": ["subject_id", "predicate", "object_id", "object_text"],
    "sources": ["kind"],
}


def foreign_keys(name: str) -> dict[str, str]:
    return {
        key["fields"][0]: key["reference"].get("resource", name)
        for key in SCHEMAS[name].get("foreignKeys", [])
    }


class TestDataset:
    def test_its_tables_in_order(self) -> None:
        assert DATASET.tables == list(SCHEMAS)
        assert len(DATASET.tables) == 13

    def test_its_version(self) -> None:
        assert DATASET.version == DESCRIPTOR["version"]

    def test_it_shows_itself(self) -> None:
        shown = repr(DATASET)
        assert DESCRIPTOR["name"] in shown
        assert DESCRIPTOR["version"] in shown
        assert all(name in shown for name in SCHEMAS)

    @each_resource
    def test_load_by_one_call(self, name: str) -> None:
        pd.testing.assert_frame_equal(gazadata.load(name), gazadata.open_dataset().load(name))

    @pytest.mark.parametrize("name", ["event", "Events", "evidences", "position", "assesments"])
    @pytest.mark.parametrize("ask", ["load", "view", "schema"])
    def test_a_misspelt_table_suggests_the_right_one(self, name: str, ask: str) -> None:
        with pytest.raises(UnknownName, match=f"no table '{name}'; did you mean '"):
            getattr(DATASET, ask)(name)

    @pytest.mark.parametrize("name", [None, 3, "", "events.csv\0"])
    def test_a_name_that_is_not_a_table(self, name: Any) -> None:
        with pytest.raises(UnknownName, match="no table"):
            DATASET.load(name)

    def test_a_misspelt_row_suggests_the_right_one(self) -> None:
        for ask in (DATASET.explain, DATASET.evidence):
            with pytest.raises(
                UnknownName,
                match=r"no row 'doha-negotiation' in events; .* mean 'doha-negotiations'",
            ):
                ask("events", "doha-negotiation")
            with pytest.raises(UnknownName, match=r"no field .* in events; did you mean 'outcome'"):
                ask("events", "doha-negotiations", "outcomes")

    def test_citation(self) -> None:
        cited = DATASET.cite()
        assert DESCRIPTOR["title"] in cited
        assert f"version {DESCRIPTOR['version']}" in cited
        assert f"({DESCRIPTOR['created'][:4]})" in cited
        assert DESCRIPTOR["contributors"][0]["title"] in cited
        assert DESCRIPTOR["licenses"][0]["name"] in cited

    @pytest.mark.parametrize("gone", ["contributors", "created", "licenses", "title"])
    def test_citing_a_package_with_little_metadata(self, package_copy: Path, gone: str) -> None:
        """Nobody is named ‘None’, and nothing is licensed under it."""
        descriptor = {key: value for key, value in DESCRIPTOR.items() if key != gone}
        (package_copy / "datapackage.json").write_text(json.dumps(descriptor), "utf-8")
        cited = gazadata.open_dataset(package_copy).cite()
        assert "None" not in cited
        assert "()" not in cited
        assert f"version {DESCRIPTOR['version']}" in cited


class TestLabels:
    @each_resource
    def test_every_row_has_one(self, name: str) -> None:
        labels = Labels(CONTRACT, lambda table: DATASET.load(table, "arrow").to_pylist())
        assert labels[name] == {key: label(name, key) for key in ROWS[name]}
        assert all(labels[name].values())

    def test_tables_that_point_to_each_other(self, tmp_path: Path) -> None:
        """Such a row is labelled with the key of the other one."""
        shutil.copytree(REPO / "schemas", tmp_path / "schemas")
        shutil.copy(REPO / "datapackage.json", tmp_path)
        path = tmp_path / "schemas/relations.json"
        schema = json.loads(path.read_text("utf-8"))
        for key in schema["foreignKeys"]:
            key["reference"] = {"resource": "relations", "fields": ["relation_id"]}
        path.write_text(json.dumps(schema), "utf-8")
        rows = [dict.fromkeys(ROWS["relations"][TABLES["relations"][0]["relation_id"]])]
        rows[0] |= {"relation_id": "a", "subject_id": "a", "predicate": "member_of"}
        labels = Labels(Contract.read(tmp_path), lambda _: rows)
        assert labels["relations"] == {"a": "a · Is a member of"}


class TestMapping:
    def test_a_table_by_its_name(self) -> None:
        pd.testing.assert_frame_equal(DATASET["events"], DATASET.load("events"))
        with pytest.raises(KeyError, match="did you mean 'events'"):
            DATASET["event"]

    def test_iteration_is_over_the_names(self) -> None:
        assert list(DATASET) == DATASET.tables
        assert len(DATASET) == len(SCHEMAS)
        assert "events" in DATASET
        assert "event" not in DATASET
        assert None not in DATASET

    def test_a_console_completes_the_names(self) -> None:
        completer = IPCompleter(namespace={"data": DATASET})  # type: ignore[no-untyped-call]
        with provisionalcompleter():
            (found,) = completer.completions('data["pos', len('data["pos'))
        assert found.text == "positions"


class TestCopies:
    """A copy is opened like the first, and shares no rows with it."""

    @pytest.mark.parametrize(
        "duplicate", [copy.copy, copy.deepcopy, lambda data: pickle.loads(pickle.dumps(data))]
    )
    def test_a_copy(self, duplicate: Callable[[Dataset], Dataset]) -> None:
        data = gazadata.open_dataset(REPO)
        data.explain("events", "doha-negotiations")
        other = duplicate(data)
        assert repr(other) == repr(data)
        assert other._cached == {}
        pd.testing.assert_frame_equal(other["events"], data["events"])

    def test_in_a_pool_of_processes(self, package_copy: Path) -> None:
        """`spawn`, the default on Windows and macOS, pickles the function with its object."""
        data = gazadata.open_dataset(package_copy)
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            for name, frame in zip(data, pool.map(data.load, data), strict=True):
                pd.testing.assert_frame_equal(frame, data[name])
                assert frame.attrs == data[name].attrs


class TestDescribe:
    def test_the_tables(self) -> None:
        frame = DATASET.describe()
        assert frame["table"].tolist() == DATASET.tables
        assert frame["rows"].tolist() == [len(TABLES[name]) for name in SCHEMAS]
        assert frame["title"].tolist() == [one["title"] for one in SCHEMAS.values()]
        assert frame["description"].tolist() == [one["description"] for one in SCHEMAS.values()]

    @each_resource
    def test_the_columns_of_a_table(self, name: str) -> None:
        for row, raw in zip(
            DATASET.describe(name).to_dict("records"), SCHEMAS[name]["fields"], strict=True
        ):
            labels = {one["value"]: one["label"] for one in raw.get("categories", [])}
            assert row == {
                "column": raw["name"],
                **{part: raw[part] for part in ("title", "type", "description")},
                "required": raw.get("constraints", {}).get("required", False),
                "terms": labels or None,
            }


class TestView:
    @each_resource
    def test_it_begins_as_load_does(self, name: str) -> None:
        loaded = DATASET.load(name)
        pd.testing.assert_frame_equal(DATASET.view(name)[list(loaded.columns)], loaded)

    @each_resource
    def test_its_columns(self, name: str) -> None:
        added = [
            f"{field.removesuffix('_id')}_{what}"
            for field, target in foreign_keys(name).items()
            for what in ("label", *(["within"] if target in ("actors", "topics") else []))
        ]
        quad = ["quad_class"] if name == "events" else []
        expected = [*ROWS[name][TABLES[name][0][KEYS[name]]], *added, *quad, "quotes"]
        assert list(DATASET.view(name).columns) == expected

    @each_resource
    def test_labels_are_those_of_the_rows_that_keys_point_to(self, name: str) -> None:
        view = DATASET.view(name)
        for field, target in foreign_keys(name).items():
            shown = view[f"{field.removesuffix('_id')}_label"]
            assert shown.dtype == "string"
            assert shown.fillna("").tolist() == [
                label(target, row[field]) if row[field] else "" for row in TABLES[name]
            ]

    def test_the_quad_class_follows_from_the_type(self) -> None:
        with (REPO / "reference/plover.csv").open(encoding="utf-8", newline="") as file:
            classes = {row["event_type"]: row["quad_class"] for row in csv.DictReader(file)}
        view = DATASET.view("events")
        assert view["quad_class"].fillna("").tolist() == [
            classes.get(row["event_type"], "") for row in TABLES["events"]
        ]

    @each_resource
    def test_quotes_in_the_order_of_the_text(self, name: str) -> None:
        for key, quotes in zip(ROWS[name], DATASET.view(name)["quotes"], strict=True):
            spans = {
                (quote["source_id"], int(quote["char_start"]), int(quote["char_end"]))
                for row in EVIDENCE.get((name, key), [])
                if row["quote_id"]
                for quote in [ROWS["quotes"][row["quote_id"]]]
            }
            words = [TEXTS[source][start:end] for source, start, end in sorted(spans)]
            assert quotes == list(dict.fromkeys(words))

    def test_the_same_words_twice_count_from_the_first_place(self, package_copy: Path) -> None:
        """The last of two places used to decide, whichever row of evidence came last."""
        change(package_copy, "quotes", "according-to-a-reuters-report", exact="Munir")
        change(package_copy, "quotes", "actively-soliciting", exact="Munir")
        rows = csv_rows("evidence", package_copy)
        for row, quote in zip(
            (row for row in rows if (row["resource"], row["row_id"]) == ("actors", "asim-munir")),
            ["actively-soliciting", "the-trump-administration", "according-to-a-reuters-report"],
            strict=False,
        ):
            row["quote_id"] = quote
        store(package_copy, "evidence", rows)
        view = gazadata.open_dataset(package_copy).view("actors")
        quotes = dict(zip(view["actor_id"], view["quotes"], strict=True))
        assert [
            words
            for words in quotes["asim-munir"]
            if words in ("Munir", "The Trump administration")
        ] == [
            "The Trump administration",
            "Munir",
        ]


class TestExplain:
    @each_resource
    def test_every_cell_of_every_row(self, name: str) -> None:
        required = {
            f["name"] for f in SCHEMAS[name]["fields"] if f["gazadata:evidence"] == "required"
        }
        keys = foreign_keys(name)
        for key, row in ROWS[name].items():
            told = DATASET.explain(name, key)
            assert [(cell.field, cell.value) for cell in told.cells] == [
                (field, value) for field, value in row.items() if value
            ]
            assert told.empty == tuple(field for field, value in row.items() if not value)
            for cell in told.cells:
                assert cell.needs_evidence == (cell.field in required)
                assert bool(cell.support) == (cell.field in required)
                target = keys.get(cell.field)
                assert cell.label == (label(target, cell.value) if target else None)

    @each_resource
    def test_the_text_shows_each_quote_in_context(self, name: str) -> None:
        for key in ROWS[name]:
            told = str(DATASET.explain(name, key))
            assert told.startswith(f"{name}/{key}\n")
            for row in EVIDENCE.get((name, key), []):
                assert f"\n  {row['field']}: " in told
                assert row["note"] in told
                if row["quote_id"]:
                    quote = ROWS["quotes"][row["quote_id"]]
                    start, end = int(quote["char_start"]), int(quote["char_end"])
                    assert f"[{TEXTS[quote['source_id']][start:end]}]" in told
                    assert f"{quote['prefix']}[{quote['exact']}]{quote['suffix']}" in told
                    assert f"{quote['passage_id']}, characters {start} to {end}" in told
                else:
                    assert ROWS["sources"][row["reference_id"]]["title"] in told

    @each_resource
    def test_the_chain_of_attribution(self, name: str) -> None:
        """A part in an event, and a condition, are reported as the event and the position are."""
        whole = {"participants": ("events", "event_id"), "conditions": ("positions", "position_id")}
        for key, row in ROWS[name].items():
            said = row
            if name in whole:
                target, field = whole[name]
                said = ROWS[target][row[field]]
            told = DATASET.explain(name, key)
            lines = str(told).splitlines()
            if "certainty" not in said:
                assert (told.source, told.attributed_to, told.certainty, told.hedge) == (None,) * 4
                assert "reported by" not in str(told)
                continue
            voice = (
                f"on the word of: {label('sources', said['attributed_to'])}"
                if said["attributed_to"]
                else "in its own voice"
            )
            assert lines[1] == f"  reported by: {label('sources', said['source_id'])}, {voice}"
            hedge = f" (“{said['hedge']}”)" if said["hedge"] else ""
            of = ""
            if name in whole:
                of = f" to {target}/{row[field]}, of which this is a part"
            assert lines[2] == f"  the article's commitment{of}: {said['certainty']}{hedge}"

    @each_resource
    def test_one_field(self, name: str) -> None:
        key = next(iter(ROWS[name]))
        whole = DATASET.explain(name, key)
        for field, value in ROWS[name][key].items():
            told = DATASET.explain(name, key, field)
            assert told.cells == tuple(cell for cell in whole.cells if cell.field == field)
            assert told.empty == (() if value else (field,))
            assert (f"\n  {field}: " in str(told)) == bool(value)
            assert (f"\n  empty: {field}" in str(told)) == (not value)

    def test_an_ellipsis_marks_only_words_that_are_left_out(self) -> None:
        """The headline has nothing before it."""
        told = str(DATASET.explain("names", "trump-trump-administration"))
        assert "[Trump" in told
        assert "…[Trump" not in told


class TestEvidence:
    @each_resource
    def test_every_row(self, name: str) -> None:
        # Of the tables whose cells need no evidence, some rows will do.
        rows = list(ROWS[name].items())
        for key, row in rows if name in {key[0] for key in EVIDENCE} else rows[::40]:
            frame = DATASET.evidence(name, key)
            found = [
                tuple("" if pd.isna(value) else str(value) for value in one)
                for one in frame.itertuples(index=False)
            ]
            expected = []
            for item in EVIDENCE.get((name, key), []):
                quote = ROWS["quotes"].get(item["quote_id"], {})
                expected.append(
                    (
                        item["field"],
                        row[item["field"]],
                        item["basis"],
                        *(quote.get(part, "") for part in ("exact", "source_id", "passage_id")),
                        *(quote.get(part, "") for part in ("char_start", "char_end")),
                        item["reference_id"],
                        item["note"],
                    )
                )
            assert sorted(found) == sorted(expected)

    @each_resource
    def test_its_types_are_the_same_with_and_without_evidence(self, name: str) -> None:
        frame = DATASET.evidence(name, next(iter(ROWS[name])), KEYS[name])
        assert len(frame) == 0
        full = DATASET.evidence("events", "doha-negotiations")
        assert len(full) > 0
        assert frame.dtypes.tolist() == full.dtypes.tolist()
        assert list(frame.columns) == list(full.columns)

    def test_offsets_are_code_points(self) -> None:
        """In bytes, every quote after the first curly apostrophe would be shifted."""
        rows = DATASET.evidence("positions", "israel-hamas-proposal").to_dict("records")
        assert rows
        for row in rows:
            text = TEXTS[row["source_id"]]
            assert text[int(row["char_start"]) : int(row["char_end"])] == row["quote"]

    def test_one_field(self) -> None:
        frame = DATASET.evidence("events", "doha-negotiations", "outcome")
        assert set(frame["field"]) == {"outcome"}


@each_resource
def test_the_schema_accepts_the_frame_and_refuses_a_spoilt_one(name: str) -> None:
    frame, schema = DATASET.load(name), DATASET.schema(name)
    schema.validate(frame)
    frame.loc[0, KEYS[name]] = "No Slug"
    with pytest.raises(Exception, match=KEYS[name]):
        schema.validate(frame)


# Packages that somebody else made or broke.


def store(root: Path, name: str, rows: list[dict[str, str]]) -> None:
    with (root / "data" / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def change(root: Path, name: str, key: str, **cells: str) -> None:
    rows = csv_rows(name, root)
    (row,) = (row for row in rows if row[KEYS[name]] == key)
    row.update(cells)
    store(root, name, rows)


def describe(root: Path, edit: Callable[[Json], Any]) -> None:
    path = root / "datapackage.json"
    descriptor = json.loads(path.read_text("utf-8"))
    edit(descriptor)
    path.write_text(json.dumps(descriptor), "utf-8")


def overwrite(path: str, content: bytes) -> Callable[[Path], Any]:
    return lambda root: (root / path).write_bytes(content)


def substitute(path: str, old: bytes, new: bytes) -> Callable[[Path], Any]:
    def damage(root: Path) -> None:
        content = (root / path).read_bytes()
        assert old in content
        (root / path).write_bytes(content.replace(old, new, 1))

    return damage


def folder_in_place_of(path: str) -> Callable[[Path], Any]:
    def damage(root: Path) -> None:
        (root / path).unlink()
        (root / path).mkdir()

    return damage


DAMAGE: dict[str, tuple[Callable[[Path], Any], str]] = {
    "no package": (shutil.rmtree, "no data package at"),
    "no descriptor": (lambda root: (root / "datapackage.json").unlink(), "no data package at"),
    "no JSON": (overwrite("datapackage.json", b"{"), r"datapackage\.json:1:2: invalid JSON"),
    "a list": (overwrite("datapackage.json", b"[]"), "a JSON array instead of a JSON object"),
    "no schema": (lambda root: (root / "schemas/events.json").unlink(), r"no file schemas/"),
    "a schema that is no JSON": (
        overwrite("schemas/events.json", b""),
        r"events\.json:1:1: invalid",
    ),
    "no table": (lambda root: (root / "data/events.csv").unlink(), r"events\.csv: no such file"),
    "a folder": (
        folder_in_place_of("data/events.csv"),
        r"events\.csv: ",
    ),
    "an empty file": (overwrite("data/events.csv", b""), r"events\.csv: Empty"),
    "a ragged row": (
        substitute("data/events.csv", b"doha-negotiations,", b"doha-negotiations,,,"),
        r"events\.csv: .*Expected 21 columns, got 23",
    ),
    "another type": (
        substitute("data/events.csv", b",false,", b",maybe,"),
        r"events\.csv: .*invalid value 'maybe'",
    ),
    "another term": (
        substitute("data/events.csv", b",CONSULT,", b",CONSULTS,"),
        r"events\.event_type holds a term that is not in its vocabulary",
    ),
    "a wrong column": (
        substitute("data/events.csv", b"event_mode", b"mode"),
        r"events\.csv: the columns are .*, mode, .*; expected .*, event_mode,",
    ),
    "a double column": (
        substitute("data/events.csv", b"event_mode", b"event_type"),
        r"events\.csv: the columns are .*, event_type, event_type, ",
    ),
    "bytes that are no text": (
        substitute("data/events.csv", b"Negotiations", b"Negotiation\xff"),
        r"events\.csv: .*UTF8",
    ),
    "a table outside": (
        lambda root: describe(root, lambda d: d["resources"][8].update(path="../events.csv")),
        "is outside the package",
    ),
    "no such resource": (
        lambda root: describe(root, lambda d: d["resources"].pop(8)),
        "no resource 'events'; expected the resource 'events', which a foreign key",
    ),
}


@pytest.mark.parametrize(("damage", "reason"), DAMAGE.values(), ids=list(DAMAGE))
def test_a_broken_package_is_an_error_that_says_what_is_broken(
    package_copy: Path, damage: Callable[[Path], Any], reason: str
) -> None:
    assert DESCRIPTOR["resources"][8]["name"] == "events"
    damage(package_copy)
    with pytest.raises(GazadataError, match=reason) as caught:
        gazadata.open_dataset(package_copy).load("events")
    assert not isinstance(caught.value.__cause__, BaseException)
    with pytest.raises(GazadataError, match=reason):
        gazadata.open_dataset(package_copy).view("events")


@pytest.mark.parametrize("name", ["quotes", "sources", "evidence"])
def test_a_missing_table_affects_only_what_needs_it(package_copy: Path, name: str) -> None:
    (package_copy / f"data/{name}.csv").unlink()
    dataset = gazadata.open_dataset(package_copy)
    assert len(dataset.load("events")) == len(TABLES["events"])
    with pytest.raises(ReadError, match=rf"{name}\.csv: no such file"):
        dataset.explain("events", "doha-negotiations")
    with pytest.raises(ReadError, match=rf"{name}\.csv: no such file"):
        dataset.view("events")


def test_a_key_that_points_to_nothing_does_not_prevent_reading(package_copy: Path) -> None:
    """Loading never validates, but a bare KeyError helped nobody."""
    change(package_copy, "events", "doha-negotiations", source_id="gone", topic_id="gone")
    quotes = csv_rows("quotes", package_copy)
    store(package_copy, "quotes", [q for q in quotes if "troop-commitments" not in q["quote_id"]])
    dataset = gazadata.open_dataset(package_copy)
    view = dataset.view("events")
    row = view[view["event_id"] == "doha-negotiations"]
    assert row[["topic_label", "source_label"]].isna().all(axis=None)
    told = dataset.explain("events", "doha-negotiations")
    assert told.source is None
    assert "topic_id: gone\n" in str(told)
    rows = csv_rows("evidence", package_copy)
    behind = [r for r in rows if (r["resource"], r["row_id"]) == ("events", "doha-negotiations")]
    evidence = dataset.evidence("events", "doha-negotiations")
    assert len(evidence) == len(behind)
    assert evidence["quote"].isna().any()


def test_a_part_of_an_event_that_is_gone(package_copy: Path) -> None:
    change(package_copy, "participants", "doha-negotiations-turkey", event_id="gone")
    dataset = gazadata.open_dataset(package_copy)
    assert dataset.explain("participants", "doha-negotiations-turkey").certainty is None


def test_a_cell_without_evidence_says_so(package_copy: Path) -> None:
    rows = csv_rows("evidence", package_copy)
    kept = [r for r in rows if (r["row_id"], r["field"]) != ("doha-negotiations", "outcome")]
    store(package_copy, "evidence", kept)
    told = str(
        gazadata.open_dataset(package_copy).explain("events", "doha-negotiations", "outcome")
    )
    assert "outcome: concluded without concrete troop commitments\n    no evidence" in told
    assert "no evidence" not in str(DATASET.explain("events", "doha-negotiations"))


@pytest.mark.parametrize(
    "error",
    [
        UnknownName("resource", "evnts", ["events"]),
        MissingExtra("polars", "validate"),
        ReadError("no data package"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_comes_back_from_a_worker_process(error: GazadataError) -> None:
    """Errors with more arguments than a text could be pickled but not unpickled, so pools hung."""
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)


def test_an_unknown_name_is_a_key_error_without_its_quotes() -> None:
    with pytest.raises(KeyError) as caught:
        DATASET.load("evnts")
    assert not re.match("['\"]", str(caught.value))


def test_the_class_is_what_the_function_returns() -> None:
    assert isinstance(DATASET, Dataset)
    assert gazadata.Dataset is Dataset


def test_a_view_finds_what_is_below_a_state_and_a_topic(package_copy: Path) -> None:
    """Topics and holders are finer than a question: the force, its troops and Pakistan's."""
    positions = gazadata.open_dataset(package_copy).view("positions")
    below = {
        name: {row.position_id for row in positions.itertuples() if key in getattr(row, name)}
        for name, key in (("topic_within", "isf"), ("holder_within", "pakistan"))
    }
    assert (positions["topic_id"] == "isf").sum() == 0
    assert "trump-administration-pakistani-troops" in below["topic_within"]
    assert "azerbaijan-isf-participation" in below["topic_within"]
    assert "hamas-weapon-decommissioning" not in below["topic_within"]
    assert (positions["holder_id"] == "pakistan").sum() == 0
    assert {
        "pakistan-government-pakistani-troops", "pakistani-public-palestinian-causes",
    } <= below["holder_within"]  # fmt: skip
    assert "israel-hamas-proposal" not in below["holder_within"]
    spoken = positions.set_index("position_id")["spokesperson_within"]
    assert spoken["israel-hamas-proposal"] == []
    assert spoken["pakistan-government-pakistani-troops"] == [
        "mohammad-ishaq-dar", "pakistan-government", "pakistan",
    ]  # fmt: skip


def test_a_view_of_a_draft_with_a_circle_ends(package_copy: Path) -> None:
    path = package_copy / "data/topics.csv"
    rows = list(csv.DictReader(path.read_text("utf-8").splitlines()))
    for row in rows:
        if row["topic_id"] == "20-point-peace-initiative":
            row["part_of"] = "isf"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    view = gazadata.open_dataset(package_copy).view("events")
    assert ["isf", "20-point-peace-initiative"] in [
        keys[-2:] for keys in view["topic_within"] if keys
    ]
