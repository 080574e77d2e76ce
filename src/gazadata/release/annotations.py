"""annotations.jsonld: every quote as a W3C Web Annotation, the cells that it supports its bodies.

Follows the Web Annotation Data Model (https://www.w3.org/TR/annotation-model/): one
AnnotationCollection with one AnnotationPage. What the model leaves to its users:

- IRIs are `urn:uuid:` names, derived by UUID version 5 (RFC 9562) from the package's name and the
  row's key. They stay the same in every release (but for the collection, which is a release's
  own), say nothing about where it is served, and need no domain of ours. The readable keys stand
  beside them.
- The target's source is the quoted source, not a file: its text is not published. Which text the
  offsets count in is said by the target's state, named by the `ni:` URI (RFC 6920) of the text's
  SHA-256; `sha256` and `length` say the same for whoever holds the text. The model's own states
  do not fit: one wants a date and the other HTTP headers, and neither is known.
- A body is a TextualBody whose value is the cell as it stands in the CSV file.
- Terms that the model does not have are declared in the document's own context.
"""

# No `from __future__ import annotations` here: it would take the name of what this module is for.

import base64
import uuid
from typing import Any

from gazadata.errors import ReadError
from gazadata.package import Package

ANNO = "http://www.w3.org/ns/anno.jsonld"
NAMESPACE = uuid.UUID("532fd2cb-8b88-4f59-bc3b-28a864154a90")
"""Made at random once; every UUID here is derived from it, so it must never change."""

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

Row = dict[str, Any]


def annotations(package: Package) -> dict[str, Any]:
    """Every quote of a package as a Web Annotation.

    Annotations are in the order of the text, bodies in the order of the package's tables, their
    keys and their fields: the order of rows in the files changes nothing.

    Raises:
        ReadError: a table cannot be read, or a quote or a piece of evidence names what is not
            there; `gazadata validate` says where.
    """
    tables = _Tables(package)
    bodies: dict[str, list[Row]] = {}
    for item in tables.rows("evidence"):
        if item["quote_id"] is not None:
            bodies.setdefault(item["quote_id"], []).append(item)
    quotes = sorted(
        tables.rows("quotes"), key=lambda q: (q["source_id"], q["start"], q["end"], q["quote_id"])
    )
    descriptor = package.contract.descriptor
    collection = ("annotations", package.contract.version)
    return {
        "@context": [ANNO, dict(CONTEXT)],
        "id": _urn(package, *collection),
        "type": "AnnotationCollection",
        "label": f"Quotes of {package.contract.name} {package.contract.version} and their cells",
        **({"created": descriptor["created"]} if "created" in descriptor else {}),
        "total": len(quotes),
        "first": {
            "id": _urn(package, *collection, "1"),
            "type": "AnnotationPage",
            "partOf": _urn(package, *collection),
            "startIndex": 0,
            "items": [_annotation(tables, q, bodies.get(q["quote_id"], [])) for q in quotes],
        },
    }


class _Tables:
    """The package's rows, each table read once."""

    def __init__(self, package: Package) -> None:
        self.package = package
        self._rows: dict[str, dict[str, Row]] = {}

    def rows(self, resource: str) -> list[Row]:
        return list(self._by_key(resource).values())

    def row(self, resource: str, key: str, named_by: str) -> Row:
        try:
            return self._by_key(resource)[key]
        except KeyError:
            raise ReadError(f"{named_by} names {resource}/{key}, which is not there") from None

    def place(self, item: Row) -> tuple[Any, ...]:
        """Where a piece of evidence comes: by table, row and field as the package has them."""
        resources = self.package.contract.resources
        if item["resource"] not in resources:
            raise ReadError(f"evidence/{item['evidence_id']} names no table: {item['resource']}")
        names = resources[item["resource"]].field_names
        if item["field"] not in names:
            raise ReadError(f"evidence/{item['evidence_id']} names no field: {item['field']}")
        table, field = list(resources).index(item["resource"]), names.index(item["field"])
        return table, item["row_id"], field, item["evidence_id"]

    def _by_key(self, resource: str) -> dict[str, Row]:
        if resource not in self._rows:
            key = self.package.contract[resource].key
            rows = self.package.table(resource).to_pylist()
            self._rows[resource] = {row[key]: row for row in rows}
        return self._rows[resource]


def _annotation(tables: _Tables, quote: Row, evidence: list[Row]) -> dict[str, Any]:
    body = [_body(tables, item) for item in sorted(evidence, key=tables.place)]
    return {
        "id": _urn(tables.package, "quotes", quote["quote_id"]),
        "type": "Annotation",
        "motivation": "describing",
        "quote_id": quote["quote_id"],
        **({"body": body} if body else {}),
        "target": _target(tables, quote),
    }


def _body(tables: _Tables, item: Row) -> dict[str, Any]:
    where = f"evidence/{item['evidence_id']}"
    value = tables.row(item["resource"], item["row_id"], where)[item["field"]]
    if value is None:
        raise ReadError(f"{where} is for a cell that is null")
    return {
        # Not `id`: a body with one is an External Web Resource, which may not have a purpose.
        "canonical": _urn(tables.package, "evidence", item["evidence_id"]),
        "type": "TextualBody",
        "purpose": PURPOSES.get(item["basis"], "describing"),
        "value": str(value).lower() if isinstance(value, bool) else str(value),
        "format": "text/plain",
        "evidence_id": item["evidence_id"],
        "resource": item["resource"],
        "row_id": item["row_id"],
        "field": item["field"],
        "basis": item["basis"],
        **({"note": item["note"]} if item["note"] is not None else {}),
    }


def _target(tables: _Tables, quote: Row) -> dict[str, Any]:
    where = f"quotes/{quote['quote_id']}"
    source = tables.row("sources", quote["source_id"], where)
    if source["text_sha256"] is None or source["text_length"] is None:
        raise ReadError(f"{where} quotes sources/{quote['source_id']}, whose text is not known")
    context = {part: quote[part] for part in ("prefix", "suffix") if quote[part] is not None}
    return {
        "type": "SpecificResource",
        "source": {
            "id": _urn(tables.package, "sources", source["source_id"]),
            "type": "Text",
            "format": "text/plain",
            **({"language": source["language"]} if source["language"] is not None else {}),
            **({"label": source["title"]} if source["title"] is not None else {}),
            "source_id": source["source_id"],
        },
        "state": {
            "id": named_information(source["text_sha256"]),
            "type": "oa:State",
            "sha256": source["text_sha256"],
            "length": source["text_length"],
        },
        "passage_id": quote["passage_id"],
        "selector": [
            {"type": "TextQuoteSelector", "exact": quote["exact"], **context},
            {"type": "TextPositionSelector", "start": quote["start"], "end": quote["end"]},
        ],
    }


def named_information(sha256: str) -> str:
    """The `ni:` URI of a SHA-256 in hexadecimal: its base64url without padding (RFC 6920)."""
    digest = base64.urlsafe_b64encode(bytes.fromhex(sha256)).decode("ascii").rstrip("=")
    return f"ni:///sha-256;{digest}"


def _urn(package: Package, *parts: str) -> str:
    return f"urn:uuid:{uuid.uuid5(NAMESPACE, '/'.join((package.contract.name, *parts)))}"
