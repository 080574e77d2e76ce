"""What the article says, compared with the tables: each test's docstring is the sentence.

Only rows that rest on this article are read; other articles have their own tests. Nothing here goes
through gazadata. The tables are read as plain CSV and the article as plain text, so that a bug in
the code cannot hide a mistake in the record.
"""

import csv
import json
import re
from collections import Counter
from pathlib import Path

import pytest

REPO = Path(__file__).parents[1]
Row = dict[str, str]

NAMES = [r["name"] for r in json.loads((REPO / "datapackage.json").read_text("utf-8"))["resources"]]
SCHEMAS = {name: json.loads((REPO / f"schemas/{name}.json").read_text("utf-8")) for name in NAMES}


ARTICLE = "trump-leaning-on-pakistan"


def read(name: str) -> list[Row]:
    with (REPO / "data" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def read_all() -> dict[str, list[Row]]:
    """The tables, without the rows that rest only on other articles."""
    tables = {name: read(name) for name in NAMES}
    for name in ("passages", "quotes"):
        tables[name] = [row for row in tables[name] if row["source_id"] == ARTICLE]
    ours = {"", *(row["quote_id"] for row in tables["quotes"])}
    tables["evidence"] = [row for row in tables["evidence"] if row["quote_id"] in ours]
    resting = {(row["resource"], row["row_id"]) for row in tables["evidence"]}
    for name in {row["resource"] for row in tables["evidence"]}:
        tables[name] = [row for row in tables[name] if (name, row[KEYS[name]]) in resting]
    return tables


KEYS = {name: schema["primaryKey"][0] for name, schema in SCHEMAS.items()}
TABLES = read_all()
ROWS = {name: {row[KEYS[name]]: row for row in TABLES[name]} for name in NAMES}
REPORTING = [name for name in NAMES if "certainty" in TABLES[name][0]]


def where(name: str, **cells: str) -> list[Row]:
    """The rows of a table that have these cells."""
    return [row for row in TABLES[name] if all(row[k] == v for k, v in cells.items())]


def quotes_behind(resource: str, row_id: str, field: str | None = None) -> list[str]:
    """The words that a row, or one of its cells, rests on."""
    return [
        ROWS["quotes"][row["quote_id"]]["exact"]
        for row in where("evidence", resource=resource, row_id=row_id)
        if row["quote_id"] and field in (None, row["field"])
    ]


def parts_of(event: str) -> dict[str, str]:
    """Who has which role in an event."""
    return {row["actor_id"]: row["role"] for row in where("participants", event_id=event)}


# How many rows a careful reading of one headline and fifteen sentences yields.


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("passages", 16, 16),
        ("actors", 20, 30),
        ("events", 10, 20),
        ("positions", 10, 20),
        ("relations", 10, 20),
        ("topics", 10, 22),
        ("assessments", 10, 24),
        ("evidence", 300, 2000),
    ],
)
def test_no_table_is_thin_or_padded(name: str, least: int, most: int) -> None:
    assert least <= len(TABLES[name]) <= most


def test_one_headline_and_fifteen_sentences() -> None:
    assert Counter(row["kind"] for row in TABLES["passages"]) == {"headline": 1, "sentence": 15}


# The text and the tables, checked again without gazadata.


def test_the_passages_tile_the_article(article: str) -> None:
    at = 0
    for row in sorted(TABLES["passages"], key=lambda row: int(row["sequence"])):
        start, end = int(row["char_start"]), int(row["char_end"])
        assert article[at:start].strip() == ""
        assert article[start:end] == article[start:end].strip() != ""
        if row["kind"] == "sentence":
            assert article[end - 1] == "."
        at = end
    assert article[at:].strip() == ""


def test_paragraphs_are_those_of_the_article(article: str) -> None:
    starts = [0, *(match.end() for match in re.finditer(r"\n\n", article))]
    for row in TABLES["passages"]:
        assert int(row["paragraph"]) == sum(start <= int(row["char_start"]) for start in starts)


@pytest.mark.parametrize("quote", TABLES["quotes"], ids=lambda row: row["quote_id"])
def test_a_quote_is_where_it_says(quote: Row, article: str) -> None:
    start, end = int(quote["char_start"]), int(quote["char_end"])
    assert article[start:end] == quote["exact"]
    assert article[:start].endswith(quote["prefix"])
    assert article[end:].startswith(quote["suffix"])
    passage = ROWS["passages"][quote["passage_id"]]
    assert int(passage["char_start"]) <= start < end <= int(passage["char_end"])
    for at in (start, end):
        assert not re.fullmatch(r"\w\w", article[at - 1 : at + 1]) or at == 0, "cuts a word"


