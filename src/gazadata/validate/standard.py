"""Frictionless, the official implementation of the standard, as a layer beside our own.

It runs in its own process while the other layers work. Its findings about a table are reported only
if no other layer found anything there: otherwise ours say the same with a place and a remedy.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Collection, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

from gazadata.contract import DESCRIPTOR, Contract
from gazadata.package import Package
from gazadata.validate.diagnostics import LONGEST, Diagnostic, Report
from gazadata.validate.rules import rule
from gazadata.validate.split import cells

SAMPLE_ROWS = 1_000
PATIENCE = 60
"""Seconds to wait for frictionless once the other layers are done, plus those for the size."""

PATIENCE_PER_MEGABYTE = 5
"""Further seconds per megabyte that it reads: ten times what it takes without mistakes."""

LIMIT_BYTES = 5_000_000
"""If the tables are larger in all, frictionless reads only the first `SAMPLE_ROWS` rows of each."""

MANY = 1_000
"""With this many errors, they, and not a pattern, are taken to be what makes frictionless slow."""


def readable(contract: Contract, paths: dict[str, Path], sample: int | None) -> list[str]:
    """The resources that frictionless can read in time, and the way the loader does.

    That leaves out Parquet, and tables without rows or with a line that is not a row: the other
    layers report those once, frictionless once more for each foreign key to the table.
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
    """Have frictionless check these resources of the package at `root`: all rows, or `sample`.

    Only pass resources whose files the files layer could read. On others, such as a pipe or a
    million columns, frictionless could run for ever, and it would also report whatever refers to
    them.
    """
    assert process.stdin
    with suppress(BrokenPipeError):  # It has ended already: `finish` reports why.
        process.stdin.write(json.dumps([str(root), sample or 0, names]).encode() + b"\n")
        process.stdin.flush()


def finish(process: subprocess.Popen[bytes], patience: float, errors: int) -> dict[str, Any]:
    """What the layer found, if it ends within `patience` seconds; otherwise it is killed.

    Each mistake takes it milliseconds, and as much again for each foreign key to the table. Some
    patterns never end, as Python tries every way in which their parts can match. The number of
    `errors` that the other layers found decides which of the two to blame.

    Returns:
        `errors`: descriptors of package errors; `tables`: by resource name, `rows` (read) and
        `errors`; or `failure`: why the layer did not run.
    """
    try:
        output, trouble = process.communicate(timeout=patience)
    except subprocess.TimeoutExpired:
        stop(process)
        fix = (
            f"fix the {errors:,} errors that the other layers found, because each one takes time"
            if errors >= MANY
            else "fix the other findings, and avoid patterns that can match the same text in more "
            "than one way, such as (a|aa)+"
        )
        return {
            "failure": f"frictionless was stopped because it took over {patience:,.0f} s: {fix}"
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
    """End the process, whatever it is doing."""
    process.kill()
    process.communicate()


rule(
    "GD008",
    title="frictionless rejects what the other rules accept",
    reason="Users open the package with frictionless, the official implementation of the standard.",
    example="a schema in a form that only frictionless rejects",
    remedy="Run `frictionless validate datapackage.json` for its full report, and fix the cause.",
)


def add_findings(
    package: Package,
    result: dict[str, Any],
    report: Report,
    asked: Collection[str],
    *,
    sampled: bool,
) -> None:
    """Add what frictionless found in those of the tables `asked` that have no other finding.

    Args:
        package: the package, with the contract that its rows were checked by.
        result: see `finish`.
        report: what the other layers found; a note is added on what frictionless read.
        asked: the names of the tables passed to it.
        sampled: whether it read only the first rows of each.
    """
    if "failure" in result:
        report.failures.append(result["failure"])
        return
    contract = package.contract
    form = [d for d in report.diagnostics if d.code < "GD300" and d.code != "GD108"]
    reported = {d.path for d in form}
    # It looks for duplicates among all cells of a column; ours skips those with a finding.
    columns = {(d.path, d.field) for d in report.diagnostics}
    if any(path.endswith(".json") for path in reported):
        # It checks rows by the schemas as they are, not as they were meant.
        report.notes.append(
            "frictionless: results ignored because datapackage.json or a schema has errors"
        )
        return
    for error in result["errors"]:
        report.add(_finding(error, DESCRIPTOR))
    tables = result["tables"]
    for name in sorted(set(asked) - tables.keys() if not result["errors"] else ()):
        report.failures.append(f"frictionless did not read {name}")
    paths = {name: Path(contract[name].path).as_posix() for name in tables}
    for name, table in tables.items():
        report.count("GD008", table["rows"])
        for error in table["errors"]:
            fields = error.get("fieldNames") or [error.get("fieldName")]
            target = contract[name].target(fields[0]) if fields[0] else None
            known = error.get("type") == "unique-error" and (paths[name], fields[0]) in columns
            if not known and not reported & {paths[name], paths.get(target or "", "")}:
                report.add(_finding(error, paths[name], name, fields[0]))
    errors = sum(len(table["errors"]) for table in tables.values())
    rows = sum(table["rows"] for table in tables.values())
    read = f"{rows:,} rows{' (a sample)' * sampled} of {len(tables)} tables"
    what = "no errors"
    if errors:
        what = f"{errors:,} error{'s' * (errors != 1)} (GD008, unless another rule reports them)"
    report.notes.append(f"frictionless read {read} and found {what}")


def _finding(
    error: dict[str, Any], path: str, table: str | None = None, field: str | None = None
) -> Diagnostic:
    cell = error.get("cell") or ", ".join(error.get("fieldCells") or ())
    said = f"{error.get('type')}: {error.get('note')}"
    return Diagnostic.of(
        "GD008",
        path,
        error.get("rowNumber"),
        resource=table,
        field=field,
        found=(f"{cell} ({said})" if cell else said)[:LONGEST],
        expected="what frictionless accepts",
    )
