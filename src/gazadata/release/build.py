"""Building a release: validate, then write every file of it, the same bytes for the same input."""

from __future__ import annotations

import copy
import shutil
import zipfile
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gazadata import retired
from gazadata.atomic import part_of
from gazadata.contract import Resource
from gazadata.curate.canonical import canonical_retired
from gazadata.errors import MissingExtra
from gazadata.package import Package
from gazadata.release.bump import check_stated
from gazadata.release.changes import check_version, without_parent
from gazadata.release.files import (
    FaultsError,
    ReleaseError,
    json_bytes,
    listing,
    sha256,
    sums_bytes,
    whole_folder,
)
from gazadata.release.manifest import ATTRIBUTES, MANIFEST, Manifest, check_outside
from gazadata.release.verify import verified
from gazadata.version import parse

if TYPE_CHECKING:
    import polars as pl

NEEDED = ("GD301", "GD348")
"""Rules that only warn where the texts or the references are not there: a release has none."""

ROW_GROUP = 1 << 20
"""Rows of a Parquet row group: a table of this package is one."""


def _check_beside(target: Path, package: Package) -> None:
    """Refuse a place among the package's own files: whatever is there belongs to it."""
    resources = package.contract.resources.values()
    folders = {(package.root / resource.path).parent.resolve() for resource in resources}
    for folder in folders - {package.root.resolve()}:
        if target.resolve().is_relative_to(folder):
            raise ReleaseError(
                f"{target} lies in {folder}, where the package has its tables, and nothing that it "
                "does not list may lie there; choose another --out"
            )


def build(
    path: str | Path, out: Path, *, parent: Path | None = None, archive: bool = False
) -> Path:
    """Build the release of the package at `path` into the folder `out`.

    Args:
        path: the package.
        out: where `<name>-<version>/` is put; made if it is not there.
        parent: the release that this one follows, its folder or its archive; what changed since
            decides the least version.
        archive: also write `<name>-<version>.zip`: stored, sorted, with fixed dates.

    Returns:
        The release folder.

    Raises:
        FaultsError: the package has findings, the texts or references to prove it are not there, or
            the parent does not verify.
        StoreError: a table's name is none that every system can have a file of.
        ReleaseError: it declares too small a version, states another version, date or number of
            rows elsewhere, gives an identifier up without a word or gives one again; the parent is
            no release; or the target is there already or cannot be written.
        ReadError, ContractError: there is no package that can be read.
        MissingExtra: the extra `validate` is not installed.
    """
    package = Package.open(path)
    if not parse(package.contract.version):
        raise ReleaseError(f"version {package.contract.version!r} is not major.minor.patch")
    target = out / f"{package.contract.name}-{package.contract.version}"
    zipped = target.with_name(f"{target.name}.zip")
    if archive and zipped.exists():
        raise ReleaseError(f"{zipped} is there already; remove it or choose another --out")
    check_outside(target)
    _check_beside(target, package)
    part = part_of(zipped)
    try:
        with whole_folder(target) as folder, _opened(parent) as before:
            rows = _validated(package)
            check_stated(package, rows, before)
            changes = check_version(package, before) if before else without_parent(package)
            _write(package, folder, changes, before, rows)
            if archive:
                _zip(folder, target, part)
        if archive:
            part.replace(zipped)
    finally:
        with suppress(OSError):
            part.unlink()
    return target


def _opened(parent: Path | None) -> AbstractContextManager[Package | None]:
    """The parent, which is vouched for by its hash in what is built and so has to verify."""
    return nullcontext() if parent is None else verified(parent)


def _validated(package: Package) -> dict[str, int]:
    """Refuse a package with findings; how many rows of each table validation has read."""
    from gazadata.validate import validate

    report = validate(package.root, limit=20)
    if unheld := [d for d in report.diagnostics if d.code in NEEDED and d.severity == "warning"]:
        raise FaultsError(
            "\n".join(
                [
                    "no release is built, as not all of it could be proven:",
                    *(f"  {d.found}: {d.expected}" for d in unheld),
                    "a release is built from the repository, where raw/ and reference/ are; put "
                    "back what is missing",
                ]
            )
        )
    if report.ok():
        return report.rows
    shown = [
        f"  {d.path}:{d.line or 1}: {d.code} {d.message}: found {d.found}, expected {d.expected}"
        for d in report.diagnostics
        if d.severity == "error"
    ][:20]
    raise FaultsError(
        "\n".join(
            [
                f"no release is built: {report.errors} findings, {len(report.failures)} failures",
                *shown,
                *(f"  {failure}" for failure in report.failures),
                "see them all with: gazadata validate",
            ]
        )
    )


