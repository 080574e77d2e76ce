"""What releases cost compared with their peers: python benchmarks/release.py [ARTICLES ...].

Each article yields about a hundred rows of evidence and quotes. Every round runs each tool once, in
turn, so that a slow spell of the machine affects them all; the medians are compared. The peers:
DuckDB copies the same tables from CSV to Parquet and back, hand-written Polars finds what changed,
and curl and sha256sum fetch and check the same files.
"""

from __future__ import annotations

import json
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from _process import GAZADATA, REPOSITORY, Run, run

ARTICLES = (100, 1_000, 10_000, 100_000)
COMPARED = 10_000
"""The most articles in the releases that are compared, and in the large one that is pulled."""

PEERS = [sys.executable, str(Path(__file__).with_name("_release_peers.py"))]
FORMAT = "{:<34} {:>9} {:>8} {:>8}  {}"


def package_of(folder: Path, articles: int | None) -> Path:
    """A package that builds: a generated one, or the one in this repository if `articles` is None.

    Its version is one for which this installation pins no manifest.
    """
    if articles is None:
        folder.mkdir()
        for part in ("data", "schemas", "raw", "reference"):
            shutil.copytree(REPOSITORY / part, folder / part)
        shutil.copy(REPOSITORY / "datapackage.json", folder)
    else:
        run(
            [
                sys.executable,
                str(Path(__file__).with_name("_generate.py")),
                str(folder),
                str(articles),
            ]
        )
    for part in ("LICENSE", "docs/codebook.md"):
        shutil.copy(REPOSITORY / part, folder)
    path = folder / "datapackage.json"
    descriptor = json.loads(path.read_bytes()) | {"version": "0.0.1"}
    path.write_text(json.dumps(descriptor), "utf-8")
    return folder


def rounds(tools: dict[str, Callable[[], Run]], count: int) -> dict[str, Run]:
    """Run each tool once per round, after a warm-up round if there are many; return the medians."""
    runs: dict[str, list[Run]] = {name: [] for name in tools}
    for number in range(count + (count > 3)):
        for name, tool in tools.items():
            one = tool()
            if number or count <= 3:
                runs[name].append(one)
    return {
        name: Run(
            statistics.median(one.seconds for one in all_of),
            max(one.mebibytes for one in all_of),
            all_of[0].output,
            statistics.median(one.processor for one in all_of),
        )
        for name, all_of in runs.items()
    }


def show(name: str, one: Run, rest: str = "") -> None:
    """Print a line of the table: wall-clock seconds, processor seconds and memory."""
    numbers = f"{one.seconds:.3f}", f"{one.processor:.3f}", f"{one.mebibytes:.0f}"
    print(FORMAT.format(name, *numbers, rest), flush=True)


def ratio(name: str, one: Run, peer: Run, bound: float, memory: int | None = None) -> None:
    """Print a tool's line, with its time as a multiple of its peer's, and the limit."""
    text = (
        f"{one.seconds / peer.seconds:.2f} times (processor {one.processor / peer.processor:.2f})"
    )
    text += f", at most {bound:g}"
    if memory:
        text += f"; at most {memory} MiB"
    show(name, one, text)


def building(articles: int, folder: Path) -> None:
    """A build compared with DuckDB's COPY of the same tables, and where its time goes."""
    package = package_of(folder / "package", articles)
    out = folder / "out"

    def fresh(kind: str) -> Callable[[], Run]:
        def call() -> Run:
            shutil.rmtree(out, ignore_errors=True)
            return run([*PEERS, kind, str(package), str(out)])

        return call

    tools = {"build": fresh("parts"), "DuckDB": fresh("duckdb")}
    taken = rounds(tools, 3 if articles <= 10_000 else 1)
    shutil.rmtree(out)
    name = f"{articles:,} articles: "
    show(f"{name}DuckDB", taken["DuckDB"])
    ratio(f"{name}build", taken["build"], taken["DuckDB"], 2, 2048)
    for part, seconds in json.loads(taken["build"].output).items():
        times = seconds / taken["DuckDB"].seconds
        print(FORMAT.format(f"  {part}", f"{seconds:.3f}", "", "", f"{times:.2f} times"))


