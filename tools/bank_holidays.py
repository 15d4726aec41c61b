"""Write rules/bank_holidays.csv from the `holidays` package: `python tools/bank_holidays.py`.

The package guesses future years as if they were known; `ANNOUNCED_TO` is the last day GOV.UK has announced, and results
that reach past it are marked provisional. Tests compare the file with the package and with GOV.UK's own list.
"""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import holidays

ANNOUNCED_TO = date(2028, 12, 31)
YEARS = range(1990, 2060)
# The names people use (GOV.UK's), where the package has others.
NAMES = {
    "May Day": "Early May bank holiday",
    "Spring Bank Holiday": "Spring bank holiday",
    "Late Summer Bank Holiday": "Summer bank holiday",
    "Golden Jubilee of Elizabeth II": "Golden Jubilee bank holiday",
    "Diamond Jubilee of Elizabeth II": "Diamond Jubilee bank holiday",
    "Platinum Jubilee of Elizabeth II": "Platinum Jubilee bank holiday",
    "State Funeral of Queen Elizabeth II": "Bank holiday for the State Funeral of Queen Elizabeth II",
    "Coronation of Charles III": "Bank holiday for the coronation of King Charles III",
    "Wedding of William and Catherine": "Bank holiday for the royal wedding",
}
TARGET = Path(__file__).parent.parent / "rules" / "bank_holidays.csv"


def rows() -> list[tuple[str, str]]:
    """Every England bank holiday as `(date, name)`, weekend originals included, in date order."""
    listed = holidays.country_holidays("GB", subdiv="ENG", years=YEARS)
    return [(day.isoformat(), NAMES.get(name, name.replace("(observed)", "(substitute day)"))) for day, name in sorted(listed.items())]


def main() -> None:
    """Write the file in place."""
    with TARGET.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["date", "name"])
        writer.writerow([ANNOUNCED_TO.isoformat(), "announced to"])
        writer.writerows(rows())


if __name__ == "__main__":
    main()
