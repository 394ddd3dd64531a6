"""The border to people and their systems: an ASGI application, and its table of routes.

    request --> route --> who asks (gate) --> may they --> within limits --> desk --> answer

Rule 1. Everything is closed except what ROUTES says is open: the probes, which tell nothing, and the description.
Rule 2. Whatever is wrong is one problem (problems.py). 429 and 503 come from the bounds of intake and nothing else.
Rule 3. Nothing of a request is logged: not its path, not its body, not who. What failed is logged by its type.
"""

import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import quote

import msgspec

from runtime.configuration import secret
from runtime.core.value import value
from runtime.gateway.calls import CLOSE, Answer, Bodies, Call, Receive, Scope, Send, answer_json
from runtime.gateway.gate import Action, Caller, Clock, Gatekeeper, Meters, NotLetInError
from runtime.gateway.intake import IntakeDesk, bulk_unpacker, unpacker
from runtime.gateway.letters import LettersDesk
from runtime.gateway.office import Audit, at_office
from runtime.gateway.openapi import document
from runtime.gateway.operations import OperationsDesk
from runtime.gateway.problems import CONTENT_TYPE, PROBLEMS, ProblemError, problem_body, retry_after
from runtime.gateway.webhooks import WebhookDesk
from runtime.ports import Intake, IntakeRefusedError, Office, Operations
from runtime.settings import LimitSettings, Settings

log = logging.getLogger("springtide.gateway")

METRICS_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
App = Callable[[Scope, Receive, Send], Awaitable[None]]


@value
class Open:
    """A route for everybody."""

    answer: Callable[[Call], Awaitable[Answer]]


@value
class Closed:
    """A route for those whom the gate lets in; what they may do there, the desk decides."""

    answer: Callable[[Call, Caller], Awaitable[Answer]]


Routes = Mapping[str, Mapping[str, Open | Closed]]


def build_app(
    settings: Settings,
    intake: Intake,
    operations: Operations,
    office: Office,
    gate: Gatekeeper,
    metrics: Meters,
    clock: Clock,
    environ: Mapping[str, str] = os.environ,
) -> App:
    """The gateway. Raises ConfigurationError where the secret of a webhook cannot be read (`environ`, or its file)."""
    secrets = {name: secret(webhook, "secret", environ) for name, webhook in settings.webhooks.items()}
    audit = Audit(office, metrics, clock)
    desk = IntakeDesk(settings, intake, office, audit, metrics, clock)
    webhooks = WebhookDesk(settings, secrets, desk, office, metrics, clock)
    people = OperationsDesk(settings, operations, office, audit, clock)
    letters = LettersDesk(settings, office, operations, desk, audit)
    described = Answer(200, msgspec.json.encode(document(settings.limits)))

    async def events(call: Call, caller: Caller) -> Answer:
        return await desk.deliver(call, desk.admit(caller), unpacker(call, plain=False))

    async def bulk(call: Call, caller: Caller) -> Answer:
        return await desk.deliver(call, desk.admit(caller), bulk_unpacker(call))

    async def live(call: Call) -> Answer:
        """This process answers: whoever asks need not end it."""
        return answer_json({"live": True})

    async def ready(call: Call) -> Answer:
        """Whether entries could be taken in now. What it waits for is told to those who may see the status."""
        is_ready = operations.ready() == ""
        return answer_json({"ready": is_ready}, 200 if is_ready else 503)

    async def numbers(call: Call, caller: Caller) -> Answer:
        if not caller.may(Action.METRICS, None, None):
            raise ProblemError("forbidden", "metrics are for those whose grant of them covers everything")
        # Where the store is away the last number stands: numbers are needed most when something is wrong.
        with suppress(IntakeRefusedError):
            metrics.dead_letters(await at_office(office.count_letters))
        return Answer(200, metrics.render(), METRICS_TYPE)

    async def description(call: Call) -> Answer:
        return described

    routes: Routes = {
        "/v1/bulk": {"POST": Closed(bulk)},
        "/v1/events": {"POST": Closed(events)},
        "/v1/webhooks/": {"POST": Open(webhooks.deliver)},
        "/v1/status": {"GET": Closed(people.status)},
        "/v1/accounts": {"GET": Closed(people.accounts)},
        "/v1/trace/": {"GET": Closed(people.trace)},
        "/v1/audit": {"GET": Closed(people.audit)},
        "/v1/commands": {"POST": Closed(people.command)},
        "/v1/drain": {"POST": Closed(people.drain)},
        "/v1/hosts/drain": {"POST": Closed(people.drain_host)},
        "/v1/hosts/restart": {"POST": Closed(people.restart_hosts)},
        "/v1/dead-letters": {"GET": Closed(letters.show)},
        "/v1/dead-letters/replay": {"POST": Closed(letters.replay)},
        "/v1/dead-letters/drop": {"POST": Closed(letters.drop)},
        "/metrics": {"GET": Closed(numbers)},
        "/live": {"GET": Open(live)},
        "/ready": {"GET": Open(ready)},
        "/openapi.json": {"GET": Open(description)},
    }
    return Gateway(routes, gate, metrics, clock, settings.limits)


