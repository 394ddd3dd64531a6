"""The configuration: one file, the environment over it, every mistake at once, and no secret anywhere."""

import copy
import json
import pickle
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from runtime.configuration import (
    PLACEHOLDERS,
    ConfigurationError,
    Secret,
    has_secret,
    instant_ms,
    read_settings,
    secret,
    toml,
)
from runtime.gateway import gate
from runtime.settings import AccountSettings, Action, Settings, WebhookSettings

GOOD = """\
tenant = "acme"

[accounts.erp]
kind = "generic_erp"
url = "https://erp.example.com"

[accounts.psa]
kind = "generic_psa"
url = "https://psa.example.com"

[entities.DE01]
region = "EMEA"
erp = "erp"
psa = "psa"

[entities.US01]
region = "AMER"
erp = "erp"
psa = "psa"
"""

HASH = "sha256:" + "ab" * 32
SECRET = "correct-horse-battery-staple"  # noqa: S105 no secret of anything, only one to look for

SIGNED = WebhookSettings.model_validate({"secret_env": "S"})
WriteFile = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> WriteFile:
    """Writes a file into a folder of this test, with a mode."""

    def written(text: str, name: str = "springtide.toml", mode: int = 0o600) -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)
        return path

    return written


def mistakes(path: Path, environ: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """What is wrong with a file, in an environment."""
    with pytest.raises(ConfigurationError) as caught:
        read_settings(path, environ or {})
    return caught.value.mistakes


def mistake(path: Path, environ: Mapping[str, str] | None = None) -> str:
    """The one thing that is wrong."""
    found = mistakes(path, environ)
    assert len(found) == 1, found
    return found[0]


# ------------------------------------------------------------------ the file, and the environment over it


def test_a_file_becomes_settings_with_defaults(write: WriteFile) -> None:
    """What the file says stands, and what it does not say has its default."""
    settings = read_settings(write(GOOD), {})

    assert settings.tenant == "acme"
    assert settings.entities["US01"].region == "AMER"
    assert settings.server.port == 8080
    assert settings.access.keys == {}


def test_the_environment_comes_over_the_file(write: WriteFile) -> None:
    """A variable changes a setting, in any case, as plain text or as JSON; others are left alone."""
    environ = {
        "SPRINGTIDE__SERVER__PORT": "9000",
        "springtide__entities__de01__weight": "40",
        "SPRINGTIDE__ENTITIES__US01__MUST_KNOW": '["worker"]',
        "SPRINGTIDE__JOURNAL__SHARED": "true",
        "SPRINGTIDE__TENANT": "42",
        "SPRINGTIDE__LOG": '{"level": "debug"}',
        "SPRINGTIDE__LOG__FORMAT": "text",
        "SPRINGTIDE_KEY": "not a setting",
        "PATH": "/bin",
    }

    settings = read_settings(write(GOOD), environ)

    assert settings.server.port == 9000
    assert settings.entities["DE01"].weight == 40
    assert settings.entities["US01"].must_know == ("worker",)
    assert settings.journal.shared is True
    assert settings.tenant == "42"
    assert (settings.log.level, settings.log.format) == ("debug", "text")


def test_a_variable_reaches_names_with_dashes_and_dots(write: WriteFile) -> None:
    """A name that no variable can spell is reached with underscores for dashes and dots."""
    text = GOOD.replace("entities.DE01", 'entities."de-01.x"')

    assert read_settings(write(text), {"SPRINGTIDE__ENTITIES__DE_01_X__WEIGHT": "7"}).entities["de-01.x"].weight == 7


def test_a_variable_can_give_a_whole_optional_table(write: WriteFile) -> None:
    """Tables that the file does not have come from variables, piece by piece."""
    environ = {
        "SPRINGTIDE__ACCESS__JWT__ISSUER": "https://login.example.com/",
        "SPRINGTIDE__ACCESS__JWT__AUDIENCE": "springtide",
        "SPRINGTIDE__ACCESS__JWT__JWKS_URL": "https://login.example.com/keys",
    }

    jwt = read_settings(write(GOOD), environ).access.jwt

    assert jwt is not None
    assert jwt.audience == "springtide"


@pytest.mark.parametrize(
    ("variable", "said"),
    [
        ("SPRINGTIDE__SERVER__PROT", 'no setting fits "PROT"; did you mean "port"?'),
        ("SPRINGTIDE__SEVER__PORT", 'no setting fits "SEVER"; did you mean "server"?'),
        ("SPRINGTIDE__ENTITIES__DE02__WEIGHT", 'no setting fits "DE02"; did you mean "DE01"?'),
        ("SPRINGTIDE__TENANT__DEEPER", 'no setting fits "DEEPER"; there is none to name'),
        ("SPRINGTIDE__", 'no setting fits ""'),
    ],
)
def test_a_variable_that_fits_nothing_is_a_mistake(write: WriteFile, variable: str, said: str) -> None:
    """A mistyped variable is told, with the nearest name, and never makes an entity; its value is not shown."""
    found = mistake(write(GOOD), {variable: SECRET})

    assert found.startswith(f"{variable}: {said}")
    assert SECRET not in found


def test_one_setting_has_one_variable(write: WriteFile) -> None:
    """Two spellings of one setting are a mistake, because nobody could tell which one counts."""
    found = mistake(write(GOOD), {"SPRINGTIDE__SERVER__PORT": "1", "springtide__server__port": "2"})

    assert found == "springtide__server__port: SPRINGTIDE__SERVER__PORT says the same setting; keep one of them"


def test_a_wrong_variable_is_named_and_not_a_line(write: WriteFile) -> None:
    """A mistake that came from the environment says so, also where the file has the setting too."""
    text = GOOD + "[server]\nport = 8081\n"

    assert mistake(write(text), {"SPRINGTIDE__SERVER__PORT": "many"}) == (
        "server.port (SPRINGTIDE__SERVER__PORT): is not a whole number; give one without quotes"
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"tenant = ", "this is not TOML: Invalid value (at end of document); mend it there"),
        (b'a = 1\nb = "x', "this is not TOML:"),
        (b"tenant = '\xff'", "this is not text in UTF-8; save it as such"),
        (b"a = " + b"[" * 5_000, "this is nested too deeply"),
    ],
)
def test_a_file_that_is_no_toml_is_one_mistake(tmp_path: Path, content: bytes, said: str) -> None:
    """What cannot be read at all is told in one line with the file's name."""
    path = tmp_path / "broken.toml"
    path.write_bytes(content)

    assert mistake(path).startswith(f"{path}: {said}")


