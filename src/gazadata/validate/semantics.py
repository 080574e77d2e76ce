"""The semantics layer: consistency within a row, and among rows that belong together."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any, Literal

import polars as pl
from polars import col

from gazadata.contract import Contract, Resource
from gazadata.validate.checks import Check, CheckSet, Unrun
from gazadata.validate.rules import rule
from gazadata.validate.tables import LINE, Tables

CITED = ["cited_report", "named_speaker", "unnamed_source"]
CARRIERS = ["conditional_support", "conditional_oppose", "open", "undecided"]
WORDED = ["holds_rank", "holds_office", "described_as"]
OBJECTS = {"member_of": "group", "nationality": "state"}
"""The kind of a predicate's object."""
SUBJECTS = dict.fromkeys(("holds_rank", "holds_office", "nationality"), "person")
"""The kind of a predicate's subject."""
CHAINED = {"actors": "part_of", "topics": "part_of", "sources": "cited_by"}
"""The field of a table that links its rows to other rows of it."""


# Rules that run before the others because they identify more exactly which cells are wrong.
OF_KINDS = ("GD416", "GD418")
OF_SOURCES = ("GD420",)
OF_REPORTS = ("GD417",)
OF_CELLS = ("GD407", "GD419", "GD422")
OF_PAIRS = ("GD404", "GD409", "GD412", "GD413", "GD414", "GD415")
_EARLIER = {*OF_KINDS, *OF_SOURCES, *OF_REPORTS, *OF_CELLS, *OF_PAIRS}


def check_sets(contract: Contract, tables: Tables) -> Iterator[CheckSet]:
    """Check the cells of each row together, and rows that belong together."""
    for name, resource in contract.resources.items():
        if name in tables:
            checks = [*_dates(resource), *_reporting(resource.field_names)]
            if name in ROW_CHECKS:
                checks += ROW_CHECKS[name](contract)
            yield CheckSet(resource, partial(tables.typed, name), tuple(checks))
    for name, other, make in JOINED:
        if name in tables and not tables.unread(other):
            yield from make(contract, tables)


def only(check_sets: Iterable[CheckSet], codes: Collection[str]) -> Iterator[CheckSet]:
    """The check sets with only the checks of some rules."""
    for check_set in check_sets:
        yield replace(check_set, checks=tuple(one for one in check_set.checks if one.code in codes))


def later(check_sets: Iterable[CheckSet]) -> Iterator[CheckSet]:
    """The check sets with only the checks of rules that run after all of those above."""
    for check_set in check_sets:
        yield replace(
            check_set, checks=tuple(one for one in check_set.checks if one.code not in _EARLIER)
        )


rule(
    "GD401",
    title="earliest date is after the latest",
    reason="A period cannot end before it begins.",
    example="`date_earliest` 2025-06-01, `date_latest` 2025-05-01",
    remedy="Swap or correct the dates.",
)
rule(
    "GD402",
    title="precision does not match the dates",
    reason="Users interpret the dates by their precision.",
    example="`month` with two dates two weeks apart; `unknown` with a date",
    remedy=(
        "`day`: both dates the same; `week`: a span of at most 7 days; `month` and `year`: the "
        "first and last day; `range`: any other two dates; `open`: only one date; `unknown`: "
        "none."
    ),
)


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
    # Not pl.format, at which Polars 2.1 panics if it streams a large table.
    span = pl.concat_str(
        precision, pl.lit(": "), first.cast(pl.String).fill_null("none"), pl.lit(" to "),
        last.cast(pl.String).fill_null("none"),
    )  # fmt: skip
    return [
        Check(
            "GD401",
            f"{stem}_latest",
            last < first,
            found=last,
            expected=pl.concat_str(pl.lit("not before "), first.cast(pl.String)),
            applies=both if stem == "published" else None,
        ),
        Check(
            "GD402",
            field,
            ~agrees & ~(last < first).fill_null(False),
            found=span,
            expected="dates and precision that agree",
            applies=precision.is_not_null(),
        ),
        Check(
            "GD402",
            f"{stem}_earliest",
            precision.is_null() & ~none,
            expected="a precision for the date",
            applies=precision.is_null() & (not _required(resource, field)),
        ),
    ]


def _required(resource: Resource, field: str) -> bool:
    return field in resource.field_names and resource[field].required


def _property(resource: Resource, field: str, name: str, otherwise: Any) -> Any:
    """A property of a field; a missing field is reported when a rule reads it."""
    return resource[field].raw.get(name, otherwise) if field in resource.field_names else otherwise


