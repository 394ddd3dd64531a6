"""The smaller stories: each is sound data, keeps its promises, can miss them, and really tells what it says."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import pytest

from runtime.core.model import Correction, Posting, TimeEntry, Valuation
from runtime.core.policy import Policy
from scenarios.judge import judge
from scenarios.model import Scenario
from scenarios.named import (
    late_corrections,
    locked_out_on_the_31st,
    manual_journal_beside_feed,
    quiet_week,
    soft_close_reopen,
    split_week,
)
from scenarios.report.model import Report
from simulators.evidence import AccountEvidence, Evidence, LedgerLine
from simulators.firm.build import build_firm
from simulators.people.plan import plan_month
from simulators.run import simulate
from simulators.settings import WorldSettings
from simulators.systems.erp_profile import Quota
from simulators.virtual_time import Band
from simulators.world import World, components

STORIES = {
    module.SCENARIO.name: module.SCENARIO
    for module in (
        quiet_week,
        late_corrections,
        split_week,
        soft_close_reopen,
        manual_journal_beside_feed,
        locked_out_on_the_31st,
    )
}
TARGETS = {"p50_s", "p95_s", "p99_s", "in_ledger_ppm", "oldest_in_doubt_s", "oldest_staged_s", "drain_s"}
MARCH, APRIL = "2026-03", "2026-04"

each_story = pytest.mark.parametrize("name", STORIES)


@dataclass
class Told:
    """What a story left behind, seen from outside."""

    evidences: dict[str, Evidence]
    accounts: dict[str, AccountEvidence]
    bands: list[Band]
    fired: Counter[str]

    def lines(self, entity: str = "") -> list[LedgerLine]:
        return [line for code, seen in self.evidences.items() if entity in ("", code) for line in seen.lines]


@cache
def told(name: str, seed: int = 1, recompose: Callable[[Policy], Policy] | None = None) -> Told:
    settings = STORIES[name].world
    firm = build_firm(settings.firm, seed)
    whole = Told({}, {}, [], Counter())
    for codes in components(firm):
        acts = plan_month(firm, settings.people, seed, codes)
        seen = World(settings, seed, firm, acts, codes, recompose).run()
        whole.evidences.update(seen.evidences)
        whole.accounts.update(seen.accounts)
        whole.bands += seen.bands
        whole.fired.update(seen.fired)
    return whole


def judged(scenario: Scenario, world: WorldSettings, seed: int) -> Report:
    return judge(scenario, simulate(world, seed))


def half_the_quota(world: WorldSettings) -> WorldSettings:
    assert world.erp.quota is not None
    quota = Quota(calls=world.erp.quota.calls // 2, window_ms=world.erp.quota.window_ms)
    return world.model_copy(update={"erp": world.erp.model_copy(update={"quota": quota})})


def three_times_the_volume(world: WorldSettings) -> WorldSettings:
    return world.model_copy(update={"people": world.people.model_copy(update={"volume_percent": 300})})


# ------------------------------------------------------------------ every one of them


@each_story
def test_a_scenario_is_data(name: str):
    """A scenario written as JSON and read again is the same scenario, validated field by field."""
    scenario = STORIES[name]

    assert Scenario.model_validate_json(scenario.model_dump_json()) == scenario


@each_story
def test_every_promise_shows_its_arithmetic(name: str):
    """Each target has a sum of at least two numbers behind it, and nothing else has."""
    why = STORIES[name].slas.why

    assert set(why) == TARGETS
    for target, text in why.items():
        numbers = [word for word in text.split() if any(letter.isdigit() for letter in word)]
        assert len(numbers) >= 2, f"{target}: {text}"


@each_story
def test_promises_hold(name: str):
    """Every invariant and every SLA holds, and what the scenario is about really struck."""
    report = judged(STORIES[name], STORIES[name].world, seed=1)

    assert report.verdict.exit == 0, report.verdict.sentence


@pytest.mark.parametrize("name", ["quiet_week", "late_corrections"])
@pytest.mark.parametrize("strain", [half_the_quota, three_times_the_volume])
@pytest.mark.parametrize("seed", [1, 2])
def test_promises_can_be_missed(name: str, strain: Callable[[WorldSettings], WorldSettings], seed: int):
    """Half the quota or three times the volume misses an SLA, and breaks no invariant."""
    report = judged(STORIES[name], strain(STORIES[name].world), seed)

    assert report.verdict.exit == 1, report.verdict.sentence


# ------------------------------------------------------------------ late_corrections

_SEEN: set[Correction] = set()


def _noting_corrections(policy: Policy) -> Policy:
    inner = policy.classify

    def classify(standing: Posting, entry: TimeEntry, valuation: Valuation) -> Correction:
        found = inner(standing, entry, valuation)
        _SEEN.add(found)
        return found

    return replace(policy, classify=classify)


def test_late_corrections_are_of_every_class():
    """After posting come corrections of narrative, dimension, quantity, rate and project, and approvals of the same."""
    told("late_corrections", recompose=_noting_corrections)

    assert set(Correction) == _SEEN


def test_late_corrections_reach_the_next_open_period():
    """What is corrected after the gate has shut has both legs in April, on one date, each with the reason."""
    pairs = 0
    for entity, evidence in told("late_corrections").evidences.items():
        shut_ms = max(p.at_ms for p in evidence.periods if (p.module, p.name, p.gate) == ("time", MARCH, "shut"))
        by_entry: dict[str, list[LedgerLine]] = {}
        for line in evidence.lines:
            by_entry.setdefault(line.entry_id, []).append(line)
        for lines in by_entry.values():
            if len(lines) != 3 or lines[0].at_ms > shut_ms or lines[1].period != APRIL:
                continue
            first, back, anew = lines
            assert (first.period, first.leg, back.leg, anew.leg) == (MARCH, "post", "reverse", "post"), entity
            assert back.accounting_date == anew.accounting_date
            assert back.adjusts
            assert anew.adjusts
            pairs += 1
    assert pairs > 20


# ------------------------------------------------------------------ split_week


def test_a_split_week_lies_in_two_periods():
    """Rows of one sheet stand in March and in April, each on its work date, and many sheets were approved in parts."""
    periods: dict[str, set[str]] = {}
    approved: dict[str, set[int]] = {}
    for evidence in told("split_week").evidences.values():
        for line in evidence.lines:
            assert f"{line.work_date:%Y-%m}" == line.period
            periods.setdefault(line.entry_id.rpartition(":")[0], set()).add(line.period)
        for entry_id, versions in evidence.versions.items():
            approved.setdefault(entry_id.rpartition(":")[0], set()).add(versions[0].at_ms)
    split = [sheet for sheet, found in periods.items() if found == {MARCH, APRIL}]

    assert len(split) > 50
    assert sum(len(approved[sheet]) > 1 for sheet in split) > 30


def test_a_split_week_waits_for_april_only_where_it_must():
    """Rows of April that were approved in March park until it opens, and nothing else parks."""
    evidences = told("split_week").evidences.values()
    parks = [park for evidence in evidences for park in evidence.parks]

    assert {park.reason for park in parks} == {"period_not_yet_open"}
    for evidence in evidences:
        for park in evidence.parks:
            assert evidence.versions[park.entry_id][0].work_date.month == 4
    assert len(parks) > 50


# ------------------------------------------------------------------ soft_close_reopen


def _march(evidence: Evidence, module: str) -> list[tuple[int, str, str]]:
    return [(p.at_ms, p.status, p.gate) for p in evidence.periods if (p.module, p.name) == (module, MARCH)]


def test_a_soft_close_moves_rows_and_a_reopening_brings_them_home():
    """With the gate shut lines say that they were moved; after it opened again there are lines of both kinds."""
    evidence = told("soft_close_reopen").evidences["DE01"]
    _, (shut_ms, _, _), (opened_ms, _, _), (shut_again_ms, _, _) = _march(evidence, "time")
    march_work = [line for line in evidence.lines if line.work_date.month == 3]

    def between(from_ms: int, until_ms: int) -> Counter[bool]:
        return Counter(bool(line.adjusts) for line in march_work if from_ms <= line.at_ms < until_ms)

    assert not between(0, shut_ms)[True]
    assert between(shut_ms, opened_ms)[True] > 10
    reopened, after = between(opened_ms, shut_again_ms), between(shut_again_ms, 1 << 62)
    assert reopened[False] > 10
    assert after[True] > 100
    assert after[False], "rows were in flight when the gate shut again"


def test_a_period_closed_behind_our_back_is_found_out_by_a_few_refusals():
    """The other entity's ERP refuses some rows as closed; they go on, and nobody is asked about each of them."""
    evidence = told("soft_close_reopen").evidences["GB01"]
    refused = [entry_id for entry_id, reasons in evidence.refused_rows.items() if "period_closed" in reasons]

    assert [status for _, status, _ in _march(evidence, "time")] == ["open", "closed", "open"]
    assert 1 <= len(refused) <= 16
    assert {line.period for line in evidence.lines if line.adjusts} == {APRIL}
    assert not evidence.parks


