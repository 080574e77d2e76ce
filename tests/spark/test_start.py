"""Starting Spark, as the command line does."""

from __future__ import annotations

import pytest

from gazadata import spark as gazadata_spark
from gazadata.errors import ReadError

pytestmark = pytest.mark.spark


def test_a_session_can_be_asked_for_more_than_once() -> None:
    """No module of the package may take the place of its function."""
    for _ in range(2):
        with (
            pytest.raises(ReadError, match="does not respond"),
            gazadata_spark.session("spark://127.0.0.1:1"),
        ):
            pass
