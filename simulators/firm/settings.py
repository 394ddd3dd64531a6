"""How big a firm is and how it is cut into legal entities and connector accounts; data of a scenario.

Counts by size of firm are "assumed" in the parameter table (entities, regions, largest bloc); a project takes 4.87
full-time people (QSM 2021, sourced). Shares are integers, so that they apportion the same everywhere.
"""

import calendar
from datetime import date
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from holidays import list_supported_countries
from pydantic import BaseModel, ConfigDict, Field, model_validator

from simulators.firm.catalogue import CATALOGUE, PER_USD, REGIONS

REGION_SHARES: dict[int, dict[str, int]] = {
    1: {"EMEA": 100},
    2: {"EMEA": 65, "AMER": 35},
    3: {"EMEA": 60, "AMER": 25, "APAC": 15},
    4: {"EMEA": 45, "AMER": 25, "APAC": 20, "LATAM": 10},
}
"""Percent of consultants by number of regions. The first is the largest zone bloc: 1.0, 0.6, 0.45 in the table."""


def apportion(total: int, weights: list[int]) -> list[int]:
    """`total` in parts as `weights` (largest remainder, earlier ones first in a draw), each part at least 1."""
    assert total >= len(weights), "there is at least one for each part"
    spare, mass = total - len(weights), sum(weights)
    parts = [1 + spare * weight // mass for weight in weights]
    remainders = sorted(range(len(weights)), key=lambda i: (-(spare * weights[i] % mass), i))
    for i in remainders[: total - sum(parts)]:
        parts[i] += 1
    return parts


class EntitySpec(BaseModel):
    """One legal entity named by hand. `share` weighs its consultants; accounts "" mean: by region, as drawn ones."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str = Field(min_length=2)
    region: str
    country: str = Field(min_length=2, max_length=2)
    currency: str = Field(min_length=3, max_length=3)
    zone: str
    share: int = Field(default=1, ge=1)
    erp_account: str = ""
    psa_account: str = ""

    @model_validator(mode="after")
    def _is_on_earth(self) -> "EntitySpec":
        if self.currency not in PER_USD:
            raise ValueError(f"{self.code}: no rates in {self.currency}; known are {', '.join(PER_USD)}")
        if self.country not in list_supported_countries():
            raise ValueError(f"{self.code}: no public holidays known for country {self.country}")
        try:
            ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError(f"{self.code}: {self.zone} is not a time zone") from None
        return self


class FirmSettings(BaseModel):
    """A firm. Its entities are `entities`, or `entity_count` of the catalogue over `regions` regions.

    Each region gets `accounts_per_region` pairs of ERP and PSA accounts; with `accounts` there are that many pairs
    altogether, spread over the regions by their people. Entities of a region are packed so that its accounts have
    about the same number of consultants. `weeks` keeps only the last n*7 days of the month.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    tenant: str = "acme"
    consultants: int = Field(default=500, ge=1, le=200_000)
    """Four times the largest scenario is where memory ends (assumed)."""
    entities: tuple[EntitySpec, ...] = ()
    entity_count: int = Field(default=2, ge=1)
    regions: int = Field(default=1, ge=1, le=4)
    region_shares: dict[str, int] = Field(default_factory=dict)
    """Percent of consultants by region; empty: `REGION_SHARES[regions]`."""
    accounts_per_region: int = Field(default=1, ge=1)
    shared_psa: bool = False
    """Whether the entities of a region share one PSA account, however many ERP accounts they have."""
    accounts: int | None = Field(default=None, ge=1)
    month: str = Field(default="2026-03", pattern=r"^20\d\d-(0[1-9]|1[0-2])$")
    weeks: int | None = Field(default=None, ge=1, le=4)
    people_per_project_percent: int = Field(default=487, ge=100)
    close_after_working_days: int | None = Field(default=None, ge=0, le=15)
    """The feed gate of the month shuts at 18:00 local this many working days after month end; None: it stays open."""
    amended_ppm: int = Field(default=0, ge=0, le=1_000_000)
    """Share of bill prices that a client's amendment replaces backwards, from the day they began (assumed)."""
    amended_on: int = Field(default=20, ge=1, le=62)
    """Day of the month at whose 12:00 UTC those amendments are published; days past the end run on."""

    @model_validator(mode="after")
    def _can_be_built(self) -> "FirmSettings":
        codes = [spec.code for spec in self.entities]
        if len(set(codes)) != len(codes):
            raise ValueError("entities: every code may stand once")
        count = len(codes) or self.entity_count
        if count > self.consultants:
            raise ValueError(f"{count} entities need at least as many consultants, not {self.consultants}")
        unknown = [region for region in self.region_shares if region not in REGIONS]
        if unknown:
            raise ValueError(f"region_shares: {unknown[0]} is not one of {', '.join(REGIONS)}")
        if not codes:
            if self.entity_count < len(self.shares):
                raise ValueError(f"{len(self.shares)} regions need at least as many entities")
            for region, wanted in self.entities_by_region.items():
                if wanted > len(CATALOGUE[region]):
                    raise ValueError(f"the catalogue has {len(CATALOGUE[region])} entities in {region}, not {wanted}")
        return self

    @property
    def shares(self) -> dict[str, int]:
        """Percent of consultants by region, largest first as listed."""
        return self.region_shares or REGION_SHARES[self.regions]

    @property
    def entities_by_region(self) -> dict[str, int]:
        """How many entities are drawn in each region: as many as its people ask for, one at least."""
        counts = apportion(self.entity_count, list(self.shares.values()))
        return dict(zip(self.shares, counts, strict=True))

    @property
    def month_first(self) -> date:
        """First civil day of the month."""
        return date.fromisoformat(f"{self.month}-01")

    @property
    def month_last(self) -> date:
        """Last civil day of the month."""
        first = self.month_first
        return first.replace(day=calendar.monthrange(first.year, first.month)[1])
