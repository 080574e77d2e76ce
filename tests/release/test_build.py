"""Builds: the same bytes in all circumstances, complete or absent, refused on findings."""

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

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.release.packages import REPO, copy_package, with_version

from gazadata import retired
from gazadata.contract import Contract
from gazadata.curate.canonical import canonical_csv
from gazadata.errors import FaultsError, ReadError, ReleaseError, StoreError
from gazadata.package import Package
from gazadata.release.build import build
from gazadata.release.files import listing, sha256, whole_folder
from gazadata.release.verify import verify

NAMES = list(Contract.read(REPO).resources)
HEADER = "resource,row_id,replaced_by,reason,version"
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


def test_the_same_bytes_elsewhere_and_with_shuffled_rows(tmp_path: Path) -> None:
    package = copy_package(tmp_path / "package")
    lines = [f"actors,given-up-{number},,left out,1.0.0" for number in range(9)]
    (package / "data/retired.csv").write_text("\n".join([HEADER, *lines, ""]), encoding="utf-8")
    before = locale.setlocale(locale.LC_ALL)
    made = build(package, tmp_path / "made", archive=True)
    assert locale.setlocale(locale.LC_ALL) == before
    other = Path(shutil.copytree(package, tmp_path / "another folder"))
    for name in [*NAMES, "retired"]:
        path = other / "data" / f"{name}.csv"
        header, *rows = path.read_text("utf-8").splitlines()
        random.Random(name).shuffle(rows)
        path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    for path in other.rglob("*"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
    place = {"TZ": "Pacific/Kiritimati", "PYTHONHASHSEED": "7", "LC_ALL": "C.UTF-8"}
    done = run_build(other, tmp_path / "out", **place)
    assert done.returncode == 0, done.stderr
    assert content(tmp_path / "out" / made.name) == content(made)
    assert (made / "retired.csv").read_text("utf-8").splitlines() == [HEADER, *lines]
    assert sha256(tmp_path / "out" / f"{made.name}.zip") == sha256(made.with_suffix(".0.zip"))


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
def test_the_csv_of_the_release_is_the_curated_one(built: Path, source: Path, name: str) -> None:
    curated = (source / "data" / f"{name}.csv").read_bytes()
    assert (built / "csv" / f"{name}.csv").read_bytes() == curated


def test_the_manifest_lists_every_file_with_its_hash(built: Path) -> None:
    manifest = json.loads((built / "manifest.json").read_text("utf-8"))
    listed = {f["path"]: (f["bytes"], f["sha256"]) for f in manifest["files"]}
    there = set(listing(built)) - {"manifest.json", "SHA256SUMS", ".gitattributes"}
    assert listed.keys() == there
    assert manifest["tools"] == {"polars": pl.__version__, "pyarrow": pa.__version__}
    for name in there:
        assert listed[name] == ((built / name).stat().st_size, sha256(built / name))
    with (built / "csv/events.csv").open(encoding="utf-8") as file:
        assert manifest["tables"]["events"]["rows"] == sum(1 for _ in csv.DictReader(file))


def test_the_release_contains_what_the_design_lists_and_no_text(built: Path) -> None:
    whole = {
        *(f"csv/{name}.csv" for name in NAMES),
        *(f"parquet/{name}.parquet" for name in NAMES),
        *[
            "datapackage.json",
            "manifest.json",
            "croissant.json",
            "annotations.jsonld",
            "codebook.md",
            "index.html",
        ],
        *["codebook.md", "CHANGES.md", "LICENSE", "SHA256SUMS", ".gitattributes"],
    }
    assert set(listing(built)) == whole
    texts = [path.read_bytes() for path in (REPO / "raw").iterdir()]
    for name in whole:
        content = (built / name).read_bytes()
        assert not any(text in content for text in texts)


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


def test_an_existing_release_is_not_touched(source: Path, release: Path) -> None:
    before = content(release)
    with pytest.raises(ReleaseError, match="exists; remove it"):
        build(source, release.parent)
    assert content(release) == before


def test_an_output_folder_that_is_a_file(source: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine", encoding="utf-8")
    done = run_build(source, tmp_path / "out")
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
    assert (tmp_path / "out").read_text("utf-8") == "mine"


@pytest.mark.long
def test_a_build_that_is_killed_leaves_no_release(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    process = subprocess.Popen(
        [sys.executable, "-c", BUILD.format(["build", str(source), "--out", str(out)])]
    )
    while process.poll() is None:
        if out.exists() and any(path.name.endswith(".part") for path in out.iterdir()):
            process.send_signal(signal.SIGKILL)
            break
    process.wait()
    assert process.returncode == -signal.SIGKILL
    assert [path.name for path in out.iterdir() if not path.name.startswith(".")] == []
    build(source, out)


def test_a_package_without_a_licence(package_folder: Path, tmp_path: Path) -> None:
    (package_folder / "LICENSE").unlink()
    with pytest.raises(ReleaseError, match="LICENSE"):
        build(package_folder, tmp_path / "out")


def with_label(package: Path) -> None:
    path = package / "data/topics.csv"
    text = path.read_text("utf-8")
    path.write_text(text.replace("Regional conflicts", "Conflicts of the region"), encoding="utf-8")


def with_source(package: Path) -> None:
    """Add a row with its evidence: a reference, which needs no words from the article."""
    path = package / "data/sources.csv"
    rows = path.read_text("utf-8").splitlines(keepends=True)
    row = next(row for row in rows if row.startswith("plover-manual,"))
    rows.append(row.replace("plover-manual,", "zz-manual,", 1).replace("PLOVER:", "Another:", 1))
    path.write_text("".join(rows), encoding="utf-8")
    path = package / "data/evidence.csv"
    rows = path.read_text("utf-8").splitlines(keepends=True)
    backed = [row for row in rows if row.startswith("sources.plover-manual.")]
    rows += [row.replace("plover-manual", "zz-manual") for row in backed]
    path.write_text("".join(rows), encoding="utf-8")


def without_source(package: Path) -> None:
    for name in ("sources", "evidence"):
        path = package / f"data/{name}.csv"
        rows = path.read_text("utf-8").splitlines(keepends=True)
        path.write_text("".join(row for row in rows if "zz-manual" not in row), encoding="utf-8")


@pytest.mark.long
def test_two_builds_of_one_archive_at_once(source: Path, tmp_path: Path) -> None:
    """The loser used to fail with "Directory not empty" and leave half an archive behind."""
    out = tmp_path / "out"
    code = BUILD.format(["build", str(source), "--out", str(out), "--zip"])
    builds = [
        subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    ends = sorted((build.communicate()[1], build.returncode) for build in builds)
    assert [code for _, code in ends] == [0, 2]
    assert "exists; remove it or choose another --out" in ends[1][0]
    names = sorted(path.name for path in out.iterdir())
    assert names == ["gazadata-1.0.0", "gazadata-1.0.0.zip"]
    verify(out / names[0])
    verify(out / names[1])


def test_a_folder_that_appears_during_a_build(tmp_path: Path) -> None:
    target = tmp_path / "release"

    def make() -> None:
        with whole_folder(target) as folder:
            (folder / "file").write_text("x", "utf-8")
            target.mkdir()
            (target / "mine").write_text("mine", "utf-8")

    with pytest.raises(ReleaseError, match="exists; remove it"):
        make()
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["mine", "release"]


@pytest.mark.long
def test_a_version_that_is_too_low_is_refused(
    built: Path, package_folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with_label(package_folder)
    for version in ("1.0.0", "1.0.0-rc.1", "0.9.0"):
        with_version(package_folder, version)
        with pytest.raises(ReleaseError, match=r"run `gazadata bump 1\.0\.1`") as refusal:
            build(package_folder, out, parent=built)
        assert "is too low: the changes since 1.0.0 require" in str(refusal.value)
    with_version(package_folder, "1.0.1")
    made = build(package_folder, out, parent=built)
    assert "Conflicts of the region" in (made / "CHANGES.md").read_text("utf-8")
    manifest = json.loads((made / "manifest.json").read_text("utf-8"))
    assert manifest["parent"] == {
        "version": "1.0.0",
        "manifest_sha256": sha256(built / "manifest.json"),
    }


def test_a_package_without_its_texts_is_not_released(package_folder: Path, tmp_path: Path) -> None:
    """A package without raw/ used to be built without checking its quotes."""
    shutil.rmtree(package_folder / "raw")
    quotes = package_folder / "data/quotes.csv"
    said = quotes.read_text("utf-8").replace("reportedly reconsidered", "reportedly abandoned")
    quotes.write_text(said, "utf-8")
    with pytest.raises(FaultsError, match=r"(?s)no folder raw/ .*restore what is missing"):
        build(package_folder, tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


def test_a_release_is_not_released_again(built: Path, tmp_path: Path) -> None:
    """It has no text to compare its quotes with."""
    with pytest.raises(FaultsError, match="not all of the package can be proven"):
        build(built, tmp_path / "out")


def test_nothing_is_built_into_a_release(release: Path, package_folder: Path) -> None:
    with pytest.raises(ReleaseError, match="is a release, which must not change"):
        build(package_folder, release / "csv")
    assert verify(release)


def test_a_release_that_could_not_be_read_again_is_not_built(
    package_folder: Path, tmp_path: Path
) -> None:
    """A table with a file name that Windows reserves used to be built, but then did not verify."""
    field = {"name": "aux_id", "type": "string", "title": "Key", "description": "The key."}
    rules = {"constraints": {"required": True, "unique": True}, "gazadata:evidence": "exempt"}
    schema = {"title": "A", "description": "A.", "fields": [field | rules], "primaryKey": "aux_id"}
    table = {"name": "aux", "type": "table", "path": "data/aux.csv", "schema": schema}
    path = package_folder / "datapackage.json"
    descriptor = json.loads(path.read_bytes()) | {"version": "99.0.0"}
    descriptor["resources"].append(table)
    path.write_text(json.dumps(descriptor), "utf-8")
    (package_folder / "data/aux.csv").write_text("aux_id\na\n", "utf-8")
    with pytest.raises(StoreError, match=r"the path 'csv/aux\.csv' is refused"):
        build(package_folder, tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


def test_a_cell_may_be_long(package_folder: Path, tmp_path: Path) -> None:
    """One with more than 131,072 characters used to be built, but then did not verify."""
    topics = package_folder / "data/topics.csv"
    rows = list(csv.reader(topics.read_text("utf-8").splitlines()))
    at = rows[0].index("description")
    row = next(row for row in rows[1:] if row[at])
    row[at] = "long " * 40_000 + "description"
    topics.write_bytes(canonical_csv(rows[0], rows[1:]))
    assert verify(build(package_folder, tmp_path / "out"))


def test_a_second_release_of_a_version_is_refused(
    built: Path, package_folder: Path, tmp_path: Path
) -> None:
    """A diff showed no change, so another 1.0.0 used to be built on 1.0.0."""
    with (package_folder / "docs/codebook.md").open("a", encoding="utf-8") as codebook:
        codebook.write("\nMore words.\n")
    with pytest.raises(
        ReleaseError, match=r"too low: 1\.0\.0 is already released; run `gazadata bump 1\.0\.1`"
    ):
        build(package_folder, tmp_path / "out", parent=built)
    with_version(package_folder, "1.0.1")
    build(package_folder, tmp_path / "out", parent=built)


@pytest.mark.long
def test_release_candidates_need_the_bump_of_their_version(
    built: Path, package_folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with_source(package_folder)
    with_version(package_folder, "1.0.1-rc.1")
    with pytest.raises(ReleaseError, match=r"too low.*gazadata bump 1\.1\.0`"):
        build(package_folder, out, parent=built)
    parent = built
    for version in ("1.1.0-rc.1", "1.1.0-rc.2", "1.1.0"):
        with_version(package_folder, version)
        parent = build(package_folder, out, parent=parent)
        with_label(package_folder)
    assert json.loads((parent / "manifest.json").read_bytes())["parent"]["version"] == "1.1.0-rc.2"


def test_without_a_parent_no_release_calls_itself_the_first(built: Path) -> None:
    text = (built / "CHANGES.md").read_text("utf-8")
    assert "Built without a parent release." in text
    assert "first" not in text.lower().partition("tables:")[0]


def run_on(package: Path, out: Path, parent: Path) -> subprocess.CompletedProcess[str]:
    arguments = ["build", str(package), "--out", str(out), "--parent", str(parent)]
    return subprocess.run(
        [sys.executable, "-c", BUILD.format(arguments)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_parent_is_verified_first(release: Path, package_folder: Path, tmp_path: Path) -> None:
    """A damaged parent used to yield changes that never happened, and its hash vouched for them."""
    with_version(package_folder, "1.0.1")
    path = release / "csv/topics.csv"
    path.write_bytes(path.read_bytes().replace(b"Regional", b"Rigional"))
    done = run_on(package_folder, tmp_path / "out", release)
    assert done.returncode == 1
    assert f"{release} does not verify" in done.stderr
    assert "csv/topics.csv" in done.stderr
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.long
def test_a_parent_is_opened_as_verify_opens_it(
    built: Path, package_folder: Path, tmp_path: Path
) -> None:
    with_label(package_folder)
    with_version(package_folder, "1.0.1")
    wanted = content(build(package_folder, tmp_path / "out", parent=built))
    for number, parent in enumerate((built.with_suffix(".0.zip"), built / "datapackage.json")):
        made = build(package_folder, tmp_path / str(number), parent=parent)
        assert content(made) == wanted
    for parent, why in (
        (package_folder, "it has no manifest.json"),
        (tmp_path / "nowhere", "no such folder"),
    ):
        done = run_on(package_folder, tmp_path / "refused", parent)
        assert done.returncode == 2
        assert done.stderr.startswith(f"error: {parent} is not a release: {why}")


@pytest.mark.long
def test_an_identifier_that_vanished_has_to_be_retired_and_stays_so(
    built: Path, package_folder: Path, tmp_path: Path
) -> None:
    """Otherwise a later release could reuse it after dropping its row in retired.csv."""
    out, path = tmp_path / "out", package_folder / "data/retired.csv"
    with_source(package_folder)
    with_version(package_folder, "1.1.0")
    second = build(package_folder, out, parent=built)

    without_source(package_folder)
    with_version(package_folder, "2.0.0")
    with pytest.raises(ReleaseError, match="vanished") as error:
        build(package_folder, out, parent=second)
    assert f"are not in {path}: sources/zz-manual" in str(error.value)
    gone = csv.DictReader((second / "csv/evidence.csv").open(encoding="utf-8"))
    keys = [row["evidence_id"] for row in gone if "zz-manual" in row["evidence_id"]]
    rows = ["sources,zz-manual,,doubled,{}", *(f"evidence,{key},,doubled,{{}}" for key in keys)]

    def retire(lines: list[str], version: str = "2.0.0") -> None:
        text = "\n".join([HEADER, *(line.format(version) for line in lines), ""])
        path.write_text(text, encoding="utf-8")

    retire(rows, "1.1.0")
    with pytest.raises(ReleaseError, match=r"retired\.csv:\d+: version 1\.1\.0.*write 2\.0\.0"):
        build(package_folder, out, parent=second)
    retire(rows)
    third = build(package_folder, out, parent=second)
    assert "sources/zz-manual: not replaced; doubled (2.0.0)" in (third / "CHANGES.md").read_text()
    assert (third / "retired.csv").read_text("utf-8") == "\n".join(
        [HEADER, *sorted(row.format("2.0.0") for row in rows), ""]
    )

    with_label(package_folder)
    with_version(package_folder, "2.1.0")
    retire([*rows[1:], rows[0].replace("doubled", "other words")])
    with pytest.raises(ReleaseError, match="restore them:\nsources,zz-manual,,doubled"):
        build(package_folder, out, parent=third)
    path.unlink()
    with pytest.raises(ReleaseError, match=r"^rows of the retired\.csv of 2\.0\.0 are missing"):
        build(package_folder, out, parent=third)
    with_source(package_folder)
    with pytest.raises(ReleaseError, match=r"retired are used again: .*sources/zz-manual"):
        build(package_folder, out, parent=third)


@pytest.mark.long
def test_a_table_can_be_removed_once_its_rows_are_retired(
    built: Path, package_folder: Path, tmp_path: Path
) -> None:
    """The build used to ask for its rows in retired.csv, where validation refused them."""
    out, path = tmp_path / "out", package_folder / "data/retired.csv"
    descriptor = package_folder / "datapackage.json"
    without = json.loads(descriptor.read_text("utf-8"))
    schema = json.loads((package_folder / "schemas/topics.json").read_text("utf-8"))
    key = schema["fields"][0] | {"name": "pledge_id"}
    schema |= {"name": "pledges", "fields": [key], "primaryKey": ["pledge_id"], "foreignKeys": []}
    schema.pop("gazadata:label", None)
    (package_folder / "schemas/pledges.json").write_text(json.dumps(schema), encoding="utf-8")
    (package_folder / "data/pledges.csv").write_text("pledge_id\nfirst\n", encoding="utf-8")
    new = without["resources"][-1] | {
        "name": "pledges",
        "path": "data/pledges.csv",
        "schema": "schemas/pledges.json",
    }
    # Not a version that the repository may reach, because its contract would then be known.
    value = without | {"version": "98.0.0", "resources": [*without["resources"], new]}
    descriptor.write_text(json.dumps(value), encoding="utf-8")
    second = build(package_folder, out, parent=built)

    descriptor.write_text(json.dumps(without | {"version": "99.0.0"}), encoding="utf-8")
    for kind in ("data/pledges.csv", "schemas/pledges.json"):
        (package_folder / kind).unlink()
    with pytest.raises(ReleaseError, match=r"are not in .*: pledges/first"):
        build(package_folder, out, parent=second)
    path.write_text(f"{HEADER}\npledges,first,,the table was dropped,99.0.0\n", encoding="utf-8")
    third = build(package_folder, out, parent=second)
    assert "pledges: table removed (major)" in (third / "CHANGES.md").read_text("utf-8")


@pytest.mark.long
def test_an_archive_that_does_not_fit_leaves_nothing(
    built: Path, source: Path, tmp_path: Path
) -> None:
    """A limit on file sizes acts like a disk that fills up while the archive is written."""
    resource = pytest.importorskip("resource")
    least = built.with_suffix(".0.zip").stat().st_size - 1
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            BUILD.format(["build", str(source), "--out", str(tmp_path), "--zip"]),
        ],
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
        (b"resource,row_id,replaced_by,reason,version\nactors,x\n", "2: 2 cells, expected 5 cells"),
        (b'resource,row_id,replaced_by,reason,version\nactors,"x\n', "not CSV"),
        (b"\xff", "1: not UTF-8"),
    ],
)
def test_a_file_of_retired_identifiers_that_cannot_be_read(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    (tmp_path / "retired.csv").write_bytes(content)
    with pytest.raises(ReadError, match=reason):
        retired.read(Package(tmp_path, Contract({}, {})))
