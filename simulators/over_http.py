"""The mock systems behind a socket, in real time: the same objects that the simulated world drives.

    /erp/{account}/…   what a connector asks of an ERP ─▶ Weather ─▶ Erp.answer ─▶ wait `delay_ms` ─▶ response
    /psa/{account}/…   likewise for a PSA
    /admin/…           what a test, a demo or a person does to the firm and asks of it (see `ADMIN`)

Rule 1. `MockSystems` is an ASGI application and nothing more. The work is done the moment a request is read, by one
        event loop, so nothing in the systems needs a lock.
Rule 2. What befalls a call befalls it here. A lost request is never looked at, and its connection is held until the
        caller gives up. A lost reply is work done and a connection closed without a word. A late landing is done
        after its caller gave up.
Rule 3. A server cannot refuse a connection that it has accepted, so `unreachable` and the style "reset" close it
        unread: to the caller that is silence, which is more doubt than there is and never less.
Rule 4. A connection is closed by the extension "springtide.connection" of the ASGI scope, which `serve` provides.
Rule 5. Everything listens on 127.0.0.1. There is no password on /admin, and the mock's own credential is no secret.
"""

import asyncio
import json
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from time import time
from typing import Any, get_args
from urllib.parse import parse_qs

import msgspec

from runtime.connectors.doors import DOORS
from runtime.ports import Request, Response
from simulators.account_moves import STYLES, in_the_way, slowed_ms
from simulators.evidence import Evidence
from simulators.faults.moves import AccountMove
from simulators.faults.verdicts import (
    PASS,
    CallNote,
    Delay,
    DeliverTwice,
    Garble,
    LandLate,
    LoseTheReply,
    LoseTheRequest,
    Refuse,
    Verdict,
)
from simulators.live import LiveFirm
from simulators.systems.erp import Erp
from simulators.systems.erp.door import header
from simulators.systems.psa import Psa
from simulators.systems.reply import garbled

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Befalls = Callable[[CallNote, Request, int], Verdict]
"""What befalls a call that arrives at this instant (ms UTC)."""
Answered = Callable[[CallNote, Request, Response | None, int], None]
"""Told of each call when it is over: its answer, None where it got none, and the instant of its arrival (ms UTC)."""

LOOPBACK = "127.0.0.1"
CONNECTION = "springtide.connection"
"""The extension of the ASGI scope by which a connection is closed without an answer."""
APPROVED_AT_ONCE = 100_000
"""Entries that one request may ask to approve."""
RESET = "reset"
"""A system that is away answers in one of `STYLES`, or closes every connection."""
MOVES: dict[str, type] = {each.__name__: each for each in get_args(AccountMove)}
"""What can be asked to befall an account, by name."""
STRUCK_MS = 1_000
"""Strikes are told by the second."""
KINDS = {"batches": "post", "lines": "look_up", "status": "tell", "published": "recount", "publish": "fetch"}
"""What a call is for, by the last part of its path."""

_encode = msgspec.json.Encoder().encode


class BadAskError(Exception):
    """What was asked of /admin cannot be done: one line."""


def wall_ms() -> int:
    """The wall clock, ms UTC."""
    return int(time() * 1000)


