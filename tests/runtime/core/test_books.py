"""The partition keeps books about itself: at every step of any walk, each approved version is in exactly one place."""

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache

import pytest

from runtime.core import records as r
from runtime.core.answers import HeadsListed, Republished, Silent, StatusTaken, VersionHead
from runtime.core.effects import Effect, Fetch, LookUp, Recount, SendBatch, TellPsa
from runtime.core.inputs import Answered, Retry, Waive
from runtime.core.model import Gate, Place, Project
from runtime.core.news import EntryApproved, EntryNews, MasterDataReady, ProjectsPublished
from runtime.core.partition.moves import Phase
from runtime.core.partition.state import Tracked
from runtime.journal.format import read_entry
from simulators.chance import chance
from tests.runtime.core.a_ledger import Ledger, Psa
from tests.runtime.core.a_partition import HOUR_MS, Partition, approved, given, period, withdrawn
from tests.runtime.core.a_recovery import assert_same, read_back

ENTRIES = 12
STEPS = 160
SEEDS = range(24)


@dataclass
class Walk:
    """A partition between a source, a ledger and a PSA, and a die that says what happens next."""

    seed: int
    partition: Partition = field(init=False)
    ledger: Ledger = field(init=False)
    psa: Psa = field(default_factory=Psa)
    versions: dict[str, int] = field(default_factory=dict)
    source: dict[tuple[str, int], EntryApproved] = field(default_factory=dict)
    published: dict[tuple[str, int], EntryNews] = field(default_factory=dict)
    wire: list[Effect] = field(default_factory=list)
    kept_back: list[EntryNews] = field(default_factory=list)
    march: int = 1

    def __post_init__(self) -> None:
        self.partition = given(batch_max=5, calls_max=3, refusals_max=4, lookup_max=4, staged_lost_after_ms=HOUR_MS)
        self.ledger = Ledger(self.seed)

    def draw(self, step: int, *names: str | int) -> int:
        return chance(self.seed, "walk", step, *names)

    # ---------------------------------------------------------------- one step

    def step(self, step: int) -> None:
        """One thing happens."""
        kind = self.draw(step, "what") % 100
        if kind < 40:
            self.publish(step)
        elif kind < 45:
            self.people(step)
        elif kind < 49:
            self.periods(step)
        elif kind < 51:
            self.wire.clear()
            self.partition.crashes(after_ms=1_000)
        elif kind < 54:
            self.partition.hears(MasterDataReady(("worker:W1",)))
        elif kind < 58:
            self.ledger.import_staged()
        elif kind < 60:
            entry_id = f"TS-{self.draw(step, 'hand') % ENTRIES}"
            wanted = self.latest(entry_id)
            if wanted is not None:
                project = "P1" if self.draw(step, "slip") % 4 == 0 else wanted.entry.project
                self.ledger.post_by_hand(entry_id, 80_000, 48_000, project, wanted.entry.work_date)
        elif kind < 62:
            self.partition.shell.checkpoint()
        elif kind < 64:
            self.partition.waits(7 * HOUR_MS)
        else:
            self.partition.waits(self.draw(step, "wait") % 40_000)
        if self.wire and self.draw(step, "hear") % 3:
            self.hear(self.wire.pop(self.draw(step, "which") % len(self.wire)))
        self.wire += self.partition.starts(after_ms=1_000, erp=2, psa=1)

    def publish(self, step: int) -> None:
        """The source publishes a version; some come late, twice or in the wrong order."""
        entry_id = f"TS-{self.draw(step, 'entry') % ENTRIES}"
        version = self.versions[entry_id] = self.versions.get(entry_id, 0) + 1
        sort = self.draw(step, "sort") % 10
        news: EntryNews
        if sort < 2 and version > 1:
            news = withdrawn(entry_id, version)
        else:
            hours = str(1 + self.draw(step, "hours") % 3 * 7)
            time_type = "leave" if sort == 2 else "standard"
            project = {3: "P2", 4: "P9"}.get(sort, "P1")
            home = "FR01" if self.draw(step, "home") % 40 == 0 else "DE01"
            news = approved(entry_id, version, hours, time_type=time_type, project=project, home_entity=home)
            self.source[entry_id, version] = news
        self.published[entry_id, version] = news
        fate = self.draw(step, "delivery") % 10
        if fate == 0:
            self.kept_back.append(news)
        elif fate == 1:
            self.partition.hears(news, news)
        else:
            self.partition.hears(news)
        if self.kept_back and fate > 6:
            self.partition.hears(self.kept_back.pop())

    def people(self, step: int) -> None:
        """Somebody works the exceptions."""
        parked = [entry.entry_id for entry in self.partition.state.entries.values() if entry.phase is Phase.PARKED]
        if parked:
            chosen = parked[self.draw(step, "parked") % len(parked)]
            if self.draw(step, "decision") % 4:
                self.partition.hears(Retry((chosen,), "ana", "mended"))
            else:
                self.partition.hears(Waive(chosen, "ana", "not worth it"))

    def periods(self, step: int) -> None:
        """March is held or released; the ERP closes or holds it of its own accord, or opens it again."""
        self.march += 1
        gate = (Gate.OPEN, Gate.HELD, Gate.SHUT)[self.draw(step, "gate") % 3]
        if self.draw(step, "erp") % 3 == 0:
            self.ledger.shut ^= {"2026-03"}
        if self.draw(step, "erp hold") % 4 == 0:
            self.ledger.on_hold ^= {"2026-03"}
        self.partition.hears(period("2026-03", gate=gate, version=self.march))

    def hear(self, effect: Effect) -> None:
        """A call comes back."""
        if isinstance(effect, SendBatch | LookUp):
            self.partition.hears(Answered(effect.call_id, self.ledger.answer(effect)))
        elif isinstance(effect, TellPsa):
            fate = 9 if self.ledger.calm else self.draw(len(self.psa.shown), "tell", effect.call_id) % 10
            if fate:
                self.psa.take(effect)
            self.partition.hears(Answered(effect.call_id, Silent() if fate < 2 else StatusTaken()))
        elif isinstance(effect, Recount):
            heads = tuple(VersionHead(*head) for head in self.published)
            self.partition.hears(Answered(effect.call_id, HeadsListed(heads)))
        elif isinstance(effect, Fetch):
            news = tuple(self.published[head] for head in effect.heads)
            self.partition.hears(Answered(effect.call_id, Republished(news)))

    # ---------------------------------------------------------------- until all is quiet

    def settle(self) -> None:
        """Misfortune ends, people do their work, and everything finishes."""
        self.ledger.calm = True
        self.ledger.shut.clear()
        self.ledger.on_hold.clear()
        self.march += 1
        self.partition.hears(period("2026-03", version=self.march))
        self.partition.hears(ProjectsPublished((Project("P9", "DE01", "C1", "K1"),)))
        if self.kept_back:
            self.partition.hears(*self.kept_back)
        for _ in range(400):
            for entry in tuple(self.partition.state.entries.values()):
                if entry.phase is Phase.PARKED:
                    self.mend(entry.entry_id)
            self.ledger.import_staged()
            self.wire += self.partition.starts(after_ms=45_000, erp=2, psa=1)
            while self.wire:
                self.hear(self.wire.pop(0))
            state = self.partition.state
            if not (state.ready_count or state.asks or state.calls or state.untold or state.resting or state.groups):
                return
        raise AssertionError("the walk does not settle")

    def mend(self, entry_id: str) -> None:
        """A person looks after a parked entry: takes out of the ledger what is wrong there, or gives the entry up."""
        reason = self.partition.park_of(entry_id)
        if reason in FOR_GOOD or (reason in IN_THE_LEDGER and self.draw(0, "give up", entry_id) % 3 == 0):
            self.partition.hears(Waive(entry_id, "ana", "not worth it"))
            return
        if reason in IN_THE_LEDGER:
            self.ledger.take_out(entry_id)
        self.partition.hears(Retry((entry_id,), "ana", "mended"))

    def latest(self, entry_id: str) -> EntryApproved | None:
        """What should stand of the entry, as its source says; None for nothing."""
        last = self.source.get((entry_id, self.versions.get(entry_id, 0)))
        return None if last is None or last.entry.time_type == "leave" else last

    def everything(self) -> list[Tracked]:
        """Every entry this partition ever knew, those that were let go included."""
        self.partition.shell.checkpoint()
        journal = self.partition.journal
        return [read_entry(row) for row in journal.load(journal.known()).values()]


