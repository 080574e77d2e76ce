"""Every kind of mistake, at random places of the shipped package, is found at its place.

A thousand mutants in all. Fewer or more of them:
GAZADATA_MUTANTS=10000 pytest -m long tests/validate/test_mutations.py
"""

from __future__ import annotations

import multiprocessing
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from tests.validate.damage import DESCRIPTOR, Place, report_on
from tests.validate.mutants import KINDS, Mutant, mutant

from gazadata.validate import Diagnostic, Report, validate

pytestmark = pytest.mark.long

MUTANTS = int(os.environ.get("GAZADATA_MUTANTS", "1000"))
MISTAKES = [name for name, kind in KINDS.items() if kind.codes]
LEGITIMATE = [name for name, kind in KINDS.items() if not kind.codes]
A_KIND = -(-MUTANTS // len(MISTAKES))
WORKERS = 2

Chosen = tuple[str, int]
"""A kind and the number of a mutant of it."""


@dataclass(frozen=True)
class Outcome:
    """The result of a mutant; `by`: the rules that named its file and row; `said`: the others."""

    kind: str
    number: int
    what: str
    by: tuple[str, ...]
    said: tuple[str, ...]
    failures: tuple[str, ...]
    more: bool

    @property
    def many(self) -> bool:
        """Whether a mistake that should be one finding is none or several."""
        alone = len(self.by) == 1 and not self.said and not self.failures
        return bool(KINDS[self.kind].codes) and not self.more and not alone

    def __str__(self) -> str:
        said = "".join(f"\n    {line}" for line in (*self.said, *self.failures)) or " nothing"
        return f"{self.kind}/{self.number}: {self.what}\n  said:{said}"


def _hits(one: Mutant, found: Iterable[Diagnostic]) -> list[Diagnostic]:
    codes = KINDS[one.kind].codes
    return [
        d
        for d in found
        if d.code in codes
        and any(d.path == path and line in (None, d.line) for path, line in one.places)
    ]


def _outcome(chosen: Chosen, one: Mutant, report: Report, rest: list[Diagnostic]) -> Outcome:
    hits = _hits(one, report.diagnostics)
    return Outcome(
        *chosen,
        one.what,
        tuple(d.code for d in hits),
        tuple(f"{d.path}:{d.line} {d.code} {d.field} {d.found}"[:300] for d in rest),
        tuple(report.failures),
        bool(one.more),
    )


_places: dict[str, Place] = {}


def _run(folder: str, official: bool, group: list[Chosen]) -> list[Outcome]:
    """The results of mutants that are put into one package together.

    They have different files and rules, so none is found because of another. One that is not
    found, or is mixed up with another's findings, is tried again in its own package.
    """
    where = Path(folder) / str(os.getpid())
    if folder not in _places:
        _places[folder] = Place(where)
    place = _places[folder]
    mutants = [mutant(*chosen) for chosen in group]
    for one in mutants:
        place.damage(one.files)
    try:
        report = validate(where) if official else report_on(where, official=False)
    finally:
        for one in mutants:
            place.mend(one.files)
    claimed = [d for one in mutants for d in _hits(one, report.diagnostics)]
    rest = [d for d in report.diagnostics if d not in claimed]
    outcomes = []
    for chosen, one in zip(group, mutants, strict=True):
        outcome = _outcome(chosen, one, report, rest)
        kind = KINDS[one.kind]
        blurred = (not outcome.by) if kind.codes else bool(report.diagnostics)
        if kind.codes and not one.more and (len(outcome.by) != 1 or rest):
            blurred = True
        if len(group) > 1 and blurred:
            outcomes += _run(folder, official, [chosen])
        else:
            outcomes.append(outcome)
    return outcomes


def _grouped(chosen: Iterable[Chosen], most: int) -> Iterator[list[Chosen]]:
    """Mutants that can share a package, as they touch neither each other's files nor rules."""
    groups: list[tuple[list[Chosen], set[str], set[str], bool]] = []
    for name, number in chosen:
        one, kind = mutant(name, number), KINDS[name]
        paths = {*one.files, *(path for path, _ in one.places)}
        if any(path == DESCRIPTOR or path.startswith(("schemas/", "raw/")) for path in paths):
            yield [(name, number)]
            continue
        # Some kinds must have exactly one finding; they are not mixed with the others.
        exact = not one.more
        for group, taken, codes, of_exact in groups:
            if of_exact is exact and not taken & paths and not codes & kind.codes:
                group.append((name, number))
                taken |= paths
                codes |= kind.codes
                break
        else:
            groups.append(([(name, number)], paths, set(kind.codes), exact))
        for full in [entry for entry in groups if len(entry[0]) == most]:
            groups.remove(full)
            yield full[0]
    yield from (group for group, *_ in groups)


def _campaign(folder: Path, chosen: list[Chosen], *, official: bool) -> dict[str, list[Outcome]]:
    outcomes: dict[str, list[Outcome]] = defaultdict(list)
    groups = list(_grouped(chosen, 4))
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(WORKERS, mp_context=context) as pool:
        for found in pool.map(partial(_run, str(folder), official), groups, chunksize=4):
            for outcome in found:
                outcomes[outcome.kind].append(outcome)
    return outcomes


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Outcome]]:
    """All layers in one process, without frictionless."""
    chosen = [(name, number) for number in range(A_KIND) for name in MISTAKES]
    chosen += [(name, number) for number in range(min(A_KIND, 3)) for name in LEGITIMATE]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("POLARS_MAX_THREADS", "1")
        return _campaign(tmp_path_factory.mktemp("mutants"), chosen, official=False)


