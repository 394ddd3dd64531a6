"""Deliveries of systems that sign instead of logging in.

    Springtide-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256 of "<t>.<body>" under the shared secret>

The body is what was sent, before anything was unpacked. Several v1 may stand there while a secret is changed; one
right one is enough.

Rule 1. Without a header that can be right nothing is read: no signature, or one too old for every source. The body is
        read up to its limits, checked, and only then looked into. Nothing that is not signed may change what is read,
        so there is no binary mode here.
Rule 2. A signature is good for `tolerance_s` around its time, so an old one is worth nothing.
Rule 3. Within that time a delivery that was taken in is not taken in again: the office remembers its signature, but
        only once everything is durable. A source that got no answer, or a 5xx, may deliver the same again.
Rule 4. Who is not checked yet takes nothing from those who are: unchecked deliveries have their own few places and
        bytes, and a place of the intake only follows a right signature.
Rule 5. A source that nobody configured is read and answered like one that signs wrongly: nobody learns which there are.
"""

import hmac
import re
import secrets as chance
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from runtime.configuration import Secret
from runtime.gateway.calls import BUSY_RETRY_MS, CLOSE, Answer, Call
from runtime.gateway.gate import Clock, Meters
from runtime.gateway.intake import CallerAdmission, IntakeDesk, unpacker
from runtime.gateway.office import at_office
from runtime.gateway.problems import ProblemError
from runtime.ports import IntakeRefusedError, Office
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
        self._nobodys_key = chance.token_bytes(32)
        self._longest_s = max((one.tolerance_s for one in settings.webhooks.values()), default=0)
        self._unchecked = _Unchecked(max(UNCHECKED_BYTES, settings.limits.body_bytes), metrics)

    async def deliver(self, call: Call) -> Answer:
        """Take a signed delivery in."""
        source = "/".join(call.segments("/v1/webhooks/"))
        if any(name.startswith(b"ce-") for name in call.headers):
            raise ProblemError("wrong-content-type", "ce- headers are not signed; send one body", headers=(CLOSE,))
        said_s, signatures = self._read(call.header(b"springtide-signature"))
        limits = self._settings.limits
        with self._unchecked.place() as keep:
            sent = await call.sent(limits, keep)
            mark = f"webhook/{source}/{self._check(source, said_s, signatures, sent)}"
        with self._desk.place():
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

    def _read(self, header: str) -> tuple[int, list[str]]:
        """(signed when, signatures) of a header that may be good. Raises ProblemError before any body is read."""
        written = _SIGNATURE.fullmatch(header.replace(" ", ""))
        if written is None:
            raise self._refusal("webhook-unsigned", _UNSIGNED)
        said_s = int(written[1])
        self._check_age(said_s, self._longest_s)
        return said_s, written[2].split(",v1=")[1:]

    def _check_age(self, said_s: int, tolerance_s: int) -> None:
        if abs(self._clock.wall_ms() - said_s * 1_000) > tolerance_s * 1_000:
            detail = f"sign each delivery when it is sent: a signature is good for {tolerance_s} s"
            raise self._refusal("webhook-too-old", detail)

    def _check(self, source: str, said_s: int, signatures: Sequence[str], body: bytes) -> str:
        """The right signature, which is among those given. Raises ProblemError."""
        known = self._secrets.get(source)
        key = self._nobodys_key if known is None else known.reveal().encode()
        signing = hmac.new(key, b"%d." % said_s, "sha256")
        signing.update(body)
        right = signing.hexdigest()
        # Each is compared, so that the time tells nobody which one was right.
        if not sum(hmac.compare_digest(right, given) for given in signatures):
            raise self._refusal("webhook-unsigned", _UNSIGNED)
        # Said only to who knows the secret: how long a signature is good differs from source to source.
        self._check_age(said_s, self._settings.webhooks[source].tolerance_s)
        return right

    def _refusal(self, problem: str, detail: str) -> ProblemError:
        self._metrics.webhook_refused(problem)
        return ProblemError(problem, detail, headers=(CLOSE,))

    def _grant(self, source: str) -> "_Grant":
        return _Grant(self._settings.webhooks[source].entities)


_REPLAYED = "this very delivery was taken in; nothing is lost, and there is nothing to repeat"


UNCHECKED = 32
"""Webhooks whose signature is not checked yet, at once. Assumed: each is here for as long as its body takes."""
UNCHECKED_BYTES = 64 * 1024 * 1024
"""What the bodies of all of them may take together; room for one of the largest, in any case."""


class _Unchecked:
    """The places and bytes of deliveries that anybody may have sent."""

    def __init__(self, most_bytes: int, metrics: Meters) -> None:
        self._most_bytes = most_bytes
        self._metrics = metrics
        self._places = 0
        self._bytes = 0

    @contextmanager
    def place(self) -> Iterator[Callable[[int], None]]:
        """A place, and what to tell of every byte before it is kept. Both raise IntakeRefusedError."""
        if self._places >= UNCHECKED:
            raise self._full()
        kept = 0

        def keep(more: int) -> None:
            nonlocal kept
            if self._bytes + more > self._most_bytes:
                raise self._full()
            kept += more
            self._bytes += more

        self._places += 1
        try:
            yield keep
        finally:
            self._places -= 1
            self._bytes -= kept

    def _full(self) -> IntakeRefusedError:
        self._metrics.intake_refused("concurrent_calls")
        return IntakeRefusedError("concurrent_calls", BUSY_RETRY_MS)


class _Grant:
    """What a source of webhooks may do: deliver news and reference data for its entities; never command."""

    def __init__(self, entities: Sequence[str]) -> None:
        self._entities = entities

    def __call__(self, action: str, entity: str | None, region: str | None) -> bool:
        return action in ("intake", "reference") and ("*" in self._entities or entity in self._entities)