FOR_GOOD = frozenset({"entity_moved"})
"""Nothing that a person mends lets such an entry go on."""
IN_THE_LEDGER = frozenset({"manual_line_differs", "standing_by_hand", "ledger_differs"})
"""What has to be mended in the ledger before a retry helps."""


def books_are_right(partition: Partition, tracked: list[Tracked]) -> None:
    """The books equal what the entries say: count, hours, money and unvalued hours of every place."""
    counts: Counter[Place] = Counter()
    hours: dict[Place, Decimal] = dict.fromkeys(Place, Decimal(0))
    money: Counter[tuple[Place, str]] = Counter()
    unvalued: dict[Place, Decimal] = dict.fromkeys(Place, Decimal(0))
    for entry in tracked:
        for note in entry.versions.values():
            counts[note.place] += 1
            hours[note.place] += note.hours
            if note.bill_minor is None:
                unvalued[note.place] += note.hours
            else:
                money[note.place, note.currency] += note.bill_minor
    books = partition.state.head.books
    assert {place: counts[place] for place in Place} == books.counts
    assert hours == books.hours
    assert unvalued == books.unvalued
    for place in Place:
        for currency, amount in books.money[place].items():
            assert amount == money[place, currency], f"{place} {currency}"


def places_are_true(tracked: list[Tracked]) -> None:
    """A version that is on its way, posted or parked is there for the reason its entry gives."""
    for entry in tracked:
        places = {version: note.place for version, note in entry.versions.items()}
        story = f"{entry.entry_id} {entry.phase} {places}"
        listed = Counter(places.values())
        assert listed[Place.POSTED] <= 1, story
        assert listed[Place.PARKED] == (1 if entry.phase is Phase.PARKED else 0), story
        if entry.phase in (Phase.POSTED, Phase.SUPERSEDED, Phase.EXCLUDED, Phase.WAIVED):
            assert not {Place.IN_FLIGHT, Place.IN_DOUBT, Place.STAGED, Place.PARKED} & set(listed), story
        assert listed[Place.IN_DOUBT] <= (1 if entry.phase is Phase.IN_DOUBT else 0), story
        assert listed[Place.STAGED] <= (1 if entry.phase is Phase.STAGED else 0), story
        if entry.phase is Phase.POSTED:
            assert entry.standing is not None, story
            assert places[entry.counts_for] is Place.POSTED, story
        assert (entry.intent is not None) >= (entry.phase in (Phase.IN_FLIGHT, Phase.IN_DOUBT, Phase.STAGED)), story


