"""The scorecard, judged from what was seen: each line holds, is violated or is unknown for its own reason alone."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from rich.console import Console

from runtime.ports import Request
from scenarios.conform import exercise as steps
from scenarios.conform.card import (
    CLEAN,
    MANNERS,
    PROVED_NOTHING,
    UNSETTLED,
    WRONG,
    Card,
    Line,
    judge,
    junit,
    print_card,
)
from scenarios.conform.exercise import Cohort, Heard, Plan, Seen
from scenarios.conform.firm import founded
from simulators.live import Approved
from simulators.people.acts import LineWithdrawn
from tests.simulators.a_feed import NOW_MS, Feed

ENTRIES = 6


class Told:
    """An exercise as it would be seen: entries approved, and nothing done about them yet."""

    def __init__(self, *faults: str, step: str = steps.CALM) -> None:
        live = founded(1, NOW_MS)
        self.seen = Seen(Plan(url="http://127.0.0.1:1/", faults=faults), live, settled=True, quiet=True, seconds=30.0)
        self.feed = Feed(live)
        self.approved = list(live.approved(ENTRIES, NOW_MS))
        cohort = Cohort(step, [(one.entity, one.entry_id) for one in self.approved])
        cohort.struck = {one.entry_id: None for one in self.approved}
        self.seen.cohorts[step] = cohort
        self.calls(1)

    def posts(self, *which: Approved) -> "Told":
        """These are posted exactly; without any, all are."""
        for one in which or self.approved:
            self.feed.carry(one)
        return self

    def tells(self, word: str, *which: Approved, version: int = 1) -> "Told":
        """The PSA is told this word of these; without any, of all."""
        said = [
            {"entry_id": one.entry_id, "version": version, "status": word, "detail": "", "seq": seq}
            for seq, one in enumerate(which or self.approved, 1)
        ]
        request = Request("POST", "/status", {}, json.dumps({"statuses": said}).encode())
        assert self.seen.live.psas["psa"].answer(request, NOW_MS + 2).response.status == 200
        return self

    def calls(self, count: int, **more: object) -> "Told":
        """So many calls of the ERP, one in a second."""
        for number in range(count):
            at_ms = NOW_MS + 1_000 * number
            call = Heard("erp", "post", at_ms, at_ms + 10, 200, 0, (f"TS-{number} version 1 post",))
            self.seen.calls.append(replace(call, **more))  # type: ignore[arg-type]  # a test names its fields
        return self

    def card(self) -> Card:
        """What is made of it."""
        return judge(self.seen)


def line(card: Card, name: str) -> Line:
    """The line of this id."""
    return next(one for one in card.lines if one.id == name)


def wrong(card: Card) -> list[str]:
    """The lines that were violated."""
    return [one.id for one in card.lines if one.verdict == "violated"]


def test_who_posts_and_tells_the_truth_has_a_clean_card() -> None:
    """Every line that had something to look at holds."""
    card = Told().posts().tells("posted").card()

    assert (wrong(card), card.exit) == ([], CLEAN)
    assert [one.id for one in card.lines if one.verdict == "unknown"] == ["retry_after", "maintenance"]
    assert (card.entries, card.standing) == (ENTRIES, ENTRIES)


def _twice(told: Told) -> None:
    told.posts().tells("posted")
    told.feed.standing.clear()
    [posting] = told.feed.postings(told.approved[0])
    told.feed.post(replace(posting, key="another"))


def _one_missing(told: Told) -> None:
    told.posts(*told.approved[1:]).tells("posted", *told.approved[1:])


def _a_cent_more(told: Told) -> None:
    told.posts(*told.approved[1:])
    [posting] = told.feed.postings(told.approved[0])
    told.feed.post(replace(posting, bill_minor=posting.bill_minor + 1))
    told.tells("posted")


def _told_too_early(told: Told) -> None:
    told.tells("posted", told.approved[0])
    told.posts(*told.approved[1:]).tells("posted", *told.approved[1:])
    told.tells("parked", told.approved[0], version=1)


def _tells_nobody_of_one(told: Told) -> None:
    told.posts().tells("posted", *told.approved[1:])


def _withdrawn_and_standing(told: Told) -> None:
    told.posts().tells("posted")
    one = told.approved[0]
    told.seen.live.act(LineWithdrawn(NOW_MS + 5, one.entity, one.entry_id, "cancelled"), NOW_MS + 5)


@pytest.mark.parametrize(
    ("mistake", "lines"),
    [
        (_twice, ["doubles", "step_calm"]),
        (_one_missing, ["losses", "step_calm"]),
        (_a_cent_more, ["wrong_amounts"]),
        (_told_too_early, ["losses", "false_status", "step_calm"]),
        (_tells_nobody_of_one, ["false_status"]),
        (_withdrawn_and_standing, ["withdrawn_work", "step_calm"]),
    ],
)
def test_a_mistake_stands_on_the_lines_that_name_it(mistake: Callable[[Told], None], lines: list[str]) -> None:
    """One entry that is wrong in one way violates these lines and no others."""
    told = Told()
    mistake(told)

    card = told.card()

    assert (wrong(card), card.exit) == (lines, WRONG)
    first = told.approved[0].entry_id
    assert all(line(card, name).count == 1 for name in lines)
    assert first in line(card, lines[0]).example


def test_what_was_told_as_parked_is_not_lost_but_did_not_come_right() -> None:
    """The PSA knows of it, so nothing is lost; the step asked for more."""
    told = Told()
    told.posts(*told.approved[1:]).tells("posted", *told.approved[1:])
    last = told.approved[0]
    request = {"entry_id": last.entry_id, "version": 1, "status": "parked", "detail": "no idea", "seq": 99}
    body = json.dumps({"statuses": [request]}).encode()
    told.seen.live.psas["psa"].answer(Request("POST", "/status", {}, body), NOW_MS + 3)

    card = told.card()

    assert wrong(card) == ["step_calm"]
    assert "5 of 6 right; 1 stand nowhere" in line(card, "step_calm").seen


def test_work_that_goes_on_when_time_is_up_is_not_judged_yet() -> None:
    """What is missing is lost only once nothing moves any more; before, the run did not settle."""
    told = Told()
    told.posts(*told.approved[1:]).tells("posted", *told.approved[1:])
    told.seen.settled = told.seen.quiet = False

    card = told.card()

    assert (wrong(card), card.exit) == ([], UNSETTLED)
    assert line(card, "step_calm").verdict == "unknown"


def test_who_posts_nothing_proves_nothing() -> None:
    """No line of the books holds where there are no books."""
    card = Told().card()

    assert card.exit == PROVED_NOTHING
    assert {one.verdict for one in card.lines if one.group == "the books"} == {"unknown"}


def test_a_fault_that_met_no_call_leaves_its_step_unknown() -> None:
    """A step whose misfortune never struck says nothing about it."""
    told = Told(steps.LOST, step=steps.LOST).posts().tells("posted")
    told.seen.cohorts[steps.LOST].struck.clear()

    assert line(told.card(), "step_lost_replies").verdict == "unknown"
    assert line(told.card(), "step_lost_replies").seen == "its fault met no call"


@pytest.mark.parametrize(
    ("after_ms", "verdict"), [(200, "held"), (1_000, "violated"), (2_800, "violated"), (2_900, "held"), (3_100, "held")]
)
def test_who_comes_before_the_time_ignores_retry_after(after_ms: int, verdict: str) -> None:
    """What was on the wire by then, and a timer that is a little early, are nobody's fault."""
    told = Told().posts().tells("posted")
    told.seen.calls.append(Heard("erp", "post", NOW_MS, NOW_MS + 5, 429, 3_000, ()))
    told.seen.calls.append(Heard("erp", "look_up", NOW_MS + after_ms, NOW_MS + after_ms + 5, 200, 0, ()))

    card = told.card()

    assert line(card, "retry_after").verdict == verdict
    assert card.exit == (MANNERS if verdict == "violated" else CLEAN)


