"""Codings are matched by what they say, and a packet contains nothing from the tables."""

import math
import re
import subprocess
import sys
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import pytest
from tests.article.package import REPO, SOURCE, make
from tests.curate.sheets import opened, with_judgements

from gazadata.contract import Contract
from gazadata.curate.agreement import Agreement, agreement, alpha
from gazadata.curate.sheet_files import write_packet
from gazadata.curate.sheet_write import print_sheet
from gazadata.errors import GazadataError, WrongSheet


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The invented article's package with the manual. Read only."""
    root = make(tmp_path_factory.mktemp("alone") / "package")
    (root / "docs").mkdir()
    (root / "docs" / "manual.md").write_bytes((REPO / "docs" / "manual.md").read_bytes())
    return root


@pytest.fixture(scope="module")
def sheet(package: Path) -> str:
    return print_sheet(opened(package), SOURCE)


@pytest.fixture
def compared(package: Path, tmp_path: Path) -> Callable[[str], Agreement]:
    """Compare the package with a sheet of its article."""

    def against(text: str) -> Agreement:
        file = tmp_path / "b.yaml"
        file.write_text(text, "utf-8")
        return agreement(package, file, None, Contract.read(REPO))

    return against


def test_a_coding_agrees_with_itself(compared: Callable[[str], Agreement], sheet: str) -> None:
    same = compared(sheet)
    assert same.disagreements == []
    assert all(first == second == both for first, second, both in same.rows.values())
    assert all(one.agreed == one.n for one in same.columns)
    assert {one.alpha for one in same.columns} == {None, 1.0}


def test_a_package_is_read_by_its_own_contract(tmp_path: Path) -> None:
    root = with_judgements(tmp_path / "package")
    sheet = tmp_path / "b.yaml"
    sheet.write_text(print_sheet(opened(root), SOURCE), "utf-8")
    for first, second in ((root, root), (root, sheet), (sheet, root)):
        result = agreement(first, second, None)
        first_rows, second_rows, both = result.rows["judgements"]
        assert first_rows == second_rows == both > 0


def test_different_keys_are_not_a_disagreement(
    compared: Callable[[str], Agreement], sheet: str
) -> None:
    keys = sorted(set(re.findall(r"- id: (\S+)\n", sheet)) - {SOURCE}, key=len, reverse=True)
    text = sheet
    for number, key in enumerate(keys):
        text = re.sub(rf"(?<=[ \[]){re.escape(key)}(?=[,\]\n}}])", f"x-{number}", text)
    assert text.count("x-") > 150
    assert compared(text).disagreements == []


def test_what_differs_is_counted_and_listed(
    compared: Callable[[str], Agreement], sheet: str
) -> None:
    result = compared(sheet.replace("stance: open", "stance: conditional_support"))
    assert result.disagreements == [
        "s03: positions/telmark-government-admission: stance: open | conditional_support"
    ]
    (stance,) = [one for one in result.columns if (one.table, one.name) == ("positions", "stance")]
    assert (stance.n, stance.agreed) == (9, 8)
    assert stance.alpha is not None
    assert 0 < stance.alpha < 1


def test_a_row_that_only_one_coder_has(compared: Callable[[str], Agreement], sheet: str) -> None:
    start = sheet.index("  - id: vorn-holds-rank-commander")
    end = sheet.index("\n  topics:", start)
    text = sheet[:start].removesuffix("  relations:\n") + sheet[end + 1 :]
    result = compared(text)
    assert result.rows["relations"] == (8, 7, 7)
    assert result.disagreements == ["s08: relations: only A has vorn-holds-rank-commander"]
    assert "relations                   8    7     7     88%       100%" in str(result)


def test_rows_are_matched_by_their_words_and_not_by_their_order(
    compared: Callable[[str], Agreement], sheet: str
) -> None:
    """Two conditions with their texts exchanged are matched by text, not by key."""
    text = sheet.replace("telmark-for-six-months", "x").replace("telmark-up-to-40-observers", "y")
    text = text.replace("id: x", "id: telmark-up-to-40-observers").replace(
        "id: y", "id: telmark-for-six-months"
    )
    assert compared(text).disagreements == []


