"""What a deployment is configured with: one TOML file, environment variables over it, validated before anything starts.

The types are here; `read_settings` (in `runtime/configuration.py`) reads the file and lists every mistake at once.
Secrets never stand in the file: a setting whose name ends in `_env` names an environment variable, one that ends in
`_file` a file. Durations are integers with their unit in the name. Targets and defaults are ours.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
Action = Literal["intake", "reference", "status", "trace", "command", "dead_letters", "audit", "metrics", "drain", "*"]
"""What somebody may be allowed to do at the gateway; "*" is all of it."""
Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Signatures of tokens. Nothing symmetric: who can check a token must not be able to make one."""
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS


class _Settings(BaseModel):
    """Base of all settings: frozen, and a name that nobody knows is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ServerSettings(_Settings):
    """Where the gateway listens. Anything but loopback has to be said explicitly."""

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65_535)


class JournalSettings(_Settings):
    """Where what is durable lives."""

    kind: Literal["sqlite", "postgres", "memory"] = "sqlite"
    directory: str = "var/springtide"
    """sqlite: one file for each partition in here. On a cluster only where the directory is shared by all nodes."""
    shared: bool = False
    """sqlite: whether every node sees this directory; without it no cluster starts on SQLite."""
    dsn_env: str = ""
    dsn_file: str = ""
    """postgres: where the connection string is found."""
    lease_ms: int = Field(default=15_000, ge=1_000)
    lease_margin_ms: int = Field(default=3_000, ge=0)
    """An owner stops sending this long before its lease ends, by its own monotonic clock."""
    checkpoint_every: int = Field(default=4_096, ge=1)
    window: int = Field(default=20_000, ge=100)
    """Queued entries of a partition kept in memory; what queues behind them stays on disk."""
    threads: int = Field(default=3, ge=1, le=64)
    """Partitions that can be at the store at once, in one process."""
    disk_headroom_bytes: int = Field(default=256 * 1024 * 1024, ge=0)
    """With less room than this, intake is refused (503)."""


class LimitSettings(_Settings):
    """What one request, and all requests together, may cost."""

    body_bytes: int = Field(default=8 * 1024 * 1024, ge=1_024)
    expanded_bytes: int = Field(default=64 * 1024 * 1024, ge=1_024)
    """A gzip body may expand to this, and not a byte more is kept."""
    items: int = Field(default=10_000, ge=1)
    depth: int = Field(default=64, ge=4)
    """Nested JSON, at most."""
    body_seconds: float = Field(default=30.0, gt=0)
    """A client has this long to send its request."""
    take_seconds: float = Field(default=10.0, gt=0)
    """How long intake waits for a partition that restarts or moves before it answers 503."""
    undecided_bytes: int = Field(default=32 * 1024 * 1024, ge=1_024)
    """Bytes of one partition that were taken in and are not decided yet; more is a 429."""
    commit_queue: int = Field(default=256, ge=1)
    """Turns of all partitions that wait for their journal; more is a 503."""
    letters_bytes: int = Field(default=64 * 1024 * 1024, ge=1_024)
    """Dead letters of one source that wait: their bodies, and 1 KiB for each; more is a 429."""
    bodies_bytes: int = Field(default=256 * 1024 * 1024, ge=1_024)
    """What the bodies of all requests take in memory together; more is a 503. One of the largest fits in any case."""
    concurrent_calls: int = Field(default=1_000, ge=1)
    """Intake requests at once; more is a 503."""


class TrytonSettings(_Settings):
    """What a Tryton server has to be told besides: which database, as whom, and how it keeps a second row out."""

    database: Name
    user: str = Field(min_length=1, pattern=r"^[^:]+$")
    """The integration user, whose company filter is "all"; its password is the account's credential."""
    mode: Literal["keyed", "unkeyed"]
    """keyed: the module trytond-extref is active. unkeyed: Tryton as it comes."""
    crosswalk_file: str = Field(min_length=1)
    """What Tryton calls our entities, workers and projects."""
    session_ms: int = Field(default=24 * HOUR_MS, ge=MINUTE_MS)
    """A session is renewed after so long; the server's own `session.max_age` is longer."""


class AccountSettings(_Settings):
    """One connector account: a system, where it is, how we log in, what it allows."""

    kind: Literal["generic_erp", "generic_psa", "tryton_erp"]
    url: str = Field(pattern=r"^https?://")
    credential_env: str = ""
    credential_file: str = ""
    needs_session: bool = False
    quota_calls: int = Field(default=600, ge=1)
    quota_window_ms: int = Field(default=5 * MINUTE_MS, ge=100)
    concurrent_max: int = Field(default=8, ge=1)
    batch_max: int = Field(default=100, ge=1, le=5_000)
    """Rows (to an ERP) or statuses (to a PSA) in one call, at most."""
    call_deadline_ms: int = Field(default=30_000, ge=100)
    late_landing_ms: int = Field(default=10 * MINUTE_MS, ge=0)
    lookup_lag_ms: int = Field(default=0, ge=0)
    staged_poll_ms: int = Field(default=5 * MINUTE_MS, ge=100)
    key_room: int = Field(default=200, ge=16)
    key_case_folded: bool = False
    honours_keys: bool = True
    """Whether the system keeps a second row under one key out. False: an assumption is printed, see `serve`."""
    probe_first_ms: int = Field(default=30_000, ge=100)
    probe_max_ms: int = Field(default=5 * MINUTE_MS, ge=100)
    tryton: TrytonSettings | None = None
    """For a tryton_erp."""


