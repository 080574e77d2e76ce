"""The Frictionless layer: the official implementation of the standard, as a second opinion.

It runs in the process of `gazadata.frictionless_worker`; what it says is put beside what the other
layers found.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

from gazadata.contract import DESCRIPTOR, Contract, Resource
from gazadata.package import Package
from gazadata.validate.diagnostics import LONGEST, Diagnostic, Report
from gazadata.validate.split import cells

SAMPLE_ROWS = 1_000
PATIENCE = 60
"""Seconds to wait for frictionless when the other layers are done, besides those for its bytes."""

PATIENCE_A_MEGABYTE = 5
"""Seconds more for each megabyte that it reads: ten times of what it takes without mistakes."""

LIMIT_BYTES = 20_000_000
"""Above this size of all tables frictionless reads the first `SAMPLE_ROWS` rows of each."""

MANY = 1_000
"""Mistakes for which frictionless can take seconds, so that it is rather they than a pattern."""

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
}
"""By which rule each type of error that frictionless has of packages is reported, and how."""

_CONSTRAINTS = {
    "required": "GD202",
    "enum": "GD203",
    "pattern": "GD204",
    "minimum": "GD205",
    "unique": "GD206",
}
_OF_FILES = ("GD005", "GD007", "GD101", "GD102", "GD105", "GD106", "GD107")


def readable(contract: Contract, paths: dict[str, Path], sample: int | None) -> list[str]:
    """The resources that frictionless can read in time and as the loader does.

    That leaves out Parquet, and tables without a row or with a line that is none: the other layers
    find it, while frictionless would report it once more for each foreign key that points there.
    """
    names = []
    for name, path in paths.items():
        if path.suffix == ".parquet":
            continue
        width = len(contract[name].fields)
        with path.open("rb") as file:
            header = file.readline()
            if path.stat().st_size > len(header) and all(
                raw != header
                and raw.strip(b",\n")
                and (
                    (raw.count(b",") == width - 1 and b'"' not in raw)
                    or cells(raw.decode("utf-8", "replace").rstrip("\n")) == width
                )
                for raw in islice(file, sample)
            ):
                names.append(name)
    return names


def ask(
    process: subprocess.Popen[bytes], root: Path, sample: int | None, names: Sequence[str]
) -> None:
    """Have these resources of the package at `root` looked at, all rows or the first `sample`.

    They are those whose files the files layer could read.

    On others (a pipe, a million columns) frictionless could run for ever, and everything that
    points to them would be reported too.
    """
    assert process.stdin
    with suppress(BrokenPipeError):  # It has ended already: `finish` says why.
        process.stdin.write(json.dumps([str(root), sample or 0, names]).encode() + b"\n")
        process.stdin.flush()


def finish(process: subprocess.Popen[bytes], patience: float, errors: int) -> dict[str, Any]:
    """What the layer found, if it ends within `patience` seconds; otherwise it is ended.

    It takes milliseconds for each mistake, and as much again for each foreign key to its table. On
    some patterns it never ends: Python tries every way in which the parts of one can match. How
    many `errors` the other layers found tells which of the two it is likely to be.

    Returns:
        `errors`: descriptors of package errors; `tables`: by resource name, `rows` (read) and
        `errors`; or `failure`: why the layer did not run.
    """
    try:
        output, trouble = process.communicate(timeout=patience)
    except subprocess.TimeoutExpired:
        stop(process)
        mend = (
            f"mend the {errors:,} errors of the other layers, on each of which it takes its time"
            if errors >= MANY
            else "mend what else is found, and write patterns of which no part can match the same "
            "text in two ways, as (a|aa)+ can"
        )
        return {
            "failure": f"frictionless was stopped, as it did not end in {patience:,.0f} s: {mend}"
        }
    if process.returncode != 0:
        last = trouble.decode("utf-8", "replace").strip().splitlines()[-1:]
        return {"failure": f"frictionless did not run: {' '.join(last) or process.returncode}"}
    try:
        result: dict[str, Any] = json.loads(output)
    except ValueError:
        said = output[:80].decode("utf-8", "replace")
        return {"failure": f"frictionless did not run: its process printed {said!r}"}
    return result


def stop(process: subprocess.Popen[bytes]) -> None:
    """End the process, whatever it is at."""
    process.kill()
    process.communicate()


def take(
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
    odd = any(d.code in ("GD103", "GD104") and d.path.endswith(".json") for d in report.diagnostics)
    # It reads rows by the schemas that are there, and not by those that are promised or meant.
    otherwise = odd or any(d.code == "GD004" and d.resource for d in report.diagnostics)
    # Where the descriptor is at fault by our own rules, these say it again in other words.
    if not odd and not any(d.code == "GD002" for d in report.diagnostics):
        for error in result["errors"]:
            _package_error(package, error, report)
    # A resource that is no table is reported, and frictionless does not look at it.
    listed = set() if result["errors"] else {n for n in asked if (n, None) not in misread}
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
        if rows is None or otherwise:
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
            # A key may point to a table that is read otherwise.
            seen = seen or (code == "GD207" and (resource.target(field or ""), None) in misread)
            # Where not all findings of a rule were kept, it was counted with the others.
            if seen or (code, path) in left_out or (line is None and path in seen_files):
                continue
            report.say(
                Diagnostic.of(
                    code,
                    DESCRIPTOR if code == "GD002" else path,
                    line,
                    resource=name,
                    field=field or None,
                    # It is also said of an empty cell that it is required.
                    found=str(cell if cell or code == "GD202" else said)[:LONGEST],
                    expected=_asked(resource, field, note),
                )
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
        return f"{match[1]} {json.dumps(raw['constraints'][match[1]], ensure_ascii=False)}"[
            :LONGEST
        ]
    return f"a {raw['type']} of the format {raw['format']}" if "format" in raw else None


def _package_error(package: Package, error: dict[str, Any], report: Report) -> None:
    found, expected = _said(error), "what the Data Package standard asks for"
    more = "; `frictionless validate datapackage.json` says more"
    if match := re.search(r"at property '([^']+)'", str(error.get("note"))):
        said = match[1].replace("/", ".") + " "
        if any(d.code == "GD004" and (d.found or "").startswith(said) for d in report.diagnostics):
            return  # It is reported as another than in the installed schema.
        if match[1] == "version" and any(d.code == "GD003" for d in report.diagnostics):
            return
        # Of a resource, a schema or a dialect it is the property alone, and not whose.
        found, more = f"{found}, at {match[1]}", ""
        value: Any = package.contract.descriptor if error.get("type") == "package-error" else None
        with suppress(LookupError, ValueError, TypeError):
            for step in re.split(r"[./]", match[1]):
                value = value[int(step)] if isinstance(value, list) else value[step]
            found = f"{match[1]}: {json.dumps(value, ensure_ascii=False)}"
    report.say(
        Diagnostic.of(
            "GD002",
            "datapackage.json",
            found=found[:LONGEST],
            expected=expected + more,
        )
    )
