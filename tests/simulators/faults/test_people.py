"""What people do to the runtime and behind its back: when it comes, what it does, and that it heals."""

import pytest
from pydantic import ValidationError

from scenarios.small import small_world
from simulators.faults.bases import FaultData
from simulators.faults.business import NOT_BUILT, ApprovalsTakenBack
from simulators.faults.letters import UnreadableEvents
from simulators.faults.moves import Configure, PausePartition, ResumePartition, WorkParked, strikes
from simulators.faults.operator import BackfillAgain, ParkedRowsWorked, PartitionPaused, WrongConfiguration
from simulators.faults.rows import StagedRejections
from simulators.faults.wall_time import Month
from simulators.firm.build import build_firm
from simulators.people.plan import plan_month
from simulators.run import not_held, simulate
from simulators.settings import HOUR_MS, WorldSettings
from simulators.world import Seen, World, last_ms

SEED = 1


def lived(*faults: FaultData, erp: str = "error_not_stored", **people: int) -> Seen:
    """A small month with these misfortunes, in which nothing is wrong at the end."""
    world = small_world(erp)
    world = world.model_copy(update={"faults": faults, "people": world.people.model_copy(update=people)})
    outcome = simulate(world, SEED)
    assert (not_held(outcome), outcome.unsettled) == ((), [])
    assert all(outcome.fired[fault.kind] for fault in faults)
    firm = build_firm(world.firm, SEED)
    acts = plan_month(firm, world.people, SEED)
    return World(world, SEED, firm, acts, [entity.code for entity in firm.entities]).run()


def month(settings: WorldSettings) -> Month:
    """The calendar of the small month."""
    firm = build_firm(settings.firm, SEED)
    return Month.of(firm, last_ms(firm, settings))


def test_a_pause_stops_postings_and_is_resumed() -> None:
    """o2: while a partition is paused nothing of it is posted, and afterwards everything is."""
    seen = lived(PartitionPaused(entities=("DE01",), day="last", at="14:00", lasts_ms=4 * HOUR_MS))
    evidence = seen.evidences["DE01"]
    (since_ms, until_ms), minute_ms = evidence.paused[0], 60_000
    assert until_ms - since_ms == 4 * HOUR_MS
    assert not [line for line in evidence.lines if since_ms + minute_ms < line.at_ms < until_ms]
    assert [line for line in evidence.lines if line.at_ms > until_ms]
    assert not seen.evidences["GB01"].paused


def test_a_backfill_delivers_the_past_again_and_changes_nothing() -> None:
    """o4: everything that was published comes a second time, and is old news."""
    seen, quiet = lived(BackfillAgain(day=34)), lived()
    assert [len(each.lines) for each in seen.evidences.values()] == [
        len(each.lines) for each in quiet.evidences.values()
    ]


def test_a_wrong_configuration_parks_and_a_person_sets_free() -> None:
    """o5: what was parked for data that nobody publishes goes on once the roll-back is retried."""
    seen = lived(WrongConfiguration(day="last", at="09:00", what="must_know", lasts_ms=12 * HOUR_MS))
    for evidence in seen.evidences.values():
        assert {park.reason for park in evidence.parks} == {"worker_unknown"}
        assert evidence.retried
        assert not [place for place in evidence.final if place.place == "parked"]


def test_parked_rows_are_retried_or_given_up_by_a_person() -> None:
    """L7: of rows that the import rejects for good some are posted after all, and some are waived, by name."""
    rejected = StagedRejections(ppm=300_000, reason="invalid")
    seen = lived(rejected, ParkedRowsWorked(older_than_ms=0, waived_ppm=300_000), erp="staging")
    waived = {place.entry_id for e in seen.evidences.values() for place in e.final if place.place == "waived"}
    retried = {entry for e in seen.evidences.values() for entry in e.retried}
    posted = {place.entry_id for e in seen.evidences.values() for place in e.final if place.place == "posted"}
    assert waived == {entry for e in seen.evidences.values() for entry in e.waived}
    assert waived
    assert retried & posted


def test_what_is_taken_back_is_reversed_and_posted_again() -> None:
    """b3: an approval that is taken back and given again is two versions, one reversal and one more line."""
    seen = lived(ApprovalsTakenBack(ppm=300_000, day=32, at="12:00", again_after_ms=2 * HOUR_MS), correction_ppm=0)
    for evidence in seen.evidences.values():
        again = [v for v in evidence.versions.values() if len(v) >= 3 and v[1].withdrawn and not v[2].withdrawn]
        assert again
        reversed_ = {line.entry_id for line in evidence.lines if line.leg == "reverse"}
        assert any(versions[0].entry_id in reversed_ for versions in again)


def test_dead_letters_are_replayed_in_any_order_and_more_than_once() -> None:
    """b15, o1: what came unreadable is mended and replayed; each letter is counted once."""
    fault = UnreadableEvents(ppm=300_000, replayed_ms_high=12 * HOUR_MS, replays_most=3)
    seen = lived(fault)
    struck = seen.fired[fault.kind]
    assert seen.dead_letters == struck > 20
    delays = [fault.replays("DE01", f"E{n}", 1, SEED) for n in range(50)]
    assert {len(some) for some in delays} == {1, 2, 3}
    assert all(fault.replayed_ms_low <= ms <= fault.replayed_ms_high for some in delays for ms in some)


def test_a_letter_cannot_be_replayed_before_itself() -> None:
    """A range is written from low to high."""
    with pytest.raises(ValidationError):
        UnreadableEvents(ppm=1, replayed_ms_low=2, replayed_ms_high=1)


def test_every_move_of_people_heals_before_the_end() -> None:
    """A pause has its resume, a deployment its roll-back and its retries, and nobody retries on the last day."""
    world = small_world()
    whole = month(world)
    for fault in (PartitionPaused(), WrongConfiguration()):
        moves = fault.schedule(whole, SEED)
        onsets = [move for move in moves if strikes(move)]
        heals = [move for move in moves if not strikes(move)]
        assert all(isinstance(move, PausePartition | Configure) for move in onsets)
        assert all(isinstance(move, ResumePartition | Configure | WorkParked) for move in heals)
        assert len({move.entity for move in onsets}) == len(onsets) == 2
        assert all(move.at_ms < whole.end_ms for move in heals)
    sweeps = ParkedRowsWorked().schedule(whole, SEED)
    assert len(sweeps) > 20
    assert max(move.at_ms for move in sweeps) < whole.end_ms - 24 * HOUR_MS


def test_what_is_not_built_says_why() -> None:
    """Faults without a ground are listed with a reason each, and none of them is a kind."""
    assert set(NOT_BUILT) == {"b4", "b6", "b7", "b8", "b9", "b10", "b11", "o6"}
    assert all(len(why) > 20 for why in NOT_BUILT.values())
