"""Bugs of section C, reading and cursors: rows that the source has and nobody reads.

All but one are planted where no full recount runs, for that finds again whatever a cursor misses; without it they lose
entries for good.
"""

from typing import Any

from runtime.core.answers import HeadsListed, Republished
from runtime.core.effects import Effect, Fetch, Recount
from runtime.core.news import EntryApproved
from runtime.core.partition.state import State
from runtime.core.records import FetchSent, HeadsFoundMissing, Record, RecountTurned
from runtime.ports import Request, Response
from simulators.faults.bulk import BulkEdit
from simulators.faults.network import LostReply
from simulators.faults.reading import LateCommit, ShortPage, SourceClockBehind, UnbumpedStamp
from simulators.faults.source import MissingEvent
from simulators.plants.plant import Plant
from simulators.plants.replace import Function
from simulators.settings import DAY_MS, HOUR_MS, MINUTE_MS

UNPUSHED = MissingEvent(ppm=300_000)
"""Three events in ten are never sent, so that there is something to read."""
MANY_CORRECTIONS = {"people.correction_ppm": 300_000, "people.withdrawal_ppm": 100_000}
SMALL_PAGES = {"psa.page_size": 10}
SHORT_RUN = {
    "runtime.full_recount_every_ms": 6 * HOUR_MS,
    "drain_ms": 2 * DAY_MS,
    "calm_before_end_ms": DAY_MS,
}
"""For reads that never end, which cost the more the longer a run is."""


ONE_DAY = {"runtime.full_recount_every_ms": 60 * DAY_MS}
"""There is a full recount, and it comes after everything has been judged."""


def _paged_by_stamp(original: Function, beyond_ms: int) -> Function:
    """The token of the next page begins with a stamp, so the next page is asked for by that."""

    def build(self: Any, effect: Effect) -> Request:
        request: Request = original(self, effect)
        if not isinstance(effect, Recount) or not effect.page:
            return request
        since_ms = int(effect.page.partition(".")[0]) + beyond_ms
        path = f"/published?entity={self.entity}&since_ms={since_ms}&page="
        return Request(request.method, path, request.headers, request.body)

    return build


def _strictly_after(original: Function) -> Function:
    return _paged_by_stamp(original, 1)


def _from_the_same_stamp(original: Function) -> Function:
    return _paged_by_stamp(original, 0)


PAGE_ROWS = 10
"""How many rows fit on a page, as the engineer read in the vendor's documentation (and as the plants set it)."""


def _offset_plus_limit(original: Function) -> Function:
    """The next page begins a page further on, however many rows this one had."""

    def read(self: Any, effect: Effect, response: Response) -> Any:
        answer = original(self, effect, response)
        if not isinstance(answer, HeadsListed) or not answer.next_page:
            return answer
        stamp, _, position = answer.next_page.partition(".")
        begin = int(position) - len(answer.heads)
        return HeadsListed(answer.heads, f"{stamp}.{begin + PAGE_ROWS}")

    return read


def _short_page_is_the_last(original: Function) -> Function:
    """A page with fewer rows than fit is taken for the last one."""

    def read(self: Any, effect: Effect, response: Response) -> Any:
        answer = original(self, effect, response)
        if isinstance(answer, HeadsListed) and len(answer.heads) < PAGE_ROWS:
            return HeadsListed(answer.heads, "")
        return answer

    return read


def _watermark_of_the_end(original: Function) -> Function:
    """The next read begins where this one ended, which is "now" when its last page came."""

    def recount_turned(state: State, record: RecountTurned) -> None:
        original(state, record)
        if not record.next_page:
            state.head.recount_since_ms = record.at_ms

    return recount_turned


def _no_overlap(original: Function) -> Function:
    """The next read begins where this one began: "the source's clock is as good as ours"."""

    def recount_turned(state: State, record: RecountTurned) -> None:
        original(state, record)
        if not record.next_page:
            state.head.recount_since_ms = state.head.recount_began_ms

    return recount_turned


def _never_in_full(original: Function) -> Function:
    """Full recounts are planned and never made: the cursor is enough, whatever changes moves its stamp."""

    def recount_turned(state: State, record: RecountTurned) -> None:
        original(state, record)
        if not record.next_page:
            reach_ms = state.policy.recount_overlap_ms
            state.head.recount_since_ms = max(0, state.head.recount_began_ms - reach_ms)

    return recount_turned


