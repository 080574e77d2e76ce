"""Cells by themselves: their edges, spaces and characters; and the keys that they point to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

import polars as pl
from polars import col

from gazadata.contract import Contract, Field
from gazadata.text import FORMULA, HAS_HIDDEN
from gazadata.validate.characters import MIXED, OF_THE_TEXT, named, odd, worded
from gazadata.validate.checks import Check, Look, cell, check
from gazadata.validate.fields import URI
from gazadata.validate.tables import Tables

UNEDGED = {"quotes": ("prefix", "suffix")}
"""Fields that are cut out of the text wherever they fall, so that an edge can be white space."""

SPACES = r"\s{2,}|[^\S ]"
"""Spaces that a reader cannot tell from one ordinary space, and joins and filters do."""


NOTHING = (
    r"^\s*(nan|-nan|NaN|NAN|NaT|None|NONE|null|NULL|Null|nil|undefined|NA|N/A|n/a|<NA>|<null>|\\N|"
    r"#(N/A|NA|NAME\?|REF!|VALUE!|DIV/0!|NUM!|NULL!|SPILL!|CALC!|FIELD!|GETTING_DATA|ERROR!)"
    r"|Err:\d+)\s*$"
)
"""What pandas, spreadsheets and databases write for an empty cell or for an error."""


def looks(contract: Contract, tables: Tables) -> Iterator[Look]:
    """Cells' edges, and foreign keys."""
    for name, resource in contract.resources.items():
        if name not in tables:
            continue
        edged = [
            f.name
            for f in resource.fields
            if f.type == "string" and f.name not in UNEDGED.get(name, ())
        ]
        words = worded(resource)
        checks = []
        for field in edged:
            value, filled = col(field), col(field).is_not_null()
            checks.append(
                check(
                    "GD109",
                    field,
                    value.str.strip_chars() != value,
                    found=_between_marks(value),
                    expected=value.str.strip_chars(),
                    applies=filled,
                )
            )
            if field in words:
                checks.append(
                    check(
                        "GD113",
                        field,
                        value.str.contains(NOTHING),
                        expected="words, or an empty cell",
                        applies=filled,
                    )
                )
                checks.append(
                    check(
                        "GD111",
                        field,
                        value.str.contains(SPACES),
                        found=_between_marks(value),
                        expected=value.str.replace_all(SPACES, " "),
                        applies=filled,
                    )
                )
            checks.append(
                check(
                    "GD110",
                    field,
                    value.str.contains(FORMULA),
                    expected="another first character",
                    applies=filled,
                )
            )
        for f in resource.fields:
            if f.format == "uri":
                checks.append(
                    check(
                        "GD210",
                        f.name,
                        ~col(f.name).str.contains(URI),
                        expected="a whole address, which begins with https:// or http://",
                        applies=col(f.name).is_not_null(),
                    )
                )
        if tables.paths[name].suffix == ".parquet":
            for f in resource.fields:
                of_text = name == "quotes" and f.name in OF_THE_TEXT
                relies = [_TEXT] if of_text and "source_id" in resource.field_names else []
                checks += _characters(f, relies, of_words=f.name in words)
        yield Look(resource, tables.strings(name), tuple(checks))
        for fk in resource.foreign_keys:
            if fk.resource in tables:
                keys = tables.strings(fk.resource).select(
                    pl.col(fk.target).alias(fk.field), __there=pl.lit(True)
                )
                yield Look(
                    resource,
                    tables.strings(name).join(keys.unique(), on=fk.field, how="left"),
                    (
                        check(
                            "GD207",
                            fk.field,
                            col("__there").is_null(),
                            expected=f"a key of {fk.resource} ({fk.target})",
                            applies=col(fk.field).is_not_null(),
                            relies=[cell(fk.resource, fk.field, "")],
                        ),
                    ),
                )


def _between_marks(value: pl.Expr) -> pl.Expr:
    """A cell between marks that show where it ends, and are others than its own."""
    own = value.str.contains('[“”"]')
    # Not two formats to choose from: Polars 2.1 panics at them where a batch is without rows.
    first, last = (pl.when(own).then(pl.lit(a)).otherwise(pl.lit(b)) for a, b in ("[“", "]”"))
    return pl.concat_str(first, value, last)


_TEXT = cell("sources", "source_id", "text_path")
"""The name of the cell with the text that a row of quotes is cut out of."""


def _characters(field: Field, relies: list[pl.Expr], *, of_words: bool) -> Iterator[Check]:
    """What the files layer asks of the characters of a CSV file, of the cells of a Parquet file."""
    cell = col(field.name)
    if field.type != "string":
        return
    for code, bad in (
        ("GD103", cell.str.normalize("NFC") != cell),
        ("GD104", cell.str.contains(f"{HAS_HIDDEN}|[\n\r]")),
        ("GD112", cell.str.contains(MIXED.pattern) & of_words),
    ):
        found, expected = (
            cell.map_elements(partial(_said, code, part), return_dtype=pl.String) for part in (0, 1)
        )
        # What is looked at is counted in `sweep`, with the file.
        yield check(
            code, field.name, bad,
            found=found, expected=expected, applies=cell.is_not_null(), relies=relies,
            counted=False,
        )  # fmt: skip


def _said(code: str, part: int, cell: str) -> str:
    """What is said of the first character in a cell that breaks a rule, and what is expected."""
    for one in odd(cell, 1):
        if one.code == code:
            return one.found if part == 0 else one.expected
    # In a file it would end a line.
    end = re.search("[\n\r]", cell)
    return (named(end.group()) if end else cell, "none but visible characters")[part]
