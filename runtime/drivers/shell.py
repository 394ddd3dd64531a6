"""The shell around one partition: journal first, then apply, then act. Every driver turns the same crank.

    turn(inputs)   load what the inputs name -> decide -> commit -> apply, until there is nothing left to say
    start(permits) due -> decide Sending -> commit -> apply -> the effects may leave

Nothing is decided here. A commit that fails raises, and the partition stops: what is not durable did not happen.
"""

from collections.abc import Callable, Iterable, Sequence

from runtime.core.answers import HeadsListed, Republished
from runtime.core.effects import Effect
from runtime.core.inputs import Answered, Input, PermitCame, Restarted, Sending
from runtime.core.news import EntryApproved, EntryWithdrawn
from runtime.core.partition import Permits, State, apply, decide, due
from runtime.core.partition.state import Head, VersionNote, adopt, rebuild, settled, take_head
from runtime.core.policy import Policy
from runtime.core.records import Record
from runtime.journal.format import read_entry, read_frame, read_head, read_places, write_entry, write_frame, write_head
from runtime.ports import Journal

CHECKPOINT_EVERY = 4_096
"""Entries touched before a checkpoint is worth its write; more when more are open, so that its cost stays a share."""


class Shell:
    """One partition in one process: its state, its journal, and nothing else."""

    def __init__(
        self,
        policy: Policy,
        journal: Journal,
        witness: Callable[[Sequence[Record], int], None] | None = None,
        checkpoint_every: int = CHECKPOINT_EVERY,
    ) -> None:
        """`witness` is shown every batch of records once it is durable and applied; it changes nothing."""
        self.policy = policy
        self.journal = journal
        self.witness = witness
        self.checkpoint_every = checkpoint_every
        self.state = State(policy)
        self.checkpoints = 0

    # ---------------------------------------------------------------- life

    def wake_up(self, now_ms: int) -> None:
        """Start, or start again: load, apply, and take every call that was on the wire for silent."""
        recovered = self.journal.recover()
        head = Head() if recovered.head is None else read_head(recovered.head)
        self.state = rebuild(self.policy, head, map(read_entry, recovered.open_rows.values()))
        for frame in recovered.frames:
            at_ms, records = read_frame(frame)
            self._load(_entries_of(records))
            self.state.now_ms = max(self.state.now_ms, at_ms)
            for record in records:
                apply(self.state, record)
        self.turn((Restarted(self.state.head.epoch + 1),), now_ms)

    def turn(self, inputs: Sequence[Input], now_ms: int) -> None:
        """Take in what was heard; on return it is durable."""
        for round_ in _rounds(inputs):
            self._load(_entries_named(round_))
            self._commit(decide(self.state, [self._with_memory(one) for one in round_], now_ms), now_ms)
        self.look_around(now_ms)

    def look_around(self, now_ms: int) -> None:
        """Let the partition say whatever time alone makes it say."""
        while records := decide(self.state, (), now_ms):
            self._commit(records, now_ms)

    def start(self, permits: Permits, now_ms: int) -> list[Effect]:
        """The effects that may leave now; that they are about to is already durable."""
        if permits.erp:
            while records := decide(self.state, (PermitCame(),), now_ms):
                self._commit(records, now_ms)
        effects = due(self.state, permits, now_ms)
        if effects:
            self._commit(decide(self.state, [Sending(effect) for effect in effects], now_ms), now_ms)
        return effects

    # ---------------------------------------------------------------- journal

    def _commit(self, records: Sequence[Record], now_ms: int) -> None:
        if not records:
            return
        self.journal.commit(write_frame(records, now_ms))
        state = self.state
        state.now_ms = max(state.now_ms, now_ms)
        for record in records:
            apply(state, record)
        if self.witness is not None:
            self.witness(records, now_ms)
        if len(state.touched) >= self.checkpoint_every:
            self.checkpoint()

    def checkpoint(self) -> None:
        """Write what changed since the last one, and let go of what is settled."""
        state = self.state
        rows = []
        done = []
        for entry_id in state.touched:
            tracked = state.entries[entry_id]
            finished = settled(state, tracked)
            rows.append((entry_id, not finished, tracked.heard, write_entry(tracked)))
            if finished:
                done.append(entry_id)
        self.journal.checkpoint(write_head(take_head(state)), rows)
        state.touched.clear()
        for entry_id in done:
            del state.entries[entry_id]
        self.checkpoints += 1

    def _load(self, entry_ids: Iterable[str]) -> None:
        """Bring entries that were let go back into memory."""
        entries = self.state.entries
        absent = [entry_id for entry_id in entry_ids if entry_id not in entries]
        if absent:
            for row in self.journal.load(absent).values():
                tracked = read_entry(row)
                adopt(self.state, tracked)
                self.state.touched[tracked.entry_id] = None

    def _with_memory(self, one: Input) -> Input:
        """A recount answer, with what the journal's table knows of the entries it lists."""
        if isinstance(one, Answered) and isinstance(one.answer, HeadsListed):
            entries = self.state.entries
            absent = [head.entry_id for head in one.answer.heads if head.entry_id not in entries]
            return Answered(one.call_id, one.answer, self.journal.seen(absent))
        return one

    def places(self) -> Iterable[tuple[str, str, dict[int, VersionNote]]]:
        """(entry, reason, versions) of every entry this partition ever knew, as the journal has it; for audits."""
        self.checkpoint()
        return map(read_places, self.journal.load(self.journal.known()).values())


def _entries_named(inputs: Sequence[Input]) -> Iterable[str]:
    for one in inputs:
        if isinstance(one, EntryApproved):
            yield one.entry.entry_id
        elif isinstance(one, EntryWithdrawn):
            yield one.entry_id


def _entries_of(records: Sequence[Record]) -> Iterable[str]:
    """Entries that a record may touch although they were let go: only news does that."""
    for record in records:
        entry = getattr(record, "entry", None)
        if entry is not None:
            yield entry.entry_id
        else:
            entry_id = getattr(record, "entry_id", None)
            if entry_id is not None:
                yield entry_id


def _rounds(inputs: Sequence[Input]) -> Iterable[list[Input]]:
    """Split the inputs so that no round speaks of one entry twice, and word of a call stands alone."""
    round_: list[Input] = []
    named: set[str] = set()
    for one in inputs:
        if isinstance(one, EntryApproved):
            name = one.entry.entry_id
        elif isinstance(one, EntryWithdrawn):
            name = one.entry_id
        else:
            if round_:
                yield round_
                round_, named = [], set()
            if isinstance(one, Answered) and isinstance(one.answer, Republished):
                yield from _rounds(one.answer.news)
            yield [one]
            continue
        if name in named:
            yield round_
            round_, named = [], set()
        round_.append(one)
        named.add(name)
    if round_:
        yield round_
