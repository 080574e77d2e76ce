"""The folding that compares typed words with printed ones, and form C."""

import sys
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gazadata.text import MARKS, TYPESET, fold, form_c, overlong


@pytest.mark.parametrize(("printed", "typed"), TYPESET.items(), ids=ascii)
def test_printed_characters_are_found_by_keyboard_characters(printed: str, typed: str) -> None:
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
    """If more were folded, other words would be taken for the article's."""
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


EVERY = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]


def test_every_overlong_run_of_marks_is_found() -> None:
    """Each character whose decomposition begins with a mark counts as a mark."""
    marks = [c for c in EVERY if unicodedata.combining(unicodedata.normalize("NFD", c)[0])]
    assert len(marks) > 900
    assert [c for c in marks if overlong(f"a{c * (MARKS + 1)}") != 1] == []
    assert [c for c in marks if overlong(f"a{c * MARKS}a{c * MARKS}") is not None] == []


@given(st.text(st.sampled_from("aé \u0301\u0327\u0344\u0f73中한й"), max_size=40))
@example("x" + "\u0301\u0327" * 15)
def test_form_c_is_that_of_unicode(text: str) -> None:
    assert form_c(text) == (unicodedata.normalize("NFC", text) if overlong(text) is None else text)


@pytest.mark.parametrize(
    "text", ["ё" * 100, "नमस्ते" * 100, "שָׁלוֹם" * 100, "e\u0301" * 100, "ภาษาไทย" * 100]
)
def test_no_language_has_an_overlong_run(text: str) -> None:
    assert overlong(text) is None
