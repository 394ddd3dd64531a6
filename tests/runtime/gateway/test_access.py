"""Who comes in: API keys, their grants, and the header they come in."""

import asyncio
import string

import pytest

from runtime.configuration import instant_ms
from runtime.gateway.access import KEY, Access, Guest, demo_key, new_key
from runtime.gateway.gate import Action, Gatekeeper, NotLetInError
from runtime.settings import AccessSettings, KeySettings

NOON_MS = instant_ms("2026-03-31T12:00:00Z")


class StoppedClock:
    """A clock that stands where the test puts it."""

    def __init__(self, wall_ms: int = NOON_MS) -> None:
        self.at_ms = wall_ms

    def wall_ms(self) -> int:
        return self.at_ms

    def mono_ms(self) -> int:
        return self.at_ms


def let_in(authorization: str | None, keys: dict[str, KeySettings], clock: StoppedClock | None = None) -> Guest:
    """Who that is, at a door with these keys."""
    return asyncio.run(Access(AccessSettings(keys=keys), clock or StoppedClock()).let_in(authorization))


def refusal(
    authorization: str | None, keys: dict[str, KeySettings], clock: StoppedClock | None = None
) -> NotLetInError:
    """How that is turned away."""
    with pytest.raises(NotLetInError) as caught:
        let_in(authorization, keys, clock)
    return caught.value


def test_a_key_lets_in_whom_it_names() -> None:
    """The right key is let in under its id, for what it was given and nothing else."""
    text, key = new_key("psa-de", {"actions": ("intake", "reference"), "regions": ("EMEA",), "entities": ("DE01",)})

    guest = let_in(f"Bearer {text}", {"psa-de": key})

    assert guest.who == "key:psa-de"
    assert guest.may("intake", "DE01", "EMEA")
    assert guest.may("reference", "DE01", "EMEA")
    assert not guest.may("status", "DE01", "EMEA")
    assert not guest.may("intake", "NO01", "EMEA")
    assert not guest.may("intake", "DE01", "APAC")
    assert not guest.may("intake", "DE01", None)
    assert not guest.may("intake", None, None)
    assert guest.may_somewhere("intake")
    assert not guest.may_somewhere("audit")


def test_what_belongs_to_no_entity_needs_a_grant_for_all() -> None:
    """The audit and the process are for those who may do it in every region for every entity."""
    for regions, entities, may in (
        (("*",), ("*",), True),
        (("EMEA",), ("*",), False),
        (("*",), ("DE01",), False),
        (("EMEA", "AMER"), ("*",), False),
    ):
        text, key = new_key("ops", {"actions": ("audit",), "regions": regions, "entities": entities})
        assert let_in(f"Bearer {text}", {"ops": key}).may("audit", None, None) is may


def test_a_region_is_granted_as_a_region() -> None:
    """A grant for a region covers each of its entities, and no entity elsewhere."""
    text, key = new_key("oncall", {"actions": ("command",), "regions": ("EMEA",)})
    guest = let_in(f"Bearer {text}", {"oncall": key})

    assert guest.may("command", "DE01", "EMEA")
    assert guest.may("command", None, "EMEA")
    assert not guest.may("command", "US01", "AMER")
    assert not guest.may("command", "XX99", None)


def test_an_entity_called_like_a_grant_for_all_is_not_one() -> None:
    """A star in a question is covered by a star in a grant alone."""
    text, key = new_key("psa", {"actions": ("intake",), "entities": ("DE01",)})

    assert not let_in(f"Bearer {text}", {"psa": key}).may("intake", "*", "EMEA")


def test_a_key_without_actions_may_do_nothing() -> None:
    """Everything is closed by default."""
    text, key = new_key("new", {})
    guest = let_in(f"Bearer {text}", {"new": key})

    assert not any(guest.may(action, "DE01", "EMEA") or guest.may_somewhere(action) for action in Action)


