"""The shipped package in memory, to damage it and run all layers of validation on the result."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gazadata import frictionless_worker
from gazadata.contract import Contract, Resource
from gazadata.errors import ContractError
from gazadata.package import Package
from gazadata.validate import Report, descriptor, files, layers, locate, standard
from gazadata.validate.grouped import group

REPO = Path(__file__).parents[2]
PARTS = ("data", "schemas", "raw", "reference")
DESCRIPTOR = "datapackage.json"

Row = dict[str, str]
Files = Mapping[str, bytes | None]
"""The content of files in a package, by path; None: the file does not exist."""


def csv_bytes(rows: Iterable[Iterable[str]]) -> bytes:
    """Rows in the form of the tables: minimal quoting, line feeds."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue().encode("utf-8")


def json_bytes(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=2).encode("utf-8")


ARTICLE = "trump-leaning-on-pakistan"
"""The article whose rows are damaged, even if the package has others."""


@dataclass
class Shipped:
    """The shipped package with one article; methods return copies."""

    files: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for path in sorted(p for part in PARTS for p in (REPO / part).iterdir()):
            self.files[path.relative_to(REPO).as_posix()] = path.read_bytes()
        self.files[DESCRIPTOR] = (REPO / DESCRIPTOR).read_bytes()
        self.contract = Contract.read(REPO)
        every = {
            name: list(
                csv.DictReader(io.StringIO(self.files[self.path(name)].decode(), newline=""))
            )
            for name in self.contract.resources
        }
        self._rows = _of_article(every, self.contract)
        for name, rows in self._rows.items():
            if rows != every[name]:
                self.files |= self.table(name, rows)
        self.text_path = "raw/000_6e04a71c739462ee.txt"
        self.text = self.files[self.text_path].decode("utf-8")
        for other in [path for path in self.files if path.startswith("raw/")]:
            if other != self.text_path:
                del self.files[other]

    def path(self, name: str) -> str:
        return self.contract[name].path

    def resource(self, name: str) -> Resource:
        return self.contract[name]

    def rows(self, name: str) -> list[Row]:
        """The rows of a table, '' for null; row `i` is in line `i + 2`."""
        return [dict(row) for row in self._rows[name]]

    def where(self, name: str, /, **cells: str) -> int:
        """The number of the one row that has these cells."""
        (found,) = (
            i
            for i, row in enumerate(self._rows[name])
            if all(row[key] == value for key, value in cells.items())
        )
        return found

    def table(self, name: str, rows: Iterable[Row]) -> dict[str, bytes]:
        """The file of a table with these rows, in this order."""
        names = self.contract[name].field_names
        return {self.path(name): csv_bytes([names, *([row[n] for n in names] for row in rows)])}

    def change(self, name: str, number: int, /, **cells: str) -> dict[str, bytes]:
        """The file of a table with one row changed."""
        rows = self.rows(name)
        rows[number] |= cells
        return self.table(name, rows)

    def add(self, name: str, *more: Row) -> dict[str, bytes]:
        """The file of a table with rows added where their keys belong."""
        rows = [*self.rows(name), *more]
        return self.table(name, sorted(rows, key=lambda row: row[self.contract[name].key]))

    def drop(self, name: str, *numbers: int) -> dict[str, bytes]:
        """The file of a table without some rows."""
        rows = [row for i, row in enumerate(self.rows(name)) if i not in numbers]
        return self.table(name, rows)

    def schema(self, name: str) -> dict[str, Any]:
        return deepcopy(self.contract[name].schema)

    def descriptor(self) -> dict[str, Any]:
        return deepcopy(self.contract.descriptor)

    def evidence_of(self, name: str, row_id: str, field_name: str) -> list[int]:
        """The numbers of the rows of evidence for one cell."""
        return [
            i
            for i, row in enumerate(self._rows["evidence"])
            if (row["resource"], row["row_id"], row["field"]) == (name, row_id, field_name)
        ]

    def evidence(self, name: str, row_id: str, field_name: str, /, **cells: str) -> Row:
        """A new row of evidence for a cell, with the right key."""
        row = dict.fromkeys(self.contract["evidence"].field_names, "")
        row |= {"resource": name, "row_id": row_id, "field": field_name, **cells}
        parts = (name, row_id, field_name.replace("_", "-"), row["quote_id"] or row["reference_id"])
        return row | {"evidence_id": ".".join(parts)}


