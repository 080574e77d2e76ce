"""Whatever a package contains, there is an answer: no traceback, no hang, no unbounded memory.

Inputs that fuzzing found are kept here as cases.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unicodedata
from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.validate.damage import (
    DESCRIPTOR,
    SHIPPED,
    Files,
    Place,
    copy_to,
    csv_bytes,
    json_bytes,
    report_on,
    small_package,
    things_of,
)
from tests.validate.fuzz import TARGETS, expected_of_bytes

from gazadata.contract import Contract, Resource, inside
from gazadata.errors import ContractError
from gazadata.text import HIDDEN
from gazadata.validate import Report, all_rules, standard
from gazadata.validate.files import check_bytes, check_header
from gazadata.validate.split import cells, column_of

pytestmark = pytest.mark.sampled

S = SHIPPED
TIMEOUT = 300
"""Seconds after which something counts as hanging; nothing here takes more than a few."""

MEMORY = 12 << 30
"""Bytes of address space for a command, most of which the libraries reserve at the start."""

HEADER = S.files["data/events.csv"].partition(b"\n")[0] + b"\n"


def run(root: Path, *, memory: int = MEMORY) -> tuple[int, str, str]:
    """`gazadata validate` in a process of its own."""

    def limited() -> None:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))

    command = "from gazadata.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", command, "validate", str(root), "--format", "concise"],
        capture_output=True,
        timeout=TIMEOUT,
        preexec_fn=limited if sys.platform == "linux" else None,
        check=False,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def answers(root: Path, *, status: int = 1) -> str:
    """The output of the command line on a damaged package: a finding, not a crash."""
    code, out, err = run(root)
    assert "Traceback" not in out + err, err
    assert "panicked" not in err, err
    assert code == status, out + err
    return out + err


# ----------------------------------------------------------------- files in place of a table
def _garbage() -> bytes:
    return random.Random(0).randbytes(200_000)


TABLES: dict[str, tuple[Callable[[], bytes], str]] = {
    "garbage": (_garbage, "GD101"),
    "header, then garbage": (lambda: HEADER + _garbage(), "GD101"),
    "empty": (lambda: b"", "GD105"),
    "a line feed alone": (lambda: b"\n", "GD105"),
    "a NUL alone": (lambda: b"\0", "GD105"),
    "UTF-16": (lambda: S.files["data/events.csv"].decode().encode("utf-16"), "GD101"),
    "a gzip file": (lambda: b"\x1f\x8b\x08\x00" + b"\0" * 50, "GD101"),
    "blank lines": (lambda: HEADER + b"\n" * 10_000, "GD107"),
    "header, then NULs": (lambda: HEADER + b"\0" * 10_000, "GD107"),
    "a mark that does not pair": (lambda: HEADER + b'"', "GD107"),
    "marks alone": (lambda: HEADER + b'"' * 100_001 + b"\n", "GD107"),
    "commas alone": (lambda: HEADER + b"," * 100_000 + b"\n", "GD107"),
    "rows without a key": (lambda: HEADER + (b"," * HEADER.count(b",") + b"\n") * 300, "GD107"),
    "carriage returns": (lambda: HEADER + b"\r" * 1_000, "GD102"),
    "an unfinished character": (lambda: HEADER + "x’".encode()[:-1], "GD101"),
    "accents without a letter": (lambda: HEADER + "\u0301".encode() * 5_000 + b"\n", "GD107"),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_file_that_is_not_a_table(name: str, tmp_path: Path) -> None:
    make, code = TABLES[name]
    place = Place(tmp_path)
    place.damage({"data/events.csv": make()})
    report = report_on(place.root)
    assert code in {d.code for d in report.diagnostics if d.path == "data/events.csv"}
    assert not report.ok()
    for d in report.diagnostics:
        assert len(d.found or "") <= 1_000
        assert len(d.expected or "") <= 10_000


WIDTH = HEADER.count(b",")
DISORDER = "\u0301\u0327" * 200_000
"""Marks that Python takes quadratic time to sort."""

CONFLICT = (b"<<<<<<< HEAD", b"||||||| base", b"=======", b">>>>>>> other")

LINES_THAT_ARE_NO_ROWS: dict[str, tuple[Callable[[list[bytes]], list[bytes]], str, str]] = {
    "commas": (lambda rows: [*rows[:2], b"," * WIDTH, *rows[2:]], "a row without a value", "Delete the line"),
    "the header": (lambda rows: [*rows[:2], HEADER[:-1], *rows[2:]], "the header again", "Delete the line."),
    "nothing": (lambda rows: [*rows[:2], b"", *rows[2:]], "a blank line", "Delete the line."),
    "a conflict": (
        lambda rows: [*rows[:2], CONFLICT[0], rows[2], CONFLICT[2], rows[2], CONFLICT[3], *rows[2:]],
        "a merge conflict", "delete the markers",
    ),
    "a conflict with what was there before": (
        lambda rows: [*rows[:2], CONFLICT[0], *rows[2:4], CONFLICT[1], CONFLICT[2], rows[3], CONFLICT[3]],
        "a merge conflict", "delete the markers",
    ),
    "a conflict and a mark that does not pair": (
        lambda rows: [*rows[:2], CONFLICT[0], rows[2], CONFLICT[2], CONFLICT[3]],
        "a merge conflict", "delete the markers",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LINES_THAT_ARE_NO_ROWS)
def test_gd107_a_line_that_is_not_a_row_is_one_finding_with_its_own_remedy(
    name: str, tmp_path: Path
) -> None:
    """Its cells are not checked, nor are rows that refer to the table."""
    make, found, remedy = LINES_THAT_ARE_NO_ROWS[name]
    place = Place(tmp_path)
    rows = S.files["data/events.csv"].split(b"\n")[1:-1]
    place.damage({"data/events.csv": HEADER + b"\n".join(make(rows)) + b"\n"})
    report = report_on(place.root, official=False)
    said = [(d.code, d.path, d.line, d.found) for d in report.diagnostics]
    assert said == [("GD107", "data/events.csv", 4, found)]
    assert remedy in (report.diagnostics[0].help or "")
    assert report.counts["GD107"].found == 1
    assert not report.failures


def test_gd107_two_conflicts_are_two_findings(tmp_path: Path) -> None:
    place = Place(tmp_path)
    rows = S.files["data/events.csv"].split(b"\n")[1:-1]
    whole = [CONFLICT[0], rows[0], CONFLICT[2], CONFLICT[3]]
    place.damage({"data/events.csv": HEADER + b"\n".join([*whole, rows[1], *whole]) + b"\n"})
    assert [(d.code, d.line) for d in report_on(place.root, official=False).diagnostics] == [
        ("GD107", 2),
        ("GD107", 7),
    ]


@pytest.mark.parametrize(
    ("first", "code", "found"),
    [
        (HEADER.replace(b",", b";"), "GD105", "semicolons between the names"),
        (HEADER.replace(b",", b"\t"), "GD105", "tabs between the names"),
        (b'"' + HEADER[:-1].replace(b",", b'","') + b'"\n', "GD105", "names in quotation marks"),
        (
            b'"' + HEADER[:-1].replace(b",", b'";"') + b'"\n',
            "GD105",
            "semicolons between the names and names in quotation marks",
        ),
        (CONFLICT[0] + b"\n" + HEADER, "GD107", "a merge conflict"),
    ],
)
def test_a_header_in_another_form_gets_a_remedy(
    first: bytes, code: str, found: str, tmp_path: Path
) -> None:
    place = Place(tmp_path)
    place.damage({"data/events.csv": S.files["data/events.csv"].replace(HEADER, first)})
    (one,) = report_on(place.root, official=False).diagnostics
    assert (one.code, one.line, one.found) == (code, 1, found)
    assert one.help != all_rules()[code].remedy


def _without_end(root: Path) -> Path:
    """A package with a pattern that makes Python try every way to split the letters of a cell."""
    place = Place(root)
    schema = S.schema("topics")
    label = next(f for f in schema["fields"] if f["name"] == "label")
    label["constraints"]["pattern"] = "^((a|aa)+|.*)$"
    place.damage(
        {
            "schemas/topics.json": json_bytes(schema),
            DESCRIPTOR: json_bytes(S.descriptor() | {"version": "9.0.0"}),
            **S.change("topics", 1, label="a" * 80 + "!"),
        }
    )
    return root


def _ticks(process: int) -> int:
    """The processor time of a process; 0 if it has ended."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return 0 if stat[0] in "XZ" else int(stat[11]) + int(stat[12])


