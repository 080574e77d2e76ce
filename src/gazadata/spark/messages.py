"""What Spark moves between its workers: frames of rows, each addressed to a place by number."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import polars as pl
import pyarrow as pa

SCHEMA = "kind string, to int, name string, content binary"
"""The columns of a frame of messages, as Spark declares them."""

_ARROW = pa.schema(
    [("kind", pa.string()), ("to", pa.int32()), ("name", pa.string()), ("content", pa.binary())]
)
_BATCH_BYTES = 1 << 24


class Message(NamedTuple):
    """A frame of rows of one table, sent to a place.

    Its kind says why. Sent to a piece:

    - row: rows to validate there, or lent to it (`cut.OWN`).

    Sent to the place of a key or a hash, where `route` brings rows together:

    - link: rows that go to the piece of the row they point to; key: the pieces of those rows.
    - ask: keys that a piece refers to; target: the rows with these keys, if they are cut.
    - hash: hashes of what must be unique; twice: those that occur twice; repeated: their rows.

    Sent to the driver:

    - beside: rows of shared tables; odd: rows whose keys are malformed, which are lent to all
      pieces; retired: rows with an identifier of data/retired.csv.
    - stretch: what reading a block of a file found; unnamed: texts that no source names.

    What validating a piece found comes back as finding and outcome.
    """

    kind: str
    to: int
    name: str
    content: bytes


def encoded(frame: pl.DataFrame) -> bytes:
    """A frame as the content of a message."""
    content = io.BytesIO()
    frame.write_ipc(content, compression="lz4")
    return content.getvalue()


def decoded(content: bytes) -> pl.DataFrame:
    """The frame that is the content of a message."""
    return pl.read_ipc(io.BytesIO(content))


def message(kind: str, to: int, name: str, frame: pl.DataFrame) -> Message:
    """A message with a frame."""
    return Message(kind, to, name, encoded(frame))


def spread(kind: str, name: str, frame: pl.DataFrame, to: pl.Expr | pl.Series) -> Iterator[Message]:
    """A message for each place that rows of a frame go to."""
    if frame.height:
        parts = frame.with_columns(__to=to).partition_by("__to", as_dict=True, include_key=False)
        for (place,), part in parts.items():
            yield message(kind, place, name, part)


def batches(messages: Iterable[Message]) -> Iterator[pa.RecordBatch]:
    """Messages as record batches."""
    held: list[Message] = []
    size = 0
    for one in messages:
        held.append(one)
        size += len(one.content)
        if size > _BATCH_BYTES:
            yield record_batch(held, _ARROW)
            held, size = [], 0
    if held:
        yield record_batch(held, _ARROW)


def record_batch(rows: Sequence[tuple[Any, ...]], schema: pa.Schema) -> pa.RecordBatch:
    """Rows as a record batch."""
    columns = zip(zip(*rows, strict=True), schema, strict=True)
    arrays = [pa.array(column, field.type) for column, field in columns]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


class Received:
    """The frames that came to one place, by kind and table."""

    def __init__(self, received: Iterable[pa.RecordBatch]) -> None:
        self._content: defaultdict[tuple[str, str], list[pl.DataFrame]] = defaultdict(list)
        for batch in received:
            columns = (batch[name].to_pylist() for name in ("kind", "name", "content"))
            for kind, name, content in zip(*columns, strict=True):
                self._content[kind, name].append(decoded(content))

    def names(self, kind: str) -> list[str]:
        """The tables with frames of a kind."""
        return sorted(name for of, name in self._content if of == kind)

    def take(self, kind: str, name: str) -> pl.DataFrame | None:
        """All rows of one kind of a table, which are then forgotten."""
        frames = self._content.pop((kind, name), None)
        return pl.concat(frames) if frames else None
