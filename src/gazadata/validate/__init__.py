"""Validation: every layer, from the descriptor to the meaning of a row, into one report.

The descriptor, the files, then the rules of cells and rows in the order of layers.py. Frictionless
runs beside them, and its findings are added last.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Protocol

from gazadata import frictionless_worker
from gazadata.errors import ContractError, MissingExtra
from gazadata.package import Package
from gazadata.validate import descriptor, files, promised, standard
from gazadata.validate.diagnostics import Count, Diagnostic, Place, Report
from gazadata.validate.grouped import group
from gazadata.validate.rules import RULES, Rule

__all__ = ["Count", "Diagnostic", "Place", "Report", "Rule", "all_rules", "validate"]


class Engine(Protocol):
    """What reads the rows of a package and runs the rules."""

    def check(
        self, package: Package, paths: dict[str, Path], report: Report, limit: int
    ) -> dict[str, Path]:
        """Run the files layer, and return the files that can be split into rows."""
        ...

    def run(self, package: Package, paths: dict[str, Path], report: Report, limit: int) -> None:
        """Run the layers that read rows."""
        ...


class _Local:
    """Run the rules in this process."""

    check = staticmethod(files.check)

    @staticmethod
    def run(package: Package, paths: dict[str, Path], report: Report, limit: int) -> None:
        from gazadata.validate import layers

        layers.run(package, paths, report, limit)


@cache
def all_rules() -> dict[str, Rule]:
    """All rules by code, in the order of their codes.

    Raises:
        MissingExtra: the extra `validate` is not installed.
    """
    try:
        # Importing the layers, and Polars and pandera with them, registers their rules.
        from gazadata.validate import layers  # noqa: F401
    except ImportError as error:
        raise MissingExtra(error.name or "polars", "validate") from None
    return dict(sorted(RULES.items()))


def validate(
    path: str | Path | None = None,
    *,
    limit: int = 1_000,
    frictionless_all: bool = False,
    engine: Engine | None = None,
) -> Report:
    """Validate the data package at `path` (None: the bundled one), of any size.

    Args:
        path: a folder with a datapackage.json, or that file; CSV or Parquet resources.
        limit: how many findings of a rule are kept; all are counted.
        frictionless_all: let frictionless read every row of a package of any size.
        engine: where the rules run; None: in this process.

    Returns:
        The report: what was found, and how much each rule checked.

    Raises:
        ReadError: there is no package at `path`.
        MissingExtra: the extra `validate` is not installed.
    """
    root, engine = Package.locate(path), engine or _Local()
    report = Report(str(root), "")
    try:
        package = Package(root, promised.contract_at(root))
    except ContractError as error:
        descriptor.unreadable(root, error, report)
        return report
    report.version = package.contract.version
    package, paths = descriptor.check(package, report)
    size = sum(file.stat().st_size for file in paths.values())
    sample, patience = None, standard.PATIENCE + standard.PATIENCE_PER_MEGABYTE * size / 1e6
    if size > standard.LIMIT_BYTES and not frictionless_all:
        sample, patience = standard.SAMPLE_ROWS, standard.PATIENCE
        report.notes.append(
            f"frictionless read only the first {sample:,} rows of each table and checked no "
            f"foreign keys, because the tables are larger than {standard.LIMIT_BYTES / 1e6:.0f} MB "
            f"({size / 1e6:,.0f} MB); --frictionless all reads every row"
        )
    # Importing frictionless takes as long as all other layers, so it runs beside them.
    process = frictionless_worker.start()
    try:
        paths = engine.check(package, paths, report, limit)
        asked = standard.readable(package.contract, paths, sample)
        standard.ask(process, root, sample, asked)
        try:
            from gazadata.validate import locate

            engine.run(package, paths, report, limit)
        except ImportError as error:
            raise MissingExtra(error.name or "polars", "validate") from None
    except BaseException:
        standard.stop(process)
        raise
    result = standard.finish(process, patience, report.errors)
    standard.add_findings(package, result, report, asked, sampled=sample is not None)
    group(report, package.contract, limit)
    locate.locate(package, report)
    return report
