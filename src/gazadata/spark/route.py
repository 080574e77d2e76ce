"""Matching rows by a key: which row goes with which, and which to lend to other pieces."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
from polars import col

from gazadata.spark.cut import OWN, TEXTS, WHERE, Plan
from gazadata.spark.messages import Message, Received, message, spread
from gazadata.spark.mirror import path_of
from gazadata.validate.repeats import uniques


def follow(plan: Plan, received: Iterable[pa.RecordBatch]) -> Iterator[Message]:
    """Send rows to the piece of the row that they go with."""
    got = Received(received)
    keys = got.take("key", "")
    for name in got.names("link"):
        rows = got.take("link", name)
        assert rows is not None
        if keys is None:
            found = rows.with_columns(__piece=pl.lit(None, pl.Int32))
        else:
            found = rows.join(keys.unique(), on=["__target", "__link"], how="left")
        key = pl.coalesce("__link", plan.contract[name].key, pl.lit(""))
        found = found.with_columns(pl.coalesce("__piece", plan.piece(key)))
        found = found.drop("__target", "__link")
        # A repeated key may be in two pieces: each row is validated once.
        first = found.select((col("__piece") == col("__piece").min().over(WHERE)).alias(OWN))
        yield from plan.settled(name, found.filter(first[OWN]))
        others = found.filter(~first[OWN]).with_columns(pl.lit(False).alias(OWN))
        yield from spread("row", name, others.drop("__piece"), others["__piece"])


def answer(plan: Plan, received: Iterable[pa.RecordBatch]) -> Iterator[Message]:
    """Lend rows to the pieces that point to them, and tell their own pieces that they are used."""
    got = Received(received)
    for name in sorted({*got.names("ask"), *got.names("target")}):
        asks, rows = got.take("ask", name), got.take("target", name)
        if name == TEXTS:
            yield from _texts(asks, rows)
        elif asks is not None and rows is not None:
            key = plan.contract[name].key
            elsewhere = rows.join(
                asks.select("__key", "__by", __asker="__piece"), left_on=key, right_on="__key"
            ).filter(col("__asker") != col("__piece"))
            lent = elsewhere.drop("__piece", "__by").unique([*WHERE, "__asker"])
            lent = lent.with_columns(pl.lit(False).alias(OWN))
            yield from spread("row", name, lent.drop("__asker"), lent["__asker"])
            yield from _uses(plan, name, elsewhere)


def _uses(plan: Plan, name: str, elsewhere: pl.DataFrame) -> Iterator[Message]:
    """Stubs of rows that use a row of another piece, so that it counts as used in its own."""
    used = elsewhere.rename({plan.contract[name].key: "__key"}).select("__key", "__by", "__piece")
    if name == "quotes":
        uses = used.filter(col("__by") == "evidence")
        yield from _stubs(plan, "evidence", uses, quote_id=col("__key"))
    if name == "passages":
        uses = used.filter(col("__by") == "quotes")
        quote = pl.format("#{}", "__key")
        yield from _stubs(plan, "quotes", uses, quote_id=quote, passage_id=col("__key"))
        yield from _stubs(plan, "evidence", uses, quote_id=quote)


def _stubs(plan: Plan, name: str, uses: pl.DataFrame, **cells: pl.Expr) -> Iterator[Message]:
    uses = uses.unique(["__key", "__piece"])
    rows = uses.select(
        *(cells.get(n, pl.lit(None, pl.String)).alias(n) for n in plan.contract[name].field_names),
        *(pl.lit(None, pl.Int64).alias(n) for n in WHERE),
        pl.lit(False).alias(OWN),
    )
    yield from spread("row", name, rows, uses["__piece"])


def _texts(asks: pl.DataFrame | None, texts: pl.DataFrame | None) -> Iterator[Message]:
    """Send texts to the sources that name them, and texts that no source names to the report."""
    if texts is None:
        return
    if asks is None:
        asks = pl.DataFrame(schema={"__key": pl.String, "__piece": pl.Int32})
    asks = asks.select("__key", "__piece").unique()
    named = texts.join(asks, left_on="path", right_on="__key")
    yield from spread("row", TEXTS, named.drop("__piece"), named["__piece"])
    left = texts.join(asks, left_on="path", right_on="__key", how="anti")
    if left.height:
        digests = [hashlib.sha256(content).hexdigest() for content in left["content"]]
        left = left.select("path", sha256=pl.Series(digests))
        yield message("unnamed", 0, TEXTS, left)


def twice(plan: Plan, received: Iterable[pa.RecordBatch]) -> Iterator[Message]:
    """The hashes that more than one row has."""
    got = Received(received)
    for name in got.names("hash"):
        hashes = got.take("hash", name)
        assert hashes is not None
        found = hashes.filter(hashes.is_duplicated()).unique().head(plan.limit)
        if found.height:
            yield message("twice", 0, name, found)


def repeated(
    plan: Plan, hashes: dict[str, pl.DataFrame], received: Iterable[pa.RecordBatch]
) -> Iterator[Message]:
    """The rows whose hashes occur more than once, by table."""
    got = Received(received)
    for kind in ("row", "link"):
        for name in got.names(kind):
            rows = got.take(kind, name)
            assert rows is not None
            if kind == "row":
                rows = rows.filter(OWN)
            of_table = hashes[name]
            same = [
                unique.hash().is_in(of_table.filter(col("__unique") == n)["__hash"].implode())
                & unique.filled
                for n, unique in enumerate(uniques(plan.contract[name]))
            ]
            rows = rows.filter(pl.any_horizontal(same))
            if rows.height:
                rows = rows.select(*plan.contract[name].field_names, *WHERE)
                yield message("repeated", 0, name, rows)


def text_files(plan: Plan, root: str, received: Iterable[pa.RecordBatch]) -> Iterator[Message]:
    """Send texts to the places where they meet the rows of `sources` that name them."""
    for batch in received:
        paths = [path_of(path) for path in batch["path"].to_pylist()]
        texts = pl.DataFrame(
            {
                "path": [Path(path).relative_to(root).as_posix() for path in paths],
                "content": batch["content"].to_pylist(),
            },
            {"path": pl.String, "content": pl.Binary},
        )
        yield from spread("target", TEXTS, texts, plan.place(col("path")))


def text_rows(plan: Plan, received: Iterable[pa.RecordBatch]) -> Iterator[Message]:
    """Send rows of a table of texts to the pieces of their sources."""
    for batch in received:
        rows = pl.DataFrame(pa.Table.from_batches([batch])).drop_nulls()
        texts = rows.select("source_id", content=col("text").cast(pl.Binary))
        yield from spread("row", TEXTS, texts, plan.piece(col("source_id")))
