"""How commands reach the gateway: where the key comes from, and what is said when it does not work."""

import ssl
from pathlib import Path

import pytest

from runtime.commands.connection import segment
from tests.runtime.commands.a_gateway import KEY, AGateway, springtide


def test_the_key_comes_from_a_file_or_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key file goes before SPRINGTIDE_KEY; the end of its line does not matter."""
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n", encoding="utf-8")
    monkeypatch.setenv("SPRINGTIDE_KEY", "stk_wrong")

    assert springtide(AGateway(), "audit", "--key-file", str(file)).code == 0
    assert springtide(AGateway(), "audit").code == 1


def test_no_option_takes_a_key() -> None:
    """Arguments are seen by everybody on the machine, so there is no --key, not even by its beginning."""
    said = springtide(AGateway(), "audit", "--key", KEY)

    assert said.code == 2
    assert KEY not in said.err


@pytest.mark.parametrize("content", ["", "two words", "two\nlines", "schlüssel", "\x00"])
def test_a_file_that_holds_no_key_is_bad_input(content: str, tmp_path: Path) -> None:
    """What cannot be a key is found before anything is sent, and is not repeated."""
    file = tmp_path / "key"
    file.write_text(content, encoding="utf-8")
    gateway = AGateway()

    said = springtide(gateway, "audit", "--key-file", str(file))

    assert said.code == 2
    assert said.err.count("\n") == 1
    assert gateway.asked == []
    assert not content or content not in said.err


def test_a_key_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a key one line says how to give one."""
    monkeypatch.delenv("SPRINGTIDE_KEY")

    said = springtide(AGateway(), "status")

    assert said.code == 2
    assert "SPRINGTIDE_KEY" in said.err
    assert "--key-file" in said.err


@pytest.mark.parametrize(
    "url",
    [
        "127.0.0.1:8080",
        "ftp://x",
        "file:///etc/hosts",
        "http://x:port",
        "http://u@x",
        "http://@x",
        "http://",
        "http://[::1",
        "http://127.0.0.1:8080/ü",
        "http://127.0.0.1:8080/a b",
        "http://127.0.0.1:0",
        "http://127.0.0.1:8080/#x",
        "http://ü..com",
        "http://x\n.com",
        f"http://{'a' * 70}.com",
    ],
)
def test_an_address_that_is_none_is_bad_input(url: str) -> None:
    """Only http and https with a host, and no name in it: the key goes nowhere else."""
    said = springtide(AGateway(), "status", "--url", url)

    assert (said.code, said.err.count("\n")) == (2, 1)
    assert "http://127.0.0.1:8080" in said.err


@pytest.mark.parametrize(
    "url", ["http://[::1]:8080", "https://gateway.example/springtide", "https://müller.example", "HTTPS://x."]
)
def test_an_address_that_can_be_called_is_taken(url: str) -> None:
    """Names of any script, IPv6 and a path of the proxy's."""
    assert springtide(AGateway(), "audit", "--url", url).code == 0


def test_a_password_in_an_address_is_not_repeated() -> None:
    """It is refused, and the line that says so may be in a log."""
    said = springtide(AGateway(), "status", "--url", "https://ops:hunter2@gateway.example")

    assert said.code == 2
    assert "hunter2" not in said.err


@pytest.mark.parametrize(
    "fault", [ssl.SSLCertVerificationError(1, "certificate verify failed"), ssl.SSLError(1, "wrong version number")]
)
def test_a_certificate_that_cannot_be_trusted_has_a_hint_of_its_own(fault: ssl.SSLError) -> None:
    """Somebody answers, so that "is it running?" would send a person the wrong way."""
    said = springtide(AGateway(away=lambda: fault), "status")

    assert (said.code, said.err.count("\n")) == (1, 1)
    assert "SSL_CERT_FILE" in said.err
    assert "springtide serve" not in said.err


def test_a_key_that_leaves_the_machine_in_clear_is_remarked() -> None:
    """Plain http to another machine works, and is said."""
    assert "in clear" in springtide(AGateway(), "audit", "--url", "http://gateway.example").err
    assert springtide(AGateway(), "audit", "--url", "https://gateway.example").err == ""
    assert springtide(AGateway(), "audit").err == ""


def test_a_runtime_that_is_away_is_one_line_and_exit_1() -> None:
    """Nobody listens: say where, why, and what to look at; never a traceback."""
    said = springtide(AGateway(away=lambda: ConnectionRefusedError(111, "Connection refused")), "status")

    assert said.code == 1
    assert said.err.count("\n") == 1
    assert "Connection refused" in said.err
    assert "springtide serve" in said.err
    assert KEY not in said.err


@pytest.mark.parametrize(
    ("gateway", "key", "hint"),
    [
        (AGateway(), "stk_wrong", "SPRINGTIDE_KEY"),
        (AGateway(forbidden=("/v1/status",)), KEY, "grant"),
    ],
)
def test_a_refusal_repeats_the_reason_and_says_what_to_do(
    gateway: AGateway, key: str, hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gateway's detail and a hint stand in one line, the key does not; exit 1."""
    monkeypatch.setenv("SPRINGTIDE_KEY", key)

    said = springtide(gateway, "status")

    assert (said.code, said.err.count("\n")) == (1, 1)
    assert "refused: The key" in said.err
    assert hint in said.err
    assert key not in said.err


@pytest.mark.parametrize(
    "body", [b"", b"<html>502</html>", b"[]", b'{"partitions": 1}', b'{"partitions": [{}]}', b"\xff"]
)
def test_an_answer_nobody_can_read_is_one_line(body: bytes) -> None:
    """Something else listens there, or another version: exit 1, no traceback."""
    said = springtide(AGateway(instead=(200, body)), "status")

    assert (said.code, said.err.count("\n")) == (1, 1)
    assert "cannot read" in said.err


def test_a_refusal_that_is_no_problem_document_is_one_line() -> None:
    """A proxy's page of HTML is not printed."""
    said = springtide(AGateway(instead=(502, b"<html>Bad\nGateway</html>")), "status")

    assert (said.code, said.err.count("\n")) == (1, 1)
    assert "html" not in said.err


def test_a_name_is_one_segment_of_a_path() -> None:
    """Slashes, dots and percent signs in an entry's id cannot change the route."""
    assert segment("../a b%2F?x") == "..%2Fa%20b%252F%3Fx"
