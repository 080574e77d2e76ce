"""Building a release: validate, then write every file of it, the same bytes for the same input."""

from __future__ import annotations

import copy
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from gazadata import retired
from gazadata.atomic import part_of
from gazadata.contract import DESCRIPTOR, Resource
from gazadata.contract.version import parse
from gazadata.curate.canonical import canonical_retired
from gazadata.dataset import Dataset
from gazadata.display.pages import release_pages
from gazadata.errors import FaultsError, ReleaseError, extra
from gazadata.package import RETIRED, Package
from gazadata.release.annotations import write_annotations
from gazadata.release.archive import write_zip
from gazadata.release.bump import check_stated
from gazadata.release.changes import check_version, without_parent
from gazadata.release.croissant import croissant
from gazadata.release.files import failed, json_bytes, sha256, whole_folder
from gazadata.release.manifest import ATTRIBUTES, MANIFEST, File, Manifest, check_outside
from gazadata.release.verify import verified
from gazadata.tables.arrow import released_schema

with extra("polars", "validate"):
    import polars as pl

    from gazadata.validate import validate
    from gazadata.validate.reporters.common import faults, one_line
    from gazadata.validate.tables import BATCH, LINE, strings, typed

NEEDED = ("GD301", "GD348")
"""Rules that only warn if the texts or references are missing, as they are in a release; a build
needs both."""

ROW_GROUP = 1 << 20
"""Rows in a Parquet row group."""


def build(
    path: str | Path, out: Path, *, parent: Path | None = None, archive: bool = False
) -> Path:
    """Build the release of the package at `path` into the folder `out`.

    Args:
        path: the package.
        out: the folder for `<name>-<version>/`; created if missing.
        parent: the release that this one follows, its folder or its archive; the changes since
            determine the lowest version.
        archive: also write `<name>-<version>.zip`: stored, sorted, with fixed dates.

    Returns:
        The release folder.

    Raises:
        FaultsError: the package has findings, the texts or references to prove it are missing, or
            the parent does not verify.
        StoreError: a table's name cannot be a file name on some system.
        ReleaseError: its version is too low, its files state another version, date or number of
            rows, an identifier vanished that is not retired or a retired one is used again; the
            parent is not a release; or the target exists or cannot be written.
        ReadError, ContractError: the package cannot be read.
        MissingExtra: the extra `validate` is not installed.
    """
    package = Package.open(path)
    if not parse(package.contract.version):
        raise ReleaseError(
            f"invalid version {package.contract.version!r}; expected MAJOR.MINOR.PATCH"
        )
    target = out / f"{package.contract.name}-{package.contract.version}"
    zipped = target.with_name(f"{target.name}.zip")
    if archive and zipped.exists():
        raise ReleaseError(f"{zipped} exists; remove it or choose another --out")
    check_outside(target)
    _check_beside(target, package)
    part = part_of(zipped)
    try:
        # The parent's hash becomes part of the release, so the parent must verify.
        opened = verified(parent) if parent else nullcontext()
        with whole_folder(target) as folder, opened as before:
            rows = _validated(package)
            check_stated(package, rows, before)
            changes = check_version(package, before) if before else without_parent(package)
            _write(package, folder, changes, before, rows)
            if archive:
                write_zip(folder, target, part)
        if archive:
            part.replace(zipped)
    finally:
        with suppress(OSError):
            part.unlink()
    return target


def _check_beside(target: Path, package: Package) -> None:
    """Refuse a target inside a folder of the package's tables."""
    resources = package.contract.resources.values()
    folders = {(package.root / resource.path).parent.resolve() for resource in resources}
    for folder in folders - {package.root.resolve()}:
        if target.resolve().is_relative_to(folder):
            raise ReleaseError(
                f"{target} is in {folder}, which is for the package's tables; choose another --out"
            )


def _validated(package: Package) -> dict[str, int]:
    """Refuse a package with findings; return the number of rows that validation read, by table."""
    report = validate(package.root, limit=20)
    unproven = [d for d in report.diagnostics if d.code in NEEDED and d.severity == "warning"]
    errors = [d for d in report.diagnostics if d.severity == "error"]
    if report.ok() and not unproven:
        return report.rows
    if unproven:
        what = "not all of the package can be proven"
        advice = "build from the repository, which has raw/ and reference/; restore what is missing"
    else:
        what = faults(report)
        advice = "list all with: gazadata validate"
    shown = [f"{d.path}:{d.line or 1}: {d.code} {one_line(d)}" for d in unproven or errors[:20]]
    said = f"{what}, so no release was built:"
    raise FaultsError(failed(said, [*shown, *report.failures], advice))


def _write(
    package: Package,
    folder: Path,
    changes: str,
    before: Package | None,
    validated: dict[str, int],
) -> None:
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
                f"no release was built: {resource.name} had {validated.get(resource.name, 0)} rows "
                f"when it was validated, and {rows} when it was written; build again"
            )
        written = files.add(csv)
        files.add(parquet)
        digest = f"sha256:{written.sha256}"
        tables[resource.name] = {"rows": rows, "digest": digest}
        part["path"] = csv
        part["format"], part["mediatype"], part["encoding"] = "csv", "text/csv", "utf-8"
        part["bytes"], part["hash"] = written.bytes, digest
        part["schema"] = resource.schema
    files.put(DESCRIPTOR, json_bytes(descriptor))
    files.put("LICENSE", _companion(package, "LICENSE"))
    files.put("codebook.md", _companion(package, "codebook.md", "docs/codebook.md"))
    files.put("CHANGES.md", changes.encode("utf-8"))
    if identifiers := retired.read(package):
        files.put(RETIRED, canonical_retired(identifiers))
    built = Package.open(folder)
    files.put("croissant.json", json_bytes(croissant(built.contract, files.sums)))
    write_annotations(built, folder / "annotations.jsonld")
    files.add("annotations.jsonld")
    for name, content in release_pages(Dataset(Package.open(folder))).items():
        files.put(name, content)
    # Reading the manifest refuses file names that some system cannot have.
    manifest = Manifest.read(json_bytes(_manifest(package, files.sums, tables, before)), MANIFEST)
    for name, content in (manifest.own | ATTRIBUTES).items():
        (folder / name).write_bytes(content)


class _Files:
    """What was written into a folder: the size and the SHA-256 of each file, computed once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sums: dict[str, File] = {}

    def put(self, name: str, content: bytes) -> None:
        (self.folder / name).write_bytes(content)
        self.add(name)

    def add(self, name: str) -> File:
        self.sums[name] = File.of(self.folder, name)
        return self.sums[name]


def _manifest(
    package: Package,
    sums: dict[str, File],
    tables: dict[str, Any],
    before: Package | None,
) -> dict[str, Any]:
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
        "files": [file._asdict() for file in sorted(sums.values())],
    }


def _write_table(package: Package, resource: Resource, csv: Path, parquet: Path) -> int:
    """Write a table as canonical CSV and as Parquet; return the number of its rows."""
    frame = strings(package.path(resource.name), resource).drop(LINE)
    rows = _write_sorted(package, resource, frame, csv, parquet)
    if rows is None:
        # Sorting holds the table in memory.
        rows = _write_sorted(package, resource, frame.sort(resource.key), csv, parquet)
    assert rows is not None
    return rows


def _write_sorted(
    package: Package, resource: Resource, frame: pl.LazyFrame, csv: Path, parquet: Path
) -> int | None:
    """Write a table in one pass over its rows; None if they are not in the order of its key."""
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
            # Combined, so that page boundaries do not depend on the batches.
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
