"""croissant.json: the release's Parquet files described for machine-learning loaders.

Follows the Croissant specification 1.1 (http://mlcommons.org/croissant/1.1). Where the
specification leaves a choice, the file has the form that its reference implementation,
mlcroissant, can load:

- `references` has the form {"field": {"@id": …}}; mlcroissant 1.1 fails on the bare {"@id": …}.
- mlcroissant joins what a field references, and keeps what it read for one record set while it
  reads others. It keeps a joined record set as an exhausted generator: record sets that reference
  it then fail, and it is itself read wrongly after it was joined to another. So a field references
  only tables that need no other, and these reference none: they are never joined themselves, and
  one Dataset loads all record sets, in any order. The other foreign keys are in datapackage.json.
  Read a second time from one Dataset, a joined record set still has no rows
  (https://github.com/mlcommons/croissant/issues/1049).
- A foreign key into its own table is left out, too: it would be a loop in the graph of
  joins, which mlcroissant refuses. Its field is described like any other.
- Vocabularies are in the fields' descriptions. As enumerations (record sets that the fields
  reference) they would make every table a join.
- Parquet has the registered media type application/vnd.apache.parquet, and mlcroissant knows only
  the older application/x-parquet. A file may have several, so both are named.
"""

from __future__ import annotations

from typing import Any

from gazadata.contract import Contract, Field, Resource
from gazadata.errors import GazadataError
from gazadata.release.manifest import File

CONFORMS_TO = "http://mlcommons.org/croissant/1.1"
DATA_TYPES = {
    "string": "sc:Text",
    "integer": "sc:Integer",
    "boolean": "sc:Boolean",
    "date": "sc:Date",
}
ENCODING_FORMATS = ["application/vnd.apache.parquet", "application/x-parquet"]

# Provenance in the terms of PROV-O (https://www.w3.org/TR/prov-o/), which Croissant 1.1
# recommends ("Provenance Representation", "RecordSet Typing"): the class of each record, and
# the property that a field stands for. A quote is quoted from its source and its value is its
# words; a row of evidence is a derivation, whose entity is the quote or the reference used.
PROVENANCE: dict[str, tuple[str, dict[str, str]]] = {
    "sources": ("prov:Entity", {}),
    "quotes": ("prov:Entity", {"source_id": "prov:wasQuotedFrom", "exact": "prov:value"}),
    "evidence": (
        "prov:Derivation",
        {"quote_id": "prov:entity", "reference_id": "prov:entity"},
    ),
}

# The terms of the specification's appendix 1 and of mlcroissant's own context, in the schema.org
# namespace that mlcroissant reads (https, where the appendix has http).
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "annotation": "cr:annotation",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "excludes": "cr:excludes",
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "prov": "http://www.w3.org/ns/prov#",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "readLines": "cr:readLines",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "sdVersion": "cr:sdVersion",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
    "unArchive": "cr:unArchive",
    "value": "cr:value",
}


def croissant(contract: Contract, files: dict[str, File]) -> dict[str, Any]:
    """Describe the Parquet files of a release.

    `url` is the descriptor's homepage, or else './': the release folder, wherever it is served
    from. That is relative, like each `contentUrl`.

    Args:
        contract: the release's contract.
        files: the release's files by relative path; only parquet/<table>.parquet is looked up.

    Raises:
        GazadataError: a table has no Parquet file.
    """
    descriptor = contract.descriptor
    return {
        "@context": dict(CONTEXT),
        "@type": "sc:Dataset",
        "conformsTo": CONFORMS_TO,
        "name": contract.name,
        **_given(alternateName=descriptor.get("title")),
        "description": str(descriptor.get("description") or descriptor.get("title") or ""),
        "url": descriptor.get("homepage") or "./",
        "version": contract.version,
        "datePublished": str(descriptor.get("created", ""))[:10],
        "license": [
            _given(type="sc:CreativeWork", name=part.get("title"), url=part.get("path"))
            for part in descriptor.get("licenses", [])
        ],
        "creator": [_agent(part) for part in _creators(descriptor)],
        "keywords": list(descriptor.get("keywords", [])),
        "citeAs": _bibtex(contract),
        "isLiveDataset": False,
        "prov:wasDerivedFrom": [
            _given(type="prov:Entity", name=part.get("title"), url=part.get("path"))
            for part in descriptor.get("sources", [])
        ],
        "distribution": [_file(resource, files) for resource in contract.resources.values()],
        "recordSet": [
            _record_set(resource, _unjoined(contract)) for resource in contract.resources.values()
        ],
    }


