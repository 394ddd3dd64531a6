"""One connector account: its quota in every window, fairness, throttle, maintenance, breaker, login, and stale word."""

from typing import Any

import pytest

from runtime.core.account import (
    MODES,
    Account,
    AccountPolicy,
    Asked,
    CallAbandoned,
    CallLeft,
    CallServed,
    CallSilent,
    CallTurnedAway,
    CredentialRotated,
    Grant,
    LogIn,
    LoginAnswered,
    LoginBegan,
    MaintenanceAnnounced,
    Mode,
    Throttled,
    account_next_due_ms,
    apply_account,
    decide_account,
    due_account,
    time_passed,
)
from runtime.core.answers import Door
from simulators.chance import chance

T0 = 1_000_000
PROBE_MS = 30_000
REST_MS = 10_000
HOUR_MS = 3_600_000
YEAR_MS = 365 * 24 * HOUR_MS


class Desk:
    """An account with somebody who works it: hears, lets time pass, starts what is granted."""

    def __init__(self, needs_session: bool = False, **policy: Any) -> None:
        self.account = Account(AccountPolicy("erp", needs_session=needs_session, **policy))
        self.now_ms = T0

    @property
    def mode(self) -> Mode:
        return self.account.mode

    def hears(self, *words: Any, after_ms: int = 0) -> "Desk":
        self.now_ms += after_ms
        self.looks()
        for word in words:
            self._apply(decide_account(self.account, word, self.now_ms))
        return self

    def looks(self, after_ms: int = 0) -> "Desk":
        self.now_ms += after_ms
        self._apply(time_passed(self.account, self.now_ms))
        return self

    def _apply(self, records: list[Any]) -> None:
        for record in records:
            apply_account(self.account, record, self.now_ms)

    def wants(self, entity: str = "DE01", calls: int = 100) -> "Desk":
        return self.hears(Asked(entity, calls))

    def starts(self, after_ms: int = 0, most: int = 1_000) -> list[str]:
        """Who starts a call now; each call leaves."""
        self.looks(after_ms)
        granted = [item.entity for item in due_account(self.account, self.now_ms) if isinstance(item, Grant)][:most]
        for entity in granted:
            self.hears(CallLeft(entity))
        return granted

    def served(self, left_ms: int | None = None, after_ms: int = 0) -> "Desk":
        self.now_ms += after_ms
        return self.hears(CallServed(self.now_ms if left_ms is None else left_ms))

    def turned_away(
        self, door: Door, retry_after_ms: int | None = None, left_ms: int | None = None, after_ms: int = 0
    ) -> "Desk":
        self.now_ms += after_ms
        return self.hears(CallTurnedAway(self.now_ms if left_ms is None else left_ms, door, retry_after_ms))


def silent_until_broken(**policy: Any) -> Desk:
    """Calls are given up one after the other until the breaker trips."""
    desk = Desk(**policy).wants()
    for _ in range(desk.account.policy.silences_to_break):
        desk.starts(most=1)
        desk.hears(CallSilent(desk.now_ms))
    assert desk.mode is Mode.BROKEN
    return desk


# ------------------------------------------------------------------ quota and fairness


@pytest.mark.parametrize("seed", range(6))
def test_no_window_holds_more_calls_than_the_quota(seed: int) -> None:
    """However a window is laid over a restless hour, no more calls left in it than contracted, margin included."""
    desk = Desk(quota_calls=20, quota_window_ms=60_000, quota_margin_ms=2_000, concurrent_max=6)
    left: list[int] = []
    wire: list[int] = []
    for step in range(900):
        desk.wants(calls=1 + chance(seed, "calls", step) % 30)
        for _ in desk.starts(after_ms=chance(seed, "wait", step) % 3_000):
            left.append(desk.now_ms)
            wire.append(desk.now_ms)
        while wire and chance(seed, "answer", step, len(wire)) % 3:
            desk.served(wire.pop(0))
        assert desk.account.on_the_wire == len(wire) <= 6
    for number, first_ms in enumerate(left):
        assert sum(1 for at_ms in left[number:] if at_ms < first_ms + 62_000) <= 20
    assert len(left) > 100


def test_the_quota_is_used_to_the_full() -> None:
    """Not one call is given away: right after the window has passed, as many leave again."""
    desk = Desk(quota_calls=5, quota_window_ms=60_000, quota_margin_ms=0, concurrent_max=50).wants()
    assert len(desk.starts()) == 5
    assert desk.starts(after_ms=59_999) == []
    assert account_next_due_ms(desk.account, desk.now_ms) == T0 + 60_000
    assert len(desk.starts(after_ms=1)) == 5


def test_no_more_calls_at_once_than_allowed() -> None:
    """The concurrency of the account is shared by all."""
    desk = Desk(concurrent_max=3).wants("DE01").wants("FR01")
    assert len(desk.starts()) == 3
    assert desk.starts() == []
    assert len(desk.served().starts()) == 1


