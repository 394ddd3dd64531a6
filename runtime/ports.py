"""The seams of the runtime, one verb each where possible. Drivers and tests plug working things in here.

Towards foreign systems: `Connector` (no I/O) and `Transport` (nothing but I/O). Towards the disk: `Store`, which holds
the `Journal` of every partition, who owns which, and the `Office`: what the border keeps that belongs to no partition.
Towards people and their systems: `Intake` and `Operations`, which the gateway calls and a driver carries out.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from enum import IntEnum, StrEnum
from hashlib import sha256
from typing import Protocol

from runtime.core.answers import CallAnswer
from runtime.core.effects import Effect
from runtime.core.inputs import Command
from runtime.core.model import Place
from runtime.core.news import EntryApproved, News
from runtime.core.partition.worth import Worth
from runtime.core.value import value

# ------------------------------------------------------------------ foreign systems


@value
class Request:
    """One HTTP request, without the host: what a connector builds and a system (or its mock) is asked."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@value
class Response:
    """One HTTP response as it came."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Connector(Protocol):
    """Turns an effect into request bytes and a response into one of the answers. No I/O, no clock, no memory."""

    def build(self, effect: Effect) -> Request:
        """The request that carries out `effect`."""

    def read(self, effect: Effect, response: Response) -> CallAnswer:
        """What `response` says about `effect`. Never raises: what nobody can read is `Silent`."""


class Transport(Protocol):
    """Carries one request to one system and brings its response; nothing else."""

    async def send(self, request: Request, deadline_s: float) -> Response | None:
        """The response; status 0 where nobody listened (definite); None for silence: deadline, reset, cancellation."""

    async def close(self) -> None:
        """Give back what is held open."""


# ------------------------------------------------------------------ durable memory


class JournalError(Exception):
    """A durable step did not happen, or nobody knows whether it did. The partition stops and recovers, or stays."""


class NotOwnerError(JournalError):
    """Somebody else owns this name now, under a higher epoch; nothing was written."""


class StoreAwayError(JournalError):
    """The store cannot be reached; whether the last step is durable is not known. Recover before going on."""


class StoreFullError(JournalError):
    """There is no room; nothing was written. Goes on when there is room again."""


class StoreBrokenError(JournalError):
    """The store failed to make something durable, or is damaged. Nobody goes on before a person has looked."""


class Keep(IntEnum):
    """What a row of the entry table is kept for."""

    SETTLED = 0
    """Nothing is left to do; loaded when somebody names it."""
    OPEN = 1
    """In memory while the partition runs; recovery loads it."""
    SHELVED = 2
    """Queued behind a full window: open, and not in memory; taken from the shelf in the order of its ticket."""


Row = tuple[str, Keep, int, int, bytes]
"""(entry_id, keep, heard, ticket, body): `heard` is the bit mask of the versions known (up to 4,096 bits), `ticket`
the place in the queue (0: none), `body` the written entry."""

EffectRow = tuple[str, str, str]
"""(key, entry_id, ledger_id): an effect that stands, or stood, in a foreign system; kept as long as the books."""


@value
class Recovered:
    """What a journal still has after a crash: the last checkpoint and every frame committed after it.

    `open_rows` are those kept as OPEN; `shelved` counts the SHELVED ones.
    """

    head: bytes | None
    open_rows: Mapping[str, bytes]
    frames: Sequence[bytes]
    chain: str
    shelved: int = 0


class Journal(Protocol):
    """Durable memory of one partition: an append-only log of frames, a table of entries by id, and effect keys.

    `commit` and `checkpoint` return only when what they wrote would survive a crash; each is one durable boundary.
    Both check in their own transaction that their owner's epoch is still the one in the store. All methods raise
    a JournalError; after any but StoreFullError the journal must be recovered before it is used again. A journal
    is used by one thread at a time, not always the same one.
    """

    def commit(self, frame: bytes) -> None:
        """Append one decision batch."""

    def checkpoint(self, head: bytes, rows: Iterable[Row], effects: Iterable[EffectRow] = ()) -> None:
        """Write rows, effect keys and the head in one step; recovery needs no frame before it any more."""

    def load(self, entry_ids: Iterable[str]) -> dict[str, bytes]:
        """Bodies of the entries that the table knows, by id, as of the last checkpoint."""

    def seen(self, entry_ids: Iterable[str]) -> dict[str, int]:
        """Which versions the table knows of these entries, as bit masks, without reading the bodies."""

    def shelf(self, after_ticket: int, most: int) -> Sequence[bytes]:
        """Bodies of SHELVED rows with a ticket above `after_ticket`, by ticket, at most so many."""

    def known(self) -> Iterable[str]:
        """Every entry in the table; for audits."""

    def recover(self) -> Recovered:
        """What is durable, for a process that has just started."""

    @property
    def chain(self) -> str:
        """Head of the hash chain: a hex sha256 over every frame ever committed, in order."""


class History(Protocol):
    """What a durable journal can tell besides: the past, for people who ask."""

    def frames_about(self, entry_id: str) -> Iterable[bytes]:
        """Every frame of the log, archived ones too, whose text names the entry, oldest first."""

    def effect(self, key: str) -> tuple[str, str] | None:
        """(entry_id, ledger_id) of an effect key, if it was ever applied."""

    def compact(self, most: int = 1_000) -> int:
        """Move frames that no recovery needs into compressed segments, which keep their chain heads; how many."""

    def verify(self) -> int:
        """Recompute the hash chain over archive and log; returns the number of frames, raises StoreBrokenError."""


class DurableJournal(Journal, History, Protocol):
    """A journal of a store."""

    def close(self) -> None:
        """Give back what is held open; what is durable stays."""


@value
class Owner:
    """Who owns a name (a legal entity, or "account:NAME", or "supervisor"), under which epoch, until when.

    `lease_until_ms` is on the store's clock. `address` is where the owner can be called.
    """

    name: str
    epoch: int
    host: str
    address: str
    lease_until_ms: int


@value
class Letter:
    """What the border could not take in: why, whose, its bytes as they came, and what became of it.

    `letter_id` is the sha256 of source, kind and body (first 32 hex digits): the same letter again is the same
    letter, `times` counts. `state` is "waiting", "replayed" or "dropped".
    """

    letter_id: str
    source: str
    kind: str
    reason: str
    body: bytes
    first_ms: int
    times: int = 1
    state: str = "waiting"

    @staticmethod
    def of(source: str, kind: str, reason: str, body: bytes, now_ms: int) -> "Letter":
        """A letter that has just come in, under the id that it will always have."""
        text = b"\0".join((source.encode(), kind.encode(), body))
        return Letter(sha256(text).hexdigest()[:32], source, kind, reason, body, now_ms)


LETTER_BYTES = 1_024
"""What a dead letter takes besides its body. Assumed: its names, its reason and its place in three indexes."""


@value
class AuditNote:
    """A command of a person, or an act on access: who, what, on what, why, and what came of it."""

    at_ms: int
    who: str
    what: str
    target: str
    why: str
    outcome: str
    number: int = 0
    """Its place in the audit, given when it is written: 1, 2, 3 …, with gaps where a writing failed."""


@value
class HostOrder:
    """That a host of the cluster is to be emptied and ended; it stands until that host is no more.

    `verb` is "drain": now; or "restart": in its turn, one host after the other, and only while nobody waits.
    """

    host: str
    verb: str
    who: str
    why: str
    at_ms: int


class Office(Protocol):
    """What the border keeps durably and what belongs to no partition. Every call returns once it is durable."""

    def quarantine(self, letters: Sequence[Letter], most_bytes: int = 0) -> bool:
        """Keep letters, all of one source; one that is there already is counted.

        False, and nothing was kept, where what waits of this source would grow beyond `most_bytes` (0: no bound): the
        bodies, and LETTER_BYTES for each.
        """

    def letters(self, state: str = "waiting", after: str = "", most: int = 1_000) -> Sequence[Letter]:
        """Letters in a state, ordered by id, after an id."""

    def count_letters(self) -> Mapping[str, int]:
        """State to number."""

    def settle_letter(self, letter_id: str, state: str) -> None:
        """What became of it: "replayed", "dropped" or "waiting" again."""

    def first_time(self, name: str, until_ms: int, now_ms: int) -> bool:
        """Whether this name was never shown before; it is remembered until then. For webhook replays."""

    def note(self, note: AuditNote) -> None:
        """Write an audit note; it is never changed."""

    def audit(self, most: int = 1_000, before: int = 0) -> Sequence[AuditNote]:
        """The latest notes, newest first; those before a number (0: all of them)."""

    def headroom_bytes(self) -> int | None:
        """Room that is left, where the store can tell."""

    def order(self, orders: Sequence[HostOrder]) -> None:
        """Keep orders, all or none of them; a later one for the same host takes the place of an earlier one."""

    def orders(self) -> Sequence[HostOrder]:
        """Every order that stands, by time, then by host."""

    def carried_out(self, hosts: Sequence[str]) -> None:
        """These hosts are no more: forget what was ordered for them."""


class Store(Protocol):
    """One place that holds journals, the ownership table and the office: a directory, or a database."""

    kind: str
    """ "memory", "sqlite" or "postgres"."""

    def claim(self, name: str, host: str, address: str, lease_ms: int) -> Owner:
        """Become the owner under the next epoch. Raises NotOwnerError while another host's lease runs.

        The same host may claim again at once: an older claim of its own, from another life, is fenced by the epoch.
        """

    def renew(self, owners: Sequence[Owner], lease_ms: int) -> Sequence[Owner]:
        """Prolong leases, in one round trip; returns those that are still ours, with their new end."""

    def release(self, owner: Owner) -> None:
        """Give a name up at once, so that nobody has to wait for the lease. Not ours any more: nothing happens."""

    def owners(self) -> Sequence[Owner]:
        """The directory: the last owner of every name, also where the lease has run out."""

    def now_ms(self) -> int:
        """The store's clock, on which leases run."""

    def journal(self, owner: Owner) -> DurableJournal:
        """The journal of a partition, for its owner; every durable step checks the epoch."""

    def office(self) -> Office:
        """The office."""

    def headroom_bytes(self) -> int | None:
        """Room that is left, where the store can tell."""

    def close(self) -> None:
        """Give back what is held open."""


