"""Arrivals are open: what the server does changes nothing about when the next request comes."""

from pathlib import Path

from loadtests.words import LOCUST_PAGE, TAKEN_IN, UNANSWERED, UNSENT
from tests.real.loadtests.a_generator import a_server, generate

PER_S, SECONDS = 40, 3
ARRIVALS = PER_S * SECONDS


def test_a_slow_server_is_asked_as_often_as_a_quick_one(tmp_path: Path) -> None:
    """Requests arrive at the planned rate while none is answered: a closed loop would send one and wait."""
    with a_server(tmp_path, delay_s=2.0) as server:
        outcome = generate(tmp_path, server.url, {"per_s": PER_S, "seconds": SECONDS})
        came = server.came()

    before_the_first_answer = [number for at_s, number in came if at_s < 1.9]
    assert len(before_the_first_answer) >= 0.9 * 1.9 * PER_S
    assert sorted(number for _, number in came) == list(range(ARRIVALS))
    assert outcome.figures["reached_per_s"] >= 0.98 * outcome.figures["planned_per_s"]
    assert not outcome.figures["saturated"], outcome.figures["because"]
    assert outcome.outcomes() == [TAKEN_IN] * ARRIVALS


def test_latency_counts_from_the_intended_arrival(tmp_path: Path) -> None:
    """With one connection the last request waits for all the others, and its latency says so."""
    with a_server(tmp_path, delay_s=0.1) as server:
        outcome = generate(tmp_path, server.url, {"per_s": 40, "seconds": 1}, connections=1, settle_ms=20_000)

    last = max(outcome.rows, key=lambda row: row.intended_ms)
    assert last.ended_ms - last.started_ms < 1_000
    assert last.ended_ms - last.intended_ms > 2_000
    assert [row.intended_ms for row in sorted(outcome.rows)] == [number * 25 for number in range(40)]


def test_a_generator_that_is_the_bottleneck_says_so(tmp_path: Path) -> None:
    """Without a free connection the rate is not reached: saturated, and the sentence names what was short."""
    with a_server(tmp_path, delay_s=0.5) as server:
        outcome = generate(tmp_path, server.url, {"per_s": 20, "seconds": 2}, connections=1, settle_ms=500)

    assert outcome.figures["saturated"]
    assert "connections taken" in outcome.figures["because"]
    assert "requests a second were reached" in outcome.figures["because"]
    assert UNSENT in outcome.outcomes()


def test_what_a_sender_would_deliver_again_is_no_arrival(tmp_path: Path) -> None:
    """A 503 is delivered again after its time; neither the planned nor the reached rate counts it."""
    with a_server(tmp_path, status=503) as server:
        outcome = generate(tmp_path, server.url, {"per_s": 10, "seconds": 1}, settle_ms=3_000)
        came = [number for _, number in server.came()]

    assert len(came) > 20
    assert len(outcome.rows) == len(came)
    assert outcome.word("begun")["arrivals"] == 10
    assert outcome.figures["reached_per_s"] == outcome.figures["planned_per_s"]
    assert outcome.outcomes() == [UNANSWERED] * 10


def test_locust_s_own_report_names_who_sent(tmp_path: Path) -> None:
    """Its page stands beside our files and names the user class of every request."""
    with a_server(tmp_path) as server:
        generate(tmp_path, server.url, {"per_s": 20, "seconds": 1, "users": ["managers", "operators"]})

    page = (tmp_path / LOCUST_PAGE).read_text(encoding="utf-8")
    assert '"name": "Managers"' in page
    assert '"name": "Operators"' in page
