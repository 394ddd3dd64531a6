"""`springtide config check FILE` lists every mistake of a configuration; `springtide config example` prints one.

The example is valid as it stands. What is commented out shows the default, or how to say what has none.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel

from runtime.cli import BadInputError
from runtime.commands import verify as verify_journals
from runtime.configuration import ConfigurationError, dotted, read_settings, toml
from runtime.settings import Settings

EXAMPLE = """\
# Springtide: one file for a laptop and for a cluster. `springtide config check FILE` lists every mistake.
# Environment variables come over it: SPRINGTIDE__SERVER__PORT=9000, SPRINGTIDE__ENTITIES__DE01__WEIGHT=40.
# Durations are whole numbers with their unit in the name. What is commented out is the default, unless it says so.
# Secrets never stand here: *_env names an environment variable, *_file a file that only its owner may open.

tenant = "acme"

[server]
host = "127.0.0.1"                    # anything else needs [access.keys.ID] or [access.jwt]
port = 8080

[journal]
kind = "sqlite"                       # sqlite: one machine. postgres: a cluster. memory: nothing survives
directory = "var/springtide"
# shared = false                      # sqlite on a cluster: every node sees the directory
# dsn_env = "SPRINGTIDE_DSN"          # postgres needs this or dsn_file; no default
# dsn_file = "secrets/dsn"
# lease_ms = 15000                    # how long a host owns a partition without renewing
# lease_margin_ms = 3000              # an owner stops sending this long before
# checkpoint_every = 4096
# window = 20000                      # queued entries of a partition that are kept in memory
# threads = 3
# disk_headroom_bytes = 268435456     # with less room, intake is refused

[limits]                              # what one request, and all together, may cost
# body_bytes = 8388608
# expanded_bytes = 67108864           # what a gzip body may expand to
# items = 10000
# depth = 64
# body_seconds = 30.0
# take_seconds = 10.0
# undecided_bytes = 33554432          # more of one partition is a 429
# commit_queue = 256                  # more turns that wait for their journal are a 503
# letters_bytes = 67108864            # more dead letters of one source that wait are a 429
# bodies_bytes = 268435456            # more of all request bodies together, in memory, is a 503
# concurrent_calls = 1000

[accounts.erp]                        # a system that many entities share: its quota and its login are one
kind = "generic_erp"
url = "http://127.0.0.1:8090/erp"
# credential_env = "ERP_TOKEN"        # no default
# credential_file = "secrets/erp"
# needs_session = false
# quota_calls = 600
# quota_window_ms = 300000
# concurrent_max = 8
# batch_max = 100
# call_deadline_ms = 30000
# late_landing_ms = 600000            # a call that we gave up on can still land for so long
# lookup_lag_ms = 0
# staged_poll_ms = 300000
# key_room = 200
# key_case_folded = false
# honours_keys = true
# probe_first_ms = 30000
# probe_max_ms = 300000

[accounts.psa]
kind = "generic_psa"
url = "http://127.0.0.1:8090/psa"

[entities.DE01]                       # a legal entity: where it runs, and which accounts it uses
region = "EMEA"
erp = "erp"
psa = "psa"
# weight = 1                          # a host carries placement.whole_host
# intake = "both"                     # push: the source is never asked what it published
# linger_ms = 5000
# tell_linger_ms = 30000
# calls_max = 8
# confirm_after_ms = 21600000
# poll_every_ms = 21600000
# poll_overlap_ms = 7200000
# full_recount_every_ms = 86400000
# full_recount_span_ms = 5356800000
# must_know = []                      # "worker", "assignment": without them an entry parks
# cut_off = "2026-03-31T18:00:00+02:00"  # no default

[entities.US01]
region = "AMER"
erp = "erp"
psa = "psa"

# A Tryton server. The credential is the password of its user.
# [accounts.tryton]
# kind = "tryton_erp"
# url = "http://127.0.0.1:8000"
# needs_session = true
# credential_env = "TRYTON_PASSWORD"
# [accounts.tryton.tryton]
# database = "erp"
# user = "springtide"                 # nobody else's, and its company filter is "all"
# mode = "keyed"                      # the module trytond-extref is active; unkeyed: Tryton as it comes
# crosswalk_file = "crosswalk.toml"   # what Tryton calls our entities, workers and projects
# session_ms = 86400000

