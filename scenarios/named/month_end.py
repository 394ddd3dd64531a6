"""March ends in a firm of five hundred, and everybody approves in the last hour.

Two legal entities in Germany and Britain share one ERP account. The vendor's contract leaves the time feed twelve calls
in five minutes (assumed), and the connector may put fifteen rows into a call, so 36 rows a minute is all there is;
the last hour before the cut-off brings 35 a minute, and more than that where approvers click in bulk. Whoever sends
rows one by one, or in half-empty batches, is not done that evening. Load and deadline law are the derived ones of the
parameter table; the mishaps are everyday ones at assumed rates.
"""

from scenarios.model import Scenario, Slas
from simulators.faults.network import LostReply, LostRequest
from simulators.faults.quota import Throttling
from simulators.faults.rows import RowFailures
from simulators.faults.source import DuplicateEvent, MissingEvent, ReorderedEvent
from simulators.firm.settings import FirmSettings
from simulators.settings import MINUTE_MS, RuntimeSettings, WorldSettings
from simulators.systems.erp_profile import ErpProfile, Quota

SCENARIO = Scenario(
    name="month_end",
    story=(
        "March ends in a firm of 500 consultants: two legal entities in two currencies, one ERP account whose quota"
        " is just above the load of the last hour, and everyday mishaps."
    ),
    world=WorldSettings(
        firm=FirmSettings(consultants=500, entity_count=2, regions=1),
        erp=ErpProfile(name="generic", quota=Quota(calls=12, window_ms=5 * MINUTE_MS)),
        runtime=RuntimeSettings(batch_max=15),
        faults=(
            LostReply(ppm=5_000),
            LostRequest(ppm=5_000),
            Throttling(ppm=5_000, seconds=10),
            RowFailures(ppm=1_000),
            DuplicateEvent(ppm=5_000),
            MissingEvent(ppm=500),
            ReorderedEvent(ppm=10_000, delay_ms_high=10 * MINUTE_MS),
        ),
    ),
    slas=Slas(
        p50_s=60,
        p95_s=900,
        p99_s=1_800,
        in_ledger_ppm=995_000,
        grace_s=1_800,
        oldest_in_doubt_s=1_200,
        oldest_staged_s=600,
        drain_s=5_400,
        why={
            "p50_s": (
                "On most days the quota idles: 3 s webhook + 20 s linger + 4 s for a slow answer (p99) = 27 s,"
                " promised about twice."
            ),
            "p95_s": (
                "5 % of the month's 21,650 rows are 1,083, about half of the last hour's 2,605 (see p99), so p95 is the"
                " wait half-way to 12 min behind: 6 min + 5 min for the quota window to free a call = 11, promised 15."
            ),
            "p99_s": (
                "Last hour: 5,000 rows of the last week x 0.9 x 38.6 % = 1,737, x 1.5 for clicks = 2,605 at worst; at"
                " 12 calls in 5 min x 15 rows = 36 a minute they take 72 min, 12 behind; a batch in doubt adds 30 s"
                " deadline + 5 min late landing + 5 min for a call = 10.5: 23 min, promised 30 (half quota, with"
                " clicks at 1.2: 116 min for 2,084 rows, 56 behind)."
            ),
            "in_ledger_ppm": (
                "At the cut-off the feed is 12 min behind and doubts end 10.5 min later, so within 30 min only the"
                " 500 ppm of events that never came are missing (found by a 6 h recount): 5,000 ppm leave ten times"
                " that; at half quota (56 - 30) min x 18 rows = 468 of 21,650 are missing, 21,600 ppm."
            ),
            "grace_s": "12 min behind at the cut-off + 10.5 min of a doubt = 23 min, promised 30.",
            "oldest_in_doubt_s": (
                "5 min late landing + 302 s for the quota to free a call = 602 s; should that look-up be lost too,"
                " 30 s deadline + 30 s back-off + 302 s more = 964 s, promised 20 min."
            ),
            "oldest_staged_s": "This ERP posts at once and stages nothing; promised are two polls of 5 min.",
            "drain_s": (
                "No outage of 5 min is planned; should one meet the last hour, its 2,605 rows take 72 min at 36 a"
                " minute, promised 90."
            ),
        },
    ),
    must_fire=("lost_reply", "lost_request", "throttling", "duplicate_event", "missing_event", "reordered_event"),
)
