"""A mock ERP with one entity, one open period, one project and one worker, and a caller that is logged in."""

import json
from datetime import date
from typing import Any
from urllib.parse import quote
from zlib import crc32

from runtime.ports import Request, Response
from simulators.evidence import AccountEvidence, Evidence
from simulators.systems.erp import Erp
from simulators.systems.erp.ledger import Line
from simulators.systems.erp_profile import ErpProfile

MARCH = ("time", "2026-03", date(2026, 3, 1), date(2026, 3, 31))
HOUR_MS = 3_600_000


def profile(**settings: Any) -> ErpProfile:
    """A profile that neither throttles nor lets tokens expire during a test."""
    quiet = {"name": "test", "quota": None, "login": {"token_life_ms": 10**12}}
    return ErpProfile.model_validate(quiet | settings)


def row(entry: str = "TS-1", version: int = 1, **changed: Any) -> dict[str, Any]:
    """A row to post; the key says entry and version unless another is given."""
    usual = {
        "key": f"{entry}/{version}/post",
        "entry_id": entry,
        "version": version,
        "leg": "post",
        "project": "P1",
        "task": "build",
        "worker": "W1",
        "role": "consultant",
        "work_date": "2026-03-10",
        "accounting_date": "2026-03-10",
        "period": "2026-03",
        "quantity": "7.25",
        "unit": "hour",
        "bill_minor": 90_625,
        "bill_currency": "EUR",
        "cost_minor": 43_500,
        "cost_currency": "EUR",
        "narrative": "workshop",
        "dimensions": ["CC-1"],
        "adjusts": "",
        "reverses": "",
    }
    return usual | changed


def reversal(of: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """The row that takes `of` back exactly."""
    negatives = {name: -of[name] for name in ("bill_minor", "cost_minor")}
    key = of["key"].replace("/post", "/reverse")
    return of | negatives | {"key": key, "leg": "reverse", "reverses": of["key"], "quantity": "-7.25"} | changed


def text(one: dict[str, Any]) -> str:
    """The text of a row as a connector would send it."""
    return json.dumps(one, separators=(",", ":"))


def fingerprint(one: dict[str, Any]) -> str:
    """What the ERP should answer as the fingerprint of this row."""
    return f"{crc32(text(one).encode()):08x}"


class Bench:
    """The ERP under test and what it wrote down."""

    def __init__(self, settings: ErpProfile, seed: int = 1) -> None:
        self.evidence = Evidence("DE01")
        self.account = AccountEvidence("erp-1")
        self.erp = Erp(
            settings, "erp-1", seed, {"DE01": self.evidence}, self.account, {"DE01": ["P1"]}, {"DE01": ["W1"]}
        )
        self.token = ""
        self.period("open", 0)
        self.log_in(0)

    def log_in(self, now_ms: int, credential: str = "first") -> Response:
        body = json.dumps({"credential": credential}).encode()
        response = self.erp.answer(Request("POST", "/token", {}, body), now_ms).response
        if response.status == 200:
            self.token = json.loads(response.body)["token"]
        return response

    def period(self, status: str, now_ms: int) -> None:
        self.erp.set_period("DE01", *MARCH, status, now_ms)

    def request(self, *rows: dict[str, Any], call: str = "c-1") -> Request:
        body = '{"rows":[' + ",".join(map(text, rows)) + "]}"
        headers = {"Authorization": f"Bearer {self.token}", "X-Call": call}
        return Request("POST", "/ledger/DE01/batches", headers, body.encode())

    def call(self, *rows: dict[str, Any], at_ms: int = 0, call: str = "c-1") -> Response:
        return self.erp.answer(self.request(*rows, call=call), at_ms).response

    def post(self, *rows: dict[str, Any], at_ms: int = 0) -> list[dict[str, Any]]:
        """The answers per row, which a served call has."""
        response = self.call(*rows, at_ms=at_ms)
        assert response.status in (200, 202), response.body
        answers: list[dict[str, Any]] = json.loads(response.body)["rows"]
        return answers

    def look_up(self, *names: str, by: str = "key", at_ms: int = 0) -> list[dict[str, Any]]:
        path = f"/ledger/DE01/lines?by={by}&names=" + ",".join(quote(name, safe="") for name in names)
        request = Request("GET", path, {"authorization": f"Bearer {self.token}"}, b"")
        response = self.erp.answer(request, at_ms).response
        assert response.status == 200, response.body
        lines: list[dict[str, Any]] = json.loads(response.body)["lines"]
        return lines

    def by_hand(self, entry: str, now_ms: int, version: int = 1) -> bool:
        day = date(2026, 3, 10)
        return self.erp.post_by_hand(
            "DE01", entry, version, "P1", day, day, "2026-03", 29, 90_625, "EUR", 43_500, "EUR", now_ms
        )

    @property
    def standing(self) -> int:
        """Lines that were posted and not reversed, counted in the evidence."""
        return sum(
            line.leg == "post" and not (isinstance(line, Line) and line.reversed_by) for line in self.evidence.lines
        )
