"""Every number that a dashboard or an alert may need, named once, with what to do when it is high.

    driver, gateway --say what happened--> Metrics --+
    reports (partitions, accounts) --asked when scraped--+--> collect --> /metrics

Rule 1. A metric is one row of METRICS: name with its unit, kind, labels, what it is, what to do. The page
        docs/metrics.md is written from the same rows.
Rule 2. Labels are bounded: entities, regions, hosts and accounts of the configuration, currencies of ISO 4217, and
        closed lists (places, reasons, outcomes, states). Never an entry, a person, a path or what a stranger wrote.
Rule 3. How things stand is asked for when somebody scrapes, from the same reports that `springtide status` shows, so
        the two cannot disagree. Only what happens in between is counted here.
Rule 4. Ages are against the instant of the report, not of the scrape. No clock in here.
Rule 5. Saying something costs a lock and an addition, so that a driver can do it for every call. Whoever only counts
        needs nothing installed; showing the numbers needs prometheus_client (`springtide[serve]`).

Amounts are whole minor units of their currency; on the wire they are 64-bit floats, exact up to 9e15.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from math import inf
from threading import Lock
from typing import TYPE_CHECKING

import msgspec

from runtime.core.account import Mode
from runtime.core.answers import (
    Applied,
    CallAnswer,
    Refused,
    RefusedAsOne,
    RowsAnswered,
    Silent,
    Staged,
    TurnedAway,
    Unknown,
)
from runtime.core.effects import Effect, Fetch, LookUp, Recount, SendBatch, TellPsa
from runtime.core.model import Place
from runtime.core.value import value
from runtime.ports import AccountReport, Clearing, Forecast, PartitionReport, Pile

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.core import Metric as Family

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""What `Metrics.render` returns."""

Reports = Callable[[], tuple[Sequence[PartitionReport], Sequence[AccountReport], Sequence[Forecast]]]


@value
class Metric:
    """One metric: `what` it is and what to `do` when it is high (or, where it says so, low)."""

    name: str
    kind: str
    """ "gauge", "counter" or "histogram"."""
    labels: tuple[str, ...]
    what: str
    do: str
    buckets: tuple[float, ...] = ()
    """Upper bounds of a histogram, in the unit of its name."""


HOUR_S = 3_600.0
LEDGER_BUCKETS = (1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_800.0, HOUR_S, 2 * HOUR_S, 4 * HOUR_S, 6 * HOUR_S)
CALL_BUCKETS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
DISK_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)

_WHERE = ("entity", "region")


def _gauge(name: str, labels: tuple[str, ...], what: str, do: str) -> Metric:
    return Metric(f"springtide_{name}", "gauge", labels, what, do)


def _counter(name: str, labels: tuple[str, ...], what: str, do: str) -> Metric:
    return Metric(f"springtide_{name}_total", "counter", labels, what, do)


def _histogram(name: str, labels: tuple[str, ...], buckets: tuple[float, ...], what: str, do: str) -> Metric:
    return Metric(f"springtide_{name}_seconds", "histogram", labels, what, do, buckets)


# ------------------------------------------------------------------ how the partitions stand

