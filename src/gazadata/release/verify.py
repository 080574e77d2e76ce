"""Verifying a release offline: every hash, every table, and with the text every quote."""

from __future__ import annotations

import csv
import hashlib
import os
import tempfile
import unicodedata
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from gazadata import sniff
from gazadata.arrow import read_table, released_schema
from gazadata.contract import Contract, Resource
from gazadata.curate.canonical import record
from gazadata.curate.quotes import check_quote, context
from gazadata.errors import ContractError, ReadError
from gazadata.package import Package, check_path
from gazadata.release import annotated, described
from gazadata.release.files import (
    CHUNK,
    MAX_JSON,
    FaultsError,
    LaterFormatError,
    ReleaseError,
    StoreError,
    listing,
    sha256,
)
from gazadata.release.manifest import ATTRIBUTES, MANIFEST, OTHER_LINE_ENDS, SUMS, File, Manifest
from gazadata.release.sides import NO_ZIP, unzipped

DESCRIBED = (
    "datapackage.json",
    "croissant.json",
    "annotations.jsonld",
    "codebook.md",
    "CHANGES.md",
    "LICENSE",
)
"""What every release has beside its tables, its manifest and its sums."""


def verify(release: Path, raw: Path | None = None) -> list[str]:
    """Verify a release; with `raw`, also every quote against that text.

    Args:
        release: the release folder, or the archive of it that `gazadata build --zip` wrote.
        raw: a file that holds the text of one of the sources.

    Returns:
        What was verified, in sentences with numbers.

    Raises:
        FaultsError: the release is not what its manifest says, not to be read, or not as `build`
            writes releases; or `raw` is another text. Every fault is named.
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
    """The folder of a release, which may lie in an archive, or be named by its descriptor."""
    check_path(release)
    if release.name == "datapackage.json" or not release.is_file():
        yield release.parent if release.is_file() else release
        return
    with tempfile.TemporaryDirectory() as folder:
        try:
            if faults := _members(release):
                raise _refused(release, faults)
            root = unzipped(release, Path(folder))
        except (FaultsError, LaterFormatError):
            raise
        except StoreError as error:
            raise _refused(release, [str(error)]) from None
        except ReleaseError as error:
            # What has the name of an archive and cannot be unpacked is a damaged one.
            if release.suffix == ".zip":
                raise _refused(release, [str(error)]) from None
            raise
        yield root


def _members(release: Path) -> list[str]:
    """What an archive has too many or too few of, or in another size, before it is unpacked."""
    try:
        with zipfile.ZipFile(release) as archive:
            members = archive.infolist()
            if MANIFEST not in {member.filename.rpartition("/")[2] for member in members}:
                return []
            tops = sorted({member.filename.partition("/")[0] for member in members})
            if len(tops) > 1:
                named = ", ".join(tops[:5]) + (" and more" if len(tops) > 5 else "")
                return [f"its files lie in {named}, where all of a release lie in one folder"]
            top = f"{tops[0]}/"
            with archive.open(top + MANIFEST) as file:
                manifest = Manifest.read(file.read(MAX_JSON + 1), MANIFEST)
    except (KeyError, *NO_ZIP):
        # Unpacking it says what is wrong.
        return []
    files = [member for member in members if not member.is_dir()]
    return _listed(manifest, {m.filename.removeprefix(top): m.file_size for m in files})


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
    if faults := _files(release, manifest):
        raise _refused(shown, faults)
    package = Package.open(release)
    if faults := _missing(package.contract, listed):
        raise _refused(shown, faults)
    faults = [
        *described.descriptor(package, manifest, listed),
        *described.origin(package.contract, manifest),
        *described.croissant_file(package, listed),
        *annotated.annotations_file(package),
        *_unreadable(release, listed),
    ]
    cells = 0
    keys: dict[str, pa.ChunkedArray] = {}
    pointing: list[tuple[Resource, str, str, pa.Array]] = []
    for name, resource in package.contract.resources.items():
        table = package.table(name)
        parquet = f"parquet/{name}.parquet"
        if wrong := _parquet_schema(release / parquet, parquet, package.contract, resource):
            faults += wrong
        elif not table.equals(read_table(release / parquet, resource)):
            faults.append(f"{parquet}: other cells than csv/{name}.csv")
        if name in manifest.tables and table.num_rows != manifest.tables[name].rows:
            faults.append(f"csv/{name}.csv: {table.num_rows} rows, the manifest says otherwise")
        faults += _uncanonical(package.path(name), resource)
        cells += table.num_rows * table.num_columns
        if package.contract.referrers(name):
            keys[name] = table[resource.key]
        pointing += [
            (resource, key.field, key.resource, table[key.field].unique())
            for key in resource.foreign_keys
        ]
    for resource, field, target, values in pointing:
        faults += _lost(resource, field, target, values, keys[target])
    if faults:
        raise _refused(shown, faults)
    done = [
        f"{len(listed)} files have their size and sha256",
        f"{len(package.contract.resources)} Parquet tables equal their CSV, {cells} cells",
    ]
    if raw is not None:
        done.append(_quotes(package, raw, shown))
    return done


def _refused(shown: Path, faults: list[str]) -> FaultsError:
    return FaultsError(
        "\n".join([f"{shown} is not what it was released as:", *(f"  {f}" for f in faults)])
    )


def _files(release: Path, manifest: Manifest) -> list[str]:
    # Listing a folder passes over the folders in it that may not be read.
    closed: list[OSError] = []
    for _ in os.walk(release, onerror=closed.append):
        pass
    try:
        return [_unread(release, error) for error in closed] or _unlike(release, manifest)
    except OSError as error:
        return [_unread(release, error)]


def _unread(release: Path, error: OSError) -> str:
    at = Path(error.filename or release).relative_to(release).as_posix()
    return f"{at}: cannot be read: {error.strerror}"


def _unlike(release: Path, manifest: Manifest) -> list[str]:
    names = listing(release)
    if links := [name for name in names if (release / name).is_symlink()]:
        a_link = "a link, where a release has the file itself"
        return [f"{name}: {sniff.link(release / name) or a_link}" for name in links]
    sizes = {name: (release / name).stat().st_size for name in names}
    replaced: dict[str, list[str]] = {}
    for file in manifest.files:
        if sizes.get(file.path, file.bytes) != file.bytes:
            why = file.why_not(release)
            if why == OTHER_LINE_ENDS or why.startswith("found "):
                replaced.setdefault(why, []).append(file.path)
    if replaced:
        return [f"{_named(paths)}: {why}" for why, paths in replaced.items()]
    faults = _listed(manifest, sizes)
    for file in manifest.files:
        whole = sizes.get(file.path) == file.bytes
        if whole and (digest := sha256(release / file.path)) != file.sha256:
            faults.append(f"{file.path}: sha256 {digest}, expected {file.sha256}")
    if SUMS in sizes and (release / SUMS).read_bytes() != manifest.own[SUMS]:
        faults.append(f"{SUMS}: other lines than the manifest's files and its own hash")
    for name, content in ATTRIBUTES.items():
        if name in sizes and (release / name).read_bytes() != content:
            faults.append(f"{name}: expected {content.decode().strip()!r} alone")
    return faults


def _named(paths: list[str]) -> str:
    return ", ".join(paths[:5]) + (f" and {len(paths) - 5} more" if len(paths) > 5 else "")


def _listed(manifest: Manifest, sizes: dict[str, int]) -> list[str]:
    """Hold the names and sizes of the files that are there against those that are to be."""
    listed = {file.path: file.bytes for file in manifest.files}
    there = sizes.keys() - {MANIFEST, SUMS, *ATTRIBUTES}
    return [
        *(f"{name}: listed in {MANIFEST}, not there" for name in sorted(listed.keys() - there)),
        *(f"{name}: there, not listed in {MANIFEST}" for name in sorted(there - listed.keys())),
        *(
            f"{name}: {sizes[name]} bytes, expected {listed[name]}"
            for name in sorted(listed.keys() & there)
            if sizes[name] != listed[name]
        ),
        *([] if SUMS in sizes else [f"{SUMS}: not there"]),
    ]


def _missing(contract: Contract, listed: dict[str, File]) -> list[str]:
    tables = [f"{kind}/{name}.{kind}" for kind in ("csv", "parquet") for name in contract.resources]
    return [
        f"{name}: not there, though every release has it"
        for name in (*DESCRIBED, *tables)
        if name not in listed
    ]


def _unreadable(release: Path, listed: dict[str, File]) -> list[str]:
    """Which texts are not UTF-8."""
    faults = []
    for name in (name for name in DESCRIBED if name in listed and "json" not in name):
        try:
            with (release / name).open(encoding="utf-8") as file:
                while file.read(CHUNK):
                    pass
        except UnicodeDecodeError as error:
            faults.append(f"{name}: not UTF-8: {error.reason}")
    return faults


def _parquet_schema(path: Path, shown: str, contract: Contract, resource: Resource) -> list[str]:
    """Hold a Parquet file's own types and descriptions against the contract: readers cast."""
    try:
        found = pq.read_schema(path.absolute())
    except (pa.ArrowInvalid, OSError) as error:
        return [f"{shown}: {error}"]
    expected = released_schema(resource, contract)
    return described.otherwise(shown, _columns(found), _columns(expected))


