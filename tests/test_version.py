"""Versions: one form and one order everywhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gazadata.contract.version import LONGEST, parse
from gazadata.errors import ReleaseError, StoreError
from gazadata.release.build import build
from gazadata.release.files import json_bytes
from gazadata.release.index import precedence
from gazadata.validate import validate

NONE = [
    *("", "1", "1.0", "v1.0.0", "01.0.0", "1.0.0+x", "1.0.0/..", "1.0.0-", "1.0.0-a..b"),
    *("1.0.0-01", "1.0.0\n", "１.0.0", "1１.0.0", "1.0.0-" + "a" * LONGEST),
]


def test_the_order_is_that_of_semver() -> None:
    ordered = [
        "0.9.10",
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-alpha.beta",
        "1.0.0-beta",
        "1.0.0-beta.2",
        "1.0.0-beta.11",
        "1.0.0-rc.1",
        "1.0.0",
        "1.0.1",
        "1.2.0",
        "1.10.0",
        "2.0.0",
    ]
    assert sorted(sorted(ordered), key=precedence) == ordered
    assert [str(precedence(v)) for v in ordered] == ordered
    assert [v for v in ordered if precedence(v).is_final] == [v for v in ordered if "-" not in v]


@pytest.mark.parametrize("text", [*NONE, 1, 1.0, b"1.0.0", None])
def test_an_invalid_version(text: object) -> None:
    assert parse(text) is None
    with pytest.raises(StoreError, match="invalid version"):
        precedence(text)


@pytest.mark.parametrize("text", NONE)
def test_no_release_is_built_with_an_invalid_version(
    package_copy: Path, tmp_path: Path, text: str
) -> None:
    """A build used to accept some that a store then refused."""
    path = package_copy / "datapackage.json"
    content = json.loads(path.read_text("utf-8")) | {"version": text}
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ReleaseError, match="invalid version"):
        build(package_copy, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("text", ["1.0.0-" + "a" * LONGEST, "1１.0.0"])
def test_validation_requires_what_a_store_does(package_copy: Path, text: str) -> None:
    path = package_copy / "datapackage.json"
    content = json.loads(path.read_text("utf-8")) | {"version": text}
    path.write_bytes(json_bytes(content))
    found = [(d.code, d.found) for d in validate(package_copy).diagnostics]
    assert found == [("GD003", f'version "{text}"')]