# Who may do what. Empty: nobody may do anything. `springtide keys new ID` makes a key and its block.
# [access.keys.psa-de]
# hash = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
# actions = ["intake", "reference"]   # status, trace, command, dead_letters, audit, metrics, drain, "*"
# regions = ["*"]
# entities = ["DE01"]
# expires = "2026-12-31T23:59:59Z"    # no default

# [access.jwt]                        # bearer tokens of an identity provider; no default
# issuer = "https://login.example.com/"
# audience = "springtide"
# jwks_url = "https://login.example.com/keys"
# jwks_file = "secrets/keys.json"     # instead of jwks_url
# algorithms = ["RS256", "ES256", "EdDSA"]
# leeway_s = 30
# scope_claim = "springtide"          # holds scopes: "intake@EMEA/DE01 status@*/*"

# [webhooks.psa-de]                   # a system that delivers signed webhooks; no default
# secret_env = "PSA_WEBHOOK_SECRET"
# secret_file = "secrets/webhook"
# tolerance_s = 300
# entities = ["*"]

[placement]
# whole_host = 100
# hosts_max = { EMEA = 4 }            # no default: as many as are needed

[ray]
# networks = ["127.0.0.0/8", "::1/128"]  # where nodes of the cluster may be

[log]
level = "info"
format = "json"

[telemetry]
# otlp_url = "http://127.0.0.1:4318"  # no default; needs the extra: pip install springtide[telemetry]
"""

EPILOG = """\
examples:
  springtide config example > springtide.toml
  springtide config check springtide.toml
  SPRINGTIDE__SERVER__PORT=9000 springtide config check springtide.toml

exit codes: 0 it can be used so, 2 it has mistakes: all of them are listed, one a line
"""


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "config",
        help="check a configuration, or its journals; print an example",
        description="Check a configuration before anything starts, or print an example.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    check = verbs.add_parser("check", help="list every mistake, or print what comes of the file and the environment")
    check.add_argument("file", metavar="FILE", type=Path, help="the configuration (TOML)")
    check.set_defaults(run=run_check)
    verify = verbs.add_parser(
        "verify",
        help="recompute the hash chains of its journals",
        description="Recompute the hash chains of the journals that it names, while they are at rest or in use.",
        epilog=verify_journals.EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verify.add_argument("file", metavar="FILE", type=Path, help="the configuration (TOML)")
    verify.add_argument("entities", nargs="*", metavar="ENTITY", help="legal entities (default: all of them)")
    verify.set_defaults(run=run_verify)
    verbs.add_parser("example", help="print a commented configuration that is valid").set_defaults(run=run_example)


def run_check(arguments: argparse.Namespace) -> int:
    """List every mistake, or print the settings as they come out of file, environment and defaults."""
    settings = settings_from(arguments.file)
    for place, value in _flat(settings):
        print(f"{dotted(place)} = {toml(value)}")
    print(f"{arguments.file}: it can be used so", file=sys.stderr)
    return 0


def run_verify(arguments: argparse.Namespace) -> int:
    """Recompute the hash chains of journals."""
    return verify_journals.run(settings_from(arguments.file), arguments.entities)


def run_example(_: argparse.Namespace) -> int:
    """Print the example."""
    sys.stdout.write(EXAMPLE)
    return 0


def settings_from(path: Path) -> Settings:
    """The settings in a file, with those of this process's environment over them; for every command that needs them.

    Raises BadInputError with all mistakes, one a line.
    """
    try:
        return read_settings(path, os.environ)
    except ConfigurationError as wrong:
        count = len(wrong.mistakes)
        said = f"{path}: {count} {'mistake' if count == 1 else 'mistakes'}"
        raise BadInputError("\n  ".join((said, *wrong.mistakes))) from None


def _flat(found: object, place: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    """Every setting with its place, in the order of the types; what has no value is left out."""
    if isinstance(found, BaseModel):
        found = {name: getattr(found, name) for name in type(found).model_fields}
    if isinstance(found, dict):
        for name, inner in found.items():
            yield from _flat(inner, (*place, name))
    elif found is not None:
        yield place, found
