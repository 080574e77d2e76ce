"""Pulling releases out of stores into a cache, and opening them from there.

The cache is keyed by content. What is in it is right or is not used: every file is checked against
the manifest, and the manifest against its own hash, each time that it is used. So nothing in it
needs to be forced to the disk.

    releases/<manifest sha256>/…            whole releases, put there by one rename
    releases/.<manifest sha256>.part/…      what a pull has fetched so far; the next goes on from it
    served/<store>/<version>.json           which manifest a store served, so that a version that
                                            is cached needs no network
    locks/<manifest sha256>                 held by whoever fetches
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit

from gazadata.contract import Contract
from gazadata.errors import GazadataError, MissingExtra
from gazadata.package import Package
from gazadata.release.files import ReleaseError, is_sha256, json_bytes, whole_folder
from gazadata.release.lock import FILE, Lock, Pin, first_seen, indexed, pin
from gazadata.release.store import (
    CHUNK,
    INDEX,
    MANIFEST,
    MAX_JSON,
    Entry,
    Manifest,
    StoreError,
    chunks_of,
    exclusive,
    folder_of,
    precedence,
    read_index,
    receive,
    replace,
)

if TYPE_CHECKING:
    import urllib3

Stores = str | Path | Sequence[str | Path]
Progress = Callable[[int, int], None]
"""Called with the bytes that are there and the bytes that are needed."""

LATEST = "latest"
TIMEOUT = 30.0
"""Seconds without an answer before a store is given up; GAZADATA_TIMEOUT overrides it."""
SLOWEST = 10_000
"""Bytes a second: a body that is slower on the whole is given up, however lively it drips."""
REDIRECTS = 5


class CacheError(GazadataError):
    """A cache that cannot be written."""


class StoreAwayError(StoreError):
    """A store that does not answer at all."""


def pull(
    version: str | None = None,
    stores: Stores = (),
    out: Path | None = None,
    *,
    lock: Path | None = FILE,
    progress: Progress | None = None,
) -> Path:
    """Pull a release, and pin it in `lock`.

    A version that is in the cache is taken from there, without the network. "latest" needs a
    store's index; where no store answers, the locked version stands in for it if it is cached.

    Args:
        version: a version, or "latest": the highest that is neither yanked nor a pre-release.
            None: the version that `lock` pins, else the latest.
        stores: addresses or folders, tried in turn; without any, those of GAZADATA_STORE (one
            folder, or several stores with white space between), else the store that `lock` names.
        out: a folder to put a copy into, as `<name>-<version>`.
        lock: the lock that is honoured and then written; None: neither.
        progress: called as bytes arrive.

    Returns:
        The folder of the release: in the cache, or the copy in `out`.

    Raises:
        StoreError: no store has the whole release.
        CacheError: the cache cannot be written.
        LockError: the lock cannot be read or written, or contradicts this installation.
        ReleaseError: `out` holds something else under the release's name.
        MissingExtra: the extra `store` is not installed.
    """
    locked = Lock.read(lock) if lock else None
    release = _Pull(_cache(), _sources(stores, locked), locked, progress).obtain(version)
    if not release.fresh:
        release.make_whole(progress)
    if lock:
        store = release.store
        if store is None and locked and locked.version == release.manifest.version:
            store = locked.store
        Lock(store, release.manifest.version, release.manifest.sha256).write(lock)
    return release.copy(out) if out else release.folder


def open_release(
    version: str | None = None, stores: Stores = (), *, lock: Path | None = FILE
) -> Package:
    """Open a release, pulled into the cache if it is not there; no lock is written.

    Each table is checked against the manifest when it is read. The arguments are those of `pull`.

    Raises:
        StoreError: no store has the whole release, or the cached copy is damaged and no store
            can mend it.
        LockError: `lock` cannot be read, or contradicts this installation.
        ContractError: the release's descriptor cannot be read.
        MissingExtra: the extra `store` is not installed.
    """
    locked = Lock.read(lock) if lock else None
    release = _Pull(_cache(), _sources(stores, locked), locked, None).obtain(version)
    release.ensure("datapackage.json")
    return CachedPackage(release)


def versions(stores: Stores = ()) -> list[Entry]:
    """The versions that the first store to answer has published, the oldest first.

    Raises:
        StoreError: no store answers with an index.
        LockError: no store is named, and gazadata.lock cannot be read.
        MissingExtra: the extra `store` is not installed.
    """
    failures = []
    # The lock is read only where it is needed: one that is broken is nothing to a store named here.
    for source in _sources(stores, None) or _sources((), Lock.read(FILE)):
        try:
            with closing(source):
                return _index(source)
        except StoreError as error:
            failures.append(str(error))
    failures = failures or ["no store is named: use --store or GAZADATA_STORE"]
    raise StoreError("\n".join(["no store answers with an index:", *_indented(failures)]))


class CachedPackage(Package):
    """A release in the cache, opened: whatever is read of it is checked first."""

    release: Cached

    def __init__(self, release: Cached) -> None:
        super().__init__(release.folder, Contract.read(release.folder))
        object.__setattr__(self, "release", release)

    def path(self, name: str) -> Path:
        """The file of the resource `name`, as the manifest has it.

        Raises:
            UnknownName: there is no such resource.
            ContractError: its path leads out of the package.
            StoreError: the file is damaged and no store can mend it.
        """
        self.release.ensure(self.contract[name].path)
        return super().path(name)


class Cached(NamedTuple):
    """A release in the cache, and the stores that can mend it."""

    cache: Path
    manifest: Manifest
    store: str | None
    sources: tuple[Source, ...]
    fresh: bool = False

    @property
    def folder(self) -> Path:
        """Where the release lies."""
        return self.cache / "releases" / self.manifest.sha256

    def ensure(self, path: str) -> None:
        """Make sure that one file is there and right.

        Raises:
            StoreError: the manifest does not list it, or it is damaged and cannot be mended.
        """
        listed = next((file for file in self.manifest.files if file.path == path), None)
        if listed is None:
            raise StoreError(f"{self.folder}: {path} is no file of the release")
        if not listed.intact(self.folder):
            self._mend([path], None)

    def make_whole(self, progress: Progress | None) -> None:
        """Make sure that every file is there and right.

        Raises:
            StoreError: one is damaged and cannot be mended.
        """
        if damaged := self.manifest.damage(self.folder):
            self._mend(damaged, progress)

    def _mend(self, damaged: list[str], progress: Progress | None) -> None:
        failures = []
        for source in self.sources:
            try:
                with closing(source):
                    _fill(self.cache, self.manifest, source, progress)
                return
            except StoreError as error:
                failures.append(str(error))
        named = ", ".join(damaged[:5]) + (" and more" if len(damaged) > 5 else "")
        raise StoreError(
            "\n".join(
                [
                    f"the cached release {self.manifest.version} is damaged ({named} in "
                    f"{self.folder}), and no store could mend it:",
                    *_indented(failures or ["no store is named; use --store or GAZADATA_STORE"]),
                    "try again when the store can be reached",
                ]
            )
        )

    def copy(self, out: Path) -> Path:
        """Copy the release to `out`, checked on the way; what is there is never replaced.

        Raises:
            ReleaseError: something else is there, or `out` cannot be written.
            StoreError: the cached release is damaged.
        """
        target = out / f"{self.manifest.name}-{self.manifest.version}"
        if not target.is_dir():
            try:
                with whole_folder(target) as folder:
                    self.manifest.copy(self.folder, folder)
                return target
            except ReleaseError:
                # Somebody else may have been quicker with the same copy.
                if not target.is_dir():
                    raise
            except OSError as error:
                raise StoreError(f"{target}: {error.strerror or error}") from None
        if other := self.manifest.difference(target):
            raise ReleaseError(
                f"{target} is there already, and not what was released: {', '.join(other[:5])}"
                f"{' and more' if len(other) > 5 else ''}; remove it or choose another --out"
            )
        return target


class Source(Protocol):
    """A store that can be read from."""

    name: str
    key: str

    def read(self, path: str, limit: int) -> Generator[bytes]:
        """The bytes of a file, as they arrive; `limit` is how many are wanted at most.

        Raises:
            StoreError: the file cannot be had.
        """
        ...

    def where(self, path: str) -> str:
        """The file as a person would name it."""
        ...

    def close(self) -> None:
        """Let go of connections; the next read opens new ones."""
        ...


class _Folder:
    """A store that is a folder on this machine or a file share."""

    def __init__(self, name: str, root: Path) -> None:
        self.name, self.root = name, root
        self.key = str(root.absolute())

    def where(self, path: str) -> str:
        return str(self.root / path)

    def read(self, path: str, limit: int) -> Generator[bytes]:
        if not self.root.is_dir():
            raise StoreAwayError(f"{self.root}: no such folder")
        return chunks_of(self.root / path)

    def close(self) -> None:
        pass


class _Http:
    """A store behind a web server, asked over one connection that stays open."""

    def __init__(self, name: str) -> None:
        self.name = self.key = name
        self.timeout = _timeout()
        self._hosts: dict[tuple[str, str], urllib3.PoolManager] = {}

    def where(self, path: str) -> str:
        return f"{self.name}/{quote(path)}"

    def read(self, path: str, limit: int) -> Generator[bytes]:
        try:
            from urllib3 import exceptions
        except ImportError:
            raise MissingExtra("urllib3", "store") from None
        url = self.where(path)
        # Between two bytes the time-out of the socket counts; this one is for the whole body.
        patience = self.timeout + limit / SLOWEST
        deadline = time.monotonic() + patience
        answered = False
        try:
            with closing(self._get(url)) as response:
                answered = True
                if response.status != 200:
                    raise StoreError(f"{url}: HTTP {response.status} {response.reason}")
                # read1 returns what has arrived; to wait for whole pieces would be to be held
                # for ever by a server that drips.
                while chunk := response.read1(CHUNK, decode_content=True):
                    yield chunk
                    if time.monotonic() > deadline:
                        raise StoreError(f"{url}: not finished after {patience:.0f} seconds")
        except ValueError as error:
            # That of the store, of what it redirects to, or of a proxy.
            raise StoreError(f"{url}: no address that can be asked: {error}") from None
        except exceptions.HTTPError as error:
            new = isinstance(error, exceptions.NewConnectionError)
            if isinstance(error, exceptions.TimeoutError) and not new:
                raise StoreAwayError(f"{url}: no answer within {self.timeout:g} seconds") from None
            cause = _root_cause(error)
            if answered:
                raise StoreError(f"{url}: the answer cannot be read: {cause}") from None
            raise StoreAwayError(f"{url}: cannot be reached: {cause}") from None

    def close(self) -> None:
        for host in self._hosts.values():
            host.clear()
        self._hosts.clear()

    def _get(self, url: str) -> urllib3.BaseHTTPResponse:
        """Follow redirects without reading their bodies, which may have no end."""
        asked = url
        for _ in range(REDIRECTS + 1):
            address = urlsplit(asked)
            host = address.scheme, address.netloc
            if host not in self._hosts:
                self._hosts[host] = _connections(address)
            response = self._hosts[host].request(
                "GET",
                asked,
                redirect=False,
                retries=False,
                preload_content=False,
                timeout=self.timeout,
            )
            location = response.get_redirect_location()
            if not location:
                return response
            response.close()
            asked = urljoin(asked, location)
            if urlsplit(asked).scheme not in ("https", address.scheme):
                raise StoreError(f"{url}: redirects to {asked}, which is refused")
        raise StoreError(f"{url}: more than {REDIRECTS} redirects")


def _connections(address: SplitResult) -> urllib3.PoolManager:
    """What connects to a host: with the user's proxy, password and authorities, looked up once."""
    from urllib.request import getproxies, proxy_bypass

    import urllib3
    from urllib3.util import make_headers, parse_url

    # Nothing to unpack: the bytes are counted, and no-cache because an index that a proxy kept
    # would hide what was published or yanked since.
    headers = {"Accept-Encoding": "identity", "Cache-Control": "no-cache", "User-Agent": "gazadata"}
    if password := _password(address.hostname or ""):
        headers |= make_headers(basic_auth=password)
    proxies = {} if proxy_bypass(address.netloc) else getproxies()
    proxy = proxies.get(address.scheme) or proxies.get("all") or ""
    if proxy and "://" not in proxy:
        proxy = f"http://{proxy}"
    options: dict[str, Any] = {"headers": headers}
    if "https" in (address.scheme, urlsplit(proxy).scheme):
        try:
            import certifi
        except ImportError:
            raise MissingExtra("certifi", "store") from None
        named = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
        bundle = named or certifi.where()
        options["ca_cert_dir" if os.path.isdir(bundle) else "ca_certs"] = bundle
    if not proxy:
        return urllib3.PoolManager(**options)
    password = unquote(parse_url(proxy).auth or "")
    sent = make_headers(proxy_basic_auth=password) if password else None
    return urllib3.ProxyManager(proxy, proxy_headers=sent, **options)


