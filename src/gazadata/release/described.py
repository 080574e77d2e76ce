"""What a release says of itself, held against itself, and where it differs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import chain, zip_longest
from typing import Any

import pyarrow.compute as pc

from gazadata.contract import Contract, Resource, read_json
from gazadata.dialect import READ, UNREAD
from gazadata.package import Package
from gazadata.release.croissant import croissant, stated
from gazadata.release.files import (
    is_sha256,
)
from gazadata.release.manifest import MANIFEST, File, Manifest
from gazadata.version import parse

LONGEST_LINE = 1 << 26
"""Bytes of a line of annotations.jsonld that are read at most."""

_CSV = {**READ["CSV file"], "encoding": READ["resource"]["encoding"]}
"""What `build` says of each table; the rest of `READ` is what other readers take for granted."""

_FIELD = READ["field"] | dict.fromkeys(UNREAD)

_QUOTED = ("quote_id", "source_id", "passage_id", "exact", "prefix", "suffix", "start", "end")
"""The fields of a quote that its annotation repeats."""

QUOTES = 20_000
"""Quotes that are held against their annotations together."""


def descriptor(package: Package, manifest: Manifest, listed: dict[str, File]) -> list[str]:
    """Where the descriptor differs from the manifest, or from the form that `build` writes."""
    faults = []
    contract = package.contract
    if (contract.name, contract.version) != (manifest.name, manifest.version):
        faults.append("datapackage.json: another name or version than manifest.json")
    if contract.resources.keys() != manifest.tables.keys():
        faults.append("datapackage.json: other resources than the tables of manifest.json")
    for name, resource in contract.resources.items():
        file = listed.get(resource.path)
        described = resource.descriptor
        if file is None:
            faults.append(f"datapackage.json: {name} lies at {resource.path}, which is not listed")
            continue
        hashed = f"sha256:{file.sha256}"
        if (described.get("bytes"), described.get("hash")) != (file.bytes, hashed):
            faults.append(f"datapackage.json: other bytes or hash of {name} than manifest.json")
        faults += _form(resource)
        if name in manifest.tables and manifest.tables[name].digest != hashed:
            faults.append(f"manifest.json: the digest of {name} is not that of {resource.path}")
    return faults


def _form(resource: Resource) -> list[str]:
    """Where the descriptor has a table read otherwise than `build` writes it."""
    dialect = resource.descriptor.get("dialect", {})
    where = f"datapackage.json: {resource.name}"
    if not isinstance(dialect, dict):
        return [f"{where}: dialect is {_short(dialect)}, expected an object"]
    found: dict[str, Any] = {key: resource.descriptor.get(key) for key in _CSV}
    expected = dict(_CSV)
    for of, raw, read in (
        ("", resource.descriptor, READ["resource"]),
        (" of the dialect", dialect, dict.fromkeys(dialect) | READ["dialect"]),
        ("", resource.schema, READ["schema"]),
        *((f" of {field.name}", field.raw, _FIELD) for field in resource.fields),
    ):
        for key in (key for key in raw if key in read):
            found[key + of], expected[key + of] = raw[key], read[key]
    return otherwise(where, found, expected)


def origin(contract: Contract, manifest: Manifest) -> list[str]:
    """What a manifest says of when the release was made, and of the one that it follows."""
    stated_there = json.loads(manifest.content)
    created, parent = stated_there.get("created"), stated_there.get("parent")
    faults = otherwise(
        MANIFEST, {"created": created}, {"created": contract.descriptor.get("created")}
    )
    version, digest = (
        parent.get(key) if isinstance(parent, dict) else None
        for key in ("version", "manifest_sha256")
    )
    before, own = parse(version), parse(manifest.version)
    if parent is not None and not (before and own and before < own and is_sha256(digest)):
        faults.append(
            f"{MANIFEST}: parent is {_short(parent)}, expected null, or an earlier version and "
            "its manifest_sha256"
        )
    return faults


def otherwise(where: str, found: dict[str, Any], expected: dict[str, Any]) -> list[str]:
    """Say what is not as expected; what is in one alone is null in the other."""
    faults = []
    for what in dict.fromkeys(chain(expected, found)):
        one, other, at = found.get(what), expected.get(what), what
        if one == other:
            continue
        if isinstance(one, list) and isinstance(other, list):
            # Of a list, where it begins to differ: the whole may be too long to be told.
            pairs = enumerate(zip_longest(one, other, fillvalue="nothing"))
            place, (one, other) = next(pair for pair in pairs if pair[1][0] != pair[1][1])
            at = f"item {place + 1} of {what}"
        faults.append(f"{where}: {at} is {_short(one)}, expected {_short(other)}")
    return faults


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:199]}…"


def croissant_file(package: Package, listed: dict[str, File]) -> list[str]:
    """Hold what loaders go by in croissant.json against the descriptor and the files."""
    name = "croissant.json"
    contract = package.contract
    licenses = contract.descriptor.get("licenses", [])
    if not isinstance(licenses, list) or not all(isinstance(part, dict) for part in licenses):
        return [f"datapackage.json: licenses is {_short(licenses)}, expected a list of objects"]
    # Without the rest, whose form is not known and which no loader goes by.
    described = {key: contract.descriptor.get(key, "") for key in ("name", "version", "created")}
    bare = Contract({**described, "licenses": licenses}, contract.resources)
    sums = {path: (file.bytes, file.sha256) for path, file in listed.items()}
    found, expected = stated(read_json(package.root / name, name)), stated(croissant(bare, sums))
    # What is too much or too little is told by the lists alone, not again for each part of it.
    both = {what: value for what, value in found.items() if what in expected}
    return otherwise(name, both, {what: expected[what] for what in both})


def annotations_file(package: Package) -> list[str]:
    """Hold each line of annotations.jsonld against its quote: it may be larger than memory.

    `build` writes a line for each annotation, in the order of the text; what stands around them is
    a document without them.
    """
    name = "annotations.jsonld"
    quotes = package.contract.resources.get("quotes")
    if quotes is None or (lacking := set(_QUOTED) - set(quotes.field_names)):
        what = f"quotes without {', '.join(sorted(lacking))}" if quotes else "no quotes"
        return [f"datapackage.json: {what}, which {name} is made of"]
    expected = _quoted(package)
    around, number, items, open_list = b"", 0, 0, False
    follows = True
    with (package.root / name).open("rb") as file:
        while line := file.readline(LONGEST_LINE + 1):
            number += 1
            if open_list and line.strip() != b"]":
                annotation = line.rstrip(b"\n")
                wrong = "" if follows else "no comma after the annotation before"
                follows = annotation.endswith(b",")
                wrong = wrong or _unquoted(annotation.removesuffix(b","), next(expected, None))
                items += 1
            else:
                open_list = line.endswith(b'"items": [\n')
                around += line
                wrong = "longer than any is" if len(around) > LONGEST_LINE else ""
            if wrong:
                return [f"{name}:{number}: {wrong}"]
    if items and follows:
        return [f"{name}: ends after a comma, where another annotation is to be"]
    if left := next(expected, None):
        return [f"{name}: ends before the annotation of the quote {left['quote_id']}"]
    return _around(around, items, package.contract)


def _around(content: bytes, total: int, contract: Contract) -> list[str]:
    """What is wrong with what annotations.jsonld has around its annotations."""
    name = "annotations.jsonld"
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        return [f"{name}, without its annotations: not JSON: {error}"]
    if not isinstance(document, dict):
        return [f"{name}: a JSON object is expected, not {type(document).__name__}"]
    release = str(document.get("id")).rpartition("#annotations/")[2]
    return otherwise(
        name,
        {
            "total": document.get("total"),
            "created": document.get("created"),
            "the version in its id": release,
        },
        {
            "total": total,
            "created": contract.descriptor.get("created"),
            "the version in its id": contract.version,
        },
    )


def _quoted(package: Package) -> Iterator[dict[str, Any]]:
    """The quotes in the order of the text, so many at a time: as objects they take most memory."""
    # In one piece, out of which rows are taken six times as fast as out of many.
    quotes = package.table("quotes").select(_QUOTED).combine_chunks()
    order = pc.sort_indices(
        quotes, sort_keys=[(f, "ascending") for f in ("source_id", "start", "end", "quote_id")]
    )
    for at in range(0, quotes.num_rows, QUOTES):
        some = quotes.take(order.slice(at, QUOTES))
        for row in zip(*(column.to_pylist() for column in some.columns), strict=True):
            yield dict(zip(_QUOTED, row, strict=True))


def _unquoted(line: bytes, quote: dict[str, Any] | None) -> str:
    """What is wrong with an annotation, where `quote` is the row that it is to be of."""
    try:
        annotation = json.loads(line)
    except (ValueError, RecursionError) as error:
        return f"not JSON: {error}"
    if quote is None:
        return "one annotation more than there are quotes"
    try:
        target = annotation["target"]
        words, place = target["selector"]
        said = {
            "quote_id": annotation["quote_id"],
            "source_id": target["source"]["source_id"],
            "passage_id": target["passage_id"],
            "exact": words["exact"],
            "prefix": words.get("prefix"),
            "suffix": words.get("suffix"),
            "start": place["start"],
            "end": place["end"],
        }
    except (KeyError, TypeError, ValueError, AttributeError):
        return f"not of the form of an annotation; expected that of the quote {quote['quote_id']}"
    return "" if said == quote else otherwise(f"quote {quote['quote_id']}", said, quote)[0]
