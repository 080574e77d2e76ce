"""Verifying: any change in a release is named."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.release.packages import REPO
from tests.release.stores import resealed

import gazadata
from gazadata import cli
from gazadata.curate.canonical import canonical_csv
from gazadata.errors import FaultsError, GazadataError, LaterFormatError, ReleaseError, StoreError
from gazadata.package import Package
from gazadata.release.annotations import write_annotations
from gazadata.release.croissant import croissant
from gazadata.release.files import json_bytes, listing, sha256
from gazadata.release.manifest import File
from gazadata.release.verify import DESCRIBED, verify
from gazadata.tables.arrow import read_table

TEXT = REPO / "raw/000_6e04a71c739462ee.txt"


def files_of(built: Path) -> list[str]:
    return listing(built)


def test_a_release_as_built_verifies(built: Path) -> None:
    assert any("quotes" in sentence for sentence in verify(built, TEXT))


def test_every_file_is_covered(built: Path, release: Path) -> None:
    for name in files_of(built):
        path = release / name
        original = path.read_bytes()
        middle = len(original) // 2
        path.write_bytes(original[:middle] + bytes([original[middle] ^ 1]) + original[middle + 1 :])
        with pytest.raises(GazadataError):
            verify(release)
        if name == ".gitattributes":
            path.write_bytes(original)
            continue  # Older releases have none.
        path.unlink()
        with pytest.raises(GazadataError, match=Path(name).name):
            verify(release)
        path.write_bytes(original)
    verify(release)


def test_an_extra_file_is_named(release: Path) -> None:
    (release / "csv" / "extra.csv").write_text("x", encoding="utf-8")
    with pytest.raises(ReleaseError, match=r"csv/extra\.csv"):
        verify(release)


def test_a_table_swapped_under_a_new_manifest_is_found(release: Path) -> None:
    """The Parquet is compared with the CSV itself, not through the manifest."""
    path = release / "csv/topics.csv"
    path.write_text(path.read_text("utf-8").replace("Regional", "regional"), encoding="utf-8")
    resealed(release)
    with pytest.raises(ReleaseError) as error:
        verify(release)
    assert "parquet/topics.parquet" in str(error.value)
    assert "hash of topics" in str(error.value)


@pytest.mark.parametrize("name", ["manifest.json", "datapackage.json", "parquet/topics.parquet"])
@pytest.mark.parametrize("damage", ["gone", "cut", "cut and resealed"])
def test_any_damage_is_a_mismatch_of_the_release(release: Path, name: str, damage: str) -> None:
    """A file that could not be read used to be reported like a mistyped path."""
    path = release / name
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-20])
    if damage == "cut and resealed" and name != "manifest.json":
        resealed(release)
    with pytest.raises(FaultsError, match=Path(name).name) as error:
        verify(release)
    assert str(error.value).startswith(f"{release} does not verify:\n")


def exit_code(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr(sys, "argv", ["gazadata", *map(str, words)])
    with pytest.raises(SystemExit) as end:
        cli.main()
    return int(end.value.code or 0)


def test_a_script_can_tell_damage_from_a_mistyped_path(
    built: Path, release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "text.txt"
    other.write_bytes(TEXT.read_bytes() + b"more")
    (release / "LICENSE").write_bytes(b"all yours")
    for words, code in (
        (["verify", built, "--raw", TEXT], 0),
        (["verify", release], 1),
        (["publish", release, "--store", tmp_path / "store"], 1),
        (["verify", built, "--raw", other], 1),
        (["verify", built, "--raw", tmp_path / "nowhere"], 2),
        (["verify", tmp_path / "nowhere"], 2),
        (["verify", REPO], 2),
        (["publish", REPO, "--store", tmp_path / "store"], 2),
    ):
        assert exit_code(monkeypatch, *words) == code, words


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        (lambda text: text.replace(b"Doha", b"Dofa"), "every byte counts, even line endings"),
        (lambda text: text.replace(b"\n", b"\r\n"), "with a byte order mark or CRLF line ends"),
        (lambda text: b"\xef\xbb\xbf" + text, "with a byte order mark or CRLF line ends"),
        (lambda text: b"\xff" + text, "every byte counts, even line endings"),
    ],
)
def test_a_different_text_is_not_a_mismatch_of_the_release(
    built: Path, tmp_path: Path, change: Callable[[bytes], bytes], hint: str
) -> None:
    other = tmp_path / "text.txt"
    other.write_bytes(change(TEXT.read_bytes()))
    with pytest.raises(FaultsError) as error:
        verify(built, other)
    told = str(error.value)
    assert told.startswith(
        f"{other} is not the text of a source of {built}, so no quote was checked"
    )
    assert f"found: {len(other.read_bytes().decode('utf-8', 'replace'))} code points" in told
    assert sha256(other) in told
    text = TEXT.read_bytes()
    assert f"expected for trump-leaning-on-pakistan: {len(text.decode())} code points" in told
    assert sha256(TEXT) in told
    assert hint in told


def edited(release: Path, name: str, change: Callable[[list[list[str]]], None]) -> None:
    """Change a table and everything that describes it, as a forger would."""
    resource = Package.open(release).contract[name]
    path = release / "csv" / f"{name}.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    change(rows)
    path.write_bytes(canonical_csv(rows[0], rows[1:], resource.key))
    write_annotations(Package.open(release), release / "annotations.jsonld")
    rewritten(release, name)


def rewritten(release: Path, name: str) -> None:
    """Make the Parquet, the descriptor and the manifest agree with a changed CSV."""
    package = Package.open(release)
    path = release / "csv" / f"{name}.csv"
    own = {"package": package.contract.name, "version": package.contract.version}
    table = read_table(path, package.contract[name])
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), **own})
    pq.write_table(table, release / "parquet" / f"{name}.parquet")

    def rehashed(described: dict[str, Any]) -> None:
        for part in described.get("resources", []):
            if part["name"] == name:
                part["bytes"], part["hash"] = path.stat().st_size, f"sha256:{sha256(path)}"
        if "tables" in described:
            described["tables"][name]["digest"] = f"sha256:{sha256(path)}"

    for file in ("datapackage.json", "manifest.json"):
        changed(release, file, rehashed)
    redescribed(release)


def redescribed(release: Path) -> None:
    """Make the metadata agree with changed Parquet."""
    paths = [f"parquet/{path.name}" for path in (release / "parquet").iterdir()]
    files = {path: File.of(release, path) for path in paths}
    made = croissant(Package.open(release).contract, files)
    (release / "croissant.json").write_bytes(json_bytes(made))
    resealed(release)


def changed(release: Path, name: str, change: Callable[[dict[str, Any]], object]) -> None:
    """Change one of a release's JSON files, and its hashes."""
    document = json.loads((release / name).read_text("utf-8"))
    before = json_bytes(document)
    change(document)
    (release / name).write_bytes(json_bytes(document))
    if json_bytes(document) != before:
        resealed(release)


