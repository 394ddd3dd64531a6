"""What every store owes: one suite for memory, SQLite and PostgreSQL.

A module of tests subclasses `StoreContract` and brings a fixture `place`: where the store lives, and what a test has
to be able to do to it from outside.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from threading import Event
from typing import Protocol

import pytest

from runtime.journal.chain import GENESIS
from runtime.ports import (
    LETTER_BYTES,
    AuditNote,
    DurableJournal,
    HostOrder,
    JournalError,
    Keep,
    Letter,
    NotOwnerError,
    Row,
    Store,
    StoreBrokenError,
)

LEASE_MS = 60_000
WIDE = 1 << 4_000 | 1 << 63 | 1 << 1


class Place(Protocol):
    """Where a store lives, empty at first."""

    def store(self) -> Store:
        """The store as a process sees it that has just started; closed when the test is over."""

    def later(self, ms: int) -> None:
        """Let so much time pass on the store's clock."""

    def flip_a_bit(self, name: str) -> None:
        """Damage one bit of the oldest frame of a partition that is still in its log."""


def taken(store: Store, name: str = "DE01", host: str = "host-1") -> DurableJournal:
    """The journal of a name that was just claimed."""
    return store.journal(store.claim(name, host, "127.0.0.1:1", LEASE_MS))


def chain_of(*frames: bytes) -> str:
    """The hash chain over these frames, worked out by hand."""
    chain = GENESIS
    for frame in frames:
        chain = sha256(chain.encode() + frame).hexdigest()
    return chain


def row(entry_id: str, keep: Keep = Keep.SETTLED, heard: int = 2, ticket: int = 0, body: bytes = b"body") -> Row:
    """A row of the entry table."""
    return entry_id, keep, heard, ticket, body


def letter(number: int) -> Letter:
    """A letter in quarantine."""
    return Letter(f"{number:032x}", "psa", "unknown_type", "no such type", b'{"type":"\xff"}', 1_000 + number)


def compact_all(journal: DurableJournal) -> int:
    """Archive whatever may be archived; how many frames that were."""
    return sum(iter(lambda: journal.compact(2), 0))


