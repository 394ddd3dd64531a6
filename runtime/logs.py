"""Logs for people who were not there: one line for each thing that happened, and nothing about persons.

    {"ts":"2026-03-31T15:30:00.123Z","level":"info","logger":"runtime.drivers.on_asyncio","message":"call silent",
     "entity":"DE01","account":"erp","call":"B-17","count":100}

Rule 1. A message of ours is a constant sentence. What varies goes into fields, and only FIELDS are written: a field
        that is not listed is dropped, so a worker's name, a narrative or an approver cannot get in by carelessness.
Rule 2. Only plain values are written (text, numbers, truth, names of closed lists). Anything else is its type in
        brackets: that hides secrets, requests and rows wherever somebody puts them.
Rule 3. Of an exception one reads its type and where it was raised. Its text is only told where we wrote it
        ourselves: that of a database or a parser quotes the payload. So hand over the exception, not its text:
        `extra={"reason": fault}`; where a state has to say it, `told(fault)`.
Rule 4. One line is one event, however it was written; long text is cut.
"""

import json
import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from traceback import extract_tb
from typing import IO

from runtime.settings import LogSettings

FIELDS: tuple[str, ...] = (
    *("entry", "entity", "key", "account", "region", "host", "epoch"),
    *("call", "reason", "status", "ms", "count"),
)
"""The fields that are written, in this order; pass them as `extra={"entity": …}`."""

_LONGEST = 200
_FRAMES = 8
_OURS = "runtime"
_QUIET = ("uvicorn.access", "aiohttp.access")
"""Loggers that write a line for each request, with its query; the metrics count requests."""


def set_up_logs(settings: LogSettings, stream: IO[str] | None = None) -> None:
    """Send every log of this process, and every warning, to `stream` (standard error) as the settings say."""
    handler = logging.StreamHandler(sys.stderr if stream is None else stream)
    handler.setFormatter(JsonLines() if settings.format == "json" else TextLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.level.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(True)


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        return json.dumps(facts(record), separators=(",", ":"))


class TextLines(logging.Formatter):
    """The same facts for a terminal: instant, level, message, then name=value."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        said = facts(record)
        head = [said.pop(name) for name in ("ts", "level", "message")]
        return " ".join(map(str, (*head, *(f"{name}={value}" for name, value in said.items()))))


def facts(record: logging.LogRecord) -> dict[str, object]:
    """What is written of a record."""
    at = datetime.fromtimestamp(record.created, UTC)
    said: dict[str, object] = {
        "ts": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": record.levelname.lower(),
        "logger": record.name,
        "message": _message(record),
    }
    given = record.__dict__
    said.update((name, _plain(given[name])) for name in FIELDS if name in given)
    if record.exc_info and record.exc_info[1] is not None:
        said.update(_of_exception(record.exc_info[1]))
    return said


def _message(record: logging.LogRecord) -> str:
    """The sentence, with what a library put into it (rule 2)."""
    if not isinstance(record.msg, str):
        return str(_plain(record.msg))
    if not record.args:
        return _short(record.msg)
    arguments: object
    if isinstance(record.args, Mapping):
        arguments = {name: _plain(each) for name, each in record.args.items()}
    else:
        arguments = tuple(map(_plain, record.args))
    try:
        return _short(record.msg % arguments)
    except (TypeError, ValueError, KeyError):
        # A sentence that does not fit its arguments still tells what happened.
        return _short(record.msg)


def _plain(value: object) -> object:
    if isinstance(value, Enum):
        return _plain(value.value)
    if value is None or isinstance(value, bool | int | float):
        return value
    # Exactly text: what is a kind of text may be a secret.
    if type(value) is str:
        return _short(value)
    if isinstance(value, BaseException):
        return told(value)
    return f"[{type(value).__name__}]"


def _short(text: str) -> str:
    """The first line of a text, cut when it is long."""
    first = text.strip().partition("\n")[0].rstrip()
    return first if len(first) <= _LONGEST else first[: _LONGEST - 1] + "…"


def told(error: BaseException) -> str:
    """An exception in one safe line: its type, and its text where that cannot quote a payload (rule 3)."""
    kind = type(error)
    if kind.__module__.partition(".")[0] == _OURS or kind is AssertionError:
        text = _short(str(error))
    elif isinstance(error, OSError):
        text = _short(error.strerror or "")
    else:
        text = ""
    return f"{kind.__qualname__}: {text}" if text else kind.__qualname__


def _of_exception(error: BaseException) -> Mapping[str, object]:
    frames = extract_tb(error.__traceback__)[-_FRAMES:]
    said = {
        "error": told(error),
        "where": " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(frames)),
    }
    cause = error.__cause__ or error.__context__
    return {**said, "because_of": told(cause)} if cause is not None else said
