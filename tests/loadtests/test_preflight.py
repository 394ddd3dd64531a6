"""What is found out before a load begins."""

from collections.abc import Mapping
from time import time
from typing import Any

import msgspec
import pytest

from loadtests.preflight import APART_MOST_MS, Clock, Site, ask_for_the_clock, check
from runtime.cli import BadInputError
from runtime.commands.connection import Gateway

URL = "http://runtime.example:8080"


class ARuntime:
    """A runtime that answers as it is told to, `ahead_ms` by the clock."""

    def __init__(self, *, ready: str = "", ahead_ms: int = 0, entities: tuple[str, ...] = ("DE01", "NO01")) -> None:
        self.ready = ready
        self.ahead_ms = ahead_ms
        self.entities = entities
        self.refuses = 0

    def answer(self, url: str, method: str, target: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        """One request."""
        if self.refuses:
            return self.refuses, msgspec.json.encode({"title": "no"})
        told: dict[str, Any] = {"info": {"version": "9.8"}}
        if target == "/v1/status":
            now_ms = int(time() * 1_000) + self.ahead_ms
            told = {"ready": self.ready, "partitions": [{"entity": one, "at_ms": now_ms} for one in self.entities]}
        return 200, msgspec.json.encode(told)

    def site(self, **more: Any) -> Site:
        """This runtime as a place to put a load on."""
        return Site(Gateway(URL, "stk_key", self.answer), **more)


def refusal(site: Site, *webhooks: str, entities: tuple[str, ...] = ("DE01",)) -> str:
    """The one line that refuses it."""
    with pytest.raises(BadInputError) as told:
        check(site, entities, webhooks)
    assert "\n" not in str(told.value)
    return str(told.value)


def test_a_runtime_that_is_ready_is_told_by_version_and_clock() -> None:
    """Nothing is noted where the clocks agree."""
    checked = check(ARuntime().site(), ["DE01"])

    assert checked.version == "9.8"
    assert abs(checked.clock.ahead_ms) <= 20 + checked.clock.sure_ms
    assert checked.notes == ()


def test_clocks_that_differ_are_corrected_and_told() -> None:
    """What the other clock shows more is known to some milliseconds, and said in a sentence."""
    checked = check(ARuntime(ahead_ms=-2_000).site(), ["DE01"])

    assert abs(checked.clock.ahead_ms + 2_000) <= 20 + checked.clock.sure_ms
    (note,) = checked.notes
    assert "behind ours; instants are corrected" in note


def test_clocks_that_are_far_apart_are_refused() -> None:
    """Beyond the bound nothing begins, whichever is ahead."""
    assert "ahead of ours" in refusal(ARuntime(ahead_ms=APART_MOST_MS + 1_000).site())
    assert "behind ours" in refusal(ARuntime(ahead_ms=-APART_MOST_MS - 1_000).site())


def test_a_runtime_that_is_not_ready_is_refused_by_what_it_says() -> None:
    """Its own word is in the line."""
    assert f"{URL} is not ready (DE01 is recovering)" in refusal(ARuntime(ready="DE01 is recovering").site())


def test_another_firm_is_refused_by_the_entities_it_lacks() -> None:
    """Some of the missing ones are named, and how many more there are."""
    told = refusal(ARuntime().site(), entities=("DE01", "FR01", "GB01", "US01", "JP01", "CA01"))

    assert "(FR01, GB01, US01, JP01 and 1 more)" in told


def test_a_key_that_opens_nothing_is_refused() -> None:
    """The hint names where a key comes from."""
    runtime = ARuntime()
    runtime.refuses = 401

    assert "set SPRINGTIDE_KEY" in refusal(runtime.site())


def test_webhooks_without_their_secret_are_refused() -> None:
    """A load that signs asks for the secret by its name."""
    assert "SPRINGTIDE_WEBHOOK_SECRET" in refusal(ARuntime().site(), "load")
    assert check(ARuntime().site(secrets={"load": "s"}), ["DE01"], ["load"]).version == "9.8"


def test_nobody_at_the_address_is_one_line() -> None:
    """The address and what to look at."""

    def nobody(*_: object) -> tuple[int, bytes]:
        raise ConnectionRefusedError(111, "Connection refused")

    told = refusal(Site(Gateway(URL, "stk_key", nobody)))
    assert f"no answer from {URL} (Connection refused)" in told


def test_the_quickest_answer_tells_the_clock() -> None:
    """An answer that took long says little about the clock; the quickest one counts."""
    answers = iter([5_000, 1_000, 5_000, 5_000, 5_000, 5_000, 5_000])

    def ask() -> int:
        theirs = next(answers)
        until = time() + (0.0 if theirs == 1_000 else 0.03)
        while time() < until:
            pass
        return theirs

    clock = ask_for_the_clock(ask, now=lambda: 0.0)

    assert isinstance(clock, Clock)
    assert 900 <= clock.ahead_ms <= 1_000
