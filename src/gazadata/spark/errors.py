"""Spark's failures as errors for the person who runs it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gazadata.errors import PieceError, ReadError

if TYPE_CHECKING:
    from gazadata.spark.engine import Engine

_FAILED = re.compile(r"Task (\d+) in stage \S+ failed (\d+) times, most recent failure: (.*)")
_REASON = re.compile(r"^(?:: )?(?:[\w$]+\.)*([\w$]+(?:Error|Exception)): (.+)$", re.MULTILINE)
_OF_SPARK = ("PythonException", "SparkException")
"""Exceptions that only wrap another one."""

_SHOWN = 10


@contextmanager
def explained(engine: Engine) -> Iterator[None]:
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
