"""The mock systems answer over HTTP what they answer in virtual time."""

from dataclasses import replace

import pytest

from runtime.ports import Response
from scenarios.fidelity import fidelity
from scenarios.parity import WORLDS
from scenarios.small import swarm_world
from scenarios.transcript import Asked, transcript_of
from simulators.settings import WorldSettings
from simulators.systems.reply import Reply


@pytest.mark.parametrize(
    ("world", "seed", "statuses"),
    [
        (*WORLDS["restless"], {200}),
        (*WORLDS["staged"], {200, 202}),
        (swarm_world(0), 0, {200, 503}),
        (swarm_world(4), 4, {200, 401}),
    ],
    ids=["posted", "staged", "maintenance", "logins"],
)
def test_a_recorded_month_is_answered_alike(world: WorldSettings, seed: int, statuses: set[int]) -> None:
    """Status, headers, body and time of every answer, and whatever the source publishes: nothing differs."""
    recorded = transcript_of(world, seed)
    found = fidelity(recorded)
    assert found.differences == ()
    assert set(found.statuses) >= statuses
    assert found.asked == sum(isinstance(moment, Asked) for moment in recorded.moments) > 100
    assert found.touched > 50


def test_an_answer_that_differs_is_named() -> None:
    """Another status, header, body or delay in the transcript is a difference, and the only one."""
    recorded = transcript_of(*WORLDS["restless"])
    at = next(n for n, moment in enumerate(recorded.moments) if isinstance(moment, Asked) and moment.request.body)
    asked = recorded.moments[at]
    assert isinstance(asked, Asked)
    was, delay_ms = asked.reply.response, asked.reply.delay_ms
    for reply, why in (
        (Reply(Response(500, was.headers, was.body), delay_ms), "status"),
        (Reply(Response(was.status, {"Content-Type": "text/html"}, was.body), delay_ms), "headers"),
        (Reply(Response(was.status, was.headers, was.body + b" "), delay_ms), "body"),
        (Reply(was, delay_ms + 1), "took"),
    ):
        moments = [*recorded.moments]
        moments[at] = replace(asked, reply=reply)
        (said,) = fidelity(replace(recorded, moments=moments)).differences
        assert f": {why}" in said