def test_hammering_at_a_closed_door_is_no_manners() -> None:
    """A probe now and then is fair during maintenance, and a call each second is not."""
    told = Told().posts().tells("posted").calls(20)
    told.seen.away = (NOW_MS, NOW_MS + 6_000)
    fair = Told().posts().tells("posted").calls(5)
    fair.seen.away = (NOW_MS, NOW_MS + 6_000)

    assert line(told.card(), "maintenance").count == 7
    assert line(fair.card(), "maintenance").verdict == "violated"
    fair.seen.calls = fair.seen.calls[1:]
    assert line(fair.card(), "maintenance").verdict == "held"


def test_one_row_over_and_over_is_a_storm() -> None:
    """More attempts for one row than its faults explain are named with the row."""
    told = Told().posts().tells("posted").calls(9, rows=("TS-7 version 1 post",))

    card = told.card()

    assert line(card, "storms").verdict == "violated"
    assert line(card, "storms").example == "TS-7 version 1 post, 9 times"
    assert card.exit == MANNERS


def test_recovery_is_counted_from_the_end_of_the_misfortune() -> None:
    """What stands too long after it is late; what never came is no recovery at all."""
    told = Told(steps.AWAY, step=steps.AWAY).posts().tells("posted")
    told.seen.cohorts[steps.AWAY].healed_ms = NOW_MS - 2_000
    soon = line(told.card(), "recovery_maintenance")
    told.seen.cohorts[steps.AWAY].healed_ms = NOW_MS - 20_000
    late = told.card()

    assert (soon.verdict, soon.seen) == ("held", "2.0 s until all of them stood")
    assert line(late, "recovery_maintenance").verdict == "violated"
    assert late.exit == MANNERS


def test_junit_has_a_case_for_each_line() -> None:
    """What is violated is a failure with its example, what is unknown is skipped."""
    told = Told()
    _twice(told)
    card = told.card()

    suite = ElementTree.fromstring(junit(card))  # noqa: S314  # our own text

    assert len(suite.findall("testcase")) == len(card.lines)
    assert (suite.get("failures"), suite.get("skipped")) == ("2", "2")
    failure = suite.find("testcase[@name='doubles']/failure")
    assert failure is not None
    assert told.approved[0].entry_id in (failure.text or "")


def test_the_card_reads_well_on_a_narrow_terminal() -> None:
    """No line is wider than the terminal, and why something hurts stands under what is violated and nowhere else."""
    told = Told()
    _twice(told)
    card = told.card()
    written = io.StringIO()

    print_card(card, Console(file=written, width=100, highlight=False, no_color=True))
    said = written.getvalue()

    assert max(map(len, said.splitlines())) <= 100
    assert "VIOLATED  doubles" in said
    assert "A client pays an hour twice" in said
    assert "Revenue in the wrong month" not in said
    assert "The books are wrong: doubles." in said