def _password(host: str) -> str | None:
    """`login:password` for a host, of the netrc that the user keeps."""
    from netrc import NetrcParseError, netrc

    named = os.environ.get("NETRC")
    for path in [named] if named else ["~/.netrc", "~/_netrc"]:
        try:
            found = netrc(os.path.expanduser(path)).authenticators(host)
        except (OSError, NetrcParseError):
            continue
        if found:
            return f"{found[0] or found[1]}:{found[2]}"
    return None


def _root_cause(error: BaseException) -> str:
    """The sentence of the operating system that a stack of wrappers hides."""
    causes: list[BaseException] = [error]
    for cause in causes:
        inner = [*cause.args, getattr(cause, "reason", None), cause.__cause__]
        causes += [c for c in inner if isinstance(c, BaseException) and c not in causes]
    system = [c.strerror for c in causes if isinstance(c, OSError) and c.strerror]
    return system[-1] if system else str(causes[-1])


def _timeout() -> float:
    text = os.environ.get("GAZADATA_TIMEOUT", "")
    try:
        seconds = float(text or TIMEOUT)
    except ValueError:
        seconds = 0
    if not 0 < seconds < 1e6:
        raise StoreError(f"GAZADATA_TIMEOUT is {text!r}; expected a number of seconds")
    return seconds


