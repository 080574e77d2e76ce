"""The codebook matches the schemas, and `gazadata fmt` writes it."""

import json
import re
import shutil
from pathlib import Path

import pytest

from gazadata.contract import Contract, Field, Resource
from gazadata.curate.codebook import BEGIN, codebook
from gazadata.curate.fmt import Formatting, format_package
from gazadata.curate.write import write
from gazadata.package import Package

ROOT = Path(__file__).parents[2]
CONTRACT = Contract.read(ROOT)
CODEBOOK = codebook(CONTRACT)
FIELDS = [(table, field) for table in CONTRACT.resources.values() for field in table.fields]
TERMS = [(t, f) for t, f in FIELDS if f.enum and (t.name, f.name) != ("evidence", "resource")]
each_field = pytest.mark.parametrize(("resource", "field"), FIELDS, ids=lambda one: one.name)
each_vocabulary = pytest.mark.parametrize(("resource", "field"), TERMS, ids=lambda one: one.name)


def section(name: str) -> str:
    (found,) = re.findall(rf"^## `{name}`: .*?(?=^## |\Z)", CODEBOOK, re.M | re.S)
    return str(found)


def cells(row: str) -> list[str]:
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]]


def rows(text: str) -> list[list[str]]:
    return [cells(line) for line in text.splitlines() if line.startswith("| `")]


def fields_of(name: str) -> list[list[str]]:
    return rows(section(name).partition("\nTerms of ")[0])


def test_the_codebook_of_the_repository_is_current() -> None:
    assert (ROOT / "docs/codebook.md").read_text("utf-8") == CODEBOOK, "run: gazadata fmt"


@pytest.mark.parametrize("resource", CONTRACT.resources.values(), ids=lambda r: r.name)
def test_each_table_has_its_section(resource: Resource) -> None:
    text = section(resource.name)
    assert text.startswith(f"## `{resource.name}`: {resource.title}\n")
    assert resource.description in text
    assert f"- Primary key: `{resource.key}`\n" in text
    for fk in resource.foreign_keys:
        assert f"- Foreign key: `{fk.field}` → `{fk.resource}.{fk.target}`\n" in text
        assert f"`{resource.name}.{fk.field}`" in section(fk.resource)
    for key in resource.unique_keys:
        assert f"- Unique together: {', '.join(f'`{name}`' for name in key)}\n" in text
    assert text.count("- Foreign key: ") == len(resource.foreign_keys)
    assert text.count("- Unique together: ") == len(resource.unique_keys)
    assert [row[0] for row in fields_of(resource.name)] == [f"`{n}`" for n in resource.field_names]


def test_the_diagram_has_each_foreign_key_once() -> None:
    (diagram,) = re.findall(r"^```mermaid\nerDiagram\n(.*?)^```$", CODEBOOK, re.M | re.S)
    ends = re.findall(r"^  (\w+) \|[|o]--o\{ (\w+) : (\w+)$", diagram, re.M)
    keys = [(r.name, fk) for r in CONTRACT.resources.values() for fk in r.foreign_keys]
    assert ends == [(fk.resource, name, fk.field) for name, fk in keys]
    assert len(diagram.splitlines()) == len(ends)


@each_field
def test_each_field_has_its_row(resource: Resource, field: Field) -> None:
    (row,) = (row for row in fields_of(resource.name) if row[0] == f"`{field.name}`")
    _, kind, required, evidence, details = row
    assert kind == f"{field.type} ({field.format})" if field.format else field.type
    assert required == ("yes" if field.raw.get("constraints", {}).get("required") else "no")
    assert evidence == field.raw["gazadata:evidence"]
    plain = details.replace("\\|", "|")
    assert field.raw["description"] in plain
    constraints = field.raw.get("constraints", {})
    assert ("Unique." in plain) == constraints.get("unique", False)
    for name in ("pattern", "minimum"):
        assert (f"{name}: `{constraints.get(name)}`" in plain) == (name in constraints)
    assert ("Terms " in plain) == ("enum" in constraints)
    assert ("in ascending order" in plain) is field.raw.get("categoriesOrdered", False)


@each_vocabulary
def test_each_term_is_defined(resource: Resource, field: Field) -> None:
    assert list(field.raw["gazadata:definitions"]) == list(field.enum)
    head = rf"^Terms of `{field.name}`:\n\n(.*?)\n\n"
    if field.name == "event_mode":
        head = r"^## Appendix: terms of `events.event_mode`\n\n(.*)"
    (table,) = re.findall(head, f"{section(resource.name)}{CODEBOOK}", re.M | re.S)[:1]
    listed = {cell: row for row in rows(table) for cell in row[:2]}
    for term in field.enum:
        assert field.raw["gazadata:definitions"][term] in " ".join(listed[f"`{term}`"])
        assert field.labels[term] in listed[f"`{term}`"]


def test_without_examples_it_has_none_from_the_record() -> None:
    assert "Example: " in CODEBOOK
    assert "Example: " not in codebook(CONTRACT, examples=False)


def test_text_that_could_break_a_markdown_table_is_escaped(tmp_path: Path) -> None:
    field = {
        "name": "id",
        "type": "string",
        "description": "one | two\nthree",
        "constraints": {"pattern": "^(a|`b`)$", "maxLength": 3},
        "example": "true",
    }
    schema = {"fields": [field], "primaryKey": "id"}
    descriptor = {"resources": [{"name": "t", "path": "t.csv", "schema": schema}]}
    (tmp_path / "datapackage.json").write_text(json.dumps(descriptor), "utf-8")
    (row,) = rows(codebook(Contract.read(tmp_path)))
    assert row == [
        "`id`",
        "string",
        "no",
        "exempt",
        "one \\| two three pattern: `` ^(a\\|`b`)$ ``. maxLength: `3`. Example: `true`.",
    ]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("data", "schemas", "raw"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "datapackage.json", tmp_path)
    formatting = format_package(Package.open(tmp_path))
    write(formatting.files, formatting.read)
    (tmp_path / "docs").mkdir()
    return tmp_path


def formatted(root: Path, text: str) -> Formatting:
    (root / "docs/codebook.md").write_bytes(text.encode())
    return format_package(Package.open(root))


def test_fmt_updates_a_generated_codebook(root: Path) -> None:
    formatting = formatted(root, f"{BEGIN}\nold\n")
    assert formatting == Formatting({root / "docs/codebook.md": CODEBOOK.encode()}, [])
    write(formatting.files, formatting.read)
    assert format_package(Package.open(root)) == Formatting({}, [])


@pytest.mark.parametrize("text", ["", "# Codebook\n", f"Below it has\n{BEGIN}\n"])
def test_fmt_leaves_a_handwritten_codebook_alone(root: Path, text: str) -> None:
    assert formatted(root, text) == Formatting({}, [])


def test_a_package_without_a_codebook_is_formatted(root: Path) -> None:
    assert format_package(Package.open(root)) == Formatting({}, [])
