"""Every format of a report can be parsed, points at the right place, and hides nothing.

The reports come from validating a copy of the package with planted mistakes; for what no package
contains (any text in any place) they come from hypothesis.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from gazadata import cli
from gazadata.errors import GazadataError
from gazadata.validate import Count, Diagnostic, Place, Report, all_rules, reporters, validate
from gazadata.validate.reporters import FORMATS, Options
from gazadata.validate.reporters.common import ON_SCREEN, amount, errors_first, idle, visible
from gazadata.validate.reporters.excerpt import cell_span, differences, draw, in_cell
from gazadata.validate.reporters.machine import fingerprint
from gazadata.validate.split import column_of

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "src/gazadata/validate/report.schema.json").read_text("utf-8"))
REPORT = jsonschema.Draft202012Validator(SCHEMA)
ESCAPE = "\x1b"
RULES = all_rules()

# (file, original, planted mistake): one for each way of showing a finding.
PLANTED = {
    "GD203": ("data/positions.csv", ",conditional_support,", ",conditional_suport,"),
    "GD207": ("data/positions.csv", "\nazerbaijan-isf-participation,azerbaijan,", None),
    "GD321": ("data/quotes.csv", "the US has formally addressed,", "the US had formaly addressed,"),
    "GD201": ("data/passages.csv", ",1,", ",one,"),
}
PLANTED["GD207"] = (*PLANTED["GD207"][:2], "\nazerbaijan-isf-participation,azerbaijn,")


def copy(to: Path) -> Path:
    for name in ("data", "schemas", "raw", "reference"):
        shutil.copytree(ROOT / name, to / name)
    shutil.copy(ROOT / "datapackage.json", to)
    return to


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package with the planted mistakes."""
    root = copy(tmp_path_factory.mktemp("broken"))
    for name, there, planted in PLANTED.values():
        assert planted
        path = root / name
        text = path.read_text("utf-8")
        assert there in text, f"{name} has changed: plant the mistake elsewhere"
        path.write_text(text.replace(there, planted, 1), "utf-8", newline="\n")
    return root


@pytest.fixture(scope="module")
def report(broken: Path) -> Report:
    """The report on the planted mistakes."""
    return validate(broken)


@pytest.fixture(scope="module")
def clean() -> Report:
    """The report on the shipped package."""
    return validate(ROOT)


def of(report: Report, code: str) -> Diagnostic:
    return next(d for d in report.diagnostics if d.code == code)


def many(number: int, *, kept: int | None = None, code: str = "GD203") -> Report:
    """A report of `number` findings of a rule, of which `kept` are kept."""
    made = [
        Diagnostic(
            code, RULES[code].title, "data/events.csv", n + 2, 5, "events", f"row-{n}", "outcome",
            f"found {n}", "another", "Mend it.", RULES[code].severity,
        )
        for n in range(number if kept is None else kept)
    ]  # fmt: skip
    return Report("x", "1.0.0", made, {code: Count(9_999, "cells", number)})


# ------------------------------------------------------------------ reports from hypothesis
NASTY = "\n\r\t|:%<>&\"'`]\\[(){}*_#@!,;…€😀漢字\u0301\u200b\u202e"
NASTY += "\x00\x07\x1b\x7f\x85\u2028\ufeff\ufffe"
PIECES = [
    "]]>",
    "::",
    "%0A",
    "::error::",
    "##[error]",
    "-->",
    "<![CDATA[",
    "](1)",
    "{0}",
    "\x1b[31m",
]
anything = st.text(
    st.one_of(st.sampled_from(NASTY), st.characters(exclude_categories=["Cs"])), max_size=20
)
text = st.one_of(anything, st.lists(st.one_of(anything, st.sampled_from(PIECES))).map("".join))
maybe = st.one_of(st.none(), text)
number = st.one_of(st.none(), st.integers(1, 10_000))


@st.composite
def places(draw_: st.DrawFn) -> Place:
    words = draw_(text)
    start, end = sorted(draw_(st.tuples(*[st.integers(0, len(words))] * 2)))
    return Place(draw_(text), draw_(number), words, start, end)


@st.composite
def diagnostics(draw_: st.DrawFn) -> Diagnostic:
    return Diagnostic(
        code=draw_(st.sampled_from(["GD001", "GD203", "GD321", "GD351"])),
        message=draw_(text),
        path=draw_(text),
        line=draw_(number),
        column=draw_(st.one_of(st.none(), st.integers(1, 60))),
        resource=draw_(maybe),
        row_id=draw_(maybe),
        field=draw_(maybe),
        found=draw_(maybe),
        expected=draw_(maybe),
        help=draw_(maybe),
        severity=draw_(st.sampled_from(["error", "warning"])),
        related=tuple(draw_(st.lists(places(), max_size=2))),
        about=draw_(maybe),
        suggestion=draw_(maybe),
    )


@st.composite
def reports(draw_: st.DrawFn) -> Report:
    found = draw_(st.lists(diagnostics(), max_size=4))
    counts = draw_(
        st.dictionaries(
            st.sampled_from(sorted(RULES)),
            st.builds(Count, st.integers(0, 9), st.just("cells"), st.integers(0, 9)),
            max_size=5,
        )
    )
    lines = {d.path: {d.line or 0: draw_(text)} for d in found}
    made = Report(draw_(text), draw_(text), found, counts, lines=lines)
    made.failures = draw_(st.lists(text, max_size=2))
    made.notes = draw_(st.lists(text, max_size=2))
    return made


options = st.builds(
    Options,
    strict=st.booleans(),
    plain=st.booleans(),
    every=st.booleans(),
    colour=st.booleans(),
    width=st.integers(1, 200),
    prefix=st.sampled_from(["", "corpus/"]),
)
MANY = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


# ------------------------------------------------------------------ the planted mistakes
def test_every_planted_mistake_is_in_every_format(report: Report) -> None:
    assert {d.code for d in report.diagnostics} >= PLANTED.keys()
    assert not report.failures
    for name, format_ in FORMATS.items():
        shown = format_(report, Options())
        for code in PLANTED:
            assert code in shown, (name, code)
        assert shown.endswith("\n")


def test_counts_match_the_findings_left_after_merging(report: Report) -> None:
    kept = Counter(d.code for d in report.diagnostics)
    assert {code: c.found for code, c in report.counts.items() if c.found} == dict(kept)


