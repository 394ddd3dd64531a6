"""From a time tracker to an invoice: TimeTagger, the approvals, the runtime as it ships, Tryton before PostgreSQL.

    people record a week ─▶ TimeTagger ─▶ approvals ─▶ runtime ─▶ Tryton ─▶ invoices, posted
                                             ▲            │          │
                              approvers ─────┘   status ◀─┘          └─▶ read back, compared, judged by hledger

Two legal entities, twenty people, one week with its usual mishaps: a timer that still runs, a record without a project,
one with two, one deleted at once. After the week was approved and posted somebody changes a record and deletes another;
their approver agrees, and the ERP gets the reversals. Then everything is invoiced, and what was invoiced is compared
with what was approved.

Whatever is started listens on the loopback interface, is gone at the end, and leaves nothing but its installation.
"""

from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from runtime.gateway.access import demo_key, new_key
from scenarios.live.deployment import NDJSON, as_toml
from scenarios.live.parts import LOOPBACK, SPRINGTIDE, Api, Part, PartFailedError, free_port, wait_for
from scenarios.live.timeline import TimeLine
from scenarios.real import hledger
from scenarios.real.billing import ALLOWED, bill
from scenarios.real.reading import approved_lines, read_books, read_moves
from scenarios.real.reconcile import Reconciliation, reconcile
from scenarios.real.timetagger import TimeTagger, User
from scenarios.real.tryton import RealTryton, prepare
from scenarios.real.week import (
    CUT_OFF,
    FIRM,
    MONDAY,
    SUNDAY,
    UNFIT,
    YEAR,
    corrections,
    for_approvals,
    for_the_runtime,
    for_tryton,
    rates,
    recorded,
)

HELD, VIOLATED, UNSETTLED, PROVED_NOTHING = 0, 3, 4, 5
START_SECONDS = 120.0
SYNC_SECONDS = 180.0
"""How long a week of twenty people may take into the ERP on a small machine that is busy (measured: 10 s)."""
POLL_MS = 500
SYNC_MS = 1_000
WARNINGS = (*ALLOWED, "invoice_date_future")
"""What finance has agreed to beforehand: the demo's month end may lie ahead of this machine's clock."""
READER, LOOKER = "runtime", "looker"
READER_ENV = "SPRINGTIDE_APPROVALS_KEY"
LEAST_LINES = 300
"""A demo with fewer approved lines than this showed nothing."""
WAITS = ("waiting", "changed", "deleted")


@dataclass(slots=True)
class Scene:
    """Everything that runs during the demo."""

    timeline: TimeLine
    erp: RealTryton
    users: Mapping[str, User]
    url: str
    """Where the approvals are."""
    keys: Mapping[str, str]
    """Who comes to the approvals, and with which key."""
    kept: Path
    outcomes: Counter[str] = field(default_factory=Counter)
    late: list[str] = field(default_factory=list)

    def approvals(self, who: str) -> Api:
        """The approvals, for somebody."""
        return Api(self.url, self.keys[who])

    def lines(self) -> list[dict[str, Any]]:
        """Every line, as the approvals show it."""
        told: list[dict[str, Any]] = self.approvals(LOOKER).must("GET", "/v1/lines")["lines"]
        return told

    def states(self) -> Counter[str]:
        """State of a line to number."""
        return Counter(row["state"] for row in self.lines())

    def approve(self) -> Counter[str]:
        """Each approver looks at what waits in their entity, and approves it as it is shown; what came of it."""
        outcomes: Counter[str] = Counter()
        for entity in FIRM:
            mine = [row for row in self.lines() if row["entity"] == entity.code and row["state"] in WAITS]
            wishes = {"lines": [(row["entry_id"], row["fingerprint"]) for row in mine]}
            outcomes.update(self.approvals(entity.approver).must("POST", "/v1/approvals", wishes)["counts"])
        self.outcomes += outcomes
        return outcomes


def run_demo(folder: Path, timeline: TimeLine) -> dict[str, Any]:
    """The whole way; the report, with "exit" as in DESIGN.md. Logs and the journal of the books stay in `folder`.

    Raises PartFailedError and CannotInstallError where a part cannot be had or does not do what it is waited for.
    """
    with ExitStack() as stack:
        scene = _set_up(stack, folder, timeline)
        recorded_lines = _record(scene)
        approved = scene.approve()["approved"]
        timeline.note("approved", f"two approvers looked, and approved {approved} lines")
        _start_the_runtime(stack, scene, folder)
        _synced(scene, "the week is in Tryton, and everybody was told")
        _correct(scene)
        _synced(scene, "the corrections are in Tryton: what was posted is reversed, and posted anew")
        recount = _recount(scene)
        _invoice(scene)
        client = scene.erp.client()
        made = reconcile(approved_lines(scene.kept), read_books(client, scene.erp.crosswalk), rates())
        judged = _judge(scene, folder / "moves.journal")
        timeline.note("compared", "everything was read back and compared")
        states = scene.states()
    timeline.note("ended", "everything that was started has ended")
    return _report(scene, made, judged, recount, recorded_lines, states)


