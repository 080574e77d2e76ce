"""The readers of untrusted bytes, each with a function that checks what must hold for any bytes.

Guided by coverage where atheris runs; libFuzzer's own flags limit a run:

    python -m tests.validate.fuzz TARGET FOLDER -runs=100000

FOLDER keeps inputs that reach new code, as a start for the next run, and any that failed.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import re
import sys
import unicodedata
from collections.abc import Callable, Iterator
from copy import deepcopy
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

if __name__ == "__main__":
    import atheris

    instrumented = atheris.instrument_imports(include=["gazadata"])
else:
    instrumented = contextlib.nullcontext()

with instrumented:
    from tests.validate.damage import (
        DESCRIPTOR,
        csv_bytes,
        json_bytes,
        report_on,
        small_package,
        things_of,
    )

    from gazadata.contract import Contract
    from gazadata.contract.strict_json import parse_json
    from gazadata.errors import ContractError
    from gazadata.text import HIDDEN
    from gazadata.validate import Report
    from gazadata.validate.characters import MIXED
    from gazadata.validate.files import check_bytes, check_header
    from gazadata.validate.sweep import batches, lines
    from gazadata.validate.tables import LINE

SLUG = "^[a-z0-9]+(-[a-z0-9]+)*$"
FIELDS: list[dict[str, Any]] = [
    {"name": "key", "constraints": {"required": True, "unique": True, "pattern": SLUG}},
    {"name": "words"},
    {"name": "number", "type": "integer", "constraints": {"minimum": 0}},
    {"name": "flag", "type": "boolean"},
    {"name": "day", "type": "date"},
    {
        "name": "term",
        "constraints": {"enum": ["a", "b"]},
        "categories": [{"value": "a", "label": "A"}, {"value": "b", "label": "B"}],
    },
    {"name": "part_of"},
]
SMALL = small_package(
    FIELDS, foreignKeys=[{"fields": ["part_of"], "reference": {"fields": ["key"]}}]
)
THINGS = things_of(SMALL)
HEADER = ",".join(THINGS.field_names).encode()
WIDTH = len(THINGS.fields)
LIMIT = 1_000


def expected_of_bytes(content: bytes) -> tuple[bool, set[tuple[str, int]]]:
    """The expected findings about bytes, as rule and line, computed slowly from the whole content."""
    expected: set[tuple[str, int]] = set()
    mark = content.startswith(b"\xef\xbb\xbf")
    if mark:
        expected.add(("GD101", 1))
        content = content[3:]
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        return False, expected | {("GD101", content.count(b"\n", 0, error.start) + 1)}
    rows = text.split("\n")
    if "\r" in text:
        expected.add(("GD102", text[: text.index("\r")].count("\n") + 1))
    if (text or mark) and not text.endswith(("\n", "\r")):
        expected.add(("GD102", len(rows)))
    for number, line in enumerate(rows, start=1):
        if not unicodedata.is_normalized("NFC", line):
            expected.add(("GD103", number))
        if HIDDEN.search(line):
            expected.add(("GD104", number))
    return not mark and "\r" not in text, expected


def _in_the_file(report: Report, content: bytes) -> None:
    """Every finding is at a place that exists in the file."""
    there = content.decode("utf-8", "replace").split("\n")
    for d in report.diagnostics:
        if d.path != "things.csv":
            continue
        assert d.line is None or 1 <= d.line <= len(there), d
        if d.line is not None and d.column is not None:
            assert 1 <= d.column <= len(there[d.line - 1]) + 1, d
        assert len(d.found or "") <= LIMIT, d


def of_bytes(root: Path, data: bytes) -> None:
    """`check_bytes` finds what is there, in chunks of a size taken from the first byte."""
    size, content = 1 + (data[0] % 8 if data else 0), data[1:]
    path = root / "things.csv"
    path.write_bytes(content)
    report = Report("", "")
    ok = check_bytes(path, "things.csv", THINGS, report, LIMIT, size)
    good, expected = expected_of_bytes(content)
    assert ok is good
    said = {(d.code, d.line or 0) for d in report.diagnostics if d.code != "GD112"}
    try:
        content.removeprefix(b"\xef\xbb\xbf").decode("utf-8")
    except UnicodeDecodeError:
        # A byte that is not UTF-8 ends the check; what comes before it may be reported or not.
        assert {one for one in said if one[0] == "GD101"} == expected & said
        assert any(code == "GD101" for code, _ in said)
    else:
        assert said == expected
    _in_the_file(report, content)


def of_headers(root: Path, content: bytes) -> None:
    """`check_header` accepts only the schema's header."""
    path = root / "things.csv"
    path.write_bytes(content)
    report = Report("", "")
    same = check_header(path, "things.csv", THINGS, report)
    first = re.split(rb"[\r\n]", content, maxsplit=1)[0]
    while first.startswith(b"\xef\xbb\xbf"):  # The files layer reports marks.
        first = first[3:]
    assert same == (first == HEADER)
    # Bytes that are not UTF-8 have no other finding.
    assert same != bool(report.diagnostics) or b"\xef\xbf\xbd" in first or not _utf8(content)
    _in_the_file(report, content)


