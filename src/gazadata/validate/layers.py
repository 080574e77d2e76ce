"""The layers that read rows, one after another, and what frictionless says put beside them."""

from __future__ import annotations

import csv
import difflib
import json
import re
import tempfile
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandera.errors
import polars as pl
from polars import col

from gazadata.contract import Contract, Field, Resource, inside
from gazadata.package import Package
from gazadata.pandera_schemas import polars_schema
from gazadata.validate import descriptor, provenance, retired, semantics
from gazadata.validate.checks import LONGEST, Check, Look, cell, check
from gazadata.validate.checks import run as run_looks
from gazadata.validate.diagnostics import Diagnostic, Place, Report
from gazadata.validate.files import HIDDEN
from gazadata.validate.rules import RULES
from gazadata.validate.split import column_of
from gazadata.validate.tables import (
    LINE,
    Line,
    Tables,
    batches,
    lines,
    strings,
    typed,
)

UNEDGED = {"quotes": ("prefix", "suffix")}
"""Fields that are cut out of the text wherever they fall, so that an edge can be white space."""

CUT = ("exact",)
"""Fields that are cut out of the text, as those are that hold its words: it may have any spaces."""

SPACES = r"\s{2,}|[^\S ]"
"""Spaces that a reader cannot tell from one ordinary space, and joins and filters do."""

_NEAREST, _KEYS = 200, 10_000
"""For how many findings the nearest is looked for, and among how many keys."""

_LINE_SHOWN = 100_000
_CHUNK = 1 << 20

URI = r"^[A-Za-z][A-Za-z0-9+.-]*://[^\s/?#]+[^\s]*$"

UNHYPHENED = ("evidence", "passages")
"""Resources whose keys are made from other keys, which are compared already."""


def run(package: Package, paths: dict[str, Path], report: Report, limit: int) -> None:
    """Run the layers tables, pandera, provenance and semantics on files that can be read."""
    with tempfile.TemporaryDirectory(prefix="gazadata-") as folder:
        tables = Tables(package.root, package.contract.resources, paths, Path(folder))
        _run(package, tables, report, limit)


def _run(package: Package, tables: Tables, report: Report, limit: int) -> None:
    contract = package.contract
    for name, path in tables.paths.items():
        resource = contract[name]
        if not _patterns(resource, report):
            continue
        if path.suffix == ".parquet" and not _columns(resource, tables, report):
            continue
        rows = _sweep(resource, tables, report, limit)
        if rows is None:
            continue
        report.count("GD106", 1, RULES["GD106"].unit, int(rows == 0))
        if rows == 0:
            _add(report, "GD106", tables, resource, 1, found="no rows", expected="at least one")
            continue
        tables.add(name, rows)
    retired.check(package, tables, report, limit)
    unread = [name for name in contract.resources if name not in tables]
    if unread:
        report.notes.append(
            f"not looked at by the later layers, as they could not be read: {', '.join(unread)}"
        )
    # Each is a generator, so that it starts inside the guard.
    for layer, looks in (
        ("tables", _tables(contract, tables)),
        ("provenance", _provenance(package, tables, report, limit)),
        ("semantics", semantics.looks(contract, tables)),
    ):
        try:
            run_looks(looks, tables, report, limit)
        except (pl.exceptions.PolarsError, KeyError) as error:
            # Fields that the rules ask for are not there, or have another type.
            reason = str(error).splitlines()[0][:300]
            report.failures.append(f"the layer {layer} could not run to its end: {reason}")
    report.rows = tables.rows


def _provenance(package: Package, tables: Tables, report: Report, limit: int) -> Iterator[Look]:
    if "sources" not in tables:
        return
    held = provenance.texts(package.root, package.contract, tables, report, limit)
    with_texts = (package.root / "raw").is_dir()
    if not with_texts:
        report.notes.append(
            "there is no raw/, so quotes and passages were not held against the texts"
        )
    yield from provenance.looks(package.contract, tables, held, with_texts=with_texts)