def _columns(schema: pa.Schema) -> dict[str, Any]:
    """What an Arrow schema says, by names for it."""
    said: dict[str, Any] = {"columns": schema.names}
    for owner, metadata in (("", schema.metadata), *((f.name, f.metadata) for f in schema)):
        for key, value in (metadata or {}).items():
            # Parquet numbers its columns itself.
            if key != b"PARQUET:field_id":
                of = f" of {owner}" if owner else ""
                said[key.decode("utf-8", "replace") + of] = value.decode("utf-8", "replace")
    for field in schema:
        said[f"type of {field.name}"] = f"{field.type}{'' if field.nullable else ' not null'}"
    return said


def _lost(
    resource: Resource, field: str, target: str, values: pa.Array, keys: pa.ChunkedArray
) -> list[str]:
    """Which foreign keys point to rows that are not there."""
    values, keys = (part.cast(pa.string()) for part in (values.drop_null(), keys))
    lost = values.filter(pc.invert(pc.is_in(values, value_set=keys)))
    more = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
    where = f"{resource.path}: {field}"
    return [f"{where} {lost[0].as_py()!r}{more}: no such key in {target}"] if len(lost) else []


def _uncanonical(path: Path, resource: Resource) -> list[str]:
    """Where a table is not as `build` writes it: then its digest is not that of its content."""
    where = f"{resource.path}:"
    key = resource.field_names.index(resource.key)
    last: str | None = None
    taken: list[str] = []
    with path.open(encoding="utf-8", newline="") as file:

        def lines() -> Iterator[str]:
            for line in file:
                taken.append(line)
                yield line

        reader = csv.reader(lines(), strict=True)
        try:
            for cells in reader:
                line = "".join(taken)
                taken.clear()
                # Joining is what `record` comes to for most rows, in a fraction of the time.
                plain = '"' not in line and len(cells) > 1
                written = f"{','.join(cells)}\n" if plain else record(cells)
                if line != written or not unicodedata.is_normalized("NFC", line):
                    return [
                        f"{where}{reader.line_num}: not in canonical form: NFC, lines that end in "
                        "a line feed alone, none of them blank, and no quotes without need"
                    ]
                if reader.line_num == 1:
                    if tuple(cells) != resource.field_names:
                        return [f"{where}1: other columns than those of its schema"]
                elif last is not None and cells[key] <= last:
                    wrong = "stands twice" if cells[key] == last else f"stands behind {last!r}"
                    return [f"{where}{reader.line_num}: the key {cells[key]!r} {wrong}"]
                else:
                    last = cells[key]
        except (csv.Error, UnicodeDecodeError) as error:
            return [f"{where}{reader.line_num}: {error}"]
    return []


