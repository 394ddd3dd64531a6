"""Before a load: is it the right runtime, is it ready, may we, and what do its clocks show?

Everything that would make a run worthless is found here, in one line and before the first request: nobody at that
address, a runtime that is not ready, a key that may not deliver or look, another firm's legal entities, a webhook whose
secret nobody gave, clocks that are far apart.

Clocks are compared by the midpoint rule: of some questions the quickest counts, and what the other clock showed then is
compared with ours in the middle of its journey. What is left of the error is half of that journey at most.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from time import monotonic, time
from typing import NamedTuple

from runtime.cli import BadInputError
from runtime.commands.connection import Gateway, NotDoneError
from scenarios.live.parts import Api, PartFailedError

QUESTIONS = 7
"""How often a clock is asked for."""
APART_MOST_MS = 5_000
"""Clocks may differ by so much (ours): more is no drift, and signatures and leases suffer from it as well."""
APART_TOLD_MS = 20
"""What is told to people (ours): less is lost in the latencies that a run measures."""
NAMED = 4
"""Entities that a sentence names."""


class Clock(NamedTuple):
    """Another clock beside ours, in milliseconds."""

    ahead_ms: int
    """What it shows more than ours."""
    sure_ms: int
    """By how much that may be wrong."""


@dataclass(frozen=True, slots=True)
class Site:
    """What a load is put on."""

    gateway: Gateway
    source: str = ""
    """The address of the mock systems; empty: nobody can be told of approvals, or asked for the ledger."""
    secrets: dict[str, str] = field(default_factory=dict)
    """Of webhooks: source to secret."""


class Checked(NamedTuple):
    """What was found."""

    version: str
    """Of the runtime."""
    clock: Clock
    """The one that stamps what stands in the ledger: the mock systems' where they can be asked, else the runtime's."""
    notes: tuple[str, ...]
    """What people should know."""


def check(site: Site, entities: Collection[str], webhooks: Collection[str] = ()) -> Checked:
    """Look at everything once. Raises BadInputError with one line."""
    gateway = site.gateway
    for source in webhooks:
        if not site.secrets.get(source):
            raise BadInputError(
                f"the load delivers webhooks of {source!r}, which are signed; set SPRINGTIDE_WEBHOOK_SECRET to the"
                f" secret of webhooks.{source} in the runtime's settings"
            )
    try:
        status = gateway.ask("/v1/status")
        version = str(gateway.ask("/openapi.json").get("info", {}).get("version", ""))
        if status.get("ready", ""):
            raise BadInputError(f"{gateway.url} is not ready ({status['ready']}); try again when it is")
        theirs = [one["entity"] for one in status.get("partitions", ())]
        _must_know(gateway.url, theirs, entities)
        clock = ask_for_the_clock(lambda: max(one["at_ms"] for one in gateway.ask("/v1/status")["partitions"]))
    except NotDoneError as away:
        raise BadInputError(str(away)) from away
    notes = [_within(f"the runtime at {gateway.url}", clock)]
    if site.source:
        api = Api(site.source)
        try:
            clock = ask_for_the_clock(lambda: int(api.must("GET", "/admin/clock")["now_ms"]))
        except PartFailedError as away:
            raise BadInputError(
                f"--erp-admin {site.source}: {away}; is it the address of springtide mocks serve?"
            ) from away
        notes.append(_within(f"the mock systems at {site.source}", clock))
    return Checked(version, clock, tuple(filter(None, notes)))


def ask_for_the_clock(ask: Callable[[], int], now: Callable[[], float] = time) -> Clock:
    """How far another clock is ahead; `ask` answers with its milliseconds, `now` is ours in seconds."""
    best = Clock(0, 1 << 40)
    for _ in range(QUESTIONS):
        began_s, left_s = monotonic(), now()
        theirs_ms = ask()
        took_ms = (monotonic() - began_s) * 1_000
        sure_ms = round(took_ms / 2) + 1
        if sure_ms < best.sure_ms:
            best = Clock(round(theirs_ms - left_s * 1_000 - took_ms / 2), sure_ms)
    return best


def _within(whose: str, clock: Clock) -> str:
    """A sentence where the clocks differ; nothing where they agree. Raises BadInputError where they differ too much."""
    apart_ms = abs(clock.ahead_ms)
    where = "ahead of" if clock.ahead_ms > 0 else "behind"
    if apart_ms > APART_MOST_MS + clock.sure_ms:
        raise BadInputError(
            f"the clock of {whose} is {apart_ms / 1_000:.1f} s {where} ours; {APART_MOST_MS // 1_000} s are allowed, so"
            " set both by one time server"
        )
    if apart_ms <= APART_TOLD_MS + clock.sure_ms:
        return ""
    return f"the clock of {whose} is {apart_ms} ms (± {clock.sure_ms}) {where} ours; instants are corrected by that"


def _must_know(url: str, theirs: Collection[str], entities: Collection[str]) -> None:
    missing = [code for code in entities if code not in theirs]
    if missing:
        named = ", ".join(missing[:NAMED]) + (f" and {len(missing) - NAMED} more" if len(missing) > NAMED else "")
        raise BadInputError(
            f"{url} does not know the legal entities of this load ({named}), or the key may not see them; configure it"
            " with GET /admin/settings?as=toml of the scenario's mock systems"
        )
