"""A release's manifest, which lists its files with their hashes, and opening releases with it.

Records are named tuples, since opening a cached release has to be quick: frozen dataclasses take
five times as long to define.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from gazadata import sniff
from gazadata.contract import DESCRIPTOR, Contract
from gazadata.contract.schema import NAME
from gazadata.contract.version import parse
from gazadata.errors import ReleaseError, StoreError
from gazadata.package import RETIRED, Package, check_path
from gazadata.release.files import (
    CHUNK,
    MAX_JSON,
    chunks_of,
    is_sha256,
    listing,
    read_object,
    sha256,
    sums_bytes,
)

MANIFEST, SUMS = "manifest.json", "SHA256SUMS"

ATTRIBUTES = {".gitattributes": b"* -text\n"}
"""Keeps Git from changing line endings in a release. Older releases have none."""

# Limits for a manifest, which may come from a broken or hostile server.
MAX_FILES = 1000
MAX_BYTES = 64 << 30

OTHER_LINE_ENDS = (
    "its lines end in CRLF instead of LF: Git or an editor changed them; copy the release again, "
    "and in Git keep its .gitattributes, `* -text`"
)

_DEVICES = {"con", "prn", "aux", "nul"} | {f"{d}{n}" for d in ("com", "lpt") for n in range(10)}


class File(NamedTuple):
    """A file that a manifest lists."""

    path: str
    bytes: int
    sha256: str

    @classmethod
    def of(cls, root: Path, path: str) -> File:
        """The file `path` under `root`, as it is."""
        return cls(path, (root / path).stat().st_size, sha256(root / path))

    def intact(self, root: Path) -> bool:
        """Whether `root` has it as an ordinary file with this size and hash."""
        return self.mismatch(root) is None

    def mismatch(self, root: Path) -> str | None:
        """How the file under `root` differs; None if it is `intact`."""
        path = root
        try:
            for name in self.path.split("/"):
                path = path / name
                if path.is_symlink():
                    return f"found {sniff.link(path) or 'a link'}"
            if not path.is_file():
                other = sniff.absent(path)
                return f"found {other}" if other else "missing"
            size = path.stat().st_size
            digest = sha256(path) if size == self.bytes else ""
            if digest == self.sha256:
                return None
            found = f"sha256 {digest}, expected {self.sha256}"
            return self._replaced(path) or (
                found if digest else f"{size} bytes, expected {self.bytes}"
            )
        except OSError as error:
            return f"cannot be read: {error.strerror}"

    def _replaced(self, path: Path) -> str | None:
        """What a tool has put in the file's place, if that can be recognized."""
        with path.open("rb") as file:
            head = file.read(CHUNK)
            if b"\r\n" in head:
                file.seek(0)
                digest = hashlib.sha256()
                for line in file:
                    digest.update(line[:-2] + b"\n" if line.endswith(b"\r\n") else line)
                if digest.hexdigest() == self.sha256:
                    return OTHER_LINE_ENDS
        other = sniff.content(head)
        return f"found {other}" if other else None


class Table(NamedTuple):
    """A table that a manifest counts; its digest is that of its CSV."""

    rows: int
    digest: str


