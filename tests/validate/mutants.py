"""Kinds of mistakes, each made at a random place of the shipped package.

A kind names the rules that may find its mistakes, and the file and line of the finding. A
legitimate edit gives the reason why it must have no finding.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import hashlib
import json
import lzma
import re
import unicodedata
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from tests.validate.damage import DESCRIPTOR, SHIPPED, Files, Row, csv_bytes, json_bytes

from gazadata.contract import Field
from gazadata.contract.version import parse
from gazadata.curate.canonical import csv_line
from gazadata.text import fold
from gazadata.validate.semantics import OBJECTS

S = SHIPPED
NAMES = list(S.contract.resources)
CODED = [name for name in NAMES if name not in ("passages", "quotes", "evidence")]
Where = tuple[str, int | None]


@dataclass(frozen=True)
class Mutant:
    """A mistake: the files it changes, and where its finding must be (line None: any)."""

    kind: str
    files: Files
    places: tuple[Where, ...]
    what: str
    more: str
    """Why it has more than one finding; empty if it must have exactly one."""


@dataclass(frozen=True)
class Kind:
    """A kind of mistake.

    Attributes:
        name: what is changed.
        codes: the rules that may find it; none for a legitimate edit.
        make: makes the mistake at a random place; None if the place does not allow it.
        reason: why an edit is legitimate.
        more: why its mutants can have more than one finding.
    """

    name: str
    codes: frozenset[str]
    make: Callable[[Random], Mutant | None]
    reason: str = ""
    more: str = ""


KINDS: dict[str, Kind] = {}
CUES = re.compile(rf"\b(?:{'|'.join(map(re.escape, S.contract.hedge_cues))})\b")
Made = tuple[Files, list[Where]] | tuple[Files, list[Where], str] | None
"""What a mistake changes, where its finding must be, and why this one has more than one."""
Make = Callable[[Random], Made]


def kind(*codes: str, more: str = "") -> Callable[[Make], Make]:
    """Register a kind of mistake that these rules may find."""

    def register(make: Make) -> Make:
        name = make.__name__
        KINDS[name] = Kind(name, frozenset(codes), _maker(name, make, more), more=more)
        return make

    return register


def legitimate(reason: str) -> Callable[[Make], Make]:
    """Register a kind of edit that must have no finding."""

    def register(make: Make) -> Make:
        name = make.__name__
        KINDS[name] = Kind(name, frozenset(), _maker(name, make), reason)
        return make

    return register


def _maker(name: str, make: Make, more: str = "") -> Callable[[Random], Mutant | None]:
    def made(random: Random) -> Mutant | None:
        result = make(random)
        if result is None:
            return None
        changed, places, *why = result
        if all(S.files.get(path) == content for path, content in changed.items()):
            return None
        what = "; ".join(_difference(path, content) for path, content in changed.items())
        return Mutant(name, changed, tuple(places), what, "".join(why) or more)

    return made


def _difference(path: str, content: bytes | None) -> str:
    """The first line in which a file differs, for a message."""
    if content is None:
        return f"{path} deleted"
    new, old = content.split(b"\n"), S.files.get(path, b"").split(b"\n")
    at = next((i for i, (a, b) in enumerate(zip(new, old, strict=False)) if a != b), len(old))
    return f"{path}:{at + 1}: {b''.join(new[at : at + 1])[:200]!r}"


def changed(name: str, number: int, /, **cells: str) -> tuple[Files, list[Where]]:
    """One row with other cells; a finding must name it."""
    return S.change(name, number, **cells), [(S.path(name), number + 2)]


def a_row(random: Random, name: str) -> tuple[int, Row]:
    rows = S.rows(name)
    number = random.randrange(len(rows))
    return number, rows[number]


def rows_where(name: str, test: Callable[[Row], object]) -> list[tuple[int, Row]]:
    return [(i, row) for i, row in enumerate(S.rows(name)) if test(row)]


def a_cell(
    random: Random,
    test: Callable[[Field], object],
    *,
    filled: bool = True,
    names: list[str] | None = None,
) -> tuple[str, int, Field, str]:
    """A random cell of a field that passes a test: resource, row number, field, and value.

    Each field is as likely as any other, however many rows its table has.
    """
    fields = [(n, f) for n in names or NAMES for f in S.resource(n).fields if test(f)]
    random.shuffle(fields)
    for name, found in fields:
        rows = rows_where(name, lambda row, at=found.name: bool(row[at]) == filled)
        if rows:
            number, row = random.choice(rows)
            return name, number, found, row[found.name]
    raise AssertionError("no cell passes the test")


def target(name: str, found: Field) -> str | None:
    return S.resource(name).target(found.name)


def mutant(name: str, number: int) -> Mutant:
    """The mutant of a kind with a number, which is always the same one."""
    for attempt in range(500):
        made = KINDS[name].make(Random(f"{name}/{number}/{attempt}"))
        if made is not None:
            return made
    raise AssertionError(f"the shipped package has no place for a mistake of the kind {name}")


def line_of(name: str, key: str) -> Where:
    return S.path(name), S.where(name, **{S.resource(name).key: key}) + 2


def other_letter(random: Random, letter: str) -> str:
    return random.choice([c for c in "abcdefghijklmnopqrstuvwxyz" if c != letter.lower()])


def span(start: int, end: int) -> Row:
    """The cells of a quote at this place in the article."""
    return {
        "char_start": str(start),
        "char_end": str(end),
        "exact": S.text[start:end],
        "prefix": S.text[max(start - 32, 0) : start].rpartition("\n")[2],
        "suffix": S.text[end : end + 32].partition("\n")[0],
    }


# ------------------------------------------------------------------------------------ quotes
@kind("GD321", "GD205")
def quote_start_shifted(random: Random) -> Made:
    number, row = a_row(random, "quotes")
    return changed(
        "quotes", number, char_start=str(int(row["char_start"]) + random.choice((-1, 1)))
    )


@kind("GD321")
def quote_end_shifted(random: Random) -> Made:
    number, row = a_row(random, "quotes")
    return changed("quotes", number, char_end=str(int(row["char_end"]) + random.choice((-1, 1))))


@kind("GD321", "GD205")
def quote_moved_as_a_whole(random: Random) -> Made:
    number, row = a_row(random, "quotes")
    by = random.choice((-1, 1))
    return changed(
        "quotes",
        number,
        char_start=str(int(row["char_start"]) + by),
        char_end=str(int(row["char_end"]) + by),
    )


@kind("GD321", "GD205")
def quote_offsets_swapped(random: Random) -> Made:
    number, row = a_row(random, "quotes")
    return changed("quotes", number, char_start=row["char_end"], char_end=row["char_start"])


@kind("GD321")
def quote_character_changed(random: Random) -> Made:
    number, row = a_row(random, "quotes")
    at = random.randrange(len(row["exact"]))
    letter = other_letter(random, row["exact"][at])
    return changed("quotes", number, exact=row["exact"][:at] + letter + row["exact"][at + 1 :])


@kind("GD321")
def quote_character_left_out(random: Random) -> Made:
    number, row = a_row(random, "quotes")
    at = random.randrange(1, len(row["exact"]) - 1)
    return changed("quotes", number, exact=row["exact"][:at] + row["exact"][at + 1 :])


@kind("GD321")
def quote_case_changed(random: Random) -> Made:
    number, row = a_row(random, "quotes")
    at = random.choice([i for i, c in enumerate(row["exact"]) if c.isalpha()])
    return changed(
        "quotes",
        number,
        exact=row["exact"][:at] + row["exact"][at].swapcase() + row["exact"][at + 1 :],
    )


@kind("GD321")
def quote_typed_on_a_keyboard(random: Random) -> Made:
    found = rows_where("quotes", lambda row: "’" in row["exact"] or "—" in row["exact"])
    number, row = random.choice(found)
    return changed("quotes", number, exact=row["exact"].replace("’", "'").replace("—", "-"))


@kind("GD322", more="each of the two cells is wrong")
def quote_prefix_and_suffix_swapped(random: Random) -> Made:
    number, row = a_row(random, "quotes")
    return changed("quotes", number, prefix=row["suffix"], suffix=row["prefix"])


@kind("GD322")
def quote_context_character_changed(random: Random) -> Made:
    side = random.choice(("prefix", "suffix"))
    number, row = random.choice(rows_where("quotes", lambda row: row[side]))
    at = random.randrange(len(row[side]))
    letter = other_letter(random, row[side][at])
    return changed("quotes", number, **{side: row[side][:at] + letter + row[side][at + 1 :]})


@kind("GD322")
def quote_context_emptied(random: Random) -> Made:
    side = random.choice(("prefix", "suffix"))
    number, _ = random.choice(rows_where("quotes", lambda row: row[side]))
    return changed("quotes", number, **{side: ""})


@kind("GD323")
def quote_moved_to_another_passage(random: Random) -> Made:
    number, row = a_row(random, "quotes")
    _, passage = a_row(random, "passages")
    if passage["passage_id"] == row["passage_id"]:
        return None
    return changed("quotes", number, passage_id=passage["passage_id"])


@kind("GD323")
def quote_moved_to_another_source(random: Random) -> Made:
    number, row = a_row(random, "quotes")
    _, source = a_row(random, "sources")
    if source["source_id"] == row["source_id"]:
        return None
    return changed("quotes", number, source_id=source["source_id"])


@kind("GD324")
def quote_cuts_a_word(random: Random) -> Made:
    number, row = a_row(random, "quotes")
    start, end = int(row["char_start"]), int(row["char_end"])
    if S.text[start : start + 2].isalnum() and random.random() < 0.5:
        start += 1
    elif S.text[end - 2 : end].isalnum():
        end -= 1
    else:
        return None
    return changed("quotes", number, **span(start, end))


@kind("GD323")
def quote_runs_over_two_passages(random: Random) -> Made:
    number, row = a_row(random, "quotes")
    passages = S.rows("passages")
    (here,) = (i for i, p in enumerate(passages) if p["passage_id"] == row["passage_id"])
    start, end = int(row["char_start"]), int(passages[here]["char_end"])
    behind = S.text.find(" ", end + 1)
    if behind < 0 or "\n" in S.text[start:behind]:
        return None
    more = "the words behind it hold a hedge" if CUES.search(fold(S.text[start:behind])) else ""
    return *changed("quotes", number, **span(start, behind)), more


@kind("GD208")
def quote_doubled_under_another_key(random: Random) -> Made:
    _, row = a_row(random, "quotes")
    copy = row | {"quote_id": f"{row['quote_id']}-zz"}
    return _either("quotes", row["quote_id"], S.add("quotes", copy))


def _either(name: str, key: str, files: Files) -> Made:
    """A finding may name any row of the new file whose key begins like this."""
    lines = str((files[S.path(name)] or b"").decode()).split("\n")
    return files, [(S.path(name), i + 1) for i, line in enumerate(lines) if line.startswith(key)]


@kind("GD332")
def quote_that_nothing_uses(random: Random) -> Made:
    passage = random.choice(S.rows("passages"))
    start, end = int(passage["char_start"]), int(passage["char_end"])
    words = [m.span() for m in re.finditer(r"\w+", S.text[start:end])]
    first, last = sorted(random.sample(range(len(words)), 2))
    here = span(start + words[first][0], start + words[last][1])
    if any(
        (q["char_start"], q["char_end"]) == (here["char_start"], here["char_end"])
        for q in S.rows("quotes")
    ):
        return None
    row = {**here, "quote_id": "zz-unused", "source_id": passage["source_id"]}
    files = S.add("quotes", row | {"passage_id": passage["passage_id"]})
    return _either("quotes", "zz-unused", files)


@kind("GD112")
def letter_of_another_alphabet(random: Random) -> Made:
    look_alike = str.maketrans("aceopxyijsAEOPTBHKMX", "асеорхуіјѕАЕОРТВНКМХ")
    name, number, found, value = a_cell(
        random, lambda f: f.name in ("label", "statement", "note", "description")
    )
    inside = [m.start() for m in re.finditer(r"(?<=[A-Za-z])[aceopxyijs]", value)]
    if not inside:
        return None
    at = random.choice(inside)
    wrong = value[:at] + value[at].translate(look_alike) + value[at + 1 :]
    return changed(name, number, **{found.name: wrong})


@kind("GD104", "GD103")
def odd_character_in_a_schema_or_the_descriptor(random: Random) -> Made:
    path = random.choice([DESCRIPTOR, *(f"schemas/{name}.json" for name in NAMES)])
    text = S.files[path].decode()
    # Not in the names of fields and tables, without which nothing can be read.
    places = [m.end() for m in re.finditer(r'"(title|description|label)": "\w+', text)]
    at = random.choice(places)
    wrong = text[:at] + random.choice("\u200b\u00ad\u202e\ue000\ufffd\u2060") + text[at:]
    return {path: wrong.encode()}, [(path, text.count("\n", 0, at) + 1)]


@kind("GD107")
def line_that_is_no_row(random: Random) -> Made:
    name, names, rows = _header(random)
    lines = csv_bytes([names, *([row[n] for n in names] for row in rows)]).split(b"\n")[:-1]
    at = random.randrange(1, len(lines) + 1)
    wrong = random.choice(
        ([b"," * (len(names) - 1)], [lines[0]], [b""],
         [b"<<<<<<< HEAD", *lines[at - 1 : at], b"=======", *lines[at - 1 : at], b">>>>>>> other"])
    )  # fmt: skip
    content = b"\n".join([*lines[:at], *wrong, *lines[at:]]) + b"\n"
    return {S.path(name): content}, [(S.path(name), at + 1)]


@kind("GD207")
def quote_removed(random: Random) -> Made:
    number, row = a_row(random, "quotes")
    users = rows_where("evidence", lambda e: e["quote_id"] == row["quote_id"])
    more = "each row of evidence that used it needs correcting" if len(users) > 1 else ""
    return S.drop("quotes", number), [(S.path("evidence"), i + 2) for i, _ in users], more


# ---------------------------------------------------------------------------------- evidence
def sole_evidence() -> list[tuple[int, Row]]:
    """Rows of evidence that are the only ones for their cell."""
    cells = [(e["resource"], e["row_id"], e["field"]) for e in S.rows("evidence")]
    return rows_where(
        "evidence", lambda e: cells.count((e["resource"], e["row_id"], e["field"])) == 1
    )


@kind("GD333")
def evidence_removed(random: Random) -> Made:
    number, row = random.choice(sole_evidence())
    uses = [e["quote_id"] for e in S.rows("evidence")].count(row["quote_id"])
    more = "its quote is left without a use" if row["quote_id"] and uses == 1 else ""
    return S.drop("evidence", number), [line_of(row["resource"], row["row_id"])], more


@kind("GD206")
def evidence_doubled(random: Random) -> Made:
    _, row = a_row(random, "evidence")
    return _either("evidence", row["evidence_id"], S.add("evidence", row))


@kind("GD208")
def evidence_doubled_under_another_key(random: Random) -> Made:
    _, row = a_row(random, "evidence")
    copy = row | {"evidence_id": f"{row['evidence_id']}-zz"}
    return _either("evidence", row["evidence_id"], S.add("evidence", copy))


@kind("GD334")
def evidence_for_an_empty_cell(random: Random) -> Made:
    name, number, found, _ = a_cell(
        random, lambda f: f.evidence_required, filled=False, names=CODED
    )
    row_id = S.rows(name)[number][S.resource(name).key]
    quote = random.choice(S.rows("quotes"))["quote_id"]
    row = S.evidence(name, row_id, found.name, basis="inferred", quote_id=quote, note="A rule.")
    return _either("evidence", row["evidence_id"], S.add("evidence", row))


@kind("GD334")
def evidence_moved_to_an_empty_cell(random: Random) -> Made:
    number, row = a_row(random, "evidence")
    resource = S.resource(row["resource"])
    (cells,) = (r for r in S.rows(row["resource"]) if r[resource.key] == row["row_id"])
    empty = [f.name for f in resource.fields if f.evidence_required and not cells[f.name]]
    return changed("evidence", number, field=random.choice(empty)) if empty else None


@kind("GD334")
def evidence_for_an_unknown_row(random: Random) -> Made:
    number, row = a_row(random, "evidence")
    return changed("evidence", number, row_id=row["row_id"] + "-x")


@kind("GD334")
def evidence_for_an_unknown_field(random: Random) -> Made:
    number, row = a_row(random, "evidence")
    return changed("evidence", number, field=row["field"] + "_x")


@kind("GD334")
def evidence_for_an_exempt_field(random: Random) -> Made:
    number, row = a_row(random, "evidence")
    exempt = [f.name for f in S.resource(row["resource"]).fields if not f.evidence_required]
    return changed("evidence", number, field=random.choice(exempt))


@kind("GD334")
def evidence_for_another_resource(random: Random) -> Made:
    number, row = a_row(random, "evidence")
    others = [name for name in CODED if name != row["resource"]]
    other = random.choice(others)
    if any(r[S.resource(other).key] == row["row_id"] for r in S.rows(other)):
        return None
    return changed("evidence", number, resource=other)


@kind("GD335")
def evidence_key_mangled(random: Random) -> Made:
    number, row = a_row(random, "evidence")
    return changed("evidence", number, evidence_id=row["evidence_id"] + "0")


@kind("GD335", "GD341")
def evidence_given_another_quote(random: Random) -> Made:
    number, row = random.choice(rows_where("evidence", lambda e: e["quote_id"]))
    other = random.choice(S.rows("quotes"))
    if other["quote_id"] == row["quote_id"]:
        return None
    if len(rows_where("evidence", lambda e: e["quote_id"] == row["quote_id"])) == 1:
        return None  # Its quote would be unused as well.
    more = "the other quote holds a hedge" if CUES.search(fold(other["exact"])) else ""
    return *changed("evidence", number, quote_id=other["quote_id"]), more


def _named(name: str, at: str = "actor_id") -> str:
    """Why a key in names that matches no row has more than one finding."""
    own = name == "names" and at in ("actor_id", "topic_id")
    return "evidence states an actor by the name that is now nobody's" if own else ""


def _words(e: Row) -> str:
    return next((q["exact"] for q in S.rows("quotes") if q["quote_id"] == e["quote_id"]), "")


def _value(e: Row) -> str:
    resource = S.resource(e["resource"])
    row = next(r for r in S.rows(e["resource"]) if r[resource.key] == e["row_id"])
    return row[e["field"]]


def _forms(e: Row) -> list[str]:
    """The texts by which a quote can state a cell."""
    value, points_to = _value(e), S.resource(e["resource"]).target(e["field"])
    if points_to in ("actors", "topics"):
        column = "actor_id" if points_to == "actors" else "topic_id"
        return [n["text"] for n in S.rows("names") if n[column] == value]
    if points_to == "sources":
        return [s[f] for s in S.rows("sources") for f in ("title", "publisher")
                if s["source_id"] == value and s[f]]  # fmt: skip
    return [] if points_to else [value]


def _states(e: Row, words: str) -> bool:
    return any(_stand(form, words) for form in _forms(e))


def _stand(form: str, words: str) -> bool:
    """Whether a text contains others as whole words."""
    return re.sub(r"\b", "|", fold(form)) in re.sub(r"\b", "|", fold(words))


@kind("GD341")
def stated_by_a_quote_without_the_words(random: Random) -> Made:
    number, row = random.choice(rows_where("evidence", lambda e: e["basis"] == "stated"))
    other = random.choice(S.rows("quotes"))
    if _states(row, other["exact"]):
        return None
    key = row["evidence_id"].rpartition(".")[0] + "." + other["quote_id"]
    if any(e["evidence_id"] == key for e in S.rows("evidence")):
        return None
    if len(rows_where("evidence", lambda e: e["quote_id"] == row["quote_id"])) == 1:
        return None  # Its quote would be unused as well.
    if row["evidence_id"].encode() in S.files["data/retired.csv"]:
        return None  # A retired row would lose its replacement, too.
    rows = S.rows("evidence")
    rows[number] |= {"quote_id": other["quote_id"], "evidence_id": key}
    rows.sort(key=lambda e: e["evidence_id"])
    return _either("evidence", key, S.table("evidence", rows))


@kind("GD341")
def basis_classified_to_stated(random: Random) -> Made:
    found = rows_where("evidence", lambda e: e["basis"] == "classified")
    number, row = random.choice(found)
    return None if _states(row, _words(row)) else changed("evidence", number, basis="stated")


@kind("GD345", "GD346")
def basis_of_verbatim_words_to_classified(random: Random) -> Made:
    found = [
        (i, e)
        for i, e in sole_evidence()
        if e["basis"] == "stated" and S.resource(e["resource"])[e["field"]].verbatim
    ]
    number, row = random.choice(found)
    files, places = changed("evidence", number, basis="classified")
    return files, [*places, line_of(row["resource"], row["row_id"])]


@kind("GD346")
def basis_of_a_description_to_classified(random: Random) -> Made:
    found = rows_where("evidence", lambda e: e["field"] in ("description", "statement"))
    number, _ = random.choice(found)
    return changed("evidence", number, basis="classified")


@kind("GD342")
def basis_to_inferred_without_a_note(random: Random) -> Made:
    found = rows_where(
        "evidence",
        lambda e: (
            e["basis"] in ("stated", "classified")
            and not e["note"]
            and not S.resource(e["resource"])[e["field"]].verbatim
        ),
    )
    return changed("evidence", random.choice(found)[0], basis="inferred")


@kind("GD343", "GD347", "GD345")
def basis_to_reference(random: Random) -> Made:
    number, _ = random.choice(rows_where("evidence", lambda e: e["basis"] != "reference"))
    return changed("evidence", number, basis="reference")


@kind("GD343")
def basis_from_reference(random: Random) -> Made:
    number, _ = random.choice(rows_where("evidence", lambda e: e["basis"] == "reference"))
    return changed("evidence", number, basis=random.choice(("stated", "classified", "inferred")))


@kind("GD342", "GD343")
def note_removed(random: Random) -> Made:
    found = rows_where("evidence", lambda e: e["basis"] in ("inferred", "reference"))
    return changed("evidence", random.choice(found)[0], note="")


@kind("GD343")
def evidence_without_its_quote(random: Random) -> Made:
    number, _ = random.choice(rows_where("evidence", lambda e: e["quote_id"]))
    return changed("evidence", number, quote_id="")


@kind("GD344")
def reference_that_is_none(random: Random) -> Made:
    number, row = random.choice(rows_where("evidence", lambda e: e["reference_id"]))
    other = random.choice(rows_where("sources", lambda s: s["kind"] != "reference"))[1]["source_id"]
    rows = S.rows("evidence")
    key = row["evidence_id"].rpartition(".")[0] + "." + other
    rows[number] |= {"reference_id": other, "evidence_id": key}
    rows.sort(key=lambda e: e["evidence_id"])
    return _either("evidence", key, S.table("evidence", rows))


@kind("GD351")
def hedge_taken_out(random: Random) -> Made:
    """Remove the hedge with its evidence and make the row certain, so that only GD351 notices."""
    name = random.choice(("positions", "relations", "assessments"))
    key = S.resource(name).key
    number, row = random.choice(rows_where(name, lambda r: r["hedge"] and not r["attributed_to"]))
    mine = rows_where("evidence", lambda e: (e["resource"], e["row_id"]) == (name, row[key]))
    gone = [i for i, e in mine if e["field"] == "hedge"]
    rows = S.drop("evidence", *gone)
    left = csv_rows(rows[S.path("evidence")])
    loud = [
        i + 2
        for i, e in enumerate(left)
        if (e["resource"], e["row_id"]) == (name, row[key]) and CUES.search(fold(_words(e)))
    ]
    if not loud:
        return None
    files = {**rows, **S.change(name, number, hedge="", certainty="certain")}
    quotes = {_words(left[line - 2]) for line in loud}
    more = "two quotes of the row hold a hedge" if len(quotes) > 1 else ""
    return files, [(S.path("evidence"), line) for line in loud], more


def csv_rows(content: bytes) -> list[Row]:
    import csv
    import io

    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


# -------------------------------------------------------------------------------------- keys
def _foreign() -> list[tuple[str, str]]:
    return [(n, fk.field) for n in NAMES for fk in S.resource(n).foreign_keys]


@kind("GD207")
def foreign_key_dangling(random: Random) -> Made:
    name, at = random.choice(_foreign())
    rows = rows_where(name, lambda r: r[at])
    if not rows:
        return None
    number, row = random.choice(rows)
    return *changed(name, number, **{at: row[at] + random.choice(("-x", "x", "0"))}), _named(name)


@kind("GD411", "GD418")
def foreign_key_to_its_own_row(random: Random) -> Made:
    name, at, key = random.choice(
        (
            ("actors", "part_of", "actor_id"),
            ("topics", "part_of", "topic_id"),
            ("sources", "cited_by", "source_id"),
            ("relations", "object_id", "subject_id"),
            ("positions", "addressed_to_id", "holder_id"),
        )
    )
    number, row = random.choice(rows_where(name, lambda r: r[at]))
    return changed(name, number, **{at: row[key]})


@kind("GD411")
def chain_closed_to_a_circle(random: Random) -> Made:
    name = random.choice(("actors", "topics"))
    key = S.resource(name).key
    number, row = random.choice(rows_where(name, lambda r: r["part_of"]))
    parent = S.where(name, **{key: row["part_of"]})
    files = S.change(name, parent, part_of=row[key])
    return files, [(S.path(name), parent + 2), (S.path(name), number + 2)]


@kind("GD206", more="references to the row by its own key match no row")
def key_of_another_row(random: Random) -> Made:
    name = random.choice(NAMES)
    key = S.resource(name).key
    (first, one), (second, two) = a_row(random, name), a_row(random, name)
    if first == second:
        return None
    files = S.change(name, first, **{key: two[key]})
    return files, [(S.path(name), first + 2), (S.path(name), second + 2)]


@kind("GD206")
def row_doubled(random: Random) -> Made:
    name = random.choice(NAMES)
    number, row = a_row(random, name)
    rows = S.rows(name)
    rows.insert(number, row)
    return S.table(name, rows), [(S.path(name), number + 2), (S.path(name), number + 3)]


@kind("GD209", "GD208")
def key_that_differs_in_hyphens(random: Random) -> Made:
    name = random.choice([n for n in NAMES if n not in ("evidence", "passages")])
    key = S.resource(name).key
    _, row = random.choice(rows_where(name, lambda r: "-" in r[key]))
    near = row[key].replace("-", "", 1)
    if any(r[key] == near for r in S.rows(name)):
        return None
    files = S.add(name, row | {key: near})
    content = files[S.path(name)].decode().split("\n")
    lines = [i + 1 for i, line in enumerate(content) if line.split(",")[0] in (near, row[key])]
    return files, [(S.path(name), line) for line in lines]


@kind("GD204")
def key_with_a_wrong_character(random: Random) -> Made:
    name = random.choice([n for n in NAMES if n != "evidence"])
    key = S.resource(name).key
    number, row = a_row(random, name)
    bad = random.choice((row[key].replace("-", "_", 1), row[key] + "-", row[key].upper()))
    return changed(name, number, **{key: bad})


LOOK_ALIKE = {"a": "а", "c": "с", "e": "е", "i": "і", "o": "о", "p": "р", "s": "ѕ", "x": "х"}


@kind("GD204")
def letter_that_looks_alike_in_a_slug(random: Random) -> Made:
    slugs = "^[a-z0-9]+(-[a-z0-9]+)*$"
    name, number, found, value = a_cell(random, lambda f: f.pattern == slugs)
    places = [i for i, c in enumerate(value) if c in LOOK_ALIKE]
    if not places:
        return None
    at = random.choice(places)
    cells = {found.name: value[:at] + LOOK_ALIKE[value[at]] + value[at + 1 :]}
    return *changed(name, number, **cells), _named(name, found.name)


@kind(
    "GD333",
    "GD332",
    "GD207",
    "GD331",
    "GD312",
    "GD311",
    "GD313",
    more="references to the row match no row",
)
def key_renamed_in_one_place(random: Random) -> Made:
    name = random.choice([n for n in NAMES if n != "evidence"])
    key = S.resource(name).key
    number, row = a_row(random, name)
    users = [
        (S.path(n), i + 2)
        for n, at in _foreign()
        if S.resource(n).target(at) == name
        for i, _ in rows_where(n, lambda r, at=at: r[at] == row[key])
    ]
    return S.change(name, number, **{key: row[key] + "0"}), [(S.path(name), number + 2), *users]


# ------------------------------------------------------------------- vocabularies and types
@kind("GD203")
def term_that_is_none(random: Random) -> Made:
    name, number, found, value = a_cell(random, lambda f: f.enum)
    wrong = random.choice((value + "s", value[:-1], value[::-1], "unknown_term"))
    return None if wrong in found.enum else changed(name, number, **{found.name: wrong})


@kind("GD203")
def term_in_another_case(random: Random) -> Made:
    name, number, found, value = a_cell(random, lambda f: f.enum)
    wrong = random.choice((value.swapcase(), value.title()))
    return changed(name, number, **{found.name: wrong})


WRONG = {
    "integer": ("x", "1.0", "01", "+1", "1e3", "1,000", "١", "99999999999999999999", "0x1", "-0"),
    "boolean": ("yes", "TRUE", "True", "1", "0", "t", "falsе"),
    "date": ("2025", "2025-13-01", "2025-1-1", "01/02/2025", "2025-01-01T00:00:00", "20250101"),
}


@kind("GD201")
def cell_of_another_type(random: Random) -> Made:
    name, number, found, _ = a_cell(random, lambda f: f.type != "string")
    return changed(name, number, **{found.name: random.choice(WRONG[found.type])})


@kind("GD201")
def date_that_does_not_exist(random: Random) -> Made:
    name, number, found, _ = a_cell(random, lambda f: f.type == "date")
    wrong = ("2025-02-30", "2023-02-29", "2025-04-31", "2025-00-10", "2025-06-00", "2025-10-32")
    return changed(name, number, **{found.name: random.choice(wrong)})


@kind("GD205")
def number_below_its_minimum(random: Random) -> Made:
    name, number, found, _ = a_cell(random, lambda f: f.minimum is not None)
    assert found.minimum is not None
    return changed(name, number, **{found.name: str(found.minimum - random.choice((1, 2, 1000)))})


@kind("GD204")
def code_of_another_form(random: Random) -> Made:
    name, number, found, value = a_cell(
        random, lambda f: f.name in ("iso3", "location_iso3", "wikidata_id", "language")
    )
    return changed(
        name, number, **{found.name: random.choice((value.swapcase(), value + "1x", "?"))}
    )


@kind("GD210")
def address_that_is_none(random: Random) -> Made:
    number, _ = random.choice(rows_where("sources", lambda r: r["url"]))
    wrong = ("github", "www.example.org", "//example.org", "https://", "http:/example.org/x")
    return changed("sources", number, url=random.choice(wrong))


@kind("GD202")
def required_cell_emptied(random: Random) -> Made:
    name, number, found, _ = a_cell(random, lambda f: f.required and not f.unique)
    return changed(name, number, **{found.name: ""})


@kind("GD202")
def key_emptied(random: Random) -> Made:
    name = random.choice(NAMES)
    number, row = a_row(random, name)
    key = S.resource(name).key
    if row[key].encode() in S.files["data/retired.csv"]:
        return None  # A retired row would lose its replacement, too.
    return changed(name, number, **{key: ""})


@kind("GD334", "GD404", "GD409", "GD412", "GD413", "GD414", "GD415", "GD420")
def optional_cell_emptied(random: Random) -> Made:
    name, number, found, _ = a_cell(
        random, lambda f: f.evidence_required and not f.required, names=CODED
    )
    row_id = S.rows(name)[number][S.resource(name).key]
    files = S.change(name, number, **{found.name: ""})
    lines = [i + 2 for i in S.evidence_of(name, row_id, found.name)]
    return files, [(S.path(name), number + 2), *((S.path("evidence"), line) for line in lines)]


FREE = ("description", "strength", "author", "rights", "publisher", "date_text", "outcome")


@kind("GD333")
def optional_cell_filled_without_evidence(random: Random) -> Made:
    name, number, found, _ = a_cell(random, lambda f: f.name in FREE, filled=False, names=CODED)
    return changed(name, number, **{found.name: "made up"})


@kind("GD341")
def stated_words_changed(random: Random) -> Made:
    found = [
        (i, e)
        for i, e in rows_where("evidence", lambda e: e["basis"] == "stated")
        if not S.resource(e["resource"]).target(e["field"])
        and S.resource(e["resource"])[e["field"]].type == "string"
    ]
    number, row = random.choice(found)
    resource, value = S.resource(row["resource"]), _value(row)
    at = random.choice([i for i, c in enumerate(value) if c.isalpha()])
    changed_to = value[:at] + other_letter(random, value[at]) + value[at + 1 :]
    if _stand(changed_to, _words(row)):
        return None
    files = S.change(
        row["resource"],
        S.where(row["resource"], **{resource.key: row["row_id"]}),
        **{row["field"]: changed_to},
    )
    return files, [(S.path("evidence"), number + 2)]


@kind("GD341")
def stated_words_cut_inside_a_word(random: Random) -> Made:
    found = [
        (i, e)
        for i, e in rows_where("evidence", lambda e: e["basis"] == "stated")
        if not S.resource(e["resource"]).target(e["field"])
        and S.resource(e["resource"])[e["field"]].type == "string"
        and _value(e)[-2:].isalpha()
        and not S.resource(e["resource"])[e["field"]].enum
    ]
    number, row = random.choice(found)
    value = _value(row)[:-1]
    if _stand(value, _words(row)):
        return None
    at = S.where(row["resource"], **{S.resource(row["resource"]).key: row["row_id"]})
    files = S.change(row["resource"], at, **{row["field"]: value})
    return files, [(S.path("evidence"), number + 2)]


@kind("GD341", "GD411", "GD417", "GD418", "GD419")
def stated_key_changed(random: Random) -> Made:
    found = [
        (i, e)
        for i, e in rows_where("evidence", lambda e: e["basis"] == "stated")
        if S.resource(e["resource"]).target(e["field"]) in ("actors", "topics")
    ]
    number, row = random.choice(found)
    points_to = S.resource(row["resource"]).target(row["field"])
    assert points_to
    other = random.choice(S.rows(points_to))[S.resource(points_to).key]
    column = "actor_id" if points_to == "actors" else "topic_id"
    names = [n["text"] for n in S.rows("names") if n[column] == other]
    if row["resource"] == "names":
        own = S.rows(points_to)[S.where(points_to, **{S.resource(points_to).key: other})]
        names.append(own[S.resource(points_to).label or ""])
    if any(_stand(n, _words(row)) for n in names):
        return None
    key = S.resource(row["resource"]).key
    at = S.where(row["resource"], **{key: row["row_id"]})
    files = S.change(row["resource"], at, **{row["field"]: other})
    more = "what rested on the name is without it" if row["resource"] == "names" else ""
    return files, [(S.path("evidence"), number + 2), (S.path(row["resource"]), at + 2)], more


@kind("GD334", "GD207", more="references to the row match no row")
def row_removed(random: Random) -> Made:
    name = random.choice(CODED)
    number, row = a_row(random, name)
    key = row[S.resource(name).key]
    users = rows_where("evidence", lambda e: (e["resource"], e["row_id"]) == (name, key))
    users_path = [(S.path("evidence"), i + 2) for i, _ in users]
    pointing = [
        (S.path(n), i + 2)
        for n, at in _foreign()
        if S.resource(n).target(at) == name
        for i, _ in rows_where(n, lambda r, at=at: r[at] == key)
    ]
    return S.drop(name, number), users_path + [p for p in pointing if p[0] != S.path(name)]


@kind("GD333", "GD208", more="none of its cells has evidence")
def row_added_without_evidence(random: Random) -> Made:
    name = random.choice(CODED)
    _, row = a_row(random, name)
    return _either(name, "zz-added", S.add(name, row | {S.resource(name).key: "zz-added"}))


# ------------------------------------------------------------------------------------- dates
def _dated() -> list[tuple[str, int, Row, str]]:
    return [
        (name, i, row, stem)
        for name, stem in (("events", "date"), ("positions", "date"), ("sources", "published"))
        for i, row in rows_where(name, lambda r, s=stem: r[f"{s}_earliest"] or r[f"{s}_latest"])
    ]


@kind("GD401", "GD348")
def dates_swapped(random: Random) -> Made:
    name, number, row, stem = random.choice(_dated())
    first, last = row[f"{stem}_earliest"], row[f"{stem}_latest"]
    if not (first and last):
        return None
    if first == last:  # A single day has nothing to swap, so the end is moved before the beginning.
        return changed(name, number, **{f"{stem}_latest": first.replace("20", "19", 1)})
    swapped = changed(name, number, **{f"{stem}_earliest": last, f"{stem}_latest": first})
    return *swapped, "each of the two differs from the reference that it is from"


@kind("GD402", "GD348")
def precision_of_other_dates(random: Random) -> Made:
    name, number, row, stem = random.choice(_dated())
    at = f"{stem}_precision"
    others = [t for t in S.resource(name)[at].enum if t != row[at]]
    return changed(name, number, **{at: random.choice(others)})


@kind("GD402")
def precision_without_dates(random: Random) -> Made:
    name = random.choice(("events", "positions"))
    number, row = random.choice(rows_where(name, lambda r: r["date_precision"] == "unknown"))
    others = [t for t in S.resource(name)["date_precision"].enum if t != "unknown"]
    return changed(name, number, date_precision=random.choice(others))


# --------------------------------------------------------------------------------- semantics
def _modes() -> dict[str, list[str]]:
    modes: dict[str, list[str]] = S.resource("events")["event_mode"].raw["gazadata:modes"]
    return modes


@kind("GD403")
def mode_of_another_type(random: Random) -> Made:
    number, row = random.choice(rows_where("events", lambda r: r["event_mode"]))
    others = {m for type_, modes in _modes().items() if type_ != row["event_type"] for m in modes}
    wrong = sorted(others - set(_modes()[row["event_type"]]))
    return changed("events", number, event_mode=random.choice(wrong))


@kind("GD404")
def both_types(random: Random) -> Made:
    number, _ = random.choice(rows_where("events", lambda r: r["event_type"]))
    return changed("events", number, local_type=random.choice(("office_entry", "rank_attained")))


@kind("GD404")
def no_type(random: Random) -> Made:
    number, _ = random.choice(rows_where("events", lambda r: r["event_type"]))
    return changed("events", number, event_type="")


@kind("GD405")
def planned_as_consult(random: Random) -> Made:
    number, _ = random.choice(
        rows_where("events", lambda r: r["event_type"] == "CONSULT" and r["status"] == "occurred")
    )
    return changed("events", number, status="planned")


@kind("GD406")
def type_without_its_recipient(random: Random) -> Made:
    has = {p["event_id"] for p in S.rows("participants") if p["role"] == "recipient"}
    number, row = random.choice(
        rows_where("events", lambda r: r["event_type"] and r["event_id"] not in has)
    )
    other = random.choice(("COOPERATE", "AID", "SANCTION"))
    of_other = row["event_mode"] in ("", *_modes().get(other, ()))
    more = "" if of_other else "the mode, too, is one of the type that was"
    return *changed("events", number, event_type=other), more


@kind("GD407")
def conditional_without_a_condition(random: Random) -> Made:
    has = {c["position_id"] for c in S.rows("conditions")}
    number, row = random.choice(rows_where("positions", lambda r: r["position_id"] not in has))
    stance = random.choice(("conditional_support", "conditional_oppose"))
    more = "the expression is silence, too" if row["expression"] == "silence" else ""
    return *changed("positions", number, stance=stance), more


@kind("GD408")
def condition_of_what_carries_none(random: Random) -> Made:
    number, _ = a_row(random, "conditions")
    _, other = random.choice(
        rows_where("positions", lambda r: r["stance"] in ("oppose", "support", "not_addressed"))
    )
    return changed("conditions", number, position_id=other["position_id"])


@kind("GD409")
def silence_that_is_none(random: Random) -> Made:
    number, row = a_row(random, "positions")
    if row["stance"] == "not_addressed":
        return changed("positions", number, expression=random.choice(("indicated", "proposed")))
    return changed("positions", number, expression="silence")


@kind("GD410")
def weaker_for_no_reason(random: Random) -> Made:
    name = random.choice(("events", "positions", "relations", "assessments"))
    rows = rows_where(name, lambda r: not r["hedge"] and not r["attributed_to"])
    weaker = random.choice(("probable", "possible", "uncommitted"))
    return changed(name, random.choice(rows)[0], certainty=weaker)


@kind("GD410")
def certain_on_the_word_of_another(random: Random) -> Made:
    name = random.choice(("events", "positions"))
    rows = rows_where(name, lambda r: r["attributed_to"])
    return changed(name, random.choice(rows)[0], certainty="certain")


@kind("GD410", "GD333", more="the cell that was filled in has no evidence either")
def certain_and_attributed(random: Random) -> Made:
    name = random.choice(("events", "positions", "relations", "assessments"))
    rows = rows_where(name, lambda r: r["certainty"] == "certain")
    return changed(name, random.choice(rows)[0], attributed_to="reuters-report")


@kind("GD410")
def hedge_left_out_with_its_evidence(random: Random) -> Made:
    name = random.choice(("events", "positions", "assessments"))
    key = S.resource(name).key
    number, row = random.choice(rows_where(name, lambda r: r["certainty"] != "certain"))
    files = S.drop("evidence", *S.evidence_of(name, row[key], "hedge"))
    return {**files, **S.change(name, number, hedge="")}, [(S.path(name), number + 2)]


@kind("GD412", "GD419", "GD333", more="the cell that was filled in has no evidence either")
def relation_with_another_object(random: Random) -> Made:
    number, row = a_row(random, "relations")
    actor = random.choice(S.rows("actors"))["actor_id"]
    cells = random.choice(
        ({"object_id": actor, "object_text": "words"}, {"object_id": "", "object_text": ""},
         {"object_id": row["object_text"] and actor, "object_text": row["object_id"] and "words"})
    )  # fmt: skip
    return changed("relations", number, **cells)


@kind("GD413", more="the flag that was filled in has no evidence either")
def count_of_the_excluded(random: Random) -> Made:
    number, _ = random.choice(rows_where("participants", lambda r: r["role"] == "excluded"))
    return changed("participants", number, member_count="2", member_count_is_approximate="true")


@kind("GD413")
def count_without_its_flag(random: Random) -> Made:
    number, _ = random.choice(
        rows_where("participants", lambda r: not r["member_count"] and r["role"] != "excluded")
    )
    cells = random.choice(({"member_count": "2"}, {"member_count_is_approximate": "true"}))
    return changed("participants", number, **cells)


@kind("GD414")
def name_of_two_or_none(random: Random) -> Made:
    number, row = a_row(random, "names")
    cells = random.choice(
        ({"actor_id": "", "topic_id": ""},
         {"actor_id": row["actor_id"] or "pakistan", "topic_id": row["topic_id"] or "isf"})
    )  # fmt: skip
    return *changed("names", number, **cells), "" if any(cells.values()) else _named("names")


@kind("GD415")
def assessment_about_nothing(random: Random) -> Made:
    number, _ = a_row(random, "assessments")
    return changed("assessments", number, about_actor_id="", about_topic_id="", about_event_id="")


@kind("GD416")
def country_code_on_what_is_no_state(random: Random) -> Made:
    number, _ = random.choice(rows_where("actors", lambda r: r["kind"] not in ("state", "group")))
    cells = {"iso3": "PAK", "cow": "770", "gleditsch_ward": "770", "list_is_open": "true"}
    at = random.choice(list(cells))
    return changed("actors", number, **{at: cells[at]})


@kind("GD417")
def reporting_source_that_is_not_held(random: Random) -> Made:
    name = random.choice(("events", "positions", "relations", "assessments"))
    number, _ = a_row(random, name)
    _, other = random.choice(rows_where("sources", lambda r: r["held"] == "false"))
    return changed(name, number, source_id=other["source_id"])


@kind("GD417")
def attributed_to_a_reference(random: Random) -> Made:
    name = random.choice(("events", "positions", "assessments"))
    rows = rows_where(name, lambda r: r["attributed_to"])
    if not rows:
        return None
    _, other = random.choice(rows_where("sources", lambda r: r["kind"] in ("reference", "article")))
    return changed(name, random.choice(rows)[0], attributed_to=other["source_id"])


@kind("GD419")
def spokesperson_that_is_no_person(random: Random) -> Made:
    number, _ = random.choice(rows_where("positions", lambda r: r["spokesperson_id"]))
    _, other = random.choice(rows_where("actors", lambda r: r["kind"] != "person"))
    return changed("positions", number, spokesperson_id=other["actor_id"])


@kind("GD419")
def member_of_what_is_no_group(random: Random) -> Made:
    number, row = random.choice(rows_where("relations", lambda r: r["predicate"] == "member_of"))
    _, other = random.choice(
        rows_where("actors", lambda r: r["kind"] != "group" and r["actor_id"] != row["subject_id"])
    )
    return changed("relations", number, object_id=other["actor_id"])


# ---------------------------------------------------------------------- passages and the text
@kind(
    "GD311",
    "GD312",
    "GD313",
    "GD205",
)
def passage_bound_shifted(random: Random) -> Made:
    number, row = a_row(random, "passages")
    at = random.choice(("char_start", "char_end"))
    files, places = changed("passages", number, **{at: str(int(row[at]) + random.choice((-1, 1)))})
    nearby = [(S.path("passages"), number + 2 + by) for by in (-1, 1)]
    return files, places + nearby


@kind("GD311")
def passage_numbered_otherwise(random: Random) -> Made:
    number, row = a_row(random, "passages")
    return changed("passages", number, paragraph=str(int(row["paragraph"]) + 1))


@kind("GD311", "GD208")
def passage_sequence_changed(random: Random) -> Made:
    number, row = a_row(random, "passages")
    sequence = str(int(row["sequence"]) + random.choice((1, 9)))
    files, _ = changed("passages", number, sequence=sequence)
    passed = any(
        int(row["sequence"]) < int(p["sequence"]) <= int(sequence) for p in S.rows("passages")
    )
    more = "it is now with or after another passage" if passed else ""
    return files, [(S.path("passages"), None)], more


@kind("GD311", more="each of them is numbered wrongly")
def passages_in_another_order(random: Random) -> Made:
    rows = S.rows("passages")
    one, two = random.sample(range(len(rows)), 2)
    rows[one]["sequence"], rows[two]["sequence"] = rows[two]["sequence"], rows[one]["sequence"]
    # A passage out of order is reported at the passages that now follow it.
    return S.table("passages", rows), [(S.path("passages"), None)]


@kind("GD312", more="quotes refer to it, and its words are in no passage")
def passage_removed(random: Random) -> Made:
    number, _ = a_row(random, "passages")
    files = S.drop("passages", number)
    return files, [(S.path("passages"), None)]


@kind("GD302", more="each quote of the changed words is reported beside the hash")
def article_character_changed(random: Random) -> Made:
    at = random.randrange(len(S.text))
    text = S.text[:at] + other_letter(random, S.text[at]) + S.text[at + 1 :]
    return {S.text_path: text.encode()}, [_of_text()]


def _of_text() -> Where:
    return S.path("sources"), S.where("sources", text_path=S.text_path) + 2


@kind("GD302")
def article_character_left_out_or_put_in(random: Random) -> Made:
    at = random.randrange(len(S.text))
    text = S.text[:at] + random.choice(("", "x", " ", "\n")) + S.text[at + random.choice((0, 1)) :]
    more = "each quote of it is reported beside the hash" if len(text) == len(S.text) else ""
    return {S.text_path: text.encode()}, [_of_text()], more


@kind("GD301", "GD302")
def article_saved_otherwise(random: Random) -> Made:
    text = S.text
    content = random.choice(
        (
            text.replace("\n", "\r\n").encode(),
            b"\xef\xbb\xbf" + text.encode(),
            text.encode("utf-16"),
            text.encode("cp1252"),
            unicodedata.normalize("NFD", text + "é").encode(),
            b"",
        )
    )
    return {S.text_path: content}, [_of_text()]


@kind("GD301")
def article_deleted(random: Random) -> Made:
    return {S.text_path: None}, [_of_text()]


@kind("GD304")
def article_that_no_source_names(random: Random) -> Made:
    path = random.choice(("raw/second.txt", "raw/zz.txt", "raw/notes.md"))
    return {path: b"Words.\n"}, [(path, None)]


@kind("GD204")
def path_of_a_text_written_otherwise(random: Random) -> Made:
    number = S.where("sources", text_path=S.text_path)
    name = S.text_path.removeprefix("raw/")
    wrong = random.choice((f"./raw/{name}", f"raw/./{name}", f"raw//{name}", f"raw/../raw/{name}"))
    return changed("sources", number, text_path=wrong)


@kind("GD302")
def hash_of_the_source_edited(random: Random) -> Made:
    number = S.where("sources", text_path=S.text_path)
    row = S.rows("sources")[number]
    if random.random() < 0.5:
        return changed("sources", number, text_length=str(int(row["text_length"]) + 1))
    at, value = random.randrange(64), row["text_sha256"]
    other = random.choice([c for c in "0123456789abcdef" if c != value[at]])
    return changed("sources", number, text_sha256=value[:at] + other + value[at + 1 :])


@kind("GD303", "GD301")
def held_text_half_described(random: Random) -> Made:
    number = S.where("sources", text_path=S.text_path)
    cells = random.choice(
        ({"text_sha256": ""}, {"text_length": ""}, {"text_path": ""}, {"held": "false"},
         {"text_path": "raw/another.txt"})
    )  # fmt: skip
    return changed("sources", number, **cells)


@kind("GD303")
def text_of_a_source_that_is_not_held(random: Random) -> Made:
    number, _ = random.choice(rows_where("sources", lambda r: r["held"] == "false"))
    return changed("sources", number, text_path="raw/another.txt")


# ---------------------------------------------------------------------- characters and lines
def _text_cell(random: Random) -> tuple[str, int, Field, str]:
    return a_cell(
        random,
        lambda f: f.type == "string" and not f.pattern and f.name not in ("prefix", "suffix"),
    )


@kind("GD109")
def white_space_at_an_edge(random: Random) -> Made:
    name, number, found, value = _text_cell(random)
    space = random.choice((" ", "\u00a0", "\u3000", "\t", "\u2003"))
    wrong = random.choice((space + value, value + space))
    return changed(name, number, **{found.name: wrong})


@kind("GD109")
def white_space_alone(random: Random) -> Made:
    name, number, found, _ = a_cell(
        random, lambda f: f.type == "string" and f.name not in ("prefix", "suffix"), filled=False
    )
    return changed(name, number, **{found.name: random.choice((" ", "\u00a0", "  "))})


INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u180e\u3164\ufe0f\u034f\u2800\U000e0041\U000e0100"
BIDIRECTIONAL = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c"
CONTROL = "\x00\x01\x07\x08\x0b\x0c\x1b\x7f\x85\x9f\u2028\u2029"


def _inserted(random: Random, characters: str) -> Made:
    name, number, found, value = _text_cell(random)
    at = random.randrange(1, len(value) + 1)
    wrong = value[:at] + random.choice(characters) + value[at:]
    return changed(name, number, **{found.name: wrong})


@kind("GD104")
def invisible_character(random: Random) -> Made:
    return _inserted(random, INVISIBLE)


@kind("GD104")
def bidirectional_character(random: Random) -> Made:
    return _inserted(random, BIDIRECTIONAL)


@kind("GD104")
def control_character(random: Random) -> Made:
    return _inserted(random, CONTROL)


@kind("GD104")
def invisible_character_in_a_key(random: Random) -> Made:
    name, number, found, value = a_cell(random, lambda f: (f.pattern or "").startswith("^[a-z0-9]"))
    at = random.randrange(len(value) + 1)
    cells = {found.name: value[:at] + random.choice(INVISIBLE) + value[at:]}
    return *changed(name, number, **cells), _named(name, found.name)


@kind("GD103")
def text_not_in_form_c(random: Random) -> Made:
    name, number, found, value = _text_cell(random)
    at = random.randrange(1, len(value) + 1)
    wrong = random.choice(("e\u0301", "\u212a", "\u2126", "\u0958", "\u1100\u1161"))
    return changed(name, number, **{found.name: value[:at] + wrong + value[at:]})


@kind("GD110")
def cell_that_begins_as_a_formula(random: Random) -> Made:
    name, number, found, value = _text_cell(random)
    return changed(name, number, **{found.name: random.choice("=+-@") + value})


def _bytes(random: Random) -> tuple[str, bytes, list[bytes]]:
    path = S.path(random.choice(NAMES))
    return path, S.files[path], S.files[path].split(b"\n")


def _line(random: Random, lines: list[bytes]) -> int:
    """A line that is a row; lines count from 0."""
    return random.randrange(1, len(lines) - 1)


@kind("GD102")
def line_ends_mixed(random: Random) -> Made:
    path, _, lines = _bytes(random)
    at = _line(random, lines)
    lines[at] += b"\r"
    return {path: b"\n".join(lines)}, [(path, at + 1)]


@kind("GD102")
def line_ends_of_another_system(random: Random) -> Made:
    path, content, _ = _bytes(random)
    return {path: content.replace(b"\n", random.choice((b"\r\n", b"\r")))}, [(path, 1)]


@kind("GD102")
def carriage_return_in_a_cell(random: Random) -> Made:
    name, number, found, value = _text_cell(random)
    return changed(name, number, **{found.name: value + "\r" + value})


@kind("GD101")
def byte_order_mark(random: Random) -> Made:
    path, content, _ = _bytes(random)
    return {path: b"\xef\xbb\xbf" + content}, [(path, 1)]


@kind("GD101")
def byte_that_is_not_utf8(random: Random) -> Made:
    path, _, lines = _bytes(random)
    at = _line(random, lines)
    cut = random.randrange(len(lines[at].split(b",")[0]))
    bad = random.choice((b"\xff", b"\xe9", b"\xc0\x80", b"\xed\xa0\x80", b"\xf5\x80\x80\x80"))
    lines[at] = lines[at][:cut] + bad + lines[at][cut:]
    return {path: b"\n".join(lines)}, [(path, at + 1)]


@kind("GD101")
def file_packed(random: Random) -> Made:
    path, content, _ = _bytes(random)
    pack = random.choice((gzip.compress, bz2.compress, lzma.compress, zlib.compress))
    return {path: pack(content)}, [(path, 1)]


@kind("GD101", "GD104")
def file_in_another_encoding(random: Random) -> Made:
    path, content, _ = _bytes(random)
    return {path: content.decode().encode(random.choice(("utf-16", "utf-32")))}, [(path, 1)]


@kind("GD102")
def last_line_feed_missing(random: Random) -> Made:
    path, content, lines = _bytes(random)
    return {path: content[:-1]}, [(path, len(lines) - 1)]


@kind("GD108")
def needless_quotation_marks(random: Random) -> Made:
    path, _, lines = _bytes(random)
    at = _line(random, lines)
    first, comma, rest = lines[at].partition(b",")
    if first.startswith(b'"'):
        return None
    lines[at] = b'"' + first + b'"' + comma + rest
    return {path: b"\n".join(lines)}, [(path, at + 1)]


@kind("GD108")
def empty_cell_in_quotation_marks(random: Random) -> Made:
    path, _, lines = _bytes(random)
    at = _line(random, lines)
    if b",," not in lines[at] or b'"' in lines[at]:
        return None
    lines[at] = lines[at].replace(b",,", b',"",', 1)
    return {path: b"\n".join(lines)}, [(path, at + 1)]


@kind("GD108", more="each row that is out of order is reported")
def rows_in_another_order(random: Random) -> Made:
    path, _, lines = _bytes(random)
    one, two = _line(random, lines), _line(random, lines)
    if one == two:
        return None
    lines[one], lines[two] = lines[two], lines[one]
    near = {at + by for at in (one, two) for by in (0, 1)}
    return {path: b"\n".join(lines)}, [(path, at + 1) for at in near]


@kind("GD107")
def blank_line(random: Random) -> Made:
    path, _, lines = _bytes(random)
    at = random.randrange(1, len(lines))
    lines.insert(at, b"")
    return {path: b"\n".join(lines)}, [(path, at + 1)]


@kind("GD107")
def cell_too_many_or_too_few(random: Random) -> Made:
    path, _, lines = _bytes(random)
    at = _line(random, lines)
    line = lines[at]
    if random.random() < 0.5:
        lines[at] = line + b"," + random.choice((b"", b"x"))
    elif b'"' in line:
        return None
    else:
        lines[at] = line.rpartition(b",")[0]
    return {path: b"\n".join(lines)}, [(path, at + 1)]


@kind("GD107")
def comma_that_is_not_quoted(random: Random) -> Made:
    name, number, found, value = _text_cell(random)
    path = S.path(name)
    content = S.change(name, number, **{found.name: value.replace(",", "") + "\u0001 more"})[path]
    if b'"' in content.split(b"\n")[number + 1]:
        return None
    return {path: content.replace(b"\x01", b",")}, [(path, number + 2)]


@kind("GD107")
def quotation_mark_that_does_not_pair(random: Random) -> Made:
    path, _, lines = _bytes(random)
    at = _line(random, lines)
    cells = lines[at].split(b",")
    if b'"' in lines[at]:
        return None
    which = random.randrange(len(cells))
    cells[which] = random.choice((b'"' + cells[which], cells[which] + b'x"', b'x"' + cells[which]))
    lines[at] = b",".join(cells)
    return {path: b"\n".join(lines)}, [(path, at + 1)]


@kind("GD107")
def line_break_in_a_cell(random: Random) -> Made:
    name, number, found, value = _text_cell(random)
    at = random.randrange(1, len(value))
    wrong = value[:at] + "\n" * random.choice((1, 2)) + value[at:]
    return changed(name, number, **{found.name: wrong})


# ---------------------------------------------------------------------------------- columns
def _header(random: Random) -> tuple[str, list[str], list[Row]]:
    name = random.choice(NAMES)
    return name, list(S.resource(name).field_names), S.rows(name)


def _written(name: str, names: list[str], rows: list[list[str]]) -> Made:
    path = S.path(name)
    return {path: csv_bytes([names, *rows])}, [(path, 1)]


@kind("GD105")
def column_renamed(random: Random) -> Made:
    name, names, rows = _header(random)
    cells = [[row[n] for n in names] for row in rows]
    at = random.randrange(len(names))
    names[at] = random.choice((names[at].upper(), names[at] + " ", names[at] + "s", "x", ""))
    return _written(name, names, cells)


@kind("GD105")
def column_removed(random: Random) -> Made:
    name, names, rows = _header(random)
    names.remove(random.choice(names))
    return _written(name, names, [[row[n] for n in names] for row in rows])


@kind("GD105")
def column_added(random: Random) -> Made:
    name, names, rows = _header(random)
    at = random.randrange(len(names) + 1)
    cells = [[row[n] for n in names] for row in rows]
    names.insert(at, random.choice(("extra", random.choice(names))))
    for row in cells:
        row.insert(at, "x")
    return _written(name, names, cells)


@kind("GD105")
def columns_swapped(random: Random) -> Made:
    name, names, rows = _header(random)
    one, two = random.sample(range(len(names)), 2)
    names[one], names[two] = names[two], names[one]
    return _written(name, names, [[row[n] for n in names] for row in rows])


@kind("GD105")
def header_removed(random: Random) -> Made:
    path, content, _ = _bytes(random)
    return {path: content.partition(b"\n")[2]}, [(path, 1)]


@kind("GD201", "GD203", "GD204", "GD333", "GD334", "GD207", "GD202", "GD321", "GD322", "GD206",
      "GD209", "GD335", "GD311", "GD312", "GD313", "GD302", "GD303", "GD205", "GD210", "GD341",
      "GD332", "GD343", "GD208", "GD323", "GD414", "GD415", "GD412", "GD404", "GD401", "GD402",
      "GD408", "GD416", "GD409", "GD301", more="each cell of both columns is wrong")  # fmt: skip
def cells_of_two_columns_swapped(random: Random) -> Made:
    """The header stays as it was, so that only the meaning of the cells shows the mistake."""
    name, names, rows = _header(random)
    one, two = random.sample(names, 2)
    if S.resource(name)[one].evidence_required is S.resource(name)[two].evidence_required is False:
        return None
    if all(not row[one] and not row[two] for row in rows):
        return None
    for row in rows:
        row[one], row[two] = row[two], row[one]
    return S.table(name, rows), [(S.path(name), None), (S.path("evidence"), None)]


@kind("GD106")
def table_emptied(random: Random) -> Made:
    path, content, _ = _bytes(random)
    return {path: content.partition(b"\n")[0] + b"\n"}, [(path, 1)]


@kind("GD105")
def file_emptied(random: Random) -> Made:
    path = S.path(random.choice(NAMES))
    return {path: b""}, [(path, 1)]


# ------------------------------------------------------------------------------- descriptor
@kind("GD005")
def table_deleted(random: Random) -> Made:
    return {S.path(random.choice(NAMES)): None}, [(DESCRIPTOR, None)]


@kind("GD005")
def table_renamed(random: Random) -> Made:
    """Only the file; also only its case, or to another folder."""
    path = S.path(random.choice(NAMES))
    name = path.removeprefix("data/").removesuffix(".csv")
    there = random.choice(
        (f"data/{name}s.csv", f"data/{name.upper()}.csv", f"data/{name}.CSV", f"{name}.csv",
         f"data/{name}-2.csv", f"data/old/{name}.csv", f"data/{name.title()}.csv")
    )  # fmt: skip
    return {path: None, there: S.files[path]}, [(DESCRIPTOR, None)]


@kind("GD005")
def file_not_listed(random: Random) -> Made:
    path = random.choice(
        ("data/extra.csv", "schemas/extra.json", "data/old/events.csv", "data/events.CSV",
         "data/events.parquet", "data/notes.md", "schemas/old/events.json", "extra.csv",
         "events.parquet", "tables/extra.csv", "reference/EVENTS.CSV")
    )  # fmt: skip
    return {path: S.files["data/events.csv"]}, [(path, None)]


def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value:
        if isinstance(inner, (dict, list)):
            yield from _nodes(inner)


def _descriptor(value: Any, path: str = DESCRIPTOR) -> Made:
    return {path: json_bytes(value)}, [(path, None), (DESCRIPTOR, None)]


@kind("GD001", "GD002", "GD003", "GD004", "GD006")
def property_of_the_descriptor_renamed(random: Random) -> Made:
    descriptor = S.descriptor()
    node = random.choice([descriptor, *descriptor["resources"]])
    old = random.choice([key for key in node if not key.startswith("gazadata:")])
    node[random.choice((old + "s", old[:-1], old.title()))] = node.pop(old)
    return _descriptor(descriptor)


@kind("GD001", "GD002", "GD004", "GD006")
def property_of_a_schema_renamed(random: Random) -> Made:
    name = random.choice(NAMES)
    schema = S.schema(name)
    node = random.choice(list(_nodes(schema)))
    if not node:
        return None
    old = random.choice(list(node))
    node[random.choice((old + "s", old[:-1], old.upper()))] = node.pop(old)
    return _descriptor(schema, f"schemas/{name}.json")


@kind("GD004", "GD006", "GD002")
def schema_loosened(random: Random) -> Made:
    """With the known name and version."""
    name = random.choice(NAMES)
    schema = S.schema(name)
    found = random.choice(schema["fields"])
    constraints = found.get("constraints", {})
    which = random.choice(
        [*constraints, "foreignKeys", "uniqueKeys", "gazadata:evidence", "gazadata:verbatim",
         "gazadata:reference", "gazadata:modes", "gazadata:recipientRequired"]
    )  # fmt: skip
    if which == "enum" and random.random() < 0.5:
        constraints["enum"].append("another")
        found["categories"].append({"value": "another", "label": "Another"})
    elif which == "minimum" and random.random() < 0.5:
        constraints["minimum"] -= 1
    elif which == "pattern" and random.random() < 0.5:
        constraints["pattern"] = "^.*$"
    elif which in constraints:
        del constraints[which]
        if which == "enum":
            found.pop("categories")
    elif which in ("foreignKeys", "uniqueKeys"):
        if which not in schema:
            return None
        schema[which].remove(random.choice(schema[which]))
    elif which == "gazadata:evidence":
        found[which] = "exempt" if found[which] == "required" else "required"
    elif found.pop(which, None) is None:
        return None
    path = f"schemas/{name}.json"
    return {path: json_bytes(schema)}, [(path, None)]


@kind("GD001", "GD004")
def type_in_a_schema_changed(random: Random) -> Made:
    name = random.choice(NAMES)
    schema = S.schema(name)
    found = random.choice(schema["fields"])
    found["type"] = random.choice(
        [t for t in ("string", "integer", "boolean", "date", "number", "any") if t != found["type"]]
    )
    return _descriptor(schema, f"schemas/{name}.json")


@kind("GD001", "GD004")
def field_of_a_schema_removed_or_moved(random: Random) -> Made:
    name = random.choice(NAMES)
    schema = S.schema(name)
    found = random.choice(schema["fields"])
    schema["fields"].remove(found)
    if random.random() < 0.5:
        schema["fields"].insert(random.randrange(len(schema["fields"]) + 1), found)
    if schema == S.schema(name):
        return None
    return _descriptor(schema, f"schemas/{name}.json")


@kind("GD003", "GD002")
def version_that_is_none(random: Random) -> Made:
    descriptor = S.descriptor()
    descriptor["version"] = random.choice(
        (
            "1.0",
            "v1.0.0",
            "1.0.0.0",
            "01.0.0",
            "1.0.0+build",
            "latest",
            "",
            "1.0.x",
            1.0,
            1,
            True,
            None,
            [],
        )
    )
    return _descriptor(descriptor)


@kind("GD004")
def hedge_cue_left_out(random: Random) -> Made:
    descriptor = S.descriptor()
    cues = descriptor["gazadata:hedgeCues"]
    cues.remove(random.choice(cues))
    if random.random() < 0.2:
        del descriptor["gazadata:hedgeCues"]
    return _descriptor(descriptor)


@kind("GD002")
def hedge_cues_misspelt(random: Random) -> Made:
    descriptor = S.descriptor()
    wrong = random.choice(("hedgeCue", "hedgecues", "hedges", "cues", "HedgeCues"))
    descriptor[f"gazadata:{wrong}"] = descriptor.pop("gazadata:hedgeCues")
    return _descriptor(descriptor)


@kind("GD004", "GD001", more="under the new name none of its rows has evidence")
def resource_renamed(random: Random) -> Made:
    descriptor = S.descriptor()
    resource = random.choice(descriptor["resources"])
    resource["name"] = random.choice((resource["name"] + "s", resource["name"][:-1], "another"))
    return _descriptor(descriptor)


@kind("GD001")
def json_that_is_none(random: Random) -> Made:
    path = random.choice([DESCRIPTOR, *(f"schemas/{name}.json" for name in NAMES)])
    content = S.files[path].rstrip()
    at = random.randrange(len(content))
    wrong = random.choice(
        (content[:at], b"[]", b"{}", b"", b"null", content + b"}", content.replace(b":", b"", 1),
         b"\xff\xfe" + content, content.replace(b'"name"', b'"title": "", "name"', 1))
    )  # fmt: skip
    return {path: wrong}, [(path, None), (DESCRIPTOR, None)]


@kind("GD001")
def schema_deleted(random: Random) -> Made:
    return {f"schemas/{random.choice(NAMES)}.json": None}, [(DESCRIPTOR, None)]


@kind("GD001", "GD004", "GD005")
def resource_listed_twice(random: Random) -> Made:
    descriptor = S.descriptor()
    descriptor["resources"].append(dict(random.choice(descriptor["resources"])))
    if random.random() < 0.5:
        descriptor["resources"][-1]["name"] = "another"
    return _descriptor(descriptor)


@kind("GD001", "GD005", "GD004")
def resource_not_listed(random: Random) -> Made:
    descriptor = S.descriptor()
    gone = random.choice(descriptor["resources"])
    descriptor["resources"].remove(gone)
    files, places = _descriptor(descriptor) or ({}, [])
    return files, [*places, (gone["path"], None)]


@kind("GD005", "GD001")
def path_that_leads_out_or_astray(random: Random) -> Made:
    descriptor = S.descriptor()
    resource = random.choice(descriptor["resources"])
    name = resource["name"]
    resource[random.choice(("path", "schema"))] = random.choice(
        (f"../data/{name}.csv", f"/etc/{name}.csv", "data", "", f"data\\{name}.csv", 5, None,
         ["data/events.csv", "data/actors.csv"], "https://example.invalid/x.csv", "raw/none.csv",
         f"./../{name}", "data/\ud800.csv", "x" * 5000, "data/\u0000.csv")
    )  # fmt: skip
    return {DESCRIPTOR: json.dumps(descriptor).encode()}, [(DESCRIPTOR, None)]


@kind("GD002", "GD001", "GD004")
def dialect_that_is_not_read(random: Random) -> Made:
    descriptor = S.descriptor()
    resource = random.choice(descriptor["resources"])
    if random.random() < 0.3:
        name = resource["name"]
        schema = S.schema(name)
        schema["missingValues"] = random.choice((["", "NA"], ["-"], []))
        return _descriptor(schema, f"schemas/{name}.json")
    key, value = random.choice(
        (("delimiter", ";"), ("quoteChar", "'"), ("header", False), ("commentChar", "#"),
         ("doubleQuote", False), ("escapeChar", "\\"), ("skipInitialSpace", True))
    )  # fmt: skip
    resource["dialect"][key] = value
    if random.random() < 0.2:
        resource["encoding"] = "latin-1"
    return _descriptor(descriptor)


@kind("GD007")
def sum_of_another_file(random: Random) -> Made:
    descriptor = S.descriptor()
    resource = random.choice(descriptor["resources"])
    content = S.files[resource["path"]]
    if random.random() < 0.5:
        resource["bytes"] = len(content) + 1
    else:
        resource["hash"] = random.choice(("sha256:" + "0" * 64, "md5:" + "0" * 32, "SHA256:x"))
    return {DESCRIPTOR: json_bytes(descriptor)}, [(resource["path"], None)]


@kind("GD111")
def another_space_between_words(random: Random) -> Made:
    name, number, found, value = a_cell(random, lambda f: f.name in ("label", "statement", "note"))
    space = random.choice(("\u00a0", "\u2003", "\t", "  "))
    return changed(name, number, **{found.name: value.replace(" ", space, 1)})


@kind("GD420", "GD303")
def source_of_another_kind(random: Random) -> Made:
    number, row = a_row(random, "sources")
    term = random.choice(S.resource("sources")["kind"].enum)
    if {term, row["kind"]} <= {row["kind"], "cited_report", "unnamed_source"} and row["cited_by"]:
        return None
    return changed("sources", number, kind=term)


@kind("GD420", "GD303")
def source_held_or_not(random: Random) -> Made:
    number, row = a_row(random, "sources")
    return changed("sources", number, held="false" if row["held"] == "true" else "true")


@kind("GD417")
def source_cited_by_one_that_is_not_held(random: Random) -> Made:
    number, _ = random.choice(rows_where("sources", lambda s: s["cited_by"]))
    return changed("sources", number, cited_by="plover-manual")


@kind("GD345")
def verbatim_words_written_otherwise(random: Random) -> Made:
    """Only the same when folded: in another case, or with other spaces."""
    name, number, found, value = a_cell(random, lambda f: f.verbatim)
    ways = [value.upper(), value.lower(), value.title()]
    ways += [value.replace(" ", space, 1) for space in ("\u00a0", "\t", "  ")]
    key = S.rows(name)[number][S.resource(name).key]
    quotes = [_words(S.rows("evidence")[i]) for i in S.evidence_of(name, key, found.name)]
    if name == "names" and found.name == "text":
        ways = [way for way in ways if way.split() == value.split() or way.isupper()]
    ways = [way for way in ways if not any(way in quote for quote in quotes)]
    return changed(name, number, **{found.name: random.choice(ways)}) if ways else None


@kind("GD348")
def code_of_another_row_of_the_reference(random: Random) -> Made:
    at = random.choice(("iso3", "cow", "gleditsch_ward", "wikidata_id"))
    values = [row[at] for row in S.rows("actors") if row[at]]
    number, _ = random.choice(rows_where("actors", lambda r: r[at]))
    return changed("actors", number, **{at: random.choice(values)})


@kind("GD348")
def reference_row_that_is_not_there(random: Random) -> Made:
    rows = rows_where("evidence", lambda e: e["note"].startswith("Row ") and e["field"] != "name")
    number, row = random.choice(rows)
    wrong = random.choice(
        (row["note"].replace("Row ", "Row New ", 1), row["note"].replace(".csv", "-2.csv", 1),
         row["note"].replace("Row ", "See ", 1), row["note"].replace("reference/", "", 1),
         "See https://example.org/codes", "As in reference/countries.csv.")
    )  # fmt: skip
    return changed("evidence", number, note=wrong)


def _referred(random: Random) -> tuple[str, list[bytes], int, list[tuple[str, str, str]]]:
    """A row of a file of reference/ that notes name: the file, its lines, and the cells."""
    uses: dict[tuple[str, str], list[tuple[str, str, str]]] = {}
    for e in S.rows("evidence"):
        named = re.match(r"Row (.+?) of (reference/\w+\.csv)", e["note"])
        if named and e["field"] != "name":
            uses.setdefault((named[2], named[1]), []).append(
                (e["resource"], e["row_id"], e["field"])
            )
    (path, name), cells = random.choice(sorted(uses.items()))
    lines = S.files[path].split(b"\n")
    (at,) = (i for i, line in enumerate(lines) if line.startswith(name.encode() + b","))
    return path, lines, at, cells


@kind("GD206")
def reference_row_that_stands_twice(random: Random) -> Made:
    path, lines, at, _ = _referred(random)
    name, _, rest = lines[at].partition(b",")
    again = name + b"," + random.choice((rest, b"X" + rest[1:]))
    where = random.choice((at + 1, len(lines) - 1))
    lines.insert(where, again)
    return {path: b"\n".join(lines)}, [(path, where + 1)]


@kind("GD348")
def letter_of_a_reference_changed(random: Random) -> Made:
    path, lines, at, cells = _referred(random)
    columns = lines[0].decode().split(",")
    meant = {
        field: max((c for c in columns if f"_{field}".endswith(f"_{c}")), key=len)
        for _, _, field in cells
    }
    column = random.choice(sorted({*meant.values()}))
    row = next(csv.reader([lines[at].decode()]))
    row[columns.index(column)] = "Z" + row[columns.index(column)][1:]
    lines[at] = csv_line(row).rstrip("\n").encode()
    own = [(n, key) for n, key, field in cells if meant[field] == column]
    more = "each cell that was looked up there differs" if len(set(own)) > 1 else ""
    return {path: b"\n".join(lines)}, [line_of(*one) for one in own], more


@kind("GD101", "GD102", "GD104", "GD107", "GD109", "GD110", "GD111")
def reference_saved_otherwise(random: Random) -> Made:
    path, lines, at, _ = _referred(random)
    name, _, codes = lines[at].decode().partition(",")
    odd = random.choice(("\u200b", "\u00a0", "  ", "\r", ",", '"', "\n"))
    cut = random.randrange(1, 3)
    changed_to = f"{name},{codes[:cut]}{odd}{codes[cut:]}"
    if random.random() < 0.5:
        # White space within a word would make it a different name.
        inside = name.replace(" ", odd, 1) if odd.isspace() else name[:2] + odd + name[2:]
        changed_to = f"{inside},{codes}"
    lines[at] = changed_to.encode()
    content = b"\n".join(lines)
    if random.random() < 0.2:
        content = b"\xef\xbb\xbf" + S.files[path]
        return {path: content}, [(path, 1)]
    return {path: content}, [(path, at + 1), (path, at + 2)]


@kind("GD342", "GD343")
def note_without_a_word(random: Random) -> Made:
    found = rows_where("evidence", lambda e: e["basis"] in ("inferred", "reference"))
    return changed("evidence", random.choice(found)[0], note=random.choice((".", "?", "1.", "…")))


@kind("GD208")
def row_doubled_under_another_key(random: Random) -> Made:
    name = random.choice((*CODED, "sources"))
    _, row = a_row(random, name)
    return _either(name, "zz-again", S.add(name, row | {S.resource(name).key: "zz-again"}))


@kind("GD208")
def row_doubled_under_another_key_with_its_evidence(random: Random) -> Made:
    name = random.choice(CODED)
    _, row = a_row(random, name)
    key = row[S.resource(name).key]
    told = rows_where("evidence", lambda e: (e["resource"], e["row_id"]) == (name, key))
    own = ("basis", "quote_id", "reference_id", "note")
    proof = [
        S.evidence(name, "zz-again", e["field"], **{field: e[field] for field in own})
        for _, e in told
    ]
    copy = S.add(name, row | {S.resource(name).key: "zz-again"})
    return _either(name, "zz-again", copy | S.add("evidence", *proof))


@kind("GD419")
def object_of_another_kind_than_its_relation_has(random: Random) -> Made:
    number, row = random.choice(rows_where("relations", lambda r: r["predicate"] in OBJECTS))
    wanted = OBJECTS[row["predicate"]]
    _, other = random.choice(
        rows_where("actors", lambda r: r["kind"] != wanted and r["actor_id"] != row["subject_id"])
    )
    return changed("relations", number, object_id=other["actor_id"])


@kind("GD419")
def rank_or_nationality_of_what_is_no_person(random: Random) -> Made:
    number, row = random.choice(
        rows_where(
            "relations",
            lambda r: r["predicate"] in ("holds_rank", "holds_office", "nationality"),
        )
    )
    _, other = random.choice(
        rows_where("actors", lambda r: r["kind"] != "person" and r["actor_id"] != row["object_id"])
    )
    return changed("relations", number, subject_id=other["actor_id"])


@kind("GD419")
def part_of_a_person(random: Random) -> Made:
    number, row = random.choice(rows_where("actors", lambda r: r["part_of"]))
    people = rows_where("actors", lambda r: r["kind"] == "person")
    _, other = random.choice(people)
    if other["actor_id"] == row["actor_id"] or other["part_of"] == row["actor_id"]:
        return None
    if row["actor_id"] in ("pakistan", "united-states", "trump-administration"):
        return None
    return changed("actors", number, part_of=other["actor_id"])


@kind("GD421", more="the new row has no evidence either")
def excluded_and_taking_part(random: Random) -> Made:
    number, row = random.choice(rows_where("participants", lambda r: r["role"] == "excluded"))
    new = row | {"participant_id": "zz-taking-part", "role": "participant"}
    return S.add("participants", new), [(S.path("participants"), number + 2)]


@kind("GD351")
def hedge_without_a_cue(random: Random) -> Made:
    """hedge has other words of the quote, and the row is certain."""
    name = random.choice(("positions", "relations", "assessments"))
    number, row = random.choice(rows_where(name, lambda r: r["hedge"] and not r["attributed_to"]))
    key = S.resource(name).key
    quotes = [_words(S.rows("evidence")[i]) for i in S.evidence_of(name, row[key], "hedge")]
    words = [w for q in quotes for w in re.findall(r"\w+", q) if not CUES.search(fold(w))]
    if len(quotes) != 1 or not words:
        return None
    loud = [
        i
        for i, e in rows_where(
            "evidence", lambda e: (e["resource"], e["row_id"]) == (name, row[key])
        )
        if CUES.search(fold(_words(e)))
    ]
    more = "two quotes of the row hold a hedge"
    files = S.change(name, number, hedge=random.choice(words), certainty="certain")
    said = {_words(S.rows("evidence")[i]) for i in loud}
    return files, [(S.path("evidence"), i + 2) for i in loud], more if len(said) > 1 else ""


def _wholes(key: str) -> str:
    """The actor at the top of an actor's chain of part_of."""
    part_of = {actor["actor_id"]: actor["part_of"] for actor in S.rows("actors")}
    while part_of[key]:
        key = part_of[key]
    return key


