"""Load runs on a certificate: judged where they left something, made where that was asked for, else not tried."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from runtime.cli import BadInputError
from scenarios.certify.loads import all_loads, with_results
from scenarios.certify.suite import LoadPart, Suite
from scenarios.load.verdict import judge_load
from tests.scenarios.load.a_run import approved, folder_of, landed

HOUR = LoadPart(name="hour", story="the hour before the cut-off", options=("quiet_week", "--volume", "1.5"))
SUITE = Suite(
    name="ours", story="What a test wants to try before it says go.", scenarios=("quiet_week",), loads=(HOUR,)
)
ROWS = [approved(f"E-{number}", number * 100) for number in range(60)]
GOOD = [landed(row.entry, row.approved_ms + 5_000) for row in ROWS]


def test_results_are_judged_as_their_own_page_judges_them(tmp_path: Path) -> None:
    """Exit code and sentence are those of the load run, with its numbers in words."""
    folder = folder_of(tmp_path, ROWS, [*GOOD, landed("E-1", 9_000)], started_at_ms=1_774_972_800_000)

    (found,) = all_loads(SUITE, with_results(SUITE, [f"hour={folder}"]), tmp_path, run_them=False)

    verdict = judge_load(folder).verdict
    assert (found.tried, found.exit, found.sentence) == (True, verdict.exit, verdict.sentence)
    assert found.exit == 3
    assert found.facts["books"].startswith("1 double, 0 lost")
    assert found.facts["made"] == "Tue 31 Mar 2026 16:00 UTC"
    assert found.facts["approved"] == "60 versions of 60 entries"
    assert (found.kind, found.scenario, found.folder) == ("live", "quiet_week", str(folder))


def test_a_folder_that_the_suite_names_is_taken_too(tmp_path: Path) -> None:
    """A run that was made before stands in the suite; one that is named on the command line takes its place."""
    one, other = folder_of(tmp_path / "one", ROWS, GOOD), folder_of(tmp_path / "other", ROWS, GOOD[:30])
    suite = SUITE.model_copy(update={"loads": (HOUR.model_copy(update={"results": str(one)}),)})

    assert with_results(suite, [])["hour"].folder == str(one)
    assert with_results(suite, [f"hour={other}"])["hour"].folder == str(other)


def test_a_load_without_results_is_not_tried(tmp_path: Path) -> None:
    """Nothing is started unless somebody asks, and nothing is said of it."""

    def nobody(_: Sequence[str]) -> tuple[int, str]:
        raise AssertionError("nothing was asked for")

    (found,) = all_loads(SUITE, {}, tmp_path, run_them=False, start=nobody)

    assert (found.tried, found.exit, found.facts) == (False, 0, {})


def test_a_load_is_made_where_that_was_asked_for(tmp_path: Path) -> None:
    """With the suite's options, into a folder below the certificate; its results are judged."""
    asked: list[Sequence[str]] = []

    def springtide(arguments: Sequence[str]) -> tuple[int, str]:
        asked.append(arguments)
        folder_of(Path(arguments[arguments.index("--out") + 1]), ROWS, GOOD)
        return 0, ""

    (found,) = all_loads(SUITE, {}, tmp_path, run_them=True, stamp="-at-noon", start=springtide)

    folder = tmp_path / "loads" / "hour-at-noon"
    assert asked == [["load", "quiet_week", "--volume", "1.5", "--out", str(folder), "--quiet"]]
    assert (found.tried, found.folder) == (True, str(folder))


@pytest.mark.parametrize(("code", "complaint"), [(2, "springtide: load needs locust"), (0, "load needs locust")])
def test_a_load_that_left_nothing_is_not_tried(tmp_path: Path, code: int, complaint: str) -> None:
    """Where the extra is missing, or a run left no results whatever its exit, the reason is told."""
    (found,) = all_loads(SUITE, {}, tmp_path, run_them=True, start=lambda _: (code, f"words\n{complaint}\n"))

    assert (found.tried, found.sentence) == (False, "it could not be made: load needs locust")


def test_a_folder_that_is_no_load_run_is_said(tmp_path: Path) -> None:
    """Before anything is tried."""
    with pytest.raises(BadInputError, match="give the folder of a load run"):
        with_results(SUITE, [f"hour={tmp_path}"])
    with pytest.raises(BadInputError, match="give NAME=DIR"):
        with_results(SUITE, ["=x"])
    with pytest.raises(BadInputError, match="the suite has no load run day; it has hour"):
        with_results(SUITE, ["day=x"])
