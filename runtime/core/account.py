"""One connector account, shared by many partitions: quota, fairness, breaker, maintenance and session.

    OPEN --429--> THROTTLED --time--> OPEN
      |--503, announced--> MAINTENANCE --a probe is served--> OPEN
      |--silence, again and again--> BROKEN --a probe is served--> OPEN
      |--401--> LOGGED_OUT --logged in--> OPEN
      `--a login meets 403--> LOCKED_OUT --logged in--> OPEN
An account without sessions has no login to wait for: there a 401 or 403 leads to BROKEN.

Rule 1. A permit may delay a decision and never choose it. Permits are not journalled; a new process learns anew.
Rule 2. What closes an account is one incident of the account, never thousands of exceptions (D13).
Rule 3. In MAINTENANCE and BROKEN one call at a time goes out as a probe, ever more rarely; the first that is served
        opens the account (D14). However long they ask us to stay away, or announce, a probe goes out in the end.
Rule 4. A login that is refused is tried again rarely: an integration user must not be locked by its own runtime.
        A login that nobody looked at (throttled, maintenance, nobody there, silence) waits no longer than a probe.
Rule 5. Our own pacing never exceeds the quota: in no window, however it is laid, do more calls leave than it allows.
Rule 6. Word of a call that left before the mode changed says nothing about the new mode.
Rule 7. A wait that a 429 names is about the time to come: it is kept in every mode, whichever call heard of it.

Rule 8. A 403 is about the entity whose call met it, until a login says that the user is locked: the entity is barred
        and asks again ever more rarely, and a login finds out, unless one just did. The neighbours go on (S16).
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import takewhile
from typing import Any

from runtime.core.answers import Door
from runtime.core.pacing import back_off
from runtime.core.value import value

MINUTE_MS = 60_000


class Mode(StrEnum):
    """Whether calls may leave, and what it takes until they may."""

    OPEN = "open"
    THROTTLED = "throttled"
    MAINTENANCE = "maintenance"
    BROKEN = "broken"
    LOGGED_OUT = "logged_out"
    LOCKED_OUT = "locked_out"


@value
class AccountPolicy:
    """The contracted limits of one account, and our manners. Durations in milliseconds; targets are ours."""

    account: str
    quota_calls: int = 600
    quota_window_ms: int = 5 * MINUTE_MS
    """At most this many calls in any window of this length (the vendor's unit)."""
    quota_margin_ms: int = 2_000
    """Windows are counted longer by this, since calls arrive closer together than they left."""
    concurrent_max: int = 8
    throttle_rest_ms: int = 10_000
    """Rest after a 429 that names none; doubles while they go on."""
    rest_max_ms: int = 5 * MINUTE_MS
    probe_first_ms: int = 30_000
    probe_max_ms: int = 5 * MINUTE_MS
    silences_to_break: int = 5
    needs_session: bool = True
    login_rest_ms: int = 5 * MINUTE_MS
    login_rest_max_ms: int = 30 * MINUTE_MS
    logins_refused_max: int = 3
    """Refused logins in a row after which only a person helps; fewer than any vendor locks a user out for."""
    login_stop_ms: int = 12 * 60 * MINUTE_MS
    """How rarely a login is tried after that."""
    retry_after_max_ms: int = 60 * MINUTE_MS
    """The longest rest a 429 can ask for; a larger one is taken for a mistake of theirs (a date, other units)."""
    maintenance_rest_max_ms: int = 8 * 60 * MINUTE_MS
    """The longest a 503 or an announced window keeps probes back: a vendor documents total delays of up to 8 hours
    for maintenance (documented); what lasts longer is probed this rarely."""


# ------------------------------------------------------------------ inputs


@value
class Asked:
    """A partition would start `calls` calls if it were free to."""

    entity: str
    calls: int


@value
class CallLeft:
    """A permitted call went out."""

    entity: str


@value
class PermitUnused:
    """A call was permitted and counted as left, and there was nothing to send after all."""


@value
class CallAbandoned:
    """We ourselves let a call go (a partition moved, a borrower was lost): that says nothing of the system."""


@value
class CallServed:
    """A call came back that the system had served (whatever became of its rows)."""

    left_ms: int
    entity: str = ""


@value
class CallTurnedAway:
    """A call came back that was turned away at the door. `entity`: whose it was, as far as that is known."""

    left_ms: int
    door: Door
    retry_after_ms: int | None
    entity: str = ""


@value
class CallSilent:
    """A call was given up."""

    left_ms: int


@value
class LoginAnswered:
    """A login came back: how long the session lasts, or at which door it was turned away (None, None: silence)."""

    session_ms: int | None
    door: Door | None
    retry_after_ms: int | None = None


@value
class MaintenanceAnnounced:
    """The vendor says beforehand that the system will be down."""

    from_ms: int
    until_ms: int


@value
class CredentialRotated:
    """A person gave us a credential that works; no need to wait for the next attempt."""

    who: str


AccountInput = (
    Asked
    | CallLeft
    | PermitUnused
    | CallAbandoned
    | CallServed
    | CallTurnedAway
    | CallSilent
    | LoginAnswered
    | MaintenanceAnnounced
    | CredentialRotated
)

# ------------------------------------------------------------------ records


@value
class DemandNoted:
    """The partition's demand replaces what it asked for before."""

    entity: str
    calls: int


@value
class CallCounted:
    """A call is on the wire and in the quota."""

    entity: str
    at_ms: int


@value
class CallReturned:
    """A call is off the wire."""


@value
class Throttled:
    """They asked us to slow down."""

    until_ms: int


@value
class RestAsked:
    """They named how long to stay away; until then nothing leaves, whatever the mode."""

    until_ms: int


@value
class ThrottleEnded:
    """The rest is over."""


@value
class MaintenanceBegan:
    """The system is down; the next probe may leave at `probe_ms`."""

    probe_ms: int


@value
class MaintenancePlanned:
    """A window is known beforehand."""

    from_ms: int
    until_ms: int


@value
class BreakerTripped:
    """Too many calls were given up in a row; the next probe may leave at `probe_ms`."""

    probe_ms: int


@value
class ProbeLeft:
    """A probe is on its way; the next one not before `probe_ms`."""

    probe_ms: int


@value
class ServedAgain:
    """The system serves, as a call says that left at `left_ms`; announced windows that ran then are over."""

    left_ms: int


@value
class SilenceCounted:
    """One more call was given up."""


@value
class SessionLost:
    """We have to log in (again), and not before `retry_ms`."""

    retry_ms: int = 0


@value
class LoginBegan:
    """A login is on its way."""


@value
class LoggedIn:
    """The session holds until then."""

    at_ms: int
    until_ms: int


@value
class LoginFailed:
    """Turned away or silent; not again before `retry_ms`. `refused`: they looked at the credential, and said no."""

    retry_ms: int
    refused: bool = False


@value
class LockedOut:
    """The integration user is locked; not again before `retry_ms`."""

    retry_ms: int


@value
class EntityBarred:
    """The user may not do this entity's business; its next call not before `until_ms`."""

    entity: str
    until_ms: int


@value
class EntityAdmitted:
    """The user may, as a call says, or a person."""

    entity: str


AccountRecord = (
    DemandNoted
    | CallCounted
    | CallReturned
    | Throttled
    | RestAsked
    | ThrottleEnded
    | MaintenanceBegan
    | MaintenancePlanned
    | BreakerTripped
    | ProbeLeft
    | ServedAgain
    | SilenceCounted
    | SessionLost
    | LoginBegan
    | LoggedIn
    | LoginFailed
    | LockedOut
    | EntityBarred
    | EntityAdmitted
)

M = Mode
_TROUBLE: dict[type, Mode] = {
    Throttled: M.THROTTLED,
    MaintenanceBegan: M.MAINTENANCE,
    BreakerTripped: M.BROKEN,
    SessionLost: M.LOGGED_OUT,
    LockedOut: M.LOCKED_OUT,
}
MODES: dict[Mode, dict[type, Mode]] = {
    M.OPEN: {**_TROUBLE, ServedAgain: M.OPEN, LoggedIn: M.OPEN},
    M.THROTTLED: {**_TROUBLE, ThrottleEnded: M.OPEN, ServedAgain: M.OPEN},
    M.MAINTENANCE: {**_TROUBLE, ServedAgain: M.OPEN},
    M.BROKEN: {**_TROUBLE, ServedAgain: M.OPEN},
    M.LOGGED_OUT: {
        LoggedIn: M.OPEN,
        LoginFailed: M.LOGGED_OUT,
        LockedOut: M.LOCKED_OUT,
        MaintenanceBegan: M.MAINTENANCE,
        SessionLost: M.LOGGED_OUT,
    },
    M.LOCKED_OUT: {LoggedIn: M.OPEN, LoginFailed: M.LOCKED_OUT, LockedOut: M.LOCKED_OUT, SessionLost: M.LOGGED_OUT},
}
"""What may follow what in the life of an account."""

_PROBING = frozenset({M.MAINTENANCE, M.BROKEN})
_LOGIN_NEEDED = frozenset({M.LOGGED_OUT, M.LOCKED_OUT})


@dataclass(slots=True)
class Account:
    """The state of one account. Changed by `apply_account` alone."""

    policy: AccountPolicy
    mode: Mode = Mode.OPEN
    since_ms: int = 0
    """When the mode began."""
    until_ms: int = 0
    """THROTTLED: when it ends. Probing modes: when the next probe may leave. Login modes: the next attempt."""
    rest_until_ms: int = 0
    """Until when a 429 asked us to stay away."""
    times: int = 0
    """How often the present trouble was met again; drives the back-off."""
    logins_refused: int = 0
    """How often in a row a login was refused; one that nobody looked at does not count."""
    silences: int = 0
    on_the_wire: int = 0
    sent: deque[int] = field(default_factory=deque)
    """When the calls of the running quota window left."""
    demand: dict[str, int] = field(default_factory=dict)
    """Entity to calls, in the order of service: who was served goes to the end."""
    session_until_ms: int = 0
    logged_in_ms: int = -1 << 40
    logging_in: bool = False
    login_outdated: bool = False
    """The login on its way carries a credential that was replaced since."""
    barred: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Entity to (until when it waits, how often it was barred in a row)."""
    windows: list[tuple[int, int]] = field(default_factory=list)
    """Announced maintenance still to come or running."""


@value
class Grant:
    """This entity may start one call now."""

    entity: str


@value
class LogIn:
    """Somebody should log in now."""

    account: str


# ------------------------------------------------------------------ decide


def decide_account(account: Account, word: AccountInput, now_ms: int) -> list[AccountRecord]:
    """What we make of the news of the account. Changes nothing."""
    out: list[AccountRecord] = []
    _HEAR[type(word)](account, word, now_ms, out)
    return out


Out = list[AccountRecord]


def _asked(account: Account, word: Asked, now_ms: int, out: Out) -> None:
    if account.demand.get(word.entity, 0) != word.calls:
        out.append(DemandNoted(word.entity, word.calls))


def _left(account: Account, word: CallLeft, now_ms: int, out: Out) -> None:
    out.append(CallCounted(word.entity, now_ms))
    if account.mode in _PROBING:
        out.append(ProbeLeft(now_ms + _probe_rest(account, now_ms)))


def _unused(account: Account, word: PermitUnused, now_ms: int, out: Out) -> None:
    out.append(CallReturned())
    if account.mode in _PROBING:
        # No probe went out: the next one that somebody needs may leave at once.
        out.append(ProbeLeft(now_ms))


def _abandoned(account: Account, word: CallAbandoned, now_ms: int, out: Out) -> None:
    out.append(CallReturned())


def _served(account: Account, word: CallServed, now_ms: int, out: Out) -> None:
    out.append(CallReturned())
    if word.entity in account.barred:
        out.append(EntityAdmitted(word.entity))
    if _stale(account, word.left_ms):
        return
    if account.mode in _PROBING or (account.mode is M.OPEN and (account.silences or account.times)):
        out.append(ServedAgain(word.left_ms))


def _stale(account: Account, left_ms: int) -> bool:
    """Whether the call left before the mode began (rule 6); from a closed mode no call leaves in its first instant."""
    if account.mode in _LOGIN_NEEDED:
        return True
    return left_ms < account.since_ms or (left_ms == account.since_ms and account.mode is not M.OPEN)


def _probe_rest(account: Account, now_ms: int, asked_ms: int | None = None) -> int:
    """How long the next probe waits: our own step, what they asked for, or what is left of an announced window."""
    policy = account.policy
    step = back_off(account.times + 1, policy.probe_first_ms, policy.probe_max_ms)
    return max(step, min(asked_ms or 0, policy.maintenance_rest_max_ms), _window_rest(account, now_ms))


def _window_rest(account: Account, now_ms: int) -> int:
    """How long to stay away for the announced windows that run now; 0 when none does."""
    if not account.windows:
        return 0
    ends_ms = max((until_ms for from_ms, until_ms in account.windows if from_ms <= now_ms), default=now_ms)
    return max(0, min(ends_ms - now_ms, account.policy.maintenance_rest_max_ms))


def _turned_away(account: Account, word: CallTurnedAway, now_ms: int, out: Out) -> None:
    out.append(CallReturned())
    policy = account.policy
    if word.door is Door.THROTTLED and word.retry_after_ms:
        until_ms = now_ms + min(word.retry_after_ms, policy.retry_after_max_ms)
        if until_ms > account.rest_until_ms:
            out.append(RestAsked(until_ms))
    if _stale(account, word.left_ms):
        return
    match word.door:
        case Door.THROTTLED:
            rest = word.retry_after_ms or back_off(account.times + 1, policy.throttle_rest_ms, policy.rest_max_ms)
            rest = min(rest, policy.retry_after_max_ms)
            out.append(Throttled(now_ms + rest))
        case Door.MAINTENANCE:
            out.append(MaintenanceBegan(now_ms + _probe_rest(account, now_ms, word.retry_after_ms)))
        case Door.LOGIN_REFUSED | Door.LOCKED_OUT if not policy.needs_session:
            out.append(BreakerTripped(now_ms + _probe_rest(account, now_ms, word.retry_after_ms)))
        case Door.LOGIN_REFUSED:
            # A session that was refused right after it began will be refused again: that is no matter of a login.
            fresh = now_ms - account.logged_in_ms < policy.login_rest_ms
            out.append(SessionLost(now_ms + policy.login_rest_ms if fresh else 0))
        case Door.LOCKED_OUT if word.entity:
            _, times = account.barred.get(word.entity, (0, 0))
            rest = back_off(times + 1, policy.login_rest_ms, policy.login_rest_max_ms)
            out.append(EntityBarred(word.entity, now_ms + rest))
            if now_ms - account.logged_in_ms >= policy.login_rest_ms:
                out.append(SessionLost())
        case Door.LOCKED_OUT:
            out.append(LockedOut(now_ms + policy.login_rest_max_ms))
        case Door.UNREACHABLE:
            _one_more_silence(account, now_ms, out)


def _silent(account: Account, word: CallSilent, now_ms: int, out: Out) -> None:
    out.append(CallReturned())
    if not _stale(account, word.left_ms):
        _one_more_silence(account, now_ms, out)


def _one_more_silence(account: Account, now_ms: int, out: Out) -> None:
    policy = account.policy
    if account.mode in _PROBING or account.silences + 1 < policy.silences_to_break:
        out.append(SilenceCounted())
    else:
        out.append(BreakerTripped(now_ms + policy.probe_first_ms))


def _login_answered(account: Account, word: LoginAnswered, now_ms: int, out: Out) -> None:
    policy = account.policy
    if word.session_ms is not None:
        out.append(LoggedIn(now_ms, now_ms + word.session_ms))
    elif account.login_outdated:
        out.append(LoginFailed(now_ms))
    elif word.door is Door.LOCKED_OUT:
        out.append(LockedOut(now_ms + policy.login_rest_max_ms))
    elif word.door is Door.LOGIN_REFUSED:
        refused = account.logins_refused + 1
        rest = back_off(refused, policy.login_rest_ms, policy.login_rest_max_ms)
        if refused >= policy.logins_refused_max:
            rest = policy.login_stop_ms
        out.append(LoginFailed(now_ms + rest, refused=True))
    elif word.door is Door.THROTTLED and word.retry_after_ms:
        out.append(LoginFailed(now_ms + min(word.retry_after_ms, policy.retry_after_max_ms)))
    else:
        out.append(LoginFailed(now_ms + _probe_rest(account, now_ms, word.retry_after_ms)))


def _announced(account: Account, word: MaintenanceAnnounced, now_ms: int, out: Out) -> None:
    if max(word.from_ms, now_ms) < word.until_ms:
        out.append(MaintenancePlanned(word.from_ms, word.until_ms))


def _rotated(account: Account, word: CredentialRotated, now_ms: int, out: Out) -> None:
    out.extend(map(EntityAdmitted, account.barred))
    if account.mode in _LOGIN_NEEDED:
        out.append(SessionLost())
    elif account.mode is M.BROKEN and not account.policy.needs_session:
        out.append(BreakerTripped(now_ms))


_HEAR: dict[type, Callable[[Account, Any, int, Out], None]] = {
    Asked: _asked,
    CallLeft: _left,
    PermitUnused: _unused,
    CallAbandoned: _abandoned,
    CallServed: _served,
    CallTurnedAway: _turned_away,
    CallSilent: _silent,
    LoginAnswered: _login_answered,
    MaintenanceAnnounced: _announced,
    CredentialRotated: _rotated,
}


def time_passed(account: Account, now_ms: int) -> list[AccountRecord]:
    """What time alone brings: a rest that is over, a session that ended, an announced window that begins."""
    out: Out = []
    if account.mode is M.THROTTLED and account.until_ms <= now_ms:
        out.append(ThrottleEnded())
    # A session that lapses while nobody wants a call is no trouble; it is renewed when somebody does.
    if (
        account.mode is M.OPEN
        and account.demand
        and account.policy.needs_session
        and account.session_until_ms <= now_ms
    ):
        out.append(SessionLost())
    rest = _window_rest(account, now_ms)
    if rest and account.mode is not M.MAINTENANCE and account.mode not in _LOGIN_NEEDED:
        out.append(MaintenanceBegan(now_ms + rest))
    return out


# ------------------------------------------------------------------ apply


def apply_account(account: Account, record: AccountRecord, now_ms: int) -> None:
    """The only thing that changes an account."""
    kind = type(record)
    after = MODES[account.mode].get(kind)
    if after is not None:
        if after is not account.mode:
            account.since_ms = now_ms
            account.times = 0 if after is M.OPEN and kind is not ThrottleEnded else account.times
        account.mode = after
    else:
        assert kind in _MODELESS, f"{account.policy.account}: {kind.__name__} cannot follow {account.mode}"
    _APPLY[kind](account, record)
    if account.windows:
        account.windows = [window for window in account.windows if window[1] > now_ms]


_MODELESS = frozenset(
    {DemandNoted, CallCounted, CallReturned, MaintenancePlanned, ProbeLeft, SilenceCounted, LoginBegan, LoggedIn}
    | {LoginFailed, RestAsked, EntityBarred, EntityAdmitted}
)
"""Records that do not ask in which mode the account is."""


def _demand_noted(account: Account, record: DemandNoted) -> None:
    if record.calls:
        account.demand[record.entity] = record.calls
    else:
        account.demand.pop(record.entity, None)


def _call_counted(account: Account, record: CallCounted) -> None:
    account.on_the_wire += 1
    sent, policy = account.sent, account.policy
    sent.append(record.at_ms)
    while sent[0] <= record.at_ms - policy.quota_window_ms - policy.quota_margin_ms:
        sent.popleft()
    calls = account.demand.pop(record.entity, 0)
    if calls > 1:
        account.demand[record.entity] = calls - 1


def _call_returned(account: Account, record: CallReturned) -> None:
    account.on_the_wire -= 1


def _until(account: Account, until_ms: int) -> None:
    account.until_ms = until_ms
    account.times += 1


def _probe_left(account: Account, record: ProbeLeft) -> None:
    account.until_ms = record.probe_ms


def _served_again(account: Account, record: ServedAgain) -> None:
    account.silences = 0
    account.times = 0
    account.windows = [window for window in account.windows if window[0] > record.left_ms]


def _silence_counted(account: Account, record: SilenceCounted) -> None:
    account.silences += 1
    if account.mode in _PROBING:
        account.times += 1


def _session_lost(account: Account, record: SessionLost) -> None:
    account.session_until_ms = 0
    account.until_ms = record.retry_ms
    account.times = 0
    account.logins_refused = 0
    account.login_outdated = account.logging_in


def _login_began(account: Account, record: LoginBegan) -> None:
    account.logging_in = True


def _logged_in(account: Account, record: LoggedIn) -> None:
    account.logging_in = account.login_outdated = False
    account.session_until_ms = record.until_ms
    account.logged_in_ms = record.at_ms
    account.silences = 0
    account.times = 0
    account.logins_refused = 0


def _login_failed(account: Account, record: LoginFailed) -> None:
    account.logging_in = account.login_outdated = False
    account.until_ms = record.retry_ms
    if record.refused:
        account.logins_refused += 1
        account.times = 0
    else:
        account.times += 1


def _locked_out(account: Account, record: LockedOut) -> None:
    account.logging_in = account.login_outdated = False
    account.session_until_ms = 0
    account.times = 0
    account.until_ms = record.retry_ms
    # It was the user all along.
    account.barred.clear()


def _entity_barred(account: Account, record: EntityBarred) -> None:
    _, times = account.barred.get(record.entity, (0, 0))
    account.barred[record.entity] = record.until_ms, times + 1


def _entity_admitted(account: Account, record: EntityAdmitted) -> None:
    account.barred.pop(record.entity, None)


def _planned(account: Account, record: MaintenancePlanned) -> None:
    account.windows = sorted({*account.windows, (record.from_ms, record.until_ms)})


def _rest_asked(account: Account, record: RestAsked) -> None:
    account.rest_until_ms = record.until_ms


def _throttle_ended(account: Account, record: ThrottleEnded) -> None:
    account.until_ms = 0


_APPLY: dict[type, Callable[[Account, Any], None]] = {
    DemandNoted: _demand_noted,
    CallCounted: _call_counted,
    CallReturned: _call_returned,
    Throttled: lambda account, record: _until(account, record.until_ms),
    RestAsked: _rest_asked,
    ThrottleEnded: _throttle_ended,
    MaintenanceBegan: lambda account, record: _until(account, record.probe_ms),
    MaintenancePlanned: _planned,
    BreakerTripped: lambda account, record: _until(account, record.probe_ms),
    ProbeLeft: _probe_left,
    ServedAgain: _served_again,
    SilenceCounted: _silence_counted,
    SessionLost: _session_lost,
    LoginBegan: _login_began,
    LoggedIn: _logged_in,
    LoginFailed: _login_failed,
    LockedOut: _locked_out,
    EntityBarred: _entity_barred,
    EntityAdmitted: _entity_admitted,
}


# ------------------------------------------------------------------ due


def due_account(account: Account, now_ms: int) -> list[Grant | LogIn]:
    """Who may start a call now, one at a time round and round, or that a login is needed."""
    if not account.demand or now_ms < account.rest_until_ms:
        return []
    if account.mode in _LOGIN_NEEDED:
        return [LogIn(account.policy.account)] if not account.logging_in and account.until_ms <= now_ms else []
    free = _free(account, now_ms)
    if free <= 0:
        return []
    grants: list[Grant | LogIn] = []
    waiting = {entity: calls for entity, calls in account.demand.items() if not _barred(account, entity, now_ms)}
    while free and waiting:
        for entity in tuple(waiting):
            grants.append(Grant(entity))
            waiting[entity] -= 1
            if not waiting[entity]:
                del waiting[entity]
            free -= 1
            if not free:
                break
    return grants


def _barred(account: Account, entity: str, now_ms: int) -> bool:
    """Whether the entity waits for a permission."""
    return entity in account.barred and now_ms < account.barred[entity][0]


def _free(account: Account, now_ms: int) -> int:
    """How many calls may leave now."""
    if account.mode is M.THROTTLED:
        return 0
    if account.mode in _PROBING:
        return 1 if account.until_ms <= now_ms and account.on_the_wire == 0 else 0
    policy = account.policy
    horizon = now_ms - policy.quota_window_ms - policy.quota_margin_ms
    in_window = len(account.sent) - sum(1 for _ in takewhile(lambda left_ms: left_ms <= horizon, account.sent))
    return min(policy.quota_calls - in_window, policy.concurrent_max - account.on_the_wire)


def account_next_due_ms(account: Account, now_ms: int) -> int | None:
    """When to look again, if nothing is heard until then; None when only news can change anything.

    Never in the past; `now_ms` itself only while `time_passed` or `due_account` has something to say now.
    """
    policy = account.policy
    times = [from_ms for from_ms, _ in account.windows if from_ms > now_ms]
    bars = [account.barred[entity][0] for entity in account.demand if _barred(account, entity, now_ms)]
    if bars and account.mode not in _LOGIN_NEEDED:
        times.append(max(min(bars), account.rest_until_ms))
    if account.demand and (account.mode in _LOGIN_NEEDED or len(bars) < len(account.demand)):
        if account.mode is not M.OPEN:
            if not account.logging_in and not (account.mode in _PROBING and account.on_the_wire):
                times.append(max(account.until_ms, account.rest_until_ms, now_ms))
        elif account.rest_until_ms > now_ms:
            times.append(account.rest_until_ms)
        elif len(account.sent) >= policy.quota_calls and account.on_the_wire < policy.concurrent_max:
            full_until_ms = account.sent[-policy.quota_calls] + policy.quota_window_ms + policy.quota_margin_ms
            # `sent` is cleared by the next call only: what is no longer in the window does not hold that call up.
            if full_until_ms > now_ms:
                times.append(full_until_ms)
    return min(times, default=None)
