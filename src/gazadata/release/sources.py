"""The stores that releases are read from, by name."""

from __future__ import annotations

import os
from collections.abc import Generator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Protocol

from gazadata.errors import StoreAwayError, StoreError
from gazadata.release.files import MAX_JSON, chunks_of
from gazadata.release.http import HttpSource
from gazadata.release.index import folder_of
from gazadata.release.lock import Lock

Stores = str | Path | Sequence[str | Path]
"""A URL or a folder, or several to be tried in turn."""


class Source(Protocol):
    """A store that can be read from."""

    name: str
    key: str

    def read(self, path: str) -> Generator[bytes]:
        """The bytes of a file, as they arrive; there may be too many.

        Raises:
            StoreError: the file cannot be read.
        """
        ...

    def where(self, path: str) -> str:
        """The file's path or URL, for messages."""
        ...

    def close(self) -> None:
        """Close the connections; the next read opens new ones."""
        ...


class FolderSource:
    """A store in a folder of this machine or a file share."""

    def __init__(self, name: str, root: Path) -> None:
        self.name, self.root = name, root
        # A store has one key, whatever path leads to it.
        self.key = os.path.realpath(root)

    def where(self, path: str) -> str:
        """The path of a file."""
        return str(self.root / path)

    def read(self, path: str) -> Generator[bytes]:
        """The bytes of a file; see `Source.read`."""
        # `Path.is_dir` raises for a folder without permission, or a dead share.
        if not os.path.isdir(self.root):
            raise StoreAwayError(f"{self.root}: no such folder")
        return chunks_of(self.root / path)

    def close(self) -> None:
        """Do nothing."""


def sources_of(stores: Stores, locked: Lock | None) -> tuple[Source, ...]:
    """The stores that are named in `stores`, else in GAZADATA_STORE, else in the lock.

    Raises:
        StoreError: GAZADATA_TIMEOUT is not a number of seconds.
    """
    named = [stores] if isinstance(stores, str | Path) else list(stores) or _named_stores()
    if not named and locked and locked.store:
        named = [locked.store]
    return tuple(map(_source, named))


def _named_stores() -> list[str]:
    """The stores of GAZADATA_STORE: one folder, whose name may hold spaces, or several stores."""
    value = os.environ.get("GAZADATA_STORE", "")
    # Not os.pathsep, which is a colon on most systems, and in every URL.
    return [value] if os.path.isdir(value) else value.split()


def _source(store: str | Path) -> Source:
    text = str(store)
    folder = folder_of(text)
    if folder is not None:
        return FolderSource(text, folder)
    return HttpSource(text.rstrip("/"))


def read_small(source: Source, path: str) -> bytes:
    """Read a file of unknown size.

    Raises:
        StoreError: it cannot be read, or is too long.
    """
    content = bytearray()
    with closing(source.read(path)) as chunks:
        for chunk in chunks:
            content += chunk
            if len(content) > MAX_JSON:
                raise StoreError(f"{source.where(path)}: longer than {MAX_JSON} bytes")
    return bytes(content)
