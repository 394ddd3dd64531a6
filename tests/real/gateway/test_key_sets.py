"""An identity provider behind a real socket: its keys are fetched, and nothing else."""

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from runtime.gateway import tokens
from runtime.gateway.gate import NotLetInError
from runtime.gateway.tokens import JWKS_BYTES_MAX, Tokens
from tests.runtime.gateway.test_access import StoppedClock
from tests.runtime.gateway.test_tokens import EC_JWK, SETTINGS, claims, signed


class Provider(BaseHTTPRequestHandler):
    """Gives its keys at /keys; elsewhere it sends people away, talks for ever, or one byte at a time."""

    never = threading.Event()

    def do_GET(self) -> None:
        """Answer."""
        body = json.dumps({"keys": [EC_JWK]}).encode()
        self.send_response(302 if self.path == "/moved" else 200)
        if self.path == "/moved":
            self.send_header("Location", "/keys")
        self.end_headers()
        try:
            if self.path == "/endless":
                for _ in range(2 * JWKS_BYTES_MAX // 65_536):
                    self.wfile.write(b" " * 65_536)
            for start in range(0, len(body), 1 if self.path == "/drip" else len(body)):
                self.wfile.write(body[start : start + (1 if self.path == "/drip" else len(body))])
                self.wfile.flush()
                if self.path == "/drip":
                    self.never.wait(0.05)
        except OSError:
            # The other side has heard enough.
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def provider() -> Iterator[str]:
    """The address of a provider that runs for the test."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Provider) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def let_in(url: str) -> str:
    """Who comes in with a good token, where the keys are at `url`."""
    settings = SETTINGS.model_copy(update={"jwks_url": url})
    return str(asyncio.run(Tokens(settings, StoppedClock()).claims(signed(claims())))["sub"])


def test_keys_come_from_their_address(provider: str) -> None:
    """The keys at the configured address check tokens."""
    assert let_in(f"{provider}/keys") == "alice"


@pytest.mark.parametrize("path", ["/moved", "/endless", "/drip"])
def test_a_provider_that_misbehaves_is_away(provider: str, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is sent elsewhere for keys, listens for ever, or waits longer than the deadline."""
    monkeypatch.setattr(tokens, "FETCH_SECONDS", 0.5)

    with pytest.raises(NotLetInError, match="cannot be read at the moment"):
        let_in(f"{provider}{path}")


def test_a_provider_that_does_not_listen_is_away(provider: str) -> None:
    """Where nobody listens there are no keys, and nobody comes in."""
    with pytest.raises(NotLetInError, match="cannot be read at the moment"):
        let_in("http://127.0.0.1:9/keys")
    assert let_in(f"{provider}/keys") == "alice"
