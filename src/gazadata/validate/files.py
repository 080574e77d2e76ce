"""The files layer: bytes, lines and the header of each table, before anything is made of them."""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path

from gazadata.contract import Resource
from gazadata.validate.diagnostics import Diagnostic, Report
from gazadata.validate.rules import RULES

CHUNK = 1 << 22
_HEADER = 1 << 20
_LONGEST = 1 << 24

# Controls, zero-width and bidirectional characters, the byte order mark inside a text, tags.
HIDDEN = re.compile(
    "[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5"
    "\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb"
    "\U000e0000-\U000e007f]"
)


def check_bytes(path: Path, shown: str, name: str, report: Report, limit: int) -> bool:
    """Look at every byte of a CSV file, in chunks.

    Returns:
        Whether the file can be split into lines of text.
    """
    size = path.stat().st_size
    for code in ("GD101", "GD102", "GD103", "GD104"):
        report.count(code, size, RULES[code].unit)
    decoder = codecs.getincrementaldecoder("utf-8")()
    ok, last = True, b""
    found: dict[str, int] = {}

    def finding(code: str, at: int, what: str, expected: str) -> None:
        found[code] = found.get(code, 0) + 1
        report.count(code, 0, RULES[code].unit, 1)
        if found[code] <= limit:
            report.add([_finding(code, shown, name, at, what, expected)])

    with path.open("rb") as file:
        if file.read(3) == codecs.BOM_UTF8:
            finding("GD101", 1, "a byte order mark", "none")
            ok = False
        file.seek(0)
        line, rest = 1, ""
        while chunk := file.read(CHUNK):
            last = chunk[-1:]
            try:
                text = rest + decoder.decode(chunk)
            except UnicodeDecodeError as error:
                at = line + rest.count("\n") + chunk.count(b"\n", 0, error.start)
                finding("GD101", at, f"byte 0x{chunk[error.start]:02x}", "UTF-8")
                return False
            # Whole lines, so that no letter is parted from its accent; one too long goes as it is.
            whole, feed, rest = text.rpartition("\n")
            if not feed and len(rest) > _LONGEST:
                whole, rest = rest, ""
            if "\r" in text:
                ok = False
                at = line + text.count("\n", 0, text.index("\r"))
                finding("GD102", at, "a carriage return", "a line feed alone")
            _look(whole, line, finding)
            line += whole.count("\n") + len(feed)
        _look(rest, line, finding)
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            finding("GD101", line, "an unfinished character at the end", "UTF-8")
            return False
    if size and last != b"\n":
        finding("GD102", line, "a last line without a line feed", "a line feed")
    return ok


def _look(text: str, first: int, finding: Callable[[str, int, str, str], None]) -> None:
    """Find what is not in form C or hidden in whole lines of text, the first numbered `first`."""
    if (text.isascii() or unicodedata.is_normalized("NFC", text)) and not HIDDEN.search(text):
        return
    for number, line in enumerate(text.split("\n"), start=first):
        if not unicodedata.is_normalized("NFC", line):
            finding("GD103", number, line[:80], unicodedata.normalize("NFC", line)[:80])
        for match in HIDDEN.finditer(line):
            char = match.group()
            label = unicodedata.name(char, "control character")
            finding(
                "GD104", number, f"U+{ord(char):04X} {label}, column {match.start() + 1}", "none"
            )


def check_header(path: Path, shown: str, resource: Resource, report: Report) -> bool:
    """Hold the header against the schema; whether it is the same."""
    with path.open("rb") as file:
        raw = file.readline(_HEADER)
    names = raw.decode("utf-8", "replace").lstrip("\ufeff").rstrip("\r\n").split(",")
    wanted = list(resource.field_names)
    report.count("GD105", len(wanted), RULES["GD105"].unit)
    if names == wanted:
        return True
    missing = [n for n in wanted if n not in names]
    extra = [n for n in names if n not in wanted]
    twice = sorted({n for n in names if names.count(n) > 1})
    what = [
        f"{label} {', '.join(found[:10])}"
        for label, found in (("missing", missing), ("unknown", extra), ("double", twice))
        if found
    ]
    report.count("GD105", 0, RULES["GD105"].unit, 1)
    report.add(
        [
            _finding(
                "GD105",
                shown,
                resource.name,
                1,
                "; ".join(what)[:500] or "another order",
                ",".join(wanted),
            )
        ]
    )
    return False


def _finding(
    code: str, shown: str, name: str, line: int, found: str, expected: str
) -> Diagnostic:
    rule = RULES[code]
    return Diagnostic(
        code,
        rule.title,
        shown,
        line,
        resource=name,
        found=found,
        expected=expected,
        help=rule.remedy,
    )
