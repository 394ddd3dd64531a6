"""What can be known of a load at its end."""

from pathlib import Path
from typing import Any

import pytest

from runtime.core.model import Place
from scenarios.live.parts import Api, Unreachable
from scenarios.live.verdict import ASKED_MOST
from scenarios.load.calendar import LoadCalendar
from scenarios.load.deliveries import Entry
from scenarios.load.misfortunes import Plan, plan
from scenarios.load.results import (
    APPROVED,
    BOOKS,
    DOORS,
    LANDINGS,
    METRICS_FILE,
    PLACES,
    STRIKES,
    ApprovedRow,
    BookRow,
    DoorRow,
    LandingRow,
    Outage,
    PlaceRow,
    StrikeRow,
)
from scenarios.load.witness import Seen, Witness
from tests.scenarios.load.a_run import approved, profile

CALENDAR = LoadCalendar(profile())
STARTED_MS = 1_000_000
CLEAN = dict.fromkeys(("lost", "double", "wrong_amount", "wrong_period", "wrong_order", "invented", "changed_rows"), 0)


class Systems(Api):
    """Mock systems that tell what they are given, and note what the auditors are told."""

    def __init__(self, lines: dict[str, list[list[Any]]]) -> None:
        self.lines = lines
        self.places: dict[str, Any] | None = None

    def must(self, method: str, path: str, body: Any = b"", kind: str = "application/json") -> Any:
        _, _, verb, *rest = path.split("/")
        match verb:
            case "landings":
                return self.lines.get(rest[0], [])
            case "doors":
                return [
                    [STARTED_MS + 2_000, "erp-emea-1", "post", "served", 2, 20],
                    [STARTED_MS + 3_000, "erp-emea-1", "post", "maintenance", 3, 0],
                ]
            case "strikes":
                return {"fired": {"lost_reply": 4}, "strikes": [[STARTED_MS + 2_000, "lost_reply", 4]]}
        assert (method, verb) == ("POST", "audit"), path
        self.places = body["places"]
        return {**CLEAN, "examples": ["S1: one"]}


class Runtime(Api):
    """A runtime that knows where these entries are."""

    def __init__(self, places: dict[str, str]) -> None:
        self.places = places
        self.asked: list[str] = []

    def ask(
        self, method: str, path: str, body: object = b"", kind: str = "", seconds: float = 1.0
    ) -> tuple[int, Any, dict[str, str]]:
        if path == "/metrics":
            return 403, {}, {}
        if path == "/v1/status":
            counts = {place.value: {"count": 7 if place is Place.IN_FLIGHT else 0} for place in Place}
            return 200, {"partitions": [{"entity": "DE01", "state": "running", "places": counts}]}, {}
        entry = path.rpartition("/")[2]
        self.asked.append(entry)
        if entry not in self.places:
            return 404, {}, {}
        return 200, {"place": self.places[entry], "steps": [{"kind": "EntryParked", "text": "rate gap"}]}, {}


class Nobody(Api):
    """A runtime that does not answer."""

    def __init__(self) -> None:
        pass

    def ask(
        self, method: str, path: str, body: object = b"", kind: str = "", seconds: float = 1.0
    ) -> tuple[int, Any, dict[str, str]]:
        raise Unreachable(path)


def line(entry: str, version: int = 1, at_ms: int = 5_000, leg: str = "post") -> list[Any]:
    """A line as the mock systems tell it."""
    return [entry, version, STARTED_MS + at_ms, leg, 100, "EUR"]


def looked(
    folder: Path,
    rows: list[ApprovedRow],
    lines: list[list[Any]],
    places: dict[str, str],
    unanswered: tuple[Entry, ...] = (),
    *,
    with_source: bool = True,
    whole: bool = True,
) -> tuple[Seen, Systems, Runtime]:
    """What a look brings, and whom it asked what."""
    APPROVED.write(folder, rows)
    systems, runtime = Systems({"DE01": lines}), Runtime(places)
    witness = Witness(folder, CALENDAR, STARTED_MS, runtime, systems)
    killed = Outage(kind="killed", from_ms=3_000, until_ms=4_000)
    return witness.look(unanswered, [killed], with_source, whole), systems, runtime


