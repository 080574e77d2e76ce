"""Pulling releases from stores into the cache, and opening them from there."""

from __future__ import annotations

import hashlib
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from gazadata.errors import LockError, StoreAwayError, StoreError
from gazadata.release.cache import Cache, Cached, Progress
from gazadata.release.files import failed, warn
from gazadata.release.index import INDEX, Entry, precedence, read_index
from gazadata.release.lock import FILE, Lock, Pin, first_seen, indexed, pin
from gazadata.release.manifest import MANIFEST, Manifest, Release, check_outside
from gazadata.release.sources import Source, Stores, read_small, sources_of

LATEST = "latest"

_ADVICE = (
    "check the version, the network and the store, which --store, store=…, GAZADATA_STORE or "
    "gazadata.lock names"
)
_NO_STORE = (
    "no store given; use --store, store=…, GAZADATA_STORE, or a gazadata.lock that names one"
)


class Offer(NamedTuple):
    """What a store offers for a version, checked against every pin."""

    manifest: Manifest
    yanked: str | None
    """Why the version is yanked; None if it is not."""
    passed_over: tuple[Entry, ...]
    """The yanked versions that are higher than the one that "latest" chose."""


class Pulled(NamedTuple):
    """The pulled release, and the one it replaces."""

    folder: Path
    version: str
    before: str | None
    """The version that the lock had pinned."""
    passed_over: tuple[Entry, ...]
    """The yanked versions that are higher than the one that "latest" chose."""
    latest: bool
    """Whether "latest" chose the version."""

    def __str__(self) -> str:
        text = f"{self.before} -> {self.version}" if self.before else self.version
        if self.before == self.version:
            text = f"{self.version}, as before"
        lines = [f"{text} (latest)" if self.latest else text]
        for entry in self.passed_over:
            what = "replaced, since it" if entry.version == self.before else "skipped, since it"
            lines.append(f"{entry.version}: {what} is yanked: {entry.yanked}")
        return "\n".join(lines)


def pull(
    version: str | None = None,
    stores: Stores = (),
    out: Path | None = None,
    *,
    lock: Path | None = FILE,
    progress: Progress | None = None,
) -> Pulled:
    """Pull a release, and pin it in `lock` as the last step.

    A cached version is used without the network; only a fetch and `versions` show whether it has
    been yanked since. "latest" needs a store's index; if no store answers, the locked version is
    used instead, provided that it is cached.

    Args:
        version: a version, or "latest": the highest that is neither yanked nor a pre-release.
            None: the version that `lock` pins, else the latest.
        stores: URLs or folders, tried in turn; without any, those of GAZADATA_STORE (one folder,
            or several stores separated by white space), else the store that `lock` names.
        out: a folder to copy the release into, as `<name>-<version>`.
        lock: the lock to respect and then to write; None: no lock.
        progress: called as bytes arrive.

    Returns:
        The folder of the release, in the cache or the copy in `out`, and what was chosen.

    Raises:
        StoreError: no store has the whole release.
        CacheError: the cache cannot be written.
        LockError: the lock cannot be read or written, or contradicts this installation.
        ReleaseError: `out` holds something else under the release's name, or `lock` would lie in a
            release.
        MissingExtra: the extra `store` is not installed.
    """
    if lock:
        check_outside(lock.absolute())
    locked = Lock.read(lock) if lock else None
    release = _Pull(Cache.of_user(), sources_of(stores, locked), locked, progress).obtain(version)
    if not release.fresh:
        release.make_whole(progress)
    folder = release.copy(out) if out else release.folder
    if lock:
        store = release.store
        if store is None and locked and locked.version == release.manifest.version:
            store = locked.store
        manifest = release.manifest
        Lock(store, manifest.version, manifest.sha256, manifest.name).write(lock)
    return Pulled(
        folder=folder,
        version=release.manifest.version,
        before=locked.version if locked else None,
        passed_over=release.passed_over,
        # The locked version that replaces "latest" if no store answers is from the cache.
        latest=release.fresh and (version == LATEST or (version is None and locked is None)),
    )


