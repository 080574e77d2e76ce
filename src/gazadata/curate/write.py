"""Writing several files together, unless one cannot be written or has changed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from gazadata.atomic import part_of, sync
from gazadata.errors import GazadataError


def write(files: Mapping[Path, bytes], read: Mapping[Path, bytes]) -> None:
    """Write several files: all beside their targets first, then rename them.

    Neither a crash nor a full disk leaves a half-written file. Of two commands that write at once,
    the second is refused, since what it read has changed.

    Args:
        files: the new bytes of each file.
        read: the bytes of all files that they were made from.

    Raises:
        GazadataError: a file cannot be written, or has changed since it was read; the text names
            it.
    """
    if not files:
        return
    with ExitStack() as locks:
        for folder in sorted({path.resolve().parent for path in read}):
            locks.enter_context(_locked(folder))
        _replace(files, read)


def _replace(files: Mapping[Path, bytes], read: Mapping[Path, bytes]) -> None:
    beside: dict[Path, Path] = {}
    try:
        for path, content in files.items():
            # Renaming onto a link would replace the link.
            target = path.resolve()
            beside[target] = part_of(target)
            beside[target].write_bytes(content)
            sync(beside[target])
            beside[target].chmod(target.stat().st_mode & 0o777)
        for path, content in read.items():
            if path.read_bytes() != content:
                raise GazadataError(
                    f"{path}: changed while this command ran, so nothing was written; run it again"
                )
        for path, temporary in beside.items():
            os.replace(temporary, path)
    except OSError as error:
        raise GazadataError(f"{path}: cannot be written: {error.strerror}") from None
    finally:
        for temporary in beside.values():
            with suppress(OSError):
                temporary.unlink()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Wait until no other command writes to a folder, if the system can lock folders."""
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        # Some file systems have no locks.
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