def _sweep(  # noqa: PLR0912
    resource: Resource, tables: Tables, report: Report, limit: int
) -> int | None:
    """Read every row of a table once: its form, its types, pandera, and which keys repeat.

    Returns:
        How many rows it has, or None where it cannot be split into rows.
    """
    path, width = tables.paths[resource.name], len(resource.fields)
    schema = polars_schema(resource, unique=False)
    uniques = [
        ("GD206", (resource.key,)),
        *(("GD208", unique) for unique in resource.unique_keys),
        *(("GD208", (f.name,)) for f in resource.fields if f.unique and f.name != resource.key),
    ]
    if resource.name not in UNHYPHENED:
        uniques.append(("GD209", (resource.key,)))
    hashes: list[list[pl.Series]] = [[] for _ in uniques]
    # Nothing that is said of a file's rows stands once a line of it turns out to be none.
    said = Report("", "")
    found: list[Diagnostic] = []
    rows, ragged, odd_lines, unsorted = 0, 0, 0, 0
    before: str | None = None
    try:
        for frame, odd in batches(path, resource):
            rows += frame.height
            for line in odd:
                whole = line.cells == width
                ragged, odd_lines = ragged + (not whole), odd_lines + whole
                if max(ragged, odd_lines) <= limit:
                    found.append(_line(resource, tables, line))
            if frame.height == 0:
                continue
            tables.put(resource.name, frame)
            keys = frame[resource.key]
            behind = keys.shift(1, fill_value=before) if before is not None else keys.shift(1)
            disorder = frame.filter((keys < behind).fill_null(False))
            unsorted += disorder.height
            for row in disorder.head(limit).iter_rows(named=True):
                found.append(_unsorted(tables, resource, row[LINE], row[resource.key]))
            before = keys[-1]
            for series, (code, fields) in zip(hashes, uniques, strict=True):
                series.append(frame.select(_hash(code, fields)).to_series())
            found += _pandera(resource, tables, schema, frame, said, limit)
    except (pl.exceptions.PolarsError, ValueError) as error:
        # The file is read again by line.
        bad = 0
        for line in lines(path, width) if path.suffix != ".parquet" else ():
            bad += 1
            if bad <= limit:
                report.add([_line(resource, tables, line)])
        if not bad:
            what = f"a file that cannot be read: {str(error).splitlines()[0][:200]}"
            _add(report, "GD107", tables, resource, 1, found=what, expected=f"{width} cells a row")
        report.count("GD107", rows + bad, RULES["GD107"].unit, max(bad, 1))
        return None
    if ragged:
        report.add(d for d in found if d.code in ("GD107", "GD108"))
        report.count("GD107", rows, RULES["GD107"].unit, ragged)
        report.count("GD108", rows, RULES["GD108"].unit, odd_lines + unsorted)
        return None
    report.failures += said.failures
    for code, count in said.counts.items():
        report.count(code, count.checked, count.unit, count.found)
    report.add(found)
    report.count("GD107", rows, RULES["GD107"].unit)
    report.count("GD108", rows, RULES["GD108"].unit, odd_lines + unsorted)
    for series, (code, fields) in zip(hashes, uniques, strict=True):
        repeated = _repeated(resource, tables, code, fields, series, limit)
        report.count(code, rows, RULES[code].unit, len(repeated))
        report.add(repeated[:limit])
    return rows


def _unsorted(tables: Tables, resource: Resource, line: int, key: str) -> Diagnostic:
    d = _of_row("GD108", tables, resource, line, key, resource.key, key, "rows sorted by key")
    # It may be the key of the row above that is wrong.
    return replace(d, relies=(f"{d.path}:{line - 1}/{resource.key}",))


def _patterns(resource: Resource, report: Report) -> bool:
    """Whether Polars' regular expressions, which know no look-around, can take the patterns."""
    patterns = {f.name: pl.lit("").str.contains(f.pattern) for f in resource.fields if f.pattern}
    try:
        pl.select([pattern.alias(name) for name, pattern in patterns.items()])
    except pl.exceptions.PolarsError:
        for name, pattern in patterns.items():
            try:
                pl.select(pattern)
            except pl.exceptions.PolarsError:
                descriptor.say(
                    report,
                    "GD002",
                    path=descriptor.schema_path(resource.descriptor),
                    resource=resource.name,
                    field=name,
                    found=f"the pattern {resource[name].pattern}",
                    expected="a regular expression without look-around and back-references",
                )
        return False
    return True