BACKLOG = _gauge(
    "backlog_entries",
    _WHERE,
    "Approved versions that are unfinished and not parked: in flight, staged and in doubt.",
    "A month-end makes it high; look at the age of the oldest work before doing anything.",
)
OLDEST_WORK = _gauge(
    "oldest_work_age_seconds",
    _WHERE,
    "Since when the oldest unfinished, not parked version waits, from its approval; 0 when nothing waits.",
    "Compare with the cut-off. See whether the account is open (account_mode), whether its quota is used up, and what "
    "springtide status says of the partition.",
)
ENTRIES = _gauge(
    "entries",
    (*_WHERE, "place"),
    "Approved versions in each place; over all places it is what was approved, as far as it was heard.",
    "Only in_doubt, staged and parked should not grow: springtide status names the oldest and the reasons.",
)
HOURS = _gauge(
    "hours",
    (*_WHERE, "place"),
    "Hours booked on the versions in each place.",
    "As for entries.",
)
AMOUNT = _gauge(
    "amount_minor_units",
    (*_WHERE, "place", "currency"),
    "Bill value of the versions in each place, in minor units of the currency.",
    "As for entries; in_doubt is money of which nobody knows whether it is billed.",
)
OLDEST_IN_PLACE = _gauge(
    "oldest_age_seconds",
    (*_WHERE, "place"),
    "Since when the oldest version in this place waits; only places where something waits.",
    "in_doubt: the ERP does not answer look-ups. staged: its import does not post. parked: tell the owner.",
)
UNVALUED = _gauge(
    "unvalued_hours",
    _WHERE,
    "Hours without a value yet, whatever their place.",
    "Rates are missing: see parked entries with the reasons rate_gap and rate_tie.",
)
NOT_IN_LEDGER_HOURS = _gauge(
    "not_in_ledger_hours",
    _WHERE,
    "Hours approved and not yet in the project ledger: in flight, staged, in doubt and parked.",
    "This is revenue that cannot be billed yet. Find the largest part in hours by place, then by parked reason.",
)
NOT_IN_LEDGER_AMOUNT = _gauge(
    "not_in_ledger_amount_minor_units",
    (*_WHERE, "currency"),
    "Bill value approved and not yet in the project ledger, in minor units of the currency.",
    "As for the hours; unvalued hours come on top.",
)
PARKED = _gauge(
    "parked_entries",
    (*_WHERE, "reason", "owner"),
    "Entries that cannot go on, by reason and by who owns the reason.",
    "springtide status says the fix of each reason; the named event wakes them all, no retry is needed.",
)
PARKED_HOURS = _gauge(
    "parked_hours",
    (*_WHERE, "reason"),
    "Hours booked on parked entries.",
    "As for parked entries.",
)
PARKED_AMOUNT = _gauge(
    "parked_amount_minor_units",
    (*_WHERE, "reason", "currency"),
    "Bill value of parked entries, in minor units of the currency.",
    "As for parked entries.",
)
PARKED_AGE = _gauge(
    "parked_oldest_age_seconds",
    (*_WHERE, "reason"),
    "Since when the oldest entry with this reason waits.",
    "Older than a day: the owner does not know of it, or cannot mend it. Tell them.",
)
PARKED_UNOWNED = _gauge(
    "parked_unowned_entries",
    _WHERE,
    "Parked entries whose reason has no owner.",
    "Must be 0. Somebody has to take them: springtide trace ENTRY tells why one is parked.",
)
QUEUED = _gauge(
    "queued_entries",
    _WHERE,
    "Entries that could be sent as soon as the account lets them.",
    "The account is closed or its quota is used up: see account_mode and account_quota_used_ratio.",
)
SHELVED = _gauge(
    "shelved_entries",
    _WHERE,
    "Queued entries that wait on disk, behind a full window in memory.",
    "As for queued entries; nothing is wrong with the memory.",
)
IN_MEMORY = _gauge(
    "in_memory_entries",
    _WHERE,
    "Entries that this partition holds in memory.",
    "Follows unfinished work. If it stays high without a backlog, check that checkpoints happen.",
)
UNTOLD = _gauge(
    "untold_entries",
    _WHERE,
    "Entries whose latest status the PSA has not been told.",
    "The PSA's account is closed or slow. Posting does not wait for it.",
)
CALLS_OPEN = _gauge(
    "calls_open",
    _WHERE,
    "Calls of this partition that are on the wire.",
    "Always at the limit: the system answers slowly, see call_seconds.",
)
UNDECIDED = _gauge(
    "undecided_bytes",
    _WHERE,
    "Bytes that were taken in and are not decided yet; above the limit intake answers 429.",
    "The partition is slower than its sources. See journal_commit_seconds; give a large entity a host of its own.",
)
COMMITS = _counter(
    "commits",
    _WHERE,
    "Durable steps of this partition since its process started.",
    "High against the entries: batches are small, raise linger_ms.",
)
SOURCE_LISTED = _gauge(
    "source_listed_versions",
    _WHERE,
    "Versions that the source listed in its last complete recount: its control total.",
    "Compare with entries; a difference that stays is a reconciliation break.",
)
SOURCE_MISSING = _gauge(
    "source_missing_versions",
    _WHERE,
    "Versions of that recount that we had not heard of; they were fetched then.",
    "Events are lost on the way: check the webhook's deliveries at the source.",
)
RECOUNT_AGE = _gauge(
    "last_recount_age_seconds",
    _WHERE,
    "Since when the source was last counted completely; absent before the first time.",
    "Above twice poll_every_ms nobody would notice a lost event: see the PSA's account.",
)
PARTITION = _gauge(
    "partition_info",
    (*_WHERE, "host"),
    "1 for the host that owns this partition.",
    "Two hosts for longer than a lease: a zombie that still reports. Its commits are fenced; end its process.",
)
EPOCH = _gauge(
    "partition_epoch",
    _WHERE,
    "How often this partition changed hands.",
    "Grows steadily: the host loses its lease or dies again and again, see its logs.",
)
RUNNING = _gauge(
    "partition_running",
    _WHERE,
    "1 while the partition runs, 0 while it recovers or is stopped.",
    "Low is bad: springtide status says why it stopped.",
)
PAUSED = _gauge(
    "paused",
    _WHERE,
    "1 while a person holds the partition back.",
    "springtide status says who and why; springtide resume lets it post again.",
)
UNREADABLE = _gauge(
    "partition_dead_letters",
    _WHERE,
    "Answers of the source to this partition that could not be read.",
    "The source speaks a newer dialect; compare its release notes with the connector.",
)

