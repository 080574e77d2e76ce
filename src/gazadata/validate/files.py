"""The files layer: the bytes, lines and header of each table, before its rows are read."""

from __future__ import annotations

import codecs
import hashlib
import re
from bisect import bisect
from collections import Counter
from dataclasses import dataclass
from dataclasses import field as attribute
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from gazadata import sniff
from gazadata.contract import Resource
from gazadata.package import Package
from gazadata.validate.characters import OF_THE_TEXT, odd, plain, worded
from gazadata.validate.diagnostics import LONGEST, Diagnostic, Report
from gazadata.validate.promised import installed_as
from gazadata.validate.rules import rule
from gazadata.validate.split import split_line, starts

CHUNK = 1 << 22
_HEADER = 1 << 20
_LONGEST = 1 << 24


def check(package: Package, paths: dict[str, Path], report: Report, limit: int) -> dict[str, Path]:
    """Check the bytes, the lines and the header of each table.

    Returns:
        The files that can be split into rows of the schema's columns.
    """
    readable, ours = {}, installed_as(package.contract)
    for name, path in paths.items():
        resource = package.contract[name]
        shown = path.relative_to(package.root).as_posix()
        sums(path, shown, resource, report)
        if path.suffix != ".parquet":
            if is_other(path, shown, name, report):
                continue
            whole = check_bytes(path, shown, resource, report, limit)
            installed = ours.resources.get(name) if ours else None
            if not (check_header(path, shown, resource, report, installed) and whole):
                continue
        readable[name] = path
    return readable


rule(
    "GD107",
    title="line is not a row with one cell per field",
    reason=(
        "An extra or missing cell shifts the values after it, and a line break hides part of a "
        "cell."
    ),
    example="an unquoted cell that contains a comma",
    remedy="Quote cells that contain a comma or a quotation mark, and remove line breaks.",
)


def is_other(path: Path, shown: str, name: str, report: Report) -> bool:
    """Report a file that is something other than the table `name`; returns whether it is."""
    with path.open("rb") as file:
        head = file.read(_HEADER)
    other = sniff.content(head)
    # The tables layer reports a conflict among the rows, at its line and with any others.
    if other is None or (other.what == sniff.CONFLICT.what and other.line > 1):
        return False
    code, expected = "GD105", "the header of a table"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        code, expected = "GD101", "UTF-8"
    if other.what == sniff.CONFLICT.what:
        code = "GD107"
    texts = {"found": other.what, "expected": expected}
    report.add(Diagnostic.of(code, shown, 1, resource=name, help=other.remedy, **texts))
    return True


rule(
    "GD007",
    title="size or hash of a file differs from the descriptor",
    reason="Users who pin a release rely on its exact bytes.",
    example='the "hash" of another file; a "hash" that is not SHA-256',
    remedy="Restore the file, or build the release again.",
    unit="files",
)


def sums(path: Path, shown: str, resource: Resource, report: Report) -> None:
    """Compare a file with the size and the hash that the descriptor states, if any."""
    size, digest = resource.descriptor.get("bytes"), resource.descriptor.get("hash")
    report.count("GD007", 1)
    wrong = []
    # A size or hash of the wrong type is reported by the package layer.
    if type(size) is int and size != path.stat().st_size:
        wrong.append((f"{path.stat().st_size} bytes", f"{size} bytes"))
    if isinstance(digest, str):
        with path.open("rb") as file:
            there = f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
        if digest != there:
            wrong.append((there, digest))
    if wrong:
        found, expected = (", ".join(parts) for parts in zip(*wrong, strict=True))
        report.add(of_line("GD007", shown, resource, None, found, expected))