@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="processes are not listed here")
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_frictionless_ends_with_the_command(how: signal.Signals, tmp_path: Path) -> None:
    """While Python matches an endless pattern, no other thread of the process runs."""
    command = [sys.executable, "-m", "gazadata", "validate", str(_without_end(tmp_path))]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + TIMEOUT
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        while not (started := children.read_text().split()):
            assert time.monotonic() < deadline
        worker = int(started[0])
        # Its imports and all other rows take a second or two.
        while _ticks(worker) < 5 * os.sysconf("SC_CLK_TCK"):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
        process.send_signal(how)
    while _ticks(worker):
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there are no such timers here")
def test_nothing_ends_frictionless_while_its_interpreter_ends() -> None:
    code = (
        "import signal\n"
        "from gazadata import frictionless_worker\n"
        "with frictionless_worker._ending_with_parent():\n"
        "    print(signal.getitimer(signal.ITIMER_REAL)[1])\n"
        "print(signal.getitimer(signal.ITIMER_REAL))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=TIMEOUT, check=True
    )
    assert done.stdout.split("\n") == ["1.0", "(0.0, 0.0)", ""]


@pytest.mark.skipif(sys.platform == "win32", reason="how full a pipe is cannot be seen here")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.long
def test_an_answer_that_is_read_late_is_complete(unbuffered: str, tmp_path: Path) -> None:
    """Without a buffer, Python loses the rest of a write that a signal interrupts.

    Large cells are cut to what a finding shows.
    """
    import fcntl
    import termios

    root = copy_to(tmp_path / "package")
    large = b",".join([b"x" * 100_000] * (WIDTH + 1)) + b"\n"
    (root / "data/events.csv").write_bytes(HEADER + large * 15)
    command = [sys.executable, "-P", "-m", "gazadata.frictionless_worker"]
    environment = os.environ | {"PYTHONUNBUFFERED": unbuffered}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    ) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(json.dumps([str(root), 0, ["events"]]).encode() + b"\n")
        process.stdin.flush()
        deadline = time.monotonic() + TIMEOUT
        waiting = bytearray(4)
        # A pipe holds 64 kB, and the answer is larger.
        while int.from_bytes(waiting, sys.byteorder) < 60_000:
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.1)
            fcntl.ioctl(process.stdout, termios.FIONREAD, waiting)
        time.sleep(2.5)
        answer = process.stdout.read()
    errors = json.loads(answer)["tables"]["events"]["errors"]
    assert errors[0]["cell"] == "x" * 500
    assert len(answer) < 1_000 * len(errors)


@pytest.mark.long
def test_frictionless_is_stopped_on_an_endless_pattern(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from gazadata import frictionless_worker\n"
        "from gazadata.validate import standard, validate\n"
        "standard.PATIENCE = 15\n"
        "started, start = [], frictionless_worker.start\n"
        "frictionless_worker.start = lambda: started.append(start()) or started[0]\n"
        "report = validate(sys.argv[1])\n"
        "print(len(report.diagnostics), started[0].poll(), report.ok(), *report.failures)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(_without_end(tmp_path))],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=True,
    )
    assert done.stdout.startswith("0 -9 False frictionless was stopped")
    assert "avoid patterns that can match the same text in more than one way" in done.stdout


LARGE: dict[str, tuple[Callable[[], bytes], str]] = {
    "one line": (lambda: b"x" * 30_000_000, "GD105"),
    "one cell": (lambda: HEADER + b"x" * 30_000_000 + b"," * HEADER.count(b",") + b"\n", "GD2"),
    "one cell that is never closed": (lambda: HEADER + b'"' + b"x,\n" * 1_000_000, "GD107"),
    "a million columns": (
        lambda: b",".join(b"c%d" % i for i in range(1_000_000)) + b"\n" + b"," * 999_999 + b"\n",
        "GD105",
    ),
    "a million cells": (lambda: HEADER + b"," * 1_000_000 + b"\n", "GD107"),
    "hidden characters alone": (lambda: HEADER + ",\u200b".encode() * 100_000 + b"\n", "GD107"),
    "hidden characters in cells of a row": (
        lambda: HEADER + (b"," * WIDTH).replace(b",", b"," + "\u200b".encode() * 50_000) + b"\n",
        "GD104",
    ),
    "marks in no order": (lambda: HEADER + f"x{DISORDER}\n".encode(), "GD107"),
    "marks in no order in a row": (
        lambda: HEADER + f"x,{DISORDER}".encode() + b"," * (WIDTH - 1) + b"\n",
        "GD103",
    ),
    "characters made of marks": (
        lambda: HEADER + b"x,x" + "\u0f73".encode() * 200_000 + b"," * (WIDTH - 1) + b"\n",
        "GD103",
    ),
}


@pytest.mark.long
@pytest.mark.parametrize("name", LARGE)
def test_large_lines_through_the_command_line(name: str, tmp_path: Path) -> None:
    make, code = LARGE[name]
    root = copy_to(tmp_path / "package")
    (root / "data/events.csv").write_bytes(make())
    said = answers(root)
    assert re.search(rf"data/events\.csv:\d+(:\d+)?: {code}", said), said[:2_000]
    assert len(said) < 1_000_000


@pytest.mark.parametrize("path", [DESCRIPTOR, "schemas/topics.json", "data/retired.csv"])
@pytest.mark.parametrize("more", ["", "\u200b"])
@pytest.mark.long
def test_endless_marks_are_found_anywhere(path: str, more: str, tmp_path: Path) -> None:
    """Even if the file has another mistake, after which it is read as it was meant."""
    root = copy_to(tmp_path / "package")
    given_up = b"resource,row_id,replaced_by,reason,version\nactors,x,,it was ,1.0.0\n"
    content = given_up if path == "data/retired.csv" else S.files[path]
    begin = b'"description": "' if path != "data/retired.csv" else b"it was "
    wrong = begin + f"{more}x{DISORDER}".encode()
    (root / path).write_bytes(content.replace(begin, wrong, 1))
    said = answers(root)
    assert f"{path}:" in said
    assert "found more than 30 combining marks in a row, expected 30 at most" in said
    # Only the first of each cell is reported.
    assert ("GD104" in said) is bool(more and path.endswith(".json"))


@pytest.mark.long
def test_no_command_sorts_endless_marks(tmp_path: Path) -> None:
    """`fmt` leaves what it cannot fix as it is, and the finding has another remedy."""
    root = copy_to(tmp_path / "package")
    (root / "data/topics.csv").write_bytes(
        S.change("topics", 1, label=f"x{DISORDER}")[S.path("topics")]
    )
    done = subprocess.run(
        [sys.executable, "-m", "gazadata", "fmt", "--check", str(root)],
        capture_output=True, text=True, timeout=TIMEOUT, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "")
    (found,) = (d for d in report_on(root, official=False).diagnostics if d.code == "GD103")
    assert (found.line, found.field, found.column) == (
        3,
        "label",
        len(S.rows("topics")[1]["topic_id"]) + 3,
    )
    assert "fmt" not in (found.help or "")


@pytest.mark.parametrize("limit", [0, 1, 3, 1_000])
def test_characters_beyond_the_limit_are_counted(limit: int, tmp_path: Path) -> None:
    """Beyond the limit, too, characters that only some fields forbid are counted only in those."""
    path = tmp_path / "topics.csv"
    mixed = "P\u0430kistan"
    # Mixed alphabets in the key are not reported here, but by its pattern.
    path.write_bytes(
        f"{','.join(S.resource('topics').field_names)}\n".encode()
        + f"{mixed},{mixed},\u200b,e\u0301,\u200b,{mixed} \u200b\n".encode() * 50
    )
    report = Report("", "")
    assert check_bytes(path, "data/topics.csv", S.resource("topics"), report, limit)
    found = {code: report.counts[code].found for code in ("GD103", "GD104", "GD112")}
    assert found == {"GD103": 50, "GD104": 150, "GD112": 50}
    kept = Counter(d.code for d in report.diagnostics)
    assert kept == {code: min(limit, number) for code, number in found.items() if limit}
    assert {d.field for d in report.diagnostics if d.code == "GD112"} <= {"label"}
    assert all(d.row_id and d.column for d in report.diagnostics)


