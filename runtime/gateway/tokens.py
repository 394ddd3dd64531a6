"""Bearer tokens of an identity provider: JWTs, checked against the provider's public keys (JWKS, RFC 7517).

    header ─ algorithm allowed? ─▶ key of its `kid` ─▶ signature ─▶ exp, nbf, iat, iss, aud, sub ─▶ claims
                                       │ unknown, or not asked for a while
                                       ▼
                            file or URL, in a thread, with a deadline

Rule 1. What a token says about itself is believed only after its signature; before, it chooses among our keys and
        among the algorithms of the configuration, and no more. "none" and symmetric signatures are not among them.
Rule 2. An unknown `kid` makes us ask for the keys again, at most every REFRESH_AFTER_MS, however many tokens come:
        a stranger cannot make us hammer the provider.
Rule 3. Keys that were not asked for during KEYS_OLD_MS are asked for again, so that one that was withdrawn goes. While
        the provider cannot be reached, the keys we have go on, but not for ever (KEYS_DEAD_MS).
"""

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import jwt

from runtime.gateway.gate import Clock, NotLetInError
from runtime.settings import JwtSettings

REFRESH_AFTER_MS = 30_000
KEYS_OLD_MS = 10 * 60_000
KEYS_DEAD_MS = 24 * 60 * 60_000
FETCH_SECONDS = 5.0
JWKS_BYTES_MAX = 1024 * 1024
RSA_BITS_MIN = 2_048
"""Assumed: providers rotate keys with days of overlap and publish a few thousand bytes. The last is RFC 7518's."""

UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, RecursionError)
"""What JSON of another shape than expected comes to."""

REFUSALS: Mapping[type[jwt.PyJWTError], str] = {
    jwt.InvalidSignatureError: "the token's signature does not fit",
    jwt.InvalidAudienceError: "the token is for another audience",
    jwt.InvalidIssuerError: "the token is from another issuer",
    jwt.ImmatureSignatureError: "the token is not valid yet",
}


class _PublicKey(NamedTuple):
    """A key of the provider; `algorithm` is the only one it may be used with, empty where the provider says none."""

    key: Any
    algorithm: str


