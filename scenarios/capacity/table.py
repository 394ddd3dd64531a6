"""A plan for a terminal: the answer in one table, then the entities that are late, then where theory disagrees."""

import shlex
from textwrap import wrap

from rich.console import Console
from rich.table import Table
from rich.text import Text

from scenarios.capacity.plan import EntityPlan, Finding, Plan, Row
from scenarios.capacity.told import (
    KNOBS,
    binds_words,
    enough_words,
    least_words,
    minutes,
    minutes_band,
    months,
    needed_words,
    notes,
    number_band,
    sentence,
    setting_words,
    share_band,
    theory_words,
    validation_words,
)
from scenarios.capacity.validation import Validation
from scenarios.report.table import WIDTH
from scenarios.report.wording import count, printable, several, share

SHOWN = 10
"""Entities in the terminal; the page has all of them."""


def print_plan(plan: Plan, validation: Validation | None, console: Console, page: str = "") -> None:
    """Print the plan. `page`: where plan.html was written, empty if nowhere."""
    question = plan.question
    entities = plan.rows[0].entities
    accounts = len({entity.account for entity in entities})
    console.print(Text(f"{printable(question.scenario)}: what its cut-off needs", style="bold"))
    what = (
        f"{several(len(entities), 'legal entity').replace('entitys', 'entities')} on {several(accounts, 'ERP account')}"
    )
    seeds = f"seeds {question.seeds[0]} to {question.seeds[-1]}"
    _say(console, f"{what}; {several(len(question.seeds), 'month')} drawn ({seeds}); {enough_words(plan)}")
    if len(plan.rows) > 1:
        console.print(_compared(plan))
    for row in plan.rows if len(plan.rows) <= 2 else plan.rows[:1]:
        console.print()
        _say(console, setting_words(row), "bold")
        console.print(_answers(row, len(question.seeds)))
        console.print(_late(row, len(question.seeds)))
    for note in notes(plan):
        _say(console, f"- {note}", "bold red" if note.startswith("NOT MONOTONE") else "")
    console.print()
    if validation is None:
        _say(console, "The error of counting was not measured: --validate prints it against three whole months.", "dim")
    else:
        for line in validation_words(validation):
            _say(console, line)
    _say(console, f"{plan.cpu_s:.0f} s of CPU, {plan.wall_s:.0f} s of wall clock", "dim")
    _say(console, sentence(plan), "bold green" if plan.met else "bold yellow")
    if page:
        _say(console, f"in pictures: {shlex.quote(printable(page))}")


def _say(console: Console, text: str, style: str = "") -> None:
    for line in wrap(text, WIDTH):
        console.print(Text(line, style=style))


def _grid(*heads: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for head in heads:
        table.add_column(head.removeprefix(">"), justify="right" if head.startswith(">") else "left", overflow="fold")
    return table


def _answers(row: Row, of: int) -> Table:
    """The one table that answers: what, the number, its band, and what theory says."""
    table = _grid("", "answer", "band over the months", "queueing theory")
    for finding in row.findings:
        table.add_row(*_finding(finding, row, of))
    table.add_row(
        "in time as it is",
        f"{months(row.in_time, of)}",
        f"95 % sure: at least {100 * row.sure:.0f} % of months",
        "",
    )
    table.add_row("entities in time", share(round(row.clear_ppm.middle or 0)), share_band(row.clear_ppm), "")
    by_then = f"{row.by_cutoff.middle or 0:g} of {len(row.entities)}"
    table.add_row("clear by the cut-off itself", by_then, number_band(row.by_cutoff), "")
    table.add_row(
        "last entity clear",
        f"{minutes(row.last_clear_min.middle)} after it",
        minutes_band(row.last_clear_min),
        minutes_band(row.theory_last_min),
    )
    table.add_row("what binds", row.binds, binds_words(row), "")
    need = several(row.hosts_needed, "host") + " a region"
    table.add_row("hosts", f"{need} enough", f"fullest of {row.setting.hosts}: {100 * row.host_fullest:.2g} %", "fluid")
    return table


def _finding(finding: Finding, row: Row, of: int) -> tuple[str, str, str, str]:
    name = KNOBS[finding.knob]
    if finding.least is None:
        return (
            name,
            f"none from {finding.low} to {finding.high}",
            number_band(finding.band),
            number_band(finding.theory),
        )
    return name, least_words(finding, row), needed_words(finding, of), theory_words(finding)


def _late(row: Row, of: int) -> Table:
    table = _grid("latest entities", "account", ">due rows", ">at cut-off", ">clear", ">band", ">in time", ">theory")
    for entity in sorted(row.entities, key=_lateness)[:SHOWN]:
        table.add_row(
            printable(entity.entity),
            printable(entity.account),
            count(entity.rows),
            share(entity.at_cutoff_ppm // 1000 * 1000),
            minutes(entity.clear_min.middle),
            minutes_band(entity.clear_min),
            f"{entity.in_time}/{of}",
            minutes(entity.theory_min.middle),
        )
    return table


def _lateness(entity: EntityPlan) -> tuple[int, float, str]:
    middle = entity.clear_min.middle
    return entity.in_time, -(float("inf") if middle is None else middle), entity.entity


def _compared(plan: Plan) -> Table:
    of = len(plan.question.seeds)
    table = _grid("setting", ">in time", ">last clear", "binds", *(f">{KNOBS[s.knob]}" for s in plan.question.searches))
    for row in plan.rows:
        found = {finding.knob: finding for finding in row.findings}
        table.add_row(
            setting_words(row),
            f"{row.in_time}/{of}",
            minutes(row.last_clear_min.middle),
            row.binds,
            *(_short(found.get(search.knob)) for search in plan.question.searches),
        )
    return table


def _short(finding: Finding | None) -> str:
    if finding is None:
        return "no quota"
    if finding.least is None:
        return f"none up to {finding.high}"
    return f"{finding.least} ({number_band(finding.band)})"
