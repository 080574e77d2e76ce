"""annotations.jsonld: valid by the model, true to the tables, and complete as linked data."""

import base64
import csv
import hashlib
import json
import shutil
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from pyld import jsonld

from gazadata.errors import ReadError
from gazadata.package import Package
from gazadata.release.annotations import (
    ANNO,
    CONTEXT,
    NAMESPACE,
    named_information,
    write_annotations,
)

REPO = Path(__file__).parents[2]

# The model's own context for the terms in use, written from the term definitions of
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
# A URN may have a fragment (RFC 8141, section 2.3.3), of the characters of RFC 3986, section 3.5.
IRI = {
    "type": "string",
    "pattern": "^(urn:uuid:[0-9a-f-]{36}#([A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-F]{2})+"
    "|ni:///sha-256;[A-Za-z0-9_-]{43})$",
}
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
    """Every key in a document, repeats included, except those that JSON-LD itself needs."""
    if isinstance(value, list):
        return [name for part in value for name in names(part)]
    if not isinstance(value, dict):
        return []
    own = [key for key in value if key not in ("@context", "id", "type")]
    return own + [name for key in value if key != "@context" for name in names(value[key])]


def written(package: Package, folder: Path) -> dict[str, Any]:
    """The document as `write_annotations` writes it."""
    write_annotations(package, folder / "annotations.jsonld")
    text = (folder / "annotations.jsonld").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


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
            quote["char_start"],
            quote["char_end"],
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
    """With the text, identified by its hash, either selector finds every quote."""
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


def test_no_text_beyond_the_quotes_is_published(document: dict[str, Any]) -> None:
    assert "raw/" not in json.dumps(
        [item["target"] for item in document["first"]["items"]], ensure_ascii=False
    )


def test_no_term_is_dropped_on_expansion(document: dict[str, Any]) -> None:
    """Expanded without a network and compacted again, the document is unchanged."""
    options = {"documentLoader": offline}
    expanded = jsonld.expand(document, options)
    again = jsonld.compact(expanded, document["@context"], options)
    assert sorted(names(again)) == sorted(names(document))
    assert again["first"]["items"][0]["target"] == document["first"]["items"][0]["target"]

    def single(value: Any) -> Any:
        # Compaction writes a list of one as its member, and only `items` has an order.
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
    written(Package.open(root), tmp_path)
    again = (tmp_path / "annotations.jsonld").read_bytes()
    assert again == (built / "annotations.jsonld").read_bytes()


def test_iris_stay_in_the_next_release_except_that_of_the_collection(
    built: Path, tmp_path: Path, document: dict[str, Any]
) -> None:
    package = Package.open(built)
    package.contract.descriptor["version"] = "9.9.9"
    later = written(package, tmp_path)
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
        ("evidence", ",actors,asim-munir,name,", ",actors,nobody,name,", "evidence.value"),
        ("evidence", ",actors,asim-munir,name,", ",bogus,asim-munir,name,", "does not have"),
        ("evidence", ",actors,asim-munir,name,", ",actors,asim-munir,bogus,", "evidence.value"),
        ("evidence", ",actors,asim-munir,name,", ",actors,asim-munir,cow,", "evidence.value"),
        ("evidence", ",asim-munir,name,stated,", ",asim-munir,name,stated,x", "FOREIGN KEY"),
        (
            "quotes",
            "a-proposal,trump-leaning-on-pakistan,",
            "a-proposal,nowhere,",
            "sources/nowhere",
        ),
        ("quotes", ",1769,1779,", ",1769,end,", "quotes.char_end"),
        ("quotes", "-s10,1769,1779,a proposal,", "-s10,1769,1779,,", "quotes.exact"),
        ("evidence", ",asim-munir,name,stated,", ",asim-munir,name,,", "evidence.basis"),
        (
            "sources",
            "81306ad569d136e6bbbf928d30e193808a8e98a807b5fb4870769112a834e4d3",
            "",
            "no text_sha256",
        ),
    ],
)
def test_the_error_names_what_is_missing(
    built: Path, tmp_path: Path, table: str, old: str, new: str, message: str
) -> None:
    with pytest.raises(ReadError, match=message):
        written(changed(built, tmp_path, table, old, new), tmp_path)


