"""Check that cells, rows and passages have the evidence that they need, and quotes are used."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import polars as pl
from polars import col

from gazadata.contract import Contract, Field, Resource
from gazadata.validate.checks import Check, CheckSet, Unrun
from gazadata.validate.evidence import bit_of, bits_of, proven
from gazadata.validate.rules import rule
from gazadata.validate.stated import NONE_UNSTATED, proof
from gazadata.validate.tables import LINE, Tables

rule(
    "GD331",
    title="no evidence quotes the passage",
    reason="What the passage asserts may have been left uncoded.",
    example="a sentence that no evidence quotes",
    remedy="Code what the passage asserts; `gazadata todo` lists what is open.",
    unit="passages",
)
rule(
    "GD332",
    title="quote is not used as evidence",
    reason="An unused quote proves nothing.",
    example="a quote that no row of evidence refers to",
    remedy="Use the quote in evidence, or remove it.",
    unit="quotes",
)


def used(contract: Contract, tables: Tables) -> Iterator[CheckSet]:
    """Check that each quote is used as evidence, and that each passage has such a quote."""

    def quotes() -> pl.LazyFrame:
        used = proof(tables).select("quote_id", __used=pl.lit(True)).drop_nulls().unique()
        return tables.strings("quotes").join(used, on="quote_id", how="left")

    yield CheckSet(
        contract["quotes"],
        quotes,
        (
            Check(
                "GD332",
                "quote_id",
                col("__used").is_null(),
                expected="evidence that uses it",
            ),
        ),
    )
    dark = col("__lit").is_null()

    def passages() -> pl.LazyFrame:
        lit = quotes().filter(col("__used")).select("passage_id", __lit=pl.lit(True)).unique()
        # The open passages of an article are one finding, at the first of them.
        return (
            tables.strings("passages")
            .join(lit, on="passage_id", how="left")
            .with_columns(
                __first=col(LINE) == pl.when(dark).then(LINE).min().over("source_id"),
                __others=dark.sum().over("source_id") - 1,
            )
        )

    if "passages" in tables:
        yield CheckSet(
            contract["passages"],
            passages,
            (
                Check(
                    "GD331",
                    "passage_id",
                    dark & col("__first"),
                    found=pl.when(col("__others") > 0)
                    .then(pl.format("{} and {} more of {}", "passage_id", "__others", "source_id"))
                    .otherwise("passage_id"),
                    expected="a quote that is used as evidence",
                ),
            ),
        )


rule(
    "GD336",
    title="row has no quote from its own source",
    reason="The row would attribute to one article what another one says.",
    example="`source_id` names one article, but all quotes of the row are from another",
    remedy=(
        "Correct `source_id`, or quote the source it names. Quotes from other sources may remain."
    ),
)


def moved(contract: Contract, tables: Tables, unrun: Unrun) -> Iterator[CheckSet]:
    """Check that each row that names its source has a quote from it."""
    for resource in proven(contract, tables):
        own, rows = _own_source(resource), proof(tables, resource.name)
        if not own:
            continue
        with unrun.guard(["GD336"], resource.name):
            elsewhere = _elsewhere(resource, own, tables, rows)
            quoted = col(resource.key).replace_strict(
                elsewhere["row_id"], elsewhere["sources"], default=None, return_dtype=pl.String
            )
            proofs = rows.select("row_id", __any=pl.lit(True)).unique()
            yield CheckSet(
                resource,
                partial(_with_proofs, tables, resource, proofs),
                (
                    Check(
                        "GD336",
                        own,
                        quoted.is_not_null(),
                        expected=pl.when(quoted == "")
                        .then(pl.format("a quote from {}", own))
                        .otherwise(pl.format("{}, the source of its quotes", quoted)),
                        applies=col("__any").is_not_null() & col(own).is_not_null(),
                    ),
                ),
            )


_NOT_ELSEWHERE = pl.DataFrame(schema=dict.fromkeys(("row_id", "sources"), pl.String))


def _own_source(resource: Resource) -> str | None:
    """The field with the source of a row's quotes; for a cited source, the article citing it."""
    named = [name for name in ("source_id", "cited_by") if resource.target(name) == "sources"]
    return named[0] if named else None


