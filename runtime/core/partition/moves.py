"""What may follow what in the life of one entry, as tables that one can read aloud.

    heard --> QUEUED --sent--> IN_FLIGHT --applied--> POSTED
                ^  |             |  |  `--staged--> STAGED --applied--> POSTED
                |  |             |  `--silent--> IN_DOUBT --has it--> POSTED
                |  |             |                  `--lacks it--> QUEUED
                |  |             `--refused, returned, reversed--> QUEUED
                |  |--parked--> PARKED --woken, or a newer version--> QUEUED
                |  |--backed off--> RESTING --rested--> QUEUED
                |  |--may stand by hand--> UNCONFIRMED --nothing there--> QUEUED
                |  |                         `--a person's line, or our row--> POSTED, STAGED, IN_DOUBT
                |  `--nothing to do--> POSTED or SUPERSEDED
                `--a newer version, a withdrawal-- POSTED, SUPERSEDED, EXCLUDED, WAIVED

Rule 1. An entry moves only along MOVES. A pair that is not listed is a bug of ours, and raises.
Rule 2. While an effect is on its way (IN_FLIGHT, IN_DOUBT, STAGED) news of the entry is noted and changes nothing
        else: a sent version finishes before another version of the entry moves (D5).
Rule 3. A definite refusal leads back to QUEUED; what follows (park, rest, another date) is a decision of its own.
"""

from enum import StrEnum

from runtime.core import records as r
from runtime.core.answers import Refusal
from runtime.core.value import value


class Phase(StrEnum):
    """What an entry is doing as far as the ERP is concerned."""

    QUEUED = "queued"
    RESTING = "resting"
    UNCONFIRMED = "unconfirmed"
    IN_FLIGHT = "in_flight"
    STAGED = "staged"
    IN_DOUBT = "in_doubt"
    POSTED = "posted"
    PARKED = "parked"
    SUPERSEDED = "superseded"
    EXCLUDED = "excluded"
    WAIVED = "waived"


P = Phase

_NEWS_RESTARTS: dict[type, Phase] = {
    r.EntryReceived: P.QUEUED,
    r.EntryExcluded: P.QUEUED,
    r.EntryWithdrawn: P.QUEUED,
}


def _news_waits(phase: Phase) -> dict[type, Phase]:
    return {r.EntryReceived: phase, r.EntryExcluded: phase, r.EntryWithdrawn: phase}


MOVES: dict[Phase, dict[type, Phase]] = {
    P.QUEUED: {
        **_NEWS_RESTARTS,
        r.BatchSent: P.IN_FLIGHT,
        r.EntryValued: P.QUEUED,
        r.EntryParked: P.PARKED,
        r.EntryBackedOff: P.RESTING,
        r.EntriesUnconfirmed: P.UNCONFIRMED,
        r.VersionCarried: P.POSTED,
        r.EntryCleared: P.SUPERSEDED,
        r.EntryLeftOut: P.EXCLUDED,
        r.BatchBisected: P.QUEUED,
    },
    P.RESTING: {**_NEWS_RESTARTS, r.EntriesRested: P.QUEUED},
    P.UNCONFIRMED: {
        **_news_waits(P.UNCONFIRMED),
        r.EntriesConfirmed: P.QUEUED,
        r.StandingConfirmed: P.QUEUED,
        r.EntryValued: P.UNCONFIRMED,
        r.LineFoundByHand: P.POSTED,
        r.RefusedLineFound: P.POSTED,
        r.RowsApplied: P.POSTED,
        r.RowsStaged: P.STAGED,
        r.RowsDoubted: P.IN_DOUBT,
        r.EntryParked: P.PARKED,
    },
    P.IN_FLIGHT: {
        **_news_waits(P.IN_FLIGHT),
        r.RowsApplied: P.POSTED,
        r.RowsReversed: P.QUEUED,
        r.RowsStaged: P.STAGED,
        r.RowRefused: P.QUEUED,
        r.RowsReturned: P.QUEUED,
        r.RowsDoubted: P.IN_DOUBT,
    },
    P.STAGED: {
        **_news_waits(P.STAGED),
        r.RowsApplied: P.POSTED,
        r.RowsReversed: P.QUEUED,
        r.RowRefused: P.QUEUED,
        r.EntryParked: P.PARKED,
    },
    P.IN_DOUBT: {
        **_news_waits(P.IN_DOUBT),
        r.RowsApplied: P.POSTED,
        r.RowsReversed: P.QUEUED,
        r.RowsStaged: P.STAGED,
        r.RowRefused: P.QUEUED,
        r.RowsFoundMissing: P.QUEUED,
        r.EntryParked: P.PARKED,
    },
    P.POSTED: {**_NEWS_RESTARTS, r.EntriesRequeued: P.QUEUED},
    P.PARKED: {**_NEWS_RESTARTS, r.EntriesWoken: P.QUEUED, r.EntryWaived: P.WAIVED},
    P.SUPERSEDED: {**_NEWS_RESTARTS, r.EntriesUnconfirmed: P.UNCONFIRMED},
    P.EXCLUDED: dict(_NEWS_RESTARTS),
    P.WAIVED: {**_NEWS_RESTARTS, r.EntriesUnconfirmed: P.UNCONFIRMED},
}

