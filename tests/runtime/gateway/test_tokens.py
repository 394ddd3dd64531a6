"""Bearer tokens: what is believed of them, when their keys are asked for, and how they are turned away."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from runtime.gateway.access import Access, Guest
from runtime.gateway.gate import NotLetInError
from runtime.gateway.tokens import KEYS_DEAD_MS, KEYS_OLD_MS, REFRESH_AFTER_MS, Tokens
from runtime.settings import AccessSettings, JwtSettings
from tests.runtime.gateway.test_access import StoppedClock

ISSUER = "https://login.example.com/"
SETTINGS = JwtSettings(issuer=ISSUER, audience="springtide", jwks_url="https://login.example.com/keys")
EC_KEY = ec.generate_private_key(ec.SECP256R1())
RSA_KEY = rsa.generate_private_key(65_537, 2_048)
EC_JWK = {**json.loads(jwt.algorithms.ECAlgorithm.to_jwk(EC_KEY.public_key())), "kid": "ec", "use": "sig"}
RSA_JWK = {**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(RSA_KEY.public_key())), "kid": "rsa", "alg": "RS256"}

Claims = dict[str, Any]


class Provider:
    """An identity provider: its keys, and how often it was asked for them."""

    def __init__(self, *keys: dict[str, Any]) -> None:
        self.keys = list(keys)
        self.asked = 0
        self.away = False

    def fetch(self) -> bytes:
        """What stands at its address."""
        self.asked += 1
        if self.away:
            raise OSError("connection refused")
        return json.dumps({"keys": self.keys}).encode()


def claims(**changes: Any) -> Claims:
    """What a good token says, with changes; None takes a claim out."""
    now = int(time.time())
    whole = {"iss": ISSUER, "aud": "springtide", "sub": "alice", "iat": now, "exp": now + 3_600, **changes}
    return {name: found for name, found in whole.items() if found is not None}


def signed(said: Claims, key: Any = EC_KEY, algorithm: str = "ES256", kid: Any = "ec") -> str:
    """A token of the provider."""
    return jwt.encode(said, key, algorithm, headers={} if kid is None else {"kid": kid})


def pieces(*parts: bytes) -> str:
    """A token put together by hand."""
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def check(token: str, provider: Provider | None = None, settings: JwtSettings = SETTINGS) -> Claims:
    """The claims of a token at a fresh door."""
    provider = provider or Provider(EC_JWK, RSA_JWK)
    return dict(asyncio.run(Tokens(settings, StoppedClock(), provider.fetch).claims(token)))


def refusal(token: str, provider: Provider | None = None, settings: JwtSettings = SETTINGS) -> NotLetInError:
    """How a token is turned away; never with a part of it."""
    with pytest.raises(NotLetInError) as caught:
        check(token, provider, settings)
    assert token[:20] not in caught.value.detail
    return caught.value


def guest(scopes: object, tmp_path: Path, **changes: Any) -> Guest:
    """Who comes in with a token that carries these scopes; the keys come from a file."""
    path = tmp_path / "keys.json"
    path.write_text(json.dumps({"keys": [EC_JWK]}), encoding="utf-8")
    settings = JwtSettings(issuer=ISSUER, audience="springtide", jwks_file=str(path))
    access = Access(AccessSettings(jwt=settings), StoppedClock())
    token = signed(claims(springtide=scopes, **changes))
    return asyncio.run(access.let_in(f"Bearer {token}"))


# ------------------------------------------------------------------ what a token may do


@pytest.mark.parametrize("scopes", ["intake@EMEA/DE01 status@*/*", ["intake@EMEA/DE01", "status@*/*"]])
def test_a_token_may_do_what_its_scopes_say(tmp_path: Path, scopes: object) -> None:
    """Scopes stand in one claim, as text or as a list; another entity, region or action is not covered."""
    who = guest(scopes, tmp_path)

    assert who.who == "jwt:alice"
    assert who.may("intake", "DE01", "EMEA")
    assert not who.may("intake", "NO01", "EMEA")
    assert not who.may("intake", "DE01", "APAC")
    assert not who.may("command", "DE01", "EMEA")
    assert who.may("status", "US01", "AMER")
    assert who.may("status", None, None)


@pytest.mark.parametrize(
    "scopes",
    [
        None,
        "",
        "openid profile intake",
        "post@*/*",
        "intake@EMEA",
        "intake@/DE01",
        "*",
        {"intake": "*"},
        [{"actions": ["intake"]}],
        7,
        [["intake@*/*"]],
        "INTAKE@*/*",
        "intake@*/*,status@*/*",
    ],
)
def test_what_is_no_scope_allows_nothing(tmp_path: Path, scopes: object) -> None:
    """A token without scopes that we can read is known and may do nothing."""
    assert guest(scopes, tmp_path).scopes == frozenset()


def test_a_name_from_outside_is_short_and_on_one_line(tmp_path: Path) -> None:
    """The subject goes into the audit and into logs, where it can neither break a line nor fill the disk."""
    assert guest("", tmp_path, sub="eve\n2026 drain ok\x1b[2J" + "x" * 500).who.startswith("jwt:eve?2026 drain ok?[2Jx")
    assert len(guest("", tmp_path, sub="x" * 500).who) == len("jwt:") + 128


# ------------------------------------------------------------------ what is believed


@pytest.mark.parametrize(("key", "algorithm", "kid"), [(EC_KEY, "ES256", "ec"), (RSA_KEY, "RS256", "rsa")])
def test_a_good_token_is_believed(key: Any, algorithm: str, kid: str) -> None:
    """A token that its issuer signed for us, in time, is taken at its word."""
    assert check(signed(claims(), key, algorithm, kid))["sub"] == "alice"


def test_a_key_of_another_curve_is_used_with_its_own_signature() -> None:
    """EdDSA works like the others."""
    private = ed25519.Ed25519PrivateKey.generate()
    jwk = {**json.loads(jwt.algorithms.OKPAlgorithm.to_jwk(private.public_key())), "kid": "ed"}

    assert check(signed(claims(), private, "EdDSA", "ed"), Provider(jwk))["sub"] == "alice"


def test_an_expired_token_says_since_when() -> None:
    """A token past its time and the leeway is refused with the instant; within the leeway it is taken."""
    now = int(time.time())
    fault = refusal(signed(claims(exp=1_774_958_400)))

    assert (fault.problem, fault.detail) == (
        "token-expired",
        "the token expired at 2026-03-31T12:00:00Z; get a new one",
    )
    generous = SETTINGS.model_copy(update={"leeway_s": 300})
    assert check(signed(claims(exp=now - 60)), settings=generous)["sub"] == "alice"
    assert refusal(signed(claims(exp=now - 400)), settings=generous).problem == "token-expired"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"aud": "payroll"}, "the token is for another audience"),
        ({"aud": None}, "the token lacks its claim aud"),
        ({"iss": "https://evil.example.com/"}, "the token is from another issuer"),
        ({"iss": None}, "the token lacks its claim iss"),
        ({"exp": None}, "the token lacks its claim exp"),
        ({"sub": None}, "the token lacks its claim sub"),
        ({"sub": 7}, "the token cannot be checked"),
        ({"sub": ""}, "the token does not say whose it is (sub)"),
        ({"sub": " \n"}, "the token does not say whose it is (sub)"),
        ({"exp": "soon"}, "the token cannot be checked"),
        ({"exp": float("inf")}, "the token cannot be checked"),
        ({"nbf": 9_999_999_999}, "the token is not valid yet"),
        ({"iat": 9_999_999_999}, "the token is not valid yet"),
    ],
)
def test_a_token_that_is_not_for_us_is_told_why(changes: Claims, said: str) -> None:
    """Who signed is known by then, so the reason can be told."""
    fault = refusal(signed(claims(**changes)))

    assert (fault.problem, fault.detail) == ("not-authenticated", said)


def test_an_unsigned_token_is_refused() -> None:
    """The algorithm "none", in any spelling and with any key, opens nothing."""
    body = json.dumps(claims()).encode()
    for none in ("none", "None", "NONE", "nOnE"):
        head = json.dumps({"alg": none, "kid": "ec"}).encode()
        for token in (pieces(head, body, b""), pieces(head, body, b"x")):
            assert "signed in a way that is not allowed" in refusal(token).detail


def test_a_public_key_is_not_a_password() -> None:
    """A token whose symmetric signature was made with the public key, in any form of it, is refused."""
    public = RSA_KEY.public_key()
    for secret in (
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        json.dumps(RSA_JWK).encode(),
    ):
        signing = pieces(b'{"alg":"HS256","kid":"rsa"}', json.dumps(claims()).encode())
        mark = hmac.new(secret, signing.encode(), hashlib.sha256).digest()
        assert "signed in a way that is not allowed" in refusal(f"{signing}.{pieces(mark)}").detail


def test_a_key_serves_its_own_algorithm_only() -> None:
    """A key that its provider made for one signature is not used for another one, even if that is allowed too."""
    settings = SETTINGS.model_copy(update={"algorithms": ("RS256", "PS256", "ES256")})

    assert (
        "another way than its key is for" in refusal(signed(claims(), RSA_KEY, "PS256", "rsa"), None, settings).detail
    )
    assert "cannot be checked" in refusal(signed(claims(), RSA_KEY, "RS256", "ec"), None, settings).detail


def test_a_token_that_was_changed_is_refused() -> None:
    """Whatever is changed after signing, the signature no longer fits; so is a key of the same name elsewhere."""
    head, _, mark = signed(claims()).split(".")
    changed = f"{head}.{pieces(json.dumps(claims(springtide='*@*/*')).encode())}.{mark}"

    assert refusal(changed).detail == "the token's signature does not fit"
    stranger = ec.generate_private_key(ec.SECP256R1())
    assert refusal(signed(claims(), stranger)).detail == "the token's signature does not fit"


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "a.b.c",
        "..",
        "e30.e30.e30",
        pieces(b"[]", b"{}", b"x"),
        pieces(b"[" * 9_000, b"{}", b"x"),
        pieces(b'{"alg":' + b"9" * 5_000 + b"}", b"{}", b"x"),
        pieces(b'{"alg":"ES256"}', b"{}", b"x"),
        pieces(b'{"alg":"ES256","kid":["ec"]}', b"{}", b"x"),
        pieces(b'{"alg":["ES256"],"kid":"ec"}', b"{}", b"x"),
        pieces(b'{"alg":"ES256","kid":"ec","crit":["exp"]}', b"{}", b"x"),
        pieces(b'{"alg":"ES256","kid":"ec","b64":false}', b"{}", b"x"),
        "é.é.é",
    ],
)
def test_nonsense_is_turned_away(token: str) -> None:
    """Whatever somebody sends, the answer is a refusal and never an accident."""
    assert refusal(token).problem == "not-authenticated"


@pytest.mark.parametrize(
    "change",
    [
        {"use": "enc"},
        {"d": json.loads(jwt.algorithms.ECAlgorithm.to_jwk(EC_KEY))["d"]},
        {"kid": None},
        {"alg": "none"},
        {"alg": "HS256"},
        {"alg": "ES512"},
        {"kty": "oct", "k": "AAAA"},
        {"kty": "XYZ"},
        {"crv": "P-999"},
        {"x": "!"},
    ],
)
def test_a_key_that_is_not_for_signatures_is_none(change: Claims) -> None:
    """Keys for encryption, private, symmetric, nameless or unreadable keys check nothing; the others still do."""
    spoilt = {**EC_JWK, **change, "kid": change.get("kid", "spoilt")}
    provider = Provider(spoilt, EC_JWK)

    assert check(signed(claims()), provider)["sub"] == "alice"
    assert refusal(signed(claims(), kid="spoilt"), provider).detail == "the token's key is not one of its issuer's"


def test_a_short_key_is_none() -> None:
    """RSA below 2,048 bits is not taken, however it is signed."""
    short = rsa.generate_private_key(65_537, 1_024)  # noqa: S505 too short on purpose
    jwk = {**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(short.public_key())), "kid": "short"}
    token = pieces(b'{"alg":"RS256","kid":"short"}', json.dumps(claims()).encode(), b"x" * 128)

    assert refusal(token, Provider(jwk, EC_JWK)).detail == "the token's key is not one of its issuer's"


# ------------------------------------------------------------------ when keys are asked for


class Door:
    """A door with a provider and a clock, over some time."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.clock = StoppedClock()
        self.tokens = Tokens(SETTINGS, self.clock, provider.fetch)

    async def opens(self, kid: str = "ec", key: Any = EC_KEY) -> bool:
        """Whether a token of this key is let in now."""
        try:
            await self.tokens.claims(signed(claims(), key, "ES256", kid))
        except NotLetInError:
            return False
        return True


