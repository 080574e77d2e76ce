"""Displays of the record: as a page, in notebooks, and as figures."""

from urllib.parse import quote

PAGE = "index.html"
"""The page of a release, in its folder."""


def page_link(resource: str, row_id: str, page: str = PAGE) -> str:
    """The link to a row, a quote or a passage on the page of a release.

    Args:
        resource: a table, such as events, quotes or passages.
        row_id: the primary key of a row.
        page: the file of the page; by default that of a release.
    """
    return f"{quote(page)}#{quote(f'{resource}.{row_id}', safe='-._~')}"
