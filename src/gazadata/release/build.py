"""Building a release: validate, then write every file of it, the same bytes for the same input."""

from __future__ import annotations

import copy
import zipfile
from pathlib import Path
from typing import Any

from gazadata.contract import Resource
from gazadata.errors import MissingExtra
from gazadata.package import Package
from gazadata.release.files import ReleaseError, json_bytes, listing, sha256, whole_folder

ROW_GROUP = 1 << 20
"""Rows of a Parquet row group: a table of this package is one."""


def build(
    path: str | Path | None, out: Path, *, parent: Path | None = None, archive: bool = False
) -> Path:
    """Build the release of the package at `path` into the folder `out`.

    Args:
        path: the package; None for the bundled one.
        out: where `<name>-<version>/` is put; made if it is not there.
        parent: the release that this one follows; its diff decides the least version.
        archive: also write `<name>-<version>.zip`: stored, sorted, with fixed dates.

    Returns:
        The release folder.

    Raises:
        ReleaseError: the package has findings, declares too small a version, or the target is
            there already or cannot be written.
        ReadError, ContractError: there is no package that can be read.
        MissingExtra: the extra `validate` is not installed.
    """
    package = Package.open(path)
    target = out / f"{package.contract.name}-{package.contract.version}"
    if archive and target.with_name(f"{target.name}.zip").exists():
        raise ReleaseError(f"{target}.zip is there already; remove it or choose another --out")
    with whole_folder(target) as folder:
        _validated(package)
        changes = _changes(package, parent)
        _write(package, folder, changes, parent)
    if archive:
        _zip(target)
    return target


def _validated(package: Package) -> None:
    from gazadata.validate import validate

    report = validate(package.root, limit=20)
    if report.ok():
        return
    shown = [
        f"  {d.path}:{d.line or 1}: {d.code} {d.message}: found {d.found}, expected {d.expected}"
        for d in report.diagnostics
        if d.severity == "error"
    ][:20]
    raise ReleaseError(
        "\n".join(
            [
                f"no release is built: {report.errors} findings, {len(report.failures)} failures",
                *shown,
                *(f"  {failure}" for failure in report.failures),
                "see them all with: gazadata validate",
            ]
        )
    )


def _changes(package: Package, parent: Path | None) -> str:
    from gazadata.release.changes import check_version, first_release

    if parent is None:
        return first_release(package)
    return check_version(package, parent)


def _write(package: Package, folder: Path, changes: str, parent: Path | None) -> None:
    from gazadata.release.annotations import write_annotations
    from gazadata.release.croissant import croissant

    contract = package.contract
    descriptor = copy.deepcopy(contract.descriptor)
    (folder / "csv").mkdir()
    (folder / "parquet").mkdir()
    tables: dict[str, Any] = {}
    for part in descriptor["resources"]:
        resource = contract[part["name"]]
        csv = folder / "csv" / f"{resource.name}.csv"
        rows = _write_csv(package, resource, csv)
        _write_parquet(package, resource, csv, folder / "parquet" / f"{resource.name}.parquet")
        digest = sha256(csv)
        tables[resource.name] = {"rows": rows, "digest": f"sha256:{digest}"}
        part["path"] = f"csv/{csv.name}"
        part["format"], part["mediatype"], part["encoding"] = "csv", "text/csv", "utf-8"
        part["bytes"], part["hash"] = csv.stat().st_size, f"sha256:{digest}"
        part["schema"] = resource.schema
    _put(folder / "datapackage.json", json_bytes(descriptor))
    _put(folder / "LICENSE", _companion(package, "LICENSE"))
    _put(folder / "codebook.md", _companion(package, "codebook.md", "docs/codebook.md"))
    _put(folder / "CHANGES.md", changes.encode("utf-8"))
    for retired in (package.root / "data" / "retired.csv", package.root / "retired.csv"):
        if retired.is_file():
            _put(folder / "retired.csv", retired.read_bytes())
    built = Package.open(folder)
    files = {name: (folder / name) for name in listing(folder)}
    sizes = {name: (path.stat().st_size, sha256(path)) for name, path in files.items()}
    _put(folder / "croissant.json", json_bytes(croissant(built.contract, sizes)))
    write_annotations(built, folder / "annotations.jsonld")
    _put(folder / "manifest.json", json_bytes(_manifest(package, folder, tables, parent)))
    sums = "".join(f"{sha256(folder / name)}  {name}\n" for name in listing(folder))
    _put(folder / "SHA256SUMS", sums.encode("utf-8"))


