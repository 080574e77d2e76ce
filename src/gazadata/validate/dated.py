"""Keys that a spreadsheet turned into dates, such as `oct-7` into 7-Oct."""

from __future__ import annotations

import re
from itertools import product

_MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july"),
    *("august", "september", "october", "november", "december"),
)
_SHORT = "|".join(month[:3] for month in _MONTHS)
_FORMS = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        rf"(?P<day>\d{{1,2}})[-. ](?P<name>{_SHORT})[a-z]*\.?(?:[-. ](?P<year>\d{{2,4}}))?",
        rf"(?P<name>{_SHORT})[a-z]*[-. ](?P<year>\d{{2,4}})",
        r"(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})(?:[T ][\d:.]+)?",
        r"(?P<month>\d{1,2})/(?P<day>\d{1,2})/(?P<year>\d{2,4})",
        r"(?P<day>\d{1,2})[./](?P<month>\d{1,2})[./](?P<year>\d{2,4})",
    )
)


def keys_made_dates(text: str) -> set[str]:
    """The keys that a spreadsheet may have turned into this date; empty if it is not a date."""
    keys: set[str] = set()
    for form in _FORMS:
        found = form.fullmatch(text)
        if found is None:
            continue
        parts = found.groupdict()
        name = (parts.get("name") or "").lower()
        number = int(parts.get("month") or 0)
        if name:
            number = next(n for n, month in enumerate(_MONTHS, 1) if month.startswith(name))
        if not 1 <= number <= 12:
            continue
        month = _MONTHS[number - 1]
        months = {month, month[:3], str(number), f"{number:02}"}
        day, year = parts.get("day"), parts.get("year")
        days = {day, str(int(day)), f"{int(day):02}"} if day else set()
        years = {year, f"20{year}"} if year else set()
        pairs = [*product(months, days | years), *product(days | years, months)]
        triples = [*product(years, months, days), *product(days, months, years)]
        keys.update("-".join(parts) for parts in (*pairs, *triples))
    return keys
