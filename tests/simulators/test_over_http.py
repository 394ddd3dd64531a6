"""The mock systems as an ASGI application, asked without a socket."""

import asyncio
import json
import tomllib
from collections.abc import MutableMapping
from dataclasses import asdict, replace
from typing import Any

import pytest

from runtime.ports import Request
from runtime.settings import Settings
from simulators.faults.kinds import Fault
from simulators.faults.moves import (
    AccountMove,
    AnswerInstead,
    CloseSystem,
    CutOff,
    ExpireCredential,
    FixCredential,
)
from simulators.faults.network import (
    DuplicateRequest,
    LateLanding,
    LostReply,
    LostRequest,
    ServerError,
    SlowAnswer,
    Unreachable,
)
from simulators.faults.verdicts import PASS, LoseTheReply, Verdict
from simulators.live import LiveFirm
from simulators.over_http import CONNECTION, MockSystems
from tests.simulators.a_feed import NOW_MS, Feed, a_world

ALWAYS = 1_000_000


class Caller:
    """Calls the application as a server would; the clock stands unless somebody moves it, and nobody waits."""

    def __init__(self, *faults: Fault) -> None:
        self.at_ms = NOW_MS
        self.waited: list[float] = []
        """The seconds that the application wanted to pass."""
        self.goes_on = asyncio.Event()
        """Cleared: time stands still, and what waits for it waits."""
        self.goes_on.set()
        self.app = MockSystems(lambda now_ms: LiveFirm(a_world(*faults), 1, now_ms), lambda: self.at_ms, self.pause)
        self.app.url = "http://127.0.0.1:1"
        self.feed = Feed(self.app.live)
        self.closed = False
        """Whether the application closed the connection of the last call."""

    async def pause(self, seconds: float) -> None:
        """Let time pass."""
        self.waited.append(seconds)
        await self.goes_on.wait()

    async def ask(
        self, method: str, path: str, body: bytes | dict[str, Any] = b"", *, gives_up: asyncio.Event | None = None
    ) -> tuple[int, Any] | None:
        """Status and body (read, where it is JSON); None where the connection ended without an answer."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.send(Request(method, path, {}, raw), gives_up)

    async def send(self, request: Request, gives_up: asyncio.Event | None = None) -> tuple[int, Any] | None:
        """The same for a request that a connector has built."""
        path, _, query = request.path.partition("?")
        gone = gives_up or asyncio.Event()
        self.closed = False
        sent: list[MutableMapping[str, Any]] = []
        parts = [{"type": "http.request", "body": request.body}]

        def close() -> None:
            self.closed = True
            gone.set()

        async def receive() -> MutableMapping[str, Any]:
            if parts:
                return parts.pop()
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: MutableMapping[str, Any]) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": request.method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(name.lower().encode(), text.encode()) for name, text in request.headers.items()],
            "extensions": {CONNECTION: close},
        }
        await asyncio.wait_for(self.app(scope, receive, send), 5)
        if not sent:
            return None
        start, answer = sent
        kind = dict(start["headers"]).get(b"content-type", b"")
        return start["status"], json.loads(answer["body"]) if kind.endswith((b"/json", b"+json")) else answer["body"]

    def told(self, method: str, path: str, body: bytes | dict[str, Any] = b"") -> tuple[int, Any]:
        """Status and body of a call that is answered."""
        answer = asyncio.run(self.ask(method, path, body))
        assert answer is not None, f"{method} {path} was not answered"
        return answer

    def answered(self, request: Request) -> tuple[int, Any]:
        """The same for a request that a connector has built."""
        answer = asyncio.run(self.send(request))
        assert answer is not None, f"{request.path} was not answered"
        return answer

    def batch(self) -> Request:
        """A call that posts a row which the source has approved."""
        [posting] = self.feed.postings(next(self.app.live.approved(1, NOW_MS)))
        built = self.feed.request(posting)
        return replace(built, path="/erp/erp-emea-1" + built.path)

    def lines(self) -> int:
        """How many lines stand in the first entity's ledger."""
        return len(self.app.live.evidences["DE01"].lines)

    def reached(self) -> list[str]:
        """The calls that reached the ERP's door, other than logins."""
        return [call.kind for call in self.app.live.accounts["erp-emea-1"].calls if call.kind != "login"]