@pytest.mark.parametrize("seed", range(4))
def test_every_step_of_a_walk_can_be_read_back(seed: int) -> None:
    """Wherever a walk is interrupted, a new process reads the state that the old one had."""
    walk = Walk(seed)
    for step in range(60):
        walk.step(step)
        assert_same(walk.partition.state, read_back(walk.partition))


@cache
def walked(seed: int) -> Walk:
    """A whole walk, looked at after every step, and what is left when all is quiet."""
    walk = Walk(seed)
    for step in range(STEPS):
        walk.step(step)
        places_are_true(list(walk.partition.state.entries.values()))
        if step % 20 == 0:
            books_are_right(walk.partition, walk.everything())
    walk.settle()
    return walk


@pytest.mark.parametrize("seed", SEEDS)
def test_every_version_is_in_exactly_one_place_at_every_step(seed: int) -> None:
    """Whatever happens in whatever order, the books agree with the entries and nothing stands twice."""
    walk = walked(seed)
    tracked = walk.everything()
    places_are_true(tracked)
    books_are_right(walk.partition, tracked)
    heard = {(entry.entry_id, version) for entry in tracked for version in entry.versions}
    assert heard == set(walk.source), "every approved version is in the books, and no other"
    assert walk.ledger.complaints == []


@pytest.mark.parametrize("seed", SEEDS)
def test_after_the_storm_the_ledger_holds_what_the_source_says(seed: int) -> None:
    """When misfortune ends, what stands per entry is its latest version at its exact worth, or a person has decided."""
    walk = walked(seed)
    for entry in walk.everything():
        if entry.phase in (Phase.PARKED, Phase.WAIVED):
            continue
        standing = [line for line in walk.ledger.standing(entry.entry_id) if not line.by_hand or entry.by_hand]
        wanted = walk.latest(entry.entry_id)
        if wanted is None:
            assert standing == [], f"{entry.entry_id}: {standing}"
            continue
        hours = int(wanted.entry.quantity)
        expected = (hours * 10_000, hours * 6_000, wanted.entry.project)
        assert [(line.bill_minor, line.cost_minor, line.project) for line in standing] == [expected]


@pytest.mark.parametrize("seed", SEEDS)
def test_after_the_storm_the_psa_shows_what_is_true(seed: int) -> None:
    """The PSA never goes on showing a status that is no longer so, even if the call that told it was never answered."""
    walk = walked(seed)
    words = {Phase.POSTED: "posted", Phase.PARKED: "parked", Phase.WAIVED: "waived"}
    words |= {Phase.SUPERSEDED: "withdrawn", Phase.EXCLUDED: "excluded"}
    for entry in walk.everything():
        shown = walk.psa.shown.get(entry.entry_id)
        if shown is not None:
            assert shown[2] == words[entry.phase], entry.entry_id
        else:
            assert entry.phase in (Phase.SUPERSEDED, Phase.EXCLUDED, Phase.WAIVED)


def test_the_walks_go_everywhere() -> None:
    """The walks of this file mean something: they meet hand lines, staging, doubt, bisection and every kind of news."""
    kinds: Counter[str] = Counter()
    for seed in SEEDS:
        kinds.update(type(record).__name__ for record in walked(seed).partition.records)
    for kind in MET:
        assert kinds[kind.__name__], kind.__name__


MET = (
    r.BatchBisected,
    r.EntriesUnconfirmed,
    r.EntryBackedOff,
    r.EntryLeftOut,
    r.EntryWaived,
    r.HeadsFoundMissing,
    r.LineFoundByHand,
    r.OldVersionReceived,
    r.OldWithdrawalReceived,
    r.PartitionRestarted,
    r.PeriodFoundHeld,
    r.PeriodFoundShut,
    r.RowsFoundMissing,
    r.RowsReversed,
    r.RowsStaged,
    r.VersionCarried,
)