def test_entities_take_turns() -> None:
    """A large backlog of one entity does not hold up another's single call."""
    desk = Desk(concurrent_max=1).wants("DE01", 1_000).wants("FR01", 1).wants("NO01", 2)
    served = []
    for _ in range(6):
        served += desk.starts()
        desk.served()
    assert served == ["DE01", "FR01", "NO01", "DE01", "NO01", "DE01"]


def test_one_round_of_grants_goes_round() -> None:
    """Many permits at once are dealt one by one."""
    desk = Desk(concurrent_max=5).wants("DE01", 10).wants("FR01", 1).wants("NO01", 10)
    assert desk.starts() == ["DE01", "FR01", "NO01", "DE01", "NO01"]


def test_demand_is_what_was_said_last() -> None:
    """Asking again replaces what was asked before; asking for nothing takes it back; asking the same keeps the turn."""
    desk = Desk(concurrent_max=1).wants("DE01", 5).wants("FR01", 5).wants("DE01", 5)
    assert desk.starts() == ["DE01"]
    desk.served().wants("FR01", 0).wants("DE01", 0)
    assert desk.starts() == []
    assert account_next_due_ms(desk.account, desk.now_ms) is None


@pytest.mark.parametrize("seed", range(12))
def test_a_timer_that_is_due_has_something_to_do(seed: int) -> None:
    """A next look that is not in the future finds something to grant or to say: nobody spins."""
    desk = Desk(needs_session=True, quota_calls=9, quota_window_ms=30_000, concurrent_max=3)
    wire: list[int] = []
    for step in range(400):
        kind = chance(seed, "kind", step) % 10
        desk.wants(f"E{kind % 3}", calls=chance(seed, "calls", step) % 4)
        desk.looks(after_ms=chance(seed, "wait", step) % 8_000)
        items = due_account(desk.account, desk.now_ms)
        due_ms = account_next_due_ms(desk.account, desk.now_ms)
        assert items or due_ms is None or due_ms > desk.now_ms, f"step {step}: {desk.mode}"
        for item in items:
            if isinstance(item, LogIn):
                apply_account(desk.account, LoginBegan(), desk.now_ms)
                desk.hears(LoginAnswered(60_000 if kind else None, None))
                break
            desk.hears(CallLeft(item.entity))
            wire.append(desk.now_ms)
        if wire and kind < 8:
            left_ms = wire.pop(0)
            word: Any = (
                CallServed(left_ms),
                CallSilent(left_ms),
                CallTurnedAway(left_ms, Door.THROTTLED, None),
                CallTurnedAway(left_ms, Door.MAINTENANCE, 40_000),
                CallTurnedAway(left_ms, Door.LOGIN_REFUSED, None),
                CallTurnedAway(left_ms, Door.UNREACHABLE, None),
                CallTurnedAway(left_ms, Door.LOCKED_OUT, None, item.entity if isinstance(item, Grant) else "DE01"),
                CallServed(left_ms, "DE01"),
            )[kind]
            desk.hears(word)


@pytest.mark.parametrize("seed", range(12))
def test_the_next_look_is_never_in_the_past(seed: int) -> None:
    """Whatever was heard and however long ago, the next look is not before now."""
    desk = Desk(needs_session=bool(seed % 2), quota_calls=3, quota_window_ms=30_000, concurrent_max=4)
    for step in range(300):
        desk.wants(calls=chance(seed, "calls", step) % 4)
        for item in due_account(desk.account, desk.now_ms):
            if isinstance(item, LogIn):
                apply_account(desk.account, LoginBegan(), desk.now_ms)
                door = (None, Door.MAINTENANCE, Door.LOGIN_REFUSED)[chance(seed, "door", step) % 3]
                desk.hears(LoginAnswered(90_000 if door is None else None, door))
                break
            desk.hears(CallLeft(item.entity))
            words = (
                CallServed(desk.now_ms, item.entity),
                CallSilent(desk.now_ms),
                CallTurnedAway(desk.now_ms, Door.LOCKED_OUT, None, item.entity),
                CallTurnedAway(desk.now_ms, Door.THROTTLED, 31_000),
            )
            desk.hears(words[chance(seed, "word", step) % 4])
        desk.now_ms += (0, 1, 31_999, 32_000, 400_000)[chance(seed, "wait", step) % 5]
        due_ms = account_next_due_ms(desk.account, desk.now_ms)
        assert due_ms is None or due_ms >= desk.now_ms, f"step {step}: {desk.mode}"


def test_calls_of_a_window_that_has_passed_set_no_timer() -> None:
    """A full window holds nobody up once it has passed: permits are there now, so there is no instant to wait for."""
    desk = Desk(quota_calls=5, quota_window_ms=60_000, quota_margin_ms=0, concurrent_max=50).wants(calls=5)
    assert len(desk.starts()) == 5
    for _ in range(5):
        desk.served()
    desk.looks(after_ms=HOUR_MS).wants(calls=2)
    assert due_account(desk.account, desk.now_ms) == [Grant("DE01")] * 2
    assert account_next_due_ms(desk.account, desk.now_ms) is None


# ------------------------------------------------------------------ throttle


