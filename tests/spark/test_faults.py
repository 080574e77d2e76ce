"""Workers that are killed, pieces that fail, and wrong use."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from pyspark.cloudpickle import register_pickle_by_value, unregister_pickle_by_value
from pyspark.sql import SparkSession
from tests.validate.damage import DESCRIPTOR, REPO, SHIPPED, Place, json_bytes

from gazadata import spark as gazadata_spark
from gazadata.errors import ContractError, PieceError
from gazadata.spark import engine
from gazadata.validate import validate

pytestmark = [pytest.mark.long, pytest.mark.spark]
S = SHIPPED


@pytest.fixture
def deaths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder: for each file in it, a worker's process is killed in the middle of a piece."""
    folder, limited = tmp_path / "deaths", engine._limited
    folder.mkdir()

    def poisoned(stage: engine.Stage) -> engine.Stage:
        run = limited(stage)

        def killed(got: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            for batch in run(got):
                if "code" in batch.schema.names:
                    for file in folder.iterdir():
                        file.unlink()
                        os.kill(os.getpid(), 9)
                yield batch

        return killed

    monkeypatch.setattr(engine, "_limited", poisoned)
    # Workers cannot import the module of a test.
    register_pickle_by_value(sys.modules[__name__])  # type: ignore[no-untyped-call]
    yield folder
    unregister_pickle_by_value(sys.modules[__name__])  # type: ignore[no-untyped-call]


def test_a_killed_worker_changes_nothing(
    session: SparkSession, tmp_path: Path, deaths: Path
) -> None:
    place = Place(tmp_path / "package")
    place.damage(S.change("quotes", 70, exact="none of the words"))
    for n in range(2):
        (deaths / str(n)).touch()
    found = gazadata_spark.report(session, place.root, pieces=2)
    assert not list(deaths.iterdir())
    local = validate(place.root)
    assert found.diagnostics == local.diagnostics
    assert found.counts == local.counts
    assert not found.failures


def test_a_piece_that_fails_three_times_names_its_articles(
    session: SparkSession, deaths: Path
) -> None:
    for n in range(9):
        (deaths / str(n)).touch()
    (article,) = (row["source_id"] for row in S.rows("sources") if row["text_path"])
    with pytest.raises(
        PieceError, match=f"articles {article} failed 3 times: .*process was killed"
    ):
        gazadata_spark.report(session, REPO, pieces=1)
    assert len(list(deaths.iterdir())) == 6
    assert PieceError.exit_code != 0


def test_a_contract_without_the_key_is_refused(session: SparkSession, tmp_path: Path) -> None:
    place = Place(tmp_path / "package")
    descriptor = S.descriptor() | {"name": "another"}
    place.damage({DESCRIPTOR: json_bytes(descriptor)})
    schema = S.schema("quotes")
    schema["fields"] = [f for f in schema["fields"] if f["name"] != "source_id"]
    schema["foreignKeys"] = [k for k in schema["foreignKeys"] if k["fields"] != ["source_id"]]
    schema["uniqueKeys"] = [["quote_id"]]
    path = next(r["schema"] for r in descriptor["resources"] if r["name"] == "quotes")
    place.damage({path: json_bytes(schema)})
    with pytest.raises(ContractError, match="quotes has no field source_id"):
        gazadata_spark.report(session, place.root)


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gazadata", "validate", "--engine", "spark", *arguments],
        env={**os.environ, **environment},
        text=True,
        capture_output=True,
        timeout=300,
        check=False,
    )


def refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """One sentence, exit 2, and no traceback."""
    assert done.returncode == 2, done.stderr
    assert not done.stdout
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    for word in words:
        assert word in line


def test_no_java(tmp_path: Path) -> None:
    shutil.copy(sys.executable, tmp_path / "python")
    refused(run(str(REPO), PATH=str(tmp_path), JAVA_HOME=""), "Java 17", "no java command")
    refused(run(str(REPO), JAVA_HOME=str(tmp_path)), "Java 17", "JAVA_HOME")


def test_no_pyspark(tmp_path: Path) -> None:
    (tmp_path / "pyspark.py").write_text("raise ImportError('none')\n", encoding="utf-8")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    refused(run(str(REPO), PYTHONPATH=path), "pyspark is not installed", "gazadata[spark]")


def test_a_master_that_does_not_respond() -> None:
    refused(run("--master", "spark://127.0.0.1:1", str(REPO)), "spark://127.0.0.1:1", "respond")


def test_the_command_reports_as_on_one_machine(tmp_path: Path) -> None:
    place = Place(tmp_path / "package")
    place.damage(S.change("quotes", 70, exact="none of the words"))
    done = run("--format", "concise", "--master", "local[2]", str(place.root))
    command = [sys.executable, "-m", "gazadata", "validate", "--format", "concise"]
    local = subprocess.run([*command, str(place.root)], text=True, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (1, local.stdout, local.stderr)


def test_an_address_that_spark_cannot_read() -> None:
    refused(run("--master", "local[2]", "nowhere://host/package"), "nowhere")


def test_an_address_without_a_host_is_passed_on_as_given() -> None:
    """Spark reads it from the default file system; here there is none."""
    refused(run("--master", "local[2]", "hdfs:///user/package"), "no host: hdfs:///user/package")
