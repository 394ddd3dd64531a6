"""A function is replaced wherever it is known, and only for as long as the block lasts."""

import pytest

from runtime.connectors.erp.generic import freeze
from runtime.core import keys, pacing, policy
from runtime.core.partition import apply as partition_apply
from runtime.core.policy import Policy
from runtime.drivers import shell
from runtime.drivers.shell import Shell
from simulators.plants.catalogue import PLANTS
from simulators.plants.plant import planting
from simulators.plants.replace import named, replaced


def test_a_function_is_replaced_wherever_it_was_imported_and_comes_back() -> None:
    """Modules that imported the function call the new one inside the block, and the old one afterwards."""
    original = shell.apply
    with replaced("runtime.core.partition.apply:apply", lambda _: print) as new:
        assert shell.apply is new
        assert named("runtime.core.partition.apply:apply") is new
    assert shell.apply is original is partition_apply


def test_a_method_is_replaced_and_comes_back_after_a_failure() -> None:
    """A block that fails leaves no bug behind."""
    original = Shell.tidy
    replacement = replaced("runtime.drivers.shell:Shell.tidy", lambda _: lambda self: None)
    with replacement:
        assert Shell.tidy is not original
    assert Shell.tidy is original
    with pytest.raises(LookupError), replaced("runtime.drivers.shell:Shell.tidy", lambda _: print):
        named("runtime.nowhere:f")
    assert Shell.tidy is original


@pytest.mark.parametrize("where", ["runtime.nowhere:f", "runtime.core.keys:nothing", "runtime.drivers.shell:Shell.no"])
def test_a_name_that_is_nowhere_is_said(where: str) -> None:
    """A plant that outlived a renaming is found at once."""
    with pytest.raises(LookupError, match=where), replaced(where, lambda original: original):
        pass


def test_a_policy_gets_the_replacement_of_what_it_holds() -> None:
    """The policy's own copy of the function is replaced and every question counted; nothing else changes."""
    before = Policy("acme", "DE01", freeze)
    with planting(PLANTS["resend_without_lookup"]) as planted:
        after = planted.recompose(before)
    assert (after.after_silence, before.after_silence) == (planted._new, pacing.after_silence)
    assert (after.key, after.price) == (keys.effect_key, policy.value_entry)
    assert planted.reached == 0
    after.after_silence(0, 1, 2)
    assert planted.reached == 1
