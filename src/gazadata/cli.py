"""The command line: parses, calls, prints. Each command imports what it needs when it runs."""

from __future__ import annotations

import atexit
import contextlib
import gc
import io
import os
import signal
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from gazadata import frictionless_worker
from gazadata.errors import GazadataError

if TYPE_CHECKING:
    from rich.progress import Progress

app = typer.Typer(
    help="Tables on the diplomacy over a proposed force for Gaza, with the words behind each cell.",
    epilog="Exit codes are 0: done; 1: findings; 2: wrong use, or what cannot be read or written.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

PackageArgument = Annotated[
    Path,
    typer.Argument(metavar="PACKAGE", help="Folder with a datapackage.json.", show_default="here"),
]
HERE = Path()


class _Unused:
    """An import hook for packages that pandera imports where they are there, and that go unused.

    Polars and pandera do without each of them; a release that no longer does fails the tests.
    """

    @staticmethod
    def find_spec(name: str, *_: object) -> None:
        if name in ("pandas", "hypothesis", "numpy"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def main() -> None:
    """Run the command line.

    It ends with 0: done; 1: findings, which are a package's in `validate`, `fmt` and `build`, what
    does not verify in `verify` and `publish`, and words that are nowhere in `find`; 2: wrong use,
    or what cannot be read, written or reached; 130: interrupted; 143: terminated.
    """
    if sys.argv[1:2] == ["validate"]:
        # This process ends with its report, and imports take longer than all rules.
        frictionless_worker.start_ahead()
        sys.meta_path.insert(0, _Unused)
        gc.disable()
        atexit.register(gc.freeze)
    # Without the line of our own code that Python would show.
    warnings.showwarning = lambda message, *_: print(f"warning: {message}", file=sys.stderr)
    # They are told, whatever Python was told to make of warnings.
    warnings.filterwarnings("always", category=UserWarning)
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character is no reason to stop.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    # What is under way is taken away again, as after an interrupt; nobody asked to ignore it.
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        app()
    except GazadataError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"error: {where}{error.strerror or error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)


@app.command()
def fmt(
    package: PackageArgument = HERE,
    check: Annotated[bool, typer.Option("--check", help="Only say what would change.")] = False,
) -> None:
    """Put the tables into canonical form and fill in what follows from what a person wrote.

    Exit 0 when that is done, 1 when something is left to a person or, with --check, would change,
    2 on wrong use or tables that cannot be read.
    """
    from gazadata.curate.canonical import format_package, write
    from gazadata.package import Package

    formatting = format_package(Package.open(package))
    for problem in formatting.problems:
        print(problem, file=sys.stderr)
    if not check:
        write(formatting)
    for path in formatting.files:
        print(f"{'would change' if check else 'changed'} {path}")
    raise typer.Exit(1 if formatting.problems or (check and formatting.files) else 0)


@app.command()
def find(
    words: Annotated[str, typer.Argument(help="Words of the article; typing is forgiven.")],
    package: Annotated[Path, typer.Option(help="Folder with a datapackage.json.")] = HERE,
) -> None:
    """Find words in the held texts: offsets, passage and context, ready to paste into quotes.

    Exit 0 when they are found, 1 when they are not, 2 on wrong use.
    """
    from gazadata.curate.lookup import find_in_package
    from gazadata.package import Package

    found = find_in_package(Package.open(package), words)
    print(found)
    raise typer.Exit(0 if found.matches else 1)


@app.command()
def explain(
    resource: Annotated[str, typer.Argument(help="A table, such as events.")],
    row_id: Annotated[str, typer.Argument(help="The primary key of a row.")],
    field: Annotated[str | None, typer.Argument(help="One field; all without it.")] = None,
    package: Annotated[
        Path | None, typer.Option(help="A data package; the bundled one without it.")
    ] = None,
) -> None:
    """Print each cell of a row with the words that it rests on."""
    from gazadata.dataset import open_dataset

    print(open_dataset(package).explain(resource, row_id, field))


@app.command()
def validate(
    package: PackageArgument = HERE,
    *,
    format: Annotated[
        str | None,
        typer.Option(
            help="full, concise, json, github, sarif, junit or markdown.",
            show_default="full in a terminal, github in its workflows, concise elsewhere",
        ),
    ] = None,
    output: Annotated[Path | None, typer.Option(metavar="FILE", help="Write into a file.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Let warnings fail too.")] = False,
    plain: Annotated[
        bool, typer.Option("--plain", help="For screen readers: words, no colours or arrows.")
    ] = False,
    every: Annotated[bool, typer.Option("--all", help="Show every finding of a rule.")] = False,
    frictionless: Annotated[
        str, typer.Option(help="all: read every row of a large package; or sample.")
    ] = "sample",
) -> None:
    """Validate a package: exit 0 when it passes, 1 on findings, 2 on wrong use."""
    from gazadata.errors import UnknownName
    from gazadata.package import Package
    from gazadata.validate import reporters
    from gazadata.validate import validate as run

    terminal = sys.stdout is not None and sys.stdout.isatty() and output is None
    name = format or reporters.choose(os.environ, terminal=terminal)
    for kind, given, known in (
        ("format", name, list(reporters.FORMATS)),
        ("choice for --frictionless", frictionless, ["all", "sample"]),
    ):
        if given not in known:
            raise UnknownName(kind, given, known)
    root = Package.locate(package)
    if output:
        reporters.writable(output, root)
    with reporters.progress(root):
        report = run(
            root,
            limit=reporters.EVERY if every else reporters.KEPT,
            frictionless_all=frictionless == "all",
        )
    asked = reporters.Options(strict=strict, plain=plain, every=every)
    options = reporters.settle(asked, name, root, os.environ, terminal=terminal)
    reporters.emit(report, name, options, output, os.environ)
    raise typer.Exit(0 if report.ok(strict=strict) else 1)


@app.command()
def rule(
    code: Annotated[
        str | None, typer.Argument(help="A rule, such as GD203; without it all are listed.")
    ] = None,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="All rules as docs/rules.md has them.")
    ] = False,
) -> None:
    """Print what a rule of validation asks, why, and how to mend what breaks it."""
    from gazadata.validate import reporters

    if markdown:
        print(reporters.rules_markdown(), end="")
    else:
        print(reporters.rule_text(code) if code else reporters.rules_text(), end="")