# ------------------------------------------------------------------ the gateway and the drivers


class Taken(StrEnum):
    """What became of one item at the door."""

    ACCEPTED = "accepted"
    """Durable now, for the first time."""
    DUPLICATE = "duplicate"
    """Durable before; nothing happened."""
    REFUSED = "refused"
    """Not taken: the reason says why."""


@value
class Receipt:
    """The answer for one item of a delivery."""

    taken: Taken
    reason: str = ""


class IntakeRefusedError(Exception):
    """Nothing of this delivery was taken in; it may be delivered again after `retry_after_ms`.

    `bound` is one of: "undecided_bytes", "letters_bytes" (429); "commit_queue", "bodies_bytes", "concurrent_calls",
    "disk_headroom", "moving" (503).
    """

    def __init__(self, bound: str, retry_after_ms: int, detail: str = "") -> None:
        super().__init__(bound, retry_after_ms, detail)
        self.bound = bound
        self.retry_after_ms = retry_after_ms
        self.detail = detail


class Intake(Protocol):
    """Where the gateway hands news in."""

    async def take(self, entity: str, news: Sequence[News], size: int, deadline_s: float) -> Sequence[Receipt]:
        """Receipts, one for each item in order, once everything accepted is durable.

        `size` is what the news took on the wire, in bytes. Raises IntakeRefusedError; KeyError for an entity that is
        not configured.
        """


