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
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
from polars import col

from gazadata.contract import Contract, Field, Resource, inside
from gazadata.errors import ContractError
from gazadata.text import TYPESET
from gazadata.validate.checks import Check, Look, check
from gazadata.validate.diagnostics import Diagnostic, Report
from gazadata.validate.rules import RULES
from gazadata.validate.tables import BATCH, LINE, Tables

CONTEXT = 32
"""Code points of prefix and suffix, which end at a line break."""

_TEXTS_A_CHUNK = 1_000
_OF_TEXT = ("source_id", "held", "text_path", "text_sha256", "text_length")
_PLAIN = re.compile("raw/[A-Za-z0-9][A-Za-z0-9._-]*")


def folded(column: pl.Expr) -> pl.Expr:
    """`gazadata.text.fold` as an expression."""
    return (
        column.str.replace_many(list(TYPESET), list(TYPESET.values()))
        .str.to_lowercase()
        .str.replace_all(r"\s+", " ")
        .str.strip_chars()
    )


def texts(  # noqa: PLR0915
    root: Path, contract: Contract, tables: Tables, report: Report, limit: int
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
        one = Diagnostic(
            code,
            RULES[code].title,
            path,
            int(row[LINE]),
            resource="sources",
            row_id=row["source_id"],
            field=field,
            found=found_[:500],
            expected=expected,
            help=RULES[code].remedy,
        )
        report.add([replace(one, **more)])

    chunks: list[pl.DataFrame] = []
    keys: list[str] = []
    values: list[str] = []
    checked = {"GD301": 0, "GD302": 0}
    shipped, linked = (root / "raw").is_dir(), (root / "raw").is_symlink()
    named: set[str] = set()
    for row in rows.iter_rows(named=True):
        of_text = [row["text_path"], row["text_sha256"], row["text_length"]]
        if row["held"] != "true":
            if any(of_text):
                finding("GD303", row, "text_path", str(row["text_path"]), "no text of it")
            continue
        if not all(of_text):
            finding("GD303", row, "text_path", "a part is empty", "path, hash and length")
            continue
        checked["GD301"] += 1
        named.add(row["text_path"])
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
            finding("GD301", row, "text_path", f"{row['text_path']}: {reason}", "a UTF-8 text")
            continue
        if "\r" in text or not unicodedata.is_normalized("NFC", text):
            finding("GD301", row, "text_path", "not NFC with line feeds", "NFC with line feeds")
        checked["GD302"] += 1
        digest = hashlib.sha256(raw).hexdigest()
        if digest != row["text_sha256"]:
            finding("GD302", row, "text_sha256", row["text_sha256"], f"{digest} (the file's)")
        if str(len(text)) != row["text_length"]:
            finding("GD302", row, "text_length", row["text_length"], f"{len(text)} (the file's)")
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
        _unnamed(root, named, report, limit)
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


def _unnamed(root: Path, named: set[str], report: Report, limit: int) -> None:
    """Report the texts in raw/ that no held source names: what they assert is left out unseen."""
    rule = RULES["GD304"]
    there = sorted(name for name in os.listdir(root / "raw") if not name.startswith("."))
    left = [name for name in there if f"raw/{name}" not in named]
    report.count("GD304", len(there), rule.unit, len(left))
    report.add(
        Diagnostic(
            "GD304",
            rule.title,
            f"raw/{name}",
            found="a text that no held source names",
            expected="a row in sources with this text_path",
            help=rule.remedy,
        )
        for name in left[:limit]
    )


def _chunk(keys: list[str], values: list[str]) -> pl.DataFrame:
    return pl.DataFrame(
        {"source_id": keys, "text": values}, schema={"source_id": pl.String, "text": pl.String}
    )


def looks(
    contract: Contract, tables: Tables, held: pl.LazyFrame, *, with_texts: bool
) -> Iterator[Look]:
    """Every look of this layer at the tables that could be read."""
    if with_texts and "passages" in tables:
        yield from _passages(contract, tables, held)
    if "quotes" in tables and "passages" in tables:
        yield from _quotes(contract, tables, held, with_texts=with_texts)
    if "evidence" in tables and "quotes" in tables:
        yield from _used(contract, tables)
        yield from _evidence(contract, tables)


def _passages(contract: Contract, tables: Tables, held: pl.LazyFrame) -> Iterator[Look]:
    same = col("source_id") == col("source_id").shift(1)
    before = pl.when(same).then(col("end").shift(1)).otherwise(0)
    last = (col("source_id") != col("source_id").shift(-1)).fill_null(True)
    follows = pl.when(same).then(col("sequence").shift(1) + 1).otherwise(1)
    gap = col("text").str.slice(col("before"), (col("start") - col("before")).clip(0))
    tail = pl.when(col("last")).then(col("text").str.slice(col("end")))
    edges = pl.concat_str(
        col("text").str.slice(col("start"), 1), col("text").str.slice(col("end") - 1, 1)
    )
    inside_text = (
        (col("start") >= 0)
        & (col("end") > col("start"))
        & (col("end") <= col("text").str.len_chars())
    )
    ordered = (
        tables.typed("passages")
        .sort("source_id", "sequence", maintain_order=True)
        .with_columns(before=before, last=last, follows=follows)
        .join(held, on="source_id", how="left")
        .join(_held(tables), on="source_id", how="left")
        .with_columns(gap=gap)
        .with_columns(
            # A join keeps no order of its own when it is streamed.
            counted=((col("before") > 0) & col("gap").str.contains("\n"))
            .cum_sum()
            .over("source_id", order_by=["sequence", LINE])
            + 1,
            whole=~col("gap").is_null().any().over("source_id"),
        )
    )
    gap = col("gap")
    yield Look(
        contract["passages"],
        ordered,
        (
            check(
                "GD311",
                "start",
                col("start") < col("before"),
                expected=pl.concat_str(pl.lit("not before "), col("before")),
            ),
            check(
                "GD311",
                "sequence",
                col("sequence") > col("follows"),
                expected=col("follows"),
            ),
            check(
                "GD311",
                "paragraph",
                (col("paragraph") != col("counted")) & col("whole"),
                expected=col("counted"),
                applies=col("text").is_not_null(),
            ),
            check(
                "GD313",
                "end",
                ~inside_text | edges.str.contains(r"\s"),
                found=pl.concat_str("start", pl.lit(" to "), "end"),
                expected="bounds inside the text, without white space",
                applies=inside_text.is_not_null(),
            ),
            check(
                "GD313",
                "source_id",
                ~col("is_held"),
                expected="a held source",
                applies=col("is_held").is_not_null(),
            ),
            check(
                "GD312",
                "start",
                gap.str.contains(r"\S"),
                found=pl.concat_str(pl.lit("before it: "), gap.str.strip_chars().str.slice(0, 80)),
                expected="white space alone between passages",
            ),
            check(
                "GD312",
                "end",
                tail.str.contains(r"\S"),
                found=pl.concat_str(pl.lit("behind it: "), tail.str.strip_chars().str.slice(0, 80)),
                expected="white space alone behind the last passage",
                applies=col("last"),
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
                "source_id",
                col("has").is_null(),
                expected="passages that hold all of its text",
            ),
        ),
    )


def _held(tables: Tables) -> pl.LazyFrame:
    """Which sources there are, and whether each is held."""
    return tables.strings("sources").select(
        "source_id", is_held=(col("held") == "true").fill_null(False)
    )


def _cuts(text: pl.Expr, at: pl.Expr) -> pl.Expr:
    """`gazadata.curate.quotes.cuts_word` as an expression: within a word, or within 45,000."""

    def around(before: int, length: int, pattern: str) -> pl.Expr:
        piece = text.str.slice((at - before).clip(0), length)
        return (at >= before) & piece.str.contains(pattern)

    number = r"^\d[.,]\d$"
    return around(1, 2, r"^\w\w$") | around(2, 3, number) | around(1, 3, number)


def _quotes(
    contract: Contract, tables: Tables, held: pl.LazyFrame, *, with_texts: bool
) -> Iterator[Look]:
    start, end, text = col("start"), col("end"), col("text")
    passages = tables.typed("passages").select(
        "passage_id", p_source="source_id", p_start="start", p_end="end"
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
            found=pl.concat_str("start", pl.lit(" to "), "end", pl.lit(" in "), "passage_id"),
            expected=pl.concat_str(
                "p_start", pl.lit(" to "), "p_end", pl.lit(" of "), "p_source", ignore_nulls=True
            ),
            applies=col("p_source").is_not_null() & col("is_held").is_not_null(),
        )
    ]
    frame = quotes.join(passages, on="passage_id", how="left").join(
        _held(tables), on="source_id", how="left"
    )
    if with_texts:
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
        (check("GD332", "quote_id", col("used").is_null(), expected="evidence that uses it"),),
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


