"""Check single cells (edges, spaces and characters) and foreign keys."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

import polars as pl
from polars import col

from gazadata.contract import Contract, Field, ForeignKey, Resource
from gazadata.text import FORMULA, HAS_HIDDEN
from gazadata.validate.characters import MIXED, OF_THE_TEXT, named, odd, worded
from gazadata.validate.checks import Check, CheckSet
from gazadata.validate.fields import URI
from gazadata.validate.rules import rule
from gazadata.validate.tables import Tables

UNEDGED = {"quotes": ("prefix", "suffix")}
"""Fields that are cut out of the text at any place, so they may begin or end with white space."""

SPACES = r"\s{2,}|[^\S ]"
"""Spaces that look like one ordinary space, but differ in joins and filters."""


NOTHING = (
    r"^\s*(nan|-nan|NaN|NAN|NaT|None|NONE|null|NULL|Null|nil|undefined|NA|N/A|n/a|<NA>|<null>|\\N|"
    r"#(N/A|NA|NAME\?|REF!|VALUE!|DIV/0!|NUM!|NULL!|SPILL!|CALC!|FIELD!|GETTING_DATA|ERROR!)"
    r"|Err:\d+)\s*$"
)
"""What pandas, spreadsheets and databases write for an empty cell or for an error."""


def check_sets(contract: Contract, tables: Tables) -> Iterator[CheckSet]:
    """Check the edges, spaces and characters of cells."""
    for name, resource in contract.resources.items():
        if name not in tables:
            continue
        checks: list[Check] = []
        for field in resource.fields:
            of_text = name == "quotes" and field.name in OF_THE_TEXT
            if tables.paths[name].suffix == ".parquet" and not of_text:
                checks += characters(field, resource)
            checks += _of_field(field, resource)
        yield CheckSet(resource, partial(tables.strings, name), tuple(checks))


rule(
    "GD109",
    title="cell begins or ends with white space",
    reason="It is invisible, and makes equal values different.",
    example="`support ` in `stance`",
    remedy="Remove the white space.",
    unit="cells",
)
rule(
    "GD110",
    title="cell begins like a spreadsheet formula",
    reason="A spreadsheet would run it.",
    example="=HYPERLINK(…) in a note",
    remedy=(
        "Start the cell with a character other than =, +, - or @. In a quote, start after the sign "
        "or one word earlier; if the suffix begins with a sign, end the quote one word later. "
        "`gazadata fmt` shortens a prefix."
    ),
    unit="cells",
)
rule(
    "GD111",
    title="words are separated by something other than one ordinary space",
    reason="Other spaces look the same, but joins and filters miss the row.",
    example="a no-break space in a label",
    remedy="Replace it with one ordinary space.",
    unit="cells",
)
rule(
    "GD113",
    title="text is a program's marker for a missing value or an error",
    reason="Loaders read it as text, so a missing value looks like a real one.",
    example="`nan`, `None`, `<NA>` or `#NAME?` in a note",
    remedy="Write the words that were meant, or empty the cell.",
    unit="cells",
)
rule(
    "GD210",
    title="value does not have the field's format",
    reason="Users follow these links.",
    example="`github` in `url`",
    remedy="Write a full URL, such as https://example.org/page.",
    unit="cells",
)


def _of_field(field: Field, resource: Resource) -> Iterator[Check]:
    value, filled = col(field.name), col(field.name).is_not_null()
    if field.type == "string" and field.name not in UNEDGED.get(resource.name, ()):
        yield Check(
            "GD109",
            field.name,
            value.str.strip_chars() != value,
            found=_between_marks(value),
            expected=value.str.strip_chars(),
            applies=filled,
        )
        yield Check(
            "GD110",
            field.name,
            value.str.contains(FORMULA),
            expected="another first character",
            applies=filled,
        )
        if field.name in worded(resource):
            yield Check(
                "GD111",
                field.name,
                value.str.contains(SPACES),
                found=_between_marks(value),
                expected=value.str.replace_all(SPACES, " "),
                applies=filled,
            )
            yield Check(
                "GD113",
                field.name,
                value.str.contains(NOTHING),
                expected="words, or an empty cell",
                applies=filled,
            )
    if field.format == "uri":
        yield Check(
            "GD210",
            field.name,
            ~value.str.contains(URI),
            expected="a full URL that begins with https:// or http://",
            applies=filled,
        )


rule(
    "GD207",
    title="foreign key matches no row",
    reason="A join would drop the row.",
    example="`asim-munr` in `holder_id`",
    remedy="Correct the key, or add the row it should refer to.",
    unit="cells",
)


def keys(contract: Contract, tables: Tables) -> Iterator[CheckSet]:
    """Check that foreign keys match a row."""
    for name, resource in contract.resources.items():
        for fk in resource.foreign_keys if name in tables else ():
            if fk.resource in tables:
                yield CheckSet(
                    resource,
                    partial(_pointing, tables, name, fk),
                    (
                        Check(
                            "GD207",
                            fk.field,
                            col("__there").is_null(),
                            expected=f"a key of {fk.resource} ({fk.target})",
                            applies=col(fk.field).is_not_null(),
                            refers_to=(fk.resource, fk.target),
                        ),
                    ),
                )


def _pointing(tables: Tables, name: str, fk: ForeignKey) -> pl.LazyFrame:
    there = tables.cells(fk.resource, **{fk.field: fk.target}).select(
        fk.field, __there=pl.lit(True)
    )
    return tables.strings(name).join(there.unique(), on=fk.field, how="left")


def _between_marks(value: pl.Expr) -> pl.Expr:
    """A cell between marks that show where it begins and ends, and do not occur in it."""
    own = value.str.contains('[“”"]')
    # Not a choice between two formats: Polars 2.1 panics at them if a batch has no rows.
    first, last = (pl.when(own).then(pl.lit(a)).otherwise(pl.lit(b)) for a, b in ("[“", "]”"))
    return pl.concat_str(first, value, last)


def characters(field: Field, resource: Resource) -> Iterator[Check]:
    """The character checks that the files layer runs on lines, for the cells of a field."""
    if field.type != "string":
        return
    cell, of_words = col(field.name), field.name in worded(resource)
    for code, bad in (
        ("GD103", cell.str.normalize("NFC") != cell),
        ("GD104", cell.str.contains(f"{HAS_HIDDEN}|[\n\r]")),
        ("GD112", cell.str.contains(MIXED.pattern) & of_words),
    ):
        found, expected = (
            cell.map_elements(partial(_said, code, part), return_dtype=pl.String) for part in (0, 1)
        )
        # The bytes are counted with the file.
        yield Check(
            code, field.name, bad,
            found=found, expected=expected, applies=cell.is_not_null(), counted=False,
        )  # fmt: skip


def _said(code: str, part: int, cell: str) -> str:
    """Part 0 or 1, found or expected, of the message on a cell's first character at fault."""
    for one in odd(cell, 1):
        if one.code == code:
            return one.found if part == 0 else one.expected
    # Only Parquet has these: in a CSV file they end a line.
    end = re.search("[\n\r]", cell)
    return (named(end.group()) if end else cell, "only visible characters")[part]
