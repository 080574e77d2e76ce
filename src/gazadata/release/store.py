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
from urllib.parse import urlsplit

from gazadata.contract import Contract, parse_json
from gazadata.errors import ContractError, GazadataError, MissingExtra
from gazadata.package import Package
from gazadata.release.files import (
    is_sha256,
    json_bytes,
    listing,
    part_of,
    sha256,
    sums_bytes,
    sync,
    whole_folder,
)
from gazadata.version import Version, parse

MANIFEST, SUMS, INDEX, YANKED = "manifest.json", "SHA256SUMS", "index.json", "yanked.json"

# What a manifest or an index may ask of a reader. Both come from a server that may be broken or
# worse, and are read before anything can be checked against them.
MAX_JSON = 4 << 20
MAX_FILES = 1000
MAX_BYTES = 64 << 30

CHUNK = 1 << 20

# Names that every file system can hold and that mean the same on each.
_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_-])?", re.ASCII)
# What `part_of` calls what is being made for a version, the index or the yanks.
_PART = re.compile(r"\.(.+)\.[0-9a-f]{16}\.part")
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

    def difference(self, root: Path) -> list[str]:
        """The damage, and the files that are in the folder `root` and not of the release."""
        names = {file.path for file in self.files} | self.own.keys()
        return self.damage(root) + [name for name in listing(root) if name not in names]

    def copy(self, release: Path, folder: Path) -> None:
        """Copy the release in the folder `release`, hashed on the way: it may just have changed.

        Raises:
            StoreError: a file is not what the manifest says.
            OSError: `folder` cannot be written.
        """
        for file in self.files:
            target = folder / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            with closing(chunks_of(release / file.path)) as chunks:
                receive(chunks, target, file, str(release / file.path))
        for name, content in self.own.items():
            (folder / name).write_bytes(content)


def _holds(path: Path, content: bytes) -> bool:
    try:
        return not path.is_symlink() and path.read_bytes() == content
    except OSError:
        return False


class CheckedPackage(Package):
    """A release folder, opened: a table is held against the manifest when it is read."""

    manifest: Manifest
    shown: str

    def __init__(self, root: Path, shown: str) -> None:
        manifest = Manifest.of(root, f"{shown}: {MANIFEST}")
        object.__setattr__(self, "manifest", manifest)
        object.__setattr__(self, "shown", shown)
        self._check(root, "datapackage.json")
        super().__init__(root, Contract.read(root))

    def path(self, name: str) -> Path:
        """The file of the resource `name`, as the manifest has it.

        Raises:
            UnknownName: there is no such resource.
            ContractError: its path leads out of the package.
            StoreError: the file is not what the manifest says.
        """
        self._check(self.root, self.contract[name].path)
        return super().path(name)

    def _check(self, root: Path, path: str) -> None:
        if not any(file.path == path and file.intact(root) for file in self.manifest.files):
            raise StoreError(
                f"{self.shown}: {path} is not what its manifest.json says, so it is not used; pull "
                "or build the release again (`gazadata verify` names all that is damaged). A "
                "package that is meant to be changed has no manifest.json"
            )