def test_a_file_that_is_not_there_says_how_to_begin(tmp_path: Path) -> None:
    """A missing file is told, with the command that prints an example."""
    assert "no such file or directory; `springtide config example`" in mistake(tmp_path / "none.toml")


# ------------------------------------------------------------------ every mistake


def test_every_mistake_is_in_one_list(write: WriteFile, tmp_path: Path) -> None:
    """What the types refuse and what only the whole can tell come in one list, in the order of the file."""
    open_file = write(SECRET, "open", mode=0o644)
    text = f"""\
tenent = "acme"
[server]
host = "0.0.0.0"
port = 99_999
[journal]
kind = "postgres"
lease_ms = 2_000
lease_margin_ms = 2_000
[limits]
body_seconds = inf
[accounts.erp]
kind = "generic_erp"
url = "https://me:{SECRET}@erp.example.com"
credential_env = "ERP_TOKEN"
call_deadline_ms = 1_000
late_landing_ms = 5
[accounts.psa]
kind = "generic_pas"
url = "ftp://psa.example.com"
credential_file = "{open_file}"
[accounts.spare]
kind = "generic_psa"
url = "https://spare.example.com"
credential_file = "{tmp_path}/none"
[entities."DE*"]
region = "EMEA"
erp = "erp"
psa = "psa"
[entities.DE01]
erp = "epr"
psa = "erp"
cut_off = "tomorrow"
wieght = 0
[entities.US01]
region = "AMER"
erp = "spare"
psa = "psa"
weight = 0
[webhooks.psa]
entities = ["FR01"]
[placement]
hosts_max = {{ APAC = 2 }}
"""
    found = mistakes(write(text), {"SPRINGTIDE__LOG__LEVEL": "loud"})

    places = [line.split(" ")[0].rstrip(":") for line in found]
    assert sorted(places) == sorted(
        [
            "tenant",
            "log.level",
            "tenent",
            "server.host",
            "server.port",
            "journal.kind",
            "journal.lease_margin_ms",
            "limits.body_seconds",
            "accounts.erp.url",
            "accounts.erp.credential_env",
            "accounts.erp.late_landing_ms",
            "accounts.psa.kind",
            "accounts.psa.url",
            "accounts.psa.credential_file",
            "accounts.spare.credential_file",
            'entities."DE*"',
            "entities.DE01.region",
            "entities.DE01.erp",
            "entities.DE01.psa",
            "entities.DE01.cut_off",
            "entities.DE01.wieght",
            "entities.US01.erp",
            "entities.US01.weight",
            "webhooks.psa",
            "webhooks.psa.entities",
            "placement.hosts_max.APAC",
        ]
    )
    numbers = [int(line.split("(line ")[1].split(")")[0]) for line in found if "(line " in line]
    assert numbers == sorted(numbers)
    assert len(numbers) == len(found) - 2
    assert all(line.isprintable() for line in found)
    assert SECRET not in "".join(found)


