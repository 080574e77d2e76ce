"""The workflows, the action and the hook: their permissions, what they run, and the results."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

REPO = Path(__file__).parents[1]
WORKFLOWS = sorted((REPO / ".github/workflows").glob("*.yml"))
ACTION = REPO / "action.yml"
HOOKS = REPO / ".pre-commit-hooks.yaml"
# Run the installed package, not the one on PYTHONPATH.
ENVIRONMENT = {name: v for name, v in os.environ.items() if not name.startswith("PYTHON")}

# They are not in the sdist.
pytestmark = pytest.mark.skipif(not ACTION.exists(), reason="needs the repository")
installs = pytest.mark.skipif(
    not os.environ.get("GAZADATA_INSTALLS"),
    reason="installs gazadata with all that it needs; GAZADATA_INSTALLS=1 runs it",
)


def parsed(path: Path) -> dict[Any, Any]:
    found: dict[Any, Any] = yaml.safe_load(path.read_text("utf-8"))
    return found


def scripts() -> dict[str, str]:
    """The shell scripts of the action, by the name of their step."""
    steps = parsed(ACTION)["runs"]["steps"]
    return {step["name"]: step["run"] for step in steps if "run" in step}


@pytest.mark.parametrize("path", [*WORKFLOWS, ACTION], ids=lambda path: path.name)
class TestRights:
    def test_others_actions_are_pinned_to_a_commit(self, path: Path) -> None:
        used = re.findall(r"uses: (.*)", path.read_text("utf-8"))
        assert used
        for one in used:
            assert one == "./" or re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one)

    def test_no_secret_is_used_and_nothing_is_put_into_a_script(self, path: Path) -> None:
        """Text that a workflow puts into a script with ${{ }} is run as part of it."""
        text = path.read_text("utf-8")
        assert "secrets." not in text
        content = parsed(path)
        jobs = [*content.get("jobs", {}).values(), content.get("runs", {})]
        for step in (step for job in jobs for step in job.get("steps", ())):
            assert "${{" not in step.get("run", "")


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_may_only_read(path: Path) -> None:
    content = parsed(path)
    assert content["permissions"] == {"contents": "read"}
    for job in content["jobs"].values():
        assert "permissions" not in job
        (checkout,) = (s for s in job["steps"] if s.get("uses", "").startswith("actions/checkout"))
        assert checkout["with"]["persist-credentials"] is False


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runner's folder for temporary files, with gazadata installed from a wheel."""
    root = tmp_path_factory.mktemp("runner temp")
    modules = root / "gazadata/gazadata"
    shutil.copytree(REPO / "src/gazadata", modules)
    for name in ("data", "schemas"):
        shutil.copytree(REPO / name, modules / "_package" / name)
    shutil.copy(REPO / "datapackage.json", modules / "_package")
    return root


def validate(
    package: str, formats: str, workspace: Path, temporary: Path
) -> subprocess.CompletedProcess[str]:
    """Run the last step of the action as a job would, in the folder `workspace`."""
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", scripts()["Validate"]],
        capture_output=True,
        text=True,
        check=False,
        cwd=workspace,
        env=ENVIRONMENT
        | {
            "FORMATS": formats,
            "GITHUB_ACTIONS": "true",
            "GITHUB_STEP_SUMMARY": str(temporary / "summary.md"),
            "GITHUB_WORKSPACE": str(workspace),
            "PACKAGE": package,
            "PYTHON": sys.executable,
            "RUNNER_TEMP": str(temporary),
        },
    )


class TestAction:
    """The steps of action.yml, run as a job runs them."""

    def test_a_package_that_passes(self, package_copy: Path, installed: Path) -> None:
        """The path may have spaces, begin with a dash, and be next to a module called gazadata."""
        package_copy.rename(package_copy.parent / "-a package")
        (package_copy.parent / "gazadata.py").write_text("raise SystemExit(99)", "utf-8")
        done = validate("-a package", "sarif  junit", package_copy.parent, installed)
        assert (done.returncode, done.stderr) == (0, "")
        assert "::error" not in done.stdout
        assert (installed / "summary.md").read_text("utf-8").strip()
        reports = installed / "gazadata-reports"
        assert {one.name for one in reports.iterdir()} == {"gazadata.sarif", "gazadata.junit"}

    def test_a_finding_is_an_annotation_of_the_change(
        self, package_copy: Path, installed: Path
    ) -> None:
        table = package_copy / "data/events.csv"
        table.write_text(table.read_text("utf-8").replace(",CONSULT,", ",CONSLT,", 1), "utf-8")
        done = validate(package_copy.name, "", package_copy.parent, installed)
        assert done.returncode == 1
        (annotation,) = (line for line in done.stdout.splitlines() if "CONSLT" in line)
        assert annotation.startswith(f"::error file={package_copy.name}/data/events.csv,line=")
        assert "CONSLT" in (installed / "summary.md").read_text("utf-8")

    @pytest.mark.parametrize(
        ("package", "formats", "reason"),
        [("package", "sarf", "did you mean 'sarif'?"), ("nowhere", "", "no data package at")],
    )
    def test_wrong_use(
        self, package_copy: Path, installed: Path, package: str, formats: str, reason: str
    ) -> None:
        done = validate(package, formats, package_copy.parent, installed)
        assert done.returncode == 2
        assert reason in done.stderr


def git(folder: Path, *arguments: str) -> None:
    own = ["-c", "user.name=tests", "-c", "user.email=", "-c", "core.hooksPath="]
    subprocess.run(["git", *own, "-C", folder, *arguments], check=True, capture_output=True)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with everything in this one that pip and pre-commit read."""
    root = tmp_path_factory.mktemp("gazadata")
    for name in ("data", "docs", "schemas", "src"):
        shutil.copytree(REPO / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("LICENSE", "README.md", "datapackage.json", "pyproject.toml"):
        shutil.copy(REPO / name, root)
    shutil.copy(HOOKS, root)
    git(root, "init", "--quiet")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "All")
    return root


@installs
def test_the_action_installs_what_it_runs(
    checkout: Path, package_copy: Path, tmp_path: Path
) -> None:
    temporary = tmp_path / "runner temp"
    temporary.mkdir()
    subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", scripts()["Install gazadata"]],
        check=True,
        env=ENVIRONMENT
        | {"ACTION": str(checkout), "PYTHON": sys.executable, "RUNNER_TEMP": str(temporary)},
    )
    assert (temporary / "gazadata/frictionless").is_dir()
    done = validate(package_copy.name, "", package_copy.parent, temporary)
    assert (done.returncode, done.stderr) == (0, "")


@installs
def test_the_hook_in_another_repository(checkout: Path, package_copy: Path, tmp_path: Path) -> None:
    def try_hook() -> subprocess.CompletedProcess[str]:
        git(package_copy, "add", "--all")
        return subprocess.run(
            [sys.executable, "-m", "pre_commit", "try-repo", checkout, "--all-files", "--verbose"],
            capture_output=True,
            text=True,
            check=False,
            cwd=package_copy,
            env=ENVIRONMENT | {"PRE_COMMIT_HOME": str(tmp_path / "home")},
        )

    git(package_copy, "init", "--quiet")
    done = try_hook()
    assert "gazadata validate" in done.stdout
    assert "passed: 0 errors" in done.stdout
    assert done.returncode == 0
    table = package_copy / "data/events.csv"
    table.write_text(table.read_text("utf-8").replace(",CONSULT,", ",CONSLT,", 1), "utf-8")
    done = try_hook()
    assert "found CONSLT" in done.stdout
    assert done.returncode == 1
