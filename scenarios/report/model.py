"""What a run says: the one report that the table, the page, the JSON file and the CI file are drawn from.

Rule 1. The report is data. Whoever fills it has decided everything; whoever draws it decides nothing but looks.
Rule 2. Each approved version is in exactly one place, so `approved` is the sum over PLACES; `breaks()` says where not.
Rule 3. Money is integer minor units per currency, and currencies are never added up. Hours are whole quarters of an
        hour, which a float holds exactly. Instants are epoch milliseconds UTC. Shares are parts per million.
Rule 4. Key order is stable: fields as declared here, places in the order of PLACES, all other keys by name.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Literal

import msgspec

PLACES: tuple[str, ...] = (
    "unseen",
    "in_flight",
    "staged",
    "in_doubt",
    "posted",
    "parked",
    "superseded",
    "waived",
    "excluded",
)
"""Where an approved version can be, in the order in which people read the identity aloud."""

Mark = Literal["measured", "derived", "assumed", "documented", "second-hand"]
InvariantStatus = Literal["held", "violated", "unknown"]
BandKind = Literal["maintenance", "throttled", "login", "slow"]
Fact = int | float | str | dict[str, int]


@dataclass(slots=True)
class Invariant:
    """One oracle's answer. `examples` are sentences; `violations` counts all, examples may be fewer.

    `reason` says why the answer is unknown (empty otherwise).
    """

    id: str
    name: str
    status: InvariantStatus
    violations: int = 0
    examples: list[str] = field(default_factory=list)
    reason: str = ""
    held: bool | None = None
    """Follows from `status`: True, False, or None when unknown."""

    def __post_init__(self) -> None:
        self.held = {"held": True, "violated": False, "unknown": None}[self.status]


@dataclass(slots=True)
class Sla:
    """A promise with its sum. `held` None and `actual` None: nothing happened that could be measured.

    `held` True and `actual` None: there was nothing that the promise is about; `unmeasured` says what ("no outage").
    """

    name: str
    target: int | float
    actual: int | float | None
    unit: str
    held: bool | None
    arithmetic: str
    compare: Literal["at_most", "at_least"] = "at_most"
    unmeasured: str = ""


@dataclass(slots=True)
class FiredFault:
    """A kind of fault and how often it struck."""

    kind: str
    fired: int


@dataclass(slots=True)
class EntityRow:
    """One legal entity in numbers. Seconds are approval to ledger; None: nothing posted."""

    entity: str
    region: str
    approved: int
    posted: int
    parked: int
    p50_s: float | None = None
    p95_s: float | None = None
    p99_s: float | None = None
    share_before_cutoff_ppm: int | None = None
    drain_s: float | None = None
    """Longest time from the end of an outage until its backlog was gone; None: no outage."""
    oldest_in_doubt_s: float | None = None
    oldest_staged_s: float | None = None
    account: str = ""
    currency: str = ""


@dataclass(slots=True)
class EntitySeries:
    """Samples of one entity, one number per step. `backlog`: approved at the source and not finished here.

    `posted` and `parked` are standing totals at the sample, so throughput is a difference. `in_doubt` is at the sample.
    """

    backlog: list[int] = field(default_factory=list)
    posted: list[int] = field(default_factory=list)
    in_doubt: list[int] = field(default_factory=list)
    parked: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Series:
    """Samples over the run: sample i was taken at `start_ms + i * step_ms`."""

    step_ms: int = 0
    start_ms: int = 0
    entities: dict[str, EntitySeries] = field(default_factory=dict)


@dataclass(slots=True)
class Band:
    """A time in which an account did not serve us as usual."""

    account: str
    kind: BandKind
    from_ms: int
    until_ms: int


@dataclass(slots=True)
class PointMark:
    """Something that happened at an instant: a fault by its kind, or "cutoff". `entity` empty: everybody."""

    at_ms: int
    kind: str
    entity: str = ""


@dataclass(slots=True)
class Percentiles:
    """Approval to ledger, in seconds of simulated time, over `count` postings."""

    p50_s: float
    p95_s: float
    p99_s: float
    max_s: float
    count: int


@dataclass(slots=True)
class Latency:
    """How long from approval to the ledger: the firm, and each entity that posted anything."""

    overall: Percentiles | None = None
    entities: dict[str, Percentiles] = field(default_factory=dict)


@dataclass(slots=True)
class Case:
    """Parked rows that share one cause: whose it is, what to do, and the event that wakes them."""

    reason: str
    count: int
    owner: str
    fix: str
    wake: str
    examples: list[str] = field(default_factory=list)
    """Entry ids."""


@dataclass(slots=True)
class Incident:
    """Something that stopped a whole account: one line, never thousands of exceptions."""

    account: str
    kind: str
    from_ms: int
    until_ms: int
    text: str


@dataclass(slots=True)
class Finding:
    """One violation by name: which entry, which versions, how much money. `amount_minor` None: not about money."""

    invariant: str
    entity: str
    entry: str
    versions: list[int]
    amount_minor: int | None
    currency: str
    text: str


@dataclass(slots=True)
class Parameter:
    """A number that shaped the run, with where it comes from and why it is what it is."""

    name: str
    value: str
    mark: Mark
    why: str


@dataclass(slots=True)
class Planted:
    """The bug that was planted on purpose, and the least that was added to the scenario so that it can show."""

    name: str
    faults: list[str]
    profile: str


@dataclass(slots=True)
class KeptOut:
    """A row of somebody's timesheet that could not be used, and why. `line` counts from 1, header included."""

    file: str
    line: int
    column: str
    reason: str


