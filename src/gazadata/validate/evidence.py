"""The evidence of every cell: that it is there, that it fits, and that all of it is used."""

from __future__ import annotations

import re
from collections.abc import Iterator

import polars as pl
from polars import col

from gazadata.contract import Contract, Field, Resource
from gazadata.validate.checks import Check, Look, Unrun, cell, check
from gazadata.validate.stated import (
    ALL_STATED,
    FORMS,
    Unstated,
    cells_of,
    find_unstated,
    folded,
    value_of,
)
from gazadata.validate.tables import BATCH, LINE, Tables

WORD = r"\p{L}"
"""What a note has at least."""

_BY_REFERENCE = col("basis") == "reference"
_HAS_QUOTE, _HAS_REFERENCE = col("quote_id").is_not_null(), col("reference_id").is_not_null()
TARGET = pl.concat_str("resource", "row_id", "field", separator="/")
"""The name (`cell`) of the cell that a row of evidence is for."""

CODES = (
    *(
        "GD333",
        "GD334",
        "GD335",
        "GD336",
        "GD341",
        "GD342",
        "GD343",
        "GD344",
        "GD345",
        "GD346",
        "GD347",
    ),
    "GD351",
)
"""The rules of `items`."""

_CUED = "quotes, cued"
"""Under which the quotes are put by, each with whether it holds a cue: no table's name."""


def used(contract: Contract, tables: Tables) -> Iterator[Look]:
    """Whether each quote is used, and each passage rested on."""
    used = tables.strings("evidence").select("quote_id", __used=pl.lit(True)).drop_nulls().unique()
    quotes = tables.strings("quotes").join(used, on="quote_id", how="left")
    yield Look(
        contract["quotes"],
        quotes,
        (
            check(
                "GD332",
                "quote_id",
                col("__used").is_null(),
                expected="evidence that uses it",
                relies=[pl.concat_str(pl.lit("evidence/*."), "quote_id")],
            ),
        ),
    )
    if "passages" in tables:
        lit = quotes.filter(col("__used")).select("passage_id", __lit=pl.lit(True)).unique()
        dark = col("__lit").is_null()
        # An article that is still being coded is one finding, at its first such passage.
        passages = (
            tables.strings("passages")
            .join(lit, on="passage_id", how="left")
            .with_columns(
                __first=col(LINE) == pl.when(dark).then(LINE).min().over("source_id"),
                __others=dark.sum().over("source_id") - 1,
            )
        )
        yield Look(
            contract["passages"],
            passages,
            (
                check(
                    "GD331",
                    "passage_id",
                    dark & col("__first"),
                    found=pl.when(col("__others") > 0)
                    .then(pl.format("{} and {} more of {}", "passage_id", "__others", "source_id"))
                    .otherwise("passage_id"),
                    expected="a quote that evidence uses",
                ),
            ),
        )


def items(contract: Contract, tables: Tables, unrun: Unrun) -> Iterator[Look]:
    """Whether each cell that needs evidence has it, and each row of evidence fits its cell."""
    hedges, sayings = map(_any_of, (contract.hedge_cues, contract.attribution_cues))
    quotes: pl.LazyFrame | None = None
    with unrun.guard(CODES, "evidence"):
        # Worked out once for all resources.
        for batch in (
            _placed(tables)
            .select(
                "quote_id",
                "source_id",
                "exact",
                __quoted=col("exact").is_not_null(),
                __hedges=_cued(col("exact"), hedges),
                __says=_cued(col("exact"), sayings),
            )
            .collect_batches(chunk_size=BATCH)
        ):
            tables.put(_CUED, batch)
        quotes = tables.kept(_CUED)
    if quotes is None:
        return
    kinds = tables.strings("sources").select(reference_id="source_id", __reference_kind="kind")
    for name, resource in contract.resources.items():
        rows = tables.strings("evidence").filter(col("resource") == name)
        if not any(field.evidence_required for field in resource.fields):
            yield Look(contract["evidence"], rows, (_nothing_to_prove(),), of=name)
        elif name in tables:
            unstated = ALL_STATED
            with unrun.guard(["GD341", "GD345"], name):
                unstated = find_unstated(resource, tables, rows, quotes)
            elsewhere = _NOT_ELSEWHERE
            if own := _own_source(resource):
                with unrun.guard(["GD336"], name):
                    elsewhere = _elsewhere(resource, own, tables, rows)
            yield _cells(resource, tables, rows, unstated, elsewhere)
            yield _items(contract, resource, tables, rows, quotes, kinds, unstated)


