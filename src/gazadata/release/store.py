"""A store: a plain folder of releases that any static web server or file share can serve.

    <version>/…   a release as built, never changed once it is there
    index.json    the versions, their dates and manifest hashes, and which are yanked and why
    yanked.json   the yanks: the only part of the index that the releases do not contain
    .lock         held while publishing; the kernel releases it when the process ends

Renaming a complete version folder publishes it. The index is rebuilt from the folders each time, so
a crash leaves nothing to repair by hand.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from shlex import quote
from typing import Any

from gazadata.atomic import replace
from gazadata.contract.version import parse
from gazadata.errors import LaterFormatError, StoreError
from gazadata.release.files import exclusive, json_bytes, plain, read_object, some, whole_folder
from gazadata.release.index import INDEX, Entry, folder_of, precedence, read_index
from gazadata.release.manifest import Manifest, release_around
from gazadata.release.verify import verify

YANKED = "yanked.json"

# The names that `part_of` makes for a version, the index or the yanks while they are written.
_PART = re.compile(r"\.(.+)\.[0-9a-f]{16}\.part")


def publish(release: Path, store: Path) -> Entry:
    """Publish a release into a store: all of it, or nothing.

    The release is verified first. Any number of publishers may run at once.

    Args:
        release: the folder that `gazadata build` made.
        store: the folder of the store; created if missing.

    Returns:
        The entry of the version; publishing the same release again changes nothing.

    Raises:
        FaultsError: the release does not verify.
        ReleaseError: there is no release.
        StoreError: the version is published with other bytes, the release does not follow the
            published versions, or is a file or of a later format; or the store has releases of
            another package, is damaged, or cannot be written.
        MissingExtra: the extra `store` is not installed.
    """
    if release.is_file():
        raise StoreError(f"{release} is a file; unpack it, and publish its folder")
    verify(release)
    manifest = Manifest.of(release)
    target = store / manifest.version
    _check_place(store)
    with _publishing(store):
        # Nothing is added to a damaged store.
        there = _releases(store)
        for other in there:
            if other.name != manifest.name:
                raise StoreError(
                    f"{store} has releases of {other.name!r}, and {release} is a release of "
                    f"{manifest.name!r}; publish it to another store"
                )
            if other.version.casefold() == manifest.version.casefold():
                _check_same(other, manifest, target)
        if not target.is_dir():
            if os.path.lexists(target):
                raise StoreError(
                    f"{target} is not a folder, but the release needs that name; move it away"
                )
            for other in there:
                _check_parent(other, manifest)
            _check_follows(manifest, there, store)
            with whole_folder(target) as folder:
                manifest.copy(release, folder)
                for path in (folder, *folder.rglob("*")):
                    _open_as(store, path)
        return _reindex(store)[manifest.version]


def yank(version: str, reason: str, store: Path) -> Entry:
    """Mark a version as not to be used; its files stay unchanged.

    Returns:
        The entry of the version.

    Raises:
        StoreError: the store does not have the version, the reason is empty, or the store
            cannot be written.
        MissingExtra: the extra `store` is not installed.
    """
    reason = " ".join(plain(reason).split())
    if not reason:
        raise StoreError(
            f"the reason to yank {version} is empty; it is shown to everyone who pulls it"
        )
    if not store.is_dir():
        raise StoreError(f"{store}: no such store")
    with _publishing(store):
        there = [release.version for release in _releases(store)]
        if version not in there:
            raise StoreError(f"{store}: no version {version!r}; it has: {', '.join(there)}")
        yanks = _yanks(store) | {version: reason}
        content = {"format": "gazadata-yanked/1", "yanked": dict(sorted(yanks.items()))}
        _write(store, YANKED, content)
        return _reindex(store)[version]


def written_folder(store: str) -> Path:
    """The folder of a store to write to.

    Raises:
        StoreError: `store` is not a folder.
    """
    folder = folder_of(store)
    if folder is None:
        raise StoreError(
            f"{store}: cannot write to a web server; name the folder that it serves, or publish to "
            "a local folder and copy that to the server"
        )
    return folder


def _check_place(store: Path) -> None:
    """Refuse a place that is not a folder, is a release, or is inside one."""
    if os.path.lexists(store) and not store.is_dir():
        raise StoreError(f"{store} is not a folder; name another store, or move it away")
    if folder := release_around(store / INDEX):
        raise StoreError(
            f"{store} cannot be a store: {folder} is a release, which must not change; name a "
            "folder outside it"
        )


@contextmanager
def _publishing(store: Path) -> Iterator[None]:
    """Hold the store's lock and remove what crashed publishers left."""
    try:
        store.mkdir(parents=True, exist_ok=True)
        with exclusive(store / ".lock"):
            _check_index(store)
            _remove_left(store)
            yield
    except OSError as error:
        raise StoreError(
            f"{error.filename or store}: {error.strerror or error}; the published versions in "
            f"{store} are unchanged: give it the space and the permission to write, and publish or "
            "yank again"
        ) from None


