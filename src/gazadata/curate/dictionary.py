"""The data dictionary in the codebook, compiled from the contract."""

from __future__ import annotations

from gazadata.contract import Contract, Field, Resource

BEGIN = "<!-- data dictionary: generated from schemas/ by `gazadata fmt`; do not edit below -->"
END = "<!-- end of data dictionary -->"


def data_dictionary(contract: Contract) -> str:
    """The data dictionary as Markdown.

    Returns:
        A heading of level 2, then one section per table, in the contract's order, under a heading
        of level 3: description, primary, unique and foreign keys, and a Markdown table with one
        row per field. Ends with a line feed.
    """
    sections = [_section(contract, resource) for resource in contract.resources.values()]
    return "\n".join(["## Data dictionary\n", *sections])


def _section(contract: Contract, resource: Resource) -> str:
    lines = [f"### {_code(resource.name)}: {resource.title}", ""]
    if resource.description:
        lines += [_line(resource.description), ""]
    lines.append(f"- Primary key: {_code(resource.key)}")
    lines += [f"- Unique together: {', '.join(map(_code, key))}" for key in resource.unique_keys]
    lines += [
        f"- Foreign key: {_code(fk.field)} → {_code(f'{fk.resource}.{fk.target}')}"
        for fk in resource.foreign_keys
    ]
    referrers = [f"{other.name}.{fk.field}" for other, fk in contract.referrers(resource.name)]
    if referrers:
        lines.append(f"- Referred to by: {', '.join(map(_code, referrers))}")
    lines += [
        "",
        "| Field | Type | Required | Evidence | Description, constraints and terms |",
        "| --- | --- | --- | --- | --- |",
        *(_row(field) for field in resource.fields),
        "",
    ]
    return "\n".join(lines)


def _row(field: Field) -> str:
    cells = (
        _code(field.name),
        f"{field.type} ({field.format})" if field.format else field.type,
        "yes" if field.required else "no",
        "required" if field.evidence_required else "exempt",
        " ".join(_details(field)),
    )
    return f"| {' | '.join(_cell(cell) for cell in cells)} |"


def _details(field: Field) -> list[str]:
    """The description, then each constraint, the terms and an example, as sentences."""
    details = [field.description] if field.description else []
    if field.unique:
        details.append("Unique.")
    if field.verbatim:
        details.append("Word for word from the source.")
    # From the descriptor, so that no kind of constraint is left out.
    for name, value in field.raw.get("constraints", {}).items():
        if name not in ("required", "unique", "enum"):
            details.append(f"{name}: {_code(str(value))}.")
    if field.enum:
        terms = (
            f"{_code(term)} ({field.labels[term]})" if field.labels.get(term) else _code(term)
            for term in field.enum
        )
        order = ", in ascending order" if field.ordered else ""
        details.append(f"Terms: {', '.join(terms)}{order}.")
    if "example" in field.raw:
        details.append(f"Example: {_code(str(field.raw['example']))}.")
    return details


def _code(text: str) -> str:
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def _line(text: str) -> str:
    return " ".join(text.split())


def _cell(text: str) -> str:
    # A pipe ends a cell of a Markdown table even within a code span.
    return text.replace("\n", " ").replace("|", "\\|")
