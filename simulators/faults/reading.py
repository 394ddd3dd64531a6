"""What is wrong with the list that a source shows of what it published, and with the stamps that the list goes by.

    published      a version gets its place in the list: when it shows, under which stamp, and whether it was pushed
    start, end     a page of the list is shown: where it begins, and where it is cut
    cleared        a version says less than the one before it

`Readings` asks all of them; the mock PSA asks `Readings` and acts. Who reads by a cursor alone loses rows to each of
these; a reader with an overlap finds some of them again, and a full recount finds all.

Not built: a hard delete (u8 of the table), a row that vanishes from the list and of which no withdrawal is told. The
dialect tells every deletion as a version of its own, which the list shows, so a withdrawal whose event is lost is a
`missing_event`. A source without such tombstones could only be read by comparing whole listings, and the core has no
ground for that: a recount asks what of the list we lack, never what of ours the list lacks, and a short listing taken
at its word would reverse a ledger.
"""

from collections.abc import Callable, Sequence
from typing import ClassVar, Literal, Self, TypeVar

from pydantic import Field, model_validator

from simulators.chance import between, happens
from simulators.faults.bases import HOUR_MS, MINUTE_MS, FaultData, Mark, Ms, ReadingFault, Room

DAY_MS = 24 * HOUR_MS

Strike = Callable[[str, str, int], bool]
"""(kind, what, at_ms): whether it may happen (`Weather.strike`)."""


class LateCommit(ReadingFault):
    """u6: a row is committed late, behind the cursor: nobody is told, and the list shows it only after a while, with
    the stamp of when it was written.
    """

    kind: Literal["late_commit"] = "late_commit"
    delay_ms_low: Ms = MINUTE_MS
    delay_ms_high: Ms = 12 * HOUR_MS
    """Until the list shows it. Seconds are the rule and hours the exception (assumed)."""
    only_listed: ClassVar[bool] = True
    healing: ClassVar[str] = "The row shows; an overlap or a full recount reaches back to its stamp."
    mark: ClassVar[Mark] = Mark("6", "#393b79")
    breaks_nothing: ClassVar[str] = "S2 and S7: it is unseen, and found. L5: what missed it was whole."

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.delay_ms_low > self.delay_ms_high:
            raise ValueError("late_commit: delay_ms_low is above delay_ms_high")
        return self

    @classmethod
    def drawn(cls, room: Room) -> Self:
        high = room.number(1_000, 24 * HOUR_MS, "late_commit", "delay")
        return cls(ppm=room.ppm(1_000, 50_000, "late_commit"), delay_ms_low=0, delay_ms_high=high)


class UnbumpedStamp(ReadingFault):
    """u7: a newer version keeps the stamp of the one before it, and no event is sent: whatever moves the stamp sends
    the event too.
    """

    kind: Literal["unbumped_stamp"] = "unbumped_stamp"
    only_listed: ClassVar[bool] = True
    healing: ClassVar[str] = "A full recount lists everything, whatever its stamp."
    mark: ClassVar[Mark] = Mark("7", "#5254a3")
    breaks_nothing: ClassVar[str] = "S2b: the correction reaches the ledger all the same. S2, S7."

    @classmethod
    def drawn(cls, room: Room) -> Self:
        return cls(ppm=room.ppm(5_000, 200_000, "unbumped_stamp"))


class PageDrift(ReadingFault):
    """u4: rows move while somebody pages through the list, so that the next page begins some rows too late, or too
    early.
    """

    kind: Literal["page_drift"] = "page_drift"
    rows_max: int = Field(default=5, ge=1, le=1_000)
    only_listed: ClassVar[bool] = True
    healing: ClassVar[str] = "Another recount pages through the list when nothing moves; rows shown twice are old news."
    mark: ClassVar[Mark] = Mark("4", "#6b6ecf")
    breaks_nothing: ClassVar[str] = (
        "S2 and S7: what a page skipped, a later recount lists. S1: shown twice is posted once."
    )

    @classmethod
    def drawn(cls, room: Room) -> Self:
        rows = room.number(1, 20, "page_drift", "rows")
        return cls(ppm=room.ppm(20_000, 400_000, "page_drift"), rows_max=rows)