def test_a_connector_reaches_its_system_below_the_account() -> None:
    """The path of an account leads to its system, with query, headers and body as they came."""
    caller = Caller()
    request = caller.batch()
    key = json.loads(request.body)["rows"][0]["key"]
    asked = Request("GET", f"/erp/erp-emea-1/ledger/DE01/lines?by=key&names={key}", request.headers, b"")

    status, posted = caller.answered(request)
    _, found = caller.answered(asked)
    _, listed = caller.told("GET", "/psa/psa-emea-1/published?entity=DE01&since_ms=0&page=")

    assert (status, posted["rows"][0]["status"]) == (200, "posted")
    assert [line["key"] for line in found["lines"]] == [key]
    assert len(listed["heads"]) == 1


def test_strangers_hear_a_404() -> None:
    """What is no account, no system and no verb of administration is not found."""
    caller = Caller()

    for path in ("/", "/erp/nobody/token", "/psa/erp-emea-1/status", "/crm/x", "/admin/nothing"):
        assert caller.told("GET", path)[0] == 404, path


def test_a_lost_request_is_held_until_the_caller_gives_up_and_never_looked_at() -> None:
    """The caller hears nothing as long as it waits, and the row does not stand."""
    caller = Caller(LostRequest(ppm=ALWAYS))

    async def story() -> tuple[bool, object]:
        gives_up = asyncio.Event()
        call = asyncio.create_task(caller.send(caller.batch(), gives_up))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        waiting = not call.done() and not caller.closed
        gives_up.set()
        return waiting, await call

    assert asyncio.run(story()) == (True, None)
    assert (caller.lines(), caller.reached()) == (0, [])


def test_a_held_caller_is_let_go_when_the_server_ends() -> None:
    """No call that is held keeps the server from ending."""
    caller = Caller(LostRequest(ppm=ALWAYS))

    async def story() -> object:
        call = asyncio.create_task(caller.send(caller.batch()))
        await asyncio.sleep(0)
        caller.app.closing.set()
        return await call

    assert asyncio.run(story()) is None
    assert caller.closed


def test_a_lost_reply_is_work_done_and_a_closed_connection() -> None:
    """The row stands, and its sender hears nothing."""
    caller = Caller(LostReply(ppm=ALWAYS, calls=("post",)))

    assert asyncio.run(caller.send(caller.batch())) is None
    assert caller.closed
    assert caller.lines() == 1


def test_a_late_landing_is_carried_out_after_its_caller_gave_up() -> None:
    """At the moment of giving up nothing stands; afterwards the row does."""
    caller = Caller(LateLanding(ppm=ALWAYS, after_ms_low=1_001, after_ms_high=1_001))

    async def story() -> tuple[int, int]:
        caller.goes_on.clear()
        gives_up = asyncio.Event()
        call = asyncio.create_task(caller.send(caller.batch(), gives_up))
        await asyncio.sleep(0)
        gives_up.set()
        assert await call is None
        before = caller.lines()
        caller.goes_on.set()
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})
        return before, caller.lines()

    assert asyncio.run(story()) == (0, 1)
    assert caller.waited == [1.001]


def test_a_request_delivered_twice_is_answered_once() -> None:
    """The second delivery reaches the door and, under its key, adds no line."""
    caller = Caller(DuplicateRequest(ppm=ALWAYS, calls=("post",), gap_ms_low=1, gap_ms_high=1))

    async def story() -> object:
        told = await caller.send(caller.batch())
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})
        return told

    assert asyncio.run(story()) is not None
    assert (caller.lines(), caller.reached()) == (1, ["post", "post"])


