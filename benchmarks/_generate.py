"""Conforming packages of any size: articles, the rows coded from them, and planted mistakes.

    python benchmarks/_generate.py FOLDER ARTICLES [ARTICLES_A_MISTAKE]

Each article yields about a hundred rows of evidence and quotes. Articles are written in chunks, so
memory does not grow with their number. The same arguments give the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from polars import col

from gazadata.text import FORMULA_SIGNS

REPOSITORY = Path(__file__).parents[1]
CHUNK = 5_000
"""Articles written at a time."""

# One passage per line; the text in [slot|…] is quoted. Two passages make a paragraph.
ARTICLE = """\
[title|{state} weighs troops for the Gaza force as {person} visits {city}]
[minister|Foreign Minister {person} of {state}] [met|met mediators in {city}] \
[when|{date_text}] to discuss [topic|the {topic}], {filler0}.
[aid|{state} would send field hospitals to {other}], \
[report|according to a {publisher} report]: “{filler1}”.
[support|The government of {state} strongly backs the plan], [voice|{person} said]—{filler2}.
[condition|{other} would take part only after a ceasefire], [rest4|{filler3}].
[delegations|Some {count} nations sent delegations to {city}], {filler4}; [rest5|{filler5}].
[view|Analysts call the {topic} a turning point], though {filler6}.
[cue|Reports suggest that more may follow], [rest7|perhaps {filler7}].
[rest8|{filler8}], [rest8b|{filler9}] and {filler10}."""

# The rows for each article: their cells, with `<< basis slot` where they need evidence.
ROWS = {
    "sources": {
        "": {
            "kind": "article << inferred title",
            "title": "{state} weighs troops for the Gaza force as {person} visits {city} "
            "<< stated title",
            "language": "en << inferred rest8",
            "held": "true",
            "text_path": "raw/{id}.txt",
            "text_sha256": "{sha256}",
            "text_length": "{length}",
        },
        "-report": {
            "kind": "cited_report << classified report",
            "publisher": "{publisher} << stated report",
            "held": "false",
            "cited_by": "{id}",
        },
    },
    "actors": {
        "-person": {
            "name": "{person} << stated minister",
            "kind": "person << classified minister",
            "part_of": "{state_id} << inferred minister",
            "description": "Foreign minister, in office when {id} appeared. << inferred minister",
        },
    },
    "names": {
        "-person-name": {
            "source_id": "{id}",
            "actor_id": "{id}-person << classified minister",
            "text": "{person}",
            "form": "name << classified minister",
        },
        "-state-name": {
            "source_id": "{id}",
            "actor_id": "{state_id} << classified title",
            "text": "{state}",
            "form": "name << classified title",
        },
        "-other-name": {
            "source_id": "{id}",
            "actor_id": "{other_id} << classified aid",
            "text": "{other}",
            "form": "name << classified aid",
        },
        "-topic-name": {
            "source_id": "{id}",
            "topic_id": "{topic_id} << classified topic",
            "text": "{topic}",
            "form": "name << classified topic",
        },
    },
    "relations": {
        "-person-office": {
            "subject_id": "{id}-person << stated minister",
            "predicate": "holds_office << classified minister",
            "object_text": "Foreign Minister << stated minister",
            "source_id": "{id}",
            "certainty": "certain << classified minister",
        },
    },
    "events": {
        "-visit": {
            "label": "{person} in {city}",
            "event_type": "CONSULT << classified met",
            "event_mode": "visit << classified met",
            "status": "occurred << classified met",
            "topic_id": "{topic_id} << classified topic",
            "location": "{city} << stated met",
            "location_iso3": "{iso3} << reference country-codes",
            "date_earliest": "{earliest} << inferred when",
            "date_latest": "{latest} << inferred when",
            "date_precision": "week",
            "date_text": "{date_text} << stated when",
            "is_background": "false << classified met",
            "coder_confidence": "high",
            "source_id": "{id}",
            "certainty": "certain << classified met",
        },
        "-aid": {
            "label": "{state} helps {other}",
            "event_type": "AID << classified aid",
            "status": "proposed << classified aid",
            "topic_id": "{topic_id} << inferred topic",
            "date_precision": "unknown",
            "is_background": "false << classified aid",
            "coder_confidence": "medium",
            "source_id": "{id}",
            "attributed_to": "{id}-report << stated report",
            "certainty": "probable << classified report",
            "hedge": "according to a {publisher} report << stated report",
        },
    },
    "participants": {
        "-visit-visitor": {
            "event_id": "{id}-visit << classified met",
            "actor_id": "{id}-person << stated title",
            "role": "visitor << classified met",
        },
        "-visit-nations": {
            "event_id": "{id}-visit << inferred delegations",
            "actor_id": "nations << classified delegations",
            "role": "participant << classified delegations",
            "member_count": "{count} << classified delegations",
            "member_count_is_approximate": "true << classified delegations",
        },
        "-aid-actor": {
            "event_id": "{id}-aid << classified aid",
            "actor_id": "{state_id} << stated aid",
            "role": "actor << classified aid",
        },
        "-aid-recipient": {
            "event_id": "{id}-aid << classified aid",
            "actor_id": "{other_id} << stated aid",
            "role": "recipient << classified aid",
        },
    },
    "positions": {
        "-backing": {
            "holder_id": "{state_id} << stated support",
            "spokesperson_id": "{id}-person << stated voice",
            "topic_id": "{topic_id} << classified support",
            "stance": "support << classified support",
            "expression": "indicated << classified voice",
            "strength": "strongly << stated support",
            "date_precision": "unknown",
            "source_id": "{id}",
            "certainty": "certain << classified support",
        },
        "-proviso": {
            "holder_id": "{other_id} << stated condition",
            "topic_id": "{topic_id} << classified condition",
            "stance": "conditional_support << classified condition",
            "event_id": "{id}-visit << inferred rest4",
            "date_precision": "unknown",
            "source_id": "{id}",
            "certainty": "certain << classified condition",
        },
    },
    "conditions": {
        "-ceasefire": {
            "position_id": "{id}-proviso << classified condition",
            "kind": "precondition << classified condition",
            "text": "only after a ceasefire << stated condition",
            "scope_is_ambiguous": "false << classified rest4",
        },
    },
    "assessments": {
        "-turning-point": {
            "kind": "evaluation << classified view",
            "about_topic_id": "{topic_id} << stated view",
            "valence": "positive << classified view",
            "statement": "The {topic} is a turning point: {filler6}. << inferred view",
            "source_id": "{id}",
            "certainty": "certain << classified view",
        },
        "-outlook": {
            "kind": "prediction << classified rest7",
            "about_topic_id": "{topic_id} << classified rest8b",
            "valence": "neutral << classified rest5",
            "statement": "More may follow. << inferred cue",
            "source_id": "{id}",
            "certainty": "possible << classified rest7",
            # Not a cue: if the row is made certain, the cue in its statement's quote gives it away.
            "hedge": "perhaps << stated rest7",
        },
    },
}

# Rows that all articles share. Each state or topic is named in the article with its number.
SHARED = {
    "sources": {
        "country-codes": {
            "kind": "reference << reference country-codes",
            "title": "Country codes << reference country-codes",
            "url": "https://example.org/codes << reference country-codes",
            "held": "false",
        }
    },
    "actors": {
        "nations": {
            "name": "Nations that sent delegations << reference country-codes",
            "kind": "group << reference country-codes",
            "list_is_open": "true << reference country-codes",
        }
    },
}
STATE = {
    "actors": {
        "{state_id}": {
            "name": "{state} << reference country-codes",
            "kind": "state << reference country-codes",
            "iso3": "{iso3} << reference country-codes",
        }
    },
}
TOPIC = {
    "topics": {
        "{topic_id}": {
            "label": "{topic}",
            "kind": "plan << classified topic",
            "part_of": "{topic_part} << inferred topic",
            "status": "existing << classified topic",
        }
    },
}

STATES = [
    "Pakistan",
    "Türkiye",
    "Azerbaijan",
    "Egypt",
    "Indonesia",
    "Malaysia",
    "Qatar",
    "Jordan",
    "Morocco",
    "Côte-d’Ivoire",
    "Österreich",
    "España",
    "Éire",
    "Norway",
    "Sweden",
    "Denmark",
    "Finland",
    "Chile",
    "Perú",
    "México",
    "Brasil",
    "Kenya",
    "Ghana",
    "Senegal",
    "Curaçao",
    "Réunion",
    "Iceland",
    "Poland",
    "Latvia",
    "Estonia",
    "Česko",
    "Slovakia",
    "Greece",
    "Cyprus",
    "Malta",
    "Japan",
    "Korea",
    "Vietnam",
    "Thailand",
    "Nepal",
]
TOPICS = [
    f"{a} {b}"
    for a in ("ceasefire", "Gaza", "border", "aid", "reconstruction", "“day after”")
    for b in ("accord", "plan", "mission", "framework", "roadmap")
]
CITIES = [
    "Doha",
    "Cairo",
    "Zürich",
    "Genève",
    "Málaga",
    "København",
    "Łódź",
    "Kraków",
    "Reykjavík",
    "Québec",
    "Rabat",
]
FIRST = [
    "Asım",
    "Zoë",
    "José",
    "Łukasz",
    "Søren",
    "Amélie",
    "Nguyễn",
    "Björk",
    "Ali",
    "Fatima",
    "Chloé",
    "Omar",
]
LAST = [
    "Erdoğan",
    "Müller",
    "Ibáñez",
    "Öztürk",
    "Novák",
    "O’Brien",
    "Hussain",
    "Dar",
    "Åberg",
    "Sørensen",
    "Çelik",
    "Khan",
]
PUBLISHERS = ["Reuters", "El País", "Süddeutsche Zeitung", "AFP", "Al-Ahram"]
WORDS = [
    "the",
    "of",
    "force",
    "stabilisation",
    "“guardians”",
    "—",
    "isn’t",
    "President’s",
    "considering",
    "troops",
    "envoy",
    "army",
    "visit",
    "December",
    "would",
    "mission",
    "peace",
    "council",
    "résumé",
    "officials",
    "غزة",
    "rôle",
    "naïve",
    "mediators",
    "border",
    "crossing",
    "convoy",
    "hospital",
    "budget",
    "parliament",
    "voters",
    "allies",
]


@dataclass(frozen=True)
class Mistake:
    """A kind of mistake: which cell of an article's rows it changes and how, and what finds it."""

    code: str
    resource: str
    slot: str
    field: str
    edit: Callable[[pl.Expr], pl.Expr] | None
    """From the right cell to the wrong one; None: the row is removed (evidence) or duplicated."""
    found_in: tuple[str, str] | None = None
    """Resource and slot of the row where it is found, if that is a different one."""


