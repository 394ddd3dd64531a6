"""`springtide plan SCENARIO`: what a month-end needs of its ERP, in the vendor's units, before it happens."""

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import product
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from runtime.cli import BadInputError
from scenarios.capacity.hosts import ROWS_A_SECOND
from scenarios.capacity.page import page
from scenarios.capacity.plan import Answer, Question, Search, Task, answer, answered
from scenarios.capacity.rehearse import Promise
from scenarios.capacity.setting import AS_IT_IS, NO_MAINTENANCE, Setting, now, window_of
from scenarios.capacity.table import print_plan
from scenarios.capacity.told import to_json
from scenarios.capacity.validation import Validation, compared, pairs, tasks_of
from scenarios.choose import choose, override
from scenarios.model import Scenario
from scenarios.on_ray import on_ray
from scenarios.report.table import console_for
from scenarios.side_by_side import cores, on_cores

EPILOG = """\
examples:
  springtide plan month_end_50000                            the least concurrency and the least quota that are enough
  springtide plan month_end_50000 --volume 1,1.5,2 --find quota --out out/plan
  springtide plan month_end --maintenance 17:00-19:00 --find quota
  springtide plan month_end_5000 --quota none --batch 1,5,25 --find concurrency
  springtide plan month_end --validate                       three whole months beside it, and the error

An option with several values (1,2,5) makes a row for each; several such options make a row for each combination.

exit codes: 0 the setting, or a number that was found, meets the promise in every month, 1 none in the range does,
2 bad input
"""
R = TypeVar("R")