@pytest.mark.parametrize("passage", TABLES["passages"], ids=lambda row: row["passage_id"])
def test_every_sentence_asserts_something_that_is_a_row(passage: Row) -> None:
    """Nothing that the article asserts is left out."""
    backed = {
        row["resource"]
        for row in TABLES["evidence"]
        if row["quote_id"]
        and ROWS["quotes"][row["quote_id"]]["passage_id"] == passage["passage_id"]
    }
    assert backed & {"events", "positions", "relations", "assessments"}


CELLS = [
    pytest.param(name, field["name"], id=f"{name}.{field['name']}")
    for name in NAMES
    for field in SCHEMAS[name]["fields"]
    if field["gazadata:evidence"] == "required"
]


@pytest.mark.parametrize(("name", "field"), CELLS)
def test_every_cell_that_asserts_has_evidence_and_no_null_does(name: str, field: str) -> None:
    backed = {row["row_id"] for row in where("evidence", resource=name, field=field)}
    assert backed == {row[KEYS[name]] for row in TABLES[name] if row[field] != ""}


def test_every_foreign_key_has_a_target() -> None:
    for name, schema in SCHEMAS.items():
        for key in schema.get("foreignKeys", []):
            target = key["reference"].get("resource", name)
            (field,) = key["fields"]
            pointed = {row[field] for row in TABLES[name]} - {""}
            assert pointed <= ROWS[target].keys(), (name, field)


VERBATIM = [
    pytest.param(name, row[KEYS[name]], field["name"], row[field["name"]])
    for name in NAMES
    for field in SCHEMAS[name]["fields"]
    if field.get("gazadata:verbatim")
    for row in TABLES[name]
    if row[field["name"]]
]


@pytest.mark.parametrize(("name", "row_id", "field", "text"), VERBATIM)
def test_a_verbatim_cell_has_the_articles_own_words(
    name: str, row_id: str, field: str, text: str, article: str
) -> None:
    assert text in article
    (policy,) = (f["gazadata:evidence"] for f in SCHEMAS[name]["fields"] if f["name"] == field)
    of_cell = None if policy == "derived" else field
    assert any(text in quote for quote in quotes_behind(name, row_id, of_cell))


def test_words_that_a_note_quotes_are_in_the_article(article: str) -> None:
    quoted = [
        (row["evidence_id"], words)
        for row in TABLES["evidence"]
        for words in re.findall(r"“([^”]*)”", row["note"])
    ]
    assert quoted
    assert [(key, words) for key, words in quoted if words.lower() not in article.lower()] == []


def test_every_date_is_by_reference_since_the_article_has_no_year(article: str) -> None:
    """“in May”, “earlier this year”, “recently”: the article never says which year it is."""
    assert re.search(r"\b(19|20)\d\d\b", article) is None
    basis = {
        (row["resource"], row["row_id"], row["field"]): row["basis"] for row in read("evidence")
    }
    dated = [
        (name, row[KEYS[name]], field)
        for name, fields in {
            "events": ("date_earliest", "date_latest"),
            "positions": ("date_earliest", "date_latest"),
            "sources": ("published_earliest", "published_latest"),
        }.items()
        for row in TABLES[name]
        for field in fields
        if row[field]
    ]
    assert dated
    assert {cell for cell in dated if basis[cell] != "reference"} == set()
    for name in ("events", "positions"):
        for row in TABLES[name]:
            given = row["date_earliest"] or row["date_latest"]
            assert bool(given) == (row["date_precision"] != "unknown"), row


def test_every_figure_is_in_the_article(article: str) -> None:
    """The article's only figures are 20 points and approximately 45 nations."""
    assert set(re.findall(r"\d+", article)) == {"20", "45"}
    counts = {row["member_count"] for row in TABLES["participants"]} - {""}
    assert counts == {"45"}
    for name in ("actors", "topics", "assessments", "events"):
        for row in TABLES[name]:
            for field in ("name", "label", "statement", "description"):
                assert set(re.findall(r"\d+", row.get(field, ""))) <= {"20", "45"}, row


# Who says it, and how far the article commits itself.


