"""Figures of a record as static SVG: the timeline, the network, the matrix of positions."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import wrap
from typing import Any, NamedTuple

from gazadata import atomic
from gazadata.display.record import Entry, Record
from gazadata.errors import extra

SIGNS = {
    "support": "++",
    "conditional_support": "+",
    "open": "○",
    "reconsidering": "?",
    "unclear": "?",
    "not_addressed": "·",
    "conditional_oppose": "−",
    "oppose": "−−",
}
"""How a stance is drawn, so that it can be recognised without colours."""

SIDES = {"+": "for", "−": "against"}

ERAS = ("Before the article", "Under way", "Ahead")
ERA_OF = {"occurred": 0, "ongoing": 1, "planned": 2, "proposed": 2}
AGENTS = ("actor", "visitor", "participant")
RECIPIENTS = ("recipient", "host")
SWEEPS = 12
PNG_SCALE = 2
COLUMN = 118
"""How wide a topic is in the matrix."""
ROW = 46
"""How high a position is in the matrix."""


@dataclass(frozen=True)
class Figure:
    """A figure that notebooks display; `svg` is its source."""

    title: str
    svg: str

    def __repr__(self) -> str:
        return f"<Figure {self.title}: {len(self.svg):,} bytes of SVG>"

    def _repr_html_(self) -> str:
        from gazadata.display.html import render

        # In its own frame, so that its style affects nothing else in a notebook.
        return render("figure.html.j2", figure=self)

    def save(self, path: str | Path) -> None:
        """Write the figure as SVG, or as PNG on white if the file name ends in .png.

        Raises:
            ValueError: the name ends in something else.
            MissingExtra: resvg-py, which a PNG needs, is not installed.
            OSError: the file cannot be written.
        """
        path = Path(path)
        if path.suffix.lower() not in (".svg", ".png"):
            raise ValueError(f"{path}: expected a name that ends in .svg or .png")
        content = self.svg.encode("utf-8") if path.suffix.lower() == ".svg" else self._png()
        atomic.replace(path, content, durable=False)

    def _png(self) -> bytes:
        with extra("resvg-py", "png"):
            from resvg_py import svg_to_bytes
        return bytes(svg_to_bytes(svg_string=self.svg, background="white", zoom=PNG_SCALE))


@dataclass(frozen=True)
class Moment:
    """A row that has or implies a time. `given` says how: date, words, order or status."""

    entry: Entry
    given: str
    earliest: str
    latest: str
    precision: str
    words: str
    status: str
    basis: str

    @property
    def era(self) -> int:
        """Which of `ERAS` it belongs to, by its status."""
        return ERA_OF.get(self.status, 0)


def moments(record: Record) -> list[Moment]:
    """Every row that has or implies a time: events and positions, sequences, dated sources."""
    found = []
    for name in ("events", "positions", "assessments", "sources"):
        for entry in record.entries.get(name, {}).values():
            moment = _moment(entry)
            if moment:
                found.append(moment)
    rank = {"date": 0, "words": 1, "order": 2, "status": 3}
    found.sort(key=lambda one: (rank[one.given], one.earliest or one.latest, one.entry.anchor))
    return found


def _moment(entry: Entry) -> Moment | None:
    prefix = "published" if entry.resource == "sources" else "date"
    earliest, latest = entry.value(f"{prefix}_earliest"), entry.value(f"{prefix}_latest")
    words, status = entry.value("date_text"), entry.value("status")
    if earliest or latest:
        given, name = "date", f"{prefix}_earliest" if earliest else f"{prefix}_latest"
    elif words:
        given, name = "words", "date_text"
    elif entry.resource == "assessments" and entry.value("kind") == "sequence":
        given, name, words = "order", "statement", entry.value("statement")
    elif entry.resource == "events" and status:
        given, name = "status", "status"
    else:
        return None
    cell = entry.cells[name]
    bases = dict.fromkeys(proof.basis for proof in cell.proofs if proof.basis)
    precision = entry.value(f"{prefix}_precision")
    return Moment(entry, given, earliest, latest, precision, words, status, ", ".join(bases))


@dataclass(frozen=True)
class Link:
    """A line of the network: from whom to whom or what, from which row, and how certain."""

    source: str
    target: str
    kind: str
    label: str
    entry: Entry
    certainty: str


def links(record: Record) -> list[Link]:
    """Events, positions and relations as links between actors and topics.

    Nodes are called `actors.<key>` and `topics.<key>`. The actors of an event are linked to its
    recipients, or to each other if there are none, and to its topic. An excluded party is linked
    only to the topic, by a link of that kind.
    """
    found: list[Link] = []
    by_event: dict[str, list[Entry]] = defaultdict(list)
    for part in record.entries.get("participants", {}).values():
        by_event[part.value("event_id")].append(part)
    for event in record.entries.get("events", {}).values():
        found += _event_links(event, by_event[event.key])
    for position in record.entries.get("positions", {}).values():
        found.append(
            Link(
                f"actors.{position.value('holder_id')}",
                f"topics.{position.value('topic_id')}",
                "position",
                position.shown("stance"),
                position,
                position.certainty or "",
            )
        )
    for relation in record.entries.get("relations", {}).values():
        if relation.value("object_id"):
            found.append(
                Link(
                    f"actors.{relation.value('subject_id')}",
                    f"actors.{relation.value('object_id')}",
                    "relation",
                    relation.shown("predicate"),
                    relation,
                    relation.certainty or "",
                )
            )
    return found


def _event_links(event: Entry, parts: list[Entry]) -> list[Link]:
    certainty, topic = event.certainty or "", event.value("topic_id")
    agents = [p.value("actor_id") for p in parts if p.value("role") in AGENTS]
    others = [p.value("actor_id") for p in parts if p.value("role") in RECIPIENTS]
    pairs = [(one, other) for one in agents for other in others] or [
        (one, other) for at, one in enumerate(agents) for other in agents[at + 1 :]
    ]
    found = [
        Link(f"actors.{one}", f"actors.{other}", "event", event.label, event, certainty)
        for one, other in pairs
    ]
    if topic:
        found += [
            Link(f"actors.{one}", f"topics.{topic}", "event", event.label, event, certainty)
            for one in agents
        ]
        found += [
            Link(
                f"actors.{part.value('actor_id')}",
                f"topics.{topic}",
                "excluded",
                f"Excluded from: {event.label}",
                event,
                certainty,
            )
            for part in parts
            if part.value("role") == "excluded"
        ]
    return found


@dataclass(frozen=True)
class Matrix:
    """Who holds which position on what: `cells` has the positions by holder and topic."""

    holders: tuple[tuple[str, str], ...]
    topics: tuple[tuple[str, str], ...]
    cells: dict[tuple[str, str], list[Entry]]


def matrix(record: Record) -> Matrix:
    """The positions: topics with most positions first, and holders in the order of their topics."""
    cells: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    holders: dict[str, str] = {}
    topics: dict[str, str] = {}
    count: Counter[str] = Counter()
    for entry in record.entries.get("positions", {}).values():
        holder, topic = entry.value("holder_id"), entry.value("topic_id")
        cells[holder, topic].append(entry)
        holders[holder], topics[topic] = entry.shown("holder_id"), entry.shown("topic_id")
        count[topic] += 1
    across = sorted(topics.items(), key=lambda one: (-count[one[0]], one[1]))
    place = {key: at for at, (key, _) in enumerate(across)}
    down = sorted(
        holders.items(),
        key=lambda one: (min(place[t] for h, t in cells if h == one[0]), one[1]),
    )
    return Matrix(tuple(down), tuple(across), dict(cells))


def sign(stance: str) -> str:
    """The sign of a stance; the stance itself if it has none."""
    return SIGNS.get(stance, stance)


def side(stance: str) -> str:
    """The side that decides the colour of a stance: for, against or neither."""
    return SIDES.get(sign(stance)[:1], "neither")


@dataclass
class Drawing:
    """A figure being drawn: its size in user units, and its parts in order."""

    record: Record
    kind: str
    title: str
    width: int
    height: int = 0
    parts: list[dict[str, Any]] = field(default_factory=list)

    def text(self, x: float, y: float, words: str, cls: str = "", anchor: str = "start") -> None:
        """Write one line; `anchor` is start, middle or end."""
        self.parts.append(
            {"is": "text", "x": _n(x), "y": _n(y), "text": words, "cls": cls, "anchor": anchor}
        )

    def link(
        self, row: str, x: float, y: float, lines: list[str], cls: str = "", anchor: str = "start"
    ) -> None:
        """Write lines that link to a row, such as `events.<key>`."""
        placed = [(_n(y + at * 15), line) for at, line in enumerate(lines)]
        href = self.record.address(row)
        self.parts.append(
            {"is": "link", "href": href, "x": _n(x), "lines": placed, "cls": cls, "anchor": anchor}
        )

    def line(self, path: str, cls: str) -> None:
        """Draw a path."""
        self.parts.append({"is": "path", "d": path, "cls": cls.strip()})

    def box(self, x: float, y: float, width: float, height: float, cls: str) -> None:
        """Draw a rectangle."""
        self.parts.append(
            {"is": "rect", "x": _n(x), "y": _n(y), "w": _n(width), "h": _n(height), "cls": cls}
        )

    def figure(self, *, linked: bool) -> Figure:
        """The figure as SVG; if `linked`, its labels link to the rows of a page."""
        from gazadata.display.html import render

        return Figure(self.title, render("figure.svg.j2", drawing=self, linked=linked).strip())


def _n(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")


def _unsure(entry: Entry) -> str:
    return " unsure" if entry.hedged else ""


def _lines(words: str, width: int, most: int = 2) -> list[str]:
    found = wrap(words, width) or [""]
    if len(found) > most:
        found = found[:most]
        found[-1] = f"{found[-1][: width - 1].rstrip(' ,.;:')}…"
    return found


def draw_timeline(record: Record) -> Drawing:
    """What happened, in the order that the words imply, with an axis if there are dates."""
    drawing = Drawing(record, "timeline", "Timeline", 720)
    known = [one for one in moments(record) if one.entry.resource == "events"]
    dated = [one for one in known if one.given == "date"]
    rest = [one for one in known if one.given != "date"]
    left, gap = 330, 8
    y = 22.0
    if dated:
        y = _draw_dated(drawing, dated, left, y) + 34
    band = (drawing.width - left - 2 * gap) / len(ERAS)
    for at, era in enumerate(ERAS):
        drawing.text(left + at * (band + gap), y - 8, era, "head")
    top = y
    rest.sort(key=lambda one: (one.era, one.entry.value("is_background") != "true", one.entry.key))
    for moment in rest:
        lines = _lines(moment.entry.label, 42)
        words = _lines(f"“{moment.words}”" if moment.words else "", 19, 2)
        height = 15 * max(len(lines), len(words)) + 15
        x = left + moment.era * (band + gap)
        drawing.link(moment.entry.anchor, 0, y + height / 2 + 5 - 7.5 * (len(lines) - 1), lines)
        drawing.box(x, y + 5, band, height - 8, f"bar era{moment.era}{_unsure(moment.entry)}")
        middle = y + 1 + height / 2 + 4 - 6.5 * (len(words) - 1)
        for line_at, line in enumerate(words):
            drawing.text(x + 8, middle + line_at * 13, line, "note")
        y += height
        drawing.line(f"M0 {_n(y)}H{drawing.width}", "rule")
    for at in range(1, len(ERAS)):
        x = left + at * (band + gap) - gap / 2
        drawing.line(f"M{_n(x)} {_n(top - 20)}V{_n(y)}", "rule")
    drawing.height = int(y) + 6
    return drawing


def _draw_dated(drawing: Drawing, dated: list[Moment], left: int, y: float) -> float:
    from datetime import date

    def day(written: str) -> int:
        return date.fromisoformat(written[:10]).toordinal()

    first = min(day(one.earliest or one.latest) for one in dated)
    last = max(day(one.latest or one.earliest) for one in dated)
    width = drawing.width - left
    scale = (width - 12) / max(1, last - first)
    drawing.text(left, y - 8, date.fromordinal(first).isoformat(), "head")
    if last > first:
        drawing.text(drawing.width, y - 8, date.fromordinal(last).isoformat(), "head", "end")
    for moment in dated:
        lines = _lines(moment.entry.label, 42)
        height = 15 * len(lines) + 15
        x = left + (day(moment.earliest or moment.latest) - first) * scale
        end = left + (day(moment.latest or moment.earliest) - first) * scale
        drawing.link(moment.entry.anchor, 0, y + 18, lines)
        drawing.box(
            x, y + 5, end - x + 10, height - 8, f"bar era{moment.era}{_unsure(moment.entry)}"
        )
        y += height
        drawing.line(f"M0 {_n(y)}H{drawing.width}", "rule")
    return y


def draw_network(record: Record) -> Drawing:
    """Actors on the left, what they do or want in the middle, what it is about on the right."""
    drawing = Drawing(record, "network", "Network", 720)
    acts = acts_of(record)
    actors = list(dict.fromkeys(one for act in acts for one, _ in act.actors))
    topics = list(dict.fromkeys(one for act in acts for one in act.topics))
    actors, acts, topics = _uncrossed(actors, acts, topics)
    height = max([len(acts) * 38, len(actors) * 30, len(topics) * 38, 60])
    top = 30
    at: dict[str, float] = {}
    for names in (actors, [act.entry.anchor for act in acts], topics):
        step = height / max(1, len(names))
        at |= {name: top + step * (place + 0.5) for place, name in enumerate(names)}
    for head, x, anchor in (
        ("Who", 150, "end"),
        ("does or wants what", 235, "start"),
        ("about", 570, "start"),
    ):
        drawing.text(x, 14, head, "head", anchor)
    for act in acts:
        y, unsure = at[act.entry.anchor], _unsure(act.entry)
        for one, role in act.actors:
            drawing.line(
                f"M156 {_n(at[one])}C196 {_n(at[one])} 190 {_n(y)} 228 {_n(y)}",
                ("excluded" if role == "excluded" else "") + unsure,
            )
        for one in act.topics:
            drawing.line(f"M482 {_n(y)}C526 {_n(y)} 524 {_n(at[one])} 564 {_n(at[one])}", unsure)
    for one in actors:
        lines = _lines(record.label(one), 21)
        drawing.link(one, 150, at[one] + 4.5 - 7.5 * (len(lines) - 1), lines, "", "end")
    for entry in (act.entry for act in acts):
        y = at[entry.anchor]
        is_event = entry.resource == "events"
        words = entry.label if is_event else entry.shown("stance")
        lines = _lines(words, 33)
        drawing.box(228, y - 17, 254, 34, "node" if is_event else "node want")
        if not is_event:
            lines = [f"{sign(entry.value('stance'))}  {lines[0]}"]
        drawing.link(entry.anchor, 236, y + 4.5 - 7.5 * (len(lines) - 1), lines)
    for one in topics:
        lines = _lines(record.label(one), 21, 3)
        drawing.link(one, 570, at[one] + 4.5 - 7.5 * (len(lines) - 1), lines)
    drawing.height = int(top + height) + 6
    return drawing


class Act(NamedTuple):
    """An event or a position, with its actors and their roles, and its topics.

    They are called `actors.<key>` and `topics.<key>`, as in `links`.
    """

    entry: Entry
    actors: list[tuple[str, str]]
    topics: list[str]

    @property
    def ends(self) -> list[str]:
        """All that it is linked to in the network."""
        return [*(actor for actor, _ in self.actors), *self.topics]


def acts_of(record: Record) -> list[Act]:
    """The events and the positions."""
    acts: dict[str, Act] = {}
    for name in ("events", "positions"):
        for entry in record.entries.get(name, {}).values():
            topic = entry.value("topic_id")
            holder = f"actors.{entry.value('holder_id')}"
            actors = [(holder, "actor")] if name == "positions" else []
            acts[entry.anchor] = Act(entry, actors, [f"topics.{topic}"] if topic else [])
    for part in record.entries.get("participants", {}).values():
        if act := acts.get(f"events.{part.value('event_id')}"):
            act.actors.append((f"actors.{part.value('actor_id')}", part.value("role")))
    return list(acts.values())


def _uncrossed(
    actors: list[str], acts: list[Act], topics: list[str]
) -> tuple[list[str], list[Act], list[str]]:
    """Sort each column by the mean place of its links' other ends, so that few lines cross."""
    for _ in range(SWEEPS):
        place = {name: at / max(1, len(actors)) for at, name in enumerate(actors)}
        place |= {name: at / max(1, len(topics)) for at, name in enumerate(topics)}
        acts = sorted(acts, key=lambda act: _mean([place[one] for one in act.ends]))
        tied: dict[str, list[float]] = defaultdict(list)
        for at, act in enumerate(acts):
            for one in act.ends:
                tied[one].append(at)
        actors = sorted(actors, key=lambda one: _mean(tied[one]))
        topics = sorted(topics, key=lambda one: _mean(tied[one]))
    return actors, acts, topics