# ------------------------------------------------------------------ when it will have cleared

CUT_OFF = _gauge(
    "cut_off_in_seconds",
    _WHERE,
    "How far away the feed cut-off is that counts for what waits; below 0 it is over, and work that it meant still "
    "waits. Absent where none is known.",
    "Low is near. What is approved after it belongs to the next period.",
)
FORECAST_CLEARS = _gauge(
    "forecast_clears_in_seconds",
    (*_WHERE, "rate", "edge"),
    "In how long all that waits now will stand in the ledger, at the current rate and at the one that the account "
    "permits: expected, and the early and the late edge of the band. +Inf: never at this rate. Absent: not known yet.",
    "current much above permitted: something of ours is slow, see call_seconds and journal_commit_seconds. Both high: "
    "the quota, or the open slots; ask the vendor for more.",
)
FORECAST_MARGIN = _gauge(
    "forecast_cut_off_margin_seconds",
    (*_WHERE, "rate", "edge"),
    "The cut-off less that: how much time is left when all will stand in the ledger; below 0 it comes too late.",
    "Low is bad. springtide status says what holds it up and what binds the permitted rate; pausing entities that "
    "share its account lets it have their calls.",
)
FORECAST_RATE = _gauge(
    "forecast_entries_per_hour",
    (*_WHERE, "rate"),
    "How many versions come to stand in the ledger in an hour: lately, and as the account permits if all that share "
    "it had work.",
    "Low is bad while something waits; near the permitted rate only more quota or more slots help.",
)

# ------------------------------------------------------------------ how the accounts stand

QUOTA_RATIO = _gauge(
    "account_quota_used_ratio",
    ("account",),
    "Share of the quota that the running window has used, 0 to 1.",
    "Near 1 with a growing oldest work: ask the vendor for more, or raise batch_max.",
)
QUOTA_USED = _gauge(
    "account_quota_used_calls",
    ("account",),
    "Calls that left in the running quota window.",
    "As for the ratio.",
)
ON_THE_WIRE = _gauge(
    "account_on_the_wire_calls",
    ("account",),
    "Calls of this account that are on the wire.",
    "Always at concurrent_max: the system answers slowly, see call_seconds.",
)
WAITING = _gauge(
    "account_waiting_calls",
    ("account", "entity"),
    "Calls that an entity would start if the account let it.",
    "See account_mode and the quota; entities are served in turn.",
)
MODE = _gauge(
    "account_mode",
    ("account", "mode"),
    "1 for the mode the account is in: open, throttled, maintenance, broken, logged_out, locked_out.",
    "Anything but open is one incident of that system. logged_out and locked_out need a person: renew the credential.",
)