def _sources(stores: Stores, locked: Lock | None) -> tuple[Source, ...]:
    named: Iterable[str | Path] = [stores] if isinstance(stores, str | Path) else stores
    named = list(named) or _named_stores()
    if not named and locked and locked.store:
        named = [locked.store]
    return tuple(map(_source, named))


def _named_stores() -> list[str]:
    """The stores of GAZADATA_STORE: one folder, whose name may hold spaces, or several stores."""
    value = os.environ.get("GAZADATA_STORE", "")
    # Not os.pathsep, which every address contains on most systems.
    return [value] if os.path.isdir(value) else value.split()


def _source(store: str | Path) -> Source:
    text = str(store)
    folder = folder_of(text)
    return _Http(text.rstrip("/")) if folder is None else _Folder(text, folder)


class _Pull(NamedTuple):
    """One search for a release: in the cache first, then in the stores."""

    cache: Path
    sources: tuple[Source, ...]
    locked: Lock | None
    progress: Progress | None

    def obtain(self, version: str | None) -> Cached:
        if version is None:
            version = self.locked.version if self.locked else LATEST
        if version == LATEST:
            return self._latest()
        precedence(version)
        return self._cached(version) or self._fetch(version)

    def _latest(self) -> Cached:
        try:
            return self._fetch(LATEST)
        except StoreAwayError as error:
            found = self._cached(self.locked.version) if self.locked else None
            if not found:
                raise
            _warn(f"{error}\nthe locked version {found.manifest.version} is used instead")
            return found

    def _cached(self, version: str) -> Cached | None:
        """The release in the cache: by its pin, else as one of the stores served it before."""
        pinned = pin(version, self.locked)
        for source in (*self.sources, None):
            served = _served(self.cache, source, version) if source else {}
            digest = pinned.manifest_sha256 if pinned else served.get("manifest_sha256")
            if not digest or (source and served.get("manifest_sha256") != digest):
                continue
            path = self.cache / "releases" / digest / MANIFEST
            try:
                content = path.read_bytes()
            except OSError:
                continue
            if hashlib.sha256(content).hexdigest() != digest:
                _warn(f"{path} is damaged; the release is fetched again")
                continue
            manifest = Manifest.read(content, str(path))
            if manifest.version != version:
                raise StoreError(f"{path}: is of version {manifest.version}, not of {version}")
            if served.get("yanked"):
                _warn(f"{version} is yanked: {served['yanked']}")
            return Cached(self.cache, manifest, source.name if source else None, self.sources)
        return None

    def _fetch(self, version: str) -> Cached:
        """Fetch a release from the first store that has all of it."""
        failures: list[StoreError] = []
        for source in self.sources:
            try:
                with closing(source):
                    manifest, yanked = self._offered(source, version)
                    _fill(self.cache, manifest, source, self.progress)
            except StoreError as error:
                failures.append(error)
                continue
            with _cache_errors(self.cache):
                _remember(self.cache, source, manifest, yanked)
            for failure in failures:
                _warn(f"another store was used, since {failure}")
            if yanked:
                _warn(f"{manifest.version} is yanked: {yanked}")
            return Cached(self.cache, manifest, source.name, self.sources, fresh=True)
        away = bool(failures) and all(isinstance(failure, StoreAwayError) for failure in failures)
        raise (StoreAwayError if away else StoreError)(
            "\n".join(
                [
                    f"{version} could not be pulled:",
                    *_indented(failures or ["no store is named"]),
                    "check the version, the store and the network; stores are named by --store, "
                    "by store=… or by GAZADATA_STORE",
                ]
            )
        )

    def _offered(self, source: Source, version: str) -> tuple[Manifest, str | None]:
        """The manifest that a store has for a version, held against every pin; and the yank."""
        entries = _index(source)
        if version == LATEST:
            current = [e for e in entries if not e.yanked and precedence(e.version).is_final]
            if not current:
                raise StoreError(f"{source.name}: every version is yanked or a pre-release")
            version = current[-1].version
        # The folder is what counts; an index may be older, in a proxy or after a crash.
        entry = next((e for e in entries if e.version == version), None)
        where = source.where(f"{version}/{MANIFEST}")
        try:
            content = _small(source, f"{version}/{MANIFEST}")
        except StoreError as error:
            if entry:
                raise
            there = ", ".join(e.version for e in entries) or "none"
            raise StoreError(f"{error}; the index of the store names: {there}") from None
        manifest = Manifest.read(content, where)
        served = _served(self.cache, source, version)
        pinned = pin(version, self.locked) or self._said(source, version, served, entry)
        if pinned and manifest.sha256 != pinned.manifest_sha256:
            raise StoreError(
                f"{where}: refused: its sha256 is {manifest.sha256}, but {pinned.by} says "
                f"{pinned.manifest_sha256}; {pinned.remedy}"
            )
        if manifest.version != version:
            raise StoreError(f"{where}: is the manifest of {manifest.version}")
        # An index that does not name the version takes no yank back.
        return manifest, entry.yanked if entry else served.get("yanked")

    def _said(
        self, source: Source, version: str, served: dict[str, Any], entry: Entry | None
    ) -> Pin | None:
        """What nobody pinned is still held to what the store itself said of it."""
        if served:
            record = _served_file(self.cache, source, version)
            return first_seen(served["manifest_sha256"], record)
        return indexed(entry.manifest_sha256) if entry else None


