"""Render validation reports: one function per format turns a `Report` into text."""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from io import TextIOWrapper
from pathlib import Path

from gazadata import atomic
from gazadata.contract import DESCRIPTOR
from gazadata.errors import GazadataError
from gazadata.package import RETIRED
from gazadata.validate.diagnostics import Report
from gazadata.validate.reporters.catalogue import rule_text, rules_markdown, rules_text
from gazadata.validate.reporters.common import Options
from gazadata.validate.reporters.machine import as_json, junit, sarif
from gazadata.validate.reporters.pull import github, markdown
from gazadata.validate.reporters.screen import concise, full

__all__ = [
    "EVERY",
    "FORMATS",
    "KEPT",
    "Options",
    "check_output",
    "choose",
    "emit",
    "rule_text",
    "rules_markdown",
    "rules_text",
    "settle",
]

FORMATS: dict[str, Callable[[Report, Options], str]] = {
    "full": full,
    "concise": concise,
    "json": as_json,
    "github": github,
    "sarif": sarif,
    "junit": junit,
    "markdown": markdown,
}

KEPT = 1_000
"""How many findings of a rule are kept unless --all is given; all are counted."""

EVERY = 2**31 - 1
"""A limit that no report reaches."""

_FOLDERS = ("data", "schemas", "raw", "reference")
"""Folders in which every file belongs to the package."""


def choose(environment: Mapping[str, str], *, terminal: bool) -> str:
    """The default format."""
    if environment.get("GITHUB_ACTIONS") == "true":
        return "github"
    return "full" if terminal else "concise"


def settle(
    options: Options, name: str, package: Path, environment: Mapping[str, str], *, terminal: bool
) -> Options:
    """Fill in what the environment decides: colour, width, and where paths are read from.

    Args:
        options: the options given by the user.
        name: the format.
        package: the folder of the package.
        environment: the environment variables.
        terminal: whether the report goes to a terminal.
    """
    # https://no-color.org and https://force-color.org: set and not empty counts.
    wanted = bool(environment.get("FORCE_COLOR")) or (
        terminal and environment.get("TERM") != "dumb"
    )
    base = Path()
    if environment.get("GITHUB_ACTIONS") == "true" and name in ("github", "sarif"):
        base = Path(environment.get("GITHUB_WORKSPACE") or ".")
    return replace(
        options,
        colour=wanted and not options.plain and not environment.get("NO_COLOR"),
        width=shutil.get_terminal_size().columns if terminal else options.width,
        prefix=_prefix(package, base),
    )


def _prefix(package: Path, base: Path) -> str:
    """The folder of the package relative to `base`, if it is inside.

    Otherwise the path as it was given, which is relative to the current folder; or the absolute
    path, if `base` is another folder.
    """
    here, there = package.resolve(), base.resolve()
    if here.is_relative_to(there):
        path = here.relative_to(there).as_posix()
    else:
        path = (package if there == Path().resolve() else here).as_posix()
    return "" if path == "." else f"{path.removesuffix('/')}/"


def check_output(output: Path, package: Path) -> None:
    """Reject an output that cannot be written, before the package is validated.

    Raises:
        GazadataError: it is a folder, its folder is missing, or it is part of the package in the
            folder `package`, which the report would overwrite.
    """
    if output.is_dir():
        raise GazadataError(f"{output} is a folder; name a file for the report")
    if not output.parent.is_dir():
        raise GazadataError(f"cannot write {output}: there is no folder {output.parent}")
    target = output.resolve()
    folders = (package / name for name in _FOLDERS)
    if any(_same(target, part) for part in _parts(package)) or any(
        _same(above, folder) for folder in folders for above in target.parents
    ):
        raise GazadataError(f"{output} is part of the package; write the report to another file")


def _parts(package: Path) -> Iterator[Path]:
    """The descriptor of a package, and the files it names, if it can be read."""
    from gazadata.contract import inside
    from gazadata.contract.strict_json import read_json

    yield package / DESCRIPTOR
    yield package / RETIRED
    listed = None
    with contextlib.suppress(GazadataError):
        listed = read_json(package / DESCRIPTOR).get("resources")
    for resource in listed if isinstance(listed, list) else ():
        for named in ("path", "schema"):
            path = resource.get(named) if isinstance(resource, dict) else None
            with contextlib.suppress(GazadataError):
                if isinstance(path, str):
                    yield inside(package, path)


def _same(one: Path, other: Path) -> bool:
    """Whether two paths are the same file or folder, whatever their names."""
    try:
        return one.samefile(other)
    except OSError:
        return one == other.resolve()


def emit(
    report: Report,
    name: str,
    options: Options,
    output: Path | None,
    environment: Mapping[str, str],
) -> None:
    """Write a report to `output` or standard output; for github, also to the step's summary.

    Raises:
        OSError: the output cannot be written; no half-written file is left.
        GazadataError: there is no standard output.
    """
    text = FORMATS[name](report, options)
    if output is None:
        if sys.stdout is None:
            raise GazadataError("standard output is closed; use --output FILE to write to a file")
        if isinstance(sys.stdout, TextIOWrapper):
            # JSON and XML are always UTF-8; a terminal shows characters it does not have as codes.
            # Lone surrogates have no UTF-8.
            encoding = sys.stdout.encoding if name in ("full", "concise") else "utf-8"
            sys.stdout.reconfigure(encoding=encoding, errors="backslashreplace")
        sys.stdout.write(text)
        sys.stdout.flush()
    else:
        _write(output, text)
    summary = environment.get("GITHUB_STEP_SUMMARY")
    if name == "github" and summary:
        try:
            with Path(summary).open("a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(FORMATS["markdown"](report, options))
        except OSError as error:
            # Only a warning: the log has the verdict.
            if sys.stderr:
                print(
                    f"warning: cannot write the summary to {summary}: {error.strerror}",
                    file=sys.stderr,
                )


def _write(output: Path, text: str) -> None:
    """Write to a temporary file and rename it, so that nobody reads half a report."""
    data = text.encode("utf-8", "backslashreplace")
    target = output.resolve()
    if target.exists() and not target.is_file():
        # Renaming would replace a pipe or a device by a file.
        with target.open("wb") as file:
            file.write(data)
        return
    atomic.replace(target, data, durable=False)
