"""Compare a package's contract with the one published under the same name and version."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from itertools import zip_longest
from pathlib import Path
from typing import Any

from gazadata.contract import CUES, DESCRIPTOR, Contract, version
from gazadata.contract.json_schema import as_json, dotted
from gazadata.contract.schema import Problem, within
from gazadata.contract.strict_json import At, read_json
from gazadata.errors import ContractError
from gazadata.package import bundled
from gazadata.validate.diagnostics import Report
from gazadata.validate.properties import Reported
from gazadata.validate.rules import rule
from gazadata.validate.schema_findings import add_finding, add_problem

NAME = "gazadata"

_MISSING = object()

RECORD = "contracts.json"
"""The file next to this module with the digest of each version that changed the contract."""


def recorded_digest(contract: Contract) -> str | None:
    """The digest on record for a version of this package: that of the last change up to it.

    A repository under development is itself what is installed, so there is nothing else to compare
    it with. Nothing is known about versions after the installed one, and a pre-release promises
    nothing.
    """
    if contract.name != NAME:
        return None
    descriptor = read_json(bundled() / DESCRIPTOR)
    of, installed = version.parse(contract.version), version.parse(descriptor.get("version"))
    if of is None or installed is None or not of.is_final or of > installed:
        return None
    record = json.loads(Path(__file__).with_name(RECORD).read_bytes())
    changed = {version.parse(text): digest for text, digest in record.items()}
    until = [v for v in changed if v is not None and v <= of]
    return str(changed[max(until)]) if until else None


def contract_digest(contract: Contract) -> str:
    """The sha256, in hexadecimal, of everything that a contract promises about rows."""
    schemas = {name: resource.schema for name, resource in contract.resources.items()}
    cues = [contract.hedge_cues, contract.attribution_cues]
    whole = json.dumps([schemas, *cues], ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(whole.encode()).hexdigest()


def installed() -> Contract | None:
    """The contract of the installed package; None if it is a repository that cannot be read.

    It is read again only if it has changed.
    """
    root = bundled()
    files = (root / DESCRIPTOR, *sorted((root / "schemas").glob("*.json")))
    states = tuple((file.stat().st_mtime_ns, file.stat().st_size) for file in files)
    try:
        return _read(root, states)
    except ContractError:
        return None


@lru_cache(maxsize=1)
def _read(root: Path, states: tuple[tuple[int, int], ...]) -> Contract:
    return Contract.read(root)


def contract_at(root: Path) -> Contract:
    """The contract of the package at `root`, which may be the installed one.

    Raises:
        ContractError: its descriptor or a schema cannot be read.
    """
    own = installed() if root.resolve() == bundled().resolve() else None
    return own or Contract.read(root)


def installed_as(contract: Contract) -> Contract | None:
    """The contract of the installed package, if it has the same name and version."""
    own = installed()
    same = own and (contract.name, contract.version) == (own.name, own.version)
    return own if same else None


def tables_of(contract: Contract) -> set[str]:
    """The tables that a package has, and those that its name and version require.

    A missing required table is a finding; other packages may lack it, as if it had no rows.
    """
    own = installed_as(contract)
    return contract.resources.keys() | (own.resources.keys() if own else set())


def promised(contract: Contract) -> Contract:
    """The contract to check rows by: what a package of this name and version promises.

    That is the installed one if the tables have the same columns. A schema that differs from it is
    a finding, and findings about rows would only follow from that.
    """
    own = installed_as(contract)
    if own is None or _columns(contract) != _columns(own):
        return contract
    resources = {
        name: replace(own[name], path=resource.path, descriptor=resource.descriptor)
        for name, resource in contract.resources.items()
    }
    cues = {name: list(own.descriptor.get(name, ())) for name in CUES}
    return Contract(contract.descriptor | cues, resources)


def weakened(contract: Contract) -> Iterator[tuple[str, str, str]]:
    """Our own properties that a contract of another name or version lacks: property, table, field.

    Some rules check only fields with these properties: without them a package would pass
    unchecked. A contract on record is as it should be. Exemption from evidence is not among them,
    as a schema has to state it.
    """
    own = installed()
    if (
        own is None
        or installed_as(contract)
        or recorded_digest(contract) == contract_digest(contract)
    ):
        return
    for name in [name for name in contract.resources if name in own.resources]:
        here, there = contract[name], own[name]
        for field in [field for field in here.fields if field.name in there.field_names]:
            for key in ("gazadata:verbatim", "gazadata:reference", "gazadata:recipientRequired"):
                if there[field.name].raw.get(key) and not field.raw.get(key):
                    yield key, name, field.name


def _columns(contract: Contract) -> dict[str, tuple[str, ...]]:
    return {name: resource.field_names for name, resource in contract.resources.items()}


rule(
    "GD004",
    title="contract differs from the one published under this name and version",
    reason="If a schema is weakened without a new version, every check passes and nobody notices.",
    example='"required": true removed from schemas/events.json, with the version unchanged',
    remedy="Restore the schema, or give the package a new version.",
    unit="tables",
)


def compare(contract: Contract, root: Path, report: Report, reported: Reported) -> set[str]:
    """Compare the contract of the package at `root` with the one of the same name and version.

    That is the installed package's, or the digest on record. Properties that are `reported`
    already are left out.

    Returns:
        The resources that are reported as missing or as extra.
    """
    own = installed_as(contract)
    if own is None or root.resolve() == bundled().resolve():
        _compare_with_record(contract, report, reported)
        return set()
    report.count("GD004", len(contract.resources))
    as_in = f"as in {own.name} {own.version}"
    for cues in CUES:
        same = contract.descriptor.get(cues, []) == own.descriptor.get(cues, [])
        if not same and not any(table is None and at[0] == cues for table, at in reported):
            expected = f"those of {own.name} {own.version}"
            add_finding(report, "GD004", at=(cues,), found=f"different {cues}", expected=expected)
    renamed = _renamed(contract, own)
    for name in own.resources.keys() - contract.resources.keys() - set(renamed.values()):
        found, expected = f"no table `{name}`", f"the table `{name}`, {as_in}"
        add_finding(report, "GD004", found=found, expected=expected)
    for name, resource in contract.resources.items():
        if name not in own.resources:
            meant = renamed.get(name)
            expected = f"`{meant}`, {as_in}" if meant else f"no table of that name, {as_in}"
            found = f"a table `{name}`"
            add_finding(report, "GD004", resource=name, found=found, expected=expected, near=meant)
            continue
        known_at = [at for table, at in reported if table == name]
        for at, found, expected in differences(resource.schema, own[name].schema):
            if not any(at[: len(one)] == one for one in known_at):
                inner = dotted(within(at))
                said = f"{inner} {found}" if inner not in ("", "fields") else found
                problem = Problem("GD004", at, said, f"{expected}, {as_in}")
                add_problem(report, contract, resource, problem)
                break
    return own.resources.keys() ^ contract.resources.keys()


def _compare_with_record(contract: Contract, report: Report, reported: Reported) -> None:
    wanted, found = recorded_digest(contract), contract_digest(contract)
    if wanted is None:
        return
    report.count("GD004", len(contract.resources))
    if found != wanted and not reported:
        add_finding(
            report,
            "GD004",
            at=("version",),
            found=f"a contract with the sha256 {found}",
            expected=f"the last recorded one, {wanted}",
            help=f'If the contract was meant to change, add "{contract.version}": "{found}" to '
            f"src/gazadata/validate/{RECORD}; otherwise restore the schemas.",
        )


def _renamed(contract: Contract, installed: Contract) -> dict[str, str]:
    """The installed names of renamed resources, by the new name: their columns are the same."""
    gone = [r for name, r in installed.resources.items() if name not in contract.resources]
    return {
        name: there.name
        for name, here in contract.resources.items()
        if name not in installed.resources
        for there in gone
        if here.field_names == there.field_names
    }


def differences(here: Any, there: Any, at: At = ()) -> Iterator[tuple[At, str, str]]:
    """Where two schemas differ: the path, what is found, and what is expected.

    Fields are compared by name. A null property differs from a missing one.
    """
    if isinstance(here, dict) and isinstance(there, dict):
        fields = ["fields"] if not at and "fields" in here and "fields" in there else []
        for key in (*fields, *sorted((here.keys() | there.keys()) - set(fields))):
            mine, other = here.get(key, _MISSING), there.get(key, _MISSING)
            if key in fields:
                yield from _fields(mine, other)
            else:
                yield from differences(mine, other, (*at, key))
    elif isinstance(here, list) and isinstance(there, list):
        for number, (mine, other) in enumerate(zip_longest(here, there, fillvalue=_MISSING)):
            yield from differences(mine, other, (*at, number))
    elif _MISSING in (here, there) or json.dumps(here) != json.dumps(there):
        found = "missing" if here is _MISSING else as_json(here)
        yield at, found, "none" if there is _MISSING else as_json(there)


def _fields(
    here: list[dict[str, Any]], there: list[dict[str, Any]]
) -> Iterator[tuple[At, str, str]]:
    expected = {field["name"]: field for field in there}
    names = [field["name"] for field in here]
    for number, field in enumerate(here):
        if field["name"] in expected:
            yield from differences(field, expected[field["name"]], ("fields", number))
        else:
            yield ("fields", number), "an extra field", "none"
    for name in expected:
        if name not in names:
            yield ("fields",), f"no field {name}", "the field"
    if names != list(expected):
        yield ("fields",), "fields in a different order", ", ".join(expected)
