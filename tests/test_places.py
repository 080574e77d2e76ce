"""A package is read from where it is, even if its path means something special to a library."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import get_args

import duckdb
import pytest
from tests.release.packages import copy_package
from tests.release.stores import pull

import gazadata
from gazadata.release.build import build
from gazadata.release.diff import diff
from gazadata.release.export import Format, export
from gazadata.release.sides import side
from gazadata.release.store import publish
from gazadata.release.verify import verify
from gazadata.validate import validate

pytestmark = pytest.mark.sampled

ODD = ("src*", "src?", "~", "file:", "s3:x", "{a,b}", "%20", "a b")


@pytest.mark.skipif(os.name == "nt", reason="Windows allows no such names")
@pytest.mark.parametrize("name", ["src[1]", *ODD])
def test_a_path_is_not_a_pattern(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Next to the folder are others with different rows, which a pattern would match."""
    monkeypatch.chdir(tmp_path)
    odd = copy_package(tmp_path / name)
    for decoy in ("src1", "srcx", "a", "b"):
        shutil.copytree(odd, tmp_path / decoy)
        path = tmp_path / decoy / "data/topics.csv"
        path.write_text(path.read_text("utf-8").replace("isf", "xxx"), "utf-8")
    assert gazadata.open_dataset(name).load("topics").equals(gazadata.load("topics"))
    assert validate(name).ok(strict=True)


@pytest.mark.skipif(os.name == "nt", reason="Windows allows no such names")
def test_a_build_uses_exactly_the_folders_it_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = copy_package(tmp_path / "src[1]")
    shutil.copytree(odd, tmp_path / "src1")
    (tmp_path / "tmp[*]").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp[*]"))
    monkeypatch.chdir(tmp_path)
    release = build("src[1]", Path("out[1]"))
    for table in gazadata.open_dataset(odd).tables:
        assert (release / f"csv/{table}.csv").read_bytes() == (
            odd / f"data/{table}.csv"
        ).read_bytes()
    assert gazadata.open_dataset(release).load("events").equals(gazadata.load("events"))


@pytest.mark.skipif(os.name == "nt", reason="Windows allows no such names")
@pytest.mark.parametrize(
    "name",
    ["src[1]{0}*", "~", "s3:", "http:"],
)
def test_a_release_works_throughout_in_a_folder_with_an_odd_name(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Package, release, archive, store, cache, temporary files and exports, by relative paths."""
    here = Path(name)
    (tmp_path / here / "temporary").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GAZADATA_CACHE", str(tmp_path / here / "cache"))
    monkeypatch.delenv("GAZADATA_STORE", raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / here / "temporary"))
    package = copy_package(here / "package")
    path = package / "data/topics.csv"
    path.write_text(path.read_text("utf-8").replace(",Regional conflicts,", ",Its own,"), "utf-8")
    release = build(package, here / "out", archive=True)
    for release_ in (release, release.with_name(f"{release.name}.zip")):
        assert verify(release_)
        assert "Its own" in gazadata.open_dataset(release_).load("topics")["label"].to_list()
    with side(str(package)) as old, side(str(release)) as new:
        assert not diff(old, new)
    query = "SELECT count(*) FROM topics WHERE label = 'Its own'"
    for to in get_args(Format):
        export(release, to, here / f"all.{to}")
    with closing(sqlite3.connect((here / "all.sqlite").absolute())) as sqlite:
        assert sqlite.execute(query).fetchone() == (1,)
    with duckdb.connect(str((here / "all.duckdb").absolute())) as connection:
        assert connection.execute(query).fetchone() == (1,)
    publish(release, (here / "store").absolute())
    copy = pull("1.0.0", (here / "store").absolute(), here / "copy")
    assert copy == here / "copy" / release.name
    frame = gazadata.load("topics", as_="polars", version="1.0.0")
    assert frame["label"].to_list().count("Its own") == 1


def test_a_dataset_stays_where_it_was_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy_package(tmp_path / "base")
    other = copy_package(tmp_path / "elsewhere/base")
    path = other / "data/topics.csv"
    path.write_text(path.read_text("utf-8").replace("isf", "xxx"), "utf-8")
    monkeypatch.chdir(tmp_path)
    data = gazadata.open_dataset("base")
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert data.load("topics").equals(gazadata.load("topics"))
    assert data.view("topics")["topic_id"].tolist() == gazadata.load("topics")["topic_id"].tolist()
    assert str(tmp_path / "base") in repr(data)


@pytest.mark.parametrize("zipped", [False, True])
def test_copied_modules_do_not_mistake_another_package_for_their_own(
    tmp_path: Path, zipped: bool
) -> None:
    modules = tmp_path / "project/src/gazadata"
    shutil.copytree(
        Path(gazadata.__file__).parent, modules, ignore=shutil.ignore_patterns("_package", "__py*")
    )
    (tmp_path / "project/datapackage.json").write_text('{"name": "other"}', "utf-8")
    path = modules.parent
    if zipped:
        path = Path(shutil.make_archive(str(tmp_path / "modules"), "zip", modules.parent))
    done = subprocess.run(
        [sys.executable, "-c", "import gazadata; gazadata.load('events')"],
        env=os.environ | {"PYTHONPATH": str(path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "ReadError: the data of gazadata is not in " in done.stderr
