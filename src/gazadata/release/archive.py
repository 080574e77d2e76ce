"""Archives of packages: written reproducibly, unpacked without trusting them."""

from __future__ import annotations

import lzma
import shutil
import tempfile
import weakref
import zipfile
import zlib
from pathlib import Path

from gazadata.contract import DESCRIPTOR
from gazadata.errors import ReleaseError
from gazadata.package import Package
from gazadata.release.files import listing
from gazadata.release.manifest import MAX_BYTES, open_package

NO_ZIP = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    ValueError,
    RuntimeError,
)
"""What zipfile raises for a damaged archive; the last also for encryption and unknown methods."""


def write_zip(folder: Path, target: Path, part: Path) -> None:
    """Write the archive of `folder`, which is to become `target`, to the temporary file `part`."""
    try:
        with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:
            for name in listing(folder):
                # The earliest date that a zip can hold; the permissions of an ordinary file.
                entry = zipfile.ZipInfo(f"{target.name}/{name}", (1980, 1, 1, 0, 0, 0))
                entry.create_system, entry.external_attr = 3, 0o100644 << 16
                entry.file_size = (folder / name).stat().st_size
                with (folder / name).open("rb") as file, archive.open(entry, "w") as member:
                    shutil.copyfileobj(file, member, 1 << 20)
    except OSError as error:
        raise ReleaseError(f"{target}.zip cannot be written: {error.strerror}") from None


def open_archive(path: Path) -> Package:
    """Open the package in an archive, unpacked for as long as the package is in use.

    Raises:
        ReleaseError: it cannot be unpacked, or holds no package.
        StoreError: it is a damaged release.
        ContractError: its descriptor or a schema cannot be read.
    """
    folder = tempfile.mkdtemp(prefix="gazadata-")
    try:
        package = open_package(unzipped(path, Path(folder)), str(path))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    weakref.finalize(package, shutil.rmtree, folder, ignore_errors=True)
    return package


def unzipped(path: Path, folder: Path) -> Path:
    """Unpack an archive into `folder`; return the folder of the package that it holds.

    Raises:
        ReleaseError: it cannot be unpacked, or would unpack differently on other systems.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _check_members(path, archive, folder)
            archive.extractall(folder)
    except NO_ZIP as error:
        raise ReleaseError(
            f"{path} is not a folder, and cannot be unpacked as a zip archive: {error}; fetch it "
            "again, or unpack it and name the folder"
        ) from None
    found = sorted(folder.rglob(DESCRIPTOR), key=lambda p: len(p.parts))
    if not found:
        raise ReleaseError(f"{path} has no datapackage.json")
    if len(found) > 1 and len(found[0].parts) == len(found[1].parts):
        both = " and ".join(p.relative_to(folder).as_posix() for p in found[:2])
        raise ReleaseError(f"{path} has more than one package: {both}; unpack it and name one")
    return found[0].parent


def leads_out(path: str) -> bool:
    """Whether a path could lead out of a folder, on some system at least."""
    return "\\" in path or bool({"", ".", ".."} & set(path.split("/")))


def _check_members(path: Path, archive: zipfile.ZipFile, folder: Path) -> None:
    """Before anything is written, refuse ambiguous paths and excessive sizes."""
    seen: dict[str, str] = {}
    for member in archive.infolist():
        name = member.filename.removesuffix("/")
        if leads_out(name):
            raise ReleaseError(
                f"{path} has {member.filename!r}, which is not a path inside a folder; ask its "
                "publisher for another archive"
            )
        if other := seen.get(name.casefold()):
            raise ReleaseError(
                f"{path} has {name!r} twice, or {other!r}, which is the same on some systems; ask "
                "its publisher for another archive"
            )
        seen[name.casefold()] = name
    size = sum(member.file_size for member in archive.infolist())
    room = min(shutil.disk_usage(folder).free, MAX_BYTES)
    if size > room:
        raise ReleaseError(
            f"{path} unpacks to {size} bytes, but {folder.parent} has room for {room}; set TMPDIR "
            "to another folder"
        )
