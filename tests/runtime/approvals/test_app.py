"""The approvals over HTTP, without a socket: the generic PSA's connector on one side, approvers on the other."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runtime.approvals.app import build_app
from runtime.approvals.book import Book
from runtime.approvals.kept import KeptFile
from runtime.approvals.reader import Reader
from runtime.connectors.psa.generic import GenericPsa
from runtime.core.answers import CallAnswer, HeadsListed, Republished, StatusTaken, TurnedAway, VersionHead
from runtime.core.effects import Effect, Fetch, Recount, Status, TellPsa
from runtime.core.news import EntryApproved
from runtime.drivers.clock import Clock
from runtime.gateway.access import Access, new_key
from runtime.metrics import Metrics
from runtime.ports import Request, Response
from runtime.settings import AccessSettings
from tests.runtime.approvals.a_tracker import ATracker, settings, tracked

ANNA = "timetagger:anna:k"


class Service:
    """The application, in this process."""

    def __init__(self, tmp_path: Path, tracker: ATracker) -> None:
        keys = {
            name: new_key(name, {"actions": actions})
            for name, actions in {"runtime": ["intake"], "max": ["status", "command"], "looker": ["status"]}.items()
        }
        self.keys = {name: text for name, (text, _) in keys.items()}
        given = settings(access={"keys": {name: held.model_dump() for name, (_, held) in keys.items()}})
        assert isinstance(given.access, AccessSettings)
        clock = Clock()
        self.book = Book(given)
        self.kept = KeptFile(tmp_path / "approvals.jsonl")
        self.book.apply(self.kept.read())
        self.reader = Reader(given, self.book, tracker, clock)
        access = Access(given.access, clock)
        self._app = build_app(given, self.book, self.kept, self.reader, access, Metrics(), clock)

    def ask(self, request: Request, key: str = "") -> Response:
        """One request, with the key of somebody."""
        return asyncio.run(self._ask(request, key))

    async def _ask(self, request: Request, key: str) -> Response:
        path, _, query = request.path.partition("?")
        headers = {**request.headers, **({"authorization": f"Bearer {self.keys[key]}"} if key else {})}
        sent: list[Mapping[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": request.body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": request.method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(name.lower().encode(), text.encode()) for name, text in headers.items()],
        }
        await self._app(scope, receive, send)
        body = b"".join(message.get("body", b"") for message in sent)
        return Response(sent[0]["status"], {n.decode(): t.decode() for n, t in sent[0]["headers"]}, body)

    def carry_out(self, effect: Effect, key: str = "runtime") -> CallAnswer:
        """What the production connector makes of our answer."""
        psa = GenericPsa("DE01")
        asked = psa.build(effect)
        return psa.read(effect, self.ask(Request(asked.method, "/psa" + asked.path, asked.headers, asked.body), key))

    def read_tracker(self) -> None:
        """One turn."""
        asyncio.run(self.reader.read_all())

    def said(self, method: str, path: str, body: object = None, key: str = "max") -> tuple[int, Any]:
        """Status and JSON of a request."""
        response = self.ask(Request(method, path, {}, b"" if body is None else json.dumps(body).encode()), key)
        return response.status, json.loads(response.body)

    def approve_all(self) -> Any:
        """Approve everything that waits, as it is shown."""
        _, told = self.said("GET", "/v1/lines")
        wishes = [(one["entry_id"], one["fingerprint"]) for one in told["lines"] if one["fingerprint"]]
        return self.said("POST", "/v1/approvals", {"lines": wishes})


def a_service(tmp_path: Path) -> tuple[Service, ATracker]:
    """With one record of Anna, read once."""
    tracker = ATracker()
    tracker.put("anna", tracked())
    service = Service(tmp_path, tracker)
    service.read_tracker()
    return service, tracker


def test_to_the_runtime_it_is_a_psa_like_any_other(tmp_path: Path) -> None:
    """What is approved is listed, fetched and told about through the generic PSA's own connector, unchanged."""
    service, _ = a_service(tmp_path)
    assert service.carry_out(Recount("c1", 0, "")) == HeadsListed(())

    assert service.approve_all() == (200, {"results": [[ANNA, "approved"]], "counts": {"approved": 1}})

    assert service.carry_out(Recount("c2", 0, "")) == HeadsListed((VersionHead(ANNA, 1),))
    fetched = service.carry_out(Fetch("c3", ((ANNA, 1), ("unknown", 1))))
    assert isinstance(fetched, Republished)
    (news,) = fetched.news
    assert isinstance(news, EntryApproved)
    assert (news.entry.entry_id, news.approval.approver, fetched.dead_letters) == (ANNA, "key:max", ())
    told = TellPsa("c4", (Status(ANNA, 1, "posted", "DE01-1", 7),))
    assert service.carry_out(told) == StatusTaken()
    _, shown = service.said("GET", "/v1/lines?user=anna&from=2026-11-16&until=2026-11-16&state=approved")
    assert [(one["status"], one["detail"]) for one in shown["lines"]] == [("posted", "DE01-1")]