def test_a_certain_row_without_a_hedge_rests_on_no_hedged_words() -> None:
    """If a plainly certain row rests on a cue such as "reportedly", the coder dropped the cue."""
    cues = json.loads((REPO / "datapackage.json").read_text("utf-8"))["gazadata:hedgeCues"]
    cue = re.compile(rf"\b({'|'.join(map(re.escape, cues))})\b", re.IGNORECASE)
    looked = 0
    for name in REPORTING:
        for row in where(name, certainty="certain", hedge=""):
            for quote in quotes_behind(name, row[KEYS[name]]):
                looked += 1
                assert cue.search(quote) is None, (name, row[KEYS[name]], quote)
    assert looked


@pytest.mark.parametrize("name", REPORTING)
def test_an_uncertain_row_has_the_words_that_weaken_it(name: str) -> None:
    for row in TABLES[name]:
        assert row["certainty"] == "certain" or row["hedge"], row
        if row["certainty"] == "uncommitted":
            assert row["attributed_to"] or row["hedge"], row


def test_reuters_said_that_they_solicit() -> None:
    """“The Trump administration is actively soliciting …, according to a Reuters report.”."""
    event = ROWS["events"]["us-asks-pakistan-for-isf-troops"]
    position = ROWS["positions"]["trump-administration-pakistani-troops"]
    for row in (event, position):
        assert row["attributed_to"] == "reuters-report"
        assert row["certainty"] == "uncommitted"
        assert row["hedge"] == "according to a Reuters report"
    assert (event["event_type"], event["event_mode"], event["status"]) == (
        "REQUEST",
        "assist",
        "ongoing",
    )
    assert parts_of("us-asks-pakistan-for-isf-troops") == {
        "trump-administration": "actor",
        "pakistan-military-leadership": "recipient",
    }
    assert position["addressed_to_id"] == "pakistan-military-leadership"
    assert ROWS["sources"]["reuters-report"]["kind"] == "cited_report"
    assert ROWS["sources"]["reuters-report"]["publisher"] == "Reuters"


def test_reuters_is_the_source_of_its_own_clause_only() -> None:
    """“according to a Reuters report” ends the first sentence and applies to no other."""
    passages = {"trump-leaning-on-pakistan-headline", "trump-leaning-on-pakistan-s01"}
    attributed = [
        (name, row[KEYS[name]])
        for name in REPORTING
        for row in where(name, attributed_to="reuters-report")
    ]
    assert attributed
    for name, row_id in attributed:
        stand = {
            ROWS["quotes"][row["quote_id"]]["passage_id"]
            for row in where("evidence", resource=name, row_id=row_id)
            if row["quote_id"]
        }
        assert stand <= passages


def test_the_article_is_not_a_cited_report() -> None:
    """It cites Reuters, and its text names no author."""
    (row,) = where("sources", held="true")
    assert row["publisher"] not in ("", "Reuters")
    assert (row["author"], row["cited_by"]) == ("", "")
    for other in TABLES["sources"]:
        if other["kind"] in ("cited_report", "unnamed_source"):
            assert other["cited_by"] == row["source_id"]


def test_channels_reveal_what_hamas_proposed() -> None:
    """“Parallel diplomatic channels reveal Hamas has proposed freezing offensive operations”."""
    rows = [ROWS["events"]["hamas-proposes-freeze"], *where("positions", holder_id="hamas")]
    assert len(rows) == 3
    for row in rows:
        assert row["attributed_to"] == "parallel-diplomatic-channels"
        assert (row["certainty"], row["hedge"]) == (
            "probable",
            "Parallel diplomatic channels reveal",
        )


# Sentence by sentence.


def test_the_visit_is_planned_and_two_meetings_came_before() -> None:
    """As the article has it.

    “an upcoming Washington visit, his third meeting with US officials since President Trump
    took office earlier this year”
    """
    visit = ROWS["events"]["munir-visits-washington"]
    assert visit["status"] == "planned"
    assert visit["event_type"] != "CONSULT", "that type is for meetings that took place"
    earlier = ROWS["events"]["munir-earlier-meetings-with-us-officials"]
    assert (earlier["occurrences"], earlier["status"], earlier["is_background"]) == (
        "2",
        "occurred",
        "true",
    )
    assert (earlier["location"], earlier["topic_id"], earlier["event_mode"]) == ("", "", "")
    assert parts_of("munir-earlier-meetings-with-us-officials").keys() == {
        "asim-munir",
        "us-officials",
    }
    assert "his third meeting with US officials" in " ".join(
        quotes_behind("events", "munir-earlier-meetings-with-us-officials", "occurrences")
    )