def _fill(cache: Path, manifest: Manifest, source: Source, progress: Progress | None) -> None:
    """Fetch what the cache lacks of a release, and only that."""
    with _cache_errors(cache):
        lock = _lock_file(cache, manifest)
        lock.parent.mkdir(parents=True, exist_ok=True)
        with exclusive(lock):
            whole = cache / "releases" / manifest.sha256
            # A release that is there is mended file by file, each in one step, since others may
            # be reading it. One that is not is put together beside, and becomes visible whole.
            folder = whole if whole.exists() else whole.with_name(f".{manifest.sha256}.part")
            folder.mkdir(parents=True, exist_ok=True)
            missing = [file for file in manifest.files if not file.intact(folder)]
            arrived = _Count(sum(file.bytes for file in missing), progress)
            for file in missing:
                path = f"{manifest.version}/{file.path}"
                _make_way(folder, file.path)
                with closing(source.read(path, file.bytes)) as chunks:
                    receive(arrived.counted(chunks), folder / file.path, file, source.where(path))
            for name, content in manifest.own.items():
                _make_way(folder, name)
                replace(folder / name, content, durable=False)
            if folder != whole:
                folder.rename(whole)


def _make_way(root: Path, path: str) -> None:
    """Make the folders that lead to a file, and take away what lies in its way, such as a link."""
    import shutil

    folder = root
    for name in path.split("/")[:-1]:
        folder = folder / name
        if folder.is_symlink() or folder.is_file():
            folder.unlink()
        folder.mkdir(exist_ok=True)
    target = root / path
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)


