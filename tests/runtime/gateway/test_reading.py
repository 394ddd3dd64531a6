"""How items are read: the cheap count agrees with the slow reader, and depth is told without following it."""

import gzip
import json
import random
import tracemalloc
from base64 import b64encode
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import MISSING, fields
from typing import Any

import msgspec
import pytest

from runtime.core.model import Approval, TimeEntry
from runtime.core.news import EntryApproved
from runtime.gateway.calls import expand
from runtime.gateway.events import (
    ITEM_MAX_BYTES,
    TooManyError,
    elements_of,
    key_twice,
    lines_of,
    read_items,
    too_deep,
)
from runtime.gateway.gate import Action
from runtime.gateway.problems import ProblemError
from tests.runtime.gateway.a_runtime import cloud, event


class Everybody:
    """An admission that bars nobody."""

    who = "key:test"
    everybody: Sequence[str] = ("DE01",)

    def bar(self, action: Action, entity: str) -> str:
        return ""


OPTIONAL = [
    *(("entry", one.name) for one in fields(TimeEntry) if one.default is not MISSING),
    *(("approval", one.name) for one in fields(Approval) if one.default is not MISSING),
]
TEXTS = ["", " leading", 'a "quoted": text', "colon: and \\ backslash", "tab\there", '"":', "plain"]
STYLES: list[dict[str, Any]] = [
    {},
    {"separators": (",", ":")},
    {"separators": (" , ", " : ")},
    {"indent": 1},
    {"separators": (",\t", "\t:")},
]


def written(seed: int) -> tuple[bytes, bool]:
    """An event as some sender might write it, and whether a key stands twice in it."""
    chance = random.Random(seed)
    plain = event(f"TS-{seed}", invoice_narrative=chance.choice(TEXTS), internal_narrative=chance.choice(TEXTS))
    for part, name in OPTIONAL:
        if chance.random() < 0.4:
            del plain[part][name]
    whole = plain if chance.random() < 0.5 else cloud(plain, time="2026-03-10T08:00:00Z")
    if chance.random() < 0.2:
        whole["x-trace"] = chance.choice(TEXTS)
    twice = chance.random() < 0.5
    spot: dict[str, Any] = chance.choice(
        [whole, (whole.get("data") or whole)["entry"], (whole.get("data") or whole)["approval"]]
    )
    name = chance.choice(list(spot))
    if twice:
        spot["@again@"] = spot[name]
    text = json.dumps(whole, **chance.choice(STYLES))
    if twice and chance.random() < 0.3:
        return text.replace('"@again@"', f'"\\u{ord(name[0]):04x}{name[1:]}"').encode(), True
    return text.replace('"@again@"', f'"{name}"').encode(), twice


@pytest.mark.parametrize("block", range(4))
def test_a_key_twice_is_found_however_it_is_written(block: int) -> None:
    """1,200 events in five styles, with texts that look like keys: what stands twice is unread, all else is read."""
    for seed in range(block * 300, block * 300 + 300):
        body, twice = written(seed)

        read = read_items((body,), Everybody(), 64)

        assert bool(read.unread) == twice, body
        assert (key_twice(body) is not None) == twice


def test_the_content_of_a_cloud_event_is_looked_at_as_it_was_written() -> None:
    """What is packed as base64 looks harmless from outside; a control character in it is found all the same."""
    for entry_id, unread in (("TS-1", 0), ("TS\0", 1)):
        plain = event(entry_id)
        packed = {"data_base64": b64encode(json.dumps({**plain, "type": ""}).encode()).decode()}
        body = json.dumps({**{key: said for key, said in cloud(plain).items() if key != "data"}, **packed}).encode()

        assert len(read_items((body,), Everybody(), 64).unread) == unread


