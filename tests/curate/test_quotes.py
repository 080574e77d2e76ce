"""Finding words: every place, whole words only, and always the text's own characters."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gazadata.evidence.quotes import Match, cuts_word, find, nearest
from gazadata.text import fold

ROOT = Path(__file__).parents[2]
ARTICLE = (ROOT / "raw/000_6e04a71c739462ee.txt").read_bytes().decode("utf-8")

# What breaks naive offset mapping: letters that grow when lowered (İ), whose lower case depends
# on their neighbours (Σ), that lower into ASCII (K, the Kelvin sign), marks, white space other
# than blanks, and every character that the folding maps.
NASTY = (
    "abAİıΣσςα'’‘\"“”-–—‐ "
    "\u00a0\u202f\n\t\x1f\u2028\u0307\u0301eé\u212aßẞﬁ1٣.,_\u00ad\u200d\U0001d7d9🙂"
)
nasty = st.text(st.one_of(st.sampled_from(NASTY), st.characters()), max_size=14)
few = st.text(st.sampled_from("aAΣσς'’ -—İi\u0307\n.1"), max_size=9)
sigmas = st.text(st.sampled_from("aΣσς' "), max_size=5)


@pytest.mark.parametrize(
    ("words", "exact"),
    [
        ("Pakistan's military leadership", "Pakistan’s military leadership"),
        ("pakistan’s MILITARY  leadership", "Pakistan’s military leadership"),
        ("Gaza-a proposal neither", "Gaza—a proposal neither"),
        ("Gaza–a proposal neither", "Gaza—a proposal neither"),
        ("Report The Trump", "Report\n\nThe Trump"),
        ("Trump leaning", "Trump leaning"),
        ("White House relations.", "White House relations."),
        ("'s 20-point", "’s 20-point"),
    ],
)
def test_the_articles_own_characters_come_back(words: str, exact: str) -> None:
    (match,) = find(ARTICLE, words)
    assert match.exact == exact == ARTICLE[match.start : match.end]


def test_offsets_are_code_points_not_bytes() -> None:
    """The article's bytes and code points diverge at the first curly apostrophe, offset 126."""
    (match,) = find(ARTICLE, "contribute troops to a proposed")
    assert (match.start, match.end) == (152, 183)


def test_a_texts_start_and_end_are_word_boundaries() -> None:
    assert find("troops", "Troops") == [Match(0, 6, "troops")]
    assert find(ARTICLE, "trump leaning on")[0].start == 0
    assert find(ARTICLE, "House relations.")[0].end == len(ARTICLE)


def test_every_place_is_found_and_places_may_overlap() -> None:
    assert [m.start for m in find("no no no", "no no")] == [0, 3]
    places = find(ARTICLE, "Hamas")
    assert [m.exact for m in places] == ["Hamas"] * ARTICLE.count("Hamas")
    assert len(places) > 1


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("troops", "troop"),
        ("troops", "roops"),
        ("Recent", "cent"),
        ("45,000 men", "45"),
        ("45,000 men", "000 men"),
        ("3.5 years", "5 years"),
        ("cafe\u0301", "cafe"),
        ("Pakis\u00adtan", "Pakis"),
        ("İx", "i"),
        ("straße", "stra"),
        ("a_b", "a"),
    ],
)
def test_part_of_a_word_is_not_a_match(text: str, part: str) -> None:
    assert find(text, part) == []


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("Pakistan’s", "Pakistan"),
        ("Muslim-majority", "Muslim"),
        ("(ISF)", "ISF"),
        ("in 2024, 45 nations", "2024"),
        ("It was 45.", "45"),
        ("Gaza—a proposal", "a proposal"),
        ("🙂troops🙂", "troops"),
    ],
)
def test_punctuation_is_a_word_boundary(text: str, part: str) -> None:
    assert [m.exact for m in find(text, part)] == [part]


@pytest.mark.parametrize("words", ["", " ", "\n\t\u00a0\u2028"])
def test_white_space_alone_is_never_found(words: str) -> None:
    assert find(ARTICLE, words) == []
    assert nearest(ARTICLE, words) is None


def test_letters_that_change_length_when_lowered_keep_the_offsets_right() -> None:
    """`'İ'.lower()` has two code points, so offsets in a lowered text are off by one each."""
    assert find("İİİ İstanbul troops", "TROOPS") == [Match(13, 19, "troops")]
    assert find("in İstanbul", "İSTANBUL") == [Match(3, 11, "İstanbul")]


def test_a_sigma_at_the_end_of_a_quote_need_not_end_its_word_in_the_text() -> None:
    """Lowered as a whole, ΑΣ'S has a medial sigma; lowered alone, ΑΣ has a final one."""
    assert find("ΑΣ'S", "ΑΣ") == [Match(0, 2, "ΑΣ")]
    assert find("ΑΣ", "ας") == [Match(0, 2, "ΑΣ")]
    assert find("ΑΣ", "ασ") == []


@given(nasty, nasty)
def test_a_match_folds_to_the_folded_words_and_cuts_no_word(text: str, words: str) -> None:
    for match in find(text, words) + find(text, text[1:-1]):
        assert text[match.start : match.end] == match.exact
        assert fold(match.exact) in (fold(words), fold(text[1:-1]))
        assert match.exact.strip() == match.exact
        assert not cuts_word(text, match.start)
        assert not cuts_word(text, match.end)


