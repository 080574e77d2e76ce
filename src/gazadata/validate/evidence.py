"""Check that each row of evidence fits its cell."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

import polars as pl
from polars import col

from gazadata.contract import Contract, Resource
from gazadata.text import HAS_HIDDEN
from gazadata.validate.checks import TARGET_LINE, Check, CheckSet, Unrun
from gazadata.validate.rules import rule
from gazadata.validate.stated import (
    NONE_UNSTATED,
    Unstated,
    cells_of,
    find_unstated,
    folded,
    identifier,
    proof,
    value_of,
)
from gazadata.validate.tables import BATCH, LINE, MASKED, Tables

LETTER = r"\p{L}"
"""A note must contain at least one letter."""

_BY_REFERENCE = col("basis") == "reference"
_HAS_QUOTE, _HAS_REFERENCE = col("quote_id").is_not_null(), col("reference_id").is_not_null()
_POINTS = ("resource", "row_id", "field")
"""The columns by which a row of evidence refers to a cell."""

TARGET = pl.concat_str(*_POINTS, separator="/")
"""The cell that a row of evidence is for, as `resource/row_id/field`."""

CODES = (
    *("GD333", "GD334", "GD335", "GD341", "GD342", "GD343", "GD344", "GD345", "GD346", "GD347"),
    "GD351",
)
"""The rules that need `items`."""

LATER = ("GD335", "GD342", "GD351")
"""Rules of `items` that run after the others, as nothing else follows from them."""

_CUED = "quotes, cued"
"""The name under which quotes are stored with whether they contain a cue; not that of a table."""


def proven(contract: Contract, tables: Tables) -> list[Resource]:
    """The tables with a field that needs evidence."""
    return [r for name, r in contract.resources.items() if name in tables and r.proven_fields]


def items(
    contract: Contract, tables: Tables, unrun: Unrun, loose: dict[str, pl.DataFrame]
) -> Iterator[CheckSet]:
    """Check that each row of evidence fits its cell.

    Fills `loose`: by table, the verbatim cells that their quotes do not contain letter for letter.
    """
    for name, resource in contract.resources.items():
        if not resource.proven_fields:
            frame = partial(_raw, tables, name)
            yield CheckSet(contract["evidence"], frame, (_nothing_to_prove(),), of=name)
    hedges, sayings = map(_any_of, (contract.hedge_cues, contract.attribution_cues))
    exact, misquoted = col("exact"), tables.masked("quotes", "exact")
    if "text_path" in tables.masks.get("sources", {}):
        # Odd characters that a quote has from its source text are reported there.
        odd = exact.str.contains(HAS_HIDDEN) | (exact.str.normalize("NFC") != exact)
        misquoted = misquoted | odd.fill_null(False)
    quotes: pl.LazyFrame | None = None
    with unrun.guard(CODES, "evidence"):
        # Computed once for all resources.
        for batch in (
            _placed(tables)
            .select(
                "quote_id",
                "source_id",
                "exact",
                __quoted=exact.is_not_null(),
                __hedges=_cued(exact, hedges),
                __says=_cued(exact, sayings),
                __misquoted=misquoted,
            )
            .collect_batches(chunk_size=BATCH)
        ):
            tables.put(_CUED, batch)
        quotes = tables.kept(_CUED)
    if quotes is None:
        return
    for resource in proven(contract, tables):
        unstated, rows = NONE_UNSTATED, proof(tables, resource.name)
        with unrun.guard(["GD341", "GD345"], resource.name):
            unstated = find_unstated(resource, tables, rows, quotes)
        loose[resource.name] = unstated.loose
        yield _items(contract, resource, tables, quotes, unstated)


def _raw(tables: Tables, name: str) -> pl.LazyFrame:
    """The evidence for a table, as written."""
    return tables.strings("evidence").filter(col("resource") == name)


def _placed(tables: Tables) -> pl.LazyFrame:
    """The quotes; source_id is null if the passage is from another source, which is reported."""
    quotes = tables.strings("quotes")
    if "passages" not in tables:
        return quotes
    passages = tables.strings("passages").select("passage_id", __passage_of="source_id")
    other = (col("source_id") != col("__passage_of")).fill_null(False)
    return quotes.join(passages, on="passage_id", how="left", maintain_order="left").with_columns(
        source_id=pl.when(~other).then("source_id")
    )


def _any_of(cues: tuple[str, ...]) -> str:
    """A pattern that matches any of these cues."""
    return "|".join(map(re.escape, cues))


def _cued(column: pl.Expr, cues: str) -> pl.Expr:
    """Whether a text contains a cue."""
    # Not `\b`, which is slow in text that is not all ASCII.
    return folded(column).str.contains(rf"(?:^|\W)(?:{cues})(?:\W|$)") if cues else pl.lit(False)


def _nothing_to_prove() -> Check:
    return Check(
        "GD334",
        "resource",
        pl.lit(True),
        expected="a table with a field that needs evidence",
    )


def bits_of(resource: Resource) -> dict[str, int]:
    """A bit for each field that needs evidence.

    Joining one number per row to evidence, not the row's cells, saves time and memory.
    """
    return {name: 1 << n for n, name in enumerate(resource.proven_fields)}


def bit_of(bits: dict[str, int]) -> pl.Expr:
    """The bit of the field that a row of evidence is for; 0 if it needs none."""
    return col("field").replace_strict(
        list(bits), list(bits.values()), default=0, return_dtype=pl.Int64
    )


def _items(
    contract: Contract,
    resource: Resource,
    tables: Tables,
    quotes: pl.LazyFrame,
    unstated: Unstated,
) -> CheckSet:
    """Check the rows of evidence for one table."""
    bits = bits_of(resource)
    checks = [
        *_pointing(resource, bits),
        _stating(resource, tables, unstated),
        *_based(resource, bits),
        *_referring(resource),
    ]
    has_cues = contract.hedge_cues or contract.attribution_cues
    if has_cues and _sure(contract, resource) is not None:
        checks.append(_committing(resource))
    # Evidence that refers to no cell or lacks its words may be right, and the cell wrong.
    checks.sort(key=lambda one: one.code in LATER)
    return CheckSet(
        contract["evidence"],
        partial(_with_cells, contract, resource, tables, quotes),
        tuple(checks),
        about=TARGET,
        shown=partial(_with_texts, resource, tables, quotes),
        of=resource.name,
    )


def _with_cells(
    contract: Contract, resource: Resource, tables: Tables, quotes: pl.LazyFrame
) -> pl.LazyFrame:
    """The evidence for a table, with what the checks need of its cell, quote and reference."""
    name, bits = resource.name, bits_of(resource)
    sure = _sure(contract, resource)
    broken = [at for at in bits if at in tables.masks.get(name, {})]
    cells = tables.meant(name).select(
        col(LINE).alias(TARGET_LINE),
        row_id=resource.key,
        # A cell with a finding counts as filled.
        __filled=pl.sum_horizontal(
            pl.when(col(at).is_not_null() | tables.masked(name, at)).then(bit).otherwise(0)
            for at, bit in bits.items()
        ),
        __broken=pl.sum_horizontal(
            pl.lit(0), *(pl.when(tables.masked(name, at)).then(bits[at]) for at in broken)
        ),
        __sure=pl.lit(False) if sure is None else sure,
        __own_word=_own_word(contract, resource),
        __reference=col("kind") == "reference" if name == "sources" else pl.lit(False),
        **tables.masks_of(name, __sure=_KEEPING, __reference=("kind",)),
    )
    kinds = tables.meant("sources").select(
        reference_id="source_id",
        __reference_kind="kind",
        **tables.masks_of("sources", __reference_kind=("kind", "cited_by")),
    )

    def has_bit(column: str) -> pl.Expr:
        return ((col(column) & bit_of(bits)) != 0).fill_null(False)

    return (
        _raw(tables, name)
        .join(cells, on="row_id", how="left")
        .join(quotes.drop("source_id", "exact"), on="quote_id", how="left")
        .join(kinds, on="reference_id", how="left")
        .with_columns(
            col("__quoted").fill_null(False),
            __known=col("__filled").is_not_null(),
            __filled=has_bit("__filled"),
            **({f"{MASKED}__cell": has_bit("__broken")} if broken else {}),
        )
    )


def _with_texts(
    resource: Resource, tables: Tables, quotes: pl.LazyFrame, frame: pl.LazyFrame
) -> pl.LazyFrame:
    """Evidence with its cell and the words of its quote, which findings show."""
    needed = list(resource.proven_fields)
    cells = cells_of(tables.strings(resource.name), resource, needed)
    return (
        frame.join(cells, on="row_id", how="left")
        .join(quotes.select("quote_id", __exact="exact"), on="quote_id", how="left")
        .with_columns(__value=value_of(needed))
    )


rule(
    "GD334",
    title="evidence does not refer to a filled cell that needs it",
    reason="The cell was renamed, emptied or removed, but its evidence remains.",
    example="evidence for a field that was emptied",
    remedy="Correct `resource`, `row_id` and `field`, or remove the evidence.",
    unit="evidence",
)
rule(
    "GD335",
    title="`evidence_id` does not match the row",
    reason="Built from the row, it is the same for the same evidence in every version.",
    example="an identifier that names another field",
    remedy="Run `gazadata fmt`.",
    unit="evidence",
)


def _pointing(resource: Resource, bits: dict[str, int]) -> list[Check]:
    """Check that evidence refers to a filled cell, and that its identifier matches the row."""
    return [
        Check(
            "GD334",
            "row_id",
            ~col("__known"),
            expected=f"a key of {resource.name} ({resource.key})",
            applies=~col("__known"),
            blames=_POINTS,
            blames_target=True,
            refers_to=(resource.name, resource.key),
        ),
        Check(
            "GD334",
            "field",
            ~col("__filled"),
            found=pl.concat_str(
                "field",
                pl.when(col("field").is_in(list(bits)))
                .then(pl.lit(", which is empty there"))
                .otherwise(pl.lit("")),
            ),
            expected=pl.when(col("field").is_in(list(bits)))
            .then(pl.lit(f"a filled field of {resource.name}"))
            .otherwise(
                pl.lit(f"a field of {resource.name} that needs evidence: {', '.join(bits)}")
            ),
            applies=col("__known"),
            reads=["row_id", "__cell"],
            blames=_POINTS,
            blames_target=True,
        ),
        Check(
            "GD335",
            "evidence_id",
            col("evidence_id") != identifier(),
            expected=identifier(),
            # Evidence that refers to nothing is reported by another rule.
            applies=col("__filled") & (~_HAS_QUOTE | col("__quoted")),
        ),
    ]


rule(
    "GD341",
    title="quote does not contain the stated value",
    reason=(
        "A quote that states a value contains its words or, for a key, a name of the row that the "
        "key points to. A row of `names` cannot confirm itself."
    ),
    example="`strongly` as stated by “public sentiment”",
    remedy="Choose a quote that contains the words, or correct the basis.",
    unit="evidence",
)


def _stating(resource: Resource, tables: Tables, unstated: Unstated) -> Check:
    """Check that the quotes of evidence of basis stated contain the words of the cell."""
    # Without `names` these cannot be checked.
    unnamed = [
        fk.field
        for fk in resource.foreign_keys
        if fk.resource in ("actors", "topics")
        and not ("names" in tables and (resource.name != "names" or fk.resource in tables))
    ]
    return Check(
        "GD341",
        "quote_id",
        col(LINE).is_in(unstated.without.implode()),
        found=pl.format("“{}” for {}", "__exact", "__value"),
        expected=pl.format("words that state {}", "__value"),
        applies=(col("basis") == "stated")
        & ~col("field").is_in(unnamed)
        & col("__filled")
        & col("__quoted"),
        reads=["row_id", "__cell"],
        blames_target=True,
    )


rule(
    "GD342",
    title="inferred evidence has no explanation",
    reason="An inference that nobody can follow cannot be checked.",
    example="basis `inferred` with an empty note, or one without letters",
    remedy="Explain in `note` how the words lead to the value.",
    unit="evidence",
)
rule(
    "GD343",
    title="evidence lacks what its basis requires",
    reason=(
        "Basis `reference` needs a reference and a note of what was looked up; any other basis "
        "needs a quote and no reference."
    ),
    example="`reference` without `reference_id`; `stated` with a `reference_id`",
    remedy="Fill in `quote_id`, or `reference_id` and `note`, as the basis requires.",
    unit="evidence",
)
rule(
    "GD346",
    title="free text has basis `classified`",
    reason="Only vocabularies, booleans, counts and keys have terms to classify into.",
    example="a description of basis `classified`",
    remedy="Use `inferred`, and explain in `note` what was resolved.",
    unit="evidence",
)


def _based(resource: Resource, bits: dict[str, int]) -> list[Check]:
    """Check that evidence has what its basis requires, and that the field allows that basis."""
    both_or_none = _HAS_QUOTE == _HAS_REFERENCE
    has_note = col("note").str.contains(LETTER).fill_null(False)
    terms = [
        field.name
        for field in resource.fields
        if field.enum
        or field.type in ("boolean", "integer")
        or resource.target(field.name)
        # These two have rules of their own.
        or field.verbatim
        or field.raw.get("gazadata:reference")
    ]
    return [
        Check(
            "GD342",
            "note",
            ~has_note,
            expected="how the words lead to the value",
            applies=col("basis") == "inferred",
        ),
        # Report the one cell that is wrong; if both are, the basis.
        Check(
            "GD343",
            "basis",
            _BY_REFERENCE == _HAS_QUOTE,
            expected=pl.when(_BY_REFERENCE)
            .then(pl.lit("a basis other than reference, because quote_id is filled"))
            .otherwise(pl.lit("reference, because reference_id is filled")),
            applies=_HAS_QUOTE != _HAS_REFERENCE,
        ),
        Check(
            "GD343",
            "quote_id",
            both_or_none & (_BY_REFERENCE == _HAS_QUOTE),
            expected=pl.when(_BY_REFERENCE)
            .then(pl.lit("an empty cell, because a reference is not quoted"))
            .otherwise(pl.lit("a quote")),
            applies=both_or_none,
        ),
        Check(
            "GD343",
            "reference_id",
            both_or_none & (_BY_REFERENCE != _HAS_QUOTE),
            expected=pl.when(_BY_REFERENCE)
            .then(pl.lit("a source of kind reference"))
            .otherwise(pl.concat_str(pl.lit("an empty cell, because the basis is "), "basis")),
            applies=both_or_none,
        ),
        Check(
            "GD343",
            "note",
            ~has_note,
            expected="what was looked up",
            applies=_BY_REFERENCE & ~_HAS_QUOTE,
        ),
        Check(
            "GD346",
            "basis",
            ~col("field").is_in(terms),
            found=pl.concat_str("basis", pl.lit(" for "), "field"),
            expected="stated or inferred",
            applies=(col("basis") == "classified") & col("field").is_in(list(bits)),
        ),
    ]


rule(
    "GD344",
    title="evidence cites the wrong kind of source as its reference",
    reason=(
        "Articles and the sources they cite are quoted, not used as references. The row of a "
        "reference in `sources` rests on that reference alone."
    ),
    example="`reference_id` that names the article",
    remedy="Use a row of `sources` of kind `reference`.",
    unit="evidence",
)


def _referring(resource: Resource) -> list[Check]:
    """Check that references are of that kind, and that their own rows rest on themselves alone."""
    itself = resource.name == "sources"
    another = col("__reference") & (col("reference_id") != col("row_id")).fill_null(True)
    checks = [
        Check(
            "GD344",
            "reference_id",
            (col("__reference_kind") != "reference") | another,
            expected=pl.when("__reference")
            .then(pl.lit("the row itself"))
            .otherwise(pl.lit("a source of kind reference")),
            applies=_BY_REFERENCE & _HAS_REFERENCE,
        )
    ]
    if itself:
        checks.append(
            Check(
                "GD344",
                "basis",
                ~_BY_REFERENCE,
                expected="reference, with the row's own key",
                applies=col("__reference") & col("__filled"),
            )
        )
    return checks


_KEEPING = ("certainty", "hedge", "attributed_to", "status", "expression", "event_type")
"""The fields in which a row keeps a hedge or an attribution."""


def _sure(contract: Contract, resource: Resource) -> pl.Expr | None:
    """Whether a row is certain without a hedge; None if no row of the table can be."""
    if "status" in resource.field_names and "existing" in resource["status"].enum:
        # What exists is no longer proposed.
        return col("status") == "existing"
    if "certainty" not in resource.field_names:
        return None
    # Words in hedge other than a cue limit something else.
    hedged = _cued(col("hedge"), _any_of(contract.hedge_cues)).fill_null(False)
    return (col("certainty") == "certain") & ~hedged


def _own_word(contract: Contract, resource: Resource) -> pl.Expr:
    """Whether a row is the article's own word, and not something that somebody said."""
    names, says = resource.field_names, pl.lit(False)
    if not {"attributed_to", "hedge"} <= {*names}:
        return pl.lit(False)
    if "expression" in names:
        says = col("expression").is_not_null()
    elif "event_type" in names:
        classes = resource["event_type"].raw.get("gazadata:quadClass", {})
        says = col("event_type").is_in([t for t, of in classes.items() if of.startswith("verbal")])
    kept = _cued(col("hedge"), _any_of(contract.attribution_cues))
    return col("attributed_to").is_null() & ~says.fill_null(False) & ~kept.fill_null(False)


