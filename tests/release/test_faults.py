"""Servers that misbehave, processes that are killed, disks that are full.

After each fault there is either a complete, verified release or a clear error. Nothing is half
published or half pulled, and nothing gets in the way of the next attempt.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.release.stores import (
    DRIPS,
    FAULTS,
    Fault,
    Server,
    at_once,
    endless,
    left_over,
    longer,
    make_release,
    published,
    pull,
    redirect_to,
    releases,
    serving,
    stalls,
    stalls_in_the_body,
    start,
    tiny_release,
    truncated,
    whole,
    wrong_bytes,
)

import gazadata
from gazadata.errors import CacheError, LockError, StoreError
from gazadata.release.files import exclusive, json_bytes
from gazadata.release.index import Entry, read_index
from gazadata.release.manifest import Manifest
from gazadata.release.store import publish, yank

pytestmark = [pytest.mark.sampled, pytest.mark.usefixtures("cache")]
posix = pytest.mark.skipif(os.name == "nt", reason="needs POSIX processes")


@pytest.fixture(scope="session")
def _template(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("template")
    publish(built, store)
    return store


@pytest.fixture
def store(_template: Path, tmp_path: Path) -> Path:
    """A store with 1.0.0."""
    return Path(shutil.copytree(_template, tmp_path / "store"))


def pulled(cache: Path) -> list[Path]:
    """The releases that are visible in the cache."""
    return [p for p in (cache / "releases").glob("*") if not p.name.startswith(".")]


# --- Servers

FILES = ["index.json", "1.0.0/manifest.json", "1.0.0/csv/events.csv"]
PATIENCE = "0.5"
"""Seconds: enough for a server on this machine that does answer."""
SLOW = (stalls, stalls_in_the_body, *DRIPS)
# Each fault once, with files in turn, since the same code reads them; and each file's own check.
CASES = [
    pytest.param(fault, path, id=f"{fault.__name__}-{path}")
    for fault, path in dict.fromkeys(
        [
            *((fault, FILES[(at + 1) % 3]) for at, fault in enumerate(FAULTS)),
            *((fault, FILES[2]) for fault in (truncated, wrong_bytes, longer)),
            *((wrong_bytes, path) for path in FILES),
        ]
    )
    # One more line feed at the end of an index is not a fault.
    if (fault, path) != (longer, FILES[0])
]


@pytest.mark.parametrize(("fault", "path"), CASES)
def test_a_server_that_misbehaves(
    server: Server, cache: Path, path: str, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    if fault in SLOW:
        monkeypatch.setenv("GAZADATA_TIMEOUT", PATIENCE)
        monkeypatch.setattr("gazadata.release.http.SLOWEST", 1 << 18)
    server.faults[path] = fault
    harmless = path == "index.json" and fault is wrong_bytes
    with pytest.raises(StoreError) as error:
        pull("1.0.0", server.url)
    message = str(error.value)
    # Then only the hash in the index is wrong: the manifest differs from it.
    assert (FILES[1] if harmless else path) in message
    assert "check the version, the network and the store" in message
    assert pulled(cache) == []
    assert not Path("gazadata.lock").exists()
    server.faults.clear()
    monkeypatch.delenv("GAZADATA_TIMEOUT", raising=False)
    assert whole(pull("1.0.0", server.url))
    assert not left_over(cache)


@pytest.mark.parametrize(("fault", "path"), [c for c in CASES if c.values[0] not in SLOW][::3])
def test_the_first_store_misbehaves_and_the_second_serves(
    server: Server, store: Path, cache: Path, path: str, fault: Fault
) -> None:
    server.faults[path] = fault
    with serving(store) as second:
        with pytest.warns(UserWarning, match="another store was used"):
            folder = pull("latest", [server.url, second.url])
        assert second.url in Path("gazadata.lock").read_text("utf-8")
    assert whole(folder)
    assert not left_over(cache)


def test_an_endless_body_is_cut_off_at_the_size_in_the_manifest(
    server: Server, store: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.faults["1.0.0/csv/events.csv"] = endless
    written: list[int] = []
    unlink = Path.unlink

    def measured(self: Path, missing_ok: bool = False) -> None:
        if self.name == ".events.csv.part" and self.exists():
            written.append(self.stat().st_size)
        unlink(self, missing_ok)

    monkeypatch.setattr(Path, "unlink", measured)
    size = (store / "1.0.0/csv/events.csv").stat().st_size
    with pytest.raises(StoreError, match=rf"longer than its {size} bytes"):
        pull("1.0.0", server.url)
    assert written
    assert max(written) <= size


def test_a_redirect_is_followed_but_not_to_files_or_away_from_https(
    server: Server, store: Path
) -> None:
    moved = "1.0.0/csv/events.csv"
    with serving(store) as second:
        server.faults[moved] = redirect_to(f"{second.url}/{moved}")
        assert whole(pull("1.0.0", server.url))
        assert second.asked == [moved]
    for target in ((store / moved).as_uri(), "ftp://example.org/x", "gopher://example.org"):
        server.faults["index.json"] = redirect_to(target)
        with pytest.raises(StoreError, match="not followed, because it is not https"):
            pull("latest", server.url)
    # The second one used to end in a traceback.
    for target in ("http://:80/", "http://[::1", "http://127.0.0.1:x/"):
        server.faults["index.json"] = redirect_to(target)
        with pytest.raises(StoreError, match="invalid URL"):
            pull("latest", server.url)


def test_a_body_that_the_server_compresses_is_the_same_body(server: Server, store: Path) -> None:
    import gzip

    path = "1.0.0/csv/events.csv"
    body = gzip.compress((store / path).read_bytes())
    server.faults[path] = lambda handler: handler.answer(200, body, Content_Encoding="gzip")
    assert whole(pull("1.0.0", server.url))


def test_a_body_that_unpacks_without_end_is_cut_off(server: Server, store: Path) -> None:
    import gzip

    path = "1.0.0/csv/events.csv"
    body = gzip.compress(bytes(1 << 26))
    server.faults[path] = lambda handler: handler.answer(200, body, Content_Encoding="gzip")
    with pytest.raises(StoreError, match="longer than"):
        pull("1.0.0", server.url)


@pytest.mark.parametrize(
    ("paths", "told"),
    [
        (["../../../../escaped.txt"], "is refused; expected a relative path"),
        (["/tmp/escaped.txt"], "is refused; expected a relative path"),
        (["..\\escaped.txt"], "is refused; expected a relative path"),
        (["C:/escaped.txt"], "is refused; expected a relative path"),
        (["escaped.txt", "Escaped.txt"], "the same on some systems"),
        (["csv/escaped.txt", "CSV/other.txt"], "the same on some systems"),
    ],
)
def test_a_manifest_with_path_tricks_writes_nothing(
    server: Server, tmp_path: Path, paths: list[str], told: str
) -> None:
    content = {
        "format": "gazadata-manifest/1",
        "name": "gazadata",
        "version": "1.0.0",
        "files": [{"path": path, "bytes": 1, "sha256": "0" * 64} for path in paths],
    }
    server.faults["1.0.0/manifest.json"] = lambda h: h.answer(200, json_bytes(content))
    server.faults["*"] = lambda h: h.answer(200, b"x")
    server.faults["index.json"] = lambda h: h.answer(
        200, (h.server.root / "index.json").read_bytes()
    )
    before = set(tmp_path.rglob("*"))
    with pytest.raises(StoreError, match=told):
        pull("1.0.0", server.url)
    assert set(tmp_path.rglob("*")) == before
    assert not any("escaped" in asked for asked in server.asked)


@pytest.mark.parametrize("path", FILES[:2])
def test_a_later_format_says_to_upgrade(server: Server, path: str) -> None:
    content = (server.root / path).read_bytes().replace(b'/1"', b'/2"', 1)
    server.faults[path] = lambda handler: handler.answer(200, content)
    with pytest.raises(StoreError, match="newer gazadata; upgrade with: pip install --upgrade"):
        pull("1.0.0", server.url)


# --- Many at once


@pytest.mark.long
def test_eight_publishers_at_once(built: Path, tmp_path: Path) -> None:
    # Versions that may be published in any order, since none follows a final one.
    early = ["1.0.0-rc.1", "1.0.0-rc.2"]
    made = releases(built) | {version: make_release(built, tmp_path, version) for version in early}
    store = tmp_path / "store"
    names = ["1.0.0", "1.0.0", "other", "other", *early, *early]
    answers = at_once(
        [f"publish(Path({str(made[name])!r}), Path({str(store)!r}))" for name in names]
    )
    assert answers[4:] == ["done"] * 4
    # Of two releases of one version the first stays; the other is refused both times.
    first, second = answers[:2], answers[2:4]
    lost = second if first == ["done", "done"] else first
    assert sorted([first, second], key=lambda pair: pair != ["done", "done"])[0] == ["done"] * 2
    assert all("is never replaced" in answer for answer in lost)
    winner = made["other" if lost is first else "1.0.0"]
    assert Manifest.of(store / "1.0.0").sha256 == Manifest.of(winner).sha256
    index = read_index((store / "index.json").read_bytes(), "index")
    assert [entry.version for entry in index] == [*early, "1.0.0"]
    for entry in index:
        assert whole(store / entry.version)
        assert Manifest.of(store / entry.version).sha256 == entry.manifest_sha256
    assert not left_over(store)


@pytest.mark.long
def test_eight_pullers_at_once(server: Server, cache: Path) -> None:
    work = [f"assert pull('1.0.0', {server.url!r}, Path('out')).folder.is_dir()"] * 8
    assert at_once(work) == ["done"] * 8
    (folder,) = pulled(cache)
    assert whole(folder)
    assert whole(Path("out/gazadata-1.0.0"))
    assert not left_over(cache)
    assert not left_over(Path("out"))
    # They waited for each other: no table was fetched twice.
    tables = [path for path in server.asked if "/csv/" in path]
    assert len(tables) == len(set(tables)) == 13


# --- Killed at every step

KILLED = """
import os, shutil, signal, sys
from pathlib import Path
import filelock, gazadata.release.fetch as fetch, gazadata.release.store as store

