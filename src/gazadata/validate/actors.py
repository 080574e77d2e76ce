"""Check that the quotes of a row do not only name actors other than its own."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import polars as pl
from polars import col

from gazadata.contract import Contract, Resource
from gazadata.validate.checks import Check, CheckSet, Unrun
from gazadata.validate.evidence import TARGET
from gazadata.validate.rules import rule
from gazadata.validate.stated import WORD, folded, has_words, proof
from gazadata.validate.tables import LINE, Tables

READ = ("sources", "actors", "names", "passages", "quotes", "evidence")
"""The tables without which the rule cannot run."""

ABOUT = {"positions": "", "relations": "", "assessments": "", "participants": "event_id"}
"""Tables whose rows are about actors, with the foreign key to the row that names their source;
empty if they name it themselves."""

_UNKNOWN = "?"
"""The root of an actor whose link to it has a finding; no key has this form."""

_DOUBLINGS = 6
"""How many times the followed links are doubled: enough for chains of 64."""


rule(
    "GD352",
    title="quote names actors other than those of the row",
    reason="A quote from another sentence can say the same about somebody else.",
    example=(
        "a stance of `azerbaijan` on “Pakistan rejected the plan”, with no Azerbaijan in the "
        "passage"
    ),
    remedy=(
        "Quote the words about the row's own actor, or correct the actor. If the words only say "
        "“he” or “the country”, quote them for the actor too, as `inferred`, and explain in "
        "`note` who is meant."
    ),
    unit="evidence",
    severity="warning",
)


def check_sets(contract: Contract, tables: Tables, unrun: Unrun) -> Iterator[CheckSet]:
    """Check that a quote that names actors is from a passage that names one of the row's.

    Parts of one whole count as one, as a minister speaks for his state. A quote for a cell that
    refers to something other than an actor may be about that alone.
    """
    if not all(name in tables for name in READ):
        return
    asked = [
        contract[name]
        for name, link in ABOUT.items()
        if name in tables and (contract[name].target(link) or name) in tables
    ]
    with unrun.guard(["GD352"], "evidence"):
        astray = _astray(asked, tables)
        exact = tables.strings("quotes").select("quote_id", __exact="exact").drop_nulls()
        yield CheckSet(
            contract["evidence"],
            partial(tables.strings, "evidence"),
            (
                Check(
                    "GD352",
                    "quote_id",
                    col(LINE).is_in(astray.implode()),
                    found=col("__exact"),
                    expected="words from a passage that names an actor of the row",
                    applies=_claims(asked) & col("quote_id").is_not_null(),
                ),
            ),
            about=TARGET,
            shown=lambda frame: frame.join(exact, on="quote_id", how="left"),
        )


def _actors(resource: Resource) -> list[str]:
    """The fields of a table that refer to actors."""
    return [key.field for key in resource.foreign_keys if key.resource == "actors"]


def _for(asked: list[Resource], *targets: str | None) -> pl.Expr:
    """Whether evidence is for a field that refers to one of `targets` (None: to no table)."""
    return pl.any_horizontal(
        pl.lit(False),
        *(
            (col("resource") == one.name)
            & col("field").is_in([f.name for f in one.fields if one.target(f.name) in targets])
            for one in asked
        ),
    )


def _claims(asked: list[Resource]) -> pl.Expr:
    """Whether the words of evidence must by themselves be about the row's actors."""
    return col("basis").is_in(["stated", "classified"]) & _for(asked, None, "actors")