def _elsewhere(resource: Resource, own: str, tables: Tables, rows: pl.LazyFrame) -> pl.DataFrame:
    """The rows of a table that have evidence but no quote from their `own` source.

    `sources` are the ones that they quote instead.
    """
    sources = tables.strings(resource.name).select(row_id=resource.key, __own=own).drop_nulls()
    quotes = tables.strings("quotes").select(
        "quote_id",
        "passage_id",
        __source="source_id",
        __unsure=tables.masked("quotes", "source_id"),
    )
    # If the quotes of one cell are from the row's own source, the row has such a quote. A required
    # cell decides this for most rows, and only for the others are all quotes joined.
    one = min((f for f in resource.fields if f.evidence_required), key=lambda f: not f.required)
    of_one = rows.filter(col("field") == one.name).select("row_id", "quote_id")
    doubtful = (
        sources.join(of_one, on="row_id", how="left")
        .join(quotes, on="quote_id", how="left")
        .filter(col("__own").ne_missing(col("__source")))
        .select("row_id", "__own")
        .unique()
        .collect()
    )
    if doubtful.is_empty():
        return _NOT_ELSEWHERE
    # A quote whose passage is from another source is reported by another rule.
    if "passages" in tables:
        passages = tables.strings("passages").select("passage_id", __passage_of="source_id")
        quotes = quotes.join(passages, on="passage_id", how="left")
    else:
        quotes = quotes.with_columns(__passage_of="__source")
    is_own = (col("__source") == col("__own")) | (col("__passage_of") == col("__own"))
    # A missing quote is reported by another rule.
    lost = col("quote_id").is_not_null() & col("__source").is_null()
    return (
        rows.select("row_id", "quote_id")
        .join(doubtful.lazy(), on="row_id")
        .join(quotes, on="quote_id", how="left")
        .group_by("row_id")
        .agg(
            sources=col("__source").drop_nulls().unique().sort().str.join(", "),
            __has=(is_own.fill_null(False) | col("__unsure").fill_null(False) | lost).any(),
        )
        .filter(~col("__has"))
        .select("row_id", "sources")
        .collect()
    )


rule(
    "GD333",
    title="cell has no evidence",
    reason="Without evidence, a value is only the coder's claim.",
    example="an outcome without a row in evidence",
    remedy="Add the evidence, or empty the cell if the article does not say it.",
    unit="cells",
)
rule(
    "GD345",
    title="verbatim cell is not quoted letter for letter",
    reason="Case, spaces, dashes and apostrophes must match the article, too.",
    example="a hedge that is only `classified`; `Reportedly` with a quote that has `reportedly`",
    remedy="Copy the words exactly as in the article, and use a quote of basis `stated`.",
    unit="cells",
)
rule(
    "GD347",
    title="code or identifier has no reference",
    reason="Codes from memory are often wrong, and the article does not give them.",
    example="a `wikidata_id` of basis `classified` from a name",
    remedy="Look up the code, and use basis `reference` with a note of what was looked up.",
    unit="cells",
)


def needed(
    contract: Contract, tables: Tables, loose: dict[str, pl.DataFrame]
) -> Iterator[CheckSet]:
    """Check that each cell has the evidence that it needs."""
    for resource in proven(contract, tables):
        yield _cells(resource, tables, loose.get(resource.name, NONE_UNSTATED.loose))


def _with_proofs(tables: Tables, resource: Resource, proofs: pl.LazyFrame) -> pl.LazyFrame:
    """The rows of a table, with what is known of the evidence for each."""
    rows = tables.strings(resource.name)
    return rows.join(proofs, left_on=resource.key, right_on="row_id", how="left")


