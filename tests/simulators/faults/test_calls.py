"""What befalls calls: each kind strikes as often as it says, and whom it says."""

import pytest

from simulators.faults.bases import CallFault
from simulators.faults.network import (
    CONNECTION_REFUSED,
    DuplicateRequest,
    GarbledAnswer,
    LateLanding,
    LostReply,
    LostRequest,
    ServerError,
    SlowAnswer,
    Unreachable,
)
from simulators.faults.quota import ConcurrencyCap, Throttling
from simulators.faults.verdicts import (
    PASS,
    SORRY_PAGE,
    CallNote,
    Delay,
    DeliverTwice,
    Garble,
    LandLate,
    LoseTheReply,
    LoseTheRequest,
    Refuse,
    Verdict,
)
from simulators.faults.weather import Weather

SURE = 1_000_000
EVERY_KIND: list[tuple[CallFault, type[Verdict]]] = [
    (LostRequest(ppm=SURE), LoseTheRequest),
    (LostReply(ppm=SURE), LoseTheReply),
    (LateLanding(ppm=SURE, after_ms_low=30_001, after_ms_high=60_000), LandLate),
    (DuplicateRequest(ppm=SURE), DeliverTwice),
    (Unreachable(ppm=SURE), Refuse),
    (ServerError(ppm=SURE), Refuse),
    (ServerError(ppm=SURE, work="done"), LoseTheReply),
    (SlowAnswer(ppm=SURE), Delay),
    (Throttling(ppm=SURE), Refuse),
    (GarbledAnswer(ppm=SURE), Garble),
    (GarbledAnswer(ppm=SURE, how="html_instead"), Refuse),
    (ConcurrencyCap(ppm=SURE), Refuse),
]


def note(
    name: str = "call-1", kind: str = "post", system: str = "erp", account: str = "erp-eu", entity: str = "DE01"
) -> CallNote:
    """A call as the driver notes it."""
    return CallNote(account=account, system=system, entity=entity, kind=kind, name=name, rows=10)


def with_ppm(fault: CallFault, ppm: int) -> CallFault:
    """The same fault with another probability."""
    return type(fault).model_validate(fault.model_dump() | {"ppm": ppm})


@pytest.mark.parametrize(("fault", "verdict"), EVERY_KIND, ids=lambda each: getattr(each, "kind", ""))
def test_certainty_strikes_always_and_zero_never(fault: CallFault, verdict: type[Verdict]) -> None:
    """With 1,000,000 ppm every call is struck, with 0 none."""
    sure, never = Weather([fault], seed=1), Weather([with_ppm(fault, 0)], seed=1)

    for number in range(200):
        assert isinstance(sure.call(note(f"call-{number}"), now_ms=0), verdict)
        assert never.call(note(f"call-{number}"), now_ms=0) is PASS
    assert sure.fired == {fault.kind: 200}
    assert never.fired == {fault.kind: 0}


@pytest.mark.parametrize(("fault", "verdict"), EVERY_KIND, ids=lambda each: getattr(each, "kind", ""))
def test_a_tenth_is_about_a_tenth(fault: CallFault, verdict: type[Verdict]) -> None:
    """With 100,000 ppm between 8.5 % and 11.5 % of 5,000 calls are struck (3.5 standard deviations)."""
    weather = Weather([with_ppm(fault, 100_000)], seed=7)

    struck = sum(weather.call(note(f"call-{number}"), 0) is not PASS for number in range(5_000))

    assert 425 <= struck <= 575
    assert weather.fired[fault.kind] == struck


def test_leaving_a_fault_out_shifts_no_other() -> None:
    """Calls that the dropped fault did not strike fare as before; those that it struck fall to the next."""
    faults = [with_ppm(fault, 100_000) for fault, _ in EVERY_KIND[:5]]
    everything = Weather(faults, seed=3)
    calls = [note(f"call-{number}") for number in range(2_000)]
    before = [everything.call(call, 0) for call in calls]

    for dropped in faults:
        alone = [dropped.verdict(call, 0, 3) for call in calls]
        fewer = Weather([fault for fault in faults if fault is not dropped], seed=3)
        after = [fewer.call(call, 0) for call in calls]
        assert any(verdict is not PASS for verdict in alone)
        assert all(b == a for b, a, own in zip(before, after, alone, strict=True) if own is PASS)


def test_the_first_listed_fault_wins() -> None:
    """Faults are asked in the scenario's order, and the first that strikes decides and is counted."""
    weather = Weather([LostReply(ppm=SURE), LostRequest(ppm=SURE)], seed=1)

    assert weather.call(note(), 0) == LoseTheReply()
    assert weather.fired == {"lost_reply": 1, "lost_request": 0}


