"""Codes and vocabularies come from reference/ and from nowhere else."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

REPO = Path(__file__).parents[1]


def rows(path: str) -> list[dict[str, str]]:
    with (REPO / path).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def field(resource: str, name: str) -> dict[str, Any]:
    schema = json.loads((REPO / "schemas" / f"{resource}.json").read_text("utf-8"))
    (found,) = (one for one in schema["fields"] if one["name"] == name)
    return dict(found)


COUNTRIES = {row["name"]: row for row in rows("reference/countries.csv")}
ENTITIES = {row["name"]: row for row in rows("reference/entities.csv")}
PLOVER = {row["event_type"]: row for row in rows("reference/plover.csv")}
ACTORS = {row["actor_id"]: row for row in rows("data/actors.csv")}
STATES = [key for key, row in ACTORS.items() if row["kind"] == "state" and row["iso3"]]
"""A state that no longer exists, or that an article makes up, has no codes."""
OTHERS = [key for key in ACTORS if key not in STATES]
NOTES = {
    (row["row_id"], row["field"]): row
    for row in rows("data/evidence.csv")
    if row["resource"] == "actors" and row["basis"] == "reference"
}
CODES = ("iso3", "cow", "gleditsch_ward", "wikidata_id")


def test_the_reference_is_no_smaller_than_the_record() -> None:
    assert STATES
    assert OTHERS
    assert len(PLOVER) == 16
    assert sum(len(modes(row)) for row in PLOVER.values()) == 67


def modes(row: dict[str, str]) -> list[str]:
    return row["modes"].split("|") if row["modes"] else []


@pytest.mark.parametrize("actor", STATES)
def test_a_state_has_the_codes_of_the_row_that_its_evidence_names(actor: str) -> None:
    """The article's Turkey is the reference's Türkiye, so the names alone do not match."""
    note = NOTES[actor, "iso3"]["note"]
    (country,) = (name for name in COUNTRIES if f"Row {name} of reference/countries.csv" in note)
    assert {code: ACTORS[actor][code] for code in CODES} == {
        code: COUNTRIES[country][code] for code in CODES
    }
    for code in CODES:
        assert NOTES[actor, code]["reference_id"] == "country-codes"
        assert country in NOTES[actor, code]["note"]
    exceptions = {"turkey": "Türkiye"}
    assert exceptions.get(actor, ACTORS[actor]["name"]) == country


@pytest.mark.parametrize("actor", OTHERS)
def test_an_actor_that_is_not_a_state_has_only_confirmed_codes(actor: str) -> None:
    row = ACTORS[actor]
    assert (row["iso3"], row["cow"], row["gleditsch_ward"]) == ("", "", "")
    known = ENTITIES.get(row["name"])
    confirmed = known is not None and known["status"] == "confirmed"
    assert row["wikidata_id"] == (known["wikidata_id"] if known and confirmed else "")


@pytest.mark.parametrize("name", [n for n, row in ENTITIES.items() if row["status"] != "confirmed"])
def test_unconfirmed_codes_stay_null(name: str) -> None:
    """Munir and Dar have identifiers, but none of those we found could be checked."""
    assert ENTITIES[name]["wikidata_id"] == ""
    (actor,) = (row for row in ACTORS.values() if row["name"] == name)
    assert actor["wikidata_id"] == ""


def test_the_reference_has_every_state_once() -> None:
    """The members of the United Nations, Kosovo and Taiwan."""
    assert len(COUNTRIES) == 195
    for code in ("iso3", "cow", "cow_letters", "gleditsch_ward", "wikidata_id"):
        assert len({row[code] for row in COUNTRIES.values()}) == 195, code
    assert [name for name, row in COUNTRIES.items() if not row["iso_numeric"]] in ([], ["Kosovo"])


def test_the_two_systems_of_states_differ_where_they_are_known_to() -> None:
    """A package had the code of a former state for three of them."""
    differing = {
        name: (row["cow"], row["gleditsch_ward"])
        for name, row in COUNTRIES.items()
        if row["cow"] != row["gleditsch_ward"]
    }
    assert differing.pop("Germany") == ("255", "260")
    assert differing.pop("Yemen") == ("679", "678")
    assert differing.pop("Serbia") == ("345", "340")
    assert {int(cow) >= 946 for cow, _ in differing.values()} == {True}, "small Pacific states"
    by_code = {row["iso3"]: row for row in COUNTRIES.values()}
    assert by_code["CZE"]["gleditsch_ward"] == "316"
    assert by_code["VNM"]["gleditsch_ward"] == "816"


def test_every_country_of_an_event_is_in_the_reference() -> None:
    """A place has the code of the country that its words name."""
    by_code = {row["iso3"]: name for name, row in COUNTRIES.items()}
    located = [row for row in rows("data/events.csv") if row["location_iso3"]]
    notes = {
        row["row_id"]: row["note"]
        for row in rows("data/evidence.csv")
        if (row["resource"], row["field"], row["basis"]) == ("events", "location_iso3", "reference")
    }
    assert located
    for row in located:
        assert f"Row {by_code[row['location_iso3']]} of" in notes[row["event_id"]], row["event_id"]
    assert notes.keys() == {row["event_id"] for row in located}


def test_every_reference_that_evidence_names_is_a_row_of_reference() -> None:
    """A note such as ‘Row Turkey’ would name a row that does not exist."""
    named = {"countries.csv": COUNTRIES, "entities.csv": ENTITIES}
    notes = [row["note"] for row in rows("data/evidence.csv") if "of reference/" in row["note"]]
    assert notes
    for note in notes:
        for file, table in named.items():
            if f" of reference/{file}" in note:
                head = note.split(f" of reference/{file}")[0]
                assert any(head.endswith(f"Row {name}") for name in table), note


class TestPlover:
    def test_the_types(self) -> None:
        assert field("events", "event_type")["constraints"]["enum"] == list(PLOVER)

    def test_the_quad_classes(self) -> None:
        assert field("events", "event_type")["gazadata:quadClass"] == {
            name: row["quad_class"] for name, row in PLOVER.items()
        }

    def test_the_types_that_need_a_recipient(self) -> None:
        assert field("events", "event_type")["gazadata:recipientRequired"] == [
            name for name, row in PLOVER.items() if row["recipient_required"] == "true"
        ]
        assert {row["recipient_required"] for row in PLOVER.values()} == {"true", "false"}

    def test_the_modes_of_each_type(self) -> None:
        stated = field("events", "event_mode")["gazadata:modes"]
        assert {name: stated.get(name, []) for name in PLOVER} == {
            name: modes(row) for name, row in PLOVER.items()
        }
        assert set(stated) <= set(PLOVER)

    def test_the_modes_taken_together(self) -> None:
        known = {mode for row in PLOVER.values() for mode in modes(row)}
        enum = field("events", "event_mode")["constraints"]["enum"]
        assert set(enum) == known
        assert len(enum) == len(known)

    @pytest.mark.parametrize("event", rows("data/events.csv"), ids=lambda row: row["event_id"])
    def test_each_event_is_coded_by_it(self, event: dict[str, str]) -> None:
        if event["event_type"]:
            assert event["event_mode"] in ["", *modes(PLOVER[event["event_type"]])]
        else:
            assert event["event_mode"] == ""
            assert event["local_type"] != ""
