"""Errors for the person who made the mistake; the command line prints their text alone."""

from __future__ import annotations

import copyreg
from typing import Any


class GazadataError(Exception):
    """Any error that is no defect of gazadata itself; its text says what to do."""

    exit_code = 2
    """What the command line ends with: 2 for wrong use or unreadable input, 1 for findings."""

    def __reduce__(self) -> tuple[Any, ...]:
        # Who loads tables in a pool of processes gets errors back pickled. `__init__` may ask for
        # more than `args`, and a pool waits for ever for an error that it cannot unpickle.
        return copyreg.__newobj__, (type(self), *self.args), self.__dict__  # type: ignore[attr-defined]


class ContractError(GazadataError):
    """A descriptor or a schema that cannot be read as a contract."""


class ReadError(GazadataError):
    """A package, a table or a text that is missing or cannot be read."""


class MissingExtra(GazadataError):  # noqa: N818
    """A package that only an extra installs is not there."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"{package} is not installed; run: pip install 'gazadata[{extra}]'")


class UnknownName(GazadataError, KeyError):  # noqa: N818
    """A resource, field, row or term that is not there; the text names what comes nearest."""

    def __init__(self, kind: str, name: object, known: list[str]) -> None:
        import difflib

        # Another case is no other name.
        folded = {one.casefold(): one for one in reversed(known)}
        near = difflib.get_close_matches(str(name).casefold(), folded, n=1, cutoff=0.5)
        there = ", ".join(known[:40])
        hint = f"did you mean {folded[near[0]]!r}?" if near else f"there are: {there}"
        self.message = f"no {kind} {name!r}; {hint}"
        super().__init__(self.message)

    def __str__(self) -> str:
        return self.message


class ReleaseError(GazadataError):
    """A release that cannot be built, or differs from what it claims to be."""


class FaultsError(ReleaseError):
    """What was checked has faults; the text lists them."""

    exit_code = 1


class StoreError(GazadataError):
    """A store, or a release in it, that cannot be used as it is."""


class StoreAwayError(StoreError):
    """A store that does not answer."""


class LaterFormatError(StoreError):
    """A file that a newer gazadata wrote, and this one cannot judge."""


class CacheError(GazadataError):
    """A cache that cannot be written."""


class LockError(GazadataError):
    """A gazadata.lock that cannot be read, or that contradicts this installation."""
