"""The layers that read rows, one after another."""

from __future__ import annotations

import difflib
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandera.errors
import polars as pl
from polars import col

from gazadata.contract import Contract, Field, Resource
from gazadata.package import Package
from gazadata.pandera_schemas import polars_schema
from gazadata.validate import descriptor, provenance, retired, semantics
from gazadata.validate.characters import HIDDEN, MIXED, worded
from gazadata.validate.checks import LONGEST, Check, Look, Unrun, cell, check
from gazadata.validate.checks import run as run_looks
from gazadata.validate.diagnostics import Diagnostic, Report
from gazadata.validate.files import CONFLICT, CONFLICT_REMEDY, MARKERS
from gazadata.validate.rules import RULES
from gazadata.validate.tables import (
    LINE,
    UNHYPHENED,
    Line,
    Tables,
    batches,
    lines,
    strings,
    typed,
)

UNEDGED = {"quotes": ("prefix", "suffix")}
"""Fields that are cut out of the text wherever they fall, so that an edge can be white space."""

SPACES = r"\s{2,}|[^\S ]"
"""Spaces that a reader cannot tell from one ordinary space, and joins and filters do."""

URI = r"^[A-Za-z][A-Za-z0-9+.-]*://[^\s/?#]+[^\s]*$"


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
        _examples(resource, report)
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
    given_up = retired.check(package, tables, report, limit)
    unread = [name for name in contract.resources if name not in tables]
    if unread:
        report.notes.append(
            f"not looked at by the later layers, as they could not be read: {', '.join(unread)}"
        )
    unrun = Unrun(tables)
    if given_up:
        looks = _tables(Contract({}, given_up.resources), given_up)
        run_looks(looks, given_up, report, limit, unrun)
    for looks in (
        _tables(contract, tables),
        provenance.looks(package.root, contract, tables, report, limit, unrun),
        semantics.looks(contract, tables, unrun),
    ):
        run_looks(looks, tables, report, limit, unrun)
    report.failures += unrun.failures()
    report.rows = tables.rows


