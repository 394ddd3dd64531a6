"""What a month-end waits for, looked at every minute from an hour before the cut-off until it is clear.

Asked are the runtime's own account machine, which knows why it grants nothing, and the partitions, which know how many
calls they have open. A minute in which nobody waits for anything is not counted.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from runtime.core.account import Account, Mode
from scenarios.capacity.setting import legal_entity
from simulators.evidence import Call

PPM = 1_000_000
HOT_PPM = 800_000
"""An entity with more than this share of what waits on its account, minute after minute, is hot (ours)."""
CLOSED, QUOTA, CONCURRENCY, PARTITION, NOTHING = (
    "ERP closed",
    "ERP quota",
    "ERP concurrency",
    "one hot entity",
    "nothing",
)
"""What can hold an account up, in the order in which it is asked. A partition that has all the calls open that it may
have, while its account would grant more, is an entity too hot for one partition."""


@dataclass(frozen=True, slots=True)
class AccountSeen:
    """One ERP account around its cut-off.

    `held_min`: minutes in which somebody waited, by what for. `hot`: the entity whose rows most of them were, if one
    stands out. `fill`: how full the posting calls were (1: as full as they may be), `posts` and `asks` how many calls
    posted and how many asked after rows in doubt.
    """

    account: str
    held_min: Mapping[str, int]
    hot: str
    fill: float
    posts: int
    asks: int

    @property
    def binds(self) -> str:
        """What most of the waiting was for."""
        return max(self.held_min, key=lambda why: self.held_min[why], default=NOTHING)


@dataclass(frozen=True, slots=True)
class InLine:
    """One partition at an instant: rows in line, a full batch, calls open and how many it may have."""

    entity: str
    rows: int
    batch: int
    open_calls: int
    calls_max: int


@dataclass(slots=True)
class Holdups:
    """The minutes of one account in which somebody waited: when, for what, and which entity stands out."""

    account: str
    minutes: list[tuple[int, str, str]] = field(default_factory=list)

    def look(self, now_ms: int, account: Account, lines: Iterable[InLine]) -> None:
        """Look once."""
        lines = list(lines)
        why = holds_up(account, now_ms) or _own_calls(lines)
        if why:
            waiting: dict[str, int] = {}
            for line in lines:
                entity = legal_entity(line.entity)
                waiting[entity] = waiting.get(entity, 0) + line.rows
            most = max(waiting, key=lambda entity: waiting[entity])
            hot = len(waiting) > 1 and waiting[most] * PPM > HOT_PPM * sum(waiting.values())
            self.minutes.append((now_ms, why, most if hot else ""))

    def seen(self, calls: Iterable[Call], from_ms: int, until_ms: int, full: int) -> AccountSeen:
        """The account between two instants. `full`: rows of a full call."""
        held: dict[str, int] = {}
        hot: dict[str, int] = {}
        for at_ms, why, most in self.minutes:
            if from_ms <= at_ms <= until_ms:
                held[why] = held.get(why, 0) + 1
                hot[most] = hot.get(most, 0) + 1
        hottest = max(hot, key=lambda entity: hot[entity], default="")
        posts, asks = _rush(calls, from_ms, until_ms)
        return AccountSeen(
            self.account,
            held,
            hottest if 2 * hot.get(hottest, 0) > sum(held.values()) else "",
            sum(posts) / (len(posts) * full) if posts else 1.0,
            len(posts),
            asks,
        )


def _rush(calls: Iterable[Call], from_ms: int, until_ms: int) -> tuple[Sequence[int], int]:
    """Rows of each posting call that was served between two instants, and how many calls asked."""
    served = [call for call in calls if from_ms <= call.at_ms <= until_ms and call.outcome == "served"]
    return [call.rows for call in served if call.kind == "post"], sum(call.kind == "look_up" for call in served)


def holds_up(account: Account, now_ms: int) -> str:
    """What keeps those who ask for a permit from having one; "" when nobody has to wait."""
    if not account.demand:
        return ""
    policy = account.policy
    if account.mode is not Mode.OPEN or now_ms < account.rest_until_ms:
        return CLOSED
    horizon = now_ms - policy.quota_window_ms - policy.quota_margin_ms
    if sum(1 for left_ms in account.sent if left_ms > horizon) >= policy.quota_calls:
        return QUOTA
    return CONCURRENCY if account.on_the_wire >= policy.concurrent_max else ""


def _own_calls(lines: Iterable[InLine]) -> str:
    """Whether a partition with a full batch in line has all the calls open that it may have."""
    return PARTITION if any(one.rows >= one.batch and one.open_calls >= one.calls_max for one in lines) else ""