def test_a_throttle_rests_as_asked() -> None:
    """They say how long; nobody calls before, and everybody may after."""
    desk = Desk().wants()
    desk.starts(most=1)
    desk.turned_away(Door.THROTTLED, 25_000)
    assert desk.mode is Mode.THROTTLED
    assert desk.starts(after_ms=24_999) == []
    assert account_next_due_ms(desk.account, desk.now_ms) == desk.now_ms + 1
    assert desk.starts(after_ms=1)
    assert desk.account.mode is Mode.OPEN


def test_a_throttle_without_a_word_doubles() -> None:
    """A 429 that names no time: ten seconds, twenty, forty; a call that is served forgets it."""
    desk = Desk().wants()
    for rest_ms in (REST_MS, 2 * REST_MS, 4 * REST_MS):
        assert desk.starts(most=1)
        desk.turned_away(Door.THROTTLED)
        assert desk.account.until_ms == desk.now_ms + rest_ms
        desk.looks(after_ms=rest_ms)
    desk.starts(most=1)
    desk.served().starts(most=1)
    desk.turned_away(Door.THROTTLED)
    assert desk.account.until_ms == desk.now_ms + REST_MS


def test_many_throttled_calls_are_one_throttle() -> None:
    """Eight calls out, eight 429s: the first rests the account, the others left before it did and add nothing."""
    desk = Desk().wants()
    assert len(desk.starts()) == 8
    desk.now_ms += 500
    for _ in range(8):
        desk.turned_away(Door.THROTTLED, left_ms=T0)
    assert desk.account.until_ms == desk.now_ms + REST_MS
    assert desk.account.on_the_wire == 0


def test_a_rest_that_a_late_answer_names_is_kept_too() -> None:
    """Two calls out, two 429s: the second names the longer rest, and nobody calls before it is over."""
    desk = Desk().wants()
    desk.starts(most=2)
    desk.now_ms += 500
    desk.turned_away(Door.THROTTLED, 5_000, left_ms=T0)
    desk.now_ms += 500
    desk.turned_away(Door.THROTTLED, 25_000, left_ms=T0)
    assert desk.starts(after_ms=24_999) == []
    assert account_next_due_ms(desk.account, desk.now_ms) == desk.now_ms + 1
    assert desk.starts(after_ms=1)
    # And one that is heard when the throttle is over.
    desk.served().turned_away(Door.THROTTLED, 7_000, left_ms=T0)
    assert desk.mode is Mode.OPEN
    assert desk.starts(after_ms=6_999) == []
    assert account_next_due_ms(desk.account, desk.now_ms) == desk.now_ms + 1
    assert desk.starts(after_ms=1)


def test_no_probe_and_no_login_leaves_during_a_rest() -> None:
    """A wait that was named holds in maintenance, and where a session has to begin, as well."""
    for door in (Door.MAINTENANCE, Door.LOGIN_REFUSED):
        desk = Desk(needs_session=True).wants()
        desk.hears(LoginAnswered(HOUR_MS, None))
        desk.starts(most=2)
        desk.turned_away(door, left_ms=T0, after_ms=500)
        desk.turned_away(Door.THROTTLED, 10 * 60_000, left_ms=T0)
        desk.looks(after_ms=10 * 60_000 - 1)
        assert due_account(desk.account, desk.now_ms) == []
        assert account_next_due_ms(desk.account, desk.now_ms) == desk.now_ms + 1
        desk.looks(after_ms=1)
        assert len(due_account(desk.account, desk.now_ms)) == 1


def test_a_served_call_of_before_says_nothing_about_the_throttle() -> None:
    """A slow call that left before the throttle began does not make us bold again after it."""
    desk = Desk().wants()
    desk.starts(most=2)
    desk.now_ms += 500
    desk.turned_away(Door.THROTTLED, left_ms=T0)
    desk.looks(after_ms=REST_MS).served(left_ms=T0)
    desk.starts(most=1)
    desk.turned_away(Door.THROTTLED)
    assert desk.account.until_ms == desk.now_ms + 2 * REST_MS


# ------------------------------------------------------------------ maintenance


def down() -> Desk:
    """An ERP that says it is down for maintenance."""
    desk = Desk().wants()
    desk.starts()
    desk.now_ms += 500
    return desk.turned_away(Door.MAINTENANCE, left_ms=T0)


def test_in_maintenance_one_call_at_a_time_probes_ever_more_rarely() -> None:
    """Each probe that is turned away makes the next one wait longer, up to a ceiling; never two at once."""
    desk = down()
    for _ in range(7):
        desk.hears(CallServed(T0))
    assert desk.mode is Mode.MAINTENANCE, "calls that left before it began say nothing"
    waits = []
    for _ in range(6):
        began_ms = desk.now_ms
        while not desk.starts():
            desk.now_ms += 1_000
        waits.append(desk.now_ms - began_ms)
        assert desk.starts(after_ms=1) == []
        desk.turned_away(Door.MAINTENANCE)
    assert waits == sorted(waits)
    assert waits[0] >= PROBE_MS
    assert waits[-1] == desk.account.policy.probe_max_ms
    assert waits[0] < waits[-1]