_COLUMNS = {
    "string": (pl.String, pl.Categorical, pl.Enum),
    "integer": (
        pl.String,
        pl.Int8,
        pl.Int16,
        pl.Int32,
        pl.Int64,
        pl.UInt8,
        pl.UInt16,
        pl.UInt32,
        pl.UInt64,
    ),
    "boolean": (pl.String, pl.Boolean),
    "date": (pl.String, pl.Date),
}
"""The types of Parquet columns whose values are written as the schema's type asks."""


def _columns(resource: Resource, tables: Tables, report: Report) -> bool:
    """Hold the columns of a Parquet file against the schema; whether its rows can be read."""
    wanted = list(resource.field_names)
    report.count("GD105", len(wanted), RULES["GD105"].unit)
    try:
        columns = pl.read_parquet_schema(tables.paths[resource.name])
    except (pl.exceptions.PolarsError, OSError) as error:
        what = f"no Parquet file: {str(error).splitlines()[0][:200]}"
        report.count("GD107", 0, RULES["GD107"].unit, 1)
        _add(report, "GD107", tables, resource, 1, found=what, expected="a Parquet file")
        return False
    if list(columns) != wanted:
        report.count("GD105", 0, RULES["GD105"].unit, 1)
        _add(
            report,
            "GD105",
            tables,
            resource,
            1,
            found=", ".join(map(str, columns))[:500],
            expected=", ".join(wanted),
        )
        return False
    wrong = [f for f in resource.fields if columns[f.name].base_type() not in _COLUMNS[f.type]]
    for field in wrong:
        report.count("GD201", 0, RULES["GD201"].unit, 1)
        report.add(
            [
                replace(
                    _of_row("GD201", tables, resource, 0, None, field.name, "", ""),
                    line=None,
                    found=f"a column of type {columns[field.name]}",
                    expected=f"a column of type {field.type}",
                )
            ]
        )
    return not wrong


def _hash(code: str, fields: tuple[str, ...]) -> pl.Expr:
    if code == "GD209":
        return col(fields[0]).str.replace_all("-", "", literal=True).hash()
    return (pl.struct(fields) if len(fields) > 1 else col(fields[0])).hash()


def _repeated(
    resource: Resource,
    tables: Tables,
    code: str,
    fields: tuple[str, ...],
    hashes: list[pl.Series],
    limit: int,
) -> list[Diagnostic]:
    """The rows that repeat an earlier one in `fields`; the hashes only say where to look."""
    if not hashes:
        return []
    ordered = pl.concat(hashes).sort()
    twice = ordered.filter(ordered == ordered.shift(1)).unique()
    if twice.is_empty():
        return []
    frame = strings(tables.paths[resource.name], resource)
    values = [col(f) for f in fields]
    if code == "GD209":
        values = [col(fields[0]).str.replace_all("-", "", literal=True)]
    rows = (
        frame.filter(_hash(code, fields).is_in(twice.implode()))
        .select(LINE, resource.key, pl.struct(values).alias("value"))
        .collect()
        .with_columns(
            first=col(LINE).min().over("value"), other=col(resource.key).first().over("value")
        )
        .filter(col(LINE) != col("first"))
    )
    if code == "GD209":
        rows = rows.filter(col(resource.key) != col("other"))
    elif len(fields) == 1:
        rows = rows.filter(col("value").struct.field(fields[0]).is_not_null())
    found = []
    for row in rows.to_dicts():
        if code == "GD209":
            what = row[resource.key]
            wanted = f"a key that is not {row['other']}, of line {row['first']}, but for hyphens"
        elif len(fields) == 1:
            what, wanted = row["value"][fields[0]], f"another key than in line {row['first']}"
        else:
            what = ", ".join(f"{field} {row['value'][field] or 'empty'}" for field in fields)
            wanted = f"other values than in line {row['first']}"
        one = _of_row(code, tables, resource, row[LINE], row[resource.key], fields[0], what, wanted)
        # A row can repeat another by its key and by what it says.
        found.append(replace(one, relies=(f"{one.path}:{row['first']}",)))
    return found


_FORMS = {
    "integer": "digits alone, such as 12",
    "boolean": "true or false",
    "date": "a date that exists, as YYYY-MM-DD",
}
"""How a value of each type is written."""

_PANDERA = (
    ("not_nullable", "GD202"),
    ("isin", "GD203"),
    ("str_matches", "GD204"),
    ("greater_than_or_equal_to", "GD205"),
)


