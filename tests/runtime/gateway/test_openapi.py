"""The description is true: it names every route, its examples fit its schemas, and what is delivered is taken in."""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from runtime.gateway.intake import BATCH
from tests.runtime.gateway.a_runtime import OPS, a_world

DOCUMENT: dict[str, Any] = a_world().get("/openapi.json").json
OPERATIONS = [
    (path, method, operation) for path, item in DOCUMENT["paths"].items() for method, operation in item.items()
]


def check(schema: dict[str, Any], content: Any) -> None:
    """The content fits the schema, with the components of the document."""
    Draft202012Validator({**schema, "components": DOCUMENT["components"]}).validate(content)


def test_every_route_is_described_and_nothing_else() -> None:
    """A route without a description, or the other way round, is a mistake."""
    routes = {
        (path.rstrip("/") if path in ("/v1/webhooks/", "/v1/trace/") else path, method.lower())
        for path, methods in a_world().app._routes.items()
        for method in methods
    }
    described = {(path.split("/{")[0], method) for path, method, _ in OPERATIONS}

    assert described == routes


def test_every_schema_is_one_and_its_examples_fit() -> None:
    """Each component is a JSON Schema, and every example in it is what it says."""
    for schema in DOCUMENT["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
        for example in schema.get("examples", ()):
            check(schema, example)


def media(operation: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    found = list(operation.get("requestBody", {}).get("content", {}).items())
    for answer in operation["responses"].values():
        found += answer.get("content", {}).items()
    return found


def test_every_example_of_a_body_fits() -> None:
    """Requests and answers alike."""
    seen = 0
    for _, _, operation in OPERATIONS:
        for _, one in media(operation):
            examples = [one["example"]] if "example" in one else []
            examples += [each["value"] for each in one.get("examples", {}).values()]
            for example in examples:
                check(one["schema"], example)
                seen += 1
    assert seen > 30


@pytest.mark.parametrize("path", ["/v1/events", "/v1/bulk", "/v1/webhooks/{source}"])
def test_every_example_of_a_delivery_is_taken_in(path: str) -> None:
    """Whoever copies an example hears "accepted"."""
    operation = DOCUMENT["paths"][path]["post"]
    headers = {one["name"]: one["example"] for one in operation.get("parameters", ()) if "example" in one}
    for content_type, one in operation["requestBody"]["content"].items():
        examples = [one["example"]] if "example" in one else [each["value"] for each in one["examples"].values()]
        for example in examples:
            world = a_world()
            body = example.encode() if isinstance(example, str) else json.dumps(example).encode()
            if path.startswith("/v1/webhooks"):
                content = example.get("data", example) if isinstance(example, dict) else {}
                if content.get("entity") == "*" or "changes" in content:
                    continue  # not for this source: it speaks for one entity and commands nobody
                reply = world.webhook(body, content_type=content_type)
            else:
                binary = headers if content_type == "application/json" else {}
                reply = world.ask("POST", path, body, {"content-type": content_type, **binary}, OPS)
            assert reply.status == 202, reply.body
            assert set(reply.taken()) == {"accepted"}
            check(DOCUMENT["components"]["schemas"]["Taking"], reply.json)


def test_problems_and_answers_are_as_described() -> None:
    """What really comes back fits what the document says of it."""
    world = a_world()
    components = DOCUMENT["components"]["schemas"]
    check(components["Problem"], world.get("/v1/status").json)
    check(components["Problem"], world.post("/v1/events", [{"type": "x"}] * 3, OPS).json)
    check(components["Taking"], world.post("/v1/events", [{"type": "x"}], OPS, content_type=BATCH).json)
    for path in ("/v1/status", "/v1/accounts", "/v1/audit", "/v1/dead-letters", "/live", "/ready"):
        schema = DOCUMENT["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        check(schema, world.get(path, OPS).json)


def test_the_limits_are_those_of_the_deployment() -> None:
    """Whoever reads the document knows what fits into a request here."""
    document = a_world(items=77).get("/openapi.json").json

    assert "77 items" in document["paths"]["/v1/bulk"]["post"]["description"]
