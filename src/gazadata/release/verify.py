"""Verifying a release offline: hashes, canonical tables, equal CSV and Parquet, keys, quotes."""

from __future__ import annotations

import csv
import hashlib
import os
import tempfile
import unicodedata
import zipfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from gazadata import sniff
from gazadata.contract import DESCRIPTOR, Contract, ForeignKey, Resource
from gazadata.curate.canonical import csv_line
from gazadata.errors import (
    ContractError,
    FaultsError,
    LaterFormatError,
    ReadError,
    ReleaseError,
    StoreError,
)
from gazadata.evidence.quotes import check_quote, context
from gazadata.package import Package, check_path
from gazadata.release.archive import NO_ZIP, unzipped
from gazadata.release.files import MAX_JSON, listing, some
from gazadata.release.manifest import ATTRIBUTES, MANIFEST, SUMS, Manifest
from gazadata.tables.arrow import arrow_schema, read_table

DESCRIBED = (
    DESCRIPTOR,
    "croissant.json",
    "annotations.jsonld",
    "codebook.md",
    "CHANGES.md",
    "LICENSE",
)
"""The files of every release besides its tables, its manifest and SHA256SUMS."""


def verify(release: Path, raw: Path | None = None) -> list[str]:
    """Verify a release; with `raw`, also every quote against that text.

    Args:
        release: the release folder, or the archive of it that `gazadata build --zip` wrote.
        raw: a file that holds the text of one of the sources.

    Returns:
        What was verified: one sentence for each check, with counts.

    Raises:
        FaultsError: the release differs from its manifest, cannot be read, or is not written as
            `build` writes releases; or `raw` is another text. The text names every mismatch.
        ReleaseError: there is no release.
        LaterFormatError: a newer gazadata made it.
        ReadError: its name is not UTF-8.
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


@contextmanager
def _folder(release: Path) -> Iterator[Path]:
    """The folder of a release, which may be an archive, or be named by its descriptor."""
    check_path(release)
    if release.name == DESCRIPTOR or not release.is_file():
        yield release.parent if release.is_file() else release
        return
    with tempfile.TemporaryDirectory() as folder:
        try:
            _refuse(release, _members(release))
            root = unzipped(release, Path(folder))
        except (FaultsError, LaterFormatError):
            raise
        except (StoreError, ReleaseError) as error:
            # A .zip that cannot be unpacked is a damaged release.
            if isinstance(error, ReleaseError) and release.suffix != ".zip":
                raise
            raise _faults(release, [str(error)]) from None
        yield root


def _members(release: Path) -> list[str]:
    """Mismatches between the names and sizes in an archive and its manifest.

    They are checked first, so that an archive never unpacks to more than its manifest lists.
    """
    try:
        with zipfile.ZipFile(release) as archive:
            members = archive.infolist()
            if MANIFEST not in {member.filename.rpartition("/")[2] for member in members}:
                return []
            tops = sorted({member.filename.partition("/")[0] for member in members})
            if len(tops) > 1:
                return [f"its files are in {some(tops)}; expected one folder"]
            top = f"{tops[0]}/"
            with archive.open(top + MANIFEST) as file:
                manifest = Manifest.read(file.read(MAX_JSON + 1), MANIFEST)
    except (KeyError, *NO_ZIP):
        # Unpacking it reports what is wrong.
        return []
    sizes = {m.filename.removeprefix(top): m.file_size for m in members if not m.is_dir()}
    return [
        *_name_faults(manifest, sizes.keys()),
        *(
            f"{file.path}: {sizes[file.path]} bytes, expected {file.bytes}"
            for file in manifest.files
            if sizes.get(file.path, file.bytes) != file.bytes
        ),
    ]


def _check(folder: Path, release: Path, raw: Path | None) -> list[str]:
    """Verify the release in `folder`, which a person named as `release`."""
    # A folder with SHA256SUMS but no manifest is a release that lost it.
    if not (folder / MANIFEST).is_file() and not (folder / SUMS).is_file():
        why = "it has no manifest.json" if folder.is_dir() else "no such folder"
        raise ReleaseError(
            f"{release} is not a release: {why}; `gazadata build` makes a release folder from a "
            "package, and `gazadata pull` fetches one from a store"
        )
    try:
        manifest = Manifest.of(folder, MANIFEST)
        _refuse(release, _files(folder, manifest))
        package = Package.open(folder)
        _refuse(release, _unlisted(package.contract, manifest))
        faults, cells = _tables(package, manifest)
        _refuse(release, [*_described(package.contract, manifest), *faults])
        done = [
            f"{len(manifest.files)} files match the manifest in size and sha256",
            f"{len(manifest.tables)} Parquet tables match their CSV ({cells:,} cells)",
        ]
        if raw is not None:
            done.append(_quotes(package, raw, release))
        return done
    except LaterFormatError:
        raise
    except (StoreError, ContractError, ReadError) as error:
        raise _faults(release, [str(error)]) from None


def _faults(release: Path, faults: list[str]) -> FaultsError:
    return FaultsError("\n".join([f"{release} does not verify:", *(f"  {f}" for f in faults)]))


def _refuse(release: Path, faults: list[str]) -> None:
    if faults:
        raise _faults(release, faults)


def _files(folder: Path, manifest: Manifest) -> list[str]:
    """Every file that differs from the manifest."""

    def refuse(error: OSError) -> None:
        raise error

    try:
        # Unlike `listing`, this does not skip folders without permission to read.
        for _ in os.walk(folder, onerror=refuse):
            pass
        names = listing(folder)
        if links := [name for name in names if (folder / name).is_symlink()]:
            return [f"{name}: {sniff.link(folder / name) or 'a link'}" for name in links]
        wrong: dict[str, list[str]] = {}
        for file in manifest.files:
            if file.path in names and (why := file.mismatch(folder)):
                wrong.setdefault(why, []).append(file.path)
        faults = [
            *_name_faults(manifest, names),
            *(f"{some(paths)}: {why}" for why, paths in wrong.items()),
        ]
        # Whatever damaged the listed files has usually changed these, too.
        return faults or [
            f"{name}: differs from what {MANIFEST} requires"
            for name, content in (manifest.own | ATTRIBUTES).items()
            if name in names and (folder / name).read_bytes() != content
        ]
    except OSError as error:
        at = Path(error.filename or folder).relative_to(folder).as_posix()
        return [f"{at}: cannot be read: {error.strerror}"]


def _name_faults(manifest: Manifest, there: Collection[str]) -> list[str]:
    """Files that are missing, and files that are not listed."""
    listed, own = manifest.paths, {MANIFEST, SUMS, *ATTRIBUTES}
    return [
        *(f"{name}: missing" for name in sorted((listed | {SUMS}) - {*there})),
        *(f"{name}: not listed in {MANIFEST}" for name in sorted({*there} - listed - own)),
    ]


def _unlisted(contract: Contract, manifest: Manifest) -> list[str]:
    """Files of every release that the manifest does not list."""
    listed = manifest.paths
    tables = [f"{kind}/{name}.{kind}" for kind in ("csv", "parquet") for name in contract.resources]
    return [f"{name}: missing" for name in (*DESCRIBED, *tables) if name not in listed]


def _described(contract: Contract, manifest: Manifest) -> list[str]:
    """Where the descriptor differs from the manifest, since readers rely on either."""
    faults = []
    own, stated = (contract.name, contract.version), (manifest.name, manifest.version)
    if own != stated:
        faults.append(f"datapackage.json: {' '.join(own)}, but {MANIFEST} has {' '.join(stated)}")
    if contract.resources.keys() != manifest.tables.keys():
        faults.append(f"datapackage.json: lists other tables than {MANIFEST}")
    hashed = {file.path: f"sha256:{file.sha256}" for file in manifest.files}
    for name, resource in contract.resources.items():
        path, table = f"csv/{name}.csv", manifest.tables.get(name)
        hashes = {resource.descriptor.get("hash"), hashed[path], table and table.digest}
        if resource.path != path or len(hashes) > 1:
            faults.append(f"datapackage.json: path or hash of {name} differs from {MANIFEST}")
    return faults


def _tables(package: Package, manifest: Manifest) -> tuple[list[str], int]:
    """Mismatches in the form, the Parquet and the keys of all tables; and the number of cells."""
    contract = package.contract
    faults: list[str] = []
    cells = 0
    keys: dict[str, pa.ChunkedArray] = {}
    pointing: list[tuple[Resource, ForeignKey, pa.Array]] = []
    for name, resource in contract.resources.items():
        path = package.path(name)
        table = package.table(name)
        faults += _form(path, resource)
        faults += _parquet(package.root, resource, table)
        counted = manifest.tables.get(name)
        if counted and table.num_rows != counted.rows:
            faults.append(f"{resource.path}: {table.num_rows} rows, {MANIFEST} has {counted.rows}")
        cells += table.num_rows * table.num_columns
        if contract.referrers(name):
            keys[name] = table[resource.key].cast(pa.string())
        pointing += [
            (resource, key, table[key.field].unique().drop_null().cast(pa.string()))
            for key in resource.foreign_keys
        ]
    for resource, key, values in pointing:
        lost = values.filter(pc.invert(pc.is_in(values, value_set=keys[key.resource]))).to_pylist()
        if lost:
            where = f"{resource.path}: {key.field}"
            faults.append(f"{where}: no such row in {key.resource}: {some(lost)}")
    return faults, cells


def _form(path: Path, resource: Resource) -> list[str]:
    """Where a table differs from how `build` writes it, on which its digest relies."""
    key = resource.field_names.index(resource.key)
    number, last = 0, ""
    try:
        with path.open(encoding="utf-8", newline="\n") as file:
            for number, line in enumerate(file, start=1):
                where = f"{resource.path}:{number}: "
                cells = next(csv.reader([line], strict=True), [])
                if line != csv_line(cells) or not unicodedata.is_normalized("NFC", line):
                    return [
                        f"{where}not in canonical form: NFC, lines that end in a line feed alone, "
                        "no blank lines and no needless quotation marks"
                    ]
                if number == 1:
                    if tuple(cells) != resource.field_names:
                        return [f"{where}the columns differ from the schema"]
                elif cells[key] == last:
                    return [f"{where}primary key {last!r} occurs twice"]
                elif cells[key] < last:
                    return [f"{where}{cells[key]!r} follows {last!r}, so the rows are not sorted"]
                else:
                    last = cells[key]
    except (csv.Error, UnicodeDecodeError) as error:
        return [f"{resource.path}:{number + 1}: {error}"]
    return []


def _parquet(root: Path, resource: Resource, table: pa.Table) -> list[str]:
    """Where a Parquet file has other columns, types or cells than its CSV."""
    shown = f"parquet/{resource.name}.parquet"
    try:
        found = pq.read_schema((root / shown).absolute())
    except (pa.ArrowInvalid, OSError) as error:
        return [f"{shown}: {error}"]
    # Reading casts, so the file's own types are compared first; `equals` ignores descriptions.
    if not found.equals(expected := arrow_schema(resource)):
        other = next((f for f in found if f not in [*expected]), None)
        return [f"{shown}: the columns differ from the schema{f': found {other}' if other else ''}"]
    if not table.equals(read_table(root / shown, resource)):
        return [f"{shown}: the cells differ from csv/{resource.name}.csv"]
    return []


def _quotes(package: Package, raw: Path, release: Path) -> str:
    """Check every quote of the source whose text is in `raw`."""
    content = raw.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    sources = [s for s in package.table("sources").to_pylist() if s["text_sha256"]]
    source = next((source for source in sources if source["text_sha256"] == digest), None)
    if source is None:
        raise FaultsError(_other_text(content, digest, sources, raw, release))
    text = content.decode("utf-8")
    name = source["source_id"]
    faults = []
    if source["text_length"] != len(text):
        faults.append(f"source {name}: text_length {source['text_length']}, expected {len(text)}")
    of_source = {
        table: [row for row in package.table(table).to_pylist() if row["source_id"] == name]
        for table in ("passages", "quotes")
    }
    passages = {row["passage_id"]: _span(row) for row in of_source["passages"]}
    for quote in of_source["quotes"]:
        start, end = _span(quote)
        first, last = passages.get(quote["passage_id"], (None, None))
        at = f"{start} to {end} of {raw}"
        if not check_quote(text, start, end, quote["exact"]):
            wrong = f"exact differs from {at}"
        elif (quote["prefix"] or "", quote["suffix"] or "") != context(text, start, end):
            wrong = f"prefix or suffix differs from the text around {at}"
        elif first is None or last is None or not first <= start < end <= last:
            wrong = f"{at} is not within passage {quote['passage_id']}"
        else:
            continue
        faults.append(f"quote {quote['quote_id']}: {wrong}")
    _refuse(release, faults)
    return f"{len(of_source['quotes'])} quotes of {name} match {raw}"


def _span(row: dict[str, Any]) -> tuple[Any, Any]:
    """The offsets of a quote or a passage, whose fields had other names before 2.0.0."""
    return (
        (row["char_start"], row["char_end"]) if "char_start" in row else (row["start"], row["end"])
    )


def _other_text(
    content: bytes, digest: str, sources: list[dict[str, Any]], raw: Path, release: Path
) -> str:
    """Which text was expected, and why the file may differ."""
    plain = content.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n")
    saved = hashlib.sha256(plain).hexdigest()
    same = next((s["source_id"] for s in sources if s["text_sha256"] == saved), None)
    hint = (
        f"it is the text of {same} with a byte order mark or CRLF line ends: save it as UTF-8 "
        "without the mark, with LF line ends"
        if same
        else "every byte counts, even line endings, a byte order mark and the last line feed: use "
        "the file as it was first saved"
    )
    found = len(content.decode("utf-8", "replace"))
    return "\n".join(
        [
            f"{raw} is not the text of a source of {release}, so no quote was checked",
            f"  found: {found} code points, sha256 {digest}",
            *(
                f"  expected for {source['source_id']}: {source['text_length']} code points, "
                f"sha256 {source['text_sha256']}"
                for source in sources
            ),
            f"  {hint}",
        ]
    )