def test_the_general_ledger_closes_apart():
    """A closed general ledger keeps no time out of March."""
    for evidence in told("soft_close_reopen").evidences.values():
        closed_ms = max(at_ms for at_ms, status, _ in _march(evidence, "gl") if status == "closed")

        assert sum(line.at_ms > closed_ms and line.period == MARCH for line in evidence.lines) > 100


# ------------------------------------------------------------------ manual_journal_beside_feed


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_finance_posts_by_hand_is_not_billed_again(seed: int):
    """Lines by hand exist, the feed adds no line to them, and a later correction of one waits for a person."""
    seen = told("manual_journal_beside_feed", seed)
    by_hand = {line.entry_id for line in seen.lines() if line.by_hand}
    fed = {line.entry_id for line in seen.lines() if not line.by_hand}
    parked = {park.entry_id for e in seen.evidences.values() for park in e.parks if park.reason == "standing_by_hand"}

    assert len(by_hand) == seen.fired["manual_journal"] > 10
    assert not by_hand & fed
    assert parked <= by_hand


def test_the_feed_takes_the_lines_of_finance_for_its_own():
    """Every entry posted by hand ends as posted, or superseded by a version that a person must see to."""
    for evidence in told("manual_journal_beside_feed").evidences.values():
        by_hand = {line.entry_id: line.version for line in evidence.lines if line.by_hand}
        places = {(final.entry_id, final.version): final.place for final in evidence.final}
        ended = Counter(places[entry_id, version] for entry_id, version in by_hand.items())

        assert set(ended) <= {"posted", "superseded"}
        assert ended["posted"] > ended["superseded"]


# ------------------------------------------------------------------ locked_out_on_the_31st

_LOGIN = ("logged_out", "locked_out")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_login_is_one_incident_of_its_account(seed: int):
    """Each ERP account has one time of trouble over the whole run, whatever it is called, and nothing parks for it."""
    seen = told("locked_out_on_the_31st", seed)
    for account in ("erp-amer-1", "erp-emea-1"):
        evidence = seen.accounts[account]
        spans: list[list[int]] = []
        for band in seen.bands:
            if band.account != account or band.mode not in _LOGIN or band.until_ms - band.from_ms < 60_000:
                continue
            if spans and spans[-1][1] == band.from_ms:
                spans[-1][1] = band.until_ms
            else:
                spans.append([band.from_ms, band.until_ms])
        turned_away = sum(call.outcome in ("login", "locked_out") for call in evidence.calls)

        assert len(spans) == 1, account
        assert spans[0][1] - spans[0][0] > 90 * 60_000
        assert turned_away < 25
    assert not [park for evidence in seen.evidences.values() for park in evidence.parks]