rule(
    "GD410",
    title="`certainty` contradicts `attributed_to` or `hedge`",
    reason=(
        "What the article says in its own voice is certain; anything weaker has words that weaken "
        "it."
    ),
    example="`certain`, with `attributed_to` filled; `possible`, with `hedge` empty",
    remedy="Lower `certainty`, empty `attributed_to`, or copy the weakening words into `hedge`.",
)


def _reporting(names: tuple[str, ...]) -> list[Check]:
    if "certainty" not in names:
        return []
    # docs/manual.md, 3: certain means that the article says it in its own voice.
    weaker = col("certainty") != "certain"
    return [
        Check(
            "GD410",
            "certainty",
            pl.when(weaker)
            .then(col("hedge").is_null())
            .otherwise(col("attributed_to").is_not_null()),
            expected=pl.when(weaker)
            .then(pl.lit("certain, or the weakening words in hedge"))
            .otherwise(pl.lit("a weaker term, or no attributed_to")),
            applies=col("certainty").is_not_null(),
        )
    ]


rule(
    "GD403",
    title="mode does not belong to the event type",
    reason="In PLOVER each event type has its own modes.",
    example="CONSULT with mode `assist`",
    remedy="Choose a mode of the event type, or leave `event_mode` empty.",
)
rule(
    "GD404",
    title="event has both `event_type` and `local_type`, or neither",
    reason="Local types are only for what PLOVER does not cover.",
    example="SUPPORT and `rank_attained` in one row",
    remedy="Keep the PLOVER type if there is one.",
)
rule(
    "GD405",
    title="planned event is coded as CONSULT",
    reason="CONSULT is for talks that took place; PLOVER codes a future meeting as AGREE.",
    example="an upcoming visit as CONSULT",
    remedy="Use AGREE.",
)


def _events(contract: Contract) -> list[Check]:
    modes = _property(contract["events"], "event_mode", "gazadata:modes", {})
    allowed = pl.lit(False)
    for type_, terms in modes.items():
        allowed = allowed | ((col("event_type") == type_) & col("event_mode").is_in(terms))
    wanted = pl.concat_str(
        pl.lit("a mode of "),
        "event_type",
        pl.lit(": "),
        col("event_type").replace_strict(
            list(modes),
            [", ".join(m) for m in modes.values()],
            default="none",
            return_dtype=pl.String,
        ),
    ).fill_null("no mode, because a local type has none")
    return [
        Check(
            "GD403",
            "event_mode",
            ~allowed.fill_null(False),
            expected=wanted,
            # An event without any type is reported by GD404.
            applies=col("event_mode").is_not_null()
            & (col("event_type").is_not_null() | col("local_type").is_not_null()),
        ),
        Check(
            "GD404",
            "event_type",
            col("event_type").is_null() == col("local_type").is_null(),
            found=pl.concat_str(
                col("event_type").fill_null("none"),
                pl.lit(" and "),
                col("local_type").fill_null("none"),
            ),
            expected="one of event_type and local_type",
            blames=("event_type", "local_type"),
        ),
        Check(
            "GD405",
            "event_type",
            col("event_type") == "CONSULT",
            expected="AGREE",
            applies=col("status") == "planned",
        ),
    ]


rule(
    "GD413",
    title="inconsistent count of a participant",
    reason=(
        "A `member_count` needs `member_count_is_approximate`, and an excluded party has neither."
    ),
    example="role `excluded` with `member_count` 2",
    remedy="Fill in both cells, or empty both; for an excluded party empty both.",
)


def _participants(_: Contract) -> list[Check]:
    excluded = col("role") == "excluded"
    return [
        Check(
            "GD413",
            "member_count",
            col("member_count").is_not_null() & excluded,
            expected="no count of an excluded party",
            applies=excluded,
            blames=("member_count", "role"),
        ),
        Check(
            "GD413",
            "member_count_is_approximate",
            col("member_count").is_null() != col("member_count_is_approximate").is_null(),
            expected="filled if and only if member_count is",
            blames=("member_count", "member_count_is_approximate"),
        ),
    ]


rule(
    "GD409",
    title="`not_addressed` without `silence`, or `silence` without `not_addressed`",
    reason="Silence that the text asserts is a position, and always coded as this pair.",
    example="`not_addressed` with expression `indicated`",
    remedy="Use stance `not_addressed` with expression `silence`, or neither.",
)
rule(
    "GD418",
    title="relation or position is between an actor and itself",
    reason="An actor has no relation to itself and takes no position towards itself.",
    example="`subject_id` and `object_id` the same",
    remedy="Correct one of the two.",
)


