"""What notebooks show for a dataset and an explanation, and the figures that they draw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gazadata.display import figures
from gazadata.display.figures import Figure
from gazadata.display.html import render
from gazadata.display.record import Record, explained, grounds
from gazadata.errors import extra

if TYPE_CHECKING:
    import networkx as nx
    import pandas as pd

    from gazadata.dataset import Dataset, Explanation

TIMELINE_COLUMNS = [
    "resource",
    "row_id",
    "label",
    "given",
    "date_earliest",
    "date_latest",
    "date_precision",
    "words",
    "status",
    "basis",
]


@dataclass(frozen=True)
class Plots:
    """The figures of a dataset: `timeline()`, `network()` and `positions()`."""

    dataset: Dataset

    def timeline(self) -> Figure:
        """What happened, in the order that the article's words imply."""
        return figures.draw_timeline(Record(self.dataset)).figure(linked=False)

    def network(self) -> Figure:
        """Who does or wants what, with whom, and about what."""
        return figures.draw_network(Record(self.dataset)).figure(linked=False)

    def positions(self) -> Figure:
        """Who holds which position on what; a blank means that no position was found."""
        return figures.draw_positions(Record(self.dataset)).figure(linked=False)


def dataset_html(dataset: Dataset) -> str:
    """A dataset as HTML without a script: its tables, what their rows are, and its citation."""
    contract = dataset.package.contract
    tables = [
        {
            "name": name,
            "rows": dataset.load(name, as_="arrow").num_rows,
            "description": resource.description,
            "fields": resource.field_names,
        }
        for name, resource in contract.resources.items()
    ]
    return render(
        "notebook.html.j2",
        explanation=None,
        title=contract.title,
        version=contract.version,
        description=str(contract.descriptor.get("description") or ""),
        tables=tables,
        citation=dataset.cite(),
    )


def explanation_html(explanation: Explanation) -> str:
    """An explanation as HTML without a script: each cell, and its words in their context."""
    return render(
        "notebook.html.j2", explanation=explanation, grounds=grounds(explained(explanation))
    )


def explanation_page(explanation: Explanation) -> str:
    """An explanation as a file of its own, which links to the row on the page of a release."""
    return render(
        "explanation.html.j2",
        title=f"{explanation.resource}/{explanation.row_id}",
        body=explanation_html(explanation),
        link=explanation.link,
    )


def timeline(dataset: Dataset) -> pd.DataFrame:
    """Every row that has or implies a time; see `Dataset.timeline`."""
    import pandas as pd

    rows = [
        {
            "resource": one.entry.resource,
            "row_id": one.entry.key,
            "label": one.entry.label,
            "given": one.given,
            "date_earliest": one.earliest or None,
            "date_latest": one.latest or None,
            "date_precision": one.precision or None,
            "words": one.words or None,
            "status": one.status or None,
            "basis": one.basis or None,
        }
        for one in figures.moments(Record(dataset))
    ]
    frame = pd.DataFrame(rows, columns=TIMELINE_COLUMNS)
    dates = ["date_earliest", "date_latest"]
    return frame.astype(
        {name: "datetime64[s]" if name in dates else "string" for name in frame.columns}
    )


def graph(dataset: Dataset) -> nx.MultiDiGraph[Any]:
    """Actors and topics, and the links between them; see `Dataset.graph`."""
    with extra("networkx", "graph"):
        import networkx as nx
    record = Record(dataset)
    made: nx.MultiDiGraph[Any] = nx.MultiDiGraph(name=dataset.package.contract.name)
    for kind in ("actors", "topics"):
        for entry in record.entries.get(kind, {}).values():
            made.add_node(entry.anchor, resource=kind, label=entry.label, kind=entry.value("kind"))
    for link in figures.links(record):
        made.add_edge(
            link.source,
            link.target,
            key=f"{link.entry.anchor}:{link.kind}",
            kind=link.kind,
            label=link.label,
            row=link.entry.anchor,
            certainty=link.certainty,
        )
    return made
