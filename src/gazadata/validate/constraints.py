"""Check the types and constraints of cells with pandera, and report in our own words."""

from __future__ import annotations

import re
from typing import Any

import pandera.errors
import polars as pl

from gazadata.contract import INTEGER, Field, Resource
from gazadata.contract.schema import nearest
from gazadata.tables.pandera_schemas import polars_schema
from gazadata.validate.dated import keys_made_dates
from gazadata.validate.diagnostics import Diagnostic, Report
from gazadata.validate.rules import rule
from gazadata.validate.tables import LINE, Tables, of_cell, typed

_FORMS = {
    "integer": "digits only, such as 12",
    "boolean": "true or false",
    "date": "an existing date, as YYYY-MM-DD",
}
"""The form of a value of each type."""

_A_DATE = (
    "A spreadsheet turned this key into a date. Restore it, in lower case, and format the column "
    "as text in the spreadsheet."
)

_WHOLE_NUMBER = f"a 64-bit whole number, from {-(2**63)} to {2**63 - 1}"

_PANDERA = (
    ("not_nullable", "GD202"),
    ("isin", "GD203"),
    ("str_matches", "GD204"),
    ("greater_than_or_equal_to", "GD205"),
)
"""The rule for each check of pandera, by the beginning of its name."""

_COMPUTED = {"evidence": ("evidence_id",), "quotes": ("passage_id", "char_start", "char_end")}
"""Required cells that `gazadata fmt` fills in."""


rule(
    "GD201",
    title="value has the wrong type",
    reason="Loading the table would fail or yield a different value.",
    example="`yes` in a boolean field; 2025-02-30 in a date field",
    remedy="Write integers as digits, booleans as true or false, and dates as YYYY-MM-DD.",
    unit="cells",
)
rule(
    "GD202",
    title="required cell is empty",
    reason="Users of the field rely on every row having a value.",
    example="an event without a status",
    remedy="Fill in the cell, or remove the row.",
    unit="cells",
)
rule(
    "GD203",
    title="value is not in the field's vocabulary",
    reason="A query for a term misses the rows that misspell it.",
    example="`suport` in `stance`",
    remedy="Use a term of the vocabulary, in the same case.",
    unit="cells",
)
rule(
    "GD204",
    title="value does not match the field's pattern",
    reason="Keys and codes must be well formed to be joined on.",
    example="`Asim_Munir` as a key; a Cyrillic letter in a key",
    remedy=(
        "Write keys as lower-case words and digits joined by single hyphens, and codes as in their "
        "code list."
    ),
    unit="cells",
)
rule(
    "GD205",
    title="number is below the field's minimum",
    reason="No count or offset can be that small.",
    example="0 in occurrences",
    remedy="Correct the number, or leave the cell empty if the source gives none.",
    unit="cells",
)


class Constraints:
    """Checks the types and constraints of a table, batch by batch."""

    def __init__(self, resource: Resource, tables: Tables, limit: int) -> None:
        self._resource, self._tables, self._limit = resource, tables, limit
        self._schema = polars_schema(resource)

    def check(self, frame: pl.DataFrame, report: Report) -> None:
        """Check the next batch of rows, except cells that have a finding already."""
        names = self._resource.field_names
        asked = frame.filter(self._tables.is_own(self._resource.name))
        cast = frame.select(names).with_columns(
            typed(f) for f in self._resource.fields if f.type != "string"
        )
        for field in self._resource.fields:
            filled = asked.height - asked[field.name].null_count()
            report.count("GD201", filled * (field.type != "string"))
            report.count("GD202", asked.height * field.required)
            report.count("GD203", filled * bool(field.enum))
            report.count("GD204", filled * bool(field.pattern))
            report.count("GD205", filled * (field.minimum is not None))
            if cast[field.name].null_count() > frame[field.name].null_count():
                wrong = frame.filter(frame[field.name].is_not_null() & cast[field.name].is_null())
                self._report("GD201", field, wrong, report)
        try:
            self._schema.validate(cast, lazy=True)
        except pandera.errors.SchemaErrors as errors:
            self._failed(frame, errors.failure_cases, report)

    def _failed(self, frame: pl.DataFrame, cases: pl.DataFrame, report: Report) -> None:
        for (name, column), of_name in cases.partition_by(
            "check", "column", as_dict=True, maintain_order=True
        ).items():
            code = next((c for begin, c in _PANDERA if str(name).startswith(begin)), "")
            if not code or of_name["index"].null_count():
                report.failures.append(f"pandera on {self._resource.name}: {name}")
                continue
            rows = frame[of_name["index"].cast(pl.UInt32).sort()]
            self._report(code, self._resource[str(column)], rows, report)

    def _report(self, code: str, field: Field, rows: pl.DataFrame, report: Report) -> None:
        """Report the cells of a field in these rows; all count, and up to the limit are kept."""
        name = self._resource.name
        rows = rows.filter(~self._tables.masked(name, field.name))
        self._tables.mask(name, field.name, rows[LINE])
        rows = rows.filter(self._tables.is_own(name))
        found = report.counts[code].found
        report.count(code, 0, rows.height)
        for row in rows.head(max(self._limit - found, 0)).iter_rows(named=True):
            report.keep([self._finding(code, field, row)])

    def _finding(self, code: str, field: Field, row: dict[str, Any]) -> Diagnostic:
        value = row[field.name] or ""
        wanted = _wanted(code, field)
        help_ = None
        if code == "GD201" and field.type == "integer" and re.search(INTEGER, value):
            wanted, help_ = _WHOLE_NUMBER, f"Write {_WHOLE_NUMBER}, or empty the cell."
        if code == "GD202" and field.name in _COMPUTED.get(self._resource.name, ()):
            help_ = "Run `gazadata fmt`, which fills it in."
        if code == "GD204" and keys_made_dates(value):
            help_ = _A_DATE
        shown = self._tables.shown(self._resource.name)
        # Case is ignored, since some vocabularies are in capitals.
        more = {"help": help_, "suggestion": nearest(value.strip(), field.enum)}
        return of_cell(code, shown, self._resource, row, field.name, value, wanted, **more)


def _wanted(code: str, field: Field) -> str:
    if code == "GD201":
        return _FORMS[field.type]
    if code == "GD203" or (code == "GD202" and field.enum):
        return f"one of {', '.join(field.enum)}"
    if code == "GD202":
        return "a value"
    if code == "GD204":
        example = field.raw.get("example")
        such = f", such as {example}" if isinstance(example, str) else ""
        return f"text that matches {field.pattern}{such}"
    return f"at least {field.minimum}"
