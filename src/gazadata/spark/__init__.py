"""Validation on Apache Spark: the same rules, for a corpus that does not fit on one machine."""

from __future__ import annotations

import re
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from gazadata.errors import PieceError, ReadError, extra
from gazadata.validate.diagnostics import Report

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from gazadata.spark.engine import Engine

__all__ = ["Validated", "report", "session", "validate"]

_FINDINGS = (
    "code string, severity string, table string, row_id string, field string, path string, "
    "line bigint, found string, expected string, message string"
)
_CELLS = attrgetter(
    *("code", "severity", "resource", "row_id", "field"),
    *("path", "line", "found", "expected", "message"),
)
"""The cells of a finding, in the order of the columns of `_FINDINGS`."""

_COUNTS = "code string, checked bigint, unit string, found bigint"

_FAILED = re.compile(r"Task (\d+) in stage \S+ failed (\d+) times, most recent failure: (.*)")
_REASON = re.compile(r"^(?:: )?(?:[\w$]+\.)*([\w$]+(?:Error|Exception)): (.+)$", re.MULTILINE)
_OF_SPARK = ("PythonException", "SparkException")
"""Exceptions that only wrap another one."""

_SHOWN = 10
"""How many articles of a piece an error names."""


class Validated(NamedTuple):
    """What validation found.

    Attributes:
        findings: a row for each finding, with the columns code, severity, table, row_id, field,
            path, line, found, expected and message; null where a finding has none.
        counts: a row for each rule, with the columns code, checked, unit and found.
        failures: the rules and layers that could not run, and why.
    """

    findings: DataFrame
    counts: DataFrame
    failures: list[str]


def validate(
    spark: SparkSession, path: str | Path, *, pieces: int | None = None, limit: int = 1_000
) -> Validated:
    """Validate the data package at `path`, with the rules and findings of `gazadata.validate`.

    Args:
        spark: the session to run on. Its workers need gazadata with the extra `validate`. A local
            master retries a failed task only if it says how often, as `local[2,3]` does.
        path: a folder with a datapackage.json, or that file.
        pieces: the number of pieces to cut the articles into (None: by the size of the tables). It
            affects the time and memory that validation takes, but not the findings.
        limit: how many findings of a rule are kept; all are counted.

    Raises:
        ReadError: there is no package, or Spark cannot read it.
        ContractError: a table lacks the key to cut it by.
        PieceError: a piece failed on every attempt.
    """
    found = report(spark, path, pieces=pieces, limit=limit)
    rows = list(map(_CELLS, found.diagnostics))
    counts = [
        (code, count.checked, count.unit, found.totals.get(code, 0))
        for code, count in sorted(found.counts.items())
    ]
    return Validated(
        spark.createDataFrame(rows, _FINDINGS),
        spark.createDataFrame(counts, _COUNTS),
        found.failures,
    )


def report(
    spark: SparkSession,
    path: str | Path,
    *,
    pieces: int | None = None,
    limit: int = 1_000,
    frictionless_all: bool = False,
) -> Report:
    """`validate` as a report, as `gazadata.validate.validate` returns it."""
    from gazadata.spark.engine import Engine, settings
    from gazadata.spark.mirror import is_elsewhere, mirror
    from gazadata.validate import validate as run

    with tempfile.TemporaryDirectory(prefix="gazadata-") as folder, settings(spark):
        engine = Engine(spark, pieces)
        try:
            with _explained(engine):
                root = path
                if is_elsewhere(path):
                    engine.mirror = mirror(spark, path, Path(folder))
                    root = engine.mirror.root
                found = run(root, limit=limit, frictionless_all=frictionless_all, engine=engine)
        finally:
            engine.close()
    found.package = str(path if engine.mirror else found.package)
    return found


@contextmanager
def session(master: str | None = None, *, verbose: bool = False) -> Iterator[SparkSession]:
    """A Spark session for the command line, which ends with the context.

    Args:
        master: Spark's master URL; None: this machine.
        verbose: whether Spark and its workers may write to standard error.

    Raises:
        MissingExtra: PySpark is not installed.
        ReadError: there is no Java, or the master does not respond.
    """
    with extra("pyspark", "spark"):
        import pyspark  # noqa: F401
    from gazadata.spark.start import started

    with warnings.catch_warnings():
        if not verbose:
            # PySpark warns about any pandas newer than itself.
            warnings.simplefilter("ignore", FutureWarning)
        spark = started(master, verbose=verbose)
        try:
            yield spark
        finally:
            spark.stop()


@contextmanager
def _explained(engine: Engine) -> Iterator[None]:
    """Turn Spark's exceptions into short errors, with the original as their cause."""
    from py4j.protocol import Py4JError
    from pyspark.errors import AnalysisException, PySparkException

    try:
        yield
    except AnalysisException as error:
        reason = str(error).splitlines()[0]
        raise ReadError(f"Spark cannot read the package: {reason[:300]}") from error
    except (Py4JError, PySparkException) as error:
        message = str(error)
        failed, reason = _FAILED.search(message), _reason(message)
        if failed and engine.in_pieces:
            keys = engine.articles(int(failed[1]))
            more = f" and {len(keys) - _SHOWN:,} more" if len(keys) > _SHOWN else ""
            raise PieceError(
                f"the piece with the articles {', '.join(keys[:_SHOWN])}{more} failed {failed[2]} "
                f"times: {reason}; nothing was reported"
            ) from error
        raise ReadError(f"Spark could not read the package: {reason}") from error


def _reason(message: str) -> str:
    """The last error that a worker raised, or Spark's own message."""
    if "Python worker exited unexpectedly" in message:
        return "its Python process was killed, perhaps by the system for lack of memory"
    reasons = [f"{m[1]}: {m[2]}" for m in _REASON.finditer(message) if m[1] not in _OF_SPARK]
    return (reasons[-1] if reasons else message.splitlines()[0])[:300]