def _named_in(words: str) -> set[str]:
    """The actors named in words, each as the top of its chain of part_of."""
    return {
        _wholes(n["actor_id"])
        for n in S.rows("names")
        if n["actor_id"] and _stand(n["text"], words)
    }


@kind("GD352")
def quote_about_another_actor(random: Random) -> Made:
    """A classified cell rests on words of another sentence, which names no actor of the row."""
    name = random.choice(("positions", "relations", "assessments", "participants"))
    resource = S.resource(name)
    number, row = random.choice(
        rows_where(
            "evidence",
            lambda e: (
                (e["resource"], e["basis"]) == (name, "classified")
                and not resource.target(e["field"])
            ),
        )
    )
    mine = next(r for r in S.rows(name) if r[resource.key] == row["row_id"])
    actors = [mine[k.field] for k in resource.foreign_keys if k.resource == "actors"]
    own = {_wholes(actor) for actor in actors if actor}
    other = random.choice(S.rows("quotes"))
    there = [q["exact"] for q in S.rows("quotes") if q["passage_id"] == other["passage_id"]]
    if not own or not _named_in(other["exact"]) or own & set().union(*map(_named_in, there)):
        return None
    cues = "|".join((*S.contract.hedge_cues, *S.contract.attribution_cues))
    if re.search(rf"\b(?:{cues})\b", fold(other["exact"])):
        return None
    if len(rows_where("evidence", lambda e: e["quote_id"] == row["quote_id"])) == 1:
        return None  # Its quote would be unused as well.
    if row["evidence_id"].encode() in S.files["data/retired.csv"]:
        return None  # A retired row would lose its replacement, too.
    key = row["evidence_id"].rpartition(".")[0] + "." + other["quote_id"]
    rows = S.rows("evidence")
    rows[number] |= {"quote_id": other["quote_id"], "evidence_id": key}
    rows.sort(key=lambda e: e["evidence_id"])
    return _either("evidence", key, S.table("evidence", rows))


