"""`springtide scenarios`: list them, describe one, or say how two differ."""

import argparse
import json
import sys
from typing import Any

from scenarios.catalogue import all_scenarios
from scenarios.choose import choose
from scenarios.model import Scenario

EPILOG = """\
examples:
  springtide scenarios                          list them
  springtide scenarios describe month_end       one in full, as JSON that simulate reads
  springtide scenarios diff month_end quiet_week
"""


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "scenarios",
        help="list scenarios, describe one, or compare two",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=_list)
    verbs = parser.add_subparsers(title="verbs", metavar="VERB")
    verbs.add_parser("list", help="name and story of each").set_defaults(run=_list)
    describe = verbs.add_parser("describe", help="one in full, as JSON that simulate reads")
    describe.add_argument("scenario")
    describe.set_defaults(run=_describe)
    diff = verbs.add_parser("diff", help="where two differ")
    diff.add_argument("one")
    diff.add_argument("other")
    diff.set_defaults(run=_diff)


def _list(arguments: argparse.Namespace) -> int:
    width = max(map(len, all_scenarios()))
    for name, scenario in all_scenarios().items():
        people = scenario.world.firm.consultants
        print(f"{name:<{width}}  {people:>6,} people  {scenario.story}")
    print("springtide simulate NAME runs one; springtide scenarios describe NAME shows all of it", file=sys.stderr)
    return 0


def _describe(arguments: argparse.Namespace) -> int:
    print(choose(arguments.scenario).model_dump_json(indent=2))
    return 0


def _diff(arguments: argparse.Namespace) -> int:
    one, other = (_flat(choose(name)) for name in (arguments.one, arguments.other))
    for path in sorted({*one, *other}):
        if one.get(path) != other.get(path):
            print(f"{path}: {one.get(path, 'absent')} -> {other.get(path, 'absent')}")
    return 0


def _flat(scenario: Scenario) -> dict[str, str]:
    found: dict[str, str] = {}

    def walk(place: Any, path: str) -> None:
        if isinstance(place, dict) and place:
            for name, value in place.items():
                walk(value, f"{path}.{name}" if path else name)
        elif isinstance(place, list) and place:
            for number, value in enumerate(place):
                walk(value, f"{path}.{number}")
        else:
            found[path] = json.dumps(place)

    walk(scenario.model_dump(mode="json"), "")
    return found
