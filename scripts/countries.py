"""Write reference/countries.csv: the codes of every state.

    pip install country_converter==1.3.2 rigour==2.6.1
    python scripts/countries.py states2016.csv > reference/countries.csv

The states are the members of the state system by the Correlates of War project's State System
Membership list, v2016, which is downloaded from that project and gives the COW codes. Names,
three-letter codes and Wikidata items are those of rigour (MIT licence). The numeric codes of
ISO 3166-1 and of Gleditsch and Ward are looked up with country_converter (GPLv3): its code is run
here and is no part of this package.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import country_converter
from rigour.territories import get_territories

COLUMNS = (
    "name,iso3,iso_numeric,cow,cow_letters,gleditsch_ward,wikidata_id,checked_against".split(",")
)
CHECKED = (
    "iso3 in rigour 2.6.1 and country_converter 1.3.2; wikidata_id in rigour; iso_numeric and "
    "gleditsch_ward in country_converter; cow in State System Membership v2016"
)


def main(states: Path) -> None:
    """Write the table to the standard output.

    Raises:
        SystemExit: a state of the list has no country, or two packages disagree.
    """
    coco = country_converter.CountryConverter()
    countries = {
        one.alpha3.upper(): one
        for one in get_territories()
        if one.is_country and one.alpha3 and not one.is_historical
    }
    with states.open(encoding="utf-8", newline="") as file:
        listed = list(csv.DictReader(file))
    last = max(row["endyear"] for row in listed)
    rows = []
    for state in listed:
        if state["endyear"] != last:
            continue
        code = coco.convert(state["statenme"], to="ISO3")
        if code not in countries:
            sys.exit(f"{states}: no country for {state['statenme']}; found {code}")
        numeric, gleditsch_ward = (
            coco.convert(code, src="ISO3", to=to, not_found="") for to in ("ISOnumeric", "GWcode")
        )
        rows.append(
            {
                "name": countries[code].name,
                "iso3": code,
                # Kosovo has no numeric code of its own in ISO 3166-1.
                "iso_numeric": f"{int(numeric):03}" if numeric else "",
                "cow": state["ccode"],
                "cow_letters": state["stateabb"],
                "gleditsch_ward": str(int(gleditsch_ward)) if gleditsch_ward else "",
                "wikidata_id": countries[code].qid,
                "checked_against": CHECKED,
            }
        )
    if len({row["iso3"] for row in rows}) != len(rows):
        sys.exit(f"{states}: two states have the same country")
    writer = csv.DictWriter(sys.stdout, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(sorted(rows, key=lambda row: row["name"]))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
