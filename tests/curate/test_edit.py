"""A row is renamed or removed everywhere at once, or not at all."""

from pathlib import Path

import pytest
from tests.article.package import SOURCE, make
from tests.curate.sheets import applied, opened, save, tables, without_names
from tests.validate.damage import report_on

from gazadata.curate.edit import remove, rename
from gazadata.curate.sheet_write import print_sheet
from gazadata.errors import GazadataError, UnknownName


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make(tmp_path / "package")


def mentions(root: Path, key: str) -> int:
    return sum(content.decode().count(key) for content in tables(root).values())


@pytest.mark.parametrize(
    ("table", "old", "new"),
    [
        ("events", "farmers-block-bridge", "holm-blockade"),
        ("actors", "kessaly", "kessaly-state"),
        ("topics", "river-commission", "commission"),
        ("positions", "telmark-government-admission", "telmark-on-observers"),
        ("quotes", "up-to-40-observers", "forty-observers"),
        ("sources", "tam-rusk-on-commission", "rusk"),
        ("sources", SOURCE, "norvane"),
    ],
)
def test_a_row_is_renamed_everywhere(root: Path, table: str, old: str, new: str) -> None:
    before = opened(root)
    save(rename(before, table, old, new))
    assert [(d.code, d.row_id) for d in report_on(root, official=False).diagnostics] == []
    after = opened(root)
    assert new in after.by_key(table)
    assert old not in after.by_key(table)
    assert {name: len(rows) for name, rows in after.rows.items()} == {
        name: len(rows) for name, rows in before.rows.items()
    }


def test_keys_computed_from_it_are_recomputed(root: Path) -> None:
    save(rename(opened(root), "events", "farmers-block-bridge", "holm-blockade"))
    assert "holm-blockade-farmers-at-holm" in opened(root).by_key("participants")
    assert mentions(root, "farmers-block-bridge") == 0
    save(rename(opened(root), "sources", SOURCE, "norvane"))
    assert list(opened(root).by_key("passages"))[:2] == ["norvane-headline", "norvane-s01"]
    # The text and its file stay unchanged.
    assert opened(root).by_key("sources")["norvane"]["text_path"] == f"raw/{SOURCE}.txt"


def test_the_key_of_evidence_follows_from_its_cells(root: Path) -> None:
    record = opened(root)
    key = next(iter(record.by_key("evidence")))
    with pytest.raises(GazadataError, match="computed from its cells; rename the row or the quote"):
        rename(record, "evidence", key, "a-new-key")


def test_renaming_back_gives_the_same_bytes(root: Path) -> None:
    before = tables(root)
    save(rename(opened(root), "actors", "norvane", "x-norvane"))
    assert tables(root) != before
    save(rename(opened(root), "actors", "x-norvane", "norvane"))
    assert tables(root) == before


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("kessaly", "brenholt", "already has a row 'brenholt'"),
        ("kessaly", "Kessaly", "expected a match of"),
        ("kessaly", "old-kessaly", "is a retired key"),
        ("kesaly", "kessaly-2", "did you mean 'kessaly'"),
    ],
)
def test_an_invalid_new_key_is_refused(root: Path, old: str, new: str, said: str) -> None:
    (root / "data" / "retired.csv").write_text(
        "resource,row_id,replaced_by,reason,version\nactors,old-kessaly,,Gone,1.0.0\n"
    )
    with pytest.raises(GazadataError, match=said):
        rename(opened(root), "actors", old, new)


def test_removing_a_row_removes_its_parts_evidence_and_quotes(root: Path) -> None:
    save(remove(opened(root), "conditions", "telmark-for-six-months"))
    assert mentions(root, "six-months") == 0
    assert [d.code for d in report_on(root, official=False).diagnostics] == []
    before = opened(root)
    save(remove(before, "positions", "telmark-government-admission"))
    after = opened(root)
    assert len(after.rows["conditions"]) == len(before.rows["conditions"]) - 2
    assert mentions(root, "telmark-government-admission") == 0


def test_a_row_that_others_need_is_refused_with_the_list(root: Path) -> None:
    before = tables(root)
    with pytest.raises(GazadataError) as raised:
        remove(opened(root), "events", "farmers-block-bridge")
    assert str(raised.value).splitlines()[1:] == [
        "  positions/farmers-lifting-embargo, its event_id"
    ]
    with pytest.raises(GazadataError, match="positions/kessaly-river-commission, its holder_id"):
        remove(opened(root), "actors", "kessaly")
    assert tables(root) == before


def test_references_to_a_removed_row_are_removed_or_emptied(root: Path) -> None:
    save(remove(opened(root), "events", "farmers-block-bridge", dependants=True))
    after = opened(root)
    assert after.by_key("positions")["farmers-lifting-embargo"]["event_id"] == ""
    assert mentions(root, "farmers-block-bridge") == 0
    save(remove(after, "actors", "kessaly", dependants=True))
    assert "kessaly-river-commission" not in opened(root).by_key("positions")
    found = {d.code for d in report_on(root, official=False).diagnostics}
    assert found <= {"GD331"}


def test_a_package_needs_no_table_of_names(tmp_path: Path) -> None:
    root = without_names(tmp_path / "package")
    before = opened(root)
    save(rename(before, "events", "farmers-block-bridge", "holm-blockade"))
    save(remove(opened(root), "conditions", "telmark-for-six-months"))
    after = opened(root)
    assert "holm-blockade-farmers-at-holm" in after.by_key("participants")
    assert len(after.rows["conditions"]) == len(before.rows["conditions"]) - 1
    assert applied(root, print_sheet(after, SOURCE)).lines == []


def test_a_retired_key_is_not_computed_again(root: Path) -> None:
    (root / "data" / "retired.csv").write_text(
        "resource,row_id,replaced_by,reason,version\n"
        "participants,holm-blockade-farmers-at-holm,,Gone,1.0.0\n"
    )
    save(rename(opened(root), "events", "farmers-block-bridge", "holm-blockade"))
    participants = opened(root).by_key("participants")
    assert "holm-blockade-farmers-at-holm" not in participants
    assert participants["farmers-block-bridge-farmers-at-holm"]["event_id"] == "holm-blockade"


def test_removing_an_article_removes_all_that_was_coded_from_it(root: Path) -> None:
    with pytest.raises(GazadataError, match="dependants"):
        remove(opened(root), "sources", SOURCE)
    with pytest.raises(UnknownName, match="did you mean"):
        remove(opened(root), "sources", "norvane-urge-telmark")