@value
class Pile:
    """So many versions, with their hours, their money by currency (minor units), and since when the oldest waits."""

    count: int
    hours: Decimal
    money: Mapping[str, int]
    oldest_ms: int | None = None
    unvalued_hours: Decimal = Decimal(0)


@value
class ParkedPile:
    """Parked entries with one reason."""

    reason: str
    owner: str
    fix: str
    count: int
    hours: Decimal
    money: Mapping[str, int]
    oldest_ms: int


@value
class Work:
    """What one life of a partition did since it began; the next life begins at nought."""

    landed: int = 0
    """Versions that came to stand in the ledger."""
    calls: int = 0
    """Posting calls that were answered row by row, with their rows, and how long they took together."""
    rows: int = 0
    call_ms: int = 0


@value
class PartitionReport:
    """One partition at one moment, for people and metrics. Instants are ms UTC; None: nothing of the kind."""

    entity: str
    region: str
    host: str
    epoch: int
    at_ms: int
    paused: str
    """Who paused it and why; empty while it runs."""
    state: str
    """ "running", "recovering", "stopped: why"."""
    places: Mapping[Place, Pile]
    queued: int
    shelved: int
    in_memory: int
    oldest_work_ms: int | None
    """Since when the oldest unfinished, not parked version waits (approved at)."""
    parked: Sequence[ParkedPile]
    untold: int
    undecided_bytes: int
    calls_open: int
    commits: int
    dead_letters: int
    source_listed: int
    """Versions that the source listed in its last complete recount, and how many of those we had not heard of."""
    source_missing: int
    last_recount_ms: int | None
    chain: str
    work: Work = Work()
    cut_off_ms: int | None = None
    """The feed cut-off that counts for what waits: see `forecast.cut_off_of`."""


