"""The description of the gateway for programs: OpenAPI 3.1, with an example for everything.

What a body looks like is read from the classes that read and write it, so it cannot be out of date; what a route may
answer stands here. The examples are tried in the tests: those of deliveries are delivered.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from runtime.core.model import Approval, Assignment, Period, Project, RateLine, TimeEntry, Worker
from runtime.gateway.events import KINDS, SCHEMA
from runtime.gateway.intake import BATCH, NDJSON, STRUCTURED, WHY_MAX, Taking
from runtime.gateway.letters import DropRequest, ListedLetter, ReplayRequest
from runtime.gateway.operations import CommandRequest, Done, DrainHostRequest, DrainRequest, RestartHostsRequest
from runtime.gateway.problems import PROBLEMS, TYPE, Flaw
from runtime.ports import AccountReport, AuditNote, EntryTrace, Forecast, PartitionReport
from runtime.settings import LimitSettings

Schema = dict[str, Any]

_DESCRIBED = (
    *(TimeEntry, Approval, RateLine, Project, Period, Worker, Assignment),
    *(Taking, PartitionReport, Forecast, AccountReport, EntryTrace, AuditNote, ListedLetter),
    *(CommandRequest, Done, DrainRequest, DrainHostRequest, RestartHostsRequest, ReplayRequest, DropRequest, Flaw),
)

# ------------------------------------------------------------------ examples

ENTRY: Schema = {
    "entry_id": "TS-1001",
    "version": 1,
    "source_system": "psa",
    "source_id": "TS-1001",
    "line": 1,
    "sheet": "S-2026-11",
    "worker": "W-7",
    "assignment": "A-3",
    "project": "P-12",
    "task": "T-1",
    "role": "consultant",
    "grade": "senior",
    "employing_entity": "DE01",
    "project_entity": "DE01",
    "billing_entity": "DE01",
    "home_entity": "DE01",
    "work_date": "2026-03-10",
    "quantity": "7.5",
    "unit": "hour",
    "time_type": "standard",
    "billable": True,
    "zone": "Europe/Berlin",
    "invoice_narrative": "data model workshop",
}
APPROVAL: Schema = {
    "fingerprint": "5d41402a",
    "approver": "M-1",
    "method": "single",
    "decided_at_ms": 1773144000000,
    "submitted_at_ms": 1773133200000,
}
_RATE: Schema = {
    "rate_id": "R-1",
    "kind": "bill",
    "scope": "project_role",
    "scope_key": "P-12|consultant",
    "currency": "EUR",
    "rate": "145.00",
    "valid_from": "2026-01-01",
    "known_from_ms": 1767222000000,
}
_PERIOD: Schema = {
    "entity": "DE01",
    "module": "time",
    "name": "2026-03",
    "first_day": "2026-03-01",
    "last_day": "2026-03-31",
    "status": "open",
    "cutoff_feed_ms": 1774972800000,
    "version": 2,
}
_PROJECT: Schema = {"project": "P-12", "entity": "DE01", "client": "C-4", "contract": "K-9", "version": 1}
_WORKER: Schema = {"worker": "W-7", "employing_entity": "DE01", "valid_from": "2024-05-01", "version": 1}
_ASSIGNMENT: Schema = {
    "assignment_id": "A-3",
    "worker": "W-7",
    "project": "P-12",
    "task": "T-1",
    "role": "consultant",
    "valid_from": "2026-01-01",
    "valid_until": "2026-12-31",
}

CONTENTS: Mapping[str, Schema] = {
    "time_entry.approved": {"entry": ENTRY, "approval": APPROVAL},
    "time_entry.withdrawn": {
        "entity": "DE01",
        "entry_id": "TS-1001",
        "version": 2,
        "reason": "booked twice",
        "at_ms": 1773230400000,
    },
    "rates.published": {"entity": "DE01", "lines": [_RATE]},
    "projects.published": {"entity": "DE01", "projects": [_PROJECT]},
    "periods.published": {"entity": "DE01", "periods": [_PERIOD]},
    "workers.published": {"entity": "*", "workers": [_WORKER]},
    "assignments.published": {"entity": "DE01", "assignments": [_ASSIGNMENT]},
    "master_data.ready": {"entity": "DE01", "names": ["project:P-12"]},
    "configuration.changed": {
        "entity": "DE01",
        "version": 1,
        "changes": {"linger_ms": "2000"},
        "why": "fewer entries a day than we thought",
    },
}
"""An example of the content of each type."""

_PARTS: Mapping[str, Schema] = {
    "entry": {"$ref": "#/components/schemas/TimeEntry"},
    "approval": {"$ref": "#/components/schemas/Approval"},
    "lines": {"type": "array", "minItems": 1, "items": {"$ref": "#/components/schemas/RateLine"}},
    "projects": {"type": "array", "minItems": 1, "items": {"$ref": "#/components/schemas/Project"}},
    "periods": {"type": "array", "minItems": 1, "items": {"$ref": "#/components/schemas/Period"}},
    "workers": {"type": "array", "minItems": 1, "items": {"$ref": "#/components/schemas/Worker"}},
    "assignments": {"type": "array", "minItems": 1, "items": {"$ref": "#/components/schemas/Assignment"}},
    "names": {"type": "array", "minItems": 1, "items": {"type": "string"}},
    "changes": {"type": "object", "minProperties": 1, "additionalProperties": {"type": "string"}},
    "entity": {"type": "string", "description": "A legal entity; for reference data also '*': all of them."},
    "entry_id": {"type": "string", "minLength": 1, "maxLength": 256},
    "version": {"type": "integer", "minimum": 1, "maximum": 4096},
    "reason": {"type": "string"},
    "at_ms": {"type": "integer"},
    "why": {"type": "string", "minLength": 1, "maxLength": WHY_MAX},
}


def plain_example(kind: str) -> Schema:
    """A plain event of this type."""
    return {"type": kind, **CONTENTS[kind]}


def cloud_example(kind: str) -> Schema:
    """The same as a CloudEvent in structured mode."""
    return {
        "specversion": "1.0",
        "id": "e-1",
        "source": "/psa/de",
        "type": kind,
        "dataschema": f"{SCHEMA}{kind}:{KINDS[kind].schema}",
        "data": CONTENTS[kind],
    }


# ------------------------------------------------------------------ the document


def document(limits: LimitSettings) -> Schema:
    """The OpenAPI document of a gateway with these limits."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Springtide",
            "version": "1",
            "summary": "Carries approved time into the ERP that bills it.",
            "description": (
                "Deliver approved time and reference data as events; 202 is said once everything accepted is durable. "
                "After 429 and 503 deliver everything again: what was accepted is a duplicate then."
            ),
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "paths": _paths(limits),
        "components": {
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API key (stk_…) or a token of the configured identity provider.",
                }
            },
            "schemas": _schemas(),
        },
    }


