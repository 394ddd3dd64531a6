"""S15, typed input: what came in a form that nobody agreed on never reaches the ERP.

A renamed field, an unknown unit, null where a value is required, another unit, a decimal comma: the source wrote down
when it sent which version in such a form, and when as agreed. Before the first time as agreed, no line of that version
may stand.
"""

from simulators.auditors.finding import Held
from simulators.auditors.story import Story


def typed_input(story: Story, held: Held) -> None:
    """No line of the feed was made from a version that had only been sent in a wrong form by then."""
    otherwise = story.book.evidence.sent_otherwise
    if not otherwise:
        return
    for line in story.lines:
        sent = otherwise.get((story.entry_id, line.version))
        version = story.published(line.version)
        if sent is None or version is None or line.leg == "reverse" or line.by_hand:
            continue
        if sent[0][0] > version.at_ms:
            continue  # Its event had gone out before as agreed.
        before = [form for at_ms, form in sent if at_ms <= line.at_ms]
        if all(before):
            held.found(
                story.entity,
                story.entry_id,
                f"line {line.line_id} was made of version {line.version}, which had only come in the form"
                f" {' and '.join(dict.fromkeys(before))!r}",
                (line.version,),
                line.bill_minor,
                line.bill_currency,
                line.at_ms,
            )
