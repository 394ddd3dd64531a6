"""Looks at the runtime from outside, over and over: what is where, who carries what, and whether everything is settled.

All it knows it has from GET /v1/status, as any person at a terminal.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Event, Lock, Thread
from typing import Any

from runtime.core.model import Place
from scenarios.live.parts import Api, Unreachable

EVERY_S = 0.5
UNSETTLED = (Place.IN_FLIGHT, Place.STAGED, Place.IN_DOUBT)
RUNNING = "running"


@dataclass(frozen=True, slots=True)
class Look:
    """One answer of /v1/status, summed up over the partitions."""

    partitions: Mapping[str, Mapping[str, Any]]
    """Entity to its report, as it came."""
    places: Mapping[Place, int]
    """Place to versions."""

    @property
    def running(self) -> bool:
        """Whether every partition runs."""
        return bool(self.partitions) and all(one["state"] == RUNNING for one in self.partitions.values())

    @property
    def unsettled(self) -> int:
        """Versions on their way."""
        return sum(self.places[place] for place in UNSETTLED)

    @property
    def settled(self) -> bool:
        """Whether nothing is left to do: nothing on its way, no call open, the PSA told of everything."""
        idle = all(one["untold"] == 0 and one["calls_open"] == 0 for one in self.partitions.values())
        return self.running and not self.unsettled and idle

    def __str__(self) -> str:
        posted, flying, doubt = (self.places[one] for one in (Place.POSTED, Place.IN_FLIGHT, Place.IN_DOUBT))
        return f"{posted:,} posted, {flying:,} in flight, {doubt:,} in doubt"

    @property
    def resting(self) -> int:
        """Versions that will not move by themselves, wherever."""
        return sum(count for place, count in self.places.items() if place not in UNSETTLED)


def look(gateway: Api) -> Look | None:
    """How things stand; None while nobody answers."""
    try:
        status, told, _ = gateway.ask("GET", "/v1/status", seconds=10.0)
    except Unreachable:
        return None
    if status != 200:
        return None
    partitions = {one["entity"]: one for one in told["partitions"]}
    places = {place: sum(one["places"][place]["count"] for one in partitions.values()) for place in Place}
    return Look(partitions, places)


@dataclass(slots=True)
class Watch:
    """Looks every half second, in a thread, and remembers on which hosts each partition was seen running."""

    gateway: Api
    latest: Look | None = None
    looks: int = 0
    hosts: dict[str, dict[str, None]] = field(default_factory=dict)
    """Entity to the hosts that were seen running it, in order."""
    _ended: Event = field(default_factory=Event)
    _lock: Lock = field(default_factory=Lock)
    _thread: Thread | None = None

    def start(self) -> None:
        """Begin."""
        self._thread = Thread(target=self._go_on, name="watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def _go_on(self) -> None:
        while not self._ended.is_set():
            self.now()
            self._ended.wait(EVERY_S)

    def now(self) -> Look | None:
        """Look once more."""
        found = look(self.gateway)
        with self._lock:
            self.latest = found
            self.looks += 1
            for entity, one in found.partitions.items() if found is not None else ():
                if one["state"] == RUNNING and one["host"]:
                    self.hosts.setdefault(entity, {})[one["host"]] = None
        return found
