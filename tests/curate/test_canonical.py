"""The canonical form: the same content has the same bytes, and nothing written is lost."""

import csv
import hashlib
import io
import json
import shutil
import subprocess
import sys
import tempfile
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gazadata.contract import Contract, Resource
from gazadata.curate.canonical import canonical_csv
from gazadata.curate.fmt import Formatting, format_package
from gazadata.curate.tables import read_table
from gazadata.curate.write import write
from gazadata.errors import ContractError, GazadataError, ReadError
from gazadata.package import Package

ROOT = Path(__file__).parents[2]
SHIPPED = Contract.read(ROOT)
ARTICLE = "trump-leaning-on-pakistan"
TEXT = (ROOT / "raw/000_6e04a71c739462ee.txt").read_bytes().decode("utf-8")

Rows = list[dict[str, str]]


def read(path: Path) -> Rows:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def rewrite(path: Path, change: Callable[[Rows], Rows | None]) -> None:
    """Let `change` edit the rows of a table, in place or by returning new ones."""
    rows = read(path)
    header = list(rows[0])
    changed = change(rows)
    path.write_bytes(
        canonical_csv(header, [list(r.values()) for r in (rows if changed is None else changed)])
    )


def blank(*fields: str) -> Callable[[Rows], None]:
    def change(rows: Rows) -> None:
        for row in rows:
            row.update(dict.fromkeys(fields, ""))

    return change


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A copy of the shipped package in canonical form: one article and the sources it cites."""
    for name in ("data", "schemas", "raw"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "datapackage.json", tmp_path)

    def of_article(rows: Rows) -> Rows:
        return [
            row
            for row in rows
            if row["source_id"] == ARTICLE
            or (row.get("held") == "false" and row["cited_by"] in ("", ARTICLE))
        ]

    for name in ("sources", "passages", "quotes"):
        rewrite(tmp_path / "data" / f"{name}.csv", of_article)
    write_formatted(tmp_path)
    return tmp_path


def formatted(root: Path) -> Formatting:
    return format_package(Package.open(root))


def write_formatted(root: Path) -> None:
    formatting = formatted(root)
    write(formatting.files, formatting.read)


def quote(root: Path, quote_id: str) -> dict[str, str]:
    return next(row for row in read(root / "data/quotes.csv") if row["quote_id"] == quote_id)


def add_quote(root: Path, **cells: str) -> None:
    """Put a quote with the key `new` into the table; all other cells are empty."""
    base = dict.fromkeys(SHIPPED["quotes"].field_names, "")
    base |= {"quote_id": "new", "source_id": ARTICLE}

    def change(rows: Rows) -> None:
        rows.append(base | cells)

    rewrite(root / "data/quotes.csv", change)


def appending(row: dict[str, str]) -> Callable[[Rows], Rows]:
    return lambda rows: [*rows, row]


def without_new(rows: Rows) -> Rows:
    return [row for row in rows if row["quote_id"] != "new"]


def completed(root: Path) -> dict[str, str]:
    """The quote `new` after formatting, which must report no problem."""
    formatting = formatted(root)
    assert [str(problem) for problem in formatting.problems] == []
    write(formatting.files, formatting.read)
    return quote(root, "new")


def refused(root: Path) -> str:
    """The one problem of the quote `new`, whose row must stay unchanged."""
    before = quote(root, "new")
    formatting = formatted(root)
    (problem,) = formatting.problems
    assert (problem.resource, problem.row_id) == ("quotes", "new")
    lines = problem.path.read_text("utf-8").split("\n")
    assert lines[problem.line - 1].startswith("new,")
    write(formatting.files, formatting.read)
    assert quote(root, "new") == before
    return problem.message


# --- what is shipped ---------------------------------------------------------------------------


def test_the_shipped_tables_are_canonical() -> None:
    formatting = format_package(Package.open(ROOT))
    names = [path.name for path in formatting.files]
    assert names == [], f"not canonical: {names}; run: gazadata fmt"
    assert [str(problem) for problem in formatting.problems] == []


# --- the canonical bytes -----------------------------------------------------------------------


def test_only_cells_that_need_quotes_have_them() -> None:
    rows = [["b", 'say "no"', " x "], ["a", "1,5", "two\nlines"], ["A", "", "'=+-@#|;\t"]]
    assert canonical_csv(["id", "one", "two"], rows) == (
        b'id,one,two\nA,,\'=+-@#|;\t\na,"1,5","two\nlines"\nb,"say ""no""", x \n'
    )


