"""Diffs: applying one gives the new tables, and the order of rows and columns does not matter."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import random
import re
import shutil
import string
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from tests.release.applied import apply
from tests.release.packages import REPO, copy_package, with_version

from gazadata import cli
from gazadata.contract.version import LEVELS, Level, bumped, parse
from gazadata.curate.canonical import canonical_csv
from gazadata.errors import GazadataError, ReadError, ReleaseError
from gazadata.package import Package
from gazadata.release.contract_diff import compare_contracts
from gazadata.release.diff import diff
from gazadata.release.diff_formats import FORMATS, to_json
from gazadata.release.sides import side
from gazadata.release.store import publish

pytestmark = pytest.mark.sampled

Table = list[list[str]]


def read(path: Path) -> Table:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def write(path: Path, table: Table) -> None:
    path.write_bytes(canonical_csv(table[0], table[1:]))


def edited(root: Path, schema: str, change: Any) -> None:
    path = root / "schemas" / f"{schema}.json"
    content = json.loads(path.read_text("utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")


def reshape(root: Path, name: str, columns: list[str], key: str) -> None:
    """Change a table's columns and the name of its key, in its schema and in its file."""
    for path in (root / "schemas").glob("*.json"):
        schema = json.loads(path.read_text("utf-8"))
        for foreign in schema["foreignKeys"]:
            if (foreign["reference"].get("resource") or path.stem) == name:
                foreign["reference"]["fields"] = [key]
        if path.stem == name:
            was = schema["primaryKey"][0]
            known = {f["name"]: f for f in schema["fields"]} | {
                key: next(f for f in schema["fields"] if f["name"] == was) | {"name": key}
            }
            plain = {"type": "string", "title": "t", "description": "d"}
            schema["fields"] = [known.get(c, plain | {"name": c}) for c in columns]
            schema |= {"primaryKey": [key], "foreignKeys": [], "uniqueKeys": []}
            schema.pop("gazadata:label", None)
        path.write_text(json.dumps(schema), encoding="utf-8")
    with (root / "data" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        rows = [{**row, key: row[was]} for row in csv.DictReader(file)]
    table = [[row.get(c, "") for c in columns] for row in rows]
    (root / "data" / f"{name}.csv").write_bytes(canonical_csv(columns, table, key))


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return copy_package(tmp_path / "old")


@pytest.fixture
def new(tmp_path: Path) -> Path:
    return copy_package(tmp_path / "new")


CELLS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=12)


@st.composite
def edits(draw: st.DrawFn) -> list[tuple[str, Any, int]]:
    """Edits of a table: a cell set, a row removed, a row added."""
    return draw(
        st.lists(
            st.tuples(st.sampled_from(["set", "remove", "add"]), CELLS, st.integers(0, 10_000)),
            max_size=12,
        )
    )


def edit(table: Table, changes: list[tuple[str, Any, int]]) -> Table:
    header, *rows = table
    rows = [list(row) for row in rows]
    for kind, value, number in changes:
        if kind == "add":
            key = f"new-{number}"
            if key not in {row[0] for row in rows}:
                rows.append([key, *([value] * (len(header) - 1))])
        elif rows:
            row = rows[number % len(rows)]
            if kind == "remove":
                rows.remove(row)
            else:
                row[1 + number % (len(header) - 1)] = value
    return [header, *rows]


@settings(max_examples=12, deadline=None)
@given(changes=edits(), shuffle=st.randoms(use_true_random=False))
@pytest.mark.parametrize("name", ["topics", "quotes"])
def test_applying_a_diff_gives_the_new_bytes(
    name: str,
    changes: list[tuple[str, Any, int]],
    shuffle: random.Random,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    root = tmp_path_factory.mktemp("diff")
    old, new = copy_package(root / "old"), copy_package(root / "new")
    table = edit(read(old / "data" / f"{name}.csv"), changes)
    write(new / "data" / f"{name}.csv", table)
    wanted = (new / "data" / f"{name}.csv").read_bytes()
    header, *rows = table
    shuffle.shuffle(rows)
    with (new / "data" / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])
    before, after = Package.open(old), Package.open(new)
    patch = json.loads(json.dumps(to_json(diff(before, after))))
    assert apply(before, patch)[name] == wanted
    assert not diff(after, after)
    shutil.rmtree(root)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda table, patch: patch.clear(), "of the format None"),
        (lambda table, patch: patch.update(format="gazadata-diff/9"), "of the format 'gazadata-d"),
        (lambda table, patch: table["added"][0].update(topic_id="isf"), "adds isf, which is there"),
        (
            lambda table, patch: table["removed"][0].update(label="x"),
            "which is not there as it was",
        ),
        (lambda table, patch: table["removed"][0].update(topic_id="x"), "removes x, which is not"),
        (lambda table, patch: table["changed"][0].update(old="x"), "from 'x', which is not there"),
        (lambda table, patch: table["changed"][0].update(topic_id="x"), "changes x.label from"),
    ],
)
def test_a_diff_of_another_package_is_not_applied(
    old: Path, new: Path, change: Callable[[dict[str, Any], dict[str, Any]], None], told: str
) -> None:
    """An existing row used to be replaced, and a different one removed, without an error."""
    header, *rows = read(new / "data/topics.csv")
    rows[0][1] = "Another label"
    rows[-1] = ["zz", *rows[-1][1:]]
    write(new / "data/topics.csv", [header, *rows])
    before = Package.open(old)
    patch = to_json(diff(before, Package.open(new)))
    assert apply(before, patch)["topics"] == (new / "data/topics.csv").read_bytes()
    change(patch["tables"]["topics"], patch)
    with pytest.raises(ReleaseError, match=re.escape(told)):
        apply(before, patch)


