"""What the calendar does to the accounts of mock systems, carried out: in virtual time and behind a socket alike.

    Move ─▶ AccountMoves.carry_out ─▶ the system (closed, locked, out of numbers …)
                                   └▶ the way to it (`OnTheWay`): what answers instead, what is cut off, what is slow

Whoever drives the systems asks the way before a call reaches one (`in_the_way`, `slowed_ms`), and the system as ever.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from simulators.evidence import AccountEvidence
from simulators.faults.moves import (
    AccountMove,
    AnswerInstead,
    CloseSystem,
    CutOff,
    DriftSchema,
    EatQuota,
    EndSession,
    ExhaustNumbers,
    ExpireCredential,
    FixCredential,
    LagReads,
    LockOut,
    SlowSystem,
    Unlock,
)
from simulators.faults.verdicts import PASS, LoseTheReply, LoseTheRequest, Refuse, Verdict
from simulators.systems.erp import Erp
from simulators.systems.maintenance import Style
from simulators.systems.psa import Psa
from simulators.systems.reply import seconds_until

STYLES: dict[str, Style] = {"retry_after": "503_retry_after", "bare": "503_json", "sorry_page": "503_html"}
"""How a system that is closed answers, by the name that faults and people give it."""


class OnTheWay(Protocol):
    """What stands between callers and one system."""

    hindrances: list[CutOff | AnswerInstead]
    slow: list[tuple[int, int, int]]
    """(from, until, added ms), ms UTC; the end is excluded."""


@dataclass(slots=True)
class Way:
    """The way to one system that stands for itself."""

    hindrances: list[CutOff | AnswerInstead] = field(default_factory=list)
    slow: list[tuple[int, int, int]] = field(default_factory=list)


def in_the_way(hindrances: Sequence[CutOff | AnswerInstead], kind: str, entity: str, now_ms: int) -> Verdict:
    """What the calendar put between us and the system, as far as it concerns a call of this kind."""
    for hindrance in hindrances:
        if not hindrance.at_ms <= now_ms < hindrance.until_ms:
            continue
        if isinstance(hindrance, CutOff):
            return LoseTheRequest() if hindrance.way == "both" else LoseTheReply()
        if kind in hindrance.calls and hindrance.entity in ("", entity):
            wait = seconds_until(hindrance.until_ms, now_ms) if hindrance.tells else None
            return Refuse(hindrance.status, wait, b"")
    return PASS


def slowed_ms(slow: Sequence[tuple[int, int, int]], now_ms: int) -> int:
    """How much longer an answer takes now."""
    return sum(added_ms for from_ms, until_ms, added_ms in slow if from_ms <= now_ms < until_ms)


class AccountMoves:
    """Carries out what befalls accounts; `end_ms` is when what nobody mends is over."""

    def __init__(
        self,
        erps: Mapping[str, Erp],
        psas: Mapping[str, Psa],
        ways: Mapping[str, OnTheWay],
        noted: Mapping[str, AccountEvidence],
        failures_allowed: int,
        end_ms: int,
        credential: Callable[[FixCredential | Unlock], str],
        told: Callable[[str, str], None],
    ) -> None:
        """`credential(move)` is what a person makes valid again; `told(account, credential)` gives it to the caller."""
        self._erps = erps
        self._psas = psas
        self._ways = ways
        self._noted = noted
        self._failures_allowed = failures_allowed
        self._end_ms = end_ms
        self._credential = credential
        self._told = told

    def carry_out(self, move: AccountMove, now_ms: int) -> bool:
        """Do what the move says; False where there is no such account, or nothing that this could happen to."""
        match move:
            case CloseSystem() | SlowSystem() | CutOff() | AnswerInstead() | EatQuota():
                return self._hindered(move)
            case ExpireCredential() | FixCredential() | LockOut() | Unlock() | EndSession():
                return self._shut_out_or_let_in(move, now_ms)
            case DriftSchema():
                psa = self._psas.get(move.account)
                if psa is None:
                    return False
                psa.drift(move.at_ms, move.until_ms, move.form)
                return True
        erp = self._erps.get(move.account)
        if erp is None:
            return False
        match move:
            case ExhaustNumbers():
                erp.exhaust_numbers(move.at_ms, move.until_ms)
            case LagReads():
                erp.lag_reads(move.at_ms, move.until_ms, move.lag_ms)
        return True

    def _hindered(self, move: CloseSystem | SlowSystem | CutOff | AnswerInstead | EatQuota) -> bool:
        """Close or slow down the account, of whichever system, or put something in the way to it."""
        system = self._erps.get(move.account) or self._psas.get(move.account)
        if system is None:
            return False
        match move:
            case CloseSystem():
                kind = "announced" if move.announced else "unannounced"
                system.close(move.at_ms, move.until_ms, kind, STYLES[move.style])
                return True
            case SlowSystem():
                self._ways[move.account].slow.append((move.at_ms, move.until_ms, move.added_ms))
            case EatQuota():
                if not isinstance(system, Erp):
                    return False
                system.eat_quota(move.at_ms, move.until_ms, move.left)
            case _:
                self._ways[move.account].hindrances.append(move)
        self._noted[move.account].away.append((move.at_ms, move.until_ms, move.kind))
        return True

    def _shut_out_or_let_in(
        self, move: ExpireCredential | FixCredential | LockOut | Unlock | EndSession, now_ms: int
    ) -> bool:
        """What happens to the integration user of an ERP account; the mock PSA asks nobody to log in."""
        erp = self._erps.get(move.account)
        if erp is None:
            return False
        away = self._noted[move.account].away
        match move:
            case ExpireCredential():
                erp.expire_credential()
                away.append((move.at_ms, self._end_ms, move.kind))
            case LockOut():
                erp.fail_logins(self._failures_allowed, now_ms)
                away.append((move.at_ms, self._end_ms, move.kind))
            case EndSession():
                erp.end_sessions()
            case FixCredential() | Unlock():
                away[:] = [(at, move.at_ms if of == move.kind else until, of) for at, until, of in away]
                credential = self._credential(move)
                erp.rotate_credential(credential)
                self._told(move.account, credential)
        return True