def test_rows_are_sorted_by_code_point_of_the_given_key() -> None:
    rows = [["1", "é"], ["2", "z"], ["3", "Z"], ["4", "\U0001f642"], ["5", "\uff5a"]]
    content = canonical_csv(["n", "key"], rows, key="key").decode("utf-8")
    assert [line.split(",")[0] for line in content.splitlines()] == ["n", "3", "2", "1", "5", "4"]


def test_no_carriage_return_is_left() -> None:
    assert canonical_csv(["a", "b"], [["1", "x\r\ny\rz"]]) == b'a,b\n1,"x\ny\nz"\n'


def test_values_are_left_as_written() -> None:
    cells = ["007", "TRUE", "2024-2-4", " 1 ", "NA", "null", "1.0", "+1"]
    content = canonical_csv(["a", "b"], [[cell, cell] for cell in cells])
    back = list(csv.reader(io.StringIO(content.decode(), newline="")))
    assert sorted(row[0] for row in back[1:]) == sorted(cells)


def test_a_record_of_one_empty_cell_is_not_lost_as_a_blank_line() -> None:
    assert canonical_csv(["a"], [[""], ["1"]]) == b'a\n""\n1\n'


def test_a_row_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(ValueError, match="each row must have 2 cells"):
        canonical_csv(["a", "b"], [["1"]])


FIELDS = ("key", "one", "two")
TINY = Resource.read(
    {"name": "tiny", "path": "tiny.csv"},
    {"fields": [{"name": name, "type": "string"} for name in FIELDS], "primaryKey": "key"},
    "tiny.json",
)
# Without NUL, which is refused, and surrogates, which UTF-8 cannot hold.
cell = st.text(
    st.one_of(
        st.sampled_from("ab,\"'\n\r;\té\u0301e\ufeff\u2028\x85"),
        st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
    ),
    max_size=8,
)
table = st.lists(st.tuples(cell, cell, cell), max_size=6)


def as_read(content: bytes) -> list[tuple[str, ...]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tiny.csv"
        path.write_bytes(content)
        return [tuple(row.cells.values()) for row in read_table(path, TINY).rows]


@given(table)
def test_cells_only_change_in_nfc_and_line_ends(rows: list[tuple[str, str, str]]) -> None:
    expected = [
        tuple(
            unicodedata.normalize("NFC", cell.replace("\r\n", "\n").replace("\r", "\n"))
            for cell in row
        )
        for row in rows
    ]
    content = canonical_csv(FIELDS, rows)
    assert sorted(as_read(content)) == sorted(expected)
    # Python's own reader must agree, or ours would only agree with our writer.
    assert sorted(
        tuple(row) for row in csv.reader(io.StringIO(content.decode(), newline=""), strict=True)
    ) == sorted([FIELDS, *expected])


@given(table)
def test_canonical_form_is_idempotent(
    rows: list[tuple[str, str, str]],
) -> None:
    content = canonical_csv(FIELDS, rows)
    assert canonical_csv(FIELDS, as_read(content)) == content


@given(table, st.data())
def test_order_quoting_and_line_ends_do_not_affect_the_bytes(
    rows: list[tuple[str, str, str]], data: st.DataObject
) -> None:
    columns = data.draw(st.permutations(range(3)))
    styled = io.StringIO(newline="")
    writer = csv.writer(
        styled,
        quoting=data.draw(st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC])),
        lineterminator=data.draw(st.sampled_from(["\n", "\r\n"])),
    )
    for row in [FIELDS, *data.draw(st.permutations(rows))]:
        writer.writerow([row[column] for column in columns])
    text = styled.getvalue()
    if data.draw(st.booleans()):
        text = unicodedata.normalize("NFD", text)
    content = text.encode(data.draw(st.sampled_from(["utf-8", "utf-8-sig"])))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tiny.csv"
        path.write_bytes(content)
        read_back = read_table(path, TINY).rows
    assert canonical_csv(
        FIELDS, [[row.cells[name] for name in FIELDS] for row in read_back]
    ) == canonical_csv(FIELDS, rows)


