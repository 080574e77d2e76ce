"""Finding a package and its files."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from gazadata.errors import ContractError, GazadataError, ReadError, UnknownName
from gazadata.package import Package, bundled


def test_the_bundled_package_is_a_package() -> None:
    package = Package.open()
    assert package.root == bundled()
    assert package.contract.name == "gazadata"


@pytest.mark.parametrize(
    "named",
    [
        lambda root: root,
        str,
        lambda root: root / "datapackage.json",
        lambda root: str(root / "datapackage.json"),
        lambda root: f"{root}{os.sep}",
        os.path.relpath,
        lambda root: root / "data" / "..",
    ],
    ids=["Path", "str", "descriptor", "descriptor as str", "slash", "relative", "dots"],
)
def test_a_package_may_be_named_in_several_ways(
    package_copy: Path, named: Callable[[Path], str | Path]
) -> None:
    package = Package.open(named(package_copy))
    assert package.root.resolve() == package_copy
    assert package.path("events").resolve() == package_copy / "data" / "events.csv"


def test_the_current_folder(package_copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(package_copy)
    assert (
        Package.open(".").table("events").num_rows
        == Package.open(package_copy).table("events").num_rows
    )
    assert Package.open("datapackage.json").path("events").is_file()


@pytest.mark.parametrize(
    "path", ["nowhere", "empty", "data.csv", "data.csv/x", "x/datapackage.json"]
)
def test_a_path_without_a_package(tmp_path: Path, path: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "data.csv").touch()
    with pytest.raises(ReadError, match=r"no data package at .*: expected a folder that holds a "):
        Package.open(tmp_path / path)


def test_a_folder_instead_of_the_descriptor(tmp_path: Path) -> None:
    (tmp_path / "datapackage.json").mkdir()
    with pytest.raises(ReadError, match="no data package at"):
        Package.open(tmp_path)


def test_a_misspelt_table_gets_a_suggestion(repo: Path) -> None:
    package = Package.open(repo)
    for ask in (package.path, package.table):
        with pytest.raises(UnknownName, match="did you mean 'events'"):
            ask("event")


@pytest.mark.parametrize("path", ["", "..", "../events.csv", "/etc/passwd", "data\\events.csv"])
def test_a_table_outside_the_package_is_not_read(package_copy: Path, path: str) -> None:
    descriptor = json.loads((package_copy / "datapackage.json").read_text("utf-8"))
    (events,) = (raw for raw in descriptor["resources"] if raw["name"] == "events")
    events["path"] = path
    (package_copy / "datapackage.json").write_text(json.dumps(descriptor), "utf-8")
    (package_copy.parent / "events.csv").touch()
    with pytest.raises(ContractError):
        Package.open(package_copy).table("events")


def test_a_table_linked_from_outside_is_not_read(package_copy: Path) -> None:
    table = package_copy / "data" / "events.csv"
    outside = table.rename(package_copy.parent / "events.csv")
    table.symlink_to(outside)
    with pytest.raises(ContractError, match="is outside the package"):
        Package.open(package_copy).table("events")


@pytest.mark.parametrize("path", ["data/events.csv", "schemas/events.json"])
def test_a_missing_file(package_copy: Path, path: str) -> None:
    (package_copy / path).unlink()
    gone = r"events\.csv: no such file|no file schemas/events\.json"
    with pytest.raises(GazadataError, match=gone):
        Package.open(package_copy).table("events")