def _restful(original: Function) -> Function:
    """A rest between two pages, to be kind to the source; its tokens do not live that long."""

    def recount_turned(state: State, record: RecountTurned) -> None:
        original(state, record)
        if record.next_page:
            state.head.recount_at_ms = record.at_ms + 2 * MINUTE_MS

    return recount_turned


def _approvals_alone(original: Function) -> Function:
    """What is fetched is approved time; what was taken back is not, and is left out."""

    def read(self: Any, effect: Effect, response: Response) -> Any:
        answer = original(self, effect, response)
        if isinstance(effect, Fetch) and isinstance(answer, Republished):
            news = tuple(one for one in answer.news if isinstance(one, EntryApproved))
            return Republished(news, answer.dead_letters)
        return answer

    return read


def _passes_what_failed(original: Function) -> Function:
    """A fetch is ticked off when it leaves; what did not come is past the cursor."""

    def call_answered(
        state: State, call: Any, answer: Any, seen: Any, now_ms: int, out: list[Record], *more: Any
    ) -> None:
        made = len(out)
        original(state, call, answer, seen, now_ms, out, *more)
        if call.kind == "fetch":
            out[made:] = [record for record in out[made:] if not isinstance(record, HeadsFoundMissing)]

    return call_answered


def _known_is_known(original: Function) -> Function:
    """An entry of which any version was heard is not missing."""

    def heard(state: State, entry_id: str, seen: dict[str, int]) -> int:
        return -1 if original(state, entry_id, seen) else 0

    return heard


def _one_fetch_is_enough(original: Function) -> Function:
    """What is missing is forgotten as soon as the first fetch leaves, however many rows it could take."""

    def fetch_sent(state: State, record: FetchSent) -> None:
        original(state, record)
        state.missing.clear()

    return fetch_sent


def _what_left_memory_is_missing(original: Function) -> Function:
    """A listing is compared with what is in memory, and not with what the journal knows."""

    def heard(state: State, entry_id: str, seen: dict[str, int]) -> int:
        known: int = original(state, entry_id, {})
        return known

    return heard