class Gateway:
    """The ASGI application: finds the route, lets in, and turns what is raised into problems."""

    def __init__(self, routes: Routes, gate: Gatekeeper, metrics: Meters, clock: Clock, limits: LimitSettings) -> None:
        self._routes = routes
        self._body_bytes = limits.body_bytes
        self._bodies = Bodies(limits, metrics)
        self._gate = gate
        self._metrics = metrics
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, or the beginning and end of the server."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        assert scope["type"] == "http", f"{scope['type']} is not spoken here"
        began_ms = self._clock.mono_ms()
        call = Call(scope, receive, self._bodies)
        try:
            answer = await self._answer(call)
        finally:
            call.let_go()
        self._metrics.requested(answer.status, (self._clock.mono_ms() - began_ms) / 1_000)
        headers = [
            (b"content-type", answer.content_type),
            (b"content-length", b"%d" % len(answer.body)),
            (b"cache-control", b"no-store"),
            (b"x-content-type-options", b"nosniff"),
            *answer.headers,
        ]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        if CLOSE not in answer.headers or call.complete or answer.status == _TOO_SLOW:
            await send({"type": "http.response.body", "body": answer.body})
            return
        # The client has its answer at once; the server closes when it is told that nothing more comes.
        await send({"type": "http.response.body", "body": answer.body, "more_body": True})
        await call.throw_away(self._body_bytes)
        await send({"type": "http.response.body", "body": b""})

    async def _answer(self, call: Call) -> Answer:
        try:
            call.check_headers()
            route = self._route(call)
            if isinstance(route, Open):
                return await route.answer(call)
            authorization = call.header(b"authorization") if b"authorization" in call.headers else None
            return await route.answer(call, await self._gate.let_in(authorization))
        except ProblemError as problem:
            return _problem(call, problem)
        except NotLetInError as stranger:
            challenge = (b"www-authenticate", _CHALLENGES.get(stranger.problem, _CHALLENGE))
            return _problem(call, ProblemError(stranger.problem, stranger.detail, headers=(challenge, CLOSE)))
        except IntakeRefusedError as full:
            # The detail is ours to know: it may name hosts.
            detail = "nothing was lost, and nothing was taken in; try again"
            return _problem(call, ProblemError(full.bound, detail, headers=(retry_after(full.retry_after_ms), CLOSE)))
        except Exception as fault:
            log.error("a request failed", extra={"reason": fault})
            return _problem(call, ProblemError("internal", "nothing was acknowledged; try again", headers=(CLOSE,)))

    def _route(self, call: Call) -> Open | Closed:
        """The route of a request. Raises ProblemError."""
        # By the path as it was sent: what stands between us and the client, and lets paths through, saw that one.
        methods = self._routes.get(call.raw)
        if methods is None or call.raw.endswith("/"):
            behind = next((one for one in _PREFIXES if call.raw.startswith(one) and call.raw != one), None)
            if behind is None:
                raise ProblemError("not-found", "GET /openapi.json tells what there is", headers=(CLOSE,))
            methods = self._routes[behind]
        route = methods.get(call.method)
        if route is None:
            allow = (b"allow", ", ".join(methods).encode())
            raise ProblemError("method-not-allowed", f"use {', '.join(methods)}", headers=(allow, CLOSE))
        return route


_TOO_SLOW = PROBLEMS["too-slow"][0]
"""Whoever hears this had their time to send."""

_PREFIXES = ("/v1/webhooks/", "/v1/trace/")
"""Routes that go on with names."""

_CHALLENGE = b'Bearer realm="springtide"'
_CHALLENGES: Mapping[str, bytes] = {
    "token-expired": _CHALLENGE + b', error="invalid_token", error_description="expired"',
}


def _problem(call: Call, problem: ProblemError) -> Answer:
    status = PROBLEMS[problem.problem][0]
    more: Mapping[str, Any] = problem.more or {}
    body = problem_body(problem.problem, problem.detail, quote(call.path[:1_000]), problem.errors, more)
    headers = problem.headers
    if status == 401 and not any(name == b"www-authenticate" for name, _ in headers):
        headers = (*headers, (b"www-authenticate", b'Springtide-Signature realm="springtide"'))
    return Answer(status, body, CONTENT_TYPE, headers)


async def _lifespan(receive: Receive, send: Send) -> None:
    """Nothing begins or ends with the server: whoever built the app owns what it uses."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
