"""The two sides of a diff: a folder, an archive, or a git revision of the repository."""

from __future__ import annotations

import io
import lzma
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

    Raises:
        ReleaseError: it is none of these.
        ReadError, ContractError: it holds no package that can be read.
    """
    path = Path(name)
    if path.is_dir() or path.name == "datapackage.json":
        yield Package.open(path)
    elif path.is_file():
        with tempfile.TemporaryDirectory() as folder:
            yield Package.open(_unzipped(path, Path(folder)))
    elif stores:
        from gazadata.release.fetch import open_release

        yield open_release(name, stores)
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


def _checkout(revision: str, folder: Path) -> None:
    done = subprocess.run(
        ["git", "archive", "--format=tar", revision, "datapackage.json", "data", "schemas"],
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        why = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise ReleaseError(
            f"{revision!r} is no folder, no archive and no git revision here ({' '.join(why)}); "
            f"for a version in a store give --store"
        )
    try:
        with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
            archive.extractall(folder, filter="data")
    except tarfile.TarError as error:
        raise ReleaseError(
            f"the git revision {revision!r} cannot be unpacked: {error}; check it out and give "
            f"the folder"
        ) from None