def test_the_first_probe_that_is_served_opens_the_account() -> None:
    """Then everybody may call, within quota."""
    desk = down()
    for _ in range(7):
        desk.hears(CallServed(T0))
    assert len(desk.starts(after_ms=PROBE_MS)) == 1
    desk.served(after_ms=300, left_ms=desk.now_ms)
    assert desk.mode is Mode.OPEN
    assert len(desk.starts()) == 8


def test_a_named_end_of_maintenance_is_waited_for() -> None:
    """Retry-After longer than our own step counts."""
    desk = Desk().wants()
    desk.starts(most=1)
    desk.turned_away(Door.MAINTENANCE, 600_000)
    assert desk.starts(after_ms=599_999) == []
    assert len(desk.starts(after_ms=1)) == 1


def test_an_announced_window_is_kept() -> None:
    """Nothing leaves while it lasts, though nobody was turned away; at its end one probe does."""
    desk = Desk().wants().hears(MaintenanceAnnounced(T0 + 10_000, T0 + 70_000))
    desk.starts(most=1)
    desk.served()
    assert account_next_due_ms(desk.account, desk.now_ms) == T0 + 10_000
    assert desk.starts(after_ms=10_000) == []
    assert desk.mode is Mode.MAINTENANCE
    assert desk.starts(after_ms=59_999) == []
    assert len(desk.starts(after_ms=1)) == 1


def test_a_maintenance_without_an_end_is_probed_rarely() -> None:
    """A 503 that asks for a year keeps probes back for the eight hours a vendor documents, each time, and no longer."""
    desk = Desk().wants()
    desk.starts(most=1)
    for _ in range(2):
        desk.turned_away(Door.MAINTENANCE, YEAR_MS)
        assert desk.account.until_ms - desk.now_ms == desk.account.policy.maintenance_rest_max_ms == 8 * HOUR_MS
        assert desk.starts(after_ms=8 * HOUR_MS - 1) == []
        assert len(desk.starts(after_ms=1)) == 1
    assert desk.served().mode is Mode.OPEN


@pytest.mark.parametrize("silent", [False, True])
def test_a_long_announced_window_is_probed_rarely(silent: bool) -> None:
    """A window longer than any real one is probed once per eight hours, whatever becomes of the probes."""
    desk = Desk().wants().hears(MaintenanceAnnounced(T0 + 1_000, T0 + YEAR_MS))
    assert desk.starts(after_ms=1_000) == []
    for _ in range(3):
        assert desk.starts(after_ms=8 * HOUR_MS - 1) == []
        assert len(desk.starts(after_ms=1)) == 1
        if silent:
            desk.hears(CallSilent(desk.now_ms))
        else:
            desk.turned_away(Door.MAINTENANCE)


def test_a_served_probe_ends_the_announced_window() -> None:
    """What was announced gives way to what is seen: the account opens and stays open, until the next window."""
    desk = Desk().wants().hears(MaintenanceAnnounced(T0, T0 + 20 * HOUR_MS))
    desk.hears(MaintenanceAnnounced(T0 + 10 * HOUR_MS, T0 + 11 * HOUR_MS)).looks()
    assert len(desk.starts(after_ms=8 * HOUR_MS)) == 1
    desk.served().looks(after_ms=1_000)
    assert desk.mode is Mode.OPEN
    assert desk.looks(after_ms=2 * HOUR_MS).mode is Mode.MAINTENANCE


def test_windows_that_are_over_are_forgotten() -> None:
    """Years of announcements leave nothing behind, nor does one that comes too late or makes no sense."""
    desk = Desk()
    for _ in range(50):
        desk.looks(after_ms=HOUR_MS)
        desk.hears(MaintenanceAnnounced(desk.now_ms + 1_000, desk.now_ms + 2_000))
        assert desk.account.windows == [(desk.now_ms + 1_000, desk.now_ms + 2_000)]
    desk.hears(MaintenanceAnnounced(desk.now_ms - 2_000, desk.now_ms))
    desk.hears(MaintenanceAnnounced(desk.now_ms + 9_000, desk.now_ms + 8_000))
    assert len(desk.account.windows) == 1
    desk.looks(after_ms=HOUR_MS).wants()
    assert desk.account.windows == []


# ------------------------------------------------------------------ breaker


def test_a_few_silences_are_not_an_outage() -> None:
    """The breaker counts calls given up in a row; one that is served starts the count anew."""
    desk = Desk(silences_to_break=3).wants()
    for _ in range(4):
        for _ in range(2):
            desk.starts(most=1)
            desk.hears(CallSilent(desk.now_ms))
        desk.starts(most=1)
        desk.served()
    assert desk.mode is Mode.OPEN


