"""The cache: every file is checked before it is used, so nothing in it has to be trusted.

    releases/<manifest sha256>/…            whole releases, put there by one rename
    releases/.<manifest sha256>.part/…      what a pull has fetched so far; the next one resumes it
    served/<store>/<version>.json           which manifest a store served, so that a version that
                                            is cached needs no network
    locks/<manifest sha256>                 held while fetching

Files are not flushed to the disk, since everything can be fetched again.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from gazadata.atomic import part_of, replace
from gazadata.contract.version import parse
from gazadata.errors import CacheError, ReleaseError, StoreError
from gazadata.package import check_path
from gazadata.release.files import (
    exclusive,
    failed,
    is_sha256,
    json_bytes,
    some,
    warn,
    whole_folder,
)
from gazadata.release.index import Entry
from gazadata.release.manifest import ATTRIBUTES, Manifest, check_outside, receive
from gazadata.release.sources import Source

Progress = Callable[[int, int], None]
"""Called with the number of bytes fetched so far and the total."""

WAITING = (
    "waiting for another process that is fetching {0} into {1}; if its store is slow, stop that "
    "process, or set GAZADATA_CACHE to another folder"
)


class Cache(NamedTuple):
    """The folder that releases are pulled into."""

    folder: Path

    @classmethod
    def of_user(cls) -> Cache:
        """GAZADATA_CACHE, or the system's usual folder for caches.

        platformdirs would do the same, but takes longer to import than a cached release to open.

        Raises:
            CacheError: the user has no home folder.
            ReadError: its name is not UTF-8.
        """
        shared = os.environ.get("XDG_CACHE_HOME", "")
        if named := os.environ.get("GAZADATA_CACHE"):
            folder = Path(named)
        elif os.name == "nt":
            folder = Path(os.environ.get("LOCALAPPDATA") or "~/AppData/Local", "gazadata", "Cache")
        elif os.path.isabs(shared):
            folder = Path(shared, "gazadata")
        else:
            mac = sys.platform == "darwin"
            folder = Path("~/Library/Caches" if mac else "~/.cache", "gazadata")
        try:
            folder = folder.expanduser().absolute()
        except RuntimeError:
            raise CacheError(
                f"{folder}: no such home folder; set GAZADATA_CACHE to a folder"
            ) from None
        check_path(folder)
        return cls(folder)

    def place(self, manifest_sha256: str) -> Path:
        """The folder of the release with that manifest, if it is cached."""
        return self.folder / "releases" / manifest_sha256

    def fill(self, manifest: Manifest, source: Source, progress: Progress | None) -> None:
        """Fetch a release that is missing or damaged.

        Nothing is written if it is intact, since the cache may belong to somebody else.

        Raises:
            StoreError: the store does not have it, or serves something else.
            CacheError: the cache cannot be written.
        """
        whole = self.place(manifest.sha256)
        part = whole.with_name(f".{manifest.sha256}.part")
        with self._errors():
            if not manifest.damage(whole):
                return
            lock = self.folder / "locks" / manifest.sha256
            lock.parent.mkdir(parents=True, exist_ok=True)
            with exclusive(lock, lambda: warn(WAITING.format(manifest.version, self.folder))):
                if not manifest.damage(whole):
                    return
                if os.path.lexists(part) and not part.is_dir():
                    part.unlink()
                missing = [file for file in manifest.files if not file.intact(part)]
                arrived = _Count(sum(file.bytes for file in missing), progress)
                for file in missing:
                    path = f"{manifest.version}/{file.path}"
                    (part / file.path).parent.mkdir(parents=True, exist_ok=True)
                    with closing(source.read(path)) as chunks:
                        counted = arrived.counted(chunks)
                        receive(counted, part / file.path, file, source.where(path))
                for name, content in (manifest.own | ATTRIBUTES).items():
                    replace(part / name, content, durable=False)
                # Move a damaged release away in one step, since others may be reading it.
                damaged = part_of(whole)
                if os.path.lexists(whole):
                    whole.rename(damaged)
                part.rename(whole)
                _remove(damaged)

    def record(self, source: Source, version: str) -> Path:
        """The file that remembers what a store served for a version."""
        key = hashlib.sha256(source.key.encode("utf-8", "surrogateescape")).hexdigest()[:32]
        return self.folder / "served" / key / f"{version}.json"

    def versions(self, source: Source) -> list[str]:
        """The versions that a store has served."""
        folder = self.record(source, "x").parent
        with suppress(OSError):
            return [path.stem for path in folder.glob("*.json") if parse(path.stem)]
        return []

    def served(self, source: Source, version: str) -> dict[str, Any]:
        """What a store has served for a version; empty if that is unknown."""
        try:
            value = json.loads(self.record(source, version).read_bytes())
        except (OSError, ValueError, RecursionError):
            return {}
        sound = isinstance(value, dict) and is_sha256(value.get("manifest_sha256"))
        return value if sound else {}

    def remember(self, source: Source, manifest: Manifest, yanked: str | None) -> None:
        """Remember what a store has served, so it need not be asked again; warn if that fails."""
        path = self.record(source, manifest.version)
        value = {"store": source.name, "manifest_sha256": manifest.sha256, "yanked": yanked}
        if self.served(source, manifest.version) == value:
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            replace(path, json_bytes(value), durable=False)
        except OSError as error:
            warn(f"{path}: {error.strerror or error}; {source.name} will be asked again")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Say what to do about a full disk or a folder that cannot be written."""
        try:
            yield
        except OSError as error:
            where = error.filename or self.folder
            raise CacheError(
                f"{where}: {error.strerror or error}; the cache is {self.folder}; set "
                "GAZADATA_CACHE to a folder with space that you may write to"
            ) from None


