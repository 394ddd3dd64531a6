"""Money is integer minor units, rounded once, half up, away from zero."""

from decimal import Decimal, Inexact, Rounded, localcontext

import pytest

from runtime.core.currencies import EXPONENT
from runtime.core.money import LARGEST, charged, minor


@pytest.mark.parametrize(
    ("amount", "currency", "expected"),
    [
        ("12.345", "EUR", 1235),
        ("12.344999", "EUR", 1234),
        ("-12.345", "EUR", -1235),
        ("0.005", "USD", 1),
        ("-0.005", "USD", -1),
        ("2.675", "EUR", 268),
        ("1.005", "EUR", 101),
        ("1234.5", "JPY", 1235),
        ("1234.4", "JPY", 1234),
        ("1.2345", "KWD", 1235),
        ("1.23455", "CLF", 12346),
        ("0", "EUR", 0),
        ("99999999999.995", "EUR", 10_000_000_000_000),
    ],
)
def test_half_up_at_the_minor_unit(amount: str, currency: str, expected: int) -> None:
    """Ties go away from zero, in each currency at its own number of decimals."""
    assert minor(Decimal(amount), currency) == expected


def test_a_reversal_rounds_to_the_exact_negative() -> None:
    """Rounding is symmetric, so what is reversed leaves no residue."""
    for thousandths in range(0, 4_000, 7):
        amount = Decimal(thousandths) / 1000
        assert minor(-amount, "EUR") == -minor(amount, "EUR")


def test_what_iso_4217_does_not_list_is_no_currency() -> None:
    """An unknown code is an error, not two decimals."""
    with pytest.raises(KeyError):
        minor(Decimal(1), "XXX")


@pytest.mark.parametrize(
    ("currency", "decimals"), [("EUR", 2), ("JPY", 0), ("KRW", 0), ("KWD", 3), ("TND", 3), ("CLF", 4)]
)
def test_decimals_are_those_of_the_standard(currency: str, decimals: int) -> None:
    """ISO 4217 says how many decimals a currency has."""
    assert EXPONENT[currency] == decimals


@pytest.mark.parametrize(
    ("quantity", "increment", "expected"),
    [("7.25", "0", "7.25"), ("7.25", "0.25", "7.25"), ("7.26", "0.25", "7.50"), ("0.01", "1", "1"), ("0", "0.5", "0")],
)
def test_the_quantity_charged_is_a_whole_number_of_increments(quantity: str, increment: str, expected: str) -> None:
    """Raised to the next whole increment, or left alone where there is none."""
    assert charged(Decimal(quantity), Decimal(increment)) == Decimal(expected)


def test_rounding_does_not_depend_on_the_surroundings() -> None:
    """A rounding mode that somebody else has set in the decimal context changes no amount of ours."""
    with localcontext() as context:
        context.rounding = "ROUND_DOWN"
        assert minor(Decimal("0.005"), "EUR") == 1


def test_precision_does_not_depend_on_the_surroundings() -> None:
    """Nor does a precision, a range or a trap of somebody else: not on the way up, and not on the way down."""
    with localcontext() as context:
        context.prec, context.Emax, context.Emin = 3, 3, -3
        context.traps[Inexact] = context.traps[Rounded] = True
        assert minor(Decimal("99999999999.995"), "EUR") == 10_000_000_000_000
        assert minor(Decimal("-1234567.885"), "EUR") == -123_456_789
        assert charged(Decimal("12345.61"), Decimal("0.25")) == Decimal("12345.75")


def test_what_is_rounded_has_all_its_digits() -> None:
    """Just below a half is below it, as far out as anybody writes."""
    assert minor(Decimal("1.00499999999999999999999999999999999999999"), "EUR") == 100
    assert minor(Decimal("1.005"), "EUR") == 101


@pytest.mark.parametrize("sign", [1, -1])
def test_the_largest_amount_is_one_that_every_reader_takes(sign: int) -> None:
    """Up to 2^53 - 1 minor units it is an amount; one more is none."""
    assert minor(sign * LARGEST, "JPY") == sign * (2**53 - 1)
    with pytest.raises(ArithmeticError):
        minor(sign * (LARGEST + 1), "JPY")


@pytest.mark.parametrize("amount", ["1E30", "-1E999999", "Infinity", "NaN", "sNaN"])
def test_what_is_no_number_is_no_amount(amount: str) -> None:
    """Absurd amounts have one way to fail, whatever is wrong with them and whatever the surroundings let pass."""
    with pytest.raises(ArithmeticError):
        minor(Decimal(amount), "EUR")
    with localcontext() as context:
        context.clear_traps()
        with pytest.raises(ArithmeticError):
            minor(Decimal(amount), "EUR")


def test_an_absurd_increment_is_an_error_of_arithmetic() -> None:
    """More increments than there are digits do not pass as a quantity."""
    with pytest.raises(ArithmeticError):
        charged(Decimal(5), Decimal("1E-60"))
