"""The formats for machines: json, sarif and junit."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from dataclasses import asdict
from typing import Any
from urllib.parse import quote

from gazadata.validate.diagnostics import Count, Diagnostic, Report
from gazadata.validate.reporters.common import (
    LAYERS,
    Options,
    amount,
    idle_line,
    one_line,
    owner,
    passed,
    position,
    visible,
)
from gazadata.validate.rules import RULES, Rule

FORMAT = "gazadata-report/1"
"""Changes whenever report.schema.json does."""

SARIF_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
FINGERPRINT = "gazadata/v1"


def as_json(report: Report, options: Options) -> str:
    """The whole report under report.schema.json; paths are those in the package."""
    errors, warnings = report.errors, report.warnings
    found = report.totals
    counts = {}
    for code, rule in RULES.items():
        count = report.counts.get(code, Count(0, rule.unit))
        counts[code] = {
            "checked": count.checked,
            "unit": count.unit,
            "found": found.get(code, 0),
            "severity": rule.severity,
            "title": rule.title,
        }
    document = {
        "format": FORMAT,
        "package": report.package,
        "version": report.version,
        "ok": passed(report, options),
        "strict": options.strict,
        "errors": errors,
        "warnings": warnings,
        "findings": [_finding(d) for d in report.diagnostics],
        "findings_left_out": errors + warnings - len(report.diagnostics),
        "counts": counts,
        "rows": report.rows,
        "failures": report.failures,
        "notes": report.notes,
    }
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _finding(d: Diagnostic) -> dict[str, Any]:
    """A finding without what only its place, and what it follows from, are found by."""
    said = asdict(d)
    del said["at"], said["relies"], said["elsewhere"]
    return said


def sarif(report: Report, options: Options) -> str:
    """SARIF 2.1.0, for code scanning and editors."""
    index = {code: n for n, code in enumerate(RULES)}
    twins: Counter[str] = Counter()
    results = []
    for d in report.diagnostics:
        digest = fingerprint(d)
        twins[digest] += 1
        results.append(_result(d, index[d.code], f"{digest}:{twins[digest]}", options))
    notifications = [("error", failure) for failure in report.failures]
    if not report.looked:
        notifications.append(("error", "nothing was looked at"))
    notifications += [("note", note) for note in report.notes]
    if idle := idle_line(report):
        notifications.append(("note", idle))
    run = {
        "tool": {
            "driver": {
                "name": "gazadata",
                "fullName": "gazadata validate",
                "rules": [_rule(rule) for rule in RULES.values()],
            }
        },
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {
            "%SRCROOT%": {"description": {"text": "The folder that all paths start from."}}
        },
        "invocations": [
            {
                "executionSuccessful": bool(report.looked and not report.failures),
                "toolExecutionNotifications": [
                    {"level": level, "message": {"text": visible(text) or "-"}}
                    for level, text in notifications
                ],
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
    """What stays the same for the same finding when lines move."""
    parts = [d.code, d.path, d.resource, d.row_id, d.field, d.found]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def _rule(rule: Rule) -> dict[str, Any]:
    text = f"{rule.reason}\n\nFor example: {rule.example}\n\n{rule.remedy}"
    return {
        "id": rule.code,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.reason},
        "help": {
            "text": text,
            "markdown": f"{rule.reason}\n\n**For example:** {rule.example}\n\n{rule.remedy}",
        },
        "defaultConfiguration": {"level": rule.severity},
        "properties": {"tags": [_layer(rule.code)]},
    }


def _result(d: Diagnostic, index: int, mark: str, options: Options) -> dict[str, Any]:
    location: dict[str, Any] = {
        "physicalLocation": _physical(d.path, d.line, d.column, None, options)
    }
    name = "/".join(part for part in (d.resource, d.row_id, d.field) if part)
    if name:
        location["logicalLocations"] = [{"fullyQualifiedName": name}]
    text = one_line(d)
    if d.help:
        text += f"\n{visible(d.help)}"
    # What a cell holds must become neither a link, as [words](1) would, nor a placeholder, as {0}.
    text = text.replace("](", "] (").replace("{", "{{").replace("}", "}}")
    result: dict[str, Any] = {
        "ruleId": d.code,
        "ruleIndex": index,
        "level": d.severity,
        "message": {"text": text},
        "locations": [location],
        # GitHub knows a finding again by this name alone, other tools by any.
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
    return result


def _physical(
    path: str, line: int | None, column: int | None, end: int | None, options: Options
) -> dict[str, Any]:
    raw = options.prefix + path
    if options.elsewhere:
        at = f"file://{quote(os.path.abspath(raw).encode('utf-8', 'backslashreplace'))}"
        physical: dict[str, Any] = {"artifactLocation": {"uri": at}}
    else:
        at = quote(raw.encode("utf-8", "backslashreplace")).lstrip("/") or "."
        physical = {"artifactLocation": {"uri": at, "uriBaseId": "%SRCROOT%"}}
    if line is not None and line > 0:
        region = {"startLine": line}
        if column is not None and column > 0:
            region["startColumn"] = column
            if end is not None and end >= column:
                region["endColumn"] = end
        physical["region"] = region
    return physical


def junit(report: Report, options: Options) -> str:
    """JUnit XML: a test case for each rule, a suite for each layer, an error for each failure."""
    from xml.etree import ElementTree as ET

    found = report.totals
    root = ET.Element("testsuites", name=f"gazadata validate {visible(report.package)}")
    for start, layer in LAYERS.items():
        suite = ET.SubElement(root, "testsuite", name=layer)
        for code, rule in RULES.items():
            if code.startswith(start):
                _case(suite, rule, report, found.get(code, 0), options)
    suite = ET.SubElement(root, "testsuite", name="run")
    troubles = [*report.failures, *(() if report.looked else ("nothing was looked at",))]
    for n, failure in enumerate(troubles, start=1):
        case = ET.SubElement(suite, "testcase", classname="gazadata.run", name=f"could not run {n}")
        ET.SubElement(case, "error", type="failure", message=visible(failure))
    if not troubles:
        ET.SubElement(suite, "testcase", classname="gazadata.run", name="every layer ran")
    if report.notes:
        said = ET.SubElement(suite, "system-out")
        said.text = "\n".join(f"note: {visible(note)}" for note in report.notes)
    sums: Counter[str] = Counter()
    for suite in root:
        for attribute, path in (
            ("tests", "testcase"),
            ("failures", "testcase/failure"),
            ("errors", "testcase/error"),
            ("skipped", "testcase/skipped"),
        ):
            number = len(suite.findall(path))
            suite.set(attribute, str(number))
            sums[attribute] += number
    for attribute in ("tests", "failures", "errors"):
        root.set(attribute, str(sums[attribute]))
    ET.indent(root)
    text = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _case(suite: Any, rule: Rule, report: Report, found: int, options: Options) -> None:
    from xml.etree import ElementTree as ET

    kept = [d for d in report.diagnostics if d.code == rule.code]
    count = report.counts.get(rule.code, Count(0, rule.unit))
    case = ET.SubElement(
        suite,
        "testcase",
        classname=f"gazadata.{_layer(rule.code)}",
        name=f"{rule.code}: {rule.title}",
    )
    lines = [
        f"{position(d, options)}: {one_line(d)}" + (f" ({', '.join(owner(d))})" if owner(d) else "")
        for d in kept
    ]
    if found > len(kept):
        lines.append(f"and {found - len(kept):,} more")
    grave = rule.severity == "error" or any(d.severity == "error" for d in kept)
    if found and (grave or options.strict):
        failure = ET.SubElement(
            case, "failure", type=rule.code, message=f"{found:,} found: {rule.title}"
        )
        failure.text = "\n".join(lines)
        lines = []
    elif not count.checked and not found:
        ET.SubElement(case, "skipped", message="nothing to look at")
    said = ET.SubElement(case, "system-out")
    said.text = "\n".join(
        [f"{amount(count.checked, count.unit)} looked at, {found:,} found", *lines]
    )


def _layer(code: str) -> str:
    return LAYERS[code[:3]]