class MockSystems:
    """The systems of one live firm, as an ASGI application."""

    def __init__(
        self,
        found: Callable[[int], LiveFirm],
        clock: Callable[[], int] = wall_ms,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`found(now_ms)` founds the firm, now and at every reset.

        `clock` tells the instant in ms UTC, `pause` lets so many seconds pass.
        """
        self._found = found
        self._clock = clock
        self._pause = pause
        self._last_ms = 0
        self.url = ""
        """Where it listens, for the settings that it hands out."""
        self.closing = asyncio.Event()
        """Set when the server ends: whoever is held is let go."""
        self.befalls: Befalls = lambda note, request, now_ms: self.live.weather.call(note, now_ms)
        """Asked about every call that reaches a system. The weather, unless somebody puts faults of their own here."""
        self.answered: Answered = lambda note, request, response, at_ms: None
        self._landing: set[asyncio.Task[None]] = set()
        self._coming: list[asyncio.TimerHandle] = []
        self.reset()

    def reset(self) -> None:
        """The firm as it was founded: empty ledgers, nothing approved."""
        for task in list(self._landing):
            task.cancel()
        for timer in self._coming:
            timer.cancel()
        self._coming.clear()
        self.live = self._found(self.now_ms())
        self._resets: dict[str, int] = {}
        self._tries: dict[str, int] = {}

    def now_ms(self) -> int:
        """The instant; it never goes back, since the systems' clocks do not."""
        self._last_ms = max(self._last_ms, self._clock())
        return self._last_ms

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        assert scope["type"] == "http", f"the mock systems speak HTTP, not {scope['type']}"
        raw: bytes = scope.get("raw_path") or scope["path"].encode()
        place, _, rest = raw.decode("latin-1").lstrip("/").partition("/")
        body = await _body(receive)
        if body is None:
            return
        query: str = scope["query_string"].decode("latin-1")
        if place == "admin":
            await _say(send, self._administer(scope["method"], rest, query, body))
            return
        account, _, path = rest.partition("/")
        systems: dict[str, Erp] | dict[str, Psa] = self.live.erps if place == "erp" else self.live.psas
        system = systems.get(account) if place in ("erp", "psa") else None
        if system is None:
            await _say(send, _problem(404, "there is no such system here"))
            return
        headers = {name.decode("latin-1"): text.decode("latin-1") for name, text in scope["headers"]}
        request = Request(scope["method"], f"/{path}?{query}" if query else f"/{path}", headers, body)
        note, at_ms = self._note(place, account, request), self.now_ms()
        response = await self._call(note, system, request, at_ms, receive)
        self.answered(note, request, response, at_ms)
        if response is None:
            await self._hang_up(scope, receive)
        else:
            await _say(send, response)

    # ---------------------------------------------------------------- a call on the wire

    async def _call(
        self, note: CallNote, system: Erp | Psa, request: Request, now_ms: int, receive: Receive
    ) -> Response | None:
        """The answer after the time it takes; None when the connection is to be closed without one."""
        if now_ms < self._resets.get(note.account, 0):
            return None
        way = self.live.ways[note.account]
        verdict = in_the_way(way.hindrances, note.kind, note.entity, now_ms) if way.hindrances else PASS
        if verdict is PASS:
            verdict = self.befalls(note, request, now_ms)
        added_ms = 0
        match verdict:
            case LoseTheRequest():
                await self._hold(receive)
                return None
            case LandLate():
                self._later(verdict.after_ms, system, request)
                await self._hold(receive)
                return None
            case Refuse():
                if not verdict.status:
                    return None
                after = verdict.retry_after
                return Response(verdict.status, {} if after is None else {"Retry-After": after}, verdict.body)
            case Delay():
                added_ms = verdict.ms
        reply = system.answer(request, now_ms)
        if isinstance(verdict, LoseTheReply):
            return None
        if isinstance(verdict, DeliverTwice) and reply.response.status not in DOORS:
            self._later(verdict.gap_ms, system, request)
        if way.slow:
            added_ms += slowed_ms(way.slow, now_ms)
        await self._pause((reply.delay_ms + added_ms) / 1000)
        return garbled(reply.response, verdict.how) if isinstance(verdict, Garble) else reply.response

    def _note(self, place: str, account: str, request: Request) -> CallNote:
        """What chance may know of a call: who makes it, and what they call it."""
        path, _, query = request.path.partition("?")
        parts = path.strip("/").split("/")
        entity = parts[1] if parts[0] == "ledger" and len(parts) > 1 else parse_qs(query).get("entity", [""])[0]
        kind = KINDS.get(parts[-1], parts[-1])
        about = header(request.headers, "X-Call") or request.path
        tries = self._tries[f"{account} {kind} {about}"] = self._tries.get(f"{account} {kind} {about}", 0) + 1
        return CallNote(account, place, entity, kind, f"{about}/{tries}", request.body.count(b'"entry_id":'))

    def _later(self, after_ms: int, system: Erp | Psa, request: Request) -> None:
        """Let a request land unheard."""

        async def land() -> None:
            await self._pause(after_ms / 1000)
            system.answer(request, self.now_ms())

        task = asyncio.get_running_loop().create_task(land())
        self._landing.add(task)
        task.add_done_callback(self._landing.discard)

    async def _hold(self, receive: Receive) -> None:
        """Wait until the caller gives up, or the server ends."""
        gone = asyncio.ensure_future(_disconnected(receive))
        ending = asyncio.ensure_future(self.closing.wait())
        await asyncio.wait((gone, ending), return_when=asyncio.FIRST_COMPLETED)
        gone.cancel()
        ending.cancel()

    async def _hang_up(self, scope: Scope, receive: Receive) -> None:
        scope["extensions"][CONNECTION]()
        await _disconnected(receive)

    # ---------------------------------------------------------------- administration

    def _administer(self, method: str, path: str, query: str, body: bytes) -> Response:
        verb, _, name = path.partition("/")
        act = ADMIN.get((method, verb))
        if act is None:
            return _problem(404, "there are " + ", ".join(f"{m} /admin/{v}" for m, v in ADMIN))
        asked = {key: values[-1] for key, values in parse_qs(query).items()}
        try:
            return act(self, name, asked, body)
        except BadAskError as fault:
            return _problem(400, str(fault))

    def ledger(self, entity: str, asked: dict[str, str], body: bytes) -> Response:
        """GET /admin/ledger/{entity}: every line that ever came to stand, in the order of landing."""
        self.live.advance(self.now_ms())
        return _json(self._evidence(entity).lines)

    def ledgers(self, name: str, asked: dict[str, str], body: bytes) -> Response:
        """GET /admin/ledgers: counts and sums for each entity."""
        self.live.advance(self.now_ms())
        counted = {}
        for code, evidence in self.live.evidences.items():
            billed: dict[str, int] = {}
            for line in evidence.lines:
                billed[line.bill_currency] = billed.get(line.bill_currency, 0) + line.bill_minor
            counted[code] = {
                "lines": len(evidence.lines),
                "reversals": sum(line.leg == "reverse" for line in evidence.lines),
                "entries": len({line.entry_id for line in evidence.lines}),
                "approved": evidence.approved,
                "told_posted": sum(said.status == "posted" for said in evidence.psa.values()),
                "bill_minor": billed,
            }
        return _json(counted)

    def calls(self, account: str, asked: dict[str, str], body: bytes) -> Response:
        """GET /admin/calls/{account}: what reached its door. A PSA writes down only those that met maintenance."""
        self._accounts(account)
        noted = self.live.accounts[account]
        counts: dict[str, int] = {}
        for call in noted.calls:
            name = f"{call.kind}/{call.outcome}"
            counts[name] = counts.get(name, 0) + 1
        return _json({"account": account, "counts": counts, "calls": noted.calls})

    def evidence(self, name: str, asked: dict[str, str], body: bytes) -> Response:
        """GET /admin/evidence: what `simulators.live.audit` reads."""
        self.live.advance(self.now_ms())
        return _bytes(self.live.evidence())

    def audit(self, name: str, asked: dict[str, str], body: bytes) -> Response:
        """POST /admin/audit {"places": {entity: [[entry_id, version, place, reason]]}}: source against ledger."""
        self.live.advance(self.now_ms())
        return _json(self.live.audit(_read(body, _Audit).places))

    def reference(self, name: str, asked: dict[str, str], body: bytes) -> Response:
        """GET /admin/reference: a list of plain events; with ?as=ndjson one on each line, for /v1/bulk."""
        return _events(self.live.reference_events(), asked)

    def clock(self, name: str, asked: dict[str, str], body: bytes) -> Response:
        """GET /admin/clock: the instant by which everything here is stamped, ms UTC."""
        return _json({"now_ms": self.now_ms()})

    def settings(self, name: str, asked: dict[str, str], body: bytes) -> Response:
        """GET /admin/settings: tenant, accounts, entities, environment; with ?as=toml for a settings file."""
        if asked.get("as") == "toml":
            return Response(200, {"Content-Type": "application/toml"}, self.settings_file().encode())
        return _json({**self.live.deployment(self.url), "environment": self.live.environment})

    def settings_file(self) -> str:
        """Tenant, accounts and entities in TOML, for the runtime's settings file."""
        return "\n".join(_toml(self.live.deployment(self.url)))

    def example(self, name: str, asked: dict[str, str], body: bytes) -> Response:
        """GET /admin/example?entity=DE01&number=1: a plain event to try things with, approved at the source."""
        entity = asked.get("entity") or self.live.firm.entities[0].code
        number = asked.get("number", "1")
        if entity not in self.live.by_code or not number.isdecimal():
            raise BadAskError(f"entity is one of {', '.join(self.live.by_code)}, and number is a number")
        return _bytes(self.live.example(entity, int(number), self.now_ms()))

    def approve(self, name: str, asked: dict[str, str], body: bytes) -> Response:
        """POST /admin/approve {"entries", "corrections_ppm", "withdrawals_ppm"}: the source approves so many.

        The answer is NDJSON, a plain event on each line; nobody delivers them but the caller.
        """
        order = _read(body, _Approve)
        if not 0 < order.entries <= APPROVED_AT_ONCE:
            raise BadAskError(f"entries is a number from 1 to {APPROVED_AT_ONCE}")
        approved = self.live.approved(
            order.entries,
            self.now_ms(),
            corrections_ppm=order.corrections_ppm,
            withdrawals_ppm=order.withdrawals_ppm,
        )
        return _events([one.body for one in approved], {"as": "ndjson"})

    def approved(self, name: str, asked: dict[str, str], body: bytes) -> Response:
        """POST /admin/approved, plain events as NDJSON: the source approves what the caller made up."""
        lines = [line for line in body.splitlines() if line.strip()]
        now_ms = self.now_ms()
        refused = [why for line in lines if (why := self.live.hear(line, now_ms))]
        return _json({"approved": len(lines) - len(refused), "refused": refused})

    def away(self, name: str, asked: dict[str, str], body: bytes) -> Response:
        """POST /admin/away {"account", "seconds", "style"}: down from now on. "*" is every ERP."""
        order = _read(body, _Away)
        if order.style != RESET and order.style not in STYLES:
            raise BadAskError(f"style is one of {', '.join(STYLES)}, {RESET}")
        now_ms = self.now_ms()
        until_ms = now_ms + int(order.seconds * 1000)
        accounts = self._accounts(order.account)
        for account in accounts:
            if order.style == RESET:
                self._resets[account] = until_ms
            else:
                system = self.live.erps.get(account) or self.live.psas[account]
                system.close(now_ms, until_ms, "unannounced", STYLES[order.style])
        return _json({"accounts": accounts, "until_ms": until_ms})

    def slow(self, name: str, asked: dict[str, str], body: bytes) -> Response:
        """POST /admin/slow {"account", "seconds", "added_ms"}: every answer takes longer from now on."""
        order = _read(body, _Slow)
        now_ms = self.now_ms()
        until_ms = now_ms + int(order.seconds * 1000)
        accounts = self._accounts(order.account)
        for account in accounts:
            self.live.ways[account].slow.append((now_ms, until_ms, order.added_ms))
        return _json({"accounts": accounts, "until_ms": until_ms})

    def befall(self, name: str, asked: dict[str, str], body: bytes) -> Response:
        """POST /admin/befall {"moves": [{"what": "CloseSystem", "move": {…}}]}: each at its own instant, ms UTC."""
        moves = [_move(one) for one in _read(body, _Befall).moves]
        loop, now_ms = asyncio.get_running_loop(), self.now_ms()
        for move in moves:
            after_s = max(0, move.at_ms - now_ms) / 1000
            self._coming.append(loop.call_later(after_s, self._befall, move))
        return _json({"moves": len(moves)})

    def _befall(self, move: AccountMove) -> None:
        self.live.befall(move, self.now_ms())

    def strikes(self, name: str, asked: dict[str, str], body: bytes) -> Response:
        """GET /admin/strikes: how often each fault has struck, and when: [start of a second in ms, kind, how often]."""
        weather = self.live.weather
        counted: dict[tuple[int, str], int] = {}
        for at_ms, what in weather.strikes:
            second = (at_ms - at_ms % STRUCK_MS, what.partition(":")[0])
            counted[second] = counted.get(second, 0) + 1
        told = [(at_ms, kind, times) for (at_ms, kind), times in sorted(counted.items())]
        return _json({"fired": weather.fired, "strikes": told})

    def landings(self, entity: str, asked: dict[str, str], body: bytes) -> Response:
        """GET /admin/landings/{entity}: every line in short: [entry, version, ms UTC, leg, bill_minor, currency]."""
        self.live.advance(self.now_ms())
        lines = self._evidence(entity).lines
        return _json([(a.entry_id, a.version, a.at_ms, a.leg, a.bill_minor, a.bill_currency) for a in lines])

    def doors(self, name: str, asked: dict[str, str], body: bytes) -> Response:
        """GET /admin/doors: calls by the second: [start in ms UTC, account, kind, outcome, calls, rows]."""
        counted: dict[tuple[int, str, str, str], list[int]] = {}
        for account, noted in self.live.accounts.items():
            for call in noted.calls:
                second = (call.at_ms - call.at_ms % STRUCK_MS, account, call.kind, call.outcome)
                sums = counted.setdefault(second, [0, 0])
                sums[0] += 1
                sums[1] += call.rows
        return _json([(*second, *sums) for second, sums in sorted(counted.items())])

    def _evidence(self, entity: str) -> Evidence:
        if entity not in self.live.evidences:
            raise BadAskError(f"there is no entity {entity!r}; there are {', '.join(self.live.evidences)}")
        return self.live.evidences[entity]

    def period(self, name: str, asked: dict[str, str], body: bytes) -> Response:
        """POST /admin/period {"entity", "name", "status", "gate"}: finance moves it; the answer is the plain event."""
        order = _read(body, _Period)
        period = order.name or f"{self.live.firm.month_first:%Y-%m}"
        try:
            return _bytes(self.live.move_period(order.entity, period, order.status, order.gate, self.now_ms()))
        except KeyError:
            raise BadAskError(f"{order.entity!r} has no period {period!r}") from None
        except ValueError as fault:
            raise BadAskError(str(fault)) from fault

    def start_over(self, name: str, asked: dict[str, str], body: bytes) -> Response:
        """POST /admin/reset: everything as it was at the start."""
        self.reset()
        return _json({"reset": True})

    def _accounts(self, name: str) -> list[str]:
        if name == "*":
            return list(self.live.erps)
        if name not in self.live.accounts:
            raise BadAskError(f"there is no account {name!r}; there are {', '.join(self.live.accounts)}")
        return [name]


class _Order(msgspec.Struct, forbid_unknown_fields=True):
    """What /admin is asked for; a field that nobody knows is a mistake."""


class _Audit(_Order):
    places: dict[str, list[tuple[str, int, str, str]]] = {}


class _Approve(_Order):
    entries: int = 1
    corrections_ppm: int = 0
    withdrawals_ppm: int = 0


class _Away(_Order):
    seconds: float
    account: str = "*"
    style: str = "bare"


class _Slow(_Order):
    seconds: float
    added_ms: int
    account: str = "*"


class _Befalls(_Order):
    what: str
    move: msgspec.Raw


class _Befall(_Order):
    moves: list[_Befalls]


class _Period(_Order):
    entity: str
    name: str = ""
    status: str = ""
    gate: str = ""


ADMIN: dict[tuple[str, str], Callable[[MockSystems, str, dict[str, str], bytes], Response]] = {
    ("GET", "ledger"): MockSystems.ledger,
    ("GET", "ledgers"): MockSystems.ledgers,
    ("GET", "calls"): MockSystems.calls,
    ("GET", "doors"): MockSystems.doors,
    ("GET", "landings"): MockSystems.landings,
    ("GET", "strikes"): MockSystems.strikes,
    ("GET", "evidence"): MockSystems.evidence,
    ("GET", "reference"): MockSystems.reference,
    ("GET", "settings"): MockSystems.settings,
    ("GET", "clock"): MockSystems.clock,
    ("GET", "example"): MockSystems.example,
    ("POST", "approve"): MockSystems.approve,
    ("POST", "approved"): MockSystems.approved,
    ("POST", "audit"): MockSystems.audit,
    ("POST", "away"): MockSystems.away,
    ("POST", "slow"): MockSystems.slow,
    ("POST", "befall"): MockSystems.befall,
    ("POST", "period"): MockSystems.period,
    ("POST", "reset"): MockSystems.start_over,
}
"""Everything that /admin does, by method and first part of the path."""


# ------------------------------------------------------------------ words of HTTP


async def _body(receive: Receive) -> bytes | None:
    """The whole body; None when the caller went away before it was sent."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _say(send: Send, response: Response) -> None:
    headers = [(name.lower().encode("latin-1"), text.encode("latin-1")) for name, text in response.headers.items()]
    headers.append((b"content-length", str(len(response.body)).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})


def _read(body: bytes, order: type[msgspec.Struct]) -> Any:
    try:
        return msgspec.json.decode(body or b"{}", type=order)
    except msgspec.DecodeError as fault:
        raise BadAskError(str(fault)) from fault


def _move(asked: _Befalls) -> AccountMove:
    kind = MOVES.get(asked.what)
    if kind is None:
        raise BadAskError(f"no account is befallen by {asked.what!r}; there are {', '.join(MOVES)}")
    try:
        move: AccountMove = msgspec.json.decode(asked.move, type=kind)
    except msgspec.DecodeError as fault:
        raise BadAskError(f"{asked.what}: {fault}") from fault
    return move


def _bytes(body: bytes) -> Response:
    return Response(200, {"Content-Type": "application/json"}, body)


def _json(told: object) -> Response:
    return _bytes(_encode(told))


def _events(bodies: list[bytes], asked: dict[str, str]) -> Response:
    if asked.get("as") == "ndjson":
        return Response(200, {"Content-Type": "application/x-ndjson"}, b"".join(body + b"\n" for body in bodies))
    return _bytes(b"[" + b",".join(bodies) + b"]")


def _problem(status: int, detail: str) -> Response:
    return Response(status, {"Content-Type": "application/problem+json"}, _encode({"status": status, "detail": detail}))


def _toml(told: dict[str, Any]) -> Iterator[str]:
    """Settings of one level of tables in tables; texts and numbers read in TOML as they do in JSON."""
    yield f"tenant = {json.dumps(told['tenant'])}"
    for table in ("accounts", "entities"):
        for name, fields in told[table].items():
            yield f"\n[{table}.{json.dumps(name)}]"
            yield from (f"{key} = {json.dumps(value)}" for key, value in fields.items())
    yield ""


# ------------------------------------------------------------------ the socket


def serve(app: MockSystems, port: int, ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; `ready(url)` is told once it listens. Port 0: any that is free.

    Raises ModuleNotFoundError where uvicorn is not installed, OSError where the port is taken.
    """

    async def until_told() -> None:
        loop, told = asyncio.get_running_loop(), asyncio.Event()
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(each, told.set)
        async with served(app, port) as urls:
            ready(urls[0])
            await told.wait()

    asyncio.run(until_told())


@asynccontextmanager
async def served(app: MockSystems, *ports: int) -> AsyncIterator[tuple[str, ...]]:
    """Serve on these ports (0: any that is free) as long as the block lasts; the URL of each, in their order.

    Raises ModuleNotFoundError where uvicorn is not installed, OSError where a port is taken.
    """
    import uvicorn
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

    class Protocol(HttpToolsProtocol):
        """Lets the application close its connection (rule 4)."""

        def on_message_begin(self) -> None:
            super().on_message_begin()
            # The type of the scope knows the extensions of the ASGI document, which are no callables.
            scope: dict[str, Any] = self.scope  # type: ignore[assignment]  # see above
            scope["extensions"] = {CONNECTION: self.transport.abort}

    listens = asyncio.Event()

    class Server(uvicorn.Server):
        """Says when it is ready, and leaves signals to whoever serves."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            listens.set()

        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

    with ExitStack() as stack:
        listening = [stack.enter_context(_listening(port)) for port in ports]
        urls = tuple(f"http://{LOOPBACK}:{one.getsockname()[1]}" for one in listening)
        app.url = urls[0]
        config = uvicorn.Config(
            app,
            http=Protocol,
            ws="none",
            lifespan="off",
            log_level="warning",
            access_log=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=2,
        )
        server = Server(config)
        serving = asyncio.ensure_future(server.serve(listening))
        await asyncio.wait(
            (serving, waiting := asyncio.ensure_future(listens.wait())), return_when=asyncio.FIRST_COMPLETED
        )
        waiting.cancel()
        try:
            yield urls
        finally:
            app.closing.set()
            server.should_exit = True
            await serving


@contextmanager
def _listening(port: int) -> Iterator[socket.socket]:
    # asyncio turns Nagle's algorithm off only where the protocol is named. With it an answer, which goes out in two
    # pieces, waits 40 ms for the caller's acknowledgement of the first (measured).
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((LOOPBACK, port))
        yield listening


def announce(app: MockSystems, **more: object) -> None:
    """One line of JSON on standard output for whoever started us: where, which accounts and entities, and settings."""
    live = app.live
    entities = {
        entity.code: {"region": entity.region, "erp": entity.erp_account, "psa": entity.psa_account}
        for entity in live.firm.entities
    }
    accounts = {"erp": list(live.erps), "psa": list(live.psas)}
    told = {
        "url": app.url,
        "accounts": accounts,
        "entities": entities,
        "seed": live.seed,
        **more,
        "settings": app.settings_file(),
        "environment": live.environment,
    }
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()
