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
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from gazadata import sniff
from gazadata.contract import inside
from gazadata.errors import ContractError
from gazadata.text import malformed
from gazadata.validate.diagnostics import LONGEST, Diagnostic, Report
from gazadata.validate.rules import rule
from gazadata.validate.tables import LINE, MASKED, Tables

_TEXTS_A_CHUNK = 1_000

_OF_TEXT = ("source_id", "held", "text_path", "text_sha256", "text_length")

_PLAIN = re.compile("raw/[A-Za-z0-9][A-Za-z0-9._-]*")


rule(
    "GD301",
    title="source text is missing or malformed",
    reason=(
        "Offsets are counted in this text, so it must be UTF-8 and NFC, with line feeds and "
        "without hidden characters."
    ),
    example="raw/ without the file named in text_path",
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
        "Restore the file from version control. If the text is new, empty text_sha256 and "
        "text_length and run `gazadata fmt`."
    ),
    unit="texts",
)
rule(
    "GD303",
    title="held disagrees with text_path, text_sha256 or text_length",
    reason="Only a held text can prove a quote.",
    example="held is false, but text_path is filled",
    remedy=(
        "For a held source, fill in text_path and run `gazadata fmt`; otherwise empty all three."
    ),
    unit="sources",
)


def texts(  # noqa: PLR0912, PLR0915
    root: Path, tables: Tables, report: Report, limit: int, *, with_texts: bool
) -> pl.LazyFrame:
    """Read every held text, and compare it with its row.

    Returns:
        A frame of source_id and text, for the texts that can be read.
    """
    masks = {field: f"{MASKED}{field}" for field in tables.masks.get("sources", ())}
    rows = (
        tables.strings("sources")
        .select(LINE, *_OF_TEXT, *masks.values(), own=tables.asked("sources"))
        .collect()
    )
    path = tables.shown("sources")
    found: Counter[str] = Counter()
    wrong: defaultdict[str, list[int]] = defaultdict(list)

    def finding(
        code: str, row: dict[str, str], field: str, found_: str, expected: str, **more: Any
    ) -> None:
        # If `held` has a finding, its disagreement with other cells follows from that.
        reads = (field, "held") if code == "GD303" else (field,)
        if any(row[masks[at]] for at in reads if at in masks):
            return
        if more.get("severity") != "warning":
            wrong[field].append(int(row[LINE]))
        if not row["own"]:
            return
        report.count(code, 0, 1)
        found[code] += 1
        if found[code] > limit:
            return
        one = Diagnostic.of(
            code,
            path,
            int(row[LINE]),
            resource="sources",
            row_id=row["source_id"],
            field=field,
            found=found_[:LONGEST],
            expected=expected,
        )
        report.keep([replace(one, **more)])

    chunks: list[pl.DataFrame] = []
    keys: list[str] = []
    values: list[str] = []
    checked = {"GD301": 0, "GD302": 0}
    linked = (root / "raw").is_symlink()
    named: set[str] = set()
    read: set[str] = set()
    unread = tables.textless
    for row in rows.iter_rows(named=True):
        of_text = [row["text_path"], row["text_sha256"], row["text_length"]]
        if row["text_path"]:
            # Normalized, as other spellings are reported by another rule.
            named.add(os.path.normpath(row["text_path"]))
        if row["held"] == "false" and all(of_text):
            finding("GD303", row, "held", "false", "true, or no path, hash or length")
        # Neither true nor false is reported by another rule; the text is still read if possible.
        elif row["held"] != "true" and not all(of_text):
            if row["held"] == "false" and any(of_text):
                at = next(field for field in _OF_TEXT[2:] if row[field])
                nothing = "nothing, as the source is not held"
                finding("GD303", row, at, row[at], nothing)
                unread.add(row["text_sha256"])
            continue
        elif not any(of_text):
            finding("GD303", row, "held", "true", "false, or a path, a hash and a length")
            continue
        elif not all(of_text):
            at = next(field for field in _OF_TEXT[2:] if not row[field])
            finding("GD303", row, at, "", "a value, as the source is held")
            unread.add(row["text_sha256"])
            continue
        if not row["own"]:
            continue
        checked["GD301"] += 1
        if not with_texts and linked:
            continue  # The link leads out of the package, which is reported.
        if not with_texts:
            # A release contains no texts. That is not an error, but no quote was checked.
            finding(
                "GD301",
                row,
                "text_path",
                f"no folder raw/ with {row['text_path']}",
                "the text, to compare quotes and passages with",
                severity="warning",
            )
            continue
        try:
            raw = _bytes(root, row["text_path"], linked=linked)
            text = raw.decode("utf-8")
        except (OSError, UnicodeDecodeError, ContractError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            file = root / row["text_path"]
            undecoded = isinstance(error, UnicodeDecodeError)
            other = sniff.content(raw) if undecoded else sniff.absent(file)
            reason, more = (other.what, {"help": other.remedy}) if other else (reason, {})
            said = f"{row['text_path']}: {reason}"
            finding("GD301", row, "text_path", said, "a text in UTF-8", **more)
            unread.add(row["text_sha256"])
            continue
        digest, length = hashlib.sha256(raw).hexdigest(), str(len(text))
        if digest != row["text_sha256"] and (other := sniff.content(raw)):
            said = f"{row['text_path']}: {other.what}"
            finding("GD301", row, "text_path", said, "the text itself", help=other.remedy)
            unread.add(row["text_sha256"])
            continue
        # Otherwise a quote's prefix could hold a hidden character, which no cell may.
        if altered := malformed(text):
            asked = "NFC with line feeds, without hidden characters"
            finding("GD301", row, "text_path", f"{row['text_path']}: {altered}", asked)
        checked["GD302"] += 1
        if digest != row["text_sha256"]:
            if not altered:  # A text saved in another form has another hash anyway.
                finding("GD302", row, "text_sha256", digest, row["text_sha256"])
            if length != row["text_length"]:
                continue  # Against another text, every offset would be reported.
        elif length != row["text_length"]:
            finding("GD302", row, "text_length", length, row["text_length"])
        if row["source_id"] in read:
            continue  # Its row occurs twice, which is reported.
        read.add(row["source_id"])
        keys.append(row["source_id"])
        values.append(text)
        if len(keys) == _TEXTS_A_CHUNK:
            chunks.append(_chunk(keys, values))
            keys, values = [], []
    chunks.append(_chunk(keys, values))
    for field, lines in wrong.items():
        tables.mask("sources", field, pl.Series(lines, dtype=pl.UInt32))
    report.count("GD303", int(rows["own"].sum()))
    for code, n in checked.items():
        report.count(code, n)
    if with_texts:
        _unnamed(root, named, unread, report, limit)
    return pl.concat(chunks).lazy()


def _bytes(root: Path, path: str, *, linked: bool) -> bytes:
    """Read a file of the package; `linked`: whether its folder raw/ is a link.

    Raises:
        OSError: it is missing or cannot be read.
        ContractError: the path leads out of the package.
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
    example="raw/second.txt without a row in sources",
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


def _chunk(keys: list[str], values: list[str]) -> pl.DataFrame:
    return pl.DataFrame(
        {"source_id": keys, "__text": values},
        schema={"source_id": pl.String, "__text": pl.String},
    )
