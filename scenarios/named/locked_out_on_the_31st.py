"""On the last day nobody can log in: one account's credential ran out, the other account's user is locked.

The credential of the European account ends on the 31st at 14:00; the runtime tries it three times in 15 minutes and
then leaves it to people, so that it does not lock the user besides. Somebody else's script locks the American user at
13:00.
People mend both at 17:00 local, an hour before the cut-off. Each is one incident of one account; no row is parked for
it, and the backlog drains at the contracted quota. Recounts are hourly in these days, so that an event that never came
does not look like a slow drain.
"""

from scenarios.model import Scenario, Slas
from simulators.faults.login import CredentialExpiry, LockedOut
from simulators.faults.network import LostReply, LostRequest
from simulators.faults.quota import Throttling
from simulators.faults.rows import RowFailures
from simulators.faults.source import DuplicateEvent, MissingEvent, ReorderedEvent
from simulators.firm.settings import FirmSettings
from simulators.people.parameters import PeopleSettings
from simulators.settings import HOUR_MS, MINUTE_MS, RuntimeSettings, WorldSettings
from simulators.systems.erp_profile import ErpProfile, Login, Quota

SCENARIO = Scenario(
    name="locked_out_on_the_31st",
    story="On the 31st the European credential has run out for three hours and the American user is locked for four:"
    " one incident each, and an hour is left before the cut-off.",
    world=WorldSettings(
        firm=FirmSettings(consultants=150, entity_count=3, regions=2, weeks=2),
        people=PeopleSettings(sheets_per_click=3),
        erp=ErpProfile(
            name="four_calls_a_minute",
            quota=Quota(calls=4, window_ms=MINUTE_MS),
            login=Login(locked_out_ms=12 * HOUR_MS),
        ),
        runtime=RuntimeSettings(batch_max=2, recount_every_ms=HOUR_MS),
        faults=(
            CredentialExpiry(accounts=("erp-emea-1",), day="last", at="14:00", fixed_after_ms=3 * HOUR_MS),
            LockedOut(accounts=("erp-amer-1",), day="last", at="13:00", unlocked_after_ms=4 * HOUR_MS),
            LostRequest(ppm=3_000),
            LostReply(ppm=6_000),
            Throttling(ppm=2_000),
            RowFailures(ppm=2_000),
            DuplicateEvent(ppm=5_000),
            ReorderedEvent(ppm=3_000, delay_ms_high=10 * MINUTE_MS),
            MissingEvent(ppm=1_000),
        ),
    ),
    slas=Slas(
        p50_s=180,
        p95_s=9_900,
        p99_s=16_200,
        in_ledger_ppm=990_000,
        grace_s=7_200,
        oldest_in_doubt_s=900,
        oldest_staged_s=60,
        drain_s=6_000,
        why={
            "p50_s": "4 calls x 2 rows per window of 60 s, counted as 62 s; with 1 row in 6 to 13 behind the outage"
            " the middle row waits 1 or 2 windows = 62 to 124 s, at 2 calls per window 4 and more.",
            "p95_s": "240 to 500 of 3,000 rows meet an outage of 3 or 4 h, most of them late in it, so that 150 of"
            " them (1 row in 20) wait at most 2.25 h = 8,100 s, + 30 minutes of the drain = 9,900 s.",
            "p99_s": "The longer outage, 4 h = 14,400 s, + 30 minutes of the drain at 7.7 rows a minute (230 rows) ="
            " 16,200 s.",
            "in_ledger_ppm": "People mend it at 17:00; up to 335 rows wait then and 330 come in the last hour, 665 /"
            " 7.7 = 86 minutes, so the last stands at 18:26; the grace of 2 h covers 720 rows more and the hourly"
            " recount.",
            "oldest_in_doubt_s": "300 s late landing + 62 s until the quota lets the look-up through + twice (30 s"
            " deadline + 30 s rest) for look-ups that are lost = 482 s; nothing is in doubt because of a log-in.",
            "oldest_staged_s": "This ERP posts at once: 0 s, and one row left in a staging table would be late after"
            " 60 s.",
            "drain_s": "Up to 335 rows of the outage, mixed with 250 new ones, at 4 calls x 2 rows per 62 s = 7.7 a"
            " minute are 76 minutes = 4,560 s; 6,000 s = 770 rows.",
        },
    ),
    must_fire=("credential_expiry", "locked_out"),
)
