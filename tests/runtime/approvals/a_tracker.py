"""A TimeTagger in memory, by the rules of its source: versions by its clock, a put that shows only when it is done."""

import json
from base64 import b64decode
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from runtime.approvals.settings import ApprovalSettings
from runtime.connectors.psa.timetagger import TrackedRecord
from runtime.ports import Request, Response

HEADER = "X-Remote-User"
MONDAY_S = 1_794_787_200
"""Midnight UTC of 16 November 2026."""
NINE_S = MONDAY_S + 8 * 3_600
"""9 o'clock in Berlin on that day."""
Item = dict[str, Any]


def tracked(
    key: str = "k", ds: str = "design #alpine", minutes: int = 60, t1_s: int = NINE_S, st_us: int = 1
) -> TrackedRecord:
    """A record of an hour of work."""
    return TrackedRecord(key, st_us, t1_s, t1_s, t1_s + minutes * 60, ds)


def settings(**more: Any) -> ApprovalSettings:
    """Anna and Ben, approved by Max; two projects."""
    person = {"entity": "DE01", "zone": "Europe/Berlin", "approvers": ["key:max"], "role": "consultant"}
    given: dict[str, Any] = {
        "tracker": {"url": "http://127.0.0.1:1/timetagger/api/v2", "overlap_ms": 60_000},
        "people": {"anna": {**person, "worker": "W-1"}, "ben": {**person, "worker": "W-2", "approvers": ["key:eva"]}},
        "projects": {
            "P-ALPINE": {"entity": "DE01", "task": "Consulting"},
            "P-BAYOU": {"entity": "US01", "task": "Build", "billable": False},
        },
        "tags": {
            "alpine": {"project": "P-ALPINE"},
            "alpine/design": {"project": "P-ALPINE", "task": "Design"},
            "bayou": {"project": "P-BAYOU"},
            "travel": {"time_type": "travel"},
            "paid": {"billable": True},
        },
    }
    return ApprovalSettings.model_validate({**given, **more})


@dataclass
class ATracker:
    """A transport to it, too. Instants are in microseconds of its own clock, which stands until somebody moves it."""

    now_us: int = 1_800_000_000_000_000
    users: dict[str, dict[str, Item]] = field(default_factory=dict)
    resets: dict[str, int] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    revoked: int = 0
    """How often all tokens were revoked."""
    away: frozenset[str] = frozenset()
    """Users whose requests nobody answers."""
    asked: list[str] = field(default_factory=list)

    def put(self, user: str, *records: TrackedRecord, began_us: int | None = None) -> None:
        """Store records. `began_us`: the put took that instant when it began, and shows only now."""
        held = self.users.setdefault(user, {})
        for one in records:
            before = held[one.key]["st"] + 0.0001 if one.key in held else 0.0
            st = max((self.now_us if began_us is None else began_us) / 1e6, before)
            held[one.key] = {"key": one.key, "st": st, "mt": one.mt_s, "t1": one.t1_s, "t2": one.t2_s, "ds": one.ds}

    def revoke(self) -> None:
        """No token that was given is taken any more."""
        self.tokens.clear()
        self.revoked += 1

    async def send(self, request: Request, deadline_s: float) -> Response | None:
        """One request."""
        path = urlsplit(request.path).path
        self.asked.append(path)
        if path == "/bootstrap_authentication":
            assert json.loads(b64decode(request.body)) == {"method": "proxy"}
            user = request.headers[HEADER]
            if user in self.away:
                return None
            token = f"token-{user}-{self.revoked}"
            self.tokens[token] = user
            return _json({"token": token})
        known = self.tokens.get(request.headers.get("authtoken", ""))
        if known is None:
            return Response(401, {}, b"unauthorized: the webtoken is revoked")
        if known in self.away:
            return None
        asked = {name: values[0] for name, values in parse_qs(urlsplit(request.path).query).items()}
        return _json(getattr(self, f"_{path.strip('/')}")(known, asked))

    def _updates(self, user: str, asked: dict[str, str]) -> Item:
        since = float(asked["since"])
        held = self.users.setdefault(user, {})
        reset = since <= self.resets.get(user, -1)
        records = [one for one in held.values() if reset or one["st"] >= since]
        return {"server_time": self.now_us / 1e6, "reset": reset, "records": records, "settings": []}

    def _records(self, user: str, asked: dict[str, str]) -> Item:
        first, last = map(int, asked["timerange"].split("-"))
        every = self.users.setdefault(user, {}).values()
        return {"records": [o for o in every if (o["t2"] >= first or o["t1"] == o["t2"]) and o["t1"] <= last]}

    async def close(self) -> None:
        """Nothing is held open."""


def _json(content: object) -> Response:
    return Response(200, {"content-type": "application/json"}, json.dumps(content).encode())