@pytest.mark.parametrize("unreachable", [False, True])
def test_silence_again_and_again_breaks(unreachable: bool) -> None:
    """Silence, or nobody listening: after so many in a row the account is broken, and one probe goes out at a time."""
    desk = Desk(silences_to_break=3).wants()
    for _ in range(3):
        assert desk.mode is Mode.OPEN
        desk.starts(most=1)
        if unreachable:
            desk.turned_away(Door.UNREACHABLE)
        else:
            desk.hears(CallSilent(desk.now_ms))
    assert desk.mode is Mode.BROKEN
    assert desk.starts(after_ms=PROBE_MS - 1) == []
    assert len(desk.starts(after_ms=1)) == 1
    assert desk.starts() == []


def test_a_broken_account_is_probed_ever_more_rarely() -> None:
    """Probes that stay silent make the next one wait longer, up to a ceiling."""
    desk = silent_until_broken()
    waits = []
    for _ in range(7):
        began_ms = desk.now_ms
        while not desk.starts():
            desk.now_ms += 1_000
        waits.append(desk.now_ms - began_ms)
        desk.hears(CallSilent(desk.now_ms))
    assert waits == sorted(waits)
    assert waits[-1] == desk.account.policy.probe_max_ms
    assert len(set(waits)) >= 4


def test_a_probe_that_is_served_mends_the_breaker() -> None:
    """Open again, with a clean count."""
    desk = silent_until_broken()
    desk.starts(after_ms=PROBE_MS)
    desk.served()
    assert desk.mode is Mode.OPEN
    desk.starts(most=1)
    desk.hears(CallSilent(desk.now_ms))
    assert desk.mode is Mode.OPEN


def test_a_call_that_we_let_go_ourselves_is_no_silence() -> None:
    """However many calls we cut, the account is open, and their room is free again."""
    desk = Desk(concurrent_max=8).wants()
    for _ in range(desk.account.policy.silences_to_break):
        assert len(desk.starts()) == 8
        desk.hears(*[CallAbandoned()] * 8)
    assert (desk.mode, desk.account.silences, desk.account.on_the_wire) == (Mode.OPEN, 0, 0)


def test_a_call_that_we_let_go_ourselves_is_no_service() -> None:
    """It ends no row of silences, and as a probe it opens nothing: the next probe waits as long as it would have."""
    desk = Desk().wants()
    for _ in range(desk.account.policy.silences_to_break):
        assert desk.mode is Mode.OPEN
        desk.starts(most=2)
        desk.hears(CallAbandoned(), CallSilent(desk.now_ms))
    assert desk.mode is Mode.BROKEN
    assert len(desk.starts(after_ms=PROBE_MS)) == 1
    until_ms = desk.account.until_ms
    desk.hears(CallAbandoned())
    assert (desk.mode, desk.account.until_ms > desk.now_ms) == (Mode.BROKEN, True)
    assert desk.starts(after_ms=until_ms - desk.now_ms - 1) == []
    assert len(desk.starts(after_ms=1)) == 1


@pytest.mark.parametrize("door", [Door.LOGIN_REFUSED, Door.LOCKED_OUT])
def test_an_account_without_sessions_waits_for_no_login(door: Door) -> None:
    """A 401 or 403 where nobody can log in breaks the account: probes go out, and one that is served mends it."""
    desk = Desk(needs_session=False).wants()
    desk.starts(most=1)
    rests = []
    for _ in range(6):
        desk.turned_away(door)
        assert desk.mode is Mode.BROKEN
        rests.append(desk.account.until_ms - desk.now_ms)
        assert desk.starts(after_ms=rests[-1] - 1) == []
        assert desk.starts(after_ms=1) == ["DE01"]
    assert rests == sorted(rests)
    assert (rests[0], rests[-1]) == (PROBE_MS, desk.account.policy.probe_max_ms)
    assert desk.served().mode is Mode.OPEN


def test_a_new_credential_is_probed_at_once() -> None:
    """Where there is no login, the person who mends the credential does not wait for the next probe either."""
    desk = Desk(needs_session=False).wants()
    desk.starts(most=1)
    desk.turned_away(Door.LOGIN_REFUSED)
    assert desk.starts() == []
    assert desk.hears(CredentialRotated("ana")).starts() == ["DE01"]


# ------------------------------------------------------------------ login


def login_meets(desk: Desk, door: Door | None, retry_after_ms: int | None = None) -> int:
    """A login goes out as soon as it may and is turned away (None: silence); how long the account rests after it."""
    desk.now_ms = max(desk.now_ms, desk.account.until_ms)
    assert due_account(desk.account, desk.now_ms) == [LogIn("erp")]
    apply_account(desk.account, LoginBegan(), desk.now_ms)
    desk.hears(LoginAnswered(None, door, retry_after_ms))
    return desk.account.until_ms - desk.now_ms


def logged_in(session_ms: int = 3_600_000) -> Desk:
    """An account with a session."""
    desk = Desk(needs_session=True).wants()
    desk.looks()
    assert due_account(desk.account, desk.now_ms) == [LogIn("erp")]
    apply_account(desk.account, LoginBegan(), desk.now_ms)
    assert due_account(desk.account, desk.now_ms) == [], "one login at a time"
    return desk.hears(LoginAnswered(session_ms, None))


