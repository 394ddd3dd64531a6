"""What a live run proved: the auditors compare source and ledger, and the journal is asked what it was told.

    S   lost, double, wrong amount …     the auditors of the simulated world, over what the mock systems wrote down
    A   acknowledged and unknown         versions that a sender was told are safe, and that no journal knows
    C   the hash chain                   recomputed over every frame that was ever committed

The runtime's word is taken for one thing only: where a version is that does not stand in the ledger.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from runtime.core.records import EntryWithdrawn, OldWithdrawalReceived
from runtime.journal.format import read_frame
from runtime.journal.stores import open_store
from runtime.ports import DurableJournal, JournalError
from runtime.settings import Settings
from scenarios.live.burst import Version
from scenarios.live.parts import Api, Unreachable

HELD, VIOLATED, UNSETTLED, PROVED_NOTHING = 0, 3, 4, 5
"""Exit codes; where several apply the gravest wins: 3, 5, 4."""
ASKED_MOST = 2_000
"""Entries that do not stand and are asked about one by one; more of them are a disaster that needs no details."""


@dataclass(slots=True)
class Verdict:
    """The figures, what is wrong in words, and the exit code that follows."""

    audit: Mapping[str, Any]
    acknowledged: int = 0
    unknown: list[Version] = field(default_factory=list)
    """Acknowledged, and in no journal."""
    frames: int = 0
    """Verified against the hash chain."""
    excused: tuple[str, ...] = ()
    """Breaches that are no violation of ours: an assumption that is printed came false."""
    violations: list[str] = field(default_factory=list)
    unproved: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    """What should have been finished and was not."""

    @property
    def code(self) -> int:
        """The exit code."""
        breaches = ("lost", "double", "wrong_amount", "wrong_period", "wrong_order", "invented", "changed_rows")
        if self.violations or self.unknown or any(self.audit[name] for name in breaches if name not in self.excused):
            return VIOLATED
        if self.unproved:
            return PROVED_NOTHING
        return UNSETTLED if self.audit["unsettled"] or self.late else HELD

    def told(self) -> dict[str, Any]:
        """For machines."""
        return {
            **self.audit,
            "acknowledged": self.acknowledged,
            "acknowledged_unknown": len(self.unknown),
            "frames_verified": self.frames,
            "violations": self.violations,
            "unproved": self.unproved,
            "late": self.late,
            "exit": self.code,
        }


def audit(mocks: Api, gateway: Api, versions: Iterable[Version]) -> dict[str, Any]:
    """Source against ledger; `versions` are all that the source published."""
    latest: dict[tuple[str, str], int] = {}
    for one in versions:
        name = (one.entity, one.entry_id)
        latest[name] = max(latest.get(name, 0), one.version)
    standing: dict[tuple[str, str], int] = {}
    for entity in dict.fromkeys(entity for entity, _ in latest):
        for entry_id, _, _, leg, _, _ in mocks.must("GET", f"/admin/landings/{entity}"):
            name = (entity, entry_id)
            standing[name] = standing.get(name, 0) + (-1 if leg == "reverse" else 1)
    missing = [Version(*name, version) for name, version in latest.items() if standing.get(name, 0) <= 0]
    return audited(mocks, places_of(gateway, missing))


def audited(mocks: Api, places: Mapping[Version, tuple[str, str]]) -> dict[str, Any]:
    """What the auditors say, given where the versions are that do not stand."""
    said: dict[str, list[tuple[str, int, str, str]]] = {}
    for one, place in places.items():
        said.setdefault(one.entity, []).append((one.entry_id, one.version, *place))
    told: dict[str, Any] = mocks.must("POST", "/admin/audit", {"places": said})
    return told


def places_of(gateway: Api, missing: Iterable[Version]) -> dict[Version, tuple[str, str]]:
    """(place, reason) of each by the runtime's word; those it never heard of, and those beyond ASKED_MOST, are left
    out."""
    asked = {one: _place(gateway, one.entity, one.entry_id) for one in islice(missing, ASKED_MOST)}
    return {one: place for one, place in asked.items() if place is not None}


def _place(gateway: Api, entity: str, entry_id: str) -> tuple[str, str] | None:
    """(place, reason) by the runtime's word; None where it never heard of the entry."""
    try:
        status, told, _ = gateway.ask("GET", f"/v1/trace/{entity}/{entry_id}")
    except Unreachable:
        return None
    if status != 200:
        return None
    parked = next((step["text"] for step in reversed(told["steps"]) if step["kind"] == "EntryParked"), "")
    return told["place"], parked


def check_journals(
    verdict: Verdict, settings: Settings, environ: Mapping[str, str], acknowledged: Iterable[Version]
) -> None:
    """Ask the journals themselves, once nobody writes to them any more, and note the answers in the verdict."""
    by_entity: dict[str, list[Version]] = {}
    for one in acknowledged:
        by_entity.setdefault(one.entity, []).append(one)
    store = open_store(settings.journal, environ)
    try:
        for owner in store.owners():
            if owner.name not in settings.entities:
                continue
            journal = store.journal(owner)
            told = by_entity.pop(owner.name, [])
            verdict.acknowledged += len(told)
            known = known_versions(journal, {one.entry_id for one in told})
            verdict.unknown += [one for one in told if not known.get(one.entry_id, 0) >> one.version & 1]
            verdict.frames += journal.verify()
            journal.close()
        for entity, told in by_entity.items():
            verdict.violations.append(f"{entity} has no journal, and {len(told)} acknowledged versions")
    except JournalError as fault:
        verdict.violations.append(f"a journal cannot be read: {fault}")
    finally:
        store.close()


def known_versions(journal: DurableJournal, entry_ids: Iterable[str]) -> dict[str, int]:
    """Which versions a journal knows, as bit masks: by its table, and by the frames since the last checkpoint."""
    known = dict(journal.seen(sorted(entry_ids)))
    for frame in journal.recover().frames:
        for record in read_frame(frame)[1]:
            entry = getattr(record, "entry", None)
            if entry is not None:
                known[entry.entry_id] = known.get(entry.entry_id, 0) | 1 << entry.version
            elif isinstance(record, EntryWithdrawn | OldWithdrawalReceived):
                known[record.entry_id] = known.get(record.entry_id, 0) | 1 << record.version
    return known
