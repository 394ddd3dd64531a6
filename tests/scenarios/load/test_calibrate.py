"""Service times out of a live run."""

import math
from collections.abc import Iterable
from pathlib import Path
from statistics import NormalDist
from typing import Any

import pytest

from runtime.cli import BadInputError
from runtime.metrics import CALL_TIME, COMMIT_TIME
from scenarios.catalogue import all_scenarios
from scenarios.choose import load
from scenarios.commands import calibrate as command
from scenarios.load.calibrate import Fitted, TooFewCallsError, calibrate, read_fitted, with_fitted
from scenarios.load.compare import compare
from scenarios.load.predict import predict
from scenarios.load.profile import LoadProfile, Own, load_profile
from scenarios.load.results import LANDINGS, METRICS_FILE, REQUESTS, LoadRun, RequestRow, write_run
from simulators.systems.erp_profile import Latency
from tests.scenarios.load.test_predict import profile as a_load

BUCKETS = CALL_TIME.buckets
"""As the runtime publishes them."""
CALLS = 2_000
ROWS = 30


def seconds(p50_s: float, p99_s: float, many: int = CALLS) -> list[float]:
    """So many draws of a log-normal, evenly along its quantiles, beside a millisecond for each of the rows."""
    normal = NormalDist()
    sigma = math.log(p99_s / p50_s) / normal.inv_cdf(0.99)
    return [p50_s * math.exp(sigma * normal.inv_cdf((n + 0.5) / many)) + ROWS / 1_000 for n in range(many)]


def histogram(name: str, labels: str, buckets: Iterable[float], took: list[float]) -> list[str]:
    told = [f'{name}_bucket{{{labels}le="{b}"}} {sum(t <= b for t in took)}.0' for b in buckets]
    return [*told, f'{name}_bucket{{{labels}le="+Inf"}} {len(took)}.0', f"{name}_sum{{{labels[:-1]}}} {sum(took)}"]


def a_run(
    folder: Path,
    took: list[float],
    outcomes: dict[str, int] | None = None,
    commits: list[float] | None = None,
    **more: Any,
) -> Path:
    """A live run of which the runtime's metrics are known."""
    folder.mkdir(parents=True, exist_ok=True)
    counted = outcomes or {"served": len(took)}
    lines = [
        "# HELP springtide_call_seconds How long a call took.",
        *histogram("springtide_call_seconds", 'account="erp",call="send_batch",', BUCKETS, took),
        *histogram("springtide_call_seconds", 'account="psa",call="tell_psa",', BUCKETS, [9.0] * 500),
        *(f'springtide_calls_total{{account="erp",call="send_batch",outcome="{o}"}} {n}.0' for o, n in counted.items()),
        'springtide_calls_total{account="psa",call="tell_psa",outcome="served"} 500.0',
        f'springtide_attempts_total{{account="erp",entity="DE01",outcome="applied",reason=""}} {ROWS * len(took)}.0',
        *histogram("springtide_journal_commit_seconds", "", COMMIT_TIME.buckets, commits or []),
    ]
    (folder / METRICS_FILE).write_text("\n".join(lines) + "\n")
    fields: dict[str, Any] = {"kind": "live", "profile": load_profile(all_scenarios()["month_end"]), **more}
    write_run(folder, LoadRun(**fields))
    return folder


def test_the_times_that_were_there_are_found_again(tmp_path: Path) -> None:
    """Out of the buckets of two thousand calls come the percentiles that they were drawn from, rows left aside."""
    fitted = calibrate(a_run(tmp_path, seconds(0.3, 2.0)))
    assert fitted.latency.p50_ms == pytest.approx(300, rel=0.03)
    assert fitted.latency.p99_ms == pytest.approx(2_000, rel=0.05)
    assert (fitted.calls, fitted.rows_per_call, fitted.rough) == (CALLS, ROWS, False)
    assert fitted.assumed == Latency()
    assert fitted.latency.per_row_us == fitted.assumed.per_row_us


def test_calls_that_nobody_answered_are_no_service_times(tmp_path: Path) -> None:
    """A call that was given up took the deadline and one that was turned away the door's time; neither is fitted."""
    served = seconds(0.3, 2.0, many=1_000)
    took = [*served, *([30.0] * 100), *([0.04] * 300)]
    outcomes = {"served": 1_000, "silent": 100, "throttled": 200, "maintenance": 100}
    fitted = calibrate(a_run(tmp_path / "mixed", took, outcomes))
    assert fitted.calls == 1_000
    assert fitted.latency.p50_ms == pytest.approx(300, rel=0.05)
    assert fitted.latency.p99_ms == pytest.approx(2_000, rel=0.08)
    spoiled = calibrate(a_run(tmp_path / "spoiled", took, {"served": len(took)}))
    assert spoiled.latency.p99_ms > 2 * fitted.latency.p99_ms


def test_times_of_two_kinds_are_called_rough(tmp_path: Path) -> None:
    """A fit that is far from what was counted says so."""
    fitted = calibrate(a_run(tmp_path, [0.02] * 1_000 + [20.0] * 1_000))
    assert fitted.rough


