"""Types and constraints, held against batches of rows: what pandera says, in words of our own."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from dataclasses import replace

import pandera.errors
import polars as pl

from gazadata.contract import Field, Resource
from gazadata.tables.pandera_schemas import polars_schema
from gazadata.validate.dated import keys_made_dates
from gazadata.validate.diagnostics import Report
from gazadata.validate.tables import INTEGER, LINE, Tables, typed

_FORMS = {
    "integer": "digits alone, such as 12",
    "boolean": "true or false",
    "date": "a date that exists, as YYYY-MM-DD",
}
"""How a value of each type is written."""

_A_DATE = (
    "Write the key as it was, in lower case: a spreadsheet has made it a date. Format the column "
    "as text there."
)

_LONGEST = f"a whole number of at most 64 bits, from {-(2**63)} to {2**63 - 1}"

_PANDERA = (
    ("not_nullable", "GD202"),
    ("isin", "GD203"),
    ("str_matches", "GD204"),
    ("greater_than_or_equal_to", "GD205"),
)
"""Which rule a check of pandera is, by how its name begins."""

_COMPUTED = {"evidence": ("evidence_id",), "quotes": ("passage_id", "char_start", "char_end")}
"""Required cells that `gazadata fmt` fills in."""


class Constraints:
    """The types and constraints of a table's fields."""

    def __init__(self, resource: Resource, tables: Tables, limit: int) -> None:
        self._resource, self._tables, self._limit = resource, tables, limit
        self._schema = polars_schema(resource, unique=False)

    def look(self, frame: pl.DataFrame, report: Report) -> None:
        """Look at the next batch of rows."""
        cast = frame.with_columns(typed(f) for f in self._resource.fields if f.type != "string")
        for field in self._resource.fields:
            filled = frame.height - frame[field.name].null_count()
            report.count("GD201", filled * (field.type != "string"))
            report.count("GD202", frame.height * field.required)
            report.count("GD203", filled * bool(field.enum))
            report.count("GD204", filled * bool(field.pattern))
            report.count("GD205", filled * (field.minimum is not None))
            if cast[field.name].null_count() > frame[field.name].null_count():
                self._ill_typed(frame, cast, field, report)
        try:
            self._schema.validate(cast.drop(LINE), lazy=True)
        except pandera.errors.SchemaErrors as errors:
            self._failed(frame, errors.failure_cases, report)

    def _ill_typed(
        self, frame: pl.DataFrame, cast: pl.DataFrame, field: Field, report: Report
    ) -> None:
        wrong = frame.filter(frame[field.name].is_not_null() & cast[field.name].is_null())
        report.count("GD201", 0, wrong.height)
        for row in wrong.head(self._limit).to_dicts():
            value = row[field.name]
            too_long = field.type == "integer" and re.search(INTEGER, value)
            asked = _LONGEST if too_long else _FORMS[field.type]
            one = self._tables.finding("GD201", self._resource, row, field.name, value, asked)
            mend = f"Write {_LONGEST}, or empty the cell." if too_long else one.help
            report.add([replace(one, help=mend)])

    def _failed(self, frame: pl.DataFrame, cases: pl.DataFrame, report: Report) -> None:
        found: Counter[str] = Counter()
        for name in cases["check"].unique(maintain_order=True):
            of_name = cases.filter(pl.col("check") == name)
            code = next((c for begin, c in _PANDERA if name.startswith(begin)), "")
            if not code or of_name["index"].null_count():
                report.failures.append(f"pandera on {self._resource.name}: {name}")
                continue
            # However many there are, only those that are kept are looked at one by one.
            kept = of_name.head(max(self._limit - found[code], 0))
            found[code] += of_name.height
            self._say(code, frame, kept, report)
        for code, number in found.items():
            report.count(code, 0, number)

    def _say(self, code: str, frame: pl.DataFrame, cases: pl.DataFrame, report: Report) -> None:
        for case in cases.iter_rows(named=True):
            row = frame.row(case["index"], named=True)
            field = self._resource[case["column"]]
            value = row[field.name] or ""
            one = self._tables.finding(
                code, self._resource, row, field.name, value, _wanted(code, field)
            )
            # Some vocabularies are in capitals; the case alone is no distance.
            terms = {term.lower(): term for term in field.enum}
            near = difflib.get_close_matches(value.strip().lower(), terms, n=1, cutoff=0.6)
            if code == "GD202" and field.name in _COMPUTED.get(self._resource.name, ()):
                one = replace(one, help="Run `gazadata fmt`, which fills it in.")
            if code == "GD204" and keys_made_dates(value):
                one = replace(one, help=_A_DATE)
            report.add([replace(one, suggestion=terms[near[0]] if near else None)])


def _wanted(code: str, field: Field) -> str:
    if code == "GD203" or (code == "GD202" and field.enum):
        return f"one of {', '.join(field.enum)}"
    if code == "GD202":
        return "a value"
    if code == "GD204":
        example = field.raw.get("example")
        such = f", such as {example}" if isinstance(example, str) else ""
        return f"text of the pattern {field.pattern}{such}"
    return f"at least {field.minimum}"
