"""The cache: what is in it is right or is not used.

It is keyed by content. Every file is checked against the manifest, and the manifest against its
own hash, each time that it is used. So nothing in it needs to be forced to the disk.

    releases/<manifest sha256>/…            whole releases, put there by one rename
    releases/.<manifest sha256>.part/…      what a pull has fetched so far; the next goes on from it
    served/<store>/<version>.json           which manifest a store served, so that a version that
                                            is cached needs no network
    locks/<manifest sha256>                 held by whoever fetches
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from gazadata.atomic import replace
from gazadata.errors import GazadataError
from gazadata.package import check_path
from gazadata.release.files import (
    ReleaseError,
    StoreError,
    exclusive,
    is_sha256,
    json_bytes,
    whole_folder,
)
from gazadata.release.manifest import ATTRIBUTES, Manifest, check_outside, receive
from gazadata.release.sources import Source, indented
from gazadata.release.store import Entry
from gazadata.version import parse

Progress = Callable[[int, int], None]
"""Called with the bytes that are there and the bytes that are needed."""

WAITING = (
    "another process fetches {0} into {1}, and this one waits for it; should its store be slow, "
    "end it, or name another cache with GAZADATA_CACHE"
)


class CacheError(GazadataError):
    """A cache that cannot be written."""


class Cache(NamedTuple):
    """The folder that releases are pulled into."""

    folder: Path

    @classmethod
    def of_user(cls) -> Cache:
        """GAZADATA_CACHE, or where each system wants caches to be.

        platformdirs says the same, but takes longer to import than a cached release to open.

        Raises:
            CacheError: there is no such home folder.
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
                f"{folder}: there is no such home folder; GAZADATA_CACHE can name another"
            ) from None
        check_path(folder)
        return cls(folder)

    def place(self, manifest_sha256: str) -> Path:
        """Where the release of a manifest lies, if it is there."""
        return self.folder / "releases" / manifest_sha256

    def fill(self, manifest: Manifest, source: Source, progress: Progress | None) -> None:
        """Fetch what is lacking of a release, and only that.

        Where nothing is, nothing is written: the cache may be somebody else's.

        Raises:
            StoreError: the store does not have it, or serves something else.
            CacheError: it cannot be written.
        """
        whole = self.place(manifest.sha256)
        part = whole.with_name(f".{manifest.sha256}.part")
        with self._errors():
            if whole.is_dir() and not manifest.damage(whole):
                return
            lock = self.folder / "locks" / manifest.sha256
            lock.parent.mkdir(parents=True, exist_ok=True)
            with exclusive(lock, lambda: warn(WAITING.format(manifest.version, self.folder))):
                # A release that is there is mended file by file, each in one step, since others
                # may be reading it. One that is not is put together beside, and becomes visible
                # whole.
                for place in (whole, part):
                    if os.path.lexists(place) and not place.is_dir():
                        place.unlink()
                folder = whole if whole.exists() else part
                folder.mkdir(parents=True, exist_ok=True)
                missing = [file for file in manifest.files if not file.intact(folder)]
                arrived = _Count(sum(file.bytes for file in missing), progress)
                for file in missing:
                    path = f"{manifest.version}/{file.path}"
                    _make_way(folder, file.path)
                    with closing(source.read(path, file.bytes)) as chunks:
                        counted = arrived.counted(chunks)
                        receive(counted, folder / file.path, file, source.where(path))
                for name, content in (manifest.own | ATTRIBUTES).items():
                    _make_way(folder, name)
                    replace(folder / name, content, durable=False)
                if folder != whole:
                    folder.rename(whole)

    def record(self, source: Source, version: str) -> Path:
        """The file that remembers what a store served for a version."""
        key = hashlib.sha256(source.key.encode("utf-8", "surrogateescape")).hexdigest()[:32]
        return self.folder / "served" / key / f"{version}.json"

    def versions(self, source: Source) -> list[str]:
        """The versions that a store was seen to serve."""
        folder = self.record(source, "x").parent
        with suppress(OSError):
            return [path.stem for path in folder.glob("*.json") if parse(path.stem)]
        return []

    def served(self, source: Source, version: str) -> dict[str, Any]:
        """What a store was seen to serve for a version; nothing where that was not kept."""
        try:
            value = json.loads(self.record(source, version).read_bytes())
        except (OSError, ValueError, RecursionError):
            return {}
        sound = isinstance(value, dict) and is_sha256(value.get("manifest_sha256"))
        return value if sound else {}

    def remember(self, source: Source, manifest: Manifest, yanked: str | None) -> None:
        """Keep what a store has served, so that it needs not be asked again; warn if that fails."""
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
        """Say of a full disk or a folder that cannot be written what to do about it."""
        try:
            yield
        except OSError as error:
            where = error.filename or self.folder
            raise CacheError(
                f"{where}: {error.strerror or error}; the cache is {self.folder}, and "
                "GAZADATA_CACHE can name another folder, with space and permission to write"
            ) from None