@given(st.one_of(st.tuples(few, few), st.tuples(sigmas, sigmas)))
def test_no_place_is_missed(text_and_words: tuple[str, str]) -> None:
    """Trying every span, one by one, gives the same places as `find`."""
    text, words = text_and_words
    expected = [
        Match(start, end, text[start:end])
        for start in range(len(text))
        for end in range(start + 1, len(text) + 1)
        if fold(text[start:end]) == fold(words)
        and text[start:end].strip() == text[start:end]
        and not cuts_word(text, start)
        and not cuts_word(text, end)
    ]
    assert find(text, words) == expected


@given(nasty, nasty, nasty)
def test_words_put_into_a_text_are_found_where_they_were_put(
    before: str, words: str, behind: str
) -> None:
    core = words.strip()
    starts = len(before) + 1
    found = find(f"{before} {core} {behind}", core.upper().lower() if core.isascii() else core)
    if fold(core):
        assert Match(starts, starts + len(core), core) in found
    else:
        assert found == []


@given(st.data())
def test_any_run_of_the_articles_words_is_found_at_its_place(data: st.DataObject) -> None:
    starts = [
        at
        for at, character in enumerate(ARTICLE)
        if character.isalnum() and not cuts_word(ARTICLE, at)
    ]
    start = data.draw(st.sampled_from(starts))
    end = data.draw(
        st.sampled_from(
            [
                at
                for at in range(start + 1, min(start + 200, len(ARTICLE)) + 1)
                if not ARTICLE[at - 1].isspace() and not cuts_word(ARTICLE, at)
            ]
        )
    )
    assert Match(start, end, ARTICLE[start:end]) in find(ARTICLE, fold(ARTICLE[start:end]))


@pytest.mark.parametrize(
    ("words", "exact"),
    [
        ("Pakistn", "Pakistan"),
        ("troop commitment", "troop commitments"),
        ("approximately 54 nations", "approximately 45 nations"),
        ("tangible beneftis for Pakistan", "tangible benefits for Pakistan"),
        (
            "the bilateral relation has yielded tangible benefits",
            "The bilateral relationship has recently yielded tangible benefits",
        ),
        ("Trump leaning on Pakistn", "Trump leaning on Pakistan"),
        ("enhanced White Hose relations", "enhanced White House relations"),
        ("Munir, who obtained Pakistan's", "Munir, who attained Pakistan’s"),
    ],
)
def test_the_nearest_span_is_shown_for_a_typo(words: str, exact: str) -> None:
    assert find(ARTICLE, words) == []
    near = nearest(ARTICLE, words)
    assert near is not None
    assert near.exact == exact == ARTICLE[near.start : near.end]


def test_the_nearest_span_in_a_long_text_is_found_wherever_it_is() -> None:
    filler = "Nothing that is said here has anything to do with it. " * 4000
    text = filler + "Key powers were notably excluded. " + filler
    near = nearest(text, "key powers were notbly excluded")
    assert near == Match(len(filler), len(filler) + 32, "Key powers were notably excluded")


@pytest.mark.parametrize(
    ("text", "words"), [("", "troops"), (" \n", "troops"), (ARTICLE, "zzz qq"), ("x" * 900, "y")]
)
def test_nothing_is_shown_if_nothing_is_similar(text: str, words: str) -> None:
    assert nearest(text, words) is None


@given(nasty, nasty)
def test_the_nearest_span_has_whole_words(text: str, words: str) -> None:
    near = nearest(text, words)
    if near is None:
        # Only words that are not in the text at all may have nothing near them.
        assert find(text, words) == []
    else:
        assert text[near.start : near.end] == near.exact
        assert near.exact
        assert near.exact.strip() == near.exact
        assert not cuts_word(text, near.start)
        assert not cuts_word(text, near.end)


@given(nasty)
def test_no_cut_at_either_end_of_a_text_splits_a_word(text: str) -> None:
    assert not cuts_word(text, 0)
    assert not cuts_word(text, len(text))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Pakistan can’t send troops", "Pakistan can"),
        ("Pakistan didn't agree", "Pakistan didn"),
        ("is non-committal now", "committal now"),
        ("is Anti‐Israel now", "Israel now"),
        ("un‑aligned states", "aligned states"),
        ("it is –5 °C", "5 °C"),
        ("Pakistan’s army", "s army"),
        ("O’Brien", "Brien"),
    ],
)
def test_words_with_a_different_meaning_are_not_found(text: str, words: str) -> None:
    assert find(text, words) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Pakistan’s army", "Pakistan"),
        ("THE ARMY'S", "ARMY"),
        ("the states’ armies", "states"),
        ("‘can’ and ‘may’", "can"),
        ("US-backed", "US"),
        ("nonsense-ridden", "nonsense"),
        ("from 2024-2025", "2025"),
        ("one—5 men", "5 men"),
        ("it is –5 °C", "–5 °C"),
        ("is non-committal now", "non-committal"),
    ],
)
def test_words_with_the_same_meaning_are_found(text: str, words: str) -> None:
    (match,) = find(text, words)
    assert match.exact == words
