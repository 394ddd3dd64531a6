"""What the calendar brings: at the right instant on everybody's own clock."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from simulators.faults.bases import TimedFault
from simulators.faults.login import (
    CredentialExpiry,
    EntityForbidden,
    LockedOut,
    SessionEnded,
    UnauthorizedMaintenance,
)
from simulators.faults.maintenance import MaintenanceAnnounced, MaintenanceUnannounced, ReadOnly, SlowErp
from simulators.faults.moves import (
    AnswerInstead,
    CloseSystem,
    CrashPartition,
    CutOff,
    EatQuota,
    EndSession,
    ExpireCredential,
    FixCredential,
    LockOut,
    MovePeriod,
    SlowSystem,
    Unlock,
    about,
)
from simulators.faults.network import Partition
from simulators.faults.periods import PeriodClosingMidBatch
from simulators.faults.process import RandomCrashes
from simulators.faults.quota import DailyQuota, SharedQuota
from simulators.faults.wall_time import Month
from simulators.faults.weather import Weather
from simulators.firm.model import Firm, LegalEntity, PeriodPlan

HOUR_MS = 3_600_000
SURE = 1_000_000


def utc(text: str) -> int:
    """Epoch ms of "2026-03-31 22:00" UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000


def entity(code: str, zone: str, account: str) -> LegalEntity:
    """A legal entity of which only clock and accounts matter."""
    return LegalEntity(code, "EMEA", "XX", "EUR", zone, f"erp-{account}", f"psa-{account}")


def march(*entities: LegalEntity) -> Month:
    """March 2026, with two modules of periods for each entity, run from 1 March to 10 April UTC."""
    firm = Firm("t", utc("2026-03-01 00:00"), date(2026, 3, 1), date(2026, 3, 31), entities=list(entities))
    for each in entities:
        for module in ("projects", "ledger"):
            for name, first, last in (
                ("2026-03", date(2026, 3, 1), date(2026, 3, 31)),
                ("2026-04", date(2026, 4, 1), date(2026, 4, 30)),
            ):
                firm.periods.append(PeriodPlan(each.code, module, name, first, last, "open", "open"))
    return Month.of(firm, utc("2026-04-10 00:00"))


BERLIN = entity("DE01", "Europe/Berlin", "eu")
TOKYO = entity("JP01", "Asia/Tokyo", "ap")
NEW_YORK = entity("US01", "America/New_York", "us")
PARIS_AND_LONDON = (entity("FR01", "Europe/Paris", "eu2"), entity("GB01", "Europe/London", "eu2"))


def starts(fault: TimedFault, month: Month) -> list[int]:
    """The instants of the fault's moves."""
    return [move.at_ms for move in fault.schedule(month, 1)]


def test_each_account_closes_on_its_own_clock() -> None:
    """The last day at 22:00 is 20:00 UTC in Berlin, 13:00 in Tokyo and 02:00 of the next day in New York."""
    moves = MaintenanceAnnounced(lasts_ms=HOUR_MS, overruns_ms=60_000).schedule(march(BERLIN, TOKYO, NEW_YORK), 1)

    assert all(isinstance(move, CloseSystem) and move.announced for move in moves)
    assert [(m.account, m.at_ms, m.promised_until_ms, m.until_ms) for m in moves if isinstance(m, CloseSystem)] == [
        ("erp-eu", at := utc("2026-03-31 20:00"), at + HOUR_MS, at + HOUR_MS + 60_000),
        ("erp-ap", at := utc("2026-03-31 13:00"), at + HOUR_MS, at + HOUR_MS + 60_000),
        ("erp-us", at := utc("2026-04-01 02:00"), at + HOUR_MS, at + HOUR_MS + 60_000),
    ]


def test_a_shared_account_closes_once() -> None:
    """An account of several entities has one clock, that of the first, and one window."""
    assert starts(MaintenanceUnannounced(), march(*PARIS_AND_LONDON)) == [utc("2026-03-31 20:00")]
    assert starts(MaintenanceUnannounced(system="psa"), march(*PARIS_AND_LONDON[::-1])) == [utc("2026-03-31 21:00")]


@pytest.mark.parametrize(
    ("day", "at", "zone", "expected"),
    [
        (28, "22:00", "Europe/Berlin", "2026-03-28 21:00"),
        (29, "01:59", "Europe/Berlin", "2026-03-29 00:59"),
        (29, "02:30", "Europe/Berlin", "2026-03-29 01:30"),
        (29, "22:00", "Europe/Berlin", "2026-03-29 20:00"),
        (8, "02:30", "America/New_York", "2026-03-08 07:30"),
        ("last", "00:00", "Asia/Kolkata", "2026-03-30 18:30"),
        (32, "08:00", "UTC", "2026-04-01 08:00"),
        (5, "02:30", "Australia/Sydney", "2026-03-04 15:30"),
        (36, "02:30", "Australia/Sydney", "2026-04-04 15:30"),
    ],
)
def test_wall_times_follow_the_zone_and_its_summer(day: Any, at: str, zone: str, expected: str) -> None:
    """A skipped hour is read as if it had not been skipped, a doubled one as its first; days run past month's end."""
    month = march(entity("XX01", zone, "x"))

    assert starts(SlowErp(day=day, at=at), month) == [utc(expected)]


