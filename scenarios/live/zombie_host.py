"""A host that stops itself (SIGSTOP) where it is told to; a program for proofs, driven over its standard input.

    python -m scenarios.live.zombie_host CONFIG NAME ENTITY DIRECTORY

It is the runtime's own `Host` with its own journal and transport. Around both stands a `Trap`, which nothing passes
unseen and which changes nothing. Lines of JSON come in and go out:

    {"do": "carry"}                      keep at it until the lease is ours      {"carries": epoch}
    {"do": "take", "file": PATH}         deliver the plain events of a file      {"took": {…}} or {"refused": why}
    {"do": "stop_at", "place": PLACE}    the next time it gets there             {"stopping": PLACE}, {"resumed": PLACE}
    {"do": "report"}                     how it stands                           {"report": {…}}
    (of a batch that was held up)        how the ERP answered it                 {"sent": status}; "silence" where the
                                                                                 call was given up before that

It ends when its standard input does, or on SIGTERM, and says last how many durable steps it made.
"""

import asyncio
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from threading import get_ident
from typing import Any

from runtime.configuration import read_settings
from runtime.core.model import Place
from runtime.core.records import BatchSent, EntryReceived
from runtime.drivers.on_asyncio import Host
from runtime.drivers.over_http import HttpTransport
from runtime.gateway.events import read_items
from runtime.gateway.gate import Action
from runtime.journal.format import read_frame
from runtime.journal.sqlite import SqliteStore
from runtime.logs import set_up_logs
from runtime.ports import DurableJournal, EffectRow, IntakeRefusedError, NotOwnerError, Owner, Request, Response, Row

IDLE = "idle"
BEFORE_INTAKE, BEFORE_COMMIT, AFTER_COMMIT = "before_intake", "before_commit", "after_commit"
BEFORE_SEND = "before_send"
PLACES = (IDLE, BEFORE_INTAKE, BEFORE_COMMIT, AFTER_COMMIT, BEFORE_SEND)
"""Where a process can be stopped: by somebody else while it has nothing to do; before the commit of what it takes in;
before and after the commit that says a batch is about to leave; and after the last look at the lease, before the first
byte of the batch."""
DEPTH = 64


def tell(**words: object) -> None:
    """A line of JSON on standard output."""
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


class Trap:
    """Stops the whole process once, at the place that is set."""

    def __init__(self) -> None:
        self.place = ""
        self.sprung = False
        self.steps: Counter[str] = Counter()
        """Durable steps: how many, and what became of those that were tried after the stop."""

    def reach(self, place: str) -> None:
        """We are there."""
        if place == self.place:
            self.place = ""
            tell(stopping=place)
            # To this thread: a signal to the process may stop another one first, and this one would run on for a while.
            signal.pthread_kill(get_ident(), signal.SIGSTOP)
            self.sprung = True
            tell(resumed=place)


class Watched:
    """A partition's journal with the trap around its commits. Implements `ports.DurableJournal`."""

    def __init__(self, journal: DurableJournal, trap: Trap) -> None:
        self._journal = journal
        self._trap = trap
        self.load, self.seen, self.shelf, self.known = journal.load, journal.seen, journal.shelf, journal.known
        self.recover, self.frames_about, self.effect = journal.recover, journal.frames_about, journal.effect
        self.compact, self.verify, self.close = journal.compact, journal.verify, journal.close

    @property
    def chain(self) -> str:
        """Head of the hash chain."""
        return self._journal.chain

    def commit(self, frame: bytes) -> None:
        """Append one decision batch."""
        kinds = {type(record) for record in read_frame(frame)[1]}
        if EntryReceived in kinds:
            self._trap.reach(BEFORE_INTAKE)
        if BatchSent in kinds:
            self._trap.reach(BEFORE_COMMIT)
        self._count("commit", lambda: self._journal.commit(frame))
        if BatchSent in kinds:
            self._trap.reach(AFTER_COMMIT)

    def checkpoint(self, head: bytes, rows: Iterable[Row], effects: Iterable[EffectRow] = ()) -> None:
        """Write rows, effect keys and the head."""
        self._count("checkpoint", lambda: self._journal.checkpoint(head, rows, effects))

    def _count(self, what: str, act: Any) -> None:
        when = "after" if self._trap.sprung else "before"
        try:
            act()
        except NotOwnerError:
            self._trap.steps[f"{what}_{when}_fenced"] += 1
            raise
        self._trap.steps[f"{what}_{when}"] += 1


