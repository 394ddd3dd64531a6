"""Reads the configuration: one TOML file, environment variables over it, and every mistake in one list.

    file ──tomllib──▶ tables ◀── SPRINGTIDE__SERVER__PORT=9000
                        ├──▶ the types of settings.py     what a value may be
                        └──▶ CHECKS, on what is left      what only several values, the environment or a file can tell

Rule 1. Every mistake is found at once: what the types refuse is set aside, and the checks look at the rest.
Rule 2. A mistake is one line: where (with the line of the file, or the variable), what, and how to mend it.
Rule 3. Secrets are not in the configuration, and a value that could be one by mistake is not quoted back.
Rule 4. A variable names a setting from the top, with two underscores between levels, in any case; "-" and "." of a
        name are written "_". Its value is plain text, or JSON for lists and whole tables. It names what the file has:
        a variable that fits nothing is a mistake and never a new entity. Whole tables may be new.
"""

import json
import re
import stat
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import deepcopy
from datetime import UTC, date, datetime, time, timedelta
from difflib import get_close_matches
from ipaddress import ip_address
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin
from urllib.parse import urlsplit

from pydantic import BaseModel, ValidationError

from runtime.crosswalk import CrosswalkError, read_crosswalk
from runtime.settings import AccountSettings, Settings

PREFIX = "SPRINGTIDE__"
SECRET_BYTES_MAX = 64 * 1024
"""A file with a secret is not larger than this (assumed)."""
RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)
VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{0,63}", re.ASCII)
BARE_KEY = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
ADDRESS_WITH_QUERY = re.compile(r"https?://[^?]*\?", re.IGNORECASE)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Place = tuple[str, ...]
"""Where a setting is: ("entities", "DE01", "region")."""

PLACEHOLDERS: Mapping[str, object] = {
    "tenant": "missing",
    "accounts": {},
    "entities": {},
    "kind": "generic_erp",
    "url": "http://missing",
    "region": "missing",
    "erp": "missing",
    "psa": "missing",
    "database": "missing",
    "user": "missing",
    "mode": "keyed",
    "crosswalk_file": "missing",
    "hash": "sha256:" + "0" * 64,
    "issuer": "missing",
    "audience": "missing",
}
"""Stands for a required setting that is missing or wrong, so that the checks can look at everything else."""

A_NAME = 'a name is 1 to 64 of A-Z a-z 0-9 _ . - and begins with a letter or a digit; it is no pattern like "*"'
PATTERNS: Mapping[str, str] = {
    "hash": "is not sha256: and 64 hexadecimal digits; `springtide keys new ID` makes a key and its hash",
    "url": "does not begin with http:// or https://; give the whole address",
}
WORDS: Mapping[str, str] = {
    "missing": "is missing; add it",
    "greater_than_equal": "is too small; give {ge} or more",
    "greater_than": "is too small; give more than {gt}",
    "less_than_equal": "is too large; give {le} or less",
    "string_type": "is not text; put it in quotes",
    "string_too_short": "is empty; fill it in",
    "too_short": "is empty; name at least one",
    "int_type": "is not a whole number; give one without quotes",
    "int_parsing": "is not a whole number; give one without quotes",
    "int_from_float": "is not a whole number; give one without a fraction",
    "float_type": "is not a number; give one without quotes",
    "float_parsing": "is not a number; give one without quotes",
    "finite_number": "is not finite; give a number",
    "bool_type": "is neither true nor false; give one of them",
    "bool_parsing": "is neither true nor false; give one of them",
    "tuple_type": 'is not a list; give one, such as ["a", "b"]',
    "dict_type": "is not a table; give it its own [heading]",
    "model_type": "is not a table; give it its own [heading]",
}


class ConfigurationError(Exception):
    """What cannot be configured so: all mistakes, each one line that says where, what and how to mend it."""

    def __init__(self, mistakes: tuple[str, ...]) -> None:
        super().__init__(mistakes)
        self.mistakes = mistakes

    def __str__(self) -> str:
        return "\n".join(self.mistakes)


