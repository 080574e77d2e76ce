"""Releases, stores, and a web server that misbehaves on demand, for the tests of both ends."""

from __future__ import annotations

import contextlib
import functools
import gzip
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from gazadata.release import fetch
from gazadata.release.files import json_bytes, listing, sha256
from gazadata.release.manifest import Manifest

Fault = Callable[["Handler"], None]


def pull(*asked: Any, **options: Any) -> Path:
    """Pull a release; return its folder."""
    return fetch.pull(*asked, **options).folder


def make_release(
    built: Path, work: Path, version: str, note: str = "", parent: Path | None = None
) -> Path:
    """The release `built` with another version; a different `note` gives different bytes.

    It is not built, since that would validate the same tables again.
    """
    release = Path(shutil.copytree(built, work / f"made-{note}" / f"gazadata-{version}"))
    with (release / "codebook.md").open("a", encoding="utf-8") as codebook:
        codebook.write(note)
    path = release / "datapackage.json"
    path.write_bytes(json_bytes(json.loads(path.read_bytes()) | {"version": version}))
    before = parent and Manifest.of(parent)
    resealed(
        release,
        version=version,
        parent=before and {"version": before.version, "manifest_sha256": before.sha256},
    )
    return release


def resealed(release: Path, **changes: Any) -> None:
    """Give a changed release a manifest and sums that match its files."""
    path = release / "manifest.json"
    unlisted = {"manifest.json", "SHA256SUMS", ".gitattributes"}
    files = [
        {"path": name, "bytes": (release / name).stat().st_size, "sha256": sha256(release / name)}
        for name in listing(release)
        if name not in unlisted
    ]
    path.write_bytes(json_bytes(json.loads(path.read_bytes()) | changes | {"files": files}))
    sums = {name: sha256(release / name) for name in listing(release)}
    named = [name for name in sums if name not in ("SHA256SUMS", ".gitattributes")]
    (release / "SHA256SUMS").write_text(
        "".join(f"{sums[name]}  {name}\n" for name in named), encoding="utf-8", newline=""
    )


@functools.cache
def releases(built: Path) -> dict[str, Path]:
    """Releases to publish, made once; "other" has the version of `built` and other bytes."""
    work = built.parent / "releases"
    later = make_release(built, work, "1.1.0", parent=built)
    return {
        "1.0.0": built,
        "1.1.0": later,
        "2.0.0-rc.1": make_release(built, work, "2.0.0-rc.1", parent=later),
        "other": make_release(built, work, "1.0.0", "other"),
    }


def tiny_release(folder: Path, version: str) -> Path:
    """A folder with everything that a store requires of a release, but much smaller."""
    listed = []
    for path in ("LICENSE", "csv/a.csv", "parquet/a.parquet"):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(f"{version} {path}\n", encoding="utf-8")
        size = (folder / path).stat().st_size
        listed.append({"path": path, "bytes": size, "sha256": sha256(folder / path)})
    form = {"format": "gazadata-manifest/1", "name": "gazadata", "version": version}
    (folder / "manifest.json").write_bytes(json_bytes({**form, "files": listed, "tables": {}}))
    (folder / "SHA256SUMS").write_bytes(Manifest.of(folder).own["SHA256SUMS"])
    return folder


def whole(release: Path) -> bool:
    """Whether a folder is a complete release."""
    return not Manifest.of(release).damage(release)


def published(store: Path) -> dict[str, Path]:
    """The versions that are visible in a store, by their folders."""
    return {p.name: p for p in store.iterdir() if p.is_dir() and not p.name.startswith(".")}


def left_over(root: Path) -> list[Path]:
    """Files left by interrupted work."""
    return sorted(root.rglob(".*.part"))


