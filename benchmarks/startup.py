"""What every command costs on top of its actual work: python benchmarks/startup.py [ROUNDS].

Processor time and peak memory are medians over rounds that start every process once, in turn;
ratios are to the imports that the commands cannot do without. The commands that are compared run
first: after one that fills the processor's caches, the next one takes longer.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from _process import ENVIRONMENT, GAZADATA, REPOSITORY, Run, run

IMPORTED = {
    "bare interpreter": "pass",
    "import typer": "import typer",
    "import pyarrow": "import pyarrow",
    # What it costs typer itself to parse one argument, for a command that does nothing.
    "typer, one argument": "import typer; app = typer.Typer(rich_markup_mode=None); "
    "app.command()(lambda x: None); app(['x'])",
}
RATIOS = (
    ("--help", "import typer", 1.5),
    ("explain", "import pyarrow", 1.3),
    ("find", "import pyarrow", 1.3),
)


def commands(folder: Path) -> dict[str, list[str]]:
    """A command line for each command; they only write to `folder`."""
    built = folder / "built"
    run([*GAZADATA, "build", str(REPOSITORY), "--out", str(built)])
    (release,) = map(str, built.iterdir())
    store = str(folder / "store")
    run([*GAZADATA, "publish", release, "--store", store])
    version = Path(release).name.removeprefix("gazadata-")
    package = str(REPOSITORY)
    return {
        "--help": ["--help"],
        "--version": ["--version"],
        "fmt": ["fmt", package, "--check"],
        "find": ["find", "highest military rank", "--package", package],
        "explain": ["explain", "events", "doha-negotiations", "--package", package],
        "rule": ["rule", "GD341"],
        "page": ["page", package, "--out", str(folder / "page.html")],
        "validate": ["validate", package],
        "build": ["build", package, "--out", str(folder / "again")],
        "verify": ["verify", release],
        "diff": ["diff", release, package],
        "export": ["export", release, str(folder / "a.db"), "--to", "sqlite", "--force"],
        "publish": ["publish", release, "--store", store],
        "versions": ["versions", "--store", store],
        "pull": ["pull", version, "--store", store],
    }


def main() -> None:
    """Print the medians and the ratios."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        ENVIRONMENT["GAZADATA_CACHE"] = str(folder / "cache")
        cases = {
            **{name: [sys.executable, "-c", code] for name, code in IMPORTED.items()},
            **{name: [*GAZADATA, *rest] for name, rest in commands(folder).items()},
        }
        light = [*IMPORTED, *(name for name, _, _ in RATIOS)]
        runs: dict[str, list[Run]] = {name: [] for name in cases}
        for group in (light, [name for name in cases if name not in light]):
            for _ in range(rounds):
                # A build never overwrites a release.
                shutil.rmtree(folder / "again", ignore_errors=True)
                for name in group:
                    runs[name].append(run(cases[name], folder=folder))
    seconds = {name: statistics.median(r.processor for r in done) for name, done in runs.items()}
    memory = {name: statistics.median(r.mebibytes for r in done) for name, done in runs.items()}
    for name in cases:
        print(f"{name:20} {seconds[name]:6.2f} s {memory[name]:6.0f} MiB")
    for name, peer, bound in RATIOS:
        print(f"{name} / {peer}: {seconds[name] / seconds[peer]:.2f} (bound {bound})")


if __name__ == "__main__":
    main()
