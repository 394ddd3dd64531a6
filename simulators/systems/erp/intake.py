"""What the ERP does with one row: remember keys in its own way, validate, stage or post.

The order is fixed: a stored error first, then (where it validates first) the validation, then the key, then the
validation, then a record lock, then staging or posting. What differs between ERPs stands in `MANNERS`.

Rule 1. A refusal is definite: the row does not stand and this call will not make it stand.
Rule 2. The standing of a key is today's: a replay of a staged row that has landed meanwhile says posted.
Rule 3. A staged row that the import rejects counts as a refusal of its key, in the manner of the profile.
Rule 4. Staged rows land at their due time, in order of it, whenever somebody looks at the clock.
"""

from collections.abc import Callable
from dataclasses import dataclass
from heapq import heappop, heappush

import msgspec

from simulators.chance import between, happens
from simulators.systems.erp.ledger import Held, Ledger, Line, No, Staged
from simulators.systems.erp.wire import Named, Row, RowReply, read_named
from simulators.systems.erp_profile import ErpProfile, Idempotency


@dataclass(frozen=True, slots=True)
class Manners:
    """How an ERP treats keys, one question a field."""

    knows_keys: bool = True
    """A key that stands is not posted again."""
    compares_content: bool = True
    """The same key with other content is refused as a fingerprint mismatch."""
    forgets: bool = False
    """A key is forgotten after `key_life_ms`, and posts again."""
    stores: frozenset[str] = frozenset()
    """Reasons of refusals that stay with the key for ever."""
    stored_as: str | None = None
    """What a stored refusal is answered with ever after; None: with itself."""
    validates_first: bool = False
    """A known key is validated like a new one before anybody looks whether it is known."""
    replaces: bool = False
    """The same key with other content overwrites the standing line."""


EVERY_REASON = frozenset(
    {"period_closed", "period_on_hold", "unknown_project", "unknown_worker", "invalid", "locked", "nothing_to_reverse"}
)

MANNERS: dict[Idempotency, Manners] = {
    Idempotency.NONE: Manners(knows_keys=False),
    Idempotency.KEY_TTL: Manners(forgets=True),
    Idempotency.KEY_BODY_IGNORED: Manners(compares_content=False),
    Idempotency.ERROR_NOT_STORED: Manners(),
    Idempotency.ERROR_STORED: Manners(stores=EVERY_REASON),
    Idempotency.VALIDATE_BEFORE_DEDUPE: Manners(validates_first=True),
    Idempotency.UPSERT_BY_EXTERNAL_ID: Manners(replaces=True),
    Idempotency.ID_BURNED: Manners(stores=frozenset({"locked"}), stored_as="key_burned"),
    # A job that met a known key is refused as a whole, with a 409, before any of its rows comes here.
    Idempotency.ASYNC_JOB: Manners(),
}

MISMATCH = No("invalid", "fingerprint mismatch: this key was used for other content")
LOCKED = No("locked", "the record is locked by another process")
NO_NUMBER = No("locked", "the number range is exhausted")
INTERNAL = No("locked", "internal error")


@dataclass(frozen=True, slots=True)
class _Stored:
    no: No
    fingerprint: int


NEVER_MS = 1 << 62