ACCESS = f"""
[access.keys.ci]
hash = "{HASH}"
actions = ["intake"]
[access.jwt]
issuer = "https://login.example.com/"
audience = "springtide"
jwks_url = "https://login.example.com/keys"
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"intake"', '"intak"', 'access.keys.ci.actions (line 23): "intak" is not possible; did you mean "intake"?'),
        ('"acme"', '"ac me"', "tenant (line 1): is no name; a name is 1 to 64 of A-Z"),
        ('"acme"', "7", "tenant (line 1): 7 is not text; put it in quotes"),
        ('region = "AMER"\n', "", "entities.US01.region (line 16): is missing; add it"),
        (HASH, SECRET, "access.keys.ci.hash (line 22): is not sha256: and 64 hexadecimal digits"),
        (
            'actions = ["intake"]',
            'regions = ["EMAE"]',
            'access.keys.ci.regions (line 23): there is no region "EMAE"; did you mean "EMEA"? ("*" is all of them)',
        ),
        (
            'actions = ["intake"]',
            'entities = ["DE1"]',
            'access.keys.ci.entities (line 23): there is no entity "DE1"; did you mean "DE01"? ("*" is all of them)',
        ),
        (
            'actions = ["intake"]',
            'expires = "31.12.2026"',
            'access.keys.ci.expires (line 23): "31.12.2026" is no instant; write it such as',
        ),
        ('actions = ["intake"]', "expires = 2026-12-31T10:00:00", 'access.keys.ci.expires (line 23): "2026-12-31T10'),
        (
            "jwks_url =",
            'jwks_file = "keys.json"\njwks_url =',
            "access.jwt (line 24): both of jwks_file and jwks_url is given; give one of them",
        ),
        (
            'jwks_url = "https://login.example.com/keys"\n',
            "",
            "access.jwt (line 24): neither of jwks_file and jwks_url is given; give one of them",
        ),
        ("https://login.example.com/keys", "http://login.example.com/keys", "access.jwt.jwks_url (line 27): keys that"),
        ("https://login.example.com/keys", "login", "access.jwt.jwks_url (line 27): is no address; give one such as"),
        (
            'audience = "springtide"',
            'audience = "springtide"\nalgorithms = ["RS256", "none"]',
            'access.jwt.algorithms (line 27): "none" is not possible; known here: RS256',
        ),
        (
            'audience = "springtide"',
            'audience = "springtide"\nalgorithms = ["HS256"]',
            'access.jwt.algorithms (line 27): "HS256" is not possible; did you mean "RS256"?',
        ),
        ('audience = "springtide"', 'audience = ""', "access.jwt.audience (line 26): is empty; fill it in"),
        ("tenant =", 'server = "here"\ntenant =', "server (line 1): is not a table; give it its own [heading]"),
        ("tenant =", 'server.host = ""\ntenant =', "server.host (line 1): is empty, which would listen everywhere"),
        (
            "tenant =",
            'journal.kind = "postgres"\ntenant =',
            "journal.kind (line 1): postgres needs an address; give dsn_env or dsn_file",
        ),
        (
            "tenant =",
            'telemetry.otlp_url = "collector"\ntenant =',
            "telemetry.otlp_url (line 1): is no address",
        ),
        (
            "https://login.example.com/keys",
            "https://a:b@login.example.com/keys",
            "access.jwt.jwks_url (line 27): holds a user or password",
        ),
        (
            "tenant =",
            'telemetry.otlp_url = "http://a:b@127.0.0.1:4318"\ntenant =',
            "telemetry.otlp_url (line 1): holds a user or password",
        ),
        ("https://erp.example.com", "https://@erp.example.com", "accounts.erp.url (line 5): holds a user or password"),
        (
            "tenant =",
            "limits.expanded_bytes = 2_000_000\ntenant =",
            "limits.expanded_bytes (line 1): 2000000 is less than body_bytes (8388608)",
        ),
        (
            '[accounts.psa]\nkind = "generic_psa"',
            '[accounts.psa]\nprobe_max_ms = 10_000\nkind = "generic_psa"',
            "accounts.psa.probe_max_ms (line 8): 10000 is shorter than probe_first_ms (30000)",
        ),
        ("https://erp.example.com", "https://erp.example.com:x", "accounts.erp.url (line 5): is no address"),
        (
            "[entities.US01]",
            '[entities.de01]\nregion = "EMEA"\nerp = "erp"\npsa = "psa"\n[entities.US01]',
            'entities.de01 (line 16): is too much like "DE01"',
        ),
        (
            'url = "https://erp.example.com"',
            f'url = "https://erp.example.com"\ncredential = "{SECRET}"',
            'accounts.erp.credential (line 6): nobody knows this setting; did you mean "credential_env"?',
        ),
        (
            'url = "https://erp.example.com"',
            f'url = "https://erp.example.com"\ncredential_env = "{SECRET}"',
            "accounts.erp.credential_env (line 6): the environment variable that it names is not set",
        ),
        (
            'url = "https://erp.example.com"',
            'url = "https://erp.example.com"\ncredential_env = "ERP_TOKEN"\ncredential_file = "x"',
            "accounts.erp.credential_env (line 6): credential_file is given too; keep one of them",
        ),
        (
            'url = "https://erp.example.com"',
            'url = "https://erp.example.com"\ncredential_file = "/"',
            "accounts.erp.credential_file (line 6): this is not a file",
        ),
    ],
)
def test_each_mistake_says_where_what_and_how_to_mend_it(write: WriteFile, old: str, new: str, said: str) -> None:
    """One change that makes a good file bad is one mistake, in words, on its line, and quotes no secret."""
    text = GOOD + ACCESS
    read_settings(write(text), {})
    assert old in text

    found = mistake(write(text.replace(old, new, 1)))

    assert found.startswith(said)
    assert SECRET not in found


def test_nothing_to_carry_is_a_mistake(write: WriteFile) -> None:
    """A deployment without entities does nothing, and says so."""
    text = GOOD.split("[entities")[0]

    assert mistake(write(text)) == "entities: is missing; add it"
    assert "there is none, so there is nothing to do" in mistake(write(text + "[entities]\n"))


@pytest.mark.parametrize("host", ["::", "10.0.0.5", "springtide.example.com"])
def test_nobody_listens_to_the_world_without_access(write: WriteFile, host: str) -> None:
    """An address that others reach needs keys or tokens; loopback does not."""
    text = GOOD + f'[server]\nhost = "{host}"\n'

    assert mistake(write(text)).startswith("server.host (line 21): is not loopback, and nobody may come in")
    assert read_settings(write(text + ACCESS), {}).server.host == host
    for near in ("127.0.0.1", "127.0.0.9", "::1", "localhost"):
        assert read_settings(write(text), {"SPRINGTIDE__SERVER__HOST": near}).server.host == near


def test_an_instant_of_toml_is_taken_as_text(write: WriteFile) -> None:
    """TOML's own instants may stand without quotes."""
    text = GOOD.replace('region = "AMER"', 'region = "AMER"\ncut_off = 2026-03-31T18:00:00+02:00')

    assert instant_ms(read_settings(write(text), {}).entities["US01"].cut_off) == 1_774_972_800_000