class EqualStamps(ReadingFault):
    """u5: a page ends between two rows of one stamp, so that the stamp of its last row does not say where to go on."""

    kind: Literal["equal_stamps"] = "equal_stamps"
    healing: ClassVar[str] = "Nothing to heal: the page token says where to go on."
    mark: ClassVar[Mark] = Mark("=", "#9c9ede")
    breaks_nothing: ClassVar[str] = "S2 and S7: rows of one stamp on two pages are all read. L5."

    @classmethod
    def drawn(cls, room: Room) -> Self:
        return cls(ppm=room.ppm(50_000, 600_000, "equal_stamps"))


class ShortPage(ReadingFault):
    """n5 (half a page), as the source means it: fewer rows than fit on a page, and a token for more; or fewer events
    than were asked for.
    """

    kind: Literal["short_page"] = "short_page"
    healing: ClassVar[str] = "The rest is on the pages that follow; events that did not come are asked for again."
    mark: ClassVar[Mark] = Mark("/", "#637939")
    breaks_nothing: ClassVar[str] = "S2 and L5: a read ends where there is no further page, not where one is short."

    @classmethod
    def drawn(cls, room: Room) -> Self:
        return cls(ppm=room.ppm(20_000, 400_000, "short_page"))


class SourceClockBehind(ReadingFault):
    """u10: on some days the source's clock is behind ours, and so are the stamps of what it publishes.

    Drawn for each legal entity and day (UTC). Never by more than the declared overlap of the recounts.
    """

    kind: Literal["source_clock_behind"] = "source_clock_behind"
    behind_ms_low: Ms = MINUTE_MS
    behind_ms_high: Ms = HOUR_MS
    healing: ClassVar[str] = "The overlap of the recounts reaches back further than the clock is behind."
    mark: ClassVar[Mark] = Mark("<", "#8ca252")
    breaks_nothing: ClassVar[str] = "S2 and S7, as long as the declared overlap is honest."

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.behind_ms_low > self.behind_ms_high:
            raise ValueError("source_clock_behind: behind_ms_low is above behind_ms_high")
        return self

    @classmethod
    def drawn(cls, room: Room) -> Self:
        high = room.number(1_000, 2 * HOUR_MS, "source_clock_behind", "behind")
        return cls(ppm=room.ppm(100_000, 1_000_000, "source_clock_behind"), behind_ms_low=0, behind_ms_high=high)


class ClearedField(ReadingFault):
    """u12: a newer version clears a field (its dimensions), which is not the same as leaving it out."""

    kind: Literal["cleared_field"] = "cleared_field"
    healing: ClassVar[str] = "Nothing to heal: what is cleared is cleared, and the ledger is corrected."
    mark: ClassVar[Mark] = Mark("_", "#b5cf6b")
    breaks_nothing: ClassVar[str] = "S2b: the old value does not stay in the ledger."

    @classmethod
    def drawn(cls, room: Room) -> Self:
        return cls(ppm=room.ppm(5_000, 300_000, "cleared_field"))


F = TypeVar("F", bound=ReadingFault)