release, origin, work, action = sys.argv[1:]
os.environ["GAZADATA_CACHE"] = "cache"
store.verify = lambda folder: []  # it only reads, and is not what is tested here


def die_at(step):
    seen = 0

    # The interpreter says what it is about to do; opening, making, renaming, removing and locking
    # files are the steps that another process could see.
    def hook(event, arguments):
        nonlocal seen
        if event in ("open", "fcntl.flock") or event.startswith(("os.", "shutil.")):
            seen += 1
            if seen == step:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def act():
    if action == "publish":
        store.publish(Path(release), Path("store"))
    elif action == "yank":
        store.yank("1.1.0", "wrong", Path("store"))
    else:
        fetch.pull("1.1.0", Path("store"), Path("out"))


step = int(os.environ["FIRST"])
while True:
    folder = Path(work) / str(step)
    folder.mkdir(parents=True)
    shutil.copytree(origin, folder / "store", copy_function=os.link)
    child = os.fork()
    if child == 0:
        os.chdir(folder)
        die_at(step)
        act()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status):
        assert os.WEXITSTATUS(status) == 0
        break
    assert os.WTERMSIG(status) == signal.SIGKILL
    step += 1
print(step)
"""


def killed_at_each_step(work: Path, release: Path, origin: Path, action: str) -> Iterator[Path]:
    process = start(KILLED, release, origin, work, action, FIRST="1")
    out, errors = process.communicate()
    assert process.returncode == 0, errors
    last = int(out)
    for step in range(1, last + 1):
        yield work / str(step)


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A release of few files, since each file adds several steps at which to kill the process."""
    monkeypatch.setattr("gazadata.release.store.verify", lambda _: [])
    return tiny_release(tmp_path / "tiny", "1.0.0")


