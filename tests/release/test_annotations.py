"""annotations.jsonld: valid by the model, true to the tables, and complete as linked data."""

import base64
import csv
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from pyld import jsonld

from gazadata.errors import ReadError
from gazadata.package import Package
from gazadata.release.annotations import ANNO, annotations, named_information

REPO = Path(__file__).parents[2]

# What the model's own context says of the terms in use, written from the term definitions of
# https://www.w3.org/TR/annotation-vocab/ so that the tests need no network. A term that is
# missing here is dropped on expansion, which the tests below would report.
STAND_IN = {
    "@context": {
        "oa": "http://www.w3.org/ns/oa#",
        "as": "http://www.w3.org/ns/activitystreams#",
        "dc": "http://purl.org/dc/elements/1.1/",
        "dctypes": "http://purl.org/dc/dcmitype/",
        "dcterms": "http://purl.org/dc/terms/",
        "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
        "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
        "skos": "http://www.w3.org/2004/02/skos/core#",
        "xsd": "http://www.w3.org/2001/XMLSchema#",
        "id": {"@id": "@id", "@type": "@id"},
        "type": {"@id": "@type", "@type": "@id"},
        "Annotation": "oa:Annotation",
        "AnnotationCollection": "as:OrderedCollection",
        "AnnotationPage": "as:OrderedCollectionPage",
        "SpecificResource": "oa:SpecificResource",
        "Text": "dctypes:Text",
        "TextualBody": "oa:TextualBody",
        "TextPositionSelector": "oa:TextPositionSelector",
        "TextQuoteSelector": "oa:TextQuoteSelector",
        "classifying": "oa:classifying",
        "describing": "oa:describing",
        "body": {"@id": "oa:hasBody", "@type": "@id"},
        "canonical": {"@id": "oa:canonical", "@type": "@id"},
        "created": {"@id": "dcterms:created", "@type": "xsd:dateTime"},
        "end": {"@id": "oa:end", "@type": "xsd:nonNegativeInteger"},
        "exact": "oa:exact",
        "first": {"@id": "as:first", "@type": "@id"},
        "format": "dc:format",
        "items": {"@id": "as:items", "@type": "@id", "@container": "@list"},
        "label": "rdfs:label",
        "language": "dc:language",
        "motivation": {"@id": "oa:motivatedBy", "@type": "@vocab"},
        "partOf": {"@id": "as:partOf", "@type": "@id"},
        "prefix": "oa:prefix",
        "purpose": {"@id": "oa:hasPurpose", "@type": "@vocab"},
        "selector": {"@id": "oa:hasSelector", "@type": "@id"},
        "source": {"@id": "oa:hasSource", "@type": "@id"},
        "start": {"@id": "oa:start", "@type": "xsd:nonNegativeInteger"},
        "startIndex": {"@id": "as:startIndex", "@type": "xsd:nonNegativeInteger"},
        "state": {"@id": "oa:hasState", "@type": "@id"},
        "suffix": "oa:suffix",
        "target": {"@id": "oa:hasTarget", "@type": "@id"},
        "total": {"@id": "as:totalItems", "@type": "xsd:nonNegativeInteger"},
        "value": "rdf:value",
    }
}

# The model's MUSTs for the parts in use (https://www.w3.org/TR/annotation-model/, sections 3.1,
# 3.2.4, 4, 4.2.4, 4.2.5, 4.3, 5.1 and 5.2), with nothing allowed that is not known here.
IRI = {"type": "string", "pattern": "^(urn:uuid:[0-9a-f-]{36}|ni:///sha-256;[A-Za-z0-9_-]{43})$"}
TEXT = {"type": "string", "minLength": 1}


def strict(required: dict[str, Any], **optional: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "required": list(required),
        "properties": {**required, **optional},
        "additionalProperties": False,
    }


