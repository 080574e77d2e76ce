"""The tables of a package as an Excel workbook."""

from __future__ import annotations

import datetime
import errno
import os
import re
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from gazadata.contract import Resource
from gazadata.display import page_link
from gazadata.errors import GazadataError, extra
from gazadata.package import Package
from gazadata.release.files import free_name
from gazadata.tables.arrow import rows_of

with extra("openpyxl", "export"):
    import openpyxl
    from openpyxl import Workbook
    from openpyxl.cell import Cell, WriteOnlyCell
    from openpyxl.comments import Comment
    from openpyxl.styles import Alignment, Font
    from openpyxl.utils import get_column_letter

# What a worksheet can hold ("Excel specifications and limits", support.microsoft.com).
SHEET_ROWS, CELL_CHARACTERS, SHEET_NAME = 1_048_576, 32_767, 31
EXACT_INTEGER = 2**53
WIDEST = 60
# What XML 1.0 cannot hold (https://www.w3.org/TR/xml/, 2.2).
NOT_IN_XML = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x{fffe}\x{ffff}]"
# The beginning of an escape, which Excel would show as a character (ECMA-376, part 1, 22.9.2.19).
ESCAPE = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
# Excel's calendar begins in 1900 and has a 29 February in that year.
FIRST_DATE = datetime.date(1900, 3, 1)


def write_workbook(package: Package, file: Path) -> None:
    """Write the tables into a new workbook.

    Raises:
        GazadataError: Excel cannot hold them.
        OSError: the file cannot be written.
    """
    contract = package.contract
    lxml_errors: tuple[type[Exception], ...] = ()
    if openpyxl.LXML:
        # openpyxl then writes with lxml, which has its own errors for a full disk.
        from lxml.etree import LxmlError

        lxml_errors = (LxmlError,)
    for resource in contract.resources.values():
        _check_sheet(resource, package.table(resource.name))
    plain = file.with_name("plain.xlsx")
    book = openpyxl.Workbook(write_only=True)
    try:
        _about(book, package)
        for resource in contract.resources.values():
            _sheet(book, resource, package.table(resource.name))
        book.properties.creator = contract.name
        book.properties.title = contract.title
        book.properties.version = contract.version
        book.save(plain)
    except BaseException as error:
        _let_go(book)
        if not isinstance(error, lxml_errors):
            raise
        code = getattr(errno, str(error).removeprefix("IO_"), None)
        raise OSError(code or errno.EIO, os.strerror(code) if code else str(error)) from None
    _without_times(plain, file, str(contract.descriptor.get("created", "1980-01-01T00:00:00Z")))


def _let_go(book: Workbook) -> None:
    """Close unfinished sheets, for which the garbage collector would print errors."""
    sheet: Any
    for sheet in book.worksheets:
        for generator in (sheet._rows, sheet._writer and sheet._writer.xf):
            with suppress(Exception):
                generator.close()


def _check_sheet(resource: Resource, table: pa.Table) -> None:
    """Refuse what Excel cannot hold: openpyxl would cut off long text."""
    instead = "export to sqlite or duckdb instead"
    if len(resource.name) > SHEET_NAME or table.num_rows >= SHEET_ROWS:
        raise GazadataError(
            f"{resource.name}: an Excel sheet can have at most {SHEET_ROWS} rows and a name of at "
            f"most {SHEET_NAME} characters; {instead}"
        )
    for field in resource.fields:
        column, where = table[field.name], f"{resource.name}.{field.name}"
        if field.type != "string":
            continue
        if (pc.max(pc.utf8_length(column)).as_py() or 0) > CELL_CHARACTERS:
            raise GazadataError(
                f"{where}: an Excel cell can have at most {CELL_CHARACTERS} characters; {instead}"
            )
        wrong = column.filter(pc.match_substring_regex(column, NOT_IN_XML))
        if len(wrong):
            raise GazadataError(
                f"{where}: Excel cannot store the control character in {wrong[0].as_py()!r}; "
                f"{instead}"
            )


