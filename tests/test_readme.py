"""The README: its samples are what is printed, its commands and names are there."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import gazadata

REPO = Path(__file__).parents[1]
README = (REPO / "README.md").read_text("utf-8")
COMMAND = "import sys; from gazadata.cli import main; sys.argv[1:] = {!r}; main()"


def sample(name: str) -> str:
    found = re.search(
        rf"<!-- sample: {name} -->\n```text\n(.*?)```\n<!-- end of sample -->", README, re.S
    )
    assert found, f"README.md has no sample {name!r}"
    return found[1]


def run(*arguments: str, cwd: Path = REPO) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", COMMAND.format(list(arguments))],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
    )


def test_the_sample_of_positions() -> None:
    positions = gazadata.load("positions")
    columns = ["holder_id", "topic_id", "stance", "expression", "certainty"]
    assert f"[{', '.join(map(repr, columns))}]".replace("'", '"') in README
    shown = positions[columns].head(5).to_string(index=False)
    assert sample("positions").split() == shown.split()


def test_the_sample_of_a_finding(tmp_path: Path) -> None:
    for part in ("data", "schemas", "raw", "reference"):
        shutil.copytree(REPO / part, tmp_path / part)
    shutil.copy(REPO / "datapackage.json", tmp_path)
    quotes = tmp_path / "data" / "quotes.csv"
    content = quotes.read_bytes()
    assert content.count(b"reportedly reconsidered their") == 1
    quotes.write_bytes(content.replace(b"reconsidered their", b"reconsider their"))
    done = run("validate", "--format", "full", cwd=tmp_path)
    assert sample("finding") == done.stdout.split("\n\n")[0] + "\n"


def test_the_sample_of_explain() -> None:
    arguments = ["explain", "positions", "azerbaijan-isf-participation", "stance"]
    assert f"$ gazadata {' '.join(arguments)}" in README
    assert sample("explain") == run(*arguments).stdout


def test_every_command_named_is_there() -> None:
    named = set(re.findall(r"^(?:\$ )?gazadata (\w+)", README, re.M))
    assert {"validate", "rule", "find", "fmt", "explain"} <= named
    for command in sorted(named):
        assert run(command, "--help").returncode == 0, f"README.md names gazadata {command}"


def test_the_python_block_runs() -> None:
    blocks = re.findall(r"```python\n(.*?)```", README, re.S)
    assert len(blocks) >= 2
    source = "\n".join(blocks)
    scope = {"events_of_mine": gazadata.load("events")}
    exec(compile(source, "README.md", "exec"), scope)
    excluded = scope["excluded"]
    assert set(excluded["name"]) == {"Turkey", "Israel", "Key regional powers"}


@pytest.mark.parametrize("table", gazadata.open_dataset().tables)
def test_every_table_is_named(table: str) -> None:
    assert f"`{table}`" in README


def test_every_link_into_the_repository_leads_somewhere() -> None:
    links = re.findall(r"\]\(((?!https?:)[^)#]+)", README)
    assert links
    assert [link for link in links if not (REPO / link).exists()] == []