@settings(max_examples=12, deadline=None)
@given(data=st.data(), changes=edits())
def test_applying_a_diff_gives_the_new_bytes_when_columns_change(
    data: st.DataObject,
    changes: list[tuple[str, Any, int]],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    root = tmp_path_factory.mktemp("diff")
    old, new = copy_package(root / "old"), copy_package(root / "new")
    table = read(old / "data/topics.csv")
    if data.draw(st.booleans()):
        write(new / "data/topics.csv", edit(table, changes))
    columns = data.draw(st.lists(st.sampled_from([*table[0][1:], "extra"]), unique=True))
    key = data.draw(st.sampled_from(["topic_id", "id", "kind"]))
    if key in columns:
        columns.remove(key)
    elif key == "kind":
        # Another existing field with a different value in each row becomes the key.
        columns = [*columns, "topic_id"]
    columns.insert(data.draw(st.integers(0, len(columns))), key)
    reshape(new, "topics", columns, key)
    wanted = (new / "data/topics.csv").read_bytes()
    before, after = Package.open(old), Package.open(new)
    result = diff(before, after)
    patch = json.loads(json.dumps(to_json(result)))
    assert apply(before, patch)["topics"] == wanted
    assert (columns != table[0]) == ("topics" in result.tables and result.tables["topics"].reshaped)
    for show in FORMATS.values():
        assert show(result)
    shutil.rmtree(root)


@pytest.mark.parametrize(
    ("columns", "key"),
    [
        (["topic_id", "kind", "label", "part_of", "status", "description"], "topic_id"),
        (["topic_id", "label", "kind", "part_of", "status", "description", "extra"], "topic_id"),
        (["topic_id", "label", "kind", "part_of", "status"], "topic_id"),
        (["id", "label", "kind", "part_of", "status", "description"], "id"),
    ],
    ids=["swapped", "a new empty one", "one less", "another key"],
)
def test_a_change_of_columns_alone_is_a_change(
    old: Path, new: Path, columns: list[str], key: str
) -> None:
    reshape(new, "topics", columns, key)
    before, after = Package.open(old), Package.open(new)
    result = diff(before, after)
    change = result.tables["topics"]
    assert [change.added.height, change.removed.height, change.changed.height] == [0, 0, 0]
    assert apply(before, to_json(result))["topics"] == (new / "data/topics.csv").read_bytes()
    with pytest.raises(GazadataError, match="columns"):
        apply(after, to_json(result))


def test_a_diff_with_itself_is_empty() -> None:
    package = Package.open(REPO)
    result = diff(package, package)
    assert not result
    assert result.bump()[0] == "none"


def test_a_diff_is_refused_by_a_package_that_it_was_not_made_from(old: Path, new: Path) -> None:
    table = read(new / "data/topics.csv")
    table[1][1] = "another label"
    write(new / "data/topics.csv", table)
    patch = to_json(diff(Package.open(old), Package.open(new)))
    with pytest.raises(GazadataError, match=table[1][0]):
        apply(Package.open(new), patch)


@pytest.mark.parametrize(
    ("change", "level"),
    [
        (lambda t: t[1].__setitem__(1, "x"), "patch"),
        (lambda t: t.append(["zz-new", *t[1][1:]]), "minor"),
        (lambda t: t.pop(1), "major"),
    ],
    ids=["a cell", "a row more", "a row less"],
)
def test_the_bump_for_rows(old: Path, new: Path, change: Any, level: str) -> None:
    table = read(new / "data/topics.csv")
    change(table)
    write(new / "data/topics.csv", table)
    assert diff(Package.open(old), Package.open(new)).bump()[0] == level


def at_end(schema: Any) -> None:
    schema["fields"].append({"name": "extra", "type": "string", "title": "t", "description": "d"})


def at_end_with_a_foreign_key(schema: Any) -> None:
    at_end(schema)
    schema["foreignKeys"].append(
        {"fields": ["extra"], "reference": {"resource": "actors", "fields": ["actor_id"]}}
    )


def at_end_with_a_unique_key(schema: Any) -> None:
    at_end(schema)
    schema["uniqueKeys"] = [["extra"]]


def at_end_in_a_unique_key_with_an_old_field(schema: Any) -> None:
    at_end(schema)
    schema["uniqueKeys"] = [["extra", "kind"]]


def in_the_middle(schema: Any) -> None:
    schema["fields"].insert(
        1, {"name": "extra", "type": "string", "title": "t", "description": "d"}
    )


def without_term(schema: Any) -> None:
    field = next(f for f in schema["fields"] if f["name"] == "kind")
    field["constraints"]["enum"].pop()
    field["categories"].pop()


def with_term(schema: Any) -> None:
    field = next(f for f in schema["fields"] if f["name"] == "kind")
    field["constraints"]["enum"].append("other")
    field["categories"].append({"value": "other", "label": "Other"})


def constraint(name: str, value: Any) -> Any:
    def change(schema: Any) -> None:
        schema["fields"][-1].setdefault("constraints", {})[name] = value

    return change


@pytest.mark.parametrize(
    ("change", "level"),
    [
        (lambda s: s["fields"].pop(), "major"),
        (in_the_middle, "major"),
        (at_end, "minor"),
        (at_end_with_a_foreign_key, "minor"),
        (at_end_with_a_unique_key, "minor"),
        (at_end_in_a_unique_key_with_an_old_field, "major"),
        (without_term, "major"),
        (with_term, "minor"),
        (constraint("required", True), "major"),
        (constraint("pattern", "^x$"), "major"),
        (constraint("unique", True), "major"),
        (lambda s: s["fields"][-1].__setitem__("type", "integer"), "major"),
        (lambda s: s["fields"][-1].__setitem__("description", "other words"), "patch"),
        (lambda s: s["fields"].reverse(), "major"),
        (lambda s: s.__setitem__("title", "Other"), "patch"),
        (lambda s: s["foreignKeys"].pop(), "major"),
        (lambda s: s.__setitem__("uniqueKeys", [["label"]]), "major"),
    ],
)
def test_the_bump_for_the_contract(old: Path, new: Path, change: Any, level: str) -> None:
    edited(new, "topics", change)
    changes = compare_contracts(Package.open(old).contract, Package.open(new).contract)
    assert max((c.level for c in changes), key=LEVELS.index) == level


def a_new_type_with_a_recipient(field: Any) -> None:
    field["constraints"]["enum"].append("NEW")
    field["categories"].append({"value": "NEW", "label": "New"})
    field["gazadata:quadClass"]["NEW"] = "x"
    field["gazadata:recipientRequired"].append("NEW")


def of(name: str, change: Any) -> Any:
    """A change of one field of events."""
    return lambda s: change(next(f for f in s["fields"] if f["name"] == name))


def turned(property_: str) -> Any:
    def change(field: Any) -> None:
        holder = field["constraints"] if property_ == "enum" else field
        holder[property_].reverse()

    return change


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        (
            of("event_mode", lambda f: f["gazadata:modes"].pop("ASSAULT")),
            ("major", "ASSAULT removed"),
        ),
        (of("event_mode", lambda f: f.pop("gazadata:modes")), ("major", "removed")),
        (
            of("event_mode", lambda f: f["gazadata:modes"].__setitem__("AID", ["x"])),
            ("minor", "mode x of AID added"),
        ),
        (
            of("event_mode", lambda f: f["gazadata:modes"]["ASSAULT"].reverse()),
            ("patch", "gazadata:modes changed"),
        ),
        (
            of("event_type", lambda f: f["gazadata:recipientRequired"].append("ACCUSE")),
            ("major", "need for a recipient added: ACCUSE"),
        ),
        (
            of("event_type", lambda f: f["gazadata:recipientRequired"].remove("AID")),
            ("minor", "need for a recipient removed: AID"),
        ),
        (of("event_type", a_new_type_with_a_recipient), ("minor", "NEW added")),
        (
            of("event_type", lambda f: f["gazadata:quadClass"].pop("AID")),
            ("major", "class of AID removed"),
        ),
        (
            of("event_type", lambda f: f["gazadata:quadClass"].__setitem__("AID", "x")),
            ("patch", "gazadata:quadClass changed"),
        ),
        (
            of("label", lambda f: f.__setitem__("gazadata:reference", True)),
            ("major", "a reference"),
        ),
        (of("label", lambda f: f.__setitem__("gazadata:verbatim", True)), ("major", "verbatim")),
        (
            of("label", lambda f: f.__setitem__("gazadata:evidence", "required")),
            ("major", "required to have evidence"),
        ),
        (
            of("event_type", lambda f: f.__setitem__("gazadata:evidence", "exempt")),
            ("minor", "no longer required to have evidence"),
        ),
        (
            of("label", lambda f: f.pop("gazadata:evidence")),
            ("patch", "gazadata:evidence changed"),
        ),
        (of("event_type", turned("enum")), ("major", "order of the terms changed")),
        (of("event_type", turned("categories")), ("major", "order of the terms changed")),
        (
            of("event_type", lambda f: f.__setitem__("categoriesOrdered", True)),
            ("major", "terms now ordered"),
        ),
        (
            of("certainty", lambda f: f.pop("categoriesOrdered")),
            ("major", "terms no longer ordered"),
        ),
        (
            of("event_type", lambda f: f["categories"][0].__setitem__("label", "x")),
            ("patch", "label of the term AGREE changed"),
        ),
        (
            of("label", lambda f: f.__setitem__("format", "uri")),
            ("major", "format changed from default to uri"),
        ),
        (
            of("label", lambda f: f.__setitem__("example", "x")),
            ("patch", "example changed"),
        ),
        (of("label", lambda f: f.__setitem__("x", 1)), ("patch", "x changed")),
        (
            of("label", lambda f: f["constraints"].__setitem__("minLength", 1)),
            ("major", "minLength changed from none to 1"),
        ),
        (lambda s: s.__setitem__("missingValues", ["", "-"]), ("patch", "missingValues")),
        (lambda s: s.pop("name"), ("patch", "name changed")),
        (lambda s: s.__setitem__("gazadata:label", "event_id"), ("patch", "gazadata:label")),
    ],
)
def test_the_bump_for_each_property(
    old: Path, new: Path, change: Any, wanted: tuple[str, str]
) -> None:
    edited(new, "events", change)
    changes = compare_contracts(Package.open(old).contract, Package.open(new).contract)
    worst = max(changes, key=lambda c: LEVELS.index(c.level))
    assert worst.level == wanted[0]
    assert wanted[1] in str(worst)
    assert len({str(c) for c in changes}) == len(changes)


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        (lambda d: d["resources"][0].__setitem__("title", "x"), "sources: title"),
        (lambda d: d["resources"][0].__setitem__("sources", []), "sources: sources"),
        (lambda d: d["resources"].reverse(), "package: order of the tables changed"),
        (lambda d: d.__setitem__("keywords", []), "package: keywords"),
    ],
)
def test_any_other_change_of_the_descriptor_is_reported(
    old: Path, new: Path, change: Any, wanted: str
) -> None:
    content = json.loads((new / "datapackage.json").read_text("utf-8"))
    change(content)
    (new / "datapackage.json").write_text(json.dumps(content), encoding="utf-8")
    (only,) = compare_contracts(Package.open(old).contract, Package.open(new).contract)
    assert only.level == "patch"
    assert str(only).startswith(wanted)


