"""Write files in one step: whatever happens, either the old or the new file is there."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def part_of(target: Path) -> Path:
    """A temporary name next to `target` that no other process or thread uses.

    It is random since process IDs repeat: in containers, every run may have the same one.
    """
    return target.with_name(f".{target.name}.{os.urandom(8).hex()}.part")


def replace(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Write a file in one step: readers see the old bytes or the new ones.

    With `durable`, this holds even if the machine crashes.

    Raises:
        OSError: it cannot be written.
    """
    part = part_of(path)
    try:
        part.write_bytes(content)
        if durable:
            sync(part)
        with suppress(FileNotFoundError):
            # Keep the file's permissions, whatever this process's umask is.
            part.chmod(path.stat().st_mode & 0o777)
        os.replace(part, path)
        if durable:
            sync(path.parent)
    except BaseException as error:
        part.unlink(missing_ok=True)
        if isinstance(error, OSError):
            error.filename, error.filename2 = str(path), None
        raise


def sync(path: Path) -> None:
    """Make a file, or a folder's entries where the system can, survive a crash of the machine.

    Raises:
        OSError: it cannot be opened or flushed.
    """
    if os.name == "nt" and path.is_dir():
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