def reference(package: Package) -> dict[str, Any]:
    """The same document, made row by row in plain Python."""
    tables = {name: package.table(name).to_pylist() for name in package.contract.resources}
    keyed = {
        name: {row[package.contract[name].key]: row for row in rows}
        for name, rows in tables.items()
    }
    urn = f"urn:uuid:{uuid.uuid5(NAMESPACE, package.contract.name)}"
    descriptor = package.contract.descriptor
    collection = f"{urn}#annotations/{package.contract.version}"
    resources = list(package.contract.resources)

    def iri(table: str, key: str) -> str:
        # What an IRI cannot hold is percent-encoded; letters of any script stay.
        return f"{urn}#{table}/" + "".join(
            quote(c, safe="!$&'()*+,;=:@/?") if c.isascii() else c for c in key
        )

    def present(**members: Any) -> dict[str, Any]:
        return {name: value for name, value in members.items() if value is not None}

    def place(item: dict[str, Any]) -> tuple[Any, ...]:
        fields = package.contract[item["resource"]].field_names
        table, field = resources.index(item["resource"]), fields.index(item["field"])
        return table, item["row_id"], field, item["evidence_id"]

    def body(item: dict[str, Any]) -> dict[str, Any]:
        value = keyed[item["resource"]][item["row_id"]][item["field"]]
        return {
            "canonical": iri("evidence", item["evidence_id"]),
            "type": "TextualBody",
            "purpose": "classifying" if item["basis"] == "classified" else "describing",
            "value": str(value).lower() if isinstance(value, bool) else str(value),
            "format": "text/plain",
            **{name: item[name] for name in ("evidence_id", "resource", "row_id", "field")},
            "basis": item["basis"],
            **present(note=item["note"]),
        }

    def annotation(row: dict[str, Any]) -> dict[str, Any]:
        source = keyed["sources"][row["source_id"]]
        items = [item for item in tables["evidence"] if item["quote_id"] == row["quote_id"]]
        return {
            "id": iri("quotes", row["quote_id"]),
            "type": "Annotation",
            "motivation": "describing",
            "quote_id": row["quote_id"],
            **({"body": [body(item) for item in sorted(items, key=place)]} if items else {}),
            "target": {
                "type": "SpecificResource",
                "source": {
                    "id": iri("sources", source["source_id"]),
                    "type": "Text",
                    "format": "text/plain",
                    **present(language=source["language"], label=source["title"]),
                    "source_id": source["source_id"],
                },
                "state": {
                    "id": named_information(source["text_sha256"]),
                    "type": "oa:State",
                    "sha256": source["text_sha256"],
                    "length": source["text_length"],
                },
                "passage_id": row["passage_id"],
                "selector": [
                    {
                        "type": "TextQuoteSelector",
                        "exact": row["exact"],
                        **present(prefix=row["prefix"], suffix=row["suffix"]),
                    },
                    {
                        "type": "TextPositionSelector",
                        "start": row["char_start"],
                        "end": row["char_end"],
                    },
                ],
            },
        }

    order = sorted(
        tables["quotes"],
        key=lambda q: (q["source_id"], q["char_start"], q["char_end"], q["quote_id"]),
    )
    return {
        "@context": [ANNO, CONTEXT],
        "id": collection,
        "type": "AnnotationCollection",
        "label": f"Quotes of {package.contract.name} {package.contract.version} and their cells",
        **present(created=descriptor.get("created")),
        "total": len(order),
        "first": {
            "id": f"{collection}/1",
            "type": "AnnotationPage",
            "partOf": collection,
            "startIndex": 0,
            "items": [annotation(row) for row in order],
        },
    }


