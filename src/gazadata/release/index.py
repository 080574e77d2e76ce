"""A store's index of versions, and the names of stores."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit
from urllib.request import url2pathname

from gazadata.contract.version import Version, parse
from gazadata.errors import StoreError
from gazadata.release.files import is_sha256, plain, read_object

INDEX = "index.json"


def precedence(version: object) -> Version:
    """The key by which versions are sorted.

    Raises:
        StoreError: it is not a semantic version.
    """
    parsed = parse(version)
    if parsed is None:
        raise StoreError(
            f'invalid version {version!r}; expected text, MAJOR.MINOR.PATCH, such as "1.0.0"'
        )
    return parsed


class Entry(NamedTuple):
    """A published version, as the index lists it."""

    version: str
    date: str | None
    manifest_sha256: str
    yanked: str | None


def read_index(content: bytes, where: str) -> list[Entry]:
    """Read an index: its versions, the oldest first.

    Raises:
        StoreError: it is not an index, or of a later format.
    """
    listed = read_object(content, where, "gazadata-store").get("versions")
    if not isinstance(listed, list):
        raise StoreError(f"{where}: no list of versions")
    entries: dict[str, Entry] = {}
    for raw in listed:
        values = [raw.get(key) if isinstance(raw, dict) else None for key in Entry._fields]
        version, date, digest, yanked = values
        if (
            not isinstance(version, str)
            or not is_sha256(digest)
            or not isinstance(date, str | None)
            or not isinstance(yanked, str | None)
            or version in entries
        ):
            raise StoreError(f"{where}: invalid entry: {str(raw)[:200]}")
        precedence(version)
        entries[version] = Entry(version, plain(date), digest, plain(yanked))
    return sorted(entries.values(), key=lambda entry: precedence(entry.version))


def folder_of(store: str) -> Path | None:
    """The folder of a store as a person names it; None for one on a web server.

    Raises:
        StoreError: `store` is neither.
    """
    if not store:
        raise StoreError("the name of a store is empty")
    if not store.isascii() and store.encode("utf-8", "replace").decode("utf-8") != store:
        raise StoreError(
            f"{store!a}: its name is not UTF-8, so no lock could contain it; rename it"
        )
    if not re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/", store):
        return Path(store)
    try:
        address = urlsplit(store)
    except ValueError as error:
        raise StoreError(f"{store}: not a URL: {error}") from None
    if address.scheme not in ("http", "https", "file"):
        raise StoreError(f"{store}: expected a folder, or an http, https or file URL")
    if address.scheme == "file" and (
        address.netloc not in ("", "localhost") or not address.path.startswith("/")
    ):
        raise StoreError(f"{store}: not a folder on this machine; write file:/// and its path")
    if address.scheme != "file" and not address.netloc:
        raise StoreError(f"{store}: no host; write {address.scheme}://HOST/PATH")
    if "@" in address.netloc:
        # The lock would contain it, and be committed.
        netrc = "_netrc in your home folder" if os.name == "nt" else "~/.netrc"
        raise StoreError(f"the URL of the store has a password; put it into {netrc} instead")
    if "?" in store or "#" in store:
        raise StoreError(f"{store}: the URL of a store cannot have a query or a fragment")
    if address.scheme == "file":
        return Path(url2pathname(address.path))
    return None