def _write(
    package: Package,
    folder: Path,
    changes: str,
    before: Package | None,
    validated: dict[str, int],
) -> None:
    from gazadata.dataset import Dataset
    from gazadata.display.pages import release_pages
    from gazadata.release.annotations import write_annotations
    from gazadata.release.croissant import croissant

    contract = package.contract
    descriptor = copy.deepcopy(contract.descriptor)
    (folder / "csv").mkdir()
    (folder / "parquet").mkdir()
    tables: dict[str, Any] = {}
    files = _Files(folder)
    for part in descriptor["resources"]:
        resource = contract[part["name"]]
        csv, parquet = f"csv/{resource.name}.csv", f"parquet/{resource.name}.parquet"
        rows = _write_table(package, resource, folder / csv, folder / parquet)
        if rows != validated.get(resource.name):
            raise FaultsError(
                f"no release is built: {rows} rows of {resource.name} were written, and "
                f"{validated.get(resource.name, 0)} were validated; build "
                "again while no file changes"
            )
        size, digest = files.add(csv)
        files.add(parquet)
        tables[resource.name] = {"rows": rows, "digest": f"sha256:{digest}"}
        part["path"] = csv
        part["format"], part["mediatype"], part["encoding"] = "csv", "text/csv", "utf-8"
        part["bytes"], part["hash"] = size, f"sha256:{digest}"
        part["schema"] = resource.schema
    files.put("datapackage.json", json_bytes(descriptor))
    files.put("LICENSE", _companion(package, "LICENSE"))
    files.put("codebook.md", _companion(package, "codebook.md", "docs/codebook.md"))
    files.put("CHANGES.md", changes.encode("utf-8"))
    if given_up := retired.read(package):
        files.put(retired.FILE, canonical_retired(given_up))
    built = Package.open(folder)
    files.put("croissant.json", json_bytes(croissant(built.contract, files.sums)))
    write_annotations(built, folder / "annotations.jsonld")
    files.add("annotations.jsonld")
    for name, content in release_pages(Dataset(Package.open(folder))).items():
        files.put(name, content)
    files.put("manifest.json", json_bytes(_manifest(package, files.sums, tables, before)))
    files.put("SHA256SUMS", sums_bytes({name: digest for name, (_, digest) in files.sums.items()}))
    for name, content in ATTRIBUTES.items():
        (folder / name).write_bytes(content)
    # Whoever reads it refuses what a name cannot be on every system; so it is not released.
    Manifest.of(folder, MANIFEST)


class _Files:
    """What was written into a folder: the size and the SHA-256 of each file, computed once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sums: dict[str, tuple[int, str]] = {}

    def put(self, name: str, content: bytes) -> None:
        (self.folder / name).write_bytes(content)
        self.add(name)

    def add(self, name: str) -> tuple[int, str]:
        path = self.folder / name
        self.sums[name] = path.stat().st_size, sha256(path)
        return self.sums[name]


def _manifest(
    package: Package,
    sums: dict[str, tuple[int, str]],
    tables: dict[str, Any],
    before: Package | None,
) -> dict[str, Any]:
    import polars as pl
    import pyarrow as pa

    contract = package.contract
    parent = before and {
        "version": before.contract.version,
        "manifest_sha256": sha256(before.root / MANIFEST),
    }
    return {
        "format": "gazadata-manifest/1",
        "name": contract.name,
        "version": contract.version,
        "created": contract.descriptor.get("created"),
        "parent": parent,
        "tools": {"polars": pl.__version__, "pyarrow": pa.__version__},
        "tables": tables,
        "files": [
            {"path": name, "bytes": size, "sha256": digest}
            for name, (size, digest) in sorted(sums.items())
        ],
    }


def _write_table(package: Package, resource: Resource, csv: Path, parquet: Path) -> int:
    """Write a table in canonical form, and as Parquet by the contract; return its rows."""
    try:
        from gazadata.validate.tables import LINE, strings
    except ImportError:
        raise MissingExtra("polars", "validate") from None
    frame = strings(package.path(resource.name), resource).drop(LINE)
    rows = _write_sorted(package, resource, frame, csv, parquet)
    if rows is None:
        # Only what is not in order is sorted, since it has to be held in memory for that.
        rows = _write_sorted(package, resource, frame.sort(resource.key), csv, parquet)
    assert rows is not None
    return rows


def _write_sorted(
    package: Package, resource: Resource, frame: pl.LazyFrame, csv: Path, parquet: Path
) -> int | None:
    """Write a table in one pass over its rows; None where they are not in the order of its key."""
    import polars as pl
    import pyarrow.parquet as pq

    from gazadata.arrow import released_schema
    from gazadata.validate.tables import BATCH, typed

    schema = released_schema(resource, package.contract)
    types = [typed(field) for field in resource.fields]
    waiting = pl.DataFrame(schema=dict.fromkeys(resource.field_names, pl.String))
    last: str | None = None
    rows = 0
    with (
        csv.open("wb") as file,
        pq.ParquetWriter(parquet.absolute(), schema, compression="zstd", version="2.6") as writer,
    ):

        def write_group(group: pl.DataFrame) -> None:
            # Combined, so that pages end where they end whatever batches the rows came in.
            table = group.select(types).rechunk().to_arrow().cast(schema).combine_chunks()
            writer.write_table(table, row_group_size=ROW_GROUP)

        waiting.write_csv(file)
        for batch in frame.collect_batches(chunk_size=BATCH, maintain_order=True):
            keys = batch[resource.key]
            if not (keys >= keys.shift(1, fill_value=last)).all():
                return None
            last = keys[-1] if batch.height else last
            rows += batch.height
            batch.write_csv(file, include_header=False)
            waiting = pl.concat([waiting, batch])
            while waiting.height >= ROW_GROUP:
                write_group(waiting.head(ROW_GROUP))
                waiting = waiting.slice(ROW_GROUP)
        if waiting.height:
            write_group(waiting)
    return rows


def _companion(package: Package, *names: str) -> bytes:
    for name in names:
        if (package.root / name).is_file():
            return (package.root / name).read_bytes()
    raise ReleaseError(f"{package.root}: a release needs the file {' or '.join(names)}")


def _zip(folder: Path, target: Path, part: Path) -> None:
    """Write the archive of what is to be `target` into `part`, its name until that is there."""
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
