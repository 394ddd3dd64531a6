"""Money and rounding, written once: half up, away from zero, at the minor unit of the currency."""

from decimal import ROUND_HALF_UP, Decimal

from runtime.core.currencies import EXPONENT

_ONE = Decimal(1)


def minor(amount: Decimal, currency: str) -> int:
    """`amount` in major units as integer minor units of `currency`, rounded half up (away from zero).

    Raises KeyError for a code that ISO 4217 does not list; callers refuse such data at the border.
    """
    return int(amount.scaleb(EXPONENT[currency]).quantize(_ONE, ROUND_HALF_UP))


def charged(quantity: Decimal, increment: Decimal) -> Decimal:
    """The quantity that is charged: raised to the next whole increment, or as it is when there is none."""
    if not increment:
        return quantity
    steps, rest = divmod(quantity, increment)
    return (steps + 1) * increment if rest else quantity
