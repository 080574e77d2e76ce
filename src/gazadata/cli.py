"""The command line. Each command imports what it needs when it runs."""

from __future__ import annotations

import atexit
import contextlib
import gc
import io
import os
import re
import signal
import sys
import warnings
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from gazadata import frictionless_worker
from gazadata.errors import GazadataError

if TYPE_CHECKING:
    from rich.progress import Progress
    from typing_extensions import Buffer

    from gazadata.curate.record import Record
    from gazadata.curate.rewrite import Changes
    from gazadata.validate import Report

app = typer.Typer(
    help="Tables on the diplomacy over a proposed force for Gaza, with the evidence for each cell.",
    epilog="Exit codes: 0 success; 1 findings, mismatches or no match; 2 usage error, or a file "
    "cannot be read or written.",
    no_args_is_help=True,
    # Importing rich takes longer than the help of any command.
    rich_markup_mode=None,
    context_settings={"max_content_width": 100},
    pretty_exceptions_enable=False,
)

PackageArgument = Annotated[
    Path,
    typer.Argument(metavar="PACKAGE", help="Folder with a datapackage.json."),
]
HERE = Path()
PACKAGES = "Folder, .zip, git revision, or version in a store."
StoreOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="URL-or-DIR",
        help="A store; repeat the option to try several in turn.",
        show_default="GAZADATA_STORE, then the one in gazadata.lock",
    ),
]


class _Output(io.FileIO):
    """Standard output whose reader may close the pipe early, as `head` does.

    The rest of the output is dropped, and the exit status is that of the command.
    """

    def write(self, data: Buffer) -> int:
        try:
            return super().write(data) or 0
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.fileno())
            return memoryview(data).nbytes


def _print_version(asked: bool) -> None:
    if asked:
        from gazadata.package import bundled_version

        print(f"gazadata {bundled_version()}")
        raise typer.Exit