# ------------------------------------------------------------------ full
def excerpts(shown: str) -> list[tuple[str, str, str]]:
    """Each place of a full report: path and position, the line, and the marks under it."""
    found, lines = [], shown.splitlines()
    for n, line in enumerate(lines):
        if match := re.match(r" *--> (\S+)", line):
            if lines[n + 1].endswith(" |"):
                under = lines[n + 3] if re.match(r" +\| ", lines[n + 3]) else ""
                gutter = lines[n + 2].index("|") + 2
                found.append((match[1], lines[n + 2][gutter:], under[gutter:]))
            else:
                found.append((match[1], "", ""))
    return found


def pointed(line: str, under: str, symbols: str = "^") -> str:
    return "".join(a for a, b in zip(line, under, strict=False) if b in symbols)


@pytest.mark.parametrize("width", [60, 100, 400])
def test_carets_are_under_the_cell(report: Report, width: int) -> None:
    full = FORMATS["full"](report, Options(width=width))
    by_place = {place: (line, under) for place, line, under in excerpts(full)}
    for code, cell in (
        ("GD203", "conditional_suport"),
        ("GD207", "azerbaijn"),
        ("GD201", "one"),
    ):
        d = of(report, code)
        line, under = by_place[f"{d.path}:{d.line}:{d.column}"]
        assert pointed(line, under) == cell
    assert max(cell_len(line) for _, line, _ in excerpts(full)) <= width


def test_a_wrong_quote_is_shown_with_the_nearest_words_of_the_article(
    report: Report,
) -> None:
    d = of(report, "GD321")
    (place,) = d.related
    full = FORMATS["full"](report, Options(width=300))
    shown = excerpts(full)
    at = [where for where, _, _ in shown].index(f"{d.path}:{d.line}:{d.column}")
    (_, cell, under), (where, line, below) = shown[at : at + 2]
    assert where == f"{place.path}:{place.line}:{place.start + 1}"
    assert pointed(cell, under, "^-") == d.found
    assert pointed(line, below, "^-") == d.found.replace("had formaly", "has formally")
    # d for s, and the missing l: the letter after it in the quote, and the l in the article.
    assert (pointed(cell, under), pointed(line, below)) == ("dl", "sl")
    assert "“had” instead of “has”; “formaly” instead of “formally”" in full
    text = (ROOT / place.path).read_text("utf-8").split("\n")
    assert text[(place.line or 0) - 1] == place.text


def test_characters_that_look_alike_are_named() -> None:
    """A straight apostrophe instead of a curly one is common, and hard to see."""
    place = Place("raw/a.txt", 1, "It is Hamas’s plan", 6, 13)
    d = Diagnostic("GD321", "No", "data/quotes.csv", 2, 3, "quotes", "q", "exact", "Hamas's")
    made = Report("x", "1.0.0", [replace(d, related=(place,))])
    made.lines = {d.path: {2: "q,Hamas's,1"}}
    full = FORMATS["full"](made, Options())
    assert "“'” (U+0027) instead of “’” (U+2019)" in full
    assert [pointed(line, under) for _, line, under in excerpts(full)] == ["'", "’"]


@pytest.mark.parametrize("code", ["GD103", "GD104", "GD112"])
def test_only_the_character_at_fault_is_marked(code: str) -> None:
    """A letter of another alphabet used to mark the rest of its cell, too."""
    d = Diagnostic(code, "No", "data/topics.csv", 2, 5, "topics", "q", "label", "a letter")
    made = Report("x", "1.0.0", [d])
    made.lines = {d.path: {2: "q,peаce,1"}}
    ((_, line, under),) = excerpts(FORMATS["full"](made, Options()))
    assert pointed(line, under) == "а"


def test_the_full_format_has_found_expected_help_and_why(report: Report) -> None:
    full = FORMATS["full"](report, Options(width=2_000))
    block = next(part for part in full.split("\n\n") if part.startswith("error[GD203]"))
    rule = RULES["GD203"]
    assert block.startswith(f"error[GD203]: {rule.title}\n")
    for label, words in (
        ("found", "conditional_suport"),
        ("expected", "one of support, conditional_support"),
        ("help", f"Did you mean “conditional_support”? {rule.remedy}"),
        ("why", f"{rule.reason} More: gazadata rule GD203"),
    ):
        assert re.search(rf"^ += {label}: +{re.escape(words)}", block, re.M), label
    assert f"(row {of(report, 'GD203').row_id}, field stance)" in block


def test_the_summary_says_what_was_checked(clean: Report) -> None:
    """Every rule has something to check in the shipped package."""
    assert idle(clean) == []
    for plain in (False, True):
        full = FORMATS["full"](clean, Options(plain=plain))
        total = clean.counts["GD104"].checked
        of_files = sum(code.startswith("GD1") for code in RULES)
        assert re.search(rf"files\W+{of_files} of {of_files} rules.*{total:,} bytes", full, re.I)
        assert " 1 package," in full
        assert full.splitlines()[-1].lower() == "passed: 0 errors, 0 warnings"
        for layer in ("package", "files", "tables", "provenance", "semantics"):
            assert re.search(rf"^ *{layer}\b.*\b0 findings", full, re.M | re.I)


def test_plain_has_words_instead_of_signs(report: Report) -> None:
    plain = FORMATS["full"](report, Options(plain=True, colour=True))
    d = of(report, "GD203")
    assert f"{d.path}, line {d.line}, column {d.column}, row {d.row_id}, field stance" in plain
    assert not re.search(r"-->|\^|\||[\u2500-\u257f]|" + ESCAPE, plain)
    assert re.search(r"The nearest words: raw/\S+, line \d+, column \d+: .*formally", plain)


def test_colours_change_nothing_but_colours(report: Report) -> None:
    coloured = FORMATS["full"](report, Options(colour=True))
    assert ESCAPE in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == FORMATS["full"](report, Options())


@pytest.mark.parametrize("name", ["full", "concise"])
def test_at_most_twenty_findings_of_a_rule_are_shown_and_the_rest_counted(name: str) -> None:
    shown = FORMATS[name](many(5_000, kept=1_000), Options())
    assert len(re.findall(r"events\.csv:\d+:5", shown)) == ON_SCREEN == 20
    assert "up to 4,980 more of GD203 not shown; use --all" in shown
    assert "failed: 5,000 errors, 0 warnings" in shown
    shown = FORMATS[name](many(45), Options(every=True))
    assert len(re.findall(r"events\.csv:\d+:5", shown)) == 45
    assert "not shown" not in shown