@pytest.fixture
def origin(tmp_path: Path, tiny: Path) -> Path:
    """A store that has a later version than `tiny`."""
    publish(tiny_release(tiny.with_name("later"), "1.1.0"), tmp_path / "origin")
    return tmp_path / "origin"


def listed(store: Path) -> list[Entry]:
    return read_index((store / "index.json").read_bytes(), "index")


@posix
@pytest.mark.long
def test_a_publisher_killed_at_any_step(tmp_path: Path, tiny: Path, origin: Path) -> None:
    seen = set()
    for folder in killed_at_each_step(tmp_path / "work", tiny, origin, "publish"):
        store = folder / "store"
        there = published(store)
        assert all(whole(path) for path in there.values())
        assert {entry.version for entry in listed(store)} <= there.keys()
        seen.add((len(there), len(listed(store))))
        publish(tiny, store)
        assert not left_over(store)
        assert [entry.version for entry in listed(store)] == ["1.0.0", "1.1.0"]
        assert whole(store / "1.0.0")
    # The kills fell before the folder was there, between folder and index, and after both.
    assert seen == {(1, 1), (2, 1), (2, 2)}


@posix
@pytest.mark.long
def test_the_first_publisher_killed_at_any_step(tmp_path: Path, tiny: Path) -> None:
    (tmp_path / "origin").mkdir()
    seen = set()
    for folder in killed_at_each_step(tmp_path / "work", tiny, tmp_path / "origin", "publish"):
        store = folder / "store"
        there, indexed = published(store), (store / "index.json").exists()
        assert all(whole(path) for path in there.values())
        with serving(store) as server:
            if indexed:
                assert whole(pull("1.0.0", server.url, lock=None))
            else:
                with pytest.raises(StoreError, match=r"index\.json: HTTP 404 Not Found"):
                    pull("1.0.0", server.url, lock=None)
        seen.add((len(there), indexed))
        publish(tiny, store)
        assert not left_over(store)
        assert [entry.version for entry in listed(store)] == ["1.0.0"]
    assert seen == {(0, False), (1, False), (1, True)}


