"""Dead letters: what could not be read is looked at, taken in again, or dropped, and a person answers for it.

    GET  /v1/dead-letters?state=waiting&after=&most=100&bodies=0
    POST /v1/dead-letters/replay   {"ids": [...] or null, "after": "", "dry_run": true, "per_second": 50, "why": "..."}
    POST /v1/dead-letters/drop     {"ids": [...], "why": "..."}

Rule 1. Letters belong to no one entity, so only a grant of dead_letters for everything covers them. A replay takes
        them in under that grant: whoever replays answers for what is in them. It never takes in a change of
        configuration, which is a command of whoever sent it: they send it again.
Rule 2. A dry run changes nothing. It reads every letter as the replay would, and says how many could be taken in now,
        with which hours, and how long that would take. What they are worth it asks of their partitions, which rate
        them with what they know now: reference data among the letters does not count yet. Of several versions of one
        entry the newest counts.
Rule 3. Letters are listed with the size of their bodies. Bodies are for those who ask, a few MiB in one page.
Rule 4. A replay goes through the same reader and the same door as a delivery, so what was taken in meanwhile is a
        duplicate. A letter that fails again stays waiting. One request replays a few seconds' worth of letters, no
        faster than `per_second`, and answers what became of each; without ids, `next` says after which letter to go on.
        Nothing runs on behind the answer, so nothing is lost if the client or this process goes away.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import msgspec

from runtime.core.news import EntryApproved
from runtime.core.partition.worth import KNOWN, LEFT_OUT, Worth
from runtime.gateway.calls import Answer, Call, answer_json, read_json
from runtime.gateway.events import Delivery, TooDeepError, Unread, read_items
from runtime.gateway.gate import Action, Caller
from runtime.gateway.intake import QUARANTINED, CallerAdmission, IntakeDesk, Result
from runtime.gateway.office import Audit, at_office
from runtime.gateway.operations import Reasoned, whole_number
from runtime.gateway.problems import Flaw, ProblemError
from runtime.ports import IntakeRefusedError, JournalError, Letter, Office, Operations, Taken
from runtime.settings import Settings

STATES = ("waiting", "replayed", "dropped")
PAGE = 1_000
READ = 100
"""Letters that are read from the store at once: all of their bodies come with them. Ours."""
BODIES_MAX = 4 * 2**20
"""Bytes of bodies in one page; a page has at least one letter. Ours."""
RATED_AT_ONCE = 500
"""Entries that a partition is asked about in one turn of its own. Ours."""
AWAY = "partition_away"
"""Why an entry has no amount where its partition could not be asked."""
REPLAYED_MAX = 500
REPLAYED_S = 5
"""One request replays at most so many letters, for at most so long, so that a client sees that it goes on. Ours."""
ID_LENGTH = 32
IDS_MAX = 100_000


class ReplayRequest(Reasoned, forbid_unknown_fields=True):
    """POST /v1/dead-letters/replay. `ids` null: every letter that waits."""

    ids: list[str] | None = None
    after: str = ""
    dry_run: bool = True
    per_second: int = 50

    def flaws(self) -> list[Flaw]:
        """What is wrong with it."""
        found = super().flaws()
        if not 1 <= self.per_second <= 10_000:
            found.append(Flaw("/per_second", "a number from 1 to 10000"))
        if self.after and (self.ids is not None or not _is_id(self.after)):
            found.append(Flaw("/after", "the id of a letter, where no ids are named"))
        return found + _flaws_of_ids(self.ids, IDS_MAX if self.dry_run else self.most())

    def most(self) -> int:
        """Letters that this request can replay."""
        return min(REPLAYED_MAX, self.per_second * REPLAYED_S)


class DropRequest(Reasoned, forbid_unknown_fields=True):
    """POST /v1/dead-letters/drop. Each letter is named: nobody drops what they have not seen."""

    ids: list[str]

    def flaws(self) -> list[Flaw]:
        """What is wrong with it."""
        return super().flaws() + _flaws_of_ids(self.ids, IDS_MAX)


def _flaws_of_ids(ids: Sequence[str] | None, most: int) -> list[Flaw]:
    if ids is not None and (not 1 <= len(ids) <= most or not all(map(_is_id, ids))):
        return [Flaw("/ids", f"1 to {most} ids of letters")]
    return []


class ListedLetter(msgspec.Struct, omit_defaults=True):
    """A letter as it is listed; `size` is that of its body, in bytes, and `body` is there where it was asked for."""

    letter_id: str
    source: str
    kind: str
    reason: str
    size: int
    first_ms: int
    times: int
    state: str
    body: bytes | None = None


class LettersDesk:
    """Shows, replays and drops dead letters."""

    def __init__(
        self,
        settings: Settings,
        office: Office,
        operations: Operations,
        desk: IntakeDesk,
        audit: Audit,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._settings = settings
        self._office = office
        self._operations = operations
        self._desk = desk
        self._audit = audit
        self._sleep = sleep

    async def show(self, call: Call, caller: Caller) -> Answer:
        """A page of letters, how many there are in each state, and after which letter the next page begins.

        `most` 0 asks for the numbers alone; `bodies` 1 for the bodies too (base64), which may make the page shorter.
        """
        await self._must(caller, "")
        query = call.query({"state": STATES[0], "after": "", "most": "100", "bodies": "0"})
        if query["state"] not in STATES:
            raise ProblemError("invalid", "the query cannot be used", [Flaw("", f"state: {', '.join(STATES)}")])
        if query["after"] and not _is_id(query["after"]):
            raise ProblemError("invalid", "the query cannot be used", [Flaw("", "after: the id of a letter")])
        most = whole_number(query, "most", 0, PAGE)
        bodies = whole_number(query, "bodies", 0, 1) == 1
        listed: list[ListedLetter] = []
        more, room = "", BODIES_MAX
        async for letter in self._letters(query["state"], query["after"], most and most + 1):
            room -= len(letter.body) if bodies else 0
            if len(listed) == most or (room < 0 and listed):
                more = listed[-1].letter_id
                break
            listed.append(_listed(letter, bodies))
        counts = await at_office(self._office.count_letters)
        return answer_json({"letters": listed, "counts": counts, "next": more})

    async def drop(self, call: Call, caller: Caller) -> Answer:
        """Give letters up for good; they stay in the store."""
        call.query({})
        await self._must(caller, "drop")
        request = read_json(await call.body(self._settings.limits), DropRequest, self._settings.limits.depth)
        if flaws := request.flaws():
            raise ProblemError("invalid", "the command cannot be carried out", flaws)
        waiting = {letter.letter_id async for letter in self._waiting(request.ids)}
        results = []
        for letter_id in dict.fromkeys(request.ids):
            if letter_id in waiting:
                await at_office(self._office.settle_letter, letter_id, "dropped")
            results.append({"letter_id": letter_id, "done": letter_id in waiting})
        target = ", ".join(sorted(waiting))[:500]
        await self._audit.note(caller.who, "drop", target, request.why, f"dropped {len(waiting)}")
        return answer_json({"results": results})

    async def replay(self, call: Call, caller: Caller) -> Answer:
        """Take letters in again, or say what that would do."""
        call.query({})
        await self._must(caller, "replay")
        request = read_json(await call.body(self._settings.limits), ReplayRequest, self._settings.limits.depth)
        if flaws := request.flaws():
            raise ProblemError("invalid", "the command cannot be carried out", flaws)
        waiting = self._waiting(request.ids, request.after)
        if request.dry_run:
            return answer_json(await self._would(waiting, caller, request))
        now: list[Letter] = []
        async for letter in waiting:
            if len(now) == request.most():
                break
            now.append(letter)
        target = f"{len(now)} letters"
        await self._audit.note(caller.who, "replay", target, request.why, "begun")
        counts: Counter[str] = Counter()
        results = []
        try:
            for letter in now:
                result = await self._replay(letter, caller)
                counts[result.taken] += 1
                results.append({"letter_id": letter.letter_id, "taken": result.taken, "reason": result.reason})
                await self._sleep(1 / request.per_second)
        finally:
            # Also when the client has gone or this process ends in good order: what was done is written down.
            outcome = ", ".join(f"{taken} {count}" for taken, count in sorted(counts.items())) or "nothing"
            await self._audit.note(caller.who, "replay", target, request.why, outcome)
        more = request.ids is None and len(now) == request.most()
        return answer_json({"results": results, "counts": counts, "next": now[-1].letter_id if more else ""})

    async def _replay(self, letter: Letter, caller: Caller) -> Result:
        """One letter: read again, taken in again, and settled if it is in."""
        delivery = self._read(letter, caller)
        if delivery.unread:
            return Result(0, QUARANTINED, reason=delivery.unread[0].reason, letter=letter.letter_id)
        try:
            (result,), refused = await self._desk.take(delivery, self._admission(caller))
        except IntakeRefusedError as full:
            return Result(0, Taken.REFUSED.value, reason=f"{full.bound}: replay it later")
        if not refused and result.taken in (Taken.ACCEPTED, Taken.DUPLICATE):
            await at_office(self._office.settle_letter, letter.letter_id, "replayed")
        return result

    async def _would(self, letters: AsyncIterator[Letter], caller: Caller, request: ReplayRequest) -> dict[str, object]:
        """What a replay would do; nothing of it is done."""
        hours, days = Decimal(0), Decimal(0)
        kinds: Counter[str] = Counter()
        entities: Counter[str] = Counter()
        unread: Counter[str] = Counter()
        value = _Value(self._operations)
        async for letter in letters:
            kinds[letter.kind] += 1
            delivery = self._read(letter, caller)
            for failed in delivery.unread:
                unread[failed.reason] += 1
            for barred in delivery.barred:
                unread[": ".join(filter(None, (barred.why, barred.entity[:100])))] += 1
            for entity, group in delivery.groups.items():
                entities[entity] += 1
                for news in group.news:
                    if isinstance(news, EntryApproved):
                        hours += news.entry.quantity if news.entry.unit == "hour" else 0
                        days += news.entry.quantity if news.entry.unit == "day" else 0
                        await value.add(entity, news)
        count, failing = sum(kinds.values()), sum(unread.values())
        return {
            "dry_run": True,
            "count": count,
            "readable": count - failing,
            "hours": hours,
            "days": days,
            **await value.sums(),
            "by_kind": kinds,
            "by_entity": entities,
            "fails_again": unread,
            "seconds": -(-count // request.per_second),
            "requests": -(-count // request.most()),
        }

    def _read(self, letter: Letter, caller: Caller) -> Delivery:
        try:
            return read_items((letter.body,), self._admission(caller), self._settings.limits.depth)
        except TooDeepError:
            # The limits were others when it was kept. It fails alone, and ends no replay.
            reason = f"nested more than {self._settings.limits.depth} deep"
            return Delivery(1, unread=[Unread(0, letter.kind, reason, letter.body)])

    def _admission(self, caller: Caller) -> CallerAdmission:
        """Under the grant of whoever replays, which is no grant to command (rule 1)."""
        return CallerAdmission(self._settings, caller.who, lambda action, entity, region: action != Action.COMMAND)

    async def _waiting(self, ids: Sequence[str] | None, after: str = "") -> AsyncIterator[Letter]:
        """Letters that wait, by id: those named, or all after one."""
        wanted = None if ids is None else frozenset(ids)
        async for letter in self._letters("waiting", after):
            if wanted is None or letter.letter_id in wanted:
                yield letter

    async def _letters(self, state: str, after: str, most: int = READ) -> AsyncIterator[Letter]:
        """Letters in a state, by id, after one; read a few at a time, no more than `most` at once."""
        while most and (page := await at_office(self._office.letters, state, after, min(most, READ))):
            for letter in page:
                yield letter
            after = page[-1].letter_id

    async def _must(self, caller: Caller, command: str) -> None:
        if not caller.may(Action.DEAD_LETTERS, None, None):
            if command:
                await self._audit.refused(caller.who, command, "", "", "refused: forbidden")
            raise ProblemError("forbidden", "dead letters are for those whose grant of them covers everything")


@dataclass(slots=True)
class _Value:
    """What the entries of a dry run are worth: their partitions are asked, a few hundred at a time.

    Bodies are let go after that; what stays is the newest version of each entry with its worth.
    """

    operations: Operations
    asked: dict[str, list[EntryApproved]] = field(default_factory=dict)
    told: dict[tuple[str, str], tuple[int, Worth]] = field(default_factory=dict)
    away: set[str] = field(default_factory=set)
    """Entities that could not tell; they are not waited for again."""

    async def add(self, entity: str, news: EntryApproved) -> None:
        """One more entry of this entity."""
        asked = self.asked.setdefault(entity, [])
        asked.append(news)
        if len(asked) == RATED_AT_ONCE:
            await self._ask(entity)

    async def _ask(self, entity: str) -> None:
        asked = self.asked.pop(entity)
        worths: Sequence[Worth] = [Worth(0, "", AWAY)] * len(asked)
        if entity not in self.away:
            try:
                worths = await self.operations.worth(entity, asked)
            except (IntakeRefusedError, JournalError):
                self.away.add(entity)
        for news, worth in zip(asked, worths, strict=True):
            name, version = (entity, news.entry.entry_id), news.entry.version
            if name not in self.told or self.told[name][0] < version:
                self.told[name] = (version, worth)

    async def sums(self) -> dict[str, object]:
        """Entries by what is known of their worth; `bills` is in minor units by currency."""
        for entity in tuple(self.asked):
            await self._ask(entity)
        whys: Counter[str] = Counter(worth.why for _, worth in self.told.values())
        bills: Counter[str] = Counter()
        for _, worth in self.told.values():
            if not worth.why:
                bills[worth.currency] += worth.bill_minor
        valued, known, left_out = whys.pop("", 0), whys.pop(KNOWN, 0), whys.pop(LEFT_OUT, 0)
        return {"bills": bills, "valued": valued, "known": known, "left_out": left_out, "unvalued": whys}


def _listed(letter: Letter, with_body: bool) -> ListedLetter:
    head = (letter.letter_id, letter.source, letter.kind, letter.reason, len(letter.body), letter.first_ms)
    return ListedLetter(*head, letter.times, letter.state, letter.body if with_body else None)


def _is_id(text: str) -> bool:
    return len(text) == ID_LENGTH and text.isascii() and text.isalnum()
