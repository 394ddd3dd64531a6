"""A plan on Ray: the same answers as on the cores of this machine."""

import subprocess
import sys

SAME = """
from scenarios.capacity.plan import Question, Search, answer
from scenarios.capacity.setting import now
from scenarios.on_ray import on_ray
from tests.scenarios.capacity.worlds import QUARTER, TIGHT

def told(answers):
    return sorted((one.task.seed, one.searched["quota"].found.least, one.now.entities) for one in answers)

question = Question("small", TIGHT, (now(TIGHT),), (1, 2), QUARTER, (Search("quota", 1, 24),), 15_000)
assert told(on_ray(answer, question.tasks(), "local", chunk=1)) == told(map(answer, question.tasks()))
print("the same")
"""


def test_a_plan_is_the_same_on_ray() -> None:
    """Tasks that went to another process over Ray come back with what they are here; in a process of its own, since
    the tests of this folder have a cluster already."""
    done = subprocess.run([sys.executable, "-c", SAME], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip().endswith("the same")