def in_time(story: Callable[[Door], Any], provider: Provider) -> None:
    """Let a story happen at a door, in one loop."""
    asyncio.run(story(Door(provider)))


def test_unknown_keys_do_not_hammer_the_provider() -> None:
    """However many tokens name unknown keys, one after another or at once, the provider is asked every 30 s at most."""

    async def story(door: Door) -> None:
        assert await door.opens()
        assert door.provider.asked == 1
        for turn in range(5):
            assert not any(await asyncio.gather(*(door.opens(f"stranger-{turn}-{one}") for one in range(20))))
        assert door.provider.asked == 1
        door.clock.at_ms += REFRESH_AFTER_MS
        assert not any(await asyncio.gather(*(door.opens(f"stranger-{one}") for one in range(20))))
        assert door.provider.asked == 2
        assert await door.opens()

    in_time(story, Provider(EC_JWK))


def test_a_new_key_of_the_provider_is_found() -> None:
    """After a rotation the first token with the new key makes us ask, and it is let in; the old one ends."""
    new = ec.generate_private_key(ec.SECP256R1())
    new_jwk = {**json.loads(jwt.algorithms.ECAlgorithm.to_jwk(new.public_key())), "kid": "new"}

    async def story(door: Door) -> None:
        assert await door.opens()
        door.provider.keys = [EC_JWK, new_jwk]
        assert not await door.opens("new", new)
        door.clock.at_ms += REFRESH_AFTER_MS
        assert await door.opens("new", new)
        assert await door.opens()
        door.provider.keys = [new_jwk]
        door.clock.at_ms += KEYS_OLD_MS
        assert not await door.opens()
        assert await door.opens("new", new)

    in_time(story, Provider(EC_JWK))


