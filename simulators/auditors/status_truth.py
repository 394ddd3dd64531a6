"""S13, status truth: the PSA hears "posted" only after a line stood, and in the end exactly where one stands.

What is called posted is the version that is, and whoever names a line in the ledger names one that stands.
"""

from simulators.auditors.finding import Held
from simulators.auditors.story import GIVEN_UP, Story
from simulators.evidence import LedgerLine, PsaStatus

POSTED = "posted"


def status_at_the_end(story: Story, held: Held) -> None:
    """The PSA's last word beside the ledger.

    Where the newest version is parked over an older line, either word is true of something, so only "posted" without
    any line is a breach there. Entries on which work is left are L1's.
    """
    if story.unsettled:
        return
    told = story.book.evidence.psa.get(story.entry_id)
    says_posted = told is not None and told.status == POSTED
    if says_posted == bool(story.standing):
        if told is not None and says_posted:
            _as_it_stands(story, held, told)
        return
    if story.standing and any(place.place in GIVEN_UP for place in story.places):
        return
    line = next(reversed(story.standing or story.lines), None)
    text = (
        "is posted, the PSA says " + (repr(told.status) if told is not None else "nothing")
        if story.standing
        else "is called posted in the PSA, and no line of it stands"
    )
    held.found(
        story.entity,
        story.entry_id,
        f"{story.entry_id} {text}",
        (told.version,) if told is not None else (),
        None if line is None else line.bill_minor,
        "" if line is None else line.bill_currency,
        0 if line is None else line.at_ms,
    )


def _as_it_stands(story: Story, held: Held, told: PsaStatus) -> None:
    """The version that is called posted is the one that counts as posted, and the line that is named stands."""
    posted = [place.version for place in story.places if place.place == POSTED]
    gone = {line.line_id for line in story.lines} - {line.line_id for line in story.standing}
    if posted and told.version not in posted:
        text = f"{story.entry_id} version {told.version} is called posted in the PSA, and version {posted[-1]} is"
        held.found(story.entity, story.entry_id, text, (told.version, posted[-1]))
    if told.detail in gone:
        text = f"{story.entry_id} is called posted as {told.detail} in the PSA, and that line does not stand"
        held.found(story.entity, story.entry_id, text, (told.version,))


def claim_was_true(story: Story, held: Held, at_ms: int, version: int) -> None:
    """At `at_ms` the PSA was told that `version` is posted: a line of it, or of the same effect, had landed by then."""
    if not any(_serves(story, line, version) for line in story.lines if line.at_ms <= at_ms):
        worth = story.worth_of(version)
        held.found(
            story.entity,
            story.entry_id,
            f"the PSA was told that {story.entry_id} version {version} is posted before a line of it stood",
            (version,),
            None if worth is None else worth.bill_minor,
            "" if worth is None else worth.bill_currency,
            at_ms,
        )


def _serves(story: Story, line: LedgerLine, version: int) -> bool:
    return line.leg != "reverse" and (line.by_hand or story.same_effect(line.version, version))
