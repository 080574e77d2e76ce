"""A store: a plain folder of releases that any static web server or file share can serve.

    <version>/…   a release as built, never changed once it is there
    index.json    the versions, their dates and manifest hashes, and which are yanked and why
    yanked.json   the yanks: the one thing in the index that the releases do not say themselves
    .lock         held by whoever publishes; the kernel lets it go with its process

The rename of a whole version folder is what publishes it. The index only follows: it is rebuilt
from what is there each time, so that a publisher that dies leaves nothing to mend by hand.

Opening a cached release passes through here, in less time than some imports take: what only
publishing needs is imported there, and records are named tuples, of which five are made while
Python makes one frozen dataclass.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from gazadata.contract import parse_json
from gazadata.errors import ContractError, GazadataError, MissingExtra
from gazadata.release.files import json_bytes, sha256, sums_bytes, sync, whole_folder
from gazadata.version import Version, parse

MANIFEST, SUMS, INDEX, YANKED = "manifest.json", "SHA256SUMS", "index.json", "yanked.json"

# What a manifest or an index may ask of a reader. Both come from a server that may be broken or
# worse, and are read before anything can be checked against them.
MAX_JSON = 4 << 20
MAX_FILES = 1000
MAX_BYTES = 64 << 30

CHUNK = 1 << 20

_SHA256 = re.compile(r"[0-9a-f]{64}")
# Names that every file system can hold and that mean the same on each.
_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_-])?", re.ASCII)
_DEVICES = {"con", "prn", "aux", "nul"} | {f"{d}{n}" for d in ("com", "lpt") for n in range(10)}


class StoreError(GazadataError):
    """A store, or a release in it, that cannot be used as it is."""


class LaterFormatError(StoreError):
    """What a newer gazadata wrote, and this one cannot judge."""


def precedence(version: object) -> Version:
    """The key by which versions are sorted.

    Raises:
        StoreError: `version` is no semantic version.
    """
    parsed = parse(version)
    if parsed is None:
        raise StoreError(
            f'{version!r} is no version: expected text, MAJOR.MINOR.PATCH, such as "1.0.0"'
        )
    return parsed


class File(NamedTuple):
    """A file that a manifest lists."""

    path: str
    bytes: int
    sha256: str

    def intact(self, root: Path) -> bool:
        """Whether the file is under `root`, an ordinary file, with its size and its hash."""
        path = root
        try:
            for name in self.path.split("/"):
                path = path / name
                if path.is_symlink():
                    return False
            return (
                path.is_file() and path.stat().st_size == self.bytes and sha256(path) == self.sha256
            )
        except OSError:
            return False


class Table(NamedTuple):
    """A table that a manifest counts; its digest is that of its CSV."""

    rows: int
    digest: str


class Manifest(NamedTuple):
    """A release's manifest.json, checked: what may be fetched and written because it says so."""

    name: str
    version: str
    created: str | None
    files: tuple[File, ...]
    tables: dict[str, Table]
    content: bytes
    sha256: str

    @classmethod
    def read(cls, content: bytes, where: str) -> Manifest:
        """Read a manifest that nothing vouches for yet.

        Raises:
            LaterFormatError: it is of a later format.
            StoreError: it is no manifest, or lists what must not be written.
        """
        value = read_object(content, where, "gazadata-manifest")
        name, version, created = (value.get(key) for key in ("name", "version", "created"))
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise StoreError(f"{where}: the name {name!r} is no name of a package")
        if not isinstance(version, str) or not parse(version):
            raise StoreError(f"{where}: {version!r} is no version")
        return cls(
            name,
            version,
            created if isinstance(created, str) else None,
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
    def own(self) -> dict[str, bytes]:
        """The files that the manifest does not list because they follow from it, and itself."""
        sums = {file.path: file.sha256 for file in self.files} | {MANIFEST: self.sha256}
        return {SUMS: sums_bytes(sums), MANIFEST: self.content}

    def damage(self, root: Path) -> list[str]:
        """The files that are not, or not as the manifest says, in the folder `root`."""
        bad = [file.path for file in self.files if not file.intact(root)]
        return bad + [
            name for name, content in self.own.items() if not _holds(root / name, content)
        ]


def _holds(path: Path, content: bytes) -> bool:
    try:
        return not path.is_symlink() and path.read_bytes() == content
    except OSError:
        return False


class Entry(NamedTuple):
    """A published version, as the index lists it."""

    version: str
    date: str | None
    manifest_sha256: str
    yanked: str | None


def read_index(content: bytes, where: str) -> list[Entry]:
    """Read an index: its versions, the oldest first.

    Raises:
        StoreError: it is no index, or is of a later format.
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
            or not isinstance(digest, str)
            or not _SHA256.fullmatch(digest)
            or not isinstance(date, str | None)
            or not isinstance(yanked, str | None)
            or version in entries
        ):
            raise StoreError(f"{where}: an entry that cannot be read: {str(raw)[:200]}")
        precedence(version)
        entries[version] = Entry(version, date, digest, yanked)
    return sorted(entries.values(), key=lambda entry: precedence(entry.version))


def publish(release: Path, store: Path) -> Entry:
    """Publish a release into a store: all of it, or nothing.

    The release is verified first. Any number of publishers may run at once.

    Args:
        release: the folder that `gazadata build` made.
        store: the folder of the store; made if it is not there.

    Returns:
        The entry of the version; the same release again is no change.

    Raises:
        FaultsError: the release does not verify.
        ReleaseError: there is no release.
        StoreError: the version is there with other bytes, the release does not follow what is
            published before it, is a file or of a later format, or the store is damaged.
        MissingExtra: the extra `store` is not installed.
        OSError: the store cannot be written, for want of space or of permission.
    """
    from gazadata.release.verify import verify

    if release.is_file():
        raise StoreError(f"{release} is a file; unpack it, and publish the folder that it holds")
    verify(release)
    manifest = Manifest.of(release)
    target = store / manifest.version
    store.mkdir(parents=True, exist_ok=True)
    with _publishing(store):
        # Read before anything is added: a store that is damaged elsewhere is not added to.
        entries = _entries(store)
        for entry in entries:
            if entry.version.casefold() == manifest.version.casefold():
                _same(entry, manifest, target)
        if not target.exists():
            _follows(manifest, entries, store)
            with whole_folder(target) as folder:
                _copy(manifest, release, folder)
        return _reindex(store)[manifest.version]


def yank(version: str, reason: str, store: Path) -> Entry:
    """Mark a version as one that nobody should start to use; its files stay as they are.

    Returns:
        The entry of the version.

    Raises:
        StoreError: there is no such version in the store, or no reason.
        MissingExtra: the extra `store` is not installed.
        OSError: the store cannot be written.
    """
    reason = " ".join(reason.split())
    if not reason:
        raise StoreError(f"say why {version} is yanked; whoever pulls it will read the reason")
    if not store.is_dir():
        raise StoreError(f"{store}: no such store")
    with _publishing(store):
        there = [entry.version for entry in _entries(store)]
        if version not in there:
            raise StoreError(f"{store}: no version {version!r}; there are: {', '.join(there)}")
        yanks = _yanks(store) | {version: reason}
        content = {"format": "gazadata-yanked/1", "yanked": dict(sorted(yanks.items()))}
        replace(store / YANKED, json_bytes(content))
        return _reindex(store)[version]


def receive(chunks: Iterable[bytes], target: Path, file: File, where: str) -> None:
    """Write what arrives to `target`: exactly the file that the manifest lists, or nothing.

    Raises:
        StoreError: what arrives is longer, shorter or other than the manifest says.
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
            raise StoreError(
                f"{where}: sha256 {digest.hexdigest()}, but the manifest says {file.sha256}"
            )
        os.replace(part, target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def chunks_of(path: Path) -> Generator[bytes]:
    """The bytes of a file, in pieces.

    Raises:
        StoreError: the file is missing or cannot be read.
    """
    # Reading fails as a fault of the file read, so that it is not taken for one of the target.
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}") from None


def replace(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Write a file in one step: readers see the old bytes or the new ones.

    With `durable` that holds for a crash of the machine too.

    Raises:
        OSError: it cannot be written.
    """
    import threading

    part = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        with part.open("wb") as out:
            out.write(content)
            if durable:
                out.flush()
                os.fsync(out.fileno())
        os.replace(part, path)
        if durable:
            sync(path.parent)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the lock in the file `path`; waits for whoever holds it.

    The kernel holds it, for the process: nobody can leave it behind. The file itself stays, since
    deleting it would let two processes hold locks of the same name.

    Raises:
        MissingExtra: filelock is not installed.
        OSError: the file cannot be made, or its file system has no locks.
    """
    try:
        from filelock import FileLock
    except ImportError:
        raise MissingExtra("filelock", "store") from None
    # Without kernel locks filelock would fall back to a file that a dead process leaves behind.
    with FileLock(path, fallback_to_soft=False):
        yield


def read_object(content: bytes, where: str, kind: str) -> dict[str, Any]:
    """Read a JSON object of the format `kind`/1.

    Raises:
        LaterFormatError: it is of a later format.
        StoreError: it is something else, or too long.
    """
    if len(content) > MAX_JSON:
        raise StoreError(f"{where}: longer than {MAX_JSON} bytes, which no {kind} is")
    try:
        value = parse_json(content, where)
    except ContractError as error:
        raise StoreError(f"{error}; is it a web page or an error message?") from None
    form = value.get("format")
    if form == f"{kind}/1":
        return value
    if isinstance(form, str) and re.fullmatch(rf"{kind}/\d+", form):
        raise LaterFormatError(
            f"{where}: format {form!r} was made by a newer gazadata; "
            "upgrade with: pip install --upgrade gazadata"
        )
    raise StoreError(f"{where}: format {form!r} where {kind}/1 is expected")


def _files(listed: Any, where: str) -> tuple[File, ...]:
    if not isinstance(listed, list) or not listed:
        raise StoreError(f"{where}: no list of files")
    if len(listed) > MAX_FILES:
        raise StoreError(f"{where}: {len(listed)} files; at most {MAX_FILES} are taken")
    files = []
    # Each path and each folder on the way to it, as a file system that ignores case knows it.
    taken: dict[str, str] = {name.casefold(): name for name in (MANIFEST, SUMS)}
    for raw in listed:
        path, size, digest = (
            raw.get(key) if isinstance(raw, dict) else None for key in ("path", "bytes", "sha256")
        )
        if not isinstance(path, str) or not _is_safe(path):
            raise StoreError(
                f"{where}: the path {path!r} is refused: a path is relative, of plain letters, "
                "digits, dots, dashes and underscores, with forward slashes"
            )
        if not isinstance(size, int) or isinstance(size, bool) or size < 0:
            raise StoreError(f"{where}: {path}: bytes is {size!r}")
        if not isinstance(digest, str) or not _SHA256.fullmatch(digest):
            raise StoreError(f"{where}: {path}: sha256 is {digest!r}")
        names = path.split("/")
        folders = ["/".join(names[:n]) + "/" for n in range(1, len(names))]
        clash = taken.get(path.casefold()) or taken.get(f"{path.casefold()}/")
        for folder in folders:
            if taken.setdefault(folder.casefold(), folder) != folder:
                clash = taken[folder.casefold()]
            clash = clash or taken.get(folder.casefold().rstrip("/"))
        if clash:
            raise StoreError(
                f"{where}: the paths {clash!r} and {path!r} are the same to some systems"
            )
        taken[path.casefold()] = path
        files.append(File(path, size, digest))
    if (total := sum(file.bytes for file in files)) > MAX_BYTES:
        raise StoreError(f"{where}: {total} bytes in all; at most {MAX_BYTES} are taken")
    return tuple(files)


def _tables(listed: Any, where: str) -> dict[str, Table]:
    if not isinstance(listed, dict):
        raise StoreError(f"{where}: no tables")
    tables = {}
    for name, raw in listed.items():
        rows, digest = (raw.get(key) if isinstance(raw, dict) else None for key in Table._fields)
        if not isinstance(rows, int) or isinstance(rows, bool) or not isinstance(digest, str):
            raise StoreError(f"{where}: a table that cannot be read: {name!r}: {str(raw)[:200]}")
        tables[name] = Table(rows, digest)
    return tables


def _is_safe(path: str) -> bool:
    return len(path) <= 200 and all(
        _NAME.fullmatch(name) and name.partition(".")[0].lower() not in _DEVICES
        for name in path.split("/")
    )


@contextmanager
def _publishing(store: Path) -> Iterator[None]:
    """Have the store to oneself, without what publishers before left unfinished."""
    import shutil

    with exclusive(store / ".lock"):
        # Nobody else is at work, so these belong to publishers that were killed.
        for left in store.glob(".*.part"):
            if left.is_dir() and not left.is_symlink():
                shutil.rmtree(left)
            else:
                left.unlink()
        yield


def _entries(store: Path) -> list[Entry]:
    """What is in the store, from the releases themselves."""
    yanks = _yanks(store)
    entries = []
    for folder in store.iterdir():
        if not parse(folder.name) or not folder.is_dir():
            continue
        try:
            manifest = Manifest.of(folder)
        except StoreError as error:
            raise StoreError(
                f"{error}; the store is damaged: restore {folder} from a copy, or move it away"
            ) from None
        if manifest.version != folder.name:
            raise StoreError(f"{folder} holds the release {manifest.version}; move it away")
        entries.append(
            Entry(manifest.version, manifest.created, manifest.sha256, yanks.get(manifest.version))
        )
    return sorted(entries, key=lambda entry: precedence(entry.version))


def _yanks(store: Path) -> dict[str, str]:
    path = store / YANKED
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return {}
    yanks = read_object(content, str(path), "gazadata-yanked").get("yanked")
    if not isinstance(yanks, dict) or not all(isinstance(r, str) for r in yanks.values()):
        raise StoreError(f"{path}: not an object of versions and reasons")
    return yanks


def _reindex(store: Path) -> dict[str, Entry]:
    entries = _entries(store)
    content = {"format": "gazadata-store/1", "versions": [entry._asdict() for entry in entries]}
    replace(store / INDEX, json_bytes(content))
    return {entry.version: entry for entry in entries}


def _same(entry: Entry, manifest: Manifest, target: Path) -> None:
    """Refuse what would replace a version that is there."""
    if entry.version != manifest.version:
        raise StoreError(
            f"{manifest.version} differs from the published {entry.version} in case only"
        )
    if entry.manifest_sha256 != manifest.sha256:
        raise StoreError(
            f"{target} is published with the manifest sha256 {entry.manifest_sha256}; this release "
            f"has {manifest.sha256}. A published version is never replaced: raise the version"
        )
    if damage := manifest.damage(target):
        raise StoreError(
            f"{target} is published, but damaged: {', '.join(damage[:5])}; "
            "move it away and publish the release again"
        )


def _follows(manifest: Manifest, entries: list[Entry], store: Path) -> None:
    """Refuse a release that is not built on what is published before it.

    What a version may change, and that no identifier is given again, was held against its parent
    alone. So the parent is in the store as it was then, and no final version lies between the two.
    """
    before = [
        entry.version
        for entry in entries
        if precedence(entry.version).is_final
        and precedence(entry.version) < precedence(manifest.version)
    ]
    stated = read_object(manifest.content, MANIFEST, "gazadata-manifest").get("parent")
    parent = stated if isinstance(stated, dict) else {}
    named = next((entry for entry in entries if entry.version == parent.get("version")), None)
    if named is None and not before:
        return
    if (
        named is not None
        and named.manifest_sha256 == parent.get("manifest_sha256")
        and all(precedence(named.version) >= precedence(version) for version in before)
    ):
        return
    last = before[-1] if before else parent["version"]
    raise StoreError(
        f"{manifest.version} is built on {parent.get('version') or 'no release'}, with the "
        f"manifest sha256 {parent.get('manifest_sha256')}, and not on {last} as it is published in "
        f"{store}; build it again with: gazadata build --parent {store / last}"
    )


def _copy(manifest: Manifest, release: Path, folder: Path) -> None:
    """Copy what the manifest lists, hashed on the way: the release may change after `verify`."""
    for file in manifest.files:
        target = folder / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        with closing(chunks_of(release / file.path)) as chunks:
            receive(chunks, target, file, str(release / file.path))
    for name, content in manifest.own.items():
        (folder / name).write_bytes(content)
