"""The month that will not end: a quarter of the sheets comes late, and what is posted is corrected again and again.

Sixteen lines in a hundred are changed after their approval: quantity, narrative, dimension, project; half of the bill
prices are replaced backwards by amendments published on the 27th, so that a line approved again is worth more. Finance
shuts the feed gate of March on the first working day of April at 18:00. What comes after that reverses the old line
and posts the new one with one date, the first of April, and says why.
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
    name="late_corrections",
    story="A quarter of the sheets is late, 16 lines in 100 are corrected after approval, many after the gate has shut:"
    " both legs of those go to the next open period.",
    world=WorldSettings(
        firm=FirmSettings(
            consultants=120, entity_count=2, weeks=2, close_after_working_days=1, amended_ppm=500_000, amended_on=27
        ),
        people=PeopleSettings(sheets_per_click=3, late_ppm=250_000, correction_ppm=160_000),
        erp=ErpProfile(name="four_calls_a_minute", quota=Quota(calls=4, window_ms=MINUTE_MS)),
        runtime=RuntimeSettings(batch_max=2),
        faults=(
            LostRequest(ppm=3_000),
            LostReply(ppm=6_000),
            Throttling(ppm=2_000),
            RowFailures(ppm=2_000),
            DuplicateEvent(ppm=5_000),
            ReorderedEvent(ppm=10_000, delay_ms_high=10 * MINUTE_MS),
            MissingEvent(ppm=1_000),
        ),
    ),
    slas=Slas(
        p50_s=100,
        p95_s=500,
        p99_s=780,
        in_ledger_ppm=990_000,
        grace_s=1_800,
        oldest_in_doubt_s=900,
        oldest_staged_s=60,
        drain_s=900,
        why={
            "p50_s": "4 calls x 2 rows per window of 60 s, counted as 62 s: a click of 3 sheets has about 30 rows ="
            " 4 windows, the first of them at once; half of all rows wait 1 window (62 s) or less, at 2 calls per"
            " window 2 and more (126 s).",
            "p95_s": "4 calls x 2 rows per 62 s = 7.7 rows a minute; the busiest 10 minutes bring 79 to 126 rows, of"
            " which 77 leave, so up to 50 wait = 6.5 minutes = 390 s, + 1 window of 62 s for the second row of a"
            " correction.",
            "p99_s": "30 s deadline + 300 s late landing + look-up and resend at 62 s each = 454 s for a row whose"
            " call was lost (9 calls in 1,000), + 5 minutes of queue = 754 s; an overtaken event (1 in 100) is up to"
            " 600 s late.",
            "in_ledger_ppm": "At most 72 rows wait in the last hours, 72 / 7.7 = 9.4 minutes, + 454 s for a lost"
            " call = 17 of the 30 minutes; 1 event in 1,000 is missing for up to 6 h, a tenth of the 1 in 100 left"
            " out.",
            "oldest_in_doubt_s": "300 s late landing + 62 s until the quota lets the look-up through + twice (30 s"
            " deadline + 30 s rest) for look-ups that are lost = 482 s.",
            "oldest_staged_s": "This ERP posts at once: 0 s, and one row left in a staging table would be late after"
            " 60 s.",
            "drain_s": "No outage of 5 minutes is planned; after one of 10 minutes in the rush 110 rows wait, 110 /"
            " 7.7 = 14.3 minutes = 857 s.",
        },
    ),
    must_fire=("reordered_event", "lost_reply"),
)
