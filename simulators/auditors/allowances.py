"""What the auditors are told about the run: how much is enough, how late news may be, how many calls are fair.

Everything here is a bound, never a fact about what happened; facts come from the evidence alone.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class CallAllowance:
    """How many calls one connector account may see.

    `calls`: the most calls of the whole run (see `fair_calls`); None leaves the total unjudged.
    `over_quota`: calls in one quota window that faults explain (delivered twice, landed late).
    `quota_jitter_ppm`: how far a window at the door may exceed the quota because calls that were paced evenly
    arrive unevenly (assumed 5 %: latency moves calls over the edge of a window).
    `probe_step_ms`: the longest back-off step in maintenance; one call per step is fair.
    `outage_grace_calls`: calls that were on the wire when a window began, and the first quick steps of the
    back-off (assumed 24: 8 calls in flight, 1 s doubling to 15 min is 10 steps, and some air).
    `longest_rest_ms`: the longest wait that a 429 can ask for and get.
    `probe_gap_ms`: two calls that left closer to each other than this were not one probe (assumed 1 s; steps of the
    back-off are 30 s and more). `concurrent_calls`: calls of the account on the wire at once.
    `late_leavers`: calls that were permitted, and left so much later because their process was held up;
    `late_by_ms`: how long a slow turn lies between any permit and its call.
    `logins_an_hour`: derived: one in the five minutes that lie between two sessions at least, and twice that.
    """

    calls: int | None = None
    over_quota: int = 0
    quota_jitter_ppm: int = 50_000
    probe_step_ms: int = 60_000
    outage_grace_calls: int = 24
    longest_rest_ms: int = 3_600_000
    probe_gap_ms: int = 1_000
    concurrent_calls: int = 8
    late_leavers: int = 0
    late_by_ms: int = 0
    logins_an_hour: int = 24


@dataclass(frozen=True, slots=True)
class Allowances:
    """The bounds of one run.

    `accounts`: per connector account; an account that is not named has the defaults of `CallAllowance`.
    `ledger_module`: whose periods bind the project ledger.
    `news_lag_ms`: how long the news of a period may travel to the feed (assumed 1 h; reordered and missing events
    make it long). A period counts as shut or open for a decision if it was so within this time before.
    `step_ms`: an entity with work waiting behind an open door has to finish something within this time (assumed 6 h:
    three times the longest maintenance window in the scenarios).
    `calm_from_ms`: liveness is judged from here on; before it faults may stop anything.
    `least_posted_share_ppm`: below this share of standing lines among entries that should have one, a run that
    found nothing has proved nothing (assumed one half).
    `overlap_ms`: how far each read of the source's list reaches behind the one before, as declared.
    `ahead_ms`: how far the reader's own clock may be ahead, which eats into that overlap.
    `read_after_ms`, `full_read_after_ms`: the last whole read of the list, and the last whole one since
    `full_since_ms` or earlier, began no earlier than that; 0: unjudged.
    `records_per_move`, `records_an_hour`: what a partition may decide for each version that came or moved, and for each
    hour in which nothing does (assumed 40 and 400: 8 calls of 3 records at each of 12 rests an hour, and a third more;
    the swarm's greediest hour has 15 more than 25 for each move, measured). `records_a_life`: what each process that
    takes over may decide besides, for every call that was out (assumed 40: 16 calls, asked about and told of).
    `memory_window`, `checkpoint_every`, `batch_max`, `calls_max`: the declared limits of a partition's memory.
    `recovery_ms`, `recovery_ppm`: after an outage the backlog is cleared within the outage's own length times
    `recovery_ppm`, and `recovery_ms` (assumed 2 h: the longest rest of an account, and a look-up with its poll).
    `unhealthy`: entities whose ERP never came back, which need not finish.
    """

    accounts: dict[str, CallAllowance] = field(default_factory=dict)
    ledger_module: str = "time"
    news_lag_ms: int = 3_600_000
    step_ms: int = 6 * 3_600_000
    calm_from_ms: int = 0
    least_posted_share_ppm: int = 500_000
    overlap_ms: int = 0
    ahead_ms: int = 0
    read_after_ms: int = 0
    full_read_after_ms: int = 0
    full_since_ms: int = 0
    records_per_move: int = 40
    records_an_hour: int = 400
    records_a_life: int = 40
    memory_window: int = 20_000
    checkpoint_every: int = 4_096
    batch_max: int = 100
    calls_max: int = 8
    recovery_ms: int = 2 * 3_600_000
    recovery_ppm: int = 1_000_000
    unhealthy: tuple[str, ...] = ()

    def account(self, name: str) -> CallAllowance:
        """The bounds of one account."""
        return self.accounts.get(name, CallAllowance())


def fair_calls(rows: int, faults: int, standing_calls: int, per_row_ppm: int = 1_000_000, per_fault: int = 8) -> int:
    """The most calls an account should need: one per row at worst, some per fault, and what the clock causes.

    `rows`: approved versions behind the account; `faults`: how often one fired there; `standing_calls`: recounts,
    tokens and probes that time alone causes. `per_row_ppm` is 1 when batching does nothing at all, so it bounds a
    correct runtime loosely and a retry storm tightly (derived: S10 of the reliability guide, rows (1 + e) + faults k);
    `per_fault` is assumed (look-up, resend, bisecting a batch).
    """
    return rows * per_row_ppm // 1_000_000 + faults * per_fault + standing_calls
