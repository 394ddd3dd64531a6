"""What a run prints for people: the verdict, what adds up, what was promised, what is left to do, what to type next.

Fits a terminal of 100 columns. Words carry the meaning and colour only repeats it, so that the same text is readable
in a log file, where it is plain.
"""

import shlex
from collections.abc import Sequence
from io import TextIOWrapper
from textwrap import wrap
from typing import IO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from scenarios.report.model import PLACES, Invariant, Report, Sla, money_by_currency
from scenarios.report.wording import (
    PLACE_WORDS,
    again,
    amount,
    count,
    duration,
    hours,
    kind_words,
    money,
    printable,
    several,
)

WIDTH = 100
_MOST_CURRENCIES = 4
_MOST_CASES = 8
_MOST_EXAMPLES = 3
_MOST_FINDINGS = 5
STYLES = {0: "bold green", 1: "bold yellow", 2: "bold", 3: "bold red", 4: "bold yellow", 5: "bold blue"}


def console_for(stream: IO[str]) -> Console:
    """A console on this stream: coloured on a terminal, plain elsewhere, never wider than WIDTH."""
    if isinstance(stream, TextIOWrapper):
        # A name in a script that the stream cannot write is shown as question marks; it must not end the run.
        stream.reconfigure(errors="replace")
    if not stream.isatty():
        return Console(file=stream, highlight=False, width=WIDTH, force_terminal=False, no_color=True)
    console = Console(file=stream, highlight=False)
    return console if console.width <= WIDTH else Console(file=stream, highlight=False, width=WIDTH)


def print_table(report: Report, console: Console, page: str = "") -> None:
    """Print the run in short. `page` is where report.html was written, empty if nowhere."""
    _header(report, console)
    _places(report, console)
    print_invariants(report.invariants, console)
    print_slas(report.slas, console)
    _latency(report, console)
    _faults(report, console)
    _cases(report, console)
    _findings(report, console)
    console.print()
    console.print(words(report.verdict.sentence, STYLES[report.verdict.exit]))
    console.print(words(f"exit {report.verdict.exit} ({report.verdict.word})", "dim"))
    console.print()
    if page:
        command(console, "in pictures", f"open {shlex.quote(printable(page))}")
    command(console, "to see it again", again(report))


def _header(report: Report, console: Console) -> None:
    title = Text(printable(report.scenario), style="bold")
    title.append(f"  seed {report.seed}", style="not bold")
    if report.digest:
        title.append(f"  digest {printable(report.digest[:12])}", style="not bold")
    speed = f", {report.simulated_seconds / report.wall_seconds:,.0f} times real time" if report.wall_seconds else ""
    console.print(title)
    if report.description:
        console.print(words(report.description, "dim"))
    console.print(words(f"{duration(report.simulated_seconds)} simulated in {duration(report.wall_seconds)}{speed}"))
    for path in sorted(report.overrides):
        console.print(words(f"set {path} = {report.overrides[path]}", "dim"))
    if report.planted:
        added = ", ".join(map(kind_words, report.planted.faults)) or "nothing"
        planted = f"planted {report.planted.name}; added: {added}; ERP profile: {report.planted.profile}"
        console.print(words(planted, "bold magenta"))
    if report.kept_out:
        first = report.kept_out[0]
        example = f"{first.file}:{first.line} {first.column}: {first.reason}"
        console.print(
            words(f"kept out {several(len(report.kept_out), 'row')} of the timesheet, first {example}", "yellow")
        )


def identity(report: Report) -> str:
    """The accounting identity in one sentence; empty places are named once, at the end."""
    used = [place for place in PLACES if report.entries.get(place)]
    empty = [PLACE_WORDS[place] for place in PLACES if not report.entries.get(place)]
    terms = " + ".join(f"{count(report.entries[place])} {PLACE_WORDS[place]}" for place in used) or "0"
    equals = "=" if sum(report.entries.values()) == report.approved else "DOES NOT EQUAL"
    return f"{count(report.approved)} approved {equals} {terms}" + (f"; none {', '.join(empty)}" if empty else "")


def _places(report: Report, console: Console) -> None:
    console.print()
    for line in wrap(identity(report), WIDTH):
        console.print(words(line))
    held = money_by_currency(report.money)
    currencies = sorted(held)
    shown = currencies[:_MOST_CURRENCIES]
    table = grid("place", ">versions", ">hours", *(f">{currency}" for currency in shown))
    for place in PLACES:
        by_currency = report.money.get(place, {})
        if report.entries.get(place) or report.hours.get(place) or any(by_currency.values()):
            row(
                table,
                PLACE_WORDS[place],
                count(report.entries.get(place, 0)),
                hours(report.hours.get(place, 0.0)),
                *(money(by_currency.get(currency, 0), currency) for currency in shown),
            )
    row(
        table,
        "together",
        count(sum(report.entries.values())),
        hours(sum(round(4 * each) for each in report.hours.values()) / 4),
        *(money(held[currency], currency) for currency in shown),
        style="bold",
    )
    console.print(table)
    if currencies[_MOST_CURRENCIES:]:
        console.print(words(f"and {len(currencies) - len(shown)} more currencies in report.json", "dim"))
    if report.unvalued_hours:
        console.print(words(f"{hours(report.unvalued_hours)} hours have no value yet", "dim"))
    for sentence in report.breaks():
        console.print(words(f"does not add up: {sentence}", "bold red"))


