"""Check that the quotes of stated evidence contain the words of the cell."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import polars as pl
from polars import col

from gazadata.contract import Field, ForeignKey, Resource
from gazadata.evidence.quotes import ATTACHED, UNSPACED
from gazadata.text import TYPESET
from gazadata.validate.tables import LINE, Tables

FORMS = ("title", "publisher")
"""The fields whose words state a source."""


DATES = ("%-d %B %Y", "%B %-d, %Y")
"""How texts write a date, other than 2026-02-19."""


CAPITALS = r"^[\p{Lu}\d\W_]*\p{Lu}[\p{Lu}\d\W_]*$"
"""A name in capitals, such as US, which lower case does not state: “told us”."""


WORD = rf"[\w--[{UNSPACED}]]+|[{UNSPACED}][\p{{M}}{ATTACHED}]*"
"""A word; in scripts without spaces, a letter with its marks."""


def folded(column: pl.Expr, *, case: bool = False) -> pl.Expr:
    """`gazadata.text.fold` as an expression; with `case`, it keeps the case."""
    column = column.str.replace_many(list(TYPESET), list(TYPESET.values()))
    column = column if case else column.str.to_lowercase()
    return column.str.replace_all(r"\s+", " ").str.strip_chars()


def has_words(text: pl.Expr, words: pl.Expr, *, of_name: pl.Expr) -> pl.Expr:
    """Whether a text contains these words, as whole words, in any case.

    Args:
        text: a column of quotes.
        words: a column of words to find in them.
        of_name: whether the words are a name: if it is in capitals, so it must be in the text. In
            other cells, another rule compares the case.
    """
    alike = _edged(folded(text)).str.contains(_edged(folded(words)), literal=True)
    in_case = _edged(folded(text, case=True)).str.contains(
        _edged(folded(words, case=True)), literal=True
    )
    return alike & (~of_name | ~words.str.contains(CAPITALS) | in_case)


def _edged(column: pl.Expr) -> pl.Expr:
    """Text with a mark at both edges of each word, so that only whole words are found.

    That takes one pass over each text, instead of compiling a regular expression for each cell.
    """
    # Not `\b`, which is ten times slower in text that is not all ASCII.
    return column.str.replace_all(WORD, "\u001f${0}\u001f")


@dataclass(frozen=True)
class Unstated:
    """The stated evidence for a table whose quotes do not contain the words.

    Attributes:
        without: the lines of the evidence whose quote does not contain the words.
        loose: the verbatim cells that no quote contains letter for letter, though one does when
            folded; and derived ones. `row_id`, `field` and the first quote's `words`.
    """

    without: pl.Series
    loose: pl.DataFrame


NONE_UNSTATED = Unstated(
    pl.Series(dtype=pl.UInt32),
    pl.DataFrame(schema=dict.fromkeys(("row_id", "field", "words"), pl.String)),
)


def find_unstated(
    resource: Resource, tables: Tables, rows: pl.LazyFrame, quotes: pl.LazyFrame
) -> Unstated:
    """Compare stated cells with the words of their quotes; for a key, the names of its row.

    It is a query of its own because as a part of the one for all evidence it would take more time
    and memory.
    """
    table = tables.strings(resource.name)
    needed = list(resource.proven_fields)
    keys = [fk for fk in resource.foreign_keys if fk.field in needed]
    stated = (
        rows.filter(col("basis") == "stated")
        .select(LINE, "row_id", "field", "quote_id")
        .join(cells_of(table, resource, needed), on="row_id")
        .select(LINE, "row_id", "field", "quote_id", __value=value_of(needed))
        .drop_nulls("__value")
    )
    is_key = col("field").is_in([fk.field for fk in keys])
    worded = stated.filter(~is_key).select(
        *_OF_STATED, __form="__value", __wrong=pl.lit(False), __of_name=pl.lit(False)
    )
    parts = [worded, *_written(worded, resource)]
    if keys:
        parts += _named(stated.filter(is_key), keys, resource, tables, quotes)
    words = quotes.select("quote_id", "__misquoted", __exact="exact")
    with_words = pl.concat(parts).join(words, on="quote_id")
    if tables.engine == "in-memory":
        # Planning the joins takes longer than running them.
        with_words = with_words.collect().lazy()
    exact, form, of_name = col("__exact"), col("__form"), col("__of_name")
    # Most quotes contain the words verbatim between spaces; folding only the rest halves the time.
    spaced = pl.concat_str(pl.lit(" "), exact, pl.lit(" ")).str.contains(
        pl.concat_str(pl.lit(" "), form, pl.lit(" ")), literal=True
    )
    # If the words have a finding, nothing is reported about what rests on them.
    wrong = col("__wrong") | col("__misquoted")
    unspaced = _lines_without(with_words, spaced | wrong)
    without, loose = NONE_UNSTATED.without, NONE_UNSTATED.loose
    if not unspaced.is_empty():
        rest = with_words.filter(col(LINE).is_in(unspaced.implode()))
        without = _lines_without(rest, has_words(exact, form, of_name=of_name))
        folded_ = rest.filter(~of_name & ~col(LINE).is_in(without.implode()))
        loose = _loose(resource, with_words.filter(~of_name), folded_)
    for field in resource.fields:
        if field.verbatim and not field.evidence_required:
            loose = pl.concat([loose, _unquoted(resource, field, table, rows, words)])
    return Unstated(without, loose)


_OF_STATED = (LINE, "row_id", "field", "quote_id")


def _named(
    pointing: pl.LazyFrame,
    keys: list[ForeignKey],
    resource: Resource,
    tables: Tables,
    quotes: pl.LazyFrame,
) -> Iterator[pl.LazyFrame]:
    """The forms of stated keys: the names of the rows that they refer to."""
    of_names = resource.name == "names"
    pointing = pointing.join(
        quotes.select("quote_id", __source="source_id").drop_nulls(), on="quote_id"
    ).with_columns(
        __to=col("field").replace_strict([fk.field for fk in keys], [fk.resource for fk in keys])
    )
    to = {fk.resource: fk for fk in keys}

    def of_each(names: Callable[[ForeignKey], pl.LazyFrame]) -> pl.LazyFrame:
        return pl.concat(names(fk).with_columns(__to=pl.lit(fk.resource)) for fk in to.values())

    named = pointing.join(
        of_each(lambda fk: _names(fk, tables)), on=["__to", "__value", "__source"], how="left"
    )
    if of_names:
        # A name does not itself state whose name it is.
        itself = col("__of").eq_missing(col("row_id"))
        named = named.with_columns(pl.when(~itself).then("__form"))
    called = of_each(lambda fk: _called(fk, tables, of_names=of_names))
    misnamed = of_each(lambda fk: _misnamed(fk, tables))
    for part in (
        named,
        *(pointing.join(names, on=["__to", "__value"]) for names in (called, misnamed)),
    ):
        yield part.select(*_OF_STATED, "__form", "__wrong", __of_name=pl.lit(True))


def _unquoted(
    resource: Resource, field: Field, table: pl.LazyFrame, rows: pl.LazyFrame, words: pl.LazyFrame
) -> pl.DataFrame:
    """The cells of a derived verbatim field that no quote of the row contains letter for letter."""
    cells = table.select(row_id=resource.key, __form=field.name).drop_nulls()
    quoted = rows.select(LINE, "row_id", "quote_id", field=pl.lit(field.name))
    return _not_verbatim(quoted.join(cells, on="row_id").join(words.drop_nulls(), on="quote_id"))


def _written(worded: pl.LazyFrame, resource: Resource) -> Iterator[pl.LazyFrame]:
    """The dates among the cells as English texts write them: 19 February 2026."""
    dates = [field.name for field in resource.fields if field.type == "date"]
    of_dates = worded.filter(col("field").is_in(dates))
    day = col("__form").str.to_date("%Y-%m-%d", strict=False)
    for way in DATES if dates else ():
        yield of_dates.with_columns(__form=day.dt.strftime(way)).drop_nulls("__form")


def _called(fk: ForeignKey, tables: Tables, *, of_names: bool) -> pl.LazyFrame:
    """The names in the row that a key refers to, which quotes of any source may use.

    For sources these are title and publisher; for rows of `names`, the label of the actor or topic.
    """
    own: tuple[str, ...] = FORMS if fk.resource == "sources" else ()
    if of_names and (label := tables.resources[fk.resource].label):
        own = (label,)
    called = [pl.LazyFrame(schema=_FORM)]
    if fk.resource in tables:
        called += [
            tables.cells(fk.resource, __value=fk.target, __form=form, __line=LINE).select(
                "__value", "__form", __wrong=tables.masked(fk.resource, form)
            )
            for form in own
        ]
    # A cell that was emptied may be the name.
    return pl.concat(called).filter(col("__form").is_not_null() | col("__wrong"))


_FORM = {"__value": pl.String, "__form": pl.String, "__wrong": pl.Boolean}
_NAME = dict.fromkeys(("__of", "__source"), pl.String) | _FORM


def _names(fk: ForeignKey, tables: Tables) -> pl.LazyFrame:
    """The names that each source uses for an actor or a topic, and their rows (`__of`).

    A name that was resolved by inference states nothing.
    """
    if fk.resource not in ("actors", "topics") or "names" not in tables:
        return pl.LazyFrame(schema=_NAME)
    inferred = (
        tables.strings("evidence")
        .filter(
            (col("resource") == "names")
            & (col("field") == fk.target)
            & (col("basis") == "inferred")
        )
        .select(name_id="row_id")
    )
    return (
        tables.strings("names")
        .join(inferred, on="name_id", how="anti")
        .select(
            __of="name_id",
            __source="source_id",
            __value=fk.target,
            __form="text",
            __wrong=pl.lit(False),
        )
        .drop_nulls(["__value", "__source", "__form"])
    )


def _misnamed(fk: ForeignKey, tables: Tables) -> pl.LazyFrame:
    """The actors or topics with a name that has a finding, or rests on something that has one.

    That name may be what the quote states.
    """
    found = not tables.masks.keys().isdisjoint(("names", "evidence"))
    if fk.resource not in ("actors", "topics") or "names" not in tables or not found:
        return pl.LazyFrame(schema=_FORM)
    proofs = (
        proof(tables, "names")
        .filter((col("field") == fk.target) & col("__wrong"))
        .select(name_id="row_id", __unproven=pl.lit(True))
        .unique()
    )
    wrong = tables.masked("names", "text", "source_id") | col("__unproven").fill_null(False)
    return (
        tables.strings("names")
        .join(proofs, on="name_id", how="left")
        .filter(wrong)
        .select(__value=fk.target, __form="text", __wrong=pl.lit(True))
        .drop_nulls("__value")
        .unique("__value")
    )


def proof(tables: Tables, name: str | None = None) -> pl.LazyFrame:
    """The evidence, with the cell that each row is meant for, and whether it is `__wrong`.

    With `name`, only the evidence for that table.

    A row's identifier repeats its cell and its quote, and replaces columns that have a finding.
    """
    masks = tables.masks.get("evidence", {})
    # Splitting every identifier would take longer than all checks of the evidence.
    odd = pl.when(tables.masked("evidence", *masks)).then("evidence_id")
    meant = parts_of_identifier(odd)
    named = meant["quote_id"].is_not_null() & ~tables.masked("evidence", "evidence_id")
    frame = tables.strings("evidence").with_columns(
        __wrong=tables.masked("evidence", *meant, "basis", "reference_id")
    )
    frame = frame.with_columns(
        pl.when(tables.masked("evidence", field) & named).then(part).otherwise(field).alias(field)
        for field, part in meant.items()
        if field in masks
    )
    return frame if name is None else frame.filter(col("resource") == name)


def _lines_without(with_words: pl.LazyFrame, has: pl.Expr) -> pl.Series:
    """The lines of the evidence whose quote contains none of its forms."""
    return (
        with_words.group_by(LINE)
        .agg(__has=has.fill_null(False).any())
        .filter(~col("__has"))
        .select(LINE)
        .collect()
        .to_series()
    )


def _loose(resource: Resource, worded: pl.LazyFrame, folded_: pl.LazyFrame) -> pl.DataFrame:
    """The verbatim cells that no quote contains letter for letter.

    Only the evidence in `folded_` may have such cells.
    """
    verbatim = [field.name for field in resource.fields if field.verbatim]
    cells = (
        folded_.filter(col("field").is_in(verbatim) & ~_LETTERS)
        .select("row_id", "field")
        .unique()
        .collect()
    )
    if cells.is_empty():
        return NONE_UNSTATED.loose
    return _not_verbatim(worded.join(cells.lazy(), on=["row_id", "field"], how="semi"))


_LETTERS = _edged(col("__exact")).str.contains(_edged(col("__form")), literal=True)
"""Whether a quote contains the words of a cell letter for letter."""


def _not_verbatim(quoted: pl.LazyFrame) -> pl.DataFrame:
    """The cells that none of their quotes contains letter for letter, each with its first quote."""
    return (
        quoted.sort(LINE)
        .group_by("row_id", "field", maintain_order=True)
        .agg(
            __verbatim=(_LETTERS | col("__misquoted")).any(),
            words=col("__exact").first(),
        )
        .filter(~col("__verbatim"))
        .select("row_id", "field", "words")
        .collect()
    )


def cells_of(table: pl.LazyFrame, resource: Resource, fields: list[str]) -> pl.LazyFrame:
    """The cells of a table by `row_id`, for `value_of` to choose from."""
    cells = (col(name).alias(f"__cell:{name}") for name in fields)
    return table.select(col(resource.key).alias("row_id"), *cells)


def value_of(fields: list[str]) -> pl.Expr:
    """The cell that a row of evidence is for, among those of `cells_of`."""
    return pl.coalesce(pl.when(col("field") == name).then(col(f"__cell:{name}")) for name in fields)


def parts_of_identifier(identifier: pl.Expr) -> dict[str, pl.Expr]:
    """The cells that an evidence identifier is built from; null if it is malformed."""
    parts = identifier.str.split(".")
    parts = pl.when(parts.list.len() == 4).then(parts)
    return {
        "resource": parts.list.get(0),
        "row_id": parts.list.get(1),
        "field": parts.list.get(2).str.replace_all("-", "_"),
        "quote_id": parts.list.get(3),
    }


def identifier() -> pl.Expr:
    """The identifier of a row of evidence, built from its cells."""
    return pl.concat_str(
        "resource",
        "row_id",
        col("field").str.replace_all("_", "-", literal=True),
        pl.coalesce("quote_id", "reference_id", pl.lit("")),
        separator=".",
    )