# ------------------------------------------------------------------ what happens

LATENCY = _histogram(
    "approval_to_ledger",
    ("entity",),
    LEDGER_BUCKETS,
    "From the approval of a version until it stands in the ledger.",
    "Compare with linger_ms and the quota; in a backlog it follows the age of the oldest work.",
)
ATTEMPTS = _counter(
    "attempts",
    ("entity", "account", "outcome", "reason"),
    "Rows sent for posting, by what became of them: applied, staged, refused, returned, unknown, turned_away; "
    "the reason is why it was refused, returned or doubted, or the door that turned the call away.",
    "refused: see parked reasons. unknown: look-ups follow by themselves. turned_away: see account_mode.",
)
CALLS = _counter(
    "calls",
    ("account", "call", "outcome"),
    "Calls to a foreign system, by kind and outcome: served, refused_as_one, silent, or the door that turned it away.",
    "silent or unreachable: the network or the system. throttled: others use the same quota.",
)
CALL_TIME = _histogram(
    "call",
    ("account", "call"),
    CALL_BUCKETS,
    "How long a call to a foreign system took.",
    "Near call_deadline_ms calls end in doubt: lower batch_max, or ask the vendor.",
)
COMMIT_TIME = _histogram(
    "journal_commit",
    (),
    DISK_BUCKETS,
    "How long the journal took to make one step durable.",
    "The disk or the database is slow; intake and posting wait for it. Look for neighbours on the same disk.",
)
CHECKPOINT_TIME = _histogram(
    "checkpoint",
    (),
    DISK_BUCKETS,
    "How long a checkpoint took.",
    "As for commits; or too much is touched at once: lower checkpoint_every.",
)
COMMIT_QUEUE = _gauge(
    "commit_queue_turns",
    (),
    "Turns of all partitions of this process that wait for their journal; above the limit intake answers 503.",
    "The journal is the bottleneck: see journal_commit_seconds.",
)
INTAKE_CALLS = _gauge(
    "intake_calls",
    (),
    "Intake requests that this process serves at the moment; above the limit it answers 503.",
    "Sources send singly or wait long: let them send batches.",
)
HEADROOM = _gauge(
    "disk_headroom_bytes",
    (),
    "Room left where the journal lives; absent where the store cannot tell.",
    "Low is bad: below disk_headroom_bytes of the configuration intake is refused. Make room or move the directory.",
)
ITEMS = _counter(
    "intake_items",
    ("outcome",),
    "Items at the door, by what became of them: accepted, duplicate, refused, quarantined.",
    "duplicate: a source repeats itself, harmless. refused and quarantined: springtide letters, and tell the source.",
)
INTAKE_REFUSED = _counter(
    "intake_refused",
    ("reason",),
    "Deliveries of which nothing was taken in, by the bound that was reached; the source delivers again.",
    "See the gauge of that bound: undecided_bytes, commit_queue_turns, intake_calls, disk_headroom_bytes. "
    "letters_bytes: springtide letters, then replay or drop.",
)
REQUESTS = _counter(
    "http_requests",
    ("status_class",),
    "Requests at the gateway by class of their status: 2xx, 4xx, 5xx.",
    "4xx: a client sends what it may not or cannot. 5xx: see intake_refused, then the logs.",
)
REQUEST_TIME = _histogram(
    "http_request",
    ("status_class",),
    CALL_BUCKETS,
    "How long the gateway took for a request; for intake this includes making it durable.",
    "See journal_commit_seconds and commit_queue_turns.",
)
LETTERS = _gauge(
    "dead_letters",
    ("state",),
    "Dead letters by state: waiting, replayed, dropped.",
    "waiting: springtide letters shows why; mend the cause, then springtide replay.",
)
WEBHOOKS_REFUSED = _counter(
    "webhook_refusals",
    ("reason",),
    "Webhook deliveries that were refused, by reason.",
    "A wrong signature: the secret was rotated on one side only. Too old: clocks differ. Replayed: somebody listens.",
)
REFUSALS_LEFT_OUT = _counter(
    "audit_refusals_left_out",
    (),
    "Refused commands that were not written into the audit: their caller had 100 there in the same hour.",
    "springtide audit says who: a program in a loop, or somebody who tries doors. Take the key out, or mend it.",
)

