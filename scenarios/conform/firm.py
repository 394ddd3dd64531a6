"""The firm that an integration is exercised with: two legal entities, an easy price list, and a few traps in it.

    DE01  euros    most of the work; one project is set up late
    JP01  yen      no minor unit, and a period that closes and opens again while time arrives

The price list is the easy one, with its two traps: a price that changes within the month, and half cents.
"""

from datetime import timedelta

from runtime.core.model import Gate, PeriodStatus
from simulators.chance import between
from simulators.firm.easy_rates import easy_rates
from simulators.firm.model import Firm
from simulators.firm.settings import EntitySpec, FirmSettings
from simulators.live import LiveFirm
from simulators.settings import RuntimeSettings, WorldSettings
from simulators.systems.erp_profile import ErpProfile, Latency, Login, Quota
from simulators.systems.psa_profile import PsaProfile

MAIN, YEN = "DE01", "JP01"
ERP, PSA = "erp", "psa"
"""The accounts: one ERP and one PSA serve both entities."""
QUOTA = Quota(calls=40, window_ms=4_000)
"""Ten calls a second (ours): plenty for who fills a call or keeps a pace, and soon used up by who does neither."""
LATE_LANDING_MS = 3_000
"""How long after its caller gave up a call may still land, at most; here none does."""


def founded(seed: int, now_ms: int) -> LiveFirm:
    """The firm, with the next month open beside its own so that a late row has somewhere to go."""
    live = LiveFirm(_world(), seed, now_ms, reprice=easy_rates, late_projects=late_projects)
    following = live.firm.month_last + timedelta(days=1)
    for code in live.by_code:
        live.move_period(code, f"{following:%Y-%m}", PeriodStatus.OPEN.value, Gate.OPEN.value, now_ms)
    return live


def _world() -> WorldSettings:
    return WorldSettings(
        firm=FirmSettings(
            consultants=16,
            entities=(
                EntitySpec(
                    code=MAIN,
                    region="EMEA",
                    country="DE",
                    currency="EUR",
                    zone="Europe/Berlin",
                    erp_account=ERP,
                    psa_account=PSA,
                ),
                EntitySpec(
                    code=YEN,
                    region="EMEA",
                    country="JP",
                    currency="JPY",
                    zone="Asia/Tokyo",
                    erp_account=ERP,
                    psa_account=PSA,
                ),
            ),
        ),
        erp=ErpProfile(
            name="conform",
            quota=QUOTA,
            login=Login(required=False),
            latency=Latency(p50_ms=15, p99_ms=60, per_row_us=100, door_ms=2),
        ),
        psa=PsaProfile(latency_low_ms=2, latency_high_ms=10),
        runtime=RuntimeSettings(
            linger_ms=100,
            tell_linger_ms=500,
            call_deadline_ms=LATE_LANDING_MS,
            late_landing_ms=LATE_LANDING_MS,
            staged_poll_ms=1_000,
        ),
    )


def late_projects(firm: Firm) -> tuple[str, ...]:
    """The last project of the main entity that somebody works on, where there is another besides."""
    worked = dict.fromkeys(one.project for one in firm.assignments if one.entity == MAIN)
    assert len(worked) > 1, "a firm of this size has several projects"
    return (list(worked)[-1],)


def quarters(seed: int, entry_id: str) -> int:
    """How long somebody worked: up to eight hours, in quarters."""
    return between(1, 32, seed, "conform/quarters", entry_id)
