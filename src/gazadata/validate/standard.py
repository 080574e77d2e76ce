"""The Frictionless layer: the official implementation of the standard, as a second opinion.

It runs as a process of its own (`python -m gazadata.validate.standard`), so that its import and
its work overlap with the other layers'.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

SAMPLE_ROWS = 1_000
LIMIT_BYTES = 20_000_000
"""Above this size of all tables frictionless reads the first `SAMPLE_ROWS` rows of each."""


def start(root: Path, sample: int | None) -> subprocess.Popen[bytes]:
    """Start the layer on the package at `root`, on all rows or each table's first `sample`.

    It imports what it needs, and waits for `ask`.
    """
    return subprocess.Popen(
        [sys.executable, "-m", "gazadata.validate.standard", str(root), str(sample or 0)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def readable(paths: dict[str, Path]) -> list[str]:
    """The resources that frictionless reads as the loader does, which leaves out Parquet."""
    return [name for name, path in paths.items() if path.suffix != ".parquet"]


def ask(process: subprocess.Popen[bytes], names: Iterable[str]) -> None:
    """Have the layer look at these resources, whose files the files layer could read.

    On others (a pipe, a million columns) frictionless could run for ever, and everything that
    points to them would be reported too.
    """
    assert process.stdin
    with suppress(BrokenPipeError):  # It has ended already: `finish` says why.
        process.stdin.write(json.dumps(list(names)).encode() + b"\n")
        process.stdin.flush()


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


def run(root: Path, sample: int, names: Sequence[str]) -> dict[str, Any]:
    """Validate resources of the package at `root` with frictionless.

    Returns:
        See `finish`.
    """
    from frictionless import FrictionlessException, Package

    descriptor = json.loads((root / "datapackage.json").read_bytes())
    # It would be fetched; a package that has it is reported.
    descriptor.pop("profile", None)
    descriptor["resources"] = [
        resource
        for resource in descriptor["resources"]
        if resource["name"] in names and not isinstance(resource.get("dialect"), str)
    ]
    if not descriptor["resources"]:
        return {"errors": [], "tables": {}}
    try:
        package = Package(descriptor, basepath=str(root))
    except FrictionlessException as error:
        reasons = error.reasons or [error.error]
        return {"errors": [reason.to_descriptor() for reason in reasons], "tables": {}}
    for resource in package.resources:
        resource.schema.foreign_keys = [
            fk
            for fk in resource.schema.foreign_keys
            # A foreign key would make frictionless read the whole table that it points to.
            if not sample and (fk["reference"]["resource"] or resource.name) in names
        ]
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
    import frictionless  # noqa: F401, while the files layer reads

    json.dump(run(Path(sys.argv[1]), int(sys.argv[2]), json.loads(input())), sys.stdout)
