"""The rules as text: one rule, the list of all, and docs/rules.md."""

from __future__ import annotations

from gazadata.errors import UnknownName
from gazadata.validate import all_rules
from gazadata.validate.reporters.common import LAYERS

REGENERATE = "gazadata rule --markdown > docs/rules.md"


def rule_text(code: str) -> str:
    """One rule: code, title, severity, reason, example, remedy.

    Raises:
        UnknownName: the rule does not exist; the text suggests the nearest.
    """
    rules = all_rules()
    rule = rules.get(code.upper())
    if rule is None:
        raise UnknownName("rule", code, list(rules))
    return (
        f"{rule.code}: {rule.title}\n\n"
        f"severity:  {rule.severity}\n"
        f"checks:    {rule.unit}\n"
        f"reason:    {rule.reason}\n"
        f"example:   {rule.example}\n"
        f"remedy:    {rule.remedy}\n"
    )


def rules_text() -> str:
    """All rules, one per line."""
    return "".join(f"{r.code}  {r.severity:<7}  {r.title}\n" for r in all_rules().values())


def rules_markdown() -> str:
    """All rules, as in docs/rules.md."""
    parts = [
        "# Validation rules\n",
        f"<!-- Generated from src/gazadata/validate: {REGENERATE} -->\n",
        "`gazadata validate` checks a package against these rules; `gazadata rule GD203` prints "
        "one. Errors fail the validation; warnings do so with `--strict`.\n",
    ]
    for start, layer in LAYERS.items():
        parts.append(f"## {layer.capitalize()} ({start}xx)\n")
        for rule in all_rules().values():
            if rule.code.startswith(start):
                parts.append(
                    f"### {rule.code}: {_text(rule.title)}\n\n"
                    f"{_text(rule.reason)}\n\n"
                    f"- Severity: {rule.severity}\n"
                    f"- Checks: {rule.unit}\n"
                    f"- Example: {_text(rule.example)}\n"
                    f"- Remedy: {_text(rule.remedy)}\n"
                )
    return "\n".join(parts)


def _text(text: str) -> str:
    """Text with its markup escaped, except in backticks, which are code."""
    pieces = text.split("`")
    return "`".join(
        piece if n % 2 else piece.replace("_", "\\_").replace("*", "\\*").replace("<", "&lt;")
        for n, piece in enumerate(pieces)
    )
