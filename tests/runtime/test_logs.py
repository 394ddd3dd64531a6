"""Logs: one line an event, fields by an allow-list, no persons, no secrets, no payloads."""

import ast
import io
import json
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest

from runtime.core.answers import Door
from runtime.logs import FIELDS, set_up_logs
from runtime.ports import StoreAwayError
from runtime.settings import LogSettings

ROOT = Path(__file__).resolve().parents[2]
METHODS = frozenset({"debug", "info", "warning", "error", "exception", "critical"})
PERSONAL = frozenset({"worker", "approver", "narrative", "who", "email", "name", "body", "text"})


class Secret(str):
    """A text that must not be read: what configuration hands out, in its worst form."""

    __slots__ = ()


class Log:
    """A logger of ours and the lines that came of it."""

    def __init__(self, stream: io.StringIO) -> None:
        self._stream = stream
        self.logger = logging.getLogger("runtime.tests")

    def lines(self) -> list[dict[str, Any]]:
        """Every line, parsed."""
        return [json.loads(line) for line in self._stream.getvalue().splitlines()]

    def text(self) -> str:
        """All of it, as it was written."""
        return self._stream.getvalue()


def written(level: Literal["debug", "info"] = "info", form: Literal["json", "text"] = "json") -> Log:
    """Logs set up as in production, into memory."""
    stream = io.StringIO()
    set_up_logs(LogSettings(level=level, format=form), stream)
    return Log(stream)


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    """Logging is one thing for the whole process: put it back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)


def test_a_line_has_its_instant_level_logger_message_and_fields() -> None:
    """A record is one JSON object; the instant is RFC 3339 in UTC, to the millisecond."""
    log = written()
    record = logging.LogRecord("runtime.x", logging.WARNING, "x.py", 1, "call silent", (), None)
    record.created = 1_774_971_000.1234
    record.__dict__.update(entity="DE01", account="erp", count=100, ms=30_000)

    log.logger.handle(record)

    assert log.lines() == [
        {
            "ts": "2026-03-31T15:30:00.123Z",
            "level": "warning",
            "logger": "runtime.x",
            "message": "call silent",
            "entity": "DE01",
            "account": "erp",
            "ms": 30_000,
            "count": 100,
        }
    ]


def test_what_is_not_listed_is_not_written() -> None:
    """A worker's name, a narrative or an approver passed by carelessness does not reach the log."""
    log = written()

    log.logger.info(
        "entry parked", extra={"entry": "TS-1", "worker": "Mette", "narrative": "due diligence", "who": "eve"}
    )

    assert set(log.lines()[0]) == {"ts", "level", "logger", "message", "entry"}
    assert "Mette" not in log.text()
    assert not PERSONAL & set(FIELDS)


@pytest.mark.parametrize("hidden", [Secret("hunter2"), {"token": "hunter2"}, ["hunter2"], b"hunter2"])
def test_only_plain_values_are_written(hidden: object) -> None:
    """Secrets, bodies and rows show as their type, in a field and in a sentence alike."""
    log = written()

    log.logger.info("key rotated", extra={"key": hidden})
    log.logger.info("rotated %s", (hidden,))
    log.logger.warning("rotated %s for %s", hidden, "erp")

    assert "hunter2" not in log.text()
    assert log.lines()[0]["key"] == f"[{type(hidden).__name__}]"
    assert log.lines()[2]["message"] == f"rotated [{type(hidden).__name__}] for erp"


def test_names_of_closed_lists_are_written() -> None:
    """A door, a place or another name of a closed list is plain."""
    log = written()

    log.logger.info("turned away", extra={"reason": Door.THROTTLED})

    assert log.lines()[0]["reason"] == "throttled"


def test_an_exception_is_its_type_and_place_and_not_its_text() -> None:
    """A parser or a database quotes the payload in its message; that stays out, with its traceback and its cause."""
    log = written()

    try:
        try:
            raise KeyError("Mette Hansen")
        except KeyError as inner:
            raise ValueError("bad row: Mette Hansen, due diligence") from inner
    except ValueError:
        log.logger.exception("turn failed", extra={"entity": "DE01"})

    line = log.lines()[0]
    assert "Mette" not in log.text()
    assert (line["error"], line["because_of"]) == ("ValueError", "KeyError")
    assert line["where"].startswith("test_logs.py:")