SEEDS = 5
MOST_ROWS = 24
VALIDATED_SEEDS = 3


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "plan",
        help="find the least concurrency or quota of the ERP with which every legal entity clears in time",
        description="Count the cut-off of a scenario at many settings and seeds, and find the least that is enough.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("scenario", help="the name of a scenario, or a scenario file (.json)")
    parser.add_argument("--set", action="append", default=[], metavar="PATH=VALUE", dest="overrides")
    vary = parser.add_argument_group("the setting (default: the scenario's)")
    vary.add_argument("--concurrency", metavar="N,…", help="requests of one ERP account at once")
    vary.add_argument("--quota", metavar="N[/S],…", help="calls of one ERP account in a window (of S seconds), or none")
    vary.add_argument("--batch", metavar="N,…", help="rows in a call")
    vary.add_argument("--partitions", metavar="N,…", help="into how many each legal entity is split")
    vary.add_argument("--hosts", metavar="N,…", help="hosts in each region")
    vary.add_argument("--volume", metavar="X,…", help="times the scenario's rows, 1 to 5")
    vary.add_argument(
        "--maintenance", metavar="FROM-UNTIL,…", help="on the last day, 17:00-19:00 for instance, or none"
    )
    find = parser.add_argument_group("what is found, and what is enough")
    find.add_argument("--find", default="concurrency,quota", help="concurrency, quota, both (default), or none")
    find.add_argument("--concurrency-range", metavar="LOW..HIGH", help="default 1 to twice the present, 16 at least")
    find.add_argument("--quota-range", metavar="LOW..HIGH", help="default 1 to four times the present")
    find.add_argument("--grace", type=float, metavar="MIN", help="minutes after its cut-off (default: the SLA's)")
    find.add_argument(
        "--share", type=float, metavar="PERCENT", help="of its rows that stand by then (default: the SLA's)"
    )
    find.add_argument(
        "--host-rows", type=int, default=ROWS_A_SECOND, metavar="N", help=f"rows/s of a host (default {ROWS_A_SECOND})"
    )
    parser.add_argument("--seeds", type=int, default=SEEDS, metavar="N", help=f"months to draw (default {SEEDS})")
    parser.add_argument("--first-seed", type=int, default=1, metavar="N", help="the first of them (default 1)")
    parser.add_argument(
        "--validate", action="store_true", help="print the error against three whole months, row by row"
    )
    parser.add_argument("--jobs", type=int, default=0, metavar="N", help="processes side by side (default: all cores)")
    parser.add_argument("--ray", metavar="ADDRESS", help="on a Ray cluster: HOST:PORT, or local")
    parser.add_argument("--out", metavar="DIR", type=Path, help="write plan.json and plan.html")
    parser.add_argument("--json", action="store_true", help="print the plan as JSON and nothing else")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand; returns the exit code."""
    scenario, _ = override(choose(arguments.scenario), arguments.overrides)
    question = ask(scenario, arguments)
    if arguments.out is not None:
        _make_room(arguments.out)
    began = time.monotonic()
    whole = list(tasks_of(question, VALIDATED_SEEDS)) if arguments.validate else []
    validation: Validation | None = None
    with _bar(question.size + len(whole), arguments) as bar:

        def spread_out(tasks: Iterator[Task]) -> Iterator[Answer]:
            return _watched(_spread(answer, tasks, arguments), bar, "counting")

        plan = answered(question, spread_out)
        if whole:
            found = _watched(_spread(pairs, whole, arguments), bar, "whole months")
            validation = compared(list(found), VALIDATED_SEEDS)
    plan.wall_s = time.monotonic() - began
    code = 0 if plan.met else 1
    text = to_json(plan, validation, code)
    where = ""
    if arguments.out is not None:
        where = _write(arguments.out, text, page(plan, validation))
    if arguments.json:
        sys.stdout.write(text)
    else:
        print_plan(plan, validation, console_for(sys.stdout), where)
    return code


def _spread(function: Callable[[Task], R], tasks: Iterable[Task], arguments: argparse.Namespace) -> Iterator[R]:
    if arguments.ray:
        return on_ray(function, tasks, arguments.ray, chunk=1)
    return on_cores(function, tasks, arguments.jobs or cores(), chunk=1)


def _watched(results: Iterable[R], bar: Progress | None, name: str) -> Iterator[R]:
    for result in results:
        if bar is not None:
            bar.update(bar.task_ids[0], advance=1, name=name)
        yield result


def _bar(total: int, arguments: argparse.Namespace) -> AbstractContextManager[Progress | None]:
    if arguments.quiet or arguments.json or not sys.stderr.isatty():
        return nullcontext()
    bar = Progress(
        TextColumn("plan"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[name]}"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    bar.add_task("", total=total, name="counting")
    return bar


# ------------------------------------------------------------------ from options to a question


def ask(scenario: Scenario, arguments: argparse.Namespace) -> Question:
    """The question that the options ask of the scenario. Raises BadInputError."""
    present = now(scenario.world)
    settings = _settings(present, arguments)
    if arguments.seeds < 1:
        raise BadInputError(f"--seeds {arguments.seeds}: give 1 or more")
    if arguments.jobs < 0:
        raise BadInputError(f"--jobs {arguments.jobs}: give 1 or more, or leave it out for all cores")
    if arguments.host_rows < 1:
        raise BadInputError(f"--host-rows {arguments.host_rows}: give 1 or more")
    seeds = tuple(range(arguments.first_seed, arguments.first_seed + arguments.seeds))
    return Question(
        scenario.name,
        scenario.world,
        settings,
        seeds,
        _promise(scenario, arguments),
        tuple(_searches(settings, arguments)),
        arguments.host_rows,
    )


def _promise(scenario: Scenario, arguments: argparse.Namespace) -> Promise:
    share_ppm = scenario.slas.in_ledger_ppm if arguments.share is None else round(arguments.share * 10_000)
    grace_ms = scenario.slas.grace_s * 1000 if arguments.grace is None else round(arguments.grace * 60_000)
    if not 0 < share_ppm <= 1_000_000:
        given = f"--share {arguments.share:g}" if arguments.share is not None else f"{scenario.name} promises no share"
        raise BadInputError(f"{given}: give --share PERCENT, above 0 and up to 100")
    if grace_ms < 0:
        raise BadInputError(f"--grace {arguments.grace:g}: give 0 or more minutes")
    return Promise(share_ppm, grace_ms)


def _settings(present: Setting, arguments: argparse.Namespace) -> tuple[Setting, ...]:
    """Every combination of the values that were given."""
    quotas = _quotas(arguments.quota, present)
    some = [
        Setting(concurrency, quota, window_ms, batch, partitions, hosts, volume, maintenance)
        for (concurrency, (quota, window_ms), batch, partitions, hosts, volume, maintenance) in product(
            _numbers("--concurrency", arguments.concurrency, present.concurrency, 1, 1_000),
            quotas,
            _numbers("--batch", arguments.batch, present.batch, 1, 500),
            _numbers("--partitions", arguments.partitions, 1, 1, 64),
            _numbers("--hosts", arguments.hosts, 1, 1, 1_000),
            _volumes(arguments.volume),
            _maintenance(arguments.maintenance),
        )
    ]
    if len(some) > MOST_ROWS:
        raise BadInputError(f"these values make {len(some)} settings; give fewer, at most {MOST_ROWS} combinations")
    return tuple(some)


def _numbers(option: str, text: str | None, present: int, low: int, high: int) -> list[int]:
    if text is None:
        return [present]
    return [_number(option, part, low, high) for part in text.split(",")]


def _number(option: str, text: str, low: int, high: int) -> int:
    if not text.strip().isdecimal() or not low <= int(text) <= high:
        raise BadInputError(f"{option} {text.strip()!r}: give a whole number from {low} to {high}, or several: 1,2,4")
    return int(text)


def _quotas(text: str | None, present: Setting) -> list[tuple[int | None, int]]:
    if text is None:
        return [(present.quota, present.window_ms)]
    found: list[tuple[int | None, int]] = []
    for part in text.split(","):
        if part.strip() == "none":
            found.append((None, present.window_ms))
            continue
        number, slash, seconds = part.partition("/")
        window_ms = _number("--quota", seconds, 1, 86_400) * 1000 if slash else present.window_ms
        found.append((_number("--quota", number, 1, 1_000_000), window_ms))
    return found


def _volumes(text: str | None) -> list[int]:
    if text is None:
        return [100]
    found = []
    for part in text.split(","):
        try:
            percent = round(float(part) * 100)
        except (ValueError, OverflowError):
            percent = 0
        if not 100 <= percent <= 500:
            raise BadInputError(f"--volume {part.strip()!r}: give a number from 1 to 5, or several: 1,1.5,2")
        found.append(percent)
    return found


def _maintenance(text: str | None) -> list[str]:
    if text is None:
        return [AS_IT_IS]
    for part in text.split(","):
        if part == NO_MAINTENANCE:
            continue
        try:
            window_of(part)
        except ValueError:
            raise BadInputError(f"--maintenance {part!r}: give a window such as 17:00-19:00, or none") from None
    return text.split(",")


def _searches(settings: Sequence[Setting], arguments: argparse.Namespace) -> Iterator[Search]:
    names = [] if arguments.find == "none" else arguments.find.split(",")
    unknown = [name for name in names if name not in ("concurrency", "quota", "both")]
    if unknown:
        raise BadInputError(f"--find {unknown[0]!r}: give concurrency, quota, both or none")
    if "concurrency" in names or "both" in names:
        top = max(16, 2 * max(setting.concurrency for setting in settings))
        yield Search("concurrency", *_range("--concurrency-range", arguments.concurrency_range, top))
    quotas = [setting.quota for setting in settings if setting.quota is not None]
    if ("quota" in names or "both" in names) and quotas:
        yield Search("quota", *_range("--quota-range", arguments.quota_range, 4 * max(quotas)))


def _range(option: str, text: str | None, top: int) -> tuple[int, int]:
    if text is None:
        return 1, top
    low, dots, high = text.partition("..")
    if not (dots and low.isdecimal() and high.isdecimal() and 1 <= int(low) <= int(high)):
        raise BadInputError(f"{option} {text!r}: give the least and the most, such as 1..16")
    return int(low), int(high)


# ------------------------------------------------------------------ what is written


def _make_room(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        why = (fault.strerror or "no reason given").lower()
        raise BadInputError(f"{folder}: cannot be made ({why}); give a folder you may write to") from fault


def _write(folder: Path, text: str, made: str) -> str:
    for path, content in ((folder / "plan.json", text), (folder / "plan.html", made)):
        try:
            path.write_text(content, encoding="utf-8")
        except OSError as fault:
            why = (fault.strerror or "no reason given").lower()
            raise BadInputError(f"{path}: cannot be written ({why}); give a folder you may write to") from fault
    return str(folder / "plan.html")
