"""What people and their programs ask of the runtime and tell it.

    GET  /v1/status  /v1/accounts  /v1/trace/{entity}/{entry_id}  /v1/audit
    POST /v1/commands  /v1/drain

Rule 1. A caller sees the entities that a grant covers, and hears nothing of the others.
Rule 2. A command names why. It and its outcome stand in the audit with who gave it, also where it was refused.
Rule 3. A command for several entities (a region, an account) is carried out for all of them or for none: it is
        refused where a grant covers only some. What one entity cannot do now is said in its result.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

from runtime.core.inputs import Command, Pause, Resume, Retry, Waive
from runtime.gateway.calls import Answer, Call, answer_json, read_json
from runtime.gateway.gate import Action, Caller, Clock
from runtime.gateway.intake import at_office
from runtime.gateway.problems import Flaw, ProblemError
from runtime.ports import AuditNote, IntakeRefusedError, Office, Operations
from runtime.settings import Settings

log = logging.getLogger("springtide.gateway")

WHY_MAX = 500
NAMES_MAX = 10_000


class Reasoned(msgspec.Struct, forbid_unknown_fields=True):
    """A request that somebody answers for."""

    why: str

    def flaws(self) -> list[Flaw]:
        """What is wrong with it."""
        if self.why.strip() and len(self.why) <= WHY_MAX and self.why.isprintable():
            return []
        return [Flaw("/why", f"say why, in 1 to {WHY_MAX} printable characters; it stands in the audit")]


class CommandRequest(Reasoned, forbid_unknown_fields=True):
    """POST /v1/commands. Pause and resume name an entity, a region or an account; retry and waive name entries."""

    verb: Literal["pause", "resume", "retry", "waive"]
    entity: str | None = None
    region: str | None = None
    account: str | None = None
    entries: list[str] | None = None

    def flaws(self) -> list[Flaw]:
        """What is wrong with it."""
        found = super().flaws()
        named = [one for one in (self.entity, self.region, self.account) if one is not None]
        if self.verb in ("pause", "resume"):
            if len(named) != 1 or self.entries is not None:
                found.append(Flaw("", f"{self.verb} names one of 'entity', 'region' and 'account'"))
        elif self.region is not None or self.account is not None or not self.entries:
            found.append(Flaw("", f"{self.verb} names 'entries', and 'entity' if they are of one"))
        if self.entries is not None and (len(self.entries) > NAMES_MAX or not all(map(_usable, self.entries))):
            found.append(Flaw("/entries", f"at most {NAMES_MAX} ids, each of 1 to 256 printable characters"))
        return found


class DrainRequest(Reasoned, forbid_unknown_fields=True):
    """POST /v1/drain."""


class Done(msgspec.Struct, omit_defaults=True):
    """What became of a command in one entity. `reason` is said where it could not be carried out now."""

    entity: str
    done: bool
    reason: str = ""


def _usable(entry_id: str) -> bool:
    return 0 < len(entry_id) <= 256 and entry_id.isprintable()


class OperationsDesk:
    """Answers questions and passes commands on."""

    def __init__(self, settings: Settings, operations: Operations, office: Office, clock: Clock) -> None:
        self._settings = settings
        self._operations = operations
        self._office = office
        self._clock = clock
        self._draining: asyncio.Task[None] | None = None

    # ---------------------------------------------------------------- questions

    async def status(self, call: Call, caller: Caller) -> Answer:
        """Every partition that the caller may see."""
        call.query({})
        seen = self._allowed(caller, Action.STATUS)
        reports = [one for one in await self._operations.partitions() if one.entity in seen]
        return answer_json({"ready": self._operations.ready(), "partitions": reports})

    async def accounts(self, call: Call, caller: Caller) -> Answer:
        """Every account that an entity uses which the caller may see."""
        call.query({})
        used = {
            account
            for entity in self._allowed(caller, Action.STATUS)
            for account in (self._settings.entities[entity].erp, self._settings.entities[entity].psa)
        }
        reports = [one for one in await self._operations.accounts() if one.account in used]
        return answer_json({"accounts": reports})

    async def trace(self, call: Call, caller: Caller) -> Answer:
        """The story of one entry."""
        call.query({})
        named = call.segments("/v1/trace/")
        if len(named) != 2 or not named[1]:
            raise ProblemError("not-found", "ask for /v1/trace/{entity}/{entry_id}")
        entity, entry_id = named
        self._must(caller, Action.TRACE, entity)
        if entity not in self._settings.entities:
            raise ProblemError("unknown-entity", f"{entity[:100]!r} is not configured here")
        story = await self._operations.trace(entity, entry_id) if _usable(entry_id) else None
        if story is None:
            raise ProblemError("unknown-entry", f"{entry_id[:100]!r} was never heard of in {entity}")
        return answer_json(story)

    async def audit(self, call: Call, caller: Caller) -> Answer:
        """The latest notes, newest first."""
        if not caller.may(Action.AUDIT, None, None):
            raise ProblemError("forbidden", "the audit is for those whose grant of it covers everything")
        most = whole_number(call.query({"most": "100"}), "most", 1, 1_000)
        return answer_json({"notes": await at_office(self._office.audit, most)})

    # ---------------------------------------------------------------- commands

    async def command(self, call: Call, caller: Caller) -> Answer:
        """Pause, resume, retry or waive."""
        call.query({})
        if not caller.may_somewhere(Action.COMMAND):
            await self.note(caller, "command", "", "", "refused: forbidden")
            raise ProblemError("forbidden", "no grant of yours lets you command anything")
        request = read_json(await call.body(self._settings.limits), CommandRequest, self._settings.limits.depth)
        if flaws := request.flaws():
            raise ProblemError("invalid", "the command cannot be carried out", flaws)
        target = self._target(request)
        try:
            entities = self._meant(request, caller)
        except ProblemError as refused:
            await self.note(caller, request.verb, target, request.why, f"refused: {refused.problem}")
            raise
        results = []
        for entity in entities:
            done = await self._carry_out(entity, request, caller)
            results.append(done)
            outcome = "done" if done.done else done.reason or "nothing to do"
            what = ", ".join(request.entries or ())
            await self.note(caller, request.verb, f"{entity} {what}".rstrip()[:500], request.why, outcome)
        return answer_json({"results": results})

    def _target(self, request: CommandRequest) -> str:
        return (request.entity or request.region or request.account or ", ".join(request.entries or ()))[:500]

    def _meant(self, request: CommandRequest, caller: Caller) -> Sequence[str]:
        """The entities that a command is for. Raises ProblemError where the caller may not, or there are none."""
        entities = self._settings.entities
        if request.entity is not None:
            self._must(caller, Action.COMMAND, request.entity)
            if request.entity not in entities:
                raise ProblemError("unknown-entity", f"{request.entity[:100]!r} is not configured here")
            return (request.entity,)
        if request.region is None and request.account is None:
            # Entries of wherever they are parked: looked for where the caller may command.
            return self._allowed(caller, Action.COMMAND)
        meant = [
            name
            for name, entity in entities.items()
            if request.region == entity.region or request.account in (entity.erp, entity.psa)
        ]
        for entity_name in meant:
            self._must(caller, Action.COMMAND, entity_name)
        if not meant:
            raise ProblemError("unknown-entity", "no legal entity runs in that region, or uses that account")
        return meant

    async def _carry_out(self, entity: str, request: CommandRequest, caller: Caller) -> Done:
        try:
            done = False
            for command in _COMMANDS[request.verb](request, caller.who):
                done = await self._operations.command(entity, command) or done
            return Done(entity, done)
        except IntakeRefusedError as refused:
            return Done(entity, False, f"{refused.bound}: try again")
        except KeyError:
            return Done(entity, False, "unknown-entity: nobody runs it")

    async def drain(self, call: Call, caller: Caller) -> Answer:
        """Begin to end this process; it is said before it is over, since afterwards nobody is there to say it."""
        call.query({})
        if not caller.may(Action.DRAIN, None, None):
            await self.note(caller, "drain", "", "", "refused: forbidden")
            raise ProblemError("forbidden", "draining is for those whose grant of it covers everything")
        request = read_json(await call.body(self._settings.limits), DrainRequest, self._settings.limits.depth)
        if flaws := request.flaws():
            raise ProblemError("invalid", "the command cannot be carried out", flaws)
        await self.note(caller, "drain", "", request.why, "begun")
        if self._draining is None or self._draining.done():
            self._draining = asyncio.create_task(self._drain(caller.who, request.why), name="drain")
        return answer_json({"draining": True}, 202)

    async def _drain(self, who: str, why: str) -> None:
        try:
            await self._operations.drain(who, why)
        except Exception as fault:
            log.error("the drain failed", extra={"reason": fault})

    async def note(self, caller: Caller, what: str, target: str, why: str, outcome: str) -> None:
        """Write an audit note."""
        note = AuditNote(self._clock.wall_ms(), caller.who, what, target, why, outcome)
        await at_office(self._office.note, note)

    # ---------------------------------------------------------------- who may

    def _allowed(self, caller: Caller, action: Action) -> list[str]:
        """The entities that a grant covers. Raises ProblemError where there is none at all."""
        entities = self._settings.entities.items()
        found = [name for name, entity in entities if caller.may(action, name, entity.region)]
        if not found:
            raise ProblemError("forbidden", f"no grant of yours covers {action.value} for any legal entity here")
        return found

    def _must(self, caller: Caller, action: Action, entity: str) -> None:
        configured = self._settings.entities.get(entity)
        if not caller.may(action, entity, configured.region if configured is not None else None):
            raise ProblemError("forbidden", f"no grant of yours covers {action.value} for {entity[:100]}")


_COMMANDS: dict[str, Callable[[CommandRequest, str], Sequence[Command]]] = {
    "pause": lambda request, who: (Pause(who, request.why),),
    "resume": lambda request, who: (Resume(who, request.why),),
    "retry": lambda request, who: (Retry(tuple(request.entries or ()), who, request.why),),
    "waive": lambda request, who: [Waive(entry_id, who, request.why) for entry_id in request.entries or ()],
}


def whole_number(query: dict[str, str], name: str, least: int, most: int) -> int:
    """A number of a query. Raises ProblemError."""
    text = query[name]
    if text.isascii() and text.isdigit() and len(text) <= 9 and least <= int(text) <= most:
        return int(text)
    raise ProblemError("invalid", "the query cannot be used", [Flaw("", f"{name}: a number from {least} to {most}")])
