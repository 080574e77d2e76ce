"""Arrow tables as the data frames that users work with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from gazadata.contract import Field, Resource
from gazadata.errors import MissingExtra, ReadError, UnknownName

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

As = Literal["pandas", "polars", "arrow"]


def convert(table: pa.Table, resource: Resource, as_: As) -> Any:
    """The table as a pandas or Polars frame with the contract's types, or as it is.

    Raises:
        UnknownName: `as_` is none of pandas, polars and arrow.
        MissingExtra: Polars is asked for and not installed.
    """
    if as_ == "pandas":
        return to_pandas(table, resource)
    if as_ == "polars":
        return to_polars(table, resource)
    if as_ == "arrow":
        return table
    raise UnknownName("kind of frame", str(as_), ["pandas", "polars", "arrow", "spark"])


def to_pandas(table: pa.Table, resource: Resource) -> pd.DataFrame:
    """A pandas frame: string, category (vocabularies), Int64, boolean, datetime64; null is NA.

    Raises:
        ReadError: a cell holds a term that is not in its field's vocabulary.
    """
    import pandas as pd
    import pyarrow as pa
    import pyarrow.compute as pc

    # Column by column: Table.to_pandas costs three times as much for a small table.
    types: dict[str, Any] = {
        "string": pd.StringDtype(),
        "integer": pd.Int64Dtype(),
        "boolean": pd.BooleanDtype(),
    }
    columns: dict[str, Any] = {}
    for field in resource.fields:
        column = table[field.name]
        if field.enum:
            codes = pc.index_in(column, pa.array(field.enum, pa.string()))
            if codes.null_count != column.null_count:
                raise _foreign_term(resource, field)
            places: Any = codes.fill_null(-1).to_numpy()
            terms = pd.Index(field.enum)
            columns[field.name] = pd.Categorical.from_codes(places, categories=terms)
        elif field.type == "date":
            columns[field.name] = column.cast(pa.timestamp("us")).to_numpy()
        else:
            columns[field.name] = types[field.type].__from_arrow__(column)
    return pd.DataFrame(columns, columns=list(resource.field_names), copy=False)


def to_polars(table: pa.Table, resource: Resource) -> pl.DataFrame:
    """A Polars frame: String, Enum (vocabularies), Int64, Boolean, Date.

    Raises:
        MissingExtra: Polars is not installed.
        ReadError: a cell holds a term that is not in its field's vocabulary.
    """
    try:
        import polars as pl
    except ImportError:
        raise MissingExtra("polars", "validate") from None
    frame = pl.DataFrame(table)
    for field in resource.fields:
        if field.enum:
            try:
                frame = frame.with_columns(pl.col(field.name).cast(pl.Enum(field.enum)))
            except pl.exceptions.InvalidOperationError:
                raise _foreign_term(resource, field) from None
    return frame


def _foreign_term(resource: Resource, field: Field) -> ReadError:
    return ReadError(
        f"{resource.name}.{field.name} holds a term that is not in its vocabulary "
        f"({', '.join(field.enum)}); `gazadata validate` names the row"
    )
