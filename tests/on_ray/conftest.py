"""One deployment on Ray for all tests of this folder; each test leaves it whole."""

import os
import secrets
from collections.abc import Iterator

import pytest

from simulators.a_postgres import PostgresCannotStartError
from tests.on_ray.a_deployment import Deployment

WANTED = "SPRINGTIDE_RAY_TESTS"


@pytest.fixture(autouse=True, scope="session")
def _wanted() -> None:
    """Two clusters at once meet each other's addresses here; until that is mended these tests run when asked for."""
    if not os.environ.get(WANTED):
        pytest.skip(f"tests on Ray fail beside the suite; {WANTED}=1 runs them, tests/on_ray alone")


@pytest.fixture(scope="session")
def running() -> Iterator[Deployment]:
    """A deployment that is up, with its reference data; where no PostgreSQL can start, tests are skipped."""
    try:
        deployment = Deployment(secrets.token_hex(32))
    except PostgresCannotStartError as fault:
        pytest.skip(str(fault))
    deployment.up()
    deployment.publish()
    yield deployment
    deployment.close()


@pytest.fixture
def deployment(running: Deployment) -> Deployment:
    """The deployment, with every entity carried."""
    running.until_everything_is_carried()
    return running
