"""Semantic versions (https://semver.org): their form and their order.

Build metadata is not allowed, as it has no order: of two releases, one must be the later.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

Level = Literal["none", "patch", "minor", "major"]
LEVELS: tuple[Level, ...] = ("none", "patch", "minor", "major")
"""The steps that a version can declare."""

LONGEST = 64
"""The most characters of a version, which names a folder and is read by people."""

_IDENTIFIER = r"(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)"
_FORM = re.compile(
    rf"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-({_IDENTIFIER}(?:\.{_IDENTIFIER})*))?",
    re.ASCII,
)


class Version(NamedTuple):
    """The parts of a version; they compare in the order of section 11 of semver.org."""

    major: int
    minor: int
    patch: int
    is_final: bool
    """Whether it is not a pre-release, which comes before its final version."""
    identifiers: tuple[tuple[int, int, str], ...]
    """The identifiers of a pre-release: numbers in order before words in order."""

    @property
    def core(self) -> Version:
        """The final version: this one, or that of a pre-release."""
        return self._replace(is_final=True, identifiers=())

    def __str__(self) -> str:
        core = f"{self.major}.{self.minor}.{self.patch}"
        parts = (word or str(number) for _, number, word in self.identifiers)
        return core if self.is_final else f"{core}-{'.'.join(parts)}"


def parse(text: object) -> Version | None:
    """The version in `text`, or None if it is not a valid one."""
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

    A pre-release comes before its final version, so that one may already be enough.
    """
    major, minor, patch, is_final, _ = version
    if level == "major":
        enough = not is_final and minor == patch == 0
        return Version(major + (not enough), 0, 0, True, ())
    if level == "minor":
        enough = not is_final and patch == 0
        return Version(major, minor + (not enough), 0, True, ())
    return Version(major, minor, patch + is_final, True, ())
