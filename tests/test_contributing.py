"""The worked examples of CONTRIBUTING.md work in a clone."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

REPO = Path(__file__).parents[1]
CONTRIBUTING = (REPO / "CONTRIBUTING.md").read_text("utf-8")
ARTICLE = "trump-leaning-on-pakistan"


def section(head: str) -> str:
    found = re.search(rf"^## {head}\n(.*?)(?=^## )", CONTRIBUTING, re.M | re.S)
    assert found
    return found[1]


def blocks(text: str, language: str) -> list[str]:
    found = re.findall(rf"^ *```{language}\n(.*?)^ *```$", text, re.M | re.S)
    return [textwrap.dedent(one) for one in found]


def insert(path: Path, before: str, text: str) -> None:
    there = path.read_text("utf-8")
    assert there.count(before) == 1
    path.write_text(there.replace(before, f"{text}{before}"), "utf-8")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    root = tmp_path / "clone"
    for name in ("data", "schemas", "raw", "reference", "docs", "src"):
        shutil.copytree(REPO / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("datapackage.json", "CITATION.cff", "CHANGELOG.md", "README.md"):
        shutil.copy(REPO / name, root)
    return root


def run(clone: Path, *arguments: str) -> str:
    """The output of a command of the clone's own code."""
    done = subprocess.run(
        [sys.executable, "-m", "gazadata", *arguments],
        cwd=clone,
        env=os.environ | {"PYTHONPATH": str(clone / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.stderr, done.stderr
    return done.stdout


def edit(path: Path, change: object) -> None:
    path.write_text(json.dumps(change, indent=2, ensure_ascii=False) + "\n", "utf-8")


@pytest.mark.long
def test_a_table_is_added_as_written(clone: Path) -> None:
    (schema_text,) = blocks(section("Add a table"), "json")
    schema = json.loads(schema_text)
    (clone / "schemas/places.json").write_text(json.dumps(schema, indent=2), "utf-8")
    descriptor = json.loads((clone / "datapackage.json").read_text("utf-8"))
    like = next(one for one in descriptor["resources"] if one["name"] == "conditions")
    named = {key: schema[key] for key in ("name", "title", "description")}
    paths = {"path": "data/places.csv", "schema": "schemas/places.json"}
    descriptor["resources"].insert(-1, like | named | paths)
    edit(clone / "datapackage.json", descriptor)
    evidence = json.loads((clone / "schemas/evidence.json").read_text("utf-8"))
    resource = next(field for field in evidence["fields"] if field["name"] == "resource")
    resource["constraints"]["enum"].append("places")
    resource["categories"].append({"value": "places", "label": "Places"})
    edit(clone / "schemas/evidence.json", evidence)
    (clone / "data/places.csv").write_text("place_id,name\n", "utf-8")

    sheet = clone / "sheet.yaml"
    run(clone, "sheet", ARTICLE, "--out", "sheet.yaml")
    (rows,) = re.findall(r"`(places: \[.*?\])`", section("Add a table"))
    text = sheet.read_text("utf-8")
    sentence = text.index("- sentence: Recent negotiations in Doha")
    line = text.index("\n", sentence) + 1
    sheet.write_text(f"{text[:line]}  {rows}\n{text[line:]}", "utf-8")
    run(clone, "apply", "sheet.yaml")
    run(clone, "fmt")

    # The contract has changed, and nothing else is wrong.
    (found,) = json.loads(run(clone, "validate", "--format", "json"))["findings"]
    record = re.search(r'"([\d.]+)": "([0-9a-f]{64})" to (\S+);', found["help"])
    assert record
    edit(clone / record[3], {record[1]: record[2]})
    said = run(clone, "validate", "--strict", "--format", "concise").splitlines()
    assert said[-1].startswith("passed")
    assert "[Doha, Qatar]" in run(clone, "explain", "places", "doha", "--package", ".")


@pytest.mark.long
def test_a_rule_is_added_as_written(clone: Path) -> None:
    """Its planted mistake is found, its near miss is not, and the shipped package passes."""
    shutil.copytree(REPO / "tests", clone / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPO / "pyproject.toml", clone)
    written = section("Add a rule")
    check, case = blocks(written, "python")
    (call,) = re.findall(r"`(\*_\w+\(.*?\))` added to the checks of `check_sets`", written)
    (count,) = re.findall(r'`("GD\d{3}": .*?)` added to `wanted`', written)
    module = clone / "src/gazadata/validate/semantics.py"
    insert(module, "*_reporting(resource.field_names)]", f"{call}, ")
    module.write_text(f"{module.read_text('utf-8')}\n\n{check}", "utf-8")
    planted = clone / "tests/validate/test_rules_planted.py"
    insert(planted, "CASES: dict", f"{case}\n\n")
    insert(planted, '"GD422": ', f"{count},\n        ")
    (command,) = re.findall(r"`gazadata (rule --markdown) > docs/rules.md`", written)
    document = run(clone, *command.split())
    (clone / "docs/rules.md").write_text(document, "utf-8")
    assert "### GD423: label ends in a full stop\n" in document

    only = "GD423 or shipped or what_a_rule_looked_at or document_is_current"
    files = [planted, clone / "tests/validate/test_rules.py"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rA", "-k", only, *files],
        cwd=clone,
        env=os.environ | {"PYTHONPATH": str(clone / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    for name in ("a_planted_mistake_is_caught", "a_near_miss_passes"):
        assert f"::test_{name}[GD423]\n" in done.stdout
