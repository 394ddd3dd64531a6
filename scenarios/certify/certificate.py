"""The certificate as data: what was tried, what came of it, and what that means for going live.

Rule 1. The gravest wins: 3 money or data wrong, 5 proved nothing, 4 did not settle, 1 a target missed, 0 held.
Rule 2. Over several seeds a target counts with its worst one, and the seed is named.
Rule 3. Money stays apart by currency, and by run: months under different seeds are different months, and their money
        is never added up.
Rule 4. A certificate can be read again by a later one, which says what changed (`scenarios.certify.against`).
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from runtime.cli import BadInputError
from scenarios.certify.trial import Curve, RunFound, Wrong
from scenarios.report.wording import several

FORMAT = 1
GRAVEST_FIRST = (3, 5, 4, 1)
"""Exit codes other than 0."""
GRAVITY = {0: 0, **{code: 4 - place for place, code in enumerate(GRAVEST_FIRST)}}
"""Exit code to how grave it is."""
AT_RISK = ("unseen", "in_flight", "staged", "in_doubt", "parked")
"""Places in which approved work does not stand in the ledger, though it should or might."""
WORST_SHOWN = 10
PPM = 1_000_000

_CLAUSES = {
    3: "money or data is wrong in",
    5: "nothing was proved by",
    4: "work was left over in",
    1: "a target was missed in",
}


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Ruling(_Told):
    """A verdict: the exit code, a word, a sentence."""

    exit: Literal[0, 1, 3, 4, 5]
    word: str
    sentence: str


class SlaOverSeeds(_Told):
    """One target of one cell. `worst` None: in no run there was anything to measure; `unmeasured` says what."""

    name: str
    target: float
    unit: str
    compare: str
    arithmetic: str
    held: int
    runs: int
    worst: float | None
    worst_seed: int | None
    middle: float | None
    """The median over the seeds."""
    unmeasured: str = ""


class Spread(_Told):
    """A number over the seeds of a cell."""

    least: float
    middle: float
    most: float
    most_seed: int


class Drain(_Told):
    """The longest drain after an outage: where, under which seed, in seconds."""

    entity: str
    region: str
    seed: int
    seconds: float


class MoneyAtRisk(_Told):
    """The run of a cell with most versions outside the ledger when it was over. `money`: place, currency, minor."""

    seed: int
    versions: dict[str, int]
    money: dict[str, dict[str, int]]
    unvalued_hours: float


class CellFound(_Told):
    """One scenario in one variant, over its seeds."""

    key: str
    scenario: str
    variant: str
    story: str
    promised: bool
    consultants: int
    overrides: dict[str, str]
    faults: list[str]
    seeds: list[int]
    exits: dict[str, int]
    """Exit code to how many runs."""
    slas: list[SlaOverSeeds]
    p50: Spread | None
    p95: Spread | None
    p99: Spread | None
    drain: Drain | None
    at_risk: MoneyAtRisk | None
    file: str
    """Where the resolved scenario stands, from the certificate's folder; empty: it is called by its name."""
    curve: Curve | None
    """Of the worst seed."""
    curve_seed: int | None


class InvariantFound(_Told):
    """One oracle over every run of the scenarios."""

    id: str
    name: str
    held: int
    violated: int
    unknown: int
    where: list[str]
    """Runs in which it was violated: "month_end seed 4"."""


class Worst(_Told):
    """A run worth looking at, with the command that shows it again."""

    cell: str
    seed: int
    exit: int
    why: str
    command: str
    wrong: list[Wrong] = []


class SwarmFound(_Told):
    """What random months brought."""

    first: int
    seeds: int
    full_seeds: int
    populations: dict[str, int]
    violations: int
    unsettled: int
    unknown: int
    exit: int
    bound: str
    entries: int
    deaths: int
    entity_months: float
    failures: list[Worst]


class CoverageFound(_Told):
    """How much of the simulated space was walked through, by all runs and the swarm; pairs are (seen, there are)."""

    runs: int
    edges: tuple[int, int]
    cells: tuple[int, int]
    pairs: tuple[int, int]
    probes: tuple[int, int]
    states: int
    next_new_state: float
    edges_never: list[str]
    probes_never: list[str]
    faults: dict[str, int]
    """Kind to strikes."""
    faults_never: list[str]
    kinds: int
    """Kinds of fault that there are. What struck may be more: some misfortunes are not drawn, but stand in a world."""