def _is(value: str | None) -> Callable[[pl.Expr], pl.Expr]:
    return lambda _: pl.lit(value, pl.String)


def _then(value: str) -> Callable[[pl.Expr], pl.Expr]:
    return lambda cell: pl.concat_str(cell, pl.lit(value))


MISTAKES = (
    Mistake("GD109", "assessments", "-turning-point", "statement", _then(" ")),
    Mistake("GD201", "passages", "-p3", "paragraph", _is("two")),
    Mistake("GD203", "assessments", "-turning-point", "valence", _is("positiv")),
    Mistake("GD204", "sources", "", "language", _is("EN")),
    Mistake("GD205", "participants", "-visit-nations", "member_count", _is("0")),
    Mistake("GD206", "relations", "-person-office", "", None),
    # A different key each time: cells that point to the same missing row are one finding.
    Mistake(
        "GD207", "events", "-visit", "topic_id", lambda c: c + "-" + pl.col("id"),
    ),
    # A different hash each time: a duplicate hash would be another mistake.
    Mistake("GD302", "sources", "", "text_sha256", lambda c: c.str.reverse()),
    Mistake("GD321", "quotes", "-rest8", "exact", lambda c: pl.lit("X") + c.str.slice(1)),
    Mistake("GD322", "quotes", "-rest5", "prefix", lambda c: c.str.reverse()),
    Mistake("GD323", "quotes", "-voice", "passage_id", lambda c: c.str.slice(0, 10) + "4"),
    Mistake("GD333", "evidence", "events-visit.is_background", "", None, ("events", "-visit")),
    Mistake("GD334", "evidence", "events-visit.occurrences", "", _is("")),
    Mistake("GD335", "evidence", "events-aid.status", "evidence_id", _then("-x")),
    Mistake("GD341", "evidence", "events-visit.status", "basis", _is("stated")),
    Mistake("GD342", "evidence", "events-visit.date_earliest", "note", _is(None)),
    Mistake("GD343", "evidence", "events-visit.location_iso3", "note", _is(None)),
    Mistake(
        "GD351", "assessments", "-outlook", "certainty", _is("certain"),
        ("evidence", "assessments-outlook.statement"),
    ),
    Mistake("GD401", "events", "-visit", "date_latest", _is("2001-01-01")),
    Mistake("GD402", "events", "-visit", "date_precision", _is("day")),
    Mistake("GD403", "events", "-visit", "event_mode", _is("troops")),
    Mistake("GD407", "positions", "-backing", "stance", _is("conditional_support")),
    Mistake("GD409", "positions", "-backing", "expression", _is("silence")),
    Mistake("GD410", "relations", "-person-office", "certainty", _is("uncommitted")),
)  # fmt: skip


