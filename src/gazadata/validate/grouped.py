"""Merge the findings of one mistake that shows in many places, such as a renamed key."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import replace
from difflib import SequenceMatcher
from itertools import chain, zip_longest

from gazadata.contract import Contract
from gazadata.validate.diagnostics import LONGEST, Diagnostic, Report

LINK_RULES = ("GD207", "GD334")
"""Rules of cells that refer to a row."""

USE_RULES = ("GD331", "GD332")
"""Rules of passages and quotes that nothing refers to."""

REPEAT_RULES = ("GD206", "GD208", "GD209")
"""Rules of rows that repeat another."""

_ALIKE = 0.7
"""The minimum similarity of a key and the one it was renamed from."""

_OTHERS = 5
"""How many further places of a mistake are named."""


def group(report: Report, contract: Contract, limit: int) -> None:
    """Merge the findings of each mistake, and sort them by place.

    Args:
        report: its findings are replaced by the merged ones.
        contract: that of the package.
        limit: how many findings of a rule are kept, the first by place; all are counted.
    """
    unsplit = {(d.path, d.line) for d in report.diagnostics if d.code == "GD107" and d.line}
    kept: dict[Hashable, Diagnostic] = {}
    others: defaultdict[Hashable, list[str]] = defaultdict(list)
    for d in sorted(report.diagnostics, key=lambda d: (d.code, d.place)):
        if d.code != "GD107" and (d.path, d.line) in unsplit:
            continue  # Without cells there is nothing else to report.
        mistake = _mistake(d)
        if kept.setdefault(mistake, d) is not d and d.code in (*LINK_RULES, "GD335"):
            others[mistake].append(f"{d.path}:{d.line}")
    kept |= {mistake: _also(kept[mistake], places) for mistake, places in others.items()}
    before = Counter(d.code for d in report.diagnostics)
    merged = map(_numbered, _ordered(_renamed(kept.values(), contract)))
    report.diagnostics = sorted(merged, key=lambda d: (d.place, d.code))
    # Keep the counts in line with what is reported.
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
    """Drop findings of rows out of order if the key, or that of the row above, has another finding.

    Empty strings in a Parquet file, which have the same code, do not depend on other rows.
    """
    found = sorted(found, key=lambda d: (d.code == "GD108", d.place))
    wrong: set[tuple[str, int, str | None]] = set()
    repeated = {(d.path, d.line) for d in found if d.code in REPEAT_RULES}
    for d in found:
        line = d.line or 0
        cells = {(d.path, line, d.field), (d.path, line - 1, d.field)}
        follows = not wrong.isdisjoint(cells) or (d.path, line) in repeated
        if d.code == "GD108" and d.field and d.found and follows:
            continue
        wrong.add((d.path, line, d.field))
        yield d


def _mistake(d: Diagnostic) -> Hashable:
    """What the findings of one mistake have in common."""
    if d.code in LINK_RULES and d.refers_to:
        # One missing key, however many cells refer to it.
        return d.found, d.refers_to
    if d.code == "GD335" and (parts := _differing(d.found or "", d.expected or "")):
        # One renamed quote or row, however many identifiers derive from its key.
        return d.path, d.field, d.code, tuple(parts)
    if d.code in ("GD351", "GD352") and d.about:
        # One row that drops a hedge or rests on a wrong quote, whichever of its cells show it.
        return d.path, d.about.rpartition("/")[0], d.code, d.found
    return d.path, d.line, d.field, d.code, d.found, d.expected


def _differing(found: str, expected: str) -> list[tuple[str, str]]:
    """The parts in which two identifiers differ; none if they have different numbers of parts."""
    pairs = [*zip_longest(found.split("."), expected.split("."))]
    return [pair for pair in pairs if pair[0] != pair[1]] if None not in chain(*pairs) else []


def _renamed(found: Iterable[Diagnostic], contract: Contract) -> Iterator[Diagnostic]:
    """Merge the two findings of a key that was renamed or emptied only in its own row.

    The row now has no key, evidence or use, and references to the old key match no row. If a table
    has exactly one of each, and the new key is like the old one, it is one mistake, at the row.
    """
    found = list(found)
    bare, keyless, missing = defaultdict(list), defaultdict(list), defaultdict(list)
    for d in found:
        if d.code in USE_RULES or (d.code == "GD333" and d.field == contract[d.resource or ""].key):
            bare[d.resource].append(d)
        elif d.code == "GD202":
            keyless[d.resource, d.field].append(d)
        elif d.code in LINK_RULES and d.refers_to:
            missing[d.refers_to].append(d)
    links: dict[Diagnostic, Diagnostic] = {}
    for (table, key), pointing in missing.items():
        rows = keyless[table, key] or bare[table]
        if len(pointing) == len(rows) == 1:
            row, link = rows[0], pointing[0]
            is_alike = SequenceMatcher(None, row.row_id or "", link.found or "").ratio() >= _ALIKE
            if is_alike or keyless[table, key]:
                links[row] = link
    explained = {*links.values(), *_replacing(found)}
    renamed = {(d.path, d.line or 0) for d in links}
    for d in found:
        line = d.line or 0
        if d.code == "GD312" and d.resource == "sources" and (d.path, line) in renamed:
            continue  # Its passages refer to the old key.
        if d.code == "GD108" and not renamed.isdisjoint(((d.path, line), (d.path, line - 1))):
            continue  # It is out of order because of its new key.
        if d in links:
            link = links[d]
            others = f" and {link.elsewhere:,} more" if link.elsewhere else ""
            fix = (
                f"Restore the row's key {link.found}, or replace the old key with the new one "
                f"in {link.path}:{link.line}{others}."
            )
            said = "no evidence refers to the row" if d.code == "GD333" else d.message
            yield replace(d, message=said, suggestion=link.found, help=fix)
        elif d not in explained:
            yield d


def _replacing(found: list[Diagnostic]) -> Iterator[Diagnostic]:
    """The findings of retired identifiers whose replacement may be a key with another finding."""
    of_keys = {(d.resource, d.field) for d in found if d.code != "GD108"}
    for d in found:
        if d.code == "GD211" and d.refers_to in of_keys:
            yield d


def _numbered(d: Diagnostic) -> Diagnostic:
    """A finding about a note that states how many other notes have the same mistake."""
    if d.code != "GD348" or not d.elsewhere:
        return d
    return replace(d, found=f"{d.found} (as in {d.elsewhere} other notes)"[:LONGEST])


def _also(d: Diagnostic, places: list[str]) -> Diagnostic:
    """A finding that names its other places."""
    cells = f"{len(places):,} other cell{'s' * (len(places) > 1)}"
    shown = ", ".join(places[:_OTHERS]) + (" …" if len(places) > _OTHERS else "")
    if d.code == "GD335":
        more = f"It renames {cells} in the same way: {shown}."
    else:
        points = "refer" if len(places) > 1 else "refers"
        why = "so it may have been renamed or removed"
        more = f"{cells} {points} to this key, too, {why}: {shown}."
    return replace(d, help=f"{d.help} {more}", elsewhere=len(places))