def test_a_new_name_of_the_package_is_major(old: Path, new: Path) -> None:
    content = json.loads((new / "datapackage.json").read_text("utf-8"))
    content["name"] = "other"
    (new / "datapackage.json").write_text(json.dumps(content), encoding="utf-8")
    assert diff(Package.open(old), Package.open(new)).bump()[0] == "major"


def test_a_package_and_its_release_do_not_differ(built: Path, source: Path) -> None:
    for sides in ((source, built), (built, source)):
        result = diff(Package.open(sides[0]), Package.open(sides[1]))
        assert not result
        assert not result.contract


def test_a_resource_added_or_removed(old: Path, new: Path) -> None:
    content = json.loads((new / "datapackage.json").read_text("utf-8"))
    content["resources"] = [r for r in content["resources"] if r["name"] != "conditions"]
    (new / "datapackage.json").write_text(json.dumps(content), encoding="utf-8")
    a, b = Package.open(old), Package.open(new)
    assert diff(a, b).bump()[0] == "major"
    assert diff(b, a).bump()[0] == "minor"
    assert apply(b, to_json(diff(b, a)))["conditions"] == a.path("conditions").read_bytes()
    assert "conditions" not in apply(a, to_json(diff(a, b)))


def test_changed_evidence_is_reported_for_its_row(old: Path, new: Path) -> None:
    evidence = read(new / "data/evidence.csv")
    row = next(r for r in evidence if r[1] == "topics" and r[7])
    row[7] = "another note"
    write(new / "data/evidence.csv", evidence)
    topics = read(new / "data/topics.csv")
    next(r for r in topics if r[0] == row[2])[1] = "another label"
    write(new / "data/topics.csv", topics)
    assert diff(Package.open(old), Package.open(new)).tables["topics"].support == (row[2],)


