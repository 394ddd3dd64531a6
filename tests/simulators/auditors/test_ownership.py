"""Who wrote when, what a recovery found, and where a line comes from: S11, S12 and S17 on evidence made by hand."""

from hashlib import sha256

from simulators.auditors.audit_trail import audit_trail
from simulators.auditors.finding import Held
from simulators.auditors.recovery import same_after_recovery
from simulators.auditors.single_writer import single_writer
from simulators.evidence import Deed, Evidence, Log, Recovery
from tests.simulators.auditors.books import Books


def texts(oracle, evidence: Evidence) -> list[str]:
    """What the oracle finds."""
    held = Held("S", "")
    oracle(evidence, held)
    return [finding.text for finding in held.examples]


def deeds(*done: tuple[int, str, int, int]) -> Evidence:
    """Deeds as (instant, what, epoch, when the lease was looked at)."""
    evidence = Evidence("DE01")
    evidence.deeds = [Deed(*deed) for deed in done]
    return evidence


def test_one_owner_after_the_other_is_one_writer() -> None:
    """Rising epochs, each used until the next one is claimed, are what is meant."""
    assert texts(single_writer, deeds((1, "claimed", 1, 1), (2, "wrote", 1, 2), (5, "claimed", 2, 5))) == []


def test_a_former_owner_that_writes_is_found() -> None:
    """A commit under an epoch that is not the last one breaks S11, and so does a call."""
    for what in ("wrote", "called"):
        found = texts(single_writer, deeds((1, "claimed", 1, 1), (5, "claimed", 2, 5), (7, what, 1, 7)))
        assert found == [f"DE01: somebody {what} under epoch 1, the last one was 2"]


def test_who_looked_while_it_was_the_owner_may_send() -> None:
    """The printed exception: looked at the lease before the successor claimed, stopped, and sent. A commit may not."""
    before = (1, "claimed", 1, 1), (5, "claimed", 2, 5)
    assert texts(single_writer, deeds(*before, (7, "called", 1, 4))) == []
    assert len(texts(single_writer, deeds(*before, (7, "called", 1, 6)))) == 1
    assert len(texts(single_writer, deeds(*before, (7, "wrote", 1, 4)))) == 1


def test_an_epoch_is_given_out_once() -> None:
    """The same epoch twice is two owners."""
    found = texts(single_writer, deeds((1, "claimed", 1, 1), (5, "claimed", 1, 5)))
    assert found == ["DE01: epoch 1 was given out when 1 had been"]


def recovered(before: dict[str, int] | None, found: dict[str, int], again: dict[str, int], *lost: tuple[str, int]):
    """One recovery."""
    evidence = Evidence("DE01")
    evidence.recoveries.append(Recovery(9, 2, before, found, again, list(lost)))
    return evidence


def test_a_successor_knows_what_its_predecessor_knew() -> None:
    """Whatever differs before and after, or between two readings, is named; what nobody lived to see is no loss."""
    same = {"E-1": 1, "the books": 2}
    other = {"E-1": 3, "the books": 2}
    assert texts(same_after_recovery, recovered(same, same, same)) == []
    assert texts(same_after_recovery, recovered(None, same, same)) == []
    assert texts(same_after_recovery, recovered(same, other, other)) == [
        "DE01, epoch 2: E-1 is not as the last process knew it"
    ]
    assert texts(same_after_recovery, recovered(same, same, other)) == [
        "DE01, epoch 2: E-1 is read differently a second time"
    ]


def test_what_was_acknowledged_is_there() -> None:
    """A version that somebody was told is durable, and is not, breaks S12 whatever else is equal."""
    found = texts(same_after_recovery, recovered(None, {}, {}, ("E-1", 2)))
    assert found == ["DE01, epoch 2: E-1 version 2 was acknowledged and is not there"]


def a_trail() -> Evidence:
    """A good entry that leads from delivery to line, and a log with its chain."""
    evidence = Books().evidence
    chain = "0" * 64
    for frame in (b"a", b"b"):
        chain = sha256(chain.encode() + frame).hexdigest()
    evidence.logs = [Log(1, "0" * 64, (b"a", b"b"), chain)]
    return evidence


def test_a_trail_without_gaps_holds() -> None:
    """Delivery, intent, line and an unbroken chain: nothing to say."""
    assert texts(audit_trail, a_trail()) == []


def test_a_gap_in_the_trail_is_named() -> None:
    """A line without intent, an intent without delivery, and a chain that does not lead to its head."""
    evidence = a_trail()
    line = evidence.lines[0]
    del evidence.intents[line.key]
    assert texts(audit_trail, evidence) == [
        f"{line.entry_id} version {line.version}: no intent in the journal led to line {line.line_id}"
    ]
    evidence = a_trail()
    del evidence.heard[line.entry_id]
    assert texts(audit_trail, evidence) == [
        f"{line.entry_id} version {line.version} was sent as {line.key} and never delivered"
    ]
    evidence = a_trail()
    evidence.logs[0].frames = (b"a", b"c")
    assert texts(audit_trail, evidence) == ["DE01: the hash chain over 2 frames does not lead to its head"]


def test_a_key_names_nobody() -> None:
    """A worker in a key is personal data where it does not belong."""
    evidence = a_trail()
    line = evidence.lines[0]
    worker = evidence.versions[line.entry_id][0].assignment.worker
    evidence.intents[f"acme/{worker}/1"] = (line.entry_id, line.version)
    assert texts(audit_trail, evidence) == [f"the key acme/{worker}/1 names {worker}"]
