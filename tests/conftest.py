"""Fixtures that several test files share."""

import atexit
import gc
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from gazadata.cli import _Unused
from gazadata.release.cache import Cache

REPO = Path(__file__).parents[1]

# The time of an example depends on how busy the machine is, not on what it tests.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(scope="session", autouse=True)
def _home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A separate home folder and cache for the tests; fails if a test still writes to a home.

    Browsers and notebooks leave settings in the home folder. gazadata must leave nothing there, nor
    in the user's own one if a process is started without HOME.
    """
    home, cache = tmp_path_factory.mktemp("home"), Cache.of_user().folder
    before = _written(cache)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("HOME", "LOCALAPPDATA"):
            patch.setenv(name, str(home))
        for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
            patch.delenv(name, raising=False)
        patch.setenv("GAZADATA_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield
    assert not list(home.rglob("gazadata*")), "a test wrote into the cache below HOME"
    assert _written(cache) == before, f"a test wrote into {cache}"


@pytest.fixture(autouse=True)
def _process_of_tests() -> Iterator[None]:
    """Undo what `main` does to its process, which normally ends with the command."""
    yield
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, _Unused)]
    gc.enable()
    atexit.unregister(gc.freeze)


def _written(folder: Path) -> dict[Path, int]:
    """The files in a folder and when they were written."""
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


@pytest.fixture(scope="session")
def repo() -> Path:
    """The repository, which is a data package. Do not change it: use `package_copy`."""
    return REPO


@pytest.fixture(scope="session")
def article() -> str:
    """The text that the record was made from."""
    return (REPO / "raw/000_6e04a71c739462ee.txt").read_bytes().decode("utf-8")


@pytest.fixture
def package_copy(tmp_path: Path) -> Path:
    """The whole package in its own folder, for a test to damage."""
    root = tmp_path / "package"
    for name in ("data", "schemas", "raw", "reference", "docs"):
        shutil.copytree(REPO / name, root / name)
    shutil.copy(REPO / "datapackage.json", root)
    return root


def pytest_xdist_auto_num_workers() -> int:
    """One more than the cores: a fifth of the time, tests wait for servers and processes."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all but the first case of each test in a `sampled` file as long."""
    seen = set()
    for item in items:
        test = item.nodeid.partition("[")[0]
        if item.get_closest_marker("sampled") and test in seen:
            item.add_marker(pytest.mark.long)
        seen.add(test)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests recorded for the reader, such as the kill rate of the mutants."""
    for report in terminalreporter.stats.get("passed", []):
        for title, line in report.user_properties:
            terminalreporter.write_line(f"{title}: {line}")