def _about(book: Workbook, package: Package) -> None:
    """The first sheet, which describes the workbook and its other sheets."""
    contract = package.contract
    descriptor = contract.descriptor
    licences = contract.objects("licenses")
    sheet = book.create_sheet(free_name("About", contract.resources))
    for letter, width in (("A", 18), ("B", 100), ("C", 10)):
        sheet.column_dimensions[letter].width = width
    lines: list[tuple[Any, ...]] = [
        ("Title", contract.title),
        ("Version", contract.version),
        ("Date", str(descriptor.get("created", ""))[:10]),
        ("About", str(descriptor.get("description", ""))),
        ("Licence", "; ".join(str(part.get("title", part.get("name"))) for part in licences)),
        ("Read only", "A copy for reading: make changes in the package that it was exported from."),
        ("Page", f"The release's page shows a row of a sheet at {page_link('SHEET', 'KEY')}."),
        (),
        ("Sheet", "Content", "Rows"),
    ]
    lines += [
        (resource.name, resource.description, package.table(resource.name).num_rows)
        for resource in contract.resources.values()
    ]
    for line in lines:
        cells = [WriteOnlyCell(sheet, _escaped(v) if isinstance(v, str) else v) for v in line]
        for number, cell in enumerate(cells):
            cell.alignment = Alignment(wrap_text=True, vertical="top")
            cell.font = Font(bold=line[0] == "Sheet" or (len(line) == 2 and number == 0))
            if cell.data_type != "n":
                cell.data_type = "s"
        sheet.append(cells)


def _widths(resource: Resource, table: pa.Table) -> Iterator[float]:
    """The width of each column in characters, enough for most of its cells."""
    for field in resource.fields:
        lengths = pc.utf8_length(table[field.name].cast("string")).drop_null()
        usual = pc.quantile(lengths, 0.9)[0].as_py() if len(lengths) else 0
        # The arrow of the filter covers the end of the name.
        yield min(max(len(field.name) + 4, usual + 2), WIDEST)


def _sheet(book: Workbook, resource: Resource, table: pa.Table) -> None:
    sheet = book.create_sheet(resource.name)
    sheet.freeze_panes = "A2"
    last = get_column_letter(len(resource.fields))
    sheet.auto_filter.ref = f"A1:{last}{table.num_rows + 1}"
    for number, width in enumerate(_widths(resource, table), start=1):
        sheet.column_dimensions[get_column_letter(number)].width = width
    header = []
    for field in resource.fields:
        cell = WriteOnlyCell(sheet, _escaped(field.name))
        cell.font = Font(bold=True)
        cell.comment = Comment(_escaped(field.description), "gazadata", height=120, width=300)
        header.append(cell)
    sheet.append(header)
    for row in rows_of(table):
        sheet.append([_cell(sheet, value) for value in row])


def _cell(sheet: Any, value: Any) -> Cell | None:
    if value is None:
        return None
    if isinstance(value, datetime.date) and value < FIRST_DATE:
        value = value.isoformat()
    if isinstance(value, int) and abs(value) > EXACT_INTEGER:
        value = str(value)
    if isinstance(value, str):
        value = _escaped(value)
    cell = WriteOnlyCell(sheet, value)
    if isinstance(value, str):
        # Text, even if it looks like a formula or an error, and even after editing.
        cell.data_type = "s"
        cell.number_format = "@"
    return cell


def _escaped(text: str) -> str:
    """Text that Excel shows as `text`."""
    return ESCAPE.sub("_x005F_", text)


def _without_times(plain: Path, file: Path, created: str) -> None:
    """Copy a workbook, replacing the time at which it was saved by the package's date."""
    times = re.compile(rb"(<dcterms:(?:created|modified)[^>]*>)[^<]*")
    with zipfile.ZipFile(plain) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "docProps/core.xml":
                content = times.sub(rb"\g<1>" + created.encode("ascii"), content)
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o100644 << 16
            new.writestr(entry, content)