class Secret:
    """A text that shows itself to `reveal` alone: not to print, logs, format, pickle, copies or tracebacks."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself, for whoever sends it, never for whoever writes about it."""
        return self._text

    def __repr__(self) -> str:
        return "(secret)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format("(secret)", spec)

    def __reduce_ex__(self, protocol: object) -> tuple[Any, ...]:
        raise TypeError("a secret is not copied or pickled: read it again where it is needed")


def read_settings(path: str | Path, environ: Mapping[str, str]) -> Settings:
    """The settings in a TOML file, with those of the environment over them.

    A relative path, here and in the file, starts at the working directory. Raises ConfigurationError with every
    mistake that can be found without calling another system.
    """
    tables, lines = _read(Path(path))
    mistakes, origins = _overlay(tables, environ)
    settings, wrong = _typed(tables)
    findings = list(wrong)
    if settings is not None:
        look = _Look(settings, environ, tables)
        doubtful = [finding.place for finding in wrong]
        findings += (
            found for check in CHECKS for found in check(look) if not _any_below(doubtful, (found.place, *found.needs))
        )
    for finding in sorted(findings, key=lambda finding: _line(lines, finding.place)):
        mistakes.append(f"{_where(finding.place, lines, origins)}: {finding.text}")
    if mistakes or settings is None:
        raise ConfigurationError(tuple(dict.fromkeys(mistakes)))
    return settings


def secret(settings: BaseModel, prefix: str, environ: Mapping[str, str]) -> Secret:
    """The secret that `<prefix>_env` or `<prefix>_file` of these settings points to, without one trailing newline.

    Raises ConfigurationError where neither is given, both are, or there is nothing to read.
    """
    try:
        return Secret(_secret_text(settings, prefix, environ))
    except _NoSecretError as fault:
        raise ConfigurationError((f"{fault.field}: {fault.why}",)) from None


def has_secret(settings: BaseModel, prefix: str) -> bool:
    """Whether these settings point to such a secret at all."""
    return bool(getattr(settings, f"{prefix}_env") or getattr(settings, f"{prefix}_file"))


def instant_ms(text: str) -> int:
    """An RFC 3339 instant ("2026-03-31T18:00:00+02:00") as ms UTC. Raises ValueError."""
    written = text.upper().replace(" ", "T", 1)
    if not RFC_3339.fullmatch(written):
        raise ValueError("not an RFC 3339 instant, such as 2026-03-31T18:00:00+02:00")
    return (datetime.fromisoformat(written) - EPOCH) // timedelta(milliseconds=1)


def dotted(place: Place) -> str:
    """A place as TOML writes it: `entities.DE01.region`."""
    return ".".join(part if BARE_KEY.fullmatch(part) else toml(part) for part in place)


def toml(value: object) -> str:
    """A plain setting (text, number, truth value, or a list of them) as TOML writes it, for anybody to see.

    The query of an address may hold a key: it is shown as "?…".
    """
    if isinstance(value, str) and ADDRESS_WITH_QUERY.match(value):
        value = value.partition("?")[0] + "?…"
    # TOML's strings, numbers and lists are JSON's, except that DEL has to be escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


# ------------------------------------------------------------------ the file and the environment


