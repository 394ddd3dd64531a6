"""The ERP goes down for maintenance an hour before the cut-off, as announced, and stays down longer than it said.

Announced are two hours from 17:00 on the last day; it takes two hours and three quarters (assumed: a shared ERP of a
university was down from 08:00 to 14:30 on 2 November 2023, documented, so the turn of a month spares nobody). Nothing
that is approved in the busiest hours can be posted, and nobody should have to do anything about it: the runtime stops
calling when the window opens, asks now and then once it should be over, and then works off the backlog at the
contracted quota of sixteen calls in five minutes (assumed).
"""

from scenarios.model import Scenario, Slas
from simulators.faults.maintenance import MaintenanceAnnounced
from simulators.faults.network import LostReply, LostRequest
from simulators.faults.rows import RowFailures
from simulators.faults.source import DuplicateEvent, MissingEvent, ReorderedEvent
from simulators.firm.settings import FirmSettings
from simulators.settings import HOUR_MS, MINUTE_MS, RuntimeSettings, WorldSettings
from simulators.systems.erp_profile import ErpProfile, Quota

SCENARIO = Scenario(
    name="erp_maintenance_at_cutoff",
    story=(
        "500 consultants approve on the last day of March while their ERP is down: maintenance announced from 17:00 to"
        " 19:00 around the 18:00 cut-off, which ends only at 19:45."
    ),
    world=WorldSettings(
        firm=FirmSettings(consultants=500, entity_count=2, regions=1),
        erp=ErpProfile(name="generic", quota=Quota(calls=16, window_ms=5 * MINUTE_MS)),
        # An event that never came must not be what the drain waits for, so the source is counted again often.
        runtime=RuntimeSettings(batch_max=15, recount_every_ms=30 * MINUTE_MS),
        faults=(
            MaintenanceAnnounced(day="last", at="17:00", lasts_ms=2 * HOUR_MS, overruns_ms=45 * MINUTE_MS),
            LostReply(ppm=5_000),
            LostRequest(ppm=5_000),
            RowFailures(ppm=1_000),
            DuplicateEvent(ppm=5_000),
            MissingEvent(ppm=500),
            ReorderedEvent(ppm=10_000, delay_ms_high=10 * MINUTE_MS),
        ),
    ),
    slas=Slas(
        p50_s=60,
        p95_s=10_800,
        p99_s=11_700,
        in_ledger_ppm=995_000,
        grace_s=11_700,
        oldest_in_doubt_s=11_100,
        oldest_staged_s=600,
        drain_s=5_400,
        why={
            "p50_s": (
                "On all other days the quota idles: 3 s webhook + 20 s linger + 4 s for a slow answer (p99) = 27 s,"
                " promised about twice."
            ),
            "p95_s": (
                "5 % of 21,650 rows are 1,083, fewer than the 3,149 that wait (see drain), so p95 is a wait from the"
                " first quarter of an hour: 165 min down - 0 to 15 + the rows before it (500 / 48 = 10 min) = 175 min,"
                " promised 180."
            ),
            "p99_s": (
                "Down for 120 + 45 = 165 min; what was approved as it began is posted first when it ends, and a batch"
                " in doubt adds 30 s + 5 min late landing + 5 min for a call: 176 min, promised 195."
            ),
            "in_ledger_ppm": (
                "It ends 105 min after the 18:00 cut-off and 3,149 rows take 66 min: 171 of the 195 min; at half quota"
                " they take 131 min: 41 min x 24 rows = 984 of 21,650 rows are missing, 45,000 ppm, and 5,000 may be."
            ),
            "grace_s": "105 min from the cut-off to the end of the maintenance + 90 min to drain = 195 min.",
            "oldest_in_doubt_s": (
                "A reply lost as the maintenance begins is looked up when it ends: 165 min + 5 min until a probe sees"
                " that + 302 s for the quota + a look-up lost in turn (60 s + 302 s) = 181 min, promised 185."
            ),
            "oldest_staged_s": "This ERP posts at once and stages nothing; promised are two polls of 5 min.",
            "drain_s": (
                "German rows 2,780 x 0.9 x 38.6 % (last hour) + British 2,220 x 0.9 x 56.7 % (their cut-off is an hour"
                " later: last two) = 2,099 x 1.5 for clicks = 3,149; at 16 calls in 5 min x 15 rows = 48 a minute they"
                " take 66 min, + 5 min until a probe sees the end, promised 90 (half quota: 131)."
            ),
        },
    ),
    must_fire=(
        "maintenance_announced",
        "lost_reply",
        "lost_request",
        "duplicate_event",
        "missing_event",
        "reordered_event",
    ),
)
