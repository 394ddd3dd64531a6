"""`springtide status`: the table says what the reports say, and what to do next."""

from dataclasses import replace
from decimal import Decimal

from runtime.core.model import Place
from runtime.ports import AccountReport, Clearing, Forecast, Letter, ParkedPile, PartitionReport, Pile
from tests.runtime.commands.a_gateway import AGateway, springtide

NOW_MS = 1_774_971_000_000
DE01 = PartitionReport(
    entity="DE01",
    region="emea",
    host="host-1",
    epoch=3,
    at_ms=NOW_MS,
    paused="",
    state="running",
    places={
        Place.IN_FLIGHT: Pile(1_200, Decimal(9_600), {"EUR": 96_000_000}, NOW_MS - 90_000),
        Place.POSTED: Pile(20_000, Decimal(160_000), {}),
        Place.PARKED: Pile(2, Decimal("16.5"), {"EUR": 123_456, "JPY": 7}, NOW_MS - 86_400_000),
    },
    queued=1_100,
    shelved=0,
    in_memory=1_202,
    oldest_work_ms=NOW_MS - 90_000,
    parked=(
        ParkedPile(
            "rate_gap",
            "project accounting",
            "publish a rate",
            2,
            Decimal("16.5"),
            {"EUR": 123_456, "JPY": 7},
            NOW_MS - 90_000_000,
        ),
    ),
    untold=0,
    undecided_bytes=0,
    calls_open=1,
    commits=9,
    dead_letters=0,
    source_listed=0,
    source_missing=0,
    last_recount_ms=None,
    chain="",
)
NO01 = replace(DE01, entity="NO01", places={}, parked=(), oldest_work_ms=None, paused="ops: repair", source_missing=3)
ERP = AccountReport("erp", "host-1", "logged_out", NOW_MS - 60_000, 0, 600, 150, 300_000, 2, {"DE01": 3})

MINUTE_MS = 60_000
SLOW = Clearing(9_000, NOW_MS + 50 * MINUTE_MS, NOW_MS + 60 * MINUTE_MS, None, "unlikely")
FAST = Clearing(90_000, NOW_MS + 4 * MINUTE_MS, NOW_MS + 5 * MINUTE_MS, NOW_MS + 6 * MINUTE_MS, "yes")
NEVER = Clearing(0, None, None, None, "no")
CLEARS = Forecast("DE01", "emea", NOW_MS, 1_200, NOW_MS + 55 * MINUTE_MS, SLOW, FAST, "", "quota")


def lines(text: str) -> list[list[str]]:
    """Cells of each line."""
    return [line.split() for line in text.splitlines()]


def test_a_partition_is_a_row_with_its_places_and_its_oldest_work() -> None:
    """Region, host, epoch, state, what is in each place, how long the oldest waits, and whether it is paused."""
    said = springtide(AGateway(partitions=[NO01, DE01]), "status")

    assert said.code == 0
    de, no = lines(said.out)[1:3]
    assert de == ["DE01", "emea", "host-1", "3", "running", "1,200", "0", "0", "20,000", "2", "90", "s", "no"]
    assert no == ["NO01", "emea", "host-1", "3", "running", "0", "0", "0", "0", "0", "-", "yes"]
    assert lines(said.out)[3] == ["together", "1,200", "0", "0", "20,000", "2"]


def test_what_needs_a_person_is_said_with_the_command() -> None:
    """A pause names who, why and how it ends; a stop its reason; a recount what was missing."""
    stopped = replace(DE01, state="stopped: the store is damaged")

    said = springtide(AGateway(partitions=[NO01, stopped]), "status")

    assert "NO01 is paused (ops: repair); springtide resume --entity NO01 --why …" in said.out
    assert "DE01 is stopped: the store is damaged" in said.out
    assert "NO01: the last recount of the source listed 3 versions" in said.out


def test_parked_entries_have_amount_age_owner_and_fix() -> None:
    """Money is in the digits of its currency, and the fix stands beside its owner."""
    said = springtide(AGateway(partitions=[DE01]), "status")

    (row,) = [line for line in said.out.splitlines() if line.startswith("rate gap")]
    assert "1,234.56 EUR, 7 JPY" in row
    assert "25 h" in row
    assert row.rstrip().endswith("project accounting  publish a rate")


def test_when_it_clears_is_told_at_both_rates_with_the_band_and_the_verdict() -> None:
    """Expected, early to late, and whether that is before the cut-off; what binds stands below."""
    said = springtide(AGateway(partitions=[DE01], forecasts=[CLEARS]), "status")

    (row,) = [line for line in said.out.splitlines() if line.startswith("DE01") and "to" in line.split()]
    assert " ".join(row.split()) == (
        "DE01 1,200 55 min in 60 min (50 min to never) unlikely in 5 min (4 min to 6 min) yes"
    )
    assert "the permitted rate is bound by quota for 1 entity" in said.out


