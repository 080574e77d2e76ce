"""Pulling: complete and verified releases from any store, the cache, the lock, and messages."""

from __future__ import annotations

import base64
import contextlib
import gc
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.release.stores import (
    Handler,
    Server,
    drips_in_a_header,
    left_over,
    make_release,
    pull,
    redirect_to,
    releases,
    resealed,
    serving,
    whole,
)

import gazadata
from gazadata import cli, retired
from gazadata.errors import (
    CacheError,
    GazadataError,
    LockError,
    ReadError,
    ReleaseError,
    StoreAwayError,
    StoreError,
)
from gazadata.opening import open_dataset
from gazadata.release import fetch
from gazadata.release import lock as pins
from gazadata.release.cache import Cache
from gazadata.release.fetch import open_release, versions
from gazadata.release.files import json_bytes
from gazadata.release.index import folder_of
from gazadata.release.lock import Lock
from gazadata.release.manifest import Manifest, open_package
from gazadata.release.store import publish, yank

pytestmark = [pytest.mark.sampled, pytest.mark.usefixtures("cache")]


@pytest.fixture(scope="session", name="releases")
def _releases(built: Path) -> dict[str, Path]:
    return releases(built)


@pytest.fixture(scope="session")
def _template(releases: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("template")
    for name, release in releases.items():
        if name != "other":
            publish(release, store)
    return store


@pytest.fixture
def store(_template: Path, tmp_path: Path) -> Path:
    """A store with 1.0.0, 1.1.0 and a pre-release."""
    return Path(shutil.copytree(_template, tmp_path / "store"))


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No network at all."""

    def refuse(*_: object) -> None:
        raise OSError(101, "Network is unreachable")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture
def offline_later(request: pytest.FixtureRequest) -> Callable[[], None]:
    """Returns a function that takes the network away."""
    return lambda: request.getfixturevalue("offline")


def digest(release: Path) -> str:
    return Manifest.of(release).sha256


def lock() -> dict[str, Any]:
    value: dict[str, Any] = json.loads(Path("gazadata.lock").read_bytes())
    return value


def swap(store: Path, release: Path) -> None:
    """Replace the published release of the same version, as no publisher should."""
    version = Manifest.of(release).version
    shutil.rmtree(store / version)
    shutil.copytree(release, store / version)


# --- Pulling


@pytest.mark.parametrize("kind", ["folder", "file", "http", "slash"])
def test_the_same_release_comes_from_any_kind_of_store(
    store: Path, server: Server, releases: dict[str, Path], cache: Path, kind: str
) -> None:
    address = {
        "folder": str(store),
        "file": store.as_uri(),
        "http": server.url,
        "slash": f"{server.url}/",
    }[kind]
    folder = pull("1.0.0", [address])
    assert whole(folder)
    assert digest(folder) == digest(releases["1.0.0"])
    assert folder == cache / "releases" / digest(folder)
    assert not left_over(cache)


def test_latest_is_neither_yanked_nor_a_pre_release(store: Path) -> None:
    assert Manifest.of(pull("latest", store)).version == "1.1.0"
    yank("1.1.0", "wrong", store)
    assert Manifest.of(pull("latest", store)).version == "1.0.0"
    yank("1.0.0", "wrong", store)
    with pytest.raises(StoreError, match="every version is yanked or a pre-release"):
        pull("latest", store)


def test_a_yanked_version_is_pulled_by_number_with_a_warning(store: Path) -> None:
    yank("1.0.0", "a wrong date", store)
    for _ in range(2):
        with pytest.warns(UserWarning, match=r"1\.0\.0 is yanked: a wrong date"):
            assert whole(pull("1.0.0", store))


def test_a_pre_release_is_pulled_by_number(store: Path) -> None:
    assert Manifest.of(pull("2.0.0-rc.1", store)).version == "2.0.0-rc.1"


def test_the_error_for_a_missing_version_lists_those_that_exist(server: Server) -> None:
    with pytest.raises(
        StoreError, match=r"404 Not Found; .*lists: 1\.0\.0, 1\.1\.0, 2\.0\.0-rc\.1"
    ):
        pull("7.0.0", server.url)


def test_stores_come_from_the_environment_and_from_the_lock(
    store: Path, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    monkeypatch.setenv("GAZADATA_STORE", f"{cache / 'nowhere'}\n {store.as_uri()} ")
    with pytest.warns(UserWarning, match="no such folder"):
        pull("1.0.0")
    monkeypatch.delenv("GAZADATA_STORE")
    shutil.rmtree(cache)
    pull("1.0.0")
    assert lock()["store"] == store.as_uri()


def test_the_environment_may_name_a_folder_with_a_space(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spaced = store.rename(store.with_name("my store"))
    monkeypatch.setenv("GAZADATA_STORE", str(spaced))
    assert whole(pull("1.0.0"))
    assert lock()["store"] == str(spaced)


@pytest.mark.parametrize(
    ("store", "message"),
    [
        ("ftp://example.org", "expected a folder, or an http, https or file URL"),
        ("https://me:secret@example.org/store", "has a password"),
        ("https://example.org/?key=1", "cannot have a query"),
        ("http://[::1", "not a URL"),
        ("http://exa mple.org:x", "cannot pull"),
        ("", "empty"),
    ],
)
def test_an_invalid_store_is_refused(store: str, message: str) -> None:
    with pytest.raises(StoreError, match=message) as refusal:
        pull("1.0.0", [store])
    assert "secret" not in str(refusal.value)


def test_without_a_store_the_error_says_how_to_name_one() -> None:
    with pytest.raises(StoreError, match="GAZADATA_STORE"):
        pull("latest")


def test_progress_ends_at_the_total(server: Server) -> None:
    seen: list[tuple[int, int]] = []
    folder = pull("1.0.0", server.url, progress=lambda done, total: seen.append((done, total)))
    size = sum(file.bytes for file in Manifest.of(folder).files)
    assert seen[-1] == (size, size)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_one_connection_serves_all_files(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    connections = []
    connect = socket.socket.connect

    def counted(self: socket.socket, address: Any) -> None:
        connections.append(address)
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", counted)
    pull("1.0.0", server.url)
    assert len(connections) == 1
    assert len(server.asked) > 30


def test_the_password_in_netrc_is_only_sent_to_its_host(
    store: Path, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password €secret\n", "utf-8")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    seen: set[tuple[str | None, str | None]] = set()

    def watched(handler: Handler) -> None:
        seen.add((handler.headers["Host"], handler.headers["Authorization"]))
        handler.answer(200, handler.content())

    moved = "1.0.0/csv/events.csv"
    with serving(store) as second:
        monkeypatch.setenv("NO_PROXY", "localhost,127.0.0.1")
        other = f"localhost:{second.server_address[1]}"
        server.faults["*"] = second.faults["*"] = watched
        server.faults[moved] = redirect_to(f"http://{other}/{moved}")
        assert whole(pull("1.0.0", server.url))
    login = "Basic " + base64.b64encode("me:€secret".encode()).decode()
    assert seen == {(server.url.removeprefix("http://"), login), (other, None)}


def test_a_netrc_that_is_not_text_has_no_password(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_bytes(b"machine \xff login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert whole(pull("1.0.0", server.url))


def test_a_proxy_that_cannot_be_reached_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error used to read as if the store were down."""
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.setenv("http_proxy", "http://me:secret@127.0.0.1:1")
    with pytest.raises(StoreError, match=r"cannot be reached through http://127\.0\.0\.1:1: ") as e:
        pull("1.0.0", "http://store.example")
    assert "secret" not in str(e.value)


@pytest.mark.parametrize("name", ["::1", "*"])
def test_the_proxy_is_not_used_for_an_address_in_no_proxy(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("NO_PROXY", name)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:2")
    with pytest.raises(StoreError, match="cannot be reached: "):
        pull("1.0.0", "http://[::1]:1")


@pytest.mark.parametrize("name", ["http_proxy", "all_proxy"])
def test_a_proxy_is_sent_its_password(
    server: Server, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    seen: set[str | None] = set()

    def proxy(handler: Handler) -> None:
        seen.add(handler.headers["Proxy-Authorization"])
        assert handler.path.startswith("http://data.example/store/")
        handler.path = handler.path.removeprefix("http://data.example/store")
        handler.answer(200, handler.content())

    server.faults["*"] = proxy
    for other in ("http_proxy", "all_proxy"):
        monkeypatch.delenv(other, raising=False)
        monkeypatch.delenv(other.upper(), raising=False)
    monkeypatch.setenv(name, server.url.replace("//", "//me:sec%20ret@"))
    assert whole(pull("1.0.0", "http://data.example/store"))
    assert seen == {"Basic " + base64.b64encode(b"me:sec ret").decode()}
    # A store that NO_PROXY names is reached directly.
    with pytest.raises(StoreError, match="Connection refused"):
        pull("1.0.0", "http://127.0.0.1:1", lock=None)
    monkeypatch.setenv(name, "socks5://127.0.0.1:1")
    with pytest.raises(StoreError, match="SOCKS support"):
        pull("1.0.0", "http://data.example/other", lock=None)


@pytest.mark.skipif(not shutil.which("openssl"), reason="no certificate can be made here")
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_certificate_is_checked_against_the_given_authorities(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    key, folder = tmp_path / "key.pem", tmp_path / "authorities"
    folder.mkdir()
    made = "-x509 -newkey rsa:2048 -nodes -subj /CN=store -addext subjectAltName=IP:127.0.0.1"
    files: list[str | Path] = ["-keyout", key, "-out", folder / "store.pem"]
    subprocess.run(["openssl", "req", *made.split(), *files], check=True, capture_output=True)
    subprocess.run(["openssl", "rehash", folder], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "store.pem", key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    url = server.url.replace("http:", "https:")
    with pytest.raises(StoreError, match="certificate verify failed"):
        pull("1.0.0", url)
    monkeypatch.setenv(
        "REQUESTS_CA_BUNDLE", str(folder if kind == "folder" else folder / "store.pem")
    )
    server.faults["index.json"] = drips_in_a_header
    monkeypatch.setenv("GAZADATA_TIMEOUT", "2")
    with pytest.raises(StoreAwayError, match="no response within 2 seconds"):
        pull("1.0.0", url)
    monkeypatch.delenv("GAZADATA_TIMEOUT")
    server.faults.clear()
    assert whole(pull("1.0.0", url))


def test_an_interrupted_pull_resumes_where_it_stopped(server: Server) -> None:
    server.faults["1.0.0/parquet/events.parquet"] = lambda handler: handler.answer(500, b"")
    with pytest.raises(StoreError, match="500"):
        pull("1.0.0", server.url)
    server.faults.clear()
    server.asked.clear()
    assert whole(pull("1.0.0", server.url))
    assert "1.0.0/csv/events.csv" not in server.asked


# --- A copy


def test_out_holds_a_copy_that_verifies(store: Path, releases: dict[str, Path]) -> None:
    folder = pull("1.0.0", store, Path("out"))
    assert folder == Path("out/gazadata-1.0.0")
    there = {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    built = releases["1.0.0"]
    assert there == {p.relative_to(built): p.read_bytes() for p in built.rglob("*") if p.is_file()}
    assert pull("1.0.0", store, Path("out")) == folder


def test_out_never_replaces_existing_files(store: Path) -> None:
    mine = Path("out/gazadata-1.0.0/notes.txt")
    mine.parent.mkdir(parents=True)
    mine.write_text("mine", "utf-8")
    with pytest.raises(ReleaseError, match="exists and differs"):
        pull("1.0.0", store, Path("out"))
    assert mine.read_text("utf-8") == "mine"
    assert sorted(Path("out").rglob("*")) == [mine.parent, mine]


def test_a_copy_with_extra_files_is_not_taken_for_the_release(store: Path) -> None:
    """`verify` used to refuse what `pull` had accepted."""
    folder = pull("1.0.0", store, Path("out"))
    (folder / "csv" / "mine.csv").write_text("mine", "utf-8")
    told = r"exists and differs from the release: csv/mine\.csv; remove it or choose"
    with pytest.raises(ReleaseError, match=told):
        pull("1.0.0", store, Path("out"))
    assert (folder / "csv" / "mine.csv").read_text("utf-8") == "mine"


def test_an_out_that_is_a_file_is_named(store: Path) -> None:
    Path("out").write_text("mine", "utf-8")
    for out in (Path("out"), Path("out/deeper")):
        with pytest.raises(
            ReleaseError, match=r"^out is not a folder; move it away or choose anoth"
        ):
            pull("1.0.0", store, out)
    assert Path("out").read_text("utf-8") == "mine"


def test_threads_that_pull_into_one_folder_do_not_collide(store: Path) -> None:
    pull("1.0.0", store)
    start = threading.Barrier(4)

    def one(_: int) -> Path:
        start.wait()
        return pull("1.0.0", store, Path("out"), lock=None)

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(one, range(4))) == {Path("out/gazadata-1.0.0")}
    assert whole(Path("out/gazadata-1.0.0"))
    assert not left_over(Path("out"))


def test_files_left_by_a_process_with_the_same_id_do_not_matter(store: Path) -> None:
    left = Path(f"out/.gazadata-1.0.0.{os.getpid()}.part")
    left.mkdir(parents=True)
    assert whole(pull("1.0.0", store, Path("out")))
    assert left.is_dir()


# --- The cache


@pytest.mark.usefixtures("offline")
def test_without_a_network_the_error_says_so() -> None:
    for version in ("1.0.0", "latest"):
        with pytest.raises(StoreError, match=r"cannot be reached: Network is unreachable"):
            pull(version, "http://example.org")


def test_a_cached_release_needs_no_network(server: Server, request: pytest.FixtureRequest) -> None:
    pull("1.0.0", server.url, lock=None)
    server.asked.clear()
    request.getfixturevalue("offline")
    assert whole(pull("1.0.0", server.url, lock=None))
    assert len(gazadata.load("events", version="1.0.0", store=server.url))
    assert server.asked == []


def test_a_folder_is_one_store_however_it_is_spelt(store: Path, tmp_path: Path) -> None:
    pull("1.0.0", store)
    (tmp_path / "link").symlink_to(store, target_is_directory=True)
    Path("gazadata.lock").unlink()
    content = (store / "index.json").read_bytes()
    (store / "index.json").unlink()
    for spelt in ("../store", f"{tmp_path}/work/../store", tmp_path / "link", store.as_uri()):
        assert whole(pull("1.0.0", spelt, lock=None))
    (store / "index.json").write_bytes(content)


def test_the_file_of_retired_identifiers_is_checked_against_the_manifest(
    built: Path, tmp_path: Path
) -> None:
    """A list that was edited or deleted in the cache used to be accepted."""
    later = make_release(built, tmp_path, "1.1.0", parent=built)
    (later / "retired.csv").write_text(
        "resource,row_id,replaced_by,reason,version\nactors,nobody,,never was,1.1.0\n", "utf-8"
    )
    resealed(later)
    store = tmp_path / "shop"
    publish(built, store)
    publish(later, store)
    opened = open_release("1.1.0", store)
    (row,) = retired.read(opened)
    listed = opened.root / "retired.csv"
    for harm in (lambda: listed.write_text("x"), listed.unlink):
        harm()
        assert retired.read(open_release("1.1.0", store)) == [row]
    for harm in (lambda: (store / "1.1.0/retired.csv").write_text("x"), listed.unlink):
        harm()
    with pytest.raises(StoreError, match=r"retired\.csv"):
        retired.read(open_release("1.1.0", store))
    with pytest.raises(StoreError, match=r"retired\.csv differs from manifest"):
        retired.read(open_package(store / "1.1.0"))
    (store / "1.0.0/retired.csv").write_text("resource,row_id\n")
    with pytest.raises(StoreError, match=r"retired\.csv differs from manifest"):
        retired.read(open_package(store / "1.0.0"))


def test_each_store_is_remembered_separately(
    store: Path, releases: dict[str, Path], tmp_path: Path
) -> None:
    """Another store may have a different release with the same version."""
    second = tmp_path / "second"
    publish(releases["other"], second)
    assert digest(pull("1.0.0", store, lock=None)) == digest(releases["1.0.0"])
    assert digest(pull("1.0.0", second, lock=None)) == digest(releases["other"])
    assert digest(pull("1.0.0", store, lock=None)) == digest(releases["1.0.0"])


DAMAGE = ["changed", "cut", "gone", "link", "folder"]


def damage(path: Path, how: str, elsewhere: Path) -> None:
    content = path.read_bytes()
    path.unlink()
    if how == "changed":
        path.write_bytes(bytes([content[0] ^ 1]) + content[1:])
    elif how == "cut":
        path.write_bytes(content[:-1])
    elif how == "link":
        elsewhere.write_bytes(content)
        path.symlink_to(elsewhere)
    elif how == "folder":
        path.mkdir()


@pytest.mark.parametrize("how", DAMAGE)
@pytest.mark.parametrize(
    "name", ["csv/events.csv", "datapackage.json", "manifest.json", "SHA256SUMS"]
)
@pytest.mark.filterwarnings("ignore:.*is damaged")
def test_a_damaged_release_is_fetched_again(
    server: Server, tmp_path: Path, name: str, how: str, request: pytest.FixtureRequest
) -> None:
    folder = pull("1.0.0", server.url)
    damage(folder / name, how, tmp_path / "elsewhere")
    assert pull("1.0.0", server.url) == folder
    assert whole(folder)
    assert not left_over(folder.parent)
    damage(folder / name, how, tmp_path / "elsewhere2")
    request.getfixturevalue("offline")
    with pytest.raises(StoreError, match=r"cannot pull|no store could replace"):
        pull("1.0.0", server.url)


@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_table_is_never_loaded(
    server: Server, tmp_path: Path, how: str, request: pytest.FixtureRequest
) -> None:
    folder = pull("1.0.0", server.url)
    dataset = gazadata.open_dataset(version="1.0.0", store=server.url)
    events = dataset.load("events", "arrow")
    damage(folder / "csv" / "events.csv", how, tmp_path / "elsewhere")
    assert dataset.load("events", "arrow").equals(events)
    assert whole(folder)
    damage(folder / "csv" / "events.csv", how, tmp_path / "elsewhere2")
    request.getfixturevalue("offline")
    with pytest.raises(StoreError, match=r"csv/events\.csv .*no store could replace it"):
        dataset.load("events")
    assert len(dataset.load("actors"))


def test_a_damaged_descriptor_is_never_opened(
    server: Server, request: pytest.FixtureRequest
) -> None:
    folder = pull("1.0.0", server.url)
    descriptor = folder / "datapackage.json"
    content = descriptor.read_bytes()
    descriptor.write_bytes(content.replace(b"events.csv", b"topics.csv"))
    assert gazadata.open_dataset(version="1.0.0", store=server.url).version == "1.0.0"
    assert descriptor.read_bytes() == content
    descriptor.write_bytes(b"{}")
    request.getfixturevalue("offline")
    with pytest.raises(StoreError, match=r"datapackage\.json"):
        gazadata.open_dataset(version="1.0.0", store=server.url)


def test_a_folder_that_became_a_link_is_not_written_through(server: Server, tmp_path: Path) -> None:
    folder = pull("1.0.0", server.url)
    (folder / "csv").rename(tmp_path / "moved")
    (folder / "csv").symlink_to(tmp_path / "moved", target_is_directory=True)
    (tmp_path / "moved" / "events.csv").write_bytes(b"mine")
    pull("1.0.0", server.url)
    assert whole(folder)
    assert not (folder / "csv").is_symlink()
    assert (tmp_path / "moved" / "events.csv").read_bytes() == b"mine"


@pytest.mark.parametrize("content", [b"", b"[]", b'{"manifest_sha256": "../../x"}'])
def test_a_damaged_record_of_what_was_served_is_ignored(
    store: Path, cache: Path, content: bytes
) -> None:
    pull("1.0.0", store)
    (memory,) = (cache / "served").rglob("1.0.0.json")
    memory.write_bytes(content)
    Path("gazadata.lock").unlink()
    assert whole(pull("1.0.0", store))


# --- The lock, and what this installation knows


def test_pull_writes_the_lock_and_a_later_pull_follows_it(store: Path, server: Server) -> None:
    folder = pull("1.0.0", server.url)
    assert lock() == {
        "format": "gazadata-lock/1",
        "store": server.url,
        "version": "1.0.0",
        "manifest_sha256": digest(folder),
        "name": "gazadata",
    }
    assert pull() == folder
    assert gazadata.open_dataset(store=store).version == "1.0.0"
    assert Manifest.of(pull("latest")).version == "1.1.0"
    assert lock()["version"] == "1.1.0"
    assert sorted(Path().iterdir()) == [Path("gazadata.lock")]


def test_without_a_lock_pull_takes_the_latest(store: Path) -> None:
    assert Manifest.of(pull(None, store)).version == "1.1.0"


def test_opening_reads_the_lock_and_writes_none(store: Path) -> None:
    assert open_release("1.0.0", store).contract.version == "1.0.0"
    assert not Path("gazadata.lock").exists()


@pytest.mark.parametrize("version", ["1.0.0", "latest", None])
@pytest.mark.parametrize("indexed", [True, False])
def test_a_store_that_serves_something_else_is_refused(
    store: Path, server: Server, releases: dict[str, Path], cache: Path, version: str, indexed: bool
) -> None:
    for later in ("1.1.0", "2.0.0-rc.1"):
        shutil.rmtree(store / later)
    publish(releases["1.0.0"], store)
    before = lock_of = pull("1.0.0", server.url)
    content = Path("gazadata.lock").read_bytes()
    expected = digest(lock_of)
    shutil.rmtree(cache)
    swap(store, releases["other"])
    if indexed:
        publish(releases["other"], store)
    with pytest.raises(StoreError, match=r"but gazadata\.lock has") as refusal:
        pull(version, server.url)
    assert expected in str(refusal.value)
    assert digest(releases["other"]) in str(refusal.value)
    with pytest.raises(StoreError, match=r"but gazadata\.lock has"):
        gazadata.load("events", version=version, store=server.url)
    assert Path("gazadata.lock").read_bytes() == content
    assert not before.exists()


def test_a_swapped_manifest_is_refused_without_a_lock_too(
    store: Path, server: Server, releases: dict[str, Path]
) -> None:
    swap(store, releases["other"])
    with pytest.raises(StoreError, match="the store's index has") as refusal:
        pull("1.0.0", server.url)
    assert digest(releases["1.0.0"]) in str(refusal.value)
    assert digest(releases["other"]) in str(refusal.value)


def test_a_release_pulled_before_is_not_replaced_by_another(
    store: Path, releases: dict[str, Path]
) -> None:
    folder = pull("1.0.0", store, lock=None)
    swap(store, releases["other"])
    publish(releases["other"], store)
    assert whole(pull("1.0.0", store, lock=None))
    (folder / "manifest.json").unlink()
    with pytest.raises(StoreError, match="an earlier pull from there has"):
        pull("1.0.0", store, lock=None)
    (folder / "manifest.json").write_bytes((releases["1.0.0"] / "manifest.json").read_bytes())
    (folder / "codebook.md").unlink()
    with pytest.raises(StoreError, match=r"codebook\.md"):
        pull("1.0.0", store, lock=None)


def test_a_refusal_says_what_pins_the_release_and_what_to_do(
    store: Path, server: Server, releases: dict[str, Path], cache: Path
) -> None:
    """Each remedy is applied in turn, as if by somebody who wants the change."""
    pull("1.0.0", server.url)
    shutil.rmtree(cache / "releases")
    swap(store, releases["other"])
    with pytest.raises(StoreError, match=r"publisher first; .*delete gazadata\.lock and pull") as e:
        pull("1.0.0", server.url)
    Path("gazadata.lock").unlink()
    (record,) = (cache / "served").rglob("1.0.0.json")
    with pytest.raises(StoreError, match="ask the publisher first") as e:
        pull("1.0.0", server.url)
    assert f"delete {record} and pull again" in str(e.value)
    record.unlink()
    with pytest.raises(StoreError, match="ask the publisher, or try another store"):
        pull("1.0.0", server.url)


def test_this_installation_pins_what_it_knows(
    store: Path, releases: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pins, "KNOWN", {"1.0.0": digest(releases["1.0.0"])})
    assert whole(pull("1.0.0", store))
    monkeypatch.setattr(pins, "KNOWN", {"1.1.0": digest(releases["1.0.0"])})
    with pytest.raises(StoreError, match="this installation of gazadata has"):
        pull("latest", store)
    monkeypatch.setattr(pins, "KNOWN", {"1.0.0": "0" * 64})
    with pytest.raises(LockError, match="one of the two was not released"):
        pull("1.0.0", store)


def test_this_installation_knows_every_release_before_its_own(repo: Path) -> None:
    """A forgotten one would be accepted from any store, unchecked. Every release has a tag."""
    headings = re.findall(r"^## (\S+) \(", (repo / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert gazadata.open_dataset(repo).version == headings[0]
    tags = subprocess.run(
        ["git", "tag", "--list", "v*"], cwd=repo, capture_output=True, text=True, check=False
    ).stdout.split()
    released = {tag.removeprefix("v") for tag in tags} - {headings[0]}
    assert released <= pins.KNOWN.keys() <= set(headings)


def test_a_known_release_in_the_cache_needs_no_store(
    store: Path, releases: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    pull("1.0.0", store, lock=None)
    monkeypatch.setattr(pins, "KNOWN", {"1.0.0": digest(releases["1.0.0"])})
    assert gazadata.open_dataset(version="1.0.0").version == "1.0.0"
    pull("1.0.0")
    assert lock()["store"] is None


def test_latest_falls_back_to_the_lock_only_if_no_store_answers(
    store: Path, server: Server, cache: Path
) -> None:
    folder = pull("1.0.0", server.url)
    store.rename(store.with_name("away"))
    with pytest.warns(UserWarning, match=r"the locked version 1\.0\.0 is used"):
        assert pull("latest", store) == folder
    with pytest.raises(StoreError, match="404"):
        pull("latest", server.url)
    shutil.rmtree(cache)
    with pytest.raises(StoreError, match="no such folder"):
        pull("latest", store)
    Path("gazadata.lock").unlink()
    with pytest.raises(StoreError, match="no such folder"):
        pull("latest", store)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a gazadata lock"),
        (b"[]", "not a gazadata lock"),
        (json_bytes({"format": "gazadata-lock/2"}), "newer gazadata; upgrade"),
        (
            json_bytes(
                {
                    "format": "gazadata-lock/1",
                    "store": "s",
                    "version": "1.0.0",
                    "manifest_sha256": "0" * 64,
                }
            ).replace(b"{", b'{"version": "1.1.0",', 1),
            "'version' occurs twice",
        ),
        (json_bytes({"format": "gazadata-lock/1", "version": "1.0.0"}), "not a gazadata lock"),
        (
            json_bytes(
                {
                    "format": "gazadata-lock/1",
                    "store": "s",
                    "version": "1.0.0",
                    "manifest_sha256": "../..",
                }
            ),
            "not a gazadata lock",
        ),
    ],
)
def test_a_lock_that_cannot_be_read_stops_the_pull(
    store: Path, content: bytes, message: str
) -> None:
    Path("gazadata.lock").write_bytes(content)
    with pytest.raises(LockError, match=message):
        pull("1.0.0", store)
    assert Path("gazadata.lock").read_bytes() == content


@pytest.mark.parametrize("version", ["../1.0.0", "latest", ""])
def test_a_lock_with_an_invalid_version_stops_the_pull(store: Path, version: str) -> None:
    """A lock with "latest" used to be accepted, and its hash ignored."""
    Lock(str(store), version, "0" * 64).write(Path("gazadata.lock"))
    with pytest.raises(LockError, match=r"version \(MAJOR\.MINOR\.PATCH\)"):
        pull()


def test_a_lock_whose_hash_belongs_to_another_version_is_refused(
    store: Path, releases: dict[str, Path]
) -> None:
    pull("1.0.0", store)
    Lock(str(store), "1.1.0", digest(releases["1.0.0"])).write(Path("gazadata.lock"))
    with pytest.raises(StoreError, match=r"version 1\.0\.0, but gazadata\.lock has") as e:
        pull()
    assert "delete gazadata.lock and pull again" in str(e.value)


def test_a_failed_pull_does_not_move_the_pin(store: Path, tmp_path: Path) -> None:
    """The lock used to be written before the copy."""
    pull("1.0.0", store)
    before = Path("gazadata.lock").read_bytes()
    (tmp_path / "out/gazadata-1.1.0").mkdir(parents=True)
    (tmp_path / "out/gazadata-1.1.0/mine").touch()
    with pytest.raises(ReleaseError, match="differs from the release"):
        pull("1.1.0", store, tmp_path / "out")
    assert Path("gazadata.lock").read_bytes() == before


def test_a_lock_that_is_a_link_stays_one(store: Path, tmp_path: Path) -> None:
    Path("gazadata.lock").symlink_to(tmp_path / "kept.lock")
    pull("1.0.0", store)
    pull("1.1.0", store)
    assert Path("gazadata.lock").is_symlink()
    assert json.loads((tmp_path / "kept.lock").read_bytes())["version"] == "1.1.0"


# --- Index and folders that do not agree


def test_a_version_that_is_not_in_the_index_yet_can_be_pulled(store: Path, server: Server) -> None:
    index = json.loads((store / "index.json").read_bytes())
    index["versions"] = [e for e in index["versions"] if e["version"] == "1.0.0"]
    (store / "index.json").write_bytes(json_bytes(index))
    for address in (store, server.url):
        assert whole(pull("1.1.0", address))
        assert Manifest.of(pull("latest", address)).version == "1.0.0"


def test_an_old_index_does_not_undo_a_yank(store: Path, server: Server, cache: Path) -> None:
    old = json.loads((store / "index.json").read_bytes())
    yank("1.1.0", "wrong", store)
    with pytest.warns(UserWarning, match="is yanked: wrong"):
        pull("1.1.0", server.url)
    old["versions"] = old["versions"][:1]
    (store / "index.json").write_bytes(json_bytes(old))
    shutil.rmtree(cache / "releases")
    with pytest.warns(UserWarning, match="is yanked: wrong"):
        pull("1.1.0", server.url)


def test_a_version_that_only_the_index_names_is_an_error(
    store: Path, server: Server, cache: Path
) -> None:
    shutil.rmtree(store / "1.1.0")
    for address, told in ((store, "No such file"), (server.url, "HTTP 404")):
        with pytest.raises(StoreError, match=rf"1\.1\.0.manifest\.json: {told}"):
            pull("latest", address)
        assert not cache.exists()
    assert whole(pull("1.0.0", server.url))


def test_a_folder_with_another_version_is_refused(store: Path) -> None:
    index = json.loads((store / "index.json").read_bytes())
    shutil.rmtree(store / "1.1.0")
    shutil.copytree(store / "1.0.0", store / "1.1.0")
    index["versions"][1]["manifest_sha256"] = index["versions"][0]["manifest_sha256"]
    (store / "index.json").write_bytes(json_bytes(index))
    with pytest.raises(StoreError, match=r"the manifest of version 1\.0\.0"):
        pull("latest", store)


# --- What a user sees


def test_python_opens_releases(store: Path) -> None:
    released = gazadata.load("events", version="1.0.0", store=[store])
    assert released.equals(gazadata.load("events"))
    dataset = gazadata.open_dataset(version="latest", store=store)
    assert dataset.version == "1.1.0"
    assert str(dataset.explain("events", released["event_id"][0]))
    with pytest.raises(ReadError, match="not both"):
        gazadata.open_dataset(store / "1.0.0", version="1.0.0")


def test_a_version_that_is_not_text_is_refused(store: Path) -> None:
    """A number used to end in a TypeError."""
    told = r'^invalid version 1; expected text, .* "1\.0\.0"'
    with pytest.raises(GazadataError, match=told):
        gazadata.open_dataset(version=1, store=store)  # type: ignore[arg-type]
    with pytest.raises(GazadataError, match=told):
        gazadata.load("events", version=1, store=store)  # type: ignore[call-overload]


def test_the_bundled_package_is_opened_without_any_of_this(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gazadata.release.fetch", None)
    assert gazadata.open_dataset().tables


@pytest.mark.parametrize("module", ["filelock", "requests"])
def test_missing_extras_are_named(
    server: Server, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(GazadataError, match=rf"{module} is not installed.*gazadata\[store\]"):
        pull("1.0.0", server.url)


@pytest.mark.skipif(os.name == "nt", reason="homes are found in another way here")
@pytest.mark.parametrize(
    ("platform", "shared", "folder"),
    [
        ("linux", "", ".cache/gazadata"),
        ("linux", "relative", ".cache/gazadata"),
        ("linux", "/shared", "/shared/gazadata"),
        ("darwin", "", "Library/Caches/gazadata"),
    ],
)
def test_the_cache_is_in_the_users_cache_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, platform: str, shared: str, folder: str
) -> None:
    monkeypatch.delenv("GAZADATA_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", shared)
    monkeypatch.setattr(sys, "platform", platform)
    assert Cache.of_user().folder == tmp_path / folder


def test_without_a_home_the_error_says_how_to_name_a_cache(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def homeless(_: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("GAZADATA_CACHE")
    monkeypatch.setattr(Path, "expanduser", homeless)
    with pytest.raises(CacheError, match="no such home folder; set GAZADATA_CACHE to a folder"):
        pull("1.0.0", store)


def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: object
) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["gazadata", *map(str, words)])
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    monkeypatch.setattr(warnings, "filters", [("always", None, Warning, None, 0)])
    with pytest.raises(SystemExit) as end:
        cli.main()
    out, err = capsys.readouterr()
    return int(end.value.code or 0), out, err


def test_the_command_line(
    releases: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    store = tmp_path / "shop"

    def gazadata_(*words: object) -> tuple[int, str, str]:
        return run(monkeypatch, capsys, *words)

    for name in ("1.0.0", "1.1.0"):
        code, out, _ = gazadata_("publish", releases[name], "--store", store)
        assert (code, digest(releases[name]) in out) == (0, True)
    code, out, _ = gazadata_("yank", "1.1.0", "--reason", "wrong", "--store", store)
    assert code == 0
    code, out, _ = gazadata_("versions", "--store", store)
    assert [line.split("\t")[0] for line in out.splitlines()] == ["1.0.0", "1.1.0"]
    assert out.splitlines()[1].endswith("\tyanked: wrong")
    code, out, err = gazadata_("pull", "latest", "--store", store)
    assert (code, err) == (0, "1.0.0 (latest)\n1.1.0: skipped, since it is yanked: wrong\n")
    assert whole(Path(out.strip()))
    code, out, err = gazadata_("pull", "1.1.0", "--store", store, "--out", "here")
    assert (code, out, err) == (
        0,
        f"{Path('here/gazadata-1.1.0')}\n",
        "warning: 1.1.0 is yanked: wrong\n1.0.0 -> 1.1.0\n",
    )
    code, out, _ = gazadata_("pull")
    assert Manifest.of(Path(out.strip())).version == "1.1.0"
    code, out, err = gazadata_("publish", releases["other"], "--store", store)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    for words in (
        ["pull", "9.9.9", "--store", store],
        ["pull", "nonsense", "--store", store],
        ["pull", "1.0.0", "--store", "http://127.0.0.1:1"],
        ["versions", "--store", tmp_path / "nowhere"],
        ["yank", "9.9.9", "--reason", "x", "--store", store],
        ["publish", tmp_path, "--store", store],
        ["publish", releases["1.0.0"], "--store", "http://127.0.0.1:1/s"],
        ["publish", releases["1.0.0"], "--store", "ftp://x.example/s"],
        ["yank", "1.0.0", "--reason", "x", "--store", "https://x.example/s"],
    ):
        code, out, err = gazadata_(*words)
        assert (code, out, err.startswith("error: ")) == (2, "", True), (words, err)


def test_a_store_to_write_may_be_a_file_address(
    releases: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A URL used to be taken for a folder of that name in the current folder."""
    store = tmp_path / "my shop"
    uri = store.as_uri()
    assert run(monkeypatch, capsys, "publish", releases["1.0.0"], "--store", uri)[0] == 0
    code, out, _ = run(monkeypatch, capsys, "yank", "1.0.0", "--reason", "x", "--store", uri)
    assert (code, out) == (0, f"{store / '1.0.0'}  yanked: x\n")
    code, _, err = run(
        monkeypatch, capsys, "publish", releases["1.0.0"], "--store", "http://127.0.0.1:1/store"
    )
    assert code == 2
    assert "cannot write to a web server" in err
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize(
    "name",
    [
        "file://machine/store",
        "file://store",
        "file://",
        "http:/localhost/store",
        "https:///store",
        "file:///store?version=1",
    ],
)
def test_an_address_that_would_be_misread_is_refused(name: str) -> None:
    """The host used to be ignored, so the release was published to a folder on this machine."""
    with pytest.raises(
        StoreError, match=r"not a folder on this machine|no host|cannot have a query"
    ):
        folder_of(name)
    assert list(Path().iterdir()) == []


def test_text_from_a_store_cannot_control_the_terminal(store: Path) -> None:
    """It could draw over a terminal, or add a line to the output of `versions`."""
    yank("1.0.0", "bad\x1b[31m \udcff", store)
    index = json.loads((store / "index.json").read_bytes())
    assert index["versions"][0]["yanked"] == "bad [31m"
    index["versions"][0] |= {"yanked": "a\n9.9.9\t\x1b[0m", "date": "\x07"}
    (store / "index.json").write_bytes(json_bytes(index))
    (first, *_) = versions(store)
    assert (first.yanked, first.date) == ("a 9.9.9  [0m", " ")


@pytest.mark.parametrize("where", ["status", "redirect", "no HTTP"])
def test_text_from_a_server_cannot_control_the_terminal(server: Server, where: str) -> None:
    """Its reason, redirects and non-HTTP answers used to reach the terminal unchanged."""

    def answer(handler: Handler) -> None:
        text = "\x1b]0;owned\x07\x1b[31m"
        if where == "status":
            handler.send_response(404, text)
            handler.end_headers()
        elif where == "redirect":
            handler.head(302, Location=f"gopher://{text}/")
        else:
            handler.wfile.write(f"HTTP/{text} 200 OK\r\n\r\n".encode())
            handler.close_connection = True

    server.faults["index.json"] = answer
    with pytest.raises(StoreError, match="31m") as refusal:
        versions(server.url)
    assert all(line.isprintable() for line in str(refusal.value).splitlines())


def test_a_store_whose_name_is_not_text_is_refused(store: Path) -> None:
    """It could be pulled from, but not written to the lock."""
    for name in (f"{store}\udcff", Path(f"{store}\udcff")):
        with pytest.raises(StoreError, match="is not UTF-8, so no lock could contain it"):
            pull("1.0.0", name)
    assert whole(pull("1.0.0", store.rename(store.with_name("بيانات"))))
    assert whole(pull())


def test_nothing_is_written_into_a_release(store: Path) -> None:
    with pytest.raises(ReleaseError, match="is a release, which must not change"):
        pull("1.0.0", store, store / "1.1.0/csv")
    assert whole(store / "1.1.0")


def test_an_empty_name_is_not_a_store(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAZADATA_STORE", str(store))
    with pytest.raises(StoreError, match="the name of a store is empty"):
        gazadata.open_dataset(store="")


GAZADATA = [sys.executable, "-c", "from gazadata.cli import main; main()"]


def test_warnings_of_any_command_are_one_line(store: Path) -> None:
    """`diff` used to print a line of our own code after them."""
    yank("1.0.0", "wrong", store)
    done = subprocess.run(
        [*GAZADATA, "diff", "1.0.0", "1.1.0", "--store", str(store)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.stderr == "warning: 1.0.0 is yanked: wrong\n"


def test_pull_works_if_python_turns_warnings_into_errors(store: Path) -> None:
    yank("1.0.0", "wrong", store)
    done = subprocess.run(
        [*GAZADATA, "pull", "1.0.0", "--store", str(store)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONWARNINGS": "error"},
    )
    assert done.stderr == "warning: 1.0.0 is yanked: wrong\n1.0.0\n"
    assert lock()["version"] == "1.0.0"


@pytest.mark.skipif(os.name == "nt", reason="needs a terminal of POSIX")
def test_a_bar_is_shown_only_if_something_is_fetched(server: Server) -> None:
    import pty

    def shown() -> bytes:
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [*GAZADATA, "pull", "1.0.0", "--store", server.url],
            stdout=subprocess.DEVNULL,
            stderr=theirs,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(sys.path),
                "TERM": "xterm",
                "COLUMNS": "100",
            },
        )
        os.close(theirs)
        seen = b""
        # On Linux, reading to the end of a terminal is an error.
        with contextlib.suppress(OSError):
            while piece := os.read(ours, 1 << 16):
                seen += piece
        os.close(ours)
        assert process.wait() == 0
        return seen

    assert b"MB" in shown()
    assert shown() == b"1.0.0, as before\r\n"


def test_versions_are_listed_with_what_the_index_says(store: Path, server: Server) -> None:
    yank("1.1.0", "wrong", store)
    listed = versions([server.url])
    assert listed == versions(store)
    assert [(e.version, e.yanked) for e in listed] == [
        ("1.0.0", None),
        ("1.1.0", "wrong"),
        ("2.0.0-rc.1", None),
    ]
    with pytest.raises(StoreError, match=r"no store given.*--store, .*gazadata\.lock"):
        versions()


def test_versions_need_the_lock_only_if_no_store_is_named(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("gazadata.lock").write_bytes(b"{")
    assert len(versions(store)) == 3
    with pytest.raises(LockError):
        versions()
    monkeypatch.setenv("GAZADATA_STORE", str(store))
    assert len(versions()) == 3
    monkeypatch.delenv("GAZADATA_STORE")
    Lock(str(store), "1.0.0", "0" * 64).write(Path("gazadata.lock"))
    assert len(versions()) == 3


def test_relative_stores_and_caches_work(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GAZADATA_CACHE", "cache")
    folder = pull("1.0.0", os.path.relpath(store))
    assert folder.is_absolute()
    assert lock()["store"] == "store"
    assert pull() == folder


def test_a_relative_store_is_relative_to_the_lock(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It used to be relative to the current folder, where nothing was found."""
    project, elsewhere = tmp_path / "project", tmp_path / "elsewhere" / "deep"
    project.mkdir()
    elsewhere.mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    pull("1.0.0", "store", lock=project / "gazadata.lock")
    assert json.loads((project / "gazadata.lock").read_bytes())["store"] == "../store"
    shutil.rmtree(Path(os.environ["GAZADATA_CACHE"]))
    monkeypatch.chdir(elsewhere)
    here = Path("..", "..", "project", "gazadata.lock")
    before = here.read_bytes()
    assert whole(pull(lock=here))
    assert here.read_bytes() == before
    shutil.move(store, tmp_path / "away")
    shutil.rmtree(Path(os.environ["GAZADATA_CACHE"]))
    with pytest.raises(StoreError, match=r"project/\.\./store: no such folder[\s\S]*gazadata.lock"):
        pull(lock=here)


def test_a_lock_wins_over_the_bundled_package(store: Path, cache: Path) -> None:
    assert gazadata.open_dataset().origin == "bundled with gazadata"
    pull("1.0.0", str(store))
    data = gazadata.open_dataset()
    pinned = f"pinned by {Path('gazadata.lock').absolute()}"
    assert data.origin == f"release 1.0.0, {pinned}, from the cache"
    assert data.package.root.is_relative_to(cache)
    topics = data.package.root / "csv/topics.csv"
    assert gazadata.load("topics")["topic_id"].count() == topics.read_bytes().count(b"\n") - 1
    with pytest.raises(LockError, match=r"version 1\.1\.0 was requested, but .* pins 1\.0\.0"):
        gazadata.load("topics", version="1.1.0", store=str(store))


# --- Messages


def test_pull_says_what_was_chosen_and_what_it_replaces(store: Path, cache: Path) -> None:
    assert str(fetch.pull("1.0.0", store)) == "1.0.0"
    assert str(fetch.pull("latest", store)) == "1.0.0 -> 1.1.0 (latest)"
    assert str(fetch.pull()) == "1.1.0, as before"
    yank("1.1.0", "wrong dates", store)
    lines = str(fetch.pull("latest", store)).splitlines()
    assert lines == [
        "1.1.0 -> 1.0.0 (latest)",
        "1.1.0: replaced, since it is yanked: wrong dates",
    ]
    lines = str(fetch.pull("latest", store)).splitlines()
    assert lines[1] == "1.1.0: skipped, since it is yanked: wrong dates"


def test_the_command_prints_only_the_path_for_scripts(store: Path, cache: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gazadata", "pull", "--store", str(store)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"{fetch.pull().folder}\n"
    assert done.stderr == "1.1.0 (latest)\n"


def test_a_dataset_shows_where_its_release_came_from(
    server: Server, cache: Path, offline_later: Callable[[], None]
) -> None:
    assert f"fetched from {server.url}" in repr(open_dataset(version="1.0.0", store=server.url))
    offline_later()
    data = open_dataset(version="1.0.0", store=server.url)
    assert "from the cache" in repr(data)
    assert len(data.load("events"))
    with pytest.raises(StoreError, match=r"cached, without the network: 1\.0\.0$"):
        open_dataset(version="latest", store=server.url)


def test_the_store_of_the_lock_is_that_of_every_command(
    store: Path, cache: Path, tmp_path: Path
) -> None:
    pull("1.0.0", store)
    for arguments, wanted in (
        (["versions"], "1.1.0\t"),
        (["diff", "1.0.0", "1.1.0"], "1.0.0 -> 1.1.0: "),
        (["export", "1.1.0", "x.db", "--to", "sqlite"], "x.db\nx.metadata.json\n"),
        (["explain", "topics", "--package", "1.1.0"], "isf\t"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "gazadata", *arguments],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert wanted in done.stdout


def test_an_archive_is_opened_as_it_is_verified(built: Path, tmp_path: Path) -> None:
    archive = built.with_name(f"{built.name}.zip")
    data = open_dataset(archive)
    assert str(archive) in repr(data)
    assert data.load("events").equals(open_dataset(built).load("events"))
    folder = data.package.root
    assert folder.is_dir()
    del data
    gc.collect()
    assert not folder.exists()
    with pytest.raises(ReleaseError, match="cannot be unpacked as a zip archive"):
        open_dataset(Path(__file__))
