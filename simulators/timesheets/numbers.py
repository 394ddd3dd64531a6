"""Decimal commas, thousands separators and durations.

"1,250" is one and a quarter or twelve hundred and fifty. As with dates the file is asked first: another cell whose
last separator is not followed by exactly three digits ("7,5", "1.234,50") shows which sign is its decimal sign.
"""

import re
from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction

_NUMBER = re.compile(r"-?\d[\d.,]{0,29}", re.ASCII)
_HMS = re.compile(r"(-?)(\d{1,7}):(\d{1,2})(?::(\d{1,2}))?", re.ASCII)
_NATURAL = re.compile(r"(?:(\d{1,4})\s?h)\s?(?:(\d{1,2})\s?m(?:in)?)?\s?(?:(\d{1,2})\s?s)?", re.ASCII | re.IGNORECASE)
_BLANKS = re.compile(r"[\s'’]")
_MONEY_SIGNS = re.compile(r"^(?:[A-Z]{3}|[$€£¥])|(?:[A-Z]{3}|[$€£¥])$")


class NotANumber(ValueError):  # noqa: N818  named for what it says
    """The text is no number; the message is the reason, ready to follow the quoted value."""


def _bare(text: str) -> str:
    return _MONEY_SIGNS.sub("", _BLANKS.sub("", text).replace("\N{MINUS SIGN}", "-"))


def decide_decimal_sign(values: Iterable[str], delimiter: str) -> str:
    """The decimal sign of a file ("." or ","). A file parted by ";" has decimal commas unless a value shows otherwise:
    spreadsheets part by ";" exactly where the comma is taken."""
    votes = {".": 0, ",": 0}
    for text in values:
        bare = _bare(text)
        if _NUMBER.fullmatch(bare) is None:
            continue
        last = max(bare.rfind("."), bare.rfind(","))
        if last < 0:
            continue
        both = "." in bare and "," in bare
        if both or len(bare) - last - 1 != 3 or bare.lstrip("-").startswith("0"):
            votes[bare[last]] += 1
    if votes["."] == votes[","]:
        return "," if delimiter == ";" else "."
    return max(votes, key=lambda sign: votes[sign])


def parse_decimal(text: str, decimal_sign: str) -> Decimal:
    """The exact number a cell holds. Raises NotANumber."""
    bare = _bare(text)
    if _NUMBER.fullmatch(bare) is None:
        raise NotANumber(f"is not a number; write it like 7{decimal_sign}5")
    last = max(bare.rfind("."), bare.rfind(","))
    if last < 0:
        return Decimal(bare)
    sign, other = (bare[last], "," if bare[last] == "." else ".")
    whole, decimals = bare[:last], bare[last + 1 :]
    if sign in whole or (sign != decimal_sign and len(decimals) == 3 and not whole.lstrip("-").startswith("0")):
        # Thousands: the sign comes more than once, or the file's other numbers use the other sign for decimals.
        other, whole, decimals = sign, bare, ""
    groups = whole.lstrip("-").split(other)
    if len(groups) > 1 and (any(len(group) != 3 for group in groups[1:]) or not 1 <= len(groups[0]) <= 3):
        raise NotANumber(f"is not a number; write it like 7{decimal_sign}5")
    minus = "-" if bare.startswith("-") else ""
    return Decimal(f"{minus}{''.join(groups)}.{decimals or '0'}")


def parse_hours(text: str, decimal_sign: str) -> Fraction:
    """Exact hours of "07:30:00", "7:30", "7h 30m" or "7.5"; negative where the cell is. Raises NotANumber."""
    tidy = text.strip().replace("\N{MINUS SIGN}", "-")
    found = _HMS.fullmatch(tidy)
    if found is not None:
        minutes, seconds = int(found[3]), int(found[4] or 0)
        if minutes > 59 or seconds > 59:
            raise NotANumber("is not a duration: minutes and seconds end at 59; write it like 07:30:00")
        total = int(found[2]) * 3600 + minutes * 60 + seconds
        return Fraction(-total if found[1] else total, 3600)
    natural = _NATURAL.fullmatch(tidy)
    if natural is not None:
        total = int(natural[1]) * 3600 + int(natural[2] or 0) * 60 + int(natural[3] or 0)
        return Fraction(total, 3600)
    try:
        return Fraction(parse_decimal(tidy, decimal_sign))
    except NotANumber:
        raise NotANumber(f"is not a number of hours; write it like 7{decimal_sign}5 or 07:30:00") from None


def half_up(value: Fraction, steps_per_unit: int) -> int:
    """`value` in whole steps (100 a unit: hundredths), halves away from zero."""
    scaled = abs(value) * steps_per_unit
    steps = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    return -steps if value < 0 else steps


def hundredths(value: Fraction) -> Decimal:
    """`value` quantised to 0.01, half up."""
    return Decimal(half_up(value, 100)).scaleb(-2)
