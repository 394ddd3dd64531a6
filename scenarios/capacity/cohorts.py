"""The cut-off of a planned month as cohorts: rows of one legal entity that one act approved and that arrive together.

    whole month of acts ─▶ what each publishes, by entity ─▶ as the webhooks bring it ─▶ Cohort(arrives, rows, due)

Rule 1. The people are those of the whole month under the same seed, and an event travels as long, and is as late or
        as lost, as in a full run: the same rows arrive at the same instants. What is left out is what each row says.
Rule 2. A change of an approved row costs two rows one after the other, its reversal and its posting; a withdrawal costs
        a reversal. A change of words costs none. Each is a cohort of its own, and often a call of its own.
Rule 3. The window begins a day before the first cut-off, or earlier: at the last hour before that by which everything
        approved so far could have gone at this capacity. Everything older is taken to stand already.
Rule 4. Due is what was first approved within the window and by the cut-off, is not kept out by rule (leave, internal)
        and is not taken back.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from simulators.auditors.pricing import EXCLUDED
from simulators.chance import between
from simulators.faults.weather import Weather
from simulators.lane import DELIVERY_MAX, WEBHOOK_MS
from simulators.people.acts import (
    Act,
    AutoApproved,
    LineChanged,
    LinePlan,
    LinesApproved,
    LineWithdrawn,
    SheetPlan,
    SheetsDecided,
    SheetSubmitted,
)
from simulators.settings import DAY_MS, HOUR_MS


@dataclass(slots=True)
class Cohort:
    """Rows of one entity that wait together. `due` of them are due by the cut-off; `posts` rows follow as postings
    once these, which are reversals, stand."""

    at_ms: int
    entity: str
    rows: int
    due: int = 0
    posts: int = 0

    def fresh(self) -> "Cohort":
        """A copy that a run may divide."""
        return Cohort(self.at_ms, self.entity, self.rows, self.due, self.posts)


@dataclass(frozen=True, slots=True)
class Approvals:
    """What the people of some entities publish in a month. `arrivals` are cohorts in the order in which they arrive,
    each with the instant of its approval; `first` is that of each due row."""

    arrivals: Sequence[tuple[int, Cohort]]
    first: Mapping[str, Sequence[tuple[int, str]]]
    """Entity to (instant, entry) of every entry that is to be posted, in order of its first approval."""

    def since(self, since_ms: int) -> list[Cohort]:
        """The cohorts of what was approved from an instant on, in the order in which they arrive."""
        return [cohort for approved_ms, cohort in self.arrivals if approved_ms >= since_ms]

    def due(self, since_ms: int, cutoff_ms: Mapping[str, int]) -> dict[str, frozenset[str]]:
        """By entity, the entries first approved from an instant on and by the entity's cut-off."""
        return {
            entity: frozenset(entry for at_ms, entry in entries if since_ms <= at_ms <= cutoff_ms[entity])
            for entity, entries in self.first.items()
        }


def approvals(
    acts: Sequence[Act], weather: Weather, seed: int, cutoff_ms: Mapping[str, int], exact_from_ms: int = 0
) -> Approvals:
    """What the plan publishes. `weather` says what befalls events on their way; before `exact_from_ms` nothing does,
    and they are there at once."""
    plan = _Plan(acts, weather, seed, cutoff_ms, exact_from_ms)
    for act in acts:
        plan.hear(act)
    plan.arrivals.sort(key=lambda pair: (pair[1].at_ms, pair[1].entity))
    first: dict[str, list[tuple[int, str]]] = {entity: [] for entity in sorted(cutoff_ms)}
    for entry_id, (at_ms, entity) in plan.first.items():
        if entry_id not in plan.kept_out:
            first[entity].append((at_ms, entry_id))
    return Approvals(plan.arrivals, {entity: sorted(entries) for entity, entries in first.items()})


