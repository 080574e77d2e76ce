"""A built release, made once, and copies of the package to change."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gazadata.release.build import build

REPO = Path(__file__).parents[2]
PARTS = ("datapackage.json", "data", "schemas", "docs", "LICENSE", "raw")


def copy_package(target: Path) -> Path:
    """A copy of the package in the repository, with its texts."""
    target.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        if (REPO / part).is_dir():
            shutil.copytree(REPO / part, target / part)
        else:
            shutil.copy(REPO / part, target / part)
    return target


@pytest.fixture
def package_folder(tmp_path: Path) -> Path:
    return copy_package(tmp_path / "package")


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release of the package, not to be changed."""
    return build(REPO, tmp_path_factory.mktemp("built"), archive=True)


@pytest.fixture
def release(built: Path, tmp_path: Path) -> Path:
    """A copy of the release, to be changed."""
    return Path(shutil.copytree(built, tmp_path / built.name))
