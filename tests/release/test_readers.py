"""What the README shows of other tools is run as it stands there, in the folder of a release."""

from __future__ import annotations

import re
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
# There is no R and no Spark in the tests' environment, and the README says so.
LEFT_OUT = ("read.csv(", "spark.")


def test_the_lines_that_are_not_run_are_those_that_the_readme_names() -> None:
    assert [line.split("(")[0] for line in LINES] == [
        "duckdb.sql",
        "pl.read_parquet",
        "pd.read_csv",
        "read.csv",
        "spark.read.parquet",
        "mlcroissant.Dataset",
    ]
    assert BLOCK is not None
    assert "run these lines, but for those of R and Spark" in BLOCK[0]


@pytest.mark.parametrize("line", [line for line in LINES if not line.startswith(LEFT_OUT)])
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
