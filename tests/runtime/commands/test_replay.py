"""`springtide letters` and `springtide replay`: nothing is changed without --yes, and nothing is tried for ever."""

import shlex
from hashlib import sha256

from runtime.ports import Letter
from tests.runtime.commands.a_gateway import AGateway, springtide
from tests.runtime.commands.test_status import NOW_MS


def letters(number: int) -> dict[str, Letter]:
    """So many letters that wait."""
    ids = [sha256(str(each).encode()).hexdigest()[:32] for each in range(number)]
    return {id_: Letter(id_, "psa-de", "time_entry.approved", "schema 2 is newer", b"{}", NOW_MS, 3) for id_ in ids}


def test_letters_are_listed_with_why_they_wait() -> None:
    """Id, since when, how often, whose, what, how large, and the reason; then what to do."""
    gateway = AGateway(letters=letters(1))

    said = springtide(gateway, "letters")

    (row,) = said.out.splitlines()[1:]
    (letter_id,) = gateway.letters
    expected = f"{letter_id} 2026-03-31 15:30:00.000Z 3 psa-de time_entry.approved 2 schema 2 is newer"
    assert " ".join(row.split()) == expected
    assert "springtide replay" in said.err
    assert springtide(gateway, "letters", "--state", "dropped").out == "no dead letter is dropped\n"


def test_bodies_are_asked_for_only_where_they_are_shown() -> None:
    """A list and a replay are made of sizes and ids; JSON holds the bodies; the status asks for numbers alone."""
    gateway = AGateway(letters=letters(1))

    for argv in (("letters",), ("replay", "--all", "--why", "x"), ("status",)):
        assert springtide(gateway, *argv).code == 0
    asked = [target for _, target in gateway.asked if target.startswith("/v1/dead-letters?")]
    assert ["bodies=1" in target for target in asked] == [False, False, False]
    assert "most=0" in asked[-1]
    assert springtide(gateway, "letters", "--json").json["letters"][0]["body"] == "e30="


def test_every_page_of_letters_is_read() -> None:
    """More letters than one answer holds are all found, and no more than asked for are shown."""
    gateway = AGateway(letters=letters(1_001))

    assert len(springtide(gateway, "letters", "--json", "--most", "5000").json["letters"]) == 1_001
    said = springtide(gateway, "letters", "--most", "2")
    assert len(said.out.splitlines()) == 3
    assert "--most 20" in said.err


def test_without_yes_nothing_is_changed_and_the_command_is_printed() -> None:
    """How many, what for, how long, what would fail again; and what to type, which then does it."""
    gateway = AGateway(letters=letters(120))
    gateway.unreadable = {min(gateway.letters): "unknown type"}

    said = springtide(gateway, "replay", "--all", "--per-second", "40", "--why", "it's mended")

    assert said.code == 0
    assert "would take in 120 letters again, in about 3 s; nothing was changed" in said.out
    assert "119 can be read now: 7.5 hours, for DE01 (119)" in said.out
    assert "would fail again: unknown type (1)" in said.out
    assert gateway.replayed == []
    (command,) = [line.removeprefix("to do it:") for line in said.out.splitlines() if line.startswith("to do it:")]
    assert springtide(gateway, *shlex.split(command)[1:]).code == 1
    assert gateway.replayed == [120]


def test_a_dry_run_says_what_the_letters_are_worth() -> None:
    """Money by currency; what is known or left out; and why the rest has no amount. What is nothing is not said."""
    gateway = AGateway(letters=letters(9))
    plain = springtide(gateway, "replay", "--all", "--why", "x").out
    gateway.worth = {
        "bills": {"EUR": 123_456, "JPY": 500},
        "valued": 3,
        "known": 1,
        "left_out": 2,
        "unvalued": {"rate_gap": 2, "partition_away": 1},
    }

    said = springtide(gateway, "replay", "--all", "--why", "x").out

    assert "bill" not in plain
    assert "3 entries would bill 1,234.56 EUR, 500 JPY, at the rates known now" in said
    assert "1 entry known already" in said
    assert "2 entries left out of the ledger by a rule" in said
    assert "no amount can be given for 3 entries: rate gap (2), partition away (1)" in said


