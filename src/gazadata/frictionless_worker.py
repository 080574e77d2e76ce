"""Run frictionless in its own process, so that its import and its work overlap with ours.

The process reads its task as a line of JSON, and answers in JSON. It is outside
`gazadata.validate`, since it would have to wait for that import.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_WORDS = ("title", "description", "example", "examples", "categories", "sources", "contributors")
"""Properties that do not affect rows; properties with a colon in their name do not either."""

_ASKED = ("type", "note", "label", "rowNumber", "fieldName", "cell", "fieldNames", "fieldCells")
"""Properties of an error that `gazadata.validate.standard` reads."""

PROFILE = "https://datapackage.org/profiles/2.0/datapackage.json"
"""Marks a descriptor as version 2.0 of the standard."""

LONGEST = 500
"""How many characters of a cell a finding shows."""

_ahead: list[subprocess.Popen[bytes]] = []


def start_ahead() -> None:
    """Start the process that `start` will return, before anything else is imported."""
    _ahead.append(start())


def start() -> subprocess.Popen[bytes]:
    """Start the process: it imports frictionless, and waits for `standard.ask`."""
    if _ahead:
        return _ahead.pop()
    return subprocess.Popen(
        # Without -P, a frictionless.py in the current folder would be imported.
        [sys.executable, "-P", "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def run(root: Path, sample: int, names: Sequence[str]) -> dict[str, Any]:
    """Validate resources of the package at `root` with frictionless.

    Returns:
        See `standard.finish`.
    """
    from frictionless import FrictionlessException, Package

    descriptor = json.loads((root / "datapackage.json").read_bytes())
    # Frictionless would fetch other profiles, skip other types, and fail on malformed sizes and
    # hashes. Packages that have any of these are reported by our own rules.
    descriptor.pop("profile", None)
    for part in descriptor["resources"]:
        for name, kind in (("profile", None), ("$schema", None), ("bytes", int), ("hash", str)):
            if kind is None or not isinstance(part.get(name), kind):
                part.pop(name, None)
        part["type"] = "table"
    descriptor["$schema"] = PROFILE
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
                # In a sample, a foreign key would still make it read the whole other table.
                if not sample and (fk["reference"]["resource"] or resource.name) in names
            ]
            part["schema"] = resource.schema.to_descriptor()
        # It copies and checks the descriptor again for each table and each foreign key, which takes
        # half the time without the properties that do not affect rows.
        package = Package(_without_words(descriptor), basepath=str(root))
    except FrictionlessException as error:
        reasons = error.reasons or [error.error]
        return {"errors": [_shortened(reason) for reason in reasons], "tables": {}}
    report = package.validate(limit_errors=1_000, limit_rows=sample or None)
    return {
        "errors": [_shortened(error) for error in report.errors],
        "tables": {
            task.name: {
                "rows": task.stats.get("rows", 0),
                "errors": [_shortened(error) for error in task.errors],
            }
            for task in report.tasks
        },
    }


def _shortened(error: Any) -> dict[str, Any]:
    """The parts of an error that are used: no whole rows, and no more of a cell than is shown."""
    kept = {key: value for key, value in error.to_descriptor().items() if key in _ASKED}
    if isinstance(kept.get("cell"), str):
        kept["cell"] = kept["cell"][:LONGEST]
    if "fieldCells" in kept:
        kept["fieldCells"] = [str(cell)[:LONGEST] for cell in kept["fieldCells"]]
    return kept


def _without_words(descriptor: Any) -> Any:
    """A descriptor without the properties that are only for readers or for rules of our own."""
    if isinstance(descriptor, list):
        return [_without_words(part) for part in descriptor]
    if not isinstance(descriptor, dict):
        return descriptor
    return {
        key: value if key == "constraints" else _without_words(value)
        for key, value in descriptor.items()
        if key not in _WORDS and ":" not in key
    }


@contextmanager
def _ending_with_parent() -> Iterator[None]:
    """End this process when the one that started it has ended for any reason.

    Some patterns take Python for ever to match, and meanwhile no other thread runs, but signal
    handlers do. Without such timers, as on Windows, the process runs on.
    """
    if not hasattr(signal, "setitimer"):
        yield
        return
    parent = os.getppid()

    def look(*_: object) -> None:
        if os.getppid() != parent:
            os._exit(1)

    signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, 1, 1)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


if __name__ == "__main__":
    answer = None
    with _ending_with_parent():
        gc.disable()
        import frictionless  # noqa: F401, while the parent process reads

        # The line is empty if validation ended early.
        if asked := sys.stdin.readline():
            root, sample, names = json.loads(asked)
            answer = run(Path(root), sample, names)
    # Outside the timer: with PYTHONUNBUFFERED, Python loses the rest of a write that a signal
    # interrupts. If the parent has ended, the pipe breaks anyway.
    if answer is not None:
        json.dump(answer, sys.stdout)
        sys.stdout.flush()
    # Saves the garbage collection at exit.
    gc.freeze()