rule(
    "GD101",
    title="file is not UTF-8, or has a byte order mark",
    reason="Other encodings and byte order marks silently change names and offsets.",
    example="a file saved as Latin-1, or by a spreadsheet with a byte order mark",
    remedy="Save the file as UTF-8 without a byte order mark.",
    unit="bytes",
)
rule(
    "GD102",
    title="line ending is not a single line feed",
    reason="The same rows must have the same bytes on every machine.",
    example="a file with Windows line endings; a last line without a line feed",
    remedy="Run `gazadata fmt`.",
    unit="bytes",
)


def check_bytes(
    path: Path, shown: str, resource: Resource, report: Report, limit: int, chunk_size: int = CHUNK
) -> bool:
    """Check every byte of a CSV file, in chunks.

    Returns:
        Whether the file can be split into lines of text.
    """
    size = path.stat().st_size
    for code in ("GD101", "GD102", "GD103", "GD104", "GD112"):
        report.count(code, size)
    decoder = codecs.getincrementaldecoder("utf-8")()
    ok, returns, last = True, False, b""
    findings = _Findings(shown, resource, report, limit)
    with path.open("rb") as file:
        if file.read(3) == codecs.BOM_UTF8:
            findings.add("GD101", 1, "a byte order mark", "none")
            ok = False
        file.seek(0 if ok else 3)
        line, rest = 1, ""
        while chunk := file.read(chunk_size):
            chunk += file.readline(chunk_size)
            last = chunk[-1:]
            if not (rest or decoder.getstate()[0]) and plain(chunk):
                line += chunk.count(b"\n")
                continue
            try:
                text = rest + decoder.decode(chunk)
            except UnicodeDecodeError as error:
                # `object` also begins with the bytes of a character that the last chunk cut.
                before = rest + error.object[: error.start].decode()
                byte = f"byte 0x{error.object[error.start]:02x}"
                findings.add("GD101", line + before.count("\n"), byte, "UTF-8", column=_end(before))
                return False
            if not returns and "\r" in text:
                ok, returns = False, True
                before = text[: text.index("\r")]
                at = line + before.count("\n")
                findings.add(
                    "GD102", at, "a carriage return", "a line feed alone", column=_end(before)
                )
            # Whole lines keep letters and their accents together; an overlong one is cut.
            whole, feed, rest = text.rpartition("\n")
            if not feed and len(rest) > _LONGEST:
                whole, rest = rest, ""
            _look(whole, line, findings)
            line += whole.count("\n") + len(feed)
        _look(rest, line, findings)
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            at = line + rest.count("\n")
            findings.add("GD101", at, "an incomplete character at the end", "UTF-8")
            return False
    # A last line that ends in a carriage return has been reported for that.
    if size and last not in (b"\n", b"\r"):
        findings.add(
            "GD102", line, "a last line without a line feed", "a line feed", column=_end(rest)
        )
    return ok


@dataclass
class _Findings:
    """Reports findings about the lines of a file: counts all, keeps the first of each rule."""

    shown: str
    resource: Resource
    report: Report
    limit: int
    found: Counter[str] = attribute(default_factory=Counter)

    def add(self, code: str, line: int, found: str, expected: str, **cell: Any) -> None:
        self.found[code] += 1
        self.report.count(code, 0, 1)
        if self.found[code] <= self.limit:
            one = of_line(code, self.shown, self.resource, line, found, expected, **cell)
            self.report.keep([one])


def _end(text: str) -> int:
    """The column after the last line of a text."""
    return len(text) - text.rfind("\n")


def _look(text: str, first: int, findings: _Findings) -> None:
    """Report odd characters in whole lines of a table, the first numbered `first`."""
    lines, resource = list[str](), findings.resource
    split, place, worded_in = 0, _Row(), {None, *worded(resource)}
    # Characters of a quote are checked after the source text, which they may come from.
    of_text = OF_THE_TEXT if resource.name == "quotes" else ()
    reported: set[tuple[int, str]] = set()
    for one in odd(text, first):
        lines = lines or text.split("\n")
        if one.line != split:
            # A line is split once, however many of its characters are odd.
            split, place = one.line, _row(lines[one.line - first], one.line, resource)
        cell = place.cell(one.at)
        field = cell.get("field")
        # Elsewhere another rule finds it: fields are compared with terms or texts, and the header
        # with the schema.
        if one.code == "GD112" and (one.line == 1 or field not in worded_in):
            continue
        if field in of_text or (one.line, field) in reported:
            continue
        if field:
            reported.add((one.line, field))
        more = {"help": one.help} if one.help else {}
        findings.add(one.code, one.line, one.found, one.expected, **cell | more)