@pytest.mark.parametrize("text", ["2026-03-31", "2026-03-31T18:00:00", "2026-02-30T00:00:00Z", "now", "", "2026-W14-2"])
def test_an_instant_has_a_date_a_time_and_an_offset(text: str) -> None:
    """Anything less than an RFC 3339 instant is refused, because it would mean another moment elsewhere."""
    with pytest.raises(ValueError, match=r"\w"):
        instant_ms(text)


def test_a_key_set_is_public_and_not_empty(write: WriteFile) -> None:
    """A file of keys for tokens holds public keys alone; what is no such file is a mistake at start."""
    public = {"kty": "EC", "crv": "P-256", "kid": "a", "x": "x", "y": "y"}
    for content, said in (
        ({"keys": [public]}, ""),
        ({"keys": [{**public, "d": SECRET}]}, "holds a key that is not public"),
        ({"keys": [{"kty": "oct", "k": SECRET}]}, "holds a key that is not public"),
        ({"keys": []}, "holds no key"),
        ({"key": 1}, "this is no key set"),
        ([], "this is no key set"),
    ):
        keys = write(json.dumps(content), "keys.json", mode=0o644)
        text = GOOD + ACCESS.replace('jwks_url = "https://login.example.com/keys"', f'jwks_file = "{keys}"')
        if said:
            assert said in mistake(write(text))
        else:
            assert read_settings(write(text), {}).access.jwt is not None