def _mean(numbers: list[float]) -> float:
    return sum(numbers) / len(numbers) if numbers else 0.0


def draw_positions(record: Record) -> Drawing:
    """The matrix of positions: holders down, topics across; blank if none is found."""
    table = matrix(record)
    drawing = Drawing(record, "positions", "Positions", 170 + COLUMN * max(1, len(table.topics)))
    for at, (key, label) in enumerate(table.topics):
        lines = _lines(label, 17, 4)
        drawing.link(f"topics.{key}", 170 + COLUMN * at + 4, 74 - 15 * (len(lines) - 1), lines)
    y = 86
    for holder, label in table.holders:
        drawing.line(f"M0 {y}H{drawing.width}", "rule")
        lines = _lines(label, 25)
        drawing.link(f"actors.{holder}", 0, y + 27 - 7.5 * (len(lines) - 1), lines)
        for at, (topic, _) in enumerate(table.topics):
            for nth, entry in enumerate(table.cells.get((holder, topic), [])):
                x, stance = 170 + COLUMN * at, entry.value("stance")
                top = y + ROW * nth
                look = f"stance {side(stance)}{_unsure(entry)}"
                drawing.box(x, top + 4, COLUMN - 6, 38, look)
                drawing.text(x + 8, top + 20, sign(stance), "sign")
                drawing.link(entry.anchor, x + 8, top + 35, [entry.shown("stance")], "small")
        y += ROW * max(len(table.cells.get((holder, topic), [])) for topic, _ in table.topics)
    drawing.height = y + 6
    return drawing