@pytest.mark.parametrize(
    "fault",
    [
        LostReply(ppm=SURE, calls=("post",)),
        LostReply(ppm=SURE, systems=("erp",)),
        LostReply(ppm=SURE, accounts=("erp-eu",)),
        LostReply(ppm=SURE, entities=("DE01",)),
    ],
)
def test_a_fault_strikes_only_whom_it_names(fault: CallFault) -> None:
    """A filter on kind of call, system, account or entity keeps the fault away from everybody else."""
    other = note(kind="tell", system="psa", account="psa-eu", entity="FR01")

    assert Weather([fault], seed=1).call(note(), 0) == LoseTheReply()
    assert Weather([fault], seed=1).call(other, 0) is PASS


def test_calm_ends_chance() -> None:
    """From `calm_after_ms` on no chance fault strikes a call any more, and the millisecond before it may."""
    weather = Weather([LostReply(ppm=SURE)], seed=1, calm_after_ms=1_000)

    assert weather.call(note(), 999) == LoseTheReply()
    assert weather.call(note(), 1_000) is PASS
    assert weather.fired == {"lost_reply": 1}


@pytest.mark.parametrize(
    ("style", "text"),
    [
        ("seconds", "5"),
        ("absent", None),
        ("zero", "0"),
        ("huge", "86400000"),
        ("past", "Thu, 01 Jan 2015 00:00:00 GMT"),
        ("garbage", "soon"),
    ],
)
def test_throttling_says_how_long_or_does_not(style: str, text: str | None) -> None:
    """A throttled call gets 429 with Retry-After in seconds, without one, or with one of no use."""
    fault = Throttling.model_validate({"ppm": SURE, "retry_after": style})

    assert fault.verdict(note(), 0, 1) == Refuse(429, text, b'{"error":"throttled"}')


def test_a_cap_on_calls_at_once_is_a_400_with_a_code() -> None:
    """Only the body tells it from a request that was malformed, and it names no time to wait."""
    verdict = ConcurrencyCap(ppm=SURE).verdict(note(), 0, 1)

    assert isinstance(verdict, Refuse)
    assert (verdict.status, verdict.retry_after) == (400, None)
    assert b"SSS_REQUEST_LIMIT_EXCEEDED" in verdict.body


@pytest.mark.parametrize("how", ["truncated", "reset", "html"])
def test_a_garbled_answer_says_how(how: str) -> None:
    """Half a body, an end in the middle, or a page: the work is done in each of them."""
    assert GarbledAnswer.model_validate({"ppm": SURE, "how": how}).verdict(note(), 0, 1) == Garble(how)
    assert GarbledAnswer(ppm=SURE, how="html_instead").verdict(note(), 0, 1) == Refuse(200, None, SORRY_PAGE)


def test_a_refused_connection_has_no_status() -> None:
    """Nobody opened the door: status 0, and no body to read."""
    assert Unreachable(ppm=SURE).verdict(note(), 0, 1) == Refuse(CONNECTION_REFUSED, None, b"")


def test_late_landing_stays_between_deadline_and_what_is_declared() -> None:
    """Every late landing lies within its range, and a range that breaks the promise is refused."""
    fault = LateLanding(ppm=SURE, after_ms_low=30_001, after_ms_high=30_004)
    verdicts = [fault.verdict(note(f"call-{number}"), 0, 1) for number in range(200)]

    assert {each.after_ms for each in verdicts if isinstance(each, LandLate)} == {30_001, 30_002, 30_003, 30_004}
    Weather([fault], 1, deadline_ms=30_000, late_landing_ms=30_004)
    with pytest.raises(ValueError, match="not later than the deadline"):
        Weather([fault], 1, deadline_ms=30_001, late_landing_ms=60_000)
    with pytest.raises(ValueError, match="later than the declared"):
        Weather([fault], 1, deadline_ms=30_000, late_landing_ms=30_003)
    with pytest.raises(ValueError, match="later than the declared"):
        Weather([DuplicateRequest(ppm=1, gap_ms_high=9_000)], 1, late_landing_ms=8_999)


def test_strikes_are_marked_by_the_hour() -> None:
    """A plot finds how often each kind struck in each hour."""
    weather = Weather([LostReply(ppm=SURE)], seed=1)
    for now_ms in (0, 3_599_999, 3_600_000):
        weather.call(note(f"call-{now_ms}"), now_ms)

    assert weather.marks == {("lost_reply", 0): 2, ("lost_reply", 3_600_000): 1}


def test_strikes_have_names_and_none_but_the_named_happen() -> None:
    """A run that is told which strikes may happen has exactly those, whatever chance says of the others."""
    fault = LostReply(ppm=500_000)
    everything = Weather([fault], seed=7)
    for number in range(100):
        everything.call(note(f"call-{number}"), number)
    names = [name for _, name in everything.strikes]
    chosen = names[1::3]
    few = Weather([fault], seed=7, only=chosen)
    for number in range(100):
        few.call(note(f"call-{number}"), number)
    assert 30 < len(names) == len({*names}) == everything.fired["lost_reply"]
    assert [name for _, name in few.strikes] == chosen