@dataclass(slots=True)
class Verdict:
    """The run in one number (the exit code), one word and one sentence."""

    exit: Literal[0, 1, 2, 3, 4, 5]
    word: str
    sentence: str


NOT_JUDGED = Verdict(5, "unknown", "Nobody has judged this run.")


@dataclass(slots=True, kw_only=True)
class Report:
    """Everything a run has to say. Filled once, at the end of a run; `to_json` is report.json."""

    scenario: str
    seed: int
    description: str = ""
    overrides: dict[str, str] = field(default_factory=dict)
    """Path to value, as typed after --set."""
    scenario_file: str = ""
    """The scenario file as it was typed; empty: the scenario was called by its name."""
    timesheet: str = ""
    """Name of the person's own export that was rehearsed; empty: people were made up."""
    timesheet_at: list[str] = field(default_factory=list)
    """Country and zone in which it was rehearsed."""
    verdict: Verdict = field(default_factory=lambda: NOT_JUDGED)
    commit: str = ""
    digest: str = ""
    simulated_seconds: int = 0
    wall_seconds: float = 0.0
    python: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    approved: int = 0
    """Versions approved (or withdrawn), counted at the source."""
    entries: dict[str, int] = field(default_factory=dict)
    """Count in each place; a place that is not named holds none."""
    approved_hours: float = 0.0
    hours: dict[str, float] = field(default_factory=dict)
    approved_money: dict[str, int] = field(default_factory=dict)
    """Per currency, minor units, as priced at the source; empty: not priced there, so the sum is not checked."""
    money: dict[str, dict[str, int]] = field(default_factory=dict)
    """Per place and currency, minor units."""
    unvalued_hours: float = 0.0
    invariants: list[Invariant] = field(default_factory=list)
    slas: list[Sla] = field(default_factory=list)
    faults: list[FiredFault] = field(default_factory=list)
    coverage: dict[str, Fact] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    planted: Planted | None = None
    cases: list[Case] = field(default_factory=list)
    incidents: list[Incident] = field(default_factory=list)
    latency: Latency = field(default_factory=Latency)
    per_entity: list[EntityRow] = field(default_factory=list)
    kept_out: list[KeptOut] = field(default_factory=list)
    parameters: list[Parameter] = field(default_factory=list)
    assumptions: list[str] = field(default_factory=list)
    bands: list[Band] = field(default_factory=list)
    marks: list[PointMark] = field(default_factory=list)
    series: Series = field(default_factory=Series)

    def breaks(self) -> list[str]:
        """Where the accounting identity does not add up, one sentence each; empty when it does.

        Counts and hours always; money for every currency that the source priced.
        """
        found = []
        strangers = sorted({*self.entries, *self.hours, *self.money} - set(PLACES))
        found += [f"{place} is not a place" for place in strangers]
        total = sum(self.entries.values())
        if total != self.approved:
            found.append(f"approved {self.approved} versions, found {total}")
        quarters = sum(round(4 * hours) for hours in self.hours.values())
        if self.hours and quarters != round(4 * self.approved_hours):
            found.append(f"approved {self.approved_hours} hours, found {quarters / 4}")
        if self.approved_money:
            held = money_by_currency(self.money)
            for currency in sorted({*self.approved_money, *held}):
                expected, actual = self.approved_money.get(currency, 0), held.get(currency, 0)
                if expected != actual:
                    found.append(f"approved {expected} minor units of {currency}, found {actual}")
        return found

    def to_dict(self) -> dict[str, Any]:
        """The report as plain lists and dicts in stable key order, every place named."""
        told: dict[str, Any] = plain(self)
        told["entries"] = {place: self.entries.get(place, 0) for place in PLACES}
        told["hours"] = {place: self.hours.get(place, 0.0) for place in PLACES}
        told["money"] = {place: plain(self.money.get(place, {})) for place in PLACES}
        return told

    def to_json(self) -> str:
        """report.json: indented for people, with samples and small records on one line each; ends with a newline."""
        return laid_out(self.to_dict())


