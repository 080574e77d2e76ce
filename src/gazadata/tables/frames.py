"""Arrow tables as the data frames that users work with."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from gazadata.contract import Field, Resource
from gazadata.errors import ReadError, UnknownName, extra

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    Frame: TypeAlias = pd.DataFrame | pl.DataFrame | pa.Table

As = Literal["pandas", "polars", "arrow"]


def convert(table: pa.Table, resource: Resource, as_: As, *, drop_unused: bool = False) -> Frame:
    """The table as a pandas or Polars frame with the contract's types, or as it is.

    Args:
        table: the table, with the contract's columns and types.
        resource: its part of the contract.
        as_: the kind of frame.
        drop_unused: drop terms that no row uses from the categories.

    Raises:
        UnknownName: `as_` is not pandas, polars or arrow.
        MissingExtra: Polars is asked for and not installed.
    """
    if as_ == "pandas":
        return to_pandas(table, resource, drop_unused=drop_unused)
    if as_ == "polars":
        return to_polars(table, resource, drop_unused=drop_unused)
    if as_ == "arrow":
        return table
    raise UnknownName("kind of frame", str(as_), ["pandas", "polars", "arrow", "spark"])


def to_pandas(table: pa.Table, resource: Resource, *, drop_unused: bool = False) -> pd.DataFrame:
    """A pandas frame: string, category (vocabularies), Int64, boolean, datetime64; null is NA.

    Its `attrs` hold the titles, descriptions and terms of the contract.

    Raises:
        ReadError: a cell holds a term that is not in its field's vocabulary.
    """
    import pandas as pd
    import pyarrow as pa
    import pyarrow.compute as pc

    # Column by column: Table.to_pandas costs three times as much for a small table.
    columns: dict[str, Any] = {}
    for field in resource.fields:
        column = table[field.name]
        if field.enum:
            codes = pc.index_in(column, pa.array(field.enum, pa.string()))
            if codes.null_count != column.null_count:
                raise _foreign_term(resource, field)
            places: Any = codes.fill_null(-1).to_numpy()
            terms = pd.Index(field.enum)
            cells = pd.Categorical.from_codes(places, categories=terms, ordered=field.ordered)
            columns[field.name] = cells.remove_unused_categories() if drop_unused else cells
        elif field.type == "date":
            columns[field.name] = column.cast(pa.timestamp("us")).to_numpy()
        else:
            columns[field.name] = pandas_type(field).__from_arrow__(column)
    frame = pd.DataFrame(columns, columns=list(resource.field_names), copy=False)
    frame.attrs = _attrs(resource)
    return frame


def pandas_type(field: Field) -> Any:
    """The type of a field's column in the frames of `to_pandas`."""
    import pandas as pd

    if field.enum:
        return pd.CategoricalDtype(list(field.enum), ordered=field.ordered)
    return {
        "string": pd.StringDtype(),
        "integer": pd.Int64Dtype(),
        "boolean": pd.BooleanDtype(),
        "date": "datetime64[us]",
    }[field.type]


def _attrs(resource: Resource) -> Mapping[Hashable | None, Any]:
    # JSON types only, since pandas writes the attrs to Parquet as JSON.
    return {
        "name": resource.name,
        "title": resource.title,
        "description": resource.description,
        "columns": {
            field.name: {
                "title": field.title,
                "description": field.description,
                "terms": field.terms,
            }
            for field in resource.fields
        },
    }


def cast(frame: pd.DataFrame, resource: Resource) -> pd.DataFrame:
    """A frame with the contract's columns, in their order and with the types of `to_pandas`.

    Raises:
        ReadError: it has other columns, or a cell has the wrong type or a term that is not in its
            field's vocabulary.
    """
    import pyarrow as pa

    from gazadata.tables.arrow import arrow_schema

    if set(frame.columns) != set(resource.field_names) or not frame.columns.is_unique:
        raise ReadError(
            f"the columns are {', '.join(map(str, frame.columns))}; "
            f"expected {', '.join(resource.field_names)}"
        )
    schema = arrow_schema(resource)
    columns = []
    for field in resource.fields:
        wanted = schema.field(field.name).type
        try:
            column = pa.array(frame[field.name], from_pandas=True)
            if pa.types.is_dictionary(column.type):
                column = column.dictionary_decode()
            if column.null_count == len(column):
                # Readers infer any type for a column without a value.
                column = pa.nulls(len(column), wanted)
            elif not _may_become(column.type, field):
                raise ReadError(f"expected {field.type}, found {column.type}")
            columns.append(column.cast(wanted))
        except (pa.ArrowException, ReadError) as error:
            raise ReadError(f"{resource.name}.{field.name}: {error}") from None
    return to_pandas(pa.table(columns, names=list(resource.field_names)), resource)


def _may_become(found: pa.DataType, field: Field) -> bool:
    """Whether a cast is safe: text that was read as numbers has lost its leading zeros."""
    import pyarrow.types as kinds

    return bool(
        kinds.is_string(found)
        or kinds.is_large_string(found)
        or (field.type == "integer" and (kinds.is_integer(found) or kinds.is_floating(found)))
        or (field.type == "boolean" and kinds.is_boolean(found))
        or (field.type == "date" and (kinds.is_date(found) or kinds.is_timestamp(found)))
    )


def to_polars(table: pa.Table, resource: Resource, *, drop_unused: bool = False) -> pl.DataFrame:
    """A Polars frame: String, Enum (vocabularies), Int64, Boolean, Date.

    Raises:
        MissingExtra: Polars is not installed.
        ReadError: a cell holds a term that is not in its field's vocabulary.
    """
    with extra("polars", "polars"):
        import polars as pl
    frame = pl.DataFrame(table)
    for field in resource.fields:
        if field.enum:
            used = set(frame[field.name].unique()) if drop_unused else field.enum
            terms = pl.Enum([term for term in field.enum if term in used])
            try:
                frame = frame.with_columns(pl.col(field.name).cast(terms))
            except pl.exceptions.InvalidOperationError:
                raise _foreign_term(resource, field) from None
    return frame


def _foreign_term(resource: Resource, field: Field) -> ReadError:
    return ReadError(
        f"{resource.name}.{field.name} holds a term that is not in its vocabulary "
        f"({', '.join(field.enum)}); `gazadata validate` names the row"
    )