MISTAKES: dict[str, tuple[list[dict[str, Any]], Callable[[int], str], str]] = {
    "keys that repeat": (
        [{"name": "one"}],
        lambda i: f"{'abc'[i * 3 // ROWS]},x{i}",
        "failed: 999,997 errors",
    ),
    "cells that are not of the schema": (
        [
            {
                "name": "one",
                "constraints": {"enum": ["a"]},
                "categories": [{"value": "a", "label": "A"}],
            },
            {"name": "two", "constraints": {"pattern": "^z$"}},
            {"name": "three", "type": "integer"},
        ],
        lambda i: f"{ROWS + i},{i},{i},x",
        "failed: 3,000,000 errors",
    ),
}
ROWS = 1_000_000
_CODE = """
import re, sys
from pathlib import Path
from gazadata.validate import reporters, validate
print(reporters.FORMATS["concise"](validate(sys.argv[1]), reporters.Options()).splitlines()[-1])
print(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
"""
# Not `getrusage`, which includes the memory of the parent process.


@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="not available here")
@pytest.mark.parametrize("name", MISTAKES)
def test_memory_does_not_grow_with_the_mistakes(name: str, tmp_path: Path) -> None:
    """Keeping a finding for each would take another gigabyte."""
    fields, row, verdict = MISTAKES[name]
    key = {"name": "key", "constraints": {"required": True, "unique": True}}
    small = small_package([key, *fields])
    (tmp_path / DESCRIPTOR).write_bytes(json_bytes(small))
    head = ",".join(field["name"] for field in small["resources"][0]["schema"]["fields"])
    with (tmp_path / "things.csv").open("w") as file:
        file.write(f"{head}\n")
        file.writelines(f"{row(i)}\n" for i in range(ROWS))
    done = subprocess.run(
        [sys.executable, "-c", _CODE, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=True,
    )
    said, kibibytes = done.stdout.splitlines()
    assert said.startswith(verdict), said
    assert int(kibibytes) < 1_000_000


def test_garbage_through_the_command_line(tmp_path: Path) -> None:
    root = copy_to(tmp_path / "package")
    for at, name in enumerate(S.contract.resources):
        (root / S.path(name)).write_bytes(random.Random(at).randbytes(5_000))
    assert "GD101" in answers(root)


# ------------------------------------------------------------------ pipes, folders and links
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes here")
@pytest.mark.parametrize(
    ("path", "code"),
    [("data/events.csv", "GD005"), ("schemas/events.json", "GD001"), (S.text_path, "GD301")],
)
def test_a_pipe_does_not_block(path: str, code: str, tmp_path: Path) -> None:
    root = copy_to(tmp_path / "package")
    (root / path).unlink()
    os.mkfifo(root / path)
    assert code in answers(root)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes here")
def test_a_pipe_as_the_descriptor_is_not_a_package(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / DESCRIPTOR)
    assert "no data package" in answers(tmp_path, status=2)


@pytest.mark.parametrize(
    ("path", "code"),
    [("data/events.csv", "GD005"), ("schemas/events.json", "GD001"), (S.text_path, "GD301")],
)
def test_a_folder_in_place_of_a_file(path: str, code: str, tmp_path: Path) -> None:
    root = copy_to(tmp_path / "package")
    (root / path).unlink()
    (root / path).mkdir()
    report = report_on(root, official=False)
    assert {d.code for d in report.diagnostics} == {code}


def _link(root: Path, path: str, to: str) -> None:
    (root / path).unlink()
    (root / path).symlink_to(to)


@pytest.mark.parametrize(
    ("path", "code"), [("data/events.csv", "GD005"), ("schemas/events.json", "GD001")]
)
@pytest.mark.parametrize("to", ["/etc/passwd", "../../../outside", "/dev/zero"])
def test_a_link_to_outside(path: str, code: str, to: str, tmp_path: Path) -> None:
    (tmp_path / "outside").write_bytes(b"a\n")
    root = copy_to(tmp_path / "package")
    _link(root, path, to)
    report = report_on(root, official=False)
    assert code in {d.code for d in report.diagnostics}
    assert any("outside the package" in (d.found or "") for d in report.diagnostics)


@pytest.mark.parametrize(
    ("path", "code"),
    [("data/events.csv", "GD005"), ("schemas/events.json", "GD001"), (S.text_path, "GD301"),
     ("data/loop.csv", "GD005")],
)  # fmt: skip
def test_a_cycle_of_links(path: str, code: str, tmp_path: Path) -> None:
    root = copy_to(tmp_path / "package")
    (root / path).touch()
    _link(root, path, Path(path).name)
    report = report_on(root, official=False)
    assert {d.code for d in report.diagnostics} == {code}


def test_gd005_a_folder_that_is_a_cycle_of_links(tmp_path: Path) -> None:
    root = copy_to(tmp_path / "package")
    (root / "data/again").symlink_to(root / "data", target_is_directory=True)
    report = report_on(root, official=False)
    assert all(d.code == "GD005" for d in report.diagnostics)


def test_a_link_within_the_package_is_a_file(tmp_path: Path) -> None:
    root = copy_to(tmp_path / "package")
    (root / "data/events.csv").rename(root / "events.csv")
    (root / "data/events.csv").symlink_to("../events.csv")
    assert report_on(root).ok(strict=True)


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may read all")
@pytest.mark.parametrize(
    ("path", "code"),
    [("data/events.csv", "GD005"), ("schemas/events.json", "GD001"), (S.text_path, "GD301")],
)
def test_an_unreadable_file(path: str, code: str, tmp_path: Path) -> None:
    root = copy_to(tmp_path / "package")
    (root / path).chmod(0)
    assert {d.code for d in report_on(root).diagnostics} == {code}


# ------------------------------------------------------------------------------- descriptors
def _deep(depth: int) -> bytes:
    return b'{"a":' * depth + b"1" + b"}" * depth


DESCRIPTORS: dict[str, bytes] = {
    "nothing": b"",
    "garbage": _garbage(),
    "a list": b"[]",
    "a number": b"1",
    "NaN": b"NaN",
    "an empty object": b"{}",
    "deep lists": b"[" * 100_000,
    "deep objects": _deep(100_000),
    "objects as deep as can just be read": _deep(300),
    "a number of many digits": b'{"name": ' + b"9" * 10_000 + b"}",
    "a name twice": b'{"resources": [], "resources": []}',
    "half of a surrogate pair": b'{"resources": [{"name": "a", "path": "\\ud800", "schema": "\\ud800"}]}',
    "a byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": "{}".encode("utf-16"),
    "resources that are none": b'{"resources": [1, null, "x", []]}',
    "resources without a schema": b'{"resources": [{"name": "a", "path": "a.csv"}]}',
    "a schema from the network": b'{"resources": [{"name": "a", "path": "a.csv", "schema": "http://localhost:9/a.json"}]}',
}  # fmt: skip


@pytest.mark.parametrize("name", DESCRIPTORS)
def test_gd001_an_invalid_descriptor(name: str, tmp_path: Path) -> None:
    (tmp_path / DESCRIPTOR).write_bytes(DESCRIPTORS[name])
    report = report_on(tmp_path)
    assert [d.code for d in report.diagnostics] == ["GD001"]
    assert len(report.diagnostics[0].found or "") < 10_000


@pytest.mark.parametrize("name", ["deep objects", "a number of many digits", "a name twice"])
def test_gd001_an_invalid_descriptor_on_the_command_line(name: str, tmp_path: Path) -> None:
    (tmp_path / DESCRIPTOR).write_bytes(DESCRIPTORS[name])
    assert "GD001" in answers(tmp_path)


@pytest.mark.parametrize(
    "path",
    ["..", "../x.csv", "/etc/passwd", "data/../../x.csv", "data\\events.csv", "C:\\x.csv", "",
     ".", "data", "\0", "a" * 300, "a/" * 3_000, "file:///etc/passwd",
     "http://localhost:9/x.csv", "~/x.csv", "$HOME/x.csv", "data/*.csv", "data/events.csv/",
     "data/events.csv/.", "data/events.csv/..", "data/\ud800.csv", "\udcff"],
)  # fmt: skip
def test_an_invalid_path(path: str, tmp_path: Path) -> None:
    place = Place(tmp_path)
    descriptor = S.descriptor()
    (found,) = (r for r in descriptor["resources"] if r["name"] == "events")
    found["path"] = path
    place.damage({DESCRIPTOR: json.dumps(descriptor).encode()})
    report = report_on(place.root)
    codes = {d.code for d in report.diagnostics}
    assert codes == {"GD005"} or (codes == {"GD001"} and not path.isprintable())
    try:
        target = inside(place.root, path)
    except ContractError:
        return
    assert target.resolve().is_relative_to(place.root.resolve())


def test_gd001_a_path_with_half_of_a_surrogate_pair(tmp_path: Path) -> None:
    """No file can have this name: the finding is in the descriptor, with a remedy."""
    place = Place(tmp_path)
    content = S.files[DESCRIPTOR].replace(b"data/events.csv", b"data/\\ud800.csv")
    place.damage({DESCRIPTOR: content})
    (found,) = report_on(place.root).diagnostics
    assert (found.code, found.path) == ("GD001", DESCRIPTOR)
    assert "half of a surrogate pair" in (found.found or "")
    assert found.help == all_rules()["GD001"].remedy


def test_gd001_a_number_that_python_would_write_as_infinity(tmp_path: Path) -> None:
    place = Place(tmp_path)
    content = S.files[DESCRIPTOR].replace(b"{", b'{"gazadata:weight": 1e999,', 1)
    place.damage({DESCRIPTOR: content})
    (found,) = report_on(place.root).diagnostics
    assert (found.code, found.path) == ("GD001", DESCRIPTOR)
    assert found.found == "1e999, which is too large"


@pytest.mark.parametrize("name", ["__line", "__ill", "__there", "__"])
def test_a_field_with_a_reserved_name(name: str, tmp_path: Path) -> None:
    place = Place(tmp_path)
    schema = S.schema("topics")
    schema["fields"][-1]["name"] = name
    rows = S.files["data/topics.csv"].split(b"\n", 1)
    header = rows[0].rpartition(b",")[0] + b"," + name.encode()
    place.damage(
        {"schemas/topics.json": json_bytes(schema), "data/topics.csv": header + b"\n" + rows[1]}
    )
    (found,) = report_on(place.root).diagnostics
    assert (found.code, found.path) == ("GD001", "schemas/topics.json")
    assert (found.found, found.expected) == (
        f'name "{name}"',
        "a name that does not begin with __",
    )


def test_gd005_one_file_for_two_resources(tmp_path: Path) -> None:
    place = Place(tmp_path)
    descriptor = S.descriptor()
    (found,) = (r for r in descriptor["resources"] if r["name"] == "topics")
    found["path"] = "data/./actors.csv"
    place.damage({DESCRIPTOR: json_bytes(descriptor)})
    report = report_on(place.root)
    said = [d.found or "" for d in report.diagnostics if d.code == "GD005"]
    assert any("also the file of actors" in one for one in said)


def test_a_property_that_is_null(tmp_path: Path) -> None:
    """The schema differs from the installed one, though no property has another value."""
    place = Place(tmp_path)
    schema = S.schema("topics")
    schema["fieldsMatch"] = None
    place.damage({"schemas/topics.json": json_bytes(schema)})
    (found,) = (d for d in report_on(place.root, official=False).diagnostics if d.code == "GD004")
    assert found.found == "fieldsMatch null"
    assert (found.expected or "").startswith("none, as in gazadata ")


def test_every_property_that_only_frictionless_rejects(tmp_path: Path) -> None:
    place = Place(tmp_path)
    people = [{"title": "A", "organisation": 5}, {"title": "B", "organisation": []}]
    descriptor = S.descriptor() | {"contributors": people}
    place.damage({DESCRIPTOR: json_bytes(descriptor)})
    report = report_on(place.root)
    found = [(d.code, d.found) for d in report.diagnostics]
    of_type = "is not of type 'string' at property 'contributors"
    assert found == [
        ("GD008", f"package-error: 5 {of_type}/0/organisation'"),
        ("GD008", f"package-error: [] {of_type}/1/organisation'"),
    ]
    assert report.counts["GD008"].found == 2


# What a schema must not contain, though it is JSON.
FIELDS: dict[str, dict[str, Any]] = {
    "a pattern that is a number": {"constraints": {"pattern": 5}},
    "a pattern that is no expression": {"constraints": {"pattern": "^(a$"}},
    "a pattern with look-ahead": {"constraints": {"pattern": "^(?!a)b$"}},
    "a pattern with a back-reference": {"constraints": {"pattern": r"^(a)\1$"}},
    "an enum that is text": {"constraints": {"enum": "x"}},
    "an enum that is a number": {"constraints": {"enum": 5}},
    "an enum of numbers": {"constraints": {"enum": [1, 2]}},
    "an empty enum": {"constraints": {"enum": []}},
    "a minimum that is text": {"constraints": {"minimum": "a"}},
    "a minimum of text": {"constraints": {"minimum": 5}},
    "required that is text": {"constraints": {"required": "yes"}},
    "unique that is a number": {"constraints": {"unique": 1}},
    "a constraint that is not checked": {"constraints": {"maxLength": 5}},
    "constraints that are a list": {"constraints": []},
    "categories that are text": {"categories": "x"},
    "categories that are numbers": {"categories": [1]},
    "categories without labels": {"categories": [{"value": "a", "label": "A"}]},
    "a name that is a number": {"name": 5},
    "an empty name": {"name": ""},
    "a type that is a list": {"type": ["string"]},
    "a type that is none": {"type": "list"},
    "a format that is a number": {"format": 5},
    "a format that is not checked": {"format": "email"},
    "modes that are a list": {"gazadata:modes": []},
    "modes that are text": {"gazadata:modes": {"a": "b"}},
    "recipients that are text": {"gazadata:recipientRequired": "AID"},
    "a policy that is none": {"gazadata:evidence": ["required"]},
    "missing values of its own": {"missingValues": ["-"]},
}


@pytest.mark.parametrize("name", FIELDS)
def test_an_invalid_field(name: str, tmp_path: Path) -> None:
    place = Place(tmp_path)
    schema = S.schema("topics")
    field = next(f for f in schema["fields"] if f["name"] == "description")
    field |= FIELDS[name]
    # The version is unknown, so the rows are checked against these schemas.
    version = json_bytes(S.descriptor() | {"version": "9.0.0"})
    place.damage({"schemas/topics.json": json_bytes(schema), DESCRIPTOR: version})
    report = report_on(place.root)
    found = [d for d in report.diagnostics if d.code in ("GD001", "GD002", "GD006")]
    assert found, [d.code for d in report.diagnostics]
    assert {d.path for d in found} <= {"schemas/topics.json", DESCRIPTOR}


@pytest.mark.parametrize(
    ("at", "value"),
    [("uniqueKeys", 5), ("uniqueKeys", [5]), ("uniqueKeys", [["none"]]), ("foreignKeys", {}),
     ("foreignKeys", [1]), ("foreignKeys", [{"fields": "part_of", "reference": {"resource": ["a"],
      "fields": "topic_id"}}]), ("foreignKeys", [{"fields": ["part_of"], "reference": 5}]),
     ("primaryKey", 5), ("primaryKey", ["none"]), ("primaryKey", ["topic_id", "label"]),
     ("gazadata:label", ["x"]), ("gazadata:label", "none"), ("missingValues", ["", "NA"]),
     ("missingValues", 5), ("fields", {}), ("fields", []), ("fields", [[]])],
)  # fmt: skip
def test_an_invalid_schema(at: str, value: Any, tmp_path: Path) -> None:
    place = Place(tmp_path)
    schema = S.schema("topics") | {at: value}
    place.damage({"schemas/topics.json": json_bytes(schema)})
    found = [d for d in report_on(place.root).diagnostics if d.code in ("GD001", "GD002")]
    assert found
    assert {d.path for d in found} <= {"schemas/topics.json", DESCRIPTOR}


@pytest.mark.parametrize("gone", ["event_mode", "certainty", "topic_id", "date_latest"])
def test_a_missing_field_that_rules_need_is_reported(gone: str, tmp_path: Path) -> None:
    """Under its own version a package may have other fields, but no rule is silently skipped."""
    place = Place(tmp_path)
    schema = S.schema("events")
    schema["fields"] = [f for f in schema["fields"] if f["name"] != gone]
    schema["foreignKeys"] = [k for k in schema["foreignKeys"] if k["fields"] != [gone]]
    rows = S.rows("events")
    for row in rows:
        del row[gone]
    names = [f["name"] for f in schema["fields"]]
    table = csv_bytes([names, *([row[n] for n in names] for row in rows)])
    place.damage(
        {
            "schemas/events.json": json_bytes(schema),
            "data/events.csv": table,
            DESCRIPTOR: json_bytes(S.descriptor() | {"version": "9.0.0"}),
        }
    )
    report = report_on(place.root)
    assert not report.ok()
    assert gone in " ".join([*report.failures, *(d.found or "" for d in report.diagnostics)])


def _under_another_version(name: str, change: Callable[[dict[str, Any]], None]) -> Report:
    """The report on a package with another schema, and rows that match it."""
    with tempfile.TemporaryDirectory() as folder:
        place, schema = Place(Path(folder)), S.schema(name)
        change(schema)
        names = [f["name"] for f in schema["fields"]]
        place.damage(
            {
                f"schemas/{name}.json": json_bytes(schema),
                S.path(name): csv_bytes([names, *([r[n] for n in names] for r in S.rows(name))]),
                DESCRIPTOR: json_bytes(S.descriptor() | {"version": "9.0.0"}),
            }
        )
        return report_on(place.root, official=False)


def _without_hedge(schema: dict[str, Any]) -> None:
    schema["fields"] = [f for f in schema["fields"] if f["name"] != "hedge"]


def _start_as_text(schema: dict[str, Any]) -> None:
    (start,) = (f for f in schema["fields"] if f["name"] == "char_start")
    start["type"] = "string"
    del start["constraints"]["minimum"]


@pytest.mark.parametrize(
    ("name", "change", "why", "which"),
    [
        ("relations", _without_hedge, "the schema of relations has no field hedge",
         "GD410 on relations"),
        ("quotes", _start_as_text, "the field char_start of quotes has the type string, not integer",
         "GD321, GD322, GD323, GD324 on quotes"),
    ],
)  # fmt: skip
def test_rules_that_cannot_run_are_named_and_stop_no_others(
    name: str, change: Callable[[dict[str, Any]], None], why: str, which: str
) -> None:
    report = _under_another_version(name, change)
    (failure,) = report.failures
    assert failure.startswith(f"{why}, so these rules could not run: ")
    assert which in failure
    assert "Restore what they need in the schemas" in failure
    assert not report.diagnostics
    # Rules of the same layers, and of the same table if they do not need the field.
    behind = {"GD344", "GD348", "GD402", "GD411", "GD412", "GD415", "GD418", "GD419", "GD421"}
    assert all(report.counts[code].checked for code in behind)


def _without_tables(*gone: str, **changes: Any) -> Files:
    """The package without some tables, their files and schemas, and with a changed descriptor.

    Foreign keys to them are removed from the other schemas.
    """
    described = S.descriptor() | changes
    described["resources"] = [r for r in described["resources"] if r["name"] not in gone]
    changed: dict[str, bytes | None] = {DESCRIPTOR: json_bytes(described)}
    for name in S.contract.resources:
        path, schema = f"schemas/{name}.json", S.schema(name)
        if name in gone:
            changed |= {path: None, S.path(name): None}
            continue
        keys = schema.get("foreignKeys", [])
        left = [key for key in keys if key["reference"].get("resource") not in gone]
        if left != keys:
            changed[path] = json_bytes(schema | {"foreignKeys": left})
    return changed


@pytest.mark.parametrize("changes", [{"version": "99.0.0"}, {"name": "other"}])
@pytest.mark.parametrize(
    ("gone", "codes"),
    [
        (("evidence",), {"GD331", "GD332", "GD333", "GD334", "GD336", "GD341", "GD348", "GD351"}),
        (("evidence", "quotes"), {"GD321", "GD324", "GD331", "GD332", "GD333", "GD347"}),
        (("evidence", "quotes", "passages"), {"GD311", "GD312", "GD323", "GD331", "GD333"}),
        (("passages",), {"GD311", "GD313", "GD321", "GD331"}),
        (("sources",), {"GD301", "GD304", "GD311", "GD321", "GD333", "GD344"}),
        (("names",), {"GD341"}),
    ],
)
def test_a_missing_table_that_proves_others_is_reported(
    gone: tuple[str, ...], codes: set[str], changes: dict[str, str], tmp_path: Path
) -> None:
    """Under another version or name a package may have other tables, but no rule is skipped."""
    place = Place(tmp_path)
    place.damage(_without_tables(*gone, **changes))
    report = report_on(place.root)
    assert not report.ok()
    said = " ".join(report.failures)
    assert all(f"no table `{name}`" in said for name in gone)
    assert codes <= set(re.findall(r"GD\d{3}", said))
    assert "events" in said


@pytest.mark.parametrize(
    ("gone", "code", "name", "cells"),
    [
        ("participants", "GD406", "events", {"event_type": "AID", "event_mode": ""}),
        ("conditions", "GD407", "positions", {"stance": "conditional_support"}),
    ],
)
def test_a_missing_table_counts_as_one_without_rows(
    gone: str, code: str, name: str, cells: dict[str, str], tmp_path: Path
) -> None:
    """If it is listed but cannot be read, the others are not checked."""
    without, unread = Place(tmp_path / "without"), Place(tmp_path / "unread")
    without.damage({**S.change(name, 1, **cells), **_without_tables(gone, version="99.0.0")})
    found = {(d.code, d.path, d.line) for d in report_on(without.root).diagnostics}
    assert (code, S.path(name), 3) in found
    unread.damage({**S.change(name, 1, **cells), S.path(gone): b"\xff\n"})
    assert code not in {d.code for d in report_on(unread.root).diagnostics}


def test_gd004_a_missing_table_is_reported_once(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.damage(_without_tables("evidence"))
    report = report_on(place.root)
    assert [d.code for d in report.diagnostics] == ["GD004"]
    assert not report.failures


@pytest.mark.parametrize("changes", [{"version": "99.0.0"}, {"name": "other"}])
@pytest.mark.parametrize("emptied", [True, False])
def test_gd351_missing_hedge_cues_are_reported(
    emptied: bool, changes: dict[str, str], tmp_path: Path
) -> None:
    described = S.descriptor() | changes
    del described["gazadata:hedgeCues"]
    if emptied:
        described["gazadata:hedgeCues"] = []
    place = Place(tmp_path)
    place.damage({DESCRIPTOR: json_bytes(described)})
    report = report_on(place.root)
    (failure,) = report.failures
    assert failure.startswith("the package has no gazadata:hedgeCues, so these rules could not")
    assert (
        "GD351 on relations, events, positions, assessments. Restore what they need in the schemas"
        in failure
    )
    assert not report.diagnostics


FLAGS = {
    "gazadata:verbatim": ("relations.object_text, relations.hedge", "GD345 on relations"),
    "gazadata:reference": ("actors.iso3, actors.cow", "GD347, GD348 on actors"),
    "gazadata:recipientRequired": ("events.event_type", "GD406 on events"),
}


def _without_flag(flag: str, wanted: str) -> dict[str, bytes]:
    """The schemas without a flag on some fields."""
    files = {}
    for table in {at.partition(".")[0] for at in wanted.split(", ")}:
        schema = S.schema(table)
        for raw in schema["fields"]:
            if f"{table}.{raw['name']}" in wanted.split(", "):
                del raw[flag]
        files[f"schemas/{table}.json"] = json_bytes(schema)
    return files


@pytest.mark.parametrize("changes", [{"version": "99.0.0"}, {"name": "other"}])
@pytest.mark.parametrize("flag", FLAGS)
def test_a_missing_flag_that_a_rule_needs_is_reported(
    flag: str, changes: dict[str, str], tmp_path: Path
) -> None:
    """Otherwise, under another version or name, the rule would skip what it should check."""
    fields, rules = FLAGS[flag]
    place = Place(tmp_path)
    place.damage({DESCRIPTOR: json_bytes(S.descriptor() | changes), **_without_flag(flag, fields)})
    report = report_on(place.root)
    (failure,) = report.failures
    assert failure.startswith(f"the package has no {flag} at {fields}, so these rules could not")
    assert f"run: {rules}. Restore what they need in the schemas" in failure
    assert not report.diagnostics


def test_a_misspelt_flag_is_only_reported_as_misspelt(tmp_path: Path) -> None:
    schema = S.schema("names")
    (raw,) = (f for f in schema["fields"] if "gazadata:verbatim" in f)
    raw["gazadata:verbatm"] = raw.pop("gazadata:verbatim")
    place = Place(tmp_path)
    place.damage(
        {
            DESCRIPTOR: json_bytes(S.descriptor() | {"version": "99.0.0"}),
            "schemas/names.json": json_bytes(schema),
        }
    )
    report = report_on(place.root)
    assert not report.failures
    assert [d.code for d in report.diagnostics] == ["GD002"]


def test_an_extra_flag_and_a_missing_field_are_allowed(tmp_path: Path) -> None:
    schema = S.schema("topics")
    schema["fields"] = [f for f in schema["fields"] if f["name"] != "list_is_open"]
    next(f for f in schema["fields"] if f["name"] == "label")["gazadata:verbatim"] = False
    place = Place(tmp_path)
    place.damage(
        {
            DESCRIPTOR: json_bytes(S.descriptor() | {"version": "99.0.0"}),
            "schemas/topics.json": json_bytes(schema),
        }
    )
    assert not [text for text in report_on(place.root).failures if "gazadata:" in text]


def test_a_package_that_needs_no_evidence_is_complete_without(tmp_path: Path) -> None:
    (tmp_path / DESCRIPTOR).write_bytes(json_bytes(SMALL))
    (tmp_path / "things.csv").write_bytes(b"key,one,two\na,b,c\n")
    report = report_on(tmp_path)
    assert report.ok(strict=True), [report.failures, report.diagnostics]
    asking = deepcopy(SMALL)
    asking["resources"][0]["schema"]["fields"][2]["gazadata:evidence"] = "required"
    (tmp_path / DESCRIPTOR).write_bytes(json_bytes(asking))
    assert "GD333, " in " ".join(report_on(tmp_path).failures)


@pytest.mark.parametrize(
    ("character", "name"),
    [
        ("\u00ad", "U+00AD SOFT HYPHEN"),
        ("\u200b", "U+200B ZERO WIDTH SPACE"),
        ("\t", None),
        ("…", None),
    ],
)
def test_a_text_with_a_hidden_character_cannot_be_added(
    character: str, name: str | None, tmp_path: Path
) -> None:
    """It could not be coded: a prefix would contain the character, which no cell may contain."""
    place = Place(tmp_path)
    content = (S.text.rstrip("\n") + f"{character}\n").encode()
    row = {
        "text_sha256": hashlib.sha256(content).hexdigest(),
        "text_length": str(len(content.decode())),
    }
    number = S.where("sources", text_path=S.text_path)
    place.damage({S.text_path: content, **S.change("sources", number, **row)})
    found = [d.found for d in report_on(place.root).diagnostics if d.code == "GD301"]
    last = content.decode().splitlines()
    assert len(found) == (name is not None)
    for one in found:
        assert one is not None
        assert one.startswith(f"{S.text_path}: the hidden character {(name or '').split(' ')[0]} (")
        assert one.endswith(f"on line {len(last)}, column {len(last[-1])}")


def test_gd005_a_folder_of_texts_outside_the_package_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret.txt").write_bytes(b"a\n")
    for name in ("raw", "reference"):
        root = copy_to(tmp_path / f"package-{name}")
        shutil.rmtree(root / name)
        (root / name).symlink_to(tmp_path / "outside", target_is_directory=True)
        report = report_on(root)
        (found,) = report.diagnostics
        assert (found.code, found.path) == ("GD005", name)
        assert "secret" not in str(report)


# --------------------------------------------------------------------------------- fuzzing
SMALL = small_package(
    [
        {"name": "key", "constraints": {"required": True, "unique": True}},
        {"name": "one"},
        {"name": "two"},
    ]
)
THINGS = things_of(SMALL)
ADDRESSES = small_package(
    [
        {"name": "key", "constraints": {"required": True, "unique": True}},
        {"name": "address", "format": "uri"},
    ]
)


@pytest.mark.parametrize(
    ("address", "right"),
    [
        ("https://example.org", True),
        ("http://example.org/a?b#c", True),
        ("HTTPS://EXAMPLE.ORG/", True),
        ("https://doi.org/10.1000/182", True),
        ("javascript://example.org/%0Aalert(1)", False),
        ("file://host/etc/passwd", False),
        ("data://text", False),
        ("https:///page", False),
        ("https:example.org", False),
        ("https://exa mple.org", False),
        ("xhttps://example.org", False),
    ],
)
def test_gd210_an_address_is_one_that_readers_can_follow(
    address: str, right: bool, tmp_path: Path
) -> None:
    (tmp_path / DESCRIPTOR).write_bytes(json_bytes(ADDRESSES))
    report = on(tmp_path, csv_bytes([["key", "address"], ["a", address]]))
    assert [d.code for d in report.diagnostics] == ([] if right else ["GD210"])


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("P\u0430kistan", "GD112"),
        ("f\u0585rce", "GD112"),
        ("\u13a0nkara", "GD112"),
        ("f\u2c9frce", "GD112"),
        ("\uff45", "GD112"),
        ("20\uff10", "GD112"),
        ("\U0001d41common", "GD112"),
        ("\U0001d7d8", "GD112"),
        ("\uff1dcmd", "GD110"),
        ("\uff0bcmd", "GD110"),
        ("\uff20cmd", "GD110"),
        ("words…", None),
        ("½ of 10² m", None),
        ("Name™ ﬁnal №", None),
        ("4 Å, 5 µm, 20 °C, ª º ℃", None),
        ("Հայաստան", None),
        ("ᏣᎳᎩ ⲕⲏⲙⲉ Ελλάδα Россия", None),
        ("加沙（以色列）：二０二五".replace("０", "零"), None),
        ("a ＝ b", None),
    ],
)
def test_look_alike_letters_are_distinguished_from_valid_text(
    word: str, code: str | None, small: Path
) -> None:
    report = on(small, csv_bytes([["key", "one", "two"], ["a", word, ""]]))
    assert [d.code for d in report.diagnostics] == ([code] if code else [])


