"""A built release, made once, and copies of the package to change."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.release.packages import copy_package
from tests.release.stores import Server, serving

from gazadata.release.build import build


@pytest.fixture
def package_folder(tmp_path: Path) -> Path:
    return copy_package(tmp_path / "package")


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package, not to be changed."""
    return copy_package(tmp_path_factory.mktemp("source") / "package")


@pytest.fixture(scope="session")
def built(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release of `source`, not to be changed."""
    return build(source, tmp_path_factory.mktemp("built"), archive=True)


@pytest.fixture
def release(built: Path, tmp_path: Path) -> Path:
    """A copy of the release, to be changed."""
    return Path(shutil.copytree(built, tmp_path / built.name))


@pytest.fixture
def server(store: Path) -> Iterator[Server]:
    """The store on a web server."""
    with serving(store) as server:
        yield server


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A separate cache and current folder."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("GAZADATA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("GAZADATA_STORE", raising=False)
    monkeypatch.delenv("GAZADATA_TIMEOUT", raising=False)
    return tmp_path / "cache"