def swap(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1
    return text.replace(old, new)


def test_a_participant_read_from_other_words_is_the_same(
    compared: Callable[[str], Agreement], sheet: str
) -> None:
    row = "  - quote: {}\n    event_id: river-commission-talks\n"
    text = swap(sheet, row.format("About 30 delegations"), row.format("was left out"))
    assert compared(text).disagreements == []


def test_an_actor_is_matched_by_any_of_its_names(
    compared: Callable[[str], Agreement], sheet: str
) -> None:
    row = "    quote: {}\n    name: {}\n"
    text = swap(
        sheet,
        row.format("Commander Edda Vorn of the Alliance", "Edda Vorn"),
        row.format("declined to say whether", "Leader"),
    )
    assert compared(text).disagreements == []


def test_a_condition_is_matched_by_its_own_words(sheet: str, tmp_path: Path) -> None:
    """Not by the quote of its position, which may lack them."""
    position = "  - id: telmark-government-admission\n    quote: Telmark’s energy minister, … {}\n"
    text = swap(sheet, position.format("its grain embargo"), position.format("on Tuesday"))
    kind = "      kind: time_limit\n"
    quoted = swap(text, kind, "      quote: for six months\n" + kind)
    for name, one in (("a", text), ("b", quoted)):
        (tmp_path / name).write_text(one, "utf-8")
    result = agreement(tmp_path / "a", tmp_path / "b", None, Contract.read(REPO))
    assert result.disagreements == []


def test_the_coder_is_not_a_disagreement(compared: Callable[[str], Agreement], sheet: str) -> None:
    kind = "    kind: article\n"
    assert compared(swap(sheet, kind, kind + "    coded_by_program: true\n")).disagreements == []


def test_codings_of_different_texts_are_not_compared(
    compared: Callable[[str], Agreement], sheet: str
) -> None:
    with pytest.raises(GazadataError, match="different texts"):
        compared(sheet.replace("He insisted", "She insisted"))


def test_a_sheet_with_mistakes_is_not_compared(
    compared: Callable[[str], Agreement], sheet: str
) -> None:
    with pytest.raises(WrongSheet, match="expected 'open'"):
        compared(sheet.replace("stance: open", "stance: opne"))


def by_hand(pairs: list[tuple[str, str]]) -> float:
    """Krippendorff's alpha for two coders and nominal values, from its definition."""
    values = [value for pair in pairs for value in pair]
    observed = sum(a != b for a, b in pairs) / len(pairs)
    couples = list(combinations(values, 2))
    expected = sum(a != b for a, b in couples) / len(couples)
    return 1 - observed / expected


@pytest.mark.parametrize(
    "pairs",
    [
        [("a", "a"), ("b", "b"), ("a", "b")],
        [("a", "b"), ("b", "a")],
        [("", "a"), ("a", "a"), ("c", "c"), ("b", "c"), ("", "b")],
    ],
)
def test_alpha_matches_its_definition(pairs: list[tuple[str, str]]) -> None:
    found = alpha(pairs)
    assert found is not None
    assert math.isclose(found, by_hand(pairs), abs_tol=1e-9)


def test_alpha_of_a_single_value_is_undefined() -> None:
    assert alpha([("a", "a"), ("a", "a")]) is None


def test_a_packet_contains_nothing_from_the_tables(package: Path, tmp_path: Path) -> None:
    folder = tmp_path / "packet"
    files = write_packet(opened(package), SOURCE, folder)
    assert sorted(file.name for file in files) == [
        "codebook.md", "manual.md", f"{SOURCE}.txt", "sheet.schema.json", "sheet.yaml",
    ]  # fmt: skip
    text = (folder / "sheet.yaml").read_text("utf-8")
    written = text + (folder / "codebook.md").read_text("utf-8")
    record = opened(package)
    for name in ("actors", "topics", "events", "positions", "relations", "assessments"):
        for key in record.by_key(name):
            # Keys that are a word of the article, such as kessaly, also occur in its sentences.
            assert not re.search(rf"(?<![\w-]){key}(?![\w-])", written), key
    assert "= " not in text
    assert text.count("- sentence:") == 15
    with pytest.raises(GazadataError, match="already exists"):
        write_packet(opened(package), SOURCE, folder)


def test_an_empty_sheet_can_be_compared(package: Path, tmp_path: Path) -> None:
    write_packet(opened(package), SOURCE, tmp_path / "packet")
    result = agreement(package, tmp_path / "packet" / "sheet.yaml", None, Contract.read(REPO))
    assert result.rows["events"] == (9, 0, 0)
    assert result.columns == []


def test_the_command_line_compares(package: Path, sheet: str, tmp_path: Path) -> None:
    file = tmp_path / "b.yaml"
    file.write_text(sheet, "utf-8")
    run = [sys.executable, "-m", "gazadata", "agreement"]
    done = subprocess.run([*run, str(package), str(file)], capture_output=True, check=True)
    assert b"0 disagreements" in done.stdout
    two = subprocess.run(
        [*run, str(REPO), str(file), "--source", "nobody"], capture_output=True, check=False
    )
    assert two.returncode == 2
    assert b"no source 'nobody'" in two.stderr
