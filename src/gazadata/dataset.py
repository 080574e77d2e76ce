"""Loading tables and tracing their cells: the part of gazadata that data scientists use."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, overload

from gazadata.contract import Resource
from gazadata.errors import GazadataError, UnknownName, extra
from gazadata.package import Package
from gazadata.tables.labels import Labels, Row, as_text

if TYPE_CHECKING:
    import networkx as nx
    import pandas as pd
    import pandera.pandas as pa_pandas
    import polars as pl
    import pyarrow as pa
    from pyspark.sql import DataFrame as SparkFrame
    from pyspark.sql import SparkSession

    from gazadata.display.notebook import Plots
    from gazadata.tables.frames import As, Frame


class Dataset:
    """A data package, opened for use. Nothing is read until it is needed.

    `data["events"]` is `data.load("events")`; iteration, `in` and `len` use the names of the
    tables.

    Attributes:
        package: the package.
        origin: where it comes from, in words: a folder, a release, or gazadata itself.
    """

    def __init__(self, package: Package, origin: str | None = None) -> None:
        self.package = package
        self.origin = origin or f"folder {package.root}"
        self._cached: dict[str, list[Row]] = {}
        self._labels = Labels(package.contract, self._rows)
        self._state: tuple[object, ...] = ()

    def __repr__(self) -> str:
        name = f"{self.package.contract.name} {self.version}"
        return f"<Dataset {name} ({self.origin}): {', '.join(self.tables)}>"

    def _repr_html_(self) -> str:
        from gazadata.display.notebook import dataset_html

        return dataset_html(self)

    def __getitem__(self, name: str) -> pd.DataFrame:
        return self.load(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.tables)

    def __contains__(self, name: object) -> bool:
        return name in self.tables

    def __len__(self) -> int:
        return len(self.tables)

    def _ipython_key_completions_(self) -> list[str]:
        return self.tables

    def __reduce__(self) -> tuple[Any, ...]:
        # Copies and unpickled datasets read their own rows.
        return type(self), (self.package, self.origin)

    @property
    def plot(self) -> Plots:
        """Figures for notebooks: `timeline()`, `network()` and `positions()`."""
        from gazadata.display.notebook import Plots

        return Plots(self)

    @property
    def version(self) -> str:
        """The version of the data."""
        return self.package.contract.version

    @property
    def tables(self) -> list[str]:
        """The names of the tables, in the package's order."""
        return list(self.package.contract.resources)

    @overload
    def load(
        self, name: str, as_: Literal["pandas"] = ..., *, drop_unused: bool = ...
    ) -> pd.DataFrame: ...
    @overload
    def load(
        self, name: str, as_: Literal["polars"], *, drop_unused: bool = ...
    ) -> pl.DataFrame: ...
    @overload
    def load(self, name: str, as_: Literal["arrow"], *, drop_unused: bool = ...) -> pa.Table: ...
    @overload
    def load(self, name: str, as_: Literal["spark"], *, spark: SparkSession) -> SparkFrame: ...
    @overload
    def load(self, name: str, as_: As, *, drop_unused: bool = ...) -> Frame: ...
    def load(
        self,
        name: str,
        as_: As | Literal["spark"] = "pandas",
        *,
        drop_unused: bool = False,
        spark: SparkSession | None = None,
    ) -> Frame | SparkFrame:
        """Load one table; see `gazadata.load`.

        With `as_="spark"` it is a frame of the session `spark`, with string, bigint, boolean and
        date columns. As with the other forms, this process reads the table first.
        """
        from gazadata.tables.frames import convert

        table = self.package.table(name)
        if as_ == "spark":
            if spark is None:
                raise GazadataError('as_="spark" needs a session; pass it as spark=')
            return spark.createDataFrame(table)
        return convert(table, self.package.contract[name], as_, drop_unused=drop_unused)

    def cast(self, name: str, frame: pd.DataFrame) -> pd.DataFrame:
        """Cast a frame of your own to the types of a table that `load` returns.

        Args:
            name: the table whose rows it holds.
            frame: the table's columns, in any order and with any types that can hold the values,
                as `pd.read_csv` and `pd.read_parquet` return them.

        Returns:
            A new frame, which `schema(name)` can validate.

        Raises:
            UnknownName: the table does not exist.
            ReadError: the frame has other columns, or a cell does not fit its column's type or
                vocabulary.
        """
        from gazadata.tables.frames import cast

        return cast(frame, self.package.contract[name])

    def describe(self, name: str | None = None) -> pd.DataFrame:
        """Describe the tables, or the columns of one table.

        Args:
            name: a table; None for all of them.

        Returns:
            Without a name, one row per table: table, title, rows (their number), description. With
            a name, one row per column: column, title, type, required, description, terms (a
            dictionary from term to label; null if the column has no vocabulary).

        Raises:
            UnknownName: the table does not exist.
            ReadError: a table cannot be read.
        """
        import pandas as pd

        resources = self.package.contract.resources
        if name is None:
            tables = [
                (key, one.title, self.load(key, "arrow").num_rows, one.description)
                for key, one in resources.items()
            ]
            return pd.DataFrame(tables, columns=["table", "title", "rows", "description"])
        columns = [
            (
                field.name,
                field.title,
                field.type,
                field.required,
                field.description,
                field.terms or None,
            )
            for field in self.package.contract[name].fields
        ]
        names = ["column", "title", "type", "required", "description", "terms"]
        return pd.DataFrame(columns, columns=names)

    def view(self, name: str) -> pd.DataFrame:
        """A table to read: its fields, the labels its keys point to, and the words it rests on.

        Returns:
            The table as `load` returns it, then for each foreign key a column `<field>_label` (the
            field's name without `_id`) with the label of the row that it points to. If such rows
            can be part of others, as actors and topics can, `<field>_within` lists that row's key
            and the keys of everything it is part of, nearest first: a position of a government is
            also within the state, and one on troops for a force is within the force. Then, for
            events, `quad_class`, which follows from the event type; and `quotes`, a list of the
            distinct quotes that the row's cells rest on, in the order of the text.

        Raises:
            UnknownName: the table does not exist.
        """
        resource = self.package.contract[name]
        self._refresh()
        frame = self.load(name)
        for key in resource.foreign_keys:
            labels = self._labels[key.resource]
            stem = key.field.removesuffix("_id")
            keys = frame[key.field].astype("string")
            frame[f"{stem}_label"] = keys.map(labels).astype("string")
            if (above := self._above(key.resource)) is not None:
                frame[f"{stem}_within"] = [_within(one, above) for one in keys.fillna("")]
        for field in resource.fields:
            if quad := field.raw.get("gazadata:quadClass"):
                frame["quad_class"] = frame[field.name].astype("string").map(quad).astype("string")
        spans: dict[str, list[Row]] = {}
        quotes = self._by_key("quotes")
        for row in self._rows("evidence"):
            if row["resource"] == name and row["quote_id"] in quotes:
                spans.setdefault(row["row_id"], []).append(quotes[row["quote_id"]])
        for found in spans.values():
            # Quotes without offsets, as in drafts, go last.
            found.sort(
                key=lambda q: [
                    (q[at] is None, q[at]) for at in ("source_id", "char_start", "char_end")
                ]
            )
        frame["quotes"] = [
            list(dict.fromkeys(quote["exact"] for quote in spans.get(key, ())))
            for key in frame[resource.key]
        ]
        return frame

    def _above(self, name: str) -> dict[str, str] | None:
        """The row that each row of a table is part of; None if the table has no `part_of`."""
        resource = self.package.contract[name]
        if resource.target("part_of") != name:
            return None
        return {row[resource.key]: row["part_of"] for row in self._rows(name) if row["part_of"]}

    def evidence(self, resource: str, row_id: str, field: str | None = None) -> pd.DataFrame:
        """The evidence for the cells of one row.

        Returns:
            One row per piece of evidence: field, value, basis, quote (the exact words), source_id,
            passage_id, char_start, char_end (code points), reference_id, note.

        Raises:
            UnknownName: the table, row or field does not exist.
        """
        import pandas as pd

        same = ("source_id", "passage_id", "char_start", "char_end")
        quoted = {"quote": "exact"} | {name: name for name in same}
        rows = [
            {
                "field": cell.field,
                "value": cell.value,
                "basis": item.basis,
                **{name: (item.quote or {}).get(part) for name, part in quoted.items()},
                "reference_id": (item.reference or {}).get("source_id"),
                "note": item.note,
            }
            for cell in self.explain(resource, row_id, field).cells
            for item in cell.support
        ]
        names = ["field", "value", "basis", *quoted, "reference_id", "note"]
        return pd.DataFrame(rows, columns=names).astype(
            {name: "Int64" if name in ("char_start", "char_end") else "string" for name in names}
        )

    def explain(self, resource: str, row_id: str, field: str | None = None) -> Explanation:
        """Each cell of a row with the quotes or references it rests on.

        Returns:
            An object whose text form prints each cell with its quotes in context, and whose
            `cells` hold the same as objects.

        Raises:
            UnknownName: the table, row or field does not exist.
        """
        table = self.package.contract[resource]
        self._refresh()
        names = [table[field].name] if field is not None else list(table.field_names)
        rows = self._by_key(resource)
        if row_id not in rows:
            raise UnknownName("row", row_id, list(rows), f" in {resource}")
        row = rows[row_id]
        quotes, sources = self._by_key("quotes"), self._by_key("sources")
        support: dict[str, list[Support]] = {}
        for item in self._rows("evidence"):
            if item["resource"] == resource and item["row_id"] == row_id:
                support.setdefault(item["field"], []).append(
                    Support(
                        item["basis"],
                        # Copies, so that a caller's changes do not affect the next call.
                        _copy(quotes.get(item["quote_id"])),
                        _copy(sources.get(item["reference_id"])),
                        item["note"],
                    )
                )
        cells = tuple(
            Cell(
                name,
                as_text(row[name]),
                self._pointed_at(table, name, row[name]),
                table[name].evidence_required,
                tuple(support.get(name, ())),
            )
            for name in names
            if row[name] is not None
        )
        reported_in, reported = self._reported(table, row)
        labels = self._labels["sources"]
        return Explanation(
            resource=resource,
            row_id=row_id,
            cells=cells,
            source=labels.get(reported["source_id"]),
            attributed_to=labels.get(reported["attributed_to"]),
            certainty=reported["certainty"],
            hedge=reported["hedge"],
            reported_in=reported_in,
            empty=tuple(name for name in names if row[name] is None),
        )

    def labels(self, resource: str) -> dict[str, str]:
        """The label of each row of a table, by its key; a row without a label has its key.

        Raises:
            UnknownName: the table does not exist.
        """
        _ = self.package.contract[resource]
        self._refresh()
        return dict(self._labels[resource])

    def timeline(self) -> pd.DataFrame:
        """Everything that has or implies a time, those with dates first.

        Returns:
            One row per row of the data: resource, row_id, label, given (what is known of the time:
            "date"; "words", the article's own; "order", a sequence; "status", only a status),
            date_earliest and date_latest (null if no date is stated), date_precision, words,
            status, and basis (that of the evidence for the time).
        """
        from gazadata.display.notebook import timeline

        return timeline(self)

    def graph(self) -> nx.MultiDiGraph[Any]:
        """Actors and topics as nodes; events, positions and relations as edges.

        Returns:
            Nodes `actors.<key>` and `topics.<key>` with resource, label and kind; edges with kind
            (event, position, relation or excluded), label, row and certainty. The actors of an
            event have edges to its recipients and to its topic. An excluded party takes no part: it
            has one edge, to the topic, of kind "excluded".

        Raises:
            MissingExtra: networkx is not installed.
        """
        from gazadata.display.notebook import graph

        return graph(self)

    def schema(self, name: str) -> pa_pandas.DataFrameSchema:
        """The pandera schema of a table as `load` returns it, to validate a frame of your own.

        Raises:
            UnknownName: the table does not exist.
            MissingExtra: pandera is not installed.
        """
        from gazadata.tables.pandera_schemas import pandas_schema

        resource = self.package.contract[name]
        with extra("pandera", "validate"):
            return pandas_schema(resource)

    def cite(self) -> str:
        """The citation of this version of the data."""
        contract = self.package.contract
        who = "; ".join(
            str(one["title"]) for one in contract.objects("contributors") if one.get("title")
        )
        year = str(contract.descriptor.get("created", ""))[:4]
        names = (str(one["name"]) for one in contract.objects("licenses") if one.get("name"))
        licence = next(names, "")
        return (
            f"{who or contract.name} ({year or 'n.d.'}). "
            f"{contract.descriptor.get('title', contract.name)} "
            f"(version {self.version}) [Data set]." + (f" Licence: {licence}." if licence else "")
        )

    def _refresh(self) -> None:
        """Forget cached rows if a file has changed, so that old and new rows never mix."""
        paths = (self.package.root / r.path for r in self.package.contract.resources.values())
        stats = (path.stat() if path.is_file() else None for path in paths)
        state = tuple(s and (s.st_mtime_ns, s.st_size, s.st_ino) for s in stats)
        if state != self._state:
            self._state = state
            self._cached.clear()
            self._labels = Labels(self.package.contract, self._rows)

    def _rows(self, name: str) -> list[Row]:
        if name not in self._cached:
            self._cached[name] = self.package.table(name).to_pylist()
        return self._cached[name]

    def _by_key(self, name: str) -> dict[str, Row]:
        key = self.package.contract[name].key
        return {row[key]: row for row in self._rows(name)}

    def _reported(self, resource: Resource, row: Row) -> tuple[str | None, Row]:
        """The row with the reporting fields: this one, or the event or position it is a part of."""
        fields = ("source_id", "attributed_to", "certainty", "hedge")
        if all(name in row for name in fields):
            return None, row
        for key in resource.foreign_keys:
            whole = self.package.contract[key.resource]
            if resource[key.field].required and set(fields) <= set(whole.field_names):
                found = self._by_key(whole.name).get(row[key.field])
                if found:
                    return f"{whole.name}/{row[key.field]}", found
        return None, dict.fromkeys(fields)

    def _pointed_at(self, resource: Resource, field: str, value: Any) -> str | None:
        target = resource.target(field)
        return self._labels[target].get(str(value)) if target is not None else None


