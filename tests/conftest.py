"""Guards for every fast test: what a test may not do, it cannot do.

Everything below `tests/on_ray` and `tests/real` may start servers; everything else simulates in memory.
"""

import socket
from typing import NoReturn

import pytest

# Rules that more than one folder tests: their asserts tell as much as those of a test file.
pytest.register_assert_rewrite("tests.runtime.journal.contract")

SLOW_FOLDERS = frozenset({"on_ray", "real"})


@pytest.fixture(autouse=True)
def no_sockets(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls and listens of sockets fail the test, in a way that no `except Exception` of ours can swallow."""
    if SLOW_FOLDERS.intersection(request.path.relative_to(request.config.rootpath).parts):
        return

    def refuse(self: socket.socket, *_: object) -> NoReturn:
        pytest.fail("a fast test opened a socket; tests that need one live in tests/on_ray or tests/real")

    for verb in ("connect", "connect_ex", "listen"):
        monkeypatch.setattr(socket.socket, verb, refuse)