def test_a_session_is_needed_and_renewed() -> None:
    """Nothing leaves without a session; when it ends, one login goes first."""
    desk = logged_in(session_ms=60_000)
    assert desk.starts(most=1)
    desk.served()
    assert desk.starts(after_ms=60_000) == []
    assert desk.mode is Mode.LOGGED_OUT
    assert due_account(desk.account, desk.now_ms) == [LogIn("erp")]


def test_a_refused_token_is_one_incident() -> None:
    """All calls that are out come back with 401: one login follows, not eight."""
    desk = logged_in()
    assert len(desk.starts()) == 8
    desk.now_ms += desk.account.policy.login_rest_ms
    for _ in range(8):
        desk.turned_away(Door.LOGIN_REFUSED, left_ms=T0)
    assert desk.mode is Mode.LOGGED_OUT
    assert desk.account.on_the_wire == 0
    assert due_account(desk.account, desk.now_ms) == [LogIn("erp")]


def test_a_fresh_session_that_is_refused_is_no_matter_of_a_login() -> None:
    """Calls refused right after a login: the next login rests, else login and call would chase each other."""
    desk = logged_in()
    assert desk.starts(most=1)
    desk.now_ms += 500
    desk.turned_away(Door.LOGIN_REFUSED, left_ms=T0)
    assert desk.mode is Mode.LOGGED_OUT
    assert due_account(desk.account, desk.now_ms) == []
    desk.looks(after_ms=desk.account.policy.login_rest_ms)
    assert due_account(desk.account, desk.now_ms) == [LogIn("erp")]


def test_a_refused_login_is_tried_again_rarely() -> None:
    """The integration user must not be locked by its own runtime."""
    desk = Desk(needs_session=True).wants().looks()
    rests = []
    for _ in range(5):
        apply_account(desk.account, LoginBegan(), desk.now_ms)
        desk.hears(LoginAnswered(None, Door.LOGIN_REFUSED))
        rests.append(desk.account.until_ms - desk.now_ms)
        desk.looks(after_ms=rests[-1] - 1)
        assert due_account(desk.account, desk.now_ms) == []
        desk.looks(after_ms=1)
        assert due_account(desk.account, desk.now_ms) == [LogIn("erp")]
    policy = desk.account.policy
    assert rests[0] >= policy.login_rest_ms
    assert rests == sorted(rests)
    assert rests[policy.logins_refused_max - 1 :] == [policy.login_stop_ms] * (6 - policy.logins_refused_max)


@pytest.mark.parametrize("door", [None, Door.MAINTENANCE, Door.THROTTLED, Door.UNREACHABLE])
def test_a_login_that_nobody_looked_at_rests_like_a_probe(door: Door | None) -> None:
    """Half a minute, doubling to five: the account is open minutes after the system is, and no refusal is counted."""
    desk = Desk(needs_session=True).wants().looks()
    rests = [login_meets(desk, door) for _ in range(6)]
    assert rests == [PROBE_MS, 2 * PROBE_MS, 4 * PROBE_MS, 8 * PROBE_MS, 10 * PROBE_MS, 10 * PROBE_MS]
    assert desk.account.logins_refused == 0
    assert login_meets(desk, Door.LOGIN_REFUSED) == desk.account.policy.login_rest_ms


def test_a_login_turned_away_comes_back_when_asked_to() -> None:
    """Retry-After counts for a login as it does for a call, and is not believed beyond the same limits."""
    desk = Desk(needs_session=True).wants().looks()
    assert login_meets(desk, Door.THROTTLED, 7_000) == 7_000
    assert login_meets(desk, Door.MAINTENANCE, 2 * HOUR_MS) == 2 * HOUR_MS
    assert login_meets(desk, Door.THROTTLED, YEAR_MS) == desk.account.policy.retry_after_max_ms
    assert login_meets(desk, Door.MAINTENANCE, YEAR_MS) == desk.account.policy.maintenance_rest_max_ms


def test_refusals_are_counted_across_other_failures() -> None:
    """A login that nobody looked at between two refusals neither adds to them nor makes them forgotten."""
    desk = Desk(needs_session=True, logins_refused_max=3).wants().looks()
    policy = desk.account.policy
    for rest_ms in (policy.login_rest_ms, 2 * policy.login_rest_ms, policy.login_stop_ms):
        assert login_meets(desk, Door.MAINTENANCE) == PROBE_MS
        assert login_meets(desk, None) == 2 * PROBE_MS
        assert login_meets(desk, Door.LOGIN_REFUSED) == rest_ms
    apply_account(desk.account, LoginBegan(), desk.now_ms)
    desk.hears(LoginAnswered(60_000, None))
    assert desk.account.logins_refused == 0


def test_a_locked_out_login_rests_long() -> None:
    """A login that finds the user locked is not hurried, however short the rests before it were."""
    desk = Desk(needs_session=True).wants().looks()
    assert login_meets(desk, Door.MAINTENANCE) == PROBE_MS
    assert login_meets(desk, Door.LOCKED_OUT) == desk.account.policy.login_rest_max_ms
    assert desk.mode is Mode.LOCKED_OUT


