"""The week in which the month ends is one sheet: two days of March, two of April, and often only March is approved.

March 2026 ends on a Tuesday, and Friday is a holiday. Four approvers in five leave April's lines undecided when they
decide the sheet before the month is over; the fifth approves all of it, and the rows of April wait, each alone, until
finance opens April at local midnight. The rows of March do not wait for them.
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
    name="split_week",
    story="One sheet over two periods: March's lines approved and posted, April's left undecided by four approvers in"
    " five and waiting for April to open where the fifth approved them.",
    world=WorldSettings(
        firm=FirmSettings(consultants=120, entity_count=2, weeks=2),
        people=PeopleSettings(split_week=True, hold_ppm=800_000, sheets_per_click=3),
        erp=ErpProfile(name="four_calls_a_minute", quota=Quota(calls=4, window_ms=MINUTE_MS)),
        runtime=RuntimeSettings(batch_max=2),
        faults=(
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
        p50_s=100,
        p95_s=600,
        p99_s=43_200,
        in_ledger_ppm=990_000,
        grace_s=23_400,
        oldest_in_doubt_s=900,
        oldest_staged_s=60,
        drain_s=900,
        why={
            "p50_s": "4 calls x 2 rows per window of 60 s, counted as 62 s: a click of 3 sheets has about 30 rows ="
            " 4 windows, the first of them at once; half of all rows wait 1 window (62 s) or less, at 2 calls per"
            " window 2 and more (126 s).",
            "p95_s": "4 calls x 2 rows per 62 s = 7.7 rows a minute; the busiest 10 minutes bring 113 to 147 rows,"
            " of which 77 leave, so up to 70 wait = 9 minutes = 545 s.",
            "p99_s": "45 to 74 of 2,800 rows (2 in 100) are April's and were approved in March, nearly all of them"
            " after 12:00 on the 31st, so they wait less than 12 h = 43,200 s for April to open at midnight.",
            "in_ledger_ppm": "From 18:00 to April's opening are 6 h = 21,600 s; then 74 rows / 7.7 a minute = 10"
            " minutes, and 1 row in 100 meets a lost call of 454 s (30 s deadline, 300 s landing, 2 windows of 62"
            " s): 22,654 of 23,400 s.",
            "oldest_in_doubt_s": "300 s late landing + 62 s until the quota lets the look-up through + twice (30 s"
            " deadline + 30 s rest) for look-ups that are lost = 482 s.",
            "oldest_staged_s": "This ERP posts at once: 0 s, and one row left in a staging table would be late after"
            " 60 s.",
            "drain_s": "No outage of 5 minutes is planned; after one of 10 minutes in the rush 110 rows wait, 110 /"
            " 7.7 = 14.3 minutes = 857 s.",
        },
    ),
)