def test_a_replay_goes_step_by_step_and_meets_every_letter_once() -> None:
    """Steps of about ten seconds; what fails again is not tried again and again, is told, and the exit is 1."""
    gateway = AGateway(letters=letters(25))
    failing = sorted(gateway.letters)[:3]
    gateway.unreadable = dict.fromkeys(failing, "unknown type")

    said = springtide(gateway, "replay", "--all", "--yes", "--per-second", "1", "--why", "mended")

    assert said.code == 1
    assert gateway.replayed == [10, 10, 5]
    assert said.out == "replayed 25 letters: accepted (22), quarantined (3)\n"
    assert "3 letters failed again and wait on: unknown type (3)" in said.err
    assert sorted(id_ for id_, letter in gateway.letters.items() if letter.state == "waiting") == failing


def test_no_step_is_larger_than_the_gateway_takes() -> None:
    """However fast it may go, one request names at most 500 letters, so that none is left out."""
    gateway = AGateway(letters=letters(1_200))

    assert springtide(gateway, "replay", "--all", "--yes", "--per-second", "1000", "--why", "mended").code == 0
    assert gateway.replayed == [500, 500, 200]


def test_a_replay_that_is_cut_short_says_how_far_it_came() -> None:
    """The gateway goes away in the middle: what is done is done, and the same command goes on."""
    gateway = AGateway(letters=letters(25))
    gateway.away = lambda: ConnectionResetError(104, "Connection reset by peer") if len(gateway.replayed) == 2 else None

    said = springtide(gateway, "replay", "--all", "--yes", "--per-second", "1", "--why", "mended")

    assert said.code == 1
    assert "20 of 25 letters were tried; the same command goes on with the rest" in said.err
    gateway.away = lambda: None
    assert springtide(gateway, "replay", "--all", "--yes", "--why", "mended").out.startswith("replayed 5 letters")


def test_letters_are_named_by_the_beginning_of_their_id() -> None:
    """Eight digits do; fewer, none that waits, or the beginning of several is bad input, and nothing is replayed."""
    gateway = AGateway(letters=letters(3))
    one = min(gateway.letters)
    twin = one[:-1] + ("0" if one[-1] != "0" else "1")

    assert springtide(gateway, "replay", one[:8], one, "--yes", "--why", "x").out.startswith("replayed 1 letter:")
    assert springtide(gateway, "replay", one[:8], "--yes", "--why", "x").code == 2
    assert springtide(gateway, "replay", max(gateway.letters)[:7], "--yes", "--why", "x").code == 2
    gateway.letters = {id_: Letter(id_, "s", "k", "r", b"", NOW_MS) for id_ in (one, twin)}
    assert "several letters" in springtide(gateway, "replay", one[:8], "--yes", "--why", "x").err
    assert gateway.replayed == [1]


def test_all_or_some_have_to_be_said() -> None:
    """Neither is a slip, and so are both; so is a pace that is none."""
    gateway = AGateway(letters=letters(1))

    for argv in (
        ("replay", "--why", "x"),
        ("replay", "--all", min(gateway.letters), "--why", "x"),
        ("replay", "--all", "--per-second", "0", "--why", "x"),
        ("replay", "--all", "--per-second", "10001", "--why", "x"),
        ("replay", "--all"),
    ):
        assert springtide(gateway, *argv).code == 2
    assert gateway.asked == []


def test_nothing_to_replay_is_fine() -> None:
    """A script that replays every hour does not fail when there is nothing."""
    assert springtide(AGateway(), "replay", "--all", "--yes", "--why", "hourly").code == 0