def test_a_changed_quote_is_reported_for_the_rows_that_rest_on_it(old: Path, new: Path) -> None:
    quotes = read(new / "data/quotes.csv")
    evidence = read(new / "data/evidence.csv")
    field = evidence[0].index("quote_id")
    used = [row for row in evidence if row[1] == "events" and row[field]]
    quote = next(row for row in quotes if row[0] == used[0][field])
    quote[quotes[0].index("exact")] += "x"
    write(new / "data/quotes.csv", quotes)
    result = diff(Package.open(old), Package.open(new))
    resting = {(row[1], row[2]) for row in evidence if row[field] == quote[0]}
    told = {(name, key) for name, table in result.tables.items() for key in table.support}
    assert told == resting
    assert not result.tables["events"].edited
    assert f"evidence changed for: {used[0][2]}" in FORMATS["full"](result)
    assert result.bump()[0] == "patch"


def test_evidence_that_moves_to_another_quote_or_row_is_reported_for_both(
    old: Path, new: Path
) -> None:
    evidence = read(new / "data/evidence.csv")
    events = [row for row in evidence if row[1] == "events"]
    rows = sorted({row[2] for row in events})[:2]
    next(row for row in events if row[2] == rows[0])[2] = rows[1]
    write(new / "data/evidence.csv", evidence)
    assert diff(Package.open(old), Package.open(new)).tables["events"].support == tuple(rows)