def _cells(resource: Resource, tables: Tables, loose: pl.DataFrame) -> CheckSet:
    """Check the evidence of each cell of a table: whether it has any, and of the right basis."""
    fields = [field for field in resource.fields if field.evidence_required]
    bits, bare = bits_of(resource), col("__bare")
    # A row without any evidence is one mistake: it is new, or its key was renamed.
    names = [pl.when(col(f.name).is_not_null()).then(pl.lit(f.name)) for f in fields]

    def frame() -> pl.LazyFrame:
        return _with_proofs(tables, resource, _proofs(resource, tables)).with_columns(
            __bare=col("__any").is_null()
            & col(resource.key).is_not_null()
            & (pl.sum_horizontal(name.is_not_null() for name in names) > 1)
        )

    of_rows = Check(
        "GD333",
        resource.key,
        bare,
        expected=pl.concat_str(
            pl.lit("a row of evidence for each of: "),
            pl.concat_str(names, separator=", ", ignore_nulls=True),
        ),
        applies=bare,
        counted=False,  # Its cells are counted one by one.
    )
    derived = [field for field in resource.fields if field.verbatim and not field.evidence_required]
    checks = [
        of_rows,
        *(_of_derived_cell(resource, field, loose) for field in derived),
        *(check for field in fields for check in _of_cell(resource, field, bits, loose)),
    ]
    return CheckSet(resource, frame, tuple(checks))


def _proofs(resource: Resource, tables: Tables) -> pl.LazyFrame:
    """The bits of the fields that have evidence, by row: any, stated, and by a reference."""
    bit = bit_of(bits_of(resource))

    def of(basis: str) -> pl.Expr:
        # Evidence with a finding may be of any basis.
        return pl.when((col("basis") == basis) | col("__wrong")).then(bit).otherwise(0)

    return (
        proof(tables, resource.name)
        .group_by("row_id")
        .agg(
            __any=bit.bitwise_or(),
            __stated=of("stated").bitwise_or(),
            __looked_up=of("reference").bitwise_or(),
        )
    )


def _of_derived_cell(resource: Resource, field: Field, loose: pl.DataFrame) -> Check:
    """Check that a derived cell is in a quote of its row, letter for letter."""
    words = _loose_words(resource, field, loose)
    return Check(
        "GD345",
        field.name,
        words.is_not_null(),
        expected=pl.format("the words exactly as in “{}”", words),
        applies=col(field.name).is_not_null() & col("__any").is_not_null(),
    )


def _of_cell(
    resource: Resource, field: Field, bits: dict[str, int], loose: pl.DataFrame
) -> Iterator[Check]:
    """Check that a cell has evidence, and of the basis that its field needs."""

    def lacks(column: str) -> pl.Expr:
        return (col(column).fill_null(0) // bits[field.name]) % 2 == 0

    # Evidence cannot refer to a row without a key, which is reported by another rule.
    filled = col(field.name).is_not_null() & col(resource.key).is_not_null()
    yield Check(
        "GD333",
        field.name,
        lacks("__any") & ~col("__bare"),
        expected=pl.concat_str(
            pl.lit(f"a row of evidence with resource `{resource.name}`, row_id `"),
            resource.key,
            pl.lit(f"` and field `{field.name}`"),
        ),
        applies=filled,
    )
    if field.verbatim:
        folded_only = _loose_words(resource, field, loose)
        yield Check(
            "GD345",
            field.name,
            (lacks("__stated") & ~lacks("__any")) | folded_only.is_not_null(),
            expected=pl.coalesce(
                pl.format("the words exactly as in “{}”", folded_only),
                pl.lit("evidence of basis stated"),
            ),
            applies=filled,
        )
    if field.raw.get("gazadata:reference"):
        yield Check(
            "GD347",
            field.name,
            lacks("__looked_up") & ~lacks("__any"),
            expected="evidence of basis reference",
            applies=filled,
        )


def _loose_words(resource: Resource, field: Field, loose: pl.DataFrame) -> pl.Expr:
    """The first quote of a row whose cell is not in it letter for letter; null for other rows."""
    of_field = loose.filter(col("field") == field.name)
    return col(resource.key).replace_strict(
        of_field["row_id"], of_field["words"], default=None, return_dtype=pl.String
    )