def test_the_two_names_of_the_rank_are_not_equated() -> None:
    """“Munir, who attained Pakistan’s highest military rank in May”."""
    ranks = {row["object_text"] for row in where("relations", predicate="holds_rank")}
    assert ranks == {"Field Marshal", "Pakistan’s highest military rank"}
    (event,) = where("events", local_type="rank_attained")
    assert event["date_text"] == "in May"
    assert event["event_type"] == ""


def test_successes_are_perceived_and_not_a_cause() -> None:
    """“in May following perceived successes in regional conflicts”."""
    row = ROWS["assessments"]["munir-rank-follows-perceived-successes"]
    assert (row["kind"], row["hedge"]) == ("sequence", "perceived")
    assert ROWS["assessments"]["successes-in-regional-conflicts"]["certainty"] == "uncommitted"
    for row in where("assessments", kind="sequence"):
        assert row["valence"] == "neutral"


def test_the_force_is_proposed() -> None:
    """As the article has it.

    “The proposed ISF constitutes a fundamental component of President Trump’s 20-point peace
    initiative”
    """
    assert ROWS["topics"]["isf"]["status"] == "proposed"
    assert ROWS["topics"]["isf"]["part_of"] == "20-point-peace-initiative"
    assert where("topics", part_of="israel-gaza-conflict") == []


def test_doha_is_a_place_and_45_nations_are_nameless() -> None:
    """As the article has it.

    “Recent negotiations in Doha, Qatar, involving approximately 45 nations, concluded without
    concrete troop commitments.”
    """
    event = ROWS["events"]["doha-negotiations"]
    assert (event["location"], event["location_iso3"]) == ("Doha, Qatar", "QAT")
    assert event["outcome"] == "concluded without concrete troop commitments"
    taking_part = [a for a, role in parts_of("doha-negotiations").items() if role != "excluded"]
    assert taking_part == ["doha-negotiating-nations"]
    (nations,) = where("participants", actor_id="doha-negotiating-nations")
    assert (nations["member_count"], nations["member_count_is_approximate"]) == ("45", "true")


def test_qatar_is_not_an_actor() -> None:
    """“in Doha, Qatar”: a venue neither hosts nor mediates nor takes part."""
    assert where("actors", iso3="QAT") == []
    assert [row for row in TABLES["names"] if row["text"] in ("Qatar", "Doha")] == []


def test_turkey_and_israel_were_excluded_among_others() -> None:
    """As the article has it.

    “Key regional powers including Turkey and Israel were notably excluded from these
    discussions”
    """
    excluded = {row["actor_id"] for row in where("participants", role="excluded")}
    assert excluded == {"turkey", "israel", "key-regional-powers"}
    for row in where("participants", role="excluded"):
        assert row["event_id"] == "doha-negotiations"
        assert (row["member_count"], row["member_count_is_approximate"]) == ("", "")
    assert ROWS["actors"]["key-regional-powers"]["list_is_open"] == "true"
    assert ROWS["events"]["doha-negotiations"]["attributed_to"] == ""


def test_exclusion_is_not_a_position() -> None:
    """The article says nothing about what Turkey or Israel think of the force."""
    assert where("positions", holder_id="turkey") == []
    assert {row["topic_id"] for row in where("positions", holder_id="israel")} == {"hamas-proposal"}


def test_azerbaijan_reportedly_reconsidered() -> None:
    """“potential contributors like Azerbaijan have reportedly reconsidered their participation”."""
    for holder in ("azerbaijan", "potential-contributors"):
        (row,) = where("positions", holder_id=holder)
        assert row["stance"] == "reconsidering"
        assert (row["certainty"], row["hedge"]) == ("uncommitted", "reportedly")
        assert ROWS["sources"][row["attributed_to"]]["kind"] == "unnamed_source"
    assert ROWS["actors"]["potential-contributors"]["list_is_open"] == "true"


def test_azerbaijan_did_nothing() -> None:
    """To reconsider is neither to withdraw nor to refuse: no event has Azerbaijan in it."""
    assert where("participants", actor_id="azerbaijan") == []


def test_pakistan_and_israel_have_no_relations() -> None:
    """“as a Muslim-majority nation maintaining no diplomatic relations with Israel”."""
    (row,) = where("relations", predicate="no_diplomatic_relations")
    assert (row["subject_id"], row["object_id"]) == ("pakistan", "israel")
    causes = [
        r for r in where("assessments", kind="causal_claim") if "no diplomatic" in r["statement"]
    ]
    assert len(causes) == 1


