"""A package of several sources that is too large for one page."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from _generate import generate
from gazadata.display import page_link
from gazadata.display.pages import release_pages, write_page
from gazadata.display.record import Record
from gazadata.opening import open_dataset

ARTICLES = 64


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("large") / "package"
    generate(root, ARTICLES)
    # A person whose evidence quotes two articles.
    evidence = root / "data/evidence.csv"
    rows = evidence.read_text(encoding="utf-8").splitlines(keepends=True)
    [at] = [at for at, row in enumerate(rows) if ",a0000003-person,kind," in row]
    rows[at] = rows[at].replace("a0000003-minister", "a0000005-minister")
    evidence.write_text("".join(rows), encoding="utf-8", newline="\n")
    return root


@pytest.fixture(scope="module")
def pages(large: Path) -> dict[str, str]:
    return {
        name: content.decode("utf-8")
        for name, content in release_pages(open_dataset(large)).items()
    }


def test_each_source_has_a_page_and_none_is_too_large(pages: dict[str, str]) -> None:
    assert len(pages) == ARTICLES + 1
    assert max(len(content.encode("utf-8")) for content in pages.values()) <= 500_000
    for name, content in pages.items():
        assert content.count("<article ") == (name != "index.html")


def test_every_link_between_the_pages_leads_somewhere(pages: dict[str, str]) -> None:
    ids = {name: set(re.findall(r' id="?([^">\s]+)', content)) for name, content in pages.items()}
    for name, content in pages.items():
        for file, fragment in re.findall(r'href="?([\w.-]*)#([^">\s]+)', content):
            assert fragment in ids[file or name], (name, file, fragment)
    assert "<dt><a href=index.html#sources.a0000005>Foreign Minister" in pages["index-4.html"]
    assert ' id="actors.a0000003-person"' in pages["index-6.html"]


def test_the_index_has_every_row_once(pages: dict[str, str], large: Path) -> None:
    listed = Counter(re.findall(r'<li id="([^"]+)"', pages["index.html"]))
    assert set(listed.values()) == {1}
    entries = list(Record(open_dataset(large)).all_entries())
    assert set(listed) == {entry.anchor for entry in entries}
    link = page_link(entries[0].resource, entries[0].key)
    assert link == f"index.html#{entries[0].anchor}"


def test_the_command_writes_them_next_to_the_index(large: Path, tmp_path: Path) -> None:
    write_page(open_dataset(large), tmp_path / "all of it.html")
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"all of it.html", *(f"all of it-{at}.html" for at in range(1, ARTICLES + 1))}
    part = (tmp_path / "all of it-2.html").read_text(encoding="utf-8")
    assert 'href="all%20of%20it.html"' in part
    assert "href=all%20of%20it.html#actors." in part
    index = (tmp_path / "all of it.html").read_text(encoding="utf-8")
    assert "href=all%20of%20it-2.html#r" in index