@pytest.mark.parametrize(
    ("fault", "heard"),
    [(Unreachable(ppm=ALWAYS), None), (ServerError(ppm=ALWAYS), (500, b'{"error":"internal"}'))],
)
def test_what_is_refused_before_the_door_touches_nothing(fault: Fault, heard: object) -> None:
    """A connection that cannot be refused is closed unread; an error in front of the system is handed out."""
    caller = Caller(fault)

    assert asyncio.run(caller.send(caller.batch())) == heard
    assert (caller.lines(), caller.reached()) == (0, [])


def test_an_answer_takes_its_time() -> None:
    """The system's own delay is waited, and what a fault or a slow system adds to it."""
    plain, delayed, slow = Caller(), Caller(SlowAnswer(ppm=ALWAYS, added_ms_low=70, added_ms_high=70)), Caller()
    slow.told("POST", "/admin/slow", {"account": "*", "seconds": 5, "added_ms": 400})

    for caller in (plain, delayed, slow):
        assert caller.answered(caller.batch())[0] == 200

    assert (plain.waited, delayed.waited, slow.waited) == ([0.001], [0.071], [0.401])


@pytest.mark.parametrize(("style", "heard"), [("bare", 503), ("retry_after", 503), ("sorry_page", 503), ("reset", 0)])
def test_a_system_is_away_for_so_long_in_its_style(style: str, heard: int) -> None:
    """While it is away every call is turned away or closed unread; afterwards it works."""
    caller = Caller()
    order = {"account": "erp-emea-1", "seconds": 20, "style": style}
    request = caller.batch()

    told = caller.told("POST", "/admin/away", order)
    caller.at_ms += 19_999
    away = asyncio.run(caller.send(request))
    before = caller.lines()
    caller.at_ms += 1
    back = caller.answered(request)

    assert told == (200, {"accounts": ["erp-emea-1"], "until_ms": NOW_MS + 20_000})
    assert ((away or (0,))[0], before) == (heard, 0)
    assert (back[0], caller.lines()) == (200, 1)


def test_ledgers_calls_and_verdict_can_be_asked_for() -> None:
    """Administration tells what stands, what reached the door, and what the auditors make of it."""
    caller = Caller()
    caller.answered(caller.batch())

    _, lines = caller.told("GET", "/admin/ledger/DE01")
    _, ledgers = caller.told("GET", "/admin/ledgers")
    _, calls = caller.told("GET", "/admin/calls/erp-emea-1")
    _, verdict = caller.told("POST", "/admin/audit")
    _, evidence = caller.told("GET", "/admin/evidence")

    assert [line["leg"] for line in lines] == ["post"]
    assert ledgers["DE01"]["bill_minor"] == {lines[0]["bill_currency"]: lines[0]["bill_minor"]}
    assert calls["counts"]["post/served"] == 1
    assert (verdict["held"], verdict["standing"]) == (True, 1)
    assert [each["entity"] for each in evidence["entities"].values()] == ["DE01", "GB01"]


def test_the_source_approves_on_demand() -> None:
    """Asked for entries it hands out their events, one on each line, and counts them as approved."""
    caller = Caller()
    _, events = caller.told("POST", "/admin/approve", {"entries": 25})
    _, mine = caller.told("GET", "/admin/example?entity=GB01")
    mine["entry"] |= {"entry_id": "MINE-1"}
    _, heard = caller.told("POST", "/admin/approved", json.dumps(mine).encode() + b"\n\nnonsense\n")

    assert len({json.loads(line)["entry"]["entry_id"] for line in events.splitlines()}) == 25
    assert heard["approved"] == len(heard["refused"]) == 1
    assert sum(evidence.approved for evidence in caller.app.live.evidences.values()) == 27


