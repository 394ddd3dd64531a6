"""A swarm begins with a known bug; a harness that does not see it runs no seed and says that it is blind."""

import json

import pytest

from runtime.cli import main
from scenarios.canary import CANARY, blind
from simulators.auditors import audit
from simulators.auditors.finding import Held
from simulators.auditors.story import Story
from simulators.plants.catalogue import PLANTS

SHORT = ("swarm", "--seeds", "1", "--jobs", "1", "--no-shrink")


@pytest.fixture
def blinded(monkeypatch: pytest.MonkeyPatch) -> None:
    """An audit whose oracle for the canary looks away."""

    def look_away(story: Story, held: Held) -> None:
        return

    oracles = ((key, look_away if key == PLANTS[CANARY].caught_by else oracle) for key, oracle in audit.PER_ENTRY)
    monkeypatch.setattr(audit, "PER_ENTRY", tuple(oracles))


def test_a_harness_that_sees_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    """The canary is caught, and the seeds are run."""
    assert blind() == ""
    assert main([*SHORT, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["seeds"] == 1


def test_a_blind_harness_ends_with_code_5(blinded: None, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the oracle looks away no seed is run, whoever reads the answer."""
    assert CANARY in blind()
    for more in ((), ("--json",)):
        assert main([*SHORT, *more]) == 5
        said = capsys.readouterr()
        assert "the harness is blind; no seed was run" in said.err
        assert not more or json.loads(said.out) == {"blind": blind(), "seeds": 0, "exit": 5}