class _Count:
    def __init__(self, total: int, progress: Progress | None) -> None:
        self.done, self.total, self.progress = 0, total, progress

    def counted(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            yield chunk
            self.done += len(chunk)
            if self.progress:
                self.progress(self.done, self.total)


def _index(source: Source) -> list[Entry]:
    return read_index(_small(source, INDEX), source.where(INDEX))


def _small(source: Source, path: str) -> bytes:
    """Read a file that has to be read before anything is known about it."""
    content = bytearray()
    with closing(source.read(path, MAX_JSON)) as chunks:
        for chunk in chunks:
            content += chunk
            if len(content) > MAX_JSON:
                raise StoreError(f"{source.where(path)}: longer than {MAX_JSON} bytes")
    return bytes(content)


def _cache() -> Path:
    """GAZADATA_CACHE, or where each system wants caches to be.

    platformdirs says the same, but takes longer to import than a cached release to open.
    """
    shared = os.environ.get("XDG_CACHE_HOME", "")
    if named := os.environ.get("GAZADATA_CACHE"):
        folder = Path(named)
    elif os.name == "nt":
        folder = Path(os.environ.get("LOCALAPPDATA") or "~/AppData/Local", "gazadata", "Cache")
    elif os.path.isabs(shared):
        folder = Path(shared, "gazadata")
    else:
        folder = Path("~/Library/Caches" if sys.platform == "darwin" else "~/.cache", "gazadata")
    try:
        return folder.expanduser().absolute()
    except RuntimeError:
        raise CacheError(
            f"{folder}: there is no home folder; GAZADATA_CACHE can name another"
        ) from None


def _lock_file(cache: Path, manifest: Manifest) -> Path:
    return cache / "locks" / manifest.sha256


def _served_file(cache: Path, source: Source, version: str) -> Path:
    key = hashlib.sha256(source.key.encode("utf-8", "surrogateescape")).hexdigest()[:32]
    return cache / "served" / key / f"{version}.json"


def _served(cache: Path, source: Source, version: str) -> dict[str, Any]:
    """What a store was seen to serve for a version; nothing where that was not kept."""
    try:
        value = json.loads(_served_file(cache, source, version).read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    sound = isinstance(value, dict) and is_sha256(value.get("manifest_sha256"))
    return value if sound else {}


def _remember(cache: Path, source: Source, manifest: Manifest, yanked: str | None) -> None:
    path = _served_file(cache, source, manifest.version)
    path.parent.mkdir(parents=True, exist_ok=True)
    value = {"store": source.name, "manifest_sha256": manifest.sha256, "yanked": yanked}
    replace(path, json_bytes(value), durable=False)


@contextmanager
def _cache_errors(cache: Path) -> Iterator[None]:
    """Say of a full disk or a folder that cannot be written what to do about it."""
    try:
        yield
    except OSError as error:
        where = error.filename or cache
        raise CacheError(
            f"{where}: {error.strerror or error}; the cache is {cache}, and GAZADATA_CACHE can "
            "name another folder, with space and permission to write"
        ) from None


def _indented(failures: Sequence[object]) -> list[str]:
    return [f"  {failure}" for failure in failures]


def _warn(message: str) -> None:
    import warnings

    # Past the frames of gazadata, so that the line shown is the user's own.
    warnings.warn(message, UserWarning, stacklevel=_depth())


def _depth() -> int:
    depth, frame = 1, sys._getframe(1)
    while frame.f_back and frame.f_globals.get("__name__", "").startswith("gazadata."):
        depth, frame = depth + 1, frame.f_back
    return depth
