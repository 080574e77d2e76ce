"""Misuse by users and servers, and the messages for it."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tests.release.stores import left_over, pull, releases, start, tiny_release, whole

import gazadata
from gazadata.errors import (
    GazadataError,
    LaterFormatError,
    ReadError,
    ReleaseError,
    StoreError,
    UnknownName,
)
from gazadata.package import Package
from gazadata.release.build import build
from gazadata.release.diff import diff
from gazadata.release.diff_formats import changes_markdown, full
from gazadata.release.export import export
from gazadata.release.fetch import open_release
from gazadata.release.files import json_bytes
from gazadata.release.index import folder_of
from gazadata.release.lock import Lock
from gazadata.release.manifest import Manifest
from gazadata.release.sides import side
from gazadata.release.store import publish, yank

pytestmark = pytest.mark.sampled


@pytest.fixture
def store(built: Path, tmp_path: Path) -> Path:
    publish(built, tmp_path / "store")
    return tmp_path / "store"


class _Closing(SimpleHTTPRequestHandler):
    """Answers as HTTP/1.1, and closes the connection a moment later without notice."""

    protocol_version = "HTTP/1.1"

    def handle_one_request(self) -> None:
        super().handle_one_request()
        time.sleep(0.002)
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def closing_server(store: Path) -> Iterator[str]:
    handler = partial(_Closing, directory=str(store))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.mark.usefixtures("cache")
def test_a_connection_that_the_server_has_closed_is_opened_again(
    closing_server: str, built: Path
) -> None:
    pulled = pull("1.0.0", closing_server)
    assert (pulled / "manifest.json").read_bytes() == (built / "manifest.json").read_bytes()


def test_a_damaged_release_folder_is_not_loaded(release: Path) -> None:
    path = release / "csv" / "positions.csv"
    path.write_bytes(path.read_bytes().replace(b"azerbaijan", b"azerbaijam"))
    dataset = gazadata.open_dataset(release)
    assert not dataset.load("actors").empty
    with pytest.raises(StoreError, match=r"positions\.csv"):
        dataset.load("positions")


@pytest.mark.usefixtures("cache")
def test_an_unreadable_store_is_skipped(store: Path) -> None:
    with pytest.warns(UserWarning, match="another store was used"):
        pulled = pull("latest", [f"{'x' * 300}/store", str(store)])
    assert pulled.is_dir()


@pytest.mark.usefixtures("cache")
def test_no_lock_is_written_into_a_release(
    store: Path, release: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(release)
    with pytest.raises(ReleaseError, match="which must not change"):
        pull("1.0.0", str(store))
    assert not (release / "gazadata.lock").exists()


def test_a_release_of_a_later_format_is_not_called_damaged(store: Path, built: Path) -> None:
    manifest = store / "1.0.0" / "manifest.json"
    manifest.write_bytes(manifest.read_bytes().replace(b"manifest/1", b"manifest/2"))
    with pytest.raises(LaterFormatError, match="upgrade with") as error:
        publish(built, store)
    assert "damaged" not in str(error.value)


def test_an_index_of_a_later_format_is_kept(store: Path, built: Path) -> None:
    index = store / "index.json"
    later = index.read_bytes().replace(b"store/1", b"store/2")
    index.write_bytes(later)
    with pytest.raises(LaterFormatError, match="upgrade with"):
        publish(built, store)
    with pytest.raises(LaterFormatError, match="upgrade with"):
        yank("1.0.0", "why", store)
    assert index.read_bytes() == later
    assert not left_over(store)


def test_an_index_that_cannot_be_read_is_rebuilt(store: Path, built: Path) -> None:
    index = store / "index.json"
    whole = index.read_bytes()
    index.write_bytes(whole[:20])
    publish(built, store)
    assert index.read_bytes() == whole


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_a_readable_index_stays_readable(store: Path) -> None:
    index = store / "index.json"
    index.chmod(0o644)
    before = os.umask(0o077)
    try:
        yank("1.0.0", "why", store)
    finally:
        os.umask(before)
    assert stat.S_IMODE(index.stat().st_mode) == 0o644


@pytest.mark.parametrize("mark", ["?", "#"])
def test_an_address_with_an_empty_query_is_refused(mark: str) -> None:
    with pytest.raises(StoreError, match="cannot have a query or a fragment"):
        folder_of(f"https://example.org/store{mark}")


@pytest.mark.usefixtures("cache")
def test_an_empty_store_says_so(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    index = {"format": "gazadata-store/1", "versions": []}
    (empty / "index.json").write_text(json.dumps(index), "utf-8")
    with pytest.raises(StoreError, match="nothing is published there"):
        pull("latest", str(empty))


@pytest.mark.parametrize("form", ["json", "markdown"])
def test_a_diff_for_programs_keeps_every_letter(form: str, source: Path, tmp_path: Path) -> None:
    """Whatever the encoding of standard output."""
    new = tmp_path / "new"
    shutil.copytree(source, new)
    topics = new / "data" / "topics.csv"
    topics.write_bytes(topics.read_bytes().replace(b"to the ISF", "to the “ISF” ☃".encode()))
    said = [
        subprocess.run(
            [sys.executable, "-m", "gazadata", "diff", str(source), str(new), "--format", form],
            env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"},
            capture_output=True,
            check=True,
        ).stdout
        for encoding in ("utf-8", "latin-1")
    ]
    assert said[0] == said[1]
    assert "☃" in said[0].decode("utf-8")


def test_a_key_cannot_write_to_the_terminal(source: Path, tmp_path: Path) -> None:
    new = tmp_path / "new"
    shutil.copytree(source, new)
    topics = new / "data" / "topics.csv"
    content = topics.read_bytes()
    last = content.splitlines()[-1].partition(b",")[2]
    topics.write_bytes(content + b"zz\x1b[31mred," + last + b"\n")
    text = full(diff(Package.open(source), Package.open(new)))
    assert "[31mred" in text
    assert "\x1b" not in text


def test_a_parent_other_than_the_one_that_was_built_on_is_refused(
    built: Path, tmp_path: Path
) -> None:
    """Published out of order, a release with a false parent would stay in the store for ever."""
    of = releases(built)
    store = tmp_path / "store"
    publish(of["1.1.0"], store)
    with pytest.raises(StoreError, match=r"the parent of the published 1\.1\.0 is a 1\.0\.0 with"):
        publish(of["other"], store)
    assert publish(built, store).version == "1.0.0"


def test_a_git_side_is_what_was_committed(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever line endings the user has configured."""
    repository = tmp_path / "repository"
    shutil.copytree(source, repository)
    monkeypatch.chdir(repository)
    name = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    for command in (
        ["init", "-q"],
        ["add", "-A"],
        [*name, "commit", "-qm", "x"],
        ["config", "core.autocrlf", "true"],
    ):
        subprocess.run(["git", *command], check=True)
    with side("HEAD") as package:
        assert package.path("topics").read_bytes() == (source / "data/topics.csv").read_bytes()


