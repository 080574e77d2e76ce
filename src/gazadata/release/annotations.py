"""annotations.jsonld: every quote as a W3C Web Annotation, with the cells it supports as bodies.

Follows the Web Annotation Data Model (https://www.w3.org/TR/annotation-model/): one
AnnotationCollection with one AnnotationPage. What the model leaves to its users:

- IRIs are fragments of one `urn:uuid:` name (RFC 8141, section 2.3.3), which is derived by UUID
  version 5 (RFC 9562) from the package's name; the fragment is table and key. They stay the same
  in every release (but for the collection, which is a release's own), say nothing about where it
  is served, and need no domain of ours.
- The target's source is the quoted source, not a file: its text is not published. The target's
  state identifies the text that the offsets count in by the `ni:` URI (RFC 6920) of its SHA-256;
  `sha256` and `length` help readers who have the text. The model's own states do not fit: one
  needs a date and the other HTTP headers, and neither is known.
- A body is a TextualBody whose value is the cell as the CSV file has it.
- Terms that the model lacks are declared in the document's own context.

The file is larger than all tables together and is never in memory as a whole: SQLite sorts its
rows in a temporary file, and each annotation is written as a line.
"""

from __future__ import annotations

import base64
import json
import sqlite3
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import closing
from itertools import groupby
from pathlib import Path
from typing import Any

from gazadata.contract import Resource
from gazadata.errors import ReadError, extra
from gazadata.package import Package
from gazadata.release.files import json_bytes

with extra("polars", "validate"):
    import polars as pl
    from polars import col

    from gazadata.validate.stated import cells_of, value_of
    from gazadata.validate.tables import strings, typed

ANNO = "http://www.w3.org/ns/anno.jsonld"
NAMESPACE = uuid.UUID("532fd2cb-8b88-4f59-bc3b-28a864154a90")
"""Generated at random once; every IRI here is derived from it, so it must never change."""

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

# Characters that an IRI holds only percent-encoded (RFC 3987, section 2.2).
_IN_IRI = {code: f"%{code:02X}" for code in (*range(0x21), 0x7F, *map(ord, '"#%<>[\\]^`{|}'))}

_QUOTE = ("quote_id", "source_id", "char_start", "char_end", "passage_id", "exact")
_EVIDENCE = ("evidence_id", "quote_id", "resource", "row_id", "field", "basis")
_TABLES = f"""
CREATE TABLE quotes ({" NOT NULL, ".join(_QUOTE)} NOT NULL, prefix, suffix);
CREATE UNIQUE INDEX quote ON quotes (quote_id);
CREATE TABLE evidence (
    {" NOT NULL, ".join(_EVIDENCE)} NOT NULL, value NOT NULL, table_at, field_at, note,
    FOREIGN KEY (quote_id) REFERENCES quotes (quote_id)
);
"""
_IN_ORDER = """
SELECT * FROM quotes LEFT JOIN evidence USING (quote_id)
ORDER BY source_id, char_start, char_end, quote_id, table_at, row_id, field_at, evidence_id
"""


def write_annotations(package: Package, target: Path) -> None:
    """Write every quote of a package that validates as a Web Annotation.

    Annotations are in the order of the text, bodies in the order of the package's tables, their
    keys and their fields: the order of rows in the files does not matter.

    Raises:
        ReadError: a table cannot be read, or a row lacks a cell or points to a missing row.
    """
    try:
        with (
            tempfile.TemporaryDirectory(prefix="gazadata-") as folder,
            closing(sqlite3.connect(f"{folder}/rows.db", isolation_level=None)) as rows,
            target.open("wb") as file,
        ):
            rows.row_factory = sqlite3.Row
            head, tail = _around(package, _fill(rows, package))
            file.write(head)
            before = ""
            for annotation in _annotations(rows, package):
                line = json.dumps(annotation, ensure_ascii=False, separators=(",", ":"))
                file.write(f"{before}{line}".encode())
                before = ",\n"
            file.write(before[1:].encode() + tail)
    except (pl.exceptions.PolarsError, FileNotFoundError, sqlite3.IntegrityError) as error:
        raise ReadError(
            f"{package.root}: {str(error).splitlines()[0]}; `gazadata validate` names the cell and "
            "the remedy"
        ) from None


def _around(package: Package, total: int) -> tuple[bytes, bytes]:
    """The bytes of the file before and after the annotations."""
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


