"""One mistake, one finding: which findings follow from which."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from difflib import SequenceMatcher
from itertools import chain, zip_longest

from gazadata.validate.dated import keys_made_dates
from gazadata.validate.diagnostics import Diagnostic, Report

OF_VALUES = (
    *("GD303", "GD301", "GD420", "GD313", "GD312"),
    *("GD411", "GD416", "GD417", "GD336", "GD422", "GD418", "GD419"),
    *("GD404", "GD409", "GD412", "GD413", "GD414", "GD415"),
    *("GD321", "GD324", "GD334", "GD341", "GD343", "GD344", "GD346", "GD348"),
)
"""Rules that, as those of the schema, say of a cell that its own value is wrong.

They are in the order in which one follows from another.
"""

OF_PAIRS = ("GD404", "GD409", "GD412", "GD413", "GD414", "GD415")
"""Rules of cells that must agree: each of those that are read may be the wrong one."""

OF_CHARACTERS = ("GD103", "GD104")
"""Rules of characters, which a quote has from its text: there it is one mistake, in all of them."""

OF_LINKS = ("GD207", "GD334")
"""Rules of cells that point to a row."""

OF_EVIDENCE = ("GD334", "GD341")
"""Rules of evidence by which it may as well be the cell that it is for that is wrong."""

OF_USE = ("GD331", "GD332")
"""Rules that a passage or a quote breaks which nothing points to."""

OF_ROWS = ("GD206", "GD208", "GD209")
"""Rules of which row repeats another: no cell of it is wrong by itself."""

OF_COPIES = ("GD108", "GD311", "GD332", "GD333", "GD335")
"""Rules that a row breaks when it repeats another: the place and the proof are the other's."""

_A_KEY_OF = re.compile(r"a key of (\S+) \(")
"""What is expected of a cell that points to no row."""

_ALIKE = 0.7
"""How much a key is like the one that it was renamed from."""

_OTHERS = 5
"""How many places of a mistake are named beside the first."""

Mistake = tuple[str, int | None, str | None, str]
"""What tells one mistake from another: path, line and field, or what is said."""

_NOT_OF_KEYS = re.compile(r"[^a-z0-9.-]")
_LOOK_ALIKE = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0455\u0456\u0458\u03bf\u0131", "aeopcyxsijoi"
)
"""Letters of other alphabets that cannot be told from those of keys by eye."""


def merge(report: Report, limit: int | None = None) -> None:
    """One mistake, one finding: keep per cell what the earliest layer says of it.

    What follows from a cell that is reported itself, there or in another row, is not reported
    again; a row that could not be split into cells is reported as that alone; that a row is
    out of order is said only where nothing else is wrong with its key. Where a layer kept not
    all of its findings, what follows from the others is reported.

    Args:
        report: its findings are replaced by those that are kept.
        limit: how many findings of a rule are kept, the first by place; all are counted.
    """
    unsplit = {(d.path, d.line) for d in report.diagnostics if d.code == "GD107"}
    kept: dict[Mistake, Diagnostic] = {}
    # A cell is known by its place: keys can be empty or stand twice. Other rows know its key.
    broken: set[tuple[str, int | None, str | None]] = set()
    named: set[str] = set()
    copies: set[tuple[str, int | None]] = set()
    others: defaultdict[Mistake, list[str]] = defaultdict(list)
    for d in sorted(report.diagnostics, key=_rank):
        if d.code != "GD107" and d.line and (d.path, d.line) in unsplit:
            continue
        cell = (d.path, d.line, d.field)
        if cell in broken or not named.isdisjoint((*d.relies, *_own(d))):
            # Each link of a circle may be the wrong one, and words with a character at fault are.
            if d.code in ("GD411", *OF_CHARACTERS):
                named.update(_names(d))
                broken.add(cell)
            continue
        if d.code in OF_COPIES and d.field and cell[:2] in copies:
            continue
        if d.code in OF_ROWS:
            # A row that repeats another one is one mistake, by its key or by what it says.
            kept.setdefault((*cell[:2], None, " ".join(d.relies[:1])), d)
            copies.add(cell[:2])
            continue
        if _of_value(d):
            broken.add(cell)
            named.update(_names(d))
        key = _mistake(d)
        if kept.setdefault(key, d) is not d and d.code in (*OF_LINKS, "GD335"):
            others[key].append(f"{d.path}:{d.line}")
    kept |= {key: _also(kept[key], places) for key, places in others.items()}
    before = Counter(d.code for d in report.diagnostics)
    report.diagnostics = sorted(_renamed(kept.values()), key=lambda d: (d.place, d.code))
    # The counts go with what is reported: what was merged into another finding is not found.
    after = Counter(d.code for d in report.diagnostics)
    for code, count in report.counts.items():
        found = count.found - (before[code] - after[code])
        report.counts[code] = replace(count, found=max(found, after[code]))
    if limit is not None:
        nth: Counter[str] = Counter()
        every, report.diagnostics = report.diagnostics, []
        for d in every:
            nth[d.code] += 1
            if nth[d.code] <= limit:
                report.diagnostics.append(d)


def _mistake(d: Diagnostic) -> Mistake:
    """What findings of one mistake have in common."""
    if d.code in OF_LINKS and _A_KEY_OF.match(d.expected or ""):
        # A key that is not there, however many cells point to it.
        return "", None, None, f"{d.found} {d.expected}"
    if d.code == "GD335" and (parts := _differing(d.found or "", d.expected or "")):
        # A quote or a row that was renamed, however many identifiers are made from its key.
        return d.path, None, d.field, f"{d.code}{parts}"
    if d.code == "GD351" and d.about:
        # A row that leaves out a hedge, whichever of its cells rest on it.
        return d.path, None, d.about.rpartition("/")[0], f"{d.code}{d.found}"
    return d.path, d.line, d.field, "" if _of_value(d) else f"{d.code}{d.found}{d.expected}"