@pytest.fixture
def other_store(tmp_path: Path) -> Path:
    """A store of another package, with a version that `store` also has and a later one."""
    folder = tmp_path / "other"
    index = []
    for version in ("1.0.0", "1.0.1"):
        release = tiny_release(folder / version, version)
        manifest = release / "manifest.json"
        manifest.write_bytes(manifest.read_bytes().replace(b'"gazadata"', b'"elsewhere"'))
        (release / "SHA256SUMS").write_bytes(Manifest.of(release).own["SHA256SUMS"])
        digest = Manifest.of(release).sha256
        index.append({"version": version, "manifest_sha256": digest})
    (folder / "index.json").write_bytes(
        json_bytes({"format": "gazadata-store/1", "versions": index})
    )
    return folder


@pytest.mark.parametrize("version", ["1.0.0", "1.0.1", "latest"])
def test_another_package_is_not_what_was_locked(
    store: Path, other_store: Path, cache: Path, version: str
) -> None:
    pull("1.0.0", store)
    before = Path("gazadata.lock").read_bytes()
    shutil.rmtree(cache)
    with pytest.raises(StoreError, match=r"gazadata\.lock"):
        pull(version, ["nowhere", str(other_store)])
    assert Path("gazadata.lock").read_bytes() == before


@pytest.mark.usefixtures("cache")
def test_another_package_in_the_cache_is_not_what_was_locked(
    store: Path, other_store: Path
) -> None:
    pull("1.0.1", other_store)
    Path("gazadata.lock").unlink()
    pull("1.0.0", store)
    for use in (pull, open_release):
        with pytest.raises(StoreError, match="a release of 'elsewhere', but"):
            use("1.0.1", other_store)


@pytest.mark.usefixtures("cache")
def test_a_lock_that_names_no_package_still_holds(store: Path, built: Path) -> None:
    lock = Lock(str(store), "1.0.0", Manifest.of(built).sha256)
    lock.write(Path("gazadata.lock"))
    pull()
    assert Lock.read(Path("gazadata.lock")) == lock._replace(name="gazadata")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
@pytest.mark.parametrize(("mode", "file"), [(0o755, 0o644), (0o750, 0o640), (0o700, 0o600)])
def test_whoever_can_list_a_store_can_read_it(
    built: Path, tmp_path: Path, mode: int, file: int
) -> None:
    store = tmp_path / "store"
    store.mkdir()
    store.chmod(mode)
    before = os.umask(0o077)
    try:
        publish(built, store)
        yank("1.0.0", "why", store)
    finally:
        os.umask(before)
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in store.rglob("*")}
    del modes[store / ".lock"]
    for path, found in modes.items():
        assert found == (mode if path.is_dir() else file), path


@pytest.mark.parametrize("lies", ["file", "dangling link"])
@pytest.mark.parametrize("place", ["{0}", ".{0}.part"])
def test_anything_else_in_the_place_of_a_cached_release_is_removed(
    store: Path, built: Path, cache: Path, place: str, lies: str
) -> None:
    blocked = cache / "releases" / place.format(Manifest.of(built).sha256)
    blocked.parent.mkdir(parents=True)
    blocked.symlink_to("nowhere") if lies == "dangling link" else blocked.touch()
    assert whole(pull("1.0.0", store))