def test_every_day_is_one_window_a_day_within_the_run() -> None:
    """A daily window comes on each day of the run, and none starts before it begins or after it ends."""
    found = starts(SlowErp(day="every", at="16:00"), march(NEW_YORK))

    assert len(found) == 40
    assert found[0] == utc("2026-03-01 21:00")
    assert found[-1] == utc("2026-04-09 20:00")
    assert starts(SlowErp(day=62), march(NEW_YORK)) == []


def test_slow_is_a_window_too() -> None:
    """A slow ERP is slow for so long and by so much."""
    at_ms = utc("2026-03-31 14:00")

    assert SlowErp(lasts_ms=HOUR_MS, added_ms=700).schedule(march(BERLIN), 1) == [
        SlowSystem(at_ms, "slow_erp", at_ms + HOUR_MS, "erp", "erp-eu", 700)
    ]


def test_a_partition_flaps_in_pieces_with_gaps_as_long() -> None:
    """Three pieces of an hour and a half: cut, open, cut, open, cut, of eighteen minutes each."""
    at_ms, piece_ms = utc("2026-03-31 13:00"), 18 * 60_000
    fault = Partition(lasts_ms=5 * piece_ms, flaps=3, way="answers")

    assert fault.schedule(march(BERLIN), 1) == [
        CutOff(from_ms, "partition", from_ms + piece_ms, "erp", "erp-eu", "answers")
        for from_ms in (at_ms, at_ms + 2 * piece_ms, at_ms + 4 * piece_ms)
    ]
    assert [m.account for m in Partition(system="psa").schedule(march(BERLIN, TOKYO), 1)] == ["psa-eu", "psa-ap"]
    assert Partition(lasts_ms=0).schedule(march(BERLIN), 1) == []


def test_the_quota_of_the_day_answers_every_call_and_no_login() -> None:
    """Until it starts anew everything that counts is 429; that of somebody else leaves us a few."""
    at_ms = utc("2026-03-31 14:00")
    (spent,) = DailyQuota(resets_after_ms=HOUR_MS).schedule(march(BERLIN), 1)
    (shared,) = SharedQuota(at="16:00", lasts_ms=HOUR_MS, left=2).schedule(march(BERLIN), 1)

    assert isinstance(spent, AnswerInstead)
    assert (spent.at_ms, spent.until_ms, spent.status, spent.tells) == (at_ms, at_ms + HOUR_MS, 429, True)
    assert "login" not in spent.calls
    assert shared == EatQuota(at_ms, "shared_quota", at_ms + HOUR_MS, "erp", "erp-eu", 2)


def test_a_session_war_ends_the_token_again_and_again() -> None:
    """Each login of the other ends ours, so many times at such distances."""
    at_ms = utc("2026-03-31 12:00")

    assert SessionEnded(times=3, every_ms=60_000).schedule(march(BERLIN), 1) == [
        EndSession(at_ms + number * 60_000, "session_ended", "erp", "erp-eu") for number in range(3)
    ]


def test_a_401_may_be_maintenance_with_or_without_logins() -> None:
    """Calls hear 401; logins work, or their service says 503."""
    works, *none = UnauthorizedMaintenance().schedule(march(BERLIN), 1)
    calls, logins = UnauthorizedMaintenance(login="away").schedule(march(BERLIN), 1)

    assert none == []
    assert works == calls
    assert isinstance(calls, AnswerInstead)
    assert isinstance(logins, AnswerInstead)
    assert (calls.status, logins.status, logins.calls) == (401, 503, ("login",))


def test_a_permission_is_lost_for_one_entity_of_each_account() -> None:
    """The first behind an account, or the one that is named; the strike's name says whose."""
    month = march(BERLIN, *PARIS_AND_LONDON)
    firsts = EntityForbidden().schedule(month, 1)
    (named,) = EntityForbidden(entity="GB01").schedule(month, 1)

    assert [move.entity for move in firsts if isinstance(move, AnswerInstead)] == ["DE01", "FR01"]
    assert about(named) == f"erp-eu2/GB01/{named.at_ms}"


def test_read_only_refuses_what_writes() -> None:
    """Posts and statuses hear 503, look-ups and listings are served."""
    (move,) = ReadOnly().schedule(march(BERLIN), 1)

    assert isinstance(move, AnswerInstead)
    assert (move.status, move.calls) == (503, ("post", "tell"))


