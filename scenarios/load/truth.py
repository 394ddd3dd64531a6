"""What a load run really did, counted at both ends: approved at the source, standing in the ledger.

    approved.csv ─┐                    ┌▶ from approval to posting, for each version that has a line of its own
                  ├─ entry, version ─▶─┼▶ doubles, losses, wrong amounts, inventions, for each entry
    landings.csv ─┘                    └▶ backlog, throughput, drains

Rule 1. An answer to a request is no posting. Latency runs from the instant of approval to the instant a line stands.
Rule 2. What an entry should be in the ledger follows from its last version. A line carries every later version that
        changed words only; such versions have no line and no latency of their own.
Rule 3. Of what does not stand, only a word of the runtime or of the sender (`places.csv`) can say where it is. What was
        acknowledged and is nowhere is lost. Without that word (a prediction has none) it has not settled, and no more.
Rule 4. Books are counted in landing order: two lines of one entry that ever stood at once are a double, even if one
        was reversed later.
Rule 5. Percentiles are nearest ranks. Instants are milliseconds of run time, shares parts per million.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from runtime.cli import BadInputError
from scenarios.judge import percentile
from scenarios.load.results import (
    APPROVED,
    BOOKS,
    LANDINGS,
    MISSING,
    PLACES,
    REQUESTS,
    Codes,
    Column,
    LoadRun,
    Outage,
    read_run,
)

PPM = 1_000_000
STEP_MS = 1_000
"""Curves have a point for every second, or for every so many that 600 are enough."""
MOST_POINTS = 600
TIMES = 60
"""In so many spans of time percentiles are told."""
FAST_WINDOW_MS = 10_000
"""The highest throughput is that of the busiest ten seconds (ours)."""
EXAMPLES = 5
VERSIONS = 1 << 20
"""More than any entry has versions: entry and version in one number."""
UNSETTLED = ("in_flight", "staged", "in_doubt")
AT_REST = ("parked", "waived")
REFUSED, UNKNOWN = "refused", "unknown"
SAID = ("", *UNSETTLED, *AT_REST, REFUSED, UNKNOWN, "posted", "superseded", "excluded")
"""What may be said of where a version is; its place in this list is its code, "" is nothing."""

Bools = NDArray[np.bool_]


@dataclass(slots=True)
class Percentiles:
    """From approval to posting in ms, over `count` versions that came to stand by a line of their own."""

    count: int = 0
    p50_ms: int | None = None
    p95_ms: int | None = None
    p99_ms: int | None = None
    max_ms: int | None = None


def percentiles(waits: Column) -> Percentiles:
    """Of numbers in any order."""
    if not len(waits):
        return Percentiles()
    ranked = np.sort(waits)
    p50, p95, p99 = (percentile(ranked, percent) for percent in (50, 95, 99))
    return Percentiles(len(ranked), p50, p95, p99, int(ranked[-1]))


@dataclass(slots=True)
class Share:
    """A part of a run: one entity, one region, or all of it. Counts are entries unless they say versions."""

    name: str
    region: str = ""
    cutoff_ms: int | None = None
    """Approval cut-off in run time; None: there is none, or there are several."""
    versions: int = 0
    """Approved."""
    entries: int = 0
    due: int = 0
    """Whose last version is to stand."""
    standing: int = 0
    """Of those, how many do."""
    wait: Percentiles = field(default_factory=Percentiles)
    due_at_cutoff: int = 0
    in_time: int = 0
    """Of what was due at the cut-off: what stood by then, or within the grace after it."""
    by_cutoff: int = 0
    """Of it, what stood at the cut-off itself."""
    cleared_ms: int | None = None
    """When the last of what was due at the cut-off came to stand; None: not all of it did."""
    backlog_at_cutoff: int = 0
    backlog_peak: int = 0
    double: int = 0
    lost: int = 0
    wrong_amount: int = 0
    invented: int = 0
    parked: int = 0
    refused: int = 0
    """Never taken in: the sender gave up."""
    in_doubt: int = 0
    unsettled: int = 0
    """On their way at the end, those in doubt included."""
    drain_ms: int | None = None
    """After the slowest outage; None: there was none, or nothing waited."""
    last_drain_ms: int | None = None
    """From the last approval to the last line."""

    @property
    def in_time_ppm(self) -> int | None:
        """The share that stood in time; None: nothing was due."""
        return self.in_time * PPM // self.due_at_cutoff if self.due_at_cutoff else None


@dataclass(slots=True)
class Drain:
    """How long it took after an outage until what had been approved before its end stood."""

    outage: Outage
    drain_ms: int | None
    """None: something approved before its end never came to stand."""
    waiting: int
    """Versions that waited at its end."""
    slowest: str = ""
    """The entity of the last line."""


@dataclass(slots=True)
class Curves:
    """How the run went, one number for each `step_ms` from its start on."""

    step_ms: int = STEP_MS
    approved: list[int] = field(default_factory=list)
    """Versions a step; so are the next two."""
    accepted: list[int] = field(default_factory=list)
    """Acknowledged by the runtime, by the instant of the answer; empty in a simulation."""
    posted: list[int] = field(default_factory=list)
    backlog: list[int] = field(default_factory=list)
    """Versions that will or should get a line, approved and not standing, at the end of the step."""


@dataclass(slots=True)
class Span:
    """A span of time and the percentiles in it."""

    from_ms: int
    until_ms: int
    wait: Percentiles


@dataclass(slots=True)
class Answers:
    """HTTP answers, counted from the intended instant of a request, for one kind of sender or all."""

    user: str
    requests: int = 0
    items: int = 0
    wait: Percentiles = field(default_factory=Percentiles)
    late: Percentiles = field(default_factory=Percentiles)
    """From the intended to the real start."""
    statuses: dict[str, int] = field(default_factory=dict)
    """"none" where there was no answer."""


@dataclass(slots=True)
class Truth:
    """Everything that was counted."""

    run: LoadRun
    whole: Share
    regions: list[Share] = field(default_factory=list)
    entities: list[Share] = field(default_factory=list)
    curves: Curves = field(default_factory=Curves)
    backlogs: dict[str, list[int]] = field(default_factory=dict)
    """Entity to its backlog, on the steps of `curves`."""
    waits_over_time: list[Span] = field(default_factory=list)
    """By the instant of approval."""
    http_over_time: list[Span] = field(default_factory=list)
    """By the intended instant; empty in a simulation."""
    answers: list[Answers] = field(default_factory=list)
    """All of them first, then each kind of sender."""
    refusals: dict[str, int] = field(default_factory=dict)
    """Why the runtime did not take items in, to how many: a status, "none" where it did not answer, "item" where it
    took others of the same request. What was delivered again counts each time."""
    drains: list[Drain] = field(default_factory=list)
    posted_per_s: float = 0.0
    """From the first line to the last."""
    posted_per_s_most: float = 0.0
    grace_ms: int = 0
    ended_ms: int = 0
    before_approval: int = 0
    """Lines that stood before their version was approved: the clocks of generator and systems differ."""
    ahead_ms: int = 0
    """By how much at most."""
    examples: list[str] = field(default_factory=list)
    """Of what is wrong, a few."""


def truth(folder: Path, cutoffs: Mapping[str, int], accounts: Mapping[str, Sequence[str]], grace_ms: int = 0) -> Truth:
    """What the run in this folder really did.

    By entity: `cutoffs` are approval cut-offs in run time, `accounts` the accounts it stands behind. `grace_ms` after
    its cut-off is still in time. 1.2 million entries take 9 s and 1 GB (measured). Raises BadInputError where the
    folder is no load run.
    """
    run = read_run(folder)
    books = _read(folder)
    found = Truth(run, Share("all"), grace_ms=grace_ms)
    found.ended_ms = max(run.ended_ms, run.profile.run_ms, int(books.posted_ms.max(initial=0)))
    _judge(found, books, folder)
    _fill_shares(found, books, cutoffs, grace_ms)
    _fill_curves(found, books, folder)
    _fill_drains(found, books, accounts)
    return found


# ------------------------------------------------------------------ what is joined


@dataclass(slots=True)
class _Books:
    """Approved versions in order of (entry, version), landings in order of landing, and where they meet."""

    entries: list[str]
    entities: list[str]
    regions: list[str]
    entry: Column
    version: Column
    entity: Column
    region: Column
    approved_ms: Column
    to_post: Bools
    expected: Column
    last: Bools
    """Whether it is the last version of its entry."""
    post_ms: Column
    """When its own line came to stand, the first of them; MISSING: it has none."""
    line_entry: Column
    line_version: Column
    line_entity: Column
    posted_ms: Column
    line_post: Bools
    line_of: Column
    """The approved version that a line is of; -1: nobody approved that."""
    amount: Column
    standing: Column
    """For each entry: lines that stand at the end."""
    standing_line: Column
    """For each entry: its last posting, where one stands; -1 where none does."""
    at_once: Column
    """For each entry: how many lines ever stood at once."""
    first_ms: Column
    """For each entry: when its first line came to stand; MISSING: none did."""
    place_of: dict[int, int] = field(default_factory=dict)
    """Entry to the code of where its newest version is, where somebody said so."""
    stands: Bools = field(default_factory=lambda: np.zeros(0, dtype=bool))
    """For each version: that it is the last one, to stand, and does, by its own line or an earlier one."""
    pending: Bools = field(default_factory=lambda: np.zeros(0, dtype=bool))
    """For each version: that it was to get a line and had none at the end."""


def _read(folder: Path) -> _Books:
    entry_codes: Codes = {}
    entity_codes: Codes = {}
    region_codes: Codes = {}
    texts = {"entry": entry_codes, "entity": entity_codes, "region": region_codes, "currency": {}, "leg": {"post": 0}}
    approved = APPROVED.columns(folder, texts)
    landed = LANDINGS.columns(folder, texts)
    order = np.lexsort((approved["version"], approved["entry"]))
    entry, version = approved["entry"][order], approved["version"][order]
    last = np.append(entry[1:] != entry[:-1], True) if len(entry) else np.zeros(0, dtype=bool)
    # Of lines that landed in one millisecond the file keeps the order, entity by entity.
    line_order = np.argsort(landed["posted_ms"], kind="stable")
    line_entry, line_version = landed["entry"][line_order], landed["version"][line_order]
    line_post = landed["leg"][line_order] == 0
    posted_ms = landed["posted_ms"][line_order]
    keys = entry * VERSIONS + version
    line_keys = line_entry * VERSIONS + line_version
    at = np.minimum(np.searchsorted(keys, line_keys), max(0, len(keys) - 1))
    line_of = np.where(keys[at] == line_keys, at, -1) if len(keys) else np.full(len(line_keys), -1)
    post_ms = np.full(len(entry), MISSING)
    own = np.flatnonzero(line_post & (line_of >= 0))[::-1]
    # Backwards, so that of several lines the first one stays.
    post_ms[line_of[own]] = posted_ms[own]
    names = len(entry_codes)
    signs = np.where(line_post, 1, -1)
    standing = np.bincount(line_entry, weights=signs, minlength=names).astype(np.int64)
    first_ms = np.full(names, MISSING)
    posts = np.flatnonzero(line_post)
    first_ms[line_entry[posts[::-1]]] = posted_ms[posts[::-1]]
    standing_line = np.full(names, -1)
    standing_line[line_entry[posts]] = posts
    standing_line[standing <= 0] = -1
    return _Books(
        list(entry_codes),
        list(entity_codes),
        list(region_codes),
        entry,
        version,
        approved["entity"][order],
        approved["region"][order],
        approved["approved_ms"][order],
        approved["to_post"][order] == 1,
        approved["expected_minor"][order],
        last,
        post_ms,
        line_entry,
        line_version,
        landed["entity"][line_order],
        posted_ms,
        line_post,
        line_of,
        landed["amount_minor"][line_order],
        standing,
        standing_line,
        _at_once(line_entry, signs, names),
        first_ms,
    )


def _at_once(line_entry: Column, signs: Column, names: int) -> Column:
    """How many lines of each entry ever stood at the same time."""
    most = np.zeros(names, dtype=np.int64)
    if not len(line_entry):
        return most
    order = np.argsort(line_entry, kind="stable")
    owners, running = line_entry[order], np.cumsum(signs[order])
    begins = np.flatnonzero(np.append(True, owners[1:] != owners[:-1]))
    # What ran up in the entries before is taken off again.
    before = np.append(0, running[begins[1:] - 1])
    running -= np.repeat(before, np.diff(np.append(begins, len(owners))))
    most[owners[begins]] = np.maximum.reduceat(running, begins)
    return most


# ------------------------------------------------------------------ what is right, wrong and under way


def _codes(*places: str) -> list[int]:
    return [SAID.index(place) for place in places]


ON_ITS_WAY = _codes(*UNSETTLED)
ACCOUNTED_FOR = _codes(*UNSETTLED, *AT_REST, REFUSED)
IN_FLIGHT = SAID.index("in_flight")


def _of(column: Column, at: Column) -> Column:
    """The column at these places; MISSING where the place is -1."""
    return np.append(column, MISSING)[at]


def _judge(found: Truth, books: _Books, folder: Path) -> None:
    """Sort every entry that is not as it should be, and note a few of each kind."""
    told = PLACES.there(folder)
    lasts = np.flatnonzero(books.last)
    owner = books.entry[lasts]
    _read_places(books, folder)
    place_of = np.zeros(len(books.entries), dtype=np.int64)
    place_of[list(books.place_of)] = list(books.place_of.values())
    said = place_of[owner]
    accounted = np.isin(said, ACCOUNTED_FOR)

    line = books.standing_line[owner]
    stands = line >= 0
    own_line = stands & (_of(books.line_version, line) == books.version[lasts])
    expected, amount = books.expected[lasts], _of(books.amount, line)
    # A last version without a line of its own is carried by an earlier line, unless somebody says it is under way.
    carried = stands & ~own_line & ~accounted
    # Where nobody was asked, a line of another amount is no word about it: the newer version may well be on its way.
    carried &= (said != 0) | (expected == MISSING) | (amount == expected)
    to_post = books.to_post[lasts]
    good = to_post & (own_line | carried)
    missing = to_post & ~good
    to_leave = ~to_post & stands

    wrong = np.zeros(len(books.entries), dtype=bool)
    wrong[owner[good & (expected != MISSING) & (amount != expected)]] = True
    worth = _of(books.expected, books.line_of)
    wrong[books.line_entry[books.line_post & (worth != MISSING) & (worth != books.amount)]] = True

    places = np.where(missing | to_leave, said, 0)
    lost = np.zeros(len(owner), dtype=bool)
    if told:
        lost = missing & ~accounted & (said != 0)
        _explain(books, folder, owner, lasts, (missing | to_leave) & (said == 0), places, lost)
        # An older line stands for it, of another amount, and it is not on its way.
        uncorrected = lost & stands & (said == 0)
        wrong[owner[uncorrected]] = True
        lost &= ~uncorrected
        wrong[owner[to_leave & ~np.isin(places, ACCOUNTED_FOR)]] = True
    else:
        places[missing | to_leave] = IN_FLIGHT

    books.stands = np.zeros(len(books.entry), dtype=bool)
    books.stands[lasts[good]] = True
    books.pending = np.zeros(len(books.entry), dtype=bool)
    books.pending[lasts[missing & np.isin(places, ON_ITS_WAY)]] = True
    books.pending[lasts[lost]] = True

    shares = {name: Share(name) for name in books.entities}
    by_code = [shares[name] for name in books.entities]

    def count(what: str, entities: Column) -> None:
        for code, number in enumerate(np.bincount(entities, minlength=len(by_code)).tolist()):
            setattr(by_code[code], what, number)

    where = books.entity[lasts]
    count("versions", books.entity)
    count("entries", where)
    count("due", where[to_post])
    count("standing", where[good])
    count("lost", where[lost])
    count("parked", where[np.isin(places, _codes(*AT_REST))])
    count("refused", where[places == SAID.index(REFUSED)])
    count("in_doubt", where[places == SAID.index("in_doubt")])
    count("unsettled", where[np.isin(places, ON_ITS_WAY)])
    entity_of = np.zeros(len(books.entries), dtype=np.int64)
    entity_of[books.line_entry] = books.line_entity
    entity_of[owner] = where
    double = np.flatnonzero(books.at_once > 1)
    count("double", entity_of[double])
    count("wrong_amount", entity_of[np.flatnonzero(wrong)])
    # Who was cut off has not written down all that it had approved.
    invented = (
        np.flatnonzero(books.line_post & (books.line_of < 0))
        if not found.run.interrupted
        else np.zeros(0, dtype=np.int64)
    )
    count("invented", books.line_entity[invented])
    for words, entries in (
        ("stands twice", double),
        ("is lost: acknowledged, and nowhere", owner[lost]),
        ("stands with another amount than its version is worth", np.flatnonzero(wrong)),
        ("stands, and nobody approved it", books.line_entry[invented]),
    ):
        found.examples += [f"{books.entries[entry]} {words}" for entry in entries[:EXAMPLES].tolist()]
    found.entities = sorted(shares.values(), key=lambda share: share.name)
    early = (books.post_ms != MISSING) & (books.post_ms < books.approved_ms)
    found.before_approval = int(early.sum())
    found.ahead_ms = int((books.approved_ms - books.post_ms)[early].max(initial=0))


def _read_places(books: _Books, folder: Path) -> None:
    if not PLACES.there(folder):
        return
    codes = {name: code for code, name in enumerate(books.entries)}
    newest: dict[int, int] = {}
    for row in PLACES.read(folder):
        entry = codes.get(row.entry)
        if row.place not in SAID:
            raise BadInputError(f"{folder / PLACES.name}: there is no place {row.place!r}; make the run anew")
        if entry is not None and row.version >= newest.get(entry, 0):
            newest[entry] = row.version
            books.place_of[entry] = SAID.index(row.place)


def _explain(
    books: _Books, folder: Path, owner: Column, lasts: Column, unsaid: Bools, places: Column, lost: Bools
) -> None:
    """Where nobody asked about single entries, an entity's own counts say how many are on their way; more are lost."""
    left: dict[tuple[str, int], int] = {}
    if BOOKS.there(folder):
        left = {(row.entity, SAID.index(row.place)): row.versions for row in BOOKS.read(folder) if row.place in SAID}
    entities = [books.entities[code] for code in books.entity[lasts].tolist()]
    for at in np.flatnonzero(places).tolist():
        key = (entities[at], int(places[at]))
        left[key] = left.get(key, 0) - 1
    for at in np.flatnonzero(unsaid).tolist():
        for place in ACCOUNTED_FOR:
            if left.get((entities[at], place), 0) > 0:
                left[entities[at], place] -= 1
                places[at] = place
                break
        else:
            lost[at] = bool(books.to_post[lasts[at]])