class _Plan:
    """The plan, act by act."""

    def __init__(
        self,
        acts: Iterable[Act],
        weather: Weather,
        seed: int,
        cutoff_ms: Mapping[str, int],
        exact_from_ms: int,
    ) -> None:
        self.weather, self.seed, self.cutoff_ms, self.exact_from_ms = weather, seed, cutoff_ms, exact_from_ms
        self.arrivals: list[tuple[int, Cohort]] = []
        self.first: dict[str, tuple[int, str]] = {}
        self.kept_out: set[str] = {act.entry_id for act in acts if isinstance(act, LineWithdrawn)}
        self.versions: dict[str, int] = {}
        self.changed: set[str] = set()
        self.undecided: dict[str, dict[str, SheetPlan]] = {}

    def hear(self, act: Act) -> None:
        """Do what the act publishes."""
        match act:
            case SheetSubmitted():
                self.undecided.setdefault(act.sheet.entity, {})[act.sheet.sheet_id] = act.sheet
                self.kept_out.update(line.entry_id for line in act.sheet.lines if line.time_type in EXCLUDED)
            case SheetsDecided():
                self._decided(act)
            case AutoApproved():
                lines = [line for sheet in self.undecided.pop(act.entity, {}).values() for line in sheet.lines]
                self._approved(act.at_ms, act.entity, [line.entry_id for line in lines])
            case LinesApproved():
                self._approved(act.at_ms, act.entity, [e for e in act.entry_ids if e not in self.first])
                self._again(act)
            case LineChanged():
                if (act.quarter_hours, act.assignment, act.dimensions, act.work_date) != (None, None, None, None):
                    self.changed.add(act.entry_id)
            case LineWithdrawn():
                if act.entry_id in self.first:
                    self._on_the_way(act.at_ms, act.entity, [act.entry_id], 1, {})

    def _decided(self, act: SheetsDecided) -> None:
        left = {*act.rejected, *act.hold}
        by_entity: dict[str, list[LinePlan]] = {}
        for sheet in act.sheets:
            self.undecided.get(sheet.entity, {}).pop(sheet.sheet_id, None)
            by_entity.setdefault(sheet.entity, []).extend(sheet.lines)
        for entity, lines in by_entity.items():
            self._approved(act.at_ms, entity, [line.entry_id for line in lines if line.entry_id not in left])

    def _approved(self, at_ms: int, entity: str, entries: Sequence[str]) -> None:
        """Entries are approved for the first time: each is a row to be posted, if it is to be posted at all."""
        for entry_id in entries:
            self.first.setdefault(entry_id, (at_ms, entity))
            self.changed.discard(entry_id)
        self._on_the_way(at_ms, entity, entries, 0, {})

    def _again(self, act: LinesApproved) -> None:
        """Entries that were approved before: what changed is reversed and posted anew, each by itself."""
        for entry_id in act.entry_ids:
            if entry_id in self.changed and entry_id in self.first:
                self.changed.discard(entry_id)
                self._on_the_way(act.at_ms, act.entity, [entry_id], 1, {entry_id: 1})

    def _on_the_way(
        self, at_ms: int, entity: str, entries: Sequence[str], reversals: int, posts: Mapping[str, int]
    ) -> None:
        """Publish, as the world does: in deliveries of a bounded size, with whatever befalls each event."""
        version: dict[str, int] = {}
        for entry_id in entries:
            version[entry_id] = self.versions[entry_id] = self.versions.get(entry_id, 0) + 1
        if at_ms < self.exact_from_ms:
            self._arrive(at_ms, at_ms, entity, list(entries), reversals, posts)
            return
        later: dict[int, list[str]] = {}
        for entry_id in entries:
            delays = self.weather.event(entity, entry_id, version[entry_id], at_ms)
            if delays:
                # A second delivery of the same event is old news.
                later.setdefault(min(delays), []).append(entry_id)
        for delay_ms, all_of_them in later.items():
            for start in range(0, len(all_of_them), DELIVERY_MAX):
                some = all_of_them[start : start + DELIVERY_MAX]
                transit_ms = between(*WEBHOOK_MS, self.seed, "webhook", entity, some[0], version[some[0]])
                self._arrive(at_ms, at_ms + delay_ms + transit_ms, entity, some, reversals, posts)

    def _arrive(
        self, at_ms: int, arrives_ms: int, entity: str, some: list[str], reversals: int, posts: Mapping[str, int]
    ) -> None:
        if reversals:
            follow = sum(posts.get(entry_id, 0) for entry_id in some)
            self.arrivals.append((at_ms, Cohort(arrives_ms, entity, len(some), 0, follow)))
            return
        rows = sum(1 for entry_id in some if entry_id not in self.kept_out)
        if rows:
            due = rows if at_ms <= self.cutoff_ms[entity] else 0
            self.arrivals.append((at_ms, Cohort(arrives_ms, entity, rows, due)))


def window_start_ms(found: Approvals, first_cutoff_ms: int, month_ms: int, rows_a_ms: float) -> int:
    """From when on approvals matter for the cut-off (rule 3). `month_ms`: when the month begins."""
    latest = first_cutoff_ms - DAY_MS
    came: dict[int, int] = {}
    for approved_ms, cohort in found.arrivals:
        if approved_ms < latest:
            hour = (latest - approved_ms - 1) // HOUR_MS
            came[hour] = came.get(hour, 0) + cohort.rows
    waiting, quiet = 0.0, 0
    for hour in range(max(came, default=-1), -1, -1):
        waiting = max(0.0, waiting + came.get(hour, 0) - rows_a_ms * HOUR_MS)
        if waiting == 0.0:
            quiet = hour
        elif hour == max(came):
            quiet = hour + 1
    return max(month_ms, latest - quiet * HOUR_MS)
