"""Public data that ships with the simulators, read through importlib so that it works from a wheel too.

Origins and licences stand in ATTRIBUTION.md beside the files. Everything is read on first use and kept.
"""

import csv
import gzip
import json
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any

_HERE = files(__package__)


@cache
def document(name: str) -> Any:
    """The JSON document `name`, parsed; callers must not change it."""
    return json.loads((_HERE / name).read_text(encoding="utf-8"))


@cache
def minor_units() -> dict[str, int]:
    """How many decimals a currency has, by ISO 4217 code; currencies without minor units (XAU ...) are left out."""
    rows = csv.DictReader((_HERE / "currency_minor_units.csv").read_text(encoding="utf-8").splitlines())
    return {row["AlphabeticCode"]: int(row["MinorUnit"]) for row in rows if row["MinorUnit"].isdigit()}


@cache
def gsa_cents_per_hour() -> tuple[int, ...]:
    """Hourly prices of the GSA Schedule 70 card in US cents, ascending (measured; 4,144 of 4,157 rows, median 104)."""
    packed = (_HERE / "gsa_s70_labor_rates_2017.csv.gz").read_bytes()
    rows = csv.DictReader(gzip.decompress(packed).decode("utf-8", errors="replace").splitlines())
    prices = (row["PRICE OFFERED TO GSA (including IFF)"].replace(",", "").replace("$", "").strip() for row in rows)
    # Thirteen lines of the card have no number ("N/A").
    return tuple(sorted(int(Decimal(price) * 100) for price in prices if price.replace(".", "", 1).isdigit()))
