"""annotations.jsonld: every quote as a W3C Web Annotation, the cells that it supports its bodies.

Follows the Web Annotation Data Model (https://www.w3.org/TR/annotation-model/): one
AnnotationCollection with one AnnotationPage. What the model leaves to its users:

- IRIs are fragments of one `urn:uuid:` name (RFC 8141, section 2.3.3), which is derived by UUID
  version 5 (RFC 9562) from the package's name; the fragment is table and key. They stay the same
  in every release (but for the collection, which is a release's own), say nothing about where it
  is served, and need no domain of ours.
- The target's source is the quoted source, not a file: its text is not published. Which text the
  offsets count in is said by the target's state, named by the `ni:` URI (RFC 6920) of the text's
  SHA-256; `sha256` and `length` say the same for whoever holds the text. The model's own states
  do not fit: one wants a date and the other HTTP headers, and neither is known.
- A body is a TextualBody whose value is the cell as it stands in the CSV file.
- Terms that the model does not have are declared in the document's own context.

The file is larger than all tables together and is never held as a whole: the evidence is put by in
files for so many quotes each, and those are sorted and written one after another, a line for each
annotation. JSON is put together by Polars, since making each object in Python took thirty times as
long.
"""

from __future__ import annotations

import base64
import json
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gazadata.errors import MissingExtra, ReadError
from gazadata.package import Package
from gazadata.release.files import json_bytes

try:
    import polars as pl
    from polars import col, lit

    from gazadata.validate.tables import LINE, strings, typed
except ImportError:
    raise MissingExtra("polars", "validate") from None

ANNO = "http://www.w3.org/ns/anno.jsonld"
NAMESPACE = uuid.UUID("532fd2cb-8b88-4f59-bc3b-28a864154a90")
"""Made at random once; every IRI here is derived from it, so it must never change."""

TERMS = f"urn:uuid:{NAMESPACE}#"
CONTEXT: dict[str, Any] = {
    # schema.org's property is a SHA-256 in hexadecimal; it is not in the model's own context.
    "sha256": "https://schema.org/sha256",
    "note": "skos:note",
    "length": {"@id": f"{TERMS}length", "@type": "xsd:nonNegativeInteger"},
    **{
        name: f"{TERMS}{name}"
        for name in (
            "source_id",
            "passage_id",
            "quote_id",
            "evidence_id",
            "resource",
            "row_id",
            "field",
            "basis",
        )
    },
}

# Why a cell is tied to the words, in the model's motivations (section 3.3.5).
PURPOSES = {"classified": "classifying"}

BATCH = 300_000
"""Rows of evidence that are looked at together."""

QUOTES = 20_000
"""Quotes that are sorted and written together."""

# What a JSON string holds only escaped (RFC 8259, section 7), and an IRI only percent-encoded
# (RFC 3987, section 2.2).
_CONTROL = [chr(code) for code in (*range(0x20), 0x7F)]
_IN_TEXT = {character: json.dumps(character)[1:-1] for character in ('"', "\\", *_CONTROL)}
_IN_IRI = {character: f"%{ord(character):02X}" for character in (*' "#%<>[\\]^`{|}', *_CONTROL)}


@dataclass(frozen=True)
class _Cell:
    """JSON that is another in each row; an optional member is left out where it is null."""

    pieces: tuple[str | pl.Expr, ...]
    optional: bool = False