METRICS: tuple[Metric, ...] = (
    *(BACKLOG, OLDEST_WORK, ENTRIES, HOURS, AMOUNT, OLDEST_IN_PLACE, UNVALUED),
    *(NOT_IN_LEDGER_HOURS, NOT_IN_LEDGER_AMOUNT),
    *(PARKED, PARKED_HOURS, PARKED_AMOUNT, PARKED_AGE, PARKED_UNOWNED),
    *(QUEUED, SHELVED, IN_MEMORY, UNTOLD, CALLS_OPEN, UNDECIDED, COMMITS),
    *(SOURCE_LISTED, SOURCE_MISSING, RECOUNT_AGE),
    *(PARTITION, EPOCH, RUNNING, PAUSED, UNREADABLE),
    *(CUT_OFF, FORECAST_CLEARS, FORECAST_MARGIN, FORECAST_RATE),
    *(QUOTA_RATIO, QUOTA_USED, ON_THE_WIRE, WAITING, MODE),
    *(LATENCY, ATTEMPTS, CALLS, CALL_TIME, COMMIT_TIME, CHECKPOINT_TIME, COMMIT_QUEUE),
    *(INTAKE_CALLS, HEADROOM, ITEMS, INTAKE_REFUSED, REQUESTS, REQUEST_TIME, LETTERS, WEBHOOKS_REFUSED),
    REFUSALS_LEFT_OUT,
)
"""All of them, in the order of the page."""

_CALL_NAMES: dict[type, str] = {
    SendBatch: "send_batch",
    LookUp: "look_up",
    TellPsa: "tell_psa",
    Recount: "recount",
    Fetch: "fetch",
}
_WAITING_PLACES = (Place.IN_FLIGHT, Place.STAGED, Place.IN_DOUBT, Place.PARKED)
"""Where a version is while it is approved and not in the ledger."""

_ZERO = Decimal(0)

Labels = tuple[str, ...]
Sample = tuple[Metric, Labels, float]


class _Spread:
    """One histogram: how many fell up to each bound, and their sum."""

    __slots__ = ("counts", "total")

    def __init__(self, buckets: int) -> None:
        self.counts = [0] * (buckets + 1)
        self.total = 0.0


class _Told(msgspec.Struct, array_like=True):
    """What one process has counted: (name, labels, number), and (name, labels, counts by bucket, sum)."""

    counted: list[tuple[str, Labels, float]]
    spread: list[tuple[str, Labels, list[int], float]]


