"""The invented article as a data package, with the contract of the repository."""

import json
import shutil
from pathlib import Path

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
