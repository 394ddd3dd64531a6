"""What senders know at the end."""

import json
from collections.abc import Sequence
from pathlib import Path

from loadtests.senders_word import NO_ANSWER, WHOLE, SendersWord, senders_word
from loadtests.words import ITEMS_REFUSED, OUTCOMES, REFUSED, TAKEN_IN, UNANSWERED, UNSENT
from scenarios.live.burst import Version
from scenarios.load.deliveries import Delivery, Entry
from scenarios.load.results import APPROVED, ApprovedRow


def carrying(at_ms: int, *names: str, first: bool = True) -> Delivery:
    """A delivery of these entries; `first`: none of them came before."""
    rows = tuple(ApprovedRow(name, 1, "DE01", "EMEA", at_ms, True, 100, "EUR") for name in names)
    entries = tuple(Entry(name, 1, "DE01") for name in names)
    return Delivery(at_ms, "machines", "runtime", "POST", "/v1/bulk", {}, b"", entries, rows if first else ())


def said(folder: Path, schedule: Sequence[Delivery], outcomes: Sequence[int], *refused: object) -> SendersWord:
    """What is known when these things became of the deliveries."""
    (folder / OUTCOMES).write_bytes(bytes(outcomes))
    (folder / ITEMS_REFUSED).write_text("".join(f"{json.dumps(one)}\n" for one in refused))
    return senders_word(folder, schedule, folder)


def named(name: str) -> Version:
    """An entry's first version."""
    return Version("DE01", name, 1)


def test_acknowledged_is_what_an_answer_said(tmp_path: Path) -> None:
    """A delivery that was taken in acknowledges what it carries, except the items that its answer refused."""
    found = said(tmp_path, [carrying(0, "A", "B", "C")], [TAKEN_IN], [0, [[1, "unknown project"]]])

    assert list(found.acknowledged) == [named("A"), named("C")]
    assert found.given_up == {named("B"): "unknown project"}


def test_given_up_is_what_no_delivery_brought_home(tmp_path: Path) -> None:
    """Refused and unanswered deliveries say why; whatever comes again and is taken in counts."""
    schedule = [carrying(0, "A"), carrying(1, "B"), carrying(2, "C"), carrying(3, "C", first=False)]
    found = said(tmp_path, schedule, [REFUSED, UNANSWERED, UNANSWERED, TAKEN_IN])

    assert found.given_up == {named("A"): WHOLE, named("B"): NO_ANSWER}
    assert list(found.acknowledged) == [named("C")]


def test_an_acknowledgement_stands_whatever_comes_later(tmp_path: Path) -> None:
    """A later delivery of the same version that gets no answer takes nothing back."""
    found = said(tmp_path, [carrying(0, "A"), carrying(1, "A", first=False)], [TAKEN_IN, UNANSWERED])

    assert list(found.acknowledged) == [named("A")]
    assert found.given_up == {}


def test_what_never_left_was_not_approved(tmp_path: Path) -> None:
    """approved.csv has what left; a version whose first delivery did not leave stands there once another did."""
    schedule = [carrying(0, "A"), carrying(1, "B"), carrying(2, "C"), carrying(9, "B", first=False)]
    found = said(tmp_path, schedule, [TAKEN_IN, UNSENT, UNSENT, TAKEN_IN])

    assert [row.entry for row in APPROVED.read(tmp_path)] == ["A", "B"]
    assert found.unsent == 2


def test_a_run_that_was_cut_off_before_it_began_approved_nothing(tmp_path: Path) -> None:
    """Without a single outcome nothing left."""
    found = said(tmp_path, [carrying(0, "A")], [])

    assert list(APPROVED.read(tmp_path)) == []
    assert (found.unsent, found.acknowledged, found.given_up) == (1, {}, {})