def _schemas() -> Schema:
    _, found = msgspec.json.schema_components(_DESCRIBED, ref_template="#/components/schemas/{name}")
    schemas: Schema = dict(found)
    for kind, content in CONTENTS.items():
        properties = {name: _PARTS[name] for name in content}
        required = sorted(name for name in content if name not in ("reason", "at_ms"))
        name = _name(kind)
        schemas[f"{name}.content"] = {
            "type": "object",
            "properties": properties,
            "required": required,
            "examples": [content],
        }
        schemas[f"{name}.plain"] = {
            "type": "object",
            "properties": {"type": {"const": kind}, **properties},
            "required": ["type", *required],
            "examples": [plain_example(kind)],
        }
        schemas[f"{name}.cloudevent"] = {
            "type": "object",
            "properties": {
                "specversion": {"const": "1.0"},
                "id": {"type": "string", "minLength": 1},
                "source": {"type": "string", "minLength": 1},
                "type": {"const": kind},
                "dataschema": {"const": f"{SCHEMA}{kind}:{KINDS[kind].schema}"},
                "data": {"$ref": f"#/components/schemas/{name}.content"},
            },
            "required": ["specversion", "id", "source", "type", "data"],
            "examples": [cloud_example(kind)],
        }
    for form in ("plain", "cloudevent", "content"):
        schemas[f"any.{form}"] = {"oneOf": [{"$ref": f"#/components/schemas/{_name(kind)}.{form}"} for kind in KINDS]}
    # Two contents may look alike (an entity and names of something), so that one cannot tell them apart by themselves.
    schemas["any.content"] = {"anyOf": schemas["any.content"]["oneOf"]}
    schemas["Problem"] = {
        "type": "object",
        "properties": {
            "type": {"enum": [TYPE + name for name in PROBLEMS]},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "instance": {"type": "string"},
            "errors": {"type": "array", "items": {"$ref": "#/components/schemas/Flaw"}},
            "results": {"type": "array", "items": {"$ref": "#/components/schemas/Result"}},
            "counts": {"type": "object", "additionalProperties": {"type": "integer"}},
        },
        "required": ["type", "title", "status", "detail", "instance", "errors"],
        "examples": [
            {
                "type": TYPE + "undecided_bytes",
                "title": PROBLEMS["undecided_bytes"][1],
                "status": 429,
                "detail": "not everything could be taken in; deliver all of it again",
                "instance": "/v1/bulk",
                "errors": [],
            }
        ],
    }
    return _plain(schemas)  # type: ignore[no-any-return]  # the same shape as what was put in


