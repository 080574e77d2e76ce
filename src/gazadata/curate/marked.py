"""Reading YAML with every value as text, and with its line and column."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from pathlib import Path

from gazadata.curate.tables import place_after
from gazadata.errors import WrongSheet, extra

with extra("PyYAML", "curate"):
    import yaml
    from yaml import MappingNode, Node, ScalarNode, SequenceNode

__all__ = [
    "MappingNode",
    "Mark",
    "Mistake",
    "Node",
    "ScalarNode",
    "SequenceNode",
    "compose",
    "plain",
    "span_of",
]


@dataclass(frozen=True, order=True)
class Mark:
    """A place in a file: line and column, both from 1."""

    line: int
    column: int

    @classmethod
    def of(cls, node: Node) -> Mark:
        """Where a node begins."""
        return _mark(node.start_mark)


def _mark(at: object) -> Mark:
    """The place of a YAML mark, which counts from 0; the file's beginning if it has none."""
    return Mark(getattr(at, "line", 0) + 1, getattr(at, "column", 0) + 1)


def span_of(node: Node) -> tuple[int, int]:
    """Where a node begins and ends, in characters of the text."""
    return node.start_mark.index, node.end_mark.index


@dataclass(frozen=True, order=True)
class Mistake:
    """What is wrong at a place in a file, and what is expected there."""

    mark: Mark
    message: str


def compose(path: Path, text: str) -> Node:
    """The node at the top of a YAML text; errors call it `path`.

    Raises:
        WrongSheet: it is not YAML, is empty, has a line ending that editors do not recognize, is
            nested too deeply, or has an alias.
    """
    if other := _OTHER_ENDS.search(text):
        mark = Mark(*place_after(text[: other.start()]))
        said = f"U+{ord(other.group()):04X} ends a line in YAML, but not in your editor; remove it"
        raise WrongSheet(path, [Mistake(mark, said)])
    try:
        try:
            node = _composed(path, text, _FAST)
        except yaml.YAMLError:
            # The slower loader, whose errors are the same everywhere and easier to understand.
            node = _composed(path, text, yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        at = error.problem_mark or error.context_mark
        raise WrongSheet(path, [Mistake(_mark(at), f"not YAML: {_explained(error)}")]) from None
    except yaml.YAMLError as error:
        raise WrongSheet(path, [Mistake(Mark(1, 1), f"not YAML: {error}")]) from None
    if node is None:
        raise WrongSheet(path, [Mistake(Mark(1, 1), "the file is empty")])
    return node


_OTHER_ENDS = re.compile("[\x85\u2028\u2029]|\r(?!\n)")
"""Line ends of YAML that would shift its line numbers from those of editors."""

_DEPTH = 20
"""The deepest nesting that is read; a sheet needs at most ten levels."""

# libyaml's, if PyYAML was built with it.
_FAST: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _composed(path: Path, text: str, loader: type[yaml.SafeLoader]) -> Node | None:
    depth = 0
    for event in yaml.parse(text, Loader=loader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEPTH:
            mistake = Mistake(_mark(event.start_mark), "nested too deeply for a sheet")
            raise WrongSheet(path, [mistake])
        if isinstance(event, yaml.AliasEvent):
            mistake = Mistake(
                _mark(event.start_mark), "aliases are not supported; write the value out"
            )
            raise WrongSheet(path, [mistake])
    node: Node | None = yaml.compose(text, Loader=loader)
    return node


def _explained(error: yaml.MarkedYAMLError) -> str:
    problem = error.problem or "it cannot be read"
    if "mapping values are not allowed" in problem:
        return (
            "a second colon or a wrong indent; put text with a colon in double quotes, and "
            "align the line with the field above it"
        )
    if "expected <block end>" in problem and error.context_mark:
        line = error.context_mark.line + 1
        return f"wrong indent; align the line with the list or fields that begin on line {line}"
    if "\\t" in problem:
        return "a tab; indent with spaces"
    return problem


def plain(text: str, *, is_text: bool, flow: bool = False) -> str:
    """A scalar as it is written in YAML: without quotation marks where that is unambiguous.

    Args:
        text: the value.
        is_text: quote what YAML would read as a number, a date or a truth value.
        flow: whether it is written between braces or brackets.
    """
    analysis = yaml.emitter.Emitter(io.StringIO(), allow_unicode=True).analyze_scalar(text)
    allowed = analysis.allow_flow_plain if flow else analysis.allow_block_plain
    if allowed and not analysis.multiline and not (is_text and _resolves(text)):
        return text
    dumped: str = yaml.dump(text, default_style='"', allow_unicode=True, width=1 << 30)
    return dumped.rstrip("\n")


def _resolves(text: str) -> bool:
    """Whether YAML reads this plain scalar as something else than text."""
    tag = _RESOLVER.resolve(ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
    return bool(tag != "tag:yaml.org,2002:str")


_RESOLVER = yaml.SafeLoader("")