def _placed(tables: Tables) -> pl.LazyFrame:
    """The quotes, without the source of those that are reported for a passage of another."""
    quotes = tables.strings("quotes")
    if "passages" not in tables:
        return quotes
    passages = tables.strings("passages").select("passage_id", __passage_of="source_id")
    other = (col("source_id") != col("__passage_of")).fill_null(False)
    return quotes.join(passages, on="passage_id", how="left", maintain_order="left").with_columns(
        source_id=pl.when(~other).then("source_id")
    )


def _any_of(cues: tuple[str, ...]) -> str:
    """A pattern of these cues."""
    return "|".join(map(re.escape, cues))


def _cued(column: pl.Expr, cues: str) -> pl.Expr:
    """Whether words hold a cue."""
    # Not `\b`, which is slow in text that is not all ASCII.
    return folded(column).str.contains(rf"(?:^|\W)(?:{cues})(?:\W|$)") if cues else pl.lit(False)


def _nothing_to_prove() -> Check:
    return check(
        "GD334",
        "resource",
        pl.lit(True),
        expected="a table of which a field needs evidence",
    )


def _bits(resource: Resource) -> dict[str, int]:
    """A bit for each field that needs evidence.

    Joining one number a row to evidence, not the row's cells, saves time and memory.
    """
    needed = [field.name for field in resource.fields if field.evidence_required]
    return {name: 1 << n for n, name in enumerate(needed)}


def _bit(bits: dict[str, int]) -> pl.Expr:
    return col("field").replace_strict(
        list(bits), list(bits.values()), default=0, return_dtype=pl.Int64
    )


_NOT_ELSEWHERE = pl.DataFrame(schema=dict.fromkeys(("row_id", "sources", "names"), pl.String))


def _own_source(resource: Resource) -> str | None:
    """The field with the source that quotes of a row are from: of a cited one the article."""
    named = [name for name in ("source_id", "cited_by") if resource.target(name) == "sources"]
    return named[0] if named else None


def _elsewhere(resource: Resource, own: str, tables: Tables, rows: pl.LazyFrame) -> pl.DataFrame:
    """The rows of a table that have evidence, and no quote from their `own` source.

    With the `sources` that they quote, and the `names` (`cell`) of what says so.
    """
    sources = tables.strings(resource.name).select(row_id=resource.key, __own=own).drop_nulls()
    quotes = tables.strings("quotes").select("quote_id", "passage_id", __source="source_id")
    # Of most rows the quotes of any one cell are from there: all are joined for the others alone.
    one = min((f for f in resource.fields if f.evidence_required), key=lambda f: not f.required)
    of_one = rows.filter(col("field") == one.name).select("row_id", "quote_id")
    doubtful = (
        sources.join(of_one, on="row_id", how="left")
        .join(quotes, on="quote_id", how="left")
        .filter(col("__own").ne_missing(col("__source")))
        .select("row_id", "__own")
        .unique()
        .collect(engine=tables.engine)
    )
    if doubtful.is_empty():
        return _NOT_ELSEWHERE
    # One whose passage is of another source than itself is reported for that.
    if "passages" in tables:
        passages = tables.strings("passages").select("passage_id", __passage_of="source_id")
        quotes = quotes.join(passages, on="passage_id", how="left")
    else:
        quotes = quotes.with_columns(__passage_of="__source")
    is_own = (col("__source") == col("__own")) | (col("__passage_of") == col("__own"))
    lost = pl.when(col("__source").is_null()).then(cell("evidence", "evidence_id", "quote_id"))
    return (
        rows.select("evidence_id", "row_id", "quote_id")
        .join(doubtful.lazy(), on="row_id")
        .join(quotes, on="quote_id", how="left")
        .group_by("row_id")
        .agg(
            sources=col("__source").drop_nulls().unique().sort().str.join(", "),
            names=pl.coalesce(lost, cell("quotes", "quote_id", "source_id")).str.join("\n"),
            __has=is_own.fill_null(False).any(),
            # A quote that is not there is a finding itself.
            __lost=(col("quote_id").is_not_null() & col("__source").is_null()).any(),
        )
        .filter(~col("__has") & ~col("__lost"))
        .select("row_id", "sources", "names")
        .collect(engine=tables.engine)
    )


