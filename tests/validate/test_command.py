"""The command in its own process, where it keeps pandera from importing what is not needed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.validate.damage import SHIPPED, copy_to

from gazadata.validate import validate

VALIDATE = "from gazadata.cli import main; main()"


@pytest.mark.long
def test_a_process_without_pandas_finds_what_one_with_pandas_finds(tmp_path: Path) -> None:
    """Each of pandera's checks fails once, as its error paths might import pandas."""
    package = copy_to(tmp_path)
    broken = {
        "events": {"label": ""},
        "positions": {"stance": "Support"},
        "actors": {"kind": "state", "iso3": "pk"},
        "quotes": {"char_start": "-1"},
        "participants": {"member_count": "some"},
        "names": {"name_id": SHIPPED.rows("names")[1]["name_id"]},
    }
    for name, cells in broken.items():
        for path, content in SHIPPED.change(name, 0, **cells).items():
            (package / path).write_bytes(content)
    done = subprocess.run(
        [sys.executable, "-c", VALIDATE, "validate", "--format", "json", str(package)],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    report = json.loads(done.stdout)
    assert report["failures"] == []
    here = validate(package)
    places = [(d.code, d.path, d.line, d.column, d.found) for d in here.diagnostics]
    assert {"GD201", "GD202", "GD203", "GD204", "GD205", "GD206"} <= {code for code, *_ in places}
    assert places == [
        (f["code"], f["path"], f["line"], f["column"], f["found"]) for f in report["findings"]
    ]


def test_nothing_in_the_current_folder_is_run(tmp_path: Path) -> None:
    """An untrusted package may contain a module with the name of one that we import."""
    package = copy_to(tmp_path)
    for module in ("frictionless", "json"):
        (package / f"{module}.py").write_text("raise SystemExit('run')", "utf-8")
    done = subprocess.run(
        [sys.executable, "-P", "-c", VALIDATE, "validate"],
        cwd=package,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_process_for_frictionless_ends_silently_without_a_task() -> None:
    """It is started before we know whether there is a package or only --help to show."""
    command = [sys.executable, "-P", "-m", "gazadata.frictionless_worker"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_the_module_is_the_command() -> None:
    said = []
    for start in (["-c", VALIDATE], ["-m", "gazadata"]):
        command = [sys.executable, *start, "rule", "GD203"]
        said.append(subprocess.run(command, capture_output=True, check=True).stdout)
    assert said[0] == said[1] != b""