@pytest.fixture(scope="module")
def complete(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Outcome]]:
    """`validate`, frictionless included, on one mutant of each kind."""
    chosen = [(name, A_KIND + 1) for name in KINDS]
    return _campaign(tmp_path_factory.mktemp("complete"), chosen, official=True)


def test_the_kill_rate_is_a_hundred_percent(
    outcomes: dict[str, list[Outcome]], record_property: Callable[[str, str], None]
) -> None:
    mistakes = [one for name in MISTAKES for one in outcomes[name]]
    killed = sum(bool(one.by) for one in mistakes)
    by = Counter(code for one in mistakes for code in set(one.by))
    for line in (
        f"{killed} of {len(mistakes)} mutants of {len(MISTAKES)} kinds found in their file and "
        f"row: kill rate {100 * killed / len(mistakes):.2f} %",
        f"{sum(len(outcomes[name]) for name in LEGITIMATE)} legitimate edits of "
        f"{len(LEGITIMATE)} kinds",
        "found by: " + ", ".join(f"{code} {n}" for code, n in sorted(by.items())),
    ):
        record_property("mutants", line)
    assert killed == len(mistakes)


@pytest.mark.parametrize("name", MISTAKES)
def test_every_mistake_is_found_in_its_file_and_row(
    name: str, outcomes: dict[str, list[Outcome]]
) -> None:
    assert outcomes[name]
    missed = [str(one) for one in outcomes[name] if not one.by]
    assert not missed, "\n".join(missed)


@pytest.mark.parametrize("name", LEGITIMATE)
def test_a_legitimate_edit_passes(name: str, outcomes: dict[str, list[Outcome]]) -> None:
    """An edit that has a finding belongs among the mistakes."""
    found = [str(one) for one in outcomes[name] if one.said or one.failures]
    assert outcomes[name]
    assert not found, f"{KINDS[name].reason}, but:\n" + "\n".join(found)


@pytest.mark.parametrize("name", MISTAKES)
def test_one_mistake_is_one_finding(name: str, outcomes: dict[str, list[Outcome]]) -> None:
    many = [str(one) for one in outcomes[name] if one.many]
    assert not many, "\n".join(many)


@pytest.mark.skipif(A_KIND < 6, reason="too few of each kind")
@pytest.mark.parametrize("name", [name for name in MISTAKES if KINDS[name].more])
def test_several_findings_are_the_exception(name: str, outcomes: dict[str, list[Outcome]]) -> None:
    """A kind whose mutants all have one finding must not claim to have more."""
    assert any(len(one.by) + len(one.said) > 1 for one in outcomes[name])


@pytest.mark.parametrize("name", list(KINDS))
def test_all_of_validation_agrees(name: str, complete: dict[str, list[Outcome]]) -> None:
    """With frictionless, too, a mistake is one finding, and a legitimate edit is none."""
    (one,) = complete[name]
    assert bool(one.by) is bool(KINDS[name].codes), str(one)
    assert KINDS[name].codes or not one.said, str(one)
    assert not one.many, str(one)
    assert not one.failures, str(one)


def test_there_are_many_kinds_of_mistakes() -> None:
    assert len(MISTAKES) >= 180
    assert all(KINDS[name].reason for name in LEGITIMATE)
