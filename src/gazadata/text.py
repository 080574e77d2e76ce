"""Text: normalization, folding for comparison, and characters that tables may not contain."""

from __future__ import annotations

import re
import unicodedata

# Typographic characters, and the keyboard characters that they replace.
TYPESET = {
    "\u2019": "'",
    "\u2018": "'",
    "\u201c": '"',
    "\u201d": '"',
    "\u201a": "'",
    "\u201e": '"',
    "\u2032": "'",
    "\u2033": '"',
    "\u2039": "'",
    "\u203a": "'",
    "\u00ab": '"',
    "\u00bb": '"',
    "\u2026": "...",
    "\u2212": "-",
    "\u2010": "-",
    "\u2011": "-",
    "\u2013": "-",
    "\u2014": "-",
    "\u00a0": " ",
    "\u202f": " ",
}
_TABLE = str.maketrans(TYPESET)

_JOINERS = "\u200c\u200d"
_JOINED = (
    "\u0600-\u08ff\u0900-\u109f\u1780-\u17d3\u1820-\u18aa\ufb50-\ufdcf\ufdf0-\ufdff\ufe70-\ufefc"
)
"""Letters and marks of scripts that are written with joiners: Arabic to Mongolian."""

_HIDDEN = (
    "[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5"
    "\u180b-\u180f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ue000-\uf8ff\ufdd0-\ufdef"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff\U000110bd\U000110cd\U00013430-\U0001343f"
    "\U0001bca0-\U0001bca3\U0001d159\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    + "".join(chr(n << 16 | last) for n in range(1, 15) for last in (0xFFFE, 0xFFFF))
    + "\U000f0000-\U0010ffff]"
)
HIDDEN = re.compile(f"{_HIDDEN}|(?<![{_JOINED}])[{_JOINERS}]|[{_JOINERS}](?![{_JOINED}])")
"""Characters that a reader cannot see or trust.

Controls except tab and line ends, zero-width and bidirectional characters, byte order marks,
tags, variation selectors, replacement characters, private-use characters and noncharacters.
Joiners are hidden except between letters of scripts that are written with them, such as Persian and
Hindi, where they are part of the spelling.
"""

HAS_HIDDEN = f"{_HIDDEN}|(?:^|[^{_JOINED}])[{_JOINERS}]|[{_JOINERS}](?:$|[^{_JOINED}])"
"""A pattern for texts that contain `HIDDEN`, for Polars, which has no look-around."""


_SHOWN = bytes(n for n in range(128) if not HIDDEN.fullmatch(chr(n)))
"""The visible characters of ASCII."""


def is_shown(ascii_lines: bytes) -> bool:
    """Whether all characters of ASCII text are visible."""
    return not ascii_lines.translate(None, _SHOWN)


def odd_part(text: str) -> str:
    """A text without its visible ASCII characters.

    Deleting these and searching the rest takes a tenth of the time of searching it all.
    """
    return text.encode().translate(None, _SHOWN).decode()


def may_hide(left: str) -> bool:
    """Whether a text may have one of `HIDDEN`, judging by its `odd_part`.

    Taking that part can separate a joiner from a letter, or bring the two together.
    """
    return any(joiner in left for joiner in _JOINERS) or HIDDEN.search(left) is not None


FORMULA_SIGNS = "=+@\t\uff1d\uff0b\uff0d\uff20-"
"""Characters by which a spreadsheet takes a cell for a formula that it would run.

The hyphen is last so that they can be written between brackets in a pattern.
"""
FORMULA = f"^[{FORMULA_SIGNS}]"
"""The start of such a cell, for Python and for Polars."""

MARKS = 30
"""The most combining marks allowed in a row; no language needs more than a few.

It is the limit of https://www.unicode.org/reports/tr15/#Stream_Safe_Text_Format. Python takes
quadratic time to sort longer runs.
"""

# Letters such as those of Latin, CJK and Hangul are not marks and need not be counted.
_MARKED = re.compile(f"[^\0-\u02ff\u3100-\u9fff\uac00-\ud7a3]{{{MARKS + 1},}}")

_OF_MARKS = "\u0f73\u0f75\u0f81"
"""Characters that are not marks, but decompose into them."""


def overlong(text: str) -> int | None:
    """Where the first run of more than `MARKS` combining marks begins, if there is one."""
    for run in _MARKED.finditer(text):
        marks = 0
        for at, character in enumerate(run.group(), start=run.start() + 1):
            is_mark = unicodedata.combining(character) or character in _OF_MARKS
            marks = marks + 1 if is_mark else 0
            if marks > MARKS:
                return at - marks
    return None


def form_c(text: str) -> str:
    """A text in form C; unchanged if a run of marks is too long to sort."""
    if unicodedata.is_normalized("NFC", text) or overlong(text) is not None:
        return text
    return unicodedata.normalize("NFC", text)


def clean(cell: str) -> str:
    r"""The cell in NFC, with LF for line ends (CR LF and lone CR too)."""
    return form_c(cell.replace("\r\n", "\n").replace("\r", "\n"))


def malformed(text: str) -> str | None:
    """Why a text cannot be stored and quoted, and where; None if it can."""
    if (at := text.find("\r")) >= 0:
        what = "a carriage return instead of a single line feed"
    elif not unicodedata.is_normalized("NFC", text):
        normal = form_c(text)
        pairs = zip(text, normal, strict=False)
        at = next((n for n, (a, b) in enumerate(pairs) if a != b), overlong(text) or 0)
        end = at + 1
        while end < len(text) and unicodedata.combining(text[end]):
            end += 1
        codes = " ".join(f"U+{ord(character):04X}" for character in text[at:end][:5])
        what = f"{text[at:end][:5]} ({codes}), which is not in Unicode normalization form C"
    elif may_hide(odd_part(text)) and (hidden := HIDDEN.search(text)):
        at = hidden.start()
        name = unicodedata.name(text[at], "a control character")
        what = f"the hidden character U+{ord(text[at]):04X} ({name})"
    else:
        return None
    line = text.count("\n", 0, at) + 1
    return f"{what}, on line {line}, column {at - text.rfind(chr(10), 0, at)}"


def fold(text: str) -> str:
    """Fold case, apostrophes, quotation marks, dashes and white space, for comparison only."""
    return " ".join(text.translate(_TABLE).lower().split())
