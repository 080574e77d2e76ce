"""Words that state a name, and other words with the same letters that do not."""

from __future__ import annotations

import polars as pl
import pytest
from polars import col

from gazadata.validate.stated import has_words


@pytest.mark.parametrize(
    ("text", "name", "is_stated"),
    [
        ("a US-backed plan", "US", True),
        ("officials told us", "US", False),
        ("officials told us of the US", "US", True),
        ("the U.S. government", "U.S.", True),
        ("the “G-20”", "G-20", True),
        ("who met", "WHO", False),
        ("PAKISTAN WEIGHS TROOPS", "Pakistan", True),
        ("Pakistan’s army", "PAKISTAN", False),
        ("the ISFs", "ISF", False),
        ("about  45 nations", "about 45", True),
        ("the O’NEIL plan", "O'NEIL", True),
    ],
)
def test_a_name_in_capitals_is_only_stated_by_capitals(
    text: str, name: str, is_stated: bool
) -> None:
    frame = pl.DataFrame({"text": [text], "name": [name]})
    stated = has_words(col("text"), col("name"), of_name=pl.lit(True))
    assert frame.select(stated).item() is is_stated


def test_another_case_in_a_cell_is_another_mistake() -> None:
    frame = pl.DataFrame({"text": ["according to a report"], "cell": ["ACCORDING TO A REPORT"]})
    assert frame.select(has_words(col("text"), col("cell"), of_name=pl.lit(False))).item()
