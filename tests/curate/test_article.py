"""Adding an article: the form of its text, its passages, and its row in sources."""

import os
import re
import subprocess
import sys
import textwrap
import unicodedata
from pathlib import Path

import pytest
from tests.article.package import REPO
from tests.curate.sheets import applied, opened, repository, save
from tests.validate.damage import report_on

from gazadata.curate.article import Details, add_article, required_form, split
from gazadata.curate.sheet_write import print_sheet
from gazadata.curate.todo import todo
from gazadata.errors import GazadataError, ReadError

STORY = """A ministry asks

The ministry of Kessaly asked on 3 May 2031 for U.S. help. “No.” It was late.
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return repository(tmp_path / "package")


def story(folder: Path, content: bytes = STORY.encode()) -> Path:
    file = folder / "Ministry asks.txt"
    file.write_bytes(content)
    return file


def test_changes_to_a_text_are_reported(tmp_path: Path) -> None:
    dirty = "\ufeffCafe\u0301 so\u00adcial\r\n\r\nOne\u200b two\rthree\r\n"
    text, changes = required_form(story(tmp_path, dirty.encode()))
    assert text == "Café social\n\nOne two\nthree\n"
    assert unicodedata.is_normalized("NFC", text)
    assert changes == [
        "removed the byte order mark",
        "changed line endings to LF: 4",
        "removed U+00AD (soft hyphen): 1",
        "removed U+200B (zero width space): 1",
        "composed characters (Unicode form NFC)",
    ]


def test_separators_become_line_feeds(tmp_path: Path) -> None:
    dirty = "One spoke.\u2028Two left.\fThree\vcame.\u2029"
    text, changes = required_form(story(tmp_path, dirty.encode()))
    assert text == "One spoke.\nTwo left.\nThree\ncame.\n"
    assert changes == ["changed line endings to LF: 4"]


@pytest.mark.parametrize("character", ["\ufffd", "\x92", "\x85", "\uf0b7", "\x1f"])
def test_a_text_that_was_decoded_wrongly_is_refused(tmp_path: Path, character: str) -> None:
    dirty = f"One\r\nThe caf{character} owner\n"
    said = rf"Ministry asks\.txt:2:8: U\+{ord(character):04X} .* was decoded wrongly"
    with pytest.raises(ReadError, match=said):
        required_form(story(tmp_path, dirty.encode()))


def test_a_canonical_text_is_copied_byte_for_byte(root: Path, tmp_path: Path) -> None:
    save(add_article(opened(root), story(tmp_path), Details()))
    assert (root / "raw" / "ministry-asks.txt").read_bytes() == STORY.encode()


def test_details_have_evidence(root: Path, tmp_path: Path) -> None:
    details = Details(publisher="Kessaly Post", url="https://example.org/1", published="2031-05")
    save(add_article(opened(root), story(tmp_path), details))
    record = opened(root)
    row = record.by_key("sources")["ministry-asks"]
    assert row["title"] == "A ministry asks"
    assert (row["published_earliest"], row["published_latest"]) == ("2031-05-01", "2031-05-31")
    assert row["published_precision"] == "month"
    bases = {item.field: item.basis for item in record.evidence["sources", "ministry-asks"]}
    assert bases["title"] == "stated"
    assert bases["publisher"] == "inferred"
    found = {
        d.code
        for d in report_on(root, official=False).diagnostics
        if "ministry-asks" in (d.row_id or "")
    }
    assert found == {"GD331"}


@pytest.mark.parametrize(
    ("details", "said"),
    [
        (Details(published="May 2031"), "expected YYYY-MM-DD, YYYY-MM or YYYY"),
        (Details(published="2031-02-30"), "is not a date"),
        (Details(published="2031-2-3"), "is not a date"),
        (Details(published="2031-0"), "is not a date"),
        (Details(published="2031-01-0"), "is not a date"),
        (Details(published="2031-00"), "is not a date"),
    ],
)
def test_a_wrong_date_is_refused(root: Path, tmp_path: Path, details: Details, said: str) -> None:
    with pytest.raises(GazadataError, match=said):
        add_article(opened(root), story(tmp_path), details)
    assert not (root / "raw" / "ministry-asks.txt").exists()


def test_a_text_that_is_not_utf8_is_refused_by_line_and_column(root: Path, tmp_path: Path) -> None:
    content = STORY.encode("utf-8").replace(b"late", b"l\xe4te")
    with pytest.raises(ReadError, match=r"Ministry asks\.txt:3:7\d: not UTF-8: the byte 0xe4"):
        add_article(opened(root), story(tmp_path, content), Details())
    assert not (root / "raw" / "ministry-asks.txt").exists()


def test_an_article_is_added_once(root: Path, tmp_path: Path) -> None:
    save(add_article(opened(root), story(tmp_path), Details()))
    with pytest.raises(GazadataError, match="there is already a source 'ministry-asks'"):
        add_article(opened(root), story(tmp_path), Details())
    again = tmp_path / "other.txt"
    again.write_text(STORY, "utf-8")
    with pytest.raises(GazadataError, match="this is the text of ministry-asks"):
        add_article(opened(root), again, Details())
    assert not (root / "raw" / "other.txt").exists()


def test_a_different_text_with_the_same_name_is_not_replaced(root: Path, tmp_path: Path) -> None:
    raw = root / "raw" / "ministry-asks.txt"
    raw.write_text("Another text.\n", "utf-8")
    with pytest.raises(GazadataError, match="another file is already there"):
        add_article(opened(root), story(tmp_path), Details())
    assert raw.read_text("utf-8") == "Another text.\n"
    # The same text may already be there, as after an interrupted run.
    raw.write_text(STORY, "utf-8")
    added = add_article(opened(root), story(tmp_path), Details())
    assert "+ sources/ministry-asks (3 rows of evidence)" in added.lines


def test_an_empty_text_is_refused(root: Path, tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="no words"):
        add_article(opened(root), story(tmp_path, b" \n\n"), Details())


@pytest.mark.parametrize(
    ("headline", "title", "said"),
    [
        ("=Kessaly asks", "Kessaly asks", "'='"),
        ("@kessaly asks", "kessaly asks", "'@'"),
        ("- - Kessaly asks", "Kessaly asks", "'- - '"),
        ("-5 degrees in Kessaly", "degrees in Kessaly", "'-5 '"),
        ("−5 degrees in Kessaly", "−5 degrees in Kessaly", ""),
    ],
)
def test_a_headline_that_begins_like_a_formula_is_quoted_after_the_sign(
    root: Path, tmp_path: Path, headline: str, title: str, said: str
) -> None:
    content = STORY.replace("A ministry asks", headline)
    added = add_article(opened(root), story(tmp_path, content.encode()), Details())
    assert [one for one in added.lines if one.startswith("title without")] == (
        [f"title without {said}, which would make it a spreadsheet formula"] if said else []
    )
    save(added)
    record = opened(root)
    row = record.by_key("sources")["ministry-asks"]
    assert row["title"] == title
    assert record.text("ministry-asks") == content
    bases = {item.field: item.basis for item in record.evidence["sources", "ministry-asks"]}
    assert bases["title"] == "stated"
    found = {d.code for d in report_on(root, official=False).diagnostics}
    assert not found & {"GD110", "GD321", "GD322", "GD324"}


@pytest.mark.parametrize("headline", ["=", "-----", "***"])
def test_a_headline_without_words_is_refused(root: Path, tmp_path: Path, headline: str) -> None:
    content = STORY.replace("A ministry asks", headline)
    with pytest.raises(ReadError, match=r"first line, '.*', has no words; write a headline"):
        add_article(opened(root), story(tmp_path, content.encode()), Details())
    assert not (root / "raw" / "ministry-asks.txt").exists()


def test_sentences_are_split_and_keep_every_character() -> None:
    passages = split(STORY, "en")
    assert passages[0] == "A ministry asks"
    assert passages[1] == "The ministry of Kessaly asked on 3 May 2031 for U.S. help."
    assert "".join(passages).replace(" ", "") == STORY.replace("\n", "").replace(" ", "")


def test_a_passage_boundary_of_a_new_article_can_be_moved(root: Path, tmp_path: Path) -> None:
    save(add_article(opened(root), story(tmp_path), Details()))
    sheet = print_sheet(opened(root), "ministry-asks")
    two = "- sentence: “No.”\n"
    assert two in sheet
    at = sheet.index(two)
    rest = sheet[at:].split("- sentence: It was late.")
    text = sheet[:at] + "- sentence: “No.” It was late." + rest[1]
    changes = applied(root, text).lines
    assert changes[0] == "- passages/ministry-asks-s03"
    assert changes[1].startswith("~ passages/ministry-asks-s02: char_end ")
    assert len(changes) == 2


def test_the_command_line_says_what_it_does(root: Path, tmp_path: Path) -> None:
    run = [sys.executable, "-m", "gazadata"]
    package = ["--package", str(root)]
    added = subprocess.run(
        [*run, "add-article", str(story(tmp_path, STORY.encode() + b"\r\n")), *package],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "changed line endings to LF: 1" in added.stdout
    file = tmp_path / "sheet.yaml"
    sheet = [*run, "sheet", "ministry-asks", "--out", str(file), *package]
    subprocess.run(sheet, capture_output=True, check=True)
    assert (tmp_path / "sheet.schema.json").exists()
    text = file.read_text("utf-8")
    file.write_text(text.replace("    language: en\n", ""), "utf-8")
    dry = subprocess.run(
        [*run, "apply", str(file), "--dry-run", *package],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "~ sources/ministry-asks: language en → empty; evidence of language" in dry.stdout
    assert "would change" in dry.stdout
    assert opened(root).by_key("sources")["ministry-asks"]["language"] == "en"
    file.write_text(text.replace("language: en", "langage: en"), "utf-8")
    wrong = subprocess.run(
        [*run, "apply", str(file), *package], capture_output=True, text=True, check=False
    )
    assert wrong.returncode == 1
    assert "expected 'language'" in wrong.stderr
    assert "Traceback" not in wrong.stderr


MORE = """\
  - id: kessaly
    quote: Kessaly’s minister, Ina Dorr
    name: Kessaly
    kind: state
    names:
    - {text: Kessaly, form: name}
  topics:
  - id: observers
    quote: up to 40 observers
    label: Observers
    kind: measure
    status: proposed
    names:
    - {text: observers, form: description}
