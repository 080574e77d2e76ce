"""Two codings of one article compared: which rows both have, and where their cells differ."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gazadata.contract import Contract, Field, Resource
from gazadata.curate.keys import label, passage_keys
from gazadata.curate.layout import COMPUTED, COMPUTED_KEYS, coded_tables, parts_of, source_field
from gazadata.curate.locate import locate
from gazadata.curate.record import HeldPassage, Record, Span, places
from gazadata.curate.sheet_read import Row, Sheet, parse_sheet, read_sheet
from gazadata.curate.sheet_write import print_sheet
from gazadata.errors import GazadataError, extra
from gazadata.package import Package
from gazadata.text import fold

_FIRST = ("sources", "actors", "topics", "events", "positions")
"""Tables that others point to, which are matched before them."""

_ALIKE = 0.6
"""The similarity (0 to 1) from which two labels may mean the same."""

_NOT_CODED = ("text_path", "coded_by_program", "coded_on", "reviewed_on")
"""Columns about the file and the coder, on which coders need not agree."""


@dataclass(eq=False)
class Coded:
    """A row of a coding.

    Attributes:
        key: its key; for a row that states none, its values.
        values: its cells that are not null.
        quoted: the positions of its main quote in the article, not counting white space.
        passage: the label of its passage.
    """

    table: str
    key: str
    values: dict[str, str]
    quoted: frozenset[int]
    passage: str


@dataclass(frozen=True)
class Column:
    """How two codings agree in a column, on the rows that both have.

    Attributes:
        n: the pairs of rows in which at least one has a value.
        agreed: the pairs with the same value.
        alpha: Krippendorff's alpha, counting null as a value; None if all values are the same.
    """

    table: str
    name: str
    n: int
    agreed: int
    alpha: float | None


@dataclass
class Agreement:
    """Two codings compared.

    Attributes:
        rows: for each table the number of rows of the first, of the second, and of both.
        columns: the columns, in the contract's order.
        disagreements: what to discuss, one line each.
    """

    rows: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    columns: list[Column] = field(default_factory=list)
    disagreements: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [f"{'rows':24}{'A':>5}{'B':>5}{'both':>6}{'recall':>8}{'precision':>11}"]
        in_all = [sum(numbers[at] for numbers in self.rows.values()) for at in range(3)]
        for name, (first, second, both) in [*self.rows.items(), ("all", in_all)]:
            lines.append(
                f"{name:24}{first:>5}{second:>5}{both:>6}{_share(both, first):>8}"
                f"{_share(both, second):>11}"
            )
        lines += ["", f"{'column':40}{'n':>5}{'agreed':>9}{'alpha':>8}"]
        for one in self.columns:
            alpha = "-" if one.alpha is None else f"{one.alpha:.2f}"
            name = f"{one.table}.{one.name}"
            lines.append(f"{name:40}{one.n:>5}{_share(one.agreed, one.n):>9}{alpha:>8}")
        lines += ["", f"{len(self.disagreements)} disagreements"]
        return "\n".join([*lines, *(f"  {one}" for one in self.disagreements)])


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f}%" if whole else "-"


def agreement(
    first: Path, second: Path, source: str | None, contract: Contract | None = None
) -> Agreement:
    """Compare two codings of an article, each a sheet or the folder of a package.

    Rows are matched by what they say, not by their keys: by their main quotes, names and values.
    Recall is the share of the first coding's rows that the second has, and precision the share of
    the second's that the first has.

    Args:
        first: the first coding.
        second: the second coding.
        source: the article; None: that of the sheet, or the only one of the package.
        contract: that of both; None: that of the first that is a package, or the bundled one.

    Raises:
        ReadError: a coding cannot be read.
        WrongSheet: a sheet has mistakes.
        GazadataError: the codings are of different articles, or a package has several and `source`
            is None.
        MissingExtra: the package krippendorff is not installed.
    """
    if contract is None:
        folder = next((path for path in (first, second) if path.is_dir()), None)
        contract = Package.open(folder).contract
    a, b = (_sheet(path, source, contract) for path in (first, second))
    texts = [_bare("".join(passage.text for passage in one.passages)) for one in (a, b)]
    if texts[0] != texts[1]:
        raise GazadataError(f"{first} and {second} are codings of different texts")
    return _Comparison(contract, list(_rows(a, contract)), list(_rows(b, contract))).agreement()


def _sheet(path: Path, source: str | None, contract: Contract) -> Sheet:
    if not path.is_dir():
        return read_sheet(path, contract)
    record = Record.read(Package.open(path))
    articles = record.articles()
    if source is None and len(articles) != 1:
        raise GazadataError(f"{path} has {len(articles)} articles; choose one with --source")
    return parse_sheet(path, print_sheet(record, source or articles[0]), record.contract)


def _bare(text: str) -> str:
    return "".join(text.split())


def _rows(sheet: Sheet, contract: Contract) -> Iterator[Coded]:
    """The rows of a sheet, each with the characters that it quotes.

    The article is read from the sheet itself, since a blind coder has no package.
    """
    source = sheet.source.text
    text = "\n".join(passage.text for passage in sheet.passages)
    parts: list[HeldPassage] = []
    at = 0
    made = passage_keys(source, [passage.kind for passage in sheet.passages])
    for number, passage in enumerate(sheet.passages):
        key = passage.key.text if passage.key else made[number]
        parts.append(HeldPassage(key, passage.kind, number, at, at + len(passage.text)))
        at += len(passage.text) + 1
    before = [0]
    for character in text:
        before.append(before[-1] + (not character.isspace()))
    spans: dict[Row, Span | None] = {}
    for row in sheet.rows:
        span = _main(row, contract[row.table], source, text, parts, spans)
        spans[row] = span
        quoted = frozenset(range(before[span.start], before[span.end]) if span else ())
        values = {name: value.text for name, value in row.values.items()}
        if row.parent:
            implied = parts_of(contract, row.parent.table)[row.table]
            values[implied] = row.parent.key.text if row.parent.key else ""
        key = row.key.text if row.key else " ".join(values.values())
        yield Coded(row.table, key, values, quoted, label(parts[row.passage].key, source))


def _main(
    row: Row,
    table: Resource,
    source: str,
    text: str,
    parts: Sequence[HeldPassage],
    spans: dict[Row, Span | None],
) -> Span | None:
    """The words that a row copies, or else its main quote, or else the whole passage."""
    own = parts[row.passage]
    whole = Span(source, own.start, own.end)
    quote = spans.get(row.parent) if row.parent else None
    if row.quote:
        found = locate(row.quote, source, text, parts, own)
        quote = None if isinstance(found, str) else found
    words = next((row.values[f.name].text for f in table.fields if f.verbatim and f.required), "")
    matches = places(text, words, own) if words else []
    if not matches:
        return quote or whole
    within = quote or whole
    best = next((m for m in matches if within.start <= m.start < within.end), matches[0])
    return Span(source, best.start, best.end)


class _Comparison:
    def __init__(self, contract: Contract, first: list[Coded], second: list[Coded]) -> None:
        self.contract = contract
        self.first, self.second = first, second
        self.pairs: dict[str, list[tuple[Coded, Coded]]] = {}
        self.same: dict[str, dict[str, str]] = {}
        self.keys = {(row.table, row.key) for row in second}
        self.names = [self.named(rows) for rows in (first, second)]

    def agreement(self) -> Agreement:
        """The rows matched, and their columns compared."""
        tables = coded_tables(self.contract)
        for table in sorted(tables, key=lambda one: one.name not in _FIRST):
            self.match(table)
        result = Agreement()
        for table in tables:
            mine = [row for row in self.first if row.table == table.name]
            theirs = [row for row in self.second if row.table == table.name]
            if not mine and not theirs:
                continue
            pairs = self.pairs[table.name]
            result.rows[table.name] = len(mine), len(theirs), len(pairs)
            result.columns += self.columns(table)
            matched = {row for pair in pairs for row in pair}
            for side, rows in (("A", mine), ("B", theirs)):
                result.disagreements += [
                    f"{row.passage}: {table.name}: only {side} has {row.key}"
                    for row in rows
                    if row not in matched
                ]
            result.disagreements += self.differences(table)
        return result

    def named(self, rows: list[Coded]) -> dict[tuple[str, str], set[str]]:
        """What the article calls each actor and topic, by table and key."""
        names: dict[tuple[str, str], set[str]] = {}
        for row in rows:
            if row.table != "names" or "text" not in row.values:
                continue
            for one in self.contract["names"].foreign_keys:
                if key := row.values.get(one.field):
                    names.setdefault((one.resource, key), set()).add(fold(row.values["text"]))
        return names

    def compared(self, table: Resource) -> list[Field]:
        """The columns to compare: neither keys nor texts that each coder words freely."""
        own = source_field(table)
        left_out = (table.key, own, *_NOT_CODED, *COMPUTED.get(table.name, ()))
        return [
            one
            for one in table.fields
            if one.name not in left_out
            and (one.enum or one.type != "string" or one.verbatim or table.target(one.name))
        ]

    def match(self, table: Resource) -> None:
        """Match the rows of a table, the most similar first."""
        mine = [row for row in self.first if row.table == table.name]
        theirs = [row for row in self.second if row.table == table.name]
        scored = [
            (score, i, j)
            for i, a in enumerate(mine)
            for j, b in enumerate(theirs)
            if (score := self.similarity(table, a, b))
        ]
        taken: set[tuple[str, int]] = set()
        pairs = []
        for _, i, j in sorted(scored, key=lambda one: (-one[0], one[1], one[2])):
            if ("A", i) not in taken and ("B", j) not in taken:
                taken |= {("A", i), ("B", j)}
                pairs.append((mine[i], theirs[j]))
        self.pairs[table.name] = sorted(pairs, key=lambda pair: mine.index(pair[0]))
        self.same[table.name] = {b.key: a.key for a, b in pairs}

    def similarity(self, table: Resource, a: Coded, b: Coded) -> float:
        """How similar two rows are, from 0 to 3; 0 if they cannot be the same."""
        compared = self.compared(table)
        if table.name in COMPUTED_KEYS and all(
            self.value(table, f, a) == self.value(table, f, b, other=True)
            for f in compared
            if f.verbatim or table.target(f.name)
        ):
            # A participant or a name is the same row wherever in the article it is coded.
            return 3.0
        union = a.quoted | b.quoted
        overlap = len(a.quoted & b.quoted) / len(union) if union else 0.0
        called = 0.0
        if table.label and not table[table.label].verbatim:
            one, two = (fold(row.values.get(table.label, "")) for row in (a, b))
            called = difflib.SequenceMatcher(None, one, two).ratio() if one and two else 0.0
            called = called if called >= _ALIKE else 0.0
        mine, theirs = (
            names.get((table.name, row.key), set())
            for names, row in zip(self.names, (a, b), strict=True)
        )
        if mine & theirs:
            called = 1.0
        columns = [f for f in compared if f.name in a.values or f.name in b.values]
        equal = sum(self.value(table, f, a) == self.value(table, f, b, other=True) for f in columns)
        values = equal / len(columns) if columns else 0.0
        if not (overlap or called) or not (values or called):
            return 0.0
        return overlap + called + values

    def value(self, table: Resource, one: Field, row: Coded, *, other: bool = False) -> str:
        """A cell to compare: folded, and with keys of the second coding mapped to the first's."""
        value = row.values.get(one.name, "")
        target = table.target(one.name)
        if target is None:
            return fold(value) if one.verbatim else value
        if not other or not value:
            return value
        same = self.same.get(target, {}).get(value)
        # The codings may use one key for different rows.
        return same or (f"only B: {value}" if (target, value) in self.keys else value)

    def columns(self, table: Resource) -> Iterator[Column]:
        for one in self.compared(table):
            cells = [
                (self.value(table, one, a), self.value(table, one, b, other=True))
                for a, b in self.pairs[table.name]
            ]
            cells = [pair for pair in cells if any(pair)]
            if cells:
                agreed = sum(a == b for a, b in cells)
                yield Column(table.name, one.name, len(cells), agreed, alpha(cells))

    def differences(self, table: Resource) -> Iterator[str]:
        for a, b in self.pairs[table.name]:
            for one in self.compared(table):
                if self.value(table, one, a) != self.value(table, one, b, other=True):
                    values = " | ".join(row.values.get(one.name, "null") for row in (a, b))
                    yield f"{a.passage}: {table.name}/{a.key}: {one.name}: {values}"


def alpha(pairs: Sequence[tuple[str, str]]) -> float | None:
    """Krippendorff's alpha of two coders' nominal values; None if all are the same.

    Raises:
        MissingExtra: the package krippendorff is not installed.
    """
    values = {
        value: number for number, value in enumerate(dict.fromkeys(v for p in pairs for v in p))
    }
    if len(values) < 2:
        return None
    with extra("krippendorff", "curate"):
        import krippendorff
    data = [[values[pair[side]] for pair in pairs] for side in (0, 1)]
    return float(
        krippendorff.alpha(
            reliability_data=data,
            value_domain=list(values.values()),
            level_of_measurement="nominal",
        )
    )