def _quotes(package: Package, raw: Path, shown: Path) -> str:
    content = raw.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    held = [source for source in package.table("sources").to_pylist() if source["text_sha256"]]
    source = next((source for source in held if source["text_sha256"] == digest), None)
    if source is None:
        raise FaultsError(_other_text(content, digest, held, raw, shown))
    text = content.decode("utf-8")
    name = source["source_id"]
    faults = []
    if source["text_length"] != len(text):
        faults.append(f"source {name}: text_length {source['text_length']}, expected {len(text)}")
    contract = package.contract
    bounds, places = annotated.offsets(contract["passages"]), annotated.offsets(contract["quotes"])
    passages = {
        passage["passage_id"]: tuple(passage[bound] for bound in bounds)
        for passage in package.table("passages").to_pylist()
        if passage["source_id"] == name
    }
    quotes = [q for q in package.table("quotes").to_pylist() if q["source_id"] == name]
    for quote in quotes:
        start, end = (quote[place] for place in places)
        around = quote["prefix"] or "", quote["suffix"] or ""
        begin, stop = passages.get(quote["passage_id"]) or (None, None)
        if not check_quote(text, start, end, quote["exact"]):
            wrong = f"not at {start} to {end} of {raw}"
        elif around != context(text, start, end):
            wrong = f"prefix or suffix are not what stands around {start} to {end} of {raw}"
        elif None in (begin, stop) or not begin <= start < end <= stop:
            wrong = f"{start} to {end} is not within its passage, {quote['passage_id']}"
        else:
            continue
        faults.append(f"quote {quote['quote_id']}: {wrong}")
    if faults:
        raise _refused(shown, faults)
    return f"{len(quotes)} quotes of {name} stand in {raw}"


def _other_text(
    content: bytes, digest: str, held: list[dict[str, Any]], raw: Path, shown: Path
) -> str:
    """Say that a text is not one that the release quotes, and how it may have come to that."""
    length = len(content.decode("utf-8", "replace"))
    lines = [
        f"{raw} is the text of no source of {shown}, so no quote was held against it",
        f"  found: {length} code points, sha256 {digest}",
        *(
            f"  expected of {source['source_id']}: {source['text_length']} code points, "
            f"sha256 {source['text_sha256']}"
            for source in held
        ),
    ]
    plain = content.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n")
    mended = hashlib.sha256(plain).hexdigest()
    same = next((s["source_id"] for s in held if s["text_sha256"] == mended), None)
    if same:
        lines.append(
            f"  it is that of {same} but for a byte order mark or CRLF line ends: save it as UTF-8 "
            "without the mark, with LF line ends"
        )
    else:
        lines.append(
            "  every byte counts, line ends, a byte order mark and the last line feed included: "
            "give the file as it was first saved"
        )
    return "\n".join(lines)