def print_invariants(invariants: Sequence[Invariant], console: Console) -> None:
    """Which held, which did not, and what was seen of those."""
    console.print()
    for status, style in (("held", "green"), ("violated", "bold red"), ("unknown", "blue")):
        ids = [invariant.id for invariant in invariants if invariant.status == status]
        if ids:
            line = Text("invariants ")
            line.append(f"{status} ({len(ids)})", style=style)
            line.append(": " + ", ".join(map(printable, ids)))
            console.print(line)
    for invariant in invariants:
        if invariant.status == "violated":
            console.print(
                words(f"  {invariant.id} {invariant.name}: {several(invariant.violations, 'violation')}", "bold red")
            )
            for example in invariant.examples[:_MOST_EXAMPLES]:
                console.print(words(f"    {example}"))
        elif invariant.status == "unknown":
            console.print(words(f"  {invariant.id} {invariant.name}: unknown, {invariant.reason or 'not reached'}"))


def print_slas(slas: Sequence[Sla], console: Console) -> None:
    """Targets beside what was measured; the sum of each that was missed."""
    if not slas:
        return
    console.print()
    table = grid("SLA", ">target", ">actual", "state")
    for sla in slas:
        state = {True: Text("held", "green"), False: Text("missed", "bold red"), None: Text("unknown", "blue")}[
            sla.held
        ]
        bound = "<=" if sla.compare == "at_most" else ">="
        row(
            table,
            words(sla.name),
            f"{bound} {amount(sla.target, sla.unit)}",
            amount(sla.actual, sla.unit, sla.unmeasured),
            state,
        )
    console.print(table)
    # The sums are long; whoever missed one wants it here, everybody finds them all in the page and in report.json.
    for sla in slas:
        if sla.held is False and sla.arithmetic:
            console.print(words(f"why {sla.name} should hold: {sla.arithmetic}", "dim"))


def _latency(report: Report, console: Console) -> None:
    overall = report.latency.overall
    if overall is None:
        return
    said = f"p50 {duration(overall.p50_s)}, p95 {duration(overall.p95_s)}, p99 {duration(overall.p99_s)}"
    each = report.latency.entities
    if len(each) > 1:
        slowest = max(sorted(each), key=lambda code: each[code].p99_s)
        said += f"; slowest {slowest} with p99 {duration(each[slowest].p99_s)}"
    console.print(words(f"approval to ledger: {said}"))


def _faults(report: Report, console: Console) -> None:
    if not report.faults:
        return
    said = ", ".join(f"{kind_words(fault.kind)} {count(fault.fired)}" for fault in report.faults)
    console.print(words(f"faults fired: {said}"))


def _cases(report: Report, console: Console) -> None:
    for incident in report.incidents[:_MOST_CASES]:
        lasted = duration((incident.until_ms - incident.from_ms) / 1000)
        console.print(
            words(f"incident: {incident.account} {kind_words(incident.kind)} for {lasted}; {incident.text}", "yellow")
        )
    if not report.cases:
        return
    console.print()
    table = grid("parked because", ">rows", "owner", "suggested fix", "goes on when")
    for case in report.cases[:_MOST_CASES]:
        told = (case.owner, case.fix, case.wake)
        row(table, words(kind_words(case.reason)), count(case.count), *map(words, told))
    console.print(table)
    if report.cases[_MOST_CASES:]:
        console.print(words(f"and {len(report.cases) - _MOST_CASES} more cases in report.json", "dim"))


def _findings(report: Report, console: Console) -> None:
    if not report.findings:
        return
    console.print()
    for finding in report.findings[:_MOST_FINDINGS]:
        worth = "" if finding.amount_minor is None else f", {money(finding.amount_minor, finding.currency)} "
        worth += finding.currency if worth else ""
        versions = ", ".join(map(str, finding.versions))
        said = f"{finding.invariant}: {finding.entity} {finding.entry} versions {versions}{worth}: {finding.text}"
        console.print(words(said, "red"))
    if report.findings[_MOST_FINDINGS:]:
        console.print(words(f"and {count(len(report.findings) - _MOST_FINDINGS)} more in report.json", "dim"))


def command(console: Console, why: str, typed: str) -> None:
    """A command line that can be copied, and why one would."""
    # Never wrapped or cut: it is there to be copied.
    line = Text(f"{why}:  ", style="dim")
    line.append(typed, style="bold not dim")
    console.print(line, soft_wrap=True)


def words(text: str, style: str = "") -> Text:
    """Text for the terminal."""
    # A Text, so that brackets in a stranger's name are not read as rich markup; without control characters.
    return Text(printable(text), style=style)


def row(table: Table, *cells: str | Text, style: str = "") -> None:
    """A row of it."""
    table.add_row(*(words(cell) if isinstance(cell, str) else cell for cell in cells), style=style)


def grid(*heads: str) -> Table:
    """A table without lines; a head that begins with ">" is that of a column of numbers."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for head in heads:
        right = head.startswith(">")
        table.add_column(words(head.removeprefix(">")), justify="right" if right else "left", no_wrap=right)
    return table