@pytest.mark.parametrize(
    ("path", "order", "why"),
    [
        ("/admin/away", {"secnds": 2}, "secnds"),
        ("/admin/away", {"seconds": 2, "style": "rude"}, "retry_after"),
        ("/admin/away", {"seconds": 2, "account": "nobody"}, "erp-emea-1"),
        ("/admin/approve", {"entries": 0}, "from 1"),
        ("/admin/period", {"entity": "XX99", "status": "open"}, "XX99"),
        ("/admin/period", {"entity": "DE01", "status": "ajar"}, "ajar"),
        ("/admin/audit", {"places": 3}, "object"),
        ("/admin/befall", {"moves": [{"what": "Flood", "move": {}}]}, "CloseSystem"),
        ("/admin/befall", {"moves": [{"what": "CutOff", "move": {"at_ms": 1}}]}, "CutOff"),
    ],
)
def test_a_wrong_order_is_refused_in_words(path: str, order: dict[str, Any], why: str) -> None:
    """Whoever asks for what cannot be done hears what is wrong with it."""
    status, told = Caller().told("POST", path, order)

    assert status == 400
    assert why in told["detail"]


def test_the_settings_it_hands_out_are_settings_of_the_runtime() -> None:
    """As TOML and as JSON they are read by the runtime as they are, and speak of the same systems."""
    caller = Caller()
    _, toml = caller.told("GET", "/admin/settings?as=toml")
    _, plain = caller.told("GET", "/admin/settings")
    environment = plain.pop("environment")

    settings = Settings.model_validate(tomllib.loads(toml.decode()))

    assert settings == Settings.model_validate(plain)
    erp = settings.accounts["erp-emea-1"]
    assert erp.url == "http://127.0.0.1:1/erp/erp-emea-1"
    assert environment == {erp.credential_env: "first"}
    assert set(settings.entities) == {"DE01", "GB01"}


def test_a_period_closes_and_the_event_tells_of_it() -> None:
    """What finance does to a period reaches the ledger at once, and the answer is the news of it."""
    caller = Caller()
    request = caller.batch()
    _, closed = caller.told("POST", "/admin/period", {"entity": "DE01", "status": "closed"})
    _, refused = caller.answered(request)

    assert (closed["type"], closed["periods"][0]["status"]) == ("periods.published", "closed")
    assert refused["rows"][0]["reason"] == "period_closed"


def test_reset_begins_again() -> None:
    """Afterwards nothing was ever approved or posted, and nobody is away."""
    caller = Caller()
    caller.answered(caller.batch())
    caller.told("POST", "/admin/away", {"seconds": 60, "style": "reset"})

    caller.told("POST", "/admin/reset")
    caller.feed = Feed(caller.app.live)

    assert caller.lines() == 0
    assert caller.answered(caller.batch())[0] == 200
    assert caller.app.live.evidences["DE01"].approved == 1


def test_time_never_goes_back() -> None:
    """A wall clock that is set back does not take the systems with it."""
    caller = Caller()
    first = caller.app.now_ms()
    caller.at_ms -= 60_000

    assert caller.app.now_ms() == first


def test_what_befalls_a_call_hangs_on_its_name_and_how_often_it_was_tried() -> None:
    """The same seed strikes the same calls, and a call that is tried again is another one to chance."""

    def struck(calls: int) -> list[bool]:
        caller = Caller(LostReply(ppm=500_000, calls=("look_up",)))
        request = replace(caller.batch(), method="GET", path="/erp/erp-emea-1/ledger/DE01/lines?by=key&names=x")
        return [asyncio.run(caller.send(request)) is None for _ in range(calls)]

    told = struck(24)

    assert told == struck(24)
    assert {True, False} == set(told)


def test_somebody_else_may_say_what_befalls_a_call_and_hears_how_it_ended() -> None:
    """Faults of one's own take the place of the weather, and each call is told with its answer, or with none."""
    caller = Caller(ServerError(ppm=ALWAYS))
    verdicts: list[Verdict] = [LoseTheReply(), PASS]
    heard: list[tuple[str, int | None]] = []
    caller.app.befalls = lambda note, request, now_ms: verdicts.pop(0)
    caller.app.answered = lambda note, request, response, at_ms: heard.append(
        (note.kind, None if response is None else response.status)
    )
    request = caller.batch()

    first = asyncio.run(caller.send(request))
    status, again = caller.answered(request)

    assert first is None
    assert (status, again["rows"][0]["replayed"]) == (200, True)
    assert heard == [("post", None), ("post", 200)]


