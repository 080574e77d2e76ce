"""Verifying a release offline: every hash, every table, and with the text every quote."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gazadata.contract import read_json
from gazadata.package import Package
from gazadata.release.files import ReleaseError, listing, sha256

FORMAT = "gazadata-manifest/1"


def verify(release: Path, raw: Path | None = None) -> list[str]:
    """Verify a release; with `raw`, also every quote against that text.

    Args:
        release: the release folder, or the archive of it that `gazadata build --zip` wrote.
        raw: a file that holds the text of one of the sources.

    Returns:
        What was verified, in sentences with numbers.

    Raises:
        ReleaseError: there is no release, or it is not what its manifest says; every fault is
            named.
        ContractError, ReadError: it has no manifest or descriptor that can be read.
    """
    with _folder(release) as folder:
        return _verified(folder, release, raw)


@contextmanager
def _folder(release: Path) -> Iterator[Path]:
    """The folder of a release, which may lie in an archive."""
    if not release.is_file():
        yield release
        return
    from gazadata.release.sides import side

    with side(str(release)) as package:
        yield package.root


def _verified(release: Path, shown: Path, raw: Path | None) -> list[str]:
    if not (release / "manifest.json").is_file():
        why = "it holds no manifest.json" if release.is_dir() else "there is no such folder"
        raise ReleaseError(
            f"{shown} is no release: {why}; `gazadata build` makes a release folder from a "
            "package, and `gazadata pull` fetches one from a store"
        )
    manifest = read_manifest(release)
    faults: list[str] = []
    listed = {entry["path"]: entry for entry in manifest["files"]}
    there = set(listing(release)) - {"manifest.json", "SHA256SUMS"}
    faults += [
        f"{name}: listed in manifest.json, not there" for name in sorted(listed.keys() - there)
    ]
    faults += [
        f"{name}: there, not listed in manifest.json" for name in sorted(there - listed.keys())
    ]
    for name in sorted(listed.keys() & there):
        entry, path = listed[name], release / name
        if path.stat().st_size != entry["bytes"]:
            faults.append(f"{name}: {path.stat().st_size} bytes, expected {entry['bytes']}")
        elif (digest := sha256(path)) != entry["sha256"]:
            faults.append(f"{name}: sha256 {digest}, expected {entry['sha256']}")
    faults += _sums(release, listed)
    if faults:
        raise _refused(shown, faults)
    package = Package.open(release)
    faults += _descriptor(package, manifest, listed)
    cells = 0
    for name, resource in package.contract.resources.items():
        table = package.table(name)
        twin = _parquet(release, name, resource)
        if not table.equals(twin):
            faults.append(f"parquet/{name}.parquet: other cells than csv/{name}.csv")
        if table.num_rows != manifest["tables"].get(name, {}).get("rows"):
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


def read_manifest(release: Path) -> dict[str, Any]:
    """The manifest of a release folder.

    Raises:
        ContractError: it is missing or is not JSON.
        ReleaseError: its format is another than this gazadata reads.
    """
    manifest = read_json(release / "manifest.json")
    if manifest.get("format") != FORMAT:
        raise ReleaseError(
            f"{release / 'manifest.json'}: format {manifest.get('format')!r}, this gazadata reads "
            f"{FORMAT!r}; install a newer gazadata"
        )
    files = manifest.get("files")
    if not isinstance(files, list) or not all(
        isinstance(f, dict)
        and isinstance(f.get("path"), str)
        and isinstance(f.get("bytes"), int)
        and isinstance(f.get("sha256"), str)
        for f in files
    ):
        raise ReleaseError(f"{release / 'manifest.json'}: no list of files with bytes and sha256")
    if not isinstance(manifest.get("tables"), dict):
        raise ReleaseError(f"{release / 'manifest.json'}: no tables")
    return manifest


def _refused(shown: Path, faults: list[str]) -> ReleaseError:
    return ReleaseError(
        "\n".join([f"{shown} is not what it was released as:", *(f"  {f}" for f in faults)])
    )


def _sums(release: Path, listed: dict[str, Any]) -> list[str]:
    path = release / "SHA256SUMS"
    if not path.is_file():
        return ["SHA256SUMS: not there"]
    wanted = {name: entry["sha256"] for name, entry in listed.items()}
    wanted["manifest.json"] = sha256(release / "manifest.json")
    text = "".join(f"{wanted[name]}  {name}\n" for name in sorted(wanted))
    if path.read_bytes() != text.encode("utf-8"):
        return ["SHA256SUMS: other lines than the manifest's files and its own hash"]
    return []


def _descriptor(package: Package, manifest: dict[str, Any], listed: dict[str, Any]) -> list[str]:
    faults = []
    contract = package.contract
    if (contract.name, contract.version) != (manifest.get("name"), manifest.get("version")):
        faults.append("datapackage.json: another name or version than manifest.json")
    if contract.resources.keys() != manifest["tables"].keys():
        faults.append("datapackage.json: other resources than the tables of manifest.json")
    for name, resource in contract.resources.items():
        entry = listed.get(resource.path)
        described = resource.descriptor
        if entry is None:
            faults.append(f"datapackage.json: {name} lies at {resource.path}, which is not listed")
            continue
        hashed = f"sha256:{entry['sha256']}"
        if (described.get("bytes"), described.get("hash")) != (entry["bytes"], hashed):
            faults.append(f"datapackage.json: other bytes or hash of {name} than manifest.json")
        if manifest["tables"].get(name, {}).get("digest") != hashed:
            faults.append(f"manifest.json: the digest of {name} is not that of {resource.path}")
    return faults


def _parquet(release: Path, name: str, resource: Any) -> Any:
    from gazadata.arrow import read_table

    return read_table(release / "parquet" / f"{name}.parquet", resource)


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
