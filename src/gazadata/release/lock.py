"""What is pinned: gazadata.lock in a user's folder, and the releases that this installation knows.

A pin says which manifest a version has. Whatever a store serves, another manifest is refused.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import NamedTuple

from gazadata.errors import GazadataError
from gazadata.release.files import json_bytes
from gazadata.release.store import replace

FORMAT = "gazadata-lock/1"
FILE = Path("gazadata.lock")
"""Where `pull` writes the lock: the folder that it is called in."""

KNOWN: dict[str, str] = {}
"""Version to manifest sha256 of every release that was public when this one was built.

A release gets its line once it is published, in the commit that follows it.
"""

_SHA256 = re.compile(r"[0-9a-f]{64}")


class LockError(GazadataError):
    """A gazadata.lock that cannot be read, or that contradicts this installation."""


class Lock(NamedTuple):
    """One release, pinned: the store it came from, its version and its manifest's hash."""

    store: str | None
    version: str
    manifest_sha256: str

    @classmethod
    def read(cls, path: Path) -> Lock | None:
        """Read a lock; None where there is none.

        Raises:
            LockError: the file is no lock that this gazadata can read.
        """
        try:
            value = json.loads(path.read_bytes())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise LockError(f"{path}: cannot be read: {error.strerror}") from None
        except (ValueError, RecursionError):
            value = None
        form = value.get("format") if isinstance(value, dict) else None
        if isinstance(form, str) and form != FORMAT and re.fullmatch(r"gazadata-lock/\d+", form):
            raise LockError(
                f"{path}: format {form!r} was made by a newer gazadata; "
                "upgrade with: pip install --upgrade gazadata"
            )
        if form == FORMAT:
            store, version, digest = (value.get(k) for k in ("store", "version", "manifest_sha256"))
            if (
                (store is None or isinstance(store, str))
                and isinstance(version, str)
                and isinstance(digest, str)
                and _SHA256.fullmatch(digest)
            ):
                return cls(store, version, digest)
        raise LockError(
            f"{path}: not a lock of gazadata; restore it, or delete it and pull again "
            "to pin what the store serves now"
        )

    def write(self, path: Path) -> None:
        """Write the lock in one step; a lock that says the same already is left alone.

        Raises:
            LockError: the file cannot be written.
        """
        content = json_bytes({"format": FORMAT, **self._asdict()})
        try:
            if not path.is_file() or path.read_bytes() != content:
                replace(path, content)
        except OSError as error:
            raise LockError(f"{path}: cannot be written: {error.strerror}") from None


class Pin(NamedTuple):
    """The manifest that a version must have, and who says so."""

    manifest_sha256: str
    by: str


def pin(version: str, lock: Lock | None) -> Pin | None:
    """What `version` is pinned to by the lock or by this installation, if by either.

    Raises:
        LockError: the two pin different manifests.
    """
    locked = lock.manifest_sha256 if lock and lock.version == version else None
    known = KNOWN.get(version)
    if locked and known and locked != known:
        raise LockError(
            f"gazadata.lock pins {version} to the manifest sha256 {locked}, but this installation "
            f"knows it as {known}; one of the two was not released under that version"
        )
    if locked:
        return Pin(locked, "gazadata.lock")
    return Pin(known, "this installation of gazadata") if known else None
