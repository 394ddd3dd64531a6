"""A fuzz of the whole description: whatever schemathesis thinks of, the gateway never answers 500."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.core.result import Ok

from tests.runtime.gateway.a_runtime import OPS, a_world

EXAMPLES = 50
"""Requests for each operation: together about ten seconds on a machine that is busy."""

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
WORLD = a_world()
WORLD.runtime.living = {"host:EMEA:1f2e3d4c": "EMEA"}


@schemathesis.serializer("application/x-ndjson")
def lines(context: Any, content: Any) -> bytes:
    """What was thought of is text already."""
    return content if isinstance(content, bytes) else str(content).encode("utf-8", "replace")


@pytest.fixture(autouse=True)
def no_throttle() -> None:
    """A replay waits for nothing: what it replays is what is fuzzed, not how fast."""
    desk = WORLD.app._routes["/v1/dead-letters/replay"]["POST"].answer.__self__
    desk._sleep = lambda seconds: asyncio.sleep(0)


OPERATIONS = {
    found.ok().label: found.ok()
    for found in schemathesis.openapi.from_asgi("/openapi.json", WORLD.app).get_all_operations()
    if isinstance(found, Ok)
}
REFUSED = (
    *("POST /v1/webhooks/{source}", "GET /v1/trace/{entity}/{entry_id}", "POST /v1/commands"),
    "POST /v1/hosts/drain",
)
"""Nobody guesses a signature, an entry, or (but by luck) the name of a legal entity or a host."""


@pytest.mark.parametrize("mode", GenerationMode, ids=lambda mode: mode.value)
@pytest.mark.parametrize("label", OPERATIONS)
def test_nothing_that_is_asked_is_answered_with_500(label: str, mode: GenerationMode) -> None:
    """Every answer to what fits the description, and to what does not, is one that it names; 500 is not among them."""
    answers: set[int] = set()

    @given(case=OPERATIONS[label].as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    def fuzz(case: Any) -> None:
        case.headers = {**(case.headers or {}), "Authorization": f"Bearer {OPS}"}
        response = case.call()
        answers.add(response.status_code)
        case.validate_response(response, checks=CHECKS)

    with suppress(Unsatisfiable):  # the probes: there is no wrong way to ask them
        fuzz()
    if mode is GenerationMode.POSITIVE and label not in REFUSED:
        assert min(answers) < 300, f"the fuzz never got through: {answers}"
