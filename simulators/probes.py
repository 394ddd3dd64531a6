"""Named rare events: what a good swarm has met at least once. A probe that no seed hits is a hole in the swarm.

Each probe is a question about what a run left behind; most are about two things at the same time, which no edge and no
count of faults can show.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from simulators.evidence import Evidence, LedgerLine
from simulators.world import Seen

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
NEAR_MS = 10 * 60_000
"""Two things within so long happened "at the same time" (ours)."""

CRASHES = frozenset({"crash_at_boundary", "boundary_crashes", "random_crashes"})
SILENCES = frozenset({"lost_reply", "lost_request", "late_landing", "server_error"})


@dataclass(frozen=True, slots=True)
class Strike:
    """One misfortune: when, of which kind, and what its name says of whom it struck."""

    at_ms: int
    kind: str
    about: str


@dataclass(slots=True)
class Story:
    """One legal entity's run, laid out for the questions."""

    seen: Seen
    code: str
    evidence: Evidence
    strikes: list[Strike]
    lines: dict[str, list[LedgerLine]]

    def times(self, kinds: frozenset[str]) -> list[int]:
        """When these kinds struck the entity, in order."""
        return [strike.at_ms for strike in self.strikes if strike.kind in kinds]

    @property
    def closings(self) -> list[int]:
        """When a period or our gate shut."""
        return [
            fact.at_ms
            for fact in self.evidence.periods
            if fact.gate == "shut" or fact.status in ("closed", "permanently_closed")
        ]


@dataclass(frozen=True, slots=True)
class Probe:
    """A rare event: its name as a sentence, and the question."""

    name: str
    hit: Callable[[Story], bool]


def _close(first: list[int], second: list[int], within_ms: int = NEAR_MS) -> bool:
    """Whether something of the second happened within so long after something of the first."""
    return any(0 < b - a <= within_ms for a in first for b in second)


def _legs(story: Story, leg: str) -> Iterator[LedgerLine]:
    return (line for line in story.evidence.lines if line.leg == leg)


def _withdrawn_after_posting(story: Story) -> bool:
    return any(versions[-1].withdrawn and story.lines.get(e) for e, versions in story.evidence.versions.items())


def _withdrawn_before_posting(story: Story) -> bool:
    return any(versions[-1].withdrawn and not story.lines.get(e) for e, versions in story.evidence.versions.items())


def _cured_by_a_newer_version(story: Story) -> bool:
    return any(
        line.version > park.version and line.at_ms > park.at_ms
        for park in story.evidence.parks
        for line in story.lines.get(park.entry_id, ())
    )


def _parked_twice(story: Story) -> bool:
    parked = [park.entry_id for park in story.evidence.parks]
    return len(parked) > len({*parked})


def _amended_by_hand(story: Story) -> bool:
    return any(
        any(line.by_hand for line in lines) and any(line.leg == "reverse" for line in lines)
        for lines in story.lines.values()
    )


def _found_after_the_cut_off(story: Story) -> bool:
    cutoff_ms = story.seen.cutoff_ms[story.code]
    missed = {s.about.split("/")[1] for s in story.strikes if s.kind == "missing_event" and s.at_ms < cutoff_ms}
    return any(line.at_ms > cutoff_ms for entry_id in missed for line in story.lines.get(entry_id, ()))


def _bands(story: Story, *modes: str) -> list[tuple[int, int]]:
    account = next(e.erp_account for e in story.seen.firm.entities if e.code == story.code)
    return [(b.from_ms, b.until_ms) for b in story.seen.bands if b.account == account and b.mode in modes]


def _first_line_at(story: Story) -> dict[str, int]:
    return {entry_id: lines[0].at_ms for entry_id, lines in story.lines.items()}