class Cached(NamedTuple):
    """A release in the cache, and the stores that can serve it again."""

    cache: Cache
    manifest: Manifest
    store: str | None
    sources: tuple[Source, ...]
    fresh: bool = False
    passed_over: tuple[Entry, ...] = ()
    """The yanked versions that are higher than the one that "latest" chose."""

    @property
    def folder(self) -> Path:
        """The folder of the release."""
        return self.cache.place(self.manifest.sha256)

    def ensure(self, path: str) -> None:
        """Fetch the release again if one of its files is damaged.

        Raises:
            StoreError: the manifest does not list the file, or no store has the release.
        """
        listed = self.manifest.file(path)
        if listed is None:
            raise StoreError(f"{self.folder}: the release has no file {path}")
        if not listed.intact(self.folder):
            self._fetch([path], None)

    def make_whole(self, progress: Progress | None) -> None:
        """Fetch the release again if any of its files is damaged.

        Raises:
            StoreError: no store has the release.
        """
        if damaged := self.manifest.damage(self.folder):
            self._fetch(damaged, progress)

    def _fetch(self, damaged: list[str], progress: Progress | None) -> None:
        failures: list[object] = []
        for source in self.sources:
            try:
                with closing(source):
                    self.cache.fill(self.manifest, source, progress)
                return
            except StoreError as error:
                failures.append(error)
        raise StoreError(
            failed(
                f"the cached release {self.manifest.version} is damaged ({some(damaged)} in "
                f"{self.folder}), and no store could replace it:",
                failures or ["no store is named; use --store or GAZADATA_STORE"],
                "try again when the store can be reached",
            )
        )

    def copy(self, out: Path) -> Path:
        """Copy the release to `out`, checking each file; never replace anything there.

        Raises:
            ReleaseError: something else is there, or `out` cannot be written.
            StoreError: the cached release is damaged.
        """
        target = out / f"{self.manifest.name}-{self.manifest.version}"
        check_outside(target)
        if not target.is_dir():
            try:
                with whole_folder(target) as folder:
                    self.manifest.copy(self.folder, folder)
                return target
            except ReleaseError:
                # Another process may have been quicker with the same copy.
                if not target.is_dir():
                    raise
            except OSError as error:
                raise StoreError(f"{target}: {error.strerror or error}") from None
        if other := self.manifest.difference(target):
            raise ReleaseError(
                f"{target} exists and differs from the release: {some(other)}; remove it or choose "
                "another --out"
            )
        return target


def _remove(path: Path) -> None:
    """Remove a damaged release: a folder, or whatever is in its place."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


class _Count:
    def __init__(self, total: int, progress: Progress | None) -> None:
        self.done, self.total, self.progress = 0, total, progress

    def counted(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            yield chunk
            self.done += len(chunk)
            if self.progress:
                self.progress(self.done, self.total)
