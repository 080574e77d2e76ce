"""The registry of rules: each module registers the texts of the rules that it implements.

Codes: GD0 package, GD1 files, GD2 tables, GD3 provenance, GD4 semantics.
`gazadata rule` prints the texts, and docs/rules.md is generated from them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Rule:
    """A rule: its texts, the `unit` that its checks count, and how severe its findings are."""

    code: str
    title: str
    reason: str
    example: str
    remedy: str
    unit: str = "rows"
    severity: Severity = "error"


RULES: dict[str, Rule] = {}
"""The rules of the modules imported so far, by code; `validate.all_rules` returns all of them."""


def rule(
    code: str,
    *,
    title: str,
    reason: str,
    example: str,
    remedy: str,
    unit: str = "rows",
    severity: Severity = "error",
) -> None:
    """Register a rule above the function that implements it.

    Args:
        code: `GD0` to `GD4` for its layer, and two more digits.
        title: the problem.
        reason: why it matters.
        example: something that breaks the rule.
        remedy: how to fix it.
        unit: what its checks count, in the plural.
        severity: whether a finding fails the validation (`warning`: only with `--strict`).

    Raises:
        ValueError: another rule has this code.
    """
    if code in RULES:
        raise ValueError(f"two rules have the code {code}")
    RULES[code] = Rule(code, title, reason, example, remedy, unit, severity)
