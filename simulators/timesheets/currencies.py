"""Which currencies exist: ISO 4217 as far as it has minor units (metals and test codes have none)."""

import re

from simulators.data import minor_units

_CODE = re.compile(r"\b[A-Z]{3}\b")
SIGNS = {"€": "EUR", "£": "GBP"}
"""Signs that mean one currency. "$" and "¥" mean several, so they are not here."""


class NotACurrency(ValueError):  # noqa: N818  named for what it says
    """The text names no currency one can bill in; the message is the reason, ready to follow the quoted value."""


def parse_currency(text: str) -> str:
    """The ISO code in "EUR", "eur", "Euro - EUR" or "€". Raises NotACurrency."""
    tidy = text.strip()
    if tidy in SIGNS:
        return SIGNS[tidy]
    codes = _CODE.findall(tidy.upper() if len(tidy) == 3 else tidy)
    for code in codes:
        if code in minor_units():
            return str(code)
    raise NotACurrency("is an unknown currency; write its ISO 4217 code, like EUR")
