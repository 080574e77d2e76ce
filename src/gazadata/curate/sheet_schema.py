"""The JSON Schema of sheets, with which editors complete fields and terms and mark mistakes."""

from __future__ import annotations

import json
from typing import Any

from gazadata.contract import Contract, Field, Resource
from gazadata.curate.layout import (
    COMPUTED,
    COMPUTED_KEYS,
    PARTS,
    coded_tables,
    parts_of,
    source_field,
)
from gazadata.evidence.references import FORM

Schema = dict[str, Any]

_TYPES = {"integer": "integer", "boolean": "boolean", "date": "string", "string": "string"}


def sheet_schema(contract: Contract) -> str:
    """The schema of sheets of a package, as JSON."""
    tables = {resource.name: resource for resource in coded_tables(contract)}
    passage: Schema = {
        kind: _text("The text of the passage, letter for letter.")
        for kind in contract["passages"]["kind"].enum
    }
    passage["id"] = _text("The passage's key, if it is not made from the source's.")
    passage |= {name: _rows(name) for name in tables}
    schema: Schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": f"Coding sheet of an article, {contract.name} {contract.version}",
        "type": "object",
        "required": ["source", "passages"],
        "additionalProperties": False,
        "properties": {
            "source": _text("The key of the article in sources."),
            "passages": {"type": "array", "items": _object(passage)},
            "state": _text("Hashes of the rows when the sheet was printed. Do not edit them."),
        },
        "definitions": {name: _row(contract, resource) for name, resource in tables.items()}
        | {"words": _words()},
    }
    return json.dumps(schema, ensure_ascii=False, indent=1) + "\n"


def _rows(table: str) -> Schema:
    return {"type": "array", "items": {"$ref": f"#/definitions/{table}"}}


def _text(description: str) -> Schema:
    return {"type": "string", "description": description}


def _object(properties: Schema, required: list[str] | None = None) -> Schema:
    schema: Schema = {"type": "object", "additionalProperties": False, "properties": properties}
    return schema | ({"required": required} if required else {})


def _listed(one: Schema, description: str) -> Schema:
    """A value, or a list of them that makes several rows, in some of which it may be empty."""
    items = {"anyOf": [one, {"const": ""}]}
    return {"description": description, "anyOf": [one, {"type": "array", "items": items}]}


def _row(contract: Contract, table: Resource) -> Schema:
    left_out = (table.key, *COMPUTED.get(table.name, ()))
    fields = [field for field in table.fields if field.name not in left_out]
    proven: Schema = {"enum": [field.name for field in fields if field.evidence_required]}
    key = table[table.key]
    properties: Schema = {
        "id": _listed(_value(key), key.description),
        "quote": {"$ref": "#/definitions/words"},
        **{field.name: _listed(_value(field), field.description) for field in fields},
        "notes": _object({name: _text("How the value follows.") for name in proven["enum"]}),
        "evidence": {"type": "array", "items": _evidence(contract, proven)},
        **{part: _rows(part) for part in parts_of(contract, table.name)},
    }
    # Not required: what the enclosing row implies, and what `gazadata fmt` fills in.
    given = (*PARTS.get(table.name, ()), source_field(table))
    required = [] if table.name in COMPUTED_KEYS else ["id"]
    required += [
        field.name
        for field in fields
        if field.required
        and field.name not in given
        and field.raw.get("gazadata:evidence") != "derived"
    ]
    return _object(properties, required) | {"description": table.description}


def _value(field: Field) -> Schema:
    schema: Schema = {"type": _TYPES[field.type]}
    if field.enum:
        schema["enum"] = list(field.enum)
        definitions = field.raw.get("gazadata:definitions", {})
        schema["enumDescriptions"] = [definitions.get(term, "") for term in field.enum]
    if field.type == "date":
        schema["pattern"] = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
    if field.pattern:
        schema["pattern"] = field.pattern
    if field.minimum is not None:
        schema["minimum"] = field.minimum
    return schema


def _where() -> Schema:
    return {
        "passage": _text("The passage that the words are in, such as s05."),
        "occurrence": {"type": "integer", "minimum": 1, "description": "Which of several, from 1."},
        "source": _text("The article, if it is a different one."),
    }


def _words() -> Schema:
    text = _text("Words of the article; if long, first words … last words.")
    return {"anyOf": [text, _object({"words": text, **_where()}, ["words"])]}


def _evidence(contract: Contract, proven: Schema) -> Schema:
    fields = _listed(proven, "The fields that this is evidence for.")
    entry = _object(
        {
            "for": fields | {"description": "The fields whose evidence this is."},
            "also": fields | {"description": "The fields to whose proposed evidence this adds."},
            "words": _text("Words other than the row's quote."),
            **_where(),
            "basis": {"type": "string", "enum": list(contract["evidence"]["basis"].enum)},
            "reference": _text("The source of kind reference that was looked up."),
            "note": _text(f"How the value follows, or {FORM}."),
        }
    )
    # Either words or a reference; a place only with words.
    return entry | {
        "dependencies": {
            **{name: ["words"] for name in _where()},
            "reference": {"not": {"required": ["words"]}},
        }
    }
