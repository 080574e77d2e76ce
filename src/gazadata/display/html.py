"""Rendering templates as HTML, with every value escaped."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment


_BEFORE_BLOCK = re.compile(
    r"\n+(?=</?(?:d[dlt]|details|div|h\d|li|p|path|rect|section|t[dhr]|table|tbody|text|thead|ul)\b)"
)

_ASSET = re.compile(r"(<style>.*?</style>|<script>.*?</script>)", re.DOTALL)
"""A style sheet or a script, which must not change, since the page names its hash."""


@cache
def environment() -> Environment:
    """The templates of this package."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("gazadata.display"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters["thousands"] = lambda number: f"{number:,}"
    return made


def render(template: str, **values: Any) -> str:
    """Render a template of this package."""
    parts = _ASSET.split(environment().get_template(template).render(**values))
    # Line breaks between blocks are not shown, and no attribute uses single quotes.
    parts[::2] = [_BEFORE_BLOCK.sub("", part).replace("&#39;", "'") for part in parts[::2]]
    return "".join(parts)


def asset(name: str) -> str:
    """The text of the style sheet or the script."""
    return files("gazadata.display").joinpath("templates", name).read_text(encoding="utf-8")