def _fill(rows: sqlite3.Connection, package: Package) -> int:
    """Copy the quotes, and the evidence that has one with its cell; return the number of quotes."""
    contract = package.contract
    rows.executescript(f"PRAGMA journal_mode = OFF; PRAGMA foreign_keys = ON; {_TABLES} BEGIN;")
    offsets = [typed(contract["quotes"][name]) for name in ("char_start", "char_end")]
    quotes = strings(package.path("quotes"), contract["quotes"]).with_columns(offsets)
    _copy(rows, "quotes", quotes.select(*_QUOTE, "prefix", "suffix"))
    evidence = strings(package.path("evidence"), contract["evidence"])
    evidence = evidence.filter(col("quote_id").is_not_null()).select(*_EVIDENCE, "note")
    for number, resource in enumerate(contract.resources.values()):
        cells = _with_cells(evidence, package, resource)
        _copy(rows, "evidence", cells.with_columns(table_at=number))
    rows.execute("COMMIT")
    total, found = (
        rows.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
        for name in ("quotes", "evidence")
    )
    if found != evidence.select(pl.len()).collect().item():
        raise ReadError(
            f"{package.path('evidence')}: a row is for a table that the package does not have"
        )
    return int(total)


def _with_cells(evidence: pl.LazyFrame, package: Package, resource: Resource) -> pl.LazyFrame:
    """The evidence for one table, with the cell that each row is for as the CSV file has it."""
    names = list(resource.field_names)
    table = cells_of(strings(package.path(resource.name), resource), resource, names)
    place = col("field").replace_strict(names, range(len(names)), default=None)
    return (
        evidence.filter(col("resource") == resource.name)
        .join(table, on="row_id", how="left")
        .select(*_EVIDENCE, "note", value=value_of(names), field_at=place)
    )


def _copy(rows: sqlite3.Connection, name: str, frame: pl.LazyFrame) -> None:
    columns = frame.collect_schema().names()
    marks = ", ".join("?" * len(columns))
    insert = f"INSERT INTO {name} ({', '.join(columns)}) VALUES ({marks})"
    for batch in frame.collect_batches():
        rows.executemany(insert, batch.iter_rows())


def _annotations(rows: sqlite3.Connection, package: Package) -> Iterator[dict[str, Any]]:
    urn = _urn(package)
    sources = dict(_sources(package, urn))
    for _, group in groupby(rows.execute(_IN_ORDER), lambda row: row["quote_id"]):
        evidence = list(group)
        quote = evidence[0]
        source, state = sources.get(quote["source_id"], (None, None))
        if source is None:
            raise ReadError(
                f"{package.root}: quotes/{quote['quote_id']} quotes sources/{quote['source_id']}, "
                "which is missing or has no text_sha256"
            )
        words = {name: quote[name] for name in ("prefix", "suffix") if quote[name] is not None}
        bodies = [_body(row, urn) for row in evidence if row["evidence_id"] is not None]
        yield {
            "id": _iri(urn, "quotes", quote["quote_id"]),
            "type": "Annotation",
            "motivation": "describing",
            "quote_id": quote["quote_id"],
            **({"body": bodies} if bodies else {}),
            "target": {
                "type": "SpecificResource",
                "source": source,
                "state": state,
                "passage_id": quote["passage_id"],
                "selector": [
                    {"type": "TextQuoteSelector", "exact": quote["exact"], **words},
                    {
                        "type": "TextPositionSelector",
                        "start": quote["char_start"],
                        "end": quote["char_end"],
                    },
                ],
            },
        }


def _sources(package: Package, urn: str) -> Iterator[tuple[str, tuple[dict[str, Any], ...]]]:
    """The source and the state of a target, for each source whose text is known."""
    for row in package.table("sources").to_pylist():
        if row["text_sha256"] is None:
            continue
        # No rule needs these two, so a package's schemas may lack them.
        given = {"language": row.get("language"), "label": row.get("title")}
        source = {
            "id": _iri(urn, "sources", row["source_id"]),
            "type": "Text",
            "format": "text/plain",
            **{member: value for member, value in given.items() if value is not None},
            "source_id": row["source_id"],
        }
        state = {
            "id": named_information(row["text_sha256"]),
            "type": "oa:State",
            "sha256": row["text_sha256"],
            "length": row["text_length"],
        }
        yield row["source_id"], (source, state)


def _body(row: sqlite3.Row, urn: str) -> dict[str, Any]:
    return {
        # Not `id`: a body with one is an External Web Resource, which may not have a purpose.
        "canonical": _iri(urn, "evidence", row["evidence_id"]),
        "type": "TextualBody",
        "purpose": PURPOSES.get(row["basis"], "describing"),
        "value": row["value"],
        "format": "text/plain",
        **{name: row[name] for name in ("evidence_id", "resource", "row_id", "field", "basis")},
        **({"note": row["note"]} if row["note"] is not None else {}),
    }


def _iri(urn: str, table: str, key: str) -> str:
    return f"{urn}#{table}/{key.translate(_IN_IRI)}"


def _urn(package: Package) -> str:
    return f"urn:uuid:{uuid.uuid5(NAMESPACE, package.contract.name)}"


def named_information(sha256: str) -> str:
    """The `ni:` URI of a SHA-256 in hexadecimal: its base64url without padding (RFC 6920)."""
    digest = base64.urlsafe_b64encode(bytes.fromhex(sha256)).decode("ascii").rstrip("=")
    return f"ni:///sha-256;{digest}"
