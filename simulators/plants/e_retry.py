"""Bugs of section E, retry, limits and breaker: storms, rests that nobody keeps, errors taken for what they are not.

Two of other sections stand here as well, since it is waiting and trying again that they get wrong: A7 and B13.
"""

from collections import Counter
from typing import Any

from runtime.core.account import Account, RestAsked, ServedAgain, SessionLost
from runtime.core.answers import Door, Refusal, Refused, RefusedAsOne, StatusTaken, TurnedAway
from runtime.core.effects import TellPsa
from runtime.core.pacing import AskFirst
from runtime.core.partition.state import Tracked
from runtime.core.records import RowsApplied, RowsReturned
from simulators.faults.login import SessionEnded, UnauthorizedMaintenance
from simulators.faults.maintenance import MaintenanceUnannounced, ReadOnly
from simulators.faults.network import DuplicateRequest, GarbledAnswer, LateLanding, Partition
from simulators.faults.quota import ConcurrencyCap, Throttling
from simulators.faults.rows import RowFailures
from simulators.plants.plant import Plant
from simulators.plants.replace import Function
from simulators.systems.erp_profile import Latency, Login, Quota

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS

BURST = "17:00"
"""On the last day, from now on for two hours, most of the small month is approved."""
AWAY = MaintenanceUnannounced(day="last", at=BURST, lasts_ms=2 * HOUR_MS)
"""The ERP is away in the burst."""
LATE_MS = (7 * 24 + 18) * HOUR_MS
"""From the beginning of the small month's run to an hour after the burst."""
ROW_BY_ROW = {"runtime.batch_max": 1}
"""Many small calls instead of a few large ones."""
NO_LOGIN = {"erp.login": Login(required=False)}
"""With sessions of an hour a small month meets nearly every outage with a login, and with nothing else."""


def _no_back_off(original: Function) -> Function:
    """A closed system is tried again five seconds later, and five seconds later."""

    def probe_rest(account: Account, now_ms: int, asked_ms: int | None = None) -> int:
        return 5_000

    return probe_rest


def _gives_up(original: Function) -> Function:
    """A row that was turned away three times is ticked off, so that the queue moves on."""
    tries: Counter[str] = Counter()

    def batch_answered(state: Any, call: Any, answer: Any, now_ms: int, out: Any, asks: int) -> None:
        if not isinstance(answer, TurnedAway):
            original(state, call, answer, now_ms, out, asks)
            return
        tries.update(call.names)
        given_up = tuple((key, "") for key in call.names if tries[key] == 3)
        if given_up:
            out.append(RowsApplied(given_up, now_ms))
        again = tuple(key for key in call.names if tries[key] != 3)
        if again:
            out.append(RowsReturned(again, answer.door))

    return batch_answered


def _milliseconds(original: Function) -> Function:
    """Retry-After is in seconds, and is taken for milliseconds."""

    def retry_after_ms(response: Any) -> int | None:
        asked_ms = original(response)
        return None if asked_ms is None else asked_ms // 1_000

    return retry_after_ms


def _retries_for_ever(original: Function) -> Function:
    """What the ERP does not know goes back into the queue as it was: surely it will be there in a moment."""

    def refused(state: Any, call: Any, row: Refused, now_ms: int, out: Any) -> None:
        if row.reason is Refusal.UNKNOWN_PROJECT:
            out.append(RowsReturned((row.key,), None))
        else:
            original(state, call, row, now_ms, out)

    return refused


def _bad_request(original: Function) -> Function:
    """Every 400 is a bad row."""

    def read_door(response: Any) -> Any:
        return RefusedAsOne(Refusal.INVALID, "bad request") if response.status == 400 else original(response)

    return read_door


def _everybody_in(original: Function) -> Function:
    """When the time for a probe has come, all who wait are let in."""

    def free(account: Account, now_ms: int) -> int:
        room: int = original(account, now_ms)
        return account.policy.concurrent_max - account.on_the_wire if room == 1 else room

    return free


def _unauthorized_rows(original: Function) -> Function:
    """A 401 is taken for the ERP's word about the rows of the batch."""

    def batch_answered(state: Any, call: Any, answer: Any, now_ms: int, out: Any, asks: int) -> None:
        if isinstance(answer, TurnedAway) and answer.door is Door.LOGIN_REFUSED:
            answer = RefusedAsOne(Refusal.INVALID, "not authorized")
        original(state, call, answer, now_ms, out, asks)

    return batch_answered


def _unbounded(original: Function) -> Function:
    """Nothing that is queued ever leaves memory."""

    def behind_window(state: Any, window: int) -> list[Any]:
        return []

    return behind_window


def _minutes(original: Function) -> Function:
    """Retry-After is in seconds, and is taken for minutes."""

    def retry_after_ms(response: Any) -> int | None:
        asked_ms = original(response)
        return None if asked_ms is None else asked_ms * 60

    return retry_after_ms