@pytest.mark.parametrize("name", SHIPPED.resources)
def test_a_table_written_differently_regains_the_shipped_bytes(root: Path, name: str) -> None:
    path = root / "data" / f"{name}.csv"
    shipped = path.read_bytes()
    rows = read(path)
    header = list(rows[0])[::-1]
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, header, quoting=csv.QUOTE_ALL, lineterminator="\r\n\r\n")
        writer.writeheader()
        writer.writerows(
            {k: unicodedata.normalize("NFD", v) for k, v in row.items()} for row in reversed(rows)
        )
    formatting = formatted(root)
    assert formatting.files == {path: shipped}
    assert formatting.problems == []


def test_retired_identifiers_are_written_canonically(root: Path) -> None:
    """A release used to copy the file unchanged, so its bytes depended on the order of rows."""
    path = root / "data/retired.csv"
    head = "resource,row_id,replaced_by,reason,version"
    rows = ["actors,a,,left out,1.0.0", "actors,b,,\u00fcber,1.0.0", "topics,a,,left out,1.0.0"]
    canonical = "\n".join([head, *rows, ""]).encode()
    path.write_bytes(canonical)
    assert formatted(root).files == {}
    shuffled = unicodedata.normalize("NFD", "\r\n".join([head, *reversed(rows), ""]))
    path.write_bytes(shuffled.encode("utf-8-sig"))
    assert formatted(root).files == {path: canonical}


def test_lone_carriage_returns_end_lines_too(root: Path) -> None:
    path = root / "data/names.csv"
    shipped = path.read_bytes()
    path.write_bytes(shipped.replace(b"\n", b"\r"))
    assert formatted(root).files == {path: shipped}


def test_rows_are_sorted_by_the_key_in_whatever_column_it_is(root: Path) -> None:
    path = root / "schemas/names.json"
    schema = json.loads(path.read_text("utf-8"))
    schema["fields"].reverse()
    path.write_text(json.dumps(schema), "utf-8")
    write_formatted(root)
    rows = read(root / "data/names.csv")
    assert list(rows[0]) == [field["name"] for field in schema["fields"]]
    assert [row["name_id"] for row in rows] == [
        row["name_id"] for row in read(ROOT / "data/names.csv")
    ]


# --- what is derived ---------------------------------------------------------------------------


def test_a_quote_is_completed_from_its_words_alone(root: Path) -> None:
    add_quote(root, exact="tangible benefits")
    start = TEXT.index("tangible benefits")
    assert completed(root) == {
        "quote_id": "new",
        "source_id": ARTICLE,
        "passage_id": f"{ARTICLE}-s13",
        "char_start": str(start),
        "char_end": str(start + 17),
        "exact": "tangible benefits",
        "prefix": TEXT[start - 32 : start],
        "suffix": TEXT[start + 17 : start + 49],
    }


@pytest.mark.parametrize(
    ("field", "table", "others"),
    [
        ("prefix", "quotes", ("suffix",)),
        ("passage_id", "quotes", ()),
        ("evidence_id", "evidence", ()),
        ("text_sha256", "sources", ("text_length",)),
        ("text_length", "sources", ()),
    ],
)
def test_emptied_cells_are_restored_if_derivable(
    root: Path, field: str, table: str, others: tuple[str, ...]
) -> None:
    path = root / "data" / f"{table}.csv"
    shipped = path.read_bytes()
    rewrite(path, blank(field, *others))
    assert path.read_bytes() != shipped
    formatting = formatted(root)
    assert formatting.files == {path: shipped}
    assert formatting.problems == []


def test_emptied_offsets_are_restored_if_the_words_occur_once_in_their_passage(
    root: Path,
) -> None:
    path = root / "data/quotes.csv"
    shipped = read(path)
    rewrite(path, blank("char_start", "char_end", "prefix", "suffix"))
    write_formatted(root)
    passages = {
        row["passage_id"]: TEXT[int(row["char_start"]) : int(row["char_end"])]
        for row in read(root / "data/passages.csv")
    }
    once = [row for row in shipped if passages[row["passage_id"]].count(row["exact"]) == 1]
    assert len(once) > len(shipped) / 2
    for row in once:
        assert quote(root, row["quote_id"]) == row


def test_straight_apostrophes_become_the_articles_own(root: Path) -> None:
    path = root / "data/quotes.csv"
    shipped = path.read_bytes()

    def straighten(rows: Rows) -> None:
        for row in rows:
            row["exact"] = row["exact"].replace("’", "'").replace("—", "-")

    rewrite(path, straighten)
    assert path.read_bytes() != shipped
    formatting = formatted(root)
    assert formatting.files == {path: shipped}
    assert formatting.problems == []


