"""One session of Spark for all of its tests."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from pyspark.sql import SparkSession

from gazadata import spark as gazadata_spark


@pytest.fixture(scope="session")
def session() -> Iterator[SparkSession]:
    """A session on two cores of this machine that tries a task three times."""
    # The current PySpark warns about the current pandas in each worker.
    os.environ["PYTHONWARNINGS"] = "ignore"
    with gazadata_spark.session("local[2]") as started:
        # Compiling queries takes longer than running them on so few rows.
        started.conf.set("spark.sql.codegen.wholeStage", "false")
        yield started
