"""S4, money: integers of minor units, a reversal the exact negative of its line, rounding and exponent as written once.

Whether the right version at the right rate stands is S2b's question; here the question is how a line was computed.
"""

from simulators.auditors.finding import Held
from simulators.auditors.story import Story
from simulators.evidence import LedgerLine

WRONG_EXPONENTS = (10, 100, 1000, 10_000)
"""Factors by which an amount is off when the currency's decimals are mistaken (derived: ISO 4217 has 0, 2, 3 and 4)."""


def exact_money(story: Story, held: Held) -> None:
    """Look at every line by itself, and at every reversal beside what it reverses."""
    for line in story.lines:
        if type(line.bill_minor) is not int or type(line.cost_minor) is not int:
            text = f"line {line.line_id} has {line.bill_minor!r} and {line.cost_minor!r}, which are not integers"
            _report(story, held, line, text)
            continue
        if line.leg == "reverse" or line.by_hand:
            continue
        worth = story.worth_of(line.version)
        if worth is not None:
            _judge(story, held, line, "bills", line.bill_minor, worth.bill_minor)
            _judge(story, held, line, "costs", line.cost_minor, worth.cost_minor)
    for undoing in story.undoings:
        line, target = undoing.reversal, undoing.target
        if target is not None and (
            line.bill_minor != -target.bill_minor
            or line.quarter_hours != -target.quarter_hours
            or line.cost_minor != -target.cost_minor
            or line.bill_currency != target.bill_currency
            or line.cost_currency != target.cost_currency
        ):
            text = f"reversal {line.line_id} is not the exact negative of {target.line_id}"
            _report(story, held, line, text)


def _judge(story: Story, held: Held, line: LedgerLine, verb: str, is_minor: int, exact_minor: int) -> None:
    off = abs(is_minor - exact_minor)
    if off == 1:
        _report(story, held, line, f"line {line.line_id} {verb} {is_minor}, rounded it is {exact_minor}")
    elif off and any(is_minor == exact_minor * f or is_minor * f == exact_minor for f in WRONG_EXPONENTS):
        _report(
            story,
            held,
            line,
            f"line {line.line_id} {verb} {is_minor}, with the currency's decimals it is {exact_minor}",
        )


def _report(story: Story, held: Held, line: LedgerLine, text: str) -> None:
    minor = line.bill_minor if type(line.bill_minor) is int else None
    held.found(
        story.entity,
        story.entry_id,
        f"{story.entry_id}: {text}",
        (line.version,),
        minor,
        line.bill_currency,
        line.at_ms,
    )
