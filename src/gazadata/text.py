"""The one declared folding under which words are compared with the article's."""

from __future__ import annotations

# Characters that a keyboard has, for those that a typesetter puts in their place.
TYPESET = {
    "\u2019": "'",
    "\u2018": "'",
    "\u201c": '"',
    "\u201d": '"',
    "\u2010": "-",
    "\u2011": "-",
    "\u2013": "-",
    "\u2014": "-",
    "\u00a0": " ",
    "\u202f": " ",
}
_TABLE = str.maketrans(TYPESET)


def fold(text: str) -> str:
    """Fold case, apostrophes, quotation marks, dashes and white space, for comparing only."""
    return " ".join(text.translate(_TABLE).lower().split())
