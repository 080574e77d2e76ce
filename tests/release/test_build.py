"""Builds: the same bytes whatever the circumstances, whole or not there, refused on findings."""

from __future__ import annotations

import csv
import json
import locale
import os
import random
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tests.release.conftest import REPO, copy_package

from gazadata import retired
from gazadata.contract import Contract
from gazadata.errors import ReadError
from gazadata.package import Package
from gazadata.release.build import build
from gazadata.release.files import ReleaseError, listing, sha256

NAMES = list(Contract.read(REPO).resources)
BUILD = "import sys; from gazadata.cli import main; sys.argv[1:] = {!r}; main()"


def content(folder: Path) -> dict[str, str]:
    return {name: sha256(folder / name) for name in listing(folder)}


def run_build(package: Path, out: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", BUILD.format(["build", str(package), "--out", str(out), "--zip"])],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: os.umask(0o077),
    )


def test_the_same_bytes_elsewhere_and_with_shuffled_rows(built: Path, tmp_path: Path) -> None:
    package = copy_package(tmp_path / "another folder")
    for name in NAMES:
        path = package / "data" / f"{name}.csv"
        header, *rows = path.read_text("utf-8").splitlines()
        random.Random(name).shuffle(rows)
        path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    for path in package.rglob("*"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
    other = {"TZ": "Pacific/Kiritimati", "PYTHONHASHSEED": "7", "LC_ALL": "C.UTF-8"}
    done = run_build(package, tmp_path / "out", **other)
    assert done.returncode == 0, done.stderr
    assert content(tmp_path / "out" / built.name) == content(built)
    assert sha256(tmp_path / "out" / f"{built.name}.zip") == sha256(built.with_suffix(".0.zip"))
    assert locale.getlocale()  # the build changed nothing of this process


@pytest.mark.parametrize("name", NAMES)
def test_parquet_equals_csv_and_describes_itself(built: Path, name: str) -> None:
    package = Package.open(built)
    resource = package.contract[name]
    file = pq.ParquetFile(built / "parquet" / f"{name}.parquet")
    table = file.read()
    assert table.equals(package.table(name))
    assert file.num_row_groups == 1
    metadata = table.schema.metadata
    assert metadata[b"package"] == b"gazadata"
    assert metadata[b"version"] == package.contract.version.encode()
    assert b"pandas" not in metadata
    for field in resource.fields:
        arrow = table.schema.field(field.name)
        assert arrow.metadata[b"description"] == field.description.encode()
        assert not str(arrow.type).startswith("dictionary")


@pytest.mark.parametrize("name", NAMES)
def test_the_csv_of_the_release_is_the_curated_one(built: Path, name: str) -> None:
    assert (built / "csv" / f"{name}.csv").read_bytes() == (REPO / f"data/{name}.csv").read_bytes()


def test_the_manifest_lists_every_file_with_its_hash(built: Path) -> None:
    manifest = json.loads((built / "manifest.json").read_text("utf-8"))
    listed = {f["path"]: (f["bytes"], f["sha256"]) for f in manifest["files"]}
    there = set(listing(built)) - {"manifest.json", "SHA256SUMS"}
    assert listed.keys() == there
    for name in there:
        assert listed[name] == ((built / name).stat().st_size, sha256(built / name))
    with (built / "csv/events.csv").open(encoding="utf-8") as file:
        assert manifest["tables"]["events"]["rows"] == sum(1 for _ in csv.DictReader(file))


def test_the_release_holds_what_the_design_lists_and_no_text(built: Path) -> None:
    whole = {
        *(f"csv/{name}.csv" for name in NAMES),
        *(f"parquet/{name}.parquet" for name in NAMES),
        *[
            "datapackage.json",
            "manifest.json",
            "croissant.json",
            "annotations.jsonld",
            "codebook.md",
        ],
        *["codebook.md", "CHANGES.md", "LICENSE", "SHA256SUMS"],
    }
    assert set(listing(built)) == whole
    text = next((REPO / "raw").iterdir()).read_text("utf-8")
    for name in whole:
        assert text.encode() not in (built / name).read_bytes()


def test_sha256sums_is_what_sha256sum_checks(built: Path) -> None:
    done = subprocess.run(
        ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=built, check=False
    )
    assert done.returncode == 0


def test_the_archive_is_stored_sorted_and_undated(built: Path) -> None:
    with zipfile.ZipFile(built.with_suffix(".0.zip")) as archive:
        entries = archive.infolist()
        assert archive.testzip() is None
    assert [e.filename for e in entries] == [f"{built.name}/{name}" for name in listing(built)]
    assert {e.compress_type for e in entries} == {zipfile.ZIP_STORED}
    assert {e.date_time for e in entries} == {(1980, 1, 1, 0, 0, 0)}


def test_findings_refuse_the_build_and_leave_nothing(package_folder: Path, tmp_path: Path) -> None:
    path = package_folder / "data/positions.csv"
    path.write_text(path.read_text("utf-8").replace(",support,", ",suport,", 1), encoding="utf-8")
    with pytest.raises(ReleaseError, match="GD203") as error:
        build(package_folder, tmp_path / "out")
    assert "positions.csv" in str(error.value)
    assert list((tmp_path / "out").iterdir()) == []
    assert run_build(package_folder, tmp_path / "out").returncode == 1
    assert run_build(tmp_path / "nowhere", tmp_path / "out").returncode == 2


def test_a_release_that_is_there_is_not_touched(release: Path) -> None:
    before = content(release)
    with pytest.raises(ReleaseError, match="there already"):
        build(REPO, release.parent)
    assert content(release) == before


def test_an_output_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine", encoding="utf-8")
    done = run_build(REPO, tmp_path / "out")
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
    assert (tmp_path / "out").read_text("utf-8") == "mine"


def test_a_build_that_is_killed_leaves_no_release(tmp_path: Path) -> None:
    out = tmp_path / "out"
    process = subprocess.Popen(
        [sys.executable, "-c", BUILD.format(["build", str(REPO), "--out", str(out)])]
    )
    while process.poll() is None:
        if out.exists() and any(path.name.endswith(".part") for path in out.iterdir()):
            process.send_signal(signal.SIGKILL)
            break
    process.wait()
    assert process.returncode == -signal.SIGKILL
    assert [path.name for path in out.iterdir() if not path.name.startswith(".")] == []
    build(REPO, out)


def test_a_package_without_a_licence(package_folder: Path, tmp_path: Path) -> None:
    (package_folder / "LICENSE").unlink()
    with pytest.raises(ReleaseError, match="LICENSE"):
        build(package_folder, tmp_path / "out")


def with_version(package: Path, version: str) -> None:
    path = package / "datapackage.json"
    descriptor = json.loads(path.read_text("utf-8"))
    descriptor["version"] = version
    path.write_text(json.dumps(descriptor), encoding="utf-8")


def with_label(package: Path) -> None:
    path = package / "data/topics.csv"
    text = path.read_text("utf-8")
    path.write_text(text.replace("Regional conflicts", "Conflicts of the region"), encoding="utf-8")


def test_a_version_that_declares_too_little(
    built: Path, package_folder: Path, tmp_path: Path
) -> None:
    with_label(package_folder)
    with_version(package_folder, "1.0.0")
    with pytest.raises(ReleaseError, match=r"at least 1\.0\.1"):
        build(package_folder, tmp_path / "out", parent=built)
    with_version(package_folder, "1.0.1")
    made = build(package_folder, tmp_path / "out", parent=built)
    assert "Conflicts of the region" in (made / "CHANGES.md").read_text("utf-8")
    manifest = json.loads((made / "manifest.json").read_text("utf-8"))
    assert manifest["parent"] == {
        "version": "1.0.0",
        "manifest_sha256": sha256(built / "manifest.json"),
    }


def test_an_identifier_that_vanished_has_to_be_named(
    built: Path, package_folder: Path, tmp_path: Path
) -> None:
    """A note and its evidence go, so that the tables stay valid; the evidence's key is gone."""
    with_version(package_folder, "2.0.0")
    path = package_folder / "data/evidence.csv"
    lines = path.read_text("utf-8").splitlines(keepends=True)
    head = "events.us-asks-pakistan-for-isf-troops.attributed-to.report"
    gone = [line for line in lines if line.startswith(f"{head},")]
    assert len(gone) == 1
    path.write_text("".join(line for line in lines if line not in gone), encoding="utf-8")
    with pytest.raises(ReleaseError, match="retired") as error:
        build(package_folder, tmp_path / "out", parent=built)
    assert head in str(error.value)
    (package_folder / "data/retired.csv").write_text(
        f"resource,row_id,replaced_by,reason,version\nevidence,{head},,doubled,2.0.0\n",
        encoding="utf-8",
    )
    made = build(package_folder, tmp_path / "out", parent=built)
    assert head in (made / "CHANGES.md").read_text("utf-8")
    assert (made / "retired.csv").is_file()


def test_the_release_is_a_package_that_builds_again(built: Path, tmp_path: Path) -> None:
    again = build(built, tmp_path / "again")
    assert content(again) == content(built)
    shutil.rmtree(again)


def test_an_archive_that_does_not_fit_leaves_nothing(built: Path, tmp_path: Path) -> None:
    """A limit on the size of files is as a disk that fills up while the archive is written."""
    resource = pytest.importorskip("resource")
    least = built.with_suffix(".0.zip").stat().st_size - 1
    done = subprocess.run(
        [sys.executable, "-c", BUILD.format(["build", str(REPO), "--out", str(tmp_path), "--zip"])],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (least, least)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith(f"error: {tmp_path / built.name}.zip cannot be written: ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"resource,row_id\n", "1: the columns must be resource,row_id,replaced_by,reason,version"),
        (b"resource,row_id,replaced_by,reason,version\nactors,x\n", "2: 5 cells are expected"),
        (b'resource,row_id,replaced_by,reason,version\nactors,"x\n', "not CSV"),
        (b"\xff", "1: not UTF-8"),
    ],
)
def test_a_file_of_given_up_identifiers_that_cannot_be_read(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    (tmp_path / "retired.csv").write_bytes(content)
    with pytest.raises(ReadError, match=reason):
        retired.read(tmp_path)