LETTERS = st.text(
    st.one_of(st.sampled_from('ab,"\n\r \t’é\u0301\u200b\ufeff\0=-'), st.characters(codec="utf-8")),
    max_size=12,
)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("small")
    (root / DESCRIPTOR).write_bytes(json_bytes(SMALL))
    return root


def on(root: Path, content: bytes) -> Report:
    (root / "things.csv").write_bytes(content)
    return report_on(root, official=False)


@settings(max_examples=150, deadline=None)
@given(
    st.one_of(
        st.lists(LETTERS, max_size=8).map(lambda lines: "\n".join(lines).encode()),
        st.binary(max_size=60),
    )
)
@example(b'a,"\n",b\n')
@example(b'a,b,c\n"')
@example(b'a,"",\n')
@example(b"\n\n")
@example(b'a,b\n"b\n","c"\n')
@example(b"b,,\na,,\n")
@example(b"a,,\na,,\n")
def test_a_file_without_findings_is_canonical(small: Path, body: bytes) -> None:
    """Any bytes after the right header, compared with what the csv module reads."""
    content = b"key,one,two\n" + body
    report = on(small, content)
    assert not report.failures
    if report.diagnostics:
        return
    rows = list(csv.reader(io.StringIO(content.decode(), newline=""), strict=True))
    assert csv_bytes(rows) == content
    assert [row[0] for row in rows[1:]] == sorted({row[0] for row in rows[1:]})
    assert all(len(row) == 3 for row in rows)
    assert not any(
        "\n" in cell or "\r" in cell or HIDDEN.search(cell) for row in rows for cell in row
    )
    assert report.rows == {"things": len(rows) - 1} != {"things": 0}


