"""Fixtures that several test files share."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

REPO = Path(__file__).parents[1]

# How long an example takes says how busy the machine is, and nothing of what it shows.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(scope="session", autouse=True)
def _no_cache_of_the_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Whatever a test or a process that it starts pulls, the user's own cache stays as it is."""
    before = os.environ.get("GAZADATA_CACHE")
    os.environ["GAZADATA_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    yield
    del os.environ["GAZADATA_CACHE"]
    if before is not None:
        os.environ["GAZADATA_CACHE"] = before


@pytest.fixture(scope="session")
def repo() -> Path:
    """The repository, which is a data package. Read only: `package_copy` is there to be changed."""
    return REPO


@pytest.fixture(scope="session")
def article() -> str:
    """The text that the record was made from."""
    return (REPO / "raw/000_6e04a71c739462ee.txt").read_bytes().decode("utf-8")


@pytest.fixture
def package_copy(tmp_path: Path) -> Path:
    """The whole package in a folder of its own, for a test to damage."""
    root = tmp_path / "package"
    for name in ("data", "schemas", "raw", "reference", "docs"):
        shutil.copytree(REPO / name, root / name)
    shutil.copy(REPO / "datapackage.json", root)
    return root
