"""A run over several processes, and one that is cut off."""

from collections import Counter
from pathlib import Path

from loadtests.words import TAKEN_IN, UNSENT
from tests.real.loadtests.a_generator import a_server, generate


def test_two_workers_share_the_schedule_without_a_gap_or_a_double(tmp_path: Path) -> None:
    """Every delivery of the schedule leaves once, whichever process it falls to, at its own instant."""
    with a_server(tmp_path) as server:
        outcome = generate(tmp_path, server.url, {"per_s": 60, "seconds": 2}, workers=2)
        came = server.came()

    assert Counter(number for _, number in came) == dict.fromkeys(range(120), 1)
    assert outcome.word("begun")["workers"] == 2
    assert outcome.outcomes() == [TAKEN_IN] * 120
    in_time = [number for at_s, number in came if abs(at_s - number / 60) < 0.5]
    assert len(in_time) > 100


def test_an_interrupted_run_keeps_what_it_had_and_says_so(tmp_path: Path) -> None:
    """Told to end in the middle: the rows so far are there, the rest was never sent, and nobody was a bottleneck."""
    with a_server(tmp_path) as server:
        outcome = generate(tmp_path, server.url, {"per_s": 20, "seconds": 60}, halt_after_ms=1_000)

    ended = outcome.word("ended")
    assert ended["interrupted"]
    assert not outcome.figures["saturated"]
    sent = len(outcome.rows)
    assert 15 <= sent < 1_000
    assert outcome.outcomes() == [TAKEN_IN] * sent + [UNSENT] * (1_200 - sent)


def test_a_window_without_arrivals_is_refused(tmp_path: Path) -> None:
    """Nothing to send is no run that went well: it fails with a sentence before anything begins."""
    with a_server(tmp_path) as server:
        outcome = generate(tmp_path, server.url, {"per_s": 0, "seconds": 1})

    assert "nothing arrives in this window" in outcome.word("failed")["why"]
    assert outcome.rows == []
