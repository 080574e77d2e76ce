"""A package of many articles: copies of the shipped one, each with a mistake of its own."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.validate.damage import DESCRIPTOR, REPO, SHIPPED, Files, Row, csv_bytes, json_bytes
from tests.validate.mutants import KINDS, Mutant, csv_rows, mutant

S = SHIPPED
TABLES = {S.path(name): name for name in S.contract.resources}


def row_mutants(number: int) -> Iterator[Mutant]:
    """Mutants of rows and texts, of each kind in turn, that keep every file a readable table."""
    found = 0
    for nth in range(100):
        for name, kind in KINDS.items():
            if not kind.codes:
                continue
            one = mutant(name, nth)
            if all(_is_of_rows(path, content) for path, content in one.files.items()):
                yield one
                found += 1
                if found == number:
                    return


def _is_of_rows(path: str, content: bytes | None) -> bool:
    if path.startswith("raw/"):
        return content is not None
    if path not in TABLES or content is None or b"\r" in content:
        return False
    names = S.resource(TABLES[path]).field_names
    try:
        rows = csv_rows(content)
    except UnicodeDecodeError:
        return False
    # Only files that csv would write unchanged: mistakes in lines are not mistakes in rows.
    plain = all(any(row.values()) and "\n" not in "".join(map(str, row.values())) for row in rows)
    return (
        bool(rows)
        and plain
        and csv_bytes([names, *([r.get(n) or "" for n in names] for r in rows)]) == (content)
    )


def write(root: Path, mutants: Sequence[Files]) -> None:
    """Write a package with an article for each of the mutants."""
    tables: dict[str, list[Row]] = {name: [] for name in S.contract.resources}
    (root / "raw").mkdir(parents=True)
    (root / "data").mkdir()
    for folder in ("schemas", "reference"):
        shutil.copytree(REPO / folder, root / folder)
    # Copies of shared rows are identical except for their keys.
    descriptor = S.descriptor() | {"name": "copies"}
    (root / DESCRIPTOR).write_bytes(json_bytes(descriptor))
    for name in S.contract.resources:
        schema = S.schema(name)
        for field in schema["fields"]:
            field.get("constraints", {}).pop("unique", None)
        schema.setdefault("uniqueKeys", [schema["primaryKey"]])
        path = next(r["schema"] for r in descriptor["resources"] if r["name"] == name)
        (root / path).write_bytes(json_bytes(schema))
    for number, files in enumerate(mutants):
        prefix = f"c{number:03d}-"
        sums = {}
        for path, content in {**S.files, **files}.items():
            if not path.startswith("raw/") or content is None:
                continue
            (root / _renamed(path, prefix)).write_bytes(content + b"\n" * number)
            right = S.files.get(path, content)
            sums[_sha256(right), str(len(right.decode()))] = (
                _sha256(right + b"\n" * number), str(len(right.decode()) + number),
            )  # fmt: skip
        for name, rows in tables.items():
            content = files.get(S.path(name))
            own = S.rows(name) if content is None else csv_rows(content)
            rows += [_copied(name, row, prefix, sums) for row in own]
    for name, rows in tables.items():
        if name == "evidence":
            rows.sort(key=lambda row: row["evidence_id"])
        names = S.resource(name).field_names
        content = csv_bytes([names, *([row[n] for n in names] for row in rows)])
        (root / S.path(name)).write_bytes(content)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _renamed(path: str, prefix: str) -> str:
    return path.replace("raw/", f"raw/{prefix}", 1)


def _copied(name: str, row: Row, prefix: str, sums: dict[tuple[str, str], tuple[str, str]]) -> Row:
    """A row whose keys are those of a copy."""
    resource = S.resource(name)
    keys = {resource.key, *(key.field for key in resource.foreign_keys)}
    copy = {n: row[n] for n in resource.field_names}
    if name == "evidence":
        keys = {"row_id", "quote_id", "reference_id"}
        parts = row["evidence_id"].split(".")
        if len(parts) == 4:
            parts = [parts[0], prefix + parts[1], parts[2], prefix + parts[3]]
        copy["evidence_id"] = ".".join(parts)
    copy |= {n: prefix + copy[n] for n in keys if copy[n]}
    if name == "sources":
        for (digest, length), (new, longer) in sums.items():
            if copy["text_sha256"] == digest:
                copy["text_sha256"] = new
                if copy["text_length"] == length:
                    copy["text_length"] = longer
        copy["text_path"] = _renamed(copy["text_path"], prefix)
    return copy
