"""S2, no loss, and S2b, exact value: per entry, the ledger holds what the source's current version is worth.

Judged where the runtime says that nothing is left to do; what it calls unfinished is counted there, visible, and L1
speaks about it. A narrative change may leave the older line standing, for it has no financial effect.
"""

from simulators.auditors.currencies import said
from simulators.auditors.finding import Held
from simulators.auditors.pricing import Worth
from simulators.auditors.story import GIVEN_UP, Story
from simulators.evidence import LedgerLine


def no_loss(story: Story, held: Held) -> None:
    """S2: what is approved, not excluded and not given up has a standing line."""
    if story.standing or not story.should_stand() or story.unsettled:
        return
    current = story.versions[-1]
    worth = story.worths[-1]
    value = said(worth.bill_minor, worth.bill_currency) if worth is not None else "of unknown value"
    held.found(
        story.entity,
        story.entry_id,
        f"{story.entry_id} version {current.version}, {value}, is approved and stands nowhere in the ledger",
        (current.version,),
        None if worth is None else worth.bill_minor,
        "" if worth is None else worth.bill_currency,
        current.at_ms,
    )


def exact_value(story: Story, held: Held) -> None:
    """S2b: the sum of all lines of the entry is the price of what should stand, bill and cost, per currency."""
    if story.unsettled or not story.versions or any(place.reason == DIFFERS for place in story.places):
        return
    # What a person entered and the feed gave up on is between the person and the case; the feed's lines are judged.
    # A later version that took the person's line for its own is no case any more.
    adopted = story.place_of(story.versions[-1].version) == "posted"
    given_up = not adopted and any(place.place in GIVEN_UP for place in story.places)
    stands = _stands([line for line in story.lines if not (given_up and line.by_hand)])
    if story.should_stand():
        if not story.standing and stands == NOTHING:
            return  # S2 says it.
        wanted = [story.worths[-1]]
    else:
        wanted = [None, *_left_standing(story)]
    if all(stands != _sums(worth) for worth in wanted):
        _report(
            story, held, wanted[-1], f"the lines sum to {_words(stands)}, the source says {_words(_sums(wanted[-1]))}"
        )
        return
    if story.should_stand():
        current = story.versions[-1]
        for line in story.standing:
            if not story.same_effect(line.version, current.version) and not line.by_hand:
                text = f"what stands is version {line.version}, and version {current.version} is not the same effect"
                _report(story, held, story.worths[-1], text)
            elif (line.project, line.work_date, line.quarter_hours) != (
                current.assignment.project,
                current.work_date,
                current.quarter_hours,
            ):
                text = f"line {line.line_id} has another project, work date or quantity than version {current.version}"
                _report(story, held, story.worths[-1], text)


Sums = tuple[tuple[tuple[str, int], ...], tuple[tuple[str, int], ...]]
NOTHING: Sums = ((), ())


DIFFERS = "ledger_differs"
"""The runtime itself says that the ledger holds something else than it sent; S8x asks if that is true."""


def _stands(lines: list[LedgerLine]) -> Sums:
    """What the lines sum to: bill and cost, per currency, zeroes left out."""
    bill: dict[str, int] = {}
    cost: dict[str, int] = {}
    for line in lines:
        bill[line.bill_currency] = bill.get(line.bill_currency, 0) + line.bill_minor
        cost[line.cost_currency] = cost.get(line.cost_currency, 0) + line.cost_minor
    return (
        tuple(sorted((currency, minor) for currency, minor in bill.items() if minor)),
        tuple(sorted((currency, minor) for currency, minor in cost.items() if minor)),
    )


def _sums(worth: Worth | None) -> Sums:
    if worth is None:
        return NOTHING
    return (
        ((worth.bill_currency, worth.bill_minor),) if worth.bill_minor else (),
        ((worth.cost_currency, worth.cost_minor),) if worth.cost_minor else (),
    )


def _left_standing(story: Story) -> list[Worth | None]:
    """What may still stand of an entry whose current version does not: its correction could not be made and is parked.

    That is an older version which the runtime still calls posted behind a parked one, or a parked one of its own.
    """
    current = story.versions[-1]
    behind_parked = not current.withdrawn and story.place_of(current.version) in GIVEN_UP
    places = {"posted", *GIVEN_UP} if behind_parked else GIVEN_UP
    return [
        worth
        for version, worth in zip(story.versions, story.worths, strict=True)
        if version is not current and worth is not None and story.place_of(version.version) in places
    ]


def _words(sums: Sums) -> str:
    bill, cost = (" and ".join(said(minor, currency) for currency, minor in side) or "0" for side in sums)
    return f"bill {bill}, cost {cost}"


def _report(story: Story, held: Held, worth: Worth | None, text: str) -> None:
    current = story.versions[-1]
    versions = tuple(dict.fromkeys([*(line.version for line in story.lines), current.version]))
    held.found(
        story.entity,
        story.entry_id,
        f"{story.entry_id}: {text}",
        versions,
        sum(line.bill_minor for line in story.lines) - (worth.bill_minor if worth is not None else 0),
        worth.bill_currency if worth is not None else next((line.bill_currency for line in story.lines), ""),
        max((line.at_ms for line in story.lines), default=current.at_ms),
    )
