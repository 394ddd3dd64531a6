"""A plan in words and as JSON: the same sentences stand in the terminal, on the page and in plan.json."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from scenarios.capacity.confidence import Spread
from scenarios.capacity.plan import Finding, Plan, Row
from scenarios.capacity.setting import AS_IT_IS, calls, concurrent
from scenarios.capacity.validation import Validation
from scenarios.report.wording import share

HORIZON_WORDS = "not within 12 h"
NEAR = 0.05
"""Theory and counting agree within this part of the number (ours)."""
KNOBS = {"concurrency": "least ERP concurrency", "quota": "least ERP quota"}
ASSUMPTIONS = (
    "The cut-off day alone is counted, from an hour by which everything before could have gone; what is older stands.",
    "Rows are counted, not carried: people, webhooks, the account machine, the ERP's door, latencies and losses are"
    " those of a full run; a partition is a queue with the runtime's rules. Processes do not die, rows are not bad.",
    "The ERP answers as its profile says at any load: latency does not grow with concurrency (assumed; vendors publish"
    " nothing).",
    "Hosts are counted apart, as a fluid: in virtual time a turn of the core costs nothing.",
    "In every month that was drawn is not in every month there can be: the bound beside it says how sure that makes.",
)


def number_words(knob: str, number: float, row: Row) -> str:
    """A number of a knob in the vendor's unit."""
    return concurrent(round(number)) if knob == "concurrency" else calls(round(number), row.setting.window_ms)


def minutes(value: float | None) -> str:
    """Minutes after a cut-off: "by the cut-off", "18 min", "3 h 5 min", or not at all."""
    if value is None:
        return HORIZON_WORDS
    if value <= 0:
        return "by cut-off"
    if round(value) < 1:
        return "< 1 min"
    whole = round(value)
    return f"{whole} min" if whole < 120 else f"{whole // 60} h {whole % 60} min"


def minutes_band(band: Spread) -> str:
    """The band of some minutes."""
    if band.least is None:
        return HORIZON_WORDS
    return f"{minutes(band.least)} … {minutes(band.most)}"


def number_band(band: Spread) -> str:
    """The band of whole numbers; a number that is not in the range is said so."""

    def one(value: float | None) -> str:
        return "beyond the range" if value is None else f"{value:g}"

    return one(band.least) if band.least == band.most else f"{one(band.least)} … {one(band.most)}"


def needed_words(finding: Finding, of: int) -> str:
    """The least over the months, and in how many months less would have done."""
    less = [] if finding.least == finding.low else [f"one less: {finding.below} of {of}"]
    if finding.half is not None:
        less.append(f"half: {finding.half} of {of}")
    return "; ".join([number_band(finding.band), *less])


def theory_words(finding: Finding) -> str:
    """What theory says with full calls, and with calls as full as they were counted."""
    if finding.theory_filled == finding.theory:
        return number_band(finding.theory)
    return f"{number_band(finding.theory)} with full calls, {number_band(finding.theory_filled)} as full as counted"


def share_band(band: Spread) -> str:
    """The band of a share in ppm."""
    return f"{share(round(band.least or 0))} … {share(round(band.most or 0))}"


def months(number: int, of: int) -> str:
    """(2, 5) -> "2 of 5 months"."""
    return f"{number} of {of} month" + ("" if of == 1 else "s")


def setting_words(row: Row) -> str:
    """The setting in a line."""
    setting = row.setting
    parts = [setting.words()]
    if setting.volume_percent != 100:
        parts.append(f"volume × {setting.volume_percent / 100:g}")
    if setting.partitions > 1:
        parts.append(f"{setting.partitions} partitions an entity")
    if setting.hosts > 1:
        parts.append(f"{setting.hosts} hosts a region")
    if setting.maintenance != AS_IT_IS:
        parts.append(f"maintenance {setting.maintenance}")
    return ", ".join(parts)


def enough_words(plan: Plan) -> str:
    """What is enough."""
    promise = plan.question.promise
    return (
        f"in time: {share(promise.share_ppm)} of what is due of a legal entity stands"
        f" {promise.grace_ms // 60_000} min after its cut-off"
    )


def binds_words(row: Row) -> str:
    """What binds, how much of the waiting that is, and where it is worst."""
    whole = sum(row.held_min.values())
    if not whole:
        return "nothing: nobody waits for a call"
    part = f"{100 * row.held_min[row.binds] / whole:.0f} % of {whole:.0f} min of waiting"
    where = f", most on {row.where}" if row.where else ""
    return part + where + (f", for {row.hot}" if row.where and row.hot else "")


def sentence(plan: Plan) -> str:
    """The answer in a sentence."""
    row, of = plan.rows[0], len(plan.question.seeds)
    enough = " or ".join(least_words(finding, row) for finding in _shown(row))
    if row.in_time == of:
        lead = f"Every legal entity clears in time as it is, in {months(of, of)}"
        return f"{lead}; the least that is enough: {enough}." if enough else f"{lead}."
    missed = f"As it is, some entity misses in {months(of - row.in_time, of)} and what binds is {row.binds}"
    if enough:
        return f"{missed}; enough: {enough}."
    return f"{missed}; another of the settings is enough." if plan.met else f"{missed}; no setting in the range is."


