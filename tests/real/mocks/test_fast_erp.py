"""The ERP for benchmarks, over a real socket."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any

import pytest


@pytest.fixture
def address() -> Iterator[str]:
    """Where it listens, for as long as the test lasts."""
    command = [sys.executable, "-m", "simulators.fast_erp"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["url"].removeprefix("http://")
        process.terminate()
        assert process.wait(10) == 0


def ask(connection: HTTPConnection, method: str, path: str, body: object = None) -> Any:
    """The JSON of one call."""
    connection.request(method, path, None if body is None else json.dumps(body).encode())
    return json.loads(connection.getresponse().read())


def test_rows_stand_once_under_their_key(address: str) -> None:
    """Every row is posted, a key that stands is answered with its line and counted as a double, and found by name."""
    connection = HTTPConnection(address, timeout=10)
    batch = {"rows": [{"key": f"k/{n}", "entry_id": f"TS-{n}", "narrative": "ü"} for n in range(3)]}

    first = ask(connection, "POST", "/erp/a/ledger/DE01/batches", batch)
    again = ask(connection, "POST", "/erp/a/ledger/DE01/batches", {"rows": batch["rows"][:1]})
    found = ask(connection, "GET", "/erp/a/ledger/DE01/lines?by=key&names=k%2F1,nobody")
    totals = ask(connection, "GET", "/admin/totals")
    connection.close()

    assert [(row["key"], row["status"]) for row in first["rows"]] == [(f"k/{n}", "posted") for n in range(3)]
    assert again["rows"] == first["rows"][:1]
    assert [(line["key"], line["ledger_id"]) for line in found["lines"]] == [("k/1", first["rows"][1]["ledger_id"])]
    assert (totals["rows"], totals["keys"], totals["doubles"]) == (4, 3, 1)


def test_a_request_may_come_in_pieces_and_two_in_one(address: str) -> None:
    """Where the network cuts the stream makes no difference, and what cannot be read is a 400."""
    body = b'{"rows":[{"key":"k"}]}'
    post = b"POST /ledger/DE01/batches HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    wrong = b"POST /ledger/DE01/batches HTTP/1.1\r\ncontent-length: 2\r\n\r\n[]"
    host, port = address.split(":")
    with socket.create_connection((host, int(port)), timeout=10) as wire:
        for cut in (7, len(post) - 5):
            wire.sendall(post[:cut])
            wire.sendall(post[cut:] + wrong)
        heard = b""
        while heard.count(b"HTTP/1.1") < 4 or not heard.endswith(b"}"):
            heard += wire.recv(65_536)

    assert heard.count(b"HTTP/1.1 200 ") == heard.count(b"HTTP/1.1 400 ") == 2
