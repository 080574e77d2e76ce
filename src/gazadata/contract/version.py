"""Versions as https://semver.org has them: their form, and their order.

Without build metadata, which no order knows: of two releases one has to be the later.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

Level = Literal["none", "patch", "minor", "major"]
LEVELS: tuple[Level, ...] = ("none", "patch", "minor", "major")
"""How much a version declares."""

LONGEST = 64
"""A version names a folder, and has to be read by people."""

_IDENTIFIER = r"(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)"
_FORM = re.compile(
    rf"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-({_IDENTIFIER}(?:\.{_IDENTIFIER})*))?",
    re.ASCII,
)


class Version(NamedTuple):
    """A version in parts that compare as section 11 of semver.org orders them."""

    major: int
    minor: int
    patch: int
    is_final: bool
    """Not a pre-release, which comes before the version that it is of."""
    identifiers: tuple[tuple[int, int, str], ...]
    """Those of a pre-release: numbers in their order, and then words in theirs."""

    @property
    def core(self) -> Version:
        """The final version: this one, or the one that a pre-release is of."""
        return self._replace(is_final=True, identifiers=())

    def __str__(self) -> str:
        core = f"{self.major}.{self.minor}.{self.patch}"
        parts = (word or str(number) for _, number, word in self.identifiers)
        return core if self.is_final else f"{core}-{'.'.join(parts)}"


def parse(text: object) -> Version | None:
    """The version that `text` states; None if it is not one."""
    found = _FORM.fullmatch(text) if isinstance(text, str) and len(text) <= LONGEST else None
    if found is None:
        return None
    major, minor, patch, pre = found.groups()
    identifiers = tuple(
        (0, int(part), "") if part.isdigit() else (1, 0, part)
        for part in (pre.split(".") if pre else ())
    )
    return Version(int(major), int(minor), int(patch), pre is None, identifiers)


def bumped(version: Version, level: Level) -> Version:
    """The least final version after `version` for a step of `level` (semver.org).

    A pre-release comes before the version that it is of, so that version may already be enough.
    """
    major, minor, patch, is_final, _ = version
    if level == "major":
        enough = not is_final and minor == patch == 0
        return Version(major + (not enough), 0, 0, True, ())
    if level == "minor":
        enough = not is_final and patch == 0
        return Version(major, minor + (not enough), 0, True, ())
    return Version(major, minor, patch + is_final, True, ())
