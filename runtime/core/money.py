"""Money and rounding, written once: half up, away from zero, at the minor unit of the currency.

Rule 1. All arithmetic on money goes through ARITHMETIC: what a thread has set in its own decimal context (a caller's
        precision, rounding or traps) changes no amount of ours.
Rule 2. What does not fit raises an ArithmeticError; nothing is cut off silently.
"""

from decimal import ROUND_HALF_UP, Context, Decimal, DivisionByZero, InvalidOperation, Overflow

from runtime.core.currencies import EXPONENT

ARITHMETIC = Context(
    # 50 digits (assumed): a rate of 20 digits times a quantity of 28, the most that others' systems write, is exact.
    prec=50,
    rounding=ROUND_HALF_UP,
    Emin=-999_999,
    Emax=999_999,
    capitals=1,
    clamp=0,
    flags=[],
    traps=[InvalidOperation, DivisionByZero, Overflow],
)
"""The one decimal context of money and rates. Nobody changes it; every part of it stands here, none is inherited."""

LARGEST = Decimal(2**53 - 1)
"""The largest amount in minor units: beyond it JSON readers may lose digits (documented: RFC 8259, section 6)."""

_ONE = Decimal(1)


def minor(amount: Decimal, currency: str) -> int:
    """`amount` in major units as integer minor units of `currency`, rounded half up (away from zero).

    Raises KeyError for a code that ISO 4217 does not list, ArithmeticError for what is no finite number or is larger
    than LARGEST; `rating` looks at both before it says what an entry is worth.
    """
    exact = ARITHMETIC.scaleb(amount, EXPONENT[currency])
    if not exact.is_finite() or exact.copy_abs() > LARGEST:
        raise OverflowError(f"{amount} {currency} is no amount of money")
    return int(ARITHMETIC.quantize(exact, _ONE))


def charged(quantity: Decimal, increment: Decimal) -> Decimal:
    """The quantity that is charged: raised to the next whole increment, or as it is when there is none."""
    if not increment:
        return quantity
    steps, rest = ARITHMETIC.divmod(quantity, increment)
    return ARITHMETIC.multiply(ARITHMETIC.add(steps, _ONE), increment) if rest else quantity
