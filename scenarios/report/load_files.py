"""The files of a load run's report, beside the tables it was made of.

report.html     the page              entities.csv   one line for each legal entity
report.json     everything in it      curves.csv     offered, accepted, posted, backlog, step by step
junit.xml       for CI systems, wherever it is asked for
"""

import csv
from collections.abc import Iterable, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from runtime.cli import BadInputError
from scenarios.load.truth import Share
from scenarios.load.verdict import LoadReport
from scenarios.report.junit import junit
from scenarios.report.load_page import load_page
from scenarios.report.model import Report, laid_out, plain

PAGE, WHOLE, ENTITIES, CURVES = "report.html", "report.json", "entities.csv", "curves.csv"
FILES = (PAGE, WHOLE, ENTITIES, CURVES)
COUNTED = (
    "versions",
    "entries",
    "due",
    "standing",
    "due_at_cutoff",
    "by_cutoff",
    "in_time",
    "backlog_at_cutoff",
    "backlog_peak",
    "double",
    "lost",
    "wrong_amount",
    "invented",
    "parked",
    "refused",
    "in_doubt",
    "unsettled",
)
TIMED = ("cutoff_ms", "cleared_ms", "drain_ms", "last_drain_ms")
MADE_BY = "springtide load"


def write_load(report: LoadReport, folder: Path, junit_file: Path | None = None, again: str = "") -> Path:
    """Write every file; where the page is. Raises BadInputError where a file cannot be written."""
    texts = {
        folder / PAGE: load_page(report, again),
        folder / WHOLE: load_json(report),
        folder / ENTITIES: entities_csv(report),
        folder / CURVES: curves_csv(report),
    }
    if junit_file is not None:
        texts[junit_file] = load_junit(report, again)
    for path, text in texts.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except OSError as fault:
            why = (fault.strerror or "no reason given").lower()
            raise BadInputError(f"{path}: cannot be written ({why}); give a folder you may write to") from fault
    return folder / PAGE


def load_json(report: LoadReport) -> str:
    """report.json: verdict, promises, books, what binds, every count and every curve; tables stay in their files."""
    truth = report.truth
    told: dict[str, Any] = {
        "scenario": truth.run.profile.scenario.name,
        "seed": truth.run.profile.seed,
        "commit": report.commit,
        "partial": report.partial,
        "verdict": plain(report.verdict),
        "run": truth.run.model_dump(mode="json"),
        "findings": None if report.findings is None else report.findings.model_dump(mode="json"),
        "invariants": plain(report.invariants),
        "slas": plain(report.slas),
        "late": [
            {
                "entity": one.share.name,
                "late": one.late,
                "allowed": one.allowed,
                "binds": one.binds.name,
                "bounds": [
                    {"name": bound.name, "used_ppm": bound.used_ppm, "arithmetic": bound.arithmetic}
                    for bound in one.bounds
                ],
            }
            for one in report.late
        ],
    }
    # The run stands above already, and is no dataclass.
    counted = {name: plain(getattr(truth, name)) for name in truth.__slots__ if name not in ("run", "drains")}
    drains = [{**plain(drain), "outage": drain.outage.model_dump(mode="json")} for drain in truth.drains]
    return laid_out({**told, **counted, "drains": drains})


def entities_csv(report: LoadReport) -> str:
    """One line for each entity, and one for all: counts, times in ms, who was late, and what binds."""
    late = {one.share.name: one for one in report.late}

    def row(one: Share) -> Iterable[Any]:
        wait = one.wait
        missed = late.get(one.name)
        yield from (one.name, one.region)
        yield from (getattr(one, name) for name in COUNTED)
        yield from (wait.p50_ms, wait.p95_ms, wait.p99_ms, wait.max_ms, one.in_time_ppm)
        yield from (getattr(one, name) for name in TIMED)
        yield from (missed.late if missed else 0, missed.binds.name if missed else "")

    names = ("entity", "region", *COUNTED, "p50_ms", "p95_ms", "p99_ms", "max_ms", "in_time_ppm", *TIMED)
    shares = (*report.truth.entities, report.truth.whole)
    return _csv((*names, "late", "binds", "part_of_a_run"), [(*row(one), int(report.partial)) for one in shares])


def curves_csv(report: LoadReport) -> str:
    """A line for each step: its start in ms of run time, and what happened in it; backlog is that at its end."""
    curves = report.truth.curves
    nobody_knows: list[Any] = [None] * len(curves.approved)
    columns = (curves.approved, curves.accepted or nobody_knows, curves.posted, curves.backlog)
    rows = [(number * curves.step_ms, *one) for number, one in enumerate(zip(*columns, strict=True))]
    return _csv(("from_ms", "approved", "accepted", "posted", "backlog"), rows)


def _csv(header: Sequence[str], rows: Iterable[Iterable[Any]]) -> str:
    text = StringIO()
    out = csv.writer(text, lineterminator="\n")
    out.writerow(header)
    out.writerows([["" if one is None else one for one in row] for row in rows])
    return text.getvalue()


def load_junit(report: LoadReport, again: str = "") -> str:
    """junit.xml: a case for each invariant and each SLA, one for the run, and the entities that were late."""
    run = report.truth.run
    told = Report(
        scenario=run.profile.scenario.name,
        seed=run.profile.seed,
        verdict=report.verdict,
        commit=report.commit,
        wall_seconds=report.truth.ended_ms / 1_000,
        invariants=report.invariants,
        slas=report.slas,
    )
    return junit(told, MADE_BY, again or f"{MADE_BY} {run.profile.scenario.name}")
