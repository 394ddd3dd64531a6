"""The shell around one partition: journal first, then apply, then act. Every driver turns the same crank.

    take(news)     load what the news names -> decide -> commit -> apply -> a receipt for each item
    turn(inputs)   the same for word of our own calls and for people's commands
    start(permits) due -> decide Sending -> commit -> apply -> the effects may leave
    tidy           now and then a checkpoint: what is settled, or far back in the queue, leaves memory

Nothing is decided here. A commit that fails raises, and the partition stops: what is not durable did not happen.
"""

from collections.abc import Callable, Iterable, Sequence

from runtime.core.answers import HeadsListed, Republished
from runtime.core.effects import Effect
from runtime.core.inputs import Answered, Command, Input, PermitCame, Restarted, Sending
from runtime.core.news import ConfigurationPublished, EntryApproved, EntryWithdrawn, News
from runtime.core.partition import Permits, State, apply, decide, due
from runtime.core.partition.queue import behind_window, queue_in_order
from runtime.core.partition.state import (
    Head,
    Tracked,
    VersionNote,
    adopt,
    order_line,
    put_aside,
    rebuild,
    settled,
    take_head,
)
from runtime.core.partition.worth import Worth, worth
from runtime.core.policy import Policy, tuned
from runtime.core.records import BatchSent, Record, RowsApplied, RowsReversed, StatusesTaken
from runtime.journal.format import read_entry, read_frame, read_head, read_places, write_entry, write_frame, write_head
from runtime.ports import EffectRow, Journal, Keep, Receipt, Row, Taken

CHECKPOINT_EVERY = 4_096
"""Entries touched before a checkpoint is worth its write, if half of them are settled and can leave memory."""
CHECKPOINT_AT_LAST = 4
"""At so many times that number there is a checkpoint in any case, so that a recovery has not too much to apply. In a
flood of news everything is still open: to write it early is to write it twice, and a row costs as much as taking
the entry in (14 us against 11, measured)."""
WINDOW = 20_000
"""Entries in memory beyond which those at the end of the queue stay on disk: some 80 MB (4 KB each, assumed)."""


