"""Compare cells that were looked up with the files in reference/.

The note of evidence of basis reference begins `Row NAME of reference/FILE.csv`. A row's name is its
first cell. For an actor it must be one of the actor's names, or the note goes on to explain why it
is not. The files are not tables of the package: they are read as they are, and only if a note names
them. The row of a reference in sources is not looked up in any file: the notes on it name the files
that belong to the reference.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import polars as pl
from polars import col

from gazadata import sniff
from gazadata.contract import Contract, Resource, inside
from gazadata.errors import ContractError
from gazadata.evidence.references import FILE, FOLDER, FORM, NOTE, column_for
from gazadata.validate import cells
from gazadata.validate.characters import cleaned
from gazadata.validate.checks import Check, CheckSet, Unrun, run
from gazadata.validate.diagnostics import Place, Report
from gazadata.validate.evidence import LETTER, TARGET
from gazadata.validate.files import check_bytes, is_other
from gazadata.validate.repeats import Repeats
from gazadata.validate.rules import rule
from gazadata.validate.split import column_of, split_line
from gazadata.validate.stated import folded
from gazadata.validate.sweep import ragged
from gazadata.validate.tables import LINE, Tables, of_cell, strings

_ALONE = rf"{NOTE}\W*$"
"""A note that names the row and nothing else."""

_BY_HAND = {
    "GD102": "Save the file with a single line feed at the end of each line.",
    "GD103": "Save the file in form C; `gazadata fmt` only changes the package's own tables.",
}
"""How to fix in reference/ what `gazadata fmt` fixes in tables."""

_HEADER = 1 << 20

_ROWS = {"__row_line": pl.UInt32, "__wrong": pl.Boolean} | dict.fromkeys(
    ("__file", "__named", "field", "__known", "__column"), pl.String
)


def coded(resource: Resource) -> list[str]:
    """The fields of a table that hold codes and identifiers."""
    return [field.name for field in resource.fields if field.raw.get("gazadata:reference")]


def form(path: Path, name: str) -> Resource:
    """The table schema of a file of reference/, from its header.

    Raises:
        ContractError: a column has no name, occurs twice, or has a name that we reserve.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        header = file.readline(_HEADER).decode("utf-8", "replace").lstrip("\ufeff").rstrip("\r\n")
    names = split_line(header)
    if names is None:
        raise ContractError("no header")
    if len(names) == 1 and (other := sniff.delimiter(header, re.split(r"[;\t|]", header))):
        raise ContractError(str(other))
    if not names or not all(names):
        raise ContractError("a column without a name")
    fields = [{"name": column, "type": "string"} for column in names]
    return Resource.read({"name": name}, {"fields": fields, "primaryKey": names[0]}, name)


def missing(contract: Contract, tables: Tables, report: Report) -> None:
    """Report a missing reference/ if notes name files in it.

    It is a warning, because a release does not contain the folder: its notes cannot be checked.
    """
    notes = (
        tables.strings("evidence")
        .filter((col("basis") == "reference") & col("note").str.contains(NOTE))
        .select(LINE, contract["evidence"].key, "note", about=TARGET)
    )
    number = notes.select(pl.len()).collect().item()
    for row in notes.bottom_k(1, by=LINE).collect().to_dicts():
        report.count("GD348", number, 1)
        expected = "the folder reference/; without it, codes and identifiers are not checked"
        why = (
            "Restore the folder. A release has none, but was checked against it when it was built."
        )
        more = {"severity": "warning", "help": why, "about": row["about"], "elsewhere": number - 1}
        of, shown = contract["evidence"], tables.shown("evidence")
        one = of_cell("GD348", shown, of, row, "note", row["note"], expected, **more)
        report.keep([replace(one, message="the folder reference/ is missing")])


rule(
    "GD348",
    title="value is not confirmed by the reference row in its note",
    reason="A wrong code joins the row to another country or person and looks just as plausible.",
    example=(
        "`iso3` `ISR` with the note “Row Türkiye of reference/countries.csv.”; a name with the "
        "note “Well known.”; a row of reference/countries.csv where `reference_id` is "
        "`entity-identifiers`"
    ),
    remedy=(
        "Start the note with the row that has the value: `Row NAME of reference/FILE.csv`. If NAME "
        "is not one of the actor's names, add why it is the right row. FILE must be named in the "
        "notes of the source in `reference_id`. If no file has the value, cite a quote instead."
    ),
    unit="evidence",
)