rule(
    "GD351",
    title="hedge or attribution in the quote is missing from the row",
    reason=(
        "What the article only reports or suggests must not become certain, and what somebody says "
        "must not become the article's own word."
    ),
    example=(
        "`certain`, with no cue in `hedge`, on a quote that says “reportedly”; no `attributed_to` "
        "on a quote that says “insisted”"
    ),
    remedy=(
        "Lower `certainty`, copy the cue into `hedge`, or choose a quote without the cue. Fill in "
        "`attributed_to` for what somebody says, unless the row records the statement itself: a "
        "position with an expression, or an event of a verbal type."
    ),
    unit="evidence",
    severity="warning",
)


def _committing(resource: Resource) -> Check:
    """Check that a row keeps the cues of its quotes: those of hedges and of attributions."""
    of_topic = "certainty" not in resource.field_names
    sure = col("__sure") & (col("field") == "status") if of_topic else col("__sure")
    unhedged = sure & col("__hedges")
    return Check(
        "GD351",
        "quote_id",
        # Evidence that refers to nothing or misquotes is reported by other rules.
        (unhedged | (col("__own_word") & col("__says"))) & ~col("__misquoted").fill_null(False),
        found=col("__exact"),
        expected=pl.when(unhedged)
        .then(
            pl.lit(
                "another status" if of_topic else "the cue in the row's hedge, or a lower certainty"
            )
        )
        .otherwise(pl.lit("a value in attributed_to, because somebody says this")),
        applies=(sure | col("__own_word")) & col("__filled"),
    )