def _positions(_: Contract) -> list[Check]:
    silent = col("stance") == "not_addressed"
    return [
        Check(
            "GD409",
            "expression",
            silent != (col("expression") == "silence").fill_null(False),
            expected=pl.when(silent)
            .then(pl.lit("silence"))
            .otherwise(pl.lit("an expression other than silence")),
            blames=("stance", "expression"),
        ),
        Check(
            "GD418",
            "addressed_to_id",
            col("addressed_to_id") == col("holder_id"),
            expected="an actor other than the holder",
            applies=col("addressed_to_id").is_not_null(),
        ),
    ]


rule(
    "GD412",
    title="relation has the wrong kind of object",
    reason=(
        "The object of a rank, an office or a description is text; other predicates need an actor."
    ),
    example="`holds_rank` with `object_id`; both objects filled",
    remedy=(
        "Fill in `object_text` for `holds_rank`, `holds_office` and `described_as`, and "
        "`object_id` otherwise."
    ),
)


def _relations(_: Contract) -> list[Check]:
    worded = col("predicate").is_in(WORDED)
    objects = col("object_text").is_not_null().cast(pl.Int8) + col("object_id").is_not_null()
    return [
        Check(
            "GD412",
            "predicate",
            (objects != 1) | (worded != col("object_text").is_not_null()),
            expected=pl.when(worded)
            .then(pl.lit("object_text, and no object_id"))
            .otherwise(pl.lit("object_id, and no object_text")),
            blames=("predicate", "object_text", "object_id"),
        ),
        Check(
            "GD418",
            "object_id",
            col("object_id") == col("subject_id"),
            expected="an actor other than the subject",
            applies=col("object_id").is_not_null(),
        ),
    ]


rule(
    "GD414",
    title="name refers to both an actor and a topic, or to neither",
    reason="A text that names two things needs two rows.",
    example="a row with both `actor_id` and `topic_id`",
    remedy="Split the row, or fill in one of the two.",
)


def _names(_: Contract) -> list[Check]:
    return [
        Check(
            "GD414",
            "actor_id",
            col("actor_id").is_null() == col("topic_id").is_null(),
            found=pl.concat_str(
                col("actor_id").fill_null("none"),
                pl.lit(" and "),
                col("topic_id").fill_null("none"),
            ),
            expected="one of actor_id and topic_id",
            blames=("actor_id", "topic_id"),
        )
    ]


rule(
    "GD415",
    title="assessment is about nothing",
    reason="Nobody could find it by its actor, topic or event.",
    example="`about_actor_id`, `about_topic_id` and `about_event_id` all empty",
    remedy="Fill in at least one of the three.",
)


def _assessments(_: Contract) -> list[Check]:
    about = [f"about_{thing}_id" for thing in ("actor", "topic", "event")]
    return [
        Check(
            "GD415",
            "about_actor_id",
            pl.all_horizontal(col(one).is_null() for one in about),
            expected="at least one of about_actor_id, about_topic_id and about_event_id",
            blames=about,
        )
    ]


rule(
    "GD420",
    title="`kind`, `held`, `cited_by` and `speaker_id` of a source contradict each other",
    reason=(
        "An article is coded, so its text is held; a source it passes on is cited by it; a named "
        "speaker is an actor."
    ),
    example="a cited report without `cited_by`",
    remedy=(
        "Correct the cells: an article is held; a cited report, a named speaker and an unnamed "
        "source have `cited_by`; a reference has neither. Only a named speaker has `speaker_id`."
    ),
)


