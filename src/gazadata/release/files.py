"""Files of a release: their hashes, their JSON, and folders that are whole or not there.

Opening a cached release imports this; see `gazadata.release.store` for what that asks.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gazadata.errors import GazadataError


class ReleaseError(GazadataError):
    """A release that cannot be built, or is not what it says it is."""


class FaultsError(ReleaseError):
    """What was to be checked was checked, and has faults: they are its text."""

    exit_code = 1


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in lower-case hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def json_bytes(value: Any) -> bytes:
    """A JSON file as every release writes it: UTF-8, two spaces, a line feed at the end."""
    return (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode("utf-8")


def sums_bytes(sums: Mapping[str, str]) -> bytes:
    """SHA256SUMS for the SHA-256 of each file, as `sha256sum --check` reads it."""
    return "".join(f"{sums[name]}  {name}\n" for name in sorted(sums)).encode()


def listing(root: Path) -> list[str]:
    """The files under a folder as sorted relative paths with forward slashes."""
    return sorted(p.relative_to(root).as_posix() for p in root.rglob("*") if not p.is_dir())


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """A temporary folder beside `target` that becomes it at the end, or nothing does.

    Raises:
        ReleaseError: `target` is there already, or its parent cannot be written.
    """
    if target.exists():
        raise ReleaseError(f"{target} is there already; remove it or choose another --out")
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary.mkdir()
    except OSError as error:
        raise ReleaseError(f"{target.parent} cannot be written: {error.strerror}") from None
    try:
        yield temporary
        for path in (*temporary.rglob("*"), temporary):
            sync(path)
        temporary.rename(target)
        sync(target.parent)
    except BaseException:
        import shutil

        shutil.rmtree(temporary, ignore_errors=True)
        raise


def sync(path: Path) -> None:
    """Make a file, or the names in a folder where the system can, survive a crash of the machine.

    Raises:
        OSError: it cannot be opened, or not be flushed.
    """
    if os.name == "nt" and path.is_dir():
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
