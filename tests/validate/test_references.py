"""The files in reference/, in which codes were looked up, and the notes that name them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.validate.damage import DESCRIPTOR, SHIPPED, Files, Place, copy_to, json_bytes, report_on

from gazadata.validate import Diagnostic, Report

pytestmark = pytest.mark.sampled

S = SHIPPED
COUNTRIES = "reference/countries.csv"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("references"))


def found(place: Place, changed: Files) -> list[Diagnostic]:
    place.damage(changed)
    try:
        report = report_on(place.root, official=False)
    finally:
        place.mend(changed)
    assert not report.failures
    return report.diagnostics


def said(diagnostics: list[Diagnostic]) -> list[tuple[str, str, int | None, str | None]]:
    return [(d.code, d.path, d.line, d.field) for d in diagnostics]


def countries(old: str, new: str) -> dict[str, bytes]:
    content = S.files[COUNTRIES].decode()
    assert content.count(old) == 1
    return {COUNTRIES: content.replace(old, new).encode()}


def line_of(begin: str) -> int:
    lines = S.files[COUNTRIES].decode().split("\n")
    (number,) = (n for n, line in enumerate(lines, start=1) if line.startswith(begin))
    return number


def at(field: str, actor: str = "azerbaijan") -> int:
    (number,) = S.evidence_of("actors", actor, field)
    return number


@pytest.mark.parametrize(
    "note",
    ["Row Azerbaijan of countries.csv.", "See https://example.org/codes", "By reference/.",
     "row Azerbaijan of reference/countries.csv.", "The Row Azerbaijan of reference/countries.csv.",
     "Row Azerbaijan of reference/countries.csvx"],
)  # fmt: skip
def test_gd348_a_note_must_name_a_row(note: str, place: Place) -> None:
    number = at("iso3")
    right = S.change("evidence", number, note=note)
    where = S.where("actors", actor_id="azerbaijan")
    wrong = right | S.change("actors", where, iso3="ZZZ")
    for files in (right, wrong):
        assert said(found(place, files)) == [("GD348", "data/evidence.csv", number + 2, "note")]


def test_equal_notes_are_one_mistake_and_others_another(place: Place) -> None:
    rows = S.rows("evidence")
    for field, note in (
        ("iso3", "Somewhere."),
        ("cow", "Elsewhere."),
        ("wikidata_id", "Somewhere."),
    ):
        rows[at(field)]["note"] = note
    diagnostics = found(place, S.table("evidence", rows))
    assert [(d.line, d.found) for d in diagnostics] == [
        (at("cow") + 2, "Elsewhere."),
        (at("iso3") + 2, "Somewhere. (as in 1 other notes)"),
    ]


def test_notes_on_a_references_own_row_are_free(place: Place) -> None:
    (number,) = S.evidence_of("sources", "country-codes", "title")
    assert S.rows("evidence")[number]["basis"] == "reference"
    assert found(place, S.change("evidence", number, note="As its first page has it.")) == []


def test_a_note_without_words_is_one_finding_and_hides_no_other(place: Place) -> None:
    rows = S.rows("evidence")
    rows[at("cow")]["note"], rows[at("iso3")]["note"] = "", "Somewhere."
    assert said(found(place, S.table("evidence", rows))) == [
        ("GD343", "data/evidence.csv", at("cow") + 2, "note"),
        ("GD348", "data/evidence.csv", at("iso3") + 2, "note"),
    ]


def test_gd348_a_wrong_code_shows_its_place_in_the_reference(place: Place) -> None:
    number = line_of("Azerbaijan,")
    changed = countries("Azerbaijan,AZE,", "Azerbaijan,AZX,")
    (one,) = found(place, changed)
    assert (one.code, one.path, one.field, one.found) == ("GD348", "data/actors.csv", "iso3", "AZE")
    (there,) = one.related
    assert (there.path, there.line) == (COUNTRIES, number)
    assert there.text == changed[COUNTRIES].decode().split("\n")[number - 1]
    assert there.text[there.start : there.end] == "AZX"


@pytest.mark.long
def test_two_rows_of_one_name_with_different_codes(place: Place) -> None:
    """Neither row confirms a code without a finding."""
    again = "\nAzerbaijan,ZZZ,031,373,AZE,373,Q227,nothing\n"
    changed = {COUNTRIES: S.files[COUNTRIES].rstrip(b"\n") + again.encode()}
    number = changed[COUNTRIES].count(b"\n")
    (one,) = found(place, changed)
    assert said([one]) == [("GD206", COUNTRIES, number, "name")]
    assert (one.row_id, one.column) == ("Azerbaijan", 1)
    where = S.where("actors", actor_id="azerbaijan")
    wrong = found(place, changed | S.change("actors", where, iso3="ZZZ"))
    assert said(wrong) == [("GD206", COUNTRIES, number, "name")]
    neither = found(place, changed | S.change("actors", where, iso3="XXX"))
    assert [d.code for d in neither] == ["GD348", "GD206"]
    assert neither[0].expected == "AZE or ZZZ, as in row Azerbaijan of reference/countries.csv"
    assert [there.line for there in neither[0].related] == [line_of("Azerbaijan,"), number]


CHARACTERS: dict[str, tuple[dict[str, bytes], str, int, str | None]] = {
    "a byte order mark": ({COUNTRIES: b"\xef\xbb\xbf" + S.files[COUNTRIES]}, "GD101", 1, None),
    "a no-break space in a name": (
        countries("Saudi Arabia,SAU", "Saudi\u00a0Arabia,SAU"), "GD111", line_of("Saudi"), "name"),
    "a no-break space in a code": (
        countries("Azerbaijan,AZE,", "Azerbaijan,A\u00a0ZE,"), "GD111", line_of("Azer"), "iso3"),
    "a space behind a code": (
        countries("Azerbaijan,AZE,", "Azerbaijan,AZE ,"), "GD109", line_of("Azer"), "iso3"),
    "what cannot be seen in a name": (
        countries("Azerbaijan,AZE", "Azer\u200bbaijan,AZE"), "GD104", line_of("Azer"), "name"),
    "a cell too many": (
        countries("Azerbaijan,AZE,", "Azerbaijan,AZE,,"), "GD107", line_of("Azer"), None),
    "a cell too few": (
        countries("Azerbaijan,AZE,", "Azerbaijan,"), "GD107", line_of("Azer"), None),
    "a blank line": (countries("\nAzerbaijan", "\n\nAzerbaijan"), "GD107", line_of("Azer"), None),
    "a byte that is not UTF-8": (
        {COUNTRIES: S.files[COUNTRIES].replace(b"AZE", b"AZ\xe9", 1)}, "GD101", line_of("Azer"),
        None),
    "no last line feed": (
        {COUNTRIES: S.files[COUNTRIES][:-1]}, "GD102", S.files[COUNTRIES].count(b"\n"), None),
}  # fmt: skip


@pytest.mark.parametrize("name", CHARACTERS)
def test_the_bytes_of_a_reference_are_checked(name: str, place: Place) -> None:
    changed, code, number, field = CHARACTERS[name]
    diagnostics = found(place, changed)
    assert said(diagnostics) == [(code, COUNTRIES, number, field)]


@pytest.mark.parametrize("content", [b"", b"\n", b"name\n", b"name,name\n", b"name,\n", b"__x\n"])
def test_a_reference_without_rows_or_columns(content: bytes, place: Place) -> None:
    diagnostics = found(place, {COUNTRIES: content})
    assert diagnostics
    assert {d.code for d in diagnostics} <= {"GD348", "GD102", "GD107"}
    assert any(d.severity == "error" for d in diagnostics)


def test_a_file_that_no_note_names_is_not_checked(place: Place) -> None:
    assert found(place, {"reference/plover.csv": b"\xff", "reference/more.csv": b'a,"'}) == []


def test_gd348_a_missing_reference(place: Place) -> None:
    (one,) = [d for d in found(place, {COUNTRIES: None}) if "countries" in (d.expected or "")]
    assert one.code == "GD348"
    assert one.severity == "error"


def without_folder(tmp_path: Path, changed: Files) -> Report:
    root = copy_to(tmp_path / "package")
    shutil.rmtree(root / "reference")
    for path, content in changed.items():
        (root / path).write_bytes(content or b"")
    return report_on(root, official=False)


def test_gd348_a_package_without_its_references_is_not_clean(tmp_path: Path) -> None:
    """A release has none, so it is a warning."""
    report = without_folder(tmp_path, {})
    (one,) = report.diagnostics
    assert (one.code, one.severity, one.path, one.field) == (
        "GD348", "warning", "data/evidence.csv", "note")  # fmt: skip
    others = sum(e["note"].startswith("Row ") for e in S.rows("evidence"))
    said_so = f"Row Azerbaijan of reference/countries.csv. (as in {others - 1} other notes)"
    assert one.found == said_so
    assert (one.line, one.row_id) == (at("cow") + 2, S.rows("evidence")[at("cow")]["evidence_id"])
    assert report.ok()
    assert not report.ok(strict=True)
    assert report.warnings == 1


def test_a_package_whose_notes_name_no_reference_needs_none(tmp_path: Path) -> None:
    rows = S.rows("evidence")
    for row in rows:
        row["note"] = row["note"].replace("of reference/", "of ")
    report = without_folder(tmp_path, S.table("evidence", rows))
    assert report.ok(strict=True)
    assert any("there is no reference/" in note for note in report.notes)


def by_reference(name: str, row_id: str, field: str, note: str) -> dict[str, bytes]:
    """Evidence of basis reference as the only one for a cell."""
    old = S.evidence_of(name, row_id, field)
    new = S.evidence(name, row_id, field, basis="reference",
                     reference_id="entity-identifiers", note=note)  # fmt: skip
    rows = [row for n, row in enumerate(S.rows("evidence")) if n not in old]
    return S.table("evidence", sorted([*rows, new], key=lambda row: row["evidence_id"]))


@pytest.mark.parametrize(
    ("note", "expected"),
    [
        ("Well known.", "Row NAME of reference/FILE.csv"),
        ("Row Nobody of reference/entities.csv.", "whose first cell is Nobody"),
        ("Row Hamas of reference/plover.csv.", "with a column for kind"),
    ],
)
def test_gd348_a_value_that_no_row_has_is_not_proven(
    note: str, expected: str, place: Place
) -> None:
    field = "kind" if "kind" in expected else "name"
    (one,) = (
        d
        for d in found(place, by_reference("actors", "asim-munir", field, note))
        if d.code == "GD348"
    )
    assert (one.path, one.field) == ("data/evidence.csv", "note")
    assert expected in (one.expected or "")


def test_gd348_a_name_is_that_of_its_row(place: Place) -> None:
    number = S.where("actors", actor_id="donald-trump")
    (one,) = found(place, S.change("actors", number, name="Ronald Trump"))
    assert (one.code, one.row_id, one.field) == ("GD348", "donald-trump", "name")
    near = by_reference("actors", "hamas", "name", "Row Hamas of reference/entities.csv.")
    assert "GD348" not in [d.code for d in found(place, near)]


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [(b"\n", b"\r\n", "GD102"), ("ü".encode(), "u\u0308".encode(), "GD103")],
)
def test_a_file_that_fmt_does_not_write_must_be_fixed_by_hand(
    old: bytes, new: bytes, code: str, place: Place
) -> None:
    diagnostics = found(place, {COUNTRIES: S.files[COUNTRIES].replace(old, new)})
    helps = [one.help or "" for one in diagnostics if one.code == code]
    assert helps
    assert not [text for text in helps if not text.startswith("Save the file")]


def test_gd348_codes_of_sources_are_compared_with_no_row(place: Place) -> None:
    """In a package where no other table needs evidence."""
    kept = ("sources", "passages", "quotes", "evidence")
    descriptor, schema = S.descriptor(), S.schema("sources")
    descriptor["version"] = "99.0.0"
    descriptor["resources"] = [r for r in descriptor["resources"] if r["name"] in kept]
    next(f for f in schema["fields"] if f["name"] == "url")["gazadata:reference"] = True
    others = {r["path"]: None for r in S.descriptor()["resources"] if r["name"] not in kept}
    files = {DESCRIPTOR: json_bytes(descriptor), "schemas/sources.json": json_bytes(schema)}
    diagnostics = found(place, {**others, **files})
    assert "GD348" not in [d.code for d in diagnostics]


CODES = ("iso3", "cow", "gleditsch_ward", "wikidata_id")


@pytest.mark.parametrize(
    ("behind", "is_found"), [("", True), (".", True), ("; the article has only Azerbaijan.", False)]
)
def test_gd348_codes_are_those_of_the_actor(behind: str, is_found: bool, place: Place) -> None:
    """Otherwise an actor could have all codes of another row, with notes that name that row."""
    header, *rows = S.files[COUNTRIES].decode().splitlines()
    line = next(row for row in rows if row.startswith("Afghanistan,"))
    codes = dict(zip(header.split(","), line.split(","), strict=True))
    evidence = S.rows("evidence")
    for field in CODES:
        evidence[at(field)]["note"] = f"Row Afghanistan of reference/countries.csv{behind}"
    where = S.where("actors", actor_id="azerbaijan")
    files = S.change("actors", where, **{field: codes[field] for field in CODES})
    files |= S.table("evidence", evidence)
    first = min(at(field) for field in CODES)
    wanted = [("GD348", "data/evidence.csv", first + 2, "note")] if is_found else []
    assert said(found(place, files)) == wanted


def test_a_row_may_have_any_name_of_the_actor(place: Place) -> None:
    """The article writes “the US”, while the actor has a longer name."""
    content = S.files[COUNTRIES].decode()
    (line,) = (row for row in content.splitlines() if row.startswith("United States,"))
    files = {COUNTRIES: (content + line.replace("United States,", "US,") + "\n").encode()}
    evidence = S.rows("evidence")
    for number in S.evidence_of("actors", "united-states", "iso3"):
        evidence[number]["note"] = "Row US of reference/countries.csv."
    assert said(found(place, {**files, **S.table("evidence", evidence)})) == []


def cited(reference: str) -> dict[str, bytes]:
    """Every code of Azerbaijan with another reference_id, and identifiers that match it."""
    rows = S.rows("evidence")
    for field in CODES:
        row = rows[at(field)]
        key = row["evidence_id"].removesuffix(row["reference_id"]) + reference
        row |= {"reference_id": reference, "evidence_id": key}
    return S.table("evidence", rows)


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        (
            "entity-identifiers",
            "a row of reference/entities.csv, named in the notes on entity-identifiers",
        ),
        ("plover-manual", "a file that is named in a note on plover-manual in sources"),
    ],
)
def test_gd348_the_file_is_that_of_the_reference(
    reference: str, expected: str, place: Place
) -> None:
    (one,) = found(place, cited(reference))
    assert said([one]) == [("GD348", "data/evidence.csv", min(map(at, CODES)) + 2, "note")]
    assert (one.expected or "").startswith(expected)
    assert (one.found or "").endswith("(as in 3 other notes)")


def test_a_reference_may_be_two_files(place: Place) -> None:
    files = cited("entity-identifiers")
    (number,) = S.evidence_of("sources", "entity-identifiers", "title")
    more = b"reference/entities.csv and reference/countries.csv"
    lines = files["data/evidence.csv"].split(b"\n")
    lines[number + 1] = lines[number + 1].replace(b"reference/entities.csv", more)
    assert found(place, {"data/evidence.csv": b"\n".join(lines)}) == []


def test_another_reference_under_the_old_identifier_is_one_finding(place: Place) -> None:
    changed = S.change("evidence", at("cow"), reference_id="entity-identifiers")
    assert [d.code for d in found(place, changed)] == ["GD335"]


def test_a_reference_without_evidence_is_one_finding(place: Place) -> None:
    """Its own cells are reported, but not what rests on it."""
    gone = {
        n for f in ("kind", "title", "held") for n in S.evidence_of("sources", "country-codes", f)
    }
    rows = [row for n, row in enumerate(S.rows("evidence")) if n not in gone]
    assert [d.code for d in found(place, S.table("evidence", rows))] == ["GD333"]
