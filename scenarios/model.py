"""What a scenario is: a story, a world, and the SLAs it is held to. Typed Python that is only data.

Machines read and write the same as JSON (`Scenario.model_dump_json`, `load`). Targets are ours; every one shows its
arithmetic, and a target that half the quota or three times the volume cannot miss says nothing.
"""

from pydantic import BaseModel, ConfigDict, Field

from simulators.settings import WorldSettings


class Slas(BaseModel):
    """Targets of one scenario. Seconds of simulated time, shares in parts per million; None: not promised.

    `why` is the sum behind the targets, in words and numbers: load, quota, window, batch.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    p50_s: int = Field(ge=1)
    p95_s: int = Field(ge=1)
    p99_s: int = Field(ge=1)
    """Approval to ledger, over every version that the feed posted."""
    in_ledger_ppm: int = Field(ge=0, le=1_000_000)
    """Of what was approved by the cut-off: the share that stands in the ledger `grace_s` after it."""
    grace_s: int = Field(default=7_200, ge=0)
    oldest_in_doubt_s: int = Field(ge=1)
    oldest_staged_s: int = Field(ge=1)
    drain_s: int = Field(ge=1)
    """From the end of an outage until everything approved before it stands."""
    least_posted_ppm: int = Field(default=500_000, ge=0, le=1_000_000)
    """Below this share of posted among approved versions the run proved nothing."""
    why: dict[str, str] = Field(default_factory=dict)
    """Name of a target to its arithmetic; the names are those of the fields above."""


MONTH_S = 31 * 86_400

NOTHING_PROMISED = Slas(
    p50_s=MONTH_S,
    p95_s=MONTH_S,
    p99_s=MONTH_S,
    in_ledger_ppm=0,
    oldest_in_doubt_s=MONTH_S,
    oldest_staged_s=MONTH_S,
    drain_s=MONTH_S,
    least_posted_ppm=0,
    why={"p50_s": "nothing is promised"},
)
"""The SLAs of a run that is about money and not about time: a swarm's, a recorded failure's."""


class Scenario(BaseModel):
    """A named story. `must_fire`: faults without which the run would prove nothing.

    A failure that was recorded says more: the `seed` it happened under, the bug that was `plant`ed (empty: none),
    and the ids of the oracles that found it (`found_by`).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9_]+$")
    story: str = Field(min_length=20)
    world: WorldSettings
    slas: Slas
    must_fire: tuple[str, ...] = ()
    seed: int | None = None
    plant: str = ""
    found_by: tuple[str, ...] = ()
