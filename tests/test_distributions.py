"""Distributions: the same bytes wherever and whenever they are built, with one version and date."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).parents[1]
LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv*", ".*_cache", ".hypothesis", "__pycache__", "dist"
)


def built(source: Path, out: Path, umask: int) -> dict[str, str]:
    """The hash of each file that `make release` would put next to the release."""
    epoch = re.search(r"SOURCE_DATE_EPOCH=(\d+) ", (REPO / "Makefile").read_text("utf-8"))
    assert epoch
    done = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(source)],
        env={**os.environ, "SOURCE_DATE_EPOCH": epoch[1]},
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: os.umask(umask),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in out.iterdir()}


@pytest.mark.long
def test_wheel_and_sdist_repeat(tmp_path: Path) -> None:
    """In another folder, with other dates and permissions of the files and another umask."""
    one = Path(shutil.copytree(REPO, tmp_path / "one", ignore=LEFT_OUT))
    two = Path(shutil.copytree(REPO, tmp_path / "another folder" / "two", ignore=LEFT_OUT))
    for path in two.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
        os.utime(path, (1_000_000_000, 1_000_000_000))
    first = built(one, tmp_path / "first", 0o022)
    second = built(two, tmp_path / "second", 0o077)
    assert {Path(name).suffix for name in first} == {".whl", ".gz"}
    assert first == second


def test_version_and_date_are_the_same_everywhere() -> None:
    """Otherwise `created`, by which stores and metadata date a release, would be forgotten."""
    descriptor = json.loads((REPO / "datapackage.json").read_bytes())
    stated = descriptor["version"], descriptor["created"][:10]
    citation = (REPO / "CITATION.cff").read_text("utf-8")
    cited = re.search(r'^version: (\S+)\ndate-released: "(\S+)"$', citation, re.MULTILINE)
    changed = re.search(
        r"^## (\S+) \((\S+)\)$", (REPO / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE
    )
    assert cited
    assert changed
    assert stated == cited.groups() == changed.groups()
