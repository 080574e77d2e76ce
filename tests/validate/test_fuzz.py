"""Coverage-guided fuzzing of the readers; fuzz.py has what must be true.

To run more than the suite does: GAZADATA_FUZZ=100000 pytest -m long tests/validate/test_fuzz.py
"""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.validate.damage import REPO
from tests.validate.fuzz import TARGETS

RUNS = int(os.environ.get("GAZADATA_FUZZ", "200"))


@pytest.mark.parametrize("name", TARGETS)
def test_the_first_inputs_of_fuzzing(name: str, tmp_path: Path) -> None:
    target, seeds = TARGETS[name]
    for seed in seeds:
        target(tmp_path, seed)


@pytest.mark.long
@pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None,
    reason="atheris is not installed: it is built for CPython on Linux alone",
)
@pytest.mark.parametrize("name", TARGETS)
def test_whatever_fuzzing_finds(name: str, tmp_path: Path) -> None:
    """Keep inputs that fail in test_hostile.py."""
    command = [sys.executable, "-m", "tests.validate.fuzz", name, str(tmp_path), f"-runs={RUNS}"]
    done = subprocess.run([*command, "-seed=1"], cwd=REPO, capture_output=True, check=False)
    said = done.stderr.decode("utf-8", "replace")
    failed = [path.read_bytes() for path in tmp_path.glob("*-*")]
    assert done.returncode == 0, f"{failed}\n{said[-3_000:]}"
    # libFuzzer finishes the mutations of an input that it has begun: a few more than asked.
    done_runs = re.findall(r"^Done (\d+) runs", said, re.MULTILINE)
    assert [int(runs) >= RUNS for runs in done_runs] == [True], said[-3_000:]