BODY = strict(
    {
        "type": {"const": "TextualBody"},
        "canonical": IRI,
        "purpose": {"enum": ["describing", "classifying"]},
        "value": TEXT,
        "format": {"const": "text/plain"},
        "evidence_id": TEXT,
        "resource": TEXT,
        "row_id": TEXT,
        "field": TEXT,
        "basis": {"enum": ["stated", "classified", "inferred"]},
    },
    note=TEXT,
)
TARGET = strict(
    {
        "type": {"const": "SpecificResource"},
        "source": strict(
            {
                "id": IRI,
                "type": {"const": "Text"},
                "format": {"const": "text/plain"},
                "source_id": TEXT,
            },
            language=TEXT,
            label=TEXT,
        ),
        "state": strict(
            {
                "id": IRI,
                "type": {"const": "oa:State"},
                "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
                "length": {"type": "integer", "minimum": 1},
            }
        ),
        "passage_id": TEXT,
        "selector": {
            "type": "array",
            "prefixItems": [
                strict(
                    {"type": {"const": "TextQuoteSelector"}, "exact": TEXT},
                    prefix=TEXT,
                    suffix=TEXT,
                ),
                strict(
                    {
                        "type": {"const": "TextPositionSelector"},
                        "start": {"type": "integer", "minimum": 0},
                        "end": {"type": "integer", "minimum": 1},
                    }
                ),
            ],
            "minItems": 2,
            "maxItems": 2,
        },
    }
)
ANNOTATION = strict(
    {
        "id": IRI,
        "type": {"const": "Annotation"},
        "motivation": {"const": "describing"},
        "quote_id": TEXT,
        "target": TARGET,
    },
    body={"type": "array", "items": BODY, "minItems": 1},
)
COLLECTION = strict(
    {
        "@context": {"type": "array", "contains": {"const": ANNO}},
        "id": IRI,
        "type": {"const": "AnnotationCollection"},
        "label": TEXT,
        "total": {"type": "integer", "minimum": 0},
        "first": strict(
            {
                "id": IRI,
                "type": {"const": "AnnotationPage"},
                "partOf": IRI,
                "startIndex": {"const": 0},
                "items": {"type": "array", "items": ANNOTATION},
            }
        ),
    },
    created={"type": "string", "format": "date-time", "pattern": "Z$"},
)


def offline(url: str, _options: object) -> dict[str, Any]:
    """A document loader that has one document and refuses all others, and so the network."""
    if url != ANNO:
        raise AssertionError(f"fetches {url}")
    return {"contextUrl": None, "documentUrl": url, "document": STAND_IN, "contentType": None}


def names(value: Any) -> list[str]:
    """Every key in a document, as often as it stands there, but for what JSON-LD itself needs."""
    if isinstance(value, list):
        return [name for part in value for name in names(part)]
    if not isinstance(value, dict):
        return []
    own = [key for key in value if key not in ("@context", "id", "type")]
    return own + [name for key in value if key != "@context" for name in names(value[key])]


@pytest.fixture
def document(built: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((built / "annotations.jsonld").read_text(encoding="utf-8"))
    return loaded


def changed(built: Path, tmp_path: Path, table: str, old: str, new: str) -> Package:
    root = Path(shutil.copytree(built, tmp_path / "release"))
    path = root / "csv" / f"{table}.csv"
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8", newline="")
    return Package.open(root)


def test_valid_by_the_model(document: dict[str, Any]) -> None:
    validator = Draft202012Validator(COLLECTION, format_checker=FormatChecker())
    assert not [error.message for error in validator.iter_errors(document)]
    assert document["total"] == len(document["first"]["items"])
    assert document["first"]["partOf"] == document["id"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("first", "items", 0, "target", "selector", 1, "start"), -1),
        (("first", "items", 0, "target", "selector", 0, "exact"), None),
        (("first", "items", 0, "body", 0, "type"), "Text"),
        (("first", "items", 0, "target", "source", "id"), "raw/article.txt"),
        (("first", "items", 0, "bodyValue"), "both"),
        (("@context",), ["http://www.w3.org/ns/oa.jsonld"]),
    ],
)
def test_the_schema_refuses(
    document: dict[str, Any], path: tuple[str | int, ...], value: Any
) -> None:
    part: Any = document
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = value
    assert not Draft202012Validator(COLLECTION).is_valid(document)