@dataclass(frozen=True)
class Support:
    """One piece of evidence: its basis, and its quote or reference."""

    basis: str
    quote: Row | None
    reference: Row | None
    note: str | None

    def __str__(self) -> str:
        lines = []
        if self.quote:
            before, exact, after = (
                self.quote[part] or "" for part in ("prefix", "exact", "suffix")
            )
            before, after = before and f"…{before}", after and f"{after}…"
            lines.append(f"    {self.basis:<10} {before}[{exact}]{after}")
            start, end = self.quote["char_start"], self.quote["char_end"]
            at = f"characters {start} to {end}" if None not in (start, end) else "offsets unknown"
            lines.append(f"               {self.quote['passage_id'] or 'no passage'}, {at}")
        elif self.reference:
            lines.append(f"    {self.basis:<10} {self.reference['title']}")
        if self.note:
            lines.append(f"               {self.note}")
        return "\n".join(lines)


@dataclass(frozen=True)
class Cell:
    """One non-null cell of a row, with its evidence."""

    field: str
    value: str
    label: str | None
    needs_evidence: bool
    support: tuple[Support, ...]

    def __str__(self) -> str:
        shown = self.value if self.label in (None, self.value) else f"{self.value} ({self.label})"
        lines = [f"  {self.field}: {shown}", *map(str, self.support)]
        if self.needs_evidence and not self.support:
            lines.append("    no evidence")
        return "\n".join(lines)


