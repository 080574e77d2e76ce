"""Write reference/countries.csv: the codes of every state.

    pip install rigour==2.6.1
    pip install --no-deps country_converter==1.3.2
    python scripts/countries.py states2016.csv > reference/countries.csv

The states are the members of the state system by the Correlates of War project's State System
Membership list, v2016, which is downloaded from that project and gives the COW codes. Names,
three-letter codes and Wikidata items are those of rigour (MIT licence). The numeric codes of
ISO 3166-1 and of Gleditsch and Ward are looked up in the table of country_converter (GPLv3), which
also says which country a name of the list means.
"""

from __future__ import annotations

import csv
import re
import sys
from importlib.metadata import distribution
from pathlib import Path

from rigour.territories import get_territories

COLUMNS = (
    "name",
    "iso3",
    "iso_numeric",
    "cow",
    "cow_letters",
    "gleditsch_ward",
    "wikidata_id",
    "checked_against",
)
NOW = {"Yugoslavia": "Serbia"}
"""States that the list has under the name of their predecessor, which had the same code."""

GLEDITSCH_WARD = {"CZE": "316", "VNM": "816", "YEM": "678"}
"""Where country_converter has the code of a state that ended: Czechoslovakia, the Republic of
Vietnam and the People's Republic of Yemen. These are from the list of Gleditsch and Ward itself."""

CHECKED = (
    "iso3 in rigour 2.6.1 and country_converter 1.3.2; wikidata_id in rigour; iso_numeric in "
    "country_converter; gleditsch_ward in {}; cow in State System Membership v2016"
)


def rows_of(path: Path, delimiter: str = ",") -> list[dict[str, str]]:
    """The rows of a table with a header."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter=delimiter))


def main(states: Path) -> None:
    """Write the table to the standard output.

    Raises:
        SystemExit: a state of the list is not one country in both packages.
    """
    table = distribution("country_converter").locate_file("country_converter/country_data.tsv")
    converter = rows_of(Path(str(table)), "\t")
    countries = {
        one.alpha3.upper(): one
        for one in get_territories()
        if one.is_country and one.alpha3 and not one.is_historical
    }
    listed = rows_of(states)
    last = max(row["endyear"] for row in listed)
    rows = []
    for state in listed:
        if state["endyear"] != last:
            continue
        name = NOW.get(state["statenme"], state["statenme"])
        named = [one for one in converter if re.search(one["regex"], name, re.IGNORECASE)]
        if len(named) != 1 or named[0]["ISO3"] not in countries:
            sys.exit(
                f"{states}: {name!r} is not one country; "
                f"found {', '.join(one['ISO3'] for one in named) or 'none'}"
            )
        (found,) = named
        country = countries[found["ISO3"]]
        rows.append(
            {
                "name": country.name,
                "iso3": found["ISO3"],
                # ISO 3166-1 has no numeric code of Kosovo.
                "iso_numeric": found["ISOnumeric"] and f"{int(found['ISOnumeric']):03}",
                "cow": state["ccode"],
                "cow_letters": state["stateabb"],
                "gleditsch_ward": GLEDITSCH_WARD.get(found["ISO3"], found["GWcode"]),
                "wikidata_id": country.qid,
                "checked_against": CHECKED.format(
                    "the list of Gleditsch and Ward"
                    if found["ISO3"] in GLEDITSCH_WARD
                    else "country_converter"
                ),
            }
        )
    if len({row["iso3"] for row in rows}) != len(rows):
        sys.exit(f"{states}: two states have the same country")
    writer = csv.DictWriter(sys.stdout, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(sorted(rows, key=lambda row: row["name"]))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
