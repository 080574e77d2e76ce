"""Verifying a release offline: every hash, every table, and with the text every quote."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from gazadata.arrow import read_table
from gazadata.errors import ContractError, ReadError
from gazadata.package import Package
from gazadata.release.files import FaultsError, ReleaseError, listing, sha256
from gazadata.release.store import MANIFEST, SUMS, File, LaterFormatError, Manifest, StoreError


def verify(release: Path, raw: Path | None = None) -> list[str]:
    """Verify a release; with `raw`, also every quote against that text.

    Args:
        release: the release folder, or the archive of it that `gazadata build --zip` wrote.
        raw: a file that holds the text of one of the sources.

    Returns:
        What was verified, in sentences with numbers.

    Raises:
        FaultsError: the release is not what its manifest says, or not to be read; every fault is
            named.
        ReleaseError: there is no release.
        LaterFormatError: a newer gazadata made it.
        OSError: `raw` cannot be read.
    """
    with _folder(release) as folder:
        return _check(folder, release, raw)


@contextmanager
def verified(release: Path) -> Iterator[Package]:
    """Open a release in its folder or its archive, once it verifies.

    Raises:
        FaultsError, ReleaseError, LaterFormatError: as `verify` does.
    """
    with _folder(release) as folder:
        _check(folder, release, None)
        yield Package.open(folder)


def _check(folder: Path, release: Path, raw: Path | None) -> list[str]:
    """Verify the release in `folder`, which a person named as `release`."""
    try:
        return _verified(folder, release, raw)
    except LaterFormatError:
        raise
    except (StoreError, ContractError, ReadError) as error:
        raise _refused(release, [str(error)]) from None


@contextmanager
def _folder(release: Path) -> Iterator[Path]:
    """The folder of a release, which may lie in an archive."""
    if not release.is_file():
        yield release
        return
    from gazadata.release.sides import side

    with ExitStack() as stack:
        try:
            package = stack.enter_context(side(str(release)))
        except (ContractError, ReadError) as error:
            raise _refused(release, [str(error)]) from None
        except ReleaseError as error:
            # What has the name of an archive and cannot be unpacked is a damaged one.
            if release.suffix == ".zip":
                raise _refused(release, [str(error)]) from None
            raise
        yield package.root


def _verified(release: Path, shown: Path, raw: Path | None) -> list[str]:
    # Sums without a manifest are those of a release that lost it.
    if not (release / MANIFEST).is_file() and not (release / SUMS).is_file():
        why = "it holds no manifest.json" if release.is_dir() else "there is no such folder"
        raise ReleaseError(
            f"{shown} is no release: {why}; `gazadata build` makes a release folder from a "
            "package, and `gazadata pull` fetches one from a store"
        )
    manifest = Manifest.of(release, MANIFEST)
    listed = {file.path: file for file in manifest.files}
    if faults := _files(release, manifest, listed):
        raise _refused(shown, faults)
    package = Package.open(release)
    faults = _descriptor(package, manifest, listed)
    cells = 0
    for name, resource in package.contract.resources.items():
        table = package.table(name)
        twin = read_table(release / "parquet" / f"{name}.parquet", resource)
        if not table.equals(twin):
            faults.append(f"parquet/{name}.parquet: other cells than csv/{name}.csv")
        if name in manifest.tables and table.num_rows != manifest.tables[name].rows:
            faults.append(f"csv/{name}.csv: {table.num_rows} rows, the manifest says otherwise")
        cells += table.num_rows * table.num_columns
    done = [
        f"{len(listed)} files have their size and sha256",
        f"{len(package.contract.resources)} Parquet tables equal their CSV, {cells} cells",
    ]
    if raw is not None:
        done.append(_quotes(package, raw, faults))
    if faults:
        raise _refused(shown, faults)
    return done


def _refused(shown: Path, faults: list[str]) -> FaultsError:
    return FaultsError(
        "\n".join([f"{shown} is not what it was released as:", *(f"  {f}" for f in faults)])
    )


def _files(release: Path, manifest: Manifest, listed: dict[str, File]) -> list[str]:
    there = set(listing(release)) - {MANIFEST, SUMS}
    faults = [
        *(f"{name}: listed in manifest.json, not there" for name in sorted(listed.keys() - there)),
        *(f"{name}: there, not listed in manifest.json" for name in sorted(there - listed.keys())),
    ]
    for name in sorted(listed.keys() & there):
        file, path = listed[name], release / name
        if path.stat().st_size != file.bytes:
            faults.append(f"{name}: {path.stat().st_size} bytes, expected {file.bytes}")
        elif (digest := sha256(path)) != file.sha256:
            faults.append(f"{name}: sha256 {digest}, expected {file.sha256}")
    path = release / SUMS
    if not path.is_file():
        faults.append(f"{SUMS}: not there")
    elif path.read_bytes() != manifest.own[SUMS]:
        faults.append(f"{SUMS}: other lines than the manifest's files and its own hash")
    return faults


def _descriptor(package: Package, manifest: Manifest, listed: dict[str, File]) -> list[str]:
    faults = []
    contract = package.contract
    if (contract.name, contract.version) != (manifest.name, manifest.version):
        faults.append("datapackage.json: another name or version than manifest.json")
    if contract.resources.keys() != manifest.tables.keys():
        faults.append("datapackage.json: other resources than the tables of manifest.json")
    for name, resource in contract.resources.items():
        file = listed.get(resource.path)
        described = resource.descriptor
        if file is None:
            faults.append(f"datapackage.json: {name} lies at {resource.path}, which is not listed")
            continue
        hashed = f"sha256:{file.sha256}"
        if (described.get("bytes"), described.get("hash")) != (file.bytes, hashed):
            faults.append(f"datapackage.json: other bytes or hash of {name} than manifest.json")
        if name in manifest.tables and manifest.tables[name].digest != hashed:
            faults.append(f"manifest.json: the digest of {name} is not that of {resource.path}")
    return faults


def _quotes(package: Package, raw: Path, faults: list[str]) -> str:
    content = raw.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    sources = [s for s in package.table("sources").to_pylist() if s["text_sha256"] == digest]
    if not sources:
        faults.append(f"{raw}: sha256 {digest} is that of no source's text")
        return ""
    text = content.decode("utf-8")
    quotes = [
        q for q in package.table("quotes").to_pylist() if q["source_id"] == sources[0]["source_id"]
    ]
    for q in quotes:
        if text[q["start"] : q["end"]] != q["exact"]:
            faults.append(f"quote {q['quote_id']}: not at {q['start']} to {q['end']} of {raw}")
    return f"{len(quotes)} quotes of {sources[0]['source_id']} stand in {raw}"