def test_a_provider_that_is_away_does_not_stop_us_at_once() -> None:
    """Keys that we have go on while the provider is away or talks nonsense, for a day; then nothing is believed."""

    async def story(door: Door) -> None:
        assert await door.opens()
        door.provider.away = True
        door.clock.at_ms += KEYS_OLD_MS
        assert await door.opens()
        door.provider.away, door.provider.keys = False, []
        door.clock.at_ms += REFRESH_AFTER_MS
        assert await door.opens()
        door.provider.away = True
        door.clock.at_ms += KEYS_DEAD_MS
        assert not await door.opens()
        door.provider.away, door.provider.keys = False, [EC_JWK]
        door.clock.at_ms += REFRESH_AFTER_MS
        assert await door.opens()

    in_time(story, Provider(EC_JWK))


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"keys": 1}', b'{"keys": [1]}', b'{"keys": []}', b"[" * 9_000])
def test_a_provider_that_talks_nonsense_is_away(body: bytes) -> None:
    """What is no set of keys is as if nobody had answered."""
    with pytest.raises(NotLetInError, match="cannot be read at the moment"):
        asyncio.run(Tokens(SETTINGS, StoppedClock(), lambda: body).claims(signed(claims())))


def test_a_file_of_keys_is_read_again(tmp_path: Path) -> None:
    """Keys in a file rotate as those at an address do: an unknown key makes us look again."""
    path = tmp_path / "keys.json"
    path.write_text(json.dumps({"keys": [RSA_JWK]}), encoding="utf-8")
    clock = StoppedClock()
    settings = JwtSettings(issuer=ISSUER, audience="springtide", jwks_file=str(path))

    async def story() -> None:
        tokens = Tokens(settings, clock)
        with pytest.raises(NotLetInError, match="not one of its issuer's"):
            await tokens.claims(signed(claims()))
        path.write_text(json.dumps({"keys": [RSA_JWK, EC_JWK]}), encoding="utf-8")
        clock.at_ms += REFRESH_AFTER_MS
        assert (await tokens.claims(signed(claims())))["sub"] == "alice"

    asyncio.run(story())


def test_nothing_but_http_is_fetched(tmp_path: Path) -> None:
    """An address that is none of HTTP is not opened, whatever stands there."""
    path = tmp_path / "keys.json"
    path.write_text(json.dumps({"keys": [EC_JWK]}), encoding="utf-8")
    settings = SETTINGS.model_copy(update={"jwks_url": path.as_uri()})

    with pytest.raises(NotLetInError, match="cannot be read at the moment"):
        asyncio.run(Tokens(settings, StoppedClock()).claims(signed(claims())))