@app.command()
def build(
    package: PackageArgument = HERE,
    out: Annotated[Path, typer.Option(help="The folder to put the release into.")] = Path("dist"),
    parent: Annotated[
        Path | None,
        typer.Option(help="The release before this one: its folder, or its .zip."),
    ] = None,
    zip: Annotated[bool, typer.Option("--zip", help="Also write one archive.")] = False,
) -> None:
    """Validate, then write the release folder gazadata-<version>/.

    Exit 0 when it is built, 1 on findings, 2 on wrong use or what cannot be read or written.
    """
    from gazadata.release.build import build as build_release

    print(build_release(package, out, parent=parent, archive=zip))


@app.command()
def verify(
    release: Annotated[Path, typer.Argument(help="A release: its folder, or its .zip.")],
    raw: Annotated[
        Path | None, typer.Option(help="A source's text, to hold every quote against.")
    ] = None,
) -> None:
    """Verify a release offline: hashes, tables, descriptor and manifest.

    Exit 0 when it verifies, 1 when it does not, 2 on wrong use or where there is no release.
    """
    from gazadata.release.verify import verify as verify_release

    for sentence in verify_release(release, raw):
        print(sentence)


@app.command()
def diff(
    old: Annotated[str, typer.Argument(help="Folder, zip, git revision, or version in a store.")],
    new: Annotated[str, typer.Argument(help="The same, for the later side.")],
    format: Annotated[str, typer.Option(help="full, json or markdown.")] = "full",
    store: Annotated[
        list[str] | None,
        typer.Option(
            help="Where versions are: a folder or an address.", show_default="GAZADATA_STORE"
        ),
    ] = None,
) -> None:
    """Say what changed between two packages, and the version step that it takes."""
    from gazadata.errors import UnknownName
    from gazadata.release.diff import diff as compare
    from gazadata.release.diff_formats import FORMATS
    from gazadata.release.sides import side

    if format not in FORMATS:
        raise UnknownName("format", format, list(FORMATS))
    if format != "full" and isinstance(sys.stdout, io.TextIOWrapper) and not sys.stdout.isatty():
        # What programs read is the same bytes whatever the system's own encoding and line ends.
        sys.stdout.reconfigure(encoding="utf-8", newline="\n")
    with side(old, store) as before, side(new, store) as after:
        print(FORMATS[format](compare(before, after, (old, new))), end="")