def test_everything_is_written_down_in_run_time(tmp_path: Path) -> None:
    """Lines, doors and strikes lose the start of the run; a process that was struck is among the strikes."""
    seen, _, _ = looked(tmp_path, [approved("E-1")], [line("E-1")], {})
    assert list(LANDINGS.read(tmp_path)) == [LandingRow("E-1", 1, "DE01", 5_000, "post", 100, "EUR")]
    assert next(iter(DOORS.read(tmp_path))) == DoorRow(2_000, "erp-emea-1", "post", "served", 2, 20)
    assert list(STRIKES.read(tmp_path)) == [StrikeRow(2_000, "lost_reply", 4), StrikeRow(3_000, "killed", 1)]
    assert BookRow("DE01", "in_flight", 7) in list(BOOKS.read(tmp_path))
    assert (seen.turned_away, seen.fired) == (3, {"lost_reply": 4})


def test_only_what_has_no_line_of_its_own_is_asked_about(tmp_path: Path) -> None:
    """What does not stand and what an older line may carry; nothing that stands, and nothing that is not to."""
    rows = [
        approved("E-stands"),
        approved("E-parked"),
        approved("E-words"),
        approved("E-words", 2_000, 2),
        approved("E-leave", to_post=False),
        approved("E-nowhere"),
        approved("E-refused"),
    ]
    lines = [line("E-stands"), line("E-words")]
    gave_up = (Entry("E-refused", 1, "DE01"),)
    seen, systems, runtime = looked(tmp_path, rows, lines, {"E-parked": "parked", "E-words": "posted"}, gave_up)
    assert runtime.asked == ["E-parked", "E-nowhere", "E-words"]
    assert list(PLACES.read(tmp_path)) == [
        PlaceRow("E-parked", 1, "DE01", "parked", "rate gap"),
        PlaceRow("E-nowhere", 1, "DE01", "unknown", ""),
        PlaceRow("E-words", 2, "DE01", "posted", "rate gap"),
        PlaceRow("E-refused", 1, "DE01", "refused", "its sender gave up"),
    ]
    assert systems.places is not None
    assert sorted(one[0] for one in systems.places["DE01"]) == ["E-parked", "E-refused", "E-words"]
    assert [one.entry_id for one in seen.acknowledged if one.entry_id == "E-refused"] == []
    assert seen.audit["examples"] == ["S1: one"]


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"with_source": False}, "nobody told the source"),
        ({"whole": False}, "the source knows of more than was sent"),
    ],
)
def test_the_auditors_are_not_heard_where_they_cannot_know(tmp_path: Path, more: dict[str, Any], why: str) -> None:
    """Where the source was told nothing, or more than was sent, as of a load that was cut off."""
    seen, _, _ = looked(tmp_path, [approved("E-1")], [line("E-1")], {}, **more)
    findings = seen.findings(Plan((), (), (), ()), None, True)
    assert why in seen.not_judged
    assert findings.audit == {}
    assert findings.not_tried == (f"the auditors of the simulated world: {seen.not_judged}",)


def test_what_comes_to_stand_while_it_is_asked_about_has_its_line(tmp_path: Path) -> None:
    """A run that did not settle goes on while the runtime is asked: the ledger that counts is read after that."""
    APPROVED.write(tmp_path, [approved("E-1")])
    systems = Systems({})

    class Posting(Runtime):
        def ask(self, *asked: Any, **more: Any) -> tuple[int, Any, dict[str, str]]:
            told = super().ask(*asked, **more)
            if self.asked:
                systems.lines["DE01"] = [line("E-1")]
            return told

    Witness(tmp_path, CALENDAR, STARTED_MS, Posting({"E-1": "posted"}), systems).look((), (), True)
    assert [row.entry for row in LANDINGS.read(tmp_path)] == ["E-1"]


