"""Add the place of each finding (row, line, column), and the nearest match of what is missing."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import cache, cached_property
from pathlib import Path

import polars as pl
from polars import col

from gazadata.contract import Resource, inside
from gazadata.errors import ContractError
from gazadata.evidence.quotes import nearest
from gazadata.evidence.references import FOLDER
from gazadata.package import Package
from gazadata.validate import references, retired
from gazadata.validate.diagnostics import LINE_SHOWN, Diagnostic, Place, Report
from gazadata.validate.grouped import LINK_RULES
from gazadata.validate.schema_findings import Places
from gazadata.validate.split import column_of, split_line
from gazadata.validate.tables import LINE, strings

_NEAREST, _KEYS = 200, 10_000
"""For how many quotes the nearest words are searched for, and among how many keys."""

_COMPARED = 4_000_000
"""How many characters to compare in all for nearest matches, which takes some seconds."""

_ALIKE = 0.7
"""The minimum similarity of a key worth suggesting; a lower one would mislead."""

_CHUNK = 1 << 20


def locate(package: Package, report: Report) -> None:
    """Add to each finding its row and column, and the nearest match that may have been meant."""
    report.diagnostics = list(_in_json(package.root, report.diagnostics))
    wanted: dict[str, set[int]] = {}
    for d in report.diagnostics:
        if d.line and (d.resource or d.path.endswith(".json")) and not d.path.endswith(".parquet"):
            wanted.setdefault(d.path, set()).add(d.line)
    text = {path: _read_lines(package.root / path, numbers) for path, numbers in wanted.items()}
    near = _Nearest(package, [d.line for d in report.diagnostics if d.code == "GD321" and d.line])
    placed = []
    keys: dict[tuple[str, int | None], str | None] = {}
    forms = package.contract.resources | {retired.FORM.name: retired.FORM}
    for name in {d.path for d in report.diagnostics if d.path.startswith(FOLDER)}:
        with suppress(OSError, ContractError):
            forms[name] = references.form(package.root / name, name)
    for d in report.diagnostics:
        line = text.get(d.path, {}).get(d.line or 0)
        if line is not None and d.resource in forms and not d.path.endswith(".json"):
            resource = forms[d.resource]
            column, row_id = d.column, d.row_id
            if column is None and d.field in resource.field_names:
                column = column_of(line, resource.field_names.index(d.field))
            if row_id is None and d.line != 1 and d.code != "GD101":
                if (d.path, d.line) not in keys:
                    keys[d.path, d.line] = _key_in(line, resource)
                row_id = keys[d.path, d.line]
            d = replace(d, column=column, row_id=row_id)  # noqa: PLW2901
        if d.code == "GD321":
            d = near.words(d)  # noqa: PLW2901
        if d.code in LINK_RULES:
            d = near.key(d)  # noqa: PLW2901
        placed.append(d)
    report.diagnostics = sorted(placed, key=lambda d: (d.place, d.code))
    report.lines = {
        path: {number: line[:LINE_SHOWN] for number, line in lines.items()}
        for path, lines in text.items()
    }


def _in_json(root: Path, found: Iterable[Diagnostic]) -> Iterator[Diagnostic]:
    """Add the line and column to findings about a descriptor or a schema."""

    @cache
    def places(path: str) -> Places | None:
        with suppress(OSError, UnicodeDecodeError):
            return Places((root / path).read_bytes().decode("utf-8"))
        return None

    for d in found:
        if d.path.endswith(".json") and d.line is None and (there := places(d.path)) is not None:
            line, column = there.of(d)
            yield replace(d, line=line, column=column)
        else:
            yield d


def _key_in(line: str, resource: Resource) -> str | None:
    """The primary key of the row in a line."""
    cells = split_line(line)
    if cells is None or len(cells) != len(resource.fields):
        return None
    return cells[resource.field_names.index(resource.key)] or None


def _read_lines(path: Path, numbers: set[int]) -> dict[int, str]:
    wanted = sorted(numbers, reverse=True)
    found: dict[int, str] = {}
    first = 1
    with suppress(OSError), path.open("rb") as file:
        # Counting the lines of a chunk takes a tenth of the time that splitting it does.
        while wanted and (chunk := file.read(_CHUNK)):
            chunk += file.readline()
            following = first + chunk.count(b"\n")
            if wanted[-1] <= following:
                lines = chunk.removesuffix(b"\n").split(b"\n")
                while wanted and wanted[-1] - first < len(lines):
                    number = wanted.pop()
                    found[number] = lines[number - first].decode("utf-8", "replace").rstrip("\r")
            first = following
    return found


class _Nearest:
    """The nearest matches of words or keys that are not there; each file is read once.

    The tables are read as written, since any of their cells can be at fault.
    """

    def __init__(self, package: Package, quotes: list[int]) -> None:
        self.package = package
        self.quotes = quotes[:_NEAREST]
        """Lines of the quotes that differ from their texts."""
        self.left = _COMPARED
        self.texts: dict[str, str] = {}
        self.keys: dict[str, list[str]] = {}

    def words(self, d: Diagnostic) -> Diagnostic:
        """Add the place of the words in the text that are most like the quote."""
        held = self._text(d.line) if self.left > 0 and d.line else None
        if held is None:
            return d
        path, text = held
        self.left -= len(text)
        match = nearest(text, d.found or "")
        if match is None:
            return d
        begin = text.rfind("\n", 0, match.start) + 1
        finish = text.find("\n", match.end)
        place = Place(
            path,
            text.count("\n", 0, match.start) + 1,
            text[begin : finish if finish >= 0 else len(text)],
            match.start - begin,
            match.end - begin,
        )
        return replace(d, related=(place,))

    def key(self, d: Diagnostic) -> Diagnostic:
        """Suggest the key that is most like the one that matches no row."""
        # A key that occurs in many cells is not a typo.
        if d.refers_to is None or d.suggestion or d.elsewhere or self.left < 0:
            return d
        table, key = d.refers_to
        if table not in self.keys:
            try:
                frame = strings(self.package.path(table), self.package.contract[table])
                first = frame.select(key).head(_KEYS + 1).collect().to_series()
            except pl.exceptions.PolarsError:
                first = pl.Series([], dtype=pl.String)
            self.keys[table] = first.drop_nulls().to_list() if len(first) <= _KEYS else []
        keys = self.keys[table]
        self.left -= sum(map(len, keys))
        near = difflib.get_close_matches(d.found or "", keys, n=1, cutoff=_ALIKE)
        return replace(d, suggestion=near[0]) if near else d

    @cached_property
    def paths(self) -> dict[int, str]:
        """The path of each quote's text, by line, from one pass over the tables."""
        contract = self.package.contract
        quotes, sources = (
            strings(self.package.path(name), contract[name]) for name in ("quotes", "sources")
        )
        paths = sources.select("source_id", __path="text_path")
        rows = (
            quotes.filter(col(LINE).is_in(self.quotes))
            .join(paths.unique("source_id", keep="first"), on="source_id")
            .select(LINE, "__path")
            .drop_nulls()
        )
        return dict(rows.collect(engine="streaming").iter_rows())

    def _text(self, line: int) -> tuple[str, str] | None:
        """The path and the text of the source that the quote in a line is from."""
        path = self.paths.get(line)
        if path is None:
            return None
        if path not in self.texts:
            file = inside(self.package.root, path)
            if not file.is_file():
                return None  # The rules ran on another machine (Spark), which has the text.
            self.texts[path] = file.read_bytes().decode("utf-8")
        return path, self.texts[path]