PROBES: tuple[Probe, ...] = (
    Probe(
        "a period closed while a call that was given up could still land",
        lambda s: _close(s.times(frozenset({"late_landing", "lost_request"})), s.closings),
    ),
    Probe("a process died right before its period closed", lambda s: _close(s.times(CRASHES), s.closings)),
    Probe("a process died again while it recovered", lambda s: _close(s.times(CRASHES), s.times(CRASHES))),
    Probe("a process died while an answer was out", lambda s: _close(s.times(SILENCES), s.times(CRASHES), 30_000)),
    Probe(
        "both entities' processes died within ten minutes",
        lambda s: _close(
            s.times(CRASHES),
            [
                at_ms
                for at_ms, name in s.seen.strikes
                if name.partition(":")[0] in CRASHES and not name.partition(":")[2].startswith(f"{s.code}/")
            ],
        ),
    ),
    Probe(
        "a call fell silent in the last hour before the cut-off",
        lambda s: _close(s.times(SILENCES), [s.seen.cutoff_ms[s.code]], HOUR_MS),
    ),
    Probe("an event that never came was found after the cut-off", _found_after_the_cut_off),
    Probe("a posting was taken back after a withdrawal", _withdrawn_after_posting),
    Probe("an approval was withdrawn before anything stood", _withdrawn_before_posting),
    Probe(
        "one entry was reversed twice",
        lambda s: any(sum(line.leg == "reverse" for line in lines) > 1 for lines in s.lines.values()),
    ),
    Probe(
        "one entry had four versions or more",
        lambda s: any(len(versions) > 3 for versions in s.evidence.versions.values()),
    ),
    Probe(
        "a correction went into a later period than its work date",
        lambda s: any(
            line.accounting_date != line.work_date for line in _legs(s, "reverse") if line.adjusts or line.reverses
        ),
    ),
    Probe(
        "a posting took another date than its work date",
        lambda s: any(line.accounting_date != line.work_date for line in _legs(s, "post")),
    ),
    Probe("a line was entered by hand", lambda s: any(line.by_hand for line in s.evidence.lines)),
    Probe("a line that was entered by hand was reversed later", _amended_by_hand),
    Probe("a parked entry was cured by a newer version", _cured_by_a_newer_version),
    Probe("one entry was parked twice", _parked_twice),
    Probe(
        "the account was throttled right after maintenance",
        lambda s: _close([until for _, until in _bands(s, "maintenance")], [a for a, _ in _bands(s, "throttled")]),
    ),
    Probe(
        "a process died while its account was closed",
        lambda s: any(a <= at < b for at in s.times(CRASHES) for a, b in _bands(s, "maintenance", "broken")),
    ),
    Probe(
        "the login was lost while the account was throttled or closed",
        lambda s: _close(
            [a for a, _ in _bands(s, "maintenance", "throttled", "broken")],
            [a for a, _ in _bands(s, "logged_out", "locked_out")],
            6 * HOUR_MS,
        ),
    ),
    Probe(
        "an entry waited for more than three days, and then stood",
        lambda s: any(
            at_ms - s.evidence.versions[entry_id][0].at_ms > 3 * DAY_MS
            for entry_id, at_ms in _first_line_at(s).items()
            if entry_id in s.evidence.versions
        ),
    ),
    Probe(
        "one entry was corrected within ten minutes of its posting",
        lambda s: any(
            _close([lines[0].at_ms], [version.at_ms for version in s.evidence.versions.get(entry_id, ())])
            for entry_id, lines in s.lines.items()
        ),
    ),
)


def probes_hit(seen: Seen) -> list[str]:
    """The names of the probes that this run hit, each once."""
    hit: dict[str, None] = {}
    for code, evidence in seen.evidences.items():
        near = _near(seen, code)
        strikes = [
            Strike(at_ms, kind, about)
            for at_ms, name in seen.strikes
            for kind, _, about in (name.partition(":"),)
            if any(each in near for each in about.split("/")[:2])
        ]
        lines: dict[str, list[LedgerLine]] = {}
        for line in evidence.lines:
            lines.setdefault(line.entry_id, []).append(line)
        story = Story(seen, code, evidence, strikes, lines)
        for probe in PROBES:
            if probe.name not in hit and probe.hit(story):
                hit[probe.name] = None
    return list(hit)


def _near(seen: Seen, code: str) -> tuple[str, str, str]:
    entity = next(each for each in seen.firm.entities if each.code == code)
    return code, entity.erp_account, entity.psa_account
