"""The decisions on each article say what the tables and the article say."""

import csv
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

REPO = Path(__file__).parents[1]
DESCRIPTOR = json.loads((REPO / "datapackage.json").read_text("utf-8"))
SCHEMAS: dict[str, dict[str, Any]] = {
    raw["name"]: json.loads((REPO / raw["schema"]).read_text("utf-8"))
    for raw in DESCRIPTOR["resources"]
}
DECISIONS = {
    path.stem: path.read_text("utf-8") for path in (REPO / "docs" / "decisions").glob("*.md")
}
"""What was decided on each article, by its source."""
each_article = pytest.mark.parametrize("article", DECISIONS)


def rows(name: str) -> list[dict[str, str]]:
    with (REPO / "data" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


TABLES = {name: rows(name) for name in SCHEMAS}
TEXTS = {
    row["source_id"]: (REPO / row["text_path"]).read_bytes().decode("utf-8")
    for row in TABLES["sources"]
    if row["text_path"]
}
KEYS = {name: schema["primaryKey"][0] for name, schema in SCHEMAS.items()}
FIELDS = {
    (name, field["name"]): field for name, schema in SCHEMAS.items() for field in schema["fields"]
}


def test_each_article_with_decisions_is_coded() -> None:
    assert DECISIONS.keys() <= TEXTS.keys()


def passages(article: str) -> list[dict[str, str]]:
    found = [row for row in TABLES["passages"] if row["source_id"] == article]
    return sorted(found, key=lambda row: int(row["sequence"]))


def tables_of(text: str) -> Iterator[tuple[list[str], list[list[str]]]]:
    """The header and the rows of each Markdown table."""
    for block in re.findall(r"(?:^\|.*(?:\n|\Z))+", text, re.M):
        head, _, *body = (
            [cell.strip() for cell in line[1:-1].split(" | ")] for line in block.splitlines()
        )
        yield head, body


def code(article: str) -> set[str]:
    return set(re.findall(r"(?<!`)`([^`\n]+)`(?!`)", DECISIONS[article]))


def known(article: str) -> set[str]:
    """Everything that the decisions may set as code."""
    names = {row[KEYS[name]] for name in SCHEMAS for row in TABLES[name]}
    names |= set(SCHEMAS) | {field for _, field in FIELDS}
    names |= {f"{name}.{field}" for name, field in FIELDS}
    names |= {
        term for field in FIELDS.values() for term in field.get("constraints", {}).get("enum", ())
    }
    names |= {row["passage_id"].removeprefix(f"{article}-") for row in passages(article)}
    return names


@each_article
def test_text_set_as_code_is_known(article: str) -> None:
    """Rows are renamed now and then, and it is easy to forget the text about them."""
    allowed = r"this type|true|false|raw/|reference/\w+\.csv|evidence\.csv"
    rest = code(article) - known(article)
    assert {token for token in rest if not re.fullmatch(allowed, token)} == set()


@each_article
def test_text_in_curly_quotes_is_in_the_article(article: str) -> None:
    """Each file promises that curly quotes hold only words of the article."""
    convention = "“Curly double quotes” hold words of the article, character for character"
    assert DECISIONS[article].count(convention) == 1
    quoted = re.findall(r"“([^”]*)”", DECISIONS[article].replace("“Curly double quotes”", ""))
    assert quoted
    assert [words for words in quoted if words not in TEXTS[article]] == []


@each_article
def test_curly_quotes_come_in_pairs(article: str) -> None:
    """A quotation that is not closed would hide the next one from the test above."""
    left = re.sub(r"“[^“”]*”", "", DECISIONS[article])
    assert re.findall(r".{0,20}[“”].{0,20}", left) == []


def resting(article: str) -> dict[str, dict[str, list[str]]]:
    """The rows that rest on each passage of an article, by table, as evidence.csv has it."""
    own = {row["passage_id"] for row in passages(article)}
    passage_of = {row["quote_id"]: row["passage_id"] for row in TABLES["quotes"]}
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for row in TABLES["evidence"]:
        if passage_of.get(row["quote_id"]) in own:
            found[passage_of[row["quote_id"]]][row["resource"]].add(row["row_id"])
    return {
        passage: {name: sorted(found[passage][name]) for name in SCHEMAS if found[passage][name]}
        for passage in sorted(found)
    }


def read_back(article: str) -> list[list[str]]:
    (body,) = (
        body for head, body in tables_of(DECISIONS[article]) if head[0].strip("| ") == "passage"
    )
    return body


@each_article
def test_every_passage_is_read_back(article: str) -> None:
    named = [re.findall(r"`(\w+)`", row[0])[0] for row in read_back(article)]
    assert [f"{article}-{name}" for name in named] == [p["passage_id"] for p in passages(article)]


READ_BACK = [(article, row) for article in DECISIONS for row in read_back(article)]


@pytest.mark.parametrize(("article", "row"), READ_BACK, ids=lambda one: str(one)[:30])
def test_a_passage_is_read_back_with_the_rows_that_rest_on_it(article: str, row: list[str]) -> None:
    first, opening, listed = row
    matched = re.fullmatch(r"`(\w+)` \((\d+)–(\d+)\)", first.strip("| "))
    assert matched
    passage_id = f"{article}-{matched[1]}"
    (passage,) = (p for p in passages(article) if p["passage_id"] == passage_id)
    start, end = int(passage["char_start"]), int(passage["char_end"])
    assert (int(matched[2]), int(matched[3])) == (start, end)
    assert TEXTS[article][start:end].startswith(opening.strip("“”"))
    stated = {
        name: re.findall(r"`([^`]+)`", keys)
        for name, keys in re.findall(r"\*\*(\w+)\*\*: (.*?)(?=<br>|$)", listed.strip("| "))
    }
    assert stated == resting(article)[passage_id], f"docs/decisions/{article}.md: rows moved"
