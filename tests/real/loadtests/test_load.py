"""`springtide load` from end to end: a small firm's cut-off on a runtime of its own, and one that is cut off."""

import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from subprocess import PIPE, Popen, run
from typing import Any

from scenarios.live.parts import free_port
from scenarios.load.results import APPROVED, LANDINGS, read_run
from tests.real.loadtests.a_generator import ENVIRON

SMALL = (
    "world.firm.consultants=60",
    "world.faults=[]",
    "world.erp.quota=null",
    'world.erp.latency={"p50_ms": 20, "p99_ms": 100}',
    "world.runtime.linger_ms=300",
    "world.runtime.tell_linger_ms=300",
)
"""Sixty people whose ERP answers at once: everything stands a second after its approval."""
SECONDS = 400.0
SPRINGTIDE = (sys.executable, "-c", "import sys; from runtime.cli import main; sys.exit(main())")
"""As the installed program does it: one module, under its own name."""


def command(out: Path, *more: str) -> Sequence[str]:
    """The command on a rig of its own, an hour in six seconds."""
    small = [text for one in SMALL for text in ("--set", one)]
    load = ["month_end", "--demo", "--factor", "600", *small, "--out", str(out), *more]
    return [*SPRINGTIDE, "load", *load]


def environ() -> dict[str, str]:
    """With this checkout first, and a terminal that is none."""
    return {**os.environ, **ENVIRON}


def test_a_small_month_end_holds_from_end_to_end(tmp_path: Path) -> None:
    """Exit 0: everything approved stands once, in time; every file of the run is there, Locust's page beside ours."""
    out = tmp_path / "run"
    junit = tmp_path / "junit.xml"
    ended = run(
        command(out, "--junit", str(junit), "--json", "--processes", "2"),
        capture_output=True,
        text=True,
        env=environ(),
        timeout=SECONDS,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr + ended.stdout[-2_000:]
    report: dict[str, Any] = json.loads(ended.stdout)
    assert report["verdict"]["exit"] == 0
    told = read_run(out)
    assert not told.interrupted
    assert told.generator is not None
    assert not told.generator.saturated, told.generator.because
    approved = {row.entry for row in APPROVED.read(out) if row.to_post}
    assert len(approved) > 100
    assert {row.entry for row in LANDINGS.read(out)} >= approved - {
        row.entry for row in APPROVED.read(out) if not row.to_post
    }
    for name in ("report.html", "locust.html", "requests.csv", "findings.json", "entities.csv"):
        assert (out / name).stat().st_size > 0, name
    assert junit.stat().st_size > 0


def test_a_run_that_is_cut_off_says_so(tmp_path: Path) -> None:
    """Ctrl-C in the middle: the files are there, marked as those of a part, and nothing is proved (exit 5)."""
    out = tmp_path / "run"
    steady = ("--shape", "sustained", "--rows-per-s", "20", "--factor", "1")
    child = Popen(command(out, *steady), stderr=PIPE, stdout=PIPE, text=True, env=environ())
    assert child.stderr is not None, "it was started with pipes"
    while "requests left" not in (line := child.stderr.readline()):
        assert line, "it ended before it was in the middle"
    assert read_run(out).interrupted, "whatever ends it now leaves a folder that says so"
    child.send_signal(signal.SIGINT)
    said, erred = child.communicate(timeout=SECONDS)

    assert child.returncode == 5, erred + said
    assert "PART OF A RUN" in said
    assert read_run(out).interrupted
    assert len(list(APPROVED.read(out))) > 0


def test_nobody_at_the_address_is_one_line(tmp_path: Path) -> None:
    """An unknown host ends before anything is sent: exit 2, and one line that names it."""
    url = f"http://127.0.0.1:{free_port()}"
    ended = run(
        [*SPRINGTIDE, "load", "quiet_week", "--url", url, "--out", str(tmp_path / "run")],
        capture_output=True,
        text=True,
        env={**environ(), "SPRINGTIDE_KEY": "stk_key", "SPRINGTIDE_WEBHOOK_SECRET": "secret"},
        timeout=SECONDS,
        check=False,
    )

    assert ended.returncode == 2
    assert ended.stderr.startswith(f"springtide: no answer from {url} (Connection refused)")
    assert ended.stderr.count("\n") == 1