@kind("GD211")
def identifier_given_up_that_is_there(random: Random) -> Made:
    name = random.choice(NAMES)
    _, row = a_row(random, name)
    path, key = "data/retired.csv", row[S.resource(name).key]
    head = "resource,row_id,replaced_by,reason,version\n"
    return {path: f"{head}{name},{key},,gone,1.0.0\n".encode()}, [(path, 2)]


@kind("GD211", "GD104", "GD109")
def identifier_given_up_in_a_disguise(random: Random) -> Made:
    """An existing key, written differently."""
    name = random.choice([n for n in NAMES if n not in ("evidence", "passages")])
    _, row = a_row(random, name)
    path, key = "data/retired.csv", row[S.resource(name).key]
    at = random.randrange(1, len(key))
    wrong = random.choice(
        (key + " ", key + "\u00a0", key[:at] + random.choice(INVISIBLE) + key[at:], key.upper(),
         key.replace("-", "") if "-" in key else f"{key[:at]}-{key[at:]}", f"{key[:at]} {key[at:]}")
    )  # fmt: skip
    head = "resource,row_id,replaced_by,reason,version\n"
    return {path: f"{head}{name},{wrong},,gone,1.0.0\n".encode()}, [(path, 2)]


SECOND, SECOND_QUOTE = "second-article", "another-article-tells-it-again"
OTHER = "zz-other"