def test_right_offsets_are_kept_if_the_words_occur_more_than_once(root: Path) -> None:
    last = TEXT.rindex("Pakistan’s")
    add_quote(root, exact="Pakistan’s", char_start=str(last), char_end=str(last + 10))
    new = completed(root)
    assert (new["char_start"], new["passage_id"]) == (str(last), f"{ARTICLE}-s14")


def test_one_right_offset_selects_the_place(root: Path) -> None:
    last = TEXT.rindex("Pakistan’s")
    add_quote(root, exact="pakistan's", char_start=str(last))
    new = completed(root)
    assert (new["char_start"], new["char_end"], new["exact"]) == (
        str(last),
        str(last + 10),
        "Pakistan’s",
    )


def test_the_passage_selects_the_place(root: Path) -> None:
    add_quote(root, exact="Azerbaijan have", passage_id=f"{ARTICLE}-s06")
    assert completed(root)["passage_id"] == f"{ARTICLE}-s06"
    rewrite(root / "data/quotes.csv", without_new)
    add_quote(root, exact="the Israel-Gaza", passage_id=f"{ARTICLE}-s04")
    assert completed(root)["passage_id"] == f"{ARTICLE}-s04"


def test_exact_case_selects_the_place(root: Path) -> None:
    """In lower case, "force" is only in the headline; "Force" is also in a sentence."""
    assert (TEXT.count(" force"), TEXT.count(" Force")) == (1, 1)
    add_quote(root, exact="force")
    assert completed(root)["passage_id"] == f"{ARTICLE}-headline"


def test_wrong_offsets_are_corrected(root: Path) -> None:
    start = TEXT.index("tangible benefits")
    add_quote(root, exact="tangible benefits", char_start="5", char_end="22")
    assert completed(root)["char_start"] == str(start)


def test_an_end_beyond_the_text_is_not_accepted(root: Path) -> None:
    """A slice ends at the text's end, so a `char_end` that is too large has the same words."""
    start = TEXT.index("relations.", len(TEXT) - 10)
    add_quote(root, exact="relations.", char_start=str(start), char_end=str(len(TEXT) + 7))
    assert completed(root)["char_end"] == str(len(TEXT))


def test_the_context_is_shorter_at_the_texts_ends(root: Path) -> None:
    add_quote(root, exact="leaning on")
    assert completed(root)["prefix"] == "Trump "
    rewrite(root / "data/quotes.csv", without_new)
    add_quote(root, exact="White House relations")
    assert completed(root)["suffix"] == "."


def test_the_context_ends_at_a_line_break(root: Path) -> None:
    """With a line break in a cell, one row of the table would take several lines of the file."""
    add_quote(root, exact="The Trump administration is actively")
    assert completed(root)["prefix"] == ""
    rewrite(root / "data/quotes.csv", without_new)
    add_quote(root, exact="perceived successes in regional conflicts")
    assert completed(root)["suffix"] == TEXT.partition("in regional conflicts")[2][:32]
    rewrite(root / "data/quotes.csv", without_new)
    add_quote(root, exact="Washington visit, his third")
    assert completed(root)["prefix"].endswith("prepares for an upcoming ")


def test_a_prefix_does_not_begin_like_a_formula(root: Path) -> None:
    """Otherwise no item of a list with hyphens as bullets could be quoted."""
    raw = root / "raw/000_6e04a71c739462ee.txt"
    raw.write_bytes(
        TEXT.replace("The Trump administration is", "-=The =Trump administration is").encode()
    )
    rewrite(root / "data/sources.csv", blank("text_sha256", "text_length"))
    add_quote(root, exact="Trump administration")
    write_formatted(root)
    assert quote(root, "new")["prefix"] == "The ="
    assert quote(root, "new")["exact"] == "Trump administration"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            "=leaning on",
            "exact would begin with '=', as a spreadsheet formula does; start the quote",
        ),
        (
            "Trump",
            "suffix would begin with '+', as a spreadsheet formula does; end the quote a word",
        ),
    ],
)
def test_a_quote_and_its_suffix_do_not_begin_like_a_formula(
    root: Path, words: str, said: str
) -> None:
    raw = root / "raw/000_6e04a71c739462ee.txt"
    raw.write_bytes(TEXT.replace("Trump leaning on", "Trump+ =leaning on", 1).encode())
    rewrite(root / "data/sources.csv", blank("text_sha256", "text_length"))
    add_quote(root, exact=words, passage_id=f"{ARTICLE}-headline")
    assert [p for p in formatted(root).problems if p.row_id == "new" and said in p.message]


