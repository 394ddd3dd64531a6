"""A record becomes a line: tags, days, hours; or it says why it is none."""

from decimal import Decimal

import pytest

from runtime.approvals.lines import Lack, Unfit, fingerprint_of, hours, line_of, narrative, tags
from runtime.connectors.psa.generic import read_approval
from runtime.connectors.psa.timetagger import TrackedRecord
from runtime.core.model import Approval, TimeEntry
from tests.runtime.approvals.a_tracker import MONDAY_S, NINE_S, settings, tracked

SETTINGS = settings()


def line(record: TrackedRecord, user: str = "anna") -> TimeEntry:
    """The line of a record that makes one."""
    found = line_of(user, record, SETTINGS)
    assert isinstance(found, TimeEntry), found
    return found


def test_a_record_is_a_line_of_its_tags_project_and_its_owners_entity() -> None:
    """Who, what, when and how much: person and project from the configuration, the rest as it was recorded."""
    found = line(tracked("k7", "Workshop with #Alpine #alpine/design", minutes=440))

    assert (found.entry_id, found.source_system, found.source_id) == ("timetagger:anna:k7", "timetagger", "k7")
    assert (found.worker, found.project, found.task, found.role) == ("W-1", "P-ALPINE", "Design", "consultant")
    assert (found.home_entity, found.project_entity, found.billing_entity) == ("DE01", "DE01", "DE01")
    assert (found.work_date.isoformat(), found.quantity, found.unit) == ("2026-11-16", Decimal("7.25"), "hour")
    assert (found.start_ms, found.stop_ms) == (NINE_S * 1_000, (NINE_S + 440 * 60) * 1_000)
    assert (found.invoice_narrative, found.sheet, found.billable) == ("Workshop with", "anna/2026-W47", True)


def test_what_a_line_makes_is_read_by_the_generic_psa() -> None:
    """The same checks that every event of any PSA meets at the border let it in."""
    found = line(tracked())
    approval = Approval(fingerprint_of(found), "key:max", "single", 5)

    assert read_approval(found, approval, "ü".encode()).entry == found


@pytest.mark.parametrize(
    ("ds", "task", "time_type", "billable", "project"),
    [
        ("#alpine", "Consulting", "standard", True, "P-ALPINE"),
        ("#alpine/design", "Design", "standard", True, "P-ALPINE"),
        ("#alpine#travel", "Consulting", "travel", True, "P-ALPINE"),
        ("#bayou", "Build", "standard", False, "P-BAYOU"),
        ("#bayou #paid", "Build", "standard", True, "P-BAYOU"),
        ("#alpine #lunch", "Consulting", "standard", True, "P-ALPINE"),
    ],
)
def test_each_tag_says_its_part(ds: str, task: str, time_type: str, billable: bool, project: str) -> None:
    """What no tag says comes from the project; a tag that nobody configured means nothing."""
    found = line(tracked(ds=ds))

    assert (found.project, found.task, found.time_type, found.billable) == (project, task, time_type, billable)
    assert bool(found.nonbillable_reason) is not billable


@pytest.mark.parametrize(
    ("record", "lack"),
    [
        (tracked(ds="HIDDEN design #alpine"), Lack.DELETED),
        (tracked(minutes=0), Lack.RUNNING),
        (tracked(ds="HIDDEN", minutes=0), Lack.DELETED),
        (tracked(minutes=-5), Lack.ENDS_FIRST),
        (tracked(minutes=16 * 60 + 1), Lack.TOO_LONG),
        (tracked(minutes=7), Lack.TOO_SHORT),
        (tracked(ds="no tag at all"), Lack.NO_PROJECT),
        (tracked(ds="#lunch #travel"), Lack.NO_PROJECT),
        (tracked(ds="#alpine #bayou"), Lack.CONTRADICTION),
        (tracked(key="k\u200b\n"), Lack.BAD_NAME),
        (tracked(key="k" * 255), Lack.BAD_NAME),
    ],
)
def test_what_is_no_line_says_why(record: TrackedRecord, lack: Lack) -> None:
    """A record is never left out in silence: each way of being no line has its name."""
    found = line_of("anna", record, SETTINGS)

    assert isinstance(found, Unfit)
    assert found.lack is lack


def test_a_record_belongs_to_the_day_on_which_it_began_where_its_owner_is() -> None:
    """Half past midnight in Berlin is still the day before in UTC, and the Berlin day counts."""
    assert line(tracked(t1_s=MONDAY_S - 30 * 60, minutes=60)).work_date.isoformat() == "2026-11-16"
    assert line(tracked(t1_s=MONDAY_S - 90 * 60, minutes=300)).work_date.isoformat() == "2026-11-15"


@pytest.mark.parametrize(
    ("seconds", "increment", "expected"),
    [(450, 15, "0.25"), (449, 15, "0"), (26_400, 15, "7.25"), (36_000, 15, "10"), (100, 3, "0.05"), (3_600, 6, "1")],
)
def test_hours_are_exact_and_rounded_half_up(seconds: int, increment: int, expected: str) -> None:
    """Whatever the increment, hours are a short decimal, written without an exponent."""
    assert str(hours(seconds, increment)) == expected


def test_tags_are_read_as_the_tracker_reads_them() -> None:
    """Letters of any language, dashes and slashes; glued tags are two; a lone # is none."""
    assert tags("a #Größe/x-1_2 #b#c # #b") == ("größe/x-1_2", "b", "c")
    assert narrative("Call  with\tAnna #alpine#x, then mail #") == "Call with Anna , then mail #"


def test_a_fingerprint_is_of_everything_an_approver_approves() -> None:
    """Another text, duration or task is another fingerprint; when it was stored is no part of it."""
    same = [fingerprint_of(line(tracked(st_us=st_us))) for st_us in (1, 2)]
    others = [fingerprint_of(line(one)) for one in (tracked(minutes=75), tracked(ds="x #alpine"), tracked(ds="#bayou"))]

    assert same[0] == same[1]
    assert len({*same, *others}) == 4
