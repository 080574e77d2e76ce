"""A package is read from where it lies, whatever its path looks like to a library."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.release.packages import copy_package

import gazadata
from gazadata.release.build import build
from gazadata.validate import validate

ODD = ("src[1]", "src*", "src?", "~", "file:", "s3:x", "{a,b}", "%20", "a b")


@pytest.mark.skipif(os.name == "nt", reason="Windows allows no such names")
@pytest.mark.parametrize("name", ODD)
def test_a_path_is_not_a_pattern(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside the folder are those that a pattern would match, whose rows are others."""
    monkeypatch.chdir(tmp_path)
    odd = copy_package(tmp_path / name)
    for decoy in ("src1", "srcx", "a", "b"):
        shutil.copytree(odd, tmp_path / decoy)
        path = tmp_path / decoy / "data/topics.csv"
        path.write_text(path.read_text("utf-8").replace("isf", "xxx"), "utf-8")
    assert gazadata.open_dataset(name).load("topics").equals(gazadata.load("topics"))
    assert validate(name).ok(strict=True)


@pytest.mark.skipif(os.name == "nt", reason="Windows allows no such names")
def test_what_is_built_and_put_by_lies_where_it_is_named(
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
def test_modules_that_were_copied_away_do_not_take_another_package_for_their_own(
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