def _pandera(
    resource: Resource,
    tables: Tables,
    schema: Any,
    frame: pl.DataFrame,
    report: Report,
    limit: int,
) -> list[Diagnostic]:
    """What the types and pandera say of one batch of rows."""
    found: list[Diagnostic] = []
    cast = frame.with_columns(typed(f) for f in resource.fields if f.type != "string")
    counted = {"GD201": 0, "GD202": 0, "GD203": 0, "GD204": 0, "GD205": 0}
    for field in resource.fields:
        counted["GD202"] += frame.height * field.required
        filled = frame.height - frame[field.name].null_count()
        counted["GD203"] += filled * bool(field.enum)
        counted["GD204"] += filled * bool(field.pattern)
        counted["GD205"] += filled * (field.minimum is not None)
        if field.type == "string":
            continue
        counted["GD201"] += filled
        if cast[field.name].null_count() == frame[field.name].null_count():
            continue
        wrong = frame.filter(frame[field.name].is_not_null() & cast[field.name].is_null())
        report.count("GD201", 0, RULES["GD201"].unit, wrong.height)
        for row in wrong.head(limit).to_dicts():
            found.append(
                _of_row(
                    "GD201", tables, resource, row[LINE], row[resource.key], field.name,
                    row[field.name], _FORMS[field.type],
                )
            )  # fmt: skip
    for code, n in counted.items():
        report.count(code, n, RULES[code].unit)
    try:
        schema.validate(cast.drop(LINE), lazy=True)
    except pandera.errors.SchemaErrors as errors:
        cases = errors.failure_cases
        shown: dict[str, int] = {}
        for case in cases.to_dicts():
            code = next((c for name, c in _PANDERA if case["check"].startswith(name)), "")
            if not code or case["index"] is None:
                report.failures.append(f"pandera on {resource.name}: {case['check']}")
                continue
            report.count(code, 0, RULES[code].unit, 1)
            shown[code] = shown.get(code, 0) + 1
            if shown[code] > limit:
                continue
            row = frame.row(case["index"], named=True)
            field = resource[case["column"]]
            value = row[field.name] or ""
            one = _of_row(
                code, tables, resource, row[LINE], row[resource.key], field.name, value,
                _wanted(code, field),
            )  # fmt: skip
            # Some vocabularies are in capitals; the case alone is no distance.
            terms = {term.lower(): term for term in field.enum}
            near = difflib.get_close_matches(value.strip().lower(), terms, n=1, cutoff=0.6)
            found.append(replace(one, suggestion=terms[near[0]] if near else None))
    return found


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


def _tables(contract: Contract, tables: Tables) -> Iterator[Look]:
    """Cells' edges, and foreign keys."""
    for name, resource in contract.resources.items():
        if name not in tables:
            continue
        edged = [
            f.name
            for f in resource.fields
            if f.type == "string" and f.name not in UNEDGED.get(name, ())
        ]
        worded = [
            f.name
            for f in resource.fields
            if f.name in edged and not (f.pattern or f.enum or f.verbatim or f.name in CUT)
        ]
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
            if field in worded:
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
                    value.str.contains(r"^[=+\-@\t]"),
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
                        expected="a whole address",
                        applies=col(f.name).is_not_null(),
                    )
                )
        if tables.paths[name].suffix == ".parquet":
            checks += [one for f in resource.fields for one in _characters(f)]
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


def _characters(field: Field) -> Iterator[Check]:
    """What the files layer asks of the characters of a CSV file, of the cells of a Parquet file."""
    cell = col(field.name)
    if field.type != "string":
        return
    for code, bad, expected in (
        ("GD103", cell.str.normalize("NFC") != cell, cell.str.normalize("NFC")),
        ("GD104", cell.str.contains(f"{HIDDEN.pattern}|[\n\r]"), "none but visible characters"),
        ("GD108", cell == "", "null, as an empty cell is"),
    ):
        yield check(code, field.name, bad, expected=expected, applies=cell.is_not_null())