# ------------------------------------------------------------------ how long it took


def _fill_shares(found: Truth, books: _Books, cutoffs: Mapping[str, int], grace_ms: int) -> None:
    landed = books.post_ms != MISSING
    waits = np.maximum(0, books.post_ms - books.approved_ms)
    found.whole.wait = percentiles(waits[landed])
    by_region: dict[str, Share] = {}
    order = np.argsort(books.entity, kind="stable")
    ends = np.searchsorted(books.entity[order], np.arange(len(books.entities) + 1))
    slices = {name: order[ends[code] : ends[code + 1]] for code, name in enumerate(books.entities)}
    for share in found.entities:
        mine = slices[share.name]
        if len(mine):
            share.region = books.regions[books.region[mine[0]]]
        share.wait = percentiles(waits[mine][landed[mine]])
        own = mine[landed[mine]]
        if len(own):
            share.last_drain_ms = max(0, int(books.post_ms[own].max() - books.approved_ms[mine].max()))
        cutoff_ms = cutoffs.get(share.name)
        if cutoff_ms is not None:
            _fill_cutoff(share, books, mine, cutoff_ms, grace_ms)
        by_region.setdefault(share.region, Share(share.region, share.region))
    for code, name in enumerate(books.regions):
        mine = np.flatnonzero((books.region == code) & landed)
        by_region[name].wait = percentiles(waits[mine])
    found.regions = [by_region[name] for name in sorted(by_region)]
    for share in found.entities:
        for whole in (found.whole, by_region[share.region]):
            _add(whole, share)
    if landed.any():
        found.whole.last_drain_ms = max(0, int(books.post_ms[landed].max() - books.approved_ms.max()))
    lines = books.posted_ms[books.line_post]
    if len(lines):
        found.posted_per_s = len(lines) * 1_000 / max(1_000, int(lines.max() - lines.min()))
        ends_ms = np.searchsorted(lines, lines + FAST_WINDOW_MS)
        found.posted_per_s_most = int((ends_ms - np.arange(len(lines))).max()) * 1_000 / FAST_WINDOW_MS


