"""The command line: parses, calls, prints. Each command imports what it needs when it runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Optional

import typer

from gazadata.errors import GazadataError

app = typer.Typer(
    help="Tables on the diplomacy over a proposed force for Gaza, with the words behind every cell.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

PackageArgument = Annotated[
    Optional[Path],
    typer.Argument(metavar="PACKAGE", help="Folder with a datapackage.json.", show_default="here"),
]
HERE = Path()


def main() -> None:
    """Run the command line. Exit 0: done; 1: findings; 2: wrong use or unreadable input."""
    try:
        app()
    except GazadataError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
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
    """Put the tables into canonical form and fill in what follows from what a person wrote."""
    from gazadata.curate.canonical import format_package, write
    from gazadata.package import Package

    formatting = format_package(Package.open(package))
    for problem in formatting.problems:
        print(problem, file=sys.stderr)
    for path in formatting.files:
        print(f"{'would change' if check else 'changed'} {path}")
    if not check:
        write(formatting)
    raise typer.Exit(1 if formatting.problems or (check and formatting.files) else 0)


@app.command()
def find(
    words: Annotated[str, typer.Argument(help="Words of the article; typing is forgiven.")],
    package: Annotated[Path, typer.Option(help="Folder with a datapackage.json.")] = HERE,
) -> None:
    """Find words in the held texts: offsets, passage and context, ready to paste into quotes."""
    from gazadata.curate.lookup import find_in_package
    from gazadata.package import Package

    found = find_in_package(Package.open(package), words)
    print(found)
    raise typer.Exit(0 if found.matches else 1)


@app.command()
def explain(
    resource: Annotated[str, typer.Argument(help="A table, such as events.")],
    row_id: Annotated[str, typer.Argument(help="The primary key of a row.")],
    field: Annotated[Optional[str], typer.Argument(help="One field; all without it.")] = None,
    package: Annotated[
        Optional[Path], typer.Option(help="A data package; the bundled one without it.")
    ] = None,
) -> None:
    """Print each cell of a row with the words that it rests on."""
    from gazadata.dataset import open_dataset

    print(open_dataset(package).explain(resource, row_id, field))


@app.command()
def build(
    package: PackageArgument = HERE,
    out: Annotated[Path, typer.Option(help="The folder to put the release into.")] = Path("dist"),
) -> None:
    """Validate, then write the release folder gazadata-<version>/."""
    from gazadata.release.build import build as build_release

    print(build_release(package, out))
