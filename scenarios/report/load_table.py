"""What a load run prints for people: the verdict, what was promised, who was late and what binds, what to open next."""

from pathlib import Path

from rich.console import Console

from scenarios.load.verdict import LoadReport
from scenarios.report.table import STYLES, command, grid, print_invariants, print_slas, row, words
from scenarios.report.wording import count, duration, kind_words, share

MOST_LATE = 8
MOST_DRAINS = 6


def print_load(report: LoadReport, console: Console, page: Path | None = None, again: str = "") -> None:
    """Print the run in short. `page` is where its page was written, `again` the command that makes such a run."""
    _header(report, console)
    _counts(report, console)
    print_invariants(report.invariants, console)
    print_slas(report.slas, console)
    _waits(report, console)
    _late(report, console)
    console.print()
    console.print(words(report.verdict.sentence, STYLES[report.verdict.exit]))
    console.print(words(f"exit {report.verdict.exit} ({report.verdict.word})", "dim"))
    console.print()
    if page is not None:
        command(console, "in pictures", f"open {page}")
    if again:
        command(console, "to run it again", again)


def _header(report: LoadReport, console: Console) -> None:
    run = report.truth.run
    profile = run.profile
    console.print(
        words(f"{profile.scenario.name}, {profile.shape.value.replace('_', ' ')}, seed {profile.seed}", "bold")
    )
    window = duration((profile.until_ms - profile.from_ms) / 1_000)
    pace = f"{window} in {duration(profile.run_ms / 1_000)} ({profile.factor} times as fast), volume {profile.volume:g}"
    console.print(words(f"{pace}, against {run.url or 'a simulation'}", "dim"))
    if report.partial:
        console.print(words("PART OF A RUN: it was cut off, and every number below is that of the part", "bold red"))
    figures = run.generator
    if figures is not None:
        late = f"starts late p50 {figures.lateness_p50_ms:,.0f} ms, p99 {figures.lateness_p99_ms:,.0f} ms"
        rate = f"{figures.reached_per_s:,.1f} of {figures.planned_per_s:,.1f} requests a second"
        said = f"the generator was the bottleneck: {figures.because}" if figures.saturated else "no bottleneck"
        console.print(words(f"generator: {rate}, {late}; {said}", "red" if figures.saturated else ""))


def _counts(report: LoadReport, console: Console) -> None:
    truth = report.truth
    whole = truth.whole
    stand = f"{count(whole.standing)} of {count(whole.due)} entries stand"
    wrong = [f"{count(getattr(whole, name))} {kind_words(name)}" for name in ("double", "lost", "wrong_amount")]
    told = [f"{count(whole.versions)} versions approved", stand, *wrong]
    left = (("on their way", whole.unsettled), ("parked", whole.parked), ("never taken in", whole.refused))
    told += [f"{count(number)} {name}" for name, number in left if number]
    console.print()
    console.print(words(", ".join(told)))
    rate = f"{truth.posted_per_s_most:,.0f} a second in the busiest ten, {truth.posted_per_s:,.0f} on average"
    console.print(words(f"posted: {rate}; highest backlog {count(whole.backlog_peak)}"))
    if truth.refusals:
        said = ", ".join(f"{why} {count(items)}" for why, items in sorted(truth.refusals.items()))
        console.print(words(f"items not taken in when they were delivered: {said}", "yellow"))


def _waits(report: LoadReport, console: Console) -> None:
    truth = report.truth
    console.print()
    table = grid("approval to posting", ">versions", ">p50", ">p95", ">p99", ">slowest", ">in time")
    for one in (truth.whole, *(truth.regions if len(truth.regions) > 1 else ())):
        wait = one.wait
        times = (duration(None if ms is None else ms / 1_000) for ms in (wait.p50_ms, wait.p95_ms, wait.p99_ms))
        slowest = duration(None if wait.max_ms is None else wait.max_ms / 1_000)
        in_time = "-" if one.in_time_ppm is None else share(one.in_time_ppm)
        row(table, one.name, count(wait.count), *times, slowest, in_time)
    console.print(table)
    every = next((one for one in truth.answers if one.user == "all"), None)
    if every is not None:
        p50, p99 = (duration(None if ms is None else ms / 1_000) for ms in (every.wait.p50_ms, every.wait.p99_ms))
        console.print(words(f"answers, from the intended instant: p50 {p50}, p99 {p99}"))
    for drain in [one for one in truth.drains if one.waiting][:MOST_DRAINS]:
        took = "never drained" if drain.drain_ms is None else f"drained in {duration(drain.drain_ms / 1_000)}"
        what = f"{drain.outage.what or 'the runtime'} {kind_words(drain.outage.kind)}"
        until = f"until {drain.outage.until_ms / 1_000:,.0f} s"
        console.print(words(f"{what} {until}: {count(drain.waiting)} versions waited, {took}"))


def _late(report: LoadReport, console: Console) -> None:
    if not report.late:
        return
    console.print()
    table = grid("late at its cut-off", ">late", ">due", "what binds", "the sum")
    ranked = sorted(report.late, key=lambda one: (-one.late, one.share.name))
    for one in ranked[:MOST_LATE]:
        row(
            table,
            words(one.share.name),
            count(one.late),
            count(one.share.due_at_cutoff),
            words(one.binds.name),
            words(one.binds.arithmetic),
        )
    console.print(table)
    if ranked[MOST_LATE:]:
        console.print(words(f"and {len(ranked) - MOST_LATE} more entities on the page", "dim"))