@pytest.mark.parametrize(
    ("version", "level", "least"),
    [
        ("1.0.0", "patch", "1.0.1"),
        ("1.2.3", "minor", "1.3.0"),
        ("1.2.3", "major", "2.0.0"),
        ("1.2.3-rc.1", "patch", "1.2.3"),
        ("2.0.0-rc.1", "major", "2.0.0"),
    ],
)
def test_bumped(version: str, level: Level, least: str) -> None:
    parsed = parse(version)
    assert parsed
    assert bumped(parsed, level) == parse(least)


WORDS = st.text(string.ascii_letters + ' ,"->\u2019', max_size=10)


HEADER = "resource,row_id,replaced_by,reason,version\n"


def test_retired_identifiers_are_shown_and_applied(old: Path, new: Path) -> None:
    """No format used to show rows of retired.csv, and applying a diff lost them."""
    kept = "actors,kept,,said twice,0.9.0\n"
    (old / "data/retired.csv").write_text(
        f"{HEADER}actors,gone,,no actor,0.9.0\nactors,named,,no actor,0.9.0\n{kept}", "utf-8"
    )
    (new / "data/retired.csv").write_text(
        f"{HEADER}topics,fresh,isf,merged,1.0.0\n{kept}actors,named,,no person,0.9.0\n", "utf-8"
    )
    result = diff(Package.open(old), Package.open(new))
    assert result.bump()[0] == "patch"
    told = [
        "actors/gone: not replaced; no actor (0.9.0)",
        "actors/named: not replaced; no person (0.9.0)",
        "actors/named: not replaced; no actor (0.9.0)",
        "topics/fresh: replaced by isf; merged (1.0.0)",
    ]
    for name in ("full", "markdown"):
        shown = FORMATS[name](result)
        assert [line for line in told if line not in shown] == []
        assert "kept" not in shown
    patch = json.loads(FORMATS["json"](result))
    assert [(c["old"] or c["new"])["row_id"] for c in patch["retired"]] == [
        "gone",
        "named",
        "fresh",
    ]
    made = apply(Package.open(old), patch)
    assert made.pop("retired.csv").decode() == (
        f"{HEADER}actors,kept,,said twice,0.9.0\nactors,named,,no person,0.9.0\n"
        "topics,fresh,isf,merged,1.0.0\n"
    )
    assert made.keys() == Package.open(new).contract.resources.keys()
    with pytest.raises(GazadataError, match="which is not there"):
        apply(Package.open(new), patch)
    assert not diff(Package.open(new), Package.open(new))


def test_rows_whose_evidence_changed_are_counted_if_not_all_are_named(old: Path, new: Path) -> None:
    evidence = read(new / "data/evidence.csv")
    note, many = evidence[0].index("note"), set()
    for row in evidence[1:]:
        if row[1] == "names":
            row[note] += "x"
            many.add(row[2])
    write(new / "data/evidence.csv", evidence)
    assert len(many) > 50
    shown = FORMATS["markdown"](diff(Package.open(old), Package.open(new)))
    assert f", {sorted(many)[49]} and {len(many) - 50} more\n" in shown