def comparing(articles: int, folder: Path) -> None:
    """A diff of two releases compared with hand-written joins and anti-joins of the same files."""
    old, new = package_of(folder / "old", articles), folder / "new"
    run([*PEERS, "change", str(old), str(new)])
    ours = [*GAZADATA, "diff", str(old), str(new), "--format", "json"]
    theirs = [*PEERS, "polars", str(old), str(new)]
    taken = rounds({"diff": lambda: run(ours), "Polars": lambda: run(theirs)}, 3)
    counts = json.loads(taken["Polars"].output)
    tables = json.loads(taken["diff"].output)["tables"]
    for name, numbers in counts.items():
        if any(numbers):
            same = [
                len(tables[name]["added"]),
                len(tables[name]["removed"]),
                len({next(iter(cell.values())) for cell in tables[name]["changed"]}),
            ]
            if same != numbers:
                raise RuntimeError(f"{name}: the diff has {same}, Polars by hand {numbers}")
    show(f"{articles:,} articles: Polars", taken["Polars"])
    ratio(f"{articles:,} articles: diff", taken["diff"], taken["Polars"], 3, 2048)


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder from a separate process, and yield its address."""
    port = folder.with_name("port")
    process = subprocess.Popen([*PEERS, "serve", str(folder), str(port)])
    try:
        while not (port.is_file() and port.read_text("utf-8")):
            time.sleep(0.02)
        yield f"http://127.0.0.1:{port.read_text('utf-8')}"
    finally:
        process.terminate()
        process.wait()


def pulling(articles: int | None, folder: Path, count: int) -> Path:
    """A pull compared with curl and sha256sum over the same files; returns the store.

    It is run as a command, and within a program that is already running.
    """
    package = package_of(folder / "package", articles)
    run([*GAZADATA, "build", str(package), "--out", str(folder)])
    (release,) = folder.glob("*-0.0.1")
    store = folder / "store"
    run([*GAZADATA, "publish", str(release), "--store", str(store)])
    files = sorted(p.relative_to(release).as_posix() for p in release.rglob("*") if p.is_file())
    target = folder / "target"
    with served(store) as address:
        config = "".join(f'url = "{address}/0.0.1/{f}"\noutput = "{f}"\n' for f in files)
        (folder / "curl").write_text(config, "utf-8")
        by_hand = f"curl -fsS --create-dirs -K {shlex.quote(str(folder / 'curl'))} && sha256sum --check --quiet SHA256SUMS"
        ours = ["env", f"GAZADATA_CACHE={target}", *GAZADATA, "pull", "0.0.1", "--store", address]
        # The cost of starting the command, without a network.
        start = [*GAZADATA, "versions", "--store", str(store)]

        def fresh(command: list[str]) -> Callable[[], Run]:
            def call() -> Run:
                shutil.rmtree(target, ignore_errors=True)
                target.mkdir()
                return run(command, folder=target)

            return call

        def inside() -> Run:
            one = fresh([*PEERS, "pull", str(store.with_name("port")), str(target / "cache")])()
            seconds, processor = json.loads(one.output)
            return Run(seconds, one.mebibytes, one.output, processor)

        commands = {"pull": ours, "curl": ["sh", "-c", by_hand], "start": start}
        tools = {name: fresh(command) for name, command in commands.items()}
        taken = rounds(tools | {"inside": inside}, count)
    size = sum((release / f).stat().st_size for f in files)
    name = f"{len(files)} files, {size / 1e6:.0f} MB: "
    show(f"{name}curl, sha256sum", taken["curl"])
    ratio(f"{name}pull", taken["pull"], taken["curl"], 1.5)
    ratio("  within one process", taken["inside"], taken["curl"], 1.5)
    show("  starting a command alone", taken["start"])
    return store


def opening(store: Path, folder: Path) -> None:
    """A cached release compared with the bundled one: open it in a new process, or load a table."""
    cached = f"version='0.0.1', store={str(store)!r}"
    once, again = "gazadata.", "for _ in range(100): gazadata."

    def fresh(code: str) -> Callable[[], Run]:
        command = [sys.executable, "-c", f"import gazadata\n{code}"]
        return lambda: run(["env", f"GAZADATA_CACHE={folder}", *command])

    for what, bundled, other in (
        ("open_dataset", f"{once}open_dataset()", f"{once}open_dataset({cached})"),
        ("load", f"{once}load('events')", f"{once}load('events', {cached})"),
        ("100 times", f"{again}open_dataset()", f"{again}open_dataset({cached})"),
    ):
        taken = rounds({"bundled": fresh(bundled), "cached": fresh(other)}, 21)
        show(f"{what}, bundled", taken["bundled"])
        ratio(f"{what}, cached", taken["cached"], taken["bundled"], 1.1)


def main() -> None:
    """Print the table."""
    sizes = [int(size) for size in sys.argv[1:]] or list(ARTICLES)
    print(FORMAT.format("", "s", "CPU s", "MiB", "of the peer's time"))
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            building(size, Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        comparing(min(COMPARED, max(sizes)), Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        pulling(min(COMPARED, max(sizes)), Path(folder), count=3)
    with tempfile.TemporaryDirectory() as folder:
        store = pulling(None, Path(folder), count=15)
        opening(store, Path(folder) / "cache")


if __name__ == "__main__":
    main()