def check_sets(
    root: Path, contract: Contract, tables: Tables, limit: int, unrun: Unrun
) -> Iterator[CheckSet]:
    """Check the files of reference/, and compare cells with the rows that notes name.

    A note that names an unreadable file, which is reported, is skipped.
    """
    resources = [
        resource
        for name, resource in contract.resources.items()
        if name in tables and resource.proven_fields
    ]
    if not resources:
        return
    looked_up = pl.concat(_looked_up(resource, tables) for resource in resources)
    files = sorted(looked_up["__file"].drop_nulls().unique())
    read, unread = _read(root, files, tables, limit, unrun)
    compared = _with_names(_compared(looked_up, read, unread, tables), tables)
    yield _of_notes(contract, compared)
    for resource in resources:
        if resource.name in looked_up["resource"]:
            yield _of_cells(resource, compared, read, tables, limit)


def _compared(
    looked_up: pl.DataFrame, read: Read, unread: dict[str, str], tables: Tables
) -> pl.DataFrame:
    """The evidence with what the reference has for its cell, or why it has nothing (`__lost`)."""
    known = _known(read, looked_up["field"].unique().to_list())
    columns = known.select("__file", "field", __has_column=pl.lit(True)).unique()
    rows = known.group_by("__file", "__named", "field", maintain_order=True).agg(
        "__known", "__row_line", "__column", __wrong=col("__wrong").any()
    )
    reported = [file for file, why in unread.items() if not why]
    return (
        looked_up.join(_described(tables), on="reference_id", how="left")
        .join(columns, on=["__file", "field"], how="left")
        .join(rows, on=["__file", "__named", "field"], how="left")
        .filter(~col("__file").is_in(reported).fill_null(False))
        .with_columns(
            _lost(unread),
            __wanted=col("__known").list.drop_nulls().list.unique().list.sort().list.join(" or "),
            # A row of the file that has a finding may have meant the value of the cell.
            __right=col("__known").list.contains(col("__value")) | col("__wrong").fill_null(False),
        )
        # A missing file or row is one mistake, however many notes name it. Notes that name none are
        # one mistake only if they are equal.
        .with_columns(__lost_by=pl.struct("__lost", pl.when(col("__file").is_null()).then("note")))
        .with_columns(
            __first=col(LINE) == col(LINE).min().over("__lost_by"),
            __notes=pl.len().over("__lost_by"),
        )
        .drop("__lost_by")
    )


def _with_names(compared: pl.DataFrame, tables: Tables) -> pl.DataFrame:
    """The same, with whether an actor's note names a row of another actor (`__other`)."""
    other = (
        (col("resource") == "actors")
        & col("__lost").is_null()
        & col("note").str.contains(_ALONE)
        & ~col("__names").list.contains(folded(col("__named")))
        & ~col("row_id").is_in(_misnamed(tables).implode())
    )
    return (
        compared.join(_names(tables), left_on="row_id", right_on="__actor", how="left")
        .with_columns(__other=other)
        .with_columns(
            __first_other=col(LINE) == col(LINE).min().over("row_id", "__named", "__other")
        )
    )


def _of_notes(contract: Contract, compared: pl.DataFrame) -> CheckSet:
    """Check that notes name a row that has the value, and the row of the cell's own actor."""
    of_another = Check(
        "GD348",
        "note",
        col("__other") & col("__first_other"),
        expected=pl.format(
            "a note that names the row of {}, or says, after the file, why it is another",
            "row_id",
        ),
        counted=False,
        more={"mistake": col("note")},
    )
    lost = Check(
        "GD348",
        "note",
        col("__lost").is_not_null() & col("__first"),
        expected=col("__lost"),
        more={
            "elsewhere": col("__notes") - 1,
            "mistake": pl.when(col("__file").is_null()).then("note").otherwise("__lost"),
        },
    )
    return CheckSet(contract["evidence"], compared.lazy, (of_another, lost), about=TARGET)


