"""What a release says of itself, held against itself, and where it differs."""

from __future__ import annotations

import json
from itertools import chain, zip_longest
from typing import Any

from gazadata.contract import Contract, Resource
from gazadata.package import Package
from gazadata.release.croissant import croissant, stated
from gazadata.release.files import is_sha256
from gazadata.release.manifest import MANIFEST, File, Manifest
from gazadata.strict_json import read_json
from gazadata.version import parse

READ: dict[str, dict[str, Any]] = {
    "resource": {"encoding": "utf-8", "scheme": "file", "type": "table"},
    "CSV file": {"format": "csv", "mediatype": "text/csv"},
    "Parquet file": {"format": "parquet", "mediatype": "application/vnd.apache.parquet"},
    "dialect": {
        "delimiter": ",",
        "lineTerminator": "\n",
        "quoteChar": '"',
        "doubleQuote": True,
        "header": True,
    },
    "schema": {"missingValues": [""]},
    "field": {"trueValues": ["true"], "falseValues": ["false"]},
}
"""What is read, by property, and nothing else: a value under another one would be read wrongly."""

UNREAD = ("missingValues", "decimalChar", "groupChar", "bareNumber")
"""Properties of a field that other readers go by, and those here do not."""

_CSV = {**READ["CSV file"], "encoding": READ["resource"]["encoding"]}
"""What `build` says of each table; the rest of `READ` is what other readers take for granted."""

_FIELD = READ["field"] | dict.fromkeys(UNREAD)


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
    created, parent = json.loads(manifest.content).get("created"), manifest.parent
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
