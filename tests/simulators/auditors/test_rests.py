"""S10, as manners: rests are kept, a closed system is probed by one call at a time, logins are rare."""

import pytest

from simulators.auditors.allowances import Allowances, CallAllowance
from tests.simulators.auditors.books import HOUR_MS, MINUTE_MS, Books, at


def allow(**bounds: int) -> Allowances:
    """Bounds for the one account."""
    return Allowances(accounts={"erp-1": CallAllowance(**bounds)})


def told(status: int, text: str, *left_after_ms: int) -> list[str]:
    """What is violated when an answer is heard at noon and calls leave so long afterwards."""
    books = Books()
    books.account.told.append((at(20), status, text))
    books.account.left += [at(20) + after_ms for after_ms in left_after_ms]
    return books.violated()


def test_a_call_during_a_rest_that_was_asked_for_is_found():
    """S10: 30 seconds are 30 seconds; what left before we heard of them, or leaves at their end, is fair."""
    assert told(429, "30", -1, 0, 30_000) == []
    assert told(429, "30", 29_999) == ["S10"]


@pytest.mark.parametrize("text", ["", "0", "soon", "Thu, 01 Jan 2015 00:00:00 GMT", "-5", "99999999999", "²"])
def test_what_names_no_time_asks_for_no_rest(text: str):
    """S10: a header without a usable number binds nobody."""
    assert told(429, text, 1) == []


def test_a_process_that_was_held_up_uses_its_permit_late():
    """S10: so many calls as faults of processes explain may leave during a rest, and no more."""
    books = Books()
    books.account.told.append((at(20), 429, "30"))
    books.account.left += [at(20) + 1, at(20) + 2]
    books.allowances = allow(late_leavers=2)
    assert books.violated() == []
    books.allowances = allow(late_leavers=1)
    assert books.violated() == ["S10"]


def test_the_longest_rest_is_bounded():
    """S10: whoever asks for a month gets an hour; and a 503 is a matter of probes."""
    assert told(429, "2592000", HOUR_MS) == []
    assert told(429, "2592000", HOUR_MS - 1) == ["S10"]
    assert told(503, "30", 1) == []


def closed(probes_at_once: int, heard: bool = True, met: int = 0) -> list[str]:
    """What is violated when every five minutes of a two-hour window so many probes leave together."""
    books = Books()
    window = (at(20), at(20) + 2 * HOUR_MS, "unannounced")
    books.account.closed.append(window)
    if heard:
        books.account.told.append((at(20) + 1, 503, ""))
    for _ in range(met):
        books.call(at(20) + MINUTE_MS, "throttled")
    for step in range(24):
        books.account.left += [at(20) + 2 + step * 5 * MINUTE_MS + n for n in range(probes_at_once)]
    books.allowances = Allowances(accounts={"erp-1": CallAllowance(calls=None)})
    return books.violated()


def test_probes_that_leave_together_are_found():
    """S10: one probe a step is fair; eight a step is everybody at once, unless nobody was told."""
    assert closed(1) == []
    assert closed(8) == ["S10"]
    assert closed(8, heard=False) == []


def test_who_is_let_in_by_a_throttle_meets_the_closed_door_once_more():
    """S10: a 429 in front of a closed system explains a few calls together, not all."""
    assert closed(2) == []
    assert closed(3) == ["S10"]
    assert closed(3, met=3) == []


def test_a_hammered_login_is_found():
    """S10: 24 logins an hour are a session war; one more is a storm."""
    books = Books()
    for number in range(48):
        books.call(at(20) + number * HOUR_MS // 24, "login")
        books.account.calls[-1].kind = "login"
    assert books.violated() == []
    books.account.calls[24].at_ms -= 1
    assert books.violated() == ["S10"]
