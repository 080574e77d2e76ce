"""Passages and quotes against the held texts that they are cut out of."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl
from polars import col

from gazadata.contract import Contract
from gazadata.evidence.quotes import ATTACHED, BEFORE, CONTEXT, TURNS, UNSPACED
from gazadata.validate.checks import Look, cell, check
from gazadata.validate.tables import LINE, Tables

_SPACED = rf"[\w--[{UNSPACED}]]"
_CUT = rf"{_SPACED}\x1f{_SPACED}|\w\x1f[\p{{M}}{ATTACHED}]|\d(?:[.,]\x1f|\x1f[.,])\d|{TURNS}"
"""A cut that parts a word, with what is around it."""


def cut_unheld(contract: Contract, tables: Tables) -> Look:
    """Whether sources that are not held have passages, so that it is `held` that is wrong."""
    # One passage alone, or one from the middle, is rather of another source.
    cut = (
        tables.typed("passages")
        .group_by("source_id")
        .agg(__cut=(col("sequence").min() == 1) & (pl.len() > 1))
    )
    return Look(
        contract["sources"],
        tables.strings("sources").join(cut, on="source_id", how="left"),
        (
            check(
                "GD303",
                "held",
                col("held") == "false",
                expected="true, as passages are cut out of its text",
                applies=col("__cut") & (col("held") == "false"),
                counted=False,  # `texts` counts the sources.
            ),
        ),
    )


def passages(contract: Contract, tables: Tables, held: pl.LazyFrame) -> Iterator[Look]:
    """Whether the passages of each held text tile it, in order and paragraph by paragraph."""
    key, same = col("passage_id"), col("source_id") == col("source_id").shift(1)
    # A passage without a number of its own has the place that it has in the file.
    order = pl.coalesce("sequence", pl.when(same).then(col("sequence").shift(1)), 0)
    before = pl.when(same).then(col("char_end").shift(1)).otherwise(0)
    last = (col("source_id") != col("source_id").shift(-1)).fill_null(True)
    follows = pl.when(same).then(col("__order").shift(1) + 1).otherwise(1)
    step = pl.when(same).then(col("paragraph") - col("paragraph").shift(1)).otherwise(0)
    text, start, end = col("__text"), col("char_start"), col("char_end")
    between = (start - col("__before")).clip(0)
    # A slice without a length would be all of the rest.
    gap = pl.when(between.is_not_null()).then(text.str.slice(col("__before"), between))
    rest = pl.when(col("__last") | col("__until").is_not_null()).then(
        text.str.slice(end, (col("__until") - end).clip(0))
    )
    outside = (start >= text.str.len_chars()) | text.str.slice(start, 1).str.contains(r"\s")
    beyond = (end > text.str.len_chars()) | text.str.slice(end - 1, 1).str.contains(r"\s")

    def cut_off(at: pl.Expr) -> pl.Expr:
        """Whether a word or what closes a sentence goes on there."""
        return text.str.slice(at - 1, 2).str.contains(r"^\w\S|^\S[^\w\s]")

    # Those that overlap are told as that.
    overlaps = (start < col("__before")) | (end > col("__until")).fill_null(False)
    inside = pl.when(~overlaps & (start < end)).then(
        text.str.slice(start, (end - start).clip(0)).str.count_matches(r"\n\s*")
    )
    adjoins = (start == col("__before")) & (start > 0)
    closing = text.str.slice(start, 1).str.contains(r"[.,;:!?…)\]”]")
    # Where words are missing before it, it starts too late; otherwise it ends too early.
    crossed = (end <= start) & ~col("__outside") & ~col("__beyond")
    fits = (start >= col("__before")) & (end > start) & ~col("__outside")
    ordered = (
        tables.typed("passages")
        .with_columns(__order=order, __above=key.shift(1), __below=key.shift(-1))
        .sort("source_id", "__order", maintain_order=True)
        .with_columns(
            __before=before,
            __last=last,
            __until=pl.when(~last).then(start.shift(-1)),
            __follows=follows,
            __ahead=col("sequence") > follows,
            __step=step,
            __previous=key.shift(1),
        )
        # Numbers that all go up by other steps are one mistake, told at the first.
        .with_columns(__ahead=col("__ahead") & ~(same & col("__ahead").shift(1)).fill_null(False))
        .join(held, on="source_id", how="left")
        .join(_held(tables), on="source_id", how="left")
        # All that is asked of a text, which is not to be held for each of its passages.
        .with_columns(
            __gap=gap,
            __rest=rest,
            __outside=outside,
            __beyond=beyond,
            __cut_before=cut_off(col("__before")),
            __cut_end=cut_off(end),
            __has_text=text.is_not_null(),
            __inside=pl.when(~outside & ~beyond).then(inside).fill_null(0).cast(pl.Int64),
            __parts=adjoins & (_cuts(text, start) | closing),
        )
        .drop("__text")
        .with_columns(
            # A join keeps no order of its own when it is streamed. A passage whose bounds are
            # wrong says nothing of paragraphs, and those behind it are counted as it says.
            __counted=pl.when(fits)
            .then((col("__before") > 0) * col("__gap").str.count_matches(r"\n\s*").cast(pl.Int64))
            .otherwise("__step")
            .fill_null(0)
            .cum_sum()
            .over("source_id", order_by=["__order", LINE])
            + col("__inside").cum_sum().over("source_id", order_by=["__order", LINE])
            - col("__inside")
            + 1,
            __missing=col("__gap").str.contains(r"\S"),
        )
    )
    # A passage of another source, by mistake, is missing between its neighbours in the file.
    around = {at: cell("passages", at, "source_id") for at in ("passage_id", "__above", "__below")}
    yield Look(
        contract["passages"],
        ordered,
        (
            check(
                "GD311",
                "char_start",
                start < col("__before"),
                expected=pl.format("at least {}, where the one before it ends", "__before"),
                relies=[cell("passages", "__previous", "char_end")],
            ),
            check(
                "GD311",
                "sequence",
                col("__ahead") & ~col("__missing").fill_null(False),
                expected=col("__follows"),
                relies=[around["passage_id"], cell("passages", "__previous", "sequence")],
            ),
            check(
                "GD311",
                "paragraph",
                col("paragraph") != col("__counted"),
                expected=col("__counted"),
                applies=fits,
                relies=[cell("passages", "__previous", "paragraph")],
            ),
            *(
                check(
                    "GD313",
                    side,
                    wrong,
                    found=pl.concat_str("char_start", pl.lit(" to "), "char_end"),
                    expected="bounds inside the text, without white space",
                    applies=col("__has_text") & start.is_not_null() & end.is_not_null(),
                )
                for side, wrong in (
                    ("char_start", col("__outside") | (crossed & col("__missing"))),
                    ("char_end", col("__beyond") | (crossed & ~col("__missing"))),
                )
            ),
            check(
                "GD313",
                "char_end",
                col("__inside") > 0,
                found=pl.format("{} to {}, over a line break", "char_start", "char_end"),
                expected="an end before the line break, where a paragraph ends",
                counted=False,  # Its bounds are counted above.
            ),
            check(
                "GD313",
                "char_start",
                col("__parts"),
                found=pl.format("{}, where the one before it ends", "char_start"),
                expected="a start at a word of its own, and not within what is before it",
                counted=False,
            ),
            check(
                "GD313",
                "source_id",
                ~col("__is_held"),
                expected="a held source",
                applies=col("__is_held").is_not_null(),
                relies=[cell("sources", "source_id", "held")],
            ),
            check(
                "GD312",
                "char_start",
                # Where the one before it is cut off, it is that one whose bound is wrong.
                col("__missing") & ((col("__before") == 0) | ~col("__cut_before")),
                found=pl.format("“{}” before it", col("__gap").str.strip_chars().str.slice(0, 80)),
                expected="white space alone between passages",
                relies=[
                    around["passage_id"],
                    around["__above"],
                    cell("passages", "__previous", "char_end"),
                ],
            ),
            check(
                "GD312",
                "char_end",
                col("__rest").str.contains(r"\S") & (col("__last") | col("__cut_end")),
                found=pl.format("“{}” behind it", col("__rest").str.strip_chars().str.slice(0, 80)),
                expected=pl.when("__last")
                .then(pl.lit("white space alone behind the last passage"))
                .otherwise(pl.lit("white space alone between passages")),
                relies=[around["passage_id"], around["__below"]],
            ),
        ),
    )
    cut = tables.strings("passages").select("source_id", __has=pl.lit(True)).unique()
    yield Look(
        contract["sources"],
        tables.strings("sources")
        .filter(col("held") == "true")
        .join(cut, on="source_id", how="left"),
        (
            check(
                "GD312",
                "text_path",
                # A text that stands twice is told as that.
                col("__has").is_null() & ~col("text_sha256").is_duplicated(),
                expected="passages that hold all of its text",
                relies=[cell("sources", "source_id", at) for at in ("source_id", "held")],
                counted=False,  # What is counted are the passages.
            ),
        ),
    )


def quotes(contract: Contract, tables: Tables, held: pl.LazyFrame | None) -> Iterator[Look]:
    """Whether each quote is what stands in the text there, within its passage and whole words."""
    start, end, text = col("char_start"), col("char_end"), col("__text")
    same, before = col("source_id") == col("source_id").shift(1), col("char_end").shift(1)
    behind = pl.when(col("source_id") == col("source_id").shift(-1)).then(start.shift(-1))
    passages = (
        tables.typed("passages")
        .sort("source_id", "sequence", maintain_order=True)
        .select(
            "passage_id",
            __p_source="source_id",
            __p_start="char_start",
            __p_end="char_end",
            __p_before=pl.when(same).then(before).otherwise(0),
            __p_behind=behind,
        )
    )
    quotes = tables.typed("quotes").with_columns(col("prefix", "suffix").fill_null(""))
    in_passage = (
        (col("source_id") == col("__p_source"))
        & (start >= col("__p_start"))
        & (end <= col("__p_end"))
    )
    checks = [
        check(
            "GD323",
            "passage_id",
            ~in_passage,
            found=pl.format("{} to {} of {}", "char_start", "char_end", "source_id"),
            expected=pl.format(
                "within {} to {} of {}, as its passage", "__p_start", "__p_end", "__p_source"
            ),
            applies=col("__p_source").is_not_null() & col("__is_held").is_not_null(),
            # It follows from the bound that it lies outside of, where no other passage has it.
            relies=[
                pl.when(wrong).then(cell("passages", "passage_id", field))
                for field, wrong in (
                    ("source_id", col("source_id") != col("__p_source")),
                    ("char_start", (start < col("__p_start")) & ~(start < col("__p_before"))),
                    (
                        "char_end",
                        (end > col("__p_end")) & ~(end > col("__p_behind")).fill_null(False),
                    ),
                )
            ]
            # One that is shifted is not the text there, either.
            + [
                pl.when((start < col("__p_end")) & (end > col("__p_start"))).then(
                    cell("quotes", "quote_id", "exact")
                )
            ],
        )
    ]
    frame = quotes.join(passages, on="passage_id", how="left").join(
        _held(tables), on="source_id", how="left"
    )
    if held is not None:
        # A slice counts from the end where its start is negative, so bounds are asked for first.
        bounded = ((start >= 0) & (end > start)).fill_null(False)
        length = pl.when(bounded).then(end - start).otherwise(0)
        lead = start.clip(0, CONTEXT)
        # Cut out of the text once, since finding a code point takes reading all before it.
        frame = (
            frame.join(held, on="source_id", how="left")
            .with_columns(
                __around=text.str.slice((start - CONTEXT).clip(0), lead + length + CONTEXT),
                __has_text=text.is_not_null(),
            )
            .drop("__text")
        )
        around, begins, ends = col("__around"), lead, lead + length
        there = around.str.slice(begins, length)
        # A cell holds no line break, so that a line of a table is a row: the context ends at one.
        before = around.str.slice(0, begins).str.extract(r"([^\n]*)$")
        after = around.str.slice(ends, CONTEXT).str.extract(r"^([^\n]*)")
        right = bounded & (there == col("exact")).fill_null(False)
        checks += [
            check(
                "GD321",
                "exact",
                ~right,
                expected=there,
                applies=col("__has_text") & start.is_not_null() & end.is_not_null(),
            ),
            check("GD322", "prefix", (before != col("prefix")), expected=before, applies=right),
            check("GD322", "suffix", (after != col("suffix")), expected=after, applies=right),
            check(
                "GD324",
                "exact",
                (_cuts(around, begins) | _cuts(around, ends) | ~col("exact").str.contains(r"\w")),
                expected="whole words, and at least one",
                applies=right,
            ),
        ]
    yield Look(contract["quotes"], frame, tuple(checks))


def _held(tables: Tables) -> pl.LazyFrame:
    """Which sources there are, and whether each is held."""
    return (
        tables.strings("sources")
        .select("source_id", __is_held=(col("held") == "true").fill_null(False))
        .unique("source_id", keep="first")
    )


def _cuts(text: pl.Expr, at: pl.Expr) -> pl.Expr:
    """`gazadata.evidence.quotes.cuts_word` as an expression."""
    before = text.str.slice((at - BEFORE).clip(0), at.clip(0, BEFORE))
    return pl.concat_str(before, pl.lit("\u001f"), text.str.slice(at, 3)).str.contains(_CUT)