def required(model: type[BaseModel]) -> Iterator[str]:
    """Settings that have to be given, in every table."""
    for name, field in model.model_fields.items():
        if field.is_required():
            yield name
        for inner in (field.annotation, *get_args(field.annotation)):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                yield from required(inner)


def test_every_required_setting_has_a_placeholder() -> None:
    """One that is missing never keeps the checks from looking at everything else."""
    assert set(required(Settings)) == set(PLACEHOLDERS)


def test_settings_and_gateway_know_the_same_actions() -> None:
    """What a key can be given is what the gateway asks about, and "*"."""
    assert set(get_args(Action)) == {*gate.Action, "*"}


# ------------------------------------------------------------------ secrets


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601])
def test_a_secret_that_others_may_open_is_a_mistake(write: WriteFile, mode: int) -> None:
    """A file with a secret belongs to its owner alone."""
    path = write(SECRET, "token", mode=mode)
    account = AccountSettings(kind="generic_erp", url="http://x", credential_file=str(path))

    with pytest.raises(ConfigurationError, match=rf"^credential_file: others may open this file \(mode {mode:04o}\)"):
        secret(account, "credential", {})
    path.chmod(0o400)
    assert secret(account, "credential", {}).reveal() == SECRET


def test_a_secret_loses_one_newline_and_no_more(write: WriteFile) -> None:
    """Editors end a file with a newline that is not meant; everything else is."""
    for written, meant in ((f"{SECRET}\n", SECRET), (f"{SECRET}\r\n", SECRET), (f" {SECRET}\n\n", f" {SECRET}\n")):
        webhook = WebhookSettings(secret_file=str(write(written, "token")))
        assert secret(webhook, "secret", {}).reveal() == meant
    assert secret(SIGNED, "secret", {"S": SECRET}).reveal() == SECRET


@pytest.mark.parametrize("content", ["", "\n"])
def test_an_empty_secret_is_none(write: WriteFile, content: str) -> None:
    """A signature with an empty secret is one that anybody can make."""
    for webhook in (SIGNED, WebhookSettings(secret_file=str(write(content, "token")))):
        with pytest.raises(ConfigurationError, match="the secret is empty"):
            secret(webhook, "secret", {"S": content})


def test_a_secret_that_nothing_points_to_is_an_error() -> None:
    """Who asks for a secret gets one, or an error: nothing goes on without."""
    assert not has_secret(WebhookSettings(), "secret")
    assert has_secret(SIGNED, "secret")
    with pytest.raises(ConfigurationError, match="neither secret_env nor secret_file is given"):
        secret(WebhookSettings(), "secret", {})


