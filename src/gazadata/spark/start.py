"""Start Spark from the command line, after checking what could prevent it."""

from __future__ import annotations

import os
import re
import shutil
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlparse

from pyspark.sql import SparkSession

from gazadata.errors import ReadError

ATTEMPTS = 3
"""How often a task is tried."""

_PATIENCE = 5.0
"""Seconds that a master has to answer."""


def started(master: str | None, *, verbose: bool) -> SparkSession:
    """Start a session.

    Raises:
        ReadError: there is no Java, or the master does not respond.
    """
    master = _retrying(master or "local[*]")
    _check_java()
    _check_master(master)
    if master.startswith("local"):
        # Workers on this machine have what this process has.
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    try:
        with _quiet(verbose):
            return (
                SparkSession.builder.master(master)
                .appName("gazadata")
                .config("spark.log.level", "WARN" if verbose else "OFF")
                .config("spark.task.maxFailures", ATTEMPTS)
                .config("spark.ui.enabled", "false")
                .config("spark.ui.showConsoleProgress", "false")
                .getOrCreate()
            )
    except Exception as error:
        reason = str(error).splitlines()[0][:200]
        raise ReadError(f"Spark did not start with the master {master}: {reason}") from error


def _retrying(master: str) -> str:
    """A local master that retries a task, as other masters do."""
    local = re.fullmatch(r"local(?:\[(\d+|\*)\])?", master)
    return f"local[{local[1] or 1},{ATTEMPTS}]" if local else master


def _check_java() -> None:
    home = os.environ.get("JAVA_HOME")
    if home and not shutil.which("java", path=os.path.join(home, "bin")):
        raise ReadError(
            f"Spark needs Java 17 or newer, but JAVA_HOME ({home}) has no bin/java; correct "
            "JAVA_HOME"
        )
    if not home and not shutil.which("java"):
        raise ReadError(
            "Spark needs Java 17 or newer, but there is no java command; install it (on Debian: "
            "apt-get install openjdk-17-jre-headless) or set JAVA_HOME"
        )


def _check_master(master: str) -> None:
    """Refuse a cluster's master that does not respond; Spark itself would wait for a minute."""
    if not master.startswith("spark://"):
        return
    last = None
    for one in master.removeprefix("spark://").split(","):
        try:
            where = urlparse(f"spark://{one}")
            with socket.create_connection((where.hostname, where.port or 7077), _PATIENCE):
                return
        except (OSError, ValueError) as error:
            last = error
    raise ReadError(f"the master {master} does not respond: {last}; correct --master, or start it")


@contextmanager
def _quiet(verbose: bool) -> Iterator[None]:
    """Discard the standard error of processes started here: Java's, and those that it starts."""
    if verbose:
        yield
        return
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