@value
class AccountReport:
    """One connector account as its owner sees it."""

    account: str
    host: str
    mode: str
    since_ms: int
    until_ms: int
    quota_calls: int
    quota_used: int
    quota_window_ms: int
    on_the_wire: int
    waiting: Mapping[str, int]
    """Entity to calls it would start if it were free to."""


@value
class Clearing:
    """When all that waits now will stand in the ledger, at one rate. Instants are ms UTC; None: never at this rate."""

    per_hour: int
    """The rate, in versions."""
    early_ms: int | None
    expected_ms: int | None
    late_ms: int | None
    in_time: str
    """Whether that is before the cut-off: "yes", "likely", "unlikely", "no"; empty where no cut-off is known."""


@value
class Forecast:
    """When one legal entity will have cleared. Without `current` or `permitted` nobody can tell that one yet."""

    entity: str
    region: str
    at_ms: int
    waiting: int
    """Approved versions that are unfinished and not parked."""
    cut_off_ms: int | None
    current: Clearing | None
    """At the rate at which work landed lately."""
    permitted: Clearing | None
    """At the rate that the account permits, shared with the others that use it."""
    held_by: str
    """What keeps it from posting now: a pause, the account's mode; empty for nothing."""
    bound_by: str
    """What the permitted rate is bound by: "quota", "concurrent_max", "calls_max"; empty where nothing waits."""


@value
class TraceStep:
    """One thing that happened to an entry: when, what (a record's kind), and its fields in words."""

    at_ms: int
    kind: str
    text: str


@value
class EntryTrace:
    """The whole story of an entry, from submission to posting: every attempt, and where it is now."""

    entity: str
    entry_id: str
    place: str
    phase: str
    latest: int
    ledger_id: str
    keys: Sequence[str]
    steps: Sequence[TraceStep]


class Operations(Protocol):
    """What people and other programs may ask of the runtime and tell it."""

    async def partitions(self) -> Sequence[PartitionReport]:
        """Every configured partition, also those that nobody runs at the moment."""

    async def accounts(self) -> Sequence[AccountReport]:
        """Every connector account that somebody owns."""

    async def forecasts(self) -> Sequence[Forecast]:
        """When every entity of which somebody reports will have cleared, as of the last look."""

    async def trace(self, entity: str, entry_id: str) -> EntryTrace | None:
        """The story of an entry; None where it was never heard of."""

    async def worth(self, entity: str, approved: Sequence[EntryApproved]) -> Sequence[Worth]:
        """What each of these would bring if the partition took it in now, in order; it takes nothing in.

        Rated with the reference data that the partition has at this moment. Raises KeyError for an unknown entity,
        IntakeRefusedError where nobody can tell now.
        """

    async def command(self, entity: str, command: Command) -> bool:
        """Journal a command; False when it found nothing to do. KeyError for an unknown entity."""

    async def hosts(self) -> Mapping[str, str] | None:
        """Host to region, of every living host of the cluster; None where there is one process and no cluster.

        Raises IntakeRefusedError ("moving") where nobody can tell now.
        """

    async def drain(self, who: str, why: str) -> None:
        """Stop taking in, finish what is on the wire, give the leases back, end."""

    def ready(self) -> str:
        """Empty when this process can take entries in now; else what it waits for."""