def write_annotations(package: Package, target: Path) -> None:
    """Write every quote of a package as a Web Annotation.

    Annotations are in the order of the text, bodies in the order of the package's tables, their
    keys and their fields: the order of rows in the files changes nothing.

    Raises:
        ReadError: a table cannot be read, or a quote or a piece of evidence names what is not
            there; `gazadata validate` says where.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="gazadata-") as folder:
            ranks = _put_quotes(package, Path(folder))
            _put_evidence(package, ranks, Path(folder))
            sources = _sources(package)
            with target.open("wb") as file:
                head, tail = _around(package, ranks.height)
                file.write(head)
                for part in range(-(-ranks.height // QUOTES)):
                    beside = Path(folder) / str(part)
                    quotes = _read_ipc(beside / "quotes.arrow")
                    quotes = quotes.join(sources, on="source_id", how="left", maintain_order="left")
                    bodies = _bodies(package, sorted(beside.glob("evidence-*.arrow")))
                    lines = _lines(package, quotes, bodies, last=ranks.height - 1)
                    lines.write_csv(file, include_header=False, quote_style="never")
                file.write(tail)
    except (pl.exceptions.PolarsError, FileNotFoundError) as error:
        raise ReadError(
            f"{package.root}: {str(error).splitlines()[0]}; `gazadata validate` names the cell and "
            "the remedy"
        ) from None


def _around(package: Package, total: int) -> tuple[bytes, bytes]:
    """What the file has before the annotations, and what behind them."""
    name, version = package.contract.name, package.contract.version
    descriptor = package.contract.descriptor
    collection = f"{_urn(package)}#annotations/{version}"
    document = {
        "@context": [ANNO, CONTEXT],
        "id": collection,
        "type": "AnnotationCollection",
        "label": f"Quotes of {name} {version} and their cells",
        **({"created": descriptor["created"]} if "created" in descriptor else {}),
        "total": total,
        "first": {
            "id": f"{collection}/1",
            "type": "AnnotationPage",
            "partOf": collection,
            "startIndex": 0,
            "items": [],
        },
    }
    head, _, tail = json_bytes(document).rpartition(b"[]")
    return head + b"[\n", b"]" + tail


def _put_quotes(package: Package, folder: Path) -> pl.DataFrame:
    """Put the quotes by in the order of the text, so many in a folder; return the place of each."""
    resource = package.contract["quotes"]
    quotes = (
        strings(package.path("quotes"), resource)
        .drop(LINE)
        .with_columns(typed(resource["char_start"]), typed(resource["char_end"]))
        .sort("source_id", "char_start", "char_end", "quote_id")
        .with_row_index("rank")
        .collect(engine="streaming")
    )
    _refuse(
        quotes,
        col("char_start").is_null() | col("char_end").is_null(),
        "quotes/{quote_id} has no place",
    )
    for part in range(-(-quotes.height // QUOTES)):
        (folder / str(part)).mkdir()
        some = quotes.slice(part * QUOTES, QUOTES)
        some.write_ipc(folder / str(part) / "quotes.arrow", compression="lz4")
    return quotes.select("quote_id", "rank")


def _sources(package: Package) -> pl.DataFrame:
    """What a target says of each source, and of the source's text where that is known."""
    sources = strings(package.path("sources"), package.contract["sources"]).collect()
    known = [digest and named_information(digest) for digest in sources["text_sha256"]]
    source = {
        "id": _iri(package, "sources", "source_id"),
        "type": "Text",
        "format": "text/plain",
        # No rule asks for these two, so the schemas of a package may lack them.
        **{
            member: _text(field, optional=True)
            for member, field in (("language", "language"), ("label", "title"))
            if field in sources.columns
        },
        "source_id": _text("source_id"),
    }
    state = {
        "id": _text("known"),
        "type": "oa:State",
        "sha256": _text("text_sha256"),
        "length": _Cell((col("text_length"),)),
    }
    sources = sources.with_columns(known=pl.Series(known, dtype=pl.String))
    return sources.select("source_id", source=_json(source), state=_json(state))


