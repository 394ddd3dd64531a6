"""Deliveries of systems that sign instead of logging in.

    Springtide-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256 of "<t>.<body>" under the shared secret>

The body is what was sent, before anything was unpacked. Several v1 may stand there while a secret is changed; one
right one is enough.

Rule 1. Without a header that can be right nothing is read: no signature, one too old, a source that nobody configured.
        The body is read up to its limits, checked, and only then looked into.
Rule 2. A signature is good for `tolerance_s` around its time, so an old one is worth nothing.
Rule 3. Within that time a delivery that was taken in is not taken in again: the office remembers its signature, but
        only once everything is durable. A source that got no answer, or a 5xx, may deliver the same again.
"""

import hmac
import re
from collections.abc import Mapping, Sequence

from runtime.configuration import Secret
from runtime.gateway.calls import CLOSE, Answer, Call
from runtime.gateway.gate import Clock, Meters
from runtime.gateway.intake import CallerAdmission, IntakeDesk, at_office, unpacker
from runtime.gateway.problems import ProblemError
from runtime.ports import Office
from runtime.settings import Settings

_SIGNATURE = re.compile(r"t=([1-9]\d{0,11})((?:,v1=[0-9a-f]{64}){1,8})")
_UNSIGNED = "send Springtide-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256 of 't.body'> under our secret"


class WebhookDesk:
    """Checks signatures, and hands on what is good."""

    def __init__(
        self,
        settings: Settings,
        secrets: Mapping[str, Secret],
        desk: IntakeDesk,
        office: Office,
        metrics: Meters,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._secrets = secrets
        self._desk = desk
        self._office = office
        self._metrics = metrics
        self._clock = clock

    async def deliver(self, call: Call) -> Answer:
        """Take a signed delivery in."""
        source = "/".join(call.segments("/v1/webhooks/"))
        said_s, signatures = self._read(source, call.header(b"springtide-signature"))
        with self._desk.place():
            limits = self._settings.limits
            sent = await call.sent(limits)
            mark = f"webhook/{source}/{self._check(source, said_s, signatures, sent)}"
            now_ms = self._clock.wall_ms()
            # Remembered until now, which is over at once: this only asks whether it is remembered from before.
            if not await at_office(self._office.first_time, mark, now_ms, now_ms):
                raise self._refusal("webhook-replayed", _REPLAYED)
            body = await call.unpacked(sent, limits)
            admission = CallerAdmission(self._settings, f"webhook:{source}", self._grant(source))
            answer = await self._desk.take_in(body, admission, unpacker(call, plain=True))
            until_ms = (said_s + self._settings.webhooks[source].tolerance_s + 1) * 1_000
            if not await at_office(self._office.first_time, mark, until_ms, self._clock.wall_ms()):
                raise self._refusal("webhook-replayed", _REPLAYED)
            return answer

    def _read(self, source: str, header: str) -> tuple[int, list[str]]:
        """(signed when, signatures) of a header that may be good. Raises ProblemError before any body is read."""
        written = _SIGNATURE.fullmatch(header.replace(" ", ""))
        if written is None or source not in self._secrets:
            raise self._refusal("webhook-unsigned", _UNSIGNED)
        said_s = int(written[1])
        tolerance_s = self._settings.webhooks[source].tolerance_s
        if abs(self._clock.wall_ms() - said_s * 1_000) > tolerance_s * 1_000:
            detail = f"sign each delivery when it is sent: a signature is good for {tolerance_s} s"
            raise self._refusal("webhook-too-old", detail)
        return said_s, written[2].split(",v1=")[1:]

    def _check(self, source: str, said_s: int, signatures: Sequence[str], body: bytes) -> str:
        """The right signature, which is among those given. Raises ProblemError."""
        key = self._secrets[source].reveal().encode()
        right = hmac.new(key, b"%d." % said_s + body, "sha256").hexdigest()
        # Each is compared, so that the time tells nobody which one was right.
        if not sum(hmac.compare_digest(right, given) for given in signatures):
            raise self._refusal("webhook-unsigned", _UNSIGNED)
        return right

    def _refusal(self, problem: str, detail: str) -> ProblemError:
        self._metrics.webhook_refused(problem)
        return ProblemError(problem, detail, headers=(CLOSE,))

    def _grant(self, source: str) -> "_Grant":
        return _Grant(self._settings.webhooks[source].entities)


_REPLAYED = "this very delivery was taken in; nothing is lost, and there is nothing to repeat"


class _Grant:
    """What a source of webhooks may do: deliver news and reference data for its entities; never command."""

    def __init__(self, entities: Sequence[str]) -> None:
        self._entities = entities

    def __call__(self, action: str, entity: str | None, region: str | None) -> bool:
        return action in ("intake", "reference") and ("*" in self._entities or entity in self._entities)