def _sources(_: Contract) -> list[Check]:
    article, cited = col("kind") == "article", col("kind").is_in(CITED)
    known, has_text = col("kind").is_not_null(), col("text_path").is_not_null()
    return [
        Check(
            "GD420",
            "kind",
            col("held") & has_text & ~article,
            expected="article, because its text is held",
            applies=known,
        ),
        Check(
            "GD420",
            "held",
            article & ~col("held") & has_text,
            expected="true, because articles are coded from their text",
            applies=article,
        ),
        Check(
            "GD420",
            "kind",
            article & ~col("held") & ~has_text,
            found=pl.lit("article, whose text is not held"),
            expected="another kind, or its text in raw/",
            applies=article,
        ),
        Check(
            "GD420",
            "kind",
            ~article & ~cited & col("cited_by").is_not_null(),
            expected=f"{' or '.join(CITED)}, because another source cites it",
            applies=known,
        ),
        Check(
            "GD420",
            "cited_by",
            cited & col("cited_by").is_null() & ~(col("held") & has_text).fill_null(False),
            expected="the source that cites it, or another kind",
            applies=cited,
        ),
        Check(
            "GD420",
            "speaker_id",
            (col("kind") == "named_speaker") != col("speaker_id").is_not_null(),
            expected=pl.when(col("kind") == "named_speaker")
            .then(pl.lit("the actor who speaks"))
            .otherwise(pl.lit("empty unless kind is named_speaker")),
            # Without cited_by, the kind may be wrong instead.
            applies=(col("kind") != "named_speaker") | col("cited_by").is_not_null(),
        ),
    ]


rule(
    "GD416",
    title=(
        "country code on an actor that is not a state, or `list_is_open` on one that is not a group"
    ),
    reason="A code on part of a state would count as the state.",
    example="`iso3` on a government; `list_is_open` on a person",
    remedy="Empty the cell; the state of a part is found through `part_of`.",
)


