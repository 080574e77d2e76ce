"""A store behind a web server, asked over connections that stay open."""

from __future__ import annotations

import math
import os
import socket
import threading
import time
from base64 import b64encode
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit

from gazadata.errors import MissingExtra
from gazadata.release.files import CHUNK, StoreAwayError, StoreError, plain

if TYPE_CHECKING:
    import urllib3


TIMEOUT = 30.0
"""Seconds without an answer before a store is given up; GAZADATA_TIMEOUT overrides it."""

SLOWEST = 10_000
"""Bytes a second: a body that is slower on the whole is given up, however lively it drips."""

REDIRECTS = 5


class HttpSource:
    """A store behind a web server, asked over one connection that stays open."""

    def __init__(self, name: str) -> None:
        self.name = self.key = name
        self.timeout = _timeout()
        self._hosts: dict[tuple[str, str], urllib3.PoolManager] = {}
        self._watch = _Watch(self.timeout)

    def where(self, path: str) -> str:
        """The address of a file."""
        return f"{self.name}/{quote(path)}"

    def read(self, path: str, limit: int) -> Generator[bytes]:
        """The bytes of a file, as they arrive; see `Source.read`.

        Raises:
            StoreError: the server does not have it, or cannot be asked.
            MissingExtra: the extra `store` is not installed.
        """
        try:
            from urllib3 import exceptions
        except ImportError:
            raise MissingExtra("urllib3", "store") from None
        url = self.where(path)
        answered = False
        try:
            with self._watch.over(), closing(self._get(url)) as response:
                if self._watch.late:
                    # Headers may end where their connection does.
                    raise self._no_answer(url)
                answered = True
                if response.status != 200:
                    raise StoreError(f"{url}: HTTP {response.status} {plain(response.reason)}")
                self._watch.wait(self.timeout)
                # read1 returns what has arrived, so that it is counted when it arrives.
                while chunk := response.read1(CHUNK, decode_content=True):
                    yield chunk
                    self._watch.wait_longer(len(chunk) / SLOWEST)
                if self._watch.late:
                    # A body without a length ends where its connection does.
                    raise self._too_late(url, answered)
        except ValueError as error:
            # That of the store, of what it redirects to, or of a proxy.
            raise StoreError(f"{url}: no address that can be asked: {plain(str(error))}") from None
        except exceptions.HTTPError as error:
            if self._watch.late:
                raise self._too_late(url, answered) from None
            new = isinstance(error, exceptions.NewConnectionError)
            if isinstance(error, exceptions.TimeoutError) and not new:
                raise self._no_answer(url) from None
            cause = plain(_root_cause(error))
            if answered:
                raise StoreError(f"{url}: the answer cannot be read: {cause}") from None
            raise StoreAwayError(f"{url}: cannot be reached{self._via()}: {cause}") from None

    def _no_answer(self, url: str) -> StoreAwayError:
        return StoreAwayError(f"{url}: no answer within {self.timeout:g} seconds")

    def _too_late(self, url: str, answered: bool) -> StoreError:
        if not answered:
            return self._no_answer(url)
        return StoreError(
            f"{url}: given up, as it came slower than {SLOWEST / 1000:g} kB a second; try again "
            "later, or another store"
        )

    def _via(self) -> str:
        """The proxies that were asked, without what they ask for."""
        proxies = [host.proxy for host in self._hosts.values() if host.proxy]
        named = {f"{proxy.scheme}://{proxy.netloc}" for proxy in proxies}
        return f" through {', '.join(sorted(named))}" if named else ""

    def close(self) -> None:
        """Let go of connections; the next read opens new ones."""
        for host in self._hosts.values():
            host.clear()
        self._hosts.clear()
        self._watch.end()

    def _get(self, url: str) -> urllib3.BaseHTTPResponse:
        """Follow redirects without reading their bodies, which may have no end."""
        asked = url
        for _ in range(REDIRECTS + 1):
            address = urlsplit(asked)
            response = self._ask(asked, address)
            location = response.get_redirect_location()
            if not location:
                return response
            response.close()
            asked = urljoin(asked, location)
            if urlsplit(asked).scheme not in ("https", address.scheme):
                # Without what it may hold of a password.
                to = urlsplit(asked)
                named = plain(f"{to.scheme}://{to.hostname or ''}{to.path}")
                raise StoreError(f"{url}: redirects to {named}, which is refused")
        raise StoreError(f"{url}: more than {REDIRECTS} redirects")

    def _ask(self, asked: str, address: SplitResult) -> urllib3.BaseHTTPResponse:
        from urllib3 import exceptions

        host = address.scheme, address.netloc
        fresh = host not in self._hosts
        if fresh:
            self._hosts[host] = _connections(address)
            self._watch.over_all_of(self._hosts[host])
        self._watch.wait(self.timeout)
        ask = partial(
            self._hosts[host].request,
            "GET",
            asked,
            redirect=False,
            retries=False,
            preload_content=False,
            timeout=self.timeout,
        )
        try:
            return ask()
        except exceptions.ProtocolError:
            # A server closes connections that were idle for as long as it likes.
            if fresh or self._watch.late:
                raise
            self._hosts[host].clear()
            return ask()


