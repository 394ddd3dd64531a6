"""One instance of every record kind, made from its annotations: the same values in every run."""

import types
import typing
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Any, get_args, get_origin, get_type_hints

from runtime.core.records import Record

_PLAIN: dict[Any, Any] = {
    str: "text",
    int: 7,
    bool: True,
    bytes: b"bytes",
    Decimal: Decimal("7.25"),
    date: date(2026, 3, 31),
    types.NoneType: None,
}


def sample(kind: Any) -> Any:
    """A value of this type: plain ones fixed, the first of an enum or union, one item in a tuple."""
    if kind in _PLAIN:
        return _PLAIN[kind]
    origin = get_origin(kind)
    if origin in (types.UnionType, typing.Union):
        return sample(get_args(kind)[0])
    if origin is tuple:
        items = get_args(kind)
        return (sample(items[0]),) if items[-1] is Ellipsis else tuple(sample(item) for item in items)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return next(iter(kind))
    return kind(**{name: sample(hint) for name, hint in get_type_hints(kind).items()})


def every_record() -> dict[str, Record]:
    """Kind name to an instance, for all of them."""
    return {kind.__name__: sample(kind) for kind in get_args(Record)}