class Manifest(NamedTuple):
    """A release's manifest.json, checked: its paths and sizes are safe to fetch and write."""

    name: str
    version: str
    created: str | None
    parent: dict[str, Any]
    """The parent's version and manifest_sha256, unchecked; empty if there is no parent."""
    files: tuple[File, ...]
    tables: dict[str, Table]
    content: bytes
    sha256: str

    @classmethod
    def read(cls, content: bytes, where: str) -> Manifest:
        """Read an untrusted manifest.

        Raises:
            LaterFormatError: it is of a later format.
            StoreError: it is not a manifest, or lists files that must not be written.
        """
        value = read_object(content, where, "gazadata-manifest")
        name, version, created = (value.get(key) for key in ("name", "version", "created"))
        parent = value.get("parent")
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise StoreError(f"{where}: invalid package name {name!r}")
        if not isinstance(version, str) or not parse(version):
            raise StoreError(f"{where}: invalid version {version!r}")
        return cls(
            name,
            version,
            created if isinstance(created, str) else None,
            parent if isinstance(parent, dict) else {},
            _files(value.get("files"), where),
            _tables(value.get("tables"), where),
            content,
            hashlib.sha256(content).hexdigest(),
        )

    @classmethod
    def of(cls, release: Path, where: str | None = None) -> Manifest:
        """Read the manifest of a release folder; errors call it `where` (None: its path).

        Raises:
            LaterFormatError: it is of a later format.
            StoreError: the folder has none, or none that can be used.
        """
        path = release / MANIFEST
        try:
            with path.open("rb") as file:
                content = file.read(MAX_JSON + 1)
        except OSError as error:
            raise StoreError(f"{where or path}: cannot be read: {error.strerror}") from None
        return cls.read(content, where or str(path))

    @property
    def paths(self) -> set[str]:
        """The paths of the files that it lists."""
        return {file.path for file in self.files}

    def file(self, path: str) -> File | None:
        """The file that it lists under a path, if any."""
        return next((file for file in self.files if file.path == path), None)

    @property
    def own(self) -> dict[str, bytes]:
        """The manifest itself, and SHA256SUMS, which follows from it."""
        sums = {file.path: file.sha256 for file in self.files} | {MANIFEST: self.sha256}
        return {SUMS: sums_bytes(sums), MANIFEST: self.content}

    def unlisted(self, root: Path) -> dict[str, bytes]:
        """The files of a release in `root` that the manifest does not list, with their content."""
        there = {name: held for name, held in ATTRIBUTES.items() if os.path.lexists(root / name)}
        return self.own | there

    def damage(self, root: Path) -> list[str]:
        """The files in the folder `root` that are missing or differ from the manifest."""
        bad = [file.path for file in self.files if not file.intact(root)]
        return bad + [
            name
            for name, content in self.unlisted(root).items()
            if not _holds(root / name, content)
        ]

    def difference(self, root: Path) -> list[str]:
        """The damage, and the files in the folder `root` that do not belong to the release."""
        names = self.paths | self.own.keys() | ATTRIBUTES.keys()
        return self.damage(root) + [name for name in listing(root) if name not in names]

    def copy(self, release: Path, folder: Path) -> None:
        """Copy the release in the folder `release`, hashing it again, since it may have changed.

        Raises:
            StoreError: a file differs from the manifest.
            OSError: `folder` cannot be written.
        """
        for file in self.files:
            target = folder / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            with closing(chunks_of(release / file.path)) as chunks:
                receive(chunks, target, file, str(release / file.path))
        for name, content in (self.own | ATTRIBUTES).items():
            (folder / name).write_bytes(content)


def _holds(path: Path, content: bytes) -> bool:
    try:
        return not path.is_symlink() and path.read_bytes() == content
    except OSError:
        return False


