"""S3, period: a line is dated on its work date, or it says why not and takes the first day of the next open period.

Rule 1. No line lands in a period whose ERP status is not open at that instant. People's lines too.
Rule 2. The feed never dates a line into a period whose gate was shut all the while it could decide.
Rule 3. A date other than the work date carries a flag, the work date's period was shut at some instant between the
        approval that caused the line and its landing, and the date is the first day of the next period that was open.
        A correction may also keep the date of the line it corrects. A hold is not shut: it explains waiting, and no
        other date.
Rule 4. A line carries the work date of its version: a civil date, which nobody converts.
Rule 5. Both legs of a correction share one date, unless the work date moved or the period shut between the landings.

"Could decide" runs from the approval, less the time that the news of a period may travel, to the landing.
"""

from itertools import pairwise

from simulators.auditors.calendar import BEFORE_EVERYTHING_MS, Track
from simulators.auditors.finding import Held
from simulators.auditors.story import Story
from simulators.evidence import LedgerLine


def right_period(story: Story, held: Held) -> None:
    """Judge the date of every line, then the pairs of legs."""
    calendar = story.book.calendar
    targets = iter(story.undoings)
    for line in story.lines:
        version = story.published(line.version)
        if version is not None and not line.by_hand and line.work_date != version.work_date:
            _report(story, held, line, f"carries the work date {line.work_date}, approved was {version.work_date}")
    for position, line in enumerate(story.lines):
        target = next(targets).target if line.leg == "reverse" else None
        track = calendar.of(line.accounting_date)
        if track is None or track.name != line.period:
            where = "no period" if track is None else f"period {track.name}"
            _report(story, held, line, f"is dated {line.accounting_date} in {line.period}, that day is in {where}")
            continue
        if track.stretch[0] <= line.at_ms < track.stretch[1] and line.accounting_date == line.work_date:
            continue
        if not track.erp_open(line.at_ms, line.at_ms):
            _report(story, held, line, f"landed in {track.name} while the ERP held it not open")
            continue
        if line.by_hand:
            continue
        since = _decided_since(story, line, target)
        if not track.ever_open(since, line.at_ms):
            _report(story, held, line, f"was fed into {track.name} while its gate was shut all the while")
        elif line.accounting_date != line.work_date:
            _judge_adjusted(story, held, line, story.lines[:position], track, since)
    for first, second in pairwise(line for line in story.lines if not line.by_hand):
        if (
            first.leg == "reverse"
            and second.leg != "reverse"
            and first.work_date == second.work_date
            and first.accounting_date != second.accounting_date
            and not _parted(story, first, second)
        ):
            text = f"is dated {second.accounting_date}, its other leg {first.line_id} {first.accounting_date}"
            _report(story, held, second, text)


def _decided_since(story: Story, line: LedgerLine, target: LedgerLine | None) -> int:
    """The earliest instant at which the feed may have looked at the calendar for this line."""
    if target is None:
        cause = next((v.at_ms for v in story.versions if v.version == line.version), BEFORE_EVERYTHING_MS)
    else:
        # What undoes a line is the first later version, whichever number the reversal itself carries.
        cause = next((v.at_ms for v in story.versions if v.version > target.version), BEFORE_EVERYTHING_MS)
    return cause - story.book.news_lag_ms


def _judge_adjusted(
    story: Story, held: Held, line: LedgerLine, earlier: list[LedgerLine], track: Track, since_ms: int
) -> None:
    if not line.adjusts:
        _report(story, held, line, f"moved from {line.work_date} to {line.accounting_date} without saying so")
        return
    kept = [other.accounting_date for other in earlier]
    if line.accounting_date in kept:
        return
    wanted = [story.book.calendar.of(day) for day in dict.fromkeys([line.work_date, *kept])]
    if not any(home is not None and home.ever_shut(since_ms, line.at_ms) for home in wanted):
        _report(
            story, held, line, f"moved to {line.accounting_date} though the period of {line.work_date} was never shut"
        )
        return
    passed_over = [
        between
        for between in story.book.calendar.tracks
        if any(home is not None and home.last_day < between.first_day < track.first_day for home in wanted)
        and not between.ever_passed_over(since_ms, line.at_ms)
    ]
    if line.accounting_date != track.first_day or track.last_day < line.work_date or passed_over:
        text = f"moved to {line.accounting_date}, which is not the first day of the next open period"
        _report(story, held, line, text)


def _parted(story: Story, first: LedgerLine, second: LedgerLine) -> bool:
    """Whether two legs that follow each other had a reason to differ: a withdrawal between, or a shut period."""
    if any(v.withdrawn and first.version <= v.version <= second.version for v in story.versions):
        return True
    homes = [story.book.calendar.of(line.accounting_date) for line in (first, second)]
    since = first.at_ms - story.book.news_lag_ms
    return any(home is not None and home.ever_shut(since, second.at_ms) for home in homes)


def _report(story: Story, held: Held, line: LedgerLine, text: str) -> None:
    held.found(
        story.entity,
        story.entry_id,
        f"{story.entry_id}: line {line.line_id} {text}",
        (line.version,),
        line.bill_minor,
        line.bill_currency,
        line.at_ms,
    )
