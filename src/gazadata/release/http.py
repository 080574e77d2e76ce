"""A store behind a web server, asked over connections that stay open."""

from __future__ import annotations

import os
import time
from collections.abc import Generator
from contextlib import closing
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
        # Between two bytes the time-out of the socket counts; this one is for the whole body.
        patience = self.timeout + limit / SLOWEST
        deadline = time.monotonic() + patience
        answered = False
        try:
            with closing(self._get(url)) as response:
                answered = True
                if response.status != 200:
                    raise StoreError(f"{url}: HTTP {response.status} {plain(response.reason)}")
                # read1 returns what has arrived; to wait for whole pieces would be to be held
                # for ever by a server that drips.
                while chunk := response.read1(CHUNK, decode_content=True):
                    yield chunk
                    if time.monotonic() > deadline:
                        raise StoreError(f"{url}: not finished after {patience:.0f} seconds")
        except ValueError as error:
            # That of the store, of what it redirects to, or of a proxy.
            raise StoreError(f"{url}: no address that can be asked: {plain(str(error))}") from None
        except exceptions.HTTPError as error:
            new = isinstance(error, exceptions.NewConnectionError)
            if isinstance(error, exceptions.TimeoutError) and not new:
                raise StoreAwayError(f"{url}: no answer within {self.timeout:g} seconds") from None
            cause = plain(_root_cause(error))
            if answered:
                raise StoreError(f"{url}: the answer cannot be read: {cause}") from None
            raise StoreAwayError(f"{url}: cannot be reached{self._via()}: {cause}") from None

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
            if fresh:
                raise
            self._hosts[host].clear()
            return ask()


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
    sent = make_headers(proxy_basic_auth=password) if password else None
    return urllib3.ProxyManager(proxy, proxy_headers=sent, **options)


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
