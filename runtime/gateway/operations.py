"""What people and their programs ask of the runtime and tell it.

    GET  /v1/status  /v1/accounts  /v1/trace/{entity}/{entry_id}  /v1/audit
    POST /v1/commands  /v1/drain  /v1/hosts/drain  /v1/hosts/restart

Rule 1. A caller sees the entities that a grant covers, and hears nothing of the others.
Rule 2. A command names why. That it begins, and for whom, stands in the audit before the first act: where that cannot
        be written nothing is done. Each outcome follows, also a refusal; one that cannot be written any more is said
        in the result, and holds nothing up.
Rule 3. A command for several entities (a region, an account) goes to all of them at once, or to none: it is refused
        where a grant covers only some. What one entity cannot do now is said in its result.
Rule 4. What is wanted of hosts is an order in the office: the supervisor carries it out, in whatever process it leads.
Rule 5. While the store is away nobody hears 500: what cannot be told or done now is 503, to be asked again.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Literal, TypeVar

import msgspec

from runtime.core.inputs import Command, Pause, Resume, Retry, Waive
from runtime.gateway.calls import Answer, Call, answer_json, read_json
from runtime.gateway.gate import Action, Caller, Clock
from runtime.gateway.intake import WHY_MAX, is_reason
from runtime.gateway.office import STORE_RETRY_MS, Audit, at_office
from runtime.gateway.problems import Flaw, ProblemError, retry_after
from runtime.ports import HostOrder, IntakeRefusedError, JournalError, Office, Operations
from runtime.settings import Settings

log = logging.getLogger("springtide.gateway")

T = TypeVar("T")
R = TypeVar("R", bound="Reasoned")
NAMES_MAX = 10_000
TARGET_MAX = 500


class Reasoned(msgspec.Struct, forbid_unknown_fields=True):
    """A request that somebody answers for."""

    why: str

    def flaws(self) -> list[Flaw]:
        """What is wrong with it."""
        if is_reason(self.why):
            return []
        return [Flaw("/why", f"say why, in 1 to {WHY_MAX} printable characters; it stands in the audit")]


class CommandRequest(Reasoned, forbid_unknown_fields=True):
    """POST /v1/commands. Pause and resume name an entity, a region or an account; retry and waive name entries.

    A waiver is for good, and two entities may know the same id: it names its entity.
    """

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
        elif self.verb == "waive" and self.entity is None:
            found.append(Flaw("", "waive names the 'entity' of its entries"))
        if self.entries is not None and (len(self.entries) > NAMES_MAX or not all(map(_usable, self.entries))):
            found.append(Flaw("/entries", f"at most {NAMES_MAX} ids, each of 1 to 256 printable characters"))
        return found


class DrainRequest(Reasoned, forbid_unknown_fields=True):
    """POST /v1/drain."""


class DrainHostRequest(Reasoned, forbid_unknown_fields=True):
    """POST /v1/hosts/drain: one host, now."""

    host: str


class RestartHostsRequest(Reasoned, forbid_unknown_fields=True):
    """POST /v1/hosts/restart: every host that lives now, or those of a region, one after the other."""

    region: str | None = None


class Done(msgspec.Struct, omit_defaults=True):
    """What became of a command in one entity. `reason` is said where it could not be carried out now."""

    entity: str
    done: bool
    reason: str = ""
    audit: str = ""
    """Said where this outcome could not be written into the audit, which says that the command began."""


def _usable(entry_id: str) -> bool:
    return 0 < len(entry_id) <= 256 and entry_id.isprintable()


class OperationsDesk:
    """Answers questions and passes commands on."""

    def __init__(self, settings: Settings, operations: Operations, office: Office, audit: Audit, clock: Clock) -> None:
        self._settings = settings
        self._operations = operations
        self._office = office
        self._audit = audit
        self._clock = clock
        self._draining: asyncio.Task[None] | None = None

    # ---------------------------------------------------------------- questions

    async def status(self, call: Call, caller: Caller) -> Answer:
        """Every partition that the caller may see, and when each of them will have cleared."""
        call.query({})
        seen = self._allowed(caller, Action.STATUS)
        reports = [one for one in await _told(self._operations.partitions()) if one.entity in seen]
        forecasts = [one for one in await self._operations.forecasts() if one.entity in seen]
        ready = self._operations.ready()
        if ready and not caller.may(Action.STATUS, None, None):
            # What it waits for may name entities of others.
            ready = "not ready"
        return answer_json({"ready": ready, "partitions": reports, "forecasts": forecasts})

    async def accounts(self, call: Call, caller: Caller) -> Answer:
        """Every account that an entity uses which the caller may see."""
        call.query({})
        seen = self._allowed(caller, Action.STATUS)
        used = {
            account
            for entity in seen
            for account in (self._settings.entities[entity].erp, self._settings.entities[entity].psa)
        }
        reports = [
            replace(one, waiting={entity: calls for entity, calls in one.waiting.items() if entity in seen})
            for one in await _told(self._operations.accounts())
            if one.account in used
        ]
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
        story = await _told(self._operations.trace(entity, entry_id)) if _usable(entry_id) else None
        if story is None:
            raise ProblemError("unknown-entry", f"{entry_id[:100]!r} was never heard of in {entity}")
        return answer_json(story)

    async def audit(self, call: Call, caller: Caller) -> Answer:
        """The latest notes, newest first, and before which number the next page begins (0: there is none)."""
        if not caller.may(Action.AUDIT, None, None):
            raise ProblemError("forbidden", "the audit is for those whose grant of it covers everything")
        query = call.query({"most": "100", "before": "0"})
        most, before = whole_number(query, "most", 1, 1_000), whole_number(query, "before", 0, 999_999_999)
        notes = await _told(at_office(self._office.audit, most, before))
        return answer_json({"notes": notes, "next": notes[-1].number if len(notes) == most else 0})

    # ---------------------------------------------------------------- commands

    async def command(self, call: Call, caller: Caller) -> Answer:
        """Pause, resume, retry or waive."""
        call.query({})
        if not caller.may_somewhere(Action.COMMAND):
            await self._audit.refused(caller.who, "command", "", "", "refused: forbidden")
            raise ProblemError("forbidden", "no grant of yours lets you command anything")
        request = read_json(await call.body(self._settings.limits), CommandRequest, self._settings.limits.depth)
        if flaws := request.flaws():
            raise ProblemError("invalid", "the command cannot be carried out", flaws)
        target = self._target(request)
        try:
            entities = self._meant(request, caller)
        except ProblemError as refused:
            await self._audit.refused(caller.who, request.verb, target, request.why, f"refused: {refused.problem}")
            raise
        named = target if request.entity is not None else f"{target[: TARGET_MAX // 2]}: {', '.join(entities)}"
        await _told(self._audit.note(caller.who, request.verb, named[:TARGET_MAX], request.why, "begun"))
        return answer_json({"results": await asyncio.gather(*(self._one(name, request, caller) for name in entities))})

    async def _one(self, entity: str, request: CommandRequest, caller: Caller) -> Done:
        """The command in one entity, and its note; raises nothing, so that the others are told in any case."""
        done = await self._carry_out(entity, request, caller)
        outcome = ", ".join(filter(None, ("done" if done.done else "", done.reason))) or "nothing to do"
        target = f"{entity} {', '.join(request.entries or ())}".rstrip()[:TARGET_MAX]
        try:
            await self._audit.note(caller.who, request.verb, target, request.why, outcome)
        except Exception as fault:
            log.error("an outcome is not in the audit", extra={"entity": entity, "reason": fault})
            done.audit = "the outcome could not be written into the audit"
        return done

    def _target(self, request: CommandRequest) -> str:
        whom = (request.entity, request.region, request.account, ", ".join(request.entries or ()))
        return " ".join(filter(None, whom))[:TARGET_MAX]

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
        done = False
        try:
            for command in _COMMANDS[request.verb](request, caller.who):
                done = await self._operations.command(entity, command) or done
            return Done(entity, done)
        except IntakeRefusedError as refused:
            return Done(entity, done, f"{refused.bound}: try again")
        except JournalError:
            return Done(entity, done, "moving: try again")
        except KeyError:
            return Done(entity, done, "unknown-entity: nobody runs it")
        except Exception as fault:
            log.error("a command failed", extra={"entity": entity, "reason": fault})
            return Done(entity, done, "internal: its status tells whether it was carried out")

    async def drain(self, call: Call, caller: Caller) -> Answer:
        """Begin to end this process; it is said before it is over, since afterwards nobody is there to say it."""
        request = await self._drain_request(call, caller, "drain", DrainRequest)
        await _told(self._audit.note(caller.who, "drain", "", request.why, "begun"))
        if self._draining is None or self._draining.done():
            self._draining = asyncio.create_task(self._drain(caller.who, request.why), name="drain")
        return answer_json({"draining": True}, 202)

    async def _drain(self, who: str, why: str) -> None:
        try:
            await self._operations.drain(who, why)
        except Exception as fault:
            log.error("the drain failed", extra={"reason": fault})

    async def drain_host(self, call: Call, caller: Caller) -> Answer:
        """Order that a host is emptied and ended now."""
        request = await self._drain_request(call, caller, "drain host", DrainHostRequest)
        return await self._order(caller, "drain", request.host, request.why, lambda host, _: host == request.host)

    async def restart_hosts(self, call: Call, caller: Caller) -> Answer:
        """Order that hosts are replaced, one after the other."""
        request = await self._drain_request(call, caller, "restart host", RestartHostsRequest)
        wanted = request.region
        target = "every region" if wanted is None else f"region {wanted}"
        return await self._order(caller, "restart", target, request.why, lambda _, region: wanted in (None, region))

    async def _drain_request(self, call: Call, caller: Caller, what: str, kind: type[R]) -> R:
        """What somebody asks who may end processes. Raises ProblemError."""
        call.query({})
        if not caller.may(Action.DRAIN, None, None):
            await self._audit.refused(caller.who, what, "", "", "refused: forbidden")
            raise ProblemError("forbidden", "draining is for those whose grant of it covers everything")
        request = read_json(await call.body(self._settings.limits), kind, self._settings.limits.depth)
        if flaws := request.flaws():
            raise ProblemError("invalid", "the command cannot be carried out", flaws)
        return request

    async def _order(
        self, caller: Caller, verb: str, target: str, why: str, meant: Callable[[str, str], bool]
    ) -> Answer:
        """Order it for the living hosts that are meant, by name and region; the answer names them."""
        what = f"{verb} host"
        living = await self._operations.hosts()
        hosts = sorted(host for host, region in (living or {}).items() if meant(host, region))
        if not hosts:
            problem, detail = _ONE_PROCESS if living is None else ("unknown-host", _living(living))
            await self._audit.refused(caller.who, what, target[:TARGET_MAX], why, f"refused: {problem}")
            raise ProblemError(problem, detail)
        await _told(self._audit.note(caller.who, what, f"{target}: {', '.join(hosts)}"[:TARGET_MAX], why, "begun"))
        now_ms = self._clock.wall_ms()
        orders = [HostOrder(host, verb, caller.who, why, now_ms) for host in hosts]
        await _told(at_office(self._office.order, orders))
        return answer_json({"hosts": hosts}, 202)

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


_ONE_PROCESS = ("one-process", "one process carries everything: nothing to roll; POST /v1/drain ends it in order")


def _living(hosts: Mapping[str, str]) -> str:
    """What can be named instead."""
    named = ", ".join(sorted(hosts)[:_NAMED_MAX]) or "none"
    return f"living hosts: {named}{' and more' if len(hosts) > _NAMED_MAX else ''}"


_NAMED_MAX = 20


async def _told(asked: Awaitable[T]) -> T:
    """What was asked for. Raises ProblemError (503) where the store, or the owner, cannot tell now."""
    try:
        return await asked
    except JournalError as fault:
        log.warning("the store did not answer", extra={"reason": fault})
        detail = "this cannot be told or begun at the moment, and nothing was done; ask again"
        raise ProblemError("moving", detail, headers=(retry_after(STORE_RETRY_MS),)) from fault


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
