"""What a swarm does not take is named, and why."""

import re
from pathlib import Path

from scenarios.space import WHY_NOT, space_words
from simulators.coverage import EDGES, Coverage

ROOT = Path(__file__).resolve().parent.parent.parent


def test_only_edges_that_there_are_have_a_reason() -> None:
    """A reason belongs to an edge of the tables, so that one that is taken out takes its reason along."""
    assert [edge for edge in WHY_NOT if edge not in EDGES] == []


def test_a_reason_names_tests_that_there_are() -> None:
    """Whoever follows a reason to the test that takes the edge instead finds it."""
    named = {name for why in WHY_NOT.values() for name in re.findall(r"tests/[\w/]+\.py", why)}

    assert len(named) > 2
    assert [name for name in named if not (ROOT / name).is_file()] == []


def test_an_edge_without_a_reason_is_told_by_name() -> None:
    """A hole is named; one that is explained is counted, and its reason stands on the page."""
    coverage = Coverage(runs=1)
    coverage.edges.update(edge for edge in EDGES if edge != "open|Throttled" and edge not in WHY_NOT)
    words = "\n".join(space_words(coverage))

    assert "edges never taken: open|Throttled\n" in words
    assert f"{len(WHY_NOT)} more edges are not for a swarm to take" in words
