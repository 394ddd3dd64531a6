"""TimeTagger's wire: what is asked, and its answers as they come (the bodies are those of a running 26.1.3)."""

from base64 import b64decode

import pytest

from runtime.connectors.psa.timetagger import (
    TrackedRecord,
    UnreadableAnswerError,
    ask_records,
    ask_token,
    ask_updates,
    read_records,
    read_token,
    read_updates,
)
from runtime.ports import Response

RECORD = (
    b'{"key": "k1", "mt": 1795202064, "t1": 1763625600, "t2": 1763652600, "ds": "Workshop #alpine", '
    b'"st": 1795202064.607946}'
)
READ = TrackedRecord("k1", 1_795_202_064_607_946, 1_795_202_064, 1_763_625_600, 1_763_652_600, "Workshop #alpine")


def ok(body: bytes) -> Response:
    """An answer that was served."""
    return Response(200, {"content-type": "application/json"}, body)


def test_a_user_is_logged_in_by_the_header_of_a_trusted_proxy() -> None:
    """The header says who asks, the body how; the token comes back alone."""
    request = ask_token("anna", "X-Remote-User")

    assert (request.method, request.path) == ("POST", "/bootstrap_authentication")
    assert request.headers["X-Remote-User"] == "anna"
    assert b64decode(request.body) == b'{"method":"proxy"}'
    assert read_token(ok(b'{"token": "abc"}')) == "abc"


def test_versions_are_exact_to_the_microsecond() -> None:
    """A version is the server's clock when it was stored: it is read as a whole number and never as a float."""
    updates = read_updates(
        ok(b'{"server_time": 1795202064.621276, "reset": 0, "records": [' + RECORD + b'], "settings": []}')
    )

    assert updates.server_time_us == 1_795_202_064_621_276
    assert updates.records == (READ,)
    assert not updates.reset


def test_a_reading_asks_from_exactly_where_it_was_told() -> None:
    """No digit of the instant is lost on the way out, and the first reading asks from the beginning of time."""
    assert ask_updates("t", 1_795_202_064_000_006).path == "/updates?since=1795202064.000006"
    assert ask_updates("t", 0).path == "/updates?since=0.000000"
    assert ask_updates("t", 0).headers == {"authtoken": "t"}


def test_a_list_of_days_brings_deleted_and_running_records() -> None:
    """Nothing is filtered by the server: what is deleted or still runs is for us to know."""
    assert ask_records("t", 10, 20).path == "/records?timerange=10-20"
    (record,) = read_records(ok(b'{"records": [' + RECORD.replace(b"Workshop", b"HIDDEN Workshop") + b"]}"))
    assert record.deleted
    assert not record.running


def test_a_reset_says_that_what_was_known_is_void() -> None:
    """Both forms in which the server writes it are read."""
    assert read_updates(ok(b'{"server_time": 1.5, "reset": true, "records": []}')).reset
    assert not read_updates(ok(b'{"server_time": 1.5, "reset": false, "records": []}')).reset


@pytest.mark.parametrize(
    "response",
    [
        Response(401, {}, b"unauthorized: expired"),
        Response(500, {}, b"oops"),
        Response(0, {}, b""),
        ok(b"<html>a proxy's page</html>"),
        ok(b'{"records": [{"key": "k"}], "server_time": 1}'),
        ok(b'{"server_time": "soon", "records": []}'),
    ],
)
def test_what_nobody_can_read_is_said_with_its_status(response: Response) -> None:
    """An answer that is not TimeTagger's is an error of one line, never an empty list of records."""
    with pytest.raises(UnreadableAnswerError) as fault:
        read_updates(response)

    assert fault.value.status == response.status
    assert "\n" not in str(fault.value)
    with pytest.raises(UnreadableAnswerError):
        read_token(response)