@pytest.mark.parametrize(
    ("table", "field", "value", "told"),
    [
        ("quotes", "prefix", "other words ", "prefix or suffix differs from the text around"),
        ("quotes", "suffix", "", "prefix or suffix differs from the text around"),
        ("quotes", "passage_id", "trump-leaning-on-pakistan-s15", "is not within passage"),
        ("quotes", "char_start", "1", "exact differs from 1 to"),
        ("quotes", "char_start", "-2720", "exact differs from -2720 to"),
        ("passages", "char_end", "1", "is not within passage"),
        ("sources", "text_length", "2744", "text_length 2744, expected 2745"),
    ],
)
def test_each_part_of_a_quote_is_compared_with_the_text(
    release: Path, table: str, field: str, value: str, told: str
) -> None:
    def change(rows: list[list[str]]) -> None:
        row = next(r for r in rows if r[0].startswith("trump-leaning-on-pakistan"))
        row[rows[0].index(field)] = value

    edited(release, table, change)
    verify(release)
    with pytest.raises(FaultsError) as error:
        verify(release, TEXT)
    assert str(error.value).startswith(f"{release} does not verify:\n")
    assert told in str(error.value)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda text: text.replace(b"\n", b"\r\n"), "1: not in canonical form"),
        (lambda text: b"\xef\xbb\xbf" + text, "1: the columns differ"),
        (lambda text: text.replace(b"\n", b"\n\n", 1), "2: not in canonical form"),
        (lambda text: text + b"\n", "not in canonical form"),
        (lambda text: text.replace(b"azerbaijan,", b'"azerbaijan",', 1), "not in canonical form"),
        (
            lambda text: text.replace(b"Azerbaijan", "Azerbai\u0308jan".encode(), 1),
            "canonical form",
        ),
        (
            lambda text: text.replace(b"\nazerbaijan,", b"\nzz,", 1),
            "follows 'zz', so the rows are not sorted",
        ),
        (
            lambda text: text.replace(b"\nazerbaijan,", b"\nasim-munir,", 1),
            "primary key 'asim-munir' occurs twice",
        ),
    ],
)
def test_tables_have_the_canonical_form_that_was_hashed(
    release: Path, change: Callable[[bytes], bytes], told: str
) -> None:
    path = release / "csv/actors.csv"
    content = path.read_bytes()
    path.write_bytes(change(content))
    assert path.read_bytes() != content
    rewritten(release, "actors")
    with pytest.raises(FaultsError, match=rf"csv/actors\.csv:\d*.*{told}|csv/actors.*{told}"):
        verify(release)


