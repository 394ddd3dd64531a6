"""What a partition knows, and the books it keeps about itself.

`State` is changed by `apply` alone. Everything an entry needs to go on is in its `Tracked`; the queues and indexes
beside it can be rebuilt from those and from the `Head`, which is how a process recovers.
"""

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from runtime.core.answers import Doubt
from runtime.core.effects import FrozenRow, Status
from runtime.core.model import (
    Approval,
    Assignment,
    Period,
    Place,
    Posting,
    Project,
    RateLine,
    TimeEntry,
    Valuation,
    Worker,
)
from runtime.core.partition.moves import AT_REST, MOVES, Phase
from runtime.core.periods import Calendar, Dated
from runtime.core.policy import Policy, tuned
from runtime.core.rating import RateCard
from runtime.core.value import value

_ZERO = Decimal(0)


@dataclass(slots=True)
class VersionNote:
    """One approved version in the books: where it is, its hours, and its bill value if it has one (minor units)."""

    place: Place
    hours: Decimal
    bill_minor: int | None
    currency: str


@value
class Parked:
    """Why an entry cannot go on, who should look, and what wakes it."""

    reason: str
    detail: str
    owner: str
    fix: str
    wake: str
    at_ms: int


@dataclass(slots=True)
class Tracked:
    """One entry with unfinished business, or one that was just finished or just looked at.

    `heard` is a bit mask of all versions heard of (bit v for version v), withdrawals included. `standing` is what
    stands in the ledger, as posted, and `counts_for` the version it stands for (a narrative change carries it on).
    `intent` is the row that was sent last and is not settled, `staged_as` its reference while it is staged. `reversed`
    keeps the accounting date of a reversal until the new posting has taken the same one. `wants_since_ms` is since when
    nothing of the entry stands although something was approved, parked or not: after long enough a person may have
    entered it by hand.
    """

    entry_id: str
    phase: Phase
    latest: int
    entry: TimeEntry | None
    approval: Approval | None = None
    valuation: Valuation | None = None
    excluded: str = ""
    heard: int = 0
    versions: dict[int, VersionNote] = field(default_factory=dict)
    standing: Posting | None = None
    ledger_id: str = ""
    staged_as: str = ""
    counts_for: int = 0
    by_hand: bool = False
    intent: FrozenRow | None = None
    intents: int = 0
    refusals: int = 0
    reversed: Dated | None = None
    reversed_work_day: int = 0
    park: Parked | None = None
    queued_ms: int = 0
    wants_since_ms: int = 0
    ticket: int = 0
    group: int = 0
    rests_until_ms: int = 0
    confirmed_ms: int = 0
    telling: bool = False
    told_version: int = 0
    told_status: str = ""
    told_detail: str = ""


@dataclass(slots=True)
class Ask:
    """A question to the ledger that is still open: about our keys ("key") or about entries ("entry")."""

    ask_id: int
    by: str
    names: tuple[str, ...]
    at_ms: int
    why: Doubt | None = None
    since_ms: int = 0
    calling: bool = False
    calendar: int = -1
    master: int = -1
    """What was known when the rows were staged (versions of calendar and master data); -1: nobody can say."""


@dataclass(slots=True)
class OpenCall:
    """A call of ours on the wire: what it is ("post", "look_up", "tell", "recount", "fetch") and about whom."""

    call_id: str
    kind: str
    names: tuple[str, ...]
    ask_id: int = 0
    calendar: int = 0
    statuses: tuple[Status, ...] = ()
    heads: tuple[tuple[str, int], ...] = ()
    master: int = 0


_PLACES = tuple(Place)


