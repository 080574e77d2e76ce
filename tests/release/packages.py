"""Copies of the package in the repository, to be changed and released.

They have version 1.0.0 and no retired identifiers, unlike perhaps the repository, so that tests can
rely on what comes next.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from gazadata.package import RETIRED
from gazadata.release.files import json_bytes

REPO = Path(__file__).parents[2]
PARTS = ("datapackage.json", "data", "schemas", "docs", "LICENSE", "raw", "reference")


def copy_package(target: Path) -> Path:
    """A copy of the package in the repository, with its texts."""
    target.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        if (REPO / part).is_dir():
            shutil.copytree(REPO / part, target / part)
        else:
            shutil.copy(REPO / part, target / part)
    for retired in target.rglob(RETIRED):
        retired.unlink()
    return with_version(target, "1.0.0")


def with_version(root: Path, version: str) -> Path:
    """Set the version of a package."""
    path = root / "datapackage.json"
    descriptor = json.loads(path.read_bytes())
    path.write_bytes(json_bytes(descriptor | {"version": version}))
    return root