def _of_article(tables: dict[str, list[Row]], contract: Contract) -> dict[str, list[Row]]:
    """The rows of one article: those that name it, or rest on its words."""
    others = {row["quote_id"] for row in tables["quotes"] if row["source_id"] != ARTICLE}
    proven: dict[tuple[str, str], set[bool]] = {}
    for row in tables["evidence"]:
        if row["quote_id"]:
            of_row = proven.setdefault((row["resource"], row["row_id"]), set())
            of_row.add(row["quote_id"] not in others)

    def is_kept(name: str, row: Row) -> bool:
        if name == "sources":
            return row["kind"] == "reference" or ARTICLE in (row["source_id"], row["cited_by"])
        if name == "evidence":
            of_row = proven.get((row["resource"], row["row_id"]), {True})
            return row["quote_id"] not in others and True in of_row
        if "source_id" in row:
            return row["source_id"] == ARTICLE
        return True in proven.get((name, row[contract[name].key]), {True})

    return {name: [row for row in rows if is_kept(name, row)] for name, rows in tables.items()}


SHIPPED = Shipped()


class Place:
    """A folder with the shipped package, which can be damaged and restored."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for path, content in SHIPPED.files.items():
            self._write(path, content)

    def _write(self, path: str, content: bytes) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)

    def damage(self, changed: Files) -> None:
        for path, content in changed.items():
            if content is None:
                (self.root / path).unlink()
            else:
                self._write(path, content)

    def rows(self, name: str) -> list[Row]:
        """The rows of a table as it now is, '' for null; row `i` is in line `i + 2`."""
        content = (self.root / SHIPPED.path(name)).read_text(encoding="utf-8")
        return list(csv.DictReader(io.StringIO(content, newline="")))

    def mend(self, changed: Files) -> None:
        for path in changed:
            if path in SHIPPED.files:
                self._write(path, SHIPPED.files[path])
                continue
            target = self.root / path
            target.unlink()
            while target.parent != self.root and not any(target.parent.iterdir()):
                target = target.parent
                target.rmdir()


def report_on(root: Path, *, official: bool = True, limit: int = 1_000) -> Report:
    """Run `validate` in this process, with or without frictionless."""
    report = Report(str(root), "")
    try:
        package = Package(root, Contract.read(root))
    except ContractError as error:
        descriptor.unreadable(root, error, report)
        return report
    report.version = package.contract.version
    package, there = descriptor.check(package, report)
    paths = files.check(package, there, report, limit)
    layers.run(package, paths, report, limit)
    if official:
        asked = standard.readable(package.contract, paths, None)
        result = frictionless_worker.run(root, 0, asked)
        standard.add_findings(package, result, report, asked, sampled=False)
    group(report, package.contract, limit)
    locate.locate(package, report)
    return report


def copy_to(root: Path) -> Path:
    """The shipped package in its own folder."""
    return Place(root).root


def small_package(fields: list[dict[str, Any]], **schema: Any) -> dict[str, Any]:
    """The descriptor of a package with one table that has these fields and the key `key`."""
    common = {"type": "string", "gazadata:evidence": "exempt"}
    named = ({"title": field["name"], "description": field["name"]} for field in fields)
    return {
        "$schema": "https://datapackage.org/profiles/2.0/datapackage.json",
        "name": "small",
        "title": "Small",
        "description": "One table.",
        "version": "1.0.0",
        "licenses": [{"name": "CC0-1.0"}],
        "resources": [
            {
                "name": "things",
                "type": "table",
                "path": "things.csv",
                "schema": {
                    "title": "Things",
                    "description": "Things.",
                    "fields": [
                        common | labels | field for labels, field in zip(named, fields, strict=True)
                    ],
                    "primaryKey": ["key"],
                    **schema,
                },
            }
        ],
    }


def things_of(small: dict[str, Any]) -> Resource:
    """The one table of a `small_package`."""
    (resource,) = small["resources"]
    return Resource.read(resource, resource["schema"], DESCRIPTOR)