# ------------------------------------------------------------------ the systems


def _set_up(stack: ExitStack, folder: Path, timeline: TimeLine) -> Scene:
    def say(line: str) -> None:
        timeline.note("installing", line)

    prepared = prepare(say)
    tracker = stack.enter_context(TimeTagger(folder / "timetagger", say))
    timeline.note("timetagger", "TimeTagger runs")
    erp = stack.enter_context(RealTryton(prepared, "keyed", for_tryton(), YEAR))
    timeline.note("tryton", "PostgreSQL and Tryton run: two legal entities, their books, people and projects")
    users = {user: tracker.user(user) for entity in FIRM for user in entity.people}
    may: dict[str, tuple[str, ...]] = {READER: ("intake",), LOOKER: ("status",)}
    may |= {entity.approver: ("status", "command") for entity in FIRM}
    keys = {who: new_key(who, {"actions": actions}) for who, actions in may.items()}
    kept = folder / "approvals.jsonl"
    settings = {
        "server": {"port": 0},
        "tracker": {"url": tracker.url, "poll_every_ms": POLL_MS},
        "kept": {"file": str(kept)},
        "access": {"keys": {who: held.model_dump(exclude_defaults=True) for who, (_, held) in keys.items()}},
        "log": {"format": "text", "level": "info"},
        **for_approvals(),
    }
    config = folder / "approvals.toml"
    config.write_text(as_toml(settings), encoding="utf-8")
    part = Part("approvals", [*SPRINGTIDE, "approvals", "serve", "--config", str(config)], folder)
    stack.enter_context(part)
    url = part.hears(START_SECONDS)["url"]
    timeline.note("served", "the approvals run, and read TimeTagger")
    return Scene(timeline, erp, users, url, {who: text for who, (text, _) in keys.items()}, kept)


def _start_the_runtime(stack: ExitStack, scene: Scene, folder: Path) -> None:
    """`springtide serve` between the approvals and Tryton, with what it has to know of projects, rates and periods."""
    key, held = demo_key()
    port = free_port()
    account = {"kind": "generic_psa", "url": f"{scene.url}/psa", "credential_env": READER_ENV, "quota_calls": 6_000}
    where = {
        "region": "EMEA",
        "erp": "tryton",
        "psa": "approvals",
        "linger_ms": 500,
        "tell_linger_ms": SYNC_MS,
        "poll_every_ms": SYNC_MS,
        "poll_overlap_ms": 60_000,
    }
    settings = {
        "tenant": "acme",
        "server": {"port": port},
        "journal": {"kind": "sqlite", "directory": str(folder / "journal")},
        "accounts": {"tryton": scene.erp.settings(), "approvals": account},
        "entities": {entity.code: where for entity in FIRM},
        "access": {"keys": {"demo": held.model_dump(exclude_defaults=True)}},
        "log": {"format": "text", "level": "info"},
    }
    config = folder / "springtide.toml"
    config.write_text(as_toml(settings), encoding="utf-8")
    environ = {**scene.erp.environ, READER_ENV: scene.keys[READER]}
    part = stack.enter_context(Part("runtime", [*SPRINGTIDE, "serve", "--config", str(config)], folder, environ))
    part.hears(START_SECONDS)
    gateway = Api(f"http://{LOOPBACK}:{port}", key)

    def delivered() -> bool:
        status, told, _ = gateway.ask("POST", "/v1/bulk", for_the_runtime(), NDJSON)
        if status not in (202, 503):
            raise PartFailedError(f"the reference data was answered with {status}: {told}")
        return bool(status == 202)

    wait_for("the reference data is taken in", START_SECONDS, delivered, every_s=0.5)
    scene.timeline.note("runtime", "the runtime runs, and asks the approvals every second what was published")


# ------------------------------------------------------------------ what happens


def _record(scene: Scene) -> int:
    """Everybody records their week; returns how many records there are."""
    number = 0
    for entity in FIRM:
        for user in entity.people:
            records = recorded(entity, user)
            number += len(records)
            accepted = scene.users[user].put(records)["accepted"]
            if len(accepted) != len(records):
                raise PartFailedError(f"TimeTagger took {len(accepted)} of {len(records)} records of {user}")
    scene.timeline.note("recorded", f"{len(scene.users)} people recorded a week: {number} records")
    wait_for("the approvals have read them all", SYNC_SECONDS, lambda: len(scene.lines()) == number, every_s=0.2)
    return number