def test_every_quote_and_its_evidence_is_there_once(built: Path, document: dict[str, Any]) -> None:
    package = Package.open(built)
    quotes = {row["quote_id"]: row for row in package.table("quotes").to_pylist()}
    evidence = {row["evidence_id"]: row for row in package.table("evidence").to_pylist()}
    sources = {row["source_id"]: row for row in package.table("sources").to_pylist()}
    items = document["first"]["items"]
    assert sorted(item["quote_id"] for item in items) == sorted(quotes)
    bodies = [body for item in items for body in item["body"]]
    with_quote = [key for key, row in evidence.items() if row["quote_id"] is not None]
    assert sorted(body["evidence_id"] for body in bodies) == sorted(with_quote)
    for item in items:
        quote = quotes[item["quote_id"]]
        target = item["target"]
        source = sources[quote["source_id"]]
        words, position = target["selector"]
        assert (words["exact"], position["start"], position["end"]) == (
            quote["exact"],
            quote["start"],
            quote["end"],
        )
        assert (words.get("prefix"), words.get("suffix")) == (quote["prefix"], quote["suffix"])
        assert target["passage_id"] == quote["passage_id"]
        assert target["source"]["source_id"] == source["source_id"]
        assert target["state"]["sha256"] == source["text_sha256"]
        assert target["state"]["length"] == source["text_length"]
        for body in item["body"]:
            row = evidence[body["evidence_id"]]
            assert row["quote_id"] == item["quote_id"]
            for part in ("resource", "row_id", "field", "basis"):
                assert body[part] == row[part]
            assert body.get("note") == row["note"]
            assert (body["purpose"] == "classifying") == (row["basis"] == "classified")