def _cells(
    resource: Resource,
    tables: Tables,
    rows: pl.LazyFrame,
    unstated: Unstated,
    elsewhere: pl.DataFrame,
) -> Look:
    """The cells of a table, each with whether it has evidence, and evidence of which basis."""
    fields = [field for field in resource.fields if field.evidence_required]
    bits = _bits(resource)
    bit = _bit(bits)

    def of(basis: str) -> pl.Expr:
        return pl.when(col("basis") == basis).then(bit).otherwise(0).bitwise_or()

    proof = rows.group_by("row_id").agg(
        __any=bit.bitwise_or(), __stated=of("stated"), __looked_up=of("reference")
    )
    frame = tables.strings(resource.name).join(
        proof, left_on=resource.key, right_on="row_id", how="left"
    )

    def lacks(field: Field, column: str) -> pl.Expr:
        return (col(column).fill_null(0) // bits[field.name]) % 2 == 0

    def by_identifier(field: Field) -> pl.Expr:
        return pl.concat_str(
            pl.lit(f"evidence/{resource.name}."),
            resource.key,
            pl.lit(f".{field.name.replace('_', '-')}.*"),
        )

    # A row of which no cell has any is one mistake: it is new, or its key has been renamed.
    names = [pl.when(col(f.name).is_not_null()).then(pl.lit(f.name)) for f in fields]
    bare = (
        col("__any").is_null()
        & col(resource.key).is_not_null()
        & (pl.sum_horizontal(name.is_not_null() for name in names) > 1)
    )
    frame = frame.with_columns(__bare=bare)
    bare = col("__bare")
    checks = [
        check(
            "GD333",
            resource.key,
            bare,
            expected=pl.concat_str(
                pl.lit(f"evidence of resource {resource.name}, for each of "),
                pl.concat_str(names, separator=", ", ignore_nulls=True),
            ),
            applies=bare,
            counted=False,  # Its cells are counted one by one.
            relies=[
                cell(resource.name, resource.key, resource.key),
                *(by_identifier(field) for field in fields),
            ],
        )
    ]
    if own := _own_source(resource):
        quoted, names_of = (
            col(resource.key).replace_strict(
                elsewhere["row_id"], elsewhere[column], default=None, return_dtype=pl.String
            )
            for column in ("sources", "names")
        )
        checks.append(
            check(
                "GD336",
                own,
                quoted.is_not_null(),
                expected=pl.when(quoted == "")
                .then(pl.format("a quote from {}", own))
                .otherwise(pl.format("{}, which its quotes are from", quoted)),
                applies=col("__any").is_not_null() & col(own).is_not_null(),
                relies=[names_of],
            )
        )
    for field in resource.fields:
        if field.verbatim and not field.evidence_required:
            words = _of_cell(resource, field, unstated.loose, "words")
            checks.append(
                check(
                    "GD345",
                    field.name,
                    words.is_not_null(),
                    expected=pl.format("words as they are in “{}”", words),
                    applies=col(field.name).is_not_null() & col("__any").is_not_null(),
                    relies=[_of_cell(resource, field, unstated.loose, "quotes")],
                )
            )
    for field in fields:
        # Evidence can point to no row without a key, which is reported itself.
        filled = col(field.name).is_not_null() & col(resource.key).is_not_null()
        # Evidence that is broken itself, and by its identifier is for this cell.
        relies = [
            cell(resource.name, resource.key, resource.key),
            cell(resource.name, resource.key, field.name),
            by_identifier(field),
        ]
        checks.append(
            check(
                "GD333",
                field.name,
                lacks(field, "__any") & ~bare,
                expected=pl.concat_str(
                    pl.lit(f"evidence of resource {resource.name}, row_id "),
                    resource.key,
                    pl.lit(f" and field {field.name}"),
                ),
                applies=filled,
                relies=relies,
            )
        )
        if field.verbatim:
            loose = _of_cell(resource, field, unstated.loose, "words")
            checks.append(
                check(
                    "GD345",
                    field.name,
                    (lacks(field, "__stated") & ~lacks(field, "__any")) | loose.is_not_null(),
                    expected=pl.coalesce(
                        pl.format("the words as they stand in “{}”", loose),
                        pl.lit("evidence of basis stated"),
                    ),
                    applies=filled,
                    relies=[*relies, _of_cell(resource, field, unstated.loose, "quotes")],
                )
            )
        if field.raw.get("gazadata:reference"):
            checks.append(
                check(
                    "GD347",
                    field.name,
                    lacks(field, "__looked_up") & ~lacks(field, "__any"),
                    expected="evidence of basis reference",
                    applies=filled,
                    relies=relies,
                )
            )
    return Look(resource, frame, tuple(checks))


def _of_cell(resource: Resource, field: Field, cells: pl.DataFrame, column: str) -> pl.Expr:
    """What a frame with row_id and field says of the cells of a field; null where it does not."""
    own = cells.filter(col("field") == field.name)
    return col(resource.key).replace_strict(
        own["row_id"], own[column], default=None, return_dtype=pl.String
    )


def _items(
    contract: Contract,
    resource: Resource,
    tables: Tables,
    rows: pl.LazyFrame,
    quotes: pl.LazyFrame,
    kinds: pl.LazyFrame,
    unstated: Unstated,
) -> Look:
    """The rows of evidence for one table, with whether its cell is filled, and its quote there."""
    bits = _bits(resource)
    table = tables.strings(resource.name)
    names = resource.field_names
    sure = _sure(contract) if "certainty" in names else None
    if "status" in names and "existing" in resource["status"].enum:
        # What is there is no longer proposed.
        sure = col("status") == "existing"
    cells = table.select(
        row_id=resource.key,
        __filled=pl.sum_horizontal(
            pl.when(col(name).is_not_null()).then(bit).otherwise(0) for name, bit in bits.items()
        ),
        __sure=pl.lit(False) if sure is None else sure,
        __own_word=_own_word(contract, resource),
        __reference=col("kind") == "reference" if resource.name == "sources" else pl.lit(False),
    )
    frame = (
        rows.join(cells, on="row_id", how="left")
        .join(quotes.drop("source_id", "exact"), on="quote_id", how="left")
        .join(kinds, on="reference_id", how="left")
        .with_columns(
            col("__quoted").fill_null(False),
            __known=col("__filled").is_not_null(),
            __filled=((col("__filled") & _bit(bits)) != 0).fill_null(False),
        )
    )

    def shown(frame: pl.LazyFrame) -> pl.LazyFrame:
        return (
            frame.join(cells_of(table, resource, list(bits)), on="row_id", how="left")
            .join(
                quotes.select("quote_id", __exact="exact", __source="source_id"),
                on="quote_id",
                how="left",
            )
            .with_columns(__value=value_of(list(bits)))
            .join(_names(contract, tables), on=["__value", "__source"], how="left")
        )

    checks = [
        *_pointing(resource, bits),
        _stating(contract, resource, tables, unstated),
        *_based(resource, bits),
        *_referring(resource),
    ]
    if sure is not None and (contract.hedge_cues or contract.attribution_cues):
        checks.append(_committing(resource))
    return Look(
        contract["evidence"], frame, tuple(checks), about=TARGET, shown=shown, of=resource.name
    )


def _pointing(resource: Resource, bits: dict[str, int]) -> list[Check]:
    """Whether a row of evidence points to a filled cell, and is called by it."""
    identifier = pl.concat_str(
        "resource",
        "row_id",
        col("field").str.replace_all("_", "-", literal=True),
        pl.coalesce("quote_id", "reference_id", pl.lit("")),
        separator=".",
    )
    return [
        check(
            "GD334",
            "row_id",
            ~col("__known"),
            expected=f"a key of {resource.name} ({resource.key})",
            applies=~col("__known"),
            relies=[cell(resource.name, "row_id", "")],
        ),
        check(
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
            relies=[TARGET, cell("evidence", "evidence_id", "row_id")],
        ),
        check(
            "GD335",
            "evidence_id",
            col("evidence_id") != identifier,
            expected=identifier,
            # Where it points to nothing, that is what is wrong.
            applies=col("__filled") & (~_HAS_QUOTE | col("__quoted")),
        ),
    ]


def _stating(contract: Contract, resource: Resource, tables: Tables, unstated: Unstated) -> Check:
    """Whether the quote of evidence of basis stated has the words of the cell."""
    # Without the names nothing can be said of them.
    unnamed = [
        fk.field
        for fk in resource.foreign_keys
        if fk.resource in ("actors", "topics")
        and not ("names" in tables and (resource.name != "names" or fk.resource in tables))
    ]
    of_sources = col("field").is_in(
        [fk.field for fk in resource.foreign_keys if fk.resource == "sources"]
    )
    return check(
        "GD341",
        "quote_id",
        col(LINE).is_in(unstated.without.implode()),
        found=pl.format("“{}” for {}", "__exact", "__value"),
        expected=pl.format("words that state {}", "__value"),
        applies=(col("basis") == "stated")
        & ~col("field").is_in(unnamed)
        & col("__filled")
        & col("__quoted"),
        relies=[
            TARGET,
            cell("quotes", "quote_id", "exact"),
            col("__names"),
            *(pl.when(of_sources).then(cell("sources", "__value", form)) for form in FORMS),
            *(
                pl.when(col("field") == fk.field).then(cell(fk.resource, "__value", at))
                for fk in resource.foreign_keys
                for at in ("", contract[fk.resource].label or "")
            ),
        ],
    )


def _based(resource: Resource, bits: dict[str, int]) -> list[Check]:
    """Whether a row of evidence has what its basis asks for, and the field allows the basis."""
    both_or_none = _HAS_QUOTE == _HAS_REFERENCE
    has_note = col("note").str.contains(WORD).fill_null(False)
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
        check(
            "GD342",
            "note",
            ~has_note,
            expected="the rule that was applied",
            applies=col("basis") == "inferred",
        ),
        # The one cell that is wrong; where both of them are, it is rather the basis.
        check(
            "GD343",
            "basis",
            _BY_REFERENCE == _HAS_QUOTE,
            expected=pl.when(_BY_REFERENCE)
            .then(pl.lit("another basis, as quote_id is filled"))
            .otherwise(pl.lit("reference, as reference_id is filled")),
            applies=_HAS_QUOTE != _HAS_REFERENCE,
        ),
        check(
            "GD343",
            "quote_id",
            both_or_none & (_BY_REFERENCE == _HAS_QUOTE),
            expected=pl.when(_BY_REFERENCE)
            .then(pl.lit("nothing, as a reference is not quoted"))
            .otherwise(pl.lit("a quote")),
            applies=both_or_none,
        ),
        check(
            "GD343",
            "reference_id",
            both_or_none & (_BY_REFERENCE != _HAS_QUOTE),
            expected=pl.when(_BY_REFERENCE)
            .then(pl.lit("a source of kind reference"))
            .otherwise(pl.concat_str(pl.lit("nothing, as the basis is "), "basis")),
            applies=both_or_none,
        ),
        check(
            "GD343",
            "note",
            ~has_note,
            expected="what was looked up",
            applies=_BY_REFERENCE & ~_HAS_QUOTE,
        ),
        check(
            "GD346",
            "basis",
            ~col("field").is_in(terms),
            found=pl.concat_str("basis", pl.lit(" for "), "field"),
            expected="stated or inferred",
            applies=(col("basis") == "classified") & col("field").is_in(list(bits)),
        ),
    ]


