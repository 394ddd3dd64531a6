"""S7, the accounting identity: each approved version is in exactly one place, and the places agree with the ledger.

    approved = unseen + in flight + staged + in doubt + posted + parked + superseded + waived + excluded

`approved` is counted at the source, `acknowledged` at the door, the places are the runtime's own word. At every
checkpoint the places sum to what was acknowledged, and nothing is acknowledged that was not approved. At the end
nothing is unseen, hours and money of each place are those of the source, and "posted" means that a line stands.
"""

from bisect import bisect_left

from simulators.auditors.finding import Held
from simulators.auditors.pricing import EXCLUDED
from simulators.auditors.story import GIVEN_UP, Story
from simulators.evidence import Evidence, FinalPlace, LedgerLine

PLACES = ("in_flight", "staged", "in_doubt", "posted", "parked", "superseded", "waived", "excluded")
"""Where the runtime may say a version is; "unseen" is not for it to say."""


def places_at_the_end(story: Story, held: Held) -> None:
    """Every approved version of the entry in exactly one place, and every place true."""
    number_of = {place.version for place in story.places}
    if len(number_of) != len(story.places):
        twice = next(p for i, p in enumerate(story.places) if any(q.version == p.version for q in story.places[:i]))
        _report(story, held, twice.version, "is in two places at once")
    for version in story.versions:
        if not version.withdrawn and version.version not in number_of:
            _report(story, held, version.version, "is approved at the source and in no place: unseen")
    for place in story.places:
        _judge_place(story, held, place)
    posted = [place.version for place in story.places if place.place == "posted"]
    if len(posted) > 1:
        _report(story, held, posted[0], f"is called posted beside version {posted[1]}; one effect can stand")
    elif not posted and story.standing and not story.unsettled and not any(p.place in GIVEN_UP for p in story.places):
        line = story.standing[-1]
        _report(story, held, line.version, f"stands in the ledger as {line.line_id} and is called posted nowhere")


def _judge_place(story: Story, held: Held, place: FinalPlace) -> None:
    version = story.published(place.version)
    if version is None or version.withdrawn:
        _report(story, held, place.version, f"is called {place.place} and was never approved at the source")
        return
    if place.place not in PLACES:
        _report(story, held, place.version, f"is in {place.place!r}, which is no place")
    if place.quarter_hours != version.quarter_hours:
        text = (
            f"has {place.quarter_hours} quarters of an hour in {place.place}, the source says {version.quarter_hours}"
        )
        _report(story, held, place.version, text)
    worth = story.worth_of(place.version)
    exact = None if worth is None else worth.bill_minor
    excluded = version.time_type in EXCLUDED
    if place.bill_minor is not None and not excluded and place.bill_minor != exact:
        _report(story, held, place.version, f"is counted with {place.bill_minor} in {place.place}, it is worth {exact}")
    if place.place == "posted":
        if not any(story.same_effect(line.version, place.version) or line.by_hand for line in story.standing):
            _report(story, held, place.version, "is called posted and no line of it stands")
    elif place.place == "superseded":
        if version is story.versions[-1]:
            _report(story, held, place.version, "is called superseded and no later version was published")
        elif any(line.version == place.version and not _serves_another(story, line) for line in story.standing):
            _report(story, held, place.version, "is called superseded and its line still stands")
    elif place.place == "excluded" and not excluded:
        _report(story, held, place.version, f"is called excluded and its time type is {version.time_type!r}")


def _serves_another(story: Story, line: LedgerLine) -> bool:
    """Whether a line stands for a version of the same effect, or work is left that will settle it.

    That version is called posted, or it is parked or waived: what stood for it could not be reversed.
    """
    others = [p.version for p in story.places if p.place == "posted" or p.place in GIVEN_UP]
    others = [number for number in others if number != line.version]
    return story.unsettled or line.by_hand or any(story.same_effect(line.version, number) for number in others)


def identity_over_time(evidence: Evidence, held: Held) -> None:
    """The identity at every checkpoint, in versions and, wherever everything approved is acknowledged, in hours."""
    if not evidence.versions and not evidence.checkpoints:
        return
    instants = [checkpoint.at_ms for checkpoint in evidence.checkpoints]
    arrived = [0] * (len(instants) + 1)
    hours = [0] * (len(instants) + 1)
    for versions in evidence.versions.values():
        for version in versions:
            if not version.withdrawn:
                slot = bisect_left(instants, version.at_ms)
                arrived[slot] += 1
                hours[slot] += version.quarter_hours
    approved = quarters = before = 0
    for slot, checkpoint in enumerate(evidence.checkpoints):
        approved += arrived[slot]
        quarters += hours[slot]

        def report(text: str, at_ms: int = checkpoint.at_ms) -> None:
            held.found(evidence.entity, "", f"{evidence.entity}: {text}", at_ms=at_ms)

        counts = {place: count for place, count in checkpoint.counts.items() if place != "unseen"}
        if sum(counts.values()) != checkpoint.acknowledged:
            report(f"{checkpoint.acknowledged} versions acknowledged, the places hold {sum(counts.values())}")
        if checkpoint.acknowledged > checkpoint.approved:
            report(f"{checkpoint.acknowledged} versions acknowledged, only {checkpoint.approved} approved")
        if checkpoint.acknowledged < before:
            report(f"{checkpoint.acknowledged} versions acknowledged, it was {before} before")
        before = checkpoint.acknowledged
        for place, count in counts.items():
            if count < 0 or (not count and checkpoint.quarters.get(place, 0)):
                report(f"{place} holds {count} versions with {checkpoint.quarters.get(place, 0)} quarters of an hour")
        if checkpoint.quarters and checkpoint.acknowledged == checkpoint.approved == approved:
            told = sum(amount for place, amount in checkpoint.quarters.items() if place != "unseen")
            if told != quarters:
                report(f"the places hold {told} quarters of an hour, the source {quarters}")
    total = approved + arrived[-1]
    if evidence.acknowledged != total:
        text = f"{evidence.entity}: {total} versions approved, {evidence.acknowledged} acknowledged at the end"
        held.found(evidence.entity, "", text, at_ms=instants[-1] if instants else 0)


def _report(story: Story, held: Held, number: int, text: str) -> None:
    worth = story.worth_of(number)
    version = story.published(number)
    held.found(
        story.entity,
        story.entry_id,
        f"{story.entry_id} version {number} {text}",
        (number,),
        None if worth is None else worth.bill_minor,
        "" if worth is None else worth.bill_currency,
        0 if version is None else version.at_ms,
    )
