"""Finance shuts softly, opens again for two hours, and closes the general ledger apart from the project ledger.

Approvals are due on the first of April at 18:00. The German entity's feed gate shuts at noon already, with rows queued
and in flight; what comes then goes into April and says why. The project managers protest, so the gate is open again
from 15:00 to 17:00, in the rush, and shuts for good with rows in flight once more. In the British entity the ERP's
period itself is closed at 17:45 for an hour, and nobody tells the feed for a quarter of an hour: the ERP refuses its
rows meanwhile. The general ledger closes two evenings earlier, which stops no time.
"""

from scenarios.model import Scenario, Slas
from simulators.faults.network import LostReply, LostRequest
from simulators.faults.periods import PeriodClosingMidBatch
from simulators.faults.quota import Throttling
from simulators.faults.rows import RowFailures
from simulators.faults.source import DuplicateEvent, MissingEvent, ReorderedEvent
from simulators.firm.settings import FirmSettings
from simulators.people.parameters import PeopleSettings
from simulators.settings import HOUR_MS, MINUTE_MS, FinanceGate, RuntimeSettings, WorldSettings
from simulators.systems.erp_profile import ErpProfile, Quota

SCENARIO = Scenario(
    name="soft_close_reopen",
    story="One entity's feed gate shuts softly at noon and opens for two hours in the rush, rows in flight; another's"
    " ERP period is closed for an hour; the general ledger closes apart.",
    world=WorldSettings(
        firm=FirmSettings(consultants=120, entity_count=2, weeks=2),
        people=PeopleSettings(sheets_per_click=3, cutoff_working_days_after=1, late_ppm=150_000),
        erp=ErpProfile(name="four_calls_a_minute", quota=Quota(calls=4, window_ms=MINUTE_MS)),
        runtime=RuntimeSettings(batch_max=2),
        period_news_ms=(10 * MINUTE_MS, 15 * MINUTE_MS),
        faults=(
            PeriodClosingMidBatch(entities=("GB01",), module="time", day=32, at="17:45", reopens_after_ms=HOUR_MS),
            LostRequest(ppm=3_000),
            LostReply(ppm=6_000),
            Throttling(ppm=2_000),
            RowFailures(ppm=2_000),
            DuplicateEvent(ppm=5_000),
            ReorderedEvent(ppm=3_000, delay_ms_high=10 * MINUTE_MS),
            MissingEvent(ppm=1_000),
        ),
        gates=(
            FinanceGate(module="gl", day=30, at="20:00", status="closed"),
            FinanceGate(entity="DE01", day=32, at="12:00", gate="shut"),
            FinanceGate(entity="DE01", day=32, at="15:00", gate="open"),
            FinanceGate(entity="DE01", day=32, at="17:00", gate="shut"),
        ),
    ),
    slas=Slas(
        p50_s=100,
        p95_s=480,
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
            "p95_s": "4 calls x 2 rows per 62 s = 7.7 rows a minute; the busiest 10 minutes bring 85 to 122 rows, of"
            " which 77 leave, so up to 46 wait = 6 minutes = 360 s; a row refused by a closed period goes again, 1"
            " window of 62 s.",
            "p99_s": "30 s deadline + 300 s late landing + look-up and resend at 62 s each = 454 s for a row whose"
            " call was lost (9 calls in 1,000), + 5 minutes of queue = 754 s.",
            "in_ledger_ppm": "In March or, with the reason, in April: at most 46 rows wait in the last hours, 46 /"
            " 7.7 = 6 minutes, + 454 s for a lost call = 14 of the 30 minutes; 1 event in 1,000 is missing for up to"
            " 6 h, a tenth of the 1 in 100 left out.",
            "oldest_in_doubt_s": "300 s late landing + 62 s until the quota lets the look-up through + twice (30 s"
            " deadline + 30 s rest) for look-ups that are lost = 482 s.",
            "oldest_staged_s": "This ERP posts at once: 0 s, and one row left in a staging table would be late after"
            " 60 s.",
            "drain_s": "No outage of 5 minutes is planned; after one of 10 minutes in the rush 110 rows wait, 110 /"
            " 7.7 = 14.3 minutes = 857 s.",
        },
    ),
    must_fire=("period_closing_mid_batch",),
)
