"""A schedule on disk, cut into shares."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from loadtests.schedule import KINDS, Arrival, Share, read_share, read_summary, write_share
from scenarios.load.deliveries import Delivery, Entry


def a_schedule(arrivals: int, *, salt: str = "") -> Iterator[Delivery]:
    """Deliveries of all kinds in turn, ten a second."""
    for number in range(arrivals):
        yield Delivery(
            at_ms=number * 100,
            user=KINDS[number % len(KINDS)],  # type: ignore[arg-type]  # all of them are users
            to="source" if number % 7 == 0 else "runtime",
            method="GET" if KINDS[number % len(KINDS)] == "operators" else "POST",
            path=f"/v1/things/{number}?of=ä",
            headers={"Content-Type": f"text/{number % 3}"},
            body=b"\x00\n" * number + salt.encode(),
            entries=(Entry("TS-1", number, "DE01"),) * (number % 4),
            signed_by="hook" if number % 5 == 0 else "",
        )


def shares(folder: Path, arrivals: int, workers: int) -> list[tuple[Share, list[Arrival]]]:
    """Each worker's share, as it is read back."""
    made = []
    for place in range(workers):
        own = folder / f"{workers}-{place}"
        own.mkdir()
        share = write_share(a_schedule(arrivals), own, place, workers)
        made.append((share, [one for kind in KINDS for one in read_share(own, kind)]))
        assert read_summary(own) == share
    return made


@pytest.mark.parametrize("workers", [1, 2, 3, 7])
def test_the_shares_are_the_schedule_without_a_gap_or_a_double(workers: int, tmp_path: Path) -> None:
    """Put together they are every delivery, byte for byte, however many share it."""
    made = shares(tmp_path, 100, workers)

    arrivals = sorted((one for _, some in made for one in some), key=lambda one: one.number)
    assert [one.number for one in arrivals] == list(range(100))
    for arrival, delivery in zip(arrivals, a_schedule(100), strict=True):
        assert (arrival.at_ms, arrival.method, arrival.path) == (delivery.at_ms, delivery.method, delivery.path)
        assert (arrival.body, arrival.items) == (delivery.body, len(delivery.entries))
        assert arrival.manner == (delivery.to, delivery.signed_by, delivery.headers)


def test_every_share_knows_the_whole(tmp_path: Path) -> None:
    """Totals and digest are those of the schedule; what is one's own adds up to it."""
    made = [share for share, _ in shares(tmp_path, 50, 3)]

    assert {(one.total_arrivals, one.last_ms, one.digest) for one in made} == {(50, 4_900, made[0].digest)}
    assert sum(one.arrivals for one in made) == 50
    assert sum(one.items for one in made) == made[0].total_items == sum(number % 4 for number in range(50))


def test_another_schedule_has_another_digest(tmp_path: Path) -> None:
    """One byte of one body is enough."""
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
    one = write_share(a_schedule(10), tmp_path / "one", 0, 1)
    other = write_share(a_schedule(10, salt="x"), tmp_path / "other", 0, 1)

    assert one.digest != other.digest
