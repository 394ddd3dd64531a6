"""`springtide status`: where everything stands, by legal entity and by account, and what somebody should look at."""

import argparse
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from time import sleep
from typing import Any

from rich.console import Group, RenderableType
from rich.live import Live

from runtime.commands.connection import Gateway, NotDoneError, add_connection, answering, connect, read
from runtime.commands.words import age, console, duration, grid, instant, money, row, several, words
from runtime.core.model import Place
from runtime.ports import AccountReport, Clearing, Forecast, ParkedPile, PartitionReport

EPILOG = """\
examples:
  springtide status                     one look
  springtide status --watch             again and again, until Ctrl-C
  springtide status --json | jq '.partitions[] | select(.paused != "")'

exit codes: 0 shown, 1 the runtime refused or is away, 2 bad input
"""
_EVERY_S = 2.0
_MOST_PARKED = 12
_MOST_FORECASTS = 20
_SHOWN = (Place.IN_FLIGHT, Place.IN_DOUBT, Place.STAGED, Place.POSTED, Place.PARKED)


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "status",
        help="where every legal entity and every account stands",
        description="Show every partition, account and dead letter that the key may see.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="print the reports as JSON, nothing else")
    how.add_argument("--watch", action="store_true", help="show it again every two seconds, until Ctrl-C")
    add_connection(parser)
    parser.set_defaults(run=answering(run), rest=sleep)


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand; returns the exit code."""
    gateway = connect(arguments)
    if arguments.json:
        print(json.dumps(_look(gateway), indent=2))
        return 0
    if not arguments.watch:
        console().print(_view(gateway))
        return 0
    try:
        with Live(_view(gateway), console=console(), auto_refresh=False) as live:
            while True:
                arguments.rest(_EVERY_S)
                live.update(_seen_again(gateway), refresh=True)
    except KeyboardInterrupt:
        return 0


def _seen_again(gateway: Gateway) -> RenderableType:
    """What is shown now. Whoever watches a restart wants to see it come back."""
    try:
        return _view(gateway)
    except NotDoneError as away:
        return words(str(away), "bold red")


def _look(gateway: Gateway) -> dict[str, Any]:
    """Everything that the key may see; None where it may not."""
    partitions = gateway.ask("/v1/status")
    accounts = gateway.ask_if_allowed("/v1/accounts")
    letters = gateway.ask_if_allowed("/v1/dead-letters", {"most": 0})
    return {
        "ready": partitions.get("ready"),
        "partitions": partitions.get("partitions"),
        "forecasts": partitions.get("forecasts", []),
        "accounts": accounts and accounts.get("accounts"),
        "dead_letters": letters and letters.get("counts"),
    }


def _view(gateway: Gateway) -> RenderableType:
    seen = _look(gateway)
    return view(
        str(seen["ready"] or ""),
        read(seen["partitions"], list[PartitionReport]),
        read(seen["forecasts"], list[Forecast]),
        None if seen["accounts"] is None else read(seen["accounts"], list[AccountReport]),
        None if seen["dead_letters"] is None else read(seen["dead_letters"], dict[str, int]),
    )


def view(
    not_ready: str,
    partitions: Sequence[PartitionReport],
    forecasts: Sequence[Forecast],
    accounts: Sequence[AccountReport] | None,
    letters: Mapping[str, int] | None,
) -> RenderableType:
    """What is shown; `not_ready` says what the process waits for; None: the key does not cover it."""
    now_ms = max((report.at_ms for report in partitions), default=0)
    parts: list[RenderableType] = [_partitions(partitions, now_ms), *_remarks(partitions)]
    if not_ready:
        parts.append(words(f"this process takes nothing in yet: {not_ready}", "bold yellow"))
    if waiting := [one for one in forecasts if one.waiting]:
        parts += [words(""), *_forecasts(waiting, now_ms)]
    if parked := [(report.entity, pile) for report in partitions for pile in report.parked]:
        parts += [words(""), *_parked(parked, now_ms)]
    parts.append(words(""))
    parts.append(
        words("accounts: this key may not see them", "dim") if accounts is None else _accounts(accounts, now_ms)
    )
    parts += [words(""), words(_of_letters(letters))]
    if now_ms:
        parts.append(words(f"as of {instant(now_ms)}; springtide trace ENTRY tells the story of one entry", "dim"))
    return Group(*parts)


def _partitions(partitions: Sequence[PartitionReport], now_ms: int) -> RenderableType:
    if not partitions:
        return words("no legal entity is configured that this key may see", "yellow")
    heads = (f">{place.value.replace('_', ' ')}" for place in _SHOWN)
    table = grid("entity", "region", "host", ">epoch", "state", *heads, ">oldest work", "paused")
    totals: Counter[Place] = Counter()
    for report in sorted(partitions, key=lambda report: (report.region, report.entity)):
        counts = [report.places[place].count if place in report.places else 0 for place in _SHOWN]
        totals.update(dict(zip(_SHOWN, counts, strict=True)))
        state = report.state.partition(":")[0]
        row(
            table,
            *(report.entity, report.region, report.host or "-", report.epoch, state),
            *counts,
            *(age(report.oldest_work_ms, now_ms), "yes" if report.paused else "no"),
            style="" if state == "running" and not report.paused else "bold yellow",
        )
    if len(partitions) > 1:
        row(table, "together", "", "", "", "", *(totals[place] for place in _SHOWN), "", "", style="bold")
    return table


def _remarks(partitions: Sequence[PartitionReport]) -> Iterator[RenderableType]:
    """Why something does not run, and how it goes on."""
    for report in partitions:
        if report.paused:
            goes_on = f"springtide resume --entity {report.entity} --why …"
            yield words(f"{report.entity} is paused ({report.paused}); {goes_on}", "yellow")
        if report.state.startswith("stopped"):
            yield words(f"{report.entity} is {report.state}", "bold red")
        if report.source_missing:
            missing = f"{several(report.source_missing, 'version')} of {report.source_listed:,}"
            yield words(f"{report.entity}: the last recount of the source listed {missing} that we had not heard of")


def _forecasts(forecasts: Sequence[Forecast], now_ms: int) -> Iterator[RenderableType]:
    """When what waits will stand in the ledger, entity by entity; the nearest cut-off first."""
    table = grid(
        "clears", ">waiting", ">cut-off in", "at the current rate", "in time", "at the permitted rate", "in time"
    )
    nearest = sorted(forecasts, key=lambda one: (one.cut_off_ms is None, one.cut_off_ms, one.entity))
    for one in nearest[:_MOST_FORECASTS]:
        verdicts = [clearing.in_time for clearing in (one.current, one.permitted) if clearing is not None]
        row(
            table,
            *(one.entity, one.waiting, _until(one.cut_off_ms, now_ms)),
            *(cell for rate in (one.current, one.permitted) for cell in _clears(rate, one.at_ms)),
            style="bold red" if "no" in verdicts else "bold yellow" if "unlikely" in verdicts else "",
        )
    yield table
    if nearest[_MOST_FORECASTS:]:
        yield words(f"and {several(len(nearest) - _MOST_FORECASTS, 'more entity')}, see --json", "dim")
    held = Counter(one.held_by for one in nearest if one.held_by)
    for why, times in held.items():
        yield words(f"held: {several(times, 'entity')} ({why})", "yellow")
    bound = Counter(one.bound_by for one in nearest if one.bound_by)
    if bound:
        said = ", ".join(f"{name} for {several(times, 'entity')}" for name, times in bound.most_common())
        yield words(f"the permitted rate is bound by {said}", "dim")


def _until(at_ms: int | None, now_ms: int) -> str:
    if at_ms is None:
        return "-"
    return duration((at_ms - now_ms) / 1_000) if at_ms > now_ms else f"over since {age(at_ms, now_ms)}"


def _clears(clearing: Clearing | None, at_ms: int) -> tuple[str, str]:
    """In how long, with its band; and whether that is in time."""
    if clearing is None:
        return "not known yet", "-"
    if clearing.expected_ms is None or clearing.early_ms is None:
        return "never", clearing.in_time or "-"
    early, expected = (duration((one - at_ms) / 1_000) for one in (clearing.early_ms, clearing.expected_ms))
    late = "never" if clearing.late_ms is None else duration((clearing.late_ms - at_ms) / 1_000)
    return f"in {expected}" + (f" ({early} to {late})" if early != late else ""), clearing.in_time or "-"


def _parked(parked: Sequence[tuple[str, ParkedPile]], now_ms: int) -> Iterator[RenderableType]:
    table = grid("parked because", "entity", ">rows", ">hours", ">amount", ">oldest", "owner", "fix")
    largest = sorted(parked, key=lambda one: (-one[1].count, one[0], one[1].reason))
    for entity, pile in largest[:_MOST_PARKED]:
        row(
            table,
            *(pile.reason.replace("_", " "), entity, pile.count, f"{pile.hours:,.2f}", money(pile.money)),
            *(age(pile.oldest_ms, now_ms), pile.owner or "nobody", pile.fix),
        )
    yield table
    if parked[_MOST_PARKED:]:
        yield words(f"and {several(len(parked) - _MOST_PARKED, 'more reason')}, see --json", "dim")


def _accounts(accounts: Sequence[AccountReport], now_ms: int) -> RenderableType:
    if not accounts:
        return words("no account has an owner yet", "dim")
    table = grid("account", "host", "mode", ">for", ">quota used", ">on the wire", ">waiting")
    for report in sorted(accounts, key=lambda report: report.account):
        used = f"{report.quota_used:,} of {report.quota_calls:,} in {duration(report.quota_window_ms / 1000)}"
        row(
            table,
            *(report.account, report.host, report.mode.replace("_", " ")),
            *(age(report.since_ms or None, now_ms), used, report.on_the_wire, sum(report.waiting.values())),
            style="" if report.mode == "open" else "bold yellow",
        )
    return table


def _of_letters(letters: Mapping[str, int] | None) -> str:
    if letters is None:
        return "dead letters: this key may not see them"
    said = ", ".join(f"{letters[state]:,} {state}" for state in sorted(letters) if letters[state]) or "none"
    return f"dead letters: {said}" + ("; springtide letters says why" if letters.get("waiting") else "")