def _half_open_for_good(original: Function) -> Function:
    """A probe that is served does not close the breaker: one call at a time goes out, ever after."""

    def served(account: Account, word: Any, now_ms: int, out: Any) -> None:
        original(account, word, now_ms, out)
        if account.until_ms:
            out[:] = [record for record in out if not isinstance(record, ServedAgain)]

    return served


def _login_storm(original: Function) -> Function:
    """Whoever is told 401 logs in again at once, also right after a login."""

    def turned_away(account: Account, word: Any, now_ms: int, out: Any) -> None:
        original(account, word, now_ms, out)
        out[:] = [SessionLost() if isinstance(record, SessionLost) else record for record in out]

    return turned_away


def _any_200(original: Function) -> Function:
    """A 200 is success, whatever stands in it."""

    def read(psa: Any, effect: Any, response: Any) -> Any:
        if isinstance(effect, TellPsa) and response.status == 200:
            return StatusTaken()
        return original(psa, effect, response)

    return read


def _first_word_counts(original: Function) -> Function:
    """Of several waits that are named at once only the first is kept."""

    def turned_away(account: Account, word: Any, now_ms: int, out: Any) -> None:
        original(account, word, now_ms, out)
        out[:] = [record for record in out if not isinstance(record, RestAsked)]

    return turned_away


def _no_quota(original: Function) -> Function:
    """The contract's quota is not counted, only calls at once: a 429 will tell."""

    def free(account: Account, now_ms: int) -> int:
        room: int = original(account, now_ms)
        return room if account.mode != "open" else account.policy.concurrent_max - account.on_the_wire

    return free


def _visible_again(original: Function) -> Function:
    """A call is taken for over the moment it is given up, though it may still be at work."""

    def after_silence(given_up_ms: int, late_landing_ms: int, lookup_lag_ms: int) -> AskFirst:
        return AskFirst(given_up_ms + lookup_lag_ms)

    return after_silence


def _one_key_for_all(original: Function) -> Function:
    """A row that was refused goes again under the key under which the refusal is stored."""

    def effect_key(
        tenant: str, home: str, entry_id: str, version: int, kind: str, leg: Any, intent: int, room: int, folded: bool
    ) -> Any:
        return original(tenant, home, entry_id, version, kind, leg, 1, room, folded)

    return effect_key


def _refused_is_over(original: Function) -> Function:
    """A refusal is a definite no, so there is nothing to ask about."""

    def refused_for_now(tracked: Tracked, now_ms: int) -> bool:
        return False

    return refused_for_now


