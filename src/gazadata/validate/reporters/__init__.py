"""How a report of validation is shown: one function a format, from the one `Report` to text."""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from io import TextIOWrapper
from pathlib import Path

from gazadata import atomic
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
    "choose",
    "emit",
    "progress",
    "rule_text",
    "rules_markdown",
    "rules_text",
    "settle",
    "writable",
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
"""How many findings of a rule are kept, all being counted, unless all are asked for."""

EVERY = 2**31 - 1
"""More findings than are ever kept."""

_FOLDERS = ("data", "schemas", "raw", "reference")
"""Where everything is part of a package."""

SLOW_BYTES = 50_000_000
"""Above this size of all tables a person is shown that something is happening."""


def choose(environment: Mapping[str, str], *, terminal: bool) -> str:
    """The format where none was asked for."""
    if environment.get("GITHUB_ACTIONS") == "true":
        return "github"
    return "full" if terminal else "concise"


def settle(
    options: Options, name: str, package: Path, environment: Mapping[str, str], *, terminal: bool
) -> Options:
    """Fill in what the environment decides: colour, width, and where paths are read from.

    Args:
        options: what was asked for.
        name: the format.
        package: the folder of the package.
        environment: the environment's variables.
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
    """The folder of the package as seen from `base`, if it is inside.

    Otherwise it is as it was given, which is from here: from another base it is absolute.
    """
    here, there = package.resolve(), base.resolve()
    if here.is_relative_to(there):
        path = here.relative_to(there).as_posix()
    else:
        path = (package if there == Path().resolve() else here).as_posix()
    return "" if path == "." else f"{path.removesuffix('/')}/"


def writable(output: Path, package: Path) -> None:
    """Refuse an output that cannot be written, before the work is done.

    Raises:
        GazadataError: it is a folder, or its folder is not there, or it is part of the package in
            the folder `package`, which the report would overwrite.
    """
    if output.is_dir():
        raise GazadataError(f"{output} is a folder: name a file to write the report into")
    if not output.parent.is_dir():
        raise GazadataError(f"no folder {output.parent} to write the report into")
    target = output.resolve()
    folders = (package / name for name in _FOLDERS)
    if any(_same(target, part) for part in _parts(package)) or any(
        _same(above, folder) for folder in folders for above in target.parents
    ):
        raise GazadataError(
            f"{output} is part of the package: name a file elsewhere to write the report into"
        )


def _parts(package: Path) -> Iterator[Path]:
    """The files of a package that its descriptor names, as far as it can be read, and itself."""
    from gazadata.contract import inside
    from gazadata.strict_json import read_json

    yield package / "datapackage.json"
    yield package / RETIRED
    listed = None
    with contextlib.suppress(GazadataError):
        listed = read_json(package / "datapackage.json").get("resources")
    for resource in listed if isinstance(listed, list) else ():
        for named in ("path", "schema"):
            path = resource.get(named) if isinstance(resource, dict) else None
            with contextlib.suppress(GazadataError):
                if isinstance(path, str):
                    yield inside(package, path)


def _same(one: Path, other: Path) -> bool:
    """Whether two paths are one file or folder, whatever it is called."""
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
    """Write a report to `output`, or to standard output, and for github into the step's summary.

    Raises:
        OSError: the output cannot be written; nothing half-written is left.
        GazadataError: there is no standard output.
    """
    text = FORMATS[name](report, options)
    if output is None:
        if sys.stdout is None:
            raise GazadataError("standard output is closed; --output FILE writes into a file")
        if isinstance(sys.stdout, TextIOWrapper):
            # JSON and XML are UTF-8 wherever they are written; on a screen what the terminal
            # cannot show is shown as its code. Half a surrogate pair has no UTF-8.
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
            # The summary is for reading: whether the package passed stands in the log.
            if sys.stderr:
                print(
                    f"warning: {summary}: {error.strerror}: the summary could not be written",
                    file=sys.stderr,
                )


def _write(output: Path, text: str) -> None:
    """Write beside and rename, so that a reader never sees half a report."""
    data = text.encode("utf-8", "backslashreplace")
    target = output.resolve()
    if target.exists() and not target.is_file():
        # A pipe or a device is written into: renaming would put a file in its place.
        with target.open("wb") as file:
            file.write(data)
        return
    atomic.replace(target, data, durable=False)


@contextlib.contextmanager
def progress(package: Path) -> Iterator[None]:
    """Say on standard error that a large package is being validated, if somebody looks on."""
    if sys.stderr is None or not sys.stderr.isatty() or _size(package) <= SLOW_BYTES:
        yield
        return
    from rich.console import Console

    megabytes = f"{_size(package) / 1e6:,.0f} MB"
    with Console(stderr=True).status(f"validating {package.name} ({megabytes})"):
        yield


def _size(package: Path) -> int:
    """The size of the tables, as far as they can be found."""
    from gazadata.contract import Contract, inside

    size = 0
    with contextlib.suppress(GazadataError, OSError):
        for resource in Contract.read(package).resources.values():
            size += inside(package, resource.path).stat().st_size
    return size