def _utf8(content: bytes) -> bool:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def of_rows(root: Path, body: bytes) -> None:
    """Each line is a row to the csv module, or is reported by `batches` or by `lines`.

    Bytes that are not UTF-8 and carriage returns are reported by the files layer.
    """
    content = HEADER + b"\n" + body
    path = root / "things.csv"
    path.write_bytes(content)
    there = body.split(b"\n")
    if not there[-1]:
        there.pop()
    numbered = dict(enumerate(there, start=2))
    read: dict[int, list[str]] = {}
    named: set[int] = set()
    by_batches = True
    try:
        for frame, odd in batches(path, THINGS):
            named |= {line.number for line in odd}
            for at, *cells in frame.select(LINE, *THINGS.field_names).iter_rows():
                read[at] = [cell or "" for cell in cells]
    except (pl.exceptions.PolarsError, ValueError):
        for line in lines(path, WIDTH):
            named |= set(range(line.number, line.number + line.breaks + 1))
            assert line.cells != WIDTH
        by_batches = False
    assert named <= numbered.keys(), (named, numbered)
    if not _utf8(body) or b"\r" in body:
        return
    for number in numbered.keys() - named:
        (as_csv,) = csv.reader([numbered[number].decode()], strict=True)
        assert len(as_csv) == WIDTH, number
        assert not by_batches or read.get(number) == as_csv, number


def of_json(_: Path, content: bytes) -> None:
    """`parse_json` accepts only objects of strict JSON, and names the line of a mistake."""
    try:
        value = parse_json(content, "x.json")
    except ContractError as error:
        place = re.match(r"x\.json(?::(\d+):(\d+))?: \S", str(error))
        assert place, str(error)  # noqa: PT017
        if place[1]:
            there = content.decode("utf-8").split("\n")
            assert 1 <= int(place[1]) <= len(there)
            assert 1 <= int(place[2]) <= len(there[int(place[1]) - 1]) + 1
        return
    assert value == json.loads(content)
    json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8")


