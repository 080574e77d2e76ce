"""Every reader names what is in a file's place, with a remedy."""

from __future__ import annotations

import csv
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gazadata import sniff
from gazadata.curate.fmt import format_package
from gazadata.curate.lookup import find_in_package
from gazadata.curate.tables import read_table
from gazadata.errors import GazadataError
from gazadata.opening import open_dataset
from gazadata.package import Package
from gazadata.release.diff import diff
from gazadata.release.lock import Lock
from gazadata.validate import validate

pytestmark = pytest.mark.sampled

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"
PAGE = b"\n<!DOCTYPE html>\n<html><title>Sign in</title></html>\n"
CONFLICT = b"a\n<<<<<<< HEAD\nb\n=======\nc\n>>>>>>> theirs\n"


def workbook() -> bytes:
    import openpyxl

    out = io.BytesIO()
    openpyxl.Workbook().save(out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "what", "line"),
    [
        (LFS, "a Git LFS pointer", 1),
        (b"/annex/objects/SHA256E-s3--ab.csv\n", "a git-annex pointer", 1),
        (PAGE, "a web page", 1),
        (b"\xef\xbb\xbf<html lang=en>", "a web page", 1),
        (CONFLICT, "a merge conflict", 2),
        (workbook(), "a workbook", 1),
        (b"PK\x03\x04 others", "a zip archive", 1),
        ("text".encode("utf-16"), "text in UTF-16", 1),
    ],
)
def test_what_is_recognised(content: bytes, what: str, line: int) -> None:
    found = sniff.content(content)
    assert found is not None
    assert (found.what, found.line) == (what, line)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"topic_id,label\nisf,<html> is a tag\n",
        b"version https://example.org\n",
        b"a\n=======\nb\n",
        b"<<<<<<<\n",
        b"<!doctypes are discussed here",
    ],
)
def test_what_is_not_recognised(content: bytes) -> None:
    assert sniff.content(content) is None


def put(path: Path, content: bytes | str) -> None:
    """Put content, or a link to it, in a file's place."""
    path.unlink(missing_ok=True)
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.symlink_to(content)


ANNEX = "../.git/annex/objects/x1/y2/SHA256E-s3--ab/SHA256E-s3--ab"
TABLE: dict[str, tuple[bytes | str, str, str]] = {
    "LFS": (LFS, "a Git LFS pointer", "git lfs pull"),
    "page": (PAGE, "a web page", "Download"),
    "workbook": (workbook(), "a workbook", "CSV in UTF-8"),
    "annex": (ANNEX, "a link into the store of git-annex", "git annex get"),
}


@pytest.mark.parametrize("name", TABLE)
def test_every_reader_of_tables_names_what_is_there(name: str, package_copy: Path) -> None:
    content, what, remedy = TABLE[name]
    before = Package.open(Path(shutil.copytree(package_copy, package_copy.with_name("before"))))
    put(package_copy / "data/topics.csv", content)
    package = Package.open(package_copy)
    readers: list[Callable[[], object]] = [
        lambda: open_dataset(package_copy).load("topics"),
        lambda: open_dataset(package_copy).explain("topics", "isf"),
        lambda: read_table(package_copy / "data/topics.csv", package.contract["topics"]),
        lambda: format_package(package),
        lambda: diff(before, package),
    ]
    for read in readers:
        with pytest.raises(GazadataError) as caught:
            read()
        assert f"found {what}; " in str(caught.value)
        assert remedy.lower() in str(caught.value).lower()
    (one,) = validate(package_copy).diagnostics
    assert what in (one.found or "")
    assert remedy in (one.help or "")


@pytest.mark.parametrize("place", ["schemas/topics.json", "datapackage.json"])
def test_every_reader_of_the_contract_names_what_is_there(place: str, package_copy: Path) -> None:
    content = (package_copy / place).read_bytes().split(b"\n", 3)
    lines = [*content[:3], b"<<<<<<< HEAD", content[3]]
    (package_copy / place).write_bytes(b"\n".join(lines))
    with pytest.raises(GazadataError, match=f"{Path(place).name}:4:1: found a merge conflict"):
        open_dataset(package_copy)
    (one,) = validate(package_copy).diagnostics
    assert (one.code, one.path, one.line, one.found) == ("GD001", place, 4, "a merge conflict")
    assert "delete the markers" in (one.help or "")