class Shell:
    """One partition in one process: its state, its journal, and nothing else."""

    def __init__(
        self,
        policy: Policy,
        journal: Journal,
        witness: Callable[[Sequence[Record], int], None] | None = None,
        checkpoint_every: int = CHECKPOINT_EVERY,
        window: int = WINDOW,
        read: Callable[[bytes], tuple[int, list[Record]]] = read_frame,
    ) -> None:
        """`witness` is shown every batch of records once it is durable, right before it is applied.

        `read` is `read_frame`, or one that remembers what it read.
        """
        self.policy = policy
        self.journal = journal
        self.witness = witness
        self.checkpoint_every = checkpoint_every
        self.window = window
        self.read = read
        self.state = State(policy)
        self.checkpoints = 0
        self.shelved = 0
        """Queued entries that are not in memory."""
        self._told = 0
        """Entries of which the source knows the end since the last checkpoint: about as many are settled."""
        self._shelf_from = 0
        """No ticket on the shelf is lower."""
        self._effects: list[EffectRow] = []

    # ---------------------------------------------------------------- life

    def wake_up(self, now_ms: int) -> None:
        """Start, or start again: load, apply, and take every call that was on the wire for silent."""
        self.recover()
        self.begin(now_ms)

    def recover(self) -> None:
        """Load and apply what is durable; nothing is written."""
        recovered = self.journal.recover()
        head = Head() if recovered.head is None else read_head(recovered.head)
        self.state = rebuild(self.policy, head, map(read_entry, recovered.open_rows.values()))
        self.shelved = recovered.shelved
        self.replay(recovered.frames)

    def replay(self, frames: Iterable[bytes]) -> None:
        """Apply frames that are durable already."""
        for frame in frames:
            at_ms, records = self.read(frame)
            self._load(_entries_of(records))
            self._apply(records, at_ms)

    def begin(self, now_ms: int) -> None:
        """Say that a new process goes on from here, and take every call that was on the wire for silent."""
        self.turn((Restarted(self.state.head.epoch + 1),), now_ms)

    def turn(self, inputs: Sequence[Input], now_ms: int) -> None:
        """Take in what was heard; on return it is durable."""
        for round_ in _rounds(inputs):
            self._load(_entries_named(round_))
            self._commit(decide(self.state, [self._with_memory(one) for one in round_], now_ms), now_ms)
        self.look_around(now_ms)

    def take(self, news: Sequence[News], now_ms: int) -> list[Receipt]:
        """Take news in from somebody who waits for a receipt for each item; on return it is durable."""
        receipts: list[Receipt] = []
        for round_ in _rounds(news):
            self._load(_entries_named(round_))
            known = [_known(self.state, one) for one in round_]
            records = decide(self.state, round_, now_ms)
            self._commit(records, now_ms)
            if not isinstance(round_[0], EntryApproved | EntryWithdrawn):
                known = [None if records else self._why_not(round_[0])]
            receipts += [ACCEPTED if receipt is None else receipt for receipt in known]
        self.look_around(now_ms)
        return receipts

    def order(self, command: Command, now_ms: int) -> bool:
        """Carry out what a person asks; False when there was nothing to do."""
        records = decide(self.state, (command,), now_ms)
        self._commit(records, now_ms)
        self.look_around(now_ms)
        return bool(records)

    def worth(self, approved: Sequence[EntryApproved]) -> list[Worth]:
        """What each of these would bring if it were taken in now; nothing is loaded, decided or written."""
        entries = self.state.entries
        absent = [one.entry.entry_id for one in approved if one.entry.entry_id not in entries]
        seen = self.journal.seen(absent)
        return [worth(self.state, one, seen.get(one.entry.entry_id, 0)) for one in approved]

    def _why_not(self, one: Input) -> Receipt:
        """The receipt for reference data that changed nothing."""
        if isinstance(one, ConfigurationPublished) and one.version > self.state.head.configuration:
            try:
                tuned(self.state.started_with, one.changes)
            except ValueError as fault:
                return Receipt(Taken.REFUSED, str(fault))
        return DUPLICATE

    def look_around(self, now_ms: int) -> None:
        """Let the partition say whatever time alone makes it say."""
        while records := decide(self.state, (), now_ms):
            self._commit(records, now_ms)
        if self.shelved:
            self._refill()

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
        if self.witness is not None:
            self.witness(records, now_ms)
        self._apply(records, now_ms)

    def _apply(self, records: Sequence[Record], at_ms: int) -> None:
        state = self.state
        state.now_ms = max(state.now_ms, at_ms)
        for record in records:
            if isinstance(record, _LINES_MADE):
                self._effects += [(key, state.keys[key], ledger_id) for key, ledger_id in record.rows]
            elif isinstance(record, StatusesTaken):
                self._told += len(record.statuses)
            apply(state, record)

    def tidy(self) -> None:
        """Checkpoint if it is worth it. For the end of a turn: whoever waits for word of it has it already."""
        touched, every = len(self.state.touched), self.checkpoint_every
        if touched >= every and (2 * self._told >= touched or touched >= CHECKPOINT_AT_LAST * every):
            self.checkpoint()

    def checkpoint(self) -> None:
        """Write what changed since the last one, and let go of what is settled or far back in the queue."""
        state = self.state
        surplus = len(state.entries) - self.window
        shelved = behind_window(state, self.window) if surplus > 0 else []
        for tracked in shelved:
            state.touched[tracked.entry_id] = None
        aside = {tracked.entry_id for tracked in shelved}
        rows: list[Row] = []
        done = []
        for entry_id in state.touched:
            tracked = state.entries[entry_id]
            keep = Keep.OPEN
            if entry_id in aside:
                keep = Keep.SHELVED
            elif settled(state, tracked):
                keep = Keep.SETTLED
                done.append(entry_id)
            rows.append((entry_id, keep, tracked.heard, tracked.ticket, write_entry(tracked)))
        self.journal.checkpoint(write_head(take_head(state)), rows, self._effects)
        self._effects = []
        state.touched.clear()
        for entry_id in done:
            del state.entries[entry_id]
        if shelved:
            put_aside(state, aside)
            first = shelved[0].ticket
            self._shelf_from = min(self._shelf_from, first) if self.shelved else first
            self.shelved += len(shelved)
        self.checkpoints += 1
        self._told = 0

    def _refill(self) -> None:
        """Take from the shelf what is next in line, before the line in memory runs out or overtakes it."""
        state = self.state
        enough = 2 * state.policy.batch_max
        most = max(enough, self.window // 2)
        while self.shelved:
            line = queue_in_order(state, enough)
            if len(line) == enough and line[-1].ticket < self._shelf_from:
                return
            found = [read_entry(row) for row in self.journal.shelf(self._shelf_from - 1, most)]
            for tracked in found:
                # Some came back by name since the last checkpoint; the shelf does not know of that yet.
                if tracked.entry_id not in state.entries:
                    self._take_from_shelf(tracked)
            order_line(state)
            if len(found) < most:
                self.shelved = 0
            else:
                self._shelf_from = found[-1].ticket + 1

    def _take_from_shelf(self, tracked: Tracked) -> None:
        adopt(self.state, tracked)
        self.shelved = max(0, self.shelved - 1)

    def _load(self, entry_ids: Iterable[str]) -> None:
        """Bring entries that were let go back into memory."""
        entries = self.state.entries
        absent = [entry_id for entry_id in entry_ids if entry_id not in entries]
        if not absent:
            return
        queued = False
        for row in self.journal.load(absent).values():
            tracked = read_entry(row)
            if tracked.ticket:
                self._take_from_shelf(tracked)
                queued = True
            else:
                adopt(self.state, tracked)
            self.state.touched[tracked.entry_id] = None
        if queued:
            order_line(self.state)

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


_LINES_MADE = (RowsApplied, RowsReversed)


def _entries_named(inputs: Sequence[Input]) -> Iterable[str]:
    for one in inputs:
        if isinstance(one, EntryApproved):
            yield one.entry.entry_id
        elif isinstance(one, EntryWithdrawn):
            yield one.entry_id


def _entries_of(records: Sequence[Record]) -> Iterable[str]:
    """Entries that a record may touch although they are not in memory: news of them, or their turn in the queue."""
    for record in records:
        entry = getattr(record, "entry", None)
        if entry is not None:
            yield entry.entry_id
            continue
        entry_id = getattr(record, "entry_id", None)
        if entry_id is not None:
            yield entry_id
            continue
        yield from getattr(record, "entry_ids", ())
        if isinstance(record, BatchSent):
            yield from (row.posting.entry_id for row in record.rows)


ACCEPTED = Receipt(Taken.ACCEPTED)
DUPLICATE = Receipt(Taken.DUPLICATE)
CONFLICT = Receipt(
    Taken.REFUSED, "another content was published under this version before; publish the change as a new version"
)


def _known(state: State, one: Input) -> Receipt | None:
    """The receipt for news of an entry that was heard before; None for what is new."""
    if isinstance(one, EntryApproved):
        tracked, version = state.entries.get(one.entry.entry_id), one.entry.version
    elif isinstance(one, EntryWithdrawn):
        tracked, version = state.entries.get(one.entry_id), one.version
    else:
        return None
    if tracked is None or not tracked.heard >> version & 1:
        return None
    if version != tracked.latest:
        return DUPLICATE
    now = one.entry if isinstance(one, EntryApproved) else None
    return DUPLICATE if tracked.entry == now else CONFLICT


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
