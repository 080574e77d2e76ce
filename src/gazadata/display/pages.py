"""The pages of a package: one; or, if it is large, an index and one for each source."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from gazadata import atomic
from gazadata.display import PAGE
from gazadata.display.html import asset, render
from gazadata.display.page import csp_hash, page, title_of
from gazadata.display.record import Record
from gazadata.errors import PageError

if TYPE_CHECKING:
    from gazadata.dataset import Dataset

LARGEST_PAGE = 450_000
"""The most bytes of tables for one page, which is about as large."""

LARGEST = 5_000_000
"""The most bytes of tables for which pages show rows at all."""

SHOWN_FINDINGS = 50


def write_page(dataset: Dataset, out: Path, *, draft: bool = False) -> Path:
    """Write the page of a data package into the file `out`.

    If one page would be too large to read, `out` is an index, and the page of each source is
    written next to it: `out-1.html`, `out-2.html` and so on.

    Args:
        dataset: the package.
        out: the file.
        draft: write it even if the package does not validate, with the findings at their cells.

    Returns:
        The file.

    Raises:
        PageError: the package does not validate, and `draft` is false.
        ReadError: a table or a text cannot be read.
        MissingExtra: the extra `validate` is not installed.
        OSError: the file cannot be written.
    """
    from gazadata.validate import validate
    from gazadata.validate.reporters.common import faults, one_line

    report = validate(dataset.package.root)
    if not report.ok() and not draft:
        first = next((d for d in report.diagnostics if d.severity == "error"), None)
        shown = [f"  {first.path}:{first.line or 1}: {first.code} {first.message}"] if first else []
        raise PageError(
            "\n".join(
                [
                    f"{faults(report)}, so no page was written",
                    *shown,
                    *(f"  {failure}" for failure in report.failures),
                    "see them all with `gazadata validate`, or on a page with --draft",
                ]
            )
        )
    record = Record(dataset)
    said: list[str] = []
    for one in report.diagnostics if draft else ():
        if one.severity != "error":
            continue
        sentence = f"{one.code} {one_line(one)}"
        about = (one.about or "").split("/")
        if len(about) != 3:
            about = [one.resource or "", one.row_id or "", one.field or ""]
        record.findings.setdefault((about[0], about[1], about[2]), []).append(sentence)
        said.append(f"{one.path}:{one.line or 1}: {sentence}")
    found = {"errors": report.errors, "said": said[:SHOWN_FINDINGS]} if said else None
    for name, content in _pages(record, out.name, found).items():
        atomic.replace(out.with_name(name), content.encode("utf-8"), durable=False)
    return out


def release_pages(dataset: Dataset) -> dict[str, bytes]:
    """The pages of a release, which is known to validate, by file name."""
    pages = _pages(Record(dataset), PAGE)
    return {name: content.encode("utf-8") for name, content in pages.items()}


def _pages(record: Record, name: str, draft: dict[str, Any] | None = None) -> dict[str, str]:
    size = sum(_sizes(record.dataset).values())
    if size > LARGEST:
        return {name: _index(record.dataset)}
    if size <= LARGEST_PAGE or len(record.held) < 2:
        return {name: page(record, draft)}
    stem, _, suffix = name.rpartition(".")
    parts = {
        f"{stem}-{at}.{suffix}": record.part(source, name)
        for at, source in enumerate(record.held, start=1)
    }
    return {name: _index(record.dataset, parts)} | {
        file: page(part, draft) for file, part in parts.items()
    }


def _sizes(dataset: Dataset) -> dict[str, int]:
    package = dataset.package
    return {name: package.path(name).stat().st_size for name in package.contract.resources}


def _index(dataset: Dataset, parts: dict[str, Record] | None = None) -> str:
    """An index of the pages with the rows on each, or of the tables if there are no pages."""
    contract = dataset.package.contract
    title, description = title_of(contract)
    css = asset("page.css")
    return render(
        "index.html.j2",
        css=css,
        css_hash=csp_hash(css),
        name=contract.name,
        version=contract.version,
        title=title,
        description=description,
        citation=dataset.cite(),
        parts=parts,
        sizes=_sizes(dataset),
        resources=contract.resources,
    )