@pytest.mark.parametrize("cell", ['"x\ny"', '"\n"', '"x\n"', '"x,\n,y"'])
def test_a_line_break_in_a_properly_quoted_cell(small: Path, cell: str) -> None:
    """Written again, the bytes are the same, and yet its lines are not rows."""
    report = on(small, f"key,one,two\na,b,c\nb,{cell},c\n".encode())
    assert [(d.code, d.line, d.found) for d in report.diagnostics] == [
        ("GD107", 3, "a row with 1 line break in a cell")
    ]


CELLS = st.text(st.sampled_from('ab,"é’1'), max_size=6).map(
    lambda text: unicodedata.normalize("NFC", text).strip()
)


@settings(max_examples=80, deadline=None)
@given(st.dictionaries(CELLS.filter(bool), st.tuples(CELLS, CELLS), min_size=1, max_size=6))
def test_the_canonical_form_of_rows_is_clean(
    small: Path, things: dict[str, tuple[str, str]]
) -> None:
    rows = [["key", "one", "two"], *([key, *rest] for key, rest in sorted(things.items()))]
    report = on(small, csv_bytes(rows))
    # No keys here that differ only in hyphens.
    assert not report.diagnostics, report.diagnostics
    assert report.rows == {"things": len(things)}


FIELD = r'(?:"(?:[^"]|"")*"|[^",]*)'
LINES = st.text(st.sampled_from('a,"é’ '), max_size=14)