def test_words_in_nfd_are_found(root: Path) -> None:
    raw = root / "raw/000_6e04a71c739462ee.txt"
    raw.write_bytes(TEXT.replace("tangible", "tangiblé").encode())
    rewrite(root / "data/sources.csv", blank("text_sha256", "text_length"))
    path = root / "data/quotes.csv"
    path.write_bytes(path.read_bytes() + f"new,{ARTICLE},,,,tangible\u0301 benefits,,\n".encode())
    write_formatted(root)
    assert quote(root, "new")["exact"] == "tangiblé benefits"


# --- what a person has to decide ---------------------------------------------------------------


def test_missing_words_are_reported_with_the_nearest(root: Path) -> None:
    add_quote(root, exact="tangible benefit for Pakistn")
    start = TEXT.index("tangible benefits for Pakistan")
    assert refused(root) == (
        "no match for 'tangible benefit for Pakistn' in the text as whole words; the nearest "
        f"is 'tangible benefits for Pakistan' at {start}..{start + 30} ({ARTICLE}-s13)"
    )


def test_words_unlike_any_in_the_text(root: Path) -> None:
    add_quote(root, exact="zzz qq")
    assert "and nothing similar" in refused(root)


def test_every_place_of_repeated_words_is_listed(root: Path) -> None:
    add_quote(root, exact="Pakistan’s")
    message = refused(root)
    starts = [at for at in range(len(TEXT)) if TEXT.startswith("Pakistan’s", at)]
    assert len(starts) > 1
    assert f"occurs {len(starts)} times" in message
    for start in starts:
        assert f"{start}..{start + 10} ({ARTICLE}-s" in message


def test_words_in_a_different_passage(root: Path) -> None:
    add_quote(root, exact="tangible benefits", passage_id=f"{ARTICLE}-s01")
    start = TEXT.index("tangible benefits")
    message = refused(root)
    assert f"no match for 'tangible benefits' in {ARTICLE}-s01, but at" in message
    assert f"{start}..{start + 17} ({ARTICLE}-s13)" in message


def test_right_offsets_with_another_passage_contradict_each_other(root: Path) -> None:
    start = TEXT.index("tangible benefits")
    add_quote(
        root,
        exact="tangible benefits",
        passage_id=f"{ARTICLE}-s01",
        char_start=str(start),
        char_end=str(start + 17),
    )
    assert f"in {ARTICLE}-s13, not in {ARTICLE}-s01" in refused(root)


def test_words_across_two_passages_are_in_none(root: Path) -> None:
    add_quote(root, exact="earlier this year. Munir, who")
    assert "are not within one passage" in refused(root)


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ({"exact": ""}, "exact is empty"),
        ({"exact": " "}, "exact is empty"),
        ({"exact": "troops", "source_id": "reuters-report"}, "is not a held source"),
        ({"exact": "troops", "source_id": "nobody"}, "is not a held source"),
        ({"exact": "tangible benefits", "passage_id": "nowhere"}, "is not a passage of"),
        ({"exact": "roops"}, "as whole words; the nearest is 'troops'"),
    ],
)
def test_a_quote_that_cannot_be_placed_is_left_alone(
    root: Path, cells: dict[str, str], message: str
) -> None:
    add_quote(root, **cells)
    assert message in refused(root)


def test_other_rows_are_completed_even_if_one_cannot_be(root: Path) -> None:
    rewrite(root / "data/quotes.csv", blank("prefix", "suffix"))
    add_quote(root, exact="zzz qq")
    write_formatted(root)
    assert quote(root, "actively-soliciting")["prefix"] == "The Trump administration is "


@pytest.mark.parametrize("field", ["resource", "row_id", "field"])
def test_an_evidence_key_is_not_made_from_an_empty_cell(root: Path, field: str) -> None:
    path = root / "data/evidence.csv"
    shipped = read(path)

    def change(rows: Rows) -> None:
        rows[0][field] = ""

    rewrite(path, change)
    formatting = formatted(root)
    (problem,) = formatting.problems
    assert (problem.resource, problem.line) == ("evidence", 2)
    assert f"{field} is empty" in problem.message
    assert problem.row_id == shipped[0]["evidence_id"]