@dataclass(frozen=True, order=True)
class Planted:
    """One mistake in the package: the rule that finds it, and the row where it is found."""

    code: str
    resource: str
    row_id: str


def generate(folder: Path, articles: int, mistakes: int = 0, seed: int = 1) -> list[Planted]:
    """Write a package with this many articles to a new folder, at most one mistake in each.

    Returns:
        The planted mistakes, sorted.
    """
    rng = np.random.default_rng(seed)
    (folder / "data").mkdir(parents=True)
    (folder / "raw").mkdir()
    shutil.copytree(REPOSITORY / "schemas", folder / "schemas")
    descriptor = json.loads((REPOSITORY / "datapackage.json").read_bytes())
    descriptor |= {"name": "generated", "title": "A generated package"}
    text = json.dumps(descriptor, ensure_ascii=False, indent=2)
    (folder / "datapackage.json").write_text(text + "\n", "utf-8")
    writer = _Writer(folder, descriptor["resources"])
    wrong = np.full(articles, -1, np.int8)
    chosen = rng.choice(articles, mistakes, replace=False)
    wrong[chosen] = np.arange(mistakes) % len(MISTAKES)
    planted: list[Planted] = []
    for first in range(0, articles, CHUNK):
        chunk = _articles(np.arange(first, min(first + CHUNK, articles)), wrong, rng)
        for key, content in chunk.select("id", "text").iter_rows():
            (folder / "raw" / f"{key}.txt").write_bytes(content.encode())
        for resource, rows in _rows(chunk, ROWS, "{id}"):
            writer.write(resource, rows)
        planted += _planted(chunk)
        if first == 0:
            shared = chunk
    for rows_of, count in ((SHARED, 1), (STATE, len(STATES)), (TOPIC, len(TOPICS))):
        for resource, rows in _rows(shared.head(count), rows_of, ""):
            writer.write(resource, rows)
    writer.finish()
    return sorted(planted)