"""


def test_the_sentence_that_contributors_see_passes_validation(root: Path, tmp_path: Path) -> None:
    (sample,) = re.findall(
        r"```yaml\n(.*?)```", (REPO / "CONTRIBUTING.md").read_text("utf-8"), re.S
    )
    sample = textwrap.dedent(sample)
    (sentence,) = re.findall(r"^- sentence: (.*)\n", sample)
    file = tmp_path / "story.txt"
    file.write_text(f"Kessaly could help\n\n{sentence}\n", "utf-8")
    save(add_article(opened(root), file, Details()))
    blank = print_sheet(opened(root), "story")
    start = blank.index("- sentence: ")
    end = blank.index("\nstate: ")
    coded = sample.replace("  actors:\n", f"  actors:\n{MORE.partition('  topics')[0]}")
    coded += MORE[MORE.index("  topics") :]
    text = blank[:start] + coded + blank[end:]
    (root / "sheet.yaml").write_text(text, "utf-8")
    save(applied(root, text))
    mine = {row["source_id"] for row in opened(root).rows["quotes"]} - {"story"}
    report = report_on(root, official=False)
    found = [d for d in report.diagnostics if not any(one in (d.row_id or "") for one in mine)]
    assert [(d.code, d.path, d.line, d.found, d.expected) for d in found] == []
    assert list(todo(opened(root), "story")) == [
        "sources/story: no coded_by, coded_on, manual_version, reviewed_by"
    ]


@pytest.mark.parametrize("command", ["sheet", "apply", "add-article", "packet", "agreement x"])
def test_a_missing_extra_is_named(tmp_path: Path, command: str) -> None:
    (tmp_path / "yaml.py").write_text("raise ImportError\n")
    done = subprocess.run(
        [sys.executable, "-m", "gazadata", *command.split(), "x"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}",
        },
    )
    assert done.returncode == 2
    assert done.stderr.strip().endswith("run: pip install 'gazadata[curate]'")