@dataclass(slots=True)
class Books:
    """Every approved version we have acknowledged, by place: count, hours, and money where valued (minor units)."""

    counts: dict[Place, int] = field(default_factory=lambda: dict.fromkeys(_PLACES, 0))
    hours: dict[Place, Decimal] = field(default_factory=lambda: dict.fromkeys(_PLACES, _ZERO))
    money: dict[Place, dict[str, int]] = field(default_factory=lambda: {place: {} for place in _PLACES})
    unvalued: dict[Place, Decimal] = field(default_factory=lambda: dict.fromkeys(_PLACES, _ZERO))

    def add(self, note: VersionNote, sign: int) -> None:
        """Enter (`sign` 1) or strike (`sign` -1) a version at its place."""
        place = note.place
        self.counts[place] += sign
        hours = note.hours if sign > 0 else -note.hours
        self.hours[place] += hours
        if note.bill_minor is None:
            self.unvalued[place] += hours
        else:
            money = self.money[place]
            money[note.currency] = money.get(note.currency, 0) + (note.bill_minor if sign > 0 else -note.bill_minor)


@dataclass(slots=True)
class Head:
    """Everything of a state but its entries: small, and written whole at every checkpoint."""

    epoch: int = 0
    seq: int = 0
    paused: bool = False
    books: Books = field(default_factory=Books)
    periods: list[Period] = field(default_factory=list)
    found_shut: dict[str, int] = field(default_factory=dict)
    found_held: dict[str, int] = field(default_factory=dict)
    calendar: int = 0
    rates: tuple[RateLine, ...] = ()
    projects: tuple[Project, ...] = ()
    asks: list[Ask] = field(default_factory=list)
    calls: list[OpenCall] = field(default_factory=list)
    stirred: list[str] = field(default_factory=list)
    missing: list[tuple[str, int]] = field(default_factory=list)
    recount_at_ms: int | None = None
    recount_since_ms: int = 0
    recount_began_ms: int = 0
    recount_page: str = ""
    fetch_at_ms: int = 0
    ask_seq: int = 0
    group_seq: int = 0
    ticket_seq: int = 0
    master: int = 0
    """How often the ERP's master data changed."""
    groups: dict[int, list[str]] = field(default_factory=dict)
    now_ms: int = 0
    workers: tuple[Worker, ...] = ()
    assignments: tuple[Assignment, ...] = ()
    configuration: int = 0
    changes: tuple[tuple[str, str], ...] = ()
    """Version and content of the configuration that was published last."""
    full_recount_at_ms: int = 0
    paused_by: str = ""
    """Who paused the partition, and why."""


@dataclass(slots=True)
class State:
    """A partition at one moment. `policy` is `started_with` and the configuration published since."""

    policy: Policy
    head: Head = field(default_factory=Head)
    entries: dict[str, Tracked] = field(default_factory=dict)
    calendar: Calendar = field(default_factory=Calendar)
    card: RateCard = field(default_factory=RateCard)
    projects: dict[str, Project] = field(default_factory=dict)
    workers: dict[str, Worker] = field(default_factory=dict)
    assignments: dict[str, Assignment] = field(default_factory=dict)
    calls: dict[str, OpenCall] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    """Key of every open intent to its entry."""
    ready: deque[tuple[int, str]] = field(default_factory=deque)
    """(ticket, entry) in the order in which they queued; stale tickets are skipped."""
    ready_count: int = 0
    groups: dict[int, list[str]] = field(default_factory=dict)
    """Halves of a bisected batch that must go alone, oldest first."""
    asks: dict[int, Ask] = field(default_factory=dict)
    ask_order: list[tuple[int, int]] = field(default_factory=list)
    """(at_ms, ask_id), sorted, for asks that are not on the wire."""
    resting: list[tuple[int, str]] = field(default_factory=list)
    """(until_ms, entry), sorted."""
    parked: dict[str, dict[str, None]] = field(default_factory=dict)
    """Wake event to the entries that wait for it."""
    untold: dict[str, int] = field(default_factory=dict)
    """Entries the PSA has to hear of, with the instant since when."""
    missing: dict[tuple[str, int], None] = field(default_factory=dict)
    touched: dict[str, None] = field(default_factory=dict)
    """Entries changed since the last checkpoint."""
    now_ms: int = 0
    """The instant of the last record that carried one."""
    started_with: Policy = field(init=False)

    def __post_init__(self) -> None:
        """Keep what the partition was started with: every configuration is a change of that."""
        self.started_with = self.policy


# ------------------------------------------------------------------ moves and books


