"""An article may be in any language: its words are found, quoted and written to tables."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from tests.validate.damage import report_on

from gazadata.curate.fmt import format_package
from gazadata.curate.write import write
from gazadata.evidence.quotes import cuts_word, find
from gazadata.package import Package
from gazadata.text import HIDDEN, malformed

ROOT = Path(__file__).parents[2]
TABLES = ("sources", "passages", "quotes")


def schema_of(name: str) -> bytes:
    """The schema of a table, without foreign keys to tables that are left out."""
    schema = json.loads((ROOT / f"schemas/{name}.json").read_bytes())
    keys = schema.get("foreignKeys", [])
    schema["foreignKeys"] = [key for key in keys if key["reference"].get("resource") in TABLES]
    return json.dumps(schema).encode()


# Invented sentences, and a part of each that a coder would quote.
SENTENCES = {
    "Persian": (
        "سخنگوی وزارت خارجه گفت نیروها می‌توانند به منطقه بازگردند.",
        "نیروها می‌توانند",
    ),
    "Hindi": (
        "मंत्री ने कहा कि शरद् ऋतु में सैनिकों की संख्या बढ़ेगी और राष्ट्र्‍य दल आएगा।",
        "सैनिकों की संख्या बढ़ेगी",
    ),
    "Chinese": ("外交部表示，该国正在考虑派遣部队，但尚未决定。", "正在考虑派遣部队"),
    "Thai": ("กระทรวงการต่างประเทศระบุว่ากำลังพิจารณาส่งทหารไปยังพื้นที่", "กำลังพิจารณาส่งทหาร"),
    "Japanese": ("外務省は部隊の派遣を検討していると述べた。", "部隊の派遣を検討している"),
}


def draft(root: Path, text: str, exact: str) -> Path:
    """A package of one sentence, with one quote without offsets."""
    for folder in ("data", "schemas", "raw"):
        (root / folder).mkdir()
    rows: dict[str, dict[str, str]] = {
        "sources": {
            "source_id": "a",
            "kind": "article",
            "title": "A title",
            "held": "true",
            "text_path": "raw/a.txt",
        },
        "passages": {"passage_id": "a-s01", "source_id": "a", "sequence": "1", "paragraph": "1"},
        "quotes": {"quote_id": "words", "source_id": "a", "exact": exact},
    }
    resources = []
    for name in TABLES:
        schema = schema_of(name)
        (root / f"schemas/{name}.json").write_bytes(schema)
        path = f"data/{name}.csv"
        resources.append({"name": name, "path": path, "schema": f"schemas/{name}.json"})
        fields = [field["name"] for field in json.loads(schema)["fields"]]
        if name == "passages":
            begin, end = (next(f for f in fields if f.endswith(w)) for w in ("start", "end"))
            rows[name] |= {begin: "0", end: str(len(text))}
        with (root / path).open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, fields, lineterminator="\n")
            writer.writeheader()
            writer.writerow(rows[name])
    descriptor = {"name": "draft", "version": "1.0.0", "resources": resources}
    (root / "datapackage.json").write_text(json.dumps(descriptor), "utf-8")
    (root / "raw/a.txt").write_text(f"{text}\n", "utf-8", newline="\n")
    return root


@pytest.mark.parametrize("language", SENTENCES)
def test_a_part_of_a_sentence_can_be_quoted(language: str, tmp_path: Path) -> None:
    """From a draft to rows without findings about form or quotes."""
    text, exact = SENTENCES[language]
    assert text.count(exact) == 1
    package = Package.open(draft(tmp_path, text, exact))
    formatting = format_package(package)
    assert [str(problem) for problem in formatting.problems] == []
    write(formatting.files, formatting.read)
    found = report_on(tmp_path, official=False).diagnostics
    assert [d for d in found if d.code[:3] in ("GD1", "GD2") and d.code != "GD202"] == []
    assert [d for d in found if d.code in ("GD301", "GD313", "GD321", "GD322", "GD324")] == []


@pytest.mark.parametrize("language", SENTENCES)
def test_words_between_spaces_are_not_cut(language: str) -> None:
    """If spaces separate words, part of a word is never found."""
    text, exact = SENTENCES[language]
    part = exact[2:]
    assert bool(find(text, part)) == (language in ("Chinese", "Japanese", "Thai"))
    assert [match.exact for match in find(text, exact)] == [exact]


@pytest.mark.parametrize(
    ("text", "at", "cuts"),
    [
        ("中国", 1, False),
        ("中a国", 1, False),
        ("2026年", 4, False),
        ("20年", 1, True),
        ("กำลัง", 1, True),
        ("กำลัง", 2, False),
        ("ที่", 1, True),
        ("ที่", 2, True),
        ("می\u200cروند", 2, True),
        ("می\u200cروند", 3, True),
    ],
)
def test_where_a_word_may_end(text: str, at: int, cuts: bool) -> None:
    assert cuts_word(text, at) == cuts


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("می\u200cروند", False),
        ("क्\u200dष", False),
        ("ක්\u200dෂ", False),
        ("Pak\u200cistan", True),
        ("می\u200c روند", True),
        ("می\u200c", True),
        ("\u200cروند", True),
        ("می\u200c\u200cروند", True),
        ("می\u200bروند", True),
    ],
)
def test_joiners_are_hidden_characters_where_they_join_nothing(
    text: str, hidden: bool, tmp_path: Path
) -> None:
    assert bool(HIDDEN.search(text)) == hidden
    assert (malformed(text) is not None) == hidden
    # In a cell of a table, in CSV and in Parquet.
    import pyarrow as pa
    import pyarrow.parquet as pq

    root = draft(tmp_path, "Some words.", "words")
    table = Package.open(root).table("sources")
    title = table.schema.get_field_index("title")
    table = table.set_column(title, table.schema.field(title), [pa.array([text])])
    header, row = (root / "data/sources.csv").read_text("utf-8").splitlines()
    (root / "data/sources.csv").write_text(
        f"{header}\n{row.replace('A title', text)}\n", "utf-8", newline="\n"
    )
    codes = {d.code for d in report_on(root, official=False).diagnostics if d.field == "title"}
    assert ("GD104" in codes) == hidden
    (root / "data/sources.csv").unlink()
    pq.write_table(table, root / "data/sources.parquet")
    descriptor = (root / "datapackage.json").read_text("utf-8")
    (root / "datapackage.json").write_text(descriptor.replace("sources.csv", "sources.parquet"))
    codes = {d.code for d in report_on(root, official=False).diagnostics if d.field == "title"}
    assert ("GD104" in codes) == hidden


@pytest.mark.parametrize(
    ("printed", "typed"),
    [
        ("„Wir gehen“, sagte er", '"Wir gehen", sagte er'),
        ("« Nous partons »", '" Nous partons "'),
        ("we wait… and see", "we wait... and see"),
        ("at 33° 20′ 5″ north", "at 33° 20' 5\" north"),
        ("fell by −5 degrees", "fell by -5 degrees"),
        ("‹so› he said", "'so' he said"),
    ],
)
def test_printed_words_are_found_as_typed(printed: str, typed: str) -> None:
    for words in (typed, printed):
        (match,) = find(f"It is said: {printed} again.", words)
        assert match.exact == printed
