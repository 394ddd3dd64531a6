"""S5, order, and S6, no invention: the ledger follows the source, never backwards and never ahead of it.

What a line says of the work besides its money (task, worker, role, narrative, dimensions) is on the client's invoice,
and is that of its version to the letter; a reversal says what the line said that it takes back.
"""

from simulators.auditors.finding import Held
from simulators.auditors.story import Story
from simulators.evidence import ApprovedVersion, LedgerLine


def in_order(story: Story, held: Held) -> None:
    """S5: no posting of a version lands after a posting of a later version. People may post by hand as they like."""
    if len(story.lines) < 2:
        return
    highest = 0
    for line in story.lines:
        if line.leg == "reverse" or line.by_hand:
            continue
        if line.version < highest:
            held.found(
                story.entity,
                story.entry_id,
                f"{story.entry_id}: version {line.version} landed as {line.line_id} after version {highest}",
                (highest, line.version),
                line.bill_minor,
                line.bill_currency,
                line.at_ms,
            )
        highest = max(highest, line.version)


def no_invention(story: Story, held: Held) -> None:
    """S6: every line names a version published before it landed, and a reversal names a line that was there."""
    for line in story.lines:
        if line.by_hand and not line.version:
            # A person names the entry and no version; any approval of it will do.
            known = any(not v.withdrawn and v.at_ms <= line.at_ms for v in story.versions)
        else:
            version = story.published(line.version)
            known = (
                version is not None and version.at_ms <= line.at_ms and (line.leg == "reverse" or not version.withdrawn)
            )
        if not known or line.entity != story.entity:
            where = "" if line.entity == story.entity else f" in the books of {line.entity}"
            held.found(
                story.entity,
                story.entry_id,
                f"line {line.line_id}{where} names {story.entry_id} version {line.version}, "
                "which was not approved at the source when it landed",
                (line.version,),
                line.bill_minor,
                line.bill_currency,
                line.at_ms,
            )
        elif line.words and not line.by_hand:
            _says_what_was_approved(story, line, held)
    for undoing in story.undoings:
        if undoing.target is None:
            line = undoing.reversal
            held.found(
                story.entity,
                story.entry_id,
                f"line {line.line_id} reverses {line.reverses or 'nothing'}, which never stood for {story.entry_id}",
                (line.version,),
                line.bill_minor,
                line.bill_currency,
                line.at_ms,
            )


WORDS = ("task", "worker", "role", "narrative", "dimensions")
"""What `LedgerLine.words` holds, in its order."""


def words_of(version: ApprovedVersion) -> tuple[str | tuple[str, ...] | None, ...]:
    """The words of a version as a line has to carry them."""
    plan = version.assignment
    return plan.task, plan.worker, plan.role, version.narrative, version.dimensions


def _says_what_was_approved(story: Story, line: LedgerLine, held: Held) -> None:
    number = line.version
    if line.leg == "reverse":
        # It may carry the number of the version that came of what it takes back, where only words had changed.
        number = next((u.target.version for u in story.undoings if u.reversal is line and u.target is not None), number)
    version = story.published(number)
    if version is None or line.words == words_of(version):
        return
    for name, said, approved in zip(WORDS, line.words, words_of(version), strict=True):
        if said is not None and said != approved:
            held.found(
                story.entity,
                story.entry_id,
                f"{line.line_id} of {story.entry_id} version {number} says {name} {said!r}, approved was {approved!r}",
                (number,),
                line.bill_minor,
                line.bill_currency,
                line.at_ms,
            )