def test_what_the_runtime_needs_comes_from_its_answers_and_commits(tmp_path: Path) -> None:
    """From request to answer by the rows of requests.csv that were taken in, a step by the mean commit."""
    run = a_run(tmp_path, seconds(0.3, 2.0), commits=[0.004] * 90 + [0.014] * 10)
    taken = [RequestRow(at, at + 7, at + 7 + 20 + at, "managers", 202, 80, 80, 0, 0) for at in range(100)]
    looks = [RequestRow(0, 0, 9_000, "operators", 200, 0, 0, 0, 0) for _ in range(100)]
    turned_away = [RequestRow(0, 0, 9_000, "managers", 503, 80, 0, 0, 0) for _ in range(100)]
    REQUESTS.write(run, [*taken, *looks, *turned_away])
    own = calibrate(run).own
    assert own == Own(intake_p50_ms=69, intake_p99_ms=118, turn_ms=5)


def test_too_few_calls_fit_nothing(tmp_path: Path) -> None:
    """Fifty answered calls are needed."""
    with pytest.raises(TooFewCallsError, match="49 calls"):
        calibrate(a_run(tmp_path, seconds(0.3, 2.0, many=49)))


def test_a_simulated_run_teaches_nothing(tmp_path: Path) -> None:
    """The service times of a simulation are those it was given."""
    with pytest.raises(BadInputError, match="simulated run"):
        calibrate(a_run(tmp_path, seconds(0.3, 2.0), kind="simulated"))


@pytest.mark.parametrize(
    ("text", "said"),
    [(None, "no such file"), ("springtide_call_seconds{", "line 1"), ("a_metric one", "line 1")],
)
def test_metrics_that_cannot_be_read_are_told(tmp_path: Path, text: str | None, said: str) -> None:
    """A file that is missing, or is no scrape, is refused in one line that names it."""
    run = a_run(tmp_path, seconds(0.3, 2.0))
    (run / METRICS_FILE).unlink()
    if text is not None:
        (run / METRICS_FILE).write_text(text + "\n")
    with pytest.raises(BadInputError, match=said) as told:
        calibrate(run)
    assert METRICS_FILE in str(told.value)


def fitted_to(p50_ms: int, own: Own = Own()) -> Fitted:  # noqa: B008  # frozen
    latency = Latency(p50_ms=p50_ms, p99_ms=10 * p50_ms)
    return Fitted(latency=latency, own=own, assumed=Latency(), calls=100, rows_per_call=1.0, apart_ppm=0)


def waits(folder: Path, asked: LoadProfile) -> float:
    predict(asked, folder)
    landed = [row.posted_ms for row in LANDINGS.read(folder)]
    return sum(landed) / len(landed)


def test_a_slower_runtime_predicts_later_lines(tmp_path: Path) -> None:
    """What the runtime needs for a request and for a step comes on top of what its systems need."""
    asked = a_load("world.faults=[]")
    plain = waits(tmp_path / "plain", asked)
    intake = with_fitted(asked, fitted_to(400, Own(intake_p50_ms=500, intake_p99_ms=700)))
    assert waits(tmp_path / "intake", intake) == pytest.approx(plain + 510, abs=60)
    turns = with_fitted(asked, fitted_to(400, Own(turn_ms=200)))
    assert plain + 200 < waits(tmp_path / "turns", turns) < plain + 2_000


def test_a_prediction_with_fitted_times_is_of_the_same_load(tmp_path: Path) -> None:
    """A live run can be compared with a prediction that was made with the service times it taught."""
    asked = a_load("world.faults=[]")
    predict(asked, tmp_path / "live")
    write_run(tmp_path / "live", LoadRun(kind="live", profile=asked))
    predict(with_fitted(asked, fitted_to(200)), tmp_path / "predicted")
    assert compare(tmp_path / "predicted", tmp_path / "live").unproved == ""


def run_command(*typed: object) -> int:
    import argparse

    parser = argparse.ArgumentParser()
    command.register(parser.add_subparsers())
    arguments = parser.parse_args(["calibrate", *map(str, typed)])
    code: int = arguments.run(arguments)
    return code


def test_what_is_written_can_be_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The fitted file reads back, the scenario file simulates with the fitted times, and the --set are printed."""
    run = a_run(tmp_path / "run", seconds(0.3, 2.0))
    out, scenario = tmp_path / "fitted.json", tmp_path / "scenario.json"
    assert run_command(run, "--out", out, "--scenario", scenario) == 0
    fitted = read_fitted(out)
    assert load(scenario).world.erp.latency == fitted.latency
    assert f"--set world.erp.latency.p50_ms={fitted.latency.p50_ms}" in capsys.readouterr().out
    assert run_command(a_run(tmp_path / "few", seconds(0.3, 2.0, many=10))) == 5
    with pytest.raises(BadInputError, match="calibrate anew"):
        read_fitted(scenario)