PLANTS = (
    Plant(
        number="E1",
        name="no_back_off",
        story="a system in maintenance is probed every five seconds, for hours",
        replaces="runtime.core.account:_probe_rest",
        bug=_no_back_off,
        caught_by="S10",
        faults=(AWAY,),
        changes=NO_LOGIN,
        wild="TigerBeetle's newsletter of July 2025 on metastable failures",
    ),
    Plant(
        number="E2",
        name="dropped_after_retries",
        story="a row that was turned away three times is ticked off",
        replaces="runtime.core.partition.answered:_batch_answered",
        bug=_gives_up,
        caught_by="S2",
        faults=(AWAY,),
        changes=NO_LOGIN,
        wild="airbytehq/airbyte#3401",
    ),
    Plant(
        number="E3",
        name="retry_after_in_milliseconds",
        story="Retry-After is read in the wrong unit, so that nobody waits",
        replaces="runtime.connectors.doors:retry_after_ms",
        bug=_milliseconds,
        caught_by="S10",
        faults=(Throttling(ppm=200_000, seconds=45),),
        wild="drt#769",
    ),
    Plant(
        number="E4",
        name="retried_for_ever",
        story="a row that the ERP will not take is sent again and again",
        replaces="runtime.core.partition.answered:_refused",
        bug=_retries_for_ever,
        caught_by="L0",
        changes={
            "late_master_data.ppm": 300_000,
            "late_master_data.after_ms": LATE_MS,
            "runtime.calls_max": 1,
            "erp.latency": Latency(p50_ms=20_000, p99_ms=25_000),
        },
        wild="a poison card at the head of the line (knowledgelib)",
    ),
    Plant(
        number="E5",
        name="limit_taken_for_a_bad_row",
        story="a cap on calls at once comes as a 400, and the rows of the batch are parked as invalid",
        replaces="runtime.connectors.doors:read_door",
        bug=_bad_request,
        caught_by="S8x",
        faults=(ConcurrencyCap(ppm=100_000),),
        changes=ROW_BY_ROW,
        wild="Jitterbit's page on NetSuite: SSS_REQUEST_LIMIT_EXCEEDED is HTTP 400",
    ),
    Plant(
        number="E7",
        name="half_open_lets_everybody_in",
        story="when a probe is due, everybody who waits is let in at once",
        replaces="runtime.core.account:_free",
        bug=_everybody_in,
        caught_by="S10",
        faults=(AWAY,),
        changes=NO_LOGIN | ROW_BY_ROW,
        wild="Truxify#11683",
    ),
    Plant(
        number="E8",
        name="unauthorized_rows",
        story="a token ends in the middle of a batch, and its rows are parked as invalid",
        replaces="runtime.core.partition.answered:_batch_answered",
        bug=_unauthorized_rows,
        caught_by="S8x",
        faults=(SessionEnded(day="last", at=BURST, times=60, every_ms=2 * MINUTE_MS),),
        changes=ROW_BY_ROW,
        wild="tap-zendesk#191, memry#734",
    ),
    Plant(
        number="E10",
        name="unbounded_queue",
        story="nothing that waits leaves memory, however long the line is",
        replaces="runtime.core.partition.queue:behind_window",
        bug=_unbounded,
        caught_by="S18",
        faults=(AWAY.model_copy(update={"at": "13:00", "lasts_ms": 8 * HOUR_MS}),),
        changes={"runtime.window": 4, "runtime.checkpoint_every": 2, "runtime.batch_max": 2},
    ),
    Plant(
        number="E20",
        name="retry_after_in_minutes",
        story="Retry-After is read in the wrong unit, so that everybody sleeps for hours",
        replaces="runtime.connectors.doors:retry_after_ms",
        bug=_minutes,
        caught_by="L3",
        faults=(ReadOnly(day="last", at=BURST, lasts_ms=HOUR_MS + 15 * MINUTE_MS, tells=True),),
        wild="drt#769, the other way round",
    ),
    Plant(
        number="E21",
        name="half_open_for_good",
        story="a served probe does not close the breaker, and a backlog goes out one call at a time",
        replaces="runtime.core.account:_served",
        bug=_half_open_for_good,
        caught_by="L3",
        faults=(Partition(day="last", at=BURST, lasts_ms=HOUR_MS + 30 * MINUTE_MS),),
        changes=NO_LOGIN | ROW_BY_ROW,
    ),
    Plant(
        number="E22",
        name="login_storm",
        story="a 401 that is maintenance is answered with login after login",
        replaces="runtime.core.account:_turned_away",
        bug=_login_storm,
        caught_by="S10",
        faults=(UnauthorizedMaintenance(day="last", at=BURST, lasts_ms=2 * HOUR_MS),),
        changes={"erp.latency": Latency(door_ms=5_000)},
        wild="PB-E8 seen from the identity provider",
    ),
    Plant(
        number="E23",
        name="any_200_is_success",
        story="a proxy's page comes with status 200, and the PSA is taken to have heard",
        replaces="runtime.connectors.psa.generic:GenericPsa.read",
        bug=_any_200,
        caught_by="S13",
        faults=(GarbledAnswer(ppm=300_000, how="html_instead", calls=("tell",)),),
        wild="ours: the swarm found it in this runtime",
    ),
    Plant(
        number="E24",
        name="only_the_first_wait_is_kept",
        story="of several waits that calls hear of at once only the first is kept",
        replaces="runtime.core.account:_turned_away",
        bug=_first_word_counts,
        caught_by="S10",
        faults=(Throttling(ppm=300_000, seconds=45),),
        changes=ROW_BY_ROW,
        wild="ours: the swarm found it in this runtime",
    ),
    Plant(
        number="E25",
        name="quota_not_counted",
        story="nobody counts the quota of the contract, and the door turns calls away all month",
        replaces="runtime.core.account:_free",
        bug=_no_quota,
        caught_by="S10",
        changes={**ROW_BY_ROW, "erp.quota": Quota(calls=3, window_ms=10 * MINUTE_MS)},
    ),
    Plant(
        number="A7",
        name="visible_again_too_early",
        story="a call that was given up is taken for over while it is still at work, and its rows go out beside it",
        replaces="runtime.core.pacing:after_silence",
        bug=_visible_again,
        caught_by="S1",
        faults=(LateLanding(ppm=200_000, after_ms_low=90_000, after_ms_high=4 * MINUTE_MS, calls=("post",)),),
        profile="none",
        wild="celery#5935, pretix#2058",
    ),
    Plant(
        number="E26",
        name="refused_is_over",
        story="what was refused for now goes again under the next key, and nobody looks whether it landed after all",
        replaces="runtime.core.partition.decide:_refused_for_now",
        bug=_refused_is_over,
        caught_by="S1",
        faults=(
            RowFailures(ppm=300_000),
            DuplicateRequest(ppm=300_000, gap_ms_low=10_000, gap_ms_high=29_000, calls=("post",)),
        ),
        changes={**ROW_BY_ROW, "erp.locked_ms": 5_000},
    ),
    Plant(
        number="B13",
        name="stored_refusal_met_for_ever",
        story="the ERP stores a passing refusal under the key, and the row goes again under the same one",
        replaces="runtime.core.keys:effect_key",
        bug=_one_key_for_all,
        caught_by="L1",
        faults=(RowFailures(ppm=40_000),),
        profile="error_stored",
        changes={"runtime.late_landing_ms": HOUR_MS},
        wild="Stripe v1 replays a 500 under the key that met it",
    ),
)