@pytest.mark.parametrize("absent", range(2 ** len(OPTIONAL) - 1, 0, -89))
def test_what_nobody_wrote_has_its_default(absent: int) -> None:
    """Whichever optional keys are left out, they have the values that the core gives them; the rest is as written."""
    plain = event("TS-1")
    for number, (part, name) in enumerate(OPTIONAL):
        if absent >> number & 1:
            del plain[part][name]

    (group,) = read_items((json.dumps(plain).encode(),), Everybody(), 64).groups.values()
    (news,) = group.news

    assert news == EntryApproved(
        msgspec.convert(plain["entry"], TimeEntry), msgspec.convert(plain["approval"], Approval)
    )


def test_lines_are_told_apart_and_kept_as_they_came() -> None:
    """Every line is an item without its line feed and with all else; empty ones are none, and the last needs no end."""
    assert lines_of(b'{"a":1}\r\n\n \r\n{"b":2} \n{"c":3}', 10) == [b'{"a":1}\r', b'{"b":2} ', b'{"c":3}']
    assert lines_of(b"", 10) == lines_of(b"\n\n", 10) == []


@pytest.mark.parametrize(
    ("body", "depth"),
    [
        (b"1", 0),
        (b"{}", 1),
        (b'[{"a":[]},[[]]]', 3),
        (b'["[[[[", "\\"[[[", {"}": "\\\\"}]', 2),
        (b"[[],[],[],[],[]]", 2),
        (b"{" * 40 + b"}" * 40, 40),
    ],
)
def test_depth_is_counted_in_brackets_outside_of_texts(body: bytes, depth: int) -> None:
    """Exactly that deep is not too deep, one less is."""
    assert not too_deep(body, depth)
    assert depth == 0 or too_deep(body, depth - 1)


@pytest.mark.parametrize("body", [b'"\\' * 20_000 + b"[" * 100, b"[]" * 50_000, b"[" * 100_000, b'"' + b'\\"' * 50_000])
def test_no_text_makes_counting_slow(body: bytes) -> None:
    """Unclosed texts and endless pairs take one pass each; this would run for minutes otherwise."""
    assert isinstance(too_deep(body, 64), bool)


def test_gzip_expands_to_the_last_byte_that_is_allowed() -> None:
    """The limit is inclusive."""
    assert len(expand(gzip.compress(b"x" * 5_000), 5_000)) == 5_000


def peak(work: Callable[[], object]) -> int:
    """Bytes that it took at its height; what it raises is its own matter."""
    tracemalloc.start()
    try:
        with suppress(ProblemError, TooManyError):
            work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_what_is_refused_takes_no_memory_first() -> None:
    """A bomb is not expanded past its limit, and a flood of empty objects or lines is not made into items."""
    bomb = gzip.compress(b"x" * 20_000_000)
    objects = b"[" + b"{}," * 200_000 + b"{}]"
    lines = b"\n" * 2_000_000

    assert peak(lambda: expand(bomb, 4_096)) < 200_000
    assert peak(lambda: elements_of(objects, 10_000)) < 200_000
    assert peak(lambda: lines_of(lines, 10_000)) < 200_000


def test_looking_for_a_key_twice_is_one_pass() -> None:
    """200,000 keys of which the last stands twice are found in one pass; this would run for minutes otherwise."""
    keys = b",".join(b'"%d":0' % n for n in range(200_000))

    assert key_twice(b"{" + keys + b',"199999":0}') == "199999"
    assert key_twice(b"{" + keys + b"}") is None


def test_one_item_has_so_many_bytes() -> None:
    """The last byte that is allowed is read; with one more the item is refused, and those beside it are read."""
    body = json.dumps(event("TS-1")).encode()
    full = body + b" " * (ITEM_MAX_BYTES - len(body))

    assert read_items((body, full), Everybody(), 64).total == 2
    delivery = read_items((full + b" ", body), Everybody(), 64)

    assert [(one.index, one.why) for one in delivery.barred] == [(0, "item-too-large")]
    assert [group.indexes for group in delivery.groups.values()] == [[1]]
    assert delivery.unread == []