def _manifest(
    package: Package, folder: Path, tables: dict[str, Any], parent: Path | None
) -> dict[str, Any]:
    import pyarrow as pa

    contract = package.contract
    before = Package.open(parent).contract.version if parent else None
    return {
        "format": "gazadata-manifest/1",
        "name": contract.name,
        "version": contract.version,
        "created": contract.descriptor.get("created"),
        "parent": {"version": before, "manifest_sha256": sha256(parent / "manifest.json")}
        if parent
        else None,
        "tools": {"pyarrow": pa.__version__},
        "tables": tables,
        "files": [
            {
                "path": name,
                "bytes": (folder / name).stat().st_size,
                "sha256": sha256(folder / name),
            }
            for name in listing(folder)
        ],
    }


def _write_csv(package: Package, resource: Resource, target: Path) -> int:
    """Write a table in canonical form; return its rows."""
    try:
        import polars as pl

        from gazadata.validate.tables import LINE, strings
    except ImportError:
        raise MissingExtra("polars", "validate") from None
    frame = strings(package.path(resource.name), resource).drop(LINE)
    key = pl.col(resource.key)
    (ordered,) = frame.select((key >= key.shift(1)).all()).collect(engine="streaming").row(0)
    if not ordered:
        frame = frame.sort(key)
    frame.sink_csv(target, engine="streaming")
    return int(frame.select(pl.len()).collect(engine="streaming").item())


def _write_parquet(package: Package, resource: Resource, csv: Path, target: Path) -> None:
    """Write the table of a canonical CSV file as Parquet, by the contract's Arrow schema."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from gazadata.arrow import arrow_schema, batches

    schema = arrow_schema(resource)
    schema = schema.with_metadata(
        {
            **(schema.metadata or {}),
            "package": package.contract.name,
            "version": package.contract.version,
        }
    )
    with pq.ParquetWriter(target, schema, compression="zstd", version="2.6") as writer:
        waiting: list[pa.RecordBatch] = []
        rows = 0
        for batch in batches(csv, resource):
            waiting.append(batch)
            rows += batch.num_rows
            while rows >= ROW_GROUP:
                table = pa.Table.from_batches(waiting)
                writer.write_table(_as(table.slice(0, ROW_GROUP), schema), row_group_size=ROW_GROUP)
                waiting = table.slice(ROW_GROUP).to_batches()
                rows -= ROW_GROUP
        if rows:
            writer.write_table(
                _as(pa.Table.from_batches(waiting), schema), row_group_size=ROW_GROUP
            )


def _as(table: Any, schema: Any) -> Any:
    return table.combine_chunks().cast(schema)


def _companion(package: Package, *names: str) -> bytes:
    for name in names:
        if (package.root / name).is_file():
            return (package.root / name).read_bytes()
    raise ReleaseError(f"{package.root}: a release needs the file {' or '.join(names)}")


def _put(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _zip(folder: Path) -> None:
    target = folder.with_name(f"{folder.name}.zip")
    temporary = target.with_name(f".{target.name}.part")
    with zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        for name in listing(folder):
            # The earliest date that a zip can hold; the permissions of an ordinary file.
            entry = zipfile.ZipInfo(f"{folder.name}/{name}", (1980, 1, 1, 0, 0, 0))
            entry.create_system, entry.external_attr = 3, 0o100644 << 16
            archive.writestr(entry, (folder / name).read_bytes())
    temporary.replace(target)
