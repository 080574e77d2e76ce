"""The formats for machines: json, sarif and junit."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from importlib import metadata
from typing import Any
from urllib.parse import quote

from gazadata.curate.canonical import quoted
from gazadata.validate import Rule, all_rules
from gazadata.validate.diagnostics import LONGEST, Count, Diagnostic, Report
from gazadata.validate.reporters.common import (
    LAYERS,
    Options,
    amount,
    failures,
    notes,
    one_line,
    owner,
    plural,
    position,
    visible,
)
from gazadata.validate.reporters.excerpt import span_of
from gazadata.validate.split import split_line

FORMAT = "gazadata-report/1"
"""Changes whenever report.schema.json does."""

SARIF_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
FINGERPRINT = "gazadata/v1"

_INTERNAL = ("at", "elsewhere", "refers_to", "mistake", "rests_on")

_EXPECTED_IS_VALUE = ("GD109", "GD111", "GD322", "GD335")
"""Rules that allow exactly one value, whatever the coder meant."""


def as_json(report: Report, options: Options) -> str:
    """The whole report under report.schema.json; paths are relative to the package."""
    totals = report.totals
    counts = {}
    for code, rule in all_rules().items():
        count = report.counts.get(code, Count(0, rule.unit))
        counts[code] = {
            "checked": count.checked,
            "unit": count.unit,
            "found": totals.get(code, 0),
            "severity": rule.severity,
            "title": rule.title,
        }
    document = {
        "format": FORMAT,
        "package": report.package,
        "version": report.version,
        "ok": report.ok(strict=options.strict),
        "strict": options.strict,
        "errors": report.errors,
        "warnings": report.warnings,
        "findings": [_finding(d) for d in report.diagnostics],
        "findings_left_out": report.errors + report.warnings - len(report.diagnostics),
        "counts": counts,
        "rows": report.rows,
        "failures": report.failures,
        "notes": report.notes,
    }
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _finding(d: Diagnostic) -> dict[str, Any]:
    """A finding without the attributes that only serve to locate and merge it."""
    finding = asdict(d)
    return {name: value for name, value in finding.items() if name not in _INTERNAL}


def sarif(report: Report, options: Options) -> str:
    """SARIF 2.1.0, for code scanning and editors."""
    twins: Counter[str] = Counter()
    results = []
    for d in report.diagnostics:
        digest = fingerprint(d)
        twins[digest] += 1
        results.append(_result(d, f"{digest}:{twins[digest]}", report, options))
    driver: dict[str, Any] = {"name": "gazadata", "fullName": "gazadata validate"}
    # Code that was copied, not installed, has no version.
    with suppress(metadata.PackageNotFoundError):
        driver["version"] = metadata.version("gazadata")
    driver["rules"] = [_rule(rule) for rule in all_rules().values()]
    notifications = [
        {"level": level, "message": {"text": visible(text) or "-"}}
        for level, texts in (("error", failures(report)), ("note", notes(report)))
        for text in texts
    ]
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {
            "%SRCROOT%": {"description": {"text": "The folder that all paths are relative to."}}
        },
        "invocations": [
            {
                "executionSuccessful": not failures(report),
                "toolExecutionNotifications": notifications,
            }
        ],
        "results": results,
        "properties": {
            "package": report.package,
            "version": report.version,
            "counts": {code: asdict(count) for code, count in report.counts.items()},
        },
    }
    document = {"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def fingerprint(d: Diagnostic) -> str:
    """A hash of a finding that stays the same when lines move."""
    parts = [d.code, d.path, d.resource, d.row_id, d.field, d.found]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def _rule(rule: Rule) -> dict[str, Any]:
    def text(label: str) -> str:
        return f"{rule.reason}\n\n{label} {rule.example}\n\n{rule.remedy}"

    return {
        "id": rule.code,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.reason},
        "help": {"text": text("Example:"), "markdown": text("**Example:**")},
        "defaultConfiguration": {"level": rule.severity},
        "properties": {"tags": [_layer(rule.code)]},
    }


def _result(d: Diagnostic, mark: str, report: Report, options: Options) -> dict[str, Any]:
    pointed = span_of(d, report)
    end = pointed[1][1] + 1 if pointed else None
    location: dict[str, Any] = {
        "physicalLocation": _physical(d.path, d.line, d.column, end, options)
    }
    if name := "/".join(part for part in (d.resource, d.row_id, d.field) if part):
        location["logicalLocations"] = [{"fullyQualifiedName": name}]
    text = one_line(d) + (f"\n{visible(d.help)}" if d.help else "")
    result: dict[str, Any] = {
        "ruleId": d.code,
        "ruleIndex": list(all_rules()).index(d.code),
        "level": d.severity,
        "message": {"text": _message(text)},
        "locations": [location],
        # GitHub reads only the second name, other tools any.
        "partialFingerprints": {FINGERPRINT: mark, "primaryLocationLineHash": mark},
    }
    if d.related:
        result["relatedLocations"] = [
            {
                "id": n,
                "message": {"text": "see also"},
                "physicalLocation": _physical(
                    place.path, place.line, place.start + 1, place.end + 1, options
                ),
            }
            for n, place in enumerate(d.related)
        ]
    if (cell := fixed_cell(d, report)) is not None and end is not None:
        region = {"startLine": d.line, "startColumn": d.column, "endColumn": end}
        replacement = {"deletedRegion": region, "insertedContent": {"text": quoted(cell)}}
        change = {"artifactLocation": _artifact(d.path, options), "replacements": [replacement]}
        said = _message(f"replace with “{visible(cell)}”")
        result["fixes"] = [{"description": {"text": said}, "artifactChanges": [change]}]
    return result


def fixed_cell(d: Diagnostic, report: Report) -> str | None:
    """The value that a cell of a CSV file should have, if there is only one."""
    pointed = span_of(d, report)
    if not pointed or not d.path.endswith(".csv") or not d.field or d.line in (None, 1):
        return None
    line, (start, end) = pointed
    if d.code in _EXPECTED_IS_VALUE:
        return d.expected if d.expected is not None and len(d.expected) < LONGEST else None
    # A suggestion replaces what was found, which may be only part of the cell.
    is_whole = d.found is not None and split_line(line[start:end]) == [d.found]
    return d.suggestion if is_whole else None


def _message(text: str) -> str:
    # A cell's text must not turn into a link, such as [words](1), or a placeholder, such as {0}.
    return text.replace("](", "] (").replace("{", "{{").replace("}", "}}")


def _artifact(path: str, options: Options) -> dict[str, str]:
    raw = options.prefix + path
    if options.outside:
        return {"uri": f"file://{quote(os.path.abspath(raw).encode('utf-8', 'backslashreplace'))}"}
    uri = quote(raw.encode("utf-8", "backslashreplace")).lstrip("/") or "."
    return {"uri": uri, "uriBaseId": "%SRCROOT%"}


def _physical(
    path: str, line: int | None, column: int | None, end: int | None, options: Options
) -> dict[str, Any]:
    physical: dict[str, Any] = {"artifactLocation": _artifact(path, options)}
    if line is not None and line > 0:
        region = {"startLine": line}
        if column is not None and column > 0:
            region["startColumn"] = column
            if end is not None and end >= column:
                region["endColumn"] = end
        physical["region"] = region
    return physical


def junit(report: Report, options: Options) -> str:
    """JUnit XML: a suite per layer, a test case per rule, an error per check that could not run."""
    from xml.etree import ElementTree as ET

    root = ET.Element("testsuites", name=f"gazadata validate {visible(report.package)}")
    for start, layer in LAYERS.items():
        suite = ET.SubElement(root, "testsuite", name=layer)
        for code, rule in all_rules().items():
            if code.startswith(start):
                _case(suite, rule, report, options)
    suite = ET.SubElement(root, "testsuite", name="run")
    for n, failure in enumerate(failures(report), start=1):
        case = ET.SubElement(suite, "testcase", classname="gazadata.run", name=f"could not run {n}")
        ET.SubElement(case, "error", type="failure", message=visible(failure))
    if not failures(report):
        ET.SubElement(suite, "testcase", classname="gazadata.run", name="all checks ran")
    if report.notes:
        out = ET.SubElement(suite, "system-out")
        out.text = "\n".join(f"note: {visible(note)}" for note in report.notes)
    for element in (*root, root):
        for attribute, tag in _SUMS:
            element.set(attribute, str(sum(1 for _ in element.iter(tag))))
    ET.indent(root)
    text = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


_SUMS = (
    ("tests", "testcase"),
    ("failures", "failure"),
    ("errors", "error"),
    ("skipped", "skipped"),
)


def _case(suite: Any, rule: Rule, report: Report, options: Options) -> None:
    from xml.etree import ElementTree as ET

    found = report.totals.get(rule.code, 0)
    kept = [d for d in report.diagnostics if d.code == rule.code]
    count = report.counts.get(rule.code, Count(0, rule.unit))
    case = ET.SubElement(
        suite,
        "testcase",
        classname=f"gazadata.{_layer(rule.code)}",
        name=f"{rule.code}: {rule.title}",
    )
    lines = list(_lines(kept, found, options))
    fails = rule.severity == "error" or any(d.severity == "error" for d in kept)
    if found and (fails or options.strict):
        message = f"{plural(found, 'finding')}: {rule.title}"
        failure = ET.SubElement(case, "failure", type=rule.code, message=message)
        failure.text = "\n".join(lines)
        lines = []
    elif not count.checked and not found:
        ET.SubElement(case, "skipped", message="nothing to check")
    out = ET.SubElement(case, "system-out")
    said = f"{amount(count.checked, count.unit)} checked, {plural(found, 'finding')}"
    out.text = "\n".join([said, *lines])


def _lines(kept: list[Diagnostic], found: int, options: Options) -> Iterator[str]:
    for d in kept:
        names = f" ({', '.join(owner(d))})" if owner(d) else ""
        yield f"{position(d, options)}: {one_line(d)}{names}"
    if found > len(kept):
        yield f"and {found - len(kept):,} more"


def _layer(code: str) -> str:
    return LAYERS[code[:3]]
