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
TARGET = Path(__file__).parent.parent / "rules" / "bank_holidays.csv"


def rows() -> list[tuple[str, str]]:
    """Every England bank holiday as `(date, name)`, weekend originals included, in date order."""
    listed = holidays.country_holidays("GB", subdiv="ENG", years=YEARS)
    return [(day.isoformat(), name) for day, name in sorted(listed.items())]


def main() -> None:
    """Write the file in place."""
    with TARGET.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["date", "name"])
        writer.writerow([ANNOUNCED_TO.isoformat(), "announced to"])
        writer.writerows(rows())


if __name__ == "__main__":
    main()
