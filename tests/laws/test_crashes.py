"""A process that dies next to something durable, or beside a call: the books end as if it had not.

`scripts/prove.py crashes` strikes everything; here every so many of the list, and one small month whole.
"""

from collections import Counter
from itertools import islice

import pytest

from scenarios.books import TAKES_BACK
from scenarios.crashes import (
    KINDS,
    SIDES,
    Crash,
    Death,
    crash_by_turn,
    ending_of,
    every_crash,
    every_pair,
    first_deaths,
    pairs_after,
    strike,
    undisturbed,
)
from scenarios.golden import GOLDENS, Golden
from simulators.faults.process import STEPS
from simulators.plants.catalogue import PLANTS
from simulators.plants.plant import planting
from simulators.settings import RuntimeSettings
from simulators.systems.profiles.generic import GENERIC

EVERY = 97
"""Of the single crashes of a month one in so many: no multiple of the four sides and steps, so that each comes up."""
EVERY_PAIR = 67
TINY = [golden for golden in GOLDENS.values() if golden.tiny]
MONTHS = pytest.mark.parametrize("golden", GOLDENS.values(), ids=GOLDENS)


def test_the_golden_months_are_of_many_manners() -> None:
    """Every generic profile is walked once at least, and some months are big enough to be busy, some have pairs."""
    assert {golden.world.erp.name for golden in GOLDENS.values()} == set(GENERIC)
    assert sum(len(undisturbed(name).books.standing) > 40 for name in GOLDENS) > 5
    assert len(TINY) == 2


def differing(crashes: list[Crash]) -> list[str]:
    """What any of these crashes does to the books."""
    assert crashes
    return [f"{crash}: {struck.said}" for crash in crashes if (struck := strike(crash)).said]


@MONTHS
def test_a_golden_month_is_clean_and_walks_what_it_says(golden: Golden) -> None:
    """Undisturbed it holds every invariant and settles, and it has to lose what it was made for."""
    quiet = undisturbed(golden.name)
    assert (quiet.wrong, quiet.deaths, quiet.torn) == ((), 0, 0)
    assert [step for step in golden.walks if not quiet.records.get(step)] == []
    assert min(quiet.boundaries.values()) > 20
    assert len(quiet.books.standing) > 2
    assert {place for _, _, _, place, _, _ in quiet.books.places} <= {"posted", "superseded", "excluded"}


@MONTHS
def test_some_of_every_crash_leave_the_same_books(golden: Golden) -> None:
    """Places, standing lines, money and what the PSA was told do not depend on where a process died."""
    assert differing(list(every_crash(golden))[::EVERY]) == []


def test_every_crash_of_a_small_month_leaves_the_same_books() -> None:
    """At no boundary and beside no call of one person's month does a death, or a second in recovery, show."""
    assert differing(list(every_crash(GOLDENS["alone"]))) == []


