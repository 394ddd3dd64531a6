"""The mock systems answer over HTTP what they answer in virtual time."""

from dataclasses import replace

import pytest

from runtime.ports import Response
from scenarios.fidelity import fidelity
from scenarios.parity import WORLDS
from scenarios.small import small_world, swarm_world
from scenarios.transcript import Asked, transcript_of
from simulators.faults.login import CredentialExpiry
from simulators.faults.maintenance import MaintenanceUnannounced
from simulators.faults.network import LostReply
from simulators.faults.quota import SharedQuota
from simulators.faults.rows import RowFailures
from simulators.settings import RuntimeSettings, WorldSettings
from simulators.systems.erp_profile import Quota
from simulators.systems.profiles.generic import GENERIC
from simulators.systems.reply import Reply

TROUBLED = small_world().model_copy(
    update={
        "erp": GENERIC["error_not_stored"].model_copy(update={"quota": Quota(calls=4)}),
        "runtime": RuntimeSettings(batch_max=1, linger_ms=0),
        "faults": (
            CredentialExpiry(day="last", at="15:00"),
            MaintenanceUnannounced(day="last", at="18:00"),
            SharedQuota(day="last", at="16:00", left=1),
            RowFailures(ppm=100_000),
            LostReply(ppm=50_000),
        ),
    }
)
"""A door that turns calls away for every reason it has, rows that fail, and answers that never came."""


@pytest.mark.parametrize(
    ("world", "seed", "statuses"),
    [
        (*WORLDS["restless"], {200}),
        (*WORLDS["staged"], {200, 202}),
        (TROUBLED, 7, {200, 401, 429, 503}),
        (swarm_world(4), 4, {200}),
    ],
    ids=["posted", "staged", "troubled", "drawn"],
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