@app.callback()
def _options(
    _: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Options of the program itself."""


class _Unused:
    """Import hook that hides packages that pandera and pyarrow import but we do not use.

    Polars, pandera and pyarrow work without them; the tests fail if a release no longer does.
    """

    def __init__(self, *names: str) -> None:
        self.names = names

    def find_spec(self, name: str, *_: object) -> None:
        """Report a hidden module as missing."""
        if name in self.names:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def main() -> None:
    """Run the command line.

    Exit codes: 0 success; 1 findings of `validate`, `fmt` and `build`, mismatches of `verify` and
    `publish`, mistakes in a sheet, what `todo` lists, and no match in `find`; 2 usage error, or
    something that cannot be read, written or reached; 130 interrupted; 143 terminated.
    """
    sys.meta_path.insert(0, _Unused("pyspark"))
    if sys.argv[1:2] == ["validate"]:
        frictionless_worker.start_ahead()
    if sys.argv[1:2] in (["validate"], ["rule"], ["explain"], ["find"]):
        # Imports take longer than the work, and the process exits after its report.
        sys.meta_path.insert(0, _Unused("pandas", "hypothesis", "numpy"))
        gc.disable()
        atexit.register(gc.freeze)
    # Python would add the line of source code.
    warnings.showwarning = lambda message, *_: print(f"warning: {message}", file=sys.stderr)
    # Show them even if Python is set to ignore warnings.
    warnings.filterwarnings("always", category=UserWarning)
    if sys.stdout is sys.__stdout__ and sys.stdout and not sys.stdout.isatty():
        output = io.BufferedWriter(_Output(sys.stdout.fileno(), "wb", closefd=False))
        sys.stdout = io.TextIOWrapper(output, encoding=sys.stdout.encoding)
    for stream in (sys.stdout, sys.stderr):
        # Characters that the terminal cannot show must not end the program.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    # Clean up as after an interrupt, unless the parent asked to ignore the signal.
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
    check: Annotated[bool, typer.Option("--check", help="Only report what would change.")] = False,
) -> None:
    """Bring the tables into canonical form and fill in derived cells, such as offsets.

    Exit 0 on success, 1 if something needs a person's decision or, with --check, would change, 2
    on a usage error or if a table cannot be read.
    """
    from gazadata.curate.fmt import format_package
    from gazadata.curate.write import write
    from gazadata.package import Package

    formatting = format_package(Package.open(package))
    for problem in formatting.problems:
        print(problem, file=sys.stderr)
    if not check:
        write(formatting.files, formatting.read)
    for path in formatting.files:
        print(f"{'would change' if check else 'changed'} {path}")
    raise typer.Exit(1 if formatting.problems or (check and formatting.files) else 0)


@app.command()
def find(
    words: Annotated[
        str, typer.Argument(help="Words of the article; case and typography are ignored.")
    ],
    package: Annotated[Path, typer.Option(help="Folder with a datapackage.json.")] = HERE,
) -> None:
    """Find words in the articles; print offsets, passage and context, to paste into quotes.csv.

    Exit 0 if they are found, 1 if not, 2 on a usage error.
    """
    from gazadata.curate.lookup import find_in_package
    from gazadata.package import Package

    found = find_in_package(Package.open(package), words)
    print(found)
    raise typer.Exit(0 if found.matches else 1)


PackageOption = Annotated[Path, typer.Option(help="Folder with a datapackage.json.")]
SourceArgument = Annotated[str, typer.Argument(help="The key of an article in the sources table.")]


@app.command()
def add_article(
    file: Annotated[Path, typer.Argument(help="A text file; its name becomes the article's key.")],
    title: Annotated[str, typer.Option(show_default="the first line")] = "",
    publisher: Annotated[str, typer.Option()] = "",
    url: Annotated[str, typer.Option()] = "",
    published: Annotated[str, typer.Option(help="YYYY-MM-DD, YYYY-MM or YYYY.")] = "",
    language: Annotated[str, typer.Option(help="An ISO 639-1 code.")] = "en",
    package: PackageOption = HERE,
) -> None:
    """Add an article: its text to raw/, its row to sources, and its passages.

    Exit 0 on success, 2 if the text cannot be used.
    """
    from gazadata.curate.article import Details
    from gazadata.curate.article import add_article as add

    details = Details(title, publisher, url, published, language)
    _write(add(_record(package), file, details))


@app.command()
def sheet(
    source: SourceArgument,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it to a file.")] = None,
    package: PackageOption = HERE,
) -> None:
    """Print an article with its rows as one YAML sheet, to read and edit.

    With --out, its JSON Schema is written next to it, for editors.
    """
    from gazadata.curate.sheet_files import write_sheet
    from gazadata.curate.sheet_write import print_sheet

    record = _record(package)
    text = print_sheet(record, source)
    if out is None:
        print(text, end="")
    else:
        for path in write_sheet(record, out, text):
            print(f"wrote {path}")


@app.command()
def apply(
    sheet: Annotated[Path, typer.Argument(help="A sheet, as `gazadata sheet` prints it.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would change.")
    ] = False,
    package: PackageOption = HERE,
) -> None:
    """Write the tables from a sheet: all of it, or nothing.

    Rows that are no longer in the sheet are removed. Exit 0 on success, 1 if the sheet has
    mistakes, 2 if something cannot be read or written.
    """
    from gazadata.curate.apply import apply_sheet
    from gazadata.curate.sheet_read import read_sheet

    record = _record(package)
    _write(apply_sheet(record, read_sheet(sheet, record.contract)), dry_run=dry_run)


@app.command()
def rename(
    table: Annotated[str, typer.Argument(help="A table, such as events.")],
    old: Annotated[str, typer.Argument(help="The key of a row.")],
    new: Annotated[str, typer.Argument(help="Its new key.")],
    package: PackageOption = HERE,
) -> None:
    """Change a row's key wherever it is used.

    If the old key was in a release, add it to data/retired.csv yourself.

    Exit 0 on success, 2 if the new key cannot be used.
    """
    from gazadata.curate.edit import rename as rename_row

    _write(rename_row(_record(package), table, old, new))


@app.command()
def remove(
    table: Annotated[str, typer.Argument(help="A table, such as events.")],
    key: Annotated[str, typer.Argument(help="The key of a row.")],
    dependants: Annotated[
        bool,
        typer.Option("--dependants", help="Also remove the rows that depend on it."),
    ] = False,
    package: PackageOption = HERE,
) -> None:
    """Remove a row with its evidence, and with the quotes that nothing else uses.

    Exit 0 on success, 2 if other rows point to it.
    """
    from gazadata.curate.edit import remove as remove_row

    _write(remove_row(_record(package), table, key, dependants=dependants))


@app.command()
def todo(
    source: Annotated[
        str | None, typer.Argument(help="The key of an article.", show_default="every article")
    ] = None,
    package: PackageOption = HERE,
) -> None:
    """List what is left to code in an article, passage by passage.

    Exit 0 if nothing is left, 1 if something is, 2 on a usage error.
    """
    from gazadata.curate.todo import todo as left_to_code

    record = _record(package)
    found = False
    for name in [source] if source else record.articles():
        lines = list(left_to_code(record, name))
        found = found or bool(lines)
        print(f"{name}: {'nothing left to code' if not lines else ''}".rstrip())
        for line in lines:
            print(f"  {line}")
    raise typer.Exit(1 if found else 0)


@app.command()
def packet(
    source: SourceArgument,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A new folder.", show_default="SOURCE-packet")
    ] = None,
    package: PackageOption = HERE,
) -> None:
    """Write a packet for a blind coder: the text, the manual, the codebook and an empty sheet.

    Exit 0 on success, 2 if something cannot be read or the folder exists.
    """
    from gazadata.curate.sheet_files import write_packet

    folder = out or Path(f"{source}-packet")
    for path in write_packet(_record(package), source, folder):
        print(path)


@app.command()
def agreement(
    first: Annotated[Path, typer.Argument(metavar="A", help="A sheet, or a package's folder.")],
    second: Annotated[Path, typer.Argument(metavar="B", help="The same, for the other coding.")],
    source: Annotated[
        str | None, typer.Option(help="The article.", show_default="the only one")
    ] = None,
    package: Annotated[
        Path | None,
        typer.Option(
            help="The package whose schemas both use.", show_default="A or B, else the bundled one"
        ),
    ] = None,
) -> None:
    """Compare two codings of an article: recall, precision, and agreement by column.

    Exit 0 on success, 1 if a sheet has mistakes, 2 if something cannot be read.
    """
    from gazadata.curate.agreement import agreement as compare
    from gazadata.package import Package

    contract = Package.open(package).contract if package else None
    print(compare(first, second, source, contract))


def _record(package: Path) -> Record:
    from gazadata.curate.record import Record
    from gazadata.package import Package

    return Record.read(Package.open(package))


def _write(result: Changes, *, dry_run: bool = False) -> None:
    """Print the changes, and write them unless this is a dry run."""
    from gazadata.curate.write import write

    for change in result.lines:
        print(change)
    if not result.lines:
        print("nothing to change")
    if result.removes:
        print("note: add each removed key that was in a release to data/retired.csv")
    if not dry_run:
        write(result.files, result.read)
    for path in result.files:
        print(f"{'would change' if dry_run else 'changed'} {path}")


@app.command()
def explain(
    table: Annotated[str, typer.Argument(help="A table, such as events.")],
    key: Annotated[
        str | None, typer.Argument(help="The key of a row.", show_default="list the rows")
    ] = None,
    field: Annotated[str | None, typer.Argument(help="A field.", show_default="all")] = None,
    package: Annotated[
        str | None,
        typer.Option(
            help=PACKAGES,
            show_default="the release pinned in gazadata.lock, else the bundled package",
        ),
    ] = None,
    store: StoreOption = None,
    html: Annotated[bool, typer.Option("--html", help="Print HTML.")] = False,
) -> None:
    """Print each cell of a row with its evidence, or the key and label of each row."""
    from gazadata.opening import open_dataset

    with contextlib.ExitStack() as stack:
        if package is None or os.path.isdir(package):
            data = open_dataset(package, store=None if package else store)
        else:
            from gazadata.dataset import Dataset
            from gazadata.release.sides import side

            data = Dataset(stack.enter_context(side(package, store)))
        if key is None and html:
            raise GazadataError("--html needs the key of a row")
        if key is None:
            for one, label in data.labels(table).items():
                print(one, label, sep="\t")
            return
        explanation = data.explain(table, key, field)
        if html:
            from gazadata.display.notebook import explanation_page

            print(explanation_page(explanation))
        else:
            print(explanation)


@app.command()
def page(
    package: PackageArgument = HERE,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The file to write.")] = Path(
        "index.html"
    ),
    draft: Annotated[
        bool,
        typer.Option(
            "--draft", help="Write the page even if there are findings, and list them on it."
        ),
    ] = False,
) -> None:
    """Write the package as one HTML page, which needs no network and no server.

    A large package gets an index, and a page for each source next to it.

    Exit 0 on success, 1 on findings, 2 on a usage error or if a file cannot be read or written.
    """
    from gazadata.display.pages import write_page
    from gazadata.opening import open_dataset

    print(write_page(open_dataset(package), out, draft=draft))


@app.command()
def validate(
    # Text, since a path would lose slashes of a URL.
    package: Annotated[
        str, typer.Argument(metavar="PACKAGE", help="Folder with a datapackage.json.")
    ] = ".",
    *,
    format: Annotated[
        list[str] | None,
        typer.Option(
            help="full, concise, json, github, sarif, junit or markdown; may be repeated.",
            show_default="full in a terminal, github in GitHub Actions, concise elsewhere",
        ),
    ] = None,
    output: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Write the report to a file. The first --output is for the first --format, and "
            "so on; a --format without an --output is printed.",
        ),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Treat warnings as errors.")] = False,
    plain: Annotated[
        bool, typer.Option("--plain", help="For screen readers: words, not colours and arrows.")
    ] = False,
    every: Annotated[bool, typer.Option("--all", help="Show every finding of a rule.")] = False,
    frictionless: Annotated[
        str,
        typer.Option(help="Rows of a large package that frictionless reads: all or sample."),
    ] = "sample",
    engine: Annotated[
        str, typer.Option(help="Where the rules run: local (this process) or spark.")
    ] = "local",
    master: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Spark's master, such as spark://host:7077.",
            show_default="this machine",
        ),
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Show Spark's output, and the cause of errors.")
    ] = False,
) -> None:
    """Validate a package.

    Exit 0 if it passes, 1 on findings, 2 on a usage error or if something cannot be read.
    """
    from gazadata.errors import UnknownName
    from gazadata.package import Package
    from gazadata.validate import reporters
    from gazadata.validate import validate as run

    files = output or []
    terminal = sys.stdout is not None and sys.stdout.isatty() and not files
    names = format or [reporters.choose(os.environ, terminal=terminal)]
    for kind, given, known, of in (
        *(("format", name, list(reporters.FORMATS), "") for name in names),
        ("value", frictionless, ["all", "sample"], " for --frictionless"),
        ("engine", engine, ["local", "spark"], ""),
    ):
        if given not in known:
            raise UnknownName(kind, given, known, of)
    if len(files) > len(names) or len(names) > len(files) + 1:
        raise GazadataError(
            f"{len(names)} --format and {len(files)} --output: every --format except the last "
            "needs an --output"
        )
    elsewhere = engine == "spark" and re.match(r"(?!file)[a-z][a-z0-9+.-]+://.", package)
    root = Path(package) if elsewhere else Package.locate(package)
    for file in files:
        reporters.check_output(file, root)
    if master and engine != "spark":
        raise GazadataError("--master needs --engine spark")
    limit, frictionless_all = reporters.EVERY if every else reporters.KEPT, frictionless == "all"
    if engine == "spark":
        where = package if elsewhere else root
        report = _on_spark(where, master, limit, frictionless_all=frictionless_all, verbose=verbose)
    else:
        report = run(root, limit=limit, frictionless_all=frictionless_all)
    asked = reporters.Options(strict=strict, plain=plain, every=every)
    for name, file_ in zip_longest(names, files):
        options = reporters.settle(asked, name, root, os.environ, terminal=terminal)
        reporters.emit(report, name, options, file_, os.environ)
    raise typer.Exit(0 if report.ok(strict=strict) else 1)


def _on_spark(
    where: str | Path, master: str | None, limit: int, *, frictionless_all: bool, verbose: bool
) -> Report:
    # Spark needs the hidden modules.
    sys.meta_path[:] = [one for one in sys.meta_path if not isinstance(one, _Unused)]
    gc.enable()
    from gazadata import spark

    try:
        with spark.session(master, verbose=verbose) as session:
            return spark.report(session, where, limit=limit, frictionless_all=frictionless_all)
    except GazadataError as error:
        if verbose and error.__cause__:
            print(error.__cause__, file=sys.stderr)
        raise


@app.command()
def rule(
    code: Annotated[
        str | None, typer.Argument(help="A rule, such as GD203.", show_default="list all")
    ] = None,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print all rules as Markdown, as in docs/rules.md.")
    ] = False,
) -> None:
    """Print a validation rule: the problem, why it matters, and the remedy."""
    from gazadata.validate import reporters

    if markdown:
        print(reporters.rules_markdown(), end="")
    else:
        print(reporters.rule_text(code) if code else reporters.rules_text(), end="")


@app.command()
def build(
    package: PackageArgument = HERE,
    out: Annotated[Path, typer.Option(help="Folder to create the release in.")] = Path("dist"),
    parent: Annotated[
        Path | None,
        typer.Option(help="The previous release: its folder or .zip."),
    ] = None,
    zip: Annotated[bool, typer.Option("--zip", help="Also write a .zip.")] = False,
) -> None:
    """Validate, then write the release folder gazadata-<version>/.

    Exit 0 on success, 1 on findings, 2 on a usage error or if something cannot be read or written.
    """
    from gazadata.release.build import build as build_release

    print(build_release(package, out, parent=parent, archive=zip))


@app.command()
def bump(
    version: Annotated[str, typer.Argument(help="The new version, such as 1.1.0.")],
    package: PackageArgument = HERE,
) -> None:
    """Set the version and today's date in datapackage.json, CITATION.cff and CHANGELOG.md.

    The heading in CHANGELOG.md also gets the row counts. `build` refuses a package in which
    these disagree.
    """
    from gazadata.release.bump import bump as bump_version

    for path in bump_version(package, version):
        print(f"changed {path}")


@app.command()
def verify(
    release: Annotated[Path, typer.Argument(help="A release: its folder or .zip.")],
    raw: Annotated[
        Path | None, typer.Option(help="The text of a source, to check every quote against.")
    ] = None,
) -> None:
    """Verify a release offline: hashes, tables, descriptor and manifest.

    Exit 0 if it verifies, 1 on mismatches, 2 on a usage error or if there is no release.
    """
    from gazadata.release.verify import verify as verify_release

    for sentence in verify_release(release, raw):
        print(sentence)


@app.command()
def diff(
    old: Annotated[str, typer.Argument(help=PACKAGES)],
    new: Annotated[str, typer.Argument(help="The same, for the newer side.")],
    format: Annotated[str, typer.Option(help="full, json or markdown.")] = "full",
    store: StoreOption = None,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit 1 if anything changed.")
    ] = False,
) -> None:
    """Show what changed between two packages, and the version bump it requires."""
    from gazadata.errors import UnknownName
    from gazadata.release.diff import diff as compare
    from gazadata.release.diff_formats import FORMATS
    from gazadata.release.sides import side

    if format not in FORMATS:
        raise UnknownName("format", format, list(FORMATS))
    if format != "full" and isinstance(sys.stdout, io.TextIOWrapper) and not sys.stdout.isatty():
        # Output for programs has the same bytes on every system.
        sys.stdout.reconfigure(encoding="utf-8", newline="\n")
    with side(old, store) as before, side(new, store) as after:
        changes = compare(before, after)
    print(FORMATS[format](changes), end="")
    raise typer.Exit(1 if exit_code and changes else 0)


@app.command()
def export(
    release: Annotated[str, typer.Argument(help=PACKAGES)],
    file: Annotated[Path, typer.Argument(help="The file to write.")],
    to: Annotated[str, typer.Option(help="sqlite, duckdb or xlsx.")],
    store: StoreOption = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
) -> None:
    """Export a release to one file: a database with keys, or a workbook.

    For sqlite, a second file describes the tables to Datasette. Prints the files written.
    """
    from gazadata.release.export import Format
    from gazadata.release.export import export as export_release

    for path in export_release(release, cast("Format", to), file, stores=store, force=force):
        print(path)


@app.command()
def publish(
    release: Annotated[Path, typer.Argument(help="A release folder.")],
    store: Annotated[str, typer.Option(metavar="DIR", help="The folder of the store.")],
) -> None:
    """Verify a release and publish it to a store. A published version is never replaced.

    Exit 0 on success, 1 on mismatches, 2 on a usage error or if the store rejects the release.
    """
    from gazadata.release.store import publish as publish_release
    from gazadata.release.store import written_folder

    folder = written_folder(store)
    entry = publish_release(release, folder)
    print(f"{folder / entry.version}  sha256 of the manifest: {entry.manifest_sha256}")


@app.command()
def yank(
    version: Annotated[str, typer.Argument(help="A published version.")],
    reason: Annotated[str, typer.Option(help="Why nobody should use it.")],
    store: Annotated[str, typer.Option(metavar="DIR", help="The folder of the store.")],
) -> None:
    """Mark a published version as not to be used. Its files stay, for projects that pinned it."""
    from gazadata.release.store import written_folder
    from gazadata.release.store import yank as yank_version

    folder = written_folder(store)
    entry = yank_version(version, reason, folder)
    print(f"{folder / entry.version}  yanked: {entry.yanked}")


@app.command()
def versions(store: StoreOption = None) -> None:
    """List the published versions: version, date, SHA-256 of the manifest, reason if yanked."""
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
            help="The version to pull.",
            show_default="the version in gazadata.lock, else latest",
        ),
    ] = None,
    store: StoreOption = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Also copy it to DIR/gazadata-VERSION."),
    ] = None,
) -> None:
    """Download a release to the cache, verify it, pin it in gazadata.lock, and print its path.

    The version, and the one that was pinned before, are printed to standard error.
    """
    from gazadata.release.fetch import pull as pull_release

    with contextlib.ExitStack() as stack:
        bar: Progress | None = None

        def show(done: int, total: int) -> None:
            nonlocal bar
            if bar is None:
                # A cached release needs no bar, and importing rich takes as long as a small
                # download.
                from rich.console import Console
                from rich.progress import BarColumn, DownloadColumn, Progress, TransferSpeedColumn

                columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn())
                bar = stack.enter_context(Progress(*columns, console=Console(stderr=True)))
                bar.add_task("pull")
            bar.update(bar.task_ids[0], completed=done, total=total)

        progress = show if sys.stderr.isatty() else None
        release = pull_release(version, store or (), out, progress=progress)
    print(release, file=sys.stderr)
    print(release.folder)
