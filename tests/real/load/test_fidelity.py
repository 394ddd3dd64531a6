"""A prediction beside a live run of the same load, over real sockets."""

from pathlib import Path

from scenarios.live.timeline import TimeLine
from scenarios.load.calibrate import CALL, POSTING, read_metrics
from scenarios.load.compare import compare
from scenarios.load.predict import predict
from scenarios.load.results import METRICS_FILE
from scenarios.load.rig import load_rig
from tests.real.load.a_sender import ASender
from tests.real.load.test_rig import OUTAGE, profile


def test_a_prediction_is_of_the_load_that_was_run(tmp_path: Path) -> None:
    """The same versions are approved in both, the same stand, the same outage is drained after, and the runtime's own
    numbers of its calls are kept for a calibration."""
    live, predicted = tmp_path / "live", tmp_path / "predicted"
    asked = profile(OUTAGE)
    with load_rig(asked, live, TimeLine(lambda moment: None)) as rig:
        sender = ASender(rig, live)
        sender.send_all()
        rig.settle(60)
        sender.finish()
    predict(asked, predicted)

    found = compare(predicted, live)

    assert found.unproved == ""
    assert found.predicted.approved == found.measured.approved > 50
    # A version may be superseded before it is posted in one of them and just after it in the other.
    assert abs(found.predicted.landed - found.measured.landed) <= found.measured.landed // 20
    (drain,) = [line for line in found.lines if line.name.startswith("drain after maintenance unannounced")]
    assert drain.predicted
    assert drain.measured
    assert max(found.measured.curve.backlog) > 0
    assert read_metrics(live / METRICS_FILE).histogram(CALL, call=POSTING).total > 0
