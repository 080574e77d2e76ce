"""The README: its samples are real output, and its commands and names exist."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
from code import InteractiveConsole
from contextlib import redirect_stdout
from pathlib import Path

import pytest

import gazadata
from gazadata.contract import version

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


def test_the_first_sample_is_what_a_console_shows() -> None:
    (block,) = re.findall(r"```pycon\n(.*?)```", README, re.S)
    lines = block.splitlines()
    assert all(line.startswith(">>> ") for line in lines)
    console = InteractiveConsole()
    with redirect_stdout(io.StringIO()) as shown:
        assert not any(console.push(line.removeprefix(">>> ")) for line in lines)
    assert sample("positions") == shown.getvalue()


def test_the_values_next_to_the_python_are_what_a_console_shows() -> None:
    data = gazadata.open_dataset()
    shown = dict(re.findall(r"^data\.(\w+) +# (['\[].*)$", README, re.M))
    assert version.parse(shown["version"].strip("'"))
    assert repr(data.tables).startswith(shown["tables"].removesuffix(", …]"))


def test_every_term_named_is_one() -> None:
    (named,) = re.findall(r"where an actor stands on a topic: (.*) … \|", README)
    stances = gazadata.load("positions")["stance"].cat.categories
    assert {term.replace(" ", "_") for term in named.split(", ")} <= set(stances)


def test_the_sample_of_a_finding(tmp_path: Path) -> None:
    for part in ("data", "schemas", "raw", "reference"):
        shutil.copytree(REPO / part, tmp_path / part)
    shutil.copy(REPO / "datapackage.json", tmp_path)
    quotes = tmp_path / "data" / "quotes.csv"
    # The article's rows come first, so their lines are the same however many articles follow.
    header, *rows = quotes.read_bytes().splitlines(keepends=True)
    rows.sort(key=lambda row: b",trump-leaning-on-pakistan," not in row)
    content = header + b"".join(rows)
    assert content.count(b"reportedly reconsidered their") == 1
    quotes.write_bytes(content.replace(b"reconsidered their", b"reconsider their"))
    done = run("validate", "--format", "full", cwd=tmp_path)
    assert sample("finding") == done.stdout.split("\n\n")[0] + "\n"


def test_the_sample_of_explain() -> None:
    arguments = ["explain", "positions", "azerbaijan-isf-participation", "stance"]
    assert f"$ gazadata {' '.join(arguments)}" in README
    assert sample("explain") == run(*arguments).stdout


def test_every_command_that_is_named_exists() -> None:
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
    assert set(excluded["name"]) >= {"Turkey", "Israel", "Key regional powers"}


@pytest.mark.parametrize("table", gazadata.open_dataset().tables)
def test_every_table_is_named(table: str) -> None:
    assert f"`{table}`" in README


def test_every_link_into_the_repository_leads_somewhere() -> None:
    links = re.findall(r"\]\(((?!https?:)[^)#]+)", README)
    assert links
    assert [link for link in links if not (REPO / link).exists()] == []
