"""What it costs to make, send and use the page: python benchmarks/page.py [ROUNDS].

Making it is compared with reading the same tables, in separate processes that take turns. Use is
measured in Debian's chromium, at full speed and with the processor slowed to a sixth.
"""

from __future__ import annotations

import gzip
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from _process import REPOSITORY, Run, run
from gazadata.display.html import asset
from gazadata.opening import open_dataset

ARTICLES = 67
"""The size of a generated package, which then has 18,000 words and 1,200 quotes."""

READ = """
import sys
from gazadata.opening import open_dataset
data = open_dataset(sys.argv[1])
print({name: data.load(name, as_="arrow").to_pylist()[:0] for name in data.tables})
"""
MAKE = """
import sys
from pathlib import Path
from gazadata import open_dataset
from gazadata.display.pages import release_pages
for name, content in release_pages(open_dataset(sys.argv[1])).items():
    Path(sys.argv[2], name).write_bytes(content)
"""
ROWS = 12
CHOOSE = """
async rows => {
  const wait = time => new Promise(done => setTimeout(done, time));
  const quoted = [...document.querySelectorAll('.rows > tbody')].filter(
    body => body.querySelector('dt a[href^="#q"]'));
  const taken = [];
  for (let at = 0; at < rows; at++) {
    const body = quoted[Math.floor(at * quoted.length / rows)];
    body.scrollIntoView({block: 'center'});
    await wait(500);
    const start = performance.now();
    body.querySelector('summary').click();
    taken.push(document.querySelector('.g.lit') ? performance.now() - start : Infinity);
    await wait(500);
  }
  return taken;
}
"""


def making(name: str, root: Path, folder: Path, rounds: int) -> None:
    """Print the cost of making the pages of a package, as a multiple of reading its tables."""
    read: list[Run] = []
    made: list[Run] = []
    contents: list[dict[str, bytes]] = []
    for at in range(rounds):
        out = folder / f"{name}-{at}"
        out.mkdir()
        read.append(run([sys.executable, "-c", READ, str(root)]))
        made.append(run([sys.executable, "-c", MAKE, str(root), str(out)]))
        contents.append({path.name: path.read_bytes() for path in out.iterdir()})
    seconds, memory = (
        [statistics.median(getattr(one, what) for one in runs) for runs in (made, read)]
        for what in ("processor", "mebibytes")
    )
    largest = max(contents[0].values(), key=len)
    print(
        f"{name}: {seconds[0]:.2f} s, {seconds[0] / seconds[1]:.1f} times reading the tables; "
        f"{memory[0]:.0f} MiB, {memory[0] / memory[1]:.1f} times; {len(contents[0])} pages, the "
        f"largest of {len(largest):,} bytes ({len(gzip.compress(largest)):,} with gzip); "
        f"{'the same' if all(one == contents[0] for one in contents) else 'OTHER'} bytes each time"
    )


def using(page: Path) -> None:
    """Print how long it takes to open the page and to choose a row."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        for rate in (1, 6):
            tab = browser.new_page(viewport={"width": 1280, "height": 900})
            session = tab.context.new_cdp_session(tab)
            session.send("Emulation.setCPUThrottlingRate", {"rate": rate})
            opened = []
            for _ in range(5):
                tab.goto(page.as_uri())
                opened.append(
                    tab.evaluate(
                        "performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd"
                    )
                )
            tab.wait_for_timeout(500)
            lit = tab.evaluate(CHOOSE, ROWS)
            print(
                f"processor slowed {rate} times: DOMContentLoaded {statistics.median(opened):.0f} "
                f"ms, row to highlight {statistics.median(lit):.0f} ms, at most {max(lit):.0f} ms"
            )
            tab.close()
        browser.close()


def main() -> None:
    """Print the cost of making, using and sending the page."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    for name in ("page.css", "page.js"):
        content = asset(name).encode("utf-8")
        print(f"{name}: {len(content):,} bytes ({len(gzip.compress(content)):,} with gzip)")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        generator = str(REPOSITORY / "benchmarks" / "_generate.py")
        run([sys.executable, generator, str(folder / "package"), str(ARTICLES)])
        making("the shipped package", REPOSITORY, folder, rounds)
        making(f"{ARTICLES} articles", folder / "package", folder, rounds)
        using(folder / "the shipped package-0" / "index.html")
    data = open_dataset(REPOSITORY)
    shown = {
        "dataset": data,
        "explain": data.explain("events", data.load("events")["event_id"].iloc[0]),
        **{name: getattr(data.plot, name)() for name in ("timeline", "network", "positions")},
    }
    for name, value in shown.items():
        print(f"{name} in a notebook: {len(value._repr_html_().encode('utf-8')):,} bytes")


if __name__ == "__main__":
    main()