# https://framework.frictionlessdata.io/docs/errors/
STANDARD = {
    # of tables and files
    "data-error": ("GD107", "a table that cannot be read"),
    "table-error": ("GD107", "a table that cannot be read as rows"),
    "file-error": ("GD107", "a file that cannot be read"),
    "source-error": ("GD107", "a file that cannot be read as a table"),
    "scheme-error": ("GD107", "a file that cannot be fetched"),
    "format-error": ("GD107", "a file of a format that cannot be read"),
    "compression-error": ("GD107", "a file that cannot be unpacked"),
    "encoding-error": ("GD101", "a file in another encoding than the one stated"),
    "hash-count": ("GD007", "another hash than the one stated"),
    "byte-count": ("GD007", "another number of bytes than the one stated"),
    "field-count": ("GD105", "another number of columns than the one stated"),
    "row-count": ("GD107", "another number of rows than the one stated"),
    "table-dimensions": ("GD107", "another number of rows or columns than the one stated"),
    "required-value": ("GD202", "a column without a value that it must have"),
    # of the header
    "header-error": ("GD105", "a header that is none"),
    "blank-header": ("GD105", "a header without a name"),
    "unmatched-header": ("GD105", "a header without any field of the schema"),
    "label-error": ("GD105", "a name of a column that is none"),
    "blank-label": ("GD105", "a column without a name"),
    "duplicate-label": ("GD105", "a column that is there twice"),
    "extra-label": ("GD105", "a column more"),
    "incorrect-label": ("GD105", "a column of another name"),
    "missing-label": ("GD105", "a column that is missing"),
    # of rows
    "row-error": ("GD107", "a row that cannot be read"),
    "blank-row": ("GD107", "a row without a value"),
    "duplicate-row": ("GD208", "a row that repeats another"),
    "row-constraint": ("GD210", "a row that breaks a constraint"),
    "primary-key": ("GD206", "a key that another row has"),
    "foreign-key": ("GD207", "a key that points to no row"),
    # of cells
    "cell-error": ("GD210", "a cell that cannot be read"),
    "extra-cell": ("GD107", "a cell more than the schema has fields"),
    "missing-cell": ("GD107", "no cell for the field"),
    "type-error": ("GD201", "a cell of another type"),
    "constraint-error": ("GD210", "a cell that breaks a constraint"),
    "unique-error": ("GD206", "a value that another row has"),
    "truncated-value": ("GD210", "a cell that is cut off"),
    "forbidden-value": ("GD210", "a cell that is forbidden"),
    "sequential-value": ("GD210", "a cell that does not follow on the one above"),
    "ascii-value": ("GD210", "a cell with characters that are not of ASCII"),
    "deviated-cell": ("GD210", "a cell much longer than the others"),
    "deviated-value": ("GD210", "a number far from the others"),
    # of the descriptor and the schemas
    "metadata-error": ("GD002", "an object that is not of the standard"),
    "package-error": ("GD002", "a descriptor that is not of the standard"),
    "resource-error": ("GD002", "a resource that is not of the standard"),
    "dialect-error": ("GD002", "a dialect that is not of the standard"),
    "control-error": ("GD002", "a dialect with a part that is not of the standard"),
    "schema-error": ("GD002", "a schema that is not of the standard"),
    "field-error": ("GD002", "a field that is not of the standard"),
    "stats-error": ("GD002", "a hash or a size that is not of the standard"),
    # of what is not asked for here
    "catalog-error": ("GD002", "a catalogue that is none"),
    "dataset-error": ("GD002", "a data set of a catalogue that is none"),
    "checklist-error": ("GD002", "a list of checks that is none"),
    "check-error": ("GD002", "a check that is none"),
    "detector-error": ("GD002", "a detector that is none"),
    "inquiry-error": ("GD002", "an inquiry that is none"),
    "inquiry-task-error": ("GD002", "a task of an inquiry that is none"),
    "pipeline-error": ("GD002", "a pipeline that is none"),
    "step-error": ("GD002", "a step of a pipeline that is none"),
    "report-error": ("GD002", "a report that is none"),
    "report-task-error": ("GD002", "a task of a report that is none"),
}
"""By which rule each type of error that frictionless has is reported, and how it is said."""

_CONSTRAINTS = {
    "required": "GD202",
    "enum": "GD203",
    "pattern": "GD204",
    "minimum": "GD205",
    "unique": "GD206",
}
_OF_FILES = ("GD005", "GD007", "GD101", "GD102", "GD105", "GD106", "GD107")


