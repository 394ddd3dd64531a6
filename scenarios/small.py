"""The small month: a dozen people, two legal entities, the last week of March, a tenth of a second a run.

What a named scenario tells with five hundred people the proofs ask a thousand times with twelve: `swarm_world` turns
a seed into a world that nobody thought of. Numbers here are ours (assumed): small enough to be cheap, busy enough that
every path is walked.
"""

from typing import Any

from scenarios.model import NOTHING_PROMISED, Scenario
from simulators.chance import between, happens
from simulators.faults.kinds import Fault, draw_random_subset
from simulators.firm.settings import FirmSettings
from simulators.people.parameters import PeopleSettings
from simulators.settings import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    FinanceGate,
    HandPostings,
    LateMasterData,
    NeverBack,
    RuntimeSettings,
    WorldSettings,
)
from simulators.systems.erp_profile import ErpProfile, Idempotency, Staging
from simulators.systems.profiles.generic import BY_IDEMPOTENCY, GENERIC
from simulators.systems.psa_profile import PsaProfile

SMALL_FIRM = FirmSettings(consultants=12, entity_count=2, weeks=1)
FIRST_DAY, LAST_DAY = 25, 31
"""The days of the month on which a small month happens."""

VARIATIONS: tuple[tuple[str, ErpProfile], ...] = (
    ("plain", ErpProfile(name="plain")),
    *((name, profile) for name, profile in GENERIC.items() if name not in BY_IDEMPOTENCY),
)
"""Generic profiles that vary something else than the treatment of keys, and one that varies nothing."""

SHORTEST_KEY = 24
"""The shortest key that an ERP of the swarm keeps whole: 12 bytes of a digest, and no vendor we read takes fewer than
30 characters (second-hand)."""

CONFIRM_AFTER_MS = HOUR_MS
"""When somebody posts by hand: what has waited for so long is asked about before it goes."""

FULL_RECOUNT_EVERY_MS = DAY_MS
"""What only a full recount finds is found on the day after the faults stop; a run settles for three."""

LEAST_KINDS = 5
"""Kinds of fault that a seed has at least, of which not each strikes (ours)."""

BURST = {"volume_percent": 250, "approve_window_min": 2, "submit_window_min": 5, "sheets_per_click": 40}
"""Two and a half times the rows, and nearly all of them decided in the last minutes before the cut-off (ours)."""

UNBEARABLE: dict[str, tuple[str, ...]] = {"none": ("duplicate_request", "stop_before_send", "clock_step")}
"""Faults that break a declared assumption of a profile: a target without keys cannot tell a request delivered twice,
nor one that leaves or lands after it was asked about."""


def small_world(erp: str = "error_not_stored", consultants: int = 12) -> WorldSettings:
    """A small month in which nothing goes wrong."""
    return WorldSettings(firm=SMALL_FIRM.model_copy(update={"consultants": consultants}), erp=GENERIC[erp])


def swarm_world(seed: int, population: str = "swarm", lean: tuple[str, ...] = ()) -> WorldSettings:
    """A small month with a random subset of all faults, and the smaller settings drawn too, all of it from the seed.

    Each setting is drawn under its own name, so that a new one leaves the others as they were. `population` is one of
    those that are drawn (`scenarios.swarm`); `lean` names kinds of fault that come more often than others.
    """
    profile = _profile(seed)
    by_hand = happens(200_000, seed, "small/by_hand")
    soft_close = happens(250_000, seed, "small/gates")
    firm, people = _firm(seed), _people(seed)
    if population == "burst":
        people = people.model_copy(update=BURST)
    troubled = population != "none"
    return WorldSettings(
        firm=firm,
        people=people,
        erp=profile,
        psa=PsaProfile(page_size=_one_of(seed, "page_size", (20, 100, 1_000))),
        runtime=RuntimeSettings(
            batch_max=_one_of(seed, "batch_max", (1, 3, 20, 100)),
            linger_ms=_one_of(seed, "linger_ms", (0, 20_000)),
            checkpoint_every=_one_of(seed, "checkpoint_every", (1, 8, 64, 256)),
            window=_one_of(seed, "window", (5, 20, 20_000, 20_000)),
            restart_ms=_one_of(seed, "restart_ms", (1, 20_000, 10 * 60_000)),
            confirm_after_ms=CONFIRM_AFTER_MS if by_hand else RuntimeSettings().confirm_after_ms,
            full_recount_every_ms=FULL_RECOUNT_EVERY_MS,
        ),
        faults=swarm_faults(seed, population, profile, lean),
        gates=(*(_held_gate() if by_hand else ()), *(_soft_close() if soft_close else ())),
        hand_postings=_hand_postings(seed) if by_hand and troubled else (),
        late_master_data=LateMasterData(
            ppm=300_000 if troubled and happens(250_000, seed, "small/late_projects") else 0, after_ms=4 * DAY_MS
        ),
        never_back=_never_back(seed, firm) if troubled and firm.accounts_per_region == 2 else None,
    )


def swarm_faults(
    seed: int,
    population: str,
    profile: ErpProfile,
    lean: tuple[str, ...] = (),
    first_day: int = FIRST_DAY,
    last_day: int = LAST_DAY,
) -> tuple[Fault, ...]:
    """The misfortunes that a seed draws for an ERP with these manners, on these days of the month."""
    if population == "none":
        return ()
    everything = population == "all-on"
    return draw_random_subset(
        seed,
        share_ppm=1_000_000 if everything else 400_000,
        strength_ppm=300_000 if everything else 1_000_000,
        lean=lean,
        least=LEAST_KINDS,
        a_death=True,
        deadline_ms=RuntimeSettings().call_deadline_ms,
        late_landing_ms=RuntimeSettings().late_landing_ms,
        first_day=first_day,
        last_day=last_day,
        without=UNBEARABLE.get(profile.idempotency.value, ()),
    )