def test_the_text_of_our_own_exceptions_is_told_and_cut() -> None:
    """What we wrote ourselves says why; only its first line, and not endlessly."""
    log = written()

    try:
        raise StoreAwayError("the store is away: connection reset" + "!" * 500 + "\nDETAIL: Key (worker)=(Mette)")
    except StoreAwayError:
        log.logger.exception("commit failed")
    try:
        raise FileNotFoundError(2, "No such file or directory", "Mette.csv")
    except OSError:
        log.logger.exception("read failed")

    first, second = log.lines()
    assert first["error"].startswith("StoreAwayError: the store is away")
    assert len(first["error"]) < 250
    assert second["error"] == "FileNotFoundError: No such file or directory"
    assert "Mette" not in log.text()


def test_an_exception_may_be_handed_over_as_a_reason() -> None:
    """As a field or in a sentence an exception is told as safely as with its place: a stranger's is its type alone."""
    log = written()

    log.logger.warning("not renewed", extra={"reason": StoreAwayError("no route")})
    log.logger.warning("not read: %s", KeyError("Mette"), extra={"reason": KeyError("Mette")})

    first, second = log.lines()
    assert first["reason"] == "StoreAwayError: no route"
    assert (second["reason"], second["message"]) == ("KeyError", "not read: KeyError")


def test_one_event_is_one_line_however_it_was_written() -> None:
    """A library's message of many lines is its first line: what follows quotes what went wrong."""
    log = written()

    logging.getLogger("asyncio").error("Task exception was never retrieved\nfuture: <Task ValueError('Mette')>")
    log.logger.info("does not fit: %d %d", 1)
    log.logger.info({"not": "a sentence"})

    assert [line["message"] for line in log.lines()] == [
        "Task exception was never retrieved",
        "does not fit: %d %d",
        "[dict]",
    ]


def test_access_logs_are_off_and_the_level_holds() -> None:
    """A line for every request would hold its query and cost more than the request; below the level nothing is said."""
    log = written()

    logging.getLogger("uvicorn.access").info("GET /v1/trace/DE01/TS-1")
    log.logger.debug("detail")
    log.logger.info("started")

    assert [line["message"] for line in log.lines()] == ["started"]


def test_warnings_are_log_lines() -> None:
    """A warning of a library is an event like any other, and not a stray line between JSON."""
    log = written()

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old thing", stacklevel=1)

    assert log.lines()[0]["logger"] == "py.warnings"


def test_for_a_terminal_the_same_facts_stand_in_a_line() -> None:
    """The text format hides what JSON hides."""
    log = written(form="text")

    log.logger.info("entry parked", extra={"entry": "TS-1", "worker": "Mette"})

    assert log.text().split(" ", 1)[1] == "info entry parked logger=runtime.tests entry=TS-1\n"


def test_messages_of_ours_are_constant_and_their_fields_are_listed() -> None:
    """In the runtime a log call has a sentence with nothing pasted in, and only fields that get written."""
    broken = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for path in sorted((ROOT / "runtime").rglob("*.py"))
        for call in log_calls(path.read_text(encoding="utf-8"))
        if not is_proper(call)
    ]

    assert broken == []


def log_calls(source: str) -> Iterator[ast.Call]:
    """Calls of a logger, by the name it goes under."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method)) if method in METHODS:
                if name.lower().strip("_") in ("log", "logger", "logging"):
                    yield node


def is_proper(call: ast.Call) -> bool:
    """Whether the sentence is constant, and every field is named where one reads it and is on the list."""
    names: list[object] = []
    for keyword in call.keywords:
        match keyword.value:
            case ast.Dict(keys=keys) if keyword.arg == "extra":
                names += [key.value if isinstance(key, ast.Constant) else None for key in keys]
            case ast.Call(keywords=given) if keyword.arg == "extra":
                names += [one.arg for one in given]
            case _ if keyword.arg == "extra":
                return False
    return isinstance(call.args[0], ast.Constant) and set(names) <= set(FIELDS)


@pytest.mark.parametrize(
    ("source", "proper"),
    [
        ('log.info("started")', True),
        ('log.info("the account is %s", mode, extra={"entry": x})', True),
        ('log.info("stopped", extra=self._names(reason=fault))', True),
        ('log.info("stopped", extra=self._names(worker=x))', False),
        ('log.info("parked", extra={"worker": x})', False),
        ('log.info("parked", extra=fields)', False),
        ('log.info("parked", extra={**fields})', False),
        ('_log.info(f"parked {x}")', False),
    ],
)
def test_the_check_of_log_calls_sees_what_it_is_for(source: str, proper: bool) -> None:
    """Sentences with something pasted in, and fields that are not listed or cannot be read off, are found."""
    (call,) = log_calls(source)

    assert is_proper(call) is proper
