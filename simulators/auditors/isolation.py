"""S16, isolation, and L4, bystanders: what befalls one legal entity changes nothing for the others, and delays nothing.

One run cannot say that: the same month is run twice, without a misfortune and with it, and the books of everybody who
was not meant are laid side by side. Chance comes under names, so that nothing else differs between the two.
"""

from collections.abc import Iterable, Mapping

from simulators.auditors.finding import Held
from simulators.auditors.story import by_entry, pair
from simulators.evidence import Evidence, LedgerLine

SLACK_MS = 15 * 60_000
"""How much later a bystander's row may stand because its neighbours need more calls of an account that they share
(assumed: some look-ups and retries, but no outage and no pause)."""

PER_CENT = 99
Outcome = tuple[object, ...]


def isolated(quiet: Mapping[str, Evidence], struck: Mapping[str, Evidence], bystanders: Iterable[str]) -> list[Held]:
    """S16 and L4 over the same month without (`quiet`) and with (`struck`) a misfortune that was not for `bystanders`.

    S16: each entry ends with the same lines, the same places and the same status. L4: the slowest hundredth of the
    rows waits no longer from its approval to the ledger, but for `SLACK_MS`.
    """
    same, prompt = Held("S16", "isolation"), Held("L4", "bystanders")
    for entity in bystanders:
        ours, theirs = _outcomes(quiet[entity]), _outcomes(struck[entity])
        for entry_id in sorted(ours.keys() | theirs.keys()):
            before, after = ours.get(entry_id), theirs.get(entry_id)
            if before != after:
                same.found(
                    entity, entry_id, f"{entry_id} of {entity}, which nothing befell, ends as {after}, else as {before}"
                )
        waits, waits_struck = _waits(quiet[entity]), _waits(struck[entity])
        if waits and waits_struck:
            usual, now = _slowest(waits), _slowest(waits_struck)
            if now > usual + SLACK_MS:
                minutes = (now // 60_000, usual // 60_000)
                text = f"{entity}, which nothing befell, waits {minutes[0]} minutes for its ledger, else {minutes[1]}"
                prompt.found(entity, "", text)
    return [same, prompt]


def _outcomes(evidence: Evidence) -> dict[str, Outcome]:
    """How each entry ends: standing lines, places and the PSA's word."""
    lines = by_entry(evidence.lines)
    places: dict[str, list[tuple[int, str, str]]] = {}
    for place in evidence.final:
        places.setdefault(place.entry_id, []).append((place.version, place.place, place.reason))
    return {entry_id: _outcome(evidence, entry_id, lines, places) for entry_id in evidence.versions}


def _outcome(
    evidence: Evidence, entry_id: str, lines: dict[str, list[LedgerLine]], places: dict[str, list[tuple[int, str, str]]]
) -> Outcome:
    standing, _ = pair(lines.get(entry_id, []))
    told = evidence.psa.get(entry_id)
    return (
        tuple(
            (line.version, line.project, line.accounting_date.isoformat(), line.quarter_hours, line.bill_minor)
            for line in standing
        ),
        tuple(sorted(places.get(entry_id, []))),
        told.status if told is not None else "",
    )


def _waits(evidence: Evidence) -> list[int]:
    """From the approval of a version to the line of it, in ms, for each posting of the feed; sorted."""
    approved = {
        (version.entry_id, version.version): version.at_ms
        for versions in evidence.versions.values()
        for version in versions
    }
    return sorted(
        line.at_ms - approved[line.entry_id, line.version]
        for line in evidence.lines
        if line.leg == "post" and not line.by_hand and (line.entry_id, line.version) in approved
    )


def _slowest(waits: list[int]) -> int:
    """The wait that 99 of 100 rows do not exceed."""
    return waits[(len(waits) * PER_CENT - 1) // 100]
