"""A live firm, and the simplest feed that does its work: what the source approved is posted, row by row and at once."""

from dataclasses import replace
from decimal import Decimal

from runtime.connectors.erp.generic import GenericErp, build_login, freeze, read_login
from runtime.core.answers import Applied, RowsAnswered
from runtime.core.effects import SendBatch
from runtime.core.model import Leg, Posting
from runtime.ports import Request
from simulators.auditors.pricing import Pricing
from simulators.evidence import ApprovedVersion
from simulators.faults.kinds import Fault
from simulators.firm.settings import FirmSettings
from simulators.live import Approved, LiveFirm
from simulators.settings import RuntimeSettings, WorldSettings
from simulators.systems.erp_profile import ErpProfile, Latency
from simulators.systems.psa_profile import PsaProfile

NOW_MS = 1_800_000_000_000
"""Some instant long after the firm's month."""
TWO_ENTITIES = WorldSettings(
    firm=FirmSettings(consultants=12, entity_count=2),
    erp=ErpProfile(name="plain", quota=None, latency=Latency(p50_ms=1, p99_ms=1, per_row_us=0, door_ms=0)),
    psa=PsaProfile(latency_low_ms=0, latency_high_ms=0),
    runtime=RuntimeSettings(call_deadline_ms=1_000, late_landing_ms=5_000),
)


def a_world(*faults: Fault) -> WorldSettings:
    """Two small entities that share an ERP which answers at once."""
    return TWO_ENTITIES.model_copy(update={"faults": faults})


def a_firm(*faults: Fault) -> LiveFirm:
    """The firm of that world."""
    return LiveFirm(a_world(*faults), 1, NOW_MS)


def token(firm: LiveFirm, entity: str, now_ms: int = NOW_MS) -> str:
    """A session at the entity's ERP."""
    erp = firm.erps[firm.by_code[entity].erp_account]
    read = read_login(erp.answer(build_login(firm.profile.login.credential), now_ms).response)
    assert isinstance(read, tuple)
    return read[0]


class Feed:
    """Posts what was approved, exactly; whoever wants a mistake changes a posting on its way."""

    def __init__(self, firm: LiveFirm) -> None:
        self.firm = firm
        self.pricing = Pricing(firm.firm.rates)
        self.standing: dict[str, Posting] = {}
        self.tokens = {code: token(firm, code) for code in firm.by_code}

    def carry(self, approved: Approved) -> None:
        """Reverse what stands of the entry, and post the version if it is one to post."""
        for posting in self.postings(approved):
            self.post(posting)

    def postings(self, approved: Approved) -> list[Posting]:
        """What has to be posted for this version."""
        version = self.firm.evidences[approved.entity].versions[approved.entry_id][approved.version - 1]
        before = self.standing.pop(approved.entry_id, None)
        made = [] if before is None else [_reversal(before)]
        if not version.withdrawn:
            posting = self.standing[approved.entry_id] = self.posting(approved.entity, version)
            made.append(posting)
        return made

    def posting(self, entity: str, version: ApprovedVersion) -> Posting:
        """The line for this version."""
        worth = self.pricing.worth(version)
        assert worth is not None, f"{version.entry_id} has no price"
        booked = version.assignment
        return Posting(
            f"{entity}/{version.entry_id}/{version.version}/post",
            version.entry_id,
            version.version,
            Leg.POST,
            1,
            entity,
            booked.project,
            booked.task,
            booked.worker,
            booked.role,
            version.work_date,
            version.work_date,
            f"{version.work_date:%Y-%m}",
            Decimal(version.quarter_hours) / 4,
            "hour",
            worth.bill_minor,
            worth.bill_currency,
            worth.cost_minor,
            worth.cost_currency,
            "",
            "",
            version.narrative,
            version.dimensions,
        )

    def request(self, *postings: Posting) -> Request:
        """The call that posts these lines."""
        entity = postings[0].entity
        built = GenericErp(entity).build(SendBatch("call-1", tuple(map(freeze, postings))))
        return replace(built, headers={**built.headers, "Authorization": f"Bearer {self.tokens[entity]}"})

    def post(self, posting: Posting) -> None:
        """Post one line."""
        erp = self.firm.erps[self.firm.by_code[posting.entity].erp_account]
        reply = erp.answer(self.request(posting), NOW_MS + 1)
        answer = GenericErp(posting.entity).read(SendBatch("call-1", (freeze(posting),)), reply.response)
        assert isinstance(answer, RowsAnswered), answer
        assert isinstance(answer.rows[0], Applied), answer.rows[0]


def _reversal(of: Posting) -> Posting:
    return replace(
        of,
        key=of.key.replace("/post", "/reverse"),
        leg=Leg.REVERSE,
        quantity=-of.quantity,
        bill_minor=-of.bill_minor,
        cost_minor=-of.cost_minor,
        reverses=of.key,
    )
