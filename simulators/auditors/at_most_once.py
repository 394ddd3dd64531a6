"""S1, at most once: an entry has at most one un-reversed posting at every point of the ledger's own order.

Counted by the business id (entry, version, leg) over all lines, by hand included, and never by key: keys are what
may be wrong. A line reversed a second time is the same breach in the other direction.
"""

from simulators.auditors.currencies import said
from simulators.auditors.finding import Held
from simulators.auditors.story import Story
from simulators.evidence import LedgerLine


def at_most_once(story: Story, held: Held) -> None:
    """Walk the entry's lines as they landed and name every posting that joins one which still stands."""
    lines = story.lines
    if len(lines) < 2:
        return
    standing: list[LedgerLine] = []
    for line in lines:
        if line.leg == "reverse":
            target = next((other for other in standing if other.key == line.reverses), None)
            standing = [other for other in standing if other is not target]
            continue
        if standing:
            before = standing[-1]
            same = before.version == line.version
            twice = line if same else before
            minor, currency = (
                (twice.bill_minor, twice.bill_currency) if twice.bill_minor else (twice.cost_minor, twice.cost_currency)
            )
            what = f"version {line.version} twice" if same else f"version {line.version} beside {before.version}"
            held.found(
                story.entity,
                story.entry_id,
                f"{story.entry_id} {what}: lines {before.line_id} and {line.line_id} both stand, {_twice(twice)}",
                (line.version,) if same else (before.version, line.version),
                minor,
                currency,
                line.at_ms,
            )
        standing.append(line)
    for undoing in story.undoings:
        if undoing.again and undoing.target is not None:
            line = undoing.reversal
            held.found(
                story.entity,
                story.entry_id,
                f"{story.entry_id}: line {undoing.target.line_id} was reversed already when {line.line_id} reversed it",
                (undoing.target.version,),
                line.bill_minor,
                line.bill_currency,
                line.at_ms,
            )


def _twice(line: LedgerLine) -> str:
    """What the second line costs somebody: the client, or where nothing is billed ourselves."""
    if line.bill_minor:
        return f"{said(line.bill_minor, line.bill_currency)} billed twice"
    return f"not billable, {said(line.cost_minor, line.cost_currency)} of cost twice"
