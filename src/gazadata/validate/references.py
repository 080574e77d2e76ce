"""What was looked up, against the tables in reference/ that it was looked up in.

The note of evidence of basis reference begins `Row NAME of reference/FILE.csv`. A row's name is
its first cell, and for the codes of an actor it is one of the actor's names, or the note goes on to
say why it is another. These files are no tables of the package: they are read as they are, and only
where a note names them. A reference's own row in sources describes itself, and is in none of them:
the notes on it name the files that the reference is.
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
from gazadata.validate import cells
from gazadata.validate.characters import cleaned
from gazadata.validate.checks import Look, Unrun, check, run
from gazadata.validate.diagnostics import Place, Report
from gazadata.validate.evidence import TARGET, WORD
from gazadata.validate.files import check_bytes, is_other
from gazadata.validate.repeats import Repeats
from gazadata.validate.rules import rule
from gazadata.validate.split import column_of, split_line
from gazadata.validate.stated import folded
from gazadata.validate.sweep import ragged
from gazadata.validate.tables import LINE, Tables, strings

FOLDER = "reference/"

NOTE = r"^Row (.+?) of reference/([A-Za-z0-9_-][A-Za-z0-9._-]*\.csv)\b"

_FILE = r"\breference/([A-Za-z0-9_-][A-Za-z0-9._-]*\.csv)\b"
"""A file, as the notes on a reference's own row name it."""

_ALONE = rf"{NOTE}\W*$"
"""A note that says no more than which row it is."""

_BY_HAND = {
    "GD102": "Save the file with a line feed alone at the end of each line.",
    "GD103": "Save the file in this form; `gazadata fmt` writes the package's own tables alone.",
}
"""How to fix here what `gazadata fmt` fixes in tables."""

_HEADER = 1 << 20

_ROWS = {"__row_line": pl.UInt32, "__wrong": pl.Boolean} | dict.fromkeys(
    ("__file", "__named", "field", "__known", "__column"), pl.String
)


def coded(resource: Resource) -> list[str]:
    """The fields of a table that hold codes and identifiers."""
    return [field.name for field in resource.fields if field.raw.get("gazadata:reference")]