def _name(kind: str) -> str:
    return kind.replace("_", "-")


def _plain(what: Any) -> Any:
    """What msgspec found, as JSON knows it: a tuple as a default is an array, and docstrings are one line."""
    if isinstance(what, dict):
        return {
            name: " ".join(one.split()) if name == "description" and isinstance(one, str) else _plain(one)
            for name, one in what.items()
        }
    return [_plain(one) for one in what] if isinstance(what, list | tuple) else what


_TAKING = (400, 401, 403, 408, 413, 415, 422, 429, 503)
_COUNTS: dict[str, Any] = {"type": "object", "additionalProperties": {"type": "integer"}}
_ASKING = (400, 401, 403, 503)
_TELLING = (400, 401, 403, 408, 413, 415, 503)
_HOSTS: Schema = {
    "type": "object",
    "properties": {"hosts": {"type": "array", "items": {"type": "string"}}},
    "required": ["hosts"],
}
_ACCEPTED: Schema = {
    "results": [{"index": 0, "taken": "accepted", "entry": "TS-1001", "version": 1}],
    "counts": {"accepted": 1, "duplicate": 0, "refused": 0, "quarantined": 0},
}


def _paths(limits: LimitSettings) -> Schema:
    event = {"$ref": "#/components/schemas/any.cloudevent"}
    plain = {"$ref": "#/components/schemas/any.plain"}
    approved = "time_entry.approved"
    cloud_media: Schema = {
        STRUCTURED: {"schema": event, "examples": {kind: {"value": cloud_example(kind)} for kind in KINDS}},
        BATCH: {
            "schema": {"type": "array", "maxItems": limits.items, "items": event},
            "example": [cloud_example(approved)],
        },
    }
    line = msgspec.json.encode(plain_example(approved)).decode()
    limited = (
        f"At most {limits.body_bytes} bytes, {limits.expanded_bytes} once a gzip body is expanded, {limits.items} "
        f"items and {limits.depth} levels of JSON, sent within {limits.body_seconds:g} s. "
    )
    binary = [
        _header("ce-specversion", {"const": "1.0"}, "CloudEvents in binary mode: the attributes are headers.", "1.0"),
        _header("ce-id", {"type": "string", "pattern": "^[!-~]{1,64}$"}, "", "e-1"),
        _header("ce-source", {"type": "string", "pattern": "^[!-~]{1,64}$"}, "", "/psa/de"),
        _header("ce-type", {"enum": list(KINDS)}, "", approved),
    ]
    return {
        "/v1/events": {
            "post": _operation(
                "deliverEvents",
                "Deliver CloudEvents",
                f"Structured, batch or binary mode. {limited}",
                202,
                {"$ref": "#/components/schemas/Taking"},
                _ACCEPTED,
                _TAKING,
                parameters=binary,
                body={
                    **cloud_media,
                    "application/json": {
                        "schema": {"$ref": "#/components/schemas/any.content"},
                        "example": CONTENTS[approved],
                    },
                },
            )
        },
        "/v1/bulk": {
            "post": _operation(
                "deliverBulk",
                "Deliver many events, one a line",
                f"Each line is a plain event, or a CloudEvent in structured mode. {limited}",
                202,
                {"$ref": "#/components/schemas/Taking"},
                _ACCEPTED,
                _TAKING,
                body={NDJSON[0]: {"schema": {"type": "string"}, "example": line + "\n"}},
            )
        },
        "/v1/webhooks/{source}": {
            "post": _operation(
                "deliverWebhook",
                "Deliver events, signed",
                "Springtide-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256 of 't.body'>. The same delivery is taken "
                f"once; a second time it is 409, and nothing needs to be repeated. {limited}",
                202,
                {"$ref": "#/components/schemas/Taking"},
                _ACCEPTED,
                (*_TAKING, 409),
                parameters=[
                    _path("source", "psa-de"),
                    _header("Springtide-Signature", {"type": "string"}, "When it was signed, and the signature.", None),
                ],
                body={
                    **cloud_media,
                    "application/json": {
                        "schema": {"anyOf": [plain, {"type": "array", "items": plain}]},
                        "example": plain_example(approved),
                    },
                },
                security=[],
            )
        },
        "/v1/status": {
            "get": _operation(
                "status",
                "How every partition stands",
                "Those that a grant of 'status' covers. 'ready' is empty, or says that intake waits; to those whose "
                "grant covers everything, for what.",
                200,
                {
                    "type": "object",
                    "properties": {
                        "ready": {"type": "string"},
                        "partitions": _many("PartitionReport"),
                        "forecasts": _many("Forecast"),
                    },
                    "required": ["ready", "partitions", "forecasts"],
                },
                {"ready": "", "partitions": [], "forecasts": []},
                _ASKING,
            )
        },
        "/v1/accounts": {
            "get": _operation(
                "accounts",
                "How every connector account stands",
                "Those that a visible entity uses.",
                200,
                {"type": "object", "properties": {"accounts": _many("AccountReport")}, "required": ["accounts"]},
                {"accounts": []},
                _ASKING,
            )
        },
        "/v1/trace/{entity}/{entry_id}": {
            "get": _operation(
                "trace",
                "The whole story of an entry",
                "From submission to posting, every attempt.",
                200,
                {"$ref": "#/components/schemas/EntryTrace"},
                {
                    "entity": "DE01",
                    "entry_id": "TS-1001",
                    "place": "posted",
                    "phase": "posted",
                    "latest": 1,
                    "ledger_id": "L-77",
                    "keys": ["acme/DE01/TS-1001/1/time/post/1"],
                    "steps": [{"at_ms": 1773144000000, "kind": "EntryReceived", "text": "version 1"}],
                },
                (*_ASKING, 404),
                parameters=[_path("entity", "DE01"), _path("entry_id", "TS-1001")],
            )
        },
        "/v1/audit": {
            "get": _operation(
                "audit",
                "Who commanded what, and why",
                "The latest notes, newest first. 'next' is the 'before' of the next page; 0: there is none.",
                200,
                {
                    "type": "object",
                    "properties": {"notes": _many("AuditNote"), "next": {"type": "integer"}},
                    "required": ["notes", "next"],
                },
                {"notes": [], "next": 0},
                _ASKING,
                parameters=[
                    _query("most", {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}, 20),
                    _query("before", {"type": "integer", "minimum": 0, "maximum": 999_999_999, "default": 0}, 0),
                ],
            )
        },
        "/v1/commands": {
            "post": _operation(
                "command",
                "Pause, resume, retry or waive",
                "For all entities that are meant, at once, or for none where a grant covers only some. 'waive' names "
                "its entity. Nothing is done where the audit cannot say that it begins.",
                200,
                {"type": "object", "properties": {"results": _many("Done")}, "required": ["results"]},
                {"results": [{"entity": "DE01", "done": True}]},
                (*_TELLING, 404),
                body=_json("CommandRequest", {"verb": "pause", "entity": "DE01", "why": "ledger under repair"}),
            )
        },
        "/v1/drain": {
            "post": _operation(
                "drain",
                "End this process in good order",
                "It takes nothing in any more, finishes what is on the wire, and ends.",
                202,
                {"type": "object", "properties": {"draining": {"const": True}}, "required": ["draining"]},
                {"draining": True},
                _TELLING,
                body=_json("DrainRequest", {"why": "upgrade"}),
            )
        },
        "/v1/hosts/drain": {
            "post": _operation(
                "drainHost",
                "Empty one host of the cluster, and end it",
                "What it carries goes to others; it is replaced as far as is needed. The supervisor does it, now.",
                202,
                _HOSTS,
                {"hosts": ["host:EMEA:1f2e3d4c"]},
                (*_TELLING, 404, 409),
                body=_json("DrainHostRequest", {"host": "host:EMEA:1f2e3d4c", "why": "the node is taken away"}),
            )
        },
        "/v1/hosts/restart": {
            "post": _operation(
                "restartHosts",
                "Replace the hosts of the cluster, one after the other",
                "Those that live now, of one region if it is named. The supervisor does it, while nobody waits.",
                202,
                _HOSTS,
                {"hosts": ["host:EMEA:1f2e3d4c", "host:EMEA:5a6b7c8d"]},
                (*_TELLING, 404, 409),
                body=_json("RestartHostsRequest", {"region": "EMEA", "why": "new build"}),
            )
        },
        "/v1/dead-letters": {
            "get": _operation(
                "deadLetters",
                "What could not be read",
                "A page, by id; 'next' says after which letter to go on. With 'bodies' 1 there are bodies, in base64.",
                200,
                {
                    "type": "object",
                    "properties": {
                        "letters": _many("ListedLetter"),
                        "counts": {"type": "object", "additionalProperties": {"type": "integer"}},
                        "next": {"type": "string"},
                    },
                    "required": ["letters", "counts", "next"],
                },
                {"letters": [], "counts": {"waiting": 0}, "next": ""},
                _ASKING,
                parameters=[
                    _query("state", {"enum": ["waiting", "replayed", "dropped"], "default": "waiting"}, "waiting"),
                    _query("after", {"type": "string", "pattern": "^([0-9a-f]{32})?$"}, ""),
                    _query("most", {"type": "integer", "minimum": 0, "maximum": 1000, "default": 100}, 100),
                    _query("bodies", {"enum": [0, 1], "default": 0}, 0),
                ],
            )
        },
        "/v1/dead-letters/replay": {
            "post": _operation(
                "replay",
                "Take dead letters in again",
                "A dry run first, which says what it would do and changes nothing: 'bills' is what the entries would "
                "bill, in minor units by currency, at the rates their partitions know now; 'unvalued' says of how many "
                "nobody can tell, and why. Five seconds' worth of letters in one request.",
                200,
                {
                    "type": "object",
                    "properties": {
                        **dict.fromkeys(("by_kind", "by_entity", "fails_again", "bills", "unvalued"), _COUNTS),
                        **{name: {"type": "integer"} for name in ("valued", "known", "left_out")},
                    },
                },
                {"results": [], "counts": {}, "next": ""},
                _TELLING,
                body=_json(
                    "ReplayRequest", {"ids": None, "dry_run": True, "per_second": 50, "why": "schema 2 is known"}
                ),
            )
        },
        "/v1/dead-letters/drop": {
            "post": _operation(
                "drop",
                "Give dead letters up",
                "Each is named.",
                200,
                {"type": "object"},
                {"results": [{"letter_id": "0" * 32, "done": False}]},
                _TELLING,
                body=_json("DropRequest", {"ids": ["0" * 32], "why": "a test of the sender"}),
            )
        },
        "/metrics": {
            "get": {
                "operationId": "metrics",
                "summary": "Numbers for Prometheus",
                "responses": {
                    "200": {
                        "description": "Text format 0.0.4.",
                        "content": {"text/plain": {"schema": {"type": "string"}}},
                    },
                    **_problems((401, 403)),
                },
            }
        },
        "/live": {"get": _probe("live", "This process answers", False)},
        "/ready": {"get": _probe("ready", "Entries could be taken in now", True)},
        "/openapi.json": {
            "get": _operation("openapi", "This document", "", 200, {"type": "object"}, None, (), security=[])
        },
    }


