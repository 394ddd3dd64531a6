"""Rules of the mock PSA's list when something is wrong with it, and of its events in another form."""

from dataclasses import replace
from typing import Any

import pytest

from runtime.connectors.psa.generic import UndecodableEventError, read_event
from runtime.core.news import EntryApproved
from simulators.faults.bases import FaultData
from simulators.faults.moves import Form
from simulators.faults.reading import (
    ClearedField,
    EqualStamps,
    LateCommit,
    PageDrift,
    Readings,
    ShortPage,
    SourceClockBehind,
    UnbumpedStamp,
)
from simulators.faults.schema import FORMS as EVERY_FORM
from simulators.firm.model import LegalEntity
from simulators.people.acts import LineChanged, LineWithdrawn, SheetSubmitted
from simulators.systems.psa import Psa, Publication
from simulators.systems.psa_forms import FORMS
from simulators.systems.psa_profile import PsaProfile
from tests.simulators.systems.test_psa import ApprovedEvent, World, approved, clicked, decode, sheet

SURE = 1_000_000


class Troubled(World):
    """A PSA with these faults, and a sheet handed in."""

    def __init__(self, *faults: FaultData, lines: int = 3, **settings: Any) -> None:
        super().__init__(**settings)
        entity = LegalEntity("DE01", "EMEA", "DE", "EUR", "Europe/Berlin", "erp", "psa")
        asked = Readings(faults, 7, 1 << 62, lambda kind, what, at_ms: True)
        self.psa = Psa(PsaProfile(**settings), "psa", [entity], self.evidence, seed=7, readings=asked)
        self.week = sheet(lines)
        self.does(SheetSubmitted(10, self.week))

    def approve(self, at_ms: int = 20) -> list[Publication]:
        """Everything on the sheet is approved; returns what is pushed."""
        return self.does(clicked(at_ms, self.week))


def content(publication: Publication) -> ApprovedEvent:
    """An approval as it was pushed."""
    event = decode(publication.body)
    assert isinstance(event, ApprovedEvent)
    return event


def heads(world: World, since_ms: int = 0, now_ms: int = 1_000) -> list[tuple[str, int]]:
    """One read of the list at an instant, page by page."""
    found: list[tuple[str, int]] = []
    page = ""
    for _ in range(100):
        status, answer = world.asks("GET", f"/published?entity=DE01&since_ms={since_ms}&page={page}", now_ms=now_ms)
        assert status == 200
        found += [(entry_id, version) for entry_id, version in answer["heads"]]
        page = answer["next_page"]
        if not page:
            return found
    raise AssertionError("the list never ends")


def test_a_late_commit_is_approved_and_shows_only_later() -> None:
    """The evidence has the version at once; no event goes out, and the list has it after its delay, at its place."""
    world = Troubled(LateCommit(ppm=SURE, delay_ms_low=500, delay_ms_high=500))

    assert world.approve() == []
    assert world.evidence["DE01"].approved == 3
    assert heads(world, now_ms=519) == []
    assert heads(world, since_ms=20, now_ms=520) == [("S1-1", 1), ("S1-2", 1), ("S1-3", 1)]
    assert heads(world, since_ms=21, now_ms=520) == []


def test_a_version_that_keeps_an_old_stamp_is_behind_every_cursor() -> None:
    """A correction under the first approval's stamp is found by a full read alone."""
    world = Troubled(UnbumpedStamp(ppm=SURE), lines=1)
    assert [publication.version for publication in world.approve()] == [1]
    world.does(LineChanged(30, "DE01", "S1-1", quarter_hours=4))

    assert world.heads(approved(40, "S1-1")) == []
    assert heads(world, since_ms=21) == []
    assert heads(world) == [("S1-1", 1), ("S1-1", 2)]


def test_a_withdrawal_may_come_late_as_well() -> None:
    """A withdrawal is a version like any other, and the list shows it when it is committed."""
    world = Troubled(UnbumpedStamp(ppm=SURE), lines=1)
    world.approve()

    assert world.does(LineWithdrawn(50, "DE01", "S1-1", "cancelled")) == []
    assert heads(world) == [("S1-1", 1), ("S1-1", 2)]


def test_a_clock_that_is_behind_is_behind_in_the_list_alone() -> None:
    """The event goes out and says when it was decided; the list has the version under the older stamp."""
    world = Troubled(SourceClockBehind(ppm=SURE, behind_ms_low=15, behind_ms_high=15), lines=1)

    event = content(world.approve()[0])

    assert event.approval.decided_at_ms == 20
    assert heads(world, since_ms=6) == []
    assert heads(world, since_ms=5) == [("S1-1", 1)]


def test_every_row_is_read_through_short_pages_and_equal_stamps() -> None:
    """Whoever follows the tokens to the end has read everything, once."""
    world = Troubled(ShortPage(ppm=SURE), EqualStamps(ppm=500_000), lines=30, page_size=4)
    world.approve()

    found = heads(world)

    assert sorted(found) == sorted((f"S1-{number}", 1) for number in range(1, 31))
    assert len(world.evidence["DE01"].reads) > 8