def second_article(*more: Row) -> Files:
    """A further held article of one sentence, coded as a source, and further evidence."""
    words = "Another article tells it again."
    (article,) = (s for s in S.rows("sources") if s["text_path"] == S.text_path)
    source = article | {
        "source_id": SECOND,
        "text_path": "raw/second.txt",
        "text_sha256": hashlib.sha256(words.encode() + b"\n").hexdigest(),
        "text_length": str(len(words) + 1),
    }
    bounds = {"source_id": SECOND, "passage_id": f"{SECOND}-s01", "char_start": "0"}
    bounds["char_end"] = str(len(words))
    passage = bounds | {"sequence": "1", "paragraph": "1", "kind": "sentence"}
    quote = bounds | {"quote_id": SECOND_QUOTE, "exact": words, "prefix": "", "suffix": ""}
    of_source = [
        S.evidence("sources", SECOND, f.name, basis="inferred", quote_id=SECOND_QUOTE,
                   note="By a rule.")
        for f in S.resource("sources").fields
        if f.evidence_required and source[f.name]
    ]  # fmt: skip
    return {
        "raw/second.txt": f"{words}\n".encode(),
        **S.add("sources", source),
        **S.add("passages", passage),
        **S.add("quotes", quote),
        **S.add("evidence", *of_source, *more),
    }


