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
    """A descriptor or a schema that cannot be read as a contract.

    Attributes:
        found: what is wrong.
        expected: what is expected instead; empty where `found` says it.
        file: the JSON file at fault, by its path in the package; empty where it is none.
        at: the way to the value at fault in that file; None where the file is not strict JSON.
        line: the line of what is not strict JSON, from 1; None where it has none.
        column: its column, from 1, as for `line`.
    """

    def __init__(
        self,
        found: str,
        *,
        expected: str = "",
        file: str = "",
        at: tuple[str | int, ...] | None = None,
        line: int | None = None,
        column: int | None = None,
    ) -> None:
        self.found, self.expected, self.file, self.at = found, expected, file, at
        self.line, self.column = line, column
        place = ":".join(str(part) for part in (file, line, column) if part)
        more = f"; expected {expected}" if at is not None and expected else ""
        super().__init__(f"{place}: {found}{more}" if place else f"{found}{more}")


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

        near = difflib.get_close_matches(str(name), known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known[:40])}"
        self.message = f"no {kind} {name!r}; {hint}"
        super().__init__(self.message)

    def __str__(self) -> str:
        return self.message
