"""The firm of a live run: what it publishes is true, and its audit finds what is not."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from runtime.connectors.psa.generic import read_event
from runtime.core.news import EntryApproved
from runtime.ports import Request
from simulators.live import LiveFirm, audit
from tests.simulators.a_feed import NOW_MS, Feed, a_firm, a_world

BREACHES = ("lost", "double", "wrong_amount", "wrong_period", "wrong_order", "invented", "changed_rows")


def breaches(firm: LiveFirm) -> dict[str, int]:
    """What the audit found, without the zeroes."""
    told = firm.audit()
    return {name: told[name] for name in BREACHES if told[name]}


def test_entries_corrections_and_withdrawals_carried_exactly_leave_nothing_to_find() -> None:
    """Whoever posts what the source approved, and reverses what it took back, is cleared by the audit."""
    firm = a_firm()
    feed = Feed(firm)
    versions = list(firm.approved(400, NOW_MS, corrections_ppm=150_000, withdrawals_ppm=50_000))

    for one in versions:
        feed.carry(one)
    told = firm.audit()

    assert {one.version for one in versions} == {1, 2}
    assert sum(one.version == 1 for one in versions) == told["entries"] == 400
    assert any(b"withdrawn" in one.body for one in versions)
    assert {name: told[name] for name in (*BREACHES, "unsettled", "held")} == {
        **dict.fromkeys(BREACHES, 0),
        "unsettled": 0,
        "held": True,
    }
    assert 300 < told["expected"] == told["standing"] < 400


def _posts_twice(feed: Feed, firm: LiveFirm) -> None:
    one = next(firm.approved(1, NOW_MS))
    [posting] = feed.postings(one)
    feed.post(posting)
    feed.post(replace(posting, key=posting.key + "/again"))


def _posts_a_cent_more(feed: Feed, firm: LiveFirm) -> None:
    [posting] = feed.postings(next(firm.approved(1, NOW_MS)))
    feed.post(replace(posting, bill_minor=posting.bill_minor + 1))


def _invents(feed: Feed, firm: LiveFirm) -> None:
    one = next(firm.approved(1, NOW_MS))
    [posting] = feed.postings(one)
    feed.post(posting)
    feed.post(replace(posting, entry_id="NOBODY-1", key="nobody"))


@pytest.mark.parametrize(
    ("mistake", "found"),
    [(_posts_twice, "double"), (_posts_a_cent_more, "wrong_amount"), (_invents, "invented")],
)
def test_a_mistake_in_the_ledger_is_found(mistake: Callable[[Feed, LiveFirm], None], found: str) -> None:
    """What stands twice, for another amount or without approval is counted under its name."""
    firm = a_firm()
    mistake(Feed(firm), firm)

    assert breaches(firm)[found] >= 1
    assert firm.audit()["examples"]


def test_what_does_not_stand_is_lost_unless_the_runtime_says_where_it_is() -> None:
    """Parked versions are given up, those in doubt are unsettled, and of whatever nobody speaks is lost."""
    firm = a_firm()
    first, second, third = firm.approved(3, NOW_MS)
    places = {
        first.entity: [
            (first.entry_id, 1, "parked", "rate_gap"),
            (second.entry_id, 1, "in_doubt", ""),
        ]
    }
    assert first.entity == second.entity == third.entity

    told = firm.audit(places)

    assert breaches(firm) == {"lost": 3}
    assert (told["lost"], told["given_up"], told["unsettled"], told["held"]) == (1, 1, 1, False)


def test_the_evidence_can_be_audited_in_another_process() -> None:
    """What is written down as JSON leads to the same verdict as what is in memory."""
    firm = a_firm()
    feed = Feed(firm)
    for number, one in enumerate(firm.approved(60, NOW_MS, corrections_ppm=200_000)):
        if number != 7:
            feed.carry(one)

    assert audit(firm.evidence()) == firm.audit()
    assert firm.audit()["lost"] == 1


def test_entries_take_turns_and_lie_in_the_open_month() -> None:
    """A burst is spread over all entities, on working days of the month whose books are open."""
    firm = a_firm()
    entries = [read_event(one.body) for one in firm.approved(200, NOW_MS)]

    homes = [news.entry.home_entity for news in entries if isinstance(news, EntryApproved)]
    days = {news.entry.work_date for news in entries if isinstance(news, EntryApproved)}
    assert {code: homes.count(code) for code in firm.by_code} == {"DE01": 100, "GB01": 100}
    assert all(firm.firm.month_first <= day <= firm.firm.month_last and day.weekday() < 5 for day in days)
    assert len(days) > 10


def test_the_source_lists_and_publishes_again_what_it_approved() -> None:
    """A recount of the mock PSA finds every version, and publishes it again byte for byte."""
    firm = a_firm()
    made = [one for one in firm.approved(30, NOW_MS, corrections_ppm=300_000) if one.entity == "DE01"]
    psa = firm.psas[firm.by_code["DE01"].psa_account]

    listed = psa.answer(Request("GET", "/published?entity=DE01&since_ms=0&page=", {}, b""), NOW_MS)
    heads = json.loads(listed.response.body)["heads"]
    again = psa.answer(Request("POST", "/publish", {}, json.dumps({"heads": heads}).encode()), NOW_MS)

    assert sorted(map(tuple, heads)) == sorted((one.entry_id, one.version) for one in made)
    assert sorted(json.dumps(event) for event in json.loads(again.response.body)["events"]) == sorted(
        json.dumps(json.loads(one.body)) for one in made
    )


def test_a_withdrawal_says_whose_entry_it_is() -> None:
    """A gateway finds the partition of a withdrawal in the event itself."""
    firm = a_firm()
    events = [json.loads(one.body) for one in firm.approved(100, NOW_MS, withdrawals_ppm=200_000)]
    withdrawn = [event for event in events if event["type"] == "time_entry.withdrawn"]

    assert withdrawn
    assert all(event["entry_id"].startswith(event["entity"]) for event in withdrawn)


def test_reference_data_names_everything_an_entry_needs() -> None:
    """Project, worker, assignment and period of every approved entry were published before it."""
    firm = a_firm()
    told: dict[str, set[str]] = {}
    for body in firm.reference_events():
        event = json.loads(body)
        for listing, name in (("projects", "project"), ("workers", "worker"), ("assignments", "assignment_id")):
            told.setdefault(name, set()).update(one[name] for one in event.get(listing, ()))
        told.setdefault("open", set()).update(
            one["name"] for one in event.get("periods", ()) if one["status"] == one["gate"] == "open"
        )

    for one in firm.approved(50, NOW_MS):
        entry = json.loads(one.body)["entry"]
        assert entry["project"] in told["project"]
        assert entry["worker"] in told["worker"]
        assert entry["assignment"] in told["assignment_id"]
        assert entry["work_date"][:7] in told["open"]


def test_prices_are_known_from_the_beginning() -> None:
    """However early the clock stands, what the scenario publishes is known by the first approval."""
    firm = LiveFirm(a_world(), 1, 1_000)
    feed = Feed(firm)

    for one in firm.approved(20, 1_000):
        feed.carry(one)

    assert firm.audit()["held"]


def test_a_period_is_moved_in_the_ledger_and_told_as_an_event() -> None:
    """Closing the month refuses its rows from then on, and the event carries the next version."""
    firm = a_firm()
    feed = Feed(firm)
    [posting] = feed.postings(next(firm.approved(1, NOW_MS)))

    event = json.loads(firm.move_period("DE01", "2026-03", "closed", "", NOW_MS))
    reply = firm.erps["erp-emea-1"].answer(feed.request(posting), NOW_MS)

    assert [(one["status"], one["gate"], one["version"]) for one in event["periods"]] == [("closed", "open", 2)]
    assert json.loads(reply.response.body)["rows"][0]["reason"] == "period_closed"
    with pytest.raises(KeyError):
        firm.move_period("DE01", "1999-01", "closed", "", NOW_MS)
    with pytest.raises(ValueError, match="ajar"):
        firm.move_period("DE01", "2026-03", "ajar", "", NOW_MS)


def _an_event(firm: LiveFirm, **changed: object) -> bytes:
    event = json.loads(firm.example("DE01", 5, NOW_MS))
    event["entry"] |= {"entry_id": "MINE-1", "sheet": "MINE", **changed}
    return json.dumps(event).encode()


def test_what_somebody_made_up_is_approved_at_the_source() -> None:
    """An event that the source was told of counts as approved, in its versions and down to its withdrawal."""
    firm = a_firm()
    withdrawal = {"type": "time_entry.withdrawn", "entry_id": "MINE-1", "version": 3, "reason": "deleted", "at_ms": 1}

    told = [
        firm.hear(_an_event(firm), NOW_MS),
        firm.hear(_an_event(firm, version=2, quantity="3.25"), NOW_MS),
        firm.hear(json.dumps(withdrawal).encode(), NOW_MS),
    ]

    assert told == ["", "", ""]
    versions = firm.evidences["DE01"].versions["MINE-1"]
    assert [(one.version, one.quarter_hours, one.withdrawn) for one in versions] == [
        (1, 30, False),
        (2, 13, False),
        (3, 13, True),
    ]


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"version": 2}, "its next version is 1"),
        ({"home_entity": "XX99"}, "no entity XX99"),
        ({"assignment": "nobody"}, "no assignment nobody"),
        ({"quantity": "1.1"}, "quarters of an hour"),
        ({"unit": "day"}, "quarters of an hour"),
    ],
)
def test_what_nobody_can_have_approved_is_refused(changed: dict[str, object], why: str) -> None:
    """An event that does not fit the firm is not evidence, and its sender hears why."""
    firm = a_firm()

    assert why in firm.hear(_an_event(firm, **changed), NOW_MS)
    assert "MINE-1" not in firm.evidences["DE01"].versions


def test_an_example_is_approved_once() -> None:
    """Asking for an example again gives the same event, and no second approval."""
    firm = a_firm()

    assert firm.example("DE01", 1, NOW_MS) == firm.example("DE01", 1, NOW_MS + 5)
    assert firm.example("DE01", 2, NOW_MS + 6) != firm.example("DE01", 1, NOW_MS + 7)
    assert firm.evidences["DE01"].approved == 2


def test_a_late_project_is_known_to_nobody_before_it_is_set_up() -> None:
    """The ERP refuses its rows and no event names it; then both know it, and the reference data tells of it."""
    known = a_firm().firm.assignments[0].project
    firm = LiveFirm(a_world(), 1, NOW_MS, late_projects=lambda firm: (known,))
    feed = Feed(firm)
    one = next(firm.approved(1, NOW_MS))
    [posting] = feed.postings(one)

    before = b"".join(firm.reference_events())
    with pytest.raises(AssertionError, match="unknown_project"):
        feed.post(posting)
    refused = firm.evidences[one.entity].refused_rows
    told = firm.set_up(known)
    feed.post(posting)

    assert posting.project == known
    assert (known.encode() + b'","entity') not in before
    assert refused == {one.entry_id: {"unknown_project"}}
    assert json.loads(told)["projects"][0]["project"] == known
    assert firm.reference_events()[-1] == told
    assert len(firm.evidences[one.entity].lines) == 1
    with pytest.raises(KeyError):
        firm.set_up(known)


def test_another_price_list_prices_what_is_approved() -> None:
    """What is published and what the audit asks for are the prices that were given."""
    dearer = LiveFirm(
        a_world(), 1, NOW_MS, reprice=lambda firm: [replace(one, rate=one.rate * 2) for one in firm.rates]
    )
    plain = a_firm()
    for firm in (plain, dearer):
        feed = Feed(firm)
        for one in firm.approved(20, NOW_MS):
            feed.carry(one)

    billed = [sum(line.bill_minor for line in firm.evidences["DE01"].lines) for firm in (plain, dearer)]

    assert billed[1] >= 2 * billed[0] - 20 > 0
    assert dearer.audit()["held"]
    assert dearer.reference_events() != plain.reference_events()