def _of_cells(
    resource: Resource,
    compared: pl.DataFrame,
    read: Read,
    tables: Tables,
    limit: int,
) -> CheckSet:
    """Check that the cells of a table agree with the rows of the reference."""
    pointed = compared.filter(col("resource") == resource.name, col("__lost").is_null()).select(
        "__value", "__right", "__wanted", "__named", "__file", "__row_line", "__column",
        __row="row_id", __field="field",
    )  # fmt: skip
    values = pointed.drop("__row_line", "__column").lazy()

    def frame() -> pl.LazyFrame:
        rows = tables.strings(resource.name)
        return rows.join(values, left_on=resource.key, right_on="__row")

    wanted = pl.when(col("__wanted") == "").then(pl.lit("nothing")).otherwise("__wanted")
    checks = (
        Check(
            "GD348",
            name,
            ~col("__right"),
            found=col("__value"),
            expected=pl.format("{}, as in row {} of reference/{}", wanted, "__named", "__file"),
            applies=col("__field") == name,
            counted=False,  # The evidence is counted.
        )
        for name in resource.proven_fields
    )
    related = _places(pointed.filter(~col("__right")).head(limit), read)
    return CheckSet(resource, frame, tuple(checks), related=related)


def _looked_up(resource: Resource, tables: Tables) -> pl.DataFrame:
    """The evidence of basis reference for the cells of a table, with the values of the cells."""
    evidence = (
        tables.strings("evidence")
        # A note without words, or next to a quote, is reported by another rule.
        .filter(~tables.masked("evidence", "row_id", "field", "basis", "note"))
        .filter(
            (col("resource") == resource.name)
            & (col("basis") == "reference")
            & col("quote_id").is_null()
            & col("note").str.contains(LETTER)
            & ((col("resource") != "sources") | (col("row_id") != col("reference_id")))
        )
        .select(
            LINE, "evidence_id", "resource", "row_id", "field", "reference_id", "note",
            __named=col("note").str.extract(NOTE, 1),
            __file=col("note").str.extract(NOTE, 2),
        )
        .collect()
    )  # fmt: skip
    values = (
        tables.strings(resource.name)
        .select(pl.col(resource.key).alias("row_id"), *resource.proven_fields)
        .join(evidence.lazy(), on="row_id", how="semi")
        .unpivot(index="row_id", variable_name="field", value_name="__value")
        .drop_nulls()
        .collect()
    )
    return evidence.join(values, on=["row_id", "field"])


def _described(tables: Tables) -> pl.DataFrame:
    """The files that belong to each reference, from the notes on its own row in sources.

    Other rules report sources that are not references, or have no evidence.
    """
    references = tables.strings("sources").filter(col("kind") == "reference")
    return (
        tables.strings("evidence")
        .filter((col("resource") == "sources") & (col("row_id") == col("reference_id")))
        .join(references.select(reference_id="source_id"), on="reference_id", how="semi")
        .group_by("reference_id")
        .agg(__files=col("note").drop_nulls().str.extract_all(FILE).explode().drop_nulls())
        .collect()
    )


def _names(tables: Tables) -> pl.DataFrame:
    """The folded names of each actor, from its row and from names."""
    called = [
        tables.strings(name).select(__actor="actor_id", __names=folded(col(text)))
        for name, text in (("actors", "name"), ("names", "text"))
        if name in tables
    ]
    if not called:
        return pl.DataFrame(schema={"__actor": pl.String, "__names": pl.List(pl.String)})
    every = pl.concat(called).drop_nulls().unique().group_by("__actor").agg("__names")
    return every.collect()


def _misnamed(tables: Tables) -> pl.Series:
    """The actors whose name has a finding."""
    if "actors" not in tables:
        return pl.Series(dtype=pl.String)
    rows = tables.strings("actors").filter(tables.masked("actors", "name"))
    return rows.select("actor_id").collect().to_series()


Read = dict[str, Tables]
"""For each file of reference/, its rows as a table."""