PLANTS = (
    Plant(
        number="C1",
        name="strictly_after_the_stamp",
        story="the next page is asked for by what is later than the last stamp, and rows of that very stamp are lost",
        replaces="runtime.connectors.psa.generic:GenericPsa.build",
        bug=_strictly_after,
        caught_by="S2",
        faults=(UNPUSHED,),
        changes=SMALL_PAGES,
        wild="estuary/connectors#2037, airbytehq/airbyte#14732",
    ),
    Plant(
        number="C2",
        name="the_same_page_again",
        story="the next page is asked for from the last stamp on, and where a page is all of one stamp it comes again",
        replaces="runtime.connectors.psa.generic:GenericPsa.build",
        bug=_from_the_same_stamp,
        caught_by="L5",
        # Slow answers, so that a read that never ends costs little.
        faults=(BulkEdit(day=31, at="12:00", share_ppm=1_000_000),),
        changes={
            **SMALL_PAGES,
            **SHORT_RUN,
            "psa.latency_low_ms": 100_000,
            "psa.latency_high_ms": 100_000,
            "runtime.call_deadline_ms": 2 * MINUTE_MS,
        },
        wild="teambtcmap/btcmap-api#1189",
    ),
    Plant(
        number="C3",
        name="offset_plus_limit",
        story="the next page begins a whole page further on, and what a short page did not show is skipped",
        replaces="runtime.connectors.psa.generic:GenericPsa.read",
        bug=_offset_plus_limit,
        caught_by="S2",
        faults=(UNPUSHED, ShortPage(ppm=600_000)),
        changes=SMALL_PAGES,
        wild="airbytehq/airbyte#21500",
    ),
    Plant(
        number="C4",
        name="watermark_of_the_end",
        story="the next read begins at the instant at which the last one ended, and not where that had begun to look",
        replaces="runtime.core.partition.apply:_recount_turned",
        bug=_watermark_of_the_end,
        caught_by="S2",
        # No later than the declared overlap reaches back.
        faults=(LateCommit(ppm=700_000, delay_ms_low=30 * MINUTE_MS, delay_ms_high=2 * HOUR_MS),),
        changes=ONE_DAY,
        wild="airbytehq/airbyte#85918",
    ),
    Plant(
        number="C6",
        name="cursor_passes_what_failed",
        story="rows whose fetch failed are ticked off like those that came",
        replaces="runtime.core.partition.answered:_call_answered",
        bug=_passes_what_failed,
        caught_by="S2",
        faults=(UNPUSHED, LostReply(ppm=500_000, calls=("fetch",))),
        wild="dbtrail#760, nerve#410",
    ),
    Plant(
        number="C7",
        name="never_read_in_full",
        story="the read that reaches back over everything is never made, and what kept an old stamp is never read",
        replaces="runtime.core.partition.apply:_recount_turned",
        bug=_never_in_full,
        caught_by="S2b",
        faults=(UnbumpedStamp(ppm=500_000),),
        changes={**MANY_CORRECTIONS, "runtime.full_recount_every_ms": DAY_MS},
        wild="PostHog/posthog#103163",
    ),
    Plant(
        number="C9",
        name="withdrawals_are_not_fetched",
        story="what is fetched again is approved time alone, so that cancelled hours stay billed",
        replaces="runtime.connectors.psa.generic:GenericPsa.read",
        bug=_approvals_alone,
        caught_by="S2b",
        faults=(UNPUSHED,),
        changes={"people.withdrawal_ppm": 300_000},
        wild="bluedot#2205",
    ),
    Plant(
        number="C11",
        name="token_expires_between_pages",
        story="the read rests between two pages, the token expires, the read begins anew and never ends",
        replaces="runtime.core.partition.apply:_recount_turned",
        bug=_restful,
        caught_by="L5",
        faults=(UNPUSHED,),
        changes={**SHORT_RUN, "psa.page_size": 3, "psa.page_token_life_ms": MINUTE_MS},
        wild="microsoft/o365-moodle#1147",
    ),
    Plant(
        number="C12",
        name="no_overlap_for_their_clock",
        story="a read begins where the last one began, and what was stamped by a clock that is behind lies before that",
        replaces="runtime.core.partition.apply:_recount_turned",
        bug=_no_overlap,
        caught_by="S2",
        # Behind by nearly as much as the declared overlap reaches back.
        faults=(
            MissingEvent(ppm=600_000),
            SourceClockBehind(ppm=1_000_000, behind_ms_low=110 * MINUTE_MS, behind_ms_high=2 * HOUR_MS),
        ),
        wild="fivetran warehouse sync, a drift check in its documentation",
    ),
    Plant(
        number="C20",
        name="short_page_is_the_last",
        story="a page with fewer rows than fit is taken for the last one, and a read that was cut for a whole one",
        replaces="runtime.connectors.psa.generic:GenericPsa.read",
        bug=_short_page_is_the_last,
        caught_by="L5",
        faults=(UNPUSHED, ShortPage(ppm=600_000)),
        changes=SMALL_PAGES,
    ),
    Plant(
        number="C21",
        name="known_entries_are_not_missing",
        story="a listing is compared by entry and not by version, so that corrections whose event was lost stay lost",
        replaces="runtime.core.partition.answered:_heard",
        bug=_known_is_known,
        caught_by="S2b",
        faults=(UNPUSHED,),
        changes=MANY_CORRECTIONS,
    ),
    Plant(
        number="C22",
        name="one_fetch_for_them_all",
        story="what is missing is forgotten when the first fetch leaves, which takes no more rows than fit",
        replaces="runtime.core.partition.apply:_fetch_sent",
        bug=_one_fetch_is_enough,
        caught_by="S2b",
        faults=(BulkEdit(day=33, at="09:00", share_ppm=1_000_000),),
        changes={**ONE_DAY, "firm.consultants": 60},
    ),
    Plant(
        number="C30",
        name="what_left_memory_is_missing",
        story="every listing finds missing what was settled long ago, and fetches all of it again",
        replaces="runtime.core.partition.answered:_heard",
        bug=_what_left_memory_is_missing,
        caught_by="S10",
        changes={"runtime.full_recount_every_ms": DAY_MS, "runtime.checkpoint_every": 8},
    ),
)