def _actors(_: Contract) -> list[Check]:
    codes = ("iso3", "cow", "gleditsch_ward")
    return [
        *(
            Check(
                "GD416",
                code,
                col("kind") != "state",
                expected="empty unless kind is state",
                applies=col(code).is_not_null(),
            )
            for code in codes
        ),
        Check(
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


rule(
    "GD406",
    title="event has no recipient",
    reason="Events of this type are directed at somebody.",
    example="AID without a participant in the role `recipient`",
    remedy="Add the recipient, or choose another event type.",
)


def _recipients(contract: Contract, tables: Tables) -> Iterator[CheckSet]:
    needing = _property(contract["events"], "event_type", "gazadata:recipientRequired", [])
    terms: list[str] = []
    if "participants" in tables:
        terms = _property(contract["participants"], "role", "constraints", {}).get("enum", [])

    def frame() -> pl.LazyFrame:
        recipients = pl.LazyFrame(schema={"event_id": pl.String, "__has": pl.Boolean})
        if "participants" in tables:
            # An unknown role is reported by another rule, and may stand for this one.
            others = [term for term in terms if term != "recipient"]
            recipients = (
                tables.strings("participants")
                .filter(~col("role").is_in(others).fill_null(False))
                .select("event_id", __has=pl.lit(True))
                .unique()
            )
        return tables.strings("events").join(recipients, on="event_id", how="left")

    # Without `applies`: otherwise the rule would count as skipped in a package without such events.
    yield CheckSet(
        contract["events"],
        frame,
        (
            Check(
                "GD406",
                "event_type",
                col("event_type").is_in(needing) & col("__has").is_null(),
                expected="a participant in the role recipient",
                reads=["event_id"],
            ),
        ),
    )


rule(
    "GD407",
    title="conditional stance has no condition",
    reason="A conditional position is incomplete without what it depends on.",
    example="`conditional_support` without a row in conditions",
    remedy="Add the condition, or choose the stance that the words support.",
)


def _conditions(contract: Contract, tables: Tables) -> Iterator[CheckSet]:
    conditional = col("stance").is_in(["conditional_support", "conditional_oppose"])

    def frame() -> pl.LazyFrame:
        carried = pl.LazyFrame(schema={"position_id": pl.String, "__has": pl.Boolean})
        if "conditions" in tables:
            rows = tables.strings("conditions")
            carried = rows.select("position_id", __has=pl.lit(True)).unique()
        return tables.strings("positions").join(carried, on="position_id", how="left")

    yield CheckSet(
        contract["positions"],
        frame,
        (
            Check(
                "GD407",
                "stance",
                col("__has").is_null(),
                expected="a row in conditions",
                applies=conditional,
                reads=["position_id"],
                blames=(),  # It may be the condition that is missing.
            ),
        ),
    )


rule(
    "GD408",
    title="condition belongs to a position whose stance allows none",
    reason="Plain support, opposition and silence depend on nothing.",
    example="a condition of a position with the stance `oppose`",
    remedy=(
        "Refer to a position with `conditional_support`, `conditional_oppose`, `open` or "
        "`undecided`."
    ),
)


def _carried(contract: Contract, tables: Tables) -> Iterator[CheckSet]:
    def frame() -> pl.LazyFrame:
        stances = tables.cells("positions", position_id="position_id", __stance="stance")
        return tables.strings("conditions").join(stances, on="position_id", how="inner")

    yield CheckSet(
        contract["conditions"],
        frame,
        (
            Check(
                "GD408",
                "position_id",
                ~col("__stance").is_in(CARRIERS),
                found=pl.concat_str(col("position_id"), pl.lit(" is "), col("__stance")),
                expected="a position whose stance is " + " or ".join(CARRIERS),
            ),
        ),
    )


rule(
    "GD417",
    title="source of the wrong kind in `source_id`, `cited_by` or `attributed_to`",
    reason="Rows are coded from held texts, and attributed to the sources that these cite.",
    example="`source_id` that names a report cited by the article",
    remedy=(
        "Use the article in `source_id` and `cited_by`, and a source it cites in `attributed_to`."
    ),
)
rule(
    "GD422",
    title="`attributed_to` is not cited by the row's own source",
    reason="An article passes on what its own sources say, not those of another article.",
    example="`attributed_to` with a report that another article cites",
    remedy="Correct `attributed_to`, `source_id`, or `cited_by` of the source in `attributed_to`.",
)


def _reporters(contract: Contract, tables: Tables) -> Iterator[CheckSet]:
    def cited() -> pl.LazyFrame:
        citing = tables.cells("sources", cited_by="source_id", __citing_held="held")
        return tables.strings("sources").join(citing, on="cited_by", how="inner")

    yield CheckSet(
        contract["sources"],
        cited,
        (
            Check(
                "GD417",
                "cited_by",
                col("__citing_held") != "true",
                expected="a held source",
            ),
        ),
    )

    def attributed(name: str) -> pl.LazyFrame:
        own = tables.cells("sources", source_id="source_id", __source_held="held")
        source = tables.cells(
            "sources", attributed_to="source_id", __cited_kind="kind", __cited_by="cited_by"
        )
        return (
            tables.strings(name)
            .join(own, on="source_id", how="left")
            .join(source, on="attributed_to", how="left")
        )

    for name, resource in contract.resources.items():
        if name not in tables or "attributed_to" not in resource.field_names:
            continue
        yield CheckSet(
            resource,
            partial(attributed, name),
            (
                Check(
                    "GD417",
                    "source_id",
                    col("__source_held") != "true",
                    expected="a held source",
                    applies=col("__source_held").is_not_null(),
                ),
                Check(
                    "GD417",
                    "attributed_to",
                    ~col("__cited_kind").is_in(CITED),
                    found=pl.concat_str(col("attributed_to"), pl.lit(" is "), col("__cited_kind")),
                    expected=f"a source of kind {' or '.join(CITED)}",
                    applies=col("__cited_kind").is_not_null(),
                ),
                Check(
                    "GD422",
                    "attributed_to",
                    col("__cited_by") != col("source_id"),
                    found=pl.format("{}, which {} cites", "attributed_to", "__cited_by"),
                    expected=pl.format("a source that {} cites", "source_id"),
                    applies=col("__cited_kind").is_in(CITED) & col("__cited_by").is_not_null(),
                    more={"rests_on": pl.format("sources/{}/cited_by", "attributed_to")},
                ),
            ),
        )


rule(
    "GD419",
    title="actor is of the wrong kind for this field",
    reason=(
        "Only persons speak or have a rank, an office or a nationality; only groups have members, "
        "only states have nationals, and persons have no parts."
    ),
    example=(
        "`spokesperson_id` that names a state; `nationality` of a group; `part_of` that names a "
        "person"
    ),
    remedy=(
        "Use a person for `spokesperson_id` and as subject of a rank, an office or a nationality; "
        "a group as object of `member_of`; a state as object of nationality; and no person in "
        "`part_of`."
    ),
    unit="cells",
)


def _kinds(contract: Contract, tables: Tables) -> Iterator[CheckSet]:
    def of(name: str, *fields: str, how: Literal["left", "inner"] = "left") -> pl.LazyFrame:
        frame = tables.strings(name)
        for at in fields:
            kinds = tables.cells("actors", **{at: "actor_id", f"__kind:{at}": "kind"})
            frame = frame.join(kinds, on=at, how=how)
        return frame

    def is_of(field: str, wanted: pl.Expr, *, applies: pl.Expr | bool = True) -> Check:
        kind = col(f"__kind:{field}")
        return Check(
            "GD419",
            field,
            kind != wanted,
            found=pl.concat_str(col(field), pl.lit(" is "), kind),
            expected=pl.concat_str(pl.lit("an actor of kind "), wanted),
            applies=kind.is_not_null() & wanted.is_not_null() & applies,
        )

    if "positions" in tables:
        yield CheckSet(
            contract["positions"],
            partial(of, "positions", "spokesperson_id"),
            (is_of("spokesperson_id", pl.lit("person")),),
        )
    if "relations" in tables:
        of_subject, of_object = (
            col("predicate").replace_strict(kind, default=None, return_dtype=pl.String)
            for kind in (SUBJECTS, OBJECTS)
        )
        # If the object does not fit the predicate either, the predicate may be wrong.
        goes = (col("object_id").is_null() == col("predicate").is_in(WORDED)) & (
            of_object.is_null() | (col("__kind:object_id") == of_object)
        )
        yield CheckSet(
            contract["relations"],
            partial(of, "relations", "subject_id", "object_id"),
            (is_of("subject_id", of_subject, applies=goes), is_of("object_id", of_object)),
        )
    yield CheckSet(
        contract["actors"],
        partial(of, "actors", "part_of", how="inner"),
        (
            Check(
                "GD419",
                "part_of",
                col("__kind:part_of") == "person",
                found=pl.concat_str(col("part_of"), pl.lit(" is "), col("__kind:part_of")),
                expected="an actor that can have parts, or nothing",
            ),
        ),
    )


rule(
    "GD421",
    title="excluded actor also takes part in the event",
    reason="An actor kept out of talks cannot be counted among those who held them.",
    example="`turkey` as `excluded` and as `participant` of one event",
    remedy="Remove the row that the words do not support.",
)


def _excluded(contract: Contract, tables: Tables) -> Iterator[CheckSet]:
    def frame() -> pl.LazyFrame:
        participants = tables.strings("participants")
        taking_part = (
            participants.filter(
                (col("role") != "excluded")
                & ~tables.masked("participants", "event_id", "actor_id", "role")
            )
            .group_by("event_id", "actor_id")
            .agg(__part=col("role").min(), __other=col("participant_id").min())
        )
        return participants.filter(col("role") == "excluded").join(
            taking_part, on=["event_id", "actor_id"], how="left"
        )

    yield CheckSet(
        contract["participants"],
        frame,
        (
            Check(
                "GD421",
                "role",
                col("__part").is_not_null(),
                found=pl.concat_str(pl.lit("excluded, and "), "__part", pl.lit(" in "), "__other"),
                expected="no other role in the event",
                reads=["event_id", "actor_id"],
            ),
        ),
    )


rule(
    "GD411",
    title="`part_of` or `cited_by` forms a cycle",
    reason="A chain of parts or citations must end.",
    example="a topic that is part of its own part",
    remedy="Empty the link that closes the cycle.",
)


def cycles(contract: Contract, tables: Tables, unrun: Unrun) -> Iterator[CheckSet]:
    """Check that links within a table form no cycle."""
    for name, field in CHAINED.items():
        if name not in tables:
            continue
        resource = contract[name]
        with unrun.guard(["GD411"], name):
            links = tables.strings(name).select(resource.key, field, LINE).drop_nulls()
            every = links.collect()
            found = _find_cycles(dict(every.select(resource.key, field).iter_rows()))
            yield CheckSet(
                resource,
                partial(tables.strings, name),
                (
                    Check(
                        "GD411",
                        field,
                        col(resource.key).is_in([min(cycle) for cycle in found]),
                        expected="a chain that ends",
                        applies=col(field).is_not_null(),
                    ),
                ),
            )
            # Any link of a cycle may be the wrong one.
            within = [key for cycle in found for key in cycle]
            tables.mask(name, field, every.filter(col(resource.key).is_in(within))[LINE])


def _find_cycles(parents: dict[str, str]) -> list[list[str]]:
    """The cycles of links, each as a list of keys."""
    done: set[str] = set()
    found: list[list[str]] = []
    for start in parents:
        trail: dict[str, int] = {}
        at: str | None = start
        while at is not None and at not in done and at not in trail:
            trail[at] = len(trail)
            at = parents.get(at)
        if at is not None and at in trail:
            found.append([key for key, place in trail.items() if place >= trail[at]])
        done.update(trail)
    return found


JOINED = (
    ("sources", "sources", _reporters),
    ("actors", "actors", _kinds),
    ("events", "participants", _recipients),
    ("positions", "conditions", _conditions),
    ("conditions", "positions", _carried),
    ("participants", "participants", _excluded),
)
"""Rules of a table that also read another table."""
