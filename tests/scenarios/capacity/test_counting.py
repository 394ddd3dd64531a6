"""A partition that counts: what it sends when, and what follows each answer."""

from dataclasses import dataclass, field

import pytest

from runtime.core.answers import Door, Doubt, Silent, TurnedAway
from runtime.ports import Request
from scenarios.capacity.cohorts import Cohort
from scenarios.capacity.counting import CountingErp, CountingPartition, OpenCall, Served
from simulators.evidence import AccountEvidence
from simulators.settings import MINUTE_MS, WorldSettings
from simulators.systems.erp_profile import ErpProfile, Staging
from simulators.virtual_time import Clock
from simulators.world import partition_policy
from tests.scenarios.capacity.worlds import TIGHT


@dataclass
class Generous:
    """An account that grants whatever is asked for at once, and keeps what leaves on the wire."""

    name: str = "erp"
    wire: list[OpenCall] = field(default_factory=list)
    asked: int = 0
    partition: CountingPartition | None = None
    account: "Generous" = field(init=False)
    demand: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.account = self

    def ask(self, _entity: str, calls: int) -> None:
        """Somebody would start so many calls."""
        self.asked = calls

    def pump(self) -> None:
        """Grant them."""
        while self.asked:
            assert self.partition is not None
            self.partition.start(self)  # type: ignore[arg-type]  # a desk as far as a partition knows it

    def call(self, _lane: object, effect: OpenCall, *_: object) -> None:
        """It leaves."""
        self.wire.append(effect)


@dataclass
class Bench:
    """One partition of a world, and everything around it."""

    partition: CountingPartition
    desk: Generous
    erp: CountingErp
    clock: Clock

    def arrives(self, rows: int, due: int = 0, posts: int = 0) -> None:
        """Rows arrive now."""
        self.partition.hear(Cohort(self.clock.now_ms, "DE01", rows, due, posts))

    def answers(self, answer: object) -> None:
        """The oldest call on the wire is answered."""
        self.partition.answered(self.desk.wire.pop(0), answer)

    def on_the_wire(self) -> list[tuple[str, int]]:
        """(kind, rows) of every call that is not answered."""
        return [(call.kind, sum(cohort.rows for cohort in call.cohorts)) for call in self.desk.wire]


def bench(world: WorldSettings = TIGHT, profile: ErpProfile | None = None) -> Bench:
    """A partition with batches of ten, which lingers 20 s and may have eight calls open."""
    clock, desk = Clock(0), Generous()
    erp = CountingErp(profile or world.erp, "erp", 1, AccountEvidence("erp"))
    policy = partition_policy(world, "acme", "DE01", 0)
    partition = CountingPartition(clock, desk, erp, policy)  # type: ignore[arg-type]  # a desk, likewise
    desk.partition = partition
    return Bench(partition, desk, erp, clock)


def test_a_full_batch_leaves_at_once_and_the_rest_lingers() -> None:
    """25 rows are two full calls, and a third with five when the first in line has waited for 20 s."""
    some = bench()
    some.arrives(25)
    assert some.on_the_wire() == [("post", 10), ("post", 10)]
    some.clock.run(19_999)
    assert len(some.on_the_wire()) == 2
    some.clock.run(20_001)
    assert some.on_the_wire()[2:] == [("post", 5)]


def test_no_more_calls_are_open_than_a_partition_may_have() -> None:
    """A hundred rows are eight calls of ten, and the next leaves when one comes back."""
    some = bench()
    some.arrives(100)
    assert some.on_the_wire() == [("post", 10)] * 8
    some.answers(TurnedAway(Door.MAINTENANCE, None))
    assert some.on_the_wire() == [("post", 10)] * 8


def test_silence_asks_before_it_sends_again() -> None:
    """A silent batch is asked about once a late landing is impossible, and not a millisecond before; what is not there
    goes again."""
    some = bench()
    some.arrives(10)
    some.answers(Silent(Doubt.SILENCE))
    some.clock.run(5 * MINUTE_MS)
    assert some.on_the_wire() == []
    some.clock.run(5 * MINUTE_MS + 1)
    assert some.on_the_wire() == [("look_up", 10)]
    some.answers(Served())
    assert some.on_the_wire() == [("post", 10)]


def test_silence_about_rows_that_stand_sends_nothing_again() -> None:
    """Where only the answer was lost, the look-up finds the rows, and they are done."""
    some = bench()
    some.arrives(10)
    some.desk.wire[0].stands_ms[0] = 1_000
    some.answers(Silent(Doubt.SILENCE))
    some.clock.run(6 * MINUTE_MS)
    some.answers(Served())
    some.clock.run(10 * MINUTE_MS)
    assert (some.on_the_wire(), some.partition.rows) == ([], 0)


@pytest.mark.parametrize("answer", [Silent(Doubt.SILENCE), TurnedAway(Door.THROTTLED, 1_000)])
def test_a_question_that_is_lost_is_asked_again(answer: object) -> None:
    """A look-up that brought nothing is repeated after the back-off of half a minute."""
    some = bench()
    some.arrives(10)
    some.answers(Silent(Doubt.SILENCE))
    some.clock.run(5 * MINUTE_MS + 1)
    some.answers(answer)
    some.clock.run(5 * MINUTE_MS + 30_000)
    assert some.on_the_wire() == []
    some.clock.run(5 * MINUTE_MS + 30_002)
    assert some.on_the_wire() == [("look_up", 10)]


def test_a_posting_follows_its_reversal() -> None:
    """A change is reversed first; when that stands, its posting joins the line and lingers like any other."""
    some = bench()
    some.arrives(1, posts=1)
    some.clock.run(20_001)
    assert some.on_the_wire() == [("post", 1)]
    some.desk.wire[0].stands_ms[0] = some.clock.now_ms
    some.answers(Served())
    assert some.on_the_wire() == []
    some.clock.run(40_003)
    assert some.on_the_wire() == [("post", 1)]


def test_the_erp_has_rows_stand_once_and_late_where_it_stages() -> None:
    """A request that is delivered twice posts once; staged rows stand when the import has run."""
    profile = ErpProfile(name="staged", quota=None, staging=Staging(shortest_ms=60_000, longest_ms=60_000))
    profile = profile.model_copy(update={"login": profile.login.model_copy(update={"required": False})})
    some = bench(profile=profile)
    some.arrives(10, due=9)
    request = Request("POST", "/ledger", {"X-Call": "DE01/1"}, b"")
    first, second = some.erp.answer(request, 1_000), some.erp.answer(request, 2_000)
    assert (first.response.status, second.response.status) == (200, 200)
    assert [(landing.at_ms, landing.rows) for landing in some.erp.stood["DE01"]] == [(61_000, 9)]
    some.clock.run(3_000)
    some.answers(Served())
    some.clock.run(3_000 + 5 * MINUTE_MS)
    assert some.on_the_wire() == []
    some.clock.run(3_001 + 5 * MINUTE_MS)
    assert some.on_the_wire() == [("look_up", 10)]
