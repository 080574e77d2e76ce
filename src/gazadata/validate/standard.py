"""The Frictionless layer: the official implementation of the standard, as a second opinion.

It runs as a process of its own (`python -m gazadata.validate.standard`), so that its import and
its work overlap with the other layers'.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

SAMPLE_ROWS = 1_000
LIMIT_BYTES = 20_000_000
"""Above this size of all tables frictionless reads the first `SAMPLE_ROWS` rows of each."""


def start(root: Path, sample: int | None) -> subprocess.Popen[bytes]:
    """Start the layer on the package at `root`, on all rows or each table's first `sample`."""
    return subprocess.Popen(
        [sys.executable, "-m", "gazadata.validate.standard", str(root), str(sample or 0)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def finish(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    """What the layer found.

    Returns:
        `errors`: descriptors of package errors; `tables`: by resource name, `rows` (read) and
        `errors`; or `failure`: why the layer did not run.
    """
    output, trouble = process.communicate()
    if process.returncode != 0:
        last = trouble.decode("utf-8", "replace").strip().splitlines()[-1:]
        return {"failure": f"frictionless did not run: {' '.join(last) or process.returncode}"}
    result: dict[str, Any] = json.loads(output)
    return result


def run(root: Path, sample: int) -> dict[str, Any]:
    """Validate the package at `root` with frictionless; see `finish` for the result."""
    from frictionless import FrictionlessException, Package

    try:
        package = Package(str(root / "datapackage.json"))
    except FrictionlessException as error:
        reasons = error.reasons or [error.error]
        return {"errors": [reason.to_descriptor() for reason in reasons], "tables": {}}
    if sample:
        # A foreign key would make frictionless read the whole table that it points to.
        for resource in package.resources:
            resource.schema.foreign_keys = []
    report = package.validate(limit_errors=1_000, limit_rows=sample or None)
    return {
        "errors": [error.to_descriptor() for error in report.errors],
        "tables": {
            task.name: {
                "rows": task.stats.get("rows", 0),
                "errors": [error.to_descriptor() for error in task.errors],
            }
            for task in report.tasks
        },
    }


if __name__ == "__main__":
    gc.disable()
    json.dump(run(Path(sys.argv[1]), int(sys.argv[2])), sys.stdout)