ADDED = (
    "versions",
    "entries",
    "due",
    "standing",
    "due_at_cutoff",
    "in_time",
    "by_cutoff",
    "backlog_at_cutoff",
    "double",
    "lost",
    "wrong_amount",
    "invented",
    "parked",
    "refused",
    "in_doubt",
    "unsettled",
)


def _add(whole: Share, part: Share) -> None:
    for name in ADDED:
        setattr(whole, name, getattr(whole, name) + getattr(part, name))
    for name in ("last_drain_ms", "cleared_ms"):
        if getattr(part, name) is not None:
            setattr(whole, name, max(getattr(whole, name) or 0, getattr(part, name)))


def _fill_cutoff(share: Share, books: _Books, mine: Column, cutoff_ms: int, grace_ms: int) -> None:
    """What was due at the cut-off: entries whose last version by then, and last version of all, are to stand."""
    share.cutoff_ms = cutoff_ms
    by_then = mine[books.approved_ms[mine] <= cutoff_ms]
    if not len(by_then):
        return
    # In the order of (entry, version): the last of an entry's versions by then ends its run.
    due = by_then[np.append(books.entry[by_then][1:] != books.entry[by_then][:-1], True)]
    final = np.full(len(books.entries), False)
    lasts = mine[books.last[mine]]
    final[books.entry[lasts]] = books.to_post[lasts]
    due = due[books.to_post[due] & final[books.entry[due]]]
    stood_ms = _stood_ms(books, mine, due)
    stood = stood_ms != MISSING
    share.due_at_cutoff = len(due)
    share.by_cutoff = int((stood & (stood_ms <= cutoff_ms)).sum())
    share.in_time = int((stood & (stood_ms <= cutoff_ms + grace_ms)).sum())
    share.cleared_ms = int(stood_ms.max()) if len(due) and stood.all() else None
    share.backlog_at_cutoff = len(due) - share.by_cutoff


