"""`springtide approvals`: a time tracker becomes a PSA. Serve it, see what waits, approve, count the tracker again."""

import argparse
import asyncio
import json
import sys
from contextlib import closing, suppress
from importlib.util import find_spec
from pathlib import Path

from runtime.approvals.settings import ApprovalSettings, read_approval_settings
from runtime.cli import BadInputError
from runtime.commands.connection import add_connection, answering, connect
from runtime.commands.words import printable
from runtime.configuration import ConfigurationError

EXAMPLE = """\
# The approvals of a time tracker that knows none. To the runtime this is a PSA: kind = "generic_psa", url = ".../psa".
# Durations are whole numbers with their unit in the name. What is commented out is the default, unless it says so.

[server]
host = "127.0.0.1"
port = 8081

[tracker]
# kind = "timetagger"
url = "http://127.0.0.1:8090/timetagger/api/v2"
# proxy_header = "X-Remote-User"      # it has to trust us as its proxy: TIMETAGGER_PROXY_AUTH_ENABLED=true
# poll_every_ms = 60000
# overlap_ms = 60000                  # longer than its longest put; 0 loses what is put while we read
# recount_every_ms = 86400000
# recount_days = 62
# calls_at_once = 8
# call_deadline_ms = 30000

[lines]
# increment_minutes = 15              # rounded half up; a multiple of 3
# longest_hours = 16                  # a longer record is a timer that somebody forgot

[kept]
# file = "var/approvals.jsonl"        # every decision, before anybody hears of it

[people."anna.keller"]                # a user of the tracker; it has no list of them, so nobody else is read
worker = "W-1001"
entity = "DE01"
zone = "Europe/Berlin"
role = "consultant"
# grade = ""
# assignment = ""
approvers = ["key:max"]               # "key:ID" of an API key below, "jwt:SUBJECT" of a token

[projects.P-ALPINE]
entity = "DE01"
task = "Consulting"                   # where no tag names one
# billing_entity = ""                 # the project's
# billable = true

[tags]                                # in small letters, without the #
alpine = { project = "P-ALPINE" }
"alpine/design" = { project = "P-ALPINE", task = "Design" }
travel = { time_type = "travel" }
internal = { billable = false }

# Who may do what. Empty: nobody may do anything. `springtide keys new ID` makes a key and its block.
# [access.keys.springtide]            # the runtime: credential_env of its account holds this key
# hash = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
# actions = ["intake"]
# [access.keys.max]                   # an approver
# hash = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
# actions = ["status", "command"]
"""

EPILOG = """\
examples:
  springtide approvals example > approvals.toml
  springtide approvals serve --config approvals.toml
  springtide approvals lines --from 2026-11-16 --until 2026-11-22 --state waiting
  springtide approvals approve --from 2026-11-16 --until 2026-11-22 --user anna.keller
  springtide approvals recount --from 2026-11-01 --until 2026-11-30

exit codes: 0 done, 1 refused or away, 2 bad input
"""


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "approvals",
        help="approve what people recorded in a time tracker, so that the runtime can read it as from a PSA",
        description="Reads a time tracker that knows no approval, lets people approve, and is a PSA to the runtime.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    serve = verbs.add_parser("serve", help="read the tracker and serve approvals until told to end")
    serve.add_argument("--config", metavar="FILE", type=Path, default=Path("approvals.toml"), help="approvals.toml")
    serve.set_defaults(run=run_serve)
    verbs.add_parser("example", help="print a commented configuration that is valid").set_defaults(run=run_example)
    lines = verbs.add_parser("lines", help="what was recorded, and how it stands")
    _add_choice(lines)
    lines.add_argument("--state", default="", help="only these: waiting, approved, changed, deleted, unfit or gone")
    lines.add_argument("--json", action="store_true", help="print what the service says, and nothing else")
    lines.set_defaults(run=answering(run_lines))
    approve = verbs.add_parser("approve", help="approve everything that waits and is chosen, as it is shown now")
    _add_choice(approve)
    approve.set_defaults(run=answering(run_approve))
    recount = verbs.add_parser("recount", help="count the tracker again, and take in what the cursor had lost")
    _add_days(recount, required=True)
    add_connection(recount)
    recount.set_defaults(run=answering(run_recount))


def _add_choice(parser: argparse.ArgumentParser) -> None:
    _add_days(parser, required=False)
    parser.add_argument("--user", default="", help="of one user of the tracker")
    add_connection(parser)


def _add_days(parser: argparse.ArgumentParser, required: bool) -> None:
    parser.add_argument("--from", dest="from_day", metavar="DAY", default="", required=required, help="the first day")
    parser.add_argument("--until", dest="until_day", metavar="DAY", default="", required=required, help="the last day")


# ------------------------------------------------------------------ the process


