"""A local copy of a package that is in parts or that only Spark can reach, without its rows.

The driver needs the descriptor, the schemas and the headers; the rows stay where they are.
"""

from __future__ import annotations

import json
import posixpath
import re
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gazadata.contract.strict_json import parse_json
from gazadata.errors import ContractError, ReadError
from gazadata.package import RETIRED

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_DESCRIPTOR = "datapackage.json"


def path_of(uri: str) -> str:
    """The path in a URI; Spark does not encode it, so `#` and `?` are part of it."""
    return re.sub(r"^[a-z][a-z0-9+.-]*:(//[^/]*)?", "", uri)


@dataclass(frozen=True)
class File:
    """A file: its name in Spark, its name in findings, its size in bytes, and its header."""

    uri: str
    shown: str
    size: int
    header: bytes = b""


@dataclass
class Mirror:
    """A package whose tables are files with nothing but a header.

    Attributes:
        root: the local folder.
        uri: the URI of the original.
        tables: the files of each table, by its name.
        texts: how the texts are kept: as files, as a table, or not at all.
    """

    root: Path
    uri: str
    tables: dict[str, list[File]] = field(default_factory=dict)
    texts: str | None = None


def is_elsewhere(path: str | Path) -> bool:
    """Whether a package must be mirrored: it is at a URL, or has tables in parts."""
    if isinstance(path, str) and "://" in path:
        return True
    root = Path(path)
    file = root if root.name == _DESCRIPTOR else root / _DESCRIPTOR
    with suppress(OSError, ContractError):
        descriptor = parse_json(file.read_bytes(), _DESCRIPTOR)
        for resource in _listed(descriptor):
            at = resource.get("path")
            if isinstance(at, list) or (isinstance(at, str) and (file.parent / at).is_dir()):
                return True
    return False


def here(root: Path, paths: dict[str, Path]) -> Mirror:
    """A package on this machine whose tables are one file each, used in place."""
    uri = f"file://{root}"
    one = Mirror(root, uri)
    for name, path in paths.items():
        shown = path.relative_to(root).as_posix()
        one.tables[name] = [File(f"{uri}/{shown}", shown, path.stat().st_size)]
    if (root / "raw").is_dir():
        table = any(path.suffix == ".parquet" for path in (root / "raw").iterdir())
        one.texts = "table" if table else "files"
    return one


def mirror(spark: SparkSession, path: str | Path, folder: Path) -> Mirror:
    """Copy what the driver reads of a package into an empty folder.

    Raises:
        ReadError: there is no package, or Spark cannot read it.
        ContractError: a path is outside the package.
    """
    uri = str(path) if "://" in str(path) else f"file://{Path(path).absolute()}"
    uri = uri.removesuffix(f"/{_DESCRIPTOR}").rstrip("/")
    files = _Files(spark, uri)
    content = files.read(_DESCRIPTOR)
    if content is None:
        raise ReadError(f"no data package at {uri}: expected a folder that holds a {_DESCRIPTOR}")
    one = Mirror(folder / "package", uri)
    one.root.mkdir()
    with suppress(ContractError):  # It is a finding.
        descriptor = parse_json(content, _DESCRIPTOR)
        for resource in _listed(descriptor):
            _table(spark, files, one, resource)
            schema = resource.get("schema")
            if isinstance(schema, str) and (text := files.read(_inside(schema))) is not None:
                _write(one.root / schema, text)
        content = json.dumps(descriptor, ensure_ascii=False, indent=2).encode()
    _write(one.root / _DESCRIPTOR, content)
    for name in (f"data/{RETIRED}", RETIRED):
        if (text := files.read(name)) is not None:
            _write(one.root / name, text)
    for name in files.names("reference") or []:
        if (text := files.read(name)) is not None:
            _write(one.root / name, text)
    texts = files.names("raw")
    if texts is not None:
        table = any(name.endswith(".parquet") for name in texts)
        one.texts = "table" if table else "files"
    return one


def _listed(descriptor: dict[str, Any]) -> list[dict[str, Any]]:
    listed = descriptor.get("resources")
    return [r for r in listed if isinstance(r, dict)] if isinstance(listed, list) else []


def _table(spark: SparkSession, files: _Files, one: Mirror, resource: dict[str, Any]) -> None:
    """Find the parts of a table, and put a file with its header in their place."""
    at, name = resource.get("path"), resource.get("name")
    if not isinstance(name, str) or not (isinstance(at, str) or _are_paths(at)):
        return
    if isinstance(at, str):
        inner = files.names(_inside(at))
        parts = [at] if inner is None else sorted(inner)
    else:
        parts = [_inside(part) for part in at or []]
    found = [file for part in parts if (file := files.file(part)) is not None]
    if not found or len(found) < len(parts):
        return  # A file that is missing is a finding.
    ending = ".parquet" if found[0].shown.endswith(".parquet") else ".csv"
    stem = at.rstrip("/") if isinstance(at, str) else parts[0]
    resource["path"] = stem if stem.endswith(ending) else f"{stem}{ending}"
    # They describe a single file.
    resource.pop("bytes", None)
    resource.pop("hash", None)
    one.tables[name] = found
    here = one.root / resource["path"]
    here.parent.mkdir(parents=True, exist_ok=True)
    if ending == ".parquet":
        import pyarrow.parquet as pq
        from pyspark.sql.pandas.types import to_arrow_schema

        frame = spark.read.parquet(*(file.uri for file in found))
        pq.write_table(to_arrow_schema(frame.schema).empty_table(), here)
    else:
        _write(here, found[0].header)


def _are_paths(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, str) for v in value)


def _inside(path: str) -> str:
    if path.startswith("/") or "://" in path or ".." in path.split("/"):
        raise ContractError(f"{path!r} is outside the package")
    return path.rstrip("/")


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


class _Files:
    """The files of a folder, as Spark reaches them."""

    _HEADER = 1 << 16

    def __init__(self, spark: SparkSession, uri: str) -> None:
        jvm: Any = spark._jvm
        hadoop = spark._jsc.hadoopConfiguration()
        self._uri, self._of = uri, jvm.org.apache.hadoop.fs.Path
        self._system = self._of(uri).getFileSystem(hadoop)

    def _path(self, name: str) -> Any:
        return self._of(f"{self._uri}/{name}")

    def read(self, name: str, most: int | None = None) -> bytes | None:
        """The bytes of a file, or the first `most`; None if there is no file."""
        path = self._path(name)
        if not self._system.exists(path) or self._system.getFileStatus(path).isDirectory():
            return None
        stream = self._system.open(path)
        try:
            return bytes(stream.readAllBytes() if most is None else stream.readNBytes(most))
        finally:
            stream.close()

    def names(self, folder: str) -> list[str] | None:
        """The files in a folder, except hidden and temporary ones; None if it is not a folder."""
        path = self._path(folder)
        if not self._system.exists(path) or not self._system.getFileStatus(path).isDirectory():
            return None
        found = (str(one.getPath().getName()) for one in self._system.listStatus(path))
        return [posixpath.join(folder, name) for name in found if name[0] not in "._"]

    def file(self, name: str) -> File | None:
        """A file with its size and its first line."""
        head = self.read(name, self._HEADER)
        if head is None:
            return None
        size = int(self._system.getFileStatus(self._path(name)).getLen())
        line = head.partition(b"\n")[0] + b"\n"
        return File(f"{self._uri}/{name}", name, size, line)