@pytest.mark.parametrize("name", DESCRIBED)
def test_every_release_has_its_descriptions(release: Path, name: str) -> None:
    (release / name).unlink()
    resealed(release)
    with pytest.raises(GazadataError, match=name):
        verify(release)


def reparqueted(release: Path, name: str, change: Callable[[pa.Table], pa.Table]) -> None:
    path = release / "parquet" / f"{name}.parquet"
    pq.write_table(change(pq.read_table(path)), path)
    redescribed(release)


def column(name: str, cast: Callable[[pa.ChunkedArray], pa.ChunkedArray]) -> Any:
    def change(table: pa.Table) -> pa.Table:
        at, field = table.schema.get_field_index(name), table.schema.field(name)
        values = cast(table[name])
        return table.set_column(at, field.with_type(values.type), values)

    return change


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            column("is_background", lambda values: values.cast(pa.string())),
            "found pyarrow.Field<is_background: string not null>",
        ),
        (
            column("event_type", lambda values: values.dictionary_encode()),
            "found pyarrow.Field<event_type: dictionary<",
        ),
        (
            column("label", lambda values: values.cast(pa.large_string())),
            "found pyarrow.Field<label: large_string",
        ),
        (
            lambda table: table.cast(pa.schema([f.with_nullable(True) for f in table.schema])),
            "found pyarrow.Field<event_id: string>",
        ),
        (
            lambda table: table.select(table.column_names[::-1]),
            "the columns differ from the schema",
        ),
        (
            lambda table: table.append_column("more", table["label"]),
            "found pyarrow.Field<more: string",
        ),
    ],
)
def test_parquet_has_the_types_of_the_contract(
    release: Path, change: Callable[[pa.Table], pa.Table], told: str
) -> None:
    """Parquet that is only equal after a cast has other types for readers that do not cast."""
    reparqueted(release, "events", change)
    with pytest.raises(FaultsError, match=rf"parquet/events\.parquet: .*{told}"):
        verify(release)


def test_parquet_may_be_packed_in_any_way(release: Path) -> None:
    path = release / "parquet/events.parquet"
    pq.write_table(pq.read_table(path), path, compression="none", row_group_size=5)
    redescribed(release)
    verify(release)


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        ("manifest.json", lambda d: d.update(version="9.9.9"), "gazadata 1.0.0, but manifest.json"),
        ("manifest.json", lambda d: d["tables"].pop("events"), "lists other tables than manifest"),
        (
            "manifest.json",
            lambda d: d["tables"]["events"].update(rows=7),
            r"csv/events\.csv: \d+ rows, manifest\.json has 7",
        ),
        (
            "manifest.json",
            lambda d: d["tables"]["events"].update(digest="sha256:" + "0" * 64),
            "hash of events differs",
        ),
        ("datapackage.json", lambda d: d["resources"].pop(), "lists other tables than manifest"),
        (
            "datapackage.json",
            lambda d: d["resources"][0].update(hash="sha256:" + "0" * 64),
            "hash of sources differs",
        ),
        (
            "datapackage.json",
            lambda d: d["resources"][0].update(path="parquet/sources.parquet"),
            "path or hash of sources differs",
        ),
    ],
)
def test_a_manifest_and_a_descriptor_that_differ(
    release: Path, name: str, change: Callable[[dict[str, Any]], object], told: str
) -> None:
    """Every hash agrees, but a reader who relies on one of the files would be misled."""
    changed(release, name, change)
    with pytest.raises(FaultsError, match=told):
        verify(release)


