"""Finding words in every held text of a package, ready to paste into data/quotes.csv."""

from __future__ import annotations

from dataclasses import dataclass

from gazadata import sniff
from gazadata.contract import inside
from gazadata.curate.canonical import csv_line
from gazadata.curate.tables import decode, read_bytes
from gazadata.errors import ReadError
from gazadata.evidence.quotes import Match, Passage, context, find, nearest, passage_of
from gazadata.package import Package
from gazadata.text import clean

_UNNAMED = (
    "{file} is not searched, since no row of sources names it; `gazadata add-article` adds it"
)


@dataclass(frozen=True)
class Place:
    """Where words occur: a span of a source's text, its passage, prefix and suffix."""

    source_id: str
    passage_id: str | None
    match: Match
    prefix: str
    suffix: str

    def __str__(self) -> str:
        start, end, exact = self.match.start, self.match.end, self.match.exact
        offsets = str(start), str(end)
        row = csv_line(
            ["", self.source_id, self.passage_id or "", *offsets, exact, self.prefix, self.suffix]
        )
        return (
            f"{self.passage_id or self.source_id}: characters {start} to {end}\n"
            f"  …{self.prefix}[{exact}]{self.suffix}…\n{row}"
        )


@dataclass(frozen=True)
class Found:
    """Every place where words occur, or the nearest to them in each text.

    `unnamed` are the files in raw/ that were not searched, since no row of `sources` names them.
    """

    words: str
    matches: list[Place]
    nearest: list[Place]
    unnamed: list[str]

    def __str__(self) -> str:
        if self.matches:
            return "\n".join(map(str, self.matches)).rstrip("\n")
        unnamed = "".join(f"\n{_UNNAMED.format(file=file)}" for file in self.unnamed)
        if self.nearest:
            there = "\n".join(map(str, self.nearest)).rstrip("\n")
            return f"no match for “{self.words}”; the nearest words:\n{there}{unnamed}"
        return f"no match for “{self.words}”, and nothing similar{unnamed}"


def find_in_package(package: Package, words: str) -> Found:
    """Find words in the held texts of a package, ignoring typography, case and white space.

    Passages without offsets, as in a draft, are ignored.

    Raises:
        ReadError: the package holds no text, as a release does, or a text cannot be read.
    """
    words = clean(words)
    if not words:
        raise ReadError("no words to find")
    places: list[Place] = []
    near: list[Place] = []
    held = [row for row in package.table("sources").to_pylist() if row["held"]]
    passages = [
        Passage(row["passage_id"], row["source_id"], row["char_start"], row["char_end"])
        for row in package.table("passages").to_pylist()
    ]
    for source in held:
        key, path = source["source_id"], source["text_path"]
        if not path:
            raise ReadError(f"{package.path('sources')}: {key} is held, but text_path is empty")
        file = inside(package.root, path)
        if not file.exists() and not sniff.absent(file):
            raise ReadError(f"{file}: no such file; releases do not contain the texts")
        content = read_bytes(file)
        if other := sniff.content(content):
            raise ReadError(f"{file}:{other.line}: found {other}")
        text = decode(file, content)
        here = [passage for passage in passages if passage.source_id == key]
        places += (_place(match, text, key, here) for match in find(text, words))
        if not places and (best := nearest(text, words)):
            near.append(_place(best, text, key, here))
    unnamed = _unnamed(package, {row["text_path"] for row in held})
    if not held:
        hint = "".join(f"; {_UNNAMED.format(file=file)}" for file in unnamed)
        raise ReadError(f"{package.root}: no source is held, so there is no text to search{hint}")
    return Found(words, places, near, unnamed)


def _place(match: Match, text: str, source: str, passages: list[Passage]) -> Place:
    start, end = match.start, match.end
    return Place(source, passage_of(start, end, passages), match, *context(text, start, end))


def _unnamed(package: Package, named: set[str]) -> list[str]:
    """The files in raw/ that no held source names."""
    raw = package.root / "raw"
    files = sorted(raw.iterdir()) if raw.is_dir() else []
    paths = [f"raw/{file.name}" for file in files if file.is_file() and file.name[0] != "."]
    return [path for path in paths if path not in named]
