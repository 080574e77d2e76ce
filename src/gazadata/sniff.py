"""Recognise what is in a file's place, so that the error can name it and the remedy.

Versioning tools leave pointers, links and conflict markers; servers, web pages; spreadsheets,
workbooks and other delimiters.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

MARKERS = ("<<<<<<<", "|||||||", "=======", ">>>>>>>")
"""The beginnings of the lines that Git puts around two versions that it could not merge."""

_HEAD = 4096
_MARKUP = re.compile(rb"\s*<(!doctype\s+html|html|head|body)\b", re.IGNORECASE)
_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}


class Other(NamedTuple):
    """What is in a file's place."""

    what: str
    remedy: str
    line: int = 1

    def __str__(self) -> str:
        return f"{self.what}; {self.remedy[0].lower()}{self.remedy[1:].rstrip('.')}"


CONFLICT = Other(
    "a merge conflict", "Keep the right lines of the two versions, and delete the markers."
)

_SIGNATURES: tuple[tuple[bytes, Other], ...] = (
    (
        b"version https://git-lfs.github.com/spec/",
        Other("a Git LFS pointer", "Fetch the file that it points to: run `git lfs pull`."),
    ),
    (
        b"/annex/objects/",
        Other("a git-annex pointer", "Fetch the file that it points to: run `git annex get`."),
    ),
    (b"PAR1", Other("a Parquet file", "Save it as CSV, or rename it to end in .parquet.")),
    (b"\x1f\x8b", Other("a gzip archive", "Unpack it.")),
    (b"\xd0\xcf\x11\xe0", Other("an Excel workbook", "Save the sheet as CSV in UTF-8.")),
    (b"%PDF-", Other("a PDF document", "Put the file itself there, as text.")),
    (b"\xff\xfe", Other("text in UTF-16", "Save the file as UTF-8.")),
    (b"\xfe\xff", Other("text in UTF-16", "Save the file as UTF-8.")),
)
_WORKBOOK = Other("a workbook", "Save the sheet as CSV in UTF-8.")
_ZIP = Other("a zip archive", "Unpack it.")
_PAGE = Other(
    "a web page",
    "Download the file itself: the server sent a page, perhaps a sign-in or error page.",
)


def content(head: bytes) -> Other | None:
    """What a file is instead, judging by `head`, its beginning or all of it."""
    for signature, other in _SIGNATURES:
        if head.startswith(signature):
            return other
    if head.startswith(b"PK\x03\x04"):
        office = b"[Content_Types].xml" in head or b"opendocument.spreadsheet" in head
        return _WORKBOOK if office else _ZIP
    if _MARKUP.match(head.removeprefix(b"\xef\xbb\xbf")):
        return _PAGE
    return conflict(head.splitlines())


def conflict(lines: Iterable[bytes]) -> Other | None:
    """The first merge conflict among lines, which begins with `<<<<<<< ` and a name."""
    for number, line in enumerate(lines, start=1):
        if line.startswith(b"<<<<<<< "):
            return CONFLICT._replace(line=number)
    return None


def delimiter(header: str, names: Sequence[str]) -> Other | None:
    """What is wrong with a header whose names are right but not separated by commas alone."""
    import csv

    for mark, named in _DELIMITERS.items():
        try:
            cells = next(csv.reader([header], delimiter=mark, strict=True), [])
        except csv.Error:
            continue
        if cells == list(names):
            other = f"{named} between the names" if mark != "," else ""
            quoted = "names in quotation marks" if '"' in header else ""
            if what := " and ".join(filter(None, (other, quoted))):
                return Other(
                    what,
                    "Save the file with commas between cells, and quotation marks only where "
                    "needed.",
                )
    return None


def table(path: Path, names: Sequence[str]) -> Other | None:
    """What is in the place of a table with the columns `names`, if not the table."""
    if not path.is_file():
        return absent(path)
    with suppress(OSError), path.open("rb") as file:
        head = file.read(_HEAD)
        first = head.removeprefix(b"\xef\xbb\xbf").splitlines()[:1]
        header = first[0].decode("utf-8", "replace") if first else ""
        if path.suffix == ".parquet":
            return None if head.startswith(b"PAR1") else content(head)
        other = content(head) or delimiter(header, names)
        # Every reader accepts needless quotation marks.
        if other and other.what != "names in quotation marks":
            return other
        file.seek(0)
        return conflict(file)
    return None


def absent(path: Path) -> Other | None:
    """Why a file is not there, if something else was put in its place."""
    if os.path.lexists(Path(f"{path}.dvc")) and not path.exists():
        return Other("a file that DVC keeps elsewhere", "Fetch it: run `dvc pull`.")
    return link(path)


def link(path: Path) -> Other | None:
    """What a link in a file's place is: one by a versioning tool, or a broken one."""
    if not path.is_symlink():
        return None
    target = os.readlink(path).replace("\\", "/")
    there = path.exists()
    if ".git/annex/objects/" in target:
        remedy = "Put the file itself there: run `git annex unlock`."
        return Other(
            "a link into the store of git-annex",
            remedy if there else "Fetch the file that it points to: run `git annex get`.",
        )
    if ".dvc/cache/" in target or "/files/md5/" in target:
        remedy = "Put the file itself there: run `dvc unprotect`."
        return Other("a link into the cache of DVC", remedy if there else "Run `dvc pull`.")
    return None if there else Other(f"a broken link to {target}", "Restore the file.")
