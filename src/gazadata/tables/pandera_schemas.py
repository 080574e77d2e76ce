"""The contract as pandera schemas: one for Polars frames, one for the pandas frames of `load`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from gazadata.contract import Field, Resource
from gazadata.tables.frames import pandas_type

if TYPE_CHECKING:
    import pandera.pandas as pa_pandas
    import pandera.polars as pa_polars


def polars_schema(resource: Resource, *, unique: bool = True) -> pa_polars.DataFrameSchema:
    """The schema for a Polars frame with the types String, Int64, Boolean and Date.

    Args:
        resource: the resource to compile.
        unique: whether to check unique fields; a frame that is one batch of many cannot.
    """
    import pandera.polars as pa
    import polars as pl

    types = {"string": pl.String, "integer": pl.Int64, "boolean": pl.Boolean, "date": pl.Date}

    def once(field: Field) -> list[Any]:
        if not unique:
            return []
        value = pl.col(field.name)
        is_unique = value.is_null() | ~value.is_duplicated()
        return _once(field, pa.Check, lambda data: data.lazyframe.select(is_unique))

    return pa.DataFrameSchema(
        {
            field.name: pa.Column(
                types[field.type],
                checks=[*_checks(field, pa.Check), *once(field)],
                nullable=not field.required,
                unique=field.unique and unique and field.required,
                title=field.title,
                description=field.description,
            )
            for field in resource.fields
        },
        name=resource.name,
        title=resource.title,
        description=resource.description,
        strict=True,
        ordered=True,
    )


def pandas_schema(resource: Resource) -> pa_pandas.DataFrameSchema:
    """The schema for a pandas frame as `gazadata.load` returns it."""
    import pandera.pandas as pa

    return pa.DataFrameSchema(
        {
            field.name: pa.Column(
                pandas_type(field),
                checks=[
                    *_checks(field, pa.Check),
                    *_once(field, pa.Check, lambda cells: ~cells.duplicated(keep=False)),
                ],
                nullable=not field.required,
                unique=field.unique and field.required,
                title=field.title,
                description=field.description,
            )
            for field in resource.fields
        },
        name=resource.name,
        title=resource.title,
        description=resource.description,
        strict=True,
        ordered=True,
    )


def _once(field: Field, check: Any, is_unique: Callable[[Any], Any]) -> list[Any]:
    # pandera's own `unique` counts two nulls as a repeated value.
    return [check(is_unique, name="unique")] if field.unique and not field.required else []


def _checks(field: Field, check: Any) -> list[Any]:
    checks = []
    if field.enum:
        checks.append(check.isin(list(field.enum)))
    if field.pattern is not None:
        checks.append(check.str_matches(field.pattern))
    if field.minimum is not None:
        checks.append(check.ge(field.minimum))
    return checks
