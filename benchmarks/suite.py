"""How long `make test` takes, as a multiple of one cold official frictionless command.

python benchmarks/suite.py [ROUNDS]
"""

from __future__ import annotations

import os
import statistics
import sys
from pathlib import Path

from _process import REPOSITORY, run

OFFICIAL = [str(Path(sys.executable).with_name("frictionless")), "validate", "datapackage.json"]
BOUND = 250


def main() -> None:
    """Print the times and the ratio; the official command runs before and after the tests."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    official = [run(OFFICIAL, folder=REPOSITORY) for _ in range(rounds + 1)][1:]
    tests = run(["make", "test"], folder=REPOSITORY)
    official += [run(OFFICIAL, folder=REPOSITORY) for _ in range(rounds)]
    cold = statistics.median(one.seconds for one in official)
    print(f"frictionless validate {cold:8.2f} s")
    print(f"make test             {tests.seconds:8.2f} s on {os.cpu_count()} cores")
    print(f"make test / frictionless validate: {tests.seconds / cold:.0f} (bound {BOUND})")


if __name__ == "__main__":
    main()