def _read(
    root: Path, files: Iterable[str], package: Tables, limit: int, unrun: Unrun
) -> tuple[Read, dict[str, str]]:
    """Read files of reference/, and check their bytes, lines and cells like those of tables.

    The findings go to `references` of the package's tables.

    Returns:
        The readable files, and for others why they cannot be read; empty if that is reported.
    """
    read: Read = {}
    unread: dict[str, str] = {}
    for file in files:
        name = FOLDER + file
        report = Report("", "")
        try:
            path = inside(root, name)
            if not path.is_file():
                unread[file] = "no such file"
                continue
            package.references[file] = report
            if is_other(path, name, name, report):
                unread[file] = ""
                continue
            resource = form(path, name)
            tables = Tables(root, {name: resource}, {name: path}, package.folder)
            whole = check_bytes(path, name, resource, report, limit)
            for n, one in enumerate(report.diagnostics):
                if one.code in _BY_HAND:
                    report.diagnostics[n] = replace(one, help=_BY_HAND[one.code])
            bad = ragged(path, name, resource, report, limit)
            frame = strings(path, resource).collect() if whole and not bad else pl.DataFrame()
        except (pl.exceptions.PolarsError, OSError, ContractError) as error:
            unread[file] = str(error).splitlines()[0][:200]
            continue
        report.count("GD107", frame.height + bad, bad)
        if bad or not whole:
            unread[file] = ""
            continue
        tables.put(name, frame)
        tables.add(name, frame.height)
        tables.mask_found(report)
        repeats = Repeats(resource)
        repeats.add(frame)
        run(cells.check_sets(Contract({}, tables.resources), tables), tables, report, limit, unrun)
        # Not masked in `tables`: either of two rows with the same key may be the right one.
        masks = {name: dict(fields) for name, fields in tables.masks.items()}
        repeats.find(replace(tables, masks=masks), report, limit)
        read[file] = tables
    return read, unread


def _known(read: Read, fields: list[str]) -> pl.DataFrame:
    """The value of each row of the files for each field, with its column.

    Characters at fault in a row's name, which are reported, are ignored.
    """
    parts = [pl.DataFrame(schema=_ROWS)]
    for file, tables in read.items():
        ((name, resource),) = tables.resources.items()
        frame = tables.strings(name).collect()
        names = resource.field_names
        meant = [key and " ".join(cleaned(key).split()) for key in frame[resource.key]]
        for field in fields:
            column = column_for(field, names)
            if column is None:
                continue
            part = frame.select(
                __row_line=LINE, __wrong=tables.masked(name, resource.key, column),
                __file=pl.lit(file), __named=pl.Series(meant, dtype=pl.String),
                field=pl.lit(field), __known=column, __column=pl.lit(column),
            )  # fmt: skip
            parts.append(part)
    return pl.concat(parts)


def _lost(unread: dict[str, str]) -> pl.Expr:
    """What a note should name but does not; null if it names an existing row."""
    why = col("__file").replace_strict(unread, default=None, return_dtype=pl.String)
    # If evidence_id disagrees with reference_id, which is reported, reference_id may be wrong.
    is_made = col("evidence_id").str.ends_with(pl.format(".{}", "reference_id"))
    of_another = is_made & ~col("__files").list.contains(pl.format(f"{FOLDER}{{}}", "__file"))
    return (
        pl.when(col("__file").is_null())
        .then(pl.lit(f"{FORM}, at the beginning of the note"))
        .when(why.is_not_null())
        .then(pl.format("a readable table reference/{} ({})", "__file", why))
        .when(col("__has_column").is_null())
        .then(pl.format("a file of reference/ with a column for {}", "field"))
        .when(of_another)
        .then(
            pl.when(col("__files").list.len() > 0)
            .then(
                pl.format(
                    "a row of {}, named in the notes on {}, or another reference_id",
                    col("__files").list.unique().list.sort().list.join(" or "),
                    "reference_id",
                )
            )
            .otherwise(
                pl.format(
                    "a file that is named in a note on {} in sources; no note names one",
                    "reference_id",
                )
            )
        )
        .when(col("__known").is_null())
        .then(pl.format("a row of reference/{} whose first cell is {}", "__file", "__named"))
        .alias("__lost")
    )


def _places(wrong: pl.DataFrame, read: Read) -> dict[tuple[str, str], tuple[Place, ...]]:
    """The places in reference/ that contradict a cell, by the row's key and the field."""

    @cache
    def lines(path: Path) -> list[str]:
        return path.read_text("utf-8").split("\n")

    places: dict[tuple[str, str], tuple[Place, ...]] = {}
    for row in wrong.to_dicts():
        tables = read[row["__file"]]
        ((name, resource),) = tables.resources.items()
        for number, column in zip(row["__row_line"], row["__column"], strict=True):
            line, position = (
                lines(tables.paths[name])[number - 1],
                resource.field_names.index(column),
            )
            is_last = position + 1 == len(resource.fields)
            end = len(line) if is_last else column_of(line, position + 1) - 2
            place = Place(name, number, line, column_of(line, position) - 1, end)
            key = row["__row"], row["__field"]
            places[key] = (*places.get(key, ()), place)
    return places