def run_serve(arguments: argparse.Namespace) -> int:
    """Serve; the exit code."""
    for package in ("aiohttp", "uvicorn"):
        if find_spec(package) is None:
            raise BadInputError(f"approvals needs {package}, which is not installed; install springtide[serve]")
    from runtime.approvals.kept import NotKeptError
    from runtime.commands.listening import in_a_loop

    try:
        settings = read_approval_settings(arguments.config)
        return in_a_loop(_serve(settings))
    except ConfigurationError as wrong:
        raise BadInputError("\n  ".join(wrong.mistakes)) from None
    except NotKeptError as fault:
        raise BadInputError(str(fault)) from None


async def _serve(settings: ApprovalSettings) -> int:
    from runtime.approvals.app import build_app
    from runtime.approvals.book import Book
    from runtime.approvals.kept import KeptFile
    from runtime.approvals.reader import Reader
    from runtime.commands.listening import end_on_signals, listening, served, url_of
    from runtime.drivers.clock import Clock
    from runtime.drivers.over_http import HttpTransport
    from runtime.gateway.access import Access
    from runtime.logs import set_up_logs
    from runtime.metrics import Metrics

    set_up_logs(settings.log)
    for line in assumptions(settings):
        print(f"assumption: {line}", file=sys.stderr)
    clock = Clock()
    ended = asyncio.Event()
    transport = HttpTransport(settings.tracker.url, settings.tracker.calls_at_once)
    try:
        with closing(KeptFile(Path(settings.kept.file))) as kept:
            book = Book(settings)
            book.apply(kept.read())
            clock.is_past(book.last_ms)
            reader = Reader(settings, book, transport, clock)
            app = build_app(settings, book, kept, reader, Access(settings.access, clock), Metrics(), clock)
            with listening(settings.server) as sockets:
                end_on_signals(ended)
                async with served(app, sockets):
                    reading = asyncio.get_running_loop().create_task(reader.run(), name="read the tracker")
                    reading.add_done_callback(lambda _: ended.set())
                    print(json.dumps({"url": url_of(settings.server, sockets)}), flush=True)
                    await ended.wait()
                    reading.cancel()
                    # A reader that ended by itself met a bug of ours: it is raised here.
                    with suppress(asyncio.CancelledError):
                        await reading
    finally:
        await transport.close()
    return 0


def assumptions(settings: ApprovalSettings) -> list[str]:
    """What the promise rests on with these settings; printed at the start."""
    overlap_ms, days = settings.tracker.overlap_ms, settings.tracker.recount_days
    told = [f"people configured: {len(settings.people)}. What anybody else records in the tracker is not read."]
    if overlap_ms:
        told.append(
            f"no put of the tracker takes longer than {overlap_ms} ms; what takes longer is found by the recount, "
            f"which reaches {days} days back."
        )
    else:
        told.append("readings do not overlap: what is put while we read is lost until a recount finds it.")
    return told


def run_example(_: argparse.Namespace) -> int:
    """Print the example."""
    sys.stdout.write(EXAMPLE)
    return 0


# ------------------------------------------------------------------ clients


def run_lines(arguments: argparse.Namespace) -> int:
    """Print lines."""
    told = connect(arguments).ask("/v1/lines", _chosen(arguments, arguments.state))
    if arguments.json:
        print(json.dumps(told, indent=2))
        return 0
    for row in told["lines"]:
        what = (
            row["narrative"] if not row["reason"] else f"{row['reason']}: {told['fixes'][row['reason'].split(':')[0]]}"
        )
        words = (row["state"], row["user"], row["work_date"], row["hours"] and f"{row['hours']} h", row["project"])
        status = " ".join(filter(None, (row["status"], row["detail"])))
        print(printable("  ".join(filter(None, (*words, row["task"], what, status)))))
    print(f"lines: {len(told['lines'])}", file=sys.stderr)
    return 0


def run_approve(arguments: argparse.Namespace) -> int:
    """Approve everything that waits and is chosen."""
    service = connect(arguments)
    rows = service.ask("/v1/lines", _chosen(arguments, ""))["lines"]
    lines = [(row["entry_id"], row["fingerprint"]) for row in rows if row["fingerprint"]]
    # One approved line has a fingerprint of none: what is approved already is not asked again.
    if not lines:
        print("nothing waits", file=sys.stderr)
        return 0
    counts = service.tell("/v1/approvals", {"lines": lines})["counts"]
    print(", ".join(f"{number} {outcome}" for outcome, number in counts.items()))
    return 0 if counts.keys() <= {"approved", "withdrawn", "already"} else 1


def run_recount(arguments: argparse.Namespace) -> int:
    """Count the tracker again."""
    days = {"from_day": arguments.from_day, "until_day": arguments.until_day}
    told = connect(arguments).tell("/v1/recounts", days)
    lost = sum(map(len, told["lost"].values()))
    print(
        f"people: {told['users']}, records: {told['records']}, news: {told['changed']}, of it lost by readings: {lost}"
    )
    for user in told["not_reached"]:
        print(printable(f"springtide: {user} could not be read; recount again"), file=sys.stderr)
    return 1 if told["not_reached"] else 0


def _chosen(arguments: argparse.Namespace, state: str) -> dict[str, str | int]:
    return {"user": arguments.user, "from": arguments.from_day, "until": arguments.until_day, "state": state}