class WatchedStore(SqliteStore):
    """A directory of journals with the trap around their commits."""

    def __init__(self, directory: Path, trap: Trap) -> None:
        super().__init__(directory)
        self._trap = trap

    def journal(self, owner: Owner) -> Watched:  # type: ignore[override]  # it can do all that the port asks for
        """The journal of a partition."""
        return Watched(super().journal(owner), self._trap)


class WatchedTransport(HttpTransport):
    """A pool of connections with the trap before batches; tells how one that was held up was answered."""

    def __init__(self, url: str, connections: int, trap: Trap) -> None:
        super().__init__(url, connections)
        self._trap = trap

    async def send(self, request: Request, deadline_s: float) -> Response | None:
        """Send, and bring the response."""
        if not request.path.endswith("/batches"):
            return await super().send(request, deadline_s)
        held = self._trap.place == BEFORE_SEND
        self._trap.reach(BEFORE_SEND)
        response = None
        try:
            response = await super().send(request, deadline_s)
        finally:
            if held:
                tell(sent="silence" if response is None else response.status)
        return response


class _Everybody:
    """Lets everything in: an `events.Admission`."""

    who = "proof"

    def __init__(self, entity: str) -> None:
        self.everybody: Sequence[str] = (entity,)

    def bar(self, action: Action, entity: str) -> str:
        """Nobody is barred."""
        return ""


class Program:
    """What the lines make it do."""

    def __init__(self, host: Host, trap: Trap, entity: str) -> None:
        self._host = host
        self._trap = trap
        self._entity = entity
        self._takes: set[asyncio.Task[None]] = set()

    async def obey(self) -> None:
        """Until the end of the input."""
        loop = asyncio.get_running_loop()
        lines = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
        loop.add_signal_handler(signal.SIGTERM, lines.feed_eof)
        while line := await lines.readline():
            order = json.loads(line)
            match order["do"]:
                case "carry":
                    await self._carry()
                case "take":
                    # Beside the next order: it may be stopped in the middle, and never come to an end.
                    task = loop.create_task(self._take(Path(order["file"])))
                    self._takes.add(task)
                    task.add_done_callback(self._takes.discard)
                case "stop_at":
                    self._trap.place = order["place"]
                    self._trap.reach(IDLE)
                case "report":
                    await self._report()

    async def _carry(self) -> None:
        while True:
            try:
                owner = await self._host.carry(self._entity)
            except NotOwnerError:
                await asyncio.sleep(0.1)
            else:
                tell(carries=owner.epoch)
                return

    async def _take(self, file: Path) -> None:
        delivery = read_items(file.read_bytes().splitlines(), _Everybody(self._entity), DEPTH)
        group = delivery.groups[self._entity]
        try:
            receipts = await self._host.take(self._entity, group.news, group.size, 10.0)
        except (NotOwnerError, IntakeRefusedError) as fault:
            tell(refused=f"{type(fault).__name__}: {fault}")
        else:
            tell(took=dict(Counter(receipt.taken.value for receipt in receipts)))

    async def _report(self) -> None:
        (report,) = [one for one in await self._host.partitions() if one.entity == self._entity]
        unsettled = sum(report.places[place].count for place in (Place.IN_FLIGHT, Place.STAGED, Place.IN_DOUBT))
        idle = report.state == "running" and not (unsettled or report.untold or report.calls_open)
        tell(report={"state": report.state, "idle": idle, "posted": report.places[Place.POSTED].count})


async def main(config: str, name: str, entity: str, directory: str) -> None:
    """Run the host until its input ends."""
    settings = read_settings(config, os.environ)
    set_up_logs(settings.log)
    trap = Trap()
    store = WatchedStore(Path(directory), trap)
    only = settings.model_copy(update={"entities": {entity: settings.entities[entity]}})
    host = Host(
        only,
        store,
        name,
        "",
        environ=os.environ,
        connect=lambda url, connections: WatchedTransport(url, connections, trap),
    )
    await host.start()
    tell(host=name)
    await Program(host, trap, entity).obey()
    await host.drain("proof", "it is over")
    await host.close()
    store.close()
    tell(steps=dict(sorted(trap.steps.items())))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