class StoreContract:
    """The suite."""

    @pytest.fixture
    def threads(self) -> Iterator[ThreadPoolExecutor]:
        """A second thread."""
        with ThreadPoolExecutor(1) as pool:
            yield pool

    # ---------------------------------------------------------------- durability

    def test_an_empty_journal_recovers_empty(self, place: Place) -> None:
        """A partition that never ran has no head, no rows, no frames, and the chain before the first frame."""
        recovered = taken(place.store()).recover()
        assert (recovered.head, dict(recovered.open_rows), tuple(recovered.frames)) == (None, {}, ())
        assert (recovered.chain, recovered.shelved) == (GENESIS, 0)

    def test_frames_are_there_after_a_new_start(self, place: Place) -> None:
        """What was committed is recovered in order by a process that has just started, and the chain goes on."""
        journal = taken(place.store())
        journal.commit(b"one")
        journal.commit(b"\x00\xfftwo")
        again = taken(place.store())
        assert tuple(again.recover().frames) == (b"one", b"\x00\xfftwo")
        again.commit(b"three")
        assert again.chain == again.recover().chain == chain_of(b"one", b"\x00\xfftwo", b"three")

    def test_a_checkpoint_is_there_after_a_new_start(self, place: Place) -> None:
        """Head, open rows, the number of shelved ones and the frames since are recovered; settled rows are not."""
        journal = taken(place.store())
        journal.commit(b"one")
        journal.checkpoint(
            b"head",
            [row("E-1", Keep.OPEN, body=b"open"), row("E-2", body=b"done"), row("E-3", Keep.SHELVED, ticket=7)],
            [("k-1", "E-2", "GL-2")],
        )
        journal.commit(b"two")
        recovered = taken(place.store()).recover()
        assert (recovered.head, dict(recovered.open_rows), tuple(recovered.frames)) == (
            b"head",
            {"E-1": b"open"},
            (b"two",),
        )
        assert (recovered.chain, recovered.shelved) == (chain_of(b"one", b"two"), 1)

    def test_a_later_checkpoint_replaces_row_and_keep(self, place: Place) -> None:
        """The last checkpoint that named an entry says what its row is, and what it is kept for."""
        journal = taken(place.store())
        journal.checkpoint(b"1", [row("E-1", Keep.OPEN, body=b"open"), row("E-2", Keep.SHELVED, ticket=3)])
        journal.checkpoint(b"2", [row("E-1", heard=6, body=b"done"), row("E-2", Keep.OPEN, body=b"back")])
        journal.checkpoint(b"3", [])
        recovered = journal.recover()
        assert (recovered.head, dict(recovered.open_rows), recovered.shelved) == (b"3", {"E-2": b"back"}, 0)
        assert journal.load(["E-1"]) == {"E-1": b"done"}
        assert journal.seen(["E-1"]) == {"E-1": 6}

    def test_partitions_do_not_see_each_other(self, place: Place) -> None:
        """Entries, frames and chain of one name are nobody else's, however alike the names are."""
        store = place.store()
        names = ("DE01", "DE-01", "DE 01", "DE/01", "springtide", "ÖSTERREICH")
        for name in names:
            journal = taken(store, name)
            journal.commit(name.encode())
            journal.checkpoint(name.encode(), [row("E-1", Keep.OPEN, body=name.encode())])
        for name in names:
            recovered = taken(place.store(), name).recover()
            assert (recovered.head, recovered.open_rows["E-1"]) == (name.encode(), name.encode())
            assert recovered.chain == chain_of(name.encode())
        assert [owner.name for owner in store.owners()] == sorted(names)

    # ---------------------------------------------------------------- the table

    def test_rows_are_found_by_id(self, place: Place) -> None:
        """Loading tells of the entries that the table knows and leaves out the others, a thousand at a time too."""
        journal = taken(place.store())
        ids = [f"E-{number}" for number in range(1_500)]
        journal.checkpoint(b"head", [row(entry_id, body=entry_id.encode()) for entry_id in ids])
        assert journal.load(iter([*ids, "E-x", "E-1"])) == {entry_id: entry_id.encode() for entry_id in ids}
        assert journal.seen(["E-5", "E-x"]) == {"E-5": 2}
        assert (journal.load([]), journal.seen([])) == ({}, {})
        assert sorted(journal.known()) == sorted(ids)

    def test_strange_ids_are_ids_too(self, place: Place) -> None:
        """Quotes, percent signs, other scripts and case make different entries, which are found as they were named."""
        journal = taken(place.store())
        ids = ['a"b', "a'b", "a%b", "a_b", "A_B", "a\\b", "", " ", "é", "e\u0301", "工时", "x" * 500]
        journal.checkpoint(b"head", [row(entry_id, body=entry_id.encode()) for entry_id in ids])
        assert journal.load(ids) == {entry_id: entry_id.encode() for entry_id in ids}
        assert sorted(journal.known()) == sorted(ids)

    def test_a_mask_of_four_thousand_versions_comes_back(self, place: Place) -> None:
        """The versions heard of are known exactly, also where they do not fit a machine word."""
        journal = taken(place.store())
        masks = {"E-1": WIDE, "E-2": (1 << 63) - 1, "E-3": 1 << 63, "E-4": 1 << 64, "E-5": 0}
        journal.checkpoint(b"head", [row(entry_id, heard=heard) for entry_id, heard in masks.items()])
        assert taken(place.store()).seen(masks) == masks

    def test_the_shelf_is_read_by_ticket(self, place: Place) -> None:
        """Shelved rows come in the order of their tickets, from a place in the queue, at most so many."""
        journal = taken(place.store())
        tickets = [5, 300, 2, 70_000_000_000, 11]
        journal.checkpoint(b"head", [row(f"E-{at}", Keep.SHELVED, ticket=at, body=str(at).encode()) for at in tickets])
        assert list(journal.shelf(0, 10)) == [b"2", b"5", b"11", b"300", b"70000000000"]
        assert list(journal.shelf(5, 2)) == [b"11", b"300"]
        assert list(journal.shelf(70_000_000_000, 2)) == []

    def test_what_leaves_the_shelf_is_not_read_from_it(self, place: Place) -> None:
        """A row that is open or settled again is gone from the shelf; one that queued anew stands at its new place."""
        journal = taken(place.store())
        journal.checkpoint(b"1", [row(f"E-{at}", Keep.SHELVED, ticket=at, body=b"old") for at in (1, 2, 3, 4)])
        journal.checkpoint(b"2", [row("E-1", Keep.OPEN), row("E-2"), row("E-3", Keep.SHELVED, ticket=9, body=b"new")])
        assert list(journal.shelf(0, 10)) == [b"old", b"new"]
        journal.checkpoint(b"3", [row("E-1", Keep.SHELVED, ticket=1, body=b"back")])
        assert list(journal.shelf(0, 10)) == [b"back", b"old", b"new"]
        assert taken(place.store()).recover().shelved == 3

    # ---------------------------------------------------------------- fencing

    def test_a_zombie_writes_nothing(self, place: Place) -> None:
        """After somebody else claimed, the old owner's steps raise NotOwnerError, and nothing of them is there."""
        zombie = taken(place.store())
        zombie.commit(b"one")
        zombie.checkpoint(b"before", [])
        zombie.commit(b"two")
        owner = taken(place.store())
        for step in (
            lambda: zombie.commit(b"three"),
            lambda: zombie.checkpoint(b"after", [row("E-1", Keep.OPEN)], [("k-1", "E-1", "GL-1")]),
            lambda: zombie.compact(),
        ):
            with pytest.raises(NotOwnerError):
                step()
        recovered = owner.recover()
        assert (recovered.head, dict(recovered.open_rows), tuple(recovered.frames)) == (b"before", {}, (b"two",))
        assert owner.effect("k-1") is None
        owner.commit(b"four")
        assert owner.chain == chain_of(b"one", b"two", b"four")

    def test_a_zombie_that_recovers_is_still_one(self, place: Place) -> None:
        """Reading what is durable does not make anybody an owner."""
        zombie = taken(place.store())
        taken(place.store()).commit(b"one")
        assert tuple(zombie.recover().frames) == (b"one",)
        with pytest.raises(NotOwnerError):
            zombie.commit(b"two")

    def test_nothing_lands_after_a_claim(self, place: Place, threads: ThreadPoolExecutor) -> None:
        """Whatever the old owner is in the middle of, a new one that has claimed sees all that will ever be there."""
        for round_ in range(3):
            zombie = taken(place.store(), f"DE{round_}")
            begun, over = Event(), Event()
            running = threads.submit(_commit_until_fenced, zombie, begun, over)
            try:
                assert begun.wait(30)
                owner = taken(place.store(), f"DE{round_}")
                found = tuple(owner.recover().frames)
                assert running.result(30) <= len(found)
            finally:
                over.set()
            assert tuple(owner.recover().frames) == found

    # ---------------------------------------------------------------- ownership

    def test_a_lease_keeps_other_hosts_out(self, place: Place) -> None:
        """While a lease runs, another host is refused, and the holder stays what it is."""
        store = place.store()
        first = store.claim("DE01", "host-1", "127.0.0.1:1", LEASE_MS)
        with pytest.raises(NotOwnerError):
            place.store().claim("DE01", "host-2", "127.0.0.1:2", LEASE_MS)
        assert list(store.owners()) == [first]

    def test_a_lease_runs_out(self, place: Place) -> None:
        """When a lease has run out, another host becomes the owner under the next epoch."""
        store = place.store()
        first = store.claim("DE01", "host-1", "127.0.0.1:1", LEASE_MS)
        place.later(LEASE_MS + 1)
        second = place.store().claim("DE01", "host-2", "127.0.0.1:2", LEASE_MS)
        assert (second.epoch, second.host) == (first.epoch + 1, "host-2")
        assert [(owner.host, owner.address) for owner in store.owners()] == [("host-2", "127.0.0.1:2")]

    def test_a_renewed_lease_runs_on(self, place: Place) -> None:
        """Renewing moves the end of a lease; who was replaced in the meantime is left out of the answer."""
        store = place.store()
        kept = store.claim("DE01", "host-1", "", LEASE_MS)
        lost = store.claim("account:erp", "host-1", "", LEASE_MS)
        place.later(LEASE_MS // 2)
        place.store().claim("account:erp", "host-1", "", LEASE_MS)
        renewed = store.renew([lost, kept], LEASE_MS)
        assert [(owner.name, owner.epoch) for owner in renewed] == [("DE01", kept.epoch)]
        place.later(LEASE_MS // 2 + 1)
        with pytest.raises(NotOwnerError):
            place.store().claim("DE01", "host-2", "", LEASE_MS)

    def test_who_was_replaced_renews_nothing(self, place: Place) -> None:
        """A renewal under an old epoch does not touch the lease of the new owner."""
        store = place.store()
        old = store.claim("DE01", "host-1", "a", LEASE_MS)
        new = store.claim("DE01", "host-1", "b", LEASE_MS)
        assert list(store.renew([old], 10 * LEASE_MS)) == []
        store.release(old)
        assert list(store.owners()) == [new]

    def test_what_was_given_back_is_not_renewed(self, place: Place) -> None:
        """A renewal that crosses a release does not take the name again: it stays free for whoever claims it."""
        store = place.store()
        released, kept = (store.claim(name, "host-1", "", LEASE_MS) for name in ("DE01", "GB01"))
        store.release(released)
        assert [owner.name for owner in store.renew([released, kept], LEASE_MS)] == ["GB01"]
        place.store().claim("DE01", "host-2", "", LEASE_MS)
        assert [(owner.name, owner.host) for owner in store.owners()] == [("DE01", "host-2"), ("GB01", "host-1")]

    def test_the_same_host_claims_at_once(self, place: Place) -> None:
        """A host that comes back need not wait for the lease of its former life, whose epoch is fenced."""
        journal = taken(place.store())
        taken(place.store())
        with pytest.raises(NotOwnerError):
            journal.commit(b"one")

    def test_a_released_name_is_free(self, place: Place) -> None:
        """After a release nobody waits for the lease; the epoch goes on from where it was."""
        store = place.store()
        first = store.claim("supervisor:main", "host-1", "", LEASE_MS)
        store.release(first)
        second = place.store().claim("supervisor:main", "host-2", "", LEASE_MS)
        assert second.epoch == first.epoch + 1

    def test_two_that_claim_at_once_are_not_both_owners(self, place: Place, threads: ThreadPoolExecutor) -> None:
        """Of two hosts that claim a free name at the same moment, exactly one gets it."""
        stores = place.store(), place.store()
        for round_ in range(5):
            other = threads.submit(_claims, stores[1], f"DE{round_}", "host-2")
            ours = _claims(stores[0], f"DE{round_}", "host-1")
            assert ours + other.result() == 1

    def test_leases_run_on_the_clock_of_the_store(self, place: Place) -> None:
        """The end of a lease is an instant of the store's clock."""
        store = place.store()
        before = store.now_ms()
        owner = store.claim("DE01", "host-1", "", LEASE_MS)
        assert before + LEASE_MS <= owner.lease_until_ms <= store.now_ms() + LEASE_MS

    # ---------------------------------------------------------------- history

    def test_an_effect_key_tells_its_entry(self, place: Place) -> None:
        """Every key that was ever handed over is found, with what was said of it last."""
        journal = taken(place.store())
        journal.checkpoint(b"1", [], [("k-1", "E-1", ""), ("k-2", "E-2", "GL-2")])
        journal.checkpoint(b"2", [], [("k-1", "E-1", "GL-1")])
        again = taken(place.store())
        assert [again.effect(key) for key in ("k-1", "k-2", "k-3")] == [("E-1", "GL-1"), ("E-2", "GL-2"), None]

    @pytest.mark.parametrize("compacted", [False, True], ids=["log", "segments"])
    def test_every_frame_about_an_entry_is_found(self, place: Place, compacted: bool) -> None:
        """The frames that name an entry are found in order: before its first row, until its last one, and since."""
        journal = taken(place.store())
        for number in range(12):
            journal.commit(b'{"n":%d,"entry":"%s"}' % (number, (b"E-1", b"E-2", b'\xc3\xa4\\"3')[number % 3]))
            if number % 4 == 3:
                journal.checkpoint(b"head", [row("E-1"), row("E-2"), row('ä"3')])
                if compacted:
                    assert compact_all(journal) == 4
        journal.commit(b'{"n":12,"entry":"E-2"}')
        assert [_number(frame) for frame in journal.frames_about("E-1")] == [0, 3, 6, 9]
        assert [_number(frame) for frame in journal.frames_about("E-2")] == [1, 4, 7, 10, 12]
        assert [_number(frame) for frame in journal.frames_about('ä"3')] == [2, 5, 8, 11]
        assert list(journal.frames_about("E-9")) == []

    def test_compaction_keeps_what_recovery_needs(self, place: Place) -> None:
        """Frames after the last checkpoint stay; chain, recovery and verification are as before, and it all goes on."""
        journal = taken(place.store())
        frames = [b"frame %d " % number * 50 for number in range(9)]
        for frame in frames[:6]:
            journal.commit(frame)
        assert journal.compact() == 0
        journal.checkpoint(b"head", [row("E-1", Keep.OPEN)])
        for frame in frames[6:8]:
            journal.commit(frame)
        before = journal.recover()
        assert (journal.compact(4), compact_all(journal)) == (4, 2)
        assert journal.recover() == before
        assert journal.verify() == 8
        again = taken(place.store())
        assert again.recover() == before
        again.checkpoint(b"head", [])
        assert compact_all(again) == 2
        assert taken(place.store()).chain == chain_of(*frames[:8])
        last = taken(place.store())
        last.commit(frames[8])
        assert (last.chain, last.verify()) == (chain_of(*frames), 9)

    def test_a_flipped_bit_is_found(self, place: Place) -> None:
        """Verification does not pass over damage: a frame that is not the one that was committed is found."""
        journal = taken(place.store())
        for number in range(4):
            journal.commit(b"frame %d" % number)
        assert journal.verify() == 4
        place.flip_a_bit("DE01")
        with pytest.raises(StoreBrokenError):
            taken(place.store()).verify()

    # ---------------------------------------------------------------- the office

    def test_letters_wait_until_somebody_settles_them(self, place: Place) -> None:
        """A letter is kept with its bytes; the same again is counted; what became of it moves it between the states."""
        office = place.store().office()
        office.quarantine([letter(2), letter(1), letter(3)])
        office.quarantine([letter(2), letter(2)])
        office.settle_letter(letter(3).letter_id, "dropped")
        office = place.store().office()
        waiting = list(office.letters())
        assert [one.letter_id for one in waiting] == [letter(1).letter_id, letter(2).letter_id]
        assert (waiting[0], waiting[1].times) == (letter(1), 3)
        assert list(office.letters(after=letter(1).letter_id, most=1)) == waiting[1:]
        assert list(office.letters(most=1)) == waiting[:1]
        assert [one.letter_id for one in office.letters("dropped")] == [letter(3).letter_id]
        assert dict(office.count_letters()) == {"waiting": 2, "dropped": 1}

    def test_a_dropped_letter_that_is_sent_again_waits_again(self, place: Place) -> None:
        """Whoever sends it again means it; one that was replayed stays so, since it was taken in."""
        office = place.store().office()
        office.quarantine([letter(1), letter(2)])
        office.settle_letter(letter(1).letter_id, "dropped")
        office.settle_letter(letter(2).letter_id, "replayed")
        office.quarantine([letter(1), letter(2)])
        (waiting,) = place.store().office().letters()
        assert (waiting.letter_id, waiting.times) == (letter(1).letter_id, 2)
        assert dict(office.count_letters()) == {"waiting": 1, "replayed": 1}

    def test_what_waits_of_a_source_is_bounded(self, place: Place) -> None:
        """Beyond the bound nothing of a delivery is kept; what is there already, and other sources, are not refused."""
        office = place.store().office()
        most = 2 * (LETTER_BYTES + len(letter(1).body))
        other = replace(letter(4), source="another", letter_id="4" * 32)
        assert office.quarantine([letter(1)], most)
        assert not office.quarantine([letter(2), letter(3)], most)
        assert office.quarantine([letter(1), letter(2)], most)
        assert not place.store().office().quarantine([letter(3)], most)
        assert office.quarantine([other], most)
        assert office.quarantine([letter(1)], 1)
        assert dict(office.count_letters()) == {"waiting": 3}
        office.settle_letter(letter(1).letter_id, "dropped")
        assert office.quarantine([letter(3)], most)
        assert not office.quarantine([letter(1)], most)
        assert [one.letter_id for one in office.letters("dropped")] == [letter(1).letter_id]

    def test_a_name_is_new_once(self, place: Place) -> None:
        """A name shown again before its time is over is not new, for no process; after that it is."""
        office = place.store().office()
        assert office.first_time("delivery-1", until_ms=2_000, now_ms=1_000)
        assert not office.first_time("delivery-1", until_ms=9_000, now_ms=1_999)
        assert office.first_time("delivery-2", until_ms=2_000, now_ms=1_999)
        assert not place.store().office().first_time("delivery-1", until_ms=9_000, now_ms=1_500)
        assert office.first_time("delivery-1", until_ms=9_000, now_ms=2_000)
        assert not office.first_time("delivery-1", until_ms=9_000, now_ms=2_001)

    def test_a_name_shown_to_two_at_once_is_new_to_one(self, place: Place, threads: ThreadPoolExecutor) -> None:
        """Two processes that are shown the same delivery at the same moment do not both take it for new."""
        offices = place.store().office(), place.store().office()
        for round_ in range(10):
            other = threads.submit(offices[1].first_time, f"delivery-{round_}", 2_000, 1_000)
            assert offices[0].first_time(f"delivery-{round_}", 2_000, 1_000) + other.result() == 1

    def test_audit_notes_are_read_newest_first(self, place: Place) -> None:
        """Notes stand as they were written, in the order of writing, and the newest are read first."""
        office = place.store().office()
        notes = [AuditNote(5, "ana", "pause", f"DE0{number}", "month end", "done") for number in range(3)]
        for note in notes:
            office.note(note)
        office = place.store().office()
        told = list(office.audit())
        assert [replace(one, number=0) for one in told] == notes[::-1]
        assert told[0].number > told[1].number > told[2].number > 0
        assert list(office.audit(2)) == told[:2]

    def test_the_audit_is_read_page_by_page(self, place: Place) -> None:
        """What is before a number and nothing else, also while notes are written."""
        office = place.store().office()
        for number in range(5):
            office.note(AuditNote(5, "ana", "pause", f"DE0{number}", "month end", "done"))
        first = office.audit(2)
        office.note(AuditNote(6, "bo", "pause", "late", "month end", "done"))
        second = office.audit(2, before=first[-1].number)
        third = office.audit(2, before=second[-1].number)
        assert [one.target for one in (*first, *second, *third)] == ["DE04", "DE03", "DE02", "DE01", "DE00"]
        assert list(office.audit(2, before=third[-1].number)) == []

    def test_orders_stand_until_they_are_carried_out(self, place: Place) -> None:
        """Every process sees them, oldest first; the later one for a host counts; what is done is gone."""
        office = place.store().office()
        first = [HostOrder(f"host-{number}", "restart", "ana", "new build", 7) for number in (2, 1, 3)]
        office.order(first)
        office.order([HostOrder("host-3", "drain", "bo", "its node goes", 5)])
        office = place.store().office()
        assert [(one.host, one.verb) for one in office.orders()] == [
            ("host-3", "drain"),
            ("host-1", "restart"),
            ("host-2", "restart"),
        ]
        assert office.orders()[1] == first[1]
        office.carried_out(["host-1", "host-3", "host-9"])
        assert [one.host for one in place.store().office().orders()] == ["host-2"]

    # ---------------------------------------------------------------- the rest

    def test_a_closed_journal_writes_nothing(self, place: Place) -> None:
        """A journal that was given back takes no step any more, and another one of the same owner does."""
        store = place.store()
        owner = store.claim("DE01", "host-1", "", LEASE_MS)
        journal = store.journal(owner)
        journal.commit(b"one")
        journal.close()
        with pytest.raises(JournalError):
            journal.commit(b"late")
        again = store.journal(owner)
        again.commit(b"two")
        assert tuple(again.recover().frames) == (b"one", b"two")

    def test_headroom_is_known_or_not(self, place: Place) -> None:
        """A store that can tell how much room is left says a number of bytes."""
        room = place.store().headroom_bytes()
        assert room is None or room > 0


def _number(frame: bytes) -> int:
    return int(frame.split(b":")[1].split(b",")[0])


def _commit_until_fenced(journal: DurableJournal, begun: Event, over: Event) -> int:
    """How many commits an owner got through before it was none any more, or the test was over."""
    count = 0
    try:
        while not over.is_set():
            journal.commit(b"frame %d" % count)
            count += 1
            begun.set()
    except NotOwnerError:
        pass
    return count


def _claims(store: Store, name: str, host: str) -> int:
    """Whether a claim is granted: 1 or 0."""
    try:
        store.claim(name, host, "", LEASE_MS)
    except NotOwnerError:
        return 0
    return 1