class Cached(NamedTuple):
    """A release in the cache, and the stores that can mend it."""

    cache: Cache
    manifest: Manifest
    store: str | None
    sources: tuple[Source, ...]
    fresh: bool = False
    passed_over: tuple[Entry, ...] = ()
    """The yanked versions that "latest" passed over."""

    @property
    def folder(self) -> Path:
        """Where the release lies."""
        return self.cache.place(self.manifest.sha256)

    def ensure(self, path: str) -> None:
        """Make sure that one file is there and right.

        Raises:
            StoreError: the manifest does not list it, or it is damaged and cannot be mended.
        """
        listed = next((file for file in self.manifest.files if file.path == path), None)
        if listed is None:
            raise StoreError(f"{self.folder}: {path} is no file of the release")
        if not listed.intact(self.folder):
            self._mend([path], None)

    def make_whole(self, progress: Progress | None) -> None:
        """Make sure that every file is there and right.

        Raises:
            StoreError: one is damaged and cannot be mended.
        """
        if damaged := self.manifest.damage(self.folder):
            self._mend(damaged, progress)

    def _mend(self, damaged: list[str], progress: Progress | None) -> None:
        failures = []
        for source in self.sources:
            try:
                with closing(source):
                    self.cache.fill(self.manifest, source, progress)
                return
            except StoreError as error:
                failures.append(str(error))
        named = ", ".join(damaged[:5]) + (" and more" if len(damaged) > 5 else "")
        raise StoreError(
            "\n".join(
                [
                    f"the cached release {self.manifest.version} is damaged ({named} in "
                    f"{self.folder}), and no store could mend it:",
                    *indented(failures or ["no store is named; use --store or GAZADATA_STORE"]),
                    "try again when the store can be reached",
                ]
            )
        )

    def copy(self, out: Path) -> Path:
        """Copy the release to `out`, checked on the way; what is there is never replaced.

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
                # Somebody else may have been quicker with the same copy.
                if not target.is_dir():
                    raise
            except OSError as error:
                raise StoreError(f"{target}: {error.strerror or error}") from None
        if other := self.manifest.difference(target):
            raise ReleaseError(
                f"{target} is there already, and not what was released: {', '.join(other[:5])}"
                f"{' and more' if len(other) > 5 else ''}; remove it or choose another --out"
            )
        return target


def _make_way(root: Path, path: str) -> None:
    """Make the folders that lead to a file, and take away what lies in its way, such as a link."""
    import shutil

    folder = root
    for name in path.split("/")[:-1]:
        folder = folder / name
        if folder.is_symlink() or folder.is_file():
            folder.unlink()
        folder.mkdir(exist_ok=True)
    target = root / path
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)


class _Count:
    def __init__(self, total: int, progress: Progress | None) -> None:
        self.done, self.total, self.progress = 0, total, progress

    def counted(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            yield chunk
            self.done += len(chunk)
            if self.progress:
                self.progress(self.done, self.total)


def warn(message: str) -> None:
    """Tell the user what is not as it was asked for, and goes on."""
    import warnings

    # Past the frames of gazadata, so that the line shown is the user's own.
    warnings.warn(message, UserWarning, stacklevel=_depth())


def _depth() -> int:
    depth, frame = 1, sys._getframe(1)
    while frame.f_back and frame.f_globals.get("__name__", "").startswith("gazadata."):
        depth, frame = depth + 1, frame.f_back
    return depth
