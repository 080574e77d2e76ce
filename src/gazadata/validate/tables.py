"""The tables as Polars frames, for the rules to query."""

from __future__ import annotations

import re
from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import polars as pl

from gazadata.contract import DATE, INTEGER, Field, Resource
from gazadata.validate.dated import keys_made_dates
from gazadata.validate.diagnostics import LONGEST, Diagnostic, Report

LINE = "__line"
"""The column that holds each row's line in its file (a Parquet file's rows count from 1)."""

MASKED = "__masked:"
"""The prefix of columns that state whether a cell has a finding, which makes later rules skip it.

Only tables with findings have these columns.
"""

BATCH = 500_000
"""Rows held at a time: the fastest number, as measured, that keeps 10 million rows under 1 GiB."""

ROW_GROUP = 100_000
"""Rows per row group of a table that is kept in a file."""

DERIVED_KEYS = ("evidence", "passages")
"""Tables whose keys derive from other keys; only in the others are hyphens ignored."""


@dataclass
class Tables:
    """The frames that the rules check: only those of tables in which every line is a row."""

    root: Path
    resources: dict[str, Resource]
    paths: dict[str, Path]
    folder: Path
    """For temporary files while the rules run."""
    listed: Set[str] = frozenset()
    """The tables that the package has or should have, whether they can be read or not."""
    rows: dict[str, int] = field(default_factory=dict)
    own: dict[str, pl.Series] = field(default_factory=dict)
    """The lines that the rules check, of tables whose other rows are only there for joins."""
    lines: dict[str, pl.Series] = field(default_factory=dict)
    """The lines to show in findings, of tables whose rows come from several places."""
    textless: set[str] = field(default_factory=set)
    """The recorded hashes of sources whose text could not be read."""
    references: dict[str, Report] = field(default_factory=dict)
    """What was found in each file of reference/."""
    masks: dict[str, dict[str, pl.Series]] = field(default_factory=dict)
    """The lines whose cell has a finding, by table and field: a series of one list."""
    _strings: dict[str, pl.LazyFrame] = field(default_factory=dict)
    _held: dict[str, pl.DataFrame] = field(default_factory=dict)
    _files: dict[str, list[Path]] = field(default_factory=dict)

    def add(self, name: str, rows: int) -> None:
        """Add a table, all of whose batches were put, with `rows` rows in all."""
        self._strings[name] = self.kept(name)
        self.rows[name] = rows

    def put(self, name: str, frame: pl.DataFrame) -> None:
        """Store the next batch of a table: in memory if it is the only one, else in a file.

        Every query reads a larger table again, streamed. From Parquet, 8 million rows of evidence
        take 0.4 s, or 0.1 s for one resource, as row groups without it are skipped; from CSV they
        take 1.9 s.
        """
        first = self._held.pop(name, None)
        files = self._files.get(name, [])
        if first is None and not files:
            self._held[name] = frame
            return
        for part in (frame,) if first is None else (first, frame):
            files.append(self.folder / f"{name}.{len(files)}.parquet")
            part.write_parquet(files[-1], compression="lz4", row_group_size=ROW_GROUP)
        self._files[name] = files

    def kept(self, name: str) -> pl.LazyFrame:
        """All batches that were put under a name, in order."""
        if name in self._held:
            return self._held[name].lazy()
        return pl.scan_parquet(self._files[name], glob=False)

    def shown(self, name: str) -> str:
        """The path of a table's file, as findings show it."""
        return self.paths[name].relative_to(self.root).as_posix()

    @property
    def engine(self) -> Literal["streaming", "in-memory"]:
        """How to collect: streaming takes twice the time for tables that are held in memory."""
        return "streaming" if self._files else "in-memory"

    def __contains__(self, name: str) -> bool:
        return name in self._strings

    def is_own(self, name: str) -> pl.Expr:
        """Whether the rules check a row of a table."""
        if name in self.own:
            return pl.col(LINE).is_in(self.own[name].implode())
        return pl.repeat(True, pl.len())

    def unread(self, name: str) -> bool:
        """Whether a table is listed but could not be read, so a missing row proves nothing."""
        return name in self.listed and name not in self

    def mask(self, name: str, field: str, lines: pl.Series) -> None:
        """Mask the cells of a field in these lines because they have a finding."""
        if name in self.resources and field in self.resources[name].field_names and len(lines):
            lines, fields = lines.cast(pl.UInt32), self.masks.setdefault(name, {})
            before = fields[field].explode() if field in fields else lines.clear()
            fields[field] = pl.concat([before, lines]).implode()

    def mask_found(self, report: Report) -> None:
        """Mask the cells that have findings in a report."""
        cells: dict[tuple[str, str], list[int]] = {}
        for d in report.diagnostics:
            # A row out of order is reported only if nothing else is wrong with its key.
            in_table = d.resource in self.paths and d.path == self.shown(d.resource)
            if in_table and d.resource and d.field and d.line and d.code != "GD108":
                cells.setdefault((d.resource, d.field), []).append(d.line)
        for (name, at), lines in cells.items():
            self.mask(name, at, pl.Series(lines, dtype=pl.UInt32))

    def masked(self, name: str, *fields: str) -> pl.Expr:
        """Whether one of these cells of a row has a finding."""
        masks = self.masks.get(name, {})
        lines = [masks[field] for field in fields if field in masks]
        return pl.any_horizontal(pl.lit(False), *(pl.col(LINE).is_in(one) for one in lines))

    def strings(self, name: str) -> pl.LazyFrame:
        """Every cell as written, null if empty; the column `LINE`; and masks."""
        masks = self.masks.get(name, ())
        return self._strings[name].with_columns(
            self.masked(name, field).alias(f"{MASKED}{field}") for field in masks
        )

    def batches(self, name: str) -> Iterator[pl.DataFrame]:
        """The rows of `strings` in order, as many at a time as memory should hold."""
        if name in self._held:
            yield self.strings(name).collect()
        else:
            yield from self.strings(name).collect_batches(chunk_size=BATCH, maintain_order=True)

    def typed(self, name: str) -> pl.LazyFrame:
        """As `strings`, with the contract's types; masked cells, except keys, are null."""
        resource = self.resources[name]
        masks = [field for field in self.masks.get(name, ()) if field != resource.key]
        values = [typed(field) for field in resource.fields if field.type != "string"]
        frame = self.strings(name).with_columns(values)
        return frame.with_columns(pl.when(~pl.col(f"{MASKED}{at}")).then(at) for at in masks)

    def masks_of(self, name: str, **columns: tuple[str, ...]) -> dict[str, pl.Expr]:
        """Masks for columns that are derived from cells of a row; only for those with a mask."""
        masks = self.masks.get(name, {})
        return {
            f"{MASKED}{new}": self.masked(name, *fields)
            for new, fields in columns.items()
            if not masks.keys().isdisjoint(fields)
        }

    def meant(self, name: str) -> pl.LazyFrame:
        """`strings`, but a row whose key has a finding appears under each key it may stand for.

        Other rows refer to it by the right key, and the mistake is reported at the key itself.
        """
        key = self.resources[name].key
        if key not in self.masks.get(name, {}):
            return self.strings(name)
        # Only the keys with a finding go through Python.
        odd = pl.when(f"{MASKED}{key}").then(key)
        every = odd.map_elements(_meant, return_dtype=pl.List(pl.String))
        keys = pl.coalesce(every, pl.concat_list(key)).alias(key)
        return self.strings(name).with_columns(keys).explode(key)

    def cells(self, name: str, **columns: str) -> pl.LazyFrame:
        """Columns of `meant` under new names, for a join, with masks for all but the key."""
        key = self.resources[name].key
        masks = {new: (old,) for new, old in columns.items() if old != key}
        return self.meant(name).select(**columns, **self.masks_of(name, **masks))