class LoadFound(_Told):
    """A load run: what it was, and what its own verdict says. `tried` False: nobody made it; `sentence` says so."""

    name: str
    story: str
    tried: bool
    kind: str = ""
    """ "live" or "simulated"."""
    scenario: str = ""
    folder: str = ""
    exit: int = 0
    word: str = ""
    sentence: str = ""
    facts: dict[str, str] = {}
    """What an SRE asks first, in words."""
    report: str = ""
    """The page of the run itself, if there is one."""


class NotTried(_Told):
    """Something that this certificate says nothing about: what, why, and how to try it."""

    what: str
    why: str
    how: str


class Assumption(_Told):
    """A number that shaped the runs and that nobody has measured."""

    name: str
    value: str
    mark: str
    why: str


class Change(_Told):
    """One difference from the certificate before."""

    what: str
    before: str
    after: str


class Difference(_Told):
    """What changed since another certificate."""

    file: str
    made_at: str
    commit: str
    exit: int
    word: str
    better: list[Change]
    worse: list[Change]
    newly_tried: list[str]
    no_longer_tried: list[str]


class Certificate(_Told):
    """Everything a meeting has to know. Instants are ISO 8601 in UTC."""

    format: int = FORMAT
    suite: str
    suite_file: str
    story: str
    ruling: Ruling
    made_at: str
    commit: str
    version: str
    python: str
    wall_s: float
    canary: str
    """Empty where the planted bug was caught; else why the harness is blind."""
    cells: list[CellFound]
    invariants: list[InvariantFound]
    worst: list[Worst]
    swarm: SwarmFound | None
    coverage: CoverageFound
    loads: list[LoadFound]
    assumptions: list[str]
    assumed: list[Assumption]
    not_tried: list[NotTried]
    difference: Difference | None = None
    runs: list[RunFound]
    """Every run; curves are kept with the cells alone."""


def read(path: Path) -> Certificate:
    """A certificate as it was written. Raises BadInputError with one line."""
    try:
        return Certificate.model_validate_json(path.read_bytes())
    except OSError as fault:
        why = (fault.strerror or "cannot be read").lower()
        raise BadInputError(f"{path}: {why}; give the certificate.json of an earlier run") from fault
    except ValidationError as fault:
        first = fault.errors()[0]
        at = ".".join(map(str, first["loc"])) or "the file"
        raise BadInputError(f"{path}: {at}: {first['msg'].lower()}; this is no certificate that can be read") from fault


# ------------------------------------------------------------------ the ruling


class Item(NamedTuple):
    """Something that was tried, and the exit code it came to."""

    name: str
    exit: int


def rule(items: Sequence[Item], canary: str = "", untried: Sequence[str] = ()) -> Ruling:
    """The gravest of everything that was tried, in one sentence that names the first of each kind; `untried` is what
    the suite asks for and nobody made, and is said in the same breath."""
    if canary:
        return Ruling(exit=5, word="blind", sentence=f"The harness is blind: {canary}. Nothing was tried.")
    if not items:
        return Ruling(exit=5, word="nothing", sentence="Nothing was tried.")
    but = f" Not tried: {', '.join(untried)}." if untried else ""
    clauses = []
    for code in GRAVEST_FIRST:
        those = [item.name for item in items if item.exit == code]
        if those:
            named = ", ".join(those[:3]) + (f" and {len(those) - 3:,} more" if those[3:] else "")
            clauses.append((code, f"{_CLAUSES[code]} {named}"))
    if not clauses:
        said = f"All {several(len(items), 'trial')} held: books right, targets met.{but}"
        return Ruling(exit=0, word="go", sentence=said)
    code, first = clauses[0]
    said = "; also ".join([first, *(clause for _, clause in clauses[1:])])
    words: dict[int, str] = {3: "wrong", 5: "unproved", 4: "unsettled", 1: "missed"}
    return Ruling(
        exit=code,  # type: ignore[arg-type]  # one of the codes above
        word=words[code],
        sentence=f"{said[0].upper()}{said[1:]}.{but}",
    )


