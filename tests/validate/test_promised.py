"""A repository is itself the installed package, so its contract is compared with the record.

The comparison of other packages is tested in test_descriptor.py and by the mutants.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from gazadata.contract import Contract, Resource
from gazadata.contract.strict_json import At
from gazadata.errors import ContractError
from gazadata.release.build import build
from gazadata.release.contract_diff import compare_contracts
from gazadata.validate import promised, validate

Edit = Callable[[dict[str, Any]], object]


@pytest.fixture
def repository(package_copy: Path, repo: Path) -> Path:
    """The repository, with its own code."""
    shutil.copytree(repo / "src", package_copy / "src")
    return package_copy


def _edit(path: Path, edit: Edit) -> None:
    whole = json.loads(path.read_bytes())
    edit(whole)
    path.write_text(json.dumps(whole, ensure_ascii=False, indent=2) + "\n", "utf-8")


def _found(repository: Path, package: Path) -> tuple[list[str], int]:
    """What the code of a repository finds by GD004, and how many resources it checked."""
    ran = subprocess.run(
        [sys.executable, "-m", "gazadata", "validate", "--format", "json", str(package)],
        env={**os.environ, "PYTHONPATH": str(repository / "src")},
        cwd=repository,
        capture_output=True,
        check=False,
    )
    report = json.loads(ran.stdout)
    found = [d["found"] for d in report["findings"] if d["code"] == "GD004"]
    return found, report["counts"]["GD004"]["checked"]


def _loosen(root: Path) -> None:
    _edit(root / "schemas/events.json", lambda schema: schema.pop("foreignKeys"))


@pytest.mark.long
def test_a_repository_is_not_compared_with_itself(repository: Path) -> None:
    number = len(Contract.read(repository).resources)
    assert _found(repository, repository) == ([], number)
    _loosen(repository)
    (said,), looked = _found(repository, repository)
    contract = Contract.read(repository)
    assert said == f"a contract with the sha256 {promised.contract_digest(contract)}"
    assert looked == number


@pytest.mark.long
def test_a_version_with_another_contract_must_be_on_record(repository: Path) -> None:
    number = len(Contract.read(repository).resources)
    _edit(repository / "datapackage.json", lambda d: d.update(version="9.0.0"))
    assert _found(repository, repository) == ([], number)
    _loosen(repository)
    digest = promised.contract_digest(Contract.read(repository))
    assert _found(repository, repository) == ([f"a contract with the sha256 {digest}"], number)
    record = repository / "src/gazadata/validate" / promised.RECORD
    _edit(record, lambda known: known.update({"9.0.0": digest}))
    assert _found(repository, repository) == ([], number)


@pytest.mark.long
def test_earlier_versions_keep_their_contract(repository: Path, tmp_path: Path) -> None:
    """The installed package has another version, and knows this one only from its record."""
    earlier = tmp_path / "earlier"
    shutil.copytree(repository, earlier, ignore=shutil.ignore_patterns("src"))
    _edit(repository / "datapackage.json", lambda d: d.update(version="9.0.0"))
    assert _found(repository, earlier) == ([], len(Contract.read(earlier).resources))
    _loosen(earlier)
    assert len(_found(repository, earlier)[0]) == 1


def test_a_package_of_another_name_promises_nothing(repository: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(repository, other, ignore=shutil.ignore_patterns("src"))
    _edit(other / "datapackage.json", lambda d: d.update(name="other"))
    _loosen(other)
    assert _found(repository, other) == ([], 0)


def _within(value: Any, at: At = ()) -> Iterator[At]:
    """The paths of all values in a JSON value."""
    if at:
        yield at
    if isinstance(value, list):
        value = dict(enumerate(value))
    for key, inner in value.items() if isinstance(value, dict) else ():
        yield from _within(inner, (*at, key))


def _changed(schema: Any, at: At) -> Iterator[Any]:
    """The schema without the value at a path, and with another value there."""
    for other in ("dropped", "changed"):
        whole = deepcopy(schema)
        holder = whole
        for step in at[:-1]:
            holder = holder[step]
        was = holder.pop(at[-1])
        if other == "changed" and isinstance(was, (str, int)):
            value = f"{was}x" if isinstance(was, str) else not was
            if isinstance(holder, list):
                holder.insert(int(at[-1]), value)
            else:
                holder[str(at[-1])] = value
        yield whole


@pytest.mark.parametrize("name", ["names", "evidence", "quotes"])
def test_the_promise_and_the_diff_agree_on_what_differs(repo: Path, name: str) -> None:
    """One says where two schemas differ, the other what that means; neither misses anything."""
    contract = Contract.read(repo)
    own = contract[name]
    alone = Contract(contract.descriptor, {name: own})
    seen = 0
    for at in _within(own.schema):
        for schema in _changed(own.schema, at):
            try:
                other = Resource.read(own.descriptor, schema, own.schema_path)
            except (ContractError, LookupError, TypeError, AttributeError, ValueError):
                continue  # Validation of the schema itself refuses it.
            changes = compare_contracts(alone, Contract(contract.descriptor, {name: other}))
            differs = any(promised.differences(schema, own.schema))
            assert bool(changes) is differs, at
            seen += differs
    assert seen > 100


def test_a_release_has_the_contract_that_is_recorded(repo: Path, tmp_path: Path) -> None:
    release = build(repo, tmp_path)
    assert promised.contract_digest(Contract.read(release)) == promised.contract_digest(
        Contract.read(repo)
    )


def test_each_contract_is_read_once(package_copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package's, and the installed one's if it was not read before."""
    roots = []

    def read(root: Path, *prepare: Any, original: Any = Contract.read) -> Contract:
        roots.append(root)
        contract: Contract = original(root, *prepare)
        return contract

    monkeypatch.setattr(Contract, "read", read)
    validate(package_copy)
    assert roots.count(package_copy) == 1
    assert len(roots) <= 2
