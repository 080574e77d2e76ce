"""Running a command as a process of its own, and what it took."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(REPOSITORY / "src")}
# An installed package has its bytecode beside it.
ENVIRONMENT.pop("PYTHONDONTWRITEBYTECODE", None)
GAZADATA = [sys.executable, "-c", "from gazadata.cli import main; main()"]


@dataclass(frozen=True)
class Run:
    """Wall-clock seconds, the most memory that any of its processes held, and what it printed."""

    seconds: float
    mebibytes: float
    output: bytes
    processor: float = 0.0
    """Seconds of processor time: what is left to compare by where others use the machine too."""


def run(command: list[str], ends: tuple[int, ...] = (0,), folder: Path | None = None) -> Run:
    """Run a command to its end.

    Raises:
        RuntimeError: it ended with another status than those of `ends`.
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
