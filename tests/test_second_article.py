"""The invented article: a package of its own, and what the manual quotes."""

import re
from pathlib import Path

import pytest
from tests.article.package import FOLDER, REPO, SOURCE, make

from gazadata.validate import validate

TEXT = (FOLDER / "raw" / f"{SOURCE}.txt").read_bytes().decode("utf-8")
MANUAL = (REPO / "docs" / "manual.md").read_text("utf-8")
REAL = "".join(path.read_text("utf-8") for path in (REPO / "raw").glob("*.txt"))


def test_it_is_valid_alone(tmp_path: Path) -> None:
    report = validate(make(tmp_path / "package"))
    assert [(one.code, one.path, one.line) for one in report.diagnostics] == []


def test_it_has_what_articles_are_hard_to_code_for() -> None:
    for words in ("reportedly", "according to", "provided that", "has not decided", "left out"):
        assert words in TEXT
    assert "’" in TEXT, "offsets in code points and in bytes must differ"


@pytest.mark.parametrize("quoted", sorted(set(re.findall(r"“([^”]*)”", MANUAL))))
def test_the_manual_quotes_the_invented_article(quoted: str) -> None:
    """An ellipsis leaves words out; the parts stand in the text in this order."""
    parts = [part for part in re.split(r"\s*…\s*", quoted) if part]
    at = 0
    for part in parts:
        at = TEXT.find(part, at)
        assert at >= 0, f"not in the invented article: {part}"
        at += len(part)


def test_the_manual_gives_nothing_of_a_real_article_away() -> None:
    names = set(re.findall(r"\b[A-Z][a-z]{4,}\b", REAL)) - {"Foreign", "Recent", "President"}
    assert len(names) > 20
    assert sorted(name for name in names if re.search(rf"\b{name}\b", MANUAL)) == []


def test_the_manual_is_short() -> None:
    assert len(MANUAL.split()) <= 6000