def _unjoined(contract: Contract) -> set[str]:
    """The tables that fields may reference: others point to them, and they need no other table."""
    targets = {key.resource for one in contract.resources.values() for key in one.foreign_keys}
    return {
        name
        for name in targets
        if not any(
            contract[name][key.field].required
            for key in contract[name].foreign_keys
            if key.resource != name
        )
    }


def _file(resource: Resource, files: dict[str, File]) -> dict[str, Any]:
    path = _path(resource)
    if path not in files:
        raise GazadataError(f"the release has no file {path}, which croissant.json is to describe")
    return {
        "@type": "cr:FileObject",
        "@id": path,
        "name": f"{resource.name}.parquet",
        "contentUrl": path,
        "contentSize": f"{files[path].bytes} B",
        "encodingFormat": ENCODING_FORMATS,
        "sha256": files[path].sha256,
    }


def _record_set(resource: Resource, unjoined: set[str]) -> dict[str, Any]:
    cited = "sources" in {key.resource for key in resource.foreign_keys if key.field == "source_id"}
    kind, terms = PROVENANCE.get(resource.name, ("prov:Entity" if cited else "", {}))
    if cited:
        terms = {"source_id": "prov:wasDerivedFrom", **terms}
    return {
        "@type": "cr:RecordSet",
        "@id": resource.name,
        "name": resource.name,
        "description": resource.description,
        **_given(dataType=kind),
        "key": {"@id": f"{resource.name}/{resource.key}"},
        "field": [
            _field(resource, field, terms.get(field.name), unjoined) for field in resource.fields
        ],
    }


def _field(
    resource: Resource, field: Field, term: str | None, unjoined: set[str]
) -> dict[str, Any]:
    target = next((key for key in resource.foreign_keys if key.field == field.name), None)
    references = {}
    if target and target.resource in unjoined and resource.name not in unjoined:
        references = {"references": {"field": {"@id": f"{target.resource}/{target.target}"}}}
    terms = f" One of: {', '.join(field.enum)}." if field.enum else ""
    return {
        "@type": "cr:Field",
        "@id": f"{resource.name}/{field.name}",
        "name": field.name,
        "description": field.description + terms,
        "dataType": DATA_TYPES[field.type],
        **_given(equivalentProperty=term),
        "source": {
            "fileObject": {"@id": _path(resource)},
            "extract": {"column": field.name},
        },
        **references,
    }


def _path(resource: Resource) -> str:
    return f"parquet/{resource.name}.parquet"


def _creators(descriptor: dict[str, Any]) -> list[dict[str, Any]]:
    contributors: list[dict[str, Any]] = descriptor.get("contributors", [])
    return [c for c in contributors if "creator" in c.get("roles", ())] or contributors


def _agent(contributor: dict[str, Any]) -> dict[str, Any]:
    """A contributor for schema.org: a person if the descriptor has a given or family name."""
    is_person = "givenName" in contributor or "familyName" in contributor
    return _given(
        type="sc:Person" if is_person else "sc:Organization",
        name=contributor.get("title"),
        url=contributor.get("path"),
        email=contributor.get("email"),
    )


def _bibtex(contract: Contract) -> str:
    """The citation of this version, in BibTeX as the specification recommends."""
    descriptor = contract.descriptor
    authors = " and ".join(f"{{{_tex(c.get('title'))}}}" for c in _creators(descriptor))
    key = f"{contract.name}_{contract.version}".replace(".", "_")
    return (
        f"@misc{{{key}, author = {{{authors}}}, "
        f"title = {{{{{_tex(descriptor.get('title') or contract.name)}}}}}, "
        f"year = {{{str(descriptor.get('created', ''))[:4]}}}, "
        f"version = {{{_tex(contract.version)}}}}}"
    )


def _tex(text: Any) -> str:
    return "".join(f"\\{c}" if c in "&%$#_{}" else c for c in str(text).replace("\\", ""))


def _given(type: str | None = None, **values: Any) -> dict[str, Any]:
    """The values that are not empty, with `type` as JSON-LD's @type."""
    typed = {"@type": type} if type else {}
    return {**typed, **{name: value for name, value in values.items() if value}}
