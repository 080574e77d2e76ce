"""Passages and quotes that are cut where the words would change or lose their meaning."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.validate.damage import SHIPPED as S
from tests.validate.damage import Files, Place, Row, report_on

from gazadata.evidence.quotes import check_quote, context, cuts_word
from gazadata.validate.spans import _context, _cuts, _excerpts, _is_right

PIECES = (
    *("can", "t", "’", "'", "s", "S", " ", "-", "‐", "un", "Non", "x", "é"),
    *("5", ",", ".", "–", "−", "(", "—", "\n"),
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("spans"))


@given(st.lists(st.sampled_from(PIECES), min_size=2, max_size=9).map("".join))
def test_both_ways_of_finding_a_cut_agree(text: str) -> None:
    places = list(range(1, len(text)))
    frame = pl.DataFrame({"text": [text] * len(places), "at": places})
    found = frame.select(_cuts(pl.col("text"), pl.col("at"))).to_series().to_list()
    assert found == [cuts_word(text, at) for at in places]


@given(
    st.text("a 😀é\n=-\t", min_size=1, max_size=50),
    st.lists(
        st.tuples(st.none() | st.integers(-2, 53), st.none() | st.integers(-2, 53), st.booleans()),
        min_size=1,
    ),
)
def test_both_ways_of_checking_a_quote_agree(
    text: str, spans: list[tuple[int | None, int | None, bool]]
) -> None:
    """So do both ways of finding the text before and after it.

    The rules treat an end beyond the text as its end, since it is outside of the passage.
    """
    exact = [(text[start:end] if same else "a") or None for start, end, same in spans]
    starts, ends, _ = zip(*spans, strict=True)
    columns = {"char_start": starts, "char_end": ends, "exact": exact, "__text": text}
    types = dict.fromkeys(("char_start", "char_end"), pl.Int64)
    frame = _excerpts(pl.LazyFrame(columns, schema_overrides=types))
    before, after = _context()
    found = frame.select(_is_right().fill_null(False), before.alias("before"), after.alias("after"))
    for (start, last, _), words, seen in zip(spans, exact, found.collect().rows(), strict=True):
        end = None if last is None else min(last, len(text))
        right = words is not None and check_quote(text, start, end, words)
        assert seen[0] is right
        if right:
            assert start is not None
            assert end is not None
            assert seen[1:] == context(text, start, end)


def _span(start: int, end: int) -> Row:
    (passage,) = (
        p for p in S.rows("passages") if int(p["char_start"]) <= start and end <= int(p["char_end"])
    )
    return {
        "quote_id": "zz-cut",
        "source_id": passage["source_id"],
        "passage_id": passage["passage_id"],
        "char_start": str(start),
        "char_end": str(end),
        "exact": S.text[start:end],
        "prefix": S.text[max(start - 32, 0) : start].rpartition("\n")[2],
        "suffix": S.text[end : end + 32].partition("\n")[0],
    }


def _quoted(quote: Row) -> Files:
    used = S.evidence(
        "events", "doha-negotiations", "status", basis="classified", quote_id="zz-cut"
    )
    return {**S.add("quotes", quote), **S.add("evidence", used)}


def _said(place: Place, files: Files) -> list[tuple[str, str | None, str | None]]:
    place.damage(files)
    try:
        report = report_on(place.root, official=False)
    finally:
        place.mend(files)
    return [(d.code, d.row_id, d.field) for d in report.diagnostics]


@pytest.mark.parametrize(("before", "words"), [("Qatar", ","), ("", "—"), ("Pakistan’", "s")])
def test_gd324_a_quote_has_a_word(before: str, words: str, place: Place) -> None:
    start = S.text.index(before + words) + len(before)
    files = _quoted(_span(start, start + len(words)))
    assert _said(place, files) == [("GD324", "zz-cut", "exact")]


@pytest.mark.parametrize("words", ["Pakistan", "Muslim"])
def test_gd324_some_hyphens_and_apostrophes_may_follow_a_word(words: str, place: Place) -> None:
    behind = {"Pakistan": "’s", "Muslim": "-majority"}[words]
    start = S.text.index(words + behind)
    files = _quoted(_span(start, start + len(words)))
    assert "GD324" not in [code for code, *_ in _said(place, files)]


def _renumbered(rows: list[Row]) -> list[Row]:
    rows.sort(key=lambda row: int(row["char_start"]))
    return [row | {"sequence": str(number)} for number, row in enumerate(rows, start=1)]


def _passages(rows: list[Row]) -> Files:
    """The tables of passages and quotes with these passages, and each quote in its own."""
    quotes = S.rows("quotes")
    for quote in quotes:
        for passage in rows:
            if int(passage["char_start"]) <= int(quote["char_start"]) <= int(passage["char_end"]):
                quote["passage_id"] = passage["passage_id"]
    rows.sort(key=lambda row: row["passage_id"])
    return {**S.table("passages", rows), **S.table("quotes", quotes)}


def test_gd313_one_passage_for_all_of_the_text(place: Place) -> None:
    one, *_, last = _renumbered(S.rows("passages"))
    files = _passages([one | {"char_end": last["char_end"]}])
    assert _said(place, files) == [("GD313", one["passage_id"], "char_end")]


def test_gd313_a_passage_over_two_paragraphs_moves_no_other(place: Place) -> None:
    rows = _renumbered(S.rows("passages"))
    number = next(
        n for n, row in enumerate(rows[:-1]) if n and row["paragraph"] != rows[n + 1]["paragraph"]
    )
    long = rows[number] | {"char_end": rows[number + 1]["char_end"]}
    files = _passages(_renumbered([*rows[:number], long, *rows[number + 2 :]]))
    assert _said(place, files) == [("GD313", long["passage_id"], "char_end")]


@pytest.mark.parametrize("within", ["a word", "its full stop", "words"])
def test_gd313_a_passage_may_only_begin_between_words(within: str, place: Place) -> None:
    """Between words it may: a dash needs no white space around it."""
    rows = _renumbered(S.rows("passages"))
    spans = [(int(q["char_start"]), int(q["char_end"])) for q in S.rows("quotes")]
    if within == "words":
        row = next(
            row for row in rows if "—" in S.text[int(row["char_start"]) : int(row["char_end"])]
        )
        at = S.text.index("—", int(row["char_start"])) + 1
    elif within == "a word":
        row, at = next(
            (row, at)
            for row in rows
            for at in range(int(row["char_start"]) + 1, int(row["char_end"]))
            if S.text[at - 1 : at + 1].isalpha()
            and not any(start < at < end for start, end in spans)
        )
    else:
        row = next(row for row in rows if S.text[int(row["char_end"]) - 1] == ".")
        at = int(row["char_end"]) - 1
    new = row | {"passage_id": row["passage_id"] + "-x", "char_start": str(at)}
    others = [one for one in rows if one is not row]
    files = _passages(_renumbered([*others, row | {"char_end": str(at)}, new]))
    said = [one for one in _said(place, files) if one[0] == "GD313"]
    assert said == ([] if within == "words" else [("GD313", new["passage_id"], "char_start")])


def test_gd311_passages_numbered_in_other_steps_are_one_finding(place: Place) -> None:
    rows = [row | {"sequence": row["sequence"] + "0"} for row in S.rows("passages")]
    first = min(rows, key=lambda row: int(row["sequence"]))
    assert _said(place, _passages(rows)) == [("GD311", first["passage_id"], "sequence")]


def test_gd311_each_gap_in_the_numbers_is_a_finding(place: Place) -> None:
    rows = S.rows("passages")
    for row in rows:
        row["sequence"] = str(int(row["sequence"]) + sum(int(row["sequence"]) > n for n in (4, 9)))
    said = [row["passage_id"] for row in rows if row["sequence"] in ("6", "12")]
    assert _said(place, _passages(rows)) == [("GD311", key, "sequence") for key in said]
