"""JSON-RPC to a Tryton server, for whoever sets it up and checks it afterwards: plain calls, no retries.

The runtime does not use this. Who judges what the runtime did should not ask through the runtime's own connector.
"""

import json
from base64 import b64encode
from datetime import date
from decimal import Decimal
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

CALL_SECONDS = 300.0
"""The invoicing of some ten thousand lines took more than a minute (measured)."""


class TrytonAwayError(Exception):
    """Nobody answered, or not to the end: what was asked may have been done."""


class TrytonRefusedError(Exception):
    """The server said no: (status, kind, message, name of the warning)."""

    def __init__(self, status: int, kind: str, message: str, warning: str = "") -> None:
        super().__init__(status, kind, message, warning)
        self.status = status
        self.kind = kind
        self.message = message
        self.warning = warning


class TrytonClient:
    """A session of one user on one database."""

    def __init__(self, url: str, database: str, user: str, password: str, seconds: float = CALL_SECONDS) -> None:
        """Log in. Raises TrytonAwayError, TrytonRefusedError."""
        self._address = urlsplit(url).netloc
        self._path = f"/{database}/rpc/"
        self._seconds = seconds
        self._headers = {"Content-Type": "application/json"}
        self._context: dict[str, Any] = {"language": "en"}
        number, token, _ = self.raw("common.db.login", user, {"password": password}, "en")
        signed = b64encode(f"{user}:{number}:{token}".encode()).decode()
        self._headers["Authorization"] = f"Session {signed}"

    def call(self, method: str, *params: Any, company: int | None = None) -> Any:
        """What a method of a model answers: `call("model.party.party.create", [{…}])`."""
        context = self._context if company is None else {**self._context, "company": company}
        return self.raw(method, *params, context)

    def find(self, model: str, *domain: Any, company: int | None = None) -> list[int]:
        """Numbers of the records of a model, in the order of their numbers."""
        found: list[int] = self.call(f"model.{model}.search", list(domain), 0, None, [["id", "ASC"]], company=company)
        return found

    def read(self, model: str, *domain: Any, fields: tuple[str, ...], company: int | None = None) -> list[Any]:
        """Records of a model with these fields, in the order of their numbers."""
        order = [["id", "ASC"]]
        asked = (list(domain), 0, None, order, list(fields))
        found: list[Any] = self.call(f"model.{model}.search_read", *asked, company=company)
        return found

    def raw(self, method: str, *params: Any) -> Any:
        """What a method answers to these parameters, the context among them."""
        connection = HTTPConnection(self._address, timeout=self._seconds)
        try:
            body = json.dumps({"id": 1, "method": method, "params": params}, default=_written)
            connection.request("POST", self._path, body, self._headers)
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, HTTPException) as fault:
            raise TrytonAwayError(f"{method}: {type(fault).__name__}") from fault
        finally:
            connection.close()
        if answer.status != 200:
            raise TrytonRefusedError(answer.status, "", f"{method}: status {answer.status}")
        told = json.loads(content, object_hook=_meant)
        if "error" in told:
            raise _refused(method, told["error"])
        return told["result"]


def _refused(method: str, error: list[Any]) -> TrytonRefusedError:
    match error:
        case ["UserError", [message, *_]]:
            return TrytonRefusedError(200, "UserError", str(message))
        case ["UserWarning", [name, message, *_]]:
            return TrytonRefusedError(200, "UserWarning", str(message), str(name))
        case [kind, [message, *_]]:
            return TrytonRefusedError(200, str(kind), str(message))
    return TrytonRefusedError(200, "", f"{method}: {error[0]}")


def _written(value: Any) -> dict[str, Any]:
    """A value as Tryton writes it."""
    if isinstance(value, date):
        return {"__class__": "date", "year": value.year, "month": value.month, "day": value.day}
    if isinstance(value, Decimal):
        return {"__class__": "Decimal", "decimal": str(value)}
    raise TypeError(f"no value of Tryton: {value!r}")


def _meant(told: dict[str, Any]) -> Any:
    """What Tryton's written values mean. A duration is its seconds."""
    match told.get("__class__"):
        case "date":
            return date(told["year"], told["month"], told["day"])
        case "Decimal":
            return Decimal(told["decimal"])
        case "timedelta":
            return told["seconds"]
    return told
