"""One command sets the version wherever it is stated, and files that disagree refuse a build."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from tests.release.packages import REPO, copy_package, with_version

from gazadata.errors import ReleaseError
from gazadata.package import Package
from gazadata.release.build import build
from gazadata.release.bump import bump, check_stated

DAY = date(2031, 3, 1)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    root = copy_package(tmp_path / "package")
    for name in ("CITATION.cff", "CHANGELOG.md"):
        shutil.copy(REPO / name, root)
    bump(root, "1.0.0", DAY)
    return root


def rows_of(root: Path) -> dict[str, int]:
    package = Package.open(root)
    return {name: package.table(name).num_rows for name in package.contract.resources}


def test_bump_changes_the_stated_versions_and_nothing_else(package: Path) -> None:
    before = {
        name: (package / name).read_text("utf-8") for name in ("CITATION.cff", "CHANGELOG.md")
    }
    descriptor = (package / "datapackage.json").read_text("utf-8")
    assert {path.name for path in bump(package, "1.1.0", DAY)} >= {
        "CITATION.cff",
        "datapackage.json",
    }
    now = (package / "datapackage.json").read_text("utf-8")
    assert json.loads(now)["version"] == "1.1.0"
    assert json.loads(now)["created"] == f"{DAY}T00:00:00Z"
    assert now == descriptor.replace('"1.0.0"', '"1.1.0"')
    cited = (package / "CITATION.cff").read_text("utf-8")
    assert cited == before["CITATION.cff"].replace("version: 1.0.0", "version: 1.1.0")
    logged = (package / "CHANGELOG.md").read_text("utf-8")
    counts = ", ".join(f"{name} {number}" for name, number in rows_of(package).items())
    section = f"## 1.1.0 ({DAY})\n\n### Data\n\n- Rows: {counts}.\n\n"
    assert logged.replace(section, "") == before["CHANGELOG.md"]
    check_stated(Package.open(package), rows_of(package), None)
    assert bump(package, "1.1.0", DAY) == []


def test_unreleased_changes_become_the_section_of_the_version(package: Path) -> None:
    path = package / "CHANGELOG.md"
    old = path.read_text("utf-8")
    path.write_text(old.replace("## 1.0.0", "## [Unreleased]\n\n- Words.\n\n## 1.0.0", 1), "utf-8")
    bump(package, "2.0.0-rc.1", DAY)
    assert f"## 2.0.0-rc.1 ({DAY})\n\n### Data\n\n- Rows: " in path.read_text("utf-8")
    assert "\n\n- Words.\n\n## 1.0.0" in path.read_text("utf-8")
    assert "Unreleased" not in path.read_text("utf-8")


def test_a_package_without_the_other_files(tmp_path: Path) -> None:
    root = copy_package(tmp_path / "package")
    content = json.loads((root / "datapackage.json").read_bytes())
    del content["created"]
    (root / "datapackage.json").write_text(json.dumps(content), "utf-8")
    assert bump(root, "1.0.1", DAY) == [root / "datapackage.json"]
    stated = json.loads((root / "datapackage.json").read_bytes())
    assert (stated["version"], stated["created"][:10]) == ("1.0.1", str(DAY))


@pytest.mark.parametrize(
    ("version", "why"), [("1.1", "invalid version"), ("0.9.0", "is lower than the package's 1.0.0")]
)
def test_a_version_that_cannot_follow(package: Path, version: str, why: str) -> None:
    before = {p: p.read_bytes() for p in package.iterdir() if p.is_file()}
    with pytest.raises(ReleaseError, match=why):
        bump(package, version)
    assert before == {p: p.read_bytes() for p in package.iterdir() if p.is_file()}


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("CITATION.cff", "version: 1.0.0", "version: 0.9.0"),
        ("CITATION.cff", f'date-released: "{DAY}"', 'date-released: "2020-01-01"'),
        ("CHANGELOG.md", "## 1.0.0", "## 0.9.0"),
        ("CHANGELOG.md", "events ", "events 1"),
        ("datapackage.json", f"{DAY}T", "2020-01-01T"),
    ],
)
def test_a_build_with_outdated_files_is_refused(
    package: Path, file: str, old: str, new: str, tmp_path: Path
) -> None:
    content = (package / file).read_text("utf-8")
    assert old in content
    (package / file).write_text(content.replace(old, new, 1), "utf-8")
    with pytest.raises(ReleaseError, match=r"out of date: .*run `gazadata bump 1\.0\.0`") as caught:
        check_stated(Package.open(package), rows_of(package), None)
    where = "CITATION.cff" if file == "datapackage.json" else file
    assert f"{package / where}:" in str(caught.value)
    if old.startswith("## "):
        with pytest.raises(ReleaseError, match="out of date"):
            build(package, tmp_path / "out")
        assert not list((tmp_path / "out").iterdir())


def test_a_date_before_that_of_the_parent(package: Path) -> None:
    parent = Package.open(copy_package(package.with_name("parent")))
    bump(parent.root, "1.0.0")
    later = Package.open(with_version(package, "1.0.0"))
    descriptor = later.contract.descriptor | {"created": "2020-01-01T00:00:00Z"}
    (package / "datapackage.json").write_text(json.dumps(descriptor), "utf-8")
    for name in ("CITATION.cff", "CHANGELOG.md"):
        (package / name).unlink()
    before = Package.open(parent.root)
    with pytest.raises(ReleaseError, match=r"created is 2020-01-01.* before the"):
        check_stated(Package.open(package), rows_of(package), before)


def test_the_command(package: Path) -> None:
    command = [sys.executable, "-m", "gazadata", "bump"]
    before = datetime.now(UTC).date()
    done = subprocess.run([*command, "1.0.1", package], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    stated = Package.open(package).contract.descriptor["created"]
    assert f"{before}" <= stated[:10] <= f"{datetime.now(UTC).date()}"
    assert f"changed {package / 'datapackage.json'}\n" in done.stdout
    done = subprocess.run([*command, "1.0", package], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: invalid version '1.0'; expected MAJOR.MINOR.PATCH")
