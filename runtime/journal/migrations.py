"""The tables of the PostgreSQL store, as versioned migrations: data, applied in order, each exactly once.

A published migration never changes; what has to change is another one, at the end. A database that is newer than this
build is refused: an older build would not know what a newer table means. `runtime/journal/postgres.py` applies them in
one transaction under an advisory lock, so that two hosts that start at once do not do it twice.

Names and ids compare byte by byte (`COLLATE "C"`), the same on every server. Frames and entries are stored as they
are: a frame of 150 KB takes 0.8 ms so, and 3.2 ms when PostgreSQL compresses it; 1,000 entries of 2 KB take 20 ms
inside their rows, 40 ms compressed (measured, PostgreSQL 18 on two cores). `compact` compresses what is old.
"""

from collections.abc import Sequence

from runtime.core.value import value
from runtime.ports import StoreBrokenError


@value
class Migration:
    """One step from a schema version to the next."""

    version: int
    title: str
    statements: tuple[str, ...]


MIGRATIONS = (
    Migration(
        1,
        "journals, owners and the office",
        (
            # The directory and the fence. Leases are ms UTC of the server's clock; 0: given up. The second key is there
            # for its lock: a change of a key column waits for those who share it (commits), other changes do not.
            """CREATE TABLE ownership (
                name text COLLATE "C" PRIMARY KEY,
                epoch bigint NOT NULL,
                host text NOT NULL,
                address text NOT NULL,
                lease_until bigint NOT NULL,
                UNIQUE (name, epoch)
            ) WITH (fillfactor = 50)""",
            # The log. (name, seq) is also what makes a commit that lands late fail or be found: nobody overwrites.
            """CREATE TABLE frames (
                name text COLLATE "C" NOT NULL,
                seq bigint NOT NULL,
                frame bytea NOT NULL,
                chain text COLLATE "C" NOT NULL,
                PRIMARY KEY (name, seq)
            )""",
            "ALTER TABLE frames ALTER COLUMN frame SET STORAGE EXTERNAL",
            # The archive: settled frames, packed; `chain` is the head of the chain after last_seq.
            """CREATE TABLE segments (
                name text COLLATE "C" NOT NULL,
                first_seq bigint NOT NULL,
                last_seq bigint NOT NULL,
                chain text COLLATE "C" NOT NULL,
                packed bytea NOT NULL,
                PRIMARY KEY (name, first_seq)
            )""",
            "ALTER TABLE segments ALTER COLUMN packed SET STORAGE EXTERNAL",
            # The last checkpoint: no recovery needs a frame up to `seq`. `number` counts checkpoints.
            """CREATE TABLE heads (
                name text COLLATE "C" PRIMARY KEY,
                number bigint NOT NULL,
                seq bigint NOT NULL,
                chain text COLLATE "C" NOT NULL,
                head bytea NOT NULL
            )""",
            # `heard` is the bit mask of versions, little end first. Frames that touch the entry: first_seq to last_seq.
            """CREATE TABLE entries (
                name text COLLATE "C" NOT NULL,
                entry_id text COLLATE "C" NOT NULL,
                keep smallint NOT NULL,
                heard bytea NOT NULL,
                ticket bigint NOT NULL,
                first_seq bigint NOT NULL,
                last_seq bigint NOT NULL,
                body bytea NOT NULL,
                PRIMARY KEY (name, entry_id)
            ) WITH (toast_tuple_target = 8160)""",
            "ALTER TABLE entries ALTER COLUMN body SET STORAGE EXTERNAL",
            "CREATE INDEX entries_open ON entries (name, entry_id) WHERE keep = 1",
            "CREATE INDEX entries_shelved ON entries (name, ticket) WHERE keep = 2",
            """CREATE TABLE effects (
                name text COLLATE "C" NOT NULL,
                key text COLLATE "C" NOT NULL,
                entry_id text COLLATE "C" NOT NULL,
                ledger_id text COLLATE "C" NOT NULL,
                PRIMARY KEY (name, key)
            )""",
            """CREATE TABLE letters (
                letter_id text COLLATE "C" PRIMARY KEY,
                source text NOT NULL,
                kind text NOT NULL,
                reason text NOT NULL,
                body bytea NOT NULL,
                first_ms bigint NOT NULL,
                times bigint NOT NULL,
                state text COLLATE "C" NOT NULL
            )""",
            "CREATE INDEX letters_by_state ON letters (state, letter_id)",
            """CREATE TABLE audit (
                number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                at_ms bigint NOT NULL,
                who text NOT NULL,
                what text NOT NULL,
                target text NOT NULL,
                why text NOT NULL,
                outcome text NOT NULL
            )""",
            """CREATE TABLE deliveries (
                name text COLLATE "C" PRIMARY KEY,
                until_ms bigint NOT NULL
            )""",
            "CREATE INDEX deliveries_by_age ON deliveries (until_ms)",
        ),
    ),
    Migration(
        2,
        "orders for hosts; what waits of each source",
        (
            """CREATE TABLE orders (
                host text COLLATE "C" PRIMARY KEY,
                verb text NOT NULL,
                who text NOT NULL,
                why text NOT NULL,
                at_ms bigint NOT NULL
            )""",
            "CREATE INDEX letters_by_source ON letters (source, state)",
        ),
    ),
)


def missing(applied: int, known: Sequence[Migration] = MIGRATIONS) -> Sequence[Migration]:
    """What a database at version `applied` (0: empty) still lacks. Raises StoreBrokenError for a newer one."""
    latest = known[-1].version
    if applied > latest:
        raise StoreBrokenError(
            f"the journal's database is at schema version {applied}, this build knows {latest}; use a newer build"
        )
    return [migration for migration in known if migration.version > applied]