def test_a_passage_without_offsets_is_reported(root: Path) -> None:
    def change(rows: Rows) -> None:
        rows[0]["char_start"] = "9" * 5000

    rewrite(root / "data/passages.csv", change)
    assert any(
        p.resource == "passages" and "whole numbers" in p.message for p in formatted(root).problems
    )


# --- the texts ---------------------------------------------------------------------------------


def test_missing_texts_are_reported_once_and_the_package_is_still_formatted(
    root: Path,
) -> None:
    shutil.rmtree(root / "raw")
    shipped = {path: path.read_bytes() for path in (root / "data").iterdir()}
    rewrite(root / "data/quotes.csv", blank("passage_id"))
    rewrite(root / "data/evidence.csv", blank("evidence_id"))
    formatting = formatted(root)
    (problem,) = formatting.problems
    assert (problem.resource, problem.row_id) == ("sources", ARTICLE)
    assert "no such file" in problem.message
    assert "neither filled in nor checked" in problem.message
    write(formatting.files, formatting.read)
    assert {path: path.read_bytes() for path in shipped} == shipped


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (TEXT.replace("proposed", "imposted").encode(), "is not the text that the row describes"),
        (TEXT.encode("utf-16"), "found text in UTF-16; save the file as UTF-8"),
        (TEXT.replace("\n", "\r\n").encode(), "a carriage return instead of a single line feed"),
        ((TEXT + "e\u0301").encode(), "(U+0065 U+0301), which is not in Unicode normalization"),
    ],
)
def test_an_unreliable_text_is_not_used(root: Path, content: bytes, message: str) -> None:
    (root / "raw/000_6e04a71c739462ee.txt").write_bytes(content)
    quotes = root / "data/quotes.csv"
    rewrite(quotes, blank("prefix"))
    formatting = formatted(root)
    (problem,) = formatting.problems
    assert message in problem.message
    assert formatting.files == {}


@pytest.mark.parametrize(
    ("path", "message"),
    [("", "text_path is empty"), ("../secret.txt", "is outside"), ("raw", "cannot be read")],
)
def test_a_path_that_is_not_a_text_of_the_package_is_a_problem(
    root: Path, path: str, message: str
) -> None:
    def change(rows: Rows) -> None:
        for row in rows:
            if row["held"] == "true":
                row["text_path"] = path

    rewrite(root / "data/sources.csv", change)
    (problem,) = formatted(root).problems
    assert message in problem.message


def test_a_new_text_gets_its_hash_and_length_in_code_points(root: Path) -> None:
    text = "“Ça alors” 🙂.\n"
    (root / "raw/new.txt").write_bytes(text.encode())

    def change(rows: Rows) -> None:
        rows.append(
            dict.fromkeys(rows[0], "")
            | {"source_id": "new", "kind": "article", "held": "true", "text_path": "raw/new.txt"}
        )

    rewrite(root / "data/sources.csv", change)
    write_formatted(root)
    (row,) = (row for row in read(root / "data/sources.csv") if row["source_id"] == "new")
    assert row["text_length"] == str(len(text))
    assert row["text_sha256"] == hashlib.sha256(text.encode()).hexdigest()


def test_a_quote_is_placed_in_a_passage_of_its_own_source(root: Path) -> None:
    """Offsets of two texts overlap, so they alone do not determine the passage."""
    (root / "raw/new.txt").write_bytes(b"Ten words of another text.")
    source = {"source_id": "a-text", "kind": "article", "held": "true", "text_path": "raw/new.txt"}
    passage = {
        "passage_id": "a-text-s01",
        "source_id": "a-text",
        "char_start": "0",
        "char_end": "26",
    }
    for name, cells in (("sources", source), ("passages", passage)):
        path = root / "data" / f"{name}.csv"
        blank_row = dict.fromkeys(read(path)[0], "")
        rewrite(path, appending(blank_row | cells))
    add_quote(root, source_id="a-text", exact="another text")
    assert completed(root)["passage_id"] == "a-text-s01"
    rewrite(root / "data/quotes.csv", without_new)
    add_quote(root, exact="Trump leaning")
    assert completed(root)["passage_id"] == f"{ARTICLE}-headline"


# --- bad input ---------------------------------------------------------------------------------

