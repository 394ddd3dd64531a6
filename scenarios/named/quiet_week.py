"""The last week of March in a small firm, with nothing worse than the usual: the place to begin."""

from scenarios.model import Scenario, Slas
from simulators.faults.network import LostReply, LostRequest
from simulators.faults.source import DuplicateEvent
from simulators.firm.settings import FirmSettings
from simulators.settings import WorldSettings

SCENARIO = Scenario(
    name="quiet_week",
    story="The last week of March in a firm of sixty: two legal entities, one ERP, and only everyday mishaps.",
    world=WorldSettings(
        firm=FirmSettings(consultants=60, entity_count=2, weeks=1),
        faults=(LostReply(ppm=20_000), LostRequest(ppm=10_000), DuplicateEvent(ppm=5_000)),
    ),
    slas=Slas(
        p50_s=60,
        p95_s=120,
        p99_s=900,
        in_ledger_ppm=990_000,
        oldest_in_doubt_s=900,
        oldest_staged_s=3_600,
        drain_s=3_600,
    ),
)