def _put_evidence(package: Package, ranks: pl.DataFrame, folder: Path) -> None:
    """Put the evidence by with the cells that it is for, in the folders of its quotes."""
    evidence = strings(package.path("evidence"), package.contract["evidence"])
    evidence = evidence.filter(col("quote_id").is_not_null()).drop(LINE, "reference_id")
    cells = _Cells(package)
    for number, batch in enumerate(evidence.collect_batches(chunk_size=BATCH)):
        rows = cells.of(batch).join(ranks, on="quote_id", how="left")
        _refuse(rows, col("rank").is_null(), f"{_NAMES} quotes/{{quote_id}}, which is not there")
        rows = rows.drop("quote_id").with_columns(part=col("rank") // QUOTES)
        for (part,), some in rows.partition_by("part", as_dict=True, include_key=False).items():
            some.write_ipc(folder / str(part) / f"evidence-{number}.arrow", compression="lz4")


_NAMES = "evidence/{evidence_id} names"


class _Cells:
    """The cells that evidence is for; one table is held at a time, as evidence is sorted by it."""

    def __init__(self, package: Package) -> None:
        self.package = package
        self.held: tuple[str, pl.DataFrame] | None = None

    def of(self, evidence: pl.DataFrame) -> pl.DataFrame:
        """Evidence with the value of its cell, and where its table and its field come."""
        resources = self.package.contract.resources
        parts = []
        for (name,), rows in evidence.partition_by("resource", as_dict=True).items():
            if name not in resources:
                _refuse(rows, lit(True), f"{_NAMES} no table: {{resource}}")
            table, fields = self._table(name), resources[name].field_names
            keys = table.select(row_id=resources[name].key).with_row_index("at")
            placed = rows.join(keys, on="row_id", how="left")
            _refuse(
                placed,
                col("at").is_null(),
                f"{_NAMES} {{resource}}/{{row_id}}, which is not there",
            )
            for (field,), some in placed.partition_by("field", as_dict=True).items():
                if field not in fields:
                    _refuse(some, lit(True), f"{_NAMES} no field: {{field}}")
                parts.append(
                    some.drop("at").with_columns(
                        value=table[field].gather(some["at"]),
                        table_at=lit(list(resources).index(name), pl.UInt16),
                        field_at=lit(fields.index(field), pl.UInt16),
                    )
                )
        found = pl.concat(parts)
        _refuse(found, col("value").is_null(), "evidence/{evidence_id} is for a cell that is null")
        return found

    def _table(self, name: str) -> pl.DataFrame:
        if self.held is None or self.held[0] != name:
            self.held = None
            resource = self.package.contract[name]
            self.held = name, strings(self.package.path(name), resource).collect()
        return self.held[1]


def _read_ipc(path: Path) -> pl.DataFrame:
    """Read an Arrow file by its literal path, which `pl.read_ipc` would take for a pattern."""
    return pl.scan_ipc(path, glob=False).collect()


def _bodies(package: Package, files: list[Path]) -> pl.DataFrame:
    """The bodies of the quotes for which evidence was put by in files."""
    body = {
        # Not `id`: a body with one is an External Web Resource, which may not have a purpose.
        "canonical": _iri(package, "evidence", "evidence_id"),
        "type": "TextualBody",
        "purpose": _Cell(('"', col("basis").replace_strict(PURPOSES, default="describing"), '"')),
        "value": _text("value"),
        "format": "text/plain",
        "evidence_id": _text("evidence_id"),
        "resource": _text("resource"),
        "row_id": _text("row_id"),
        "field": _text("field"),
        "basis": _text("basis"),
        "note": _text("note", optional=True),
    }
    if not files:
        return pl.DataFrame(schema={"rank": pl.UInt32, "body": pl.String})
    bodies = (
        pl.concat(map(_read_ipc, files))
        # One number to compare for two: a third of the time.
        .sort(
            col("rank").cast(pl.Int64) * (1 << 16) + col("table_at"),
            "row_id",
            "field_at",
            "evidence_id",
        )
        .lazy()
        .select("rank", "evidence_id", body=_json(body))
        .collect(engine="streaming")
    )
    _refuse(bodies, col("body").is_null(), "evidence/{evidence_id} lacks a cell")
    return bodies.group_by("rank", maintain_order=True).agg(col("body").str.join(","))


def _lines(package: Package, quotes: pl.DataFrame, bodies: pl.DataFrame, last: int) -> pl.DataFrame:
    """A line for each quote, in their order."""
    named = "quotes/{quote_id} quotes sources/{source_id}, "
    _refuse(quotes, col("source").is_null(), f"{named}which is not there")
    _refuse(quotes, col("state").is_null(), f"{named}whose text is not known")
    annotation = {
        "id": _iri(package, "quotes", "quote_id"),
        "type": "Annotation",
        "motivation": "describing",
        "quote_id": _text("quote_id"),
        "body": _Cell(("[", col("body"), "]"), optional=True),
        "target": {
            "type": "SpecificResource",
            "source": _Cell((col("source"),)),
            "state": _Cell((col("state"),)),
            "passage_id": _text("passage_id"),
            "selector": [
                {
                    "type": "TextQuoteSelector",
                    "exact": _text("exact"),
                    "prefix": _text("prefix", optional=True),
                    "suffix": _text("suffix", optional=True),
                },
                {
                    "type": "TextPositionSelector",
                    "start": _Cell((col("char_start").cast(pl.String),)),
                    "end": _Cell((col("char_end").cast(pl.String),)),
                },
            ],
        },
    }
    comma = pl.when(col("rank") < last).then(lit(",")).otherwise(lit(""))
    lines = (
        quotes.join(bodies, on="rank", how="left", maintain_order="left")
        .lazy()
        .select("quote_id", line=pl.concat_str(_json(annotation), comma))
        .collect(engine="streaming")
    )
    _refuse(lines, col("line").is_null(), "quotes/{quote_id} lacks a cell")
    return lines.select("line")


def _refuse(rows: pl.DataFrame, which: pl.Expr, what: str) -> None:
    """Name the first of those rows, if there are any."""
    for row in rows.filter(which).head(1).to_dicts():
        raise ReadError(what.format(**row))


def _json(value: Any) -> pl.Expr:
    """The JSON text of an object in each row, without white space."""
    pieces: list[str | pl.Expr] = []
    for piece in _pieces(value):
        if pieces and isinstance(piece, str) and isinstance(pieces[-1], str):
            pieces[-1] += piece
        else:
            pieces.append(piece)
    return pl.concat_str([lit(piece) if isinstance(piece, str) else piece for piece in pieces])


def _pieces(value: Any) -> Iterator[str | pl.Expr]:
    if isinstance(value, _Cell):
        yield from value.pieces
    elif isinstance(value, dict):
        for number, (name, member) in enumerate(value.items()):
            before = f"{',' if number else '{'}{json.dumps(name)}:"
            if isinstance(member, _Cell) and member.optional:
                yield _json(_Cell((before, *member.pieces))).fill_null("")
            else:
                yield before
                yield from _pieces(member)
        yield "}"
    elif isinstance(value, list):
        for number, member in enumerate(value):
            yield "," if number else "["
            yield from _pieces(member)
        yield "]"
    else:
        yield json.dumps(value, ensure_ascii=False)


def _text(name: str, *, optional: bool = False) -> _Cell:
    """A column as a JSON string."""
    return _Cell(('"', col(name).str.replace_many(_IN_TEXT), '"'), optional)


def _iri(package: Package, table: str, key: str) -> _Cell:
    return _Cell((f'"{_urn(package)}#{table}/', col(key).str.replace_many(_IN_IRI), '"'))


def _urn(package: Package) -> str:
    return f"urn:uuid:{uuid.uuid5(NAMESPACE, package.contract.name)}"


def named_information(sha256: str) -> str:
    """The `ni:` URI of a SHA-256 in hexadecimal: its base64url without padding (RFC 6920)."""
    digest = base64.urlsafe_b64encode(bytes.fromhex(sha256)).decode("ascii").rstrip("=")
    return f"ni:///sha-256;{digest}"
