"""Descriptors and schemas: each mistake in them is one finding that names it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.validate.damage import DESCRIPTOR, SHIPPED, Files, Place, json_bytes, report_on

from gazadata.release.build import build
from gazadata.validate import Report, validate

pytestmark = pytest.mark.sampled

S = SHIPPED
Edit = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("descriptor"))


def damaged(place: Place, files: Files) -> Report:
    place.damage(files)
    try:
        return report_on(place.root, official=False)
    finally:
        place.mend(files)


def said(report: Report) -> list[str]:
    found = [f"{d.path} {d.code} {d.field}: {d.found}; {d.expected}" for d in report.diagnostics]
    return found + report.failures


def resource(descriptor: dict[str, Any], name: str) -> dict[str, Any]:
    return next(r for r in descriptor["resources"] if r["name"] == name)


DESCRIPTORS: dict[str, tuple[Edit, str]] = {
    "a profile that is a number": (lambda d: d.update({"$schema": 5}), "$schema 5"),
    "the profile of version 1": (
        lambda d: d.update({"$schema": "https://specs.frictionlessdata.io/schemas/data-package.json"}),
        '$schema "https://specs',
    ),
    "a profile in a file": (lambda d: d.update({"$schema": "own.json"}), '$schema "own.json"'),
    "no profile": (lambda d: d.pop("$schema"), "a package without $schema"),
    "a profile of a resource": (
        lambda d: resource(d, "events").update({"profile": "http://127.0.0.1:9/x.json"}),
        'profile "http://127.0.0.1:9/x.json"',
    ),
    "a cue in capitals": (
        lambda d: d["gazadata:hedgeCues"].append("Reportedly"), '] "Reportedly"'
    ),
    "our own property misspelt": (
        lambda d: d.update({"gazadata:hedgeCue": d.pop("gazadata:hedgeCues")}),
        "'gazadata:hedgeCue'",
    ),
    "our own property elsewhere": (
        lambda d: resource(d, "events").update({"gazadata:label": "label"}), "'gazadata:label'"
    ),
    "a size that is text": (
        lambda d: resource(d, "topics").update({"bytes": str(len(S.files["data/topics.csv"]))}),
        'bytes "',
    ),
    "a hash that is a number": (lambda d: resource(d, "topics").update({"hash": 5}), "hash 5"),
    "a resource that is no table": (
        lambda d: resource(d, "topics").update({"type": "json"}), 'type "json"'
    ),
    "a format that is not read": (
        lambda d: resource(d, "topics").update({"format": "tsv"}), 'format "tsv"'
    ),
    "a media type of something else": (
        lambda d: resource(d, "topics").update({"mediatype": "text/plain"}),
        'mediatype "text/plain"',
    ),
    "a dialect that is not read": (
        lambda d: resource(d, "events")["dialect"].update({"delimiter": ";"}),
        'dialect.delimiter ";"',
    ),
    "a path misspelt": (
        lambda d: resource(d, "events").update({"pat": resource(d, "events").pop("path")}),
        "the resource property 'pat'",
    ),
    "a time that is none": (lambda d: d.update({"created": "yesterday"}), 'created "yesterday"'),
    "a day that no month has": (
        lambda d: d.update({"created": "2026-02-30T00:00:00Z"}), 'created "2026-02-30T00:00:00Z"'
    ),
    "an hour that no day has": (
        lambda d: d.update({"created": "2026-02-03T25:00:00Z"}), 'created "2026-02-03T25:00:00Z"'
    ),
    "a homepage that is a number": (lambda d: d.update({"homepage": 5}), "homepage 5"),
    "a word that is a number": (lambda d: d["keywords"].append(5), f"keywords[{len(S.descriptor()['keywords'])}] 5"),
    "licences that are text": (lambda d: d.update({"licenses": "CC0-1.0"}), 'licenses "CC0-1.0"'),
    "an address that is none": (
        lambda d: d["sources"][1].update({"email": "nobody"}), 'sources[1].email "nobody"'
    ),
    "a person who is text": (
        lambda d: d.update({"contributors": ["A. Author"]}), 'contributors[0] "A. Author"'
    ),
    "a licence without a name": (
        lambda d: d["licenses"].append({"title": "Some"}), 'licenses[2] {"title": "Some"}'
    ),
}  # fmt: skip


OF_A_RESOURCE: dict[str, tuple[dict[str, Any], str]] = {
    "a title that is a number": ({"title": 5}, "title 5"),
    "a description that is a list": ({"description": [1]}, "description [1]"),
    "licences that are text": ({"licenses": "x"}, 'licenses "x"'),
    "a licence whose path is a number": (
        {"licenses": [{"name": "CC0-1.0", "path": 5}]}, "licenses[0].path 5"
    ),
    "a source that is text": ({"sources": ["the article"]}, 'sources[0] "the article"'),
    "a homepage that is null": ({"homepage": None}, "homepage null"),
    "rows beside a path": ({"data": [["topic_id"], ["a"]]}, 'data [["topic_id"], ["a"]]'),
}  # fmt: skip


@pytest.mark.parametrize("name", OF_A_RESOURCE)
def test_a_mistake_in_a_resource_is_reported_there(name: str, place: Place) -> None:
    """The package has the same properties with valid values."""
    wrong, found = OF_A_RESOURCE[name]
    descriptor = S.descriptor()
    resource(descriptor, "topics").update(wrong)
    report = damaged(place, {DESCRIPTOR: json_bytes(descriptor)})
    (one,) = report.diagnostics
    assert (one.code, one.path, one.resource, one.found) == ("GD002", DESCRIPTOR, "topics", found)
    assert one.expected
    assert not report.failures


def test_properties_of_the_right_types_pass(place: Place) -> None:
    descriptor = S.descriptor() | {
        "created": "2024-02-29T23:59:59.123456+05:30",
        "homepage": "",
        "contributors": [{"title": "A", "email": "a@example.org", "roles": ["x"], "more": 5}],
    }
    resource(descriptor, "topics").update(
        {"title": "T", "sources": [{"title": "S", "path": "https://example.org"}],
         "licenses": [{"path": "https://example.org/licence"}], "description": ""}
    )  # fmt: skip
    report = damaged(place, {DESCRIPTOR: json_bytes(descriptor)})
    assert report.ok(strict=True), said(report)


@pytest.mark.parametrize("name", DESCRIPTORS)
def test_a_wrong_property_of_the_descriptor_is_named(name: str, place: Place) -> None:
    edit, words = DESCRIPTORS[name]
    descriptor = S.descriptor() | {"version": "9.0.0"}
    edit(descriptor)
    report = damaged(place, {DESCRIPTOR: json_bytes(descriptor)})
    assert [(d.code, d.path) for d in report.diagnostics] == [("GD002", DESCRIPTOR)], said(report)
    assert words in (report.diagnostics[0].found or "")
    assert report.diagnostics[0].expected
    assert not report.failures


def of(schema: dict[str, Any], name: str) -> dict[str, Any]:
    field: dict[str, Any] = next(f for f in schema["fields"] if f["name"] == name)
    return field


SCHEMAS: dict[str, tuple[str, str, str | None, Edit, str]] = {
    "the profile of something else": (
        "topics", "GD002", None, lambda s: s.update({"$schema": 5}), "$schema 5"
    ),
    "a flag misspelt": (
        "events", "GD002", "outcome",
        lambda s: of(s, "outcome").update(
            {"gazadata:verbatm": of(s, "outcome").pop("gazadata:verbatim")}
        ),
        "'gazadata:verbatm'",
    ),
    "a flag that is text": (
        "events", "GD001", None,
        lambda s: of(s, "outcome").update({"gazadata:verbatim": "false"}), "gazadata:verbatim",
    ),
    "a mode that is no term": (
        "events", "GD002", "event_mode",
        lambda s: of(s, "event_mode")["gazadata:modes"]["CONSULT"].append("vist"),
        'gazadata:modes with "vist"',
    ),
    "modes of a type that is none": (
        "events", "GD002", "event_mode",
        lambda s: of(s, "event_mode")["gazadata:modes"].update({"CONSLT": []}),
        'gazadata:modes with "CONSLT"',
    ),
    "a recipient of a type that is none": (
        "events", "GD002", "event_type",
        lambda s: of(s, "event_type")["gazadata:recipientRequired"].append("AIDE"),
        'gazadata:recipientRequired with "AIDE"',
    ),
    "a pattern without its end": (
        "topics", "GD002", "topic_id",
        lambda s: of(s, "topic_id")["constraints"].update({"pattern": "^[a-z0-9-]+"}),
        'pattern "^[a-z0-9-]+"',
    ),
    "alternatives without a group": (
        "topics", "GD002", "topic_id",
        lambda s: of(s, "topic_id")["constraints"].update({"pattern": "^[a-z0-9-]+$|^x$"}),
        'pattern "^[a-z0-9-]+$|^x$"',
    ),
    "an end that is a dollar sign": (
        "topics", "GD002", "description",
        lambda s: of(s, "description").update(
            {"constraints": {"pattern": r"^[^$]*\$"}, "example": "5 $"}
        ),
        r'pattern "^[^$]*\\$"',
    ),
    "an example of another type": (
        "events", "GD002", "occurrences",
        lambda s: of(s, "occurrences").update({"example": "two"}), "the example two",
    ),
    "an example that is no term": (
        "topics", "GD002", "kind",
        lambda s: of(s, "kind").update({"example": "frce"}), "the example frce",
    ),
    "an example of another pattern": (
        "topics", "GD002", "topic_id",
        lambda s: of(s, "topic_id").update({"example": "I_S_F"}), "the example I_S_F",
    ),
    "a foreign key twice": (
        "topics", "GD001", None,
        lambda s: s["foreignKeys"].append(s["foreignKeys"][0]), "foreignKeys",
    ),
    "a field twice in a unique key": (
        "participants", "GD001", None,
        lambda s: s.update({"uniqueKeys": [["event_id", "event_id"]]}), 'uniqueKeys[0] ["event_id", "event_id"]',
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_wrong_property_of_a_schema_is_named(name: str, place: Place) -> None:
    """Under another version, as a known one is compared with the installed schema."""
    table, code, field, edit, words = SCHEMAS[name]
    schema, path = S.schema(table), f"schemas/{table}.json"
    edit(schema)
    version = json_bytes(S.descriptor() | {"version": "9.0.0"})
    report = damaged(place, {path: json_bytes(schema), DESCRIPTOR: version})
    if "end that is a dollar" in name:  # Every description breaks it, which is another matter.
        report.diagnostics = [d for d in report.diagnostics if d.code != "GD204"]
    found = [(d.code, d.path, d.field) for d in report.diagnostics]
    assert found == [(code, path, field)], said(report)
    assert words in (report.diagnostics[0].found or "")
    assert not report.failures


def test_patterns_that_match_whole_cells_pass(place: Place) -> None:
    schema = S.schema("topics")
    for name, pattern in (("label", r"^([^|]*|a\|b)$"), ("status", "^[^|$^]+$")):
        of(schema, name).setdefault("constraints", {})["pattern"] = pattern
    version = json_bytes(S.descriptor() | {"version": "9.0.0"})
    report = damaged(place, {"schemas/topics.json": json_bytes(schema), DESCRIPTOR: version})
    assert report.ok(strict=True), said(report)


@pytest.mark.parametrize("constant", [b"NaN", b"Infinity", b"-Infinity"])
def test_numbers_that_json_does_not_have(constant: bytes, place: Place) -> None:
    content = S.files["schemas/topics.json"].replace(b'"name": "topics"', b'"name": ' + constant)
    (found,) = damaged(place, {"schemas/topics.json": content}).diagnostics
    assert (found.code, found.path) == ("GD001", "schemas/topics.json")
    assert f"{constant.decode()}, which is not JSON" in (found.found or "")


@pytest.mark.parametrize("path", [DESCRIPTOR, "schemas/topics.json"])
@pytest.mark.parametrize(
    ("code", "character"), [("GD104", "\u200b"), ("GD104", "\ue000"), ("GD103", "e\u0301")]
)
def test_odd_characters_in_json_are_found_in_their_line(
    path: str, code: str, character: str, place: Place
) -> None:
    """Even in names and values that are compared with the installed package."""
    lines = S.files[path].decode().split("\n")
    for begin in ('"title": "', '"description": "'):
        number = next(n for n, line in enumerate(lines) if line.strip().startswith(begin))
        there = [*lines]
        there[number] = there[number].replace(begin, begin + character)
        report = damaged(place, {path: "\n".join(there).encode()})
        found = [(d.code, d.path, d.line) for d in report.diagnostics]
        if code == "GD103" and path != DESCRIPTOR:
            # An extra letter changes the description, whatever its form.
            found = [one for one in found if one[0] != "GD004"]
        assert found == [(code, path, number + 1)], said(report)
        assert not report.failures


@pytest.mark.parametrize(
    "planted", ['"value": "proposed"', '"name": "topics"', '"proposed"', '"name": "status"']
)
def test_a_hidden_character_in_a_schema_is_reported_once(planted: str, place: Place) -> None:
    path = "schemas/topics.json"
    text = S.files[path].decode()
    assert planted in text
    wrong = text.replace(planted, planted[:-1] + '\u200b"', 1)
    report = damaged(place, {path: wrong.encode()})
    assert [d.code for d in report.diagnostics] == ["GD104"], said(report)


def test_only_what_was_compared_is_counted(place: Place) -> None:
    own = damaged(place, {DESCRIPTOR: json_bytes(S.descriptor() | {"version": "9.0.0"})})
    assert "GD004" not in own.counts
    assert report_on(place.root, official=False).counts["GD004"].checked == len(
        S.contract.resources
    )


@pytest.mark.parametrize("path", ["extra.csv", "extra.CSV", "events.parquet"])
def test_an_unlisted_table_at_the_root(path: str, place: Place) -> None:
    report = damaged(place, {path: S.files["data/events.csv"], "notes.md": b"", ".x.csv": b""})
    assert [(d.code, d.path) for d in report.diagnostics] == [("GD005", path)], said(report)


@pytest.mark.parametrize("path", ["more/events.csv", "dist/2026.CSV", "docs/old.csv"])
def test_an_unlisted_table_in_its_own_folder(path: str, place: Place) -> None:
    report = damaged(place, {path: S.files["data/events.csv"]})
    assert [(d.code, d.path) for d in report.diagnostics] == [("GD005", path)], said(report)


def test_files_next_to_a_package_that_are_not_its_tables(place: Place) -> None:
    events = S.files["data/events.csv"]
    other = {
        "docs/figures.csv": b"a,b\n1,2\n",
        "results/events.csv": events.replace(b"event_id", b"id", 1),
        "results/none.csv": b"",
        "results/notes.md": events,
        ".venv/events.csv": events,
        "tests/fixtures/events.csv": events,
        "gazadata-0.9.0/datapackage.json": b"{}",
        "gazadata-0.9.0/events.csv": events,
    }
    report = damaged(place, other)
    assert not report.diagnostics, said(report)


def test_a_table_above_the_listed_ones(tmp_path: Path) -> None:
    place, described = Place(tmp_path), S.descriptor()
    for one in described["resources"]:
        name = one["path"].removeprefix("data/")
        one["path"] = f"data/tables/{name}"
        place.damage({f"data/{name}": None, one["path"]: S.files[f"data/{name}"]})
    place.damage({DESCRIPTOR: json_bytes(described)})
    assert not [d for d in report_on(tmp_path, official=False).diagnostics if d.code == "GD005"]
    place.damage({"data/events.csv": S.files["data/events.csv"]})
    (found,) = (d for d in report_on(tmp_path, official=False).diagnostics if d.code == "GD005")
    assert found.path == "data/events.csv"


@pytest.mark.long
def test_a_release_has_no_unlisted_table(tmp_path: Path) -> None:
    """Other files describe its Parquet files; the retired identifiers are at its root."""
    package = Place(tmp_path / "package")
    retired = (
        b"resource,row_id,replaced_by,reason,version\nactors,azerbaidjan,azerbaijan,typed,1.0.0\n"
    )
    package.damage({"data/retired.csv": retired})
    for part in ("docs/codebook.md", "LICENSE"):
        package.damage({part: (Path(__file__).parents[2] / part).read_bytes()})
    release = build(package.root, tmp_path / "dist")
    report = validate(release)
    assert not report.errors, said(report)
    # It contains neither texts nor references.
    assert {d.code for d in report.diagnostics} == {"GD301", "GD348"}
    assert json.loads((release / DESCRIPTOR).read_bytes())["resources"]


@pytest.mark.parametrize(
    "there", ["data/topic.csv", "data/TOPICS.csv", "data/new/themes.csv", "x/themes.csv"]
)
def test_a_table_under_another_name_is_the_one_that_is_missing(there: str, place: Place) -> None:
    report = damaged(place, {"data/topics.csv": None, there: S.files["data/topics.csv"]})
    (found,) = report.diagnostics
    assert (found.code, found.path, found.resource) == ("GD005", DESCRIPTOR, "topics")
    assert (found.found, found.suggestion) == ("no file data/topics.csv", there)


@pytest.mark.parametrize(
    "content", [b"topic_id,label\n", b"", b"topic_id", b"\xff\xfe", S.files["data/events.csv"]]
)
def test_another_file_is_not_the_one_that_is_missing(content: bytes, place: Place) -> None:
    report = damaged(place, {"data/topics.csv": None, "data/extra.csv": content})
    assert [(d.code, d.path, d.suggestion) for d in report.diagnostics] == [
        ("GD005", "data/extra.csv", None),
        ("GD005", DESCRIPTOR, None),
    ]


def test_a_resource_under_another_name_is_named(place: Place) -> None:
    descriptor = S.descriptor()
    resource(descriptor, "relations")["name"] = "relation"
    report = damaged(place, {DESCRIPTOR: json_bytes(descriptor)})
    (found,) = (d for d in report.diagnostics if d.code == "GD004")
    assert (found.resource, found.found, found.suggestion) == (
        "relation",
        "a table `relation`",
        "relations",
    )
