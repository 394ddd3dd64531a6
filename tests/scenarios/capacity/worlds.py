"""Small worlds to plan for: sixty people, two legal entities, one ERP account, the last week of March."""

from scenarios.capacity.rehearse import Promise
from simulators.faults.network import LostReply, LostRequest
from simulators.firm.settings import FirmSettings
from simulators.settings import MINUTE_MS, RuntimeSettings, WorldSettings
from simulators.systems.erp_profile import ErpProfile, Latency, Quota

FIRM = FirmSettings(consultants=60, entity_count=2, weeks=1)
TIGHT = WorldSettings(
    firm=FIRM,
    erp=ErpProfile(name="tight", quota=Quota(calls=6, window_ms=5 * MINUTE_MS)),
    runtime=RuntimeSettings(batch_max=10),
)
"""An ERP that counts calls, and is never wrong."""
LOSSY = TIGHT.model_copy(update={"faults": (LostRequest(ppm=100_000), LostReply(ppm=100_000))})
"""The same, with a fifth of its calls lost."""
SLOW = WorldSettings(
    firm=FIRM,
    erp=ErpProfile(name="slow", quota=None, latency=Latency(p50_ms=20_000, p99_ms=24_000)),
    runtime=RuntimeSettings(batch_max=1),
)
"""An ERP that limits no calls and takes twenty seconds for each row."""
QUARTER = Promise(995_000, 15 * MINUTE_MS)
"""In time: 99.5 % a quarter of an hour after the cut-off."""