class Metrics:
    """What drivers and the gateway tell, and what a scrape gets. May be called from any thread."""

    def __init__(self, registry: "CollectorRegistry | None" = None) -> None:
        """`registry` is where the numbers are shown besides `render`; without one, `render` shows them alone."""
        self._lock = Lock()
        self._counted: dict[str, Counter[Labels]] = {}
        self._set: dict[str, dict[Labels, float]] = {}
        self._spread: dict[str, dict[Labels, _Spread]] = {}
        self._heard: dict[str, _Told] = {}
        self._reports: Reports | None = None
        self._registry = registry
        if registry is not None:
            registry.register(self)

    # ---------------------------------------------------------------- told by the driver

    def watch(self, reports: Reports) -> None:
        """Ask these reports whenever somebody scrapes."""
        self._reports = reports

    def called(self, entity: str, account: str, effect: Effect, answer: CallAnswer, seconds: float) -> None:
        """A call of this account came back, or was given up after so many seconds."""
        call = _CALL_NAMES[type(effect)]
        with self._lock:
            self._add(CALLS, (account, call, _outcome_of_call(answer)), 1)
            self._observe(CALL_TIME, (account, call), (seconds,))
            if isinstance(effect, SendBatch):
                for (outcome, reason), rows in _outcomes_of_rows(len(effect.rows), answer).items():
                    self._add(ATTEMPTS, (entity, account, outcome, reason), rows)

    def in_ledger(self, entity: str, waits_s: Iterable[float]) -> None:
        """These versions now stand in the ledger; each waited so long since its approval."""
        with self._lock:
            self._observe(LATENCY, (entity,), waits_s)

    def committed(self, seconds: float) -> None:
        """The journal made one step durable."""
        with self._lock:
            self._observe(COMMIT_TIME, (), (seconds,))

    def checkpointed(self, seconds: float) -> None:
        """A checkpoint was written."""
        with self._lock:
            self._observe(CHECKPOINT_TIME, (), (seconds,))

    def commit_queue(self, turns: int) -> None:
        """So many turns wait for their journal now."""
        self._put(COMMIT_QUEUE, (), turns)

    def disk_headroom(self, room: int | None) -> None:
        """So many bytes are left; None where the store cannot tell."""
        if room is not None:
            self._put(HEADROOM, (), room)

    # ---------------------------------------------------------------- told by the gateway

    def intake_calls(self, calls: int) -> None:
        """So many intake requests are being served now."""
        self._put(INTAKE_CALLS, (), calls)

    def items(self, counts: Mapping[str, int]) -> None:
        """What became of the items of one delivery: "accepted", "duplicate", "refused", "quarantined"."""
        with self._lock:
            for outcome, number in counts.items():
                self._add(ITEMS, (outcome,), number)

    def intake_refused(self, bound: str) -> None:
        """Nothing of a delivery was taken in; `bound` as in `ports.IntakeRefusedError`."""
        with self._lock:
            self._add(INTAKE_REFUSED, (bound,), 1)

    def requested(self, status: int, seconds: float) -> None:
        """A request was answered."""
        with self._lock:
            status_class = f"{status // 100}xx"
            self._add(REQUESTS, (status_class,), 1)
            self._observe(REQUEST_TIME, (status_class,), (seconds,))

    def webhook_refused(self, reason: str) -> None:
        """A delivery was not let in; the reason is one of the gateway's closed list."""
        with self._lock:
            self._add(WEBHOOKS_REFUSED, (reason,), 1)

    def refusal_left_out(self) -> None:
        """A refusal was counted and not written into the audit."""
        with self._lock:
            self._add(REFUSALS_LEFT_OUT, (), 1)

    def dead_letters(self, counts: Mapping[str, int]) -> None:
        """How many dead letters are in each state now."""
        for state, number in counts.items():
            self._put(LETTERS, (state,), number)

    # ---------------------------------------------------------------- of other processes

    def tell(self) -> bytes:
        """What was counted here since the start, for the process that is scraped."""
        with self._lock:
            counted = [(name, labels, float(n)) for name, by in self._counted.items() for labels, n in by.items()]
            spread = [
                (n, labels, one.counts, one.total) for n, by in self._spread.items() for labels, one in by.items()
            ]
            return msgspec.msgpack.encode(_Told(counted, spread))

    def hear(self, host: str, told: bytes) -> None:
        """What a host has counted since its start. The last word of one that is gone still counts."""
        with self._lock:
            self._heard[host] = msgspec.msgpack.decode(told, type=_Told)

    def _together(self) -> tuple[dict[str, dict[Labels, float]], dict[str, dict[Labels, tuple[list[int], float]]]]:
        """Counters and histograms of this process and of those that it heard of."""
        counted: dict[str, dict[Labels, float]] = {name: dict(by) for name, by in self._counted.items()}
        spread = {
            name: {labels: (list(one.counts), one.total) for labels, one in by.items()}
            for name, by in self._spread.items()
        }
        for told in self._heard.values():
            for name, labels, number in told.counted:
                by = counted.setdefault(name, {})
                by[labels] = by.get(labels, 0) + number
            for name, labels, counts, total in told.spread:
                into = spread.setdefault(name, {})
                before = into.get(labels)
                if before is not None:
                    counts = [one + other for one, other in zip(before[0], counts, strict=True)]
                    total += before[1]
                into[labels] = (counts, total)
        return counted, spread

    # ---------------------------------------------------------------- shown

    def render(self) -> bytes:
        """All numbers in Prometheus' text format, with those of the process where nobody gave a registry."""
        from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest

        if self._registry is None:
            self._registry = CollectorRegistry()
            ProcessCollector(registry=self._registry)
            self._registry.register(self)
        return generate_latest(self._registry)

    def collect(self) -> "Iterator[Family]":
        """What a registry of prometheus_client asks for."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

        partitions, accounts, forecasts = self._reports() if self._reports is not None else ((), (), ())
        with self._lock:
            counted, spread = self._together()
            standing = {name: dict(by) for name, by in self._set.items()}
        for report in partitions:
            for metric, labels, number in _of_partition(report):
                standing.setdefault(metric.name, {})[labels] = number
        for account in accounts:
            for metric, labels, number in _of_account(account):
                standing.setdefault(metric.name, {})[labels] = number
        for forecast in forecasts:
            for metric, labels, number in _of_forecast(forecast):
                standing.setdefault(metric.name, {})[labels] = number
        for metric in METRICS:
            said = f"{metric.what} {metric.do}"
            if metric.kind == "histogram":
                histogram = HistogramMetricFamily(metric.name, said, labels=metric.labels)
                for labels, (counts, total) in spread.get(metric.name, {}).items():
                    histogram.add_metric(labels, _cumulated(metric.buckets, counts), total)
                yield histogram
                continue
            family: CounterMetricFamily | GaugeMetricFamily
            kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
            family = kind(metric.name, said, labels=metric.labels)
            for labels, number in {**counted.get(metric.name, {}), **standing.get(metric.name, {})}.items():
                family.add_metric(labels, number)
            yield family

    # ---------------------------------------------------------------- kept

    def _add(self, metric: Metric, labels: Labels, number: int) -> None:
        self._counted.setdefault(metric.name, Counter())[labels] += number

    def _put(self, metric: Metric, labels: Labels, number: float) -> None:
        with self._lock:
            self._set.setdefault(metric.name, {})[labels] = number

    def _observe(self, metric: Metric, labels: Labels, numbers: Iterable[float]) -> None:
        by = self._spread.setdefault(metric.name, {})
        spread = by.get(labels)
        if spread is None:
            spread = by[labels] = _Spread(len(metric.buckets))
        buckets, counts = metric.buckets, spread.counts
        for number in numbers:
            counts[bisect_left(buckets, number)] += 1
            spread.total += number


def _cumulated(buckets: Sequence[float], counts: Sequence[int]) -> list[tuple[str, float]]:
    """(upper bound as text, how many up to it), as the exposition format wants them."""
    found, so_far = [], 0
    for bound, number in zip((*map(str, buckets), "+Inf"), counts, strict=True):
        so_far += number
        found.append((bound, float(so_far)))
    return found


def _outcome_of_call(answer: CallAnswer) -> str:
    match answer:
        case TurnedAway():
            return answer.door.value
        case RefusedAsOne():
            return "refused_as_one"
        case Silent():
            return "silent"
    return "served"


def _outcomes_of_rows(rows: int, answer: CallAnswer) -> Mapping[tuple[str, str], int]:
    """(outcome, reason) to number of rows; together they are all rows of the batch."""
    match answer:
        case RowsAnswered():
            return Counter(_OUTCOMES[type(row)](row) for row in answer.rows)
        case RefusedAsOne(bad_key=None):
            return {("returned", answer.reason.value): rows}
        case RefusedAsOne():
            others = {("returned", answer.reason.value): rows - 1} if rows > 1 else {}
            return {("refused", answer.reason.value): 1, **others}
        case TurnedAway():
            return {("turned_away", answer.door.value): rows}
        case Silent():
            return {("unknown", answer.why.value): rows}
    return {}


_OUTCOMES: dict[type, Callable[..., tuple[str, str]]] = {
    Applied: lambda row: ("applied", ""),
    Staged: lambda row: ("staged", ""),
    Refused: lambda row: ("refused", row.reason.value),
    Unknown: lambda row: ("unknown", row.why.value),
}


def _of_partition(report: PartitionReport) -> Iterator[Sample]:
    """What a report says, as samples."""
    where = (report.entity, report.region)
    piles = report.places
    nothing = Pile(0, _ZERO, {})

    def age_s(since_ms: int) -> float:
        return max(0, report.at_ms - since_ms) / 1000

    yield BACKLOG, where, sum(piles.get(place, nothing).count for place in _WAITING_PLACES if place is not Place.PARKED)
    yield OLDEST_WORK, where, 0 if report.oldest_work_ms is None else age_s(report.oldest_work_ms)
    for place in Place:
        pile = piles.get(place, nothing)
        there = (*where, place.value)
        yield ENTRIES, there, pile.count
        yield HOURS, there, float(pile.hours)
        for currency, minor in pile.money.items():
            yield AMOUNT, (*there, currency), minor
        if pile.oldest_ms is not None:
            yield OLDEST_IN_PLACE, there, age_s(pile.oldest_ms)
    yield UNVALUED, where, float(sum((pile.unvalued_hours for pile in piles.values()), _ZERO))
    waiting = [piles[place] for place in _WAITING_PLACES if place in piles]
    yield NOT_IN_LEDGER_HOURS, where, float(sum((pile.hours for pile in waiting), _ZERO))
    by_currency: Counter[str] = Counter()
    for pile in waiting:
        by_currency.update(pile.money)
    for currency, minor in by_currency.items():
        yield NOT_IN_LEDGER_AMOUNT, (*where, currency), minor
    for parked in report.parked:
        why = (*where, parked.reason)
        yield PARKED, (*why, parked.owner), parked.count
        yield PARKED_HOURS, why, float(parked.hours)
        yield PARKED_AGE, why, age_s(parked.oldest_ms)
        for currency, minor in parked.money.items():
            yield PARKED_AMOUNT, (*why, currency), minor
    yield PARKED_UNOWNED, where, sum(parked.count for parked in report.parked if not parked.owner)
    yield QUEUED, where, report.queued
    yield SHELVED, where, report.shelved
    yield IN_MEMORY, where, report.in_memory
    yield UNTOLD, where, report.untold
    yield CALLS_OPEN, where, report.calls_open
    yield UNDECIDED, where, report.undecided_bytes
    yield COMMITS, where, report.commits
    yield SOURCE_LISTED, where, report.source_listed
    yield SOURCE_MISSING, where, report.source_missing
    if report.last_recount_ms is not None:
        yield RECOUNT_AGE, where, age_s(report.last_recount_ms)
    yield PARTITION, (*where, report.host), 1
    yield EPOCH, where, report.epoch
    yield RUNNING, where, int(report.state == "running")
    yield PAUSED, where, int(bool(report.paused))
    yield UNREADABLE, where, report.dead_letters


def _of_forecast(forecast: Forecast) -> Iterator[Sample]:
    """What a forecast says, as samples."""
    where = (forecast.entity, forecast.region)
    cut_off_s = None
    if forecast.cut_off_ms is not None:
        cut_off_s = (forecast.cut_off_ms - forecast.at_ms) / 1_000
        yield CUT_OFF, where, cut_off_s
    clearings: tuple[tuple[str, Clearing | None], ...] = (
        ("current", forecast.current),
        ("permitted", forecast.permitted),
    )
    for rate, clearing in clearings:
        if clearing is None:
            continue
        yield FORECAST_RATE, (*where, rate), clearing.per_hour
        edges = {"early": clearing.early_ms, "expected": clearing.expected_ms, "late": clearing.late_ms}
        for edge, clears_ms in edges.items():
            clears_s = inf if clears_ms is None else (clears_ms - forecast.at_ms) / 1_000
            yield FORECAST_CLEARS, (*where, rate, edge), clears_s
            if cut_off_s is not None:
                yield FORECAST_MARGIN, (*where, rate, edge), cut_off_s - clears_s


def _of_account(report: AccountReport) -> Iterator[Sample]:
    """What a report says, as samples."""
    account = (report.account,)
    yield QUOTA_RATIO, account, report.quota_used / report.quota_calls if report.quota_calls else 0
    yield QUOTA_USED, account, report.quota_used
    yield ON_THE_WIRE, account, report.on_the_wire
    for entity, calls in report.waiting.items():
        yield WAITING, (report.account, entity), calls
    for mode in Mode:
        yield MODE, (report.account, mode.value), int(report.mode == mode.value)
