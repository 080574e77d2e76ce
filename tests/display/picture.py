"""Make docs/page.png, the picture of a release's page that the README shows.

python tests/display/picture.py docs/page.png
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from gazadata.dataset import open_dataset
from gazadata.display.page import page
from gazadata.display.record import Record

REPO = Path(__file__).parents[2]
CHOSEN = "neither Israel nor the US has formally addressed"


def main(target: Path) -> None:
    """Write the picture: without the article's text, as a release's page is."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        root = Path(folder)
        for name in ("data", "schemas"):
            shutil.copytree(REPO / name, root / name)
        shutil.copy(REPO / "datapackage.json", root)
        (root / "index.html").write_text(page(Record(open_dataset(root))), encoding="utf-8")
        browser = driver.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        tab = browser.new_page(
            viewport={"width": 1240, "height": 800}, color_scheme="light", reduced_motion="reduce"
        )
        tab.goto((root / "index.html").as_uri())
        tab.click(f"article >> text={CHOSEN}")
        tab.evaluate("scrollTo(0, 64)")
        tab.screenshot(path=target)
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