def test_dar_is_open_and_rejects_a_mandate() -> None:
    """As the article has it.

    “Dar previously indicated potential openness to troop contribution while explicitly
    rejecting any mandate involving Hamas disarmament.”
    """
    positions = {
        row["topic_id"]: row for row in where("positions", holder_id="pakistan-government")
    }
    assert positions.keys() == {"pakistani-troop-contribution", "mandate-with-hamas-disarmament"}
    openness = positions["pakistani-troop-contribution"]
    assert (openness["stance"], openness["expression"]) == ("open", "indicated")
    assert (openness["certainty"], openness["hedge"]) == ("certain", "potential")
    rejection = positions["mandate-with-hamas-disarmament"]
    assert (rejection["stance"], rejection["strength"]) == ("oppose", "explicitly")
    for row in positions.values():
        assert row["spokesperson_id"] == "mohammad-ishaq-dar"
    (line,) = where("conditions", kind="red_line")
    assert line["position_id"] == openness["position_id"]
    assert line["topic_id"] == "mandate-with-hamas-disarmament"
    assert where("positions", holder_id="pakistan-government", topic_id="isf") == []


def test_the_public_favours_a_cause() -> None:
    """“public sentiment strongly favors Palestinian causes”."""
    (row,) = where("positions", holder_id="pakistani-public")
    assert (row["stance"], row["expression"], row["strength"]) == (
        "support",
        "sentiment",
        "strongly",
    )


def test_what_the_withdrawal_is_a_condition_of_is_ambiguous() -> None:
    """As the article has it.

    “freezing offensive operations for up to a decade and considering weapon decommissioning
    contingent on complete Israeli withdrawal from Gaza”
    """
    preconditions = where("conditions", kind="precondition")
    assert {ROWS["positions"][row["position_id"]]["topic_id"] for row in preconditions} == {
        "freezing-offensive-operations",
        "weapon-decommissioning",
    }
    for row in preconditions:
        assert row["scope_is_ambiguous"] == "true"
        assert row["topic_id"] == "israeli-withdrawal-from-gaza"
    (limit,) = where("conditions", kind="time_limit")
    assert limit["text"] == "for up to a decade"
    assert limit["scope_is_ambiguous"] == "false"


def test_considering_is_not_agreeing() -> None:
    """“considering weapon decommissioning”."""
    (row,) = where("positions", topic_id="weapon-decommissioning")
    assert (row["stance"], row["strength"]) == ("open", "")


def test_israels_withdrawal_is_not_an_event() -> None:
    """The proposal depends on it, but nobody withdrew or announced a withdrawal."""
    withdrawals = where("events", event_mode="withdraw")
    assert [row["event_id"] for row in withdrawals] == ["us-withdrawal-from-afghanistan"]
    assert parts_of("us-withdrawal-from-afghanistan") == {"united-states": "actor"}


def test_neither_has_formally_addressed_it() -> None:
    """“a proposal neither Israel nor the US has formally addressed”."""
    rows = where("positions", stance="not_addressed")
    assert {row["holder_id"] for row in rows} == {"israel", "united-states"}
    for row in rows:
        assert row["topic_id"] == "hamas-proposal"
        assert (row["expression"], row["strength"]) == ("silence", "formally")
        assert (row["attributed_to"], row["certainty"]) == ("", "certain")
        assert row["hedge"] == "Parallel diplomatic channels reveal"


def test_the_tour_is_open_and_its_purpose_an_interpretation() -> None:
    """As the article has it.

    “Munir’s recent diplomatic tour across Muslim-majority nations including Indonesia,
    Malaysia, Saudi Arabia, and Egypt suggests coordinated efforts to build consensus”
    """
    named = {"indonesia", "malaysia", "saudi-arabia", "egypt"}
    group = "muslim-majority-nations-toured"
    parts = parts_of("munir-tours-muslim-majority-nations")
    assert parts == {"asim-munir": "visitor", group: "host", **dict.fromkeys(named, "host")}
    members = {
        row["subject_id"] for row in where("relations", predicate="member_of", object_id=group)
    }
    assert members == named
    assert ROWS["actors"][group]["list_is_open"] == "true"
    reading = ROWS["assessments"]["tour-suggests-consensus-building"]
    assert (reading["kind"], reading["certainty"], reading["hedge"]) == (
        "interpretation",
        "possible",
        "suggests",
    )