class Intake:
    """The rows of one legal entity on their way into its ledger."""

    def __init__(
        self,
        ledger: Ledger,
        profile: ErpProfile,
        account: str,
        seed: int,
        strike: Callable[[str, str, int], bool] | None = None,
        calm_ms: int = NEVER_MS,
    ) -> None:
        self.ledger = ledger
        self.profile = profile
        self.manners = MANNERS[profile.idempotency]
        self.jobs = profile.idempotency is Idempotency.ASYNC_JOB
        self._account = account
        self._seed = seed
        self._may = strike or always
        self._calm_ms = calm_ms
        self._stored: dict[str, _Stored] = {}
        self._stored_at: dict[str, int] = {}
        self._job_of: dict[str, str] = {}
        self._locked_until: dict[str, int] = {}
        self._numberless: list[tuple[int, int]] = []
        self._numberless_until: dict[str, int] = {}
        self._alike: dict[tuple[str, int], bool] = {}
        self._queue: list[tuple[int, int, Staged]] = []
        self._staged_ever = 0
        self._folds = profile.key_length_max is not None or profile.key_case_folded
        ledger.evidence.key_length_max = profile.key_length_max
        ledger.evidence.key_case_folded = profile.key_case_folded

    def fold(self, key: str) -> str:
        """The key as this ERP keeps it."""
        if not self._folds:
            return key
        return (key.casefold() if self.profile.key_case_folded else key)[: self.profile.key_length_max]

    def note_other_bytes(self, key: str) -> None:
        """Write down that a key came a second time with other bytes."""
        self.ledger.evidence.changed_attempts.append(key)

    def unreadable(self, raw: msgspec.Raw, problem: str) -> RowReply:
        """The refusal of a row that lacks a field or has one of another type."""
        try:
            named = read_named(raw)
        except msgspec.DecodeError:
            named = Named()
        self.ledger.evidence.refused_rows.setdefault(named.entry_id, set()).add("invalid")
        self.ledger.evidence.malformed[named.entry_id] = problem
        return RowReply(named.key, "refused", reason="invalid", detail=problem)

    def take(self, row: Row, fingerprint: int, now_ms: int, job: str = "") -> RowReply:
        """Do with this row what the profile does, and answer it. With a `job` it is staged without validation."""
        key = self.fold(row.key) if self._folds else row.key
        answer = self._answer_without_effect(row, key, fingerprint, now_ms, job)
        if answer is not None:
            return answer
        if self.manners.replaces and (held := self._known(key, now_ms)) is not None:
            return self._replace(row, fingerprint, held)
        if self.manners.forgets:
            self._stored_at[key] = now_ms
        if self.profile.staging is not None:
            return self._stage(row, key, fingerprint, now_ms, job)
        line = self.ledger.post(row, key, fingerprint, now_ms)
        return RowReply(row.key, "posted", line.line_id, f"{fingerprint:08x}")

    def first_refused(self, rows: list[tuple[Row, int]], now_ms: int, job: str = "") -> RowReply | None:
        """The answer to the first row that `take` would refuse; None when every row of the call would pass.

        Changes nothing but what a refusal leaves behind (evidence, a stored error of that one key).
        """
        keys: dict[str, int] = {}
        reversals: set[str] = set()
        for row, fingerprint in rows:
            key = self.fold(row.key)
            answer = self._answer_without_effect(row, key, fingerprint, now_ms, job)
            if answer is None and key in keys and self.manners.knows_keys:
                # The earlier row of this call will stand by then, so this one would be its replay.
                if keys[key] != fingerprint and self.manners.compares_content:
                    return self._mismatch(row)
            elif answer is None and row.leg == "reverse" and row.reverses in reversals:
                no = No("nothing_to_reverse", f"{row.reverses} is reversed by an earlier row of this call")
                return self._refuse(row, key, fingerprint, no)
            elif answer is not None and answer.status == "refused":
                return answer
            keys[key] = fingerprint
            if row.leg == "reverse":
                reversals.add(row.reverses)
        return None

    def known_job(self, rows: list[tuple[Row, int]]) -> str | None:
        """The job that first brought any of these keys; None when all are new. Only ERPs with jobs ask."""
        for row, _ in rows:
            job = self._job_of.get(self.fold(row.key))
            if job is not None:
                return job
        return None

    def new_ones(self, rows: list[tuple[Row, int]]) -> list[tuple[Row, int]]:
        """Those of the rows whose keys nothing is held under."""
        return [(row, fingerprint) for row, fingerprint in rows if self.fold(row.key) not in self.ledger.by_key]

    def server_error(self, rows: list[tuple[Row, int]]) -> None:
        """A bare 500 answered these new rows: an ERP that stores errors stores it, whatever was done before it."""
        if "locked" in self.manners.stores:
            for row, fingerprint in rows:
                self._stored.setdefault(self.fold(row.key), _Stored(self._as_stored(INTERNAL), fingerprint))

    def advance(self, now_ms: int) -> None:
        """Let every staged row land or fail that is due."""
        while self._queue and self._queue[0][0] <= now_ms:
            staged = heappop(self._queue)[2]
            if staged.status == "staged":
                self._arrive(staged)

    def _arrive(self, staged: Staged) -> None:
        staging = self.profile.staging
        assert staging is not None, "a row was staged by an ERP that does not stage"
        names = (self._account, staged.key, self.ledger.times(staged.key))
        no = self.ledger.refusal(staged.row)
        calm = staged.due_ms >= self._calm_ms
        if (
            no is None
            and not calm
            and happens(staging.rejected_ppm, self._seed, "erp/import", *names)
            and self._may("staged_rejections", f"{staged.key}/{self.ledger.times(staged.key)}", staged.due_ms)
        ):
            no = No(staging.rejected_reason, "the import failed")
        if no is None:
            no = self._no_number(staged.key, staged.due_ms)
        if no is None and staged.job:
            no = self._lock(staged.key, staged.due_ms)
        if no is None:
            self.ledger.land(staged)
            return
        self.ledger.reject(staged, no.reason)
        self._remember_refusal(staged.row, staged.key, staged.fingerprint, no)

    def _answer_without_effect(self, row: Row, key: str, fingerprint: int, now_ms: int, job: str) -> RowReply | None:
        """The answer, where nothing in the ledger has to change for it; None: let the row stand."""
        manners, ledger = self.manners, self.ledger
        if self._stored and key in self._stored:
            return self._stored_error(row, key, fingerprint)
        if manners.validates_first and (no := ledger.refusal(row)) is not None:
            return self._refuse(row, key, fingerprint, no)
        if key in ledger.by_key:
            ledger.note_clash(row, key, now_ms)
            if (held := self._known(key, now_ms)) is not None:
                return self._again(row, key, fingerprint, held)
        if self._stands_by_hand(row):
            return RowReply(row.key, "duplicate", detail="a line of this entry stands, entered by hand")
        if self.profile.alike_ppm and row.leg == "post" and self._looks_alike(row, now_ms):
            return RowReply(row.key, "duplicate", detail="looks like another posting of this worker on this day")
        if job:
            return None
        no = ledger.refusal(row) or self._no_number(key, now_ms) or self._lock(key, now_ms)
        return None if no is None else self._refuse(row, key, fingerprint, no)

    def _known(self, key: str, now_ms: int) -> Held | None:
        """What this ERP remembers under a key: not what it rejected, nor what it has forgotten."""
        held = self.ledger.newest(key) if self.manners.knows_keys else None
        if held is None or (isinstance(held, Staged) and held.status == "rejected"):
            return None
        if self.manners.forgets and now_ms - self._stored_at[key] >= self.profile.key_life_ms:
            return None
        return held

    def _again(self, row: Row, key: str, fingerprint: int, held: Held) -> RowReply | None:
        """The answer to a key that is known; None when its row is to be replaced."""
        manners = self.manners
        if held.fingerprint != fingerprint and manners.compares_content:
            if not manners.replaces:
                return self._mismatch(row)
            no = _irreplaceable(row, held) or self.ledger.refusal(row)
            return None if no is None else self._refuse(row, key, fingerprint, no)
        if manners.replaces:
            return _standing(row.key, held, replayed=False)
        if self.profile.duplicate_answer == "duplicate":
            return RowReply(row.key, "duplicate", detail="the record already exists")
        return _standing(row.key, held, replayed=True)

    def _replace(self, row: Row, fingerprint: int, held: Held) -> RowReply:
        if isinstance(held, Line):
            self.ledger.replace(held, row, fingerprint)
        else:
            held.row, held.fingerprint = row, fingerprint
        return _standing(row.key, held, replayed=False)

    def _stage(self, row: Row, key: str, fingerprint: int, now_ms: int, job: str) -> RowReply:
        staging = self.profile.staging
        assert staging is not None, "an ERP that stages has settings for it"
        names = (self._account, key, self.ledger.times(key))
        due_ms = now_ms + between(staging.shortest_ms, staging.longest_ms, self._seed, "erp/staged_for", *names)
        self._staged_ever += 1
        reference = f"{job}/{row.key}" if job else f"{self.ledger.entity}-S{self._staged_ever}"
        staged = Staged(key, row.entry_id, row, fingerprint, reference, job, due_ms)
        self.ledger.stage(staged, now_ms)
        heappush(self._queue, (due_ms, self._staged_ever, staged))
        if job:
            self._job_of.setdefault(key, job)
        return RowReply(row.key, "staged", reference=reference)

    def _stands_by_hand(self, row: Row) -> bool:
        if row.leg != "post" or not self.profile.guards_hand_postings:
            return False
        return self.ledger.hand_line(row.entry_id) is not None

    def exhaust_numbers(self, from_ms: int, until_ms: int) -> None:
        """There is no document number for new rows in this window."""
        self._numberless.append((from_ms, until_ms))

    def _no_number(self, key: str, now_ms: int) -> No | None:
        """Which row got no number gets none for as long as a lock lasts (see `locked_ms`)."""
        if not self._numberless:
            return None
        if any(from_ms <= now_ms < until_ms for from_ms, until_ms in self._numberless):
            self._numberless_until[key] = now_ms + self.profile.locked_ms
        return NO_NUMBER if now_ms < self._numberless_until.get(key, now_ms) else None

    def _looks_alike(self, row: Row, now_ms: int) -> bool:
        """Whether the ERP takes this content for a copy of another; it does so under whatever key it comes."""
        name = (row.entry_id, row.version)
        alike = self._alike.get(name)
        if alike is None:
            if now_ms >= self._calm_ms:
                return False
            alike = self._alike[name] = happens(
                self.profile.alike_ppm, self._seed, "erp/alike", self._account, *name
            ) and self._may("own_duplicate_check", f"{row.entry_id}/{row.version}", now_ms)
        if alike:
            self.ledger.evidence.refused_rows.setdefault(row.entry_id, set()).add("duplicate")
        return alike

    def _lock(self, key: str, now_ms: int) -> No | None:
        """A lock is met by the first attempt and gone after `locked_ms`; which keys meet one is chance."""
        if not self.profile.locked_ppm:
            return None
        until = self._locked_until.get(key)
        if until is None and now_ms >= self._calm_ms:
            return None
        if (
            until is None
            and happens(self.profile.locked_ppm, self._seed, "erp/locked", self._account, key)
            and self._may("row_failures", key, now_ms)
        ):
            until = self._locked_until[key] = now_ms + self.profile.locked_ms
        return LOCKED if until is not None and now_ms < until else None

    def _stored_error(self, row: Row, key: str, fingerprint: int) -> RowReply:
        stored = self._stored[key]
        if stored.fingerprint != fingerprint and self.manners.compares_content:
            return self._mismatch(row)
        self._write_down(row, stored.no)
        return RowReply(row.key, "refused", reason=stored.no.reason, detail=stored.no.detail, replayed=True)

    def _mismatch(self, row: Row) -> RowReply:
        # Not stored: the key keeps what it has.
        self._write_down(row, MISMATCH)
        return RowReply(row.key, "refused", reason=MISMATCH.reason, detail=MISMATCH.detail)

    def _refuse(self, row: Row, key: str, fingerprint: int, no: No) -> RowReply:
        self._remember_refusal(row, key, fingerprint, no)
        return RowReply(row.key, "refused", reason=no.reason, detail=no.detail)

    def _remember_refusal(self, row: Row, key: str, fingerprint: int, no: No) -> None:
        self._write_down(row, no)
        if no.reason in self.manners.stores:
            self._stored.setdefault(key, _Stored(self._as_stored(no), fingerprint))

    def _as_stored(self, no: No) -> No:
        return No(self.manners.stored_as, no.detail) if self.manners.stored_as else no

    def _write_down(self, row: Row, no: No) -> None:
        self.ledger.evidence.refused_rows.setdefault(row.entry_id, set()).add(no.reason)


def always(kind: str, what: str, at_ms: int) -> bool:
    """Where nobody keeps a book of misfortunes, whatever chance says happens."""
    return True


def _irreplaceable(row: Row, held: Held) -> No | None:
    settled = held.reversed_by or held.leg != "post" if isinstance(held, Line) else held.row.leg != "post"
    if settled or row.leg != "post" or row.entry_id != held.entry_id:
        return No("invalid", "a reversal, a reversed line or the line of another entry cannot be replaced")
    return None


def _standing(key: str, held: Held, *, replayed: bool) -> RowReply:
    if isinstance(held, Line):
        return RowReply(key, "posted", held.line_id, f"{held.fingerprint:08x}", replayed=replayed)
    return RowReply(key, "staged", reference=held.reference, replayed=replayed)
