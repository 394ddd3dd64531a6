"""S11, single writer: the epochs of a partition only rise, and what is done is done under the last one.

One exception is printed: a process that looked at its lease while it was the owner, was stopped, and sent when it went
on. It wrote nothing; what it sent carries the key that its successor uses.
"""

from simulators.auditors.finding import Held
from simulators.evidence import Evidence


def single_writer(evidence: Evidence, held: Held) -> None:
    """Every deed in the order in which it was done, against the epoch that was the last one then."""
    current = 0
    claimed_ms: dict[int, int] = {}
    for deed in evidence.deeds:
        if deed.what == "claimed":
            if deed.epoch <= current:
                text = f"{evidence.entity}: epoch {deed.epoch} was given out when {current} had been"
                held.found(evidence.entity, "", text, at_ms=deed.at_ms)
            current = max(current, deed.epoch)
            claimed_ms[deed.epoch] = deed.at_ms
        elif deed.epoch < current:
            if deed.what == "called" and deed.checked_ms <= claimed_ms[deed.epoch + 1]:
                continue
            text = f"{evidence.entity}: somebody {deed.what} under epoch {deed.epoch}, the last one was {current}"
            held.found(evidence.entity, "", text, at_ms=deed.at_ms)