@app.command()
def export(
    release: Annotated[Path, typer.Argument(help="A release folder.")],
    file: Annotated[Path, typer.Argument(help="The file to write.")],
    to: Annotated[str, typer.Option(help="sqlite, duckdb or xlsx.")],
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
) -> None:
    """Write a release into one file: a database with its keys, or a workbook."""
    from gazadata.release.export import Format
    from gazadata.release.export import export as export_release

    export_release(release, cast("Format", to), file, force=force)
    print(file)


@app.command()
def publish(
    release: Annotated[Path, typer.Argument(help="A release folder.")],
    store: Annotated[str, typer.Option(metavar="DIR", help="The folder of the store.")],
) -> None:
    """Verify a release and publish it into a store; what is published is never replaced.

    Exit 0 when it is published, 1 when it does not verify, 2 on wrong use or a store that refuses.
    """
    from gazadata.release.store import publish as publish_release
    from gazadata.release.store import written_folder

    folder = written_folder(store)
    entry = publish_release(release, folder)
    print(f"{folder / entry.version}  sha256 of the manifest: {entry.manifest_sha256}")


@app.command()
def yank(
    version: Annotated[str, typer.Argument(help="A published version.")],
    reason: Annotated[str, typer.Option(help="Why nobody should start to use it.")],
    store: Annotated[str, typer.Option(metavar="DIR", help="The folder of the store.")],
) -> None:
    """Mark a published version as not to be used; its files stay for those who pinned it."""
    from gazadata.release.store import written_folder
    from gazadata.release.store import yank as yank_version

    folder = written_folder(store)
    entry = yank_version(version, reason, folder)
    print(f"{folder / entry.version}  yanked: {entry.yanked}")


StoreOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="URL-or-DIR",
        help="A store; several are tried in turn.",
        show_default="GAZADATA_STORE, then the one in gazadata.lock",
    ),
]


@app.command()
def versions(store: StoreOption = None) -> None:
    """List what a store has published: version, date, sha256 of the manifest, yank."""
    from gazadata.release.fetch import versions as published

    for entry in published(store or ()):
        yanked = f"yanked: {entry.yanked}" if entry.yanked else ""
        print(entry.version, entry.date or "-", entry.manifest_sha256, yanked, sep="\t")


@app.command()
def pull(
    version: Annotated[
        str | None,
        typer.Argument(
            metavar="VERSION|latest",
            help="What to pull.",
            show_default="the version in gazadata.lock, else latest",
        ),
    ] = None,
    store: StoreOption = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Put a copy into DIR/gazadata-VERSION."),
    ] = None,
) -> None:
    """Pull a release into the cache, verify it, pin it in gazadata.lock, and print where it is."""
    from gazadata.release.fetch import pull as pull_release

    with contextlib.ExitStack() as stack:
        bar: Progress | None = None

        def show(done: int, total: int) -> None:
            nonlocal bar
            if bar is None:
                # Once something arrives, since what is cached needs no bar. To import it takes as
                # long as a small release takes to arrive.
                from rich.console import Console
                from rich.progress import BarColumn, DownloadColumn, Progress, TransferSpeedColumn

                columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn())
                bar = stack.enter_context(Progress(*columns, console=Console(stderr=True)))
                bar.add_task("pull")
            bar.update(bar.task_ids[0], completed=done, total=total)

        progress = show if sys.stderr.isatty() else None
        where = pull_release(version, store or (), out, progress=progress)
    print(where)