@posix
@pytest.mark.long
def test_a_yank_killed_at_any_step(tmp_path: Path, tiny: Path, origin: Path) -> None:
    seen = set()
    for folder in killed_at_each_step(tmp_path / "work", tiny, origin, "yank"):
        store = folder / "store"
        marked = (store / "yanked.json").exists()
        seen.add((marked, listed(store)[0].yanked))
        assert whole(store / "1.1.0")
        publish(tiny, store)
        assert [entry.yanked for entry in listed(store)] == [None, "wrong" if marked else None]
        assert not left_over(store)
    assert seen == {(False, None), (True, None), (True, "wrong")}


@posix
@pytest.mark.long
def test_a_puller_killed_at_any_step(
    tmp_path: Path, tiny: Path, origin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = set()
    for folder in killed_at_each_step(tmp_path / "work", tiny, origin, "pull"):
        monkeypatch.chdir(folder)
        monkeypatch.setenv("GAZADATA_CACHE", "cache")
        cached = pulled(Path("cache"))
        assert all(whole(path) for path in cached)
        there = Path("out/gazadata-1.1.0").exists()
        assert not there or whole(Path("out/gazadata-1.1.0"))
        seen.add((len(cached), Path("gazadata.lock").exists(), there))
        assert whole(pull("1.1.0", Path("store"), Path("out")))
    # The pin moves last.
    assert seen == {(0, False, False), (1, False, False), (1, False, True), (1, True, True)}


def test_waiting_for_another_puller_is_reported(store: Path, server: Server, cache: Path) -> None:
    """A pull from a slow store used to block all others, without a message."""
    lock = cache / "locks" / Manifest.of(store / "1.0.0").sha256
    lock.parent.mkdir(parents=True)
    code = (
        "import sys; from gazadata.release.fetch import pull; "
        "print(pull('1.0.0', sys.argv[1]).folder)"
    )
    with exclusive(lock):
        process = start(code, server.url)
        assert process.stderr
        assert (
            "waiting for another process that is fetching 1.0.0 into" in process.stderr.readline()
        )
    out, _ = process.communicate()
    assert whole(Path(out.strip()))


# --- Disks


def run_mount(*words: str) -> bool:
    if sys.platform != "linux" or os.geteuid() != 0 or not shutil.which("mount"):
        return False
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 512 KiB, if the system allows it: too small for a release."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if not run_mount("mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(disk)):
        pytest.skip("no disk can be mounted here; the limit on the size of a file is tested")
    try:
        yield disk
    finally:
        assert run_mount("umount", str(disk))


