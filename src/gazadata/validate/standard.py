"""The Frictionless layer: the official implementation of the standard, as a second opinion.

It runs in the process of `gazadata.frictionless_worker`.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

from gazadata.contract import Contract
from gazadata.validate.split import cells

SAMPLE_ROWS = 1_000
PATIENCE = 60
"""Seconds to wait for frictionless at the end, where other layers have found mistakes already."""

LIMIT_BYTES = 20_000_000
"""Above this size of all tables frictionless reads the first `SAMPLE_ROWS` rows of each."""


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
