"""Who comes in, and what they may do: API keys, and bearer tokens of an identity provider.

    Authorization: Bearer stk_ci_…  ──▶ sha256 ──▶ access.keys.ci ────────────▶ its grant ──┐
    Authorization: Bearer eyJ…      ──▶ tokens.py checks it ──▶ claim of scopes ──▶ scopes ─┴─▶ Guest.may(…)

Rule 1. Everything is closed. No header, no grant, an unknown word in a scope: nothing is allowed by it.
Rule 2. A key is `stk_<id>_<secret>`; the secret is 32 random bytes, and only its sha256 is kept. Nobody guesses
        256 bits, so the hash needs neither salt nor slowness.
Rule 3. An unknown id and a wrong secret take the same path to the same answer.
Rule 4. A key is replaced without a gap: configure a second one, move everybody to it, take the first one out.
Rule 5. A scope is written `action@region/entity`, each of them "*" for all. A token carries them in one claim
        (`access.jwt.scope_claim`), as text with spaces between them or as a list. Other words there are ignored.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from itertools import product

from runtime.configuration import instant_ms
from runtime.core.value import value
from runtime.gateway.gate import Action, Clock, NotLetInError
from runtime.settings import AccessSettings, KeySettings

HEADER_MAX = 16 * 1024
"""Characters of an Authorization header; tokens with many scopes have a few thousand (assumed)."""
BEARER = re.compile(r"bearer +([!-~]+)", re.IGNORECASE | re.ASCII)
KEY = re.compile(r"stk_([A-Za-z0-9][A-Za-z0-9_.-]{0,63})_([A-Za-z0-9_-]{43})", re.ASCII)
SCOPE = re.compile(r"(\*|[a-z_]+)@(\*|[A-Za-z0-9_.-]+)/(\*|[A-Za-z0-9_.-]+)", re.ASCII)
ACTIONS = frozenset({*Action, "*"})
NOBODY = "0" * 64
"""What a secret is compared with when its id is unknown: no text is known to have this sha256."""

Scope = tuple[str, str, str]
"""(action, region, entity), each "*" for all."""


@value
class Guest:
    """Somebody who was let in: a `gate.Caller`."""

    who: str
    scopes: frozenset[Scope]

    def may(self, action: str, entity: str | None, region: str | None) -> bool:
        """Whether a grant covers this. None is covered by "*" alone."""
        return any(
            (one, where, whose) in self.scopes
            for one, where, whose in product((action, "*"), (region or "*", "*"), (entity or "*", "*"))
        )

    def may_somewhere(self, action: str) -> bool:
        """Whether any grant names this action at all."""
        return any(one in (action, "*") for one, _, _ in self.scopes)


class Access:
    """The gatekeeper that the configuration describes: a `gate.Gatekeeper`."""

    def __init__(self, settings: AccessSettings, clock: Clock) -> None:
        self._clock = clock
        self._keys = {name: _Key(name, key) for name, key in settings.keys.items()}
        self._jwt = settings.jwt
        if settings.jwt is not None:
            # Here and not above, because making an API key needs nothing that is not always installed.
            from runtime.gateway.tokens import Tokens

            self._tokens = Tokens(settings.jwt, clock)

    async def let_in(self, authorization: str | None) -> Guest:
        """Who is behind an Authorization header. Raises NotLetInError."""
        if authorization is None:
            raise _not_authenticated("the request names nobody; send Authorization: Bearer with an API key or a token")
        found = BEARER.fullmatch(authorization.strip()) if len(authorization) <= HEADER_MAX else None
        if found is None:
            raise _not_authenticated("the Authorization header cannot be read; send Bearer and an API key or a token")
        if found[1].startswith("stk_"):
            return self._by_key(found[1])
        if self._jwt is None:
            raise _not_authenticated("this is no API key, and nothing else opens this door")
        claims = await self._tokens.claims(found[1])
        return Guest(f"jwt:{_plain(str(claims['sub']))}", frozenset(_scopes(claims.get(self._jwt.scope_claim))))

    def _by_key(self, text: str) -> Guest:
        written = KEY.fullmatch(text)
        name, secret = written.groups() if written else ("", "")
        key = self._keys.get(name)
        right = hmac.compare_digest(_sha256(secret), key.sha256 if key else NOBODY)
        if key is None or not right:
            raise _not_authenticated("this API key is not known here; it may be mistyped, or taken out")
        if key.expires_ms is not None and self._clock.wall_ms() >= key.expires_ms:
            raise NotLetInError("token-expired", f"the API key expired at {_instant(key.expires_ms)}; get a new one")
        return key.guest


class _Key:
    """A configured key, ready to be compared."""

    def __init__(self, name: str, settings: KeySettings) -> None:
        self.sha256 = settings.hash.removeprefix("sha256:")
        self.expires_ms = instant_ms(settings.expires) if settings.expires else None
        scopes = product((str(action) for action in settings.actions), settings.regions, settings.entities)
        self.guest = Guest(f"key:{name}", frozenset(scopes))


def new_key(name: str, grant: Mapping[str, object]) -> tuple[str, KeySettings]:
    """A new API key: its text, which is shown once and kept nowhere, and its settings.

    `grant` holds actions, regions, entities and expires as in KeySettings. Raises pydantic's ValidationError.
    """
    secret = secrets.token_urlsafe(32)
    return f"stk_{name}_{secret}", KeySettings.model_validate({"hash": f"sha256:{_sha256(secret)}", **grant})


def demo_key() -> tuple[str, KeySettings]:
    """A key to throw away: it may do everything, and is known to the process that made it alone."""
    return new_key("demo", {"actions": ("*",)})


def _scopes(claim: object) -> Iterable[Scope]:
    """The scopes that a claim of a token holds (rule 5)."""
    words = claim.split() if isinstance(claim, str) else claim if isinstance(claim, list) else []
    for word in words:
        found = SCOPE.fullmatch(word) if isinstance(word, str) else None
        if found is not None and found[1] in ACTIONS:
            yield found[1], found[2], found[3]


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _not_authenticated(detail: str) -> NotLetInError:
    return NotLetInError("not-authenticated", detail)


def _instant(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms // 1_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _plain(text: str) -> str:
    """A name from outside on one line of at most 128 characters, because it goes into the audit and into logs."""
    return "".join(sign if sign.isprintable() else "?" for sign in text[:128])