def test_markdown_shows_what_the_cells_hold(old: Path, new: Path) -> None:
    """Values used to be unescaped: a link, an image from somebody's server, a heading."""
    value = r"*a* _b_ c_d [e](http://f) <img src=g> `h` &amp; \i\* ~~j~~ | **k**" + "\n# l"
    table = read(new / "data/topics.csv")
    table[1][1] = value
    write(new / "data/topics.csv", table)
    reason = "*merged* with <b>isf</b>"
    (new / "data/retired.csv").write_text(f"{HEADER}topics,gone,,{reason},0.9.0\n", "utf-8")
    shown = FORMATS["markdown"](diff(Package.open(old), Package.open(new)))
    inline = [
        child
        for token in MarkdownIt().enable(["strikethrough", "table"]).parse(shown)
        for child in token.children or ()
    ]
    assert {child.type for child in inline} == {"text", "code_inline"}
    text = "".join(child.content for child in inline)
    assert f"is now “{value}”" in text
    assert reason in text


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_every_format_names_the_row_that_changed(old: Path, new: Path, name: str) -> None:
    table = read(new / "data/topics.csv")
    table[1][1] = "another | label -> here"
    write(new / "data/topics.csv", table)
    shown = FORMATS[name](diff(Package.open(old), Package.open(new)))
    assert table[1][0] in shown
    assert "another" in shown


@dataclass
class Done:
    returncode: int
    stdout: str
    stderr: str


def diffed(*arguments: str, **environment: str) -> Done:
    """Run `gazadata diff`, which must end with a report, or with one line and exit 2."""
    out, err = io.StringIO(), io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        warnings.catch_warnings(),
    ):
        for name, value in environment.items():
            patch.setenv(name, value)
        patch.setattr(sys, "argv", ["gazadata", "diff", *arguments])
        patch.setattr(sys, "meta_path", [*sys.meta_path])
        with pytest.raises(SystemExit) as end:
            cli.main()
    done = Done(int(end.value.code or 0), out.getvalue(), err.getvalue())
    assert done.returncode in (0, 2), done.stderr
    assert (done.returncode == 2) == done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == (done.returncode == 2), done.stderr
    return done


LABELS = b"topic_id,label,kind,part_of,status,description\n"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (LABELS.replace(b"label", b"labl"), "the columns are topic_id, labl"),
        (b"", "Empty CSV file"),
        (LABELS + b"a,\xff,,,,\n", "invalid UTF8"),
        (LABELS + b"a,b,c,d,e,f,g\n", "Expected 6 columns, got 7"),
        (LABELS + b"a\n", "Expected 6 columns, got 1"),
        (LABELS + b",a,,,,\n", "1 rows have no topic_id, the primary key"),
        (LABELS + b"a,b,,,,\na,c,,,,\n", "primary key 'a' occurs twice"),
        (None, "no such file"),
    ],
)
def test_a_table_that_cannot_be_compared_is_named(
    old: Path, new: Path, content: bytes | None, told: str
) -> None:
    path = new / "data/topics.csv"
    path.unlink() if content is None else path.write_bytes(content)
    for sides, which in (((old, new), "new"), ((new, old), "old")):
        done = diffed(*map(str, sides))
        assert done.returncode == 2
        assert f"error: the {which} side: {path}: " in done.stderr
        assert told in done.stderr


def damaged(archive: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        first = max(opened.infolist(), key=lambda info: info.compress_size)
    at = first.header_offset + 30 + len(first.filename) + first.compress_size // 2
    return archive[:at] + bytes(8) + archive[at + 8 :]


def marked(local: int, value: int) -> Any:
    """Set two bytes in each of the archive's two headers for a file: its flags or its method."""

    def mark(archive: bytes) -> bytes:
        made = bytearray(archive)
        for signature, offset in ((b"PK\x03\x04", local), (b"PK\x01\x02", local + 2)):
            at = archive.find(signature)
            while at >= 0:
                made[at + offset : at + offset + 2] = value.to_bytes(2, "little")
                at = archive.find(signature, at + 4)
        return bytes(made)

    return mark


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (lambda archive: archive[:100], "not a zip"),
        (damaged, "(Error|CRC)"),
        (marked(6, 1), "encrypted"),
        (marked(8, 77), "compression"),
    ],
    ids=["no archive", "damaged", "encrypted", "unknown compression"],
)
def test_an_archive_that_cannot_be_unpacked_is_named(
    old: Path, tmp_path: Path, harm: Any, told: str
) -> None:
    archive = Path(shutil.make_archive(str(tmp_path / "x"), "zip", old))
    archive.write_bytes(harm(archive.read_bytes()))
    done = diffed(str(old), str(archive))
    assert done.returncode == 2
    assert f"{archive} is not a folder, and cannot be unpacked" in done.stderr
    assert re.search(told, done.stderr)


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_a_damaged_release_is_not_compared(release: Path, tmp_path: Path, kind: str) -> None:
    path = release / "csv/topics.csv"
    path.write_text(path.read_text("utf-8").replace("Regional", "regional"), "utf-8")
    named = str(release)
    if kind == "zip":
        named = shutil.make_archive(str(tmp_path / "x"), "zip", release.parent, release.name)
    done = diffed(named, ".")
    assert done.returncode == 2
    assert f"error: {named}: csv/topics.csv differs from manifest.json" in done.stderr
    assert "pull or build the release again" in done.stderr


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("data/topics.csv", "twice"),
        ("data/Topics.csv", "twice, or 'data/topics.csv', which is the same on some systems"),
        ("../topics.csv", "not a path inside a folder"),
        ("/topics.csv", "not a path inside a folder"),
    ],
)
def test_an_archive_that_unpacks_differently_on_some_systems(
    old: Path, tmp_path: Path, name: str, told: str
) -> None:
    archive = Path(shutil.make_archive(str(tmp_path / "x"), "zip", old))
    with zipfile.ZipFile(archive, "a") as opened:
        opened.writestr(name, "forged")
    done = diffed(str(archive), str(old))
    assert done.returncode == 2
    assert told in done.stderr


