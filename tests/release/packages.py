"""Copies of the package in the repository, to be changed and released."""

from __future__ import annotations

import shutil
from pathlib import Path

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
    return target
