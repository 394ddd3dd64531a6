"""The load runs of a suite: judged where there are results, made on demand, else said to be missing.

`springtide load` is an extra and lives above the scenarios, so it is started as a program. What it leaves behind is
judged where every load run is judged (`scenarios.load.verdict`), so a certificate says of it what its own page says.
"""

import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from runtime.cli import BadInputError
from scenarios.certify.certificate import LoadFound
from scenarios.certify.suite import LoadPart, Suite
from scenarios.load.results import RUN_FILE
from scenarios.load.verdict import LoadReport, judge_load
from scenarios.report.wording import amount, count, duration, instant, kind_words, share

FOLDER = "loads"
"""Below the certificate: the load runs that were made for it."""
JUDGED = (0, 1, 3, 4, 5)
"""Exit codes of a load run that came to a verdict."""
PAGE = "report.html"
"""The page of a load run, in its folder."""


def with_results(suite: Suite, given: Sequence[str]) -> dict[str, LoadFound]:
    """What load runs that were made before say: those `given` as NAME=DIR, and those the suite names. For the time
    before anything else is tried, since a folder that cannot be read is an error."""
    folders = {part.name: Path(part.results) for part in suite.loads if part.results}
    for text in given:
        name, _, folder = text.partition("=")
        if not name or not folder:
            raise BadInputError(f"--load {text}: give NAME=DIR")
        if name not in [part.name for part in suite.loads]:
            there = ", ".join(part.name for part in suite.loads) or "none at all"
            raise BadInputError(f"--load {text}: the suite has no load run {name}; it has {there}")
        folders[name] = Path(folder)
    return {part.name: _judged(part, folders[part.name]) for part in suite.loads if part.name in folders}


def _start(arguments: Sequence[str]) -> tuple[int, str]:
    """Run `springtide` with these arguments; its exit code and what it complained about."""
    command = [sys.executable, "-m", "runtime.cli", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # our own program
    return done.returncode, done.stderr


def all_loads(
    suite: Suite,
    known: Mapping[str, LoadFound],
    out: Path,
    *,
    run_them: bool,
    stamp: str = "",
    start: Callable[[Sequence[str]], tuple[int, str]] = _start,
) -> list[LoadFound]:
    """Every load run of the suite, in its order; those without results are made now, or said to be missing.

    `stamp` tells the runs of this certificate from those of others in the same folder; no run is written over.
    """
    found = []
    for part in suite.loads:
        if part.name in known:
            found.append(known[part.name])
        elif run_them:
            found.append(_made(part, out / FOLDER / f"{part.name}{stamp}", start))
        else:
            found.append(_missing(part, "it has no results yet"))
    return found


def _made(part: LoadPart, folder: Path, start: Callable[[Sequence[str]], tuple[int, str]]) -> LoadFound:
    """Run it. Its own verdict is made again from what it left behind; its exit code only says whether there is any."""
    code, complaint = start(["load", *part.options, "--out", str(folder), "--quiet"])
    if code in JUDGED and (folder / RUN_FILE).is_file():
        return _judged(part, folder)
    last = (complaint.strip() or "it said nothing").splitlines()[-1].removeprefix("springtide: ")
    return _missing(part, f"it could not be made: {last}")


def _missing(part: LoadPart, why: str) -> LoadFound:
    return LoadFound(name=part.name, story=part.story, tried=False, sentence=why)


def _judged(part: LoadPart, folder: Path) -> LoadFound:
    report = judge_load(folder)
    page = folder / PAGE
    run = report.truth.run
    return LoadFound(
        name=part.name,
        story=part.story,
        tried=True,
        kind=run.kind,
        scenario=run.profile.scenario.name,
        folder=str(folder),
        exit=report.verdict.exit,
        word=report.verdict.word,
        sentence=report.verdict.sentence,
        facts=_facts(report),
        report=str(page) if page.is_file() else "",
    )


def _facts(report: LoadReport) -> dict[str, str]:
    """What an SRE asks first. Times are those of the run, not of the scenario."""
    truth, run = report.truth, report.truth.run
    whole, profile = truth.whole, run.profile
    facts = {
        "load": f"{kind_words(profile.shape.value)} of {profile.scenario.name}, {profile.volume:g} times the modelled "
        f"volume, {profile.factor} times as fast, seed {profile.seed}; {run.kind}"
        + (", CUT OFF BEFORE ITS END" if run.interrupted else ""),
        "approved": f"{count(whole.versions)} versions of {count(whole.entries)} entries",
        "posted a second": f"{truth.posted_per_s:,.0f}, at most {truth.posted_per_s_most:,.0f}",
        "approval to ledger": ", ".join(
            f"{name} {duration(None if value is None else value / 1000)}"
            for name, value in (("p50", whole.wait.p50_ms), ("p95", whole.wait.p95_ms), ("p99", whole.wait.p99_ms))
        ),
        "in time for the cut-off": "nothing was due" if whole.in_time_ppm is None else share(whole.in_time_ppm),
        "drain after an outage": duration(whole.drain_ms / 1000) if whole.drain_ms is not None else "no outage",
        "books": f"{whole.double} double, {whole.lost} lost, {whole.wrong_amount} wrong amounts, "
        f"{whole.invented} invented",
    }
    if run.started_at_ms:
        # A run that was made before may be of another day, and of another build.
        facts["made"] = instant(run.started_at_ms) + (f", runtime {run.runtime_version}" if run.runtime_version else "")
    if run.generator is not None:
        facts["offered"] = f"{run.generator.reached_per_s:,.1f} of {run.generator.planned_per_s:,.1f} requests a second"
    missed = [
        f"{sla.name} {amount(sla.actual, sla.unit, sla.unmeasured)} ({amount(sla.target, sla.unit)} promised)"
        for sla in report.slas
        if sla.held is False
    ]
    if missed:
        facts["missed"] = "; ".join(missed)
    if report.binds:
        facts["what binds"] = ", ".join(f"{entity}: {what}" for entity, what in sorted(report.binds.items()))
    return facts