def _evidence(contract: Contract, tables: Tables) -> Iterator[Look]:
    cues = "|".join(re.escape(cue) for cue in contract.hedge_cues)
    words = col("words")
    quotes = (
        tables.strings("quotes")
        .select("quote_id", "exact", words=folded(col("exact")))
        .with_columns(
            quoted=words.is_not_null(),
            cue=words.str.contains(rf"\b(?:{cues})\b") if cues else pl.lit(False),
        )
    )
    # Worked out once for all resources: folding takes 1.8 s for 1.8 million quotes.
    for batch in quotes.collect_batches(chunk_size=BATCH):
        tables.put("words", batch)
    quotes = tables.kept("words")
    references = (
        tables.strings("sources").select(reference_id="source_id", reference_kind="kind")
        if "sources" in tables
        else None
    )
    known = [r for r in contract.resources.values() if any(f.evidence_required for f in r.fields)]
    for resource in known:
        if resource.name not in tables:
            continue
        rows = tables.strings("evidence").filter(col("resource") == resource.name)
        yield _cells(resource, tables, rows)
        yield _items(contract, resource, tables, rows, quotes, references)


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


def _cells(resource: Resource, tables: Tables, rows: pl.LazyFrame) -> Look:
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

    checks = []
    for field in fields:
        filled = col(field.name).is_not_null()
        checks.append(
            check(
                "GD333",
                field.name,
                lacks(field, "any_"),
                expected=f"a row in evidence for {resource.name}, this row and {field.name}",
                applies=filled,
            )
        )
        if field.verbatim:
            checks.append(
                check(
                    "GD345",
                    field.name,
                    lacks(field, "stated") & ~lacks(field, "any_"),
                    expected="evidence of basis stated",
                    applies=filled,
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
                )
            )
    return Look(resource, frame, tuple(checks))


