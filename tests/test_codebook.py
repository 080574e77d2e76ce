"""The codebook says what the schemas, the tables and the article say."""

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
ARTICLE = "trump-leaning-on-pakistan"
"""The article whose decisions are read back."""
CODEBOOK = (REPO / "docs" / "codebook.md").read_text("utf-8")
DECISIONS = (REPO / "docs" / "decisions" / f"{ARTICLE}.md").read_text("utf-8")
WRITTEN = CODEBOOK[: CODEBOOK.index("\n<!-- data dictionary: ")] + DECISIONS
"""What people wrote; the rest is generated."""


def rows(name: str) -> list[dict[str, str]]:
    with (REPO / "data" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


TABLES = {name: rows(name) for name in SCHEMAS}
PASSAGES = [row for row in TABLES["passages"] if row["source_id"] == ARTICLE]
TEXTS = {
    row["source_id"]: (REPO / row["text_path"]).read_bytes().decode("utf-8")
    for row in TABLES["sources"]
    if row["text_path"]
}
KEYS = {name: schema["primaryKey"][0] for name, schema in SCHEMAS.items()}
FIELDS = {
    (name, field["name"]): field for name, schema in SCHEMAS.items() for field in schema["fields"]
}
VOCABULARIES = {
    key: field["constraints"]["enum"]
    for key, field in FIELDS.items()
    if "enum" in field.get("constraints", {})
}


def chapter(number: int) -> str:
    (found,) = re.findall(rf"^## {number}\. .*?(?=^## |\Z)", CODEBOOK, re.M | re.S)
    return str(found)


# Chapter 3: a vocabulary has its tables under the headings, or in the bold lines, that name it.
SECTIONS = re.findall(r"^### 3\.\d+ .*?(?=^### |\Z)", chapter(3), re.M | re.S)


def tables_of(text: str) -> Iterator[tuple[list[str], list[list[str]]]]:
    """The head and the rows of each Markdown table."""
    for block in re.findall(r"(?:^\|.*(?:\n|\Z))+", text, re.M):
        head, _, *body = (
            [cell.strip() for cell in line[1:-1].split(" | ")] for line in block.splitlines()
        )
        yield head, body


def defined(resource: str, field: str) -> set[str]:
    """The terms that chapter 3 defines for a vocabulary."""
    found: set[str] = set()
    for section in SECTIONS:
        heading = section.splitlines()[0]
        if "Used in several tables" in heading:
            for part in re.split(r"\n\n(?=\*\*`)", section)[1:]:
                bold = re.findall(r"\*\*`(\w+)`\*\*(?: \(([^)]*)\))?", part.splitlines()[0])
                for name, of in bold:
                    if name == field and (not of or f"`{resource}`" in of):
                        found |= terms(part, field)
        elif re.search(rf"`{resource}\.", heading) and re.search(rf"[`.]{field}`", heading):
            found |= terms(section, field)
    return found


def terms(text: str, field: str) -> set[str]:
    """The terms in the first column that is headed by the field, or by ‘term’, ‘code’ or ‘mode’."""
    found: set[str] = set()
    heads = [head for head, _ in tables_of(text)]
    for head, body in tables_of(text):
        column = next((n for n, cell in enumerate(head) if cell in ("mode", f"`{field}`")), None)
        if column is None and head[0].strip("| ") in ("term", "code"):
            column = 0
        if column is not None:
            for row in body:
                found |= set(re.findall(r"`([^`]+)`", row[column]))
    if field == "resource" or not heads:
        (line,) = re.findall(r"^`resource` names .*$", text, re.M)
        found |= set(re.findall(r"`([a-z_]+)`", line.split(":")[1]))
    return found


@pytest.mark.parametrize(
    ("key", "enum"), VOCABULARIES.items(), ids=[".".join(key) for key in VOCABULARIES]
)
def test_every_term_is_defined_once_and_no_other(key: tuple[str, str], enum: list[str]) -> None:
    resource, field = key
    expected = set(enum)
    missing, extra = expected - defined(resource, field), defined(resource, field) - expected
    assert missing == set(), f"chapter 3 does not define these terms of {resource}.{field}"
    if field == "published_precision":
        extra -= {"unknown"}  # One table for both; it says that `sources` has no such term.
    assert extra == set(), f"chapter 3 defines terms that {resource}.{field} has not"


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_table_has_its_section(name: str) -> None:
    (section,) = re.findall(rf"^### 2\.\d+ `{name}`\n.*?(?=^### |^## )", CODEBOOK, re.M | re.S)
    assert "*One row:*" in section
    assert "*New row:*" in section
    assert "*Key:*" in section


def test_every_verbatim_field_is_named_where_the_codebook_lists_them() -> None:
    (line,) = re.findall(r"^.*\(`gazadata:verbatim`\) hold .*$", CODEBOOK, re.M)
    listed = line.split("as they stand:")[1]
    for (resource, field), raw in FIELDS.items():
        if raw.get("gazadata:verbatim"):
            assert f"`{field}`" in listed, (resource, field)


def tokens() -> set[str]:
    return set(re.findall(r"(?<!`)`([^`\n]+)`(?!`)", WRITTEN))


def known() -> set[str]:
    """Everything that the codebook may set as code."""
    names = {row[KEYS[name]] for name in SCHEMAS for row in TABLES[name]}
    names |= set(SCHEMAS) | {field for _, field in FIELDS}
    names |= {f"{name}.{field}" for name, field in FIELDS}
    names |= {term for enum in VOCABULARIES.values() for term in enum}
    names |= {key for schema in SCHEMAS.values() for field in schema["fields"] for key in field}
    names |= {row["passage_id"].removeprefix(f"{ARTICLE}-") for row in PASSAGES}
    return names


def test_every_key_that_is_named_is_a_row() -> None:
    """Rows are renamed now and then, and what is written about them stays behind."""
    slugs = {token for token in tokens() if re.fullmatch(r"[a-z0-9]+([-.][a-z0-9-]+)+", token)}
    assert len(slugs) > 100
    assert slugs - known() - {"evidence.csv", "sources.kind"} == set()


def test_whatever_else_is_set_as_code_is_known() -> None:
    rest = tokens() - known()
    allowed = (
        r"this type|true|false|text\[start:end\]|<singular>_id|[_-]|raw/|reference/|s"
        r"|reference/\w+\.csv|evidence\.csv|Row NAME of reference/FILE\.csv"  # files
        r"|\w+_\*|about_\*|Pakistan"  # several fields at once; a word as the check sees it
    )
    assert {token for token in rest if not re.fullmatch(allowed, token)} == set()


def test_what_stands_in_curly_quotes_stands_in_the_article() -> None:
    """The codebook promises it: curly quotes hold words of the article and nothing else."""
    convention = "“curly double quotes” hold words of the article, character for character"
    assert WRITTEN.count(convention) == 1
    quoted = re.findall(r"“([^”]*)”", WRITTEN.replace("“curly double quotes”", ""))
    assert len(quoted) > 200
    assert [w for w in quoted if all(w not in text for text in TEXTS.values())] == []


def test_curly_quotes_come_in_pairs() -> None:
    """A quotation that is not closed would hide the next one from the test above."""
    assert re.findall(r".{0,20}[“”].{0,20}", re.sub(r"“[^“”]*”", "", WRITTEN)) == []


# The decisions on the article: what rests on which passage.


def resting() -> dict[str, dict[str, list[str]]]:
    """The rows that rest on each passage, by table, as evidence.csv has it."""
    passage_of = {row["quote_id"]: row["passage_id"] for row in TABLES["quotes"]}
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for row in TABLES["evidence"]:
        if row["quote_id"]:
            found[passage_of[row["quote_id"]]][row["resource"]].add(row["row_id"])
    return {
        passage: {name: sorted(found[passage][name]) for name in SCHEMAS if found[passage][name]}
        for passage in sorted(found)
    }


(((_, READ_BACK)),) = [
    (head, body) for head, body in tables_of(DECISIONS) if head[0].strip("| ") == "passage"
]


def test_every_passage_is_read_back() -> None:
    named = [re.findall(r"`(\w+)`", row[0])[0] for row in READ_BACK]
    ids = [row["passage_id"] for row in sorted(PASSAGES, key=lambda r: int(r["sequence"]))]
    assert [f"{ARTICLE}-{name}" for name in named] == ids
    assert len(ids) == 16


@pytest.mark.parametrize("row", READ_BACK, ids=lambda row: re.findall(r"`(\w+)`", row[0])[0])
def test_a_passage_is_read_back_with_the_rows_that_rest_on_it(row: list[str]) -> None:
    first, opening, listed = row
    matched = re.fullmatch(r"`(\w+)` \((\d+)–(\d+)\)", first.strip("| "))
    assert matched
    passage_id = f"{ARTICLE}-{matched[1]}"
    (passage,) = (p for p in PASSAGES if p["passage_id"] == passage_id)
    start, end = int(passage["char_start"]), int(passage["char_end"])
    assert (int(matched[2]), int(matched[3])) == (start, end)
    assert TEXTS[ARTICLE][start:end].startswith(opening.strip("“”"))
    stated = {
        name: re.findall(r"`([^`]+)`", keys)
        for name, keys in re.findall(r"\*\*(\w+)\*\*: (.*?)(?=<br>|$)", listed.strip("| "))
    }
    assert stated == resting()[passage_id], f"docs/decisions/{ARTICLE}.md is behind evidence.csv"


def test_what_rests_on_no_passage_is_listed() -> None:
    quoted = {key for names in resting().values() for keys in names.values() for key in keys}
    supported = {row["row_id"] for row in TABLES["evidence"]}
    (line,) = re.findall(
        r"^Rows that rest on a reference and on no passage: (.*?)\. ", DECISIONS, re.M
    )
    assert re.findall(r"`([^`]+)`", line) == sorted(supported - quoted)


def test_the_data_dictionary_is_current() -> None:
    from gazadata.contract import Contract
    from gazadata.curate.dictionary import BEGIN, END, data_dictionary

    (stated,) = re.findall(
        rf"^{re.escape(BEGIN)}\n\n(.*?)\n{re.escape(END)}$", CODEBOOK, re.M | re.S
    )
    assert stated == data_dictionary(Contract.read(REPO)), "run: gazadata fmt"
