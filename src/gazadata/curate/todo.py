"""What is left to code in an article, passage by passage."""

from __future__ import annotations

from collections.abc import Iterator

from gazadata.curate.keys import label
from gazadata.curate.record import HeldPassage, Record, cut

_CODED = ("coded_by", "coded_on", "manual_version", "reviewed_by")
"""Fields of an article's row about its coding, which may be empty until it is done."""


def todo(record: Record, source: str) -> Iterator[str]:
    """What is left to code in an article: passages without a row, and cells without evidence.

    Raises:
        UnknownName: the source does not exist.
        ReadError: its text is not held, or cannot be read.
    """
    text = record.text(source)
    passages = record.passages(source)
    if not passages:
        yield "no passages; `gazadata add-article` creates them"
    waiting = {part.key for part in record.open_passages(source)}
    lacking = list(_lacking(record, source, passages))
    for part in passages:
        here = [said for number, said in lacking if number == part.number]
        if part.key in waiting:
            here.append("no row rests on it")
        if here:
            yield f"{label(part.key, source)} {cut(text[part.start : part.end])}"
            yield from (f"  {said}" for said in here)
    yield from (said for number, said in lacking if number is None)


def _lacking(
    record: Record, source: str, passages: list[HeldPassage]
) -> Iterator[tuple[int | None, str]]:
    """The rows that lack evidence, each with the number of the passage that it mostly quotes."""
    for name, rows in record.owned(source).items():
        resource = record.contract[name]
        for row in rows:
            key = row[resource.key]
            items = record.evidence.get((name, key), ())
            proven = {item.field for item in items}
            fields = [
                field.name
                for field in resource.fields
                if field.evidence_required and row[field.name] and field.name not in proven
            ]
            empty = [
                field.name for field in resource.fields if field.required and not row[field.name]
            ]
            numbers = [
                part.number
                for item in items
                if item.span and item.span.source == source
                for part in passages
                if part.holds(item.span)
            ]
            number = max(numbers, key=lambda one: (numbers.count(one), -one), default=None)
            if fields:
                yield number, f"{name}/{key}: no evidence for {', '.join(fields)}"
            if empty:
                yield number, f"{name}/{key}: no {', '.join(empty)}"
            unsaid = [at for at in _CODED if at in resource.field_names and not row[at]]
            if (name, key) == ("sources", source) and unsaid:
                yield None, f"{name}/{key}: no {', '.join(unsaid)}"