def open_release(version: str | None = None, stores: Stores = ()) -> Release:
    """Open a release, pulling it into the cache if it is not there; no lock is written.

    Each table is checked against the manifest when it is read. The arguments are those of `pull`.

    Raises:
        StoreError: no store has the whole release, or the cached copy is damaged and no store
            can replace it.
        LockError: gazadata.lock cannot be read, or contradicts this installation.
        ContractError: the release's descriptor cannot be read.
        MissingExtra: the extra `store` is not installed.
    """
    locked = Lock.read(FILE)
    release = _Pull(Cache.of_user(), sources_of(stores, locked), locked, None).obtain(version)
    how = f"fetched from {release.store}" if release.fresh else "from the cache"
    return Release(release.folder, release.manifest, release.ensure, how)


def open_pinned(version: str | None = None, stores: Stores = ()) -> Release:
    """Open the release that gazadata.lock in the current folder pins, or any without a lock.

    The arguments and errors are those of `open_release`.

    Raises:
        LockError: the lock pins another version than the one asked for.
    """
    locked = Lock.read(FILE)
    if locked and version not in (None, LATEST, locked.version):
        raise _contradicted(version, locked)
    package = open_release(version, stores)
    if locked and package.contract.version != locked.version:
        raise _contradicted(package.contract.version, locked)
    return package


def _contradicted(version: str | None, locked: Lock) -> LockError:
    return LockError(
        f"version {version} was requested, but {FILE.absolute()} pins {locked.version}; request "
        f"{locked.version}, or run `gazadata pull {version}` to pin the other"
    )


def versions(stores: Stores = ()) -> list[Entry]:
    """The published versions in the first store that answers, the oldest first.

    Raises:
        StoreError: no store answers with an index.
        LockError: no store is named, and gazadata.lock cannot be read.
        MissingExtra: the extra `store` is not installed.
    """
    failures: list[object] = []
    # The lock is read last: a broken one does not matter if a store is named.
    for source in sources_of(stores, None) or sources_of((), Lock.read(FILE)):
        try:
            with closing(source):
                return _index(source)
        except StoreError as error:
            failures.append(error)
    raise StoreError(failed("no store has an index:", failures, _ADVICE) if failures else _NO_STORE)


