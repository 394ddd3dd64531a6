"""The mock systems behind a socket answer as they do in virtual time: a transcript, asked again over HTTP.

    Touched ─▶ done to the same systems of a live firm     what they publish then must be the same, byte for byte
    Asked   ─▶ asked over HTTP at the instant it was       status, headers and body must be the same, and how long
               asked in the recorded run                   the system takes to answer

So what a run in virtual time proves about an ERP's answers is proved of the socket as well, and what was tried against
the socket holds in virtual time. Headers of the server itself (length, date, its name) say nothing and are left out.
What befalls a call on the wire is the driver's matter: only what reached the systems is asked again.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runtime.drivers.over_http import HttpTransport
from runtime.ports import Response
from scenarios.transcript import Asked, Touched, Transcript
from simulators.faults.verdicts import PASS
from simulators.live import LiveFirm
from simulators.over_http import MockSystems, served

DEADLINE_S = 30.0
OF_THE_SERVER = ("content-length", "date", "server", "connection")
SHOWN = 200
"""Characters of a body that are shown."""


@dataclass(frozen=True, slots=True)
class Fidelity:
    """What came of it: how much was done and asked again, how often each status was recorded, every difference."""

    touched: int
    asked: int
    statuses: Mapping[int, int]
    differences: tuple[str, ...]


def fidelity(transcript: Transcript) -> Fidelity:
    """Ask everything again over HTTP. Raises OSError where nothing can listen on the loopback interface."""
    return asyncio.run(_asked_again(transcript))


async def _asked_again(transcript: Transcript) -> Fidelity:
    world, seed = transcript.world, transcript.seed
    at_ms = transcript.seen.firm.start_ms
    calm_ms = transcript.seen.end_ms - world.calm_before_end_ms
    paused_s: list[float] = []

    async def pause(seconds: float) -> None:
        paused_s.append(seconds)

    app = MockSystems(
        lambda now_ms: LiveFirm(world, seed, now_ms, late_projects=lambda _: transcript.late_projects, calm_ms=calm_ms),
        clock=lambda: at_ms,
        pause=pause,
    )
    app.befalls = lambda note, request, now_ms: PASS
    differences: list[str] = []
    statuses: dict[int, int] = {}
    touched = asked = 0
    async with served(app, 0) as (url,):
        pools: dict[tuple[str, str], HttpTransport] = {}
        try:
            for moment in transcript.moments:
                at_ms = moment.at_ms
                if isinstance(moment, Touched):
                    touched += 1
                    systems: Mapping[str, Any] = app.live.erps if moment.system == "erp" else app.live.psas
                    made = getattr(systems[moment.account], moment.method)(*moment.given, **moment.named)
                    if made != moment.made:
                        differences.append(f"{moment.account} {moment.method} at {at_ms}: {made} and not {moment.made}")
                elif isinstance(moment, Asked):
                    asked += 1
                    where = (moment.system, moment.account)
                    if where not in pools:
                        pools[where] = HttpTransport("/".join((url, *where)), 1)
                    paused_s.clear()
                    heard = await pools[where].send(moment.request, DEADLINE_S)
                    statuses[moment.reply.response.status] = statuses.get(moment.reply.response.status, 0) + 1
                    why = _otherwise(moment, heard, paused_s)
                    if why:
                        name = f"{moment.account} {moment.request.method} {moment.request.path.partition('?')[0]}"
                        differences.append(f"{name} at {at_ms}: {why}")
        finally:
            for pool in pools.values():
                await pool.close()
    return Fidelity(touched, asked, statuses, tuple(differences))


def _otherwise(asked: Asked, heard: Response | None, paused_s: list[float]) -> str:
    """What was heard otherwise than it was replied in the recorded run; empty where nothing was."""
    replied = asked.reply.response
    if heard is None:
        return f"silence and not {replied.status}"
    if heard.status != replied.status:
        return f"status {heard.status} and not {replied.status}"
    ours, theirs = _headers(replied.headers), _headers(heard.headers)
    if ours != theirs:
        return f"headers {theirs} and not {ours}"
    if heard.body != replied.body:
        return f"body {heard.body[:SHOWN]!r} and not {replied.body[:SHOWN]!r}"
    if paused_s != [asked.reply.delay_ms / 1_000]:
        return f"took {paused_s} seconds and not {asked.reply.delay_ms / 1_000}"
    return ""


def _headers(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): text for name, text in headers.items() if name.lower() not in OF_THE_SERVER}
