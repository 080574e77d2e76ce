"""The invented article as a data package, with the contract of the repository."""

import csv
import json
import re
import shutil
from pathlib import Path

from gazadata.contract import Contract
from gazadata.curate.fmt import format_package
from gazadata.curate.write import write
from gazadata.package import Package

REPO = Path(__file__).parents[2]
FOLDER = Path(__file__).parent
SOURCE = "norvane-urges-telmark"
OTHER_WORDS = {
    "Norvane": "Sulvane", "Telmark": "Vosmark", "Kessaly": "Tressay", "Brenholt": "Grenfelt",
    "Harbour": "Station", "Amsel": "Imsel", "Lisse": "Tosse", "Pell": "Tull", "Vorn": "Durn",
    "Oake": "Iske", "Rusk": "Tosk", "Upland": "Inland", "Holm": "Mold", "River": "Ocean",
    "Doran": "Boran", "Edda": "Enna", "Mara": "Lara", "Tam": "Tim", "Observer": "Onlooker",
    "Commission": "Consortium", "Grain": "Steel", "Turbine": "Reactor", "Treaty": "Accord",
}  # fmt: skip
"""Words of the invented article, and replacements of the same length for another one."""


def make(root: Path) -> Path:
    """Write the package to a folder that does not exist yet, and return the folder.

    The contract is copied from the repository rather than kept in two places. The name differs,
    because only the package called gazadata promises not to change a released contract.
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
    formatted = format_package(Package.open(root))
    write(formatted.files, formatted.read)
    return root


def add_another(root: Path) -> None:
    """Add an article to the package at `root` that shares no key or name with the invented one.

    It is the same story with other names, so that its offsets are the same.
    """
    for path in (FOLDER / "raw").iterdir():
        text = _renamed(path.read_text("utf-8"))
        (root / "raw" / _renamed(path.name)).write_text(text, "utf-8", newline="")
    tables = {path.name: _rows(path) for path in (FOLDER / "data").iterdir()}
    keys = {next(iter(row.values())) for rows in tables.values() for row in rows}
    links = {
        f"{name}.csv": {resource.key, *(key.field for key in resource.foreign_keys)}
        for name, resource in Contract.read(root).resources.items()
    }
    for name, rows in tables.items():
        for row in rows:
            for field, cell in row.items():
                is_key = cell in keys and field in ("row_id", *links[name])
                row[field] = _renamed(f"other-{cell}" if is_key and SOURCE not in cell else cell)
            row.update({at: "" for at in ("evidence_id", "text_sha256") if at in row})
        with (root / "data" / name).open("a", encoding="utf-8", newline="") as table:
            csv.writer(table, lineterminator="\n").writerows(row.values() for row in rows)
    formatted = format_package(Package.open(root))
    assert not formatted.problems
    write(formatted.files, formatted.read)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _renamed(text: str) -> str:
    for name, other in OTHER_WORDS.items():
        assert len(name) == len(other)
        for old, new in ((name, other), (name.lower(), other.lower())):
            text = re.sub(rf"(?<![A-Za-z]){old}", new, text)
    return text
