#!/usr/bin/env python3
"""Proves that every SLA can be missed: a target that half the quota and three times the volume both meet says nothing.

Each scenario runs three times per seed: as it is, with half the ERP's quota, and with three times the rows. The first
run has to end with exit 0, the other two have to miss at least one SLA. What they missed is printed, with how far each
target was from what happened.
"""

import argparse
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from runtime.cli import BadInputError
from scenarios.catalogue import all_scenarios
from scenarios.choose import choose, override
from scenarios.judge import judge
from scenarios.model import Scenario
from scenarios.report.model import Report, Sla
from simulators.run import simulate

EPILOG = """\
examples:
  .venv/bin/python scripts/prove_slas.py                                every scenario, seed 1
  .venv/bin/python scripts/prove_slas.py month_end --seeds 1-3          one scenario, three seeds
  .venv/bin/python scripts/prove_slas.py month_end --only base --details
  .venv/bin/python scripts/prove_slas.py --without month_end_50000 --jobs 1

exit codes: 0 every SLA can be missed, 1 one cannot (or a run as it is was not 0), 2 bad input
"""

VARIANTS = ("base", "half_quota", "triple_volume")
TRIPLE_PERCENT = 300


@dataclass(frozen=True, slots=True)
class Proof:
    """One run of one variant, and whether it showed what it had to show."""

    variant: str
    report: Report

    @property
    def missed(self) -> list[Sla]:
        """The SLAs that did not hold."""
        return [sla for sla in self.report.slas if sla.held is False]

    @property
    def shown(self) -> bool:
        """As it is: exit 0. Strained: money and data still right, and at least one SLA missed."""
        if self.variant == "base":
            return self.report.verdict.exit == 0
        return self.report.verdict.exit != 3 and bool(self.missed)

    @property
    def ratio(self) -> str:
        """Actual over target of the SLA that came closest to its target, or went furthest beyond it."""
        strains = [_strain(sla) for sla in self.report.slas if sla.actual is not None]
        return f"{max(strains):.2f}" if strains else "-"


def _strain(sla: Sla) -> float:
    """How much of what was promised is used up: above 1 the SLA is missed."""
    assert sla.actual is not None
    if sla.compare == "at_most":
        return sla.actual / sla.target
    # A share that has to be reached: what is missing, over what may be missing.
    return (1_000_000 - sla.actual) / max(1, 1_000_000 - sla.target)


def settings_of(variant: str, scenario: Scenario) -> list[str]:
    """What `--set` would say to turn the scenario into the variant. Raises BadInputError where there is no quota."""
    if variant == "base":
        return []
    if variant == "triple_volume":
        return [f"world.people.volume_percent={scenario.world.people.volume_percent * TRIPLE_PERCENT // 100}"]
    quota = scenario.world.erp.quota
    if quota is None or quota.calls < 2:
        raise BadInputError(f"{scenario.name}: world.erp.quota cannot be halved; give it at least 2 calls per window")
    return [f"world.erp.quota.calls={quota.calls // 2}"]


def prove(scenario: Scenario, seed: int, variant: str, jobs: int) -> Proof:
    """Run one variant and judge it."""
    changed, applied = override(scenario, settings_of(variant, scenario))
    outcome = simulate(changed.world, seed, jobs=jobs)
    return Proof(variant, judge(changed, outcome, overrides=applied))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; returns the exit code."""
    arguments = _parser().parse_args(argv)
    try:
        names = arguments.scenarios or [name for name in all_scenarios() if name not in arguments.without]
        chosen = [choose(name) for name in names]
        return _prove_all(chosen, arguments)
    except BadInputError as bad:
        sys.stderr.write(f"prove_slas: {bad}\n")
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description="Proves that every SLA can be missed: each scenario as it is, at half quota, at triple volume.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help="names or files (default: every named one)")
    parser.add_argument("--seeds", type=_seeds, default=[1], metavar="N|N-M|N,M", help="seeds (default 1)")
    parser.add_argument("--only", choices=VARIANTS, action="append", help="only this variant (may be given again)")
    parser.add_argument("--without", action="append", default=[], metavar="SCENARIO", help="leave a scenario out")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="processes side by side (default 2)")
    parser.add_argument("--details", action="store_true", help="print every SLA with target and actual")
    return parser


def _seeds(text: str) -> list[int]:
    """ "3", "1-5" or "1,4,9" as seeds."""
    seeds: list[int] = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        seeds += range(int(first), int(last if dash else first) + 1)
    if not seeds:
        raise ValueError(f"{text} names no seed")
    return seeds


def _prove_all(chosen: Iterable[Scenario], arguments: argparse.Namespace) -> int:
    _line("scenario", "seed", "variant", "exit", "strain", "wall s", "missed")
    failed = 0
    for scenario in chosen:
        for seed in arguments.seeds:
            for variant in arguments.only or VARIANTS:
                proof = prove(scenario, seed, variant, arguments.jobs)
                failed += not proof.shown
                _say(scenario.name, seed, proof, details=arguments.details)
    sys.stdout.write(f"{failed} runs did not show what they had to show\n" if failed else "every SLA can be missed\n")
    return 1 if failed else 0


def _say(name: str, seed: int, proof: Proof, *, details: bool) -> None:
    report = proof.report
    missed = "; ".join(f"{sla.name} {_number(sla)} against {sla.target:,} {sla.unit}" for sla in proof.missed) or "-"
    wrong = "" if proof.shown else "   <-- " + (report.verdict.sentence if proof.variant == "base" else "must miss one")
    _line(name, seed, proof.variant, report.verdict.exit, proof.ratio, f"{report.wall_seconds:.1f}", missed + wrong)
    if details:
        for sla in report.slas:
            sys.stdout.write(f"      {sla.name:<36} target {sla.target:>9,} {sla.unit:<4} actual {_number(sla):>12}\n")
        fired = ", ".join(f"{fault.kind} {fault.fired:,}" for fault in report.faults)
        sys.stdout.write(f"      approved {report.approved:,}; {fired}\n")


def _number(sla: Sla) -> str:
    return "unknown" if sla.actual is None else f"{sla.actual:,.0f}"


def _line(name: str, seed: object, variant: str, code: object, strain: str, wall: str, missed: str) -> None:
    sys.stdout.write(f"{name:<26} {seed!s:>4}  {variant:<14} {code!s:>4} {strain:>7} {wall:>7}  {missed}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
