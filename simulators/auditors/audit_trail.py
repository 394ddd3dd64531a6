"""S17, audit: every line in the ledger leads back to one intent in the journal, and every intent to one delivery.

The hash chain of the journal is computed anew, without the runtime's own code: sha256 over the chain so far, as hex,
and the frame. Keys name nobody.
"""

from functools import lru_cache
from hashlib import sha256

from simulators.auditors.finding import Held
from simulators.evidence import Evidence

REMEMBERED = 4_096
"""Links of the chain that are computed once: the log is shown at every recovery, and most of it was shown before."""


def audit_trail(evidence: Evidence, held: Held) -> None:
    """The chain, the lines, the intents."""
    entity = evidence.entity
    link = lru_cache(maxsize=REMEMBERED)(_link)
    for log in evidence.logs:
        chain = log.chain_before
        for frame in log.frames:
            chain = link(chain, frame)
        if chain != log.chain:
            text = f"{entity}: the hash chain over {len(log.frames)} frames does not lead to its head"
            held.found(entity, "", text, at_ms=log.at_ms)
    intents = evidence.intents
    for line in evidence.lines:
        if not line.by_hand and intents.get(line.key) != (line.entry_id, line.version):
            text = f"{line.entry_id} version {line.version}: no intent in the journal led to line {line.line_id}"
            held.found(
                entity, line.entry_id, text, (line.version,), line.bill_minor, line.bill_currency, at_ms=line.at_ms
            )
    heard = evidence.heard
    for key, (entry_id, version) in intents.items():
        if not heard.get(entry_id, 0) >> version & 1:
            text = f"{entry_id} version {version} was sent as {key} and never delivered"
            held.found(entity, entry_id, text, (version,))
            continue
        for approved in evidence.versions.get(entry_id, ()):
            person = approved.assignment.worker
            if person in key.split("/"):
                held.found(entity, entry_id, f"the key {key} names {person}", (version,))


def _link(chain: str, frame: bytes) -> str:
    return sha256(chain.encode() + frame).hexdigest()
