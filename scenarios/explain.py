"""What happened to one entry, across all systems, in one run: the source, the wire, the runtime, the ledger.

source    what the PSA published, and what it was told
fault     misfortunes of the entry's calls and events, and what befell its entity or its accounts meanwhile
runtime   every record that is about the entry, in the words of `springtide trace`
ledger    lines that came to stand, and rows that were refused
"""

from collections.abc import Sequence
from dataclasses import dataclass

from runtime.core.records import Record
from runtime.drivers.reporting import told_of
from simulators.auditors.audit import audit
from simulators.auditors.currencies import said
from simulators.auditors.finding import Held
from simulators.evidence import Evidence
from simulators.plants.catalogue import by_name
from simulators.plants.plant import planting
from simulators.plants.replace import Function, replaced
from simulators.run import acts_of, allowances, firm_of
from simulators.settings import WorldSettings
from simulators.world import Seen, World

_ORDER = ("source", "fault", "runtime", "ledger")


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that happened: when (ms UTC), in which system, in words."""

    at_ms: int
    system: str
    text: str


@dataclass(frozen=True, slots=True)
class Told:
    """A run with its witnesses. `held`: what the auditors say; empty where the run was stopped early."""

    seen: Seen
    held: list[Held]
    records: list[tuple[int, str, Record]]
    """(instant, entity, record) of everything that was journalled."""

    def places(self) -> dict[str, dict[str, int]]:
        """Entity to place to number of versions, as the runtime says."""
        found: dict[str, dict[str, int]] = {}
        for code, evidence in self.seen.evidences.items():
            counts = found.setdefault(code, {})
            for final in evidence.final:
                counts[final.place] = counts.get(final.place, 0) + 1
        return found


def tell(settings: WorldSettings, seed: int, plant: str = "", until_ms: int | None = None) -> Told:
    """Let the world happen again in one piece, with everything that is journalled written down."""
    firm = firm_of(settings, seed)
    records: list[tuple[int, str, Record]] = []

    def witnessed(original: Function) -> Function:
        def made(world: World, entity: str, batch: Sequence[Record], now_ms: int) -> None:
            records.extend((now_ms, entity, record) for record in batch)
            original(world, entity, batch, now_ms)

        return made

    codes = [entity.code for entity in firm.entities]
    with replaced("simulators.world:World._records_made", witnessed):
        if plant:
            with planting(by_name(plant)) as planted:
                seen = World(settings, seed, firm, acts_of(settings, seed), codes, planted.recompose).run(
                    None, until_ms
                )
        else:
            seen = World(settings, seed, firm, acts_of(settings, seed), codes).run(None, until_ms)
    held = [] if until_ms else audit(firm, seen.evidences, seen.accounts, allowances(settings, seen))
    return Told(seen, held, records)


def explain(told: Told, entry_id: str) -> list[Moment]:
    """The time line of one entry. Raises LookupError where nobody published it."""
    found = next(((code, e) for code, e in told.seen.evidences.items() if entry_id in e.versions), None)
    if found is None:
        raise LookupError(entry_id)
    code, evidence = found
    moments = [*_source(evidence, entry_id), *_ledger(evidence, entry_id)]
    keys: dict[str, None] = {}
    calls: dict[str, None] = {}
    for at_ms, entity, record in told.records:
        if entity != code:
            continue
        text = told_of(record, entry_id, keys, calls)
        if text is not None:
            moments.append(Moment(at_ms, "runtime", text))
    moments += _faults(told, code, entry_id, moments)
    return sorted(moments, key=lambda moment: (moment.at_ms, _ORDER.index(moment.system)))


def _source(evidence: Evidence, entry_id: str) -> list[Moment]:
    moments = []
    for version in evidence.versions[entry_id]:
        what = "taken back" if version.withdrawn else f"approved: {version.quarter_hours / 4:g} h"
        text = f"version {version.version} {what}, {version.assignment.project}, work date {version.work_date}"
        moments.append(Moment(version.at_ms, "source", text))
    for at_ms, told, number, status in evidence.psa_claims:
        if told == entry_id:
            moments.append(Moment(at_ms, "source", f"the PSA hears: version {number} {status}"))
    return moments


def _ledger(evidence: Evidence, entry_id: str) -> list[Moment]:
    moments = []
    for line in evidence.lines:
        if line.entry_id == entry_id:
            what = f"reverses {line.reverses}" if line.leg == "reverse" else f"version {line.version}"
            by_hand = ", entered by hand" if line.by_hand else ""
            money = said(line.bill_minor, line.bill_currency)
            text = f"line {line.line_id}: {what}, {money}, on {line.accounting_date} in {line.period}{by_hand}"
            moments.append(Moment(line.at_ms, "ledger", text))
    return moments


def _faults(told: Told, code: str, entry_id: str, moments: Sequence[Moment]) -> list[Moment]:
    """Misfortunes that name the entry, and those of its entity and accounts between its first and last moment."""
    entity = next(each for each in told.seen.firm.entities if each.code == code)
    near = {code, entity.erp_account, entity.psa_account}
    first, last = min(m.at_ms for m in moments), max(m.at_ms for m in moments)
    found = []
    for at_ms, name in told.seen.strikes:
        kind, _, about = name.partition(":")
        parts = about.split("/")
        ours = entry_id in about
        if ours or (first <= at_ms <= last and near.intersection(parts[:2]) and len(parts) < 4):
            found.append(Moment(at_ms, "fault", f"{kind.replace('_', ' ')}: {about}"))
    return found
