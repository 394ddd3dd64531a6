"""Load runs made by hand: a folder with what a run would have left in it."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from scenarios.catalogue import all_scenarios
from scenarios.load.profile import LoadProfile, load_profile
from scenarios.load.results import (
    APPROVED,
    LANDINGS,
    PLACES,
    ApprovedRow,
    GeneratorFigures,
    LandingRow,
    LoadRun,
    PlaceRow,
    write_run,
)

CUTOFF_MS = 177_000
"""Of the profile below: the hour of the cut-off in three minutes, and a minute of scenario time after it."""
ACCOUNTS = {"DE01": ("erp-emea-1", "psa-emea-1"), "GB01": ("erp-emea-1", "psa-emea-1")}
CUTOFFS = {"DE01": CUTOFF_MS, "GB01": CUTOFF_MS}
ON_TIME = GeneratorFigures(planned_per_s=10, reached_per_s=10, lateness_p50_ms=0, lateness_p99_ms=2)


def profile(**more: Any) -> LoadProfile:
    """Two entities behind one account, the hour before their cut-off in three minutes."""
    return load_profile(all_scenarios()["quiet_week"], **more)


def approved(
    entry: str, at_ms: int = 1_000, version: int = 1, entity: str = "DE01", *, to_post: bool = True, worth: int = 100
) -> ApprovedRow:
    """A version that was approved."""
    return ApprovedRow(entry, version, entity, "EMEA", at_ms, to_post, worth if to_post else None, "EUR")


def landed(
    entry: str, at_ms: int = 3_000, version: int = 1, entity: str = "DE01", leg: str = "post", amount: int = 100
) -> LandingRow:
    """A line that came to stand."""
    return LandingRow(entry, version, entity, at_ms, leg, amount, "EUR")


def folder_of(
    folder: Path,
    approvals: Iterable[ApprovedRow],
    landings: Iterable[LandingRow],
    places: Iterable[tuple[str, str]] | None = (),
    **more: Any,
) -> Path:
    """A folder of a live run. `places`: entry and place of what does not stand; None: nobody asked."""
    told: dict[str, Any] = {"kind": "live", "profile": profile(), "ended_ms": 200_000, "generator": ON_TIME}
    write_run(folder, LoadRun(**told | more))
    rows = list(approvals)
    APPROVED.write(folder, rows)
    LANDINGS.write(folder, landings)
    if places is not None:
        newest = {row.entry: row for row in rows}
        PLACES.write(
            folder, [PlaceRow(entry, newest[entry].version, newest[entry].entity, said, "") for entry, said in places]
        )
    return folder