HEADER = "name_id,source_id,actor_id,topic_id,text,form\n"


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        (b"", 1, "found none; expected name_id, source_id"),
        (b"\n\n", 1, "found none"),
        (HEADER.encode() + b"a,s,b,,t\xe9,name\n", 2, "not UTF-8: the byte 0xe9"),
        (HEADER.encode("utf-16"), 1, "found text in UTF-16; save"),
        (f"{HEADER}a,s,b,,t,name\na,s,b,,t\n".encode(), 3, "header has 6; write a comma"),
        (
            f"{HEADER}a,s,b,,1,5,name\n".encode(),
            2,
            "the row has 7 cells, but the header has 6; put double",
        ),
        (f"{HEADER}a\n".encode(), 2, "the row has 1 cell,"),
        (f'{HEADER}a,s,b,,"x\ny",name\nb\n'.encode(), 4, "the row has 1 cell,"),
        (f"{HEADER}a,s,b,,t\0,name\n".encode(), 2, "NUL"),
        (f'{HEADER}a,s,b,,"t,name\nb,s,b,,t,name\n'.encode(), 2, "close every double quote"),
        (f'{HEADER}a,s,b,,"t"x,name\n'.encode(), 2, "cannot read the row"),
        (f'{HEADER}a,s,b,,"{"t" * 200_000}\n'.encode(), 2, "close every double quote"),
        (b"name_id,source_id,actor_id,topic_id,text\n", 1, "missing: 'form'"),
        (b"name_id,source_id,actor_id,topic_id,text,from\n", 1, "missing: 'form'; unknown: 'from'"),
        (b"name_id,source_id,actor_id,topic_id,text,form,text\n", 1, "repeated: 'text'"),
        (
            b"name_id;source_id;actor_id;topic_id;text;form\n",
            1,
            "semicolons between the names; save",
        ),
    ],
)
def test_bad_input_names_file_and_line(root: Path, content: bytes, line: int, message: str) -> None:
    path = root / "data/names.csv"
    path.write_bytes(content)
    with pytest.raises(ReadError) as caught:
        formatted(root)
    assert str(caught.value).startswith(f"{path}:{line}:")
    assert message in str(caught.value)


def test_a_missing_file_is_named(root: Path) -> None:
    (root / "data/names.csv").unlink()
    with pytest.raises(ReadError, match=r"names\.csv: no such file"):
        formatted(root)


def test_fmt_refuses_parquet(root: Path) -> None:
    """The error used to say that it is not UTF-8."""
    descriptor = json.loads((root / "datapackage.json").read_text("utf-8"))
    descriptor["resources"][0]["path"] = "data/sources.parquet"
    (root / "datapackage.json").write_text(json.dumps(descriptor), "utf-8")
    (root / "data/sources.parquet").write_bytes(b"PAR1\xff")
    with pytest.raises(ReadError, match=r"sources\.parquet: expected CSV"):
        formatted(root)


def test_a_folder_in_place_of_a_table_is_reported(root: Path) -> None:
    (root / "data/names.csv").unlink()
    (root / "data/names.csv").mkdir()
    with pytest.raises(ReadError, match=r"names\.csv: cannot be read"):
        formatted(root)


def test_a_table_outside_of_the_package_is_refused(root: Path) -> None:
    descriptor = json.loads((root / "datapackage.json").read_text("utf-8"))
    descriptor["resources"][0]["path"] = "../sources.csv"
    (root / "datapackage.json").write_text(json.dumps(descriptor), "utf-8")
    with pytest.raises(ContractError, match="is outside"):
        formatted(root)


