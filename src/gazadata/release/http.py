"""A store on a web server. requests finds the proxies, passwords and certificates."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote, urljoin, urlsplit

from gazadata.errors import MissingExtra, StoreAwayError, StoreError
from gazadata.release.files import CHUNK, plain

if TYPE_CHECKING:
    import requests


T = TypeVar("T")

TIMEOUT = 30.0
"""Seconds to wait for a silent store; GAZADATA_TIMEOUT overrides it."""

SLOWEST = 10_000
"""The slowest acceptable speed in bytes a second, after the first `TIMEOUT` seconds."""

REDIRECTS = 5


class HttpSource:
    """A store on a web server, read over one connection that stays open."""

    def __init__(self, name: str) -> None:
        self.name = self.key = name
        self.timeout = _timeout()
        self._session: requests.Session | None = None

    def where(self, path: str) -> str:
        """The URL of a file."""
        return f"{self.name}/{quote(path)}"

    def read(self, path: str) -> Generator[bytes]:
        """The bytes of a file, as they arrive; see `Source.read`.

        Raises:
            StoreError: the server does not have it, or cannot be reached.
            MissingExtra: the extra `store` is not installed.
        """
        try:
            import requests
            import urllib3
        except ImportError as error:
            raise MissingExtra(str(error.name), "store") from None
        url = self.where(path)
        response: requests.Response | None = None
        try:
            response = _within(self.timeout, partial(self._get, url))
            if response.status_code != 200:
                reason = plain(response.reason)
                raise StoreError(f"{url}: HTTP {response.status_code} {reason}")
            until = time.monotonic() + self.timeout
            # read1 returns what has arrived.
            arrived = partial(response.raw.read1, CHUNK, decode_content=True)
            while chunk := _within(until - time.monotonic(), arrived):
                yield chunk
                until += len(chunk) / SLOWEST
        except (TimeoutError, requests.Timeout, urllib3.exceptions.TimeoutError):
            # The abandoned thread may still use them.
            late, self._session, response = response, None, None
            if late is None:
                raise StoreAwayError(
                    f"{url}: no response within {self.timeout:g} seconds"
                ) from None
            raise StoreError(
                f"{url}: slower than {SLOWEST / 1000:g} kB a second; try again later, or use "
                "another store"
            ) from None
        except ValueError as error:
            # The URL of the store, of a redirect, or of a proxy.
            raise StoreError(f"{url}: invalid URL: {plain(str(error))}") from None
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            cause = plain(_root_cause(error))
            if response is not None:
                raise StoreError(f"{url}: the response cannot be read: {cause}") from None
            raise StoreAwayError(f"{url}: cannot be reached{_via(url)}: {cause}") from None
        finally:
            if response is not None:
                response.close()

    def close(self) -> None:
        """Close the connections; the next read opens new ones."""
        if self._session:
            self._session.close()
        self._session = None

    def _get(self, url: str) -> requests.Response:
        """Follow redirects without reading their bodies, which may never end."""
        import requests

        self._session = self._session or _session()
        session, asked = self._session, url
        for _ in range(REDIRECTS + 1):
            response = session.get(
                asked, stream=True, allow_redirects=False, timeout=self.timeout, auth=_auth(asked)
            )
            location = requests.Session.get_redirect_target(session, response)
            if location is None:
                return response
            response.close()
            before, asked = asked, urljoin(asked, location)
            to = urlsplit(asked)
            if to.scheme not in ("https", urlsplit(before).scheme):
                # Without any password in the URL.
                named = plain(f"{to.scheme}://{to.hostname or ''}{to.path}")
                raise StoreError(
                    f"{url}: redirect to {named} not followed, because it is not https"
                )
        raise StoreError(f"{url}: more than {REDIRECTS} redirects")


def _session() -> requests.Session:
    import requests
    from requests.adapters import HTTPAdapter

    session = requests.Session()
    # A server closes idle connections without notice.
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(max_retries=1))
    # Uncompressed, since bytes are counted; and not from a proxy's cache, whose index may be old.
    headers = {"Accept-Encoding": "identity", "Cache-Control": "no-cache", "User-Agent": "gazadata"}
    session.headers.update(headers)
    # Otherwise requests reads the whole body of a redirect, even if it does not follow it.
    session.get_redirect_target = lambda resp: None  # type: ignore[method-assign]
    return session


def _within(seconds: float, call: Callable[[], T]) -> T:
    """Make a call in a thread, which is abandoned if it takes longer.

    A socket's time-out limits only the silence between two bytes, and a server can send a header,
    or the marks between chunks, one byte at a time for ever.

    Raises:
        TimeoutError: the call took longer.
    """
    done: Future[T] = Future()

    def run() -> None:
        try:
            done.set_result(call())
        except BaseException as error:
            done.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return done.result(max(seconds, 0))


def _auth(url: str) -> Callable[[requests.PreparedRequest], requests.PreparedRequest]:
    """The password in netrc, in UTF-8 (RFC 7617); requests would send it in Latin-1."""
    from requests.auth import HTTPBasicAuth
    from requests.utils import get_netrc_auth

    with suppress(UnicodeDecodeError):
        if found := get_netrc_auth(url):
            login, password = (part.encode("utf-8") for part in found)
            return HTTPBasicAuth(login, password)
    return lambda request: request


def _via(url: str) -> str:
    """The proxy used, without its password."""
    from requests.utils import get_environ_proxies, select_proxy

    proxy = select_proxy(url, get_environ_proxies(url))
    if not proxy:
        return ""
    address = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    return f" through {address.scheme}://{address.netloc.rpartition('@')[2]}"


def _root_cause(error: BaseException) -> str:
    """The operating system's message, from inside nested exceptions."""
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
