"""Make docs/page.png, the screenshot of a release's page in the README.

python tests/display/picture.py docs/page.png
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from gazadata.display import page_link
from gazadata.display.page import page
from gazadata.display.record import Record
from gazadata.opening import open_dataset

REPO = Path(__file__).parents[2]
CHOSEN = "positions", "azerbaijan-isf-participation"


def main(target: Path) -> None:
    """Write the screenshot, without the article's text, like a release's page."""
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
            viewport={"width": 1240, "height": 760}, color_scheme="light", reduced_motion="reduce"
        )
        tab.goto(f"{root.as_uri()}/{page_link(*CHOSEN)}")
        tab.wait_for_timeout(500)
        tab.screenshot(path=target)
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
