"""The firm that an integration is exercised with: two legal entities, an easy price list, and a few traps in it.

    DE01  euros    most of the work; one project is set up late
    JP01  yen      no minor unit, and a period that closes and opens again while time arrives

A price stands under (entity, role), and nowhere else: whoever integrates another pair of systems must not have to
learn our order of scopes first. Two traps are left in it, since every real list has them: the first role's price
changes within the month, and quarters of an hour at these prices end in half a cent.
"""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

from runtime.core.model import Gate, PeriodStatus
from simulators.chance import between
from simulators.firm.model import Firm, RatePlan
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
PRICES = {"EUR": (Decimal("112.50"), Decimal("54.30")), "JPY": (Decimal(11_250), Decimal(5_430))}
"""Currency to bill and cost an hour (assumed). A quarter of 112.50 is 28.125: half a cent."""
CHANGES_AFTER_DAYS = 15
KNOWN_FROM_MS = 0
"""All prices were published long before anything was approved."""
LATE_LANDING_MS = 3_000
"""How long after its caller gave up a call may still land, at most; here none does."""


def founded(seed: int, now_ms: int) -> LiveFirm:
    """The firm, with the next month open beside its own so that a late row has somewhere to go."""
    live = LiveFirm(_world(), seed, now_ms, reprice=prices, late_projects=late_projects)
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


def prices(firm: Firm) -> Iterator[RatePlan]:
    """Bill and cost for each entity and role; the first role of an entity bills more from the middle of the month."""
    began = firm.month_first.replace(year=firm.month_first.year - 1)
    changes = firm.month_first + timedelta(days=CHANGES_AFTER_DAYS)
    for entity in firm.entities:
        bill, cost = PRICES[entity.currency]
        roles = sorted({one.role for one in firm.assignments if one.entity == entity.code})
        for number, role in enumerate(roles):
            key = f"{entity.code}|{role}"
            more = bill + number * (bill / 5)
            first = RatePlan(
                f"bill:{key}:1", "bill", "entity_role", key, entity.currency, more, began, None, KNOWN_FROM_MS
            )
            if not number:
                first.valid_until = changes
                yield first
                rate = more + bill / 10
                yield RatePlan(
                    f"bill:{key}:2", "bill", "entity_role", key, entity.currency, rate, changes, None, KNOWN_FROM_MS
                )
            else:
                yield first
            yield RatePlan(
                f"cost:{key}:1", "cost", "entity_role", key, entity.currency, cost, began, None, KNOWN_FROM_MS
            )


def late_projects(firm: Firm) -> tuple[str, ...]:
    """The last project of the main entity that somebody works on, where there is another besides."""
    worked = dict.fromkeys(one.project for one in firm.assignments if one.entity == MAIN)
    assert len(worked) > 1, "a firm of this size has several projects"
    return (list(worked)[-1],)


def quarters(seed: int, entry_id: str) -> int:
    """How long somebody worked: up to eight hours, in quarters."""
    return between(1, 32, seed, "conform/quarters", entry_id)
