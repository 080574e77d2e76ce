"""Read the held texts, and compare them with their rows in `sources`."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
from collections import Counter, defaultdict
from collections.abc import Container, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from gazadata import sniff
from gazadata.contract import inside
from gazadata.errors import ContractError
from gazadata.text import malformed
from gazadata.validate.diagnostics import LONGEST, Diagnostic, Report
from gazadata.validate.rules import rule
from gazadata.validate.tables import LINE, MASKED, Tables

_TEXTS_PER_CHUNK = 1_000

_FILLED = ("text_path", "text_sha256", "text_length")
"""The cells that every held source fills, and no other one."""

_HELD = {"source_id": pl.String, "__text": pl.String}

_OF_TEXT = ("source_id", "held", *_FILLED)

_PLAIN = re.compile("raw/[A-Za-z0-9][A-Za-z0-9._-]*")


rule(
    "GD301",
    title="source text is missing or malformed",
    reason=(
        "Offsets are counted in this text, so it must be UTF-8 and NFC, with line feeds and "
        "without hidden characters."
    ),
    example="raw/ without the file named in `text_path`",
    remedy=(
        "Restore the exact file; never edit raw/. In a new text, remove hidden characters before "
        "coding it."
    ),
    unit="texts",
)
rule(
    "GD302",
    title="source text differs from its recorded hash or length",
    reason="One changed character moves every offset after it.",
    example="one comma removed from the article",
    remedy=(
        "Restore the file from version control. If the text is new, empty `text_sha256` and "
        "`text_length` and run `gazadata fmt`."
    ),
    unit="texts",
)
rule(
    "GD303",
    title="`held` disagrees with `text_path`, `text_sha256` or `text_length`",
    reason="Only a held text can prove a quote.",
    example="`held` is false, but `text_path` is filled",
    remedy=(
        "For a held source, fill in `text_path` and run `gazadata fmt`; otherwise empty all three."
    ),
    unit="sources",
)


def read_texts(
    root: Path, tables: Tables, report: Report, limit: int, *, with_texts: bool
) -> pl.LazyFrame:
    """Read every held text, and compare it with its row.

    Returns:
        A frame of source_id and `__text`, for the texts that can be read.
    """
    findings = _Findings(tables, report, limit)
    masks = (f"{MASKED}{field}" for field in findings.masked)
    rows = (
        tables.strings("sources")
        .select(LINE, *_OF_TEXT, *masks, own=tables.is_own("sources"))
        .collect()
    )
    held: list[tuple[str, str]] = []
    chunks = [pl.DataFrame(schema=_HELD)]
    linked = (root / "raw").is_symlink()
    named: set[str] = set()
    read: set[str] = set()
    for row in rows.iter_rows(named=True):
        if row["text_path"]:
            # Normalized, as other spellings are reported by another rule.
            named.add(os.path.normpath(row["text_path"]))
        contradiction = _contradiction(row)
        if contradiction:
            findings.add("GD303", row, *contradiction)
        # A `held` that is neither true nor false is reported by another rule; the text is still
        # read if possible.
        if not all(row[at] for at in _FILLED):
            if contradiction and contradiction.field != "held":
                tables.textless.add(row["text_sha256"])
            continue
        if not row["own"]:
            continue
        report.count("GD301", 1)
        text = None
        if with_texts:
            text = _checked(root, row, findings, linked=linked)
        elif not linked:  # A link to outside the package, which is reported.
            _released(row, findings)
        # A row that occurs twice is reported by another rule.
        if text is None or row["source_id"] in read:
            continue
        read.add(row["source_id"])
        held.append((row["source_id"], text))
        if len(held) == _TEXTS_PER_CHUNK:
            chunks.append(pl.DataFrame(held, _HELD, orient="row"))
            held = []
    chunks.append(pl.DataFrame(held, _HELD, orient="row"))
    findings.mask()
    report.count("GD303", int(rows["own"].sum()))
    if with_texts:
        _unnamed(root, named, tables.textless, report, limit)
    return pl.concat(chunks).lazy()


class _Findings:
    """Reports the cells of sources that disagree with their texts, and masks them."""

    def __init__(self, tables: Tables, report: Report, limit: int) -> None:
        self.masked = tuple(tables.masks.get("sources", ()))
        self.tables, self.report, self._limit = tables, report, limit
        self._found: Counter[str] = Counter()
        self._wrong: defaultdict[str, list[int]] = defaultdict(list)

    def add(
        self, code: str, row: dict[str, Any], field: str, found: str, expected: str, **more: Any
    ) -> None:
        """Report a cell, unless it has a finding already."""
        # If `held` has a finding, its disagreement with other cells follows from that.
        reads = (field, "held") if code == "GD303" else (field,)
        if any(row[f"{MASKED}{at}"] for at in reads if at in self.masked):
            return
        if more.get("severity") != "warning":
            self._wrong[field].append(row[LINE])
        if not row["own"]:
            return
        self.report.count(code, 0, 1)
        self._found[code] += 1
        if self._found[code] > self._limit:
            return
        one = Diagnostic.of(
            code,
            self.tables.shown("sources"),
            row[LINE],
            resource="sources",
            row_id=row["source_id"],
            field=field,
            found=found[:LONGEST],
            expected=expected,
            **more,
        )
        self.report.keep([one])

    def mask(self) -> None:
        """Mask the reported cells."""
        for field, lines in self._wrong.items():
            self.tables.mask("sources", field, pl.Series(lines, dtype=pl.UInt32))


def _released(row: dict[str, Any], findings: _Findings) -> None:
    """Warn that a release contains no texts: that is not an error, but no quote was checked."""
    findings.add(
        "GD301",
        row,
        "text_path",
        f"no folder raw/ with {row['text_path']}",
        "the text; without it, quotes and passages are not checked",
        severity="warning",
    )


def _checked(root: Path, row: dict[str, Any], findings: _Findings, *, linked: bool) -> str | None:
    """The text of a source, compared with its row; None if the row is about another text.

    `linked`: whether the folder raw/ is a link.
    """
    path, remedy = row["text_path"], None
    raw, text, unread, expected = b"", "", "", "a text in UTF-8"
    try:
        raw = _bytes(root, path, linked=linked)
        text = raw.decode("utf-8")
    except (OSError, UnicodeDecodeError, ContractError) as error:
        unread = (error.strerror if isinstance(error, OSError) else None) or str(error)
        other = sniff.content(raw) if raw else sniff.absent(root / path)
    else:
        digest = hashlib.sha256(raw).hexdigest()
        other = sniff.content(raw) if digest != row["text_sha256"] else None
        expected = "the text itself"
    if other:
        unread, remedy = other.what, other.remedy
    if unread:
        findings.add("GD301", row, "text_path", f"{path}: {unread}", expected, help=remedy)
        findings.tables.textless.add(row["text_sha256"])
        return None
    # Otherwise hidden characters would get into the prefixes of quotes, where none may be.
    if altered := malformed(text):
        asked = "NFC with line feeds, without hidden characters"
        findings.add("GD301", row, "text_path", f"{path}: {altered}", asked)
    findings.report.count("GD302", 1)
    length = str(len(text))
    # A text saved in another form has another hash anyway.
    if digest != row["text_sha256"] and not altered:
        findings.add("GD302", row, "text_sha256", digest, row["text_sha256"])
    if length == row["text_length"]:
        return text
    if digest == row["text_sha256"]:
        findings.add("GD302", row, "text_length", length, row["text_length"])
        return text
    return None  # Against another text, every offset would be reported.


class _Contradiction(NamedTuple):
    """The cell that disagrees with `held`, what it holds, and what it should hold."""

    field: str
    found: str
    expected: str


def _contradiction(row: dict[str, str]) -> _Contradiction | None:
    filled = [at for at in _FILLED if row[at]]
    whole = len(filled) == len(_FILLED)
    if row["held"] == "false" and whole:
        return _Contradiction("held", "false", "true, or no path, hash or length")
    if row["held"] == "false" and filled:
        return _Contradiction(
            filled[0], row[filled[0]], "an empty cell, because the source is not held"
        )
    if row["held"] == "true" and not filled:
        return _Contradiction("held", "true", "false, or a path, a hash and a length")
    if row["held"] == "true" and not whole:
        empty = next(at for at in _FILLED if not row[at])
        return _Contradiction(empty, "", "a value, because the source is held")
    return None


def _bytes(root: Path, path: str, *, linked: bool) -> bytes:
    """Read a file of the package; `linked`: whether its folder raw/ is a link.

    Raises:
        OSError: it is missing or cannot be read.
        ContractError: the path is outside the package.
    """
    # A plain file in a plain folder need not be resolved, which costs as much as reading it.
    plain, file = False, f"{root}/{path}"
    if not linked and _PLAIN.fullmatch(path):
        with suppress(OSError):
            plain = stat.S_ISREG(os.lstat(file).st_mode)
    # A pipe or device could block forever.
    if not plain and not inside(root, path).is_file():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    with open(file, "rb") as text:
        return text.read()


def _unnamed(root: Path, named: set[str], unread: set[str], report: Report, limit: int) -> None:
    """Report the texts in raw/ that no source names.

    `unread` has the recorded hashes of the texts that could not be read.
    """
    there = sorted(name for name in os.listdir(root / "raw") if not name.startswith("."))
    left = [f"raw/{name}" for name in there if f"raw/{name}" not in named]
    report.count("GD304", len(there) - len(left))
    digests = (_digest(root / path) if unread else "" for path in left)
    unnamed(zip(left, digests, strict=True), unread, report, limit)


rule(
    "GD304",
    title="file in raw/ belongs to no held source",
    reason="Nobody would notice that this text is not coded.",
    example="raw/second.txt without a row in `sources`",
    remedy="Add the source and code its text, or remove the file from raw/.",
    unit="texts",
)


def unnamed(
    left: Iterable[tuple[str, str]], unread: Container[str], report: Report, limit: int
) -> None:
    """Report texts that no source names, by path and hash.

    A text whose hash is in `unread` belongs to a source with a wrong path, which is reported.
    """
    number = 0
    for path, digest in left:
        if digest in unread:
            continue
        number += 1
        if number > limit:
            continue
        one = Diagnostic.of(
            "GD304",
            path,
            found="a text that no held source names",
            expected="a row in sources with this text_path",
        )
        report.keep([one])
    report.count("GD304", number, number)


def _digest(path: Path) -> str:
    if not path.is_file():
        return ""  # A pipe could block forever.
    with suppress(OSError), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
    return ""