class _Row(NamedTuple):
    """Where the cells of a line begin, their fields and the key; empty if it is not a row."""

    starts: tuple[int, ...] = ()
    fields: tuple[str, ...] = ()
    row_id: str | None = None

    def cell(self, at: int) -> dict[str, Any]:
        """The column of position `at` in the line, and the cell that contains it."""
        place: dict[str, Any] = {"column": at + 1}
        if self.starts:
            place |= {"field": self.fields[bisect(self.starts, at) - 1], "row_id": self.row_id}
        return place


def _row(line: str, number: int, resource: Resource) -> _Row:
    names = resource.field_names
    cells = split_line(line)
    if number == 1 or cells is None or len(cells) != len(names):
        return _Row()
    return _Row((*starts(line),), names, cells[names.index(resource.key)] or None)


rule(
    "GD105",
    title="header differs from the schema",
    reason="With a column missing, repeated or moved, values end up in the wrong field.",
    example="`event_id,label,label,event_type`",
    remedy="Write the header as in the schema; `gazadata fmt` puts the columns in order.",
    unit="columns",
)


def check_header(
    path: Path, shown: str, resource: Resource, report: Report, installed: Resource | None = None
) -> bool:
    """Compare the header with the schema; returns whether they match.

    Nothing is reported if it matches the `installed` schema: then only the schema of the
    package was changed, which is reported already.
    """
    with path.open("rb") as file:
        raw = file.readline(_HEADER)
    wanted = list(resource.field_names)
    report.count("GD105", len(wanted))
    try:
        decoder = codecs.getincrementaldecoder("utf-8")()
        text = decoder.decode(raw, final=len(raw) < _HEADER)
    except UnicodeDecodeError:
        return False  # Already reported as GD101.
    # A carriage return is reported as GD102.
    first = re.split(r"[\r\n]", text.lstrip("\ufeff"), maxsplit=1)[0]
    names = first.split(",")
    if names == wanted:
        return True
    if installed and names == list(installed.field_names):
        return False
    missing = [n for n in wanted if n not in names]
    extra = [n for n in names if n not in wanted]
    twice = [n for n, times in Counter(names).items() if times > 1]
    if parted := sniff.delimiter(first, wanted):
        more = {"column": 1, "help": parted.remedy}
        report.add(of_line("GD105", shown, resource, 1, parted.what, ",".join(wanted), **more))
        return False
    what = [
        label.format(", ".join(name[:80] or "a column without a name" for name in these[:10]))
        for label, these in (("no {}", missing), ("{} unknown", extra), ("{} twice", twice))
        if these
    ]
    differs = next(n for n, pair in enumerate(zip_longest(names, wanted)) if len(set(pair)) > 1)
    column = len(",".join(names[:differs])) + 1 + (0 < differs < len(names))
    found = "; ".join(what)[:LONGEST] or "a different order"
    report.add(of_line("GD105", shown, resource, 1, found, ", ".join(wanted), column=column))
    return False


def of_line(
    code: str,
    shown: str,
    resource: Resource,
    line: int | None,
    found: str,
    expected: str,
    **more: Any,
) -> Diagnostic:
    """A finding about a line of a table, or (None) all of it; `more` as in `Diagnostic.of`."""
    texts = {"found": found, "expected": expected}
    return Diagnostic.of(code, shown, line, resource=resource.name, **(texts | more))