def plain(thing: Any) -> Any:
    """Dataclasses as dicts of plain things, in the order of their fields; other keys by name (rule 4)."""
    # msgspec.to_builtins would leave mappings in the order they were filled; ours are sorted.
    if is_dataclass(thing):
        return {f.name: plain(getattr(thing, f.name)) for f in fields(thing)}
    if isinstance(thing, dict):
        return {key: plain(thing[key]) for key in sorted(thing)}
    if isinstance(thing, list) and thing and not isinstance(thing[0], (int, str)):
        return [plain(item) for item in thing]
    return list(thing) if isinstance(thing, list) else thing


def laid_out(told: Any) -> str:
    """Plain things as JSON for people: indented, samples and small records on one line each; ends with a newline."""
    return "".join(_laid_out(told, "")) + "\n"


def from_json(text: str | bytes) -> Report:
    """A report as it was written. Raises msgspec.ValidationError for anything that is not one."""
    return msgspec.json.decode(text, type=Report)


def money_by_currency(money: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """All places together, per currency in order of name."""
    held: dict[str, int] = {}
    for place in PLACES:
        for currency, minor in money.get(place, {}).items():
            held[currency] = held.get(currency, 0) + minor
    return dict(sorted(held.items()))


LIVENESS = "L"
"""Invariants whose id begins so are about progress: broken, they mean "did not settle" and not "money is wrong"."""


def verdict(
    invariants: Iterable[Invariant],
    slas: Iterable[Sla],
    settled: bool,
    proved: bool,
    *,
    unsettled_because: str = "",
    unproved_because: str = "",
) -> Verdict:
    """The exit code and one plain sentence; the gravest wins: 3 violated, 5 proved nothing, 4 unsettled, 1 missed, 0.

    An invariant or SLA that is unknown has not held, so it makes the run prove too little (5). The two reasons are
    clauses without a full stop, such as "12 rows are still in doubt".
    """
    invariants, slas = list(invariants), list(slas)
    violated = [i for i in invariants if i.status == "violated" and not i.id.startswith(LIVENESS)]
    stuck = [f"{i.id} {i.name}" for i in invariants if i.status == "violated" and i.id.startswith(LIVENESS)]
    unknown = [f"{i.id} {i.name}" for i in invariants if i.status == "unknown"]
    unknown += [s.name for s in slas if s.held is None]
    missed = [s.name for s in slas if s.held is False]

    said: list[tuple[Literal[1, 3, 4, 5], str, str]] = []
    if violated:
        names = _listed([f"{i.id} {i.name}" for i in violated])
        times = sum(i.violations for i in violated)
        said.append((3, "violated", f"money or data is wrong: {names} violated ({_times(times)})"))
    if not proved:
        said.append((5, "unknown", f"the run proved nothing: {unproved_because or 'too little of it happened'}"))
    elif unknown or not invariants:
        what = f"unknown: {_listed(unknown)}" if unknown else "no invariant was checked"
        said.append((5, "unknown", f"the run proved too little, {what}"))
    if not settled:
        left = unsettled_because or "work was left that should have finished"
        said.append((4, "unsettled", f"the run did not settle: {left}"))
    if stuck:
        said.append((4, "unsettled", f"work stood still that could have gone on: {_listed(stuck)}"))
    if missed:
        noun = "an SLA was" if len(missed) == 1 else f"{len(missed)} SLAs were"
        said.append((1, "missed", f"{noun} missed: {_listed(missed)}"))
    if not said:
        promises = f" and every SLA ({len(slas)})" if slas else ""
        return Verdict(0, "held", f"Every invariant ({len(invariants)}){promises} held.")
    code, word, first = said[0]
    also = "; also ".join([first, *(text for _, _, text in said[1:])])
    return Verdict(code, word, also[0].upper() + also[1:] + ".")


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _listed(names: list[str], most: int = 4) -> str:
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


_LINE = 120


def _laid_out(thing: Any, indent: str) -> Iterable[str]:
    # A list of samples is one line however long; anything else that fits on a line is one line; the rest is indented.
    if isinstance(thing, list) and thing and isinstance(thing[0], int):
        yield json.dumps(thing, separators=(",", ":"))
        return
    if not isinstance(thing, (dict, list)) or not _branches(thing):
        line = json.dumps(thing, allow_nan=False)
        if len(line) <= _LINE or not isinstance(thing, (dict, list)):
            yield line
            return
    deeper = indent + "  "
    opening, closing = ("{", "}") if isinstance(thing, dict) else ("[", "]")
    yield opening
    pairs = thing.items() if isinstance(thing, dict) else ((None, item) for item in thing)
    for number, (key, item) in enumerate(pairs):
        yield ("," if number else "") + "\n" + deeper
        if key is not None:
            yield json.dumps(key) + ": "
        yield from _laid_out(item, deeper)
    yield "\n" + indent + closing


def _branches(thing: dict[str, Any] | list[Any]) -> bool:
    items = thing.values() if isinstance(thing, dict) else thing
    return any(isinstance(item, (dict, list)) and item for item in items)
