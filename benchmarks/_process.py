"""Run a command in its own process, and measure it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(REPOSITORY / "src")}
# Allow bytecode to be cached, as it is for an installed package.
ENVIRONMENT.pop("PYTHONDONTWRITEBYTECODE", None)
GAZADATA = [sys.executable, "-c", "from gazadata.cli import main; main()"]


@dataclass(frozen=True)
class Run:
    """Wall-clock seconds, the peak memory of any of its processes, and what it printed."""

    seconds: float
    mebibytes: float
    output: bytes
    processor: float = 0.0
    """Processor seconds: the better measure on a machine that others use too."""


def run(command: list[str], ends: tuple[int, ...] = (0,), folder: Path | None = None) -> Run:
    """Run a command to completion.

    Raises:
        RuntimeError: its exit status is not in `ends`.
    """
    start = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=ENVIRONMENT, cwd=folder
    )
    assert process.stdout
    with process.stdout:
        output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in ends:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
    scale = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return Run(seconds, usage.ru_maxrss / scale, output, usage.ru_utime + usage.ru_stime)
