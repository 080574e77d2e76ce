"""What validation costs compared with its peers: python benchmarks/validate.py [ARTICLES ...].

First the shipped package, cold; then generated packages with planted mistakes and about a hundred
rows of evidence and quotes per article. The peers are the official frictionless command and those
in _peers.py: frictionless and pandera only check the schemas, hand-written Polars and DuckDB count
violations of the same rules, and reading alone is the least that any tool must do. Every round
runs each tool once, in turn, so that a slow spell of the machine affects them all.
"""

from __future__ import annotations

import json
import math
import statistics
import sys
import tempfile
from pathlib import Path

from _process import GAZADATA, REPOSITORY, Run, run

ARTICLES = (100, 1_000, 10_000, 100_000)
PEERS = ("polars", "duckdb", "pandera", "reading")
FRICTIONLESS = [str(Path(sys.executable).with_name("frictionless")), "validate"]
GENERATE = [sys.executable, str(Path(__file__).with_name("_generate.py"))]
"""Run as its own process: this one's memory would count as that of the processes it starts."""

ARTICLES_A_MISTAKE = 50
ROUNDS = {100: 5, 1_000: 5, 100_000: 1}
FRICTIONLESS_UP_TO = 10_000
"""Articles: ten times as many take frictionless 15 minutes, so its speed at this size is used."""

FORMAT = "{:>10} {:>10} {:<13} {:>8} {:>8} {:>7} {:>10}  {}"


def cold(rounds: int = 15) -> None:
    """The shipped package: our command compared with that of frictionless."""
    ours = [*GAZADATA, "validate", str(REPOSITORY)]
    theirs = [*FRICTIONLESS, "datapackage.json"]
    taken: dict[str, list[float]] = {"gazadata": [], "frictionless": []}
    for _ in range(rounds + 1):
        taken["gazadata"].append(run(ours).seconds)
        taken["frictionless"].append(run(theirs, folder=REPOSITORY).seconds)
    a, b = (statistics.median(times[1:]) for times in taken.values())
    print(f"shipped package, cold: gazadata {a:.2f} s, frictionless {b:.2f} s", end="; ")
    print(f"ratio {a / b:.2f} (bound 0.85)\n")


def found_by_us(output: bytes, wanted: set[tuple[str, ...]]) -> str:
    """How many of the planted mistakes a report names, and how many other findings it has."""
    report = json.loads(output)
    found = {(f["code"], f["resource"], f["row_id"]) for f in report["findings"]}
    total = sum(count["found"] for count in report["counts"].values())
    others = max(len(found - wanted), total - len(found & wanted))
    failures = f", failures: {report['failures']}" if report["failures"] else ""
    return f"{len(found & wanted)} of {len(wanted)}, {others} others{failures}"


def measure(articles: int, rounds: int) -> dict[str, Run]:
    """Run every tool on a package with this many articles, and print a table line for each."""
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder) / "package"
        told = run([*GENERATE, str(package), str(articles), str(ARTICLES_A_MISTAKE)]).output
        planted = {tuple(line.split()) for line in told.decode("utf-8").splitlines()}
        tables = {p.stem: _lines(p) - 1 for p in (package / "data").iterdir()}
        commands = {"gazadata": [*GAZADATA, "validate", "--format", "json", str(package)]}
        for peer in PEERS:
            script = str(Path(__file__).with_name("_peers.py"))
            commands[peer] = [sys.executable, script, peer, str(package)]
        if articles <= FRICTIONLESS_UP_TO:
            commands["frictionless"] = [*FRICTIONLESS, "--json", str(package / "datapackage.json")]
        runs: dict[str, list[Run]] = {name: [] for name in commands}
        for number in range(rounds):
            for name, command in commands.items():
                # Frictionless runs once: it takes longer than all the others together.
                if name != "frictionless" or number == 0:
                    runs[name].append(run(command, ends=(0, 1)))
    result = {}
    rows = sum(tables.values())
    for name, all_of in runs.items():
        seconds = statistics.median(one.seconds for one in all_of)
        processor = statistics.median(one.processor for one in all_of)
        memory = max(one.mebibytes for one in all_of)
        result[name] = Run(seconds, memory, all_of[0].output, processor)
        if name == "gazadata":
            found = found_by_us(all_of[0].output, planted)
        elif name == "frictionless":
            tasks = json.loads(all_of[0].output)["tasks"]
            found = f"{sum(len(task['errors']) for task in tasks)} counted"
        else:
            found = f"{sum(json.loads(all_of[0].output).values())} counted"
        print(
            FORMAT.format(
                f"{tables['evidence'] + tables['quotes']:,}", f"{rows:,}", name, f"{seconds:.2f}",
                f"{processor:.2f}", f"{memory:.0f}", f"{rows / seconds:,.0f}", found,
            ),
            flush=True,
        )  # fmt: skip
    return result


def _lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 22), b""))


def main() -> None:
    """Print the table, then the figures for which there are targets."""
    sizes = [int(size) for size in sys.argv[1:]] or list(ARTICLES)
    cold()
    print(FORMAT.format("ev+quotes", "all rows", "tool", "s", "CPU s", "MiB", "rows/s", "mistakes"))
    by_size = {size: measure(size, rounds=ROUNDS.get(size, 3)) for size in sizes}
    print()
    frictionless = {
        n: r["frictionless"].seconds / n for n, r in by_size.items() if "frictionless" in r
    }
    for before, size in zip([None, *sizes], sizes, strict=False):
        ours = by_size[size]["gazadata"]
        line = (
            f"{size:>7} articles: {ours.seconds / by_size[size]['polars'].seconds:.2f} times Polars"
        )
        if frictionless:
            largest = frictionless[max(frictionless)]
            line += f", {largest * size / ours.seconds:.1f} times the rows/s of frictionless"
        if before:
            earlier = by_size[before]["gazadata"]
            steps = math.log(size / before)
            time = math.log(ours.seconds / earlier.seconds) / steps
            memory = math.log(ours.mebibytes / earlier.mebibytes) / steps
            line += f", exponent of time {time:.2f}, of memory {memory:.2f}"
        print(line)


if __name__ == "__main__":
    main()
