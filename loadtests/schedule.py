"""The schedule of one generator process: what it has to send and when, written to disk before the first arrival.

    deliveries(profile) ─▶ number 0, 1, 2, … ─▶ mine when number % workers == my place ─▶ a file for each kind of sender
                                                                                             │
                                                      the walk of one kind, in order  ◀──────┘

Rule 1. Every process makes the whole schedule by itself and keeps its share, so nothing but a profile crosses the
        network. The digest over the whole schedule says whether all of them made the same one.
Rule 2. Bodies are finished bytes before the run begins: while it goes, one is read from a file and sent.
Rule 3. This is a program of its own. The process that sends stays small: no pydantic, no simulated firm, and no pause
        for the garbage that building leaves.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from scenarios.load.deliveries import Delivery

KINDS = ("consultants", "managers", "machines", "auto_approval", "corrections", "operators")
"""Who sends, as a delivery names it."""
_HEAD = struct.Struct(">QQIIHI")
"""at_ms, number, items, number of the manner, bytes of the target, bytes of the body."""
_MANNERS = "manners.json"
_SUMMARY = "summary.json"


class Manner(NamedTuple):
    """What many deliveries have in common."""

    to: str
    """ "runtime" or "source"."""
    signed_by: str
    """The source of webhooks whose secret signs the body; empty: a bearer key."""
    headers: Mapping[str, str]


class Arrival(NamedTuple):
    """One delivery as it is sent."""

    at_ms: int
    number: int
    """Its place in the whole schedule, from 0."""
    method: str
    path: str
    manner: Manner
    items: int
    body: bytes


class Share(NamedTuple):
    """What one process got, and what the whole is."""

    arrivals: int
    items: int
    last_ms: int
    total_arrivals: int
    total_items: int
    digest: str
    """Over the whole schedule, whoever sends what."""


def write_share(deliveries: Iterable[Delivery], folder: Path, place: int, workers: int) -> Share:
    """Write the share of the process at `place` (from 0) of so many into an empty folder."""
    manners: dict[str, int] = {}
    digest = hashlib.blake2b(digest_size=16)
    arrivals = items = last_ms = number = total_items = 0
    with ExitStack() as stack:
        files = {kind: stack.enter_context(_file(folder, kind).open("wb")) for kind in KINDS}
        for number, one in enumerate(deliveries, 1):
            count = len(one.entries)
            total_items += count
            last_ms = one.at_ms
            target = f"{one.method} {one.path}".encode()
            manner = json.dumps([one.to, one.signed_by, one.headers], sort_keys=True)
            digest.update(b"%d %b %b %b\n" % (one.at_ms, one.user.encode(), target, manner.encode()))
            digest.update(one.body)
            if (number - 1) % workers != place:
                continue
            arrivals += 1
            items += count
            known = manners.setdefault(manner, len(manners))
            head = _HEAD.pack(one.at_ms, number - 1, count, known, len(target), len(one.body))
            files[one.user].write(head + target + one.body)
    (folder / _MANNERS).write_text(json.dumps([json.loads(one) for one in manners]), encoding="utf-8")
    share = Share(arrivals, items, last_ms, number, total_items, digest.hexdigest())
    (folder / _SUMMARY).write_text(json.dumps(share._asdict()), encoding="utf-8")
    return share


def read_summary(folder: Path) -> Share:
    """What `write_share` told of this folder."""
    return Share(**json.loads((folder / _SUMMARY).read_text(encoding="utf-8")))


def read_share(folder: Path, kind: str) -> Iterator[Arrival]:
    """What senders of one kind have to send, in order of time."""
    manners = [Manner(*one) for one in json.loads((folder / _MANNERS).read_text(encoding="utf-8"))]
    with _file(folder, kind).open("rb", buffering=1 << 18) as file:
        while head := file.read(_HEAD.size):
            at_ms, number, items, known, target_bytes, body_bytes = _HEAD.unpack(head)
            method, _, path = file.read(target_bytes).decode().partition(" ")
            yield Arrival(at_ms, number, method, path, manners[known], items, file.read(body_bytes))


def _file(folder: Path, kind: str) -> Path:
    return folder / f"{kind}.share"
