"""`springtide keys new ID`: make an API key.

The configuration holds a key's hash alone, so the key is shown once, here, on standard error; the block for the
configuration goes to standard output and can be appended to the file as it is.
"""

import argparse
import sys
import time
from difflib import get_close_matches
from typing import get_args

from pydantic import TypeAdapter, ValidationError

from runtime.cli import BadInputError
from runtime.configuration import BARE_KEY, instant_ms, toml
from runtime.gateway.access import new_key
from runtime.settings import Action, Name

ACTIONS: tuple[str, ...] = get_args(Action)

EPILOG = f"""\
examples:
  springtide keys new psa-de --action intake --action reference --entity DE01 >> springtide.toml
  springtide keys new oncall --action status --action trace --action command --region EMEA
  springtide keys new audit-2026 --action audit --expires 2026-12-31T23:59:59Z

actions: {", ".join(ACTIONS[:-1])}, "*" for all
"""


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "keys",
        help="make an API key for the gateway",
        description="Make an API key. It is shown once; the configuration holds its hash.",
    )
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    new = verbs.add_parser(
        "new",
        help="make a key: the key to standard error, its configuration to standard output",
        description="Make a key: the key goes to standard error, its block of configuration to standard output.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    new.add_argument("id", help="who the key is for, such as psa-de; the audit names it")
    new.add_argument("--action", action="append", required=True, metavar="ACTION", help="what it may do; repeatable")
    new.add_argument("--region", action="append", metavar="REGION", help="where; repeatable (default: all)")
    new.add_argument("--entity", action="append", metavar="ENTITY", help="for whom; repeatable (default: all)")
    new.add_argument("--expires", default="", metavar="INSTANT", help="until when, such as 2026-12-31T23:59:59Z")
    new.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand; returns the exit code."""
    _check(arguments)
    grant: dict[str, object] = {"actions": arguments.action, "expires": arguments.expires}
    grant |= {"regions": arguments.region} if arguments.region else {}
    grant |= {"entities": arguments.entity} if arguments.entity else {}
    key, settings = new_key(arguments.id, grant)
    heading = arguments.id if BARE_KEY.fullmatch(arguments.id) else f'"{arguments.id}"'
    print(f"\n[access.keys.{heading}]")
    for name, value in settings.model_dump().items():
        if value != "":
            print(f"{name} = {toml(value)}")
    sys.stdout.flush()
    print("The key, shown this once; who uses it sends it as Authorization: Bearer KEY", file=sys.stderr)
    print(key, file=sys.stderr)
    return 0


def _check(arguments: argparse.Namespace) -> None:
    """Say what cannot be, in one line."""
    for what, given in (("ID", [arguments.id]), ("--region", arguments.region), ("--entity", arguments.entity)):
        for name in given or ():
            if not _is_name(name) and not (name == "*" and what != "ID"):
                raise BadInputError(f"{what} {name!r}: a name is 1 to 64 of A-Z a-z 0-9 _ . -; write it so")
    for action in arguments.action:
        if action not in ACTIONS:
            near = get_close_matches(action, ACTIONS, n=1)
            mend = f"did you mean {near[0]}?" if near else f"give one of {', '.join(ACTIONS)}"
            raise BadInputError(f"--action {action!r}: there is no such action; {mend}")
    if arguments.expires:
        try:
            over = instant_ms(arguments.expires) <= time.time() * 1_000
        except ValueError:
            raise BadInputError(f"--expires {arguments.expires!r}: write it such as 2026-12-31T23:59:59Z") from None
        if over:
            raise BadInputError(f"--expires {arguments.expires}: this is over; give an instant to come")


def _is_name(text: str) -> bool:
    try:
        return bool(TypeAdapter(Name).validate_python(text))
    except ValidationError:
        return False
