"""The parts of a schema's fields that only Polars can check: patterns and examples."""

from __future__ import annotations

import polars as pl
from polars import col

from gazadata.contract import Resource
from gazadata.validate.diagnostics import LONGEST, Report
from gazadata.validate.schema_findings import add_finding
from gazadata.validate.tables import typed

URI = r"^(?i:https?)://[^\s/?#]+[^\s]*$"


def patterns_fit(resource: Resource, report: Report) -> bool:
    """Whether Polars, whose regular expressions have no look-around, accepts the patterns."""
    patterns = {f.name: pl.lit("").str.contains(f.pattern) for f in resource.fields if f.pattern}
    try:
        pl.select([pattern.alias(name) for name, pattern in patterns.items()])
    except pl.exceptions.PolarsError:
        for name, pattern in patterns.items():
            try:
                pl.select(pattern)
            except pl.exceptions.PolarsError:
                add_finding(
                    report,
                    "GD002",
                    path=resource.schema_path,
                    resource=resource.name,
                    field=name,
                    found=f"the pattern {resource[name].pattern}",
                    expected="a regular expression without look-around or back-references",
                )
        return False
    return True


def examples(resource: Resource, report: Report) -> None:
    """Check each field's example like its cells."""
    texts, fits = {}, {}
    for field in resource.fields:
        example = field.raw.get("example")
        if example is None:
            continue
        value = col(field.name)
        texts[field.name] = str(example).lower() if isinstance(example, bool) else str(example)
        fit = typed(field).is_not_null() & isinstance(example, str | int)
        if field.type == "string":
            fit &= isinstance(example, str)
        if field.pattern:
            fit &= value.str.contains(field.pattern)
        if field.enum:
            fit &= value.is_in(field.enum)
        if field.minimum is not None:
            fit &= typed(field) >= field.minimum
        if field.format == "uri":
            fit &= value.str.contains(URI)
        fits[field.name] = fit
    if not texts:
        return
    for name, fit in pl.DataFrame([texts]).select(**fits).row(0, named=True).items():
        if not fit:
            add_finding(
                report,
                "GD002",
                path=resource.schema_path,
                resource=resource.name,
                field=name,
                found=f"the example {texts[name]}"[:LONGEST],
                expected="a valid value of the field, by its type, pattern and vocabulary",
            )
