"""Puts another function in the place of a named one, everywhere it is known, for as long as a block lasts.

Names are `module:function` or `module:Class.method`. A function is replaced in every module of ours that imported
it and in the tables (dicts at the top of a module) that hold it. One process runs one world at a time, so what is
replaced in a block is replaced for that world alone. What was handed over as a default argument before is out of
reach: a policy is made with the replacement by `World`'s `recompose`.
"""

import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

OURS = ("runtime", "simulators", "scenarios")

Function = Callable[..., Any]
Wrap = Callable[[Function], Function]


def named(where: str) -> Function:
    """The function with this name. Raises LookupError with the name where there is none."""
    module, _, path = where.partition(":")
    try:
        found: Any = import_module(module)
        for name in path.split("."):
            found = inspect.getattr_static(found, name)
    except (ImportError, AttributeError):
        raise LookupError(f"{where}: there is no such function") from None
    function: Function = found
    return function


@contextmanager
def replaced(where: str, wrap: Wrap) -> Iterator[Function]:
    """While the block lasts, `wrap(original)` stands where the function `where` stood; yields it."""
    original = named(where)
    new = wrap(original)
    module, _, path = where.partition(":")
    *outer, name = path.split(".")
    undo: list[tuple[Any, Any, Any]] = []
    if outer:
        owner = named(f"{module}:{'.'.join(outer)}")
        undo.append((setattr, owner, name))
        setattr(owner, name, new)
    else:
        for known in [m for key, m in sys.modules.items() if key.split(".")[0] in OURS]:
            for key, held in list(vars(known).items()):
                if held is original:
                    undo.append((setattr, known, key))
                    setattr(known, key, new)
                elif type(held) is dict and key != "__builtins__":
                    for inner in [each for each, function in held.items() if function is original]:
                        undo.append((_put, held, inner))
                        held[inner] = new
    try:
        yield new
    finally:
        for put, place, key in undo:
            put(place, key, original)


def _put(table: dict[Any, Any], key: Any, value: Any) -> None:
    table[key] = value
