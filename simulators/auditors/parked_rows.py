"""L7, parked rows reach a person: each has an owner and a way out, the PSA says so, and after the fix it goes on.

Rule 1. A row that is parked at the end was parked with an owner and a fix, and the PSA shows it as parked, for the
        reason that it has now.
Rule 2. What it lacked is still lacking: a period that has been open, or a project that has been set up, for
        `SOON_ENOUGH_MS` wakes what waited for it, without a change of code and without a person.
Rule 3. What a person retried has moved: it went on, or it was parked anew. What a person gave up is given up.
Rule 4. Nothing is given up but by a person.
"""

from collections.abc import Callable

from simulators.auditors.finding import Held
from simulators.auditors.story import Story
from simulators.evidence import ApprovedVersion, Park

SOON_ENOUGH_MS = 24 * 3_600_000
"""From the fix to the row's next step, at most (assumed: news of a period may travel for half a day)."""

NEVER_MS = 1 << 62


def _period_opened(story: Story, version: ApprovedVersion) -> int:
    """Since when the periods that the entry may need have all been open; never, while one is not."""
    days = dict.fromkeys([version.work_date, *(line.accounting_date for line in story.lines)])
    since = 0
    for day in days:
        track = story.book.calendar.of(day)
        if track is None or track.states[-1] != ("open", "open"):
            return NEVER_MS
        first = len(track.states) - 1
        while first and track.states[first - 1] == ("open", "open"):
            first -= 1
        since = max(since, track.times[first])
    return since


def _project_set_up(story: Story, version: ApprovedVersion) -> int:
    return story.book.evidence.set_up.get(version.assignment.project, NEVER_MS)


MENDED: dict[str, Callable[[Story, ApprovedVersion], int]] = {
    "period_held": _period_opened,
    "period_unknown": _period_opened,
    "period_not_yet_open": _period_opened,
    "erp_unknown_project": _project_set_up,
}
"""Reasons whose fix can be seen from outside: since when what was lacking has been there."""


def reaches_a_person(story: Story, held: Held) -> None:
    """Judge what is parked and what is given up at the end."""
    evidence = story.book.evidence
    for place in story.places:
        if place.place == "waived" and story.entry_id not in evidence.waived:
            _report(story, held, place.version, "is called waived, and nobody waived it")
        elif place.place == "parked":
            park = evidence.still_parked.get(story.entry_id)
            if park is not None:
                _judge(story, held, place.version, park)


def _judge(story: Story, held: Held, number: int, park: Park) -> None:
    evidence = story.book.evidence
    if not park.owner or not park.fix:
        _report(story, held, number, f"is parked for {park.reason!r}, and nobody is asked to mend it")
    told = evidence.psa.get(story.entry_id)
    if told is None or told.status != "parked":
        _report(story, held, number, f"is parked for {park.reason!r}, and the PSA does not show it")
    elif told.detail != park.reason:
        _report(story, held, number, f"is parked for {park.reason!r}, and the PSA shows {told.detail!r}")
    version = story.published(number)
    mended = MENDED.get(park.reason)
    ends_ms = evidence.checkpoints[-1].at_ms if evidence.checkpoints else 0
    if version is not None and mended is not None:
        since_ms = max(park.at_ms, mended(story, version))
        if since_ms + SOON_ENOUGH_MS < ends_ms:
            hours = (ends_ms - since_ms) // 3_600_000
            _report(story, held, number, f"is parked for {park.reason!r}, which was mended {hours} hours ago")
    for what, parks in (("retried", evidence.retried), ("given up", evidence.waived)):
        # By the runtime's own stamp, whatever its clock says: another park has another one.
        if parks.get(story.entry_id) == park.at_ms:
            _report(story, held, number, f"is still parked for {park.reason!r} after a person had {what} it")


def _report(story: Story, held: Held, number: int, text: str) -> None:
    worth = story.worth_of(number)
    held.found(
        story.entity,
        story.entry_id,
        f"{story.entry_id} version {number} {text}",
        (number,),
        None if worth is None else worth.bill_minor,
        "" if worth is None else worth.bill_currency,
    )