class EntitySettings(_Settings):
    """One legal entity: where it runs, and which accounts it uses."""

    region: Name
    erp: Name
    psa: Name
    weight: int = Field(default=1, ge=1)
    """How much of a host it needs; `placement.py` gives an entity of `placement.whole_host` a host of its own."""
    intake: Literal["push", "both"] = "both"
    """push: events come to the gateway, and what never arrives is never missed. both: the source is asked besides."""
    linger_ms: int = Field(default=5_000, ge=0)
    tell_linger_ms: int = Field(default=30_000, ge=0)
    calls_max: int = Field(default=8, ge=1)
    confirm_after_ms: int = Field(default=6 * HOUR_MS, ge=MINUTE_MS)
    poll_every_ms: int = Field(default=6 * HOUR_MS, ge=1_000)
    poll_overlap_ms: int = Field(default=2 * HOUR_MS, ge=0)
    full_recount_every_ms: int = Field(default=24 * HOUR_MS, ge=1_000)
    full_recount_span_ms: int = Field(default=62 * 24 * HOUR_MS, ge=0)
    must_know: tuple[Literal["worker", "assignment"], ...] = ()
    """Reference data without which an entry parks, besides its project, its rates and its period."""
    cut_off: str = ""
    """When the entity's feed cut-off is, as an RFC 3339 instant; scaling and forecasts look at it, and at the feed
    cut-offs of the periods that were published."""


class KeySettings(_Settings):
    """An API key: what it may do. The key itself is not here, only the sha256 of its secret."""

    hash: str = Field(pattern=r"^sha256:[0-9a-f]{64}$")
    actions: tuple[Action, ...] = ()
    regions: tuple[str, ...] = ("*",)
    entities: tuple[str, ...] = ("*",)
    expires: str = ""
    """An RFC 3339 instant; empty: it does not expire."""


class JwtSettings(_Settings):
    """Bearer tokens of an identity provider."""

    issuer: str = Field(min_length=1)
    audience: str = Field(min_length=1)
    jwks_file: str = ""
    jwks_url: str = ""
    """Where the provider's public keys are: one of the two."""
    algorithms: tuple[Algorithm, ...] = Field(default=("RS256", "ES256", "EdDSA"), min_length=1)
    leeway_s: int = Field(default=30, ge=0, le=300)
    """How far the provider's clock and ours may be apart."""
    scope_claim: str = Field(default="springtide", min_length=1)
    """The claim that holds scopes, see `runtime/gateway/tokens.py`: "intake@EMEA/DE01 status@*/*"."""


class WebhookSettings(_Settings):
    """A system that delivers signed webhooks."""

    secret_env: str = ""
    secret_file: str = ""
    tolerance_s: int = Field(default=300, ge=1)
    entities: tuple[str, ...] = ("*",)


class AccessSettings(_Settings):
    """Who may do what. Empty means: nobody may do anything."""

    keys: dict[Name, KeySettings] = {}
    jwt: JwtSettings | None = None


class PlacementSettings(_Settings):
    """How partitions are spread over hosts."""

    whole_host: int = Field(default=100, ge=1)
    """The weight that fills a host; an entity this heavy has one alone."""
    hosts_max: dict[str, Annotated[int, Field(ge=1)]] = {}
    """Region to the most hosts it may have; absent: as many as are needed."""


class RaySettings(_Settings):
    """Where the nodes of a Ray cluster may be. Anything but loopback has to be said explicitly."""

    networks: tuple[str, ...] = ("127.0.0.0/8", "::1/128")
    """A node with an address outside these is refused, and with it the cluster."""


class LogSettings(_Settings):
    """What is written to standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["json", "text"] = "json"


class TelemetrySettings(_Settings):
    """OpenTelemetry traces; needs the `telemetry` extra."""

    otlp_url: str = ""


class Settings(_Settings):
    """Everything a deployment is configured with."""

    tenant: Name
    server: ServerSettings = ServerSettings()
    journal: JournalSettings = JournalSettings()
    limits: LimitSettings = LimitSettings()
    accounts: dict[Name, AccountSettings]
    entities: dict[Name, EntitySettings]
    access: AccessSettings = AccessSettings()
    webhooks: dict[Name, WebhookSettings] = {}
    placement: PlacementSettings = PlacementSettings()
    ray: RaySettings = RaySettings()
    log: LogSettings = LogSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
