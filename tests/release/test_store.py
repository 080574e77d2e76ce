"""Publishing: a version is complete or absent, and never changes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.release.packages import copy_package
from tests.release.stores import left_over, make_release, published, releases, whole

from gazadata.errors import GazadataError, ReleaseError, StoreError
from gazadata.release.build import build
from gazadata.release.files import json_bytes
from gazadata.release.index import read_index
from gazadata.release.manifest import MAX_BYTES, MAX_FILES, Manifest
from gazadata.release.store import publish, yank


@pytest.fixture(scope="session")
def other(built: Path) -> Path:
    """Other bytes under the version of `built`."""
    return releases(built)["other"]


@pytest.fixture(scope="session")
def later(built: Path) -> Path:
    return releases(built)["1.1.0"]


def index(store: Path) -> list[dict[str, Any]]:
    value = json.loads((store / "index.json").read_bytes())
    assert value["format"] == "gazadata-store/1"
    versions: list[dict[str, Any]] = value["versions"]
    return versions


def test_a_release_is_published_as_built(built: Path, tmp_path: Path) -> None:
    store = tmp_path / "new" / "store"
    entry = publish(built, store)
    there = {p.relative_to(built): p.read_bytes() for p in built.rglob("*") if p.is_file()}
    copy = store / "1.0.0"
    assert {p.relative_to(copy): p.read_bytes() for p in copy.rglob("*") if p.is_file()} == there
    manifest = Manifest.of(built)
    assert index(store) == [
        {
            "version": "1.0.0",
            "date": manifest.created,
            "manifest_sha256": manifest.sha256,
            "yanked": None,
        }
    ]
    assert entry.manifest_sha256 == manifest.sha256
    assert not left_over(store)


def test_a_web_server_of_another_user_may_read_it(built: Path, tmp_path: Path) -> None:
    """A folder made by tempfile would be unreadable to everybody else."""
    publish(built, tmp_path)
    plain = tmp_path / "plain"
    plain.mkdir()
    for path in (tmp_path / "1.0.0", tmp_path / "1.0.0" / "csv"):
        assert path.stat().st_mode == plain.stat().st_mode


def test_the_same_release_again_is_no_change(built: Path, tmp_path: Path) -> None:
    first = publish(built, tmp_path)
    times = {p: p.stat().st_mtime_ns for p in (tmp_path / "1.0.0").rglob("*")}
    assert publish(built, tmp_path) == first
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "1.0.0").rglob("*")} == times


def test_a_version_is_never_replaced(built: Path, other: Path, tmp_path: Path) -> None:
    entry = publish(built, tmp_path)
    with pytest.raises(StoreError) as refusal:
        publish(other, tmp_path)
    assert entry.manifest_sha256 in str(refusal.value)
    assert Manifest.of(other).sha256 in str(refusal.value)
    assert Manifest.of(tmp_path / "1.0.0").sha256 == entry.manifest_sha256


def test_a_release_follows_the_releases_published_before_it(
    built: Path, other: Path, later: Path, tmp_path: Path
) -> None:
    """A build without a parent, or on another one, used to bypass the rules for versions."""
    alone = make_release(built, tmp_path, "1.1.0")
    preview = releases(built)["2.0.0-rc.1"]
    beside = make_release(built, tmp_path, "1.2.0", parent=built)
    for there, release, last in (
        ([built], alone, "1.0.0"),
        ([other], later, "1.0.0"),
        ([built], preview, "1.0.0"),
        ([built, later], beside, "1.1.0"),
    ):
        store = tmp_path / f"{len(list(tmp_path.iterdir()))}"
        for first in there:
            publish(first, store)
        with pytest.raises(StoreError, match="build it again") as refusal:
            publish(release, store)
        assert str(refusal.value).endswith(f"gazadata build --parent {store / last}")
        assert len(index(store)) == len(there)
    publish(preview, store)
    publish(alone, tmp_path / "its first")


def test_pre_releases_promise_nothing(built: Path, tmp_path: Path) -> None:
    """In a final version built on one, CHANGES.md left out changes since the last final version."""
    first = make_release(built, tmp_path, "1.1.0-rc.1", parent=built)
    second = make_release(built, tmp_path, "1.1.0-rc.2", parent=first)
    on_it = make_release(built, tmp_path, "1.1.0", "on a pre-release", parent=second)
    final = make_release(built, tmp_path, "1.1.0", parent=built)
    store = tmp_path / "store"
    for release in (built, first, second):
        publish(release, store)
    with pytest.raises(
        StoreError, match=r"the parent of 1\.1\.0 is 1\.1\.0-rc\.2.*; expected 1\.0\.0 as"
    ):
        publish(on_it, store)
    publish(final, store)
    fresh = tmp_path / "without a final version yet"
    publish(second, fresh)
    publish(on_it, fresh)


def test_an_archive_has_to_be_unpacked_first(built: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is a file; unpack it"):
        publish(built.with_name(f"{built.name}.zip"), tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_a_release_that_does_not_verify_is_not_published(release: Path, tmp_path: Path) -> None:
    (release / "csv" / "events.csv").write_bytes(b"")
    with pytest.raises(ReleaseError, match=r"csv/events\.csv"):
        publish(release, tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_a_release_that_changes_after_it_was_verified_is_not_published(
    release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gazadata.release.store.verify", lambda _: [])
    (release / "LICENSE").write_bytes(b"all yours")
    with pytest.raises(StoreError, match="LICENSE"):
        publish(release, tmp_path / "store")
    assert published(tmp_path / "store") == {}
    assert not left_over(tmp_path / "store")


def test_damage_to_a_published_release_is_named(built: Path, tmp_path: Path) -> None:
    publish(built, tmp_path)
    (tmp_path / "1.0.0" / "LICENSE").write_bytes(b"all yours")
    with pytest.raises(StoreError, match="damaged: LICENSE"):
        publish(built, tmp_path)


@pytest.mark.parametrize("damage", ["empty folder", "not JSON", "of another version"])
def test_a_damaged_store_is_not_added_to(
    built: Path, later: Path, tmp_path: Path, damage: str
) -> None:
    publish(later, tmp_path)
    before = index(tmp_path)
    if damage == "of another version":
        (tmp_path / "1.1.0").rename(tmp_path / "3.0.0")
    else:
        (tmp_path / "3.0.0").mkdir()
    if damage == "not JSON":
        (tmp_path / "3.0.0" / "manifest.json").write_bytes(b"{")
    with pytest.raises(StoreError, match=r"3\.0\.0"):
        publish(built, tmp_path)
    assert not (tmp_path / "1.0.0").exists()
    assert index(tmp_path) == before


def test_the_index_is_rebuilt_from_what_is_there(built: Path, later: Path, tmp_path: Path) -> None:
    publish(built, tmp_path)
    (tmp_path / "index.json").write_bytes(b"not an index")
    (tmp_path / "README.html").write_bytes(b"what else a web folder holds")
    publish(later, tmp_path)
    assert [entry["version"] for entry in index(tmp_path)] == ["1.0.0", "1.1.0"]
    shutil.rmtree(tmp_path / "1.0.0")
    publish(later, tmp_path)
    assert [entry["version"] for entry in index(tmp_path)] == ["1.1.0"]


def test_a_yank_marks_and_keeps(built: Path, later: Path, tmp_path: Path) -> None:
    publish(built, tmp_path)
    entry = yank("1.0.0", " a wrong\n date ", tmp_path)
    assert entry.yanked == "a wrong date"
    assert whole(tmp_path / "1.0.0")
    publish(later, tmp_path)
    assert [entry["yanked"] for entry in index(tmp_path)] == ["a wrong date", None]
    (tmp_path / "index.json").unlink()
    publish(built, tmp_path)
    assert [entry["yanked"] for entry in index(tmp_path)] == ["a wrong date", None]


def test_a_yank_needs_a_version_a_reason_and_a_store(built: Path, tmp_path: Path) -> None:
    publish(built, tmp_path)
    with pytest.raises(StoreError, match=r"no version '9\.9\.9'; it has: 1\.0\.0"):
        yank("9.9.9", "wrong", tmp_path)
    with pytest.raises(StoreError, match="is empty"):
        yank("1.0.0", " ", tmp_path)
    with pytest.raises(StoreError, match="no such store"):
        yank("1.0.0", "wrong", tmp_path / "nowhere")


def test_publishers_remove_only_what_publishers_left(
    built: Path, later: Path, tmp_path: Path
) -> None:
    publish(built, tmp_path)
    mine = [".notes.part", ".1.0.0.part", ".draft.0123456789abcdef.part", ".index.json.part"]
    for name in mine:
        (tmp_path / name).write_text("mine", "utf-8")
    (tmp_path / ".folder.part").mkdir()
    (tmp_path / ".1.2.0-rc.1.part").mkdir()
    left = [".1.1.0-rc.1.0123456789abcdef.part", ".index.json.0123456789abcdef.part"]
    (tmp_path / left[0] / "csv").mkdir(parents=True)
    (tmp_path / left[1]).write_text("half", "utf-8")
    publish(later, tmp_path)
    yank("1.0.0", "wrong", tmp_path)
    assert [(tmp_path / name).read_text("utf-8") for name in mine] == ["mine"] * len(mine)
    assert (tmp_path / ".folder.part").is_dir()
    assert (tmp_path / ".1.2.0-rc.1.part").is_dir()
    assert not any((tmp_path / name).exists() for name in left)


@pytest.mark.parametrize("what", ["file", "dangling link"])
def test_a_file_or_link_in_place_of_a_version_is_named(
    built: Path, tmp_path: Path, what: str
) -> None:
    """A file used to end in a KeyError, a link in "Not a directory"."""
    way = tmp_path / "1.0.0"
    if what == "file":
        way.write_text("mine", "utf-8")
    else:
        way.symlink_to(tmp_path / "nowhere")
    with pytest.raises(StoreError, match=r"1\.0\.0 is not a folder.*move it away"):
        publish(built, tmp_path)
    assert way.is_symlink() or way.read_text("utf-8") == "mine"
    assert not (tmp_path / "index.json").exists()


def test_a_store_holds_releases_of_one_package(built: Path, tmp_path: Path) -> None:
    other = copy_package(tmp_path / "package")
    path = other / "datapackage.json"
    text = path.read_text("utf-8").replace('"name": "gazadata"', '"name": "other"', 1)
    path.write_text(text.replace('"version": "1.0.0"', '"version": "1.1.0"', 1), "utf-8")
    store = tmp_path / "store"
    publish(built, store)
    with pytest.raises(StoreError, match=r"has releases of 'gazadata'.* is a release of 'other'"):
        publish(build(other, tmp_path / "out"), store)
    assert [entry["version"] for entry in index(store)] == ["1.0.0"]


def test_a_release_cannot_be_a_store(built: Path, release: Path, tmp_path: Path) -> None:
    before = sorted(release.rglob("*"))
    for store in (release, release / "csv" / "store"):
        with pytest.raises(StoreError, match="is a release, which must not change"):
            publish(built, store)
    assert sorted(release.rglob("*")) == before
    (tmp_path / "file").write_text("mine", "utf-8")
    with pytest.raises(StoreError, match="is not a folder; name another store"):
        publish(built, tmp_path / "file")


def manifest(**changes: Any) -> bytes:
    value = {
        "format": "gazadata-manifest/1",
        "name": "gazadata",
        "version": "1.0.0",
        "created": None,
        "files": [{"path": "csv/a.csv", "bytes": 1, "sha256": "0" * 64}],
        "tables": {"a": {"rows": 1, "digest": f"sha256:{'0' * 64}"}},
    }
    return json_bytes(value | changes)


def files(*paths: str, size: Any = 1, digest: Any = "0" * 64) -> list[dict[str, Any]]:
    return [{"path": path, "bytes": size, "sha256": digest} for path in paths]


def test_a_sound_manifest_is_read() -> None:
    assert [f.path for f in Manifest.read(manifest(), "here").files] == ["csv/a.csv"]


@pytest.mark.parametrize(
    "path",
    [
        "",
        ".",
        "..",
        "../a",
        "csv/../../a",
        "csv/./a",
        "csv//a",
        "csv/",
        "/etc/passwd",
        "//server/share",
        "csv\\a",
        "..\\a",
        "C:/a",
        "C:a",
        "a:stream",
        "a\0b",
        "a\nb",
        "~/a",
        ".hidden",
        "csv/.a.part",
        "a.",
        "a ",
        "con",
        "csv/NUL.csv",
        "é.csv",
        "%2e%2e/a",
        "a" * 201,
    ],
)
def test_paths_that_lead_elsewhere_are_refused(path: str) -> None:
    with pytest.raises(StoreError, match="is refused"):
        Manifest.read(manifest(files=files(path)), "here")


@pytest.mark.parametrize(
    "paths",
    [
        ("a", "a"),
        ("a", "A"),
        ("csv/a", "CSV/b"),
        ("csv/a", "csv/A"),
        ("a", "a/b"),
        ("a/b", "a"),
        ("A/b", "a"),
        ("a", "A/b"),
        ("Manifest.json",),
        ("SHA256SUMS",),
        ("manifest.json/a",),
    ],
)
def test_paths_that_some_systems_cannot_tell_apart_are_refused(paths: tuple[str, ...]) -> None:
    with pytest.raises(StoreError, match="the same on some systems"):
        Manifest.read(manifest(files=files(*paths)), "here")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<html>", "found a web page; download the file itself"),
        (b"\xff{}", "not UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[]", "a JSON array instead of a JSON object"),
        (b'{"format": 1, "format": 2}', "'format' occurs twice"),
        (manifest(created="@").replace(b"@", rb"\ud800"), "half of a surrogate pair"),
        (b"{}", "format None"),
        (manifest(format="gazadata-manifest/2"), "newer gazadata; upgrade"),
        (manifest(format="something/1"), "format 'something/1'"),
        (manifest(version="../1.0.0"), "invalid version"),
        (manifest(version=1), "invalid version"),
        (manifest(name="../gazadata"), "invalid package name"),
        (manifest(tables=None), "no tables"),
        (manifest(tables={"a": {"rows": True, "digest": ""}}), "invalid table 'a'"),
        (manifest(files=None), "no list of files"),
        (manifest(files=[]), "no list of files"),
        (manifest(files=["csv/a.csv"]), "is refused"),
        (manifest(files=files("a", size=-1)), "invalid size -1"),
        (manifest(files=files("a", size="1")), "invalid size '1'"),
        (manifest(files=files("a", size=True)), "invalid size True"),
        (manifest(files=files("a", size=1.5)), "invalid size 1.5"),
        (manifest(files=files("a", digest="0" * 63)), "invalid sha256"),
        (manifest(files=files("a", digest="A" * 64)), "invalid sha256"),
        (manifest(files=files("a", digest=None)), "invalid sha256"),
        (manifest(files=files("a", "b", size=MAX_BYTES)), "at most"),
        (manifest(files=files(*map(str, range(MAX_FILES + 1)))), "at most"),
        (b'{"format": "gazadata-manifest/1", "version": ' + b"9" * 10_000 + b"}", "too long"),
        (b" " * (5 << 20), "longer than"),
    ],
)
def test_an_invalid_manifest_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(StoreError, match=message):
        Manifest.read(content, "here")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "gazadata-store/2"}, "newer gazadata; upgrade"),
        ({"versions": {}}, "no list of versions"),
        ({"versions": ["1.0.0"]}, "invalid entry"),
        ({"versions": [{"version": "1.0.0"}]}, "invalid entry"),
        (
            {"versions": [{"version": "../1", "manifest_sha256": "0" * 64}]},
            "invalid version",
        ),
        (
            {"versions": [{"version": "1.0.0", "manifest_sha256": "0" * 64}] * 2},
            "invalid entry",
        ),
        (
            {"versions": [{"version": "1.0.0", "manifest_sha256": "0" * 64, "yanked": True}]},
            "invalid entry",
        ),
    ],
)
def test_an_invalid_index_is_refused(change: dict[str, Any], message: str) -> None:
    value = {"format": "gazadata-store/1", "versions": []} | change
    with pytest.raises(GazadataError, match=message):
        read_index(json_bytes(value), "here")