def move(state: State, entry: Tracked, cause: type) -> Phase:
    """Take the entry along MOVES; the caller updates what goes with it. Returns the phase it left."""
    before = entry.phase
    after = MOVES[before].get(cause)
    assert after is not None, f"{entry.entry_id}: {cause.__name__} cannot follow {before}"
    entry.phase = after
    state.touched[entry.entry_id] = None
    if before is Phase.QUEUED and after is not Phase.QUEUED:
        leave_queue(state, entry)
    elif before is Phase.PARKED and entry.park is not None:
        state.parked[entry.park.wake].pop(entry.entry_id, None)
        entry.park = None
    elif before is Phase.RESTING:
        del state.resting[bisect_left(state.resting, (entry.rests_until_ms, entry.entry_id))]
    return before


def enter_queue(state: State, entry: Tracked, at_ms: int) -> None:
    """Put a QUEUED entry at the end of the line; one that is in line already keeps its turn."""
    if entry.ticket or entry.group:
        return
    head = state.head
    head.ticket_seq += 1
    entry.ticket = head.ticket_seq
    if not entry.queued_ms:
        entry.queued_ms = at_ms
    state.ready.append((entry.ticket, entry.entry_id))
    state.ready_count += 1


def leave_queue(state: State, entry: Tracked) -> None:
    """Take an entry out of the line or out of its group."""
    if entry.ticket:
        entry.ticket = 0
        state.ready_count -= 1
        ready, entries = state.ready, state.entries
        while ready:
            ticket, entry_id = ready[0]
            first = entries.get(entry_id)
            if first is not None and first.ticket == ticket:
                break
            ready.popleft()
    if entry.group:
        group = state.groups.get(entry.group)
        if group is not None:
            group.remove(entry.entry_id)
            if not group:
                del state.groups[entry.group]
        entry.group = 0


def place(state: State, entry: Tracked, version: int, where: Place) -> None:
    """Move one version of an entry in the books."""
    note = entry.versions.get(version)
    if note is None or note.place is where:
        return
    books = state.head.books
    books.add(note, -1)
    note.place = where
    books.add(note, 1)


def note_version(state: State, entry: Tracked, version: int, note: VersionNote) -> None:
    """Enter a version that is new to the books."""
    entry.versions[version] = note
    state.head.books.add(note, 1)


def close_intent(state: State, entry: Tracked) -> None:
    """The open intent is settled or void; its key is not awaited any more."""
    if entry.intent is not None:
        state.keys.pop(entry.intent.posting.key, None)
        entry.intent = None
        entry.staged_as = ""


# ------------------------------------------------------------------ what the PSA should hear


def status_of(entry: Tracked) -> tuple[int, str, str] | None:
    """(version, status, detail) that the PSA should show for the entry, or None while it is on its way."""
    phase = entry.phase
    if phase is Phase.POSTED:
        return entry.counts_for, "posted", entry.ledger_id
    if phase is Phase.PARKED and entry.park is not None:
        return entry.latest, "parked", entry.park.reason
    if phase in AT_REST:
        return (entry.latest, _RESTING_STATUS[phase], entry.excluded) if entry.told_status else None
    if entry.standing is None and entry.told_status in _NO_LONGER_SO:
        return entry.latest, "pending", ""
    return None


UNSURE = "?"
"""What was told last while nobody knows whether the PSA took it."""

_NO_LONGER_SO = frozenset({"posted", "pending", UNSURE})
"""What the PSA may show that is not so while nothing of the entry stands: it hears "pending" (S13)."""

_RESTING_STATUS = {Phase.SUPERSEDED: "withdrawn", Phase.EXCLUDED: "excluded", Phase.WAIVED: "waived"}


def note_status(state: State, entry: Tracked, at_ms: int) -> None:
    """Remember whether the PSA has to hear of this entry: also of another reason to be parked, and of another line."""
    status = status_of(entry)
    if status is None or status == (entry.told_version, entry.told_status, entry.told_detail):
        state.untold.pop(entry.entry_id, None)
    elif not entry.telling:
        state.untold.setdefault(entry.entry_id, at_ms)


