"""The README's lines for other tools are run unchanged in the folder of a release."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import duckdb
import mlcroissant
import pandas as pd
import polars as pl
import pytest
from tests.release.packages import REPO

from gazadata.package import Package

BLOCK = re.search(
    r"Other tools read .*?```text\n(.*?)```", (REPO / "README.md").read_text("utf-8"), re.S
)
LINES = BLOCK[1].splitlines() if BLOCK else []
# A test cannot install them from PyPI: R is not there, and Spark needs Java.
COMMANDS = {"read.csv(": "Rscript", "spark.": "spark-submit"}

# Each prints the number of rows, then each column with the number of its nulls.
IN_R = """
table <- {line}
cat(nrow(table), "\\n")
for (name in names(table)) cat(name, sum(is.na(table[[name]])), "\\n")
"""
IN_SPARK = """
from pyspark.sql import SparkSession

spark = SparkSession.builder.master("local[1]").getOrCreate()
table = {line}
print(table.count())
for name in table.columns:
    print(name, table.filter(table[name].isNull()).count())
"""


def test_the_readme_shows_a_line_for_each_tool() -> None:
    assert [line.split("(")[0] for line in LINES] == [
        "duckdb.sql",
        "pl.read_parquet",
        "pd.read_csv",
        "read.csv",
        "spark.read.parquet",
        "mlcroissant.Dataset",
    ]


@pytest.mark.parametrize(
    ("start", "command"),
    [
        pytest.param(*one, id=one[1], marks=pytest.mark.long if one[1] == "spark-submit" else ())
        for one in COMMANDS.items()
    ],
)
def test_a_line_of_a_tool_with_its_own_command(
    built: Path, tmp_path: Path, start: str, command: str
) -> None:
    if not shutil.which(command):
        pytest.skip(f"there is no {command} here")
    (line,) = (line for line in LINES if line.startswith(start))
    script = tmp_path / f"script.{'R' if command == 'Rscript' else 'py'}"
    script.write_text((IN_R if command == "Rscript" else IN_SPARK).format(line=line), "utf-8")
    run = subprocess.run([command, script], cwd=built, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    # PySpark may print warnings first.
    shown = [line for line in run.stdout.split("\n") if re.fullmatch(r"\d+|\w+ \d+", line)]
    rows, *columns = shown
    table = Package.open(built).table("actors" if "actors" in line else "events")
    assert int(rows) == table.num_rows
    assert [column.split() for column in columns] == [
        [name, str(table[name].null_count)] for name in table.column_names
    ]


@pytest.mark.parametrize("line", [line for line in LINES if not line.startswith(tuple(COMMANDS))])
def test_a_line_of_another_tool_reads_every_row(
    built: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    monkeypatch.chdir(built)
    tools = {"duckdb": duckdb, "pl": pl, "pd": pd, "mlcroissant": mlcroissant}
    made: Any = eval(line, tools)
    name = "actors" if "actors" in line else "events"
    table = Package.open(built).table(name)
    if line.startswith("duckdb"):
        assert sum(count for _, count in made.fetchall()) == table.num_rows
    elif line.startswith("mlcroissant"):
        assert len(list(made)) == table.num_rows
    else:
        nulls = made.null_count().row(0) if line.startswith("pl") else made.isna().sum()
        assert list(made.columns) == table.column_names
        assert len(made) == table.num_rows
        assert list(nulls) == [column.null_count for column in table.columns]