def cited_by_second(key: str, *more: Row) -> Files:
    """The second article, and a source with the cells of another one that this article cites."""
    cited = S.rows("sources")[S.where("sources", source_id=key)]
    copies = [
        S.evidence("sources", OTHER, e["field"], basis="inferred", quote_id=SECOND_QUOTE,
                   note="By a rule.")
        for e in S.rows("evidence")
        if (e["resource"], e["row_id"]) == ("sources", key)
    ]  # fmt: skip
    copies = list({e["evidence_id"]: e for e in copies}.values())
    files = second_article(*copies, *more)
    sources = csv_rows(files[S.path("sources")] or b"")
    other = cited | {"source_id": OTHER, "cited_by": SECOND}
    return {**files, **S.table("sources", [*sources, other])}


@kind("GD336")
def row_of_another_article(random: Random) -> Made:
    name = random.choice(("events", "positions", "relations", "assessments"))
    number, _ = a_row(random, name)
    files, places = changed(name, number, source_id=SECOND)
    return {**second_article(), **files}, places


@kind("GD422")
def attributed_to_what_another_article_cites(random: Random) -> Made:
    """It has the words of a source that the row's own source cites."""
    name = random.choice(("events", "positions", "assessments"))
    rows = rows_where(name, lambda r: r["attributed_to"])
    if not rows:
        return None
    number, row = random.choice(rows)
    files, places = changed(name, number, attributed_to=OTHER)
    return {**cited_by_second(row["attributed_to"]), **files}, places


