"""The command line: `gazadata explain`, and the errors and help of every command."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main
from typer.testing import CliRunner

import gazadata
from gazadata.cli import app

pytestmark = pytest.mark.sampled

COMMANDS = sorted(getattr(typer.main.get_command(app), "commands"))  # noqa: B009
PARENT = str(Path(gazadata.__file__).parents[1])


def run(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from gazadata.cli import main; main()", *arguments],
        capture_output=True,
        encoding="utf-8",
        check=False,
        cwd=cwd,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([PARENT, os.environ.get("PYTHONPATH", "")]),
            "PYTHONUTF8": "1",
            "COLUMNS": "200",
        },
    )


def test_explain_prints_what_the_library_says(tmp_path: Path) -> None:
    """From any folder: without --package, the bundled package is used."""
    done = run("explain", "events", "us-asks-pakistan-for-isf-troops", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    told = gazadata.open_dataset().explain("events", "us-asks-pakistan-for-isf-troops")
    assert done.stdout == f"{told}\n"
    assert "[according to a Reuters report]" in done.stdout


def test_explain_one_field_of_another_package(package_copy: Path) -> None:
    table = package_copy / "data" / "events.csv"
    table.write_text(table.read_text("utf-8").replace("Recent,", "Very recent,"), "utf-8")
    done = run(
        "explain", "events", "doha-negotiations", "date_text", "--package", str(package_copy)
    )
    assert done.returncode == 0
    assert "date_text: Very recent\n" in done.stdout
    assert "outcome" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["evnts", "x"], "no table 'evnts'; did you mean 'events'?"),
        (["EVENTS"], "no table 'EVENTS'; did you mean 'events'?"),
        (["events", "doha-negotiation"], "did you mean 'doha-negotiations'?"),
        (["events", "doha-negotiations", "outcom"], "did you mean 'outcome'?"),
        (["events", "x", "--package", "nowhere"], "cannot find 'nowhere' as a folder"),
    ],
)
def test_explain_unknown_names(arguments: list[str], reason: str, tmp_path: Path) -> None:
    done = run("explain", *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert reason in done.stderr
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("path", "content", "reason"),
    [
        ("datapackage.json", b"{", "datapackage.json:1:2: invalid JSON"),
        ("schemas/events.json", b"[]", "events.json: a JSON array instead of a JSON object"),
        ("data/events.csv", b"event_id\nx,y\n", "events.csv: "),
        ("data/quotes.csv", b"\xff\xfe", "quotes.csv:1: found text in UTF-16; save"),
        ("data/evidence.csv", None, "evidence.csv: no such file"),
    ],
)
def test_explain_a_broken_package(
    package_copy: Path, path: str, content: bytes | None, reason: str
) -> None:
    """No traceback reaches a user of the command line."""
    if content is None:
        (package_copy / path).unlink()
    else:
        (package_copy / path).write_bytes(content)
    done = run("explain", "events", "doha-negotiations", "--package", str(package_copy))
    assert (done.returncode, done.stdout) == (2, "")
    assert reason in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [["explain"], ["diff", "."], ["nosuch"], ["--nosuch"]])
def test_wrong_use_is_exit_2_and_a_hint(arguments: list[str]) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert "--help" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_version() -> None:
    done = run("--version")
    assert (done.returncode, done.stdout) == (0, f"gazadata {gazadata.__version__}\n")


def test_a_shell_completes_commands_and_options(tmp_path: Path) -> None:
    """As bash does after `gazadata --install-completion`."""
    script = tmp_path / "gazadata"
    script.write_text("from gazadata.cli import main; main()")
    for words, place, expected in [
        ("gazadata exp", 1, ["explain", "export"]),
        ("gazadata validate --str", 2, ["--strict"]),
    ]:
        asked = {
            "_GAZADATA_COMPLETE": "complete_bash",
            "COMP_WORDS": words,
            "COMP_CWORD": str(place),
            "PYTHONPATH": PARENT,
        }
        done = subprocess.run(
            [sys.executable, script],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, **asked},
        )
        assert done.stdout.split() == expected


def test_without_arguments_the_help_is_shown() -> None:
    done = run()
    assert done.returncode == 2
    assert all(f" {name} " in done.stdout + done.stderr for name in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_its_help(command: str) -> None:
    done = CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1"}).invoke(app, [command, "--help"])
    assert done.exit_code == 0
    assert re.search(rf"Usage: .*\b{command}\b", done.output)
    (summary,) = re.findall(r"Usage:[^\n]*\n\s*\n\s*(\S[^\n]*)\n", done.output)
    assert summary[0].isupper()


def test_there_are_commands() -> None:
    assert {"explain", "find", "fmt", "validate", "build"} <= set(COMMANDS)


def test_explain_of_a_table_lists_its_rows(tmp_path: Path) -> None:
    done = run("explain", "topics", cwd=tmp_path)
    frame = gazadata.load("topics")
    rows = [f"{key}\t{label}\n" for key, label in zip(frame.topic_id, frame.label, strict=True)]
    assert (done.returncode, done.stdout) == (0, "".join(rows))


def test_explain_of_a_git_revision(package_copy: Path) -> None:
    own = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([*own, *command], cwd=package_copy, check=True)
    (package_copy / "data/topics.csv").unlink()
    done = run("explain", "topics", "isf", "label", "--package", "HEAD", cwd=package_copy)
    assert done.returncode == 0
    assert "label: International Stabilization Force (ISF) for Gaza" in done.stdout


@pytest.mark.skipif(os.name == "nt", reason="pipes are told otherwise there")
@pytest.mark.parametrize("arguments", [["rule"], ["explain", "quotes"], ["validate", "--all"]])
def test_a_reader_that_leaves_early_is_not_an_error(
    arguments: list[str], package_copy: Path
) -> None:
    """As `head` does: there is no message, and the exit status is the command's own."""
    quotes = package_copy / "data/quotes.csv"
    text = quotes.read_text("utf-8")
    # Enough to fill a pipe, and what a buffer keeps until the end.
    status = 1 if arguments[0] == "validate" else 0
    if status:
        quotes.write_text(text.replace(",trump-leaning-on-pakistan,", ",nobody,"), "utf-8")
    with subprocess.Popen(
        [sys.executable, "-m", "gazadata", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=package_copy,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
        assert process.wait() == status
    assert said == b""
