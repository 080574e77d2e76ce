"""Verifying: what was changed in a release is named, whatever it is."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest
from tests.release.conftest import REPO

from gazadata import cli
from gazadata.errors import GazadataError
from gazadata.release.files import FaultsError, ReleaseError, json_bytes, listing, sha256
from gazadata.release.store import LaterFormatError
from gazadata.release.verify import verify

TEXT = next((REPO / "raw").iterdir())


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
        path.unlink()
        with pytest.raises(GazadataError, match=Path(name).name):
            verify(release)
        path.write_bytes(original)
    verify(release)


def test_a_file_more_is_named(release: Path) -> None:
    (release / "csv" / "extra.csv").write_text("x", encoding="utf-8")
    with pytest.raises(ReleaseError, match=r"csv/extra\.csv"):
        verify(release)


def resealed(release: Path) -> None:
    """Give a changed release a manifest and sums that agree with its files."""
    path = release / "manifest.json"
    manifest = json.loads(path.read_text("utf-8"))
    for entry in manifest["files"]:
        entry["bytes"] = (release / entry["path"]).stat().st_size
        entry["sha256"] = sha256(release / entry["path"])
    path.write_bytes(json_bytes(manifest))
    names = [name for name in listing(release) if name != "SHA256SUMS"]
    sums = "".join(f"{sha256(release / name)}  {name}\n" for name in names)
    (release / "SHA256SUMS").write_text(sums, encoding="utf-8")


def test_a_table_swapped_under_a_new_manifest_is_found(release: Path) -> None:
    """The Parquet is held against the CSV itself, not against what the manifest says of both."""
    path = release / "csv/topics.csv"
    path.write_text(path.read_text("utf-8").replace("Regional", "regional"), encoding="utf-8")
    resealed(release)
    with pytest.raises(ReleaseError) as error:
        verify(release)
    assert "parquet/topics.parquet" in str(error.value)
    assert "hash of topics" in str(error.value)


@pytest.mark.parametrize("name", ["manifest.json", "datapackage.json", "parquet/topics.parquet"])
@pytest.mark.parametrize("damage", ["gone", "cut", "cut and resealed"])
def test_whatever_is_damaged_is_a_fault_of_the_release(
    release: Path, name: str, damage: str
) -> None:
    """A file that could not be read was an error like that of a mistyped path."""
    path = release / name
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-20])
    if damage == "cut and resealed" and name != "manifest.json":
        resealed(release)
    with pytest.raises(FaultsError, match=Path(name).name) as error:
        verify(release)
    assert str(error.value).startswith(f"{release} is not what it was released as:\n")


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


def test_another_text_verifies_nothing(release: Path, tmp_path: Path) -> None:
    other = tmp_path / "text.txt"
    other.write_bytes(TEXT.read_bytes().replace(b"Doha", b"Dofa"))
    with pytest.raises(ReleaseError, match="no source"):
        verify(release, other)


def test_a_later_format_is_refused(release: Path) -> None:
    path = release / "manifest.json"
    manifest = json.loads(path.read_text("utf-8"))
    manifest["format"] = "gazadata-manifest/2"
    path.write_bytes(json_bytes(manifest))
    with pytest.raises(LaterFormatError, match="newer gazadata") as error:
        verify(release)
    assert error.value.exit_code == 2


def test_what_no_store_would_take_does_not_verify(release: Path, tmp_path: Path) -> None:
    """Verifying had a reader of manifests of its own, which took other names."""
    for name in ("datapackage.json", "manifest.json"):
        path = release / name
        text = path.read_text("utf-8").replace('"name": "gazadata"', '"name": "Gaza Data"', 1)
        path.write_text(text, encoding="utf-8")
    resealed(release)
    with pytest.raises(FaultsError, match="'Gaza Data' is no name of a package"):
        verify(release)


@pytest.mark.parametrize(
    ("path", "why"), [("package", r"holds no manifest\.json"), ("nowhere", "no such folder")]
)
def test_what_is_no_release_says_where_one_comes_from(
    package_folder: Path, tmp_path: Path, path: str, why: str
) -> None:
    with pytest.raises(ReleaseError, match=f"is no release: .*{why}; `gazadata build` makes"):
        verify(tmp_path / path)


def test_the_archive_verifies_as_its_folder_does(built: Path, release: Path) -> None:
    archive = built.with_name(f"{built.name}.zip")
    assert verify(archive, TEXT) == verify(built, TEXT)
    (release / "LICENSE").write_bytes(b"all yours")
    damaged = Path(shutil.make_archive(str(release), "zip", release.parent, release.name))
    with pytest.raises(ReleaseError, match="LICENSE") as error:
        verify(damaged)
    assert str(error.value).startswith(f"{damaged} is not what it was released as")


def test_what_is_neither_a_folder_nor_an_archive(built: Path) -> None:
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
    with pytest.raises(FaultsError, match=r"release\.zip is not what it was released as"):
        verify(archive)
