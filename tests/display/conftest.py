"""Pages of the repository's package and of hostile ones, and one browser for all tests."""

from __future__ import annotations

import re
import shutil
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.validate.damage import Place

from gazadata.display.page import page
from gazadata.display.record import Record
from gazadata.opening import open_dataset

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="session")
def record(tmp_path_factory: pytest.TempPathFactory) -> Record:
    """The shipped package with one article, even if more are added to the repository."""
    return Record(open_dataset(Place(tmp_path_factory.mktemp("shipped") / "package").root))


@pytest.fixture(scope="session")
def whole_page(record: Record, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the repository, which shows the article's text."""
    path = tmp_path_factory.mktemp("page") / "index.html"
    path.write_text(page(record), encoding="utf-8", newline="\n")
    return path


@pytest.fixture(scope="session")
def short_page(whole_page: Path) -> Path:
    """The same page with five rows per table: more would repeat the same template, slowly."""
    content = whole_page.read_text(encoding="utf-8")
    for pattern in (
        r'<tbody id="(\w+)\..*?(?=<tbody id=|</table>)',
        r'<details class="(sentence)".*?</details>\n',
    ):
        seen: Counter[str] = Counter()

        def kept(found: re.Match[str], seen: Counter[str] = seen) -> str:
            seen[found[1]] += 1
            return found[0] if seen[found[1]] <= 5 else ""

        content = re.sub(pattern, kept, content, flags=re.DOTALL)
    path = whole_page.with_name("short.html")
    path.write_text(content, encoding="utf-8", newline="\n")
    return path


@pytest.fixture(scope="session")
def released_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a package without its text, like that of a release."""
    root = Place(tmp_path_factory.mktemp("released") / "package").root
    shutil.rmtree(root / "raw")
    path = root / "index.html"
    path.write_text(page(Record(open_dataset(root))), encoding="utf-8", newline="\n")
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Debian's chromium, driven by playwright."""
    if CHROMIUM is None:
        message = "NO BROWSER: the page is not tested; on Debian, apt-get install chromium"
        warnings.warn(message, stacklevel=1)
        pytest.skip(message)
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        launched = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package whose cells and descriptor contain text that breaks a page without escaping."""
    import csv
    import json

    root = Place(tmp_path_factory.mktemp("hostile") / "package").root
    planted = {
        ("actors", "name"): ["</script><script>hurt=1</script>", "x" * 1000],
        ("topics", "label"): ['"><img src=x onerror=hurt=1>', "\u202edesrever"],
        ("events", "label"): ["</title><svg onload=hurt=1>", "]]>--><!--"],
        ("evidence", "note"): ["</small></style><script>hurt=1</script>"],
        ("quotes", "exact"): ["</mark><img src=x onerror=hurt=1>"],
    }
    for (table, column), values in planted.items():
        path = root / "data" / f"{table}.csv"
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        for row, value in zip(rows, values, strict=False):
            row[column] = value
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, rows[0], lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    descriptor = json.loads((root / "datapackage.json").read_bytes())
    descriptor["title"] = "</title><script>hurt=1</script>"
    descriptor["licenses"] = [{"name": "x", "path": "javascript:hurt=1"}]
    (root / "datapackage.json").write_text(json.dumps(descriptor), encoding="utf-8")
    return root


@pytest.fixture(scope="session")
def hostile_page(hostile: Path) -> Path:
    path = hostile / "index.html"
    path.write_text(page(Record(open_dataset(hostile))), encoding="utf-8", newline="\n")
    return path
