"""How the core declares its values: slotted, and frozen in the eyes of the type checker.

A truly frozen dataclass pays an `object.__setattr__` per field at construction; for the millions of records of a
month-end that is a third of the core's time. `value` therefore declares immutability to mypy (which runs strict
over every package that builds or reads a value, so an assignment to a field does not pass `make check`) and
generates a plain slotted class at run time. Values compare by content, hash by content and pickle.
"""

from dataclasses import dataclass
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True)
def value(cls: type[T]) -> type[T]:
    """Make `cls` a value: fields from its annotations, no dict, equality and hash by content."""
    return dataclass(slots=True, unsafe_hash=True)(cls)
