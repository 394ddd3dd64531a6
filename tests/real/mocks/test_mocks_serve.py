"""`springtide mocks serve` as a process of its own, over real sockets."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, RemoteDisconnected
from typing import Any

import pytest

PROGRAM = """\
import sys
from runtime.cli import Parser
from scenarios.commands.mocks import register
parser = Parser()
register(parser.add_subparsers())
arguments = parser.parse_args(["mocks", "serve", *sys.argv[1:]])
sys.exit(arguments.run(arguments))
"""
"""The subcommand as the program runs it, whether or not this environment has it registered."""


class Served:
    """A running mock server."""

    def __init__(self, process: "subprocess.Popen[str]", announced: dict[str, Any]) -> None:
        self.process = process
        self.announced = announced
        self.address = announced["url"].removeprefix("http://")

    def ask(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> tuple[int, Any]:
        """Status and JSON of one call."""
        connection = HTTPConnection(self.address, timeout=10)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()


@contextmanager
def served(*arguments: str) -> Iterator[Served]:
    """A server for as long as the block lasts; it has to end by itself when asked to."""
    command = [sys.executable, "-c", PROGRAM, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Served(process, json.loads(process.stdout.readline()))
        finally:
            if process.poll() is None:
                process.kill()


def posted(mocks: Served, token: str) -> bytes:
    """The body of a call that posts the example entry."""
    entry = mocks.ask("GET", "/admin/example")[1]["entry"]
    return json.dumps(
        {
            "rows": [
                {
                    **{name: entry[name] for name in ("entry_id", "version", "project", "worker", "work_date")},
                    "key": token,
                    "leg": "post",
                    "accounting_date": entry["work_date"],
                    "quantity": entry["quantity"],
                    "unit": "hour",
                    "bill_minor": 1,
                    "bill_currency": "EUR",
                    "cost_minor": 1,
                    "cost_currency": "EUR",
                }
            ]
        }
    ).encode()


def session(mocks: Served) -> dict[str, str]:
    """The header of somebody who has logged in."""
    credential = next(iter(mocks.announced["environment"].values()))
    _, told = mocks.ask("POST", "/erp/erp-emea-1/token", json.dumps({"credential": credential}).encode())
    return {"Authorization": f"Bearer {told['token']}"}


def test_it_says_where_it_is_serves_and_ends_when_asked() -> None:
    """One line of JSON, an answer at the door of an ERP, the line in its ledger, and code 0 after SIGTERM."""
    with served("--demo") as mocks:
        answer = mocks.ask("POST", "/erp/erp-emea-1/ledger/DE01/batches", posted(mocks, "k-1"), session(mocks))
        lines = mocks.ask("GET", "/admin/ledger/DE01")[1]
        mocks.process.send_signal(signal.SIGTERM)
        out, _ = mocks.process.communicate(timeout=10)

    assert mocks.announced["accounts"] == {"erp": ["erp-emea-1"], "psa": ["psa-emea-1"]}
    assert list(mocks.announced["entities"]) == ["DE01", "GB01"]
    assert f'url = "{mocks.announced["url"]}/erp/erp-emea-1"' in mocks.announced["settings"]
    assert answer[1]["rows"][0]["status"] == "posted"
    assert [line["key"] for line in lines] == ["k-1"]
    assert (mocks.process.returncode, out) == (0, "")


def test_lost_answers_and_lost_requests_are_silence_on_the_wire() -> None:
    """A lost reply is a closed connection and a line that stands; a lost request is held, and ends with the server."""
    faults = [
        {"kind": "lost_reply", "ppm": 1_000_000, "calls": ["post"]},
        {"kind": "lost_request", "ppm": 1_000_000, "calls": ["look_up"]},
    ]
    with served("--fast", "--set", f"world.faults={json.dumps(faults)}") as mocks:
        headers = session(mocks)
        with pytest.raises(RemoteDisconnected):
            mocks.ask("POST", "/erp/erp-emea-1/ledger/DE01/batches", posted(mocks, "k-1"), headers)
        lines = mocks.ask("GET", "/admin/ledger/DE01")[1]
        held = HTTPConnection(mocks.address, timeout=10)
        held.request("GET", "/erp/erp-emea-1/ledger/DE01/lines?by=key&names=k-1", headers=headers)
        calls = mocks.ask("GET", "/admin/calls/erp-emea-1")[1]
        mocks.process.send_signal(signal.SIGINT)
        with pytest.raises((RemoteDisconnected, ConnectionResetError)):
            held.getresponse()
        held.close()
        mocks.process.communicate(timeout=10)

    assert [line["key"] for line in lines] == ["k-1"]
    assert set(calls["counts"]) == {"login/served", "post/served"}
    assert mocks.process.returncode == 0


def test_a_system_that_resets_closes_every_connection() -> None:
    """While it is away in that style no call is answered."""
    with served("--fast", "--no-faults") as mocks:
        order = {"account": "psa-emea-1", "seconds": 600, "style": "reset"}
        mocks.ask("POST", "/admin/away", json.dumps(order).encode())
        with pytest.raises((RemoteDisconnected, ConnectionResetError)):
            mocks.ask("GET", "/psa/psa-emea-1/published?entity=DE01&since_ms=0&page=")


def test_a_port_that_is_taken_is_said_in_one_line() -> None:
    """Nobody waits for a server that cannot listen."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, "--port", str(port)],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )

    assert done.returncode != 0
    assert f"--port {port}: cannot listen there" in done.stderr
    assert done.stdout == ""