class _Watch:
    """Ends connections on which too little is said.

    The time-out of a socket is for the silence between two bytes, wherever they are: headers, the
    marks between chunks and what unpacks to nothing could drip for ever.
    """

    def __init__(self, timeout: float) -> None:
        self.timeout, self.deadline, self.late = timeout, math.inf, False
        self.sockets: list[socket.socket] = []
        self.lock = threading.Lock()
        self.ended = threading.Event()
        self.thread: threading.Thread | None = None

    @contextmanager
    def over(self) -> Iterator[None]:
        """Watch for the length of the block."""
        if self.thread is None:
            # Not one for each file: to begin it takes as long as some files do.
            self.thread = threading.Thread(target=self._run, daemon=True)
            self.thread.start()
        self.late = False
        try:
            yield
        finally:
            with self.lock:
                self.deadline = math.inf

    def end(self) -> None:
        """Watch no longer, until there is something to watch again."""
        if self.thread:
            self.ended.set()
            self.thread.join()
            self.ended.clear()
        self.thread = None
        self.sockets.clear()

    def wait(self, seconds: float) -> None:
        """Wait for so long from now."""
        self.deadline = time.monotonic() + seconds

    def wait_longer(self, seconds: float) -> None:
        """Wait for so much longer than was said."""
        self.deadline += seconds

    def over_all_of(self, host: urllib3.PoolManager) -> None:
        """Watch whatever connects to a host."""
        host.pool_classes_by_scheme = {
            scheme: type(pool.__name__, (pool,), {"ConnectionCls": self._watched(pool)})
            for scheme, pool in host.pool_classes_by_scheme.items()
        }

    def _watched(self, pool: Any) -> Any:
        kind = pool.ConnectionCls

        def connect(connection: Any) -> None:
            # That is up to the time-out of the socket: a host may have several addresses.
            self.deadline = math.inf
            kind.connect(connection)
            self.wait(self.timeout)
            self.sockets = [*(s for s in self.sockets if s.fileno() >= 0), connection.sock]

        return type(kind.__name__, (kind,), {"connect": connect})

    def _run(self) -> None:
        while not self.ended.wait(min(max(self.deadline - time.monotonic(), 0.05), 1)):
            with self.lock:
                if time.monotonic() > self.deadline:
                    self.late = True
                    for each in self.sockets:
                        with suppress(OSError):
                            # Under TLS too, whose own goodbye nobody would answer.
                            socket.socket.shutdown(each, socket.SHUT_RDWR)


def _connections(address: SplitResult) -> urllib3.PoolManager:
    """What connects to a host: with the user's proxy, password and authorities, looked up once."""
    from urllib.request import getproxies, proxy_bypass

    import urllib3
    from urllib3.util import parse_url

    # Nothing to unpack: the bytes are counted, and no-cache because an index that a proxy kept
    # would hide what was published or yanked since.
    headers = {"Accept-Encoding": "identity", "Cache-Control": "no-cache", "User-Agent": "gazadata"}
    if password := _password(address.hostname or ""):
        headers["Authorization"] = _basic(password)
    # With its port, and an IPv6 address without the brackets that an address has.
    bypassed = proxy_bypass(address.netloc) or proxy_bypass(address.hostname or "")
    proxies = {} if bypassed else getproxies()
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
    sent = {"Proxy-Authorization": _basic(password)} if password else None
    return urllib3.ProxyManager(proxy, proxy_headers=sent, **options)


def _basic(password: str) -> str:
    """`login:password` as a header says it (RFC 7617), in UTF-8, which urllib3 does not speak."""
    return "Basic " + b64encode(password.encode("utf-8")).decode("ascii")


def _password(host: str) -> str | None:
    """`login:password` for a host, of the netrc that the user keeps."""
    from netrc import NetrcParseError, netrc

    named = os.environ.get("NETRC")
    for path in [named] if named else ["~/.netrc", "~/_netrc"]:
        try:
            found = netrc(os.path.expanduser(path)).authenticators(host)
        except (OSError, NetrcParseError, UnicodeDecodeError):
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
