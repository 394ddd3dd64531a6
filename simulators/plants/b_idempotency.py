"""Bugs of section B, idempotency: the same effect twice, or two effects under one name."""

from collections.abc import Iterable
from typing import Any

from runtime.core import news as n
from runtime.core import records as r
from runtime.core.answers import Applied, Doubt, Refusal, Refused, RowAnswer, Unknown
from runtime.core.effects import Effect, SendBatch
from runtime.core.inputs import Restarted
from runtime.core.model import Leg
from runtime.core.pacing import AskFirst, SendAgain
from runtime.core.partition.state import State, Tracked
from runtime.core.policy import HOUR_MS
from runtime.core.records import Record
from runtime.ports import Request
from simulators.faults.bookkeeping import LaggingReads
from simulators.faults.maintenance import MaintenanceUnannounced
from simulators.faults.network import LostReply, LostRequest
from simulators.faults.process import BoundaryCrashes
from simulators.faults.quota import Throttling
from simulators.faults.rows import MissingAnswers, OwnDuplicateCheck, RowFailures
from simulators.faults.source import DuplicateEvent
from simulators.plants.plant import Plant
from simulators.plants.replace import Function
from simulators.settings import FinanceGate

Records = list[Record]


# ------------------------------------------------------------------ keys


def _attempt_in_the_key(original: Function) -> Function:
    """B1: from the second attempt on, the connector puts the attempt's number behind the key."""
    attempts: dict[str, int] = {}

    def build(connector: Any, effect: Effect) -> Request:
        request: Request = original(connector, effect)
        if not isinstance(effect, SendBatch):
            return request
        body = request.body
        for row in effect.rows:
            key = row.posting.key
            attempts[key] = attempts.get(key, 0) + 1
            if attempts[key] > 1:
                numbered = f'"key":"{key}/{attempts[key]}"'
                body = body.replace(f'"key":"{key}"'.encode(), numbered.encode())
        return Request(request.method, request.path, request.headers, body)

    return build


def _new_key_after_a_restart(original: Function) -> Function:
    """B2: a process that takes over gives what was on the wire up, and makes it anew under another key."""

    def restarted(state: State, word: Restarted, now_ms: int, out: Records) -> None:
        made: Records = []
        original(state, word, now_ms, made)
        posts = {key for call in state.calls.values() if call.kind == "post" for key in call.names}
        for record in made:
            if isinstance(record, r.RowsDoubted) and posts.issuperset(record.keys):
                out.extend(r.RowRefused(key, Refusal.LOCKED, "the session ended") for key in record.keys)
            else:
                out.append(record)

    return restarted


def _send_again(original: Function) -> Function:
    """B3, B8: silence is taken for "nothing happened"."""

    def after_silence(given_up_ms: int, late_landing_ms: int, lookup_lag_ms: int) -> SendAgain:
        return SendAgain()

    return after_silence


def _first_version_only(original: Function) -> Function:
    """B4: events are told apart by their entry, so a correction is a duplicate of what it corrects."""

    def approved(state: State, news: n.EntryApproved, now_ms: int, out: Records) -> None:
        tracked = state.entries.get(news.entry.entry_id)
        if tracked is None or tracked.entry is None:
            original(state, news, now_ms, out)
        elif not tracked.heard >> news.entry.version & 1:
            out.append(r.OldVersionReceived(news.entry))

    return approved


def _day_in_the_key(original: Function) -> Function:
    """B5: keys are made of the entry and of the day on which they are made."""

    def fresh_key(state: State, tracked: Tracked, version: int, leg: Leg) -> str:
        return f"{state.policy.tenant}/{tracked.entry_id}/{leg}/{state.now_ms // (24 * HOUR_MS)}"

    return fresh_key


def _as_long_as_it_is(original: Function) -> Function:
    """B6: what the target keeps of a key is nobody's concern."""

    def effect_key(
        tenant: str, home: str, entry_id: str, version: int, kind: str, leg: Leg, intent: int, room: int, folded: bool
    ) -> str:
        return f"{tenant}/{home}/{entry_id}/{version}/{kind}/{leg}/{intent}"

    return effect_key


