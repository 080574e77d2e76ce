"""Datasette on an exported release, started as a reader would: facets and labels."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gazadata.opening import open_dataset
from gazadata.release.export import export

pytest.importorskip("datasette", reason="datasette is not installed")


@pytest.fixture(scope="module")
def address(repo: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("datasette")
    export(repo, "sqlite", folder / "gaza.db")
    command = [sys.executable, "-m", "datasette", "gaza.db", "--metadata", "gaza.metadata.json"]
    with subprocess.Popen(
        [*command, "--host", "127.0.0.1", "--port", "0"],
        cwd=folder,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    ) as server:
        try:
            assert server.stderr
            lines = iter(server.stderr.readline, "")
            found = (re.search(r"http://127\.0\.0\.1:\d+", line) for line in lines)
            yield next(one[0] for one in found if one)
        finally:
            server.kill()


def get(address: str) -> str:
    with urllib.request.urlopen(address, timeout=60) as response:
        content: bytes = response.read()
    return content.decode("utf-8")


def test_it_shows_facets_and_labels(address: str, repo: Path) -> None:
    data = open_dataset(repo)
    page = get(f"{address}/gaza/positions")
    assert data.package.contract["positions"].description in page
    answer: dict[str, Any] = json.loads(
        get(f"{address}/gaza/positions.json?_labels=on&_shape=objects")
    )
    names = data.load("actors").set_index("actor_id")["name"]
    for row in answer["rows"]:
        assert row["holder_id"]["label"] == names[row["holder_id"]["value"]]
    stances = answer["facet_results"]["stance"]["results"]
    counted = {one["value"]: one["count"] for one in stances}
    assert counted == Counter(data.load("positions")["stance"])