def open_package(path: Path, shown: str | None = None) -> Package:
    """Open any package; one with a manifest.json is a release, and is held against it.

    Args:
        path: the folder, or its datapackage.json.
        shown: what errors call it; None: the folder.

    Raises:
        ReadError: there is no package.
        ContractError: its descriptor or a schema cannot be read.
        StoreError: it is a release, and its manifest or its descriptor is damaged.
    """
    root = Package.locate(path)
    if os.path.lexists(root / MANIFEST):
        return CheckedPackage(root, shown or str(root))
    return Package.open(root)


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
            or not is_sha256(digest)
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
            published before it, is a file or of a later format, the store has releases of another
            name, or it is damaged or no store.
        MissingExtra: the extra `store` is not installed.
        OSError: the store cannot be written, for want of space or of permission.
    """
    from gazadata.release.verify import verify

    if release.is_file():
        raise StoreError(f"{release} is a file; unpack it, and publish the folder that it holds")
    verify(release)
    manifest = Manifest.of(release)
    target = store / manifest.version
    _check_place(store)
    store.mkdir(parents=True, exist_ok=True)
    with _publishing(store):
        # Read before anything is added: a store that is damaged elsewhere is not added to.
        there = _releases(store)
        for other in there:
            if other.name != manifest.name:
                raise StoreError(
                    f"{store} is a store of {other.name!r}, since it has its {other.version}; "
                    f"{release} is a release of {manifest.name!r}: publish it into another store"
                )
            if other.version.casefold() == manifest.version.casefold():
                _check_same(other, manifest, target)
        if not target.is_dir():
            if os.path.lexists(target):
                raise StoreError(
                    f"{target} is in the way: it is no folder, and that of the release is to stand "
                    "there; move it away"
                )
            _follows(manifest, there, store)
            with whole_folder(target) as folder:
                manifest.copy(release, folder)
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
        there = [release.version for release in _releases(store)]
        if version not in there:
            raise StoreError(f"{store}: no version {version!r}; there are: {', '.join(there)}")
        yanks = _yanks(store) | {version: reason}
        content = {"format": "gazadata-yanked/1", "yanked": dict(sorted(yanks.items()))}
        replace(store / YANKED, json_bytes(content))
        return _reindex(store)[version]


def folder_of(store: str) -> Path | None:
    """The folder that somebody calls a store by; None for one behind a web server.

    Raises:
        StoreError: `store` is neither.
    """
    if not store:
        raise StoreError("the name of a store is empty")
    if not re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", store):
        return Path(store)
    try:
        address = urlsplit(store)
    except ValueError as error:
        raise StoreError(f"{store}: not an address: {error}") from None
    if address.scheme == "file":
        from urllib.request import url2pathname

        return Path(url2pathname(address.path))
    if address.scheme not in ("http", "https"):
        raise StoreError(f"{store}: a store is a folder or an http, https or file address")
    if "@" in address.netloc:
        # It would end up in gazadata.lock, and from there in a repository.
        netrc = "_netrc in your home folder" if os.name == "nt" else "~/.netrc"
        raise StoreError(f"the address of the store holds a password; put it into {netrc}")
    if address.query or address.fragment:
        raise StoreError(f"{store}: the address of a store has no query and no fragment")
    return None


def written_folder(store: str) -> Path:
    """The folder of a store that is to be written.

    Raises:
        StoreError: `store` is no folder.
    """
    folder = folder_of(store)
    if folder is None:
        raise StoreError(
            f"{store}: a store is written to as a folder; name the folder that the server serves, "
            "or one on this machine, and copy it to the server"
        )
    return folder


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
    part = part_of(path)
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
        if not is_sha256(digest):
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


def _check_place(store: Path) -> None:
    """Refuse to make a store of what is no folder, is a release, or lies inside one."""
    if os.path.lexists(store) and not store.is_dir():
        raise StoreError(f"{store} is no folder, and a store is one; name another, or move it away")
    whole = store.resolve()
    for folder in (whole, *whole.parents):
        if (folder / MANIFEST).is_file() and (folder / SUMS).is_file():
            raise StoreError(
                f"{store} is no place for a store: {folder} is a release, to which nothing is "
                "added; name a folder outside of it"
            )


@contextmanager
def _publishing(store: Path) -> Iterator[None]:
    """Have the store to oneself, without what publishers before left unfinished."""
    import shutil

    with exclusive(store / ".lock"):
        # Nobody else is at work, so these belong to publishers that were killed.
        for left in store.glob(".*.part"):
            made = _PART.fullmatch(left.name)
            if made is None or left.is_symlink():
                continue
            if left.is_dir() and parse(made[1]):
                shutil.rmtree(left)
            elif left.is_file() and made[1] in (INDEX, YANKED):
                left.unlink()
        yield


def _releases(store: Path) -> list[Manifest]:
    """The manifests of what is in the store, the oldest version first."""
    manifests = []
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
        manifests.append(manifest)
    return sorted(manifests, key=lambda manifest: precedence(manifest.version))


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
    yanks = _yanks(store)
    entries = [
        Entry(release.version, release.created, release.sha256, yanks.get(release.version))
        for release in _releases(store)
    ]
    content = {"format": "gazadata-store/1", "versions": [entry._asdict() for entry in entries]}
    replace(store / INDEX, json_bytes(content))
    return {entry.version: entry for entry in entries}


def _check_same(there: Manifest, manifest: Manifest, target: Path) -> None:
    """Refuse what would replace a version that is there."""
    if there.version != manifest.version:
        raise StoreError(
            f"{manifest.version} differs from the published {there.version} in case only"
        )
    if there.sha256 != manifest.sha256:
        raise StoreError(
            f"{target} is published with the manifest sha256 {there.sha256}; this release "
            f"has {manifest.sha256}. A published version is never replaced: raise the version"
        )
    if damage := manifest.damage(target):
        raise StoreError(
            f"{target} is published, but damaged: {', '.join(damage[:5])}; "
            "move it away and publish the release again"
        )


def _follows(manifest: Manifest, there: list[Manifest], store: Path) -> None:
    """Refuse a release that is not built on what is published before it.

    What a version may change, and that no identifier is given again, was held against its parent
    alone. So the parent is in the store as it was then, and no final version lies between the two.
    """
    before = [
        release.version
        for release in there
        if precedence(release.version).is_final
        and precedence(release.version) < precedence(manifest.version)
    ]
    stated = read_object(manifest.content, MANIFEST, "gazadata-manifest").get("parent")
    parent = stated if isinstance(stated, dict) else {}
    named = next((release for release in there if release.version == parent.get("version")), None)
    if named is None and not before:
        return
    if (
        named is not None
        and named.sha256 == parent.get("manifest_sha256")
        and all(precedence(named.version) >= precedence(version) for version in before)
    ):
        return
    last = before[-1] if before else parent["version"]
    raise StoreError(
        f"{manifest.version} is built on {parent.get('version') or 'no release'}, with the "
        f"manifest sha256 {parent.get('manifest_sha256')}, and not on {last} as it is published in "
        f"{store}; build it again with: gazadata build --parent {store / last}"
    )