def test_a_restart_knows_every_decision_and_reads_the_rest_anew(tmp_path: Path) -> None:
    """What was approved and told is in the file; what was recorded is in the tracker."""
    service, tracker = a_service(tmp_path)
    service.approve_all()
    service.carry_out(TellPsa("c", (Status(ANNA, 1, "posted", "DE01-1", 7),)))
    before = service.carry_out(Fetch("c", ((ANNA, 1),)))
    service.kept.close()

    again = Service(tmp_path, tracker)

    assert again.said("GET", "/ready", key="")[0] == 503
    assert again.carry_out(Recount("c", 0, "")) == HeadsListed((VersionHead(ANNA, 1),))
    assert again.carry_out(Fetch("c", ((ANNA, 1),))) == before
    again.read_tracker()
    assert again.said("GET", "/ready", key="")[0] == 200
    (line,) = again.said("GET", "/v1/lines")[1]["lines"]
    assert (line["state"], line["status"]) == ("approved", "posted")


def test_nothing_is_published_that_could_not_be_kept(tmp_path: Path) -> None:
    """The disk refuses: the approver hears 503, and neither a listing nor a restart knows of it."""
    service, _ = a_service(tmp_path)
    keep = service.kept.append
    service.kept.append = lambda kept: keep_fails()  # type: ignore[method-assign]  # the disk of this test

    def keep_fails() -> None:
        from runtime.approvals.kept import NotKeptError

        raise NotKeptError("no space left")

    assert service.approve_all()[0] == 503
    assert service.carry_out(Recount("c", 0, "")) == HeadsListed(())
    service.kept.append = keep  # type: ignore[method-assign]  # room again
    assert service.approve_all()[0] == 200


def test_a_recount_is_asked_for_and_answered_with_what_was_lost(tmp_path: Path) -> None:
    """At the end of a period a person counts the tracker again; what shows up can be approved at once."""
    service, tracker = a_service(tmp_path)
    tracker.put("anna", tracked("late"), began_us=tracker.now_us - 120_000_000)

    status, told = service.said("POST", "/v1/recounts", {"from_day": "2026-11-16", "until_day": "2026-11-22"})

    assert (status, told["lost"], told["changed"], told["not_reached"]) == (200, {"anna": ["late"]}, 1, [])
    assert service.said("GET", "/v1/status")[1]["lost"] == 1
    assert len(service.approve_all()[1]["results"]) == 2


def test_every_door_asks_who_comes(tmp_path: Path) -> None:
    """Without a key nothing is told, and each key opens what it is for: reading, looking, deciding."""
    service, _ = a_service(tmp_path)
    body = {"lines": [(ANNA, "x")]}

    assert service.said("GET", "/v1/lines", key="")[0] == 401
    assert service.said("GET", "/v1/lines", key="runtime")[0] == 403
    assert service.said("POST", "/v1/approvals", body, key="looker")[0] == 403
    assert service.said("POST", "/v1/approvals", body, key="runtime")[0] == 403
    assert isinstance(service.carry_out(Recount("c", 0, ""), key="max"), TurnedAway)
    assert service.said("GET", "/v1/lines", key="looker")[0] == 200
    assert service.said("GET", "/live", key="")[0] == 200


def test_what_cannot_be_used_is_said(tmp_path: Path) -> None:
    """A wrong day, state, page, reason or field is a problem with a sentence, and nothing is decided."""
    service, _ = a_service(tmp_path)
    for path in ("/v1/lines?from=monday", "/v1/lines?state=fine", "/v1/lines?who=anna"):
        assert service.said("GET", path)[0] == 400, path
    for path in ("since_ms=soon", "since_ms=0&page=9", "since_ms=0&page=-1"):
        assert service.said("GET", f"/psa/published?entity=DE01&{path}", key="runtime")[0] == 400, path
    for path, body in (
        ("/v1/approvals", {"lines": []}),
        ("/v1/approvals", {"lines": [(ANNA, "x")], "who": "key:eva"}),
        ("/v1/withdrawals", {"entries": [ANNA], "reason": " "}),
        ("/v1/recounts", {"from_day": "2026-11-22", "until_day": "2026-11-16"}),
    ):
        status, told = service.said("POST", path, body)
        assert (status, bool(told["detail"])) == (400, True), (path, body)