class Readings:
    """All faults of reading, asked together. Of two of one kind the first listed that covers the entity."""

    def __init__(self, faults: Sequence[FaultData], seed: int, calm_ms: int, strike: Strike) -> None:
        """From `calm_ms` on nothing new goes wrong."""
        self._faults = [fault for fault in faults if isinstance(fault, ReadingFault) and fault.ppm]
        self._of: dict[tuple[type[ReadingFault], str], ReadingFault | None] = {}
        self._seed = seed
        self._calm_ms = calm_ms
        self._strike = strike
        self._behind: dict[tuple[str, int], int] = {}
        self._shown: set[tuple[str, str]] = set()
        """Pages shown before: the second time each is as it should be, or paging might go round in circles."""

    @property
    def any(self) -> bool:
        """Whether anything can go wrong at all; if not, nobody needs to ask."""
        return bool(self._faults)

    def published(
        self, entity: str, entry_id: str, version: int, at_ms: int, earlier_ms: int | None
    ) -> tuple[int, int, bool]:
        """Of a version published at `at_ms`: its stamp, from when the list shows it, and whether it is pushed too.

        `earlier_ms` is when the version before it was published; None: there was none.
        """
        if at_ms >= self._calm_ms:
            return at_ms, at_ms, True
        names = (entity, entry_id, version)
        about = f"{entity}/{entry_id}/{version}"
        late = self._struck(LateCommit, names, about, at_ms)
        if late is not None:
            delay_ms = self._between(late.delay_ms_low, late.delay_ms_high, late, names)
            return at_ms, at_ms + delay_ms, False
        if earlier_ms is not None and self._struck(UnbumpedStamp, names, about, at_ms) is not None:
            return earlier_ms, at_ms, False
        return at_ms - self._behind_ms(entity, at_ms), at_ms, True

    def _behind_ms(self, entity: str, at_ms: int) -> int:
        day = at_ms // DAY_MS
        known = self._behind.get((entity, day))
        if known is None:
            names = (entity, day)
            fault = self._struck(SourceClockBehind, names, f"{entity}/{day}", at_ms)
            known = 0 if fault is None else self._between(fault.behind_ms_low, fault.behind_ms_high, fault, names)
            self._behind[entity, day] = known
        return known

    def cleared(self, entity: str, entry_id: str, version: int, at_ms: int) -> bool:
        """Whether a newer version that says something in the field clears it."""
        if at_ms >= self._calm_ms:
            return False
        about = f"{entity}/{entry_id}/{version}"
        return self._struck(ClearedField, (entity, entry_id, version), about, at_ms) is not None

    def start(self, entity: str, page: str, position: int, length: int, now_ms: int) -> int:
        """Where a page begins that should begin at row `position` of `length`: any but the first page of a read."""
        undisturbed = now_ms >= self._calm_ms or (entity, page) in self._shown
        fault = None if undisturbed else self._chosen(PageDrift, entity)
        if fault is None or not happens(fault.ppm, self._seed, "fault/page_drift", entity, page):
            return position
        by = self._between(1, 2 * fault.rows_max, fault, (entity, page))
        shifted = position + by if by <= fault.rows_max else position - (by - fault.rows_max)
        shifted = max(0, min(length, shifted))
        if shifted == position or not self._strike(fault.kind, f"{entity}/{page}", now_ms):
            return position
        return shifted

    def end(self, entity: str, page: str, stamps: Sequence[int], fits: int, now_ms: int) -> int:
        """How many of the rows with these stamps a page shows on which `fits` have room; at least one."""
        fits = min(fits, len(stamps))
        names = (entity, page)
        if now_ms >= self._calm_ms or fits < 2 or names in self._shown:
            return fits
        self._shown.add(names)
        equal = self._chosen(EqualStamps, entity)
        if equal is not None and happens(equal.ppm, self._seed, "fault/equal_stamps", *names):
            edges = [row for row in range(1, min(fits + 1, len(stamps))) if stamps[row - 1] == stamps[row]]
            if edges and self._strike(equal.kind, f"{entity}/{page}", now_ms):
                return edges[self._between(0, len(edges) - 1, equal, names)]
        short = self._struck(ShortPage, names, f"{entity}/{page}", now_ms)
        return fits if short is None else self._between(1, fits - 1, short, names)

    def _chosen(self, kind: type[F], entity: str) -> F | None:
        if (kind, entity) not in self._of:
            meant = (f for f in self._faults if isinstance(f, kind) and (not f.entities or entity in f.entities))
            self._of[kind, entity] = next(meant, None)
        found = self._of[kind, entity]
        assert found is None or isinstance(found, kind)
        return found

    def _struck(self, kind: type[F], names: tuple[str | int, ...], about: str, at_ms: int) -> F | None:
        fault = self._chosen(kind, str(names[0]))
        if fault is None or not happens(fault.ppm, self._seed, "fault/" + fault.kind, *names):
            return None
        return fault if self._strike(fault.kind, about, at_ms) else None

    def _between(self, low: int, high: int, fault: ReadingFault, names: tuple[str | int, ...]) -> int:
        return between(low, high, self._seed, f"fault/{fault.kind}/size", *names)
