"""The canonical form of a package's files: the same content has the same bytes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from gazadata import retired
from gazadata.atomic import part_of, sync
from gazadata.curate.codebook import BEGIN, codebook
from gazadata.curate.derive import Problem, derive
from gazadata.curate.tables import read_bytes, read_table
from gazadata.errors import GazadataError
from gazadata.package import Package
from gazadata.text import clean


@dataclass(frozen=True)
class Formatting:
    """What to write, and what a person has to decide.

    `files` holds the canonical bytes of the files that are not in canonical form, and `read` the
    bytes of all files that were read.
    """

    files: dict[Path, bytes]
    problems: list[Problem]
    read: dict[Path, bytes] = field(default_factory=dict, compare=False, repr=False)


def canonical_csv(
    header: Sequence[str], rows: Iterable[Sequence[str]], key: str | None = None
) -> bytes:
    """Write a table in canonical form.

    UTF-8 without a byte order mark, NFC, LF, rows in code-point order of the key (and of the
    whole row where keys are equal), quotes only around cells with a comma, a quote or a line
    feed. Values do not change otherwise: `1`, `01` and `TRUE` stay as they are.

    Args:
        header: the field names.
        rows: one cell per field; '' is null.
        key: the primary key's name; None: the first field.

    Raises:
        ValueError: a row has more or fewer cells than the header, or `key` is not in it; or, as
            UnicodeEncodeError, a cell holds half of a surrogate pair.
    """
    column = header.index(key) if key is not None else 0
    cleaned = [[clean(cell) for cell in row] for row in rows]
    if any(len(row) != len(header) for row in cleaned):
        raise ValueError(f"each row must have {len(header)} cells, like the header")
    cleaned.sort(key=lambda row: (row[column], row))
    return "".join(map(record, [list(map(clean, header)), *cleaned])).encode("utf-8")


def canonical_retired(rows: Iterable[retired.Retired]) -> bytes:
    """The retired identifiers, as `canonical_csv` writes a table."""
    return canonical_csv(retired.COLUMNS, [row.cells for row in rows])


def format_package(package: Package) -> Formatting:
    """Bring a package's tables and its generated codebook into canonical form.

    This includes the retired identifiers. Columns are put in the schema's order, and what can be
    derived is filled in (see `gazadata.curate.derive.derive`). Nothing is written.

    Raises:
        ReadError: a file is missing or does not match the contract; the text names the line.
        ContractError: a path is outside the package.
    """
    tables = {
        name: read_table(package.path(name), resource)
        for name, resource in package.contract.resources.items()
    }
    problems = derive(package.root, tables)
    files = {}
    known = {table.path: table.content for table in tables.values()}
    for table in tables.values():
        problems += (
            Problem.of(table, row, f"{name} has a line break; write the cell on one line")
            for row in table.rows
            for name, cell in row.cells.items()
            if "\n" in cell
        )
        names = table.resource.field_names
        rows = [[row.cells[name] for name in names] for row in table.rows]
        content = canonical_csv(names, rows, table.resource.key)
        if content != table.content:
            files[table.path] = content
    if retired_file := package.retired_file():
        known[retired_file] = read_bytes(retired_file)
        content = canonical_retired(retired.read(package))
        if content != known[retired_file]:
            files[retired_file] = content
    path = package.root / "docs" / "codebook.md"
    old = read_bytes(path) if path.exists() else b""
    new = codebook(package.contract).encode("utf-8")
    if old.startswith(BEGIN.encode("utf-8")) and old != new:
        files[path] = new
        known[path] = old
    return Formatting(files, problems, known)


def write(formatting: Formatting) -> None:
    """Write the files of `formatting`: all beside their targets first, then rename them.

    Neither a crash nor a full disk leaves a half-written file. Of two commands that write at once,
    the second is refused, since what it read has changed.

    Raises:
        GazadataError: a file cannot be written, or has changed since it was read; the text names
            it.
    """
    if not formatting.files:
        return
    with ExitStack() as locks:
        for folder in sorted({path.resolve().parent for path in formatting.read}):
            locks.enter_context(_locked(folder))
        _replace(formatting)


def _replace(formatting: Formatting) -> None:
    beside: dict[Path, Path] = {}
    try:
        for path, content in formatting.files.items():
            # Renaming onto a link would replace the link.
            target = path.resolve()
            beside[target] = part_of(target)
            beside[target].write_bytes(content)
            sync(beside[target])
            beside[target].chmod(target.stat().st_mode & 0o777)
        for path, content in formatting.read.items():
            if path.read_bytes() != content:
                raise GazadataError(
                    f"{path}: changed while this command ran, so nothing was written; run it again"
                )
        for path, temporary in beside.items():
            os.replace(temporary, path)
    except OSError as error:
        raise GazadataError(f"{path}: cannot be written: {error.strerror}") from None
    finally:
        for temporary in beside.values():
            with suppress(OSError):
                temporary.unlink()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Wait until no other command writes to a folder, if the system can lock folders."""
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        # Some file systems have no locks.
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def record(cells: Sequence[str]) -> str:
    """A row in canonical form, with its line feed."""
    # A record of one empty cell would be a blank line, which readers skip.
    record = ",".join(map(quoted, cells)) or '""'
    return f"{record}\n"


def quoted(cell: str) -> str:
    """A cell as it is written, in quotation marks if it needs them."""
    if any(character in cell for character in ',"\n'):
        return '"' + cell.replace('"', '""') + '"'
    return cell
