"""Lines that tests of this folder add to the output of a run."""

import pytest

LINES: pytest.StashKey[list[str]] = pytest.StashKey()
