"""Tables that `gazadata fmt` accepts have no findings about their form."""

import csv
import io
import json
import tempfile
import unicodedata
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.validate.damage import report_on

from gazadata.curate.fmt import format_package
from gazadata.curate.write import write
from gazadata.package import Package

ROOT = Path(__file__).parents[2]
TABLES = ("sources", "passages", "quotes")


def schema_of(name: str) -> bytes:
    """The schema of a table, without foreign keys to tables that are left out."""
    schema = json.loads((ROOT / f"schemas/{name}.json").read_bytes())
    keys = schema.get("foreignKeys", [])
    schema["foreignKeys"] = [key for key in keys if key["reference"].get("resource") in TABLES]
    return json.dumps(schema).encode()


SCHEMAS = {name: schema_of(name) for name in TABLES}
HEADERS = {n: [field["name"] for field in json.loads(s)["fields"]] for n, s in SCHEMAS.items()}
# Words and spaces that are hard to quote, to write to CSV, or to compare.
words = st.sampled_from(
    [
        "troops",
        "Pakistan’s",
        "can't",
        "=SUM",
        "@home",
        "-5",
        "—",
        "+",
        "é",
        "e\u0301",
        '"no"',
        "„no“",
        "wait…",
        "−5",
        "می\u200cروند",
        "外交部表示",
        "a,b",
    ]
)
breaks = st.sampled_from([" ", " ", " ", "\n", "\n\n", "  ", "\u00a0", "\t"])


@st.composite
def drafts(draw: st.DrawFn) -> tuple[str, list[dict[str, str]], bytes]:
    """A text, rows of quotes cut out of it or mistyped, and line ends for the tables."""
    pieces = [part for _ in range(draw(st.integers(6, 20))) for part in (draw(words), draw(breaks))]
    text = unicodedata.normalize("NFC", "".join(pieces).strip())
    quotes = []
    for number in range(25):
        first, last = sorted(draw(st.tuples(*[st.integers(0, len(text))] * 2)))
        exact = text[first:last]
        if draw(st.booleans()):
            exact = exact.replace("’", "'").replace("…", "...").replace("\n", " ")
        if draw(st.booleans()):
            exact = exact.strip()
        offsets = {"char_start": str(first), "char_end": str(last)} if draw(st.booleans()) else {}
        quotes.append({"quote_id": f"quote-{number}", "source_id": "a", "exact": exact, **offsets})
    return text, quotes, draw(st.sampled_from([b"\n", b"\r\n"]))


def put(path: Path, rows: list[dict[str, str]], line_end: str) -> None:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, HEADERS[path.stem], lineterminator=line_end, quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(rows)
    path.write_bytes(out.getvalue().encode("utf-8"))


@given(drafts())
# A validation takes a second, so shrinking a failure would take minutes.
@settings(
    max_examples=8, phases=[Phase.reuse, Phase.generate], suppress_health_check=list(HealthCheck)
)
def test_formatted_tables_have_no_findings_about_form(
    draft: tuple[str, list[dict[str, str]], bytes],
) -> None:
    text, quotes, line_end = draft
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name in ("data", "schemas", "raw"):
            (root / name).mkdir()
        resources = []
        for name in TABLES:
            (root / f"schemas/{name}.json").write_bytes(SCHEMAS[name])
            resources.append(
                {"name": name, "path": f"data/{name}.csv", "schema": f"schemas/{name}.json"}
            )
        descriptor = {"name": "draft", "version": "1.0.0", "resources": resources}
        (root / "datapackage.json").write_text(json.dumps(descriptor), "utf-8")
        (root / "raw/a.txt").write_text(text, "utf-8", newline="\n")
        source = {"source_id": "a", "kind": "article", "held": "true", "text_path": "raw/a.txt"}
        whole = {
            "passage_id": "a-s01",
            "source_id": "a",
            "char_start": "0",
            "char_end": str(len(text)),
        }
        for name, rows in zip(TABLES, ([source], [whole], quotes), strict=True):
            put(root / f"data/{name}.csv", rows, line_end.decode())
        # Rows that need a decision are not in canonical form; a line break in one row keeps
        # validation from reading the others.
        undecided = {problem.row_id for problem in format_package(Package.open(root)).problems}
        decided = [row for row in quotes if row["quote_id"] not in undecided]
        put(root / "data/quotes.csv", decided, line_end.decode())
        formatting = format_package(Package.open(root))
        assert [str(problem) for problem in formatting.problems] == []
        write(formatting.files, formatting.read)
        assert not format_package(Package.open(root)).files
        form = [d for d in report_on(root, official=False).diagnostics if d.code.startswith("GD1")]
        assert [d for d in form if decided or d.code != "GD106"] == []