def _differing(found: str, expected: str) -> list[tuple[str, str]]:
    """The parts in which two identifiers differ that are made of as many."""
    pairs = [*zip_longest(found.split("."), expected.split("."))]
    return [pair for pair in pairs if pair[0] != pair[1]] if None not in chain(*pairs) else []


def _renamed(found: Iterable[Diagnostic]) -> Iterator[Diagnostic]:
    """One finding for a key that was renamed in its row alone, at that row.

    It shows twice: the row has no evidence or use, and what points to the old key points to
    nothing. Where a table has one of each, and the keys are alike, it is one mistake.
    """
    found = list(found)
    bare, missing = defaultdict(list), defaultdict(list)
    for d in found:
        expected = d.expected or ""
        unproven = f"evidence of resource {d.resource}, for "
        if d.code in OF_USE or (d.code == "GD333" and expected.startswith(unproven)):
            bare[d.resource].append(d)
        elif d.code in OF_LINKS and (target := _A_KEY_OF.match(expected)):
            missing[target[1]].append(d)
    links: dict[int, Diagnostic] = {}
    for table, pointing in missing.items():
        if len(pointing) == len(bare[table]) == 1:
            row, link = bare[table][0], pointing[0]
            if SequenceMatcher(None, row.row_id or "", link.found or "").ratio() >= _ALIKE:
                links[id(row)] = link
    told = {id(link) for link in links.values()}
    renamed = {(d.path, d.line or 0) for d in found if id(d) in links}
    for d in found:
        line = d.line or 0
        if d.code == "GD312" and d.resource == "sources" and (d.path, line) in renamed:
            continue  # Its passages are among what points to the old key.
        if d.code == "GD108" and not renamed.isdisjoint(((d.path, line), (d.path, line - 1))):
            continue  # It is out of order by its new key.
        if id(d) in links:
            link = links[id(d)]
            others = f" and {link.elsewhere:,} more" if link.elsewhere else ""
            mend = (
                f"Give the row the key {link.found} again, or write the new key where the old one "
                f"still stands: {link.path}:{link.line}{others}."
            )
            yield replace(d, suggestion=link.found, help=mend)
        elif id(d) not in told:
            yield d


def _also(d: Diagnostic, places: list[str]) -> Diagnostic:
    """A finding that says at which other places it was made."""
    cells = f"{len(places):,} other cell{'s' * (len(places) > 1)}"
    shown = ", ".join(places[:_OTHERS]) + (" …" if len(places) > _OTHERS else "")
    if d.code == "GD335":
        more = f"It renames {cells} in the same way: {shown}."
    else:
        points = "point" if len(places) > 1 else "points"
        more = f"It may be the key that was renamed or removed, as {cells} {points} there: {shown}."
    return replace(d, help=f"{d.help} {more}", elsewhere=len(places))


def _of_value(d: Diagnostic) -> bool:
    """Whether a finding says that the value of its cell is wrong."""
    wrong = (d.code < "GD300" and d.code not in OF_ROWS) or (
        # A release carries no texts, which is a warning and says nothing of the cell.
        d.code in OF_VALUES and d.severity == "error"
    )
    return wrong and d.line is not None and d.field is not None


def _rank(d: Diagnostic) -> tuple[bool, bool, int, str, int, tuple[str, int, int], str]:
    """The order in which findings are taken in, each before those that follow from it."""
    nth = OF_VALUES.index(d.code) + 1 if d.code in OF_VALUES else 0
    if d.code in OF_CHARACTERS and any(name.endswith("/text_path") for name in d.relies):
        nth = OF_VALUES.index("GD301") + 2
    relies = len(d.relies) if nth else 0
    return d.code == "GD108", not _of_value(d), nth, d.code, relies, d.place, d.field or ""


def _own(d: Diagnostic) -> Iterator[str]:
    """What other rows call the cells of its own row that a finding follows from."""
    here = f"{d.path}:{d.line}/"
    own = (name.removeprefix(here) for name in d.relies if name.startswith(here))
    return (f"{d.resource}/{d.row_id}/{field}" for field in own)


def _names(d: Diagnostic) -> Iterator[str]:
    """What a broken cell is called in `Diagnostic.relies`.

    By its place, by the key of its row, and, where that key is made from others as that of
    evidence is, by what it says of the cell that the row is for and of the quote. A row whose key
    is not well formed is called by what the key may be meant as, too: others point to that.
    """
    yield f"{d.path}:{d.line}/{d.field}"
    yield f"{d.resource}/{d.row_id}/{d.field}"
    if d.code in OF_PAIRS:
        yield from _own(d)
    if d.code in OF_EVIDENCE and d.about:
        yield d.about
    key = d.row_id or ""
    meant = _NOT_OF_KEYS.sub("", key.lower().replace("_", "-").translate(_LOOK_ALIKE)).strip("-")
    if meant != key:
        yield from (f"{d.resource}/{one}/" for one in {meant, *keys_made_dates(key)})
    before, dot, last = key.rpartition(".")
    if dot:
        yield f"{d.resource}/{before}.*"
        yield f"{d.resource}/*.{last}"