def _correct(scene: Scene) -> None:
    """In each entity somebody changes a record that was approved, and deletes another; the approver agrees."""
    for entity in FIRM:
        scene.users[entity.people[0]].put(corrections(entity))
    each = len(FIRM)

    def seen() -> bool:
        states = scene.states()
        return states["changed"] == each and states["deleted"] == each

    wait_for("the approvals have read what was changed", SYNC_SECONDS, seen, every_s=0.2)
    outcomes = scene.approve()
    told = f"{outcomes['approved']} approved again, {outcomes['withdrawn']} withdrawn"
    scene.timeline.note("corrected", f"{2 * each} records changed after their approval: {told}")


def _synced(scene: Scene, what: str) -> None:
    """Wait until the source was told how every published version stands."""

    def told() -> bool:
        return all(row["told_version"] == row["version"] for row in scene.lines())

    try:
        wait_for(what, SYNC_SECONDS, told, every_s=0.25)
    except PartFailedError as late:
        scene.late.append(str(late))
    statuses = Counter(row["status"] for row in scene.lines() if row["status"])
    scene.timeline.note(
        "synced", f"{what} ({', '.join(f'{count} {name}' for name, count in sorted(statuses.items()))})"
    )


def _recount(scene: Scene) -> dict[str, Any]:
    """Before the month is invoiced, TimeTagger is counted again: did the readings lose anything?"""
    days = {"from_day": MONDAY.isoformat(), "until_day": SUNDAY.isoformat()}
    told: dict[str, Any] = scene.approvals(FIRM[0].approver).must("POST", "/v1/recounts", days)
    lost = sum(map(len, told["lost"].values()))
    scene.timeline.note(
        "recounted", f"a recount of TimeTagger: {told['records']} records, {lost} were lost by readings"
    )
    return told


def _invoice(scene: Scene) -> None:
    """What a person in finance does: invoice everything up to the cut-off, and post the invoices."""
    client = scene.erp.client()
    for entity in FIRM:
        bill(client, scene.erp.crosswalk[entity.code].company, CUT_OFF, CUT_OFF, WARNINGS)
    scene.timeline.note("invoiced", f"everything until {CUT_OFF} is invoiced, and the invoices are posted")


# ------------------------------------------------------------------ the verdict


@dataclass(frozen=True, slots=True)
class Judgement:
    """What hledger says about the books."""

    words: str
    objection: str = ""


def _judge(scene: Scene, path: Path) -> Judgement:
    moves = read_moves(scene.erp.client(), scene.erp.crosswalk)
    path.write_text(hledger.journal(moves), encoding="utf-8")
    if hledger.program() is None:
        return Judgement("hledger is not installed: nobody but us looked at the moves (apt install hledger)")
    objection = hledger.check(path)
    if objection:
        return Judgement("hledger objects", objection)
    return Judgement(f"hledger has nothing against {len(moves)} posted moves")


def _report(
    scene: Scene,
    made: Reconciliation,
    judged: Judgement,
    recount: Mapping[str, Any],
    records: int,
    states: Counter[str],
) -> dict[str, Any]:
    figures = {
        "people, legal entities": f"{len(scene.users)}, {len(FIRM)}",
        "records in TimeTagger": str(records),
        "of them no line, and shown to their owner": str(states["unfit"]),
        "records that a recount found lost": str(sum(map(len, recount["lost"].values()))),
        **made.figures,
        "the moves": judged.words,
    }
    violations = [*made.findings, *filter(None, (judged.objection,))]
    unproved = []
    if scene.outcomes["approved"] < LEAST_LINES:
        unproved.append(f"only {scene.outcomes['approved']} lines were approved, and {LEAST_LINES} were expected")
    if states["unfit"] != len(FIRM) * len(UNFIT):
        unproved.append(f"{states['unfit']} records were no line, and {len(FIRM) * len(UNFIT)} should have been")
    if recount["not_reached"]:
        unproved.append(f"the recount did not reach {', '.join(recount['not_reached'])}")
    code = VIOLATED if violations else PROVED_NOTHING if unproved else UNSETTLED if scene.late else HELD
    return {
        "figures": figures,
        "violations": violations,
        "unproved": unproved,
        "late": scene.late,
        "exit": code,
        "seconds": scene.timeline.now_ms() / 1_000,
        "time_line": [asdict(one) for one in scene.timeline.moments],
    }
