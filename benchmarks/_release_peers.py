"""What benchmarks/release.py compares with gazadata's own commands, each in its own process.

python benchmarks/_release_peers.py parts PACKAGE OUT    build, and print how long its parts took
python benchmarks/_release_peers.py duckdb PACKAGE OUT   every table from CSV to Parquet and back
python benchmarks/_release_peers.py polars OLD NEW       what changed, by anti-join and join
python benchmarks/_release_peers.py change OLD NEW       a package with one row in 100 changed
python benchmarks/_release_peers.py pull FILE CACHE      the time of a pull after all imports
python benchmarks/_release_peers.py serve FOLDER FILE    a folder on 127.0.0.1; its port to FILE
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Callable
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


def parts(package: Path, out: Path) -> None:
    """Build a release, and print how many seconds validation, tables and descriptions took."""
    from gazadata.release import build

    taken: dict[str, float] = {}

    def timed(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            start = time.perf_counter()
            result = function(*arguments)
            taken[name] = taken.get(name, 0.0) + time.perf_counter() - start
            return result

        return call

    names = {"validation": "_validated", "tables": "_write_table", "all files": "_write"}
    for name, function in names.items():
        setattr(build, function, timed(name, getattr(build, function)))
    build.build(package, out)
    taken["descriptions"] = taken.pop("all files") - taken["tables"]
    print(json.dumps(taken))


def by_duckdb(package: Path, out: Path) -> None:
    """DuckDB's own COPY of every table, compressed like a release's Parquet."""
    import duckdb

    out.mkdir()
    connection = duckdb.connect()
    for csv in sorted((package / "data").glob("*.csv")):
        parquet, again = out / f"{csv.stem}.parquet", out / csv.name
        connection.execute(f"COPY (FROM '{csv}') TO '{parquet}' (COMPRESSION zstd)")
        connection.execute(f"COPY (FROM '{parquet}') TO '{again}'")


def by_polars(old: Path, new: Path) -> None:
    """Count the rows added, removed and changed in each table, with queries written by hand."""
    import polars as pl

    counts = {}
    for path in sorted((old / "data").glob("*.csv")):
        a, b = (pl.scan_csv(p / "data" / path.name, infer_schema=False) for p in (old, new))
        key, *fields = a.collect_schema().names()
        both = b.join(a, on=key, suffix=":old")
        changed = pl.any_horizontal(pl.col(f).ne_missing(pl.col(f"{f}:old")) for f in fields)
        found = (
            b.join(a, on=key, how="anti"),
            a.join(b, on=key, how="anti"),
            both.filter(changed),
        )
        counts[path.stem] = [frame.collect(engine="streaming").height for frame in found]
    print(json.dumps(counts))


def change(old: Path, new: Path) -> None:
    """Change a cell in a hundredth of the rows; remove and add a thousandth."""
    import polars as pl

    shutil.copytree(old, new)
    for path in (new / "data").glob("*.csv"):
        rows = pl.read_csv(path, infer_schema=False)
        key, last = rows.columns[0], rows.columns[-1]
        number = pl.int_range(pl.len())
        edited = pl.when(number % 100 == 50).then(pl.lit("changed")).otherwise(pl.col(last))
        rows = rows.with_columns(edited.alias(last)).filter(number % 1000 != 7)
        more = rows.filter(number % 1000 == 9).with_columns(pl.col(key) + "-new")
        pl.concat([rows, more]).sort(key).write_csv(path)


def pulled(port: Path, cache: Path) -> None:
    """Pull twice from the server on this port, and print how many seconds the second pull took."""
    from gazadata.release.fetch import pull

    os.environ["GAZADATA_CACHE"] = str(cache)
    store = f"http://127.0.0.1:{port.read_text('utf-8')}"
    for _ in range(2):
        shutil.rmtree(cache, ignore_errors=True)
        start, processor = time.perf_counter(), time.process_time()
        pull("0.0.1", store, lock=cache / "gazadata.lock")
        taken = time.perf_counter() - start, time.process_time() - processor
    print(json.dumps(taken))


class Handler(SimpleHTTPRequestHandler):
    """Like other servers, keeps the connection open and sends short answers at once."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *_: Any) -> None:
        """Log nothing."""


def serve(folder: Path, port: Path) -> None:
    """Serve a folder until the process is terminated; write the port number to a file."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    port.write_text(str(server.server_port), "utf-8")
    server.serve_forever()


if __name__ == "__main__":
    run = {"parts": parts, "duckdb": by_duckdb, "polars": by_polars, "change": change}
    run |= {"pull": pulled, "serve": serve}
    run[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