def test_an_escape_sequence_in_a_cell_never_reaches_the_terminal() -> None:
    made = many(1)
    made.diagnostics[0] = replace(made.diagnostics[0], found="\x1b]0;owned\x07", row_id="\u202eabc")
    made.lines = {"data/events.csv": {2: "a,b,\x1b[2Jc,d"}}
    for format_ in ("full", "concise", "markdown", "junit", "github"):
        shown = FORMATS[format_](made, Options())
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", shown), format_
        assert "<U+001B>]0;owned" in shown.replace("&lt;", "<").replace("&#60;", "<").replace(
            "&#43;", "+"
        ).replace("&gt;", ">").replace("&#62;", ">").replace("&#93;", "]")


# ------------------------------------------------------------------ excerpts
cells = st.text(
    st.one_of(
        st.sampled_from('",ab 漢字é\u0301\u200b'),
        st.characters(min_codepoint=32, max_codepoint=0x2FF),
        st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF),
    ),
    max_size=30,
)


def written(row: list[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow(row)
    return out.getvalue()


@given(st.lists(cells, min_size=2, max_size=8), st.data(), st.integers(20, 120))
@settings(deadline=None, max_examples=300)
def test_carets_align_in_a_terminal_whatever_the_width_of_the_characters(
    row: list[str], data: st.DataObject, width: int
) -> None:
    line = written(row)
    position = data.draw(st.integers(0, len(row) - 1))
    start, end = cell_span(line, column_of(line, position))
    assert (next(csv.reader([line[start:end]]), None) or [""]) == [row[position]]
    shown, under = draw(line, (start, end), [], 10_000)
    assert shown == visible(line).rstrip()
    before = cell_len(visible(line[:start]))
    columns = max(cell_len(visible(line[start:end])), start == end)
    if columns:
        assert under == " " * before + "^" * columns
    shown, under = draw(line, (start, end), [], width)
    assert cell_len(shown) <= width
    assert len(under) <= width
    assert "^" in under or not columns


@given(cells, cells)
@settings(deadline=None)
def test_text_that_is_not_marked_as_different_is_in_both_texts(one: str, other: str) -> None:
    marked = differences(one, other)
    assert bool(marked[0]) == bool(marked[1]) == (one != other)
    for text_, there, spans in ((one, other, marked[0]), (other, one, marked[1])):
        behind = iter(there)
        rest = [c for n, c in enumerate(text_) if not any(a <= n < b for a, b in spans)]
        assert all(c in behind for c in rest)


@given(cells, st.data())
@settings(deadline=None)
def test_a_span_of_a_value_is_found_in_its_raw_cell(cell: str, data: st.DataObject) -> None:
    a, b = sorted(data.draw(st.tuples(*[st.integers(0, len(cell))] * 2)))
    line = written(["x", cell, "y"])
    ((start, end),) = in_cell(line, cell_span(line, 3), [(a, b)])
    raw = line[start:end].replace('""', '"') if line.startswith('"', 2) else line[start:end]
    assert raw == cell[a:b] or (a == b and end == start + 1)


def test_a_line_of_any_length_costs_no_more_than_what_is_shown() -> None:
    line = "a," * 4_000_000 + "wrong" + ",b" * 4_000_000
    start = line.index("wrong")
    shown, under = draw(line, (start, start + 5), [], 80)
    assert pointed(shown, under) == "wrong"
    assert shown.startswith("…")
    assert shown.endswith("…")
    assert cell_len(shown) <= 80


# ------------------------------------------------------------------ concise
def test_concise_has_one_line_per_finding(report: Report) -> None:
    lines = FORMATS["concise"](report, Options(prefix="corpus/")).splitlines()
    pattern = r"corpus/(\S+?):(\d+):(\d+): (GD\d{3}) (.+): found (.*), expected (.*)"
    parsed = [match.groups() for match in map(re.compile(pattern).fullmatch, lines) if match]
    assert [(p, int(n), int(c), code) for p, n, c, code, *_ in parsed] == [
        (d.path, d.line, d.column, d.code) for d in report.diagnostics
    ]
    assert lines[-1].startswith(f"failed: {report.errors} errors, 0 warnings; ")


# ------------------------------------------------------------------ json
UNSAID = ("at", "elsewhere", "refers_to", "mistake", "rests_on")
"""Properties that tell findings apart, and appear in no format."""


def as_said(d: Diagnostic) -> dict[str, Any]:
    """A finding in the json format."""
    said: dict[str, Any] = json.loads(json.dumps(asdict(d)))
    return {name: value for name, value in said.items() if name not in UNSAID}


def test_json_is_valid_under_its_schema_and_loses_nothing(report: Report, clean: Report) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    for made in (report, clean):
        document = json.loads(FORMATS["json"](made, Options(strict=True)))
        REPORT.validate(document)
        assert document["findings"] == [as_said(d) for d in made.diagnostics]
        assert document["ok"] is made.ok(strict=True)
        assert document["rows"] == made.rows
        assert list(document["counts"]) == list(RULES)
        for code, count in made.counts.items():
            row = document["counts"][code]
            assert (row["checked"], row["unit"]) == (count.checked, count.unit)
    assert all(row["checked"] > 0 for row in document["counts"].values())


def test_the_schema_describes_every_field() -> None:
    for name, made in (("finding", Diagnostic), ("place", Place)):
        shown = [f.name for f in fields(made) if f.name not in UNSAID]
        assert list(SCHEMA["$defs"][name]["properties"]) == shown
    for part in (SCHEMA, *(SCHEMA["$defs"][name] for name in ("finding", "place", "count"))):
        assert part["additionalProperties"] is False
        assert sorted(part["required"]) == sorted(part["properties"])
        for name, described in part["properties"].items():
            assert described["description"].endswith("."), name


def test_json_counts_what_it_leaves_out() -> None:
    document = json.loads(FORMATS["json"](many(5_000, kept=1_000), Options()))
    assert document["errors"] == 5_000
    assert document["findings_left_out"] == 4_000


# ------------------------------------------------------------------ github
COMMAND = re.compile(r"::(error|warning|notice) (\w+=[^,:\r\n]*(?:,\w+=[^,:\r\n]*)*)::(.*)")


def commands(shown: str) -> list[tuple[str, dict[str, str], str]]:
    """The workflow commands of an output, unescaped as the runner does."""

    def plain(part: str, *, is_property: bool = False) -> str:
        if is_property:
            part = part.replace("%3A", ":").replace("%2C", ",")
        return part.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")

    found = []
    for line in re.split(r"\r\n|\r|\n", shown):
        if line.lstrip().startswith("::"):
            match = COMMAND.fullmatch(line)
            assert match, line
            pairs = (pair.split("=", 1) for pair in match[2].split(","))
            properties = {key: plain(value, is_property=True) for key, value in pairs}
            found.append((match[1], properties, plain(match[3])))
    return found


def test_github_annotates_the_findings(report: Report) -> None:
    found = commands(FORMATS["github"](report, Options(prefix="corpus/")))
    assert len(found) == len(report.diagnostics) <= 10
    for (name, properties, message), d in zip(found, report.diagnostics, strict=True):
        assert name == "error"
        assert properties["file"] == f"corpus/{d.path}"
        assert (properties["line"], properties["col"]) == (str(d.line), str(d.column))
        line = report.lines[d.path][d.line or 0]
        cell = line[int(properties["col"]) - 1 : int(properties["endColumn"]) - 1]
        assert cell == (f'"{d.found}"' if "," in (d.found or "") else d.found)
        assert properties["title"] == f"{d.code}: {RULES[d.code].title}"
        assert message.startswith(d.message)
        assert f" (row {d.row_id}, field {d.field})\n" in message
        assert message.endswith(f"\n{d.help}")


def test_github_shows_the_ten_worst_and_counts_the_rest() -> None:
    made = many(15, code="GD351")
    made.diagnostics += many(3).diagnostics
    made.counts["GD203"] = Count(9, "cells", 30)
    found = commands(FORMATS["github"](made, Options()))
    assert [name for name, _, _ in found] == ["error"] * 3 + ["warning"] * 7 + ["notice"]
    assert found[-1][2].startswith("35 more findings")


# ------------------------------------------------------------------ sarif
def strict_object(required: dict[str, Any], optional: dict[str, Any] | None = None) -> Any:
    return {
        "type": "object",
        "properties": required | (optional or {}),
        "required": list(required),
        "additionalProperties": False,
    }


STRING = {"type": "string", "minLength": 1}
MESSAGE = strict_object({"text": STRING})
COUNTING = {"type": "integer", "minimum": 1}
LEVEL = {"enum": ["none", "note", "warning", "error"]}
ARTIFACT = {
    "oneOf": [
        strict_object({"uri": STRING, "uriBaseId": {"const": "%SRCROOT%"}}),
        strict_object({"uri": {"type": "string", "pattern": "^file:///"}}),
    ]
}
REPLACEMENT = strict_object(
    {
        "deletedRegion": strict_object(
            dict.fromkeys(("startLine", "startColumn", "endColumn"), COUNTING)
        ),
        "insertedContent": strict_object({"text": {"type": "string"}}),
    }
)
CHANGE = strict_object(
    {
        "artifactLocation": ARTIFACT,
        "replacements": {"type": "array", "minItems": 1, "items": REPLACEMENT},
    }
)
FIX = strict_object(
    {
        "description": MESSAGE,
        "artifactChanges": {"type": "array", "minItems": 1, "items": CHANGE},
    }
)
PHYSICAL = strict_object(
    {"artifactLocation": ARTIFACT},
    {
        "region": strict_object(
            {"startLine": COUNTING}, {"startColumn": COUNTING, "endColumn": COUNTING}
        )
    },
)
# The licence of the standard's schema does not allow a copy here, so this one is our own. It is
# stricter, as it only has what we write, with the names and types of SARIF 2.1.0. Everything below
# is also checked against the standard's if GAZADATA_SARIF_SCHEMA names a copy: `make elsewhere`.
SARIF: Any = strict_object(
    {
        "$schema": {"type": "string", "format": "uri"},
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "minItems": 1,
            "maxItems": 1,
            "items": strict_object(
                {
                    "tool": strict_object(
                        {
                            "driver": strict_object(
                                {
                                    "name": STRING,
                                    "fullName": STRING,
                                    "version": STRING,
                                    "rules": {
                                        "type": "array",
                                        "uniqueItems": True,
                                        "items": strict_object(
                                            {
                                                "id": STRING,
                                                "shortDescription": MESSAGE,
                                                "fullDescription": MESSAGE,
                                                "help": strict_object(
                                                    {"text": STRING, "markdown": STRING}
                                                ),
                                                "defaultConfiguration": strict_object(
                                                    {"level": LEVEL}
                                                ),
                                                "properties": {"type": "object"},
                                            }
                                        ),
                                    },
                                }
                            )
                        }
                    ),
                    "columnKind": {"const": "unicodeCodePoints"},
                    "originalUriBaseIds": strict_object(
                        {"%SRCROOT%": strict_object({"description": MESSAGE})}
                    ),
                    "invocations": {
                        "type": "array",
                        "items": strict_object(
                            {
                                "executionSuccessful": {"type": "boolean"},
                                "toolExecutionNotifications": {
                                    "type": "array",
                                    "items": strict_object({"level": LEVEL, "message": MESSAGE}),
                                },
                            }
                        ),
                    },
                    "results": {
                        "type": "array",
                        "items": strict_object(
                            {
                                "ruleId": STRING,
                                "ruleIndex": {"type": "integer", "minimum": 0},
                                "level": LEVEL,
                                "message": MESSAGE,
                                "locations": {
                                    "type": "array",
                                    "minItems": 1,
                                    "maxItems": 1,
                                    "items": strict_object(
                                        {"physicalLocation": PHYSICAL},
                                        {
                                            "logicalLocations": {
                                                "type": "array",
                                                "items": strict_object(
                                                    {"fullyQualifiedName": STRING}
                                                ),
                                            }
                                        },
                                    ),
                                },
                                "partialFingerprints": {
                                    "type": "object",
                                    "minProperties": 1,
                                    "additionalProperties": STRING,
                                },
                            },
                            {
                                "relatedLocations": {
                                    "type": "array",
                                    "items": strict_object(
                                        {
                                            "id": {"type": "integer", "minimum": 0},
                                            "message": MESSAGE,
                                            "physicalLocation": PHYSICAL,
                                        }
                                    ),
                                },
                                "fixes": {"type": "array", "minItems": 1, "items": FIX},
                            },
                        ),
                    },
                    "properties": {"type": "object"},
                }
            ),
        },
    }
)
PUBLISHED = os.environ.get("GAZADATA_SARIF_SCHEMA")
SARIF_SCHEMAS = [
    jsonschema.validators.validator_for(schema)(schema)
    for schema in [SARIF, *([json.loads(Path(PUBLISHED).read_text("utf-8"))] if PUBLISHED else [])]
]


def sarif(made: Report, asked: Options | None = None) -> dict[str, Any]:
    """The run of a SARIF log, after checking everything that the standard requires."""
    log = json.loads(FORMATS["sarif"](made, asked or Options()))
    for schema in SARIF_SCHEMAS:
        schema.validate(log)
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        physical = [
            part["physicalLocation"]
            for part in [*result["locations"], *result.get("relatedLocations", [])]
        ]
        for location in physical:
            # RFC 3986: a relative reference, whose first segment has no colon.
            uri = location["artifactLocation"]["uri"].removeprefix("file:///")
            assert re.fullmatch(r"(?:[A-Za-z0-9._~/-]|%[0-9A-F]{2})+", uri)
            assert not uri.startswith("/")
            region = location.get("region", {})
            assert region.get("endColumn", 10**9) >= region.get("startColumn", 1)
        ids = [part["id"] for part in result.get("relatedLocations", [])]
        assert len(ids) == len(set(ids))
    return dict(run)


def test_sarif_has_every_finding_in_its_place(report: Report) -> None:
    run = sarif(report, Options(prefix="my corpus/"))
    assert run["invocations"][0]["executionSuccessful"] is True
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == list(RULES)
    for result, d in zip(run["results"], report.diagnostics, strict=True):
        location = result["locations"][0]
        physical = location["physicalLocation"]
        assert result["ruleId"] == d.code
        assert result["level"] == d.severity
        assert unquote(physical["artifactLocation"]["uri"]) == f"my corpus/{d.path}"
        assert physical["artifactLocation"]["uri"].startswith("my%20corpus/")
        region = physical["region"]
        assert (region["startLine"], region["startColumn"]) == (d.line, d.column)
        cell = report.lines[d.path][d.line or 0][
            region["startColumn"] - 1 : region["endColumn"] - 1
        ]
        assert cell.strip('"') == d.found
        name = location["logicalLocations"][0]["fullyQualifiedName"]
        assert name == f"{d.resource}/{d.row_id}/{d.field}"


def test_sarif_names_the_version_and_the_help_of_each_rule(clean: Report) -> None:
    driver = sarif(clean)["tool"]["driver"]
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*", driver["version"])
    for shown in driver["rules"]:
        rule = RULES[shown["id"]]
        assert shown["shortDescription"]["text"] == rule.title
        assert all(part in shown["help"]["markdown"] for part in (rule.example, rule.remedy))


def fixed(root: Path, made: Report) -> set[str]:
    """Apply every fix of a SARIF log to the files, and return the codes of the fixed findings."""
    codes = set()
    for result in sarif(made)["results"]:
        for fix in result.get("fixes", []):
            codes.add(result["ruleId"])
            ((change,), path) = (fix["artifactChanges"], root)
            path = root / unquote(change["artifactLocation"]["uri"])
            lines = path.read_text("utf-8").split("\n")
            (replacement,) = change["replacements"]
            region, new = replacement["deletedRegion"], replacement["insertedContent"]["text"]
            at = region["startLine"] - 1
            line = lines[at]
            lines[at] = line[: region["startColumn"] - 1] + new + line[region["endColumn"] - 1 :]
            path.write_text("\n".join(lines), "utf-8", newline="\n")
    return codes


def test_the_fixes_of_sarif_restore_the_file(package_copy: Path) -> None:
    """Also in a cell with quotation marks, and next to cells with characters of other widths."""
    planted = {
        "GD203": ("data/positions.csv", ",conditional_support,", ",conditional_suport,"),
        "GD207": ("data/positions.csv", ",azerbaijan,", ",azerbaijn,"),
        "GD109": ("data/events.csv", ",Recent,", ",Recent ,"),
        "GD322": ("data/quotes.csv", "The Trump administration is ,", "The Trump administration ,"),
    }
    shipped = {name: (package_copy / name).read_text("utf-8") for name, _, _ in planted.values()}
    for name, there, wrong in planted.values():
        path = package_copy / name
        assert there in path.read_text("utf-8"), f"{name} has changed: plant the mistake elsewhere"
        path.write_text(path.read_text("utf-8").replace(there, wrong, 1), "utf-8", newline="\n")
    made = validate(package_copy)
    assert {d.code for d in made.diagnostics} == planted.keys()
    assert fixed(package_copy, made) == planted.keys()
    assert {name: (package_copy / name).read_text("utf-8") for name in shipped} == shipped


def test_sarif_fixes_nothing_that_needs_a_decision(report: Report) -> None:
    results = sarif(report)["results"]
    assert {r["ruleId"] for r in results if "fixes" in r} == {"GD203", "GD207"}
    d = replace(of(report, "GD203"), found="another cell than that of the line")
    (result,) = sarif(replace(report, diagnostics=[d]))["results"]
    assert "fixes" not in result


def test_sarif_points_at_the_nearest_words_in_code_points(report: Report) -> None:
    run = sarif(report)
    (result,) = [r for r in run["results"] if r["ruleId"] == "GD321"]
    (related,) = result["relatedLocations"]
    physical = related["physicalLocation"]
    region = physical["region"]
    article = (ROOT / physical["artifactLocation"]["uri"]).read_text("utf-8").split("\n")
    words = article[region["startLine"] - 1][region["startColumn"] - 1 : region["endColumn"] - 1]
    assert words.endswith("the US has formally addressed")
    assert len(words) == len(of(report, "GD321").found or "") + 1


def test_fingerprints_survive_moved_lines_and_tell_findings_apart(report: Report) -> None:
    moved = replace(
        report, diagnostics=[replace(d, line=(d.line or 0) + 7) for d in report.diagnostics]
    )
    marks = [[r["partialFingerprints"] for r in sarif(made)["results"]] for made in (report, moved)]
    assert marks[0] == marks[1]
    assert len({json.dumps(mark) for mark in marks[0]}) == len(report.diagnostics)
    twins = sarif(replace(report, diagnostics=[report.diagnostics[0]] * 2))["results"]
    assert twins[0]["partialFingerprints"] != twins[1]["partialFingerprints"]
    d = report.diagnostics[0]
    others = [
        replace(d, code="GD999"),
        replace(d, path="another"),
        replace(d, resource="another"),
        replace(d, row_id="another"),
        replace(d, field="another"),
        replace(d, found="another"),
    ]
    assert len({fingerprint(other) for other in [d, *others]}) == 7


def test_a_failure_makes_the_execution_unsuccessful() -> None:
    made = many(0)
    made.failures = ["frictionless did not run"]
    (invocation,) = sarif(made)["invocations"]
    assert invocation["executionSuccessful"] is False
    assert invocation["toolExecutionNotifications"][0] == {
        "level": "error",
        "message": {"text": "frictionless did not run"},
    }


# ------------------------------------------------------------------ junit
def junit(made: Report, asked: Options | None = None) -> ET.Element:
    """The root, after checking the totals of every suite."""
    root = ET.fromstring(FORMATS["junit"](made, asked or Options()))
    for suite in root:
        for attribute, path in (
            ("tests", "testcase"),
            ("failures", "testcase/failure"),
            ("errors", "testcase/error"),
            ("skipped", "testcase/skipped"),
        ):
            assert suite.get(attribute) == str(len(suite.findall(path)))
    assert root.get("failures") == str(len(root.findall(".//failure")))
    return root


def test_junit_has_a_case_for_every_rule(report: Report, clean: Report) -> None:
    for made in (report, clean):
        cases = {str(case.get("name"))[:5]: case for case in junit(made).iter("testcase")}
        assert cases.keys() >= RULES.keys()
        broken_rules = {d.code for d in made.diagnostics}
        for code in RULES:
            case, count = cases[code], made.counts.get(code, Count(0, RULES[code].unit))
            assert (case.find("failure") is not None) == (code in broken_rules)
            assert (case.find("skipped") is not None) == (count.checked == 0)
            said = case.findtext("system-out") or ""
            looked = amount(count.checked, count.unit)
            assert said.startswith(f"{looked} checked, {count.found} finding")
    failure = junit(report).find(".//failure[@type='GD203']")
    assert failure is not None
    d = of(report, "GD203")
    assert f"{d.path}:{d.line}:{d.column}" in (failure.text or "")


def test_junit_fails_on_warnings_only_when_strict_and_errs_where_a_layer_did_not_run() -> None:
    made = many(2, code="GD351")
    assert not junit(made).findall(".//failure")
    assert len(junit(made, Options(strict=True)).findall(".//failure")) == 1
    assert not junit(made).findall(".//error")
    made.failures = ["frictionless did not run", "another"]
    assert [e.get("message") for e in junit(made).iter("error")] == made.failures


# ------------------------------------------------------------------ markdown
def table_cells(line: str) -> list[str]:
    return re.split(r"(?<!\\)\|", line.strip())[1:-1]


def test_markdown_is_a_short_table(report: Report) -> None:
    shown = FORMATS["markdown"](report, Options())
    lines = shown.splitlines()
    assert lines[0] == f"### gazadata validate: failed: {report.errors} errors, 0 warnings"
    rows = [table_cells(line) for line in lines if line.startswith("| error")]
    assert len(rows) == len(report.diagnostics)
    assert {len(row) for row in rows} == {5}
    shown = FORMATS["markdown"](many(200), Options())
    assert len(re.findall(r"^\| error", shown, re.M)) == ON_SCREEN
    assert "\nand 180 more\n" in shown


# ------------------------------------------------------------------ any text in any field
@pytest.mark.long
@given(reports(), options)
@MANY
def test_every_format_survives_any_text(made: Report, asked: Options) -> None:
    """The text of a cell can neither break a format nor pass for a part of it."""
    document = json.loads(FORMATS["json"](made, asked))
    REPORT.validate(document)
    assert document["findings"] == [as_said(d) for d in made.diagnostics]

    run = sarif(made, asked)
    assert len(run["results"]) == len(made.diagnostics)

    cases = list(junit(made, asked).iter("testcase"))
    troubles = len(made.failures) + (not made.checked_anything)
    assert len(cases) == len(RULES) + max(troubles, 1)

    shown = FORMATS["github"](made, asked)
    found = commands(shown)
    assert "##[" not in shown
    assert len([c for c in found if c[0] != "notice"]) == min(
        len(made.failures) + len(made.diagnostics), 10
    )

    annotated = [c for c in found if "file" in c[1]]
    for (_, properties, message), d in zip(annotated, errors_first(made), strict=False):
        path = "\n".join(map(visible, (asked.prefix + d.path).split("\n")))
        assert properties["file"] == path.replace("##[", "## [")
        assert message.startswith(visible(d.message).replace("##[", "## ["))

    lines = FORMATS["markdown"](made, asked).splitlines()
    rows = [line for line in lines if re.match(r"\| (error|warning) \|", line)]
    assert len(rows) == len(made.diagnostics)
    assert {len(table_cells(row)) for row in rows} <= {5}
    assert not re.search(r"<(?!/?code>)|`|@|://", "\n".join(lines))

    concise = FORMATS["concise"](made, asked)
    extra = [line for line in concise.splitlines() if " not shown; use --all" in line]
    noted = len(made.notes) + len(made.failures) + bool(idle(made))
    assert len(concise.splitlines()) >= len(made.diagnostics) + noted + len(extra) + 1
    assert concise.splitlines() == concise.split("\n")[:-1]

    full = FORMATS["full"](made, asked)
    for said in (concise, re.sub(r"\x1b\[[0-9;]*m", "", full) if asked.colour else full):
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u202e\u2028]", said)


