"""The folding under which typed words are compared with printed ones."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gazadata.text import TYPESET, fold


@pytest.mark.parametrize(("printed", "typed"), TYPESET.items(), ids=ascii)
def test_what_a_typesetter_prints_is_found_by_what_a_keyboard_has(printed: str, typed: str) -> None:
    assert fold(f"a{printed}b") == fold(f"a{typed}b") == f"a{typed}b"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Pakistan’s", "pakistan's"),
        ("from Gaza—a proposal", "from gaza-a proposal"),
        ("20\u201120", "20-20"),
        ("Gaza\u00a0force", "Gaza force"),
        ("  Gaza \n\t force ", "Gaza force"),
        ("“Report”", '"report"'),
    ],
)
def test_alike(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Türkiye", "Turkiye"),
        ("Pakistan", "Pakistani"),
        ("twenty", "20"),
        ("Gaza force", "Gazaforce"),
        ("potential", "potentially"),
        ("Israel-Gaza", "Israel Gaza"),
    ],
)
def test_unlike(one: str, other: str) -> None:
    """A folding that forgave more would take words for the article's that are not."""
    assert fold(one) != fold(other)


@given(st.text())
@example("İ")
def test_folding_again_changes_nothing(text: str) -> None:
    once = fold(text)
    assert fold(once) == once
    assert once == " ".join(once.split())
    assert not set(once) & set(TYPESET)


@given(st.text(), st.text(alphabet=" \n\t\u00a0", min_size=1))
def test_white_space_around_does_not_count(text: str, space: str) -> None:
    assert fold(space + text + space) == fold(text)