def _items(
    contract: Contract,
    resource: Resource,
    tables: Tables,
    rows: pl.LazyFrame,
    quotes: pl.LazyFrame,
    references: pl.LazyFrame | None,
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
        sure=(col("certainty") == "certain") & col("hedge").is_null() if hedged else pl.lit(False),
        reference=col("kind") == "reference" if resource.name == "sources" else pl.lit(False),
    )
    frame = (
        rows.join(cells, on="row_id", how="left")
        .join(quotes.select("quote_id", "quoted", "cue"), on="quote_id", how="left")
        .with_columns(
            col("quoted").fill_null(False),
            filled=((col("filled") & _bit(bits)) != 0).fill_null(False),
        )
    )

    def shown(frame: pl.LazyFrame) -> pl.LazyFrame:
        return (
            frame.join(_cells_of(table, resource, list(bits)), on="row_id", how="left")
            .join(quotes.select("quote_id", "exact"), on="quote_id", how="left")
            .with_columns(value=_value(list(bits)))
        )

    # Without the names nothing can be said of them.
    unnamed = [
        fk.field
        for fk in resource.foreign_keys
        if fk.resource in ("actors", "topics") and "names" not in tables
    ]
    by_reference = col("basis") == "reference"
    has_quote, has_reference = col("quote_id").is_not_null(), col("reference_id").is_not_null()
    has_note = col("note").is_not_null()
    terms = [
        field.name
        for field in resource.fields
        if field.enum or field.type in ("boolean", "integer") or resource.target(field.name)
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
            "field",
            ~col("filled"),
            found=target,
            expected="a row and a filled field that needs evidence",
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
            col(LINE).is_in(_misstated(resource, tables, rows, quotes).implode()),
            found=pl.concat_str(col("value"), pl.lit(" stated by "), col("exact")),
            expected=pl.concat_str(pl.lit("words that state "), "value"),
            applies=(col("basis") == "stated")
            & ~col("field").is_in(unnamed)
            & col("filled")
            & col("quoted"),
        ),
        check(
            "GD342",
            "note",
            ~has_note,
            expected="the rule that was applied",
            applies=col("basis") == "inferred",
        ),
        check(
            "GD343",
            "basis",
            pl.when(by_reference)
            .then(has_quote | ~has_reference | ~has_note)
            .otherwise(~has_quote | has_reference),
            expected=pl.when(by_reference)
            .then(pl.lit("reference_id and note, and no quote_id"))
            .otherwise(pl.lit("quote_id, and no reference_id")),
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
    if references is not None:
        frame = frame.join(references, on="reference_id", how="left")
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
            )
        )
        if resource.name == "sources":
            checks.append(
                check(
                    "GD344",
                    "basis",
                    ~by_reference,
                    expected="reference, with the row's own key",
                    applies=col("reference"),
                )
            )
    if hedged and contract.hedge_cues:
        checks.append(
            check(
                "GD351",
                "quote_id",
                col("cue"),
                found=col("exact"),
                expected="a hedge in the row, or a lower certainty",
                applies=col("sure"),
            )
        )
    return Look(contract["evidence"], frame, tuple(checks), about=target, shown=shown)


