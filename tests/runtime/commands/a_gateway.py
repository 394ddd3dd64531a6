"""A gateway without a socket: it holds partitions, letters and notes, checks the key, and answers."""

import contextlib
import io
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from runtime.cli import BadInputError, Parser
from runtime.commands import drain, pause, replay, status, trace
from runtime.ports import AccountReport, AuditNote, EntryTrace, Forecast, Letter, PartitionReport

KEY = "stk_ops_0123456789012345678901234567890123456789012"
URL = "http://127.0.0.1:8080"


class ProblemError(Exception):
    """What the gateway refuses with."""

    def __init__(self, status: int, problem: str, detail: str, errors: Sequence[str] = ()) -> None:
        super().__init__(status, problem, detail, errors)
        self.status = status
        self.content = {
            "type": f"urn:springtide:problem:{problem}",
            "title": "Refused",
            "detail": detail,
            "errors": [{"pointer": "", "detail": error} for error in errors],
        }


class Said(NamedTuple):
    """What a command did: its exit code and both outputs."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, which must be JSON and nothing else."""
        return json.loads(self.out)


@dataclass
class AGateway:
    """What it holds, and what it was asked."""

    partitions: list[PartitionReport] = field(default_factory=list)
    accounts: list[AccountReport] = field(default_factory=list)
    forecasts: list[Forecast] = field(default_factory=list)
    traces: dict[tuple[str, str], EntryTrace] = field(default_factory=dict)
    letters: dict[str, Letter] = field(default_factory=dict)
    notes: list[AuditNote] = field(default_factory=list)
    parked: dict[str, str] = field(default_factory=dict)
    """Entry to the entity where it is parked."""
    forbidden: tuple[str, ...] = ()
    """Paths that the key does not cover."""
    unreadable: dict[str, str] = field(default_factory=dict)
    """Letter to why it cannot be read even now."""
    worth: dict[str, Any] = field(
        default_factory=lambda: {"bills": {}, "valued": 0, "known": 0, "left_out": 0, "unvalued": {}}
    )
    """What the partitions say of the entries in a dry run."""
    not_ready: str = ""
    away: Callable[[], OSError | None] = lambda: None
    """Asked before each request: why nobody answers it, if so."""
    instead: tuple[int, bytes] | None = None
    """What something else that listens there answers."""
    draining: str = ""
    hosts: dict[str, str] = field(default_factory=dict)
    """Host of the cluster to its region."""
    ordered: list[tuple[str, str, str]] = field(default_factory=list)
    """(verb, host, why)."""
    asked: list[tuple[str, str]] = field(default_factory=list)
    replayed: list[int] = field(default_factory=list)
    """How many letters each request replayed."""
    watched: int = 0
    """How often somebody watching comes back before pressing Ctrl-C."""

    def rest(self, seconds: float) -> None:
        """The pause of `status --watch`."""
        self.watched -= 1
        if self.watched < 0:
            raise KeyboardInterrupt

    def send(self, url: str, method: str, target: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        """The seam of `connection.Send`."""
        if reset := self.away():
            raise reset
        if self.instead is not None:
            return self.instead
        parts = urlsplit(target)
        self.asked.append((method, target))
        try:
            if headers.get("Authorization") != f"Bearer {KEY}":
                raise ProblemError(401, "not-authenticated", "The key is not known.")
            if parts.path in self.forbidden:
                raise ProblemError(403, "forbidden", "The key does not cover this.")
            for pattern, answer in self._routes().items():
                if found := re.fullmatch(pattern, f"{method} {parts.path}"):
                    query = dict(parse_qsl(parts.query, keep_blank_values=True))
                    content = json.loads(body) if body else query
                    return 200, msgspec.json.encode(answer(content, *map(unquote, found.groups())))
            raise ProblemError(404, "not-found", "There is nothing here.")
        except ProblemError as problem:
            return problem.status, json.dumps(problem.content).encode()

    def _routes(self) -> Mapping[str, Callable[..., Any]]:
        return {
            "GET /v1/status": lambda _: {
                "ready": self.not_ready,
                "partitions": self.partitions,
                "forecasts": self.forecasts,
            },
            "GET /v1/accounts": lambda _: {"accounts": self.accounts},
            "GET /v1/trace/([^/]+)/([^/]+)": self._trace,
            "GET /v1/audit": self._audit,
            "GET /v1/dead-letters": self._letters,
            "POST /v1/dead-letters/replay": self._replay,
            "POST /v1/commands": self._command,
            "POST /v1/drain": self._drain,
            "POST /v1/hosts/(drain|restart)": self._order,
        }

    def _audit(self, query: Mapping[str, str]) -> Any:
        assert 1 <= int(query["most"]) <= 1_000, "the gateway shows no more at once"
        before = int(query["before"])
        numbered = [replace(note, number=len(self.notes) - place) for place, note in enumerate(self.notes)]
        page = [note for note in numbered if not before or note.number < before][: int(query["most"])]
        return {"notes": page, "next": page[-1].number if len(page) == int(query["most"]) else 0}

    def _trace(self, _: Any, entity: str, entry_id: str) -> EntryTrace:
        if entity not in [report.entity for report in self.partitions]:
            raise ProblemError(404, "unknown-entity", "No such legal entity is configured.")
        if (entity, entry_id) not in self.traces:
            raise ProblemError(404, "unknown-entry", "This entity never heard of the entry.")
        return self.traces[entity, entry_id]

    def _letters(self, query: Mapping[str, str]) -> Any:
        state, after, most = query.get("state", "waiting"), query.get("after", ""), int(query.get("most", "1000"))
        chosen = sorted(id_ for id_, letter in self.letters.items() if letter.state == state and id_ > after)
        counts: dict[str, int] = {}
        for letter in self.letters.values():
            counts[letter.state] = counts.get(letter.state, 0) + 1
        listed = []
        for id_ in chosen[:most]:
            told = msgspec.to_builtins(self.letters[id_])
            body = told.pop("body")
            listed.append(
                told | {"size": len(self.letters[id_].body)} | ({"body": body} if query.get("bodies") == "1" else {})
            )
        more = listed[-1]["letter_id"] if listed and len(chosen) > most else ""
        return {"letters": listed, "counts": counts, "next": more}

    def _replay(self, order: Mapping[str, Any]) -> Any:
        chosen = [
            letter_id
            for letter_id, letter in sorted(self.letters.items())
            if letter.state == "waiting" and (order["ids"] is None or letter_id in order["ids"])
        ]
        if order["dry_run"]:
            failing = [self.unreadable[letter_id] for letter_id in chosen if letter_id in self.unreadable]
            return {
                "dry_run": True,
                "count": len(chosen),
                "readable": len(chosen) - len(failing),
                "hours": "7.5",
                "days": "0",
                "by_kind": {},
                "by_entity": {"DE01": len(chosen) - len(failing)},
                "fails_again": {reason: failing.count(reason) for reason in failing},
                **self.worth,
                "seconds": -(-len(chosen) // order["per_second"]),
                "requests": 1,
            }
        self.replayed.append(len(chosen))
        results = []
        for letter_id in chosen[:500]:
            if reason := self.unreadable.get(letter_id, ""):
                results.append({"letter_id": letter_id, "taken": "quarantined", "reason": reason})
            else:
                self.letters[letter_id] = replace(self.letters[letter_id], state="replayed")
                results.append({"letter_id": letter_id, "taken": "accepted", "reason": ""})
        return {"results": results, "counts": {}, "left": max(0, len(chosen) - 500)}

    def _command(self, order: Mapping[str, Any]) -> Any:
        verb, why = order["verb"], order["why"]
        results = []
        if verb in ("pause", "resume"):
            for number, report in enumerate(self.partitions):
                if order.get("entity") in (None, report.entity) and order.get("region") in (None, report.region):
                    done = bool(report.paused) == (verb == "resume")
                    said = f"ops: {why}" if verb == "pause" else ""
                    if done and report.state != "moving":
                        self.partitions[number] = replace(report, paused=said)
                    late = "moving: try again" if report.state == "moving" else ""
                    results.append({"entity": report.entity, "done": done and not late, "reason": late})
        else:
            assert verb != "waive" or order["entity"], "waive names its entity"
            for entry in order["entries"]:
                entity = self.parked.pop(entry, None)
                results.append({"entity": entity or "DE01", "done": entity is not None})
        return {"results": results}

    def _drain(self, order: Mapping[str, Any]) -> Any:
        self.draining = order["why"]
        return {"draining": True}

    def _order(self, order: Mapping[str, str], verb: str) -> Any:
        if not self.hosts:
            raise ProblemError(409, "one-process", "one process carries everything: nothing to roll")
        meant = [
            host
            for host, region in self.hosts.items()
            if order.get("host") in (None, host) and order.get("region") in (None, region)
        ]
        if not meant:
            raise ProblemError(404, "unknown-host", "living hosts: " + ", ".join(self.hosts))
        self.ordered += [(verb, host, order["why"]) for host in meant]
        return {"hosts": meant}


class Door(Protocol):
    """Where a command's requests go, and what `--watch` waits with."""

    def send(self, url: str, method: str, target: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        """The seam of `connection.Send`."""

    def rest(self, seconds: float) -> None:
        """The pause of `status --watch`."""


def springtide(gateway: Door, *argv: str) -> Said:
    """Run a command line against this gateway, as `runtime.cli.main` would."""
    parser = Parser(prog="springtide")
    subparsers = parser.add_subparsers(dest="command", required=True)
    for module in (status, trace, pause, replay, drain):
        module.register(subparsers)
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            arguments = parser.parse_args(argv)
            arguments.send, arguments.rest = gateway.send, gateway.rest
            code = arguments.run(arguments)
        except BadInputError as bad:
            err.write(f"springtide: {bad}\n")
            code = 2
    return Said(code, out.getvalue(), err.getvalue())
