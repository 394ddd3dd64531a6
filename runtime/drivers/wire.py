"""What crosses between a gateway and a host in another process, as bytes: tagged MessagePack.

    news, commands, words of an account    [[kind, fields], ...]     the kind names one of a closed set
    an answer                              [how, what]               "said", "not_owner" or "refused"

A host that says no says so in its answer. Whatever raises on the way instead is unknown, and needs no decoding.
Both sides run the same release or neighbours of it: a kind that one side does not know raises UnknownKindError, and the
call is unknown like any other that raised.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, TypeVar, cast, get_args

import msgspec

from runtime.core.account import AccountInput
from runtime.core.inputs import Command
from runtime.core.loans import Ask, Lent
from runtime.core.news import News
from runtime.core.partition.worth import Worth
from runtime.core.value import value
from runtime.drivers.supervisor import HostReport
from runtime.ports import EntryTrace, IntakeRefusedError, NotOwnerError, Receipt

T = TypeVar("T")

_encoder = msgspec.msgpack.Encoder()
_rows_decoder = msgspec.msgpack.Decoder(list[tuple[str, msgspec.Raw]])
_answer_decoder = msgspec.msgpack.Decoder(tuple[str, msgspec.Raw])


class UnknownKindError(Exception):
    """The other side speaks of something that this build does not know."""


class Kinds(Generic[T]):
    """A closed set of values, written with the name of their kind."""

    def __init__(self, union: object) -> None:
        """`union` is the union of the kinds, which are named by their class."""
        self._decoders = {kind.__name__: msgspec.msgpack.Decoder(kind) for kind in get_args(union)}

    def write(self, values: Sequence[T]) -> bytes:
        """The values as bytes."""
        return _encoder.encode([(type(one).__name__, one) for one in values])

    def read(self, body: bytes) -> list[T]:
        """The values again. Raises UnknownKindError, and msgspec's errors for what is no such list."""
        values = []
        for name, raw in _rows_decoder.decode(body):
            decoder = self._decoders.get(name)
            if decoder is None:
                raise UnknownKindError(f"this build does not know {name}; it came from a newer one")
            values.append(decoder.decode(raw))
        return cast("list[T]", values)


NEWS: Kinds[News] = Kinds(News)
COMMANDS: Kinds[Command] = Kinds(Command)
WORDS: Kinds[AccountInput] = Kinds(AccountInput)

read_receipts = msgspec.msgpack.Decoder(list[Receipt]).decode
read_truth = msgspec.msgpack.Decoder(bool).decode
read_trace = msgspec.msgpack.Decoder(EntryTrace | None).decode
read_worths = msgspec.msgpack.Decoder(list[Worth]).decode
read_lent = msgspec.msgpack.Decoder(Lent).decode
read_nothing = msgspec.msgpack.Decoder(None).decode
read_report = msgspec.msgpack.Decoder(HostReport).decode


@value
class _AskOnTheWire:
    host: str
    demand: dict[str, int]
    words: bytes


_ask_decoder = msgspec.msgpack.Decoder(_AskOnTheWire)


def write_ask(ask: Ask) -> bytes:
    """A borrower's ask as bytes."""
    return _encoder.encode(_AskOnTheWire(ask.host, dict(ask.demand), WORDS.write(ask.words)))


def read_ask(body: bytes) -> Ask:
    """The ask again."""
    read = _ask_decoder.decode(body)
    return Ask(read.host, read.demand, tuple(WORDS.read(read.words)))


async def answered(said: Awaitable[object]) -> bytes:
    """What was said, or that it was refused, as bytes. What is neither raises, and is unknown to the caller."""
    try:
        return _encoder.encode(("said", await said))
    except NotOwnerError as fault:
        return _encoder.encode(("not_owner", str(fault)))
    except IntakeRefusedError as refused:
        return _encoder.encode(("refused", (refused.bound, refused.retry_after_ms, refused.detail)))


def read_answer(body: bytes, read: Callable[[msgspec.Raw], T]) -> T:
    """What was said. Raises NotOwnerError or IntakeRefusedError where that was the answer."""
    how, what = _answer_decoder.decode(body)
    match how:
        case "said":
            return read(what)
        case "not_owner":
            raise NotOwnerError(msgspec.msgpack.decode(what))
        case "refused":
            refusal: Any = msgspec.msgpack.decode(what)
            raise IntakeRefusedError(*refusal)
    raise UnknownKindError(f"this build does not know the answer {how}; it came from a newer one")