def take_standard(
    package: Package,
    result: dict[str, Any],
    report: Report,
    asked: Collection[str],
    *,
    sampled: bool,
) -> None:
    """Put what frictionless found of the resources `asked` beside what the other layers found.

    Where both saw a mistake, ours stands; what only frictionless saw is added in our words.
    """
    if "failure" in result:
        report.failures.append(result["failure"])
        return
    contract = package.contract
    seen_files = {d.path for d in report.diagnostics if d.code in _OF_FILES}
    # What a cell breaks by what it means or rests on, frictionless cannot have seen.
    of_form = [d for d in report.diagnostics if d.code < "GD300" and d.code != "GD108"]
    cells = {(d.path, d.line, d.field) for d in of_form}
    rows_found = {(d.path, d.line) for d in of_form}
    kept = Counter(d.code for d in report.diagnostics)
    # A table of which findings of a rule were left out has others that were kept.
    many = {code for code, count in report.counts.items() if count.found > kept[code]}
    left_out = {(d.code, d.path) for d in report.diagnostics if d.code in many}
    # By a schema that is at fault frictionless reads other cells: of a field, or of them all.
    misread = {(d.resource, d.field) for d in report.diagnostics if d.code == "GD002"}
    # Where the descriptor is at fault by our own rules, these say it again in other words.
    if not any(d.code == "GD002" for d in report.diagnostics):
        for error in result["errors"]:
            _package_error(package, error, report)
    listed = set() if result["errors"] else set(asked)
    for name in sorted(listed - result["tables"].keys()):
        report.failures.append(f"frictionless did not look at {name}")
    for name, table in result["tables"].items():
        resource = contract[name]
        path = Path(resource.path).as_posix()
        rows = report.rows.get(name)
        if not sampled and rows is not None and rows != table["rows"] and not table["errors"]:
            report.failures.append(
                f"frictionless read {table['rows']} rows of {name}, the other layers {rows}"
            )
        if rows is None:
            continue  # It could not be read, which is reported.
        for error in table["errors"]:
            line, field, code = error.get("rowNumber"), error.get("fieldName"), _code(error)
            note = error.get("note") or ""
            said, cell = _said(error), error.get("cell")
            if error.get("fieldNames"):
                field, cell = error["fieldNames"][0], ", ".join(error.get("fieldCells", []))
            if code == "GD206" and not field:
                field = resource.key
            if code == "GD201" and field and resource[field].type == "string":
                code = "GD210"
            # A row of empty cells alone is no row to frictionless, and one of missing cells here.
            seen = (path, line, field) in cells or (not field and (path, line) in rows_found)
            seen = seen or not misread.isdisjoint({(name, field), (name, None)})
            # Where not all findings of a rule were kept, it was counted with the others.
            if seen or (code, path) in left_out or (line is None and path in seen_files):
                continue
            report.count(code, 0, RULES[code].unit, 1)
            report.add(
                [
                    Diagnostic(
                        code,
                        RULES[code].title,
                        descriptor.DESCRIPTOR if code == "GD002" else path,
                        line,
                        resource=name,
                        field=field or None,
                        # It is also said of an empty cell that it is required.
                        found=str(cell if cell or code == "GD202" else said)[:500],
                        expected=_asked(resource, field, note),
                        help=RULES[code].remedy,
                    )
                ]
            )


def _code(error: dict[str, Any]) -> str:
    if error.get("type") == "constraint-error":
        match = re.match(r'constraint "(\w+)"', error.get("note") or "")
        return _CONSTRAINTS.get(match[1] if match else "", "GD210")
    return STANDARD.get(str(error.get("type")), ("GD107", ""))[0]


def _said(error: dict[str, Any]) -> str:
    """What frictionless found, in our words: its own are for whoever knows its code."""
    kind = str(error.get("type"))
    label = f": {error['label']}" if error.get("label") else ""
    return STANDARD.get(kind, ("", f"what frictionless alone knows as {kind}"))[1] + label


def _asked(resource: Resource, name: str | None, note: str) -> str | None:
    """What the schema asks of the cells of a field where frictionless alone refuses one."""
    if name not in resource.field_names:
        return None
    raw = resource[name].raw
    match = re.match(r'constraint "(\w+)"', note)
    if match and match[1] in raw.get("constraints", {}):
        return f"{match[1]} {json.dumps(raw['constraints'][match[1]], ensure_ascii=False)}"[:500]
    return f"a {raw['type']} of the format {raw['format']}" if "format" in raw else None


