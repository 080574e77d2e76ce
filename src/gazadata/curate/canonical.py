"""The canonical form of a table's file: the same content has the same bytes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gazadata import retired
from gazadata.text import clean


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
    return "".join(map(csv_line, [list(map(clean, header)), *cleaned])).encode("utf-8")


def canonical_retired(rows: Iterable[retired.Retired]) -> bytes:
    """The retired identifiers, as `canonical_csv` writes a table."""
    return canonical_csv(retired.COLUMNS, [row.cells for row in rows])


def csv_line(cells: Sequence[str]) -> str:
    """A row in canonical form, with its line feed."""
    # A record of one empty cell would be a blank line, which readers skip.
    line = ",".join(map(quoted, cells)) or '""'
    return f"{line}\n"


def quoted(cell: str) -> str:
    """A cell as it is written, in quotation marks if it needs them."""
    if any(character in cell for character in ',"\n'):
        return '"' + cell.replace('"', '""') + '"'
    return cell