class _Writer:
    """Writes the tables in parts, since evidence is sorted by the resource that it is for."""

    def __init__(self, folder: Path, resources: list[dict[str, str]]) -> None:
        self.folder = folder
        self.fields = {
            part["name"]: [
                field["name"]
                for field in json.loads((folder / part["schema"]).read_bytes())["fields"]
            ]
            for part in resources
        }
        self.parts: set[str] = set()

    def write(self, resource: str, rows: pl.DataFrame) -> None:
        part = f"{resource}.{rows['resource'][0]}" if resource == "evidence" else resource
        self.parts.add(part)
        names = self.fields[resource]
        empty = [pl.lit(None, pl.String).alias(n) for n in names if n not in rows.columns]
        with (self.folder / "data" / f"{part}.part").open("ab") as file:
            rows.with_columns(empty).select(names).sort(names[0]).write_csv(
                file, include_header=False
            )

    def finish(self) -> None:
        for resource, names in self.fields.items():
            with (self.folder / "data" / f"{resource}.csv").open("wb") as file:
                file.write(f"{','.join(names)}\n".encode())
                for part in sorted(p for p in self.parts if p.split(".")[0] == resource):
                    path = self.folder / "data" / f"{part}.part"
                    with path.open("rb") as content:
                        shutil.copyfileobj(content, file, 1 << 22)
                    path.unlink()


