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
from gazadata.contract import Contract
from gazadata.errors import ContractError
from gazadata.package import bundled
from gazadata.strict_json import At
from gazadata.validate.diagnostics import Report
from gazadata.validate.properties import Told, dotted
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
    whole = json.dumps([schemas, contract.hedge_cues], ensure_ascii=False, sort_keys=True)
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
    cues = {"gazadata:hedgeCues": list(installed.hedge_cues)}
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
    """Compare the contract of the package at `root` with that of its name and version.

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
    is_told = any(name is None and at[0] == "gazadata:hedgeCues" for name, at in told)
    if contract.hedge_cues != installed.hedge_cues and not is_told:
        say(
            report,
            "GD004",
            at="gazadata:hedgeCues",
            found="other gazadata:hedgeCues",
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
        as_in = f"as in {installed.name} {installed.version}"
        reported = [at for table, at in told if table == name]
        for at, found, expected in differences(resource.schema, installed[name].schema):
            if not any(at[: len(one)] == one for one in reported):
                field = str(at[1]) if len(at) > 1 and at[0] == "fields" else None
                inner = dotted(at[2:] if field else at) or None
                say(
                    report,
                    "GD004",
                    path=where,
                    resource=name,
                    field=field,
                    at=inner,
                    found=f"{inner} {found}" if inner and inner != "fields" else found,
                    expected=f"{expected}, {as_in}",
                )
                break
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


def differences(here: Any, there: Any, at: At = ()) -> Iterator[tuple[At, str, str]]:
    """Where two schemas differ: the way there, what is found, and what is expected.

    Fields are compared by name. A property that is null is not one that is missing.
    """
    if isinstance(here, dict) and isinstance(there, dict):
        fields = ["fields"] if not at and "fields" in here and "fields" in there else []
        for key in (*fields, *sorted((here.keys() | there.keys()) - set(fields))):
            mine, other = here.get(key, MISSING), there.get(key, MISSING)
            if key in fields:
                yield from _fields(mine, other)
            else:
                yield from differences(mine, other, (*at, key))
    elif isinstance(here, list) and isinstance(there, list):
        for number, (mine, other) in enumerate(zip_longest(here, there, fillvalue=MISSING)):
            yield from differences(mine, other, (*at, number))
    elif MISSING in (here, there) or json.dumps(here) != json.dumps(there):
        yield at, as_json(here), as_json(there, "none")


def _fields(here: list[dict[str, Any]], there: list[dict[str, Any]]) -> Iterator[Any]:
    mine, other = ({field["name"]: field for field in fields} for fields in (here, there))
    for name, field in mine.items():
        if name in other:
            yield from differences(field, other[name], ("fields", name))
        else:
            yield ("fields", name), "a field more", "none"
    for name in other:
        if name not in mine:
            yield ("fields",), f"no field {name}", "the field"
    if list(mine) != list(other):
        yield ("fields",), "another order of fields", ", ".join(other)
