"""One request on the wire, and what its answer means for whoever sent it.

    answered          an answer that will not change: the entries are taken in, or refused for good
    again             429, 503, other 5xx, a time-out, nobody there: senders deliver all of it again, see AGAIN

Nothing here knows of time tables or of Locust. Whoever imports this has patched sockets already, or wants to block.
"""

import hmac
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from time import time
from typing import Any
from urllib.parse import urlsplit

import msgspec
from geventhttpclient import HTTPClient
from geventhttpclient.response import HTTPConnectionClosed, HTTPParseError

from loadtests.schedule import Arrival
from loadtests.words import Targets

NO_ANSWER = 0
"""Stands for a status where there was none."""
AGAIN = frozenset({NO_ANSWER, 408, 425, 429, 500, 502, 503, 504})
"""After these a sender cannot know that everything was taken in."""
_FAULTS = (OSError, HTTPConnectionClosed, HTTPParseError, ssl.SSLError)


@dataclass(slots=True)
class Answer:
    """What came back."""

    status: int
    bytes: int = 0
    accepted: int = 0
    duplicate: int = 0
    refused: int = 0
    """Refused and quarantined items together."""
    items_refused: Sequence[tuple[int, str]] = ()
    """Of those: their places in the body, and why; only where others of the same body were taken in."""
    retry_after_s: float | None = None
    fault: str = ""
    """Why there is no answer."""


class _Told(msgspec.Struct):
    counts: dict[str, int] = {}


class _Result(msgspec.Struct):
    index: int
    taken: str
    reason: str = ""


class _Results(msgspec.Struct):
    results: list[_Result] = []


_read = msgspec.json.Decoder(_Told).decode
_read_results = msgspec.json.Decoder(_Results).decode
_TAKEN_IN = frozenset({"accepted", "duplicate"})


class Sender:
    """Connections to both addresses, kept open."""

    def __init__(self, targets: Targets) -> None:
        self._bearer = {"Authorization": f"Bearer {targets.key}"} if targets.key else {}
        self._secrets = {name: secret.encode() for name, secret in targets.secrets.items()}
        self._clients = {"runtime": _client(targets.runtime, targets)}
        if targets.source:
            self._clients["source"] = _client(targets.source, targets)

    def send(self, arrival: Arrival) -> Answer:
        """Send it and wait. Raises nothing that the world is to blame for."""
        prefix, client = self._clients[arrival.manner.to]
        try:
            response: Any = client.request(
                arrival.method, prefix + arrival.path, body=arrival.body, headers=self._headers(arrival)
            )
            with response:
                body: bytes = response.read()
            status: int = response.status_code
            wait: str | None = response.get("retry-after")
        except _FAULTS as fault:
            return Answer(NO_ANSWER, fault=f"{type(fault).__name__}: {fault}"[:120])
        counts = _counts(body)
        refused = counts.get("refused", 0) + counts.get("quarantined", 0)
        return Answer(
            status,
            len(body),
            counts.get("accepted", 0),
            counts.get("duplicate", 0),
            refused,
            _items_refused(body) if refused and status not in AGAIN else (),
            float(wait) if wait is not None and wait.isdecimal() else None,
        )

    def _headers(self, arrival: Arrival) -> dict[str, str]:
        to, signed_by, headers = arrival.manner
        if to != "runtime":
            return dict(headers)
        if not signed_by:
            return {**headers, **self._bearer}
        # Now and not in the schedule: a signature is good for some minutes.
        at = b"%d" % int(time())
        digest = hmac.new(self._secrets[signed_by], at + b"." + arrival.body, "sha256").hexdigest()
        return {**headers, "Springtide-Signature": f"t={at.decode()},v1={digest}"}

    def close(self) -> None:
        """Close what is idle."""
        for _, client in self._clients.values():
            client.close()


def _client(url: str, targets: Targets) -> tuple[str, HTTPClient]:
    client = HTTPClient.from_url(
        url,
        concurrency=targets.connections,
        network_timeout=targets.patience_s,
        connection_timeout=targets.patience_s,
    )
    return urlsplit(url).path.rstrip("/"), client


def _items_refused(body: bytes) -> list[tuple[int, str]]:
    told = _read_results(body).results
    return [(one.index, one.reason or one.taken) for one in told if one.taken not in _TAKEN_IN]


def _counts(body: bytes) -> dict[str, int]:
    if not body.startswith(b"{"):
        return {}
    try:
        return _read(body).counts
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return {}
