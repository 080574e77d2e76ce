"""The semantics layer: what the fields of a row, and rows that belong together, must agree on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl
from polars import col

from gazadata.contract import Contract, Resource
from gazadata.validate.checks import Check, Look, Unrun, cell, check
from gazadata.validate.tables import ILL, Tables

CITED = ["cited_report", "named_speaker", "unnamed_source"]
CARRIERS = ["conditional_support", "conditional_oppose", "open", "undecided"]
WORDED = ["holds_rank", "holds_office", "described_as"]
OBJECTS = {"member_of": "group", "nationality": "state"}
"""Of which kind the object of a predicate is."""
SUBJECTS = dict.fromkeys(("holds_rank", "holds_office", "nationality"), "person")
"""Of which kind the subject of a predicate is."""


def looks(contract: Contract, tables: Tables, unrun: Unrun) -> Iterator[Look]:
    """Every look of this layer at the tables that could be read."""
    for name, resource in contract.resources.items():
        if name in tables:
            checks = [*_dates(resource), *_reporting(resource.field_names)]
            if name in ROW_CHECKS:
                checks += ROW_CHECKS[name](contract)
            yield Look(resource, tables.typed(name), tuple(checks))
    for name, other, make in JOINED:
        if name in tables and not tables.unread(other):
            yield from make(contract, tables)
    yield from cycles(contract, tables, unrun)


def _dates(resource: Resource) -> list[Check]:
    for stem in ("date", "published"):
        if f"{stem}_earliest" in resource.field_names:
            break
    else:
        return []
    field = f"{stem}_precision"
    first, last, precision = col(f"{stem}_earliest"), col(f"{stem}_latest"), col(field)
    both, none = first.is_not_null() & last.is_not_null(), first.is_null() & last.is_null()
    one_month = (first.dt.day() == 1) & (last == first.dt.month_end())
    one_year = (
        (first.dt.ordinal_day() == 1)
        & (last.dt.year() == first.dt.year())
        & (last.dt.month() == 12)
        & (last.dt.day() == 31)
    )
    days = (last - first).dt.total_days()
    allowed = {
        "day": both & (days == 0),
        "week": both & (days > 0) & (days < 7),
        "month": both & one_month,
        "year": both & one_year,
        "range": both & (days > 0) & ~one_month & ~one_year,
        "open": first.is_null() != last.is_null(),
        "unknown": none,
    }
    agrees = pl.lit(False)
    for term, fits in allowed.items():
        agrees = agrees | ((precision == term) & fits.fill_null(False))
    span = pl.concat_str(
        precision, pl.lit(": "), first.cast(pl.String).fill_null("none"), pl.lit(" to "),
        last.cast(pl.String).fill_null("none"),
    )  # fmt: skip
    return [
        check(
            "GD401",
            f"{stem}_latest",
            last < first,
            found=last,
            expected=pl.concat_str(pl.lit("not before "), first.cast(pl.String)),
            applies=both if stem == "published" else None,
        ),
        check(
            "GD402",
            field,
            ~agrees & ~(last < first).fill_null(False),
            found=span,
            expected="dates and precision that agree",
            applies=precision.is_not_null() & ~_ill(f"{stem}_earliest", f"{stem}_latest"),
        ),
        check(
            "GD402",
            f"{stem}_earliest",
            precision.is_null() & ~none,
            expected="a precision beside a date",
            applies=precision.is_null() & (not _required(resource, field)),
        ),
    ]


def _required(resource: Resource, field: str) -> bool:
    return field in resource.field_names and resource[field].required


def _property(resource: Resource, field: str, name: str, otherwise: Any) -> Any:
    """A property of a field; that the field is not there is said where a rule asks for it."""
    return resource[field].raw.get(name, otherwise) if field in resource.field_names else otherwise


def _ill(*fields: str) -> pl.Expr:
    """Whether a cell that is null here is not empty in the file."""
    return pl.any_horizontal(f"{ILL}{field}" for field in fields)


def _reporting(names: tuple[str, ...]) -> list[Check]:
    if "certainty" not in names:
        return []
    # docs/manual.md, 3: what is certain, the article says in its own voice.
    weaker = col("certainty") != "certain"
    return [
        check(
            "GD410",
            "certainty",
            pl.when(weaker)
            .then(col("hedge").is_null())
            .otherwise(col("attributed_to").is_not_null()),
            expected=pl.when(weaker)
            .then(pl.lit("certain, or in hedge the words that weaken it"))
            .otherwise(pl.lit("a weaker term, or no attributed_to")),
            applies=col("certainty").is_not_null(),
        )
    ]


def _events(contract: Contract) -> list[Check]:
    modes = _property(contract["events"], "event_mode", "gazadata:modes", {})
    allowed = pl.lit(False)
    for type_, terms in modes.items():
        allowed = allowed | ((col("event_type") == type_) & col("event_mode").is_in(terms))
    wanted = pl.concat_str(
        pl.lit("a mode of "),
        col("event_type").fill_null("a local type, which has none"),
        pl.lit(": "),
        col("event_type")
        .replace_strict(
            list(modes),
            [", ".join(m) for m in modes.values()],
            default="none",
            return_dtype=pl.String,
        )
        .fill_null("none"),
    )
    return [
        check(
            "GD403",
            "event_mode",
            ~allowed.fill_null(False),
            expected=wanted,
            # Without any type, that is what is wrong.
            applies=col("event_mode").is_not_null()
            & (col("event_type").is_not_null() | col("local_type").is_not_null()),
        ),
        check(
            "GD404",
            "event_type",
            col("event_type").is_null() == col("local_type").is_null(),
            found=pl.concat_str(
                col("event_type").fill_null("none"),
                pl.lit(" and "),
                col("local_type").fill_null("none"),
            ),
            expected="one of event_type and local_type",
        ),
        check(
            "GD405",
            "event_type",
            col("event_type") == "CONSULT",
            expected="AGREE",
            applies=col("status") == "planned",
        ),
    ]


def _participants(_: Contract) -> list[Check]:
    excluded = col("role") == "excluded"
    return [
        check(
            "GD413",
            "member_count",
            col("member_count").is_not_null() & excluded,
            expected="no count of an excluded party",
            applies=excluded,
        ),
        check(
            "GD413",
            "member_count_is_approximate",
            col("member_count").is_null() != col("member_count_is_approximate").is_null(),
            expected="filled exactly where member_count is",
            applies=~_ill("member_count", "member_count_is_approximate"),
        ),
    ]


def _positions(_: Contract) -> list[Check]:
    silent = col("stance") == "not_addressed"
    return [
        check(
            "GD409",
            "expression",
            silent != (col("expression") == "silence").fill_null(False),
            expected=pl.when(silent)
            .then(pl.lit("silence"))
            .otherwise(pl.lit("another expression")),
        ),
        check(
            "GD418",
            "addressed_to_id",
            col("addressed_to_id") == col("holder_id"),
            expected="another actor than the holder",
            applies=col("addressed_to_id").is_not_null(),
        ),
    ]


def _relations(_: Contract) -> list[Check]:
    worded = col("predicate").is_in(WORDED)
    objects = col("object_text").is_not_null().cast(pl.Int8) + col("object_id").is_not_null()
    return [
        check(
            "GD412",
            "predicate",
            (objects != 1) | (worded != col("object_text").is_not_null()),
            expected=pl.when(worded)
            .then(pl.lit("object_text, and no object_id"))
            .otherwise(pl.lit("object_id, and no object_text")),
        ),
        check(
            "GD418",
            "object_id",
            col("object_id") == col("subject_id"),
            expected="another actor than the subject",
            applies=col("object_id").is_not_null(),
        ),
    ]


def _names(_: Contract) -> list[Check]:
    return [
        check(
            "GD414",
            "actor_id",
            col("actor_id").is_null() == col("topic_id").is_null(),
            found=pl.concat_str(
                col("actor_id").fill_null("none"),
                pl.lit(" and "),
                col("topic_id").fill_null("none"),
            ),
            expected="one of actor_id and topic_id",
        )
    ]


def _assessments(_: Contract) -> list[Check]:
    about = [col(f"about_{thing}_id") for thing in ("actor", "topic", "event")]
    return [
        check(
            "GD415",
            "about_actor_id",
            pl.all_horizontal(a.is_null() for a in about),
            expected="at least one of about_actor_id, about_topic_id and about_event_id",
        )
    ]


def _sources(_: Contract) -> list[Check]:
    article, cited = col("kind") == "article", col("kind").is_in(CITED)
    known, has_text = col("kind").is_not_null(), col("text_path").is_not_null()
    return [
        check(
            "GD420",
            "kind",
            col("held") & has_text & ~article,
            expected="article, as its text is held",
            applies=known,
        ),
        check(
            "GD420",
            "held",
            article & ~col("held") & has_text,
            expected="true, as an article is what is coded",
            applies=article,
        ),
        check(
            "GD420",
            "kind",
            article & ~col("held") & ~has_text,
            found=pl.lit("article, whose text is not held"),
            expected="another kind, or its text in raw/",
            applies=article,
        ),
        check(
            "GD420",
            "kind",
            ~article & ~cited & col("cited_by").is_not_null(),
            expected=f"{' or '.join(CITED)}, as another source cites it",
            applies=known,
        ),
        check(
            "GD420",
            "cited_by",
            cited & col("cited_by").is_null() & ~(col("held") & has_text).fill_null(False),
            expected="the source that cites it, or another kind",
            applies=cited,
        ),
        check(
            "GD420",
            "speaker_id",
            (col("kind") == "named_speaker") != col("speaker_id").is_not_null(),
            expected=pl.when(col("kind") == "named_speaker")
            .then(pl.lit("the actor who speaks"))
            .otherwise(pl.lit("empty unless kind is named_speaker")),
            # Without cited_by it may be the kind that is wrong.
            applies=(col("kind") != "named_speaker") | col("cited_by").is_not_null(),
        ),
    ]


def _actors(_: Contract) -> list[Check]:
    codes = ("iso3", "cow", "gleditsch_ward")
    return [
        *(
            check(
                "GD416",
                code,
                col("kind") != "state",
                expected="empty unless kind is state",
                applies=col(code).is_not_null(),
            )
            for code in codes
        ),
        check(
            "GD416",
            "list_is_open",
            col("kind") != "group",
            expected="empty unless kind is group",
            applies=col("list_is_open").is_not_null(),
        ),
    ]


ROW_CHECKS = {
    "sources": _sources,
    "events": _events,
    "participants": _participants,
    "positions": _positions,
    "relations": _relations,
    "names": _names,
    "assessments": _assessments,
    "actors": _actors,
}


def _recipients(contract: Contract, tables: Tables) -> Iterator[Look]:
    needing = _property(contract["events"], "event_type", "gazadata:recipientRequired", [])
    # A role that is none of the terms is reported itself: it may be meant as this one.
    recipients = pl.LazyFrame(schema={"event_id": pl.String, "__has": pl.Boolean})
    if "participants" in tables:
        terms = _property(contract["participants"], "role", "constraints", {}).get("enum", [])
        others = [term for term in terms if term != "recipient"]
        recipients = (
            tables.strings("participants")
            .filter(~col("role").is_in(others).fill_null(False))
            .select("event_id", __has=pl.lit(True))
            .unique()
        )
    # The benchmark of a rule that looks at nothing is a package without such events: the types
    # of all events are looked at.
    yield Look(
        contract["events"],
        tables.strings("events").join(recipients, on="event_id", how="left"),
        (
            check(
                "GD406",
                "event_type",
                col("event_type").is_in(needing) & col("__has").is_null(),
                expected="a participant in the role recipient",
                relies=[cell("events", "event_id", "event_id")],
            ),
        ),
    )


def _conditions(contract: Contract, tables: Tables) -> Iterator[Look]:
    conditional = col("stance").is_in(["conditional_support", "conditional_oppose"])
    carried = pl.LazyFrame(schema={"position_id": pl.String, "__has": pl.Boolean})
    if "conditions" in tables:
        carried = tables.strings("conditions").select("position_id", __has=pl.lit(True)).unique()
    yield Look(
        contract["positions"],
        tables.strings("positions").join(carried, on="position_id", how="left"),
        (
            check(
                "GD407",
                "stance",
                col("__has").is_null(),
                expected="a row in conditions",
                applies=conditional,
                relies=[cell("positions", "position_id", "position_id")],
            ),
        ),
    )


def _carried(contract: Contract, tables: Tables) -> Iterator[Look]:
    stances = tables.strings("positions").select("position_id", __stance="stance")
    yield Look(
        contract["conditions"],
        tables.strings("conditions").join(stances, on="position_id", how="inner"),
        (
            check(
                "GD408",
                "position_id",
                ~col("__stance").is_in(CARRIERS),
                found=pl.concat_str(col("position_id"), pl.lit(" is "), col("__stance")),
                expected="a position that is " + " or ".join(CARRIERS),
                relies=[cell("positions", "position_id", "stance")],
            ),
        ),
    )


def _reporters(contract: Contract, tables: Tables) -> Iterator[Look]:
    sources = tables.strings("sources").select("source_id", "kind", "held", "cited_by")
    citing = sources.select(cited_by="source_id", __citing_held="held")
    yield Look(
        contract["sources"],
        tables.strings("sources").join(citing, on="cited_by", how="inner"),
        (
            check(
                "GD417",
                "cited_by",
                col("__citing_held") != "true",
                expected="a held source",
                relies=[cell("sources", "cited_by", "held")],
            ),
        ),
    )
    told = sources.select("source_id", __told_held="held")
    cited = sources.select(attributed_to="source_id", __cited_kind="kind", __cited_by="cited_by")
    for name, resource in contract.resources.items():
        if name not in tables or "attributed_to" not in resource.field_names:
            continue
        yield Look(
            resource,
            tables.strings(name)
            .join(told, on="source_id", how="left")
            .join(cited, on="attributed_to", how="left"),
            (
                check(
                    "GD417",
                    "source_id",
                    col("__told_held") != "true",
                    expected="a held source",
                    applies=col("__told_held").is_not_null(),
                    relies=[cell("sources", "source_id", "held")],
                ),
                check(
                    "GD417",
                    "attributed_to",
                    ~col("__cited_kind").is_in(CITED),
                    found=pl.concat_str(col("attributed_to"), pl.lit(" is "), col("__cited_kind")),
                    expected=f"a source of kind {' or '.join(CITED)}",
                    applies=col("__cited_kind").is_not_null(),
                    relies=[cell("sources", "attributed_to", "kind")],
                ),
                check(
                    "GD422",
                    "attributed_to",
                    col("__cited_by") != col("source_id"),
                    found=pl.format("{}, which {} cites", "attributed_to", "__cited_by"),
                    expected=pl.format("a source that {} cites", "source_id"),
                    applies=col("__cited_kind").is_in(CITED) & col("__cited_by").is_not_null(),
                    relies=[cell("sources", "attributed_to", "cited_by")],
                ),
            ),
        )


def _kinds(contract: Contract, tables: Tables) -> Iterator[Look]:
    kinds = tables.strings("actors").select("actor_id", __kind="kind")

    def actor(field: str) -> pl.LazyFrame:
        return kinds.rename({"actor_id": field, "__kind": f"__kind:{field}"})

    def is_of(field: str, wanted: pl.Expr, *, applies: pl.Expr | bool = True) -> Check:
        kind = col(f"__kind:{field}")
        return check(
            "GD419",
            field,
            kind != wanted,
            found=pl.concat_str(col(field), pl.lit(" is "), kind),
            expected=pl.concat_str(pl.lit("an actor of kind "), wanted),
            relies=[cell("actors", field, "kind")],
            applies=kind.is_not_null() & wanted.is_not_null() & applies,
        )

    if "positions" in tables:
        spokespeople = actor("spokesperson_id")
        yield Look(
            contract["positions"],
            tables.strings("positions").join(spokespeople, on="spokesperson_id", how="left"),
            (is_of("spokesperson_id", pl.lit("person")),),
        )
    if "relations" in tables:
        of_subject, of_object = (
            col("predicate").replace_strict(kind, default=None, return_dtype=pl.String)
            for kind in (SUBJECTS, OBJECTS)
        )
        # Where the object does not go with the predicate, it may be the predicate that is wrong.
        goes = (col("object_id").is_null() == col("predicate").is_in(WORDED)) & (
            of_object.is_null() | (col("__kind:object_id") == of_object)
        )
        yield Look(
            contract["relations"],
            tables.strings("relations")
            .join(actor("subject_id"), on="subject_id", how="left")
            .join(actor("object_id"), on="object_id", how="left"),
            (is_of("subject_id", of_subject, applies=goes), is_of("object_id", of_object)),
        )
    yield Look(
        contract["actors"],
        tables.strings("actors").join(actor("part_of"), on="part_of", how="inner"),
        (
            check(
                "GD419",
                "part_of",
                col("__kind:part_of") == "person",
                found=pl.concat_str(col("part_of"), pl.lit(" is "), col("__kind:part_of")),
                expected="an actor that has parts, or nothing",
                relies=[cell("actors", "part_of", "kind")],
            ),
        ),
    )


def _excluded(contract: Contract, tables: Tables) -> Iterator[Look]:
    participants = tables.strings("participants")
    taking_part = (
        participants.filter(col("role") != "excluded")
        .group_by("event_id", "actor_id")
        .agg(__part=col("role").min(), __other=col("participant_id").min())
    )
    yield Look(
        contract["participants"],
        participants.filter(col("role") == "excluded").join(
            taking_part, on=["event_id", "actor_id"], how="left"
        ),
        (
            check(
                "GD421",
                "role",
                col("__part").is_not_null(),
                found=pl.concat_str(pl.lit("excluded, and "), "__part", pl.lit(" in "), "__other"),
                expected="no other part in the event",
                relies=[
                    cell("participants", "__other", at) for at in ("event_id", "actor_id", "role")
                ],
            ),
        ),
    )


def cycles(contract: Contract, tables: Tables, unrun: Unrun) -> Iterator[Look]:
    """Whether links within a table come to an end."""
    for name, field in (("actors", "part_of"), ("topics", "part_of"), ("sources", "cited_by")):
        if name not in tables:
            continue
        resource = contract[name]
        with unrun.guard(["GD411"], name):
            links = tables.strings(name).select(resource.key, field).drop_nulls()
            parents = dict(links.collect(engine=tables.engine).iter_rows())
            circular = _circular(parents)
            first = col(resource.key).replace_strict(circular, default=None, return_dtype=pl.String)
            yield Look(
                resource,
                tables.strings(name),
                (
                    check(
                        "GD411",
                        field,
                        col(resource.key).is_in(sorted(circular)),
                        expected="a chain that ends",
                        applies=col(field).is_not_null(),
                        # A circle is one mistake.
                        relies=[cell(name, first, field)],
                    ),
                ),
            )


def _circular(parents: dict[str, str]) -> dict[str, str]:
    """The keys that lie on a circle of links, each with the first of that circle."""
    done: set[str] = set()
    circular: dict[str, str] = {}
    for start in parents:
        trail: dict[str, int] = {}
        at: str | None = start
        while at is not None and at not in done and at not in trail:
            trail[at] = len(trail)
            at = parents.get(at)
        if at is not None and at in trail:
            circle = [key for key, place in trail.items() if place >= trail[at]]
            circular |= dict.fromkeys(circle, min(circle))
        done.update(trail)
    return circular


JOINED = (
    ("events", "participants", _recipients),
    ("positions", "conditions", _conditions),
    ("conditions", "positions", _carried),
    ("sources", "sources", _reporters),
    ("actors", "actors", _kinds),
    ("participants", "participants", _excluded),
)
"""Rules of a table that also look at another one."""