@given(st.one_of(st.binary(max_size=60), cell.map(lambda c: (HEADER + c).encode())))
def test_any_bytes_are_read_or_refused_with_file_and_line(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "names.csv"
        path.write_bytes(content)
        try:
            table = read_table(path, SHIPPED["names"])
        except ReadError as error:
            assert str(error).removeprefix(f"{path}:")[0].isdigit()  # noqa: PT017
        else:
            assert all(len(row.cells) == 5 for row in table.rows)


# --- writing -----------------------------------------------------------------------------------


def entries(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_writing_replaces_the_bytes_and_keeps_the_mode(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"old")
    path.chmod(0o640)
    write({path: b"new"}, {})
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o640
    assert entries(tmp_path) == ["a.csv"]


def test_writing_follows_a_link_rather_than_replacing_it(tmp_path: Path) -> None:
    path, link = tmp_path / "a.csv", tmp_path / "link.csv"
    path.write_bytes(b"old")
    link.symlink_to(path)
    write({link: b"new"}, {})
    assert link.is_symlink()
    assert path.read_bytes() == b"new"


def test_a_rename_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    (path / "full").mkdir(parents=True)
    with pytest.raises(GazadataError, match=r"a\.csv: cannot be written"):
        write({path: b"new"}, {})
    assert entries(tmp_path) == ["a.csv"]
    assert entries(path) == ["full"]


def test_no_file_is_replaced_when_one_cannot_be_written(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"old")
    with pytest.raises(GazadataError, match=r"b\.csv: cannot be written"):
        write({path: b"new", tmp_path / "gone/b.csv": b"new"}, {})
    assert path.read_bytes() == b"old"
    assert entries(tmp_path) == ["a.csv"]


def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    """A limit on file sizes stops the write half-way, as a full disk would."""
    pytest.importorskip("resource")
    path = tmp_path / "a.csv"
    path.write_bytes(b"old")
    program = (
        "import resource, sys; from pathlib import Path\n"
        "from gazadata.curate.write import write\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "write({Path(sys.argv[1]): b'x' * 100_000}, {})\n"
    )
    run = subprocess.run(
        [sys.executable, "-B", "-c", program, str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert "a.csv: cannot be written: File too large" in run.stderr
    assert path.read_bytes() == b"old"
    assert entries(tmp_path) == ["a.csv"]


def test_formatting_writes_nothing(root: Path) -> None:
    rewrite(root / "data/quotes.csv", blank("prefix"))
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    assert formatted(root).files
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before


def test_formatted_tables_need_no_more_formatting(root: Path) -> None:
    rewrite(root / "data/quotes.csv", blank("prefix", "suffix", "passage_id"))
    rewrite(root / "data/evidence.csv", blank("evidence_id"))
    first = formatted(root)
    assert len(first.files) == 2
    write(first.files, first.read)
    assert formatted(root).files == {}


def test_formatting_only_needs_the_standard_library() -> None:
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from gazadata.package import Package\n"
        "from gazadata.curate.fmt import format_package\n"
        "format_package(Package.open(sys.argv[2]))\n"
        "print(*{n.split('.')[0] for n in sys.modules} - set(sys.stdlib_module_names))\n"
    )
    run = subprocess.run(
        [sys.executable, "-S", "-c", program, str(ROOT / "src"), str(ROOT)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(run.stdout.split()) - {"__main__"} == {"gazadata"}


@pytest.mark.parametrize("written", ["TRUE", "True", "true"])
def test_booleans_are_written_as_the_contract_has_them(root: Path, written: str) -> None:
    def change(rows: Rows) -> None:
        for row in rows:
            row["is_background"] = row["is_background"].replace("true", written)

    rewrite(root / "data/events.csv", change)
    write_formatted(root)
    assert formatted(root).files == {}
    assert {row["is_background"] for row in read(root / "data/events.csv")} == {"true", "false"}


@pytest.mark.parametrize(
    ("table", "field"),
    [
        ("events", "date_precision"),
        ("positions", "date_precision"),
        ("sources", "published_precision"),
        ("sources", "held"),
        ("sources", "cited_by"),
    ],
)
def test_derived_cells_are_filled_in_as_shipped(root: Path, table: str, field: str) -> None:
    path = root / f"data/{table}.csv"
    shipped = [row[field] for row in read(path)]
    assert set(shipped) - {""}
    rewrite(path, blank(field))
    write_formatted(root)
    assert [row[field] for row in read(path)] == shipped


@pytest.mark.parametrize(
    ("first", "last", "term"),
    [
        ("2031-03-03", "2031-03-03", "day"),
        ("2031-03-03", "2031-03-09", "week"),
        ("2031-03-03", "2031-03-10", "range"),
        ("2031-02-01", "2031-02-28", "month"),
        ("2032-02-01", "2032-02-28", "range"),
        ("2031-12-01", "2031-12-31", "month"),
        ("2031-03-01", "2031-04-30", "range"),
        ("2031-01-01", "2031-12-31", "year"),
        ("2030-01-01", "2031-12-31", "range"),
        ("2031-03-03", "", "open"),
        ("", "2031-03-03", "open"),
        ("", "", "unknown"),
        ("9999-12-01", "9999-12-31", "month"),
    ],
)
def test_precision_follows_from_two_dates(root: Path, first: str, last: str, term: str) -> None:
    def change(rows: Rows) -> None:
        rows[0] |= {"date_earliest": first, "date_latest": last, "date_precision": ""}

    rewrite(root / "data/events.csv", change)
    write_formatted(root)
    assert read(root / "data/events.csv")[0]["date_precision"] == term
