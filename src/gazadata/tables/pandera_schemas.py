"""The contract as pandera schemas: one for Polars frames, one for the pandas frames of `load`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gazadata.contract import Field, Resource
from gazadata.tables.frames import pandas_type

if TYPE_CHECKING:
    import pandera.pandas as pa_pandas
    import pandera.polars as pa_polars


def polars_schema(resource: Resource) -> pa_polars.DataFrameSchema:
    """The schema for a Polars frame with the types String, Int64, Boolean and Date.

    It does not check unique fields, as a frame that is one batch of many cannot.
    """
    import pandera.polars as pa
    import polars as pl

    types = {"string": pl.String, "integer": pl.Int64, "boolean": pl.Boolean, "date": pl.Date}
    columns = {f.name: pa.Column(types[f.type], **_column(f, pa.Check)) for f in resource.fields}
    return pa.DataFrameSchema(columns, **_table(resource))


def pandas_schema(resource: Resource) -> pa_pandas.DataFrameSchema:
    """The schema for a pandas frame as `gazadata.load` returns it."""
    import pandera.pandas as pa

    columns = {f.name: pa.Column(pandas_type(f), **_column(f, pa.Check)) for f in resource.fields}
    for field in resource.fields:
        if field.unique and field.required:
            columns[field.name].unique = True
        elif field.unique:
            # pandera's own `unique` counts two nulls as a repeated value.
            once = pa.Check(lambda cells: ~cells.duplicated(keep=False), name="unique")
            columns[field.name].checks.append(once)
    return pa.DataFrameSchema(columns, **_table(resource))


def _table(resource: Resource) -> dict[str, Any]:
    named = {"name": resource.name, "title": resource.title, "description": resource.description}
    return {**named, "strict": True, "ordered": True}


def _column(field: Field, check: Any) -> dict[str, Any]:
    return {
        "checks": _checks(field, check),
        "nullable": not field.required,
        "title": field.title,
        "description": field.description,
    }


def _checks(field: Field, check: Any) -> list[Any]:
    checks = []
    if field.enum:
        checks.append(check.isin(list(field.enum)))
    if field.pattern is not None:
        checks.append(check.str_matches(field.pattern))
    if field.minimum is not None:
        checks.append(check.ge(field.minimum))
    return checks
