"""What can be bought, agreed or turned before a month-end, as one value, and a scenario's world under it.

    scenario ── now ──▶ Setting ── replaced by options ──▶ Setting ── under ──▶ the world that is simulated

Concurrency and quota are the vendor's units: requests of one ERP account on the wire at once, and calls of one account
in any window of so many milliseconds. Volume is in percent of the scenario's own.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import time

from simulators.faults.kinds import Fault
from simulators.faults.maintenance import MaintenanceAnnounced, MaintenanceUnannounced
from simulators.firm.model import Firm
from simulators.firm.settings import EntitySpec
from simulators.settings import MINUTE_MS, WorldSettings

AS_IT_IS = "as in the scenario"
NO_MAINTENANCE = "none"
PART = "."
"""Between a legal entity and the number of its partition, where it has several."""
DAY_MIN = 24 * 60


@dataclass(frozen=True, slots=True)
class Setting:
    """One way to run a month-end. `quota` None: the vendor limits no calls. `hosts`: in each region."""

    concurrency: int
    quota: int | None
    window_ms: int
    batch: int
    partitions: int = 1
    hosts: int = 1
    volume_percent: int = 100
    maintenance: str = AS_IT_IS
    """`AS_IT_IS`, `NO_MAINTENANCE`, or "17:00-19:00" on the last day, on the clock of each account."""

    def words(self) -> str:
        """The setting in the vendor's units."""
        return f"{concurrent(self.concurrency)}, {self.quota_words()}, {self.batch} rows a call"

    def quota_words(self) -> str:
        """The quota in the vendor's unit."""
        return "no quota" if self.quota is None else calls(self.quota, self.window_ms)


def concurrent(number: int) -> str:
    """3 -> "3 concurrent requests"."""
    return f"{number} concurrent request" + ("" if number == 1 else "s")


def calls(number: int, window_ms: int) -> str:
    """(32, 300_000) -> "32 calls per 5 minutes"."""
    return f"{number} call{'' if number == 1 else 's'} per {window_words(window_ms)}"


def window_words(window_ms: int) -> str:
    """300_000 -> "5 minutes", 60_000 -> "minute", 3_600_000 -> "hour", 15_000 -> "15 seconds"."""
    for unit_ms, word in ((3_600_000, "hour"), (60_000, "minute"), (1_000, "second"), (1, "millisecond")):
        if window_ms % unit_ms == 0:
            number = window_ms // unit_ms
            return word if number == 1 else f"{number} {word}s"
    raise AssertionError("every whole number of milliseconds is some milliseconds")


def now(world: WorldSettings) -> Setting:
    """The setting that the scenario itself describes, on one host a region."""
    quota = world.erp.quota
    return Setting(
        world.runtime.concurrent_max,
        quota.calls if quota else None,
        quota.window_ms if quota else 5 * MINUTE_MS,
        min(world.runtime.batch_max, world.erp.batch_rows_max),
    )


def under(setting: Setting, world: WorldSettings, firm_of: Callable[[WorldSettings], Firm]) -> WorldSettings:
    """The scenario's world under a setting. `firm_of` is asked for the legal entities, if they are to be split."""
    quota = world.erp.quota
    if setting.quota is None:
        quota = None
    elif quota is None:
        quota = (
            type(world)
            .model_fields["erp"]
            .default.quota.model_copy(update={"calls": setting.quota, "window_ms": setting.window_ms})
        )
    else:
        quota = quota.model_copy(update={"calls": setting.quota, "window_ms": setting.window_ms})
    people = world.people.model_copy(
        update={"volume_percent": max(1, world.people.volume_percent * setting.volume_percent // 100)}
    )
    changed = world.model_copy(
        update={
            "erp": world.erp.model_copy(
                update={"quota": quota, "batch_rows_max": max(world.erp.batch_rows_max, setting.batch)}
            ),
            "runtime": world.runtime.model_copy(
                update={"concurrent_max": setting.concurrency, "batch_max": setting.batch}
            ),
            "people": people,
            "faults": _faults(setting.maintenance, world.faults),
        }
    )
    return changed if setting.partitions == 1 else _split(changed, setting.partitions, firm_of(world))


def legal_entity(partition: str) -> str:
    """The legal entity that a partition is a part of."""
    return partition.partition(PART)[0]


def _faults(maintenance: str, faults: tuple[Fault, ...]) -> tuple[Fault, ...]:
    if maintenance == AS_IT_IS:
        return faults
    kept = tuple(
        fault
        for fault in faults
        if not (isinstance(fault, MaintenanceAnnounced | MaintenanceUnannounced) and fault.system == "erp")
    )
    if maintenance == NO_MAINTENANCE:
        return kept
    opens, lasts_ms = window_of(maintenance)
    return (MaintenanceAnnounced(day="last", at=opens, lasts_ms=lasts_ms), *kept)


def window_of(words: str) -> tuple[str, int]:
    """("17:00-19:00") -> ("17:00", 7_200_000); past midnight runs on. Raises ValueError for anything else."""
    opens, dash, closes = words.partition("-")
    if not dash or len(opens) != len("17:00") or len(closes) != len("17:00"):
        raise ValueError(words)
    first, last = time.fromisoformat(opens), time.fromisoformat(closes)
    minutes = (last.hour * 60 + last.minute - first.hour * 60 - first.minute) % DAY_MIN
    return opens, (minutes or DAY_MIN) * MINUTE_MS


def _split(world: WorldSettings, partitions: int, firm: Firm) -> WorldSettings:
    """Every legal entity as several partitions with the same number of people, on the same accounts."""
    heads: dict[str, int] = {}
    for person in firm.consultants:
        heads[person.entity] = heads.get(person.entity, 0) + 1
    specs = [
        EntitySpec(
            code=f"{entity.code}{PART}{number + 1}",
            region=entity.region,
            country=entity.country,
            currency=entity.currency,
            zone=entity.zone,
            share=heads[entity.code] // partitions + (number < heads[entity.code] % partitions),
            erp_account=entity.erp_account,
            psa_account=entity.psa_account,
        )
        for entity in firm.entities
        for number in range(min(partitions, heads[entity.code]))
    ]
    return world.model_copy(update={"firm": world.firm.model_copy(update={"entities": tuple(specs)})})


def changed(setting: Setting, knob: str, number: int) -> Setting:
    """The setting with one number changed; `knob` is "concurrency" or "quota"."""
    return replace(setting, concurrency=number) if knob == "concurrency" else replace(setting, quota=number)
