"""The seams of the runtime, one verb each where possible. Drivers and tests plug working things in here."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from runtime.core.answers import CallAnswer
from runtime.core.effects import Effect
from runtime.core.value import value


@value
class Request:
    """One HTTP request, without the host: what a connector builds and a system (or its mock) is asked."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@value
class Response:
    """One HTTP response as it came."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Connector(Protocol):
    """Turns an effect into request bytes and a response into one of the answers. No I/O, no clock, no memory."""

    def build(self, effect: Effect) -> Request:
        """The request that carries out `effect`."""

    def read(self, effect: Effect, response: Response) -> CallAnswer:
        """What `response` says about `effect`. Never raises: what nobody can read is `Silent`."""


@value
class Recovered:
    """What a journal still has after a crash: the last checkpoint and every frame committed after it."""

    head: bytes | None
    open_rows: Mapping[str, bytes]
    frames: Sequence[bytes]
    chain: str


class Journal(Protocol):
    """Durable memory of one partition: an append-only log of frames, and a table of entries by id.

    `commit` and `checkpoint` return only when what they wrote would survive a crash; each is one durable boundary.
    """

    def commit(self, frame: bytes) -> None:
        """Append one decision batch."""

    def checkpoint(self, head: bytes, rows: Iterable[tuple[str, bool, int, bytes]]) -> None:
        """Write `(entry_id, still_open, heard, row)` and the head in one step; frames before are no longer needed.

        `heard` is the bit mask of the versions known of the entry.
        """

    def load(self, entry_ids: Iterable[str]) -> dict[str, bytes]:
        """Rows of the entries that the table knows, by id, as of the last checkpoint."""

    def seen(self, entry_ids: Iterable[str]) -> dict[str, int]:
        """Which versions the table knows of these entries, as bit masks, without reading the rows."""

    def known(self) -> Iterable[str]:
        """Every entry in the table; for audits."""

    def recover(self) -> Recovered:
        """What is durable, for a process that has just started."""

    @property
    def chain(self) -> str:
        """Head of the hash chain: a hex sha256 over every frame ever committed, in order."""
