"""Frictionless, the official implementation of the standard, as a layer beside our own.

It runs in a process of its own while the other layers work. Its findings are reported where no
other layer found anything: elsewhere ours say the same with a place and a remedy.
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
"""Seconds to wait for frictionless when the other layers are done, besides those for its bytes."""

PATIENCE_A_MEGABYTE = 5
"""Seconds more for each megabyte that it reads: ten times of what it takes without mistakes."""

LIMIT_BYTES = 5_000_000
"""Above this size of all tables frictionless reads the first `SAMPLE_ROWS` rows of each."""

MANY = 1_000
"""Mistakes for which frictionless can take seconds, so that it is rather they than a pattern."""


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
    """Have these resources of the package at `root` checked, all rows or the first `sample`.

    They are those whose files the files layer could read.

    On others (a pipe, a million columns) frictionless could run for ever, and everything that
    points to them would be reported too.
    """
    assert process.stdin
    with suppress(BrokenPipeError):  # It has ended already: `finish` says why.
        process.stdin.write(json.dumps([str(root), sample or 0, names]).encode() + b"\n")
        process.stdin.flush()


def finish(process: subprocess.Popen[bytes], patience: float, errors: int) -> dict[str, Any]:
    """What the layer found, if it ends within `patience` seconds; otherwise it is killed.

    It takes milliseconds for each mistake, and as much again for each foreign key to its table. On
    some patterns it never ends: Python tries every way in which the parts of one can match. How
    many `errors` the other layers found tells which of the two is likely.

    Returns:
        `errors`: descriptors of package errors; `tables`: by resource name, `rows` (read) and
        `errors`; or `failure`: why the layer did not run.
    """
    try:
        output, trouble = process.communicate(timeout=patience)
    except subprocess.TimeoutExpired:
        stop(process)
        fix = (
            f"fix the {errors:,} errors of the other layers, each of which takes time"
            if errors >= MANY
            else "fix what else is found, and write patterns of which no part can match the same "
            "text in two ways, as (a|aa)+ can"
        )
        return {
            "failure": f"frictionless was stopped, as it did not end in {patience:,.0f} s: {fix}"
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


rule(
    "GD008",
    title="frictionless rejects what the other rules accept",
    reason="Users open the package with frictionless, the official implementation of the standard.",
    example="a schema in a form that only frictionless refuses",
    remedy=(
        "Run `frictionless validate datapackage.json` for its full report, and correct the place."
    ),
)


def take(
    package: Package,
    result: dict[str, Any],
    report: Report,
    asked: Collection[str],
    *,
    sampled: bool,
) -> None:
    """Add what frictionless found in the tables `asked` of which no other layer found anything.

    Args:
        package: the package, under the contract that its rows were checked by.
        result: see `finish`.
        report: what the other layers found; what frictionless read is noted there.
        asked: the names of the tables that it was given.
        sampled: whether it read only the first rows of each.
    """
    if "failure" in result:
        report.failures.append(result["failure"])
        return
    contract = package.contract
    form = [d for d in report.diagnostics if d.code < "GD300" and d.code != "GD108"]
    reported = {d.path for d in form}
    # It compares all cells of a column; ours passes over those with a finding.
    columns = {(d.path, d.field) for d in report.diagnostics}
    if any(path.endswith(".json") for path in reported):
        # It reads rows by the schemas as they are, and not as they were meant.
        report.notes.append("frictionless: not reported, as the contract has findings")
        return
    for error in result["errors"]:
        report.say(_finding(error, DESCRIPTOR))
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
                report.say(_finding(error, paths[name], name, fields[0]))
    errors = sum(len(table["errors"]) for table in tables.values())
    rows = sum(table["rows"] for table in tables.values())
    report.notes.append(
        f"frictionless: {rows:,} rows of {len(tables)} tables read"
        f"{' (a sample)' if sampled else ''}, {errors:,} error{'s' * (errors != 1)}"
    )


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
