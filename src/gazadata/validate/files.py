"""The files layer: bytes, lines and the header of each table, before anything is made of them."""

from __future__ import annotations

import codecs
import csv
import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

from gazadata.contract import Resource
from gazadata.package import Package
from gazadata.validate.descriptor import known
from gazadata.validate.diagnostics import Diagnostic, Report
from gazadata.validate.rules import RULES
from gazadata.validate.split import column_of

CHUNK = 1 << 22
_HEADER = 1 << 20
_LONGEST = 1 << 24

# Controls, zero-width and bidirectional characters, the byte order mark inside a text, tags,
# variation selectors.
HIDDEN = re.compile(
    "[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5"
    "\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0"
    "\ufff0-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)

_SHOWN = bytes(n for n in range(128) if not HIDDEN.fullmatch(chr(n)))
"""The characters of ASCII that are not hidden."""


def check(package: Package, paths: dict[str, Path], report: Report, limit: int) -> dict[str, Path]:
    """Look at the bytes, the lines and the header of each table.

    Returns:
        Those of the files that can be split into rows of the schema's columns.
    """
    readable = {}
    installed = known(package.contract)
    for name, path in paths.items():
        resource = package.contract[name]
        shown = path.relative_to(package.root).as_posix()
        _sums(path, shown, resource, report)
        if path.suffix != ".parquet":
            whole = check_bytes(path, shown, resource, report, limit)
            # A header as in the installed schema follows from another schema here.
            as_known = installed[name] if installed and name in installed.resources else resource
            if not (check_header(path, shown, resource, report, as_known) and whole):
                continue
        readable[name] = path
    return readable


def _sums(path: Path, shown: str, resource: Resource, report: Report) -> None:
    """Hold a file against the bytes and the hash that the descriptor states, if any."""
    size, digest = resource.descriptor.get("bytes"), resource.descriptor.get("hash")
    report.count("GD007", 1, RULES["GD007"].unit)
    wrong = []
    if size is not None and size != path.stat().st_size:
        wrong.append((f"{path.stat().st_size} bytes", f"{size} bytes"))
    if digest is not None:
        sha256 = hashlib.sha256()
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                sha256.update(chunk)
        if digest != f"sha256:{sha256.hexdigest()}":
            wrong.append((f"sha256:{sha256.hexdigest()}", str(digest)))
    if wrong:
        report.count("GD007", 0, RULES["GD007"].unit, 1)
        found, expected = (", ".join(parts) for parts in zip(*wrong, strict=True))
        report.add([replace(_finding("GD007", shown, resource, 1, found, expected), line=None)])


def check_bytes(
    path: Path, shown: str, resource: Resource, report: Report, limit: int, chunk_size: int = CHUNK
) -> bool:
    """Look at every byte of a CSV file, in chunks.

    Returns:
        Whether the file can be split into lines of text.
    """
    size = path.stat().st_size
    for code in ("GD101", "GD102", "GD103", "GD104"):
        report.count(code, size, RULES[code].unit)
    decoder = codecs.getincrementaldecoder("utf-8")()
    ok, returns, last = True, False, b""
    found: dict[str, int] = {}

    def finding(code: str, at: int, what: str, expected: str, **cell: Any) -> None:
        found[code] = found.get(code, 0) + 1
        report.count(code, 0, RULES[code].unit, 1)
        if found[code] <= limit:
            report.add([replace(_finding(code, shown, resource, at, what, expected), **cell)])

    with path.open("rb") as file:
        if file.read(3) == codecs.BOM_UTF8:
            finding("GD101", 1, "a byte order mark", "none")
            ok = False
        file.seek(0 if ok else 3)
        line, rest = 1, ""
        while chunk := file.read(chunk_size):
            chunk += file.readline(chunk_size)
            last = chunk[-1:]
            if not (rest or decoder.getstate()[0]) and _plain(chunk):
                line += chunk.count(b"\n")
                continue
            try:
                text = rest + decoder.decode(chunk)
            except UnicodeDecodeError as error:
                # What is decoded is the chunk behind what the last one left unfinished.
                before = rest + error.object[: error.start].decode()
                byte = f"byte 0x{error.object[error.start]:02x}"
                finding("GD101", line + before.count("\n"), byte, "UTF-8", column=_end(before))
                return False
            if not returns and "\r" in text:
                ok, returns = False, True
                before = text[: text.index("\r")]
                at = line + before.count("\n")
                finding("GD102", at, "a carriage return", "a line feed alone", column=_end(before))
            # Whole lines, so that no letter is parted from its accent; one too long goes as it is.
            whole, feed, rest = text.rpartition("\n")
            if not feed and len(rest) > _LONGEST:
                whole, rest = rest, ""
            _look(whole, line, resource, finding)
            line += whole.count("\n") + len(feed)
        _look(rest, line, resource, finding)
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            at = line + rest.count("\n")
            finding("GD101", at, "an unfinished character at the end", "UTF-8")
            return False
    # A last line that ends in a carriage return has been reported for that.
    if size and last not in (b"\n", b"\r"):
        finding("GD102", line, "a last line without a line feed", "a line feed", column=_end(rest))
    return ok


def _plain(lines: bytes) -> bool:
    """Whether these are whole lines of characters that are shown, all of ASCII: most are."""
    return (
        lines.isascii()
        and lines.endswith(b"\n")
        and b"\r" not in lines
        and not lines.translate(None, _SHOWN)
    )


def _end(text: str) -> int:
    """The column behind the last line of a text."""
    return len(text) - text.rfind("\n")


def _uncomposed(text: str) -> tuple[str, str]:
    """What stands at the beginning of a text that is not in form C, and what it is in form C."""
    for end in range(1, len(text) + 1):
        normal = unicodedata.normalize("NFC", text[:end])
        more = unicodedata.normalize("NFC", text[: end + 1])
        if normal != text[:end] and more == normal + text[end : end + 1]:
            return text[:end], normal
    return text, unicodedata.normalize("NFC", text)


def _codes(text: str) -> str:
    return f"{text} ({' '.join(f'U+{ord(char):04X}' for char in text)})"


def _hides(text: str) -> bool:
    # Deleting what is shown and searching what is left takes a tenth of searching it all.
    return HIDDEN.search(text.encode().translate(None, _SHOWN).decode()) is not None


def _look(text: str, first: int, resource: Resource, finding: Callable[..., None]) -> None:
    """Find what is not in form C or hidden in whole lines of text, the first numbered `first`."""
    if (text.isascii() or unicodedata.is_normalized("NFC", text)) and not _hides(text):
        return
    for number, line in enumerate(text.split("\n"), start=first):
        if not unicodedata.is_normalized("NFC", line):
            normal = unicodedata.normalize("NFC", line)
            at = next(n for n, pair in enumerate(zip_longest(line, normal)) if len(set(pair)) > 1)
            here, wanted = map(_codes, _uncomposed(line[at : at + 40]))
            finding("GD103", number, here, wanted, **_cell(line, number, at, resource))
        for match in HIDDEN.finditer(line):
            char = match.group()
            label = unicodedata.name(char, "control character")
            finding(
                "GD104",
                number,
                f"U+{ord(char):04X} {label}",
                "none but visible characters",
                **_cell(line, number, match.start(), resource),
            )


def _cell(line: str, number: int, at: int, resource: Resource) -> dict[str, Any]:
    """The column of position `at` of a line, and where the line is a row the cell it lies in."""
    names, place = resource.field_names, {"column": at + 1}
    try:
        (cells,) = csv.reader([line], strict=True)
    except (csv.Error, ValueError):
        return place
    if number == 1 or len(cells) != len(names):
        return place
    position = max(n for n in range(len(names)) if column_of(line, n) <= at + 1)
    return place | {"field": names[position], "row_id": cells[names.index(resource.key)] or None}


def check_header(
    path: Path, shown: str, resource: Resource, report: Report, installed: Resource | None = None
) -> bool:
    """Hold the header against the schema; whether it is the same.

    That the schema itself is another than the one `installed` is reported already.
    """
    with path.open("rb") as file:
        raw = file.readline(_HEADER)
    # Lines that end otherwise are reported as that alone.
    first = re.split(r"[\r\n]", raw.decode("utf-8", "replace").lstrip("\ufeff"), maxsplit=1)[0]
    names = first.split(",")
    wanted = list(resource.field_names)
    report.count("GD105", len(wanted), RULES["GD105"].unit)
    if names == wanted:
        return True
    # Names with a byte that is not UTF-8, or all in another encoding, are reported as that alone.
    plain = [name.replace("\0", "") for name in names] if "\ufffd" in first else names
    if len(plain) == len(wanted) and all(
        name == meant or "\ufffd" in name for name, meant in zip(plain, wanted, strict=True)
    ):
        return False
    if installed and names == list(installed.field_names):
        return False
    missing = [n for n in wanted if n not in names]
    extra = [n for n in names if n not in wanted]
    twice = [n for n, times in Counter(names).items() if times > 1]
    what = [
        label.format(", ".join(name[:80] or "a column without a name" for name in found[:10]))
        for label, found in (("no {}", missing), ("{} unknown", extra), ("{} twice", twice))
        if found
    ]
    report.count("GD105", 0, RULES["GD105"].unit, 1)
    differs = next(n for n, pair in enumerate(zip_longest(names, wanted)) if len(set(pair)) > 1)
    one = _finding(
        "GD105",
        shown,
        resource,
        1,
        "; ".join(what)[:500] or "another order",
        ", ".join(wanted),
    )
    column = len(",".join(names[:differs])) + 1 + (0 < differs < len(names))
    report.add([replace(one, column=column)])
    return False


def _finding(
    code: str, shown: str, resource: Resource, line: int, found: str, expected: str
) -> Diagnostic:
    rule = RULES[code]
    return Diagnostic(
        code,
        rule.title,
        shown,
        line,
        resource=resource.name,
        found=found,
        expected=expected,
        help=rule.remedy,
    )