def test_a_drifting_list_skips_rows_and_shows_others_twice_until_it_is_read_again() -> None:
    """The same pages asked for a second time are whole."""
    world = Troubled(PageDrift(ppm=SURE, rows_max=2), lines=30, page_size=4)
    world.approve()
    everything = {(f"S1-{number}", 1) for number in range(1, 31)}

    first = heads(world)
    seen = [set(heads(world)) for _ in range(4)]

    assert set(first) != everything or len(first) > 30
    assert everything in seen


def test_a_fetch_may_be_answered_in_part() -> None:
    """Fewer events come than were asked for; the next time all of them do."""
    world = Troubled(ShortPage(ppm=SURE), lines=9)
    world.approve()
    wanted = {"heads": [[f"S1-{number}", 1] for number in range(1, 10)]}

    assert 1 <= len(world.asks("POST", "/publish", wanted)[1]["events"]) < 9
    assert len(world.asks("POST", "/publish", wanted)[1]["events"]) == 9


def test_a_cleared_field_is_cleared_in_event_and_evidence() -> None:
    """A newer version says that there are no dimensions; a first version, or a line without any, has none to clear."""
    world = Troubled(ClearedField(ppm=SURE), lines=1)
    assert content(world.approve()[0]).entry.dimensions != ()

    event = content(world.does(approved(40, "S1-1"))[0])

    assert event.entry.dimensions == ()
    assert world.evidence["DE01"].versions["S1-1"][1].dimensions == ()


def test_a_bulk_edit_approves_many_lines_again_at_once() -> None:
    """Only approved lines are edited; re-coded, they have another first dimension; without events the list has them."""
    world = Troubled(lines=3)
    world.approve()
    world.does(LineWithdrawn(30, "DE01", "S1-3", "cancelled"))

    assert world.psa.edit_in_bulk("DE01", SURE, recoded=True, pushed=False, now_ms=50) == []
    versions = world.evidence["DE01"].versions
    assert [version.at_ms for version in (versions["S1-1"][1], versions["S1-2"][1])] == [50, 50]
    assert versions["S1-1"][1].dimensions[0].startswith("moved-")
    assert versions["S1-1"][1].dimensions[1:] == versions["S1-1"][0].dimensions[1:]
    assert heads(world, since_ms=50) == [("S1-1", 2), ("S1-2", 2)]
    ((entity, made),) = world.psa.edit_in_bulk("DE01", SURE, recoded=False, pushed=True, now_ms=60)
    assert (entity, [publication.version for publication in made]) == ("DE01", [3, 3])


def test_a_page_token_expires_where_the_profile_says_so() -> None:
    """A token is good for its life and then answered with 410; a read begun anew gets a good one."""
    world = Troubled(lines=3, page_size=2, page_token_life_ms=100)
    world.approve()
    page = world.asks("GET", "/published?entity=DE01&since_ms=0&page=", now_ms=1_000)[1]["next_page"]
    asked = f"/published?entity=DE01&since_ms=0&page={page}"

    assert world.asks("GET", asked, now_ms=1_100)[0] == 200
    assert world.asks("GET", asked, now_ms=1_101)[0] == 410


@pytest.mark.parametrize("form", EVERY_FORM)
def test_the_border_turns_every_form_away_and_takes_the_event_when_it_is_as_agreed(form: Form) -> None:
    """A form that nobody agreed on cannot be read, and is never guessed at; what came right is the same as ever."""
    world = Troubled(lines=1)
    before = World()
    before.does(SheetSubmitted(10, sheet(1)))
    agreed = before.does(clicked(20, sheet(1)))[0].body
    world.psa.drift(15, 30, form)

    pushed = world.approve()[0].body

    assert pushed == FORMS[form](agreed) != agreed
    with pytest.raises(UndecodableEventError):
        read_event(pushed)
    wanted = {"heads": [["S1-1", 1]]}
    during = world.asks("POST", "/publish", wanted, now_ms=29)[1]["events"][0]
    after = world.asks("POST", "/publish", wanted, now_ms=30)[1]["events"][0]
    assert during != after
    news = read_event(agreed)
    assert isinstance(news, EntryApproved)
    assert after["entry"]["quantity"] == str(news.entry.quantity)
    assert world.evidence["DE01"].sent_otherwise == {("S1-1", 1): [(20, form), (29, form), (30, "")]}


def test_forms_touch_the_field_and_no_text_that_looks_like_it() -> None:
    """A narrative that quotes a quantity stays as it was."""
    world = World()
    week = sheet(1)
    week.lines[0] = replace(week.lines[0], narrative='{"quantity":"7.25","unit":"hour"}')
    world.does(SheetSubmitted(10, week))
    body = world.does(clicked(20, week))[0].body

    for form in EVERY_FORM:
        changed = FORMS[form](body)
        assert changed.count(b'{\\"quantity\\":\\"7.25\\",\\"unit\\":\\"hour\\"}') == 1
        assert changed != body


def test_minutes_are_sixty_times_the_hours_and_a_comma_is_for_the_point() -> None:
    """7.25 hours are 435 minutes, or 7,25."""
    body = b'{"unit":"hour","quantity":"7.25"}'

    assert FORMS["minutes"](body) == b'{"unit":"minute","quantity":"435"}'
    assert FORMS["comma"](body) == b'{"unit":"hour","quantity":"7,25"}'
    assert FORMS["comma"](b'{"quantity":"8"}') == b'{"quantity":"8,00"}'
