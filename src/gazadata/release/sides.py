"""The two sides of a diff: a folder, an archive, a version in a store, or a git revision."""

from __future__ import annotations

import io
import lzma
import os
import subprocess
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gazadata.package import Package
from gazadata.release.files import ReleaseError

# What zipfile raises for a damaged archive; a RuntimeError for one that is encrypted, or compressed
# in a way that Python does not know.
_NO_ZIP = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError)


@contextmanager
def side(name: str, stores: list[str] | None = None) -> Iterator[Package]:
    """Open what a person named: a folder, a .zip, a version in a store, or a git revision.

    A store is asked for what is written as a version is, and only where one is named: in `stores`
    or in GAZADATA_STORE.

    Raises:
        ReleaseError: it is none of these.
        StoreError: no store has the version.
        ReadError, ContractError: it holds no package that can be read.
    """
    path = Path(name)
    if path.is_dir() or path.name == "datapackage.json":
        yield Package.open(path)
    elif path.is_file():
        with tempfile.TemporaryDirectory() as folder:
            yield Package.open(_unzipped(path, Path(folder)))
    elif (stores or os.environ.get("GAZADATA_STORE", "").split()) and _is_version(name):
        from gazadata.release.fetch import open_release

        yield open_release(name, stores or ())
    else:
        with tempfile.TemporaryDirectory() as folder:
            _checkout(name, Path(folder))
            yield Package.open(folder)


def _unzipped(path: Path, folder: Path) -> Path:
    try:
        with zipfile.ZipFile(path) as archive:
            archive.extractall(folder)
    except (*_NO_ZIP, RuntimeError) as error:
        raise ReleaseError(
            f"{path} is no folder and cannot be unpacked as a zip archive: {error}; fetch it "
            f"again, or unpack it and give the folder"
        ) from None
    found = sorted(folder.rglob("datapackage.json"), key=lambda p: len(p.parts))
    if not found:
        raise ReleaseError(f"{path} holds no datapackage.json")
    return found[0].parent


def _is_version(name: str) -> bool:
    from gazadata.release.fetch import LATEST
    from gazadata.release.store import StoreError, precedence

    try:
        precedence(name)
    except StoreError:
        return name == LATEST
    return True


def _checkout(revision: str, folder: Path) -> None:
    # A name that begins with a hyphen must not become an option of git's.
    resolve = ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"]
    found = _git(revision, resolve)
    if found.returncode != 0:
        why = found.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        known = f"git says here: {why[0]}" if why else "the repository here has none of that name"
        raise _nothing(revision, known)
    commit = found.stdout.decode().strip()
    # From a subfolder git would pack that alone.
    top = _git(revision, ["rev-parse", "--show-cdup"]).stdout.decode().rstrip("\n") or "."
    parts = ["datapackage.json", "data", "schemas"]
    done = _git(revision, ["-C", top, "archive", "--format=tar", commit, *parts])
    if done.returncode != 0:
        why = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise ReleaseError(
            f"the git revision {revision!r} does not hold a package at its top: {' '.join(why)}"
        )
    try:
        with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
            archive.extractall(folder, filter="data")
    except tarfile.TarError as error:
        raise ReleaseError(
            f"the git revision {revision!r} cannot be unpacked: {error}; check it out and give "
            f"the folder"
        ) from None


def _git(revision: str, arguments: list[str]) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(["git", *arguments], capture_output=True, check=False)
    except FileNotFoundError:
        raise _nothing(revision, "git is not installed") from None


def _nothing(name: str, git: str) -> ReleaseError:
    return ReleaseError(
        f"{name!r} names no side of a diff: for a folder or a zip archive there is no such path; "
        f"for a version it must look like 1.0.0, and a store be named (--store, GAZADATA_STORE); "
        f"for a git revision, {git}"
    )
