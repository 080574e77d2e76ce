"""Find rows that repeat what must be unique, using sorted hashes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import polars as pl
from polars import col

from gazadata.contract import Resource
from gazadata.validate.diagnostics import Diagnostic, Report
from gazadata.validate.rules import rule
from gazadata.validate.tables import DERIVED_KEYS, LINE, Tables, of_cell


class Unique(NamedTuple):
    """Fields in which no two rows may have the same values."""

    code: str
    fields: tuple[str, ...]

    @property
    def filled(self) -> pl.Expr:
        """Whether a row has a value to compare."""
        return col(self.fields[0]).is_not_null() if len(self.fields) == 1 else pl.lit(True)

    @property
    def values(self) -> list[pl.Expr]:
        """The values to compare."""
        if self.code == "GD209":
            return [col(self.fields[0]).str.replace_all("-", "", literal=True)]
        return [col(field) for field in self.fields]

    def hash(self, seed: int = 0) -> pl.Expr:
        """A number that is equal for equal values, and hardly ever for others.

        A second number from another `seed` confirms that values are equal.
        """
        return (pl.struct(self.values) if len(self.values) > 1 else self.values[0]).hash(seed)


rule(
    "GD206",
    title="primary key occurs twice",
    reason="A key that two rows share identifies neither.",
    example="two rows with the key `asim-munir` in actors",
    remedy="Merge the rows, or give one of them another key.",
)
rule(
    "GD208",
    title="row repeats values that must be unique",
    reason="The same thing recorded twice is counted twice.",
    example="the same span quoted under two keys; a copy of a position under another key",
    remedy="Keep one of the rows, and refer to it.",
)
rule(
    "GD209",
    title="two keys differ only in hyphens",
    reason="They are almost certainly two names for one thing.",
    example="`asim-munir` and `asimmunir`",
    remedy="Keep one of the keys.",
)


def uniques(resource: Resource) -> list[Unique]:
    """The fields of a table in which no two rows may have the same values."""
    found = [
        Unique("GD206", (resource.key,)),
        *(Unique("GD208", fields) for fields in resource.unique_keys),
        *(
            Unique("GD208", (f.name,))
            for f in resource.fields
            if f.unique and f.name != resource.key
        ),
    ]
    if not resource.unique_keys and resource.proven_fields:
        found.append(Unique("GD208", _others(resource)))
    if resource.name not in DERIVED_KEYS:
        found.append(Unique("GD209", (resource.key,)))
    return found


def _others(resource: Resource) -> tuple[str, ...]:
    """The fields in which the rows of a coded table must differ if its schema names none."""
    return tuple(name for name in resource.field_names if name != resource.key)


class Repeats:
    """Finds the rows of a table that repeat another one; rows are added batch by batch."""

    def __init__(self, resource: Resource) -> None:
        self._resource, self._rows = resource, 0
        self._others = _others(resource)
        self._hashes: dict[Unique, list[pl.Series]] = {one: [] for one in uniques(resource)}
        self._reported: set[tuple[int, int]] = set()
        """Lines of repeating rows, each with the first such line: one finding for each pair."""

    def add(self, frame: pl.DataFrame) -> None:
        """Add the next batch of rows."""
        self._rows += frame.height
        for unique, hashes in self._hashes.items():
            filled = pl.when(unique.filled).then(unique.hash())
            hashes.append(frame.select(filled).to_series().drop_nulls())

    def find(self, tables: Tables, report: Report, limit: int) -> None:
        """Report the rows that repeat an earlier one, and count the rows checked."""
        own = tables.own.get(self._resource.name)
        for code in dict.fromkeys(unique.code for unique in self._hashes):
            report.count(code, self._rows if own is None else len(own))
        self._find(tables, report, limit, of_values=False)

    def find_values(self, tables: Tables, report: Report, limit: int) -> None:
        """Report repeated values of single fields, except cells with another finding."""
        self._find(tables, report, limit, of_values=True)

    def _find(self, tables: Tables, report: Report, limit: int, *, of_values: bool) -> None:
        for unique, hashes in self._hashes.items():
            is_value = unique.code == "GD208" and len(unique.fields) == 1
            if is_value != of_values:
                continue
            ordered = pl.concat(hashes).sort()
            twice = ordered.filter(ordered == ordered.shift(1)).unique()
            if len(twice):
                rows = self._unreported(unique, self._rows_of(unique, twice, tables), tables)
                rows = rows.filter(tables.is_own(self._resource.name))
                report.count(unique.code, 0, rows.height)
                report.keep(
                    self._findings(unique, self._shown(unique, rows.head(limit), tables), tables)
                )

    def _unreported(self, unique: Unique, rows: pl.DataFrame, tables: Tables) -> pl.DataFrame:
        """The rows that are not reported already; masks their keys.

        A pair is skipped if either row has a finding in what is compared.
        """
        name, key = self._resource.name, self._resource.key
        reads = unique.fields if unique.code == "GD208" else (key,)
        wrong = (
            tables.strings(name).filter(tables.masked(name, *reads)).select(LINE).collect()[LINE]
        )
        rows = rows.filter(~col(LINE).is_in(wrong.implode()))
        if unique.code == "GD208":
            rows = rows.filter(~col("__first").is_in(wrong.implode()))
        new = [pair not in self._reported for pair in rows.select(LINE, "__first").rows()]
        rows = rows.filter(pl.Series(new, dtype=pl.Boolean))
        self._reported.update(rows.select(LINE, "__first").rows())
        tables.mask(name, key, rows[LINE])
        return rows

    def _shown(self, unique: Unique, rows: pl.DataFrame, tables: Tables) -> pl.DataFrame:
        """Rows with the values to show."""
        values = (
            tables.kept(self._resource.name)
            .filter(col(LINE).is_in(rows[LINE].implode()))
            .select(LINE, __value=pl.struct(unique.values))
            .collect()
        )
        return rows.join(values, on=LINE, maintain_order="left")

    def _rows_of(self, unique: Unique, twice: pl.Series, tables: Tables) -> pl.DataFrame:
        """The rows that repeat an earlier one, by line, from the hashes that occur `twice`."""
        resource = self._resource
        rows = (
            tables.kept(resource.name)
            .filter(unique.hash().is_in(twice.implode()))
            # Not the values: those of millions of rows would take as much memory as their file.
            .select(LINE, resource.key, __same=unique.hash(seed=1))
            .collect()
            .with_columns(
                __first=col(LINE).min().over("__same"),
                __other=col(resource.key).first().over("__same"),
            )
            .filter(col(LINE) != col("__first"))
        )
        if unique.code == "GD209":
            rows = rows.filter(col(resource.key) != col("__other"))
        return rows

    def _findings(self, unique: Unique, rows: pl.DataFrame, tables: Tables) -> Iterator[Diagnostic]:
        resource, (code, fields) = self._resource, unique
        path, lines = tables.shown(resource.name), tables.lines.get(resource.name)
        for row in rows.to_dicts():
            if lines is not None:
                row["__first"] = lines[row["__first"] - 1]
            if code == "GD209":
                what = row[resource.key]
                wanted = (
                    f"a key that differs from {row['__other']} (line {row['__first']}) in more "
                    "than hyphens"
                )
            elif len(fields) == 1:
                what, wanted = (
                    row["__value"][fields[0]],
                    f"a value other than the one on line {row['__first']}",
                )
            elif fields == self._others:
                what = row[resource.key]
                wanted = (
                    f"a row that differs from {row['__other']} (line {row['__first']}) in more "
                    "than its key"
                )
            else:
                what = ", ".join(f"{field} {row['__value'][field] or 'empty'}" for field in fields)
                wanted = f"values other than those on line {row['__first']}"
            yield of_cell(code, path, resource, row, fields[0], what, wanted)
