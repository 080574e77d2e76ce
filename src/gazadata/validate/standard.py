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
from itertools import islice
from pathlib import Path
from typing import Any

from gazadata.contract import Contract
from gazadata.validate.split import cells

SAMPLE_ROWS = 1_000
PATIENCE = 60
"""Seconds to wait for frictionless at the end, where other layers have found mistakes already."""

_WORDS = ("title", "description", "example", "examples", "categories", "sources", "contributors")
"""Properties that say nothing about rows, as none says whose name has a colon."""

LIMIT_BYTES = 20_000_000
"""Above this size of all tables frictionless reads the first `SAMPLE_ROWS` rows of each."""


def start(root: Path, sample: int | None) -> subprocess.Popen[bytes]:
    """Start the layer on the package at `root`, on all rows or each table's first `sample`.

    It imports what it needs, and waits for `ask`.
    """
    return subprocess.Popen(
        # Without -P a frictionless.py in the folder where one validates would be run.
        [sys.executable, "-P", "-m", "gazadata.validate.standard", str(root), str(sample or 0)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


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
                (raw.count(b",") == width - 1 and b'"' not in raw)
                or cells(raw.decode("utf-8", "replace").rstrip("\n")) == width
                for raw in islice(file, sample)
            ):
                names.append(name)
    return names


def ask(process: subprocess.Popen[bytes], names: Iterable[str]) -> None:
    """Have the layer look at these resources, whose files the files layer could read.

    On others (a pipe, a million columns) frictionless could run for ever, and everything that
    points to them would be reported too.
    """
    assert process.stdin
    with suppress(BrokenPipeError):  # It has ended already: `finish` says why.
        process.stdin.write(json.dumps(list(names)).encode() + b"\n")
        process.stdin.flush()


def finish(process: subprocess.Popen[bytes], patience: float | None = None) -> dict[str, Any]:
    """What the layer found, if it ends within `patience` seconds (None: whenever it ends).

    It takes milliseconds for each mistake, and as much again for each foreign key to its table.

    Returns:
        `errors`: descriptors of package errors; `tables`: by resource name, `rows` (read) and
        `errors`; or `failure`: why the layer did not run.
    """
    try:
        output, trouble = process.communicate(timeout=patience)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return {"failure": f"frictionless was stopped: too many mistakes to end in {patience} s"}
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
        whole = Package(descriptor, basepath=str(root))
        for part, resource in zip(descriptor["resources"], whole.resources, strict=True):
            resource.schema.foreign_keys = [
                fk
                for fk in resource.schema.foreign_keys
                # A foreign key would make frictionless read the whole table that it points to.
                if not sample and (fk["reference"]["resource"] or resource.name) in names
            ]
            part["schema"] = resource.schema.to_descriptor()
        # It copies and checks the descriptor again for each table and each foreign key, in twice
        # the time that it takes without what no row is held against.
        package = Package(_without_words(descriptor), basepath=str(root))
    except FrictionlessException as error:
        reasons = error.reasons or [error.error]
        return {"errors": [reason.to_descriptor() for reason in reasons], "tables": {}}
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


def _without_words(descriptor: Any) -> Any:
    """A descriptor without what is there for readers and for other rules than frictionless'."""
    if isinstance(descriptor, list):
        return [_without_words(part) for part in descriptor]
    if not isinstance(descriptor, dict):
        return descriptor
    return {
        key: value if key == "constraints" else _without_words(value)
        for key, value in descriptor.items()
        if key not in _WORDS and ":" not in key
    }


if __name__ == "__main__":
    gc.disable()
    import frictionless  # noqa: F401, while the files layer reads

    json.dump(run(Path(sys.argv[1]), int(sys.argv[2]), json.loads(input())), sys.stdout)
