"""The invented article as a data package, with the contract of the repository."""

import json
import shutil
from pathlib import Path

from gazadata.curate.canonical import format_package, write
from gazadata.package import Package

REPO = Path(__file__).parents[2]
FOLDER = Path(__file__).parent
SOURCE = "norvane-urges-telmark"


def make(root: Path) -> Path:
    """Write the package to a folder that does not exist yet, and return the folder.

    The contract is copied from the repository, so that it has no second home; the name is
    another, because the promise of a released contract is that of gazadata alone.
    """
    root.mkdir(parents=True)
    for name in ("schemas", "reference"):
        shutil.copytree(REPO / name, root / name)
    for name in ("raw", "data"):
        shutil.copytree(FOLDER / name, root / name)
    descriptor = json.loads((REPO / "datapackage.json").read_text("utf-8"))
    descriptor |= {"name": "invented-article", "title": "An invented article"}
    (root / "datapackage.json").write_text(json.dumps(descriptor, indent=2) + "\n", "utf-8")
    return root


def make_with_shipped(root: Path) -> Path:
    """Write a package of two articles: the rows of the repository and those of the invented one."""
    make(root)
    for name in ("raw", "data"):
        shutil.copytree(REPO / name, root / name, dirs_exist_ok=True)
    for path in (FOLDER / "data").iterdir():
        _, rows = path.read_text("utf-8").split("\n", 1)
        with (root / "data" / path.name).open("a", encoding="utf-8", newline="") as table:
            table.write(rows)
    write(format_package(Package.open(root)))
    return root