def _one_key_while_open(original: Function) -> Function:
    """B7: an entry that has a row under way keeps its key, whatever the row says by now: version, period, amount."""

    def fresh_key(state: State, tracked: Tracked, version: int, leg: Leg) -> str:
        intent = tracked.intent
        if intent is not None and intent.posting.leg is leg:
            return intent.posting.key
        key: str = original(state, tracked, version, leg)
        return key

    return fresh_key


def _no_intent_in_the_key(original: Function) -> Function:
    """B14: a row that was refused goes again under the key that was refused."""

    def effect_key(
        tenant: str, home: str, entry_id: str, version: int, kind: str, leg: Leg, intent: int, room: int, folded: bool
    ) -> str:
        key: str = original(tenant, home, entry_id, version, kind, leg, 1, room, folded)
        return key

    return effect_key


def _no_version_in_the_key(original: Function) -> Function:
    """B20: an entry has one key for all that is ever posted for it."""

    def effect_key(
        tenant: str, home: str, entry_id: str, version: int, kind: str, leg: Leg, intent: int, room: int, folded: bool
    ) -> str:
        key: str = original(tenant, home, entry_id, 1, kind, leg, 1, room, folded)
        return key

    return effect_key


def _no_leg_in_the_key(original: Function) -> Function:
    """B21: a posting and its reversal have one key."""

    def effect_key(
        tenant: str, home: str, entry_id: str, version: int, kind: str, leg: Leg, intent: int, room: int, folded: bool
    ) -> str:
        key: str = original(tenant, home, entry_id, version, kind, Leg.POST, 1, room, folded)
        return key

    return effect_key


# ------------------------------------------------------------------ doubt


def _no_lag(original: Function) -> Function:
    """B12: the ledger is asked as soon as nothing can land any more, however far its readers are behind."""

    def after_silence(given_up_ms: int, late_landing_ms: int, lookup_lag_ms: int) -> AskFirst | SendAgain:
        verdict: AskFirst | SendAgain = original(given_up_ms, late_landing_ms, 0)
        return verdict

    return after_silence


def _duplicate_is_a_failure(original: Function) -> Function:
    """B10: whatever is not "posted" went wrong, "duplicate" too."""

    def read_row(row: Any) -> RowAnswer:
        answer: RowAnswer = original(row)
        if isinstance(answer, Unknown) and answer.why is Doubt.DUPLICATE:
            return Refused(row.key, Refusal.INVALID, row.detail)
        return answer

    return read_row


def _duplicate_is_a_success(original: Function) -> Function:
    """B22: "duplicate" means that they have it, so nobody needs to look."""

    def read_row(row: Any) -> RowAnswer:
        answer: RowAnswer = original(row)
        if isinstance(answer, Unknown) and answer.why is Doubt.DUPLICATE:
            return Applied(row.key, row.ledger_id)
        return answer

    return read_row


# ------------------------------------------------------------------ what was heard before


def _alike_is_the_same(original: Function) -> Function:
    """B15: two entries of one worker on one task and day are one, which came twice."""

    def approved(state: State, news: n.EntryApproved, now_ms: int, out: Records) -> None:
        entry = news.entry
        for other in state.entries.values():
            held = other.entry
            if held is None or other.excluded or held.entry_id == entry.entry_id:
                continue
            if (held.worker, held.assignment, held.work_date) == (entry.worker, entry.assignment, entry.work_date):
                if entry.entry_id not in state.entries:
                    out.append(r.EntryExcluded(entry, news.approval, "a duplicate by its content", now_ms))
                    return
                break
        original(state, news, now_ms, out)

    return approved


def _empty_memory(original: Function) -> Function:
    """B17: what is settled is not brought back from the journal, so all news is of new entries."""

    def load(shell: Any, entry_ids: Iterable[str]) -> None:
        return

    return load


FORGETS_AFTER_MS = 2 * HOUR_MS