# ------------------------------------------------------------------------- legitimate edits
@legitimate("a row of one article may also rest on another article")
def row_quoted_from_another_article_too(random: Random) -> Made:
    name = random.choice(("events", "positions", "relations", "assessments"))
    _, row = a_row(random, name)
    key, own = row[S.resource(name).key], S.resource(name).fields
    at = random.choice([f.name for f in own if f.evidence_required and row[f.name]])
    more = S.evidence(name, key, at, basis="inferred", quote_id=SECOND_QUOTE, note="By a rule.")
    return second_article(more), []


@legitimate("the choice between valid terms of a classified cell is the coder's judgement")
def valid_term_for_another(random: Random) -> Made:
    name, at = random.choice(
        (("topics", "kind"), ("topics", "status"), ("assessments", "kind"),
         ("assessments", "valence"), ("actors", "plover_sector"), ("conditions", "kind"),
         ("names", "form"), ("events", "coder_confidence"), ("passages", "kind"))
    )  # fmt: skip
    number, row = random.choice(rows_where(name, lambda r: r[at]))
    key = row[S.resource(name).key]
    if any(S.rows("evidence")[i]["basis"] == "stated" for i in S.evidence_of(name, key, at)):
        return None
    term = random.choice(S.resource(name)[at].enum)
    return changed(name, number, **{at: term})