def _stood_ms(books: _Books, mine: Column, due: Column) -> Column:
    """When each due version, or a later one, came to stand; carried ones since the entry's first line."""
    stood = books.post_ms[due].copy()
    waiting = np.flatnonzero(stood == MISSING)
    if not len(waiting):
        return stood
    later = np.full(len(books.entries), MISSING)
    needs = np.full(len(books.entries), VERSIONS)
    needs[books.entry[due[waiting]]] = books.version[due[waiting]]
    own = mine[(books.post_ms[mine] != MISSING) & (books.version[mine] >= needs[books.entry[mine]])][::-1]
    later[books.entry[own]] = books.post_ms[own]
    carried = np.full(len(books.entries), False)
    good = mine[books.stands[mine]]
    carried[books.entry[good]] = True
    owners = books.entry[due[waiting]]
    stood[waiting] = np.where(
        later[owners] != MISSING, later[owners], np.where(carried[owners], books.first_ms[owners], MISSING)
    )
    return stood


# ------------------------------------------------------------------ how it went


def _fill_curves(found: Truth, books: _Books, folder: Path) -> None:
    step_ms = STEP_MS * max(1, -(-found.ended_ms // (STEP_MS * MOST_POINTS)))
    steps = found.ended_ms // step_ms + 1
    curves = found.curves = Curves(step_ms)
    landed = books.post_ms != MISSING
    waits = np.maximum(0, books.post_ms - books.approved_ms)

    def per_step(at_ms: Column) -> Column:
        return np.bincount(np.clip(at_ms // step_ms, 0, steps - 1), minlength=steps)

    counted = landed | books.pending
    curves.approved = per_step(books.approved_ms).tolist()
    curves.posted = per_step(books.posted_ms[books.line_post]).tolist()
    backlog = np.cumsum(per_step(books.approved_ms[counted]) - per_step(books.post_ms[landed]))
    curves.backlog = np.maximum(0, backlog).tolist()
    found.whole.backlog_peak = max(curves.backlog, default=0)
    at = {share.name: share for share in found.entities}
    width = steps * len(books.entities)
    up = books.entity[counted] * steps + np.clip(books.approved_ms[counted] // step_ms, 0, steps - 1)
    down = books.entity[landed] * steps + np.clip(books.post_ms[landed] // step_ms, 0, steps - 1)
    each = np.bincount(up, minlength=width) - np.bincount(down, minlength=width)
    for code, row in enumerate(np.cumsum(each.reshape(-1, steps), axis=1)):
        name = books.entities[code]
        found.backlogs[name] = np.maximum(0, row).tolist()
        at[name].backlog_peak = int(row.max(initial=0))
    arrivals_ms = max(1, found.run.profile.run_ms)
    found.waits_over_time = _over_time(books.approved_ms[landed], waits[landed], arrivals_ms)
    if REQUESTS.there(folder):
        _fill_answers(found, folder, arrivals_ms)


def _over_time(at_ms: Column, waits: Column, until_ms: int) -> list[Span]:
    span_ms = max(STEP_MS, -(-until_ms // TIMES))
    which = at_ms // span_ms
    order = np.argsort(which, kind="stable")
    numbers, begins = np.unique(which[order], return_index=True)
    parts = np.split(waits[order], begins[1:]) if len(numbers) else []
    return [
        Span(number * span_ms, (number + 1) * span_ms, percentiles(part))
        for number, part in zip(numbers.tolist(), parts, strict=True)
    ]


def _fill_answers(found: Truth, folder: Path, arrivals_ms: int) -> None:
    users: Codes = {}
    rows = REQUESTS.columns(folder, {"user": users})
    answered = rows["status"] != 0
    waits = np.maximum(0, rows["ended_ms"] - rows["intended_ms"])
    late = np.maximum(0, rows["started_ms"] - rows["intended_ms"])
    taken = rows["accepted"]
    step = found.curves.step_ms
    steps = len(found.curves.approved)
    at = np.clip(rows["ended_ms"][answered] // step, 0, steps - 1)
    found.curves.accepted = np.bincount(at, weights=taken[answered], minlength=steps).astype(np.int64).tolist()
    found.http_over_time = _over_time(rows["intended_ms"][answered], waits[answered], arrivals_ms)
    for name, mine in (("all", np.ones(len(waits), dtype=bool)), *((n, rows["user"] == c) for n, c in users.items())):
        statuses, times = np.unique(rows["status"][mine], return_counts=True)
        found.answers.append(
            Answers(
                name,
                int(mine.sum()),
                int(rows["items"][mine].sum()),
                percentiles(waits[mine & answered]),
                percentiles(late[mine]),
                {_status(s): n for s, n in zip(statuses.tolist(), times.tolist(), strict=True)},
            )
        )
    left = rows["items"] - taken - rows["duplicate"]
    for status in np.unique(rows["status"]).tolist():
        mine = rows["status"] == status
        items = int(left[mine].sum())
        if items > 0:
            why = "item" if 200 <= status < 300 else _status(status)
            found.refusals[why] = found.refusals.get(why, 0) + items


def _status(status: int) -> str:
    return str(status) if status else "none"


def _fill_drains(found: Truth, books: _Books, accounts: Mapping[str, Sequence[str]]) -> None:
    """After each outage: how long until what was approved before its end, and had not landed by then, stood."""
    landed = books.post_ms != MISSING
    counted = landed | books.pending
    shares = {share.name: share for share in found.entities}
    for outage in sorted(found.run.outages, key=lambda one: (one.until_ms, one.kind, one.what)):
        behind = {
            code
            for code, name in enumerate(books.entities)
            if outage.what in ("", name) or outage.what in accounts.get(name, ())
        }
        waited = counted & np.isin(books.entity, sorted(behind)) & (books.approved_ms <= outage.until_ms)
        waited &= ~landed | (books.post_ms > outage.until_ms)
        mine = np.flatnonzero(waited)
        if not len(mine):
            found.drains.append(Drain(outage, 0, 0))
            continue
        never = bool((books.post_ms[mine] == MISSING).any())
        slowest = int(mine[np.argmax(books.post_ms[mine])])
        drain = None if never else int(books.post_ms[slowest] - outage.until_ms)
        found.drains.append(Drain(outage, drain, len(mine), books.entities[books.entity[slowest]]))
        for code in np.unique(books.entity[mine]).tolist():
            share = shares[books.entities[code]]
            longest = int(books.post_ms[mine[books.entity[mine] == code]].max()) - outage.until_ms
            share.drain_ms = max(share.drain_ms or 0, longest)
    known = [drain.drain_ms for drain in found.drains if drain.drain_ms is not None]
    found.whole.drain_ms = max(known, default=None) if known else None
