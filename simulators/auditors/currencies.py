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


def said(amount_minor: int, currency: str) -> str:
    """An amount as people write it: "131.03 GBP", "5,000 JPY"."""
    exponent = minor_units().get(currency, 0)
    sign, units = ("-" if amount_minor < 0 else ""), abs(amount_minor)
    whole, rest = divmod(units, 10**exponent)
    return f"{sign}{whole:,}{f'.{rest:0{exponent}d}' if exponent else ''} {currency}"
