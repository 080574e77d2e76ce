"""What a package of the installed one's name and version promises, and whether it is kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

from gazadata import version
from gazadata.contract import CUES, Contract
from gazadata.errors import ContractError
from gazadata.package import bundled
from gazadata.validate.diagnostics import Report
from gazadata.validate.properties import Told
from gazadata.validate.say import DESCRIPTOR, MISSING, as_json, say, schema_path

NAME = "gazadata"

RECORD = "contracts.json"
"""The file beside this module with the digest of each version that changed the contract."""


def recorded(contract: Contract) -> str | None:
    """The digest on record for a version of this package: that of the last change up to it.

    A repository at work is itself what is installed, so that this is all it can be compared with.
    Of versions after the installed one nothing is known, and a pre-release promises nothing.
    """
    if contract.name != NAME:
        return None
    descriptor = json.loads((bundled() / DESCRIPTOR).read_bytes())
    of, installed = version.parse(contract.version), version.parse(descriptor.get("version"))
    if of is None or installed is None or not of.is_final or of > installed:
        return None
    record = json.loads(Path(__file__).with_name(RECORD).read_bytes())
    changed = {version.parse(text): digest for text, digest in record.items()}
    until = [v for v in changed if v is not None and v <= of]
    return str(changed[max(until)]) if until else None


def digest(contract: Contract) -> str:
    """The sha256, in hexadecimal, of all that a contract promises of rows."""
    schemas = {name: resource.schema for name, resource in contract.resources.items()}
    cues = [contract.hedge_cues, contract.attribution_cues]
    whole = json.dumps([schemas, *cues], ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(whole.encode()).hexdigest()


def known(contract: Contract) -> Contract | None:
    """The contract of the installed package, where it has the same name and version."""
    try:
        installed = Contract.read(bundled())
    except ContractError:
        return None  # The installed package is a repository at work; it is validated as itself.
    same = (contract.name, contract.version) == (installed.name, installed.version)
    return installed if same else None


def tables_of(contract: Contract) -> set[str]:
    """The tables that a package has, and those that it is to have by its name and version.

    One that is lacking there is a finding; in other packages it is as one without rows.
    """
    installed = known(contract)
    return contract.resources.keys() | (installed.resources.keys() if installed else set())


def promised(contract: Contract) -> Contract:
    """The contract that rows are held against: what a package of this name and version promises.

    That is the installed one where the tables have the same columns. A schema that differs there is
    a finding, and what rows would be by that schema follows from it.
    """
    installed = known(contract)
    if installed is None or _columns(contract) != _columns(installed):
        return contract
    resources = {
        name: replace(installed[name], path=resource.path, descriptor=resource.descriptor)
        for name, resource in contract.resources.items()
    }
    cues = {name: list(installed.descriptor.get(name, ())) for name in CUES}
    return Contract(contract.descriptor | cues, resources)


def weakened(contract: Contract) -> Iterator[tuple[str, str, str]]:
    """Our own properties that a contract of another name or version lacks: which, table, field.

    Rules look only where these stand: without them a package would pass as one that was checked.
    A contract that is on record is what it should be. That a field is exempt from evidence is
    stated, and not left out.
    """
    try:
        installed = Contract.read(bundled())
    except ContractError:
        return
    if known(contract) or recorded(contract) == digest(contract):
        return
    for name in [name for name in contract.resources if name in installed.resources]:
        here, there = contract[name], installed[name]
        for field in [field for field in here.fields if field.name in there.field_names]:
            for key in ("gazadata:verbatim", "gazadata:reference", "gazadata:recipientRequired"):
                if there[field.name].raw.get(key) and not field.raw.get(key):
                    yield key, name, field.name


def _columns(contract: Contract) -> dict[str, tuple[str, ...]]:
    return {name: resource.field_names for name, resource in contract.resources.items()}


def compare(contract: Contract, root: Path, report: Report, told: Told) -> set[str]:
    """Hold the contract of the package at `root` against that of its name and version.

    That is the installed package's, or what is recorded of it. Properties that are `told` already
    are left out.

    Returns:
        The resources that are reported as missing, or as one more.
    """
    installed = known(contract)
    if installed is None or root.resolve() == bundled().resolve():
        _compare_with_record(contract, report, told)
        return set()
    report.count("GD004", len(contract.resources))
    for cues in CUES:
        same = contract.descriptor.get(cues, []) == installed.descriptor.get(cues, [])
        if not same and (DESCRIPTOR, None, cues) not in told:
            say(
                report,
                "GD004",
                at=cues,
                found=f"other {cues}",
                expected=f"those of {installed.name} {installed.version}",
            )
    renamed = _renamed(contract, installed)
    for name in installed.resources.keys() - contract.resources.keys() - set(renamed.values()):
        say(report, "GD004", found=f"no resource {name}", expected=f"the resource {name}")
    for name, resource in contract.resources.items():
        where = schema_path(resource.descriptor)
        if name not in installed.resources:
            as_in = f"{installed.name} {installed.version}"
            meant = renamed.get(name)
            say(
                report,
                "GD004",
                resource=name,
                found=f"a resource {name}",
                expected=f"{meant}, as in {as_in}" if meant else f"none of that name in {as_in}",
                near=meant,
            )
            continue
        here, there = (
            _without(schema, {(field, key) for path, field, key in told if path == where})
            for schema in (resource.schema, installed.resources[name].schema)
        )
        if here != there:
            as_in = f"as in {installed.name} {installed.version}"
            say(report, "GD004", path=where, resource=name, **_difference(here, there, as_in))
    return installed.resources.keys() ^ contract.resources.keys()


def _compare_with_record(contract: Contract, report: Report, told: Told) -> None:
    wanted, found = recorded(contract), digest(contract)
    if wanted is None:
        return
    report.count("GD004", len(contract.resources))
    if found != wanted and not told:
        say(
            report,
            "GD004",
            at="version",
            found=f"a contract with the sha256 {found}",
            expected=f"{wanted}, as on record for {contract.name} {contract.version}; or, if the "
            f'version is new, "{contract.version}": "{found}" in src/gazadata/validate/{RECORD}',
        )


def _renamed(contract: Contract, installed: Contract) -> dict[str, str]:
    """The resources that have another name here, by that name: they have the same columns."""
    gone = [r for name, r in installed.resources.items() if name not in contract.resources]
    return {
        name: there.name
        for name, here in contract.resources.items()
        if name not in installed.resources
        for there in gone
        if here.field_names == there.field_names
    }


def _without(schema: dict[str, Any], told: set[tuple[str | None, str]]) -> dict[str, Any]:
    """A schema without some properties, each by its field (None: of the schema itself)."""

    def left(raw: dict[str, Any], field: str | None, above: str = "") -> dict[str, Any]:
        return {
            key: left(value, field, f"{key}.") if key == "constraints" else value
            for key, value in raw.items()
            if key == "name" or (field, above + key) not in told
        }

    if not told:
        return schema
    return left(schema, None) | {"fields": [left(f, f["name"]) for f in schema["fields"]]}


def _difference(here: dict[str, Any], there: dict[str, Any], as_in: str) -> dict[str, str]:
    """The first part in which two schemas differ: what is found, what is expected, the field."""
    fields = {f["name"]: f for f in there["fields"]}
    for field in here["fields"]:
        name = field["name"]
        if name not in fields:
            return {"field": name, "found": "a field more", "expected": f"none, {as_in}"}
        if field != fields[name]:
            key, mine, other = _differing(field, fields[name])
            return {
                "field": name,
                "at": key,
                "found": f"{key} {as_json(mine)}",
                "expected": f"{as_json(other, 'none')}, {as_in}",
            }
    gone = fields.keys() - {f["name"] for f in here["fields"]}
    if gone:
        return {"found": f"no field {min(gone)}", "expected": f"the field, {as_in}"}
    if [f["name"] for f in here["fields"]] != list(fields):
        return {"found": "another order of fields", "expected": f"{', '.join(fields)}, {as_in}"}
    key, mine, other = _differing(here, there)
    return {
        "at": key,
        "found": f"{key} {as_json(mine)}",
        "expected": f"{as_json(other, 'none')}, {as_in}",
    }


def _differing(here: Any, there: Any) -> tuple[str, Any, Any]:
    """Where in two objects that differ the first difference is, and what stands in each."""
    keys = sorted(here.keys() | there.keys())
    # A property that is null, and not missing, is a difference too.
    key = next(k for k in keys if (k in here, here.get(k)) != (k in there, there.get(k)))
    mine, other = here.get(key, MISSING), there.get(key, MISSING)
    if isinstance(mine, list) and isinstance(other, list):
        pairs = enumerate(zip_longest(mine, other, fillvalue=MISSING))
        number, (mine, other) = next(pair for pair in pairs if pair[1][0] != pair[1][1])
        key = f"{key}[{number}]"
    if isinstance(mine, dict) and isinstance(other, dict):
        rest, mine, other = _differing(mine, other)
        key = f"{key}.{rest}"
    return key, mine, other