def _astray(asked: list[Resource], tables: Tables) -> pl.Series:
    """The lines of evidence whose quotes name actors other than those of the row."""
    roots = _roots(tables)
    rows = pl.concat(_rows(one, tables).join(roots, on="actor_id") for one in asked)
    names = tables.strings("names").join(roots, on="actor_id")
    quotes = tables.strings("quotes").select("quote_id", "source_id", "passage_id", "exact")
    # Every word of every quote is held at once: as numbers, that is a fraction of their texts.
    words = quotes.select("quote_id", _source(), word=_words(col("exact"))).explode("word")
    named = (
        words.join(
            names.select(
                "source_id", "text", "root", _source(), word=_words(col("text")).list.first()
            ),
            on=["__source", "word"],
        )
        .join(quotes.select("quote_id", "passage_id", "exact"), on="quote_id")
        .filter(has_words(col("exact"), col("text"), of_name=pl.lit(True)))
        .select("source_id", "passage_id", "quote_id", "root")
        .unique()
    )
    unsure = pl.concat([_unsure(tables), names.filter(col("root") == _UNKNOWN).select("source_id")])
    row, place = ["resource", "row_id"], ["resource", "row_id", "passage_id"]
    evidence = proof(tables).join(
        quotes.select("quote_id", "passage_id", "source_id"), on="quote_id"
    )
    about = rows.join(named, on=["source_id", "root"]).select(place)
    # The note on an inferred actor explains who is meant by words that do not name them.
    explained = evidence.filter((col("basis") == "inferred") & _for(asked, "actors")).select(place)
    lines = (
        evidence.filter(
            _claims(asked) & ~col("__wrong") & ~tables.masked("evidence", "evidence_id")
        )
        .join(named, on="quote_id", how="semi")
        .join(rows, on=[*row, "source_id"], how="semi")
        .join(rows.filter(col("root") == _UNKNOWN), on=row, how="anti")
        .join(about, on=place, how="anti")
        .join(explained, on=place, how="anti")
        .join(unsure, on="source_id", how="anti")
        .select(LINE)
    )
    return lines.collect().to_series()


def _unsure(tables: Tables) -> pl.LazyFrame:
    """The sources with a finding in a name or a quote, which may be what names an actor."""
    quotes = tables.strings("quotes").filter(
        tables.masked("quotes", "source_id", "passage_id", "exact")
    )
    passages = tables.strings("passages").join(quotes, on="passage_id", how="semi")
    names = tables.strings("names").filter(
        tables.masked("names", "source_id", "actor_id", "topic_id", "text")
    )
    return pl.concat(frame.select("source_id") for frame in (quotes, passages, names))


def _words(column: pl.Expr) -> pl.Expr:
    """The hashes of the words in a text."""
    words = folded(column).str.extract_all(WORD)
    return words.list.eval(pl.element().hash()).list.unique(maintain_order=True)


def _source() -> pl.Expr:
    return col("source_id").hash().alias("__source")


def _rows(resource: Resource, tables: Tables) -> pl.LazyFrame:
    """The actors of each row of a table, and the row's source."""
    link, fields = ABOUT[resource.name], _actors(resource)
    rows = tables.strings(resource.name)
    rows = rows.filter(~tables.masked(resource.name, link or "source_id", *fields))
    if link:
        key = next(key for key in resource.foreign_keys if key.field == link)
        sources = tables.strings(key.resource).select("source_id", **{link: key.target})
        rows = rows.join(sources, on=link)
    return rows.select(
        pl.lit(resource.name).alias("resource"),
        "source_id",
        row_id=resource.key,
        actor_id=pl.concat_list(fields),
    ).explode("actor_id")


def _roots(tables: Tables) -> pl.LazyFrame:
    """For each actor, the top of its chain of part_of."""
    linked = pl.when(tables.masked("actors", "part_of")).then(pl.lit(_UNKNOWN))
    roots = (
        tables.strings("actors")
        .select("actor_id", root=linked.otherwise(pl.coalesce("part_of", "actor_id")))
        # A repeated key, which is reported elsewhere, would multiply its rows at each doubling.
        .unique("actor_id", keep="first")
        .collect()
    )
    for _ in range(_DOUBLINGS):
        above = roots.select(root="actor_id", __above="root")
        further = roots.join(above, on="root", how="left", maintain_order="left").select(
            "actor_id", root=pl.coalesce("__above", "root")
        )
        if further.equals(roots):
            break
        roots = further
    return roots.lazy()
