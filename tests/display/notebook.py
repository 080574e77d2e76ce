"""Run docs/tutorial.ipynb, and write the new outputs into it.

python tests/display/notebook.py
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

TUTORIAL = Path(__file__).parents[2] / "docs/tutorial.ipynb"


def read(path: Path) -> Any:
    """The notebook at `path`."""
    return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]


def run(path: Path) -> Any:
    """The notebook at `path` after a fresh run, without what differs from run to run."""
    notebook = read(path)
    NotebookClient(notebook, timeout=120, kernel_name="python3", coalesce_streams=True).execute()
    for cell in notebook.cells:
        cell.metadata.clear()
    notebook.metadata = {"kernelspec": notebook.metadata["kernelspec"]}
    return notebook


if __name__ == "__main__":
    nbformat.write(run(TUTORIAL), TUTORIAL)  # type: ignore[no-untyped-call]
