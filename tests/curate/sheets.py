"""Packages with articles, and their sheets, for the tests of curators' tools."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.article.package import FOLDER, REPO, SOURCE, make

from gazadata.curate.apply import apply_sheet
from gazadata.curate.article import Details, add_article
from gazadata.curate.record import Record
from gazadata.curate.rewrite import Changes
from gazadata.curate.sheet_read import parse_sheet
from gazadata.curate.sheet_write import print_sheet
from gazadata.curate.write import write
from gazadata.package import Package

TEXT = FOLDER / "raw" / f"{SOURCE}.txt"


def opened(root: Path) -> Record:
    """A package as it is on disk now."""
    return Record.read(Package.open(root))


def applied(root: Path, text: str) -> Changes:
    """What a sheet with this text would change in a package."""
    record = opened(root)
    return apply_sheet(record, parse_sheet(root / "sheet.yaml", text, record.contract))


def save(changes: Changes) -> None:
    """Write the changes."""
    write(changes.files, changes.read)


def tables(root: Path) -> dict[str, bytes]:
    """The bytes of a package's tables, by file name."""
    return {path.name: path.read_bytes() for path in sorted((root / "data").iterdir())}


def repository(root: Path) -> Path:
    """A copy of the package in the repository."""
    for name in ("data", "schemas", "raw", "reference"):
        shutil.copytree(REPO / name, root / name)
    shutil.copy(REPO / "datapackage.json", root)
    return root


def without_names(root: Path) -> Path:
    """The invented article's package, whose contract has no table of names."""
    make(root)
    descriptor = json.loads((root / "datapackage.json").read_text("utf-8"))
    descriptor["resources"] = [one for one in descriptor["resources"] if one["name"] != "names"]
    (root / "datapackage.json").write_text(json.dumps(descriptor), "utf-8")
    evidence = root / "data" / "evidence.csv"
    lines = evidence.read_text("utf-8").splitlines(keepends=True)
    evidence.write_text("".join(line for line in lines if ",names," not in line), "utf-8")
    return root


def with_judgements(root: Path) -> Path:
    """The invented article's package, with a table `judgements` in place of `assessments`."""
    make(root)
    for name in ("datapackage.json", "schemas/assessments.json", "schemas/evidence.json"):
        path = root / name
        text = path.read_text("utf-8").replace('"assessments"', '"judgements"')
        path.write_text(text, "utf-8")
    evidence = root / "data" / "evidence.csv"
    text = evidence.read_text("utf-8").replace(",assessments,", ",judgements,")
    evidence.write_text(text, "utf-8")
    return root


def invented_sheet(folder: Path) -> str:
    """The sheet of the invented article, as its own package has it."""
    return print_sheet(opened(make(folder)), SOURCE)


def with_state_of(text: str, other: str) -> str:
    """A sheet with the state of another one, as if it were an edit of that one."""
    state = next(line for line in other.split("\n") if line.startswith("state:"))
    return "\n".join(state if line.startswith("state:") else line for line in text.split("\n"))


def add_invented(root: Path, folder: Path, sheet: str) -> Changes:
    """Add the invented article to a package: its text, and then its rows from a sheet."""
    folder.mkdir()
    file = folder / TEXT.name
    file.write_bytes(TEXT.read_bytes())
    save(add_article(opened(root), file, Details()))
    blank = print_sheet(opened(root), SOURCE)
    text = with_state_of(sheet, blank)
    (root / "sheet.yaml").write_text(text, "utf-8")
    changes = applied(root, text)
    save(changes)
    return changes