def test_transformation_followed_and_was_not_caused() -> None:
    """As the article has it.

    “which have undergone significant transformation following America’s withdrawal from
    Afghanistan”
    """
    rows = where("assessments", about_event_id="us-withdrawal-from-afghanistan")
    assert [row["kind"] for row in rows] == ["sequence"]


def test_benefits_are_pakistans() -> None:
    """As the article has it.

    “The bilateral relationship has recently yielded tangible benefits for Pakistan, including
    mineral resource agreements and substantial energy investment commitments.”
    """
    row = ROWS["assessments"]["relationship-yields-benefits"]
    assert (row["about_actor_id"], row["valence"]) == ("pakistan", "positive")
    background = {row["event_id"] for row in where("events", is_background="true")}
    assert {
        "pakistan-us-mineral-resource-agreements",
        "pakistan-us-energy-investment-commitments",
    } <= background


def test_trade_measures_were_avoided_and_never_imposed() -> None:
    """“helped avoid punitive trade measures while elevating its international standing”."""
    rows = where("assessments", about_topic_id="multilateral-peace-initiatives")
    assert [(row["kind"], row["valence"]) for row in rows] == [("causal_claim", "positive")] * 2
    assert where("events", event_type="SANCTION") == []
    assert where("events", topic_id="punitive-trade-measures") == []


def test_involvement_cuts_both_ways() -> None:
    """As the article has it.

    “potential ISF involvement presents both strategic opportunity and domestic political risk,
    potentially exposing Pakistani leadership to significant criticism while offering enhanced White
    House relations.”
    """
    rows = where("assessments", about_topic_id="pakistani-isf-involvement")
    assert Counter((row["kind"], row["valence"]) for row in rows) == {
        ("evaluation", "mixed"): 1,
        ("prediction", "negative"): 1,
        ("prediction", "positive"): 1,
    }
    for row in where("assessments", kind="prediction"):
        assert row["certainty"] != "certain"


# Across the sentences.


def test_common_knowledge_that_the_article_lacks_is_in_no_table(article: str) -> None:
    """What everybody knows but the article does not say is not in the record."""
    unsaid = "Donald|Türkiye|Netanyahu|Sharif|India|tariff|army chief|prime minister|Taliban|Biden"
    assert re.search(unsaid, article, re.IGNORECASE) is None
    found = [
        (name, field, text)
        for name in set(NAMES) - {"evidence"}
        for row in TABLES[name]
        for field, text in row.items()
        if not field.endswith("_id")
        and re.search(rf"\b({unsaid})\b", text, re.IGNORECASE)
        and field not in {key["fields"][0] for key in SCHEMAS[name].get("foreignKeys", [])}
    ]
    assert found == [("actors", "name", "Donald Trump")]
    (given_by,) = where("evidence", resource="actors", row_id="donald-trump", field="name")
    assert (given_by["basis"], given_by["reference_id"]) == ("reference", "entity-identifiers")


def test_a_capital_that_stands_for_a_government_is_a_metonym() -> None:
    """“Islamabad’s most influential defense figure”; “enhanced White House relations”."""
    metonyms = {row["text"]: row["actor_id"] for row in where("names", form="metonym")}
    assert metonyms == {
        "Islamabad": "pakistan-government",
        "White House": "trump-administration",
        "Trump": "trump-administration",
    }
    assert not {row["location"] for row in TABLES["events"]} & set(metonyms)


def test_every_actor_and_topic_has_a_name() -> None:
    """The lexical check of a key looks for names: without one, it would look for nothing."""
    spoken = {row["actor_id"] or row["topic_id"] for row in TABLES["names"]}
    assert ROWS["actors"].keys() | ROWS["topics"].keys() == spoken


def test_every_actor_plays_a_part() -> None:
    """An actor that no other table refers to is padding; Reuters is there for its report."""
    referred = {
        row[key["fields"][0]]
        for name, schema in SCHEMAS.items()
        if name != "names"
        for key in schema.get("foreignKeys", [])
        if key["reference"].get("resource", name) == "actors"
        for row in TABLES[name]
    }
    assert ROWS["actors"].keys() - referred == {"reuters"}


def test_a_conditional_stance_states_its_condition() -> None:
    """“freezing offensive operations for up to a decade”."""
    conditional = {
        row["position_id"]
        for row in TABLES["positions"]
        if row["stance"] in ("conditional_support", "conditional_oppose")
    }
    assert conditional
    assert conditional <= {row["position_id"] for row in TABLES["conditions"]}
