"""What data/retired.csv may list: identifiers of removed tables, too, but none that is in use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.validate.damage import SHIPPED, Place, report_on

from gazadata import retired
from gazadata.errors import ReadError
from gazadata.package import Package
from gazadata.validate import validate
from gazadata.validate.reporters.machine import fingerprint

pytestmark = pytest.mark.sampled

HEAD = "resource,row_id,replaced_by,reason,version\n"


def found(package: Path, lines: list[str]) -> list[tuple[int | None, str, str]]:
    """The line of each finding, what was found and what was expected, for lines from 2 on."""
    (package / "data/retired.csv").write_text(HEAD + "\n".join(lines) + "\n", encoding="utf-8")
    report = validate(package)
    # They are in a readable order.
    assert {d.code for d in report.diagnostics} <= {"GD211", "GD108"}
    return [
        (d.line, d.found or "", d.expected or "") for d in report.diagnostics if d.code == "GD211"
    ]


def test_what_may_be_retired(package_copy: Path) -> None:
    lines = [
        "pledges,pakistan-troops,,the table was dropped,0.9.0",
        "pledges,first,second,renamed,0.8.0",
        "pledges,second,,the table was dropped,0.9.0",
        "actors,azerbaidjan,azerbaydjan,spelt otherwise,0.8.0",
        "actors,azerbaydjan,azerbaijan,spelt otherwise,1.0.0",
    ]
    assert found(package_copy, lines) == []


def test_what_may_not_be_retired(package_copy: Path) -> None:
    wrong = found(
        package_copy,
        [
            "actor,azerbaidjan,,left out,1.0.0",
            "../actors,azerbaidjan,,left out,1.0.0",
            ",azerbaidjan,,left out,1.0.0",
            "actors,one,two,merged,1.0.0",
            "actors,three,four,merged,1.0.0",
            "actors,four,three,merged,1.0.0",
            "pledges,five,six,merged,1.0.0",
            "actors,seven,,left out,99.0.0",
            "actors,eight,,left out,soon",
            "actors,nine,,left out,1.0.0-rc.1",
        ],
    )
    assert [(line, what) for line, what, _ in wrong] == [
        (2, "resource actor"),
        (3, "resource ../actors"),
        (4, "resource empty"),
        (5, "replaced_by two"),
        (6, "replaced_by four"),
        (7, "replaced_by three"),
        (8, "replaced_by six"),
        (9, "version 99.0.0"),
        (10, "version soon"),
        (11, "version 1.0.0-rc.1"),
    ]
    assert "did you mean actors?" in wrong[0][2]
    assert "its tables are sources, passages" in wrong[2][2]
    assert f"{SHIPPED.contract.version} or an earlier one" in wrong[7][2]
    assert wrong[9][2] == "the final version, 1.0.0"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("retired"))


FILE = "data/retired.csv"
FORMS: dict[str, tuple[str, tuple[str, int, str | None]]] = {
    "a space behind a key": ("actors,azerbaijan ,,gone,1.0.0\n", ("GD109", 2, "row_id")),
    "a space within a key": ("actors,azer baijan,,gone,1.0.0\n", ("GD211", 2, "row_id")),
    "a key in capitals": ("actors,Azerbaijan,,gone,1.0.0\n", ("GD211", 2, "row_id")),
    "a hidden character": ("actors,azer\u200bbaijan,,gone,1.0.0\n", ("GD104", 2, "row_id")),
    "a letter that looks alike": ("actors,аzerbaijan,,gone,1.0.0\n", ("GD112", 2, "row_id")),
    "a key with other hyphens": ("actors,azer-baijan,,gone,1.0.0\n", ("GD211", 2, "row_id")),
    "a key that is there": ("actors,azerbaijan,,gone,1.0.0\n", ("GD211", 2, "row_id")),
    "a space before a table": (" actors,azerbaidjan,,gone,1.0.0\n", ("GD109", 2, "resource")),
    "text not in form C": ("actors,x,,gone e\u0301,1.0.0\n", ("GD103", 2, "reason")),
    "two spaces": ("actors,x,,left  out,1.0.0\n", ("GD111", 2, "reason")),
    "a formula": ("actors,x,,=left(),1.0.0\n", ("GD110", 2, "reason")),
    "no word": ("actors,x,,…,1.0.0\n", ("GD211", 2, "reason")),
    "no reason": ("actors,x,,,1.0.0\n", ("GD211", 2, "reason")),
    "a space behind a version": ("actors,x,,gone,1.0.0 \n", ("GD109", 2, "version")),
    "a later version": ("actors,x,,gone,99.0.0\n", ("GD211", 2, "version")),
    "a carriage return": ("actors,x,,gone,1.0.0\r\n", ("GD102", 2, None)),
    "no line feed at the end": ("actors,x,,gone,1.0.0", ("GD102", 2, None)),
    "a cell too few": ("actors,x,gone,1.0.0\n", ("GD107", 2, None)),
    "a blank line": ("actors,x,,gone,1.0.0\n\n", ("GD107", 3, None)),
    "a line break in a cell": ('actors,x,,"gone\nfor good",1.0.0\n', ("GD107", 2, None)),
    "a line break in a later cell": (
        'actors,w,,gone,1.0.0\nactors,x,,"gone\n\nfor good",1.0.0\n',
        ("GD107", 3, None),
    ),
    "a row of many lines with a cell too few": (
        'actors,x,"gone\nfor good",1.0.0\n',
        ("GD107", 2, None),
    ),
    "needless quotation marks": ('actors,"x",,gone,1.0.0\n', ("GD108", 2, None)),
    "rows in another order": (
        "actors,y,,gone,1.0.0\nactors,x,,gone,1.0.0\n",
        ("GD108", 2, None),
    ),
}


@pytest.mark.parametrize("name", FORMS)
def test_the_file_has_the_form_of_tables(name: str, place: Place) -> None:
    """A mistake in one cell is one finding."""
    rows, expected = FORMS[name]
    changed = {FILE: (HEAD + rows).encode()}
    place.damage(changed)
    report = report_on(place.root, official=False)
    place.mend(changed)
    assert not report.failures
    assert [(d.code, d.line, d.field) for d in report.diagnostics] == [expected]
    (found,) = report.diagnostics
    assert found.path == FILE
    assert found.help
    assert found.field is None or found.column


@pytest.mark.parametrize(("key", "it"), [("munir", "it"), ("mu-nir", "munir")])
def test_a_finding_keeps_its_fingerprint_when_rows_move(key: str, it: str, place: Place) -> None:
    marks = []
    for first in ("zz-one", "aa-one"):
        there = SHIPPED.add(
            "actors", *({**SHIPPED.rows("actors")[0], "actor_id": k} for k in (first, "munir"))
        )
        line = next(
            n
            for n, text in enumerate((there["data/actors.csv"] or b"").split(b"\n"), 1)
            if text.startswith(b"munir,")
        )
        changed = there | {FILE: f"{HEAD}actors,{key},,gone,1.0.0\n".encode()}
        place.damage(changed)
        report = report_on(place.root, official=False)
        place.mend(changed)
        (one,) = (d for d in report.diagnostics if d.code == "GD211")
        assert (
            one.expected
            == f"a retired identifier, but {it} is still a key in data/actors.csv:{line}"
        )
        marks.append(fingerprint(one))
    assert marks[0] == marks[1]


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ("actors,x,gone,1.0.0", "4 cells"),
        ("actors", "1 cell"),
        ("actors,x,,gone,1.0.0,", "6 cells"),
        ("", "a blank line"),
    ],
)
def test_gd107_the_number_of_cells_is_reported(row: str, what: str, place: Place) -> None:
    changed = {FILE: f"{HEAD}{row}\n".encode()}
    place.damage(changed)
    report = report_on(place.root, official=False)
    place.mend(changed)
    (one,) = report.diagnostics
    assert (one.code, one.line, one.found, one.expected) == ("GD107", 2, what, "5 cells")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "GD105"),
        (b"resource,row_id,reason,version\n", "GD105"),
        (b"\xef\xbb\xbf" + HEAD.encode(), "GD101"),
        (HEAD.encode() + b"actors,\xff,,gone,1.0.0\n", "GD101"),
        (HEAD.encode() + b"\0" * 10 + b"\n", "GD107"),
        (HEAD.encode() + b'actors,"x,,gone,1.0.0\n', "GD107"),
    ],
)
def test_a_file_that_is_not_the_list(content: bytes, code: str, place: Place) -> None:
    place.damage({FILE: content})
    report = report_on(place.root, official=False)
    place.mend({FILE: content})
    assert {(d.code, d.path) for d in report.diagnostics} >= {(code, FILE)}
    assert {d.path for d in report.diagnostics} == {FILE}


def test_a_key_may_be_replaced_by_one_with_other_hyphens(place: Place) -> None:
    changed = {FILE: f"{HEAD}actors,azer-baijan,azerbaijan,spelt otherwise,1.0.0\n".encode()}
    place.damage(changed)
    report = report_on(place.root, official=False)
    place.mend(changed)
    assert report.ok(strict=True), report.diagnostics


@pytest.mark.parametrize(
    ("written", "replaced_by", "codes"),
    [
        ("", "", ["GD202"]),
        ("{key}x", "", ["GD335"]),
        (" {key}", "", ["GD109"]),
        ("{key}", "nothing.like.it", ["GD211"]),
    ],
)
def test_gd211_a_key_with_a_finding_of_its_own_may_be_the_replacement(
    written: str, replaced_by: str, codes: list[str], place: Place
) -> None:
    (row, *rows) = SHIPPED.rows("evidence")
    key = row["evidence_id"]
    changed = {
        **SHIPPED.table("evidence", [row | {"evidence_id": written.format(key=key)}, *rows]),
        FILE: f"{HEAD}evidence,old,{replaced_by or key},It rests on other words,1.0.0\n".encode(),
    }
    place.damage(changed)
    report = report_on(place.root, official=False)
    place.mend(changed)
    assert [d.code for d in report.diagnostics] == codes


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _link_out(path: Path) -> None:
    (path.parents[2] / "outside.csv").write_text(HEAD, encoding="utf-8")
    path.symlink_to("../../outside.csv")


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(
            _pipe, marks=pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
        ),
        _link_out,
        Path.mkdir,
        lambda path: path.symlink_to("nowhere.csv"),
        lambda path: path.symlink_to("retired.csv"),
    ],
)
def test_gd005_a_pipe_or_link_is_reported_and_not_read(make: object, tmp_path: Path) -> None:
    assert callable(make)
    root = Place(tmp_path / "package").root
    (root / FILE).unlink(missing_ok=True)
    make(root / FILE)
    (found,) = report_on(root, official=False).diagnostics
    assert (found.code, found.path) == ("GD005", FILE)
    with pytest.raises(ReadError, match="retired"):
        retired.read(Package.open(root))


def test_gd005_there_is_only_one_list(tmp_path: Path) -> None:
    """Nobody would read a second one, and one elsewhere counts as an unlisted file."""
    place = Place(tmp_path)
    row = f"{HEAD}actors,azerbaidjan,,left out,1.0.0\n".encode()
    place.damage({"retired.csv": row, FILE: None})
    assert report_on(place.root, official=False).ok(strict=True)
    place.damage({FILE: row})
    (found,) = report_on(place.root, official=False).diagnostics
    assert (found.code, found.path) == ("GD005", "retired.csv")
    assert "data/retired.csv" in (found.found or "")
    place.mend({"retired.csv": row})
    place.damage({"data/old/retired.csv": row, "schemas/retired.csv": row})
    paths = [(d.code, d.path) for d in report_on(place.root, official=False).diagnostics]
    assert paths == [("GD005", "data/old/retired.csv"), ("GD005", "schemas/retired.csv")]
