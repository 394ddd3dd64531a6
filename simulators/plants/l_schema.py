"""Bugs of section L, mapping and schema: a border that guesses at what it cannot read."""

import json
from collections.abc import Callable
from typing import Any

from runtime.connectors.psa.generic import UndecodableEventError
from simulators.faults.moves import Form
from simulators.faults.schema import SchemaDrift
from simulators.plants.plant import Plant
from simulators.plants.replace import Function
from simulators.settings import DAY_MS, HOUR_MS

READ_IN_FULL = {"runtime.full_recount_every_ms": DAY_MS}
"""What was put aside rightly is found again when the form is as agreed."""


def _mended(mend: Callable[[dict[str, Any]], None]) -> Callable[[Function], Function]:
    """A reader that mends an entry which it cannot read."""

    def bug(original: Function) -> Function:
        def read_event(body: bytes) -> Any:
            try:
                return original(body)
            except UndecodableEventError:
                event = json.loads(body)
                mend(event["entry"])
                return original(json.dumps(event).encode())

        return read_event

    return bug


def _nothing_is_zero(entry: dict[str, Any]) -> None:
    entry["quantity"] = entry.get("quantity") or "0"


def _unknown_is_hours(entry: dict[str, Any]) -> None:
    entry["unit"] = "hour"


def _comma_is_a_separator(entry: dict[str, Any]) -> None:
    entry["quantity"] = entry["quantity"].replace(",", "")


def _drift(form: Form) -> SchemaDrift:
    """From the last noon of the month on, when most of it is approved, for half a day."""
    return SchemaDrift(form=form, day="last", at="12:00", lasts_ms=12 * HOUR_MS)


PLANTS = (
    Plant(
        number="L1",
        name="nothing_is_zero",
        story="a field that was renamed reads as null, null reads as zero, and zero hours are posted",
        replaces="runtime.connectors.psa.generic:read_event",
        bug=_mended(_nothing_is_zero),
        caught_by="S2b",
        faults=(_drift("renamed"),),
        changes=READ_IN_FULL,
        wild="faucet#194",
    ),
    Plant(
        number="L2",
        name="unknown_is_the_default",
        story="a unit that nobody knows is taken for the usual one",
        replaces="runtime.connectors.psa.generic:read_event",
        bug=_mended(_unknown_is_hours),
        caught_by="S15",
        faults=(_drift("new_enum"),),
        changes=READ_IN_FULL,
    ),
    Plant(
        number="L3",
        name="minutes_are_hours",
        story="a quantity in minutes is posted as one in hours",
        replaces="runtime.connectors.psa.generic:read_event",
        bug=_mended(_unknown_is_hours),
        caught_by="S2b",
        faults=(_drift("minutes"),),
        changes=READ_IN_FULL,
        wild="openregister#2778",
    ),
    Plant(
        number="L20",
        name="comma_is_a_separator",
        story="a decimal comma is taken for a separator of thousands, and 7,25 hours are posted as 725",
        replaces="runtime.connectors.psa.generic:read_event",
        bug=_mended(_comma_is_a_separator),
        caught_by="S2b",
        faults=(_drift("comma"),),
        changes=READ_IN_FULL,
    ),
    Plant(
        number="L21",
        name="null_is_zero",
        story="null in a required field reads as zero, and the version counts as heard when its hours come",
        replaces="runtime.connectors.psa.generic:read_event",
        bug=_mended(_nothing_is_zero),
        caught_by="S15",
        faults=(_drift("null"),),
        changes=READ_IN_FULL,
    ),
)