def _format(template: str) -> pl.Expr:
    """An expression for a template with columns in braces."""
    pieces = re.split(r"\{(\w+)\}", template)
    parts = [col(p) if n % 2 else pl.lit(p) for n, p in enumerate(pieces) if p]
    return pl.concat_str(parts) if parts else pl.lit("")


def _articles(numbers: np.ndarray, wrong: np.ndarray, rng: np.random.Generator) -> pl.DataFrame:
    """One row per article: its words, its text, and the start of each passage and quote."""
    size = len(numbers)
    draw = random.Random(0)
    fillers = [
        " ".join(draw.choices(WORDS, k=draw.randint(9, 21))).replace("— ", "—") for _ in range(997)
    ]
    fillers = [f"then {f} now" for f in fillers]

    def pick(values: Sequence[str | None], at: np.ndarray) -> pl.Series:
        return pl.Series(values, dtype=pl.String).gather(at % len(values))

    def one(values: list[str]) -> pl.Series:
        return pick(values, rng.integers(0, len(values), size))

    # The first articles cover all states and topics, so that each is named at least once.
    start = max(len(STATES), len(TOPICS))
    state = np.where(numbers < start, numbers, rng.integers(0, len(STATES), size)) % len(STATES)
    topic = np.where(numbers < start, numbers, rng.integers(0, len(TOPICS), size)) % len(TOPICS)
    other = (state + rng.integers(1, len(STATES), size)) % len(STATES)
    codes = [f"{chr(65 + n // 26)}{chr(65 + n % 26)}X" for n in range(len(STATES))]
    state_ids = [f"state-{n:02}" for n in range(len(STATES))]
    topic_ids = [f"topic-{n:02}" for n in range(len(TOPICS))]
    parts = [None if n == 0 else topic_ids[n // 2] for n in range(len(TOPICS))]
    frame = pl.DataFrame(
        {
            "id": pl.Series(numbers).cast(pl.String).str.zfill(7),
            "wrong": wrong[numbers],
            "state": pick(STATES, state),
            "state_id": pick(state_ids, state),
            "iso3": pick(codes, state),
            "other": pick(STATES, other),
            "other_id": pick(state_ids, other),
            "topic": pick(TOPICS, topic),
            "topic_id": pick(topic_ids, topic),
            "topic_part": pick(parts, topic),
            "city": one(CITIES),
            "first": one(FIRST),
            "last": one(LAST),
            "publisher": one(PUBLISHERS),
            "count": pl.Series(rng.integers(20, 90, size)).cast(pl.String),
            "day": pl.Series(rng.integers(12_000, 20_000, size)).cast(pl.Int32).cast(pl.Date),
            **{f"filler{n}": one(fillers) for n in range(11)},
        }
    ).with_columns(
        id="a" + col("id"),
        person=_format("{first} {last}"),
        earliest=col("day").cast(pl.String),
        latest=(col("day") + pl.duration(days=5)).cast(pl.String),
        date_text=pl.lit("in the week of ") + col("day").dt.strftime("%-d %B %Y"),
    )
    at = pl.lit(0, pl.UInt32)
    segments: list[str] = []
    passages = ARTICLE.split("\n")
    for number, passage in enumerate(passages):
        frame = frame.with_columns(at.alias(f"start:-p{number}"))
        for piece in re.split(r"(\[.*?\])", passage):
            slot, bar, words = piece.strip("[]").partition("|")
            name = f"words:-{slot}" if bar else f"plain:{len(segments)}"
            frame = frame.with_columns(_format(words if bar else piece).alias(name))
            frame = frame.with_columns(at.alias(f"start:{name.removeprefix('words:')}"))
            at = at + col(name).str.len_chars()
            frame = frame.with_columns(at.alias(f"end:{name.removeprefix('words:')}"))
            at = col(f"end:{name.removeprefix('words:')}")
            segments.append(name)
        frame = frame.with_columns(at.alias(f"end:-p{number}"))
        if number < len(passages) - 1:
            gap = " " if number % 2 else "\n\n"
            frame = frame.with_columns(pl.lit(gap).alias(f"gap:{number}"))
            at = at + len(gap)
            segments.append(f"gap:{number}")
    frame = frame.with_columns(text=pl.concat_str(segments))
    hashes = [hashlib.sha256(text.encode()).hexdigest() for text in frame["text"]]
    return frame.with_columns(
        pl.Series("sha256", hashes), length=col("text").str.len_chars().cast(pl.String)
    )


Row = dict[str, pl.Expr]


def _rows(
    chunk: pl.DataFrame, tables: dict[str, dict[str, dict[str, str]]], prefix: str
) -> Iterator[tuple[str, pl.DataFrame]]:
    """The rows of each table, then the evidence for them, mistakes included."""
    made: dict[str, list[pl.DataFrame]] = {}
    for resource, rows in tables.items():
        key = f"{resource.removesuffix('s')}_id"
        made[f"evidence.{resource}"] = []
        for slot, cells in rows.items():
            row = {key: _format(prefix + slot)}
            for field, cell in cells.items():
                value, _, support = cell.partition(" << ")
                row[field] = _format(value)
                if support:
                    proof = _evidence(resource, row[key], field, *support.split(" "))
                    filled = chunk.filter(row[field].is_not_null())
                    made[f"evidence.{resource}"] += _made(
                        filled, "evidence", f"{resource}{slot}.{field}", proof
                    )
            made.setdefault(resource, []).extend(_made(chunk, resource, slot, row))
    if prefix:
        made["passages"], made["quotes"] = _cut(chunk)
        # Evidence for an empty cell.
        extra = _evidence("events", _format("{id}-visit"), "occurrences", "classified", "met")
        number = _number("evidence", "events-visit.occurrences")
        made["evidence.events"].append(chunk.filter(col("wrong") == number).select(**extra))
    for name, frames in made.items():
        yield name.split(".")[0], pl.concat(frames, how="diagonal")


def _number(resource: str, slot: str) -> int:
    (number,) = (n for n, m in enumerate(MISTAKES) if (m.resource, m.slot) == (resource, slot))
    return number


def _evidence(resource: str, key: pl.Expr, field: str, basis: str, by: str) -> Row:
    support = pl.lit(by) if basis == "reference" else _format(f"{{id}}-{by}")
    note = {"inferred": "The words say it by the rule for such rows.", "reference": "Its row."}
    return {
        "evidence_id": pl.concat_str(
            pl.lit(resource), key, pl.lit(field.replace("_", "-")), support, separator="."
        ),
        "resource": pl.lit(resource),
        "row_id": key,
        "field": pl.lit(field),
        "basis": pl.lit(basis),
        "reference_id" if basis == "reference" else "quote_id": support,
        "note": pl.lit(note.get(basis), pl.String),
    }


def _made(chunk: pl.DataFrame, resource: str, slot: str, row: Row) -> list[pl.DataFrame]:
    """One row for each article in the chunk, wrong where a mistake is planted."""
    keep = pl.lit(True)
    doubled = None
    cells = dict(row)
    for number, mistake in enumerate(MISTAKES):
        if (mistake.resource, mistake.slot) != (resource, slot):
            continue
        here = col("wrong") == number
        if mistake.edit is not None:
            cell = cells[mistake.field]
            cells[mistake.field] = pl.when(here).then(mistake.edit(cell)).otherwise(cell)
        elif resource == "evidence":
            keep = ~here
        else:
            doubled = here
    frames = [chunk.filter(keep).select(**cells)]
    if doubled is not None:
        frames.append(chunk.filter(doubled).select(**cells))
    return frames


def _cut(chunk: pl.DataFrame) -> tuple[list[pl.DataFrame], list[pl.DataFrame]]:
    """Passages and quotes, at their places in the texts."""
    passages, quotes = [], []
    for number, passage in enumerate(ARTICLE.split("\n")):
        slot = f"-p{number}"
        row = {
            "passage_id": _format(f"{{id}}{slot}"),
            "source_id": col("id"),
            "sequence": pl.lit(str(number + 1)),
            "paragraph": pl.lit(str((number + 1) // 2 + 1)),
            "kind": pl.lit("sentence" if number else "headline"),
            "char_start": col(f"start:{slot}").cast(pl.String),
            "char_end": col(f"end:{slot}").cast(pl.String),
        }
        passages += _made(chunk, "passages", slot, row)
        for quote in re.findall(r"\[(\w+)\|", passage):
            start, end = col(f"start:-{quote}").cast(pl.Int64), col(f"end:-{quote}")
            before = col("text").str.slice((start - 32).clip(0), pl.min_horizontal(start, 32))
            row = {
                "quote_id": _format(f"{{id}}-{quote}"),
                "source_id": col("id"),
                "passage_id": _format(f"{{id}}{slot}"),
                "char_start": start.cast(pl.String),
                "char_end": end.cast(pl.String),
                "exact": col(f"words:-{quote}"),
                "prefix": before.str.extract(r"([^\n]*)$")
                .str.strip_chars_start(FORMULA_SIGNS)
                .replace("", None),
                "suffix": col("text")
                .str.slice(end, 32)
                .str.extract(r"^([^\n]*)")
                .replace("", None),
            }
            quotes += _made(chunk, "quotes", f"-{quote}", row)
    return passages, quotes


def _planted(chunk: pl.DataFrame) -> list[Planted]:
    planted = []
    for key, number in chunk.filter(col("wrong") >= 0).select("id", "wrong").iter_rows():
        mistake = MISTAKES[number]
        resource, slot = mistake.found_in or (mistake.resource, mistake.slot)
        row_id = f"{key}{slot}"
        if resource == "evidence":
            row, _, field = slot.partition(".")
            table, dash, rest = row.partition("-")
            cell = (
                "classified met"
                if field == "occurrences"
                else ROWS[table][dash + rest][field].rpartition(" << ")[2]
            )
            basis, by = cell.split(" ")
            support = by if basis == "reference" else f"{key}-{by}"
            row_id = f"{table}.{key}{dash}{rest}.{field.replace('_', '-')}.{support}"
            row_id += "-x" * (mistake.code == "GD335")
        planted.append(Planted(mistake.code, resource, row_id))
    return planted


if __name__ == "__main__":
    # With a third argument N, one article in N has a mistake, and each kind occurs at least once.
    articles = int(sys.argv[2])
    count = max(len(MISTAKES), articles // int(sys.argv[3])) if len(sys.argv) > 3 else 0
    for item in generate(Path(sys.argv[1]), articles, count):
        print(item.code, item.resource, item.row_id)