@settings(max_examples=1_000, deadline=None)
@given(LINES)
@example('"')
@example('""')
@example('","')
@example('"a"b')
@example('a"b')
@example(",")
def test_cells_are_counted_as_the_csv_module_does(line: str) -> None:
    well_formed = re.fullmatch(rf"{FIELD}(?:,{FIELD})*", line) is not None
    assert (cells(line) is not None) == well_formed
    if well_formed and line:
        (row,) = csv.reader([line], strict=True)
        assert cells(line) == len(row)


@settings(max_examples=500, deadline=None)
@given(st.lists(st.text(st.sampled_from('a,"é ’'), max_size=5), min_size=2, max_size=6), st.data())
def test_a_column_is_where_its_cell_begins(row: list[str], data: st.DataObject) -> None:
    line = csv_bytes([row]).decode().rstrip("\n")
    position = data.draw(st.integers(0, len(row) - 1))
    rest = csv_bytes([row[position:]]).decode().rstrip("\n")
    if row[position:] != [""]:  # The csv module writes a row of one empty cell as "".
        assert line[column_of(line, position) - 1 :] == rest


@settings(max_examples=200, deadline=None)
@given(LINES, st.integers(0, 6))
def test_the_column_in_any_line_is_within_it(line: str, position: int) -> None:
    assert 1 <= column_of(line, position) <= len(line) + 1