def _parts(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path to each value within a JSON value."""
    yield at
    if not isinstance(value, (dict, list)):
        return
    for key, one in value.items() if isinstance(value, dict) else enumerate(value):
        yield from _parts(one, (*at, key))


PARTS = list(_parts(SMALL))


def of_descriptors(root: Path, data: bytes) -> None:
    """Either a descriptor is read as a contract and every layer runs, or there is one finding.

    The first byte chooses the part of a valid one that the other bytes replace.
    """
    *way, last = ("", *PARTS[data[0] % len(PARTS)]) if data else ("",)
    whole = {"": deepcopy(SMALL)}
    node: Any = whole
    for key in way:
        node = node[key]
    node[last] = "\0"
    content = json_bytes(whole[""]).replace(b'"\\u0000"', data[1:])
    (root / DESCRIPTOR).write_bytes(content)
    (root / "things.csv").write_bytes(HEADER + b"\na,,,,,,\n")
    try:
        Contract.read(root)
    except ContractError as error:
        assert str(error)  # noqa: PT017
        assert [d.code for d in report_on(root, official=False).diagnostics] == ["GD001"]
        return
    report = report_on(root, official=False)
    assert report.ok() or report.diagnostics or report.failures


def of_tables(root: Path, content: bytes) -> None:
    """All layers on one table: there are findings exactly if another reader finds mistakes."""
    (root / DESCRIPTOR).write_bytes(json_bytes(SMALL))
    (root / "things.csv").write_bytes(content)
    report = report_on(root, official=False)
    assert not report.failures, report.failures
    _in_the_file(report, content)
    clean = not report.diagnostics
    assert clean == _clean(content), [
        (d.code, d.line, d.field, d.found) for d in report.diagnostics
    ]
    if clean:
        assert report.rows == {"things": content.count(b"\n") - 1}


def _clean(content: bytes) -> bool:
    good, said = expected_of_bytes(content)
    if not good or said:
        return False
    try:
        rows = list(csv.reader(io.StringIO(content.decode(), newline=""), strict=True))
    except csv.Error:
        return False
    if csv_bytes(rows) != content or len(rows) < 2 or any(len(row) != WIDTH for row in rows):
        return False
    if rows.pop(0) != list(THINGS.field_names):
        return False
    keys = [row[0] for row in rows]
    return (
        keys == sorted(set(keys))
        and len({key.replace("-", "") for key in keys}) == len(keys)
        and all(_clean_row(row, keys) for row in rows)
    )


def _clean_row(row: list[str], keys: list[str]) -> bool:
    key, words, number, flag, day, term, part_of = row
    return (
        not any("\n" in cell for cell in row)
        and bool(re.fullmatch(SLUG.strip("^$"), key))
        and words == words.strip()
        and not re.search(r"\s{2,}|[^\S ]", words)
        and not any(map(MIXED.search, re.findall(r"\w+", words)))
        and not words.startswith(("=", "+", "-", "@"))
        and (not number or (number.isascii() and number.isdigit() and _same(number)))
        and flag in ("", "true", "false")
        and (not day or _is_day(day))
        and term in ("", "a", "b")
        and (not part_of or (part_of in keys and part_of != key))
    )


def _same(number: str) -> bool:
    return str(int(number)) == number and int(number) < 1 << 63


def _is_day(day: str) -> bool:
    try:
        return date.fromisoformat(day).isoformat() == day
    except ValueError:
        return False


ROWS = (
    b"a,words,12,true,2025-02-28,a,b\n",
    b'b,"of, ""it""",,false,,b,\n',
    b",,,,,,\n",
    b'a,"\n",,,,,\n',
    b'a,"x,",,,,,\n"b",,,,,,\n',
    "a,é’€𐀀 x\u0301\u200b,,,,,\r\n".encode(),
)
TARGETS: dict[str, tuple[Callable[[Path, bytes], None], tuple[bytes, ...]]] = {
    "bytes": (of_bytes, tuple(b"\2" + row for row in (*ROWS, b"\xef\xbb\xbfa", b"\xf0\x9f\n"))),
    "headers": (of_headers, (HEADER + b"\n", b"\xef\xbb\xbf" + HEADER + b"\r\n", b"key,key\n")),
    "rows": (of_rows, (*ROWS, b"".join(ROWS[:2]))),
    "json": (of_json, (b'{"a": [1.5e3, -0, true, null, "\\u00e9\\ud83d\\ude00"]}', b"[{}]")),
    "descriptors": (
        of_descriptors,
        tuple(
            bytes([at]) + json_bytes(value)
            for at, value in enumerate((SMALL, [], {}, "", 1, -1.5, None, True, ["a"], {"a": "b"}))
        ),
    ),
    "tables": (
        of_tables,
        tuple(HEADER + b"\n" + body for body in (*ROWS, b"".join(ROWS[:2]))),
    ),
}
"""By name: the property that holds for any bytes, and inputs to begin with."""

WORDS = (
    *(b'"', b'""', b'","', b"\r\n", b"\n\n", b"\xef\xbb\xbf", b"\xff", b"\xe2\x82\xac"),
    *(c.encode() for c in "\u0301\u0958\u200b\u2028\u00a0\u0085\U0001f600"),
    *(b"NaN", b"-Infinity", b"1e999", b"\\ud800", b"\\u0000", b"[[[[", b"9" * 20),
    *(
        b"true",
        b"null",
        b"string",
        b"integer",
        b"date",
        b"constraints",
        b"../",
        b"^(a",
        b"9999-12-31",
    ),
)
"""Inputs that are hard to find by chance."""


def main() -> None:
    target, seeds = TARGETS[sys.argv[1]]
    folder = Path(sys.argv[2])
    for part in ("inputs", "package"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds):
        (folder / f"inputs/{number}").write_bytes(seed)
    words = ("".join(f"\\x{byte:02x}" for byte in word) for word in WORDS)
    (folder / "words").write_text("".join(f'"{word}"\n' for word in words))
    atheris.Setup(
        [
            sys.argv[0],
            str(folder / "inputs"),
            f"-dict={folder / 'words'}",
            f"-artifact_prefix={folder}/",
            *sys.argv[3:],
        ],
        partial(target, folder / "package"),
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