@pytest.mark.parametrize(("table", "field"), [("participants", "actor_id"), ("actors", "part_of")])
def test_a_key_that_points_nowhere(release: Path, table: str, field: str) -> None:
    """Such a release could be published, but not exported."""
    path = release / "csv" / f"{table}.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    at = rows[0].index(field)
    rows[1][at], rows[2][at] = "nobody", "nothing"
    path.write_bytes(canonical_csv(rows[0], rows[1:]))
    rewritten(release, table)
    with pytest.raises(
        FaultsError,
        match=rf"csv/{table}\.csv: {field}: no such row in actors: no\w+, no\w+$",
    ):
        verify(release)


@pytest.mark.parametrize("name", ["csv", "codebook.md"])
@pytest.mark.skipif(os.name == "nt", reason="needs the permissions of POSIX")
def test_an_unreadable_file_is_not_called_missing(release: Path, name: str) -> None:
    mode = (release / name).stat().st_mode
    (release / name).chmod(0)
    try:
        if os.access(release / name, os.R_OK):
            pytest.skip("nothing can be kept from being read here")
        with pytest.raises(FaultsError, match=f"{name}: cannot be read: ") as error:
            verify(release)
        assert "not there" not in str(error.value)
    finally:
        (release / name).chmod(mode)
    verify(release)


def test_a_link_is_not_a_file_of_a_release(release: Path, tmp_path: Path) -> None:
    (release / "LICENSE").rename(tmp_path / "elsewhere")
    (release / "LICENSE").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FaultsError, match="LICENSE: a link"):
        verify(release)
    (release / "LICENSE").unlink()
    (tmp_path / "elsewhere").rename(release / "LICENSE")
    (release / "more").symlink_to(release / "csv", target_is_directory=True)
    with pytest.raises(FaultsError, match="more: a link"):
        verify(release)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("extra.txt", r"its files are in extra\.txt, gazadata-1\.0\.0; expected one"),
        ("other/csv/events.csv", r"its files are in gazadata-1\.0\.0, other; expected one"),
        ("gazadata-1.0.0/other/datapackage.json", r"other/datapackage\.json: not listed"),
        ("gazadata-1.0.0/csv/events.csv", "twice"),
        ("gazadata-1.0.0/csv/Events.csv", r"csv/Events\.csv: not listed"),
        ("gazadata-1.0.0/../escaped.csv", r"escaped\.csv: not listed"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_archive_holds_a_release_and_nothing_else(
    built: Path, tmp_path: Path, name: str, told: str
) -> None:
    archive = Path(shutil.copy(built.with_name(f"{built.name}.zip"), tmp_path / "release.zip"))
    with zipfile.ZipFile(archive, "a") as opened:
        forged = (built / "csv/events.csv").read_bytes().replace(b"pakistan", b"pakistam")
        opened.writestr(name, forged)
    with pytest.raises(FaultsError, match=told) as error:
        verify(archive)
    assert str(error.value).startswith(f"{archive} does not verify")


def test_an_archive_is_not_unpacked_beyond_its_manifest(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tmp_path / "release.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
        for name in files_of(built):
            big = bytes(1 << 26) if name == "LICENSE" else (built / name).read_bytes()
            made.writestr(f"{built.name}/{name}", big)
    (tmp_path / "work").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "work"))
    unpacked: list[str] = []
    monkeypatch.setattr(zipfile.ZipFile, "extractall", lambda self, _: unpacked.append("all"))
    with pytest.raises(FaultsError, match=rf"LICENSE: {1 << 26} bytes, expected"):
        verify(archive)
    assert unpacked == []


def test_a_later_format_is_refused(release: Path) -> None:
    path = release / "manifest.json"
    manifest = json.loads(path.read_text("utf-8"))
    manifest["format"] = "gazadata-manifest/2"
    path.write_bytes(json_bytes(manifest))
    with pytest.raises(LaterFormatError, match="newer gazadata") as error:
        verify(release)
    assert error.value.exit_code == 2


def test_a_release_that_no_store_would_accept_does_not_verify(
    release: Path, tmp_path: Path
) -> None:
    """Verifying used to have its own reader of manifests, which accepted other names."""
    for name in ("datapackage.json", "manifest.json"):
        path = release / name
        text = path.read_text("utf-8").replace('"name": "gazadata"', '"name": "Gaza Data"', 1)
        path.write_text(text, encoding="utf-8")
    resealed(release)
    with pytest.raises(FaultsError, match="invalid package name 'Gaza Data'"):
        verify(release)