# ------------------------------------------------------------------ sums over seeds


def slas_over(runs: Sequence[RunFound], promised: bool) -> list[SlaOverSeeds]:
    """Every target of a cell over its runs; nothing where nothing was promised."""
    if not promised:
        return []
    made = []
    whole = next((run for run in runs if run.slas), None)
    for number, first in enumerate(whole.slas if whole else ()):
        each = [(run.slas[number], run.seed) for run in runs if len(run.slas) > number]
        measured = [(sla.actual, seed) for sla, seed in each if sla.actual is not None]
        worst = _worst_of(measured, first.compare)
        made.append(
            SlaOverSeeds(
                name=first.name,
                target=first.target,
                unit=first.unit,
                compare=first.compare,
                arithmetic=first.arithmetic,
                held=sum(1 for sla, _ in each if sla.held),
                runs=len(runs),
                worst=worst[0] if worst else None,
                worst_seed=worst[1] if worst else None,
                middle=median(value for value, _ in measured) if measured else None,
                unmeasured="" if measured else first.unmeasured or "not measured",
            )
        )
    return made


def _worst_of(measured: Sequence[tuple[float, int]], compare: str) -> tuple[float, int] | None:
    if not measured:
        return None
    return max(measured) if compare == "at_most" else min(measured)


def spread(numbers: Iterable[tuple[float | None, int]]) -> Spread | None:
    """Least, median and most of (number, seed), leaving out what is None."""
    known = [(number, seed) for number, seed in numbers if number is not None]
    if not known:
        return None
    most, seed = max(known)
    values = [number for number, _ in known]
    return Spread(least=min(values), middle=median(values), most=most, most_seed=seed)


def longest_drain(runs: Sequence[RunFound]) -> Drain | None:
    """The longest drain after an outage, over all runs and entities."""
    drains = [(one.drain_s, run.seed, one) for run in runs for one in run.entities if one.drain_s is not None]
    if not drains:
        return None
    seconds, seed, one = max(drains, key=lambda drain: drain[0])
    return Drain(entity=one.entity, region=one.region, seed=seed, seconds=seconds)


def most_at_risk(runs: Sequence[RunFound]) -> MoneyAtRisk | None:
    """The run with most versions that are approved and do not stand when it is over; None: everything stands."""
    exposed = [(sum(run.places.get(place, 0) for place in AT_RISK), run) for run in runs]
    most, run = max(exposed, key=lambda pair: pair[0])
    if not most:
        return None
    return MoneyAtRisk(
        seed=run.seed,
        versions={place: run.places[place] for place in AT_RISK if run.places.get(place)},
        money={place: run.money[place] for place in AT_RISK if run.money.get(place)},
        unvalued_hours=run.unvalued_hours,
    )


def invariants_over(runs: Sequence[RunFound], names: Mapping[str, str]) -> list[InvariantFound]:
    """Every oracle that looked at any run, in the order of the auditors."""
    return [
        InvariantFound(
            id=oracle,
            name=name,
            held=sum(1 for run in runs if oracle in run.held),
            violated=sum(1 for run in runs if oracle in run.violated),
            unknown=sum(1 for run in runs if oracle in run.unknown),
            where=[f"{run.cell} seed {run.seed}" for run in runs if oracle in run.violated][:WORST_SHOWN],
        )
        for oracle, name in names.items()
    ]


def used_up(actual: float, target: float, compare: str) -> float:
    """How much of a target was used up: 1 is all of it. Of a least share it is what may be missing that is used up."""
    room = target if compare == "at_most" else PPM - target
    return (actual if compare == "at_most" else PPM - actual) / room if room else 0.0


def nearness(run: RunFound) -> tuple[float, str]:
    """How near a run came to a target of its own, or beyond: the share of it that was used up, and which one."""
    measured = [(used_up(sla.actual, sla.target, sla.compare), sla.name) for sla in run.slas if sla.actual is not None]
    return max(measured, default=(0.0, ""))