@pytest.mark.parametrize("golden", TINY, ids=[golden.name for golden in TINY])
def test_some_of_every_pair_leave_the_same_books(golden: Golden) -> None:
    """Two deaths, in one entity or in two that share accounts, are survived as one is."""
    firsts = first_deaths(golden)[:: EVERY_PAIR // 7]
    assert differing([crash for first in firsts for crash in pairs_after(golden, first)[::EVERY_PAIR]]) == []


@MONTHS
def test_the_list_leaves_nothing_out(golden: Golden) -> None:
    """Every boundary on each side and again in recovery, every call at each step, and each of them once."""
    quiet = undisturbed(golden.name)
    crashes = list(every_crash(golden))
    boundaries, calls = sum(quiet.boundaries.values()), sum(quiet.calls.values())
    expected = {kind: calls if kind in STEPS else boundaries for kind in KINDS if kind != "pair"}
    assert Counter(crash.kind for crash in crashes) == expected
    assert len({str(crash) for crash in crashes}) == len(crashes)


def test_pairs_are_all_there_and_reach_into_recovery() -> None:
    """Every two boundaries, on every choice of sides, each once; and those that only the first death brought about."""
    golden = GOLDENS["alone"]
    ((entity, last),) = undisturbed("alone").boundaries.items()
    crashes = list(every_pair(golden))
    pairs = {crash.deaths for crash in crashes}
    assert len(pairs) == len(crashes)
    assert pairs >= {
        (Death(entity, one, i), Death(entity, other, j))
        for i in range(1, last + 1)
        for j in range(i + 1, last + 1)
        for one in SIDES
        for other in SIDES
    }
    assert max(second.number for _, second in pairs) > last, "a recovery makes something durable too"
    both = {
        (first.entity, second.entity)
        for first in first_deaths(GOLDENS["two"])[::30]
        for second in (pair.deaths[1] for pair in pairs_after(GOLDENS["two"], first))
    }
    assert len(both) == 3, "each with itself, and the first with the second"


def test_a_crash_is_written_so_that_it_can_be_read() -> None:
    """The text that a failure prints names the same crash again, and anything else is refused by what is wrong."""
    for crash in islice(every_pair(GOLDENS["two"]), 0, 200, 17):
        assert Crash.told(str(crash)) == crash
    for crash in list(every_crash(GOLDENS["alone"]))[::7]:
        assert Crash.told(str(crash)).deaths == crash.deaths
    for text in ("alone", "alone:DE01/after", "alone:DE01/beside/3", "alone:DE01/after/0", "nobody:DE01/after/3"):
        with pytest.raises(ValueError, match=text):
            Crash.told(text)


@pytest.mark.parametrize("plant", ["acknowledged_before_durable", "no_outbox", "stand_by_reads_whole_pages"])
def test_a_bug_that_only_a_crash_brings_out_is_found(plant: str) -> None:
    """What is acknowledged too early, never sent or recovered from an old page differs after some crash of the list."""
    golden = GOLDENS["alone"]
    crashes = list(every_crash(golden))
    with planting(PLANTS[plant]) as planted:
        assert ending_of(golden).wrong == (), "undisturbed nobody would notice"
        found = next((struck for crash in crashes if (struck := strike(crash)).said), None)
    assert planted.reached > 0
    assert found is not None


def test_a_torn_tail_is_really_there() -> None:
    """A death in the middle of a frame leaves half of it on the disk, and one beside it does not."""
    torn = [ending_of(GOLDENS["alone"], Death("DE01", "torn", number)).torn for number in range(1, 30)]
    assert set(torn) == {0, 1}, "a checkpoint is written whole or not at all"
    assert torn.count(1) > 10
    assert ending_of(GOLDENS["alone"], Death("DE01", "before", 5)).torn == 0


def test_a_call_that_was_sent_lands_and_one_that_was_not_does_not() -> None:
    """Death before a post leaves sends it again; death while it is on the wire, or later, finds it in the ledger."""
    records = {step: ending_of(GOLDENS["alone"], Death("DE01", step, 1)).records for step in STEPS}
    missing = {step for step, made in records.items() if made.get("RowsFoundMissing")}
    assert missing == {"leaving", "checked"}
    assert all(made["RowsDoubted"] == 1 for made in records.values())


def test_a_crash_that_does_not_strike_proves_nothing() -> None:
    """A boundary that is never reached, or a call that is never made, is told, not counted as survived."""
    quiet = undisturbed("alone")
    for place, last in (("after", quiet.boundaries["DE01"]), ("sent", quiet.calls["DE01"])):
        beyond = Crash("alone", place, (Death("DE01", place, last + 1),))
        assert strike(beyond).said == "the process died 0 times, not 1"


def test_what_is_written_for_the_auditors_is_no_boundary() -> None:
    """Reading the books at the end kills nobody: once the boundary after the last one ended the whole run."""
    golden = GOLDENS["every_step"]
    last = undisturbed("every_step").boundaries["GB01"]
    for number in (last, last + 1):
        assert ending_of(golden, Death("GB01", "after", number)).wrong == ()


def test_books_that_differ_are_told_apart() -> None:
    """The comparison names the first line that differs, so that equal books mean something."""
    quiet = undisturbed("every_step")
    other = ending_of(GOLDENS["every_step"], seed=2)
    assert quiet.books.difference(quiet.books) == ""
    assert quiet.books.difference(other.books).startswith("places: ('DE01', 'psa:")


def test_a_word_that_takes_an_earlier_one_back_is_no_difference() -> None:
    """An entry that was taken back before the PSA heard that it stood is not told of: the books say the same."""
    quick = Death("DE01", "before", 101)
    struck = strike(Crash("hasty", "before", (quick,)))
    assert (struck.said, {status for *_, status in undisturbed("hasty").books.told} & TAKES_BACK) == ("", set())


def test_the_swarm_takes_the_crashes_of_all_months_by_turns() -> None:
    """Within some hundred turns every golden month comes up, and every kind of crash, and no turn twice."""
    turns = 20 * len(GOLDENS)
    crashes = [crash_by_turn(turn) for turn in range(turns)]
    assert Counter(crash.golden for crash in crashes) == dict.fromkeys(GOLDENS, 20)
    assert {crash.kind for crash in crashes} == set(KINDS)
    assert len(set(crashes)) == len(crashes)


def test_checkpoints_change_no_books() -> None:
    """How often the journal is checkpointed, and entries let go of, changes no line of the books."""
    golden, quiet = GOLDENS["every_step"], undisturbed("every_step")
    boundaries = []
    for every in (1, 4_096):
        run = RuntimeSettings.model_validate({**golden.world.runtime.model_dump(), "checkpoint_every": every})
        ending = ending_of(golden, runtime=run)
        assert (ending.wrong, quiet.books.difference(ending.books)) == ((), "")
        boundaries.append(ending.boundaries["GB01"])
    assert boundaries[0] > quiet.boundaries["GB01"] > boundaries[1], "a checkpoint is a boundary"
