"""The tutorial runs, and shows what is committed."""

from __future__ import annotations

import pytest

pytest.importorskip("nbclient", reason="nbclient is not installed")
pytest.importorskip("ipykernel", reason="ipykernel is not installed")

from tests.display.notebook import TUTORIAL, read, run

from gazadata.opening import open_dataset


def test_the_committed_outputs_are_those_of_a_fresh_run() -> None:
    committed = read(TUTORIAL)
    fresh = run(TUTORIAL)
    assert len(committed.cells) == len(fresh.cells)
    if f"(version {open_dataset().version})" not in str(committed.cells[-1].outputs):
        return  # It names and shows another version, but also runs with this one.
    for before, after in zip(committed.cells, fresh.cells, strict=True):
        assert before == after, f"run: python tests/display/notebook.py ({before.source[:60]})"