def test_wrong_keys_are_turned_away_alike() -> None:
    """A wrong secret, an unknown id and another's secret get one and the same answer, and it repeats nothing."""
    text, key = new_key("psa", {"actions": ("*",)})
    other, others = new_key("erp", {"actions": ("*",)})
    keys = {"psa": key, "erp": others}
    secret = text.removeprefix("stk_psa_")
    changed = secret[:-1] + ("A" if secret[-1] != "A" else "B")

    wrong = [
        f"stk_psa_{changed}",
        f"stk_nobody_{secret}",
        f"stk_erp_{secret}",
        f"stk_psa_{other.removeprefix('stk_erp_')}",
        f"stk_psa_{secret}x",
        f"stk_psa_{secret[:-1]}",
        "stk_",
        f"stk_psa_{key.hash}",
    ]
    refusals = [refusal(f"Bearer {one}", keys) for one in wrong]

    assert {(fault.problem, fault.detail) for fault in refusals} == {
        ("not-authenticated", "this API key is not known here; it may be mistyped, or taken out")
    }


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "Basic cHNhOnB3", "Bearer a b", "Token x", "Bearer \x00", "Bearer é", "x" * 20_000],
)
def test_a_header_that_names_nobody_is_turned_away(authorization: str | None) -> None:
    """No header, another scheme and what cannot be read are refused with what to send, and not repeated."""
    _, key = demo_key()
    fault = refusal(authorization, {"demo": key})

    assert fault.problem == "not-authenticated"
    assert "Bearer" in fault.detail
    assert len(fault.detail) < 200


def test_a_token_needs_somebody_who_checks_tokens() -> None:
    """Where no identity provider is configured, only keys open the door."""
    assert "this is no API key" in refusal("Bearer eyJhbGciOiJub25lIn0.e30.", {}).detail


def test_the_scheme_is_read_in_any_case() -> None:
    """HTTP's schemes have no case."""
    text, key = demo_key()

    assert let_in(f"  bearer   {text} ", {"demo": key}).who == "key:demo"


def test_a_key_ends_when_it_expires() -> None:
    """Until its instant a key works; from then on it is refused with that instant, and only to who has the secret."""
    text, key = new_key("temp", {"actions": ("*",), "expires": "2026-03-31T14:00:00+02:00"})
    keys = {"temp": key}

    assert let_in(f"Bearer {text}", keys, StoppedClock(NOON_MS - 1)).who == "key:temp"
    fault = refusal(f"Bearer {text}", keys, StoppedClock(NOON_MS))
    assert (fault.problem, fault.detail) == (
        "token-expired",
        "the API key expired at 2026-03-31T12:00:00Z; get a new one",
    )
    stranger, _ = new_key("temp", {})
    assert refusal(f"Bearer {stranger}", keys, StoppedClock(NOON_MS)).problem == "not-authenticated"


def test_keys_are_rotated_without_a_gap() -> None:
    """Two keys of one sender work side by side; the old one is refused once it is taken out."""
    old, old_key = new_key("psa-1", {"actions": ("intake",)})
    new, new_one = new_key("psa-2", {"actions": ("intake",)})

    both = {"psa-1": old_key, "psa-2": new_one}
    assert [let_in(f"Bearer {text}", both).who for text in (old, new)] == ["key:psa-1", "key:psa-2"]
    after = {"psa-2": new_one}
    assert let_in(f"Bearer {new}", after).who == "key:psa-2"
    assert refusal(f"Bearer {old}", after).problem == "not-authenticated"


def test_a_key_is_long_chance_and_kept_nowhere() -> None:
    """A key's text has 43 characters of chance; its settings hold a hash that does not contain them."""
    made = [new_key("a_b.c-d", {"actions": ("*",)}) for _ in range(50)]

    for text, key in made:
        found = KEY.fullmatch(text)
        assert found is not None
        assert found[1] == "a_b.c-d"
        assert set(found[2]) <= set(string.ascii_letters + string.digits + "_-")
        assert found[2] not in repr(key)
        assert let_in(f"Bearer {text}", {"a_b.c-d": key}).who == "key:a_b.c-d"
    assert len({text for text, _ in made}) == 50


def test_access_is_a_gatekeeper() -> None:
    """What the gateway asks for is what this module gives."""
    keeper: Gatekeeper = Access(AccessSettings(), StoppedClock())

    with pytest.raises(NotLetInError):
        asyncio.run(keeper.let_in(None))