def _read(path: Path) -> tuple[dict[str, Any], dict[Place, int]]:
    """The tables of the file, and the line on which each table and key stands, as far as one can see."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
        tables = tomllib.loads(text)
    except OSError as fault:
        said = (fault.strerror or "cannot be read").lower()
        raise ConfigurationError(
            (f"{path}: {said}; `springtide config example` prints a file to begin with",)
        ) from fault
    except UnicodeDecodeError:
        raise ConfigurationError((f"{path}: this is not text in UTF-8; save it as such",)) from None
    except tomllib.TOMLDecodeError as fault:
        raise ConfigurationError((f"{path}: this is not TOML: {_plain(str(fault))}; mend it there",)) from None
    except RecursionError:
        raise ConfigurationError((f"{path}: this is nested too deeply; give a plain file of settings",)) from None
    found: dict[str, Any] = _instants_as_text(tables)
    return found, _lines(text)


def _instants_as_text(found: Any) -> Any:
    """TOML has instants of its own; settings hold them as text."""
    if isinstance(found, dict):
        return {name: _instants_as_text(inner) for name, inner in found.items()}
    if isinstance(found, list):
        return [_instants_as_text(inner) for inner in found]
    return found.isoformat() if isinstance(found, datetime | date | time) else found


def _lines(text: str) -> dict[Place, int]:
    """Line numbers by place. Good enough for people: tomllib does not tell, and inline tables share their line."""
    part = re.compile(r"\"([^\"]*)\"|'([^']*)'|([A-Za-z0-9_-]+)")
    found: dict[Place, int] = {}
    table: Place = ()
    for number, line in enumerate(text.splitlines(), 1):
        heading = re.match(r"\s*\[([^\[\]]+)\]", line)
        key = re.match(
            r"\s*((?:\"[^\"]*\"|'[^']*'|[A-Za-z0-9_-]+)(?:\s*\.\s*(?:\"[^\"]*\"|'[^']*'|[\w-]+))*)\s*=", line
        )
        written = heading or key
        if written is None:
            continue
        names = tuple("".join(names) for names in part.findall(written[1]))
        place = names if heading else (*table, *names)
        table = place if heading else table
        found.setdefault(place, number)
    return found


def _overlay(tables: dict[str, Any], environ: Mapping[str, str]) -> tuple[list[str], dict[Place, str]]:
    """Put what the environment says over the tables; mistakes, and which variable said what."""
    mistakes: list[str] = []
    origins: dict[Place, str] = {}
    given = [variable for variable in environ if variable.upper().startswith(PREFIX)]
    # Whole tables come before what they hold, whatever order the environment has.
    for variable in sorted(given, key=lambda variable: (variable.count("__"), variable)):
        place, lost, known = _place_of(variable[len(PREFIX) :].split("__"), tables)
        if lost is not None:
            mistakes.append(f"{_plain(variable)}: no setting fits {_quoted(lost)}; {_nearest(lost, known)}")
        elif place in origins:
            mistakes.append(f"{_plain(variable)}: {origins[place]} says the same setting; keep one of them")
        else:
            origins[place] = _plain(variable)
            _put(tables, place, _value(environ[variable]))
    return mistakes, origins


def _place_of(names: list[str], tables: dict[str, Any]) -> tuple[Place, str | None, Iterable[str]]:
    """Which setting a variable means: its place, or the part that fits nothing and what could stand there."""
    place: Place = ()
    for name in names:
        known = _known_names(place, tables)
        fitting = [other for other in known if _fold(other) == _fold(name)]
        if len(fitting) != 1:
            return place, name, known
        place = (*place, fitting[0])
    return place, None, ()


def _known_names(place: Place, tables: Any) -> list[str]:
    """What can stand below a place: the settings of a table, or the names that the file has there."""
    kind = _type_at(place)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return list(kind.model_fields)
    there: Any = tables
    for name in place:
        there = there.get(name) if isinstance(there, dict) else None
    return list(there) if get_origin(kind) is dict and isinstance(there, dict) else []


def _type_at(place: Place) -> Any:
    """The type of the setting at a place: a model, a dict of names, or something plain; None for nothing."""
    kind: Any = Settings
    for name in place:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            field = kind.model_fields.get(name)
            kind = field and field.annotation
        else:
            kind = get_args(kind)[1] if get_origin(kind) is dict else None
        if get_origin(kind) in (Union, UnionType):
            kind = next(inner for inner in get_args(kind) if inner is not type(None))
        if get_origin(kind) is Annotated:
            kind = get_args(kind)[0]
    return kind


def _put(tables: dict[str, Any], place: Place, value: object) -> None:
    """Set a value, making the tables on the way; where the file has no table there, the types will say so."""
    for name in place[:-1]:
        tables = tables.setdefault(name, {})
        if not isinstance(tables, dict):
            return
    tables[place[-1]] = value


def _value(text: str) -> object:
    """JSON where it is a list, a table or quoted; everything else is text, which the types read as what they need."""
    if text.strip()[:1] in {"[", "{", '"'}:
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text
    return text


def _fold(name: str) -> str:
    """A name as a variable can write it."""
    return re.sub(r"[.-]", "_", name).casefold()


# ------------------------------------------------------------------ what the types say


class _Finding(NamedTuple):
    """A mistake at a place. It is left out where the types refused the place itself, or one that it `needs`."""

    place: Place
    text: str
    needs: tuple[Place, ...] = ()


def _typed(tables: dict[str, Any]) -> tuple[Settings | None, list[_Finding]]:
    """The settings, with placeholders for what is wrong, and everything that the types refuse."""
    try:
        return Settings.model_validate(tables), []
    except ValidationError as fault:
        errors = fault.errors(include_url=False)
        # A list whose items are all wrong counts as empty too, which tells nobody anything.
        lists = {_place(error["loc"]) for error in errors if isinstance(error["loc"][-1], int)}
        wrong = [_finding(error) for error in errors if error["type"] != "too_short" or error["loc"] not in lists]
        rest = deepcopy(tables)
        # Taking a wrong value out can leave a required one missing, which the next round puts a placeholder for.
        for _ in range(3):
            _set_aside(rest, fault)
            try:
                return Settings.model_validate(rest), wrong
            except ValidationError as again:
                fault = again
        return None, wrong


def _set_aside(tables: dict[str, Any], fault: ValidationError) -> None:
    """Take out what is wrong, and put a placeholder for what is missing."""
    for error in fault.errors(include_url=False, include_input=False, include_context=False):
        place = _place(error["loc"])
        if error["type"] == "missing":
            _put(tables, place, deepcopy(PLACEHOLDERS.get(place[-1])))
            continue
        inner: Any = tables
        for name in place[:-1]:
            inner = inner.get(name, {})
        inner.pop(place[-1], None)


def _place(loc: tuple[int | str, ...]) -> Place:
    """The setting that an error is about: a whole list for one of its items, the entry for its name."""
    names: list[str] = []
    for part in loc:
        if isinstance(part, int) or part == "[key]":
            break
        names.append(part)
    return tuple(names)


def _finding(error: Any) -> _Finding:
    """An error of the types in our words."""
    place = _place(error["loc"])
    kind, context = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        text = f"nobody knows this setting; {_nearest(place[-1], _known_names(place[:-1], {}))}"
    elif kind == "literal_error":
        known = re.findall(r"'([^']*)'", context["expected"])
        text = f"{_quoted(error['input'])} is not possible; {_nearest(error['input'], known)}"
    elif kind == "string_pattern_mismatch":
        name = error["loc"][-1] == "[key]"
        text = f"is no name; {A_NAME}" if name else PATTERNS.get(place[-1], f"is no name; {A_NAME}")
    else:
        said = error["msg"]
        number = f"{error['input']} " if type(error["input"]) in (int, float) else ""
        text = number + WORDS.get(kind, said[:1].lower() + said[1:]).format(**context)
    return _Finding(place, text)


# ------------------------------------------------------------------ what only the whole can say


class _Look(NamedTuple):
    """What the checks look at. `tables` is as written, also where the types refused it."""

    settings: Settings
    environ: Mapping[str, str]
    tables: Mapping[str, Any]

    def names(self, table: str) -> list[str]:
        """What the file calls accounts or entities, the wrong ones too: they are there."""
        there = self.tables.get(table)
        return list(there) if isinstance(there, dict) else []

    def regions(self) -> list[str]:
        """Regions that entities are in."""
        entities = [self.tables["entities"][name] for name in self.names("entities")]
        regions = [entity.get("region") for entity in entities if isinstance(entity, dict)]
        return list(dict.fromkeys(region for region in regions if isinstance(region, str)))


def _entities(look: _Look) -> Iterator[_Finding]:
    """Entities exist, and name accounts that exist and are of the right kind."""
    if not look.names("entities"):
        yield _Finding(("entities",), "there is none, so there is nothing to do; add [entities.NAME]")
    for name, entity in look.settings.entities.items():
        for role, account in (("erp", entity.erp), ("psa", entity.psa)):
            place = ("entities", name, role)
            if account not in look.names("accounts"):
                said = f"there is no account {_quoted(account)}; {_nearest(account, look.names('accounts'))}"
                yield _Finding(place, said, (("accounts",),))
                continue
            found = look.settings.accounts.get(account)
            if found and not found.kind.endswith(f"_{role}"):
                said = f"account {_quoted(account)} is a {found.kind}; name one whose kind ends in _{role}"
                yield _Finding(place, said, (("accounts", account, "kind"),))
        if entity.cut_off:
            yield from _instant(("entities", name, "cut_off"), entity.cut_off)


def _namesakes(look: _Look) -> Iterator[_Finding]:
    """Names differ in more than their case: they become names of files and variables."""
    for table in ("accounts", "entities"):
        first: dict[str, str] = {}
        for name in look.names(table):
            other = first.setdefault(_fold(name), name)
            if other != name:
                yield _Finding((table, name), f"is too much like {_quoted(other)} for names of files; rename one")


def _accounts(look: _Look) -> Iterator[_Finding]:
    """Accounts carry no password in their address, and their times follow from one another."""
    for name, account in look.settings.accounts.items():
        place = ("accounts", name)
        parts = _split_url(account.url)
        if parts is None or not parts.hostname:
            yield _Finding((*place, "url"), "is no address; give one such as https://erp.example.com/api")
        elif _has_user(parts):
            said = "holds a user or password; move it to credential_env or credential_file"
            yield _Finding((*place, "url"), said)
        if account.late_landing_ms < account.call_deadline_ms:
            said = (
                f"{account.late_landing_ms} is shorter than call_deadline_ms ({account.call_deadline_ms}): "
                "a call that we gave up on may work as long again; give at least as much"
            )
            yield _Finding((*place, "late_landing_ms"), said, ((*place, "call_deadline_ms"),))
        if account.kind == "generic_psa" and account.needs_session:
            yield _Finding((*place, "needs_session"), "a generic_psa knows no sessions; take it out")
        if account.probe_max_ms < account.probe_first_ms:
            said = f"{account.probe_max_ms} is shorter than probe_first_ms ({account.probe_first_ms}); give more"
            yield _Finding((*place, "probe_max_ms"), said, ((*place, "probe_first_ms"),))
        yield from _tryton(look, name, account)


def _tryton(look: _Look, name: str, account: AccountSettings) -> Iterator[_Finding]:
    """A Tryton account says all that Tryton needs, and what it says goes together."""
    place, options = ("accounts", name), account.tryton
    if account.kind != "tryton_erp":
        if options is not None:
            yield _Finding((*place, "tryton"), f"is for a tryton_erp, and this is a {account.kind}; take it out")
        return
    if options is None:
        said = f"a tryton_erp has to be told more; add [accounts.{_plain(name)}.tryton] with database, user, mode and"
        yield _Finding((*place, "kind"), f"{said} crosswalk_file", ((*place, "tryton"),))
        return
    if not account.needs_session:
        yield _Finding((*place, "needs_session"), "Tryton takes no call without a session; set it to true")
    if not has_secret(account, "credential"):
        said = f"Tryton asks {_quoted(options.user)} for a password; give credential_env or credential_file"
        yield _Finding(place, said, ((*place, "credential_env"), (*place, "credential_file")))
    if account.honours_keys != (options.mode == "keyed"):
        said = "keeps" if options.mode == "keyed" else "does not keep"
        said = f"Tryton {said} a second row under one key out in {options.mode} mode"
        said = f"{said}; set it to {str(options.mode == 'keyed').lower()}"
        yield _Finding((*place, "honours_keys"), said, ((*place, "tryton", "mode"),))
    file = (*place, "tryton", "crosswalk_file")
    try:
        known = read_crosswalk(Path(options.crosswalk_file))
    except CrosswalkError as fault:
        yield _Finding(file, str(fault))
        return
    for code, entity in look.settings.entities.items():
        if entity.erp == name and code not in known:
            yield _Finding(
                file, f"the file has no [{_plain(code)}], and this entity posts there; {_nearest(code, known)}"
            )


def _journal(look: _Look) -> Iterator[_Finding]:
    """A lease is longer than its margin, and a database has an address."""
    journal = look.settings.journal
    if journal.lease_margin_ms >= journal.lease_ms:
        said = f"{journal.lease_margin_ms} leaves nothing of lease_ms ({journal.lease_ms}); give less"
        yield _Finding(("journal", "lease_margin_ms"), said, (("journal", "lease_ms"),))
    if journal.kind == "postgres" and not has_secret(journal, "dsn"):
        said = "postgres needs an address; give dsn_env or dsn_file"
        yield _Finding(("journal", "kind"), said, (("journal", "dsn_env"), ("journal", "dsn_file")))


def _limits(look: _Look) -> Iterator[_Finding]:
    """A body may expand at least to its own size."""
    limits = look.settings.limits
    if limits.expanded_bytes < limits.body_bytes:
        said = f"{limits.expanded_bytes} is less than body_bytes ({limits.body_bytes}); give at least as much"
        yield _Finding(("limits", "expanded_bytes"), said, (("limits", "body_bytes"),))


def _secrets(look: _Look) -> Iterator[_Finding]:
    """Every secret that is pointed to can be read here and now, by nobody else."""
    for place, model in _models(look.settings):
        for name in type(model).model_fields:
            prefix = name.removesuffix("_env")
            if prefix != name and has_secret(model, prefix):
                try:
                    _secret_text(model, prefix, look.environ)
                except _NoSecretError as fault:
                    yield _Finding((*place, fault.field), fault.why)


def _webhooks(look: _Look) -> Iterator[_Finding]:
    """Webhooks are signed, for entities that exist."""
    for name, webhook in look.settings.webhooks.items():
        place = ("webhooks", name)
        if not has_secret(webhook, "secret"):
            said = "nothing to check signatures with; give secret_env or secret_file"
            yield _Finding(place, said, ((*place, "secret_env"), (*place, "secret_file")))
        yield from _known(look, (*place, "entities"), "entity", webhook.entities)


def _keys(look: _Look) -> Iterator[_Finding]:
    """Keys name regions and entities that exist, and instants that are instants."""
    for name, key in look.settings.access.keys.items():
        place = ("access", "keys", name)
        yield from _known(look, (*place, "regions"), "region", key.regions)
        yield from _known(look, (*place, "entities"), "entity", key.entities)
        if key.expires:
            yield from _instant((*place, "expires"), key.expires)


def _tokens(look: _Look) -> Iterator[_Finding]:
    """Tokens are checked against the public keys of one place that can be trusted."""
    jwt, place = look.settings.access.jwt, ("access", "jwt")
    if jwt is None:
        return
    file, url = (*place, "jwks_file"), (*place, "jwks_url")
    if bool(jwt.jwks_file) == bool(jwt.jwks_url):
        said = "both" if jwt.jwks_file else "neither"
        yield _Finding(place, f"{said} of jwks_file and jwks_url is given; give one of them", (file, url))
    if jwt.jwks_url:
        parts = _split_url(jwt.jwks_url)
        if parts is None or not parts.hostname or parts.scheme not in {"https", "http"}:
            yield _Finding(url, "is no address; give one such as https://login.example.com/keys")
        elif _has_user(parts):
            yield _Finding(
                url, "holds a user or password, and nobody would send it; public keys need none, take it out"
            )
        elif parts.scheme == "http" and not _is_loopback(parts.hostname):
            yield _Finding(url, "keys that come in the clear prove nothing; give an https:// address")
    elif jwt.jwks_file and (why := _not_a_jwks(Path(jwt.jwks_file))):
        yield _Finding(file, why)


def _server(look: _Look) -> Iterator[_Finding]:
    """Nobody listens to the world who has not said who may come in."""
    host, access = look.settings.server.host, look.settings.access
    if not host:
        yield _Finding(
            ("server", "host"), "is empty, which would listen everywhere; give an address, such as 127.0.0.1"
        )
    elif not _is_loopback(host) and not access.keys and access.jwt is None:
        said = "is not loopback, and nobody may come in; add [access.keys.ID] or [access.jwt], or listen on 127.0.0.1"
        yield _Finding(("server", "host"), said, (("access",),))


def _placement(look: _Look) -> Iterator[_Finding]:
    """Limits on hosts are about regions that somebody uses."""
    known = look.regions()
    for region in look.settings.placement.hosts_max:
        if region not in known:
            said = f"no entity is in region {_quoted(region)}; {_nearest(region, known)}"
            yield _Finding(("placement", "hosts_max", region), said, (("entities",),))


def _telemetry(look: _Look) -> Iterator[_Finding]:
    """Traces go to an address."""
    url, place = look.settings.telemetry.otlp_url, ("telemetry", "otlp_url")
    if not url:
        return
    parts = _split_url(url)
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname:
        yield _Finding(place, "is no address; give one such as http://127.0.0.1:4318")
    elif _has_user(parts):
        yield _Finding(place, "holds a user or password; take it out, and let a collector on this machine sign in")


CHECKS: tuple[Callable[[_Look], Iterator[_Finding]], ...] = (
    _server,
    _journal,
    _limits,
    _accounts,
    _entities,
    _namesakes,
    _keys,
    _tokens,
    _webhooks,
    _secrets,
    _placement,
    _telemetry,
)


def _known(look: _Look, place: Place, what: str, names: Iterable[str]) -> Iterator[_Finding]:
    """Everything that is named is there, or is "*"."""
    known = look.regions() if what == "region" else look.names("entities")
    for name in names:
        if name != "*" and name not in known:
            said = f'there is no {what} {_quoted(name)}; {_nearest(name, known)} ("*" is all of them)'
            yield _Finding(place, said, (("entities",),))


def _instant(place: Place, text: str) -> Iterator[_Finding]:
    """It is an instant."""
    try:
        instant_ms(text)
    except ValueError:
        yield _Finding(place, f"{_quoted(text)} is no instant; write it such as 2026-03-31T18:00:00+02:00 (RFC 3339)")


def _models(model: BaseModel, place: Place = ()) -> Iterator[tuple[Place, BaseModel]]:
    """Every table of the settings."""
    yield place, model
    for name in type(model).model_fields:
        found = getattr(model, name)
        named = found.items() if isinstance(found, dict) else ()
        for inner, below in ((found, (*place, name)), *((value, (*place, name, key)) for key, value in named)):
            if isinstance(inner, BaseModel):
                yield from _models(inner, below)


# ------------------------------------------------------------------ secrets and key files


class _NoSecretError(Exception):
    """Which setting of a secret is wrong, and why; never its value."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(field, why)
        self.field = field
        self.why = why