class _Pull(NamedTuple):
    """One search for a release: in the cache first, then in the stores."""

    cache: Cache
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
                raise StoreAwayError(f"{error}{self._there()}") from None
            warn(f"{error}\nthe locked version {found.manifest.version} is used instead")
            return found

    def _there(self) -> str:
        """Which versions of these stores are cached, and can be requested by name."""
        served = {version for source in self.sources for version in self.cache.versions(source)}
        cached = sorted((v for v in served if self._cached(v)), key=precedence)
        if not cached:
            return ""
        return f"\ncached, without the network: {', '.join(cached)}"

    def _cached(self, version: str) -> Cached | None:
        """The release in the cache: the pinned one, else the one that a store served before."""
        pinned = pin(version, self.locked)
        for source in (*self.sources, None):
            served = self.cache.served(source, version) if source else {}
            digest = pinned.manifest_sha256 if pinned else served.get("manifest_sha256")
            if not digest or (source and served.get("manifest_sha256") != digest):
                continue
            path = self.cache.place(digest) / MANIFEST
            try:
                content = path.read_bytes()
            except OSError:
                continue
            if hashlib.sha256(content).hexdigest() != digest:
                warn(f"{path} is damaged; the release is fetched again")
                continue
            manifest = Manifest.read(content, str(path))
            if manifest.version != version:
                by = pinned.by if pinned else f"the cache's record of {source and source.name}"
                raise StoreError(
                    f"{path}: version {manifest.version}, but {by} has its hash for {version}; "
                    f"{pinned.remedy if pinned else 'empty the cache'}"
                )
            self._check_name(manifest, str(path))
            if served.get("yanked"):
                warn(f"{version} is yanked: {served['yanked']}")
            return Cached(self.cache, manifest, source.name if source else None, self.sources)
        return None

    def _fetch(self, version: str) -> Cached:
        """Fetch a release from the first store that has it completely."""
        failures: list[StoreError] = []
        for source in self.sources:
            try:
                with closing(source):
                    offer = self._offered(source, version)
                    self.cache.fill(offer.manifest, source, self.progress)
            except StoreError as error:
                failures.append(error)
                continue
            manifest = offer.manifest
            self.cache.remember(source, manifest, offer.yanked)
            for failure in failures:
                warn(f"another store was used: {failure}")
            if offer.yanked:
                warn(f"{manifest.version} is yanked: {offer.yanked}")
            return Cached(self.cache, manifest, source.name, self.sources, True, offer.passed_over)
        if not failures:
            raise StoreError(_NO_STORE)
        text = failed(f"cannot pull {version}:", failures, _ADVICE)
        away = all(isinstance(failure, StoreAwayError) for failure in failures)
        raise StoreAwayError(text) if away else StoreError(text)

    def _offered(self, source: Source, version: str) -> Offer:
        """What a store offers for a version or for "latest"."""
        over: tuple[Entry, ...] = ()
        entries = _index(source)
        if version == LATEST:
            version = _newest(entries, source.name)
            chosen = precedence(version)
            over = tuple(e for e in entries if e.yanked and precedence(e.version) > chosen)
        # An index may be older than the folder, in a proxy or after a crash.
        entry = next((e for e in entries if e.version == version), None)
        where = source.where(f"{version}/{MANIFEST}")
        try:
            content = read_small(source, f"{version}/{MANIFEST}")
        except StoreError as error:
            if entry:
                raise
            there = ", ".join(e.version for e in entries) or "none"
            raise StoreError(f"{error}; the store's index lists: {there}") from None
        manifest = Manifest.read(content, where)
        served = self.cache.served(source, version)
        pinned = pin(version, self.locked) or self._served_before(source, version, served, entry)
        if pinned and manifest.sha256 != pinned.manifest_sha256:
            raise StoreError(
                f"{where}: sha256 {manifest.sha256}, but {pinned.by} has "
                f"{pinned.manifest_sha256}; {pinned.remedy}"
            )
        if manifest.version != version:
            raise StoreError(f"{where}: the manifest of version {manifest.version}")
        self._check_name(manifest, where)
        # A yank stays even if the index no longer lists the version.
        return Offer(manifest, entry.yanked if entry else served.get("yanked"), over)

    def _check_name(self, manifest: Manifest, where: str) -> None:
        """Refuse another package than the locked one, which may have the same versions."""
        name = self.locked.name if self.locked else None
        if name is not None and manifest.name != name:
            raise StoreError(
                f"{where}: a release of {manifest.name!r}, but gazadata.lock pins {name!r}; pull "
                "it in another folder, or delete gazadata.lock"
            )

    def _served_before(
        self, source: Source, version: str, served: dict[str, Any], entry: Entry | None
    ) -> Pin | None:
        """What the store itself served or lists for a version that nobody pinned."""
        if served:
            record = self.cache.record(source, version)
            return first_seen(served["manifest_sha256"], record)
        return indexed(entry.manifest_sha256) if entry else None


def _index(source: Source) -> list[Entry]:
    return read_index(read_small(source, INDEX), source.where(INDEX))


def _newest(entries: list[Entry], store: str) -> str:
    """The highest version in a store that is neither yanked nor a pre-release."""
    if not entries:
        raise StoreError(f"{store}: nothing is published there")
    current = [e.version for e in entries if not e.yanked and precedence(e.version).is_final]
    if not current:
        there = ", ".join(e.version for e in entries)
        raise StoreError(f"{store}: every version is yanked or a pre-release; name one: {there}")
    return current[-1]