def _package_error(package: Package, error: dict[str, Any], report: Report) -> None:
    found, expected = _said(error), "what the Data Package standard asks for"
    more = "; `frictionless validate datapackage.json` says more"
    if match := re.search(r"at property '([^']+)'", str(error.get("note"))):
        said = match[1].replace("/", ".") + " "
        if any(d.code == "GD004" and (d.found or "").startswith(said) for d in report.diagnostics):
            return  # It is reported as another than in the installed schema.
        # Of a schema or a dialect it is the property alone.
        found, more = f"{found}, at {match[1]}", ""
        with suppress(LookupError, ValueError, TypeError):
            value: Any = package.contract.descriptor
            for step in re.split(r"[./]", match[1]):
                value = value[int(step)] if isinstance(value, list) else value[step]
            found = f"{match[1]}: {json.dumps(value, ensure_ascii=False)}"
    report.count("GD002", 0, RULES["GD002"].unit, 1)
    report.add(
        [
            Diagnostic(
                "GD002",
                RULES["GD002"].title,
                "datapackage.json",
                found=found[:500],
                expected=expected + more,
                help=RULES["GD002"].remedy,
            )
        ]
    )


def locate(package: Package, report: Report) -> None:
    """Give each finding its row and column, and the nearest thing that may have been meant."""
    wanted: dict[str, set[int]] = {}
    for d in report.diagnostics:
        if d.line and d.resource and not d.path.endswith(".parquet"):
            wanted.setdefault(d.path, set()).add(d.line)
    text = {path: _read_lines(package.root / path, numbers) for path, numbers in wanted.items()}
    near = _Nearest(package, [d.line for d in report.diagnostics if d.code == "GD321" and d.line])
    placed = []
    for d in report.diagnostics:
        line = text.get(d.path, {}).get(d.line or 0)
        if line is not None and d.resource in package.contract.resources:
            resource = package.contract[d.resource]
            column, row_id = d.column, d.row_id
            if column is None and d.field in resource.field_names:
                column = column_of(line, resource.field_names.index(d.field))
            if row_id is None and d.line != 1 and d.code != "GD101":
                row_id = _key_in(line, resource)
            d = replace(d, column=column, row_id=row_id)  # noqa: PLW2901
        if d.code == "GD321":
            d = near.words(d)  # noqa: PLW2901
        if d.code in ("GD207", "GD334"):
            d = near.key(d)  # noqa: PLW2901
        placed.append(d)
    report.diagnostics = placed
    report.lines = {
        path: {number: line[:_LINE_SHOWN] for number, line in lines.items()}
        for path, lines in text.items()
    }


def _key_in(line: str, resource: Resource) -> str | None:
    """The primary key of the row that a line is."""
    try:
        (row,) = csv.reader([line], strict=True)
    except (csv.Error, ValueError):
        return None
    position = resource.field_names.index(resource.key)
    return row[position] or None if len(row) == len(resource.fields) else None


def _read_lines(path: Path, numbers: set[int]) -> dict[int, str]:
    wanted = sorted(numbers, reverse=True)
    found: dict[int, str] = {}
    first = 1
    with suppress(OSError), path.open("rb") as file:
        # Counting the lines of a chunk takes a tenth of the time of splitting it.
        while wanted and (chunk := file.read(_CHUNK)):
            chunk += file.readline()
            behind = first + chunk.count(b"\n")
            if wanted[-1] <= behind:
                lines = chunk.removesuffix(b"\n").split(b"\n")
                while wanted and wanted[-1] - first < len(lines):
                    number = wanted.pop()
                    found[number] = lines[number - first].decode("utf-8", "replace").rstrip("\r")
            first = behind
    return found


