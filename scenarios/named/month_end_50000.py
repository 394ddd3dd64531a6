"""A firm of fifty thousand closes March around the world: ninety legal entities, twelve ERP accounts.

Each account has its own PSA account and a quota of 32 calls in five minutes (assumed), and carries 2,500 to 5,000
people in five to nine entities that take turns for its permits. 2.2 million rows in a month: the scenario that shows
whether a design scales with accounts and entities rather than with rows.
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
    name="month_end_50000",
    story=(
        "March ends in a firm of 50,000 consultants: ninety legal entities in four regions on twelve ERP accounts,"
        " each with its own PSA account and a quota just above the load of the last hour."
    ),
    world=WorldSettings(
        firm=FirmSettings(consultants=50_000, entity_count=90, regions=4, accounts=12),
        erp=ErpProfile(name="generic", quota=Quota(calls=32, window_ms=5 * MINUTE_MS)),
        runtime=RuntimeSettings(batch_max=50),
        faults=(
            LostReply(ppm=5_000),
            LostRequest(ppm=5_000),
            Throttling(ppm=1_000, seconds=10),
            RowFailures(ppm=200),
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
        oldest_in_doubt_s=1_500,
        oldest_staged_s=600,
        drain_s=5_400,
        why={
            "p50_s": (
                "On most days the quota idles: 3 s webhook + 20 s linger + 4 s for a slow answer (p99) = 27 s,"
                " promised about twice."
            ),
            "p95_s": (
                "5 % of 2,165,000 rows are 108,250, so p95 falls into the last hours: up to 5 min behind (see p99)"
                " + two quota windows of 5 min while nine entities take turns = 15 min."
            ),
            "p99_s": (
                "Busiest account (5,000 people), last hour: 50,000 rows of the last week x 0.9 x 38.6 % x 1.2 for"
                " clicks = 20,844 rows; at 32 calls in 5 min x 50 rows = 320 a minute they take 65 min, 5 behind; a"
                " batch in doubt adds 30 s + 5 min late landing + 5 min for a call, half-full batches 5 min: 21 min,"
                " promised 30 (half quota: 70 behind)."
            ),
            "in_ledger_ppm": (
                "5 min behind + 5 min of half-full batches + 10.5 min of a doubt = 21 of the 30 min, so only the 500"
                " ppm of events that never came are missing (6 h recount): 5,000 ppm leave ten times that; at half"
                " quota an account 70 min behind lacks (70 - 30) min x 160 rows = 6,400 of its 216,500: 29,600 ppm."
            ),
            "grace_s": "5 + 5 min behind at the cut-off + 10.5 min of a doubt = 21 min, with half as much again: 30.",
            "oldest_in_doubt_s": (
                "5 min late landing + 302 s for the quota to free a call = 602 s; up to 4,000 batches are doubted and"
                " 1 % of look-ups lost, so two in a row happen once in three runs: 2 x (30 s deadline + 30 s back-off"
                " + 302 s) more = 1,326 s, promised 25 min."
            ),
            "oldest_staged_s": "This ERP posts at once and stages nothing; promised are two polls of 5 min.",
            "drain_s": (
                "No outage of 5 min is planned; should one meet the last hour of the busiest account, its 20,844 rows"
                " take 65 min at 320 a minute, promised 90."
            ),
        },
    ),
    must_fire=("lost_reply", "lost_request", "throttling", "duplicate_event", "missing_event", "reordered_event"),
)