def _operation(
    name: str,
    summary: str,
    description: str,
    status: int,
    schema: Schema,
    example: Any,
    problems: tuple[int, ...],
    parameters: list[Schema] | None = None,
    body: Schema | None = None,
    security: list[Schema] | None = None,
) -> Schema:
    media: Schema = {"schema": schema}
    if example is not None:
        media["example"] = example
    found: Schema = {
        "operationId": name,
        "summary": summary,
        "description": description,
        "responses": {
            str(status): {"description": summary, "content": {"application/json": media}},
            **_problems(problems),
        },
    }
    if parameters is not None:
        found["parameters"] = parameters
    if body is not None:
        found["requestBody"] = {"required": True, "content": body}
    if security is not None:
        found["security"] = security
    return found


def _problems(statuses: tuple[int, ...]) -> Schema:
    found: Schema = {}
    for status in statuses:
        names = [name for name, (its, _) in PROBLEMS.items() if its == status]
        found[str(status)] = {
            "description": ", ".join(names),
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        if status in (429, 503):
            seconds = {"schema": {"type": "integer", "minimum": 1}, "description": "Seconds to wait."}
            found[str(status)]["headers"] = {"Retry-After": seconds}
    return found


def _probe(name: str, summary: str, may_fail: bool) -> Schema:
    media = {"schema": {"type": "object", "properties": {name: {"type": "boolean"}}, "required": [name]}}
    answers = {"200": {"description": summary, "content": {"application/json": media}}}
    if may_fail:
        answers["503"] = {"description": "Not now.", "content": {"application/json": media}}
    return {"operationId": name, "summary": summary, "security": [], "responses": answers}


def _header(name: str, schema: Schema, description: str, example: str | None) -> Schema:
    found = {"name": name, "in": "header", "schema": schema, "description": description}
    return found if example is None else {**found, "example": example}


def _path(name: str, example: str) -> Schema:
    return {
        "name": name,
        "in": "path",
        "required": True,
        "schema": {"type": "string", "minLength": 1},
        "example": example,
    }


def _query(name: str, schema: Schema, example: Any) -> Schema:
    return {"name": name, "in": "query", "schema": schema, "example": example}


def _many(name: str) -> Schema:
    return {"type": "array", "items": {"$ref": f"#/components/schemas/{name}"}}


def _json(name: str, example: Schema) -> Schema:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}, "example": example}}
