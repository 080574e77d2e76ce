"""The codebook, compiled from the contract: every table, field and term."""

from __future__ import annotations

from collections.abc import Iterator

from gazadata.contract import Contract, Field, Resource

BEGIN = "<!-- generated from datapackage.json and schemas/ by `gazadata fmt`; do not edit -->"
"""The first line of a codebook that `gazadata fmt` may overwrite."""

_MODES = "gazadata:modes"


def codebook(contract: Contract, *, examples: bool = True) -> str:
    """The codebook as Markdown.

    Args:
        contract: the package's.
        examples: whether fields have their examples, which a blind coder must not see.

    Returns:
        A diagram of the tables and their keys; one section per table, in the contract's order,
        with its keys, fields and terms; and an appendix with the modes of events.
    """
    sections = [_section(contract, table, examples) for table in contract.resources.values()]
    return "\n".join(
        [
            BEGIN,
            "# Codebook",
            "",
            f"Every table, field and term of {contract.name}. Empty cells are null: the source "
            "does not say.",
            "",
            "## Tables and keys",
            "",
            *_diagram(contract),
            "",
            *sections,
            *_appendix(contract),
        ]
    )


def _diagram(contract: Contract) -> Iterator[str]:
    yield from ("```mermaid", "erDiagram")
    for table in contract.resources.values():
        for fk in table.foreign_keys:
            one = "||" if table[fk.field].required else "|o"
            yield f"  {fk.resource} {one}--o{{ {table.name} : {fk.field}"
    yield "```"


def _section(contract: Contract, table: Resource, examples: bool) -> str:
    lines = [f"## {_code(table.name)}: {table.title}", ""]
    if table.description:
        lines += [_line(table.description), ""]
    lines.append(f"- Primary key: {_code(table.key)}")
    lines += [f"- Unique together: {', '.join(map(_code, key))}" for key in table.unique_keys]
    lines += [
        f"- Foreign key: {_code(fk.field)} → {_code(f'{fk.resource}.{fk.target}')}"
        for fk in table.foreign_keys
    ]
    referrers = [f"{other.name}.{fk.field}" for other, fk in contract.referrers(table.name)]
    if referrers:
        lines.append(f"- Referred to by: {', '.join(map(_code, referrers))}")
    lines += [
        "",
        *_table(
            ("Field", "Type", "Required", "Evidence", "Description and constraints"),
            (_row(field, examples) for field in table.fields),
        ),
        "",
    ]
    for field in table.fields:
        if field.enum and not _has_modes(field):
            lines += _terms(field)
    return "\n".join(lines)


def _row(field: Field, examples: bool) -> tuple[str, ...]:
    return (
        _code(field.name),
        f"{field.type} ({field.format})" if field.format else field.type,
        "yes" if field.required else "no",
        str(field.raw.get("gazadata:evidence", "exempt")),
        " ".join(_details(field, examples)),
    )


def _details(field: Field, examples: bool) -> Iterator[str]:
    """The description, then each constraint and an example, as sentences."""
    if field.description:
        yield field.description
    if field.unique:
        yield "Unique."
    if field.verbatim:
        yield "Word for word from the source."
    # From the raw schema, so that no kind of constraint is left out.
    for name, value in field.raw.get("constraints", {}).items():
        if name not in ("required", "unique", "enum"):
            yield f"{name}: {_code(str(value))}."
    if field.enum:
        where = "in the appendix" if _has_modes(field) else "below"
        yield f"Terms {where}{', in ascending order' if field.ordered else ''}."
    if examples and "example" in field.raw:
        yield f"Example: {_code(str(field.raw['example']))}."


def _terms(field: Field) -> list[str]:
    """The terms of a field with their definitions and PLOVER's quad classes."""
    definitions = field.raw.get("gazadata:definitions", {})
    classes = field.raw.get("gazadata:quadClass", {})
    notes = dict.fromkeys(field.raw.get("gazadata:recipientRequired", ()), "Needs a recipient.")
    head = ("Term", "Label", "Definition", *(("Quad class",) if classes else ()))
    body = (
        (
            _code(term),
            field.labels.get(term, ""),
            " ".join(filter(None, (definitions.get(term), notes.get(term)))),
            *((classes.get(term, "").replace("_", " "),) if classes else ()),
        )
        for term in field.enum
    )
    return [f"Terms of {_code(field.name)}:", "", *_table(head, body), ""]


def _has_modes(field: Field) -> bool:
    return _MODES in field.raw


def _appendix(contract: Contract) -> Iterator[str]:
    """The modes of events, of which a record uses few."""
    for table in contract.resources.values():
        for field in filter(_has_modes, table.fields):
            definitions = field.raw.get("gazadata:definitions", {})
            yield from (f"## Appendix: terms of {_code(f'{table.name}.{field.name}')}", "")
            yield from _table(
                ("Type", "Mode", "Label", "Definition"),
                (
                    (_code(type_), _code(term), field.labels.get(term, ""), definitions[term])
                    for type_, terms in field.raw[_MODES].items()
                    for term in terms
                    if term in definitions
                ),
            )
            yield ""


def _table(head: tuple[str, ...], body: Iterator[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{' --- |' * len(head)}"
    for row in body:
        yield f"| {' | '.join(map(_cell, row))} |"


def _code(text: str) -> str:
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def _line(text: str) -> str:
    return " ".join(text.split())


def _cell(text: str) -> str:
    # A pipe ends a cell of a Markdown table even within a code span.
    return text.replace("\n", " ").replace("|", "\\|")