def git(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with two commits, as the current folder; the second changes a topic."""
    folder = copy_package(tmp_path / "repository")
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        git(folder, *command)
    table = read(folder / "data/topics.csv")
    table[1][1] = "another label"
    write(folder / "data/topics.csv", table)
    git(folder, "commit", "-qam", "second")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def store(tmp_path: Path, built: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GAZADATA_CACHE", str(tmp_path / "cache"))
    publish(built, tmp_path / "store")
    return tmp_path / "store"


def test_sides_of_all_four_kinds_can_be_mixed(
    repository: Path, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(repository, "checkout", "-q", "HEAD~1")
    archive = shutil.make_archive(str(tmp_path / "x"), "zip", repository)
    for one in (str(repository), archive, "HEAD", "1.0.0"):
        assert "1.0.0 -> 1.0.0: none" in diffed(one, "1.0.0", "--store", str(store)).stdout
    with side("HEAD", [str(store)]) as a, side("latest", [str(store)]) as b:
        assert not diff(a, b)
    monkeypatch.setenv("GAZADATA_STORE", str(store))
    assert "1.0.0 -> 1.0.0: none" in diffed("1.0.0", ".").stdout


def test_revisions_can_be_named_in_a_subfolder(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = diffed("HEAD~1", "HEAD").stdout
    assert "another label" in wanted
    monkeypatch.chdir(repository / "data")
    assert diffed("HEAD~1", "HEAD").stdout == wanted


def test_a_side_is_never_an_option_for_git(repository: Path, tmp_path: Path) -> None:
    done = diffed("--", f"--output={tmp_path / 'written'}", ".")
    assert "cannot find" in done.stderr
    assert not (tmp_path / "written").exists()


def test_the_error_for_an_unknown_side_says_what_each_kind_needs(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("no-such-side", "1.0.0", "HEAD:no-such"):
        told = diffed(name, ".").stderr
        assert f"cannot find {name!r} as a folder" in told
        for need in (
            "folder",
            "archive",
            "like 1.0.0",
            "--store",
            "repository has no such revision",
        ):
            assert need in told
    assert "git is not installed" in diffed("HEAD", ".", PATH=str(tmp_path)).stderr
    monkeypatch.chdir(tmp_path)
    told = diffed("HEAD", str(repository), GIT_CEILING_DIRECTORIES=str(tmp_path.parent)).stderr
    assert "not a git repository" in told


def test_a_revision_without_a_package_is_named(repository: Path) -> None:
    git(repository, "rm", "-q", "datapackage.json")
    git(repository, "commit", "-qm", "third")
    assert "'HEAD' has no datapackage.json" in diffed("HEAD", "HEAD~1").stderr


def test_a_revision_with_a_link_that_leads_out_is_refused(repository: Path) -> None:
    (repository / "data/link").symlink_to("/etc/hostname")
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "third")
    done = diffed("HEAD", "HEAD~1")
    assert done.returncode == 2
    assert "revision 'HEAD' cannot be read as a package: 'data/link' is a link" in done.stderr


def test_a_revision_is_all_that_was_committed(repository: Path) -> None:
    """`git archive` would leave out files by their attributes, and fill in the commit's name."""
    (repository / ".gitattributes").write_text(
        "data/retired.csv export-ignore\ndata/topics.csv export-subst ident\n", "utf-8"
    )
    (repository / "data/retired.csv").write_text("resource,row_id\n", "utf-8")
    table = read(repository / "data/topics.csv")
    table[1][1] = "$Format:%H$ $Id$"
    write(repository / "data/topics.csv", table)
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "third")
    git(repository, "tag", "-am", "third", "tagged")
    for name in ("HEAD", "tagged"):
        with side(name) as package:
            for path in ("datapackage.json", "data/retired.csv", "data/topics.csv"):
                assert (package.root / path).read_bytes() == (repository / path).read_bytes()