def _cells_of(table: pl.LazyFrame, resource: Resource, fields: list[str]) -> pl.LazyFrame:
    cells = (col(name).alias(f"cell:{name}") for name in fields)
    return table.select(col(resource.key).alias("row_id"), *cells)


def _value(fields: list[str]) -> pl.Expr:
    """The cell that a row of evidence is for, out of those of `_cells_of`."""
    return pl.coalesce(pl.when(col("field") == name).then(col(f"cell:{name}")) for name in fields)


def _misstated(
    resource: Resource, tables: Tables, rows: pl.LazyFrame, quotes: pl.LazyFrame
) -> pl.Series:
    """The lines of stated evidence whose quote does not have the words.

    For a key these are the names of what it points to: of actors and topics those in `names`, of
    sources title and publisher. This is worked out beforehand, since as a part of the query for
    all of the evidence it takes more time and memory.
    """
    table = tables.strings(resource.name)
    stated = rows.filter(col("basis") == "stated").select(LINE, "row_id", "field", "quote_id")
    keys = {fk.field: fk for fk in resource.foreign_keys}
    texts = [name for name in _bits(resource) if name not in keys]
    parts = [
        stated.filter(col("field").is_in(texts))
        .join(_cells_of(table, resource, texts), on="row_id")
        .select(LINE, "quote_id", form=folded(_value(texts)))
        .drop_nulls("form")
    ]
    for name in _bits(resource):
        if name not in keys:
            continue
        fk = keys[name]
        if fk.resource in ("actors", "topics") and "names" in tables:
            forms = tables.strings("names").select(value=fk.target, form="text")
        elif fk.resource == "sources":
            sources = tables.strings("sources")
            forms = pl.concat(
                sources.select(value="source_id", form=form) for form in ("title", "publisher")
            )
        else:
            forms = pl.LazyFrame(schema={"value": pl.String, "form": pl.String})
        parts.append(
            stated.filter(col("field") == name)
            .join(table.select(row_id=resource.key, value=name).drop_nulls(), on="row_id")
            .join(forms.drop_nulls().with_columns(folded(col("form"))), on="value", how="left")
            .select(LINE, "quote_id", "form")
        )
    has = col("words").str.contains(col("form"), literal=True).fill_null(False)
    lines = [
        part.join(quotes.select("quote_id", "words"), on="quote_id")
        .group_by(LINE)
        .agg(has=has.any())
        .filter(~col("has"))
        .select(LINE)
        .collect(engine="streaming")
        .to_series()
        for part in parts
    ]
    return pl.concat(lines)