def _check_index(store: Path) -> None:
    """Refuse to replace an index of a later format; any other is rebuilt from the folders."""
    with suppress(FileNotFoundError, IsADirectoryError):
        content = (store / INDEX).read_bytes()
        try:
            read_index(content, str(store / INDEX))
        except LaterFormatError:
            raise
        except StoreError:
            pass


def _remove_left(store: Path) -> None:
    for left in store.glob(".*.part"):
        made = _PART.fullmatch(left.name)
        if made is None or left.is_symlink():
            continue
        if left.is_dir() and parse(made[1]):
            shutil.rmtree(left)
        elif left.is_file() and made[1] in (INDEX, YANKED):
            left.unlink()


def _releases(store: Path) -> list[Manifest]:
    """The manifests of the releases in the store, the oldest version first."""
    manifests = []
    for folder in store.iterdir():
        if not parse(folder.name) or not folder.is_dir():
            continue
        try:
            manifest = Manifest.of(folder)
        except LaterFormatError:
            raise
        except StoreError as error:
            raise StoreError(
                f"{error}; the store is damaged: restore {folder} from a copy, or move it away"
            ) from None
        if manifest.version != folder.name:
            raise StoreError(f"{folder} contains the release {manifest.version}; move it away")
        manifests.append(manifest)
    return sorted(manifests, key=lambda manifest: precedence(manifest.version))


def _yanks(store: Path) -> dict[str, str]:
    path = store / YANKED
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return {}
    yanks = read_object(content, str(path), "gazadata-yanked").get("yanked")
    if not isinstance(yanks, dict) or not all(isinstance(r, str) for r in yanks.values()):
        raise StoreError(f"{path}: not an object of versions and reasons")
    return yanks


def _open_as(store: Path, path: Path) -> None:
    """Make a file readable to the readers of the store's folder, whatever the umask is."""
    readers = store.stat().st_mode & (0o755 if path.is_dir() else 0o644)
    path.chmod(stat.S_IMODE(path.stat().st_mode) | readers)


def _write(store: Path, name: str, value: dict[str, Any]) -> None:
    replace(store / name, json_bytes(value))
    _open_as(store, store / name)


def _reindex(store: Path) -> dict[str, Entry]:
    yanks = _yanks(store)
    entries = [
        Entry(release.version, release.created, release.sha256, yanks.get(release.version))
        for release in _releases(store)
    ]
    content = {"format": "gazadata-store/1", "versions": [entry._asdict() for entry in entries]}
    _write(store, INDEX, content)
    return {entry.version: entry for entry in entries}


def _check_same(there: Manifest, manifest: Manifest, target: Path) -> None:
    """Refuse a release that differs from the published one of that version."""
    if there.version != manifest.version:
        raise StoreError(
            f"{manifest.version} differs from the published {there.version} only in case"
        )
    if there.sha256 != manifest.sha256:
        raise StoreError(
            f"{target} is published with the manifest sha256 {there.sha256}, but this release has "
            f"{manifest.sha256}; a published version is never replaced: choose a higher version"
        )
    if damage := manifest.damage(target):
        raise StoreError(
            f"{target} is published, but damaged: {some(damage)}; move it away and publish the "
            "release again"
        )


def _check_parent(other: Manifest, manifest: Manifest) -> None:
    """Refuse a release that differs from the one that a published version was built on."""
    built_on = other.parent.get("manifest_sha256")
    if other.parent.get("version") == manifest.version and built_on != manifest.sha256:
        raise StoreError(
            f"the parent of the published {other.version} is a {manifest.version} with the "
            f"manifest sha256 {built_on}, but this release has {manifest.sha256}; publish that "
            "parent, or choose a higher version"
        )


def _check_follows(manifest: Manifest, there: list[Manifest], store: Path) -> None:
    """Refuse a release whose parent is not the published version before it.

    The version and the retired identifiers were checked against the parent only. So the parent of a
    final version must be the final one before it: pre-releases promise nothing. The parent of a
    pre-release may also be a pre-release since then.
    """
    version = precedence(manifest.version)
    finals = [
        release
        for release in there
        if precedence(release.version).is_final and precedence(release.version) < version
    ]
    parent = manifest.parent
    named = next((release for release in there if release.version == parent.get("version")), None)
    last = finals[-1] if finals else named
    if last is None:
        return
    if named is not None and named.sha256 == parent.get("manifest_sha256"):
        since = precedence(named.version) >= precedence(last.version)
        if named is last or (since and not version.is_final):
            return
    found = (
        f"{parent.get('version')}, with the manifest sha256 {parent.get('manifest_sha256')}"
        if parent
        else "none"
    )
    raise StoreError(
        f"the parent of {manifest.version} is {found}; expected {last.version} as it is published "
        f"in {store}: build it again with: gazadata build --parent "
        f"{quote(str(store / last.version))}"
    )