def test_too_much_that_does_not_stand_is_not_asked_about_one_by_one(tmp_path: Path) -> None:
    """Minutes of questions are not worth it: counts explain the rest, and the auditors are not heard."""
    rows = [approved(f"E-{n}") for n in range(ASKED_MOST + 5)]
    seen, systems, runtime = looked(tmp_path, rows, [], {})
    assert len(runtime.asked) == ASKED_MOST
    assert systems.places is None
    assert "too many to ask" in seen.not_judged


def test_corrections_are_asked_about_before_changed_words(tmp_path: Path) -> None:
    """Where not everything can be asked about, an older line of another amount, or of what was taken back, is first."""
    rows = [approved("E-words"), approved("E-words", 2_000, 2), approved("E-worth")]
    rows += [approved("E-worth", 2_000, 2, worth=150), approved("E-back"), approved("E-back", 2_000, 2, to_post=False)]
    _, _, runtime = looked(tmp_path, rows, [line("E-words"), line("E-worth"), line("E-back")], {})
    assert sorted(runtime.asked[:2]) == ["E-back", "E-worth"]
    assert runtime.asked[2:] == ["E-words"]


def test_counts_are_read_before_anybody_is_asked(tmp_path: Path) -> None:
    """Work goes on meanwhile: what is on its way can only become less, so counts of before explain all of it."""
    APPROVED.write(tmp_path, [approved("E-1")])
    order: list[str] = []

    class Noting(Runtime):
        def ask(self, method: str, path: str, *more: Any, **named: Any) -> tuple[int, Any, dict[str, str]]:
            order.append(path)
            return super().ask(method, path, *more, **named)

    Witness(tmp_path, CALENDAR, STARTED_MS, Noting({}), Systems({})).look((), (), True)
    assert order.index("/v1/status") < order.index("/v1/trace/DE01/E-1")


def test_without_the_systems_nobody_knows_what_stands(tmp_path: Path) -> None:
    """There is no place for anything then, since a line may well stand; the findings say that nobody looked."""
    APPROVED.write(tmp_path, [approved("E-1")])
    seen = Witness(tmp_path, CALENDAR, STARTED_MS, Nobody(), None).look((), (), False)
    assert not PLACES.there(tmp_path)
    assert list(LANDINGS.read(tmp_path)) == []
    assert seen.findings(plan(CALENDAR), None, False).ledger is False


def test_a_runtime_that_does_not_answer_any_more_has_no_word(tmp_path: Path) -> None:
    """What does not stand is unknown then, and no count explains it."""
    APPROVED.write(tmp_path, [approved("E-1")])
    Witness(tmp_path, CALENDAR, STARTED_MS, Nobody(), Systems({})).look((), (), True)
    assert [row.place for row in PLACES.read(tmp_path)] == ["unknown"]
    assert list(BOOKS.read(tmp_path)) == []


class Numbers(Api):
    """A runtime that answers everything alike, or not at all."""

    def __init__(self, status: int, told: bytes = b"") -> None:
        self.answer = status, told

    def ask(
        self, method: str, path: str, body: object = b"", kind: str = "", seconds: float = 1.0
    ) -> tuple[int, Any, dict[str, str]]:
        if not self.answer[0]:
            raise Unreachable(path)
        return *self.answer, {}


@pytest.mark.parametrize(("status", "kept"), [(200, b"up 1\n"), (403, None), (0, None)])
def test_what_the_metrics_say_is_kept(tmp_path: Path, status: int, kept: bytes | None) -> None:
    """The runtime's numbers at the end are kept for a calibration; where they are closed to us, nothing is."""
    Witness(tmp_path, CALENDAR, 0, Numbers(status, b"up 1\n"), None).look((), (), with_source=False)
    file = tmp_path / METRICS_FILE
    assert (file.read_bytes() if file.exists() else None) == kept