class Tokens:
    """Checks tokens. Reads the provider's keys when the first token comes."""

    def __init__(self, settings: JwtSettings, clock: Clock, fetch: Callable[[], bytes] | None = None) -> None:
        self._settings = settings
        self._clock = clock
        self._fetch = fetch or _fetch_from(settings)
        self._keys: Mapping[str, _PublicKey] = {}
        self._asked_ms: int | None = None
        self._heard_ms: int | None = None
        self._asking = asyncio.Lock()

    async def claims(self, token: str) -> Mapping[str, object]:
        """What a token says, now that all of it was checked. Raises NotLetInError."""
        settings = self._settings
        try:
            header = jwt.get_unverified_header(token)
        except (jwt.PyJWTError, ValueError):
            raise _refused("this is neither an API key nor a token that can be read") from None
        algorithm, name = header.get("alg"), header.get("kid")
        if algorithm not in settings.algorithms:
            raise _refused("the token is signed in a way that is not allowed here")
        if not isinstance(name, str):
            raise _refused("the token does not name its key (kid)")
        key = await self._key(name)
        if key.algorithm not in ("", algorithm):
            raise _refused("the token is signed in another way than its key is for")
        try:
            claims = jwt.decode(
                token,
                key.key,
                algorithms=[algorithm],
                audience=settings.audience,
                issuer=settings.issuer,
                leeway=settings.leeway_s,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.ExpiredSignatureError:
            # The signature was checked before the claims, so this instant is the issuer's word.
            raise NotLetInError("token-expired", f"the token expired {_expiry(token)}; get a new one") from None
        except jwt.MissingRequiredClaimError as fault:
            raise _refused(f"the token lacks its claim {fault.claim}") from None
        except (jwt.PyJWTError, TypeError, ValueError, OverflowError, RecursionError) as fault:
            said = next((said for kind, said in REFUSALS.items() if isinstance(fault, kind)), None)
            raise _refused(said or "the token cannot be checked") from None
        if not str(claims["sub"]).strip():
            # Everything that is done is written down with who did it.
            raise _refused("the token does not say whose it is (sub)")
        return claims

    async def _key(self, name: str) -> _PublicKey:
        """The provider's key of this name (rules 2 and 3)."""
        if self._wanted(name) and (name not in self._keys or not self._asking.locked()):
            # One asks, and who needs the answer waits for it. Whoever has a key that will do goes on with it.
            async with self._asking:
                if self._wanted(name) and self._since(self._asked_ms) >= REFRESH_AFTER_MS:
                    await self._ask()
        if self._since(self._heard_ms) >= KEYS_DEAD_MS:
            raise _refused("the keys of the token's issuer cannot be read at the moment; try again later")
        if name not in self._keys:
            raise _refused("the token's key is not one of its issuer's")
        return self._keys[name]

    def _wanted(self, name: str) -> bool:
        return name not in self._keys or self._since(self._heard_ms) >= KEYS_OLD_MS

    async def _ask(self) -> None:
        """Ask for the keys; where that fails, what we have stays."""
        self._asked_ms = self._clock.mono_ms()
        try:
            body = await asyncio.wait_for(asyncio.to_thread(self._fetch), FETCH_SECONDS)
            self._keys = _public_keys(body, self._settings.algorithms)
        except (OSError, HTTPException, TimeoutError, *UNREADABLE):
            return
        self._heard_ms = self._asked_ms

    def _since(self, then_ms: int | None) -> float:
        return float("inf") if then_ms is None else self._clock.mono_ms() - then_ms


def _public_keys(body: bytes, algorithms: Sequence[str]) -> dict[str, _PublicKey]:
    """The keys of a JWKS that can check such signatures, by `kid`. Raises one of UNREADABLE, also where none can."""
    keys: dict[str, _PublicKey] = {}
    for data in json.loads(body)["keys"]:
        name, kind, algorithm = data.get("kid"), data.get("kty"), data.get("alg", "")
        public = kind in ("RSA", "EC", "OKP") and data.get("use", "sig") == "sig" and "d" not in data
        if not public or not isinstance(name, str) or algorithm not in ("", *algorithms):
            continue
        try:
            key = jwt.PyJWK(data).key
        except (jwt.PyJWTError, *UNREADABLE):
            continue
        if kind != "RSA" or key.key_size >= RSA_BITS_MIN:
            keys[name] = _PublicKey(key, algorithm)
    if not keys:
        raise ValueError("no usable key")
    return keys


def _fetch_from(settings: JwtSettings) -> Callable[[], bytes]:
    if settings.jwks_file:
        return Path(settings.jwks_file).read_bytes
    return partial(_fetch_url, settings.jwks_url)


def _fetch_url(url: str) -> bytes:
    """What stands there, without proxies and redirects. Raises OSError or HTTPException before it takes too long."""
    parts = urlsplit(url)
    until = time.monotonic() + FETCH_SECONDS
    kind = {"https": HTTPSConnection, "http": HTTPConnection}.get(parts.scheme)
    if kind is None:
        raise OSError("keys are fetched over HTTP")
    body = b""
    with closing(kind(parts.hostname or "", parts.port, timeout=FETCH_SECONDS)) as connection:
        connection.request("GET", (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))
        with connection.getresponse() as response:
            while response.status == HTTPStatus.OK and (piece := response.read1(64 * 1024)):
                body += piece
                if len(body) > JWKS_BYTES_MAX or time.monotonic() > until:
                    raise OSError("too much, or too slow, for a set of keys")
    return body


def _expiry(token: str) -> str:
    try:
        at_s = int(jwt.decode(token, options={"verify_signature": False})["exp"])
        return f"at {datetime.fromtimestamp(at_s, UTC):%Y-%m-%dT%H:%M:%SZ}"
    except (jwt.PyJWTError, ValueError, OverflowError, OSError):
        return "long ago"


def _refused(detail: str) -> NotLetInError:
    return NotLetInError("not-authenticated", detail)
