"""Lent calls: counted when they are lent, back with word of them, written off when nobody can speak of them."""

import pytest

from runtime.core.loans import LEASE_MS, Loans, came_back, lend, overdue
from simulators.chance import chance

T0 = 1_000_000
CALL_MS = 30_000
OVERDUE_MS = LEASE_MS + CALL_MS


def lent(*hosts: str, loans: Loans | None = None, now_ms: int = T0) -> Loans:
    """One call lent to each of these hosts."""
    loans = Loans() if loans is None else loans
    for host in hosts:
        lend(loans, host, now_ms, CALL_MS)
    return loans


def test_a_loan_is_overdue_when_its_lease_and_the_longest_call_are_over() -> None:
    """A borrower may start at the last moment of the lease and call for as long as a call may last (rule 3)."""
    loans = lent("far")
    assert overdue(loans, T0 + OVERDUE_MS - 1) == {}
    assert overdue(loans, T0 + OVERDUE_MS) == {"far": 1}


def test_it_is_told_whose_loans_are_overdue() -> None:
    """Each host with how many of its loans: what lies ready for that host goes with them."""
    loans = lent("far", "near", "far")
    lent("near", loans=loans, now_ms=T0 + 1)
    assert overdue(loans, T0 + OVERDUE_MS) == {"far": 2, "near": 1}
    assert overdue(loans, T0 + OVERDUE_MS) == {}
    assert overdue(loans, T0 + OVERDUE_MS + 1) == {"near": 1}
    assert loans.out == {}


def test_word_of_a_loan_brings_it_back_once() -> None:
    """Word comes for each loan that is out, and for no other: not for a stranger's, and not twice."""
    loans = lent("far", "far")
    assert not came_back(loans, "near")
    assert [came_back(loans, "far") for _ in range(3)] == [True, True, False]
    assert overdue(loans, T0 + OVERDUE_MS) == {}


def test_word_of_a_loan_that_was_written_off_is_not_heard() -> None:
    """What was counted back once is not counted back again when its borrower speaks after all."""
    loans = lent("far")
    assert overdue(loans, T0 + OVERDUE_MS) == {"far": 1}
    assert not came_back(loans, "far")


@pytest.mark.parametrize("seed", range(8))
def test_every_loan_comes_back_exactly_once(seed: int) -> None:
    """Whatever is lent, heard and waited for: back and overdue together are as many as were lent."""
    loans, now_ms = Loans(), T0
    given = back = 0
    for step in range(300):
        host = f"H{chance(seed, 'host', step) % 3}"
        now_ms += chance(seed, "wait", step) % 8_000
        back += sum(overdue(loans, now_ms).values())
        if chance(seed, "what", step) % 2:
            lend(loans, host, now_ms, CALL_MS)
            given += 1
        else:
            back += came_back(loans, host)
        assert given - back == sum(map(len, loans.out.values()))
    back += sum(overdue(loans, now_ms + OVERDUE_MS).values())
    assert (given, loans.out) == (back, {})