def _bytes_said(path: Path, content: bytes, chunk_size: int) -> tuple[bool, list[tuple[Any, ...]]]:
    path.write_bytes(content)
    report = Report("", "")
    ok = check_bytes(path, "things.csv", THINGS, report, 1_000, chunk_size)
    said = sorted((d.code, d.line, d.found) for d in report.diagnostics)
    assert all(count.checked == len(content) for count in report.counts.values())
    assert sum(count.found for count in report.counts.values()) == len(said)
    return ok, said


MIXED = st.lists(
    st.one_of(
        LETTERS.map(str.encode),
        st.sampled_from([b"\xff", b"\xe2\x82", b"\xe2\x82\xac", b"\xef\xbb\xbf", b"\r\n", b"\xf0\x9f"]),
        st.binary(max_size=3),
    ),
    max_size=8,
).map(b"".join)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(MIXED, st.integers(1, 7))
@example("€\xff".encode("latin-1", "replace"), 1)
@example(b"ab\xe2\x82\xac\xff", 4)
@example(b"a\rb\rc", 1)
@example("e\n\u0301".encode(), 2)
@example(b"\xef\xbb\xbf", 2)
@example(b"\xef\xbb\xbf\xef\xbb\xbf\xe2\x82", 1)
def test_the_size_of_chunks_does_not_change_the_findings(
    small: Path, content: bytes, chunk_size: int
) -> None:
    path = small / "bytes"
    whole = _bytes_said(path, content, 1 << 22)
    pieces = _bytes_said(path, content, chunk_size)
    ok, expected = expected_of_bytes(content)
    # A byte that is not UTF-8 ends the check; what comes before it may be reported or not.
    assert {(c, at) for c, at, _ in whole[1]} <= expected | {(c, at) for c, at in _before(content)}
    assert whole[0] is pieces[0] is ok
    if not any(code == "GD101" for code, _ in expected):
        assert whole == pieces
        assert {(c, at) for c, at, _ in whole[1]} == expected
    else:
        assert {s for s in whole[1] if s[0] == "GD101"} == {s for s in pieces[1] if s[0] == "GD101"}
        assert {(c, at) for c, at, _ in whole[1] if c == "GD101"} == {
            (c, at) for c, at in expected if c == "GD101"
        }


# Inputs that fuzzing found, by the reader's name in fuzz.py.
CAME_UPON: list[tuple[str, bytes]] = [
    ("json", b'{"a": NaN}'),
    ("json", b'{"": [-Infinity]}'),
    ("json", b'{"a": 1e999}'),
]


@pytest.mark.parametrize(("name", "content"), CAME_UPON)
def test_what_fuzzing_found(name: str, content: bytes, tmp_path: Path) -> None:
    target, _ = TARGETS[name]
    target(tmp_path, content)


def _before(content: bytes) -> set[tuple[str, int]]:
    """What can be found in the bytes before the first that is not UTF-8."""
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        return expected_of_bytes(content[: error.start])[1]
    return set()


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=40))
@example(b"\x80,\x80,\x80")
def test_only_the_right_header_is_accepted(small: Path, content: bytes) -> None:
    path = small / "bytes"
    path.write_bytes(content)
    report = Report("", "")
    same = check_header(path, "things.csv", THINGS, report)
    assert same == (content.partition(b"\n")[0].rstrip(b"\r") == b"key,one,two")
    # A header with a byte that is not UTF-8 is only reported for that byte.
    unread = not check_bytes(path, "things.csv", THINGS, Report("", ""), 1_000, 64)
    assert bool(report.diagnostics) == (not same) or unread


def test_every_hidden_character_is_known() -> None:
    """Compared with Unicode: format and control characters, except visible ones."""
    seen = {0x0600, 0x0601, 0x0602, 0x0603, 0x0604, 0x0605, 0x06DD, 0x070F, 0x0890, 0x0891, 0x08E2}
    hiding = {
        code
        for code in range(0x110000)
        if unicodedata.category(chr(code)) in ("Cf", "Cc", "Zl", "Zp") and code not in seen
    } - {0x09, 0x0A, 0x0D}
    # Private-use characters, noncharacters, and replacement characters.
    hiding |= {code for code in range(0x110000) if unicodedata.category(chr(code)) == "Co"}
    hiding |= set(range(0xFFFE, 0x110000, 0x10000))
    hiding |= set(range(0xFFFF, 0x110000, 0x10000))
    hiding |= {*range(0xFDD0, 0xFDF0), 0xFFFC, 0xFFFD, 0x1D159}
    assert not {hex(code) for code in hiding if not HIDDEN.fullmatch(chr(code))}
    for visible in "aé’“—… \u00a0\u2002\n\tßЖ中あ한ﷺ🙂٣½":
        assert not HIDDEN.search(visible)


JSON = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5),
        st.sampled_from(["name", "string", "integer", "required", "../x", "things.csv", "^(a", ""]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)  # fmt: skip


def _paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    found = []
    for key, one in inner:
        found.append((*at, key))
        if isinstance(one, (dict, list)):
            found += _paths(one, (*at, key))
    return found


PATHS = _paths(SMALL)


@pytest.mark.long
@settings(max_examples=300, deadline=None)
@given(st.sampled_from(PATHS), JSON, st.booleans())
def test_any_json_anywhere_in_a_descriptor(
    small: Path, at: tuple[Any, ...], value: Any, gone: bool
) -> None:
    """Either it is read as a contract and every layer runs, or there is one finding."""
    descriptor = json.loads(json.dumps(SMALL))
    node = descriptor
    for key in at[:-1]:
        node = node[key]
    if gone:
        del node[at[-1]]
    else:
        node[at[-1]] = value
    root = small / "any"
    root.mkdir(exist_ok=True)
    (root / "things.csv").write_bytes(b"key,one,two\na,b,c\n")
    (root / DESCRIPTOR).write_bytes(json.dumps(descriptor).encode())
    try:
        Contract.read(root)
    except ContractError as error:
        assert str(error)  # noqa: PT017
        assert [d.code for d in report_on(root, official=False).diagnostics] == ["GD001"]
        return
    report = report_on(root, official=False)
    assert report.ok() or report.diagnostics or report.failures


@settings(max_examples=300, deadline=None)
@given(JSON)
def test_any_json_as_a_field(value: Any) -> None:
    try:
        schema = {"fields": [value, {"name": "key", "type": "string"}], "primaryKey": "key"}
        things = Resource.read({"name": "things"}, schema, "here")
    except ContractError as error:
        assert str(error)  # noqa: PT017
    else:
        assert things.fields[0].raw == value