@dataclass(frozen=True, repr=False)
class Explanation:
    """A row with the evidence for each of its cells; print it, or read its `cells`.

    Conditions and participants are reported as parts of a position or an event. Their `source`,
    `attributed_to`, `certainty` and `hedge` are those of that row, named in `reported_in` as
    `table/key`, and do not say how certain the part itself is.
    """

    resource: str
    row_id: str
    cells: tuple[Cell, ...]
    source: str | None
    attributed_to: str | None
    certainty: str | None
    hedge: str | None
    reported_in: str | None
    empty: tuple[str, ...]

    def __repr__(self) -> str:
        return str(self)

    @property
    def link(self) -> str | None:
        """The link to the row on a release's page, relative to the release's folder.

        None for a piece of evidence, which the page shows with its row.
        """
        from gazadata.display import page_link

        return None if self.resource == "evidence" else page_link(self.resource, self.row_id)

    def _repr_html_(self) -> str:
        from gazadata.display.notebook import explanation_html

        return explanation_html(self)

    def reported(self) -> tuple[str, ...]:
        """Who reports the row, and how firmly; empty for a row that no source reports."""
        if not self.source:
            return ()
        voice = (
            f"on the word of: {self.attributed_to}" if self.attributed_to else "in its own voice"
        )
        hedge = f" (“{self.hedge}”)" if self.hedge else ""
        of = f" to {self.reported_in}, of which this is a part" if self.reported_in else ""
        return (
            f"reported by: {self.source}, {voice}",
            f"the article's commitment{of}: {self.certainty}{hedge}",
        )

    def __str__(self) -> str:
        head = [f"{self.resource}/{self.row_id}", *(f"  {one}" for one in self.reported())]
        tail = [f"  empty: {', '.join(self.empty)}"] if self.empty else []
        if self.link:
            tail.append(f"  on the page of a release: {self.link}")
        return "\n".join([*head, *map(str, self.cells), *tail])


def _copy(row: Row | None) -> Row | None:
    return None if row is None else dict(row)


def _within(key: str, above: dict[str, str]) -> list[str]:
    """A key and all above it, nearest first.

    A cycle, which only a draft can have, is followed once.
    """
    chain: list[str] = []
    while key and key not in chain:
        chain.append(key)
        key = above.get(key, "")
    return chain