@legitimate("a vocabulary cell may be inferred by a rule that the note states")
def classified_to_inferred_with_a_note(random: Random) -> Made:
    # A name states its actor or topic in other cells, unless that is inferred.
    found = rows_where(
        "evidence", lambda e: e["basis"] == "classified" and e["resource"] != "names"
    )
    number, _ = random.choice(found)
    return changed("evidence", number, basis="inferred", note="By the rule stated here.")


@legitimate("a vocabulary cell may be classified; its note is optional then")
def inferred_to_classified(random: Random) -> Made:
    found = rows_where(
        "evidence",
        lambda e: e["basis"] == "inferred" and S.resource(e["resource"])[e["field"]].enum,
    )
    return changed("evidence", random.choice(found)[0], basis="classified")


@legitimate("a paraphrase that is inferred is in the coder's words")
def paraphrase_reworded(random: Random) -> Made:
    at = random.choice((("assessments", "statement"), ("topics", "description"),
                        ("events", "label"), ("topics", "label")))  # fmt: skip
    number, row = random.choice(rows_where(at[0], lambda r: r[at[1]]))
    key = row[S.resource(at[0]).key]
    if any(S.rows("evidence")[i]["basis"] == "stated" for i in S.evidence_of(at[0], key, at[1])):
        return None
    return changed(at[0], number, **{at[1]: row[at[1]] + " Reworded"})