@pytest.mark.long
def test_a_text_that_is_elsewhere(package_copy: Path) -> None:
    text = next((package_copy / "raw").iterdir())
    put(text, ANNEX)
    (one,) = (d for d in validate(package_copy).diagnostics if d.severity == "error")
    assert "git-annex" in (one.found or "")
    put(text, LFS)
    package = Package.open(package_copy)
    with pytest.raises(GazadataError, match="a Git LFS pointer"):
        find_in_package(package, "troops")
    (problem,) = format_package(package).problems
    assert "a Git LFS pointer" in problem.message
    (one,) = (d for d in validate(package_copy).diagnostics if d.severity == "error")
    assert (one.code, one.help) == (
        "GD301",
        "Fetch the file that it points to: run `git lfs pull`.",
    )


def test_reference_files_and_retired_identifiers(package_copy: Path) -> None:
    put(package_copy / "reference/countries.csv", PAGE)
    (package_copy / "data/retired.csv").write_bytes(LFS)
    found = {(d.path, d.found) for d in validate(package_copy).diagnostics}
    assert found == {
        ("reference/countries.csv", "a web page"),
        ("data/retired.csv", "a Git LFS pointer"),
    }
    with pytest.raises(GazadataError, match=r"retired\.csv:1: found a Git LFS pointer"):
        format_package(Package.open(package_copy))


def test_a_reference_with_semicolons(package_copy: Path) -> None:
    path = package_copy / "reference/countries.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=";", lineterminator="\n").writerows(rows)
    report = validate(package_copy)
    assert any("semicolons between the names" in (d.expected or "") for d in report.diagnostics)


def test_a_lock_with_a_conflict(tmp_path: Path) -> None:
    (tmp_path / "gazadata.lock").write_bytes(b"{\n" + CONFLICT)
    with pytest.raises(GazadataError, match=r"lock:3:1: found a merge conflict"):
        Lock.read(tmp_path / "gazadata.lock")


@pytest.mark.skipif(shutil.which("git") is None, reason="Git is not installed")
def test_a_conflict_that_git_made(package_copy: Path) -> None:
    """Merge two branches that changed the same row."""

    def git(*arguments: str) -> None:
        env = {"GIT_CONFIG_GLOBAL": os.devnull, "PATH": os.environ["PATH"]}
        own = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"]
        command = ["git", *own, *arguments]
        subprocess.run(command, cwd=package_copy, env=env, check=False, capture_output=True)

    path = package_copy / "data/topics.csv"
    git("init")
    git("add", ".")
    git("commit", "-m", "one")
    for branch in ("ours", "theirs"):
        git("checkout", "-b", branch, "main")
        first, second, rest = path.read_text("utf-8").split("\n", 2)
        path.write_text("\n".join([first, f"{second} {branch}", rest]), "utf-8")
        git("commit", "-am", branch)
    git("merge", "ours")
    with pytest.raises(GazadataError, match=r"topics\.csv:2: found a merge conflict"):
        open_dataset(package_copy).load("topics")
    done = subprocess.run(
        [sys.executable, "-m", "gazadata", "explain", "topics", "isf", "--package", package_copy],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "delete the markers" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("link", "there", "remedy"),
    [
        ("../store/.git/annex/objects/a/b/c.csv", True, "git annex unlock"),
        ("../store/.git/annex/objects/a/b/c.csv", False, "git annex get"),
        ("../store/.dvc/cache/files/md5/a/b", True, "dvc unprotect"),
        ("../store/.dvc/cache/files/md5/a/b", False, "dvc pull"),
        ("../gone.csv", False, "broken link to ../gone.csv; restore"),
    ],
)
def test_a_link_out_of_the_package_gets_a_remedy(
    link: str, there: bool, remedy: str, package_copy: Path
) -> None:
    """A content store links to files outside the package, which is not allowed."""
    table = package_copy / "data/topics.csv"
    content = table.read_bytes()
    target = package_copy / link.removeprefix("../").replace("store", "../store", 1)
    if there:
        target.parent.mkdir(parents=True)
        target.write_bytes(content)
    put(table, os.path.relpath(target, table.parent))
    with pytest.raises(GazadataError, match=remedy):
        open_dataset(package_copy).load("topics")
    found = [d for d in validate(package_copy).diagnostics if d.code == "GD005"]
    assert any(remedy.split(";", maxsplit=1)[0] in f"{d.found} {d.help}" for d in found)


def test_what_dvc_has_not_fetched(package_copy: Path) -> None:
    table = package_copy / "data/topics.csv"
    table.unlink()
    Path(f"{table}.dvc").write_text("outs:\n- md5: ab\n  path: topics.csv\n", "utf-8")
    with pytest.raises(
        GazadataError, match=r"topics\.csv:1: found a file that DVC keeps.*dvc pull"
    ):
        open_dataset(package_copy).load("topics")
    (one,) = validate(package_copy).diagnostics
    assert "dvc pull" in (one.help or "")