def befallen(*moves: AccountMove) -> Caller:
    """Somebody whose accounts were befallen by this, at once."""
    caller = Caller()
    order = {"moves": [{"what": type(move).__name__, "move": asdict(move)} for move in moves]}

    async def story() -> None:
        assert await caller.ask("POST", "/admin/befall", order) == (200, {"moves": len(moves)})
        await asyncio.sleep(0.001)

    asyncio.run(story())
    return caller


def test_what_the_calendar_brings_befalls_an_account_at_its_instant() -> None:
    """A system that closes turns calls away from its instant to its end, and the misfortune is counted."""
    end_ms = NOW_MS + 60_000
    caller = befallen(CloseSystem(NOW_MS, "maintenance_announced", end_ms, "erp", "erp-emea-1", True, "bare", end_ms))
    request = caller.batch()

    away = caller.answered(request)
    caller.at_ms = end_ms
    back = caller.answered(request)
    _, told = caller.told("GET", "/admin/strikes")

    assert (away[0], back[0]) == (503, 200)
    assert told == {
        "fired": {"maintenance_announced": 1},
        "strikes": [[NOW_MS, "maintenance_announced", 1]],
    }


def test_what_will_befall_waits_for_its_instant() -> None:
    """Before its time nothing has struck, and a reset calls it off."""
    caller = Caller()
    soon = CutOff(NOW_MS + 20, "partition", NOW_MS + 7_200_000, "erp", "erp-emea-1", "both")
    order = {"moves": [{"what": "CutOff", "move": asdict(soon)}]}

    async def story(reset: bool) -> Any:
        await caller.ask("POST", "/admin/befall", order)
        before = await caller.ask("GET", "/admin/strikes")
        if reset:
            await caller.ask("POST", "/admin/reset")
        await asyncio.sleep(0.05)
        return before, await caller.ask("GET", "/admin/strikes")

    nothing = (200, {"fired": {}, "strikes": []})
    assert asyncio.run(story(reset=True)) == (nothing, nothing)
    before, after = asyncio.run(story(reset=False))
    assert (before, after[1]["fired"]) == (nothing, {"partition": 1})


@pytest.mark.parametrize(
    ("move", "heard", "lines"),
    [
        (CutOff(NOW_MS, "partition", NOW_MS + 60_000, "erp", "erp-emea-1", "answers"), None, 1),
        (AnswerInstead(NOW_MS, "read_only", NOW_MS + 60_000, "erp", "erp-emea-1", 503, ("post",)), 503, 0),
    ],
)
def test_what_stands_in_the_way_answers_instead_of_the_system(move: AccountMove, heard: int | None, lines: int) -> None:
    """Where only answers are cut off the work is done; what answers instead lets nothing through."""
    caller = befallen(move)
    answer = asyncio.run(caller.send(caller.batch()))

    assert (answer and answer[0], caller.lines()) == (heard, lines)


def test_a_credential_that_expired_is_renewed_as_it_was() -> None:
    """Whoever calls keeps its credential, since nobody could hand it another."""
    expired = ExpireCredential(NOW_MS, "credential_expiry", "erp", "erp-emea-1")
    token = Request("POST", "/erp/erp-emea-1/token", {}, b'{"credential":"first"}')
    caller = befallen(expired)
    mended = befallen(expired, FixCredential(NOW_MS, "credential_expiry", "erp", "erp-emea-1"))

    assert caller.answered(token)[0] == 401
    assert mended.answered(token)[0] == 200


def test_landings_and_doors_tell_a_long_run_in_short() -> None:
    """Each line is one short row, and calls are counted by the second, kind and outcome."""
    caller = Caller()
    caller.answered(caller.batch())
    [line] = caller.told("GET", "/admin/ledger/DE01")[1]
    _, landings = caller.told("GET", "/admin/landings/DE01")
    _, doors = caller.told("GET", "/admin/doors")

    assert landings == [[line["entry_id"], 1, NOW_MS, "post", line["bill_minor"], line["bill_currency"]]]
    assert [NOW_MS - NOW_MS % 1_000, "erp-emea-1", "post", "served", 1, 1] in doors