def _meant(key: str) -> list[str]:
    """The keys that a malformed one may stand for, including itself."""
    plain = _NOT_OF_KEYS.sub("", key.lower().replace("_", "-").translate(_LOOK_ALIKE)).strip("-")
    return sorted({key, plain, *keys_made_dates(key)})


_NOT_OF_KEYS = re.compile(r"[^a-z0-9.-]")
_LOOK_ALIKE = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0455\u0456\u0458\u03bf\u0131", "aeopcyxsijoi"
)
"""Letters of other alphabets that look like those of keys."""


def of_cell(
    code: str,
    shown: str,
    resource: Resource,
    row: dict[str, Any],
    field: str,
    found: str | None,
    expected: str,
    **more: Any,
) -> Diagnostic:
    """A finding about a cell of `row`, which has at least its key and its `LINE`."""
    return Diagnostic.of(
        code,
        shown,
        row[LINE],
        resource=resource.name,
        row_id=row[resource.key],
        field=field,
        found=found and found[:LONGEST],
        expected=expected,
        **more,
    )


def strings(path: Path, resource: Resource) -> pl.LazyFrame:
    """A file's cells as strings, null if empty, with the column `LINE`."""
    names = list(resource.field_names)
    if path.suffix == ".parquet":
        return (
            pl.scan_parquet(path.absolute(), glob=False)
            .select(pl.col(names).cast(pl.String))
            .with_row_index(LINE, offset=1)
        )
    return pl.scan_csv(
        path.absolute(),
        glob=False,
        schema=dict.fromkeys(names, pl.String),
        null_values=[""],
        row_index_name=LINE,
        row_index_offset=2,
    )


def unhyphened(name: str, key: str) -> str:
    """A key without hyphens, which two spellings of one key share."""
    return key if name in DERIVED_KEYS else key.replace("-", "")


def unhyphened_column(name: str, key: str) -> pl.Expr:
    """`unhyphened` as an expression, for the keys of the table `name`."""
    return (
        pl.col(key) if name in DERIVED_KEYS else pl.col(key).str.replace_all("-", "", literal=True)
    )


def typed(field: Field) -> pl.Expr:
    """A column of strings cast to the field's type; null if the text is not of that type.

    Polars' casts accept more than the standard does (`+1`, `2025-1-1`), so the form of the text is
    checked first.
    """
    column = pl.col(field.name)
    if field.type == "integer":
        value = pl.when(column.str.contains(INTEGER)).then(column).cast(pl.Int64, strict=False)
    elif field.type == "boolean":
        value = pl.when(column == "true").then(True).when(column == "false").then(False)
    elif field.type == "date":
        dated = pl.when(column.str.contains(DATE)).then(column)
        value = dated.str.to_date("%Y-%m-%d", strict=False)
    else:
        value = column
    return value.alias(field.name)
