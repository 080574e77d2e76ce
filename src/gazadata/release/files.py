"""Files of releases: hashes, JSON, locks, folders that are complete or absent, and messages.

Opening a cached release imports this, so it must import quickly; see `gazadata.release.manifest`.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeGuard, overload

from gazadata.atomic import part_of, sync
from gazadata.contract.strict_json import parse_json
from gazadata.errors import ContractError, LaterFormatError, ReleaseError, StoreError, extra

CHUNK = 1 << 20
"""Bytes to read at a time."""

MAX_JSON = 4 << 20
"""The most bytes to read of a manifest or an index, which may come from a broken server."""

_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP)
_SHA256 = re.compile(r"[0-9a-f]{64}")


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in lower-case hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_sha256(value: object) -> TypeGuard[str]:
    """Whether an untrusted value is a SHA-256 as `sha256` returns it."""
    return isinstance(value, str) and _SHA256.fullmatch(value) is not None


@overload
def plain(text: str) -> str: ...
@overload
def plain(text: None) -> None: ...
def plain(text: str | None) -> str | None:
    """Untrusted text without characters that would move a terminal's cursor or colour it."""
    return text and "".join(c if c.isprintable() else " " for c in text)


def json_bytes(value: Any) -> bytes:
    """A JSON file of a release: UTF-8, two spaces, a line feed at the end."""
    return (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode("utf-8")


def sums_bytes(sums: Mapping[str, str]) -> bytes:
    """SHA256SUMS for the SHA-256 of each file, as `sha256sum --check` reads it."""
    return "".join(f"{sums[name]}  {name}\n" for name in sorted(sums)).encode()


def some(names: Sequence[object], most: int = 5) -> str:
    """The first of several names, and how many more there are."""
    more = len(names) - most
    return ", ".join(map(str, names[:most])) + (f" and {more} more" if more > 0 else "")


def free_name(name: str, taken: Collection[str]) -> str:
    """The name, with underscores appended if it is taken in any case."""
    while name.casefold() in {other.casefold() for other in taken}:
        name += "_"
    return name


def failed(what: str, failures: Sequence[object], advice: str) -> str:
    """A message: what failed, each failure on its own line, and a remedy."""
    return "\n".join([what, *(f"  {failure}" for failure in failures), advice])


def listing(root: Path) -> list[str]:
    """The files and links under a folder, as sorted relative paths with forward slashes."""
    return sorted(
        p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_symlink() or not p.is_dir()
    )


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """A temporary folder that becomes `target` at the end, or is removed.

    Raises:
        ReleaseError: `target` exists, or another process made it meanwhile; or its parent cannot
            be written.
    """
    taken = ReleaseError(f"{target} exists; remove it or choose another --out")
    if os.path.lexists(target):
        raise taken
    temporary = part_of(target)
    for folder in reversed((target.parent, *target.parent.parents)):
        if os.path.lexists(folder) and not folder.is_dir():
            raise ReleaseError(f"{folder} is not a folder; move it away or choose another --out")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary.mkdir()
    except OSError as error:
        raise ReleaseError(f"{target.parent} cannot be written: {error.strerror}") from None
    try:
        yield temporary
        for path in (*temporary.rglob("*"), temporary):
            sync(path)
        try:
            temporary.rename(target)
        except OSError:
            if os.path.lexists(target):
                raise taken from None
            raise
        sync(target.parent)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def chunks_of(path: Path) -> Generator[bytes]:
    """The bytes of a file, in pieces.

    Raises:
        StoreError: the file is missing or cannot be read.
    """
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}") from None


@contextmanager
def exclusive(path: Path, waiting: Callable[[], None] | None = None) -> Iterator[None]:
    """Hold the lock in the file `path`; call `waiting` if acquiring it takes more than a second.

    The system releases it when the process ends. The file stays, since deleting it would let two
    processes hold locks of the same name. If the file system has no locks, as NFS may not, there is
    a warning, and only processes of the same user on this machine wait for each other.

    Raises:
        MissingExtra: filelock is not installed.
        OSError: the file cannot be created.
    """
    with extra("filelock", "store"):
        from filelock import FileLock, Timeout

    def acquired(lock: FileLock) -> FileLock:
        try:
            lock.acquire(timeout=1)
        except Timeout:
            if waiting:
                waiting()
            lock.acquire()
        return lock

    try:
        # The soft fallback is a file that would stay when the process ends.
        lock = acquired(FileLock(path, fallback_to_soft=False))
    except (OSError, NotImplementedError) as error:
        if isinstance(error, OSError) and error.errno not in _NO_LOCKS:
            raise
        lock = acquired(FileLock(_elsewhere(path), fallback_to_soft=False))
    try:
        yield
    finally:
        lock.release()


def _elsewhere(path: Path) -> Path:
    """Another place for a lock, if the file system of `path` has none."""
    warn(
        f"{path} is on a file system without locks, such as some NFS mounts, so another machine "
        "could write to it at the same time; run one command at a time, or use a local folder"
    )
    key = hashlib.sha256(os.fsencode(path.absolute())).hexdigest()[:32]
    user = os.getuid() if hasattr(os, "getuid") else 0
    return Path(tempfile.gettempdir(), f"gazadata-{user}-{key}.lock")


def read_object(content: bytes, where: str, kind: str) -> dict[str, Any]:
    """Read a JSON object of the format `kind`/1.

    Raises:
        LaterFormatError: it is of a later format.
        StoreError: it is something else, or too long.
    """
    if len(content) > MAX_JSON:
        raise StoreError(f"{where}: longer than {MAX_JSON} bytes, the most for {kind}")
    try:
        value = parse_json(content, where)
    except ContractError as error:
        raise StoreError(str(error)) from None
    form = value.get("format")
    if form == f"{kind}/1":
        return value
    if isinstance(form, str) and re.fullmatch(rf"{kind}/\d+", form):
        raise LaterFormatError(
            f"{where}: format {form!r} was made by a newer gazadata; "
            "upgrade with: pip install --upgrade gazadata"
        )
    raise StoreError(f"{where}: format {form!r}, expected {kind}/1")


def warn(message: str) -> None:
    """Warn the user, at the line of their code that called gazadata."""
    warnings.warn(message, UserWarning, stacklevel=_depth())


def _depth() -> int:
    depth, frame = 1, sys._getframe(1)
    while frame.f_back and frame.f_globals.get("__name__", "").startswith("gazadata."):
        depth, frame = depth + 1, frame.f_back
    return depth