def test_a_secret_does_not_show_itself() -> None:
    """No way of printing, formatting, copying or pickling a secret, or an error around it, contains its text."""
    hidden = Secret(SECRET)
    shown = [repr(hidden), str(hidden), f"{hidden}", f"{hidden!r:>40}", f"{hidden:>40}", repr([hidden])]
    attempts: tuple[Callable[[Any], object], ...] = (pickle.dumps, copy.copy, copy.deepcopy, json.dumps, "x".__add__)
    for attempt in attempts:
        try:
            shown.append(repr(attempt(hidden)))
        except TypeError as fault:
            shown += traceback.format_exception(fault)
    shown += [*traceback.format_exception(ValueError(hidden)), str(getattr(hidden, "__dict__", ""))]

    assert SECRET not in "".join(shown)
    assert hidden.reveal() == SECRET


def test_configuration_errors_survive_a_process_border() -> None:
    """The list of mistakes is the same after pickling, because a host may find them in another process."""
    fault = pickle.loads(pickle.dumps(ConfigurationError(("a: b; c", "d: e; f"))))  # noqa: S301 our own bytes

    assert fault.mistakes == ("a: b; c", "d: e; f")
    assert str(fault) == "a: b; c\nd: e; f"


def test_the_query_of_an_address_is_not_shown() -> None:
    """It may hold a key; everything else is written as it is."""
    assert toml(f"https://login.example.com/keys?key={SECRET}") == '"https://login.example.com/keys?…"'
    assert toml(f"HTTPS://login.example.com?{SECRET}") == '"HTTPS://login.example.com?…"'
    assert toml("https://login.example.com/keys") == '"https://login.example.com/keys"'
    assert toml("who?") == '"who?"'


# ------------------------------------------------------------------ Tryton


TRYTON = """\
kind = "tryton_erp"
needs_session = true
credential_env = "ERP_PASSWORD"
url = "https://erp.example.com"
[accounts.erp.tryton]
database = "erp"
user = "springtide"
mode = "keyed"
crosswalk_file = "CROSSWALK"
"""
CROSSWALK = "[DE01]\ncompany = 1\n[US01]\ncompany = 2\n"


def with_tryton(write: WriteFile, text: str = TRYTON, crosswalk: str = CROSSWALK) -> tuple[str, ...]:
    """What is wrong with a deployment whose ERP is described so."""
    file = write(crosswalk, "crosswalk.toml")
    told = GOOD.replace('kind = "generic_erp"\nurl = "https://erp.example.com"\n', text.replace("CROSSWALK", str(file)))
    try:
        read_settings(write(told), {"ERP_PASSWORD": "p"})
    except ConfigurationError as fault:
        return fault.mistakes
    return ()


def test_a_tryton_account_that_says_everything_can_be_used(write: WriteFile) -> None:
    """Keyed, with a session, a password and a crosswalk that knows every entity that posts there."""
    assert with_tryton(write) == ()


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("needs_session = true", "needs_session = false", "takes no call without a session"),
        ('credential_env = "ERP_PASSWORD"\n', "", "for a password"),
        ('mode = "keyed"', 'mode = "unkeyed"', "does not keep a second row under one key out"),
        ("CROSSWALK", "nowhere.toml", "no such file"),
        ('kind = "tryton_erp"', 'kind = "generic_erp"', "is for a tryton_erp"),
        ('user = "springtide"', 'user = "a:b"', "accounts.erp.tryton.user"),
        (TRYTON[TRYTON.index("[accounts") :], "", "has to be told more"),
    ],
)
def test_what_does_not_go_together_at_a_tryton_is_said(write: WriteFile, before: str, after: str, said: str) -> None:
    """Each mistake is one line that names its place and how to mend it."""
    (mistake,) = with_tryton(write, TRYTON.replace(before, after))
    assert said in mistake
    assert mistake.startswith("accounts.erp")


def test_an_entity_that_the_crosswalk_lacks_is_found_before_anything_starts(write: WriteFile) -> None:
    """And not when its first entry is posted."""
    (mistake,) = with_tryton(write, crosswalk="[DE01]\ncompany = 1\n")
    assert "[US01]" in mistake