def test_values_are_the_cells_of_the_csv_files(built: Path, document: dict[str, Any]) -> None:
    """Booleans, dates and numbers as the files have them: true, not True."""
    cells = {}
    for path in (built / "csv").glob("*.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                key = next(iter(row.values()))
                cells.update({(path.stem, key, field): cell for field, cell in row.items()})
    bodies = [body for item in document["first"]["items"] for body in item["body"]]
    for body in bodies:
        assert body["value"] == cells[body["resource"], body["row_id"], body["field"]]
    assert {"true", "false", "45"} <= {body["value"] for body in bodies}


def test_the_selectors_find_the_words_in_the_text(document: dict[str, Any]) -> None:
    """Whoever holds the text, and knows it by its hash, finds every quote by either selector."""
    texts = {}
    for path in (REPO / "raw").glob("*.txt"):
        content = path.read_bytes()
        texts[hashlib.sha256(content).hexdigest()] = content.decode("utf-8")
    for item in document["first"]["items"]:
        text = texts[item["target"]["state"]["sha256"]]
        words, position = item["target"]["selector"]
        assert len(text) == item["target"]["state"]["length"]
        assert text[position["start"] : position["end"]] == words["exact"]
        around = words.get("prefix", "") + words["exact"] + words.get("suffix", "")
        assert around in text


def test_no_text_beyond_the_quotes_leaves(document: dict[str, Any]) -> None:
    assert "raw/" not in json.dumps(
        [item["target"] for item in document["first"]["items"]], ensure_ascii=False
    )


def test_no_term_is_dropped_on_expansion(document: dict[str, Any]) -> None:
    """Expanded without a network and compacted again, the document is what it was."""
    options = {"documentLoader": offline}
    expanded = jsonld.expand(document, options)
    again = jsonld.compact(expanded, document["@context"], options)
    assert sorted(names(again)) == sorted(names(document))
    assert again["first"]["items"][0]["target"] == document["first"]["items"][0]["target"]

    def single(value: Any) -> Any:
        # Compaction writes a list of one as its member, and an order is only given to `items`.
        if isinstance(value, dict):
            return {key: single(part) for key, part in value.items()}
        if isinstance(value, list):
            return single(value[0]) if len(value) == 1 else [single(part) for part in value]
        return value

    assert single(again) == single(document)


@pytest.mark.parametrize("term", ["note", "exact", "sha256", "evidence_id"])
def test_a_term_that_no_context_declares_would_be_noticed(
    document: dict[str, Any], term: str
) -> None:
    found = jsonld.expand(document, {"documentLoader": offline})
    renamed = json.loads(json.dumps(document).replace(f'"{term}":', '"undeclared":'))
    renamed["@context"] = document["@context"]
    assert len(json.dumps(jsonld.expand(renamed, {"documentLoader": offline}))) < len(
        json.dumps(found)
    )


def test_expansion_gives_the_iris_of_the_model(document: dict[str, Any]) -> None:
    (graph,) = jsonld.expand(document, {"documentLoader": offline})
    oa = "http://www.w3.org/ns/oa#"
    (page,) = graph["http://www.w3.org/ns/activitystreams#first"]
    annotation = page["http://www.w3.org/ns/activitystreams#items"][0]["@list"][0]
    (target,) = annotation[f"{oa}hasTarget"]
    (state,) = target[f"{oa}hasState"]
    assert annotation["@type"] == [f"{oa}Annotation"]
    assert state["@type"] == [f"{oa}State"]
    assert state["https://schema.org/sha256"] == [
        {"@value": document["first"]["items"][0]["target"]["state"]["sha256"]}
    ]


def test_the_order_of_rows_changes_nothing(built: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(built, tmp_path / "release"))
    for path in (root / "csv").glob("*.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            head, *rows = csv.reader(file)
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([head, *reversed(rows)])
        assert path.read_bytes() != (built / "csv" / path.name).read_bytes()
    one, two = annotations(Package.open(built)), annotations(Package.open(root))
    assert json.dumps(one) == json.dumps(two)


def test_iris_stay_in_the_next_release_but_for_the_collection(
    built: Path, document: dict[str, Any]
) -> None:
    package = Package.open(built)
    package.contract.descriptor["version"] = "9.9.9"
    later = annotations(package)
    assert later["id"] != document["id"]
    assert [item["id"] for item in later["first"]["items"]] == [
        item["id"] for item in document["first"]["items"]
    ]
    canonical = [body["canonical"] for item in document["first"]["items"] for body in item["body"]]
    assert len(set(canonical)) == len(canonical)


def test_named_information() -> None:
    """RFC 6920, section 8.2, has this example: the text "Hello World!"."""
    digest = "7f83b1657ff1fc53b92dc18148a1d65dfc2d4b1fa3d677284addd200126d9069"
    assert named_information(digest) == "ni:///sha-256;f4OxZX_x_FO5LcGBSKHWXfwtSx-j1ncoSt3SABJtkGk"
    assert base64.urlsafe_b64decode("f4OxZX_x_FO5LcGBSKHWXfwtSx-j1ncoSt3SABJtkGk=").hex() == digest


@pytest.mark.parametrize(
    ("table", "old", "new", "message"),
    [
        ("evidence", ",actors,asim-munir,name,", ",actors,nobody,name,", "names actors/nobody"),
        ("evidence", ",actors,asim-munir,name,", ",bogus,asim-munir,name,", "no table: bogus"),
        ("evidence", ",actors,asim-munir,name,", ",actors,asim-munir,bogus,", "no field: bogus"),
        ("evidence", ",actors,asim-munir,name,", ",actors,asim-munir,cow,", "cell that is null"),
        ("sources", "81306ad569d136e6bbbf928d30e193808a8e98a807b5fb4870769112a834e4d3", "", "text"),
    ],
)
def test_what_is_not_there_is_said(
    built: Path, tmp_path: Path, table: str, old: str, new: str, message: str
) -> None:
    with pytest.raises(ReadError, match=message):
        annotations(changed(built, tmp_path, table, old, new))
