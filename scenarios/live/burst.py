"""A burst of approved entries: approved at the source, delivered over HTTP, and delivered again until acknowledged.

    release(n) ─▶ approve in the mock PSA ─▶ one queue per region ─▶ POST /v1/bulk ─▶ what was acknowledged
                                                      ▲                   │ 429, 503, nobody there, no answer
                                                      └──── again ◀───────┘

Rule 1. Nothing is delivered before its source approved it, so the source is always ahead of the runtime.
Rule 2. What was not acknowledged is delivered again, the whole batch of it, as senders do. Some lines are delivered
        twice although they were acknowledged.
Rule 3. An acknowledgement is a line of an answer that says "accepted" or "duplicate". Each is kept: the runtime has to
        know these versions whatever happens to it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Condition, Thread
from typing import Any, NamedTuple

import msgspec

from scenarios.live.deployment import NDJSON
from scenarios.live.parts import Api, PartFailedError, Unreachable
from simulators.chance import happens

REST_S = 0.2
"""Between two tries while nobody answers (ours)."""
REST_MAX_S = 1.0
"""A Retry-After longer than this is cut short: a demo has no time to be polite."""
FINAL = frozenset({202, 403, 422})
"""After these statuses every line has an answer that will not change."""


class Version(NamedTuple):
    """One version of one entry."""

    entity: str
    entry_id: str
    version: int


class Line(NamedTuple):
    """A version and its plain event."""

    about: Version
    body: bytes


class _Entry(msgspec.Struct):
    entry_id: str
    version: int
    home_entity: str


class _Event(msgspec.Struct):
    entry: _Entry | None = None
    entity: str = ""
    entry_id: str = ""
    version: int = 0


_read = msgspec.json.Decoder(_Event).decode


def read_line(body: bytes) -> Line:
    """A plain event, with the version that it speaks of."""
    event = _read(body)
    if event.entry is None:
        return Line(Version(event.entity, event.entry_id, event.version), body)
    return Line(Version(event.entry.home_entity, event.entry.entry_id, event.entry.version), body)


@dataclass(frozen=True, slots=True)
class Traffic:
    """How much, and how."""

    entries: int = 20_000
    block: int = 600
    """Entries approved at once."""
    batch: int = 200
    """Lines in one delivery."""
    corrections_ppm: int = 10_000
    withdrawals_ppm: int = 2_000
    again_ppm: int = 10_000
    """Lines delivered a second time on purpose."""
    seed: int = 1


class Burst:
    """Delivers as much as was released; threads, one for the source and one for each region."""

    def __init__(self, mocks: Api, gateway: Api, region_of: Mapping[str, str], traffic: Traffic) -> None:
        self.traffic = traffic
        self.approved = 0
        """Entries that the source approved."""
        self.versions: dict[Version, None] = {}
        """Every version that the source published, corrections and withdrawals too."""
        self.acknowledged: dict[Version, str] = {}
        """What was acknowledged, and how first."""
        self.refused: dict[Version, str] = {}
        self.answers: Counter[str] = Counter()
        """Statuses of deliveries; "none" where nobody answered."""
        self.duplicates = 0
        """Lines answered "duplicate"."""
        self.in_the_air = 0
        """Deliveries that wait for their answer now."""
        self._mocks = mocks
        self._gateway = gateway
        self._region_of = region_of
        self._released = 0
        self._ended = False
        self._fault = ""
        self._change = Condition()
        self._waiting: dict[str, list[Line]] = {region: [] for region in dict.fromkeys(region_of.values())}
        self._threads = [Thread(target=self._watched, args=(self._approve,), name="source", daemon=True)]
        for region in self._waiting:
            send = Thread(target=self._watched, args=(self._send, region), name=f"sender {region}", daemon=True)
            self._threads.append(send)

    def start(self) -> None:
        """Begin; nothing moves before it is released."""
        for thread in self._threads:
            thread.start()

    def release(self, entries: int) -> None:
        """Let so many entries be approved in all, and delivered."""
        with self._change:
            self._released = min(self.traffic.entries, max(self._released, entries))
            self._change.notify_all()

    @property
    def finished(self) -> bool:
        """Whether every entry was approved and every version of them has its answer."""
        with self._change:
            if self._fault:
                raise PartFailedError(self._fault)
            all_out = self.approved == self.traffic.entries
            return all_out and len(self.acknowledged.keys() | self.refused.keys()) == len(self.versions)

    def delivered(self, entries: int) -> bool:
        """Whether about so many entries have their answer."""
        with self._change:
            if self._fault:
                raise PartFailedError(self._fault)
            return len(self.acknowledged) >= min(entries, self.traffic.entries)

    def stop(self) -> None:
        """End the threads; what waits is not delivered any more."""
        with self._change:
            self._ended = True
            self._change.notify_all()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()

    # ---------------------------------------------------------------- threads

    def _watched(self, act: Any, *with_: str) -> None:
        try:
            act(*with_)
        except Exception as fault:
            # Told to whoever waits for the burst; a sender that died silently would look like a runtime that hangs.
            with self._change:
                self._fault = f"the sender failed: {type(fault).__name__}: {fault}"
                self._change.notify_all()

    def _approve(self) -> None:
        while True:
            with self._change:
                self._change.wait_for(lambda: self._ended or self.approved < self._released)
                if self._ended or self.approved >= self.traffic.entries:
                    return
                count = min(self.traffic.block, self._released - self.approved)
            asked = {
                "entries": count,
                "corrections_ppm": self.traffic.corrections_ppm,
                "withdrawals_ppm": self.traffic.withdrawals_ppm,
            }
            lines = [read_line(body) for body in self._mocks.must("POST", "/admin/approve", asked).splitlines()]
            with self._change:
                self.approved += count
                for line in lines:
                    self.versions[line.about] = None
                    self._waiting[self._region_of[line.about.entity]].append(line)
                self._change.notify_all()

    def _send(self, region: str) -> None:
        again: list[Line] = []
        waiting = self._waiting[region]
        while True:
            with self._change:
                self._change.wait_for(lambda: self._ended or bool(waiting))
                if self._ended:
                    return
                batch = waiting[: self.traffic.batch]
                del waiting[: self.traffic.batch]
            self._deliver([*batch, *again])
            seed, ppm = self.traffic.seed, self.traffic.again_ppm
            again = [one for one in batch if happens(ppm, seed, "live/again", one.about.entry_id, one.about.version)]

    def _deliver(self, batch: Sequence[Line]) -> None:
        body = b"\n".join(line.body for line in batch)
        while not self._ended:
            rest_s = REST_S
            with self._change:
                self.in_the_air += 1
            try:
                status, told, headers = self._gateway.ask("POST", "/v1/bulk", body, NDJSON)
            except Unreachable:
                status, told, headers = 0, {}, {}
            with self._change:
                self.in_the_air -= 1
                self.answers[str(status) if status else "none"] += 1
                self._read_answer(batch, status, told)
                if status in FINAL:
                    self._change.notify_all()
                    return
                if status not in (0, 429, 503):
                    raise PartFailedError(f"a delivery was answered with {status}: {str(told)[:300]}")
                if "retry-after" in headers:
                    rest_s = min(REST_MAX_S, float(headers["retry-after"]))
                self._change.wait_for(lambda: self._ended, rest_s)

    def _read_answer(self, batch: Sequence[Line], status: int, told: Any) -> None:
        for result in told.get("results", ()) if isinstance(told, dict) else ():
            about = batch[result["index"]].about
            if result["taken"] in ("accepted", "duplicate"):
                self.acknowledged.setdefault(about, result["taken"])
                self.duplicates += result["taken"] == "duplicate"
            elif status in FINAL:
                self.refused[about] = f"{result['taken']}: {result.get('reason', '')}"
