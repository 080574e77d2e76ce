"""Opening a data package: the bundled one, a folder, an archive or a release."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal, overload

from gazadata.contract import DESCRIPTOR
from gazadata.dataset import Dataset
from gazadata.errors import ReadError
from gazadata.package import Package

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from gazadata.release.sources import Stores
    from gazadata.tables.frames import As, Frame


@overload
def load(
    name: str,
    as_: Literal["pandas"] = ...,
    *,
    drop_unused: bool = ...,
    version: str | None = ...,
    store: Stores | None = ...,
) -> pd.DataFrame: ...
@overload
def load(
    name: str,
    as_: Literal["polars"],
    *,
    drop_unused: bool = ...,
    version: str | None = ...,
    store: Stores | None = ...,
) -> pl.DataFrame: ...
@overload
def load(
    name: str,
    as_: Literal["arrow"],
    *,
    drop_unused: bool = ...,
    version: str | None = ...,
    store: Stores | None = ...,
) -> pa.Table: ...
@overload
def load(
    name: str,
    as_: As,
    *,
    drop_unused: bool = ...,
    version: str | None = ...,
    store: Stores | None = ...,
) -> Frame: ...
def load(
    name: str,
    as_: As = "pandas",
    *,
    drop_unused: bool = False,
    version: str | None = None,
    store: Stores | None = None,
) -> Frame:
    """Load one table of the bundled data package, or of a release.

    Args:
        name: the table, such as "events".
        as_: "pandas" (string, category, Int64, boolean and datetime64 columns, keys as columns),
            "polars" (String, Enum, Int64, Boolean, Date) or "arrow" (imports no pandas).
        drop_unused: drop the terms that no row uses from category and Enum columns.
        version: a released version; see `open_dataset`.
        store: where released versions are; see `open_dataset`.

    Returns:
        One row per record, one column per field, in the order of the schema; null where the source
        does not say. A vocabulary that has an order, such as certainty, is an ordered category.
        The `attrs` of a pandas frame hold the title and the description of the table and, in
        `columns`, the title, description and terms of each column.

    Raises:
        UnknownName: the table does not exist; the message suggests the nearest name.
        ReadError: the table cannot be read.
        MissingExtra: Polars, or the extra `store` for pulling, is needed but not installed.
        GazadataError: the release cannot be opened; see `open_dataset`.
    """
    return open_dataset(version=version, store=store).load(name, as_, drop_unused=drop_unused)


def open_dataset(
    path: str | Path | None = None, *, version: str | None = None, store: Stores | None = None
) -> Dataset:
    """Open a data package: the bundled one, the one in the folder `path`, or a release.

    If the current folder has a gazadata.lock, the release that it pins is opened instead of the
    bundled package. A release is pulled into the cache once and verified on every use; a cached
    release needs no network.

    Args:
        path: a folder with a datapackage.json, or its .zip. If it is a release, each table is
            checked against the manifest when it is read.
        version: a released version, or "latest". If gazadata.lock in the current folder pins a
            version, no other can be opened.
        store: the address or folder of a store, or several to try in turn; by default those of
            GAZADATA_STORE, else the one in gazadata.lock. Without `version`, it opens the version
            that gazadata.lock pins, else the latest.

    Raises:
        ReadError: there is no package at `path`, or it is passed with a version or a store.
        ContractError: its descriptor or a schema cannot be read.
        StoreError: no store has the release, or none serves the pinned one; or the release at
            `path` is damaged.
        CacheError: the cache cannot be written.
        LockError: gazadata.lock cannot be read, or pins another version.
        MissingExtra: a release is asked for and the extra `store` is not installed.
    """
    if path is not None and (version is not None or store is not None):
        raise ReadError("pass either a path or a version and a store, not both")
    lock = Path("gazadata.lock")
    if path is None and (version is not None or store is not None or os.path.lexists(lock)):
        from gazadata.release.fetch import open_pinned

        package = open_pinned(version, () if store is None else store)
        pinned = f", pinned by {lock.absolute()}" if os.path.lexists(lock) else ""
        return Dataset(package, f"release {package.contract.version}{pinned}, {package.how}")
    if path is not None and Path(path).is_file() and Path(path).name != DESCRIPTOR:
        from gazadata.release.archive import open_archive

        return Dataset(open_archive(Path(path)), f"archive {Path(path).absolute()}")
    root = Package.locate(path)
    origin = "bundled with gazadata" if path is None else f"folder {root}"
    # Importing the checks of releases takes longer than opening a package.
    if not (root / "manifest.json").is_file():
        return Dataset(Package.open(root), origin)
    from gazadata.release.manifest import open_package

    return Dataset(open_package(root), origin)