def _sweep(  # noqa: PLR0912, PLR0915
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
    conflicts = _Conflicts()
    try:
        for frame, odd in batches(path, resource):
            rows += frame.height
            for line in conflicts.first(odd):
                whole = line.cells == width
                ragged, odd_lines = ragged + (not whole), odd_lines + whole
                if max(ragged, odd_lines) <= limit:
                    found.append(_line(resource, tables, line))
            if frame.height == 0:
                continue
            for none, found_there, remedy in _no_rows(frame, resource, [n.number for n in odd]):
                ragged += none.height
                for (number,) in none.head(limit).select(LINE).iter_rows():
                    one = _of_line("GD107", tables, resource, number)
                    found.append(replace(one, found=found_there, help=remedy))
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
        again = lines(path, width) if path.suffix != ".parquet" else ()
        for line in _Conflicts().first(again):
            bad += 1
            if bad <= limit:
                report.add([_line(resource, tables, line)])
        if not bad:
            what = f"a file that cannot be read: {str(error).splitlines()[0][:200]}"
            _add(report, "GD107", tables, resource, 1, found=what, expected=f"{width} cells a row")
        report.count("GD107", rows + bad, RULES["GD107"].unit, max(bad, 1))
        return None
    if ragged:
        # Nor can it be told whether the rows around it are in order.
        report.add(d for d in found if d.code in ("GD107", "GD108") and not d.field)
        report.count("GD107", rows, RULES["GD107"].unit, ragged)
        report.count("GD108", rows, RULES["GD108"].unit, odd_lines)
        return None
    report.failures += said.failures
    for code, count in said.counts.items():
        report.count(code, count.checked, count.unit, count.found)
    report.add(found)
    report.count("GD107", rows, RULES["GD107"].unit)
    report.count("GD108", rows, RULES["GD108"].unit, odd_lines + unsorted)
    for code in dict.fromkeys(code for code, _ in uniques):
        report.count(code, rows, RULES[code].unit)
    for series, (code, fields) in zip(hashes, uniques, strict=True):
        repeated = _repeated(resource, tables, code, fields, series, limit)
        report.count(code, 0, RULES[code].unit, len(repeated))
        report.add(repeated[:limit])
    return rows


class _Conflicts:
    """Merge conflicts among the lines of a file, of which each is one mistake."""

    def __init__(self) -> None:
        self.within = False

    def first(self, found: Iterable[Line]) -> Iterator[Line]:
        """Lines without the markers that follow the first one of a conflict."""
        for line in found:
            marker = line.text[:7]
            follows = self.within and marker in MARKERS
            self.within = marker != MARKERS[-1] and (self.within or marker == MARKERS[0])
            if not follows:
                yield line


def _no_rows(
    frame: pl.DataFrame, resource: Resource, odd: list[int]
) -> Iterator[tuple[pl.DataFrame, str, str]]:
    """Lines that are split into cells and are no rows: which, what they are, and the remedy.

    Those that are `odd` are reported already.
    """
    key, names = frame[resource.key], resource.field_names
    if key.null_count():
        empty = frame.filter(
            ~col(LINE).is_in(odd), pl.all_horizontal(col(n).is_null() for n in names)
        )
        yield empty, "a row without a value", "Delete the line, or fill in its cells."
    if (key == resource.key).any():
        header = frame.filter(~col(LINE).is_in(odd), pl.all_horizontal(col(n) == n for n in names))
        yield header, "the header once more", "Delete the line."


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


def _examples(resource: Resource, report: Report) -> None:
    """Hold each field's example against the field, by the same means as its cells."""
    texts, fits = {}, {}
    for field in resource.fields:
        example = field.raw.get("example")
        if example is None:
            continue
        value = col(field.name)
        texts[field.name] = str(example).lower() if isinstance(example, bool) else str(example)
        fit = typed(field).is_not_null() & isinstance(example, str | int)
        if field.type == "string":
            fit &= isinstance(example, str)
        if field.pattern:
            fit &= value.str.contains(field.pattern)
        if field.enum:
            fit &= value.is_in(field.enum)
        if field.minimum is not None:
            fit &= typed(field) >= field.minimum
        if field.format == "uri":
            fit &= value.str.contains(URI)
        fits[field.name] = fit
    if not texts:
        return
    for name, fit in pl.DataFrame([texts]).select(**fits).row(0, named=True).items():
        if not fit:
            descriptor.say(
                report,
                "GD002",
                path=descriptor.schema_path(resource.descriptor),
                resource=resource.name,
                field=name,
                found=f"the example {texts[name]}"[:LONGEST],
                expected="one that the field could hold: of its type, pattern and vocabulary",
            )


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
    for code in ("GD103", "GD104", "GD112"):
        report.count(code, tables.paths[resource.name].stat().st_size, RULES[code].unit)
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
        # A row can repeat another by its key and by what it says; what it says may be wrong.
        said = fields if code == "GD208" else ()
        relies = (f"{one.path}:{row['first']}/{field}" for field in said)
        found.append(replace(one, relies=(f"{one.path}:{row['first']}", *relies)))
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
        words = worded(resource)
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
            if field in words:
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
            checks += [
                one for f in resource.fields for one in _characters(f, of_words=f.name in words)
            ]
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


def _characters(field: Field, *, of_words: bool) -> Iterator[Check]:
    """What the files layer asks of the characters of a CSV file, of the cells of a Parquet file."""
    cell = col(field.name)
    if field.type != "string":
        return
    for code, bad, expected in (
        ("GD103", cell.str.normalize("NFC") != cell, cell.str.normalize("NFC")),
        ("GD104", cell.str.contains(f"{HIDDEN.pattern}|[\n\r]"), "none but visible characters"),
        ("GD108", cell == "", "null, as an empty cell is"),
        ("GD112", cell.str.contains(MIXED.pattern) & of_words, "letters of one alphabet"),
    ):
        # What is looked at is counted with the file: bytes by `_columns`, rows by `_sweep`.
        yield check(
            code, field.name, bad, expected=expected, applies=cell.is_not_null(), counted=False
        )


def _line(resource: Resource, tables: Tables, line: Line) -> Diagnostic:
    width = len(resource.fields)
    if line.cells == width:
        one = _of_line("GD108", tables, resource, line.number)
        return replace(one, found=line.text[:200], expected="the same row with minimal quoting")
    one = _of_line("GD107", tables, resource, line.number)
    if line.text[:7] in MARKERS:
        return replace(one, found=CONFLICT, help=CONFLICT_REMEDY)
    if line.breaks:
        shown = f"a row with {line.breaks} line break{'s' * (line.breaks != 1)} in a cell"
    elif line.cells is None:
        shown = "quotation marks that do not pair"
    elif not line.text:
        return replace(one, found="a blank line", help="Delete the line.")
    else:
        shown = f"{line.cells} cell{'s' * (line.cells != 1)}"
    return replace(one, found=shown)


def _of_line(code: str, tables: Tables, resource: Resource, number: int) -> Diagnostic:
    """A finding about a line as a whole, which is to be a row."""
    return Diagnostic.of(
        code,
        tables.paths[resource.name].relative_to(tables.root).as_posix(),
        number,
        resource=resource.name,
        expected=f"{len(resource.fields)} cells",
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
    return Diagnostic.of(
        code,
        tables.paths[resource.name].relative_to(tables.root).as_posix(),
        line,
        resource=resource.name,
        row_id=key,
        field=field,
        found=found and found[:LONGEST],
        expected=expected,
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
    report.add(
        [
            Diagnostic.of(
                code,
                tables.paths[resource.name].relative_to(tables.root).as_posix(),
                line,
                resource=resource.name,
                found=found,
                expected=expected,
            )
        ]
    )
