"""Finding words in every held text of a package, ready to paste into data/quotes.csv."""

from __future__ import annotations

from dataclasses import dataclass

from gazadata.contract import inside
from gazadata.curate.canonical import canonical_csv
from gazadata.curate.derive import context
from gazadata.curate.quotes import Match, find, nearest
from gazadata.curate.tables import clean
from gazadata.errors import ReadError
from gazadata.package import Package


@dataclass(frozen=True)
class Place:
    """Where words stand: a span of a source's text, its passage and its neighbours."""

    source_id: str
    passage_id: str | None
    match: Match
    prefix: str
    suffix: str

    def __str__(self) -> str:
        cells = [
            "",
            self.source_id,
            self.passage_id or "",
            str(self.match.start),
            str(self.match.end),
            self.match.exact,
            self.prefix,
            self.suffix,
        ]
        row = canonical_csv([""] * len(cells), [cells]).decode("utf-8").split("\n", 1)[1]
        return (
            f"{self.passage_id or self.source_id}: characters {self.match.start} to "
            f"{self.match.end}\n  …{self.prefix}[{self.match.exact}]{self.suffix}…\n{row}"
        )


@dataclass(frozen=True)
class Found:
    """Every place where words stand, or the nearest to them."""

    words: str
    matches: list[Place]
    nearest: list[Place]

    def __str__(self) -> str:
        if self.matches:
            return "\n".join(map(str, self.matches)).rstrip("\n")
        if self.nearest:
            there = "\n".join(map(str, self.nearest)).rstrip("\n")
            return f"“{self.words}” stands nowhere; the nearest words:\n{there}"
        return f"“{self.words}” stands nowhere, and nothing is like it"


def find_in_package(package: Package, words: str) -> Found:
    """Find words in the held texts of a package; typing, case and white space are forgiven.

    Raises:
        ReadError: the package holds no text, as a release does, or one cannot be read.
    """
    words = clean(words)
    places: list[Place] = []
    near: list[Place] = []
    held = [row for row in package.table("sources").to_pylist() if row["held"]]
    passages = package.table("passages").to_pylist()
    for source in held:
        path = inside(package.root, source["text_path"])
        try:
            text = path.read_bytes().decode("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ReadError(
                f"{path}: {error}; the texts are in the repository and in no release"
            ) from None

        def place(match: Match, text: str = text, source_id: str = source["source_id"]) -> Place:
            passage = next(
                (
                    p["passage_id"]
                    for p in passages
                    if p["source_id"] == source_id
                    and p["start"] <= match.start
                    and match.end <= p["end"]
                ),
                None,
            )
            return Place(source_id, passage, match, *context(text, match.start, match.end))

        places += map(place, find(text, words))
        if not places and (best := nearest(text, words)):
            near.append(place(best))
    if not held:
        raise ReadError(f"{package.root}: no source is held, so there is no text to look in")
    return Found(words, places, near)