@pytest.mark.parametrize(
    ("path", "why"), [("package", r"it has no manifest\.json"), ("nowhere", "no such folder")]
)
def test_the_error_for_a_missing_release_says_where_to_get_one(
    package_folder: Path, tmp_path: Path, path: str, why: str
) -> None:
    with pytest.raises(ReleaseError, match=f"is not a release: {why}; `gazadata build` makes"):
        verify(tmp_path / path)


def test_the_archive_verifies_as_its_folder_does(built: Path, release: Path) -> None:
    archive = built.with_name(f"{built.name}.zip")
    assert verify(archive, TEXT) == verify(built, TEXT)
    (release / "LICENSE").write_bytes(b"all yours")
    damaged = Path(shutil.make_archive(str(release), "zip", release.parent, release.name))
    with pytest.raises(ReleaseError, match="LICENSE") as error:
        verify(damaged)
    assert str(error.value).startswith(f"{damaged} does not verify")


def test_a_path_that_is_neither_a_folder_nor_an_archive(built: Path) -> None:
    with pytest.raises(ReleaseError, match="zip archive") as error:
        verify(built / "LICENSE")
    assert error.value.exit_code == 2


@pytest.mark.parametrize("damage", ["cut", "a byte"])
def test_a_damaged_archive_does_not_verify(built: Path, tmp_path: Path, damage: str) -> None:
    content = built.with_name(f"{built.name}.zip").read_bytes()
    half = len(content) // 2
    rest = bytes([content[half] ^ 1]) + content[half + 1 :] if damage == "a byte" else b""
    archive = tmp_path / "release.zip"
    archive.write_bytes(content[:half] + rest)
    with pytest.raises(FaultsError, match=r"release\.zip does not verify"):
        verify(archive)


def committed(release: Path, tmp_path: Path, *, attributes: bool) -> Path:
    """The release as Git checks it out for somebody who has configured CRLF."""
    if not attributes:
        (release / ".gitattributes").unlink()
    own = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "core.autocrlf=true"]
    clone = tmp_path / "clone"
    for folder, *command in (
        (release, "init", "-q"),
        (release, "add", "."),
        (release, "commit", "-qm", "release"),
        (tmp_path, "clone", "-q", str(release), str(clone)),
    ):
        environment = os.environ | {"GIT_CONFIG_GLOBAL": os.devnull}
        subprocess.run(["git", *own, *command], cwd=folder, env=environment, check=True)
    shutil.rmtree(clone / ".git")
    return clone


@pytest.mark.skipif(shutil.which("git") is None, reason="Git is not installed")
def test_a_release_keeps_its_line_ends_in_git(release: Path, tmp_path: Path) -> None:
    assert verify(committed(release, tmp_path, attributes=True))


@pytest.mark.skipif(shutil.which("git") is None, reason="Git is not installed")
def test_a_release_with_other_line_endings_is_recognized(release: Path, tmp_path: Path) -> None:
    clone = committed(release, tmp_path, attributes=False)
    with pytest.raises(FaultsError, match="its lines end in CRLF instead of LF: Git") as caught:
        verify(clone)
    assert len(str(caught.value).splitlines()) == 2
    with pytest.raises(StoreError, match="its lines end in CRLF instead of LF"):
        gazadata.open_dataset(clone)


def test_a_release_without_git_attributes_verifies_and_one_with_others_does_not(
    release: Path,
) -> None:
    (release / ".gitattributes").write_bytes(b"* text\n")
    with pytest.raises(FaultsError, match=r"\.gitattributes: differs from what"):
        verify(release)
    (release / ".gitattributes").unlink()
    assert verify(release)


def test_a_pointer_in_the_place_of_a_file_is_recognized(release: Path) -> None:
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 1\n"
    for name in ("parquet/events.parquet", "parquet/topics.parquet"):
        (release / name).write_bytes(pointer)
    with pytest.raises(FaultsError) as caught:
        verify(release)
    (_, fault) = str(caught.value).splitlines()
    both = "parquet/events.parquet, parquet/topics.parquet"
    assert fault.strip().startswith(f"{both}: found a Git LFS pointer; ")
    assert "git lfs pull" in fault
