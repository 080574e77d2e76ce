"""Which tables and fields a person writes, and which values the contract accepts."""

from __future__ import annotations

import datetime
import difflib
import re
from collections.abc import Callable, Sequence

from gazadata.contract import INTEGER, Contract, Field, Resource

TEXT_TABLES = ("passages", "quotes", "evidence")
"""Tables that a sheet does not list, since their rows follow from the rest."""

PARTS = {
    "participants": ("event_id",),
    "conditions": ("position_id",),
    "names": ("actor_id", "topic_id"),
}
"""Tables whose rows may be nested in the row that one of these fields points to."""

COMPUTED_KEYS = ("participants", "names")
"""Tables whose keys are computed from their other cells."""

COMPUTED = {"sources": ("text_sha256", "text_length")}
"""Fields that are computed from the text, and appear in no sheet."""


def coded_tables(contract: Contract) -> list[Resource]:
    """The tables whose rows are written in sheets, in the contract's order."""
    return [r for r in contract.resources.values() if r.name not in TEXT_TABLES]


def parts_of(contract: Contract, table: str) -> dict[str, str]:
    """The tables that may be nested in a row of `table`, with the field that nesting implies."""
    return {
        part: name
        for part, names in PARTS.items()
        if part in contract.resources
        for name in names
        if name in contract[part].field_names and contract[part].target(name) == table
    }


def source_field(resource: Resource) -> str | None:
    """The field for a row's article, which a sheet does not repeat."""
    return next(
        (
            fk.field
            for fk in resource.foreign_keys
            if fk.resource == "sources"
            and resource.name != "sources"
            and not resource[fk.field].evidence_required
        ),
        None,
    )


def nearest_names(name: str, known: Sequence[str]) -> str:
    """The most similar of several names, or all of them, for error messages."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return repr(near[0]) if near else f"one of {', '.join(known)}"


def misfit(field_: Field, text: str) -> str | None:
    """Why a value does not fit a field of the contract; None if it does."""
    if field_.enum and text not in field_.enum:
        near = nearest_names(text, list(field_.enum))
        return f"unknown term {text!r} of {field_.name}; expected {near}"
    problem = _FORMS[field_.type](text) if field_.type in _FORMS else None
    if problem:
        return f"{field_.name} is {text!r}; expected {problem}"
    if field_.minimum is not None and int(text) < field_.minimum:
        return f"{field_.name} is {text}; expected at least {field_.minimum}"
    if field_.pattern and not re.search(field_.pattern, text):
        return f"{field_.name} is {text!r}; expected a match of {field_.pattern}"
    if "\n" in text:
        return f"{field_.name} has a line break; write it on one line"
    return None


def _date(text: str) -> str | None:
    try:
        fits = datetime.date.fromisoformat(text).isoformat() == text
    except ValueError:
        fits = False
    return None if fits else "a date as YYYY-MM-DD"


def _integer(text: str) -> str | None:
    # Every number of 18 digits is one of 64 bits, and int() refuses numbers of 4,300 digits.
    fits = re.fullmatch(INTEGER, text) and len(text.lstrip("-")) <= 18
    return None if fits else "a whole number, such as 12"


def _boolean(text: str) -> str | None:
    return None if text in ("true", "false") else "true or false"


_FORMS: dict[str, Callable[[str], str | None]] = {
    "date": _date,
    "integer": _integer,
    "boolean": _boolean,
}
