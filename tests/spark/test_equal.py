"""Spark finds the same as one machine, however many pieces there are."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import polars as pl
import pytest
from pyspark.sql import SparkSession
from tests.spark.corpus import row_mutants, write
from tests.validate.damage import REPO, Place
from tests.validate.mutants import mutant

from gazadata import spark as gazadata_spark
from gazadata.contract import Contract
from gazadata.validate import Report, validate

pytestmark = [pytest.mark.long, pytest.mark.spark]

MUTANTS = 220
LIMIT = 100_000


@pytest.fixture(scope="module")
def mutated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Report]:
    """A package with an article for each mutant, and its report from one machine."""
    root = tmp_path_factory.mktemp("mutants") / "package"
    mutants = list(row_mutants(MUTANTS))
    write(root, [one.files for one in mutants])
    assert len({one.kind for one in mutants}) > 100
    report = validate(root, limit=LIMIT)
    assert len({d.code for d in report.diagnostics}) > 45
    assert len(report.diagnostics) > MUTANTS
    return root, report


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Report]:
    """A generated package with every mistake, and its report from one machine."""
    module = generator()
    root = tmp_path_factory.mktemp("generated") / "package"
    planted = module.generate(root, 60, len(module.MISTAKES))
    report = validate(root, limit=LIMIT)
    assert {(d.code, d.resource, d.row_id) for d in report.diagnostics} == {
        (one.code, one.resource, one.row_id) for one in planted
    }
    return root, report


def generator() -> ModuleType:
    """The module that generates packages for the benchmarks."""
    folder = REPO / "benchmarks"
    spec = importlib.util.spec_from_file_location("_generate", folder / "_generate.py")
    assert spec
    assert spec.loader
    module: ModuleType = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def same(report: Report, other: Report) -> None:
    """Compare two reports: all parts of their findings, counts and failures."""
    cells, others = (
        {(d.code, d.resource, d.row_id, d.field) for d in of.diagnostics} for of in (report, other)
    )
    assert cells == others
    assert report.diagnostics == other.diagnostics
    assert report.counts == other.counts
    assert report.rows == other.rows
    assert report.failures == other.failures
    assert sorted(report.notes) == sorted(other.notes)


@pytest.mark.parametrize("pieces", [1, 3])
def test_the_shipped_package_passes(pieces: int, session: SparkSession) -> None:
    on_spark = gazadata_spark.report(session, REPO, pieces=pieces, limit=LIMIT)
    same(on_spark, validate(REPO, limit=LIMIT))
    assert on_spark.ok(strict=True)


@pytest.mark.parametrize("pieces", [2, 7])
def test_more_than_two_hundred_mutants_at_once(
    pieces: int, session: SparkSession, mutated: tuple[Path, Report]
) -> None:
    root, report = mutated
    same(gazadata_spark.report(session, root, pieces=pieces, limit=LIMIT), report)


@pytest.mark.parametrize("pieces", [1, 5])
def test_generated_packages(
    pieces: int, session: SparkSession, generated: tuple[Path, Report]
) -> None:
    root, report = generated
    same(gazadata_spark.report(session, root, pieces=pieces, limit=LIMIT), report)


OF_FILES = (
    (
        *("byte_order_mark", "last_line_feed_missing", "cell_too_many_or_too_few"),
        *("needless_quotation_marks", "row_removed"),
    ),
    (
        *("byte_that_is_not_utf8", "rows_in_another_order", "line_ends_mixed"),
        *("identifier_given_up_that_is_there", "letter_of_a_reference_changed"),
    ),
    (
        *("reference_row_that_is_not_there", "blank_line", "column_renamed", "schema_loosened"),
        *("line_break_in_a_cell", "article_that_no_source_names"),
    ),
)
"""Kinds of mistake that make a file unreadable or a different table; each group in one package."""


def _groups(root: Path) -> Iterator[tuple[tuple[str, ...], Path]]:
    for nth, kinds in enumerate(OF_FILES):
        place = Place(root / str(nth))
        taken: set[str] = set()
        for kind in kinds:
            for number in range(20):
                files = mutant(kind, number).files
                if taken.isdisjoint(files):
                    place.damage(files)
                    taken.update(files)
                    break
            else:
                pytest.fail(f"{kind}: always in the files of others")
        yield kinds, place.root


def test_mistakes_in_files(session: SparkSession, tmp_path: Path) -> None:
    for kinds, root in _groups(tmp_path):
        report = validate(root, limit=LIMIT)
        assert report.diagnostics, kinds
        same(gazadata_spark.report(session, root, pieces=2, limit=LIMIT), report)


def test_one_article_of_a_hundred_thousand_rows(session: SparkSession, tmp_path: Path) -> None:
    """The first of a thousand articles gets all rows; its text has their words only by chance."""
    root, module = tmp_path / "package", generator()
    module.generate(root, 1_020, 1)
    for name, resource in Contract.read(root).resources.items():
        column = "cited_by" if name == "sources" else "source_id"
        if column in resource.field_names:
            rows = pl.read_csv(root / resource.path, infer_schema=False)
            first = pl.lit(rows[column].drop_nulls()[0])
            moved = pl.when(pl.col(column).is_not_null()).then(first)
            rows.with_columns(moved.alias(column)).write_csv(root / resource.path)
    report = validate(root)
    assert report.rows["evidence"] + report.rows["quotes"] > 100_000
    on_spark = gazadata_spark.report(session, root, pieces=3)
    assert on_spark.counts == report.counts
    assert not on_spark.failures


def test_a_source_that_another_article_cites(session: SparkSession, tmp_path: Path) -> None:
    """The source is wrong in its own piece, and rows of other pieces are attributed to it."""
    root = tmp_path / "package"
    generator().generate(root, 60)
    path = root / "data/sources.csv"
    rows = pl.read_csv(path, infer_schema=False)
    articles = rows.filter(pl.col("kind") == "article")["source_id"]
    cited = rows.filter(pl.col("cited_by") == articles[0])["source_id"][0]
    other = pl.when(pl.col("source_id") == cited).then(pl.lit(articles[1])).otherwise("cited_by")
    rows.with_columns(other.alias("cited_by")).write_csv(path)
    report = validate(root)
    assert [d.code for d in report.diagnostics] == ["GD336"]
    same(gazadata_spark.report(session, root, pieces=7), report)