def test_the_document_is_what_plain_python_makes_of_the_rows(
    built: Path, document: dict[str, Any]
) -> None:
    """Member for member and in the same order, although it is assembled as text."""
    assert json.dumps(document) == json.dumps(reference(Package.open(built)))


HOSTILE = (
    'He said "no", and \\" too',
    "C:\\new\\table\\u0041",
    "tab\tline\nbreak\rand\x01\x0b\x1f\x7f\x85\u2028",
    "\U0001f54a\U00010348 غزة e\u0301 \ufeff\u200b\u202e",
    "</script><!-- ]]> -->",
    '","note":null}],"target":{',
    "null",
    " ",
    "{exact} %s %(a)s $1 \\0",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_text_that_looks_like_json_stays_text(built: Path, tmp_path: Path, text: str) -> None:
    """In every free cell of the first rows, and in the keys, which are parts of IRIs."""
    root = Path(shutil.copytree(built, tmp_path / "release"))
    free = {
        "quotes": ("exact", "prefix", "suffix"),
        "evidence": ("note",),
        "sources": ("title", "language"),
        "actors": ("name",),
    }
    for table, fields in free.items():
        path = root / "csv" / f"{table}.csv"
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        for row in rows:
            row.update(dict.fromkeys(fields, text))
            for field in ("quote_id", "evidence_id"):
                if row.get(field):
                    row[field] += text
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    package = Package.open(root)
    made = written(package, tmp_path)
    assert json.dumps(made) == json.dumps(reference(package))
    assert text in {body["value"] for item in made["first"]["items"] for body in item["body"]}


def test_members_whose_fields_the_schema_lacks_are_left_out(
    built: Path, tmp_path: Path, document: dict[str, Any]
) -> None:
    root = Path(shutil.copytree(built, tmp_path / "release"))
    descriptor = json.loads((root / "datapackage.json").read_text("utf-8"))
    schema = next(r["schema"] for r in descriptor["resources"] if r["name"] == "sources")
    schema["fields"] = [f for f in schema["fields"] if f["name"] not in ("language", "title")]
    schema["gazadata:label"] = "source_id"
    (root / "datapackage.json").write_text(json.dumps(descriptor), encoding="utf-8")
    with (root / "csv" / "sources.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    with (root / "csv" / "sources.csv").open("w", encoding="utf-8", newline="") as file:
        names = [field["name"] for field in schema["fields"]]
        writer = csv.DictWriter(file, names, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    for name in ("language", "title"):
        path = root / "csv" / "evidence.csv"
        lines = path.read_text("utf-8").splitlines(keepends=True)
        kept = [
            line for line in lines if not line.startswith("sources.") or f".{name}." not in line
        ]
        path.write_text("".join(kept), encoding="utf-8", newline="")
    made = written(Package.open(root), tmp_path)
    for item in document["first"]["items"]:
        assert item["target"]["source"].pop("language") == "en"
        assert item["target"]["source"].pop("label")
    targets = [item["target"] for item in made["first"]["items"]]
    assert targets == [item["target"] for item in document["first"]["items"]]


def test_a_quote_without_evidence_has_no_body(built: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(built, tmp_path / "release"))
    path = root / "csv" / "evidence.csv"
    lines = path.read_text("utf-8").splitlines(keepends=True)
    path.write_text("".join(lines[:40]), encoding="utf-8", newline="")
    package = Package.open(root)
    made = written(package, tmp_path)
    assert json.dumps(made) == json.dumps(reference(package))
    assert not all("body" in item for item in made["first"]["items"])


def test_an_annotation_is_a_line(built: Path, document: dict[str, Any]) -> None:
    """So that a file of gigabytes can be read and compared by line."""
    lines = (built / "annotations.jsonld").read_text("utf-8").splitlines()
    first = next(n for n, line in enumerate(lines) if '"items": [' in line) + 1
    items = document["first"]["items"]
    assert [json.loads(line.rstrip(",")) for line in lines[first : first + len(items)]] == items
