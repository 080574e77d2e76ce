"""What importing and loading cost, as ratios within one run: python benchmarks/load.py [ROUNDS].

Each round starts every process once, in turn, so that a slow spell of the machine affects them all;
ratios are between medians.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

REPO = Path(__file__).resolve().parents[1]
CSV = REPO / "data" / "events.csv"

CASES = {
    "bare interpreter": "pass",
    "import gazadata": "import gazadata",
    "pandas.read_csv": f"import pandas; pandas.read_csv({str(CSV)!r})",
    "gazadata.load, pandas": "import gazadata; gazadata.load('events')",
    "pyarrow.csv.read_csv": f"import pyarrow.csv; pyarrow.csv.read_csv({str(CSV)!r})",
    "gazadata.load, arrow": "import gazadata; gazadata.load('events', as_='arrow')",
}
RATIOS = (
    ("import gazadata", "bare interpreter", 1.3),
    ("gazadata.load, pandas", "pandas.read_csv", 1.10),
    ("gazadata.load, arrow", "pyarrow.csv.read_csv", None),
)


def seconds(code: str, environment: dict[str, str]) -> float:
    """Wall-clock seconds of one fresh process that runs `code`."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    return time.perf_counter() - start


def main() -> None:
    """Print the medians and the ratios."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 21
    # An editable install adds an import hook to every interpreter; users' installs have none.
    environment = {**os.environ, "PYTHONPATH": str(REPO / "src")}
    taken: dict[str, list[float]] = {name: [] for name in CASES}
    for _ in range(rounds + 1):
        for name, code in CASES.items():
            taken[name].append(seconds(code, environment))
    median = {name: statistics.median(times[1:]) for name, times in taken.items()}
    for name, value in median.items():
        print(f"{name:24} {value * 1000:8.1f} ms")
    for name, peer, bound in RATIOS:
        target = f" (bound {bound:.2f})" if bound else ""
        print(f"{name} / {peer}: {median[name] / median[peer]:.2f}{target}")


if __name__ == "__main__":
    main()