def _referring(resource: Resource) -> list[Check]:
    """Whether a reference is one, and a reference's own row is backed by itself alone."""
    itself = resource.name == "sources"
    another = col("__reference") & (col("reference_id") != col("row_id")).fill_null(True)
    checks = [
        check(
            "GD344",
            "reference_id",
            (col("__reference_kind") != "reference") | another,
            expected=pl.when("__reference")
            .then(pl.lit("the row itself"))
            .otherwise(pl.lit("a source of kind reference")),
            applies=_BY_REFERENCE & _HAS_REFERENCE,
            relies=[cell("sources", "reference_id", at) for at in ("kind", "cited_by")],
        )
    ]
    if itself:
        checks.append(
            check(
                "GD344",
                "basis",
                ~_BY_REFERENCE,
                expected="reference, with the row's own key",
                applies=col("__reference") & col("__filled"),
                relies=[cell("sources", "row_id", "kind")],
            )
        )
    return checks


def _sure(contract: Contract) -> pl.Expr:
    """Whether a row is certain without a hedge; other words in hedge limit something else."""
    hedged = _cued(col("hedge"), _any_of(contract.hedge_cues)).fill_null(False)
    return (col("certainty") == "certain") & ~hedged


def _own_word(contract: Contract, resource: Resource) -> pl.Expr:
    """Whether a row is the article's own word, and not that somebody said something."""
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