def _shown(row: Row) -> list[Finding]:
    """What is said of a row: what was found; a concurrency that needs another quota names that quota with it."""
    found = [finding for finding in row.findings if finding.least is not None]
    joint = [finding for finding in found if finding.knob == "concurrency" and finding.at.quota != row.setting.quota]
    return joint or found


def least_words(finding: Finding, row: Row) -> str:
    """What is enough, in the vendor's unit, with the quota it needs where that is not the present one."""
    words = number_words(finding.knob, finding.least or 0, row)
    other = finding.knob == "concurrency" and finding.at.quota != row.setting.quota
    return f"{words} at {finding.at.quota_words()}" if other else words


def notes(plan: Plan) -> Iterator[str]:
    """Where theory and counting part, and why; where more was worse; what does not bind."""
    for row in plan.rows:
        for finding in row.findings:
            yield from _notes(finding, row)
        yield from _time_note(row)
    if plan.left_out:
        yield f"Left out of the counting: {', '.join(plan.left_out)}. No capacity changes that."


def _notes(finding: Finding, row: Row) -> Iterator[str]:
    name = "concurrency" if finding.knob == "concurrency" else "quota"
    for component, seed, held, missed in finding.contrary:
        yield f"NOT MONOTONE: {name} {held} was enough and {missed} was not (component {component}, seed {seed})."
    if finding.least is None:
        yield f"No {name} from {finding.low} to {finding.high} is enough: what binds is {row.binds}."
        return
    if finding.least == finding.low and finding.knob == "concurrency" and row.binds != "ERP concurrency":
        yield (
            f"Concurrency does not bind: {concurrent(finding.least)} is enough at {finding.at.quota_words()},"
            f" and what is waited for is {row.binds}."
        )
    theory, filled = finding.theory.most, finding.theory_filled.most
    if theory is None:
        yield f"Queueing theory finds no {name} in the range, counting found {finding.least}."
    elif abs(theory - finding.least) <= NEAR * finding.least:
        yield f"On the least {name}, counting ({finding.least}) and queueing theory ({theory:g}) agree."
    elif theory < finding.least and finding.knob == "concurrency":
        yield (
            f"On the least concurrency, theory asks for less ({theory:g} against {finding.least}): it leaves the quota"
            " out and counts with means, while one lost call holds one of few places until its deadline."
        )
    elif theory < finding.least:
        between = filled is not None and filled >= finding.least
        also = f"; calls as full as they were counted would need {filled:g}" if between else ""
        yield (
            f"On the least {name}, theory asks for less ({theory:g} against {finding.least}): its calls are all full,"
            " while entities that take turns send what they have, and only a queue that waits fills the calls"
            f"{also}."
        )
    else:
        yield (
            f"On the least {name}, theory asks for more ({theory:g} against {finding.least}): its capacity is spread"
            " evenly over time, while a quota that rested lets a whole window of calls go at once."
        )


def _time_note(row: Row) -> Iterator[str]:
    counted, theory = row.last_clear_min.middle, row.theory_last_min.middle
    if counted is None or theory is None or abs(counted - theory) < max(2.0, 0.25 * counted):
        return
    why = (
        f"its calls are full, the counted ones carried {100 * row.fill:.0f} % of a full call"
        if theory < counted
        else "it has no window that rested and no turn that comes early"
    )
    yield f"On the last entity's time, theory says {minutes(theory)} and counting {minutes(counted)}: {why}."


def validation_words(found: Validation) -> Iterator[str]:
    """The error of counting against whole months."""
    yield (
        f"Against {found.months} whole months ({found.rows_whole:,} due rows, row by row through the real core):"
        f" the same verdict for {found.agree:,} of {found.entities:,} entities,"
        f" the same cause for {found.binds_agree} of {found.accounts} accounts."
    )
    yield (
        f"Clear-time error: mean {found.clear_mean_min:+.1f} min, median {found.clear_median_abs_min:.1f},"
        f" p95 {found.clear_p95_abs_min:.1f}, worst {found.clear_most_abs_min:.1f} min;"
        f" calls {100 * found.fill_counted:.0f} % full, really {100 * found.fill_whole:.0f} %."
    )
    last = "; ".join(
        f"{minutes(counted)} for {minutes(real)}"
        for counted, real in zip(found.last_counted_min, found.last_whole_min, strict=True)
    )
    yield (
        f"Last entity clear, counted for real: {last}. CPU: {found.counted_cpu_s:.0f} s for {found.whole_cpu_s:.0f} s."
    )


def to_json(plan: Plan, validation: Validation | None, code: int) -> str:
    """plan.json."""
    question = plan.question
    told: dict[str, Any] = {
        "scenario": question.scenario,
        "seeds": list(question.seeds),
        "promise": asdict(question.promise),
        "sentence": sentence(plan),
        "met": plan.met,
        "exit": code,
        "rows": [
            {
                **asdict(row),
                "words": setting_words(row),
                "findings": [
                    {
                        **asdict(finding),
                        "answer": None if finding.least is None else number_words(finding.knob, finding.least, row),
                    }
                    for finding in row.findings
                ],
            }
            for row in plan.rows
        ],
        "notes": list(notes(plan)),
        "assumptions": list(ASSUMPTIONS),
        "left_out": list(plan.left_out),
        "validation": None
        if validation is None
        else {**asdict(validation), "words": list(validation_words(validation))},
        "cpu_s": round(plan.cpu_s, 2),
        "wall_s": round(plan.wall_s, 2),
    }
    return json.dumps(told, indent=1) + "\n"