def test_credentials_and_locks_are_mended() -> None:
    """What a log-in fault breaks it mends after the time it says, and only the breaking is counted."""
    at_ms = utc("2026-03-31 13:00")
    weather = Weather([CredentialExpiry(fixed_after_ms=HOUR_MS), LockedOut(unlocked_after_ms=2 * HOUR_MS)], seed=1)
    moves = weather.moves(march(BERLIN))
    for move in moves:
        weather.carried_out(move)

    assert moves == [
        ExpireCredential(at_ms, "credential_expiry", "erp", "erp-eu"),
        LockOut(at_ms, "locked_out", "erp", "erp-eu"),
        FixCredential(at_ms + HOUR_MS, "credential_expiry", "erp", "erp-eu"),
        Unlock(at_ms + 2 * HOUR_MS, "locked_out", "erp", "erp-eu"),
    ]
    assert weather.fired == {"credential_expiry": 1, "locked_out": 1}


def test_a_period_closes_in_every_module_and_opens_again() -> None:
    """The period of the month closes on the entity's clock and re-opens; the next month's period does not move."""
    at_ms = utc("2026-03-31 08:30")
    moves = PeriodClosingMidBatch(reopens_after_ms=HOUR_MS).schedule(march(TOKYO), 1)

    assert moves == [
        MovePeriod(when_ms, "period_closing_mid_batch", "JP01", module, "2026-03", status, None, heals)
        for module in ("projects", "ledger")
        for when_ms, status, heals in ((at_ms, "closed", False), (at_ms + HOUR_MS, "open", True))
    ]


def test_a_period_may_close_for_good_and_in_one_module() -> None:
    """With `reopens_after_ms` null nothing opens again; what is permanently closed cannot be told to."""
    fault = PeriodClosingMidBatch(module="ledger", status="permanently_closed", reopens_after_ms=None)

    assert [(m.module, m.status) for m in fault.schedule(march(TOKYO), 1) if isinstance(m, MovePeriod)] == [
        ("ledger", "permanently_closed")
    ]
    with pytest.raises(ValidationError, match="permanently_closed"):
        PeriodClosingMidBatch(status="permanently_closed")


def test_the_period_that_closes_is_the_one_of_the_months_end() -> None:
    """Of several periods in one month the one that holds its last day closes."""
    month = march(TOKYO)
    halves = (
        PeriodPlan("JP01", "projects", "H1", date(2026, 3, 1), date(2026, 3, 15), "open", "open"),
        PeriodPlan("JP01", "projects", "H2", date(2026, 3, 16), date(2026, 3, 31), "open", "open"),
    )
    moves = PeriodClosingMidBatch(reopens_after_ms=None).schedule(replace(month, periods=halves), 1)

    assert [move.name for move in moves if isinstance(move, MovePeriod)] == ["H2"]


def test_filters_keep_the_calendar_from_others() -> None:
    """A fault that names accounts or entities leaves all others alone."""
    month = march(BERLIN, TOKYO)

    assert len(starts(MaintenanceAnnounced(accounts=("erp-ap",)), month)) == 1
    assert len(starts(MaintenanceUnannounced(accounts=("erp-ap",)), month)) == 1
    assert len(starts(SlowErp(accounts=("erp-ap",)), month)) == 1
    assert len(starts(CredentialExpiry(accounts=("erp-ap",)), month)) == 2
    assert len(starts(LockedOut(accounts=("erp-ap",)), month)) == 2
    assert len(starts(PeriodClosingMidBatch(entities=("JP01",)), month)) == 4
    assert len(starts(RandomCrashes(ppm=SURE, entities=("JP01",)), month)) == 40


def test_random_crashes_come_as_often_as_they_say_and_end_with_the_calm() -> None:
    """Each draw of each day and entity is a chance of its own, within the run, and none comes after the calm."""
    month = march(BERLIN, TOKYO)
    calm_ms = utc("2026-03-11 00:00")
    sure = Weather([RandomCrashes(ppm=SURE, draws=2)], seed=1).moves(month)
    calm = Weather([RandomCrashes(ppm=SURE, draws=2)], seed=1, calm_after_ms=calm_ms).moves(month)
    tenth = RandomCrashes(ppm=100_000, draws=100).schedule(month, 1)

    assert len(sure) == 2 * 2 * 40
    assert all(isinstance(m, CrashPartition) and month.start_ms <= m.at_ms < month.end_ms for m in sure)
    assert calm == [move for move in sure if move.at_ms < calm_ms]
    assert len(calm) == 2 * 2 * 10
    assert 680 <= len(tenth) <= 920
    assert RandomCrashes(ppm=0).schedule(month, 1) == []


def test_one_entity_more_shifts_nobodys_crashes() -> None:
    """Crashes are drawn under the entity's name: leaving a neighbour out changes nothing."""
    fault = RandomCrashes(ppm=300_000)
    both = [m for m in fault.schedule(march(BERLIN, TOKYO), 1) if isinstance(m, CrashPartition)]

    assert fault.schedule(march(TOKYO), 1) == [move for move in both if move.entity == "JP01"]


def test_moves_come_in_the_order_of_time_and_the_calendar_outlasts_the_calm() -> None:
    """What a scenario puts into the calendar happens, also after the calm, since it has an end of its own."""
    moves = Weather([MaintenanceAnnounced(), SlowErp()], seed=1, calm_after_ms=0).moves(march(BERLIN))

    assert [type(move) for move in moves] == [SlowSystem, CloseSystem]