def test_a_login_in_an_announced_window_waits_for_its_end() -> None:
    """The first login of the window is turned away; the next one goes out when the window is over."""
    desk = Desk(needs_session=True).wants().looks().hears(MaintenanceAnnounced(T0, T0 + HOUR_MS))
    assert login_meets(desk, Door.MAINTENANCE) == HOUR_MS
    assert desk.looks(after_ms=HOUR_MS).mode is Mode.LOGGED_OUT
    assert due_account(desk.account, desk.now_ms) == [LogIn("erp")]


@pytest.mark.parametrize("door", [None, *Door])
def test_the_failure_of_an_old_login_does_not_delay_a_new_credential(door: Door | None) -> None:
    """Rotated while a login is out: however that one ends, the next goes at once, and its own failure counts again."""
    desk = Desk(needs_session=True).wants().looks()
    login_meets(desk, Door.LOGIN_REFUSED)
    desk.now_ms = desk.account.until_ms
    apply_account(desk.account, LoginBegan(), desk.now_ms)
    desk.hears(CredentialRotated("ana"), after_ms=50)
    assert due_account(desk.account, desk.now_ms) == [], "one login at a time"
    desk.hears(LoginAnswered(None, door, YEAR_MS), after_ms=50)
    assert (desk.mode, desk.account.logins_refused) == (Mode.LOGGED_OUT, 0)
    assert due_account(desk.account, desk.now_ms) == [LogIn("erp")]
    assert login_meets(desk, Door.LOGIN_REFUSED) == desk.account.policy.login_rest_ms


def test_a_retry_after_of_days_is_a_mistake_of_theirs() -> None:
    """A 429 that asks for more than an hour's rest is not believed."""
    desk = logged_in()
    assert desk.starts()
    desk.turned_away(Door.THROTTLED, left_ms=desk.now_ms, retry_after_ms=90 * 24 * 3_600_000)
    assert desk.account.until_ms - desk.now_ms == desk.account.policy.retry_after_max_ms


@pytest.mark.parametrize(
    "door", [Door.LOGIN_REFUSED, Door.LOCKED_OUT, Door.THROTTLED, Door.MAINTENANCE, Door.UNREACHABLE]
)
def test_word_of_a_call_does_not_hurry_a_login(door: Door) -> None:
    """Calls that left in the very instant the session was lost come back in any way: the login's rest stays."""
    desk = logged_in()
    assert len(desk.starts()) == 8
    desk.turned_away(Door.LOGIN_REFUSED)
    apply_account(desk.account, LoginBegan(), desk.now_ms)
    desk.hears(LoginAnswered(None, Door.LOGIN_REFUSED))
    until_ms = desk.account.until_ms
    for _ in range(5):
        desk.turned_away(door)
    desk.hears(CallSilent(desk.now_ms), CallServed(desk.now_ms))
    assert (desk.mode, desk.account.until_ms) == (Mode.LOGGED_OUT, until_ms)


def forbidden(desk: Desk, entity: str) -> Desk:
    """The entity's call meets 403."""
    return desk.hears(CallTurnedAway(desk.now_ms, Door.LOCKED_OUT, None, entity))


def in_session(**policy: Any) -> Desk:
    """Two entities behind an account whose session began long ago."""
    desk = Desk(needs_session=True, **policy).wants("DE01").wants("FR01")
    desk.looks().hears(LoginAnswered(YEAR_MS, None))
    desk.now_ms += HOUR_MS
    return desk


def test_a_permission_that_one_entity_lost_stops_that_entity_alone() -> None:
    """A login finds that the user is not locked; the neighbour goes on, and the barred one asks ever more rarely."""
    desk = in_session(quota_calls=10_000)
    forbidden(desk, "DE01")
    assert desk.mode is Mode.LOGGED_OUT
    assert due_account(desk.account, desk.now_ms) == [LogIn("erp")]
    desk.hears(LoginAnswered(YEAR_MS, None))
    assert desk.mode is Mode.OPEN
    assert {*desk.starts()} == {"FR01"}
    for rest_ms in (10 * 60_000, 20 * 60_000, 30 * 60_000, 30 * 60_000):
        until_ms, _ = desk.account.barred["DE01"]
        desk.hears(*[CallServed(desk.now_ms, "FR01")] * desk.account.on_the_wire)
        assert "DE01" not in desk.starts(after_ms=until_ms - 1 - desk.now_ms, most=1)
        desk.hears(*[CallServed(desk.now_ms, "FR01")] * desk.account.on_the_wire)
        assert "DE01" in desk.starts(after_ms=1)
        forbidden(desk, "DE01")
        if desk.mode is Mode.LOGGED_OUT:
            desk.hears(LoginAnswered(YEAR_MS, None))
        assert desk.account.barred["DE01"][0] == desk.now_ms + rest_ms


def test_after_a_login_a_403_needs_no_other_one() -> None:
    """Who just logged in is not locked: the entity is barred, and the session stays."""
    desk = Desk(needs_session=True).wants("DE01").wants("FR01").hears(LoginAnswered(YEAR_MS, None))
    forbidden(desk.looks(after_ms=1_000), "DE01")
    assert desk.mode is Mode.OPEN
    assert {*desk.starts()} == {"FR01"}