# ---------------------------------------------------------------------------------- Parquet
@pytest.fixture
def parquet(tmp_path: Path) -> Path:
    """The shipped package with Parquet files instead of CSV files."""
    import pyarrow.parquet as pq

    from gazadata.package import Package

    root = copy_to(tmp_path / "package")
    package = Package.open(root)
    descriptor = S.descriptor()
    for resource in descriptor["resources"]:
        table = package.table(resource["name"])
        path = Path(resource["path"])
        resource["path"] = path.with_suffix(".parquet").as_posix()
        resource |= {"format": "parquet", "mediatype": "application/vnd.apache.parquet"}
        for at in ("encoding", "dialect"):
            resource.pop(at)
        pq.write_table(table, root / resource["path"])
        (root / path).unlink()
    (root / DESCRIPTOR).write_bytes(json_bytes(descriptor))
    return root


def _rewrite(root: Path, name: str, number: int, at: str, value: Any) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = root / f"data/{name}.parquet"
    table = pq.read_table(path)
    rows = table.to_pylist()
    rows[number][at] = value
    nullable = pa.schema([(field.name, field.type) for field in table.schema])
    pq.write_table(pa.Table.from_pylist(rows, schema=nullable), path)


REFERENCES = ("countries", "dates", "entities")
"""The files of reference/ that notes name, which are checked, too."""


def test_a_package_in_parquet_is_as_clean_as_in_csv(parquet: Path) -> None:
    report = report_on(parquet)
    assert report.ok(strict=True), (report.diagnostics, report.failures)
    assert report.rows == {name: len(S.rows(name)) for name in S.contract.resources}
    # Characters are checked in files, rows in tables.
    size = sum(path.stat().st_size for path in (parquet / "data").iterdir())
    size += sum((parquet / f"reference/{name}.csv").stat().st_size for name in REFERENCES)
    assert report.counts["GD112"].checked == size <= report.counts["GD103"].checked
    assert report.counts["GD108"].checked == sum(report.rows.values())


@pytest.mark.parametrize(
    ("name", "at", "value", "code"),
    [
        ("topics", "status", "Proposed", "GD203"),
        ("topics", "part_of", "none-such", "GD207"),
        ("quotes", "exact", "other words", "GD321"),
        ("topics", "topic_id", "A_B", "GD204"),
        ("topics", "label", "a ", "GD109"),
        ("topics", "label", "=a", "GD110"),
        ("topics", "label", "a\u200bb", "GD104"),
        ("topics", "label", "a\nb", "GD104"),
        ("topics", "label", "e\u0301", "GD103"),
        ("topics", "label", "P\u0430kistan", "GD112"),
        ("topics", "label", "", "GD202"),
        ("topics", "part_of", "", "GD108"),
        ("actors", "iso3", "", "GD108"),
        ("events", "event_mode", "", "GD108"),
        ("evidence", "quote_id", "", "GD343"),
        ("events", "occurrences", 0, "GD205"),
        ("passages", "paragraph", 9, "GD311"),
        ("topics", "status", None, "GD202"),
        ("quotes", "char_start", None, "GD202"),
        ("quotes", "char_start", -5, "GD205"),
        ("evidence", "field", "label", "GD334"),
    ],
)
def test_mistakes_in_parquet_are_found_in_their_row(
    name: str, at: str, value: Any, code: str, parquet: Path
) -> None:
    _rewrite(parquet, name, 3, at, value)
    report = report_on(parquet)
    found = [(d.code, d.path, d.line, d.field) for d in report.diagnostics]
    assert (code, f"data/{name}.parquet", 4, at) in found
    assert sum(one[0] == code for one in found) == 1
    if code < "GD206" and at != S.resource(name).key:
        assert len(found) == 1


@pytest.mark.parametrize(
    ("at", "value", "found", "expected", "mend"),
    [
        ("label", "a \u200bb \u200c", "U+200B ZERO WIDTH SPACE", "only visible characters", "Delete"),
        ("label", "a\nb", "U+000A control character", "only visible characters", "Delete"),
        ("label", "a P\u0430kistan", "P\u0430kistan with U+0430 CYRILLIC SMALL LETTER A", "letters of one alphabet", "Retype the word in one alphabet"),
        ("label", "a e\u0301", "e\u0301 (U+0065 U+0301)", "\u00e9 (U+00E9)", "fix the table there, and write the Parquet file from it"),
        ("label", f"x{DISORDER}", "more than 30 combining marks in a row", "30 at most", ""),
        ("part_of", "", "", "null for an empty cell", "Write null"),
    ],
)  # fmt: skip
def test_a_cell_in_parquet_gets_the_same_finding_as_in_csv(
    at: str, value: str, found: str, expected: str, mend: str, parquet: Path
) -> None:
    _rewrite(parquet, "topics", 3, at, value)
    (one,) = report_on(parquet, official=False).diagnostics
    assert (one.field, one.found, one.expected) == (at, found, expected)
    assert mend in (one.help or "")


def test_gd108_fmt_alone_does_not_fix_the_order_of_parquet_rows(parquet: Path) -> None:
    import pyarrow.parquet as pq

    path = parquet / "data/topics.parquet"
    table = pq.read_table(path)
    pq.write_table(table.take([1, 0, *range(2, table.num_rows)]), path)
    (one,) = report_on(parquet).diagnostics
    assert one.code == "GD108"
    assert "It only works on CSV" in (one.help or "")


def test_empty_strings_in_parquet_count_as_nulls_for_uniqueness(parquet: Path) -> None:
    """They count as empty, like nulls, when rows are compared."""
    for number in (0, 1, 2):
        _rewrite(parquet, "actors", number, "wikidata_id", "")
    report = report_on(parquet, official=False)
    assert {d.code for d in report.diagnostics} <= {"GD108", "GD334"}
    assert report.counts["GD108"].found == 3


def test_gd107_a_damaged_page_of_parquet(parquet: Path) -> None:
    path = parquet / "data/evidence.parquet"
    content = bytearray(path.read_bytes())
    content[200:1_200] = b"\0" * 1_000
    path.write_bytes(content)
    (one,) = (d for d in report_on(parquet).diagnostics if d.path == "data/evidence.parquet")
    assert (one.code, one.expected) == ("GD107", "a Parquet file")
    assert "write it again" in (one.help or "")


def test_gd107_a_parquet_file_that_is_not_one(parquet: Path) -> None:
    (parquet / "data/events.parquet").write_bytes(b"PAR1" + _garbage() + b"PAR1")
    report = report_on(parquet)
    assert [(d.code, d.path) for d in report.diagnostics] == [("GD107", "data/events.parquet")]
    assert report.diagnostics[0].expected == "a Parquet file"
    assert "comma" not in (report.diagnostics[0].help or "")


def test_a_parquet_file_with_other_columns(parquet: Path) -> None:
    import pyarrow.parquet as pq

    path = parquet / "data/topics.parquet"
    table = pq.read_table(path)
    pq.write_table(table.append_column("more", table["label"]), path)
    (found,) = report_on(parquet).diagnostics
    assert (found.code, found.help) == (
        "GD105",
        "Write the file with the schema's columns, in their order.",
    )
    pq.write_table(table.set_column(1, "label", table["label"].cast("large_binary")), path)
    (found,) = report_on(parquet).diagnostics
    assert (found.code, found.help) == ("GD201", "Write the column label in the schema's type.")


def test_gd106_an_empty_parquet_file(parquet: Path) -> None:
    import pyarrow.parquet as pq

    path = parquet / "data/conditions.parquet"
    pq.write_table(pq.read_table(path).slice(0, 0), path)
    assert [d.code for d in report_on(parquet).diagnostics] == ["GD106"]


@pytest.mark.parametrize("printed", ["", "hello", "{"])
def test_a_process_that_prints_no_answer_did_not_run(printed: str) -> None:
    """Something that frictionless imports may print before the answer."""
    command = [sys.executable, "-c", f"print({printed!r})"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        result = standard.finish(process, TIMEOUT, 0)
    assert "did not run" in result["failure"]


@pytest.mark.parametrize(
    ("errors", "blamed"),
    [(standard.MANY, f"fix the {standard.MANY:,} errors"), (standard.MANY - 1, "avoid patterns")],
)
def test_what_is_blamed_if_frictionless_takes_too_long(errors: int, blamed: str) -> None:
    """Half a million rows with the same key took too long, and no pattern was to blame."""
    sleeping = [sys.executable, "-c", "import time; time.sleep(600)"]
    pipe = subprocess.PIPE
    process = subprocess.Popen(sleeping, stdin=pipe, stdout=pipe, stderr=pipe)
    failure = standard.finish(process, 0.1, errors)["failure"]
    assert blamed in failure
    assert ("patterns" in failure) is (errors < standard.MANY)
    assert process.poll() is not None
