"""Templates to HTML: one environment in which every value is escaped."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment

    from gazadata.display.figures import Figure


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
    return environment().get_template(template).render(**values)


def asset(name: str) -> str:
    """The style sheet or the script, as it is written into a page."""
    return files("gazadata.display").joinpath("templates", name).read_text(encoding="utf-8")


def figure_html(figure: Figure) -> str:
    """A picture in a frame of its own, so that its style touches nothing else in a notebook."""
    return render("figure.html.j2", figure=figure)