def swarm_scenario(seed: int, accounts: int | None = None) -> Scenario:
    """The same as a scenario that the command line runs. Its SLAs promise nothing: a swarm is about money.

    `accounts`: how many ERP accounts the two entities use, if it is not to be drawn; 2 makes two components.
    """
    world = swarm_world(seed)
    if accounts is not None:
        world = world.model_copy(update={"firm": SMALL_FIRM.model_copy(update={"accounts_per_region": accounts})})
    return Scenario(
        name=f"swarm_{seed}",
        story=f"A small month with the faults and settings that seed {seed} drew.",
        world=world,
        slas=NOTHING_PROMISED,
    )


def _profile(seed: int) -> ErpProfile:
    """Ways of treating keys by turns, each with one more variation by turns; a quarter is made to stage besides.

    One in five keeps only the first characters of a key, and one in five takes capitals for small letters (e10).
    """
    manner = list(Idempotency)[seed % len(Idempotency)]
    name, variation = VARIATIONS[seed // len(Idempotency) % len(VARIATIONS)]
    staged = manner is Idempotency.ASYNC_JOB or happens(250_000, seed, "small/staging")
    changes: dict[str, Any] = {"staging": Staging()} if staged else {}
    if happens(200_000, seed, "small/short_keys"):
        changes["key_length_max"] = _number(seed, "key_length", SHORTEST_KEY, 80)
    if happens(200_000, seed, "small/folded_keys"):
        changes["key_case_folded"] = True
    # An ERP that takes any reversal would show it if ours were not exact.
    changes["exact_reversals"] = not happens(250_000, seed, "small/any_reversal")
    return variation.model_copy(update={"name": f"{manner.value}+{name}", "idempotency": manner, **changes})


MONTHS = ("2026-03", "2026-10", "2026-12", "2027-02", "2028-02")
"""Last weeks that differ: clocks go forward, clocks go back, the year ends, February ends on its 28th or 29th."""
REGIONS = ("EMEA", "EMEA", "EMEA", "APAC", "LATAM", "AMER")
"""Euro and pound mostly; yen, which have no minor unit, beside Australian dollars; real beside peso; dollars."""


def _firm(seed: int) -> FirmSettings:
    """The small firm somewhere, in some month, perhaps with prices that are amended backwards while time comes in."""
    amended = happens(250_000, seed, "small/amended")
    return SMALL_FIRM.model_copy(
        update={
            "accounts_per_region": _number(seed, "accounts", 1, 2),
            "shared_psa": happens(500_000, seed, "small/shared_psa"),
            "month": MONTHS[_number(seed, "month", 0, len(MONTHS) - 1)],
            "region_shares": {REGIONS[_number(seed, "region", 0, len(REGIONS) - 1)]: 100},
            "amended_ppm": 500_000 if amended else 0,
            "amended_on": _number(seed, "amended_on", FIRST_DAY, LAST_DAY + 2),
        }
    )


def _people(seed: int) -> PeopleSettings:
    """As the parameter table has them, or people who correct and take back a lot, act in haste, hand in late, are sent
    back, or move lines to another day; each by itself."""
    changes: dict[str, int] = {}
    if happens(500_000, seed, "small/hasty"):
        changes |= {"second_thoughts_ppm": 250_000}
    if happens(500_000, seed, "small/restless"):
        changes |= {"correction_ppm": 200_000, "withdrawal_ppm": 60_000, "duplicate_ppm": 30_000}
    if happens(250_000, seed, "small/late"):
        changes |= {"late_ppm": 400_000, "auto_approve_ppm": 300_000}
    if happens(250_000, seed, "small/sent_back"):
        changes |= {"returned_sheets_ppm": 400_000, "rejected_ppm": 150_000}
    if happens(250_000, seed, "small/moved_days"):
        changes |= {"moved_day_ppm": 300_000}
    return PeopleSettings().model_copy(update=changes)


def _held_gate() -> tuple[FinanceGate, ...]:
    """Finance holds our gate over the last afternoon, when most of the month is approved, and then releases it."""
    return (
        FinanceGate(day="last", at="13:00", gate="held"),
        FinanceGate(day="last", at="18:45", gate="open"),
    )


def _hand_postings(seed: int) -> tuple[HandPostings, ...]:
    """Meanwhile it enters by hand, once or twice, what has waited for longer than a confirmation would take."""
    times = ("17:30", "18:30")[_number(seed, "by_hand_from", 0, 1) :]
    return tuple(HandPostings(day="last", at=at, older_than_ms=CONFIRM_AFTER_MS + 15 * MINUTE_MS) for at in times)


def _soft_close() -> tuple[FinanceGate, ...]:
    """Finance shuts our gate on the last evening, and opens it again for two hours the next morning."""
    return (
        FinanceGate(day="last", at="19:00", gate="shut"),
        FinanceGate(day=32, at="09:00", gate="open"),
        FinanceGate(day=32, at="11:00", gate="shut"),
    )


def _never_back(seed: int, firm: FirmSettings) -> NeverBack | None:
    """In one seed of eight the second ERP account closes for good, somewhere in the last days."""
    if not happens(125_000, seed, "small/never_back"):
        return None
    day = _number(seed, "never_back_day", LAST_DAY - 2, LAST_DAY + 2)
    region = next(iter(firm.shares)).lower()
    return NeverBack(account=f"erp-{region}-2", day=day, at="15:00")


def _number(seed: int, what: str, low: int, high: int) -> int:
    return between(low, high, seed, "small/" + what)


def _one_of(seed: int, what: str, choices: tuple[int, ...]) -> int:
    return choices[_number(seed, what, 0, len(choices) - 1)]
