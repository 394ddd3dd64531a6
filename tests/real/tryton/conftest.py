"""One Tryton for each mode and test process, filled once; every test begins with the database as it was then."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from scenarios.live.parts import PartFailedError
from scenarios.real.environment import CannotInstallError
from scenarios.real.tryton import Mode, RealTryton, prepare
from scenarios.real.tryton_seed import seeds_of
from simulators.firm.build import build_firm
from tests.simulators.a_feed import TWO_ENTITIES

SEED = 1


@pytest.fixture(scope="session")
def servers() -> Iterator[Callable[[Mode], RealTryton]]:
    """Mode to its server; where none can be had, the test is skipped and says why."""
    started: dict[str, RealTryton] = {}
    with ExitStack() as ends:

        def server(mode: Mode) -> RealTryton:
            if mode not in started:
                try:
                    seeds = seeds_of(build_firm(TWO_ENTITIES.firm, SEED))
                    erp = ends.enter_context(RealTryton(prepare(), mode, seeds))
                except (CannotInstallError, PartFailedError) as fault:
                    pytest.skip(f"no Tryton here: {fault}")
                erp.keep()
                started[mode] = erp
            else:
                started[mode].fresh()
            return started[mode]

        yield server


@pytest.fixture
def keyed(servers: Callable[[Mode], RealTryton]) -> RealTryton:
    """Tryton with our module."""
    return servers("keyed")


@pytest.fixture
def unkeyed(servers: Callable[[Mode], RealTryton]) -> RealTryton:
    """Tryton as it comes."""
    return servers("unkeyed")
