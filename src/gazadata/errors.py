"""Errors for the person who made the mistake; the command line prints only their text."""

from __future__ import annotations

import copyreg
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from gazadata.curate.marked import Mistake


class GazadataError(Exception):
    """Any error that is not a bug in gazadata itself; its text says what to do."""

    exit_code = 2
    """The command's exit code: 1 for findings, 2 for a usage error or unreadable input."""

    def __reduce__(self) -> tuple[Any, ...]:
        # A process pool pickles errors, and hangs on one that it cannot unpickle, such as one whose
        # `__init__` needs more than `args`.
        return copyreg.__newobj__, (type(self), *self.args), self.__dict__  # type: ignore[attr-defined]


class ContractError(GazadataError):
    """A descriptor or a schema that cannot be read as a contract.

    Attributes:
        found: what is wrong.
        expected: what is expected instead; empty if `found` implies it.
        remedy: what to do; empty if `expected` implies it.
        file: the path in the package of the JSON file at fault; empty if there is none.
        at: the path to the wrong value in that file; None if the file is not strict JSON.
        line: the line, from 1, of what is not strict JSON; None if it is.
        column: its column, from 1, as for `line`.
    """

    def __init__(
        self,
        found: str,
        *,
        expected: str = "",
        remedy: str = "",
        file: str = "",
        at: tuple[str | int, ...] | None = None,
        line: int | None = None,
        column: int | None = None,
    ) -> None:
        self.found, self.expected, self.remedy = found, expected, remedy
        self.file, self.at, self.line, self.column = file, at, line, column
        place = ":".join(str(part) for part in (file, line, column) if part)
        more = f"; expected {expected}" if at is not None and expected else ""
        if remedy:
            found, more = f"found {found}", f"; {remedy[0].lower()}{remedy[1:].rstrip('.')}"
        super().__init__(f"{place}: {found}{more}" if place else f"{found}{more}")


class ReadError(GazadataError):
    """A package, a table or a text that is missing or cannot be read."""


class LineError(ReadError):
    """A line of a file that cannot be read; `line` counts from 1."""

    def __init__(self, path: Path, line: int, found: str, expected: str = "") -> None:
        self.line, self.found, self.expected = line, found, expected
        super().__init__(f"{path}:{line}: {found}" + (f", expected {expected}" if expected else ""))


class WrongSheet(GazadataError):  # noqa: N818
    """A file with mistakes; the text lists them by line and column."""

    exit_code = 1

    def __init__(self, path: Path, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = sorted(set(mistakes))
        super().__init__(
            f"{len(self.mistakes)} mistake{'s' * (len(self.mistakes) != 1)}; nothing was written\n"
            + "\n".join(
                f"{path}:{one.mark.line}:{one.mark.column}: {one.message}" for one in self.mistakes
            )
        )


class PageError(GazadataError):
    """A package that no page can be made from."""

    exit_code = 1


class PieceError(GazadataError):
    """A piece (Spark) that failed every time it was tried; the text names its articles."""


class MissingExtra(GazadataError):  # noqa: N818
    """A missing package that only an extra installs."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"{package} is not installed; run: pip install 'gazadata[{extra}]'")


@contextmanager
def extra(package: str, name: str) -> Iterator[None]:
    """Imports of a package that only the extra `name` installs.

    Raises:
        MissingExtra: one fails.
    """
    try:
        yield
    except ImportError:
        raise MissingExtra(package, name) from None


class UnknownName(GazadataError, KeyError):  # noqa: N818
    """A table, field, row or term that does not exist; the text suggests the nearest one."""

    def __init__(self, kind: str, name: object, known: list[str], where: str = "") -> None:
        import difflib

        # Names that differ only in case are the same.
        folded = {one.casefold(): one for one in reversed(known)}
        near = difflib.get_close_matches(str(name).casefold(), folded, n=1, cutoff=0.5)
        there = ", ".join(known[:40])
        hint = f"did you mean {folded[near[0]]!r}?" if near else f"choose from: {there}"
        self.message = f"no {kind} {name!r}{where}; {hint}"
        super().__init__(self.message)

    def __str__(self) -> str:
        return self.message


class ReleaseError(GazadataError):
    """A release that cannot be built, or that differs from its manifest."""


class FaultsError(ReleaseError):
    """Faults found by a check; the text lists them."""

    exit_code = 1


class StoreError(GazadataError):
    """A store, or a release in it, that cannot be used as it is."""


class StoreAwayError(StoreError):
    """A store that does not respond."""


class LaterFormatError(StoreError):
    """A file that was written by a newer gazadata, in a format that this one does not know."""


class CacheError(GazadataError):
    """A cache that cannot be written."""


class LockError(GazadataError):
    """A gazadata.lock that cannot be read, or that contradicts this installation."""