def test_a_package_below_the_top_of_a_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy_package(tmp_path / "top/below/package")
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        git(tmp_path / "top", *command)
    monkeypatch.chdir(tmp_path / "top")
    assert "name the package's folder as HEAD:FOLDER" in diffed("HEAD", "below/package").stderr
    assert ": none" in diffed("HEAD:below/package", "below/package").stdout
    monkeypatch.chdir(tmp_path / "top/below")
    assert ": none" in diffed("HEAD:./package", "HEAD:below/package").stdout


def test_the_reason_why_git_refuses_is_shown(repository: Path) -> None:
    told = diffed("HEAD", ".", GIT_TEST_ASSUME_DIFFERENT_OWNER="1").stderr
    assert "dubious ownership" in told
    assert "safe.directory" in told


def test_a_new_row_is_listed_once_and_the_main_tables_come_first(old: Path, new: Path) -> None:
    """Its evidence is counted, and not listed again for its table."""
    events, evidence = read(new / "data/events.csv"), read(new / "data/evidence.csv")
    key = events[1][0]
    events.append(["a-new-event", *events[1][1:]])
    own = [row for row in evidence if row[1:3] == ["events", key]]
    evidence += [[cell.replace(key, "a-new-event") for cell in row] for row in own]
    write(new / "data/events.csv", events)
    write(new / "data/evidence.csv", evidence)
    actors = read(new / "data/actors.csv")
    actors[1][1] += "x"
    write(new / "data/actors.csv", actors)
    result = diff(Package.open(old), Package.open(new))
    assert list(result.tables) == ["events", "actors", "evidence"]
    lines = FORMATS["full"](result).splitlines()
    assert [line for line in lines if "a-new-event" in line] == [lines[0], "  + a-new-event"]
    assert lines[-1] == f"  + {len(own)} rows of evidence for added rows"
    assert FORMATS["markdown"](result).count("a-new-event") == 2
    assert len(to_json(result)["tables"]["evidence"]["added"]) == len(own)


def test_the_version_that_is_needed_is_named(old: Path, new: Path) -> None:
    rows = read(new / "data/topics.csv")
    write(new / "data/topics.csv", [*rows, ["zz", *rows[1][1:]]])
    result = diff(Package.open(old), Package.open(new))
    assert "the version must be at least 1.1.0: run `gazadata bump 1.1.0`" in FORMATS["full"](
        result
    )
    assert to_json(result)["least_version"] == "1.1.0"
    with_version(new, "1.1.0")
    result = diff(Package.open(old), Package.open(new))
    assert "at least" not in FORMATS["full"](result)
    assert to_json(result)["least_version"] is None


def test_what_changed_in_the_references_is_shown(old: Path, new: Path) -> None:
    for side_ in (old, new):
        shutil.copytree(REPO / "reference", side_ / "reference", dirs_exist_ok=True)
    rows = read(new / "reference/countries.csv")
    first, second = rows[1][0], rows[2][0]
    rows[1][1] += "x"
    write(new / "reference/countries.csv", [*rows[:2], *rows[3:], ["Atlantis", *rows[3][1:]]])
    (new / "reference/own.csv").write_text("name,code\na,b\n", "utf-8")
    result = diff(Package.open(old), Package.open(new))
    told = FORMATS["full"](result)
    changed = f"added Atlantis; removed {second}; changed {first}"
    assert f"reference  reference/countries.csv: {changed}\n" in told
    assert "reference  reference/own.csv: added name, a\n" in told
    assert result.bump()[0] == "patch"
    assert "## Reference" in FORMATS["markdown"](result)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'name,code\n"a,b\n', r"own\.csv:2: .*close every double quote"),
        (b"name,code\na,\xff\n", r"own\.csv:2:3: not UTF-8"),
    ],
)
def test_a_reference_that_cannot_be_read_is_refused(
    old: Path, new: Path, content: bytes, said: str
) -> None:
    for side_ in (old, new):
        (side_ / "reference").mkdir(exist_ok=True)
    (new / "reference/own.csv").write_bytes(content)
    with pytest.raises(ReadError, match=said):
        diff(Package.open(old), Package.open(new))


@pytest.mark.parametrize("option", [[], ["--exit-code"]])
def test_the_exit_status_says_whether_anything_changed(
    option: list[str], old: Path, new: Path
) -> None:
    command = [sys.executable, "-m", "gazadata", "diff", str(old)]
    rows = read(new / "data/topics.csv")
    write(new / "data/topics.csv", rows[:-1])
    for other, status in ((old, 0), (new, len(option))):
        done = subprocess.run([*command, str(other), *option], capture_output=True, check=False)
        assert done.returncode == status