def test_a_login_that_meets_403_says_that_it_is_the_user() -> None:
    """Then nobody is barred, and everybody waits."""
    desk = forbidden(in_session(), "DE01").hears(LoginAnswered(None, Door.LOCKED_OUT))
    assert desk.mode is Mode.LOCKED_OUT
    assert desk.account.barred == {}
    assert account_next_due_ms(desk.account, desk.now_ms) == desk.now_ms + desk.account.policy.login_rest_max_ms


@pytest.mark.parametrize("word", [CallServed(T0, "DE01"), CredentialRotated("ann")])
def test_a_permission_that_is_back_is_noticed(word: Any) -> None:
    """A call that was served after all, or a person, lets the entity in at once."""
    desk = Desk(needs_session=True).wants("DE01").hears(LoginAnswered(YEAR_MS, None))
    forbidden(desk.looks(after_ms=1_000), "DE01")
    assert desk.starts() == []
    desk.hears(word)
    assert desk.starts()


def test_an_account_whose_only_entity_is_barred_sleeps_until_it_may_ask() -> None:
    """Nobody looks again and again at an account that can grant nothing."""
    desk = Desk(needs_session=True).wants("DE01").hears(LoginAnswered(YEAR_MS, None))
    forbidden(desk.looks(after_ms=1_000), "DE01")
    rest_ms = desk.account.policy.login_rest_ms
    assert account_next_due_ms(desk.account, desk.now_ms) == desk.now_ms + rest_ms
    assert desk.starts(after_ms=rest_ms - 1) == []
    assert desk.starts(after_ms=1)


def test_a_locked_user_waits_for_a_person_or_a_long_time() -> None:
    """403: nobody tries for long; a person who rotates the credential ends the wait."""
    desk = logged_in()
    desk.starts(most=1)
    desk.turned_away(Door.LOCKED_OUT)
    assert desk.mode is Mode.LOCKED_OUT
    desk.looks(after_ms=desk.account.policy.login_rest_max_ms - 1)
    assert due_account(desk.account, desk.now_ms) == []
    desk.hears(CredentialRotated("ana"))
    assert due_account(desk.account, desk.now_ms) == [LogIn("erp")]


# ------------------------------------------------------------------ whatever comes in whatever order


@pytest.mark.parametrize("seed", range(20))
def test_no_word_in_no_mode_breaks_the_account(seed: int) -> None:
    """Calls answered in any order and manner, at one instant or later, leave the account in a mode with a way out."""
    desk = Desk(needs_session=True, silences_to_break=2, concurrent_max=6)
    wire: list[int] = []
    seen: set[Mode] = set()
    for step in range(300):
        desk.wants(calls=5)
        desk.looks(after_ms=(0, 0, 1, 20_000, 400_000)[chance(seed, "wait", step) % 5])
        seen.add(desk.mode)
        for item in due_account(desk.account, desk.now_ms):
            if isinstance(item, LogIn):
                apply_account(desk.account, LoginBegan(), desk.now_ms)
                fate = chance(seed, "login", step) % 6
                desk.hears(LoginAnswered(600_000 if fate > 2 else None, (None, *Door)[fate] if fate < 3 else None))
                break
            desk.hears(CallLeft(item.entity))
            wire.append(desk.now_ms)
        while wire and chance(seed, "hear", step, len(wire)) % 4:
            left_ms = wire.pop(chance(seed, "which", step, len(wire)) % len(wire))
            fate = chance(seed, "fate", step, len(wire)) % 14
            if fate < len(Door):
                desk.turned_away(tuple(Door)[fate], left_ms=left_ms)
            elif fate < 8:
                desk.hears(CallSilent(left_ms))
            elif fate == 8:
                desk.hears(CallAbandoned())
            else:
                desk.served(left_ms)
        assert desk.account.on_the_wire == len(wire)
    assert len(seen) >= 4
    for left_ms in wire:
        desk.hears(CallServed(left_ms))
    for _ in range(200):
        desk.wants(calls=5)
        desk.looks(after_ms=60_000)
        for item in due_account(desk.account, desk.now_ms):
            if isinstance(item, LogIn):
                apply_account(desk.account, LoginBegan(), desk.now_ms)
                desk.hears(LoginAnswered(10**9, None))
            else:
                desk.hears(CallLeft(item.entity)).served()
    assert desk.mode is Mode.OPEN


def test_every_mode_has_a_row_and_a_way_out() -> None:
    """The table is whole, and every mode leads back to OPEN."""
    assert set(MODES) == set(Mode)
    for mode, row in MODES.items():
        assert Mode.OPEN in row.values(), mode


def test_a_record_that_cannot_follow_raises() -> None:
    """A login cannot be throttled away: what the table does not list is a bug of ours."""
    desk = Desk(needs_session=True).wants().looks()
    with pytest.raises(AssertionError, match="Throttled cannot follow logged_out"):
        apply_account(desk.account, Throttled(0), desk.now_ms)
