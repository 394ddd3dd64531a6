"""What one user has recorded, as far as we have read: incremental reading that loses nothing, and a recount.

    read(0) ─▶ everything       ─▶ hear ─▶ cursor = server_time
    read(cursor - overlap)      ─▶ hear ─▶ what is new, and only that      over and over
    records(from .. until)      ─▶ recount ─▶ what no reading would have brought

Rule 1. A reading begins one overlap before the server's clock of the last one: what was stored before then and shows
        later was on its way for longer than the overlap.
Rule 2. What comes twice is known by (user, key, version) and is no news.
Rule 3. A recount compares what the server lists with what is known, version by version. The list is right. What it has
        and no coming reading would bring was lost by the cursor: it is counted, and taken in.
Rule 4. What is known and no longer listed has moved out of the range, or is gone. Only a reading of everything tells.
Rule 5. This is memory and no book. After a restart everything is read again; what was decided is kept elsewhere.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from runtime.connectors.psa.timetagger import TrackedRecord, Updates
from runtime.core.value import value


@value
class Heard:
    """What a reading or a recount changed. `lost` are keys that the cursor had lost, `unlisted` those of rule 4."""

    changed: tuple[TrackedRecord, ...] = ()
    vanished: tuple[str, ...] = ()
    """Keys that are there no more at all."""
    lost: tuple[str, ...] = ()
    unlisted: tuple[str, ...] = ()


@dataclass(slots=True)
class Capture:
    """The records of one user."""

    overlap_us: int
    cursor_us: int = 0
    """The server's clock at the last reading; 0: nothing was read yet."""
    records: dict[str, TrackedRecord] = field(default_factory=dict)

    def since_us(self) -> int:
        """Where the next reading begins (rule 1)."""
        return max(0, self.cursor_us - self.overlap_us)

    def hear(self, updates: Updates, since_us: int) -> Heard:
        """Take in what was read from `since_us` on."""
        vanished: tuple[str, ...] = ()
        if updates.reset or since_us == 0:
            listed = {record.key for record in updates.records}
            vanished = tuple(sorted(key for key in self.records if key not in listed))
            changed = tuple(record for record in updates.records if self.records.get(record.key) != record)
            for key in vanished:
                del self.records[key]
        else:
            changed = tuple(record for record in updates.records if self._is_newer(record))
        lost = self._lost(changed)
        self._keep(changed)
        # The server's clock may have been set back: from then on it is what its versions are made of.
        self.cursor_us = updates.server_time_us
        return Heard(changed, vanished, lost)

    def recount(self, from_s: int, until_s: int, listed: Iterable[TrackedRecord]) -> Heard:
        """Compare with what the server lists for these seconds (rule 3), and take in what differs."""
        found = {record.key: record for record in listed}
        changed = tuple(record for record in found.values() if self.records.get(record.key) != record)
        unlisted = tuple(
            sorted(key for key, record in self.records.items() if record.touches(from_s, until_s) and key not in found)
        )
        lost = self._lost(changed)
        self._keep(changed)
        return Heard(changed, lost=lost, unlisted=unlisted)

    def _lost(self, changed: Iterable[TrackedRecord]) -> tuple[str, ...]:
        """Which of these no coming reading would have brought. While nothing was read, nothing is lost."""
        since_us = self.since_us()
        return tuple(sorted(record.key for record in changed if record.st_us < since_us))

    def _is_newer(self, record: TrackedRecord) -> bool:
        known = self.records.get(record.key)
        return known is None or known.st_us < record.st_us

    def _keep(self, records: Iterable[TrackedRecord]) -> None:
        for record in records:
            self.records[record.key] = record
