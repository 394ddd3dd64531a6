"""The written form of the journal: what was written once is read for ever."""

import json
from pathlib import Path

import msgspec
import pytest

from runtime.core import records as r
from runtime.core.account import AccountRecord
from runtime.journal import format as written
from tests.runtime.journal.samples import every_record

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("kind", sorted(every_record()))
def test_a_published_record_version_never_changes(kind: str) -> None:
    """Every (kind, version) has a golden file, and is still written and read exactly as it says."""
    record = every_record()[kind]
    version = written.VERSIONS[kind]
    golden = GOLDEN / f"{kind}.{version}.json"
    assert golden.exists(), f"add {golden.name}: {msgspec.json.encode(record).decode()}"
    assert json.loads(msgspec.json.encode(record)) == json.loads(golden.read_bytes())
    frame = json.dumps([written.FORMAT, 5, [[kind, version, json.loads(golden.read_bytes())]]]).encode()
    assert written.read_frame(frame) == (5, [record])


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.stem)
def test_every_version_that_was_ever_written_is_read(path: Path) -> None:
    """A journal of any older build is read: each golden file, whatever its version, gives a record of its kind."""
    kind, version = path.stem.split(".")
    frame = json.dumps([written.FORMAT, 5, [[kind, int(version), json.loads(path.read_bytes())]]]).encode()
    _, (record,) = written.read_frame(frame)
    assert type(record) is written.KINDS[kind]


def test_an_approval_of_an_older_build_tells_no_submission() -> None:
    """What was received before anybody asked when it was handed in reads as not told, and all else as it was."""
    old = json.loads((GOLDEN / "EntryReceived.1.json").read_bytes())
    _, (record,) = written.read_frame(json.dumps([written.FORMAT, 5, [["EntryReceived", 1, old]]]).encode())
    assert isinstance(record, r.EntryReceived)
    assert (record.approval.submitted_at_ms, record.approval.decided_at_ms) == (0, 7)


def test_no_golden_file_lacks_its_record() -> None:
    """A record kind that was published once can still be read: its golden file names a kind that exists."""
    kinds = {path.name.split(".")[0] for path in GOLDEN.glob("*.json")}
    assert kinds == set(written.KINDS)


def test_a_frame_reads_back_as_it_was_written() -> None:
    """All records of a decision batch come back equal and in their order."""
    records = list(every_record().values())
    assert written.read_frame(written.write_frame(records, 1_234)) == (1_234, records)


def test_an_unknown_kind_stops_the_partition_with_a_clear_message() -> None:
    """A kind that this build does not know is refused by name and never skipped."""
    frame = json.dumps([1, 5, [["EntryTeleported", 1, {}]]]).encode()
    with pytest.raises(written.UnknownRecordError, match="EntryTeleported version 1, which this build does not know"):
        written.read_frame(frame)


def test_a_newer_version_of_a_known_kind_is_refused() -> None:
    """An older build does not guess what a newer version of a record means."""
    frame = json.dumps([1, 5, [["EntryCleared", 2, {"entry_id": "E"}]]]).encode()
    with pytest.raises(written.UnknownRecordError, match="EntryCleared version 2"):
        written.read_frame(frame)


def test_a_newer_format_is_refused_and_says_what_to_do() -> None:
    """A journal in a format of the future names the format and the way out."""
    with pytest.raises(written.UnknownRecordError, match="format 2, this build reads 1; use a newer build"):
        written.read_frame(b"[2, 5, []]")


def test_an_older_version_is_read_through_its_upcaster(monkeypatch: pytest.MonkeyPatch) -> None:
    """When a kind gets a second version, what was written in the first is still read."""
    monkeypatch.setitem(written.VERSIONS, "EntryCleared", 2)
    monkeypatch.setitem(written.UPCASTERS, ("EntryCleared", 1), lambda fields: {"entry_id": fields["id"]})
    frame = json.dumps([1, 5, [["EntryCleared", 1, {"id": "E-1"}]]]).encode()
    assert written.read_frame(frame) == (5, [r.EntryCleared("E-1")])


def test_damage_is_not_read_as_something_else() -> None:
    """A torn frame is refused."""
    whole = written.write_frame([r.EntryCleared("E-1")], 5)
    with pytest.raises(written.UnknownRecordError, match="not readable"):
        written.read_frame(whole[:-4])


def test_account_records_are_not_journalled() -> None:
    """Permits and what follows from them are learnt anew by every process; none of it is in the format."""
    from typing import get_args

    names = {kind.__name__ for kind in get_args(AccountRecord)}
    assert names.isdisjoint(written.KINDS)
