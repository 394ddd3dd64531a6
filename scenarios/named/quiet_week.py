"""The last week of March in a small firm, with nothing worse than the usual: the place to begin.

Sixty people, two legal entities, one ERP account. Team leads decide two sheets at a time, most of them in the last
hours before the cut-off on the 31st at 18:00. The ERP's plan allows two calls a minute and our connector puts two rows
into each, so the rush takes minutes and not seconds; now and then a call, an event or a row goes wrong.
"""

from scenarios.model import Scenario, Slas
from simulators.faults.network import LostReply, LostRequest
from simulators.faults.quota import Throttling
from simulators.faults.rows import RowFailures
from simulators.faults.source import DuplicateEvent, MissingEvent, ReorderedEvent
from simulators.firm.settings import FirmSettings
from simulators.people.parameters import PeopleSettings
from simulators.settings import MINUTE_MS, RuntimeSettings, WorldSettings
from simulators.systems.erp_profile import ErpProfile, Quota

SCENARIO = Scenario(
    name="quiet_week",
    story="The last week of March in a firm of sixty: two legal entities, one ERP, and only everyday mishaps.",
    world=WorldSettings(
        firm=FirmSettings(consultants=60, entity_count=2, weeks=1),
        people=PeopleSettings(sheets_per_click=2),
        erp=ErpProfile(name="two_calls_a_minute", quota=Quota(calls=2, window_ms=MINUTE_MS)),
        runtime=RuntimeSettings(batch_max=2),
        faults=(
            LostRequest(ppm=3_000),
            LostReply(ppm=6_000),
            Throttling(ppm=3_000),
            RowFailures(ppm=2_000),
            DuplicateEvent(ppm=5_000),
            ReorderedEvent(ppm=3_000, delay_ms_high=10 * MINUTE_MS),
            MissingEvent(ppm=1_000),
        ),
    ),
    slas=Slas(
        p50_s=100,
        p95_s=540,
        p99_s=780,
        in_ledger_ppm=990_000,
        grace_s=1_800,
        oldest_in_doubt_s=900,
        oldest_staged_s=60,
        drain_s=900,
        why={
            "p50_s": "2 calls x 2 rows per window of 60 s, counted as 62 s: a click of 2 sheets has about 20 rows,"
            " its middle row waits 1 window (62 s) where it fell on an empty quota, 20 s of linger are the rest; 1"
            " call per window makes it 2 to 3 windows.",
            "p95_s": "2 calls x 2 rows per 62 s = 3.9 rows a minute; the busiest 10 minutes bring 34 to 60 rows, of"
            " which 39 leave meanwhile, so up to 33 wait with what was there: 33 / 3.9 = 8.5 minutes = 510 s.",
            "p99_s": "30 s deadline + 300 s late landing + look-up and resend at 62 s each = 454 s for a row whose"
            " call was lost (9 calls in 1,000), + 5 minutes of queue = 754 s.",
            "in_ledger_ppm": "The last hours bring up to 147 rows each and 232 can leave, so at most 33 wait at the"
            " cut-off, 33 / 3.9 = 8.5 minutes, + 454 s for a lost call = 16 of the 30 minutes; 1 event in 1,000 is"
            " missing for up to 6 h, a tenth of the 1 in 100 left out.",
            "oldest_in_doubt_s": "300 s late landing + 62 s until the quota lets the look-up through + twice (30 s"
            " deadline + 30 s rest) for look-ups that are lost = 482 s.",
            "oldest_staged_s": "This ERP posts at once: 0 s, and one row left in a staging table would be late after"
            " 60 s.",
            "drain_s": "No outage of 5 minutes is planned; after one of 10 minutes in the rush 55 rows wait, 55 /"
            " 3.9 = 14 minutes = 846 s.",
        },
    ),
)