def _forgets_for_good(original: Function) -> Function:
    """B18: an entry is remembered for two hours since it was first seen, and never longer."""
    seen: dict[str, int] = {}

    def load(shell: Any, entry_ids: Iterable[str]) -> None:
        now_ms = shell.state.now_ms
        known = [name for name in entry_ids if now_ms - seen.setdefault(name, now_ms) < FORGETS_AFTER_MS]
        original(shell, known)

    return load


PLANTS = (
    Plant(
        number="B1",
        name="attempt_in_the_key",
        story="the key of a repeated row has the number of the attempt in it, and look-ups ask for the key without",
        replaces="runtime.connectors.erp.generic:GenericErp.build",
        bug=_attempt_in_the_key,
        caught_by="S1",
        faults=(Throttling(ppm=100_000), LostRequest(ppm=50_000, calls=("post",))),
    ),
    Plant(
        number="B2",
        name="new_key_after_a_restart",
        story="a process that takes over makes what was on the wire anew, under new keys",
        replaces="runtime.core.partition.answered:restarted",
        bug=_new_key_after_a_restart,
        caught_by="S1",
        faults=(BoundaryCrashes(ppm=100_000), LostReply(ppm=400_000, calls=("post",))),
        changes={"runtime.batch_max": 3},
        wild="tinyhumans opencompany#2136: a new key when the dialog re-opens bills twice",
    ),
    Plant(
        number="B3",
        name="resend_without_lookup",
        story="a time-out is taken for a failure and the rows are sent again without asking the ledger",
        replaces="runtime.core.pacing:after_silence",
        bug=_send_again,
        caught_by="S1",
        # Measured: caught in 18 of 20 small months; at one reply in ten in 12, where some lose those to reversals only.
        faults=(LostReply(ppm=300_000, calls=("post",)),),
        profile="none",
        wild="toggl-open-source/toggldesktop#4801: lost response, then double entry",
    ),
    Plant(
        number="B4",
        name="correction_for_a_duplicate",
        story="events are told apart by entry and not by version, so a correction is thrown away as a duplicate",
        replaces="runtime.core.partition.decide:_approved",
        bug=_first_version_only,
        caught_by="S2b",
        changes={"people.correction_ppm": 200_000},
        wild="fkst#383: a corrected event deduplicated by its defective predecessor",
    ),
    Plant(
        number="B5",
        name="day_in_the_key",
        story="a key is made of the entry and the day, so that two effects of one day share it",
        replaces="runtime.core.partition.steps:_fresh_key",
        bug=_day_in_the_key,
        caught_by="S14",
        changes={"people.correction_ppm": 500_000},
        wild="flexprice#1400, with the minute",
    ),
    Plant(
        number="B6",
        name="key_as_long_as_it_is",
        story="keys are longer than the target keeps them, so that the second document becomes the first",
        replaces="runtime.core.keys:effect_key",
        bug=_as_long_as_it_is,
        caught_by="S14",
        changes={"erp.key_length_max": 30},
        wild="openlinker#3440: 30 characters; killbill#24: 64",
    ),
    Plant(
        number="B7",
        name="one_key_while_open",
        story="a row that changed while it was under way (corrected, its period shut) goes under its old key",
        replaces="runtime.core.partition.steps:_fresh_key",
        bug=_one_key_while_open,
        caught_by="S9",
        faults=(MissingAnswers(ppm=400_000, served_ppm=0),),
        changes={
            "people.correction_ppm": 500_000,
            "runtime.late_landing_ms": HOUR_MS,
            "gates": (FinanceGate(day="last", at="12:00", gate="shut"),),
            "firm.consultants": 24,
        },
        wild="Qonto's rule: the first body wins, whatever comes later",
    ),
    Plant(
        number="B8",
        name="retry_beyond_the_keys_life",
        story="a silent row is sent again under its key, as often and as late as it takes, beyond the key's life",
        replaces="runtime.core.pacing:after_silence",
        bug=_send_again,
        caught_by="S1",
        faults=(
            LostReply(ppm=600_000, calls=("post",)),
            MaintenanceUnannounced(day="last", at="17:00", lasts_ms=2 * HOUR_MS),
        ),
        profile="key_ttl",
        changes={"erp.key_life_ms": 60_000, "runtime.batch_max": 3},
        wild="the five-minute window of SQS FIFO queues",
    ),
    Plant(
        number="B10",
        name="duplicate_is_a_failure",
        story="a row that is called a duplicate is handed to a person as a failure, without a look",
        replaces="runtime.connectors.erp.generic:_read_row",
        bug=_duplicate_is_a_failure,
        caught_by="S8x",
        faults=(OwnDuplicateCheck(ppm=50_000),),
        wild="NetSuite's 400 IDEMPOTENCY_ERROR, which means success",
    ),
    Plant(
        number="B12",
        name="lagging_look_up",
        story="the look-up that settles a doubt reads from a copy that does not show the row yet, and it is sent again",
        replaces="runtime.core.pacing:after_silence",
        bug=_no_lag,
        caught_by="S1",
        faults=(
            LostReply(ppm=200_000, calls=("post",)),
            LaggingReads(day="last", at="09:00", lasts_ms=12 * HOUR_MS, lag_ms=20 * 60_000),
        ),
        profile="none",
        changes={"runtime.batch_max": 3},
        wild="Airbnb's Orpheus: a key read from a replica that lags",
    ),
    Plant(
        number="B14",
        name="key_burned_for_good",
        story="a row that met a passing refusal goes again under the key that the target has burned",
        replaces="runtime.core.keys:effect_key",
        bug=_no_intent_in_the_key,
        caught_by="L1",
        faults=(RowFailures(ppm=50_000),),
        profile="id_burned",
        changes={"runtime.late_landing_ms": 3 * HOUR_MS},
        wild="TigerBeetle: id_already_failed",
    ),
    Plant(
        number="B15",
        name="alike_is_the_same",
        story="two entries of one worker on one task and day are taken for one that came twice",
        replaces="runtime.core.partition.decide:_approved",
        bug=_alike_is_the_same,
        caught_by="S2",
        changes={"firm.consultants": 30},
        wild="flexprice#602: keys as a hash of the content",
    ),
    Plant(
        number="B17",
        name="empty_memory",
        story="a partition starts without knowing what it settled, and takes all news for news of new entries",
        replaces="runtime.drivers.shell:Shell._load",
        bug=_empty_memory,
        caught_by="S1",
        faults=(DuplicateEvent(ppm=200_000),),
        profile="none",
        changes={"runtime.checkpoint_every": 1},
        wild="open-bank#947: a window replayed before the table of known ones was there",
    ),
    Plant(
        number="B18",
        name="forgets_for_good",
        story="a known entry is forgotten two hours after it was first seen, and every later event is the first",
        replaces="runtime.drivers.shell:Shell._load",
        bug=_forgets_for_good,
        caught_by="S1",
        faults=(DuplicateEvent(ppm=300_000, gap_ms_low=3 * HOUR_MS, gap_ms_high=12 * HOUR_MS),),
        profile="none",
        changes={"runtime.checkpoint_every": 1},
        wild="agentscope#3175",
    ),
    Plant(
        number="B20",
        name="no_version_in_the_key",
        story="an entry has one key for all its versions",
        replaces="runtime.core.keys:effect_key",
        bug=_no_version_in_the_key,
        caught_by="S14",
        changes={"people.correction_ppm": 200_000},
    ),
    Plant(
        number="B21",
        name="no_leg_in_the_key",
        story="a reversal has the key of what it reverses",
        replaces="runtime.core.keys:effect_key",
        bug=_no_leg_in_the_key,
        caught_by="S14",
        changes={"people.correction_ppm": 200_000},
    ),
    Plant(
        number="B22",
        name="duplicate_is_a_success",
        story="a row that is called a duplicate counts as posted, without a look",
        replaces="runtime.connectors.erp.generic:_read_row",
        bug=_duplicate_is_a_success,
        caught_by="S2",
        faults=(OwnDuplicateCheck(ppm=50_000),),
    ),
)
