"""A small certificate for tests, made the way the command makes it: two cells, two runs each, and what came of them."""

from collections.abc import Sequence
from datetime import UTC, datetime

from scenarios.catalogue import all_scenarios
from scenarios.certify.certificate import Certificate, LoadFound
from scenarios.certify.making import Gathered, certificate
from scenarios.certify.suite import Cell, Suite, SwarmPart, Variant
from scenarios.certify.trial import Curve, EntityFound, RunFound, SlaFound, Tried, Wrong
from scenarios.swarm import SeedRun

MADE_AT = datetime(2026, 3, 31, 17, 30, tzinfo=UTC)
NAMES = {"S1": "at most once", "L1": "drain"}
STORY = "Two cells that a test makes up, to see what a certificate does with them."


def cells(seeds: Sequence[int] = (1, 2)) -> list[Cell]:
    """The quiet week as written, and a rough one without targets."""
    quiet = all_scenarios()["quiet_week"]
    return [
        Cell(scenario=quiet, variant="as_written", story="", promised=True, seeds=tuple(seeds)),
        Cell(scenario=quiet, variant="rough", story=STORY, promised=False, seeds=tuple(seeds), named=False),
    ]


def a_run(cell: str = "quiet_week", seed: int = 1, code: int = 0, p99_s: float = 300, **more: object) -> RunFound:
    """A run of this cell with a p99 against a target of 600 s, in which 99.9 % were in time and 99 % was promised."""
    slas = [
        SlaFound(
            name="approval to ledger p99",
            target=600,
            actual=p99_s,
            unit="s",
            held=p99_s <= 600,
            compare="at_most",
            arithmetic="ten minutes, as in 10 x 60 s",
        ),
        SlaFound(
            name="in the ledger 30 min after cut-off",
            target=990_000,
            actual=999_000,
            unit="ppm",
            held=True,
            compare="at_least",
            arithmetic="nearly all",
        ),
    ]
    facts: dict[str, object] = {
        "slas": slas,
        "held": [] if code == 3 else list(NAMES),
        "violated": {"S1": 2} if code == 3 else {},
        "p50_s": p99_s / 10,
        "p95_s": p99_s / 2,
        "p99_s": p99_s,
        "approved": 100,
        "places": {"posted": 97, "parked": 3} if seed == 2 else {"posted": 100},
        "money": {"posted": {"EUR": 1_000_000}, "parked": {"EUR": 12_345}} if seed == 2 else {},
        "entities": [
            EntityFound(
                entity="DE01",
                region="EMEA",
                p95_s=1,
                p99_s=p99_s,
                before_cutoff_ppm=990_000,
                drain_s=60.0 * seed if cell == "quiet_week" else None,
            )
        ],
        "fired": {"lost_reply": 4},
        "wrong": [Wrong(invariant="S1", entity="DE01", entry="e:1", amount_minor=8_000, currency="EUR", text="twice")]
        if code == 3
        else [],
        "curve": Curve(start_ms=0, step_ms=60_000, backlog=[0, 5, 3], posted=[0, 1, 9], cutoffs_ms=[60_000]),
    }
    sentence = {0: "Every invariant held.", 3: "Money or data is wrong: S1."}.get(code, "Something else.")
    return RunFound(
        cell=cell,
        seed=seed,
        exit=code,
        word="held" if not code else "violated",
        sentence=sentence,
        **{**facts, **more},  # type: ignore[arg-type]  # fields by name, checked by the model
    )


def a_certificate(
    runs: Sequence[RunFound] = (),
    swarm: Sequence[SeedRun] | None = None,
    loads: Sequence[LoadFound] = (),
    seeds: Sequence[int] = (1, 2),
    canary: str = "",
) -> Certificate:
    """The certificate of these runs; of four good ones where none are given."""
    both = cells(seeds)
    gathered = Gathered()
    for run in runs or [a_run(cell.key, seed) for cell in both for seed in cell.seeds]:
        gathered.add(Tried(run, None, NAMES))
    for one in swarm or ():
        gathered.add_seed(one)
    suite = Suite(
        name="of_a_test",
        story=STORY,
        scenarios=("quiet_week",),
        variants={"rough": Variant(story=STORY, promised=False)},
        swarm=SwarmPart(seeds=len(swarm)) if swarm else None,
        assumptions=("our ERP keeps keys for a year",),
    )
    return certificate(
        suite,
        "ours.toml",
        "out/x",
        both,
        gathered,
        loads,
        canary=canary,
        made_at=MADE_AT,
        commit="abc123",
        wall_s=12.34,
    )
