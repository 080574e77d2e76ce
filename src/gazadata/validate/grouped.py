"""One finding for a mistake that shows in many places: a key that is missing, or was renamed."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import replace
from difflib import SequenceMatcher
from itertools import chain, zip_longest

from gazadata.validate.diagnostics import Diagnostic, Report

OF_LINKS = ("GD207", "GD334")
"""Rules of cells that point to a row."""

OF_USE = ("GD331", "GD332")
"""Rules that a passage or a quote breaks which nothing points to."""

OF_ROWS = ("GD206", "GD208", "GD209")
"""Rules of which row repeats another."""

_A_KEY_OF = re.compile(r"a key of (\S+) \((\S+)\)")
"""What is expected of a cell that points to no row."""

_ALIKE = 0.7
"""How much a key is like the one that it was renamed from."""

_OTHERS = 5
"""How many places of a mistake are named beside the first."""


def group(report: Report, limit: int) -> None:
    """Report a mistake once that shows in many places, and findings in the order of their places.

    Args:
        report: its findings are replaced by those that are left.
        limit: how many findings of a rule are kept, the first by place; all are counted.
    """
    unsplit = {(d.path, d.line) for d in report.diagnostics if d.code == "GD107" and d.line}
    kept: dict[Hashable, Diagnostic] = {}
    others: defaultdict[Hashable, list[str]] = defaultdict(list)
    for d in sorted(report.diagnostics, key=lambda d: (d.code, d.place)):
        if d.code != "GD107" and (d.path, d.line) in unsplit:
            continue  # Without cells there is nothing else to report.
        mistake = _mistake(d)
        if kept.setdefault(mistake, d) is not d and d.code in (*OF_LINKS, "GD335"):
            others[mistake].append(f"{d.path}:{d.line}")
    kept |= {mistake: _also(kept[mistake], places) for mistake, places in others.items()}
    before = Counter(d.code for d in report.diagnostics)
    report.diagnostics = sorted(_ordered(_renamed(kept.values())), key=lambda d: (d.place, d.code))
    # The counts go with what is reported.
    after = Counter(d.code for d in report.diagnostics)
    for code, count in report.counts.items():
        found = count.found - (before[code] - after[code])
        report.counts[code] = replace(count, found=max(found, after[code]))
    nth: Counter[str] = Counter()
    every, report.diagnostics = report.diagnostics, []
    for d in every:
        nth[d.code] += 1
        if nth[d.code] <= limit:
            report.diagnostics.append(d)


def _ordered(found: Iterable[Diagnostic]) -> Iterator[Diagnostic]:
    """Findings without rows out of order whose key, or that of the row above, has another one.

    An empty text of a Parquet file, which has the same code, does not depend on other rows.
    """
    found = sorted(found, key=lambda d: (d.code == "GD108", d.place))
    wrong: set[tuple[str, int, str | None]] = set()
    repeated = {(d.path, d.line) for d in found if d.code in OF_ROWS}
    for d in found:
        line = d.line or 0
        cells = {(d.path, line, d.field), (d.path, line - 1, d.field)}
        follows = not wrong.isdisjoint(cells) or (d.path, line) in repeated
        if d.code == "GD108" and d.field and d.found and follows:
            continue
        wrong.add((d.path, line, d.field))
        yield d


def _mistake(d: Diagnostic) -> Hashable:
    """What findings of one mistake have in common."""
    if d.code in OF_LINKS and _A_KEY_OF.match(d.expected or ""):
        # A key that is not there, however many cells point to it.
        return d.found, d.expected
    if d.code == "GD335" and (parts := _differing(d.found or "", d.expected or "")):
        # A quote or a row that was renamed, however many identifiers are made from its key.
        return d.path, d.field, d.code, tuple(parts)
    if d.code in ("GD351", "GD352") and d.about:
        # A row that leaves out a hedge, or rests on a wrong quote, whichever of its cells show it.
        return d.path, d.about.rpartition("/")[0], d.code, d.found
    return d.path, d.line, d.field, d.code, d.found, d.expected


def _differing(found: str, expected: str) -> list[tuple[str, str]]:
    """The parts in which two identifiers differ that are made of as many."""
    pairs = [*zip_longest(found.split("."), expected.split("."))]
    return [pair for pair in pairs if pair[0] != pair[1]] if None not in chain(*pairs) else []


def _renamed(found: Iterable[Diagnostic]) -> Iterator[Diagnostic]:
    """One finding for a key that was renamed or emptied in its row alone, at that row.

    It shows twice: the row has no key, evidence or use, and what points to the old key points to
    nothing. Where a table has one of each, and a new key is like the old one, it is one mistake.
    """
    found = list(found)
    bare, keyless, missing = defaultdict(list), defaultdict(list), defaultdict(list)
    for d in found:
        expected = d.expected or ""
        unproven = f"evidence of resource {d.resource}, for "
        if d.code in OF_USE or (d.code == "GD333" and expected.startswith(unproven)):
            bare[d.resource].append(d)
        elif d.code == "GD202":
            keyless[d.resource, d.field].append(d)
        elif d.code in OF_LINKS and (target := _A_KEY_OF.match(expected)):
            missing[target[1], target[2]].append(d)
    links: dict[int, Diagnostic] = {}
    for (table, key), pointing in missing.items():
        rows = keyless[table, key] or bare[table]
        if len(pointing) == len(rows) == 1:
            row, link = rows[0], pointing[0]
            is_alike = SequenceMatcher(None, row.row_id or "", link.found or "").ratio() >= _ALIKE
            if is_alike or keyless[table, key]:
                links[id(row)] = link
    explained = {id(link) for link in links.values()} | {*_replacing(found)}
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
            fix = (
                f"Give the row the key {link.found} again, or replace the old key with the new one "
                f"in {link.path}:{link.line}{others}."
            )
            yield replace(d, suggestion=link.found, help=fix)
        elif id(d) not in explained:
            yield d


def _replacing(found: list[Diagnostic]) -> Iterator[int]:
    """The findings of retired identifiers whose replacement may be a key with another finding."""
    of_keys = {(d.resource, d.field) for d in found if d.code != "GD108"}
    for d in found:
        target = _A_KEY_OF.match(d.expected or "") if d.code == "GD211" else None
        if target and target.groups() in of_keys:
            yield id(d)


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