ON_THE_WAY: frozenset[Phase] = frozenset({P.IN_FLIGHT, P.IN_DOUBT, P.STAGED})
"""An effect is out; nothing else of this entry may move towards the ERP."""

AT_REST: frozenset[Phase] = frozenset({P.POSTED, P.SUPERSEDED, P.EXCLUDED, P.WAIVED})
"""Nothing is left to do towards the ERP."""


@value
class ParkRule:
    """Who owns a parked entry, what mends it, and the event that wakes it."""

    owner: str
    fix: str
    wake: str


PARKS: dict[str, ParkRule] = {
    "rate_gap": ParkRule("project accounting", "publish a rate that covers the work date", "rates"),
    "rate_tie": ParkRule("project accounting", "end one of the overlapping rates", "rates"),
    "project_unknown": ParkRule("project office", "publish the project with its contract", "projects"),
    "worker_unknown": ParkRule("HR", "publish the worker", "workers"),
    "worker_not_employed": ParkRule("HR", "publish the dates of employment, or correct the work date", "workers"),
    "assignment_unknown": ParkRule("resource management", "publish the assignment", "assignments"),
    "assignment_over": ParkRule(
        "resource management", "extend the assignment, or correct the work date", "assignments"
    ),
    "period_unknown": ParkRule("finance", "publish the period of the work date", "period"),
    "period_held": ParkRule("finance", "release the hold, or shut the period", "period"),
    "period_not_yet_open": ParkRule("finance", "open the period", "period"),
    "no_open_period": ParkRule("finance", "open the next period, or re-open this one", "period"),
    "erp_unknown_project": ParkRule("ERP master data", "create the project in the ERP", "erp"),
    "erp_unknown_worker": ParkRule("ERP master data", "create the worker in the ERP", "erp"),
    "erp_invalid": ParkRule("integration", "correct the entry at its source, or the mapping", "person"),
    "erp_keeps_refusing": ParkRule("integration", "find out what locks the document, then retry", "person"),
    "nothing_to_reverse": ParkRule("finance", "compare the ledger with the entry's history", "person"),
    "ledger_differs": ParkRule("finance", "compare the ledger line with what was sent", "person"),
    "manual_line_differs": ParkRule("finance", "correct the manual line, or remove it and retry", "person"),
    "standing_by_hand": ParkRule("finance", "correct or remove the manual line, then retry", "person"),
    "entity_moved": ParkRule("finance", "move the entry between the entities by hand, then waive", "person"),
    "staged_lost": ParkRule("integration", "find the row in the ERP's import log, then retry", "person"),
    "currency_unknown": ParkRule("project accounting", "use an ISO 4217 currency in the rate", "rates"),
    "rate_unusable": ParkRule("project accounting", "publish it with a unit and numbers that price time", "rates"),
}
"""Every reason for which an entry may be parked."""

REFUSAL_PARKS: dict[Refusal, str] = {
    Refusal.UNKNOWN_PROJECT: "erp_unknown_project",
    Refusal.UNKNOWN_WORKER: "erp_unknown_worker",
    Refusal.INVALID: "erp_invalid",
    Refusal.NOTHING_TO_REVERSE: "nothing_to_reverse",
}
"""Refusals that no retry cures. The others are met by a new intent: at another date, under a fresh key, or later."""
