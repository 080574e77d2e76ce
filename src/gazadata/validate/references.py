"""Codes and identifiers against the tables in reference/ that they were looked up in.

The note of such evidence begins `Row NAME of reference/FILE.csv`. A row's name is its first cell.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
from polars import col

from gazadata.contract import Contract, Resource, inside
from gazadata.errors import ContractError
from gazadata.validate.checks import Look, cell, check
from gazadata.validate.tables import LINE, Tables

NOTE = r"^Row (.+?) of reference/([A-Za-z0-9_-][A-Za-z0-9._-]*\.csv)\b"


def coded(resource: Resource) -> list[str]:
    """The fields of a table that hold codes and identifiers."""
    return [field.name for field in resource.fields if field.raw.get("gazadata:reference")]


def looks(root: Path, contract: Contract, tables: Tables) -> Iterator[Look]:
    """Hold codes against the rows that the notes of their evidence name.

    Notes that name no file of reference/ are passed over.
    """
    resources = [r for r in contract.resources.values() if r.name in tables and coded(r)]
    looked_up = pl.concat(_looked_up(resource, tables) for resource in resources)
    known, unread = _known(root, looked_up)
    columns = known.select("__file", "field", __has_column=pl.lit(True)).unique()
    rows = known.group_by("__file", "__named", "field").agg(__known="__known")
    held = (
        looked_up.join(columns, on=["__file", "field"], how="left")
        .join(rows, on=["__file", "__named", "field"], how="left")
        .with_columns(_lost(unread), __wanted=col("__known").list.drop_nulls().list.join(" or "))
        .with_columns(__right=col("__known").list.contains(col("__value")))
        .drop("__known")
        # What is not there is one mistake, however many notes name it.
        .with_columns(
            __first=col(LINE) == col(LINE).min().over("__lost"), __notes=pl.len().over("__lost")
        )
    )
    yield Look(
        contract["evidence"],
        held.lazy(),
        (
            check(
                "GD348",
                "note",
                col("__lost").is_not_null() & col("__first"),
                found=pl.when(col("__notes") > 1)
                .then(pl.format("{} (as in {} other notes)", "note", col("__notes") - 1))
                .otherwise("note"),
                expected=col("__lost"),
            ),
        ),
        about=pl.concat_str("resource", "row_id", "field", separator="/"),
    )
    for resource in resources:
        pointed = held.filter(
            col("resource") == resource.name, col("__lost").is_null()
        ).select(
            "__value", "__right", "__wanted", "__named", "__file",
            __row="row_id", __field="field", __note=cell("evidence", "evidence_id", "note"),
        )  # fmt: skip
        yield Look(
            resource,
            tables.strings(resource.name)
            .select(LINE, resource.key)
            .join(pointed.lazy(), left_on=resource.key, right_on="__row"),
            tuple(
                check(
                    "GD348",
                    name,
                    ~col("__right"),
                    found=col("__value"),
                    expected=pl.format(
                        "{}, as row {} of reference/{} has it",
                        pl.when(col("__wanted") == "")
                        .then(pl.lit("nothing"))
                        .otherwise("__wanted"),
                        "__named",
                        "__file",
                    ),
                    applies=col("__field") == name,
                    relies=[col("__note")],
                    counted=False,  # The evidence is.
                )
                for name in coded(resource)
            ),
        )


def _looked_up(resource: Resource, tables: Tables) -> pl.DataFrame:
    """The evidence for a table that names a file of reference/, with the code it is for."""
    cells = (
        tables.strings(resource.name)
        .select(pl.col(resource.key).alias("row_id"), *coded(resource))
        .unpivot(index="row_id", variable_name="field", value_name="__value")
        .drop_nulls()
    )
    return (
        tables.strings("evidence")
        .filter(
            (col("resource") == resource.name)
            & (col("basis") == "reference")
            & col("note").str.contains("reference/", literal=True)
        )
        .join(cells, on=["row_id", "field"])
        .select(
            LINE, "evidence_id", "resource", "row_id", "field", "note", "__value",
            __named=col("note").str.extract(NOTE, 1),
            __file=col("note").str.extract(NOTE, 2),
        )
        .collect(engine=tables.engine)
    )  # fmt: skip


def _known(root: Path, looked_up: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, str]]:
    """What each row of the files that are named says of each field, and why some are not read.

    A column is for the field of its name, and for those that end with it, as location_iso3 does
    with iso3.
    """
    parts = [
        pl.DataFrame(schema=dict.fromkeys(("__file", "__named", "field", "__known"), pl.String))
    ]
    unread: dict[str, str] = {}
    fields = looked_up["field"].unique()
    for file in looked_up["__file"].drop_nulls().unique():
        try:
            path = inside(root, f"reference/{file}")
            if not path.is_file():
                unread[file] = "there is none"
                continue
            frame = pl.read_csv(path, infer_schema=False, null_values=[""])
        except (pl.exceptions.PolarsError, OSError, ContractError) as error:
            unread[file] = str(error).splitlines()[0][:200]
            continue
        for name in fields:
            ends = [c for c in frame.columns if name == c or name.endswith(f"_{c}")]
            if ends:
                parts.append(
                    frame.select(
                        __file=pl.lit(file),
                        __named=frame.columns[0],
                        field=pl.lit(name),
                        __known=max(ends, key=len),
                    )
                )
    return pl.concat(parts), unread


def _lost(unread: dict[str, str]) -> pl.Expr:
    """What a note should name and does not; null where it names a row that is there."""
    why = col("__file").replace_strict(unread, default=None, return_dtype=pl.String)
    return (
        pl.when(col("__file").is_null())
        .then(pl.lit("Row NAME of reference/FILE.csv, at the beginning of the note"))
        .when(why.is_not_null())
        .then(pl.format("reference/{}, a table that can be read: {}", "__file", why))
        .when(col("__has_column").is_null())
        .then(pl.format("a file of reference/ with a column for {}", "field"))
        .when(col("__known").is_null())
        .then(pl.format("a row of reference/{} whose first cell is {}", "__file", "__named"))
        .alias("__lost")
    )
