"""Renews what README.md shows of the program itself: the table of scenarios, and the real output of a quiet week.

    .venv/bin/python scripts/renew_readme.py

`tests/test_docs.py` fails when the table is stale. The output is real, so it differs in the time it took.
"""

import re
import subprocess
import sys
from pathlib import Path

from scenarios.catalogue import all_scenarios

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "README.md"
TABLE = re.compile(r"(\| scenario \| people \| what happens \|\n\|---\|---\|---\|\n)((?:\|.*\n)*)")
RUN = re.compile(r"(```text\n)(?:RUN\n|quiet_week .*?)(```)", re.DOTALL)


def table() -> str:
    """The rows of the table, in the order of `springtide scenarios`."""
    return "".join(
        f"| `{name}` | {scenario.world.firm.consultants:,} | {scenario.story} |\n"
        for name, scenario in all_scenarios().items()
    )


def output() -> str:
    """What the quiet week prints, without the blanks at the ends of lines."""
    program = [sys.executable, "-m", "runtime.cli", "simulate", "quiet_week", "--seed", "1", "--out", "out/demo"]
    said = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return "".join(f"{line.rstrip()}\n" for line in said.splitlines())


def main() -> None:
    """Write the page anew."""
    text = PAGE.read_text(encoding="utf-8")
    for part, fresh in ((TABLE, lambda found: found[1] + table()), (RUN, lambda found: found[1] + output() + found[2])):
        text, times = part.subn(fresh, text, count=1)
        assert times == 1, f"README.md has no part like {part.pattern!r}; see scripts/renew_readme.py"
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
