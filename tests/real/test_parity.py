"""The same recorded input through virtual time and through the asyncio driver leaves the same ledger."""

from dataclasses import replace

import pytest

from runtime.core.model import Gate
from runtime.core.news import PeriodPublished
from scenarios.parity import WORLDS, ledger_of_virtual_time, parity, played
from scenarios.transcript import Delivered, Moment, Told, transcript_of


@pytest.mark.parametrize("name", WORLDS)
def test_asyncio_leaves_the_ledger_of_virtual_time(name: str) -> None:
    """Corrections, withdrawals, second thoughts, staged rows, a closed month, late projects: the same lines stand."""
    found = parity(*WORLDS[name])
    assert found.differences == ()
    assert found.versions > found.standing > 30
    assert found.lines["asyncio"] >= found.standing


def test_input_that_differs_leaves_another_ledger() -> None:
    """A delivery that is left out, and a period that closes too early, are found; so equal ledgers say something."""
    recorded = transcript_of(*WORLDS["closing"])
    ours = ledger_of_virtual_time(recorded)
    first = next(at for at, moment in enumerate(recorded.moments) if isinstance(moment, Delivered))
    lacking = replace(recorded, moments=[*recorded.moments[:first], *recorded.moments[first + 1 :]])
    assert any(text.startswith("standing") for text in ours.differences(played(lacking, "asyncio")[0]))

    shut = next(at for at, moment in enumerate(recorded.moments) if _shuts(moment))
    rest = [moment for at, moment in enumerate(recorded.moments) if at != shut]
    early = replace(recorded, moments=[*rest[:first], recorded.moments[shut], *rest[first:]])
    assert any(text.startswith("standing") for text in ours.differences(played(early, "asyncio")[0]))


def _shuts(moment: Moment) -> bool:
    """Whether the partition hears that the gate of the open month shuts."""
    if not isinstance(moment, Told) or not isinstance(moment.news[0], PeriodPublished):
        return False
    period = moment.news[0].period
    return (period.module, period.name, period.gate) == ("time", "2026-03", Gate.SHUT)
