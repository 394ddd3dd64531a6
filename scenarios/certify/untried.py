"""What a certificate says nothing about, each with why and how to try it. Whoever says "go" knows this list too.

Some of it follows from what was tried; the rest no simulation ever tries, and stands here once.
"""

from collections.abc import Sequence

from scenarios.catalogue import all_scenarios
from scenarios.certify.certificate import CoverageFound, InvariantFound, LoadFound, NotTried, SwarmFound
from scenarios.certify.suite import Cell
from scenarios.swarm import POPULATIONS
from simulators.faults.kinds import NOT_BUILT

ALWAYS = (
    NotTried(
        what="your ERP and your PSA",
        why="every run here meets mock systems, whose manners are those of their profiles",
        how="springtide conform exercises an integration in front of the mocks; a sandbox of the vendor does the rest",
    ),
    NotTried(
        what="real processes that are killed, stopped or cut off",
        why="processes die here in virtual time, at instants that the seed draws",
        how="make cluster-demo; the tests below tests/real and tests/on_ray",
    ),
    NotTried(
        what="bugs planted into the core, but for one",
        why="one known bug is planted before anything is tried; all of them take an hour",
        how="springtide mutants",
    ),
)
"""What no certificate tries."""


def not_tried(
    cells: Sequence[Cell],
    invariants: Sequence[InvariantFound],
    swarm: SwarmFound | None,
    coverage: CoverageFound,
    loads: Sequence[LoadFound],
) -> list[NotTried]:
    """Everything that this certificate says nothing about."""
    return [
        *_loads(loads),
        *_scenarios(cells),
        *_swarm(swarm),
        *_oracles(invariants),
        *_space(coverage),
        *ALWAYS,
        *(NotTried(what=f"fault {kind}", why=why, how="nobody can yet") for kind, why in sorted(NOT_BUILT.items())),
    ]


def _loads(loads: Sequence[LoadFound]) -> list[NotTried]:
    how = "springtide load …, then springtide certify --load NAME=FOLDER; or --run-loads"
    if not loads:
        return [NotTried(what="load on a running runtime", why="the suite names no load run", how=how)]
    return [NotTried(what=f"load run {load.name}", why=load.sentence, how=how) for load in loads if not load.tried]


def _scenarios(cells: Sequence[Cell]) -> list[NotTried]:
    tried = {cell.scenario.name for cell in cells}
    absent = [name for name in all_scenarios() if name not in tried]
    found = []
    if absent:
        found.append(
            NotTried(
                what=f"scenarios {', '.join(absent)}",
                why="the suite does not name them",
                how="add them to its scenarios; springtide scenarios tells their stories",
            )
        )
    months = sorted({cell.scenario.world.firm.month for cell in cells})
    largest = max((cell.scenario.world.firm.consultants for cell in cells), default=0)
    found.append(
        NotTried(
            what=f"months other than {', '.join(months)}, and firms of more than {largest:,} consultants",
            why="no scenario of the suite has them",
            how="a variant that sets world.firm.month or world.firm.consultants",
        )
    )
    return found


def _swarm(swarm: SwarmFound | None) -> list[NotTried]:
    if swarm is None:
        return [
            NotTried(
                what="months that nobody thought of",
                why="the suite has no swarm",
                how="give it a [swarm], or run springtide swarm",
            )
        ]
    absent = [name for name in POPULATIONS if not swarm.populations.get(name)]
    if not absent:
        return []
    return [
        NotTried(
            what=f"swarm populations {', '.join(absent)}",
            why=f"none of {swarm.seeds:,} seeds drew them",
            how="more seeds, or springtide swarm --population NAME",
        )
    ]


def _oracles(invariants: Sequence[InvariantFound]) -> list[NotTried]:
    blind = [f"{one.id} {one.name}" for one in invariants if not one.held and not one.violated]
    if not blind:
        return []
    return [
        NotTried(
            what=f"what {', '.join(blind)} would see",
            why="too little was posted in every run for the auditor to look",
            how="a scenario with more in it",
        )
    ]


def _space(coverage: CoverageFound) -> list[NotTried]:
    found = []
    if coverage.faults_never:
        found.append(
            NotTried(
                what=f"faults {', '.join(coverage.faults_never)}",
                why="none of them struck in any run",
                how=f"springtide swarm --lean {','.join(coverage.faults_never[:3])}",
            )
        )
    if coverage.edges_never:
        found.append(
            NotTried(
                what=f"{len(coverage.edges_never)} moves of an entry or account: {', '.join(coverage.edges_never[:6])}"
                + (" …" if coverage.edges_never[6:] else ""),
                why="no run took them",
                how="springtide swarm with more seeds; its page shows the holes",
            )
        )
    if coverage.probes_never:
        found.append(
            NotTried(
                what=f"rare events: {'; '.join(coverage.probes_never)}",
                why="no run met them",
                how="springtide swarm with more seeds",
            )
        )
    return found
