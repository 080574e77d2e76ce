"""Opening a package by a name: a folder, an archive, a version in a store, a git revision."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from gazadata.contract import DESCRIPTOR
from gazadata.contract.version import parse
from gazadata.errors import ReleaseError
from gazadata.package import Package
from gazadata.release.archive import leads_out, open_archive
from gazadata.release.fetch import LATEST, open_release
from gazadata.release.lock import FILE, Lock
from gazadata.release.manifest import open_package


@contextmanager
def side(name: str, stores: list[str] | None = None) -> Iterator[Package]:
    """Open a package by a name: a folder, a .zip, a version in a store, or a git revision.

    A version is looked up only if a store is named: in `stores`, in GAZADATA_STORE or in
    gazadata.lock. A release's tables are checked against its manifest when they are read.

    Raises:
        ReleaseError: it is none of these.
        StoreError: no store has the version, or a release is damaged.
        ReadError, ContractError: it holds no package that can be read.
    """
    path = Path(name)
    if path.is_dir() or path.name == DESCRIPTOR:
        yield open_package(path)
    elif path.is_file():
        yield open_archive(path)
    elif (name == LATEST or parse(name)) and (stores or _names_store()):
        yield open_release(name, stores or ())
    else:
        with tempfile.TemporaryDirectory() as folder:
            _checkout(name, Path(folder))
            yield Package.open(folder)


def _names_store() -> bool:
    """Whether the environment or the lock names a store."""
    if os.environ.get("GAZADATA_STORE", "").strip():
        return True
    locked = Lock.read(FILE)
    return locked is not None and locked.store is not None


def _checkout(revision: str, folder: Path) -> None:
    """Write the package of a commit, or of a folder in one (`HEAD:folder`), as it was committed.

    An archive or a work tree would depend on the attributes of paths, and on the line endings that
    the user has configured.
    """
    # A name that begins with a hyphen must not become an option for git.
    found = _git(revision, "rev-parse", "--verify", "--quiet", "--end-of-options", revision)
    if found.returncode != 0:
        why = _stderr(found)
        known = f"git says: {why}" if why else "this repository has no such revision"
        raise _not_found(revision, known)
    tree = found.stdout.decode().strip()
    parts = [DESCRIPTOR, "data", "schemas", "reference"]
    listed = _git(revision, "ls-tree", "-r", "-z", "--full-tree", tree, *parts)
    if listed.returncode != 0:
        raise _unreadable(revision, _stderr(listed))
    for entry in filter(None, listed.stdout.split(b"\0")):
        about, _, name = entry.partition(b"\t")
        mode, _, blob = about.decode().split()
        path = os.fsdecode(name)
        if mode not in ("100644", "100755") or leads_out(path):
            raise _unreadable(revision, f"{path!r} is a link, or outside the repository")
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        with (folder / path).open("xb") as file:
            written = _git(revision, "cat-file", "blob", blob, to=file)
        if written.returncode != 0:
            raise _unreadable(revision, _stderr(written))
    if not (folder / DESCRIPTOR).is_file():
        raise ReleaseError(
            f"the git revision {revision!r} has no datapackage.json at its top; name the package's "
            f"folder as {revision.partition(':')[0]}:FOLDER"
        )


def _git(
    revision: str, *arguments: str, to: BinaryIO | int = subprocess.PIPE
) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(["git", *arguments], stdout=to, stderr=subprocess.PIPE, check=False)
    except FileNotFoundError:
        raise _not_found(revision, "git is not installed") from None


def _stderr(git: subprocess.CompletedProcess[bytes]) -> str:
    return " ".join(git.stderr.decode("utf-8", "replace").split())


def _unreadable(revision: str, why: str) -> ReleaseError:
    return ReleaseError(
        f"the git revision {revision!r} cannot be read as a package: {why}; check it out and name "
        "the folder"
    )


def _not_found(name: str, git: str) -> ReleaseError:
    return ReleaseError(
        f"cannot find {name!r} as a folder, archive, version or git revision: no such path; a "
        "version looks like 1.0.0 and needs a store (--store, GAZADATA_STORE or gazadata.lock); "
        f"{git}"
    )
