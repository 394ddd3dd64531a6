"""A made-up report of any size, for tests and for looking at: a month with a peak, an outage and a busy quota."""

from scenarios.report.model import (
    Band,
    Case,
    EntityRow,
    EntitySeries,
    Finding,
    FiredFault,
    Incident,
    Invariant,
    KeptOut,
    Parameter,
    Percentiles,
    Planted,
    PointMark,
    Report,
    Series,
    Sla,
    verdict,
)
from simulators.chance import between

HOUR_MS = 3_600_000
START_MS = 1_772_323_200_000  # 2026-03-01T00:00Z
COUNTRIES = ("DE", "NO", "JP", "US", "GB", "FR", "IN", "KW", "BR", "AU")
REGIONS = ("EMEA", "EMEA", "APAC", "AMER", "EMEA", "EMEA", "APAC", "EMEA", "AMER", "APAC")
CURRENCIES = ("EUR", "NOK", "JPY", "USD", "GBP", "EUR", "INR", "KWD", "BRL", "AUD")
KINDS = ("lost_reply", "lost_request", "late_landing", "duplicate_event", "crash_after", "throttle_without_retry_after")


def entity_series(number: int, samples: int, rows: int) -> EntitySeries:
    """Arrivals that double towards the end, a server that cannot keep up at the peak."""
    series, approved, posted, parked = EntitySeries(), 0, 0, 0
    for i in range(samples):
        day = i * 33 // samples
        working = day % 7 < 5 and 7 <= (i * 33 * 24 // samples) % 24 <= 18
        rush = 12 if day in (29, 30) else 1
        if day < 31:
            approved += between(0, 2 * rush * rows // 1000, 7, "arrive", number, i) if working else 0
        down = day == 30 and (i * 33 * 24 // samples) % 24 in (20, 21)
        posted += 0 if down else min(approved - posted - parked, rows // 120 + 1)
        parked = min(approved - posted, posted // 400)
        series.backlog.append(approved - posted - parked)
        series.posted.append(posted)
        series.parked.append(parked)
        series.in_doubt.append(min(approved - posted - parked, between(0, 9, 7, "doubt", number, i)))
    return series


def sample(entities: int = 3, samples: int = 120, rows: int = 2_000, bad: bool = False) -> Report:
    """A whole report in which everything adds up; `bad` makes an invariant break, an SLA miss and one unknown."""
    step_ms = 33 * 24 * HOUR_MS // samples
    report = Report(scenario="month_end_emea", seed=42, description="EMEA closes March on a Tuesday evening.")
    report.commit, report.digest = "4f1c9d2e8b7a6c5d4e3f2a1b0c9d8e7f6a5b4c3d", "9b1d6f" * 10 + "abcd"
    report.simulated_seconds, report.wall_seconds = 33 * 86_400, 17.3
    report.python, report.versions = "3.11.7", {"simpy": "4.1.2", "numpy": "2.4.6", "faker": "40.54.0"}
    report.overrides = {"firm.consultants": "800"}
    report.series = Series(step_ms, START_MS)
    places: dict[str, int] = dict.fromkeys(("posted", "parked", "superseded", "excluded"), 0)
    for number in range(entities):
        code = f"{COUNTRIES[number % 10]}{number // 10 + 1:02d}"
        own = entity_series(number, samples, rows)
        report.series.entities[code] = own
        posted, parked, superseded, excluded = own.posted[-1], own.parked[-1], own.posted[-1] // 80, number
        per_place = (("posted", posted), ("parked", parked), ("superseded", superseded), ("excluded", excluded))
        for place, count in per_place:
            places[place] += count
            minor = 0 if place in ("superseded", "excluded") else count * 91_337
            by_currency = report.money.setdefault(place, {})
            currency = CURRENCIES[number % 10]
            by_currency[currency] = by_currency.get(currency, 0) + minor
        slow = between(1, 40, 7, "slow", number)
        report.latency.entities[code] = Percentiles(42.0 + slow, 900.0 * slow, 2400.0 * slow, 3000.0 * slow, posted)
        report.per_entity.append(
            EntityRow(
                code,
                REGIONS[number % 10],
                posted + parked + superseded + excluded,
                posted,
                parked,
                42.0 + slow,
                900.0 * slow,
                2400.0 * slow,
                999_000 - number * 37,
                3600.0 + slow if number % 3 == 0 else None,
                61.0,
                None,
                f"erp-{number % 6}",
                CURRENCIES[number % 10],
            )
        )
    report.latency.overall = Percentiles(55.0, 7_600.0, 38_000.0, 91_000.0, places["posted"])
    report.entries, report.approved = places, sum(places.values())
    report.hours = {place: count * 1.75 for place, count in places.items()}
    report.approved_hours = report.approved * 1.75
    report.unvalued_hours = 12.25
    down_ms = START_MS + (30 * 24 + 20) * HOUR_MS
    for account in range(min(6, entities)):
        name = f"erp-{account}"
        report.bands.append(Band(name, "maintenance", down_ms, down_ms + 2 * HOUR_MS))
        for i in range(60):
            at = START_MS + 28 * 24 * HOUR_MS + between(0, 60 * HOUR_MS, 7, "band", account, i)
            report.bands.append(Band(name, "throttled", at, at + between(60_000, 900_000, 7, "long", account, i)))
    report.bands.append(Band("erp-1", "login", START_MS + 12 * 24 * HOUR_MS, START_MS + 13 * 24 * HOUR_MS))
    report.bands.append(Band("erp-2", "slow", START_MS + 18 * 24 * HOUR_MS, START_MS + 21 * 24 * HOUR_MS))
    codes = sorted(report.series.entities)
    for i in range(900):
        at = START_MS + between(0, 31 * 24 * HOUR_MS, 7, "mark", i)
        report.marks.append(PointMark(at, KINDS[i % 11 % len(KINDS)], codes[i % len(codes)]))
    for number, code in enumerate(codes):
        cutoff_ms = START_MS + (31 * 24 + 8 * (number % 3) - 4) * HOUR_MS
        report.marks.append(PointMark(cutoff_ms, "cutoff", code))
    report.faults = [FiredFault(kind, 300 - 47 * rank) for rank, kind in enumerate(KINDS)]
    names = {
        "S1": "at most once",
        "S2": "nothing lost",
        "S2b": "exact value",
        "S3": "right period",
        "S4": "money to the minor unit",
        "S5": "versions in order",
        "S6": "nothing invented",
        "S7": "accounting identity",
        "S9": "frozen intent",
        "S10": "call budget",
        "S13": "status truth",
        "L1": "drains",
        "L2": "progress per lane",
    }
    report.invariants = [Invariant(id_, name, "held") for id_, name in names.items()]
    report.slas = [
        Sla("approval to ledger p50", 300, 55.0, "s", True, "linger 5 s + 1 call of 2 s + 3 polls of 30 s = 97 s, × 3"),
        Sla(
            "approval to ledger p99",
            14 * 3600,
            38_000.0,
            "s",
            True,
            "peak 61,000 rows / (500 rows × 60 calls an hour × 90 % of quota) = 2.3 h, + 2 h maintenance, + 8 h night",
        ),
        Sla("in the ledger before cut-off", 990_000, 998_730, "ppm", True, "1 - 61,000 / 4.8 M", "at_least"),
        Sla("oldest in doubt", 900, 61.0, "s", True, "late landing 600 s + look-up every 60 s, × 1.3"),
        Sla("oldest staged", 7200, 5400.0, "s", True, "job of 30 min at most, asked every 5 min"),
        Sla("drain after an outage", 21_600, 3640.0, "s", True, "2 h × 12,000 rows/h / 30,000 rows/h + 600 s"),
    ]
    report.coverage = {
        "moves": {"queued to in_flight": 4_410, "in_flight to in_doubt": 212, "in_doubt to posted": 180},
        "idempotency profiles": "replay, conflict, none",
        "share posted ppm": 997_000,
        "boundaries crashed": 12,
    }
    report.cases = [
        Case(
            "unknown_project",
            17,
            "project office",
            "create the project in the ERP",
            "project published",
            ["TS-100234", "TS-100235"],
        ),
        Case("period_closed", 4, "finance", "re-open March or book in April", "period opened", ["TS-100999"]),
        Case("no_rate", 2, "contract desk", "publish a rate line that covers 2026-03-30", "rates published", ["TS-7"]),
    ]
    report.incidents = [
        Incident("erp-0", "maintenance", down_ms, down_ms + 2 * HOUR_MS, "announced; 9 probes; backlog gone 1 h later")
    ]
    report.kept_out = [KeptOut("march.csv", 18, "Duration", "30:00:00 is more than a day has")]
    report.parameters = [
        Parameter("rows_per_person_week", "10", "measured", "CESAW item x day rows: median 8, mean 9.7, p90 18"),
        Parameter("deadline_hazard.W_over_tau", "15.8", "derived", "x3 rule of Alfi, Parisi, Pietronero 2007"),
        Parameter("late_share", "0.1", "assumed", "anchors between 5 % and 40 %"),
    ]
    report.assumptions = [
        "The ERP honours a key or allows look-up by our reference.",
        "A call we gave up on lands within 10 minutes or not at all.",
    ]
    if bad:
        report.invariants[0] = Invariant("S1", "at most once", "violated", 2, ["TS-100234 version 1 stands twice"])
        report.invariants[10] = Invariant("S13", "status truth", "unknown", reason="the PSA was never told anything")
        report.slas[1].actual, report.slas[1].held = 61_000.0, False
        report.findings = [
            Finding(
                "S1", "DE01", "TS-100234", [1, 2], 91_337, "EUR", "version 1 stands twice, so 913.37 is billed twice"
            )
        ]
        report.planted = Planted("resend_without_lookup", ["lost_reply"], "no key, look-up by reference")
    report.verdict = verdict(report.invariants, report.slas, settled=True, proved=True)
    return report
