"""What a type checker makes of a user's script: it sees frames, and nothing untyped."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mypy")

REPO = Path(__file__).parents[1]
PANDAS = "pandas.core.frame.DataFrame"
REVEALED = {
    'gazadata.load("events")': PANDAS,
    'gazadata.load("events", "polars", drop_unused=True)': "polars.dataframe.frame.DataFrame",
    'data["events"]': PANDAS,
    'data.load("events")': PANDAS,
    'data.load("events", as_="polars")': "polars.dataframe.frame.DataFrame",
    'data.view("events")': PANDAS,
    'data.evidence("events", "a")': PANDAS,
    'data.cast("events", data["events"])': PANDAS,
    "data.describe()": PANDAS,
    "data.timeline()": PANDAS,
    'data.explain("events", "a").cells[0].value': "str",
    "[name for name in data]": "list[str]",
    "gazadata.__version__": "str",
}


@pytest.mark.long
def test_strict_mypy_sees_frames(tmp_path: Path) -> None:
    lines = ["import gazadata", "data = gazadata.open_dataset()"]
    lines += [f"reveal_type({expression})" for expression in REVEALED]
    script = tmp_path / "script.py"
    script.write_text("\n".join([*lines, "data.load(1)  # wrong"]), "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", tmp_path / "cache", script.name],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "MYPYPATH": str(REPO / "src"), "NO_COLOR": "1"},
    )
    assert re.findall(r'Revealed type is "(.*)"', done.stdout) == list(REVEALED.values())
    (error,) = re.findall(r"script\.py:(\d+): error", done.stdout)
    assert int(error) == len(lines) + 1