def _secret_text(settings: BaseModel, prefix: str, environ: Mapping[str, str]) -> str:
    """The text of a secret. Raises _NoSecretError."""
    variable: str = getattr(settings, f"{prefix}_env")
    file: str = getattr(settings, f"{prefix}_file")
    field = f"{prefix}_env" if variable else f"{prefix}_file"
    if variable and file:
        raise _NoSecretError(field, f"{prefix}_file is given too; keep one of them")
    if not variable and not file:
        raise _NoSecretError(field, f"neither {prefix}_env nor {prefix}_file is given; give one of them")
    if file:
        text = _secret_file(field, Path(file))
    elif variable in environ:
        text = environ[variable]
    else:
        # Somebody may have put the secret itself where its name belongs; a name that looks like one is quoted.
        called = f" {variable}" if VARIABLE.fullmatch(variable) else " that it names"
        raise _NoSecretError(field, f"the environment variable{called} is not set; set it, or use {prefix}_file")
    text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        raise _NoSecretError(field, "the secret is empty; fill it in")
    return text


def _secret_file(field: str, path: Path) -> str:
    """What is in a file that its owner alone may read."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise _NoSecretError(field, "this is not a file; name a file that holds the secret and nothing else")
        if status.st_mode & 0o077:
            mode = stat.S_IMODE(status.st_mode)
            raise _NoSecretError(field, f"others may open this file (mode {mode:04o}); chmod 600 it")
        if status.st_size > SECRET_BYTES_MAX:
            raise _NoSecretError(field, f"the file is larger than {SECRET_BYTES_MAX} bytes; name the right one")
        return path.read_bytes().decode()
    except UnicodeDecodeError:
        raise _NoSecretError(field, "the file is not text in UTF-8; name the right one") from None
    except (OSError, ValueError) as fault:
        said = (getattr(fault, "strerror", None) or "cannot be read").lower()
        raise _NoSecretError(field, f"{said}; name a file that can be read") from None


def _not_a_jwks(path: Path) -> str:
    """Why a file is no set of public keys (RFC 7517); empty when it is one."""
    try:
        keys = json.loads(path.read_bytes())["keys"]
        kinds = [(key["kty"], key.get("d")) for key in keys]
    except OSError as fault:
        return f"{(fault.strerror or 'cannot be read').lower()}; name a file that can be read"
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return 'this is no key set; give the provider\'s JSON, {"keys": [{"kty": …}]}'
    if any(private is not None or kind == "oct" for kind, private in kinds):
        return "holds a key that is not public; keep public keys alone in it"
    return "" if kinds else "holds no key; give the provider's public keys"


def _is_loopback(host: str) -> bool:
    """Whether nobody outside this machine reaches it."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _split_url(url: str) -> Any:
    """The parts of an address; None where it cannot be read as one."""
    try:
        parts = urlsplit(url)
        return parts if parts.port is None or parts.port else None
    except ValueError:
        return None