class Handler(BaseHTTPRequestHandler):
    """Serves the files of a folder, or misbehaves if the server has a fault for the path."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def do_GET(self) -> None:
        path = self.path.lstrip("/")
        self.server.asked.append(path)
        fault = self.server.faults.get(path) or self.server.faults.get("*")
        with contextlib.suppress(ConnectionError):
            if fault:
                fault(self)
            elif (file := self.server.root / path).is_file():
                self.answer(200, file.read_bytes())
            else:
                self.answer(404, b"not here")

    def content(self) -> bytes:
        return (self.server.root / self.path.lstrip("/")).read_bytes()

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        self.head(status, Content_Length=str(len(body)), **headers)
        self.wfile.write(body)

    def head(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if "Content_Length" not in headers and "Transfer_Encoding" not in headers:
            self.close_connection = True
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    """A store on a web server on 127.0.0.1; `faults` maps paths, or "*", to what goes wrong."""

    daemon_threads = True

    def __init__(self, root: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.root = root
        self.faults: dict[str, Fault] = {}
        self.asked: list[str] = []
        self.closing = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


@contextlib.contextmanager
def serving(root: Path) -> Iterator[Server]:
    """Serve a folder until the end of the block."""
    with Server(root) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.closing.set()
            server.shutdown()
            thread.join()


def truncated(handler: Handler) -> None:
    """Half a body, with the length of the whole."""
    body = handler.content()
    handler.head(200, Content_Length=str(len(body)))
    handler.wfile.write(body[: len(body) // 2])
    handler.close_connection = True


def truncated_without_length(handler: Handler) -> None:
    """Half a body, ended by closing the connection."""
    body = handler.content()
    handler.head(200)
    handler.wfile.write(body[: len(body) // 2])


def truncated_in_chunks(handler: Handler) -> None:
    """Half a chunked body, without its last chunk."""
    body = handler.content()
    handler.head(200, Transfer_Encoding="chunked")
    half = body[: len(body) // 2]
    handler.wfile.write(f"{len(body):x}\r\n".encode() + half)
    handler.close_connection = True


def wrong_bytes(handler: Handler) -> None:
    """The same number of bytes, with one digit changed, so that JSON stays JSON."""
    body = bytearray(handler.content())
    at = next(i for i in range(len(body) - 1, -1, -1) if chr(body[i]).isdigit())
    body[at] = ord("1") if body[at] != ord("1") else ord("2")
    handler.answer(200, bytes(body))


def longer(handler: Handler) -> None:
    """The right bytes, and one more."""
    handler.answer(200, handler.content() + b"\n")


def page(handler: Handler) -> None:
    """A web page where a file should be, with status 200."""
    handler.answer(200, b"<!doctype html><title>Sign in</title>", Content_Type="text/html")


def empty(handler: Handler) -> None:
    """Nothing, with status 200."""
    handler.answer(200, b"")


def not_found(handler: Handler) -> None:
    """Status 404."""
    handler.answer(404, b"not found")


def broken(handler: Handler) -> None:
    """Status 500."""
    handler.answer(500, b"internal error")


def redirect_to(target: str) -> Fault:
    """A redirect to `target`."""
    return lambda handler: handler.answer(302, b"", Location=target)


def redirect_loop(handler: Handler) -> None:
    """A redirect to itself."""
    handler.answer(302, b"", Location=handler.path)


def redirect_without_end(handler: Handler) -> None:
    """A redirect whose body has no end."""
    handler.head(302, Location=handler.path)
    _pour(handler)


def endless(handler: Handler) -> None:
    """A body without end, and without a length."""
    handler.head(200)
    _pour(handler)


def endless_in_chunks(handler: Handler) -> None:
    """A chunked body without end."""
    handler.head(200, Transfer_Encoding="chunked")
    _pour(handler, b"10000\r\n" + b" " * 65536 + b"\r\n")


def stalls(handler: Handler) -> None:
    """A server that takes the request and never answers."""
    handler.server.closing.wait()


def stalls_in_the_body(handler: Handler) -> None:
    """A server that stops in the middle of the body."""
    body = handler.content()
    handler.head(200, Content_Length=str(len(body)))
    handler.wfile.write(body[: len(body) // 2])
    handler.server.closing.wait()


def drips(handler: Handler) -> None:
    """A server that is never silent for long, and never gets anywhere."""
    handler.head(200, Content_Length=str(1 << 20))
    while not handler.server.closing.wait(0.05):
        handler.wfile.write(b" ")


def _drip(handler: Handler, head: bytes, drop: bytes) -> None:
    handler.wfile.write(head)
    while not handler.server.closing.wait(0.05):
        handler.wfile.write(drop)


def drips_in_a_header(handler: Handler) -> None:
    """A header that never ends."""
    _drip(handler, b"HTTP/1.1 200 OK\r\nX-Wait: ", b"x")


def drips_before_the_answer(handler: Handler) -> None:
    """A server that keeps announcing an answer."""
    _drip(handler, b"", b"HTTP/1.1 100 Continue\r\n\r\n")


def drips_between_chunks(handler: Handler) -> None:
    """A chunk header that never ends."""
    _drip(handler, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;", b"x")


def drips_after_the_body(handler: Handler) -> None:
    """The right body, and then endless trailers."""
    body = handler.content()
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    _drip(handler, head + b"%x\r\n%s\r\n0\r\n" % (len(body), body), b"X-Wait: x\r\n")


def drips_what_unpacks_to_nothing(handler: Handler) -> None:
    """A compressed body of empty blocks."""
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n"
    _drip(handler, head + gzip.compress(b"")[:10], b"\x00\x00\x00\xff\xff")


def drips_without_length(handler: Handler) -> None:
    """The right body, a byte at a time, ended by closing the connection."""
    handler.head(200)
    for byte in handler.content():
        if handler.server.closing.wait(0.05):
            return
        handler.wfile.write(bytes([byte]))


DRIPS: list[Fault] = [
    drips,
    drips_in_a_header,
    drips_before_the_answer,
    drips_between_chunks,
    drips_after_the_body,
    drips_what_unpacks_to_nothing,
    drips_without_length,
]


def hangs_up(handler: Handler) -> None:
    """A connection that ends without an answer."""
    handler.close_connection = True


def no_http(handler: Handler) -> None:
    """An answer that is not HTTP."""
    handler.wfile.write(b"SSH-2.0-OpenSSH_9.9\r\n")
    handler.close_connection = True


def _pour(handler: Handler, block: bytes = b" " * 65536) -> None:
    while not handler.server.closing.is_set():
        handler.wfile.write(block)


FAULTS: list[Fault] = [
    truncated,
    truncated_without_length,
    truncated_in_chunks,
    wrong_bytes,
    longer,
    page,
    empty,
    not_found,
    broken,
    redirect_loop,
    redirect_without_end,
    endless,
    endless_in_chunks,
    stalls,
    stalls_in_the_body,
    *DRIPS,
    hangs_up,
    no_http,
]


def start(code: str, *arguments: object, **environment: str) -> subprocess.Popen[str]:
    """Start a separate Python process that runs `code`."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment},
    )


AT_ONCE = """
import sys
from pathlib import Path
from gazadata.errors import GazadataError
import filelock, requests
import gazadata.release.verify, gazadata.tables.arrow, pyarrow.csv, pyarrow.parquet
from gazadata.release.fetch import pull
from gazadata.release.store import publish

print("ready", flush=True)
sys.stdin.readline()
try:
    {work}
except GazadataError as error:
    print("refused", error)
else:
    print("done")
"""


def at_once(work: list[str], **environment: str) -> list[str]:
    """Run pieces of code in their own processes, all released at the same moment."""
    processes = [start(AT_ONCE.format(work=piece), **environment) for piece in work]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", process.communicate()[1]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = []
    for process in processes:
        answer, errors = process.communicate()
        assert process.returncode == 0, errors
        answers.append(answer.strip())
    return answers