def test_an_outage_is_never_and_what_is_not_known_is_said_so() -> None:
    """No current rate: never, and why; no experience yet: not known; a cut-off that is over says since when."""
    held = replace(CLEARS, current=NEVER, permitted=None, held_by="account erp: broken", bound_by="")
    late = replace(CLEARS, entity="NO01", current=None, cut_off_ms=NOW_MS - 10 * MINUTE_MS)

    said = springtide(AGateway(partitions=[DE01, NO01], forecasts=[held, late]), "status")

    cells = [" ".join(line.split()) for line in said.out.splitlines()]
    assert "DE01 1,200 55 min never no not known yet -" in cells
    assert any(cell.startswith("NO01 1,200 over since 10 min not known yet - in 5 min") for cell in cells)
    assert "held: 1 entity (account erp: broken)" in said.out


def test_who_has_cleared_is_not_in_the_forecast() -> None:
    """Nothing waits, nothing is told; machines see it all the same."""
    gateway = AGateway(partitions=[DE01], forecasts=[replace(CLEARS, waiting=0)])

    assert "current rate" not in springtide(gateway, "status").out
    assert springtide(gateway, "status", "--json").json["forecasts"][0]["entity"] == "DE01"


def test_accounts_have_their_mode_quota_and_queue() -> None:
    """An account that is not open shows since when; its quota shows the window."""
    said = springtide(AGateway(partitions=[DE01], accounts=[ERP]), "status")

    (row,) = [line for line in said.out.splitlines() if line.startswith("erp")]
    assert " ".join(row.split()) == "erp host-1 logged out 60 s 150 of 600 in 5 min 2 3"


def test_dead_letters_are_counted_and_lead_on() -> None:
    """Waiting letters name the command that tells why."""
    letter = Letter("a" * 32, "psa", "x", "unknown type", b"{}", NOW_MS)

    assert (
        "dead letters: 1 waiting; springtide letters"
        in springtide(AGateway(partitions=[DE01], letters={"a": letter}), "status").out
    )
    assert "dead letters: none\n" in springtide(AGateway(partitions=[DE01]), "status").out


def test_what_the_key_does_not_cover_is_left_out_and_said() -> None:
    """A key for status alone still sees the partitions."""
    gateway = AGateway(partitions=[DE01], forbidden=("/v1/accounts", "/v1/dead-letters"))

    said = springtide(gateway, "status")

    assert said.code == 0
    assert said.out.count("this key may not see them") == 2
    assert springtide(gateway, "status", "--json").json["accounts"] is None


def test_json_is_the_reports_and_nothing_else() -> None:
    """Machines get what the gateway sent."""
    said = springtide(AGateway(partitions=[DE01], accounts=[ERP]), "status", "--json")

    assert said.err == ""
    assert said.json["partitions"][0]["places"]["in_flight"]["count"] == 1_200
    assert said.json["accounts"][0]["mode"] == "logged_out"
    assert said.json["dead_letters"] == {}


def test_a_strangers_words_do_not_move_the_cursor() -> None:
    """Control characters and markup in a reason are shown, not obeyed."""
    said = springtide(AGateway(partitions=[replace(DE01, paused="\x1b[2J[bold]x")]), "status")

    assert "(\ufffd[2J[bold]x)" in said.out


def test_nothing_configured_is_said() -> None:
    """An empty answer is no empty screen."""
    assert "no legal entity is configured" in springtide(AGateway(), "status").out


def test_a_process_that_is_not_ready_says_what_it_waits_for() -> None:
    """Nothing is taken in while a process recovers; status says so."""
    assert "takes nothing in yet: DE01 recovers" in springtide(AGateway(not_ready="DE01 recovers"), "status").out


def test_watch_and_json_exclude_each_other() -> None:
    """One is for people, one for machines."""
    assert springtide(AGateway(), "status", "--watch", "--json").code == 2


def test_watching_goes_on_until_ctrl_c_also_while_the_runtime_restarts() -> None:
    """A round that finds nobody shows that, and the next one shows the runtime again; Ctrl-C is a good end."""
    gateway = AGateway(partitions=[DE01], watched=3)
    gateway.away = lambda: ConnectionRefusedError(111, "Connection refused") if gateway.watched == 1 else None

    said = springtide(gateway, "status", "--watch")

    assert said.code == 0
    assert len(gateway.asked) == 9
    assert "DE01" in said.out
