"""Validation on Spark compared with one machine: python benchmarks/scale.py [ARTICLES ...].

The packages are generated, with planted mistakes and about a hundred rows of evidence and quotes
per article. Each is validated in a separate process, and then on Spark with `local[2]`, after a
small one has warmed up the session; a plain Spark job reads the same tables and counts rows by
article. Processor seconds are those of all processes, including Java: on a machine that others use
too, they are the better measure. Shuffles are measured by the compressed bytes that Spark wrote.
"""

from __future__ import annotations

import json
import math
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession, functions

from _process import GAZADATA, run
from gazadata import spark as gazadata_spark
from gazadata.contract import Contract

ARTICLES = (1_000, 10_000, 100_000)
GENERATE = [sys.executable, str(Path(__file__).with_name("_generate.py"))]
ARTICLES_A_MISTAKE = 50
FORMAT = "{:>12} {:<10} {:>8} {:>8} {:>10} {:>12}  {}"
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Taken:
    """Wall-clock and processor seconds, the driver's memory, and what was found."""

    seconds: float
    processor: float
    mebibytes: float
    found: int


def _processor() -> float:
    """Processor seconds of this process and all its descendants, including those that ended."""
    parents, used = {}, {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(entry.name)] = int(fields[1])
            used[int(entry.name)] = sum(int(ticks) for ticks in fields[11:15]) / _TICKS
    tree = {os.getpid()}
    while more := {one for one, parent in parents.items() if parent in tree} - tree:
        tree |= more
    return sum(used[one] for one in tree)


def _memory() -> float:
    """Peak memory of this process, which is the driver, in MiB."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def taken(work: Callable[[], int]) -> Taken:
    """Do some work on Spark, and measure it."""
    start, used = time.perf_counter(), _processor()
    found = work()
    return Taken(time.perf_counter() - start, _processor() - used, _memory(), found)


def counted(spark: SparkSession, package: Path) -> int:
    """Read all tables, count their rows by article, and return the number of articles."""
    contract, frames = Contract.read(package), []
    for resource in contract.resources.values():
        rows = spark.read.csv(f"file://{package / resource.path}", header=True)
        own = "source_id" if "source_id" in rows.columns else rows.columns[0]
        # Keys begin with that of the article: enough to count by, without a join.
        frames.append(rows.select(functions.substring(own, 1, 8).alias("article"), *_cells(rows)))
    every = reduce(lambda a, b: a.union(b), (f.select("article", "cells") for f in frames))
    counts = every.groupBy("article").agg(functions.count("*"), functions.sum("cells"))
    return len(counts.collect())


def _cells(rows: Any) -> list[Any]:
    """The number of characters in a row, so that every cell is read."""
    filled = [functions.coalesce(functions.length(n), functions.lit(0)) for n in rows.columns]
    return [reduce(lambda a, b: a + b, filled).alias("cells")]


@contextmanager
def generated(articles: int) -> Iterator[tuple[Path, int, int]]:
    """A package with this many articles, its number of rows and the bytes of its tables."""
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder) / "package"
        run([*GENERATE, str(package), str(articles), str(ARTICLES_A_MISTAKE)])
        files = list((package / "data").iterdir())
        yield package, sum(map(_lines, files)), sum(file.stat().st_size for file in files)


def _lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 22), b"")) - 1


def shuffles(log: Path) -> list[int]:
    """The bytes that each stage of a session wrote to shuffles, from its event log."""
    written: dict[int, int] = {}
    for file in log.iterdir():
        for line in file.read_text(encoding="utf-8").splitlines():
            event = json.loads(line)
            if event["Event"] == "SparkListenerTaskEnd" and event.get("Task Metrics"):
                of_task = event["Task Metrics"]["Shuffle Write Metrics"]["Shuffle Bytes Written"]
                written[event["Stage ID"]] = written.get(event["Stage ID"], 0) + of_task
    return [written[stage] for stage in sorted(written)]


def main() -> None:
    """Print the table, and how time grows with rows."""
    sizes = [int(size) for size in sys.argv[1:]] or list(ARTICLES)
    with tempfile.TemporaryDirectory() as folder:
        log = {"enabled": "true", "dir": f"file://{folder}", "compress": "false"}
        log["rolling.enabled"] = "false"
        options = " ".join(f"--conf spark.eventLog.{key}={value}" for key, value in log.items())
        os.environ["PYSPARK_SUBMIT_ARGS"] = f"{options} pyspark-shell"
        inputs: list[int] = []
        with gazadata_spark.session("local[2]") as spark:
            _measure(spark, sizes, inputs)
        largest = max(shuffles(Path(folder)), default=0)
        print(f"largest shuffle: {largest / max(inputs):.0%} of the tables' bytes")


def _measure(spark: SparkSession, sizes: list[int], inputs: list[int]) -> None:
    with generated(100) as (package, _, _):
        gazadata_spark.report(spark, package)
        counted(spark, package)
    print(FORMAT.format("rows", "tool", "s", "CPU s", "MiB", "rows/s", "found"))
    before: tuple[int, float] | None = None
    for articles in sizes:
        with generated(articles) as (package, rows, size):
            inputs.append(size)
            command = [*GAZADATA, "validate", "--format", "json", str(package)]
            local = run(command, ends=(0, 1))
            totals = json.loads(local.output)["counts"].values()
            tools = {
                "local": Taken(
                    local.seconds, local.processor, local.mebibytes, sum(c["found"] for c in totals)
                ),
                "spark": taken(lambda: _found(spark, package)),
                "counting": taken(lambda: counted(spark, package)),
            }
        for name, one in tools.items():
            print(
                FORMAT.format(
                    f"{rows:,}", name, f"{one.seconds:.1f}", f"{one.processor:.1f}",
                    f"{one.mebibytes:.0f}", f"{rows / one.seconds:,.0f}", one.found,
                ),
                flush=True,
            )  # fmt: skip
        spark_, local_ = tools["spark"], tools["local"]
        line = f"{rows:,} rows: {spark_.seconds / local_.seconds:.1f} times the time of one machine"
        line += f", {spark_.processor / local_.processor:.1f} times its processor time"
        if before:
            grown = math.log(spark_.seconds / before[1]) / math.log(rows / before[0])
            line += f"; exponent of time {grown:.2f}"
        print(line, flush=True)
        before = rows, spark_.seconds


def _found(spark: SparkSession, package: Path) -> int:
    return sum(gazadata_spark.report(spark, package).totals.values())


if __name__ == "__main__":
    main()