def test_a_full_disk_under_the_cache(
    server: Server, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GAZADATA_CACHE", str(small_disk / "cache"))
    with pytest.raises(CacheError, match=r"No space left on device; .*GAZADATA_CACHE"):
        pull("1.0.0", server.url)
    assert pulled(small_disk / "cache") == []
    assert not [p for p in left_over(small_disk) if p.is_file()]
    assert run_mount("mount", "-o", "remount,size=64m", str(small_disk))
    assert whole(pull("1.0.0", server.url))


def test_a_full_disk_under_out(server: Server, small_disk: Path) -> None:
    with pytest.raises(StoreError, match="No space left on device"):
        pull("1.0.0", server.url, small_disk)
    assert list(small_disk.iterdir()) == []


def test_a_full_disk_under_the_store(built: Path, small_disk: Path) -> None:
    store = small_disk / "store"
    with pytest.raises(StoreError, match=r"No space left on device; .*space and the permission"):
        publish(built, store)
    assert published(store) == {}
    assert not left_over(store)
    assert run_mount("mount", "-o", "remount,size=64m", str(small_disk))
    publish(built, store)
    assert whole(store / "1.0.0")


LIMITED = """
import resource, sys
from pathlib import Path
from gazadata.errors import CacheError, StoreError
from gazadata.release.fetch import pull
from gazadata.release.store import publish

resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, resource.RLIM_INFINITY))
release, store, url = sys.argv[1:]
for attempt in (lambda: publish(Path(release), Path(store)), lambda: pull("1.0.0", url)):
    try:
        attempt()
    except (StoreError, CacheError) as error:
        print(error)
    else:
        sys.exit("a file larger than the limit was written")
"""


@posix
def test_a_file_that_the_disk_has_no_room_for(
    built: Path, server: Server, cache: Path, tmp_path: Path
) -> None:
    out, errors = start(LIMITED, built, tmp_path / "new", server.url).communicate()
    assert out.count("File too large") == 2, errors
    assert published(tmp_path / "new") == {}
    assert pulled(cache) == []
    publish(built, tmp_path / "new")
    assert whole(tmp_path / "new" / "1.0.0")
    assert whole(pull("1.0.0", server.url))
    assert not left_over(tmp_path / "new")
    assert not left_over(cache)


@contextlib.contextmanager
def read_only(folder: Path) -> Iterator[None]:
    if os.name != "nt" and os.geteuid() != 0:
        modes = {p: p.stat().st_mode for p in (folder, *folder.rglob("*"))}
        for path in modes:
            path.chmod(0o555 if path.is_dir() else 0o444)
        try:
            yield
        finally:
            for path, mode in modes.items():
                path.chmod(mode)
    elif run_mount("mount", "--bind", str(folder), str(folder)):
        # Only the file system itself can keep root from writing.
        try:
            assert run_mount("mount", "-o", "remount,ro,bind", str(folder))
            yield
        finally:
            assert run_mount("umount", str(folder))
    else:
        pytest.skip("nothing can be made read-only here")


def test_a_cache_that_cannot_be_written(server: Server, cache: Path, store: Path) -> None:
    cache.mkdir()
    with (
        read_only(cache),
        pytest.raises(CacheError, match=r"set GAZADATA_CACHE to a folder with space"),
    ):
        pull("1.0.0", server.url)
    assert not Path("gazadata.lock").exists()
    folder = pull("1.0.0", server.url)
    table = folder / "csv" / "events.csv"
    with read_only(cache):
        assert pull("1.0.0", server.url, Path("out")) == Path("out/gazadata-1.0.0")
        assert whole(pull("latest", server.url, lock=None))
        assert len(gazadata.load("events", version="1.0.0", store=store))
        with pytest.warns(UserWarning, match="will be asked again"):
            assert whole(pull("1.0.0", store, lock=None))
    table.write_bytes(table.read_bytes()[:-1])
    with (
        read_only(cache),
        pytest.raises(CacheError, match="set GAZADATA_CACHE to a folder with space"),
    ):
        gazadata.load("events", version="1.0.0", store=server.url)


def test_a_store_that_cannot_be_written(built: Path, tmp_path: Path) -> None:
    store = tmp_path / "shop"
    store.mkdir()
    denied = pytest.raises(
        StoreError, match=r"shop/\.lock: .*(ermission|ead-only).*publish or yank"
    )
    with read_only(store), denied:
        publish(built, store)
    assert publish(built, store).version == "1.0.0"
    with read_only(store), denied:
        yank("1.0.0", "wrong", store)
    assert [entry.yanked for entry in listed(store)] == [None]


def test_a_lock_that_cannot_be_written_is_an_error(server: Server, tmp_path: Path) -> None:
    lock = tmp_path / "locked" / "gazadata.lock"
    lock.parent.mkdir()
    with (
        read_only(lock.parent),
        pytest.raises(LockError, match=r"gazadata\.lock: cannot be written"),
    ):
        pull("1.0.0", server.url, lock=lock)
    assert whole(pull("1.0.0", server.url, lock=lock))
    assert [path.name for path in lock.parent.iterdir()] == ["gazadata.lock"]


WITHOUT_LOCKS = """
import errno, fcntl, os, sys
kernel, (share, number) = fcntl.flock, sys.argv[1:3]
def flock(handle, operation):
    if os.readlink(f"/proc/self/fd/{handle}").startswith(share):
        raise OSError(int(number), os.strerror(int(number)))
    kernel(handle, operation)
fcntl.flock = flock
del sys.argv[1:3]
from gazadata.cli import main
main()
"""


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files are not listed here")
@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_causes_a_warning(
    number: int, release: Path, tmp_path: Path
) -> None:
    """Like some NFS: the kernel refuses locks in a folder."""
    share, here = tmp_path / "share", tmp_path / "here"
    share.mkdir()
    here.mkdir()
    environment = os.environ | {"GAZADATA_CACHE": str(share / "cache"), "TMPDIR": str(here)}
    for arguments in (
        ["publish", release, "--store", share / "store"],
        ["pull", "1.0.0", "--store", share / "store"],
    ):
        command = [sys.executable, "-c", WITHOUT_LOCKS, share, number, *arguments]
        done = subprocess.run(
            [*map(str, command)],
            cwd=here,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "on a file system without locks, such as some NFS mounts" in done.stderr
    assert whole(share / "store/1.0.0")
    assert (here / "gazadata.lock").exists()
