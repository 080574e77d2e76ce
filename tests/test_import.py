"""What is imported when, each case in a separate process."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import gazadata

HEAVY = {"pandas", "pandera", "frictionless", "polars", "pyarrow", "typer", "numpy"}
PARENT = str(Path(gazadata.__file__).parents[1])


def run(code: str, *flags: str) -> str:
    done = subprocess.run(
        [sys.executable, *flags, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(PARENT).parent,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def imported(code: str, *flags: str) -> set[str]:
    """The modules that a piece of code adds to those that the interpreter has already loaded."""
    before = f"import json, sys; sys.path.insert(0, {PARENT!r}); before = set(sys.modules)\n"
    after = "\nprint(json.dumps(sorted(set(sys.modules) - before)))"
    return set(json.loads(run(before + code + after, *flags).splitlines()[-1]))


def test_the_import_costs_next_to_nothing() -> None:
    """`typing` and `dataclasses` alone would double the cost of starting a bare interpreter."""
    # Without site, whose .pth files may import anything first.
    modules = imported("import gazadata", "-I", "-S")
    assert "gazadata" in modules
    assert modules - {"gazadata"} == set()


def test_the_errors_need_no_heavy_modules() -> None:
    modules = imported("from gazadata import GazadataError")
    assert "gazadata.errors" in modules
    assert not modules & HEAVY


def test_the_contract_only_needs_the_standard_library() -> None:
    code = "import gazadata; print(gazadata.open_dataset().tables, gazadata.open_dataset().cite())"
    modules = imported(code)
    assert "gazadata.contract" in modules
    assert not modules & HEAVY


@pytest.mark.parametrize(
    ("code", "needed", "spared"),
    [
        ("load('events', as_='arrow')", {"pyarrow"}, HEAVY - {"pyarrow", "numpy"}),
        ("load('events')", {"pandas", "pyarrow"}, HEAVY - {"pandas", "pyarrow", "numpy"}),
        (
            "load('events', as_='polars')",
            {"polars"},
            {"pandas", "pandera", "frictionless", "typer"},
        ),
        (
            "open_dataset().explain('events', 'doha-negotiations')",
            {"pyarrow"},
            HEAVY - {"pyarrow", "numpy"},
        ),
        (
            "open_dataset().view('events')",
            {"pandas"},
            {"pandera", "frictionless", "polars", "typer"},
        ),
        ("open_dataset().schema('events')", {"pandera.pandas"}, {"frictionless", "typer"}),
    ],
)
def test_modules_that_are_not_needed_are_not_imported(
    code: str, needed: set[str], spared: set[str]
) -> None:
    modules = imported(f"import gazadata; gazadata.{code}")
    assert needed <= modules
    assert modules & spared == set()


def test_the_command_line_imports_its_commands_parts_when_they_run() -> None:
    assert not imported("import gazadata.cli") & (HEAVY - {"typer"})


@pytest.mark.parametrize(
    ("arguments", "spared"),
    [
        (["--help"], HEAVY - {"typer"} | {"rich", "pydantic"}),
        (["explain", "--help"], HEAVY - {"typer"}),
        (["explain", "events", "doha-negotiations"], HEAVY - {"typer", "pyarrow"} | {"rich"}),
        (["find", "military rank"], HEAVY - {"typer", "pyarrow"} | {"rich"}),
    ],
)
def test_a_command_starts_with_what_it_needs(arguments: list[str], spared: set[str]) -> None:
    code = f"""
from gazadata.cli import main
sys.argv[1:] = {arguments!r}
try:
    main()
except SystemExit as end:
    assert end.code == 0"""
    assert imported(code) & (spared | {"pyarrow.compute"}) == set()


@pytest.mark.parametrize(
    ("missing", "extra", "code"),
    [
        ("polars", "polars", "gazadata.load('events', as_='polars')"),
        ("pandera", "validate", "gazadata.open_dataset().schema('events')"),
    ],
)
def test_without_the_extra_the_error_says_how_to_get_it(
    missing: str, extra: str, code: str
) -> None:
    """`schema` without pandera used to end in a ModuleNotFoundError."""
    told = run(
        f"import sys; sys.modules[{missing!r}] = None; sys.path.insert(0, {PARENT!r})\n"
        "import gazadata\n"
        f"try:\n    {code}\n"
        "except gazadata.GazadataError as error:\n    print(error)"
    )
    assert told.strip() == f"{missing} is not installed; run: pip install 'gazadata[{extra}]'"


@pytest.mark.parametrize("code", ["load('events')", "load('events', as_='arrow')"])
def test_the_base_is_enough_to_load(code: str) -> None:
    told = run(
        "import sys\n"
        "for name in ('pandera', 'frictionless', 'polars'): sys.modules[name] = None\n"
        f"sys.path.insert(0, {PARENT!r}); import gazadata; print(len(gazadata.{code}))"
    )
    assert int(told) == len(gazadata.load("events"))


def test_the_public_names() -> None:
    assert dir(gazadata) == sorted(gazadata.__all__)
    for name in set(gazadata.__all__) - {"__version__"}:
        assert getattr(gazadata, name).__name__ == name
    descriptor = json.loads((Path(PARENT).parent / "datapackage.json").read_text("utf-8"))
    assert gazadata.__version__ == descriptor["version"]


def test_any_other_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'gazadata' has no attribute 'lode'"):
        _ = gazadata.lode
    assert not hasattr(gazadata, "__path__x")


def test_the_package_says_that_it_is_typed() -> None:
    assert (Path(gazadata.__file__).parent / "py.typed").is_file()
