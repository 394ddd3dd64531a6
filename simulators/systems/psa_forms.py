"""An approval in a form that nobody agreed on: what a source sends after a release that changed its events.

Each form is made of the right event's bytes, so that everything else in it stays as it was. Patterns begin with a
quote that is not escaped, which no text inside an event can contain.
"""

import re
from collections.abc import Callable
from decimal import Decimal

from simulators.faults.moves import Form

_QUANTITY = re.compile(rb'"quantity":"([0-9.-]+)"')


def _renamed(body: bytes) -> bytes:
    return body.replace(b'"quantity":', b'"hours":', 1)


def _new_enum(body: bytes) -> bytes:
    return body.replace(b'"unit":"hour"', b'"unit":"work_hour"', 1)


def _null(body: bytes) -> bytes:
    return _QUANTITY.sub(b'"quantity":null', body, 1)


def _minutes(body: bytes) -> bytes:
    def in_minutes(found: re.Match[bytes]) -> bytes:
        return f'"quantity":"{Decimal(found[1].decode()) * 60:.0f}"'.encode()

    return _QUANTITY.sub(in_minutes, body.replace(b'"unit":"hour"', b'"unit":"minute"', 1), 1)


def _comma(body: bytes) -> bytes:
    def with_comma(found: re.Match[bytes]) -> bytes:
        return f'"quantity":"{Decimal(found[1].decode()):.2f}"'.replace(".", ",").encode()

    return _QUANTITY.sub(with_comma, body, 1)


FORMS: dict[Form, Callable[[bytes], bytes]] = {
    "renamed": _renamed,
    "new_enum": _new_enum,
    "null": _null,
    "minutes": _minutes,
    "comma": _comma,
}
"""The right event's bytes to those of the form."""