def _has_user(parts: Any) -> bool:
    """Whether an address names a user or a password, be they empty."""
    return "@" in parts.netloc


# ------------------------------------------------------------------ words


def _where(place: Place, lines: Mapping[Place, int], origins: Mapping[Place, str]) -> str:
    """A place as people name it, with the variable or the line of the file that is nearest to it."""
    name = dotted(tuple(map(_plain, place)))
    for length in range(len(place), 0, -1):
        if place[:length] in origins:
            return f"{name} ({origins[place[:length]]})"
        if place[:length] in lines:
            return f"{name} (line {lines[place[:length]]})"
    return name


def _line(lines: Mapping[Place, int], place: Place) -> int:
    """Where a mistake comes in the list: in the order of the file, what is not in it first."""
    return next((lines[place[:length]] for length in range(len(place), 0, -1) if place[:length] in lines), 0)


def _any_below(tops: Iterable[Place], places: Iterable[Place]) -> bool:
    """Whether one of the places is one of the tops, or in it."""
    return any(place[: len(top)] == top for top in tops for place in places)


def _nearest(name: object, known: Iterable[str]) -> str:
    """How to mend a name that is not known."""
    names = list(known)
    folded = {_fold(other): other for other in names}
    near = get_close_matches(_fold(str(name)), folded, n=1, cutoff=0.6)
    if near:
        return f"did you mean {_quoted(folded[near[0]])}?"
    return f"known here: {', '.join(map(_plain, names))}" if names else "there is none to name"


def _quoted(given: object) -> str:
    """A name or number in quotes, short and on one line."""
    return f'"{_plain(str(given))}"'


def _plain(text: str) -> str:
    """A text on one line, without control characters, 60 characters at most."""
    shown = "".join(sign if sign.isprintable() else "?" for sign in text)
    return shown if len(shown) <= 60 else f"{shown[:60]}…"
