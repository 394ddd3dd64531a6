"""Draw by draw: two processes of one seed write the same lines; where they do not, the first difference is named."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scenarios.draws import first_difference

ROOT = Path(__file__).resolve().parents[2]
SEED = "5"
IN_THE_ORDER_OF_A_SET = """\
import sys
from scenarios.draws import lines_of
from scenarios.small import small_world
from simulators.plants.replace import replaced

def out_of_a_set(original):
    def queue_in_order(state, most):
        names = set(tracked.entry_id for tracked in original(state, most))
        return [state.entries[name] for name in names]
    return queue_in_order

with replaced("runtime.core.partition.queue:queue_in_order", out_of_a_set):
    lines, _ = lines_of(small_world(), 1)
sys.stdout.writelines(line + "\\n" for line in lines)
"""
"""A month in which the rows of a batch come in the order of a set."""


def lines_under(hash_seed: str, *words: str) -> list[str]:
    """What a process of its own writes under this PYTHONHASHSEED."""
    done = subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


def test_every_draw_and_every_record_is_the_same_under_any_hash_seed() -> None:
    """Two processes with different PYTHONHASHSEED write the same lines for one seed; they are about everything."""
    one, other = (lines_under(hash_seed, "-m", "scenarios.draws", SEED) for hash_seed in ("0", "4711"))
    assert first_difference(one, other) == ""
    assert {line.partition(" ")[0] for line in one} == {"draw", "draws", "fate", "record", "end"}
    assert len(one) > 1_000


def test_the_first_divergence_of_two_processes_is_named() -> None:
    """Rows in the order of a set go out in another order in another process; the first batch that does is shown."""
    one, other = (lines_under(hash_seed, "-c", IN_THE_ORDER_OF_A_SET) for hash_seed in ("0", "4711"))
    said = first_difference(one, other)
    at = int(said.removeprefix("line ").partition(":")[0]) - 1
    assert one[:at] == other[:at]
    assert one[at] != other[at]
    assert one[at] in said
    assert other[at] in said
    assert "BatchSent" in one[at]


@pytest.mark.parametrize(
    ("ours", "theirs", "said"),
    [
        (["a", "b"], ["a", "b"], ""),
        (["a", "b"], ["a", "c"], "line 2: b  <>  c"),
        (["a"], ["a", "c"], "line 2: nothing  <>  c"),
        (["a", "b"], ["a"], "line 2: b  <>  nothing"),
    ],
)
def test_a_difference_is_a_line_that_differs_or_is_missing(ours: list[str], theirs: list[str], said: str) -> None:
    """The number of the line, and what each of the two has there."""
    assert first_difference(ours, theirs) == said