@legitimate("notes are free text")
def note_reworded(random: Random) -> Made:
    number, row = random.choice(rows_where("evidence", lambda e: e["note"]))
    return changed("evidence", number, note=row["note"] + " Reworded.")


@legitimate("a second piece of evidence of the same basis is more than the rules require")
def spare_evidence_removed(random: Random) -> Made:
    rows = S.rows("evidence")
    cell = [(e["resource"], e["row_id"], e["field"], e["basis"]) for e in rows]
    uses = [e["quote_id"] for e in rows]
    spare = [i for i in range(len(rows)) if cell.count(cell[i]) > 1 and uses.count(uses[i]) > 1]
    return (S.drop("evidence", random.choice(spare)), []) if spare else None


@legitimate("the choice of the words that a classified cell rests on is the coder's judgement")
def classified_by_other_words(random: Random) -> Made:
    uses = [e["quote_id"] for e in S.rows("evidence")]
    number, row = random.choice(
        rows_where(
            "evidence", lambda e: e["basis"] == "classified" and uses.count(e["quote_id"]) > 1
        )
    )
    other = random.choice(S.rows("quotes"))
    key = row["evidence_id"].rpartition(".")[0] + "." + other["quote_id"]
    if CUES.search(fold(other["exact"])) or any(
        e["evidence_id"] == key for e in S.rows("evidence")
    ):
        return None
    rows = S.rows("evidence")
    rows[number] |= {"quote_id": other["quote_id"], "evidence_id": key}
    rows.sort(key=lambda e: e["evidence_id"])
    return S.table("evidence", rows), []


@legitimate("a reference may be cited with more detail; references are not held")
def title_of_a_reference_reworded(random: Random) -> Made:
    number, row = random.choice(rows_where("sources", lambda r: r["kind"] == "reference"))
    return changed("sources", number, title=row["title"] + " and more")


@legitimate("titles, descriptions and keywords of the package have no effect")
def words_of_the_descriptor_edited(random: Random) -> Made:
    descriptor = S.descriptor()
    node = random.choice([descriptor, *descriptor["resources"]])
    node[random.choice(("title", "description"))] += " Edited"
    return _descriptor(descriptor)


@legitimate("under its own version, a package may have another contract")
def schema_loosened_under_a_new_version(random: Random) -> Made:
    descriptor = S.descriptor()
    version = parse(descriptor["version"])
    assert version is not None
    major, minor, patch = version[:3]
    later = (f"{major + 1}.0.0", f"{major}.{minor + 1}.0", f"{major}.{minor}.{patch + 1}")
    descriptor["version"] = random.choice((*later, f"{later[0]}-rc.1", f"{version}-rc.1"))
    schema = S.schema("topics")
    schema["fields"][1]["constraints"].pop("required")
    return {
        DESCRIPTOR: json_bytes(descriptor),
        "schemas/topics.json": json_bytes(schema),
    }, []


@legitimate("the layout of the JSON does not change the contract")
def json_laid_out_otherwise(random: Random) -> Made:
    path = random.choice([DESCRIPTOR, *(f"schemas/{name}.json" for name in NAMES)])
    value = json.loads(S.files[path])
    return {
        path: json.dumps(value, indent=random.choice((None, 4)), ensure_ascii=True).encode()
    }, []


@legitimate("the referent of words that do not name it is the coder's judgement")
def inferred_key_for_another(random: Random) -> Made:
    at, points_to = random.choice((("about_actor_id", "actors"), ("about_topic_id", "topics")))
    number, row = random.choice(rows_where("assessments", lambda r: r[at]))
    bases = S.evidence_of("assessments", row["assessment_id"], at)
    if any(S.rows("evidence")[i]["basis"] == "stated" for i in bases):
        return None
    _, other = a_row(random, points_to)
    return changed("assessments", number, **{at: other[S.resource(points_to).key]})


@legitimate("a number that is counted from words is the coder's judgement")
def classified_number_changed(random: Random) -> Made:
    number, _ = random.choice(rows_where("events", lambda r: r["occurrences"]))
    return changed("events", number, occurrences=str(random.randrange(1, 9)))


@legitimate("a flag is the coder's judgement of the words")
def flag_flipped(random: Random) -> Made:
    name, at = random.choice(
        (("conditions", "scope_is_ambiguous"), ("events", "is_background"),
         ("participants", "member_count_is_approximate"))
    )  # fmt: skip
    number, row = random.choice(rows_where(name, lambda r: r[at]))
    return changed(name, number, **{at: "false" if row[at] == "true" else "true"})
