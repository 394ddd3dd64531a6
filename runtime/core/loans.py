"""Calls that the owner of an account lends to other hosts: so many, for whom, until when.

    owner grants --> lent --word of the call, or unused--> back
                       `----neither, and long enough----> overdue: the call is taken for silent

Rule 1. A loan is counted as a call that left when it is made, so the quota holds whatever the borrower does with it.
Rule 2. A borrower starts a lent call before its lease ends, by its own clock, counted from when it asked.
Rule 3. A loan is overdue once its lease and the longest call are over. Then nobody hears of it any more.
Rule 4. A new owner lends and grants nothing before every lease of its predecessor is over.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from runtime.core.account import AccountInput
from runtime.core.value import value

LEASE_MS = 5_000
"""How long a lent call may wait before it leaves (ours): a durable step and a busy moment, and no more."""


@value
class Ask:
    """What a borrower says: how many calls its partitions would start, and what became of those lent before."""

    host: str
    demand: Mapping[str, int]
    words: tuple[AccountInput, ...]


@value
class Lent:
    """What the owner answers: an entity for each call that may start within `lease_ms`, and the session's token."""

    grants: tuple[str, ...]
    lease_ms: int
    token: str = ""


@dataclass(slots=True)
class Loans:
    """All loans that are out: host to the instants at which each is overdue, oldest first."""

    out: dict[str, deque[int]] = field(default_factory=dict)


def lend(loans: Loans, host: str, now_ms: int, longest_call_ms: int) -> None:
    """A call was lent to a host."""
    loans.out.setdefault(host, deque()).append(now_ms + LEASE_MS + longest_call_ms)


def came_back(loans: Loans, host: str) -> bool:
    """Word of a lent call came; False where it was overdue and counted already."""
    out = loans.out.get(host)
    if not out:
        return False
    out.popleft()
    return True


def overdue(loans: Loans, now_ms: int) -> dict[str, int]:
    """Host to how many of its loans nobody will hear of any more; they are no longer out."""
    found: dict[str, int] = {}
    for host, out in tuple(loans.out.items()):
        while out and out[0] <= now_ms:
            out.popleft()
            found[host] = found.get(host, 0) + 1
        if not out:
            del loans.out[host]
    return found
