"""A release is the same whichever Python builds it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.release.packages import REPO

from gazadata.release.files import listing

VERSIONS = ("3.11", "3.12", "3.13", "3.14")
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"

PROBE = """\
import sys, frictionless, pandera.polars, polars, pyarrow, typer
print(f"{sys.version_info.major}.{sys.version_info.minor}")
"""
BUILD = "import sys; from gazadata.cli import main; sys.argv[1:] = {!r}; main()"
FROM_PARQUET = {"croissant.json", "manifest.json", "SHA256SUMS"}
"""Files with hashes of the Parquet files, which are only the same with the same pyarrow."""


def run(python: str, code: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(REPO / "src")}
    environment.pop("PYTHONHOME", None)
    return subprocess.run(
        [python, "-c", code], env=environment, capture_output=True, text=True, check=False
    )


def interpreter(version: str) -> str:
    """A Python of that version with everything that a build needs."""
    named = os.environ.get("GAZADATA_PYTHONS", "").split(os.pathsep)
    for python in filter(None, (*named, shutil.which(f"python{version}"))):
        try:
            if run(python, PROBE).stdout.strip() == version:
                return python
        except OSError:
            continue
    pytest.skip(
        f"no Python {version} with the extra `validate` is at hand: make one with "
        f"`python{version} -m venv` and `pip install '.[validate]'`, and name its python in "
        f"GAZADATA_PYTHONS (several are separated by {os.pathsep!r})"
    )


@pytest.mark.parametrize("version", [version for version in VERSIONS if version != HERE])
def test_another_python_builds_the_same_files(
    built: Path, source: Path, tmp_path: Path, version: str
) -> None:
    python = interpreter(version)
    done = run(python, BUILD.format(["build", str(source), "--out", str(tmp_path)]))
    assert done.returncode == 0, done.stderr
    other = tmp_path / built.name
    assert listing(other) == listing(built)
    tools = [
        json.loads((folder / "manifest.json").read_bytes())["tools"] for folder in (built, other)
    ]
    differ = {
        name
        for name in listing(built)
        if (other / name).read_bytes() != (built / name).read_bytes()
    }
    if tools[0] != tools[1]:
        differ -= FROM_PARQUET | {name for name in differ if name.startswith("parquet/")}
    assert not differ