def settled(state: State, entry: Tracked) -> bool:
    """Nothing is left to do for this entry, in the ERP or in the PSA."""
    return entry.phase in AT_REST and not entry.telling and entry.entry_id not in state.untold


# ------------------------------------------------------------------ asks


def open_ask(state: State, ask: Ask) -> None:
    """Remember a question to the ledger."""
    state.asks[ask.ask_id] = ask
    state.head.ask_seq = max(state.head.ask_seq, ask.ask_id)
    insort(state.ask_order, (ask.at_ms, ask.ask_id))


def close_ask(state: State, ask_id: int) -> Ask | None:
    """Forget a question; it is answered, or asked anew under another number."""
    ask = state.asks.pop(ask_id, None)
    if ask is not None and not ask.calling:
        state.ask_order.remove((ask.at_ms, ask.ask_id))
    return ask


# ------------------------------------------------------------------ checkpoint and recovery


def take_head(state: State) -> Head:
    """The head as it has to be written: the live one, with the collections it does not keep itself."""
    head = state.head
    head.periods = state.calendar.periods
    head.found_shut = state.calendar.found_shut
    head.found_held = state.calendar.found_held
    head.calendar = state.calendar.version
    head.rates = state.card.published()
    head.projects = tuple(state.projects.values())
    head.workers = tuple(state.workers.values())
    head.assignments = tuple(state.assignments.values())
    head.asks = list(state.asks.values())
    head.calls = list(state.calls.values())
    head.missing = list(state.missing)
    head.groups = state.groups
    head.now_ms = state.now_ms
    return head


def rebuild(policy: Policy, head: Head, entries: Iterable[Tracked]) -> State:
    """A state from its head and its open entries: the first half of recovery; the log since is the other."""
    state = State(policy, head, now_ms=head.now_ms)
    state.groups = {group_id: list(members) for group_id, members in head.groups.items()}
    state.calendar = Calendar(list(head.periods), dict(head.found_shut), dict(head.found_held), head.calendar)
    state.card.learn(head.rates)
    state.projects = {project.project: project for project in head.projects}
    state.workers = {worker.worker: worker for worker in head.workers}
    state.assignments = {assignment.assignment_id: assignment for assignment in head.assignments}
    if head.changes:
        state.policy = tuned(policy, head.changes)
    for ask in head.asks:
        state.asks[ask.ask_id] = ask
        if not ask.calling:
            insort(state.ask_order, (ask.at_ms, ask.ask_id))
    state.calls = {call.call_id: call for call in head.calls}
    state.missing = dict.fromkeys((entry_id, version) for entry_id, version in head.missing)
    for entry in sorted(entries, key=lambda entry: (entry.ticket, entry.entry_id)):
        adopt(state, entry)
    for call in head.calls:
        if call.kind == "tell":
            for status in call.statuses:
                told = state.entries[status.entry_id]
                told.telling = True
                told.told_status = UNSURE
                told.told_detail = status.detail
                state.untold.pop(status.entry_id, None)
    return state


def adopt(state: State, entry: Tracked) -> None:
    """Take an entry from the journal's table into memory and into every index it belongs to."""
    state.entries[entry.entry_id] = entry
    if entry.intent is not None:
        state.keys[entry.intent.posting.key] = entry.entry_id
    if entry.ticket:
        state.ready.append((entry.ticket, entry.entry_id))
        state.ready_count += 1
    if entry.phase is Phase.RESTING:
        insort(state.resting, (entry.rests_until_ms, entry.entry_id))
    if entry.phase is Phase.PARKED and entry.park is not None:
        state.parked.setdefault(entry.park.wake, {})[entry.entry_id] = None
    note_status(state, entry, state.now_ms)


def put_aside(state: State, entry_ids: set[str]) -> None:
    """Let queued entries leave memory; they keep their tickets, and come back through `adopt`."""
    for entry_id in entry_ids:
        del state.entries[entry_id]
    state.ready = deque(pair for pair in state.ready if pair[1] not in entry_ids)
    state.ready_count -= len(entry_ids)


def order_line(state: State) -> None:
    """Put the queue in the order of its tickets, after entries came back that were put aside."""
    state.ready = deque(sorted(state.ready))