class _Nearest:
    """What comes nearest to words or to a key that are not there; read once, for some findings.

    The tables are read as they are written, since any cell of them can be at fault.
    """

    def __init__(self, package: Package, quotes: list[int]) -> None:
        self.package = package
        self.quotes = quotes[:_NEAREST]
        """Lines of the quotes that are not in their texts."""
        self.left = _NEAREST
        self.texts: dict[str, str] = {}
        self.keys: dict[str, list[str]] = {}

    def words(self, d: Diagnostic) -> Diagnostic:
        """Point to the words of the text that are most like those of the quote."""
        from gazadata.curate.quotes import nearest

        self.left -= 1
        held = self._text(d.line) if self.left >= 0 and d.line else None
        if held is None:
            return d
        path, text = held
        match = nearest(text, d.found or "")
        if match is None:
            return d
        begin = text.rfind("\n", 0, match.start) + 1
        finish = text.find("\n", match.end)
        place = Place(
            path,
            text.count("\n", 0, match.start) + 1,
            text[begin : finish if finish >= 0 else len(text)],
            match.start - begin,
            match.end - begin,
        )
        return replace(d, related=(place,))

    def key(self, d: Diagnostic) -> Diagnostic:
        """Name the key that is most like the one that points to nothing."""
        contract = self.package.contract
        target = contract[d.resource].target(d.field) if d.resource and d.field else None
        if d.about and d.field == "row_id":
            target = d.about.partition("/")[0]
        self.left -= 1
        if target is None or self.left < 0:
            return d
        if target not in self.keys:
            try:
                frame = strings(self.package.path(target), contract[target])
                keys = frame.select(contract[target].key).head(_KEYS + 1).collect().to_series()
            except pl.exceptions.PolarsError:
                keys = pl.Series([], dtype=pl.String)
            self.keys[target] = keys.drop_nulls().to_list() if len(keys) <= _KEYS else []
        near = difflib.get_close_matches(d.found or "", self.keys[target], n=1, cutoff=0.5)
        return replace(d, suggestion=near[0]) if near else d

    @cached_property
    def paths(self) -> dict[int, str]:
        """The path of the text of each of the quotes, by line, from one pass over the tables."""
        contract = self.package.contract
        quotes, sources = (
            strings(self.package.path(name), contract[name]) for name in ("quotes", "sources")
        )
        rows = (
            quotes.filter(col(LINE).is_in(self.quotes))
            .join(sources.unique("source_id", keep="first"), on="source_id")
            .select(LINE, "text_path")
            .drop_nulls()
        )
        return dict(rows.collect(engine="streaming").iter_rows())

    def _text(self, line: int) -> tuple[str, str] | None:
        """The path and the text of the source of the quote in a line."""
        path = self.paths.get(line)
        if path is None:
            return None
        if path not in self.texts:
            self.texts[path] = inside(self.package.root, path).read_bytes().decode("utf-8")
        return path, self.texts[path]


def _line(resource: Resource, tables: Tables, line: Line) -> Diagnostic:
    width = len(resource.fields)
    code = "GD108" if line.cells == width else "GD107"
    rule = RULES[code]
    if code == "GD108":
        shown = line.text[:200]
    elif line.breaks:
        shown = f"a row with {line.breaks} line break{'s' * (line.breaks != 1)} in a cell"
    elif line.cells is None:
        shown = "quotation marks that do not pair"
    else:
        shown = f"{line.cells} cell{'s' * (line.cells != 1)}" if line.text else "a blank line"
    return Diagnostic(
        code,
        rule.title,
        tables.paths[resource.name].relative_to(tables.root).as_posix(),
        line.number,
        resource=resource.name,
        found=shown,
        expected="the same row with minimal quoting" if code == "GD108" else f"{width} cells",
        help=rule.remedy,
        severity=rule.severity,
    )


def _of_row(
    code: str,
    tables: Tables,
    resource: Resource,
    line: int,
    key: str | None,
    field: str,
    found: str | None,
    expected: str,
) -> Diagnostic:
    rule = RULES[code]
    return Diagnostic(
        code,
        rule.title,
        tables.paths[resource.name].relative_to(tables.root).as_posix(),
        line,
        resource=resource.name,
        row_id=key,
        field=field,
        found=found and found[:LONGEST],
        expected=expected,
        help=rule.remedy,
        severity=rule.severity,
    )


def _add(
    report: Report,
    code: str,
    tables: Tables,
    resource: Resource,
    line: int,
    *,
    found: str,
    expected: str,
) -> None:
    rule = RULES[code]
    report.add(
        [
            Diagnostic(
                code,
                rule.title,
                tables.paths[resource.name].relative_to(tables.root).as_posix(),
                line,
                resource=resource.name,
                found=found,
                expected=expected,
                help=rule.remedy,
                severity=rule.severity,
            )
        ]
    )
