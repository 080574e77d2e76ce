"""What notebooks show, what figures contain, and what the graph links."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gazadata.cli import app
from gazadata.dataset import Dataset
from gazadata.display import figures
from gazadata.display.figures import Figure
from gazadata.display.record import Record
from gazadata.errors import MissingExtra
from gazadata.opening import open_dataset

LARGEST = 60_000


@pytest.fixture(scope="module")
def dataset(repo: Path) -> Dataset:
    return open_dataset(repo)


def shown(value: object) -> str:
    html = value._repr_html_()  # type: ignore[attr-defined]
    assert isinstance(html, str)
    assert len(html.encode("utf-8")) <= LARGEST
    assert "<script" not in html
    return html


def test_a_dataset_shows_its_tables(dataset: Dataset) -> None:
    html = shown(dataset)
    for name in dataset.tables:
        assert f"<code>{name}</code>" in html
    assert dataset.version in html


def test_every_explanation_shows_its_words(dataset: Dataset) -> None:
    for name in ("events", "positions", "assessments", "sources"):
        for row in dataset.load(name, as_="arrow").to_pylist():
            key = row[dataset.package.contract[name].key]
            shown(dataset.explain(name, key))
    html = shown(dataset.explain("positions", "azerbaijan-isf-participation", "stance"))
    assert "<mark>potential contributors like Azerbaijan have" in html
    assert "What was decided is not stated" in html


def test_hostile_values_are_text(hostile: Path) -> None:
    data = open_dataset(hostile)
    assert "<script>" not in data._repr_html_()
    for name in ("actors", "topics", "events"):
        for row in data.load(name, as_="arrow").to_pylist():
            html = data.explain(name, row[data.package.contract[name].key])._repr_html_()
            assert "<script" not in html
            assert "<img" not in html
    for figure in (data.plot.timeline(), data.plot.network()):
        ET.fromstring(figure.svg)
        assert "<svg onload" not in figure.svg


@pytest.mark.parametrize("name", ["timeline", "network", "positions"])
def test_a_figure_is_svg_and_can_be_saved(dataset: Dataset, name: str, tmp_path: Path) -> None:
    figure: Figure = getattr(dataset.plot, name)()
    shown(figure)
    ET.fromstring(figure.svg)
    figure.save(tmp_path / "figure.svg")
    assert (tmp_path / "figure.svg").read_text(encoding="utf-8") == figure.svg
    assert getattr(dataset.plot, name)().svg == figure.svg


@pytest.mark.parametrize("name", ["timeline", "network", "positions"])
def test_a_figure_can_be_saved_as_png(dataset: Dataset, name: str, tmp_path: Path) -> None:
    pytest.importorskip("resvg_py", reason="resvg-py is not installed")
    figure: Figure = getattr(dataset.plot, name)()
    figure.save(tmp_path / "figure.PNG")
    content = (tmp_path / "figure.PNG").read_bytes()
    assert content.startswith(b"\x89PNG\r\n")
    size = [int(ET.fromstring(figure.svg).attrib[side]) for side in ("width", "height")]
    assert [int.from_bytes(content[at : at + 4]) for at in (16, 20)] == [2 * one for one in size]


def test_a_figure_cannot_be_saved_as_pdf(dataset: Dataset, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"ends in \.svg or \.png"):
        dataset.plot.timeline().save(tmp_path / "figure.pdf")
    assert list(tmp_path.iterdir()) == []


def test_png_is_an_extra(dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    with pytest.raises(MissingExtra, match=r"gazadata\[png\]"):
        dataset.plot.timeline().save(tmp_path / "figure.png")


def test_frames_are_shown_within_the_size_limit(dataset: Dataset) -> None:
    for name in dataset.tables:
        shown(dataset.load(name))
        shown(dataset.view(name))


def test_the_matrix_has_every_position(dataset: Dataset) -> None:
    svg = dataset.plot.positions().svg
    assert svg.count('class="stance') == len(dataset.load("positions"))


def test_the_timeline_says_how_a_time_is_known(dataset: Dataset) -> None:
    frame = dataset.timeline()
    assert not frame.duplicated(["resource", "row_id"]).any()
    given = frame.set_index(["resource", "row_id"])["given"]
    assert given["events", "munir-tours-muslim-majority-nations"] == "words"
    assert given["events", "us-asks-pakistan-for-isf-troops"] == "status"
    assert given["assessments", "transformation-follows-withdrawal"] == "order"
    assert given["sources", "plover-manual"] == "date"
    assert set(dataset.load("events")["event_id"]) <= set(given["events"].index)
    assert frame["basis"].notna().all()


def test_excluded_parties_are_only_linked_as_excluded(dataset: Dataset) -> None:
    graph = dataset.graph()
    assert len(graph) == len(dataset.load("actors")) + len(dataset.load("topics"))
    doha = [
        (one, other, kind)
        for one, other, row, kind in (
            (a, b, d["row"], d["kind"]) for a, b, d in graph.edges(data=True)
        )
        if row == "events.doha-negotiations"
    ]
    excluded = {"actors.turkey", "actors.israel", "actors.key-regional-powers"}
    assert {one for one, _, kind in doha if kind == "excluded"} == excluded
    assert not {name for *ends, kind in doha if kind == "event" for name in ends} & excluded
    asked = graph.get_edge_data(
        "actors.trump-administration", "actors.pakistan-military-leadership"
    )
    assert [edge["certainty"] for edge in asked.values()] == ["uncommitted"]


def test_figures_leave_no_row_out(package_copy: Path) -> None:
    """Two positions of a holder on a topic are both drawn, and so are two roles of an actor."""
    positions = package_copy / "data/positions.csv"
    head, first, *rest = positions.read_text("utf-8").splitlines(keepends=True)
    again = first.replace(first.partition(",")[0], "another-one", 1)
    positions.write_text("".join([head, again, first, *rest]), "utf-8")
    participants = package_copy / "data/participants.csv"
    lines = participants.read_text("utf-8").splitlines(keepends=True)
    host = next(line for line in lines if ",visitor," in line)
    other = host.replace(host.partition(",")[0], "another-one").replace(",visitor,", ",excluded,")
    participants.write_text("".join([*lines, other]), "utf-8")

    record = Record(open_dataset(package_copy))
    drawn = [part.get("href") for part in figures.draw_positions(record).parts]
    assert all(record.address(one.anchor) in drawn for one in record.entries["positions"].values())
    acts = {act.entry.anchor: act for act in figures.acts_of(record)}
    event, actor = host.split(",")[1:3]
    roles = [role for one, role in acts[f"events.{event}"].actors if one == f"actors.{actor}"]
    assert roles == ["visitor", "excluded"]


def test_networkx_is_an_extra(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "networkx", None)
    with pytest.raises(MissingExtra, match=r"gazadata\[graph\]"):
        dataset.graph()


def test_explain_prints_html_that_links_to_the_page(repo: Path) -> None:
    asked = ["explain", "positions", "azerbaijan-isf-participation", "--package", str(repo)]
    result = CliRunner().invoke(app, [*asked, "--html"])
    link = "index.html#positions.azerbaijan-isf-participation"
    assert CliRunner().invoke(app, asked).stdout.endswith(f"  on the page of a release: {link}\n")
    assert result.exit_code == 0
    assert f'href="{link}"' in result.stdout
    assert "<mark>" in result.stdout
