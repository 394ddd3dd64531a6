"""The one function that makes idempotency keys."""

from itertools import product

import pytest

from runtime.core.answers import Doubt, Refusal
from runtime.core.effects import LookUp
from runtime.core.keys import effect_key
from runtime.core.model import Leg
from tests.runtime.core.a_partition import (
    LATE_AFTER_RESTART_MS,
    LATE_MS,
    approved,
    found,
    given,
    keys,
    refused,
    silence,
    unknown,
    withdrawn,
)

LONG = "entry-" + "x" * 300


def test_a_key_says_what_it_is_about() -> None:
    """Tenant, home entity, entry, version, kind, leg and intent, readable, where the target has room."""
    assert effect_key("T1", "DE01", "TS-1", 3, "time", Leg.POST, 2, 200, False) == "T1/DE01/TS-1/3/time/post/2"


@pytest.mark.parametrize("folded", [False, True])
@pytest.mark.parametrize("room", [24, 30, 64, 200])
def test_a_key_never_outgrows_its_room(room: int, folded: bool) -> None:
    """A target that truncates would merge two effects into one, so a long key gives way to a digest of itself."""
    made = [
        effect_key("T1", "DE01", entry, version, "time", leg, intent, room, folded)
        for entry, version, leg, intent in product((LONG, LONG + "y", "TS-1", "TS-11"), (1, 11), Leg, (1, 2))
    ]
    assert max(map(len, made)) <= room
    assert len(set(made)) == len(made)


def test_a_digest_does_not_depend_on_letter_case() -> None:
    """Where the target folds case, digests stay apart: they are lower-case hexadecimal."""
    made = {effect_key("T1", "DE01", name, 1, "time", Leg.POST, 1, 20, True) for name in (LONG, LONG.upper())}
    assert len(made) == 2
    assert all(key == key.lower() for key in made)


def test_no_attempt_time_or_process_is_in_a_key() -> None:
    """Silent, asked, sent again, after a crash and hours later: the same key."""
    partition = given(approved("TS-1"))
    first = partition.sends()
    partition.hears(silence(first))
    partition.hears(found(partition.asks(after_ms=LATE_MS)))
    second = partition.sends(after_ms=0)
    partition.crashes(after_ms=100_000)
    partition.hears(found(partition.asks(after_ms=LATE_AFTER_RESTART_MS)))
    assert keys(first) == keys(second) == keys(partition.sends(after_ms=0))


@pytest.mark.parametrize("why", [Doubt.SILENCE, Doubt.SERVER_ERROR, Doubt.ROW_NOT_ANSWERED, Doubt.DUPLICATE])
def test_doubt_never_makes_a_new_key(why: Doubt) -> None:
    """Only a definite refusal closes an intent."""
    partition = given(approved("TS-1"))
    first = partition.sends()
    partition.hears(unknown(first, why))
    partition.hears(found(partition.asks(after_ms=LATE_MS)))
    for ask in partition.starts():
        if isinstance(ask, LookUp):
            partition.hears(found(ask))
    partition.waits(partition.policy.back_off_ms)
    entry = partition.entry("TS-1")
    assert entry.intent is not None
    assert entry.intent.posting.key == keys(first)[0]
    assert entry.intents == 1


def test_every_definite_refusal_makes_a_new_key() -> None:
    """Intent n+1 has a key of its own, and the numbers never go back."""
    partition = given(approved("TS-1"))
    made = []
    for number in range(1, 4):
        batch = partition.sends()
        made += keys(batch)
        assert batch.rows[0].posting.intent == number
        partition.hears(refused(batch, Refusal.KEY_BURNED))
    assert len(set(made)) == 3


def test_the_key_carries_the_home_entity() -> None:
    """Home is pinned in the entry, wherever it is posted."""
    partition = given(approved("TS-1", billing_entity="FR01", project_entity="FR01"))
    assert keys(partition.sends())[0].startswith("T1/DE01/")


def test_a_declared_room_is_kept() -> None:
    """What the connector declares is what the keys on the wire obey."""
    partition = given(approved(LONG), key_room=30)
    assert len(keys(partition.sends())[0]) <= 30


def test_where_case_is_folded_a_key_with_capitals_becomes_a_digest() -> None:
    """Two entries whose names differ in case alone stay two effects; what has no capitals stays readable."""
    folded = [effect_key("t1", "de01", name, 1, "time", Leg.POST, 1, 200, True) for name in ("ts-a", "ts-A", "TS-A")]
    assert folded[0] == "t1/de01/ts-a/1/time/post/1"
    assert len({key.lower() for key in folded}) == 3
    assert effect_key("t1", "de01", "ts-A", 1, "time", Leg.POST, 1, 200, False) == "t1/de01/ts-A/1/time/post/1"


def test_a_declared_folding_is_kept_for_both_legs() -> None:
    """What the connector declares is what the keys on the wire obey, posted and reversed."""
    partition = given(approved("TS-a"), approved("TS-A"), key_case_folded=True)
    posted = keys(partition.posts())
    partition.hears(withdrawn("TS-a", 2), withdrawn("TS-A", 2))
    made = posted + keys(partition.sends())
    assert len({key.lower() for key in made}) == 4
    assert made == [key.lower() for key in made]