def receive(chunks: Iterable[bytes], target: Path, file: File, where: str) -> None:
    """Write incoming bytes to `target` if they are the file that the manifest lists.

    Raises:
        StoreError: what arrives differs from the manifest.
        OSError: the target cannot be written.
    """
    part = target.with_name(f".{target.name}.part")
    digest, size = hashlib.sha256(), 0
    try:
        part.unlink(missing_ok=True)
        with part.open("xb") as out:
            for chunk in chunks:
                size += len(chunk)
                if size > file.bytes:
                    raise StoreError(f"{where}: longer than its {file.bytes} bytes")
                digest.update(chunk)
                out.write(chunk)
        if size < file.bytes:
            raise StoreError(f"{where}: ends after {size} of its {file.bytes} bytes")
        if digest.hexdigest() != file.sha256:
            raise StoreError(f"{where}: sha256 {digest.hexdigest()}, expected {file.sha256}")
        os.replace(part, target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


class Release(Package):
    """A release, opened: each file is checked against the manifest before it is read."""

    manifest: Manifest
    check: Callable[[str], None]
    """Raises a StoreError if a file differs from the manifest."""
    how: str
    """Where it was fetched from, in words; empty for a folder."""

    def __init__(
        self, root: Path, manifest: Manifest, check: Callable[[str], None], how: str = ""
    ) -> None:
        for name, value in (("manifest", manifest), ("check", check), ("how", how)):
            object.__setattr__(self, name, value)
        check(DESCRIPTOR)
        super().__init__(root, Contract.read(root))

    def path(self, name: str) -> Path:
        """The file of the table `name`, checked against the manifest.

        Raises:
            UnknownName: the table does not exist.
            ContractError: its path is outside the package.
            StoreError: the file differs from the manifest.
        """
        self.check(self.contract[name].path)
        return super().path(name)

    def retired_file(self) -> Path | None:
        """The file of retired identifiers, checked against the manifest.

        Raises:
            StoreError: the file differs from the manifest.
        """
        if RETIRED in self.manifest.paths or super().retired_file():
            self.check(RETIRED)
            return self.root / RETIRED
        return None


def release_around(target: Path) -> Path | None:
    """The release that a path is in; None if there is none."""
    folders = target.resolve().parents
    return next((f for f in folders if (f / MANIFEST).is_file() and (f / SUMS).is_file()), None)


def check_outside(target: Path) -> None:
    """Refuse to write into a release.

    Raises:
        ReleaseError: `target` is in a release.
        ReadError: its name is not UTF-8.
    """
    check_path(target)
    if folder := release_around(target):
        raise ReleaseError(
            f"{target} cannot be written: {folder} is a release, which must not change; name a "
            "folder outside it"
        )


def open_package(path: Path, shown: str | None = None) -> Package:
    """Open any package; one with a manifest.json is a release, and is checked against it.

    Args:
        path: the folder, or its datapackage.json.
        shown: what errors call it; None: the folder.

    Raises:
        ReadError: there is no package.
        ContractError: its descriptor or a schema cannot be read.
        StoreError: it is a release, and its manifest or its descriptor is damaged.
    """
    root = Package.locate(path)
    if not os.path.lexists(root / MANIFEST):
        return Package.open(root)
    named = shown or str(root)
    manifest = Manifest.of(root, f"{named}: {MANIFEST}")

    def check(path: str) -> None:
        listed = manifest.file(path)
        if why := listed.mismatch(root) if listed else "not listed":
            raise StoreError(
                f"{named}: {path} differs from {MANIFEST} ({why}); pull or build the release again "
                "(`gazadata verify` lists every mismatch); to edit this folder as a package, "
                f"delete its {MANIFEST}"
            )

    return Release(root, manifest, check)


def _files(listed: Any, where: str) -> tuple[File, ...]:
    if not isinstance(listed, list) or not listed:
        raise StoreError(f"{where}: no list of files")
    if len(listed) > MAX_FILES:
        raise StoreError(f"{where}: {len(listed)} files; at most {MAX_FILES} are accepted")
    files = []
    # Each path and each of its folders, without case.
    taken: dict[str, str] = {name.casefold(): name for name in (MANIFEST, SUMS)}
    for raw in listed:
        path, size, digest = (
            raw.get(key) if isinstance(raw, dict) else None for key in ("path", "bytes", "sha256")
        )
        if not isinstance(path, str) or not _is_safe(path):
            raise StoreError(
                f"{where}: the path {path!r} is refused; expected a relative path of plain "
                "letters, digits, dots, dashes and underscores, with forward slashes"
            )
        if not isinstance(size, int) or isinstance(size, bool) or size < 0:
            raise StoreError(f"{where}: {path}: invalid size {size!r}")
        if not is_sha256(digest):
            raise StoreError(f"{where}: {path}: invalid sha256 {digest!r}")
        names = path.split("/")
        folders = ["/".join(names[:n]) + "/" for n in range(1, len(names))]
        clash = taken.get(path.casefold()) or taken.get(f"{path.casefold()}/")
        for folder in folders:
            if taken.setdefault(folder.casefold(), folder) != folder:
                clash = taken[folder.casefold()]
            clash = clash or taken.get(folder.casefold().rstrip("/"))
        if clash:
            raise StoreError(
                f"{where}: the paths {clash!r} and {path!r} are the same on some systems"
            )
        taken[path.casefold()] = path
        files.append(File(path, size, digest))
    if (total := sum(file.bytes for file in files)) > MAX_BYTES:
        raise StoreError(f"{where}: {total} bytes in all; at most {MAX_BYTES} are accepted")
    return tuple(files)


def _tables(listed: Any, where: str) -> dict[str, Table]:
    if not isinstance(listed, dict):
        raise StoreError(f"{where}: no tables")
    tables = {}
    for name, raw in listed.items():
        rows, digest = (raw.get(key) if isinstance(raw, dict) else None for key in Table._fields)
        if not isinstance(rows, int) or isinstance(rows, bool) or not isinstance(digest, str):
            raise StoreError(f"{where}: invalid table {name!r}: {str(raw)[:200]}")
        tables[name] = Table(rows, digest)
    return tables


def _is_safe(path: str) -> bool:
    return len(path) <= 200 and all(
        NAME.fullmatch(name) and name.partition(".")[0].lower() not in _DEVICES
        for name in path.split("/")
    )
