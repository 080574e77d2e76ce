"""Verifying: what was changed in a release is named, whatever it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.release.conftest import REPO

from gazadata.errors import GazadataError
from gazadata.release.files import ReleaseError, json_bytes, listing, sha256
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
    with pytest.raises(ReleaseError, match="newer gazadata"):
        verify(release)


def test_no_release_at_all(tmp_path: Path) -> None:
    with pytest.raises(GazadataError, match=r"manifest\.json"):
        verify(tmp_path)
