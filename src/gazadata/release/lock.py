"""Pins: gazadata.lock in a user's folder, and the releases that this installation knows.

A pin is the hash of a version's manifest; a store that serves another manifest is refused.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import NamedTuple

from gazadata.atomic import replace
from gazadata.contract.version import parse
from gazadata.errors import LaterFormatError, LockError, StoreError
from gazadata.release.files import is_sha256, json_bytes, read_object
from gazadata.release.index import folder_of

KIND = "gazadata-lock"
FILE = Path("gazadata.lock")
"""Where `pull` writes the lock: in the current folder."""

KNOWN: dict[str, str] = json.loads(Path(__file__).with_name("known.json").read_bytes())
"""The manifest sha256 of every version that was public when this one was built.

A release is added to the file in the commit after it is published.
"""


_NO_LOCK = (
    "this is not a gazadata lock; restore it, or delete it and pull again to pin what the store "
    "has now"
)


class Lock(NamedTuple):
    """One release, pinned: the store it came from, its version and its manifest's hash.

    In the file, a relative folder starts at the file's own folder, so that a project finds its
    store from any folder and on any machine.
    """

    store: str | None
    version: str
    manifest_sha256: str
    name: str | None = None
    """The package's name: two packages may have the same versions."""

    @classmethod
    def read(cls, path: Path) -> Lock | None:
        """Read a lock; None if there is no file.

        Raises:
            LockError: the file cannot be read as a lock.
        """
        try:
            value = read_object(path.read_bytes(), str(path), KIND)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise LockError(
                f"{path}: cannot be read: {error.strerror}; make it readable, or move it away"
            ) from None
        except LaterFormatError as error:
            raise LockError(str(error)) from None
        except StoreError as error:
            raise LockError(f"{error}\n{_NO_LOCK}") from None
        store, version, digest, name = (value.get(key) for key in cls._fields)
        if (
            isinstance(store, str | None)
            and isinstance(version, str)
            and parse(version)
            and is_sha256(digest)
            and isinstance(name, str | None)
        ):
            if store is not None and _is_relative(store, path):
                store = str(path.parent / store)
            return cls(store, version, digest, name)
        raise LockError(
            f"{path}: expected store and name (text or null), version (MAJOR.MINOR.PATCH) and "
            f"manifest_sha256 (64 hexadecimal digits)\n{_NO_LOCK}"
        )

    def write(self, path: Path) -> None:
        """Write the lock atomically, through a link, and only if it has changed.

        Raises:
            LockError: the file cannot be written.
        """
        store = self.store
        if store is not None and _is_relative(store, path):
            store = Path(os.path.relpath(store, path.parent)).as_posix()
        content = json_bytes({"format": f"{KIND}/1", **self._replace(store=store)._asdict()})
        try:
            if not path.is_file() or path.read_bytes() != content:
                replace(path.resolve(), content)
        except OSError as error:
            raise LockError(
                f"{path}: cannot be written: {error.strerror}; pull in a folder that you may write "
                "to, since the release is pinned there"
            ) from None


def _is_relative(store: str, lock: Path) -> bool:
    try:
        folder = folder_of(store)
    except StoreError as error:
        raise LockError(f"{lock}: its store: {error}\n{_NO_LOCK}") from None
    return folder is not None and not folder.is_absolute()


_ASK = "a published version never changes, so ask the publisher first; "


class Pin(NamedTuple):
    """The manifest that a version must have, where it is pinned, and the remedy for a mismatch."""

    manifest_sha256: str
    by: str
    remedy: str


def pin(version: str, lock: Lock | None) -> Pin | None:
    """The pin of a version in the lock or in this installation, if there is one.

    Raises:
        LockError: they pin different manifests.
    """
    locked = lock.manifest_sha256 if lock and lock.version == version else None
    known = KNOWN.get(version)
    if locked and known and locked != known:
        raise LockError(
            f"gazadata.lock pins {version} to the manifest sha256 {locked}, but this installation "
            f"has {known}; one of the two was not released as {version}"
        )
    if locked:
        remedy = f"{_ASK}if the change is intended, delete gazadata.lock and pull again"
        return Pin(locked, "gazadata.lock", remedy)
    if known:
        remedy = f"{_ASK}if the change is intended, install a gazadata that has it"
        return Pin(known, "this installation of gazadata", remedy)
    return None


def first_seen(manifest_sha256: str, record: Path) -> Pin:
    """The pin of a version that the store served before, recorded in the file `record`."""
    remedy = f"{_ASK}if the change is intended, delete {record} and pull again"
    return Pin(manifest_sha256, "an earlier pull from there", remedy)


def indexed(manifest_sha256: str) -> Pin:
    """The pin of a version that is only in the store's index."""
    remedy = "one of the two was edited, or is old: ask the publisher, or try another store"
    return Pin(manifest_sha256, "the store's index", remedy)
