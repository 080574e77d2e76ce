"""Compare passages and quotes with the texts that they are cut out of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import polars as pl
from polars import col

from gazadata.contract import Contract
from gazadata.evidence.quotes import ATTACHED, BEFORE, CONTEXT, TURNS, UNSPACED
from gazadata.text import FORMULA_SIGNS
from gazadata.validate.cells import characters
from gazadata.validate.characters import OF_THE_TEXT
from gazadata.validate.checks import Check, CheckSet
from gazadata.validate.rules import rule
from gazadata.validate.tables import LINE, Tables

_SPACED = rf"[\w--[{UNSPACED}]]"
_CUT = rf"{_SPACED}\x1f{_SPACED}|\w\x1f[\p{{M}}{ATTACHED}]|\d(?:[.,]\x1f|\x1f[.,])\d|{TURNS}"
"""A cut (U+001F) that splits a word, with the characters around it."""


_START, _END = col("char_start"), col("char_end")

_FITS = (col("__before") <= _START) & (_END > _START) & ~col("__outside")
"""Whether a passage begins after the previous one and has valid bounds.

An expression, not a column, since the masks of a check follow from the columns that it names.
"""


def cut_unheld(contract: Contract, tables: Tables) -> CheckSet:
    """Check that sources that are not held have no passages; if they do, `held` is wrong."""

    def frame() -> pl.LazyFrame:
        # A single passage, or one from the middle, more likely belongs to another source.
        cut = (
            tables.typed("passages")
            .group_by("source_id")
            .agg(__cut=(col("sequence").min() == 1) & (pl.len() > 1))
        )
        return tables.strings("sources").join(cut, on="source_id", how="left")

    return CheckSet(
        contract["sources"],
        frame,
        (
            Check(
                "GD303",
                "held",
                col("held") == "false",
                expected="true, because its text is divided into passages",
                applies=col("__cut") & (col("held") == "false"),
                counted=False,  # `read_texts` counts the sources.
            ),
        ),
    )


rule(
    "GD311",
    title="passages overlap or are numbered wrongly",
    reason="Coverage is counted in passages.",
    example="a passage that starts before the previous one ends; sequence 3 after sequence 1",
    remedy="Correct `char_start`, `char_end`, `sequence` and `paragraph`.",
    unit="passages",
)
rule(
    "GD312",
    title="text lies outside every passage",
    reason="Words outside the passages could be left uncoded without anyone noticing.",
    example="the last sentence without a passage",
    remedy="Add the passage, or correct the bounds of its neighbours.",
    unit="passages",
)
rule(
    "GD313",
    title="passage has invalid bounds",
    reason="A passage is one sentence or the headline; a longer one hides what is not coded.",
    example="an end beyond the end of the text; one passage across two paragraphs",
    remedy="Correct `char_start` and `char_end`.",
    unit="passages",
)


def passages(contract: Contract, tables: Tables, held: pl.LazyFrame) -> Iterator[CheckSet]:
    """Check that the passages of each held text tile it, in order and paragraph by paragraph."""
    checks = (*_of_bounds(), *_of_gaps(), *_of_order())
    yield CheckSet(contract["passages"], lambda: _ordered(tables, held), checks)

    def uncut() -> pl.LazyFrame:
        cut = tables.strings("passages").select("source_id", __has=pl.lit(True)).unique()
        sources = tables.strings("sources").filter(col("held") == "true")
        return sources.join(cut, on="source_id", how="left")

    without = Check(
        "GD312",
        "text_path",
        # A text that occurs twice is reported by another rule.
        col("__has").is_null() & ~col("text_sha256").is_duplicated(),
        expected="passages that cover all of its text",
        reads=["source_id", "held"],
        counted=False,  # The passages are counted.
    )
    yield CheckSet(contract["sources"], uncut, (without,))


def _of_bounds() -> Iterator[Check]:
    """Check that a passage begins and ends at text, within one paragraph of a held source."""
    # If words are missing before the passage, it starts too late; otherwise it ends too early.
    crossed = (_END <= _START) & ~col("__outside") & ~col("__beyond")
    for side, wrong in (
        ("char_start", col("__outside") | (crossed & col("__missing"))),
        ("char_end", col("__beyond") | (crossed & ~col("__missing"))),
    ):
        yield Check(
            "GD313",
            side,
            wrong,
            found=pl.concat_str("char_start", pl.lit(" to "), "char_end"),
            expected="bounds within the text, with no white space at either end",
            applies=col("__has_text") & _START.is_not_null() & _END.is_not_null(),
        )
    yield Check(
        "GD313",
        "char_end",
        col("__inside") > 0,
        found=pl.format("{} to {}, across a line break", "char_start", "char_end"),
        expected="an end before the line break, where the paragraph ends",
        counted=False,  # Its bounds are counted above.
    )
    yield Check(
        "GD313",
        "char_start",
        col("__parts"),
        found=pl.format("{}, where the previous passage ends", "char_start"),
        expected="a start at a new word, not inside a word or at closing punctuation",
        counted=False,
    )
    yield Check(
        "GD313",
        "source_id",
        ~col("__is_held"),
        expected="a held source",
        applies=col("__is_held").is_not_null(),
    )


def _of_gaps() -> Iterator[Check]:
    """Check that there is only white space between passages, and after the last one."""
    yield Check(
        "GD312",
        "char_start",
        # If the previous passage is cut off, the wrong bound is that one's.
        col("__missing") & ((col("__before") == 0) | ~col("__cut_before")),
        found=pl.format("“{}” before it", col("__gap").str.strip_chars().str.slice(0, 80)),
        expected="only white space between passages",
        applies=~col("__moved"),
    )
    yield Check(
        "GD312",
        "char_end",
        col("__rest").str.contains(r"\S") & (col("__last") | col("__cut_end")),
        found=pl.format("“{}” after it", col("__rest").str.strip_chars().str.slice(0, 80)),
        expected=pl.when("__last")
        .then(pl.lit("only white space after the last passage"))
        .otherwise(pl.lit("only white space between passages")),
        applies=~col("__moved"),
    )


def _of_order() -> Iterator[Check]:
    """Check that passages do not overlap, and are numbered in order and by paragraph.

    The previous passage may be wrong instead, so the checks blame no cell.
    """
    yield Check(
        "GD311",
        "char_start",
        col("char_start") < col("__before"),
        expected=pl.format("at least {}, where the previous passage ends", "__before"),
        reads=["passage_id"],
        blames=(),
    )
    yield Check(
        "GD311",
        "sequence",
        col("__ahead") & ~col("__missing"),
        expected=col("__follows"),
        reads=["passage_id", "source_id"],
        blames=(),
    )
    yield Check(
        "GD311",
        "paragraph",
        col("paragraph") != col("__counted"),
        expected=col("__counted"),
        applies=_FITS,
        reads=["passage_id"],
        blames=(),
    )


def _ordered(tables: Tables, held: pl.LazyFrame) -> pl.LazyFrame:
    """The passages of each text in order, with what the checks need of the text around them."""
    passages = (
        _in_order(tables)
        .join(held, on="source_id", how="left")
        .join(_held(tables), on="source_id", how="left")
    )
    # The paragraph that each passage should have: one more for each line break in the gap before it
    # or inside the passages before it. After gaps of "", "\n" and " " these are paragraphs 1, 2 and
    # 2. A passage with wrong bounds counts by its own number instead, so that those after it are
    # not reported. A streamed join does not keep the order.
    breaks = (
        pl.when(_FITS)
        .then((col("__before") > 0) * col("__gap").str.count_matches(r"\n\s*").cast(pl.Int64))
        .otherwise("__step")
        .fill_null(0)
    )
    until, inside = (
        one.cum_sum().over("source_id", order_by=["__order", LINE])
        for one in (breaks, col("__inside"))
    )
    return (
        # Everything derived from the text, so that it is not kept for each passage.
        passages.with_columns(**_in_text())
        .drop("__text")
        .with_columns(
            __counted=until + inside - col("__inside") + 1,
            __missing=col("__gap").str.contains(r"\S"),
        )
    )


def _in_order(tables: Tables) -> pl.LazyFrame:
    """The passages by source and number, with what the checks need of their neighbours."""
    same = col("source_id") == col("source_id").shift(1)
    last = (col("source_id") != col("source_id").shift(-1)).fill_null(True)
    follows = (
        pl.when(~same.fill_null(False))
        .then(1)
        .when(~col("__misnumbered").shift(1))
        .then(col("__order").shift(1) + 1)
    )
    moved = tables.masked("passages", "source_id")
    return (
        tables.typed("passages")
        # A passage with a wrong source leaves a gap between its neighbours in the file.
        .with_columns(
            # A passage without a number keeps its place in the file.
            __order=pl.coalesce("sequence", pl.when(same).then(col("sequence").shift(1)), 0),
            __misnumbered=tables.masked("passages", "sequence"),
            __moved=moved | moved.shift(1, fill_value=False) | moved.shift(-1, fill_value=False),
        )
        .sort("source_id", "__order", maintain_order=True)
        .with_columns(
            __before=pl.when(same).then(col("char_end").shift(1)).otherwise(0),
            __last=last,
            __until=pl.when(~last).then(_START.shift(-1)),
            __follows=follows,
            __ahead=col("sequence") > follows,
            __step=pl.when(same).then(col("paragraph") - col("paragraph").shift(1)).otherwise(0),
        )
        # If all numbers go up by a larger step, that is one mistake, reported at the first.
        .with_columns(__ahead=col("__ahead") & ~(same & col("__ahead").shift(1)).fill_null(False))
    )


def _in_text() -> dict[str, pl.Expr]:
    """What a passage has of its `__text`: inside it, at its bounds, and up to its neighbours."""
    text, start, end = col("__text"), _START, _END
    between = (start - col("__before")).clip(0)
    outside = (start >= text.str.len_chars()) | text.str.slice(start, 1).str.contains(r"\s")
    beyond = (end > text.str.len_chars()) | text.str.slice(end - 1, 1).str.contains(r"\s")

    def cut_off(at: pl.Expr) -> pl.Expr:
        """Whether a word, or the punctuation that closes a sentence, goes on there."""
        return text.str.slice(at - 1, 2).str.contains(r"^\w\S|^\S[^\w\s]")

    # Overlaps are reported by another rule.
    overlaps = (start < col("__before")) | (end > col("__until")).fill_null(False)
    inside = pl.when(~overlaps & (start < end)).then(
        text.str.slice(start, (end - start).clip(0)).str.count_matches(r"\n\s*")
    )
    adjoins = (start == col("__before")) & (start > 0)
    closing = text.str.slice(start, 1).str.contains(r"[.,;:!?…)\]”]")
    return {
        # A slice with a null length would run to the end.
        "__gap": pl.when(between.is_not_null()).then(text.str.slice(col("__before"), between)),
        "__rest": pl.when(col("__last") | col("__until").is_not_null()).then(
            text.str.slice(end, (col("__until") - end).clip(0))
        ),
        "__outside": outside,
        "__beyond": beyond,
        "__cut_before": cut_off(col("__before")),
        "__cut_end": cut_off(end),
        "__has_text": text.is_not_null(),
        "__inside": pl.when(~outside & ~beyond).then(inside).fill_null(0).cast(pl.Int64),
        "__parts": adjoins & (_cuts(text, start) | closing),
    }


rule(
    "GD321",
    title="quote differs from the article",
    reason="A quote is proof only if it is the text between its offsets, character for character.",
    example="an offset that is off by one",
    remedy="Copy the words from the article; `gazadata fmt` fills in the offsets.",
    unit="quotes",
)
rule(
    "GD322",
    title="`prefix` or `suffix` differs from the article",
    reason="They locate the quote in copies of the text with other offsets.",
    example="prefix and suffix swapped",
    remedy="Run `gazadata fmt`.",
    unit="quotes",
)
rule(
    "GD323",
    title="quote lies outside its passage",
    reason="Coverage is counted by passage.",
    example="a quote from sentence 3 assigned to sentence 4",
    remedy="Empty `passage_id` and run `gazadata fmt`.",
    unit="quotes",
)
rule(
    "GD324",
    title="quote cuts a word or contains none",
    reason="Part of a word can mean the opposite of the whole word, and punctuation says nothing.",
    example="`likely` from `unlikely`, `can` from `can’t`, `committal` from `non-committal`",
    remedy="Quote whole words.",
    unit="quotes",
)


def quotes(contract: Contract, tables: Tables, held: pl.LazyFrame | None) -> Iterator[CheckSet]:
    """Check that each quote is the text between its offsets, in its passage, in whole words."""
    start, end = _START, _END
    checks = [
        replace(one, reads=(*one.reads, "__text_path"))
        for field in contract["quotes"].fields
        if field.name in OF_THE_TEXT
        for one in characters(field, contract["quotes"])
    ]
    if held is not None:
        right = _is_right().fill_null(False)
        before, after = _context()
        around, begins, ends = col("__around"), col("__lead"), col("__lead") + col("__length")
        checks += [
            Check(
                "GD321",
                "exact",
                ~right,
                expected=_there(),
                applies=col("__has_text") & start.is_not_null() & end.is_not_null(),
            ),
            Check("GD322", "prefix", before != _filled("prefix"), expected=before, applies=right),
            Check("GD322", "suffix", after != _filled("suffix"), expected=after, applies=right),
            Check(
                "GD324",
                "exact",
                (_cuts(around, begins) | _cuts(around, ends) | ~col("exact").str.contains(r"\w")),
                expected="whole words, and at least one",
                applies=right,
            ),
        ]
    in_passage = (
        (col("source_id") == col("__p_source"))
        & (start >= col("__p_start"))
        & (end <= col("__p_end"))
    )
    overlaps = (start < col("__p_end")) & (end > col("__p_start"))
    checks.append(
        Check(
            "GD323",
            "passage_id",
            ~in_passage,
            found=pl.format("{} to {} of {}", "char_start", "char_end", "source_id"),
            expected=pl.format(
                "within {} to {} of {}, its passage", "__p_start", "__p_end", "__p_source"
            ),
            applies=col("__p_source").is_not_null()
            & col("__is_source")
            # A shifted quote is reported as differing from the article.
            & ~(col("__misquoted") & overlaps).fill_null(False),
        )
    )
    yield CheckSet(contract["quotes"], lambda: _placed(tables, held), tuple(checks))


def _filled(field: str) -> pl.Expr:
    return col(field).fill_null("")


def _placed(tables: Tables, held: pl.LazyFrame | None) -> pl.LazyFrame:
    """Quotes with their passages and the text around them."""
    start, end = _START, _END
    same = col("source_id") == col("source_id").shift(1)
    before = pl.when(same).then(end.shift(1)).otherwise(0)
    after = pl.when(same.shift(-1)).then(start.shift(-1))
    # If a bound has a finding, the passage extends to its neighbour.
    passages = (
        tables.typed("passages")
        .sort("source_id", "sequence", maintain_order=True)
        .select(
            "passage_id",
            __p_source="source_id",
            __p_start=pl.coalesce(start, before),
            __p_end=pl.coalesce(end, after),
        )
    )
    frame = (
        tables.typed("quotes")
        .with_columns(__misquoted=tables.masked("quotes", "exact"))
        .join(passages, on="passage_id", how="left")
        .join(_held(tables), on="source_id", how="left")
        .join(
            tables.cells("sources", source_id="source_id", __text_path="text_path"),
            on="source_id",
            how="left",
        )
    )
    return frame if held is None else _excerpts(frame.join(held, on="source_id", how="left"))


def _excerpts(quotes: pl.LazyFrame) -> pl.LazyFrame:
    """Quotes with the part of the text that the rules need, in place of all of it.

    Sliced only once, since finding a code point means reading all text before it.
    """
    start, end, text = _START, _END, col("__text")
    # A negative start would count from the end of the text, so the bounds are checked first.
    bounded = ((start >= 0) & (end > start)).fill_null(False)
    length = pl.when(bounded).then(end - start).otherwise(0)
    lead = start.clip(0, CONTEXT)
    return quotes.with_columns(
        __lead=lead,
        __length=length,
        __around=text.str.slice((start - CONTEXT).clip(0), lead + length + CONTEXT),
        __has_text=text.is_not_null(),
    ).drop("__text")


def _there() -> pl.Expr:
    """The text between the offsets of a quote."""
    return col("__around").str.slice(col("__lead"), col("__length"))


def _is_right() -> pl.Expr:
    """`gazadata.evidence.quotes.check_quote` as an expression.

    An end beyond the text passes; the quote is reported as outside its passage, which says more.
    """
    start, end = _START, _END
    return (end > start) & (start >= 0) & (_there() == col("exact"))


def _context() -> tuple[pl.Expr, pl.Expr]:
    """`gazadata.evidence.quotes.context` as expressions."""
    around, begins, ends = col("__around"), col("__lead"), col("__lead") + col("__length")
    # Cells hold no line breaks, so the context ends at one.
    before = around.str.slice(0, begins).str.extract(rf"([^\n{FORMULA_SIGNS}][^\n]*|)$")
    return before, around.str.slice(ends, CONTEXT).str.extract(r"^([^\n]*)")


def _held(tables: Tables) -> pl.LazyFrame:
    """The sources, and whether each is held; null if `held` has a finding."""
    held = (col("held") == "true").fill_null(False)
    return (
        tables.strings("sources")
        .select(
            "source_id",
            __is_held=pl.when(~tables.masked("sources", "held")).then(held),
            __is_source=pl.lit(True),
        )
        .unique("source_id", keep="first")
    )


def _cuts(text: pl.Expr, at: pl.Expr) -> pl.Expr:
    """`gazadata.evidence.quotes.cuts_word` as an expression."""
    before = text.str.slice((at - BEFORE).clip(0), at.clip(0, BEFORE))
    return pl.concat_str(before, pl.lit("\u001f"), text.str.slice(at, 3)).str.contains(_CUT)
