"""The provenance layer: texts, passages, quotes, and the evidence of every cell."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
import unicodedata
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl
from polars import col

from gazadata.contract import Contract, Field, ForeignKey, Resource, inside
from gazadata.errors import ContractError
from gazadata.text import TYPESET
from gazadata.validate import references
from gazadata.validate.checks import Check, Look, Unrun, cell, check
from gazadata.validate.descriptor import say
from gazadata.validate.diagnostics import Diagnostic, Report
from gazadata.validate.rules import RULES
from gazadata.validate.tables import BATCH, LINE, Tables

CONTEXT = 32
"""Code points of prefix and suffix, which end at a line break."""

_TEXTS_A_CHUNK = 1_000
_OF_TEXT = ("source_id", "held", "text_path", "text_sha256", "text_length")
_FORMS = ("title", "publisher")
"""By which words a quote states a source."""
_PLAIN = re.compile("raw/[A-Za-z0-9][A-Za-z0-9._-]*")
_OF_TEXTS = ("GD301", "GD302", "GD303", "GD304")
_BY_TEXTS = ("GD311", "GD312", "GD313", "GD321", "GD322", "GD324")
"""Rules of the texts, and those that hold passages and quotes against them."""
_OF_EVIDENCE = (
    *("GD333", "GD334", "GD335", "GD341", "GD342", "GD343", "GD344", "GD345", "GD346", "GD347"),
    *("GD348", "GD351"),
)
WORD = r"\p{L}"
"""What a note has at least."""


def folded(column: pl.Expr) -> pl.Expr:
    """`gazadata.text.fold` as an expression."""
    return (
        column.str.replace_many(list(TYPESET), list(TYPESET.values()))
        .str.to_lowercase()
        .str.replace_all(r"\s+", " ")
        .str.strip_chars()
    )


def edged(column: pl.Expr) -> pl.Expr:
    """Folded text with a mark at each edge of a word, so that words are found as whole ones alone.

    It takes a pass over each text, where a regular expression for each cell takes compiling.
    """
    return _marked(folded(column))


def _marked(column: pl.Expr) -> pl.Expr:
    # Not at `\b`, which the engine finds in text that is not all ASCII at a tenth of the speed.
    return column.str.replace_all(r"\w+", "\u001f${0}\u001f")


def texts(  # noqa: PLR0912, PLR0915
    root: Path, tables: Tables, report: Report, limit: int, *, with_texts: bool
) -> pl.LazyFrame:
    """Read every held text, holding it against its row.

    Returns:
        A frame of source_id and text, of the texts that can be read.
    """
    rows = tables.strings("sources").select(LINE, *_OF_TEXT).collect()
    path = tables.paths["sources"].relative_to(root).as_posix()
    found: Counter[str] = Counter()

    def finding(
        code: str, row: dict[str, str], field: str, found_: str, expected: str, **more: Any
    ) -> None:
        report.count(code, 0, RULES[code].unit, 1)
        found[code] += 1
        if found[code] > limit:
            return
        one = Diagnostic.of(
            code,
            path,
            int(row[LINE]),
            resource="sources",
            row_id=row["source_id"],
            field=field,
            found=found_[:500],
            expected=expected,
        )
        report.add([replace(one, **more)])

    chunks: list[pl.DataFrame] = []
    keys: list[str] = []
    values: list[str] = []
    checked = {"GD301": 0, "GD302": 0}
    shipped, linked = with_texts, (root / "raw").is_symlink()
    named: set[str] = set()
    read: set[str] = set()
    unread: dict[str, str] = {}
    for row in rows.iter_rows(named=True):
        of_text = [row["text_path"], row["text_sha256"], row["text_length"]]
        held = f"sources/{row['source_id']}/held"
        if row["text_path"]:
            named.add(row["text_path"])
        if row["held"] == "false" and all(of_text):
            finding("GD303", row, "held", "false", "true, or no path, hash and length")
        # What is neither true nor false is reported itself; the text is read where there is one.
        elif row["held"] != "true" and not all(of_text):
            if row["held"] == "false" and any(of_text):
                at = next(field for field in _OF_TEXT[2:] if row[field])
                nothing = "nothing, as the source is not held"
                finding("GD303", row, at, row[at], nothing, relies=(held,))
                unread[row["text_sha256"]] = row["source_id"]
            continue
        elif not any(of_text):
            finding("GD303", row, "held", "true", "false, or a path, a hash and a length")
            continue
        elif not all(of_text):
            at = next(field for field in _OF_TEXT[2:] if not row[field])
            finding("GD303", row, at, "", "what a held source has")
            unread[row["text_sha256"]] = row["source_id"]
            continue
        checked["GD301"] += 1
        if not shipped and linked:
            continue  # It leads out of the package, which is reported.
        if not shipped:
            # A release carries no texts: no error, but quotes were not held against anything.
            finding(
                "GD301",
                row,
                "text_path",
                f"no folder raw/ with {row['text_path']}",
                "the text, to hold quotes and passages against",
                severity="warning",
            )
            continue
        try:
            raw = _bytes(root, row["text_path"], linked=linked)
            text = raw.decode("utf-8")
        except (OSError, UnicodeDecodeError, ContractError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            finding("GD301", row, "text_path", f"{row['text_path']}: {reason}", "a text in UTF-8")
            unread[row["text_sha256"]] = row["source_id"]
            continue
        altered = "\r" in text or not unicodedata.is_normalized("NFC", text)
        if altered:
            finding("GD301", row, "text_path", "not NFC with line feeds", "NFC with line feeds")
        checked["GD302"] += 1
        digest, length = hashlib.sha256(raw).hexdigest(), str(len(text))
        if digest != row["text_sha256"]:
            if not altered:  # Saved otherwise, a text has another hash.
                finding("GD302", row, "text_sha256", row["text_sha256"], f"{digest} (the file's)")
            if length != row["text_length"]:
                continue  # Another text: all that is held against it would be found at fault.
        elif length != row["text_length"]:
            finding("GD302", row, "text_length", row["text_length"], f"{length} (the file's)")
        if row["source_id"] in read:
            continue  # Its row stands twice, which is reported.
        read.add(row["source_id"])
        keys.append(row["source_id"])
        values.append(text)
        if len(keys) == _TEXTS_A_CHUNK:
            chunks.append(_chunk(keys, values))
            keys, values = [], []
    chunks.append(_chunk(keys, values))
    report.count("GD303", rows.height, RULES["GD303"].unit)
    for code, n in checked.items():
        report.count(code, n, RULES[code].unit)
    if shipped:
        _unnamed(root, named, unread, report, limit)
    return pl.concat(chunks).lazy()


def _bytes(root: Path, path: str, *, linked: bool) -> bytes:
    """Read a file in the package, whose folder raw/ is a link or not.

    Raises:
        OSError: there is none.
        ContractError: the path leads out of the package.
    """
    # A plain file in a plain folder needs no resolving, which costs as much as reading it.
    plain, file = False, f"{root}/{path}"
    if not linked and _PLAIN.fullmatch(path):
        with suppress(OSError):
            plain = stat.S_ISREG(os.lstat(file).st_mode)
    # What is no file, such as a pipe, could be read for ever.
    if not plain and not inside(root, path).is_file():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    with open(file, "rb") as text:
        return text.read()


def _unnamed(
    root: Path, named: set[str], unread: dict[str, str], report: Report, limit: int
) -> None:
    """Report the texts in raw/ that no source names: what they assert is left out unseen.

    `unread` has the sources whose text could not be read, by the hash that they give.
    """
    rule = RULES["GD304"]
    there = sorted(name for name in os.listdir(root / "raw") if not name.startswith("."))
    left = [name for name in there if f"raw/{name}" not in named]
    report.count("GD304", len(there), rule.unit, len(left))
    for name in left[:limit]:
        key = unread.get(_digest(root / "raw" / name)) if unread else None
        one = Diagnostic.of(
            "GD304",
            f"raw/{name}",
            found="a text that no held source names",
            expected="a row in sources with this text_path",
            # It is the text of a source that names it wrongly.
            relies=tuple(f"sources/{key}/{field}" for field in ("held", "text_path") if key),
        )
        report.add([one])


def _digest(path: Path) -> str:
    if not path.is_file():
        return ""  # A pipe could be read for ever.
    with suppress(OSError), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
    return ""


def _chunk(keys: list[str], values: list[str]) -> pl.DataFrame:
    return pl.DataFrame(
        {"source_id": keys, "text": values}, schema={"source_id": pl.String, "text": pl.String}
    )


def looks(
    root: Path, contract: Contract, tables: Tables, report: Report, limit: int, unrun: Unrun
) -> Iterator[Look]:
    """Every look of this layer at the tables that could be read."""
    if "sources" not in tables:
        return
    with_texts = _folder(root, "raw", report, "quotes and passages were not held against the texts")
    held: pl.LazyFrame | None = None
    rules = (*_OF_TEXTS, *_BY_TEXTS) if with_texts else _OF_TEXTS
    with unrun.guard(rules, "sources"):
        held = texts(root, tables, report, limit, with_texts=with_texts)
    if not with_texts:
        held = None
    if "passages" in tables:
        yield _cut(contract, tables)
        if held is not None:
            yield from _passages(contract, tables, held)
    if "quotes" in tables and "passages" in tables:
        yield from _quotes(contract, tables, held)
    if "evidence" in tables and "quotes" in tables:
        yield from _used(contract, tables)
        yield from _evidence(root, contract, tables, report, unrun)


def _folder(root: Path, name: str, report: Report, else_: str) -> bool:
    """Whether the package has a folder, from which texts or references may be read.

    One that is a link to elsewhere is a finding of its own: nothing in it is looked at or named.
    """
    try:
        inside(root, name)
    except ContractError as error:
        report.count("GD005", 1, RULES["GD005"].unit)
        say(report, "GD005", path=name, found=str(error), expected="a folder in the package")
        return False
    if (root / name).is_dir():
        return True
    report.notes.append(f"there is no {name}/, so {else_}")
    return False


def _cut(contract: Contract, tables: Tables) -> Look:
    """Whether sources that are not held have passages, so that it is `held` that is wrong."""
    # One passage alone, or one from the middle, is rather of another source.
    cut = (
        tables.typed("passages")
        .group_by("source_id")
        .agg(cut=(col("sequence").min() == 1) & (pl.len() > 1))
    )
    return Look(
        contract["sources"],
        tables.strings("sources").join(cut, on="source_id", how="left"),
        (
            check(
                "GD303",
                "held",
                col("held") == "false",
                expected="true, as passages are cut out of its text",
                applies=col("cut") & (col("held") == "false"),
                counted=False,  # `texts` counts the sources.
            ),
        ),
    )


def _passages(contract: Contract, tables: Tables, held: pl.LazyFrame) -> Iterator[Look]:
    key, same = col("passage_id"), col("source_id") == col("source_id").shift(1)
    # A passage without a number of its own has the place that it has in the file.
    order = pl.coalesce("sequence", pl.when(same).then(col("sequence").shift(1)), 0)
    before = pl.when(same).then(col("end").shift(1)).otherwise(0)
    last = (col("source_id") != col("source_id").shift(-1)).fill_null(True)
    follows = pl.when(same).then(col("order").shift(1) + 1).otherwise(1)
    step = pl.when(same).then(col("paragraph") - col("paragraph").shift(1)).otherwise(0)
    text, start, end = col("text"), col("start"), col("end")
    between = (start - col("before")).clip(0)
    # A slice without a length would be all of the rest.
    gap = pl.when(between.is_not_null()).then(text.str.slice(col("before"), between))
    rest = pl.when(col("last") | col("until").is_not_null()).then(
        text.str.slice(end, (col("until") - end).clip(0))
    )
    outside = (start >= text.str.len_chars()) | text.str.slice(start, 1).str.contains(r"\s")
    beyond = (end > text.str.len_chars()) | text.str.slice(end - 1, 1).str.contains(r"\s")

    def cut_off(at: pl.Expr) -> pl.Expr:
        """Whether a word or what closes a sentence goes on there."""
        return text.str.slice(at - 1, 2).str.contains(r"^\w\S|^\S[^\w\s]")

    # Where words are missing before it, it starts too late; otherwise it ends too early.
    crossed = (end <= start) & ~col("outside") & ~col("beyond")
    fits = (start >= col("before")) & (end > start) & ~col("outside")
    ordered = (
        tables.typed("passages")
        .with_columns(order=order, above=key.shift(1), below=key.shift(-1))
        .sort("source_id", "order", maintain_order=True)
        .with_columns(
            before=before,
            last=last,
            until=pl.when(~last).then(start.shift(-1)),
            follows=follows,
            step=step,
            previous=key.shift(1),
        )
        .join(held, on="source_id", how="left")
        .join(_held(tables), on="source_id", how="left")
        # All that is asked of a text, which is not to be held for each of its passages.
        .with_columns(
            gap=gap,
            rest=rest,
            outside=outside,
            beyond=beyond,
            cut_before=cut_off(col("before")),
            cut_end=cut_off(end),
            has_text=text.is_not_null(),
        )
        .drop("text")
        .with_columns(
            # A join keeps no order of its own when it is streamed. A passage whose bounds are
            # wrong says nothing of paragraphs, and those behind it are counted as it says.
            counted=pl.when(fits)
            .then((col("before") > 0) * col("gap").str.count_matches(r"\n\s*").cast(pl.Int64))
            .otherwise("step")
            .fill_null(0)
            .cum_sum()
            .over("source_id", order_by=["order", LINE])
            + 1,
            missing=col("gap").str.contains(r"\S"),
        )
    )
    # A passage of another source, by mistake, is missing between its neighbours in the file.
    around = {at: cell("passages", at, "source_id") for at in ("passage_id", "above", "below")}
    yield Look(
        contract["passages"],
        ordered,
        (
            check(
                "GD311",
                "start",
                start < col("before"),
                expected=pl.format("at least {}, where the one before it ends", "before"),
                relies=[cell("passages", "previous", "end")],
            ),
            check(
                "GD311",
                "sequence",
                (col("sequence") > col("follows")) & ~col("missing").fill_null(False),
                expected=col("follows"),
                relies=[around["passage_id"], cell("passages", "previous", "sequence")],
            ),
            check(
                "GD311",
                "paragraph",
                col("paragraph") != col("counted"),
                expected=col("counted"),
                applies=fits,
                relies=[cell("passages", "previous", "paragraph")],
            ),
            *(
                check(
                    "GD313",
                    side,
                    wrong,
                    found=pl.concat_str("start", pl.lit(" to "), "end"),
                    expected="bounds inside the text, without white space",
                    applies=col("has_text") & start.is_not_null() & end.is_not_null(),
                )
                for side, wrong in (
                    ("start", col("outside") | (crossed & col("missing"))),
                    ("end", col("beyond") | (crossed & ~col("missing"))),
                )
            ),
            check(
                "GD313",
                "source_id",
                ~col("is_held"),
                expected="a held source",
                applies=col("is_held").is_not_null(),
                relies=[cell("sources", "source_id", "held")],
            ),
            check(
                "GD312",
                "start",
                # Where the one before it is cut off, it is that one whose bound is wrong.
                col("missing") & ((col("before") == 0) | ~col("cut_before")),
                found=pl.format("“{}” before it", col("gap").str.strip_chars().str.slice(0, 80)),
                expected="white space alone between passages",
                relies=[
                    around["passage_id"],
                    around["above"],
                    cell("passages", "previous", "end"),
                ],
            ),
            check(
                "GD312",
                "end",
                col("rest").str.contains(r"\S") & (col("last") | col("cut_end")),
                found=pl.format("“{}” behind it", col("rest").str.strip_chars().str.slice(0, 80)),
                expected=pl.when("last")
                .then(pl.lit("white space alone behind the last passage"))
                .otherwise(pl.lit("white space alone between passages")),
                relies=[around["passage_id"], around["below"]],
            ),
        ),
    )
    cut = tables.strings("passages").select("source_id", has=pl.lit(True)).unique()
    yield Look(
        contract["sources"],
        tables.strings("sources")
        .filter(col("held") == "true")
        .join(cut, on="source_id", how="left"),
        (
            check(
                "GD312",
                "text_path",
                col("has").is_null(),
                expected="passages that hold all of its text",
                relies=[cell("sources", "source_id", "held")],
                counted=False,  # What is counted are the passages.
            ),
        ),
    )


def _held(tables: Tables) -> pl.LazyFrame:
    """Which sources there are, and whether each is held."""
    return (
        tables.strings("sources")
        .select("source_id", is_held=(col("held") == "true").fill_null(False))
        .unique("source_id", keep="first")
    )


def _cuts(text: pl.Expr, at: pl.Expr) -> pl.Expr:
    """`gazadata.curate.quotes.cuts_word` as an expression: within a word, or within 45,000."""

    def around(before: int, length: int, pattern: str) -> pl.Expr:
        piece = text.str.slice((at - before).clip(0), length)
        return (at >= before) & piece.str.contains(pattern)

    number = r"^\d[.,]\d$"
    return around(1, 2, r"^\w\w$") | around(2, 3, number) | around(1, 3, number)


def _quotes(contract: Contract, tables: Tables, held: pl.LazyFrame | None) -> Iterator[Look]:
    start, end, text = col("start"), col("end"), col("text")
    same, before = col("source_id") == col("source_id").shift(1), col("end").shift(1)
    behind = pl.when(col("source_id") == col("source_id").shift(-1)).then(start.shift(-1))
    passages = (
        tables.typed("passages")
        .sort("source_id", "sequence", maintain_order=True)
        .select(
            "passage_id",
            p_source="source_id",
            p_start="start",
            p_end="end",
            p_before=pl.when(same).then(before).otherwise(0),
            p_behind=behind,
        )
    )
    quotes = tables.typed("quotes").with_columns(col("prefix", "suffix").fill_null(""))
    in_passage = (
        (col("source_id") == col("p_source")) & (start >= col("p_start")) & (end <= col("p_end"))
    )
    checks = [
        check(
            "GD323",
            "passage_id",
            ~in_passage,
            found=pl.format("{} to {} of {}", "start", "end", "source_id"),
            expected=pl.format(
                "within {} to {} of {}, as its passage", "p_start", "p_end", "p_source"
            ),
            applies=col("p_source").is_not_null() & col("is_held").is_not_null(),
            # It follows from the bound that it lies outside of, where no other passage has it.
            relies=[
                pl.when(wrong).then(cell("passages", "passage_id", field))
                for field, wrong in (
                    ("source_id", col("source_id") != col("p_source")),
                    ("start", (start < col("p_start")) & ~(start < col("p_before"))),
                    ("end", (end > col("p_end")) & ~(end > col("p_behind")).fill_null(False)),
                )
            ]
            # One that is shifted is not the text there, either.
            + [
                pl.when((start < col("p_end")) & (end > col("p_start"))).then(
                    cell("quotes", "quote_id", "exact")
                )
            ],
        )
    ]
    frame = quotes.join(passages, on="passage_id", how="left").join(
        _held(tables), on="source_id", how="left"
    )
    if held is not None:
        # A slice counts from the end where its start is negative, so bounds are asked for first.
        bounded = ((start >= 0) & (end > start)).fill_null(False)
        length = pl.when(bounded).then(end - start).otherwise(0)
        lead = start.clip(0, CONTEXT)
        # Cut out of the text once, since finding a code point takes reading all before it.
        frame = (
            frame.join(held, on="source_id", how="left")
            .with_columns(
                around=text.str.slice((start - CONTEXT).clip(0), lead + length + CONTEXT),
                has_text=text.is_not_null(),
            )
            .drop("text")
        )
        around, begins, ends = col("around"), lead, lead + length
        there = around.str.slice(begins, length)
        # A cell holds no line break, so that a line of a table is a row: the context ends at one.
        before = around.str.slice(0, begins).str.extract(r"([^\n]*)$")
        after = around.str.slice(ends, CONTEXT).str.extract(r"^([^\n]*)")
        right = bounded & (there == col("exact")).fill_null(False)
        checks += [
            check(
                "GD321",
                "exact",
                ~right,
                expected=there,
                applies=col("has_text") & start.is_not_null() & end.is_not_null(),
            ),
            check("GD322", "prefix", (before != col("prefix")), expected=before, applies=right),
            check("GD322", "suffix", (after != col("suffix")), expected=after, applies=right),
            check(
                "GD324",
                "exact",
                (_cuts(around, begins) | _cuts(around, ends) | ~col("exact").str.contains(r"\S")),
                expected="whole words",
                applies=right,
            ),
        ]
    yield Look(contract["quotes"], frame, tuple(checks))


def _used(contract: Contract, tables: Tables) -> Iterator[Look]:
    used = tables.strings("evidence").select("quote_id", used=pl.lit(True)).drop_nulls().unique()
    quotes = tables.strings("quotes").join(used, on="quote_id", how="left")
    yield Look(
        contract["quotes"],
        quotes,
        (
            check(
                "GD332",
                "quote_id",
                col("used").is_null(),
                expected="evidence that uses it",
                relies=[pl.concat_str(pl.lit("evidence/*."), "quote_id")],
            ),
        ),
    )
    if "passages" in tables:
        lit = quotes.filter(col("used")).select("passage_id", lit=pl.lit(True)).unique()
        yield Look(
            contract["passages"],
            tables.strings("passages").join(lit, on="passage_id", how="left"),
            (
                check(
                    "GD331",
                    "passage_id",
                    col("lit").is_null(),
                    expected="a quote that evidence uses",
                ),
            ),
        )


def _evidence(
    root: Path, contract: Contract, tables: Tables, report: Report, unrun: Unrun
) -> Iterator[Look]:
    cues = "|".join(re.escape(cue) for cue in contract.hedge_cues)
    quotes: pl.LazyFrame | None = None
    with unrun.guard(_OF_EVIDENCE, "evidence"):
        # Worked out once for all resources.
        for batch in (
            tables.strings("quotes")
            .select(
                "quote_id",
                "exact",
                quoted=col("exact").is_not_null(),
                cue=_cued(col("exact"), cues),
            )
            .collect_batches(chunk_size=BATCH)
        ):
            tables.put("cues", batch)
        quotes = tables.kept("cues")
    if quotes is None:
        return
    kinds = (
        tables.strings("sources").select(reference_id="source_id", reference_kind="kind")
        if "sources" in tables
        else None
    )
    for name, resource in contract.resources.items():
        rows = tables.strings("evidence").filter(col("resource") == name)
        if not any(field.evidence_required for field in resource.fields):
            yield Look(contract["evidence"], rows, (_nothing_to_prove(),), of=name)
        elif name in tables:
            stated = _NOTHING_STATED
            with unrun.guard(["GD341", "GD345"], name):
                stated = _stated(resource, tables, rows, quotes)
            yield _cells(resource, tables, rows, stated)
            yield _items(contract, resource, tables, rows, quotes, kinds, stated, cues)
    if any(references.coded(contract[name]) for name in tables.rows) and _folder(
        root, "reference", report, "codes and identifiers were not held against it"
    ):
        with unrun.guard(["GD348"], "evidence"):
            yield from references.looks(root, contract, tables)


def _cued(column: pl.Expr, cues: str) -> pl.Expr:
    """Whether words hold a hedge cue."""
    # Not `\b`, for the reason that `_marked` has.
    return folded(column).str.contains(rf"(?:^|\W)(?:{cues})(?:\W|$)") if cues else pl.lit(False)


def _nothing_to_prove() -> Check:
    return check(
        "GD334",
        "resource",
        pl.lit(True),
        expected="a table of which a field needs evidence",
    )


def _bits(resource: Resource) -> dict[str, int]:
    """A bit for each field that needs evidence.

    Joining one number a row to evidence, not the row's cells, saves time and memory.
    """
    needed = [field.name for field in resource.fields if field.evidence_required]
    return {name: 1 << n for n, name in enumerate(needed)}


def _bit(bits: dict[str, int]) -> pl.Expr:
    return col("field").replace_strict(
        list(bits), list(bits.values()), default=0, return_dtype=pl.Int64
    )


def _cells(resource: Resource, tables: Tables, rows: pl.LazyFrame, stated: _Stated) -> Look:
    """The cells of a table, each with whether it has evidence, and evidence of which basis."""
    fields = [field for field in resource.fields if field.evidence_required]
    bits = _bits(resource)
    bit = _bit(bits)

    def of(basis: str) -> pl.Expr:
        return pl.when(col("basis") == basis).then(bit).otherwise(0).bitwise_or()

    proof = rows.group_by("row_id").agg(
        any_=bit.bitwise_or(), stated=of("stated"), looked_up=of("reference")
    )
    frame = tables.strings(resource.name).join(
        proof, left_on=resource.key, right_on="row_id", how="left"
    )

    def lacks(field: Field, column: str) -> pl.Expr:
        return (col(column).fill_null(0) // bits[field.name]) % 2 == 0

    def by_identifier(field: Field) -> pl.Expr:
        return pl.concat_str(
            pl.lit(f"evidence/{resource.name}."),
            resource.key,
            pl.lit(f".{field.name.replace('_', '-')}.*"),
        )

    # A row of which no cell has any is one mistake: it is new, or its key has been renamed.
    names = [pl.when(col(f.name).is_not_null()).then(pl.lit(f.name)) for f in fields]
    bare = (
        col("any_").is_null()
        & col(resource.key).is_not_null()
        & (pl.sum_horizontal(name.is_not_null() for name in names) > 1)
    )
    frame = frame.with_columns(bare=bare)
    bare = col("bare")
    checks = [
        check(
            "GD333",
            resource.key,
            bare,
            expected=pl.concat_str(
                pl.lit(f"evidence of resource {resource.name}, for each of "),
                pl.concat_str(names, separator=", ", ignore_nulls=True),
            ),
            applies=bare,
            counted=False,  # Its cells are counted one by one.
            relies=[
                cell(resource.name, resource.key, resource.key),
                *(by_identifier(field) for field in fields),
            ],
        )
    ]
    for field in fields:
        # Evidence can point to no row without a key, which is reported itself.
        filled = col(field.name).is_not_null() & col(resource.key).is_not_null()
        # Evidence that is broken itself, and by its identifier is for this cell.
        relies = [
            cell(resource.name, resource.key, resource.key),
            cell(resource.name, resource.key, field.name),
            by_identifier(field),
        ]
        checks.append(
            check(
                "GD333",
                field.name,
                lacks(field, "any_") & ~bare,
                expected=pl.concat_str(
                    pl.lit(f"evidence of resource {resource.name}, row_id "),
                    resource.key,
                    pl.lit(f" and field {field.name}"),
                ),
                applies=filled,
                relies=relies,
            )
        )
        if field.verbatim:
            loose = _of_cell(resource, field, stated.loose, "words")
            checks.append(
                check(
                    "GD345",
                    field.name,
                    (lacks(field, "stated") & ~lacks(field, "any_")) | loose.is_not_null(),
                    expected=pl.coalesce(
                        pl.format("the words as they stand in “{}”", loose),
                        pl.lit("evidence of basis stated"),
                    ),
                    applies=filled,
                    relies=[*relies, _of_cell(resource, field, stated.loose, "quotes")],
                )
            )
        if field.raw.get("gazadata:reference"):
            checks.append(
                check(
                    "GD347",
                    field.name,
                    lacks(field, "looked_up") & ~lacks(field, "any_"),
                    expected="evidence of basis reference",
                    applies=filled,
                    relies=relies,
                )
            )
    return Look(resource, frame, tuple(checks))


def _of_cell(resource: Resource, field: Field, cells: pl.DataFrame, column: str) -> pl.Expr:
    """What a frame with row_id and field says of the cells of a field; null where it does not."""
    own = cells.filter(col("field") == field.name)
    return col(resource.key).replace_strict(
        own["row_id"], own[column], default=None, return_dtype=pl.String
    )


def _items(
    contract: Contract,
    resource: Resource,
    tables: Tables,
    rows: pl.LazyFrame,
    quotes: pl.LazyFrame,
    kinds: pl.LazyFrame | None,
    stated: _Stated,
    cues: str,
) -> Look:
    """The rows of evidence for one table, with whether its cell is filled, and its quote there."""
    bits = _bits(resource)
    table = tables.strings(resource.name)
    hedged = "certainty" in resource.field_names
    cells = table.select(
        row_id=resource.key,
        filled=pl.sum_horizontal(
            pl.when(col(name).is_not_null()).then(bit).otherwise(0) for name, bit in bits.items()
        ),
        # Other words in hedge than a cue limit something else.
        sure=(col("certainty") == "certain") & ~_cued(col("hedge"), cues).fill_null(False)
        if hedged
        else pl.lit(False),
        reference=col("kind") == "reference" if resource.name == "sources" else pl.lit(False),
    )
    frame = (
        rows.join(cells, on="row_id", how="left")
        .join(quotes.select("quote_id", "quoted", "cue"), on="quote_id", how="left")
        .with_columns(
            col("quoted").fill_null(False),
            known=col("filled").is_not_null(),
            filled=((col("filled") & _bit(bits)) != 0).fill_null(False),
        )
    )

    def shown(frame: pl.LazyFrame) -> pl.LazyFrame:
        return (
            frame.join(_cells_of(table, resource, list(bits)), on="row_id", how="left")
            .join(quotes.select("quote_id", "exact"), on="quote_id", how="left")
            .with_columns(value=_value(list(bits)))
            .join(_names(tables), on="value", how="left")
        )

    # Without the names nothing can be said of them.
    unnamed = [
        fk.field
        for fk in resource.foreign_keys
        if fk.resource in ("actors", "topics")
        and not ("names" in tables and (resource.name != "names" or fk.resource in tables))
    ]
    of_sources = col("field").is_in(
        [fk.field for fk in resource.foreign_keys if fk.resource == "sources"]
    )
    by_reference = col("basis") == "reference"
    has_quote, has_reference = col("quote_id").is_not_null(), col("reference_id").is_not_null()
    has_note, both_or_none = col("note").str.contains(WORD), has_quote == has_reference
    has_note = has_note.fill_null(False)
    terms = [
        field.name
        for field in resource.fields
        if field.enum
        or field.type in ("boolean", "integer")
        or resource.target(field.name)
        # These two have rules of their own.
        or field.verbatim
        or field.raw.get("gazadata:reference")
    ]
    identifier = pl.concat_str(
        "resource",
        "row_id",
        col("field").str.replace_all("_", "-", literal=True),
        pl.coalesce("quote_id", "reference_id", pl.lit("")),
        separator=".",
    )
    target = pl.concat_str("resource", "row_id", "field", separator="/")
    checks: list[Check] = [
        check(
            "GD334",
            "row_id",
            ~col("known"),
            expected=f"a key of {resource.name} ({resource.key})",
            applies=~col("known"),
            relies=[cell(resource.name, "row_id", "")],
        ),
        check(
            "GD334",
            "field",
            ~col("filled"),
            found=pl.concat_str(
                "field",
                pl.when(col("field").is_in(list(bits)))
                .then(pl.lit(", which is empty there"))
                .otherwise(pl.lit("")),
            ),
            expected=f"a filled field of {resource.name} that needs evidence",
            applies=col("known"),
            relies=[target, cell("evidence", "evidence_id", "row_id")],
        ),
        check(
            "GD335",
            "evidence_id",
            col("evidence_id") != identifier,
            expected=identifier,
            # Where it points to nothing, that is what is wrong.
            applies=col("filled") & (~has_quote | col("quoted")),
        ),
        check(
            "GD341",
            "quote_id",
            col(LINE).is_in(stated.without.implode()),
            found=pl.format("“{}” for {}", "exact", "value"),
            expected=pl.format("words that state {}", "value"),
            applies=(col("basis") == "stated")
            & ~col("field").is_in(unnamed)
            & col("filled")
            & col("quoted"),
            relies=[
                target,
                cell("quotes", "quote_id", "exact"),
                col("names"),
                *(pl.when(of_sources).then(cell("sources", "value", form)) for form in _FORMS),
                *(
                    pl.when(col("field") == fk.field).then(cell(fk.resource, "value", at))
                    for fk in resource.foreign_keys
                    for at in ("", contract[fk.resource].label or "")
                ),
            ],
        ),
        check(
            "GD342",
            "note",
            ~has_note,
            expected="the rule that was applied",
            applies=col("basis") == "inferred",
        ),
        # The one cell that is wrong; where both of them are, it is rather the basis.
        check(
            "GD343",
            "basis",
            by_reference == has_quote,
            expected=pl.when(by_reference)
            .then(pl.lit("another basis, as quote_id is filled"))
            .otherwise(pl.lit("reference, as reference_id is filled")),
            applies=has_quote != has_reference,
        ),
        check(
            "GD343",
            "quote_id",
            both_or_none & (by_reference == has_quote),
            expected=pl.when(by_reference)
            .then(pl.lit("nothing, as a reference is not quoted"))
            .otherwise(pl.lit("a quote")),
            applies=both_or_none,
        ),
        check(
            "GD343",
            "reference_id",
            both_or_none & (by_reference != has_quote),
            expected=pl.when(by_reference)
            .then(pl.lit("a source of kind reference"))
            .otherwise(pl.concat_str(pl.lit("nothing, as the basis is "), "basis")),
            applies=both_or_none,
        ),
        check(
            "GD343",
            "note",
            ~has_note,
            expected="what was looked up",
            applies=by_reference & ~has_quote,
        ),
        check(
            "GD346",
            "basis",
            ~col("field").is_in(terms),
            found=pl.concat_str("basis", pl.lit(" for "), "field"),
            expected="stated or inferred",
            applies=(col("basis") == "classified") & col("field").is_in(list(bits)),
        ),
    ]
    if kinds is not None:
        frame = frame.join(kinds, on="reference_id", how="left")
        own = (
            (col("reference_id") != col("row_id")).fill_null(True)
            if resource.name == "sources"
            else pl.lit(False)
        )
        checks.append(
            check(
                "GD344",
                "reference_id",
                (col("reference_kind") != "reference") | own,
                expected="the row itself"
                if resource.name == "sources"
                else "a source of kind reference",
                applies=by_reference & has_reference,
                relies=[cell("sources", "reference_id", at) for at in ("kind", "cited_by")],
            )
        )
        if resource.name == "sources":
            checks.append(
                check(
                    "GD344",
                    "basis",
                    ~by_reference,
                    expected="reference, with the row's own key",
                    applies=col("reference") & col("filled"),
                    relies=[cell("sources", "row_id", "kind")],
                )
            )
    if hedged and contract.hedge_cues:
        checks.append(
            check(
                "GD351",
                "quote_id",
                col("cue"),
                found=col("exact"),
                expected="the cue in the row's hedge, or a lower certainty",
                # Where it points to nothing, that is what is wrong.
                applies=col("sure") & col("filled"),
                relies=[
                    cell("quotes", "quote_id", "exact"),
                    *(cell(resource.name, "row_id", at) for at in ("certainty", "hedge")),
                ],
            )
        )
    return Look(
        contract["evidence"], frame, tuple(checks), about=target, shown=shown, of=resource.name
    )


def _cells_of(table: pl.LazyFrame, resource: Resource, fields: list[str]) -> pl.LazyFrame:
    cells = (col(name).alias(f"cell:{name}") for name in fields)
    return table.select(col(resource.key).alias("row_id"), *cells)


def _value(fields: list[str]) -> pl.Expr:
    """The cell that a row of evidence is for, out of those of `_cells_of`."""
    return pl.coalesce(pl.when(col("field") == name).then(col(f"cell:{name}")) for name in fields)


def _names(tables: Tables) -> pl.LazyFrame:
    """The cells that hold the names of each actor and topic, in one text."""
    if "names" not in tables:
        return pl.LazyFrame(schema={"value": pl.String, "names": pl.String})
    names = tables.strings("names")
    every = [names.select("name_id", value=at) for at in ("actor_id", "topic_id")]
    return (
        pl.concat(every)
        .drop_nulls()
        .group_by("value")
        .agg(names=cell("names", "name_id", "text").str.join("\n"))
    )


@dataclass(frozen=True)
class _Stated:
    """What the stated evidence for a table does not have in its quotes.

    Attributes:
        without: the lines of the evidence whose quote does not have the words.
        loose: the verbatim cells that stand in their quotes only when folded: `row_id`, `field`,
            the first quote's `words`, and the names (`cell`) of the `quotes`.
    """

    without: pl.Series
    loose: pl.DataFrame


_NOTHING_STATED = _Stated(
    pl.Series(dtype=pl.UInt32),
    pl.DataFrame(schema=dict.fromkeys(("row_id", "field", "words", "quotes"), pl.String)),
)


def _stated(
    resource: Resource, tables: Tables, rows: pl.LazyFrame, quotes: pl.LazyFrame
) -> _Stated:
    """Hold what is stated against the words of its quotes.

    For a key these are the names of what it points to. This is worked out beforehand, since as a
    part of the query for all of the evidence it takes more time and memory.
    """
    table = tables.strings(resource.name)
    stated = rows.filter(col("basis") == "stated").select(LINE, "row_id", "field", "quote_id")
    keys = {fk.field: fk for fk in resource.foreign_keys}
    texts = [name for name in _bits(resource) if name not in keys]
    of_names = resource.name == "names"
    worded = (
        stated.filter(col("field").is_in(texts))
        .join(_cells_of(table, resource, texts), on="row_id")
        .select(LINE, "row_id", "field", "quote_id", form=_value(texts))
        .drop_nulls("form")
    )
    parts = [worded]
    for name in _bits(resource):
        if name not in keys:
            continue
        pointing = table.select(row_id=resource.key, value=name).drop_nulls()
        forms = _forms(keys[name], tables, of_names=of_names)
        # Whose it is, a name does not state itself.
        other = (col("of") != col("row_id")) if of_names else pl.lit(True)
        parts.append(
            stated.filter(col("field") == name)
            .join(pointing, on="row_id")
            .join(forms, on="value", how="left")
            .select(LINE, "row_id", "field", "quote_id", form=pl.when(other).then("form"))
        )
    words = quotes.select("quote_id", "exact")
    exact, form = col("exact"), col("form")
    # Most stand there letter for letter between spaces; folding the others alone halves the time.
    spaced = pl.concat_str(pl.lit(" "), exact, pl.lit(" ")).str.contains(
        pl.concat_str(pl.lit(" "), form, pl.lit(" ")), literal=True
    )
    whole = edged(exact).str.contains(edged(form), literal=True)
    without, loose = [], _NOTHING_STATED.loose
    for part in parts:
        with_words = part.join(words, on="quote_id")
        unspaced = _lines_without(with_words, spaced, tables)
        if unspaced.is_empty():
            continue
        with_words = with_words.filter(col(LINE).is_in(unspaced.implode()))
        without.append(_lines_without(with_words, whole, tables))
        if part is worded:
            folded_ = with_words.filter(~col(LINE).is_in(without[-1].implode()))
            loose = _loose(resource, worded.join(words, on="quote_id"), folded_, tables)
    return _Stated(pl.concat(without), loose) if without else _NOTHING_STATED


def _forms(fk: ForeignKey, tables: Tables, *, of_names: bool) -> pl.LazyFrame:
    """The words that state what a key points to, and by which row of `names` (`of`).

    Of sources these are title and publisher, of actors and topics their names; for a row of `names`
    itself also what the actor or the topic is called in its own row.
    """
    own: tuple[str, ...] = _FORMS if fk.resource == "sources" else ()
    if of_names and (label := tables.resources[fk.resource].label):
        own = (label,)
    forms = [pl.LazyFrame(schema=dict.fromkeys(("of", "value", "form"), pl.String))]
    if fk.resource in tables:
        target = tables.strings(fk.resource)
        forms += [target.select(of=pl.lit(""), value=fk.target, form=form) for form in own]
    if fk.resource in ("actors", "topics") and "names" in tables:
        names = tables.strings("names")
        forms.append(names.select(of="name_id", value=fk.target, form="text"))
    return pl.concat(forms).drop_nulls()


def _lines_without(with_words: pl.LazyFrame, has: pl.Expr, tables: Tables) -> pl.Series:
    """The lines of the evidence of which no form is in its quote."""
    return (
        with_words.group_by(LINE)
        .agg(has=has.fill_null(False).any())
        .filter(~col("has"))
        .select(LINE)
        .collect(engine=tables.engine)
        .to_series()
    )


def _loose(
    resource: Resource, worded: pl.LazyFrame, folded_: pl.LazyFrame, tables: Tables
) -> pl.DataFrame:
    """The verbatim cells of which no evidence has the words letter for letter.

    `folded_` has the evidence that may not.
    """
    verbatim = [field.name for field in resource.fields if field.verbatim]
    letters = _marked(col("exact")).str.contains(_marked(col("form")), literal=True)
    cells = (
        folded_.filter(col("field").is_in(verbatim) & ~letters)
        .select("row_id", "field")
        .unique()
        .collect(engine=tables.engine)
    )
    if cells.is_empty():
        return _NOTHING_STATED.loose
    return (
        worded.join(cells.lazy(), on=["row_id", "field"], how="semi")
        .sort(LINE)
        .group_by("row_id", "field", maintain_order=True)
        .agg(
            verbatim=letters.any(),
            words=col("exact").first(),
            quotes=cell("quotes", "quote_id", "exact").str.join("\n"),
        )
        .filter(~col("verbatim"))
        .select("row_id", "field", "words", "quotes")
        .collect()
    )