def _committing(resource: Resource) -> Check:
    """Whether a quote has a cue that its row drops: of a hedge, or of somebody else's word."""
    keeping = ("certainty", "hedge", "attributed_to", "status")
    of_topic = "certainty" not in resource.field_names
    sure = col("__sure") & (col("field") == "status") if of_topic else col("__sure")
    unhedged = sure & col("__hedges")
    return check(
        "GD351",
        "quote_id",
        unhedged | (col("__own_word") & col("__says")),
        found=col("__exact"),
        expected=pl.when(unhedged)
        .then(
            pl.lit(
                "another status" if of_topic else "the cue in the row's hedge, or a lower certainty"
            )
        )
        .otherwise(pl.lit("attributed_to of the row, as somebody says it")),
        # Where it points to nothing, that is what is wrong.
        applies=(sure | col("__own_word")) & col("__filled"),
        relies=[
            cell("quotes", "quote_id", "exact"),
            *(cell(resource.name, "row_id", at) for at in keeping if at in resource.field_names),
        ],
    )


def _names(contract: Contract, tables: Tables) -> pl.LazyFrame:
    """What says how a source calls each actor and topic: the names of these cells, in one text."""
    nothing = dict.fromkeys(("__value", "__source", "__names"), pl.String)
    if "names" not in tables:
        return pl.LazyFrame(schema=nothing)
    rows = tables.strings("evidence").filter(col("resource") == "names")
    # A name that was moved to another source is still looked for where its quotes are.
    moved = _elsewhere(contract["names"], "source_id", tables, rows)
    names = (
        tables.strings("names")
        .join(moved.lazy(), left_on="name_id", right_on="row_id", how="left")
        .with_columns(
            __source=pl.coalesce(col("sources").str.split(", "), pl.concat_list("source_id"))
        )
        .explode("__source")
    )
    called = [cell("names", "name_id", at) for at in ("text", "source_id")]
    every = [
        names.select(
            "__source",
            __value=at,
            __names=pl.concat_str(
                *called,
                pl.format(f"evidence/names.{{}}.{at.replace('_', '-')}.*", "name_id"),
                separator="\n",
            ),
        )
        for at in ("actor_id", "topic_id")
    ]
    return (
        pl.concat(every)
        .drop_nulls()
        .group_by("__value", "__source")
        .agg(col("__names").sort().str.join("\n"))
    )