# ------------------------------------------------------------------ the command line
def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    """`gazadata validate` in this process: exit status, standard output, standard error."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["gazadata", "validate", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
    out, err = capsys.readouterr()
    code = ended.value.code
    return (code if isinstance(code, int) else 0), out, err


@pytest.fixture(autouse=True)
def neutral(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unset the environment variables that would affect the tests."""
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("FORCE_COLOR", raising=False)


def test_a_clean_package_exits_with_0_and_a_report_into_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "report.json"
    target.write_text("an older report")
    code, out, err = run(capsys, ROOT, "--strict", "--format", "json", "--output", target)
    assert (code, out, err) == (0, "", "")
    document = json.loads(target.read_text("utf-8"))
    REPORT.validate(document)
    assert document["ok"] is document["strict"] is True
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


def test_findings_exit_with_1_and_are_concise_outside_a_terminal(
    broken: Path, report: Report, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, broken)
    assert (code, err) == (1, "")
    assert out == FORMATS["concise"](report, Options(prefix=f"{broken.as_posix()}/"))


def test_several_formats_come_from_one_run(
    broken: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pairs = {"json": tmp_path / "r.json", "sarif": tmp_path / "r.sarif"}
    given_ = [part for name, path in pairs.items() for part in ("--format", name, "--output", path)]
    code, out, err = run(capsys, broken, *given_, "--format", "concise")
    assert (code, err) == (1, "")
    assert out.splitlines()[-1].startswith("failed: ")
    assert json.loads(pairs["json"].read_bytes())["format"] == "gazadata-report/1"
    assert json.loads(pairs["sarif"].read_bytes())["version"] == "2.1.0"


def test_under_github_actions_the_format_and_the_summary_choose_themselves(
    broken: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    report: Report,
    capsys: pytest.CaptureFixture[str],
) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("of an earlier step\n")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(broken.parent))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    code, out, _ = run(capsys, broken)
    asked = Options(prefix=f"{broken.name}/")
    assert code == 1
    assert out == FORMATS["github"](report, asked)
    expected = "of an earlier step\n" + FORMATS["markdown"](report, asked)
    assert summary.read_text("utf-8") == expected


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--format", "jsn"], "no format 'jsn'; did you mean 'json'?"),
        (["--frictionless", "al"], "did you mean 'all'?"),
        (["--output", "no/such/folder/report.json"], "there is no folder no/such/folder"),
        (["--output", "a", "--output", "b"], "1 --format and 2 --output"),
        (["--format", "json", "--format", "sarif"], "2 --format and 0 --output"),
        (["--output", "."], "is a folder"),
        (["--no-such-option"], "No such option"),
        (["nowhere"], "no data package at nowhere"),
    ],
)
def test_wrong_use_exits_with_2(
    arguments: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "datapackage.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert said in err


def test_help_names_every_format(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "--help")
    assert code == 0
    assert all(name in out for name in FORMATS)


def test_an_unreadable_descriptor_is_a_finding_in_every_format(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "datapackage.json").write_text('{"name": "x",\n "resources": [}')
    for name in FORMATS:
        code, out, err = run(capsys, tmp_path, "--format", name)
        assert (code, err) == (1, "")
        assert "GD001" in out


def test_half_a_surrogate_pair_in_a_descriptor_can_be_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """JSON can hold what UTF-8 cannot."""
    descriptor = {"name": "x", "resources": [], "\ud800": 1}
    (tmp_path / "datapackage.json").write_text(json.dumps(descriptor))
    for name in FORMATS:
        code, _, _ = run(capsys, tmp_path, "--format", name)
        assert code == 1
        code, _, _ = run(capsys, tmp_path, "--format", name, "--output", tmp_path / "out")
        assert code == 1
        (tmp_path / "out").read_bytes().decode("utf-8")


# ------------------------------------------------------------------ what counts as passed
def test_warnings_that_were_counted_and_not_kept_are_warnings() -> None:
    """A release of many sources contains none of their texts, and passes."""
    made = Report("a release", "1.0.0", counts={"GD301": Count(30, "texts", 30)})
    made.diagnostics = [
        Diagnostic("GD301", "no text", "csv/sources.csv", line, severity="warning")
        for line in (2, 3)
    ]
    assert made.ok()
    assert (
        FORMATS["concise"](made, Options()).rpartition("passed: ")[2].startswith("0 errors, 30 w")
    )


def test_errors_that_were_counted_and_not_kept_are_errors() -> None:
    made = Report("x", "1.0.0", counts={"GD203": Count(9_000, "cells", 5_000)})
    assert (made.errors, made.warnings) == (5_000, 0)
    assert not made.ok()
    assert json.loads(FORMATS["json"](made, Options()))["ok"] is False
    made = many(1_000)
    made.counts = {"GD203": Count(9_000, "cells", 5_000)}
    # Some of them may follow from others, so there may be fewer.
    assert "up to 4,980 more of GD203 not shown; use --all" in FORMATS["full"](made, Options())


def test_a_report_without_checks_is_never_a_pass() -> None:
    made = Report("x", "1.0.0", counts={"GD101": Count(0, "bytes")})
    assert not made.ok()
    for name, format_ in FORMATS.items():
        shown = format_(made, Options())
        if name == "json":
            assert json.loads(shown)["ok"] is False
        else:
            assert "nothing was checked" in shown, name


def test_warnings_fail_only_when_strict() -> None:
    made = many(2, code="GD351")
    for strict in (False, True):
        asked = Options(strict=strict)
        assert made.ok(strict=strict) is not strict
        assert json.loads(FORMATS["json"](made, asked))["ok"] is not strict
        expected = "failed: 0 errors, 2 warnings (--strict)" if strict else "passed: 0 errors, 2 w"
        for name in ("full", "concise", "github", "markdown"):
            assert expected in FORMATS[name](made, asked)


def test_failures_and_notes_are_always_shown() -> None:
    made = many(50)
    made.failures = ["pandera on events: a check of its own"]
    made.notes = ["there is no raw"]
    for name, format_ in FORMATS.items():
        shown = format_(made, Options())
        assert made.failures[0] in shown.replace("&#58;", ":"), name
        assert made.notes[0] in shown, name


# ------------------------------------------------------------------ the environment
@pytest.mark.parametrize(
    ("environment", "terminal", "format_", "colour"),
    [
        ({}, True, "full", True),
        ({}, False, "concise", False),
        ({"NO_COLOR": "1"}, True, "full", False),
        ({"NO_COLOR": ""}, True, "full", True),
        ({"TERM": "dumb"}, True, "full", False),
        ({"FORCE_COLOR": "1"}, False, "concise", True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, True, "full", False),
        ({"GITHUB_ACTIONS": "true"}, False, "github", False),
        ({"GITHUB_ACTIONS": "false"}, False, "concise", False),
    ],
)
def test_format_and_colour_follow_the_environment(
    environment: dict[str, str], *, terminal: bool, format_: str, colour: bool
) -> None:
    name = reporters.choose(environment, terminal=terminal)
    assert name == format_
    settled = reporters.settle(Options(), name, ROOT, environment, terminal=terminal)
    assert settled.colour is colour
    plain = reporters.settle(Options(plain=True), name, ROOT, environment, terminal=terminal)
    assert plain.colour is False


def test_paths_are_relative_to_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = tmp_path / "work" / "corpus"
    inner.mkdir(parents=True)
    for here, given_, expected in (
        (inner, inner, ""),
        (tmp_path, inner, "work/corpus/"),
        (ROOT, inner, f"{inner.as_posix()}/"),
        (inner, Path("../corpus"), ""),
        (tmp_path / "work", Path("./corpus"), "corpus/"),
    ):
        monkeypatch.chdir(here)
        settled = reporters.settle(Options(), "concise", given_, {}, terminal=False)
        assert settled.prefix == expected
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    given_ = Path("../work/corpus")
    settled = reporters.settle(Options(), "concise", given_, {}, terminal=False)
    assert settled.prefix == "../work/corpus/"
    assert FORMATS["concise"](many(1), settled).startswith("../work/corpus/data/events.csv:2:5: ")


@pytest.mark.parametrize("prefix", ["../work/", "/srv/work/"])
def test_a_package_outside_annotates_no_file_of_the_checkout(prefix: str) -> None:
    shown = FORMATS["github"](many(1), Options(prefix=prefix))
    ((name, properties, message),) = commands(shown)
    assert (name, list(properties)) == ("error", ["title"])
    assert message.startswith(f"{prefix}data/events.csv:2:5\n")
    (result,) = sarif(many(1), Options(prefix=prefix))["results"]
    place = result["locations"][0]["physicalLocation"]["artifactLocation"]
    assert place == {"uri": Path(prefix, "data/events.csv").resolve().as_uri()}


@pytest.mark.parametrize("given_", [".", "../corpus"])
def test_a_package_outside_of_the_workspace_has_its_whole_path(
    given_: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The checkout may have files of the same names, wherever the command is run."""
    (tmp_path / "corpus").mkdir()
    (tmp_path / "checkout/data").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "corpus")
    environment = {"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": str(tmp_path / "checkout")}
    for name in ("github", "sarif"):
        settled = reporters.settle(Options(), name, Path(given_), environment, terminal=False)
        assert settled.prefix == f"{(tmp_path / 'corpus').as_posix()}/"
        assert settled.outside
    ((_, properties, message),) = commands(FORMATS["github"](many(1), settled))
    assert "file" not in properties
    assert message.startswith(f"{settled.prefix}data/events.csv:2:5\n")
    place = sarif(many(1), settled)["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": (tmp_path / "corpus/data/events.csv").as_uri()}


def test_a_line_break_in_the_name_of_a_file_is_escaped() -> None:
    shown = FORMATS["github"](many(1), Options(prefix="two\nlines\x1b/"))
    assert "file=two%0Alines<U+001B>/data/events.csv," in shown.split("\n")[0]


def test_a_summary_that_cannot_be_written_changes_no_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "none" / "summary.md"))
    code, out, err = run(capsys, ROOT, "--strict")
    assert (code, out.splitlines()[-1]) == (0, "passed: 0 errors, 0 warnings")
    summary = tmp_path / "none" / "summary.md"
    assert err.startswith(f"warning: cannot write the summary to {summary}: No such file")
    assert err.count("\n") == 1


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such shell")
def test_a_closed_stream_is_not_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "datapackage.json").write_text("{")
    for arguments, closed, status, said in (
        (["--format", "json"], ">&-", 2, "error: standard output is closed; use --output FILE"),
        ([], ">&-", 2, "error: standard output is closed; use --output FILE"),
        (["--output", str(tmp_path / "out")], ">&-", 1, ""),
        ([], "2>&-", 1, "datapackage.json:1:2: GD001"),
    ):
        ran = subprocess.run(
            ["sh", "-c", f'"$@" {closed}', "sh", sys.executable, "-m", "gazadata", "validate",
             str(tmp_path), *arguments],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert ran.returncode == status, ran.stderr
        assert (ran.stdout + ran.stderr).startswith(said) or said in ran.stdout
        assert "Traceback" not in ran.stdout + ran.stderr


# ------------------------------------------------------------------ writing
def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "report.txt"
    target.write_text("old")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="No space left"):
        reporters.emit(many(1), "full", Options(), target, {})
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_link_is_written_through(tmp_path: Path) -> None:
    target, link = tmp_path / "there.txt", tmp_path / "link.txt"
    target.write_text("old")
    link.symlink_to(target)
    reporters.emit(many(1), "concise", Options(), link, {})
    assert link.is_symlink()
    assert target.read_text("utf-8").endswith("checked\n")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no named pipes in folders")
def test_a_pipe_is_written_into_and_not_replaced(tmp_path: Path) -> None:
    """Nor is a device: renaming a file over /dev/null would break the machine.

    A pipe is used here so that a bug does no harm.
    """
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        reporters.emit(many(1), "concise", Options(), pipe, {})
        assert pipe.is_fifo()
        assert os.read(reader, 65_536).endswith(b"checked\n")
    finally:
        os.close(reader)


def test_a_folder_is_not_an_output(tmp_path: Path) -> None:
    with pytest.raises(GazadataError, match="is a folder"):
        reporters.check_output(tmp_path, ROOT)


@pytest.mark.parametrize(
    ("output", "link"),
    [
        ("datapackage.json", ""),
        ("data/events.csv", ""),
        ("data/report.txt", ""),
        ("raw/../schemas/events.json", ""),
        ("reference/plover/report.txt", ""),
        ("things.csv", ""),
        ("things.json", ""),
        ("retired.csv", ""),
        ("elsewhere.txt", "things.csv"),
        ("elsewhere", "raw"),
    ],
)
@pytest.mark.parametrize("readable", [True, False])
def test_a_report_overwrites_no_part_of_the_package(
    output: str,
    link: str,
    *,
    readable: bool,
    package_copy: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    root = package_copy
    (root / "reference/plover").mkdir()
    descriptor = json.loads((root / "datapackage.json").read_bytes())
    descriptor["resources"].append(
        {"name": "things", "path": "things.csv", "schema": "things.json"}
    )
    (root / "datapackage.json").write_text(json.dumps(descriptor))
    (root / "things.csv").write_text("a")
    (root / "things.json").write_text("{}" if readable else "{")
    target = root / output
    if link:
        target.symlink_to(root / link)
        target = target / "report.txt" if link == "raw" else target
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    code, _, err = run(capsys, str(root), "--output", str(target))
    assert code == 2
    assert "is part of the package" in err
    assert before == {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize("output", ["report.txt", "dist/report.txt", "database/report.txt"])
def test_a_report_may_be_next_to_the_parts_of_the_package(output: str, package_copy: Path) -> None:
    (package_copy / output).parent.mkdir(exist_ok=True)
    reporters.check_output(package_copy / output, package_copy)
    (package_copy / output).write_text("of an earlier run")
    reporters.check_output(package_copy / output, package_copy)


def test_machine_formats_are_utf8_whatever_the_terminal_uses(tmp_path: Path) -> None:
    code = (
        "from gazadata.validate import Count, Diagnostic, Report, reporters\n"
        "d = Diagnostic('GD203', 'm', 'data/a.csv', found='漢€')\n"
        "report = Report('x', '1', [d], {'GD203': Count(1, 'cells', 1)})\n"
        "import sys\n"
        "reporters.emit(report, sys.argv[1], reporters.Options(), None, {})"
    )
    for name, encoding in (("json", "utf-8"), ("junit", "utf-8"), ("concise", "latin-1")):
        ran = subprocess.run(
            [sys.executable, "-c", code, name],
            capture_output=True,
            check=True,
            env={**os.environ, "PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0"},
        )
        said = ran.stdout.decode(encoding)
        assert ("漢€" if encoding == "utf-8" else r"\u6f22\u20ac") in said
