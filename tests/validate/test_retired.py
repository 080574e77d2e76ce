"""What data/retired.csv may say: of tables that are gone too, and of nothing that is there."""

from __future__ import annotations

from pathlib import Path

from gazadata.validate import validate

HEAD = "resource,row_id,replaced_by,reason,version\n"


def found(package: Path, lines: list[str]) -> list[tuple[int | None, str, str]]:
    """The line of each finding, what was found and what was expected, of lines from 2 on."""
    (package / "data/retired.csv").write_text(HEAD + "\n".join(lines) + "\n", encoding="utf-8")
    report = validate(package)
    assert {d.code for d in report.diagnostics} <= {"GD211"}
    return [(d.line, d.found or "", d.expected or "") for d in report.diagnostics]


def test_what_may_be_given_up(package_copy: Path) -> None:
    lines = [
        "pledges,pakistan-troops,,the table was dropped,0.9.0",
        "pledges,first,second,renamed,0.8.0",
        "pledges,second,,the table was dropped,0.9.0",
        "actors,azerbaidjan,azerbaydjan,spelt otherwise,0.8.0",
        "actors,azerbaydjan,azerbaijan,spelt otherwise,1.0.0",
    ]
    assert found(package_copy, lines) == []


def test_what_may_not(package_copy: Path) -> None:
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
            "actors,seven,,left out,1.0.1",
            "actors,eight,,left out,soon",
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
        (9, "version 1.0.1"),
        (10, "version soon"),
    ]
    assert "did you mean actors?" in wrong[0][2]
    assert "there are sources, passages" in wrong[2][2]
    assert "1.0.0, or an earlier one" in wrong[7][2]
