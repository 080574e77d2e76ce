"""The data dictionary says what the schemas say, and stays between its markers."""

import json
import re
import shutil
from pathlib import Path

import pytest

from gazadata.contract import Contract, Field, Resource
from gazadata.curate.canonical import Formatting, format_package, write
from gazadata.curate.dictionary import BEGIN, END, data_dictionary
from gazadata.package import Package

ROOT = Path(__file__).parents[2]
CONTRACT = Contract.read(ROOT)
DICTIONARY = data_dictionary(CONTRACT)
FIELDS = [
    pytest.param(resource, field, id=f"{resource.name}.{field.name}")
    for resource in CONTRACT.resources.values()
    for field in resource.fields
]


def section(name: str) -> str:
    (found,) = re.findall(rf"^### `{name}`: .*?(?=^### |\Z)", DICTIONARY, re.M | re.S)
    return str(found)


def cells(row: str) -> list[str]:
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]]


def rows(name: str) -> list[list[str]]:
    return [cells(line) for line in section(name).splitlines() if line.startswith("| `")]


@pytest.mark.parametrize("resource", CONTRACT.resources.values(), ids=lambda r: r.name)
def test_each_resource_has_its_section(resource: Resource) -> None:
    text = section(resource.name)
    assert text.startswith(f"### `{resource.name}`: {resource.title}\n")
    assert resource.description in text
    assert f"- Primary key: `{resource.key}`\n" in text
    for fk in resource.foreign_keys:
        assert f"- Foreign key: `{fk.field}` → `{fk.resource}.{fk.target}`\n" in text
        assert f"`{resource.name}.{fk.field}`" in section(fk.resource)
    for key in resource.unique_keys:
        assert f"- Unique together: {', '.join(f'`{name}`' for name in key)}\n" in text
    assert text.count("- Foreign key: ") == len(resource.foreign_keys)
    assert text.count("- Unique together: ") == len(resource.unique_keys)
    assert [row[0] for row in rows(resource.name)] == [f"`{n}`" for n in resource.field_names]


@pytest.mark.parametrize(("resource", "field"), FIELDS)
def test_each_field_has_its_row(resource: Resource, field: Field) -> None:
    (row,) = (row for row in rows(resource.name) if row[0] == f"`{field.name}`")
    assert len(row) == 5
    _, kind, required, evidence, details = row
    assert kind.split()[0] == field.raw["type"]
    assert required == ("yes" if field.raw.get("constraints", {}).get("required") else "no")
    assert evidence == field.raw["gazadata:evidence"]
    plain = details.replace("\\|", "|")
    assert field.raw["description"] in plain
    constraints = field.raw.get("constraints", {})
    assert ("Unique." in plain) == constraints.get("unique", False)
    for name in ("pattern", "minimum"):
        assert (f"{name}: `{constraints.get(name)}`" in plain) == (name in constraints)
    for category in field.raw.get("categories", []):
        assert f"`{category['value']}` ({category['label']})" in plain
    assert ("Terms: " in plain) == ("enum" in constraints)


def test_what_would_break_a_markdown_table_does_not(tmp_path: Path) -> None:
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
    (row,) = (
        line
        for line in data_dictionary(Contract.read(tmp_path)).splitlines()
        if line.startswith("| `")
    )
    assert cells(row) == [
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
    write(format_package(Package.open(tmp_path)))
    (tmp_path / "docs").mkdir()
    return tmp_path


def formatted(root: Path, codebook: str) -> Formatting:
    (root / "docs/codebook.md").write_bytes(codebook.encode())
    return format_package(Package.open(root))


def test_only_what_is_between_the_markers_is_replaced(root: Path) -> None:
    before, behind = f"# Codebook\n\nSee {BEGIN} above.\n", "\nThe end, without a line feed"
    formatting = formatted(root, f"{before}{BEGIN}\nold\n{END}{behind}")
    assert formatting.problems == []
    (content,) = formatting.files.values()
    assert content.decode() == f"{before}{BEGIN}\n\n{DICTIONARY}\n{END}{behind}"
    write(formatting)
    assert format_package(Package.open(root)).files == {}


@pytest.mark.parametrize("codebook", ["", "# Codebook\n", f"It has `{BEGIN}` and {END} in it.\n"])
def test_a_codebook_without_marker_lines_is_left_alone(root: Path, codebook: str) -> None:
    assert formatted(root, codebook) == Formatting({}, [])


@pytest.mark.parametrize(
    ("codebook", "line"),
    [
        (f"a\n{BEGIN}\n", 2),
        (f"{END}\n", 1),
        (f"{END}\n{BEGIN}\n", 1),
        (f"\n\n{BEGIN}\n{BEGIN}\n{END}\n", 3),
    ],
)
def test_markers_that_do_not_pair_are_a_problem(root: Path, codebook: str, line: int) -> None:
    """Guessing where the dictionary ends would throw away what a person wrote below."""
    formatting = formatted(root, codebook)
    assert formatting.files == {}
    (problem,) = formatting.problems
    assert (problem.path, problem.line) == (root / "docs/codebook.md", line)
    assert "marker lines" in problem.message


def test_a_package_without_a_codebook_is_formatted(root: Path) -> None:
    assert format_package(Package.open(root)) == Formatting({}, [])