def form(path: Path, name: str) -> Resource:
    """What the header of a file of reference/ says of its rows, by which they are checked.

    Raises:
        ContractError: a column has no name, occurs twice, or is called as one of our own.
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
    """Report that there is no reference/, where notes name files of it.

    A release carries none, which is a warning: what its notes name cannot be checked.
    """
    notes = (
        tables.strings("evidence")
        .filter((col("basis") == "reference") & col("note").str.contains(NOTE))
        .select(LINE, contract["evidence"].key, "note", about=TARGET)
    )
    number = notes.select(pl.len()).collect(engine=tables.engine).item()
    for row in notes.bottom_k(1, by=LINE).collect(engine=tables.engine).to_dicts():
        report.count("GD348", number, 1)
        found = row["note"] + (f" (as in {number - 1} other notes)" if number > 1 else "")
        expected = "the folder reference/, to compare codes and identifiers with"
        one = tables.finding("GD348", contract["evidence"], row, "note", found, expected)
        why = "Restore the folder; a release has none, and was compared with it when it was built."
        report.add([replace(one, severity="warning", help=why, about=row["about"])])


rule(
    "GD348",
    title="value is not confirmed by the reference row in its note",
    reason="A wrong code joins the row to another country or person and looks just as plausible.",
    example=(
        "iso3 `ISR` by “Row Türkiye of reference/countries.csv.”; a name by “Well known.”; a row "
        "of reference/countries.csv where reference_id is entity-identifiers"
    ),
    remedy=(
        "Correct the cell or the file in reference/, or start the note with the row that has the "
        "value: `Row NAME of reference/FILE.csv`. If NAME is not one of the actor's names, go on "
        "to explain why it is this row. FILE must be named in a note on the row of reference_id in "
        "sources. Values that no file has a column for need a quote."
    ),
    unit="evidence",
)


def looks(
    root: Path, contract: Contract, tables: Tables, report: Report, limit: int, unrun: Unrun
) -> Iterator[Look]:
    """Compare cells with the rows that the notes of their evidence name, and check these files.

    What refers to a file that cannot be read, which is reported, is skipped.
    """
    resources = [
        resource
        for name, resource in contract.resources.items()
        if name in tables and _needing(resource)
    ]
    if not resources:
        return
    looked_up = pl.concat(_looked_up(resource, tables) for resource in resources)
    resources = [r for r in resources if r.name in looked_up["resource"]]
    files = sorted(looked_up["__file"].drop_nulls().unique())
    read, unread = _read(root, files, tables, limit, unrun)
    known = _known(read, looked_up["field"].unique().to_list())
    columns = known.select("__file", "field", __has_column=pl.lit(True)).unique()
    rows = known.group_by("__file", "__named", "field", maintain_order=True).agg(
        "__known", "__row_line", "__column", __wrong=col("__wrong").any()
    )
    reported = [file for file, why in unread.items() if not why]
    held = (
        looked_up.join(_described(tables), on="reference_id", how="left")
        .join(columns, on=["__file", "field"], how="left")
        .join(rows, on=["__file", "__named", "field"], how="left")
        .filter(~col("__file").is_in(reported).fill_null(False))
        .with_columns(
            _lost(unread),
            __wanted=col("__known").list.drop_nulls().list.unique().list.sort().list.join(" or "),
            # A row of the file that has a finding itself may be meant as the cell.
            __right=col("__known").list.contains(col("__value")) | col("__wrong").fill_null(False),
        )
        # What is not there is one mistake, however many notes name it; but words that name nothing
        # are one only with their like.
        .with_columns(__lost_by=pl.struct("__lost", pl.when(col("__file").is_null()).then("note")))
        .with_columns(
            __first=col(LINE) == col(LINE).min().over("__lost_by"),
            __notes=pl.len().over("__lost_by"),
        )
        .drop("__lost_by")
        .join(_names(tables), left_on="row_id", right_on="__actor", how="left")
        .with_columns(
            __other=(col("resource") == "actors")
            & col("__lost").is_null()
            & col("note").str.contains(_ALONE)
            & ~col("__names").list.contains(folded(col("__named")))
            & ~col("row_id").is_in(_misnamed(tables).implode())
        )
        .with_columns(
            __first_other=col(LINE) == col(LINE).min().over("row_id", "__named", "__other")
        )
    )
    yield Look(
        contract["evidence"],
        held.lazy,
        (
            check(
                "GD348",
                "note",
                col("__other") & col("__first_other"),
                expected=pl.format(
                    "a row with a name of {}, or the reason for another one after the file",
                    "row_id",
                ),
                counted=False,
            ),
            check(
                "GD348",
                "note",
                col("__lost").is_not_null() & col("__first"),
                found=pl.when(col("__notes") > 1)
                .then(pl.format("{} (as in {} other notes)", "note", col("__notes") - 1))
                .otherwise("note"),
                expected=col("__lost"),
            ),
        ),
        about=TARGET,
    )
    for resource in resources:
        pointed = held.filter(
            col("resource") == resource.name, col("__lost").is_null()
        ).select(
            "__value", "__right", "__wanted", "__named", "__file", "__row_line", "__column",
            __row="row_id", __field="field",
        )  # fmt: skip

        def frame(resource: Resource = resource, pointed: pl.DataFrame = pointed) -> pl.LazyFrame:
            return tables.strings(resource.name).join(
                pointed.drop("__row_line", "__column").lazy(),
                left_on=resource.key,
                right_on="__row",
            )

        yield Look(
            resource,
            frame,
            tuple(
                check(
                    "GD348",
                    name,
                    ~col("__right"),
                    found=col("__value"),
                    expected=pl.format(
                        "{}, as row {} of reference/{} has it",
                        pl.when(col("__wanted") == "")
                        .then(pl.lit("nothing"))
                        .otherwise("__wanted"),
                        "__named",
                        "__file",
                    ),
                    applies=col("__field") == name,
                    counted=False,  # The evidence is.
                )
                for name in _needing(resource)
            ),
            related=_places(pointed.filter(~col("__right")).head(limit), read),
        )


def _looked_up(resource: Resource, tables: Tables) -> pl.DataFrame:
    """The evidence of basis reference for the cells of a table, with the value that each is for."""
    evidence = (
        tables.strings("evidence")
        # A note without words, and one beside a quote, is a finding of its own.
        .filter(~tables.masked("evidence", "row_id", "field", "basis", "note"))
        .filter(
            (col("resource") == resource.name)
            & (col("basis") == "reference")
            & col("quote_id").is_null()
            & col("note").str.contains(WORD)
            & ((col("resource") != "sources") | (col("row_id") != col("reference_id")))
        )
        .select(
            LINE, "evidence_id", "resource", "row_id", "field", "reference_id", "note",
            __named=col("note").str.extract(NOTE, 1),
            __file=col("note").str.extract(NOTE, 2),
        )
        .collect(engine=tables.engine)
    )  # fmt: skip
    values = (
        tables.strings(resource.name)
        .select(pl.col(resource.key).alias("row_id"), *_needing(resource))
        .join(evidence.lazy(), on="row_id", how="semi")
        .unpivot(index="row_id", variable_name="field", value_name="__value")
        .drop_nulls()
        .collect(engine=tables.engine)
    )
    return evidence.join(values, on=["row_id", "field"])


def _described(tables: Tables) -> pl.DataFrame:
    """The files of reference/ that each reference is, by the notes on its own row in sources.

    That a source is no reference, or is without evidence, is a finding of its own.
    """
    references = tables.strings("sources").filter(col("kind") == "reference")
    return (
        tables.strings("evidence")
        .filter((col("resource") == "sources") & (col("row_id") == col("reference_id")))
        .join(references.select(reference_id="source_id"), on="reference_id", how="semi")
        .group_by("reference_id")
        .agg(__files=col("note").drop_nulls().str.extract_all(_FILE).explode().drop_nulls())
        .collect(engine=tables.engine)
    )


def _names(tables: Tables) -> pl.DataFrame:
    """What each actor is called, in its row and in those of names, as words are compared."""
    called = [
        tables.strings(name).select(__actor="actor_id", __names=folded(col(text)))
        for name, text in (("actors", "name"), ("names", "text"))
        if name in tables
    ]
    if not called:
        return pl.DataFrame(schema={"__actor": pl.String, "__names": pl.List(pl.String)})
    every = pl.concat(called).drop_nulls().unique().group_by("__actor").agg("__names")
    return every.collect(engine=tables.engine)


def _misnamed(tables: Tables) -> pl.Series:
    """The actors whose name has a finding itself."""
    if "actors" not in tables:
        return pl.Series(dtype=pl.String)
    rows = tables.strings("actors").filter(tables.masked("actors", "name"))
    return rows.select("actor_id").collect().to_series()


def _needing(resource: Resource) -> list[str]:
    """The fields of a table that need evidence, which may be of basis reference."""
    return [field.name for field in resource.fields if field.evidence_required]


Read = dict[str, tuple[Path, Tables]]
"""For each file of reference/ where it lies, and its rows as a table of its name."""


def _read(
    root: Path, files: Iterable[str], package: Tables, limit: int, unrun: Unrun
) -> tuple[Read, dict[str, str]]:
    """Read files of reference/, and check their bytes, lines and cells as those of tables.

    What is found in them is put into `references` of the package's tables.

    Returns:
        The files that can be read, and why others cannot; nothing where that is reported.
    """
    read: Read = {}
    unread: dict[str, str] = {}
    for file in files:
        name = FOLDER + file
        report = Report("", "")
        try:
            path = inside(root, name)
            if not path.is_file():
                unread[file] = "there is none"
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
            bad = ragged(resource, tables, report, limit)
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
        run(cells.looks(Contract({}, tables.resources), tables), tables, report, limit, unrun)
        # A row that repeats another one may be the right one of the two.
        masks = {name: dict(fields) for name, fields in tables.masks.items()}
        repeats.find(replace(tables, masks=masks), report, limit)
        read[file] = path, tables
    return read, unread


def _known(read: Read, fields: list[str]) -> pl.DataFrame:
    """What each row of the files says of each field, and what its cells are called.

    A column is for the field of its name, and for those that end with it, as location_iso3 does
    with iso3. A name that has a character at fault, which is reported, is still the row's.
    """
    parts = [pl.DataFrame(schema=_ROWS)]
    for file, (_, tables) in read.items():
        ((name, resource),) = tables.resources.items()
        frame = tables.strings(name).collect()
        names = resource.field_names
        meant = [key and " ".join(cleaned(key).split()) for key in frame[resource.key]]
        for field in fields:
            ends = [c for c in names if field == c or field.endswith(f"_{c}")]
            if not ends:
                continue
            column = max(ends, key=len)
            part = frame.select(
                __row_line=LINE, __wrong=tables.masked(name, resource.key, column),
                __file=pl.lit(file), __named=pl.Series(meant, dtype=pl.String),
                field=pl.lit(field), __known=column, __column=pl.lit(column),
            )  # fmt: skip
            parts.append(part)
    return pl.concat(parts)


def _lost(unread: dict[str, str]) -> pl.Expr:
    """What a note should name and does not; null where it names a row that is there."""
    why = col("__file").replace_strict(unread, default=None, return_dtype=pl.String)
    # An identifier that is not made from the reference is a finding, and may be the right one.
    is_made = col("evidence_id").str.ends_with(pl.format(".{}", "reference_id"))
    of_another = is_made & ~col("__files").list.contains(pl.format(f"{FOLDER}{{}}", "__file"))
    return (
        pl.when(col("__file").is_null())
        .then(pl.lit("Row NAME of reference/FILE.csv, at the beginning of the note"))
        .when(why.is_not_null())
        .then(pl.format("reference/{}, a table that can be read: {}", "__file", why))
        .when(col("__has_column").is_null())
        .then(pl.format("a file of reference/ with a column for {}", "field"))
        .when(of_another)
        .then(
            pl.when(col("__files").list.len() > 0)
            .then(
                pl.format(
                    "a row of {}, which is what {} is; or another reference_id",
                    col("__files").list.unique().list.sort().list.join(" or "),
                    "reference_id",
                )
            )
            .otherwise(
                pl.format(
                    "a file that a note on {} in sources names as its own; none names a file",
                    "reference_id",
                )
            )
        )
        .when(col("__known").is_null())
        .then(pl.format("a row of reference/{} whose first cell is {}", "__file", "__named"))
        .alias("__lost")
    )


def _places(wrong: pl.DataFrame, read: Read) -> dict[tuple[str, str], tuple[Place, ...]]:
    """Where the reference has what is wrong, by the row's key and the field."""

    @cache
    def lines(path: Path) -> list[str]:
        return path.read_text("utf-8").split("\n")

    places: dict[tuple[str, str], tuple[Place, ...]] = {}
    for row in wrong.to_dicts():
        path, tables = read[row["__file"]]
        ((name, resource),) = tables.resources.items()
        for number, column in zip(row["__row_line"], row["__column"], strict=True):
            line, position = lines(path)[number - 1], resource.field_names.index(column)
            is_last = position + 1 == len(resource.fields)
            end = len(line) if is_last else column_of(line, position + 1) - 2
            place = Place(name, number, line, column_of(line, position) - 1, end)
            key = row["__row"], row["__field"]
            places[key] = (*places.get(key, ()), place)
    return places