TERMINATED = """
import os, signal, sys
from gazadata.cli import main

out, step = sys.argv.pop(1), int(sys.argv.pop(1))
seen = 0


def hook(event, arguments):
    global seen
    if event in ("open", "sqlite3.connect") and str(arguments[0]).startswith(out):
        seen += 1
        if seen == step:
            print("begun", flush=True)
            os.kill(os.getpid(), signal.SIGTERM)


sys.addaudithook(hook)
main()
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows ends processes without asking them")
@pytest.mark.parametrize("step", [1, 2])
@pytest.mark.parametrize("to", [None, "sqlite", "xlsx"])
def test_a_terminated_process_removes_unfinished_files(
    source: Path, built: Path, tmp_path: Path, to: str | None, step: int
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    build = ["build", str(source), "--out", str(out)]
    command = ["export", str(built), "--to", to, str(out / "gaza")] if to else build
    process = start(TERMINATED, out, step, *command)
    printed, said = process.communicate()
    assert printed.startswith("begun")
    assert process.returncode == 143, said
    assert "Traceback" not in said
    assert not list(out.iterdir())


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
@pytest.mark.long
def test_a_name_that_is_not_utf_8_is_refused_in_a_sentence(
    built: Path, source: Path, store: Path, tmp_path: Path
) -> None:
    odd = tmp_path / os.fsdecode(b"odd-\xff")
    odd.mkdir()
    package, release = str(odd / "package"), str(odd / "release")
    shutil.copytree(source, package)
    shutil.copytree(built, release)
    out = tmp_path / "out"
    for command in (
        ["validate", package],
        ["build", package, "--out", str(out)],
        ["build", str(source), "--out", str(odd / "out")],
        ["verify", release],
        ["publish", release, "--store", str(out)],
        ["export", release, str(out), "--to", "xlsx"],
        ["export", str(built), str(odd / "out"), "--to", "duckdb"],
        ["diff", str(built), release],
        ["pull", "1.0.0", "--store", str(store), "--out", str(odd / "out")],
    ):
        run = subprocess.run(
            [sys.executable, "-m", "gazadata", *command], capture_output=True, check=False
        )
        assert run.returncode == 2, command
        assert b"\\udcff" in run.stderr, command
        assert b"its name is not UTF-8; rename it" in run.stderr, command
        assert b"Traceback" not in run.stderr, command
    assert not out.exists()
    assert sorted(odd.iterdir()) == [Path(package), Path(release)]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_cache_that_is_not_utf_8_is_refused_before_anything_is_fetched(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = tmp_path / os.fsdecode(b"odd-\xff")
    monkeypatch.setenv("GAZADATA_CACHE", str(odd))
    with pytest.raises(ReadError, match="not UTF-8"):
        pull("1.0.0", store, lock=None)
    assert not odd.exists()


@pytest.mark.parametrize("place", ["data?base/gaza.duckdb", "gaza?x=y.duckdb"])
def test_a_path_that_duckdb_would_cut_in_two_is_refused(
    built: Path, tmp_path: Path, place: str
) -> None:
    file = tmp_path / place
    file.parent.mkdir(exist_ok=True)
    with pytest.raises(GazadataError, match="options"):
        export(built, "duckdb", file)
    export(built, "sqlite", file)
    assert file.is_file()


@pytest.mark.parametrize("command", ["validate", "fmt"])
def test_an_archive_where_a_folder_is_expected_is_to_be_unpacked(
    built: Path, tmp_path: Path, command: str
) -> None:
    archive = shutil.make_archive(str(tmp_path / "archive"), "zip", built)
    run = subprocess.run(
        [sys.executable, "-m", "gazadata", command, archive],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 2
    assert "and this is a file; unpack it if it is an archive" in run.stderr


def test_the_error_for_an_unknown_format_suggests_the_nearest(built: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="did you mean 'sqlite'"):
        export(built, "sqlit", tmp_path / "x")  # type: ignore[arg-type]


@pytest.mark.parametrize("folder", ["data", "data/sub", "link"])
def test_nothing_is_built_among_the_tables_of_the_package(
    source: Path, tmp_path: Path, folder: str
) -> None:
    package = tmp_path / "package"
    shutil.copytree(source, package)
    (package / "link").symlink_to("data", target_is_directory=True)
    before = sorted(package.rglob("*"))
    with pytest.raises(ReleaseError, match="choose another --out"):
        build(package, package / folder)
    assert sorted(package.rglob("*")) == before


def test_a_key_cannot_inject_markdown(source: Path, tmp_path: Path) -> None:
    new = tmp_path / "new"
    shutil.copytree(source, new)
    topics = new / "data" / "topics.csv"
    content = topics.read_bytes()
    last = content.splitlines()[-1].partition(b",")[2]
    key = "x`\n- removed: `everything` <b>"
    topics.write_bytes(content + f'"{key}",'.encode() + last + b"\n")
    text = changes_markdown("x", diff(Package.open(source), Package.open(new)))
    assert "\n- removed" not in text
    assert "- added: x\\`&#10;- removed: \\`everything\\` \\<b\\>\n" in text
