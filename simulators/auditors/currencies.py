"""How many decimals a currency has: ISO 4217 minor units, read by the auditors themselves.

The table is `simulators/data/currency_minor_units.csv` (documented: ISO 4217, column MinorUnit). The CLDR digits in
the same file are how amounts are displayed, which is not how they are kept.
"""

import csv
from functools import cache
from importlib.resources import files


@cache
def minor_units() -> dict[str, int]:
    """Alphabetic code to exponent; codes without a minor unit (gold, test codes) are left out."""
    text = files("simulators").joinpath("data/currency_minor_units.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    return {row["AlphabeticCode"]: int(row["MinorUnit"]) for row in rows if row["MinorUnit"].isdigit()}
