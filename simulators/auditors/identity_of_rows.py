"""S14, identity: one key names one row of ours, as the ERP keeps keys, and the line that we know is that row's line.

Two rows are the same where entry, version and leg are. A second intent of a row may have a key of its own, but no key
may lead to two rows, and what is cut off or folded by the ERP counts as not there. Clashes are written down at the
source, by whichever of the two rows came second. Ledger ids are those that the runtime recorded with its effects.
"""

from simulators.auditors.finding import Held
from simulators.evidence import Evidence, LedgerLine


def identity_of_rows(evidence: Evidence, held: Held) -> None:
    """Every key that two rows had, and every ledger id that the runtime has for a line of another row."""
    for clash in evidence.key_clashes:
        entry_id, version, leg = clash.held
        held.found(
            evidence.entity,
            clash.entry_id,
            f"key {clash.key} of {clash.entry_id} version {clash.version} ({clash.leg}) is kept for {entry_id}"
            f" version {version} ({leg})",
            (clash.version,),
            at_ms=clash.at_ms,
        )
    if not evidence.ledger_ids and not evidence.adopted:
        return
    lines = {line.line_id: line for line in evidence.lines}
    folds = evidence.key_length_max is not None or evidence.key_case_folded
    for key, ledger_id in evidence.ledger_ids:
        line = lines.get(ledger_id)
        if line is None or line.key != (_kept(key, evidence) if folds else key):
            _not_its_own(evidence, f"row {key}", ledger_id, line, held)
    for entry_id, ledger_id in evidence.adopted:
        line = lines.get(ledger_id)
        if line is None or not line.by_hand or line.entry_id != entry_id:
            _not_its_own(evidence, f"entry {entry_id}", ledger_id, line, held)


def _kept(key: str, evidence: Evidence) -> str:
    return (key.casefold() if evidence.key_case_folded else key)[: evidence.key_length_max]


def _not_its_own(evidence: Evidence, whose: str, ledger_id: str, line: LedgerLine | None, held: Held) -> None:
    what = "is no line of the ledger" if line is None else f"belongs to {line.key or 'a line by hand'}"
    held.found(
        evidence.entity,
        "" if line is None else line.entry_id,
        f"{whose} is known as {ledger_id or 'nothing'}, which {what}",
        () if line is None else (line.version,),
        None if line is None else line.bill_minor,
        "" if line is None else line.bill_currency,
        0 if line is None else line.at_ms,
    )
